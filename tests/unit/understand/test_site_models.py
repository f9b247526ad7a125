"""A site's own relevance, intent and urgency: the shipped models, moved by the labels of its people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from answerable.site_models import LEAST_LABELS, train_models
from answerable.understand.adapting import adapt, adapted_chances
from answerable.understand.linear import load_model, save_model
from answerable.understand.relevance import SHIPPED_RELEVANCE

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

# This town writes of its ferries in words that the general model never saw beside a complaint, and of a quiz.
FERRY = ("zigzag gangway", "wobbly pontoon", "missing buoy", "soggy deck", "jammed capstan")
QUIZ = ("riddle of the day", "trivia night", "guess the capital", "puzzle hour", "quiz finals")
WHERE = ("at dawn", "by the lock", "near pier two", "past the crane", "on the lagoon", "beside the silo")


def texts() -> tuple[list[str], list[str]]:
    pairs = [
        (f"{thing} {where}, {more}", label)
        for label, things in (("yes", FERRY), ("no", QUIZ))
        for thing in things
        for where in WHERE
        for more in ("again", "tonight", "as ever")
    ]
    return [text for text, _ in pairs], [label for _, label in pairs]


def test_labels_move_the_shipped_model_and_few_move_it_less(tmp_path: Path) -> None:
    shipped = load_model(SHIPPED_RELEVANCE)
    wanted, labels = texts()
    about = shipped.card.model_dump() | {"made_by": "a test"}
    for name in ("bits", "unit", "pair_unit", "intercepts", "cues", "weights_sha256"):
        about.pop(name)
    asked = ["The gangway and the pontoon are wobbly past the lock", "a trivia riddle, a puzzle and a quiz"]
    before = shipped.read(asked).chances[:, 1]
    moved = []
    for step in (18, 1):
        path = tmp_path / f"{step}.json"
        save_model(path, **adapt(shipped, wanted[::step], labels[::step]).arrays(), about=about)
        moved.append(load_model(path).read(asked).chances[:, 1] - before)
    few, many = moved
    assert many[0] > 0.1 or before[0] > 0.9
    assert np.abs(many).sum() > np.abs(few).sum()
    # What the labels do not speak of stays nearly as it was.
    other = [
        "The street light outside the school has been broken for three weeks",
        "Win a phone, link in bio",
    ]
    after = load_model(tmp_path / "1.json").read(other).chances[:, 1]
    assert after[0] > 0.5 > after[1]


def test_what_was_held_out_is_judged_without_itself() -> None:
    shipped = load_model(SHIPPED_RELEVANCE)
    wanted, labels = texts()
    folds = np.arange(len(wanted)) % 3
    chances = adapted_chances(shipped, wanted, labels, folds)
    assert np.allclose(chances.sum(axis=1), 1)
    is_yes = np.array(labels) == "yes"
    assert ((chances[:, 1] > 0.5) == is_yes).mean() > 0.9
    # Lies about one fold do not change what the others teach of it.
    lied = [
        ("no" if label == "yes" else "yes") if fold == 0 else label
        for label, fold in zip(labels, folds, strict=True)
    ]
    assert np.allclose(adapted_chances(shipped, wanted, lied, folds)[folds == 0], chances[folds == 0])


def label_all(town: Town) -> Path:
    """A town whose people have labelled every post, by chance."""
    wanted, labels = texts()
    path = town.folder / "data" / "lookups" / "labels.jsonl"
    lines = []
    for number, (text, label) in enumerate(zip(wanted, labels, strict=True)):
        town.add(
            f"{number}",
            f"2024-03-{1 + number % 28:02d}",
            source_id="posts",
            text=text,
            author_key=f"k{number % 60}",
            conversation_id=f"{number}",
            lang="en",
        )
        lines.append(
            {
                "source_id": "posts",
                "record_id": f"{number}",
                "is_relevant": label == "yes",
                "drawn": "chance",
                "labelled_by": "A",
                "labelled_on": "2026-01-02",
            }
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    town.understand()
    return path


def test_a_site_gets_its_own_model_and_keeps_labels_back_to_measure_it(town: Town) -> None:
    path = label_all(town)
    before = town.rows("reading")
    assert all(row["is_label_held_out"] for row in before)
    said = {line.partition(":")[0]: line for line in train_models(town.store, town.settings)}
    assert "cost" in said["relevance"]
    assert "not written" not in said["relevance"]
    own = path.with_name("relevance.json")
    card = load_model(own).card
    assert (card.made_by, card.made_on) == ("answerable train", "2026-01-02")
    assert card.threshold is not None
    town.understand()
    rows = town.rows("reading")
    held = [row for row in rows if row["is_label_held_out"]]
    assert 0 < len(held) < len(rows) / 2
    # Whole authors are kept back, and nothing of theirs is in the model.
    author = {row["feedback_id"]: row["author_key"] for row in town.feedback}
    kept = {author[row["feedback_id"]] for row in held}
    assert kept.isdisjoint(author[row["feedback_id"]] for row in rows if not row["is_label_held_out"])
    assert card.label_count == len(rows) - len(held)
    right = [row["is_judged_relevant"] == row["is_labelled_relevant"] for row in held]
    right_before = [
        row["is_judged_relevant"] == row["is_labelled_relevant"]
        for row in before
        if author[row["feedback_id"]] in kept
    ]
    assert sum(right) / len(right) > 0.1 + sum(right_before) / len(right_before)
    # Made again, of rows in another order: the same bytes.
    files = {file.name: file.read_bytes() for file in path.parent.glob("relevance.*")}
    town.feedback.reverse()
    path.write_text("".join(reversed(path.read_text("utf-8").splitlines(keepends=True))), "utf-8")
    town.understand()
    train_models(town.store, town.settings)
    assert files == {file.name: file.read_bytes() for file in path.parent.glob("relevance.*")}


def test_too_few_labels_of_an_answer_are_said(town: Town) -> None:
    path = label_all(town)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:40]), "utf-8")
    town.understand()
    (said,) = [line for line in train_models(town.store, town.settings) if line.startswith("relevance")]
    assert f"need {LEAST_LABELS['relevance']} labels each" in said
    assert "no 0" in said
    assert not path.with_name("relevance.json").exists()


@pytest.mark.parametrize("task", ["intent", "urgency"])
def test_models_of_several_classes_are_moved_too(task: str) -> None:
    shipped = load_model(SHIPPED_RELEVANCE.with_name(f"{task}.json"))
    wanted, labels = texts()
    first, second = shipped.card.classes[-2:]
    names = [first if label == "yes" else second for label in labels]
    chances = adapted_chances(shipped, wanted, names, np.arange(len(wanted)) % 3)
    said = [shipped.card.classes[place] for place in chances.argmax(axis=1).tolist()]
    assert np.mean([a == b for a, b in zip(said, names, strict=True)]) > 0.9
    fitted = adapt(shipped, wanted, names)
    assert fitted.weights.shape == (2**shipped.card.bits, len(shipped.card.classes))
