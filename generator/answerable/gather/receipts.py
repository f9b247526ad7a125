"""Receipts: what a gather did to each source, and how the source stands after it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from answerable import schema
from answerable.errors import SourceError
from answerable.gather.findings import Finding, finding_table, held_findings
from answerable.live_settings import GithubIssuesSource, LiveSource
from answerable.settings import RegisterSource, Source
from answerable.store import Store

__all__ = ["Occasion", "Receipt", "failed", "runs_of", "source_row", "unchanged", "write_source"]

log = logging.getLogger(__name__)

_REFRESH = timedelta(days=1)
"""A gather that finds nothing new in files is noted once a day."""

_RECEIPTS = 1_000
"""Receipts that are kept of each source: some weeks of a gather every hour."""

_FOLDERS = re.compile(r"(?<![\w:/])/(?:[^\s/'\":;,]+/)+")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one pass over one source did; counts are of feedback (of entries, for a register)."""

    source_id: str
    result: str
    started_at: datetime
    finished_at: datetime
    as_of_at: datetime | None = None
    newest_at: datetime | None = None
    new_count: int = 0
    changed_count: int = 0
    gone_count: int = 0
    feedback_count: int = 0
    finding_count: int = 0
    message: str | None = None
    input_digest: str = ""
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Occasion:
    """One gather: its store, its name, when it began, and the sources that it looks at.

    A live source that nobody asked is not looked at: nothing newer is known of it than before.
    """

    store: Store
    run_id: str
    started_at: datetime
    looked_at: frozenset[str]

    def elapsed(self) -> datetime:
        """When something ends that is ending now, never before it began."""
        return max(self.started_at, datetime.now(UTC).replace(tzinfo=None))

    def is_asked(self, source: Source) -> bool:
        """Whether the source is looked at."""
        return source.id in self.looked_at


def source_row(source: Source, store: Store) -> dict[str, Any] | None:
    """The source's own row; None where it was never gathered."""
    rows = store.con.to_pyarrow(store.read("source", source_id=source.id)).to_pylist()
    return rows[0] if rows else None


def runs_of(source: Source, store: Store) -> list[dict[str, Any]]:
    """The receipts of a source, oldest first."""
    runs = store.con.to_pyarrow(store.read("source_run", source_id=source.id)).to_pylist()
    return sorted(runs, key=lambda run: (run["started_at"], run["run_id"]))


def unchanged(
    source: Source,
    one: Occasion,
    *,
    as_of_at: datetime | None = None,
    message: str | None = None,
    is_complete: bool = True,
) -> Receipt:
    """Nothing new: of a live source it is known now up to a later instant."""
    row = source_row(source, one.store)
    runs = [r for r in runs_of(source, one.store) if r["result"] != "failed"]
    if row is None or not runs:
        raise SourceError(
            f"source {source.id} was gathered, but its receipt is missing", remedy="gather again"
        )
    last = runs[-1]
    receipt = Receipt(
        source.id,
        "unchanged",
        one.started_at,
        one.elapsed(),
        as_of_at=as_of_at or row["as_of_at"],
        newest_at=last["newest_at"],
        feedback_count=row["feedback_count"],
        finding_count=last["finding_count"],
        message=message,
        input_digest=last["input_digest"],
        is_complete=is_complete,
    )
    log.info("unchanged %s", source.id)
    if not one.is_asked(source):
        return receipt
    is_old = one.started_at - row["last_success_at"] >= _REFRESH if row["last_success_at"] else True
    if row["is_stale"] or is_old or isinstance(source, LiveSource):
        with one.store.transaction():
            if row["is_stale"]:
                _drop_failure(source, one.store)
            write_source(source, receipt, one)
    return receipt


def _drop_failure(source: Source, store: Store) -> None:
    kept = [f for f in held_findings(source.id, store) if f.code != "source_failed"]
    store.write("finding", finding_table(source.id, kept), source_id=source.id)


def failed(source: Source, error: SourceError, one: Occasion) -> Receipt:
    """The last good data stay; the receipt says why there are no newer ones."""
    store = one.store
    name = error.file.name if error.file is not None else ""
    place = f"{name}, line {error.line}: " if name and error.line else f"{name}: " if name else ""
    # It is published: no folder of this machine stands in it.
    message = _FOLDERS.sub("", f"{place}{error.what}")
    row = source_row(source, store)
    runs = runs_of(source, store)
    receipt = Receipt(
        source.id,
        "failed",
        one.started_at,
        one.elapsed(),
        as_of_at=row["as_of_at"] if row else None,
        newest_at=runs[-1]["newest_at"] if runs else None,
        feedback_count=row["feedback_count"] if row else 0,
        finding_count=1,
        message=message,
        is_complete=row["is_complete"] if row else False,
    )
    is_noted = bool(runs) and (runs[-1]["result"], runs[-1]["message"]) == ("failed", message)
    if is_noted and row is not None and one.started_at - runs[-1]["started_at"] < _REFRESH:
        return receipt
    with store.transaction():
        known = [f for f in held_findings(source.id, store) if f.code != "source_failed"]
        failure = Finding("source_failed", file_name=name or None, line=error.line)
        store.write("finding", finding_table(source.id, [*known, failure]), source_id=source.id)
        write_source(source, receipt, one)
    return receipt


def write_source(source: Source, receipt: Receipt, one: Occasion) -> None:
    """The source's own row, and this pass among its receipts."""
    store = one.store
    before = source_row(source, store)
    is_failed = receipt.result == "failed"
    last_success = (before["last_success_at"] if before else None) if is_failed else receipt.started_at
    precision = None
    if not isinstance(source, RegisterSource | GithubIssuesSource):
        found = store.con.to_pyarrow(
            store.read("feedback", source_id=source.id).select("time_precision").distinct()
        )
        known = found["time_precision"].to_pylist()
        precision = max(known, key=schema.TIME_PRECISIONS.index) if known else None
    row: dict[str, Any] = {
        "source_id": source.id,
        "name": source.name,
        "connector": source.connector,
        "description": source.description or None,
        "url": source.url or None,
        "licence": source.licence.name,
        "licence_url": source.licence.url or None,
        "attribution": source.attribution or None,
        "extract_note": source.extract_note or None,
        "update_history": source.update_history,
        "is_published_by_row": source.publish_rows,
        "is_rate_published": source.rates,
        "time_precision": precision,
        "as_of_at": receipt.as_of_at,
        "last_success_at": last_success,
        "is_stale": is_failed,
        "is_complete": receipt.is_complete,
        "stale_reason": receipt.message if is_failed else None,
        "feedback_count": receipt.feedback_count,
    }
    if before is not None and not one.is_asked(source):
        # Only what is held was read again: how the source stands is as it was told last.
        kept = ("last_success_at", "is_stale", "is_complete", "stale_reason")
        store.write("source", _one_row("source", row | {n: before[n] for n in kept}), source_id=source.id)
        return
    store.write("source", _one_row("source", row), source_id=source.id)
    run: dict[str, Any] = {"run_id": one.run_id} | {
        name: getattr(receipt, name) for name in schema.table("source_run").names if name != "run_id"
    }
    runs = [r for r in runs_of(source, store) if r["run_id"] != one.run_id][1 - _RECEIPTS :]
    store.write("source_run", _table("source_run", [*runs, run]), source_id=source.id)


_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


def _table(name: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    columns = schema.table(name).columns
    return pa.table({c.name: pa.array([row[c.name] for row in rows], _ARROW[c.type]) for c in columns})


def _one_row(name: str, row: dict[str, Any]) -> pa.Table:
    return _table(name, [row])
