"""The same message again, in its first form: the same words within 30 days.

Words are compared in lower case, without punctuation, addresses of web pages and the mark of a repost. A post of some
length repeats another post with the same words, whoever wrote either. What is short ("still not working") many people
say by themselves: there, and in anything but posts (service requests, petitions), only the same person repeats the same
words, about the same service at the same place. The earliest stays; each message that follows the one before it within
30 days belongs to the same run.

Only a hash of the words, the instant and the identifier go through the comparison, so it runs over all months at once.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from answerable.understand.texts import with_key

__all__ = ["LONG", "RULE_BY_ANYBODY", "RULE_BY_ONE", "WINDOW_DAYS", "duplicates", "same_words"]

WINDOW_DAYS = 30
"""How long after the last message with the same words another one still repeats it."""

LONG = 20
"""Letters, digits and spaces from which on nobody is likely to hit on the same words by chance."""

RULE_BY_ANYBODY = "same-words"
RULE_BY_ONE = "same-words-same-person"

_SAME_PERSON = ("kind", "source_id", "author_key", "service_code", "area_code", "latitude", "longitude")


def same_words(title: ir.StringValue, text: ir.StringValue) -> ir.StringValue:
    """What two messages have in common if they say the same; empty where there is no word."""
    return _plain((title.fill_null("") + " " + text.fill_null("")).lower())


def _plain(lowered: ir.StringValue) -> ir.StringValue:
    return (
        lowered.re_replace(r"^\s*rt @\w+:?", " ")
        .re_replace(r"https?://\S+", " ")
        .re_replace(r"\p{Cf}+", "")
        .re_replace(r"[^\p{L}\p{M}\p{N}]+", " ")
        .strip()
    )


def duplicates(feedback: ir.Table, parts: ir.Table) -> ir.Table:
    """The feedback that repeats an earlier one.

    Args:
        feedback: all of it.
        parts: messages inside conversations (`relevance.conversation_parts`): never counted, so nothing repeats them.

    Returns:
        feedback_id, month, duplicate_of (the earliest of its run) and duplicate_rule.
    """
    worded = feedback.filter(feedback.title.notnull() | feedback.text.notnull()).anti_join(
        parts, "feedback_id"
    )
    # Whom a post is addressed to is part of what it says, but does not make it longer.
    said = (worded.title.fill_null("") + " " + worded.text.fill_null("")).lower()
    worded = worded.mutate(
        words=same_words(worded.title, worded.text),
        length=_plain(said.re_replace(r"@[\w.@-]+", " ")).length(),
    )
    worded = worded.filter(worded.length > 0)
    is_long_post = (worded.kind == "post") & (worded.length >= LONG)
    # An official post is no feedback, but a message that repeats it is no feedback of its own either.
    by_anybody = _repeats(with_key(worded.filter(is_long_post), ("words",), name="same"), RULE_BY_ANYBODY)
    alone = worded.filter(~is_long_post & worded.author_key.notnull() & ~worded.is_official)
    by_one = _repeats(with_key(alone, (*_SAME_PERSON, "words"), name="same"), RULE_BY_ONE)
    return by_anybody.union(by_one, distinct=False)


def _repeats(rows: ir.Table, rule: str) -> ir.Table:
    """Rows with a hash ``same``: all but the earliest of each run."""
    slim = rows.select("same", "created_at", "feedback_id", "month")
    counts = slim.group_by("same").agg(times=slim.count())
    # Most messages are said once: they leave before anything is sorted.
    often = slim.semi_join(counts.filter(counts.times > 1), "same")
    in_order = ibis.window(group_by="same", order_by=["created_at", "feedback_id"])
    before = often.mutate(before_at=often.created_at.lag().over(in_order))
    follows = before.created_at <= before.before_at + ibis.interval(days=WINDOW_DAYS)
    starts = before.mutate(is_start=ibis.ifelse(follows, 0, 1))
    runs = starts.mutate(
        run=starts.is_start.sum().over(
            ibis.cumulative_window(group_by="same", order_by=["created_at", "feedback_id"])
        )
    )
    first = runs.mutate(
        first_id=runs.feedback_id.first().over(
            ibis.cumulative_window(group_by=["same", "run"], order_by=["created_at", "feedback_id"])
        )
    )
    return first.filter(first.feedback_id != first.first_id).select(
        "feedback_id", "month", duplicate_of="first_id", duplicate_rule=ibis.literal(rule)
    )
