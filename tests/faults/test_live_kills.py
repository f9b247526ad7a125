"""Gathers that are killed at any moment, again and again: left to finish, the store is that of an undisturbed one.

A gather costs less than a start of Python with all that it imports: a helper process imports everything, opens
nothing, and forks for each gather. It says when a gather begins to ask, to commit and to make the tables.
"""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.apis.mastodon import MastodonServer
from tests.apis.open311 import City
from tests.apis.serving import Handle, serving
from tests.gathering import Project
from tests.traces import traces

from answerable.store import Store

NOW = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
HOUR = timedelta(hours=1)
KILLS = int(os.environ.get("ANSWERABLE_TEST_KILLS", "24"))
"""`make test` makes do with some dozens; ANSWERABLE_TEST_KILLS=200 makes the long run."""

CHAIN = 12
"""How often a store is killed in a row before it is left to finish."""

SEED = 20260301
WEIGHTS = {"asking": 5, "committing": 5, "deriving": 2}
"""How often a kill is aimed at each phase; the tables take longest to make."""
DELETED = "Quillfeather"

HELPER = """
import contextlib, logging, os, sys, warnings
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import duckdb, httpx, httpcore, ibis.backends.duckdb, pyarrow.parquet, sqlglot
from answerable.gather import passes, sync
from answerable.settings import load_settings
from answerable.store import Store

# Every batch in a transaction of its own: there are more states in which a kill can leave the store.
passes._COMMIT_SECONDS = 0
commit, ask = passes._commit, passes.ask


def say(word):
    os.write(1, f"{word}\\n".encode())


def committed(runs, *rest):
    if any(run.waiting for run in runs.values()):
        say("committing")
        commit(runs, *rest)
        say("asking")


def asked(*given, **said):
    say("asking")
    found = ask(*given, **said)
    say("deriving")
    return found


passes._commit, passes.ask = committed, asked
say("ready")
for line in sys.stdin:
    folder, now = line.split()
    child = os.fork()
    if not child:
        try:
            with Store.open(Path(folder) / "build" / "store") as store:
                receipts = sync.gather(store, load_settings(Path(folder)), now=datetime.fromisoformat(now))
            say("ended " + " ".join(r.result for r in receipts))
        except BaseException as error:
            say(f"ended {error!r}")
        os._exit(0)
    say(f"begun {child}")
    os.waitpid(child, 0)
    say("over")
"""


