"""The reading of months: update_reading and reading, from feedback, its updates and the rules.

    inputs = inputs_by_month(store, rules, parts, repeats)
    read_months(store, settings, rules, decide_words, folder, parts=parts, repeats=repeats, months=["2024-01"])

Each update's class, each feedback's topic, agency, reason of closing and public text. Texts go through Python
(`answerable.understand.texts`), all else is joins.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.schema import MISSING_CODE
from answerable.understand.intent import BY_KIND
from answerable.understand.labels import held_out, label_table
from answerable.understand.overrides import overrule, overrule_updates
from answerable.understand.relevance import exclude
from answerable.understand.site_rules import digest_of
from answerable.understand.texts import (
    KEY,
    TEXT_KEY,
    decide,
    decide_kept,
    texts_ahead,
    with_key,
    with_text_key,
)
from answerable.understand.topics import NO_RULE, agency_topics, place_title, topic_list
from answerable.understand.words import TEXTS, UPDATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.site_rules import Rules
    from answerable.understand.workers import Decider

__all__ = [
    "PETITION_RULE",
    "SHARED_INPUTS",
    "all_months",
    "batches",
    "inputs_by_month",
    "read_months",
    "words_ahead",
]

log = logging.getLogger(__name__)

PETITION_RULE = "petition-answer"
"""The rule by which a government's answer to a petition is of substance: it is what was asked for."""

SHARED_INPUTS = ("area",)
"""Tables that the reading of every month depends on."""

_BATCH_FEEDBACK = 400_000


def all_months(store: Store) -> list[str]:
    """Every month that has, or had, rows in a table that is written by months."""
    tables = (
        "feedback",
        "feedback_update",
        "reading",
        "update_reading",
        "response_feedback",
        "issue_feedback",
    )
    return sorted({month for table in tables for month in store.months(table)})


def batches(store: Store, months: Iterable[str]) -> list[list[str]]:
    """Months in portions of at most some 400,000 feedback (a month is never divided)."""
    counts = store.month_counts("feedback")
    found: list[list[str]] = []
    held = 0
    for month in months:
        count = counts.get(month, 0)
        if not found or held + count > _BATCH_FEEDBACK:
            found.append([])
            held = 0
        found[-1].append(month)
        held += count
    return found


def inputs_by_month(store: Store, rules: Rules, parts: ir.Table, repeats: ir.Table) -> dict[str, str]:
    """A digest for each month of all that its reading depends on, other months included."""
    said: dict[str, list[str]] = {month: [] for month in all_months(store)}
    for table, columns in (
        (parts, ("feedback_id", "root_id")),
        (repeats, ("feedback_id", "duplicate_of", "duplicate_rule", "duplicate_similarity")),
    ):
        keyed = with_key(table, columns)
        by_month = keyed.group_by("month").agg(rows=keyed.count(), digest=keyed[KEY].bit_xor())
        for row in store.frame(by_month).itertuples():
            said[str(row.month)].append(f"{columns} {row.rows} {row.digest}")
    shared = store.digest(*SHARED_INPUTS)
    return {
        month: digest_of(
            rules.digest,
            shared,
            store.digest("feedback", "feedback_update", month=month),
            rules.overrides.digest_by_month.get(month, ""),
            *relations,
        )
        for month, relations in said.items()
    }


def words_ahead(
    store: Store, rules: Rules, decide_words: Decider, folder: Path
) -> Callable[[], ir.Table] | None:
    """Begin to decide on the new words of the months that changed, while copies are looked for.

    None where that does not pay; else what gives the decisions, for `read_months`.
    """
    counts = store.month_counts("feedback")
    changed = [
        month for month in counts if store.mark(_words_mark(month)) != _words_digest(store, rules, month)
    ]
    if not changed or sum(counts[month] for month in changed) > _BATCH_FEEDBACK:
        return None
    rows = with_text_key(store.read("feedback", months=changed), TEXTS.columns, rules=rules.words_digest)
    return texts_ahead(store, rows, TEXTS, decide_words, table="kept_reading", months=changed, folder=folder)


def _words_mark(month: str) -> str:
    """The mark of a month whose words were decided on."""
    return f"understand:words:{month}"


def _words_digest(store: Store, rules: Rules, month: str) -> str:
    """A digest of all that what a month's words say depends on."""
    return digest_of(rules.words_digest, store.digest("feedback", month=month))


