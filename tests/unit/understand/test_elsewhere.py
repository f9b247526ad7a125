"""What official posts say of feedback that they name, and what only looks as if it belonged together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from answerable.understand.links import named_in

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
SITE = "https://town.example/"
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


# -- what a text names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Ticket #123456 is done", "123456"),
        ("ticket no. 123456 is done", "123456"),
        ("Ticket:123456 done", "123456"),
        ("tickets #99999, #123456", "123456"),
        ("Done: #24-00123456.", "24-00123456"),
        ("SR-2024-00123 is done", "SR-2024-00123"),
        ("sr-2024-00123 is done", "SR-2024-00123"),
        ("Ihr Vorgang Nr. 123456 ist erledigt", "123456"),
        ("El expediente número 123456 está resuelto", "123456"),
        ("O protocolo 123456 foi resolvido", "123456"),
        ("Votre dossier n° 123456 est clos", "123456"),
        ("petition 700123 has an answer", "700123"),
    ],
)
def test_a_number_is_read_where_it_can_be_nothing_else(text: str, number: str) -> None:
    assert number in named_in(text, SITE).numbers


@pytest.mark.parametrize(
    "text",
    [
        "In 2024 we mended 12 lamps",
        "ticket 12",
        "ticket #2024",
        "case 1234",
        "Call 02079460958 or 555 0199",
        "12345678 people live here",
        "The A1234 is open again",
        "It costs 123456.50 in all",
        "between 10:12345 and 11",
        "look at https://other.example/ticket/123456",
        "@user123456 thanks",
        "mail ticket123456@mail.example",
        "covid19 and 4x4",
    ],
)
def test_what_may_be_anything_is_no_number(text: str) -> None:
    assert named_in(text, SITE).numbers == ()


def test_an_issue_is_named_by_its_page_on_this_site_alone() -> None:
    issue = "0123456789abcdef"
    for text in (
        f"see https://town.example/issues/potholes-{issue}/",
        f"see town.example/issues/potholes-{issue}.",
        f"http://www.town.example/de/issues/x-{issue}/#answer",
        f"https://town.example/issues/{issue}",
    ):
        assert named_in(text, SITE).issue_ids == (issue,), text
    for text in (
        f"https://other.example/town.example/issues/x-{issue}/",
        f"https://mytown.example/issues/x-{issue}/",
        f"https://town.example.evil.example/issues/x-{issue}/",
        f"https://town.example/issues/x-{issue}0/",
        "https://town.example/issues/",
    ):
        assert named_in(text, SITE).issue_ids == (), text


def test_the_address_of_a_whole_host_names_nothing() -> None:
    assert named_in("see https://portal.example/ and https://portal.example", SITE).addresses == ()
    found = named_in("see https://www.portal.example/r/5/.", SITE).addresses
    assert {"https://portal.example/r/5", "http://www.portal.example/r/5/"} <= set(found)


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


def test_what_was_said_before_it_was_raised_answers_nothing(ruled: Town) -> None:
    ruled.add("123456", "2024-01-06", **PLACE)
    post(ruled, "p1", "2024-01-05", "Ticket #123456: zzz was mended")
    ruled.understand()
    assert elsewhere(ruled) == {}


def test_a_petition_is_answered_from_the_day_on_which_it_is_due(ruled: Town) -> None:
    due = {"threshold_count": 100, "threshold_reached_at": ruled_at("2024-02-01")}
    asked = ruled.add("700123", "2024-01-01", source_id="petitions", title="More buses", **due)
    post(ruled, "p1", "2024-01-15", "Petition 700123: zzz is planned")
    late = post(ruled, "p2", "2024-02-15", "Petition 700123: zzz is planned")
    ruled.understand()
    assert set(elsewhere(ruled)) == {(late, asked)}


def ruled_at(text: str) -> Any:
    from tests.unit.understand.conftest import at

    return at(text)


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


def test_a_reply_that_names_a_ticket_is_one_response_to_both(ruled: Town) -> None:
    ticket = ruled.add("123456", "2024-01-01", **PLACE)
    root = ruled.add("10", "2024-01-02", source_id="posts", text="A pothole", conversation_id="10")
    text, url = "Ticket #123456: zzz was mended", "https://p.example/p1"
    post(ruled, "p1", "2024-01-05", text, conversation_id="10", reply_to_id="10", url=url)
    ruled.say(root, "2024-01-05", text, agency_code="works", url=url)
    ruled.understand()
    assert answered(ruled) == {(root, "reply"), (ticket, "ticket-number")}
    (response,) = ruled.rows("response")
    assert response["feedback_count"] == 2
    ((row),) = elsewhere(ruled).values()
    assert row["is_reply"]


def test_people_answer_nobody(ruled: Town) -> None:
    ruled.add("123456", "2024-01-01", **PLACE)
    ruled.add(
        "p1", "2024-01-05", source_id="posts", text="Ticket #123456: zzz was mended", conversation_id="p1"
    )
    ruled.understand()
    assert elsewhere(ruled) == {}


def test_nothing_is_published_of_a_person_whom_an_answer_greets(ruled: Town) -> None:
    ruled.add("123456", "2024-01-01", **PLACE)
    post(ruled, "p1", "2024-01-05", "Ticket #123456: zzz was mended. Write to ann@mail.example")
    ruled.understand()
    (row,) = elsewhere(ruled).values()
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


@pytest.mark.parametrize(
    "changed",
    [
        {"agency_code": "water"},
        {"area_code": "mill-hill"},
        {"service_code": "PARK"},
        {"text": "Something else altogether happened over here"},
        {"created_at": "2023-12-01"},
        {"created_at": "2024-01-06"},
    ],
)
def test_what_differs_in_one_respect_is_not_even_proposed(ruled: Town, changed: dict[str, str]) -> None:
    values = {"text": ASKED, **PLACE, "created_at": "2024-01-01", **changed}
    ruled.add("1", values.pop("created_at"), **values)
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
