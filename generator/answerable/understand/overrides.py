"""What people decided in place of the program: ``data/lookups/overrides.yml``.

    feedback:
      - about: portal:4711            # SOURCE:RECORD, or a feedback_id
        topic: lamps                  # any of is_relevant, duplicate_of, topic, agency, intent, urgency, closing_reason
        duplicate_of: none            # or the feedback that it repeats
        reason: The words say lamp, the code was chosen in haste.
        reviewer: A. Reviewer
        reviewed_on: 2026-03-02
        expires_on: 2027-03-02        # optional: from that day on it no longer holds
    updates:
      - about: 9a0364b9e99bb480       # an update_id, or SOURCE:RECORD of an official post
        update_class: deflection
    links:
      - decision: accept              # or reject
        answer: posts:112233          # an official post, or (to reject) a response_id
        about: portal:4711            # the feedback that it answers

(each with ``reason``, ``reviewer`` and ``reviewed_on``.) What the program had decided stays beside it, and every
decision is published: nobody can hide a complaint quietly. A decision that matches nothing (any more), or that has
expired, is a finding. Days count by the data: the newest date of a source, not the computer's clock.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from answerable import schema
from answerable.errors import SettingsError
from answerable.setting_types import Code, Model, did_you_mean
from answerable.settings import load_yaml
from answerable.understand.classes import known, reason_of_class

if TYPE_CHECKING:
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.issue_decisions import IssueDecision

__all__ = [
    "NOTHING",
    "OVERRIDES_FILE",
    "Applied",
    "FeedbackOverride",
    "LinkOverride",
    "Override",
    "Overrides",
    "UpdateOverride",
    "apply_overrides",
    "automatic_decisions",
    "overrule",
    "overrule_updates",
    "read_overrides",
    "write_override_log",
]

OVERRIDES_FILE = "overrides.yml"
"""Its name under data/lookups/."""

NOTHING = "none"
"""What ``duplicate_of`` says where something repeats nothing."""

_FEEDBACK_ID = re.compile(r"[0-9a-f]{16}")
_SHORTEST_REASON = 10


def _quoted(value: object) -> object:
    """YAML reads an id of sixteen decimal digits as a number, and loses a nought before it."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError("write this id in quotes")  # noqa: TRY004  pydantic knows ValueError
    return value


def _feedback(value: str) -> str:
    if not (_FEEDBACK_ID.fullmatch(value) or all(value.partition(":"))):
        raise ValueError(
            "feedback is named by its id, 16 digits from 0 to f, or as SOURCE:RECORD, such as square:1234"
        )
    return value


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("has to be one line of ordinary characters")
    return value


def _one_of(values: Iterable[str], name: str) -> AfterValidator:
    return AfterValidator(lambda value: known(value, list(values), name))


_Name = Annotated[str, BeforeValidator(_quoted), AfterValidator(_feedback)]
_Id = Annotated[str, BeforeValidator(_quoted), AfterValidator(_line), Field(min_length=1)]
_Intent = Annotated[str, _one_of(schema.INTENTS, "intent")]
_Urgency = Annotated[str, _one_of(schema.URGENCIES, "urgency")]
_ClosingReason = Annotated[str, _one_of(schema.CLOSING_REASONS, "reason of closing")]
_UpdateClass = Annotated[str, _one_of(schema.UPDATE_CLASSES, "class of update")]


class Override(Model):
    """What every decision says.

    Attributes:
        reason: why, in a sentence for the public.
        reviewer: who stands for it.
        reviewed_on: since when.
        expires_on: the first day on which it no longer holds; None where it holds until it is taken back.
    """

    reason: Annotated[str, AfterValidator(_line)] = Field(min_length=_SHORTEST_REASON, max_length=500)
    reviewer: Annotated[str, AfterValidator(_line)] = Field(min_length=1, max_length=80)
    reviewed_on: date
    expires_on: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.expires_on is not None and self.expires_on <= self.reviewed_on:
            raise ValueError("expires_on has to be later than reviewed_on")
        return self

    def is_expired(self, on: date | None) -> bool:
        """Whether it no longer holds on that day; where no day is known, everything holds."""
        return self.expires_on is not None and on is not None and on >= self.expires_on

    @property
    def rule(self) -> str:
        """What stands where else the rule of a decision stands."""
        return f"override:{self.reviewer}"


