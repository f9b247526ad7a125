"""Requests for information on an Alaveteli site, with the answers of the public bodies.

The site's JSON tells what happened to a request and when, not what was written: a request has a title and an answer an
address, neither has a text.

Which of the body's messages is an answer: the requester gives each a state (``calculated_state``). One after which the
request still waits is an acknowledgement, and so is one that came within an hour and that nobody has judged yet: an
automatic reply does not end the waiting. One that is marked as an error message is neither.

What is read is the site's documented API. Its robots.txt asks crawlers to leave its feeds alone, not those that read
feeds, so it is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from answerable.errors import SourceError
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.plain import field, identifier, listed, plain, string
from answerable.gather.records import as_instant, noted
from answerable.live_settings import AlaveteliSource

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "acknowledged_at",
    "closed_at",
    "closing_reason",
    "status",
    "agency",
    "url",
    "title",
    "author",
    "is_official",
    "reply_to_id",
)
_GONE = (404, 410)
_REFUSED = 403
"""What the site answers for a request that was hidden, and to a reader that it does not want at all."""

_HIDDEN = ("hidden", "requester_only")
_AT_ONCE = timedelta(hours=1)
_WAITING = "waiting_response"
_NO_MESSAGE = "error_message"
_REASONS = {
    "successful": "work_done",
    "partially_successful": "work_done",
    "rejected": "administrative",
    "not_held": "administrative",
    "vexatious": "administrative",
    "not_foi": "administrative",
    "user_withdrawn": "cancelled",
}
"""Why a request was closed, by its state; what a site has added is closed for an unknown reason."""


# -- asking ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: AlaveteliSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """The requests that are named, and those in which something happened: a feed has the last events, 25 of them."""
    del settings
    read: set[str] = set()
    for slug in source.requests_named:
        if slug not in held.ids and slug not in read:
            read.add(slug)
            answer = _request(client, slug)
            if answer.status in (*_GONE, _REFUSED):
                yield Batch(warnings=(f"there is no request {slug}",))
            else:
                yield _batch(answer, slug)
    feeds = [f"/feed/search/{_quoted(s)}.json" for s in source.searches]
    feeds += [f"/feed/body/{_quoted(b)}.json" for b in source.bodies]
    for address in dict.fromkeys(feeds):
        yield from _feed(client, address, held, read)


def _feed(client: Client, address: str, held: Held, read: set[str]) -> Iterator[Batch]:
    """The requests of a feed's events that were not seen before; the cursor holds what was seen."""
    answer = client.get(address)
    events = answer.json()
    if not isinstance(events, list):
        raise _unexpected(answer, "no list of events")
    known = set() if held.since is not None else set(held.cursor.get(address, "").split())
    seen = []
    # The earliest first: where a gather is cut off, the rest stays new.
    for event in reversed(events):
        slug = _slug(field(event, "info_request"))
        if slug is None:
            yield Batch(unreadable=1)
            continue
        mark = _mark(event)
        batch = Batch()
        if mark not in known and slug not in read and _is_wanted(event, held):
            read.add(slug)
            found = _request(client, slug)
            # One that has gone since it was indexed is asked for again by the sweep where it is held.
            if found.status not in (*_GONE, _REFUSED):
                batch = _batch(found, slug)
        seen.append(mark)
        yield replace(batch, cursor={address: " ".join(seen)})


def _mark(event: object) -> str:
    """What tells an event from all others, and from itself before somebody judged it."""
    names = ("id", "calculated_state", "last_described_at")
    return "/".join("".join((identifier(field(event, n)) or "").split()) for n in names)


def _is_wanted(event: object, held: Held) -> bool:
    created = as_instant(field(event, "info_request", "created_at"))
    happened = as_instant(field(event, "created_at"))
    is_young = held.floor is None or created is None or created >= held.floor
    return is_young and (held.since is None or happened is None or happened >= held.since)


