"""Issues: feedback about the same underlying problem, grouped by rules that anyone can check.

=============  ======================================================================================================
a petition     is one issue
a conversation  is one issue: a post with everything that was said under it
requests       for the same topic in the same area are one issue, until 60 days pass without a request; a request
               without a place or a topic belongs to no issue
=============  ======================================================================================================

An issue is known by its earliest feedback, so its identifier stays the same from build to build. Only counted feedback
is in issues. Feedback whose rows may not be published makes issues of its own, with a page from five people up.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.schema import FEEDBACK_KINDS, MISSING_CODE
from answerable.slugs import slugify
from answerable.understand.texts import KEY, decide, hashed, keep, with_key
from answerable.understand.topics import place_title, topic_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["GAP_DAYS", "ISSUE_KIND_OF", "METHODS", "PAGE_FEEDBACK", "PAGE_PEOPLE", "write_issues"]

log = logging.getLogger(__name__)

GAP_DAYS = 60
"""So many days without a request end an issue; the next request begins another."""

PAGE_FEEDBACK = 2
"""From how many feedback (or messages of a conversation) up an issue has a page."""

PAGE_PEOPLE = 5
"""From how many people up an issue has a page where single rows may not be published."""

ISSUE_KIND_OF = MappingProxyType(
    {
        "service_request": "place",
        "post": "conversation",
        "petition": "petition",
        "information_request": "conversation",
        "comment": "conversation",
    }
)
"""How feedback of each kind is grouped."""

METHODS = MappingProxyType(
    {
        "place": f"same-topic-and-area-within-{GAP_DAYS}-days",
        "conversation": "same-conversation",
        "petition": "same-petition",
    }
)
"""The rule that puts feedback into an issue of each kind."""

_ID_LENGTH = (
    16  # hexadecimal digits: with ten, a million issues would share one with a probability of a third
)
_TITLE_LENGTH = 80
_CUT = "…"  # in no public text: redaction writes three dots
_SAME_PLACE = ("is_row_public", "topic_code", "area_code")


def write_issues(
    store: Store,
    settings: Settings,
    folder: Path,
    *,
    parts: ir.Table,
    batches: Sequence[Sequence[str]],
    redact: Callable[[str], str],
) -> None:
    """Write ``issue`` and ``issue_feedback`` in the open transaction.

    Args:
        store: with feedback and reading as they now are.
        settings: for the topics' names, and whether a source's rows may be published.
        folder: for scratch files.
        parts: messages inside conversations (`answerable.understand.relevance.conversation_parts`).
        batches: all months, in the portions in which rows are read and written.
        redact: takes personal data out of a text of people.
    """
    missing = set(FEEDBACK_KINDS) - set(ISSUE_KIND_OF)
    if missing:
        message = f"no way to group feedback of the kind {', '.join(sorted(missing))}"
        raise NotImplementedError(message)
    counted = [
        keep(store, _counted(store, settings, months), folder / f"counted-{number}.parquet")
        for number, months in enumerate(batches)
    ]
    if not counted:
        store.write("issue", store.read("issue").limit(0))
        store.write("issue_feedback", store.read("issue_feedback").limit(0))
        return
    everything = ibis.union(*counted, distinct=False) if len(counted) > 1 else counted[0]
    place_issues, days = _places(store, settings, folder, everything)
    single_issues = _singles(settings, everything, parts)
    issues = keep(store, place_issues.union(single_issues, distinct=False), folder / "issues.parquet")
    _write_issues(store, folder, issues, redact)
    for months, rows in zip(batches, counted, strict=True):
        store.write("issue_feedback", _members(rows, days, months), months=months)
    log.info("grouped into %d issues", sum(p.row_count for p in store.partitions("issue")))


def _counted(store: Store, settings: Settings, months: Sequence[str]) -> ir.Table:
    """The counted feedback of some months, with what grouping needs; texts only where they can become a title."""
    feedback = store.read("feedback", months=months)
    reading = store.read("reading", months=months)
    reading = reading.filter(reading.is_counted).select(
        "feedback_id", "topic_code", "agency_code", "public_title", "public_text", "redaction_count"
    )
    rows = feedback.select(
        "feedback_id",
        "source_id",
        "month",
        "kind",
        "area_code",
        "created_at",
        "author_key",
        "support_count",
        day=feedback.created_at.date(),
        issue_kind=feedback.kind.cases(*ISSUE_KIND_OF.items()),
        is_row_public=feedback.source_id.isin([s.id for s in settings.sources if s.publish_rows]),
    ).inner_join(reading, "feedback_id")
    is_alone = rows.issue_kind != "place"
    nothing = ibis.null("string")
    return rows.mutate(
        # A little more than a title holds, so that it is seen whether something was cut off.
        public_text=is_alone.ifelse(rows.public_text.substr(0, 3 * _TITLE_LENGTH), nothing),
        public_title=is_alone.ifelse(rows.public_title, nothing),
        author_key=rows.is_row_public.ifelse(nothing, rows.author_key),
    )


def _issue_id(kind: ir.StringValue, anchor_id: ir.StringValue) -> ir.StringValue:
    return hashed(kind, anchor_id, length=_ID_LENGTH)


def _placed(rows: ir.Table) -> ir.Table:
    return rows.filter(
        (rows.issue_kind == "place") & rows.area_code.notnull() & (rows.topic_code != MISSING_CODE)
    )


# -- requests for the same topic in the same area ----------------------------------------------------------------------


def _places(store: Store, settings: Settings, folder: Path, counted: ir.Table) -> tuple[ir.Table, ir.Table]:
    """The issues made of requests, and a table of which (topic, area, day) belongs to which of them."""
    placed = _placed(counted)
    # Days, not requests, are sorted: their number is bounded by the calendar. Gaps are measured between instants.
    by_agency = keep(
        store,
        placed.group_by(*_SAME_PLACE, "day", "agency_code").agg(
            requests=placed.count(), first_at=placed.created_at.min(), last_at=placed.created_at.max()
        ),
        folder / "days-by-agency.parquet",
    )
    days = by_agency.group_by(*_SAME_PLACE, "day").agg(
        requests=by_agency.requests.sum(), first_at=by_agency.first_at.min(), last_at=by_agency.last_at.max()
    )
    in_order = ibis.window(group_by=list(_SAME_PLACE), order_by="day")
    before = days.mutate(before_at=days.last_at.lag().over(in_order))
    follows = before.first_at <= before.before_at + ibis.interval(days=GAP_DAYS)
    starts = before.mutate(is_start=ibis.ifelse(follows, 0, 1))
    runs = starts.mutate(
        run=starts.is_start.sum().over(ibis.cumulative_window(group_by=list(_SAME_PLACE), order_by="day"))
    )
    days = keep(store, runs.drop("before_at", "is_start"), folder / "days.parquet")
    issues = days.group_by(*_SAME_PLACE, "run").agg(
        first_at=days.first_at.min(), last_at=days.last_at.max(), feedback_count=days.requests.sum()
    )
    anchors = placed.select(*_SAME_PLACE, "feedback_id", first_at="created_at").inner_join(
        issues.select(*_SAME_PLACE, "run", "first_at"), [*_SAME_PLACE, "first_at"]
    )
    anchors = anchors.group_by(*_SAME_PLACE, "run").agg(anchor_id=anchors.feedback_id.min())
    issues = issues.inner_join(anchors, [*_SAME_PLACE, "run"])
    issues = issues.inner_join(_main_agency(by_agency, days), [*_SAME_PLACE, "run"])
    columns = issues.columns
    issues = issues.left_join(_people(placed, days), [*_SAME_PLACE, "run"]).select(*columns, "people_count")
    issues = issues.mutate(issue_id=_issue_id(ibis.literal("place"), issues.anchor_id))
    issues = keep(store, issues, folder / "places.parquet")
    found = days.inner_join(issues.select(*_SAME_PLACE, "run", "issue_id"), [*_SAME_PLACE, "run"])
    found = keep(store, found.select(*_SAME_PLACE, "day", "issue_id"), folder / "days-of-issues.parquet")
    areas = store.read("area")
    named = issues.left_join(topic_list(settings), "topic_code").left_join(
        areas.select("area_code", area_name="name"), "area_code"
    )
    titled = named.mutate(
        kind=ibis.literal("place"),
        public_title=place_title(
            named.topic_name.fill_null(named.topic_code), named.area_name.fill_null(named.area_code)
        ),
        has_page=ibis.ifelse(
            named.is_row_public,
            named.feedback_count >= PAGE_FEEDBACK,
            named.people_count.fill_null(0) >= PAGE_PEOPLE,
        ),
    )
    return _columns(titled), found


def _main_agency(by_agency: ir.Table, days: ir.Table) -> ir.Table:
    """The agency that is responsible for most of each issue; the first by its code where several are."""
    runs = by_agency.select(*_SAME_PLACE, "day", "agency_code", "requests").inner_join(
        days.select(*_SAME_PLACE, "day", "run"), [*_SAME_PLACE, "day"]
    )
    runs = runs.group_by(*_SAME_PLACE, "run", "agency_code").agg(requests=runs.requests.sum())
    rank = ibis.row_number().over(
        ibis.window(group_by=[*_SAME_PLACE, "run"], order_by=[ibis.desc("requests"), ibis.asc("agency_code")])
    )
    ranked = runs.mutate(rank=rank)
    return ranked.filter(ranked.rank == 0).select(*_SAME_PLACE, "run", "agency_code")


def _people(placed: ir.Table, days: ir.Table) -> ir.Table:
    """Distinct authors of each issue whose rows may not be published; authors that are not known count for nobody."""
    private = placed.filter(~placed.is_row_public & placed.author_key.notnull())
    runs = private.inner_join(days.select(*_SAME_PLACE, "day", "run"), [*_SAME_PLACE, "day"])
    return runs.group_by(*_SAME_PLACE, "run").agg(people_count=runs.author_key.nunique())


# -- petitions and conversations ---------------------------------------------------------------------------------------


def _singles(settings: Settings, counted: ir.Table, parts: ir.Table) -> ir.Table:
    """The issues that begin with one feedback each."""
    alone = counted.filter(counted.issue_kind != "place")
    public_parts = parts.filter(~parts.is_official)
    sizes = public_parts.group_by("root_id").agg(
        later_count=public_parts.count(), later_at=public_parts.created_at.max()
    )
    rows = alone.left_join(sizes, alone.feedback_id == sizes.root_id).left_join(
        topic_list(settings), "topic_code"
    )
    is_petition = rows.issue_kind == "petition"
    messages = rows.later_count.fill_null(0) + 1
    return _columns(
        rows.mutate(
            issue_id=_issue_id(rows.issue_kind, rows.feedback_id),
            kind=rows.issue_kind,
            public_title=_title(rows),
            first_at=rows.created_at,
            last_at=ibis.greatest(rows.created_at, rows.later_at.fill_null(rows.created_at)),
            feedback_count=ibis.literal(1),
            has_page=ibis.ifelse(
                rows.is_row_public,
                is_petition | (messages >= PAGE_FEEDBACK),
                rows.support_count.fill_null(0) >= PAGE_PEOPLE,
            ),
        )
    )


def _title(rows: ir.Table) -> ir.StringValue:
    """A petition's own title; else how the text begins, where nothing was taken out of it; else topic and month.

    Where single rows may not be published, no word of theirs is in a title.
    """
    nothing = ibis.null("string")
    text = rows.public_text.re_replace(r"\s+", " ").strip()
    # Whom a post is addressed to says nothing of what it is about.
    text = text.re_replace(r"^(?:@[\w.@-]+\s+)+", "").nullif("")
    whole = text.length() <= _TITLE_LENGTH
    cut = text.substr(0, _TITLE_LENGTH + 1).re_replace(r"\s+\S*$", "").substr(0, _TITLE_LENGTH) + _CUT
    is_quotable = rows.is_row_public & (rows.redaction_count == 0)
    beginning = is_quotable.ifelse(ibis.ifelse(whole, text, cut), nothing)
    is_titled = rows.is_row_public & (rows.issue_kind == "petition")
    own = is_titled.ifelse(rows.public_title.strip().nullif(""), nothing)
    month = (rows.month + "-01").as_timestamp("%Y-%m-%d").strftime("%B %Y")
    return ibis.coalesce(own, beginning, rows.topic_name.fill_null("Feedback") + ", " + month)


def _columns(rows: ir.Table) -> ir.Table:
    """What is stored of an issue, but for its slug."""
    return rows.select(
        "issue_id",
        "kind",
        "public_title",
        "topic_code",
        "agency_code",
        "area_code",
        "first_at",
        "last_at",
        feedback_count=rows.feedback_count.cast("int64"),
        has_page=rows.has_page,
    )


# -- writing -----------------------------------------------------------------------------------------------------------


def _write_issues(store: Store, folder: Path, issues: ir.Table, redact: Callable[[str], str]) -> None:
    def name(kind: str, title: str) -> tuple[str, str]:
        if kind != "conversation":
            return title, slugify(title)
        # This title was cut out of a text: what stands at its end may now look like a signature.
        body = title.removesuffix(_CUT)
        said = redact(body) + title[len(body) :]
        return said, slugify(said)

    columns = ("kind", "public_title")
    keyed = with_key(issues, columns)
    result = {"title": pa.string(), "name": pa.string()}
    named = decide(store, keyed, columns, name, result=result, path=folder / "titles.parquet")
    rows = keyed.inner_join(named, KEY)
    rows = rows.mutate(public_title=rows.title, slug=rows.name + "-" + rows.issue_id)
    store.write("issue", rows.drop(KEY, "title", "name"))


def _members(counted: ir.Table, days: ir.Table, months: Sequence[str]) -> ir.Table:
    """The rows of ``issue_feedback`` for some months."""
    # A month of the site's zone may begin or end on another day in UTC.
    first = date.fromisoformat(f"{min(months)}-01") - timedelta(days=2)
    last = date.fromisoformat(f"{max(months)}-28") + timedelta(days=5)
    near = days.filter(days.day.between(first, last))
    placed = _placed(counted)
    placed = placed.inner_join(near, [*_SAME_PLACE, "day"])
    alone = counted.filter(counted.issue_kind != "place")
    alone = alone.mutate(issue_id=_issue_id(alone.issue_kind, alone.feedback_id))
    columns = ("feedback_id", "source_id", "month", "issue_id", "issue_kind")
    members = placed.select(*columns).union(alone.select(*columns), distinct=False)
    return members.mutate(method=members.issue_kind.cases(*METHODS.items())).drop("issue_kind")
