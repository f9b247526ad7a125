"""Which issue is which, from build to build: ids follow feedback, and addresses once published go on answering.

By itself an issue is known by its earliest feedback. Where groups changed since the last build, an id follows the
larger part of the feedback that it had: so an older feedback that arrives late renames nothing. Of two issues that
became one the earlier remains; of one that was divided the larger part.

    given = settle(shared, earlier)             group -> id, which ids were merged, which were split off
    addresses = follow(held, pages, given, ...) every address, and which issue answers there now
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

__all__ = ["Address", "Page", "Settled", "Shared", "follow", "settle"]


@dataclass(frozen=True, slots=True)
class Shared:
    """How many feedback a group of this build shares with an issue of the last one."""

    was: str
    group: str
    count: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the ids.

    Attributes:
        ids: the id of each group that is to have another than its own.
        merged: for each id that is no more, the one that it became part of.
        split: for each new id, the one whose feedback it was made from.
    """

    ids: Mapping[str, str]
    merged: Mapping[str, str]
    split: Mapping[str, str]


def settle(shared: Iterable[Shared], earlier: Mapping[str, datetime], taken: Iterable[str] = ()) -> Settled:
    """Give groups their ids.

    Args:
        shared: for every issue of the last build that did not stay as it was, how it is spread over the groups of this
            one; a group is named by the id that it would have by itself.
        earlier: when each issue of the last build was first raised.
        taken: ids of groups that are not in ``shared``.
    """
    spread: dict[str, list[Shared]] = defaultdict(list)
    for one in shared:
        spread[one.was].append(one)
    heir = {
        was: min(parts, key=lambda s: (-s.count, s.group != was, s.group)).group
        for was, parts in spread.items()
    }
    claims: dict[str, list[str]] = defaultdict(list)
    for was, group in heir.items():
        claims[group].append(was)
    groups = sorted({one.group for parts in spread.values() for one in parts})
    ids: dict[str, str] = {}
    merged: dict[str, str] = {}
    for group, claimed in sorted(claims.items()):
        first, *others = sorted(claimed, key=lambda was: (earlier[was], was))
        ids[group] = first
        merged.update((was, first) for was in others)
    held = {*ids.values(), *merged, *spread, *taken}
    split: dict[str, str] = {}
    for group in groups:
        if group in ids:
            continue
        name = group
        while name in held:
            name = _hash("again", name)
        held.add(name)
        ids[group] = name
        # It is new: a part of that issue of which it holds most.
        parts = [one for one_parts in spread.values() for one in one_parts if one.group == group]
        origin = min(parts, key=lambda s: (-s.count, s.was)).was
        split[name] = merged.get(origin, origin)
    return Settled({g: i for g, i in ids.items() if g != i}, merged, split)


def _hash(*parts: str) -> str:
    return hashlib.md5("\x1f".join(parts).encode(), usedforsecurity=False).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Address:
    """An address, as in ``issue_address``."""

    slug: str
    issue_id: str
    first_issue_id: str
    first_on: date
    is_current: bool
    worded_by_id: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """An issue that has a page now.

    Attributes:
        issue_id: which.
        slug: the address that its present title would give it.
        worded_by_id: the feedback whose words the title is made of, if it is.
    """

    issue_id: str
    slug: str
    worded_by_id: str | None


def follow(
    held: Sequence[Address],
    pages: Iterable[Page],
    became: Mapping[str, str],
    *,
    on: date,
    may_stay: Callable[[Address], bool],
) -> list[Address]:
    """Every address with the issue that answers there now; each page has exactly one that is its own.

    The address of its first publication stays an issue's own, whatever its title becomes. An address made of words
    that may no longer be public is dropped.

    Args:
        held: the addresses up to now.
        pages: the issues with a page.
        became: for ids that are no more, the ones that they are part of now.
        on: the date of the data.
        may_stay: whether an address's words may still be published.
    """
    by_id = {page.issue_id: page for page in pages}

    def now(issue_id: str) -> str:
        seen = {issue_id}
        while issue_id not in by_id and issue_id in became and became[issue_id] not in seen:
            issue_id = became[issue_id]
            seen.add(issue_id)
        return issue_id

    found: dict[str, Address] = {}
    own: dict[str, Address] = {}
    for address in sorted(held, key=lambda a: (a.first_on, a.slug)):
        if not may_stay(address):
            continue
        # What was merged and stands alone again has its address again; what is part of a part leads on.
        answers = now(address.first_issue_id)
        if answers not in by_id:
            answers = now(address.issue_id)
        is_own = answers == address.first_issue_id and answers in by_id and answers not in own
        found[address.slug] = replace(address, issue_id=answers, is_current=is_own)
        if is_own:
            own[answers] = found[address.slug]
    for page in by_id.values():
        if page.issue_id not in own:
            first_on = found[page.slug].first_on if page.slug in found else on
            found[page.slug] = Address(
                page.slug, page.issue_id, page.issue_id, first_on, True, page.worded_by_id
            )
    return sorted(found.values(), key=lambda a: a.slug)
