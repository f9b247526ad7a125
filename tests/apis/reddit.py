"""Reddit's OAuth API in memory: logging in, listings, trees of comments with stubs, things by name, rate limits."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

__all__ = ["RedditApi"]

_Answer = tuple[int, dict[str, str], bytes]


@dataclass
class _Thing:
    name: str
    author: str
    text: str
    at: datetime
    link: str
    parent: str | None = None
    title: str = ""
    edited_at: datetime | None = None
    state: str = ""


class RedditApi:
    """Holds one subreddit's submissions and comments; ``now`` is the simulated instant, UTC without a zone."""

    def __init__(
        self,
        now: datetime,
        subreddit: str = "ourcity",
        *,
        shown: int = 200,
        depth: int = 10,
        token_uses: int = 10_000,
    ) -> None:
        self.now = now
        self.subreddit = subreddit
        self.shown = shown
        self.depth = depth
        self.token_uses = token_uses
        self.client = ("the-client-id", "the-client-secret")
        self.things: dict[str, _Thing] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.logins = 0
        self.remaining = 996.0
        self._uses = 0
        self._serial = 50_000

    # -- what happens on Reddit ----------------------------------------------------------------------------------------

    def submit(self, author: str, title: str, text: str = "", at: datetime | None = None) -> str:
        """A new submission."""
        name = self._name("t3")
        self.things[name] = _Thing(name, author, text, at or self.now, name, title=title)
        return name

    def comment(self, author: str, text: str, parent: str, at: datetime | None = None) -> str:
        """A new comment on a submission or a comment."""
        name = self._name("t1")
        self.things[name] = _Thing(name, author, text, at or self.now, self.things[parent].link, parent)
        return name

    def edit(self, name: str, text: str, at: datetime | None = None) -> None:
        """A new text."""
        self.things[name].text, self.things[name].edited_at = text, at or self.now

    def delete(self, name: str) -> None:
        """Its author takes it out; its place stays."""
        self.things[name].state = "deleted"

    def remove(self, name: str) -> None:
        """A moderator takes it out; its place stays."""
        self.things[name].state = "removed"

    def vanish(self, name: str) -> None:
        """Nothing of it is left."""
        del self.things[name]

    def leave(self, author: str) -> None:
        """An account is deleted: what it wrote stays."""
        for thing in self.things.values():
            thing.author = "[deleted]" if thing.author == author else thing.author

    def _name(self, kind: str) -> str:
        self._serial += 1
        digits, rest = "", self._serial
        while rest:
            rest, digit = divmod(rest, 36)
            digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        return f"{kind}_{digits}"

    # -- what it answers -----------------------------------------------------------------------------------------------

    def handle(  # noqa: PLR0911 (one case for each address of the API)
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> _Answer:
        """The answer to a request; ``query`` as it stands in the address."""
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        self.requests.append((path, asked))
        told = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
        if path == "/api/v1/access_token":
            pair = base64.b64encode(":".join(self.client).encode()).decode()
            if method != "POST" or told != f"Basic {pair}" or b"client_credentials" not in body:
                return self._json({"message": "Unauthorized", "error": 401}, 401)
            self.logins += 1
            self._uses = 0
            token = f"the-access-token-{self.logins}"
            return self._json(
                {"access_token": token, "token_type": "bearer", "expires_in": 86400, "scope": "*"}
            )
        self._uses += 1
        if told != f"bearer the-access-token-{self.logins}" or self._uses > self.token_uses:
            return self._json({"message": "Unauthorized", "error": 401}, 401)
        if self.remaining < 1:
            return self._json({"message": "Too Many Requests", "error": 429}, 429)
        self.remaining -= 1
        root = f"/r/{self.subreddit}"
        if path in (f"{root}/new", f"{root}/search"):
            return self._listed(asked)
        if path.startswith("/comments/"):
            return self._tree(path.split("/")[2], asked)
        if path == "/api/info":
            names = [n for n in asked["id"].split(",") if n in self.things]
            return self._json(_listing([self._thing(self.things[n]) for n in names[:100]]))
        if path == "/api/morechildren":
            names = [f"t1_{i}" for i in asked["children"].split(",")[:100]]
            found = [self._thing(self.things[n]) for n in names if n in self.things]
            return self._json({"json": {"errors": [], "data": {"things": found}}})
        return self._json({"message": "Not Found", "error": 404}, 404)

    def _json(self, value: object, status: int = 200) -> _Answer:
        headers = {
            "content-type": "application/json; charset=UTF-8",
            "x-ratelimit-used": str(int(996 - self.remaining)),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": "598",
        }
        return status, headers, json.dumps(value).encode()

    def _listed(self, asked: Mapping[str, str]) -> _Answer:
        words = asked.get("q", "").lower()
        links = [t for t in self.things.values() if t.parent is None and not t.state]
        links = [t for t in links if words in f"{t.title} {t.text}".lower()]
        links.sort(key=lambda t: (t.at, t.name), reverse=True)
        if "after" in asked:
            names = [t.name for t in links]
            links = links[names.index(asked["after"]) + 1 :] if asked["after"] in names else []
        size = min(int(asked.get("limit", "25")), 100)
        page = links[:size]
        return self._json(
            _listing([self._thing(t) for t in page], page[-1].name if len(links) > size else None)
        )

    def _tree(self, link: str, asked: Mapping[str, str]) -> _Answer:
        top = self.things.get(f"t3_{link}")
        if top is None:
            return self._json({"message": "Not Found", "error": 404}, 404)
        left = [min(int(asked.get("limit", "200")), self.shown)]
        focus = self.things.get(f"t1_{asked['comment']}") if "comment" in asked else None
        below = [self._thing(focus, left, 0)] if focus else self._below(top.name, left, 0)
        return self._json([_listing([self._thing(top)]), _listing(below)])

    def _below(self, parent: str, left: list[int], level: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        children = [t for t in self.things.values() if t.parent == parent]
        if children and level >= self.depth:
            return [{"kind": "more", "data": _stub("_", parent, [], 0)}]
        for number, child in enumerate(children):
            if left[0] <= 0:
                rest = [d for c in children[number:] for d in self._descent(c)]
                ids = [name.removeprefix("t1_") for name in rest]
                found.append({"kind": "more", "data": _stub(ids[0], parent, ids, len(ids))})
                break
            left[0] -= 1
            found.append(self._thing(child, left, level))
        return found

    def _descent(self, thing: _Thing) -> list[str]:
        below = [t for t in self.things.values() if t.parent == thing.name]
        return [thing.name, *(name for t in below for name in self._descent(t))]

    def _thing(self, thing: _Thing, left: list[int] | None = None, level: int = 0) -> dict[str, Any]:
        seconds = thing.at.replace(tzinfo=UTC).timestamp()
        edited = thing.edited_at.replace(tzinfo=UTC).timestamp() if thing.edited_at else False
        text = f"[{thing.state}]" if thing.state and thing.text else thing.text
        data: dict[str, Any] = {
            "name": thing.name,
            "id": thing.name[3:],
            "author": "[deleted]" if thing.state else thing.author,
            "created": seconds,
            "created_utc": seconds,
            "edited": edited,
            "subreddit": self.subreddit,
            "score": 1,
        }
        start = f"/r/{self.subreddit}/comments/{thing.link[3:]}/slug/"
        if thing.parent is None:
            taken_out = {"deleted": "deleted", "removed": "moderator"}.get(thing.state)
            data |= {"title": thing.title, "selftext": text, "is_self": True, "permalink": start}
            return {"kind": "t3", "data": data | {"removed_by_category": taken_out, "num_comments": 0}}
        below = self._below(thing.name, left, level + 1) if left is not None else []
        data |= {"body": text, "link_id": thing.link, "parent_id": thing.parent}
        data |= {"permalink": f"{start}{thing.name[3:]}/", "replies": _listing(below) if below else ""}
        return {"kind": "t1", "data": data}


def _stub(own: str, parent: str, children: list[str], count: int) -> dict[str, Any]:
    return {
        "count": count,
        "name": f"t1_{own}",
        "id": own,
        "parent_id": parent,
        "depth": 0,
        "children": children,
    }


def _listing(children: list[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    data = {"after": after, "before": None, "dist": len(children), "modhash": "", "children": children}
    return {"kind": "Listing", "data": data}