class FeedbackOverride(Override):
    """Decisions about one feedback: what is not named stays as the program decided.

    ``topic`` and ``agency`` are codes of the site; ``duplicate_of`` names feedback, or is ``none``.
    """

    about: _Name
    is_relevant: bool | None = None
    duplicate_of: _Name | Literal["none"] | None = None
    topic: Code | None = None
    agency: Code | None = None
    intent: _Intent | None = None
    urgency: _Urgency | None = None
    closing_reason: _ClosingReason | None = None

    @model_validator(mode="after")
    def _decides_something(self) -> Self:
        if not self.decided:
            raise ValueError(f"decides nothing: add one of {', '.join(_FIELDS)}")
        if self.duplicate_of == self.about:
            raise ValueError("nothing repeats itself: take duplicate_of out, or write none")
        return self

    @property
    def decided(self) -> dict[str, str]:
        """What is decided, in words, by the name of the decision."""
        values = {name: getattr(self, name) for name in _FIELDS}
        return {name: _words(value) for name, value in values.items() if value is not None}


_FIELDS = ("is_relevant", "duplicate_of", "topic", "agency", "intent", "urgency", "closing_reason")


def _words(value: str | bool) -> str:  # noqa: FBT001
    return value if isinstance(value, str) else ("yes" if value else "no")


class UpdateOverride(Override):
    """The class of one update, or of what one official post says."""

    about: _Id
    update_class: _UpdateClass


class LinkOverride(Override):
    """Whether an official post, or a response, answers a feedback."""

    decision: Literal["accept", "reject"]
    answer: _Name
    about: _Name

    @model_validator(mode="after")
    def _is_a_link(self) -> Self:
        if self.answer == self.about:
            raise ValueError("nothing answers itself")
        return self


class Overrides(Model):
    """All decisions of a project's file."""

    feedback: tuple[FeedbackOverride, ...] = ()
    updates: tuple[UpdateOverride, ...] = ()
    links: tuple[LinkOverride, ...] = ()


def read_overrides(path: Path, settings: Settings) -> Overrides:
    """The decisions of a file; none where there is no file.

    Raises:
        SettingsError: the file is wrong, names a topic, agency or source that the site does not know, or decides
            the same thing twice.
    """
    if not path.exists():
        return Overrides()
    found = load_yaml(path, Overrides)
    topics, agencies = settings.topic_by_code, settings.agency_by_code
    for entry in found.feedback:
        for what, code, codes in (("topic", entry.topic, topics), ("agency", entry.agency, agencies)):
            if code is not None and code not in codes:
                _wrong(path, code, f"there is no {what} {code}{did_you_mean(code, codes)}")
    names = [
        *(name for e in found.feedback for name in (e.about, e.duplicate_of) if name not in {None, NOTHING}),
        *(e.about for e in found.updates if ":" in e.about),
        *(name for e in found.links for name in (e.answer, e.about)),
    ]
    for name in names:
        source_id, _, record_id = str(name).partition(":")
        if record_id and source_id not in settings.source_by_id:
            near = did_you_mean(source_id, settings.source_by_id)
            _wrong(path, str(name), f"{name}: there is no source {source_id}{near}")
    _check_once(
        path,
        [
            *((e.about, name) for e in found.feedback for name in e.decided),
            *((e.about, "update_class") for e in found.updates),
            *((e.about, f"the link to {e.answer}") for e in found.links),
        ],
    )
    return found


def _check_once(path: Path, decided: Iterable[tuple[str, str]]) -> None:
    seen: set[tuple[str, str]] = set()
    for about, what in decided:
        if (about, what) in seen:
            _wrong(path, about, f"{about}: {what} is decided twice", "keep one of the two")
        seen.add((about, what))


