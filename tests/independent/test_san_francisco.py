"""San Francisco's measures once more, from the raw file.

This shares nothing with the program but the definitions in words and the project's own configuration: it
reads the city's CSV with the standard library, computes every measure in every breakdown and month with
plain Python and lifelines, and compares all of it with the published ``measures.csv``. The one thing taken
from the published data is the class of each note (``updates.csv``), since how notes are classified is not
what is checked here.

    SF311_CSV=.../311_service_requests.csv SF_BOUNDARIES=.../san-francisco.geojson pytest tests/independent
"""

from __future__ import annotations

import csv
import functools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import shapely
import yaml
from lifelines import KaplanMeierFitter
from shapely.geometry import shape

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "examples" / "san-francisco"
SHARED = ROOT.parent / "shared" / "data"
RAW = Path(os.environ.get("SF311_CSV", SHARED / "sf311-2008-2018" / "311_service_requests.csv"))
BOUNDARIES = Path(os.environ.get("SF_BOUNDARIES", SHARED / "boundaries" / "san-francisco.geojson"))
ZONE = ZoneInfo("America/Los_Angeles")
MINUTE = timedelta(minutes=1)
RESPONSES = {"substance", "work_done"}

Key = tuple[str, str, str, str]
Expected = tuple[float | None, float | None, float | None, int | None, int | None]


@dataclass(frozen=True)
class Request:
    """One service request, as the raw file has it; instants in UTC."""

    record_id: str
    month: str
    groups: dict[str, str]
    created: datetime
    closed: datetime | None
    note: datetime | None
    responded: datetime | None


def instant(text: str) -> datetime | None:
    """A local time on which the file writes +00:00."""
    if not text:
        return None
    local = datetime.fromisoformat(text).replace(tzinfo=ZONE)
    return local.astimezone(UTC)


def slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name.replace("'", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")


def topic_codes() -> tuple[dict[str, str], dict[str, str | None]]:
    """The topic of each of the source's codes, and the agency of each topic."""
    config = yaml.safe_load((PROJECT / "data" / "topics.yml").read_text("utf-8"))
    services = {s["code"]: s.get("agency") for s in config["services"]}
    topics: dict[str, str] = {}
    agencies: dict[str, str | None] = {}
    for topic in config["topics"]:
        agencies[topic["code"]] = topic.get("agency") or services[topic["service"]]
        assert not topic.get("phrases"), "this check knows no phrases"
        for codes in topic.get("codes", {}).values():
            for code in codes:
                topics.setdefault(" ".join(code.casefold().split()), topic["code"])
    return topics, agencies


def topic_of(row: dict[str, str], topics: dict[str, str]) -> str:
    parts = [p for p in (row["category"], row["complaint_type"]) if p]
    code = ": ".join(parts)
    while code:
        found = topics.get(" ".join(code.casefold().split()))
        if found:
            return found
        code = code.rpartition(": ")[0]
    return "unmapped"


def area_finder() -> Any:
    features = json.loads(BOUNDARIES.read_text("utf-8"))["features"]
    areas = [(slug(f["properties"]["name"]), shape(f["geometry"])) for f in features]

    def find(row: dict[str, str]) -> str:
        latitude, longitude = float(row["latitude"] or 0), float(row["longitude"] or 0)
        if not latitude or not longitude:
            return "unplaced"
        point = shapely.Point(longitude, latitude)
        return next((code for code, polygon in areas if polygon.covers(point)), "unplaced")

    return find


def answered(site: Path) -> set[str]:
    """The record ids of which the published class of the note is a response."""
    with (site / "data" / "feedback.csv").open(encoding="utf-8", newline="") as file:
        record = {row["feedback_id"]: row["record_id"].lstrip("'") for row in csv.DictReader(file)}
    with (site / "data" / "updates.csv").open(encoding="utf-8", newline="") as file:
        return {
            record[row["feedback_id"]] for row in csv.DictReader(file) if row["update_class"] in RESPONSES
        }


def read_requests(site: Path) -> tuple[list[Request], datetime]:
    topics, topic_agencies = topic_codes()
    with (PROJECT / "data" / "lookups" / "queues.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        column = next(c for c in reader.fieldnames or () if c != "value" and "code" in c)
        queues = {row["value"]: row[column] for row in reader}
    with RAW.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    changed = datetime.fromtimestamp(RAW.stat().st_mtime, UTC)
    times = [
        at
        for row in rows
        for name in ("created_date", "closed_date", "resolution_action_updated_date")
        if (at := instant(row[name])) and at <= changed
    ]
    until = max(times)
    responded = answered(site)
    find_area = area_finder()
    requests = []
    for row in rows:
        created = instant(row["created_date"])
        assert created
        closed = instant(row["closed_date"]) if row["status"] == "Closed" else None
        note = instant(row["resolution_action_updated_date"]) if row["status_notes"].strip() else None
        topic = topic_of(row, topics)
        agency = queues.get(row["agency_name"]) or topic_agencies.get(topic) or "unmapped"
        requests.append(
            Request(
                record_id=row["unique_key"],
                month=created.astimezone(ZONE).strftime("%Y-%m"),
                groups={
                    "all": "all",
                    "agency": agency,
                    "topic": topic,
                    "area": find_area(row),
                    "source": "sf311",
                },
                created=created,
                closed=closed if closed and closed <= until else None,
                note=note if note and note <= until else None,
                responded=note if row["unique_key"] in responded and note and note <= until else None,
            )
        )
    return requests, until


def wilson(those: int, out_of: int) -> tuple[float, float]:
    p, z2 = those / out_of, 1.96 * 1.96
    middle = (p + z2 / (2 * out_of)) / (1 + z2 / out_of)
    half = 1.96 / (1 + z2 / out_of) * math.sqrt(p * (1 - p) / out_of + z2 / (4 * out_of**2))
    return middle - half, middle + half


def share(those: int, out_of: int) -> Expected:
    if out_of < 10:
        return None, None, None, those, out_of
    return those / out_of, *wilson(those, out_of), those, out_of


def exact_quantile(waits: Sequence[tuple[int, bool]], share_left: Fraction) -> int | None:
    """Kaplan and Meier's curve with fractions."""
    ends, all_times = Counter(t for t, is_over in waits if is_over), Counter(t for t, _ in waits)
    left, survival = len(waits), Fraction(1)
    for time in sorted(all_times):
        survival *= 1 - Fraction(ends[time], left)
        left -= all_times[time]
        if ends[time] and survival <= share_left:
            return time
    return None


@functools.cache
def quantiles(waits: tuple[tuple[int, bool], ...]) -> list[tuple[float | None, float | None, float | None]]:
    """In days the time until half and nine tenths are over, each with its interval."""
    fit = KaplanMeierFitter().fit([t for t, _ in waits], [e for _, e in waits])
    bands = fit.confidence_interval_
    rows = []
    for left in (Fraction(1, 2), Fraction(1, 10)):
        found: list[float | None] = [exact_quantile(waits, left)]
        for column in (0, 1):
            band = bands.iloc[:, column]
            reached = band.index[band <= float(left) + 1e-12]
            found.append(float(reached[0]) if len(reached) else None)
        point, low, high = (None if x is None else x / 1440 for x in found)
        rows.append((point, low, high))
    return rows


def durations(name: str, waits: list[tuple[int, bool]]) -> Iterator[tuple[str, Expected]]:
    events = sum(is_over for _, is_over in waits)
    # Many groups hold the same: what one source raised is what was raised.
    found = quantiles(tuple(sorted(waits))) if len(waits) >= 10 else [(None, None, None)] * 2
    for quantile, points in zip(("median", "p90"), found, strict=True):
        yield f"{quantile}_days_to_{name}", (*points, events, len(waits))


def measures(requests: list[Request], until: datetime, *, still_open: int) -> Iterator[tuple[str, Expected]]:
    """Every measure of one cell."""
    yield "raised", (len(requests), None, None, len(requests), None)
    yield "open", (still_open, None, None, still_open, None)
    if not requests:
        return
    on_closing_clock = [r for r in requests if not (r.closed and r.closed < r.created)]
    possible = [r for r in on_closing_clock if not (r.note and r.note < r.created)]
    yield "acknowledged_rate", share(sum(bool(r.note or r.closed) for r in possible), len(possible))
    yield "response_rate", share(sum(bool(r.responded) for r in possible), len(possible))
    for days in (7, 28, 90):
        old = [r for r in possible if (until - r.created) // MINUTE >= days * 1440]
        those = sum(bool(r.responded and (r.responded - r.created) // MINUTE <= days * 1440) for r in old)
        yield f"response_rate_{days}d", share(those, len(old))
    yield from durations(
        "first_response",
        [(((r.responded or until) - r.created) // MINUTE, bool(r.responded)) for r in possible],
    )
    yield from durations(
        "closing", [(((r.closed or until) - r.created) // MINUTE, bool(r.closed)) for r in on_closing_clock]
    )


def expected_measures(requests: list[Request], until: datetime) -> dict[Key, Expected]:
    first, last = min(r.month for r in requests), max(r.month for r in requests)
    last = max(last, until.astimezone(ZONE).strftime("%Y-%m"))
    months = [
        f"{n // 12:04d}-{n % 12 + 1:02d}"
        for n in range(int(first[:4]) * 12 + int(first[5:]) - 1, int(last[:4]) * 12 + int(last[5:]))
    ]
    found: dict[Key, Expected] = {}
    for breakdown in ("all", "agency", "topic", "area", "source"):
        groups: dict[str, list[Request]] = defaultdict(list)
        for request in requests:
            groups[request.groups[breakdown]].append(request)
        for group, members in groups.items():
            # Of each the month in which it was raised, and the one in which it was closed, or a later one than any.
            open_in = [
                (r.month, r.closed.astimezone(ZONE).strftime("%Y-%m") if r.closed else "9999-99")
                for r in members
            ]
            for interval in ("all", *months):
                here = [r for r in members if interval in ("all", r.month)]
                end = months[-1] if interval == "all" else interval
                still = sum(month <= end < closed for month, closed in open_in)
                for name, row in measures(here, until, still_open=still):
                    found[name, interval, breakdown, group] = row
    return found


def published_measures(site: Path) -> dict[Key, dict[str, str]]:
    with (site / "data" / "measures.csv").open(encoding="utf-8", newline="") as file:
        return {
            (r["measure"], r["interval"], r["breakdown"], r["group_code"]): r for r in csv.DictReader(file)
        }


def number(text: str) -> float | None:
    return float(text) if text else None


def same(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)


def differences(site: Path) -> list[str]:
    """Every difference between the published measures and the second computation."""
    requests, until = read_requests(site)
    expected, published = expected_measures(requests, until), published_measures(site)
    names = {name for name, _, _, _ in expected}
    found = [
        f"not computed here: {key}"
        for key in published
        if key[0] in names - {"raised", "open"} and key not in expected
    ]
    found += [
        f"not computed here: {key}"
        for key in published
        if key[0] in {"raised", "open"} and key[2] != "issue" and key not in expected
    ]
    for key, row in expected.items():
        if key not in published:
            found.append(f"not published: {key}")
            continue
        here = published[key]
        for column, value in zip(("value", "low", "high", "numerator", "denominator"), row, strict=True):
            if not same(number(here[column]), value):
                found.append(f"{key}: {column} is {here[column] or 'empty'}, computed here {value}")
        is_too_few = row[4] is not None and row[4] < 10
        is_not_reached = "_days_to_" in key[0] and not is_too_few and row[0] is None
        for column, truth in (
            ("is_too_few", is_too_few),
            ("is_not_reached", is_not_reached),
            ("is_suppressed", False),
        ):
            if here[column].lower() != str(truth).lower():
                found.append(f"{key}: {column} is {here[column]}")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for path in (RAW, BOUNDARIES):
        if not path.exists():
            pytest.skip(f"the city's data are not here ({path.name}); see the module's docstring")
    given = os.environ.get("ANSWERABLE_SF_SITE")
    if given:
        return Path(given)
    project = tmp_path_factory.mktemp("sf") / "san-francisco"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("build"))
    subprocess.run(
        [Path(sys.executable).with_name("answerable"), "build", project],
        check=True,
        env={**os.environ, "SF311_CSV": os.fspath(RAW), "SF_BOUNDARIES": os.fspath(BOUNDARIES)},
    )
    return project / "build" / "site"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Approximating using")
def test_every_measure_breakdown_and_month(site: Path) -> None:
    found = differences(site)
    assert not found, f"{len(found)} differences, such as\n" + "\n".join(found[:20])


@pytest.mark.slow
def test_the_facts_known_beforehand(site: Path) -> None:
    """What was found out about this file before the program was written."""
    requests, _ = read_requests(site)
    assert len(requests) == 10_000
    assert sum(r.closed is None for r in requests) == 370
    assert sum(bool(r.closed and r.closed < r.created) for r in requests) == 17
    published = published_measures(site)
    median = published["median_days_to_closing", "all", "all", "all"]
    assert [round(float(median[c]), 2) for c in ("value", "low", "high")] == [6.13, 5.9, 6.5]
    assert round(float(published["p90_days_to_closing", "all", "all", "all"]["value"]), 1) == 557.9
