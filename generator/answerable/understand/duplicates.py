"""The same message again: the very same words within 30 days, and (`answerable.understand.near`) nearly the same.

Words are compared in lower case, without punctuation, addresses of web pages and the mark of a repost. A post or
comment of some length repeats another one with the same words, whoever wrote either. What is short ("still not
working") many people say by themselves: there, and in service requests and petitions, only the same person repeats the
same words, about the same service at the same place. The earliest stays; each message that follows the one before it
within 30 days belongs to the same run.

Only a hash of the words, the instant and the identifier go through the comparison, so it runs over all months at once.
The hashes are kept from build to build (`answerable.understand.near`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from answerable.understand.relevance import CONVERSATION_KINDS
from answerable.understand.texts import with_key

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "LONG",
    "LONGEST",
    "RULE_BY_ANYBODY",
    "RULE_BY_ONE",
    "SAME_PERSON",
    "WINDOW_DAYS",
    "duplicates",
    "near_form",
    "repeats",
    "same_words",
    "wordings",
]

WINDOW_DAYS = 30
"""How long after the last message with the same words another one still repeats it."""

LONG = 20
"""Letters, digits and spaces from which on nobody is likely to hit on the same words by chance."""

LONGEST = 4000
"""Characters up to which texts are compared letter by letter; longer ones repeat only their very words."""

RULE_BY_ANYBODY = "same-words"
RULE_BY_ONE = "same-words-same-person"

SAME_PERSON = ("kind", "source_id", "author_key", "service_code", "area_code", "latitude", "longitude")
"""What is the same, beside the words, where only the same person repeats them."""


def same_words(title: ir.StringValue, text: ir.StringValue) -> ir.StringValue:
    """What two messages have in common if they say the same; empty where there is no word."""
    return _plain(_said(title, text))


def near_form(title: ir.StringValue, text: ir.StringValue, accounts: Collection[str]) -> ir.StringValue:
    """The words by which two messages are nearly the same: without accounts, but for official ones.

    Args:
        title: of the message.
        text: of the message.
        accounts: official accounts, in lower case, without the @: whom a complaint goes to is part of what it says;
            which friends are named is not.
    """
    said = _said(title, text).re_replace(_REPOST, " ")
    if accounts:
        longest_first = sorted(accounts, key=lambda name: (-len(name), name))
        said = said.re_replace(rf"@({'|'.join(map(re.escape, longest_first))})\b", r" \1 ")
    return _plain(said.re_replace(_ACCOUNT, " "))


_REPOST = r"^\s*rt @\w+:?"
_ACCOUNT = r"@[\w.@-]+"


def _said(title: ir.StringValue, text: ir.StringValue) -> ir.StringValue:
    return (title.fill_null("") + " " + text.fill_null("")).lower()


def _plain(lowered: ir.StringValue) -> ir.StringValue:
    return (
        lowered.re_replace(_REPOST, " ")
        .re_replace(r"https?://\S+", " ")
        .re_replace(r"\p{Cf}+", "")
        .re_replace(r"[^\p{L}\p{M}\p{N}]+", " ")
        .strip()
    )


def wordings(feedback: ir.Table) -> ir.Table:
    """What of each message's words is compared: of all feedback that has a word and may repeat another one.

    Returns:
        The columns of ``feedback`` with is_by_anybody (whether another person may repeat it), same_key (equal for
        messages that say the same), and length (of the words, without whom they are addressed to).
    """
    worded = feedback.filter(feedback.title.notnull() | feedback.text.notnull())
    # Whom a post is addressed to is part of what it says, but does not make it longer.
    worded = worded.mutate(
        words=same_words(worded.title, worded.text),
        length=_plain(_said(worded.title, worded.text).re_replace(_ACCOUNT, " ")).length(),
    )
    worded = worded.filter(worded.length > 0)
    is_by_anybody = worded.kind.isin(CONVERSATION_KINDS) & (worded.length >= LONG)
    # An official post is no feedback, but a message that repeats it is no feedback of its own either.
    worded = worded.mutate(is_by_anybody=is_by_anybody)
    worded = worded.filter(worded.is_by_anybody | (worded.author_key.notnull() & ~worded.is_official))
    worded = with_key(
        with_key(worded, ("words",), name="key_of_all"), (*SAME_PERSON, "words"), name="key_of_one"
    )
    return worded.mutate(same_key=worded.is_by_anybody.ifelse(worded.key_of_all, worded.key_of_one)).drop(
        "words", "key_of_all", "key_of_one"
    )


def duplicates(feedback: ir.Table, parts: ir.Table) -> ir.Table:
    """The feedback that repeats an earlier one in its very words.

    Args:
        feedback: all of it.
        parts: messages inside conversations (`relevance.conversation_parts`): never counted, so nothing repeats them.

    Returns:
        feedback_id, month, duplicate_of (the earliest of its run) and duplicate_rule.
    """
    return repeats(wordings(feedback).anti_join(parts, "feedback_id"))


def repeats(worded: ir.Table) -> ir.Table:
    """The same, of rows with feedback_id, month, created_at, is_by_anybody and same_key."""
    by_anybody = _repeats(worded.filter(worded.is_by_anybody), RULE_BY_ANYBODY)
    by_one = _repeats(worded.filter(~worded.is_by_anybody), RULE_BY_ONE)
    return by_anybody.union(by_one, distinct=False)


def _repeats(rows: ir.Table, rule: str) -> ir.Table:
    """Rows with a hash ``same_key``: all but the earliest of each run."""
    slim = rows.select("created_at", "feedback_id", "month", same="same_key")
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
