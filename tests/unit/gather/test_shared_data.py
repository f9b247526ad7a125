"""Real files, where they are at hand: what is known of them is found in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not at hand")


@needs_shared
def test_san_francisco(project: Any) -> None:
    project.site |= {
        "timezone": "America/Los_Angeles",
        "areas": {"file": str((SHARED / "boundaries/san-francisco.geojson").resolve())},
    }
    project.add(
        path=str((SHARED / "sf311-2008-2018/311_service_requests.csv").resolve()),
        ignore_offset=True,
        update_history="latest_only",
        closed_statuses=["Closed"],
        open_statuses=["Open"],
        columns={
            "record_id": "unique_key",
            "created_at": "created_date",
            "closed_at": "closed_date",
            "updated_at": "resolution_action_updated_date",
            "status": "status",
            "note": "status_notes",
            "service": "category",
            "latitude": "latitude",
            "longitude": "longitude",
        },
    )
    (receipt,) = project.gather()
    assert receipt.feedback_count == 10_000
    rows = project.rows("feedback")
    assert sum(r["closed_at"] is None for r in rows) == 370
    assert sum(r["latitude"] is None for r in rows) == 4_264
    found = project.findings()
    assert (found["closed_before_created"], found["place_missing"], found["place_outside"]) == (17, 4_264, 3)
    assert "row_unreadable" not in found
    notes = project.rows("feedback_update", kind="replied")
    assert len(notes) == 6_699
    assert all(n["is_at_latest"] for n in notes)


@needs_shared
def test_posts_to_support_accounts(project: Any) -> None:
    project.add(
        path=str((SHARED / "twcs-5000/twcs.csv").resolve()),
        kind="post",
        columns={
            "record_id": "tweet_id",
            "created_at": {"column": "created_at", "format": "%a %b %d %H:%M:%S %z %Y"},
            "text": "text",
            "author": "author_id",
            "is_official": {"column": "inbound", "values": {"True": "false", "False": "true"}},
            "reply_to_id": "in_response_to_tweet_id",
        },
    )
    project.gather()
    rows = {r["record_id"]: r for r in project.rows("feedback")}
    official = [r for r in rows.values() if r["is_official"]]
    assert (len(rows), len(official)) == (4_999, 2_222)
    assert sum(r["reply_to_id"] is None for r in official) == 21
    found = project.findings()
    assert (found["reply_without_parent"], found["row_unreadable"]) == (4, 2)

    def root(name: str) -> str:
        people = name if not rows[name]["is_official"] else None
        top = name
        while (up := rows[top]["reply_to_id"]) in rows:
            top = up
            people = people if rows[top]["is_official"] else top
        return people or top

    assert all(r["conversation_id"] == root(n) for n, r in rows.items())
    replies = Counter(u["feedback_id"] for u in project.rows("feedback_update", kind="replied"))
    assert sum(replies.values()) == sum(not rows[root(r["record_id"])]["is_official"] for r in official)


@needs_shared
def test_white_house_petitions(project: Any) -> None:
    project.add(
        "petitions",
        path=str((SHARED / "wethepeople-2011-2013/petitions.csv").resolve()),
        format="csv",
        agency="streets",
        closed_statuses=[],
        open_statuses=[],
        columns={
            "record_id": "id",
            "created_at": {"column": "created", "format": "epoch_seconds"},
            "status": "status",
            "title": "title",
            "support_count": "signatureCount",
            "threshold_count": "signatureThreshold",
            "note": "response.url",
            "note_at": {"column": "response.associationTime", "format": "epoch_seconds"},
            "answer_id": "response.id",
        },
    )
    project.gather()
    answers = project.rows("feedback_update", kind="replied")
    assert len(answers) == 186
    assert len({a["answer_id"] for a in answers}) == 121
    rows = project.rows("feedback")
    assert len(rows) == 1_940
    answered = {a["feedback_id"] for a in answers}
    due = {r["feedback_id"] for r in rows if r["support_count"] >= r["threshold_count"]}
    assert len(due | answered) == 229
    assert len(answered - due) == 36


@needs_shared
def test_new_york_and_zurich(project: Any) -> None:
    new_york = {"timezone": "America/New_York", "status": "Status", "closed": "Closed Date"}
    project.add(
        id="nyc",
        path=str((SHARED / "nyc311-2022-05/311_Service_Requests.csv").resolve()),
        timezone=new_york["timezone"],
        columns={
            "record_id": "Unique Key",
            "created_at": {"column": "Created Date", "format": "%m/%d/%Y %I:%M:%S %p"},
            "closed_at": {"column": "Closed Date", "format": "%m/%d/%Y %I:%M:%S %p"},
            "latitude": "Latitude",
            "longitude": "Longitude",
        },
    )
    project.add(
        id="zurich",
        path=str((SHARED / "zueri-wie-neu-2016-2025/reports_cleaned.csv").resolve()),
        timezone="Europe/Zurich",
        columns={"created_at": "date", "service": "service_code"}
        | {"record_id": {"column": ["date", "service_code", "e", "n"]}},
    )
    nyc, zurich = project.gather()
    assert (nyc.result, zurich.result) == ("changed", "changed")
    assert sum(r["closed_at"] is None for r in project.rows("feedback", source_id="nyc")) == 444
    assert {r["time_precision"] for r in project.rows("feedback", source_id="zurich")} == {"day"}
    repeated = sum(
        f["row_count"]
        for f in project.rows("finding", source_id="zurich", finding_code="duplicate_record_id")
    )
    assert zurich.feedback_count + repeated == 62_245
