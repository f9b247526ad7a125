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

Of a decision that matches nothing nobody knows what it is about: it may be a message that a person had taken down. The
log tells by whom and when it was decided, and neither about what nor why.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
from answerable.understand.issue_decisions import ISSUES_FILE
from answerable.understand.issue_records import present_date
from answerable.understand.replies import with_updates

if TYPE_CHECKING:
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.issue_decisions import IssueDecision
    from answerable.understand.issue_records import Standing

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

log = logging.getLogger(__name__)

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

    def is_expired(self, on: date) -> bool:
        """Whether it no longer holds on that day."""
        return self.expires_on is not None and on >= self.expires_on

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
    for name in sorted(_names(found)):
        source_id, _, record_id = name.partition(":")
        if record_id and source_id not in settings.source_by_id:
            near = did_you_mean(source_id, settings.source_by_id)
            _wrong(path, name, f"{name}: there is no source {source_id}{near}")
    _check_once(
        path,
        [
            *((e.about, name, e.about) for e in found.feedback for name in e.decided),
            *((e.about, "update_class", e.about) for e in found.updates),
            *((e.about, f"the link to {e.answer}", e.about) for e in found.links),
        ],
    )
    return found


def _names(found: Overrides) -> set[str]:
    """Every name of feedback (of updates, only those that are official posts) in a file."""
    of_feedback = {name for e in found.feedback for name in (e.about, e.duplicate_of) if name}
    of_links = {name for e in found.links for name in (e.answer, e.about)}
    return (of_feedback - {NOTHING}) | of_links | {e.about for e in found.updates if ":" in e.about}


def _check_once(path: Path, decided: Iterable[tuple[str, str, str]]) -> None:
    """Refuse what is decided twice: given is what about, what, and how the file names it."""
    seen: dict[tuple[str, str], str] = {}
    for about, what, name in decided:
        other = seen.get((about, what))
        if other is not None:
            also = "" if other == name else f" ({other} is the same)"
            _wrong(path, name, f"{name}: {what} is decided twice{also}", "keep one of the two")
        seen[about, what] = name


def _wrong(path: Path, word: str, what: str, remedy: str = "") -> None:
    raise SettingsError(what, file=path, line=_last_line(path, word), remedy=remedy)


def _last_line(path: Path, word: str) -> int | None:
    """The last line of a file that holds a word."""
    lines = path.read_text("utf-8").splitlines()
    return max((number for number, text in enumerate(lines, 1) if word in text), default=None)


# -- what they are about -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision with what it is about, as far as that is held.

    Attributes:
        about: ``feedback``, ``update`` or ``link``.
        name: as the file names it.
        decision: a key of ``schema.OVERRIDDEN``.
        to_value: what was decided, in words.
        override: the whole of it.
        is_matched: whether all that it names is held.
        is_expired: whether it no longer holds.
        feedback_id: of the feedback that it is about (of an update, the one that the update is of; of a link, the one
            that is answered), with its source.
        source_id: see there.
        update_id: of an update its id, or that of the official post that is none; of a link that of the post, or of
            the response.
        other_id: the feedback that is named beside: what it repeats, the post that answers it.
        other_source_id: the source of that.
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
    other_id: str | None = None
    other_source_id: str | None = None


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
    on = present_date(store)
    held = _held(store, given)
    updates = _held_updates(store, [e.about for e in given.updates], held)
    entries = [
        *_feedback_entries(given.feedback, held, on),
        *_update_entries(given.updates, held, updates, on),
        *_link_entries(given.links, held, on),
    ]
    # A message may be named in two ways.
    _check_once(path, ((*_subject(e), e.name.rpartition(" ")[2]) for e in entries if e.is_matched))
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
            "month": updates[e.name][1].month if e.name in updates else held[e.name].month,
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


