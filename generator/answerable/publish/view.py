"""What the pages show, asked of the store once: lists, numbers, issues with where they stand, answers.

Everything here is small: aggregates, the site's lists, and one row for each issue that has a page. What the pages
say of single feedback comes from ``timelines``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import ibis
import pyarrow as pa

from answerable import schema
from answerable.draw.numbers import Numbers
from answerable.draw.scene import is_ever_closed
from answerable.hashes import text_hash
from answerable.publish.decisions import Decision, decisions_by_issue, newest_decisions
from answerable.publish.months import month_runs
from answerable.publish.moved import Change, changes
from answerable.understand.privacy import MARKS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = [
    "SECTIONS",
    "STATUSES",
    "Answer",
    "Failure",
    "Group",
    "Issue",
    "Outcome",
    "SourceCard",
    "View",
    "due_on",
    "look",
]

Breakdown = Literal["agency", "topic", "area"]

_PETITIONS = frozenset({"petitions", "uk_petitions"})
_REGISTERS = frozenset({"register", "github_issues"})
"""Connectors of what officials put on the record: no feedback."""

STATUSES: Mapping[str, str] = {
    "answered": "Answered",
    "partly": "Answered in part",
    "closed": "Closed without a public answer",
    "not_due": "Too few signatures for an answer to be due",
    "waiting": "Waiting for an answer",
}
"""Where an issue stands, in words."""

SECTIONS: Mapping[Breakdown, str] = {"agency": "agencies", "topic": "topics", "area": "areas"}
"""The folder of the pages of a breakdown."""

_LATEST = 12  # answers kept for the home page, and for each agency
_LATELY = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Group:
    """An agency, topic or area: something that numbers are broken down by."""

    breakdown: Breakdown
    code: str
    name: str
    slug: str
    has_page: bool
    description: str = ""
    url: str = ""

    @property
    def path(self) -> str:
        """The address of its page, from the site's root; empty where it has none."""
        return f"{SECTIONS[self.breakdown]}/{self.slug}/" if self.has_page else ""


class Issue(NamedTuple):
    """An issue that has a page, and where it stands. Instants are UTC."""

    issue_id: str
    slug: str
    kind: str
    public_title: str
    topic_code: str
    agency_code: str
    area_code: str | None
    first_at: datetime
    last_at: datetime
    status: str
    waiting_at: datetime | None
    is_quoted: bool
    key_terms: str | None = None
    is_pinned: bool | None = None

    @property
    def path(self) -> str:
        """The address of its page, from the site's root."""
        return f"issues/{self.slug}/"


class Answer(NamedTuple):
    """A response that may be quoted, with the issue it belongs to (where that has a page)."""

    response_id: str
    agency_code: str | None
    responded_at: datetime
    update_class: str
    public_title: str | None
    public_text: str
    url: str | None
    issue_slug: str | None
    issue_title: str | None


class Outcome(NamedTuple):
    """What changed: an entry of the register."""

    outcome_id: str
    agency_code: str
    happened_at: datetime
    public_title: str
    public_text: str
    url: str | None
    topic_codes: str | None
    area_codes: str | None


class Failure(NamedTuple):
    """A service failure that people made in words of their own. Days are the site's."""

    failure_id: str
    topic_code: str | None
    area_codes: str | None
    agency_code: str
    started_on: date
    noticed_on: date
    last_on: date
    ended_on: date | None
    is_answered: bool
    answered_on: date | None
    issue_id: str | None

    @property
    def areas(self) -> tuple[str, ...]:
        """The codes of its areas; none where it is everywhere."""
        return tuple((self.area_codes or "").split())

    @property
    def anchor(self) -> str:
        """Where it stands on the page of failures."""
        return f"failure-{self.failure_id}"

    @property
    def path(self) -> str:
        """Its address, from the site's root."""
        return f"failures/#{self.anchor}"


class SourceCard(NamedTuple):
    """A source with its terms, its freshness and T."""

    source_id: str
    name: str
    connector: str
    description: str | None
    url: str | None
    licence: str | None
    licence_url: str | None
    attribution: str | None
    extract_note: str | None
    update_history: str | None
    is_published_by_row: bool
    is_rate_published: bool
    time_precision: str | None
    as_of_at: datetime | None
    last_success_at: datetime | None
    is_stale: bool
    is_complete: bool
    stale_reason: str | None
    feedback_count: int


