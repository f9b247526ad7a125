"""What people say of messages: asked for, kept, followed, and used to measure the program."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import pytest

from answerable.errors import SettingsError, UsageError
from answerable.labelling import label_messages
from answerable.understand.labels import LABELS_FILE, read_labels, to_label

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

DAY = date(2026, 1, 2)
LINE = (
    '{"source_id":"posts","record_id":"%s","is_relevant":%s,"drawn":"search",'
    '"labelled_by":"A","labelled_on":"2026-01-02"}\n'
)


def fill(town: Town, count: int = 6) -> None:
    for number in range(count):
        text = f"The lift at stop number {number} is broken, call +44 20 7946 09{number}{number}"
        town.add(f"{number}", "2024-03-01", source_id="posts", text=text, conversation_id=f"{number}")
    town.add("r", "2024-03-01", service_code="POTHOLE", text="A request is feedback anyway")


def answer(
    town: Town, answers: list[str], *, count: int = 50, is_by_chance: bool = True
) -> tuple[int, list[str]]:
    shown: list[str] = []

    def ask(question: str, choices: Mapping[str, str]) -> str:
        assert question
        said = answers.pop(0)
        assert said in choices
        return said

    kept = label_messages(
        town.store,
        town.folder / "data" / "lookups" / LABELS_FILE,
        by="A. Reader",
        today=DAY,
        count=count,
        is_by_chance=is_by_chance,
        ask=ask,
        say=shown.append,
    )
    return kept, shown


def test_each_answer_is_kept_and_no_message_is_asked_for_twice(town: Town) -> None:
    fill(town)
    town.understand()
    kept, shown = answer(town, ["y", "c", "h", "n", "s", "c", "q"])
    assert kept == 3
    labels = read_labels(town.folder / "data" / "lookups" / LABELS_FILE)
    assert [(x.is_relevant, x.intent, x.urgency, x.drawn) for x in labels] == [
        (True, "complaint", "high", "chance"),
        (False, None, None, "chance"),
        (None, None, None, "chance"),
    ]
    assert {(x.labelled_by, x.labelled_on) for x in labels} == {("A. Reader", DAY)}
    # Nothing private is shown, and nothing of what the program thinks.
    assert "7946" not in "".join(shown)
    assert not any("chance" in line or "0." in line for line in shown)
    asked = {x.record_id for x in labels}
    rest = to_label(town.store, labels, count=50, is_by_chance=True)
    assert {message.record_id for message in rest} == {str(n) for n in range(6)} - asked
    doubtful = to_label(town.store, labels, count=50, is_by_chance=False)
    doubts = [abs((message.relevance_score or 0) - 0.5) for message in doubtful]
    assert doubts == sorted(doubts)


def test_what_a_person_says_overrules_rules_and_model(town: Town) -> None:
    fill(town, 2)
    town.add(
        "w", "2024-03-01", source_id="posts", text="Win a free gift card! Enter to win", conversation_id="w"
    )
    path = town.folder / "data" / "lookups" / LABELS_FILE
    path.write_text(LINE % ("0", "false") + LINE % ("w", "true"), "utf-8")
    town.understand()
    rows = {row["record_id"]: town.reading(row["feedback_id"]) for row in town.feedback}
    assert (rows["0"]["exclusion"], rows["0"]["exclusion_rule"]) == ("irrelevant", "irrelevant:label")
    assert (rows["0"]["is_judged_relevant"], rows["0"]["is_labelled_relevant"]) == (True, False)
    assert rows["w"]["is_counted"]
    assert (rows["w"]["is_judged_relevant"], rows["w"]["is_labelled_by_chance"]) == (False, False)
    assert (rows["1"]["is_counted"], rows["1"]["is_labelled_relevant"]) == (True, None)
    path.unlink()
    town.understand()
    assert {row["is_labelled_relevant"] for row in town.rows("reading")} == {None}


def test_a_label_gives_the_intent_and_the_urgency(town: Town) -> None:
    fill(town, 1)
    town.understand()
    answer(town, ["y", "p", "l"])
    town.understand()
    row = next(row for row in town.rows("reading") if row["is_labelled_relevant"])
    assert (row["intent"], row["intent_rule"]) == ("praise", "label")
    assert (row["urgency"], row["urgency_rule"]) == ("low", "label")


def test_the_topic_is_asked_for_where_that_is_wanted_the_doubtful_first(town: Town) -> None:
    fill(town, 3)
    town.add(
        "p", "2024-03-01", source_id="posts", text="A pothole on the corner of our road", conversation_id="p"
    )
    town.understand()
    asked: list[Mapping[str, str]] = []
    answers = ["y", "c", "n", "2", "y", "c", "n", "0", "q"]

    def ask(question: str, choices: Mapping[str, str]) -> str:
        assert question
        asked.append(choices)
        return answers.pop(0)

    path = town.folder / "data" / "lookups" / LABELS_FILE
    label_messages(
        town.store,
        path,
        by="A. Reader",
        today=DAY,
        count=9,
        is_by_chance=False,
        topics={"potholes": "Potholes", "leaks": "Water leaks"},
        ask=ask,
        say=lambda _: None,
    )
    assert asked[3] == {"1": "Potholes", "2": "Water leaks", "0": "none of these"}
    labels = read_labels(path)
    assert [label.topic for label in labels] == ["leaks", None]
    # What no rule knows comes first.
    assert "p" not in {label.record_id for label in labels}
    town.understand()
    row = next(row for row in town.rows("reading") if row["topic_rule"] == "label")
    assert (row["topic_code"], row["judged_topic_code"]) == ("leaks", "unmapped")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}\n", "Field required"),
        (LINE % ("1", "true") + LINE % ("1", "false"), "labelled twice"),
        ((LINE % ("1", "false")).replace('"drawn"', '"intent":"praise","drawn"'), "neither an intent"),
        ((LINE % ("1", "true")).replace('"drawn"', '"intent":"rant","drawn"'), "is no intent"),
    ],
)
def test_a_wrong_label_is_named_with_its_line(town: Town, text: str, message: str) -> None:
    path = town.folder / "data" / "lookups" / LABELS_FILE
    path.write_text("\n" + text, "utf-8")
    with pytest.raises(SettingsError, match=message) as caught:
        read_labels(path)
    assert LABELS_FILE in str(caught.value)


def test_with_nothing_to_label_that_is_said(town: Town) -> None:
    town.add("r", "2024-03-01", service_code="POTHOLE", text="A request is feedback anyway")
    town.understand()
    with pytest.raises(UsageError, match="nothing to label"):
        answer(town, [])
