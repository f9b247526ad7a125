"""Issues by meaning: how well texts that say the same are put together, and what it costs.

    python benchmarks/understanding/issues.py            the table (a minute)
    python benchmarks/understanding/issues.py --demo DIR what ``data/demo/make.py --out DIR`` wrote; else it is made

Three things are told:

- B-cubed precision, recall and F1 (Bagga and Baldwin 1998) on two sets of clustered short texts that lie beside the
  project, with a 95 % interval from 500 bootstrap samples of clusters. Reported, not gated: their clusters are news
  events, not complaints.
- On the demonstration city: which area a post names, against the one that was planted (gated: precision at least 0.95);
  and how many of the posts of the planted failure of bin collections name its areas.
- CPU seconds for 100,000 short texts in a month, half of them with one topic.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from answerable.store import Store
from answerable.understand import meaning
from answerable.understand.named_areas import with_named_area

ROOT = Path(__file__).resolve().parents[2]
CLUSTERS = ROOT.parent / "shared" / "data" / "labelled" / "clusters"
SETS = {"Tweet": "Tweet89", "T": "GoogleNews titles"}
LEAST_PRECISION = 0.95

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def of_each(truth: Labels, found: Labels) -> tuple[Floats, Floats]:
    """B-cubed precision and recall of each text."""
    pair = truth.astype(np.int64) * (int(found.max()) + 1) + found
    sizes = [
        np.bincount(inverse)[inverse]
        for inverse in (np.unique(labels, return_inverse=True)[1] for labels in (truth, found, pair))
    ]
    return sizes[2] / sizes[1], sizes[2] / sizes[0]


def f1_of(precision: Floats, recall: Floats) -> float:
    """B-cubed F1: the harmonic mean of the means."""
    p, r = float(precision.mean()), float(recall.mean())
    return 2 * p * r / (p + r)


def interval(truth: Labels, precision: Floats, recall: Floats) -> tuple[float, float]:
    """A 95 % interval of F1: the planted clusters are drawn again, each with all of its texts."""
    rng = np.random.default_rng(1)
    names = np.unique(truth)
    members = {name: np.flatnonzero(truth == name) for name in names}
    scores = []
    for _ in range(500):
        rows = np.concatenate([members[name] for name in rng.choice(names, len(names))])
        scores.append(f1_of(precision[rows], recall[rows]))
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


def grouped(texts: Sequence[str]) -> Labels:
    """The groups that the program makes of texts of one cell."""
    read = meaning.Reading.of(texts)
    return meaning.groups(meaning.weigh(read, meaning.Background.sum([meaning.Background.of(read)])))[0]


def labelled() -> None:
    """The sets of clustered texts."""
    for name, title in SETS.items():
        path = CLUSTERS / f"{name}.jsonl"
        if not path.exists():
            print(f"{title}: skipped, {path.name} does not lie beside the project")
            continue
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        truth = np.array([row["cluster"] for row in rows])
        begun = time.process_time()
        found = grouped([row["text"] for row in rows])
        spent = time.process_time() - begun
        precision, recall = of_each(truth, found)
        low, high = interval(truth, precision, recall)
        print(
            f"{title}: {len(rows)} texts, B-cubed P {precision.mean():.3f} R {recall.mean():.3f} "
            f"F1 {f1_of(precision, recall):.3f} "
            f"[{low:.3f}, {high:.3f}], {spent:.1f} CPU-s"
        )


def city(folder: Path) -> bool:
    """The areas that posts of the demonstration city name; whether they are those that were planted."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))["posts"]
    planted = truth["feedback"]
    texts = {}
    for line in (folder / "posts.jsonl").read_text("utf-8").splitlines():
        try:
            post = json.loads(line)
        except ValueError:
            continue  # the city has broken lines on purpose
        if str(post["id"]) in planted:
            texts[str(post["id"])] = post.get("rawContent") or post.get("content") or ""
    shapes = json.loads((folder / "areas.geojson").read_text("utf-8"))["features"]
    names = [feature["properties"]["name"] for feature in shapes]
    codes = {name: "-".join(name.replace("'", "").lower().split()) for name in names}
    with tempfile.TemporaryDirectory() as scratch, Store.open(Path(scratch)) as store:
        with store.transaction():
            store.write(
                "area",
                pa.table({"area_code": list(codes.values()), "name": names, "slug": list(codes.values())}),
            )
        rows = ibis.memtable(pa.table({"record_id": list(texts), "said": list(texts.values())}))
        found = {
            row["record_id"]: row["named_area"]
            for batch in store.batches(with_named_area(store, rows, rows.said, ()))
            for row in batch.to_pylist()
            if row["named_area"] is not None
        }
    right = sum(planted[name]["area"] == area for name, area in found.items())
    low, high = wilson(right, len(found))
    failure = [name for name in truth["failure_ids"] if name in found]
    print(
        f"demonstration city: {len(found)} of {len(texts)} posts name an area, {right} of them the planted one: "
        f"precision {right / len(found):.3f} [{low:.3f}, {high:.3f}]; of the {len(truth['failure_ids'])} posts of the "
        f"planted failure {len(failure)} meet the requests of their area"
    )
    return bool(right / len(found) >= LEAST_PRECISION)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.96
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5 / (1 + z * z / count)
    return middle - half, middle + half


def cost() -> None:
    """CPU seconds for a month of 100,000 posts of some twenty words, half of them with one topic."""
    rng = random.Random(4)
    words = ["".join(rng.choices("aeiourstlnmdpkbg", k=rng.randint(3, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    texts = [" ".join(rng.choices(words, weights, k=20)) for _ in range(100_000)]
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[[], object]) -> object:
        begun = time.process_time()
        made = step()
        spent[name] = spent.get(name, 0) + time.process_time() - begun
        return made

    read = meaning.Reading.of(texts[:1])
    read = timed("reading", lambda: meaning.Reading.of(texts))  # type: ignore[assignment]
    common = meaning.Background.sum([meaning.Background.of(read)])
    cells = [np.arange(50_000), *np.split(np.arange(50_000, 100_000), 20)]
    for cell in cells:
        timed("grouping", lambda cell=cell: meaning.groups(meaning.weigh(read.some(cell), common)))  # type: ignore[misc]
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items())
    print(f"100,000 texts of 20 words: {sum(spent.values()):.1f} CPU-s ({told})")


def main() -> int:
    """Print the table; 1 where a gate does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, help="what data/demo/make.py wrote")
    demo = parser.parse_args().demo
    labelled()
    with tempfile.TemporaryDirectory() as made:
        if demo is None:
            demo = Path(made)
            subprocess.run([sys.executable, ROOT / "data" / "demo" / "make.py", "--out", demo], check=True)
        is_good = city(demo)
    cost()
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
