"""What official posts say of feedback that they name, and what only looks as if it belonged together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ibis
import pytest
from tests.unit.understand.conftest import as_table, at

from answerable.gather.rows import Taken
from answerable.gather.threads import with_conversations
from answerable.measure.stage import measure

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

RULES = """\
reviewed_by: A. Reviewer
reviewed_on: 2026-01-01
rules:
  - {id: town-mended, update_class: work_done, phrases: ["zzz was mended"]}
  - {id: town-told, update_class: substance, phrases: ["zzz is planned"]}
  - {id: town-thanks, update_class: acknowledgement, phrases: ["zzz was received"]}
  - {id: town-write, update_class: deflection, phrases: ["send us a zzz"]}
"""
PLACE = {"service_code": "POTHOLE", "area_code": "old-harbour", "agency_code": "works"}


@pytest.fixture
def ruled(town: Town) -> Town:
    (town.folder / "data" / "lookups" / "update_classes.yml").write_text(RULES, "utf-8")
    return town


def post(town: Town, number: str, when: str, text: str, **values: Any) -> str:
    """What the works' own account posts; its feedback_id."""
    given = {"is_official": True, "agency_code": "works", "conversation_id": number, "text": text} | values
    return town.add(number, when, source_id="posts", **given)


def elsewhere(town: Town) -> dict[tuple[str, str], dict[str, Any]]:
    """What was said elsewhere, by post and feedback."""
    return {(r["post_id"], r["feedback_id"]): r for r in town.rows("update_elsewhere")}


def answered(town: Town) -> set[tuple[str, str]]:
    return {(r["feedback_id"], r["method"]) for r in town.rows("response_feedback")}


# -- what counts -------------------------------------------------------------------------------------------------------


def test_a_post_that_names_a_ticket_answers_it(ruled: Town) -> None:
    asked = ruled.add("123456", "2024-01-01", **PLACE)
    other = ruled.add("123457", "2024-01-01", **PLACE)
    said = post(ruled, "p1", "2024-01-05", "Ticket #123456: zzz was mended", url="https://posts.example/p1")
    ruled.understand()
    ((key, row),) = elsewhere(ruled).items()
    assert key == (said, asked)
    assert (row["method"], row["confidence"], row["update_class"]) == ("ticket-number", 0.95, "work_done")
    assert (row["is_counted"], row["is_reviewed"], row["is_reply"]) == (True, False, False)
    ((link),) = ruled.rows("response_feedback")
    assert (link["feedback_id"], link["method"], link["month"]) == (asked, "ticket-number", "2024-01")
    response = ruled.by_id("response")[link["response_id"]]
    assert (response["source_id"], response["agency_code"], response["feedback_count"]) == (
        "posts",
        "works",
        1,
    )
    assert response["url"] == "https://posts.example/p1"
    assert other not in {f for f, _ in answered(ruled)}


def test_the_class_decides_whether_it_is_an_answer(ruled: Town) -> None:
    for number, text in enumerate(("zzz was received", "send us a zzz", "qwertyuiop"), 123451):
        ruled.add(str(number), "2024-01-01", **PLACE)
        post(ruled, f"p{number}", "2024-01-05", f"Ticket #{number}: {text}")
    ruled.understand()
    classes = {r["update_class"] for r in elsewhere(ruled).values()}
    assert classes == {"acknowledgement", "deflection", "unclassified"}
    assert ruled.rows("response") == []
    assert ruled.rows("response_feedback") == []


def test_what_was_said_before_it_was_due_answers_nothing(ruled: Town) -> None:
    """Requests are due when they are raised, petitions when they have enough signatures."""
    ruled.add("123456", "2024-01-06", **PLACE)
    due = {"threshold_count": 100, "threshold_reached_at": at("2024-02-01"), "agency_code": "works"}
    asked = ruled.add("700123", "2024-01-01", source_id="petitions", title="More buses", **due)
    post(ruled, "p1", "2024-01-05", "Ticket #123456: zzz was mended")
    post(ruled, "p2", "2024-01-15", "Petition 700123: zzz is planned")
    late = post(ruled, "p3", "2024-02-15", "Petition 700123: zzz is planned")
    ruled.understand()
    assert set(elsewhere(ruled)) == {(late, asked)}


