"""A build that asks nobody (`answerable build --offline`) says nothing new of a live source."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.apis.open311 import City
from tests.apis.serving import serving
from tests.gathering import Project

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_source_that_is_down_stays_stale_when_nobody_asks(project: Project) -> None:
    city = City(now=DAY.replace(tzinfo=None))
    city.add("A hole in the road", at=city.now - timedelta(hours=5))
    is_down = False

    def handle(*asked: object) -> tuple[int, dict[str, str], bytes]:
        if is_down:
            return 404, {"Content-Type": "application/json"}, json.dumps({"error": "moved"}).encode()
        return city.handle(*asked)  # type: ignore[arg-type]

    with serving(handle) as address:
        project.add("open311", id="city", server=address, allow_private_addresses=True, start_on="2026-02-20")
        project.gather(now=DAY)
        is_down = True
        (failed,) = project.gather(now=DAY + timedelta(days=1))
    assert failed.result == "failed"
    (before,) = project.rows("source")
    assert before["is_stale"]

    (receipt,) = project.gather(now=DAY + timedelta(days=2), is_asking=False)
    assert (receipt.result, receipt.feedback_count) == ("unchanged", 1)
    # With other settings the tables are made anew from what is held; that is no newer either.
    project.sources[0]["name"] = "The city"
    project.gather(now=DAY + timedelta(days=3), is_asking=False)
    (after,) = project.rows("source")
    same = ("is_stale", "stale_reason", "last_success_at", "as_of_at", "feedback_count")
    assert {n: after[n] for n in same} == {n: before[n] for n in same}
    assert after["name"] == "The city"
    assert project.findings()["source_failed"] == 1
    last = max(project.rows("source_run"), key=lambda run: run["started_at"])
    assert (last["result"], last["message"]) == ("failed", failed.message)


def test_a_source_that_was_never_asked_is_not_called_read(project: Project) -> None:
    project.add("open311", id="city", server="https://city.example", timezone="UTC")
    project.gather(now=DAY, is_asking=False)
    (source,) = project.rows("source")
    assert source["last_success_at"] is None
    assert source["as_of_at"] is None
