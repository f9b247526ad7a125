"""A small piece of the demonstration city: some hundred records of every kind that it plants, and what they need.

    cut = cut_city(folder)      makes the city, cuts it, and leaves a project that can be built in seconds

What is chosen follows from ``truth.json`` alone, by kind and evenly over the identifiers.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cut", "cut_city"]

ROOT = Path(__file__).parents[2]
OTHER_ROWS = 5  # of the sources of which nothing is chosen
PROBLEMS = ("lift-barbican", "hot-water-cable", "ferry-ramp")
REGISTER = ("2026-03-16-lift.md", "2026-06-27-ferry.md")
NOISE_OF_EACH = 2

SINCE_POST, SINCE_REQUEST = "1939500000000000000", "MP25G"
"""The first identifiers of July 2025. (So far ids of requests sort by time: a year's letters are its months.)"""

Name = tuple[str, str]
"""A source and a record."""


@dataclass(frozen=True)
class Cut:
    """The project's folder, and the records that are looked at, by kind."""

    project: Path
    chosen: dict[str, list[Name]]


def cut_city(folder: Path) -> Cut:
    """Make the city in a folder and cut a project out of it.

    Raises:
        subprocess.CalledProcessError: the city could not be made.
    """
    whole, project = folder / "whole", folder / "project"
    maker = ROOT / "data" / "demo" / "make.py"
    subprocess.run([sys.executable, "-B", maker, "--out", whole], check=True, capture_output=True)
    truth = json.loads((whole / "truth.json").read_text("utf-8"))
    chosen = _chosen(truth)
    wanted = {name for names in chosen.values() for name in names} | _needed(truth)
    demo = project / "build" / "demo"
    (demo / "petitions").mkdir(parents=True)
    posts = {i for source, i in wanted if source == "posts"}
    _posts(whole / "posts.jsonl", demo / "posts.jsonl", posts)
    _requests(whole / "requests.csv", demo / "requests.csv", {i for s, i in wanted if s == "requests"})
    for source, number in wanted:
        if source == "petitions":
            shutil.copy(whole / "petitions" / f"{number}.json", demo / "petitions")
    shutil.copy(whole / "areas.geojson", demo)
    for path in (whole / "inspections.csv", whole / "earlier" / "permits_export.csv"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        (demo / path.name).write_text("".join(lines[: OTHER_ROWS + 1]), "utf-8")
    _settings(project, whole)
    return Cut(project, chosen)


def _recent(ids: Iterable[str]) -> list[str]:
    """The identifiers of the last year, in order: every month that is held costs time."""
    return sorted(i for i in ids if i >= (SINCE_REQUEST if i.startswith("MP") else SINCE_POST))


def _chosen(truth: dict[str, Any]) -> dict[str, list[Name]]:
    planted, posts, problems = truth["planted"], truth["posts"], truth["problems"]
    requests = truth["requests"]
    families: dict[str, list[str]] = {}
    for copy, first in sorted(planted["near_duplicates"].items()):
        families.setdefault(first, [first]).append(copy)
    of_problem = {name: problems[name] for name in PROBLEMS}
    wants: dict[str, list[str]] = {}
    for number in _recent(planted["wants"]):
        wants.setdefault(planted["wants"][number]["intent"], []).append(number)
    langs: dict[str, list[str]] = {}
    for number in _recent(planted["languages"]):
        langs.setdefault(planted["languages"][number]["lang"], []).append(number)
    answered: dict[str, list[str]] = {}
    for reply in posts["official_replies"].values():
        if reply["answers"] in posts["feedback"] and reply["answers"] >= SINCE_POST:
            answered.setdefault(reply["update_class"], []).append(reply["answers"])
    noted: dict[str, list[str]] = {}
    for number in _recent(requests["update_classes"]):
        noted.setdefault(requests["update_classes"][number], []).append(number)
    private = [p for p in truth["personal_data"] if p["source_id"] == "requests"]
    elsewhere = [i for facts in planted["answers_elsewhere"].values() for i in facts["requests"]]
    likely = [i for facts in planted["likeness_elsewhere"].values() for i in facts["requests"]]
    return {
        "copies": _in("posts", [i for ids in families.values() for i in _spread(ids, 3)]),
        "templates": _in("posts", [i for ids in planted["templates"].values() for i in _spread(ids, 4)]),
        "floods": [
            *_in("posts", _spread(planted["brigade"], 5)),
            *_in("posts", _spread(sorted(planted["wave"]), 4)),
            *_in("posts", [i for ids in planted["noise"].values() for i in _spread(ids, 3)]),
        ],
        "noise": _in(
            "posts", [i for ids in posts["noise_ids"].values() for i in _spread(_recent(ids), NOISE_OF_EACH)]
        ),
        "problems": [
            *_in("posts", [i for p in of_problem.values() for i in _spread(sorted(p["posts"]), 5)]),
            *_in("requests", [i for p in of_problem.values() for i in _spread(sorted(p["requests"]), 2)]),
            *_in("petitions", [i for p in of_problem.values() for i in p["petitions"]]),
        ],
        "languages": _in("posts", [i for ids in langs.values() for i in _spread(ids, 3)]),
        "wants": _in("posts", [i for ids in wants.values() for i in _spread(ids, 3)]),
        "answers": [
            *_in("posts", [i for ids in answered.values() for i in _spread(sorted(set(ids)), 2)]),
            *_in("requests", [i for ids in noted.values() for i in _spread(ids, 2)]),
            *_in("requests", [*_spread(_recent(elsewhere), 5), *_spread(_recent(likely), 2)]),
        ],
        "personal": [
            *_in("posts", _recent(planted["personal_posts"])),
            *_in("requests", _spread(_recent({p["record_id"] for p in private}), 6)),
        ],
    }


def _in(source: str, ids: Iterable[str]) -> list[Name]:
    return [(source, number) for number in ids]


def _spread(ids: Sequence[str], count: int) -> list[str]:
    """As many, evenly over a list: the first and the last always."""
    if count >= len(ids):
        return list(ids)
    return [ids[round(at * (len(ids) - 1) / (count - 1))] for at in range(count)]


def _needed(truth: dict[str, Any]) -> set[Name]:
    """What the chosen ones are understood by: whole families of copies, whole problems, whole floods."""
    planted = truth["planted"]
    copies = [*planted["near_duplicates"], *planted["near_duplicates"].values()]
    floods = [*planted["brigade"], *planted["wave"], *planted["wave"].values(), *planted["noise"]["giveaway"]]
    official = _recent([*planted["answers_elsewhere"], *planted["likeness_elsewhere"]])
    problems = [truth["problems"][name] for name in PROBLEMS]
    return {
        *_in("posts", [*copies, *floods, *official, *(i for problem in problems for i in problem["posts"])]),
        *_in("requests", [i for problem in problems for i in problem["requests"]]),
        *_in("petitions", [i for problem in problems for i in problem["petitions"]]),
    }


def _posts(whole: Path, cut: Path, wanted: set[str]) -> None:
    """The wanted posts with their conversations; what each answers comes with it."""
    lines = {}
    for line in whole.read_text("utf-8").splitlines():
        try:
            post = json.loads(line)
        except json.JSONDecodeError:
            continue
        if "conversationId" in post:
            lines[str(post["id"])] = (line, str(post["conversationId"]))
    roots = {lines[number][1] for number in wanted}
    kept = [line for line, root in lines.values() if root in roots]
    cut.write_text("\n".join(kept) + "\n", "utf-8")


def _requests(whole: Path, cut: Path, wanted: set[str]) -> None:
    with whole.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with cut.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], *(row for row in rows[1:] if row[0] in wanted)])


def _settings(project: Path, whole: Path) -> None:
    """The demonstration's own settings, without its labels.

    What a person labelled is decided by the label; here it is to be seen what the program says by itself.
    """
    data = project / "data"
    (data / "responses").mkdir(parents=True)
    for name in ("site.yml", "agencies.yml", "topics.yml", "sources.yml"):
        shutil.copy(ROOT / "data" / name, data / name)
    shutil.copytree(ROOT / "data" / "lookups", data / "lookups", ignore=shutil.ignore_patterns("labels.*"))
    for name in REGISTER:
        shutil.copy(whole / "register" / name, data / "responses")
