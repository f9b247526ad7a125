"""The smaller files: inspections.csv (odd dates), permits (an export that broke) and the register's drafts."""

from __future__ import annotations

import csv
import random
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city import HERE, City, lognormal, pick, to_local

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = {"FD-01": 40, "FD-02": 22, "FD-03": 14, "LI-01": 12}
OUTCOMES = {
    "Inspected, no action needed.": 20,
    "Inspected, improvements required and made.": 18,
    "Written warning issued to the business.": 14,
    "Premises closed for cleaning, reopened after a second visit.": 4,
    "Pest treatment completed by the owner.": 9,
    "Licence conditions changed.": 5,
    "Outside our powers, referred to the regulator.": 6,
    "Duplicate.": 5,
    "": 12,
}
WORKS = ("water main", "gas main", "fibre cable", "electricity joint", "new crossing", "scaffold licence")
INSPECTION_COLUMNS = ["case_no", "received", "closed", "type", "outcome", "district", "latitude", "longitude"]
PERMIT_COLUMNS = ["permit_no", "received", "decided", "decision", "works", "street", "district"]


def write_inspections(out: Path, city: City, seed: int, rows: int) -> dict[str, Any]:
    """Complaints about food and licences: dates without times, and what goes wrong in a typed-in register."""
    rng = random.Random(f"{seed}: inspections")
    table: list[list[str]] = []
    areas = {code: float(area["weight"]) for code, area in city.facts["area"].items()}
    last = to_local(city.as_of).date() - timedelta(1)
    truth: dict[str, Any] = {"closed_before_opened": [], "closed_in_1900": [], "zero_coordinates": []}
    truth |= {"unknown_type": [], "repeated_rows": [], "day_precision": True}
    for number in range(1, rows + 1):
        case = f"EH-{number:04d}"
        received = city.first_day + timedelta(int(rng.random() * (city.day_count - 1)))
        if received.weekday() >= 5:
            received -= timedelta(2)
        received = max(received, city.first_day)
        closed: date | None = received + timedelta(round(lognormal(rng, 33, 0.5)))
        if closed is not None and (closed > last or rng.random() < 0.07):
            closed = None
        outcome = pick(rng, OUTCOMES) if closed else ""
        area = pick(rng, areas)
        longitude, latitude = city.point_on(rng.choice(city.streets[area]), rng)
        name, kind = city.facts["area"][area]["name"], pick(rng, TYPES)
        place = [name, f"{latitude:.6f}", f"{longitude:.6f}"]
        odd = rng.random()
        if closed and odd < 0.05:
            closed = received - timedelta(rng.randint(1, 300))
            truth["closed_before_opened"].append(case)
        elif closed and odd < 0.07:
            closed = date(1900, 1, 1)
            truth["closed_in_1900"].append(case)
        elif odd < 0.16:
            place = [name if odd < 0.13 else "", "0", "0"]
            truth["zero_coordinates"].append(case)
        elif odd < 0.185:
            kind = "FD-99"
            truth["unknown_type"].append(case)
        ended = f"{closed.isoformat()} 00:00:00" if closed else ""
        table.append([case, f"{received.isoformat()} 00:00:00", ended, kind, outcome, *place])
    for at in sorted(rng.sample(range(rows - 5), min(3, rows // 20)), reverse=True):
        table.insert(at + 1, table[at])
        truth["repeated_rows"].append(table[at][0])
    _write(out / "inspections.csv", INSPECTION_COLUMNS, table)
    return {"row_count": len(table), "case_count": rows, **truth}


def write_permits(out: Path, city: City, seed: int, rows: int) -> dict[str, Any]:
    """Objections to street works: last month's file is sound, this week's export lost its header."""
    rng = random.Random(f"{seed}: permits")
    table = []
    sound_until = date(2026, 5, 31)
    for number in range(1, rows + 1):
        received = city.first_day + timedelta(int(number / rows * ((sound_until - city.first_day).days - 1)))
        area = rng.choice(list(city.streets))
        decided = received + timedelta(round(lognormal(rng, 11, 0.6)))
        is_decided = decided < sound_until and rng.random() < 0.94
        decision = rng.choice(("granted", "granted with conditions", "refused")) if is_decided else ""
        street = rng.choice(city.streets[area]).name
        name = city.facts["area"][area]["name"]
        ended = decided.isoformat() if is_decided else ""
        table.append(
            [f"SW-{number:04d}", received.isoformat(), ended, decision, rng.choice(WORKS), street, name]
        )
    folder = out / "earlier"
    folder.mkdir()
    _write(folder / "permits_export.csv", PERMIT_COLUMNS, table)
    whole = (folder / "permits_export.csv").read_text(encoding="utf-8")
    header, rest = whole.split("\n", 1)
    broken = header[: header.index("decided") + 5] + "\n" + rest[: len(rest) - 37]
    (out / "permits_export.csv").write_text(broken, encoding="utf-8", newline="\n")
    return {
        "file": "permits_export.csv",
        "what_broke": "the header ends in the middle of a column's name (decid), and so does the last row",
        "missing_columns": PERMIT_COLUMNS[2:],
        "last_sound_file": "earlier/permits_export.csv",
        "last_sound_rows": rows,
    }


def _write(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def write_register(
    out: Path,
    cells: dict[str, dict[str, list[str]]],
    truth: dict[str, Any],
    private: Callable[[str, str], str],
) -> dict[str, Any]:
    """Put the ids of what is answered into the register's drafts (the lines under `select:`).

    `private` fills the slots of a draft that holds somebody's personal data, given its text and its name.
    """
    folder = out / "register"
    folder.mkdir()
    entries = {}
    for path in sorted((HERE / "register").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        block = re.search(r"^select:\n((?:  - .*\n)+)", text, re.MULTILINE)
        if block is None:
            raise ValueError(f"{path.name}: no lines under `select:`")
        chosen = [i for line in block[1].splitlines() for i in _select(line.strip("- "), cells, truth)]
        listed = "".join(f"  - {name}\n" for name in chosen)
        written = text.replace(block[0], f"feedback:\n{listed}" if listed else "feedback: []\n")
        if "{" in written:
            written = private(written, path.stem)
        (folder / path.name).write_text(written, encoding="utf-8", newline="\n")
        entries[path.stem] = chosen
    return entries


def _select(line: str, cells: dict[str, dict[str, list[str]]], truth: dict[str, Any]) -> list[str]:
    """Ids that one line selects.

    `requests CODE areas FROM..TO`, `petitions KEY`, `posts failure`, `posts campaign NAME`, `problem NAME
    FROM..TO` (its posts and requests), `none`.
    """
    match line.split():
        case ["none"]:
            return []
        case ["requests", category, areas, span]:
            first, last = span.split("..")
            keys = [key for area in areas.split(",") for key in cells[category].get(area, [])]
            return [f"requests:{key.split(' ')[1]}" for key in sorted(keys) if first <= key[:10] <= last]
        case ["petitions", answer]:
            return [f"petitions:{number}" for number in truth["petitions"]["answers_shared"][answer]]
        case ["posts", "failure"]:
            return [f"posts:{number}" for number in truth["posts"]["failure_ids"]]
        case ["posts", "campaign", name]:
            return [f"posts:{number}" for number in truth["posts"]["campaigns"][name]["feedback_ids"]]
        case ["problem", name, span]:
            first, last = span.split("..")
            problem = truth["problems"][name]
            raised = {
                **problem["requests"],
                **{number: post["on"] for number, post in problem["posts"].items()},
            }
            return [
                f"{'requests' if number in problem['requests'] else 'posts'}:{number}"
                for number, on in sorted(raised.items())
                if first <= on <= last
            ]
        case _:
            raise ValueError(f"the register selects with a line that is not known: {line!r}")
