"""The site as a folder: pages that exist, links that lead somewhere, numbers from the data, an old site kept safe."""

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.world import AS_OF, now, small_world

from answerable.errors import CheckError, PublishError, StaleSourceError
from answerable.publish.finished import dead_links, unexplained_numbers
from answerable.publish.records import last_response
from answerable.publish.site import publish
from answerable.publish.timelines import Event, Timeline
from answerable.settings import Settings
from answerable.store import Store

Open = Callable[..., AbstractContextManager[tuple[Store, Settings]]]
ISSUE = "issues/potholes-old-harbour-0123456789/index.html"


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_every_page_is_there(site: Path) -> None:
    pages = {p.relative_to(site).as_posix() for p in site.rglob("*.html")}
    for path in (
        "",
        "issues/",
        "agencies/",
        "agencies/highways/",
        "topics/",
        "topics/trees/",
        "areas/",
        "areas/ward-3/",
    ):
        assert f"{path}index.html" in pages
    for path in ("responses", "data", "method", "sources", "glossary"):
        assert f"{path}/index.html" in pages
    assert ISSUE in pages
    assert "agencies/archives/index.html" not in pages  # nothing was raised with them
    assert not any("shell" in page for page in pages)


def test_no_link_is_dead_and_every_number_is_in_the_data(site: Path) -> None:
    assert dead_links(site, base_path="/answers/") == []
    assert unexplained_numbers(site) == []


