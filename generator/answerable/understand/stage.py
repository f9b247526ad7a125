"""What the program understands of what was gathered: the whole of it, top to bottom.

    understand(store, settings)

First what needs all months at once (conversations and repetitions), by identifiers and hashes alone. Then, month by
month, each update's class and each feedback's topic, agency, reason of closing and public text. Then the groups:
responses and issues. A month whose inputs and rules are what they were is not read again.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.schema import MISSING_CODE
from answerable.understand.classes import (
    SHIPPED_EXCLUSIONS,
    SHIPPED_UPDATE_CLASSES,
    Classified,
    Classifier,
    classifier,
    classify,
    load_exclusion_rules,
    load_update_class_rules,
)
from answerable.understand.duplicates import duplicates
from answerable.understand.intent import BY_KIND, SHIPPED_INTENTS, intent_rules, load_intent_rules
from answerable.understand.issues import write_issues
from answerable.understand.labels import LABELS_FILE, Label, label_table, read_labels
from answerable.understand.linear import load_model
from answerable.understand.privacy import PrivacyContext, Spelling, redact
from answerable.understand.readings import COLUMNS, RESULT, Readers, read_rows
from answerable.understand.relevance import (
    SHIPPED_RELEVANCE,
    RelevanceRules,
    conversation_parts,
    copies,
    exclude,
    relevance_rules,
)
from answerable.understand.responses import write_outcomes, write_responses
from answerable.understand.spelling import site_spelling
from answerable.understand.texts import KEY, decide, decide_batches, keep, scratch, with_key
from answerable.understand.topics import (
    NO_RULE,
    TopicRules,
    agency_topics,
    place_title,
    topic_list,
    topic_rules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["PETITION_RULE", "privacy_context", "understand"]

log = logging.getLogger(__name__)

PETITION_RULE = "petition-answer"
"""The rule by which a government's answer to a petition is of substance: it is what was asked for."""

_BATCH_FEEDBACK = 400_000
_REMEMBERED_TEXTS = 50_000  # texts come again in other months; so many decisions are kept at hand, some 50 MB
_SHARED_INPUTS = ("area",)
_GROUP_INPUTS = ("feedback", "feedback_update", "reading", "update_reading", "register_entry", "area")


@dataclass(frozen=True, slots=True)
class _Rules:
    """All that decides, and a digest of it."""

    classes: Classifier
    relevance: RelevanceRules
    topics: TopicRules
    accounts: Mapping[str, str]
    readers: Readers
    labels: Sequence[Label]
    people: PrivacyContext
    agencies: PrivacyContext
    digest: str


def understand(store: Store, settings: Settings) -> None:
    """Write reading, update_reading, response, response_feedback, outcome, issue and issue_feedback.

    With nothing changed since the last time nothing is done.

    Raises:
        SettingsError: a rule file is wrong.
    """
    rules = _rules(store, settings)
    gathered = _digest(
        rules.digest, store.digest("feedback", "feedback_update", "register_entry", *_SHARED_INPUTS)
    )
    if store.mark("understand") == gathered:
        log.info("understood already")
        return
    with scratch(store) as folder:
        parts = keep(store, conversation_parts(store.read("feedback")), folder / "parts.parquet")
        repeats = duplicates(store.read("feedback"), parts)
        repeats = keep(store, copies(store.read("feedback"), repeats), folder / "repeats.parquet")
        inputs = _inputs_by_month(store, rules, parts, repeats)
        stale = [month for month, digest in inputs.items() if store.mark(f"understand:{month}") != digest]
        for months in _batches(store, stale):
            with scratch(store) as steps, store.transaction():
                _read_months(store, settings, rules, steps, parts=parts, repeats=repeats, months=months)
                for month in months:
                    store.set_mark(f"understand:{month}", inputs[month])
        groups = _digest(rules.digest, store.digest(*_GROUP_INPUTS))
        with store.transaction():
            if store.mark("understand:groups") != groups:
                batches = _batches(store, _all_months(store))
                say = _redactor(rules.agencies)
                write_outcomes(store, say)
                write_responses(store, folder, batches, say)
                write_issues(
                    store,
                    settings,
                    folder,
                    parts=parts,
                    batches=batches,
                    redact=_redactor(rules.people),
                )
                store.set_mark("understand:groups", groups)
            store.set_mark("relevance_threshold", str(rules.readers.relevance.card.threshold))
            store.set_mark("understand", gathered)


