"""What answers what, through the stage's own door."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

DONE = "Zzz was mended"
RULES = """\
reviewed_by: A. Reviewer
reviewed_on: 2026-01-01
rules:
  - {id: town-mended, update_class: work_done, phrases: ["zzz was mended"]}
  - {id: town-told, update_class: substance, phrases: ["zzz is planned"]}
  - {id: town-thanks, update_class: acknowledgement, phrases: ["zzz was received"]}
"""


def links(town: Town) -> set[tuple[str, str, str]]:
    """Response, feedback and method of every link."""
    return {(r["response_id"], r["feedback_id"], r["method"]) for r in town.rows("response_feedback")}


def rules(town: Town) -> None:
    (town.folder / "data" / "lookups" / "update_classes.yml").write_text(RULES, "utf-8")


def test_only_substance_and_work_done_are_responses(town: Town) -> None:
    rules(town)
    request = town.add("1", "2024-01-01", service_code="PARK", agency_code="works")
    done = town.say(request, "2024-01-05", DONE, agency_code="council", url="https://town.example/5")
    told = town.say(request, "2024-01-04", "Zzz is planned")
    town.say(request, "2024-01-02", "Zzz was received")
    town.say(request, "2024-01-03", "Qwertyuiop")
    town.say(request, "2024-01-03", DONE, is_official=False)
    town.understand()
    responses = town.by_id("response")
    ids = {
        name: hashlib.md5(f"portal\x1f{update}".encode()).hexdigest()[:16]
        for name, update in (("done", done), ("told", told))
    }
    assert set(responses) == set(ids.values())
    first = responses[ids["done"]]
    assert (first["update_class"], first["agency_code"], first["public_text"], first["feedback_count"]) == (
        "work_done",
        "council",
        DONE,
        1,
    )
    assert first["url"] == "https://town.example/5"
    # Where the source does not say who speaks, it is the agency responsible.
    assert responses[ids["told"]]["agency_code"] == "works"
    assert links(town) == {(i, request, "note") for i in ids.values()}
    assert all(r["confidence"] == 1.0 and not r["is_reviewed"] for r in town.rows("response_feedback"))


def test_each_kind_of_feedback_is_answered_in_its_own_way(town: Town) -> None:
    rules(town)
    post = town.add("1", "2024-01-01", source_id="posts", text="Broken", conversation_id="1")
    petition = town.add("2", "2024-01-01", source_id="petitions", title="More buses")
    town.say(post, "2024-01-02", DONE)
    town.say(petition, "2024-01-02", "No.")
    town.understand()
    assert {(feedback, method) for _, feedback, method in links(town)} == {
        (post, "reply"),
        (petition, "answer"),
    }


def test_one_answer_to_many_is_one_response_dated_by_the_first(town: Town) -> None:
    asked = [town.add(str(n), f"2024-0{n}-01", source_id="petitions", title=f"Bus {n}") for n in (1, 2, 3)]
    town.say(asked[1], "2024-05-01", "We will look.", answer_id="A")
    town.say(asked[0], "2024-05-02", "We will look into it.", answer_id="A")
    town.say(asked[0], "2024-05-03", "We will look into it.", answer_id="A")
    town.say(asked[2], "2024-05-04", "No.", answer_id="B")
    town.understand()
    responses = sorted(town.rows("response"), key=lambda r: r["responded_at"])
    assert [(r["feedback_count"], r["public_text"]) for r in responses] == [(2, "We will look."), (1, "No.")]
    assert responses[0]["responded_at"].isoformat() == "2024-05-01T00:00:00"
    at = {r["feedback_id"]: r["responded_at"].isoformat()[:10] for r in town.rows("response_feedback")}
    assert at == {asked[0]: "2024-05-02", asked[1]: "2024-05-01", asked[2]: "2024-05-04"}


def test_the_same_answer_id_at_two_sources_is_two_answers(town: Town) -> None:
    rules(town)
    request = town.add("1", "2024-01-01", service_code="PARK")
    petition = town.add("2", "2024-01-01", source_id="petitions", title="Bus")
    town.say(request, "2024-05-01", DONE, answer_id="A")
    town.say(petition, "2024-05-01", DONE, answer_id="A")
    town.understand()
    assert len(town.rows("response")) == 2


def test_agencies_that_talk_to_themselves_answer_nobody(town: Town) -> None:
    rules(town)
    post = town.add("1", "2024-01-01", source_id="posts", text="We mend things", is_official=True)
    town.say(post, "2024-01-02", DONE)
    town.understand()
    assert town.rows("response") == []


def test_what_officials_put_on_the_record_answers_what_it_names(town: Town) -> None:
    request = town.add("1", "2024-01-01", service_code="PARK")
    post = town.add("2", "2024-03-01", source_id="posts", text="Broken")
    town.enter(
        "e1",
        "answer",
        "2024-04-01",
        title="The park of ann@mail.example",
        text="Call 020 7946 0958.",
        feedback_ids=f"{request} {post} {request} 0000000000000000",
    )
    town.enter("e2", "answer", "2024-04-02", topic_codes="parks")
    town.enter("e3", "outcome", "2024-04-03", topic_codes="parks", url="https://town.example/3")
    town.understand()
    responses = {r["responded_at"].day: r for r in town.rows("response")}
    assert responses[1]["feedback_count"] == 2
    assert responses[2]["feedback_count"] == 0
    assert (responses[1]["public_title"], responses[1]["public_text"]) == (
        "The park of [email]",
        "Call [phone].",
    )
    assert {r["update_class"] for r in responses.values()} == {"substance"}
    found = town.rows("response_feedback")
    assert {(r["feedback_id"], r["source_id"], r["month"], r["method"], r["is_reviewed"]) for r in found} == {
        (request, "portal", "2024-01", "register", True),
        (post, "posts", "2024-03", "register", True),
    }
    (outcome,) = town.rows("outcome")
    assert (outcome["outcome_id"], outcome["topic_codes"], outcome["url"]) == (
        "e3",
        "parks",
        "https://town.example/3",
    )


def test_an_entry_that_is_taken_back_takes_its_links_with_it(town: Town) -> None:
    request = town.add("1", "2024-01-01", service_code="PARK")
    town.enter("e1", "answer", "2024-04-01", feedback_ids=request)
    town.understand()
    assert len(links(town)) == 1
    town.entries.clear()
    town.understand()
    assert links(town) == set()
    assert town.rows("response") == []
