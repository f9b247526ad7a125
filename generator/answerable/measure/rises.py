"""Unusual rises in every watched series, with false alarms held down over all series of a day.

    found = rises(daily, spans)

A day is an alarm where it is unusual among all series that were alive on that day (Benjamini and Hochberg). Sources
begin and end: a day is compared only with days on which the same sources were complete, so that a new source is no
rise and one that ended is no fall.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from answerable.measure.daily import Daily, Series, Span
from answerable.measure.unusual import (
    HISTORY_DAYS,
    LEAST_PEOPLE,
    Scores,
    by_benjamini_hochberg,
    rise,
    scores,
    tail,
)

__all__ = ["FALSE_SHARE", "Alarm", "Found", "Segment", "SeriesRise", "rises", "segments"]

FALSE_SHARE = 0.01
"""Of all alarms of a day, at most this share may be chance (in the long run)."""

_ROWS = 200  # series in memory at a time, with all their days
_NEAR = 2.0  # a score below this is never called unusual: it need not be kept

Places = npt.NDArray[np.intp]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Segment:
    """Days in a row on which the same sources can be compared with their own past.

    Attributes:
        first: the first day that is looked at.
        last: the last day that is looked at.
        begin: the first day that is known of all sources.
        end: the last day that is known of all sources.
        sources: the sources.
    """

    first: int
    last: int
    begin: int
    end: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A day on which a series was unusual: how much, whether its week told, and the score from which a day is."""

    day: int
    score: float
    is_week: bool
    limit: float


@dataclass(frozen=True, slots=True)
class SeriesRise:
    """A rise of one series.

    Attributes:
        kind: of `daily.KINDS`.
        series: which series.
        sources: the sources that it is about.
        first: its first day, counted from 1970.
        last: its last day.
        is_open: whether it lasts where the counts end.
        alarms: the days that were unusual.
        expected: what was to be expected on each of its days.
        history: counts of `HISTORY_DAYS` days before the first alarm and of all days to the last: for looking again.
    """

    kind: str
    series: Series
    sources: tuple[str, ...]
    first: int
    last: int
    is_open: bool
    alarms: tuple[Alarm, ...]
    expected: tuple[float, ...]
    history: Reals


@dataclass(frozen=True, slots=True)
class Found:
    """The rises of all series, how many days were looked at, and how many series at the most."""

    rises: tuple[SeriesRise, ...]
    days: int
    series: int


def segments(spans: Mapping[str, Span]) -> Iterator[Segment]:
    """The days that can be looked at, cut where a source joins or leaves."""
    cuts = sorted({s.first + HISTORY_DAYS for s in spans.values()} | {s.last + 1 for s in spans.values()})
    for first, after in pairwise(cuts):
        sources = tuple(
            name
            for name, span in sorted(spans.items())
            if span.first + HISTORY_DAYS <= first and span.last >= after - 1
        )
        if sources:
            begin = max(spans[name].first for name in sources)
            end = min(spans[name].last for name in sources)
            yield Segment(first, after - 1, begin, end, sources)


def rises(daily: Mapping[str, Daily], spans: Mapping[str, Span]) -> Found:
    """The unusual rises of every series of every kind."""
    found: list[SeriesRise] = []
    days = most = 0
    for segment in segments(spans):
        days += segment.last - segment.first + 1
        alive = np.zeros(segment.last - segment.first + 1, dtype=np.int64)
        near: list[_Near] = []
        for kind, start, counts in _blocks(daily, segment):
            alive += _alive(counts, segment)
            near.append(_near(kind, start, counts, segment))
        most = max(most, int(alive.max()))
        limits = _limits(near, alive, segment)
        for one in near:
            found += _rises_of(one, daily[one.kind], segment, limits)
    return Found(tuple(sorted(found, key=lambda r: (r.first, r.kind, r.series))), days, most)


@dataclass(frozen=True, slots=True)
class _Near:
    """Days that came near to being unusual: places of their series and of the days from `Segment.first`."""

    kind: str
    series: Places
    days: Places
    chances: Reals


def _blocks(daily: Mapping[str, Daily], segment: Segment) -> Iterator[tuple[str, int, Reals]]:
    """The counts of all series, some at a time: kind, place of the first, and their counts from `Segment.begin`."""
    for kind, counts in daily.items():
        for start in range(0, len(counts.names), _ROWS):
            rows = slice(start, start + _ROWS)
            yield kind, start, counts.matrix(segment.sources, segment.begin, segment.end, rows=rows)


