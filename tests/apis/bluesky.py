"""Bluesky in memory: accounts, posts, reposts, labels and blocks over a simulated time, its cursors and its login."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["BlueskyNetwork"]

Reply = tuple[int, dict[str, str], bytes]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


@dataclass
class Post:
    uri: str
    did: str
    text: str
    created_at: str
    indexed_at: datetime
    reply_to: str | None = None
    root: str | None = None
    langs: tuple[str, ...] = ("en",)
    links: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class BlueskyNetwork:
    """What the network knows.

    ``token_minutes`` is how long a token holds; ``deepest`` how deep a thread is told at once, whatever is asked;
    ``search_cap`` after how many posts a search no longer takes a cursor; ``hidden`` are posts that answers for
    several leave out.
    """

    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    password: str = "an-app-password"
    token_minutes: float = 120
    can_refresh: bool = True
    deepest: int = 10
    search_cap: int = 10_000
    posts: dict[str, Post] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    reposts: list[tuple[str, str, datetime]] = field(default_factory=list)
    account_labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    blocks: set[frozenset[str]] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    made: int = 0

    # -- what happens ----------------------------------------------------------------------------------------------

    def account(self, handle: str) -> str:
        digest = base64.b32encode(hashlib.sha256(handle.lower().encode()).digest()).decode().lower()[:24]
        return self.handles.setdefault(handle.lower(), f"did:plc:{digest}")

    def post(
        self,
        handle: str,
        text: str,
        *,
        reply_to: str | None = None,
        created_at: str | None = None,
        **said: Any,
    ) -> str:
        did = self.account(handle)
        self.made += 1
        uri = f"at://{did}/app.bsky.feed.post/{self._key(self.made)}"
        parent = self.posts.get(reply_to or "")
        root = (parent.root or parent.uri) if parent else reply_to
        self.posts[uri] = Post(uri, did, text, created_at or _iso(self.now), self.now, reply_to, root, **said)
        return uri

    def delete(self, uri: str) -> None:
        del self.posts[uri]

    def repost(self, handle: str, uri: str) -> None:
        self.reposts.append((self.account(handle), uri, self.now))

    def label(self, handle: str, *labels: str) -> None:
        self.account_labels[self.account(handle)] = labels

    def block(self, one: str, other: str) -> None:
        self.blocks.add(frozenset({self.account(one), self.account(other)}))

    def pass_time(self, **much: float) -> None:
        self.now += timedelta(**much)

    @staticmethod
    def _key(number: int) -> str:
        digits = "234567abcdefghijklmnopqrstuvwxyz"
        places = []
        for _ in range(6):
            number, digit = divmod(number, 32)
            places.append(digits[digit])
        return "3k2222a" + "".join(reversed(places))

    # -- what it answers -------------------------------------------------------------------------------------------

    def handle(  # noqa: PLR0911 (one case for each address of the API)
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        params = parse_qsl(query)
        name = path.removeprefix("/xrpc/")
        self.asked.append((name, dict(params)))
        sent = {key.lower(): value for key, value in headers.items()}
        token = sent.get("authorization", "").removeprefix("Bearer ")
        asked = dict(params)
        match method, name:
            case "POST", "com.atproto.server.createSession":
                login = json.loads(body)
                if login.get("password") != self.password:
                    return self._error(401, "AuthenticationRequired", "Invalid identifier or password")
                return self._session(str(login["identifier"]).lower())
            case "POST", "com.atproto.server.refreshSession":
                claims = self._claims(token)
                if not self.can_refresh or claims.get("scope") != "com.atproto.refresh":
                    return self._error(400, "ExpiredToken", "Token has been revoked")
                return self._session(str(claims["handle"]))
            case "GET", "com.atproto.identity.resolveHandle":
                did = self.handles.get(asked.get("handle", "").lower())
                if did is None:
                    return self._error(400, "InvalidRequest", "Unable to resolve handle")
                return self._answer({"did": did})
            case "GET", "app.bsky.feed.searchPosts":
                return self._search(asked, token)
            case "GET", "app.bsky.feed.getAuthorFeed":
                return self._feed(asked)
            case "GET", "app.bsky.feed.getPosts":
                uris = [value for key, value in params if key == "uris"]
                if len(uris) > 25:
                    return self._error(
                        400, "InvalidRequest", "Error: uris must not have more than 25 elements"
                    )
                there = [
                    self.posts[u] for u in dict.fromkeys(uris) if u in self.posts and u not in self.hidden
                ]
                return self._answer({"posts": [self._view(p) for p in there]})
            case "GET", "app.bsky.feed.getPostThread":
                return self._thread(asked)
        return self._error(501, "MethodNotImplemented", "Method Not Implemented")

    def _answer(self, value: object, status: int = 200) -> Reply:
        return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode()

    def _error(self, status: int, name: str, message: str) -> Reply:
        return self._answer({"error": name, "message": message}, status)

    def _session(self, handle: str) -> Reply:
        did = self.account(handle)
        made = {"handle": handle, "did": did, "active": True}
        for scope, minutes in (("access", self.token_minutes), ("refresh", 90 * 24 * 60.0)):
            ends = (self.now + timedelta(minutes=minutes)).replace(tzinfo=UTC)
            claims = {
                "scope": f"com.atproto.{scope}",
                "sub": did,
                "aud": "did:web:pds.example",
                "iat": int(self.now.replace(tzinfo=UTC).timestamp()),
                "exp": int(ends.timestamp()),
                "handle": handle,
            }
            coded = [
                base64.urlsafe_b64encode(json.dumps(c).encode()).decode().rstrip("=")
                for c in ({"alg": "HS256"}, claims)
            ]
            made[f"{scope}Jwt"] = ".".join([*coded, "c2lnbmF0dXJl"])
        return self._answer(made)

    def _claims(self, token: str) -> dict[str, Any]:
        middle = token.split(".")[1] if token.count(".") == 2 else ""
        found: dict[str, Any] = json.loads(
            base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)) or b"{}"
        )
        return found

    def _search(self, asked: Mapping[str, str], token: str) -> Reply:
        if not token:
            return 403, {"Content-Type": "text/html"}, b"<html><body><h1>403 Forbidden</h1></body></html>"
        claims = self._claims(token)
        if claims.get("scope") != "com.atproto.access":
            return self._error(400, "InvalidToken", "Bad token scope")
        if claims["exp"] <= self.now.replace(tzinfo=UTC).timestamp():
            return self._error(400, "ExpiredToken", "Token has expired")
        limit = min(int(asked.get("limit", "25")), 100)
        start = int(asked.get("cursor", "0"))
        if start and start >= self.search_cap:
            return self._error(400, "InvalidRequest", "cursor is too deep")
        words = asked["q"].lower().split()
        found = [p for p in self._sorted() if all(w in p.text.lower() for w in words)]
        if "until" in asked:
            until = datetime.fromisoformat(asked["until"]).replace(tzinfo=None)
            found = [p for p in found if self._sort_at(p) < until]
        posts = [self._view(p, viewer=str(claims["sub"])) for p in found[start : start + limit]]
        more = {"cursor": str(start + limit)} if len(found) > start + limit else {}
        return self._answer({"posts": posts, **more})

    def _feed(self, asked: Mapping[str, str]) -> Reply:
        actor = asked.get("actor", "").lower()
        did = self.handles.get(actor, actor)
        if did not in self.handles.values():
            return self._error(400, "InvalidRequest", "Profile not found")
        limit = min(int(asked.get("limit", "50")), 100)
        lines = [(self._sort_at(p), self._line(p)) for p in self.posts.values() if p.did == did]
        for who, uri, at in self.reposts:
            if who == did and uri in self.posts:
                reason = {
                    "$type": "app.bsky.feed.defs#reasonRepost",
                    "by": self._author(did),
                    "indexedAt": _iso(at),
                }
                lines.append((at, self._line(self.posts[uri]) | {"reason": reason}))
        lines.sort(key=lambda line: line[0], reverse=True)
        if "cursor" in asked:
            before = datetime.fromisoformat(asked["cursor"]).replace(tzinfo=None)
            lines = [line for line in lines if line[0] < before]
        page = lines[:limit]
        more = {"cursor": _iso(page[-1][0])} if len(page) == limit else {}
        return self._answer({"feed": [line for _, line in page], **more})

    def _line(self, post: Post) -> dict[str, Any]:
        line: dict[str, Any] = {"post": self._view(post)}
        if post.reply_to is not None:
            ends = {"root": post.root or "", "parent": post.reply_to}
            line["reply"] = {name: self._end(uri) for name, uri in ends.items()}
        return line

    def _end(self, uri: str) -> dict[str, Any]:
        if uri in self.posts:
            return {"$type": "app.bsky.feed.defs#postView"} | self._view(self.posts[uri])
        return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}

    def _thread(self, asked: Mapping[str, str]) -> Reply:
        post = self.posts.get(asked.get("uri", ""))
        if post is None:
            return self._error(400, "NotFound", f"Post not found: {asked.get('uri')}")
        depth = min(int(asked.get("depth", "6")), self.deepest)
        node = self._node(post, depth)
        step, child = post, node
        for _ in range(min(int(asked.get("parentHeight", "80")), 1000)):
            if step.reply_to is None:
                break
            if step.reply_to not in self.posts:
                child["parent"] = self._end(step.reply_to)
                break
            step = self.posts[step.reply_to]
            child["parent"] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": self._view(step)}
            child = child["parent"]
        return self._answer({"thread": node})

    def _node(self, post: Post, depth: int) -> dict[str, Any]:
        node: dict[str, Any] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": self._view(post)}
        if depth:
            node["replies"] = []
            for reply in self._replies(post.uri):
                if frozenset({reply.did, post.did}) in self.blocks:
                    stub = {"uri": reply.uri, "blocked": True, "author": {"did": reply.did}}
                    node["replies"].append({"$type": "app.bsky.feed.defs#blockedPost"} | stub)
                else:
                    node["replies"].append(self._node(reply, depth - 1))
            # A reply that was deleted leaves its own replies hanging below a mark.
            lost = {
                p.reply_to for p in self.posts.values() if p.root == post.uri and p.reply_to not in self.posts
            }
            if post.root is None:
                node["replies"] += [self._end(uri) for uri in sorted(u for u in lost if u)]
        return node

    def _replies(self, uri: str) -> list[Post]:
        return [p for p in self.posts.values() if p.reply_to == uri]

    def _sorted(self) -> list[Post]:
        return sorted(self.posts.values(), key=lambda p: (self._sort_at(p), p.uri), reverse=True)

    @staticmethod
    def _sort_at(post: Post) -> datetime:
        try:
            created = datetime.fromisoformat(post.created_at).replace(tzinfo=None)
        except ValueError:
            return post.indexed_at
        return min(created, post.indexed_at)

    def _author(self, did: str, viewer: str | None = None) -> dict[str, Any]:
        handle = next(h for h, d in self.handles.items() if d == did)
        author: dict[str, Any] = {"did": did, "handle": handle, "displayName": handle.split(".")[0].title()}
        labels = self.account_labels.get(did, ())
        author["labels"] = [self._label(did, did, val) for val in labels]
        if viewer is not None:
            author["viewer"] = {"muted": False, "blockedBy": frozenset({did, viewer}) in self.blocks}
        return author

    def _label(self, did: str, uri: str, val: str) -> dict[str, Any]:
        return {"src": did, "uri": uri, "val": val, "cts": _iso(self.now)}

    def _view(self, post: Post, viewer: str | None = None) -> dict[str, Any]:
        return {
            "uri": post.uri,
            "cid": self._cid(post),
            "author": self._author(post.did, viewer),
            "record": self._record(post),
            "replyCount": len(self._replies(post.uri)),
            "repostCount": 0,
            "likeCount": 0,
            "quoteCount": 0,
            "indexedAt": _iso(post.indexed_at),
            "labels": [self._label(post.did, post.uri, val) for val in post.labels],
        }

    @staticmethod
    def _cid(post: Post) -> str:
        digest = hashlib.sha256(f"{post.uri} {post.text}".encode()).digest()
        return "b" + base64.b32encode(b"\x01\x71\x12\x20" + digest).decode().lower().rstrip("=")

    def _record(self, post: Post) -> dict[str, Any]:
        record: dict[str, Any] = {
            "$type": "app.bsky.feed.post",
            "text": post.text,
            "langs": list(post.langs),
            "createdAt": post.created_at,
            **post.extra,
        }
        if post.reply_to is not None:
            ends = {"root": post.root or "", "parent": post.reply_to}
            record["reply"] = {
                name: {"uri": uri, "cid": self._cid(self.posts.get(uri, post))} for name, uri in ends.items()
            }
        facets = [
            *(self._facet(post.text, m.span(), "tag", tag=m[1]) for m in re.finditer(r"#(\w+)", post.text)),
            *(
                self._facet(post.text, m.span(), "mention", did=self.account(m[1]))
                for m in re.finditer(r"@([\w-]+(?:\.[\w-]+)+)", post.text)
            ),
        ]
        for shown, address in post.links.items():
            start = post.text.index(shown)
            facets.append(self._facet(post.text, (start, start + len(shown)), "link", uri=address))
        if facets:
            record["facets"] = facets
        return record

    @staticmethod
    def _facet(text: str, span: tuple[int, int], kind: str, **value: str) -> dict[str, Any]:
        start, end = (len(text[:place].encode()) for place in span)
        return {
            "index": {"byteStart": start, "byteEnd": end},
            "features": [{"$type": f"app.bsky.richtext.facet#{kind}", **value}],
        }
