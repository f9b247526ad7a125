"""The page of service failures, what the home page says of them, and their feed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
import pytest
from tests.unit.publish.conftest import opened
from tests.world import AS_OF, World, now, small_world

from answerable.publish.finished import dead_links, unexplained_numbers
from answerable.publish.site import publish
from answerable.schema import table

ATOM = "{http://www.w3.org/2005/Atom}"
LATELY = AS_OF - timedelta(days=10)


def with_failure(at: datetime, *, source: str = "portal", rows: int = 30) -> World:
    """The small world, with a day on which many wrote about lights in one place."""
    world = small_world()
    for number in range(rows):
        world.add_feedback(
            5000 + number, created=at + timedelta(minutes=number), topic="lights", area="mill-fields", source=source,
            text=f"The lamp at number {number} is dark", replied=at + timedelta(days=1) if number < 20 else None,
            reply="We replaced the fuse.", issue_id="i-lights-mill-fields",
        )  # fmt: skip
    # Nobody knows who wrote, so each message is a person's.
    for row in world.rows["feedback"]:
        row["author_key"] = None
    return world


def published(folder: Path, world: World) -> Path:
    with opened(folder, world, is_measured_anew=True) as (store, settings):
        return publish(store, settings, now=now())


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("dark"), with_failure(LATELY))


def words(path: Path) -> str:
    found = re.search(r"<article.*?</article>", path.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_a_failure_is_shown_with_its_people_its_links_and_its_days(dark: Path) -> None:
    page = (dark / "failures" / "index.html").read_text("utf-8")
    said = words(dark / "failures" / "index.html")
    assert "Street lights, in Mill Fields" in said
    assert "30 people raised it; about 0." in said
    assert "20 of 30 messages have a public answer, half of them by 22 June 2025" in said
    assert 'href="../topics/lights/"' in page
    assert 'href="../issues/lights-mill-fields-' in page
    assert "How many people were there on each day?" in said
    assert unexplained_numbers(dark, ["failures/index.html", "index.html", "method/index.html"]) == []
    assert dead_links(dark, base_path="/answers/") == []


def test_the_home_page_says_what_is_unusual_lately(dark: Path) -> None:
    page = (dark / "index.html").read_text("utf-8")
    assert "What is unusual lately?" in page
    anchor = re.search(r'href="failures/#(failure-[0-9a-f]+)"', page)
    assert anchor is not None
    assert f'id="{anchor[1]}"' in (dark / "failures" / "index.html").read_text("utf-8")


def test_the_feed_is_atom(dark: Path) -> None:
    path = dark / "failures" / "feed.xml"
    feed = feedparser.parse(path.read_bytes())
    assert (feed.bozo, feed.version) == (False, "atom10")
    root = ET.fromstring(path.read_bytes())
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1, name
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    assert [link.get("rel") for link in root.findall(f"{ATOM}link")] == ["self", "alternate"]
    (entry,) = feed.entries
    assert entry.title == "Street lights: Mill Fields"
    assert "30 people" in entry.summary
    assert entry.id == entry.link
    assert entry.link.startswith("https://brookhaven.example/answers/failures/#failure-")
    assert entry.updated_parsed[:3] == (2025, 6, 21)  # its day is over at 23:00 UTC
    ids = [e.findtext(f"{ATOM}id") for e in (root, *root.iter(f"{ATOM}entry"))]
    assert len(set(ids)) == len(ids)
    assert 'failures/feed.xml" type="application/atom+xml"' in (dark / "failures" / "index.html").read_text(
        "utf-8"
    )
    # The theme takes a link to another form of the page, in the head, for another language, and asks for its sitemap.
    assert 'rel="alternate"' not in (dark / "index.html").read_text("utf-8")


def test_failures_are_open_data(dark: Path) -> None:
    head, row, *more = (dark / "data" / "failures.csv").read_text("utf-8").splitlines()
    assert head.split(",") == list(table("failure").public_names)
    assert row.split(",")[1:5] == ["lights", "mill-fields", "mill-fields", "highways"]
    assert more == []
    assert (dark / "data" / "failures.parquet").exists()


def test_what_was_long_ago_is_on_its_page_and_not_on_the_home_page(tmp_path: Path) -> None:
    site = published(tmp_path, with_failure(AS_OF - timedelta(days=120)))
    said = words(site / "failures" / "index.html")
    assert "Nothing: in the four weeks before the data end" in said
    assert "What was unusual before? " in said
    assert "unusual" not in words(site / "index.html")


def test_a_source_that_hides_its_rows_shows_no_failure(tmp_path: Path) -> None:
    site = published(tmp_path, with_failure(LATELY, source="inbox"))
    assert "Nothing unusual was found" in words(site / "failures" / "index.html")
    assert (site / "data" / "failures.csv").read_text("utf-8").count("\n") == 1
    measures = (site / "data" / "measures.csv").read_text("utf-8")
    assert ",failure," not in measures


def test_where_nothing_was_found_the_page_says_so_and_the_home_page_is_quiet(site: Path) -> None:
    assert "Nothing unusual was found." in words(site / "failures" / "index.html")
    assert "unusual" not in words(site / "index.html")
    feed = feedparser.parse((site / "failures" / "feed.xml").read_bytes())
    assert (feed.bozo, feed.entries) == (False, [])
    assert feed.feed.updated_parsed is not None


def test_with_too_little_data_nothing_can_be_said(tmp_path: Path) -> None:
    world = small_world()
    first = AS_OF - timedelta(days=40)
    kept = {r["feedback_id"] for r in world.rows["feedback"] if r["created_at"] >= first}
    for name, rows in world.rows.items():
        if rows and "feedback_id" in rows[0]:
            world.rows[name] = [r for r in rows if r["feedback_id"] in kept]
    held = {r["issue_id"] for r in world.rows["issue_feedback"]}
    world.rows["issue"] = [r for r in world.rows["issue"] if r["issue_id"] in held]
    site = published(tmp_path, world)
    assert "Nothing can be said here yet." in words(site / "failures" / "index.html")
    assert "unusual" not in words(site / "index.html")
