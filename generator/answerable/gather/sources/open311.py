"""Service requests from Open311 GeoReport v2 servers, in JSON or XML, with the variants that cities run.

What the answers do not say, and what is made of it:

- There is no time of closing: a closed request was closed at its ``updated_datetime``, the last time that it changed.
- Times often carry no offset: they are local times of the source's ``timezone``, or UTC where it names none.
- An ``address`` and a ``requestor_name`` are a private person's: no column holds them.
- ``status_notes`` is the answer; with ``extensions`` servers add dated notes: each is an official reply of its own.

New requests are asked for in windows of the time at which they were raised. A window that comes back full, or with a
round number of requests on a server that cannot page, was cut off: it is asked again in halves.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError
from zoneinfo import ZoneInfo

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from answerable.errors import SourceError
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.plain import field, identifier, number, plain
from answerable.live_settings import Open311Source

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

log = logging.getLogger(__name__)

_MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "closed_at",
    "status",
    "agency",
    "service",
    "latitude",
    "longitude",
    "url",
    "title",
    "text",
    "is_official",
    "reply_to_id",
    "support_count",
    "note",
)
_CAP = 1_000
"""The most that the standard lets a server answer at once, however much there is."""

_PAGE = 100
_FIRST = timedelta(days=90)
"""How far back the first gather goes where ``start_on`` does not say: as far as the standard answers at once."""

_SHORTEST = timedelta(minutes=1)
_ASKED_AT_ONCE = 50
_FINE = 200
_GONE = (404, 410)
_GONE_TEXTS = ("404", "410")
_MAX_COUNT = 2**63 - 1
_DEPTH = 4


# -- asking ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: Open311Source, settings: Settings, held: Held) -> Iterator[Batch]:
    """Forward in windows from what was read before, less the overlap, up to now."""
    del settings
    read_to = datetime.fromisoformat(held.cursor["read_to"]) if held.cursor.get("read_to") else None
    overlap = timedelta(hours=source.overlap_hours)
    start = held.since or (read_to - overlap if read_to else None) or held.floor or held.now - _FIRST
    if held.floor is not None:
        start = max(start, held.floor)
    # What lies between would be taken for read.
    is_gap = held.since is not None and read_to is not None and held.since > read_to
    length = timedelta(days=source.window_days)
    # A stack of windows, the earliest on top; a full one is replaced by its halves.
    windows: list[tuple[datetime, datetime]] = []
    while start < held.now:
        windows.append((start, min(start + length, held.now)))
        start += length
    windows.reverse()
    while windows:
        begin, end = windows.pop()
        window = _Window()
        for batch in _pages(client, source, begin, end, window):
            is_last = window.is_complete and not is_gap
            cursor = {"read_to": end.isoformat()} if is_last else {}
            yield Batch(batch.items, unreadable=batch.unreadable, cursor=cursor)
        if not window.is_complete:
            middle = begin + (end - begin) / 2
            windows += [(middle, end), (begin, middle)]


@dataclass(slots=True)
class _Window:
    """What has been seen of a window while its pages are read."""

    ids: set[str] = made(default_factory=set)
    is_complete: bool = False


def _pages(
    client: Client, source: Open311Source, begin: datetime, end: datetime, window: _Window
) -> Iterator[Batch]:
    """The pages of one window. When the last has been given, ``window.is_complete`` tells whether that was all."""
    size = source.page_size or (_PAGE if source.paging == "page" else _CAP)
    dates = {"start_date": _w3c(begin), "end_date": _w3c(end)}
    can_halve = end - begin > _SHORTEST
    page = 1
    while True:
        sizes: dict[str, Any] = {}
        if source.paging == "page":
            sizes = {"page": page, source.size_parameter: size}
        elif source.paging == "max_requests":
            sizes = {"max_requests": size}
        # Some servers have no page after the last, others an empty one.
        allow = _GONE if page > 1 else ()
        address = f"/requests.{source.format}"
        answer = client.get(address, _params(client, source) | dates | sizes, allow=allow)
        rows = _answered(answer, source) if answer.status == _FINE else []
        headers = {name.lower() for name in answer.headers}
        batch = _batch(rows)
        fresh = {item.record_id for item in batch.items} - window.ids
        window.ids |= fresh
        count = len(rows)
        is_round = count > 0 and count % 10 == 0
        is_more = False
        if source.paging != "page":
            is_cut = count >= min(size, _CAP) or is_round
        elif headers & {"x-result-count", "x-page-count"}:
            # A server that counts its pages says so when there is another one.
            is_more = bool(fresh) and "x-next-page-url" in headers
            is_cut = False
        elif page > 1 and rows and not fresh:
            # The same page again: the server knows no pages, or not as many.
            is_cut = count >= size or is_round
        else:
            # A server may give fewer at once than it is asked for, but then hardly an odd number of them.
            is_more = bool(fresh) and (count >= size or is_round)
            is_cut = len(window.ids) == _CAP and not is_more
        if is_cut and not can_halve:
            log.warning("%s: a minute has more requests than the server gives at once (%s)", source.id, begin)
        window.is_complete = not is_more and not (is_cut and can_halve)
        yield batch
        if not is_more:
            return
        page += 1


def _refresh(client: Client, source: Open311Source, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    yield from _asked_again(client, source, held.due)


def _sweep(client: Client, source: Open311Source, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    yield from _asked_again(client, source, held.unswept)


def _asked_again(client: Client, source: Open311Source, ids: Sequence[str]) -> Iterator[Batch]:
    """Requests by their identifiers: many at once where the server can, else one by one.

    What a list does not hold may be hidden, moved or cut off: only its own address can say that it is gone.
    """
    is_fixmystreet = source.paging == "max_requests"
    takes_many = not is_fixmystreet
    vanished: list[str] = []
    is_anything_there = False
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        missing = list(ids[start : start + _ASKED_AT_ONCE])
        if takes_many and len(missing) > 1:
            batch = _many(client, source, missing)
            found = {item.record_id for item in batch.items}
            takes_many = bool(found)
            missing = [i for i in missing if i not in found]
            if found:
                yield batch
        for one in missing:
            batch = _one(client, source, one)
            is_anything_there |= bool(batch.items)
            if batch.checked and is_fixmystreet:
                # It answers with an empty list for what has been hidden; so does a server that is broken.
                vanished.append(one)
            else:
                yield batch
            if vanished and is_anything_there:
                yield Batch(gone=tuple(vanished))
                vanished = []
    if vanished:
        yield Batch(checked=tuple(vanished))


def _many(client: Client, source: Open311Source, asked: Sequence[str]) -> Batch:
    """Those of the requests that a list of identifiers brings; none where the server ignores the list."""
    params = _params(client, source) | {"service_request_id": ",".join(asked)}
    if source.paging == "page":
        params[source.size_parameter] = _ASKED_AT_ONCE
    answer = client.get(f"/requests.{source.format}", params, allow=(400, *_GONE))
    if answer.status != _FINE:
        return Batch()
    wanted = set(asked)
    return Batch(tuple(i for i in _batch(_answered(answer, source)).items if i.record_id in wanted))


def _one(client: Client, source: Open311Source, asked: str) -> Batch:
    """One request at its own address: its item, that it is gone, or only that it was looked at."""
    address = f"/requests/{_quoted(asked)}.{source.format}"
    answer = client.get(address, _params(client, source), allow=_GONE)
    if answer.status in _GONE:
        return Batch(gone=(asked,))
    rows = _listed(answer, source)
    # Some servers write the status into the answer only.
    if rows and all(_is_error(r) and _text(field(r, "code")) in _GONE_TEXTS for r in rows):
        return Batch(gone=(asked,))
    batch = _batch(_without_errors(rows, answer))
    items = tuple(item for item in batch.items if item.record_id == asked)
    return Batch(items, checked=() if items else (asked,), unreadable=batch.unreadable)


def _params(client: Client, source: Open311Source) -> dict[str, Any]:
    key = client.secret("key_env")
    given = {
        "jurisdiction_id": source.jurisdiction_id,
        "extensions": "true" if source.extensions else None,
        "api_key": key,
    }
    return {name: value for name, value in given.items() if value is not None}


def _quoted(record_id: str) -> str:
    return quote(record_id, safe="", errors="replace")


def _w3c(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# -- answers -----------------------------------------------------------------------------------------------------------


def _batch(rows: Sequence[object]) -> Batch:
    """The requests among the rows of an answer; what has only a ``token`` yet is no request so far."""
    items: dict[str, Item] = {}
    unreadable = 0
    for row in rows:
        record_id = identifier(_value(row.get("service_request_id"))) if isinstance(row, dict) else None
        if record_id is None or not isinstance(row, dict):
            unreadable += not (isinstance(row, dict) and _text(row.get("token")))
        else:
            items[record_id] = Item(record_id, row)
    return Batch(tuple(items.values()), unreadable=unreadable)


def _answered(answer: Answer, source: Open311Source) -> list[object]:
    """The rows of an answer, whatever it wraps them in.

    Raises:
        SourceError: it is an error, or no answer to what was asked.
    """
    return _without_errors(_listed(answer, source), answer)


def _listed(answer: Answer, source: Open311Source) -> list[object]:
    rows = _unwrapped(_xml(answer) if source.format == "xml" else answer.json())
    if rows is None:
        raise SourceError(
            f"{answer.address} gives no list of service requests",
            remedy="check server, format and jurisdiction_id in data/sources.yml",
        )
    return rows


def _without_errors(rows: list[object], answer: Answer) -> list[object]:
    if rows and all(_is_error(row) for row in rows):
        said = next((t for r in rows if (t := _text(field(r, "description")))), "without a description")
        raise SourceError(
            f"{answer.address} answers with an error: {said[:200]}",
            remedy="check server, jurisdiction_id and key_env in data/sources.yml",
        )
    return rows


def _unwrapped(value: object) -> list[object] | None:
    """The rows in a list, in ``{"service_requests": [...]}`` or in ``{"requests": [{"request": [...]}]}``."""
    for _ in range(_DEPTH):
        if isinstance(value, dict):
            inner = next(
                (
                    value[n]
                    for n in ("service_requests", "requests", "request", "errors", "error")
                    if n in value
                ),
                None,
            )
            if inner is None and not value.keys() & {"service_request_id", "token", "code"}:
                return None
            value = [value] if inner is None else inner
        if not isinstance(value, list):
            return None
        is_wrapper = len(value) == 1 and isinstance(value[0], dict) and value[0].keys() == {"request"}
        if not is_wrapper:
            return value
        value = value[0]
    return None


def _is_error(row: object) -> bool:
    return isinstance(row, dict) and "code" in row and not row.keys() & {"service_request_id", "token"}


def _xml(answer: Answer) -> list[object] | None:
    """The requests (or errors) of an XML answer as JSON would have them."""
    try:
        root: Element = ElementTree.fromstring(answer.content)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SourceError(
            f"{answer.address} gives no XML that can be read: {str(error)[:200]}",
            remedy="check server and format in data/sources.yml",
        ) from error
    if _tag(root) not in ("service_requests", "requests", "errors"):
        return None
    return [_element(child, 0) or {} for child in root if _tag(child) in ("request", "error")]


def _element(element: Element, depth: int) -> Any:
    """What an element holds: its text, or its children by their names, several of one name as a list."""
    children = list(element)
    if not children or depth > 2 * _DEPTH:
        return (element.text or "").strip() or None
    held: dict[str, Any] = {}
    for child in children:
        name, value = _tag(child), _element(child, depth + 1)
        if name not in held:
            held[name] = value
        elif isinstance(held[name], list):
            held[name].append(value)
        else:
            held[name] = [held[name], value]
    return held


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: Open311Source) -> Iterator[Row]:
    data = item.payload
    extended = _value(data.get("extended_attributes"))
    more: Mapping[str, Any] = extended if isinstance(extended, dict) else {}
    bad: dict[str, str] = {}
    status = _text(data.get("status"))
    is_closed = status is not None and status.casefold() in {s.casefold() for s in source.closed_statuses}
    columns: dict[str, Any] = {
        "status": status,
        "service": _text(data.get("service_code")) or _text(data.get("service_name")),
        "title": _text(data.get("title")) or _text(more.get("title")) or _text(data.get("service_name")),
        "text": _text(data.get("description")),
        "support_count": _count(more.get("votes")),
        "url": source.page_url.replace("{id}", _quoted(item.record_id)) if source.page_url else None,
    }
    _noted("created_at", data.get("requested_datetime"), source, columns, bad)
    _noted("updated_at", data.get("updated_datetime"), source, columns, bad)
    if is_closed:
        columns["closed_at"] = columns.get("updated_at")
    latitude, longitude = (_degrees(data.get(n)) for n in ("lat", "long"))
    if latitude is not None and longitude is not None and (latitude, longitude) != (0, 0):
        columns |= {"latitude": latitude, "longitude": longitude}
    agency = _agency(data.get("agency_responsible"))
    columns["agency"] = agency
    replies = list(_replies(item.record_id, (data.get("notes"), more.get("notes"), more.get("log")), source))
    said = {reply.columns.get("text") for reply in replies}
    note = _text(data.get("status_notes"))
    columns["note"] = note if note not in said else None
    yield Row(item.record_id, columns, bad)
    for reply in replies:
        yield Row(reply.record_id, {**reply.columns, "agency": agency}, reply.bad)


def _replies(record_id: str, places: Iterable[object], source: Open311Source) -> Iterator[Row]:
    """The dated notes of a request, the earliest first: a later one leaves the numbers of the others as they are."""
    found: list[tuple[dict[str, Any], dict[str, str]]] = []
    for place in places:
        for entry in _objects(place, 0):
            columns: dict[str, Any] = {"text": _text(entry.get("description")) or _text(entry.get("note"))}
            bad: dict[str, str] = {}
            if columns["text"] is None:
                continue
            _noted("created_at", entry.get("datetime") or entry.get("time"), source, columns, bad)
            if "created_at" in columns or bad:
                found.append((columns, bad))
    found.sort(key=lambda f: (str(f[0].get("created_at", "~")), f[0]["text"]))
    for index, (columns, bad) in enumerate(found, 1):
        yield Row(f"{record_id}/note/{index}", columns | {"is_official": True, "reply_to_id": record_id}, bad)


def _objects(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    """The notes in a list, or in what XML makes of one."""
    if depth > _DEPTH:
        return
    if isinstance(value, list):
        for entry in value:
            yield from _objects(entry, depth + 1)
    elif isinstance(value, dict):
        if value.keys() & {"datetime", "time"}:
            yield value
        else:
            for entry in value.values():
                yield from _objects(entry, depth + 1)


def _value(value: object) -> object:
    """A value as it is; old FixMyStreet servers put each into a list of its own."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text(value: object) -> str | None:
    """A text (or a number that stands for one) without markup, its lines ended as XML ends them."""
    found = identifier(_value(value))
    return plain(found.replace("\r\n", "\n").replace("\r", "\n")) if found is not None else None


