from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

PLAIN = {"record_id": "id", "created_at": "opened"}
FULL = {
    **PLAIN,
    "closed_at": "closed",
    "updated_at": "updated",
    "status": "status",
    "agency": "agency",
    "service": "service",
    "note": "note",
    "latitude": "lat",
    "longitude": "lon",
}
HEAD = "id,opened,closed,updated,status,agency,service,note,lat,lon\n"


def test_a_row_is_a_feedback_and_its_updates(project: Any, at: Any) -> None:
    project.write(
        "data/in/a.csv",
        HEAD
        + "7,2024-01-02 08:00,2024-01-05 10:30,2024-01-05 10:31,Closed,dpw,pothole,Filled.,40.12345,-3.5\n",
    )
    project.add(columns=FULL, timezone="Europe/Madrid")
    (receipt,) = project.gather()
    assert (receipt.result, receipt.new_count, receipt.feedback_count) == ("changed", 1, 1)
    (row,) = project.rows("feedback")
    assert row["record_id"] == "7"
    assert row["created_at"] == at("2024-01-02T07:00")
    assert row["closed_at"] == at("2024-01-05T09:30")
    assert (row["agency_code"], row["service_code"]) == ("streets", "pothole")
    assert (row["latitude"], row["longitude"]) == (40.123, -3.5)
    assert row["month"] == "2024-01"
    updates = {u["kind"]: u for u in project.rows("feedback_update")}
    assert set(updates) == {"opened", "replied", "closed"}
    assert updates["replied"]["at"] == at("2024-01-05T09:31")
    assert (updates["replied"]["text"], updates["replied"]["agency_code"]) == ("Filled.", "streets")
    assert [u["is_official"] for u in updates.values()].count(True) == 2
    assert not updates["opened"]["is_official"]
    assert {u["feedback_id"] for u in updates.values()} == {row["feedback_id"]}


def test_gather_twice_changes_nothing(project: Any) -> None:
    project.write("data/in/a.csv", HEAD + "7,2024-01-02 08:00,,,Open,dpw,pothole,,,\n")
    project.add(columns=FULL)
    project.gather()
    files = {p: p.stat().st_mtime_ns for p in project.folder.rglob("build/store/tables/**/*.parquet")}
    with project.store() as store:
        generation = store.generation
    (receipt,) = project.gather()
    assert receipt.result == "unchanged"
    assert receipt.feedback_count == 1
    assert {p: p.stat().st_mtime_ns for p in project.folder.rglob("build/store/tables/**/*.parquet")} == files
    with project.store() as store:
        assert store.generation == generation


def test_bad_rows_are_findings_with_their_line(project: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,opened,note\n"
        '1,2024-01-02 08:00,"two\nlines"\n'
        "2,2024-01-02\n"  # line 4: too short
        '3,2024-01-03 08:00,"a\n\nb"\n'
        ",2024-01-03 08:00,no id\n"  # line 8
        "4,yesterday,unreadable\n"  # line 9
        "5,1899-01-01 10:00,old\n"  # line 10
        "6,2024-01-04 08:00,x,y\n",  # line 11: too long
    )
    project.add(columns={**PLAIN, "note": "note"})
    project.gather()
    found = {(f["finding_code"], f["line"]) for f in project.rows("finding")}
    assert found == {
        ("row_unreadable", 4),
        ("record_id_missing", 8),
        ("created_at_missing", 9),
        ("impossible_year", 10),
        ("row_unreadable", 11),
    }
    assert [r["record_id"] for r in project.rows("feedback")] == ["1", "3"]


def test_the_last_row_of_an_identifier_is_kept(project: Any) -> None:
    project.write(
        "data/in/a.csv", HEAD + "7,2024-01-02 08:00,,,Open,dpw,old,,,\n8,2024-01-02 09:00,,,Open,dpw,x,,,\n"
    )
    project.write("data/in/b.csv", HEAD + "7,2024-01-02 08:00,,,Open,dpw,new,,,\n")
    project.add(columns=FULL)
    project.gather()
    assert [r["service_code"] for r in project.rows("feedback")] == ["new", "x"]
    (finding,) = project.rows("finding", finding_code="duplicate_record_id")
    assert (finding["file_name"], finding["line"], finding["record_id"]) == ("a.csv", 2, "7")


