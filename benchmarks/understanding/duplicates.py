"""How well copies are found, and forms filled in for another street are left apart.

    python benchmarks/understanding/duplicates.py

Made of real and of our own texts: each text, then copies of it as people make them (passed on, with links, friends,
signs or capitals; half of them "hard": mistyped, a word more or less, cut off), and forms filled in for two streets. A
copy comes after what it copies. Judged are pairs: of those that the program puts together, how many belong together,
and the other way round. Half of the texts are never judged: the words that a site knows are learned from them alone.
The intervals are bootstrapped over texts with their copies. What is not on this machine is skipped.

Real texts gate. Of our own, which are shorter, copies with a word more or less are harder to tell from other messages:
they show what is left to do.
"""

from __future__ import annotations

import csv
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa

from answerable.understand.duplicates import LONG, WINDOW_DAYS, near_form, same_words
from answerable.understand.near_runs import Entries, join_runs
from answerable.understand.near_sketch import bands
from answerable.understand.near_words import near_rules

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
GOLD = ROOT / "benchmarks" / "understanding" / "gold" / "posts.jsonl"
MESSAGES = ROOT / "data" / "demo" / "messages"
GATE_F1, GATE_MERGED = 0.90, 0.01
OWN = "the project's own texts"
SAMPLES = 300

FIRST = (
    "Maple",
    "Oak",
    "Cedar",
    "Hill",
    "Lake",
    "Park",
    "River",
    "Church",
    "Mill",
    "Station",
    "Bridge",
    "Garden",
)
NAMES = tuple(
    f"{name} {kind}"
    for name in (*FIRST, "Forest", "North", "South", "Elm", "Alder", "Quay")
    for kind in ("Street", "Road", "Lane")
)
SIGNS = ("!!!", "...", "\U0001f621", "\U0001f64f", "#fixit", "pls RT")
FORMS = (
    "There is a deep hole in the road on {0} near {1}, could somebody fill it please @TownWorks",
    "We have had no water on {0} since this morning and {1} has none either",
    "The lamp on {0} at the corner of {1} has been dark for two weeks @TownWorks",
    "Bins on {0} and round the corner on {1} were not emptied again, the smell is awful",
    "Bus 14 was late again at {0} and I missed the ferry at {1}",
)


@dataclass(frozen=True)
class Said:
    """One text of a set: the group that it belongs to, and how it was made."""

    text: str
    group: int
    made: str


