"""Decisions of people: what holds, what does not any more, and what remains to be seen of the program's own."""

from __future__ import annotations

import textwrap
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

import pytest
from tests.unit.understand.conftest import reply_id

from answerable.errors import SettingsError
from answerable.explain import explain
from answerable.schema import OVERRIDDEN
from answerable.understand.overrides import automatic_decisions, read_overrides

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

RULES = """\
reviewed_by: A. Reviewer
reviewed_on: 2026-01-01
rules:
  - {id: town-mended, update_class: work_done, phrases: ["zzz was mended"]}
  - {id: town-write, update_class: deflection, phrases: ["send us a zzz"]}
"""
BY = "reviewer: A. Reviewer, reviewed_on: 2024-01-10"
WHO = f"reason: Both were read again by two people., {BY}"
RULE = "override:A. Reviewer"


def decide(town: Town, text: str) -> None:
    (town.folder / "data" / "lookups" / "update_classes.yml").write_text(RULES, "utf-8")
    (town.folder / "data" / "lookups" / "overrides.yml").write_text(textwrap.dedent(text), "utf-8")


def log(town: Town) -> dict[str, dict[str, Any]]:
    return {r["decision"]: r for r in town.rows("override")}


def test_every_decision_about_a_feedback_is_overruled(town: Town) -> None:
    request = town.add("1", "2024-01-01", service_code="POTHOLE", closed_at=None)
    town.feedback[-1]["closed_at"] = town.feedback[-1]["created_at"]
    other = town.add("2", "2024-01-02", service_code="POTHOLE")
    decide(
        town,
        f"""
        feedback:
          - {{about: "portal:1", topic: parks, agency: water, intent: safety, urgency: high,
             closing_reason: cancelled, {WHO}}}
        """,
    )
    town.understand()
    told = town.reading(request)
    assert (told["topic_code"], told["topic_rule"]) == ("parks", RULE)
    assert (told["agency_code"], told["agency_rule"]) == ("water", RULE)
    assert (told["intent"], told["intent_rule"]) == ("safety", RULE)
    assert (told["urgency"], told["urgency_rule"]) == ("high", RULE)
    assert (told["closing_reason"], told["closing_rule"]) == ("cancelled", RULE)
    assert told["public_title"].startswith("Parks")
    before = automatic_decisions(told["automatic"])
    assert before["topic"] == ("potholes", "code:potholes")
    assert before["agency"] == ("works", "topic:potholes")
    assert before["closing_reason"] == ("unknown", "none")
    untouched = town.reading(other)
    assert (untouched["topic_code"], untouched["automatic"]) == ("potholes", None)
    rows = log(town)
    assert set(rows) == {"topic", "agency", "intent", "urgency", "closing_reason"}
    topic = rows["topic"]
    assert (topic["about_name"], topic["from_value"], topic["to_value"]) == (
        "portal:1",
        "potholes [code:potholes]",
        "parks",
    )
    assert (topic["reviewer"], topic["reviewed_on"], topic["is_matched"], topic["is_expired"]) == (
        "A. Reviewer",
        date(2024, 1, 10),
        True,
        False,
    )
    said = str(explain(town.store, "portal:1"))
    assert (
        "its topic: the program said potholes: its source has it under this topic  [rule: code:potholes]"
        in said
    )
    assert f"parks: A. Reviewer decided so  [rule: {RULE}]" in said
    assert f"urgent: A. Reviewer decided so  [rule: {RULE}]" in said


def test_relevance_and_repetition_are_overruled_both_ways(town: Town) -> None:
    first = town.add(
        "1", "2024-01-01", source_id="posts", text="The playground swing broke", conversation_id="1"
    )
    again = town.add(
        "2", "2024-01-02", source_id="posts", text="The playground swing broke", conversation_id="2"
    )
    other = town.add("3", "2024-01-03", source_id="posts", text="No water in our street", conversation_id="3")
    passed = town.add(
        "4",
        "2024-01-04",
        source_id="posts",
        text="Water pressure is low",
        conversation_id="4",
        is_repost=True,
    )
    town.understand()
    assert town.reading(again)["exclusion"] == "duplicate"
    assert town.reading(passed)["exclusion"] == "irrelevant"
    decide(
        town,
        f"""
        feedback:
          - {{about: "posts:2", duplicate_of: none, {WHO}}}
          - {{about: "posts:3", is_relevant: no, {WHO}}}
          - {{about: "{passed}", is_relevant: yes, {WHO}}}
        """,
    )
    town.understand()
    assert [town.reading(i)["exclusion"] for i in (first, again, other, passed)] == [
        None,
        None,
        "irrelevant",
        None,
    ]
    assert town.reading(again)["duplicate_of"] is None
    assert town.reading(other)["exclusion_rule"] == RULE
    assert town.reading(passed)["intent"] is not None
    # A label measures the program; a decision is none.
    assert town.reading(other)["is_labelled_relevant"] is None
    assert town.reading(other)["is_judged_relevant"]
    assert automatic_decisions(town.reading(again)["automatic"])["duplicate_of"][0] == first
    assert automatic_decisions(town.reading(passed)["automatic"])["is_relevant"][0] == "no"