def test_a_number_of_two_feedback_means_none_unless_one_is_put_to_the_speaker(ruled: Town) -> None:
    ruled.add("123456", "2024-01-01", **PLACE | {"agency_code": "water"})
    ruled.add("123456", "2024-01-01", source_id="petitions", title="More buses", agency_code="council")
    mine = ruled.add("123457", "2024-01-01", **PLACE)
    ruled.add("123457", "2024-01-01", source_id="petitions", title="More trams", agency_code="council")
    post(ruled, "p1", "2024-01-05", "Ticket #123456 and #123457: zzz was mended")
    ruled.understand()
    assert answered(ruled) == {(mine, "ticket-number")}


def test_the_address_of_a_feedback_or_of_its_conversation_answers_it(ruled: Town) -> None:
    asked = ruled.add("1", "2024-01-01", url="https://portal.example/r/1", **PLACE)
    shared = "https://portal.example/map"
    ruled.add("2", "2024-01-01", url=shared, **PLACE)
    ruled.add("3", "2024-01-01", url=shared, **PLACE)
    root = ruled.add("10", "2024-01-01", source_id="posts", text="A pothole", conversation_id="10")
    ruled.add(
        "11",
        "2024-01-02",
        source_id="posts",
        text="Still there",
        conversation_id="10",
        url="https://p.example/11",
    )
    post(
        ruled,
        "p1",
        "2024-01-05",
        f"zzz was mended: http://www.portal.example/r/1/ {shared} https://p.example/11?utm_source=x",
    )
    ruled.understand()
    assert answered(ruled) == {(asked, "link-to-feedback"), (root, "link-to-feedback")}
    (response,) = ruled.rows("response")
    assert response["feedback_count"] == 2


def test_the_page_of_an_issue_answers_what_was_raised_until_then(ruled: Town) -> None:
    early = [ruled.add(str(n), f"2024-01-0{n}", **PLACE) for n in (1, 2, 3)]
    ruled.add("9", "2024-02-20", **PLACE)
    ruled.understand()
    (issue,) = ruled.rows("issue")
    post(ruled, "p1", "2024-02-10", f"zzz was mended https://town.example/issues/{issue['slug']}/")
    ruled.understand()
    assert answered(ruled) == {(f, "link-to-issue") for f in early}
    assert len(ruled.rows("response")) == 1


def converse(town: Town) -> None:
    """What gathering makes of the posts: conversations, and updates that are official replies."""
    posts = [row for row in town.feedback if row["source_id"] == "posts"]
    with town.store.scratch() as folder:
        taken = Taken(
            ibis.memtable(as_table("feedback", posts)),
            ibis.memtable(as_table("feedback_update", [])),
            (),
            at("2024-06-01"),
            "second",
        )
        taken, _ = with_conversations(taken, town.settings.source_by_id["posts"], town.store, folder)  # type: ignore[arg-type]
        said = town.store.con.to_pyarrow(taken.updates).to_pylist()
        posts = town.store.con.to_pyarrow(taken.feedback).to_pylist()
    town.updates += said
    town.feedback = [row for row in town.feedback if row["source_id"] != "posts"] + posts


def test_a_reply_that_names_a_ticket_is_one_response_to_both(ruled: Town) -> None:
    """Replies of one second, without addresses: each is the update that it became, and no other."""
    tickets = [ruled.add(f"12345{n}", "2024-01-01", **PLACE) for n in range(3)]
    root = ruled.add("10", "2024-01-02", source_id="posts", text="A pothole", reply_to_id=None)
    replies = []
    for n, said in enumerate(("was mended", "is planned", "was received")):
        text = f"Ticket #12345{n}: zzz {said}"
        replies.append(post(ruled, f"p{n}", "2024-01-05", text, conversation_id=None, reply_to_id="10"))
    converse(ruled)
    ruled.understand()
    rows = elsewhere(ruled)
    assert set(rows) == set(zip(replies, tickets, strict=True))
    assert all(row["is_reply"] for row in rows.values())
    assert [rows[pair]["update_class"] for pair in zip(replies, tickets, strict=True)] == [
        "work_done",
        "substance",
        "acknowledgement",
    ]
    links = [(r["feedback_id"], r["method"]) for r in ruled.rows("response_feedback")]
    assert sorted(links) == sorted([(root, "reply")] * 2 + [(t, "ticket-number") for t in tickets[:2]])
    assert [r["feedback_count"] for r in ruled.rows("response")] == [2, 2]


