"""Phrases: what people write in rule files, matched word by word."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.understand.phrases import Match, compile_rules, matching_form, phrase_error, visible_form


@dataclass(frozen=True)
class Rule:
    id: str
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()
    is_whole: bool = False


FULL_WIDTH = "".join(chr(ord(char) + 0xFEE0) for char in "direct!message").replace("\uff01", "\u3000")


def matches(phrase: str, text: str, *, is_whole: bool = False, unless: tuple[str, ...] = ()) -> bool:
    return compile_rules([Rule("r", (phrase,), unless, is_whole)]).first(text) is not None


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("no leak found", "No leak found."),
        ("no leak found", "crew came:\n  NO   LEAK\tFOUND, left"),
        ("w/o issued", "W/O ISSUED TODAY"),
        ("w/o issued", "w o issued"),
        ("clean*", "They cleaned it"),
        ("clean*", "clean"),
        ("*paint*", "It was repainted."),
        ("emailed * answer", "I emailed the person the answer to her question"),
        ("emailed * answer", "emailed answer"),
        ("psr #", "PSR #388928"),
        ("hq#", "case HQ106837576 it is"),
        ("straße gereinigt", "STRASSE GEREINIGT"),
        ("don't know", "we don\u2019t know"),
        ("a été réparé", "Le banc a e\u0301te\u0301 re\u0301pare\u0301"),
        ("direct message", "send a di\u200brect mes\u00adsage"),
        ("direct message", FULL_WIDTH),
        ("धन्यवाद", "आपका धन्यवाद!"),
        ("snake case", "snake_case"),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str) -> None:
    assert matches(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("leak", "leaking"),
        ("leak", "oleak"),
        ("clean*", "unclean"),
        ("psr #", "PSR unknown"),
        ("hq#", "HQ"),
        ("emailed * answer", "emailed one two three four five six seven answer"),
        ("no leak", "no. big leak"),
        ("धन्यवाद", "धन्यवादी"),
        ("clean*", "clean" + "x" * 41),
    ],
)
def test_a_phrase_is_not_found(phrase: str, text: str) -> None:
    assert not matches(phrase, text)


def test_a_whole_phrase_is_all_there_is() -> None:
    assert matches("completed", " Completed,,,,", is_whole=True)
    assert not matches("completed", "Work completed", is_whole=True)
    assert not matches("completed", "Completed it", is_whole=True)
    assert matches("emailed *", "Emailed the person today", is_whole=True)
    assert not matches("emailed *", "Emailed one two three four five six seven", is_whole=True)
    assert matches("#", "#400140", is_whole=True)


def test_a_veto_stops_a_phrase_wherever_it_stands() -> None:
    assert matches("was fixed", "It was fixed", unless=("once * was fixed",))
    assert not matches("was fixed", "We tell you once the light was fixed", unless=("once * was fixed",))


def test_the_order_of_the_rules_decides_not_that_of_the_text() -> None:
    matcher = compile_rules([Rule("late", ("zebra", "second")), Rule("early", ("first",))])
    assert matcher.first("first, then second") == Match("late", "second")
    assert matcher.every("first, then second") == (Match("late", "second"), Match("early", "first"))


def test_the_first_phrase_of_a_rule_is_named() -> None:
    matcher = compile_rules([Rule("r", ("two words", "words"))])
    assert matcher.first("words, two words") == Match("r", "two words")


def test_a_vetoed_rule_leaves_the_next_its_turn() -> None:
    matcher = compile_rules([Rule("a", ("fixed",), ("not fixed",)), Rule("b", ("fixed",))])
    assert matcher.first("not fixed") == Match("b", "fixed")


@pytest.mark.parametrize("text", ["", "  \n", "!?…", "\u200b", "_"])
def test_a_text_without_words_meets_no_rule(text: str) -> None:
    assert compile_rules([Rule("r", ("# *", "a*"), is_whole=True)]).first(text) is None


@pytest.mark.parametrize(
    ("phrase", "is_whole"),
    [
        ("", False),
        ("...", True),
        ("*", True),
        ("* *", True),
        ("#", False),
        ("* word", False),
        ("word *", False),
        ("a * b * c * d * e", False),
    ],
)
def test_a_phrase_that_cannot_work_is_refused(phrase: str, is_whole: bool) -> None:
    assert phrase_error(phrase, is_whole=is_whole)
    with pytest.raises(ValueError, match="phrase"):
        compile_rules([Rule("r", (phrase,), is_whole=is_whole)])


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="'r'"):
        compile_rules([Rule("r", ("a",)), Rule("r", ("b",))])


def test_long_hostile_texts_are_handled() -> None:
    rule = Rule("r", ("a* * a* * a* * end", "*a*b*", "x * y"))
    matcher = compile_rules([rule])
    for text in (
        "a " * 50_000,
        "a" * 100_000,
        "ab" * 50_000,
        "x " * 50_000,
        "é\u0301" * 50_000,
        "\u200b" * 100_000,
    ):
        matcher.first(text)


@given(st.text())
def test_the_visible_form_is_its_own(text: str) -> None:
    once = visible_form(text)
    assert visible_form(once) == once
    assert matching_form(once) == matching_form(text)


words = st.text(st.sampled_from("abcxyzéß7"), min_size=1, max_size=6)


@given(st.lists(words, min_size=1, max_size=4), st.lists(words, max_size=5), st.lists(words, max_size=5))
def test_a_phrase_is_found_wherever_it_stands(phrase: list[str], before: list[str], after: list[str]) -> None:
    text = ", ".join([*before, " ".join(phrase), *after])
    assert matches(" ".join(phrase).upper(), text)
    if before or after:
        assert not matches(" ".join(phrase), text, is_whole=True) or " ".join(phrase) == text


@given(st.lists(words, min_size=1, max_size=8), st.lists(st.tuples(words, words), min_size=1, max_size=8))
def test_looking_phrases_up_finds_what_trying_each_would(
    text: list[str], rules: list[tuple[str, str]]
) -> None:
    made = [Rule(f"r{i}", (a, f"{b}*", f"{a} * {b}")) for i, (a, b) in enumerate(rules)]
    joined = " ".join(text)
    alone = [rule.id for rule in made if compile_rules([rule]).first(joined)]
    assert [match.rule_id for match in compile_rules(made).every(joined)] == alone
