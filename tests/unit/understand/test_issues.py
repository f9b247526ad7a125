"""Issues: against a plain reading of the rule, and through the stage."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.store import Store

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

GAP = timedelta(days=60)
START = datetime(2023, 11, 30, 23, 59, 58)  # noqa: DTZ001  (the store's instants are UTC without a zone)


def issue_of(town: Town) -> dict[str, dict[str, Any]]:
    """The issue of each feedback that has one."""
    issues = town.by_id("issue")
    return {row["feedback_id"]: issues[row["issue_id"]] for row in town.rows("issue_feedback")}


def by_hand(feedback: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The issues that a plain reading of the rule makes of service requests."""
    topics = {"POTHOLE": "potholes", "LEAK": "leaks"}
    groups: dict[tuple[str, str, bool], list[dict[str, Any]]] = defaultdict(list)
    for row in feedback:
        if row["service_code"] in topics and row.get("area_code"):
            groups[topics[row["service_code"]], row["area_code"], row["source_id"] == "portal"].append(row)
    issues = []
    for (topic, area, is_public), rows in groups.items():
        rows.sort(key=lambda r: (r["created_at"], r["feedback_id"]))
        runs = [[rows[0]]]
        for before, row in pairwise(rows):
            if row["created_at"] - before["created_at"] > GAP:
                runs.append([])
            runs[-1].append(row)
        for run in runs:
            agencies = Counter(row["agency_code"] for row in run)
            people = {row["author_key"] for row in run if row.get("author_key")}
            issues.append(
                {
                    "issue_id": hashlib.md5(f"place\x1f{run[0]['feedback_id']}".encode()).hexdigest()[:16],
                    "topic_code": topic,
                    "area_code": area,
                    "agency_code": min(agencies, key=lambda code: (-agencies[code], code)),
                    "first_at": run[0]["created_at"],
                    "last_at": run[-1]["created_at"],
                    "feedback_count": len(run),
                    "has_page": len(run) >= 2 if is_public else len(people) >= 5,
                    "members": sorted(row["feedback_id"] for row in run),
                }
            )
    return sorted(issues, key=lambda i: str(i["issue_id"]))


requests = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 86_400, 59 * 86_400, 60 * 86_400 - 1, 60 * 86_400, 60 * 86_400 + 1]),
        st.sampled_from(["POTHOLE", "LEAK", "???"]),
        st.sampled_from(["old-harbour", "mill-hill", None]),
        st.sampled_from(["works", "water"]),
        st.sampled_from(["portal", "private", "private"]),
        st.sampled_from(["a", "b", "c", "d", "e", "f", None]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=4, deadline=None)
@given(rows=requests, order=st.randoms(use_true_random=False))
def test_issues_are_those_that_a_plain_reading_of_the_rule_makes(
    tmp_path_factory: pytest.TempPathFactory, town_type: type[Town], rows: list[Any], order: Any
) -> None:
    folder = Path(tmp_path_factory.mktemp("town"))
    with Store.open(folder / "build" / "store") as store:
        town = town_type(folder, store)
        when = START
        for number, (gap, code, area, agency, source, author) in enumerate(rows):
            when += timedelta(seconds=gap)
            town.add(
                str(number),
                when.isoformat(),
                source_id=source,
                service_code=code.lower() if source == "portal" else "hole" if code == "POTHOLE" else code,
                area_code=area,
                agency_code=agency,
                author_key=author,
                text="a leak" if code == "LEAK" else None,
            )
            town.feedback[-1]["text"] = f"{number} {'leak' if code == 'LEAK' else ''}"
        named = [
            {**row, "service_code": code} for row, (_, code, *_) in zip(town.feedback, rows, strict=True)
        ]
        order.shuffle(town.feedback)
        town.understand()
        members = defaultdict(list)
        for row in town.rows("issue_feedback"):
            members[row["issue_id"]].append(row["feedback_id"])
        expected = by_hand(named)
        found = (
            [
                {name: {**row, "members": sorted(members[row["issue_id"]])}[name] for name in expected[0]}
                for row in sorted(town.rows("issue"), key=lambda r: r["issue_id"])
                # Requests without a place may meet by their words: that is no issue of a place.
                if row["kind"] == "place"
            ]
            if expected
            else [row for row in town.rows("issue") if row["kind"] == "place"]
        )
        assert found == expected


def test_the_sixtieth_day_still_belongs_and_the_instant_after_does_not(town: Town) -> None:
    place = {"service_code": "POTHOLE", "area_code": "old-harbour"}
    first = town.add("1", "2024-01-01T12:00:00", **place)
    same = town.add("2", "2024-03-01T12:00:00", **place)
    new = town.add("3", "2024-04-30T12:00:01", **place)
    town.understand()
    found = issue_of(town)
    assert found[first] == found[same] != found[new]
    assert found[first]["public_title"] == "Potholes in Old Harbour"
    assert found[first]["slug"] == f"potholes-in-old-harbour-{found[first]['issue_id']}"
    assert (found[first]["has_page"], found[new]["has_page"]) == (True, False)


