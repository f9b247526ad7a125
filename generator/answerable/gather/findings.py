"""Findings: what is wrong or odd in the data, counted and located, never silently dropped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from answerable import schema

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["LOCATED_LIMIT", "Finding", "finding_table", "held_findings", "total"]

LOCATED_LIMIT = 1000
"""So many findings of one code are given with their line for each file; the others are one counted row."""

_VALUE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or odd in the data of one source.

    ``line`` is counted from 1 in the file; ``row_count`` is how many rows the finding stands for.
    """

    code: str
    record_id: str | None = None
    file_name: str | None = None
    line: int | None = None
    column_name: str | None = None
    row_count: int = 1
    value: str | None = None

    def __post_init__(self) -> None:
        if self.code not in schema.FINDING_CODES:
            raise ValueError(f"unknown finding code {self.code}")


def total(findings: Iterable[Finding]) -> int:
    """How many rows findings stand for."""
    return sum(f.row_count for f in findings)


def finding_table(source_id: str, findings: Sequence[Finding]) -> pa.Table:
    """Findings as rows of the table ``finding``; equal ones are one row with their count."""
    counts: dict[tuple[str, str | None, str | None, int | None, str | None, str | None], int] = {}
    for f in findings:
        value = None if f.value is None else f.value[:_VALUE_LENGTH]
        key = (f.code, f.record_id, f.file_name, f.line, f.column_name, value)
        counts[key] = counts.get(key, 0) + f.row_count
    rows = sorted(counts.items(), key=lambda item: tuple(str(part or "") for part in item[0]))
    columns: dict[str, list[object]] = {name: [] for name in schema.table("finding").names}
    for key, count in rows:
        code, record_id, file_name, line, column_name, value = key
        identity = "\x1f".join("" if part is None else str(part) for part in (source_id, *key))
        columns["finding_id"].append(hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest()[:16])
        columns["source_id"].append(source_id)
        columns["finding_code"].append(code)
        columns["record_id"].append(record_id)
        columns["file_name"].append(file_name)
        columns["line"].append(line)
        columns["column_name"].append(column_name)
        columns["row_count"].append(count)
        columns["value"].append(value)
    types = {"line": pa.int64(), "row_count": pa.int64()}
    return pa.table(
        {name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()}
    )


def held_findings(source_id: str, store: Store) -> list[Finding]:
    """The findings on a source as they stand in the store."""
    rows = store.con.to_pyarrow(store.read("finding", source_id=source_id)).to_pylist()
    return [
        Finding(
            code=row["finding_code"],
            **{n: row[n] for n in ("record_id", "file_name", "line", "column_name", "row_count", "value")},
        )
        for row in rows
    ]
