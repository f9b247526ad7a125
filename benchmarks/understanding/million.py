"""A million short posts through the whole of understanding, ten thousand more, and the same in another order.

    python benchmarks/understanding/million.py --posts 50000          a small run
    python benchmarks/understanding/million.py                        the million (some minutes)

The posts are made from what the project wrote itself (the demonstration city's messages, the gold) in five languages:
the slots of a message filled, some words swapped for others of its language. A third of them are copies, reposts and
near-copies of others; a tenth begin with an official account, a twentieth go on in a conversation, a tenth have an
official answer. They come over twelve months from three accounts for every ten posts. What is measured is the whole of
`understand`, in a process of its own: gathering is not.

Ten thousand more come once as they would (in the last days of the last month) and, with --spread, over all months.
The order of the file decides nothing: with --shuffle all rows are gathered anew in their order and in another one and
understood afresh, and every table has to be the same. From what grew in two builds only those tables may differ that
hold issues' ids, which stay what they were once published.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from answerable import schema
from answerable.settings import load_settings
from answerable.store import Store
from answerable.understand.stage import understand

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from tree import Cost, measure  # noqa: E402

MESSAGES = ROOT / "data" / "demo" / "messages"
GOLD = Path(__file__).parent / "gold" / "posts.jsonl"
START = datetime(2025, 7, 1)  # noqa: DTZ001
DAYS = 365
STORE = Path("build", "store")
WITH_HISTORY = {"issue", "issue_address", "issue_change", "issue_feedback"}
"""The tables that hold the ids of issues: these follow feedback from build to build, so they tell of earlier ones."""
LIMIT_WALL, LIMIT_MORE, LIMIT_MEMORY = 400, 20, 2 * 2**30

SOURCES = """\
sources:
  - {id: posts, connector: table, name: Posts, licence: {name: CC0}, kind: post, channel: social, publish_rows: true,
     path: "posts*.csv", timezone: UTC,
     columns: {record_id: id, created_at: at, text: text, author: author, lang: lang, conversation_id: conversation,
       mentions: mentions, area: area, agency: agency, note: note, note_at: note_at}}
