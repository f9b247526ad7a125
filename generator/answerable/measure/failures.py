"""Service failures: where unusually many people raised the same thing, from when to when, and whether it was answered.

    found = find_failures(store, zone, batches)

`rises` says which series rose; here each rise is looked at again by its messages. What one person wrote many times
counts once a day, and what one copied text makes is set aside and flagged: a failure needs people, in words of their
own. What rose together (a topic, its areas, its agency) is one failure, named by the narrowest that explains it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from answerable import schema
from answerable.hashes import text_hash
from answerable.measure.cells import CELL
from answerable.measure.clocks import local_time
from answerable.measure.daily import (
    KINDS,
    Daily,
    Span,
    daily_counts,
    day_number,
    day_of,
    eligible,
    people_rows,
)
from answerable.measure.disclosure import TOTAL
from answerable.measure.measures import INTERVAL_ALL, measure_named
from answerable.measure.results import count_rows, with_columns
from answerable.measure.rises import SeriesRise, rises
from answerable.measure.unusual import HISTORY_DAYS, LEAST_PEOPLE, profile, scores, tail, usual_range

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = ["CHART_DAYS", "Failures", "failure_rows", "find_failures"]

CHART_DAYS = 28
"""Days before a failure that its chart shows; half as many after it."""

_LONG = 20
"""Letters from which on nobody is likely to hit on the same words by chance."""
_OWN_DAYS = 5
_OWN_SHARE = 0.1
"""A text that stood in so many of the days before, and was so much of what was said, is the form's, not a copy."""
_EXPLAINS = 2 / 3
"""One area is where it happens if it holds so much of what is too many; the areas together, too."""
_EXPLAINS_AGENCY = 0.5


