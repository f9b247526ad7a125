from __future__ import annotations

import math

import ibis
import pyarrow as pa
import pytest

from answerable.measure.survival import quantiles, times

# Freireich and others 1963: weeks of remission of 42 children, the data of most textbooks; + is still in remission.
SIX_MP = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"

Points = dict[str, float | None]


def points_of(**groups: str) -> dict[str, Points]:
    rows = [
        {"group": name, "weeks": int(wait.rstrip("+")), "is_over": not wait.endswith("+")}
        for name, waits in groups.items()
        for wait in waits.split()
    ]
    con = ibis.duckdb.connect()
    table = con.create_table("waits", pa.Table.from_pylist(rows))
    found = con.to_pyarrow(
        quantiles(times(table, ["group"], minutes=table.weeks, is_event=table.is_over), ["group"])
    )
    return {row.pop("group"): row for row in found.to_pylist()}


def test_the_textbook_example() -> None:
    """Medians and log-log bounds as statistical packages print them for these data."""
    found = points_of(six_mp=SIX_MP, placebo=PLACEBO)
    assert (found["six_mp"]["median"], found["six_mp"]["median_low"]) == (23, 13)
    assert found["six_mp"]["median_high"] is None
    assert found["six_mp"]["p90"] is None
    assert [found["placebo"][c] for c in ("median", "median_low", "median_high")] == [8, 4, 11]


def test_bands_are_drawn_at_95_percent() -> None:
    """Thirty events at times 1 to 30: the bounds of the median by hand, where 90 % or 99 % would give others."""

    def bound(z: float, sign: int) -> int:
        for time in range(1, 30):
            survival, variance = (30 - time) / 30, time / (30 * (30 - time))
            band = survival ** math.exp(sign * z * math.sqrt(variance) / math.log(survival))
            if band <= 0.5:
                return time
        raise AssertionError

    found = points_of(a=" ".join(str(t) for t in range(1, 31)))["a"]
    assert (found["median_low"], found["median_high"]) == (bound(1.959964, -1), bound(1.959964, 1))
    assert bound(1.959964, 1) != bound(2.575829, 1)
    assert bound(1.959964, -1) != bound(1.644854, -1) or bound(1.959964, 1) != bound(1.644854, 1)


def test_an_event_and_a_censoring_at_one_time_count_the_censored_as_waiting() -> None:
    assert points_of(a="5 5+")["a"]["median"] == 5


def test_a_group_in_which_nothing_happened_has_no_row() -> None:
    assert points_of(a="1+ 2+ 3+", b="1") == {
        "b": {f"{q}{s}": 1 for q in ("median", "p90") for s in ("", "_low", "_high")}
    }


def test_time_zero_counts() -> None:
    assert points_of(a="0 0 0 9+")["a"]["median"] == 0


@pytest.mark.parametrize(
    ("waits", "median"), [("1 2 3 4", 2), ("1 2 3", 2), ("1 2+ 3+ 4+", None), ("1 1+ 2 2+", 2)]
)
def test_a_quantile_is_the_first_time_at_which_no_more_than_its_share_waits(
    waits: str, median: int | None
) -> None:
    assert points_of(a=waits)["a"]["median"] == median
