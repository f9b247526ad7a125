from __future__ import annotations

import pandas as pd
import pytest

from answerable.measure.results import wilson


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [
        # Newcombe 1998, table I, method 3 (score without continuity correction), 95 %.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_a_published_table(numerator: int, denominator: int, low: float, high: float) -> None:
    lows, highs = wilson(pd.Series([numerator]), pd.Series([denominator]))
    assert lows[0] == pytest.approx(low, abs=6e-5)
    assert highs[0] == pytest.approx(high, abs=6e-5)


def test_wilson_stays_within_0_and_1_and_around_the_share() -> None:
    for n in (1, 2, 3, 10, 1000):
        lows, highs = wilson(pd.Series([0, n]), pd.Series([n, n]))
        assert lows[0] == 0
        assert highs[1] == 1
        assert lows[1] < 1
        assert highs[0] > 0


def test_wilson_of_nothing_is_nothing() -> None:
    lows, highs = wilson(pd.Series([0]), pd.Series([0]))
    assert lows.isna().all()
    assert highs.isna().all()
