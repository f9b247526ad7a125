"""A small project of one table, written to disk: for tests of the whole way that need no city."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

__all__ = ["write_project"]

SITE = """\
site:
  name: Town
  description: What people in Town raised.
  url: https://town.example/
  publisher: The town
  contact: data@town.example
  timezone: Europe/London
  areas: {file: areas.geojson}
"""
AGENCIES = "agencies:\n  - {code: works, name: Public Works, accounts: [TownWorks]}\n"
TOPICS = """\
services:
  - {code: streets, name: Streets, agency: works}
topics:
  - {code: potholes, name: Potholes, service: streets, codes: {portal: [POT]}}
  - {code: lamps, name: Lamps, service: streets, codes: {portal: [LAMP]}}
"""
SQUARE = [[-30, 45], [-29, 45], [-29, 46], [-30, 46], [-30, 45]]
SOURCES = """\
sources:
  - id: portal
    connector: table
    name: The portal
    licence: {name: CC0}
    kind: service_request
    publish_rows: true
    path: requests.csv
    as_of: 2024-06-01T00:00:00Z
    columns:
      record_id: id
      created_at: opened
      closed_at: closed
      service: kind
      latitude: lat
      longitude: lon
      note: note
      note_at: closed
"""


def write_project(folder: Path, *, rows: int = 60) -> Path:
    """Write a project with ``rows`` service requests; return its folder."""
    data = folder / "data"
    data.mkdir(parents=True)
    for name, text in (
        ("site.yml", SITE),
        ("agencies.yml", AGENCIES),
        ("topics.yml", TOPICS),
        ("sources.yml", SOURCES),
    ):
        (data / name).write_text(text, "utf-8")
    square = {"type": "Polygon", "coordinates": [SQUARE]}
    areas = [{"type": "Feature", "properties": {"name": "Old Harbour"}, "geometry": square}]
    (folder / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": areas}))
    with (folder / "requests.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "opened", "closed", "kind", "note", "lat", "lon"])
        for i in range(rows):
            opened = datetime(2024, 1, 1, 9) + timedelta(days=i, minutes=7 * i)  # noqa: DTZ001
            closed = opened + timedelta(hours=5 * i + 1) if i % 4 else ""
            note = ("Field work has been completed.", "Thank you, your report was received.", "")[i % 3]
            kind = "LAMP" if i % 5 == 0 else "POT"
            writer.writerow([f"R{i}", opened, closed, kind, note if closed else "", 45.5, -29.5])
    return folder
