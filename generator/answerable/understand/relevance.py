"""Which feedback is not counted, and why: the reasons of ``schema.EXCLUSIONS``, tried in their order.

Here are the reasons that one message gives by itself, and the conversations, of which only the first message is
counted. Messages that repeat another one are found in `answerable.understand.duplicates`; here they are told apart
(`copies`): a repost, a flood of one text by many people on one day, a flood by accounts that were not seen before, or a
plain copy. None of them moves a count.

Reviewed rules come first, then the mark of a repost, then the model (`answerable.understand.readings`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
    "FLOOD_PEOPLE",
    "FRESH_DAYS",
    "LABEL_RULE",
    "MODEL_RULE",
    "OFFICIAL_RULE",
    "REPOST_RULE",
    "SETTLED_DAYS",
    "SHIPPED_RELEVANCE",
    "RelevanceRules",
    "conversation_parts",
    "copies",
    "exclude",
    "is_passed_on",
    "relevance_rules",
]

SHIPPED_RELEVANCE = Path(__file__).parent / "models" / "relevance.json"
"""The general model, made of posts that were written for this project."""

OFFICIAL_RULE = "official-account"
CONVERSATION_RULE = "conversation"
REPOST_RULE = "irrelevant:repost"
"""A message that only passes on another one, which is not held: it is no feedback of its own."""

MODEL_RULE = "irrelevant:model"
"""The model takes it for no feedback; what weighed most is its relevance_reason."""

LABEL_RULE = "irrelevant:label"
"""A person labelled it as no feedback."""

FLOOD_PEOPLE = 10
"""People who sent the same words on one day: then it is called a flood."""

FRESH_DAYS = 7
"""An account that this site first saw so few days before a flood is new to it."""

SETTLED_DAYS = 30
"""A source needs so many days before anybody in it can be called new."""

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


def is_passed_on(feedback: ir.Table) -> ir.BooleanValue:
    """Whether a message says of itself that it only passes on another one."""
    return feedback.is_repost | feedback.text.re_search(r"^\s*(?:RT|MT) @\w").fill_null(False)


def copies(feedback: ir.Table, repeats: ir.Table) -> ir.Table:
    """What kind of copy each repetition is.

    Args:
        feedback: all of it.
        repeats: `answerable.understand.near.find_copies` (feedback_id, month, duplicate_of, duplicate_rule,
            duplicate_similarity, is_passed_on).

    Returns:
        The same, with what kind of copy it is (``schema.COPIES``) at the end of duplicate_rule: ``:repost``; ``:flood``
        (at least `FLOOD_PEOPLE` people sent it within that day, in the same words or nearly; a day from midnight or
        from noon, UTC, so that no night divides it); ``:brigade`` (a flood in
        which more than half of these people were first seen by this site, in any of its sources, within the
        `FRESH_DAYS` before; how old an account is elsewhere nobody asks); or nothing. What a source gave in its first
        `SETTLED_DAYS` makes no brigade: then everybody is new.
    """
    half = ibis.interval(hours=12)
    told = feedback.select("feedback_id", "source_id", "author_key", "created_at")
    rows = repeats.inner_join(told, "feedback_id")
    rows = rows.mutate(
        from_midnight=rows.created_at.truncate("D"), from_noon=(rows.created_at - half).truncate("D") + half
    )
    begins = ("from_midnight", "from_noon")
    days = (rows.select("duplicate_of", "author_key", "source_id", day=rows[begin]) for begin in begins)
    floods = _floods(feedback, ibis.union(*days, distinct=False))
    for begin in begins:
        of_day = floods.rename(
            {f"{begin}_of": "flood_of", f"{begin}_day": "flood_day", f"{begin}_brigade": "is_brigade"}
        )
        rows = rows.left_join(
            of_day, [rows.duplicate_of == of_day[f"{begin}_of"], rows[begin] == of_day[f"{begin}_day"]]
        )
    is_brigade = rows.from_midnight_brigade.fill_null(False) | rows.from_noon_brigade.fill_null(False)
    kind = ibis.cases(
        (rows.is_passed_on, ":repost"),
        (is_brigade, ":brigade"),
        (rows.from_midnight_of.notnull() | rows.from_noon_of.notnull(), ":flood"),
        else_="",
    )
    return rows.select(
        "feedback_id",
        "month",
        "duplicate_of",
        "duplicate_similarity",
        duplicate_rule=rows.duplicate_rule + kind,
    )


def _floods(feedback: ir.Table, rows: ir.Table) -> ir.Table:
    """The days on which many people sent copies of one message: flood_of, flood_day, is_brigade.

    Args:
        feedback: all of it.
        rows: duplicate_of, author_key, source_id and day of each copy.
    """
    days = rows.group_by("duplicate_of", "day").agg(people=rows.author_key.nunique())
    days = days.filter(days.people >= FLOOD_PEOPLE).select("people", flood_of="duplicate_of", flood_day="day")
    senders = rows.inner_join(days, [rows.duplicate_of == days.flood_of, rows.day == days.flood_day])
    senders = senders.filter(senders.author_key.notnull())
    began = feedback.group_by(began_source_id="source_id").agg(began_at=feedback.created_at.min())
    sender = senders.group_by("flood_of", "flood_day", "people", "author_key", "source_id").agg(
        rows=senders.count()
    )
    seen = feedback.semi_join(sender, "author_key")
    seen = seen.group_by(seen_key="author_key").agg(seen_at=seen.created_at.min())
    told = sender.inner_join(began, [sender.source_id == began.began_source_id])
    told = told.inner_join(seen, [told.author_key == seen.seen_key])
    is_fresh = told.seen_at >= told.flood_day - ibis.interval(days=FRESH_DAYS)
    is_settled = told.began_at <= told.flood_day - ibis.interval(days=SETTLED_DAYS)
    fresh = told.author_key.nunique(where=is_fresh & is_settled)
    return (
        told.group_by("flood_of", "flood_day", "people")
        .agg(fresh=fresh)
        .select("flood_of", "flood_day", is_brigade=ibis._.fresh * 2 > ibis._.people)
    )


def exclude(rows: ir.Table) -> ir.Table:
    """The rows with exclusion, exclusion_rule and is_counted, and a duplicate_of only where that is the reason.

    Args:
        rows: feedback with is_official, root_id, irrelevance_rule, model_rule, duplicate_of and duplicate_rule, and
            is_labelled_relevant (what a person said of it, or NULL), which overrules rules and model.
    """
    passed_on = is_passed_on(rows).ifelse(REPOST_RULE, ibis.null("string"))
    # What repeats another message is a copy, whatever the model says of its words.
    by_itself = rows.duplicate_of.isnull().ifelse(
        ibis.coalesce(passed_on, rows.model_rule), ibis.null("string")
    )
    judged = ibis.coalesce(rows.irrelevance_rule, by_itself)
    rows = rows.mutate(
        is_judged_relevant=rows.kind.isin(CONVERSATION_KINDS).ifelse(judged.isnull(), ibis.null("boolean")),
        irrelevance_rule=ibis.cases(
            (rows.is_labelled_relevant.fill_null(False), ibis.null("string")),
            ((~rows.is_labelled_relevant).fill_null(False), ibis.literal(LABEL_RULE)),
            else_=judged,
        ),
    )
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
        # Where a person says what it repeats, nobody has measured how alike the two are.
        duplicate_similarity=(
            (decided.exclusion == "duplicate") & decided.duplicate_rule.re_search("^(same|near)-words")
        ).ifelse(decided.duplicate_similarity, ibis.null("float64")),
    )