def _held(store: Store, given: Overrides) -> dict[str, _Held]:
    """The feedback that is held of all that is named, by its name."""
    names = _names(given) | {e.about for e in given.updates}
    parts = {name: name.partition(":") for name in names}
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
    return {name: held[name] for name in names if name in held}


def _subject(entry: Entry) -> tuple[str, str]:
    """What a decision is about, by its id, and what of it is decided."""
    if entry.about == "link":
        return f"{entry.update_id} {entry.feedback_id}", "the link"
    return (entry.update_id if entry.about == "update" else entry.feedback_id) or "", entry.decision


def _held_updates(
    store: Store, names: Sequence[str], held: Mapping[str, _Held]
) -> dict[str, tuple[str, _Held]]:
    """The updates that are held of those named: their ids, and the feedback that each is of.

    One may be named by the official post that it is: a reply is an update of what its conversation began with.
    """
    if not names:
        return {}
    updates = store.read("feedback_update").select("update_id", "feedback_id", "source_id", "month")
    # A post, too, may be named in two ways.
    posts: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name in held and held[name].is_official:
            posts[held[name].feedback_id].append(name)
    named: dict[str, list[str]] = {name: [name] for name in names}
    if posts:
        feedback = store.read("feedback")
        asked = feedback.filter(feedback.feedback_id.isin(sorted(posts))).select(
            "feedback_id", "source_id", "record_id", "conversation_id", "created_at"
        )
        replies = with_updates(store, asked).filter(ibis._.update_id.notnull())
        for row in _rows(store, replies.select("feedback_id", "update_id")):
            named.setdefault(row["update_id"], []).extend(posts[row["feedback_id"]])
    wanted = _rows(store, updates.filter(updates.update_id.isin(sorted(named))))
    return {
        name: (row["update_id"], _Held(row["feedback_id"], row["source_id"], row["month"], is_official=False))
        for row in wanted
        for name in named[row["update_id"]]
    }


def _rows(store: Store, expr: ir.Table) -> list[dict[str, Any]]:
    return [row for batch in store.batches(expr) for row in batch.to_pylist()]


def _feedback_entries(
    given: Sequence[FeedbackOverride], held: Mapping[str, _Held], on: date
) -> Iterator[Entry]:
    for override in given:
        one = held.get(override.about)
        for decision, value in override.decided.items():
            other = held.get(value) if decision == "duplicate_of" else None
            is_there = decision != "duplicate_of" or value == NOTHING or other is not None
            yield Entry(
                "feedback",
                override.about,
                decision,
                value,
                override,
                is_matched=one is not None and is_there,
                is_expired=override.is_expired(on),
                feedback_id=one.feedback_id if one else None,
                source_id=one.source_id if one else None,
                other_id=other.feedback_id if other else None,
                other_source_id=other.source_id if other else None,
            )


def _update_entries(
    given: Sequence[UpdateOverride],
    held: Mapping[str, _Held],
    updates: Mapping[str, tuple[str, _Held]],
    on: date,
) -> Iterator[Entry]:
    for override in given:
        post = held.get(override.about)
        # A message of a person has no class; its update may.
        post_id = post.feedback_id if post is not None and post.is_official else None
        update_id, one = updates.get(override.about, (post_id, post if post_id else None))
        yield Entry(
            "update",
            override.about,
            "update_class",
            override.update_class,
            override,
            is_matched=one is not None,
            is_expired=override.is_expired(on),
            feedback_id=one.feedback_id if one else None,
            source_id=one.source_id if one else None,
            update_id=update_id,
        )


