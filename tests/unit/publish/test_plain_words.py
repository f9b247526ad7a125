"""What is stored as a code or a rule, as people read it."""

from __future__ import annotations

import pytest

from answerable import schema
from answerable.publish.plain_words import Names, rule_words, value_words

NAMES = Names(topics={"lights": "Street lights"}, agencies={"works": "Public Works"})
LISTS = {
    "intent": schema.INTENTS,
    "urgency": schema.URGENCIES,
    "closing_reason": schema.CLOSING_REASONS,
    "update_class": schema.UPDATE_CLASSES,
    "is_relevant": ("yes", "no"),
    "duplicate_of": ("none", "0123456789abcdef"),
    "topic": ("lights", "unmapped", "none"),
    "agency": ("works", "unmapped", "none"),
}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("phrase:graffiti:eyes", "because of the word \u201ceyes\u201d"),
        ("phrase:water:no water", "because of the words \u201cno water\u201d"),
        ("like:lights:lamp*", "because of the word \u201clamp\u2026\u201d, which such messages often have"),
        ("code:lights", "its source has it under this topic"),
        ("kind:service_request", "every service request counts so where no rule says otherwise"),
        ("mention:townworks", "it names the account @townworks"),
        ("override:A. Reviewer", "A. Reviewer decided so"),
        ("irrelevant:shop-offer", "a reviewed rule, \u201cshop offer\u201d"),
        (
            "near-words:flood",
            "it has nearly the same words as another message (sent by ten people or more on one day)",
        ),
        ("same-topic-and-area-within-60-days", "same topic and area within 60 days"),
        ("ticket-number", "it names the number of this feedback"),
        (None, ""),
    ],
)
def test_a_rule_is_told_as_a_clause(rule: str | None, words: str) -> None:
    assert rule_words(rule) == words


@pytest.mark.parametrize("about", LISTS)
def test_no_code_of_a_list_is_left_a_code(about: str) -> None:
    said = [value_words(about, value, NAMES) for value in LISTS[about]]
    # This one is a word already.
    assert not set(said) & set(LISTS[about]) - {"cancelled"}
    assert all(words and "_" not in words for words in said)


def test_a_name_that_no_list_has_stays_as_it_is_and_an_unknown_decision_is_none() -> None:
    assert value_words("topic", "lights", Names()) == "lights"
    assert value_words("rename", "The harbour road", NAMES) == "The harbour road"
    assert value_words("topic", None, NAMES) == ""
    with pytest.raises(KeyError):
        value_words("colour", "red", NAMES)
