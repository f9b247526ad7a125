"""How a site writes its words, learned from its own texts, so that privacy can tell a name from a word.

Learned from the oldest texts of the store, so that what arrives later changes neither the spelling nor what was decided
by it: a site that grows is read again as a whole only until it has `_TEXTS` texts. One text of each author counts in
a month, so that nobody makes a neighbour's name a known word by repeating it. (Where a source names no authors,
somebody could.)
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import ibis
import pyarrow as pa

from answerable.understand.privacy import Spelling, clean, spelling_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from answerable.store import Store

__all__ = ["Learned", "keep_spelling", "site_spelling"]

_TEXTS = 20_000  # of feedback, and as many of updates: about a second
_LEAST = (
    1_000  # distinct texts; with less, most words of a language have not been seen and capitals say little
)
_MARK = "spelling"
_BEYOND_ALL = "9999-12"
_HERE = Path(__file__).parent
_TABLES = (("feedback", "created_at", "feedback_id"), ("feedback_update", "at", "update_id"))
_WORDS = ("small", "often", "also_words")


class Learned(NamedTuple):
    """How a site writes its words (None where it has fewer than a thousand texts), and the mark of what it is from."""

    spelling: Spelling | None
    mark: str


def site_spelling(store: Store) -> Learned:
    """How the oldest texts of a site write their words.

    What `keep_spelling` kept is taken, as long as those texts and the program are what they were.
    """
    mark = store.mark(_MARK)
    is_held = any(part.row_count for part in store.partitions("spelling_word"))
    if mark and is_held and mark == _mark(store, json.loads(mark)["until"]):
        words: dict[str, set[str]] = {name: set() for name in _WORDS}
        for batch in store.batches(store.read("spelling_word")):
            for row in batch.to_pylist():
                words[row["spelling"]].add(row["word"])
        return Learned(Spelling(**{name: frozenset(found) for name, found in words.items()}), mark)
    texts: set[str] = set()
    until: dict[str, str] = {}
    for table, time, key in _TABLES:
        found, until[table] = _oldest(store, table, time, key)
        texts |= found
    spelling = spelling_of(map(clean, sorted(texts))) if len(texts) >= _LEAST else None
    return Learned(spelling, _mark(store, until))


def keep_spelling(store: Store, learned: Learned) -> None:
    """Keep it for the next build, in a transaction of its own."""
    if learned.spelling is None or store.mark(_MARK) == learned.mark:
        return
    rows = [(word, name) for name in _WORDS for word in sorted(getattr(learned.spelling, name))]
    with store.transaction():
        columns = {"word": [word for word, _ in rows], "spelling": [name for _, name in rows]}
        store.write("spelling_word", pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()}))
        store.set_mark(_MARK, learned.mark)


def _mark(store: Store, until: Mapping[str, str]) -> str:
    """The months that were read, up to the last one of each table, with a digest of them and of the program."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted((*_HERE.glob("privacy*.py"), *_HERE.glob("rules/*"), Path(__file__))):
        digest.update(path.read_bytes())
    digest.update(version("ftfy").encode())
    for table, last in sorted(until.items()):
        for month in store.months(table):
            if month <= last:
                digest.update(store.digest(table, month=month).encode())
    return json.dumps({"until": dict(until), "read": digest.hexdigest()})


def _oldest(store: Store, table: str, time: str, key: str) -> tuple[set[str], str]:
    """The texts, and the last month that they are from: beyond all where there are not enough of them."""
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
            return found, month
    return found, _BEYOND_ALL