def test_identifiers_that_a_spreadsheet_destroyed_stay_apart(project: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,opened\n1.17E+18,2024-01-02 08:00\n1.17E+18,2024-01-03 08:00\n4711.0,2024-01-03 09:00\n",
    )
    project.add(columns=PLAIN)
    project.gather()
    assert [r["record_id"] for r in project.rows("feedback")] == ["1.17E+18#1", "1.17E+18#2", "4711"]
    assert [f["line"] for f in project.rows("finding", finding_code="identifier_damaged")] == [2, 3]


def test_odd_times_are_found_and_stay(project: Any, at: Any) -> None:
    project.write(
        "data/in/a.csv",
        HEAD
        + "1,2024-01-02 08:00,2024-01-01 08:00,2024-01-01 09:00,Closed,dpw,s,Done,,\n"
        + "2,2024-01-02 08:30,1900-01-01 00:00,2024-01-03 08:00,Closed,dpw,s,,,\n"
        + "3,2024-01-02 09:00,2024-01-05 08:00,,Open,dpw,s,,,\n"
        + "4,2024-01-02 09:30,,,Closed,dpw,s,,,\n"
        + "5,2024-01-02 10:00,2024-02-02 10:00,,Closed,dpw,s,,,\n"
        + "6,2024-01-02 10:15,,,Lost,dpw,s,,,\n",
    )
    project.add(
        columns=FULL, closed_statuses=["Closed"], open_statuses=["open"], as_of="2024-01-10T00:00:00Z"
    )
    project.gather()
    found = project.findings()
    assert found["closed_before_created"] == 2
    assert found["updated_before_created"] == 1
    assert found["impossible_year"] == 1
    assert found["status_contradicts_closing"] == 1
    assert found["closed_without_time"] == 1
    assert found["in_the_future"] == 1
    assert found["status_unmapped"] == 1
    closed = [r["closed_at"] for r in project.rows("feedback")]
    assert closed[0] == at("2024-01-01T08:00")
    assert closed[1] == at("1900-01-01T00:00")
    assert closed[2:4] == [None, None]
    assert len([u for u in project.rows("feedback_update") if u["kind"] == "closed"]) == 3


def test_reopened_later_than_closed_is_not_closed(project: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,opened,seen,closed,again,thanks\n"
        "1,2024-01-01 08:00,2024-01-01 09:00,2024-01-02 08:00,2024-01-03 08:00,\n"
        "2,2024-01-01 08:00,,2024-01-04 08:00,2024-01-03 08:00,2024-01-05 08:30\n",
    )
    columns = {
        "acknowledged_at": "seen",
        "closed_at": "closed",
        "reopened_at": "again",
        "confirmed_at": "thanks",
    }
    project.add(columns={**PLAIN, **columns})
    project.gather()
    assert [r["closed_at"] is None for r in project.rows("feedback")] == [True, False]
    kinds = sorted((u["kind"], u["is_official"]) for u in project.rows("feedback_update"))
    assert kinds == [
        ("acknowledged", True),
        ("closed", True),
        ("closed", True),
        ("confirmed", False),
        ("opened", False),
        ("opened", False),
        ("reopened", False),
        ("reopened", False),
    ]


