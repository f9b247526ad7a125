"""The same message again, in its first form: the same words within 30 days.

Words are compared in lower case, without punctuation, addresses of web pages and the mark of a repost. A post repeats
another post with the same words, whoever wrote either. Anything else (service requests, petitions) repeats another only
where the same person sent the same words about the same service at the same place: the same words by two people are two
people. The earliest stays; each message that follows the one before it within 30 days belongs to the same run.

Only a hash of the words, the instant and the identifier go through the comparison, so it can run over all months at once.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from answerable.understand.texts import with_key

__all__ = ["RULE_BY_ANYBODY", "RULE_BY_ONE", "WINDOW_DAYS", "duplicates", "same_words"]

WINDOW_DAYS = 30
"""How long after the last message with the same words another one still repeats it."""

RULE_BY_ANYBODY = "same-words"
RULE_BY_ONE = "same-words-same-person"

_SECONDS_OF_DAY = 86_400


def same_words(title: ir.StringValue, text: ir.StringValue) -> ir.StringValue:
    """What two messages have in common if they say the same; empty where there is no word."""
    joined = (title.fill_null("") + " " + text.fill_null("")).lower()
    return (
        joined.re_replace(r"^\s*rt @\w+:?", " ")
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
    worded = feedback.filter(feedback.title.notnull() | feedback.text.notnull())
    worded = worded.mutate(words=same_words(worded.title, worded.text)).filter(lambda t: t.words != "")
    posts = worded.filter(worded.kind == "post").anti_join(parts, "feedback_id")
    # An official post is no feedback, but a message that repeats it is no feedback of its own either.
    others = worded.filter((worded.kind != "post") & worded.author_key.notnull() & ~worded.is_official)
    by_anybody = _repeats(with_key(posts, ("words",), name="same"), RULE_BY_ANYBODY)
    by_one = _repeats(
        with_key(
            others,
            (
                "kind",
                "source_id",
                "author_key",
                "service_code",
                "area_code",
                "latitude",
                "longitude",
                "words",
            ),
            name="same",
        ),
        RULE_BY_ONE,
    )
    return by_anybody.union(by_one, distinct=False)


def _repeats(rows: ir.Table, rule: str) -> ir.Table:
    """Rows with a hash ``same``: all but the earliest of each run."""
    slim = rows.select("same", "created_at", "feedback_id", "month")
    counts = slim.group_by("same").agg(times=slim.count())
    # Most messages are said once: they leave before anything is sorted.
    often = slim.semi_join(counts.filter(counts.times > 1), "same")
    in_order = ibis.window(group_by="same", order_by=["created_at", "feedback_id"])
    before = often.mutate(before_at=often.created_at.lag().over(in_order))
    starts = before.mutate(
        is_start=(
            before.created_at.epoch_seconds() - before.before_at.epoch_seconds() > WINDOW_DAYS * _SECONDS_OF_DAY
        )
        .fill_null(True)  # noqa: FBT003  (a value, not a flag)
        .cast("int64")
    )
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
