"""The rules for small numbers.

Sources whose rows are public hide no count; but a rate, a median or an interval out of fewer than 10 is not shown.

Of a source whose rows are not public, a number from 1 to 4 is hidden. Hiding it alone is not enough: it could be
worked out by taking its neighbours from their sum. So whole rows and columns of the published tables are hidden with
it. Think of one table for each breakdown, a row for each month and one for `all` (their sum), a column for each group
and one for their sum, which is the same column in every breakdown. Then

- a row is hidden in every column of every breakdown where its sum is small, and at least one more row with it;
- a column of a breakdown is hidden in every month where one of its months (in a row that is not hidden) is
  small, and at least one more column with it;
- a column is hidden in the row `all` too where it is small there, again with another one.

Then every hidden cell lies on a rectangle of hidden cells: adding 1 to two opposite corners and taking 1
from the others leaves every sum as it was, so that nobody can tell what the hidden number is by adding and
subtracting. (A zero in a hidden row or column is hidden like any other number.)

Only the private part of a number counts here: the public part can be taken from the published rows by anyone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["MINIMUM_COUNT", "MINIMUM_DENOMINATOR", "Hidden", "hide", "is_small", "is_too_few"]

MINIMUM_DENOMINATOR = 10
"""A rate, a quantile or an interval out of fewer is not shown."""

MINIMUM_COUNT = 5
"""A private count below this, and above 0, is hidden."""

TOTAL = "all"
"""The interval, the breakdown and the group that hold everything."""


def is_too_few(denominator: int) -> bool:
    """Whether a rate, a quantile or an interval out of so many is not shown."""
    return denominator < MINIMUM_DENOMINATOR


def is_small(private_count: int) -> bool:
    """Whether the private part of a count has to be hidden."""
    return 0 < private_count < MINIMUM_COUNT


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is hidden: ``(breakdown, group, interval) in hidden`` tells.

    Attributes:
        rows: intervals that are hidden for every group with something private.
        columns: groups, as (breakdown, group), that are hidden in every month.
        totals: groups of ``columns`` that are hidden in the interval ``all`` too.
        private: every group with something private, as (breakdown, group).
    """

    rows: frozenset[str] = frozenset()
    columns: frozenset[tuple[str, str]] = frozenset()
    totals: frozenset[tuple[str, str]] = frozenset()
    private: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)

    def __contains__(self, cell: tuple[str, str, str]) -> bool:
        """Whether the cell (breakdown, group, interval) is hidden."""
        breakdown, group, interval = cell
        if (breakdown, group) not in self.private:
            return False
        if interval in self.rows:
            return True
        return (breakdown, group) in (self.totals if interval == TOTAL else self.columns)


def hide(
    private: Mapping[tuple[str, str, str], Sequence[int]],
    months: Sequence[str],
    *,
    beside: Hidden | None = None,
) -> Hidden:
    """Decide which cells are hidden.

    Args:
        private: the private parts of the numbers of each cell (breakdown, group, interval): a cell is small
            where one of them is.
            The first says how much there is in it, to choose what is hidden beside. The column of sums is
            ("all", "all").
        months: every month of the tables, in order.
        beside: what is hidden of numbers that these are part of: it is hidden here too.

    Returns:
        What to hide; nothing where nothing is small.
    """
    beside = beside or Hidden()
    # Where the numbers beside are hidden, a zero would tell of them.
    groups = beside.private | {
        (breakdown, group) for (breakdown, group, _), counts in private.items() if any(n > 0 for n in counts)
    }
    small = {cell for cell, counts in private.items() if any(is_small(n) for n in counts)}
    rows = {interval for breakdown, _, interval in small if breakdown == TOTAL} | beside.rows
    _complete_rows(rows, private, months)
    columns = {
        (breakdown, group)
        for breakdown, group, interval in small
        if breakdown != TOTAL and interval not in rows
    }
    totals = {
        (breakdown, group)
        for breakdown, group, interval in small
        if breakdown != TOTAL and interval == TOTAL and interval not in rows
    }
    columns |= beside.columns
    totals |= beside.totals
    if len(months) == 1 and TOTAL not in rows:
        # One month is the same as everything.
        totals |= columns
    for breakdown in {b for b, _ in columns}:
        _complete_columns(totals, breakdown, private, groups)
        columns |= totals
        _complete_columns(columns, breakdown, private, groups)
        if len(months) == 1 and TOTAL not in rows:
            totals |= columns
    return Hidden(frozenset(rows), frozenset(columns), frozenset(totals), groups)


def _weight(private: Mapping[tuple[str, str, str], Sequence[int]], cell: tuple[str, str, str]) -> int:
    counts = private.get(cell, ())
    return counts[0] if counts else 0


def _complete_rows(
    rows: set[str],
    private: Mapping[tuple[str, str, str], Sequence[int]],
    months: Sequence[str],
) -> None:
    """A hidden row needs a second one: the smallest month that holds something, else the sum."""
    if len(rows) != 1:
        return
    others = sorted(
        (_weight(private, (TOTAL, TOTAL, month)), month)
        for month in months
        if month not in rows and _weight(private, (TOTAL, TOTAL, month)) > 0
    )
    rows.add(others[0][1] if others else TOTAL)


def _complete_columns(
    columns: set[tuple[str, str]],
    breakdown: str,
    private: Mapping[tuple[str, str, str], Sequence[int]],
    groups: frozenset[tuple[str, str]],
) -> None:
    """A hidden column needs a second one of its breakdown: the smallest of the others."""
    if sum(b == breakdown for b, _ in columns) != 1:
        return
    others = sorted(
        (_weight(private, (breakdown, group, TOTAL)), group)
        for b, group in groups
        if b == breakdown and (b, group) not in columns
    )
    if others:
        columns.add((breakdown, others[0][1]))