def test_dates_only_are_whole_days_of_the_zone(project: Any, at: Any) -> None:
    project.write("data/in/a.csv", "id,opened,closed\n1,2024-07-01,2024-07-03\n2,2024-07-02,\n")
    project.add(columns={**PLAIN, "closed_at": "closed"}, timezone="Europe/Zurich")
    project.gather()
    assert {r["time_precision"] for r in project.rows("feedback")} == {"day"}
    assert project.rows("feedback")[0]["created_at"] == at("2024-06-30T22:00")
    assert project.findings() == {"dates_only": 2}
    assert project.rows("source")[0]["time_precision"] == "day"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2016-07-13 15:11:07", "2016-07-13T22:11:07"),
        ("2016-07-13T15:11:07.000", "2016-07-13T22:11:07"),
        ("2016-07-13 15:11:07+00:00", "2016-07-13T15:11:07"),
        ("2016-07-13T15:11:07Z", "2016-07-13T15:11:07"),
        ("2016-07-13 15:11:07 UTC", "2016-07-13T15:11:07"),
        ("2016-07-13 15:11:07 +0200", "2016-07-13T13:11:07"),
        ("2016-07-13T15:11:07-07", "2016-07-13T22:11:07"),
        ("2016-11-06 01:30:00", "2016-11-06T08:30:00"),
    ],
)
def test_times_are_read_in_the_zone_of_the_source(project: Any, at: Any, text: str, instant: str) -> None:
    project.write("data/in/a.csv", f"id,opened\n1,{text}\n")
    project.add(columns=PLAIN, timezone="America/Los_Angeles")
    project.gather()
    assert project.rows("feedback")[0]["created_at"] == at(instant)


def test_an_offset_can_be_ignored(project: Any, at: Any) -> None:
    project.write(
        "data/in/a.csv", "id,opened,seen\n1,2016-07-13 15:11:07+00:00,Wed Jul 13 15:11:07 +0000 2016\n"
    )
    seen = {"column": "seen", "format": "%a %b %d %H:%M:%S %z %Y"}
    project.add(
        columns={**PLAIN, "acknowledged_at": seen}, timezone="America/Los_Angeles", ignore_offset=True
    )
    project.gather()
    assert project.rows("feedback")[0]["created_at"] == at("2016-07-13T22:11:07")
    assert project.rows("feedback_update", kind="acknowledged")[0]["at"] == at("2016-07-13T22:11:07")


def test_formats_are_tried_in_turn_and_epochs_are_read(project: Any, at: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,opened,e,m\n1,05/01/2022 01:02:03 PM,1651410123,1651410123000\n2,2022-05-01 13:02,x,\n",
    )
    project.add(
        columns={
            "record_id": "id",
            "created_at": {"column": "opened", "format": ["%m/%d/%Y %I:%M:%S %p", "iso"]},
            "updated_at": {"column": "e", "format": "epoch_seconds"},
            "closed_at": {"column": "m", "format": "epoch_milliseconds"},
        }
    )
    project.gather()
    one, two = project.rows("feedback")
    assert one["created_at"] == one["updated_at"] == one["closed_at"] == at("2022-05-01T13:02:03")
    assert (two["created_at"], two["updated_at"]) == (at("2022-05-01T13:02"), None)
    (finding,) = project.rows("finding", finding_code="time_unreadable")
    assert (finding["line"], finding["column_name"], finding["value"]) == (3, "updated_at", "x")


def test_columns_are_joined_mapped_and_constant(project: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,opened,a,b,how\n1,2024-01-01 08:01,Odour,From drain,Web\n2,2024-01-01 08:02,-,,Fax\n",
    )
    project.write("data/kinds.csv", "value,code\nWeb,web\n")
    project.add(
        columns={
            **PLAIN,
            "title": {"column": ["a", "b"], "separator": " / ", "missing": ["-"]},
            "channel": {"column": "how", "values_file": "kinds.csv"},
            "lang": {"constant": "en"},
            "service": {"column": "a", "values": {"Odour": "smell"}},
        }
    )
    project.gather()
    rows = project.rows("feedback")
    assert [r["title"] for r in rows] == ["Odour / From drain", None]
    assert [r["channel"] for r in rows] == ["web", "unknown"]
    assert [r["lang"] for r in rows] == ["en", "en"]
    assert [r["service_code"] for r in rows] == ["smell", "unmapped"]
    found = {(f["column_name"], f["value"]) for f in project.rows("finding", finding_code="value_unmapped")}
    assert found == {("channel", "Fax"), ("service", "-")}


