"""From the records that live sources left to a connector's rows: read anew at every gather, whatever came before.

So a change of settings, of the program or of one post needs nobody to be asked again, and a gather that went on hour by
hour ends with the tables of one that read everything at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from answerable.gather.files import InputFile
from answerable.gather.findings import Finding
from answerable.gather.live import Connector, Item, Row
from answerable.gather.records import Record, columns_file
from answerable.gather.rows import HISTORY, Gathered
from answerable.gather.sources import table
from answerable.live_settings import CkanSource, SocrataSource
from answerable.record_table import Revision
from answerable.settings import RowsSource, Settings, TableSource
from answerable.source_settings import BaseSource
from answerable.store import Store

__all__ = ["items", "read", "rows_of", "steps_of"]


def read(
    source: RowsSource,
    connector: Connector,
    settings: Settings,
    store: Store,
    folder: Path,
    *,
    as_of_at: datetime,
    unreadable_count: int,
) -> Gathered:
    """What is held of a source, as a connector's rows.

    Args:
        source: the source's settings.
        connector: its connector.
        settings: all settings.
        store: where the records are.
        folder: for files of this pass.
        as_of_at: T: up to when everything is known.
        unreadable_count: items of this gather that could not be read.
    """
    findings = (Finding("row_unreadable", row_count=unreadable_count),) if unreadable_count else ()
    # Findings of a live source name no file.
    file = InputFile(Path(), "", as_of_at.replace(tzinfo=UTC))
    if isinstance(source, SocrataSource | CkanSource):
        return _table(source, settings, store, folder, as_of_at=as_of_at, findings=findings)
    columns, bad = columns_file(_records(source, connector, store), store, folder, connector.mapped)
    history = _history(source, connector, store)
    return Gathered(columns, (file,), connector.mapped, bad, findings, as_of_at=as_of_at, history=history)


def items(source_id: str, store: Store) -> tuple[Item, ...]:
    """What is held of a source, as it was received."""
    return tuple(Item(r.record_id, orjson.loads(r.payload)) for r in store.records.latest(source_id))


def rows_of(revision: Revision, connector: Connector, source: Any) -> tuple[Row, ...]:
    """The rows of one held record."""
    payload = orjson.loads(revision.payload)
    if revision.is_reduced:
        return tuple(_reduced(row) for row in payload["rows"])
    return tuple(connector.rows(Item(revision.record_id, payload), source))


def _reduced(row: Mapping[str, Any]) -> Row:
    columns = {
        name: datetime.fromisoformat(value) if name in row["instants"] else value
        for name, value in row["columns"].items()
    }
    return Row(row["record_id"], columns)


def _records(source: RowsSource, connector: Connector, store: Store) -> Iterator[Record]:
    for number, revision in enumerate(store.records.latest(source.id)):
        for row in rows_of(revision, connector, source):
            yield Record(0, number, row.record_id, "", dict(row.columns), dict(row.bad))


# -- what earlier revisions told ---------------------------------------------------------------------------------------


def steps_of(
    source_id: str, connector: Connector, source: Any, store: Store
) -> dict[str, list[dict[str, Any]]]:
    """What the revisions of each record told one after the other, as rows of ``rows.HISTORY``, by record_id."""
    told: dict[str, list[dict[str, Any]]] = {}
    for record_id, group in groupby(store.records.revised(source_id), key=lambda r: r.record_id):
        before: Mapping[str, Any] | None = None
        for revision in group:
            rows = rows_of(revision, connector, source)
            now = next((r.columns for r in rows if r.record_id == record_id), None)
            if now is not None and before is not None:
                told.setdefault(record_id, []).extend(_steps(record_id, before, now, revision.fetched_at))
            before = now if now is not None else before
    return told


def _history(source: RowsSource, connector: Connector, store: Store) -> pa.Table | None:
    told = [step for steps in steps_of(source.id, connector, source, store).values() for step in steps]
    for revision in store.records.reduced(source.id):
        told += [
            step | {"at": datetime.fromisoformat(step["at"])}
            for step in orjson.loads(revision.payload)["history"]
        ]
    return pa.Table.from_pylist(told, schema=HISTORY) if told else None


def _steps(
    record_id: str, before: Mapping[str, Any], now: Mapping[str, Any], seen_at: datetime
) -> Iterator[dict[str, Any]]:
    """What happened between two versions of a record; ``at`` is the source's own time where it gives one."""
    changed_at = now.get("updated_at") if now.get("updated_at") != before.get("updated_at") else None
    at = changed_at or seen_at

    def step(kind: str, when: datetime, *, is_agency: bool, **values: Any) -> dict[str, Any]:
        empty = {"status": None, "text": None}
        return (
            {"history_record": record_id, "kind": kind, "at": when, "is_agency": is_agency} | empty | values
        )

    def differs(*names: str) -> bool:
        return any(before.get(n) != now.get(n) for n in names)

    if differs("title", "text"):
        yield step("edited", at, is_agency=False)
    was_closed, is_closed = before.get("closed_at") is not None, now.get("closed_at") is not None
    if was_closed and not is_closed:
        yield step("closed", before["closed_at"], is_agency=True, status=before.get("status"))
        yield step("reopened", at, is_agency=False)
    elif differs("status") and was_closed == is_closed and now.get("status") is not None:
        yield step("status_changed", at, is_agency=True, status=now["status"])
    note = before.get("note")
    if note and differs("note"):
        given = before.get("note_at") or before.get("updated_at") or before.get("closed_at")
        if given is not None:
            yield step("replied", given, is_agency=True, status=before.get("status"), text=note)


# -- tables ------------------------------------------------------------------------------------------------------------


def _table(
    source: SocrataSource | CkanSource,
    settings: Settings,
    store: Store,
    folder: Path,
    *,
    as_of_at: datetime,
    findings: tuple[Finding, ...],
) -> Gathered:
    """Rows whose columns the settings map: read as a file of JSON Lines is."""
    path = folder / "rows.jsonl"
    names: dict[str, None] = {}
    with path.open("wb") as file:
        for revision in store.records.latest(source.id):
            names.update(dict.fromkeys(orjson.loads(revision.payload)))
            file.write(revision.payload.encode() + b"\n")
    shared = {n: getattr(source, n) for n in BaseSource.model_fields if n in TableSource.model_fields}
    mapping = {
        n: getattr(source, n) for n in ("kind", "channel", "columns", "closed_statuses", "open_statuses")
    }
    as_file = TableSource(**shared, **mapping, connector="table", path=str(path), format="jsonl")
    held = InputFile(path, "", as_of_at.replace(tzinfo=UTC))
    read_rows = table.read(as_file, (held,), settings, store, folder)
    nameless = InputFile(Path(), "", held.modified_at)
    return Gathered(
        read_rows.rows,
        (nameless,),
        read_rows.mapped,
        read_rows.bad,
        (*findings, *read_rows.findings),
        as_of_at=as_of_at,
    )
