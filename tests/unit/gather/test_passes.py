"""The passes over live sources: what is kept, what is told, what is gone, and who is held up (nobody)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.gathering import Project
from tests.live import Query, served

from answerable.gather.sync import Receipt

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


class City:
    """A small Open311 server: requests by id."""

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, Query]] = []
        self.is_down = False
        self.hangs = threading.Event()

    def add(self, number: int, at: datetime, **fields: Any) -> None:
        self.requests[str(number)] = {
            "service_request_id": str(number),
            "status": "open",
            "service_code": "pothole",
            "service_name": "Pothole",
            "description": f"A hole in the road, number {number}",
            "requested_datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "updated_datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        } | fields

    def change(self, number: int, at: datetime, **fields: Any) -> None:
        self.requests[str(number)] |= fields | {"updated_datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}

    def __call__(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        self.asked.append((path, query))
        if self.is_down:
            return 500, {}, b"down"
        values = dict(query)
        if path.startswith("/requests/"):
            found = [r for n, r in self.requests.items() if path == f"/requests/{n}.json"]
            return (200 if found else 404), {"Content-Type": "application/json"}, json.dumps(found).encode()
        found = list(self.requests.values())
        if "service_request_id" in values:
            wanted = values["service_request_id"].split(",")
            found = [r for r in found if r["service_request_id"] in wanted]
        else:
            since, until = values.get("start_date", ""), values.get("end_date", "9")
            found = [r for r in found if since <= r["requested_datetime"] <= until]
            size = int(values.get("page_size", 1000))
            page = int(values.get("page", 1))
            found = found[(page - 1) * size : page * size]
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


@pytest.fixture
def city() -> City:
    return City()


@pytest.fixture
def live(project: Project, city: City) -> Iterator[Project]:
    with served(city) as address:
        project.add(
            "open311",
            id="city",
            name="City",
            server=address,
            allow_private_addresses=True,
            start_on="2026-02-01",
            sweep_days=1,
            timezone="UTC",
        )
        yield project


def updates(project: Project, record_id: str) -> list[tuple[str, str | None, str | None]]:
    feedback = {r["record_id"]: r["feedback_id"] for r in project.rows("feedback")}
    rows = project.rows("feedback_update", feedback_id=feedback[record_id])
    ordered = sorted(rows, key=lambda r: (r["at"], r["kind"]))
    return [(r["kind"], r["status"], r["text"]) for r in ordered]


def one(receipts: tuple[Receipt, ...]) -> Receipt:
    assert len(receipts) == 1
    return receipts[0]


def test_what_is_new_changed_and_gone(live: Project, city: City) -> None:
    city.add(1, DAY - timedelta(hours=5))
    city.add(2, DAY - timedelta(hours=4))
    receipt = one(live.gather(now=DAY))
    assert (receipt.result, receipt.new_count, receipt.feedback_count) == ("changed", 2, 2)
    assert receipt.as_of_at == DAY.replace(tzinfo=None)

    city.change(1, DAY + timedelta(minutes=30), status_notes="Planned for May")
    city.add(3, DAY + timedelta(minutes=31))
    receipt = one(live.gather(now=DAY + timedelta(hours=1)))
    assert (receipt.new_count, receipt.feedback_count) == (1, 3)

    city.change(1, DAY + timedelta(hours=2), status="closed", status_notes="Filled")
    one(live.gather(now=DAY + timedelta(hours=3)))
    # The note that was there before is an answer of its own, at its own time.
    assert ("replied", "open", "Planned for May") in updates(live, "1")
    assert ("replied", "closed", "Filled") in updates(live, "1")

    city.change(1, DAY + timedelta(hours=4), status="open")
    one(live.gather(now=DAY + timedelta(hours=5)))
    kinds = [kind for kind, _, _ in updates(live, "1")]
    assert kinds.count("closed") == 1
    assert "reopened" in kinds
    assert live.rows("feedback", record_id="1")[0]["closed_at"] is None

    del city.requests["2"]
    receipt = one(live.gather(now=DAY + timedelta(days=3)))
    assert (receipt.gone_count, receipt.feedback_count) == (1, 2)
    content = b"".join(p.read_bytes() for p in (live.folder / "build").rglob("answerable.duckdb*"))
    assert b"number 3" in content


def test_nothing_new_moves_the_date_and_writes_no_rows(live: Project, city: City) -> None:
    city.add(1, DAY - timedelta(hours=5))
    live.gather(now=DAY)
    before = live.rows("feedback")
    receipt = one(live.gather(now=DAY + timedelta(hours=1)))
    assert receipt.result == "unchanged"
    assert live.rows("source")[0]["as_of_at"] == (DAY + timedelta(hours=1)).replace(tzinfo=None)
    assert live.rows("feedback") == before


def test_an_edit_is_seen_in_the_timeline(live: Project, city: City) -> None:
    city.add(1, DAY - timedelta(hours=5))
    live.gather(now=DAY)
    city.change(1, DAY + timedelta(minutes=5), description="A very deep hole")
    live.gather(now=DAY + timedelta(hours=1))
    assert [kind for kind, _, _ in updates(live, "1")] == ["opened", "edited"]
    assert live.rows("feedback")[0]["text"] == "A very deep hole"


def test_a_budget_cuts_a_pass_off_and_the_next_gather_goes_on(live: Project, city: City) -> None:
    for number in range(40):
        city.add(number, DAY - timedelta(days=27) + timedelta(hours=12 * number))
    live.sources[0] |= {"requests": {"discover": 2, "refresh": 0, "sweep": 0}}
    counts = []
    for hour in range(8):
        receipt = one(live.gather(now=DAY + timedelta(hours=hour)))
        counts.append(receipt.feedback_count)
        row = live.rows("source")[0]
        if row["is_complete"]:
            break
        assert receipt.message is not None
        assert "discover was cut off" in receipt.message
    assert counts[0] < 40
    assert counts[-1] == 40
    assert counts == sorted(counts)


def test_a_source_that_is_down_keeps_its_last_good_data_and_spoils_no_other(
    live: Project, city: City
) -> None:
    other = City()
    other.add(7, DAY - timedelta(hours=1))
    city.add(1, DAY - timedelta(hours=5))
    with served(other) as address:
        live.add(**(live.sources[0] | {"id": "other", "server": address}))
        live.gather(now=DAY)
        city.is_down = True
        other.add(8, DAY + timedelta(minutes=1))
        first, second = live.gather(now=DAY + timedelta(hours=1))
    assert (first.result, first.feedback_count) == ("failed", 1)
    assert first.message is not None
    assert "127.0.0.1" in first.message
    assert (second.result, second.feedback_count) == ("changed", 2)
    rows = {r["source_id"]: r for r in live.rows("source")}
    assert rows["city"]["is_stale"]
    assert not rows["other"]["is_stale"]
    assert rows["city"]["as_of_at"] == DAY.replace(tzinfo=None)


def test_a_list_that_lost_most_of_what_is_held_takes_nothing_out(project: Project) -> None:
    rows = [{"id": n, "at": f"2026-02-{n % 27 + 1:02d}T08:00:00", "_id": n} for n in range(1, 61)]

    def portal(
        method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        values = dict(query)
        start = int(values.get("offset", 0))
        part = rows[start : start + int(values.get("limit", 100))]
        result = {"records": part, "total": len(rows), "fields": [{"id": n} for n in ("_id", "id", "at")]}
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"success": True, "result": result}).encode(),
        )

    with served(portal) as address:
        project.add(
            "ckan",
            id="table",
            server=address,
            allow_private_addresses=True,
            kind="service_request",
            resource_id="r",
            columns={"record_id": "id", "created_at": "at"},
        )
        assert one(project.gather(now=DAY)).feedback_count == 60
        del rows[:50]
        receipt = one(project.gather(now=DAY + timedelta(days=9)))
        assert receipt.feedback_count == 60
        assert receipt.message is not None
        assert "10 of the 60" in receipt.message


def test_a_change_of_settings_asks_nobody_again(live: Project, city: City) -> None:
    city.add(1, DAY - timedelta(hours=5), agency_responsible="Water Board")
    live.gather(now=DAY)
    asked = len(city.asked)
    live.agencies[1]["names"] = ["Streets"]
    receipt = one(live.gather(now=DAY, is_asking=False))
    assert receipt.result == "changed"
    assert len(city.asked) == asked


def test_another_server_is_another_source(live: Project, city: City, tmp_path: Path) -> None:
    city.add(1, DAY - timedelta(hours=5))
    live.gather(now=DAY)
    other = City()
    other.add(9, DAY - timedelta(hours=1))
    with served(other) as address:
        live.sources[0]["server"] = address
        live.gather(now=DAY + timedelta(hours=1))
    assert [r["record_id"] for r in live.rows("feedback")] == ["9"]


def test_a_dry_run_asks_nothing(live: Project, city: City) -> None:
    from answerable.build import plan_gather

    with live.store():
        pass
    steps = list(plan_gather(live.folder))
    assert [(source, name) for source, name, _ in steps] == [
        ("city", "discover"),
        ("city", "refresh"),
        ("city", "sweep"),
    ]
    assert "GET" in steps[0][2]
    assert "requests.json" in steps[0][2]
    assert steps[1][2] == steps[2][2] == "nothing"
    assert city.asked == []
