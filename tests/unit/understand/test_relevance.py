"""Why a feedback is not counted, through the stage's own door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from answerable.schema import EXCLUSIONS
from answerable.understand.classes import ExclusionRule
from answerable.understand.relevance import relevance_rules

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
    assert exclusion(town, post) == (None, None, None)


def test_rules_are_tried_on_their_kinds_only(town: Town) -> None:
    (town.folder / "data" / "lookups" / "exclusions.yml").write_text(RULES, "utf-8")
    request = town.add("1", "2024-03-01", text="A sign says: win a bike", service_code="PARK")
    town.understand()
    assert exclusion(town, request) == (None, None, None)


def test_a_conversation_needs_a_root_that_is_held(town: Town) -> None:
    held = town.add("1", "2024-03-01", source_id="posts", text="No lights here", conversation_id="1")
    part = town.add("2", "2024-04-01", source_id="posts", text="Same", conversation_id="1")
    lost = town.add("3", "2024-04-01", source_id="posts", text="Me too", conversation_id="77")
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
