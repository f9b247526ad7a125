"""An Open311 GeoReport v2 server in memory, with the variants that cities run.

Requests are raised, answered, closed, reopened, edited and deleted over a simulated time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlencode
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

__all__ = ["City", "fixmystreet", "helsinki"]

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Raised:
    number: int
    at: datetime
    description: str
    updated_at: datetime
    service: tuple[str, str] = ("171", "Potholes")
    agency: str | None = "Roads Dept"
    place: tuple[float, float] | None = (60.17, 24.94)
    is_closed: bool = False
    status_notes: str = ""
    notes: list[tuple[datetime, str]] = field(default_factory=list)


@dataclass
class City:
    """What the server knows, and how it answers.

    Attributes:
        paging: ``page`` has pages and says no more; ``counted`` tells how many there are (Helsinki's); ``repeats``
            knows no pages and gives the first whatever is asked for; ``max_requests`` is FixMyStreet's.
        cap: the most that one answer holds.
        gone: what the address of a deleted request gives: a status, an error with status 200, or an empty list.
        takes_many: whether it reads a list of identifiers; else it ignores the parameter.
        has_last_page_only: whether a page after the last is an error.
        tokens: requests that are accepted and have no identifier yet.
    """

    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    paging: Literal["page", "counted", "repeats", "max_requests"] = "page"
    size_parameters: tuple[str, ...] = ("page_size",)
    cap: int = 1000
    gone: Literal["status", "body", "empty"] = "status"
    takes_many: bool = True
    has_last_page_only: bool = False
    wraps: bool = False
    lists_values: bool = False
    ids_are_numbers: bool = False
    places_are_texts: bool = False
    zone: str | None = None
    tokens: int = 0
    jurisdiction_id: str | None = None
    key: str | None = None
    requests: dict[int, Raised] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    # -- what happens ----------------------------------------------------------------------------------------------

    def add(self, description: str, *, at: datetime | None = None, **said: Any) -> str:
        number = 1000 + len(self.requests)
        when = at or self.now
        self.requests[number] = Raised(number, when, description, when, **said)
        return str(number)

    def answer(self, number: str, text: str) -> None:
        self._changed(number).status_notes = text

    def note(self, number: str, text: str) -> None:
        self._changed(number).notes.append((self.now, text))

    def close(self, number: str, text: str = "") -> None:
        found = self._changed(number)
        found.is_closed = True
        found.status_notes = text or found.status_notes

    def reopen(self, number: str) -> None:
        self._changed(number).is_closed = False

    def edit(self, number: str, description: str) -> None:
        self._changed(number).description = description

    def delete(self, number: str) -> None:
        del self.requests[int(number)]

    def _changed(self, number: str) -> Raised:
        found = self.requests[int(number)]
        found.updated_at = self.now
        return found

    # -- what is answered ------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        del headers, body
        asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        self.asked.append((path, asked))
        name, _, form = path.rpartition(".")
        if method != "GET" or form not in ("json", "xml"):
            return 404, {}, b"<html><body>not found</body></html>"
        if self.jurisdiction_id is not None and asked.get("jurisdiction_id") != self.jurisdiction_id:
            return self._error(400, "jurisdiction_id was not provided", form)
        if self.key is not None and asked.get("api_key") != self.key:
            return self._error(403, "api_key is invalid", form)
        if name.startswith("/requests/"):
            return self._one(unquote(name.removeprefix("/requests/")), asked, form)
        if name == "/requests":
            return self._many(asked, form)
        return self._error(404, "no such resource", form)

    def _one(self, number: str, asked: Mapping[str, str], form: str) -> Reply:
        found = self.requests.get(int(number)) if number.isdigit() else None
        if found is not None:
            return self._reply([self._row(found, asked)], form)
        if self.gone == "empty":
            return self._reply([], form)
        return self._error(404, "service_request_id was not found", form, 200 if self.gone == "body" else 404)

    def _many(self, asked: Mapping[str, str], form: str) -> Reply:
        found = sorted(self.requests.values(), key=lambda r: (r.at, r.number), reverse=True)
        if "service_request_id" in asked and self.takes_many:
            wanted = asked["service_request_id"].split(",")
            found = [r for r in found if str(r.number) in wanted]
        elif "service_request_id" not in asked:
            start, end = (_instant(asked.get(n)) for n in ("start_date", "end_date"))
            if start and end and end - start > timedelta(days=90):
                return self._error(400, "a time range may have 90 days", form)
            start = start or self.now - timedelta(days=90)
            found = [r for r in found if start <= r.at < (end or self.now)]
        size = next((int(asked[n]) for n in self.size_parameters if n in asked), 10)
        headers = {}
        if self.paging == "max_requests":
            found = found[: min(int(asked.get("max_requests", self.cap)), self.cap)]
        elif self.paging == "repeats":
            found = found[: self.cap]
        else:
            size = min(size, self.cap)
            page, pages = int(asked.get("page", "1")), max(1, -(-len(found) // size))
            if page > pages and self.has_last_page_only:
                return 404, {"Content-Type": "application/json"}, b'{"detail": "Invalid page."}'
            if self.paging == "counted":
                headers = {"X-Page-Count": str(pages), "X-Result-Count": str(len(found))}
                if page < pages:
                    following = urlencode({**asked, "page": page + 1})
                    headers["X-Next-Page-URL"] = f"http://backend.internal:8401/requests.{form}?{following}"
            found = found[(page - 1) * size : page * size]
        rows = [self._row(r, asked) for r in found]
        if (_instant(asked.get("end_date")) or self.now) >= self.now:
            rows += [{"token": f"t{i}", "status": "open"} for i in range(self.tokens)]
        return self._reply(rows, form, headers)

    def _row(self, raised: Raised, asked: Mapping[str, str]) -> dict[str, Any]:
        latitude, longitude = raised.place or (0.0, 0.0)
        place = [str(v) if self.places_are_texts else v for v in (latitude, longitude)]
        status = "closed" if raised.is_closed else "open"
        row: dict[str, Any] = {
            "service_request_id": raised.number if self.ids_are_numbers else str(raised.number),
            "status": status,
            "service_code": raised.service[0],
            "service_name": raised.service[1],
            "description": raised.description,
            "requested_datetime": self._time(raised.at),
            "updated_datetime": self._time(raised.updated_at),
            "expected_datetime": None,
            "address": "12 Private Lane",
            "lat": place[0],
            "long": place[1],
            "media_url": "",
        }
        if self.wraps:
            row["agency_responsible"] = {"recipient": [raised.agency]}
            row["title"] = raised.description.partition(".")[0]
            row["requestor_name"] = "Jane Doe"
        else:
            row["agency_responsible"] = raised.agency
            row["status_notes"] = raised.status_notes
            row["service_notice"] = ""
        if asked.get("extensions") == "true":
            row["extended_attributes"] = {"title": None, "tasks": [], "handler": None}
            row["notes"] = [{"datetime": self._time(at), "description": text} for at, text in raised.notes]
        if self.lists_values:
            row = {n: v if n == "agency_responsible" else [v] for n, v in row.items()}
            row["agency_responsible"] = [row["agency_responsible"]]
        return row

    def _time(self, at: datetime) -> str:
        if self.zone is None:
            return f"{at:%Y-%m-%dT%H:%M:%S}Z"
        return f"{at.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone)):%Y-%m-%dT%H:%M:%S}"

    def _reply(
        self, rows: list[dict[str, Any]], form: str, headers: Mapping[str, str] | None = None
    ) -> Reply:
        told = {"Content-Type": f"application/{form}; charset=utf-8", **(headers or {})}
        if form == "xml":
            inner = "".join(_xml("request", row) for row in rows)
            text = f'<?xml version="1.0" encoding="utf-8"?>\n<service_requests>{inner}</service_requests>'
            return 200, told, text.encode()
        value: Any = rows
        if self.lists_values:
            value = {"requests": [{"request": rows}]}
        elif self.wraps:
            value = {"service_requests": rows}
        return 200, told, json.dumps(value).encode()

    def _error(self, code: int, description: str, form: str, status: int | None = None) -> Reply:
        error = {"code": code, "description": description}
        text = json.dumps([error]) if form == "json" else f"<errors>{_xml('error', error)}</errors>"
        return status or code, {"Content-Type": f"application/{form}"}, text.encode()


def helsinki(**said: Any) -> City:
    """As the 6aika server answers."""
    return City(paging="counted", size_parameters=("per_page", "page_size"), has_last_page_only=True, **said)


def fixmystreet(**said: Any) -> City:
    """As FixMyStreet answers."""
    own: dict[str, Any] = {
        "paging": "max_requests",
        "gone": "empty",
        "takes_many": False,
        "wraps": True,
        "cap": 20,
    }
    return City(**own | {"ids_are_numbers": True} | said)


def _instant(text: str | None) -> datetime | None:
    found = datetime.fromisoformat(text) if text else None
    return found.astimezone(UTC).replace(tzinfo=None) if found else None


def _xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(_xml(n, v) for n, v in value.items())}</{name}>"
    if isinstance(value, list):
        inner = {"notes": "note", "recipient": ""}.get(name, "entry")
        return f"<{name}>{''.join(_xml(inner, v) if inner else escape(str(v)) for v in value)}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>" if value is not None else f"<{name}/>"