def test_two_messages_never_count_as_copies_of_each_other(town: Town) -> None:
    first = town.add(
        "1", "2024-01-01", source_id="posts", text="The playground swing broke", conversation_id="1"
    )
    again = town.add(
        "2", "2024-02-02", source_id="posts", text="The playground swing broke", conversation_id="2"
    )
    town.understand()
    decide(town, f'feedback:\n  - {{about: "posts:1", duplicate_of: "posts:2", {WHO}}}\n')
    town.understand()
    assert town.reading(first)["exclusion_rule"] == RULE
    assert town.reading(first)["duplicate_of"] == again
    assert town.reading(again)["is_counted"]
    decide(
        town,
        f"""
        feedback:
          - {{about: "posts:1", duplicate_of: "posts:2", {WHO}}}
          - {{about: "posts:2", duplicate_of: "posts:1", {WHO}}}
        """,
    )
    with pytest.raises(SettingsError, match="lead back"):
        town.understand()


def test_the_class_of_an_update_is_overruled_and_what_hangs_on_it_follows(town: Town) -> None:
    request = town.add("1", "2024-01-01", service_code="PARK")
    update = town.say(request, "2024-01-02", "zzz was mended")
    town.understand()
    decide(town, f"updates:\n  - {{about: {update}, update_class: deflection, {WHO}}}\n")
    town.understand()
    ((read),) = town.rows("update_reading")
    assert (read["update_class"], read["class_rule"]) == ("deflection", RULE)
    assert automatic_decisions(read["automatic"]) == {"update_class": ("work_done", "town-mended")}
    assert town.rows("response") == []
    assert log(town)["update_class"]["from_value"] == "work_done [town-mended]"
    told = str(explain(town.store, request))
    assert "what kind of thing an agency said: the program said says that the work was done" in told


def test_a_reply_is_named_as_an_update_or_as_the_post_that_it_is(town: Town) -> None:
    post: dict[str, Any] = {"source_id": "posts", "conversation_id": "1"}
    root = town.add("1", "2024-01-01", text="The playground swing broke", **post)
    text = "It zzz was mended"
    said = town.add("2", "2024-01-02", text=text, is_official=True, agency_code="works", **post)
    update = town.say(root, "2024-01-02", text, update_id=reply_id(root, "2024-01-02", "2"))
    decide(town, f'updates:\n  - {{about: "posts:2", update_class: deflection, {WHO}}}\n')
    town.understand()
    ((read,),) = (town.rows("update_reading"),)
    assert (read["update_class"], read["class_rule"]) == ("deflection", RULE)
    assert town.rows("response") == []
    ((row,),) = (town.rows("override"),)
    assert (row["from_value"], row["about_id"], row["is_matched"]) == ("work_done [town-mended]", root, True)
    # Named in all three ways it is one thing, and decided once.
    for other in (update, said):
        decide(
            town,
            f"""
            updates:
              - {{about: "posts:2", update_class: deflection, {WHO}}}
              - {{about: "{other}", update_class: internal, {WHO}}}
            """,
        )
        with pytest.raises(
            SettingsError, match=r"update_class is decided twice \(posts:2 is the same\)"
        ) as caught:
            town.understand()
        assert caught.value.line == 4


