"""A site with a feed in memory, RSS or Atom: entries that are added, edited and taken out over a simulated time.

The feed has the few newest of them, and the mark by which a reader asks whether it has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal
from xml.sax.saxutils import escape

__all__ = ["FeedSite"]

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Entry:
    number: int
    title: str
    html: str
    at: datetime
    updated_at: datetime
    author: str
    is_dated: bool
    has_id: bool


@dataclass
class FeedSite:
    """What the site knows; the feed shows the ``shown`` newest entries."""

    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    form: Literal["rss", "atom"] = "rss"
    shown: int = 20
    is_dated: bool = True
    entries: dict[int, Entry] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    # -- what happens ----------------------------------------------------------------------------------------------

    def add(
        self, title: str, html: str = "", *, author: str = "", is_dated: bool = True, has_id: bool = True
    ) -> str:
        number = len(self.entries) + 1
        self.entries[number] = Entry(number, title, html, self.now, self.now, author, is_dated, has_id)
        return self.link(number)

    def edit(self, link: str, html: str) -> None:
        entry = self.entries[int(link.rpartition("/")[2])]
        entry.html, entry.updated_at = html, self.now

    def delete(self, link: str) -> None:
        del self.entries[int(link.rpartition("/")[2])]

    def link(self, number: int) -> str:
        return f"https://news.example/posts/{number}"

    # -- what is answered ------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        del query, body
        if method != "GET" or path != "/feed":
            self.asked.append((path, 404))
            return 404, {"Content-Type": "text/html"}, b"<html><body>not found</body></html>"
        shown = sorted(self.entries.values(), key=lambda e: e.number, reverse=True)[: self.shown]
        text = (self._rss(shown) if self.form == "rss" else self._atom(shown)).encode()
        mark = f'"{hashlib.sha256(text).hexdigest()[:16]}"'
        sent = {name.lower(): value for name, value in headers.items()}
        status = 304 if sent.get("if-none-match") == mark else 200
        self.asked.append((path, status))
        told = {"ETag": mark, "Content-Type": f"application/{self.form}+xml; charset=utf-8"}
        return status, told, b"" if status == 304 else text

    def _rss(self, shown: list[Entry]) -> str:
        items = "".join(
            f"<item><title>{escape(e.title)}</title><link>{self.link(e.number)}</link>"
            + (f'<guid isPermaLink="false">post-{e.number}</guid>' if e.has_id else "")
            + (f"<pubDate>{_mail(e.at)}</pubDate>" if e.is_dated else "")
            + (f"<dc:creator>{escape(e.author)}</dc:creator>" if e.author else "")
            + f"<description>{escape(e.html)}</description></item>"
            for e in shown
        )
        built = f"<lastBuildDate>{_mail(self.now)}</lastBuildDate>" if self.is_dated else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<channel><title>City news</title><link>https://news.example</link><language>en-gb</language>{built}"
            f"{items}</channel></rss>"
        )

    def _atom(self, shown: list[Entry]) -> str:
        items = "".join(
            f"<entry><id>tag:news.example,2026:{e.number}</id><title>{escape(e.title)}</title>"
            f'<link href="/posts/{e.number}"/>'
            f"<published>{e.at:%Y-%m-%dT%H:%M:%S}Z</published><updated>{e.updated_at:%Y-%m-%dT%H:%M:%S}Z</updated>"
            f"<author><name>{escape(e.author)}</name></author>"
            f'<content type="html">{escape(e.html)}</content></entry>'
            for e in shown
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" '
            'xml:base="https://news.example/">'
            f"<title>City news</title><id>tag:news.example,2026:</id><updated>{self.now:%Y-%m-%dT%H:%M:%S}Z</updated>"
            f"{items}</feed>"
        )


def _mail(at: datetime) -> str:
    return format_datetime(at.replace(tzinfo=UTC), usegmt=True)
