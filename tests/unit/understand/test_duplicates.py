"""The same message again: against a plain reading of the rule, and through the stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answerable import schema
from answerable.store import Store
from answerable.understand.duplicates import duplicates
from answerable.understand.relevance import conversation_parts

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

START = datetime(2024, 1, 31)  # noqa: DTZ001  (the store's instants are UTC without a zone)
TEXTS = (
    "No water!",
    "no  WATER",
    "@works no water",
    "There is no water, again & again",
    "there is NO water again again https://a.example/x",
    "RT @someone: There is no water: again, again",
    "@" + "townworks" * 3,
    "...",
    None,
)
_TYPES = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "boolean": pa.bool_()}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(Path(tmp_path_factory.mktemp("store"))) as opened:
        yield opened


def message(row: tuple[int, int, str | None, str | None, str, str | None, bool]) -> dict[str, Any]:
    number, seconds, text, author, kind, area, is_official = row
    return {
        "feedback_id": f"{number:04d}",
        "source_id": "s",
        "record_id": str(number),
        "month": "2024-01",
        "kind": kind,
        "created_at": START + timedelta(seconds=seconds),
        "text": text,
        "author_key": author,
        "area_code": area,
        "is_official": is_official,
    }


def words(text: str | None) -> str:
    plain = re.sub(r"^rt @\w+:|https?://\S+", " ", (text or "").lower())
    return " ".join(re.findall(r"\w+", plain))


def by_hand(rows: list[dict[str, Any]]) -> dict[str, str]:
    groups: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["text"] is None or not words(row["text"]):
            continue
        addressed = re.sub(r"@[\w.@-]+", " ", row["text"])
        if not words(addressed):
            continue
        if row["kind"] == "post" and len(words(addressed)) >= 20:
            key: tuple[object, ...] = (words(row["text"]),)
        elif row["author_key"] is None or row["is_official"]:
            continue
        else:
            key = (words(row["text"]), row["kind"], row["author_key"], row["area_code"])
        groups.setdefault(key, []).append(row)
    found: dict[str, str] = {}
    for group in groups.values():
        first: dict[str, Any] | None = None
        before: datetime | None = None
        for row in sorted(group, key=lambda r: (r["created_at"], r["feedback_id"])):
            if first is None or before is None or row["created_at"] - before > timedelta(days=30):
                first = row
            else:
                found[row["feedback_id"]] = first["feedback_id"]
            before = row["created_at"]
    return found


gaps = st.sampled_from([0, 1, 86_400, 29 * 86_400, 30 * 86_400 - 1, 30 * 86_400, 30 * 86_400 + 1])


@st.composite
def messages(draw: st.DrawFn) -> list[dict[str, Any]]:
    seconds = 0
    rows = []
    for number in draw(st.permutations(range(draw(st.integers(0, 12))))):
        seconds += draw(gaps)
        rows.append(
            message(
                (
                    number,
                    seconds,
                    draw(st.sampled_from(TEXTS)),
                    draw(st.sampled_from(["ann", "bob", None])),
                    draw(st.sampled_from(["post", "service_request", "petition"])),
                    draw(st.sampled_from(["north", None])),
                    draw(st.booleans()),
                )
            )
        )
    return draw(st.permutations(rows))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=messages())
def test_repeats_are_those_that_a_plain_reading_of_the_rule_finds(
    store: Store, rows: list[dict[str, Any]]
) -> None:
    columns = [
        pa.array(
            [row.get(c.name) for row in rows], pa.timestamp("us") if c.type == "timestamp" else _TYPES[c.type]
        )
        for c in schema.table("feedback").columns
    ]
    feedback = ibis.memtable(pa.table(columns, names=list(schema.table("feedback").names)))
    found = store.con.to_pyarrow(duplicates(feedback, conversation_parts(feedback))).to_pylist()
    assert {row["feedback_id"]: row["duplicate_of"] for row in found} == by_hand(rows)


def test_runs_go_across_months_and_sources(town: Town) -> None:
    first = town.add("1", "2024-01-20", source_id="posts", text="No heating at Mill Hill school")
    later = town.add("2", "2024-02-15", source_id="posts", text="no heating at mill hill school!!")
    last = town.add("3", "2024-03-14", source_id="posts", text="No heating at Mill Hill school.")
    new = town.add("4", "2024-06-01", source_id="posts", text="No heating at Mill Hill school")
    town.understand()
    readings = town.by_id("reading")
    assert [readings[i]["duplicate_of"] for i in (first, later, last, new)] == [None, first, first, None]


def test_what_is_short_many_people_say_by_themselves(town: Town) -> None:
    said = {"source_id": "posts", "text": "@TownWater still no water"}
    ann = town.add("1", "2024-01-20", author_key="ann", **said)
    bob = town.add("2", "2024-01-21", author_key="bob", **said)
    again = town.add("3", "2024-01-22", author_key="ann", **said)
    town.understand()
    readings = town.by_id("reading")
    assert [readings[i]["duplicate_of"] for i in (ann, bob, again)] == [None, None, ann]


def test_two_people_who_ask_for_the_same_are_two_people(town: Town) -> None:
    values = {"text": "Lamp is out", "service_code": "PARK", "area_code": "mill-hill"}
    ann = town.add("1", "2024-01-20", author_key="ann", **values)
    bob = town.add("2", "2024-01-21", author_key="bob", **values)
    again = town.add("3", "2024-01-22", author_key="ann", **values)
    elsewhere = town.add("4", "2024-01-22", author_key="ann", **{**values, "area_code": "old-harbour"})
    unknown = [town.add(name, "2024-01-23", **values) for name in ("5", "6")]
    town.understand()
    readings = town.by_id("reading")
    assert readings[again]["duplicate_of"] == ann
    assert readings[again]["exclusion_rule"] == "same-words-same-person"
    assert all(readings[i]["is_counted"] for i in (ann, bob, elsewhere, *unknown))


def test_what_was_said_inside_a_conversation_is_repeated_by_nobody(town: Town) -> None:
    root = town.add("1", "2024-01-01", source_id="posts", text="Bins?", conversation_id="1")
    town.add("2", "2024-01-02", source_id="posts", text="Our bins were left again", conversation_id="1")
    own = town.add("3", "2024-01-03", source_id="posts", text="Our bins were left again", conversation_id="3")
    town.understand()
    assert town.reading(root)["is_counted"]
    assert town.reading(own)["is_counted"]


def test_who_only_repeats_an_agency_raises_nothing(town: Town) -> None:
    theirs = town.add(
        "1", "2024-01-01", source_id="posts", text="The bridge is closed on Sunday", is_official=True
    )
    copy = town.add(
        "2",
        "2024-01-01",
        source_id="posts",
        text="RT @TownWorks: The bridge is closed on Sunday",
        is_repost=True,
    )
    town.understand()
    assert town.reading(theirs)["exclusion"] == "official"
    assert town.reading(copy)["duplicate_of"] == theirs
