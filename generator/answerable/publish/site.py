"""Publishing, from top to bottom: check, ask, write beside the old site, look it over, put it in place at one stroke.

    publish(store, settings) -> the folder of the site

Until the last step the old site is untouched; whatever fails before leaves it as it was.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shapely.geometry import mapping

from answerable.draw.figure import vega_bundle
from answerable.errors import CheckError
from answerable.gather.places import load_areas
from answerable.publish import records
from answerable.publish.builder import merge_theme, run_mkdocs, write_config
from answerable.publish.checks import run_checks
from answerable.publish.discovery import add_to_search, write_sitemap
from answerable.publish.feeds import FEED, failures_feed
from answerable.publish.finished import LinkChecker
from answerable.publish.moved import redirects, write_redirects
from answerable.publish.open_data import write_open_data
from answerable.publish.pages import Drawing, Page, contact_url, few_pages, navigation, render, scene_of
from answerable.publish.policy import with_policy
from answerable.publish.stamp import SHELL, Stamped, shell_source, take_shell, write_records
from answerable.publish.swap import keep_unchanged, swap_in
from answerable.publish.templates import day, environment, template_folders
from answerable.publish.timelines import timelines
from answerable.publish.view import View, look

if TYPE_CHECKING:
    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["Builder", "publish", "template_folders"]

log = logging.getLogger(__name__)

Builder = Callable[[Path], None]
"""Turns the pages that a ``mkdocs.yml`` names into HTML, in that file's ``site_dir``."""

_HTML = "html"  # in build/: what the builder made, before it becomes the site


