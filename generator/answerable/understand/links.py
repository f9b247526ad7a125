"""Answers given elsewhere: what an official post says, tied to the feedback that it names.

What counts is an identifier, never likeness of text. A post of an official account belongs to a feedback when it holds

* the address of that feedback at its source, or of its issue's page on this site;
* the number of a service request, a petition or a request for information (`answerable.understand.mentions`): letters
  and digits, or mere digits if that feedback is put to the agency that speaks and was raised in the last two years.

A number that means two feedback means none (unless one of them alone is put to the agency that speaks). What was said
before the feedback was raised belongs to nobody's.

Mere digits of what is put to another agency or is older, and posts that name nothing but are alike
(`answerable.understand.likeness`), are proposals: stored, listed for review (`answerable triage`), counted nowhere
until a person accepts them in ``data/lookups/overrides.yml``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from answerable.schema import ELSEWHERE_METHODS
from answerable.understand.likeness import alike
from answerable.understand.relevance import CONVERSATION_KINDS
from answerable.understand.texts import hashed, keep

if TYPE_CHECKING:
    from pathlib import Path

    from answerable.store import Store
    from answerable.understand.overrides import Applied

__all__ = ["linked", "proposed", "rejections"]

_CONFIDENCE = MappingProxyType(
    {"reviewed": 1.0, "link-to-feedback": 1.0, "ticket-number": 0.8, "link-to-issue": 0.8}
)
"""Grades, not measured shares: the address of one message, a number, the address of all that belongs together."""

_CONFIDENCE_OF_OWN_NUMBER = 0.95  # the number of a feedback that is put to the agency that speaks
_CONFIDENCE_OF_DIGITS = (
    0.4  # mere digits, of a feedback that is put to another agency, or was raised long before
)
_DIGITS_DAYS = 730  # other systems count their records, too: few answers come later than so
_TICKET_KINDS = ("service_request", "petition", "information_request")
_ID_LENGTH = 16


def rejections(applied: Applied, posts: ir.Table | None) -> ir.Table | None:
    """The pairs that a person rejected: rejected_response, rejected_feedback; None where there are none."""
    if not applied.rejected.num_rows:
        return None
    given = ibis.memtable(applied.rejected)
    pairs = given.select(rejected_response="answer_id", rejected_feedback="feedback_id")
    if posts is None:
        return pairs
    by_post = given.inner_join(posts.select("post_id", "response_id"), given.answer_id == posts.post_id)
    named = by_post.select(rejected_response="response_id", rejected_feedback="feedback_id")
    return pairs.union(named, distinct=True)


def linked(store: Store, folder: Path, posts: ir.Table, applied: Applied) -> ir.Table:
    """The rows of ``update_elsewhere`` for what official posts name; ``is_counted`` tells which of them count.

    Args:
        store: with feedback, feedback_update, reading, issue_feedback and issue_address as they now are.
        folder: for scratch files.
        posts: `answerable.understand.official_posts`.
        applied: what people accepted and rejected.
    """
    found = _by_number(store, posts).union(_by_address(store, posts), _by_issue(store, posts), distinct=False)
    if applied.accepted.num_rows:
        accepted = ibis.memtable(applied.accepted)
        found = found.union(_pairs(accepted, "reviewed"), distinct=False)
    # Of several ways in which a post names a feedback, the surest.
    rank = found.method.cases(*((name, place) for place, name in enumerate(ELSEWHERE_METHODS)), else_=99)
    ranked = found.mutate(rank=rank + found.is_counted.ifelse(0, 100))
    best = ranked.group_by("post_id", "feedback_id").agg(
        method=ranked.method.argmin(ranked.rank),
        confidence=ranked.confidence.max(),
        is_counted=ranked.is_counted.any(),
    )
    best = keep(store, best, folder / "named.parquet")
    return keep(store, _rows(store, posts, best, applied), folder / "linked.parquet")


def proposed(store: Store, folder: Path, posts: ir.Table, named: ir.Table, applied: Applied) -> ir.Table:
    """The rows of ``update_elsewhere`` that wait for review: what is named too weakly, and what is only alike.

    Args:
        store: with response_feedback as it now is.
        folder: for scratch files.
        posts: `answerable.understand.official_posts`.
        named: what `linked` found; such a post has said whom it answers, and is not compared.
        applied: what people rejected is not proposed again.
    """
    pairs = alike(store, posts.anti_join(named, "post_id")).mutate(
        method=ibis.literal("likeness"), is_counted=ibis.literal(False)
    )
    waiting = _rows(store, posts, keep(store, pairs, folder / "alike.parquet"), applied)
    return named.filter(~named.is_counted).union(waiting, distinct=False)


def _grade(value: float) -> ir.FloatingValue:
    # A fraction written as such is a decimal number to DuckDB.
    return ibis.literal(round(100 * value)).cast("float64") / 100


def _pairs(
    rows: ir.Table,
    method: str,
    *,
    confidence: ir.FloatingValue | None = None,
    is_counted: ir.BooleanValue | None = None,
) -> ir.Table:
    """Pairs of a post and a feedback, with how they were linked; it counts unless said otherwise."""
    return rows.select(
        "post_id",
        "feedback_id",
        method=ibis.literal(method),
        confidence=_grade(_CONFIDENCE[method]) if confidence is None else confidence,
        is_counted=ibis.literal(True) if is_counted is None else is_counted,
    ).distinct()


def _by_number(store: Store, posts: ir.Table) -> ir.Table:
    """Feedback whose own number a post names."""
    named = posts.select("post_id", "agency_code", "at", number=posts.numbers.unnest())
    feedback = store.read("feedback")
    numbered = feedback.filter(feedback.kind.isin(_TICKET_KINDS) & ~feedback.is_official).select(
        "feedback_id", "created_at", number="record_id"
    )
    reading = store.read("reading").select("feedback_id", responsible_code="agency_code")
    found = named.inner_join(numbered, "number").inner_join(reading, "feedback_id")
    found = found.mutate(
        key=found.number.lower(), is_own=(found.agency_code == found.responsible_code).fill_null(False)
    )
    counts = found.group_by("post_id", "key").agg(
        meant=found.feedback_id.nunique(), meant_own=found.feedback_id.nunique(where=found.is_own)
    )
    both = found.inner_join(counts, ["post_id", "key"])
    both = both.filter((both.meant == 1) | (both.is_own & (both.meant_own == 1)))
    is_worded = both.number.re_search("[A-Za-z]")
    is_late = both["at"] > both.created_at + ibis.interval(days=_DIGITS_DAYS)
    is_counted = is_worded | (both.is_own & ~is_late)
    confidence = ibis.cases(
        (~is_counted, _grade(_CONFIDENCE_OF_DIGITS)),
        (both.is_own, _grade(_CONFIDENCE_OF_OWN_NUMBER)),
        else_=_grade(_CONFIDENCE["ticket-number"]),
    )
    return _pairs(both, "ticket-number", confidence=confidence, is_counted=is_counted)


def _by_address(store: Store, posts: ir.Table) -> ir.Table:
    """Feedback whose own address a post holds; of a later message of a conversation, the one that it began with."""
    named = posts.select("post_id", url=posts.addresses.unnest())
    feedback = store.read("feedback")
    addressed = feedback.filter(feedback.url.notnull()).select(
        "feedback_id", "source_id", "record_id", "conversation_id", "kind", "is_official", "url"
    )
    found = named.inner_join(addressed, "url")
    counts = found.group_by("post_id", "url").agg(meant=found.feedback_id.nunique())
    found = found.inner_join(counts, ["post_id", "url"]).filter(lambda t: (t.meant == 1) & ~t.is_official)
    roots = feedback.filter(~feedback.is_official).select(
        root_source="source_id", root_record="record_id", root_id="feedback_id"
    )
    both = found.left_join(
        roots,
        [
            found.source_id == roots.root_source,
            found.conversation_id == roots.root_record,
            found.kind.isin(CONVERSATION_KINDS),
        ],
    )
    both = both.mutate(feedback_id=ibis.coalesce(both.root_id, both.feedback_id))
    return _pairs(both, "link-to-feedback")


def _by_issue(store: Store, posts: ir.Table) -> ir.Table:
    """All feedback of the issues whose pages a post points to."""
    given = posts.select("post_id", issue_id=posts.issue_ids.unnest())
    # An address that was published once leads to the issue that answers there now.
    moved = store.read("issue_address").select("first_issue_id", now_id="issue_id")
    moved = given.inner_join(moved, given.issue_id == moved.first_issue_id)
    named = given.union(moved.select("post_id", issue_id="now_id"), distinct=True)
    members = store.read("issue_feedback").select("issue_id", "feedback_id")
    return _pairs(named.inner_join(members, "issue_id"), "link-to-issue")


def _rows(store: Store, posts: ir.Table, pairs: ir.Table, applied: Applied) -> ir.Table:
    """The columns of ``update_elsewhere`` for pairs of a post and a feedback that it can belong to."""
    feedback = store.read("feedback")
    asked = feedback.filter(~feedback.is_official).select(
        "feedback_id",
        "source_id",
        "month",
        # Before a petition has enough signatures, nothing is due; what came then was no answer to it.
        due_at=ibis.greatest(
            feedback.created_at, feedback.threshold_reached_at.fill_null(feedback.created_at)
        ),
    )
    rows = pairs.inner_join(asked, "feedback_id").inner_join(posts, "post_id")
    rows = rows.filter(
        (rows["at"] >= rows.due_at)
        # Where it was said as a reply, it is an update there already.
        & ~(rows.root_id == rows.feedback_id).fill_null(False)
    )
    rejected = rejections(applied, posts)
    if rejected is not None:
        rows = rows.anti_join(
            rejected,
            [rows.response_id == rejected.rejected_response, rows.feedback_id == rejected.rejected_feedback],
        )
    return rows.select(
        "feedback_id",
        "source_id",
        "month",
        "post_id",
        "post_source_id",
        "post_name",
        "at",
        "agency_code",
        "update_class",
        "class_rule",
        "method",
        "confidence",
        "is_counted",
        "is_reply",
        "response_id",
        "public_text",
        "lang",
        "url",
        is_reviewed=rows.method == "reviewed",
        elsewhere_id=hashed(rows.post_id, rows.feedback_id, length=_ID_LENGTH),
    )
