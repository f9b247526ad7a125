"""Reviewed phrases: what people write in rule files instead of regular expressions, and the matcher made of them.

A text and a phrase are compared word by word: letters and digits count; case, punctuation, white space, invisible
characters and the way in which accents are encoded do not. ``w/o issued`` is the three words *w o issued*.

===========  ====================================================================================================
in a phrase  stands for
===========  ====================================================================================================
``clean*``   a word that begins so: any run of up to 40 characters within the word
``*``        (alone) nought to six words
``#``        a number: a word of digits; inside a word a run of digits (``hq#``)
===========  ====================================================================================================

A rule is anything with ``id``, ``phrases``, ``unless`` and ``is_whole``. The order of the rules decides, never the
order in the text. A phrase's longest fixed word leads to it, so hundreds of rules cost little more than one, and every
wildcard is bounded, so the time grows with the text's length and no faster.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Match", "Matcher", "PhraseRule", "compile_rules", "matching_form", "phrase_error", "visible_form"]

_GAP_WORDS = 6
_GAPS = 3  # bare stars in one phrase: the work for a text is bounded by 7 ** 3 steps a word, and real phrases have one
_RUN = 40  # characters that a wildcard inside a word may stand for; longer "words" are noise
_SHORT = 500  # characters of a text whose form is remembered
_ASCII_WORDS = re.compile("[a-z0-9]+")
_PREFIX = 3  # letters of a word with a wildcard by which it is looked up


def _category_class(category: str) -> str:
    """The inside of a character class: every code point of a category, the two planes where there are any."""
    ranges: list[list[int]] = []
    for point in (*range(0x20000), *range(0xE0000, 0xE0200)):
        if not unicodedata.category(chr(point)).startswith(category):
            continue
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


@cache
def _words() -> re.Pattern[str]:
    # Python's \w has no combining marks: without them a Hindi word falls into pieces.
    return re.compile(rf"[^\W_](?:[^\W_]|[{_category_class('M')}])*")


@cache
def _invisible() -> re.Pattern[str]:
    # Format characters (zero-width, bidirectional, soft hyphen, tags), control characters but for white space, and
    # the fillers and variation selectors that look like nothing though Unicode calls them letters or marks.
    controls = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    fillers = (
        r"\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
    )
    return re.compile(f"[{controls}{_category_class('Cf')}{fillers}]")


def visible_form(text: str) -> str:
    """The text as a reader sees it: NFKC, without invisible characters (zero-width, bidirectional, control).

    White space is kept as it is. The result is its own visible form.
    """
    if text.isascii() and text.isprintable():
        return text
    # Removing a character may bring two together that compose, and composing makes no invisible one.
    stripped = _invisible().sub("", unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", stripped)


def matching_form(text: str) -> str:
    """The words of a text as phrases are compared with them: case-folded, one space between and at both ends."""
    return _short_form(text) if len(text) <= _SHORT else _form(text)


def _form(text: str) -> str:
    folded = unicodedata.normalize("NFKC", visible_form(text).casefold())
    words: list[str] = (_ASCII_WORDS if folded.isascii() else _words()).findall(folded)
    return " " + " ".join(words) + " " if words else " "


_short_form = lru_cache(maxsize=4096)(_form)  # several matchers are asked about each text of a batch


class PhraseRule(Protocol):
    """What a rule needs to be matched."""

    @property
    def id(self) -> str:
        """The rule's name, unique in its list."""

    @property
    def phrases(self) -> Sequence[str]:
        """Any of these makes the rule match."""

    @property
    def unless(self) -> Sequence[str]:
        """Any of these anywhere in the text stops it."""

    @property
    def is_whole(self) -> bool:
        """Whether the text must be nothing but the phrase."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which rule matched, and by which of its phrases (as written in the rule file)."""

    rule_id: str
    phrase: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    written: str
    pattern: re.Pattern[str]
    lookup: str  # a fixed word, or the first letters of one and "*", or "" where there is neither
    literal: str  # what the pattern looks for, where it has no wildcard: to look for it so is far quicker

    def is_in(self, form: str, *, is_whole: bool) -> bool:
        """Whether a text has it, by its matching form."""
        if self.literal:
            return form == self.literal if is_whole else self.literal in form
        return bool(self.pattern.match(form) if is_whole else self.pattern.search(form))


@dataclass(frozen=True, slots=True)
class _Rule:
    rule_id: str
    phrases: tuple[_Phrase, ...]
    unless: tuple[_Phrase, ...]


def _parts(phrase: str) -> list[str]:
    """The words of a phrase, wildcards in place. Punctuation separates, as in texts."""
    folded = unicodedata.normalize("NFKC", visible_form(phrase).casefold())
    kept = "".join(char if char in "*#" or _is_word_char(char) else " " for char in folded)
    parts: list[str] = []
    for part in kept.split():
        # Two bare stars in a row are one gap.
        if part.strip("*") == "":
            if not parts or parts[-1] != "*":
                parts.append("*")
        else:
            parts.append(part)
    return parts


