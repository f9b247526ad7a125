"""Whether a day's count is unusual, against the eight weeks before it, and from when to when: statistics on counts.

    scores(counts, rows, days)      how unusual each day is
    rise(counts, day, is_week)      from when to when the count was raised around an unusual day

Everything here works on small arrays of people (or messages) per series and day; `failures` says what is counted.

What is to be expected of a day is one half the level of the eight weeks that end three days before it (a rise that
has just begun must not be its own yardstick), one half the level of the same weekday in them; newer weeks weigh more,
and the highest twentieth of the days is cut down to the value below which the others lie (an old failure must not
hide a new one). How much more is unusual follows from how much the series swings: the root-transformed count of a
negative binomial (Anscombe 1948) with the dispersion of the same eight weeks. A day is looked at by itself, and
together with the six before it: some failures are a shock, others a slow drip. Where a rise begins and ends is where
the likelihood of a raised level is greatest (Page 1954). ``benchmarks/understanding/failures.py`` compares this with
other methods and says how much it finds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "HISTORY_DAYS",
    "LEAST_PEOPLE",
    "Rise",
    "Scores",
    "by_benjamini_hochberg",
    "expectation",
    "profile",
    "rise",
    "scores",
    "tail",
    "usual_range",
]

Counts = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_PEOPLE = 3
"""Fewer people make no failure, however quiet it usually is."""

_WINDOW = 56
_GAP = 3
_WEEK = 7
HISTORY_DAYS = _WINDOW + _GAP + _WEEK - 1
"""How many days before a day have to be known: eight weeks, three days between, and the week that is looked at."""

_CAP = 0.95
_FADE_DAYS = 30.0
"""A day so long ago weighs a third (1/e)."""
_LEAST = 0.1
"""No series is expected to be quieter: eight empty weeks are no proof that nothing ever happens."""
_WEEK_WEIGHT = 0.7
_SCALE = 1.12
"""Counts swing more than the formula says; by so much, on simulated series without a failure (the benchmark)."""
_ANSCOMBE = 3 / 8
_BLOCK = 20_000

_BACK_DAYS = 28
_MOST_DAYS = 91
_DROP = 5.0
_QUIET_DAYS = 14


class Scores(NamedTuple):
    """How unusual days are. ``score`` is about standard normal on usual days; ``is_week`` says that the week told."""

    score: Reals
    is_week: Flags


class Rise(NamedTuple):
    """A raised level: places of its first and last day (both included), and whether it lasts where the counts end."""

    first: int
    last: int
    is_open: bool


def expectation(counts: Counts, rows: Places, days: Places, length: int = 1) -> tuple[Reals, Reals]:
    """What was to be expected of days from ``days`` on, and how much more than a Poisson count a day swings.

    Args:
        counts: a row for each series, a column for each day.
        rows: the series of each place asked for.
        days: the first day of each place, with eight weeks and three days before it.
        length: how many days from there on.

    Returns:
        The expected counts (places by length), and the dispersion (variance over mean, 1 or more).

    Raises:
        ValueError: a day has less history than that.
    """
    if len(days) and int(days.min()) < _WINDOW + _GAP:
        raise ValueError(f"a day needs {_WINDOW + _GAP} days before it")
    back = np.arange(-_WINDOW - _GAP, -_GAP)
    weight = np.exp(back / _FADE_DAYS)
    expected = np.empty((len(rows), length))
    dispersion = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        window = counts[rows[part, None], days[part, None] + back]
        capped = np.minimum(window, np.quantile(window, _CAP, axis=1, keepdims=True))
        level = np.maximum((capped * weight).sum(axis=1) / weight.sum(), _LEAST)
        for ahead in range(length):
            same = (back - ahead) % _WEEK == 0
            alike = np.maximum((capped[:, same] * weight[same]).sum(axis=1) / weight[same].sum(), _LEAST / 2)
            expected[part, ahead] = (level + alike) / 2
        swing = capped.var(axis=1, ddof=1) / np.maximum(capped.mean(axis=1), _LEAST)
        dispersion[part] = np.maximum(1.0, swing)
    return expected, dispersion


def scores(counts: Counts, rows: Places, days: Places) -> Scores:
    """How unusual days are, each by itself and with the six before it, whichever tells more.

    Args:
        counts: a row for each series, a column for each day.
        rows: the series of each day asked for.
        days: the column of each day asked for, `HISTORY_DAYS` or later.

    Returns:
        The scores; minus infinity where fewer than `LEAST_PEOPLE` were counted.
    """
    weeks = counts[rows[:, None], days[:, None] + np.arange(-_WEEK + 1, 1)]
    one, of_one = expectation(counts, rows, days)
    seven, of_seven = expectation(counts, rows, days - (_WEEK - 1), _WEEK)
    by_day = _root_z(weeks[:, -1], one[:, 0], of_one)
    by_week = _root_z(weeks.sum(axis=1), seven.sum(axis=1), of_seven) * _WEEK_WEIGHT
    is_week = by_week > by_day
    return Scores(np.maximum(by_day, by_week) / _SCALE, is_week)


def profile(counts: Counts, day: int, first: int, last: int) -> tuple[Reals, float]:
    """What was to be expected of days around a rise, from the eight weeks that end four weeks before it was noticed.

    Args:
        counts: the count of one series for each day.
        day: the day on which it was noticed, `HISTORY_DAYS` or later.
        first: the first day asked for; it may lie before the day that the weeks are counted from.
        last: the last day asked for.

    Returns:
        The expectation of each day, and the dispersion.
    """
    anchor = _anchor(day)
    week, dispersion = expectation(
        counts[None, :], np.zeros(1, dtype=np.intp), np.array([anchor]), length=_WEEK
    )
    return week[0][(np.arange(first, last + 1) - anchor) % _WEEK], float(dispersion[0])


def usual_range(expected: Reals, dispersion: float) -> tuple[Reals, Reals]:
    """Between which counts nineteen of twenty usual days lie."""
    half = 1.96 * _SCALE * math.sqrt(dispersion) / 2
    middle = np.sqrt(expected + _ANSCOMBE)
    low = np.maximum(np.maximum(middle - half, 0) ** 2 - _ANSCOMBE, 0)
    return low, (middle + half) ** 2 - _ANSCOMBE


def _anchor(day: int) -> int:
    """The day whose history tells what is usual around an unusual one: before what may have been raised already."""
    return max(day - _BACK_DAYS + 1, _WINDOW + _GAP)


def _root_z(counted: Reals, expected: Reals, dispersion: Reals) -> Reals:
    z = 2 * (np.sqrt(counted + _ANSCOMBE) - np.sqrt(expected + _ANSCOMBE)) / np.sqrt(dispersion)
    return np.where(counted < LEAST_PEOPLE, -np.inf, z)


def tail(score: Reals) -> Reals:
    """The share of usual days that lie as high or higher (the upper tail of the standard normal distribution)."""
    return np.array([math.erfc(value / math.sqrt(2)) / 2 for value in score.tolist()])


def by_benjamini_hochberg(chances: Reals, tests: int, share: float) -> float:
    """The chance up to which tests are called unusual, so that at most a ``share`` of those so called are none.

    (Benjamini and Hochberg 1995; sound too where tests depend on each other positively, as series of one city do.)

    Args:
        chances: the chances of the tests that came near; all others are taken as 1.
        tests: how many tests there were in all.
        share: the false alarms that are accepted among all alarms.
    """
    ordered = np.sort(chances)
    limits = share * np.arange(1, len(ordered) + 1) / max(tests, 1)
    passed = np.flatnonzero(ordered <= limits)
    return float(limits[passed[-1]] if len(passed) else share / max(tests, 1))


def rise(counts: Counts, day: int, *, is_week: bool) -> tuple[Rise, Reals]:
    """From when to when one series was raised around an unusual day.

    Args:
        counts: its count for each day.
        day: the unusual day, `HISTORY_DAYS` or later.
        is_week: whether the week up to that day was unusual, rather than the day by itself.

    Returns:
        The rise (at most four weeks back and thirteen ahead: what stays raised for longer is the usual), and what was
        to be expected on each of its days.
    """
    earliest = _anchor(day)
    latest = min(len(counts) - 1, day + _MOST_DAYS)
    usual, dispersion = profile(counts, day, earliest, latest)
    seen = counts[earliest : latest + 1]
    at = day - earliest
    window = slice(max(0, at - _WEEK + 1) if is_week else at, at + 1)
    times = max(seen[window].sum() / usual[window].sum(), 1.2)
    raised = (1 + times) / 2
    gain = (seen * math.log(raised) - usual * (raised - 1)) / dispersion
    # Backwards from the day itself, which belongs to the rise: the sum from each first day to it.
    behind = gain[: at + 1][::-1].cumsum()
    first = at - int(behind.argmax())
    best, last, path = 0.0, at, 0.0
    is_open = True
    for place in range(at + 1, len(seen)):
        path += gain[place]
        if path > best:
            best, last = path, place
        elif best - path > _DROP or place - last >= _QUIET_DAYS:
            is_open = False
            break
    reaches_end = earliest + len(seen) == len(counts)
    is_open = is_open and reaches_end and len(seen) - 1 - last < _WEEK
    return Rise(earliest + first, earliest + last, is_open), usual[first : last + 1]