@dataclass(frozen=True, slots=True)
class Failures:
    """What was found.

    Attributes:
        rows: the table ``failure``.
        days: of each failure that counts, its days with people, expected, low and high.
        watched_days: how many days could be looked at.
        watched_series: how many series, at the most on one day.
    """

    rows: pa.Table
    days: pd.DataFrame
    watched_days: int
    watched_series: int


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a failure is about, and when: days are counted from 1970."""

    topic: str | None
    areas: tuple[str, ...]
    agency: str | None
    first: int
    last: int
    is_open: bool
    noticed: int
    score: float
    is_week: bool
    sources: tuple[str, ...]
    seed: str
    is_copied: bool = False


@dataclass
class _Cluster:
    """Rises of one topic whose days overlap."""

    rises: list[SeriesRise] = field(default_factory=list)
    last: int = 0


def find_failures(store: Store, zone: str, batches: Callable[[], Iterable[Sequence[str]]]) -> Failures:
    """The failures in everything that is held.

    Args:
        store: with ``clock``, ``feedback``, ``source``, ``issue`` and ``issue_feedback``.
        zone: the site's time zone, in which days begin.
        batches: gives the months of ``clock``, so many at a time as fit into memory.
    """
    spans = eligible(store, zone)
    daily = daily_counts(store, spans, zone, batches())
    found = rises(daily, spans)
    real, copied = _verified(store, zone, found.rises)
    scopes = [*_scopes(real), *(replace(scope, is_copied=True) for scope in _scopes(copied))]
    scopes.sort(key=lambda s: (s.first, s.seed))
    rows, days = _described(store, zone, scopes, daily, spans)
    return Failures(rows, days, found.days, found.series)


# -- looking again
# --------------------------------------------------------------------------------------------------------------


def _verified(
    store: Store, zone: str, found: Sequence[SeriesRise]
) -> tuple[list[SeriesRise], list[SeriesRise]]:
    """The rises that people made in words of their own, and those that one copied text made."""
    if not found:
        return [], []
    said = _messages(store, zone, found)
    known = _form_texts(store, zone, found, said)
    real: list[SeriesRise] = []
    copied: list[SeriesRise] = []
    for number, one in enumerate(found):
        own = said[said["rise"] == number]
        if _is_unusual(one, own.drop_duplicates(["day", "person"])):
            is_copy = own["is_long"] & ~own["words"].isin(known.get(number, frozenset()))
            # Of each copied text the first message stays.
            once = own[~(is_copy & own.sort_values(["day", "person"]).duplicated("words"))]
            (real if _is_unusual(one, once.drop_duplicates(["day", "person"])) else copied).append(one)
    return real, copied


def _is_unusual(one: SeriesRise, people: pd.DataFrame) -> bool:
    """Whether one of the alarms of a rise stands with these people (``day``, ``person``)."""
    begin = one.alarms[0].day - HISTORY_DAYS
    counts = one.history.copy()
    by_day = people.groupby("day")["person"].nunique()
    for day in range(max(_looked_from(one), begin), begin + len(counts)):
        counts[day - begin] = min(counts[day - begin], float(by_day.get(day, 0)))
    for alarm in one.alarms:
        week = people[(people["day"] > alarm.day - 7) & (people["day"] <= alarm.day)]
        if week["person"].nunique() < LEAST_PEOPLE:
            continue
        at = np.array([alarm.day - begin])
        if tail(scores(counts[None, :], np.zeros(1, dtype=np.intp), at).score)[0] <= alarm.limit:
            return True
    return False


def _messages(store: Store, zone: str, found: Sequence[SeriesRise]) -> pd.DataFrame:
    """Who said what in the days of each rise: ``rise``, ``day``, ``person``, ``words`` (hashes), ``is_long``."""
    windows = [
        _Window(n, r.kind, r.series, _looked_from(r), r.alarms[-1].day, r.sources)
        for n, r in enumerate(found)
    ]
    with _kept(store, _in_windows(store, zone, windows)) as rows:
        said = store.frame(
            rows.group_by("window", "day", "person", "words").aggregate(is_long=rows.is_long.any())
        )
    said = said.assign(day=_day_numbers(said["day"])).rename(columns={"window": "rise"})
    return said.sort_values(["rise", "day", "person", "words"], ignore_index=True)


def _looked_from(one: SeriesRise) -> int:
    """The first day whose messages say whether a rise is one: the week of its first alarm belongs to it."""
    return min(one.first, one.alarms[0].day - 6)


def _form_texts(
    store: Store, zone: str, found: Sequence[SeriesRise], said: pd.DataFrame
) -> dict[int, frozenset[int]]:
    """The long texts of each rise that were usual in the eight weeks before it: words that a form puts in."""
    long = said[said["is_long"]]
    people = long.groupby(["rise", "words"])["person"].nunique()
    often = people[people > 1].index.to_frame(index=False)
    repeated = set(often["rise"].tolist())
    windows = [
        _Window(n, r.kind, r.series, _looked_from(r) - HISTORY_DAYS, _looked_from(r) - 1, r.sources)
        for n, r in enumerate(found)
        if n in repeated
    ]
    if not windows:
        return {}
    with _kept(store, _in_windows(store, zone, windows)) as rows:
        before = store.frame(
            rows.group_by("window", "words").aggregate(days=rows.day.nunique(), count=rows.count())
        ).rename(columns={"window": "rise"})
    share = before["count"] / before.groupby("rise")["count"].transform("sum")
    usual = before[(before["days"] >= _OWN_DAYS) & (share >= _OWN_SHARE)].merge(often, on=["rise", "words"])
    return {int(str(rise)): frozenset(group["words"]) for rise, group in usual.groupby("rise")}


# -- messages in windows of days
# --------------------------------------------------------------------------------------------------------------


class _Window(NamedTuple):
    """Days of one series: which window it is (a number; several may be the same), and from when to when."""

    number: int
    kind: str
    series: tuple[str, ...]
    first: int
    last: int
    sources: tuple[str, ...]


@contextmanager
def _kept(store: Store, expr: ir.Table) -> Iterator[ir.Table]:
    """An expression computed once, for as long as the context lasts."""
    try:
        yield store.con.create_table("failure_messages", expr, temp=True, overwrite=True)
    finally:
        store.con.drop_table("failure_messages", force=True)


def _in_windows(store: Store, zone: str, windows: Sequence[_Window]) -> ir.Table:
    """The messages in the windows, both days included.

    Returns:
        ``window``, ``feedback_id``, ``day``, ``topic_code``, ``agency_code``, ``responded_at``, ``person`` and
        ``words`` (a hash of the letters of what was said), ``is_long``. A person is the author. Where nobody knows
        the author, a request is a person's; a post is one by its words and place.
    """
    months = _months((w.first, w.last) for w in windows)
    held = [month for month in store.months("clock") if month in months]
    feedback = store.read("feedback", months=held)
    clock = store.read("clock", months=held)
    sources = sorted({source for w in windows for source in w.sources})
    rows = people_rows(clock.filter(clock.source_id.isin(sources)), feedback, zone)
    parts = [
        _of_kind(rows, kind, [w for w in windows if w.kind == kind])
        for kind in KINDS
        if any(w.kind == kind for w in windows)
    ]
    few = parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)
    said = few.join(feedback.select("feedback_id", "kind", "title", "text"), "feedback_id")
    text = (said.title.fill_null("") + " " + said.text.fill_null("")).lower()
    letters = text.re_replace(r"https?://\S+|@\S+", " ").re_replace(r"[^\p{L}\p{M}]+", " ").strip()
    is_post = said.kind.isin(["post", "comment"]) & (letters.length() > 0)
    alike = ibis.ifelse(is_post, letters + "\x1f" + said.area_code.fill_null(""), said.feedback_id)
    return said.select(
        "window",
        "feedback_id",
        "day",
        "topic_code",
        "agency_code",
        "responded_at",
        words=text_hash(letters),
        is_long=letters.length() >= _LONG,
        person=ibis.coalesce(said.author_hash, text_hash(alike)),
    )


def _of_kind(rows: ir.Table, kind: str, windows: Sequence[_Window]) -> ir.Table:
    columns = KINDS[kind]
    wanted = ibis.memtable(
        pa.table(
            {
                "window": pa.array([w.number for w in windows], pa.int64()),
                **{
                    f"wanted_{column}": pa.array([w.series[i] for w in windows], pa.string())
                    for i, column in enumerate(columns)
                },
                "first_on": pa.array([day_of(w.first) for w in windows], pa.date32()),
                "last_on": pa.array([day_of(w.last) for w in windows], pa.date32()),
            }
        )
    )
    joined = rows.join(wanted, [rows[c] == wanted[f"wanted_{c}"] for c in columns])
    return joined.filter((joined.day >= joined.first_on) & (joined.day <= joined.last_on)).select(
        "window",
        "feedback_id",
        "day",
        "topic_code",
        "agency_code",
        "area_code",
        "responded_at",
        "author_hash",
    )


def _months(windows: Iterable[tuple[int, int]]) -> frozenset[str]:
    return frozenset(
        str(month)
        for first, last in windows
        for month in pd.period_range(f"{day_of(first):%Y-%m}", f"{day_of(last):%Y-%m}", freq="M")
    )


def _day_numbers(days: pd.Series[date]) -> pd.Series[int]:
    return pd.Series([day_number(day) for day in days], index=days.index, dtype="int64")


# -- what is one failure
# --------------------------------------------------------------------------------------------------------------


def _scopes(real: Sequence[SeriesRise]) -> list[_Scope]:
    """The failures that rises make: each topic's by itself, and what an agency's topics do not explain."""
    scopes: list[_Scope] = []
    by_topic: dict[str, list[SeriesRise]] = {}
    for one in real:
        if one.kind != "agency":
            by_topic.setdefault(one.series[0], []).append(one)
    for topic in sorted(by_topic):
        scopes += [_scope_of_topic(topic, c.rises) for c in _overlapping(by_topic[topic])]
    return scopes + [_scope_of(one) for one in real if one.kind == "agency"]


def _overlapping(found: Iterable[SeriesRise]) -> list[_Cluster]:
    clusters: list[_Cluster] = []
    for one in sorted(found, key=lambda r: (r.first, r.last, r.series)):
        if not clusters or one.first > clusters[-1].last:
            clusters.append(_Cluster(last=one.last))
        clusters[-1].rises.append(one)
        clusters[-1].last = max(clusters[-1].last, one.last)
    return clusters


def _excess(one: SeriesRise) -> float:
    """How many people more than were to be expected, as far as its history tells."""
    tail_of = one.history[HISTORY_DAYS:]
    return float(tail_of.sum()) - sum(one.expected[-len(tail_of) :])


def _scope_of_topic(topic: str, found: Sequence[SeriesRise]) -> _Scope:
    """One failure of a topic: in some areas, where they explain it, else everywhere."""
    whole = [r for r in found if r.kind == "topic"]
    parts = sorted((r for r in found if r.kind == "place"), key=lambda r: (-_excess(r), r.series))
    total = sum(_excess(r) for r in whole)
    areas: tuple[str, ...] = ()
    if parts and (not whole or _excess(parts[0]) >= _EXPLAINS * total):
        areas = (parts[0].series[1],)
    if parts and (not whole or sum(_excess(r) for r in parts) >= _EXPLAINS * total):
        areas = areas if areas and whole else tuple(sorted({r.series[1] for r in parts}))
    return _scope(topic, areas, None, found)


def _scope_of(one: SeriesRise) -> _Scope:
    topic = None if one.kind == "agency" else one.series[0]
    areas = one.series[1:]
    return _scope(topic, areas, one.series[0] if one.kind == "agency" else None, [one])


def _scope(
    topic: str | None, areas: tuple[str, ...], agency: str | None, found: Sequence[SeriesRise]
) -> _Scope:
    # What was found first gives the failure its name for ever: what joins later changes nothing about it.
    seed = min(found, key=lambda r: (r.alarms[0].day, r.first, r.kind, r.series))
    best = max((a for r in found for a in r.alarms), key=lambda a: (a.score, -a.day))
    return _Scope(
        topic=topic,
        areas=areas,
        agency=agency,
        first=min(r.first for r in found),
        last=max(r.last for r in found),
        is_open=any(r.is_open for r in found),
        noticed=seed.alarms[0].day,
        score=best.score,
        is_week=best.is_week,
        sources=seed.sources,
        seed="\x1f".join((seed.kind, *seed.series, str(seed.alarms[0].day))),
    )


# -- describing
# --------------------------------------------------------------------------------------------------------------

_DAY_COLUMNS = ("failure_id", "day", "people", "expected", "low", "high")


def _described(
    store: Store,
    zone: str,
    scopes: Sequence[_Scope],
    daily: Mapping[str, Daily],
    spans: Mapping[str, Span],
) -> tuple[pa.Table, pd.DataFrame]:
    """The rows of ``failure``, and the days of those that count."""
    facts = _facts(store, zone, scopes)
    rows: list[dict[str, object]] = []
    days: list[pd.DataFrame] = []
    for number, scope in enumerate(scopes):
        fact = facts[number]
        if scope.topic is None and _is_explained(scope, fact, scopes):
            continue
        course, expected = _course(scope, daily, spans)
        failure_id = hashlib.blake2b(scope.seed.encode(), digest_size=6).hexdigest()
        rows.append(
            {
                "failure_id": failure_id,
                "topic_code": scope.topic,
                "area_code": scope.areas[0] if len(scope.areas) == 1 else None,
                "area_codes": " ".join(scope.areas) or None,
                "agency_code": scope.agency or fact.agency,
                "started_on": day_of(scope.first),
                "noticed_on": day_of(scope.noticed),
                "last_on": day_of(scope.last),
                "ended_on": None if scope.is_open else day_of(scope.last),
                "people_count": fact.people,
                "feedback_count": fact.feedback,
                "expected_count": round(expected, 2),
                "z": round(scope.score, 2),
                "evidence": _evidence(scope),
                "answered_count": fact.answered,
                "is_answered": fact.answered_on is not None,
                "answered_on": fact.answered_on,
                "issue_id": fact.issue_id,
                "is_copied_text": scope.is_copied,
            }
        )
        if not scope.is_copied:
            days.append(course.assign(failure_id=failure_id))
    columns = schema.table("failure").columns
    table = pa.table({c.name: pa.array([r[c.name] for r in rows], _TYPES[c.type]) for c in columns})
    frame = pd.concat(days, ignore_index=True) if days else pd.DataFrame(columns=list(_DAY_COLUMNS))
    return table, frame[list(_DAY_COLUMNS)]


_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


def _evidence(scope: _Scope) -> str:
    what = "the week up to one day" if scope.is_week else "one day by itself"
    return (
        f"{what} lay {scope.score:.1f} usual swings above what the eight weeks before led to expect, "
        "too many to be chance among all series of that day"
    )


def _is_explained(scope: _Scope, fact: _Fact, scopes: Iterable[_Scope]) -> bool:
    """Whether failures of single topics on the same days hold most of what an agency's rise is made of."""
    topics = {
        s.topic
        for s in scopes
        if s.topic is not None
        and s.is_copied <= scope.is_copied
        and s.first <= scope.last
        and s.last >= scope.first
    }
    return sum(n for code, n in fact.topics.items() if code in topics) >= _EXPLAINS_AGENCY * fact.feedback