def test_a_link_is_taken_back_and_a_proposal_accepted(town: Town) -> None:
    place = {"service_code": "POTHOLE", "area_code": "old-harbour", "agency_code": "works"}
    words = "a deep pothole beside the fountain swallows bicycle wheels"
    asked = town.add("123456", "2024-01-01", text=words, **place)
    own = town.add("123457", "2024-01-01", **place)
    official: dict[str, Any] = {"source_id": "posts", "is_official": True, "agency_code": "works"}
    town.add("p1", "2024-01-02", text="Ticket #123456: zzz was mended", conversation_id="p1", **official)
    town.add(
        "p2", "2024-01-03", text=f"Old Harbour: zzz was mended, {words}", conversation_id="p2", **official
    )
    town.say(own, "2024-01-02", "zzz was mended")
    decide(town, f'links:\n  - {{decision: reject, answer: "posts:p1", about: "portal:123456", {WHO}}}\n')
    town.understand()
    assert {r["feedback_id"] for r in town.rows("response_feedback")} == {own}
    assert {r["method"] for r in town.rows("update_elsewhere")} == {"likeness"}
    assert log(town)["link"]["is_matched"]
    response = next(r for r in town.rows("response_feedback") if r["feedback_id"] == own)["response_id"]
    decide(
        town,
        f"""
        links:
          - {{decision: reject, answer: "posts:p1", about: "portal:123456", {WHO}}}
          - {{decision: accept, answer: "posts:p2", about: "portal:123456", {WHO}}}
          - {{decision: reject, answer: "{response}", about: "portal:123457", {WHO}}}
        """,
    )
    town.understand()
    ((link),) = town.rows("response_feedback")
    assert (link["feedback_id"], link["method"], link["confidence"], link["is_reviewed"]) == (
        asked,
        "reviewed",
        1.0,
        True,
    )
    assert town.by_id("response")[response]["feedback_count"] == 0
    assert all(r["is_matched"] for r in town.rows("override"))
    decide(town, f'links:\n  - {{decision: reject, answer: "posts:p2", about: "portal:123456", {WHO}}}\n')
    town.understand()
    assert {r["method"] for r in town.rows("update_elsewhere")} == {"ticket-number"}