def _wrong(path: Path, word: str, what: str, remedy: str = "") -> None:
    lines = path.read_text("utf-8").splitlines()
    line = max((number for number, text in enumerate(lines, 1) if word in text), default=None)
    raise SettingsError(what, file=path, line=line, remedy=remedy)


# -- what they are about -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision with what it is about, as far as that is held.

    ``feedback_id`` and ``source_id`` are of the feedback (of the answered one, for a link); ``automatic`` is what the
    program decides, where that is known without reading.
    """

    about: str
    name: str
    decision: str
    to_value: str
    override: Override
    is_matched: bool
    is_expired: bool
    feedback_id: str | None = None
    source_id: str | None = None
    update_id: str | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The decisions that hold now, found in the data, as small tables; and all of them, for the public log.

    Attributes:
        entries: every decision.
        feedback: ``set_id`` (feedback_id), ``month``, and for each of ``_FIELDS`` its value and rule.
        updates: ``set_id`` (update_id or, of an official post, feedback_id), ``set_class``, ``set_rule``, ``month``.
        accepted: ``post_id``, ``feedback_id``.
        rejected: ``answer_id`` (response_id, or feedback_id of an official post), ``feedback_id``.
        digest: of all that is in it.
        digest_by_month: of what touches the reading of each month.
    """

    entries: tuple[Entry, ...]
    feedback: pa.Table
    updates: pa.Table
    accepted: pa.Table
    rejected: pa.Table
    digest: str
    digest_by_month: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Held:
    feedback_id: str
    source_id: str
    month: str
    is_official: bool


def apply_overrides(store: Store, settings: Settings) -> Applied:
    """The decisions of a project, found in what was gathered. Nothing is asked of the store where there are none.

    Raises:
        SettingsError: the file is wrong, or messages repeat each other in a circle.
    """
    path = settings.lookup(OVERRIDES_FILE)
    given = read_overrides(path, settings)
    everything = (*given.feedback, *given.updates, *given.links)
    if not everything:
        return _applied((), [], [], [], [])
    on = _date_of_data(store)
    held = _held(store, given)
    updates = _held_updates(store, [e.about for e in given.updates])
    entries = [
        *_feedback_entries(given.feedback, held, on),
        *_update_entries(given.updates, held, updates, on),
        *_link_entries(given.links, held, on),
    ]
    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.about == "feedback" and entry.is_matched and not entry.is_expired and entry.feedback_id:
            row = rows.setdefault(
                entry.feedback_id, {"set_id": entry.feedback_id, "month": held[entry.name].month}
            )
            _set(row, entry, held, settings)
    _repeat(rows, held, path)
    applied = [e for e in entries if e.is_matched and not e.is_expired]
    classes = [
        {
            "set_id": e.update_id,
            "set_class": e.to_value,
            "set_rule": e.override.rule,
            "month": updates[e.name].month if e.name in updates else held[e.name].month,
        }
        for e in applied
        if e.about == "update"
    ]
    links = [e for e in applied if e.about == "link"]
    accepted = [
        {"post_id": e.update_id, "feedback_id": e.feedback_id} for e in links if e.to_value == "answers it"
    ]
    rejected = [
        {"answer_id": e.update_id, "feedback_id": e.feedback_id} for e in links if e.to_value != "answers it"
    ]
    return _applied(entries, list(rows.values()), classes, accepted, rejected)


def _date_of_data(store: Store) -> date | None:
    """The newest date of a source; else the day on which the newest feedback was raised."""
    newest = store.con.to_pyarrow(store.read("source").as_of_at.max()).as_py()
    if newest is None:
        newest = store.con.to_pyarrow(store.read("feedback").created_at.max()).as_py()
    return newest.date() if isinstance(newest, datetime) else None


