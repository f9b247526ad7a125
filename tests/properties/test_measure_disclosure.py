"""No small private number can be worked out of the published tables by adding and subtracting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.measure.disclosure import Hidden, hide, is_small

TOTAL = ("all", "all")
Cell = tuple[str, str, str]


def reduced(rows: list[dict[Cell, Fraction]]) -> dict[Cell, dict[Cell, Fraction]]:
    """Gauss: independent rows by their pivot, each pivot in its own row only."""
    found: dict[Cell, dict[Cell, Fraction]] = {}
    for given_row in rows:
        row = dict(given_row)
        for pivot, other in found.items():
            if pivot in row:
                row = minus(row, other, row[pivot])
        if row:
            pivot = next(iter(row))
            row = {c: x / row[pivot] for c, x in row.items()}
            found = {p: minus(r, row, r[pivot]) if pivot in r else r for p, r in found.items()}
            found[pivot] = row
    return found


def minus(row: dict[Cell, Fraction], other: dict[Cell, Fraction], times: Fraction) -> dict[Cell, Fraction]:
    new = {c: row.get(c, Fraction(0)) - times * other.get(c, Fraction(0)) for c in {**row, **other}}
    return {c: x for c, x in new.items() if x}


def known_by_subtraction(
    unknown: set[Cell], groups: dict[str, list[str]], months: Sequence[str], *, is_stock: bool = False
) -> set[Cell]:
    """The unknown cells that the sums of the tables determine, everything else being published."""
    intervals = ["all", *months]
    sums: list[dict[Cell, int]] = []
    for breakdown, names in groups.items():
        for interval in intervals:
            row = {(breakdown, g, interval): 1 for g in names}
            sums.append({**row, (*TOTAL, interval): -1})
    for place in [TOTAL, *((b, g) for b, names in groups.items() for g in names)]:
        if is_stock:
            # At T as much is open as at the end of the last month.
            sums.append({(*place, "all"): 1, (*place, months[-1]): -1})
        else:
            sums.append({**{(*place, m): 1 for m in months}, (*place, "all"): -1})
    equations = [{c: Fraction(x) for c, x in row.items() if c in unknown} for row in sums]
    return {pivot for pivot, row in reduced([e for e in equations if e]).items() if len(row) == 1}


Shape = tuple[dict[str, list[str]], list[str]]


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """The groups of two breakdowns, and the months."""
    months = [f"2024-{m:02d}" for m in range(1, draw(st.integers(1, 5)) + 1)]
    return {b: [f"{b}{i}" for i in range(draw(st.integers(1, 4)))] for b in ("agency", "topic")}, months


def counts(
    draw: Callable[[st.SearchStrategy[Any]], Any], shape: Shape, *, is_stock: bool = False
) -> dict[Cell, int]:
    """Private counts that add up over the groups of each breakdown, and, but for a stock, over the months."""
    groups, months = shape
    cells: dict[Cell, int] = {}
    for month in months:
        total = draw(st.sampled_from([0, 0, 1, 3, 4, 5, 6, 9, 12, 40]))
        for breakdown, names in groups.items():
            cuts = sorted(
                draw(st.lists(st.integers(0, total), min_size=len(names) - 1, max_size=len(names) - 1))
            )
            for name, low, high in zip(names, [0, *cuts], [*cuts, total], strict=True):
                cells[breakdown, name, month] = high - low
        cells[(*TOTAL, month)] = total
    for breakdown, group in {(b, g) for b, g, _ in cells}:
        of_months = [cells[breakdown, group, m] for m in months]
        cells[breakdown, group, "all"] = of_months[-1] if is_stock else sum(of_months)
    return cells


def hidden_cells(cells: dict[Cell, int], hidden: Hidden) -> set[Cell]:
    return {cell for cell in cells if cell in hidden}


@settings(deadline=None, max_examples=300)
@given(shapes(), st.data())
def test_a_small_number_cannot_be_worked_out(shape: Shape, data: st.DataObject) -> None:
    cells = counts(data.draw, shape)
    hidden = hidden_cells(cells, hide({c: (n,) for c, n in cells.items()}, shape[1]))
    small = {c for c, n in cells.items() if is_small(n)}
    assert small <= hidden
    assert not known_by_subtraction(hidden, *shape) & small
    if not small:
        assert not hidden


@settings(deadline=None, max_examples=300)
@given(shapes(), st.data())
def test_nor_can_what_came_of_it_or_a_stock(shape: Shape, data: st.DataObject) -> None:
    groups, months = shape
    raised, answered = counts(data.draw, shape), counts(data.draw, shape)
    stock = counts(data.draw, shape, is_stock=True)
    first = hide({c: (n,) for c, n in raised.items()}, months)
    numbers = {c: (raised[c], answered[c], stock[c]) for c in raised}
    outcomes = hide(numbers, months, beside=first, has_stock=True)
    concealed = hidden_cells(raised, outcomes)
    assert hidden_cells(raised, first) <= concealed
    small = {c for c, several in numbers.items() if any(is_small(n) for n in several)}
    assert small <= concealed
    assert not known_by_subtraction(concealed, groups, months) & small
    # The stage hides the stock in `all` wherever it hides the last month.
    unknown = concealed | {(b, g, "all") for b, g, i in concealed if i == months[-1]}
    assert not known_by_subtraction(unknown, groups, months, is_stock=True) & small
