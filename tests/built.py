"""A project that has been built, as its readers get it: for tests that compare a whole site with what went in."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerable.publish.finished import read_measures
from answerable.store import Store

__all__ = ["Built"]


@dataclass(frozen=True, eq=False)
class Built:
    """The project's folder, with what was published of it and what it keeps to itself."""

    project: Path

    @property
    def site(self) -> Path:
        return self.project / "build" / "site"

    @functools.lru_cache(maxsize=32)  # noqa: B019  (a run builds few projects)
    def published(self, name: str) -> list[dict[str, str]]:
        """The rows of a published CSV."""
        with (self.site / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @functools.lru_cache(maxsize=32)  # noqa: B019
    def held(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table of the store."""
        with Store.open(self.project / "build" / "store", is_writer=False) as store:
            rows: list[dict[str, Any]] = store.con.to_pyarrow(store.read(name)).to_pylist()
        return rows

    def measured(
        self, measure: str, breakdown: str = "all", group: str = "all", interval: str = "all"
    ) -> Any:
        """A published measure."""
        return read_measures(self.site / "data" / "measures.csv")[measure, breakdown, group, interval]