def _held(store: Store, given: Overrides) -> dict[str, _Held]:
    """The feedback that is held of all that is named, by its name."""
    names = {
        *(name for e in given.feedback for name in (e.about, e.duplicate_of) if name not in {None, NOTHING}),
        *(e.about for e in given.updates),
        *(name for e in given.links for name in (e.answer, e.about)),
    }
    parts = {str(name): str(name).partition(":") for name in names}
    records = {name: (source, record) for name, (source, _, record) in parts.items() if record}
    ids = [name for name in parts if name not in records]
    feedback = store.read("feedback").select("feedback_id", "source_id", "record_id", "month", "is_official")
    wanted = ibis.memtable(
        pa.table(
            {
                "source_id": pa.array([source for source, _ in records.values()], pa.string()),
                "record_id": pa.array([record for _, record in records.values()], pa.string()),
            }
        )
    )
    found = [
        row
        for expr in (
            feedback.semi_join(wanted, ["source_id", "record_id"]) if records else None,
            feedback.filter(feedback.feedback_id.isin(ids)) if ids else None,
        )
        if expr is not None
        for batch in store.batches(expr)
        for row in batch.to_pylist()
    ]
    held: dict[str, _Held] = {}
    for row in found:
        one = _Held(row["feedback_id"], row["source_id"], row["month"], row["is_official"])
        held[f"{row['source_id']}:{row['record_id']}"] = held[row["feedback_id"]] = one
    return {str(name): held[str(name)] for name in names if str(name) in held}


def _held_updates(store: Store, names: Sequence[str]) -> dict[str, _Held]:
    """The updates that are held of those named; ``feedback_id`` is that of the feedback that they are about."""
    if not names:
        return {}
    updates = store.read("feedback_update").select("update_id", "feedback_id", "source_id", "month")
    wanted = updates.filter(updates.update_id.isin(list(names)))
    return {
        row["update_id"]: _Held(row["feedback_id"], row["source_id"], row["month"], False)
        for batch in store.batches(wanted)
        for row in batch.to_pylist()
    }


def _feedback_entries(
    given: Sequence[FeedbackOverride], held: Mapping[str, _Held], on: date | None
) -> Iterator[Entry]:
    for override in given:
        one = held.get(override.about)
        for decision, value in override.decided.items():
            is_there = decision != "duplicate_of" or value == NOTHING or value in held
            yield Entry(
                "feedback",
                override.about,
                decision,
                value,
                override,
                is_matched=one is not None and is_there,
                is_expired=override.is_expired(on),
                feedback_id=one.feedback_id if one else None,
                source_id=one.source_id if one else _source_of(override.about),
            )


def _source_of(name: str) -> str | None:
    source_id, _, record_id = name.partition(":")
    return source_id if record_id else None


def _update_entries(
    given: Sequence[UpdateOverride], held: Mapping[str, _Held], updates: Mapping[str, _Held], on: date | None
) -> Iterator[Entry]:
    for override in given:
        update, post = updates.get(override.about), held.get(override.about)
        # A message of a person has no class; its update may.
        post = post if post is not None and post.is_official else None
        one = update or post
        yield Entry(
            "update",
            override.about,
            "update_class",
            override.update_class,
            override,
            is_matched=one is not None,
            is_expired=override.is_expired(on),
            feedback_id=one.feedback_id if one else None,
            source_id=one.source_id if one else _source_of(override.about),
            update_id=override.about if update else (post.feedback_id if post else None),
        )


def _link_entries(
    given: Sequence[LinkOverride], held: Mapping[str, _Held], on: date | None
) -> Iterator[Entry]:
    for override in given:
        post, about = held.get(override.answer), held.get(override.about)
        is_accepted = override.decision == "accept"
        answer_id = post.feedback_id if post and post.is_official else None
        if post is None and not is_accepted and _FEEDBACK_ID.fullmatch(override.answer):
            # A response's: whether there is one is known only once responses are written.
            answer_id = override.answer
        yield Entry(
            "link",
            f"{override.answer} \u2192 {override.about}",
            "link",
            "answers it" if is_accepted else "does not answer it",
            override,
            is_matched=answer_id is not None and about is not None and not about.is_official,
            is_expired=override.is_expired(on),
            feedback_id=about.feedback_id if about else None,
            source_id=about.source_id if about else _source_of(override.about),
            update_id=answer_id,
        )