def test_unknown_agencies_are_counted_by_name(project: Any) -> None:
    rows = "".join(
        f"{n},2024-01-01 08:0{n},,,Open,{a},s,,,\n"
        for n, a in enumerate(["DPW", "streets", "Zoo", "Zoo", ""])
    )
    project.write("data/in/a.csv", HEAD + rows)
    project.add(columns=FULL, agency="water")
    project.gather()
    assert [r["agency_code"] for r in project.rows("feedback")] == [
        "streets",
        "streets",
        "unmapped",
        "unmapped",
        "water",
    ]
    (finding,) = project.rows("finding", finding_code="agency_unmapped")
    assert (finding["value"], finding["row_count"]) == ("Zoo", 2)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("a.csv", "cp1252"),
        ("a.csv", "utf-16"),
        ("a.csv.gz", "utf-8"),
        ("a.csv.zst", "cp1252"),
        ("a.csv", "utf-8-sig"),
    ],
)
def test_encodings_and_compressions(project: Any, name: str, encoding: str) -> None:
    content = "id,opened,text\n1,2024-01-01 08:01,Straße gefährlich\n,,broken\n".encode(encoding)
    if name.endswith(".gz"):
        content = gzip.compress(content)
    elif name.endswith(".zst"):
        content = zstandard.compress(content)
    project.write(f"data/in/{name}", content)
    project.add(columns={**PLAIN, "text": "text"}, encoding=encoding.removesuffix("-sig"))
    project.gather()
    assert project.rows("feedback")[0]["text"] == "Straße gefährlich"
    assert {f["line"] for f in project.rows("finding")} == {3}


def test_parquet_is_read_with_its_types(project: Any, at: Any) -> None:
    table = pa.table(
        {
            "id": pa.array([2**53 + 1, 7], pa.int64()),
            "opened": pa.array([at("2024-01-01T08:01"), at("2024-07-01T08:02")], pa.timestamp("ms")),
            "closed": pa.array([datetime(2024, 1, 3, tzinfo=UTC), None], pa.timestamp("us", tz="UTC")),
            "lat": [40.0, 0.0],
            "lon": [-3.0, 0.0],
            "people": [5.0, None],
        }
    )
    (project.folder / "data/in").mkdir(parents=True)
    pq.write_table(table, project.folder / "data/in/a.parquet")
    columns = {"closed_at": "closed", "latitude": "lat", "longitude": "lon", "support_count": "people"}
    project.add(columns={**PLAIN, **columns}, timezone="Europe/Madrid")
    project.gather()
    seven, large = sorted(project.rows("feedback"), key=lambda r: len(r["record_id"]))
    assert large["record_id"] == "9007199254740993"
    assert large["created_at"] == at("2024-01-01T07:01")
    assert large["closed_at"] == at("2024-01-03T00:00")
    assert large["support_count"] == 5
    assert (seven["latitude"], seven["longitude"]) == (None, None)


def test_json_lines_keep_every_digit_and_name_bad_lines(project: Any) -> None:
    lines = [
        json.dumps(
            {"id": 1768953236864545029, "opened": "2024-01-01 08:01", "user": {"name": "@CityStreets"}}
        ),
        "",
        "{broken",
        json.dumps({"id": 2, "opened": "2024-01-01 08:02", "text": 'a "quoted", text'}),
    ]
    project.write("data/in/a.jsonl", "\n".join(lines))
    project.add(columns={**PLAIN, "text": "text", "author": "user.name"}, kind="post")
    project.gather()
    rows = project.rows("feedback")
    assert [r["record_id"] for r in rows] == ["1768953236864545029", "2"]
    assert rows[1]["text"] == 'a "quoted", text'
    assert rows[0]["is_official"]
    assert [(f["finding_code"], f["line"]) for f in project.rows("finding")] == [("row_unreadable", 3)]


