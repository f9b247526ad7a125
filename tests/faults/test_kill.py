"""A build that is killed at any moment: the next one ends with the store and the site of an undisturbed one.

The clock of a build stands still here. So every byte of the site can be compared: of a build's own times it shows one,
when each source was last read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.small_project import write_project

from answerable import schema
from answerable.draw.figure import vega_bundle
from answerable.store import Store

ROWS = 60
MORE_ROWS = 80
IS_LONG = int(os.environ.get("ANSWERABLE_TEST_KILLS", "0")) > 100
"""The long run of the kills (test_live_kills.py has the same switch)."""
MOMENTS = (
    {"gather": 3, "understand": 3, "measure": 2, "publish": 4}
    if IS_LONG
    else {"gather": 1, "understand": 1, "measure": 1, "publish": 1}
)
"""How many builds are killed in each stage, at moments that are spread over it."""

PROGRAM = """
import functools, logging, sys
from datetime import datetime
from pathlib import Path
from answerable import build
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
build.gather = functools.partial(build.gather, now=datetime.fromisoformat(sys.argv[2]))
build.build(Path(sys.argv[1]))
"""
UNSTABLE = {"source_run": ("finished_at",)}
"""Where the clock does not stand still."""
COUNTERS = ("generation", "mark", "partition")
"""Of the store's DuckDB file: how it came to be, and where its files lie."""

MORE_SOURCES = """\
  - id: posts
    connector: snscrape_archive
    name: Posts
    licence: {name: CC0}
    publish_rows: true
    path: posts.jsonl
  - id: answers
    connector: register
    name: Answers on the record
    licence: {name: CC0}
    publish_rows: true
    path: data/responses/*.md
"""
ENTRY = """\
---
id: lamps
kind: answer
agency: works
responded_on: 2024-03-30
title: Lamps
feedback: ["portal:R{number}", "posts:5"]
---
All lamps were replaced.
"""


@dataclass(frozen=True)
class Case:
    """What a build starts from, when it runs, and what it is to end with."""

    prepare: Callable[[Path], None]
    now: str
    before: dict[str, str]
    lines: list[tuple[float, str]]
    store: dict[str, list[str]]
    site: dict[str, str]

    def moments(self, stage: str) -> Iterator[tuple[int, float]]:
        """Moments spread over a stage: after so many lines of the log, and how long after."""
        starts = [number for number, (_, line) in enumerate(self.lines) if stage_of(line) is not None]
        begin = next(n for n in starts if stage_of(self.lines[n][1]) == stage)
        end = min([n for n in starts if n > begin], default=len(self.lines) - 1)
        first, last = self.lines[begin][0], self.lines[end][0]
        for k in range(MOMENTS[stage]):
            moment = first + (last - first) * (2 * k + 1) / (2 * MOMENTS[stage])
            passed = [at for at, _ in self.lines if at <= moment]
            yield len(passed), moment - passed[-1]


def stage_of(line: str) -> str | None:
    """The stage that begins with a line of the log."""
    word = line.partition(":")[0]
    return word if word in MOMENTS else None


def write_inputs(folder: Path) -> None:
    write_project(folder, rows=ROWS)
    with (folder / "data/sources.yml").open("a") as file:
        file.write(MORE_SOURCES)
    topics = folder / "data/topics.yml"
    topics.write_text(topics.read_text().replace("name: Lamps,", 'name: Lamps, phrases: ["lamp*"],'))
    write_posts(folder, ROWS)
    write_entry(folder, 1)
    # The drawing library's code for browsers takes seconds to make: each build finds it made.
    vega_bundle(folder / "build" / "cache")


def grow_inputs(folder: Path) -> None:
    """More of everything, and the answer is about something else."""
    other = folder.with_name(f"{folder.name}-more")
    write_project(other, rows=MORE_ROWS)
    shutil.copy(other / "requests.csv", folder / "requests.csv")
    shutil.rmtree(other)
    write_posts(folder, MORE_ROWS)
    write_entry(folder, 2)


def write_posts(folder: Path, count: int) -> None:
    """Posts of which each third is an official reply to the one before."""
    with (folder / "posts.jsonl").open("w") as file:
        for n in range(count):
            is_reply = n % 3 == 1
            post: dict[str, Any] = {
                "_type": "snscrape.modules.twitter.Tweet",
                "id": n,
                "conversationId": n - 1 if is_reply else n,
                "inReplyToTweetId": n - 1 if is_reply else None,
                "date": f"2024-0{n % 3 + 1}-{n % 28 + 1:02d}T08:00:01+00:00",
                "user": {"username": "TownWorks" if is_reply else f"person{n}"},
                "rawContent": "Repaired this morning." if is_reply else f"The lamp number {n} is out again",
            }
            file.write(json.dumps(post) + "\n")