# -- rules -------------------------------------------------------------------------------------------------------------


def privacy_context(
    store: Store, settings: Settings, *, is_of_agency: bool, spelling: Spelling | None = None
) -> PrivacyContext:
    """What the site knows that the privacy of its texts depends on: its accounts, and words that are no names.

    Args:
        store: for the names of the areas.
        settings: for the names of agencies, services and topics.
        is_of_agency: whether the texts are an agency's own, whose staff sign with initials.
        spelling: how the site's texts write their words, where that is known.
    """
    areas = [row for batch in store.batches(store.read("area").select("name")) for row in batch.to_pylist()]
    names = (
        settings.site.name,
        *(name for a in settings.agencies for name in (a.name, *a.names)),
        *(s.name for s in settings.services),
        *(t.name for t in settings.topics),
        *(row["name"] for row in areas),
    )
    words = frozenset(word.casefold() for name in names for word in re.findall(r"[^\W\d_]{2,}", name))
    return PrivacyContext(
        official_handles=frozenset(settings.agency_by_account),
        ordinary_words=words,
        spelling=spelling,
        has_staff_initials=is_of_agency,
    )


def _rules(store: Store, settings: Settings) -> _Rules:
    classes = _files(settings, "update_classes.yml", SHIPPED_UPDATE_CLASSES)
    exclusions = _files(settings, "exclusions.yml", SHIPPED_EXCLUSIONS)
    intents = _files(settings, "intents.yml", SHIPPED_INTENTS)
    spelling = site_spelling(store)
    here = Path(__file__).parent
    # The program's own files count among the rules: what they decide changes with them.
    files = [*classes, *exclusions, *intents, *sorted(here.glob("*.py")), *sorted(here.glob("rules/*.yml"))]
    model = settings.lookup("relevance.json")
    # A model's JSON holds the checksum of its weights.
    files += sorted(here.glob("models/*.json"))
    labels = settings.lookup(LABELS_FILE)
    files += [path for path in (model, labels) if path.exists()]
    told = (
        *(part.model_dump_json() for part in (*settings.agencies, *settings.services, *settings.topics)),
        *(f"{source.id} {source.publish_rows}" for source in settings.sources),
        settings.site.name,
        "" if spelling is None else spelling.digest(),
    )
    return _Rules(
        classes=classifier(load_update_class_rules(classes)),
        relevance=relevance_rules(load_exclusion_rules(exclusions)),
        topics=topic_rules(settings.topics),
        accounts=settings.agency_by_account,
        readers=Readers(
            relevance=load_model(model if model.exists() else SHIPPED_RELEVANCE),
            intent=load_model(SHIPPED_RELEVANCE.with_name("intent.json")),
            urgency=load_model(SHIPPED_RELEVANCE.with_name("urgency.json")),
            rules=intent_rules(load_intent_rules(intents)),
            # In a post an account of another server stands without it.
            accounts=frozenset(
                name
                for account in settings.agency_by_account
                for name in (account, account.partition("@")[0])
            ),
        ),
        labels=read_labels(labels),
        people=privacy_context(store, settings, is_of_agency=False, spelling=spelling),
        agencies=privacy_context(store, settings, is_of_agency=True, spelling=spelling),
        digest=_digest(*told, *(hashlib.blake2b(path.read_bytes()).hexdigest() for path in files)),
    )


def _files(settings: Settings, name: str, shipped: Path) -> list[Path]:
    """The project's own rule file, where it has one, before the shipped one."""
    own = settings.lookup(name)
    return [own, shipped] if own.exists() else [shipped]


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def _redactor(context: PrivacyContext) -> Callable[[str], str]:
    return lambda text: redact(text, context).text


# -- months ------------------------------------------------------------------------------------------------------------


def _all_months(store: Store) -> list[str]:
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


def _batches(store: Store, months: Iterable[str]) -> list[list[str]]:
    """Months in portions of at most some 400,000 feedback (a month is never divided)."""
    counts = store.month_counts("feedback")
    batches: list[list[str]] = []
    held = 0
    for month in months:
        count = counts.get(month, 0)
        if not batches or held + count > _BATCH_FEEDBACK:
            batches.append([])
            held = 0
        batches[-1].append(month)
        held += count
    return batches


