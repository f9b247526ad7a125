"""Draw the updates to be labelled by reading, to measure the rules that class them.

    python benchmarks/sample_notes.py 311_service_requests.csv > ids.txt

Rows are drawn, not distinct texts: a note that closed a thousand requests weighs as much as a thousand
requests, as it does in the published rates. Only rows whose note has text can be drawn, each at most once.
The rows are first sorted by their id (as text), so the draw depends on the seed and on the rows, not on the
order of the file.

Prints one id a line, in the order drawn; nothing of a note is printed.
"""

import argparse
import csv
import random
import sys
from pathlib import Path


def sample_ids(
    path: Path, *, size: int, seed: int, id_column: str = "unique_key", note_column: str = "status_notes"
) -> list[str]:
    """Return `size` ids, drawn without replacement from the rows of the CSV at `path` that have a note.

    Raises KeyError where a column is missing, and ValueError where fewer than `size` rows have a note.
    """
    with path.open(encoding="utf-8", newline="") as file:
        ids = sorted(row[id_column] for row in csv.DictReader(file) if row[note_column].strip())
    return random.Random(seed).sample(ids, size)


def main() -> int:
    """Read the command line, print the ids; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Draw the ids of rows whose note is to be labelled by reading."
    )
    parser.add_argument("csv", type=Path, help="the city's export, comma-separated, UTF-8")
    parser.add_argument("--seed", type=int, default=311)
    parser.add_argument("--size", type=int, default=300, help="how many rows to draw")
    parser.add_argument("--id-column", default="unique_key")
    parser.add_argument("--note-column", default="status_notes")
    asked = parser.parse_args()
    for drawn in sample_ids(
        asked.csv, size=asked.size, seed=asked.seed, id_column=asked.id_column, note_column=asked.note_column
    ):
        print(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