def _link_entries(given: Sequence[LinkOverride], held: Mapping[str, _Held], on: date) -> Iterator[Entry]:
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
            source_id=about.source_id if about else None,
            update_id=answer_id,
            other_id=post.feedback_id if post else None,
            other_source_id=post.source_id if post else None,
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
    settings: Settings,
    applied: Applied,
    issues: Sequence[Standing],
    redact: Callable[[str], str],
) -> None:
    """Write ``override`` in the open transaction: every decision of people but the labels.

    What a decision that matches nothing is about is not written, nor why: it may be what a person had taken down. Of a
    source that hides its rows it is written why, but not about which message.

    Args:
        store: with reading, update_reading, response, update_elsewhere, issue and issue_feedback as they now are.
        settings: for the sources that hide their rows.
        applied: `apply_overrides`.
        issues: where people's decisions about issues stand.
        redact: takes personal data out of a text of the site's team.
    """
    hidden = {source.id for source in settings.sources if not source.publish_rows}
    rows = [*_log_of_messages(store, applied, hidden), *_log_of_issues(store, issues, hidden)]
    stale = [row["named"] for row in rows if not row["is_matched"]]
    if stale:
        log.warning(
            "decisions of people that match nothing (any more): %d%s", len(stale), _lines(settings, stale)
        )
    seen: dict[str, int] = defaultdict(int)
    for row in sorted(rows, key=_order):
        key = "\x1f".join(str(row[name] or "") for name in ("about", "about_name", "decision", "to_value"))
        if not row["about_name"]:
            key = "\x1f".join((key, row["reviewer"], str(row["reviewed_on"])))
        # What is published stands in the identifier, and nothing else: of a name it could be worked out.
        number = f"\x1f{seen[key]}" if seen[key] else ""
        seen[key] += 1
        row["override_id"] = hashlib.md5((key + number).encode(), usedforsecurity=False).hexdigest()[:16]
        row["reason"] = redact(row["reason"]) if row["reason"] else None
        if row["decision"] == "rename" and row["to_value"]:
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


