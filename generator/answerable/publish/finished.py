"""Looking over a finished site: every link leads somewhere, and every number is a row of ``measures.csv``.

These work on a folder alone, as a reader gets it: the build runs them before the site is put in place, and tests run
them on every site.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from answerable.draw.numbers import Row, format_number

__all__ = ["LinkChecker", "dead_links", "read_measures", "unexplained_numbers", "visible_digits"]

# What leads to another host is not looked at.
_LINK = re.compile(r"""\s(?:href|src|data-figure|data-vega)="(?!https?://)([^"]*)\"""")


@dataclass
class LinkChecker:
    """Finds links to what is not there. Addresses are resolved once for each folder, however many pages share it."""

    site: Path
    base_path: str = "/"
    _known: dict[str, bool] = field(default_factory=dict)

    def dead(self, path: str, html: str) -> Iterator[str]:
        """The dead links of a page at ``path`` (its folder from the site's root, with a closing slash, or a file)."""
        folder = path if path.endswith("/") or not path else posixpath.dirname(path) + "/"
        yield from self.dead_of(folder, self.hrefs(html))

    @staticmethod
    def hrefs(html: str) -> set[str]:
        """Everything that a piece of HTML leads to, as it is written there."""
        return set(_LINK.findall(html))

    def dead_of(self, folder: str, hrefs: Iterable[str]) -> Iterator[str]:
        """Those of the addresses that lead nowhere from a folder."""
        return (href for href in sorted(hrefs) if not self._leads_somewhere(folder, unescape(href)))

    def add(self, path: str) -> None:
        """Say that a page will be there, although it is not yet."""
        self._known[path.strip("/")] = True

    def _leads_somewhere(self, folder: str, href: str) -> bool:
        parts = urlsplit(href)
        if parts.scheme or parts.netloc or href.startswith("#") or not parts.path:
            return parts.scheme in {"", "http", "https", "mailto", "data"}
        place = unquote(parts.path)
        if place.startswith("/"):
            if not place.startswith(self.base_path):
                return False
            target = place[len(self.base_path) :]
        else:
            target = posixpath.normpath(posixpath.join(folder, place))
        key = target.strip("/")
        if key in {"", "."}:
            return True
        if key not in self._known:
            found = self.site / key
            self._known[key] = found.is_file() or (found / "index.html").is_file()
        return self._known[key]


def _pages(site: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(site.rglob("*.html")):
        yield path.relative_to(site).as_posix(), path.read_text("utf-8")


def dead_links(site: Path, *, base_path: str = "/") -> list[str]:
    """Links of all pages of a site that lead nowhere, as ``page: link``."""
    checker = LinkChecker(site, base_path)
    return [
        f"{page}: {href}"
        for page, html in _pages(site)
        for href in sorted(
            checker.dead(page.removesuffix("index.html") if page != "404.html" else page, html)
        )
    ]


# -- numbers ---------------------------------------------------------------------------------------------------------

Key = tuple[str, str, str, str]


def read_measures(path: Path) -> dict[Key, Row]:
    """The rows of a ``measures.csv`` by measure, breakdown, group and interval."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [_row(line) for line in csv.DictReader(file)]
    return {(r.measure, r.breakdown, r.group_code, r.interval): r for r in rows}


def _row(line: Mapping[str, str]) -> Row:
    def number(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    def count(name: str) -> int | None:
        return int(line[name]) if line[name] else None

    return Row(
        line["measure"],
        line["method_version"],
        line["interval"],
        line["breakdown"],
        line["group_code"],
        number("value"),
        number("low"),
        number("high"),
        count("numerator"),
        count("denominator"),
        line["unit"],
        line["is_not_reached"] == "true",
        line["is_too_few"] == "true",
        line["is_suppressed"] == "true",
    )


_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Where digits are not the site's numbers: code, drawings (their table has the numbers), scripts, and what is not shown.
_SILENT_TAGS = {"script", "style", "svg", "code", "time", "blockquote", "q", "template", "title", "head"}
# Words of the public: quotations, and titles of what people raised.
_SAID = {"quote", "issues__title", "answers__title"}
_FRAME_CLASSES = {"md-header", "md-tabs", "md-sidebar", "md-search", "md-dialog", "md-skip", "md-nav"}


class _Reader(HTMLParser):
    """Collects the number spans of a page, and every piece of text that is shown outside them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.numbers: list[tuple[dict[str, str], str]] = []
        self.texts: list[str] = []
        self._stack: list[
            tuple[str, str]
        ] = []  # tag, and why its text is no text of ours: "", "silent", "number"
        self._open: list[tuple[dict[str, str], list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        values = {name: value or "" for name, value in attrs}
        classes = set(values.get("class", "").split())
        kind = ""
        if "data-measure" in values:
            kind = "number"
            self._open.append((values, []))
        elif (
            tag in _SILENT_TAGS
            or "data-id" in values
            or classes & _SAID
            or classes & _FRAME_CLASSES
            or values.get("id") == "record"  # the heading of a record is a public title
            or "hidden" in values
        ):
            kind = "silent"
        self._stack.append((tag, kind))

    def handle_endtag(self, tag: str) -> None:
        # A page may leave a <p> or <li> open: close what is above too.
        while self._stack:
            opened, kind = self._stack.pop()
            if kind == "number":
                values, parts = self._open.pop()
                self.numbers.append((values, "".join(parts)))
            if opened == tag:
                break

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][1].append(data)
        elif not any(kind for _, kind in self._stack):
            self.texts.append(data)


def unexplained_numbers(site: Path, pages: Iterable[str] | None = None) -> list[str]:
    """Numbers on pages that are not what ``data/measures.csv`` says, and digits in text that are no number at all.

    Digits may stand in dates (``<time>``), quotations, code, drawings, in what is marked as an identifier or as
    words of the site's team (``data-id``), and in names of agencies, topics, areas and sources.
    """
    measures = read_measures(site / "data" / "measures.csv")
    names = _names(site)
    wrong = []
    for page, html in _pages(site) if pages is None else ((p, (site / p).read_text("utf-8")) for p in pages):
        reader = _Reader()
        reader.feed(html)
        reader.close()
        wrong += [f"{page}: {problem}" for problem in _wrong_numbers(reader.numbers, measures)]
        wrong += [f"{page}: digits in “{text}”" for text in visible_digits(reader.texts, names)]
    return wrong


def _wrong_numbers(
    numbers: Iterable[tuple[dict[str, str], str]], measures: Mapping[Key, Row]
) -> Iterator[str]:
    for values, text in numbers:
        key = (
            values["data-measure"],
            values["data-breakdown"],
            values["data-group"],
            values["data-interval"],
        )
        row = measures.get(key)
        if row is None:
            yield f"{' '.join(key)} is no row of measures.csv"
            continue
        form = values["data-form"]
        expected = format_number(row, values["data-field"], form)  # type: ignore[arg-type]
        if text != expected:
            yield f"{' '.join(key)}: the page says {text!r}, the data {expected!r}"


def visible_digits(texts: Iterable[str], names: Iterable[str] = ()) -> Iterator[str]:
    """The texts that hold a digit once names are taken out of them."""
    ordered = sorted((n for n in names if re.search(r"\d", n)), key=len, reverse=True)
    for text in texts:
        left = " ".join(text.split())
        if not re.search(r"\d", left):
            continue
        for name in ordered:
            left = left.replace(name, "")
        if re.search(r"\d", left):
            yield " ".join(text.split())


def _names(site: Path) -> set[str]:
    """What the site's lists call things: such a name may hold a digit."""
    found = set()
    for name in ("agencies", "topics", "areas", "sources"):
        path = site / "data" / f"{name}.csv"
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    found |= {" ".join(row[key].split()) for key in ("name", "extract_note") if row.get(key)}
    return found
