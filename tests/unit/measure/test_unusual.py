"""The statistics of unusual days, on counts that a test can foresee and on simulated ones."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from statistics import NormalDist
from types import ModuleType

import numpy as np
import pytest

from answerable.measure import unusual

PLACE = np.array([0])


def flat(level: float, days: int = 200) -> unusual.Counts:
    return np.full(days, level)


def looked(counts: unusual.Counts, day: int) -> tuple[float, bool]:
    found = unusual.scores(counts[None, :], PLACE, np.array([day]))
    return float(found.score[0]), bool(found.is_week[0])


def test_what_is_to_be_expected_of_a_level_is_the_level() -> None:
    expected, dispersion = unusual.expectation(flat(6)[None, :], PLACE, np.array([100]), 7)
    assert expected[0] == pytest.approx([6] * 7)
    assert dispersion[0] == 1


def test_a_weekday_is_compared_with_its_own() -> None:
    counts = np.array([12.0 if day % 7 == 3 else 2.0 for day in range(200)])
    expected, _ = unusual.expectation(counts[None, :], PLACE, np.array([98]), 7)
    assert int(np.argmax(expected[0])) == 3
    busy, _ = looked(counts, 101)
    assert busy < 2


def test_a_day_without_its_history_is_refused() -> None:
    with pytest.raises(ValueError, match="59 days before it"):
        unusual.expectation(flat(1)[None, :], PLACE, np.array([58]))


def test_a_shock_tells_by_its_day_and_a_drip_by_its_week() -> None:
    shock, drip = flat(4), flat(4)
    shock[150] = 30
    drip[144:151] = 11
    score, is_week = looked(shock, 150)
    assert (score > 5, is_week) == (True, False)
    score, is_week = looked(drip, 150)
    assert (score > 2.5, is_week) == (True, True)


def test_two_people_are_never_unusual() -> None:
    counts = flat(0)
    counts[150] = 2
    assert looked(counts, 150)[0] == -math.inf
    counts[150] = 3
    assert looked(counts, 150)[0] > 1


def test_an_old_peak_does_not_hide_a_new_one() -> None:
    counts = flat(4)
    counts[150] = 30
    before, _ = looked(counts, 150)
    counts[120:122] = 60
    after, _ = looked(counts, 150)
    assert after > 0.9 * before


def test_a_rise_begins_and_ends_where_it_does() -> None:
    counts = flat(3)
    counts[140:160] = 9
    span, expected = unusual.rise(counts, 146, is_week=True)
    assert span == unusual.Rise(140, 159, is_open=False)
    assert expected == pytest.approx([3] * 20)


def test_a_rise_that_lasts_where_the_counts_end_is_open() -> None:
    counts = flat(3)
    counts[190:] = 9
    span, _ = unusual.rise(counts, 196, is_week=True)
    assert span == unusual.Rise(190, 199, is_open=True)


def test_what_stays_high_for_a_quarter_is_the_new_usual() -> None:
    counts = flat(3, 400)
    counts[140:] = 9
    span, _ = unusual.rise(counts, 146, is_week=True)
    assert (span.first, span.is_open) == (140, False)
    assert span.last == 146 + 91


def test_the_tail_is_the_normal_one() -> None:
    z = np.array([-1.0, 0.0, 1.96, 3.3])
    assert unusual.tail(z) == pytest.approx([1 - NormalDist().cdf(value) for value in z.tolist()])
    assert unusual.tail(np.array([-math.inf])) == 1


def test_benjamini_and_hochberg_as_in_their_paper() -> None:
    # The example of 1995: fifteen p-values of which four are rejected at 5 %.
    values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
              0.6528, 0.7590, 1.0000]  # fmt: skip
    limit = unusual.by_benjamini_hochberg(np.array(values), 15, 0.05)
    assert sum(value <= limit for value in values) == 4
    # What did not come near counts all the same.
    assert unusual.by_benjamini_hochberg(np.array(values[:5]), 15, 0.05) == limit


def test_usual_days_lie_in_the_usual_range() -> None:
    low, high = unusual.usual_range(np.array([0.2, 4.0, 50.0]), 1.0)
    drawn = np.random.default_rng(3).poisson([0.2, 4.0, 50.0], (4000, 3))
    inside = ((drawn >= np.floor(low)) & (drawn <= np.ceil(high))).mean(axis=0)
    assert (inside > 0.95).all()


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = Path(__file__).parents[3] / "benchmarks" / "understanding" / "failures.py"
    spec = importlib.util.spec_from_file_location("benchmark_failures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_what_the_method_page_says_holds_on_simulated_series(benchmark: ModuleType) -> None:
    quiet, shock = benchmark.world(11, 40, "usual"), benchmark.world(12, 40, "shock")
    threshold = float(np.quantile(benchmark.looked(benchmark.ours, quiet.counts), 0.995))
    count, delay = benchmark.found(benchmark.looked(benchmark.ours, shock.counts), shock.planted, threshold)
    assert count / len(shock.planted) >= 0.8
    assert delay <= 0.5
    other, _ = benchmark.found(
        benchmark.looked(benchmark.ears_c2, shock.counts),
        shock.planted,
        float(np.quantile(benchmark.looked(benchmark.ears_c2, quiet.counts), 0.995)),
    )
    assert other < count
