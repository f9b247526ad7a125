"""The many pages: issues, areas and the list of older issues, each as the values that a shell is filled with.

Nothing here asks the store: the timelines come in one piece, the rest from the view. What repeats (days, names,
numbers of links) is made once and remembered, for there may be tens of thousands of pages.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from answerable import schema
from answerable.publish.pages import (
    PER_LIST,
    Drawing,
    base_of,
    contact_url,
    frame,
    group_figures,
    is_address,
    web_address,
)
from answerable.publish.templates import day
from answerable.publish.text import given, plain, quote
from answerable.publish.view import STATUSES, Issue, View, due_on

if TYPE_CHECKING:
    from answerable.publish.timelines import Event, Timeline

__all__ = ["CLASS_WORDS", "NO_ANSWER", "VERBS", "Record", "areas", "issue_lists", "issues", "last_response"]


@dataclass(frozen=True, slots=True)
class Record:
    """A page to be stamped: its address, and the values of the shell's places (HTML).

    ``search`` is what a search finds it by, in plain text; empty where it is not to be found.
    """

    path: str
    title: str
    description: str
    body: str
    search: str = ""

    @property
    def section(self) -> str:
        """The folder whose shell it is stamped from."""
        return self.path.partition("/")[0]


def areas(view: View, drawing: Drawing) -> Iterator[Record]:
    """A page for each area in which something was raised."""
    template = drawing.environment.get_template("records/area.html.jinja")
    for group in view.areas:
        if group.has_page:
            base = base_of(group.path)
            figures = drawing.html(group_figures(drawing.scene, group, is_rated=view.is_rated), base)
            body = template.render(**frame(view, base), group=group, figures=figures)
            description = f"{group.name}: what people raised here, whether it was answered, and how fast."
            yield Record(group.path, html.escape(group.name), html.escape(description), body, group.name)


def issue_lists(view: View, drawing: Drawing) -> Iterator[Record]:
    """The pages of older issues: the newest ones stand on the page of the section itself."""
    template = drawing.environment.get_template("records/issue_list.html.jinja")
    issues = view.newest_issues
    last = -(-len(issues) // PER_LIST)
    for number in range(2, last + 1):
        path = f"issues/page-{number}/"
        body = template.render(
            **frame(view, base_of(path)),
            issues=issues[(number - 1) * PER_LIST : number * PER_LIST],
            newer="../" if number == 2 else f"../page-{number - 1}/",
            older=f"../page-{number + 1}/" if number < last else None,
        )
        yield Record(path, "Older issues", f"Older issues, page {number}", body)


VERBS: Mapping[str, str] = {
    "acknowledged": "Received",
    "replied": "Reply",
    "elsewhere": "Said elsewhere",
    "status_changed": "Status changed",
    "closed": "Closed",
    "reopened": "Opened again",
    "confirmed": "Confirmed as fixed by the person who raised it",
    "edited": "Text changed by the person who wrote it",
}
"""What an event of a timeline is called, by its kind; any other is that it was raised."""


def issues(view: View, timelines: Mapping[str, Timeline], drawing: Drawing) -> Iterator[Record]:
    """A page for each issue that has one, in the order of the view."""
    writer = _IssueWriter(view, drawing)
    for issue in view.issues:
        yield writer.record(issue, timelines.get(issue.issue_id))


class _IssueWriter:
    """Writes issue pages; holds what they share."""

    def __init__(self, view: View, drawing: Drawing) -> None:
        self._view = view
        self._template = drawing.environment.get_template("records/issue.html.jinja")
        self._zone = view.settings.site.zone
        contact = contact_url(view.settings.site.contact)
        self._contact = escape(contact)
        self._day = lru_cache(maxsize=65536)(lambda on: day(on, self._zone))
        self._days: dict[int, Markup] = {}
        self._due = lru_cache(maxsize=65536)(lambda code, on: due_on(view.settings, code, on))
        self._quote = lru_cache(maxsize=65536)(lambda text, lang: quote(text, lang=lang))
        self._link = lru_cache(maxsize=4096)(self._group_link)
        self._chips = {
            code: Markup('<span class="chip chip--{}">{}</span>').format(code, words)
            for code, words in STATUSES.items()
        }
        notes = Markup(" ").join(given(note) for note in view.extract_notes)
        as_of = Markup("Data up to {}.").format(day(view.as_of_at, self._zone)) if view.as_of_at else Markup()
        self._limits = Markup(" ").join(part for part in (as_of, notes) if part)

    def _group_link(self, breakdown: str, code: str | None) -> Markup:
        group = self._view.group(breakdown, code)
        if group is None:
            return Markup("Not recognised")
        if not group.path:
            return given(group.name)
        return Markup('<a href="../../{}">{}</a>').format(group.path, given(group.name))

    def _local(self, at: datetime) -> date:
        return at.replace(tzinfo=UTC).astimezone(self._zone).date()

    def _day_of(self, at: datetime) -> Markup:
        """The day of an instant. Zones differ from UTC by whole quarters of an hour: days are remembered by quarter."""
        quarter = (at.toordinal() * 24 + at.hour) * 4 + at.minute // 15
        found = self._days.get(quarter)
        if found is None:
            self._days[quarter] = found = self._day(self._local(at))
        return found

    def record(self, issue: Issue, timeline: Timeline | None) -> Record:
        """The page of one issue."""
        on = self._local
        last = last_response(timeline)
        title = plain(issue.public_title)
        waiting_on = None if issue.waiting_at is None else on(issue.waiting_at)
        events = self._events(timeline)
        body = self._template.render(
            topic=self._link("topic", issue.topic_code),
            agency=self._link("agency", issue.agency_code),
            area=None if issue.area_code is None else self._link("area", issue.area_code),
            chip=self._chips[issue.status],
            is_petition=issue.kind == "petition",
            waiting_day=None if waiting_on is None else self._day(waiting_on),
            open_count=self._open_count(issue),
            is_rated=self._view.is_rated,
            first_day=self._day_of(issue.first_at),
            last_day=None if issue.first_at == issue.last_at else self._day_of(issue.last_at),
            numbers=self._numbers(issue),
            answer=None if last is None else self._answer(last),
            answer_day=None if last is None else self._day_of(last.at),
            answer_by=None
            if last is None or last.agency_code is None
            else self._link("agency", last.agency_code),
            is_at_latest=last is not None and last.is_at_latest,
            no_answer=NO_ANSWER[issue.status],
            due=None if waiting_on is None else self._due_words(issue, waiting_on),
            events=events,
            is_cut=timeline is not None and timeline.is_cut,
            terms=[given(term) for term in (issue.key_terms or "").split()],
            changes=self._changes(issue),
            decisions=self._decisions(issue),
            limits=self._limits,
            issue_id=issue.issue_id,
            contact=self._contact,
        )
        description = f"{STATUSES[issue.status]}: {issue.public_title}"
        topic = self._view.group("topic", issue.topic_code)
        area = self._view.group("area", issue.area_code)
        found_by = " ".join(g.name for g in (topic, area) if g is not None)
        return Record(
            issue.path, str(title), str(plain(description[:300])), body, f"{issue.public_title}\n{found_by}"
        )

    def _changes(self, issue: Issue) -> list[Markup]:
        """What became part of it, and what it was divided from or into."""
        said = []
        told = {d.decision for d in self._view.issue_decisions.get(issue.issue_id, ())}
        for change in self._view.issue_changes.get(issue.issue_id, ()):
            other = self._view.issue_by_id.get(change.other_id)
            if change.what != "merge" and other is None:
                continue
            # Its decision says it better; but of what was taken out only the change knows the page.
            if change.is_decided and change.what == "merge" and change.what in told:
                continue
            name = (
                Markup("another issue")
                if other is None
                else Markup('<a href="../{}/">{}</a>').format(other.slug, plain(other.public_title))
            )
            who = " by people who reviewed it" if change.is_decided else ""
            said.append(_CHANGES[change.what].format(name, who, self._day(change.changed_on)))
        return said

    def _decisions(self, issue: Issue) -> list[Markup]:
        """What people decided about it, by whom, when and why."""
        said = []
        for decision in self._view.issue_decisions.get(issue.issue_id, ()):
            words = _DECISIONS[decision.decision].format(
                given(decision.reviewer), self._day(decision.reviewed_on)
            )
            said.append(
                Markup("<p>{}{}</p>{}").format(
                    words, ":" if decision.reason else ".", self._quote(decision.reason, None)
                )
            )
        return said

    def _answer(self, last: Event) -> Markup:
        """What was said; where the source holds only the address of the answer, a link to it."""
        url = web_address(last.url)
        if not (is_address(last.text) and url):
            return self._quote(last.text, last.lang)
        return Markup(
            "<p>Yes. The source has the address of the answer, not its words:"
            ' <a href="{}" rel="noopener nofollow">read it there</a>.</p>'
        ).format(url)

    def _numbers(self, issue: Issue) -> list[tuple[str, Markup]]:
        found = []
        for label, measure in _ISSUE_NUMBERS[issue.kind]:
            row = self._view.issue_numbers.find(measure, breakdown="issue", group=issue.issue_id)
            if row is not None and not row.is_suppressed and (row.value or measure == "open"):
                found.append(
                    (label, self._view.issue_numbers.html(measure, breakdown="issue", group=issue.issue_id))
                )
        return found

    def _open_count(self, issue: Issue) -> Markup | None:
        """How many of a waiting issue's feedback are open; nothing where it has but one, or it may not be told."""
        raised = self._view.issue_numbers.find("raised", breakdown="issue", group=issue.issue_id)
        row = self._view.issue_numbers.find("open", breakdown="issue", group=issue.issue_id)
        if raised is None or row is None or row.is_suppressed or not row.value or (raised.value or 0) < 2:
            return None
        return self._view.issue_numbers.html("open", breakdown="issue", group=issue.issue_id)

    def _due_words(self, issue: Issue, waiting_on: date) -> Markup | None:
        due = self._due(issue.agency_code, waiting_on)
        if due is None:
            return None
        words = "was due" if self._view.as_of_at and due < self._local(self._view.as_of_at) else "is due"
        return Markup("By the agency\u2019s own target an answer {} on {}.").format(words, self._day(due))

    def _events(self, timeline: Timeline | None) -> Markup:
        if timeline is None:
            return Markup()
        return Markup("\n".join(map(self._event, timeline.events)))  # noqa: S704  see there

    def _event(self, event: Event) -> str:
        said = VERBS.get(event.kind, "Raised")
        who = kind = ""
        if event.is_official and event.kind != "raised":
            name = self._link("agency", event.agency_code) if event.agency_code else Markup("the agency")
            who = f"{_BY_AGENCY}{name}</span>"
        if event.update_class is not None and (event.text or event.is_withheld):
            kind = f"{_CLASS}{CLASS_WORDS[event.update_class]}</span>"
        # Plain strings from here on: every part is markup of ours or went through `quote`.
        latest = _LATEST if event.is_at_latest and event.text else ""
        day = self._day_of(event.at)
        url = web_address(event.url)
        source = f"{_SOURCE_BEFORE}{escape(url)}{_SOURCE_AFTER}: {said}, {day}</span></a>" if url else ""
        if event.text:
            text = "" if is_address(event.text) and url else self._quote(event.text, event.lang)
        else:
            text = _WITHHELD if event.is_withheld else ""
        official = " timeline__item--official" if event.is_official else ""
        return (
            f'<li class="timeline__item timeline__item--{event.kind}{official}"><p class="timeline__head">'
            f'<span class="timeline__when">{latest}{day}</span> <strong class="timeline__what">{said}</strong>'
            f"{who}{kind}{source}</p>{text}</li>"
        )


