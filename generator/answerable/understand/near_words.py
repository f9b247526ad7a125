"""Whether two texts that are alike letter by letter are the same message, or one form filled in twice.

"Pothole on Oak Street, please fix it" and the same with "Elm Street" are nine tenths alike and two incidents. So two
texts are one message only where neither has a word or a number in the place of which the other has another one. What
may differ: words that one of them has and the other lacks, but for those that turn the meaning ("not"); words that say
little (``rules/near_words.yml``); and mistakes of typing: a letter or two of a word, unless the site knows both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from rapidfuzz.distance import DamerauLevenshtein, Levenshtein

from answerable.settings import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["SHIPPED_NEAR_WORDS", "NearRules", "Words", "are_one_message", "near_rules", "words_of"]

SHIPPED_NEAR_WORDS = Path(__file__).parent / "rules" / "near_words.yml"

_MISTYPED = {True: (3, 7), False: (7, 10)}
"""Letters that a word needs so that one, or two, of them may be mistyped: in shorter ones a letter makes another word
too often, and more often where the site knows neither of the two (they may be names) than where it knows one."""
_FIRST = 5
_DIGIT = re.compile(r"\d")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str
    reviewed_on: date
    passing: dict[str, tuple[str, ...]]
    turning: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class NearRules:
    """What decides whether two texts are one message. Made by `near_rules`.

    Attributes:
        passing: words that say little by themselves.
        turning: words that turn what is said into its opposite.
        known: words of the site: where one of them stands in the place of another, nobody has mistyped.
    """

    passing: frozenset[str]
    turning: frozenset[str]
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one text as they are compared. Made by `words_of`.

    Attributes:
        all: in their order.
        numbers: words with a digit in them, sorted, each as often as it stands there.
        turning: those that turn what is said into its opposite.
    """

    all: tuple[str, ...]
    numbers: tuple[str, ...]
    turning: frozenset[str]


def near_rules(known: Iterable[str]) -> NearRules:
    """The shipped rules with the words that a site knows.

    Args:
        known: such as the names of its areas and how its oldest texts spell; it must not change with every new
            message, or what was decided yesterday would be decided otherwise today. Any case.

    Raises:
        SettingsError: the shipped file is wrong.
    """
    passing, turning = _shipped()
    return NearRules(passing, turning, frozenset(word.casefold() for word in known))


@cache
def _shipped() -> tuple[frozenset[str], frozenset[str]]:
    found = load_yaml(SHIPPED_NEAR_WORDS, _File)
    turning = frozenset(word for words in found.turning.values() for word in words)
    passing = frozenset(word for words in found.passing.values() for word in words)
    # A word of one language may turn what another language says ("no"): then it never only passes.
    return passing - turning, turning


def words_of(text: str, rules: NearRules) -> Words:
    """The words of a text.

    Args:
        text: in lower case, words separated by single spaces.
        rules: those that it will be compared by.
    """
    words = tuple(text.split())
    return Words(words, tuple(sorted(filter(_DIGIT.search, words))), frozenset(words) & rules.turning)


def are_one_message(one: Words, other: Words, rules: NearRules) -> bool:
    """Whether two texts that are alike say the same: the same numbers, and no word in the place of another."""
    if one.numbers != other.numbers or one.turning != other.turning:
        return False
    if (
        other.all < one.all
    ):  # of several ways to lay one text beside the other, the same one in both directions
        one, other = other, one
    gaps: list[tuple[list[str], list[str]]] = [([], [])]
    for step in Levenshtein.opcodes(one.all, other.all):
        if step.tag == "equal":
            gaps.append(([], []))
        else:
            gaps[-1][0].extend(one.all[step.src_start : step.src_end])
            gaps[-1][1].extend(other.all[step.dest_start : step.dest_end])
    last = len(gaps) - 1
    return all(
        _is_same(here, there, rules, is_last=place == last)
        for place, (here, there) in enumerate(gaps)
        if here and there
    )


def _is_same(here: Sequence[str], there: Sequence[str], rules: NearRules, *, is_last: bool) -> bool:
    """Whether what stands between two common words is the same, but for typing and what one leaves out."""
    telling = [[word for word in side if word not in rules.passing] for side in (here, there)]
    if not all(telling):
        return True
    few, many = sorted((here, there), key=len)
    if len(few) == len(many) or is_last:
        *whole, last = zip(few, many, strict=False)
        # A text that was cut off ends with the beginning of a word.
        is_end_same = _is_alike(*last, rules) or (
            is_last and (last[0].startswith(last[1]) or last[1].startswith(last[0]))
        )
        if is_end_same and all(_is_alike(a, b, rules) for a, b in whole):
            return True
    if _is_mistyped("".join(here), "".join(there), rules.known) and len(few) != len(many):
        return True  # a space too many or too few
    return len(telling[0]) == len(telling[1]) and all(
        _is_mistyped(a, b, rules.known) for a, b in zip(*telling, strict=True)
    )


def _is_alike(word: str, other: str, rules: NearRules) -> bool:
    return word in rules.passing or other in rules.passing or _is_mistyped(word, other, rules.known)


def _is_mistyped(word: str, other: str, known: frozenset[str]) -> bool:
    """Whether two words are the same one, mistyped."""
    if word == other:
        return True
    is_known = (word in known) + (other in known)
    shorter = min(len(word), len(other))
    # Two known words are two words; and people seldom mistype the first letter: Hale and Yale are two streets.
    if is_known == 2 or (word[0] != other[0] and (is_known == 0 or shorter < _FIRST)):
        return False
    one, two = _MISTYPED[bool(is_known)]
    allowed = (shorter >= one) + (shorter >= two)
    return DamerauLevenshtein.distance(word, other, score_cutoff=allowed) <= allowed
