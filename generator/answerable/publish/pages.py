"""Which page shows what: one entry for each of the few pages that are built by MkDocs, and for each kind of record.

To add a page: one entry here and one template. Each entry says where the page stands, which template writes it, which
figures it shows, and whether it exists: a page that would be empty is not made, and nothing links to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from answerable import schema
from answerable.draw import stories
from answerable.draw.figure import Figure, figure_files, render_figure
from answerable.draw.numbers import BRIEF
from answerable.publish.decisions import NEWEST
from answerable.publish.open_data import DataFile, size_words
from answerable.publish.templates import day
from answerable.publish.view import SECTIONS, STATUSES, Group, View

if TYPE_CHECKING:
    from jinja2 import Environment

    from answerable.settings import Settings

__all__ = [
    "DRAWN_FAILURES",
    "PER_LIST",
    "Drawing",
    "Page",
    "base_of",
    "contact_url",
    "few_pages",
    "frame",
    "group_figures",
    "is_address",
    "navigation",
    "render",
    "scene_of",
    "web_address",
]

Figures = Mapping[str, Figure | None]

PER_LIST = 100
"""Issues on one page of their list."""

DRAWN_FAILURES = 12
"""Failures, the newest, that are shown with a figure; the others stand in a table."""

_WEB = re.compile(r"\s*https?://[^\s/?#]", re.IGNORECASE)
_ADDRESS = re.compile(r"\s*https?://\S+\s*", re.IGNORECASE)
_PART = "answerable-part-7f3a-"
_PLACE = re.compile(rf'<div id="({_PART}[0-9]+)"></div>')
_LIVING = timedelta(days=92)


@dataclass(frozen=True)
class Page:
    """A page that goes through MkDocs.

    Attributes:
        path: its address from the site's root, with a closing slash; empty for the home page.
        template: under ``site_templates/pages/``.
        title: in the browser's tab and the navigation.
        description: for search engines.
        section: the navigation's heading under which it stands; empty at the top, ``None`` for a page outside it.
        figures: what it draws, by the name that the template uses.
        more: what else the template gets.
        is_wide: whether its tables want the room that a table of contents would take.
    """

    path: str
    template: str
    title: str
    description: str
    section: str | None = ""
    figures: Callable[[stories.Scene], Figures] = field(default=lambda _: {})
    more: Mapping[str, Any] = field(default_factory=dict)
    is_wide: bool = False

    @property
    def source(self) -> str:
        """The Markdown file under ``docs``. It lies as deep as the page: Zensical takes links from there."""
        return f"{self.path}index.md"


@dataclass(frozen=True)
class Drawing:
    """What turns figures into HTML, and where their files are collected."""

    scene: stories.Scene
    environment: Environment
    cache: Path
    files: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, Markup] = field(default_factory=dict)

    def places(self, figures: Figures, base: str) -> dict[str, Markup]:
        """An empty element for each figure, which ``placed`` fills in the finished page.

        A drawing with its table is a hundred times as much HTML as the text around it: it need not go through
        Markdown, nor into the search.
        """
        shown: dict[str, Markup] = {}
        for name, html in self.html(figures, base).items():
            if not html:
                shown[name] = html
                continue
            key = f"{_PART}{len(self.parts)}"
            self.parts[key] = html
            shown[name] = Markup('<div id="{}"></div>').format(key)
        return shown

    def placed(self, html: str) -> str:
        """A finished page with its figures in their places."""
        return _PLACE.sub(lambda match: str(self.parts[match[1]]), html)

    def html(self, figures: Figures, base: str) -> dict[str, Markup]:
        """The HTML of each figure (empty where the numbers do not bear one); its files are kept for writing."""
        shown: dict[str, Markup] = {}
        for name, figure in figures.items():
            if figure is None:
                shown[name] = Markup()
                continue
            self.files.update(figure_files(figure))
            shown[name] = render_figure(figure, self.environment, cache=self.cache, base=base)
        return shown


def base_of(path: str) -> str:
    """How a page at ``path`` reaches the site's root."""
    return "../" * path.count("/")


# -- the pages -------------------------------------------------------------------------------------------------------