def _order(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("about", "named", "decision", "reviewer", "reviewed_on", "expires_on", "reason")
    return tuple(str(row[name] or "") for name in names)


def _lines(settings: Settings, names: Iterable[str]) -> str:
    """Where decisions stand in the files, without the names themselves."""
    said = []
    for file in (OVERRIDES_FILE, ISSUES_FILE):
        path = settings.lookup(file)
        lines = {_last_line(path, name.partition(" ")[0]) for name in names} if path.exists() else set()
        numbers = sorted(line for line in lines if line is not None)
        if numbers:
            said.append(f"{file}, line {', '.join(map(str, numbers))}")
    return f" ({'; '.join(said)})" if said else ""


def _log_of_messages(store: Store, applied: Applied, hidden: Collection[str]) -> Iterator[dict[str, Any]]:
    before = {
        **_automatic_of(store, "reading", "feedback_id", [e.feedback_id for e in applied.entries]),
        **_automatic_of(store, "update_reading", "update_id", [e.update_id for e in applied.entries]),
    }
    copied = {found["duplicate_of"][0] for found in before.values() if "duplicate_of" in found}
    source_of = {**_sources_of(store, copied), **_known_responses(store, applied)}
    linked = _linked(store, applied)
    for entry in applied.entries:
        key = entry.update_id if entry.about == "update" else entry.feedback_id
        value, rule = before.get(key or "", {}).get(entry.decision, ("", ""))
        is_matched = entry.is_matched
        if entry.about == "link" and is_matched:
            if entry.to_value == "answers it":
                is_matched = entry.is_expired or (entry.update_id, entry.feedback_id) in linked
            elif entry.other_id is None:
                is_matched = entry.update_id in source_of
        sources = {entry.source_id, entry.other_source_id, source_of.get(value)}
        if entry.other_id is None and entry.about == "link":
            sources.add(source_of.get(entry.update_id or ""))
        row: dict[str, Any] = {
            **_log_row(entry.override),
            "named": entry.name,
            "about": entry.about,
            "about_name": entry.name,
            "about_source_id": entry.source_id,
            "about_id": entry.feedback_id,
            "other_id": entry.other_id,
            "decision": entry.decision,
            "from_value": f"{value} [{rule}]" if rule else (value or None),
            "to_value": entry.to_value,
            "is_matched": is_matched,
            "is_expired": entry.is_expired,
        }
        if not is_matched:
            row |= dict.fromkeys((*_TOLD, "about_source_id", "reason"))
        elif not sources.isdisjoint(hidden):
            row |= dict.fromkeys(_TOLD)
        yield row


_TOLD = ("about_name", "about_id", "other_id", "from_value", "to_value")


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
    return {row[key]: automatic_decisions(row["automatic"]) for row in _rows(store, rows)}


def _sources_of(store: Store, ids: Collection[str]) -> dict[str, str]:
    """The source of each feedback."""
    wanted = sorted(set(ids) - {NOTHING})
    if not wanted:
        return {}
    feedback = store.read("feedback")
    rows = feedback.filter(feedback.feedback_id.isin(wanted)).select("feedback_id", "source_id")
    return {row["feedback_id"]: row["source_id"] for row in _rows(store, rows)}


def _known_responses(store: Store, applied: Applied) -> dict[str, str]:
    """The source of each response that a link names."""
    ids = sorted({e.update_id for e in applied.entries if e.about == "link" and e.update_id})
    if not ids:
        return {}
    response = store.read("response")
    rows = response.filter(response.response_id.isin(ids)).select("response_id", "source_id")
    return {row["response_id"]: row["source_id"] for row in _rows(store, rows)}


def _linked(store: Store, applied: Applied) -> set[tuple[str, str]]:
    """The pairs of post and feedback that are linked because a person says so."""
    if not any(e.about == "link" for e in applied.entries):
        return set()
    rows = store.read("update_elsewhere")
    rows = rows.filter(rows.is_reviewed).select("post_id", "feedback_id")
    return {(row["post_id"], row["feedback_id"]) for row in _rows(store, rows)}


def _log_of_issues(
    store: Store, standings: Sequence[Standing], hidden: Collection[str]
) -> Iterator[dict[str, Any]]:
    named = {s.issue_id for s in standings if s.issue_id} | {p for s in standings for p in s.parts}
    with_page, touched = _issues_told(store, named, hidden)
    of_feedback = _sources_of(
        store, {p for s in standings if s.decision.decision == "split" for p in s.parts}
    )
    for standing in standings:
        decision = standing.decision
        # An issue without a page, of a source that hides its rows, is nowhere else told of.
        is_open = standing.issue_id not in touched
        is_told = is_open or standing.issue_id in with_page
        parts = [p for p in standing.parts if p not in touched and of_feedback.get(p) not in hidden]
        value = getattr(decision, "title", None) or (" ".join(parts) if is_open else None)
        row: dict[str, Any] = {
            **_log_row(decision),
            "named": decision.about,
            "about": "issue",
            "about_name": standing.issue_id,
            "about_source_id": None,
            "about_id": standing.issue_id,
            "decision": decision.decision,
            "to_value": value or None,
            "is_matched": standing.is_matched,
            "is_expired": standing.is_expired,
        }
        if not standing.is_matched:
            row |= dict.fromkeys((*_TOLD, "reason"))
        elif not is_told:
            row |= dict.fromkeys(_TOLD)
        elif standing.is_partly_gone:
            # The reason may speak of what is gone.
            row["reason"] = None
        yield row


def _issues_told(store: Store, ids: Collection[str], hidden: Collection[str]) -> tuple[set[str], set[str]]:
    """Which issues have a page, and which have (or had, before people decided) feedback of sources that hide rows."""
    if not ids:
        return set(), set()
    issue = store.read("issue")
    rows = issue.filter(issue.issue_id.isin(sorted(ids)) & issue.has_page).select("issue_id")
    member = store.read("issue_feedback")
    member = member.filter(member.source_id.isin(sorted(hidden)))
    known = {
        row[column]
        for column in ("issue_id", "base_issue_id")
        for row in _rows(store, member.filter(member[column].isin(sorted(ids))).select(column).distinct())
    }
    return {row["issue_id"] for row in _rows(store, rows)}, known
