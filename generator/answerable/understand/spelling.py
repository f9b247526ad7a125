"""How a site writes its words, learned from its own texts, so that privacy can tell a name from a word.

Learned from the oldest texts of the store, so that what arrives later changes neither the spelling nor what was decided
by it: a site that grows is read again as a whole only until it has `_TEXTS` texts. One text of each author counts in
a month, so that nobody makes a neighbour's name a known word by repeating it. (Where a source names no authors,
somebody could.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from answerable.understand.privacy import Spelling, clean, spelling_of

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["site_spelling"]

_TEXTS = 20_000  # of feedback, and as many of updates: about a second
_LEAST = (
    1_000  # distinct texts; with less, most words of a language have not been seen and capitals say little
)


def site_spelling(store: Store) -> Spelling | None:
    """How the oldest texts of a site write their words; None where it has fewer than a thousand."""
    texts: set[str] = set()
    for table, time, key in (
        ("feedback", "created_at", "feedback_id"),
        ("feedback_update", "at", "update_id"),
    ):
        texts |= _oldest(store, table, time, key)
    if len(texts) < _LEAST:
        return None
    return spelling_of(map(clean, sorted(texts)))


def _oldest(store: Store, table: str, time: str, key: str) -> set[str]:
    found: set[str] = set()
    seen = 0
    for month in sorted(store.months(table)):
        rows = store.read(table, months=[month])
        columns = [rows["text"]]
        if "title" in rows.columns:
            columns.insert(0, rows["title"])
        said = ibis.literal("\n").join([column.fill_null("") for column in columns])
        author = rows["author_key"].fill_null(rows[key]) if "author_key" in rows.columns else rows[key]
        rows = rows.select(time=rows[time], key=rows[key], said=said, author=author)
        rows = rows.filter(rows.said.strip() != "")
        rank = ibis.row_number().over(ibis.window(group_by="author", order_by=["time", "key"]))
        rows = rows.mutate(rank=rank)
        rows = rows.filter(rows["rank"] == 0).order_by(["time", "key"]).limit(_TEXTS - seen)
        for batch in store.batches(rows.select("said")):
            seen += batch.num_rows
            found.update(batch.column("said").to_pylist())
        if seen >= _TEXTS:
            break
    return found
