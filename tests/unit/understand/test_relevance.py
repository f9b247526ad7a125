"""Why a feedback is not counted, through the stage's own door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from answerable.schema import EXCLUSIONS
from answerable.understand.classes import ExclusionRule
from answerable.understand.relevance import FLOOD_PEOPLE, MODEL_RULE, REPOST_RULE, relevance_rules

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

RULES = """\
reviewed_by: A. Reviewer
reviewed_on: 2026-01-01
rules:
  - {id: town-raffle, reason: Advertising, phrases: ["win a *bike"]}
"""


def exclusion(town: Town, feedback_id: str) -> tuple[str | None, str | None, str | None]:
    row = town.reading(feedback_id)
    assert row["is_counted"] == (row["exclusion"] is None)
    return row["exclusion"], row["exclusion_rule"], row["duplicate_of"]


def test_reasons_are_tried_in_the_order_of_the_schema(town: Town) -> None:
    (town.folder / "data" / "lookups" / "exclusions.yml").write_text(RULES, "utf-8")
    words = "Win a bike today!"

    def post(name: str, *, root: str, is_official: bool = False, text: str = words) -> str:
        return town.add(
            name, "2024-03-01", source_id="posts", text=text, conversation_id=root, is_official=is_official
        )

    root = post("1", root="1", text="The bus to Mill Hill was late again.")
    all_four = post("2", root="1", is_official=True)
    three = post("3", root="1")
    two = [post("4", root="4"), post("5", root="5")]
    repeat = town.add(
        "6", "2024-03-02", source_id="posts", text="the bus to mill hill was LATE again", conversation_id="6"
    )
    town.understand()
    assert exclusion(town, root) == (None, None, None)
    assert exclusion(town, all_four) == ("official", "official-account", None)
    assert exclusion(town, three) == ("part_of_conversation", "conversation", None)
    assert [exclusion(town, post_id) for post_id in two] == [
        ("irrelevant", "irrelevant:town-raffle", None)
    ] * 2
    assert exclusion(town, repeat) == ("duplicate", "same-words", root)
    assert list(EXCLUSIONS) == ["official", "part_of_conversation", "irrelevant", "duplicate"]


def test_without_the_rule_that_a_decision_names_the_decision_is_another(town: Town) -> None:
    path = town.folder / "data" / "lookups" / "exclusions.yml"
    path.write_text(RULES, "utf-8")
    post = town.add("1", "2024-03-01", source_id="posts", text="Win a bike today!", conversation_id="1")
    town.understand()
    assert exclusion(town, post) == ("irrelevant", "irrelevant:town-raffle", None)
    path.write_text(RULES.replace("win a *bike", "win a car"), "utf-8")
    town.understand()
    assert exclusion(town, post) == ("irrelevant", MODEL_RULE, None)
    assert "[speaks of winning or giving away]" in town.reading(post)["relevance_reason"]


def test_rules_are_tried_on_their_kinds_only(town: Town) -> None:
    (town.folder / "data" / "lookups" / "exclusions.yml").write_text(RULES, "utf-8")
    request = town.add("1", "2024-03-01", text="A sign says: win a bike", service_code="PARK")
    town.understand()
    assert exclusion(town, request) == (None, None, None)


def test_a_conversation_needs_a_root_that_is_held(town: Town) -> None:
    held = town.add(
        "1", "2024-03-01", source_id="posts", text="No lights here in our street", conversation_id="1"
    )
    part = town.add("2", "2024-04-01", source_id="posts", text="Same", conversation_id="1")
    lost = town.add(
        "3",
        "2024-04-01",
        source_id="posts",
        text="In our street the lights are out too",
        conversation_id="77",
    )
    # A request of another source with that identifier is another record.
    town.add("77", "2024-04-01", service_code="PARK")
    town.understand()
    assert exclusion(town, held)[0] is None
    assert exclusion(town, part)[0] == "part_of_conversation"
    assert exclusion(town, lost)[0] is None


def test_an_unknown_kind_raises() -> None:
    rules = relevance_rules(
        [
            ExclusionRule.model_validate(
                {
                    "id": "spam",
                    "reason": "Advertising",
                    "phrases": ["win"],
                    "reviewed_by": "A",
                    "reviewed_on": "2026-01-01",
                }
            )
        ]
    )
    assert rules.excluded_by("post", "win now") == "irrelevant:spam"
    assert rules.excluded_by("petition", "win now") is None
    with pytest.raises(KeyError):
        rules.excluded_by("telegram", "win now")


def test_a_flood_a_repost_and_a_copy_are_told_apart_and_count_once(town: Town) -> None:
    text = "The ferry has not come since Monday and the whole island is waiting"

    def post(name: str, day: str, author: str, words: str = text, **values: object) -> str:
        return town.add(
            name, day, source_id="posts", text=words, conversation_id=name, author_key=author, **values
        )

    first = post("1", "2024-03-01", "a")
    copy = post("2", "2024-03-02", "b")
    passed = [
        post("3", "2024-03-02", "c", f"RT @someone: {text}"),
        post("4", "2024-03-02", "d", is_repost=True),
    ]
    flood = [post(f"f{i}", "2024-03-05", f"f{i}") for i in range(FLOOD_PEOPLE)]
    many_by_one = [post(f"g{i}", "2024-03-07", "g") for i in range(FLOOD_PEOPLE)]
    lost = post("9", "2024-03-05", "z", "RT @someone: There is no water in Mill Hill since yesterday")
    town.understand()
    assert exclusion(town, first) == (None, None, None)
    assert exclusion(town, copy) == ("duplicate", "same-words", first)
    assert {exclusion(town, name) for name in passed} == {("duplicate", "same-words:repost", first)}
    assert {exclusion(town, name) for name in flood} == {("duplicate", "same-words:flood", first)}
    assert {exclusion(town, name) for name in many_by_one} == {("duplicate", "same-words", first)}
    assert exclusion(town, lost) == ("irrelevant", REPOST_RULE, None)


def test_what_the_model_says_does_not_depend_on_what_stands_beside_it(town: Town) -> None:
    texts = [
        "The lift at Mill Hill station has been broken for three weeks @TownWorks",
        "Win two tickets! Follow us and tag a friend, link in bio https://shop.example",
        "Wo bleibt die M\u00fcllabfuhr? Seit zwei Wochen steht die Tonne voll in unserer Stra\u00dfe",
        "Kosz przy przystanku jest pe\u0142ny od soboty i nikt go nie opr\u00f3\u017cnia",
        "\U0001f600",
    ]
    for number, text in enumerate(texts):
        town.add(f"{number}", "2024-03-01", source_id="posts", text=text, conversation_id=f"{number}")
    town.understand()
    together = {row["feedback_id"]: row for row in town.rows("reading")}
    names = list(together)
    everything = town.feedback
    for row in everything:
        town.feedback = [row]
        town.understand()
        alone = town.rows("reading")[0]
        assert alone == together[alone["feedback_id"]]
    said = [together[str(row["feedback_id"])] for row in everything]
    assert len(names) == len(texts)
    assert [row["is_counted"] for row in said] == [True, False, True, True, False]
    assert [row["lang"] for row in said] == ["en", "en", "de", "pl", "und"]
    # A language that the model was not made of is not judged by it.
    assert [row["relevance_score"] is None for row in said] == [False, False, False, True, False]
    assert [row["intent"] is None for row in said] == [False, True, False, True, True]


def test_a_reason_names_only_words_that_are_public(town: Town) -> None:
    post = town.add(
        "1",
        "2024-03-01",
        source_id="posts",
        text="Win a holiday! Write to karla.brown@mail.example or @karlabrown77, shop now https://x.example/karla",
        conversation_id="1",
    )
    town.understand()
    row = town.reading(post)
    assert row["exclusion"] == "irrelevant"
    assert "karla" not in (row["relevance_reason"] or "").casefold()
    assert "against: " in row["relevance_reason"] or row["exclusion_rule"] != MODEL_RULE