@pytest.mark.parametrize(
    ("name", "content", "columns", "words"),
    [
        (
            "a.csv",
            b"id,opend\n1,2024-01-01\n",
            PLAIN,
            ["no column opened", "did you mean opend?", "a.csv, line 1"],
        ),
        ("a.csv", b"", PLAIN, ["is empty"]),
        ("a.csv", b"id,opened\n", PLAIN, ["no rows"]),
        ("a.csv", b"id,opened\n1,never\n", PLAIN, ["no usable row", "never"]),
        ("a.csv", b"id,opened\n1\n2\n", PLAIN, ["no usable row", "line 2"]),
        (
            "a.csv",
            "id,opened,x\n1,2024-01-01,é\n".encode("latin-1"),
            {**PLAIN, "text": "x"},
            ["is not utf-8", "line 2"],
        ),
        ("a.csv", b"PK\x03\x04\x00\x00,,,\n", PLAIN, ["not a CSV"]),
        ("a.parquet", b"id,opened\n", PLAIN, ["is not Parquet"]),
        ("a.jsonl", b"id,opened\n", PLAIN, ["no line with a JSON object"]),
        ("a.jsonl", b'{"id": 1, "opend": 2}\n', PLAIN, ["no column opened"]),
        ("a.csv.gz", b"id,opened\n", PLAIN, ["a.csv.gz", "not a whole .gz file"]),
        ("a.xlsx", b"id,opened\n", PLAIN, ["does not say what it is"]),
    ],
)
def test_a_file_that_cannot_be_read_fails_its_source_alone(
    project: Any, name: str, content: bytes, columns: dict[str, str], words: list[str]
) -> None:
    project.write(f"data/in/{name}", content)
    project.write("data/other.csv", "id,opened\n1,2024-01-01 10:00\n")
    project.add(columns=columns)
    project.add(id="other", path="data/other.csv", columns=PLAIN)
    failed, other = project.gather()
    assert (failed.result, other.result) == ("failed", "changed")
    assert name in failed.message
    for word in words:
        assert word in failed.message
    assert [s["is_stale"] for s in project.rows("source")] == [False, True]
    assert project.findings() == {"source_failed": 1}


def test_a_failing_source_keeps_its_last_good_data_and_recovers(project: Any) -> None:
    path = project.write("data/in/a.csv", "id,opened\n1,2024-01-01 10:00\n")
    project.add(columns=PLAIN)
    (first,) = project.gather()
    good = path.read_bytes()
    path.write_bytes(b"id;broken\n")
    (failed,) = project.gather()
    assert (failed.result, failed.feedback_count) == ("failed", 1)
    assert len(project.rows("feedback")) == 1
    (source,) = project.rows("source")
    assert source["is_stale"]
    assert source["last_success_at"] == first.started_at
    runs = len(project.rows("source_run"))
    project.gather()
    assert len(project.rows("source_run")) == runs
    path.write_bytes(good)
    (again,) = project.gather()
    assert again.result == "unchanged"
    assert not project.rows("source")[0]["is_stale"]
    assert project.findings() == {}


def test_a_row_that_is_missing_from_a_full_extract_is_gone(project: Any) -> None:
    path = project.write(
        "data/in/a.csv", HEAD + "1,2024-01-01 10:00,,,Open,,s,,,\n2,2024-02-01 10:00,,,Open,,s,,,\n"
    )
    project.add(columns=FULL)
    project.gather()
    path.write_text(
        HEAD + "2,2024-02-01 10:00,2024-02-03 10:00,,Closed,,s,,,\n3,2024-02-05 10:00,,,Open,,s,,,\n"
    )
    (receipt,) = project.gather()
    assert (receipt.new_count, receipt.changed_count, receipt.gone_count) == (1, 1, 1)
    assert [r["record_id"] for r in project.rows("feedback")] == ["2", "3"]
    assert {u["month"] for u in project.rows("feedback_update")} == {"2024-02"}


