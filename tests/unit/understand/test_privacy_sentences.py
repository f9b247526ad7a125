"""Redaction on the sentences written for it: what it has to find, and what it has to leave."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

UNDERSTANDING = Path(__file__).parents[3] / "benchmarks" / "understanding"
# The benchmark says what has to be reached. Where a set falls short of it, here stands the least that it does reach.
REACHED: dict[str, dict[str, float]] = {
    "develop": {},
    "gate": {},
    "final": {},
    "unseen": {},
    "forms": {},
}


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@cache
def benchmark() -> ModuleType:
    return _module("benchmark_privacy", UNDERSTANDING / "privacy.py")


@cache
def found_in(name: str) -> Any:
    return benchmark().find_in_sentences(benchmark().sentences(name))


@pytest.mark.parametrize("name", REACHED)
def test_personal_data_is_found_and_little_else(name: str) -> None:
    reached = REACHED[name]
    targets = found_in(name).targets()
    assert set(reached) <= set(targets)
    least = {figure: reached.get(figure, target) for figure, (_, target) in targets.items()}
    shares = {figure: counted.share for figure, (counted, _) in targets.items()}
    assert {figure: share for figure, share in shares.items() if share < least[figure]} == {}


def test_every_kind_has_a_target_and_every_set_a_least() -> None:
    module, found = benchmark(), found_in("develop")
    assert set(REACHED) == set(module.SETS)
    assert set(found.recall) == {*module.STRUCTURED, "name", "address"}
    assert set(found.targets()) == {
        *(f"recall of {kind}" for kind in found.recall), "recall of structured kinds", "precision",
    }  # fmt: skip


def test_only_the_set_that_judges_prints_gates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, found = benchmark(), found_in("gate")
    gate = _module("benchmark_run", UNDERSTANDING / "run.py").GATE
    assert module.print_targets("gate", found)
    assert not gate.search(capsys.readouterr().out)
    monkeypatch.setattr(module, "JUDGES", {"gate": ("recall", "precision")})
    short = [share for share, least in found.targets().values() if share.share < least]
    assert module.print_targets("gate", found) == (not short)
    lines = capsys.readouterr().out.splitlines()
    words = [match[1] for line in lines if (match := gate.search(line))]
    assert (len(words), words.count("missed")) == (len(found.targets()), len(short))


def test_failures_are_counted_and_shown_only_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    module = benchmark()
    failures = [module.Failure("name", "en", "whole, one word", "wilhelmina", "thanks wilhelmina")]
    module.print_failures("not found", failures, 0)
    told = capsys.readouterr().out
    assert "not found: 1" in told
    assert "whole, one word 1" in told
    assert "wilhelmina" not in told
    module.print_failures("not found", failures, 5)
    assert "wilhelmina" in capsys.readouterr().out


def test_the_sentences_are_what_their_maker_makes_and_the_sets_share_nothing() -> None:
    maker = _module("benchmark_sentences", UNDERSTANDING / "sentences" / "make.py")
    made = maker.make()  # it stops where two sets share a template, a sentence, a name or a street
    assert list(made) == list(REACHED)
    for name, sentences in made.items():
        assert (maker.HERE / f"{name}.jsonl").read_text("utf-8") == maker.written(sentences)
        assert {sentence["lang"] for sentence in sentences} == {"de", "en", "es", "fr", "pt"}
    groups = {sentence["group"] for sentences in made.values() for sentence in sentences}
    assert len(groups) >= 1000
