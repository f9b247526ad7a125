"""Petitions as the UK Parliament's site serves them, and other sites that run the same software.

A list of the site is in an order of its own: ``recent`` begins with what was published last, ``rejected`` with what
was handed in last, ``with_response`` with what was answered last; ``all``, ``open`` and ``closed`` begin with what most
people signed, so that what is new may stand anywhere in them. Those are read from end to end, once in ``sweep_days``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from answerable.errors import SourceError
from answerable.gather.live import Batch, Connector, Held, Item, Page, Row, newest_first
from answerable.gather.plain import field, identifier, string
from answerable.gather.records import as_instant
from answerable.gather.sources.petitions import MAPPED, petition_columns
from answerable.live_settings import UkPetitionsSource

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_ZONE = "Europe/London"
"""Where the known sites are: in which zone a day counts that is given without a time."""

_AGAIN = "!"
"""Behind the number of a page: the one before it has been read again."""

_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class _List:
    """A list of the site: ``ordered_by`` is the instant whose newest it begins with, or None."""

    state: str
    ordered_by: str | None = None
    is_short: bool = False


_RECENT = _List("recent", "opened_at")
_REJECTED = _List("rejected", "created_at")
_ANSWERED = _List("with_response", "government_response_at")
_WAITING = _List("awaiting_response", is_short=True)
_CLOSED = _List("closed")
_LISTS = {
    "all": (_RECENT, _REJECTED, _ANSWERED, _WAITING, _CLOSED),
    "open": (_RECENT,),
    "rejected": (_REJECTED,),
    "with_response": (_ANSWERED,),
    "awaiting_response": (_WAITING,),
    "closed": (_CLOSED,),
}


# -- asking ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: UkPetitionsSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    lists = list(dict.fromkeys(found for state in source.states for found in _LISTS[state]))
    # The list after the one that was finished last: with few requests, each has its turn.
    turn = next((i for i, found in enumerate(lists, 1) if found.state == held.cursor.get("list")), 0)
    for wanted in lists[turn:] + lists[:turn]:
        reader = _Reader(client, wanted, held, timedelta(days=source.sweep_days))
        if wanted.ordered_by is not None:
            overlap = timedelta(hours=source.overlap_hours)
            yield from newest_first(wanted.state, held, overlap, reader.ask)
        elif wanted.is_short or reader.is_time or held.cursor.get(f"{wanted.state}.token"):
            yield from _whole(wanted, held, reader)
        yield Batch(cursor={"list": wanted.state})


def _whole(wanted: _List, held: Held, reader: _Reader) -> Iterator[Batch]:
    """A whole list, page by page, from where the last gather stopped."""
    token = held.cursor.get(f"{wanted.state}.token") or None
    while True:
        page = reader.ask(token)
        token = page.next_token
        cursor = {**page.batch.cursor, f"{wanted.state}.token": token or ""}
        yield Batch(page.batch.items, unreadable=page.batch.unreadable, cursor=cursor)
        if token is None:
            return


class _Reader:
    """Reads the pages of one list.

    ``is_time``: it is as long as ``every`` since the list was last read from end to end.
    """

    def __init__(self, client: Client, wanted: _List, held: Held, every: timedelta) -> None:
        whole = held.cursor.get(f"{wanted.state}.whole")
        is_old = not whole or datetime.fromisoformat(whole) <= held.now - every
        self.is_time = is_old or held.since is not None
        self._client = client
        self._list = wanted
        self._held = held
        self._seen: set[str] = set()
        self._is_begun = False

    def ask(self, token: str | None) -> Page:
        """The page that a token names; the first without one."""
        number, mark = _page_number(token), ""
        if not self._is_begun and number > 1 and not (token or "").endswith(_AGAIN):
            # What left the list since the last gather moved the rest up, by a page at the most.
            number, mark = number - 1, _AGAIN
        self._is_begun = True
        answer = self._client.get("/petitions.json", {"state": self._list.state, "page": number})
        value = answer.json()
        data = field(value, "data")
        if not isinstance(data, list):
            raise _not_petitions(answer, "no list of petitions")
        items: dict[str, Item] = {}
        times: list[datetime] = []
        for entry in data:
            item = _item(entry)
            if item is not None:
                items[item.record_id] = item
                at = as_instant(field(entry, "attributes", self._list.ordered_by or ""))
                times += [at] if at is not None else []
        is_more = bool(items.keys() - self._seen) and field(value, "links", "next") is not None
        self._seen |= items.keys()
        following = f"{number + 1}{mark}"
        kept = tuple(item for item in items.values() if self._is_wanted(item))
        unreadable = sum(_item(entry) is None for entry in data)
        if self._list.ordered_by is not None and times == sorted(times, reverse=True):
            oldest = times[-1] if times else None
            return Page(Batch(kept, unreadable=unreadable), oldest, following if is_more else None)
        # In no order, as where a site gives another list for one that it does not know: only the end is the end.
        cursor = {} if is_more else {f"{self._list.state}.whole": self._held.now.isoformat()}
        is_more &= self._list.is_short or self.is_time
        oldest = self._held.now if items else None
        batch = Batch(kept, unreadable=unreadable, cursor=cursor)
        return Page(batch, oldest, following if is_more else None)

    def _is_wanted(self, item: Item) -> bool:
        created = as_instant(field(item.payload, "attributes", "created_at"))
        floor = self._held.floor
        return floor is None or created is None or created >= floor or item.record_id in self._held.ids


def _page_number(token: str | None) -> int:
    digits = (token or "").removesuffix(_AGAIN)
    return int(digits) if digits.isascii() and digits.isdigit() else 1


def _refresh(client: Client, source: UkPetitionsSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    yield from _each(client, held.due)


def _sweep(client: Client, source: UkPetitionsSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    yield from _each(client, held.unswept)


def _each(client: Client, ids: Sequence[str]) -> Iterator[Batch]:
    """Petitions at their own addresses."""
    for asked in ids:
        answer = client.get(f"/petitions/{quote(asked, safe='', errors='replace')}.json", allow=_GONE)
        if answer.status in _GONE:
            yield Batch(gone=(asked,))
            continue
        value = answer.json()
        data = field(value, "data")
        if not isinstance(data, dict):
            raise _not_petitions(answer, "no petition")
        # Only a petition in a list carries its own address; alone, the answer around it does.
        links = field(value, "links")
        item = _item(data if "links" in data or not isinstance(links, dict) else {**data, "links": links})
        if item is None or item.record_id != asked:
            yield Batch(checked=(asked,), unreadable=1)
        else:
            yield Batch((item,))


def _item(entry: object) -> Item | None:
    record_id = identifier(field(entry, "id"))
    if record_id is None or not isinstance(entry, dict) or not isinstance(entry.get("attributes"), dict):
        return None
    return Item(record_id, entry)


def _not_petitions(answer: Answer, what: str) -> SourceError:
    return SourceError(
        f"{answer.address} gives {what}",
        remedy="check server in data/sources.yml: it is the site's address, such as https://petition.parliament.uk",
    )


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: UkPetitionsSource) -> Iterator[Row]:
    zone = ZoneInfo(source.timezone or _ZONE)
    columns, bad = petition_columns(item.payload, zone)
    if source.agency is not None:
        # The body that answers is the government's, whichever department wrote.
        columns.pop("agency", None)
    page = string(columns.get("url"))
    number = quote(item.record_id, safe="", errors="replace")
    columns["url"] = page or f"{source.server}/petitions/{number}"
    columns["threshold_count"] = _threshold(source, columns.get("created_at"), zone)
    yield Row(item.record_id, columns, bad)


def _threshold(source: UkPetitionsSource, created_at: datetime | None, zone: ZoneInfo) -> int | None:
    """The signatures that made an answer due when a petition was created."""
    if created_at is None or not source.thresholds:
        return None
    day = _day(created_at, zone)
    in_force = [t for t in source.thresholds if t.since <= day]
    return max(in_force, key=lambda t: t.since).signatures if in_force else None


def _day(at: datetime, zone: ZoneInfo) -> date:
    try:
        return at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()
    except OverflowError:
        return at.date()


connector: Connector = Connector(
    mapped=(*MAPPED, "threshold_count"), discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows
)
