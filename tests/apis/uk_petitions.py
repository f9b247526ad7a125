"""The petitions site of a parliament in memory, with its lists in their own orders.

Petitions are handed in, signed, rejected, answered, closed, edited and removed over a simulated time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

__all__ = ["PetitionSite"]

Reply = tuple[int, dict[str, str], bytes]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds") + "Z"


@dataclass
class Petition:
    number: int
    action: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    signature_count: int = 6
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    rejected_at: datetime | None = None
    threshold_at: datetime | None = None
    rejection: dict[str, str] | None = None
    response: dict[str, Any] | None = None
    response_at: datetime | None = None


_LISTS: dict[str, tuple[Callable[[Petition], bool], Callable[[Petition], Any]]] = {
    "all": (lambda p: True, lambda p: p.signature_count),
    "open": (lambda p: p.state == "open", lambda p: p.signature_count),
    "recent": (lambda p: p.state == "open", lambda p: p.opened_at),
    "closed": (lambda p: p.state == "closed", lambda p: p.signature_count),
    "rejected": (lambda p: p.state == "rejected", lambda p: p.created_at),
    "with_response": (lambda p: p.response is not None, lambda p: p.response_at),
    "awaiting_response": (
        lambda p: p.threshold_at is not None and p.response is None,
        # Who has waited longest stands first, and lists are sorted downwards.
        lambda p: -p.threshold_at.timestamp() if p.threshold_at else 0,
    ),
}


@dataclass
class PetitionSite:
    """What the site knows; ``lists`` are those that it has: any other name gives all petitions."""

    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    host: str = "https://petitions.example"
    page_size: int = 50
    lists: tuple[str, ...] = tuple(_LISTS)
    petitions: dict[int, Petition] = field(default_factory=dict)
    removed: dict[int, int] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    # -- what happens ----------------------------------------------------------------------------------------------

    def add(self, action: str, *, at: datetime | None = None, signatures: int = 6) -> str:
        """A petition that is open at once."""
        number = 300_000 + len(self.petitions) + len(self.removed)
        when = at or self.now
        self.petitions[number] = Petition(
            number, action, when, when, opened_at=when, signature_count=signatures
        )
        return str(number)

    def sign(self, number: str, signatures: int) -> None:
        found = self._changed(number)
        found.signature_count = signatures
        if signatures >= 10_000 and found.threshold_at is None:
            found.threshold_at = self.now

    def answer(self, number: str, summary: str, details: str = "") -> None:
        found = self._changed(number)
        found.response_at = found.response_at or self.now
        found.response = {
            "responded_on": found.response_at.date().isoformat(),
            "summary": summary,
            "details": details,
            "created_at": _iso(self.now),
            "updated_at": _iso(self.now),
        }

    def close(self, number: str) -> None:
        found = self._changed(number)
        found.state, found.closed_at = "closed", self.now

    def reopen(self, number: str) -> None:
        found = self._changed(number)
        found.state, found.closed_at = "open", None

    def reject(self, number: str, code: str = "duplicate") -> None:
        found = self._changed(number)
        found.state, found.rejected_at, found.opened_at = "rejected", self.now, None
        found.rejection = {"code": code, "details": "There is one already"}

    def edit(self, number: str, action: str) -> None:
        self._changed(number).action = action

    def delete(self, number: str, status: int = 404) -> None:
        del self.petitions[int(number)]
        self.removed[int(number)] = status

    def _changed(self, number: str) -> Petition:
        found = self.petitions[int(number)]
        found.updated_at = self.now
        return found

    # -- what is answered ------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        del headers, body
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        self.asked.append((path, asked))
        if method == "GET" and path == "/petitions.json":
            return self._list(asked)
        number = path.removeprefix("/petitions/").removesuffix(".json")
        found = self.petitions.get(int(number)) if number.isdigit() else None
        if method != "GET" or found is None:
            status = self.removed.get(int(number), 404) if number.isdigit() else 404
            return status, {"Content-Type": "application/json"}, b'{"error": "not found"}'
        value = {"links": {"self": self._address(found)}, "data": self._petition(found)}
        value["data"]["attributes"]["signatures_by_country"] = [
            {"name": "United Kingdom", "code": "GB", "signature_count": found.signature_count}
        ]
        return self._reply(value)

    def _list(self, asked: Mapping[str, str]) -> Reply:
        state = asked.get("state", "all")
        belongs, order = _LISTS[state if state in self.lists else "all"]
        found = sorted(
            filter(belongs, self.petitions.values()), key=lambda p: (order(p), p.number), reverse=True
        )
        page, size = int(asked.get("page", "1")), self.page_size
        last = max(1, -(-len(found) // size))

        def link(number: int) -> str:
            return f"{self.host}/petitions.json?{urlencode({'page': number, 'state': state})}"

        shown = [
            self._petition(p) | {"links": {"self": self._address(p)}}
            for p in found[(page - 1) * size : page * size]
        ]
        links = {
            "self": link(page),
            "first": link(1),
            "last": link(last),
            "next": link(page + 1) if page < last else None,
            "prev": link(page - 1) if page > 1 else None,
        }
        return self._reply({"links": links, "data": shown})

    def _address(self, petition: Petition) -> str:
        return f"{self.host}/petitions/{petition.number}.json"

    def _petition(self, petition: Petition) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "action": petition.action,
            "background": "Because it matters.",
            "additional_details": "",
            "committee_note": None,
            "state": petition.state,
            "signature_count": petition.signature_count,
            "created_at": _iso(petition.created_at),
            "updated_at": _iso(petition.updated_at),
            "rejected_at": _iso(petition.rejected_at),
            "opened_at": _iso(petition.opened_at),
            "closed_at": _iso(petition.closed_at),
            "moderation_threshold_reached_at": _iso(petition.created_at),
            "response_threshold_reached_at": _iso(petition.threshold_at),
            "government_response_at": _iso(petition.response_at),
            "debate_threshold_reached_at": None,
            "scheduled_debate_date": None,
            "debate_outcome_at": None,
            "creator_name": "Jane Doe" if petition.state == "open" else None,
            "rejection": petition.rejection,
            "government_response": petition.response,
            "debate": None,
            "departments": [],
            "topics": [],
        }
        return {"type": "petition", "id": petition.number, "attributes": attributes}

    def _reply(self, value: object) -> Reply:
        return 200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode()
