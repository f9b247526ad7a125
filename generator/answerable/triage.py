"""What waits for an answer, for the officials who give them: private, and never a part of the site.

    waiting = triage(store, settings, agency="works")
    write_csv(waiting, path); write_html(waiting, settings, path)

One line for each issue (or for feedback that belongs to none): first what belongs to a service failure that lasts, and
what people pinned; then the most urgent, then those behind which most people stand, then the oldest. What people wrote
is shown as the site shows it: with personal data taken out.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa

from answerable import schema
from answerable.errors import UsageError
from answerable.publish.plain_words import rule_words
from answerable.publish.records import CLASS_WORDS
from answerable.publish.templates import environment
from answerable.publish.text import visible
from answerable.setting_types import did_you_mean
from answerable.understand.relevance import CONVERSATION_KINDS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["COLUMNS", "Waiting", "private_path", "triage", "write_csv", "write_html"]

COLUMNS = (
    "place",
    "id",
    "kind",
    "url",
    "title",
    "message",
    "message_name",
    "message_url",
    "agency",
    "topic",
    "area",
    "urgency",
    "urgency_rule",
    "people",
    "supporters",
    "behind",
    "unanswered",
    "raised_on",
    "waiting_days",
    "standing",
    "failure",
    "links_to_review",
    "reason",
)
"""The columns of a line, in the order in which a file has them."""

_NOT_SAID = "unknown"
_ORDER = (*schema.URGENCIES, _NOT_SAID)
_TITLE_LENGTH = 100
_MESSAGE_LENGTH = 240
_PRAISE = "praise"  # waits for no answer


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line: an issue, or feedback that belongs to none, and what of it waits for an answer.

    Attributes:
        place: its place in the list, from 1.
        id: of the issue or, where there is none, of the feedback.
        kind: ``issue`` or ``feedback``.
        url: its page on the site, else its address at the source.
        title: its public title, else how its public text begins.
        message: how the public text begins of the most urgent feedback in it that waits (of several the oldest);
            ``message_name`` is that feedback as SOURCE:RECORD, ``message_url`` its address at the source.
        agency, topic, area: their names; of an issue those of the issue.
        urgency: of that message; ``urgency_rule`` is the rule that said so.
        people: who wrote what waits, each once; where a source does not tell people apart, each message is one.
        supporters: who signed it, voted for it or joined its conversation, beside those who wrote.
        behind: both, in words.
        unanswered: how many feedback of it wait.
        raised_on: when the oldest of them was raised; ``waiting_days`` is how long ago, at the source's date.
        standing: what an agency has said so far, in words; empty where it said nothing.
        failure: the service failure that it belongs to, in words; empty where there is none.
        links_to_review: official posts that may answer it, for data/lookups/overrides.yml.
        reason: why it stands where it stands, in words.
    """

    place: int
    id: str
    kind: str
    url: str
    title: str
    message: str
    message_name: str
    message_url: str
    agency: str
    topic: str
    area: str
    urgency: str
    urgency_rule: str
    people: int
    supporters: int
    behind: str
    unanswered: int
    raised_on: date
    waiting_days: int
    standing: str
    failure: str
    links_to_review: str
    reason: str


def triage(store: Store, settings: Settings, *, agency: str | None = None, limit: int = 50) -> list[Waiting]:
    """What waits for an answer, the most pressing first; an empty list where nothing does.

    Praise waits for nothing, and neither does what was closed, or what no answer is due to.

    Args:
        store: what was understood and measured.
        settings: for names and the site's address.
        agency: only what this agency is responsible for (its code).
        limit: at most so many lines.

    Raises:
        UsageError: there is no agency of that code.
    """
    if agency is not None and agency not in {*settings.agency_by_code, schema.MISSING_CODE}:
        raise UsageError(
            f"there is no agency {agency}{did_you_mean(agency, settings.agency_by_code)}",
            remedy=f"one of: {', '.join(settings.agency_by_code)}",
        )
    failures = _failures(store)
    rows = _waiting(store, agency)
    rows = rows.mutate(is_first=_is_first(store, rows, failures, settings))
    groups = _groups(store, rows, limit)
    if not groups:
        return []
    members = _members(store, rows, groups)
    told = _Told(store, settings, members, failures)
    return [told.line(place, group) for place, group in enumerate(groups, 1)]


