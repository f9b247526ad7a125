"""What people decided in place of the program, as everybody may see it: as data, and in words for the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any

import ibis

from answerable import schema
from answerable.publish.plain_words import Names, names_of, rule_words, value_words

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = [
    "NEWEST",
    "Decision",
    "Message",
    "decisions_by_issue",
    "newest_decisions",
    "public_overrides",
]

NEWEST = 200
"""How many decisions the page shows; the data have all."""

_DID = r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+"


@dataclass(frozen=True, slots=True)
class Message:
    """Where something that was decided about may be read.

    Attributes:
        source: the name of its source; empty for an issue.
        url: its address at its source.
        issue_path: the page of its issue, from the site's root; with ``issue_title``. Empty where there is none.
    """

    source: str = ""
    url: str = ""
    issue_path: str = ""
    issue_title: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a person, in words.

    Attributes:
        decision: what of it was decided (a key of ``schema.OVERRIDDEN``).
        about: the feedback or issue that it is about; None where that is not told.
        other: what it repeats, or what an agency said; None for any other decision, and where that is not told.
        before: what the program had said, in words; empty where it is not known. ``before_why`` says why it did.
        decided: what the person said, in words; empty where it is not told.
        is_confirmed: whether the program had said the same.
        reason: in the person's words; None where it is not told.
        reviewer: who decided.
        reviewed_on: since when.
        expires_on: the first day on which it no longer holds, if any.
        is_matched: whether what it is about is (still) there.
        is_expired: whether it no longer holds.
    """

    decision: str
    about: Message | None
    other: Message | None
    before: str
    before_why: str
    decided: str
    is_confirmed: bool
    reason: str | None
    reviewer: str
    reviewed_on: date
    expires_on: date | None
    is_matched: bool
    is_expired: bool

    @property
    def is_of_issue(self) -> bool:
        """Whether it is about an issue, not a message."""
        return self.decision in _OF_ISSUES


_OF_ISSUES = frozenset({"merge", "split", "rename", "pin"})


def public_overrides(store: Store) -> ir.Table:
    """The table ``override`` with nothing in it that names a row of a source that hides its rows.

    That something was decided, by whom and why, is told of those too.
    """
    return _guarded(store).select(*schema.table("override").public_names)


def _guarded(store: Store) -> ir.Table:
    """The table with its private columns too. Understanding leaves out what is hidden: this is the second door."""
    override = store.read("override")
    sources = store.con.to_pyarrow(store.read("source").select("source_id", "is_published_by_row"))
    hidden = [
        source
        for source, is_open in zip(*(sources[n].to_pylist() for n in sources.column_names), strict=True)
        if not is_open
    ]
    texts = ("about_name", "from_value", "to_value")
    names_hidden = reduce(
        lambda found, part: found | part,
        (
            override[name].contains(f"{source}:").fill_null(False)
            for name in texts
            for source in sorted(hidden)
        ),
        override.about_source_id.isin(hidden).fill_null(False) if hidden else ibis.literal(False),
    )
    nothing = ibis.null("string")
    return override.mutate(
        **{name: names_hidden.ifelse(nothing, override[name].re_replace(_DID, "did")) for name in texts},
        **{name: names_hidden.ifelse(nothing, override[name]) for name in ("about_id", "other_id")},
    )


def newest_decisions(store: Store) -> tuple[Decision, ...]:
    """The newest decisions, as the page shows them."""
    order = [ibis.desc("reviewed_on"), "override_id"]
    rows = _rows(store, _guarded(store).order_by(order).limit(NEWEST))
    return _told(store, rows)


def decisions_by_issue(store: Store) -> dict[str, tuple[Decision, ...]]:
    """What people decided about each issue and what holds now, the oldest first."""
    override = _guarded(store)
    held = override.filter(
        (override.about == "issue") & override.is_matched & ~override.is_expired & override.about_id.notnull()
    )
    rows = _rows(store, held.order_by(["reviewed_on", "decision", "override_id"]))
    found: dict[str, list[Decision]] = {}
    for row, decision in zip(rows, _told(store, rows), strict=True):
        found.setdefault(row["about_id"], []).append(decision)
    return {issue_id: tuple(decisions) for issue_id, decisions in found.items()}


def _told(store: Store, rows: Sequence[Mapping[str, Any]]) -> tuple[Decision, ...]:
    if not rows:
        return ()
    names = names_of(store)
    issues = _issues(store, {row["about_id"] for row in rows if row["about"] == "issue"})
    messages = _messages(
        store,
        {row[n] for row in rows for n in ("about_id", "other_id") if row[n] and row["about"] != "issue"},
    )
    return tuple(_decision(row, issues if row["about"] == "issue" else messages, names) for row in rows)


def _decision(row: Mapping[str, Any], places: Mapping[str, Message], names: Names) -> Decision:
    kind = row["decision"]
    value, _, rule = (row["from_value"] or "").partition(" [")
    return Decision(
        decision=kind,
        about=None if row["about_name"] is None else places.get(row["about_id"] or "", Message()),
        other=places.get(row["other_id"] or ""),
        before=value_words(kind, value, names),
        before_why=rule_words(rule.removesuffix("]")),
        decided=_issue_words(kind, row["to_value"]) or value_words(kind, row["to_value"], names),
        is_confirmed=bool(value) and value == row["to_value"],
        **{
            name: row[name]
            for name in ("reason", "reviewer", "reviewed_on", "expires_on", "is_matched", "is_expired")
        },
    )


def _issue_words(kind: str, value: str | None) -> str:
    """What was decided about an issue, in words; empty for what is told of feedback."""
    if kind == "merge":
        return "other issues are part of this one" if " " in (value or "") else "another issue is part of it"
    return {
        "split": "some messages are taken out of it and make an issue of their own",
        "pin": "it stands before the others",
    }.get(kind, "")


def _issues(store: Store, ids: Iterable[str | None]) -> dict[str, Message]:
    issue = store.read("issue").filter(ibis._.has_page)
    wanted = sorted({i for i in ids if i})
    rows = issue.filter(issue.issue_id.isin(wanted)).select("issue_id", "slug", "public_title")
    return {
        row["issue_id"]: Message(issue_path=f"issues/{row['slug']}/", issue_title=row["public_title"])
        for row in (_rows(store, rows) if wanted else ())
    }


def _messages(store: Store, ids: Iterable[str]) -> dict[str, Message]:
    """Feedback of sources that publish their rows, by feedback_id."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    feedback = store.read("feedback")
    source = store.read("source").filter(ibis._.is_published_by_row).select("source_id", source="name")
    rows = feedback.filter(feedback.feedback_id.isin(wanted)).select("feedback_id", "source_id", "url")
    member = store.read("issue_feedback")
    member = member.filter(member.feedback_id.isin(wanted)).select("feedback_id", "issue_id")
    rows = rows.inner_join(source, "source_id").left_join(member, "feedback_id").drop("feedback_id_right")
    found = _rows(store, rows)
    issues = _issues(store, (row["issue_id"] for row in found))
    return {
        row["feedback_id"]: Message(
            source=row["source"],
            url=row["url"] or "",
            issue_path=(issue := issues.get(row["issue_id"] or "", Message())).issue_path,
            issue_title=issue.issue_title,
        )
        for row in found
    }


def _rows(store: Store, expr: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.con.to_pyarrow(expr).to_pylist()
    return found
