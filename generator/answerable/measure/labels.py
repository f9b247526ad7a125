"""Reviewed labels of updates: what a person said a note is, for comparison with what the rules say.

``data/lookups/update_labels.csv`` has the columns ``record_id`` and ``update_class``, and ``source_id``
where the project has several sources whose ids could be mixed up.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa

from answerable import schema
from answerable.errors import SettingsError

__all__ = ["LABELS_FILE", "UNCLEAR", "is_response", "read_labels"]

LABELS_FILE = "update_labels.csv"
"""Its name under data/lookups/."""

UNCLEAR = "unclear"
"""A label for "a careful reader cannot tell"."""


def is_response(update_class: str) -> bool:
    """Whether a class counts as a response."""
    return update_class in schema.RESPONSE_CLASSES


def read_labels(path: Path) -> pa.Table:
    """The labels as a table; empty where there is no such file.

    Returns:
        ``record_id``, ``labelled_source_id`` (or NULL) and ``person_class``.

    Raises:
        SettingsError: a column is missing, a class is not a class, or a note is labelled twice.
    """
    found: dict[tuple[str, str | None], str] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if not {"record_id", "update_class"} <= set(reader.fieldnames or ()):
                raise SettingsError("needs the columns record_id and update_class", file=path, line=1)
            for row in reader:
                label = row["update_class"]
                if label != UNCLEAR and label not in schema.UPDATE_CLASSES:
                    raise SettingsError(
                        f"{label} is not a class of updates",
                        file=path,
                        line=reader.line_num,
                        remedy=f"use one of {', '.join((*schema.UPDATE_CLASSES, UNCLEAR))}",
                    )
                key = (row["record_id"], row.get("source_id") or None)
                if key in found:
                    raise SettingsError(
                        f"{row['record_id']} is labelled twice", file=path, line=reader.line_num
                    )
                found[key] = label
    return pa.table(
        {
            "record_id": pa.array([k[0] for k in found], pa.string()),
            "labelled_source_id": pa.array([k[1] for k in found], pa.string()),
            "person_class": pa.array(list(found.values()), pa.string()),
        }
    )
