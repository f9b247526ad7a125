"""What a feedback is about: first what its source says, then what its words say.

A source's own service code is looked up in the lists that people keep in ``data/topics.yml``. Where that says nothing,
the topic of which the text names the most distinct phrases is taken; ties go to the topic that stands first in the
file. What neither knows is ``unmapped``, which the site shows and counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.settings import fold
from answerable.understand.phrases import compile_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from answerable.settings import Settings, Topic
    from answerable.understand.phrases import Matcher

__all__ = ["NO_RULE", "TopicRules", "agency_topics", "place_title", "topic_list", "topic_rules"]

NO_RULE = "none"
"""Stands for the rule where no rule knew anything."""

_ANY_SOURCE = "any"
_FINER = ": "  # between the parts of a code that is made of several columns (`settings.ColumnMap.separator`)


@dataclass(frozen=True, slots=True)
class _PhraseRule:
    """One phrase of one topic, as the matcher wants it."""

    id: str
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class TopicRules:
    """The topics' codes and phrases, ready to be used. Made by `topic_rules`.

    Attributes:
        exact: topic by (source, service code as written in the settings).
        folded: the same with the service code folded, for codes that differ in case or spaces only.
        matcher: every phrase of every topic as a rule of its own.
        phrase_of: (topic, phrase) by the id of the matcher's rule.
        order: the topics as they stand in the settings.
    """

    exact: Mapping[tuple[str, str], str]
    folded: Mapping[tuple[str, str], str]
    matcher: Matcher
    phrase_of: Mapping[str, tuple[str, str]]
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
        """The topic that a text names, and the rule (``phrase:TOPIC:PHRASE``, the first that was hit)."""
        hits: Counter[str] = Counter()
        first: dict[str, str] = {}
        for match in self.matcher.every(text):
            topic, phrase = self.phrase_of[match.rule_id]
            hits[topic] += 1
            first.setdefault(topic, phrase)
        if not hits:
            return None, None
        best = min(hits, key=lambda topic: (-hits[topic], self.order[topic]))
        return best, f"phrase:{best}:{first[best]}"


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
    phrase_of: dict[str, tuple[str, str]] = {}
    order: dict[str, int] = {}
    for place, topic in enumerate(topics):
        order[topic.code] = place
        for source, codes in topic.codes.items():
            for code in codes:
                exact.setdefault((source, code), topic.code)
                folded.setdefault((source, fold(code)), topic.code)
        for number, phrase in enumerate(dict.fromkeys(topic.phrases)):
            rule = _PhraseRule(f"{topic.code}-{number}", (phrase,))
            rules.append(rule)
            phrase_of[rule.id] = (topic.code, phrase)
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
