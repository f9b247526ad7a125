"""What a connector to an API is made of: three passes that ask, and one function that reads an item.

    discover    new items, and what is needed to understand them; overlaps what was read before
    refresh     items that may have got an answer, a change or an end since
    sweep       items that may have been deleted
    rows        one item, as it was received -> rows with the columns of ``answerable.source_settings.COLUMNS``

A pass is a generator of batches. The engine (`answerable.gather.passes`) commits each batch, its items, their
revisions and the cursor together, before it asks for the next: a pass may be cut off anywhere and is taken up from its
cursor. ``Client.get`` ends a pass by raising ``BudgetSpent`` when the budget of requests, the time or the server's
rate limit is used up; a connector never catches it.

An item is kept as it was received. ``rows`` reads it again at every gather, so it depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from answerable.gather.http import Client
    from answerable.settings import Settings

__all__ = ["PASSES", "Batch", "Connector", "Held", "Item", "Page", "Row", "newest_first"]

PASSES = ("discover", "refresh", "sweep")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the source holds: its identifier there, and what was received (a JSON value)."""

    record_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one answer brought: committed as a whole.

    Attributes:
        items: what was received; one that is held and has not changed costs nothing.
        gone: identifiers of items that the source says it no longer has.
        checked: identifiers that were looked at and are still there, beside those of ``items``.
        listed: in a sweep that lists all that the source has: identifiers of this part of the list. When the pass
            has come to its end, what is held and was not listed is gone.
        unreadable: how many items of the answer could not be read, such as those without an identifier.
        cursor: what to remember, by name; an empty text forgets.
        warnings: what is odd and stops nothing, in sentences that stand in the receipt.
    """

    items: Sequence[Item] = ()
    gone: Sequence[str] = ()
    checked: Sequence[str] = ()
    listed: Sequence[str] | None = None
    unreadable: int = 0
    cursor: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of a source when a gather begins.

    Attributes:
        now: the instant of this gather; all instants are UTC without a zone.
        since: how far back to look for new items, where the person who runs it said so (``--since``), whatever was
            read before; None otherwise.
        floor: nothing older than this is wanted (the setting ``start_on``); None where all is.
        cursor: what earlier passes left to remember.
        ids: the identifiers of all items held.
        due: items to refresh, those that were looked at longest ago first. For posts these begin a conversation.
        unswept: items that have not been seen for ``sweep_days``, longest ago first.
    """

    now: datetime
    since: datetime | None = None
    floor: datetime | None = None
    cursor: Mapping[str, str] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()
    due: Sequence[str] = ()
    unswept: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row that an item gives; ``bad`` holds, for a column that could not be read, the text that stood there."""

    record_id: str
    columns: Mapping[str, Any]
    bad: Mapping[str, str] = field(default_factory=dict)


Pass = Callable[["Client", Any, "Settings", Held], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class Connector:
    """One kind of live source.

    Attributes:
        mapped: the columns of ours that its rows can have.
        discover, refresh, sweep: the passes; each gets the client, the source's settings, all settings, what is held.
        rows: reads one item; most give one row. An item that is no feedback gives none.
        form: ``rows``; ``table`` where an item is a row whose columns the settings map, as for a file; ``register``
            where items are what officials put on the record, or requests to take something down.
        obeys_robots: whether it reads pages for which the site's robots.txt speaks, not a documented API.
    """

    mapped: tuple[str, ...]
    discover: Pass
    refresh: Pass
    sweep: Pass
    rows: Callable[[Item, Any], Iterable[Row]]
    form: Literal["rows", "table", "register"] = "rows"
    obeys_robots: bool = False


# -- newest first ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list that begins with the newest: ``oldest_at`` is None on a page without items."""

    batch: Batch
    oldest_at: datetime | None
    next_token: str | None


def newest_first(
    stream: str, held: Held, overlap: timedelta, ask: Callable[[str | None], Page | None]
) -> Iterator[Batch]:
    """Reads a list that begins with the newest, back to what was read before, and loses nothing when it is cut off.

    A walk that was cut off left its place (``stream.token``) and when it began (``stream.began``); it is finished
    first, then a new walk begins at the top. ``stream.complete`` is the instant up to which everything is read.

    Args:
        stream: a name for the list, unique within the source.
        held: what is held.
        overlap: how much of what was read before is read again.
        ask: the page of a token (None: the first); gives None where the token is no longer known.

    Yields:
        the batches of the pages, with the cursor that goes with them.
    """
    cursor = dict(held.cursor)
    names = (f"{stream}.token", f"{stream}.began", f"{stream}.complete")
    token, began = cursor.get(names[0], ""), cursor.get(names[1], "")
    complete = _instant(cursor.get(names[2], ""))
    if held.since is not None and (complete or token):
        # Asked for once more by a person: what was complete before, and where a walk was cut off, stay as they are.
        for step in _walk(None, held.since, ask):
            if step is not None:
                yield step[0]
        return
    if token:
        lower = complete - overlap if complete else held.since or held.floor
        is_finished = True
        for step in _walk(token, lower, ask):
            if step is None:
                is_finished = False
                break
            batch, following = step
            end = {names[0]: following} if following else {names[0]: "", names[1]: "", names[2]: began}
            yield _with_cursor(batch, end)
        if is_finished:
            complete = _instant(began)
    lower = complete - overlap if complete else held.since or held.floor
    start = held.now.isoformat()
    for step in _walk(None, lower, ask):
        if step is None:
            return
        batch, following = step
        end = (
            {names[0]: following, names[1]: start}
            if following
            else {names[0]: "", names[1]: "", names[2]: start}
        )
        yield _with_cursor(batch, end)


def _walk(
    token: str | None, lower: datetime | None, ask: Callable[[str | None], Page | None]
) -> Iterator[tuple[Batch, str] | None]:
    """Pages from a token down to an instant, each with the next token (empty at the end); None: token not known."""
    seen: set[str] = set()
    while True:
        page = ask(token)
        if page is None:
            yield None
            return
        is_deep = lower is not None and page.oldest_at is not None and page.oldest_at < lower
        following = page.next_token or ""
        # A server that gives the same page for ever would be read for ever.
        if is_deep or following in seen or page.oldest_at is None:
            following = ""
        seen.add(following)
        yield page.batch, following
        if not following:
            return
        token = following


def _with_cursor(batch: Batch, cursor: Mapping[str, str]) -> Batch:
    return replace(batch, cursor={**batch.cursor, **cursor})


def _instant(text: str) -> datetime | None:
    found = datetime.fromisoformat(text) if text else None
    return found.astimezone(UTC).replace(tzinfo=None) if found is not None and found.tzinfo else found
