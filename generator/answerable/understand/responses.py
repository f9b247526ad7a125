"""Responses: what agencies said of substance, and what it answers; outcomes: what changed.

An official update whose class is one of ``schema.RESPONSE_CLASSES`` is a response to the feedback that it belongs to.
An answer that its source gives an identifier of its own may serve many feedback and is one response. What officials put
on the record by hand answers the feedback that it names, and so does an official post (`answerable.understand.links`).
Nothing is ever counted because two texts are alike.
"""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.schema import FEEDBACK_KINDS, RESPONSE_CLASSES
from answerable.understand.links import linked, proposed, rejections
from answerable.understand.official_posts import official_posts
from answerable.understand.texts import hashed, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.site_rules import Rules

__all__ = ["METHOD_OF", "write_outcomes", "write_responses"]

log = logging.getLogger(__name__)

METHOD_OF = MappingProxyType(
    {
        "service_request": "note",
        "post": "reply",
        "petition": "answer",
        "information_request": "reply",
        "comment": "reply",
    }
)
"""How a source ties an agency's words to feedback of each kind."""

_ID_LENGTH = 16
_REGISTER_CLASS = "substance"


def write_responses(
    store: Store,
    settings: Settings,
    rules: Rules,
    folder: Path,
    *,
    batches: Sequence[Sequence[str]],
    redact: Callable[[str], str],
) -> None:
    """Write ``response``, ``response_feedback`` and ``update_elsewhere`` in the open transaction.

    Args:
        store: with feedback, feedback_update, reading, update_reading and issue_feedback as they now are.
        settings: for the site's address.
        rules: for the classes of what agencies say, and what people decided about links.
        folder: for scratch files.
        batches: all months, in the portions in which rows are read and written.
        redact: takes personal data out of a text of an agency.
    """
    missing = set(FEEDBACK_KINDS) - set(METHOD_OF)
    if missing:
        message = f"no way to answer feedback of the kind {', '.join(sorted(missing))}"
        raise NotImplementedError(message)
    posts = official_posts(store, settings, rules, folder, redact=redact)
    named = None if posts is None else linked(store, folder, posts, rules.overrides)
    answers = (
        None if named is None else named.filter(named.is_counted & named.update_class.isin(RESPONSE_CLASSES))
    )
    rejected = rejections(rules.overrides, posts)
    entries, entry_links = _register(store, redact)
    entry_links = keep(store, entry_links, folder / "register.parquet")
    spoken = [
        keep(store, _spoken(store, months), folder / f"spoken-{number}.parquet")
        for number, months in enumerate(batches)
    ]
    removed: list[ir.Table] = []
    for number, (months, rows) in enumerate(zip(batches, spoken, strict=True)):
        by_register = entry_links.filter(entry_links.month.isin(months))
        links = _links(rows).union(by_register, distinct=False)
        # The source or a person says so; only a person's word counts as reviewed.
        links = links.mutate(
            confidence=ibis.literal(1).cast("float64"), is_reviewed=links.method == "register"
        )
        if rejected is not None:
            pair = [
                links.response_id == rejected.rejected_response,
                links.feedback_id == rejected.rejected_feedback,
            ]
            gone = links.semi_join(rejected, pair).select("response_id", "feedback_id")
            removed.append(keep(store, gone, folder / f"removed-{number}.parquet"))
            links = links.anti_join(rejected, pair)
        if answers is not None:
            elsewhere = answers.filter(answers.month.isin(months)).mutate(responded_at=answers["at"])
            links = links.union(elsewhere.select(*links.columns), distinct=False)
        store.write("response_feedback", links, months=months)
    counts = entry_links.group_by("response_id").agg(feedback_count=entry_links.count())
    responses = [
        entries.left_join(counts, "response_id").mutate(
            feedback_count=lambda t: t.feedback_count.fill_null(0)
        )
    ]
    if spoken:
        everything = ibis.union(*spoken, distinct=False) if len(spoken) > 1 else spoken[0]
        responses += [_single(everything), _shared(everything)]
    if answers is not None:
        responses.append(_elsewhere(answers))
    names = store.read("response").columns
    whole = ibis.union(*(r.select(*names) for r in responses), distinct=False)
    store.write("response", _counted(whole, answers, removed))
    _write_elsewhere(store, folder, posts, named, rules)
    log.info("found %d responses", sum(p.row_count for p in store.partitions("response")))


