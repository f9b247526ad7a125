"""What connectors of single records share: the verbatim record in the store, and its columns in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from answerable.gather import takedowns
from answerable.gather.rows import INSTANTS, canonical_types
from answerable.store import Store

__all__ = ["Record", "as_date", "as_instant", "columns_file", "keep_records", "noted"]

_CHUNK = 5_000
_ARROW = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us"),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its place (both from 0), what was received, and our columns of it.

    ``bad`` holds, for a column that could not be read, the text that stood there.
    """

    file_index: int
    row: int
    record_id: str | None
    payload: str
    columns: dict[str, Any]
    bad: dict[str, str] = field(default_factory=dict)


def as_instant(value: object) -> datetime | None:
    """A UTC instant from an ISO text with an offset (without one, it is UTC); None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo is not None else found
    except (ValueError, OverflowError):
        return None


def noted(name: str, value: object, columns: dict[str, Any], bad: dict[str, str]) -> None:
    """Puts an instant into a record's columns, or, where it cannot be read, its text among the bad ones."""
    if value is None or value == "":
        return
    instant = as_instant(value)
    if instant is None:
        bad[name] = str(value)
    else:
        columns[name] = instant


def keep_records(
    records: Iterator[Record],
    source_id: str,
    store: Store,
    folder: Path,
    mapped: Sequence[str],
    *,
    is_full: bool,
) -> tuple[ir.Table, tuple[str, ...]]:
    """Writes records into the store and their columns into a file, part by part.

    Args:
        records: the records in their order.
        source_id: the source.
        store: a store with an open transaction.
        folder: where the file goes.
        mapped: the columns of ours that the connector fills.
        is_full: whether a record that is not among them is gone.

    Returns:
        The columns as a table, and the names of those that have a ``bad_`` column.
    """
    fetched_at = datetime.now(UTC).replace(tzinfo=None)
    present: list[pa.Array] = []
    keys = takedowns.keys(store)
    secret = store.secret() if keys else b""

    def is_forgotten(record_id: str) -> bool:
        return bool(keys) and takedowns.key(secret, source_id, record_id) in keys

    def kept() -> Iterator[Record]:
        for part in _parts(r for r in records if r.record_id is None or not is_forgotten(r.record_id)):
            payloads = {r.record_id: _encodable(r.payload) for r in part if r.record_id}
            store.records.keep(source_id, payloads, at=fetched_at)
            present.append(pa.array(payloads, pa.string()))
            yield from part

    columns, bad = columns_file(kept(), store, folder, mapped)
    if is_full:
        held = pa.table({"record_id": pa.chunked_array(present, pa.string())})
        store.records.end_others(source_id, held, at=fetched_at)
    return columns, bad


def columns_file(
    records: Iterable[Record], store: Store, folder: Path, mapped: Sequence[str]
) -> tuple[ir.Table, tuple[str, ...]]:
    """Writes the columns of records into a file, part by part.

    Args:
        records: the records in their order.
        store: for its engine.
        folder: where the file goes.
        mapped: the columns of ours that the connector fills.

    Returns:
        The columns as a table, and the names of those that have a ``bad_`` column.
    """
    bad = tuple(name for name in INSTANTS if name in mapped)
    fields = [pa.field("file_index", pa.int64()), pa.field("row", pa.int64())]
    fields += [pa.field(name, _ARROW[canonical_types[name]]) for name in mapped]
    fields += [pa.field(f"bad_{name}", pa.string()) for name in bad]
    shape = pa.schema(fields)
    target = folder / "records.parquet"
    with pq.ParquetWriter(target, shape) as writer:
        for part in _parts(records):
            values: dict[str, list[Any]] = {
                "file_index": [r.file_index for r in part],
                "row": [r.row for r in part],
            }
            for name in mapped:
                values[name] = [_encodable(r.columns.get(name)) for r in part]
            if "record_id" in mapped:
                values["record_id"] = [_encodable(r.record_id) for r in part]
            for name in bad:
                values[f"bad_{name}"] = [_encodable(r.bad.get(name)) for r in part]
            writer.write_table(pa.table([pa.array(values[f.name], f.type) for f in fields], schema=shape))
    return store.con.read_parquet(target), bad


def _encodable(value: Any) -> Any:
    """A value of a record; in a text, half of a surrogate pair (JSON may hold one) becomes a question mark."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    part: list[Record] = []
    for record in records:
        part.append(record)
        if len(part) == _CHUNK:
            yield part
            part = []
    if part:
        yield part


def as_date(value: object) -> date | None:
    """A date from an ISO text of a date; None where it is none."""
    try:
        return date.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