@dataclass(frozen=True)
class View:
    """All that the pages are made from."""

    settings: Settings
    numbers: Numbers
    agencies: tuple[Group, ...]
    topics: tuple[Group, ...]
    areas: tuple[Group, ...]
    sources: tuple[SourceCard, ...]
    issues: tuple[Issue, ...]
    issue_numbers: Numbers
    answers: tuple[Answer, ...]
    outcomes: tuple[Outcome, ...]
    examples: Mapping[str, tuple[str, ...]]
    method_version: str
    failures: tuple[Failure, ...] = ()
    issue_changes: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    issue_decisions: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)

    @cached_property
    def as_of_at(self) -> datetime | None:
        """The newest T of the sources that hold feedback."""
        return max(self.ends, default=None)

    @cached_property
    def ends(self) -> tuple[datetime, ...]:
        """T of each source that holds feedback (a register has a date of its own, up to which nothing is counted)."""
        return tuple(
            s.as_of_at
            for s in self.sources
            if s.as_of_at is not None and s.feedback_count and s.connector not in _REGISTERS
        )

    @cached_property
    def extract_notes(self) -> tuple[str, ...]:
        """What has to be said wherever a number is shown: that a source is an extract."""
        return tuple(
            dict.fromkeys(s.extract_note for s in self.sources if s.extract_note and s.feedback_count)
        )

    @cached_property
    def is_rated(self) -> bool:
        """Whether any source bears a share: else the site shows what was said and how it hangs together, no times."""
        held = [s for s in self.sources if s.feedback_count]
        return not held or any(s.is_rate_published for s in held)

    @cached_property
    def is_petitions(self) -> bool:
        """Whether all feedback are petitions, of which only some are due an answer."""
        kinds = {s.connector for s in self.sources if s.feedback_count}
        return bool(kinds) and kinds <= _PETITIONS

    @cached_property
    def has_petitions(self) -> bool:
        """Whether some feedback are petitions."""
        return any(s.connector in _PETITIONS for s in self.sources if s.feedback_count)

    @cached_property
    def has_hidden(self) -> bool:
        """Whether some numbers are hidden to protect people."""
        return any(not s.is_published_by_row for s in self.sources if s.feedback_count)

    @cached_property
    def has_closing(self) -> bool:
        """Whether anything was ever closed: else nothing is said of what is open."""
        return is_ever_closed(self.numbers)

    @cached_property
    def never_closed(self) -> tuple[SourceCard, ...]:
        """The sources in which nothing is ever closed (posts), so that all of their feedback stays open."""
        where = ((s, {"breakdown": "source", "group": s.source_id}) for s in self.sources)
        return tuple(
            s
            for s, which in where
            if (row := self.numbers.find("open", **which)) is not None
            and row.value
            and not is_ever_closed(self.numbers, **which)
        )

    @cached_property
    def stale(self) -> tuple[SourceCard, ...]:
        """The sources whose newest reading failed."""
        return tuple(s for s in self.sources if s.is_stale)

    @cached_property
    def by_code(self) -> Mapping[tuple[str, str], Group]:
        """Agencies, topics and areas by breakdown and code."""
        return {(g.breakdown, g.code): g for g in (*self.agencies, *self.topics, *self.areas)}

    def group(self, breakdown: str, code: str | None) -> Group | None:
        """The agency, topic or area of that code; ``None`` for what is unmapped or unplaced."""
        return None if code is None else self.by_code.get((breakdown, code))

    def groups(self, breakdown: Breakdown) -> tuple[Group, ...]:
        """All of a breakdown, by name."""
        if breakdown == "agency":
            return self.agencies
        if breakdown == "topic":
            return self.topics
        if breakdown == "area":
            return self.areas
        raise KeyError(breakdown)

    @cached_property
    def lately(self) -> tuple[Failure, ...]:
        """The failures that last where the data end, or ended in the four weeks before, the newest first."""
        if self.as_of_at is None:
            return ()
        since = self.as_of_at.replace(tzinfo=UTC).astimezone(self.settings.site.zone).date() - _LATELY
        return tuple(f for f in self.failures if f.last_on >= since)

    @cached_property
    def is_watched(self) -> bool:
        """Whether any day could be looked at for failures."""
        row = self.numbers.find("watched_days")
        return row is not None and bool(row.value)

    @cached_property
    def issue_by_id(self) -> Mapping[str, Issue]:
        """Issues with a page by their id."""
        return {issue.issue_id: issue for issue in self.issues}

    @cached_property
    def namesakes(self) -> frozenset[str]:
        """The ids of issues whose title another issue has too: lists say when they were raised."""
        count = Counter(issue.public_title for issue in self.issues)
        return frozenset(issue.issue_id for issue in self.issues if count[issue.public_title] > 1)

    @cached_property
    def newest_issues(self) -> tuple[Issue, ...]:
        """Issues with a page: those that people pinned, then the one raised last first."""
        newest = sorted(self.issues, key=lambda i: (i.last_at, i.issue_id), reverse=True)
        return tuple(sorted(newest, key=lambda i: not i.is_pinned))

    @cached_property
    def longest_waiting(self) -> tuple[Issue, ...]:
        """Issues that wait for an answer: those that people pinned, then the one that has waited longest first."""
        waiting = (i for i in self.issues if i.waiting_at is not None)
        return tuple(sorted(waiting, key=lambda i: (not i.is_pinned, i.waiting_at, i.issue_id)))

    @cached_property
    def issues_by_group(self) -> Mapping[tuple[str, str], tuple[Issue, ...]]:
        """Issues of each agency, topic and area, the one raised last first."""
        found: dict[tuple[str, str], list[Issue]] = {}
        for issue in self.newest_issues:
            for breakdown, code in (
                ("agency", issue.agency_code),
                ("topic", issue.topic_code),
                ("area", issue.area_code),
            ):
                if code is not None:
                    found.setdefault((breakdown, code), []).append(issue)
        return {key: tuple(issues) for key, issues in found.items()}

    def is_said_of(self, agency_code: str) -> bool:
        """Whether anything was said of an agency's feedback that may be told by what it says."""
        groups = (f"{agency_code}/{name}" for name in schema.UPDATE_CLASSES)
        return any(self.numbers.find("said", breakdown="agency_class", group=g) is not None for g in groups)

    def answers_of(self, agency_code: str) -> tuple[Answer, ...]:
        """The newest answers of an agency."""
        return tuple(a for a in self.answers if a.agency_code == agency_code)[:_LATEST]