def test_an_increment_adds_and_changes_across_months(project: Any) -> None:
    project.write(
        "data/in/1.csv", HEAD + "1,2024-01-01 10:00,,,Open,Zoo,s,,,\n2,2024-01-02 10:00,,,Open,,s,,,\n"
    )
    project.add(columns=FULL, extract="increment")
    project.gather()
    (project.folder / "data/in/1.csv").unlink()
    project.write(
        "data/in/2.csv",
        HEAD + "2,2024-03-02 10:00,2024-03-04 10:00,,Closed,Zoo,s,,,\n3,2024-03-05 10:00,,,Open,,s,,,\n",
    )
    (receipt,) = project.gather()
    assert (receipt.new_count, receipt.changed_count, receipt.gone_count) == (1, 1, 0)
    rows = project.rows("feedback")
    assert [(r["record_id"], r["month"]) for r in rows] == [
        ("1", "2024-01"),
        ("2", "2024-03"),
        ("3", "2024-03"),
    ]
    assert sorted(u["kind"] for u in project.rows("feedback_update")) == [
        "closed",
        "opened",
        "opened",
        "opened",
    ]
    assert project.findings() == {"agency_unmapped": 2}
    assert project.gather()[0].result == "unchanged"


def test_an_increment_with_other_identifiers_is_not_held_twice(project: Any) -> None:
    project.write("data/in/a.csv", "id,other,opened\n1,A1,2024-01-02 08:00\n2,A2,2024-01-03 08:00\n")
    project.add(columns=PLAIN, extract="increment")
    project.gather()
    project.sources[0]["columns"] = {**PLAIN, "record_id": "other"}
    project.gather()
    assert [r["record_id"] for r in project.rows("feedback")] == ["A1", "A2"]


@pytest.mark.parametrize("text", ["infinity", "-infinity", "290000-01-01", "9999-12-31 23:59:59"])
def test_a_time_that_no_calendar_knows_is_a_finding(project: Any, text: str) -> None:
    project.write(
        "data/in/a.csv",
        f"id,opened,closed\n1,2024-01-02 08:00,{text}\n2,{text},2024-01-03\n3,2024-01-04 09:00,2024-01-05 09:00\n",
    )
    project.add(columns={**PLAIN, "closed_at": "closed"}, timezone="Europe/London")
    project.gather()
    assert [(r["record_id"], r["closed_at"] is None) for r in project.rows("feedback")] == [
        ("1", True),
        ("3", False),
    ]
    assert project.findings() == {"created_at_missing": 1, "time_unreadable": 1}


def test_a_count_that_no_number_holds_is_a_finding(project: Any) -> None:
    project.write("data/in/a.csv", "id,opened,people\n1,2024-01-02 08:00,1e30\n2,2024-01-02 08:01,5\n")
    project.add(columns={**PLAIN, "support_count": "people"})
    project.gather()
    assert [r["support_count"] for r in project.rows("feedback")] == [None, 5]
    assert project.findings() == {"number_unreadable": 1}


def test_values_that_differ_by_white_space_only_keep_the_row(project: Any) -> None:
    project.write("data/in/a.csv", "id,opened,service\n1,2024-01-02 08:00,Sewer\n2,2024-01-02 08:01,Tree\n")
    project.write("data/lookups/v.csv", "value,code\nSewer,a\nSewer ,a\nTree,b\n")
    project.add(columns={**PLAIN, "service": {"column": "service", "values_file": "lookups/v.csv"}})
    project.gather()
    assert [(r["record_id"], r["service_code"]) for r in project.rows("feedback")] == [("1", "a"), ("2", "b")]
    assert project.findings() == {}


def test_a_folder_may_have_any_name(project: Any) -> None:
    project.folder = project.folder.with_name("it's [ours]")
    project.write("data/in/a [1].csv", "id,opened\n1,2024-01-02 08:00\n")
    project.add(columns=PLAIN, path="data/in/a [1].csv")
    assert project.gather()[0].feedback_count == 1


