"""How many people raised something on each day: by topic, by topic and area, and by agency; as small numbers.

People are the distinct authors of a day where a source tells them apart; a message whose author nobody knows counts
as one person. Only sources take part whose rows are published, that bear a share (a selection says nothing of what is
usual) and that were read to their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from answerable import schema
from answerable.hashes import text_hash
from answerable.measure.clocks import local_time

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = [
    "KINDS",
    "Daily",
    "Series",
    "Span",
    "daily_counts",
    "day_number",
    "day_of",
    "eligible",
    "people_rows",
]

KINDS: Mapping[str, tuple[str, ...]] = {
    "topic": ("topic_code",),
    "place": ("topic_code", "area_code"),
    "agency": ("agency_code",),
}
"""What is watched: the columns of ``clock`` that name a series, by kind."""

_EPOCH = date(1970, 1, 1)
_START_SHARE = 0.01
"""A source begins where so much of it has been raised: a few stray rows long before are no history."""

Series = tuple[str, ...]
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Span:
    """The days, counted from 1970, on which a source is complete: both are included."""

    first: int
    last: int


@dataclass(frozen=True)
class Daily:
    """The counts of one kind of series, a place in each array for each series, source and day with any, by series.

    Attributes:
        names: every series, in order.
        sources: every source, in order.
        series: the place in ``names``.
        source: the place in ``sources``.
        day: the day, counted from 1970.
        people: how many people raised something.
    """

    names: tuple[Series, ...]
    sources: tuple[str, ...]
    series: Numbers
    source: Numbers
    day: Numbers
    people: Numbers

    @classmethod
    def of(
        cls, names: tuple[Series, ...], sources: tuple[str, ...], rows: Sequence[npt.NDArray[Any]]
    ) -> Daily:
        """From series, source, day and people of each row, in any order."""
        order = np.argsort(rows[0], kind="stable")
        series, source, day, people = (column[order].astype(np.int32) for column in rows)
        return cls(names, sources, series, source, day, people)

    def matrix(
        self, sources: Iterable[str], first: int, last: int, *, rows: slice
    ) -> npt.NDArray[np.float64]:
        """The counts of some series in some sources: a row for each series, a column for each day of a span."""
        start, stop, _ = rows.indices(len(self.names))
        own = slice(*np.searchsorted(self.series, [start, stop]).tolist())
        numbers = [self.sources.index(s) for s in sources if s in self.sources]
        day = self.day[own].astype(np.int64) - first
        wanted = np.isin(self.source[own], numbers) & (day >= 0) & (day <= last - first)
        width = last - first + 1
        place = (self.series[own][wanted].astype(np.int64) - start) * width + day[wanted]
        people = self.people[own][wanted].astype(np.float64)
        counts = np.bincount(place, people, minlength=(stop - start) * width).astype(np.float64)
        return counts.reshape(stop - start, width)


def eligible(store: Store, zone: str) -> dict[str, Span]:
    """The sources that take part, with the days on which each of them is complete (days of ``zone``).

    A source's last day is the last that had ended by its T.
    """
    source = store.read("source")
    taking = source.filter(
        source.is_published_by_row & source.is_rate_published & source.is_complete & source.as_of_at.notnull()
    ).select("source_id", "as_of_at")
    clock = store.read("clock").semi_join(taking, "source_id")
    months = store.frame(
        clock.group_by("source_id", "month").aggregate(
            count=clock.count(), begun=local_time(clock.created_at.min(), zone).date()
        )
    )
    # T is an instant: the day that it lies in may have hours to come, but for its very last second.
    last_at = taking.as_of_at + ibis.interval(seconds=1)
    ends = store.frame(taking.select("source_id", day=local_time(last_at, zone).date()))
    after = dict(zip(ends["source_id"], ends["day"], strict=True))
    spans = {}
    for source_id, own in months.sort_values("month").groupby("source_id"):
        is_begun = own["count"].cumsum() >= _START_SHARE * own["count"].sum()
        first, last = day_number(own["begun"][is_begun].iloc[0]), day_number(after[source_id]) - 1
        if first <= last:
            spans[str(source_id)] = Span(first, last)
    return dict(sorted(spans.items()))


def day_number(value: date | datetime | pd.Timestamp) -> int:
    """How many days after 1 January 1970 a day is."""
    return (date(value.year, value.month, value.day) - _EPOCH) // timedelta(days=1)


def day_of(number: int) -> date:
    """The day of a number of days since 1970."""
    return _EPOCH + timedelta(days=number)


def people_rows(clock: ir.Table, feedback: ir.Table, zone: str) -> ir.Table:
    """The clocks with the day on which they were raised and the hash of their author, empty where nobody knows it."""
    named = feedback.filter(feedback.author_key.notnull()).select(
        "feedback_id", author_hash=text_hash(feedback.author_key)
    )
    rows = clock.mutate(day=local_time(clock.created_at, zone).date())
    return rows.left_join(named, "feedback_id").drop("feedback_id_right")


def daily_counts(
    store: Store, spans: Mapping[str, Span], zone: str, batches: Iterable[Sequence[str]]
) -> dict[str, Daily]:
    """The counts of every kind of series, from the clocks of months in turn."""
    parts: dict[str, list[pd.DataFrame]] = {kind: [] for kind in KINDS}
    for months in batches:
        clock = store.read("clock", months=months)
        clock = clock.filter(clock.source_id.isin(sorted(spans)))
        rows = people_rows(clock, store.read("feedback", months=months), zone)
        for kind, columns in KINDS.items():
            known = rows
            for column in columns:
                known = known.filter(known[column].notnull() & (known[column] != schema.MISSING_CODE))
            counted = known.group_by(*columns, "source_id", "day").aggregate(
                people=known.author_hash.nunique() + known.count(where=known.author_hash.isnull())
            )
            parts[kind].append(_narrow(store.frame(counted), columns))
    return {kind: _numbered(parts[kind], KINDS[kind], tuple(spans)) for kind in KINDS}


def _narrow(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The frame with categories for codes and a number for the day: a row takes some bytes."""
    days = (pd.to_datetime(frame["day"]) - pd.Timestamp(_EPOCH)).dt.days
    narrow = frame.assign(day=days.astype("int32"), people=frame["people"].astype("int32"))
    return narrow.astype(dict.fromkeys((*columns, "source_id"), "category"))