def _elsewhere(answers: ir.Table) -> ir.Table:
    """The responses that are no update of anything: each was said once, for all that it names."""
    alone = answers.filter(~answers.is_reply)
    columns = ("response_id", "post_source_id", "agency_code", "at", "update_class", "public_text", "url")
    once = alone.select(*columns).distinct()
    return once.mutate(
        source_id=once.post_source_id,
        responded_at=once["at"],
        public_title=ibis.null("string"),
        feedback_count=ibis.literal(0).cast("int64"),
    )


def _counted(responses: ir.Table, answers: ir.Table | None, removed: Sequence[ir.Table]) -> ir.Table:
    """The responses with how many messages each answers, those that it answers elsewhere with them."""
    changes = [rows.mutate(change=ibis.literal(-1)) for rows in removed]
    if answers is not None:
        changes.append(answers.select("response_id", "feedback_id").mutate(change=ibis.literal(1)))
    if not changes:
        return responses
    columns = responses.columns
    every = ibis.union(*changes, distinct=False) if len(changes) > 1 else changes[0]
    few = every.group_by(changed_id="response_id").agg(change=every.change.sum().cast("int64"))
    both = responses.left_join(few, responses.response_id == few.changed_id)
    return both.mutate(feedback_count=both.feedback_count + both.change.fill_null(0)).select(*columns)


def _write_elsewhere(
    store: Store, folder: Path, posts: ir.Table | None, named: ir.Table | None, rules: Rules
) -> None:
    if posts is None or named is None:
        store.write("update_elsewhere", store.read("update_elsewhere").limit(0))
        return
    columns = store.read("update_elsewhere").columns
    waiting = proposed(store, folder, posts, named, rules.overrides)
    counted = named.filter(named.is_counted)
    store.write("update_elsewhere", counted.select(*columns).union(waiting.select(*columns), distinct=False))


def _spoken(store: Store, months: Sequence[str]) -> ir.Table:
    """Every official update of some months that counts as a response, with the feedback that it belongs to."""
    read = store.read("update_reading", months=months)
    read = read.filter(read.update_class.isin(RESPONSE_CLASSES)).select(
        "update_id", "update_class", "public_text"
    )
    updates = store.read("feedback_update", months=months)
    updates = updates.filter(updates.is_official).select(
        "update_id", "feedback_id", "source_id", "month", "at", "answer_id", "url", speaker_code="agency_code"
    )
    # What agencies say to each other answers nobody.
    feedback = store.read("feedback", months=months)
    feedback = feedback.filter(~feedback.is_official).select("feedback_id", "kind")
    reading = store.read("reading", months=months).select("feedback_id", "agency_code")
    rows = (
        updates.inner_join(read, "update_id")
        .inner_join(feedback, "feedback_id")
        .inner_join(reading, "feedback_id")
    )
    own_id = rows.answer_id.fill_null(rows.update_id)
    return rows.mutate(
        response_id=hashed(rows.source_id, own_id, length=_ID_LENGTH),
        is_shared=rows.answer_id.notnull(),
        agency_code=rows.speaker_code.fill_null(rows.agency_code),
        method=rows.kind.cases(*METHOD_OF.items()),
    ).drop("speaker_code", "answer_id", "kind")


def _links(spoken: ir.Table) -> ir.Table:
    """The rows of ``response_feedback``: the source itself says which feedback an update belongs to."""
    alone = spoken.filter(~spoken.is_shared).select(
        "response_id", "feedback_id", "source_id", "month", "method", responded_at="at"
    )
    shared = spoken.filter(spoken.is_shared)
    shared = shared.group_by("response_id", "feedback_id", "source_id", "month", "method").agg(
        responded_at=shared.at.min()
    )
    return alone.union(shared.select(*alone.columns), distinct=False)