def look(store: Store, settings: Settings) -> View:
    """Ask the store for all that the pages show."""
    results = store.read("measure_result")
    numbers = Numbers.from_frame(store.frame(results.filter(results.breakdown != "issue")))
    issue_numbers = Numbers.from_frame(store.frame(results.filter(results.breakdown == "issue")))
    issues = tuple(_issues(store))
    return View(
        settings=settings,
        numbers=numbers,
        agencies=_groups(store, "agency", numbers),
        topics=_groups(store, "topic", numbers),
        areas=_groups(store, "area", numbers),
        sources=tuple(
            sorted(
                _rows(store.con.to_pyarrow(store.read("source").select(*SourceCard._fields)), SourceCard),
                key=_name,
            )
        ),
        issues=issues,
        issue_numbers=issue_numbers,
        answers=_answers(store),
        outcomes=tuple(
            sorted(
                _rows(store.con.to_pyarrow(store.read("outcome").select(*Outcome._fields)), Outcome),
                key=lambda o: (o.happened_at, o.outcome_id),
                reverse=True,
            )
        ),
        failures=tuple(_failures(store)),
        issue_changes=changes(store),
        decisions=newest_decisions(store),
        issue_decisions=decisions_by_issue(store),
        examples=_examples(store),
        method_version=_version(numbers),
    )


def _rows(table: pa.Table, kind: Any) -> Iterator[Any]:
    """The rows of an Arrow table as named tuples."""
    columns = [table[name].to_pylist() for name in kind._fields]
    return map(kind._make, zip(*columns, strict=True))


def _failures(store: Store) -> Iterator[Failure]:
    """The failures, the newest first; what one copied text made is none."""
    failure = store.read("failure")
    kept = failure.filter(~failure.is_copied_text).select(*Failure._fields)
    yield from _rows(store.con.to_pyarrow(kept.order_by([ibis.desc("last_on"), "failure_id"])), Failure)


def _name(value: Any) -> tuple[str, str]:
    return (value.name.casefold(), value.name)


def _version(numbers: Numbers) -> str:
    for series in numbers.series.values():
        for row in series.values():
            return row.method_version
    return ""


