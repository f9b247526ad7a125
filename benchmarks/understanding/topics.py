"""How well the program says what a message is about, with few labels and with many, and what that costs.

    python benchmarks/understanding/topics.py

On the posts of the demonstration city, and on the complaints of Bengaluru (nine classes), which lie beside the project;
where they do not, that is said. The model is made as `answerable train` makes it, inside this benchmark: nothing of it
ships. Its phrases were written from what the subjects are, not from the set, and the shipped subjects are used as a
site would use them.

Copies are left out. Held out are blocks of 200 messages as they stand in the file (a day's or a campaign's messages
stand together); random folds, by which the method was chosen elsewhere, are printed beside: they flatter. Intervals are
of 1,000 bootstrap samples over the messages.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from answerable.settings import Topic
from answerable.understand import topic_training
from answerable.understand.linear import chances_of
from answerable.understand.topic_model import load_topic_model, topics_of
from answerable.understand.topics import Named, TopicRules, topic_rules
from answerable.understand.training import words_of

ROOT = Path(__file__).parents[2]
SET = ROOT.parent / "shared" / "data" / "labelled" / "civic_blr" / "finalData.csv"
GATE_MACRO_F1, GATE_ACCURACY = 0.75, 0.85
SAMPLES = 1000
BLOCK = 200
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# The classes of the set, the subject that each is like, and phrases as a person who runs such a site would write them.
TOPICS: tuple[tuple[str, str | None, tuple[str, ...]], ...] = (
    ("Waste/Garbage", "waste", ("dump*", "sweep*", "debris", "black spot*", "dirty", "clean*")),
    ("Potholes", "roads", ("road repair*", "bad road*", "no road", "dug up", "tar road", "tarred")),
    (
        "Traffic/Parking",
        "parking",
        ("traffic", "signal*", "one way", "wrong side", "vehicles", "driving", "congest*", "no entry"),
    ),
    (
        "Water",
        None,
        (
            "water supply",
            "drinking water",
            "no water",
            "water leak*",
            "pipeline*",
            "borewell*",
            "tanker*",
            "lake*",
        ),
    ),
    (
        "Streetlights",
        "lighting",
        ("street light*", "streetlight*", "dark", "lights not working", "light pole"),
    ),
    (
        "Sewage",
        None,
        ("sewage*", "drain*", "manhole*", "overflowing", "stagnant water", "flooded", "waterlogg*"),
    ),
    (
        "Sanitation",
        None,
        (
            "toilet*",
            "urinat*",
            "mosquito*",
            "open defecation",
            "hygien*",
            "sanitation",
            "stray dog*",
            "fogging",
        ),
    ),
    ("Air", None, ("air pollution", "smoke", "dust", "burning", "air quality", "smog", "pollution")),
    ("Plastic", None, ("plastic*", "polythene", "carry bag*")),
)
NAMES = tuple(name for name, _, _ in TOPICS)
CODES = tuple(f"t{number}" for number in range(len(TOPICS)))


def rules() -> TopicRules:
    """The phrases of the nine classes."""
    return topic_rules(
        Topic(
            code=code,
            name=name,
            service="s",
            agency=None,
            description="",
            codes={},
            phrases=phrases,
            like=like,
        )
        for code, (name, like, phrases) in zip(CODES, TOPICS, strict=True)
    )


def read() -> tuple[list[str], Ints, Ints]:
    """The texts, the number of the class of each, and the block that each stands in; copies once."""
    found: dict[str, tuple[str, int, int]] = {}
    with SET.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if row["civic_issue"] == "1" and row["category"] in NAMES:
                place = NAMES.index(row["category"])
                found.setdefault(words_of(row["description"]), (row["description"], place, number // BLOCK))
    rows = list(found.values())
    return [row[0] for row in rows], np.array([row[1] for row in rows]), np.array([row[2] for row in rows])


def accuracy(said: Ints, truth: Ints) -> float:
    """The share that is right."""
    return float((said == truth).mean())


def macro_f1(said: Ints, truth: Ints) -> float:
    """The mean of the F1 of the classes."""
    scores = []
    for place in range(len(NAMES)):
        both = ((said == place) & (truth == place)).sum()
        scores.append(2 * both / max(1, (said == place).sum() + (truth == place).sum()))
    return float(np.mean(scores))


def with_interval(said: Ints, truth: Ints, statistic: Callable[[Ints, Ints], float]) -> str:
    """A statistic with its bootstrap interval."""
    rng = np.random.default_rng(4)
    drawn = [statistic(said[p], truth[p]) for p in rng.integers(0, len(said), (SAMPLES, len(said)))]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{statistic(said, truth):.3f} ({low:.3f} to {high:.3f})"


def report(name: str, said: Ints, truth: Ints, *, is_gated: bool = False) -> None:
    """A line of the table."""
    reached = macro_f1(said, truth) >= GATE_MACRO_F1 and accuracy(said, truth) >= GATE_ACCURACY
    gate = (
        f"  gate {GATE_MACRO_F1} and {GATE_ACCURACY}: {'reached' if reached else 'missed'}"
        if is_gated
        else ""
    )
    print(
        f"{name:44} macro-F1 {with_interval(said, truth, macro_f1)}  "
        f"accuracy {with_interval(said, truth, accuracy)}{gate}",
        flush=True,
    )


def folds_of(groups: Ints) -> Ints:
    """Five folds of whole groups."""
    return topic_training.group_folds([str(group) for group in groups])


def learning_curve(matrix: object, bare: object, truth: Ints, blocks: Ints) -> None:
    """What few labels reach, with phrases as features and without, on blocks that are held out."""
    print("\nlabels   macro-F1 with phrases  without   accuracy with phrases  without   (mean of 5 draws)")
    held = folds_of(blocks) == 0
    pool = np.flatnonzero(~held)
    for count in (100, 500, 2000):
        scores = []
        for seed in range(5):
            chosen = np.sort(np.random.default_rng(seed).permutation(pool)[:count])
            row = []
            for features in (matrix, bare):
                weights, levels = topic_training.fitted_margins(features[chosen], truth[chosen], len(NAMES))  # type: ignore[index]
                said = (features[held] @ weights + levels).argmax(axis=1)  # type: ignore[index]
                row += [macro_f1(said, truth[held]), accuracy(said, truth[held])]
            scores.append(row)
        first, second, third, fourth = np.mean(scores, axis=0)
        print(f"{count:6}   {first:21.3f}  {third:7.3f}   {second:21.3f}  {fourth:7.3f}", flush=True)


def whole_way(texts: Sequence[str], truth: Ints, blocks: Ints, by: TopicRules) -> None:
    """Phrases, model, "not sure", as a site with service codes gets them from `answerable train`; and the cost."""
    import tempfile

    held = folds_of(blocks) == 0
    examples = [
        topic_training.TopicExample(texts[n], CODES[truth[n]], str(blocks[n]), "code")
        for n in np.flatnonzero(~held).tolist()
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topics.json"
        started = time.process_time()
        card = topic_training.make_topic_model(examples, by, path, made_by="the benchmark", newest_on="")
        seconds = time.process_time() - started
        size = path.stat().st_size + path.with_suffix(".npz").stat().st_size
        model = load_topic_model(path, dict(zip(CODES, NAMES, strict=True)))
    print(
        f"\nthe whole way: made of {card.text_count} texts in {seconds:.0f} CPU-s, {size / 1e6:.1f} MB, threshold "
        f"{card.threshold}; what it says of itself: {card.held_out}"
    )
    places = np.flatnonzero(held).tolist()
    rows = [(None, texts[n], None, texts[n]) for n in places]
    named = [by.named(texts[n]) for n in places]
    said = topics_of(rows, named, model)
    numbers = np.array([-1 if topic is None else CODES.index(str(topic)) for topic, _, _, _ in said])
    wanted = truth[held]
    is_said, is_clear = numbers >= 0, np.array([n.is_clear for n in named])
    print(f"  of {len(wanted)} texts of held-out blocks a topic is said for {is_said.mean():.3f}")
    report("  of those", numbers[is_said], wanted[is_said])
    print(
        f"  by clear phrases {is_clear.mean():.3f}, right {accuracy(numbers[is_clear], wanted[is_clear]):.3f}; by the "
        f"model {(is_said & ~is_clear).mean():.3f}, right "
        f"{accuracy(numbers[is_said & ~is_clear], wanted[is_said & ~is_clear]):.3f}"
    )
    started = time.process_time()
    for start in range(0, len(rows), 1000):
        topics_of(rows[start : start + 1000], named[start : start + 1000], model)
    model_seconds = (time.process_time() - started) / len(rows) * 100_000
    started = time.process_time()
    for row in rows:
        by.named(str(row[1]))
    phrase_seconds = (time.process_time() - started) / len(rows) * 100_000
    print(f"  speed: phrases {phrase_seconds:.1f}, model {model_seconds:.1f} CPU-s per 100,000 texts")


def city() -> None:
    """The same on the posts that the project wrote for its demonstration city, as labels of a site."""
    import tempfile

    from answerable.settings import load_settings

    by = topic_rules(load_settings(ROOT).topics)
    examples = []
    for path in sorted((ROOT / "data" / "demo" / "messages").glob("posts.*.txt")):
        topic = ""
        for number, line in enumerate(path.read_text("utf-8").splitlines()):
            if line.startswith("["):
                topic = line.strip("[]")
            elif line and not line.startswith("#") and topic in by.order:
                group = f"{path.stem} {number // 8}"
                examples.append(topic_training.TopicExample(line, topic, group, "label"))
    found = [by.of_text(example.text)[0] for example in examples]
    said = sum(topic is not None for topic in found)
    right = sum(topic == example.topic for topic, example in zip(found, examples, strict=True))
    print(f"the demonstration city: {len(examples)} posts; phrases alone say {said}, {right} right")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topics.json"
        card = topic_training.make_topic_model(examples, by, path, made_by="the benchmark", newest_on="")
    print(f"  phrases and model, blocks of eight lines held out: {card.held_out}\n")


def main() -> None:
    """Print the tables."""
    city()
    if not SET.exists():
        print("Bengaluru: skipped, the set is not on this machine")
        return
    texts, truth, blocks = read()
    by = rules()
    named = [by.named(text) for text in texts]
    print(
        f"Bengaluru: {len(texts)} distinct complaints, {len(NAMES)} classes, {len(set(blocks.tolist()))} blocks"
    )
    first = np.array([-1 if n.topic is None else CODES.index(n.topic) for n in named])
    is_clear = np.array([n.is_clear for n in named])
    known = first >= 0
    print(
        f"phrases alone: {np.mean(known):.3f} have one, {accuracy(first[known], truth[known]):.3f} right; "
        f"clear {is_clear.mean():.3f}, {accuracy(first[is_clear], truth[is_clear]):.3f} right"
    )
    matrix = topic_training.topic_matrix(texts, named, CODES)
    nothing = [Named(None, None, is_clear=False, own={}, alike={})] * len(texts)
    bare = topic_training.topic_matrix(texts, nothing, CODES)
    by_chance = np.random.default_rng(0).integers(0, len(texts), len(texts))
    for name, features, folds in (
        ("model, held-out blocks", matrix, folds_of(blocks)),
        ("model without phrases, held-out blocks", bare, folds_of(blocks)),
        ("model, random folds (they flatter)", matrix, folds_of(by_chance)),
    ):
        margins = topic_training.out_of_group(features, truth, len(NAMES), folds)
        said = chances_of(margins).argmax(axis=1)
        report(name, said, truth, is_gated=name == "model, held-out blocks")
    learning_curve(matrix, bare, truth, blocks)
    whole_way(texts, truth, blocks, by)


if __name__ == "__main__":
    main()