def _inputs_by_month(store: Store, rules: _Rules, parts: ir.Table, repeats: ir.Table) -> dict[str, str]:
    """A digest for each month of all that its reading depends on, other months included."""
    said: dict[str, list[str]] = {month: [] for month in _all_months(store)}
    for table, columns in (
        (parts, ("feedback_id", "root_id")),
        (repeats, ("feedback_id", "duplicate_of", "duplicate_rule")),
    ):
        keyed = with_key(table, columns)
        by_month = keyed.group_by("month").agg(rows=keyed.count(), digest=keyed[KEY].bit_xor())
        for row in store.frame(by_month).itertuples():
            said[str(row.month)].append(f"{columns} {row.rows} {row.digest}")
    shared = store.digest(*_SHARED_INPUTS)
    return {
        month: _digest(
            rules.digest, shared, store.digest("feedback", "feedback_update", month=month), *relations
        )
        for month, relations in said.items()
    }


def _read_months(
    store: Store,
    settings: Settings,
    rules: _Rules,
    folder: Path,
    *,
    parts: ir.Table,
    repeats: ir.Table,
    months: Sequence[str],
) -> None:
    """Write update_reading and reading for some months, in the open transaction."""
    updates = _read_updates(store, rules, folder, months)
    stored = updates.drop("closing_reason", "at", "is_official")
    store.write("update_reading", stored, months=months)
    reading = _read_feedback(
        store,
        settings,
        rules,
        folder,
        parts=parts.filter(parts.month.isin(months)),
        repeats=repeats.filter(repeats.month.isin(months)),
        updates=updates,
        months=months,
    )
    written = store.write("reading", reading, months=months)
    span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    log.info("understood %s: %d feedback", span, written.row_count)


# -- updates -----------------------------------------------------------------------------------------------------------


