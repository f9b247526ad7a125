"""A Mastodon server in memory: posts, edits, deletions and replies over a simulated time, and its paging rules."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = ["MastodonServer"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (instants are UTC without a zone)
_PUBLIC = ("public", "unlisted")

Reply = tuple[int, dict[str, str], bytes]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds") + "Z"


@dataclass
class Post:
    number: int
    author: str
    text: str
    at: datetime
    reply_to: int | None = None
    visibility: str = "public"
    warning: str = ""
    lang: str | None = "en"
    edited_at: datetime | None = None
    boosts: int | None = None

    @property
    def tags(self) -> list[str]:
        return [t.lower() for t in re.findall(r"#(\w+)", self.text)]

    @property
    def mentions(self) -> list[str]:
        return re.findall(r"(?<![\w@])@([\w]+(?:@[\w.:-]+\w)?)", self.text)


@dataclass
class MastodonServer:
    """What the server knows; ``host`` is what follows the @ of its own accounts.

    ``owner`` is whose token it is; ``has_batches`` whether it answers for several statuses at once (from 4.3);
    ``knows_min_id`` whether it can page forward; ``hidden`` are statuses that answers for several leave out.
    """

    host: str = "city.example"
    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001
    token: str = "a-token"
    owner: str = "cityhall"
    has_batches: bool = True
    knows_min_id: bool = True
    posts: dict[int, Post] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    # -- what happens ----------------------------------------------------------------------------------------------

    def account(self, name: str) -> int:
        return self.accounts.setdefault(name.lower(), 110_000_000_000_000_001 + len(self.accounts))

    def post(
        self, author: str, text: str, *, at: datetime | None = None, reply_to: str | None = None, **said: Any
    ) -> str:
        """A post; ``at`` is in the past for one of another server that arrives late: its identifier is old too."""
        at = at or self.now
        number = (int((at - _EPOCH) / timedelta(milliseconds=1)) << 16) + len(self.posts) + 1
        self.account(author)
        parent = None if reply_to is None else int(reply_to)
        self.posts[number] = Post(number, author.lower(), text, at, parent, **said)
        return str(number)

    def edit(self, number: str, text: str) -> None:
        self.posts[int(number)].text = text
        self.posts[int(number)].edited_at = self.now

    def delete(self, number: str) -> None:
        del self.posts[int(number)]
        for post in self.posts.values():
            if post.reply_to == int(number):
                post.reply_to = None

    def boost(self, author: str, number: str) -> str:
        return self.post(author, "", boosts=int(number))

    def pass_time(self, **much: float) -> None:
        self.now += timedelta(**much)

    def public(self) -> dict[str, str]:
        """The text of all that everybody may see."""
        return {
            str(p.number): p.text for p in self.posts.values() if p.visibility in _PUBLIC and not p.boosts
        }

    # -- what it answers -------------------------------------------------------------------------------------------

    def handle(  # noqa: C901, PLR0911 (one case for each address of the API)
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        params = parse_qsl(query)
        self.asked.append((path, dict(params)))
        sent = {name.lower(): value for name, value in headers.items()}
        base = f"http://{sent.get('host', self.host)}{path}"
        has_token = sent.get("authorization") == f"Bearer {self.token}"
        if method != "GET":
            return self._answer(405, {"error": "Method not allowed"})
        if "authorization" in sent and not has_token:
            return self._answer(401, {"error": "The access token is invalid"})
        steps = path.removeprefix("/api/v1/").split("/")
        match steps:
            case ["timelines", "tag", tag]:
                found = [p for p in self._visible() if tag.lower() in p.tags and p.visibility == "public"]
                return self._page(base, params, found)
            case ["accounts", "lookup"]:
                name = dict(params).get("acct", "").lower().removesuffix(f"@{self.host}")
                known = name in self.accounts
                return self._answer(200, self._account(name)) if known else self._missing()
            case ["accounts", number, "statuses"]:
                names = {str(n): name for name, n in self.accounts.items()}
                if number not in names:
                    return self._missing()
                found = [p for p in self._visible(boosts=True) if p.author == names[number]]
                if ("exclude_reblogs", "true") in params:
                    found = [p for p in found if p.boosts is None]
                return self._page(base, params, found)
            case ["notifications"]:
                if not has_token:
                    return self._answer(401, {"error": "This method requires an authenticated user"})
                theirs = [
                    p
                    for p in self.posts.values()
                    if {self.owner, f"{self.owner}@{self.host}"} & set(p.mentions)
                ]
                return self._page(base, params, theirs, is_notice=True)
            case ["statuses"] if self.has_batches:
                return self._several([value for name, value in params if name == "id[]"])
            case ["statuses", number, *rest] if rest in ([], ["context"]):
                post = self.posts.get(int(number)) if number.isdigit() else None
                if post is None or post.visibility not in _PUBLIC:
                    return self._missing()
                return self._answer(200, self._context(post, has_token) if rest else self._status(post))
        return self._missing()

    def _visible(self, *, boosts: bool = False) -> Iterable[Post]:
        posts = [p for p in self.posts.values() if p.visibility in _PUBLIC and (boosts or p.boosts is None)]
        return sorted(posts, key=lambda p: p.number)

    def _answer(self, status: int, value: object, **headers: str) -> Reply:
        told = {"Content-Type": "application/json; charset=utf-8", "X-RateLimit-Limit": "300"}
        told |= {
            "X-RateLimit-Remaining": "299",
            "X-RateLimit-Reset": _iso(self.now + timedelta(minutes=5)) or "",
        }
        return status, told | headers, json.dumps(value).encode()

    def _missing(self) -> Reply:
        return self._answer(404, {"error": "Record not found"})

    def _page(
        self, base: str, params: list[tuple[str, str]], posts: Iterable[Post], *, is_notice: bool = False
    ) -> Reply:
        asked = dict(params)
        limit = min(int(asked.get("limit", "20")), 40)
        found = sorted(posts, key=lambda p: p.number, reverse=True)
        if "max_id" in asked:
            found = [p for p in found if p.number < int(asked["max_id"])]
        if "since_id" in asked:
            found = [p for p in found if p.number > int(asked["since_id"])]
        if "min_id" in asked and self.knows_min_id:
            found = [p for p in found if p.number > int(asked["min_id"])][-limit:]
        found = found[:limit]
        rest = [(n, v) for n, v in params if n not in ("max_id", "min_id", "since_id")]
        links = []
        if len(found) == limit:
            following = urlencode([*rest, ("max_id", found[-1].number)])
            links.append(f'<{base}?{following}>; rel="next"')
        if found:
            links.append(f'<{base}?{urlencode([*rest, ("min_id", found[0].number)])}>; rel="prev"')
        values = [self._notice(p) if is_notice else self._status(p) for p in found]
        return self._answer(200, values, **({"Link": ", ".join(links)} if links else {}))

    def _several(self, numbers: list[str]) -> Reply:
        if len(numbers) > 20:
            return self._answer(422, {"error": "Validation failed: too many"})
        posts = [self.posts.get(int(n)) for n in numbers if n.isdigit() and int(n) not in self.hidden]
        return self._answer(200, [self._status(p) for p in posts if p and p.visibility in _PUBLIC])

    def _context(self, post: Post, has_token: bool) -> dict[str, object]:
        most, deepest = (4096, 4096) if has_token else (60, 20)
        above: list[Post] = []
        step = post
        while step.reply_to is not None and (parent := self.posts.get(step.reply_to)) is not None:
            above.insert(0, parent)
            step = parent
        below: list[Post] = []
        waiting = [(p, 1) for p in reversed(self._replies(post))]
        while waiting and len(below) < most:
            reply, depth = waiting.pop()
            below.append(reply)
            if depth < deepest:
                waiting += [(p, depth + 1) for p in reversed(self._replies(reply))]
        return {
            "ancestors": [self._status(p) for p in above if p.visibility in _PUBLIC],
            "descendants": [self._status(p) for p in below],
        }

    def _replies(self, post: Post) -> list[Post]:
        below = [p for p in self.posts.values() if p.reply_to == post.number and p.visibility in _PUBLIC]
        return sorted(below, key=lambda p: p.number)

    def _account(self, name: str) -> dict[str, object]:
        user, _, host = name.partition("@")
        return {
            "id": str(self.account(name)),
            "username": user,
            "acct": name,
            "display_name": user.title(),
            "url": f"https://{host or self.host}/@{user}",
            "created_at": "2020-01-01T00:00:00.000Z",
            "followers_count": len(self.posts),
            "bot": False,
        }

    def _notice(self, post: Post) -> dict[str, object]:
        return {
            "id": str(post.number),
            "type": "mention",
            "created_at": _iso(post.at),
            "account": self._account(post.author),
            "status": self._status(post),
        }

    def _status(self, post: Post) -> dict[str, object]:
        boosted = None if post.boosts is None else self.posts.get(post.boosts)
        user, _, host = post.author.partition("@")
        return {
            "id": str(post.number),
            "created_at": _iso(post.at),
            "in_reply_to_id": None if post.reply_to is None else str(post.reply_to),
            "in_reply_to_account_id": None,
            "sensitive": bool(post.warning),
            "spoiler_text": post.warning,
            "visibility": post.visibility,
            "language": post.lang,
            "uri": f"https://{host or self.host}/users/{user}/statuses/{post.number}",
            "url": f"https://{host or self.host}/@{user}/{post.number}",
            "replies_count": len(self._replies(post)),
            "reblogs_count": 0,
            "favourites_count": 0,
            "edited_at": _iso(post.edited_at),
            "content": self._markup(post.text),
            "reblog": None if boosted is None else self._status(boosted),
            "account": self._account(post.author),
            "media_attachments": [],
            "mentions": [
                {
                    "id": str(self.account(m)),
                    "username": m.split("@")[0],
                    "acct": m,
                    "url": f"https://{self.host}/@{m}",
                }
                for m in (m.removesuffix(f"@{self.host}") for m in post.mentions)
            ],
            "tags": [{"name": t, "url": f"https://{self.host}/tags/{t}"} for t in dict.fromkeys(post.tags)],
            "emojis": [],
            "card": None,
            "poll": None,
        }

    def _markup(self, text: str) -> str:
        escaped = html.escape(text, quote=False)
        tag = rf'<a href="https://{self.host}/tags/\1" class="mention hashtag" rel="tag">#<span>\1</span></a>'
        paragraphs = re.sub(r"#(\w+)", tag, escaped).split("\n\n")
        return "".join(f"<p>{p}</p>".replace("\n", "<br />") for p in paragraphs)
