"""What the words of many messages say at once: their language, whether they are feedback, what they want, how urgently.

    readers = Readers(...)
    read_rows(rows, readers)        one row of `RESULT` for each row of `COLUMNS`

Models read posts and comments alone: service requests, petitions and requests for information are feedback by their
nature. A text in a language that the model was not made of is not judged by it, and counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from answerable.understand.features import plain_form
from answerable.understand.language import RULE_SOURCE, UNDETERMINED, Language, language_of, primary
from answerable.understand.relevance import CONVERSATION_KINDS, MODEL_RULE

if TYPE_CHECKING:
    from answerable.understand.intent import IntentRules, Wanted
    from answerable.understand.linear import LinearModel, Reading

__all__ = ["COLUMNS", "RESULT", "Readers", "read_rows", "reason_of"]

COLUMNS = ("kind", "title", "text", "lang", "own_title", "public_text")
"""What is read: kind, title and text as received, the language that the source gives, and the public title and text."""

RESULT: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "read_lang": pa.string(),
        "lang_rule": pa.string(),
        "relevance_score": pa.float64(),
        "relevance_reason": pa.string(),
        "model_rule": pa.string(),
        "intent": pa.string(),
        "intent_rule": pa.string(),
        "urgency": pa.string(),
        "urgency_rule": pa.string(),
    }
)
"""What is said of it. ``model_rule`` is the rule of exclusion where the model takes it for no feedback."""

_BATCH = 1000  # texts at a time: their features stay in the processor's cache
_SHOWN = 3  # words or cues for, and as many against
_LETTERS = 4  # of a word that is named: shorter ones say little to a reader
_DOUBTFUL = 0.5  # under this chance it is said what weighed
_SIGNS = {"\ue000": "a link", "\ue001": "an account", "\ue002": "a number", "\ue003": "an email address"}
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Readers:
    """All that reads.

    Attributes:
        relevance, intent, urgency: the models.
        rules: reviewed rules of intent and urgency.
        accounts: the official accounts, in small letters.
    """

    relevance: LinearModel
    intent: LinearModel
    urgency: LinearModel
    rules: IntentRules
    accounts: frozenset[str]


def read_rows(
    rows: Sequence[tuple[str | None, ...]], readers: Readers
) -> list[tuple[str | float | None, ...]]:
    """What the words of messages say, row by row as `RESULT` names it.

    Raises:
        KeyError: a kind that is not in ``schema.FEEDBACK_KINDS``.
    """
    found: list[tuple[str | float | None, ...]] = []
    for start in range(0, len(rows), _BATCH):
        found += _read(rows[start : start + _BATCH], readers)
    return found


def _read(rows: Sequence[tuple[str | None, ...]], readers: Readers) -> list[tuple[str | float | None, ...]]:
    wholes = ["\n".join(part for part in row[1:3] if part) for row in rows]
    langs = [_language(whole, row[3]) for whole, row in zip(wholes, rows, strict=True)]
    wanted = [readers.rules.wanted(str(row[0]), whole) for whole, row in zip(wholes, rows, strict=True)]
    is_read = [
        row[0] in CONVERSATION_KINDS and readers.relevance.knows(primary(lang.lang))
        for row, lang in zip(rows, langs, strict=True)
    ]
    places = [number for number, yes in enumerate(is_read) if yes]
    place_of = {number: place for place, number in enumerate(places)}
    texts = [wholes[number] for number in places]
    relevance = readers.relevance.read(texts, accounts=readers.accounts)
    intent = _likeliest(readers.intent.read_grams(relevance.batch, relevance.found))
    urgency = _likeliest(readers.urgency.read_grams(relevance.batch, relevance.found))
    result: list[tuple[str | float | None, ...]] = []
    for number, (row, lang, want) in enumerate(zip(rows, langs, wanted, strict=True)):
        said: tuple[str | float | None, ...] = (None, None, None)
        place = place_of.get(number)
        if place is not None:
            said = _relevance(relevance, place, public="\n".join(part for part in row[4:6] if part))
        result.append((lang.lang, lang.rule, *said, *_wanted(want, place, intent, urgency)))
    return result


def _language(whole: str, given: str | None) -> Language:
    if given and primary(given) != UNDETERMINED:
        return Language(given, RULE_SOURCE)
    return language_of(whole)


def _relevance(reading: Reading, place: int, *, public: str) -> tuple[float, str | None, str | None]:
    # Rounded before it is compared: what is published is what was decided by.
    chance = round(float(reading.chances[place, 1]), 3)
    threshold = reading.model.card.threshold
    if threshold is None:
        message = f"the model {reading.model.card.name} has no threshold"
        raise ValueError(message)
    rule = MODEL_RULE if chance < threshold else None
    reason = reason_of(reading, place, public=public) if chance < _DOUBTFUL else None
    return chance, reason, rule


def reason_of(reading: Reading, place: int, *, public: str) -> str:
    """What weighed most with a model: ``for: bins, [says how long or how often]; against: a link``.

    Args:
        reading: what the model said of a batch.
        place: the text's.
        public: its public text: only words that stand there are named.
    """
    words = {
        word.casefold() if word.isascii() else plain_form(word): word.casefold()
        for word in _WORDS.findall(public)
        if len(word) >= _LETTERS
    }
    sides: dict[bool, list[str]] = {True: [], False: []}
    for reason in reading.reasons(place):
        is_cue = reason.words.startswith("[")
        shown = reason.words if is_cue else _SIGNS.get(reason.words, words.get(reason.words))
        side = sides[reason.weight > 0]
        if shown is not None and len(side) < _SHOWN:
            side.append(shown)
        if len(sides[True]) + len(sides[False]) == 2 * _SHOWN:
            break
    parts = (("for", sides[True]), ("against", sides[False]))
    return "; ".join(f"{name}: {', '.join(side)}" for name, side in parts if side)


def _wanted(
    want: Wanted, place: int | None, intent: Sequence[str], urgency: Sequence[str]
) -> tuple[str | None, str | None, str | None, str | None]:
    """The intent and the urgency: what the rules say, else what the models say (`MODEL_RULE`)."""
    wants, wants_rule, soon, soon_rule = want.intent, want.intent_rule, want.urgency, want.urgency_rule
    if place is not None and wants is None:
        wants, wants_rule = intent[place], "model"
    if place is not None and soon is None:
        soon, soon_rule = urgency[place], "model"
    return wants, wants_rule, soon, soon_rule


def _likeliest(reading: Reading) -> list[str]:
    """The likeliest class of each text."""
    classes = reading.model.card.classes
    return (
        [classes[place] for place in reading.margins.argmax(axis=1).tolist()] if len(reading.margins) else []
    )
