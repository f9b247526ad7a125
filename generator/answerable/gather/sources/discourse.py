"""Topics of a Discourse forum with all of their posts.

A record is ``<topic>/<number of the post in it>``: replies name the number, and only the topic gives its posts with
what they reply to. A post that a moderator moves to another topic is gone there and new here.

The forum lists all new posts, so no late reply is missed; the refresh is for edits and deletions. The author is
``name@host``, with the forum's host: an official account there is listed so in data/agencies.yml.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import nh3

from answerable.errors import SourceError
from answerable.gather import plain
from answerable.gather.live import Batch, Connector, Held, Item, Page, Row, newest_first
from answerable.gather.records import as_instant, noted
from answerable.live_settings import DiscourseSource, host_of

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "url",
    "title",
    "text",
    "author",
    "reply_to_id",
    "conversation_id",
)

_CHUNK = 20
"""How many posts a topic gives at once."""

_WINDOW = 50
_WINDOWS = 20
_NUMBER = re.compile(r"[0-9]{1,18}")
_RECORD = re.compile(r"([0-9]{1,18})/([0-9]{1,18})")
_REGULAR = 1


# -- the passes --------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: DiscourseSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    wanted = _category_ids(client, source)
    known = set(held.ids)
    pending = dict.fromkeys(held.cursor.get("topics", "").split())

    def left() -> dict[str, str]:
        return {"topics": " ".join(topic for topic in pending if f"{topic}/1" not in known)}

    def ask(token: str | None) -> Page:
        posts = _posts_before(client, token)
        inside = [p for p in posts if wanted is None or plain.identifier(p.get("category_id")) in wanted]
        batch = _batch(inside, held)
        known.update(item.record_id for item in batch.items)
        pending.update(dict.fromkeys(item.record_id.partition("/")[0] for item in batch.items))
        times = [at for p in posts if (at := as_instant(p.get("created_at"))) is not None]
        ids = [i for p in posts if (i := _whole(p.get("id"))) is not None]
        page = Batch(batch.items, gone=batch.gone, unreadable=batch.unreadable, cursor=left())
        # The last one, not the oldest: a post that was moved has a new identifier and its old time.
        return Page(
            page, times[-1] if times else None, str(min(ids)) if ids and token != str(min(ids)) else None
        )

    yield from newest_first("posts", held, timedelta(hours=source.overlap_hours), ask)
    # Replies to topics that began before what was read: the whole conversation is held.
    for topic in list(pending):
        if f"{topic}/1" not in known:
            for batch in _topic(client, topic, held, ()):
                known.update(item.record_id for item in batch.items)
                yield batch
        del pending[topic]
        yield Batch(cursor=left())


def _posts_before(client: Client, token: str | None) -> list[dict[str, Any]]:
    """Posts older than one, newest first.

    Servers differ: some list 50 posts below ``before``, older ones those of its 50 identifiers that are public, itself
    among them. The latter may give nothing new although there is more: then the next identifiers are asked for.
    """
    before = token
    for _ in range(_WINDOWS):
        answer = _get(client, "/posts.json", [("before", before)] if before else [])
        listed = plain.field(answer.json(), "latest_posts")
        if not isinstance(listed, list):
            raise _odd(answer, "a list of posts")
        posts = [p if isinstance(p, dict) else {} for p in listed]
        if token is None or before is None:
            return posts
        below = [p for p in posts if (number := _whole(p.get("id"))) is None or number < int(token)]
        is_window = len(below) < len(posts) or before != token
        if below or not is_window or int(before) <= _WINDOW:
            return below
        before = str(int(before) - _WINDOW)
    return []


def _category_ids(client: Client, source: DiscourseSource) -> frozenset[str] | None:
    """The identifiers of the wanted categories and of those below them; None where all are wanted."""
    if not source.categories:
        return None
    answer = _get(client, "/categories.json", [("include_subcategories", "true")])
    listed = plain.field(answer.json(), "category_list", "categories")
    if not isinstance(listed, list):
        raise _odd(answer, "its categories")
    found: dict[str, set[str]] = {}
    waiting: list[tuple[object, tuple[str, ...]]] = [(category, ()) for category in listed]
    while waiting:
        category, above = waiting.pop()
        slug, number = (
            plain.string(plain.field(category, "slug")),
            plain.identifier(plain.field(category, "id")),
        )
        if slug is None or number is None:
            continue
        for name in (*above, slug):
            found.setdefault(name, set()).add(number)
        below = plain.listed(plain.field(category, "subcategory_list"))
        waiting.extend((child, (*above, slug)) for child in below)
    wanted = [slug.strip("/").rpartition("/")[2] for slug in source.categories]
    for slug in wanted:
        if slug not in found:
            raise SourceError(
                f"{answer.address} names no category {slug}",
                remedy=f"in data/sources.yml, name categories by slug: {', '.join(sorted(found)[:20])}",
            )
    return frozenset(number for slug in wanted for number in found[slug])


def _refresh(client: Client, source: DiscourseSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    numbers = _by_topic(held.ids)
    for topic in _by_topic(held.due):
        yield from _topic(client, topic, held, numbers.get(topic, ()))


def _sweep(client: Client, source: DiscourseSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    numbers = _by_topic(held.ids)
    for topic, unseen in _by_topic(held.unswept).items():
        # From the first that was not seen: a topic that is larger than the budget is read on where it was left.
        yield from _topic(client, topic, held, numbers.get(topic, ()), start=min(unseen))


def _by_topic(ids: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name in ids:
        match = _RECORD.fullmatch(name)
        if match:
            found.setdefault(match[1], []).append(int(match[2]))
    return found


# -- asking ------------------------------------------------------------------------------------------------------------


def _get(
    client: Client,
    path: str,
    params: Sequence[tuple[str, Any]] = (),
    *,
    allow: tuple[int, ...] = (),
) -> Answer:
    headers = {
        name: secret
        for name, setting in (("Api-Key", "key_env"), ("Api-Username", "user_env"))
        if (secret := client.secret(setting))
    }
    return client.get(path, params, headers=headers, allow=allow)


def _topic(
    client: Client, topic: str, held: Held, numbers: Collection[int], *, start: int = 1
) -> Iterator[Batch]:
    """A topic's posts from a number on; what is held of that part and not among them is gone."""
    path = f"/t/{topic}.json" if start <= _CHUNK else f"/t/{topic}/{start}.json"
    answer = _get(client, path, allow=(403, 404, 410))
    body = answer.json() if answer.status in (200, 403) else None
    if answer.status == 403 and plain.field(body, "error_type") != "invalid_access":
        # A forum that wants a login for everything says nothing about one topic.
        raise _odd(answer, "a topic (it is not open to everybody)")
    if answer.status != 200:
        yield Batch(gone=[f"{topic}/{n}" for n in numbers])
        return
    posts = _posts(body, answer)
    about = {
        "topic_id": plain.field(body, "id"),
        "topic_slug": plain.field(body, "slug"),
        "topic_title": plain.field(body, "title"),
        "category_id": plain.field(body, "category_id"),
    }
    stream = [
        i for i in map(_whole, plain.listed(plain.field(body, "post_stream", "stream"))) if i is not None
    ]
    given = [i for p in posts if (i := _whole(p.get("id"))) is not None]
    seen = [n for p in posts if (n := _whole(p.get("post_number"))) is not None]
    lower = 0 if start <= _CHUNK else min(seen, default=start) - 1
    # Without the stream nobody knows whether more follows.
    is_sure = bool(stream) and bool(given) and given[-1] in stream
    rest = stream[stream.index(given[-1]) + 1 :] if is_sure else []
    upper = max(seen, default=0)
    missing = [f"{topic}/{n}" for n in numbers if lower < n <= upper and n not in seen]
    yield _batch([about | p for p in posts], held, missing)
    for first in range(0, len(rest), _CHUNK):
        chunk = rest[first : first + _CHUNK]
        answer = _get(client, f"/t/{topic}/posts.json", [("post_ids[]", i) for i in chunk])
        posts = _posts(answer.json(), answer)
        seen = [n for p in posts if (n := _whole(p.get("post_number"))) is not None]
        lower, upper = upper, max(seen, default=upper)
        # Only an answer with all that was asked for proves that something is missing.
        is_sure = is_sure and len(posts) == len(chunk)
        missing = [f"{topic}/{n}" for n in numbers if lower < n <= upper and n not in seen]
        yield _batch([about | p for p in posts], held, missing if is_sure else [])
    if is_sure:
        yield Batch(gone=[f"{topic}/{n}" for n in numbers if n > upper])