_SOURCE_BEFORE = ' · <a class="timeline__source" href="'
_SOURCE_AFTER = '" rel="noopener nofollow">at its source<span class="visually-hidden">'
_BY_AGENCY = ' · <span class="timeline__who">official, '
_CLASS = ' · <span class="timeline__class">'
_LATELY = timedelta(days=365)
_LATEST = "On or before "
_WITHHELD = '<p class="meta">Not quoted here: it may name a person.</p>'

_CHANGES: Mapping[str, Markup] = {
    "merge": Markup("What was {} became part of this one{} (data up to {})."),
    "split_from": Markup("This was a part of {} and was taken out of it{} (data up to {})."),
    "split_off": Markup("A part of this was taken out{1} and is now {0} (data up to {2})."),
}
_DECISIONS: Mapping[str, Markup] = {
    "merge": Markup("Made one with what was another issue by {} on {}"),
    "split": Markup("Some messages were taken out of it by {} on {}"),
    "rename": Markup("Given its name by {} on {}"),
    "pin": Markup("Put first by {} on {}"),
}
"""What people decided about an issue, on its page."""

_COUNTS = (("Raised", "raised"), ("People behind it", "supporters"), ("Still open", "open"))
# A petition or a conversation is one feedback: how many people are behind it is what there is to say.
_ISSUE_NUMBERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "petition": (("People behind it", "supporters"),),
    "conversation": (("People behind it", "supporters"),),
    "place": _COUNTS,
    "meaning": _COUNTS,
}

