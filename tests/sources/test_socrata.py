"""Rows of a Socrata dataset: paged by key, read again when they change, through both versions of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.apis.serving import serving
from tests.apis.socrata import SocrataPortal

from answerable.gather.tabular import record_id
from answerable.live_settings import SocrataSource

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "socrata"
COLUMNS = ("case_no", "opened", "closed", "state", "told")
MAPPING = {
    "record_id": "case_no",
    "created_at": "opened",
    "closed_at": "closed",
    "status": "state",
    "text": "told",
}


@pytest.fixture
def portal() -> SocrataPortal:
    found = SocrataPortal(COLUMNS)
    for n in range(1, 26):
        found.add(case_no=str(n), opened="2026-02-01T08:00:00.000", state="Open", told=f"Pothole {n}")
    return found


@pytest.fixture
def at_portal(portal: SocrataPortal, project: Any) -> Iterator[Any]:
    """The project with a source that asks the portal."""
    with serving(portal.handle) as address:
        project.add(
            "socrata",
            server=address,
            dataset=portal.dataset,
            kind="service_request",
            allow_private_addresses=True,
            columns=dict(MAPPING),
            page_size=10,
            closed_statuses=["Closed"],
            open_statuses=["Open"],
        )
        yield project


def held(project: Any) -> dict[str, str]:
    return {r["record_id"]: r["status"] for r in project.rows("feedback")}


def test_all_rows_are_read_by_key_and_then_only_what_changed(at_portal: Any, portal: SocrataPortal) -> None:
    (receipt,) = at_portal.gather(now=portal.now)
    assert (receipt.result, receipt.message, receipt.new_count) == ("changed", None, 25)
    assert held(at_portal) == {str(n): "Open" for n in range(1, 26)}
    assert all("$offset" not in asked for _, asked in portal.asked)
    portal.pass_time(days=3)
    portal.change({"case_no": "7"}, state="Closed", closed=portal._at()[:-1])
    portal.add(case_no="26", opened="2026-03-04T08:00:00.000", state="Open")
    portal.asked.clear()
    (receipt,) = at_portal.gather(now=portal.now)
    assert (receipt.new_count, receipt.changed_count, receipt.gone_count) == (1, 1, 0)
    assert held(at_portal)["7"] == "Closed"
    assert all(":updated_at >=" in asked["$where"] for _, asked in portal.asked)
    (row,) = at_portal.rows("feedback", record_id="7")
    assert row["closed_at"] == portal.now


def test_a_column_that_no_row_fills_is_there_all_the_same(at_portal: Any, portal: SocrataPortal) -> None:
    # No row is closed: the answers do not name the column at all.
    assert at_portal.gather(now=portal.now)[0].message is None


def test_a_column_that_the_dataset_lacks_is_named(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.sources[0]["columns"]["text"] = "tolt"
    (receipt,) = at_portal.gather(now=portal.now)
    assert receipt.result == "failed"
    assert "No such column: tolt" in receipt.message


def test_a_walk_that_is_cut_off_goes_on_where_it_stopped(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.sources[0]["requests"] = {"discover": 2, "refresh": 0, "sweep": 0}
    for expected in (10, 25, 25):
        at_portal.gather(now=portal.now)
        assert len(held(at_portal)) == expected
        portal.pass_time(hours=1)


def test_rows_of_one_instant_are_all_read(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.gather(now=portal.now)
    portal.pass_time(days=5)
    for n in range(1, 26):
        portal.change({"case_no": str(n)}, state="Closed", closed="2026-03-06T08:00:00.000")
    assert at_portal.gather(now=portal.now)[0].changed_count == 25


def test_a_deleted_row_is_gone_after_the_sweep(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.gather(now=portal.now)
    portal.delete(case_no="3")
    portal.pass_time(days=8)
    at_portal.gather(now=portal.now)
    assert "3" not in held(at_portal)
    assert len(held(at_portal)) == 24


def test_a_table_that_is_empty_for_a_while_takes_nothing_away(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.gather(now=portal.now)
    portal.rows.clear()
    portal.pass_time(days=8)
    (receipt,) = at_portal.gather(now=portal.now)
    assert receipt.result == "failed"
    assert "no rows now, although 25 are held" in receipt.message
    assert len(held(at_portal)) == 25


def test_a_table_that_is_loaded_anew_has_not_changed(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.gather(now=portal.now)
    portal.pass_time(days=8)
    portal.load_anew()
    (receipt,) = at_portal.gather(now=portal.now)
    assert (receipt.new_count, receipt.changed_count, receipt.gone_count) == (0, 0, 0)
    with at_portal.store() as store:
        assert not list(store.records.revised("portal"))


def test_a_look_back_reads_old_changes_again(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.gather(now=portal.now)
    portal.asked.clear()
    at_portal.gather(now=portal.now, since=portal.now - timedelta(days=400))
    assert "2025-01-25" in portal.asked[0][1]["$where"]


def test_only_rows_since_the_first_day_and_of_the_condition(at_portal: Any, portal: SocrataPortal) -> None:
    portal.add(case_no="90", opened="2025-12-31T23:59:59.000", state="Open")
    portal.add(case_no="91", opened="2026-02-01T08:00:00.000", state="Spam")
    at_portal.sources[0] |= {"start_on": "2026-01-01", "where": "state = 'Open'"}
    at_portal.gather(now=portal.now)
    assert len(held(at_portal)) == 25


def test_version_3_reads_the_same(
    at_portal: Any, portal: SocrataPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_TOKEN", portal.token)
    at_portal.sources[0] |= {"version": "3", "token_env": "PORTAL_TOKEN"}
    assert at_portal.gather(now=portal.now)[0].new_count == 25
    portal.pass_time(days=9)
    portal.change({"case_no": "7"}, state="Closed")
    portal.delete(case_no="8")
    (receipt,) = at_portal.gather(now=portal.now)
    assert (receipt.changed_count, receipt.gone_count) == (1, 1)
    assert {path for path, _ in portal.asked} == {f"/api/v3/views/{portal.dataset}/query.json"}


def test_version_3_needs_a_token(at_portal: Any, portal: SocrataPortal) -> None:
    at_portal.sources[0]["version"] = "3"
    (receipt,) = at_portal.gather(now=portal.now)
    assert "needs an app token" in receipt.message
    assert not portal.asked


def test_a_refusal_is_told_without_the_token(
    at_portal: Any, portal: SocrataPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.is_private = True
    monkeypatch.setenv("PORTAL_TOKEN", "wrong-token-4711")
    at_portal.sources[0]["token_env"] = "PORTAL_TOKEN"
    (receipt,) = at_portal.gather(now=portal.now)
    assert "You must be logged in to access this resource" in receipt.message
    assert "wrong-token" not in receipt.message


@pytest.mark.parametrize("value", [{"rows": []}, [{"case_no": "1"}]], ids=["object", "without :id"])
def test_an_answer_of_another_shape_fails_the_source(project: Any, portal: SocrataPortal, value: Any) -> None:
    body = json.dumps(value).encode()
    with serving(lambda *_: (200, {"Content-Type": "application/json"}, body)) as address:
        project.add(
            "socrata",
            server=address,
            dataset="abcd-1234",
            kind="service_request",
            allow_private_addresses=True,
            columns=MAPPING,
        )
        assert project.gather(now=portal.now)[0].result == "failed"


def test_the_same_page_again_and_again_ends(at_portal: Any, portal: SocrataPortal) -> None:
    portal._holds = lambda *_: True  # type: ignore[method-assign]
    (receipt,) = at_portal.gather(now=portal.now)
    assert "the same page again" in receipt.message
    assert len(portal.asked) < 5


def test_start_on_needs_one_column() -> None:
    source: dict[str, Any] = {
        "id": "a",
        "name": "A",
        "connector": "socrata",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "server": "https://portal.example",
        "dataset": "abcd-1234",
        "kind": "service_request",
        "columns": {"record_id": "a", "created_at": {"column": ["day", "hour"]}},
    }
    SocrataSource.model_validate(source)
    with pytest.raises(ValidationError, match="use `where`"):
        SocrataSource.model_validate(source | {"start_on": "2026-01-01"})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"a": "x", "b": "y"}, "x: y"),
        ({"a": " x ", "b": None}, "x"),
        ({"a": 12345678901234567890, "b": ""}, "12345678901234567890"),
        ({"a": 1.0, "b": "y"}, None),
        ({"a": "none", "b": ""}, None),
        ({"b": "12.0"}, "12"),
    ],
)
def test_several_columns_identify_a_row(row: dict[str, Any], expected: str | None) -> None:
    source = SocrataSource.model_validate(
        {
            "id": "a",
            "name": "A",
            "connector": "socrata",
            "licence": {"name": "CC0"},
            "publish_rows": True,
            "server": "https://portal.example",
            "dataset": "abcd-1234",
            "kind": "service_request",
            "columns": {"record_id": {"column": ["a", "b"], "missing": ["none"]}, "created_at": "c"},
        }
    )
    assert record_id(row, source) == expected


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded answers are not beside the project")
def test_recorded_pages(project: Any) -> None:
    """Rows as a portal gave them: without :id, which these old recordings did not ask for, so it is put in."""
    pages = [json.loads((SAMPLES / f"bike_counts_page_{n}.json").read_text("utf-8")) for n in (1, 2)]
    portal = SocrataPortal(("id", "date", "counts", "status"))
    for row in (row for page in pages for row in page):
        portal.add(**row)
    with serving(portal.handle) as address:
        project.add(
            "socrata",
            server=address,
            dataset=portal.dataset,
            kind="service_request",
            allow_private_addresses=True,
            columns={"record_id": {"column": ["id", "date"], "separator": "/"}, "created_at": "date"},
        )
        project.gather(now=portal.now)
    rows = project.rows("feedback")
    assert len(rows) == len({(r["id"], r["date"]) for page in pages for r in page}) > 1000
    assert rows[0]["created_at"] == datetime.fromisoformat(rows[0]["record_id"].partition("/")[2])


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded answers are not beside the project")
def test_the_recorded_refusal(project: Any) -> None:
    body = (SAMPLES / "403_response_json.txt").read_bytes()
    with serving(lambda *_: (403, {"Content-Type": "application/json"}, body)) as address:
        project.add(
            "socrata",
            server=address,
            dataset="abcd-1234",
            kind="service_request",
            allow_private_addresses=True,
            columns=MAPPING,
        )
        message = project.gather()[0].message
    assert json.loads(body)["message"] in message
