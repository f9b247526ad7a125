"""The measures of made-up feedback, against a second computation in plain Python with exact fractions."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from answerable import schema
from answerable.measure.stage import measure
from answerable.settings import Agency, Licence, Service, Settings, Site, TableSource, Topic
from answerable.store import Store

ZONE = "America/Los_Angeles"
WALL = ZoneInfo(ZONE)
LIMITS = (7, 28, 90)
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


@dataclass(frozen=True)
class Case:
    """One feedback with what happened to it; times are minutes since the start of the world."""

    source: str
    kind: str
    agency: str
    topic: str
    area: str | None
    created: int
    seconds: int = 0
    is_counted: bool = True
    reported_closed: int | None = None
    closing_year: int | None = None
    updates: tuple[tuple[str, int, bool], ...] = ()
    responses: tuple[int, ...] = ()
    support: int | None = None
    threshold: int | None = None
    reached: int | None = None


@dataclass(frozen=True)
class World:
    """What the test knows: cases, and T of each source in minutes."""

    cases: tuple[Case, ...]
    until: dict[str, int] = field(default_factory=dict)


START = datetime(2021, 3, 1, 8, tzinfo=UTC)
"""Midnight in Los Angeles; two weeks later the clocks there change."""
DAYS = {"day"}
PRIVATE = {"closed-room"}
SELECTED = {"chosen"}
SOURCES = ("open", "closed-room", "chosen", "day")


def instant(minutes: int, seconds: int = 0) -> datetime:
    return START + timedelta(minutes=minutes, seconds=seconds)


def day_instant(days: int) -> datetime:
    """Local midnight, so many days after the start."""
    day = date(2021, 3, 1) + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=WALL).astimezone(UTC)


def at(case: Case, minutes: int, seconds: int = 0) -> datetime:
    return day_instant(minutes // 1440) if case.source in DAYS else instant(minutes, seconds)


def rows_of(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    columns = schema.table(name).columns
    naive = [
        {k: v.astimezone(UTC).replace(tzinfo=None) if isinstance(v, datetime) else v for k, v in row.items()}
        for row in rows
    ]
    for row in naive:
        assert set(row) <= {c.name for c in columns}
    return pa.table({c.name: pa.array([row.get(c.name) for row in naive], _TYPES[c.type]) for c in columns})


def closing_reported(case: Case) -> datetime | None:
    if case.closing_year is not None:
        return datetime(case.closing_year, 5, 5, tzinfo=UTC)
    return None if case.reported_closed is None else at(case, case.reported_closed)


def fill(store: Store, world: World) -> None:
    feedback, updates, readings, links = [], [], [], []
    for number, case in enumerate(world.cases):
        key = {
            "feedback_id": f"f{number:05d}",
            "source_id": case.source,
            "month": at(case, case.created, case.seconds).astimezone(WALL).strftime("%Y-%m"),
        }
        feedback.append(
            {
                **key,
                "record_id": str(number),
                "kind": case.kind,
                "channel": "web",
                "area_code": case.area,
                "created_at": at(case, case.created, case.seconds),
                "closed_at": closing_reported(case),
                "time_precision": "day" if case.source in DAYS else "second",
                "support_count": case.support,
                "threshold_count": case.threshold,
                "threshold_reached_at": None if case.reached is None else at(case, case.reached),
                "is_official": False,
                "is_repost": False,
            }
        )
        readings.append(
            {
                **key,
                "is_counted": case.is_counted,
                "exclusion": None if case.is_counted else "duplicate",
                "topic_code": case.topic,
                "topic_rule": "t",
                "agency_code": case.agency,
                "agency_rule": "t",
                "redaction_count": 0,
            }
        )
        for place, (kind, minutes, is_official) in enumerate(case.updates):
            updates.append(
                {
                    **key,
                    "update_id": f"u{number:05d}-{place}",
                    "at": at(case, minutes),
                    "kind": kind,
                    "is_official": is_official,
                    "is_at_latest": False,
                }
            )
        for place, minutes in enumerate(case.responses):
            links.append(
                {
                    **key,
                    "response_id": f"r{number:05d}-{place}",
                    "responded_at": at(case, minutes),
                    "method": "note",
                    "confidence": 1.0,
                    "is_reviewed": False,
                }
            )
    sources = [
        {
            "source_id": s,
            "name": s,
            "connector": "table",
            "is_published_by_row": s not in PRIVATE,
            "is_rate_published": s not in SELECTED,
            "as_of_at": instant(world.until[s]),
            "is_stale": False,
            "is_complete": True,
            "feedback_count": 1,
        }
        for s in SOURCES
    ]
    with store.transaction():
        for name, rows in (
            ("feedback", feedback),
            ("feedback_update", updates),
            ("reading", readings),
            ("response_feedback", links),
            ("source", sources),
        ):
            store.write(name, rows_of(name, rows))


def project(folder: Path) -> Settings:
    return Settings(
        project=folder,
        site=Site(
            name="s",
            description="d",
            url="https://example.org",
            publisher="p",
            contact="c@example.org",
            timezone=ZONE,
        ),
        agencies=(Agency(code="a", name="A"), Agency(code="b", name="B")),
        services=(Service(code="s", name="S"),),
        topics=(Topic(code="t", name="T", service="s"),),
        sources=tuple(
            TableSource(
                connector="table",
                id=s,
                name=s,
                licence=Licence(name="x"),
                publish_rows=s not in PRIVATE,
                rates=s not in SELECTED,
                kind="service_request",
                path="x.csv",
                columns={"record_id": "a", "created_at": "b"},  # type: ignore[dict-item]
            )
            for s in SOURCES
        ),
    )


# -- the second computation
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clock:
    """What a case is for the measures."""

    case: Case
    month: str
    possible: bool
    expected: bool
    acknowledged: bool
    responded: bool
    closed_at: datetime | None
    confirmed: bool
    response: tuple[int, bool] | None
    known: int | None
    closing: tuple[int, bool] | None


def waited(case: Case, start: datetime, end: datetime) -> int:
    if case.source in DAYS:
        return (end.astimezone(WALL).date() - start.astimezone(WALL).date()).days * 1440
    return (end - start) // timedelta(minutes=1)


def clock_of(case: Case, until: datetime) -> Clock:
    created = at(case, case.created, case.seconds)
    happened = [(k, at(case, m), o) for k, m, o in case.updates if at(case, m) <= until]
    reported = closing_reported(case)
    closings = [t for k, t, _ in happened if k == "closed"] + (
        [reported] if reported and reported <= until else []
    )
    closed = max(closings, default=None)
    if closed is not None and any(k == "reopened" and t >= closed for k, t, _ in happened):
        closed = None
    answers = [at(case, m) for m in case.responses if at(case, m) <= until]
    responded = min(answers, default=None)
    reactions = [t for _, t, o in happened if o] + [t for t in (closed, responded) if t]
    acknowledged = min(reactions, default=None)
    is_petition = case.kind == "petition"
    reached = None if case.reached is None else at(case, case.reached)
    if reached is not None and reached > until:
        reached = None
    start = reached if is_petition else created
    is_year_right = reported is None or (reported.year >= 1990 and reported <= until + timedelta(days=366))
    can_close = is_year_right and (closed is None or closed >= created) and until >= created
    possible = (
        can_close
        and (acknowledged is None or acknowledged >= created)
        and (responded is None or start is None or responded >= start)
    )
    expected = (
        not is_petition
        or reached is not None
        or (responded is not None and case.threshold is not None)
        or (case.support is not None and case.threshold is not None and case.support >= case.threshold)
    )
    on_clock = possible and expected and start is not None
    return Clock(
        case=case,
        month=created.astimezone(WALL).strftime("%Y-%m"),
        possible=possible,
        expected=expected,
        acknowledged=acknowledged is not None,
        responded=responded is not None,
        closed_at=closed,
        confirmed=any(k == "confirmed" for k, _, _ in happened),
        response=(waited(case, start, responded or until), responded is not None)
        if on_clock and start
        else None,
        known=waited(case, start, until) if on_clock and start else None,
        closing=(waited(case, created, closed or until), closed is not None) if can_close else None,
    )


def wilson(those: int, out_of: int) -> tuple[float, float]:
    p, n, z = Decimal(those) / out_of, Decimal(out_of), Decimal("1.96")
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
    return float((middle - half) / (1 + z * z / n)), float((middle + half) / (1 + z * z / n))


def kaplan_meier(waits: list[tuple[int, bool]], p: Fraction) -> tuple[int | None, int | None, int | None]:
    """The quantile with exact fractions, its bounds with 50 digits."""
    survival, variance = Fraction(1), Fraction(0)
    value = low = high = None
    with localcontext() as context:
        context.prec = 50
        z = Decimal("1.959963984540054235524594430520551527955551")
        for time in sorted({t for t, is_event in waits if is_event}):
            waiting = sum(t >= time for t, _ in waits)
            events = sum(t == time and is_event for t, is_event in waits)
            survival *= Fraction(waiting - events, waiting)
            if survival:
                variance += Fraction(events, waiting * (waiting - events))
                s = Decimal(survival.numerator) / survival.denominator
                v = Decimal(variance.numerator) / variance.denominator
                power = (z * v.sqrt() / s.ln()).exp()
                bands = [s**power, s ** (1 / power)]
                lower, upper = min(bands), max(bands)
            else:
                lower = upper = Decimal(0)
            limit = Decimal(p.numerator) / p.denominator + Decimal("1e-12")
            value = time if value is None and survival <= p else value
            low = time if low is None and lower <= limit else low
            high = time if high is None and upper <= limit else high
    return value, low, high


def months_between(first: str, last: str) -> list[str]:
    found, year, month = [], int(first[:4]), int(first[5:])
    while f"{year:04d}-{month:02d}" <= last:
        found.append(f"{year:04d}-{month:02d}")
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def expected_rows(world: World) -> dict[tuple[str, str, str, str], tuple[Any, ...]]:
    """(measure, interval, breakdown, group) -> (value, low, high, numerator, denominator)."""
    clocks = [clock_of(c, instant(world.until[c.source])) for c in world.cases if c.is_counted]
    found: dict[tuple[str, str, str, str], tuple[Any, ...]] = {}
    if not clocks:
        return found
    ends = [instant(world.until[c.case.source]).astimezone(WALL).strftime("%Y-%m") for c in clocks]
    last = max(*(c.month for c in clocks), *ends)
    months = months_between(min(c.month for c in clocks), last)
    asking = {c.case.source for c in clocks if c.confirmed and c.possible}
    keys: dict[str, Callable[[Clock], str]] = {
        "all": lambda c: "all",
        "agency": lambda c: c.case.agency,
        "topic": lambda c: c.case.topic,
        "area": lambda c: c.case.area or "unplaced",
        "source": lambda c: c.case.source,
    }
    is_any_rated = any(s not in SELECTED for s in SOURCES)
    for breakdown, key in keys.items():
        for group in {key(c) for c in clocks}:
            members = [c for c in clocks if key(c) == group]
            for interval in ["all", *months]:
                here = [c for c in members if interval in ("all", c.month)]
                place = (interval, breakdown, group)
                found["raised", *place] = (len(here), None, None, len(here), None)
                end = interval if interval != "all" else months[-1]
                still = [
                    c
                    for c in members
                    if c.month <= end
                    and (c.closed_at is None or c.closed_at.astimezone(WALL).strftime("%Y-%m") > end)
                ]
                found["open", *place] = (len(still), None, None, len(still), None)
                if any(c.case.support is not None for c in members):
                    people = sum(c.case.support or 0 for c in here)
                    found["supporters", *place] = (people, None, None, people, None)
                rated = [c for c in here if c.case.source not in SELECTED]
                if rated:
                    found |= {(name, *place): row for name, row in rates_of(rated).items()}
                asked = [
                    c
                    for c in rated
                    if c.possible and (c.closed_at or c.confirmed) and c.case.source in asking
                ]
                if asked:
                    found["confirmed_rate", *place] = share(sum(c.confirmed for c in asked), len(asked))
                timed = [
                    c
                    for c in here
                    if breakdown == "source" or c.case.source not in SELECTED or not is_any_rated
                ]
                if timed:
                    for clock in ("first_response", "closing"):
                        waits = [
                            w for c in timed if (w := c.response if clock == "first_response" else c.closing)
                        ]
                        for name, p in (("median", Fraction(1, 2)), ("p90", Fraction(1, 10))):
                            points = kaplan_meier(waits, p) if len(waits) >= 10 else (None, None, None)
                            found[f"{name}_days_to_{clock}", *place] = (
                                *(None if x is None else x / 1440 for x in points),
                                sum(e for _, e in waits),
                                len(waits),
                            )
    return found


def share(those: int, out_of: int) -> tuple[Any, ...]:
    if out_of < 10:
        return (None, None, None, those, out_of)
    return (those / out_of, *wilson(those, out_of), those, out_of)


def rates_of(cases: list[Clock]) -> dict[str, tuple[Any, ...]]:
    possible = [c for c in cases if c.possible]
    due = [c for c in possible if c.expected]
    rows = {
        "acknowledged_rate": share(sum(c.acknowledged for c in possible), len(possible)),
        "response_rate": share(sum(c.responded for c in due), len(due)),
    }
    for days in LIMITS:
        old = [c for c in cases if c.known is not None and c.known >= days * 1440]
        those = [c for c in old if c.response and c.response[1] and c.response[0] <= days * 1440]
        rows[f"response_rate_{days}d"] = share(len(those), len(old))
    return rows


# -- the test
# ------------------------------------------------------------------------------------------------------------

_STEP = st.sampled_from([-1, 0, 1, 5, 1439, 1440, 1441, 7 * 1440, 8 * 1440, 20 * 1440, 28 * 1440, 60 * 1440])
_LATER = st.one_of(_STEP, st.integers(0, 120 * 1440))


@st.composite
def a_case(draw: st.DrawFn) -> Case:
    source = draw(st.sampled_from(SOURCES))
    created = draw(st.one_of(st.sampled_from([0, 1440, 31 * 1440]), st.integers(0, 100 * 1440)))
    later = _LATER.map(lambda step: created + step)
    kind = draw(st.sampled_from(["service_request", "service_request", "petition"]))
    updates = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["acknowledged", "replied", "closed", "reopened", "confirmed", "opened"]),
                later,
                st.booleans(),
            ).map(lambda u: (u[0], u[1], u[2] and u[0] not in {"confirmed", "opened"})),
            max_size=3,
        )
    )
    return Case(
        source=source,
        kind=kind,
        agency=draw(st.sampled_from("ab")),
        topic=draw(st.sampled_from("tu")),
        area=draw(st.sampled_from([None, "north"])),
        created=created,
        seconds=draw(st.sampled_from([0, 0, 59])),
        is_counted=draw(st.integers(0, 9)) > 0,
        reported_closed=draw(st.none() | later),
        closing_year=draw(st.sampled_from([None] * 8 + [1900, 2150])),
        updates=tuple(updates),
        responses=tuple(draw(st.lists(later, max_size=2))),
        support=draw(st.none() | st.integers(0, 12)),
        threshold=draw(st.none() | st.just(5)),
        reached=draw(st.none() | later),
    )


@st.composite
def a_world(draw: st.DrawFn) -> World:
    few = draw(st.lists(a_case(), max_size=8))
    many = [case for case in few for _ in range(draw(st.integers(1, 12)))]
    more = draw(st.lists(a_case(), max_size=25))
    until = {s: draw(st.sampled_from([100, 130, 400])) * 1440 + draw(st.integers(0, 1440)) for s in SOURCES}
    return World(tuple(many + more), until)


def close(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is None and right is None
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


def published(store: Store) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    rows = store.con.to_pyarrow(store.read("measure_result")).to_pylist()
    return {(r["measure"], r["interval"], r["breakdown"], r["group_code"]): r for r in rows}


@pytest.mark.slow
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A run takes half a second: making a failing world smaller would take longer than reading it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(a_world())
def test_every_measure_is_what_plain_python_computes(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
        fill(store, world)
        measure(store, project(Path(folder)))
        found = published(store)
    expected = expected_rows(world)
    main = {m for m, _, _, _ in expected}
    assert main <= {m for m, _, _, _ in found}
    extra = {k for k, row in found.items() if k[0] in main and k not in expected and not row["is_suppressed"]}
    # A blank row of a rate or a time stands where something was raised that has no clock; nothing else is extra.
    assert not extra
    for key, (value, low, high, numerator, denominator) in expected.items():
        row = found[key]
        if row["is_suppressed"]:
            assert all(row[c] is None for c in ("value", "low", "high", "numerator", "denominator")), key
            continue
        assert close(row["value"], value), (key, row, value)
        assert close(row["low"], low), (key, row, low)
        assert close(row["high"], high), (key, row, high)
        assert (row["numerator"], row["denominator"]) == (numerator, denominator), (key, row)
        is_share_or_time = key[0] not in {"raised", "open", "supporters"}
        assert row["is_too_few"] == (is_share_or_time and denominator < 10), (key, row)
        assert row["is_not_reached"] == ("_days_to_" in key[0] and denominator >= 10 and value is None), (
            key,
            row,
        )
    # What the private part of a number is, if it is small, must not be there.
    private = World(tuple(c for c in world.cases if c.source in PRIVATE), world.until)
    for key, (_, _, _, numerator, denominator) in expected_rows(private).items():
        counts = [numerator] if denominator is None else [numerator, denominator, denominator - numerator]
        if any(0 < n < 5 for n in counts):
            assert found[key]["is_suppressed"], (key, counts)
    if not private.cases:
        assert not any(r["is_suppressed"] for r in found.values())
