"""How well the program tells feedback about public services from everything else, and what that costs.

    python benchmarks/understanding/relevance.py                 the gold, through the whole way
    python benchmarks/understanding/relevance.py --method        also the method on sets of others (minutes)
    python benchmarks/understanding/relevance.py --sites         also a site's own labels on top of the shipped model

The gold (gold/README.md) goes through gathering and understanding as a site's posts would: rules, the mark of a repost,
copies over the table, and the shipped model, none of which has seen it. Truth is what both labellers say. Figures come
with 95 % intervals from 1,000 bootstrap samples over the posts.

The figures to reach on ACL19 (.82 in its own domains, .75 in one never seen) are macro-F1, the mean of the F1 of
complaints and of everything else: that is what was measured when they were set. The F1 of complaints alone is lower
(they are a third of the set) and is printed beside.

With --sites ACL19 and Mumbai are taken as sites that have 100, 300 or 1,000 labels: what the shipped model reaches on
the rest, what a model of those labels alone, and what the two together (`answerable train`).

With --method the same features and the same regression are trained inside this benchmark on sets of others, of which
nothing ships: ACL19 complaints (held out: folds, then a whole domain at a time), CrisisLex T26 (a whole event at a
time), Mumbai's tweets (folds). A set that is not on this machine is skipped, and the table says so.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from answerable.build import gather_project, store_folder
from answerable.settings import load_settings
from answerable.store import Store
from answerable.understand import training
from answerable.understand.linear import load_model
from answerable.understand.readings import read_rows
from answerable.understand.relevance import SHIPPED_RELEVANCE
from answerable.understand.stage import understand

ROOT = Path(__file__).parents[2]
GOLD = Path(__file__).parent / "gold"
SHARED = ROOT.parent / "shared" / "data"
LABELLED = SHARED / "labelled"
Truths = npt.NDArray[np.bool_]
Chances = npt.NDArray[np.float64]
SAMPLES = 1000
GATE_PRECISION, GATE_RECALL = 0.85, 0.70

SETTINGS = {
    "site.yml": (
        "site: {name: Gold, description: The gold., url: https://gold.example/, publisher: x,"
        " contact: a@gold.example}\n"
    ),
    "agencies.yml": "agencies: [{code: council, name: Council}]\n",
    "topics.yml": "services: [{code: other, name: Other}]\ntopics: [{code: other, name: Other, service: other}]\n",
    "sources.yml": (
        "sources:\n  - {id: gold, connector: table, name: Gold, licence: {name: CC0}, kind: post, publish_rows: true,"
        " path: gold.csv, columns: {record_id: id, created_at: at, text: text, author: author}}\n"
    ),
}


@dataclass(frozen=True)
class Judged:
    """A gold post: what the labellers say, and what the program made of it."""

    first: dict[str, Any]
    second: dict[str, Any]
    lang: str
    reading: dict[str, Any]

    @property
    def is_agreed(self) -> bool:
        """Whether both labellers say the same of its relevance."""
        return bool(self.first["is_relevant"] == self.second["is_relevant"])


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLD / name).read_text("utf-8").splitlines()]


def judged() -> list[Judged]:
    """The gold through gathering and understanding: each post by somebody else, a minute after the one before."""
    posts = _lines("posts.jsonl")
    first = {label["id"]: label for label in _lines("first.jsonl")}
    second = {label["id"]: label for label in _lines("second.jsonl")}
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "data").mkdir()
        for name, text in SETTINGS.items():
            (project / "data" / name).write_text(text, "utf-8")
        with (project / "gold.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "at", "text", "author"])
            for number, post in enumerate(posts):
                at = f"2026-01-{1 + number // 1440:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00Z"
                writer.writerow([post["id"], at, post["text"], f"person {number}"])
        gather_project(project)
        with Store.open(store_folder(project)) as store:
            understand(store, load_settings(project))
            told = store.read("feedback").select("feedback_id", "record_id")
            rows = store.read("reading").inner_join(told, "feedback_id")
            read = {row["record_id"]: row for batch in store.batches(rows) for row in batch.to_pylist()}
    return [Judged(first[p["id"]], second[p["id"]], p["lang"], read[p["id"]]) for p in posts]


def kappa(first: Sequence[Any], second: Sequence[Any]) -> float:
    """Cohen's kappa of two labellers."""
    agreed = float(np.mean([a == b for a, b in zip(first, second, strict=True)]))
    by_chance = sum(first.count(name) * second.count(name) for name in set(first)) / len(first) ** 2
    return (agreed - by_chance) / (1 - by_chance)


