"""Runs of months that fit into memory together: how per-row work is cut, whatever the size of the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["ROWS", "month_runs"]

ROWS = 400_000
"""Rows that one query may hold."""


def month_runs(store: Store, name: str, *, rows: int = ROWS) -> Iterator[tuple[str, ...]]:
    """The months of a table in their order, in runs of at most ``rows`` rows (a larger month is a run of its own)."""
    run: list[str] = []
    held = 0
    for month, count in store.month_counts(name).items():
        if run and held + count > rows:
            yield tuple(run)
            run, held = [], 0
        run.append(month)
        held += count
    if run:
        yield tuple(run)