"""
COLUMNS = (
    *("id", "at", "text", "author", "lang", "conversation", "mentions", "area", "agency", "note"),
    "note_at",
)
SLOT = re.compile(r"\{(\w+)\}")
HEAD = re.compile(r"^(?:<[^>]*> )?(?:\{(es|pl|winter|summer)\} )?")
SLOTS = {
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "ordinal": ("second", "third", "fourth", "fifth"),
    "time": ("at 7am", "at noon", "last night", "this morning", "around six"),
    "days": ("three days", "nine days", "two weeks", "a month"),
    "month": ("March", "April", "September", "October"),
    "first": ("Ann", "Tom", "Sara", "Miguel", "Ewa"),
    "name": ("Ann Hartwell", "Tom Briskly", "Sara Lindqvist", "Ewa Nowak"),
}
FIRST = (
    "Alder",
    "Birch",
    "Cooper",
    "Dock",
    "Elm",
    "Ferry",
    "Granary",
    "Harbour",
    "Ivy",
    "Juniper",
    "Kiln",
    "Lantern",
)
SECOND = ("Street", "Lane", "Road", "Row", "Terrace", "Hill", "Quay", "Gardens")
AREAS = ("old-harbour", "lantern-hill", "kilnfields", "orchard-park", "beckside", None, None)


# -- posts -------------------------------------------------------------------------------------------------------------


def templates() -> list[tuple[str, str]]:
    """Every message that posts are made of, with its language."""
    found = []
    for name in ("posts.en", "posts.es", "posts.pl", "noise", "campaigns", "replies", "personal"):
        lang = name.partition(".")[2] or "en"
        for line in (MESSAGES / f"{name}.txt").read_text("utf-8").splitlines():
            head = HEAD.match(line)
            text = line[head.end() :] if head else line
            if len(text) > 25 and not line.startswith(("#", "[")):
                found.append((text, (head and head[1] in {"es", "pl"} and head[1]) or lang))
    for line in GOLD.read_text("utf-8").splitlines():
        post = json.loads(line)
        found.append((post["text"], post["lang"]))
    return found


class Writer:
    """Makes posts, the same for the same seed."""

    def __init__(self, seed: int, people: int) -> None:
        self.draw = random.Random(seed)
        self.people = people
        self.templates = templates()
        words: dict[str, set[str]] = {}
        for text, lang in self.templates:
            words.setdefault(lang, set()).update(re.findall(r"(?<![@#\w{])[^\W\d_]{4,}(?![\w}])", text))
        self.words = {lang: sorted(found) for lang, found in words.items()}
        accounts = yaml.safe_load((ROOT / "data" / "agencies.yml").read_text("utf-8"))["agencies"]
        self.accounts = [(a["code"], name) for a in accounts for name in a.get("accounts", ())]
        self.notes = [
            line
            for line in (MESSAGES / "notes.txt").read_text("utf-8").splitlines()
            if line and line[0] not in "#["
        ]

    def slot(self, found: re.Match[str]) -> str:
        """What fills a slot."""
        draw, name = self.draw, found[1]
        if name in SLOTS:
            return draw.choice(SLOTS[name])
        if name in {"street", "place", "area", "house"}:
            number = f"{draw.randint(1, 180)} " if name == "house" else ""
            return f"{number}{draw.choice(FIRST)} {draw.choice(SECOND)}"
        if name == "phone":
            return f"902 555 {draw.randint(0, 9999):04d}"
        if name == "email":
            return f"{draw.choice(FIRST).lower()}{draw.randint(1, 99)}@mail.example"
        if name == "handle":
            return f"person{draw.randint(1, self.people)}"
        return str(draw.randint(2, 60))

    def text(self) -> tuple[str, str]:
        """A new text and its language: a message with its slots filled and some of its words swapped."""
        template, lang = self.draw.choice(self.templates)
        pieces = SLOT.sub(self.slot, template).split(" ")
        for _ in range(1 + len(pieces) // 6):
            place = self.draw.randrange(len(pieces))
            if pieces[place].isalpha() and len(pieces[place]) > 3:
                pieces[place] = self.draw.choice(self.words[lang])
        return " ".join(pieces), lang

    def near(self, text: str) -> str:
        """The same but for a word, an end or an address."""
        pieces = text.split(" ")
        kind = self.draw.randrange(3)
        if kind == 0 and len(pieces) > 4:
            del pieces[self.draw.randrange(len(pieces))]
        elif kind == 1:
            pieces.append(self.draw.choice(("!!", "please", "#Merrowport", "\U0001f621")))
        else:
            pieces.append(f"https://t.example/{self.draw.randrange(10**6)}")
        return " ".join(pieces)

    def rows(
        self, count: int, *, prefix: str, start: datetime, days: float
    ) -> Iterator[tuple[str | None, ...]]:
        """So many posts in the order of their times."""
        draw = self.draw
        seen: list[tuple[str, str, str]] = []
        for number in range(count):
            at = start + timedelta(days=days * number / count)
            name = f"{prefix}{number}"
            author = f"person{draw.randrange(self.people)}"
            chance = draw.random()
            conversation = None
            if seen and chance < 1 / 3:
                # Copies follow soon after: somewhere in the last thousands.
                _, said, lang = seen[-1 - int(min(draw.expovariate(1 / 2000), len(seen) - 1))]
                if chance < 0.12:
                    text = said
                elif chance < 0.22:
                    text = f"RT @person{draw.randrange(self.people)}: {said}"
                else:
                    text = self.near(said)
            else:
                text, lang = self.text()
                if draw.random() < 0.1:
                    text = f"@{draw.choice(self.accounts)[1]} {text}"
                if seen and draw.random() < 0.05:
                    conversation = seen[-1 - int(min(draw.expovariate(1 / 50), len(seen) - 1))][0]
                seen.append((name, text, lang))
                if len(seen) > 50_000:
                    del seen[:25_000]
            agency, note, note_at = None, None, None
            if draw.random() < 0.1:
                agency = draw.choice(self.accounts)[0]
                note = SLOT.sub(self.slot, draw.choice(self.notes))
                note_at = f"{at + timedelta(hours=draw.randint(1, 200)):%Y-%m-%d %H:%M:%S}"
            mentions = " ".join(n.rstrip(".-").casefold() for n in re.findall(r"@([\w.\-]+)", text)) or None
            given = lang if draw.random() < 0.5 else None
            when = f"{at:%Y-%m-%d %H:%M:%S}"
            area = draw.choice(AREAS)
            yield name, when, text, author, given, conversation, mentions, area, agency, note, note_at


def write_csv(path: Path, rows: Iterator[tuple[str | None, ...]] | list[tuple[str | None, ...]]) -> None:
    """Write posts into a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def make_project(folder: Path) -> None:
    """A project of one source: the demonstration city's lists, without its other sources."""
    data = folder / "data"
    (data / "lookups").mkdir(parents=True)
    for name in ("exclusions.yml", "update_classes.yml"):
        shutil.copy(ROOT / "data" / "lookups" / name, data / "lookups" / name)
    shutil.copy(ROOT / "data" / "agencies.yml", data / "agencies.yml")
    site = yaml.safe_load((ROOT / "data" / "site.yml").read_text("utf-8"))
    site["site"].pop("areas")
    (data / "site.yml").write_text(yaml.safe_dump(site, allow_unicode=True), "utf-8")
    topics = yaml.safe_load((ROOT / "data" / "topics.yml").read_text("utf-8"))
    for topic in topics["topics"]:
        topic.pop("codes", None)
    (data / "topics.yml").write_text(yaml.safe_dump(topics, allow_unicode=True, sort_keys=False), "utf-8")
    (data / "sources.yml").write_text(SOURCES, "utf-8")