def _groups(store: Store, breakdown: Breakdown, numbers: Numbers) -> tuple[Group, ...]:
    rows = store.con.to_pyarrow(store.read(breakdown)).to_pylist()
    groups = []
    for row in rows:
        code = row[f"{breakdown}_code"]
        raised = numbers.find("raised", breakdown=breakdown, group=code)
        groups.append(
            Group(
                breakdown,
                code,
                row["name"],
                row["slug"],
                has_page=raised is not None and (raised.is_suppressed or bool(raised.value)),
                description=row.get("description") or "",
                url=row.get("url") or "",
            )
        )
    return tuple(sorted(groups, key=_name))


# -- issues ------------------------------------------------------------------------------------------------------------


def _issues(store: Store) -> Iterator[Issue]:
    issue = store.read("issue").filter(ibis._.has_page)
    standing = _standing(store)
    columns = [name for name in Issue._fields if name in issue.columns]
    joined = issue.select(*columns).left_join(standing, "issue_id").drop("issue_id_right")
    for row in store.con.to_pyarrow(joined.order_by("issue_id")).to_pylist():
        counted = row["counted"] or 0
        yield Issue(
            **{name: row[name] for name in columns},
            status=_status(counted, row["answered"] or 0, row["closed"] or 0, row["expected"] or 0),
            waiting_at=row["waiting_at"],
            is_quoted=bool(row["is_quoted"]) if counted else False,
        )


def _status(counted: int, answered: int, closed: int, expected: int) -> str:
    if counted and answered == counted:
        return "answered"
    if answered:
        return "partly"
    if not expected:
        return "not_due"
    return "closed" if closed == counted else "waiting"


def _standing(store: Store) -> ir.Table:
    """For each issue: feedback counted, answered, closed, expecting an answer, and since when the oldest waits."""
    parts: list[pa.Table] = []
    quoted = store.read("source").select("source_id", "is_published_by_row")
    for months in month_runs(store, "issue_feedback"):
        member = store.read("issue_feedback", months=months).select("feedback_id", "issue_id", "source_id")
        clock = store.read("clock", months=months)
        rows = member.join(clock.drop("source_id"), "feedback_id").join(quoted, "source_id")
        is_waiting = (
            rows.responded_at.isnull()
            & rows.closed_at.isnull()
            & rows.is_response_expected
            & rows.is_time_possible
        )
        parts.append(
            store.con.to_pyarrow(
                rows.group_by("issue_id").aggregate(
                    counted=rows.count(),
                    answered=rows.responded_at.notnull().sum(),
                    closed=rows.closed_at.notnull().sum(),
                    expected=rows.is_response_expected.sum(),
                    waiting_at=rows.created_at.min(where=is_waiting),
                    is_quoted=rows.is_published_by_row.all(),
                )
            )
        )
    empty = pa.schema(
        [
            ("issue_id", pa.string()),
            ("counted", pa.int64()),
            ("answered", pa.int64()),
            ("closed", pa.int64()),
            ("expected", pa.int64()),
            ("waiting_at", pa.timestamp("us")),
            ("is_quoted", pa.bool_()),
        ]
    )
    table = pa.concat_tables([p.cast(empty) for p in parts]) if parts else empty.empty_table()
    found = ibis.memtable(table, schema=ibis.schema(empty))
    return found.group_by("issue_id").aggregate(
        counted=found.counted.sum(),
        answered=found.answered.sum(),
        closed=found.closed.sum(),
        expected=found.expected.sum(),
        waiting_at=found.waiting_at.min(),
        is_quoted=found.is_quoted.all(),
    )


# -- what agencies said ----------------------------------------------------------------------------------------------


