"""Entries of RSS and Atom feeds.

A feed forgets what is old: an entry that is missing from it was not deleted, and nothing can be asked again. An entry
without a date has that of the feed when it was first seen. Feeds are made for programs: a site's robots.txt, which
speaks of its pages, is not asked.
"""

from __future__ import annotations

import calendar
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import feedparser

from answerable.errors import SourceError
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.plain import plain, string
from answerable.gather.records import as_instant, noted
from answerable.live_settings import FeedSource

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "lang",
    "url",
    "title",
    "text",
    "author",
    "is_official",
)
_NOT_MODIFIED = 304
_LANGUAGE = re.compile(r"^([a-z]{2,3})(?:[-_].*)?$", re.IGNORECASE)


# -- asking ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: FeedSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Each feed once. One that cannot be read does not keep the others from it."""
    del settings
    failed: SourceError | None = None
    for address in dict.fromkeys(source.feeds):
        try:
            answer = client.get(address, allow=(_NOT_MODIFIED,))
            batch = Batch() if answer.status == _NOT_MODIFIED else _batch(answer, address, held)
        except SourceError as error:
            failed = failed or error
            continue
        yield batch
    if failed is not None:
        raise failed


def _nothing(client: Client, source: FeedSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del client, source, settings, held
    yield from ()


def _batch(answer: Answer, address: str, held: Held) -> Batch:
    """The entries of a feed; also of one with mistakes, as far as they can be read."""
    told = {"content-location": address}
    kind = next((v for n, v in answer.headers.items() if n.lower() == "content-type"), None)
    if kind:
        told["content-type"] = kind
    # As a file: a short text would be taken for the name of one.
    read = feedparser.parse(io.BytesIO(answer.content), response_headers=told)
    about: Mapping[str, Any] = read.feed
    if not read.entries and not read.get("version"):
        raise SourceError(
            f"{answer.address} gives no RSS or Atom feed",
            remedy="check feeds in data/sources.yml: a feed's address often ends in .rss, .atom or /feed",
        )
    items: dict[str, Item] = {}
    unreadable = 0
    for entry in read.entries:
        item = _item(entry, about, address)
        if item is None:
            unreadable += 1
            continue
        # The feed's date moves on, that of an entry does not: it keeps the one that it was first given.
        is_settled = "is_undated" in item.payload and item.record_id in held.ids
        if item.record_id not in items and not is_settled and _is_wanted(item, held):
            items[item.record_id] = item
    return Batch(tuple(items.values()), unreadable=unreadable)


def _is_wanted(item: Item, held: Held) -> bool:
    published = as_instant(item.payload.get("published"))
    return held.floor is None or published is None or published >= held.floor or item.record_id in held.ids


def _item(entry: Mapping[str, Any], about: Mapping[str, Any], address: str) -> Item | None:
    """An entry as plain texts; None for one that has no identifier or no date."""
    own = _instant(entry, "published_parsed") or _instant(entry, "updated_parsed")
    link, title, summary = (string(_get(entry, n)) for n in ("link", "title", "summary"))
    name = string(_get(entry, "id")) or link
    if name is None and (title or summary):
        said = "\x1f".join((title or summary or "", own or ""))
        name = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=12).hexdigest()
    published = own or _instant(about, "updated_parsed") or _instant(about, "published_parsed")
    if name is None or published is None:
        return None
    contents = _get(entry, "content")
    texts = {
        "feed": address,
        "id": name,
        "link": link,
        "title": title,
        "published": published,
        "is_undated": None if own else "true",
        "updated": _instant(entry, "updated_parsed"),
        "content": _content(contents if isinstance(contents, list) else []),
        "summary": summary,
        "author": string(_get(entry, "author")),
        "language": string(_get(entry, "language")) or string(_get(about, "language")),
    }
    # An identifier that is no address is one within its feed only.
    record_id = name if ":" in name else f"{address}#{name}"
    return Item(record_id, {name: text for name, text in texts.items() if text is not None})


def _content(contents: list[Any]) -> str | None:
    texts = (string(_get(c, "value")) for c in contents if isinstance(c, dict))
    return next((text for text in texts if text), None)


def _get(about: Mapping[str, Any], name: str) -> object:
    """What stands under a name itself: feedparser's own look-up gives a neighbour's value, with a warning."""
    return dict.get(about, name) if isinstance(about, dict) else None


def _instant(about: Mapping[str, Any], name: str) -> str | None:
    """An instant as ISO text; feedparser gives UTC, without saying so."""
    parts = _get(about, name)
    if not isinstance(parts, tuple):
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parts), UTC).isoformat()
    except (ValueError, OverflowError, OSError, TypeError):
        return None


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: FeedSource) -> Iterator[Row]:
    data = item.payload
    bad: dict[str, str] = {}
    title, text = string(data.get("title")), string(data.get("content")) or string(data.get("summary"))
    language = _LANGUAGE.match(string(data.get("language")) or "")
    columns: dict[str, Any] = {
        "lang": language.group(1).lower() if language else None,
        "url": string(data.get("link")),
        "title": plain(title) if title else None,
        "text": plain(text) if text else None,
        "author": string(data.get("author")),
        # Whose it is then, the source's `agency` says.
        "is_official": True if source.is_official else None,
    }
    noted("created_at", data.get("published"), columns, bad)
    if data.get("updated") != data.get("published"):
        noted("updated_at", data.get("updated"), columns, bad)
    yield Row(item.record_id, columns, bad)


connector: Connector = Connector(
    mapped=_MAPPED, discover=_discover, refresh=_nothing, sweep=_nothing, rows=_rows
)
