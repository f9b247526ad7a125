"""Rows of a CKAN data store, on servers that page by number and on those that page by offset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.apis.ckan import CkanPortal
from tests.apis.serving import serving

from answerable.live_settings import CkanSource

SAMPLE = Path(__file__).parents[2] / ".." / "shared" / "samples" / "ckan" / "ckan_datastore_search_local.json"
MAPPING = {"record_id": "request_id", "created_at": "opened", "status": "status", "text": "text"}


@pytest.fixture(params=[(2, 12), (2, 10)], ids=["2.12", "2.10"])
def portal(request: pytest.FixtureRequest) -> CkanPortal:
    found = CkanPortal(("request_id", "opened", "status", "text"), version=request.param)
    for n in range(1, 251):
        found.add(request_id=f"R{n}", opened="2026-02-01T08:00:00", status="open", text=f"Pothole {n}")
    return found


@pytest.fixture
def at_portal(portal: CkanPortal, project: Any) -> Iterator[Any]:
    """The project with a source that asks the portal."""
    with serving(portal.handle) as address:
        project.add(
            "ckan",
            server=address,
            resource_id=portal.resource,
            kind="service_request",
            allow_private_addresses=True,
            columns=dict(MAPPING),
            page_size=60,
            closed_statuses=["closed"],
            open_statuses=["open"],
        )
        yield project


def held(project: Any) -> dict[str, str]:
    return {r["record_id"]: r["status"] for r in project.rows("feedback")}


def test_all_rows_then_only_those_at_the_end(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    (receipt,) = at_portal.gather(now=at("2026-03-01T12:00"))
    assert (receipt.result, receipt.message, receipt.new_count) == ("changed", None, 250)
    pages = [a for a in portal.asked if a["limit"] != "0"]
    assert len(pages) in (5, 6)
    portal.asked.clear()
    portal.add(request_id="R251", opened="2026-03-01T08:00:00", status="open")
    at_portal.sources[0]["requests"] = {"refresh": 0}
    (receipt,) = at_portal.gather(now=at("2026-03-01T13:00"))
    assert (receipt.new_count, receipt.gone_count) == (1, 0)
    assert len([a for a in portal.asked if a["limit"] != "0"]) <= 3


def test_open_rows_are_asked_again(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    at_portal.gather(now=at("2026-03-01T12:00"))
    portal.change({"request_id": "R7"}, status="closed")
    at_portal.gather(now=at("2026-03-01T13:00"))
    assert held(at_portal)["R7"] == "closed"


def test_a_deleted_row_is_gone_when_the_table_became_smaller(
    at_portal: Any, portal: CkanPortal, at: Any
) -> None:
    at_portal.gather(now=at("2026-03-01T12:00"))
    portal.delete(request_id="R3")
    at_portal.gather(now=at("2026-03-01T13:00"))
    at_portal.gather(now=at("2026-03-01T14:00"))
    assert "R3" not in held(at_portal)
    assert len(held(at_portal)) == 249


def test_one_deleted_and_one_added_is_seen_in_time(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    at_portal.gather(now=at("2026-03-01T12:00"))
    portal.delete(request_id="R3")
    portal.add(request_id="R251", opened="2026-03-01T08:00:00", status="open")
    at_portal.gather(now=at("2026-03-01T13:00"))
    assert {"R3", "R251"} <= held(at_portal).keys()
    at_portal.gather(now=at("2026-03-09T13:00"))
    assert "R3" not in held(at_portal)


def test_a_table_that_was_loaded_anew_newest_first_is_read_whole(
    at_portal: Any, portal: CkanPortal, at: Any
) -> None:
    at_portal.gather(now=at("2026-03-01T12:00"))
    newer = {"request_id": "R251", "opened": "2026-03-01T08:00:00", "status": "open", "text": "New"}
    portal.load_anew([newer, *reversed(portal.rows)])
    (receipt,) = at_portal.gather(now=at("2026-03-01T13:00"))
    # The rows got other numbers, and are the same rows.
    assert (receipt.new_count, receipt.changed_count, receipt.gone_count) == (1, 0, 0)


def test_a_table_that_is_empty_for_a_while_takes_nothing_away(
    at_portal: Any, portal: CkanPortal, at: Any
) -> None:
    at_portal.gather(now=at("2026-03-01T12:00"))
    portal.load_anew([])
    at_portal.gather(now=at("2026-03-01T13:00"))
    (receipt,) = at_portal.gather(now=at("2026-03-09T13:00"))
    assert "no rows now" in receipt.message
    assert len(held(at_portal)) == 250


def test_a_reading_that_is_cut_off_goes_on(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    at_portal.sources[0]["requests"] = {"discover": 3, "refresh": 0, "sweep": 0}
    counts = []
    for hour in range(12):
        at_portal.gather(now=at(f"2026-03-01T{hour:02}:00"))
        counts.append(len(held(at_portal)))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == 250


def test_a_server_that_gives_fewer_rows_than_asked(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    portal.rows_max = 33
    assert at_portal.gather(now=at("2026-03-01T12:00"))[0].new_count == 250


def test_a_large_table_is_swept_by_its_identifiers(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    at_portal.sources[0]["requests"] = {"sweep": 4}
    at_portal.gather(now=at("2026-03-01T12:00"))
    portal.delete(request_id="R3")
    portal.asked.clear()
    at_portal.gather(now=at("2026-03-09T13:00"))
    assert "R3" not in held(at_portal)
    assert {a["fields"] for a in portal.asked if "fields" in a} == {"_id,request_id"}


def test_filters_are_sent(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    portal.add(request_id="X1", opened="2026-02-01T08:00:00", status="spam")
    at_portal.sources[0]["filters"] = {"status": "spam"}
    at_portal.gather(now=at("2026-03-01T12:00"))
    assert held(at_portal) == {"X1": "spam"}


def test_rows_by_their_number(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    at_portal.sources[0]["columns"]["record_id"] = "_id"
    at_portal.gather(now=at("2026-03-01T12:00"))
    assert "250" in held(at_portal)
    portal.change({"_id": 7}, status="closed")
    at_portal.gather(now=at("2026-03-01T13:00"))
    assert held(at_portal)["7"] == "closed"


def test_a_column_that_the_table_lacks_is_named(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    at_portal.sources[0]["columns"]["text"] = "tekst"
    (receipt,) = at_portal.gather(now=at("2026-03-01T12:00"))
    assert "no column tekst" in receipt.message


def test_refusals(at_portal: Any, portal: CkanPortal, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_portal.sources[0]["resource_id"] = "another"
    assert 'Resource "another" was not found' in at_portal.gather(now=at("2026-03-01T12:00"))[0].message
    portal.token = "a-long-api-token"
    assert "Access denied" in at_portal.gather(now=at("2026-03-01T12:00"))[0].message
    at_portal.sources[0] |= {"resource_id": portal.resource, "token_env": "CKAN_TOKEN"}
    monkeypatch.setenv("CKAN_TOKEN", portal.token)
    assert at_portal.gather(now=at("2026-03-01T12:00"))[0].new_count == 250


@pytest.mark.parametrize(
    "value",
    [[], {"success": True}, {"success": True, "result": {"records": {}}}],
    ids=["list", "none", "object"],
)
def test_an_answer_of_another_shape_fails_the_source(project: Any, value: Any) -> None:
    body = json.dumps(value).encode()
    with serving(lambda *_: (200, {"Content-Type": "application/json"}, body)) as address:
        project.add(
            "ckan",
            server=address,
            resource_id="a",
            kind="service_request",
            allow_private_addresses=True,
            columns=MAPPING,
        )
        assert project.gather()[0].result == "failed"


def test_the_same_page_again_and_again_ends(at_portal: Any, portal: CkanPortal, at: Any) -> None:
    rows = portal.rows[:60]
    portal._search = lambda asked: {  # type: ignore[method-assign]
        "records": rows if asked["limit"] != "0" else [],
        "fields": [],
        "total": 250,
        "include_next_page": True,
        "next_page": {"_id": {"gt": 60}},
    }
    (receipt,) = at_portal.gather(now=at("2026-03-01T12:00"))
    assert "the same page again" in receipt.message
    assert len(portal.asked) < 6


def test_a_start_is_refused_in_the_settings() -> None:
    source = {
        "id": "a",
        "name": "A",
        "connector": "ckan",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "server": "https://portal.example",
        "resource_id": "a",
        "kind": "service_request",
        "columns": {"record_id": "a", "created_at": "b"},
    }
    with pytest.raises(ValidationError, match="use filters"):
        CkanSource.model_validate(source | {"start_on": "2026-01-01"})


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the recorded answer is not beside the project")
def test_the_recorded_answer(project: Any) -> None:
    """What a CKAN 2.12 gave; its first page is cut to three rows, and the next one is empty here."""
    first = json.loads(SAMPLE.read_text("utf-8"))
    asked: list[str] = []

    def handle(method: str, path: str, query: str, *_: Any) -> tuple[int, dict[str, str], bytes]:
        asked.append(query)
        value = first if "gt" not in query else first | {"result": first["result"] | {"records": []}}
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()

    with serving(handle) as address:
        project.add(
            "ckan",
            server=address,
            resource_id=first["result"]["resource_id"],
            kind="service_request",
            allow_private_addresses=True,
            columns={
                "record_id": "request_id",
                "created_at": "updated",
                "status": "status",
                "text": "text",
                "note": "response",
            },
        )
        (receipt,) = project.gather()
    assert receipt.message is None
    assert {r["record_id"]: r["text"] for r in project.rows("feedback")} == {
        r["request_id"]: r["text"] for r in first["result"]["records"]
    }
    assert "%22gt%22%3A+100" in asked[-1] or "%22gt%22%3A%20100" in asked[-1]
