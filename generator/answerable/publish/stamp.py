"""Many pages from one: the shell is a page that went through the theme; a record is the shell with its marks filled.

The shell page is built by MkDocs (or any other builder that reads mkdocs.yml) like every page, at the same folder
depth as the records, so that its relative links are right for them. Its front matter, heading and body hold marks;
the finished
HTML is cut at them once, and each record is those pieces joined with its own words: no template engine, no parsing.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from answerable.errors import PublishError
from answerable.publish.finished import LinkChecker
from answerable.publish.policy import with_policy
from answerable.publish.swap import write_file

if TYPE_CHECKING:
    from answerable.publish.discovery import SearchEntry
    from answerable.publish.records import Record

__all__ = [
    "BODY",
    "DESCRIPTION",
    "SHELL",
    "TITLE",
    "Shell",
    "Stamped",
    "cut",
    "shell_source",
    "take_shell",
    "write_records",
]

log = logging.getLogger(__name__)

SHELL = "answerable-shell"
"""The last part of the shell's address, beside the records (a slug of ours never is that word alone)."""

TITLE = "answerable-shell-title-7f3a"
DESCRIPTION = "answerable-shell-description-7f3a"
BODY = "answerable-shell-body-7f3a"
_BODY_ELEMENT = f'<div id="{BODY}"></div>'


def shell_source(section: str) -> str:
    """The Markdown of the shell page of a section (a folder of the site, such as ``issues``)."""
    return (
        f"---\ntitle: {TITLE}\ndescription: {DESCRIPTION}\nhide: [navigation, toc]\nsearch:\n  exclude: true\n"
        f"section: {section}\n---\n\n# {TITLE} {{#record}}\n\n{_BODY_ELEMENT}\n"
    )


@dataclass(frozen=True, slots=True)
class Shell:
    """The pieces of a page and what stands between them: ``pieces`` is one longer than ``slots``."""

    pieces: tuple[bytes, ...]
    slots: tuple[str, ...]

    def fill(self, *, title: str, description: str, path: str, body: str) -> bytes:
        """A whole page.

        Args:
            title: escaped for HTML.
            description: escaped for an attribute.
            path: the page's own part of its address.
            body: HTML.
        """
        values = {
            "title": title.encode(),
            "description": description.encode(),
            "path": path.encode(),
            "body": body.encode(),
        }
        parts = [self.pieces[0]]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            parts += (values[slot], piece)
        return b"".join(parts)


def cut(html: str, section: str) -> Shell:
    """Cut the finished shell page at its marks.

    The title stands in three places at least (the document's title, the header, the heading), the body in one; the
    page's own address wherever the theme wrote it (canonical, previews).

    Raises:
        PublishError: a mark is missing: a theme that was changed has lost a place.
    """
    marks: dict[str, str] = {
        TITLE: "title",
        DESCRIPTION: "description",
        _BODY_ELEMENT: "body",
        f"{section}/{SHELL}/": "path",
    }
    pattern = re.compile("|".join(re.escape(mark) for mark in marks))
    slots = tuple(f"{marks[match[0]]}" for match in pattern.finditer(html))
    for slot, least, most in (("title", 3, 9), ("description", 1, 9), ("body", 1, 1)):
        if not least <= slots.count(slot) <= most:
            raise PublishError(
                f"the page of {section}/ has {slots.count(slot)} places for its {slot}",
                remedy="check the overrides in site_templates/theme: main.html has to keep the theme's blocks",
            )
    pieces = pattern.split(html)
    return Shell(tuple(piece.encode() for piece in pieces), slots)


def activate_tab(html: str, hrefs: Sequence[str]) -> str:
    """Mark the tab with one of those addresses as the present one, as the theme does for pages in its navigation."""
    for href in hrefs:
        pattern = re.compile(
            rf'<li class="md-tabs__item">(\s*<a href="{re.escape(href)}" class="md-tabs__link">)'
        )
        html, count = pattern.subn(r'<li class="md-tabs__item md-tabs__item--active">\1', html, count=1)
        if count:
            break
    return html


def take_shell(site: Path, section: str) -> Shell:
    """Cut the shell of a section out of what the builder made, and take its page away."""
    folder = site / section / SHELL
    page = folder / "index.html"
    # The tabs of a page two folders deep lead to its section by one step up, in the form that the builder writes.
    html = activate_tab(page.read_text("utf-8"), ("../", "..", f"../../{section}/"))
    shutil.rmtree(folder)
    return cut(with_policy(html), section)


@dataclass(frozen=True, slots=True)
class Stamped:
    """What was stamped: addresses, entries for the search, and the links of the pages of each section."""

    paths: list[str] = field(default_factory=list)
    search: list[SearchEntry] = field(default_factory=list)
    hrefs: dict[str, set[str]] = field(default_factory=dict)


def write_records(
    site: Path, old_site: Path, shells: Mapping[str, Shell], found: Iterable[Record]
) -> Stamped:
    """Write a page for each record into ``site``; one that ``old_site`` holds too stays the file that it was."""
    stamped = Stamped()
    # Plain text, thousands of times: a Path costs as much as the writing.
    new, old = f"{site}{os.sep}", f"{old_site}{os.sep}" if old_site.exists() else None
    for number, record in enumerate(found, 1):
        content = shells[record.section].fill(
            title=record.title, description=record.description, path=record.path, body=record.body
        )
        folder = new + record.path
        os.mkdir(folder)  # noqa: PTH102
        write_file(f"{folder}index.html", content, old and f"{old}{record.path}index.html")
        stamped.hrefs.setdefault(record.section, set()).update(LinkChecker.hrefs(record.body))
        stamped.paths.append(record.path)
        if record.search:
            title, _, text = record.search.partition("\n")
            stamped.search.append((record.path, title, text))
        if number % 5000 == 0:
            log.info("pages: %d written", number)
    return stamped