def test_an_issue_keeps_its_name_when_more_is_raised(town: Town) -> None:
    place = {"service_code": "LEAK", "area_code": "mill-hill"}
    first = town.add("1", "2024-01-01", **place)
    town.understand()
    before = issue_of(town)[first]
    town.add("2", "2024-01-02", **place)
    town.understand()
    after = issue_of(town)[first]
    assert (after["issue_id"], after["slug"]) == (before["issue_id"], before["slug"])
    assert after["feedback_count"] == 2


def test_an_issue_is_for_the_agency_of_most_of_it_and_of_several_the_first_by_code(town: Town) -> None:
    ids = [
        town.add(f"{area}-{n}", f"2024-01-{n:02d}", service_code="LEAK", area_code=area, agency_code=agency)
        for area, agencies in (
            ("mill-hill", ("works", "council", "works", "council", "water")),
            ("old-harbour", ("council", "works", "works")),
        )
        for n, agency in enumerate(agencies, 1)
    ]
    town.understand()
    found = issue_of(town)
    assert (found[ids[0]]["agency_code"], found[ids[-1]]["agency_code"]) == ("council", "works")


def test_without_a_place_or_a_topic_there_is_no_issue(town: Town) -> None:
    town.add("1", "2024-01-01", service_code="LEAK")
    town.add("2", "2024-01-01", service_code="???", area_code="mill-hill")
    town.understand()
    assert town.rows("issue") == []
    assert town.rows("issue_feedback") == []


def test_a_conversation_is_one_issue_with_a_page_from_two_messages_of_people_up(town: Town) -> None:
    def post(name: str, root: str, text: str, *, is_official: bool = False, day: int = 1) -> str:
        return town.add(
            name,
            f"2024-01-{day:02d}",
            source_id="posts",
            text=text,
            conversation_id=root,
            is_official=is_official,
        )

    root = post("1", "1", "@TownWater There is no water\nin our street since yesterday evening")
    post("2", "1", "Same here", day=3)
    post("3", "1", "We are on it", is_official=True, day=4)
    alone = post("4", "4", "A leak at the corner: write to ann@mail.example")
    post("5", "4", "Thank you for telling us", is_official=True, day=2)
    long = post(
        "6",
        "6",
        "The playground in our street has been shut since Easter and nobody at the council says why it is shut",
    )
    town.understand()
    found = issue_of(town)
    assert set(found) == {root, alone, long}
    assert found[root]["public_title"] == "There is no water in our street since yesterday evening"
    assert (found[root]["kind"], found[root]["feedback_count"], found[root]["has_page"]) == (
        "conversation",
        1,
        True,
    )
    assert found[root]["last_at"].day == 3
    # Something was taken out: the title is made of the topic and the month instead.
    assert found[alone]["public_title"] == "Water leaks, January 2024"
    assert not found[alone]["has_page"]
    title = found[long]["public_title"]
    assert title == "The playground in our street has been shut since Easter and nobody at the…"


def test_no_word_of_a_private_row_is_in_a_title(town: Town) -> None:
    path = town.folder / "data" / "sources.yml"
    path.write_text(path.read_text("utf-8").replace("publish_rows: true", "publish_rows: false"), "utf-8")
    root = town.add("1", "2024-01-01", source_id="posts", text="A leak in our cellar", conversation_id="1")
    petition = town.add("2", "2024-01-01", source_id="petitions", title="No more pothole in Hidden Lane")
    town.understand()
    found = issue_of(town)
    assert found[root]["public_title"] == "Water leaks, January 2024"
    assert found[petition]["public_title"] == "Potholes, January 2024"


def test_a_petition_is_one_issue_with_a_page(town: Town) -> None:
    petition = town.add("1", "2024-01-01", source_id="petitions", title="Près de l'école: more buses")
    town.understand()
    issue = issue_of(town)[petition]
    assert (issue["kind"], issue["has_page"], issue["public_title"]) == (
        "petition",
        True,
        "Près de l'école: more buses",
    )
    assert issue["slug"] == f"pres-de-lecole-more-buses-{issue['issue_id']}"


def test_what_is_not_counted_is_in_no_issue(town: Town) -> None:
    place = {"service_code": "LEAK", "area_code": "mill-hill", "author_key": "ann", "text": "a leak"}
    kept = town.add("1", "2024-01-01", **place)
    town.add("2", "2024-01-02", **place)
    town.understand()
    assert {i: row["feedback_count"] for i, row in issue_of(town).items()} == {kept: 1}
