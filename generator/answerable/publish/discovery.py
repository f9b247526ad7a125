"""What helps to find a page: the sitemap, and the entries of many pages in the search."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["SearchEntry", "add_to_search", "write_sitemap"]

SearchEntry = tuple[str, str, str]
"""Address from the site's root, title, text: all plain."""


def write_sitemap(site: Path, site_url: str, paths: Iterable[str]) -> None:
    """Write ``sitemap.xml``: every page, in a fixed order, without dates (a build has none of its own)."""
    root = site_url.rstrip("/") + "/"
    urls = "".join(f"<url><loc>{escape(root + path)}</loc></url>\n" for path in sorted(set(paths)))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )
    (site / "sitemap.xml").write_text(text, "utf-8")
    (site / "sitemap.xml.gz").unlink(missing_ok=True)


def add_to_search(site: Path, entries: Iterable[SearchEntry]) -> None:
    """Add entries to the index that the builder wrote: MkDocs' or Zensical's."""
    for name, key in (("search/search_index.json", "docs"), ("search.json", "items")):
        path = site / name
        if path.exists():
            index: dict[str, Any] = json.loads(path.read_text("utf-8"))
            index[key] += [_entry(entry, key) for entry in entries]
            path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")
            return


def _entry(entry: SearchEntry, key: str) -> dict[str, Any]:
    location, title, text = entry
    # The theme shows a title and a text as HTML.
    shown = {"location": location, "title": escape(title), "text": escape(text)}
    return shown if key == "docs" else {**shown, "level": 1, "path": [escape(title)], "tags": []}
