"""The connector to Alaveteli sites: on a site in memory, and on answers in the documented shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apis.alaveteli import AlaveteliSite
from tests.apis.serving import Shelf, serving

from answerable.errors import SourceError
from answerable.gather.live import Item, Row
from answerable.gather.sources.alaveteli import connector
from answerable.live_settings import AlaveteliSource
from answerable.schema import CLOSING_REASONS
from answerable.settings import Service, Settings, Site, Topic


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


def source_of(server: str = "https://ask.example", **said: Any) -> AlaveteliSource:
    base: dict[str, Any] = {
        "id": "ask",
        "name": "Ask",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "connector": "alaveteli",
        "server": server,
        "bodies": ["city_council"],
        "allow_private_addresses": True,
    }
    return AlaveteliSource(**base | said)


def shelf_of(address: str, **said: Any) -> Shelf:
    return Shelf(connector, source_of(address, **said), settings_of())


def rows_of(shelf: Shelf, slug: str) -> list[Row]:
    rows = list(connector.rows(Item(slug, shelf.items[slug]), shelf.source))
    assert not any(row.bad for row in rows)
    return rows


def main_of(shelf: Shelf, slug: str) -> dict[str, Any]:
    return {k: v for k, v in rows_of(shelf, slug)[0].columns.items() if v is not None}


@pytest.fixture
def site() -> AlaveteliSite:
    return AlaveteliSite()


@pytest.fixture
def address(site: AlaveteliSite) -> Iterator[str]:
    with serving(site.handle) as found:
        yield found


def later(site: AlaveteliSite, **time: float) -> None:
    site.now += timedelta(**time)


def read(site: AlaveteliSite, slug: str) -> Shelf:
    """The site's one request, read from its own address."""
    with serving(site.handle) as address:
        shelf = shelf_of(address)
        assert shelf.run("refresh", site.now, due=[slug])
    return shelf


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_requests_are_found_by_search_by_body_and_by_name(site: AlaveteliSite, address: str) -> None:
    site.bodies["parks"] = "Parks"
    bridge = site.add("Cost of the bridge")
    trees = site.add("Felled trees", body="parks")
    named = site.add("Something else", body="parks")
    shelf = shelf_of(address, searches=["felled trees"], requests_named=[named, "no_such_request"])
    assert shelf.run("discover", site.now)
    assert set(shelf.items) == {bridge, trees, named}


def test_only_requests_in_which_something_happened_are_asked_again(site: AlaveteliSite, address: str) -> None:
    slugs = [site.add(f"Number {i}") for i in range(8)]
    shelf = shelf_of(address, searches=["number"])
    assert shelf.run("discover", site.now)
    site.asked.clear()
    later(site, hours=1)
    assert shelf.run("discover", site.now)
    assert len(site.asked) == 2
    site.answer(slugs[3])
    site.asked.clear()
    assert shelf.run("discover", site.now)
    assert [path for path in site.asked if path.startswith("/request/")] == [f"/request/{slugs[3]}.json"]
    # What the requester says of an answer changes an event that was seen.
    later(site, hours=1)
    site.describe(slugs[3], "successful")
    assert shelf.run("discover", site.now)
    assert main_of(shelf, slugs[3])["status"] == "successful"


@pytest.mark.parametrize("budget", [2, 3])
def test_a_gather_that_is_cut_off_goes_on(site: AlaveteliSite, address: str, budget: int) -> None:
    slugs = [site.add(f"Number {i}") for i in range(10)]
    shelf = shelf_of(address)
    rounds = 1
    while not shelf.run("discover", site.now, budget=budget):
        rounds += 1
        assert rounds < 30
    assert set(shelf.items) == set(slugs)


def test_older_requests_than_the_floor_are_left(site: AlaveteliSite, address: str) -> None:
    site.add("Old")
    later(site, days=10)
    floor = site.now
    new = site.add("New")
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now, floor=floor)
    assert set(shelf.items) == {new}


def test_deleted_and_hidden_requests_are_gone(site: AlaveteliSite, address: str) -> None:
    slugs = [site.add(f"Number {i}") for i in range(5)]
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    site.hide(slugs[0])
    site.delete(slugs[1])
    site.delete(slugs[2], 410)
    site.requests[slugs[3]].prominence = "requester_only"
    assert shelf.run("sweep", site.now, unswept=slugs)
    assert set(shelf.items) == {slugs[4]}


def test_a_site_that_refuses_everything_deletes_nothing(site: AlaveteliSite, address: str) -> None:
    slugs = [site.add(f"Number {i}") for i in range(3)]
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    site.refuses_all = True
    assert shelf.run("sweep", site.now, unswept=slugs)
    assert set(shelf.items) == set(slugs)
    assert shelf.checked == slugs
    with pytest.raises(SourceError):
        shelf.run("discover", site.now)


@pytest.mark.parametrize("body", [b"<html>login</html>", b"{}", b"3", b""])
def test_an_answer_that_is_none_is_an_error_in_words(body: bytes) -> None:
    with (
        serving(lambda *_: (200, {"Content-Type": "application/json"}, body)) as address,
        pytest.raises(SourceError) as error,
    ):
        shelf_of(address).run("discover", AlaveteliSite().now)
    assert error.value.remedy


def test_another_request_than_was_asked_for_is_not_taken(site: AlaveteliSite) -> None:
    slug = site.add("Number 1")
    with serving(lambda *_: site.handle("GET", f"/request/{slug}.json", "", {})) as address:
        shelf = shelf_of(address)
        assert shelf.run("refresh", site.now, due=["another"])
    assert (shelf.items, shelf.checked, shelf.unreadable) == ({}, ["another"], 1)


# -- what an answer is -------------------------------------------------------------------------------------------------


