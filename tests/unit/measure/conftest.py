from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from answerable import schema
from answerable.measure.stage import measure
from answerable.settings import Agency, Licence, Service, Settings, Site, TableSource, Topic
from answerable.store import Store

ZONE = "Europe/London"
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class World:
    """A store that a test fills with feedback, and the numbers that come out of it."""

    store: Store
    settings: Settings
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, name: str, /, **row: Any) -> None:
        """Add a row to a table; times are texts in UTC."""
        types = {c.name: c.type for c in schema.table(name).columns}
        self.rows.setdefault(name, []).append(
            {k: instant(v) if types[k] == "timestamp" and isinstance(v, str) else v for k, v in row.items()}
        )

    def source(self, source_id: str, as_of: str, *, rows: bool = True, rates: bool = True) -> None:
        self.add(
            "source",
            source_id=source_id,
            name=source_id,
            connector="table",
            is_published_by_row=rows,
            is_rate_published=rates,
            as_of_at=as_of,
            is_stale=False,
            is_complete=True,
            feedback_count=0,
        )

    def feedback(
        self,
        feedback_id: str,
        created: str,
        *,
        source: str = "city",
        updates: tuple[tuple[str, str], ...] = (),
        responses: tuple[str, ...] = (),
        reading: dict[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        """One feedback with its reading, its updates (kind and time) and responses; an agency made most updates."""
        month = instant(created).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m")
        key = {"feedback_id": feedback_id, "source_id": source, "month": month}
        given = {
            "record_id": feedback_id,
            "kind": "service_request",
            "channel": "web",
            "time_precision": "second",
            "is_official": False,
            "is_repost": False,
        }
        self.add("feedback", **{**given, **key, "created_at": created, **columns})
        read = {
            "is_counted": True,
            "topic_code": "t",
            "topic_rule": "r",
            "agency_code": "a",
            "agency_rule": "r",
            "redaction_count": 0,
        }
        self.add("reading", **{**read, **key, **(reading or {})})
        for number, (kind, at) in enumerate(updates):
            self.add(
                "feedback_update",
                **key,
                update_id=f"{feedback_id}-{number}",
                at=at,
                kind=kind,
                is_official=kind not in {"confirmed", "opened"},
                is_at_latest=False,
            )
        for number, at in enumerate(responses):
            self.add(
                "response_feedback",
                **key,
                response_id=f"{feedback_id}-{number}",
                responded_at=at,
                method="note",
                confidence=1.0,
                is_reviewed=False,
            )

    def write(self) -> None:
        with self.store.transaction():
            for name, rows in self.rows.items():
                columns = schema.table(name).columns
                for row in rows:
                    assert set(row) <= {c.name for c in columns}, name
                naive = [
                    {k: v.replace(tzinfo=None) if isinstance(v, datetime) else v for k, v in row.items()}
                    for row in rows
                ]
                table = pa.table(
                    {c.name: pa.array([r.get(c.name) for r in naive], _TYPES[c.type]) for c in columns}
                )
                self.store.write(name, table)

    def measured(self) -> dict[tuple[str, str, str, str], dict[str, Any]]:
        """Write what was added, measure, and give the rows by (measure, interval, breakdown, group)."""
        self.write()
        measure(self.store, self.settings)
        rows = self.store.con.to_pyarrow(self.store.read("measure_result")).to_pylist()
        return {(r["measure"], r["interval"], r["breakdown"], r["group_code"]): r for r in rows}

    def clocks(self) -> dict[str, dict[str, Any]]:
        """Write what was added, measure, and give the clocks by feedback."""
        self.measured()
        rows = self.store.con.to_pyarrow(self.store.read("clock")).to_pylist()
        return {r["feedback_id"]: r for r in rows}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    source: Callable[[str], TableSource] = lambda name: TableSource(  # noqa: E731
        connector="table",
        id=name,
        name=name,
        licence=Licence(name="x"),
        publish_rows=True,
        kind="service_request",
        path="x.csv",
        columns={"record_id": "a", "created_at": "b"},  # type: ignore[dict-item]
    )
    settings = Settings(
        project=tmp_path,
        site=Site(
            name="s",
            description="d",
            url="https://example.org",
            publisher="p",
            contact="c@example.org",
            timezone=ZONE,
        ),
        agencies=(Agency(code="a", name="A"), Agency(code="b", name="B")),
        services=(Service(code="s", name="S"),),
        topics=(Topic(code="t", name="T", service="s"),),
        sources=(source("city"), source("hall")),
    )
    with Store.open(tmp_path / "store") as store:
        yield World(store, settings)