def few_pages(
    view: View, files: Sequence[DataFile], features: Sequence[Mapping[str, Any]]
) -> tuple[Page, ...]:
    """The pages that exist for this site."""
    site = view.settings.site
    pages = [
        Page(
            "",
            "index.md.jinja",
            site.name,
            site.description,
            figures=partial(_home_figures, is_rated=view.is_rated),
            more={"exclusions": schema.EXCLUSIONS},
        ),
        *_lists(view, features),
        _failures_page(view),
        Page(
            "data/",
            "data.md.jinja",
            "Data",
            f"Every number of {site.name} as open data, with what each column means.",
            more={"files": files, "size": size_words},
        ),
        Page(
            "method/",
            "method.md.jinja",
            "Method",
            "How each number is computed, and what this site cannot tell.",
            "About",
            figures=lambda scene: {
                "update_classes": stories.update_classes(scene),
                "closing_reasons": stories.closing_reasons(scene),
            },
            more=_method(view),
        ),
        Page(
            "sources/",
            "sources.md.jinja",
            "Sources",
            "Where the feedback comes from, how fresh it is, and what is wrong or odd in it.",
            "About",
            more={"finding_codes": schema.FINDING_CODES, "takedown_reasons": schema.TAKEDOWN_REASONS},
        ),
        *_decisions(view),
        Page(
            "glossary/",
            "glossary.md.jinja",
            "Glossary",
            "The words of this site and what they mean here.",
            "About",
        ),
    ]
    return tuple(pages)


def _home_figures(scene: stories.Scene, *, is_rated: bool) -> Figures:
    return {
        "answered_within": stories.answered_within(scene) if is_rated else None,
        "waiting_times": stories.waiting_times(scene) if is_rated else None,
        "raised_by_month": stories.raised_by_month(scene),
        "volumes": stories.volumes(scene, breakdown="topic", limit=10),
    }


def _lists(view: View, features: Sequence[Mapping[str, Any]]) -> Iterator[Page]:
    name = view.settings.site.name
    if view.issues:
        yield Page(
            "issues/",
            "issues.md.jinja",
            "Issues",
            f"Problems that people raised: {name}.",
            more={"first_issues": view.newest_issues[:PER_LIST], "has_more": len(view.issues) > PER_LIST},
        )
    if any(g.has_page for g in view.agencies):
        yield Page(
            "agencies/",
            "agencies.md.jinja",
            "Agencies",
            f"The public bodies that people wrote to: {name}.",
            figures=lambda scene: {
                "response_rate": stories.rate_by_group(scene, breakdown="agency") if view.is_rated else None,
                "response_days": stories.days_by_group(scene, breakdown="agency") if view.is_rated else None,
            },
            is_wide=True,
        )
        yield from (_group_page(view, group) for group in view.agencies if group.has_page)
    if any(g.has_page for g in view.topics):
        yield Page(
            "topics/",
            "topics.md.jinja",
            "Topics",
            f"What people wrote about: {name}.",
            figures=lambda scene: {"volumes": stories.volumes(scene, breakdown="topic")},
            is_wide=True,
        )
        yield from (_group_page(view, group) for group in view.topics if group.has_page)
    if any(g.has_page for g in view.areas):
        yield Page(
            "areas/",
            "areas.md.jinja",
            "Areas",
            f"Where it was raised: {name}.",
            figures=lambda scene: {
                "map_raised": stories.area_map(scene, features),
                "map_rate": stories.area_map(scene, features, measure="response_rate"),
            },
            is_wide=True,
        )
    if view.answers or view.outcomes:
        yield Page(
            "responses/",
            "responses.md.jinja",
            "Responses",
            f"What government answered, and what changed: {name}.",
        )


def _decisions(view: View) -> Iterator[Page]:
    if view.numbers.find("overrides") is not None or view.decisions:
        yield Page(
            "decisions/",
            "decisions.md.jinja",
            "Decisions by people",
            "Where a person decided in place of the program: about what, from what to what, why, and who.",
            "About",
            more={
                "overridden": schema.OVERRIDDEN,
                "finding_codes": schema.FINDING_CODES,
                "shown_decisions": len(view.decisions) if len(view.decisions) >= NEWEST else 0,
            },
            is_wide=True,
        )