def write_entry(folder: Path, number: int) -> None:
    path = folder / "data/responses/lamps.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(ENTRY.format(number=number))


def start(folder: Path, now: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, str(folder), now],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"ANSWERABLE_SECRET": "the same for every run"},
    )


def run(folder: Path, now: str) -> list[tuple[float, str]]:
    """A build to its end: the lines of its log, and when each was written."""
    begun = time.monotonic()
    with start(folder, now) as process:
        assert process.stdout is not None
        lines = [(time.monotonic() - begun, line.strip()) for line in process.stdout]
    assert process.returncode == 0, "\n".join(line for _, line in lines)
    return lines


def store_of(folder: Path) -> dict[str, list[str]]:
    """The rows of every table, those among them that stand in the DuckDB file."""
    place = folder / "build" / "store"
    found: dict[str, list[dict[str, Any]]] = {}
    with Store.open(place, is_writer=False) as store:
        for name in schema.TABLES:
            dropped = list(UNSTABLE.get(name, ()))
            found[name] = store.con.to_pyarrow(store.read(name)).drop_columns(dropped).to_pylist()
    with duckdb.connect(place / "answerable.duckdb", read_only=True) as state:
        for (name,) in state.execute("show tables").fetchall():
            if name not in COUNTERS:
                rows = state.execute(f"from {name}").to_arrow_table().to_pylist()
                # Of an instant of the clock only that there is one has to be the same.
                found[f"state {name}"] = [
                    {k: "an instant" if isinstance(v, datetime) else v for k, v in row.items()}
                    for row in rows
                ]
        found["marks"] = state.execute("select name from mark").to_arrow_table().to_pylist()
    return {
        name: sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
        for name, rows in found.items()
    }


def site_of(folder: Path) -> dict[str, str]:
    """A digest of each published file; nothing where there is no site."""
    site = folder / "build" / "site"
    return {
        p.relative_to(site).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in site.rglob("*")
        if p.is_file()
    }


def kill(case: Case, folder: Path, stage: str, line_count: int, delay: float) -> str:
    """Kills a build so long after a line of its log, and gives the last line that it wrote.

    Where the machine was slower when the delay was measured, and the build has left the stage by itself, a new one is
    killed sooner.
    """
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        case.prepare(folder)
        with start(folder, case.now) as process:
            assert process.stdout is not None
            lines = [next(process.stdout) for _ in range(line_count)]
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            lines += process.stdout
        was_in = [found for found in map(stage_of, map(str.strip, lines)) if found][-1]
        if process.returncode == -signal.SIGKILL and was_in == stage:
            return lines[-1].strip()
        assert process.returncode in (0, -signal.SIGKILL), "".join(lines)
        delay /= 2


def undisturbed(prepare: Callable[[Path], None], folder: Path, now: str) -> Case:
    prepare(folder)
    before = site_of(folder)
    lines = run(folder, now)
    return Case(prepare, now, before, lines, store_of(folder), site_of(folder))


@pytest.mark.slow
def test_a_killed_build_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    first = undisturbed(write_inputs, tmp_path / "first", "2024-07-01T12:00:00")

    def grown(folder: Path) -> None:
        shutil.copytree(tmp_path / "first", folder)
        grow_inputs(folder)

    later = undisturbed(grown, tmp_path / "later", "2024-07-03T12:00:00")
    assert len(first.store["feedback"]) == 2 * ROWS
    assert len(later.store["feedback"]) == 2 * MORE_ROWS
    assert len(later.store["state record"]) == MORE_ROWS
    for table in ("response", "issue", "register_entry", "measure_result"):
        assert first.store[table]
        assert first.store[table] != later.store[table]
    assert "issues/index.html" in first.site
    assert later.before == first.site != later.site

    hits: list[str] = []
    for stage in MOMENTS:
        plans = zip(first.moments(stage), later.moments(stage), strict=True)
        for plan in plans:
            # By turns from nothing, and where a site stands.
            number = len(hits) % 2
            case = (first, later)[number]
            folder = tmp_path / f"killed-{len(hits)}"
            hits.append(f"{stage}: {kill(case, folder, stage, *plan[number])}")
            # The swap is one step: the old site as it was, or the new one whole.
            assert site_of(folder) in (case.before, case.site), hits[-1]
            run(folder, case.now)
            assert store_of(folder) == case.store, hits[-1]
            assert site_of(folder) == case.site, hits[-1]
            assert not list((folder / "build").glob("site.*")), hits[-1]
            assert not list((folder / "build/store").glob("spill-*")), hits[-1]
            shutil.rmtree(folder)
    print("\n".join(hits))  # noqa: T201 (pytest -rP shows what each kill hit)
    assert len(hits) == sum(MOMENTS.values())
