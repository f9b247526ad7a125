"""Conversations: which message each post goes back to, by iterated joins, never by likeness of text.

The root of a message is the topmost message by a person on the way up from it, the message itself included; so a
reply to an agency's own post is a root, and an agency's reply belongs to the person who began.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from answerable import schema
from answerable.gather import engine
from answerable.gather.findings import LOCATED_LIMIT, Finding
from answerable.gather.rows import FeedbackSource, Taken, as_table

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["find_roots", "kept", "with_conversations"]

_ROUNDS = 40
"""A chain of 2**40 replies: more rounds than that means a circle."""


def find_roots(store: Store, posts: ir.Table, folder: Path) -> ir.Table:
    """The root of each post.

    Args:
        store: for its engine.
        posts: record_id (each once), reply_to_id, conversation_id (as the source has it), is_official.
        folder: for what is kept between two rounds.

    Returns:
        A table with record_id, root_id (a held record) and is_parent_held (false for a reply to a message that
        is not held).
    """
    held = posts.select(parent="record_id")
    replies = posts.select("record_id", "is_official", parent_id="reply_to_id", hint="conversation_id")
    joined = replies.left_join(held, replies.parent_id == held.parent).select(
        "record_id",
        "hint",
        "is_official",
        "parent_id",
        pointer=ibis.ifelse(held.parent == replies.record_id, ibis.null("string"), held.parent),
    )
    # Where the way up ends at a message whose parent is not held, the source may still know how the conversation began.
    is_asked = joined.pointer.isnull() & (joined.hint != joined.record_id)
    joined = joined.mutate(asked=ibis.ifelse(is_asked, joined.hint, ibis.null("string")))
    hints = posts.select(known="record_id")
    start = joined.left_join(hints, joined.asked == hints.known).select(
        "record_id",
        is_parent_held=joined.parent_id.isnull() | joined.pointer.notnull(),
        pointer=ibis.coalesce(joined.pointer, hints.known, joined.record_id),
        person=ibis.ifelse(joined.is_official, ibis.null("string"), joined.record_id),
    )
    table = kept(start, folder / "roots-00.parquet", store)
    for number in range(1, _ROUNDS):
        above = table.select(above_id="record_id", above_pointer="pointer", above_person="person")
        step = table.join(above, table.pointer == above.above_id).select(
            table.record_id,
            table.is_parent_held,
            pointer=above.above_pointer,
            person=ibis.coalesce(above.above_person, table.person),
            is_moved=(above.above_pointer != table.pointer) | ~above.above_person.identical_to(table.person),
        )
        table = kept(step, folder / f"roots-{number:02d}.parquet", store)
        if not store.con.to_pyarrow(table.is_moved.any().fill_null(False).as_scalar()).as_py():
            break
    found = table.select("record_id", "is_parent_held", root_id=ibis.coalesce(table.person, table.pointer))
    return _without_circles(found)


def _without_circles(found: ir.Table) -> ir.Table:
    """A root is its own root; where messages reply to each other in a circle, each stands alone."""
    roots = found.select(top_id="record_id", top_root="root_id")
    joined = found.left_join(roots, found.root_id == roots.top_id)
    return joined.select(
        "record_id",
        "is_parent_held",
        root_id=ibis.ifelse(roots.top_id == roots.top_root, found.root_id, found.record_id),
    )


def with_conversations(
    taken: Taken, source: FeedbackSource, store: Store, folder: Path
) -> tuple[Taken, list[Finding]]:
    """Gives posts the root of their conversation and its people, and makes official replies updates of the root."""
    posts = kept(as_table(taken.feedback, "feedback"), folder / "posts.parquet", store)
    roots = kept(find_roots(store, posts, folder), folder / "roots.parquet", store)
    joined = posts.join(roots, "record_id")
    people = joined.filter(~joined.is_official & joined.author_key.notnull())
    voices = people.group_by("root_id").aggregate(voice_count=people.author_key.nunique())
    whole = joined.left_join(voices, joined.record_id == voices.root_id)
    feedback = whole.mutate(
        conversation_id=whole.root_id, support_count=voices.voice_count.fill_null(whole.support_count)
    ).select(*schema.table("feedback").names)
    # An agency that replies to itself answers nobody.
    starts = posts.filter(~posts.is_official).select(
        start_id="record_id", start_feedback="feedback_id", start_month="month"
    )
    is_reply = joined.is_official & ~joined.is_repost & (joined.root_id != joined.record_id)
    replies = joined.filter(is_reply)
    replies = replies.join(starts, replies.root_id == starts.start_id)
    none = ibis.null("string")
    values: dict[str, Any] = {
        "update_id": engine.hash_expr(
            replies.start_feedback,
            "replied",
            replies.created_at.epoch_seconds().cast("string"),
            replies.record_id,
        ),
        "feedback_id": replies.start_feedback,
        "source_id": ibis.literal(source.id),
        "month": replies.start_month,
        "at": replies.created_at,
        "kind": ibis.literal("replied"),
        "status": none,
        "agency_code": replies.agency_code,
        "answer_id": none,
        "url": replies.url,
        "is_official": ibis.literal(True),
        "is_at_latest": ibis.literal(False),
        "text": ibis.coalesce(replies.text, replies.title),
    }
    answers = replies.select(**{name: values[name] for name in schema.table("feedback_update").names})
    updates = ibis.union(as_table(taken.updates, "feedback_update"), as_table(answers, "feedback_update"))
    lost = (
        joined.filter(joined.is_official & ~joined.is_parent_held).select("record_id").order_by("record_id")
    )
    names = store.con.to_pyarrow(lost)["record_id"].to_pylist()
    findings = [Finding("reply_without_parent", record_id=name) for name in names[:LOCATED_LIMIT]]
    if len(names) > LOCATED_LIMIT:
        findings.append(Finding("reply_without_parent", row_count=len(names) - LOCATED_LIMIT))
    return replace(taken, feedback=feedback, updates=updates), findings


def kept(rows: ir.Table, path: Path, store: Store) -> ir.Table:
    """Rows computed once and kept in a file for this pass."""
    store.con.to_parquet(rows, path)
    return store.con.read_parquet(path)