def publish(
    store: Store,
    settings: Settings,
    *,
    strict: bool = True,
    builder: Builder | None = None,
    now: datetime | None = None,
) -> Path:
    """Make the site in ``PROJECT/build/site``.

    Args:
        store: where everything has been gathered, understood and measured.
        settings: the project's.
        strict: whether a warning of the builder stops the publishing.
        builder: what turns Markdown into HTML; where missing, MkDocs in this process.
        now: the present instant, for the age of sources that fail.

    Raises:
        CheckError: something that has to hold does not; StaleSourceError: a source has failed for too long.
        PublishError: the site could not be written.
    """
    run_checks(store, settings, now=now or datetime.now(UTC))
    build = settings.project / "build"
    place = build / "site"
    build.mkdir(parents=True, exist_ok=True)
    for left in build.glob("site.new-*"):  # what a killed run left
        shutil.rmtree(left, ignore_errors=True)
    staging = build / f"site.new-{os.getpid()}"
    staging.mkdir()
    try:
        _write(store, settings, staging, place, builder or partial(run_mkdocs, strict=strict))
        kept, changed = keep_unchanged(staging, place) if place.exists() else (0, _count(staging))
        swap_in(staging, place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    log.info("published %s: %d files new or changed, %d as before", place, changed, kept)
    return place


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def _write(store: Store, settings: Settings, staging: Path, place: Path, builder: Builder) -> None:
    """The whole site, into ``staging``."""
    build = staging.parent
    view = look(store, settings)
    log.info("pages: %d issues have one", len(view.issues))
    files = write_open_data(store, settings, staging / "data", old=place / "data" if place.exists() else None)
    drawing = Drawing(scene_of(view), environment(settings), build / "cache" / "charts")
    features = _features(settings)
    pages = few_pages(view, files, features)
    sections = _sections(view)
    config = _write_docs(view, drawing, pages, sections, build)
    builder(config)
    _take(build / _HTML, staging)
    shells = {section: take_shell(staging, section) for section in sections}
    _finish(staging, drawing)
    stamped = write_records(staging, place, shells, _records(store, view, drawing))
    write_redirects(staging, redirects(store), settings.site.url)
    _write_files(
        staging,
        {**drawing.files, "assets/vega.js": vega_bundle(build / "cache"), FEED: failures_feed(view)},
    )
    paths = [page.path for page in pages]
    write_sitemap(staging, settings.site.url, chain(paths, stamped.paths))
    add_to_search(staging, stamped.search)
    _check_links(staging, settings, paths, stamped)


# -- the few ---------------------------------------------------------------------------------------------------------


def _features(settings: Settings) -> list[dict[str, Any]]:
    """The site's boundaries as GeoJSON features."""
    return [
        {"type": "Feature", "properties": {"area_code": area.code}, "geometry": mapping(area.geometry)}
        for area in load_areas(settings)
    ]


def _sections(view: View) -> tuple[str, ...]:
    """The folders whose pages are stamped."""
    has = {"issues": bool(view.issues), "areas": any(g.has_page for g in view.areas)}
    return tuple(section for section, is_there in has.items() if is_there)


def _write_docs(
    view: View, drawing: Drawing, pages: Sequence[Page], sections: Sequence[str], build: Path
) -> Path:
    """Write ``build/docs`` with the theme and the mkdocs.yml that go with it; the path of the latter."""
    settings = view.settings
    docs = build / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir()
    for folder in reversed(template_folders(settings)):
        if (folder / "assets").is_dir():
            shutil.copytree(folder / "assets", docs / "assets", dirs_exist_ok=True)
    for page in pages:
        _write_doc(docs / page.source, render(page, view, drawing))
    for section in sections:
        _write_doc(docs / section / SHELL / "index.md", shell_source(section))
    merge_theme(settings, build / "theme")
    shutil.rmtree(build / _HTML, ignore_errors=True)
    return write_config(
        settings,
        build,
        nav=navigation(pages),
        extra=_extra(view),
        shells=[f"{section}/{SHELL}/index.md" for section in sections],
        site_dir=build / _HTML,
    )


def _write_doc(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _extra(view: View) -> dict[str, Any]:
    """What the theme's overrides say around every page (``site_templates/mkdocs.yml`` lists it)."""
    site = view.settings.site
    as_of = {"date": "", "words": ""} if view.as_of_at is None else _date(view.as_of_at, view)
    return {
        "notice": site.notice,
        "as_of": as_of["date"],
        "as_of_words": as_of["words"],
        "extract_notes": list(view.extract_notes),
        "stale": [
            {
                "name": source.name,
                "since_words": ""
                if source.last_success_at is None
                else _date(source.last_success_at, view)["words"],
            }
            for source in view.stale
        ],
        "publisher": site.publisher,
        "contact": site.contact,
        "contact_url": contact_url(site.contact),
        "repository": site.repository,
        "method_version": view.method_version,
        "licence": {"name": site.licence.name, "url": site.licence.url},
    }


def _date(value: datetime, view: View) -> dict[str, str]:
    element = day(value, view.settings.site.zone)
    return {"date": str(element).split('"')[1], "words": str(element.striptags())}


def _take(html: Path, staging: Path) -> None:
    """Move what the builder made into the new site, beside the data."""
    for path in sorted(html.iterdir()):
        target = staging / path.name
        if path.is_dir() and target.is_dir():
            _take(path, target)
        else:
            path.replace(target)
    html.rmdir()


def _finish(staging: Path, drawing: Drawing) -> None:
    """Put figures and policy into the pages that the builder made."""
    for path in staging.rglob("*.html"):
        path.write_text(with_policy(drawing.placed(path.read_text("utf-8"))), "utf-8")


# -- the many --------------------------------------------------------------------------------------------------------


def _records(store: Store, view: View, drawing: Drawing) -> Iterable[records.Record]:
    return chain(
        records.areas(view, drawing),
        records.issue_lists(view, drawing),
        records.issues(view, timelines(store) if view.issues else {}, drawing),
    )


def _write_files(staging: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# -- looking it over -------------------------------------------------------------------------------------------------


def _check_links(staging: Path, settings: Settings, paths: Iterable[str], stamped: Stamped) -> None:
    """Raise where a link leads nowhere: on the few pages one by one, on the many by what is linked at all."""
    checker = LinkChecker(staging, urlsplit(settings.site.url).path.rstrip("/") + "/")
    dead = [
        f"{path or 'the home page'}: {href}"
        for path in paths
        for href in checker.dead(path, (staging / path / "index.html").read_text("utf-8"))
    ]
    # Pages of a section are equally deep: a link leads from all of them to the same place.
    dead += [
        f"a page of {section}/: {href}"
        for section, hrefs in stamped.hrefs.items()
        for href in checker.dead_of(f"{section}/x/", hrefs)
    ]
    if dead:
        listed = "".join(f"\n  - {link}" for link in dead[:20])
        raise CheckError(
            f"{len(dead)} links lead nowhere:{listed}", remedy="correct the templates or the settings"
        )
