"""The specification and the words of every chart, as they were when somebody last looked at them."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from answerable.draw import stories
from answerable.draw.figure import Figure
from answerable.draw.stories import Scene

CHARTS = Path(__file__).parent / "charts"

SQUARES = [
    {
        "type": "Feature",
        "properties": {"area_code": code},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[x, y], [x + 0.1, y], [x + 0.1, y + 0.1], [x, y + 0.1], [x, y]]],
        },
    }
    for code, x, y in (("north", 8.5, 47.5), ("south", 8.5, 47.4), ("east", 8.6, 47.4), ("west", 8.6, 47.5))
]

STORIES: dict[str, Callable[[Scene], Figure | None]] = {
    "raised-by-month": stories.raised_by_month,
    "answered-by-month": stories.answered_by_month,
    "answered-within": stories.answered_within,
    "waiting-times": stories.waiting_times,
    "response-time-by-month": stories.response_time_by_month,
    "closing-time-by-month": stories.closing_time_by_month,
    "response-rate-by-agency": stories.rate_by_group,
    "median-days-to-closing-by-agency": lambda scene: stories.days_by_group(
        scene, measure="median_days_to_closing"
    ),
    "raised-by-topic": lambda scene: stories.volumes(scene, limit=3),
    "closing-reasons": stories.closing_reasons,
    "update-classes": stories.update_classes,
    "map-raised": lambda scene: stories.area_map(scene, SQUARES),
    "failure-0a1b": lambda scene: stories.failure_by_day(
        scene, "0a1b", first=date(2025, 2, 24), last=date(2025, 2, 26)
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_chart(name: str, scene: Scene, golden: Callable[[Path, Any], None]) -> None:
    figure = STORIES[name](scene)
    assert figure is not None
    assert figure.id == name
    words = {
        "title": figure.title,
        "sentence": str(figure.sentence.striptags()),
        "description": figure.description,
        "keys": [(key.colour, key.label) for key in figure.keys],
        "notes": [str(note) for note in figure.notes],
        "table": [
            [line.name, *(cell and f"{cell.text} ({cell.interval})" for cell in line.cells)]
            for line in figure.lines
        ],
    }
    golden(CHARTS / f"{name}.json", {"words": words, "wide": figure.wide, "narrow": figure.narrow})


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in CHARTS.glob("*.json")} == set(STORIES)
