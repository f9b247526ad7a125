"""A repository's issues on GitHub, in memory: opened, edited, labelled, closed, deleted over a simulated time.

Pages have at most 100 issues, with ``Link`` and ``ETag``; pull requests stand in the list of issues.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = ["GithubRepository", "form"]

Reply = tuple[int, dict[str, str], bytes]


def form(**fields: str) -> str:
    """The text that an issue form makes: a heading for each field. Underscores in names are spaces."""
    return "\n\n".join(
        f"### {label.replace('_', ' ')}\n\n{value or '_No response_'}" for label, value in fields.items()
    )


@dataclass
class GithubRepository:
    """``most`` is the greatest page that it gives."""

    name: str = "city/feedback"
    token: str | None = None
    most: int = 100
    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    moved: dict[int, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)

    # -- what happens ----------------------------------------------------------------------------------------------

    def pass_time(self, **step: float) -> None:
        self.now += timedelta(**step)

    def open(self, login: str, title: str, body: str | None, *labels: str, is_pull: bool = False) -> int:
        number = max(self.issues, default=0) + 1
        at = self._at()
        self.issues[number] = {
            "number": number,
            "id": 3_000_000_000 + number,
            "title": title,
            "body": body,
            "user": {"login": login, "id": 7, "type": "User"},
            "author_association": "OWNER",
            "labels": [],
            "state": "open",
            "state_reason": None,
            "locked": False,
            "comments": 0,
            "created_at": at,
            "updated_at": at,
            "closed_at": None,
            "html_url": f"https://github.example/{self.name}/issues/{number}",
            "repository_url": f"https://api.github.example/repos/{self.name}",
        } | ({"pull_request": {"url": "https://api.github.example/pulls"}} if is_pull else {})
        self.events[number] = []
        for label in labels:
            self.label(number, label, login)
        return number

    def label(self, number: int, label: str, actor: str) -> None:
        self.issues[number]["labels"].append({"id": 1, "name": label, "color": "ededed"})
        self._event(number, "labeled", actor, label)

    def unlabel(self, number: int, label: str, actor: str) -> None:
        labels = self.issues[number]["labels"]
        self.issues[number]["labels"] = [one for one in labels if one["name"] != label]
        self._event(number, "unlabeled", actor, label)

    def edit(self, number: int, **values: Any) -> None:
        self.issues[number] |= {**values, "updated_at": self._at()}

    def close(self, number: int, reason: str = "completed") -> None:
        self.edit(number, state="closed", state_reason=reason, closed_at=self._at())

    def delete(self, number: int) -> None:
        del self.issues[number]
        self.deleted.add(number)

    def _event(self, number: int, event: str, actor: str, label: str) -> None:
        count = sum(map(len, self.events.values())) + 1
        self.events[number].append(
            {
                "id": 9_000_000_000 + count,
                "event": event,
                "actor": {"login": actor},
                "label": {"name": label, "color": "ededed"},
                "created_at": self._at(),
            }
        )
        self.edit(number)

    def _at(self) -> str:
        return self.now.isoformat(timespec="seconds") + "Z"

    # -- what is asked ---------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        told = {n.lower(): v for n, v in headers.items()}
        self.asked.append(f"{path}?{query}")
        reply = self._answer(path, dict(parse_qsl(query)), told)
        self.statuses.append(reply[0])
        return reply

    def _answer(  # noqa: PLR0911 (one for each case of the API)
        self, path: str, asked: dict[str, str], told: Mapping[str, str]
    ) -> Reply:
        if self.token is not None and told.get("authorization") != f"Bearer {self.token}":
            return _said(401, {"message": "Bad credentials"})
        base = f"/repos/{self.name}/issues"
        if path == base:
            since = asked.get("since", "")
            found = [i for i in self.issues.values() if i["updated_at"] >= since]
            if asked.get("state", "open") != "all":
                found = [i for i in found if i["state"] == "open"]
            found.sort(key=lambda i: (i["updated_at"], i["number"]), reverse=asked.get("direction") != "asc")
            return self._page(found, path, asked, told)
        number, _, rest = path.removeprefix(f"{base}/").partition("/")
        if not path.startswith(base) or not number.isdecimal():
            return _said(404, {"message": "Not Found"})
        if int(number) in self.deleted:
            return _said(410, {"message": "This issue was deleted"})
        if int(number) in self.moved:
            where = f"http://{told['host']}/repos/{self.moved[int(number)]}/issues/1"
            return 301, {"Location": where}, b"{}"
        if int(number) not in self.issues:
            return _said(404, {"message": "Not Found"})
        if rest == "events":
            return self._page(self.events[int(number)], path, asked, told)
        return _said(200, self.issues[int(number)])

    def _page(
        self, found: list[dict[str, Any]], path: str, asked: dict[str, str], told: Mapping[str, str]
    ) -> Reply:
        size, number = min(int(asked.get("per_page", 30)), self.most), int(asked.get("page", 1))
        page = found[(number - 1) * size : number * size]
        status, headers, body = _said(200, page)
        if number * size < len(found):
            following = urlencode({**asked, "page": str(number + 1)})
            headers["Link"] = f'<http://{told["host"]}{path}?{following}>; rel="next"'
        headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if told.get("if-none-match") == headers["ETag"]:
            return 304, {"ETag": headers["ETag"]}, b""
        return status, headers, body


def _said(status: int, value: Any) -> Reply:
    return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode()