def _is_word_char(char: str) -> bool:
    return (char.isalnum() and char != "_") or unicodedata.category(char).startswith("M")


def phrase_error(phrase: str, *, is_whole: bool = False) -> str:
    """Why a phrase cannot be used, in one sentence; empty where it can."""
    parts = _parts(phrase)
    if not parts:
        return f"the phrase {phrase!r} has no word in it"
    if all(part == "*" for part in parts):
        return f"the phrase {phrase!r} would match any text"
    if parts.count("*") > _GAPS:
        return f"the phrase {phrase!r} has more than {_GAPS} bare *"
    if not is_whole and all(not part.strip("*#") for part in parts):
        return f"the phrase {phrase!r} has only wildcards: say `is_whole: true`, or give it a word"
    if not is_whole and "*" in (parts[0], parts[-1]):
        return f"the phrase {phrase!r} begins or ends with a bare *, which changes nothing unless `is_whole: true`"
    return ""


def _pattern(parts: Sequence[str], *, is_whole: bool) -> re.Pattern[str]:
    # Over the matching form every word is followed by exactly one space, so a gap is words that each bring their own.
    body = ""
    for part in parts:
        if part == "*":
            body += rf"(?:\S+ ){{0,{_GAP_WORDS}}}"
        else:
            inside = re.escape(part).replace(r"\*", rf"\S{{0,{_RUN}}}").replace(r"\#", rf"\d{{1,{_RUN}}}")
            body += inside + " "
    return re.compile(f" {body}\\Z" if is_whole else f" {body}")


def _lookup(parts: Iterable[str]) -> str:
    fixed = [part for part in parts if not set(part) & set("*#")]
    if fixed:
        return max(fixed, key=len)
    heads = [re.split(r"[*#]", part)[0] for part in parts]
    head = max(heads, key=len)
    return head[:_PREFIX] + "*" if len(head) >= _PREFIX else ""


@lru_cache(maxsize=20_000)  # the shipped rules have some thousands
def _compiled(phrase: str, *, is_whole: bool) -> _Phrase:
    error = phrase_error(phrase, is_whole=is_whole)
    if error:
        raise ValueError(error)
    parts = _parts(phrase)
    literal = "" if any(set(part) & set("*#") for part in parts) else f" {' '.join(parts)} "
    return _Phrase(phrase, _pattern(parts, is_whole=is_whole), _lookup(parts), literal)


@dataclass(frozen=True, slots=True)
class Matcher:
    """Rules, ready to be matched. Made by `compile_rules`."""

    rules: tuple[_Rule, ...]
    index: dict[str, tuple[tuple[int, int], ...]]
    whole: frozenset[str]

    def first(self, text: str) -> Match | None:
        """The first rule, in the order of the rules, that a text meets; None where it meets none."""
        return next(self._matches(text), None)

    def every(self, text: str) -> tuple[Match, ...]:
        """Every rule that a text meets, in the order of the rules, each once (with the first of its phrases)."""
        return tuple(self._matches(text))

    def _matches(self, text: str) -> Iterator[Match]:
        form = matching_form(text)
        words = form.split()
        if not words:
            return
        keys = {"", *words, *(word[:_PREFIX] + "*" for word in words if len(word) >= _PREFIX)}
        candidates = sorted({place for key in keys & self.index.keys() for place in self.index[key]})
        done = -1
        for number, position in candidates:
            if number == done:
                continue
            rule = self.rules[number]
            phrase = rule.phrases[position]
            if not phrase.is_in(form, is_whole=rule.rule_id in self.whole):
                continue
            done = number
            if not any(veto.is_in(form, is_whole=False) for veto in rule.unless):
                yield Match(rule.rule_id, phrase.written)


def compile_rules(rules: Iterable[PhraseRule]) -> Matcher:
    """A matcher of rules; their order is kept.

    Raises:
        ValueError: two rules with one id, or a phrase that cannot be used.
    """
    compiled: list[_Rule] = []
    index: dict[str, list[tuple[int, int]]] = {}
    seen: set[str] = set()
    whole: set[str] = set()
    for number, rule in enumerate(rules):
        if rule.id in seen:
            message = f"two rules have the id {rule.id!r}"
            raise ValueError(message)
        seen.add(rule.id)
        phrases = tuple(_compiled(phrase, is_whole=rule.is_whole) for phrase in rule.phrases)
        unless = tuple(_compiled(phrase, is_whole=False) for phrase in rule.unless)
        if rule.is_whole:
            whole.add(rule.id)
        for position, phrase in enumerate(phrases):
            index.setdefault(phrase.lookup, []).append((number, position))
        compiled.append(_Rule(rule.id, phrases, unless))
    return Matcher(tuple(compiled), {key: tuple(v) for key, v in index.items()}, frozenset(whole))
