"""The connector to petition sites: on a site in memory with its lists in their own orders, and on recorded answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apis.serving import Shelf, serving
from tests.apis.uk_petitions import PetitionSite

from answerable.errors import SourceError
from answerable.gather.live import Item
from answerable.gather.sources.uk_petitions import connector
from answerable.live_settings import UkPetitionsSource
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


def source_of(server: str = "https://petitions.example", **said: Any) -> UkPetitionsSource:
    base: dict[str, Any] = {
        "id": "petitions",
        "name": "Petitions",
        "licence": {"name": "OGL"},
        "publish_rows": True,
        "connector": "uk_petitions",
        "server": server,
        "allow_private_addresses": True,
    }
    return UkPetitionsSource(**base | said)


def shelf_of(address: str, **said: Any) -> Shelf:
    return Shelf(connector, source_of(address, **said), settings_of())


def row_of(payload: Mapping[str, Any], **said: Any) -> dict[str, Any]:
    (row,) = connector.rows(Item(str(payload["id"]), payload), source_of(**said))
    assert not row.bad
    return {k: v for k, v in row.columns.items() if v is not None}


@pytest.fixture
def site() -> PetitionSite:
    """A hundred petitions of the last hundred days, the popular ones anywhere among them; some closed or rejected."""
    made = PetitionSite(page_size=10)
    for day in range(100):
        number = made.add(
            f"Petition {day}", at=made.now - timedelta(days=100 - day), signatures=(day * 37) % 101
        )
        if day % 4 == 0:
            made.close(number)
        if day % 7 == 1:
            made.reject(number)
    return made


@pytest.fixture
def address(site: PetitionSite) -> Iterator[str]:
    with serving(site.handle) as found:
        yield found


def lists(site: PetitionSite) -> list[str]:
    """The lists that were asked for since the last time, and how often."""
    found = [asked["state"] for path, asked in site.asked if path == "/petitions.json"]
    site.asked.clear()
    return found


# -- new petitions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1, 2, 3, 1000])
def test_all_are_read_whatever_is_signed_in_between(site: PetitionSite, address: str, budget: int) -> None:
    shelf = shelf_of(address)
    for _ in range(120):
        shelf.run("discover", site.now, budget=budget)
        if "closed.whole" in shelf.cursor and "rejected.complete" in shelf.cursor:
            break
        site.now += timedelta(hours=1)
        site.sign(str(300_000 + site.now.hour), 500 + site.now.hour)
    assert set(shelf.items) == {str(n) for n in site.petitions}


def test_the_next_gather_asks_little(site: PetitionSite, address: str) -> None:
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    lists(site)
    site.now += timedelta(hours=1)
    new = site.add("A new one that nobody has signed", signatures=0)
    refused = site.add("A rejected one")
    site.reject(refused)
    assert shelf.run("discover", site.now)
    assert {new, refused} <= set(shelf.items)
    assert sorted(lists(site)) == ["awaiting_response", "recent", "rejected", "with_response"]


def test_an_answer_to_a_closed_petition_is_found_without_asking_for_it(
    site: PetitionSite, address: str
) -> None:
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    site.now += timedelta(hours=1)
    closed = next(str(p.number) for p in site.petitions.values() if p.state == "closed")
    site.answer(closed, "We will", "In time.")
    assert shelf.run("discover", site.now)
    row = row_of(shelf.items[closed])
    assert (row["note"], row["status"]) == ("We will\n\nIn time.", "closed")
    assert row["note_at"] == site.now


def test_a_site_without_a_list_of_the_recent_is_read_to_its_end(site: PetitionSite, address: str) -> None:
    site.lists = ("all", "open", "closed", "rejected")
    shelf = shelf_of(address, states=["open"])
    assert shelf.run("discover", site.now)
    assert set(shelf.items) == {str(n) for n in site.petitions}
    lists(site)
    site.now += timedelta(hours=1)
    new = site.add("New", signatures=0)
    assert shelf.run("discover", site.now)
    assert (lists(site), new in shelf.items) == (["recent"], False)
    site.now += timedelta(days=7)
    assert shelf.run("discover", site.now)
    assert new in shelf.items


def test_only_the_wanted_lists_are_asked(site: PetitionSite, address: str) -> None:
    site.sign("300002", 20_000)
    shelf = shelf_of(address, states=["awaiting_response", "rejected"])
    assert shelf.run("discover", site.now)
    assert set(lists(site)) == {"awaiting_response", "rejected"}
    waiting = row_of(shelf.items["300002"])
    assert waiting["threshold_reached_at"] == site.now
    assert all(p["attributes"]["state"] == "rejected" for n, p in shelf.items.items() if n != "300002")


def test_nothing_older_than_the_floor_is_taken(site: PetitionSite, address: str) -> None:
    shelf = shelf_of(address)
    floor = site.now - timedelta(days=10)
    assert shelf.run("discover", site.now, floor=floor)
    assert set(shelf.items) == {str(p.number) for p in site.petitions.values() if p.created_at >= floor}


def test_a_list_without_end_is_left_when_nothing_is_new(site: PetitionSite) -> None:
    def handle(method: str, path: str, query: str, *rest: Any) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = site.handle(method, path, "state=closed&page=1", {})
        value = json.loads(body)
        value["links"]["next"] = "https://elsewhere.example/petitions.json?page=2"
        return status, headers, json.dumps(value).encode()

    with serving(handle) as address:
        assert shelf_of(address, states=["closed"]).run("discover", site.now)
    assert len(site.asked) == 2


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[]", b"{}", b'{"data": null}', b"3"])
def test_an_answer_that_is_none_is_an_error_in_words(body: bytes) -> None:
    now = PetitionSite().now
    with serving(lambda *_: (200, {"Content-Type": "application/json"}, body)) as address:
        for name in ("discover", "refresh"):
            with pytest.raises(SourceError) as error:
                shelf_of(address).run(name, now, due=["1"])
            assert error.value.remedy


# -- changes and deletions ---------------------------------------------------------------------------------------------


def test_changes_and_deletions_are_seen_at_their_own_addresses(site: PetitionSite, address: str) -> None:
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    open_ones = [str(p.number) for p in site.petitions.values() if p.state == "open"]
    answered, closed, edited, gone, removed = open_ones[:5]
    site.now += timedelta(days=2)
    site.answer(answered, "No")
    site.close(closed)
    site.edit(edited, "Another title")
    site.delete(gone)
    site.delete(removed, 410)
    for name in ("refresh", "sweep"):
        assert shelf.run(name, site.now, due=open_ones, unswept=open_ones[-3:])
    rows = {n: row_of(p, server=address) for n, p in shelf.items.items()}
    assert {gone, removed}.isdisjoint(rows)
    assert rows[answered]["note"] == "No"
    assert rows[closed]["closed_at"] == site.now
    assert rows[edited]["title"] == "Another title"
    assert rows[edited]["url"] == f"https://petitions.example/petitions/{edited}"


def test_a_list_and_a_single_answer_give_the_same_row(site: PetitionSite, address: str) -> None:
    site.answer("300001", "Yes")
    shelf = shelf_of(address)
    assert shelf.run("discover", site.now)
    before = {n: row_of(p) for n, p in shelf.items.items()}
    assert shelf.run("refresh", site.now, due=list(shelf.items))
    assert {n: row_of(p) for n, p in shelf.items.items()} == before


def test_another_petition_than_was_asked_for_is_not_taken(site: PetitionSite) -> None:
    with serving(lambda *_: site.handle("GET", "/petitions/300001.json", "", {})) as address:
        shelf = shelf_of(address)
        assert shelf.run("refresh", site.now, due=["300002"])
    assert (shelf.items, shelf.checked, shelf.unreadable) == ({}, ["300002"], 1)


# -- rows --------------------------------------------------------------------------------------------------------------

ANSWERED: dict[str, Any] = {
    "type": "petition",
    "id": 700123,
    "links": {"self": "https://petition.parliament.uk/petitions/700123.json"},
    "attributes": {
        "action": "Mend the bridge",
        "background": "It is broken.",
        "additional_details": "Since May.",
        "state": "open",
        "signature_count": 12_345,
        "created_at": "2025-05-01T10:00:00.000Z",
        "updated_at": "2025-07-02T10:00:00.000Z",
        "closed_at": None,
        "rejected_at": None,
        "response_threshold_reached_at": "2025-06-01T10:00:00.000Z",
        "government_response_at": "2025-07-01T09:00:00.000Z",
        "creator_name": "Jane Doe",
        "rejection": None,
        "government_response": {
            "responded_on": "2025-07-01",
            "summary": "We shall.",
            "details": "Next year.",
            "created_at": "2025-07-09T09:00:00.000Z",
            "updated_at": "2025-07-09T09:00:00.000Z",
        },
        "departments": [{"acronym": "DfT", "name": "Department for Transport", "url": "https://dft.example"}],
    },
}


def test_a_petition_becomes_a_row() -> None:
    thresholds = [{"since": "2010-01-01", "signatures": 100}, {"since": "2015-07-20", "signatures": 10_000}]
    row = row_of(ANSWERED, thresholds=thresholds)
    assert len(row.pop("answer_id")) == 16
    assert row == {
        "created_at": datetime(2025, 5, 1, 10),  # noqa: DTZ001 (instants are UTC without a zone)
        "updated_at": datetime(2025, 7, 2, 10),  # noqa: DTZ001
        "threshold_reached_at": datetime(2025, 6, 1, 10),  # noqa: DTZ001
        "threshold_count": 10_000,
        "status": "open",
        "support_count": 12_345,
        "url": "https://petition.parliament.uk/petitions/700123",
        "title": "Mend the bridge",
        "text": "It is broken.\n\nSince May.",
        "note": "We shall.\n\nNext year.",
        # Midnight of the day in London: the response was revised later.
        "note_at": datetime(2025, 6, 30, 23),  # noqa: DTZ001
        "agency": "Department for Transport",
    }
    assert "agency" not in row_of(ANSWERED, agency="government")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes().map(str)
    | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
answers = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("responded_on", "summary", "details", "created_at"), values)
)
attributes = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(ANSWERED["attributes"], values) | {"government_response": answers | values},
)


@given(
    st.text(min_size=1),
    st.fixed_dictionaries({}, optional={"attributes": attributes | values, "links": values}),
)
def test_whatever_arrives_is_read(record_id: str, payload: dict[str, Any]) -> None:
    (row,) = connector.rows(
        Item(record_id, payload), source_of(thresholds=[{"since": "2015-07-20", "signatures": 10_000}])
    )
    assert row.record_id == record_id
    assert row.columns.keys() <= set(connector.mapped)


# -- recorded answers --------------------------------------------------------------------------------------------------

RECORDED = [
    *(("samples", "uk_petitions", f"{name}_petition.json") for name in ("open", "closed", "rejected")),
    *(("data", "uk-petitions-2017-sample", f"{number}.json") for number in (200004, 200010, 200888)),
]


@pytest.mark.parametrize("parts", RECORDED, ids=lambda parts: parts[-1])
def test_recorded_petitions(parts: tuple[str, ...]) -> None:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {'/'.join(parts)} beside the project")
    recorded = json.loads(path.read_bytes())
    whole = recorded if "data" in recorded else {"links": recorded["links"], "data": recorded}
    data, number = whole["data"], str(whole["data"]["id"])
    said = data["attributes"]

    def handle(*_: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(whole).encode()

    with serving(handle) as address:
        shelf = shelf_of(address)
        assert shelf.run("refresh", PetitionSite().now, due=[number])
    row = row_of(shelf.items[number])

    def at(text: str | None) -> datetime | None:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ") if text else None  # noqa: DTZ007

    assert row["title"] == said["action"].strip()
    assert row["url"] == whole["links"]["self"].removesuffix(".json")
    assert row["support_count"] == said["signature_count"]
    assert row["created_at"] == at(said["created_at"])
    assert row.get("closed_at") == at(said["closed_at"] or said["rejected_at"])
    assert row.get("threshold_reached_at") == at(said["response_threshold_reached_at"])
    answer = said["government_response"]
    assert row.get("note", "").startswith(answer["summary"].strip() if answer else "")
    assert ("note" in row) == (answer is not None)
    assert (row.get("closing_reason") is not None) == (said["rejection"] is not None)
    assert not said["creator_name"] or said["creator_name"] not in str(row)