def _single(spoken: ir.Table) -> ir.Table:
    """The responses that belong to one feedback each."""
    alone = spoken.filter(~spoken.is_shared)
    return alone.mutate(
        responded_at=alone.at,
        public_title=ibis.null("string"),
        feedback_count=ibis.literal(1).cast("int64"),
    )


def _shared(spoken: ir.Table) -> ir.Table:
    """The responses that may serve many feedback: each as it was first given."""
    shared = spoken.filter(spoken.is_shared)
    rank = ibis.row_number().over(ibis.window(group_by="response_id", order_by=["at", "update_id"]))
    ranked = shared.mutate(rank=rank)
    counts = shared.group_by("response_id").agg(feedback_count=shared.feedback_id.nunique())
    first = ranked.filter(ranked.rank == 0).inner_join(counts, "response_id")
    return first.mutate(responded_at=first.at, public_title=ibis.null("string"))


def _register(store: Store, redact: Callable[[str], str]) -> tuple[ir.Table, ir.Table]:
    """What officials put on the record as answers: the responses, and their links to feedback that is held.

    (Tens of files that people wrote by hand: small enough to be read row by row.)
    """
    entries = store.read("register_entry")
    rows = _records(store, entries.filter(entries.kind == "answer").order_by("entry_id"))
    texts = {"string": pa.string(), "time": pa.timestamp("us")}
    named: list[tuple[str, str]] = []
    for row in rows:
        named += [(row["entry_id"], name) for name in dict.fromkeys((row["feedback_ids"] or "").split())]
    listed = ibis.memtable(
        pa.table(
            {
                "entry_id": pa.array([r["entry_id"] for r in rows], texts["string"]),
                "source_id": pa.array([r["source_id"] for r in rows], texts["string"]),
                "agency_code": pa.array([r["agency_code"] for r in rows], texts["string"]),
                "responded_at": pa.array([r["responded_at"] for r in rows], texts["time"]),
                "update_class": pa.array([_REGISTER_CLASS for _ in rows], texts["string"]),
                "public_title": pa.array([redact(r["title"]) for r in rows], texts["string"]),
                "public_text": pa.array([redact(r["text"]) for r in rows], texts["string"]),
                "url": pa.array([r["url"] for r in rows], texts["string"]),
            }
        )
    )
    listed = listed.mutate(response_id=hashed(listed.source_id, listed.entry_id, length=_ID_LENGTH))
    pairs = ibis.memtable(
        pa.table(
            {
                "entry_id": pa.array([entry for entry, _ in named], texts["string"]),
                "feedback_id": pa.array([name for _, name in named], texts["string"]),
            }
        )
    )
    feedback = store.read("feedback")
    feedback = (
        feedback.filter(feedback.feedback_id.isin([name for _, name in named]))
        if named
        else feedback.limit(0)
    )
    links = pairs.inner_join(listed.select("entry_id", "response_id", "responded_at"), "entry_id").inner_join(
        feedback.select("feedback_id", "source_id", "month"), "feedback_id"
    )
    return listed, links.select(
        "response_id",
        "feedback_id",
        "source_id",
        "month",
        responded_at=links.responded_at,
        method=ibis.literal("register"),
    )


def write_outcomes(store: Store, redact: Callable[[str], str]) -> None:
    """Write ``outcome`` in the open transaction: what officials put on the record as changed."""
    entries = store.read("register_entry")
    rows = _records(store, entries.filter(entries.kind == "outcome").order_by("entry_id"))
    columns = {
        "outcome_id": [r["entry_id"] for r in rows],
        "agency_code": [r["agency_code"] for r in rows],
        "public_title": [redact(r["title"]) for r in rows],
        "public_text": [redact(r["text"]) for r in rows],
        "url": [r["url"] for r in rows],
        "topic_codes": [r["topic_codes"] for r in rows],
        "area_codes": [r["area_codes"] for r in rows],
    }
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    arrays["happened_at"] = pa.array([r["responded_at"] for r in rows], pa.timestamp("us"))
    store.write("outcome", pa.table(arrays))


def _records(store: Store, expr: ir.Table) -> list[dict[str, Any]]:
    return [row for batch in store.batches(expr) for row in batch.to_pylist()]