def _numbered(parts: Sequence[pd.DataFrame], columns: Sequence[str], sources: tuple[str, ...]) -> Daily:
    pairs = sorted(
        {
            key
            for part in parts
            for key in part[list(columns)].drop_duplicates().astype(str).itertuples(index=False, name=None)
        }
    )
    place = {key: number for number, key in enumerate(pairs)}

    def numbers(part: pd.DataFrame) -> Numbers:
        # Distinct rows are few beside the days: each is looked up once.
        groups = part.groupby(list(columns), observed=True, sort=False)
        codes = groups.ngroup().to_numpy(dtype=np.int32)
        firsts = part[~pd.Series(codes, index=part.index).duplicated()]
        own = firsts[list(columns)].astype(str).itertuples(index=False, name=None)
        return np.array([place[key] for key in own], dtype=np.int32)[codes]

    def joined(arrays: Iterable[npt.ArrayLike]) -> Numbers:
        return np.concatenate([np.zeros(0, dtype=np.int32), *(np.asarray(a, np.int32) for a in arrays)])

    order = {source: number for number, source in enumerate(sources)}
    codes = [part["source_id"].astype(str).map(order) for part in parts]
    columns_of = (
        [numbers(part) for part in parts],
        codes,
        [part["day"] for part in parts],
        [part["people"] for part in parts],
    )
    return Daily.of(tuple(pairs), sources, [joined(column) for column in columns_of])
