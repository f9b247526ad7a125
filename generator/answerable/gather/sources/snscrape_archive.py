"""Posts from JSON Lines as snscrape 0.7 writes them: tweets, toots and Telegram posts.

Identifiers are texts, never floats: they are larger than a float can tell apart. Deprecated names beside the real ones
(``content`` beside ``rawContent``) are used only where the real one is missing. twscrape's dialect is read too: it
bears snscrape's types, writes identifiers as texts beside the numbers, a space in times, and media as an object.
"""

from __future__ import annotations

import hashlib
import html
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nh3

from answerable.errors import SourceError
from answerable.gather.files import InputFile, open_text
from answerable.gather.findings import LOCATED_LIMIT, Finding
from answerable.gather.records import Record, keep_records, noted
from answerable.gather.rows import Gathered
from answerable.settings import Settings, SnscrapeArchiveSource
from answerable.store import Store

__all__ = ["MAPPED", "post_columns", "post_type", "read"]

log = logging.getLogger(__name__)

MAPPED = (
    "record_id",
    "created_at",
    "lang",
    "url",
    "text",
    "author",
    "is_repost",
    "mentions",
    "hashtags",
    "reply_to_id",
    "conversation_id",
)
"""The columns of ours that a post can have."""

_PLACEHOLDERS = ("snscrape.modules.twitter.Tombstone", "snscrape.modules.twitter.TweetRef")
"""What stands where a post is not: nothing to gather, and nothing wrong."""

_NO_LANGUAGE = ("und", "zxx", "art", "qam", "qct", "qht", "qme", "qst")
_TAG = re.compile(r"<(?:p|br|a|span)\b[^>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</p>\s*<p[^>]*>", re.IGNORECASE)
_TELEGRAM = re.compile(r"^https?://t\.me/(?:s/)?([^/?#]+)/(\d+)")


def read(
    source: SnscrapeArchiveSource, files: Sequence[InputFile], settings: Settings, store: Store, folder: Path
) -> Gathered:
    """The posts of an archive.

    Raises:
        SourceError: a file is not JSON Lines in UTF-8, or holds no post.
    """
    del settings
    findings: list[Finding] = []
    rows, bad = keep_records(
        _records(files, findings), source.id, store, folder, MAPPED, is_full=source.extract == "full"
    )
    return Gathered(
        rows,
        tuple(files),
        MAPPED,
        bad,
        tuple(findings),
        lambda _index, places: {place: place + 1 for place in places},
    )


def _records(files: Sequence[InputFile], findings: list[Finding]) -> Iterator[Record]:
    for number, file in enumerate(files):
        broken: list[int] = []
        strangers: Counter[str] = Counter()
        count = 0
        try:
            with open_text(file.path) as text:
                for row, line in enumerate(text):
                    if not line.strip():
                        continue
                    record = _line(number, row, line.strip(), broken, strangers)
                    if record is not None:
                        count += 1
                        yield record
        except UnicodeError as error:
            raise SourceError(
                f"is not UTF-8: {error}", file=file.path, remedy="save the file as UTF-8"
            ) from error
        if not count:
            raise SourceError(
                "holds no post as snscrape writes it",
                file=file.path,
                line=broken[0] if broken else None,
                remedy="make it with snscrape --jsonl, or use the connector `table` for another format",
            )
        findings += [Finding("row_unreadable", file_name=file.name, line=n) for n in broken[:LOCATED_LIMIT]]
        if len(broken) > LOCATED_LIMIT:
            rest = len(broken) - LOCATED_LIMIT
            findings.append(Finding("row_unreadable", file_name=file.name, row_count=rest))
        findings += [
            Finding("value_unmapped", file_name=file.name, column_name="_type", row_count=n, value=kind)
            for kind, n in sorted(strangers.items())
        ]
        log.info("read %s: %d posts", file.name, count)


def _line(number: int, row: int, line: str, broken: list[int], strangers: Counter[str]) -> Record | None:
    try:
        item = json.loads(line)
    except ValueError:
        item = None
    if not isinstance(item, dict):
        broken.append(row + 1)
        return None
    kind = post_type(item)
    if kind in _PLACEHOLDERS:
        return None
    found = post_columns(item)
    if found is None:
        strangers[kind] += 1
        return None
    columns, bad = found
    return Record(number, row, columns.pop("record_id"), line, columns, bad)


def post_type(item: Mapping[str, Any]) -> str:
    """What an object says that it is; twscrape's tweets may not say it."""
    kind = item.get("_type") or ("snscrape.modules.twitter.Tweet" if "conversationId" in item else "none")
    return str(kind)


def post_columns(item: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]] | None:
    """Our columns of a post, ``record_id`` among them, and the texts of those that could not be read.

    None where the object is no post, or is of a kind that nobody knows.
    """
    make = _KINDS.get(post_type(item))
    if make is None:
        return None
    bad: dict[str, str] = {}
    return make(item, bad), bad


