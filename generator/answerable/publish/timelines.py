"""What happened in each issue: the first and the newest of its feedback with all that was done about them.

Ten million feedback may stand behind a few thousand pages. So the store is asked twice for each run of months: first
which feedback come first and last in their issue (narrow columns only), then for what those few say. No query is
made for a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis
import pyarrow as pa

from answerable.publish.months import month_runs
from answerable.publish.text import quotable

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["FIRST", "NEWEST", "Event", "Timeline", "timelines"]

FIRST = 4
"""How many of an issue's first feedback its page shows."""
NEWEST = 12
"""How many of the newest."""
_UPDATES = 8
"""How many updates of one feedback: the first ones and, at the end, the last."""


class Event(NamedTuple):
    """One thing that happened. ``kind`` is ``raised``, ``elsewhere`` or a kind of update; instants are UTC.

    ``text`` is empty where nothing was said, and where what was said is not quoted (``is_withheld``).
    """

    at: datetime
    kind: str
    feedback_id: str
    update_class: str | None
    agency_code: str | None
    text: str | None
    lang: str | None
    url: str | None
    is_official: bool
    is_at_latest: bool
    is_withheld: bool


@dataclass(frozen=True)
class Timeline:
    """The events of an issue in their order; between ``before`` and ``after`` more happened when ``is_cut``."""

    events: tuple[Event, ...] = ()
    is_cut: bool = False


def timelines(store: Store) -> dict[str, Timeline]:
    """The timeline of each issue that has a page, by its issue_id.

    Issues with feedback of a source whose rows are not published have none: a page may count such feedback, not show
    it.
    """
    chosen = _chosen(store)
    if not chosen.num_rows:
        return {}
    events: dict[str, list[Event]] = {}
    for months in month_runs(store, "issue_feedback"):
        _collect(store, months, chosen, events)
    cut = {
        issue_id
        for issue_id, total, held in zip(
            *(chosen[name].to_pylist() for name in ("issue_id", "total", "held")), strict=True
        )
        if total > held
    }
    return {
        issue_id: Timeline(tuple(sorted(found, key=_order)), issue_id in cut)
        for issue_id, found in events.items()
    }


_KINDS = (
    "raised",
    "opened",
    "acknowledged",
    "status_changed",
    "replied",
    "elsewhere",
    "closed",
    "confirmed",
    "reopened",
    "edited",
)


def _order(event: Event) -> tuple[Any, ...]:
    return (event.at, _KINDS.index(event.kind), event.feedback_id)


def _chosen(store: Store) -> pa.Table:
    """Which feedback stand on pages: issue_id, feedback_id, month, and how many of how many the issue shows."""
    issue = store.read("issue").filter(ibis._.has_page).select("issue_id")
    shown = store.read("source").select("source_id", "is_published_by_row")
    parts: list[pa.Table] = []
    totals: list[pa.Table] = []
    for months in month_runs(store, "issue_feedback"):
        member = (
            store.read("issue_feedback", months=months)
            .select("issue_id", "feedback_id", "source_id", "month")
            .semi_join(issue, "issue_id")
        )
        clock = store.read("clock", months=months).select("feedback_id", "created_at")
        rows = member.join(clock, "feedback_id").join(shown, "source_id")
        totals.append(
            store.con.to_pyarrow(
                rows.group_by("issue_id").aggregate(
                    total=rows.count(), is_shown=rows.is_published_by_row.all()
                )
            )
        )
        parts.append(
            store.con.to_pyarrow(_ends(rows.select("issue_id", "feedback_id", "month", "created_at")))
        )
    if not parts:
        return pa.table(
            {"issue_id": pa.array([], pa.string()), "feedback_id": [], "month": [], "total": [], "held": []}
        )
    ends = _ends(ibis.memtable(pa.concat_tables(parts).cast(_ENDS)))
    total = ibis.memtable(pa.concat_tables(totals).cast(_TOTALS))
    sums = total.group_by("issue_id").aggregate(total=total.total.sum(), is_shown=total.is_shown.all())
    kept = ends.join(sums.filter(sums.is_shown), "issue_id")
    counted = kept.mutate(held=kept.count().over(group_by="issue_id"))
    return pa.table(store.con.to_pyarrow(counted.select("issue_id", "feedback_id", "month", "total", "held")))


