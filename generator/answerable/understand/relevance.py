"""Which feedback is not counted, and why: the reasons of ``schema.EXCLUSIONS``, tried in their order.

Here are the reasons that one message gives by itself, and the conversations, of which only the first message is
counted. Messages that repeat another one are found in `answerable.understand.duplicates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from answerable.schema import EXCLUSIONS, FEEDBACK_KINDS
from answerable.understand.phrases import compile_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from answerable.understand.classes import ExclusionRule
    from answerable.understand.phrases import Matcher

__all__ = [
    "CONVERSATION_KINDS",
    "CONVERSATION_RULE",
    "OFFICIAL_RULE",
    "RelevanceRules",
    "conversation_parts",
    "exclude",
    "relevance_rules",
]

OFFICIAL_RULE = "official-account"
CONVERSATION_RULE = "conversation"

CONVERSATION_KINDS = ("post", "comment")
"""The kinds of feedback that stand in conversations."""


@dataclass(frozen=True, slots=True)
class RelevanceRules:
    """Reviewed exclusion rules by the kind of feedback that they are tried on. Made by `relevance_rules`."""

    matchers: Mapping[str, Matcher]

    def excluded_by(self, kind: str, text: str) -> str | None:
        """The rule that says that a text is about no public service (``irrelevant:RULE``); None where none does.

        Raises:
            KeyError: a kind that is not in ``schema.FEEDBACK_KINDS``.
        """
        match = self.matchers[kind].first(text)
        return None if match is None else f"irrelevant:{match.rule_id}"


def relevance_rules(rules: Sequence[ExclusionRule]) -> RelevanceRules:
    """Exclusion rules, compiled; their order decides."""
    return RelevanceRules(
        MappingProxyType(
            {kind: compile_rules([rule for rule in rules if kind in rule.kinds]) for kind in FEEDBACK_KINDS}
        )
    )


def conversation_parts(feedback: ir.Table) -> ir.Table:
    """The messages of conversations that began with another message that is known.

    Returns:
        feedback_id, month, created_at, is_official, and root_id: the feedback that the conversation began with.
    """
    told = feedback.filter(feedback.kind.isin(CONVERSATION_KINDS))
    later = told.filter(told.conversation_id.notnull() & (told.conversation_id != told.record_id))
    roots = told.select(root_source_id="source_id", root_record_id="record_id", root_id="feedback_id")
    return later.inner_join(
        roots,
        [later.source_id == roots.root_source_id, later.conversation_id == roots.root_record_id],
    ).select("feedback_id", "month", "created_at", "is_official", "root_id")


def exclude(rows: ir.Table) -> ir.Table:
    """The rows with exclusion, exclusion_rule and is_counted, and a duplicate_of only where that is the reason.

    Args:
        rows: feedback with is_official, root_id, irrelevance_rule, duplicate_of and duplicate_rule.
    """
    # A reason that schema.py lists and this does not know is a KeyError: it never falls through.
    tests = {
        "official": (rows.is_official, ibis.literal(OFFICIAL_RULE)),
        "part_of_conversation": (rows.root_id.notnull(), ibis.literal(CONVERSATION_RULE)),
        "irrelevant": (rows.irrelevance_rule.notnull(), rows.irrelevance_rule),
        "duplicate": (rows.duplicate_of.notnull(), rows.duplicate_rule),
    }
    order = [(name, *tests[name]) for name in EXCLUSIONS]
    nothing = ibis.null("string")
    exclusion = ibis.cases(*((test, name) for name, test, _ in order), else_=nothing)
    rule = ibis.cases(*((test, rule) for _, test, rule in order), else_=nothing)
    decided = rows.mutate(exclusion=exclusion, exclusion_rule=rule)
    return decided.mutate(
        is_counted=decided.exclusion.isnull(),
        duplicate_of=(decided.exclusion == "duplicate").ifelse(decided.duplicate_of, nothing),
    )
