"""Golden files: what a function made when somebody last looked at it and found it right.

``UPDATE_GOLDEN=1 pytest tests/golden`` writes them anew; the diff is then read like any other change of the code.
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markupsafe import Markup

from answerable import schema
from answerable.draw.numbers import Numbers, Row
from answerable.draw.stories import Scene

AGENCIES = {"parks": "Parks and Greens", "roads": "Roads", "water": "Water Board"}
TOPICS = {"holes": "Holes in the road", "lamps": "Street lamps", "noise": "Noise", "trees": "Trees"}
AREAS = {"north": "North", "south": "South", "east": "East Side", "west": "West End"}


@pytest.fixture
def golden() -> Callable[[Path, Any], None]:
    """``golden(path, value)``: the value, as JSON, is what the file says."""

    def compare(path: Path, value: Any) -> None:
        made = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made, "utf-8")
        assert path.exists(), f"{path.name} is missing: UPDATE_GOLDEN=1 pytest tests/golden writes it"
        assert made == path.read_text("utf-8"), f"{path.name} differs: UPDATE_GOLDEN=1 if that is meant"

    return compare


@pytest.fixture
def scene() -> Scene:
    """A made world of twelve months: the last month is incomplete, a median is not reached, one area is hidden."""
    rows: list[Row] = []

    def add(
        measure: str, value: float | None, *, breakdown: str = "all", group: str = "all", **more: Any
    ) -> None:
        base: dict[str, Any] = {
            "measure": measure, "method_version": "1", "interval": "all", "breakdown": breakdown, "group_code": group,
            "value": value, "low": None, "high": None, "numerator": None, "denominator": None, "unit": "feedback",
            "is_not_reached": False, "is_too_few": False, "is_suppressed": False,
        }  # fmt: skip
        rows.append(Row(**{**base, **more}))

    months = [str(p) for p in pd.period_range("2024-04", "2025-03", freq="M")]
    for place, month in enumerate(months):
        raised = 40 + 3 * place
        share = round(0.5 + 0.03 * math.cos(place), 4)
        add("raised", raised, interval=month)
        add("open", 10 + place, interval=month)
        add(
            "response_rate",
            share,
            low=share - 0.1,
            high=share + 0.1,
            denominator=raised,
            unit="share",
            interval=month,
        )
        # In the last two months not everything is four weeks old.
        old = raised if place < 10 else raised - 5
        add(
            "response_rate_28d",
            share,
            low=share - 0.1,
            high=share + 0.1,
            denominator=old,
            unit="share",
            interval=month,
        )
        is_waiting = place == 5
        days = None if is_waiting else 4.0 + place
        add(
            "median_days_to_closing", days, low=None if is_waiting else days and days - 1, high=days and days + 2,
            unit="days", interval=month, is_not_reached=is_waiting,
        )  # fmt: skip
        add(
            "median_days_to_first_response",
            2.0 + place,
            low=1.0,
            high=3.0 + place,
            unit="days",
            interval=month,
        )
    add("raised", 678)
    add("open", 21)
    for measure, share in (("7d", 0.2), ("28d", 0.45), ("90d", 0.6)):
        add(
            f"response_rate_{measure}",
            share,
            low=share - 0.04,
            high=share + 0.04,
            denominator=600,
            unit="share",
        )
    add("response_rate", 0.64, low=0.6, high=0.68, denominator=678, unit="share")
    add("median_days_to_first_response", 0.25, low=0.2, high=0.5, unit="days")
    add("p90_days_to_first_response", None, low=300.0, unit="days", is_not_reached=True)
    add("median_days_to_closing", 6.13, low=5.9, high=6.5, unit="days")
    add("p90_days_to_closing", 557.9, low=500.0, high=610.0, unit="days")
    for place, group in enumerate(AGENCIES):
        is_few = group == "roads"
        share = 0.3 + 0.2 * place
        add(
            "response_rate", None if is_few else share, low=None if is_few else share - 0.1,
            high=None if is_few else share + 0.1, breakdown="agency", group=group, unit="share", is_too_few=is_few,
            denominator=9 if is_few else 300,
        )  # fmt: skip
        add(
            "median_days_to_closing", 3.0 + 40 * place, low=2.0, high=None if place == 2 else 5.0 + 45 * place,
            breakdown="agency", group=group, unit="days",
        )  # fmt: skip
    for value, group in zip((310, 205, 120, 43), TOPICS, strict=True):
        add("raised", value, breakdown="topic", group=group)
    for value, group in zip((400, 190, 61), schema.CLOSING_REASONS, strict=False):
        add("closings", value, breakdown="closing_reason", group=group)
    for value, group in zip((90, 410, 33), schema.UPDATE_CLASSES, strict=False):
        add("updates", value, breakdown="update_class", group=group, unit="updates")
    for count, group in zip((120, 33, 250, None), AREAS, strict=True):
        add("raised", count, breakdown="area", group=group, is_suppressed=count is None)
    add("raised", 55, breakdown="area", group="unplaced")
    for place, count in enumerate((2, 1, 3, 2, 14, 11, 9, 2, 1)):
        at = {"breakdown": "failure", "group": "0a1b", "interval": f"2025-02-{20 + place:02}"}
        usual = 2.4 if place % 7 else 1.1
        add("failure_people", count, unit="people", numerator=count, **at)
        add("failure_expected", usual, low=0.2, high=usual + 4.5, unit="people on average", **at)
    names = {
        "agency": AGENCIES,
        "topic": TOPICS,
        "area": AREAS,
        "closing_reason": schema.CLOSING_REASONS,
        "update_class": schema.UPDATE_CLASSES,
    }
    note = Markup('Data up to <time datetime="2025-03-12">12 March 2025</time>.')
    return Scene(Numbers.from_frame(pd.DataFrame(rows)), names, (note,), "2025-02")