def _waiting(store: Store, agency: str | None) -> ir.Table:
    """Every feedback that waits for an answer, with the issue that it belongs to and what it is ordered by."""
    clock = store.read("clock")
    open_clock = clock.filter(
        clock.responded_at.isnull()
        & clock.closed_at.isnull()
        & clock.is_response_expected
        & clock.is_time_possible
    )
    if agency is not None:
        open_clock = open_clock.filter(open_clock.agency_code == agency)
    reading = store.read("reading").select("feedback_id", "intent", "urgency", "urgency_rule")
    reading = reading.filter((reading.intent != _PRAISE) | reading.intent.isnull())
    feedback = store.read("feedback").select("feedback_id", "author_key", "kind")
    member = store.read("issue_feedback").select("feedback_id", "issue_id")
    rows = (
        open_clock.select(
            "feedback_id",
            "agency_code",
            "topic_code",
            "area_code",
            "created_at",
            "as_of_at",
            "support_count",
        )
        .inner_join(reading, "feedback_id")
        .inner_join(feedback, "feedback_id")
        .left_join(member, "feedback_id")
        .drop("feedback_id_right")
    )
    rank = rows.urgency.cases(*((name, place) for place, name in enumerate(schema.URGENCIES)), else_=9)
    return rows.mutate(
        group_id=ibis.coalesce(rows.issue_id, rows.feedback_id),
        rank=rank.fill_null(9),
        person=ibis.coalesce(rows.author_key, rows.feedback_id),
        # Whoever began a conversation is one of its voices.
        supporters=ibis.greatest(
            rows.support_count.fill_null(0) - rows.kind.isin(CONVERSATION_KINDS).cast("int64"), 0
        ),
    )


def _failures(store: Store) -> list[dict[str, Any]]:
    failure = store.read("failure")
    return _rows(store, failure.filter(~failure.is_copied_text).order_by(["started_on", "failure_id"]))


def _is_first(
    store: Store, rows: ir.Table, failures: Sequence[Mapping[str, Any]], settings: Settings
) -> ir.BooleanValue:
    """Whether a feedback is of an issue that people pinned, or belongs to a failure that lasts where the data end."""
    issue = store.read("issue")
    ids = {r["issue_id"] for r in _rows(store, issue.filter(issue.is_pinned).select("issue_id"))}
    lasting = [f for f in failures if f["ended_on"] is None]
    ids |= {f["issue_id"] for f in lasting if f["issue_id"]}
    is_first = rows.issue_id.isin(sorted(ids)).fill_null(False) if ids else ibis.literal(False)
    for failure in lasting:
        begun = datetime.combine(failure["started_on"], time(), settings.site.zone).astimezone(UTC)
        is_in = rows.created_at >= begun.replace(tzinfo=None)
        if failure["topic_code"] is None:
            is_in &= rows.agency_code == failure["agency_code"]
        else:
            is_in &= rows.topic_code == failure["topic_code"]
        areas = (failure["area_codes"] or "").split()
        if areas:
            is_in &= rows.area_code.isin(areas)
        is_first |= is_in.fill_null(False)
    return is_first


def _groups(store: Store, rows: ir.Table, limit: int) -> list[dict[str, Any]]:
    """The issues (or single feedback) that are listed, in their order."""
    # Of a person who wrote several times, the message that most people support.
    people = rows.group_by("group_id", "person").agg(supporters=rows.supporters.max())
    people = people.group_by(people_of="group_id").agg(
        people=people.count(), supporters=people.supporters.sum()
    )
    found = rows.group_by("group_id").agg(
        is_first=rows.is_first.any(),
        known_people=rows.author_key.count(),
        issue_id=rows.issue_id.max(),
        rank=rows["rank"].min(),
        unanswered=rows.count(),
        raised_at=rows.created_at.min(),
        waiting_seconds=(rows.as_of_at.epoch_seconds() - rows.created_at.epoch_seconds()).max(),
    )
    both = found.inner_join(people, found.group_id == people.people_of).drop("people_of")
    both = both.mutate(behind=both.people + both.supporters)
    order = [ibis.desc("is_first"), "rank", ibis.desc("behind"), ibis.desc("waiting_seconds"), "group_id"]
    return [row for batch in store.batches(both.order_by(order).limit(limit)) for row in batch.to_pylist()]


