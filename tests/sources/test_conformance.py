"""What every connector keeps to, tried on its recorded pages: one folder for each beside this file."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from answerable.gather.engine import feedback_id
from answerable.settings import FileSource

HERE = Path(__file__).parent
KINDS: tuple[Any, ...] = get_args(FileSource)
NAMES = sorted(get_args(kind.model_fields["connector"].annotation)[0] for kind in KINDS)
SQUARE = {"west": 0, "east": 1}
AREAS = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": name.title()},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[0, s], [1, s], [1, s + 1], [0, s + 1], [0, s]]],
            },
        }
        for name, s in SQUARE.items()
    ],
}


def prepared(project: Any, name: str) -> dict[str, Any]:
    folder = HERE / name
    for page in folder.iterdir():
        if page.name not in ("source.yml", "expected.yml"):
            project.write(f"in/{page.name}", page.read_bytes())
    project.write("areas.geojson", json.dumps(AREAS))
    project.site["areas"] = {"file": "areas.geojson"}
    project.write("other.csv", "id,opened\n1,2024-01-01 10:00:01\n")
    project.add(id="other", path="other.csv", columns={"record_id": "id", "created_at": "opened"})
    project.add(**yaml.safe_load((folder / "source.yml").read_text("utf-8")))
    expected: dict[str, Any] = yaml.safe_load((folder / "expected.yml").read_text("utf-8"))
    return expected


def test_every_connector_has_its_pages() -> None:
    assert sorted(p.name for p in HERE.iterdir() if p.is_dir() and p.name != "__pycache__") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_pages_become_what_they_say(project: Any, name: str) -> None:
    expected = prepared(project, name)
    receipt = project.gather()[1]
    assert (receipt.result, receipt.message) == ("changed", None)
    rows = project.rows("feedback", source_id="portal")
    assert [r["record_id"] for r in rows] == expected.get("feedback", [])
    assert all(r["feedback_id"] == feedback_id("portal", r["record_id"]) for r in rows)
    updates = project.rows("feedback_update", source_id="portal")
    assert Counter(u["kind"] for u in updates) == expected.get("updates", {})
    if name == "table":
        assert [r["area_code"] for r in rows] == ["west", None, "east", None]
    months = {r["feedback_id"]: r["month"] for r in rows}
    assert all(months[u["feedback_id"]] == u["month"] for u in updates)
    assert [e["entry_id"] for e in project.rows("register_entry")] == expected.get("entries", [])
    found = project.rows("finding", source_id="portal")
    counts: Counter[str] = Counter()
    for f in found:
        counts[f["finding_code"]] += f["row_count"]
    assert counts == expected["findings"]
    assert {f["finding_code"]: f["line"] for f in found if f["line"]} == expected["lines"]
    assert receipt.finding_count == sum(counts.values())
    (source,) = project.rows("source", source_id="portal")
    assert (
        source["feedback_count"] == receipt.feedback_count == max(len(rows), len(expected.get("entries", [])))
    )
    assert source["as_of_at"] == receipt.as_of_at is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_second_gather_writes_nothing(project: Any, name: str) -> None:
    prepared(project, name)
    project.gather()
    with project.store() as store:
        before = (store.generation, store.partitions("feedback"), store.partitions("source_run"))
    assert {r.result for r in project.gather()} == {"unchanged"}
    with project.store() as store:
        assert (store.generation, store.partitions("feedback"), store.partitions("source_run")) == before


@pytest.mark.parametrize("name", NAMES)
def test_an_old_success_is_noted_again_after_a_day(project: Any, name: str) -> None:
    prepared(project, name)
    first = project.gather()[1]
    later = first.started_at + timedelta(days=2)
    assert project.gather(now=later)[1].result == "unchanged"
    assert project.rows("source", source_id="portal")[0]["last_success_at"] == later
    assert [r["result"] for r in project.rows("source_run", source_id="portal")] == ["changed", "unchanged"]


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_gone_fail_the_source_and_keep_its_data(project: Any, name: str) -> None:
    expected = prepared(project, name)
    project.gather()
    for page in (project.folder / "in").iterdir():
        page.unlink()
    other, failed = project.gather()
    assert (other.result, failed.result) == ("unchanged", "failed")
    assert "file" in failed.message
    assert str(project.folder) not in failed.message
    assert len(project.rows("feedback", source_id="portal")) == len(expected.get("feedback", []))
    assert len(project.rows("register_entry")) == len(expected.get("entries", []))


@pytest.mark.parametrize("name", NAMES)
def test_files_of_another_kind_are_refused(project: Any, name: str) -> None:
    prepared(project, name)
    project.gather()
    for page in (project.folder / "in").iterdir():
        page.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe nothing of that kind")
    failed = project.gather()[1]
    assert failed.result == "failed"
    assert any(page.name in failed.message for page in (project.folder / "in").iterdir())