def _failures_page(view: View) -> Page:
    drawn = view.failures[:DRAWN_FAILURES]
    return Page(
        "failures/",
        "failures.md.jinja",
        "Failures",
        f"When unusually many people raised the same thing at once: {view.settings.site.name}.",
        figures=lambda scene: {
            failure.anchor: stories.failure_by_day(
                scene, failure.failure_id, first=failure.started_on, last=failure.last_on
            )
            for failure in drawn
        },
        more={
            "lately": view.lately[:DRAWN_FAILURES],
            "earlier": tuple(f for f in drawn if f not in view.lately),
            "older": view.failures[DRAWN_FAILURES:],
        },
    )


def _group_page(view: View, group: Group) -> Page:
    template = {"agency": "agency.md.jinja", "topic": "topic.md.jinja"}[group.breakdown]
    return Page(
        group.path,
        template,
        group.name,
        f"{group.name}: what people raised, whether it was answered, and how fast.",
        SECTIONS[group.breakdown],
        figures=partial(group_figures, group=group, is_rated=view.is_rated),
        more={
            "group": group,
            "target": target_words(view.settings, group),
            "update_classes": schema.UPDATE_CLASSES,
        },
    )


def group_figures(scene: stories.Scene, group: Group, *, is_rated: bool) -> Figures:
    """The figures of an agency, topic or area: its own course over time first; no answers where no share is borne."""
    where = {"breakdown": group.breakdown, "group": group.code}
    return {
        "raised_by_month": stories.raised_by_month(scene, **where),
        "answered_by_month": stories.answered_by_month(scene, **where) if is_rated else None,
        "answered_within": stories.answered_within(scene, **where) if is_rated else None,
        "waiting_times": stories.waiting_times(scene, **where) if is_rated else None,
    }


def target_words(settings: Settings, group: Group) -> str:
    """An agency's own target in words; empty where it has none."""
    agency = settings.agency_by_code.get(group.code) if group.breakdown == "agency" else None
    if agency is None or agency.response_target_days is None:
        return ""
    kind = {"calendar": "", "working": "working "}[agency.response_target_calendar]
    days = agency.response_target_days
    return f"{days} {kind}{'day' if days == 1 else 'days'}"


def _method(view: View) -> dict[str, Any]:
    from answerable.measure.measures import MEASURES

    labels = [row.group_code.split("/", 1) for row in view.numbers.groups("labelled", "label")]
    given = {pair[0] for pair in labels} | {pair[1] for pair in labels if len(pair) == 2}
    return {
        "measures": tuple(MEASURES.values()),
        "update_classes": schema.UPDATE_CLASSES,
        "response_classes": schema.RESPONSE_CLASSES,
        "closing_reasons": schema.CLOSING_REASONS,
        "exclusions": schema.EXCLUSIONS,
        "copies": schema.COPIES,
        "label_classes": [name for name in schema.UPDATE_CLASSES if name in given],
        "has_hidden_sources": any(not s.is_published_by_row for s in view.sources),
        "label_note": _label_note(view.settings.project, "update_labels.md"),
        "relevance_note": _label_note(view.settings.project, "labels.md"),
    }


def _label_note(project: Path, name: str) -> str:
    """What the site says of its labels: the section "In short" of that file under lookups; empty without one."""
    try:
        text = (project / "data" / "lookups" / name).read_text("utf-8")
    except FileNotFoundError:
        return ""
    found = re.search(r"^## In short\s*\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


# -- rendering -------------------------------------------------------------------------------------------------------


def frame(view: View, base: str) -> dict[str, Any]:
    """What every template gets: the view and the few functions that a page needs."""
    return {
        "view": view,
        "site": view.settings.site,
        "numbers": view.numbers,
        "base": base,
        "statuses": STATUSES,
        "contact_url": contact_url(view.settings.site.contact),
        "web_address": web_address,
        "is_address": is_address,
        "brief_words": BRIEF,
        "as_of": None if view.as_of_at is None else day(view.as_of_at, view.settings.site.zone),
    }


def render(page: Page, view: View, drawing: Drawing) -> str:
    """A page's Markdown, front matter included."""
    base = base_of(page.path)
    environment = drawing.environment
    body = environment.get_template(f"pages/{page.template}").render(
        **frame(view, base), page=page, figures=drawing.places(page.figures(drawing.scene), base), **page.more
    )
    # The theme prints these two as they are.
    head: dict[str, Any] = {
        "title": _unmarked(page.title),
        "description": _unmarked(page.description),
    }
    if page.is_wide:
        head["hide"] = ["toc"]
    front = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in head.items())
    return f"---\n{front}---\n\n{body.strip()}\n"


