"""Issues: feedback about the same underlying problem, grouped by rules that anyone can check.

- **the same place**: feedback of any kind about the same topic in the same area is one issue, until 60 days pass
  without any. The area is the source's, or the one that a text names (`answerable.understand.named_areas`), or that
  of the street that it names (`answerable.understand.named_streets`);
- **the same words**: what has words but no place (or no topic) and says the same (`answerable.understand.issue_cells`);
- **alone**: a petition is an issue, a conversation is one; a request without a place, a topic or others is in none.

An issue is known by its earliest feedback, and ids follow feedback from build to build
(`answerable.understand.issue_ids`). People may merge, split, rename and pin issues
(`answerable.understand.issue_decisions`). Only counted feedback is in issues. Feedback whose rows may not be published
makes issues of its own, with a page from five people up.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.schema import FEEDBACK_KINDS, MISSING_CODE
from answerable.slugs import slugify
from answerable.understand.issue_candidates import TITLE_LENGTH, write_candidates
from answerable.understand.issue_cells import cells
from answerable.understand.issue_records import (
    Decided,
    decide_issues,
    given_ids,
    name_pages,
    present_date,
    write_changes,
)
from answerable.understand.issue_terms import key_terms
from answerable.understand.named_streets import street_areas, with_street_area
from answerable.understand.texts import KEY, decide, hashed, keep, rules_key, with_key
from answerable.understand.topics import place_title, topic_list

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.issue_decisions import IssueDecision

__all__ = ["GAP_DAYS", "ISSUE_KIND_OF", "METHODS", "PAGE_FEEDBACK", "PAGE_PEOPLE", "write_issues"]

log = logging.getLogger(__name__)

GAP_DAYS = 60
"""So many days without feedback end an issue of a place; the next feedback begins another."""

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
"""What an issue is that begins with feedback of each kind, as long as it is alone."""

METHODS = MappingProxyType(
    {
        "place": f"same-topic-and-area-within-{GAP_DAYS}-days",
        "named": f"same-topic-and-area-that-the-text-names-within-{GAP_DAYS}-days",
        "meaning": "same-words-in-the-same-month",
        "conversation": "same-conversation",
        "petition": "same-petition",
        "merge": "people-merged-issues",
        "split": "people-split-issues",
    }
)
"""The rules that put feedback into an issue."""

_ID_LENGTH = (
    16  # hexadecimal digits: with ten, a million issues would share one with a probability of a third
)
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
    rules: str,
    small: Collection[str] = (),
    decisions: Sequence[IssueDecision] = (),
) -> Decided:
    """Write the tables of issues in the open transaction; what people's decisions came to.

    Args:
        store: with feedback and reading as they now are, and the issues as the last build left them.
        settings: for the topics' names, and whether a source's rows may be published.
        folder: for scratch files.
        parts: messages inside conversations (`answerable.understand.relevance.conversation_parts`).
        batches: all months, in the portions in which rows are read and written.
        redact: takes personal data out of a text of people.
        rules: a digest of the rules by which it does.
        small: words that the site's texts write small: no names of areas.
        decisions: what people decided about issues.
    """
    missing = set(FEEDBACK_KINDS) - set(ISSUE_KIND_OF)
    if missing:
        message = f"no way to group feedback of the kind {', '.join(sorted(missing))}"
        raise NotImplementedError(message)
    streets = street_areas(store, settings, folder / "streets.parquet")
    write_candidates(store, settings, batches, small=small, rules=rules)
    counted = [
        keep(store, _counted(store, months, streets), folder / f"counted-{number}.parquet")
        for number, months in enumerate(batches)
    ]
    if not counted:
        for name in ("issue", "issue_feedback", "issue_cell"):
            store.write(name, store.read(name).limit(0))
        return Decided()
    everything = ibis.union(*counted, distinct=False) if len(counted) > 1 else counted[0]
    place_issues, days = _places(store, settings, folder, everything)
    alike = keep(store, _alike(store, everything), folder / "alike.parquet")
    groups = keep(store, _groups(everything, alike, parts), folder / "groups.parquet")
    lone = place_issues.filter(place_issues.is_lone).select("anchor_id")
    singles = keep(store, _alone(everything, alike, lone, parts), folder / "singles.parquet")

    on = present_date(store)
    members = [
        keep(store, _base(rows, days, groups, months), folder / f"members-{number}.parquet")
        for number, (months, rows) in enumerate(zip(batches, counted, strict=True))
    ]
    every_member = ibis.union(*members, distinct=False) if len(members) > 1 else members[0]
    settled = given_ids(store, every_member)
    decided = decide_issues(store, settled, every_member, decisions, on=on)

    drafts = [
        _columns(place_issues.filter(~place_issues.is_lone)),
        _columns(_titled(settings, singles)),
        _columns(_titled(settings, _gathered(groups))),
    ]
    issues = _with_ids(ibis.union(*drafts, distinct=False), settled.ids)
    if decided.touched:
        own = _with_ids(every_member, settled.ids, "base_issue_id")
        own = own.filter(own.base_issue_id.isin(sorted(decided.touched)))
        own = decided.applied(own).select("feedback_id", "issue_id")
        rows = (
            _with_messages(everything, parts).inner_join(own, "feedback_id").mutate(rank=ibis.null("int64"))
        )
        rows = keep(store, rows, folder / "decided.parquet")
        anew = _columns(_titled(settings, _gathered(rows), areas=store.read("area")))
        issues = issues.filter(~issues.issue_id.isin(sorted(decided.touched))).union(anew, distinct=False)
    issues = keep(store, issues, folder / "issues.parquet")
    for months, rows in zip(batches, members, strict=True):
        final = decided.applied(_with_ids(rows, settled.ids, "base_issue_id"))
        store.write(
            "issue_feedback", final.mutate(method=_method(final)).drop("kind_of_member"), months=months
        )
    terms = key_terms(store, settings, folder, issues, batches)
    issues = keep(
        store, issues.left_join(terms, "issue_id").drop("issue_id_right"), folder / "worded.parquet"
    )
    shown = [source.id for source in settings.sources if source.publish_rows]
    _write_issues(store, folder, issues, redact, decided, shown=shown, rules=rules)
    write_changes(store, settled, decided, on=on)
    log.info("grouped into %d issues", sum(p.row_count for p in store.partitions("issue")))
    return decided


def _counted(store: Store, months: Sequence[str], streets: ir.Table) -> ir.Table:
    """The counted feedback of some months, with what grouping needs; texts only where they can become a title."""
    nothing = ibis.null("string")
    rows = with_street_area(store.read("issue_candidate", months=months), streets)
    named = ibis.coalesce(rows.named_area, rows.street_area)
    rows = rows.mutate(
        day=rows.created_at.date(),
        issue_kind=rows.kind.cases(*ISSUE_KIND_OF.items()),
        area_code=rows.area_code.fill_null(named),
        is_named=named.notnull(),
    )
    is_placed = rows.area_code.notnull() & (rows.topic_code != MISSING_CODE)
    is_worded = ~is_placed & rows.has_words
    cell = (
        rows.topic_code
        + ibis.ifelse(rows.topic_code == MISSING_CODE, "/" + rows.area_code.fill_null(""), "")
        + ibis.ifelse(rows.is_row_public, "", "/private")
    )
    is_alone = (rows.issue_kind != "place") | is_worded
    return rows.mutate(
        is_placed=is_placed,
        cell=is_worded.ifelse(cell, nothing),
        said=is_worded.ifelse(rows.said, nothing),
        public_text=is_alone.ifelse(rows.public_text, nothing),
        public_title=is_alone.ifelse(rows.public_title, nothing),
    ).drop("named_area", "street_area", "streets", "has_words")


def _issue_id(kind: ir.StringValue, anchor_id: ir.StringValue) -> ir.StringValue:
    return hashed(kind, anchor_id, length=_ID_LENGTH)


# -- the same topic in the same area -----------------------------------------------------------------------------------


def _places(store: Store, settings: Settings, folder: Path, counted: ir.Table) -> tuple[ir.Table, ir.Table]:
    """The issues of places, and a table of which (topic, area, day) belongs to which of them."""
    placed = counted.filter(counted.is_placed)
    # Days, not feedback, are sorted: their number is bounded by the calendar. Gaps are measured between instants.
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
    anchors = placed.select(*_SAME_PLACE, "feedback_id", "issue_kind", first_at="created_at").inner_join(
        issues.select(*_SAME_PLACE, "run", "first_at"), [*_SAME_PLACE, "first_at"]
    )
    anchors = anchors.group_by(*_SAME_PLACE, "run").agg(
        anchor_id=anchors.feedback_id.min(), anchor_kind=anchors.issue_kind.argmin(anchors.feedback_id)
    )
    issues = issues.inner_join(anchors, [*_SAME_PLACE, "run"])
    issues = issues.inner_join(_main_agency(by_agency, days), [*_SAME_PLACE, "run"])
    columns = issues.columns
    issues = issues.left_join(_people(placed, days), [*_SAME_PLACE, "run"]).select(*columns, "people_count")
    issues = issues.mutate(
        issue_id=_issue_id(issues.anchor_kind, issues.anchor_id),
        # A petition or a conversation that meets nothing else stays what it is.
        is_lone=(issues.feedback_count == 1) & (issues.anchor_kind != "place"),
    )
    issues = keep(store, issues, folder / "places.parquet")
    found = days.inner_join(issues.select(*_SAME_PLACE, "run", "issue_id", "is_lone"), [*_SAME_PLACE, "run"])
    found = keep(
        store, found.select(*_SAME_PLACE, "day", "issue_id", "is_lone"), folder / "days-of-issues.parquet"
    )
    areas = store.read("area")
    named = issues.left_join(topic_list(settings), "topic_code").left_join(
        areas.select("area_code", area_name="name"), "area_code"
    )
    titled = named.mutate(
        kind=ibis.literal("place"),
        public_title=place_title(
            named.topic_name.fill_null(named.topic_code), named.area_name.fill_null(named.area_code)
        ),
        worded_by_id=ibis.null("string"),
        has_page=ibis.ifelse(
            named.is_row_public,
            named.feedback_count >= PAGE_FEEDBACK,
            named.people_count.fill_null(0) >= PAGE_PEOPLE,
        ),
    )
    return titled, found


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
    return ranked.filter(ranked["rank"] == 0).select(*_SAME_PLACE, "run", "agency_code")


def _people(placed: ir.Table, days: ir.Table) -> ir.Table:
    """Distinct authors of each issue whose rows may not be published; authors that are not known count for nobody."""
    private = placed.filter(~placed.is_row_public & placed.author_key.notnull())
    runs = private.inner_join(days.select(*_SAME_PLACE, "day", "run"), [*_SAME_PLACE, "day"])
    return runs.group_by(*_SAME_PLACE, "run").agg(people_count=runs.author_key.nunique())


# -- the same words, and what is alone ---------------------------------------------------------------------------------


def _alike(store: Store, counted: ir.Table) -> ir.Table:
    """``feedback_id``, ``chain_id`` and ``rank`` of what says the same as something else."""
    worded = counted.filter(counted.cell.notnull())
    return cells(store, worded.select("feedback_id", "source_id", "month", "cell", "said"))


def _with_messages(rows: ir.Table, parts: ir.Table) -> ir.Table:
    """The rows with how many messages of people their conversation has, and when the last was written."""
    public_parts = parts.filter(~parts.is_official)
    sizes = public_parts.group_by("root_id").agg(
        later_count=public_parts.count(), later_at=public_parts.created_at.max()
    )
    rows = rows.left_join(sizes, rows.feedback_id == sizes.root_id).drop("root_id")
    return rows.mutate(
        messages=rows.later_count.fill_null(0) + 1,
        last_at=ibis.greatest(rows.created_at, rows.later_at.fill_null(rows.created_at)),
    ).drop("later_count", "later_at")


def _groups(counted: ir.Table, alike: ir.Table, parts: ir.Table) -> ir.Table:
    """The feedback of groups of the same words, with the id that its group has by itself."""
    rows = _with_messages(counted.inner_join(alike, "feedback_id"), parts)
    order = rows.created_at.cast("string") + rows.feedback_id
    anchors = rows.group_by("chain_id").agg(
        anchor_id=rows.feedback_id.argmin(order), anchor_kind=rows.issue_kind.argmin(order)
    )
    rows = rows.inner_join(anchors, "chain_id")
    return rows.mutate(issue_id=_issue_id(rows.anchor_kind, rows.anchor_id)).drop(
        "chain_id", "anchor_id", "anchor_kind"
    )


def _alone(counted: ir.Table, alike: ir.Table, lone: ir.Table, parts: ir.Table) -> ir.Table:
    """The petitions and conversations that meet nothing else: an issue each, with what a title is made of."""
    rows = counted.filter(counted.issue_kind != "place").anti_join(alike, "feedback_id")
    # Named anew: the same file stands on both sides of the join.
    met = rows.filter(rows.is_placed).select(met_id="feedback_id").anti_join(lone, [("met_id", "anchor_id")])
    rows = _with_messages(rows.anti_join(met, rows.feedback_id == met.met_id), parts)
    is_petition = rows.issue_kind == "petition"
    return rows.mutate(
        issue_id=_issue_id(rows.issue_kind, rows.feedback_id),
        group_kind=rows.issue_kind,
        first_at=rows.created_at,
        feedback_count=ibis.literal(1),
        worded_by=rows.feedback_id,
        has_page=ibis.ifelse(
            rows.is_row_public,
            is_petition | (rows.messages >= PAGE_FEEDBACK),
            rows.support_count.fill_null(0) >= PAGE_PEOPLE,
        ),
    )


def _gathered(rows: ir.Table) -> ir.Table:
    """One row for each issue of some feedback, with what a title is made of: its most central message."""
    order = rows.created_at.cast("string") + rows.feedback_id
    sums = rows.group_by("issue_id").agg(
        first_at=rows.created_at.min(),
        last_at=rows.last_at.max(),
        feedback_count=rows.count(),
        month=rows.month.argmin(order),
        is_row_public=rows.is_row_public.all(),
        is_placed=rows.is_placed.all() & (rows.topic_code.nunique() == 1) & (rows.area_code.nunique() == 1),
        area_code=ibis.ifelse(
            (rows.area_code.nunique() == 1) & rows.area_code.notnull().all(),
            rows.area_code.min(),
            ibis.null("string"),
        ),
        people_count=ibis.greatest(rows.author_key.nunique(), rows.support_count.fill_null(0).max()),
        is_page=(rows.issue_kind == "petition").any() | (rows.messages >= PAGE_FEEDBACK).any(),
        only_kind=rows.issue_kind.min(),
    )
    for column in ("topic_code", "agency_code"):
        sums = sums.inner_join(_most(rows, column), "issue_id")
    is_quotable = rows.is_row_public & (rows.redaction_count == 0) & (rows.public_text.fill_null("") != "")
    quotable = rows.filter(is_quotable)
    place = ibis.row_number().over(
        ibis.window(
            group_by="issue_id",
            order_by=[ibis.asc(quotable["rank"].fill_null(0)), "created_at", "feedback_id"],
        )
    )
    quotable = quotable.mutate(place=place)
    central = quotable.filter(quotable.place == 0).select(
        "issue_id", "issue_kind", "public_title", "public_text", "redaction_count", worded_by="feedback_id"
    )
    found = sums.left_join(central, "issue_id").drop("issue_id_right")
    is_single = found.feedback_count == 1
    return found.mutate(
        redaction_count=found.redaction_count.fill_null(1),
        issue_kind=found.issue_kind.fill_null("place"),
        group_kind=ibis.cases(
            (is_single, found.only_kind), (found.is_placed, ibis.literal("place")), else_="meaning"
        ),
        has_page=ibis.ifelse(
            found.is_row_public,
            (found.feedback_count >= PAGE_FEEDBACK) | found.is_page,
            found.people_count >= PAGE_PEOPLE,
        ),
    )


def _most(rows: ir.Table, column: str) -> ir.Table:
    """The commonest value of a column in each issue; the first of several."""
    counts = rows.group_by("issue_id", column).agg(rows=rows.count())
    place = ibis.row_number().over(
        ibis.window(group_by="issue_id", order_by=[ibis.desc("rows"), ibis.asc(column)])
    )
    ranked = counts.mutate(place=place)
    return ranked.filter(ranked.place == 0).select("issue_id", column)


def _titled(settings: Settings, rows: ir.Table, *, areas: ir.Table | None = None) -> ir.Table:
    """The issues with their titles, and the feedback whose words a title is made of."""
    rows = rows.left_join(topic_list(settings), "topic_code")
    own, beginning, plain = _title(rows)
    if areas is not None:
        rows = rows.left_join(
            areas.select(at_area="area_code", area_name="name"), rows.area_code == areas.area_code
        )
        own, beginning, plain = _title(rows)
        is_place = rows.group_kind == "place"
        name = place_title(
            rows.topic_name.fill_null(rows.topic_code), rows.area_name.fill_null(rows.area_code)
        )
        nothing = ibis.null("string")
        own, beginning = is_place.ifelse(nothing, own), is_place.ifelse(nothing, beginning)
        plain = is_place.ifelse(name, plain)
    worded = ibis.coalesce(own, beginning)
    return rows.mutate(
        kind=rows.group_kind,
        public_title=ibis.coalesce(worded, plain),
        worded_by_id=worded.notnull().ifelse(rows.worded_by, ibis.null("string")),
    )


def _title(rows: ir.Table) -> tuple[ir.StringValue, ir.StringValue, ir.StringValue]:
    """A petition's own title; how the text begins, where nothing was taken out of it; topic and month.

    Where single rows may not be published, no word of theirs is in a title.
    """
    nothing = ibis.null("string")
    text = rows.public_text.re_replace(r"\s+", " ").strip()
    # Whom a post is addressed to says nothing of what it is about.
    text = text.re_replace(r"^(?:@[\w.@-]+\s+)+", "").nullif("")
    whole = text.length() <= TITLE_LENGTH
    cut = text.substr(0, TITLE_LENGTH + 1).re_replace(r"\s+\S*$", "").substr(0, TITLE_LENGTH)
    # An account that ends where the text was cut would look like half of one.
    cut = cut.re_replace(r"(@[\w.@-]+)$", r"\1 ") + _CUT
    is_quotable = rows.is_row_public & (rows.redaction_count == 0)
    beginning = is_quotable.ifelse(ibis.ifelse(whole, text, cut), nothing)
    is_titled = rows.is_row_public & (rows.issue_kind == "petition")
    own = is_titled.ifelse(rows.public_title.strip().nullif(""), nothing)
    month = (rows.month + "-01").as_timestamp("%Y-%m-%d").strftime("%B %Y")
    return own, beginning, rows.topic_name.fill_null("Feedback") + ", " + month


def _columns(rows: ir.Table) -> ir.Table:
    """What is stored of an issue, but for its slug; and whose words its title is."""
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
        worded_by_id=rows.worded_by_id,
        is_row_public=rows.is_row_public,
    )


# -- members -----------------------------------------------------------------------------------------------------------


def _base(counted: ir.Table, days: ir.Table, groups: ir.Table, months: Sequence[str]) -> ir.Table:
    """Which feedback of some months is in which issue by itself, before ids are settled and people decided."""
    # A month of the site's zone may begin or end on another day in UTC.
    first = date.fromisoformat(f"{min(months)}-01") - timedelta(days=2)
    last = date.fromisoformat(f"{max(months)}-28") + timedelta(days=5)
    near = days.filter(days.day.between(first, last))
    columns = ("feedback_id", "source_id", "month", "issue_id", "kind_of_member")
    placed = counted.filter(counted.is_placed).inner_join(near, [*_SAME_PLACE, "day"])
    how = ibis.cases((placed.is_lone, placed.issue_kind), (placed.is_named, "named"), else_="place")
    placed = placed.mutate(kind_of_member=how).select(*columns)
    here = groups.filter(groups.month.isin(list(months)))
    alike = here.mutate(kind_of_member=ibis.literal("meaning")).select(*columns)
    rest = counted.filter(~counted.is_placed & (counted.issue_kind != "place"))
    rest = rest.anti_join(here.select(met_id="feedback_id"), [("feedback_id", "met_id")])
    rest = rest.mutate(issue_id=_issue_id(rest.issue_kind, rest.feedback_id), kind_of_member=rest.issue_kind)
    return ibis.union(placed, alike, rest.select(*columns), distinct=False).rename(base_issue_id="issue_id")


def _method(members: ir.Table) -> ir.StringValue:
    return members.kind_of_member.cases(*METHODS.items())


def _with_ids(rows: ir.Table, ids: Any, column: str = "issue_id") -> ir.Table:
    """The rows with the ids that their issues were given."""
    if not ids:
        return rows
    given = ibis.memtable(
        pa.table(
            {
                "own_id": pa.array(list(ids), pa.string()),
                "given_id": pa.array(list(ids.values()), pa.string()),
            }
        )
    )
    joined = rows.left_join(given, rows[column] == given.own_id)
    return joined.mutate(**{column: joined.given_id.fill_null(joined[column])}).drop("own_id", "given_id")


# -- writing -----------------------------------------------------------------------------------------------------------


def _write_issues(
    store: Store,
    folder: Path,
    issues: ir.Table,
    redact: Callable[[str], str],
    decided: Decided,
    *,
    shown: Collection[str],
    rules: str,
) -> None:
    def name(worded_by_id: str | None, title: str, renamed: str | None, held: str | None) -> tuple[str, str]:
        if held is not None:
            return held, slugify(held)
        if renamed is not None:
            return redact(renamed), slugify(redact(renamed))
        if worded_by_id is None or not title.strip():
            return title, slugify(title)
        # This title was cut out of a text: what stands at its end may now look like a signature.
        body = title.removesuffix(_CUT).rstrip()
        said = redact(body) + title[len(body) :]
        return said, slugify(said)

    # What had a page keeps it, however few of its feedback are left: its address is out.
    had = store.read("issue_address").select(had_id="first_issue_id").distinct()
    issues = issues.left_join(had, issues.issue_id == had.had_id)
    issues = issues.mutate(has_page=issues.has_page | (issues.is_row_public & issues.had_id.notnull()))
    issues = decided.renamed(issues.drop("had_id", "is_row_public"))
    worded = (issues.kind != "petition").ifelse(issues.worded_by_id, ibis.null("string"))
    columns = ("said_by", "public_title", "renamed")
    issues = issues.mutate(said_by=worded.notnull().ifelse("1", ibis.null("string")))
    issues = issues.mutate(title_key=rules_key(issues, columns, rules=rules))
    # What the last build made of the same words by the same rules need not be made again.
    held = store.read("issue").filter(ibis._.title_key.notnull())
    held = held.select(held_key="title_key", held_title="public_title").distinct(
        on=["held_key"], keep="first"
    )
    keyed = issues.left_join(held, issues.title_key == held.held_key).drop("held_key")
    keyed = with_key(keyed, (*columns, "held_title"))
    result = {"title": pa.string(), "name": pa.string()}
    named = decide(
        store, keyed, (*columns, "held_title"), name, result=result, path=folder / "titles.parquet"
    )
    rows = keyed.inner_join(named, KEY)
    rows = rows.mutate(
        public_title=rows.title,
        slug=rows.name + "-" + rows.issue_id,
        worded_by_id=rows.renamed.isnull().ifelse(rows.worded_by_id, ibis.null("string")),
        is_pinned=rows.issue_id.isin(sorted(decided.pinned)) if decided.pinned else ibis.literal(False),
    )
    rows = keep(
        store, rows.drop(KEY, "title", "name", "renamed", "said_by", "held_title"), folder / "named.parquet"
    )
    slugs = name_pages(store, rows, decided, shown)
    rows = rows.left_join(slugs, rows.issue_id == slugs.page_id)
    rows = rows.mutate(slug=rows.own_slug.fill_null(rows.slug))
    store.write("issue", rows.drop("page_id", "own_slug", "worded_by_id"))
