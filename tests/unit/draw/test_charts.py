import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.draw import charts
from answerable.draw.theme import NARROW, WIDE

PLACEHOLDERS = ("the order of the frame", "99.875", "9.625")


def rows(*days: float | None, names: list[str] | None = None) -> pd.DataFrame:
    values = pd.Series(days, dtype="float64")
    frame = pd.DataFrame({"value": values, "low": values * 0.9, "high": values * 1.1})
    return frame.assign(name=names or [f"row {i}" for i in range(len(days))], text="so much", note="")


def months(*days: float | None) -> pd.DataFrame:
    dates = [f"{p}-01" for p in pd.period_range("2024-01", periods=len(days), freq="M")]
    return rows(*days).drop(columns="name").assign(month=dates)


def every_chart(width: int) -> list[dict[str, Any]]:
    counts = pd.DataFrame(
        {"month": months(1, 2)["month"], "raised": [3, 4], "open": [1, 2], "text": ["a", "b"]}
    )
    two = pd.DataFrame(
        {"name": ["a", "b"], "half": [0.01, None], "most": [99.0, None], "note": ["", "waiting"]}
    )
    return [
        charts.raised_and_open(counts, width=width),
        charts.rate_by_month(months(0.1, 0.9), width=width),
        charts.days_by_month(months(1, 9), width=width),
        charts.days_by_month(months(0.01, 900), width=width),
        charts.values_with_intervals(rows(0.1, 0.9), width=width, kind="rate"),
        charts.values_with_intervals(rows(1, 9), width=width, kind="days"),
        charts.values_with_intervals(rows(0.01, 900), width=width, kind="days"),
        charts.times(two.assign(half_text="", most_text="", more=""), width=width),
        charts.bars(rows(1, 9), width=width),
    ]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_of_a_template_is_left(width: int) -> None:
    for spec in every_chart(width):
        assert not any(word in json.dumps(spec) for word in PLACEHOLDERS)
        assert spec["width"] == width
        assert isinstance(spec["height"], int)


def test_a_long_range_gets_a_scale_with_steps_in_words() -> None:
    short = charts.days_by_month(months(1, 2, 9), width=WIDE)["layer"][0]["encoding"]["y"]
    assert short["axis"]["title"] == "Days"
    assert "type" not in short["scale"]
    long = charts.days_by_month(months(0.0, 3, 500), width=WIDE)
    y = long["layer"][0]["encoding"]["y"]
    assert y["scale"] == {"type": "log", "domain": [pytest.approx(1 / 1440), 3650], "nice": False}
    assert y["axis"]["title"] == "Long times are drawn closer together"
    # What took no time has a place on the scale, too.
    assert long["datasets"]["rows"][0]["value"] == pytest.approx(1 / 1440)


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=20))
def test_an_axis_holds_all_that_is_drawn(days: list[float]) -> None:
    for is_long in (False, True):
        low, high = charts.range_of_days(days, is_long=is_long)
        least = 1 / 1440 if is_long else 0.0
        assert low <= max(min(days), least)
        assert high >= max(days) * (1 - 1e-9)
        assert low < high


def test_names_that_are_too_long_for_the_margin_stand_above_their_marks() -> None:
    def names(spec: dict[str, Any]) -> list[str]:
        return [layer for layer in spec["layer"] if layer["encoding"].get("text", {}).get("field") == "label"]

    short, long = rows(1, 2, names=["a", "b"]), rows(1, 2, names=["a", "b " * 40])
    assert not names(charts.bars(short, width=WIDE))
    assert names(charts.bars(long, width=WIDE))
    assert names(charts.bars(short, width=NARROW))
    spec = charts.bars(long, width=NARROW)
    lines = {row["label"].count("\n") for row in spec["datasets"]["rows"]}
    assert len(lines) == 1  # as many lines above each mark
    assert spec["height"] > charts.bars(short, width=NARROW)["height"]


def test_an_interval_without_an_upper_end_is_drawn_to_the_edge() -> None:
    frame = rows(3.0, 5.0).assign(high=pd.Series([4.0, None], dtype="float64"))
    spec = charts.values_with_intervals(frame, width=WIDE, kind="days")
    domain = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert [row["high"] for row in spec["datasets"]["rows"]] == [4.0, domain[1]]