def _course(
    scope: _Scope, daily: Mapping[str, Daily], spans: Mapping[str, Span]
) -> tuple[pd.DataFrame, float]:
    """The days of a failure and around it (with what was to be expected), and the sum expected of the failure."""
    begin = max(spans[source].first for source in scope.sources)
    end = min(spans[source].last for source in scope.sources)
    counts = np.zeros(end - begin + 1)
    for kind, series in _series_of(scope):
        one = daily[kind]
        if series in one.names:
            at = one.names.index(series)
            counts += one.matrix(scope.sources, begin, end, rows=slice(at, at + 1))[0]
    first = max(scope.first - CHART_DAYS, begin)
    last = min(scope.last + CHART_DAYS // 2, end)
    expected, dispersion = profile(counts, scope.noticed - begin, first - begin, last - begin)
    low, high = usual_range(expected, dispersion)
    frame = pd.DataFrame(
        {
            "day": [day_of(n) for n in range(first, last + 1)],
            "people": counts[first - begin : last - begin + 1].astype("int64"),
            "expected": expected.round(2),
            "low": low.round(2),
            "high": high.round(2),
        }
    )
    return frame, float(expected[scope.first - first : scope.last - first + 1].sum())


def _series_of(scope: _Scope) -> list[tuple[str, tuple[str, ...]]]:
    if scope.topic is None:
        return [("agency", (str(scope.agency),))]
    if scope.areas:
        return [("place", (scope.topic, area)) for area in scope.areas]
    return [("topic", (scope.topic,))]


@dataclass(frozen=True, slots=True)
class _Fact:
    people: int
    feedback: int
    answered: int
    answered_on: date | None
    agency: str
    topics: Mapping[str, int]
    issue_id: str | None


def _facts(store: Store, zone: str, scopes: Sequence[_Scope]) -> list[_Fact]:
    """What is known of the messages of each failure."""
    windows = [
        _Window(number, kind, series, scope.first, scope.last, scope.sources)
        for number, scope in enumerate(scopes)
        for kind, series in _series_of(scope)
    ]
    if not windows:
        return []
    issue = store.read("issue").filter(ibis._.has_page).select("issue_id")
    with _kept(store, _in_windows(store, zone, windows)) as rows:
        held = store.read("issue_feedback").select("feedback_id", "issue_id")
        member = rows.select("window", "feedback_id").join(held.semi_join(issue, "issue_id"), "feedback_id")
        answered = rows.filter(rows.responded_at.notnull())
        frames = {
            "all": rows.group_by("window").aggregate(people=rows.person.nunique(), feedback=rows.count()),
            "answers": answered.group_by(
                "window", day=local_time(answered.responded_at, zone).date()
            ).aggregate(count=ibis._.count()),
            "agency": rows.group_by("window", code=rows.agency_code).aggregate(count=ibis._.count()),
            "topic": rows.group_by("window", code=rows.topic_code).aggregate(count=ibis._.count()),
            "issue": member.group_by("window", code=member.issue_id).aggregate(count=ibis._.count()),
        }
        found = {name: store.frame(expr) for name, expr in frames.items()}
    return [_fact(number, found) for number in range(len(scopes))]


def _fact(number: int, frames: Mapping[str, pd.DataFrame]) -> _Fact:
    own = {name: frame[frame["window"] == number] for name, frame in frames.items()}
    people, feedback = (int(own["all"][name].iloc[0]) for name in ("people", "feedback"))
    answers = own["answers"].sort_values("day")
    answered = int(answers["count"].sum())
    answered_on = None
    if answered * 2 >= feedback:
        half = answers["day"][answers["count"].cumsum() * 2 >= feedback].iloc[0]
        answered_on = date(half.year, half.month, half.day)
    return _Fact(
        people,
        feedback,
        answered,
        answered_on,
        _most(own["agency"]) or schema.MISSING_CODE,
        {
            str(code): int(count)
            for code, count in zip(own["topic"]["code"], own["topic"]["count"], strict=True)
        },
        _most(own["issue"]),
    )


def _most(counts: pd.DataFrame) -> str | None:
    """The code with the highest count; of several, the first in the alphabet."""
    if not len(counts):
        return None
    return str(counts.sort_values(["count", "code"], ascending=[False, True])["code"].iloc[0])


# -- numbers
# --------------------------------------------------------------------------------------------------------------


def failure_rows(found: Failures) -> pd.DataFrame:
    """The rows of ``measure_result`` about failures. Only sources that publish their rows take part: none is hidden."""
    rows = found.rows.to_pandas()
    counted = rows[~rows["is_copied_text"].astype(bool)]
    whole = {
        "failures": len(counted),
        "failures_of_one_text": len(rows) - len(counted),
        "watched_days": found.watched_days,
        "watched_series": found.watched_series,
    }
    frames = [_rows(name, [(TOTAL, TOTAL, INTERVAL_ALL)], [value]) for name, value in whole.items()]
    cells = [("failure", code, INTERVAL_ALL) for code in counted["failure_id"]]
    if cells:
        of_each = {
            "failure_people": counted["people_count"],
            "failure_feedback": counted["feedback_count"],
            "failure_expected": counted["expected_count"],
            "failure_score": counted["z"],
        }
        frames += [_rows(name, cells, values) for name, values in of_each.items()]
        answered = _rows("failure_answered", cells, counted["answered_count"])
        frames.append(answered.assign(denominator=counted["feedback_count"].astype("Int64").to_numpy()))
        days = [
            ("failure", code, day.isoformat())
            for code, day in zip(found.days["failure_id"], found.days["day"], strict=True)
        ]
        frames.append(_rows("failure_people", days, found.days["people"]))
        expected = _rows("failure_expected", days, found.days["expected"])
        frames.append(expected.assign(low=found.days["low"].to_numpy(), high=found.days["high"].to_numpy()))
    return with_columns(frames)


def _rows(measure: str, cells: Sequence[tuple[str, str, str]], values: Iterable[float]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(cells, names=CELL)
    given = pd.Series(list(values), index=index, dtype="float64")
    is_whole = measure_named(measure).unit not in {"people on average", "swings"}
    counted = given if is_whole else given * np.nan
    rows = count_rows(measure, counted, pd.Series([False] * len(index), index=index))
    return rows.assign(value=given.to_numpy())
