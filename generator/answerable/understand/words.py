"""What Python decides of words, and all that it decides by: the part of understanding that other processes can do.

    rules = word_rules(Known(settings, areas, spelling))
    UPDATES.decided(batch, rules)       an Arrow batch of texts -> one of decisions, row by row

A decision depends on nothing but the row and the rules, so it does not matter who decides, with what other rows, or in
which order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from answerable.understand.classes import (
    SHIPPED_EXCLUSIONS,
    SHIPPED_UPDATE_CLASSES,
    Classified,
    Classifier,
    classifier,
    classify,
    load_exclusion_rules,
    load_update_class_rules,
)
from answerable.understand.intent import SHIPPED_INTENTS, intent_rules, load_intent_rules
from answerable.understand.linear import load_model
from answerable.understand.privacy import PrivacyContext, Spelling, redact
from answerable.understand.readings import RESULT, Readers, read_rows
from answerable.understand.relevance import SHIPPED_RELEVANCE, RelevanceRules, relevance_rules
from answerable.understand.texts import TEXT_KEY
from answerable.understand.topic_model import RESULT as TOPIC_RESULT
from answerable.understand.topic_model import TOPICS_FILE, TopicModel, load_topic_model, topics_of
from answerable.understand.topics import TopicRules, topic_rules

if TYPE_CHECKING:
    from answerable.settings import Settings

__all__ = ["QUESTIONS", "TEXTS", "UPDATES", "Known", "Question", "WordRules", "rule_files", "word_rules"]

_MODELS = ("relevance", "intent", "urgency")


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules are made of, as values that can be sent to another process.

    Attributes:
        areas: the names of the site's areas.
        spelling: how the site's texts write their words, where that is known.
    """

    settings: Settings
    areas: tuple[str, ...]
    spelling: Spelling | None


@dataclass(frozen=True, slots=True)
class WordRules:
    """All that decides on words. Made by `word_rules`."""

    classes: Classifier
    relevance: RelevanceRules
    topics: TopicRules
    topic_model: TopicModel | None  # where the site has one of its own
    readers: Readers
    people: PrivacyContext
    agencies: PrivacyContext


# -- rules -------------------------------------------------------------------------------------------------------------


def rule_files(settings: Settings) -> dict[str, list[Path]]:
    """The files that a site's rules on words come from; of several with rules, the first is tried first."""
    of_topics = settings.lookup(TOPICS_FILE)
    return {
        "classes": _files(settings, "update_classes.yml", SHIPPED_UPDATE_CLASSES),
        "exclusions": _files(settings, "exclusions.yml", SHIPPED_EXCLUSIONS),
        "intents": _files(settings, "intents.yml", SHIPPED_INTENTS),
        **{name: [_own_or_shipped(settings, name)] for name in _MODELS},
        "topics": [of_topics] if of_topics.exists() else [],
    }


def _own_or_shipped(settings: Settings, name: str) -> Path:
    """The model that `answerable train` made of the site's labels, where there is one, else the shipped one."""
    shipped = SHIPPED_RELEVANCE.with_name(f"{name}.json")
    own = settings.lookup(shipped.name)
    return own if own.exists() else shipped


def _files(settings: Settings, name: str, shipped: Path) -> list[Path]:
    """The project's own rule file, where it has one, before the shipped one."""
    own = settings.lookup(name)
    return [own, shipped] if own.exists() else [shipped]


def word_rules(known: Known) -> WordRules:
    """The rules of a site on words.

    Raises:
        SettingsError: a file of rules or a model is wrong.
    """
    settings = known.settings
    files = rule_files(settings)
    return WordRules(
        classes=classifier(load_update_class_rules(files["classes"])),
        relevance=relevance_rules(load_exclusion_rules(files["exclusions"])),
        topics=topic_rules(settings.topics),
        topic_model=load_topic_model(
            files["topics"][0], {topic.code: topic.name for topic in settings.topics}
        )
        if files["topics"]
        else None,
        readers=Readers(
            relevance=load_model(files["relevance"][0]),
            intent=load_model(files["intent"][0]),
            urgency=load_model(files["urgency"][0]),
            rules=intent_rules(load_intent_rules(files["intents"])),
            # In a post an account of another server stands without it.
            accounts=frozenset(
                name
                for account in settings.agency_by_account
                for name in (account, account.partition("@")[0])
            ),
        ),
        people=_privacy_context(known, is_of_agency=False),
        agencies=_privacy_context(known, is_of_agency=True),
    )