def _unmarked(text: str) -> str:
    return " ".join(text.translate(_MARKUP).split())


_MARKUP = str.maketrans({"<": " ", ">": " ", '"': "”"})


def navigation(pages: Sequence[Page]) -> list[dict[str, Any]]:
    """The navigation of the pages that exist, in their order: sections hold their own page first."""
    nav: list[dict[str, Any]] = []
    sections: dict[str, list[dict[str, Any] | str]] = {}
    for page in pages:
        entry: dict[str, Any] = {_unmarked(page.title): page.source}
        if page.path and page.section == "":
            own: list[dict[str, Any] | str] = [entry]
            sections[page.path.rstrip("/")] = own
            nav.append({_unmarked(page.title): own})
        elif page.section == "":
            nav.append({"Home": page.source})
        elif page.section is not None and page.section in sections:
            sections[page.section].append(entry)
        elif page.section is not None:
            held: list[dict[str, Any] | str] = [entry]
            sections[page.section] = held
            nav.append({page.section: held})
    return [_flattened(entry) for entry in nav]


def _flattened(entry: dict[str, Any]) -> dict[str, Any]:
    """A section that holds only its own page is that page; one with more has its own page as its index."""
    ((name, held),) = entry.items()
    if not isinstance(held, list):
        return entry
    first = next(iter(held[0].values()))
    if len(held) == 1:
        return {name: first}
    if first.endswith("/index.md") and first.count("/") == 1 and next(iter(held[0])) == name:
        return {name: [first, *held[1:]]}
    return entry


# -- addresses, scene -------------------------------------------------------------------------------------------------


def web_address(url: str | None) -> str:
    """An address that may stand in a link: http or https with a host; else nothing."""
    return url.strip() if url and _WEB.match(url) else ""


def is_address(text: str | None) -> bool:
    """Whether a text is nothing but a web address: then it is linked, not quoted."""
    return bool(text and _ADDRESS.fullmatch(text))


def contact_url(contact: str) -> str:
    """Where to write to: a web address as it is, an email address as ``mailto:``."""
    return web_address(contact) or (f"mailto:{contact}" if "@" in contact else "")


def scene_of(view: View) -> stories.Scene:
    """What the figures are drawn from."""
    zone = view.settings.site.zone
    names: dict[str, Mapping[str, str]] = {
        "agency": {g.code: g.name for g in view.agencies},
        "topic": {g.code: g.name for g in view.topics},
        "area": {g.code: g.name for g in view.areas},
        "source": {s.source_id: s.name for s in view.sources},
        "update_class": schema.UPDATE_CLASSES,
        "closing_reason": schema.CLOSING_REASONS,
    }
    notes: list[str | Markup] = []
    complete = None
    if view.as_of_at is not None:
        notes.append(Markup("Data up to {}.").format(day(view.as_of_at, zone)))
        # A month is complete where every living source has it; one that ended long ago is not waited for.
        living = [end for end in view.ends if end > view.as_of_at - _LIVING]
        complete = stories.last_complete_month(min(living, default=view.as_of_at).replace(tzinfo=UTC), zone)
    notes += [Markup('<span data-id="">{}</span>').format(note) for note in view.extract_notes]
    notes += [Markup("Stale: {} could not be read anew.").format(source.name) for source in view.stale]
    return stories.Scene(view.numbers, names, tuple(notes), complete)