def _set(row: dict[str, Any], entry: Entry, held: Mapping[str, _Held], settings: Settings) -> None:
    """Put one decision into the row of its feedback."""
    value: Any = entry.to_value
    if entry.decision == "is_relevant":
        value = value == "yes"
    elif entry.decision == "duplicate_of":
        value = "" if value == NOTHING else held[value].feedback_id
    elif entry.decision == "topic":
        topic = settings.topic_by_code[value]
        row["set_topic_name"], row["set_topic_agency"] = topic.name, settings.topic_agency(topic)
    row[f"set_{entry.decision}"] = value
    row[f"set_{entry.decision}_rule"] = entry.override.rule


def _repeat(rows: dict[str, dict[str, Any]], held: Mapping[str, _Held], path: Path) -> None:
    """What is repeated stands for itself: else each of two could be a copy of the other, and none would count."""
    into = {name: row["set_duplicate_of"] for name, row in rows.items() if row.get("set_duplicate_of")}
    for start in into:
        at, seen = start, {start}
        while at in into:
            at = into[at]
            if at in seen:
                raise SettingsError(
                    f"the messages that {start} repeats lead back to it",
                    file=path,
                    remedy="decide which of them counts: take its duplicate_of out",
                )
            seen.add(at)
    month_of = {one.feedback_id: one.month for one in held.values()}
    for repeated in sorted(set(into.values()) - into.keys()):
        row = rows.setdefault(repeated, {"set_id": repeated, "month": month_of[repeated]})
        row.setdefault("set_duplicate_of", "")
        row.setdefault("set_duplicate_of_rule", rows[_first(into, repeated)]["set_duplicate_of_rule"])


def _first(into: Mapping[str, str], repeated: str) -> str:
    return min(name for name, target in into.items() if target == repeated)


_SET_TYPES = {
    "set_id": pa.string(),
    "month": pa.string(),
    "set_topic_name": pa.string(),
    "set_topic_agency": pa.string(),
    **{f"set_{name}": pa.bool_() if name == "is_relevant" else pa.string() for name in _FIELDS},
    **{f"set_{name}_rule": pa.string() for name in _FIELDS},
}


def _applied(
    entries: Sequence[Entry],
    feedback: Sequence[Mapping[str, Any]],
    updates: Sequence[Mapping[str, Any]],
    accepted: Sequence[Mapping[str, Any]],
    rejected: Sequence[Mapping[str, Any]],
) -> Applied:
    text = pa.string()
    by_month: dict[str, list[str]] = defaultdict(list)
    for row in (*feedback, *updates):
        by_month[row["month"]].append(repr(sorted((k, v) for k, v in row.items() if v is not None)))
    told = [
        repr((e.about, e.name, e.decision, e.to_value, e.override.model_dump(), e.is_matched, e.is_expired))
        for e in entries
    ]
    told += [repr(sorted(row.items())) for row in (*accepted, *rejected)]
    digests = {month: _digest(sorted(rows)) for month, rows in by_month.items()}
    return Applied(
        tuple(entries),
        _table(feedback, _SET_TYPES),
        _table(updates, {"set_id": text, "set_class": text, "set_rule": text, "month": text}),
        _table(accepted, {"post_id": text, "feedback_id": text}),
        _table(rejected, {"answer_id": text, "feedback_id": text}),
        _digest([*sorted(told), *(f"{m} {d}" for m, d in sorted(digests.items()))]) if entries else "",
        digests,
    )


def _table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()})