def _read_updates(store: Store, rules: _Rules, folder: Path, months: Sequence[str]) -> ir.Table:
    """The rows of update_reading, with at, is_official and the closing_reason that the text gives."""

    @lru_cache(maxsize=_REMEMBERED_TEXTS)
    def read(text: str, is_official: bool) -> tuple[str | None, str | None, str | None, str, int]:  # noqa: FBT001
        found = classify(text, rules.classes) if is_official else Classified(None, "unknown", None)
        redacted = redact(text, rules.agencies if is_official else rules.people)
        return found.update_class, found.rule_id, found.closing_reason, redacted.text, redacted.count

    feedback = store.read("feedback", months=months)
    petitions = feedback.filter(feedback.kind == "petition").select(petition_id="feedback_id")
    updates = store.read("feedback_update", months=months)
    updates = with_key(
        updates.select("update_id", "feedback_id", "source_id", "month", "at", "kind", "is_official", "text"),
        ("text", "is_official"),
    )
    decided = decide(
        store,
        updates.filter(updates.text.notnull()),
        ("text", "is_official"),
        read,
        result={
            "rule_class": pa.string(),
            "rule_id": pa.string(),
            "closing_reason": pa.string(),
            "public_text": pa.string(),
            "taken_out": pa.int64(),
        },
        path=folder / "updates.parquet",
    )
    rows = updates.left_join(petitions, updates.feedback_id == petitions.petition_id)
    rows = rows.left_join(decided, KEY)
    # Sources often give the day and the address of an answer without its text.
    is_answer = rows.petition_id.notnull() & (rows.kind == "replied") & rows.is_official
    return rows.select(
        "update_id",
        "feedback_id",
        "source_id",
        "month",
        "at",
        "is_official",
        "public_text",
        closing_reason=is_answer.ifelse("unknown", rows.closing_reason),
        update_class=is_answer.ifelse("substance", rows.rule_class),
        class_rule=is_answer.ifelse(
            PETITION_RULE,
            rows.rule_class.notnull().ifelse(rows.rule_id.fill_null(NO_RULE), ibis.null("string")),
        ),
        redaction_count=rows.taken_out.fill_null(0),
    )


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
    rules: _Rules,
    folder: Path,
    *,
    parts: ir.Table,
    repeats: ir.Table,
    updates: ir.Table,
    months: Sequence[str],
) -> ir.Table:
    """The rows of reading for some months."""
    feedback = store.read("feedback", months=months)
    rows = with_key(feedback, ("kind", "title", "text"))
    rows = with_key(rows, ("source_id", "service_code"), name="code_key")
    texts = _decide_texts(store, rules, folder, rows)
    rows = with_key(rows, ("kind", "title", "text", "lang"), name="reading_key")
    readings = _decide_readings(store, rules, folder, rows.left_join(texts, KEY))
    codes = _decide_codes(store, rules, folder, feedback)
    mentioned = _decide_mentions(store, rules, folder, feedback)
    rows = (
        rows.left_join(texts, KEY)
        .left_join(readings, [("reading_key", "reading_key_of")])
        .left_join(
            label_table(rules.labels), [("source_id", "label_source_id"), ("record_id", "label_record_id")]
        )
        .left_join(codes, [("code_key", "code_key_of")])
        .left_join(mentioned, [("mentions", "mentions_of")])
        .left_join(parts.select(part_id="feedback_id", root_id="root_id"), [("feedback_id", "part_id")])
        .left_join(
            repeats.select("duplicate_of", "duplicate_rule", repeat_id="feedback_id"),
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
    rows = rows.mutate(
        topic_code=ibis.coalesce(rows.code_topic, rows.text_topic, rows.agency_topic, MISSING_CODE),
        topic_rule=ibis.coalesce(
            rows.code_rule, rows.text_rule, "agency:" + rows.agency_topic_of, ibis.literal(NO_RULE)
        ),
    )
    topics = topic_list(settings).rename(topic_code_of="topic_code")
    rows = rows.left_join(topics, rows.topic_code == topics.topic_code_of)
    return _decided(exclude(rows))


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
        "relevance_score",
        "relevance_reason",
        "is_judged_relevant",
        "is_labelled_relevant",
        "is_labelled_by_chance",
        "topic_code",
        "topic_rule",
        "public_text",
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
        public_title=rows.own_title.fill_null(made_title),
        redaction_count=rows.taken_out.fill_null(0),
    )


def _decide_texts(store: Store, rules: _Rules, folder: Path, rows: ir.Table) -> ir.Table:
    """What the words of a feedback say: its topic, whether it is relevant, and what may be published of them."""

    @lru_cache(maxsize=_REMEMBERED_TEXTS)
    def read(kind: str, title: str | None, text: str | None) -> tuple[str | int | None, ...]:
        whole = "\n".join(part for part in (title, text) if part)
        topic, topic_rule = rules.topics.of_text(whole)
        own_title = None if title is None else redact(title, rules.people)
        own_text = None if text is None else redact(text, rules.people)
        return (
            topic,
            topic_rule,
            rules.relevance.excluded_by(kind, whole),
            own_title.text if own_title and own_title.text else None,
            own_text.text if own_text and own_text.text else None,
            sum(part.count for part in (own_title, own_text) if part),
        )

    return decide(
        store,
        rows.filter(rows.title.notnull() | rows.text.notnull()),
        ("kind", "title", "text"),
        read,
        result={
            "text_topic": pa.string(),
            "text_rule": pa.string(),
            "irrelevance_rule": pa.string(),
            "own_title": pa.string(),
            "public_text": pa.string(),
            "taken_out": pa.int64(),
        },
        path=folder / "texts.parquet",
    )


def _decide_readings(store: Store, rules: _Rules, folder: Path, rows: ir.Table) -> ir.Table:
    """What the words of a feedback say of its language, its relevance, what it wants and how urgently."""
    worded = with_key(
        rows.filter(rows.title.notnull() | rows.text.notnull()), ("kind", "title", "text", "lang")
    )
    decided = decide_batches(
        store,
        worded,
        COLUMNS,
        lambda batch: read_rows(batch, rules.readers),
        result=RESULT,
        path=folder / "readings.parquet",
    )
    return decided.rename(reading_key_of=KEY)


def _decide_codes(store: Store, rules: _Rules, folder: Path, feedback: ir.Table) -> ir.Table:
    """The topic of each service code of each source."""
    columns = ("source_id", "service_code")
    coded = with_key(feedback.filter(feedback.service_code.notnull()), columns)
    result = {"code_topic": pa.string(), "code_rule": pa.string()}
    decided = decide(
        store, coded, columns, rules.topics.of_code, result=result, path=folder / "codes.parquet"
    )
    return decided.rename(code_key_of=KEY)


def _decide_mentions(store: Store, rules: _Rules, folder: Path, feedback: ir.Table) -> ir.Table:
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
