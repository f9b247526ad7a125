"""Floods do not move the public figures: what N accounts send, or one account N times, counts as one message.

The bound: copies of one text of twenty letters or more, in the same words, nearly the same, or passed on, that come
within thirty days of it, leave every count, rate, duration, issue and failure exactly as the first of them alone does.
"""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from answerable.build import gather_project, store_folder
from answerable.measure.stage import measure
from answerable.settings import load_settings
from answerable.store import Store
from answerable.understand.stage import understand

SETTINGS = {
    "site.yml": """\
site:
  name: Town
  description: What people in Town raised.
  url: https://town.example/
  publisher: The town
  contact: data@town.example
""",
    "agencies.yml": "agencies:\n  - {code: works, name: Public Works, accounts: [TownWorks]}\n",
    "topics.yml": """\
services:
  - {code: streets, name: Streets, agency: works}
topics:
  - {code: lamps, name: Lamps, service: streets, phrases: [lamp]}
  - {code: ferries, name: Ferries, service: streets, phrases: [ferry]}
""",
    "sources.yml": """\
sources:
  - id: posts
    connector: table
    name: Posts
    licence: {name: CC0}
    kind: post
    publish_rows: true
    path: posts.csv
    as_of: 2024-06-01T00:00:00Z
    columns: {record_id: id, created_at: at, closed_at: closed, text: text, author: author, note: note, note_at: closed}
""",
}
SAID = "The ferry from Mill Hill has not come since Monday and everybody waits at the pier @TownWorks"
START = datetime(2024, 1, 1, 9)  # noqa: DTZ001  the file's instants are UTC
FLOOD = datetime(2024, 4, 20, 8)  # noqa: DTZ001
Row = tuple[str, datetime, str, str, int | None]
MOVED = ("held", "excluded", "relevance_read", "relevance_doubted", "updates", "responses")
"""Measures that say of the copies themselves how many there are, and what agencies wrote under them."""


def usual() -> list[Row]:
    """Five months of a town: two or three posts a day by some eighty people, half of them answered."""
    chance = random.Random(4)
    rows: list[Row] = []
    for day in range(140):
        for number in range(chance.randint(1, 3)):
            at = START + timedelta(days=day, hours=number, minutes=chance.randrange(60))
            what = chance.choice(("lamp", "ferry"))
            words = " ".join(
                chance.sample(["again", "broken", "late", "nobody", "works", "dark", "wet", "loud"], 4)
            )
            place = chance.choice(("Oak Road", "Elm Lane", "Mill Street", "the old pier", "platform two"))
            name = f"{day}-{number}"
            text = f"{what} {words} {place} number {name} and nothing is done about it"
            rows.append((name, at, text, f"person {chance.randrange(80)}", chance.choice((None, 5, 50))))
    return rows


def figures(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """What is published of some posts: measures, issues and failures."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, text in SETTINGS.items():
        (folder / "data" / name).write_text(text, "utf-8")
    with (folder / "posts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "at", "closed", "text", "author", "note"])
        for name, at, text, author, hours in rows:
            closed = "" if hours is None else (at + timedelta(hours=hours)).isoformat()
            note = "" if hours is None else "We repaired it."
            writer.writerow([name, at.isoformat(), closed, text, author, note])
    gather_project(folder)
    with Store.open(store_folder(folder)) as store:
        understand(store, load_settings(folder))
        measure(store, load_settings(folder))

        def held(table: str) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = store.con.to_pyarrow(store.read(table)).to_pylist()
            return rows

        reading = held("reading")
        return {
            "counted": sorted(row["feedback_id"] for row in reading if row["is_counted"]),
            "rules": {row["exclusion_rule"] for row in reading if row["exclusion"] == "duplicate"},
            "measures": sorted(str(row) for row in held("measure_result") if row["measure"] not in MOVED),
            "issues": sorted(str(row) for row in held("issue")),
            "failures": sorted(str(row) for row in held("failure")),
        }


def said_nearly(number: int, chance: random.Random) -> str:
    """The text with a word put in here and there, a friend named, and a link."""
    words = SAID.split()
    for _ in range(chance.randint(0, 3)):
        words.insert(chance.randint(1, len(words) - 1), chance.choice(("please", "really", "now", "today")))
    text = " ".join(words)
    if chance.random() < 0.3:
        text = text.replace("everybody", chance.choice(("everbody", "evrybody", "everybodyy")))
    return f"{text} @friend{number} https://l.example/{number}"


KINDS: dict[str, Callable[[int, random.Random], str]] = {
    "the same words": lambda _number, _chance: SAID,
    "nearly the same words": said_nearly,
    "passed on": lambda number, _chance: f"RT @person{number}: {SAID}",
    "in capitals with signs": lambda number, _chance: f"{SAID.upper()} {'!' * (number % 9)} \U0001f621",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where projects go; the first is the town with the first message of the flood alone."""
    folder = tmp_path_factory.mktemp("floods")
    ONE_MESSAGE.update(figures(folder / "one", [*usual(), FIRST]))
    yield folder
    ONE_MESSAGE.clear()


FIRST: Row = ("first", FLOOD, SAID, "fresh", None)
ONE_MESSAGE: dict[str, Any] = {}


@dataclass(frozen=True)
class Flood:
    """Copies of the first message."""

    kinds: list[str]
    size: int
    accounts: str
    hours: int
    seed: int

    def rows(self) -> list[Row]:
        chance = random.Random(self.seed)
        found: list[Row] = [FIRST]
        for number in range(self.size):
            text = KINDS[chance.choice(self.kinds)](number, chance)
            authors = {"fresh": f"fresh {number}", "one": "fresh", "known": f"person {number % 80}"}
            at = FLOOD + timedelta(seconds=1 + chance.randrange(3600 * self.hours + 1))
            found.append((f"copy {number}", at, text, authors[self.accounts], chance.choice((None, 1))))
        return found


floods = st.builds(
    Flood,
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3, unique=True),
    size=st.integers(2, 120),
    accounts=st.sampled_from(["fresh", "one", "known"]),
    hours=st.integers(0, 29 * 24),
    seed=st.integers(0, 2**16),
)


# Each is a whole build: a smaller failing one would cost minutes to find.
@settings(
    max_examples=2,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@example(Flood(sorted(KINDS), 100, "fresh", 20, 1))
@given(flood=floods)
@pytest.mark.slow
def test_a_flood_moves_the_figures_no_more_than_one_message(folders: Path, flood: Flood) -> None:
    flooded = figures(Path(tempfile.mkdtemp(dir=folders)), [*usual(), *flood.rows()])
    assert flooded["rules"]
    for name in ("counted", "measures", "issues", "failures"):
        more, less = (
            set(a[name]) - set(b[name]) for a, b in ((flooded, ONE_MESSAGE), (ONE_MESSAGE, flooded))
        )
        assert (sorted(more)[:3], sorted(less)[:3]) == ([], []), (name, len(more), len(less))
