"""Which texts say the same: groups that depend on nothing but the texts."""

from __future__ import annotations

import random

import numpy as np
import pytest

from answerable.understand import meaning


def texts(count: int, seed: int) -> list[str]:
    """Texts of twelve words out of some hundred, from a dozen subjects that share half of theirs."""
    draw = random.Random(seed)
    syllables = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "zu")
    words = ["".join(draw.choices(syllables, k=3)) for _ in range(120)]
    subjects = [draw.sample(words, 25) for _ in range(12)]
    return [" ".join(draw.choices(draw.choice(subjects), k=12)) for _ in range(count)]


def groups_of(said: list[str]) -> list[int]:
    read = meaning.Reading.of(said)
    labels, _ = meaning.groups(meaning.weigh(read, meaning.Background.sum([meaning.Background.of(read)])))
    return [int(label) for label in labels]


def test_the_same_texts_make_the_same_groups_whatever_was_grouped_before() -> None:
    sets = [texts(300, seed=seed) for seed in range(12)]
    first = [groups_of(said) for said in sets]
    assert all(5 < len(set(labels)) < 250 for labels in first)
    assert [groups_of(said) for said in reversed(sets)] == first[::-1]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_number_of_threads_changes_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(300, seed=9)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    alone = groups_of(said)
    monkeypatch.setattr("os.cpu_count", lambda: threads)
    assert groups_of(said) == alone


def test_groups_go_on_as_the_nearest_of_the_next_month() -> None:
    said = ["the lamp at the bridge is dark", "no water in the mill", "the lamp at the bridge is still dark"]
    read = meaning.Reading.of(said)
    vectors = meaning.weigh(read, meaning.Background.sum([meaning.Background.of(read)]))
    middles = meaning.unpacked(meaning.packed(meaning.centroids(vectors, np.arange(3))))
    assert meaning.linked(middles[:2], middles[2:]) == [(0, 0)]
    assert meaning.linked(middles[1:2], middles[2:]) == []
    assert meaning.linked(middles[:0], middles[2:]) == []