def test_mere_digits_count_only_for_what_was_put_to_the_agency_that_speaks_of_late(ruled: Town) -> None:
    """Else they wait for review, and no measure sees them: the same figures as if the posts were not there."""
    with ruled.store.transaction():
        ruled.store.write(
            "source", as_table("source", [source(name) for name in ("portal", "posts", "petitions")])
        )
    own = ruled.add("123456", "2024-01-01", **PLACE)
    others = ruled.add("234567", "2024-01-01", **PLACE | {"agency_code": "water"})
    nobodys = ruled.add("700123", "2024-01-01", source_id="petitions", title="More buses")
    old = ruled.add("345678", "2021-01-01", **PLACE)
    worded = ruled.add("WA-24-00123", "2024-01-01", **PLACE | {"agency_code": "water"})
    post(ruled, "p3", "2024-01-06", "Ticket 123456 and WA-24-00123: zzz was mended")
    ruled.understand()
    sure = {(own, "ticket-number"), (worded, "ticket-number")}
    assert answered(ruled) == sure
    before = figures(ruled)
    assert before["response_rate"] == (2, 4)

    weak = [
        post(ruled, "p1", "2024-01-05", "Ticket 234567: zzz was mended"),
        post(ruled, "p2", "2024-01-05", "Petition 700123: zzz is planned"),
        post(ruled, "p0", "2024-01-05", "Ticket 345678: zzz was mended"),
    ]
    ruled.understand()
    rows = elsewhere(ruled)
    assert {f: r["confidence"] for (_, f), r in rows.items()} == {
        own: 0.95,
        worded: 0.8,
        others: 0.4,
        nobodys: 0.4,
        old: 0.4,
    }
    for pair in zip(weak, (others, nobodys, old), strict=True):
        row = rows[pair]
        assert (row["method"], row["is_counted"], row["is_reviewed"]) == ("ticket-number", False, False)
    assert answered(ruled) == sure
    assert len(ruled.rows("response")) == 1
    assert figures(ruled) == before

    who = "reason: I read both of them, reviewer: A. Reviewer, reviewed_on: 2026-01-01"
    (ruled.folder / "data" / "lookups" / "overrides.yml").write_text(
        f"""\
links:
  - {{decision: accept, answer: "posts:p1", about: "portal:234567", {who}}}
  - {{decision: reject, answer: "posts:p2", about: "petitions:700123", {who}}}
  - {{decision: reject, answer: "posts:p3", about: "portal:WA-24-00123", {who}}}
""",
        "utf-8",
    )
    ruled.understand()
    rows = elsewhere(ruled)
    assert {f for _, f in rows} == {own, others, old}
    row = rows[weak[0], others]
    assert (row["method"], row["confidence"], row["is_counted"], row["is_reviewed"]) == (
        "reviewed",
        1,
        True,
        True,
    )
    assert answered(ruled) == {(own, "ticket-number"), (others, "reviewed")}
    assert figures(ruled)["response_rate"] == (2, 4)


def source(name: str) -> dict[str, Any]:
    return {
        "source_id": name,
        "name": name,
        "connector": "table",
        "is_published_by_row": True,
        "is_rate_published": True,
        "as_of_at": at("2024-06-01"),
        "is_stale": False,
        "is_complete": True,
        "feedback_count": 0,
    }


def figures(town: Town) -> dict[str, Any]:
    """Of all: each measure of answers with its numerator and denominator; but for what counts posts by themselves."""
    with town.store.transaction():
        town.store.set_mark("measure", "")
    measure(town.store, town.settings)
    return {
        row["measure"]: (row["numerator"], row["denominator"])
        for row in town.rows("measure_result")
        if (row["interval"], row["breakdown"]) == ("all", "all")
        and re.search("respon|acknowledged", row["measure"])
    }


