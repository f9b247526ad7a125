"""A small town: settings on disk and a store that tests fill with what a gather would have left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from answerable import schema
from answerable.settings import Settings, load_settings
from answerable.store import Store
from answerable.understand.stage import understand

SITE = """\
site:
  name: Town
  description: A town.
  url: https://town.example/
  publisher: The town
  contact: data@town.example
"""
AGENCIES = """\
agencies:
  - {code: works, name: Public Works, accounts: ["@TownWorks"]}
  - {code: water, name: Water Company, accounts: ["@TownWater"]}
  - {code: council, name: Town Council}
"""
TOPICS = """\
services:
  - {code: streets, name: Streets, agency: works}
  - {code: supply, name: Water supply, agency: water}
  - {code: other, name: Other}
topics:
  - code: potholes
    name: Potholes
    service: streets
    codes: {portal: [POTHOLE, Road Damage], any: [hole]}
    phrases: ["pothole*", "hole in the road"]
  - code: leaks
    name: Water leaks
    service: supply
    codes: {portal: [LEAK]}
    phrases: [leak, "no water", "water * pressure"]
  - code: parks
    name: Parks
    service: other
    codes: {portal: [PARK]}
    phrases: [playground]
"""
SOURCES = """\
sources:
  - id: portal
    connector: table
    name: The portal
    licence: {name: CC0}
    kind: service_request
    publish_rows: true
    path: requests.csv
    columns: {record_id: id, created_at: opened}
  - id: private
    connector: table
    name: A private list
    licence: {name: CC0}
    kind: service_request
    publish_rows: false
    path: private.csv
    columns: {record_id: id, created_at: opened}
  - id: posts
    connector: snscrape_archive
    name: Posts
    licence: {name: CC0}
    publish_rows: true
    path: posts.jsonl
  - id: petitions
    connector: petitions
    name: Petitions
    licence: {name: CC0}
    publish_rows: true
    path: petitions/*.json
  - id: register
    connector: register
    name: On the record
    licence: {name: CC0}
    publish_rows: true
"""
KIND_OF = {
    "portal": "service_request",
    "private": "service_request",
    "posts": "post",
    "petitions": "petition",
}
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
WRITTEN = tuple(t.name for t in schema.TABLES.values() if t.stage == "understand")


def feedback_id(source_id: str, record_id: str) -> str:
    return hashlib.md5(f"{source_id}\x1f{record_id}".encode()).hexdigest()[:16]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def reply_id(root_id: str, when: str, record_id: str) -> str:
    """The update_id that gathering gives to the update that an official reply becomes."""
    instant = at(when).replace(tzinfo=UTC).timestamp()
    return hashlib.md5(f"{root_id}\x1freplied\x1f{instant}\x1f{record_id}".encode()).hexdigest()[:16]


def as_table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    columns = schema.table(name).columns
    return pa.table({c.name: pa.array([row.get(c.name) for row in rows], _TYPES[c.type]) for c in columns})


class Town:
    """What was gathered, as lists of rows; `understand` writes them and reads back what was made of them."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.feedback: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.areas = [("old-harbour", "Old Harbour"), ("mill-hill", "Mill Hill")]
        (folder / "data" / "lookups").mkdir(parents=True)
        self.settings_file("site.yml", SITE)
        self.settings_file("agencies.yml", AGENCIES)
        self.settings_file("topics.yml", TOPICS)
        self.settings_file("sources.yml", SOURCES)

    def settings_file(self, name: str, text: str) -> None:
        (self.folder / "data" / name).write_text(text, "utf-8")

    @property
    def settings(self) -> Settings:
        return load_settings(self.folder)

    def add(self, record_id: str, created_at: str, *, source_id: str = "portal", **values: Any) -> str:
        """Feedback; returns its feedback_id."""
        created = at(created_at)
        row = {
            "feedback_id": feedback_id(source_id, record_id),
            "source_id": source_id,
            "record_id": record_id,
            "month": f"{created:%Y-%m}",
            "kind": KIND_OF[source_id],
            "channel": "other",
            "created_at": created,
            "time_precision": "second",
            "is_official": False,
            "is_repost": False,
            **values,
        }
        self.feedback.append(row)
        return str(row["feedback_id"])

    def say(self, to: str, when: str, text: str | None, **values: Any) -> str:
        """An official update, or, with ``is_official=False``, another; returns its update_id."""
        about = next(row for row in self.feedback if row["feedback_id"] == to)
        row = {
            "update_id": f"update-{len(self.updates)}",
            "feedback_id": to,
            "source_id": about["source_id"],
            "month": about["month"],
            "at": at(when),
            "kind": "replied",
            "is_official": True,
            "is_at_latest": False,
            "text": text,
            **values,
        }
        self.updates.append(row)
        return str(row["update_id"])

    def enter(self, entry_id: str, kind: str, when: str, **values: Any) -> None:
        """An entry of the register."""
        self.entries.append(
            {
                "entry_id": entry_id,
                "source_id": "register",
                "kind": kind,
                "agency_code": "council",
                "responded_at": at(when),
                "title": "A title",
                "text": "A text.",
                **values,
            }
        )

    def gather(self) -> None:
        areas = [{"area_code": code, "name": name, "slug": code} for code, name in self.areas]
        with self.store.transaction():
            self.store.write("feedback", as_table("feedback", self.feedback))
            self.store.write("feedback_update", as_table("feedback_update", self.updates))
            self.store.write("register_entry", as_table("register_entry", self.entries))
            self.store.write("area", as_table("area", areas))

    def understand(self) -> None:
        self.gather()
        understand(self.store, self.settings)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for batch in self.store.batches(self.store.read(table)) for row in batch.to_pylist()]

    def by_id(self, table: str) -> dict[str, dict[str, Any]]:
        key = schema.table(table).key[0]
        return {row[key]: row for row in self.rows(table)}

    def reading(self, feedback_id: str) -> dict[str, Any]:
        return self.by_id("reading")[feedback_id]

    def digests(self) -> dict[str, str]:
        return {name: self.store.digest(name) for name in WRITTEN}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Store.open(tmp_path / "build" / "store") as store:
        yield Town(tmp_path, store)


@pytest.fixture(scope="session")
def town_type() -> type[Town]:
    """For tests that need many towns."""
    return Town