def _posts(body: object, answer: Answer) -> list[dict[str, Any]]:
    posts = plain.field(body, "post_stream", "posts")
    if not isinstance(posts, list):
        raise _odd(answer, "the posts of a topic")
    return [p if isinstance(p, dict) else {} for p in posts]


def _odd(answer: Answer, expected: str) -> SourceError:
    return SourceError(
        f"{answer.address} did not answer with {expected} as Discourse does",
        remedy="check the server in data/sources.yml, and whether the forum needs a key (key_env)",
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _batch(posts: Iterable[Mapping[str, Any]], held: Held, missing: Iterable[str] = ()) -> Batch:
    items: list[Item] = []
    gone: list[str] = []
    unreadable = 0
    for post in posts:
        number, own = _whole(post.get("post_number")), _whole(post.get("topic_id"))
        if number is None or own is None:
            unreadable += 1
            continue
        name = f"{own}/{number}"
        if post.get("hidden") is True or post.get("user_deleted") is True or post.get("deleted_at"):
            gone.append(name)
        elif post.get("post_type", _REGULAR) == _REGULAR:
            items.append(Item(name, post))
    return Batch(
        items,
        gone=[*(n for n in gone if n in held.ids), *missing],
        unreadable=unreadable,
    )


# -- reading -----------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: DiscourseSource) -> Iterator[Row]:
    post = item.payload
    topic, _, number = item.record_id.partition("/")
    bad: dict[str, str] = {}
    slug = plain.string(post.get("topic_slug")) or "-"
    name = plain.string(post.get("username"))
    columns: dict[str, Any] = {
        "url": f"{source.server}/t/{slug}/{topic}/{number}",
        "title": plain.string(post.get("topic_title")) if number == "1" else None,
        "text": _text(plain.string(post.get("cooked"))),
        "author": f"{name}@{host_of(source.server)}" if name else None,
        "reply_to_id": None if number == "1" else f"{topic}/{_whole(post.get('reply_to_post_number')) or 1}",
        "conversation_id": f"{topic}/1",
    }
    noted("created_at", post.get("created_at"), columns, bad)
    # A post without an edit is changed too, when the server renders it anew.
    if (_whole(post.get("version")) or 1) > 1:
        noted("updated_at", post.get("updated_at"), columns, bad)
    yield Row(item.record_id, columns, bad)


def _text(cooked: str | None) -> str | None:
    """A post's own words: what it quotes, and previews of what it links to, are somebody else's."""
    if cooked is None:
        return None
    kept = {"p", "br", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"}
    return plain.plain(nh3.clean(cooked, tags=kept, clean_content_tags={"aside", "script", "style"}))


connector = Connector(mapped=_MAPPED, discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows)
