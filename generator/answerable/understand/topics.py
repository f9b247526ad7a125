"""What a feedback is about: first what its source says, then what its words say.

A source's own service code is looked up in the lists that people keep in ``data/topics.yml``. Where that says nothing,
the topic of which the text names the most distinct phrases is taken; ties go to the topic that stands first in the
file. Where a topic is like one of the common subjects (``like: waste``), the shipped phrases of that subject count for
it in texts that no topic's own phrase knows. A site that has a model of its own (`answerable.understand.topic_model`)
follows phrases only where they are clear, and asks the model about the rest. What nobody knows is ``unmapped``, which
the site shows and counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from answerable.setting_types import SUBJECTS
from answerable.settings import fold, load_yaml
from answerable.understand.phrases import compile_rules, phrase_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from answerable.settings import Settings, Topic
    from answerable.understand.phrases import Matcher

__all__ = [
    "CLEAR_BY",
    "NO_RULE",
    "SHIPPED_SUBJECTS",
    "Named",
    "TopicRules",
    "agency_topics",
    "place_title",
    "subject_phrases",
    "topic_list",
    "topic_rules",
]

NO_RULE = "none"
"""Stands for the rule where no rule knew anything."""

CLEAR_BY = 2
"""Phrases are clear where the best topic has so many more distinct ones than the next."""

SHIPPED_SUBJECTS = Path(__file__).parent / "rules" / "subjects.yml"
"""Phrases of the common subjects (``setting_types.SUBJECTS``), in several languages."""

_ANY_SOURCE = "any"
_FINER = ": "  # between the parts of a code that is made of several columns (`settings.ColumnMap.separator`)


@dataclass(frozen=True, slots=True)
class _PhraseRule:
    """One phrase of one topic, as the matcher wants it."""

    id: str
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()
    is_whole: bool = False


class _SubjectFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str = Field(min_length=1)
    reviewed_on: date
    subjects: dict[str, dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], tuple[str, ...]]]

    @field_validator("subjects")
    @classmethod
    def _each_is_known_and_can_be_used(
        cls, value: dict[str, dict[str, tuple[str, ...]]]
    ) -> dict[str, dict[str, tuple[str, ...]]]:
        if set(value) != set(SUBJECTS):
            message = f"the subjects are {', '.join(SUBJECTS)}"
            raise ValueError(message)
        errors = [phrase_error(p) for by in value.values() for phrases in by.values() for p in phrases]
        message = "; ".join(filter(None, errors))
        if message:
            raise ValueError(message)
        return value


@cache
def subject_phrases(path: Path = SHIPPED_SUBJECTS) -> Mapping[str, tuple[str, ...]]:
    """The phrases of each common subject, all languages together.

    Raises:
        SettingsError: the file cannot be read, or a phrase is wrong.
    """
    subjects = load_yaml(path, _SubjectFile).subjects
    return MappingProxyType(
        {
            name: tuple(dict.fromkeys(phrase for phrases in by.values() for phrase in phrases))
            for name, by in subjects.items()
        }
    )


@dataclass(frozen=True, slots=True)
class Named:
    """What the phrases in a text say of its topic.

    Attributes:
        topic, rule: the topic, and the rule (``phrase:TOPIC:PHRASE`` or ``like:TOPIC:PHRASE``, the first phrase that
            was hit); None twice where no phrase was.
        is_clear: whether the topic's own phrases lead by at least `CLEAR_BY`.
        own, alike: how many distinct phrases of each topic, and of the subject that it is like, the text names.
    """

    topic: str | None
    rule: str | None
    is_clear: bool
    own: Mapping[str, int]
    alike: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TopicRules:
    """The topics' codes and phrases, ready to be used. Made by `topic_rules`.

    Attributes:
        exact: topic by (source, service code as written in the settings).
        folded: the same with the service code folded, for codes that differ in case or spaces only.
        matcher: every phrase of every topic, and of the subjects that they are like, as a rule of its own.
        phrase_of: by the id of the matcher's rule: the topics that it speaks for, the phrase, and whether it is a
            topic's own.
        order: the topics as they stand in the settings.
    """

    exact: Mapping[tuple[str, str], str]
    folded: Mapping[tuple[str, str], str]
    matcher: Matcher
    phrase_of: Mapping[str, tuple[tuple[str, ...], str, bool]]
    order: Mapping[str, int]

    def of_code(self, source_id: str, service_code: str | None) -> tuple[str | None, str | None]:
        """The topic of a source's service code, and the rule (``code:TOPIC``); None twice where none names it.

        A code also stands for the finer ones that begin with it (``Sewer`` for ``Sewer: Odor``); the finest decides.
        """
        if service_code is None:
            return None, None
        for code in _coarser(service_code):
            for source in (source_id, _ANY_SOURCE):
                topic = self.exact.get((source, code)) or self.folded.get((source, fold(code)))
                if topic is not None:
                    return topic, f"code:{topic}"
        return None, None

    def of_text(self, text: str) -> tuple[str | None, str | None]:
        """The topic that a text names, and the rule (`Named`)."""
        named = self.named(text)
        return named.topic, named.rule

    def named(self, text: str) -> Named:
        """What the phrases in a text say: those of the topics first, then those of the subjects that they are like."""
        own: dict[str, int] = {}
        alike: dict[str, int] = {}
        first: dict[tuple[str, bool], str] = {}
        for match in self.matcher.every(text):
            topics, phrase, is_own = self.phrase_of[match.rule_id]
            hits = own if is_own else alike
            for topic in topics:
                hits[topic] = hits.get(topic, 0) + 1
                first.setdefault((topic, is_own), phrase)
        hits = own or alike
        if not hits:
            return Named(None, None, is_clear=False, own=own, alike=alike)
        best = min(hits, key=lambda topic: (-hits[topic], self.order[topic]))
        rest = max((count for topic, count in own.items() if topic != best), default=0)
        rule = f"{'phrase' if own else 'like'}:{best}:{first[best, bool(own)]}"
        return Named(best, rule, is_clear=bool(own) and own[best] - rest >= CLEAR_BY, own=own, alike=alike)


def _coarser(code: str) -> Iterator[str]:
    """A code, then what is left of it as its last parts are taken off one by one."""
    while code:
        yield code
        code = code.rpartition(_FINER)[0]


def topic_rules(topics: Iterable[Topic]) -> TopicRules:
    """The rules of the site's topics.

    A service code that stands under two topics means the one that stands first.
    """
    exact: dict[tuple[str, str], str] = {}
    folded: dict[tuple[str, str], str] = {}
    rules: list[_PhraseRule] = []
    phrase_of: dict[str, tuple[tuple[str, ...], str, bool]] = {}
    order: dict[str, int] = {}
    like: dict[str, tuple[str, ...]] = {}
    for place, topic in enumerate(topics):
        order[topic.code] = place
        for source, codes in topic.codes.items():
            for code in codes:
                exact.setdefault((source, code), topic.code)
                folded.setdefault((source, fold(code)), topic.code)
        for number, phrase in enumerate(dict.fromkeys(topic.phrases)):
            rule = _PhraseRule(f"{topic.code}-{number}", (phrase,))
            rules.append(rule)
            phrase_of[rule.id] = ((topic.code,), phrase, True)
        if topic.like is not None:
            like[topic.like] = (*like.get(topic.like, ()), topic.code)
    for subject, codes_like in like.items():
        for number, phrase in enumerate(subject_phrases()[subject]):
            # No topic's code has a colon in it.
            rule = _PhraseRule(f"like:{subject}-{number}", (phrase,))
            rules.append(rule)
            phrase_of[rule.id] = (codes_like, phrase, False)
    return TopicRules(exact, folded, compile_rules(rules), phrase_of, order)


def topic_list(settings: Settings) -> ir.Table:
    """The site's topics as a small table: topic_code, topic_name, topic_agency_code (empty where nobody is named)."""
    return ibis.memtable(
        pa.table(
            {
                "topic_code": pa.array([t.code for t in settings.topics], pa.string()),
                "topic_name": pa.array([t.name for t in settings.topics], pa.string()),
                "topic_agency_code": pa.array(
                    [settings.topic_agency(t) for t in settings.topics], pa.string()
                ),
            }
        )
    )


def agency_topics(settings: Settings) -> ir.Table:
    """What is put to an agency is about, where nothing else says: agency_topic_of, agency_topic."""
    told = [(a.code, a.topic) for a in settings.agencies if a.topic is not None]
    return ibis.memtable(
        pa.table(
            {
                "agency_topic_of": pa.array([code for code, _ in told], pa.string()),
                "agency_topic": pa.array([topic for _, topic in told], pa.string()),
            }
        )
    )


def place_title(name: ir.StringValue, area_name: ir.StringValue) -> ir.StringValue:
    """A title made of what and where: "Potholes in Old Harbour", or "Potholes" where the place is not known."""
    return ibis.coalesce(name + " in " + area_name, name)