_ENDS = pa.schema(
    [
        ("issue_id", pa.string()),
        ("feedback_id", pa.string()),
        ("month", pa.string()),
        ("created_at", pa.timestamp("us")),
    ]
)
_TOTALS = pa.schema([("issue_id", pa.string()), ("total", pa.int64()), ("is_shown", pa.bool_())])


def _ends(rows: Any) -> Any:
    """The first and the newest feedback of each issue."""
    numbered = rows.mutate(
        first=ibis.row_number().over(group_by="issue_id", order_by=["created_at", "feedback_id"]),
        newest=ibis.row_number().over(
            group_by="issue_id", order_by=[ibis.desc("created_at"), ibis.desc("feedback_id")]
        ),
    )
    return numbered.filter((numbered.first < FIRST) | (numbered.newest < NEWEST)).drop("first", "newest")


def _collect(store: Store, months: tuple[str, ...], chosen: pa.Table, events: dict[str, list[Event]]) -> None:
    """Add the events of the chosen feedback that were raised in those months."""
    wanted = ibis.memtable(chosen.select(["issue_id", "feedback_id", "month"]))
    here = wanted.filter(wanted.month.isin(list(months))).select("issue_id", "feedback_id")
    feedback = store.read("feedback", months=months).select(
        "feedback_id", "created_at", "lang", "url", "is_official", is_petition=ibis._.kind == "petition"
    )
    reading = store.read("reading", months=months).select("feedback_id", "public_title", "public_text")
    grouped = store.read("issue").select("issue_id", is_of_petition=ibis._.kind == "petition")
    raised = here.join(feedback, "feedback_id").join(grouped, "issue_id").left_join(reading, "feedback_id")
    # What a petition asks for is its title: among other feedback it has to be said.
    asked = (raised.is_petition & ~raised.is_of_petition).ifelse(raised.public_title.fill_null("") + "\n", "")
    text = (asked + raised.public_text.fill_null("")).strip()
    language: dict[str, tuple[str, str | None]] = {}
    columns = ["issue_id", "feedback_id", "created_at", "lang", "url", "is_official"]
    for row in store.con.to_pyarrow(raised.select(*columns, text=text)).to_pylist():
        language[row["feedback_id"]] = (row["issue_id"], row["lang"])
        event = Event(
            at=row["created_at"],
            kind="raised",
            feedback_id=row["feedback_id"],
            update_class=None,
            agency_code=None,
            text=quotable(row["text"]),
            lang=row["lang"],
            url=row["url"],
            is_official=row["is_official"],
            is_at_latest=False,
            is_withheld=bool(row["text"]) and quotable(row["text"]) is None,
        )
        events.setdefault(row["issue_id"], []).append(event)
    for update in _updates(store, months, here):
        issue_id, lang = language[update["feedback_id"]]
        said = update["public_text"]
        event = Event(
            at=update["at"],
            kind=update["kind"],
            feedback_id=update["feedback_id"],
            update_class=update["update_class"],
            agency_code=update["agency_code"],
            text=quotable(said),
            lang=lang,
            url=update["url"],
            is_official=update["is_official"],
            is_at_latest=update["is_at_latest"],
            is_withheld=bool(said) and quotable(said) is None,
        )
        events[issue_id].append(event)
    for issue_id, answer in (*_on_record(store, months, chosen), *_elsewhere(store, months, chosen)):
        found = events.setdefault(issue_id, [])
        # What answers several feedback of an issue is told once.
        if not any((e.at, e.kind, e.text) == (answer.at, answer.kind, answer.text) for e in found):
            found.append(answer)