def read_months(
    store: Store,
    settings: Settings,
    rules: Rules,
    decide_words: Decider,
    folder: Path,
    *,
    parts: ir.Table,
    repeats: ir.Table,
    months: Sequence[str],
    ahead: ir.Table | None = None,
) -> None:
    """Write update_reading and reading for some months, in the open transaction."""
    updates = _read_updates(store, rules, decide_words, folder, months)
    stored = updates.drop("closing_reason", "at", "is_official")
    store.write("update_reading", stored, months=months)
    reading = _read_feedback(
        store,
        settings,
        rules,
        decide_words,
        folder,
        parts=parts.filter(parts.month.isin(months)),
        repeats=repeats.filter(repeats.month.isin(months)),
        updates=updates,
        months=months,
        ahead=ahead,
    )
    for month in months:
        store.set_mark(_words_mark(month), _words_digest(store, rules, month))
    written = store.write("reading", reading, months=months)
    span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    log.info("understood %s: %d feedback", span, written.row_count)


# -- updates -----------------------------------------------------------------------------------------------------------


def _read_updates(
    store: Store, rules: Rules, decide_words: Decider, folder: Path, months: Sequence[str]
) -> ir.Table:
    """The rows of update_reading, with at, is_official and the closing_reason that the text gives."""
    feedback = store.read("feedback", months=months)
    petitions = feedback.filter(feedback.kind == "petition").select(petition_id="feedback_id")
    updates = store.read("feedback_update", months=months)
    updates = updates.select(
        "update_id", "feedback_id", "source_id", "month", "at", "kind", "is_official", "text"
    )
    updates = with_text_key(updates, UPDATES.columns, rules=rules.words_digest)
    decided = decide_kept(
        store, updates, UPDATES, decide_words, table="kept_update_reading", months=months, folder=folder
    )
    rows = updates.left_join(petitions, updates.feedback_id == petitions.petition_id)
    rows = rows.left_join(decided, TEXT_KEY)
    # Sources often give the day and the address of an answer without its text.
    is_answer = rows.petition_id.notnull() & (rows.kind == "replied") & rows.is_official
    read_updates = rows.select(
        "update_id",
        "feedback_id",
        "source_id",
        "month",
        "at",
        "is_official",
        public_text="own_text",
        closing_reason=is_answer.ifelse("unknown", rows.closing_reason),
        update_class=is_answer.ifelse("substance", rows.rule_class),
        class_rule=is_answer.ifelse(
            PETITION_RULE,
            rows.rule_class.notnull().ifelse(rows.rule_id.fill_null(NO_RULE), ibis.null("string")),
        ),
        redaction_count=rows.taken_out.fill_null(0),
    )
    return overrule_updates(read_updates, rules.overrides, months)


def _closings(feedback: ir.Table, updates: ir.Table) -> ir.Table:
    """For closed feedback: what the note that is nearest to the closing says of the reason."""
    closed = feedback.filter(feedback.closed_at.notnull() & feedback.closing_reason.isnull())
    notes = updates.filter(updates.update_class.notnull()).select(
        "feedback_id", "update_id", "at", "closing_reason", "class_rule"
    )
    pairs = closed.select("feedback_id", "closed_at").inner_join(notes, "feedback_id")
    distance = (pairs["at"].epoch_seconds() - pairs.closed_at.epoch_seconds()).abs()
    pairs = pairs.mutate(distance=distance)
    rank = ibis.row_number().over(
        ibis.window(group_by="feedback_id", order_by=["distance", ibis.desc("at"), ibis.asc("update_id")])
    )
    ranked = pairs.mutate(rank=rank)
    nearest = ranked.filter(ranked.rank == 0)
    return nearest.select(
        note_feedback_id="feedback_id",
        note_reason="closing_reason",
        note_rule=ibis.literal("note:") + nearest.class_rule,
    )


# -- feedback ----------------------------------------------------------------------------------------------------------


