"""A Discourse forum in memory: latest posts, topics in parts, categories, edits, deletions, rate limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

__all__ = ["DiscourseApi"]

_Answer = tuple[int, dict[str, str], bytes]


@dataclass
class _Post:
    post_id: int
    topic: int
    number: int
    author: str
    cooked: str
    at: datetime
    reply_to: int | None = None
    version: int = 1
    updated_at: datetime | None = None
    post_type: int = 1
    is_hidden: bool = False


@dataclass
class _Topic:
    topic_id: int
    title: str
    slug: str
    category: int
    access: str = "public"


class DiscourseApi:
    """Holds topics and posts; ``now`` is the simulated instant, UTC without a zone.

    ``has_windows``: as older servers, the list of latest posts goes through 50 identifiers at once, public or not.
    """

    def __init__(self, now: datetime, *, has_windows: bool = False, key: str = "") -> None:
        self.now = now
        self.has_windows = has_windows
        self.key = key
        self.categories = {
            1: ("general", "General", None),
            2: ("roads", "Roads", None),
            3: ("potholes", "Potholes", 2),
        }
        self.topics: dict[int, _Topic] = {}
        self.posts: dict[int, _Post] = {}
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.allowed = 10_000
        self._next_id = 100

    # -- what happens in the forum -------------------------------------------------------------------------------------

    def open(
        self, author: str, title: str, cooked: str, at: datetime | None = None, category: int = 1
    ) -> int:
        """A new topic with its first post."""
        topic = 10 + len(self.topics)
        self.topics[topic] = _Topic(topic, title, title.lower().replace(" ", "-"), category)
        self.post(author, topic, cooked, at)
        return topic

    def post(
        self,
        author: str,
        topic: int,
        cooked: str,
        at: datetime | None = None,
        *,
        reply_to: int | None = None,
        post_type: int = 1,
    ) -> int:
        """A new post; gives its number in the topic."""
        number = 1 + max((p.number for p in self.posts.values() if p.topic == topic), default=0)
        at = at or self.now
        self._next_id += 1
        self.posts[self._next_id] = _Post(
            self._next_id, topic, number, author, cooked, at, reply_to, updated_at=at, post_type=post_type
        )
        return number

    def skip(self, count: int) -> None:
        """Identifiers that go to posts which are not public, such as messages."""
        self._next_id += count

    def edit(self, topic: int, number: int, cooked: str, at: datetime | None = None) -> None:
        """A new text of a post."""
        post = self._at(topic, number)
        post.cooked, post.updated_at, post.version = cooked, at or self.now, post.version + 1

    def rebake(self, topic: int, number: int) -> None:
        """The server renders a post anew: nobody has changed it."""
        self._at(topic, number).updated_at = self.now

    def delete(self, topic: int, number: int) -> None:
        """A post is gone; its number stays unused."""
        del self.posts[self._at(topic, number).post_id]

    def hide(self, topic: int, number: int) -> None:
        """The community hides a post."""
        self._at(topic, number).is_hidden = True

    def delete_topic(self, topic: int) -> None:
        """A topic is gone with all of its posts."""
        self.topics[topic].access = "deleted"

    def close_topic(self, topic: int) -> None:
        """A topic is no longer for everybody."""
        self.topics[topic].access = "private"

    def _at(self, topic: int, number: int) -> _Post:
        return next(p for p in self.posts.values() if (p.topic, p.number) == (topic, number))

    # -- what it answers -----------------------------------------------------------------------------------------------

    def handle(  # noqa: PLR0911 (one case for each address of the API)
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> _Answer:
        """The answer to a request; ``query`` as it stands in the address."""
        del body
        asked = parse_qs(query)
        self.requests.append((path, asked))
        told = {name.lower(): value for name, value in headers.items()}
        if self.key and told.get("api-key") != self.key:
            return _json(
                {"errors": ["You need to be logged in to do that."], "error_type": "not_logged_in"}, 403
            )
        if self.allowed <= 0:
            told_off = {"errors": ["Slow down"], "error_type": "rate_limit", "extras": {"wait_seconds": 7}}
            return _json(
                told_off, 429, {"retry-after": "7", "discourse-rate-limit-error-code": "ip_60_secs_limit"}
            )
        self.allowed -= 1
        parts = path.strip("/").removesuffix(".json").split("/")
        if method != "GET":
            return _json({"errors": ["BAD"]}, 405)
        if parts == ["posts"]:
            return self._latest(int(asked.get("before", ["0"])[0]))
        if parts == ["categories"]:
            return self._categories()
        if parts[0] == "t" and parts[1].isdigit():
            return self._topic(int(parts[1]), parts[2:], asked)
        return _json({"errors": ["not found"], "error_type": "not_found"}, 404)

    def _latest(self, before: int) -> _Answer:
        listed = [
            p
            for p in self.posts.values()
            if self.topics[p.topic].access == "public" and p.post_type == 1 and not p.is_hidden
        ]
        if self.has_windows:
            before = before or max(self.posts)
            listed = [p for p in listed if before - 50 < p.post_id <= before]
        elif before:
            listed = [p for p in listed if p.post_id < before]
        listed.sort(key=lambda p: p.post_id, reverse=True)
        posts = []
        for post in listed[:50]:
            topic = self.topics[post.topic]
            more = {"topic_title": topic.title, "category_id": topic.category, "raw": "as it was written"}
            posts.append(self._post(post) | more)
        return _json({"latest_posts": posts})

    def _topic(self, topic_id: int, rest: list[str], asked: Mapping[str, list[str]]) -> _Answer:
        topic = self.topics.get(topic_id)
        if topic is None or topic.access == "deleted":
            return _json({"errors": ["not found"], "error_type": "not_found"}, 404)
        if topic.access == "private":
            return _json({"errors": ["You are not permitted"], "error_type": "invalid_access"}, 403)
        posts = sorted((p for p in self.posts.values() if p.topic == topic_id), key=lambda p: p.number)
        if rest == ["posts"]:
            wanted = {int(i) for i in asked.get("post_ids[]", [])}
            given = [p for p in posts if p.post_id in wanted][:20]
            return _json({"post_stream": {"posts": [self._post(p) for p in given]}, "id": topic_id})
        start = 0
        if rest:
            near = [i for i, p in enumerate(posts) if p.number >= int(rest[0])]
            start = max(0, (near[0] if near else len(posts)) - 5)
        stream = {
            "posts": [self._post(p) for p in posts[start : start + 20]],
            "stream": [p.post_id for p in posts],
        }
        whole = {"post_stream": stream, "id": topic_id, "title": topic.title, "fancy_title": topic.title}
        return _json(whole | {"slug": topic.slug, "category_id": topic.category, "archetype": "regular"})

    def _categories(self) -> _Answer:
        def below(parent: int | None) -> list[dict[str, Any]]:
            return [
                {"id": i, "slug": slug, "name": name, "subcategory_list": below(i)}
                for i, (slug, name, above) in self.categories.items()
                if above == parent
            ]

        return _json({"category_list": {"can_create_category": False, "categories": below(None)}})

    def _post(self, post: _Post) -> dict[str, Any]:
        hidden = "<p>This post was flagged by the community and is temporarily hidden.</p>"
        return {
            "id": post.post_id,
            "username": post.author,
            "created_at": f"{post.at.isoformat(timespec='milliseconds')}Z",
            "cooked": hidden if post.is_hidden else post.cooked,
            "post_number": post.number,
            "post_type": post.post_type,
            "updated_at": f"{(post.updated_at or post.at).isoformat(timespec='milliseconds')}Z",
            "reply_to_post_number": post.reply_to,
            "topic_id": post.topic,
            "topic_slug": self.topics[post.topic].slug,
            "version": post.version,
            "hidden": post.is_hidden,
            "user_deleted": False,
            "deleted_at": None,
        }


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> _Answer:
    return (
        status,
        {"content-type": "application/json; charset=utf-8", **(headers or {})},
        json.dumps(value).encode(),
    )