def _elsewhere(store: Store, months: tuple[str, ...], chosen: pa.Table) -> Iterator[tuple[str, Event]]:
    """What agencies said elsewhere of feedback of those months that they name, with its issue; once for each issue."""
    if not store.months("update_elsewhere"):
        return
    said = store.read("update_elsewhere", months=months).filter(ibis._.is_counted)
    shown = store.read("source").filter(ibis._.is_published_by_row).select(post_source_id="source_id")
    issue = ibis.memtable(chosen.select(["issue_id"])).distinct()
    member = store.read("issue_feedback", months=months).select("issue_id", "feedback_id")
    rows = said.semi_join(shown, "post_source_id").join(member.semi_join(issue, "issue_id"), "feedback_id")
    once = rows.group_by("issue_id", "post_id").aggregate(
        feedback_id=rows.feedback_id.min(),
        **{
            name: rows[name].first(order_by="feedback_id", include_null=True)
            for name in ("at", "update_class", "agency_code", "public_text", "lang", "url")
        },
    )
    for row in store.con.to_pyarrow(once.order_by(["issue_id", "at", "post_id"])).to_pylist():
        text = quotable(row["public_text"])
        yield (
            row["issue_id"],
            Event(
                at=row["at"],
                kind="elsewhere",
                feedback_id=row["feedback_id"],
                update_class=row["update_class"],
                agency_code=row["agency_code"],
                text=text,
                lang=row["lang"],
                url=row["url"],
                is_official=True,
                is_at_latest=False,
                is_withheld=bool(row["public_text"]) and text is None,
            ),
        )


def _on_record(store: Store, months: tuple[str, ...], chosen: pa.Table) -> Iterator[tuple[str, Event]]:
    """What officials put on the record as an answer to feedback of those months, with its issue."""
    link = store.read("response_feedback", months=months).filter(ibis._.method == "register")
    shown = store.read("source").filter(ibis._.is_published_by_row).select("source_id")
    issue = ibis.memtable(chosen.select(["issue_id"])).distinct()
    member = store.read("issue_feedback", months=months).select("issue_id", "feedback_id")
    response = store.read("response").semi_join(shown, "source_id")
    rows = (
        link.select("response_id", "feedback_id")
        .join(response, "response_id")
        .join(member.semi_join(issue, "issue_id"), "feedback_id")
    )
    columns = ("issue_id", "feedback_id", "responded_at", "update_class", "agency_code", "public_text", "url")
    for row in store.con.to_pyarrow(rows.select(*columns)).to_pylist():
        # Written for the public by name: personal data is taken out of it, but it is not withheld.
        text = row["public_text"] or None
        yield (
            row["issue_id"],
            Event(
                at=row["responded_at"],
                kind="replied",
                feedback_id=row["feedback_id"],
                update_class=row["update_class"],
                agency_code=row["agency_code"],
                text=text,
                lang=None,
                url=row["url"],
                is_official=True,
                is_at_latest=False,
                is_withheld=False,
            ),
        )


def _updates(store: Store, months: tuple[str, ...], here: Any) -> Iterator[dict[str, Any]]:
    update = (
        store.read("feedback_update", months=months)
        .filter(ibis._.kind != "opened")
        .semi_join(here, "feedback_id")
        .drop("text", "source_id", "month", "status", "answer_id")
    )
    reading = store.read("update_reading", months=months).select("update_id", "update_class", "public_text")
    joined = update.left_join(reading, "update_id").drop("update_id_right")
    place = ibis.row_number().over(group_by="feedback_id", order_by=["at", "kind", "update_id"])
    last = ibis.row_number().over(
        group_by="feedback_id", order_by=[ibis.desc("at"), ibis.desc("kind"), ibis.desc("update_id")]
    )
    numbered = joined.mutate(place=place, last=last)
    few = numbered.filter((numbered.place < _UPDATES) | (numbered.last == 0)).drop(
        "place", "last", "update_id"
    )
    yield from store.con.to_pyarrow(few).to_pylist()