class Gathers:
    """The helper process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HELPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "ANSWERABLE_SECRET": "the same for every run"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asks, self._says = self._process.stdin, self._process.stdout
        self._begun = b""
        assert self._line(None) == "ready"

    def close(self) -> None:
        self._asks.close()
        self._process.wait()
        self._says.close()

    def _line(self, until: float | None) -> str | None:
        """What it says next; None where it says nothing until then."""
        while b"\n" not in self._begun:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._says], [], [], left)[0]:
                return None
            found = os.read(self._says.fileno(), 65_536)
            assert found, "the helper process has ended"
            self._begun += found
        line, _, self._begun = self._begun.partition(b"\n")
        return line.decode()

    def begin(self, folder: Path, now: datetime) -> int:
        self._asks.write(f"{folder} {now.isoformat()}\n".encode())
        self._asks.flush()
        line = str(self._line(None))
        assert line.startswith("begun ")
        return int(line.removeprefix("begun "))

    def finish(self, folder: Path, now: datetime) -> list[tuple[float, str]]:
        """A gather to its end: what it said, and when."""
        begun = time.monotonic()
        self.begin(folder, now)
        said: list[tuple[float, str]] = []
        while (line := self._line(None)) != "over":
            said.append((time.monotonic() - begun, str(line)))
        assert set(said[-1][1].split()) <= {"ended", "changed", "unchanged"}, said[-1]
        return said

    def kill(self, folder: Path, now: datetime, phase: str, turn: int, delay: float) -> str | None:
        """Kills a gather so long after a phase has begun for that time; gives the phase in which it was hit.

        None where it had ended by itself.
        """
        child = self.begin(folder, now)
        last = ""
        until = None
        while (line := self._line(until)) not in ("over", None):
            last = str(line)
            turn -= last == phase
            if turn < 0 and until is None:
                until = time.monotonic() + delay
        if line == "over":
            return None if last.startswith("ended") else last
        os.kill(child, signal.SIGKILL)
        while (line := self._line(None)) != "over":
            last = str(line)
        return None if last.startswith("ended") else last


@dataclass(frozen=True)
class Case:
    """What gathers start from, when they run, how long their phases take, and what they end with."""

    name: str
    folder: Path
    now: datetime
    phases: dict[str, list[float]]
    ends: dict[str, list[Any]]


def phases_of(said: list[tuple[float, str]]) -> dict[str, list[float]]:
    """How long each turn of each phase took."""
    found: dict[str, list[float]] = {name: [] for name in WEIGHTS}
    for (at, word), (end, _) in pairwise(said):
        found[word].append(end - at)
    return found


def held(folder: Path) -> dict[str, list[Any]]:
    """The rows of every table, and what the store remembers."""
    found: dict[str, list[Any]] = {}
    place = folder / "build" / "store"
    with Store.open(place) as store:
        for name in ("source", "feedback", "feedback_update", "finding"):
            found[name] = sorted(store.con.to_pyarrow(store.read(name)).to_pylist(), key=str)
        found["cursors"] = [store.mark(f"cursor:{source}") for source in ("city", "toots")]
        found["erased"] = [store.mark("erase")]
    with duckdb.connect(place / "answerable.duckdb", read_only=True) as state:
        found["record"] = state.execute("from record order by all").fetchall()
    return found


def later(city: City, toots: MastodonServer) -> None:
    """What happens between the first gather and the second."""
    numbers = [str(n) for n in toots.posts]
    for api in (city, toots):
        api.now += HOUR / 2
    for n in range(6):
        city.add(f"A late lamp, number {n}")
        toots.post(f"late{n}", f"A late hole, number {n} #CityFeedback")
    city.close("1002", "It burns again")
    city.edit("1003", "The lamp flickers")
    city.delete("1004")
    toots.post("cityhall", "It will be filled", reply_to=numbers[3])
    toots.edit(numbers[4], "A hole that has grown #CityFeedback")
    toots.delete(numbers[5])
    for api in (city, toots):
        api.now = NOW + 49 * HOUR


def worlds() -> tuple[City, MastodonServer]:
    city = City(now=NOW)
    toots = MastodonServer(now=NOW - 24 * HOUR)
    for n in range(12):
        city.add(
            f"The {DELETED} lamp, number {n}" if n == 4 else f"A lamp, number {n}", at=NOW - (n + 1) * HOUR
        )
        toots.post(f"person{n}", f"A {DELETED if n == 5 else ''} hole, number {n} #CityFeedback")
        toots.pass_time(hours=1)
    toots.account("cityhall")
    city.now = toots.now = NOW
    return city, toots


def slowly(handle: Handle) -> Handle:
    """An answer takes its time, as over a network: so there are moments between one and the next."""

    def answer(*asked: Any) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.03)
        return handle(*asked)

    return answer


@pytest.fixture
def gathers() -> Iterator[Gathers]:
    found = Gathers()
    yield found
    found.close()


@pytest.fixture
def cases(tmp_path: Path, gathers: Gathers) -> Iterator[list[Case]]:
    """A first gather, into nothing; and a later one, when things have changed and others are gone."""
    made = []
    with ExitStack() as stack:
        for name in ("first", "later"):
            city, toots = worlds()
            project = Project(tmp_path / name)
            project.agencies[1]["accounts"] = ["cityhall@city.example"]
            live = {
                "allow_private_addresses": True,
                "page_size": 6,
                "sweep_days": 1,
                "start_on": "2026-02-20",
            }
            address = stack.enter_context(serving(slowly(city.handle)))
            project.add("open311", id="city", server=address, **live)
            address = stack.enter_context(serving(slowly(toots.handle)))
            more = {"hashtags": ["CityFeedback"], "domain": "city.example"}
            project.add("mastodon", id="toots", server=address, **live, **more)
            with project.store():
                pass
            now = NOW
            if name == "later":
                gathers.finish(project.folder, now)
                later(city, toots)
                now = NOW + 49 * HOUR
            before = tmp_path / f"{name}-before"
            shutil.copytree(project.folder, before)
            phases = phases_of(gathers.finish(project.folder, now))
            made.append(Case(name, before, now, phases, held(project.folder)))
        yield made


@pytest.mark.slow
def test_a_gather_that_is_killed_again_and_again_loses_nothing(
    tmp_path: Path, gathers: Gathers, cases: list[Case]
) -> None:
    first, second = cases
    assert [len(c.ends["feedback"]) for c in cases] == [24, 35]
    assert any(row["kind"] == "replied" for row in second.ends["feedback_update"])
    assert traces(first.folder.with_name("later-before"), DELETED)
    assert all(len(case.phases["committing"]) >= 6 for case in cases)

    moments = random.Random(SEED)
    hits: Counter[tuple[str, str]] = Counter()
    chain = 0
    while hits.total() < KILLS:
        case = cases[chain % 2]
        folder = tmp_path / f"killed-{chain}"
        shutil.copytree(case.folder, folder)
        count = 0
        while count < CHAIN:
            (phase,) = moments.choices(list(WEIGHTS), list(WEIGHTS.values()))
            # A long turn is hit more often than a short one.
            (turn,) = moments.choices(range(len(case.phases[phase])), case.phases[phase])
            # What was done before the kills before is not done again: late turns hardly come.
            turn = int(turn * moments.random())
            delay = case.phases[phase][turn] * moments.random()
            hit = gathers.kill(folder, case.now, phase, turn, delay)
            if hit is None:
                # It got to its end: another one is begun.
                break
            hits[case.name, hit] += 1
            count += 1
        gathers.finish(folder, case.now)
        found = held(folder)
        for name, rows in case.ends.items():
            assert found[name] == rows, (case.name, chain, name, hits)
        if case is second:
            assert traces(folder / "build", DELETED) == []
        assert not list((folder / "build/store").glob("spill-*"))
        shutil.rmtree(folder)
        chain += 1
    print(hits)  # noqa: T201 (pytest -rP shows what the kills hit)
    for case in cases:
        for phase in WEIGHTS:
            assert hits[case.name, phase] >= max(1, KILLS // 40), hits