def test_an_automatic_reply_does_not_end_the_waiting(site: AlaveteliSite) -> None:
    slug = site.add("Cost of the bridge")
    sent_at = site.now
    later(site, seconds=40)
    site.answer(slug)
    automatic_at = site.now
    shelf = read(site, slug)
    # Nobody has said what it is: it came too soon to be an answer.
    assert len(rows_of(shelf, slug)) == 1
    assert main_of(shelf, slug)["acknowledged_at"] == automatic_at
    later(site, days=3)
    site.describe(slug, "waiting_response")
    site.answer(slug)
    second_at = site.now
    later(site, days=4)
    site.describe(slug, "waiting_response")
    shelf = read(site, slug)
    assert len(rows_of(shelf, slug)) == 1
    assert main_of(shelf, slug)["acknowledged_at"] == automatic_at < second_at
    later(site, days=10)
    number = site.answer(slug)
    answered_at = site.now
    later(site, days=2)
    site.describe(slug, "successful")
    shelf = read(site, slug)
    main, reply = rows_of(shelf, slug)
    assert main.columns["acknowledged_at"] == automatic_at
    assert main.columns["closed_at"] == site.now
    assert main.columns["closing_reason"] == "work_done"
    assert main.columns["created_at"] == sent_at
    assert reply.record_id == f"{slug}#incoming-{number}"
    assert dict(reply.columns) == {
        "created_at": answered_at,
        "url": f"{shelf.source.server}/request/{slug}#incoming-{number}",
        "agency": "City Council",
        "is_official": True,
        "reply_to_id": slug,
    }


def test_an_answer_that_nobody_has_judged_is_one(site: AlaveteliSite) -> None:
    slug = site.add("Cost of the bridge")
    later(site, days=5)
    site.answer(slug)
    main, reply = rows_of(read(site, slug), slug)
    assert main.columns["acknowledged_at"] is None
    assert reply.columns["created_at"] == site.now


def test_a_quick_answer_that_was_judged_is_one(site: AlaveteliSite) -> None:
    slug = site.add("Opening hours")
    later(site, minutes=10)
    site.answer(slug)
    site.describe(slug, "successful")
    assert len(rows_of(read(site, slug), slug)) == 2


def test_an_error_message_is_neither_answer_nor_acknowledgement(site: AlaveteliSite) -> None:
    slug = site.add("Cost of the bridge")
    later(site, days=1)
    site.answer(slug)
    site.describe(slug, "error_message")
    shelf = read(site, slug)
    assert len(rows_of(shelf, slug)) == 1
    assert "acknowledged_at" not in main_of(shelf, slug)


def test_a_follow_up_is_acknowledged_by_itself(site: AlaveteliSite) -> None:
    slug = site.add("Cost of the bridge")
    later(site, days=5)
    site.answer(slug)
    site.describe(slug, "rejected")
    later(site, days=5)
    site.follow_up(slug)
    later(site, minutes=1)
    site.answer(slug)
    shelf = read(site, slug)
    main, *replies = rows_of(shelf, slug)
    assert len(replies) == 1
    assert main.columns["acknowledged_at"] == site.now
    assert "closed_at" not in main_of(shelf, slug)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("successful", "work_done"),
        ("partially_successful", "work_done"),
        ("rejected", "administrative"),
        ("not_held", "administrative"),
        ("vexatious", "administrative"),
        ("not_foi", "administrative"),
        ("user_withdrawn", "cancelled"),
        ("waiting_response", None),
        ("waiting_clarification", None),
        ("internal_review", None),
        ("gone_postal", None),
        ("of_a_theme", None),
    ],
)
def test_states_that_end_a_request(site: AlaveteliSite, state: str, reason: str | None) -> None:
    slug = site.add("Cost of the bridge")
    later(site, days=30)
    site.close(slug, state)
    main = main_of(read(site, slug), slug)
    assert main["status"] == state
    assert main.get("closing_reason") == reason
    assert main.get("closed_at") == (site.now if reason else None)
    assert reason is None or reason in CLOSING_REASONS


def test_edits_and_reopening_are_seen(site: AlaveteliSite, address: str) -> None:
    slug = site.add("Cost of the bridge")
    site.close(slug)
    shelf = shelf_of(address)
    assert shelf.run("refresh", site.now, due=[slug])
    assert "closed_at" in main_of(shelf, slug)
    later(site, days=1)
    site.reopen(slug)
    site.edit(slug, "Cost of both bridges")
    assert shelf.run("refresh", site.now, due=[slug])
    main = main_of(shelf, slug)
    assert "closed_at" not in main
    assert (main["title"], main["updated_at"]) == ("Cost of both bridges", site.now)
    assert main["author"] == "jane_doe"
    assert "Jane Doe" not in str(main)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
states = st.sampled_from(["waiting_response", "successful", "error_message"]) | values
events = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["sent", "response", "comment"]) | values},
    optional={
        "id": values,
        "created_at": values,
        "described_state": states,
        "calculated_state": states,
        "last_described_at": values,
        "incoming_message_id": values,
    },
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "title": values,
        "created_at": values,
        "updated_at": values,
        "described_state": states,
        "public_body": st.fixed_dictionaries({"name": values}) | values,
        "user": values,
        "info_request_events": st.lists(events | values, max_size=4) | values,
    },
)


@given(st.text(min_size=1), payloads | st.dictionaries(st.text(), values))
def test_whatever_arrives_is_read(record_id: str, payload: dict[str, Any]) -> None:
    main, *replies = connector.rows(Item(record_id, payload), source_of())
    assert main.record_id == record_id
    assert isinstance(main.columns.get("created_at"), datetime | None)
    for row in (main, *replies):
        assert row.columns.keys() <= set(connector.mapped)