def _alive(counts: Reals, segment: Segment) -> npt.NDArray[np.int64]:
    """How many series had anything in the days that each day is compared with, or on it."""
    summed = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)
    days = np.arange(segment.first, segment.last + 1) - segment.begin
    alive: npt.NDArray[np.int64] = (summed[:, days + 1] > summed[:, days - HISTORY_DAYS]).sum(axis=0)
    return alive


def _near(kind: str, start: int, counts: Reals, segment: Segment) -> _Near:
    """The days of some series that may be unusual: those with people enough, and a score that is near."""
    summed = np.concatenate([np.zeros((len(counts), 1)), counts.cumsum(axis=1)], axis=1)
    days = np.arange(segment.first, segment.last + 1) - segment.begin
    of_week = summed[:, days + 1] - summed[:, days - 6]
    rows, places = np.nonzero(of_week >= LEAST_PEOPLE)
    score = scores(counts, rows, days[places]).score
    is_near = score >= _NEAR
    return _Near(kind, rows[is_near] + start, places[is_near], tail(score[is_near]))


def _limits(near: Sequence[_Near], alive: npt.NDArray[np.int64], segment: Segment) -> Reals:
    """The chance up to which a series is unusual, for each day."""
    days = np.concatenate([one.days for one in near])
    chances = np.concatenate([one.chances for one in near])
    order = np.argsort(days, kind="stable")
    days, chances = days[order], chances[order]
    bounds = np.searchsorted(days, np.arange(segment.last - segment.first + 2))
    return np.array(
        [
            by_benjamini_hochberg(chances[bounds[day] : bounds[day + 1]], int(tests), FALSE_SHARE)
            for day, tests in enumerate(alive)
        ]
    )


def _rises_of(near: _Near, daily: Daily, segment: Segment, limits: Reals) -> Iterator[SeriesRise]:
    is_alarm = near.chances <= limits[near.days]
    for row in np.unique(near.series[is_alarm]).tolist():
        first = int(near.days[is_alarm & (near.series == row)].min())
        counts = daily.matrix(segment.sources, segment.begin, segment.end, rows=slice(row, row + 1))[0]
        yield from _rises_of_one(
            near.kind, daily.names[row], counts, segment=segment, limits=limits, first=first
        )


def _rises_of_one(
    kind: str, series: Series, counts: Reals, *, segment: Segment, limits: Reals, first: int
) -> Iterator[SeriesRise]:
    """The rises of one series from its first alarm on; what each added is taken out before the next is looked for."""
    seen = counts.copy()
    offset = segment.first - segment.begin
    place: int | None = first
    while place is not None:
        at = place + offset
        told = _looked(seen, np.array([at]))
        span, expected = rise(seen, at, is_week=bool(told.is_week[0]))
        until = min(span.last, segment.last - segment.begin)
        days = np.arange(at, until + 1)
        again = _looked(seen, days)
        chances = tail(again.score)
        alarms = tuple(
            Alarm(segment.begin + int(d), float(s), bool(w), float(limits[d - offset]))
            for d, s, w, c in zip(days, again.score, again.is_week, chances, strict=True)
            if c <= limits[d - offset]
        )
        yield SeriesRise(
            kind,
            series,
            segment.sources,
            segment.begin + span.first,
            segment.begin + span.last,
            span.is_open,
            alarms,
            tuple(float(e) for e in expected),
            seen[at - HISTORY_DAYS : until + 1].copy(),
        )
        seen[span.first : span.last + 1] = np.minimum(seen[span.first : span.last + 1], expected)
        place = _next_alarm(seen, span.last + 1 - offset, segment, limits)


def _looked(counts: Reals, days: npt.NDArray[np.int64]) -> Scores:
    return scores(counts[None, :], np.zeros(len(days), dtype=np.intp), days.astype(np.intp))


def _next_alarm(seen: Reals, place: int, segment: Segment, limits: Reals) -> int | None:
    places = np.arange(max(place, 0), segment.last - segment.first + 1)
    if not len(places):
        return None
    chances = tail(_looked(seen, places + segment.first - segment.begin).score)
    unusual = places[chances <= limits[places]]
    return int(unusual[0]) if len(unusual) else None
