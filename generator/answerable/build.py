"""The whole story, top to bottom: gather, understand, measure, check, draw, publish.

    build(project) -> Built

Each stage is a function from tables to tables and skips what is done already; this module says in which order they
come, and, before them all, whether there is anything to do.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from answerable import schema
from answerable.errors import UsageError
from answerable.gather.files import matching_paths
from answerable.gather.passes import plan
from answerable.gather.places import load_areas
from answerable.gather.sync import Receipt, erase_deleted, gather
from answerable.gather.takedowns import find, forget, lines_naming
from answerable.live_settings import LiveSource
from answerable.measure.stage import measure
from answerable.publish.site import publish, template_folders
from answerable.record_table import Forgotten
from answerable.settings import Settings, load_settings
from answerable.slugs import slugify
from answerable.store import Store
from answerable.understand.stage import understand

__all__ = [
    "Built",
    "build",
    "forget_feedback",
    "gather_project",
    "plan_gather",
    "store_folder",
    "write_lists",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: where the site is, the receipt of each source, and whether there was nothing to do."""

    site: Path
    receipts: tuple[Receipt, ...]
    is_unchanged: bool


def store_folder(project: Path) -> Path:
    """Where a project's store lies."""
    return project / "build" / "store"


def build(project: Path, *, is_forced: bool = False, is_asking: bool = True) -> Built:
    """Gather from every source and publish the site into ``project/build/site``.

    With nothing changed since the last build (sources, settings, templates, program) nothing is done, unless
    ``is_forced``. Live sources are asked each time, unless ``is_asking`` is false: then what is held of them is used.

    Raises:
        AnswerableError: one of its kinds; the site that stood before is left as it was.
    """
    settings = load_settings(project)
    site = project / "build" / "site"
    with Store.open(store_folder(project)) as store:
        inputs = _inputs(settings)
        asks = is_asking and any(isinstance(s, LiveSource) for s in settings.sources)
        is_same = store.mark("build") == inputs and (site / "index.html").exists()
        if is_same and not is_forced and not asks:
            log.info("nothing has changed since the last build")
            return Built(site, (), True)
        write_lists(store, settings)
        log.info("gather: %d sources", len(settings.sources))
        receipts = gather(store, settings, is_asking=is_asking)
        log.info("understand")
        understand(store, settings)
        log.info("measure")
        measure(store, settings)
        log.info("publish")
        site = publish(store, settings)
        erase_deleted(store)
        # After a failure the next build has to look again, even if the files are those of an earlier good one.
        is_good = all(r.result != "failed" for r in receipts)
        with store.transaction():
            store.set_mark("build", inputs if is_good else "")
        return Built(site, receipts, False)


def gather_project(
    project: Path, *, only: str | None = None, since: datetime | None = None
) -> tuple[Receipt, ...]:
    """Gather from the sources of a project (or from the one named), and nothing else."""
    settings = load_settings(project)
    with Store.open(store_folder(project)) as store:
        write_lists(store, settings)
        return gather(store, settings, only=only, since=since)


def plan_gather(
    project: Path, *, only: str | None = None, since: datetime | None = None
) -> Iterator[tuple[str, str, str]]:
    """What a gather would ask of live sources (source, pass, first request in words); nothing is asked.

    Raises:
        UsageError: there is no source of that id.
    """
    settings = load_settings(project)
    if only is not None and only not in settings.source_by_id:
        raise UsageError(f"there is no source {only}")
    wanted = [s for s in settings.sources if isinstance(s, LiveSource) and only in {None, s.id}]
    now = datetime.now(UTC).replace(tzinfo=None)
    with Store.open(store_folder(project)) as store:
        yield from plan(wanted, store, settings, now=now, since=since)


def forget_feedback(project: Path, names: Sequence[str], *, reason: str) -> tuple[Forgotten, ...]:
    """Remove feedback from the store for good, with every copy, by its address, feedback_id or SOURCE:RECORD.

    What was drawn and written from it goes too; ``build`` makes it anew.

    Raises:
        UsageError: nothing held has one of the names.
    """
    settings = load_settings(project)
    with Store.open(store_folder(project)) as store:
        targets = tuple(dict.fromkeys(t for name in names for t in find(store, settings, name)))
        done = forget(store, targets, reason=reason, removed_on=datetime.now(UTC).date())
    # Everything in build/ but the store and the published site can be made anew, and may hold what was removed.
    for made in ("docs", "cache"):
        shutil.rmtree(project / "build" / made, ignore_errors=True)
    return done


def lines_to_forget(project: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Where the project's own decisions and labels name feedback that is to be forgotten (`lines_naming`).

    Raises:
        UsageError: nothing held has one of the names.
    """
    settings = load_settings(project)
    with Store.open(store_folder(project)) as store:
        return lines_naming(store, settings, [t for name in names for t in find(store, settings, name)])


def write_lists(store: Store, settings: Settings) -> None:
    """Write the site's lists (agencies, services, topics, areas) from its settings."""
    areas = load_areas(settings)
    rows: dict[str, list[dict[str, object]]] = {
        "agency": [
            {
                "agency_code": a.code,
                "name": a.name,
                "slug": a.code,
                "url": a.url or None,
                "accounts": " ".join(a.accounts) or None,
                "response_target_days": a.response_target_days,
                "response_target_calendar": a.response_target_calendar,
            }
            for a in settings.agencies
        ],
        "service": [
            {"service_code": s.code, "name": s.name, "agency_code": s.agency} for s in settings.services
        ],
        "topic": [
            {
                "topic_code": t.code,
                "name": t.name,
                "slug": t.code,
                "description": t.description or None,
                "service_code": t.service,
                "agency_code": settings.topic_agency(t),
            }
            for t in settings.topics
        ],
        "area": [{"area_code": a.code, "name": a.name, "slug": slugify(a.code)} for a in areas],
    }
    with store.transaction():
        for name, listed in rows.items():
            columns = schema.table(name).names
            store.write(name, pa.table({c: [row[c] for row in listed] for c in columns}))


def _inputs(settings: Settings) -> str:
    """A digest of all that a build depends on: cheap, so files count by name, size and time of change."""
    digest = hashlib.blake2b(digest_size=16)
    for variable in ("ANSWERABLE_SECRET",):
        digest.update(os.environ.get(variable, "").encode())
    digest.update(settings.model_dump_json().encode())
    for path in sorted(set(_files(settings))):
        found = path.stat()
        digest.update(f"{path}\x1f{found.st_size}\x1f{found.st_mtime_ns}\x1e".encode())
    return digest.hexdigest()


def _files(settings: Settings) -> Iterator[Path]:
    project = settings.project
    for folder in (project / "data", Path(__file__).parent, *template_folders(settings)):
        yield from (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    if (project / "mkdocs.yml").exists():
        yield project / "mkdocs.yml"
    if settings.site.areas is not None and (project / settings.site.areas.file).exists():
        yield project / settings.site.areas.file
    for source in settings.sources:
        for pattern in () if isinstance(source, LiveSource) else source.paths:
            yield from (p for p in matching_paths(project, pattern) if p.is_file())
