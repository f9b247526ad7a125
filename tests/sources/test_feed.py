"""The connector to RSS and Atom feeds: on a site in memory, on broken feeds, and on recorded ones."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apis.feed import FeedSite
from tests.apis.serving import Shelf, serving

from answerable.errors import SourceError
from answerable.gather.http import Client
from answerable.gather.live import Held, Item
from answerable.gather.sources.feed import connector
from answerable.live_settings import FeedSource
from answerable.settings import Service, Settings, Site, Topic

SHARED = Path(__file__).parents[2] / ".." / "shared"


def settings_of() -> Settings:
    site = Site(
        name="Test",
        description="A test",
        url="https://feedback.example",
        publisher="Nobody",
        contact="a@b.example",
    )
    return Settings(
        project=Path(),
        site=site,
        agencies=(),
        services=(Service(code="roads", name="Roads"),),
        topics=(Topic(code="potholes", name="Potholes", service="roads"),),
        sources=(),
    )


def source_of(*feeds: str, **said: Any) -> FeedSource:
    base: dict[str, Any] = {
        "id": "news",
        "name": "News",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "connector": "feed",
        "feeds": feeds or ("https://news.example/feed",),
        "allow_private_addresses": True,
    }
    return FeedSource(**base | said)


def shelf_of(*feeds: str, **said: Any) -> Shelf:
    return Shelf(connector, source_of(*feeds, **said), settings_of())


def read(body: bytes, kind: str = "application/rss+xml", **said: Any) -> Shelf:
    """What one answer brings."""
    with serving(lambda *_: (200, {"Content-Type": kind}, body)) as address:
        shelf = shelf_of(f"{address}/feed", **said)
        assert shelf.run("discover", FeedSite().now)
    return shelf


@pytest.fixture
def site() -> FeedSite:
    return FeedSite()


@pytest.fixture
def address(site: FeedSite) -> Iterator[str]:
    with serving(site.handle) as found:
        yield f"{found}/feed"


def test_a_feed_forgets_and_we_do_not(site: FeedSite, address: str) -> None:
    shelf = shelf_of(address)
    for i in range(50):
        site.add(f"Entry {i}", f"<p>Text {i}</p>")
        site.now += timedelta(hours=1)
        if i % 10 == 9:
            assert shelf.run("discover", site.now)
    assert {row["text"] for row in shelf.rows().values()} == {f"Text {i}" for i in range(50)}
    site.delete(site.link(50))
    for name in ("discover", "refresh", "sweep"):
        assert shelf.run(name, site.now, due=list(shelf.items), unswept=list(shelf.items))
    assert len(shelf.items) == 50


def test_an_entry_of_rss_becomes_a_row(site: FeedSite, address: str) -> None:
    link = site.add(
        "Road &amp; bridge", "<p>Closed &lt;now&gt;<br>until May</p><script>x()</script>", author="A"
    )
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    (row,) = shelf.rows().values()
    assert {k: v for k, v in row.items() if v is not None} == {
        "created_at": site.now,
        "lang": "en",
        "url": link,
        "title": "Road & bridge",
        "text": "Closed <now>\nuntil May",
        "author": "A",
    }
    assert list(shelf.items) == [f"{address}#post-1"]
    assert all(isinstance(value, str) for value in shelf.items[f"{address}#post-1"].values())


def test_an_entry_of_atom_becomes_a_row_and_its_edits_are_seen(site: FeedSite, address: str) -> None:
    site.form = "atom"
    link = site.add("Straße", "<p>Gesperrt</p>", author="Amt")
    made_at = site.now
    shelf = shelf_of(address, is_official=True, agency="roads")
    assert shelf.run("discover", site.now)
    site.now += timedelta(hours=3)
    site.edit(link, "<p>Wieder frei</p>")
    assert shelf.run("discover", site.now)
    (row,) = shelf.rows().values()
    assert row == {
        "created_at": made_at,
        "updated_at": site.now,
        "lang": "de",
        "url": link,
        "title": "Straße",
        "text": "Wieder frei",
        "author": "Amt",
        "is_official": True,
    }
    assert list(shelf.items) == ["tag:news.example,2026:1"]


def test_an_entry_without_a_date_keeps_that_of_its_first_day(site: FeedSite, address: str) -> None:
    site.add("Undated", is_dated=False)
    first = site.now
    shelf = shelf_of(address)
    for _ in range(3):
        assert shelf.run("discover", site.now)
        site.now += timedelta(days=1)
    (row,) = shelf.rows().values()
    assert row["created_at"] == first
    assert shelf.unreadable == 0


def test_an_entry_without_any_date_is_counted(site: FeedSite, address: str) -> None:
    site.is_dated = False
    site.add("Undated", is_dated=False)
    site.add("Dated")
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    assert (len(shelf.items), shelf.unreadable) == (1, 1)


def test_an_entry_without_an_identifier_is_known_by_its_link_or_by_what_it_says(
    site: FeedSite, address: str
) -> None:
    link = site.add("Named by its link", has_id=False)
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    assert list(shelf.items) == [link]
    body = (
        b"<rss version='2.0'><channel><item><title>T</title><pubDate>Mon, 01 Apr 2013 19:26:08 GMT</pubDate>"
    )
    body += b"</item><item><pubDate>Mon, 01 Apr 2013 19:26:08 GMT</pubDate></item></channel></rss>"
    once, again = read(body), read(body)
    assert len(once.items) == 1
    assert [n.rpartition("#")[2] for n in once.items] == [n.rpartition("#")[2] for n in again.items]
    assert once.unreadable == 1


def test_one_number_in_two_feeds_is_two_entries(site: FeedSite) -> None:
    site.add("One")
    other = FeedSite()
    other.add("Another")
    with serving(site.handle) as here, serving(other.handle) as there:
        shelf = shelf_of(f"{here}/feed", f"{there}/feed")
        assert shelf.run("discover", site.now)
    assert {row["title"] for row in shelf.rows().values()} == {"One", "Another"}


def test_a_feed_that_fails_keeps_no_other_from_being_read(site: FeedSite, address: str) -> None:
    site.add("One")
    missing = address.replace("/feed", "/missing")
    shelf = shelf_of(missing, address)
    with pytest.raises(SourceError):
        shelf.run("discover", site.now)
    assert len(shelf.items) == 1


def test_a_feed_that_has_not_changed_is_not_sent_again(site: FeedSite, address: str) -> None:
    site.add("One")
    source, settings = source_of(address), settings_of()
    marks: Mapping[str, str] = {}
    counts = []
    for _ in range(2):
        with Client(source, settings.site, now=site.now, validators=marks) as client:
            client.begin("discover", 9, time.monotonic() + 60)
            batches = list(connector.discover(client, source, settings, Held(site.now)))
            marks = client.validators
        counts.append(sum(len(batch.items) for batch in batches))
    assert counts == [1, 0]
    assert [status for _, status in site.asked] == [200, 304]


def test_older_entries_than_the_floor_are_left(site: FeedSite, address: str) -> None:
    site.add("Old")
    site.now += timedelta(days=3)
    site.add("New")
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now, floor=site.now - timedelta(days=1))
    assert [row["title"] for row in shelf.rows().values()] == ["New"]


# -- broken and hostile feeds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><head><title>Log in</title></head><body><p>Please log in</p></body></html>",
        b"",
        b"{}",
        b"/etc/hostname",
        b"https://elsewhere.example/feed",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_feed_is_an_error_in_words(body: bytes) -> None:
    with pytest.raises(SourceError) as error:
        read(body, "text/html")
    assert error.value.remedy


def test_half_a_feed_is_read_as_far_as_it_goes(site: FeedSite) -> None:
    for i in range(5):
        site.add(f"Entry {i}", "text")
    _, _, body = site.handle("GET", "/feed", "", {})
    assert len(read(body[: len(body) * 2 // 3]).items) in (3, 4)


def test_a_feed_without_entries_is_none_wrong(site: FeedSite) -> None:
    _, _, body = site.handle("GET", "/feed", "", {})
    assert not read(body).items


def test_a_feed_with_wrong_marks_and_bytes_is_read() -> None:
    body = (
        b'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><item><guid>1</guid><title>A & B \x93'
        b"</title><pubDate>Mon, 01 Apr 2013 19:26:08 GMT</pubDate></item></channel></rss>"
    )
    (row,) = read(body).rows().values()
    assert row["title"].startswith("A & B")


def test_entities_do_not_grow_and_no_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not tell")
    lines = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 20}">' for i in range(1, 9))
    body = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha"><!ENTITY f SYSTEM "{secret.as_uri()}">{lines}]>'
        '<rss version="2.0"><channel><item><guid>1</guid><title>x &a8; &f;</title>'
        "<pubDate>Mon, 01 Apr 2013 19:26:08 GMT</pubDate></item></channel></rss>"
    )
    for row in read(body.encode()).rows().values():
        assert "do not tell" not in str(row)
        assert len(str(row)) < 10_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["title", "summary", "content", "published", "updated", "link", "author", "language"]
)


@given(st.text(min_size=1), st.dictionaries(fields, values) | st.dictionaries(st.text(), values))
def test_whatever_arrives_is_read(record_id: str, payload: dict[str, Any]) -> None:
    (row,) = connector.rows(Item(record_id, payload), source_of())
    assert row.record_id == record_id
    assert row.columns.keys() <= set(connector.mapped)


# -- recorded feeds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alaveteli_blog_feed.atom", "takahe_account.rss"])
def test_recorded_feeds(name: str) -> None:
    path = SHARED / "samples" / "feeds" / name
    if not path.exists():
        pytest.skip(f"there is no samples/feeds/{name} beside the project")
    body = path.read_bytes()
    shelf = read(body)
    rows = list(shelf.rows().values())
    recorded = ET.fromstring(body).findall("channel/item")
    assert len(rows) == len(recorded) > 0
    assert shelf.unreadable == 0
    for row, entry in zip(rows, recorded, strict=True):
        said: datetime = parsedate_to_datetime(entry.findtext("pubDate") or "")
        assert row["created_at"] == said.astimezone(UTC).replace(tzinfo=None)
        assert row["title"] == entry.findtext("title")
        assert row["url"] == entry.findtext("link")
        assert row["author"] == entry.findtext("{http://purl.org/dc/elements/1.1/}creator")
        assert row["lang"] == "en"
        assert "<" not in row["text"]
        assert "alert" not in row["text"]
    assert set(shelf.items) == {entry.findtext("guid") for entry in recorded}