CLASS_WORDS: Mapping[str, str] = {
    "substance": "an answer",
    "work_done": "an answer: work done",
    "acknowledgement": "only an acknowledgement",
    "administrative": "a note of procedure",
    "referral": "passed on",
    "deflection": "asks to write elsewhere",
    "answered_privately": "answered in private",
    "internal": "a note for the office",
    "unclassified": "not classified",
}
"""A class of update in the few words that a timeline has room for."""

NO_ANSWER: Mapping[str, str] = {
    "answered": "It was answered; the answer is not quoted here, or stands among what is left out below.",
    "partly": "Some of it was answered; the answer is not quoted here, or stands among what is left out below.",
    "closed": "It was closed. No public answer of substance is known. Closing is not resolving.",
    "not_due": "No answer is known. It does not have as many signatures as make an answer due.",
    "waiting": "Not yet: no public answer of substance is known.",
}
"""What stands in place of an answer, by where the issue stands."""


def last_response(timeline: Timeline | None) -> Event | None:
    """The newest answer that may be quoted; of its last year, one that says more than that work was done."""
    events = () if timeline is None else timeline.events
    answers = [e for e in events if e.update_class in schema.RESPONSE_CLASSES and e.text and e.is_official]
    if not answers:
        return None
    lately = [e for e in answers if e.at > answers[-1].at - _LATELY and e.update_class == "substance"]
    return (lately or answers)[-1]