def _refresh(client: Client, source: AlaveteliSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    yield from _each(client, held.due)


def _sweep(client: Client, source: AlaveteliSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    yield from _each(client, held.unswept)


def _each(client: Client, slugs: Sequence[str]) -> Iterator[Batch]:
    """Requests at their own addresses. A refusal means a hidden request only where others are not refused."""
    refused: list[str] = []
    is_welcome = False
    for slug in slugs:
        answer = _request(client, slug)
        if answer.status in _GONE:
            yield Batch(gone=(slug,))
        elif answer.status == _REFUSED:
            refused.append(slug)
        else:
            is_welcome = True
            yield _batch(answer, slug)
        if refused and is_welcome:
            yield Batch(gone=tuple(refused))
            refused = []
    if refused:
        warning = f"the site refused all of {len(refused)} requests"
        yield Batch(checked=tuple(refused), warnings=(warning,))


def _request(client: Client, slug: str) -> Answer:
    return client.get(f"/request/{_quoted(slug)}.json", allow=(*_GONE, _REFUSED))


def _batch(answer: Answer, slug: str) -> Batch:
    """The request in an answer; one that is shown to its requester only is gone for everybody else."""
    value = answer.json()
    if not isinstance(value, dict):
        raise _unexpected(answer, "no request")
    if value.get("prominence") in _HIDDEN:
        return Batch(gone=(slug,))
    if _slug(value) != slug:
        return Batch(checked=(slug,), unreadable=1)
    return Batch((Item(slug, value),))


def _slug(request: object) -> str | None:
    return string(field(request, "url_title"))


def _quoted(part: str) -> str:
    return quote(part, safe="", errors="replace")


def _unexpected(answer: Answer, what: str) -> SourceError:
    return SourceError(
        f"{answer.address} gives {what}",
        remedy="check server, searches and bodies in data/sources.yml: the server is an Alaveteli site's address",
    )


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: AlaveteliSource) -> Iterator[Row]:
    data = item.payload
    bad: dict[str, str] = {}
    events = [event for event in listed(data.get("info_request_events")) if isinstance(event, dict)]
    status = string(data.get("described_state"))
    title = string(data.get("title"))
    address = f"{source.server}/request/{_quoted(item.record_id)}"
    agency = string(field(data, "public_body", "name")) or string(field(data, "public_body", "url_name"))
    columns: dict[str, Any] = {
        "status": status,
        "agency": agency,
        "url": address,
        "title": plain(title) if title else None,
        "author": string(field(data, "user", "url_name")) or string(data.get("user_name")),
    }
    noted("created_at", data.get("created_at"), columns, bad)
    noted("updated_at", data.get("updated_at"), columns, bad)
    if status is not None and status.casefold() in {s.casefold() for s in source.closed_statuses}:
        columns["closed_at"] = _closed_at(status, events) or columns.get("updated_at")
        columns["closing_reason"] = _REASONS.get(status.casefold(), "unknown")
    replies: list[Row] = []
    acknowledged: list[datetime] = []
    sent_at: datetime | None = columns.get("created_at")
    for event in events:
        at = as_instant(event.get("created_at"))
        kind = string(event.get("event_type")) or ""
        if kind in ("sent", "resent", "followup_sent", "followup_resent"):
            sent_at = at or sent_at
        elif kind != "response":
            continue
        elif _is_acknowledgement(event, at, sent_at):
            acknowledged += [at] if at is not None else []
        elif event.get("calculated_state") != _NO_MESSAGE:
            reply = _reply(item.record_id, event, address, agency)
            replies += [reply] if reply is not None else []
    columns["acknowledged_at"] = min(acknowledged, default=None)
    yield Row(item.record_id, columns, bad)
    yield from replies


def _is_acknowledgement(event: Mapping[str, Any], at: datetime | None, sent_at: datetime | None) -> bool:
    state = string(event.get("calculated_state"))
    if state is not None:
        return state == _WAITING
    return at is not None and sent_at is not None and timedelta(0) <= at - sent_at <= _AT_ONCE


def _reply(record_id: str, event: Mapping[str, Any], address: str, agency: str | None) -> Row | None:
    """An answer of the public body: when it came, and where it is to be read."""
    number = identifier(event.get("incoming_message_id"))
    own = identifier(event.get("id"))
    if number is None and own is None:
        return None
    anchor = f"incoming-{number}" if number is not None else f"event-{own}"
    columns: dict[str, Any] = {
        "url": f"{address}#{anchor}" if number is not None else address,
        "agency": agency,
        "is_official": True,
        "reply_to_id": record_id,
    }
    bad: dict[str, str] = {}
    noted("created_at", event.get("created_at"), columns, bad)
    return Row(f"{record_id}#{anchor}", columns, bad)


def _closed_at(status: str, events: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When somebody last said that the request is in the state that closes it."""
    for event in reversed(events):
        if status in (event.get("described_state"), event.get("calculated_state")):
            return as_instant(event.get("last_described_at")) or as_instant(event.get("created_at"))
    return None


connector: Connector = Connector(
    mapped=_MAPPED, discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows
)
