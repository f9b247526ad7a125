"""Official posts that are replies: the feedback that each replies to, and the update that gathering made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis.expr.types as ir

from answerable.understand.texts import hashed

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["with_updates"]

_ID_LENGTH = 16


def with_updates(store: Store, posts: ir.Table) -> ir.Table:
    """The posts with root_id and update_id; both are empty where a post replies to nobody.

    Args:
        store: for feedback and feedback_update.
        posts: official ones, with source_id, record_id, conversation_id and created_at.
    """
    feedback = store.read("feedback")
    roots = feedback.filter(~feedback.is_official).select(
        "source_id", root_record="record_id", root_id="feedback_id"
    )
    rows = posts.left_join(
        roots,
        [
            posts.source_id == roots.source_id,
            posts.conversation_id == roots.root_record,
            posts.conversation_id != posts.record_id,
        ],
    ).drop("source_id_right", "root_record")
    # The identifier that `answerable.gather.threads` gives to it: two replies of one second are two updates.
    second = rows.created_at.epoch_seconds().cast("string")
    rows = rows.mutate(own_id=hashed(rows.root_id, "replied", second, rows.record_id, length=_ID_LENGTH))
    updates = store.read("feedback_update").select("update_id")
    return rows.left_join(updates, rows.own_id == updates.update_id).drop("own_id")