def _digest(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


# -- applying them -----------------------------------------------------------------------------------------------------


def _of_months(table: pa.Table, months: Sequence[str]) -> ir.Table | None:
    """The rows that touch some months; None where there are none, so that nothing is joined."""
    kept = [row for row in table.to_pylist() if row["month"] in set(months)]
    return (
        ibis.memtable(pa.Table.from_pylist(kept, schema=table.schema).drop_columns("month")) if kept else None
    )


def overrule(
    rows: ir.Table, applied: Applied, months: Sequence[str], decide: Callable[[ir.Table], ir.Table]
) -> ir.Table:
    """The rows of ``reading`` of some months as people decided them, with what the program had decided.

    Args:
        rows: what was found out about each feedback, as ``decide`` needs it.
        applied: `apply_overrides`.
        months: those of the rows.
        decide: from such rows to the columns of ``reading`` (without ``automatic``).
    """
    nothing = ibis.null("string")
    few = _of_months(applied.feedback, months)
    if few is None:
        return decide(rows).mutate(automatic=nothing)
    before = decide(rows.semi_join(few, rows.feedback_id == few.set_id))
    before = before.select(
        before_id="feedback_id",
        **{f"before_{c}": c for c in before.columns if c not in {"feedback_id", "source_id", "month"}},
    )
    decided = decide(_prepared(rows.left_join(few, rows.feedback_id == few.set_id)))
    columns = decided.columns
    both = decided.left_join(few, decided.feedback_id == few.set_id)
    both = both.left_join(before, both.feedback_id == before.before_id)

    def chosen(name: str, column: str, *, where: ir.BooleanValue) -> dict[str, ir.Value]:
        is_set = both[f"set_{name}_rule"].notnull() & where
        return {
            column: is_set.ifelse(both[f"set_{name}"], both[column]),
            f"{_rule_of(column)}": is_set.ifelse(both[f"set_{name}_rule"], both[_rule_of(column)]),
        }

    is_told = both.set_is_relevant_rule.notnull()
    return both.mutate(
        # A label stays what that person said: it also measures how often the program is right.
        is_labelled_relevant=is_told.ifelse(both.before_is_labelled_relevant, both.is_labelled_relevant),
        is_judged_relevant=both.set_id.notnull().ifelse(
            both.before_is_judged_relevant, both.is_judged_relevant
        ),
        exclusion_rule=(is_told & (both.exclusion == "irrelevant")).ifelse(
            both.set_is_relevant_rule, both.exclusion_rule
        ),
        **chosen("agency", "agency_code", where=ibis.literal(True)),
        **chosen("intent", "intent", where=both.is_counted),
        **chosen("urgency", "urgency", where=both.is_counted),
        **chosen("closing_reason", "closing_reason", where=both.closing_reason.notnull()),
        # Where a person decides, it is no label that overrules the program.
        **{
            f"judged_{column}": both[f"set_{name}_rule"]
            .notnull()
            .ifelse(ibis.null("string"), both[f"judged_{column}"])
            for name, column in (("topic", "topic_code"), ("intent", "intent"), ("urgency", "urgency"))
        },
        automatic=_automatic(both),
    ).select(*columns, "automatic")


def _rule_of(column: str) -> str:
    return {"closing_reason": "closing_rule"}.get(column, f"{column.removesuffix('_code')}_rule")


def _prepared(rows: ir.Table) -> ir.Table:
    """The rows with what decides about relevance, repetition and topic set as people decided."""
    is_repeat, is_topic = rows.set_duplicate_of_rule.notnull(), rows.set_topic_rule.notnull()
    return rows.mutate(
        is_labelled_relevant=ibis.coalesce(rows.set_is_relevant, rows.is_labelled_relevant),
        duplicate_of=is_repeat.ifelse(rows.set_duplicate_of.nullif(""), rows.duplicate_of),
        duplicate_rule=is_repeat.ifelse(rows.set_duplicate_of_rule, rows.duplicate_rule),
        duplicate_similarity=is_repeat.ifelse(ibis.null("float64"), rows.duplicate_similarity),
        topic_code=is_topic.ifelse(rows.set_topic, rows.topic_code),
        topic_rule=is_topic.ifelse(rows.set_topic_rule, rows.topic_rule),
        topic_name=is_topic.ifelse(rows.set_topic_name, rows.topic_name),
        topic_agency_code=is_topic.ifelse(rows.set_topic_agency, rows.topic_agency_code),
    )


def _automatic(both: ir.Table) -> ir.StringValue:
    """A line for each decision that a person took over: ``NAME: VALUE [RULE]``."""
    relevant = (both.before_exclusion == "irrelevant").fill_null(False).ifelse("no", "yes")
    of_exclusion = {
        "is_relevant": (relevant, "irrelevant"),
        "duplicate_of": (both.before_duplicate_of.fill_null(NOTHING), "duplicate"),
    }
    text: ir.StringValue = ibis.literal("")
    for name in _FIELDS:
        if name in of_exclusion:
            value, reason = of_exclusion[name]
            rule = (both.before_exclusion == reason).fill_null(False).ifelse(both.before_exclusion_rule, "")
        else:
            column = {"topic": "topic_code", "agency": "agency_code"}.get(name, name)
            value, rule = both[f"before_{column}"], both[f"before_{_rule_of(column)}"]
        line = ibis.literal(f"{name}: ") + value.fill_null(NOTHING) + " [" + rule.fill_null("") + "]\n"
        text = text + both[f"set_{name}_rule"].notnull().ifelse(line, "")
    return text.rstrip().nullif("")


def overrule_updates(rows: ir.Table, applied: Applied, months: Sequence[str]) -> ir.Table:
    """The rows of ``update_reading`` (and closing_reason) of some months as people decided them; with ``automatic``."""
    nothing = ibis.null("string")
    few = _of_months(applied.updates, months)
    if few is None:
        return rows.mutate(automatic=nothing)
    columns = rows.columns
    both = rows.left_join(few, rows.update_id == few.set_id)
    is_set = both.set_rule.notnull()
    was = ibis.literal("update_class: ") + both.update_class.fill_null(NOTHING)
    was = was + " [" + both.class_rule.fill_null("") + "]"
    reasons = {name: reason_of_class(name) for name in schema.UPDATE_CLASSES}
    return both.mutate(
        update_class=is_set.ifelse(both.set_class, both.update_class),
        class_rule=is_set.ifelse(both.set_rule, both.class_rule),
        closing_reason=is_set.ifelse(
            both.set_class.cases(*reasons.items(), else_="unknown"), both.closing_reason
        ),
        automatic=is_set.ifelse(was, nothing),
    ).select(*columns, "automatic")


def automatic_decisions(text: str | None) -> dict[str, tuple[str, str]]:
    """What a column ``automatic`` says: value and rule of each decision that a person took over, by its name."""
    found = {}
    for line in (text or "").splitlines():
        name, _, rest = line.partition(": ")
        value, _, rule = rest.partition(" [")
        found[name] = (value, rule.removesuffix("]"))
    return found


# -- the public log ----------------------------------------------------------------------------------------------------


def write_override_log(
    store: Store,
    applied: Applied,
    issue_decisions: Sequence[IssueDecision],
    redact: Callable[[str], str],
) -> None:
    """Write ``override`` in the open transaction: every decision of people but the labels.

    Args:
        store: with reading, update_reading, response, update_elsewhere and issue as they now are.
        applied: `apply_overrides`.
        issue_decisions: what people decided about issues.
        redact: takes personal data out of a text of the site's team.
    """
    on = _date_of_data(store) if issue_decisions else None
    issues = _issue_ids(store, issue_decisions)
    rows = [*_log_of_messages(store, applied), *_log_of_issues(issue_decisions, issues, on)]
    for row in rows:
        row["reason"] = redact(row["reason"])
        key = "\x1f".join((row["about"], row["about_name"], row["decision"], row["to_value"] or ""))
        row["override_id"] = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()[:16]
        if row["decision"] == "rename":
            row["to_value"] = redact(row["to_value"])
    spec = schema.table("override")
    types = {"date": pa.date32(), "boolean": pa.bool_()}
    store.write(
        "override",
        pa.table(
            {
                c.name: pa.array([row.get(c.name) for row in rows], types.get(c.type, pa.string()))
                for c in spec.columns
            }
        ),
    )


def _log_of_messages(store: Store, applied: Applied) -> Iterator[dict[str, Any]]:
    before = {
        **_automatic_of(store, "reading", "feedback_id", [e.feedback_id for e in applied.entries]),
        **_automatic_of(store, "update_reading", "update_id", [e.update_id for e in applied.entries]),
    }
    responses = _known_responses(store, applied)
    linked = _linked(store, applied)
    for entry in applied.entries:
        key = entry.update_id if entry.about == "update" else entry.feedback_id
        value, rule = before.get(key or "", {}).get(entry.decision, ("", ""))
        is_matched = entry.is_matched
        if entry.about == "link" and is_matched:
            if entry.to_value == "answers it":
                is_matched = entry.is_expired or (entry.update_id, entry.feedback_id) in linked
            elif ":" not in entry.name.partition(" ")[0]:
                is_matched = entry.update_id in responses
        yield {
            **_log_row(entry.override),
            "about": entry.about,
            "about_name": entry.name,
            "about_source_id": entry.source_id,
            "decision": entry.decision,
            "from_value": f"{value} [{rule}]" if rule else (value or None),
            "to_value": entry.to_value,
            "is_matched": is_matched,
            "is_expired": entry.is_expired,
        }


def _log_row(override: Override | IssueDecision) -> dict[str, Any]:
    return {name: getattr(override, name) for name in ("reason", "reviewer", "reviewed_on", "expires_on")}


def _automatic_of(
    store: Store, table: str, key: str, ids: Sequence[str | None]
) -> dict[str, dict[str, tuple[str, str]]]:
    wanted = sorted({i for i in ids if i})
    if not wanted:
        return {}
    rows = store.read(table)
    rows = rows.filter(rows.automatic.notnull() & rows[key].isin(wanted)).select(key, "automatic")
    return {
        row[key]: automatic_decisions(row["automatic"])
        for batch in store.batches(rows)
        for row in batch.to_pylist()
    }


def _known_responses(store: Store, applied: Applied) -> set[str]:
    ids = sorted({e.update_id for e in applied.entries if e.about == "link" and e.update_id})
    if not ids:
        return set()
    response = store.read("response")
    found = store.con.to_pyarrow(response.filter(response.response_id.isin(ids)).select("response_id"))
    return set(found["response_id"].to_pylist())


def _linked(store: Store, applied: Applied) -> set[tuple[str, str]]:
    """The pairs of post and feedback that are linked because a person says so."""
    if not any(e.about == "link" for e in applied.entries):
        return set()
    rows = store.read("update_elsewhere")
    rows = rows.filter(rows.is_reviewed).select("post_id", "feedback_id")
    return {
        (row["post_id"], row["feedback_id"]) for batch in store.batches(rows) for row in batch.to_pylist()
    }


def _issue_ids(store: Store, decisions: Sequence[IssueDecision]) -> set[str]:
    if not decisions:
        return set()
    issue = store.read("issue")
    named = issue.filter(issue.issue_id.isin([d.about for d in decisions])).select("issue_id")
    return set(store.con.to_pyarrow(named)["issue_id"].to_pylist())


def _log_of_issues(
    decisions: Sequence[IssueDecision], held: set[str], on: date | None
) -> Iterator[dict[str, Any]]:
    for decision in decisions:
        # What a merge, a split or a new title says, in words.
        said = decision.model_dump()
        value = said.get("title") or " ".join(said.get("issues") or said.get("feedback") or ())
        yield {
            **_log_row(decision),
            "about": "issue",
            "about_name": decision.about,
            "decision": decision.decision,
            "to_value": value or None,
            "is_matched": decision.about in held,
            "is_expired": on is not None and decision.is_expired(on),
        }