def _privacy_context(known: Known, *, is_of_agency: bool) -> PrivacyContext:
    """What the site knows that the privacy of its texts depends on: its accounts, and words that are no names.

    An agency's own texts are signed by its staff with initials.
    """
    settings = known.settings
    names = (
        settings.site.name,
        *(name for a in settings.agencies for name in (a.name, *a.names)),
        *(s.name for s in settings.services),
        *(t.name for t in settings.topics),
        *known.areas,
    )
    words = frozenset(word.casefold() for name in names for word in re.findall(r"[^\W\d_]{2,}", name))
    return PrivacyContext(
        official_handles=frozenset(settings.agency_by_account),
        ordinary_words=words,
        spelling=known.spelling,
        has_staff_initials=is_of_agency,
    )


# -- decisions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked of words.

    Attributes:
        name: what it is known by in `QUESTIONS`.
        columns: what is read of a row.
        result: the columns of a decision, with their Arrow types.
        answer: from rows of the columns to as many rows of the result.
    """

    name: str
    columns: tuple[str, ...]
    result: Mapping[str, pa.DataType]
    answer: Callable[[Sequence[tuple[Any, ...]], WordRules], Sequence[tuple[Any, ...]]]

    @property
    def schema(self) -> pa.Schema:
        """Of a batch of decisions."""
        return pa.schema([(TEXT_KEY, pa.string()), *self.result.items()])

    def decided(self, batch: pa.RecordBatch, rules: WordRules) -> pa.RecordBatch:
        """The decisions on a batch of `TEXT_KEY` and the columns."""
        rows = list(zip(*(batch.column(name).to_pylist() for name in self.columns), strict=True))
        decisions = self.answer(rows, rules)
        arrays = [
            pa.array([row[place] for row in decisions], type=kind)
            for place, kind in enumerate(self.result.values())
        ]
        return pa.record_batch([batch.column(TEXT_KEY).cast(pa.string()), *arrays], schema=self.schema)


def _on_updates(rows: Sequence[tuple[Any, ...]], rules: WordRules) -> list[tuple[Any, ...]]:
    """What an update says: its class, the reason of a closing, and what may be published of it."""
    found = []
    for text, is_official in rows:
        said = classify(text, rules.classes) if is_official else Classified(None, "unknown", None)
        redacted = redact(text, rules.agencies if is_official else rules.people)
        found.append((said.update_class, said.rule_id, said.closing_reason, redacted.text, redacted.count))
    return found


def _on_texts(rows: Sequence[tuple[Any, ...]], rules: WordRules) -> list[tuple[Any, ...]]:
    """What a feedback says: its topic, whether it is relevant, what it wants, and what may be published of it."""
    found: list[tuple[Any, ...]] = []
    read: list[tuple[str | None, ...]] = []
    named = []
    for kind, title, text, lang in rows:
        whole = "\n".join(part for part in (title, text) if part)
        named.append(rules.topics.named(whole))
        own_title = None if title is None else redact(title, rules.people)
        own_text = None if text is None else redact(text, rules.people)
        public_title = own_title.text if own_title and own_title.text else None
        public_text = own_text.text if own_text and own_text.text else None
        taken_out = sum(part.count for part in (own_title, own_text) if part)
        excluded = rules.relevance.excluded_by(kind, whole)
        found.append((excluded, public_title, public_text, taken_out))
        read.append((kind, title, text, lang, public_title, public_text))
    topics = topics_of([(row[1], row[2], row[4], row[5]) for row in read], named, rules.topic_model)
    said = read_rows(read, rules.readers)
    return [(*topic, *first, *second) for topic, first, second in zip(topics, found, said, strict=True)]


UPDATES = Question(
    "updates",
    columns=("text", "is_official"),
    result=MappingProxyType(
        {
            "rule_class": pa.string(),
            "rule_id": pa.string(),
            "closing_reason": pa.string(),
            "own_text": pa.string(),
            "taken_out": pa.int64(),
        }
    ),
    answer=_on_updates,
)
"""What is asked of the text of an update."""

TEXTS = Question(
    "texts",
    columns=("kind", "title", "text", "lang"),
    result=MappingProxyType(
        {
            **TOPIC_RESULT,
            "irrelevance_rule": pa.string(),
            "own_title": pa.string(),
            "own_text": pa.string(),
            "taken_out": pa.int64(),
            **RESULT,
        }
    ),
    answer=_on_texts,
)
"""What is asked of the words of a feedback."""

QUESTIONS: Mapping[str, Question] = MappingProxyType({q.name: q for q in (TEXTS, UPDATES)})
"""Every question by its name."""
