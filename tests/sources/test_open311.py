"""The connector to Open311 servers: on a city in memory in the variants that there are, and on recorded answers."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.apis.open311 import City, fixmystreet, helsinki
from tests.apis.serving import Shelf, serving

from answerable.errors import SourceError
from answerable.gather.live import Item, Row
from answerable.gather.sources.open311 import connector
from answerable.live_settings import Open311Source
from answerable.settings import Service, Settings, Site, Topic

SHARED = Path(__file__).parents[2] / ".." / "shared"
NOW = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)


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


def source_of(server: str = "https://city.example", **said: Any) -> Open311Source:
    base: dict[str, Any] = {
        "id": "city",
        "name": "City",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "connector": "open311",
        "server": server,
        "allow_private_addresses": True,
    }
    return Open311Source(**base | said)


def shelf_of(address: str, **said: Any) -> Shelf:
    return Shelf(connector, source_of(address, **said), settings_of(), {"A_KEY": "a-secret-key"})


def rows_of(payload: Mapping[str, Any], source: Open311Source | None = None) -> list[Row]:
    return list(connector.rows(Item(str(payload["service_request_id"]), payload), source or source_of()))


def row_of(payload: Mapping[str, Any], source: Open311Source | None = None) -> dict[str, Any]:
    (row,) = rows_of(payload, source)
    assert not row.bad
    return {k: v for k, v in row.columns.items() if v is not None}


VARIANTS: dict[str, tuple[City, dict[str, Any]]] = {
    "pages": (City(), {}),
    "pages, the last is an error": (City(has_last_page_only=True), {"page_size": 7}),
    "pages of less than was asked for": (City(cap=10), {}),
    "small pages": (City(), {"page_size": 3}),
    "counted pages": (helsinki(), {"size_parameter": "per_page", "page_size": 4}),
    "no pages, and the same for every page": (City(paging="repeats", cap=10), {}),
    "no pages": (City(paging="repeats", cap=10), {"paging": "none"}),
    "FixMyStreet": (fixmystreet(cap=10), {"paging": "max_requests"}),
    "an old FixMyStreet": (fixmystreet(lists_values=True), {"paging": "max_requests"}),
}


# -- new requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form"),
    # Only the JSON of an old FixMyStreet has lists in the place of values.
    [
        (n, f)
        for n, (api, _) in VARIANTS.items()
        for f in ("json", "xml")
        if f == "json" or not api.lists_values
    ],
)
def test_nothing_is_lost_whatever_the_server_does_with_pages(name: str, form: str) -> None:
    made, said = VARIANTS[name]
    api = City(**{n: getattr(made, n) for n in City.__dataclass_fields__ if n not in ("requests", "asked")})
    # A quiet month, and one hour with so many that a window has to be halved again and again.
    for hour in range(0, 24 * 30, 11):
        api.add(f"Number {hour}", at=NOW - timedelta(hours=hour + 1))
    for minute in range(45):
        api.add(f"Storm {minute}", at=NOW - timedelta(days=9, minutes=minute))
    with serving(api.handle) as address:
        shelf = shelf_of(address, format=form, **said)
        assert shelf.run("discover", NOW)
    assert set(shelf.items) == {str(number) for number in api.requests}
    assert shelf.unreadable == 0


def test_json_and_xml_give_the_same_rows() -> None:
    api = helsinki(zone="Europe/Helsinki", places_are_texts=True, ids_are_numbers=True)
    first = api.add('A hole & a <b>"gap"</b>\r\nbeside it')
    api.add("No place", place=None, agency=None)
    api.now += timedelta(hours=5)
    api.note(first, "We are looking")
    api.now += timedelta(hours=5)
    api.note(first, "Filled")
    api.close(first, "Done")
    rows = {}
    with serving(api.handle) as address:
        for form in ("json", "xml"):
            shelf = shelf_of(address, format=form, extensions=True, timezone="Europe/Helsinki")
            assert shelf.run("discover", api.now + timedelta(hours=1))
            rows[form] = [rows_of(payload, shelf.source) for payload in shelf.items.values()]
    assert rows["json"] == rows["xml"]
    assert [len(found) for found in rows["json"]] == [1, 3]


def test_the_next_gather_overlaps_and_goes_on_where_the_last_one_stopped() -> None:
    api = City()
    for day in range(60):
        api.add(f"Number {day}", at=NOW - timedelta(days=day, hours=1))
    with serving(api.handle) as address:
        shelf = shelf_of(address, overlap_hours=48)
        rounds = 0
        while not shelf.run("discover", NOW, budget=4):
            rounds += 1
        assert rounds >= 2
        assert len(shelf.items) == 60
        api.asked.clear()
        # One that the city entered late, for yesterday.
        late = api.add("Late", at=NOW - timedelta(hours=30))
        assert shelf.run("discover", NOW + timedelta(hours=1))
    assert late in shelf.items
    starts = {asked["start_date"] for _, asked in api.asked}
    assert starts == {f"{NOW - timedelta(hours=48):%Y-%m-%dT%H:%M:%SZ}"}


def test_windows_are_never_longer_than_ninety_days_and_begin_where_it_is_said() -> None:
    api = City()
    api.add("Old", at=NOW - timedelta(days=300))
    floor = NOW - timedelta(days=310)
    with serving(api.handle) as address:
        shelf = shelf_of(address, window_days=90)
        assert shelf.run("discover", NOW, floor=floor)
        assert len(shelf.items) == 1
        api.asked.clear()
        assert shelf.run("discover", NOW, since=NOW - timedelta(days=120), floor=floor)
    assert min(asked["start_date"] for _, asked in api.asked) == "2025-11-01T12:00:00Z"


def test_a_look_back_that_leaves_a_gap_does_not_hide_it() -> None:
    api = City()
    api.add("In the gap", at=NOW + timedelta(days=5))
    later = NOW + timedelta(days=10)
    with serving(api.handle) as address:
        shelf = shelf_of(address, overlap_hours=0)
        assert shelf.run("discover", NOW)
        assert shelf.run("discover", later, since=later - timedelta(days=1))
        assert not shelf.items
        assert shelf.run("discover", later)
    assert len(shelf.items) == 1


def test_what_has_no_identifier_yet_waits_and_the_rest_is_read() -> None:
    api = City(tokens=3)
    api.add("A hole")
    api.now += timedelta(hours=1)
    with serving(api.handle) as address:
        shelf = shelf_of(address)
        assert shelf.run("discover", api.now)
    assert (len(shelf.items), shelf.unreadable) == (1, 0)


def test_an_identifier_that_has_lost_its_digits_is_none() -> None:
    row = {"service_request_id": 1.17e18, "status": "open"}
    with serving(
        lambda *_: (200, {"Content-Type": "application/json"}, json.dumps([row]).encode())
    ) as address:
        shelf = shelf_of(address, paging="none")
        assert shelf.run("discover", NOW, floor=NOW - timedelta(days=1))
    assert (len(shelf.items), shelf.unreadable) == (0, 1)


def test_jurisdiction_and_key_are_sent() -> None:
    api = City(jurisdiction_id="city.example", key="a-secret-key")
    number = api.add("A hole")
    with serving(api.handle) as address:
        shelf = shelf_of(address, jurisdiction_id="city.example", key_env="A_KEY")
        assert shelf.run("discover", NOW + timedelta(hours=1))
        assert shelf.run("refresh", NOW, due=[number])
        with pytest.raises(SourceError) as error:
            shelf_of(address, key_env="A_KEY").run("discover", NOW)
    assert "a-secret-key" not in str(error.value)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Please log in</body></html>",
        b"",
        b"42",
        b'{"message": "moved"}',
        b'{"service_requests": "none"}',
        b'[{"code": 500, "description": "database is down"}]',
        b'{"errors": [{"code": 500, "description": "database is down"}]}',
        b"<errors><error><code>500</code><description>database is down</description></error></errors>",
        b"<service_requests><request>",
        b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><service_requests>&d;</service_requests>',
    ],
)
def test_an_answer_that_is_none_is_an_error_in_words(body: bytes, form: str) -> None:
    with serving(lambda *_: (200, {"Content-Type": "text/plain"}, body)) as address:
        shelf = shelf_of(address, format=form, paging="none")
        with pytest.raises(SourceError) as error:
            shelf.run("discover", NOW, floor=NOW - timedelta(days=1))
    assert error.value.remedy
    assert not shelf.items
    if b"database" in body and (body[:1] == b"<") == (form == "xml"):
        assert "database is down" in error.value.what


def test_a_server_that_pages_for_ever_is_left_when_nothing_is_new() -> None:
    counted = {"X-Page-Count": "99999", "X-Next-Page-URL": "http://elsewhere.example/requests.json?page=2"}
    rows = [{"service_request_id": str(i), "status": "open"} for i in range(10)]
    asked = []

    def handle(*question: Any) -> tuple[int, dict[str, str], bytes]:
        asked.append(question[2])
        return 200, {"Content-Type": "application/json", **counted}, json.dumps(rows).encode()

    with serving(handle) as address:
        assert shelf_of(address).run("discover", NOW, floor=NOW - timedelta(days=1))
    assert len(asked) == 2


# -- changes and deletions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (City(), {}),
        (City(takes_many=False), {}),
        (City(gone="body"), {}),
        (City(cap=20), {"paging": "none"}),
        (helsinki(), {"format": "xml"}),
        (fixmystreet(), {"paging": "max_requests"}),
    ],
)
def test_closures_edits_and_deletions_are_seen(api: City, said: dict[str, Any]) -> None:
    numbers = [api.add(f"Number {i}", at=NOW - timedelta(hours=i)) for i in range(70)]
    api.now += timedelta(hours=1)
    with serving(api.handle) as address:
        shelf = shelf_of(address, **said)
        assert shelf.run("discover", api.now)
        assert set(shelf.items) == set(numbers)
        api.now += timedelta(days=3)
        api.close(numbers[3], "Filled")
        api.edit(numbers[60], "A larger hole")
        api.delete(numbers[10])
        assert shelf.run("refresh", api.now, due=numbers)
    rows = {number: row_of(payload, shelf.source) for number, payload in shelf.items.items()}
    assert set(rows) == set(numbers) - {numbers[10]}
    assert rows[numbers[3]]["closed_at"] == api.now
    assert rows[numbers[60]]["text"] == "A larger hole"
    assert "closed_at" not in rows[numbers[4]]
    if not api.wraps:
        assert rows[numbers[3]]["note"] == "Filled"
    if api.takes_many and api.cap > 50:
        # Only what a list does not bring is asked for alone.
        assert len([path for path, _ in api.asked if path.startswith("/requests/")]) == 1


def test_reopening_takes_the_closing_back() -> None:
    api = City()
    number = api.add("A hole")
    with serving(api.handle) as address:
        shelf = shelf_of(address)
        api.close(number)
        assert shelf.run("sweep", NOW, unswept=[number])
        assert row_of(shelf.items[number])["closed_at"] == NOW
        api.reopen(number)
        assert shelf.run("sweep", NOW, unswept=[number])
    assert "closed_at" not in row_of(shelf.items[number])


def test_a_list_that_lacks_a_request_does_not_end_it() -> None:
    def handle(method: str, path: str, query: str, *rest: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, b"[]"

    for paging in ("page", "max_requests"):
        with serving(handle) as address:
            shelf = shelf_of(address, paging=paging)
            shelf.items = {"1": {}, "2": {}}
            assert shelf.run("sweep", NOW, unswept=["1", "2"])
        assert set(shelf.items) == {"1", "2"}
        assert shelf.checked == ["1", "2"]


def test_a_server_that_ignores_the_list_of_identifiers_is_not_believed() -> None:
    api = City(takes_many=False)
    asked, other = api.add("Asked for"), api.add("Another")
    gone = api.add("Gone")
    api.delete(gone)
    with serving(api.handle) as address:
        shelf = shelf_of(address)
        shelf.items = {gone: {}}
        assert shelf.run("refresh", NOW, due=[asked, gone])
    assert set(shelf.items) == {asked}
    assert other not in shelf.items


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_request_becomes_a_row() -> None:
    row = row_of(
        {
            "service_request_id": 638344,
            "status": "Closed",
            "status_notes": "Duplicate &amp; done.",
            "service_name": "Sidewalk and Curb Issues",
            "service_code": "006",
            "description": "<p>Broken curb</p>",
            "agency_responsible": "Public Works",
            "requested_datetime": "2010-04-14T06:37:38-08:00",
            "updated_datetime": "2010-04-15T06:37:38-08:00",
            "expected_datetime": "2010-04-16T06:37:38-08:00",
            "address": "8TH AVE and JUDAH ST",
            "lat": "37.762221815",
            "long": "-122.4651145",
            "media_url": "http://city.example/638344.jpg",
        },
        source_of(page_url="https://city.example/report/{id}"),
    )
    assert row == {
        "created_at": datetime(2010, 4, 14, 14, 37, 38),  # noqa: DTZ001
        "updated_at": datetime(2010, 4, 15, 14, 37, 38),  # noqa: DTZ001
        "closed_at": datetime(2010, 4, 15, 14, 37, 38),  # noqa: DTZ001
        "status": "Closed",
        "note": "Duplicate & done.",
        "service": "006",
        "title": "Sidewalk and Curb Issues",
        "text": "Broken curb",
        "agency": "Public Works",
        "latitude": 37.762221815,
        "longitude": -122.4651145,
        "url": "https://city.example/report/638344",
    }


def test_times_without_an_offset_are_in_the_zone_of_the_source() -> None:
    payload = {"service_request_id": "1", "requested_datetime": "2012-05-22 23:57:23.97"}
    assert row_of(payload)["created_at"] == datetime(2012, 5, 22, 23, 57, 23, 970_000)  # noqa: DTZ001
    there = source_of(timezone="America/Los_Angeles")
    assert row_of(payload, there)["created_at"] == datetime(2012, 5, 23, 6, 57, 23, 970_000)  # noqa: DTZ001
    wrong = {"service_request_id": "1", "requested_datetime": "2012-05-22T12:00:00Z"}
    local = source_of(timezone="America/Los_Angeles", ignore_offset=True)
    assert row_of(wrong, local)["created_at"] == datetime(2012, 5, 22, 19)  # noqa: DTZ001


def test_a_time_that_is_none_is_told() -> None:
    for value in ("yesterday", "0001-01-01T00:00:00+05:00", 12, True):
        (row,) = rows_of({"service_request_id": "1", "requested_datetime": value})
        assert (row.columns.get("created_at"), row.bad) == (None, {"created_at": str(value)})


def test_no_column_holds_what_is_private() -> None:
    api = fixmystreet()
    api.add("A hole")
    api.now += timedelta(hours=1)
    _, _, body = api.handle("GET", "/requests.json", "start_date=2026-02-27T00:00:00Z", {})
    (payload,) = json.loads(body)["service_requests"]
    said = str(row_of(payload))
    assert payload["requestor_name"] not in said
    assert payload["address"] not in said
    assert row_of(payload)["agency"] == "Roads Dept"


def test_notes_are_replies_in_the_order_of_their_times() -> None:
    notes = [
        {"datetime": "2026-03-02T10:00:00Z", "description": "Filled"},
        {"datetime": "2026-03-01T10:00:00Z", "description": "Seen"},
        {"datetime": "2026-03-01T11:00:00Z", "description": " "},
        "nothing",
    ]
    log = [
        {"time": "2026-03-01T12:00:00Z", "note": "Sent out", "status": "handling", "handler": "a@b.example"}
    ]
    payload = {
        "service_request_id": "x1",
        "status": "open",
        "status_notes": "Filled",
        "agency_responsible": "Roads Dept",
        "notes": notes,
        "extended_attributes": {"log": log, "votes": 3},
    }
    main, *replies = rows_of(payload)
    assert main.columns["note"] is None
    assert main.columns["support_count"] == 3
    assert [(r.record_id, r.columns["text"]) for r in replies] == [
        ("x1/note/1", "Seen"),
        ("x1/note/2", "Sent out"),
        ("x1/note/3", "Filled"),
    ]
    for reply in replies:
        assert reply.columns["is_official"] is True
        assert reply.columns["reply_to_id"] == "x1"
        assert reply.columns["agency"] == "Roads Dept"
        assert "b.example" not in str(reply)


def test_nowhere_is_no_place() -> None:
    for latitude, longitude in ((0, 0), ("0.0", "0.0"), ("", ""), (None, 1), ("NaN", "1"), ("1e999", "2")):
        row = row_of({"service_request_id": "1", "lat": latitude, "long": longitude})
        assert not row.keys() & {"latitude", "longitude"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    [
        *("status", "status_notes", "service_code", "service_name", "title", "description", "lat", "long"),
        *("agency_responsible", "requested_datetime", "updated_datetime", "extended_attributes"),
        *("notes", "log", "datetime", "time", "note", "recipient", "votes"),
    ]
)
objects = st.dictionaries(names, st.dictionaries(names, values, max_size=5) | values, max_size=12)


@given(st.text(min_size=1), objects | st.dictionaries(st.text(), values))
def test_whatever_arrives_is_read(record_id: str, payload: dict[str, Any]) -> None:
    source = source_of(page_url="https://city.example/{id}", timezone="Europe/Helsinki")
    main, *rest = connector.rows(Item(record_id, payload), source)
    assert main.record_id == record_id
    assert len({record_id, *(r.record_id for r in rest)}) == 1 + len(rest)
    for row in (main, *rest):
        assert row.columns.keys() <= set(connector.mapped)


# -- recorded answers --------------------------------------------------------------------------------------------------


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {'/'.join(parts)} beside the project")
    return path


def told(text: str | None, zone: str = "UTC") -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
    return found.astimezone(UTC).replace(tzinfo=None)


def served_rows(body: bytes, kind: str, **said: Any) -> dict[str, dict[str, Any]]:
    def handle(*_: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": kind}, body

    with serving(handle) as address:
        shelf = shelf_of(address, paging="none", **said)
        assert shelf.run("discover", NOW, floor=NOW - timedelta(minutes=1))
    assert shelf.unreadable == 0
    return {number: row_of(payload, shelf.source) for number, payload in shelf.items.items()}


@pytest.mark.parametrize(
    "parts",
    [
        ("samples", "open311", "helsinki_requests.json_extensions_true"),
        ("samples", "open311", "helsinki_requests.json_status_closed"),
        ("samples", "open311", "klarschiff_rostock_requests.json"),
        ("data", "open311-mocks-2012", "bloomington_requests.json"),
    ],
)
def test_recorded_json(parts: tuple[str, ...]) -> None:
    body = shared(*parts).read_bytes()
    rows = served_rows(body, "application/json")
    recorded = json.loads(body)
    assert len(rows) == len(recorded)
    for entry in recorded:
        row = rows[str(entry["service_request_id"])]
        assert row["created_at"] == told(entry["requested_datetime"])
        assert row["updated_at"] == told(entry["updated_datetime"])
        assert row.get("closed_at") == (
            told(entry["updated_datetime"]) if entry["status"] == "closed" else None
        )
        assert (row["service"], row["title"]) == (entry["service_code"], entry["service_name"])
        assert row.get("note") == (entry.get("status_notes") or None)
        assert row.get("agency") == (entry["agency_responsible"] or None)
        is_somewhere = entry["lat"] and entry["long"]
        assert row.get("latitude") == (float(entry["lat"]) if is_somewhere else None)
        assert "".join(row.get("text", "").split()) == "".join((entry["description"] or "").split())
        assert not entry.get("address") or entry["address"] not in str(row)


def test_recorded_xml_of_a_city_without_offsets() -> None:
    body = shared("data", "open311-mocks-2012", "san_francisco_requests.xml").read_bytes()
    rows = served_rows(body, "application/xml", format="xml", timezone="America/Los_Angeles")
    recorded = ET.fromstring(body)
    assert len(rows) == len(recorded) == 56
    for entry in recorded:
        held = {child.tag: (child.text or "").strip() for child in entry}
        row = rows[held["service_request_id"]]
        assert row["created_at"] == told(held["requested_datetime"], "America/Los_Angeles")
        assert row.get("updated_at") == told(held["updated_datetime"], "America/Los_Angeles")
        assert row["status"] == held["status"]
        assert ("closed_at" in row) == (held["status"] == "Closed" and bool(held["updated_datetime"]))
        assert row.get("latitude", 0.0) == float(held["lat"])
        assert row.get("text") == (held["description"] or None)


def test_recorded_xml_and_json_of_one_server_agree() -> None:
    folder = ("samples", "open311")
    in_json = served_rows(
        shared(*folder, "helsinki_requests.json_extensions_true").read_bytes(), "application/json"
    )
    in_xml = served_rows(
        shared(*folder, "helsinki_requests.xml_per_page_2").read_bytes(), "application/xml", format="xml"
    )
    assert len(in_xml) == 2
    assert in_xml == {number: in_json[number] for number in in_xml}


def test_recorded_rows_of_a_dashboard() -> None:
    fixture = json.loads(shared("data", "open311-sf-2011", "test.json").read_bytes())
    recorded = [entry["fields"] for entry in fixture if entry["model"] == "dashboard.request"]
    rows = served_rows(json.dumps(recorded).encode(), "application/json", timezone="America/Los_Angeles")
    assert len(rows) == 500
    closed = [row for row in rows.values() if "closed_at" in row]
    assert len(closed) == sum(e["status"] == "Closed" for e in recorded) == 371
    for entry in recorded:
        row = rows[entry["service_request_id"]]
        assert row["created_at"] == told(entry["requested_datetime"], "America/Los_Angeles")
        assert row.get("latitude", 0) == entry["lat"]
