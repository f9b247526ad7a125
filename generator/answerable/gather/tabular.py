"""Rows of a table that an API gives: which columns are needed, and what identifies a row.

Their columns are mapped by the connector `table`, as those of a file are; here is only what has to be known before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from answerable.source_settings import Columns

__all__ = ["key_columns", "needed_columns", "record_id"]


def needed_columns(source: Columns) -> tuple[str, ...]:
    """The columns of the source that its mapping names, each once."""
    return tuple(dict.fromkeys(c for m in source.columns.values() for c in m.columns))


def key_columns(source: Columns) -> tuple[str, ...]:
    """The columns that identify a row."""
    return source.columns["record_id"].columns


def record_id(row: Mapping[str, Any], source: Columns) -> str | None:
    """The identifier of a row, as the connector `table` reads it from the same row; None where it has none.

    A number with decimals has lost digits or will: it is no identifier.
    """
    mapping = source.columns["record_id"]
    parts: list[str] = []
    for name in mapping.columns:
        value = _at(row, name)
        if isinstance(value, float | dict | list):
            return None
        text = "" if value is None else _text(value).strip()
        if text and text not in mapping.missing:
            parts.append(text)
    joined = (parts[0] if len(mapping.columns) == 1 else mapping.separator.join(parts)) if parts else ""
    # A spreadsheet's 4711.0, kept as text, is 4711.
    return re.sub(r"^(\d+)\.0$", r"\1", joined) or None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(row: Mapping[str, Any], name: str) -> Any:
    """What stands in a column: under its name as it is, else along the names between its dots."""
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found