def _tweet(item: Mapping[str, Any], bad: dict[str, str]) -> dict[str, Any]:
    columns = _post(item, bad, ("rawContent", "content", "renderedContent"))
    people = _list(item.get("mentionedUsers"))
    if isinstance(item.get("inReplyToUser"), dict):
        people = [*people, item["inReplyToUser"]]
    return columns | {
        "record_id": _id(item, "id_str", "id"),
        "author": _field(item.get("user"), "username"),
        "lang": None if item.get("lang") in _NO_LANGUAGE else _string(item.get("lang")),
        "is_repost": isinstance(item.get("retweetedTweet"), dict),
        "mentions": _joined(_field(p, "username") for p in people),
        "reply_to_id": _reference(item, "inReplyToTweetIdStr", "inReplyToTweetId"),
        "conversation_id": _reference(item, "conversationIdStr", "conversationId"),
    }


def _toot(item: Mapping[str, Any], bad: dict[str, str]) -> dict[str, Any]:
    columns = _post(item, bad, ("text", "content"))
    warning = _string(item.get("spoilerText"))
    if warning:
        columns["text"] = "\n".join(t for t in (_plain(warning), columns["text"]) if t)
    return columns | {
        "record_id": _id(item, "id") or _string(item.get("url")),
        "author": _field(item.get("user"), "account"),
        "is_repost": False,
        "mentions": _joined(_field(p, "account") for p in _list(item.get("mentionedUsers"))),
    }


def _boost(item: Mapping[str, Any], bad: dict[str, str]) -> dict[str, Any]:
    """Somebody's toot, passed on: it has no time of its own and takes the toot's."""
    toot = item.get("toot")
    columns = _toot(toot if isinstance(toot, dict) else {}, bad)
    author = _field(item.get("user"), "account")
    # Who passed it on tells two of them apart, and is not told: identifiers are published.
    who = hashlib.blake2b(str(author).encode(), digest_size=6).hexdigest()
    record_id = f"boost/{who}/{columns['record_id']}" if author and columns["record_id"] else None
    return columns | {"record_id": record_id, "author": author, "is_repost": True}


def _telegram(item: Mapping[str, Any], bad: dict[str, str]) -> dict[str, Any]:
    """A post of a channel: its identifier stands in its address only."""
    columns = _post(item, bad, ("content",))
    found = _TELEGRAM.match(columns["url"] or "")
    channel, number = (found[1], found[2]) if found else (None, None)
    return columns | {
        "record_id": f"{channel}/{number}" if found else None,
        "url": f"https://t.me/{channel}/{number}" if found else columns["url"],
        "author": channel,
        "is_repost": False,
    }


_KINDS: dict[str, Callable[[Mapping[str, Any], dict[str, str]], dict[str, Any]]] = {
    "snscrape.modules.twitter.Tweet": _tweet,
    "snscrape.modules.mastodon.Toot": _toot,
    "snscrape.modules.mastodon.Boost": _boost,
    "snscrape.modules.telegram.TelegramPost": _telegram,
}


def _post(item: Mapping[str, Any], bad: dict[str, str], names: Sequence[str]) -> dict[str, Any]:
    """What all posts have."""
    text = next((item[n] for n in names if isinstance(item.get(n), str)), None)
    columns: dict[str, Any] = {
        "url": _string(item.get("url")),
        "text": None if text is None else _plain(text),
    }
    noted("created_at", item.get("date"), columns, bad)
    if "hashtags" in item:
        # Some archives keep a tag as an object, as the API gave it.
        tags = (h if isinstance(h, str) else _field(h, "text") for h in _list(item["hashtags"]))
        columns["hashtags"] = _joined(h.lstrip("#") if h else None for h in tags)
    return columns


def _plain(text: str) -> str | None:
    """A text without markup: line breaks stay, entities become what they stand for."""
    if _TAG.search(text):
        text = nh3.clean(_BREAK.sub("\n", text), tags=set())
    return html.unescape(text).strip() or None


def _id(item: Mapping[str, Any], *names: str) -> str | None:
    """An identifier as text; whole numbers keep every digit."""
    for name in names:
        value = item.get(name)
        if value is not None and value != "" and not isinstance(value, bool):
            return str(value)
    return None


def _reference(item: Mapping[str, Any], *names: str) -> str | None:
    """The identifier of another post. A float (tables write them, and NaN for none) names no post, or the wrong one."""
    return _id(
        {name: None if isinstance(item.get(name), float) else item.get(name) for name in names}, *names
    )


def _field(item: object, name: str) -> str | None:
    return _string(item.get(name)) if isinstance(item, dict) else None


def _string(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(words: Iterator[str | None]) -> str | None:
    found = dict.fromkeys(w.lstrip("@").lower() for w in words if w)
    return " ".join(found) or None