def test_a_figure_that_happens_to_be_a_number_links_nothing_and_stops_nothing(ruled: Town) -> None:
    ruled.add("12345", "2024-01-01", **PLACE)
    texts = (
        "12345 of you asked: zzz was mended",
        "Zzz was mended for 12345 EUR on 15.01.2024",
        "Requests: 12345 this month, zzz was mended",
        "Zzz was mended at stop #12345",
        "Zzz was mended, call 12345",
        "see http://[ and http://a]b/12345: zzz was mended",
        "http://\u2100/12345 zzz was mended",
    )
    for number, text in enumerate(texts):
        post(ruled, f"p{number}", "2024-01-20", text)
    ruled.understand()
    assert elsewhere(ruled) == {}


def test_what_is_only_passed_on_answers_nothing(ruled: Town) -> None:
    ruled.add("123456", "2024-01-01", text=ASKED, **PLACE)
    post(ruled, "p1", "2024-01-05", "Ticket #123456: zzz was mended", is_repost=True)
    post(ruled, "p2", "2024-01-05", "RT @neighbour Ticket #123456: zzz was mended")
    post(ruled, "p3", "2024-01-05", ALIKE, is_repost=True)
    ruled.understand()
    assert elsewhere(ruled) == {}
    assert ruled.rows("response") == []


def test_people_answer_nobody_and_nothing_is_published_of_whom_an_answer_greets(ruled: Town) -> None:
    ruled.add("123456", "2024-01-01", **PLACE)
    ruled.add(
        "p1", "2024-01-05", source_id="posts", text="Ticket #123456: zzz was mended", conversation_id="p1"
    )
    said = post(ruled, "p2", "2024-01-05", "Ticket #123456: zzz was mended. Write to ann@mail.example")
    ruled.understand()
    (row,) = elsewhere(ruled).values()
    assert row["post_id"] == said
    assert "ann@" not in row["public_text"]


# -- what is only alike ------------------------------------------------------------------------------------------------

ASKED = "A deep pothole beside the fountain swallows bicycle wheels"
ALIKE = "Zzz was mended: the pothole beside the fountain at Old Harbour, bicycle wheels are safe"


def test_what_is_only_alike_is_proposed_and_not_counted(ruled: Town) -> None:
    asked = ruled.add("1", "2024-01-01", text=ASKED, **PLACE)
    said = post(ruled, "p1", "2024-01-05", ALIKE)
    ruled.understand()
    ((key, row),) = elsewhere(ruled).items()
    assert key == (said, asked)
    assert (row["method"], row["is_counted"], row["is_reviewed"]) == ("likeness", False, False)
    assert 0 < row["confidence"] < 1
    assert ruled.rows("response_feedback") == []
    assert ruled.rows("response") == []


def test_what_differs_in_one_respect_is_not_even_proposed(ruled: Town) -> None:
    for number, changed in enumerate(
        (
            {"agency_code": "water"},
            {"area_code": "mill-hill"},
            {"service_code": "PARK"},
            {"text": "Something else altogether happened over here"},
            {"created_at": "2023-12-01"},
            {"created_at": "2024-01-06"},
        )
    ):
        values = {"text": ASKED, **PLACE, "created_at": "2024-01-01", **changed}
        ruled.add(str(number), values.pop("created_at"), **values)
    post(ruled, "p1", "2024-01-05", ALIKE)
    ruled.understand()
    assert elsewhere(ruled) == {}


def test_what_is_answered_or_said_to_somebody_is_not_proposed(ruled: Town) -> None:
    done = ruled.add("1", "2024-01-01", text=ASKED, **PLACE)
    ruled.say(done, "2024-01-02", "zzz was mended")
    ruled.add("123456", "2024-01-01", text=ASKED, **PLACE)
    post(ruled, "p1", "2024-01-05", ALIKE + " ticket #123456")
    ruled.understand()
    assert {r["method"] for r in elsewhere(ruled).values()} == {"ticket-number"}


def test_the_order_of_the_rows_does_not_matter(ruled: Town) -> None:
    for n in range(1, 7):
        ruled.add(f"12345{n}", f"2024-01-0{n}", text=ASKED, **PLACE)
    post(ruled, "p1", "2024-01-08", ALIKE)
    post(ruled, "p2", "2024-01-09", "Ticket #123451: zzz was mended")
    ruled.understand()
    before = ruled.digests()
    assert sum(r["method"] == "likeness" for r in elsewhere(ruled).values()) == 3
    ruled.feedback.reverse()
    ruled.understand()
    assert ruled.digests() == before
