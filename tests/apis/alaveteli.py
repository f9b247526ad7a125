"""An Alaveteli site in memory: requests for information, messages of the bodies, and what the requesters say of them.

As on the site, an event has the state that somebody described after it, and a response has the state that follows from
the descriptions (``calculated_state``), none as long as nobody has described it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

__all__ = ["AlaveteliSite"]

Reply = tuple[int, dict[str, str], bytes]
_FEED = 25
_OUTGOING = ("waiting_response", "internal_review")


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds") + "+00:00"


@dataclass
class Event:
    number: int
    kind: str
    at: datetime
    message: int | None = None
    described: str | None = None
    calculated: str | None = None
    described_at: datetime | None = None


@dataclass
class Asked:
    number: int
    slug: str
    title: str
    at: datetime
    updated_at: datetime
    body: str
    requester: str
    state: str = "waiting_response"
    awaits_description: bool = False
    prominence: str = "normal"
    events: list[Event] = field(default_factory=list)


@dataclass
class AlaveteliSite:
    """What the site knows; ``bodies`` are the names of the public bodies by the last part of their addresses."""

    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    bodies: dict[str, str] = field(default_factory=lambda: {"city_council": "City Council"})
    requests: dict[str, Asked] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuses_all: bool = False
    _event_count: int = 0

    # -- what happens ----------------------------------------------------------------------------------------------

    def add(self, title: str, *, body: str = "city_council", requester: str = "jane_doe") -> str:
        slug = "_".join(title.lower().split())
        self.requests[slug] = Asked(
            100 + len(self.requests), slug, title, self.now, self.now, body, requester
        )
        sent = self._event(slug, "sent")
        sent.described = sent.calculated = "waiting_response"
        sent.described_at = self.now
        return slug

    def answer(self, slug: str) -> int:
        """A message of the body, which nobody has read yet; gives its number."""
        found = self.requests[slug]
        found.awaits_description = True
        return self._event(slug, "response").message or 0

    def describe(self, slug: str, state: str) -> None:
        """What the requester says of the request after its last event."""
        found = self.requests[slug]
        found.state, found.awaits_description, found.updated_at = state, False, self.now
        found.events[-1].described = state
        self._calculate(found)

    def follow_up(self, slug: str) -> None:
        event = self._event(slug, "followup_sent")
        event.described = event.calculated = "waiting_response"
        self.requests[slug].state = "waiting_response"

    def comment(self, slug: str) -> None:
        self._event(slug, "comment")

    def close(self, slug: str, state: str = "successful") -> None:
        self._event(slug, "status_update")
        self.describe(slug, state)

    def reopen(self, slug: str) -> None:
        self._event(slug, "status_update")
        self.describe(slug, "internal_review")

    def edit(self, slug: str, title: str) -> None:
        self.requests[slug].title = title
        self._event(slug, "edit")

    def hide(self, slug: str) -> None:
        """Shown to nobody any more."""
        self.deleted[slug] = 403
        del self.requests[slug]

    def delete(self, slug: str, status: int = 404) -> None:
        self.deleted[slug] = status
        del self.requests[slug]

    def _event(self, slug: str, kind: str) -> Event:
        self._event_count += 1
        found = self.requests[slug]
        found.updated_at = self.now
        is_message = kind in ("sent", "response", "followup_sent")
        event = Event(self._event_count, kind, self.now, 7000 + self._event_count if is_message else None)
        found.events.append(event)
        return event

    def _calculate(self, found: Asked) -> None:
        state: str | None = None
        for event in reversed(found.events):
            state = state or event.described
            if state and event.kind == "response":
                event.calculated = state
                event.described_at = event.described_at or self.now
                state = None
            elif state and event.kind in ("sent", "followup_sent") and event.described in _OUTGOING:
                event.calculated, event.described_at, state = (
                    event.described,
                    event.described_at or self.now,
                    None,
                )
            elif state and event.kind in ("edit", "status_update") and event.described:
                event.calculated, event.described_at, state = event.described, self.now, None

    # -- what is answered ------------------------------------------------------------------------------------------

    def handle(  # noqa: PLR0911 (one case for each address of the API)
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        del query, headers, body
        self.asked.append(path)
        if self.refuses_all or method != "GET":
            return 403, {"Content-Type": "text/html"}, b"<html>no robots</html>"
        match [unquote(step) for step in path.removesuffix(".json").strip("/").split("/")]:
            case ["robots.txt"]:
                return 200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: */feed/\n"
            case ["request", slug] if slug in self.requests:
                return self._reply(self._request(self.requests[slug], is_deep=True))
            case ["request", slug]:
                return self.deleted.get(slug, 404), {"Content-Type": "text/html"}, b"<html>not here</html>"
            case ["feed", "search", words]:
                wanted = words.lower().split()
                found = [r for r in self.requests.values() if all(w in r.title.lower() for w in wanted)]
                return self._feed(found)
            case ["feed", "body", name] if name in self.bodies:
                return self._feed(r for r in self.requests.values() if r.body == name)
            case ["body", name] if name in self.bodies:
                return self._reply(self._body(name))
        return 404, {"Content-Type": "text/html"}, b"<html>not found</html>"

    def _feed(self, requests: Iterable[Asked]) -> Reply:
        events = [(event, found) for found in requests for event in found.events]
        events.sort(key=lambda pair: pair[0].number, reverse=True)
        return self._reply(
            [
                self._event_json(event)
                | {
                    "info_request": self._request(found, is_deep=False),
                    "public_body": self._body(found.body),
                    "user": {"id": 5, "url_name": found.requester, "name": "Jane Doe"},
                    "snippet": "...",
                }
                for event, found in events[:_FEED]
            ]
        )

    def _request(self, found: Asked, *, is_deep: bool) -> dict[str, Any]:
        value: dict[str, Any] = {
            "id": found.number,
            "url_title": found.slug,
            "title": found.title,
            "created_at": _iso(found.at),
            "updated_at": _iso(found.updated_at),
            "described_state": found.state,
            "display_status": "Awaiting classification." if found.awaits_description else found.state,
            "awaiting_description": found.awaits_description,
            "prominence": found.prominence,
            "law_used": "foi",
            "tags": [["roads"]],
        }
        if is_deep:
            value["user"] = {"id": 5, "url_name": found.requester, "name": "Jane Doe", "about_me": ""}
            value["public_body"] = self._body(found.body)
            value["info_request_events"] = [self._event_json(event) for event in found.events]
        return value

    def _event_json(self, event: Event) -> dict[str, Any]:
        is_incoming = event.kind == "response"
        return {
            "id": event.number,
            "event_type": event.kind,
            "created_at": _iso(event.at),
            "described_state": event.described,
            "calculated_state": event.calculated,
            "last_described_at": _iso(event.described_at),
            "incoming_message_id": event.message if is_incoming else None,
            "outgoing_message_id": None if is_incoming else event.message,
            "comment_id": event.number if event.kind == "comment" else None,
        }

    def _body(self, name: str) -> dict[str, Any]:
        return {"id": 3, "url_name": name, "name": self.bodies[name], "short_name": "", "tags": []}

    def _reply(self, value: object) -> Reply:
        return 200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode()