def _read_feedback(
    store: Store,
    settings: Settings,
    rules: Rules,
    decide_words: Decider,
    folder: Path,
    *,
    parts: ir.Table,
    repeats: ir.Table,
    updates: ir.Table,
    months: Sequence[str],
    ahead: ir.Table | None,
) -> ir.Table:
    """The rows of reading for some months."""
    feedback = store.read("feedback", months=months)
    rows = with_text_key(feedback, TEXTS.columns, rules=rules.words_digest)
    rows = with_key(rows, ("source_id", "service_code"), name="code_key")
    texts = decide_kept(
        store, rows, TEXTS, decide_words, table="kept_reading", months=months, folder=folder, ahead=ahead
    )
    codes = _decide_codes(store, rules, folder, feedback)
    mentioned = _decide_mentions(store, rules, folder, feedback)
    rows = (
        rows.left_join(texts, TEXT_KEY)
        .left_join(
            label_table(rules.labels), [("source_id", "label_source_id"), ("record_id", "label_record_id")]
        )
        .left_join(codes, [("code_key", "code_key_of")])
        .left_join(mentioned, [("mentions", "mentions_of")])
        .left_join(parts.select(part_id="feedback_id", root_id="root_id"), [("feedback_id", "part_id")])
        .left_join(
            repeats.select("duplicate_of", "duplicate_rule", "duplicate_similarity", repeat_id="feedback_id"),
            [("feedback_id", "repeat_id")],
        )
        .left_join(_closings(feedback, updates), [("feedback_id", "note_feedback_id")])
        .left_join(
            store.read("area").select(area_code_of="area_code", area_name="name"),
            [("area_code", "area_code_of")],
        )
    )
    rows = rows.left_join(_first_speakers(store, months), [("feedback_id", "answered_feedback_id")])
    rows = rows.rename(given_agency="agency_code", given_reason="closing_reason")
    rows = rows.mutate(
        known_agency=ibis.coalesce(
            rows.given_agency.nullif(MISSING_CODE), rows.mentioned_agency, rows.answering_agency
        )
    )
    rows = rows.left_join(agency_topics(settings), [("known_agency", "agency_topic_of")])
    rows = _with_topics(rows, is_every_label_held_out=not rules.has_own_models)
    topics = topic_list(settings).rename(topic_code_of="topic_code")
    rows = rows.left_join(topics, rows.topic_code == topics.topic_code_of)
    return overrule(rows, rules.overrides, months, lambda found: _decided(exclude(found)))


def _with_topics(rows: ir.Table, *, is_every_label_held_out: bool) -> ir.Table:
    """The rows with their topic: a person's label, else the source's code, else the words, else the agency.

    Args:
        rows: feedback with what each of them says.
        is_every_label_held_out: whether no model was made with a label of this site.
    """
    nothing = ibis.null("string")
    rows = rows.mutate(
        judged_topic=ibis.coalesce(rows.code_topic, rows.text_topic, rows.agency_topic, MISSING_CODE),
        # The words may have a rule and no topic: the model is not sure.
        judged_topic_rule=ibis.coalesce(
            rows.code_rule,
            rows.text_topic.notnull().ifelse(rows.text_rule, nothing),
            "agency:" + rows.agency_topic_of,
            rows.text_rule,
            ibis.literal(NO_RULE),
        ),
        is_topic_labelled=rows.labelled_topic.notnull(),
        is_asked=rows.code_topic.isnull(),
    )
    return rows.mutate(
        topic_code=ibis.coalesce(rows.labelled_topic, rows.judged_topic),
        topic_rule=rows.is_topic_labelled.ifelse("label", rows.judged_topic_rule),
        topic_score=rows.is_asked.ifelse(rows.topic_score, ibis.null("float64")),
        topic_reason=rows.is_asked.ifelse(rows.topic_reason, nothing),
        judged_topic_code=rows.is_topic_labelled.ifelse(rows.judged_topic, nothing),
        is_label_held_out=rows.is_labelled_by_chance & (is_every_label_held_out | held_out(rows)),
    )


def _first_speakers(store: Store, months: Sequence[str]) -> ir.Table:
    """The agency that replied first to each feedback that was replied to."""
    updates = store.read("feedback_update", months=months)
    replies = updates.filter(
        updates.is_official
        & (updates.kind == "replied")
        & updates.agency_code.notnull()
        & (updates.agency_code != MISSING_CODE)
    )
    order = replies["at"].cast("string") + replies.update_id
    return replies.group_by(answered_feedback_id="feedback_id").agg(
        answering_agency=replies.agency_code.argmin(order)
    )