# -- measuring ---------------------------------------------------------------------------------------------------------


def understand_alone(folder: Path) -> Cost:
    """Understand what is gathered, in a process of its own; its log is shown."""
    log = folder / "understand.log"
    command = [sys.executable, __file__, "--understand", str(folder)]
    try:
        return measure(command, log=log)
    finally:
        print(log.read_text("utf-8"), end="")


def gather(folder: Path) -> None:
    """Gather what the project's files hold."""
    # Here, because what is measured gathers and draws nothing.
    from answerable.build import gather_project

    gather_project(folder)


def digests(folder: Path) -> dict[str, str]:
    """What each table holds, as a digest."""
    with Store.open(folder / STORE, is_writer=False) as store:
        return {t.name: store.digest(t.name) for t in schema.TABLES.values() if t.stage == "understand"}


def counts(folder: Path) -> dict[str, int]:
    """Rows of each table."""
    with Store.open(folder / STORE, is_writer=False) as store:
        return {
            t.name: sum(p.row_count for p in store.partitions(t.name))
            for t in schema.TABLES.values()
            if t.stage == "understand"
        }


def same_in_any_order(folder: Path, seed: int) -> bool:
    """Understand all rows afresh in two orders, and tell what differs from each other and from what grew."""
    grown = digests(folder)
    rows: list[tuple[str | None, ...]] = []
    for path in sorted(folder.glob("posts*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += [tuple(row) for row in list(csv.reader(file))[1:]]
        path.unlink()
    found = []
    for what in ("in order", "shuffled"):
        if what == "shuffled":
            random.Random(seed).shuffle(rows)
        write_csv(folder / "posts.csv", rows)
        shutil.rmtree(folder / "build")
        gather(folder)
        print(f"          {what:<10} {understand_alone(folder)}")
        found.append(digests(folder))
    in_order, shuffled = found
    differ = {name for name, digest in in_order.items() if shuffled[name] != digest}
    print(f"          tables that differ from order to order: {', '.join(sorted(differ)) or 'none'}")
    told = {name for name, digest in in_order.items() if grown[name] != digest}
    print(f"          tables that differ from what grew: {', '.join(sorted(told)) or 'none'}")
    return not differ and told <= WITH_HISTORY


def run(folder: Path, given: argparse.Namespace) -> bool:
    """The whole measurement; whether every limit was kept."""
    make_project(folder)
    people = max(3, given.posts * 3 // 10)
    writer = Writer(given.seed, people)
    write_csv(folder / "posts.csv", writer.rows(given.posts, prefix="p", start=START, days=DAYS))
    gather(folder)
    first = understand_alone(folder)
    print(f"{given.posts:>9,} posts      {first}")
    print(f"          tables     {counts(folder)}")
    again = understand_alone(folder)
    print(f"          again      {again}")
    fits = first.wall <= LIMIT_WALL and first.memory <= LIMIT_MEMORY
    batches = [("at the end", "n", START + timedelta(days=DAYS - 3), 3.0)]
    if given.spread:
        batches.append(("everywhere", "s", START, float(DAYS)))
    for what, prefix, start, days in batches:
        rows = writer.rows(given.more, prefix=prefix, start=start, days=days)
        write_csv(folder / f"posts-{prefix}.csv", rows)
        gather(folder)
        cost = understand_alone(folder)
        print(f"{given.more:>9,} more {what:<10} {cost}")
        fits = fits and cost.memory <= LIMIT_MEMORY and (prefix != "n" or cost.wall <= LIMIT_MORE)
    if given.shuffle:
        fits = same_in_any_order(folder, given.seed) and fits
    return fits


def main() -> int:
    """Measure; return 1 where a limit was not kept (of time and memory, only for a million posts)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--more", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spread", action="store_true", help="also ten thousand more over all months")
    parser.add_argument("--shuffle", action="store_true", help="also the same rows in another order")
    parser.add_argument("--keep", type=Path, help="make the project here and leave it")
    parser.add_argument("--understand", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    # Hashes of people are the same in every store that is compared.
    os.environ.setdefault("ANSWERABLE_SECRET", "of a benchmark")
    if given.understand:
        logging.basicConfig(level=logging.INFO, format="          %(relativeCreated)8.0f ms  %(message)s")
        settings = load_settings(given.understand)
        with Store.open(given.understand / STORE) as store:
            understand(store, settings)
        return 0
    if given.keep:
        given.keep.mkdir(parents=True)
        return int(not run(given.keep, given))
    with tempfile.TemporaryDirectory() as folder:
        return int(not run(Path(folder), given))


if __name__ == "__main__":
    sys.exit(main())