def _answers(store: Store) -> tuple[Answer, ...]:
    """The newest answers that may be quoted, a dozen of each agency; a repeated text stands once, at its newest."""
    response = store.read("response")
    source = store.read("source").filter(ibis._.is_published_by_row)
    response = response.inner_join(
        source.select("source_id", is_on_record=source.connector == "register"), "source_id"
    )
    quoted = response.filter(
        response.public_text.notnull()
        & (response.public_text.length() > 0)
        # As `quotable` says; what officials put on the record is quoted in any case.
        & (response.is_on_record | ~response.public_text.contains(MARKS["name"]))
    )
    # The text alone decides what is the same: thousands of answers may read alike.
    newest = (
        quoted.group_by("agency_code", text_hash=text_hash(quoted.public_text))
        .aggregate(responded_at=quoted.responded_at.max())
        .order_by(ibis.desc("responded_at"))
    )
    ranked = newest.mutate(
        place=ibis.row_number().over(
            group_by="agency_code", order_by=[ibis.desc("responded_at"), "text_hash"]
        )
    ).filter(ibis._.place < _LATEST)
    chosen = pa.table(store.con.to_pyarrow(ranked.select("agency_code", "text_hash", "responded_at")))
    if not chosen.num_rows:
        return ()
    keys = ibis.memtable(chosen)
    hashed = quoted.mutate(text_hash=text_hash(quoted.public_text))
    rows = hashed.semi_join(
        keys,
        [
            hashed.agency_code.identical_to(keys.agency_code),
            hashed.text_hash == keys.text_hash,
            hashed.responded_at == keys.responded_at,
        ],
    )
    found = store.con.to_pyarrow(rows.order_by([ibis.desc("responded_at"), "response_id"])).to_pylist()
    slugs = _issue_of_response(store, [row["response_id"] for row in found])
    answers: dict[tuple[str | None, str], Answer] = {}
    for row in found:
        slug, title = slugs.get(row["response_id"], (None, None))
        answer = Answer(
            **{name: row[name] for name in Answer._fields if name in row}, issue_slug=slug, issue_title=title
        )
        answers.setdefault((answer.agency_code, answer.public_text), answer)
    return tuple(answers.values())


def _issue_of_response(store: Store, response_ids: list[str]) -> dict[str, tuple[str, str]]:
    """The slug and title of an issue with a page that each response answers."""
    wanted = ibis.memtable(pa.table({"response_id": pa.array(response_ids, pa.string())}))
    linked = (
        store.read("response_feedback").semi_join(wanted, "response_id").select("response_id", "feedback_id")
    )
    # Two small steps: the few feedback first, then their issues, so that the large table is only looked through.
    few = ibis.memtable(store.con.to_pyarrow(linked), schema=linked.schema())
    member = store.read("issue_feedback").semi_join(few, "feedback_id").select("feedback_id", "issue_id")
    issue = store.read("issue").filter(ibis._.has_page).select("issue_id", "slug", "public_title")
    rows = few.join(member, "feedback_id").join(issue, "issue_id")
    best = rows.group_by("response_id").aggregate(
        slug=rows.slug.argmin(rows.issue_id), title=rows.public_title.argmin(rows.issue_id)
    )
    return {r["response_id"]: (r["slug"], r["title"]) for r in store.con.to_pyarrow(best).to_pylist()}


def _examples(store: Store, *, rows: int = 200_000, each: int = 3) -> dict[str, tuple[str, ...]]:
    """For each class of update, the texts that agencies used most, from the newest months."""
    months: list[str] = []
    held = 0
    for month, count in reversed(store.month_counts("update_reading").items()):
        months.append(month)
        held += count
        if held >= rows:
            break
    reading = store.read("update_reading", months=months)
    open_sources = store.read("source").filter(ibis._.is_published_by_row).select("source_id")
    texts = reading.semi_join(open_sources, "source_id").filter(
        reading.update_class.notnull()
        & reading.public_text.notnull()
        & reading.public_text.length().between(1, 240)
    )
    # A text with something taken out of it is no good example of what an agency writes.
    counted = (
        texts.filter((texts.redaction_count == 0) & ~texts.public_text.contains(MARKS["name"]))
        .group_by("update_class", "public_text")
        .aggregate(used=ibis._.count())
    )
    best = counted.mutate(
        place=ibis.row_number().over(group_by="update_class", order_by=[ibis.desc("used"), "public_text"])
    ).filter(ibis._.place < each)
    found: dict[str, list[str]] = {}
    for row in store.con.to_pyarrow(best.order_by(["update_class", "place"])).to_pylist():
        found.setdefault(row["update_class"], []).append(row["public_text"])
    return {name: tuple(found.get(name, ())) for name in schema.UPDATE_CLASSES}


def due_on(settings: Settings, agency_code: str, raised_on: date) -> date | None:
    """The day by which the agency's own target wants an answer."""
    agency = settings.agency_by_code.get(agency_code)
    return None if agency is None else settings.due_on(agency, raised_on)
