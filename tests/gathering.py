"""A project on disk that tests fill with sources and files, and gather; both conftests take its fixtures from here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from answerable.gather.sync import Receipt, gather
from answerable.settings import load_settings
from answerable.store import Store

__all__ = ["LIBRARY", "Project", "at", "project"]

LIBRARY = {"licence": {"name": "CC0"}, "publish_rows": True}


class Project:
    """A project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site: dict[str, Any] = {
            "name": "Test",
            "description": "A test",
            "url": "https://feedback.example",
            "publisher": "Nobody",
            "contact": "nobody@feedback.example",
        }
        self.agencies: list[dict[str, Any]] = [
            {"code": "streets", "name": "Streets Department", "names": ["DPW"], "accounts": ["@CityStreets"]},
            {"code": "water", "name": "Water Board", "accounts": ["waterboard@social.example"]},
        ]
        self.sources: list[dict[str, Any]] = []

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def add(self, connector: str = "table", **source: Any) -> None:
        """Adds a source; a table of service requests where nothing else is said."""
        base: dict[str, Any] = {"id": "portal", "name": "Portal", "connector": connector, **LIBRARY}
        if connector == "table":
            base |= {"kind": "service_request", "path": "data/in/*"}
        self.sources.append(base | source)

    def gather(self, **options: Any) -> tuple[Receipt, ...]:
        with self.store() as store:
            return gather(store, load_settings(self.folder), **options)

    @contextmanager
    def store(self) -> Iterator[Store]:
        for name, value in (
            ("site", {"site": self.site}),
            ("agencies", {"agencies": self.agencies}),
            ("sources", {"sources": self.sources}),
            (
                "topics",
                {
                    "services": [{"code": "roads", "name": "Roads"}],
                    "topics": [{"code": "potholes", "name": "Potholes", "service": "roads"}],
                },
            ),
        ):
            # JSON is YAML too, and keeps every value as it is.
            text = json.dumps(value, default=str)
            self.write(f"data/{name}.yml", text if name != "sources" else yaml.safe_dump(json.loads(text)))
        with Store.open(self.folder / "build" / "store") as store:
            yield store

    def rows(self, name: str, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table, those of its values that are given, in the order of its key."""
        with Store.open(self.folder / "build" / "store", is_writer=False) as store:
            table = store.con.to_pyarrow(store.read(name)).to_pylist()
        found = [row for row in table if all(row[k] == v for k, v in where.items())]
        return sorted(found, key=lambda row: str(row.get("record_id") or row))

    def findings(self) -> dict[str, int]:
        """How many rows each finding stands for."""
        counts: dict[str, int] = {}
        for row in self.rows("finding"):
            counts[row["finding_code"]] = counts.get(row["finding_code"], 0) + row["row_count"]
        return counts


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def at() -> Callable[[str], datetime]:
    """An instant (UTC, without a zone) from ISO text."""
    return datetime.fromisoformat