def test_no_mark_and_no_template_is_left(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = path.read_text("utf-8")
        assert "7f3a" not in page
        assert "{{" not in page
        assert "{%" not in page


def test_an_issue_page_tells_its_story(site: Path) -> None:
    page = (site / ISSUE).read_text("utf-8")
    assert "<title>Potholes&#32;in&#32;Old&#32;Harbour" in page
    assert (
        '<link rel="canonical" href="https://brookhaven.example/answers/issues/potholes-old-harbour-0123456789/">'
        in page
    )
    assert page.count("<h1") == 1
    text = text_of(page)
    for words in (
        "Answered in part", "Did anyone answer?", "The hole was filled this morning.", "There is a hole in the road.",
        "own target an answer was due on 10 June 2024", "Data up to 1 July 2025",
        "An extract of 2024 and 2025 for tests.",
        "Something wrong here?", "official, Highways & Lighting", "Brookhaven is an invented town.",
    ):  # fmt: skip
        assert words in text, words
    assert "md-tabs__item--active" in page


def test_an_answer_on_the_record_stands_in_the_timeline_and_gives_no_date_to_the_data(
    open_world: Open,
) -> None:
    world = small_world()
    later = AS_OF + timedelta(days=40)
    world.rows["source"].append(
        {**world.rows["source"][0], "source_id": "register", "connector": "register", "as_of_at": later}
    )
    member = next(r for r in world.rows["issue_feedback"] if r["source_id"] == "portal")
    slug = next(r["slug"] for r in world.rows["issue"] if r["issue_id"] == member["issue_id"])
    world.add(
        "response", response_id="entry", source_id="register", agency_code="highways", responded_at=later,
        update_class="substance", public_text="We put this on the record, with [name].", feedback_count=1,
    )  # fmt: skip
    place = {name: member[name] for name in ("feedback_id", "source_id", "month")}
    world.add(
        "response_feedback", response_id="entry", **place, responded_at=later, method="register", confidence=1.0,
        is_reviewed=True,
    )  # fmt: skip
    with open_world(world) as (store, settings):
        site = publish(store, settings, now=now())
    page = text_of((site / "issues" / slug / "index.html").read_text("utf-8"))
    # Written for the public, so it is quoted even where a name was taken out of it.
    assert page.count("We put this on the record, with [name].") == 2
    assert "We put this on the record" in text_of((site / "responses" / "index.html").read_text("utf-8"))
    assert "Data up to 1 July 2025" in page
    assert "August 2025" not in text_of((site / "index.html").read_text("utf-8")).replace(
        "10 August 2025", ""
    )


def test_what_was_left_out_of_a_long_timeline_is_said(open_world: Open) -> None:
    world = small_world()
    for number in range(500, 540):
        created = AS_OF - timedelta(days=600 - number)
        world.add_feedback(number, created=created, issue_id="long", text=f"message {number}")
    for number in (498, 499):
        world.add_feedback(
            number, created=AS_OF - timedelta(days=number - 300), issue_id="short", text="so short"
        )
    for issue_id in ("long", "short"):
        world.add_issue(
            issue_id,
            "Long",
            f"{issue_id}-0123456789",
            topic="potholes",
            agency="highways",
            area="old-harbour",
        )
    with open_world(world, is_measured_anew=True) as (store, settings):
        site = publish(store, settings, now=now())
    page = (site / "issues/long-0123456789/index.html").read_text("utf-8")
    titles = re.findall(r"Long \([^)]*\)", text_of((site / "issues/index.html").read_text("utf-8")))
    assert len(set(titles)) == 2, "two issues of one title are told apart by their days"
    shown = [int(n) for n in re.findall(r"message (\d+)", text_of(page))]
    assert shown == [*range(500, 504), *range(528, 540)]
    assert "This is the beginning and the end." in page


def test_a_text_that_may_name_a_person_is_not_quoted(open_world: Open) -> None:
    with open_world(small_world(texts=("Ask [name] about it",), replies=("We told [name]",))) as (
        store,
        settings,
    ):
        site = publish(store, settings, now=now())
    page = text_of((site / ISSUE).read_text("utf-8"))
    assert "Not quoted here: it may name a person." in page
    assert "about it" not in page
    assert not any("We told" in text_of(p.read_text("utf-8")) for p in site.rglob("*.html"))


def test_an_answer_that_says_something_stands_before_work_that_was_done() -> None:
    def said(day: int, update_class: str, *, text: str = "Words", is_official: bool = True) -> Event:
        at = datetime(2025, 1, day)  # noqa: DTZ001  (the store's instants are UTC without a zone)
        return Event(at, "closed", "1", update_class, None, text, None, None, is_official, False, False)

    told, done = said(2, "substance"), said(5, "work_done")
    rest = (said(7, "acknowledgement"), said(8, "administrative"), said(9, "substance", text=""))
    assert last_response(Timeline((said(1, "substance"), told, done, *rest))) == told
    assert last_response(Timeline((said(3, "work_done"), done, *rest))) == done
    long_ago = told._replace(at=told.at - timedelta(days=400))
    assert last_response(Timeline((long_ago, done))) == done
    assert last_response(Timeline(rest)) is last_response(None) is None


def test_search_and_sitemap_know_every_page(site: Path) -> None:
    listed = set(
        re.findall(r"<loc>https://brookhaven.example/answers/(.*?)</loc>", (site / "sitemap.xml").read_text())
    )
    pages = {p.relative_to(site).as_posix().removesuffix("index.html") for p in site.rglob("index.html")}
    assert listed == pages
    entries = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    found = {e["location"]: e for e in entries}
    assert found["issues/potholes-old-harbour-0123456789/"]["title"] == "Potholes in Old Harbour"
    assert "areas/ward-3/" in found


def test_publishing_again_changes_no_file(open_world: Open) -> None:
    with open_world() as (store, settings):
        site = publish(store, settings, now=now())
        before = files(site)
        numbers = {p: (site / p).stat().st_ino for p in before}
        publish(store, settings, now=now())
    assert files(site) == before
    assert {p: (site / p).stat().st_ino for p in before} == numbers
    assert sorted(p.name for p in site.parent.iterdir() if p.name.startswith("site")) == ["site"]


@pytest.mark.parametrize("fault", ["personal data", "stale", "template", "warning"])
def test_what_fails_leaves_the_old_site(open_world: Open, fault: str) -> None:
    world = small_world()
    with open_world(world) as (store, settings):
        site = publish(store, settings, now=now())
        before = files(site)
        later = now()
        if fault == "personal data":
            world.rows["outcome"][0]["public_text"] = "Write to jane.roe@example.com"
            error: type[Exception] = CheckError
        elif fault == "stale":
            world.rows["source"][0]["is_stale"] = True
            later, error = now() + timedelta(days=400), StaleSourceError
        else:
            pages = settings.project / "site_templates" / "pages"
            pages.mkdir(parents=True)
            broken = {
                "template": '# X\n\n<a href="../nowhere/">x</a>\n',
                "warning": "# X\n\n[x](nowhere.md)\n",
            }
            (pages / "glossary.md.jinja").write_text(broken[fault], "utf-8")
            error = CheckError if fault == "template" else PublishError
        from tests.world import write_tables

        write_tables(store, settings, world)
        with pytest.raises(error):
            publish(store, settings, now=later)
    assert files(site) == before
    assert [p.name for p in site.parent.glob("site*")] == ["site"]


def test_a_project_may_override_a_page(open_world: Open) -> None:
    with open_world() as (store, settings):
        pages = settings.project / "site_templates" / "pages"
        pages.mkdir(parents=True)
        (pages / "glossary.md.jinja").write_text("# Our own words\n", "utf-8")
        site = publish(store, settings, now=now())
    assert "Our own words" in (site / "glossary" / "index.html").read_text("utf-8")
    assert dead_links(site, base_path="/answers/") == []


def test_a_stale_source_is_said_on_every_page(open_world: Open) -> None:
    world = small_world()
    world.rows["source"][0] |= {"is_stale": True, "stale_reason": "gone"}
    with open_world(world) as (store, settings):
        site = publish(store, settings, now=now())
    for page in ("index.html", ISSUE, "areas/ward-3/index.html", "method/index.html"):
        assert "was last read on 1 July 2025 and could not be read since" in text_of(
            (site / page).read_text("utf-8")
        )


def test_what_a_site_does_not_have_has_no_page(open_world: Open) -> None:
    world = small_world()
    for name in ("issue", "issue_feedback", "response", "response_feedback", "outcome"):
        world.rows.pop(name)
    with open_world(world) as (store, settings):
        site = publish(store, settings, now=now())
    for path in ("issues", "responses"):
        assert not (site / path).exists()
    assert dead_links(site, base_path="/answers/") == []


def test_the_same_docs_build_with_zensical(open_world: Open) -> None:
    def zensical(config: Path) -> None:
        command = [sys.executable, "-m", "zensical", "build", "--config-file", str(config)]
        subprocess.run(command, cwd=config.parent, check=True, capture_output=True)

    with open_world() as (store, settings):
        site = publish(store, settings, now=now(), builder=zensical)
        html = settings.project / "build" / "html"
        shutil.rmtree(html, ignore_errors=True)
    assert dead_links(site, base_path="/answers/") == []
    assert unexplained_numbers(site) == []
    page = (site / ISSUE).read_text("utf-8")
    assert page.count("<h1") == 1
    assert "The hole was filled this morning." in text_of(page)
    assert 'http-equiv="Content-Security-Policy"' in page
    index = json.loads((site / "search.json").read_text("utf-8"))
    assert any(e["location"] == "issues/potholes-old-harbour-0123456789/" for e in index["items"])