def test_what_is_published_of_a_failure_names_no_folder(project: Any) -> None:
    project.write("data/in/a.parquet", b"no parquet at all")
    project.add(columns=PLAIN)
    project.gather()
    (row,) = project.rows("source")
    assert row["stale_reason"].startswith("a.parquet: is not Parquet")
    assert str(project.folder.parent) not in row["stale_reason"]


def test_changed_settings_read_the_source_anew(project: Any) -> None:
    project.write("data/in/a.csv", HEAD + "1,2024-01-01 10:00,,,Open,Zoo,s,,,\n")
    project.add(columns=FULL)
    project.gather()
    project.agencies[0]["names"] = ["Zoo"]
    (receipt,) = project.gather()
    assert (receipt.result, receipt.changed_count) == ("changed", 1)
    assert project.rows("feedback")[0]["agency_code"] == "streets"
    assert project.findings() == {}


def test_a_source_that_the_settings_drop_leaves_nothing(project: Any) -> None:
    project.write("data/in/a.csv", "id,opened\n1,2024-01-01 10:00\n")
    project.write("data/other.csv", "id,opened\n1,2024-01-01 10:00\n")
    project.add(columns=PLAIN)
    project.add(id="other", path="data/other.csv", columns=PLAIN)
    project.gather()
    del project.sources[1]
    project.gather()
    for name in ("feedback", "feedback_update", "source", "source_run"):
        assert {r["source_id"] for r in project.rows(name)} == {"portal"}


def test_the_date_of_the_source_is_its_newest_instant_before_its_file(project: Any, at: Any) -> None:
    import os

    path = project.write(
        "data/in/a.csv", HEAD + "1,2024-01-01 10:00,2024-01-09 10:00,2030-01-01 10:00,Closed,,s,,,\n"
    )
    moment = datetime(2024, 6, 1, tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))
    project.add(columns=FULL)
    (receipt,) = project.gather()
    assert receipt.as_of_at == at("2024-01-09T10:00")
    assert project.rows("source")[0]["as_of_at"] == at("2024-01-09T10:00")


def test_many_findings_of_one_kind_are_located_up_to_a_limit(project: Any) -> None:
    rows = "".join(f"{n},2024-01-02 10:00,2024-01-01 10:01,,Closed,,s,,,\n" for n in range(1203))
    project.write("data/in/a.csv", HEAD + rows)
    project.add(columns=FULL)
    (receipt,) = project.gather()
    found = project.rows("finding", finding_code="closed_before_created")
    assert len([f for f in found if f["line"] is not None]) == 1000
    assert [f["row_count"] for f in found if f["line"] is None] == [203]
    assert receipt.finding_count == 1203


CELL = st.text(
    # (White space other than the space is cut off at the ends by Python alone.)
    st.characters(
        codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs", "Cc", "Zl", "Zp")
    ).filter(lambda c: c == " " or not c.isspace())
    | st.just("\n"),
    max_size=12,
)


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    texts=st.lists(CELL, min_size=1, max_size=8),
    zone=st.sampled_from(["UTC", "Europe/London", "America/Los_Angeles", "Asia/Kolkata"]),
    moment=st.datetimes(datetime.fromisoformat("1991-01-01"), datetime.fromisoformat("2024-01-01")),
)
def test_texts_and_times_come_through_as_they_are(
    project: Any, texts: list[str], zone: str, moment: datetime
) -> None:
    moment = moment.replace(microsecond=0)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "opened", "text"])
    for number, text in enumerate(texts):
        writer.writerow([f"{number:03d}", moment.isoformat(sep=" "), text])
    project.sources = []
    project.write("data/in/a.csv", out.getvalue())
    project.add(columns={**PLAIN, "text": "text"}, timezone=zone)
    project.gather()
    rows = project.rows("feedback")
    assert [r["text"] for r in rows] == [t.strip() or None for t in texts]
    expected = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
    assert {r["created_at"] for r in rows} == {expected}
