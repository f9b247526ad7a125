"""X's API v2 in memory: recent search, posts by identifier, edits, deletions, protected accounts, rate limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

__all__ = ["XApi"]

_Answer = tuple[int, dict[str, str], bytes]


@dataclass
class _Post:
    post_id: str
    author: str
    text: str
    at: datetime
    conversation: str
    reply_to: str | None = None
    retweet_of: str | None = None
    quote_of: str | None = None
    note: str | None = None
    history: tuple[str, ...] = ()


class XApi:
    """Holds posts; ``now`` is the simulated instant, UTC without a zone."""

    def __init__(self, now: datetime, token: str = "the-bearer-token") -> None:
        self.now = now
        self.token = token
        self.posts: dict[str, _Post] = {}
        self.deleted: set[str] = set()
        self.protected: set[str] = set()
        self.users: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.limit = 450
        self.remaining = self.limit
        self.refused_tokens: set[str] = set()
        self._serial = 0

    # -- what happens on X ---------------------------------------------------------------------------------------------

    def add(self, author: str, text: str, at: datetime | None = None, **more: Any) -> str:
        """A new post; ``reply_to``, ``retweet_of``, ``quote_of``, ``note`` as the post has them."""
        at = at or self.now
        self._serial += 1
        # As X makes them: milliseconds since its own epoch, and 22 further bits.
        since = int(at.replace(tzinfo=UTC).timestamp() * 1000) - 1288834974657
        post_id = str((since << 22) + self._serial)
        parent = self.posts.get(more.get("reply_to") or "")
        conversation = parent.conversation if parent else post_id
        self.posts[post_id] = _Post(post_id, author, text, at, conversation, history=(post_id,), **more)
        self.users.setdefault(author, str(1000 + len(self.users)))
        return post_id

    def edit(self, post_id: str, text: str, at: datetime | None = None) -> str:
        """A new version of a post: it has an identifier of its own."""
        old = self.posts[post_id]
        new_id = self.add(old.author, text, at)
        new = self.posts[new_id]
        new.reply_to, new.conversation = old.reply_to, old.conversation if old.reply_to else new_id
        history = (*old.history, new_id)
        for version in history:
            self.posts[version].history = history
        return new_id

    def delete(self, post_id: str) -> None:
        """Takes a post out, in all of its versions."""
        self.deleted.update(self.posts[post_id].history)

    def protect(self, author: str) -> None:
        """Makes an account's posts visible to its followers only."""
        self.protected.add(author)

    # -- what it answers -----------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> _Answer:
        """The answer to a request; ``query`` as it stands in the address."""
        del body
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        self.requests.append((path, asked))
        told = {name.lower(): value for name, value in headers.items()}
        if told.get("authorization") != f"Bearer {self.token}":
            return self._problem(401, "Unauthorized", "Unauthorized")
        if self.remaining <= 0:
            return self._problem(429, "Too Many Requests", "Too Many Requests")
        self.remaining -= 1
        if method == "GET" and path == "/2/tweets/search/recent":
            return self._search(asked)
        if method == "GET" and path == "/2/tweets":
            return self._lookup(asked)
        return self._problem(404, "Not Found", "Not Found")

    def _headers(self) -> dict[str, str]:
        reset = int((self.now.replace(tzinfo=UTC) + timedelta(minutes=15)).timestamp())
        return {
            "content-type": "application/json; charset=utf-8",
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(reset),
        }

    def _problem(self, status: int, title: str, detail: str) -> _Answer:
        body = {"title": title, "detail": detail, "type": "about:blank", "status": status}
        return status, self._headers(), json.dumps(body).encode()

    def _invalid(self, name: str, value: str, message: str) -> _Answer:
        body = {
            "errors": [{"parameters": {name: [value]}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": "https://api.twitter.com/2/problems/invalid-request",
        }
        return 400, self._headers(), json.dumps(body).encode()

    def _search(self, asked: Mapping[str, str]) -> _Answer:
        size = int(asked.get("max_results", "10"))
        text, token = asked["query"], asked.get("next_token")
        if len(text) > 512:
            return self._invalid("query", text, "must be less than or equal to 512 characters")
        if not 10 <= size <= 100:
            return self._invalid("max_results", str(size), "is not between 10 and 100")
        oldest = self.now - timedelta(days=7)
        start = oldest
        if "start_time" in asked:
            start = datetime.fromisoformat(asked["start_time"]).replace(tzinfo=None)
            if start < oldest:
                return self._invalid("start_time", asked["start_time"], "must be on or after 7 days ago")
        if token is not None and (token in self.refused_tokens or not token.startswith("b26v89c")):
            return self._invalid("next_token", token, f"The `next_token` [{token}] is not valid")
        found = [
            p
            for p in sorted(self.posts.values(), key=lambda p: int(p.post_id), reverse=True)
            if p.post_id == p.history[-1] and p.at >= start and self._is_seen(p) and self._matches(p, text)
        ]
        if token is not None:
            found = [p for p in found if int(p.post_id) < int(token.removeprefix("b26v89c"))]
        page = found[:size]
        body = self._with_includes(page, asked) if page else {}
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0].post_id, "oldest_id": page[-1].post_id}
        if len(found) > size:
            meta["next_token"] = f"b26v89c{page[-1].post_id}"
        return 200, self._headers(), json.dumps(body | {"meta": meta}).encode()

    def _lookup(self, asked: Mapping[str, str]) -> _Answer:
        ids = asked["ids"].split(",")
        if len(ids) > 100 or not all(re.fullmatch(r"[0-9]{1,19}", i) for i in ids):
            return self._invalid("ids", asked["ids"], "is not valid")
        errors = []
        found = []
        for post_id in ids:
            post = self.posts.get(post_id)
            if post is None or post_id in self.deleted:
                errors.append(self._error("ids", post_id, "Not Found Error", "resource-not-found"))
            elif post.author in self.protected:
                errors.append(
                    self._error("ids", post_id, "Authorization Error", "not-authorized-for-resource")
                )
            else:
                found.append(post)
        body = self._with_includes(found, asked) if found else {}
        errors += body.pop("errors", [])
        return 200, self._headers(), json.dumps(body | ({"errors": errors} if errors else {})).encode()

    def _error(self, parameter: str, post_id: str, title: str, kind: str) -> dict[str, Any]:
        return {
            "value": post_id,
            "detail": f"Could not find tweet with {parameter}: [{post_id}].",
            "title": title,
            "resource_type": "tweet",
            "parameter": parameter,
            "resource_id": post_id,
            "type": f"https://api.twitter.com/2/problems/{kind}",
        }

    def _is_seen(self, post: _Post) -> bool:
        return post.post_id not in self.deleted and post.author not in self.protected

    def _matches(self, post: _Post, query: str) -> bool:
        """A query of words, operators, OR and one pair of brackets; what is to be left out stands at its end."""
        left_out = re.findall(r"\s-(\S+)", query)
        wanted = re.sub(r"\s-\S+", "", query).strip().removeprefix("(").removesuffix(")")
        if "is:retweet" in left_out and post.retweet_of:
            return False
        return any(all(self._has(post, w) for w in part.split()) for part in wanted.split(" OR "))

    def _has(self, post: _Post, word: str) -> bool:
        name, _, value = word.partition(":")
        if name == "from":
            return post.author.lower() == value.lower()
        if name == "to":
            parent = self.posts.get(post.reply_to or "")
            return parent is not None and parent.author.lower() == value.lower()
        if name == "conversation_id":
            return post.conversation == value
        return word.lower() in (post.note or post.text).lower()

    def _with_includes(self, posts: list[_Post], asked: Mapping[str, str]) -> dict[str, Any]:
        wants = asked.get("expansions", "").split(",")
        more: dict[str, _Post] = {}
        errors = []
        for post in posts:
            if "edit_history_tweet_ids" in wants:
                more |= {v: self.posts[v] for v in post.history}
            if "referenced_tweets.id" in wants:
                for other in filter(None, (post.reply_to, post.retweet_of, post.quote_of)):
                    if other in self.posts and self._is_seen(self.posts[other]):
                        more[other] = self.posts[other]
                    else:
                        errors.append(
                            self._error(
                                "referenced_tweets.id", other, "Not Found Error", "resource-not-found"
                            )
                        )
        people = {p.author for p in posts} if "author_id" in wants else set()
        if "referenced_tweets.id.author_id" in wants:
            people |= {p.author for p in more.values()}
        if "in_reply_to_user_id" in wants:
            people |= {self.posts[p.reply_to].author for p in posts if p.reply_to in self.posts}
        users = [{"id": self.users[a], "username": a, "name": a.title()} for a in sorted(people)]
        includes = {"users": users, "tweets": [self._json(p, asked) for p in more.values()]}
        return {
            "data": [self._json(p, asked) for p in posts],
            "includes": {name: value for name, value in includes.items() if value},
        } | ({"errors": errors} if errors else {})

    def _json(self, post: _Post, asked: Mapping[str, str]) -> dict[str, Any]:
        references = [
            {"type": kind, "id": other}
            for kind, other in (
                ("replied_to", post.reply_to),
                ("retweeted", post.retweet_of),
                ("quoted", post.quote_of),
            )
            if other
        ]
        parent = self.posts.get(post.reply_to or "")
        whole = {
            "author_id": self.users[post.author],
            "conversation_id": post.conversation,
            "created_at": f"{post.at.isoformat(timespec='milliseconds')}Z",
            "entities": _entities(post.text),
            "in_reply_to_user_id": self.users[parent.author] if parent else None,
            "lang": "en",
            "note_tweet": {"text": post.note, "entities": _entities(post.note)} if post.note else None,
            "possibly_sensitive": False,
            "public_metrics": {"retweet_count": 0, "reply_count": 0, "like_count": 1, "quote_count": 0},
            "referenced_tweets": references,
        }
        fields = asked.get("tweet.fields", "").split(",")
        found: dict[str, Any] = {
            "id": post.post_id,
            "text": post.text,
            "edit_history_tweet_ids": list(post.history),
        }
        return found | {name: value for name, value in whole.items() if name in fields and value}


def _entities(text: str) -> dict[str, Any]:
    tags = [{"start": m.start(), "end": m.end(), "tag": m[1]} for m in re.finditer(r"#(\w+)", text)]
    people = [{"start": m.start(), "end": m.end(), "username": m[1]} for m in re.finditer(r"@(\w+)", text)]
    return {name: value for name, value in (("hashtags", tags), ("mentions", people)) if value}
