"""Conversations: which message each post goes back to, by iterated joins, never by likeness of text.

The root of a message is the topmost message by a person on the way up from it, the message itself included; so a
reply to an agency's own post is a root, and an agency's reply belongs to the person who began.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["find_roots"]

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
    table = _kept(store, start, folder / "roots-00.parquet")
    for number in range(1, _ROUNDS):
        above = table.select(above_id="record_id", above_pointer="pointer", above_person="person")
        step = table.join(above, table.pointer == above.above_id).select(
            table.record_id,
            table.is_parent_held,
            pointer=above.above_pointer,
            person=ibis.coalesce(above.above_person, table.person),
            is_moved=(above.above_pointer != table.pointer) | ~above.above_person.identical_to(table.person),
        )
        table = _kept(store, step, folder / f"roots-{number:02d}.parquet")
        if not store.con.to_pyarrow(table.is_moved.any().fill_null(False).as_scalar()).as_py():
            break
    found = table.select("record_id", "is_parent_held", root_id=ibis.coalesce(table.person, table.pointer))
    return _without_circles(found)


def _kept(store: Store, rows: ir.Table, path: Path) -> ir.Table:
    """The rows, computed once and kept in a file."""
    store.con.to_parquet(rows, path)
    return store.con.read_parquet(path)


def _without_circles(found: ir.Table) -> ir.Table:
    """A root is its own root; where messages reply to each other in a circle, each stands alone."""
    roots = found.select(top_id="record_id", top_root="root_id")
    joined = found.left_join(roots, found.root_id == roots.top_id)
    return joined.select(
        "record_id",
        "is_parent_held",
        root_id=ibis.ifelse(roots.top_id == roots.top_root, found.root_id, found.record_id),
    )