def _decided(rows: ir.Table) -> ir.Table:
    """The columns of reading, from all that was found out about each feedback."""
    nothing = ibis.null("string")
    given = rows.given_agency.nullif(MISSING_CODE)
    agency = (
        (given.notnull(), given, ibis.literal("source")),
        (rows.mentioned_agency.notnull(), rows.mentioned_agency, rows.mentioned_rule),
        (rows.answering_agency.notnull(), rows.answering_agency, ibis.literal("reply")),
        (rows.topic_agency_code.notnull(), rows.topic_agency_code, ibis.literal("topic:") + rows.topic_code),
    )
    # What is closed has a reason, and be it "unknown"; what is open has none.
    is_closed = rows.closed_at.notnull()
    reason = ibis.coalesce(rows.given_reason, rows.note_reason, "unknown")
    reason_rule = ibis.cases(
        (rows.given_reason.notnull(), "source"),
        (rows.note_reason.notnull(), rows.note_rule),
        else_=NO_RULE,
    )
    what = rows.topic_name.fill_null(rows.service_code)
    made_title = (rows.kind == "service_request").ifelse(
        place_title(what, rows.area_name.fill_null(rows.area_code)), nothing
    )
    by_kind = {
        name: ibis.cases(*((rows.kind == kind, said[place]) for kind, said in BY_KIND.items()), else_=nothing)
        for place, name in enumerate(("intent", "urgency"))
    }
    by_rule = rows.kind.isin(list(BY_KIND)).ifelse("kind:" + rows.kind, nothing)
    return rows.select(
        "feedback_id",
        "source_id",
        "month",
        "is_counted",
        "exclusion",
        "exclusion_rule",
        "duplicate_of",
        "duplicate_similarity",
        "relevance_score",
        "relevance_reason",
        "is_judged_relevant",
        "is_labelled_relevant",
        "is_labelled_by_chance",
        "is_label_held_out",
        "topic_code",
        "topic_rule",
        "topic_score",
        "topic_reason",
        "judged_topic_code",
        agency_code=ibis.cases(*((test, code) for test, code, _ in agency), else_=MISSING_CODE),
        agency_rule=ibis.cases(*((test, rule) for test, _, rule in agency), else_=NO_RULE),
        closing_reason=is_closed.ifelse(reason, nothing),
        closing_rule=is_closed.ifelse(reason_rule, nothing),
        # A message without words says by its kind what it wants.
        lang=ibis.coalesce(rows.read_lang, rows.lang),
        lang_rule=ibis.coalesce(rows.lang_rule, rows.lang.notnull().ifelse("source", nothing)),
        **{
            name: rows.is_counted.ifelse(
                ibis.coalesce(rows[f"labelled_{name}"], rows[name], by_kind[name]), nothing
            )
            for name in by_kind
        },
        **{
            f"{name}_rule": rows.is_counted.ifelse(
                ibis.coalesce(
                    rows[f"labelled_{name}"].notnull().ifelse("label", nothing), rows[f"{name}_rule"], by_rule
                ),
                nothing,
            )
            for name in by_kind
        },
        **{
            f"judged_{name}": rows[f"labelled_{name}"]
            .notnull()
            .ifelse(ibis.coalesce(rows[name], by_kind[name]), nothing)
            for name in by_kind
        },
        public_title=rows.own_title.fill_null(made_title),
        public_text=rows.own_text,
        redaction_count=rows.taken_out.fill_null(0),
    )


def _decide_codes(store: Store, rules: Rules, folder: Path, feedback: ir.Table) -> ir.Table:
    """The topic of each service code of each source."""
    columns = ("source_id", "service_code")
    coded = with_key(feedback.filter(feedback.service_code.notnull()), columns)
    result = {"code_topic": pa.string(), "code_rule": pa.string()}
    decided = decide(
        store, coded, columns, rules.words.topics.of_code, result=result, path=folder / "codes.parquet"
    )
    return decided.rename(code_key_of=KEY)


def _decide_mentions(store: Store, rules: Rules, folder: Path, feedback: ir.Table) -> ir.Table:
    """The agency of the first official account that each list of mentions names."""

    def read(mentions: str) -> tuple[str, str | None, str | None]:
        for account in mentions.split():
            if account in rules.accounts:
                return mentions, rules.accounts[account], f"mention:{account}"
        return mentions, None, None

    named = with_key(feedback.filter(feedback.mentions.notnull()), ("mentions",))
    result = {"mentions_of": pa.string(), "mentioned_agency": pa.string(), "mentioned_rule": pa.string()}
    decided = decide(store, named, ("mentions",), read, result=result, path=folder / "mentions.parquet")
    return decided.drop(KEY)