def precision_at(chances: Chances, truth: Truths, recall: float) -> float:
    """The precision where so much is recalled: texts in the order of their chance, the likeliest first."""
    order = np.argsort(-chances, kind="stable")
    found = np.cumsum(truth[order])
    place = int(np.searchsorted(found, recall * truth.sum()))
    return float(found[place] / (place + 1))


def average_precision(chances: Chances, truth: Truths) -> float:
    """The mean of the precisions at each true text."""
    order = np.argsort(-chances, kind="stable")
    precision = np.cumsum(truth[order]) / np.arange(1, len(order) + 1)
    return float(precision[truth[order]].mean())


def f1(said: Truths, truth: Truths) -> float:
    """F1 of what is said to be true."""
    return float(2 * (said & truth).sum() / (said.sum() + truth.sum()))


def with_interval(values: Sequence[npt.NDArray[Any]], statistic: Any) -> str:
    """A statistic of some columns, with its bootstrap interval."""
    rng = np.random.default_rng(4)
    size = len(values[0])
    drawn = [
        statistic(*(column[place] for column in values)) for place in rng.integers(0, size, (SAMPLES, size))
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{statistic(*values):.3f} ({low:.3f} to {high:.3f})"


def _score(reading: dict[str, Any]) -> float:
    """One order for the whole decision: what rules or the table leave out comes last."""
    rule = reading["exclusion_rule"] or ""
    if reading["exclusion"] and rule != "irrelevant:model":
        return -1.0
    return 1.0 if reading["relevance_score"] is None else float(reading["relevance_score"])


def gold() -> None:
    """The figures on the gold."""
    posts = judged()
    relevant = [post for post in posts if post.first["is_relevant"] and post.second["is_relevant"]]
    print(f"gold: {len(posts)} posts, both labellers language models")
    for name, among in (("is_relevant", posts), ("kind", relevant), ("urgency", relevant)):
        pair = [post.first[name] for post in among], [post.second[name] for post in among]
        same = np.mean([a == b for a, b in zip(*pair, strict=True)])
        print(f"  {name:12} {len(among):5} posts  agreement {same:.3f}  kappa {kappa(*pair):.3f}")
    agreed = [post for post in posts if post.is_agreed]
    print(
        "\nrelevance      posts  precision as shipped   recall as shipped      "
        "precision at recall .70  average precision"
    )
    parts = [
        ("agreed", agreed),
        ("all, first", posts),
        ("easy", [post for post in agreed if not post.first["is_hard"]]),
        ("hard", [post for post in agreed if post.first["is_hard"]]),
        *((lang, [post for post in agreed if post.lang == lang]) for lang in sorted({p.lang for p in posts})),
    ]
    for name, among in parts:
        truth = np.array([post.first["is_relevant"] for post in among])
        said = np.array([post.reading["is_counted"] for post in among])
        scores = np.array([_score(post.reading) for post in among])
        columns = [
            with_interval((said, truth), lambda s, t: (s & t).sum() / s.sum()),
            with_interval((said, truth), lambda s, t: (s & t).sum() / t.sum()),
            with_interval((scores, truth), lambda s, t: precision_at(s, t, GATE_RECALL)),
            with_interval((scores, truth), average_precision),
        ]
        print(f"{name:12} {len(among):7}  {'  '.join(columns)}")
        if name == "agreed":
            reached = precision_at(scores, truth, GATE_RECALL) >= GATE_PRECISION
            print(
                f"{'':21} gate {GATE_PRECISION} at recall {GATE_RECALL}: {'reached' if reached else 'missed'}"
            )
    print("\nkept by kind of noise (share counted, of those that both labellers call no feedback)")
    noises = sorted({post.first["noise"] for post in agreed if not post.first["is_relevant"]})
    for noise in noises:
        among = [post for post in agreed if post.first["noise"] == noise]
        print(f"  {noise:12} {len(among):4}  {np.mean([post.reading['is_counted'] for post in among]):.2f}")
    print("\nof what both call feedback and is counted, where both labellers say the same")
    for name, column in (("kind", "intent"), ("urgency", "urgency")):
        among = [p for p in relevant if p.first[name] == p.second[name] and p.reading["is_counted"]]
        right = np.array([post.reading[column] == post.first[name] for post in among])
        read = [post for post in among if post.reading[column] is not None]
        print(f"  {column:8} {len(among)} posts ({len(read)} read)  right {with_interval((right,), np.mean)}")
        for value in sorted({post.first[name] for post in among}):
            true = [post for post in among if post.first[name] == value]
            said_so = [post for post in among if post.reading[column] == value]
            both = sum(post.reading[column] == value for post in true)
            print(
                f"    {value:10} {len(true):4}  recall {both / len(true):.2f}"
                f"  precision {both / max(1, len(said_so)):.2f}"
            )


def speed() -> None:
    """CPU seconds per 100,000 posts for language, relevance, intent and urgency together."""
    from answerable.understand.intent import SHIPPED_INTENTS, intent_rules, load_intent_rules
    from answerable.understand.readings import Readers

    models = [
        load_model(SHIPPED_RELEVANCE.with_name(f"{name}.json")) for name in ("relevance", "intent", "urgency")
    ]
    relevance, intent, urgency = models
    rules = intent_rules(load_intent_rules([SHIPPED_INTENTS]))
    readers = Readers(relevance, intent, urgency, rules=rules, accounts=frozenset())
    texts = [post["text"] for post in _lines("posts.jsonl")]
    rows = [("post", None, texts[n % len(texts)], "en", None, texts[n % len(texts)]) for n in range(10_000)]
    read_rows(rows[:10], readers)
    started = time.process_time()
    for start in range(0, len(rows), 1000):
        models[0].read([row[2] or "" for row in rows[start : start + 1000]])
    alone = time.process_time() - started
    started = time.process_time()
    read_rows(rows, readers)
    together = time.process_time() - started
    print(
        f"\nspeed: the relevance model alone {alone * 10:.1f} CPU-s per 100,000 posts, "
        f"all three with rules and reasons {together * 10:.1f} (language given by the source)"
    )


def _table(path: Path, names: Sequence[str], *, has_head: bool) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    return [dict(zip(names, row, strict=False)) for row in rows[has_head:]]


def _distinct(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(training.words_of(row["text"]), row)
    found.pop("", None)
    return list(found.values())


def _method(
    name: str, rows: list[dict[str, str]], is_yes: Truths, groups: Sequence[str] | None, gates: str
) -> None:
    texts = [row["text"] for row in rows]
    numbers = None
    if groups is not None:
        names = sorted(set(groups))
        numbers = [names.index(group) for group in groups]
    started = time.process_time()
    labels = ["yes" if yes else "no" for yes in is_yes]
    chance = training.out_of_fold(texts, labels, classes=("no", "yes"), groups=numbers)[:, 1]
    macro = with_interval((chance, is_yes), lambda c, t: (f1(c >= 0.5, t) + f1(c < 0.5, ~t)) / 2)
    print(
        f"{name:34} {len(texts):6}  F1 {f1(chance >= 0.5, is_yes):.3f}  macro-F1 {macro}  AP "
        f"{with_interval((chance, is_yes), average_precision)}  P at R .8 {precision_at(chance, is_yes, 0.8):.3f}"
        f"  {gates}  [{time.process_time() - started:.0f} CPU-s]",
        flush=True,
    )


def method() -> None:
    """The method on sets of others."""
    print("\nthe method, trained on each set inside this benchmark (nothing of it ships)")
    path = LABELLED / "complaints_acl19" / "complaints-data.csv"
    if path.exists():
        rows = _distinct(_table(path, ("id", "text", "y", "domain"), has_head=False))
        is_yes = np.array([row["y"] == "1" for row in rows])
        _method("ACL19, folds", rows, is_yes, None, "commit to macro-F1 .82, AP .85")
        _method(
            "ACL19, a domain never seen",
            rows,
            is_yes,
            [row["domain"] for row in rows],
            "commit to macro-F1 .75",
        )
    else:
        print("ACL19: skipped, the set is not on this machine")
    folder = LABELLED / "crisislex_t26" / "CrisisLexT26"
    if folder.exists():
        rows = []
        for file in sorted(folder.glob("*.csv")):
            of_event = _table(file, ("id", "text", "source", "type", "informative"), has_head=True)
            rows += [row | {"event": file.name.partition("-")[0]} for row in of_event]
        rows = [row for row in _distinct(rows) if row["informative"].strip() != "Not applicable"]
        is_yes = np.array([row["informative"].strip() == "Related and informative" for row in rows])
        _method("T26, an event never seen", rows, is_yes, [row["event"] for row in rows], "commit to AP .91")
    else:
        print("CrisisLex T26: skipped, the set is not on this machine")
    path = SHARED / "mumbai-civic-tweets-2019" / "tweets_dataset.csv"
    if path.exists():
        rows = _distinct(_table(path, ("id", "text", "y", "category"), has_head=True))
        is_yes = np.array([row["y"] == "1" for row in rows])
        _method("Mumbai, folds (labels miss half)", rows, is_yes, None, "report")
    else:
        print("Mumbai: skipped, the set is not on this machine")


def sites() -> None:
    """A site's own labels on top of the shipped model, at the threshold that costs least on its own labels."""
    shipped = load_model(SHIPPED_RELEVANCE)
    print(
        "\na site's own labels (means of 4 draws; tried on 2,000 others; cost: of missed messages twice, per text)"
    )
    acl19 = LABELLED / "complaints_acl19" / "complaints-data.csv"
    mumbai = SHARED / "mumbai-civic-tweets-2019" / "tweets_dataset.csv"
    for name, path, columns, has_head in (
        ("ACL19 (firms)", acl19, ("id", "text", "y", "domain"), False),
        ("Mumbai", mumbai, ("id", "text", "y", "category"), True),
    ):
        if not path.exists():
            print(f"{name}: skipped, the set is not on this machine")
            continue
        rows = _distinct(_table(path, columns, has_head=has_head))
        texts, truth = [row["text"] for row in rows], np.array([row["y"] == "1" for row in rows])
        margins, matrix = shipped.read(texts).margins, training.matrix_of(texts, shipped.card.bits)
        for count in (100, 300, 1000):
            scores: dict[str, list[tuple[float, float, float]]] = {}
            for seed in range(4):
                order = np.random.default_rng(seed).permutation(len(truth))
                own, rest = order[:count], order[count : count + 2000]
                for kind, (held, tried) in _by_site(margins, matrix, truth, own, rest).items():
                    threshold = (
                        training.best_threshold(held, truth[own])
                        if len(held)
                        else shipped.card.threshold or 0.5
                    )
                    said = tried >= threshold
                    cost = (2 * (truth[rest] & ~said).sum() + (~truth[rest] & said).sum()) / len(rest)
                    scores.setdefault(kind, []).append(
                        (average_precision(tried, truth[rest]), f1(said, truth[rest]), float(cost))
                    )
            for kind, found in scores.items():
                precision, score, cost = np.mean(found, axis=0)
                print(
                    f"{name:14} {count:5} labels  {kind:9} AP {precision:.3f}  F1 {score:.3f}  cost {cost:.3f}"
                )


def _by_site(
    margins: Chances, matrix: Any, truth: Truths, own: npt.NDArray[Any], rest: npt.NDArray[Any]
) -> dict[str, tuple[Chances, Chances]]:
    """For each way the chances of the site's own labels (held out, empty where none are needed), and of the rest."""
    from answerable.understand.adapting import correct

    numbers = truth.astype(np.int64)
    folds = np.arange(len(own)) % 5
    held = np.zeros((2, len(own)))
    tried = np.zeros((2, len(rest)))
    for fold in (*range(5), None):
        made = own if fold is None else own[folds != fold]
        corrected = correct(margins[made], matrix[made], numbers[made])
        weights, intercepts = training.coefficients(matrix[made], numbers[made], 2)
        asked = rest if fold is None else own[folds == fold]
        both = corrected.chances(margins[asked], matrix[asked])[:, 1]
        alone = 1 / (1 + np.exp(-(matrix[asked] @ weights + intercepts)[:, 0]))
        if fold is None:
            tried[0], tried[1] = alone, both
        else:
            held[0, folds == fold], held[1, folds == fold] = alone, both
    general = 1 / (1 + np.exp(-margins[rest][:, 0]))
    return {"shipped": (np.zeros(0), general), "labels": (held[0], tried[0]), "together": (held[1], tried[1])}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", action="store_true", help="also the method on sets of others (minutes)")
    parser.add_argument(
        "--sites", action="store_true", help="also a site's labels on top of the shipped model"
    )
    arguments = parser.parse_args()
    gold()
    speed()
    if arguments.method:
        method()
    if arguments.sites:
        sites()


if __name__ == "__main__":
    main()
