"""What must hold of rises whatever the counts are."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.measure.daily import Daily, Span
from answerable.measure.rises import Found, SeriesRise, rises
from answerable.measure.unusual import HISTORY_DAYS

DAYS = 150
NAMES = (("bins",), ("lamps",), ("trees",))


def daily(counts: list[list[int]], *, shift: int = 0, order: list[int] | None = None) -> Daily:
    table = np.array(counts)
    series, day = np.nonzero(table)
    rows = [series, np.zeros(len(day)), day + shift, table[series, day]]
    mixed = [column if order is None else column[order] for column in rows]
    return Daily.of(NAMES, ("portal",), mixed)


def found(one: Daily, first: int = 0, last: int = DAYS - 1) -> Found:
    return rises({"topic": one}, {"portal": Span(first, last)})


def key(one: SeriesRise) -> tuple[object, ...]:
    return one.series, one.first, one.last, tuple(a.day for a in one.alarms)


@st.composite
def worlds(draw: st.DrawFn) -> list[list[int]]:
    """Three quiet series, in which some days are high."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = rng.poisson([[0.4], [3.0], [20.0]], (3, DAYS))
    for _ in range(draw(st.integers(0, 3))):
        row, day = draw(st.integers(0, 2)), draw(st.integers(70, DAYS - 1))
        length, more = draw(st.integers(1, 10)), draw(st.integers(5, 80))
        counts[row, day : day + length] += more
    listed: list[list[int]] = counts.tolist()
    return listed


@settings(max_examples=40, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(counts: list[list[int]], random: Random) -> None:
    order = list(range(int(np.count_nonzero(counts))))
    random.shuffle(order)
    mixed = found(daily(counts, order=order))
    assert [key(r) for r in mixed.rises] == [key(r) for r in found(daily(counts)).rises]


@settings(max_examples=40, deadline=None)
@given(worlds(), st.integers(1, 400))
def test_when_it_was_does_not_matter(counts: list[list[int]], weeks: int) -> None:
    shift = 7 * weeks
    there = found(daily(counts, shift=shift), shift, shift + DAYS - 1)
    moved = [
        (r.series, r.first - shift, r.last - shift, tuple(a.day - shift for a in r.alarms))
        for r in there.rises
    ]
    assert moved == [key(r) for r in found(daily(counts)).rises]


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_an_older_quiet_month_changes_nothing_that_is_looked_at_with_four_weeks_to_spare(
    counts: list[list[int]],
) -> None:
    # Before that, where a rise began is looked for among fewer days.
    least = HISTORY_DAYS + 28
    one = daily(counts)
    before = [key(r) for r in found(one).rises if r.alarms[0].day >= least]
    if all(r.alarms[0].day >= least for r in found(one, first=-30).rises):
        assert [key(r) for r in found(one, first=-30).rises] == before


@settings(max_examples=40, deadline=None)
@given(worlds(), st.integers(0, 40))
def test_what_comes_later_changes_no_alarm_of_before(counts: list[list[int]], later: int) -> None:
    one = daily(counts)
    shorter = found(one, last=DAYS - 1 - later)
    first = {(r.series, r.alarms[0].day) for r in found(one).rises}
    # A rise that went on is the same rise, known by the day on which it was noticed.
    noticed = {(r.series, r.alarms[0].day) for r in shorter.rises if not r.is_open}
    assert noticed <= first


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_no_rise_lies_outside_what_is_known(counts: list[list[int]]) -> None:
    for one in found(daily(counts)).rises:
        assert 0 <= one.first <= one.last < DAYS
        assert one.first <= one.alarms[0].day
        assert one.alarms[0].day >= HISTORY_DAYS
        assert len(one.expected) == one.last - one.first + 1
        assert min(one.expected) > 0
