"""The published files: public columns only, nothing of a source that hides its rows, and a package that validates."""

import csv
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import frictionless
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.world import AS_OF, World, small_world

from answerable import schema
from answerable.publish import open_data
from answerable.publish.open_data import EXPORTS, size_words, write_open_data
from answerable.settings import Settings
from answerable.store import Store

Open = Callable[..., AbstractContextManager[tuple[Store, Settings]]]
REQUIRED = ("feedback", "updates", "issues", "responses", "measures", "sources", "findings")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_is_there_and_described(site: Path) -> None:
    data = site / "data"
    described = rows(data / "dictionary.csv")
    package = json.loads((data / "datapackage.json").read_text("utf-8"))
    assert set(REQUIRED) <= {r["name"] for r in package["resources"]}
    for resource in package["resources"]:
        names = [c["name"] for c in resource["schema"]["fields"]]
        header = (data / resource["path"]).read_text("utf-8").split("\n", 1)[0]
        assert header.split(",") == names
        assert [d["column"] for d in described if d["file"] == resource["path"]] == names
        assert (data / resource["path"]).stat().st_size == resource["bytes"]
        table = pq.read_table(data / resource["path"].replace(".csv", ".parquet"))
        assert table.column_names == names
        assert table.num_rows == resource["rows"] == len(rows(data / resource["path"]))
    assert all(d["description"] for d in described)


def test_frictionless_accepts_the_package(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site / "data")
    report = frictionless.validate("datapackage.json", type="package")
    assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])


def test_no_private_column_is_published(site: Path) -> None:
    private = {c.name for t in schema.TABLES.values() for c in t.columns} - {
        c.name for t in schema.TABLES.values() for c in t.columns if c.is_public
    }
    for export in EXPORTS:
        assert not private & {c.name for c in export.columns}
    everything = "".join(
        p.read_text("utf-8") for p in site.rglob("*") if p.suffix in {".csv", ".json", ".html"}
    )
    assert "private original" not in everything
    assert "private words" not in everything


def test_a_private_column_cannot_be_named() -> None:
    with pytest.raises(KeyError, match="private"):
        open_data._public(("feedback", ("text",)))


def test_a_source_that_hides_its_rows_has_none(site: Path) -> None:
    data = site / "data"
    for name in ("feedback", "updates", "responses"):
        assert {r["source_id"] for r in rows(data / f"{name}.csv")} == {"portal"}
    assert {r["source_id"] for r in rows(data / "sources.csv")} == {"portal", "inbox"}
    assert any(r["group_code"] == "inbox" for r in rows(data / "measures.csv"))


def test_how_few_a_hidden_source_holds_is_told_by_no_file(open_world: Open, tmp_path: Path) -> None:
    world = small_world()
    hidden = [r["feedback_id"] for r in world.rows["feedback"] if r["source_id"] == "inbox"]
    for name, found in world.rows.items():
        world.rows[name] = [r for r in found if r.get("feedback_id") not in hidden[3:]]
    with open_world(world, is_measured_anew=True) as (store, settings):
        with store.transaction():
            source = store.con.to_pyarrow(store.read("source")).to_pylist()
            counts = {"inbox": 3, "portal": 7}
            reason = {"is_stale": True, "stale_reason": "such as 'a private word'"}
            store.write("source", pa.Table.from_pylist(
                [{**r, **reason, "feedback_count": counts[r["source_id"]]} for r in source],
                schema=store.con.to_pyarrow(store.read("source")).schema,
            ))  # fmt: skip
        write_open_data(store, settings, tmp_path / "data")
    told = {r["source_id"]: r for r in rows(tmp_path / "data" / "sources.csv")}
    assert (told["inbox"]["feedback_count"], told["inbox"]["stale_reason"]) == ("", "")
    assert told["portal"]["stale_reason"] == "such as 'a private word'"


def test_an_identifier_names_no_person(open_world: Open, tmp_path: Path) -> None:
    world = small_world()
    post, reply = (r for r in world.rows["feedback"][:2])
    post["record_id"] = "at://did:plc:abc234/app.bsky.feed.post/3kk"
    reply |= {
        "reply_to_id": post["record_id"],
        "conversation_id": "at://did:web:ann.example/app.bsky.feed.post/3kl",
    }
    with open_world(world) as (store, settings):
        write_open_data(store, settings, tmp_path / "data")
    told = (tmp_path / "data" / "feedback.csv").read_text("utf-8")
    assert "did:plc" not in told
    assert "ann.example" not in told
    assert told.count("at://did/app.bsky.feed.post/3kk") == 2


