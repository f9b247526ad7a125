"""Makes the shipped models of relevance, intent and urgency from training/, and says what they reach.

    python benchmarks/understanding/train.py                 figures out of fold, nothing is written
    python benchmarks/understanding/train.py --write DATE    writes generator/answerable/understand/models/

Nothing of the gold set is read here. The figures are out of fold (a text is judged by a model that was made without it
and without its copies); they choose the threshold, and they flatter: the posts of one hand are like each other, and the
cues were chosen by looking at them. What the models are worth is measured on the gold, by relevance.py beside this.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from answerable.schema import INTENTS, URGENCIES
from answerable.understand import training
from answerable.understand.linear import save_model
from answerable.understand.relevance import SHIPPED_RELEVANCE
from answerable.understand.training import Example

EXAMPLES = Path(__file__).parent / "training" / "relevance.jsonl"
RELEVANCE = ("no", "yes")
TABLE_NOISE = ("repost",)
"""What is decided over the table and not by the words: the model learns nothing of it."""


def about(name: str, classes: Sequence[str], examples: Sequence[Example], date: str) -> dict[str, object]:
    """What a model's JSON says of how it was made."""
    return {
        "name": name,
        "classes": tuple(classes),
        "made_of": (
            "posts written for this project and labelled by their author, a language model "
            "(benchmarks/understanding/training)"
        ),
        "made_on": date,
        "made_by": "benchmarks/understanding/train.py",
        "training_sha256": training.digest_of(examples),
        "languages": tuple(sorted({example.lang for example in examples})),
        "text_count": len(examples),
    }


def relevance(examples: Sequence[Example]) -> tuple[float, dict[str, float]]:
    """The threshold that costs least out of fold, and what it reaches there."""
    texts = [example.text for example in examples]
    is_yes = np.array([example.is_relevant for example in examples])
    labels = [RELEVANCE[int(yes)] for yes in is_yes]
    chance = training.out_of_fold(texts, labels, classes=RELEVANCE)[:, 1]
    threshold = training.best_threshold(chance, is_yes)
    said = chance >= threshold
    reached = {
        "precision": float((said & is_yes).sum() / said.sum()),
        "recall": float((said & is_yes).sum() / is_yes.sum()),
        "unsure_share": float(((chance >= threshold) & (chance < 0.5)).mean()),
    }
    order = np.argsort(-chance)
    precision = np.cumsum(is_yes[order]) / np.arange(1, len(order) + 1)
    recall = np.cumsum(is_yes[order]) / is_yes.sum()
    reached["average_precision"] = float(precision[is_yes[order]].mean())
    reached["precision_at_recall_70"] = float(precision[np.searchsorted(recall, 0.7)])
    return threshold, {name: round(value, 3) for name, value in reached.items()}


def of_classes(texts: Sequence[str], labels: Sequence[str], classes: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro-F1 out of fold."""
    chances = training.out_of_fold(texts, labels, classes=classes)
    said = np.array(classes)[chances.argmax(axis=1)]
    truth = np.array(labels)
    scores = []
    for name in classes:
        both = ((said == name) & (truth == name)).sum()
        scores.append(2 * both / max(1, (said == name).sum() + (truth == name).sum()))
    return {"accuracy": round(float((said == truth).mean()), 3), "macro_f1": round(float(np.mean(scores)), 3)}


def main() -> None:
    """Print the figures; write the models where it is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", metavar="DATE", help="write the models, made on this day (YYYY-MM-DD)")
    arguments = parser.parse_args()
    everything = training.without_copies(training.read_examples(EXAMPLES))
    judged = [example for example in everything if example.noise not in TABLE_NOISE]
    wanted = [example for example in everything if example.is_relevant]
    threshold, reached = relevance(judged)
    print(f"relevance  {len(judged)} texts  threshold {threshold}  {reached}")
    tasks = [
        ("intent", wanted, [example.kind for example in wanted], tuple(INTENTS)),
        ("urgency", wanted, [example.urgency for example in wanted], tuple(URGENCIES)),
    ]
    figures = {}
    for name, examples, labels, classes in tasks:
        figures[name] = of_classes([example.text for example in examples], labels, classes)
        print(f"{name}  {len(examples)} texts  {figures[name]}")
    if not arguments.write:
        return
    fitted = training.fit(
        [example.text for example in judged],
        [RELEVANCE[int(example.is_relevant)] for example in judged],
        classes=RELEVANCE,
    )
    said = about("relevance", RELEVANCE, judged, arguments.write)
    said |= {
        "threshold": threshold,
        "threshold_why": f"least cost, a missed message costing {training.COST_OF_MISSING:g} times one wrongly counted",
        "reached": reached,
    }
    save_model(SHIPPED_RELEVANCE, **fitted.arrays(), about=said)
    for name, examples, labels, classes in tasks:
        fitted = training.fit(
            [example.text for example in examples], labels, classes=classes, bits=training.BITS - 1
        )
        save_model(
            SHIPPED_RELEVANCE.with_name(f"{name}.json"),
            **fitted.arrays(),
            about=about(name, classes, examples, arguments.write) | {"reached": figures[name]},
        )
    for path in sorted(SHIPPED_RELEVANCE.parent.iterdir()):
        print(f"{path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