def test_what_expired_or_matches_nothing_holds_no_more_and_is_told(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    request = town.add("1", "2024-01-01", service_code="POTHOLE")
    town.add("2", "2024-06-01", service_code="POTHOLE")
    late = WHO + ", expires_on: 2024-06-01"
    why = f"reason: Ann Example asked for it., {BY}"
    decide(
        town,
        f"""
        feedback:
          - {{about: "portal:1", topic: parks, {late}}}
          - {{about: "portal:2", topic: parks, {WHO}, expires_on: 2024-06-02}}
          - {{about: "portal:gone", urgency: low, {why}}}
        updates:
          - {{about: nothing, update_class: internal, {why}}}
        links:
          - {{decision: accept, answer: "posts:gone", about: "portal:1", {why}}}
          - {{decision: reject, answer: "0123456789abcdef", about: "portal:1", {why}}}
        """,
    )
    town.understand()
    assert town.reading(request)["topic_code"] == "potholes"
    rows = town.rows("override")
    state = {(r["about_name"], r["is_matched"], r["is_expired"]) for r in rows if r["is_matched"]}
    assert state == {("portal:1", True, True), ("portal:2", True, False)}
    # It may be what somebody had taken down: neither that nor the reason is told, nor what they could be worked out of.
    unmatched = [r for r in rows if not r["is_matched"]]
    assert sorted(r["decision"] for r in unmatched) == ["link", "link", "update_class", "urgency"]
    for row in unmatched:
        empty = ("about_name", "about_source_id", "about_id", "other_id", "from_value", "to_value", "reason")
        assert [row[name] for name in empty] == [None] * len(empty)
        assert row["reviewer"] == "A. Reviewer"
    assert len({r["override_id"] for r in rows}) == len(rows)
    assert "overrides.yml, line 5, 7, 9, 10" in caplog.text
    assert "gone" not in caplog.text


def test_nothing_names_a_message_of_a_source_that_hides_its_rows(town: Town) -> None:
    place = {"service_code": "POTHOLE", "area_code": "old-harbour"}
    secret = town.add(
        "7", "2024-01-01", source_id="private", text="A hole in the road at the old mill", **place
    )
    town.add("8", "2024-02-02", source_id="private", service_code="LEAK", area_code="mill-hill")
    words = "The same playground swing broke, and nobody mends it"
    first = town.add("71", "2024-02-28", source_id="private", kind="post", text=words, conversation_id="71")
    copy = town.add("72", "2024-03-01", source_id="posts", text=words, conversation_id="72")
    other = town.add("9", "2024-03-03", text="Another one")
    town.understand()
    issues = {r["feedback_id"]: r["issue_id"] for r in town.rows("issue_feedback")}
    shown = {r["issue_id"] for r in town.rows("issue") if r["has_page"]}
    assert issues[secret] not in shown
    assert town.reading(copy)["duplicate_of"] == first
    said = town.say(secret, "2024-01-05", "zzz was mended")
    decide(
        town,
        f"""
        feedback:
          - {{about: "{secret}", topic: parks, urgency: high, {WHO}}}
          - {{about: "{copy}", duplicate_of: none, {WHO}}}
          - {{about: "{other}", duplicate_of: "{secret}", {WHO}}}
        updates:
          - {{about: "{said}", update_class: internal, {WHO}}}
        """,
    )
    (town.folder / "data" / "lookups" / "issues.yml").write_text(
        "decisions:\n"
        f'  - {{decision: rename, about: "{issues[secret]}", title: The road at the old mill, {WHO}}}\n',
        "utf-8",
    )
    town.understand()
    rows = town.rows("override")
    assert len(rows) == 6
    assert all(r["is_matched"] and r["reason"] for r in rows)
    names = {secret, first, said, issues[secret], "private:7", "The road at the old mill"}
    told = [r for r in rows if r["about_name"] is not None]
    assert [r["about_name"] for r in told] == []
    for row in rows:
        assert not names & {str(value) for value in row.values()}
        assert not any(name in str(value) for name in names for value in row.values())


def test_a_message_is_decided_once_however_it_is_named(town: Town) -> None:
    request = town.add("1", "2024-01-01", service_code="POTHOLE")
    decide(
        town,
        f"""
        feedback:
          - {{about: "portal:1", topic: parks, {WHO}}}
          - {{about: "{request}", topic: leaks, {WHO}}}
        """,
    )
    with pytest.raises(SettingsError, match=r"topic is decided twice \(portal:1 is the same\)") as caught:
        town.understand()
    assert caught.value.line == 4


def test_a_decision_about_one_month_has_no_other_read_again(town: Town) -> None:
    town.add("1", "2024-01-01", service_code="POTHOLE")
    town.add("2", "2024-02-01", service_code="POTHOLE")
    town.understand()
    marks = {m: town.store.mark(f"understand:{m}") for m in ("2024-01", "2024-02")}
    decide(town, f'feedback:\n  - {{about: "portal:1", urgency: low, {WHO}}}\n')
    # The rules of classes are new as well: they are what both months hang on.
    town.understand()
    with_rules = {m: town.store.mark(f"understand:{m}") for m in marks}
    decide(town, f'feedback:\n  - {{about: "portal:1", urgency: high, {WHO}}}\n')
    town.understand()
    after = {m: town.store.mark(f"understand:{m}") for m in marks}
    assert after["2024-01"] != with_rules["2024-01"]
    assert after["2024-02"] == with_rules["2024-02"]
    (town.folder / "data" / "lookups" / "overrides.yml").unlink()
    town.understand()
    assert town.rows("override") == []
    assert town.reading(town.feedback[0]["feedback_id"])["automatic"] is None


def test_what_people_decided_about_issues_stands_in_the_same_log(town: Town) -> None:
    holes = [
        town.add(str(n), f"2024-01-0{n}", service_code="POTHOLE", area_code="old-harbour") for n in (1, 2)
    ]
    leaks = [town.add(str(n), f"2024-01-0{n}", service_code="LEAK", area_code="mill-hill") for n in (3, 4)]
    town.understand()
    issues = {r["feedback_id"]: r["issue_id"] for r in town.rows("issue_feedback")}
    hole, leak = issues[holes[0]], issues[leaks[0]]
    (town.folder / "data" / "lookups" / "issues.yml").write_text(
        "decisions:\n"
        f'  - {{decision: merge, about: "{hole}", issues: ["{leak}", "0123456789abcdef"], {WHO}}}\n'
        # It is a part of another now, and the title is that one's.
        f'  - {{decision: rename, about: "{leak}", title: The harbour road, {WHO}}}\n'
        f'  - {{decision: pin, about: "{hole}", {WHO}}}\n'
        f'  - {{decision: split, about: "{hole}", feedback: ["portal:2", "portal:gone"], {WHO}}}\n'
        f'  - {{decision: pin, about: "fedcba9876543210", {WHO}}}\n',
        "utf-8",
    )
    town.understand()
    rows = {(r["decision"], r["is_matched"]): r for r in town.rows("override")}
    assert len(rows) == 5
    for kind, value in (("merge", leak), ("rename", "The harbour road"), ("pin", None), ("split", holes[1])):
        row = rows[kind, True]
        assert (row["about"], row["about_name"], row["to_value"]) == ("issue", hole, value)
        # What is gone may be what the reason speaks of.
        assert (row["reason"] is None) == (kind in {"merge", "split"})
    assert {r["issue_id"]: r["public_title"] for r in town.rows("issue")}[hole] == "The harbour road"
    lost = rows["pin", False]
    assert (lost["about_name"], lost["reason"]) == (None, None)


def test_a_reason_is_published_without_what_it_should_not_hold(town: Town) -> None:
    town.add("1", "2024-01-01", service_code="POTHOLE")
    decide(
        town,
        """
        feedback:
          - about: portal:1
            topic: parks
            reason: Ask ann@mail.example, she saw it.
            reviewer: A. Reviewer
            reviewed_on: 2024-01-10
        """,
    )
    town.understand()
    assert log(town)["topic"]["reason"] == "Ask [email], she saw it."


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("feedback:\n  - {about: portal:1, topic: parks}\n", "needs the key reason", 2),
        (f"feedback:\n  - {{about: portal:1, topic: parks, reason: x, {BY}}}", "reason", 2),
        (f"feedback:\n  - {{about: portal:1, {WHO}}}", "decides nothing", 2),
        (
            f"feedback:\n  - {{about: portal:1, topic: parcs, {WHO}}}",
            "there is no topic parcs; did you mean parks",
            2,
        ),
        (f"feedback:\n  - {{about: portal:1, agency: nobody, {WHO}}}", "there is no agency nobody", 2),
        (f"feedback:\n  - {{about: portal:1, urgency: soon, {WHO}}}", "'soon' is no urgency", 2),
        (
            f"feedback:\n  - {{about: portal:1, closing_reason: magic, {WHO}}}",
            "'magic' is no reason of closing",
            2,
        ),
        (
            f"feedback:\n  - {{about: portl:1, topic: parks, {WHO}}}",
            "there is no source portl; did you mean portal",
            2,
        ),
        (f"feedback:\n  - {{about: 1234567890123456, topic: parks, {WHO}}}", "write this id in quotes", 2),
        (f"feedback:\n  - {{about: portal:1, duplicate_of: portal:1, {WHO}}}", "nothing repeats itself", 2),
        (
            f"feedback:\n  - {{about: portal:1, topik: parks, {WHO}}}",
            "unknown key topik; did you mean topic",
            2,
        ),
        (
            f"feedback:\n  - {{about: portal:1, topic: parks, {WHO}, expires_on: 2024-01-10}}",
            "later than reviewed_on",
            2,
        ),
        (
            f"feedback:\n  - {{about: portal:1, topic: parks, {WHO}}}\n  - {{about: portal:1, topic: leaks, {WHO}}}",
            "topic is decided twice",
            3,
        ),
        (f"updates:\n  - {{about: u, update_class: answer, {WHO}}}", "'answer' is no class of update", 2),
        (f"links:\n  - {{decision: maybe, answer: posts:1, about: portal:1, {WHO}}}", "decision", 2),
        (
            f"links:\n  - {{decision: accept, answer: portal:1, about: portal:1, {WHO}}}",
            "nothing answers itself",
            2,
        ),
        (
            'feedback:\n  - {about: portal:1, topic: parks, reason: "Read\\nit again", ' + BY + "}",
            "one line",
            2,
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(
    town: Town, text: str, message: str, line: int
) -> None:
    decide(town, text)
    with pytest.raises(SettingsError) as caught:
        read_overrides(town.settings.lookup("overrides.yml"), town.settings)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_everything_that_can_be_decided_has_a_name_for_people() -> None:
    from answerable.understand.issue_decisions import MergeIssues, PinIssue, RenameIssue, SplitIssue
    from answerable.understand.overrides import FeedbackOverride

    fields = set(FeedbackOverride.model_fields) - {"about", "reason", "reviewer", "reviewed_on", "expires_on"}
    kinds: set[str] = set()
    for kind in (MergeIssues, PinIssue, RenameIssue, SplitIssue):
        kinds |= set(get_args(kind.model_fields["decision"].annotation))
    assert set(OVERRIDDEN) == fields | kinds | {"update_class", "link", "label"}