def own_texts() -> Iterator[str]:
    """The project's own posts: the gold, and the invented city's messages with a word in the place of each slot."""
    for line in GOLD.read_text("utf-8").splitlines():
        yield json.loads(line)["text"]
    for path in sorted(MESSAGES.glob("posts.*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if line.strip() and line[0] not in "#[":
                yield re.sub(r"\{\w+\}", "there", line)


def shared_texts() -> Iterator[str]:
    """Real posts and complaints that lie beside the project on some machines."""
    for path in sorted((SHARED / "labelled" / "crisislex_t26").glob("**/*labeled.csv")):
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            yield from (row[1] for row in csv.reader(file) if len(row) > 2)
    with (SHARED / "labelled" / "civic_blr" / "finalData.csv").open(encoding="utf-8", newline="") as file:
        yield from (row["description"] for row in csv.DictReader(file))


def copy_of(text: str, chance: random.Random, *, is_hard: bool) -> str:
    """A text as somebody passes it on."""
    easy = ("passed on", "link", "friends", "sign", "capitals", "stops", "hashtag")
    hard = ("typo", "typo", "word less", "word more", "cut", "link", "friends", "sign")
    for _ in range(chance.randint(1, 5 if is_hard else 3)):
        text = _changed(text, chance.choice(hard if is_hard else easy), chance)
    return text


def _changed(text: str, how: str, chance: random.Random) -> str:  # noqa: PLR0911
    words = text.split()
    place = chance.randrange(len(words))
    match how:
        case "passed on":
            return f"RT @{_name(chance)}: {text}"
        case "link":
            return f"{text} https://l.example/{_name(chance)}"
        case "friends":
            return (
                f"@{_name(chance)} {text}"
                if chance.random() < 0.5
                else f"{text} @{_name(chance)} @{_name(chance)}"
            )
        case "sign":
            return f"{text} {chance.choice(SIGNS)}"
        case "capitals":
            return text.upper() if chance.random() < 0.3 else text.lower()
        case "stops":
            return re.sub(r"[.,!](?=\s|$)", lambda _: chance.choice(("", "!", "..")), text)
        case "hashtag":
            return text.replace("#", "")
        case "typo":
            at = chance.randrange(len(text))
            return text[:at] + chance.choice("aeiourtsn") + text[at + chance.choice((0, 1)) :]
        case "word less":
            return " ".join(words[:place] + words[place + 1 :]) if len(words) > 5 else text
        case "word more":
            return " ".join(
                [*words[:place], chance.choice(("please", "now", "really", "also", "today")), *words[place:]]
            )
        case "cut":
            return text[: int(len(text) * chance.uniform(0.75, 0.95))] + "\u2026" if len(text) > 60 else text
    raise ValueError(how)


def _name(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnop", k=8))


def made_set(texts: Iterator[str], *, most: int, forms: int) -> tuple[list[Said], list[str]]:
    """A set to judge, and the texts that only teach the words that a site knows.

    Args:
        texts: to begin with.
        most: how many of them are judged at most.
        forms: how often each form is filled in.
    """
    chance = random.Random(7)
    rare: dict[str, str] = {}
    for text in texts:
        # Texts that are copies of each other from the beginning would be counted as mistakes.
        if 25 <= len(text) <= 280:
            rare.setdefault(" ".join(sorted(set(re.findall(r"\w+", text.lower())))[:8]), text)
    pool = sorted(rare.values())
    chance.shuffle(pool)
    judged, taught = pool[: min(most, len(pool) // 2)], pool[len(pool) // 2 :]
    seeds = [Said(text, group, "text") for group, text in enumerate(judged)]
    made = []
    for group, text in enumerate(judged):
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            is_hard = chance.random() < 0.5
            made.append(Said(copy_of(text, chance, is_hard=is_hard), group, "hard" if is_hard else "easy"))
    filled = sorted({form.format(*chance.sample(NAMES, 2)) for form in FORMS for _ in range(forms)})
    made += [Said(text, len(judged) + number, "form") for number, text in enumerate(filled)]
    chance.shuffle(made)
    return seeds + made, taught


@dataclass(frozen=True)
class Judged:
    """What the program made of a set: the group that it put each text into, and the CPU seconds per 100,000 texts."""

    said: list[Said]
    found: list[int]
    seconds: float

    def pairs(self, of: Callable[[Said], bool]) -> dict[int, tuple[int, int, int]]:
        """For each true group its pairs: found and true, true, and a share of those found."""
        rows = [(s.group, f) for s, f in zip(self.said, self.found, strict=True) if of(s)]
        both, groups, found = Counter(rows), Counter(g for g, _ in rows), Counter(f for _, f in rows)
        right: Counter[int] = Counter()
        put: Counter[int] = Counter()
        for (group, cluster), count in both.items():
            right[group] += count * (count - 1)
            put[group] += count * (found[cluster] - 1)
        return {group: (right[group], n * (n - 1), put[group]) for group, n in groups.items()}

    def merged(self) -> tuple[int, int]:
        """Of the filled-in forms how many were put to another one."""
        first: dict[int, int] = {}
        rows = [(s.group, f) for s, f in zip(self.said, self.found, strict=True) if s.made == "form"]
        return sum(first.setdefault(f, g) != g for g, f in rows), len(rows)


def judge(said: list[Said], taught: Sequence[str], *, is_taught: bool = True) -> Judged:
    """Put the texts of a set into groups, as `answerable.understand.near` does, all on one day."""
    con = ibis.duckdb.connect()
    rows = ibis.memtable(pa.table({"n": list(range(len(said))), "text": [s.text for s in said]}))
    empty = ibis.literal("")
    rows = rows.select(
        "n", near=near_form(empty, rows.text, ("townworks",)), same=same_words(empty, rows.text)
    )
    held = con.to_pyarrow(rows.order_by("n"))
    near, same = held["near"].to_pylist(), held["same"].to_pylist()
    often = Counter(word for text in taught for word in set(re.findall(r"\w+", text.lower())))
    rules = near_rules(word for word, count in often.items() if count >= 3 and is_taught)
    run_of: dict[str, int] = {}
    runs = [run_of.setdefault(text, len(run_of)) for text in same]
    places = [same.index(text) for text in run_of] if len(run_of) < 1000 else _firsts(runs)
    texts = [near[place] for place in places]
    begun = time.process_time()
    order = np.arange(len(texts))
    first_of = order.copy()
    is_long = np.array([len(text) >= LONG for text in texts])
    entries = Entries(order, np.zeros(len(texts), np.int64), bands(texts), is_long)
    join_runs(
        entries,
        first_of,
        lambda wanted: {run: texts[run] for run in wanted},
        rules,
        reach_seconds=WINDOW_DAYS * 86_400,
    )
    seconds = (time.process_time() - begun) / len(texts) * 100_000
    return Judged(said, [int(first_of[run]) for run in runs], seconds)


def _firsts(runs: Sequence[int]) -> list[int]:
    first: dict[int, int] = {}
    for place, run in enumerate(runs):
        first.setdefault(run, place)
    return [first[run] for run in range(len(first))]


def scores(pairs: dict[int, tuple[int, int, int]]) -> dict[str, tuple[float, float, float]]:
    """Precision, recall and F1 of pairs, each with an interval (95 %, bootstrapped over the true groups)."""
    table = np.array(list(pairs.values()), dtype=np.float64)
    rng = np.random.default_rng(1)
    drawn = [table[rng.integers(0, len(table), len(table))].sum(axis=0) for _ in range(SAMPLES)]
    values = np.array([_measured(row) for row in (table.sum(axis=0), *drawn)])
    low, high = np.percentile(values[1:], [2.5, 97.5], axis=0)
    return {
        name: (float(values[0, n]), float(low[n]), float(high[n]))
        for n, name in enumerate(("precision", "recall", "F1"))
    }


def _measured(row: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float]:
    right, true, put = row
    precision, recall = right / max(put, 1), right / max(true, 1)
    return precision, recall, 2 * right / max(put + true, 1)


def main() -> None:
    """Print the table."""
    sets = {OWN: (own_texts, 1500, 300)}
    if (SHARED / "labelled" / "crisislex_t26").exists():
        sets["real posts and complaints"] = (shared_texts, 12_000, 1000)
    else:
        print("skipped: real posts (../shared/data/labelled is not on this machine)")
    for name, (texts, most, forms) in sets.items():
        said, taught = made_set(texts(), most=most, forms=forms)
        for is_taught in (True, False):
            judged = judge(said, taught, is_taught=is_taught)
            print(
                f"{name}, {len(said)} texts, {'with' if is_taught else 'without'} the words that a site knows"
            )
            for made, of in (("all", lambda _: True), ("easy", _is("easy")), ("hard", _is("hard"))):
                found = scores(judged.pairs(of))
                print(
                    f"  pairs, {made:5}",
                    *(f"{what} {v:.3f} [{lo:.3f}, {hi:.3f}]" for what, (v, lo, hi) in found.items()),
                )
            wrong, count = judged.merged()
            print(f"  forms put to another street's: {wrong} of {count} ({wrong / count:.2%})")
            print(f"  {judged.seconds:.1f} CPU seconds per 100,000 texts")
            if is_taught:
                is_good = (
                    scores(judged.pairs(lambda _: True))["F1"][0] >= GATE_F1 and wrong / count <= GATE_MERGED
                )
                word = "target" if name == OWN else "gate"
                print(
                    f"  {word} (F1 >= {GATE_F1}, forms <= {GATE_MERGED:.0%}): {'reached' if is_good else 'MISSED'}"
                )


def _is(made: str) -> Callable[[Said], bool]:
    return lambda said: said.made in {"text", made}


if __name__ == "__main__":
    main()
