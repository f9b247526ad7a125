"""Which texts without a place say the same: month by month, kept from build to build, and linked from month to month.

A cell holds what has the same topic (and the same place, where only the topic is unknown) and was raised in the same
month. It is grouped by what its texts say (`answerable.understand.meaning`), so its groups depend on nothing but those
texts and on how common words are in that month and the ones before. They are kept in ``issue_cell`` with a digest of
all that: a new build reads again only the months that changed. Then each group goes on as the group of the next month
whose middle is nearest, if that is near enough.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from answerable import schema
from answerable.understand import meaning
from answerable.understand.texts import KEY, with_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from answerable.store import Store

__all__ = ["cells"]

_BACKGROUND_TEXTS = 5_000
"""How common a word is, is told from so many texts at least: those of the month and of the ones before it."""

_FILES = ("meaning.py", "issue_cells.py", "features.py", "phrases.py", "rules/function_words.txt")


def cells(store: Store, rows: ir.Table) -> ir.Table:
    """The groups of texts, in the open transaction.

    Args:
        store: with ``issue_cell`` as the last build left it, and ``reading`` as it is now.
        rows: what has words but no place, or no topic: ``feedback_id``, ``source_id``, ``month``, ``cell`` and
            ``said``, a hash of the words.

    Returns:
        ``feedback_id``, ``chain_id`` and ``rank`` (how central, 0 first, within its month) of what is in a group of two
        or more; a chain is a group with those of other months that it goes on as.
    """
    digests, sizes = _digests(store, rows)
    reader = _Reader(store, rows, sizes)
    held: dict[str, int] = defaultdict(int)
    for part in store.partitions("issue_cell"):
        held[part.month] += part.row_count
    gone = sorted(set(held) - set(digests))
    if gone:
        store.write("issue_cell", store.read("issue_cell").limit(0), months=gone)
    for month, digest in digests.items():
        # Rows that were taken down are missing without a new digest.
        if store.mark(f"issues:{month}") != f"{digest} {held.get(month, 0)}":
            written = store.write("issue_cell", reader.month(month), months=[month])
            store.set_mark(f"issues:{month}", f"{digest} {written.row_count}")
    kept = store.read("issue_cell", months=list(digests))
    chains = _chains(store, kept)
    return kept.inner_join(chains, "cluster_id").select("feedback_id", "chain_id", "rank")


def _digests(store: Store, rows: ir.Table) -> tuple[dict[str, str], dict[str, int]]:
    """For each month a digest of all that its groups depend on, and how many texts it has."""
    keyed = with_key(rows, ("feedback_id", "cell", "said"))
    found = keyed.group_by("month").agg(texts=keyed.count(), content=keyed[KEY].bit_xor())
    months = {
        row["month"]: (int(row["texts"]), str(row["content"]))
        for batch in store.batches(found)
        for row in batch.to_pylist()
    }
    months = dict(sorted(months.items()))
    sizes = {month: texts for month, (texts, _) in months.items()}
    here = Path(__file__).parent
    program = hashlib.blake2b(b"".join((here / name).read_bytes() for name in _FILES), digest_size=16)
    digests = {}
    for month in months:
        digest = program.copy()
        for other in _background(month, sizes):
            digest.update("\x1f".join((other, *map(str, months[other]), "")).encode())
        digests[month] = digest.hexdigest()
    return digests, sizes


def _background(month: str, sizes: Mapping[str, int]) -> list[str]:
    """A month, and as many of those before it as are needed to tell which words are common."""
    found: list[str] = []
    texts = 0
    for other in sorted((m for m in sizes if m <= month), reverse=True):
        found.append(other)
        texts += sizes[other]
        if texts >= _BACKGROUND_TEXTS:
            break
    return found


_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "rank" else pa.string()) for name in schema.table("issue_cell").names]
)


class _Reader:
    """Reads months; remembers how common words were in the ones that it has read."""

    def __init__(self, store: Store, rows: ir.Table, sizes: Mapping[str, int]) -> None:
        self._store = store
        self._rows = rows
        self._sizes = sizes
        self._common: dict[str, meaning.Background] = {}

    def month(self, month: str) -> pa.Table:
        """The rows of ``issue_cell`` for a month."""
        table = self._texts(month)
        read = meaning.Reading.of(table["said"].to_pylist())
        self._common[month] = meaning.Background.of(read)
        background = _background(month, self._sizes)
        common = meaning.Background.sum(self._background(other) for other in background)
        # Months are read in their order: what lies before these is not asked for again.
        self._common = {m: b for m, b in self._common.items() if m in background}
        found: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
        ids = table["feedback_id"].to_pylist()
        sources = table["source_id"].to_pylist()
        names = np.array(table["cell"].to_pylist(), dtype=object)
        order = np.argsort(names, kind="stable")
        starts = np.flatnonzero(names[order][1:] != names[order][:-1]) + 1
        for at in np.split(order, starts) if ids else ():
            for members, middle in _grouped(read.some(at), common):
                cluster = _hash(month, str(names[at[0]]), ids[at[members].min()])
                for rank, member in enumerate(at[members]):
                    row = (ids[member], sources[member], month, names[member], cluster, rank)
                    for name, value in zip(_SCHEMA.names, (*row, None if rank else middle), strict=True):
                        found[name].append(value)
        return pa.table(found, schema=_SCHEMA)

    def _background(self, month: str) -> meaning.Background:
        if month not in self._common:
            read = meaning.Reading.of(self._texts(month)["said"].to_pylist())
            self._common[month] = meaning.Background.of(read)
        return self._common[month]

    def _texts(self, month: str) -> pa.Table:
        """The texts of a month in the order of their identifiers, which is no order of arrival."""
        reading = self._store.read("reading", months=[month])
        here = self._rows.filter(self._rows.month == month).select("feedback_id", "source_id", "cell")
        said = reading.public_title.fill_null("") + "\n" + reading.public_text.fill_null("")
        texts = reading.select("feedback_id", said=said.substr(0, meaning.LONGEST))
        return self._store.con.to_pyarrow(here.inner_join(texts, "feedback_id").order_by("feedback_id"))


def _grouped(read: meaning.Reading, common: Any) -> list[tuple[Any, str]]:
    """The groups of two or more in a cell: places of their members, the most central first, and their middle."""
    if len(read) < 2:
        return []
    vectors = meaning.weigh(read, common)
    labels, nearness = meaning.groups(vectors)
    sizes = np.bincount(labels)
    if sizes.max() < 2:
        return []
    # The places are in the order of identifiers: among equally central ones that decides.
    order = np.lexsort((np.arange(len(labels)), -np.round(nearness, 4), labels))
    chosen = order[sizes[labels[order]] > 1]
    parts = np.split(chosen, np.flatnonzero(np.diff(labels[chosen])) + 1)
    renumbered = np.full(len(labels), -1)
    for number, part in enumerate(parts):
        renumbered[part] = number
    kept = np.flatnonzero(renumbered >= 0)
    middles = meaning.packed(meaning.centroids(vectors[kept], renumbered[kept]))
    return list(zip(parts, middles, strict=True))


def _hash(*parts: str) -> str:
    return hashlib.md5("\x1f".join(("cluster", *parts)).encode(), usedforsecurity=False).hexdigest()[:16]


# -- from month to month -----------------------------------------------------------------------------------------------


def _chains(store: Store, kept: ir.Table) -> ir.Table:
    """``cluster_id`` and ``chain_id``: the first of the groups, month after month, that go on as one another."""
    central = kept.filter(kept["rank"] == 0).select("cell", "month", "cluster_id", "middle")
    rows = store.con.to_pyarrow(central.order_by(["cell", "month", "cluster_id"]))
    clusters = rows["cluster_id"].to_pylist()
    middles = meaning.unpacked(rows["middle"].to_pylist())
    groups = list(zip(rows["cell"].to_pylist(), rows["month"].to_pylist(), strict=True))
    chain = {cluster: cluster for cluster in clusters}
    start, before = 0, slice(0, 0)
    for (cell, month), same in itertools.groupby(groups):
        here = slice(start, start + len(list(same)))
        if start and groups[start - 1][0] == cell and _follows(groups[start - 1][1], month):
            for earlier, later in meaning.linked(middles[before], middles[here]):
                chain[clusters[here.start + later]] = chain[clusters[before.start + earlier]]
        start, before = here.stop, here
    columns = {
        "cluster_id": pa.array(list(chain), pa.string()),
        "chain_id": pa.array(list(chain.values()), pa.string()),
    }
    return ibis.memtable(pa.table(columns))


def _follows(last: str, month: str) -> bool:
    """Whether a month (YYYY-MM) is the one after another."""
    if not last:
        return False
    year, number = (int(part) for part in last.split("-"))
    after = f"{year + 1:04d}-01" if number == 12 else f"{year:04d}-{number + 1:02d}"
    return month == after
