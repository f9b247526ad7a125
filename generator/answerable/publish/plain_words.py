"""Rules and decided values in the words of ordinary people: for pages, for what waits, for ``explain``.

    rule_words("phrase:graffiti:eyes")             -> because of the word “eyes”
    value_words("urgency", "high", Names())        -> urgent

What is stored stays what it is: a code, and the rule that decided. Only what people read is said here, in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from answerable import schema

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["URGENCY_WORDS", "Names", "names_of", "rule_words", "value_words"]

URGENCY_WORDS: Mapping[str, str] = MappingProxyType(
    {"high": "urgent", "normal": "a failing that goes on", "low": "nothing that presses"}
)
"""An urgency in the fewest words."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of topics and agencies by their codes; a code that has none stays a code."""

    topics: Mapping[str, str] = field(default_factory=dict)
    agencies: Mapping[str, str] = field(default_factory=dict)


def names_of(store: Store) -> Names:
    """The names that the site's lists have."""

    def named(kind: str) -> dict[str, str]:
        rows = store.con.to_pyarrow(store.read(kind).select(f"{kind}_code", "name")).to_pylist()
        return {row[f"{kind}_code"]: row["name"] for row in rows}

    return Names(named("topic"), named("agency"))


_KINDS = MappingProxyType(
    {
        "service_request": "service request",
        "post": "post",
        "petition": "petition",
        "information_request": "request for information",
        "comment": "comment",
    }
)

_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "": "",
        "model": "the model takes it so",
        "not-sure": "the model is not sure",
        "irrelevant:model": "the model takes it for no feedback",
        "label": "a person who read it says so",
        "irrelevant:label": "a person who read it says so",
        "irrelevant:repost": "it only passes on another message",
        "none": "no rule knew",
        "source": "its source says so",
        "words": "by its words",
        "too-short": "too short to tell",
        "reply": "this agency replied",
        "register": "it is on the record",
        "note": "it is a note of its source",
        "answer": "it is an answer of its source",
        "conversation": "it is a later message of a conversation",
        "official-account": "an official account wrote it",
        "petition-answer": "it is the answer to a petition",
        "same-words": "it has the same words as another message",
        "same-words-same-person": "the same person sent the same words",
        "near-words": "it has nearly the same words as another message",
        "same-conversation": "they are one conversation",
        "same-petition": "it is a petition",
        "people-merged-issues": "people made issues one",
        "people-split-issues": "people took it out of another issue",
        **{rule: words[0].lower() + words[1:] for rule, words in schema.ELSEWHERE_METHODS.items()},
    }
)

_OF_A_NAME: Mapping[str, str] = MappingProxyType(
    {
        "override": "{} decided so",
        "code": "its source has it under this topic",
        "topic": "this agency is responsible for its topic",
        "agency": "it is about the agency that it was sent to",
        "mention": "it names the account @{}",
        "kind": "every {} counts so where no rule says otherwise",
        "note": "by what was noted when it was closed",
    }
)
_COPIED = frozenset({"same-words", "same-words-same-person", "near-words"})


def rule_words(rule: str | None) -> str:
    """Why something was decided, as a clause that may stand behind a colon; empty where no rule is named."""
    said = _PLAIN.get(rule or "")
    return said if said is not None else _composed(rule or "")


def _composed(rule: str) -> str:
    """The words for a rule that says more than its name: ``name:rest``."""
    name, _, rest = rule.partition(":")
    # A star stands for whatever ends the word.
    phrase = rest.partition(":")[2].replace("*", "\u2026")
    if name in {"phrase", "like"} and phrase:
        said = f"because of the {'words' if ' ' in phrase else 'word'} \u201c{phrase}\u201d"
        return said if name == "phrase" else f"{said}, which such messages often have"
    if name in _COPIED:
        return f"{_PLAIN[name]} ({schema.COPIES[rest].lower()})"
    if rest and name in _OF_A_NAME:
        return _OF_A_NAME[name].format(_KINDS.get(rest, rest) if name == "kind" else rest)
    words = (rest or rule).replace("-", " ")
    # What groups issues is named in words already.
    return words if name.startswith("same-") else f"a reviewed rule, \u201c{words}\u201d"


_NOT_RECOGNISED = "not recognised"
_NOTHING = "none"


def value_words(about: str, value: str | None, names: Names) -> str:
    """What was decided, in words; a value that no list has stays as it is.

    Args:
        about: a key of ``schema.OVERRIDDEN``.
        value: what is stored.
        names: of topics and agencies.

    Raises:
        KeyError: no such thing can be decided.
    """
    if about not in schema.OVERRIDDEN:
        raise KeyError(about)
    if not value:
        return ""
    if about in {"topic", "agency"}:
        named = names.topics if about == "topic" else names.agencies
        return named.get(value, _NOT_RECOGNISED if value in {schema.MISSING_CODE, _NOTHING} else value)
    if about == "duplicate_of":
        return "no copy: it counts by itself" if value == _NOTHING else "a copy of another message"
    return _VALUES.get(about, {}).get(value, value)


def _small(words: Mapping[str, str]) -> dict[str, str]:
    return {code: said[0].lower() + said[1:] for code, said in words.items()}


_VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "is_relevant": {"yes": "feedback", "no": "no feedback"},
        "urgency": URGENCY_WORDS,
        "intent": _small(schema.INTENTS),
        "closing_reason": _small(schema.CLOSING_REASONS),
        "update_class": _small(schema.UPDATE_CLASSES),
        "link": {"answers it": "this answers it", "does not answer it": "this does not answer it"},
    }
)
