"""What people wrote is kept as it was received for ``retention_days``; then what the site may go on showing is left.

A record that is older keeps what the site has published of it (its text with personal data taken out, its times, its
place) and loses its payload, its earlier versions and the name of who wrote it. What agencies said stays: it is theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
import orjson

from answerable.gather import held
from answerable.gather.connectors import CONNECTORS
from answerable.gather.live import Row
from answerable.gather.rows import REDUCED_AUTHOR
from answerable.live_settings import CkanSource, GithubIssuesSource, SocrataSource
from answerable.settings import AskedSource, Settings
from answerable.store import Store

__all__ = ["reduce"]

log = logging.getLogger(__name__)

_PRIVATE = ("author", "mentions", "title", "text", "url", "latitude", "longitude")
"""Columns of a person's message for which what was published takes the place of what was received."""


def reduce(source: AskedSource, store: Store, settings: Settings, *, now: datetime) -> int:
    """Reduce the records of a source that are older than its ``retention_days``, once a day; gives how many.

    What nobody has read yet (``answerable build`` reads) waits until the site has its public text.
    """
    if isinstance(source, GithubIssuesSource):
        return 0
    mark = f"retention:{source.id}"
    done = f"{now:%Y-%m-%d} {source.retention_days}"
    if store.mark(mark) == done:
        return 0
    oldest = ibis.literal(now - timedelta(days=source.retention_days)).cast("timestamp")
    times = store.records.times(source.id)
    if not times.num_rows:
        return 0
    whole = ibis.memtable(times).filter(~ibis._.is_reduced).select(held_id="record_id")
    rows = store.read("feedback", source_id=source.id)
    old = rows.filter(rows.created_at < oldest)
    old = old.semi_join(whole, old.record_id == whole.held_id)
    reading = store.read("reading", source_id=source.id).select(
        "public_title", "public_text", read_id="feedback_id"
    )
    joined = old.join(reading, old.feedback_id == reading.read_id).select(
        "record_id",
        "author_key",
        "is_official",
        "url",
        "latitude",
        "longitude",
        public_title=reading.public_title,
        public_text=reading.public_text,
    )
    public = {row["record_id"]: row for row in store.con.to_pyarrow(joined).to_pylist()}
    if not public:
        with store.transaction():
            store.set_mark(mark, done)
        return 0
    payloads = dict(_payloads(source, store, settings, public))
    with store.transaction():
        store.records.reduce(source.id, payloads)
        store.set_mark(mark, done)
    store.erase()
    log.info("reduced %s: %d records older than %d days", source.id, len(payloads), source.retention_days)
    return len(payloads)


def _payloads(
    source: AskedSource, store: Store, settings: Settings, public: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    connector = CONNECTORS[type(source)]
    told = held.steps_of(source.id, connector, source, store) if connector.form == "rows" else {}
    for revision in store.records.latest(source.id):
        if revision.record_id not in public or revision.is_reduced:
            continue
        if isinstance(source, SocrataSource | CkanSource):
            kept = _table_row(source, orjson.loads(revision.payload), public[revision.record_id])
            yield revision.record_id, orjson.dumps(kept).decode()
            continue
        rows = held.rows_of(revision, connector, source)
        kept_rows = _reduced(rows, public, settings)
        kept = {"rows": kept_rows, "history": told.get(revision.record_id, [])}
        yield revision.record_id, orjson.dumps(kept).decode()


def _reduced(
    rows: tuple[Row, ...], public: Mapping[str, Mapping[str, Any]], settings: Settings
) -> list[dict[str, Any]]:
    kept = []
    for row in rows:
        columns = {k: v for k, v in row.columns.items() if v is not None}
        known = public.get(row.record_id)
        if known is not None and not known["is_official"]:
            official = [
                m for m in str(columns.get("mentions") or "").split() if m in settings.agency_by_account
            ]
            columns = {k: v for k, v in columns.items() if k not in _PRIVATE}
            columns |= {
                "title": known["public_title"],
                "text": known["public_text"],
                "url": known["url"],
                "latitude": known["latitude"],
                "longitude": known["longitude"],
                "mentions": " ".join(official) or None,
                "author": f"{REDUCED_AUTHOR}{known['author_key']}" if known["author_key"] else None,
            }
        instants = [k for k, v in columns.items() if isinstance(v, datetime)]
        kept.append({"record_id": row.record_id, "columns": columns, "instants": instants})
    return kept


def _table_row(
    source: SocrataSource | CkanSource, payload: Mapping[str, Any], public: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns of a row that the settings map, with the public texts in the place of the received ones."""
    kept: dict[str, Any] = {}
    for name, mapping in source.columns.items():
        for column in mapping.columns:
            if name in ("title", "text"):
                kept.setdefault(column, None)
                if column == mapping.columns[0]:
                    kept[column] = public[f"public_{name}"]
            elif name not in ("author", "mentions"):
                kept[column] = payload.get(column)
    return {k: v for k, v in kept.items() if v is not None}
