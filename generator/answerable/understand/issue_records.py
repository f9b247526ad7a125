"""What issues were up to now, and what people decided about them: read from the store, applied, written back.

settled = given_ids(store, members)                           ids that follow feedback from the last build
decided = decide_issues(store, settled, members, decisions)   merges, splits, titles and pins of people
slugs = name_pages(store, issues, decided)                    the address of each page; ``issue_address``
write_changes(store, settled, decided, on=on)                 ``issue_change``
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable import schema
from answerable.slugs import slugify
from answerable.understand.issue_decisions import (
    IssueDecision,
    MergeIssues,
    PinIssue,
    RenameIssue,
    SplitIssue,
)
from answerable.understand.issue_ids import Address, Page, Settled, Shared, follow, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from answerable.store import Store

__all__ = ["Decided", "Standing", "decide_issues", "given_ids", "name_pages", "present_date", "write_changes"]

_ID = 17  # a hyphen and sixteen digits at the end of a slug


def present_date(store: Store) -> date:
    """The date of the data: the newest of a source, else the day on which the newest feedback was raised."""
    newest = store.con.to_pyarrow(store.read("source").as_of_at.max()).as_py()
    if newest is None:
        newest = store.con.to_pyarrow(store.read("feedback").created_at.max()).as_py()
    return newest.date() if isinstance(newest, datetime) else date.min


def _pairs(store: Store, expr: ir.Table) -> list[dict[str, Any]]:
    return [row for batch in store.batches(expr) for row in batch.to_pylist()]


def _ids(values: Iterable[str], name: str) -> ir.Table:
    return ibis.memtable(pa.table({name: pa.array(sorted(values), pa.string())}))


# -- ids ---------------------------------------------------------------------------------------------------------------


def given_ids(store: Store, members: ir.Table) -> Settled:
    """The ids that follow feedback from the issues of the last build.

    Only what changed is looked at: groups with an id that was not there, issues whose id is there no longer, and
    groups of the same words, whose members may move.

    Args:
        store: with ``issue_feedback`` and ``issue`` as the last build left them.
        members: ``feedback_id``, ``base_issue_id`` (by itself) and ``kind_of_member`` of this build.
    """
    before = store.read("issue_feedback").select("feedback_id", was="base_issue_id")
    if not any(part.row_count for part in store.partitions("issue_feedback")):
        return Settled({}, {}, {})
    before = before.filter(before.was.notnull())
    old_ids = before.select(old_id="was").distinct()
    new_ids = members.select(new_id="base_issue_id").distinct()
    unseen = new_ids.anti_join(old_ids, new_ids.new_id == old_ids.old_id)
    lost = old_ids.anti_join(new_ids, old_ids.old_id == new_ids.new_id)
    is_moving = members.kind_of_member == "meaning"
    changed = members.semi_join(unseen, members.base_issue_id == unseen.new_id)
    changed = changed.union(members.filter(is_moving), distinct=False).select("feedback_id", "base_issue_id")
    moved = changed.inner_join(before, "feedback_id")
    moved = moved.filter(moved.was != moved.base_issue_id).select(old_id="was")
    touched = set(_column(store, moved.union(lost, distinct=True).distinct(), "old_id"))
    if not touched:
        return Settled({}, {}, {})
    kept_ids = set[str]()
    while True:
        names = _ids(touched, "touched_id")
        theirs = before.semi_join(names, before.was == names.touched_id)
        spread = theirs.inner_join(members.select("feedback_id", "base_issue_id"), "feedback_id")
        counts = spread.group_by("was", "base_issue_id").agg(count=spread.count())
        shared = [Shared(r["was"], r["base_issue_id"], int(r["count"])) for r in _pairs(store, counts)]
        # A group may have the id of an issue that stayed whole: that one has its say, too.
        asked = {one.group for one in shared} - touched - kept_ids
        kept_ids |= asked
        joining = _present_ids(store, old_ids, asked) if asked else set()
        if not joining:
            break
        touched |= joining
    feedback = store.read("feedback").select("feedback_id", "created_at")
    raised = theirs.inner_join(feedback, "feedback_id")
    first = raised.group_by("was").agg(first_at=raised.created_at.min())
    earlier = {row["was"]: row["first_at"] for row in _pairs(store, first)}
    settled = settle(shared, earlier)
    # A group that was in no issue of the last build may by itself be called what another has inherited.
    given = set(settled.ids.values()) - {one.group for one in shared}
    clash = _present_ids(store, new_ids.rename(old_id="new_id"), given) if given else set()
    again = {name: _hash_again(name) for name in sorted(clash)}
    return replace(settled, ids={**settled.ids, **again})


def _hash_again(name: str) -> str:
    said = f"again\x1fown\x1f{name}".encode()
    return hashlib.md5(said, usedforsecurity=False).hexdigest()[: _ID - 1]


def _present_ids(store: Store, old_ids: ir.Table, ids: set[str]) -> set[str]:
    names = _ids(ids, "asked_id")
    return set(_column(store, old_ids.semi_join(names, old_ids.old_id == names.asked_id), "old_id"))


def _column(store: Store, expr: ir.Table, name: str) -> list[str]:
    found: list[str] = store.con.to_pyarrow(expr.select(name))[name].to_pylist()
    return found


# -- decisions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one decision about issues stands.

    Attributes:
        decision: the decision.
        issue_id: the issue that it is about, as it is now called; None where there is none (any more).
        parts: of a merge the issues, of a split the feedback (feedback_id) that it names and that are there.
        is_matched: whether there is all that it takes to hold.
        is_partly_gone: whether something that it names is not there.
        is_expired: whether it no longer holds.
    """

    decision: IssueDecision
    issue_id: str | None
    parts: tuple[str, ...]
    is_matched: bool
    is_partly_gone: bool
    is_expired: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What people's decisions come to.

    Attributes:
        roots: for each issue that people made part of another, that other.
        moved: for each feedback that people took out of an issue, the issue that it makes.
        titles: titles that people gave, by issue.
        pinned: issues that stand before the others.
        touched: issues whose feedback is not what it would be without people.
        origin: for each issue that people split off, the one that it was a part of.
        became: for ids that are no more, by whatever reason, the ones that they are part of.
        standings: where each decision stands, those that expired among them.
    """

    roots: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    origin: Mapping[str, str] = field(default_factory=dict)
    became: Mapping[str, str] = field(default_factory=dict)
    standings: tuple[Standing, ...] = ()

    def applied(self, members: ir.Table) -> ir.Table:
        """Members with the ``issue_id`` that they are in after people decided."""
        rows = members.mutate(issue_id=members.base_issue_id)
        if self.moved:
            moved = _mapping(self.moved, "moved_id", "moved_to")
            rows = rows.left_join(moved, rows.feedback_id == moved.moved_id)
            rows = rows.mutate(
                issue_id=rows.moved_to.fill_null(rows.issue_id),
                kind_of_member=rows.moved_to.notnull().ifelse("split", rows.kind_of_member),
            ).drop("moved_id", "moved_to")
        if self.roots:
            root = _mapping(self.roots, "part_id", "root_id")
            rows = rows.left_join(root, rows.issue_id == root.part_id)
            rows = rows.mutate(
                issue_id=rows.root_id.fill_null(rows.issue_id),
                kind_of_member=rows.root_id.notnull().ifelse("merge", rows.kind_of_member),
            ).drop("part_id", "root_id")
        return rows

    def renamed(self, issues: ir.Table) -> ir.Table:
        """Issues with the title that people gave them, if any, as ``renamed``."""
        if not self.titles:
            return issues.mutate(renamed=ibis.null("string"))
        titles = _mapping(self.titles, "titled_id", "renamed")
        return issues.left_join(titles, issues.issue_id == titles.titled_id).drop("titled_id")


def _mapping(values: Mapping[str, str], key: str, value: str) -> ir.Table:
    return ibis.memtable(
        pa.table(
            {key: pa.array(list(values), pa.string()), value: pa.array(list(values.values()), pa.string())}
        )
    )


def decide_issues(
    store: Store,
    settled: Settled,
    members: ir.Table,
    decisions: Sequence[IssueDecision],
    *,
    on: date,
) -> Decided:
    """Apply people's decisions; one that is expired or matches nothing does nothing.

    Args:
        store: with ``issue_change`` as the last build left it.
        settled: the ids of this build.
        members: ``feedback_id``, ``base_issue_id`` before ids were settled.
        decisions: in their order.
        on: the date of the data.
    """
    changes = _pairs(store, store.read("issue_change").filter(ibis._.change == "merge"))
    became = {
        **{row["other_issue_id"]: row["issue_id"] for row in changes if not row["is_decided"]},
        **settled.merged,
    }
    if not decisions:
        return Decided(became=became)
    live = [d for d in decisions if not d.is_expired(on)]
    own = {given: by_itself for by_itself, given in settled.ids.items()}
    present = _present(store, members, {own.get(i, i) for i in _named(decisions, became)})
    present = {settled.ids.get(i, i) for i in present}

    def known(issue_id: str) -> str:
        seen = {issue_id}
        while issue_id not in present and issue_id in became and became[issue_id] not in seen:
            issue_id = became[issue_id]
            seen.add(issue_id)
        return issue_id

    parents: dict[str, str] = {}

    def root(issue_id: str) -> str:
        seen = {issue_id}
        while issue_id in parents and parents[issue_id] not in seen:
            issue_id = parents[issue_id]
            seen.add(issue_id)
        return issue_id

    every_split = _splits(store, settled, members, [d for d in decisions if isinstance(d, SplitIssue)])
    splits = [
        (new_id, split.about, feedback) for split, new_id, feedback in every_split if not split.is_expired(on)
    ]
    new = {issue_id for issue_id, _, _ in splits}
    for merge in (d for d in live if isinstance(d, MergeIssues)):
        into = known(merge.about)
        parts = [known(i) for i in merge.issues]
        if into in present or into in new:
            parents.update(
                (p, into) for p in parts if (p in present or p in new) and root(into) != p and p != into
            )
    moved: dict[str, str] = {}
    origin: dict[str, str] = {}
    left: set[str] = set()
    for issue_id, about, feedback in splits:
        taken = {f: was for f, was in feedback.items() if root(was) == root(known(about)) and f not in moved}
        if taken:
            moved.update(dict.fromkeys(taken, issue_id))
            origin[issue_id] = root(known(about))
            left |= set(taken.values())
    roots = {part: root(part) for part in parents}
    whole = {*present, *origin}
    titled = {root(known(d.about)): d.title for d in live if isinstance(d, RenameIssue)}
    return Decided(
        roots=roots,
        moved=moved,
        titles={i: t for i, t in titled.items() if i in whole},
        pinned=frozenset(root(known(d.about)) for d in live if isinstance(d, PinIssue)) & whole,
        touched=frozenset({*roots, *roots.values(), *left, *(root(i) for i in left), *origin}),
        origin=origin,
        became={**became, **roots},
        standings=tuple(
            _standing(
                d, on=on, known=known, root=root, whole=whole, feedback=_split_off(d, every_split, root)
            )
            for d in decisions
        ),
    )


def _split_off(
    decision: IssueDecision,
    splits: Sequence[tuple[SplitIssue, str, Mapping[str, str]]],
    root: Callable[[str], str],
) -> dict[str, str]:
    """The feedback that a split names and that is held, with the issue that each would be in; none of any other."""
    for split, _, feedback in splits:
        if split is decision:
            return {name: root(was) for name, was in feedback.items()}
    return {}


def _standing(
    decision: IssueDecision,
    *,
    on: date,
    known: Callable[[str], str],
    root: Callable[[str], str],
    whole: Collection[str],
    feedback: Mapping[str, str],
) -> Standing:
    """Where a decision stands.

    Args:
        decision: it.
        on: the date of the data.
        known: what an issue is called by now, before people's merges.
        root: the issue that it is part of after them.
        whole: the issues that there are, as they are before people's merges.
        feedback: what a split names, with the issue that each would be in.
    """
    issue_id = root(known(decision.about))
    count, parts = 0, []
    if isinstance(decision, MergeIssues):
        count = len(decision.issues)
        parts = [known(i) for i in decision.issues if root(known(i)) in whole]
    elif isinstance(decision, SplitIssue):
        count = len(decision.feedback)
        parts = sorted(name for name, was in feedback.items() if was == issue_id)
    is_matched = issue_id in whole and (bool(parts) or not count)
    return Standing(
        decision,
        issue_id=issue_id if is_matched else None,
        parts=tuple(parts) if is_matched else (),
        is_matched=is_matched,
        is_partly_gone=len(parts) < count,
        is_expired=decision.is_expired(on),
    )


def _named(decisions: Sequence[IssueDecision], became: Mapping[str, str]) -> set[str]:
    """Every id that decisions name, and what those became."""
    found = {d.about for d in decisions}
    found |= {i for d in decisions if isinstance(d, MergeIssues) for i in d.issues}
    todo = list(found)
    while todo:
        following = became.get(todo.pop())
        if following is not None and following not in found:
            found.add(following)
            todo.append(following)
    return found


def _present(store: Store, members: ir.Table, ids: set[str]) -> set[str]:
    names = _ids(ids, "asked_id")
    found = members.select("base_issue_id").semi_join(names, members.base_issue_id == names.asked_id)
    return set(_column(store, found.distinct(), "base_issue_id"))


def _splits(
    store: Store, settled: Settled, members: ir.Table, splits: Sequence[SplitIssue]
) -> list[tuple[SplitIssue, str, dict[str, str]]]:
    """Each split with the id of what it makes, and its feedback with the issue that each would be in."""
    named = sorted({name for d in splits for name in d.feedback})
    if not named:
        return []
    feedback = store.read("feedback").select("feedback_id", "source_id", "record_id", "created_at")
    pair = feedback.source_id + ":" + feedback.record_id
    is_named = feedback.feedback_id.isin(named) | pair.isin([name for name in named if ":" in name])
    rows = feedback.filter(is_named).inner_join(members.select("feedback_id", "base_issue_id"), "feedback_id")
    found = _pairs(store, rows)
    result = []
    for split in splits:
        mine = [
            row
            for row in found
            if row["feedback_id"] in split.feedback
            or f"{row['source_id']}:{row['record_id']}" in split.feedback
        ]
        if not mine:
            continue
        first = min(mine, key=lambda row: (row["created_at"], row["feedback_id"]))["feedback_id"]
        name = f"split\x1f{split.about}\x1f{first}"
        new = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:16]
        own = {r["feedback_id"]: settled.ids.get(r["base_issue_id"], r["base_issue_id"]) for r in mine}
        result.append((split, new, own))
    return result


# -- addresses ---------------------------------------------------------------------------------------------------------


def name_pages(store: Store, issues: ir.Table, decided: Decided, shown: Collection[str]) -> ir.Table:
    """Write ``issue_address`` in the open transaction; ``page_id`` and ``own_slug`` of every issue with a page.

    Args:
        store: with ``issue_address`` as the last build left it.
        issues: those of this build.
        decided: what people decided about issues.
        shown: the sources whose rows are published: words of others stand in no address.
    """
    pages = [
        Page(row["issue_id"], row["slug"], row["worded_by_id"])
        for row in _pairs(store, issues.filter(issues.has_page).select("issue_id", "slug", "worded_by_id"))
    ]
    held = [Address(**row) for row in _pairs(store, store.read("issue_address"))]
    said = _words_now(store, {a.worded_by_id for a in held if a.worded_by_id is not None}, shown)

    def may_stay(address: Address) -> bool:
        if address.worded_by_id is None:
            return True
        words = set(address.slug[:-_ID].split("-"))
        return words <= said.get(address.worded_by_id, set())

    on = present_date(store)
    addresses = follow(held, pages, decided.became, on=on, may_stay=may_stay)
    types = {"first_on": pa.date32(), "is_current": pa.bool_()}
    names = schema.table("issue_address").names
    store.write(
        "issue_address",
        pa.table({n: pa.array([getattr(a, n) for a in addresses], types.get(n, pa.string())) for n in names}),
    )
    current = {a.issue_id: a.slug for a in addresses if a.is_current}
    return _mapping(current, "page_id", "own_slug")


def _words_now(store: Store, ids: set[str], public: Collection[str]) -> dict[str, set[str]]:
    """The words of each feedback that may be published now, as they stand in addresses."""
    if not ids:
        return {}
    names = _ids(ids, "worded_id")
    reading = store.read("reading")
    rows = reading.semi_join(names, reading.feedback_id == names.worded_id)
    shown = rows.filter(
        rows.source_id.isin(sorted(public)) & ((rows.redaction_count == 0) | rows.public_title.notnull())
    )
    return {
        row["feedback_id"]: set(
            re.split(
                "-", slugify(f"{row['public_title'] or ''} {row['public_text'] or ''}", length=1_000_000)
            )
        )
        for row in _pairs(store, shown.select("feedback_id", "public_title", "public_text"))
    }


def write_changes(store: Store, settled: Settled, decided: Decided, *, on: date) -> None:
    """Write ``issue_change`` in the open transaction: what was there, and what came about in this build.

    Told is only what concerns pages. A decision that was taken back is no change any more.
    """
    known = {
        row["first_issue_id"] for row in _pairs(store, store.read("issue_address").select("first_issue_id"))
    }
    held = {
        (row["issue_id"], row["change"], row["other_issue_id"]): (row["changed_on"], row["is_decided"])
        for row in _pairs(store, store.read("issue_change"))
    }
    by_program = {key: value for key, value in held.items() if not value[1]}
    new = [
        *((given, "merge", was) for was, given in settled.merged.items()),
        *((given, "split", was) for given, was in settled.split.items()),
    ]
    for key in new:
        by_program.setdefault(key, (on, False))
    people = [
        *((root, "merge", part) for part, root in decided.roots.items()),
        *((part, "split", root) for part, root in decided.origin.items()),
    ]
    by_people = {key: (held.get(key, (on, True))[0], True) for key in people}
    rows = sorted(
        (key, value)
        for key, value in {**by_program, **by_people}.items()
        if key[2] in known and (key[1] == "merge" or key[0] in known)
    )
    table = {
        "issue_id": pa.array([k[0] for k, _ in rows], pa.string()),
        "change": pa.array([k[1] for k, _ in rows], pa.string()),
        "other_issue_id": pa.array([k[2] for k, _ in rows], pa.string()),
        "changed_on": pa.array([v[0] for _, v in rows], pa.date32()),
        "is_decided": pa.array([v[1] for _, v in rows], pa.bool_()),
    }
    store.write("issue_change", pa.table(table))
