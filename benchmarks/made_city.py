"""A made-up project of service requests of any size: for measuring, not for looking at.

Requests have a category of 40, a queue of 12, a place in one of 36 squares (a third have none), a status, four times
and in two thirds of the closed ones a public note: one of a dozen phrases, one in twenty with a number of its own.

By default they lie anywhere in their eight years. With ``issue_size`` that many at a time lie in one square and in one
category within some days, and the next ones there come a year later: so each such group is an issue of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

__all__ = ["make_project"]

AGENCIES = 12
CATEGORIES = 40
SQUARES = 6
WORK = (
    "Pothole filled",
    "Lamp replaced",
    "Graffiti removed",
    "Bin emptied",
    "Tree trimmed",
    "Sign repaired",
    "Drain cleared",
)
OTHER = (
    "Thank you, your report was received.",
    "Duplicate of an earlier request.",
    "Transferred to the water company.",
    "Please call us on weekdays.",
    "Inspected; the surface is sound and will be looked at again in spring.",
)


def make_project(folder: Path, *, rows: int, file_format: str, issue_size: int = 0) -> Path:
    """Write a project with ``rows`` requests as ``csv`` or ``parquet``; return its folder.

    Args:
        folder: where it goes; made where it is missing.
        rows: how many requests.
        file_format: of the file that they are in.
        issue_size: how many of them make an issue; 0 where they are to lie anywhere.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    (data / "site.yml").write_text(
        "site:\n  name: Made city\n  description: For measuring.\n  url: https://made.example/\n  publisher: Nobody\n"
        "  contact: nobody@made.example\n  timezone: Europe/London\n  areas:\n    file: areas.geojson\n"
    )
    (data / "agencies.yml").write_text(
        "agencies:\n" + "".join(f"  - {{code: agency-{i}, name: Agency {i}}}\n" for i in range(AGENCIES))
    )
    (data / "topics.yml").write_text(
        "services:\n  - {code: everything, name: Everything}\ntopics:\n"
        + "".join(
            f"  - {{code: topic-{i}, name: Topic {i}, service: everything, codes: {{portal: [CAT{i}]}}}}\n"
            for i in range(CATEGORIES)
        )
    )
    (data / "sources.yml").write_text(
        "sources:\n  - id: portal\n    connector: table\n    name: Portal\n    licence: {name: CC0}\n"
        "    kind: service_request\n    channel: web\n    publish_rows: true\n"
        f"    path: requests.{file_format}\n    closed_statuses: [closed]\n    open_statuses: [open]\n"
        "    columns:\n      record_id: id\n      created_at: opened\n      updated_at: updated\n"
        "      closed_at: closed\n      status: status\n      agency: queue\n      service: category\n"
        "      latitude: lat\n      longitude: lon\n"
        "      note: note\n      note_at: updated\n"
    )
    squares = [
        {
            "type": "Feature",
            "properties": {"name": f"Square {x}{y}"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [
                        [-30 + x * 0.1, 45 + y * 0.1],
                        [-30 + (x + 1) * 0.1, 45 + y * 0.1],
                        [-30 + (x + 1) * 0.1, 45 + (y + 1) * 0.1],
                        [-30 + x * 0.1, 45 + (y + 1) * 0.1],
                        [-30 + x * 0.1, 45 + y * 0.1],
                    ]
                ],
            },
        }
        for x in range(SQUARES)
        for y in range(SQUARES)
    ]
    (folder / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": squares}))
    _write_requests(folder / f"requests.{file_format}", rows, file_format, issue_size)
    return folder


def _write_requests(path: Path, rows: int, file_format: str, issue_size: int) -> None:
    # Every value follows from a hash of the row's number: the same rows at each call, in parallel.
    def pick(salt: str, modulus: int) -> str:
        return f"cast(hash(i || '{salt}') % {modulus} as bigint)"

    work = ", ".join(f"'{text}'" for text in WORK)
    other = ", ".join(f"'{text}'" for text in OTHER)
    category, queue, has_place = pick("t", CATEGORIES), pick("a", AGENCIES), f"{pick('p', 3)} > 0"
    south, west = f"{pick('y', 6000)} / 10000.0", f"{pick('x', 6000)} / 10000.0"
    opened = f"timestamp '2018-01-01' + to_seconds(cast(i * (2922.0 * 86400 / {rows}) as bigint))"
    if issue_size:
        cells = CATEGORIES * SQUARES * SQUARES
        cell = f"(i // {issue_size}) % {cells}"
        category, has_place = f"({cell}) % {CATEGORIES}", "true"
        square = f"(({cell}) // {CATEGORIES})"
        queue = f"{category} % {AGENCIES}"
        south, west = (
            f"({place} / 10.0 + 0.01 + {pick(salt, 800)} / 10000.0)"
            for place, salt in ((f"{square} // {SQUARES}", "y"), (f"{square} % {SQUARES}", "x"))
        )
        days = f"(i // {issue_size * cells}) * 365 + {cell} % 300 + (i % {issue_size}) * 3"
        opened = f"timestamp '2018-01-01' + to_seconds(({days}) * 86400 + {pick('s', 86400)})"
    options = "format csv, header" if file_format == "csv" else "format parquet, compression zstd"
    con = duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(path.parent / "spill")})
    con.execute(
        f"""
        copy (
            with base as (
                select i, {opened} as opened,
                    {pick("c", 100)} < 93 as is_closed,
                    cast(60 + pow(1.00002, {pick("d", 500000)} % 400000) * 400 as bigint) as seconds,
                    {pick("n", 60)} as n
                from range({rows}) t(i)
            )
            select
                100000000 + i as id,
                strftime(opened, '%Y-%m-%d %H:%M:%S') as opened,
                strftime(opened + to_seconds(seconds), '%Y-%m-%d %H:%M:%S') as updated,
                case when is_closed then strftime(opened + to_seconds(seconds), '%Y-%m-%d %H:%M:%S') end as closed,
                case when is_closed then 'closed' else 'open' end as status,
                'Agency ' || ({queue}) as queue,
                'CAT' || ({category}) as category,
                case when {has_place} then round(45 + {south}, 4) else 0 end as lat,
                case when {has_place} then round(-30 + {west}, 4) else 0 end as lon,
                case
                    when not is_closed or n >= 40 then null
                    when n < 3 then 'Work order ' || i || ' completed'
                    when n < 30 then list_value({work})[1 + {pick("w", len(WORK))}]
                    else list_value({other})[1 + {pick("o", len(OTHER))}]
                end as note
            from base
        ) to '{path}' ({options})
        """  # noqa: S608  our own words only
    )
    con.close()