def _members(
    store: Store, rows: ir.Table, groups: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """What waits in the listed groups, the most urgent and oldest first."""
    wanted = ibis.memtable(pa.table({"group_id": pa.array([g["group_id"] for g in groups], pa.string())}))
    few = rows.semi_join(wanted, "group_id").order_by(["group_id", "rank", "created_at", "feedback_id"])
    few = few.drop("author_key", "person")
    found: dict[str, list[dict[str, Any]]] = {}
    for batch in store.batches(few):
        for row in batch.to_pylist():
            found.setdefault(row["group_id"], []).append(row)
    return found


class _Told:
    """What is said of the listed groups, asked of the store once for all of them."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        members: Mapping[str, Sequence[Mapping[str, Any]]],
        failures: Sequence[Mapping[str, Any]],
    ) -> None:
        self._settings = settings
        self._members = members
        self._failures = failures
        self._pins = _pins(store)
        ids = sorted({row["feedback_id"] for rows in members.values() for row in rows})
        issue_ids = sorted({row["issue_id"] for rows in members.values() for row in rows if row["issue_id"]})
        few = ibis.memtable(pa.table({"feedback_id": pa.array(ids, pa.string())}))
        issue = store.read("issue")
        self._issues = {r["issue_id"]: r for r in _rows(store, issue.filter(issue.issue_id.isin(issue_ids)))}
        # Of a large issue the texts of a few feedback are asked for: those that head its line.
        heads = [rows[0]["feedback_id"] for rows in members.values()]
        reading, feedback = store.read("reading"), store.read("feedback")
        said = reading.filter(reading.feedback_id.isin(heads)).select(
            "feedback_id", "public_title", "public_text"
        )
        self._texts = {r["feedback_id"]: r for r in _rows(store, said)}
        where = feedback.filter(feedback.feedback_id.isin(heads))
        where = where.select("feedback_id", "url", name=where.source_id + ":" + where.record_id)
        self._where = {r["feedback_id"]: r for r in _rows(store, where)}
        self._areas = {r["area_code"]: r["name"] for r in _rows(store, store.read("area"))}
        self._classes = _classes(store, few)
        self._proposed = _proposed(store, few)

    def line(self, place: int, group: Mapping[str, Any]) -> Waiting:
        """The line of one group."""
        members = self._members[group["group_id"]]
        head = members[0]
        issue = self._issues.get(group["issue_id"])
        raised_on = self._local(group["raised_at"])
        of = head if issue is None else issue
        failure = self._failure(group["issue_id"], members)
        where = self._where[head["feedback_id"]]
        line = Waiting(
            place=place,
            id=group["group_id"],
            kind="feedback" if issue is None else "issue",
            url=self._url(issue, head),
            title=self._title(issue, head),
            message=_begun(self._texts[head["feedback_id"]]["public_text"] or "", _MESSAGE_LENGTH),
            message_name=where["name"],
            message_url=_web(where["url"]),
            agency=self._name("agency", of["agency_code"]),
            topic=self._name("topic", of["topic_code"]),
            area=self._areas.get(of["area_code"], of["area_code"] or ""),
            urgency=head["urgency"] or _NOT_SAID,
            urgency_rule=head["urgency_rule"] or "",
            people=group["people"],
            supporters=group["supporters"],
            behind=_behind(group),
            unanswered=group["unanswered"],
            raised_on=raised_on,
            waiting_days=int(group["waiting_seconds"]) // 86_400,
            standing=_standing(
                [self._classes[m["feedback_id"]] for m in members if m["feedback_id"] in self._classes]
            ),
            failure="" if failure is None else _failure_words(failure),
            links_to_review="; ".join(
                words for m in members for words in self._proposed.get(m["feedback_id"], ())
            ),
            reason="",
        )
        others = sorted({m["agency_code"] for m in members} - {of["agency_code"]})
        return replace(
            line,
            reason=_reason(
                line,
                is_failing=failure is not None and failure["ended_on"] is None,
                pin=self._pins.get(group["issue_id"], "put first") if issue and issue["is_pinned"] else "",
                others=[self._name("agency", code) for code in others],
            ),
        )

    def _local(self, at: datetime) -> date:
        return at.replace(tzinfo=UTC).astimezone(self._settings.site.zone).date()

    def _name(self, kind: str, code: str) -> str:
        known: Mapping[str, Any] = (
            self._settings.agency_by_code if kind == "agency" else self._settings.topic_by_code
        )
        return known[code].name if code in known else code

    def _url(self, issue: Mapping[str, Any] | None, head: Mapping[str, Any]) -> str:
        if issue is not None and issue["has_page"]:
            return f"{self._settings.site.url.rstrip('/')}/issues/{issue['slug']}/"
        return _web(self._where[head["feedback_id"]]["url"])

    def _title(self, issue: Mapping[str, Any] | None, head: Mapping[str, Any]) -> str:
        said = self._texts[head["feedback_id"]]
        text = (issue["public_title"] if issue else None) or said["public_title"] or said["public_text"]
        return _begun(text or self._where[head["feedback_id"]]["name"], _TITLE_LENGTH)

    def _failure(
        self, issue_id: str | None, members: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any] | None:
        """The failure that its issue is, or in whose days, topic and areas some of it was raised.

        One that lasts comes before one that is over, a newer one before an older one.
        """
        found: Mapping[str, Any] | None = None
        for failure in reversed(self._failures):
            areas = (failure["area_codes"] or "").split()
            kind = "agency_code" if failure["topic_code"] is None else "topic_code"
            is_here = (issue_id is not None and failure["issue_id"] == issue_id) or any(
                member[kind] == failure[kind]
                and (not areas or member["area_code"] in areas)
                and failure["started_on"] <= self._local(member["created_at"])
                and (failure["ended_on"] is None or self._local(member["created_at"]) <= failure["last_on"])
                for member in members
            )
            is_surer = found is None or (found["ended_on"] is not None and failure["ended_on"] is None)
            if is_here and is_surer:
                found = failure
        return found


def _failure_words(failure: Mapping[str, Any]) -> str:
    begun = failure["started_on"].isoformat()
    if failure["ended_on"] is None:
        return f"{failure['failure_id']}, since {begun}"
    return f"{failure['failure_id']}, from {begun} to {failure['ended_on'].isoformat()}"


def _pins(store: Store) -> dict[str, str]:
    """Who put each issue first, when and why."""
    override = store.read("override")
    rows = override.filter(
        (override.decision == "pin")
        & override.is_matched
        & ~override.is_expired
        & override.about_id.notnull()
    )
    return {
        row["about_id"]: f"put first by {row['reviewer']} on {row['reviewed_on'].isoformat()}"
        + (f" ({row['reason']})" if row["reason"] else "")
        for row in _rows(store, rows.order_by(ibis.desc("override_id")))
    }


def _web(url: str | None) -> str:
    return url if url and url.lower().startswith(("https://", "http://")) else ""


def _begun(text: str, length: int) -> str:
    """How a text begins, on one line."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "\u2026"


def _classes(store: Store, few: ir.Table) -> dict[str, str]:
    """The class of what an agency said last of each feedback, in its conversation or elsewhere."""
    said = store.read("update_reading").filter(ibis._.update_class.notnull())
    said = said.semi_join(few, "feedback_id").select("update_id", "feedback_id", "update_class")
    at = store.read("feedback_update").select("update_id", "at")
    own = said.inner_join(at, "update_id")
    elsewhere = store.read("update_elsewhere").filter(ibis._.is_counted & ibis._.update_class.notnull())
    elsewhere = elsewhere.semi_join(few, "feedback_id").mutate(update_id="elsewhere_id")
    columns = ("feedback_id", "update_id", "at", "update_class")
    # An empty table knows its instants' precision, a file's does not.
    both = ibis.union(
        *(rows.select(*columns).cast({"at": "timestamp"}) for rows in (own, elsewhere)), distinct=False
    )
    order = both["at"].cast("string") + both.update_id
    last = both.group_by("feedback_id").agg(update_class=both.update_class.argmax(order))
    return {row["feedback_id"]: row["update_class"] for row in _rows(store, last)}


def _proposed(store: Store, few: ir.Table) -> dict[str, list[str]]:
    """Official posts that may answer each feedback and wait for review, as the overrides name them."""
    waiting = store.read("update_elsewhere").filter(~ibis._.is_counted).semi_join(few, "feedback_id")
    feedback = store.read("feedback")
    named = feedback.select("feedback_id", name=feedback.source_id + ":" + feedback.record_id)
    rows = waiting.select("feedback_id", "post_name", "confidence").inner_join(named, "feedback_id")
    found: dict[str, list[str]] = {}
    for row in _rows(store, rows.order_by([ibis.desc("confidence"), "post_name", "name"])):
        words = f"{row['post_name']} answers {row['name']}? ({row['confidence']:.2f})"
        found.setdefault(row["feedback_id"], []).append(words)
    return found


def _rows(store: Store, expr: ir.Table) -> list[dict[str, Any]]:
    return [row for batch in store.batches(expr) for row in batch.to_pylist()]


# -- in words ----------------------------------------------------------------------------------------------------------

_STANDING = {
    "acknowledgement": "acknowledged, no answer",
    "administrative": "a note of procedure, no answer",
    "referral": "passed on, no answer",
    "deflection": "asked to write elsewhere, no answer in public",
    "answered_privately": "answered in private, nothing in public",
    "internal": "a note for the office, no answer",
    "unclassified": "something was said that fits no reviewed rule",
}


def _standing(classes: Sequence[str]) -> str:
    """What was said so far of what waits; an answer dated later than the source's own date is none yet."""
    counts = {name: classes.count(name) for name in dict.fromkeys(classes)}
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return "; ".join(_STANDING.get(name, CLASS_WORDS[name]) for name in ordered)


_URGENCY = {
    "high": "urgent: danger now, or a person who cannot do without",
    "normal": "not urgent, but a failing that goes on",
    "low": "nothing in it presses",
    _NOT_SAID: "nobody can say how urgent it is",
}


def _reason(line: Waiting, *, is_failing: bool, pin: str, others: Sequence[str]) -> str:
    """Why a line stands where it stands, in the order in which that is decided.

    Args:
        line: the line so far.
        is_failing: whether it belongs to a service failure that lasts.
        pin: who put it first and why; empty where nobody did.
        others: agencies that some of its messages are for, beside that of the line.
    """
    why = rule_words(line.urgency_rule)
    waited = (
        f"for {_counted(line.waiting_days, 'day', 'days')}" if line.waiting_days else "for less than a day"
    )
    parts = [
        f"its service is failing now (failure {line.failure})" if is_failing else "",
        pin,
        _URGENCY[line.urgency] + (f" ({why})" if why else ""),
        line.behind,
        f"the oldest has waited {waited}",
        f"part of a service failure ({line.failure})" if line.failure and not is_failing else "",
        line.standing,
        f"some of it is for {', '.join(others)}" if others else "",
    ]
    said = "; ".join(part for part in parts if part)
    return said[0].upper() + said[1:]


def _behind(group: Mapping[str, Any]) -> str:
    """Who stands behind what waits: writers and supporters apart; messages where writers cannot be told apart."""
    if group["known_people"] == group["unanswered"]:
        wrote = f"{_counted(group['people'], 'person', 'people')} wrote"
    else:
        wrote = _counted(group["unanswered"], "message", "messages")
        wrote += ", some by the same person" if group["people"] < group["unanswered"] else ""
    more = _counted(group["supporters"], "supporter", "supporters") if group["supporters"] else ""
    return f"{wrote}, with {more}" if more else wrote


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


# -- files -------------------------------------------------------------------------------------------------------------

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a text begins that a spreadsheet would run."""


def private_path(path: Path, project: Path) -> Path:
    """The path, resolved.

    Raises:
        UsageError: what is written there would be published.
    """
    target = path.resolve()
    if target.is_dir():
        raise UsageError(f"{path} is a folder", remedy="name a file in it")
    build = (project / "build").resolve()
    public = [build / "docs", build / "theme", (project / "site_templates").resolve()]
    # Links are resolved: a site that is published from another place is recognised there.
    public += [p.resolve() for p in (project / "build").glob("site*")] + [build / "site"]
    for folder in public:
        if target.is_relative_to(folder):
            raise UsageError(
                f"{path} would be published with the site: this list is private",
                remedy=f"name a file outside {folder}",
            )
    return target


def _cell(value: object) -> str:
    """A value as a cell: one line, and nothing that a spreadsheet takes for a formula."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(_FORMULA) else line


def write_csv(lines: Iterable[Waiting], path: Path) -> None:
    """The list as CSV (UTF-8): for a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(line, name)) for name in COLUMNS] for line in lines)
    _write(path, text.getvalue())


def write_html(lines: Sequence[Waiting], settings: Settings, path: Path) -> None:
    """The list as one HTML file that needs nothing else: no script, nothing from elsewhere."""
    template = environment(settings).get_template("private/triage.html.jinja")
    _write(path, template.render(site=settings.site, lines=lines))


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    part.replace(path)
