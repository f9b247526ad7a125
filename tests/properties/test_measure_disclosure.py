"""No small private number can be worked out of the published tables by adding and subtracting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.measure.cells import CELL, CLOCKS, RATES, Cells, Sources, cells_of
from answerable.measure.disclosure import Hidden, hide, is_small

TOTAL = ("all", "all")
Cell = tuple[str, str, str]


def reduced(rows: list[dict[Any, Fraction]]) -> dict[Any, dict[Any, Fraction]]:
    """Gauss: independent rows by their pivot, each pivot in its own row only."""
    found: dict[Any, dict[Any, Fraction]] = {}
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


def minus(row: dict[Any, Fraction], other: dict[Any, Fraction], times: Fraction) -> dict[Any, Fraction]:
    new = {c: row.get(c, Fraction(0)) - times * other.get(c, Fraction(0)) for c in {**row, **other}}
    return {c: x for c, x in new.items() if x}


def sums(
    groups: dict[str, list[str]], months: Sequence[str], *, is_stock: bool = False
) -> list[dict[Cell, int]]:
    """What adds up to nothing in the tables of a measure."""
    found: list[dict[Cell, int]] = []
    for breakdown, names in groups.items():
        found += [
            {**{(breakdown, g, interval): 1 for g in names}, (*TOTAL, interval): -1}
            for interval in ("all", *months)
        ]
    for place in [TOTAL, *((b, g) for b, names in groups.items() for g in names)]:
        # At T as much is open as at the end of the last month.
        parts = months[-1:] if is_stock else months
        found.append({**{(*place, m): 1 for m in parts}, (*place, "all"): -1})
    return found


def determined(equations: list[dict[Any, Fraction]], unknown: set[Any]) -> set[Any]:
    """The unknown numbers that follow from the equations, everything else being published."""
    open_equations = [{c: x for c, x in row.items() if c in unknown} for row in equations]
    return {pivot for pivot, row in reduced([e for e in open_equations if e]).items() if len(row) == 1}


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
        cells[breakdown, group, "all"] = sum(of_months)
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
    equations = [{c: Fraction(x) for c, x in row.items()} for row in sums(*shape)]
    assert not determined(equations, hidden) & small
    if not small:
        assert not hidden


@dataclass(frozen=True)
class Message:
    """One private feedback: the months (by number) in which it was raised and closed."""

    agency: str
    topic: str
    raised: int
    closed: int | None


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[Message], list[str]]:
    last = draw(st.integers(0, 3))
    made: list[Message] = []
    for _ in range(draw(st.integers(1, 6))):
        raised = draw(st.integers(0, last))
        one = Message(
            draw(st.sampled_from("abc")),
            draw(st.sampled_from("tu")),
            raised,
            draw(st.none() | st.integers(raised, last)),
        )
        made += [one] * draw(st.sampled_from([1, 2, 4, 5, 7, 12]))
    return made, [f"2024-{m + 1:02d}" for m in range(last + 1)]


def cells_from(made: list[Message], months: list[str]) -> Cells:
    """What the stage makes of messages of one private source without rates."""
    raised, ended = [], []
    for breakdown in ("agency", "topic", "source"):
        for message in made:
            group = "hall" if breakdown == "source" else getattr(message, breakdown)
            key = {"breakdown": breakdown, "group_code": group, "source_id": "hall"}
            is_closed = int(message.closed is not None)
            zero = dict.fromkeys(("supporters", "supporters_known"), 0)
            zero |= {f"{rate}_{part}": 0 for rate in RATES for part in ("numerator", "denominator")}
            clocks = {f"{c}_cases": 1 for c in CLOCKS}
            clocks |= {"closing_events": is_closed, "first_response_events": 0}
            raised.append(
                {**key, "month": months[message.raised], "raised": 1, "closed": is_closed, **zero, **clocks}
            )
            if message.closed is not None:
                ended.append({**key, "month": months[message.closed], "ended": 1})
    columns = ["breakdown", "group_code", "source_id", "month", "ended"]
    hall = frozenset({"hall"})
    return cells_of(
        pd.DataFrame(raised), pd.DataFrame(ended, columns=columns), Sources(hall, frozenset(), hall), months
    )


@settings(deadline=None, max_examples=150)
@given(messages())
def test_nor_can_what_is_open_or_closed(given_messages: tuple[list[Message], list[str]]) -> None:
    """Raised, closed and open together: what was raised and not closed is open at T."""
    made, months = given_messages
    cells = cells_from(made, months)
    groups = {
        breakdown: sorted({g for b, g, _ in cells.total.index if b == breakdown})
        for breakdown in ("agency", "topic", "source")
    }
    places = [TOTAL, *((b, g) for b, names in groups.items() for g in names)]
    every = [(*place, interval) for place in places for interval in ("all", *months)]
    assert cells.total.index.names == CELL
    twin = {"all": months[-1], months[-1]: "all"}
    unknown = {("raised", c) for c in every if c in cells.hidden_raised}
    unknown |= {("closed", c) for c in every if c in cells.hidden_outcomes}
    unknown |= {
        ("open", (b, g, i))
        for b, g, i in every
        if (b, g, i) in cells.hidden_open or (b, g, twin.get(i, i)) in cells.hidden_open
    }
    total = cells.total.reindex(pd.MultiIndex.from_tuples(every, names=CELL), fill_value=0)
    numbers = {(name, c): int(total[name][c]) for name in ("raised", "closed") for c in every}
    numbers |= {("open", c): int(cells.stock[c]) for c in every}
    small = {key for key, number in numbers.items() if is_small(number)}
    assert small <= unknown
    equations = [
        {(name, c): Fraction(x) for c, x in row.items()}
        for name in ("raised", "closed", "open")
        for row in sums(groups, months, is_stock=name == "open")
    ]
    for place in places:
        cell = (*place, "all")
        equations.append(
            {("open", cell): Fraction(1), ("closed", cell): Fraction(1), ("raised", cell): Fraction(-1)}
        )
    assert not determined(equations, unknown) & small
    if not small:
        assert not unknown