def _agency(value: object) -> str | None:
    """The responsible agency; FixMyStreet names recipients, the first of which is meant."""
    for _ in range(_DEPTH):
        if isinstance(value, dict):
            value = value.get("recipient")
        elif isinstance(value, list):
            value = value[0] if value else None
        else:
            break
    return _text(value)


def _degrees(value: object) -> float | None:
    found = number(_value(value))
    return found if found is not None and math.isfinite(found) else None


def _count(value: object) -> int | None:
    found = number(_value(value))
    is_count = found is not None and math.isfinite(found) and 0 <= found <= _MAX_COUNT and found == int(found)
    return int(found) if found is not None and is_count else None


def _noted(
    name: str, value: object, source: Open311Source, columns: dict[str, Any], bad: dict[str, str]
) -> None:
    """Puts an instant into the columns; local in the source's zone where it carries no offset."""
    value = _value(value)
    if value is None or value == "":
        return
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if found is not None and (found.tzinfo is None or source.ignore_offset):
            found = found.replace(tzinfo=ZoneInfo(source.timezone or "UTC"))
        instant = found.astimezone(UTC).replace(tzinfo=None) if found is not None else None
    except (ValueError, OverflowError):
        instant = None
    if instant is None:
        bad[name] = str(value)
    else:
        columns[name] = instant


connector: Connector = Connector(
    mapped=_MAPPED, discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows
)
