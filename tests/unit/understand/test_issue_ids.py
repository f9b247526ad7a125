"""Issues from build to build: what keeps its id and address, what leads on, what people decide."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.errors import SettingsError
from answerable.publish.moved import changes, redirects, write_redirects
from answerable.understand.issue_decisions import ISSUES_FILE, read_issue_decisions
from answerable.understand.issue_ids import Address, Page, Shared, follow, settle

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

REVIEW = "reason: Somebody who knows both read them, reviewer: A. Reviewer, reviewed_on: 2024-01-01"
WATER = (
    "No water in Kiln Lane since the main burst this morning",
    "Main burst in Kiln Lane this morning, no water in the whole lane",
    "Still no water in Kiln Lane after the burst main",
    "Burst main in Kiln Lane, no water this evening either",
)
SWINGS = (
    "The swings of the playground rust, a chain broke and a child fell",
    "Playground swings: one chain broke, the other rusts, a child fell off",
)


def issue_of(town: Town) -> dict[str, dict[str, Any]]:
    issues = town.by_id("issue")
    return {row["feedback_id"]: issues[row["issue_id"]] for row in town.rows("issue_feedback")}


def post(town: Town, name: str, text: str, *, day: int = 1, month: int = 1, **values: Any) -> str:
    return town.add(
        name, f"2024-{month:02d}-{day:02d}", source_id="posts", text=text, conversation_id=name, **values
    )


def decide(town: Town, *entries: str) -> None:
    lines = "".join(f"  - {{{entry}, {REVIEW}}}\n" for entry in entries)
    (town.folder / "data" / "lookups" / ISSUES_FILE).write_text(f"decisions:\n{lines}", "utf-8")


# -- meeting -----------------------------------------------------------------------------------------------------------


def test_requests_posts_and_petitions_about_the_same_place_meet_in_one_issue(town: Town) -> None:
    request = town.add("1", "2024-01-03", service_code="LEAK", area_code="mill-hill")
    named = post(town, "2", "There is a leak at the station in Mill Hill, it floods the steps", day=5)
    petition = town.add("3", "2024-01-09", source_id="petitions", title="Mend every leak in Mill Hill")
    street = post(town, "4", "A leak in Mill Hill Road, round the corner from us", day=6)
    both = post(town, "5", "From Mill Hill to Old Harbour: leak after leak after leak", day=7)
    town.understand()
    found = issue_of(town)
    assert found[request] == found[named] == found[petition]
    assert (found[request]["kind"], found[request]["feedback_count"]) == ("place", 3)
    assert found[request]["public_title"] == "Water leaks in Mill Hill"
    assert found[street]["kind"] == found[both]["kind"] == "conversation"
    methods = {row["feedback_id"]: row["method"] for row in town.rows("issue_feedback")}
    assert methods[named] == "same-topic-and-area-that-the-text-names-within-60-days"


def test_what_says_the_same_without_a_place_meets_and_is_named_by_its_most_central_message(
    town: Town,
) -> None:
    water = [post(town, f"w{n}", text, day=n + 1) for n, text in enumerate(WATER)]
    swings = [post(town, f"s{n}", text, day=n + 1) for n, text in enumerate(SWINGS)]
    alone = post(town, "x", "The pressure is low on Sundays, is that a leak somewhere?")
    town.understand()
    found = issue_of(town)
    assert len({found[i]["issue_id"] for i in water}) == 1
    assert len({found[i]["issue_id"] for i in swings}) == 1
    issue = found[water[0]]
    assert (issue["kind"], issue["feedback_count"], issue["has_page"]) == ("meaning", 4, True)
    assert issue["public_title"].removesuffix("…") in " ".join(WATER)
    assert found[alone]["kind"] == "conversation"


def test_a_group_goes_on_in_the_next_month(town: Town) -> None:
    first = [post(town, f"a{n}", text, day=27 + n) for n, text in enumerate(WATER[:2])]
    later = [post(town, f"b{n}", text, day=2 + n, month=2) for n, text in enumerate(WATER[2:])]
    town.understand()
    found = issue_of(town)
    assert len({found[i]["issue_id"] for i in (*first, *later)}) == 1


# -- from day to day ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_thirty_days_of_posts_lose_no_address(town: Town) -> None:
    texts = (*WATER, *SWINGS, "A leak in Mill Hill again", "The leak at Mill Hill station floods the steps")
    start = datetime(2024, 1, 20)  # noqa: DTZ001  (the store's instants are UTC without a zone)
    published: set[str] = set()
    for day in range(0, 30, 5):
        for n in range(5):
            when = start + timedelta(days=day + n)
            number = day + n
            town.add(
                f"p{number}",
                when.isoformat(),
                source_id="posts",
                text=f"{texts[number % len(texts)]} ({number})",
                conversation_id=f"p{number}",
            )
        town.understand()
        pages = {row["slug"] for row in town.rows("issue") if row["has_page"]}
        leads = redirects(town.store)
        assert published <= pages | leads.keys()
        assert set(leads.values()) <= pages
        assert not pages & leads.keys()
        published |= pages
    grown = {row["issue_id"]: row for row in town.rows("issue")}
    members = defaultdict(set)
    for row in town.rows("issue_feedback"):
        members[row["issue_id"]].add(row["feedback_id"])
    assert len(grown) < 30
    assert sum(len(found) for found in members.values()) == 30


def test_an_older_feedback_that_arrives_late_renames_nothing(town: Town) -> None:
    place = {"service_code": "LEAK", "area_code": "mill-hill"}
    first = town.add("1", "2024-02-10", **place)
    town.add("2", "2024-02-11", **place)
    town.understand()
    before = issue_of(town)[first]
    late = town.add("0", "2024-02-01", **place)
    town.understand()
    town.add("3", "2024-02-12", **place)
    town.understand()
    after = issue_of(town)
    assert after[late]["issue_id"] == after[first]["issue_id"] == before["issue_id"]
    assert after[first]["slug"] == before["slug"]
    assert after[first]["feedback_count"] == 4


def test_two_issues_that_become_one_leave_a_redirect_and_say_so(town: Town, tmp_path: Path) -> None:
    place = {"service_code": "LEAK", "area_code": "mill-hill"}
    early = [town.add(f"a{n}", f"2024-01-0{n}", **place) for n in (1, 2)]
    late = [town.add(f"b{n}", f"2024-04-0{n}", **place) for n in (1, 2, 3)]
    town.understand()
    before = issue_of(town)
    assert before[early[0]]["issue_id"] != before[late[0]]["issue_id"]
    town.add("between", "2024-02-20", **place)
    town.understand()
    after = issue_of(town)
    assert {after[i]["issue_id"] for i in (*early, *late)} == {before[early[0]]["issue_id"]}
    moved = redirects(town.store)
    assert moved == {before[late[0]]["slug"]: before[early[0]]["slug"]}
    told = changes(town.store)[before[early[0]]["issue_id"]]
    assert [(c.what, c.other_id, c.is_decided) for c in told] == [
        ("merge", before[late[0]]["issue_id"], False)
    ]
    write_redirects(tmp_path / "site", moved, "https://town.example/")
    html = (tmp_path / "site" / "issues" / before[late[0]]["slug"] / "index.html").read_text("utf-8")
    assert f'<link rel="canonical" href="https://town.example/issues/{before[early[0]]["slug"]}/">' in html
    assert f'<a href="../{before[early[0]]["slug"]}/">' in html


def test_an_issue_that_falls_apart_stays_with_its_larger_part_and_both_say_so(town: Town) -> None:
    place = {"service_code": "LEAK", "area_code": "mill-hill"}
    early = [town.add(f"a{n}", f"2024-01-0{n}", **place) for n in (1, 2)]
    town.add("between", "2024-02-20", **place)
    late = [town.add(f"b{n}", f"2024-04-0{n}", **place) for n in (1, 2, 3)]
    town.understand()
    before = issue_of(town)[early[0]]
    town.feedback = [row for row in town.feedback if row["record_id"] != "between"]
    town.understand()
    after = issue_of(town)
    assert after[late[0]]["issue_id"] == before["issue_id"]
    assert after[late[0]]["slug"] == before["slug"]
    new = after[early[0]]["issue_id"]
    assert new != before["issue_id"]
    told = changes(town.store)
    assert [(c.what, c.other_id) for c in told[new]] == [("split_from", before["issue_id"])]
    assert [(c.what, c.other_id) for c in told[before["issue_id"]]] == [("split_off", new)]
    town.understand()
    assert issue_of(town) == after


def test_an_address_made_of_words_that_were_taken_back_is_gone(town: Town) -> None:
    root = post(town, "1", "There is a leak under the Quillfeather lantern and no water in our street")
    post(town, "2", "Ours leaks too", day=2)
    town.feedback[-1]["conversation_id"] = "1"
    town.understand()
    before = issue_of(town)[root]
    assert "quillfeather" in before["slug"]
    town.feedback[0]["text"] = "There is a leak under the lantern and no water in our street"
    town.understand()
    after = issue_of(town)[root]
    assert after["issue_id"] == before["issue_id"]
    assert "quillfeather" not in after["slug"]
    assert redirects(town.store) == {}


# -- people ------------------------------------------------------------------------------------------------------------


def test_people_merge_split_rename_and_pin(town: Town) -> None:
    leaks = [
        town.add(f"l{n}", f"2024-01-0{n}", service_code="LEAK", area_code="mill-hill") for n in (1, 2, 3)
    ]
    holes = [
        town.add(f"h{n}", f"2024-02-0{n}", service_code="POTHOLE", area_code="mill-hill") for n in (1, 2)
    ]
    town.understand()
    before = issue_of(town)
    leak, hole = before[leaks[0]], before[holes[0]]
    decide(
        town,
        f"decision: merge, about: {leak['slug']}, issues: ['{hole['issue_id']}']",
        f"decision: split, about: '{leak['issue_id']}', feedback: ['portal:l2', '{holes[1]}']",
        f"decision: rename, about: '{leak['issue_id']}', title: The burst main of Mill Hill",
        f"decision: pin, about: '{hole['issue_id']}'",
    )
    town.understand()
    after = issue_of(town)
    assert {after[i]["issue_id"] for i in (leaks[0], leaks[2], holes[0])} == {leak["issue_id"]}
    assert (
        after[leaks[1]]["issue_id"] == after[holes[1]]["issue_id"] not in {leak["issue_id"], hole["issue_id"]}
    )
    assert after[leaks[0]]["public_title"] == "The burst main of Mill Hill"
    assert after[leaks[0]]["slug"] == leak["slug"]
    assert (after[leaks[0]]["feedback_count"], after[leaks[1]]["feedback_count"]) == (3, 2)
    assert after[leaks[0]]["is_pinned"]
    assert redirects(town.store) == {hole["slug"]: leak["slug"]}
    new = after[leaks[1]]["issue_id"]
    assert {(c.what, c.is_decided) for c in changes(town.store)[leak["issue_id"]]} == {
        ("merge", True),
        ("split_off", True),
    }
    assert [(c.what, c.other_id) for c in changes(town.store)[new]] == [("split_from", leak["issue_id"])]
    # What was decided is taken back: everything is as it was, and so are the addresses.
    (town.folder / "data" / "lookups" / ISSUES_FILE).unlink()
    town.understand()
    assert {i: row["issue_id"] for i, row in issue_of(town).items()} == {
        i: row["issue_id"] for i, row in before.items()
    }
    assert issue_of(town)[holes[0]]["slug"] == hole["slug"]
    assert set(redirects(town.store)) == {after[leaks[1]]["slug"]} - {
        hole["slug"],
        leak["slug"],
    } or not redirects(town.store)


def test_a_decision_that_matches_nothing_or_has_expired_does_nothing(town: Town) -> None:
    leak = town.add("1", "2024-03-01", service_code="LEAK", area_code="mill-hill")
    town.understand()
    before = issue_of(town)[leak]
    decide(
        town,
        "decision: pin, about: 0000000000000abc",
        f"decision: rename, about: '{before['issue_id']}', title: Something else, expires_on: 2024-02-01",
    )
    town.understand()
    assert issue_of(town)[leak] == before
    log = {row["decision"]: (row["is_matched"], row["is_expired"]) for row in town.rows("override")}
    assert log == {"pin": (False, False), "rename": (True, True)}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("decision: pin, about: potholes", "16 digits"),
        ("decision: pin, about: 1234567890123456", "in quotes"),
        ("decision: split, about: 0000000000000abc, feedback: []", "at least 1 item"),
        ("decision: merge, about: 0000000000000abc, issues: [0000000000000abc]", "part of itself"),
        ("decision: rename, about: 0000000000000abc, titel: x", "did you mean title"),
        ("decision: pin, about: 0000000000000abc, expires_on: 2023-01-01", "later than reviewed_on"),
    ],
)
def test_a_wrong_decision_names_file_and_line(tmp_path: Path, entry: str, said: str) -> None:
    path = tmp_path / ISSUES_FILE
    path.write_text(f"# a comment\ndecisions:\n  - {{{entry}, {REVIEW}}}\n", "utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        read_issue_decisions(path)
    assert f"{path}:3" in str(caught.value)


def test_decisions_may_not_lead_in_circles(tmp_path: Path) -> None:
    path = tmp_path / ISSUES_FILE
    entries = [
        f"  - {{decision: merge, about: {a * 16}, issues: [{b * 16}], {REVIEW}}}\n" for a, b in ("ab", "ba")
    ]
    path.write_text("decisions:\n" + "".join(entries), "utf-8")
    with pytest.raises(SettingsError, match="leads back"):
        read_issue_decisions(path)


# -- the rules of ids, by themselves -----------------------------------------------------------------------------------

spreads = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.sampled_from("ABCDWXYZ"), st.integers(1, 5)),
    max_size=12,
    unique_by=lambda s: s[:2],
)
EARLIER = {name: datetime(2024, 1, day + 1) for day, name in enumerate("ABCD")}  # noqa: DTZ001


@given(spreads, st.randoms(use_true_random=False))
def test_ids_depend_on_no_order_and_nobody_shares_one(rows: list[tuple[str, str, int]], order: Any) -> None:
    shared = [Shared(*row) for row in rows]
    settled = settle(shared, EARLIER)
    again = list(shared)
    order.shuffle(again)
    assert settle(again, EARLIER) == settled
    groups = {s.group for s in shared}
    given_to = {g: settled.ids.get(g, g) for g in groups}
    assert len(set(given_to.values())) == len(groups)
    for was in {s.was for s in shared}:
        # Every id goes on as itself, or is known to be part of another that does.
        assert was in given_to.values() or settled.merged[was] in given_to.values()


def test_the_first_address_stays_and_older_ones_lead_on() -> None:
    day = date(2024, 1, 1)
    held = follow([], [Page("A", "old-title-A", None)], {}, on=day, may_stay=lambda _: True)
    held = follow(held, [Page("A", "new-title-A", None)], {}, on=day + timedelta(1), may_stay=lambda _: True)
    assert held == [Address("old-title-A", "A", "A", day, is_current=True, worded_by_id=None)]
    held = follow(held, [Page("B", "other-B", None)], {"A": "B"}, on=day, may_stay=lambda _: True)
    assert {(a.slug, a.issue_id, a.is_current) for a in held} == {
        ("old-title-A", "B", False),
        ("other-B", "B", True),
    }
