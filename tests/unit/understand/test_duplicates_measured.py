"""How well copies are found among the project's own texts, at a small size; the benchmark prints the whole."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks" / "understanding"


def test_copies_are_found_and_filled_in_forms_left_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "duplicates", raising=False)
    import duplicates  # type: ignore[import-not-found, unused-ignore]

    texts = itertools.islice(duplicates.own_texts(), 0, None, 3)
    said, taught = duplicates.made_set(texts, most=300, forms=100)
    judged = duplicates.judge(said, taught)
    easy = duplicates.scores(judged.pairs(lambda s: s.made in {"text", "easy"}))
    whole = duplicates.scores(judged.pairs(lambda _: True))
    assert easy["F1"][0] >= 0.98
    assert whole["precision"][0] >= 0.98
    # Few texts teach few words, and a word that nobody knows is not taken for a mistyped one.
    assert whole["F1"][0] >= 0.80
    merged, count = judged.merged()
    assert count > 400
    assert merged <= 0.01 * count
