"""What official accounts posted: whom each post replies to, what it says, and what it names.

A post that only passes on another message says nothing of its own, and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.understand.classes import classify
from answerable.understand.likeness import content_words
from answerable.understand.mentions import named_in
from answerable.understand.named_areas import with_named_area
from answerable.understand.relevance import CONVERSATION_KINDS, is_passed_on
from answerable.understand.replies import with_updates
from answerable.understand.texts import KEY, decide, hashed, keep, with_key
from answerable.understand.topics import NO_RULE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.site_rules import Rules

__all__ = ["official_posts"]

_ID_LENGTH = 16
_TEXTS = pa.list_(pa.string())
_SAID = {
    "rule_class": pa.string(),
    "rule_id": pa.string(),
    "public_text": pa.string(),
    "numbers": _TEXTS,
    "addresses": _TEXTS,
    "issue_ids": _TEXTS,
    "words": _TEXTS,
}


def official_posts(
    store: Store, settings: Settings, rules: Rules, folder: Path, *, redact: Callable[[str], str]
) -> ir.Table | None:
    """Every post of an official account, with what it says and names; None where there is none.

    Returns:
        post_id, post_source_id, post_name, at, agency_code, topic_code, url, lang, root_id (the feedback that it
        replies to), response_id, is_reply (whether it is an update of that feedback), update_class, class_rule,
        public_text, numbers, addresses, issue_ids, area_code (its own, or the one that it names), words.
    """
    feedback = store.read("feedback")
    official = feedback.filter(
        feedback.is_official & feedback.kind.isin(CONVERSATION_KINDS) & ~is_passed_on(feedback)
    )
    plain = keep(
        store,
        official.select(
            "source_id",
            "conversation_id",
            "record_id",
            "created_at",
            "agency_code",
            "url",
            "lang",
            "area_code",
            post_id="feedback_id",
            post_name=official.source_id + ":" + official.record_id,
            text=ibis.coalesce(official.text, official.title),
        ),
        folder / "official.parquet",
    )
    if not store.con.to_pyarrow(plain.count()).as_py():
        return None
    topics = store.read("reading").select("topic_code", post_id="feedback_id")
    replies = store.read("update_reading").select(
        "update_id", reply_class="update_class", reply_rule="class_rule"
    )
    rows = with_updates(store, plain).left_join(replies, "update_id").drop("update_id_right")
    rows = rows.left_join(topics, "post_id").drop("post_id_right")
    rows = with_key(rows, ("text",))
    decided = decide(
        store,
        rows.filter(rows.text.notnull()),
        ("text",),
        _reader(settings, rules, redact),
        result=_SAID,
        path=folder / "official-texts.parquet",
    )
    rows = rows.left_join(decided, KEY)
    spelling = rules.words.people.spelling
    rows = with_named_area(store, rows, rows.public_text, () if spelling is None else spelling.small)
    is_reply = rows.update_id.notnull()
    rows = rows.mutate(
        post_source_id=rows.source_id,
        at=rows.created_at,
        response_id=hashed(rows.source_id, ibis.coalesce(rows.update_id, rows.post_id), length=_ID_LENGTH),
        is_reply=is_reply,
        area_code=ibis.coalesce(rows.area_code, rows.named_area),
        # A reply has one class, here and in its own conversation.
        update_class=is_reply.ifelse(rows.reply_class, rows.rule_class),
        class_rule=is_reply.ifelse(rows.reply_rule, rows.rule_id),
    )
    set_by_people = rules.overrides.updates
    if set_by_people.num_rows:
        few = ibis.memtable(set_by_people.select(["set_id", "set_class", "set_rule"]))
        rows = rows.left_join(few, rows.post_id == few.set_id)
        rows = rows.mutate(
            update_class=ibis.coalesce(rows.set_class, rows.update_class),
            class_rule=ibis.coalesce(rows.set_rule, rows.class_rule),
        )
    columns = (
        "post_id",
        "post_source_id",
        "post_name",
        "at",
        "agency_code",
        "topic_code",
        "url",
        "lang",
        "root_id",
        "response_id",
        "is_reply",
        "update_class",
        "class_rule",
        "public_text",
        "numbers",
        "addresses",
        "issue_ids",
        "area_code",
        "words",
    )
    return keep(store, rows.select(*columns), folder / "posts.parquet")


def _reader(
    settings: Settings, rules: Rules, redact: Callable[[str], str]
) -> Callable[[str], tuple[str | list[str] | None, ...]]:
    """From the text of a post to the values of `_SAID`."""
    classes, address = rules.words.classes, settings.site.url

    def read(text: str) -> tuple[str | list[str] | None, ...]:
        said = classify(text, classes)
        named = named_in(text, address)
        return (
            said.update_class,
            None if said.update_class is None else (said.rule_id or NO_RULE),
            redact(text),
            list(named.numbers),
            list(named.addresses),
            list(named.issue_ids),
            sorted(content_words(text)),
        )

    return read
