"""The models that judge many texts at once: what they read, that nothing around a text matters, sound files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.errors import SettingsError, UsageError
from answerable.understand import training
from answerable.understand.cues import MARKS, cues
from answerable.understand.features import grams, plain_form
from answerable.understand.linear import load_model, save_model
from answerable.understand.relevance import SHIPPED_RELEVANCE

MODELS = ("relevance", "intent", "urgency")
EXAMPLES = Path(__file__).parents[3] / "benchmarks" / "understanding" / "training" / "relevance.jsonl"
words = st.text(st.sampled_from("aeiou nrst ÄßéñçЖ日😀@#?!/:.-0123456789\n\u200b\ue001"), max_size=60)


@given(st.lists(words, max_size=6), st.sampled_from([8, 12]))
def test_the_features_of_a_text_do_not_depend_on_its_batch(texts: list[str], bits: int) -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(-999, 999, (2**bits + 1, 2)).astype(np.int16)
    table[-1] = 0
    together, of_words = grams(texts, bits=bits).sums(table)
    alone = [grams([text], bits=bits).sums(table)[0][0] for text in texts]
    assert together.shape == (len(texts), 2)
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    # Training sees the same numbers as reading.
    batch = grams(texts, bits=bits)
    rows, places, values = batch.entries()
    matrix = np.zeros((len(texts), 2**bits))
    np.add.at(matrix, (rows, places), values)
    assert np.allclose(matrix @ table[:-1], together)
    # What the words bring is what the text brings.
    summed = np.zeros_like(together)
    np.add.at(summed, batch.words_of_texts(), of_words)
    assert np.allclose(summed, together)


@given(words)
def test_a_smaller_table_is_the_upper_bits_of_a_larger_one(text: str) -> None:
    narrowed, small = grams([text], bits=14).narrowed(11), grams([text], bits=11)
    assert np.array_equal(narrowed.word_places, small.word_places)
    assert np.array_equal(narrowed.pair_places, small.pair_places)
    assert all(np.array_equal(a, b) for a, b in zip(narrowed.letter_places, small.letter_places, strict=True))
    with pytest.raises(ValueError, match="cannot be read"):
        small.narrowed(14)


def test_what_is_read_of_a_text() -> None:
    text = "RT @Council: Straße  KAPUTTTTT\nsince 12:30 https://a.example/x mail me@a.example"
    assert plain_form(text) == "rt \ue001 : strasse kaputt since \ue002 \ue000 mail \ue003 "
    assert plain_form("\ue000 is no link") == "is no link"


def test_cues_are_found_in_any_language_without_accents() -> None:
    known = cues()
    texts = [
        "When will you fix the street light outside my house? Broken for weeks",
        "quand allez vous reparer le LAMPADAIRE ? en panne depuis des semaines",
        "RT @a: x",
        "@TownWorks hello there everyone",
        "!",
    ]
    found = [
        {known.names[place] for place in np.flatnonzero(row)}
        for row in known.found(grams(texts, bits=10), texts, accounts={"townworks"})
    ]
    assert {"service", "fault", "request", "question-mark"} <= found[0] & found[1]
    assert "repost" in found[2]
    assert {"office", "account-first"} <= found[3]
    assert {"wordless", "exclamation-mark"} <= found[4]
    assert set(MARKS) < set(known.names)


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_model_is_sound_and_made_of_what_lies_there(name: str) -> None:
    path = SHIPPED_RELEVANCE.with_name(f"{name}.json")
    model = load_model(path)
    assert path.with_suffix(".npz").stat().st_size < 1_000_000
    assert (model.card.threshold is not None) == (name == "relevance")
    examples = training.without_copies(training.read_examples(EXAMPLES))
    if name == "relevance":
        examples = [example for example in examples if example.noise != "repost"]
    else:
        examples = [example for example in examples if example.is_relevant]
    assert model.card.training_sha256 == training.digest_of(examples), (
        "make it anew: benchmarks/understanding/train.py"
    )


def test_a_model_that_is_not_what_it_says_is_refused(tmp_path: Path) -> None:
    for suffix in (".json", ".npz"):
        shutil.copy(SHIPPED_RELEVANCE.with_suffix(suffix), tmp_path / f"model{suffix}")
    path = tmp_path / "model.json"
    load_model(path)
    card = json.loads(path.read_text("utf-8"))
    card["cues"].pop("service")
    path.write_text(json.dumps(card), "utf-8")
    with pytest.raises(SettingsError, match="other cues"):
        load_model(path)
    weights = bytearray(path.with_suffix(".npz").read_bytes())
    weights[len(weights) // 2] ^= 1
    path.with_suffix(".npz").write_bytes(weights)
    with pytest.raises(SettingsError, match="not the file"):
        load_model(path)
    path.write_text("{}", "utf-8")
    with pytest.raises(SettingsError, match="is no model"):
        load_model(path)


def test_a_model_of_a_few_texts_learns_them_and_comes_back_from_its_files(tmp_path: Path) -> None:
    texts = [f"{thing} is broken in our street" for thing in ("lamp", "drain", "bench", "bin")]
    texts += [f"win a {thing}, link in bio" for thing in ("phone", "car", "holiday", "prize")]
    labels = ["yes"] * 4 + ["no"] * 4
    fitted = training.fit(texts, labels, classes=("no", "yes"), bits=10)
    about = {
        "name": "few",
        "classes": ("no", "yes"),
        "made_of": "eight texts",
        "made_on": "2026-01-01",
        "made_by": "a test",
        "training_sha256": "",
        "languages": ("en",),
        "text_count": 8,
    }
    save_model(tmp_path / "few.json", **fitted.arrays(), about=about)
    model = load_model(tmp_path / "few.json")
    read = model.read([*texts, "the tap is broken in our street", ""])
    assert np.array_equal(read.chances[:8, 1] > 0.5, np.array([True] * 4 + [False] * 4))
    assert read.chances[8, 1] > 0.5
    assert read.reasons(4)[0].weight < 0
    assert read.reasons(9) == () or all(reason.words.startswith("[") for reason in read.reasons(9))
    first = (tmp_path / "few.npz").read_bytes()
    save_model(tmp_path / "few.json", **fitted.arrays(), about=about)
    assert (tmp_path / "few.npz").read_bytes() == first
    assert model.knows("en")
    assert model.knows("und")
    assert not model.knows("pl")
    with pytest.raises(UsageError, match="one class"):
        training.fit(texts[:4], labels[:4], classes=("no", "yes"), bits=10)


def test_the_threshold_is_where_the_mistakes_cost_least() -> None:
    chances = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.9])
    is_yes = np.array([False, False, True, False, True, True])
    assert 0.2 < training.best_threshold(chances, is_yes, cost_of_missing=2) <= 0.3
    assert 0.4 < training.best_threshold(chances, is_yes, cost_of_missing=0.5) <= 0.6


def test_copies_stay_on_one_side_of_a_fold() -> None:
    folds = training.folds(["No water!", "no WATER !", "another", "text"])
    assert folds[0] == folds[1]