def test_a_column_that_becomes_private_leaves_the_file(
    open_world: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_world(small_world()) as (store, settings):
        write_open_data(store, settings, tmp_path / "old")
        fewer = tuple(
            replace(e, columns=tuple(c for c in e.columns if c.name != "url")) for e in open_data.EXPORTS
        )
        monkeypatch.setattr(open_data, "EXPORTS", fewer)
        write_open_data(store, settings, tmp_path / "data", old=tmp_path / "old")
    assert "url" in (tmp_path / "old" / "feedback.csv").read_text("utf-8").splitlines()[0].split(",")
    assert "url" not in (tmp_path / "data" / "feedback.csv").read_text("utf-8").splitlines()[0].split(",")


def test_findings_of_a_hidden_source_are_counts_without_records(open_world: Open, tmp_path: Path) -> None:
    world = small_world()
    for number in range(7):
        world.add(
            "finding", finding_id=f"h{number}", source_id="inbox", finding_code="place_missing",
            record_id=f"secret{number}", file_name="inbox.csv", line=number, row_count=1,
        )  # fmt: skip
    world.add(
        "finding",
        finding_id="few",
        source_id="inbox",
        finding_code="time_unreadable",
        record_id="secret",
        row_count=4,
    )
    with open_world(world) as (store, settings):
        write_open_data(store, settings, tmp_path / "data")
    text = (tmp_path / "data" / "findings.csv").read_text("utf-8")
    assert "secret" not in text
    hidden = [r for r in rows(tmp_path / "data" / "findings.csv") if r["source_id"] == "inbox"]
    assert [(r["finding_code"], r["row_count"], r["line"]) for r in hidden] == [("place_missing", "7", "")]


def hidden_issue(world: World, number: int, *, count: int) -> None:
    for i in range(count):
        world.add_feedback(
            number + i,
            created=AS_OF - timedelta(days=99),
            source="inbox",
            issue_id=f"hidden{count}",
            area="ward-3",
        )
    world.add_issue(
        f"hidden{count}", "Hidden", f"hidden-{count}", topic="potholes", agency="highways", area="ward-3"
    )
    world.rows["issue"][-1]["has_page"] = count >= 5


def test_a_small_issue_of_a_hidden_source_is_in_no_file(open_world: Open, tmp_path: Path) -> None:
    world = small_world()
    hidden_issue(world, 1000, count=4)
    hidden_issue(world, 1100, count=5)
    with open_world(world) as (store, settings):
        write_open_data(store, settings, tmp_path / "data")
    found = {r["issue_id"] for r in rows(tmp_path / "data" / "issues.csv")}
    assert "hidden5" in found
    assert "hidden4" not in found


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_defused_in_csv_and_whole_in_parquet(
    open_world: Open, tmp_path: Path, text: str
) -> None:
    with open_world(small_world(texts=(text, 'a "quoted", text\nof two lines'))) as (store, settings):
        write_open_data(store, settings, tmp_path / "data")
    found = {r["public_text"] for r in rows(tmp_path / "data" / "feedback.csv")}
    assert f"'{text}" in found
    assert 'a "quoted", text\nof two lines' in found
    assert text in pq.read_table(tmp_path / "data" / "feedback.parquet")["public_text"].to_pylist()


def test_instants_are_utc_with_a_z(site: Path) -> None:
    for row in rows(site / "data" / "feedback.csv")[:20]:
        assert datetime.fromisoformat(row["created_at"]).utcoffset() is not None
        assert row["created_at"].endswith("Z")


def test_equal_data_give_equal_files_whatever_the_runs(
    open_world: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_world() as (store, settings):
        files = write_open_data(store, settings, tmp_path / "one")
        monkeypatch.setattr(
            open_data, "month_runs", lambda store, name, rows: ((m,) for m in store.months(name))
        )
        write_open_data(store, settings, tmp_path / "many")
    for export in (file.export for file in files):
        assert (tmp_path / "one" / f"{export.name}.csv").read_bytes() == (
            tmp_path / "many" / f"{export.name}.csv"
        ).read_bytes()
    one = pq.read_table(tmp_path / "one" / "feedback.parquet")
    assert one.equals(pq.read_table(tmp_path / "many" / "feedback.parquet"))


def test_a_table_that_did_not_change_is_the_old_file(open_world: Open, tmp_path: Path) -> None:
    with open_world() as (store, settings):
        write_open_data(store, settings, tmp_path / "one")
        write_open_data(store, settings, tmp_path / "two", old=tmp_path / "one")
        assert (tmp_path / "two" / "feedback.csv").samefile(tmp_path / "one" / "feedback.csv")
        (tmp_path / "one" / "version.json").write_text("{}", "utf-8")
        write_open_data(store, settings, tmp_path / "three", old=tmp_path / "one")
        assert not (tmp_path / "three" / "feedback.csv").samefile(tmp_path / "one" / "feedback.csv")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (12_345_678, "12 MB"), (3e9, "3.0 GB")],
)
def test_sizes_in_words(count: int, words: str) -> None:
    assert size_words(count) == words
