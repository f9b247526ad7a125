"""What numbers are read in texts of officials, and whether they are those of requests.

    python benchmarks/understanding/links.py

On the notes of San Francisco's 311 file: every run of five digits that is the number of another request of the file.
Where the two were raised within a year of each other it means that request; else it is the number of another system
that happens to be there, too (each was read, and it is so). On posts of companies' and officials' accounts, in which no
request of a city is named: whatever is read there is read wrongly. A set that is not on this machine is skipped.
And on the demonstration city, if it is built: what was planted, against what was linked.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from answerable.measure.results import wilson
from answerable.store import Store
from answerable.understand.mentions import named_in

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
NOTES = SHARED / "sf311-2008-2018" / "311_service_requests.csv"
POSTS = SHARED / "twcs-5000" / "twcs.csv"
DEMO, HELD = ROOT / "build" / "demo" / "truth.json", ROOT / "build" / "store"
SITE = "https://site.example/"
YEAR = timedelta(days=365)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def share(part: int, whole: int) -> str:
    """A share with its 95 % interval by Wilson."""
    if not whole:
        return "none"
    low, high = wilson(pd.Series([part]), pd.Series([whole]))
    return f"{part} of {whole}: {part / whole:.2f} ({low.iloc[0]:.2f} to {high.iloc[0]:.2f})"


def notes() -> None:
    """San Francisco's notes that name another request."""
    if not NOTES.exists():
        print("San Francisco's notes: skipped, the file is not on this machine")
        return
    held = {row["unique_key"]: datetime.fromisoformat(row["created_date"]) for row in rows(NOTES)}
    there, named, count = set(), set(), 0
    for row in rows(NOTES):
        key, note = row["unique_key"], row["status_notes"]
        count += bool(note)
        there |= {(key, n) for n in re.findall(r"\d{5,}", note) if n in held and n != key}
        named |= {(key, n) for n in named_in(note, SITE).numbers if n in held and n != key}
    meant = {(one, other) for one, other in there if abs(held[one] - held[other]) < YEAR}
    print(f"San Francisco's notes: {count}; numbers of other requests in them, however written: {len(there)}")
    print("  named, and meant:", share(len(named & meant), len(named)))
    print("  meant, and named:", share(len(named & meant), len(meant)))
    print("  of another system, and named:", share(len(named - meant), len(there - meant)))


def posts() -> None:
    """Posts in which no request of a city is named."""
    if not POSTS.exists():
        print("posts of accounts that answer: skipped, the file is not on this machine")
        return
    for who, is_inbound in (("that answer", "False"), ("of people", "True")):
        texts = {row["text"] for row in rows(POSTS) if row["inbound"] == is_inbound}
        digits = sum(bool(re.search(r"(?<![@\w])\d{4}", text)) for text in texts)
        read = [text for text in texts if named_in(text, SITE).numbers]
        print(
            f"posts of accounts {who}: {len(texts)}, {digits} with a number; read as a record's:", len(read)
        )


def demo() -> None:
    """What was planted in the demonstration city."""
    if not (DEMO.exists() and HELD.exists()):
        print("the demonstration city: skipped, it is not built")
        return
    planted = json.loads(DEMO.read_text("utf-8"))["planted"]
    wanted = {
        (f"posts:{post}", f"{source}:{number}")
        for post, facts in planted["answers_elsewhere"].items()
        for source in ("requests", "posts")
        for number in facts[source]
    }
    with Store.open(HELD, is_writer=False) as store:
        feedback = store.read("feedback")
        names = feedback.select("feedback_id", name=feedback.source_id + ":" + feedback.record_id)
        said = store.read("update_elsewhere").filter(lambda t: t.is_counted & (t.method != "reviewed"))
        table = store.con.to_pyarrow(said.inner_join(names, "feedback_id").select("post_name", "name"))
        linked = {(row["post_name"], row["name"]) for row in table.to_pylist()}
        official = store.con.to_pyarrow(feedback.is_official.sum()).as_py()
    print(f"the demonstration city: {official} official posts, {len(wanted)} links planted")
    print("  linked, and planted:", share(len(wanted & linked), len(linked)))
    print("  planted, and linked:", share(len(wanted & linked), len(wanted)))


if __name__ == "__main__":
    notes()
    posts()
    demo()
