"""Figures on the map: where was it raised, where was it answered?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from answerable.draw import charts
from answerable.draw.figure import Figure, Line
from answerable.draw.geo import Outline, height_for, planar
from answerable.draw.numbers import Number, Row, form_of
from answerable.draw.scene import Scene, full, given, in_words, make_figure, shown
from answerable.draw.theme import AREA_CLASSES

__all__ = ["area_map"]

_NONE = "None"
_TOO_FEW = "Too few to say"
_UNKNOWN = "Not known yet"
_HIDDEN = "Hidden to protect people"
_NO_CLASS = MappingProxyType({_NONE: "empty", _UNKNOWN: "empty", _TOO_FEW: "few", _HIDDEN: "hidden"})

_TALLEST = 560  # pixels: a map that is taller than a screen cannot be seen as one

_TITLES = MappingProxyType(
    {
        "raised": ("Where was it raised?", "Feedback raised", "Raised"),
        "response_rate": ("Where was it answered?", "Answered by the end of the data", "Answered"),
        "median_days_to_first_response": (
            "Where did an answer take how long?",
            "Half answered within",
            "Half answered within",
        ),
        "median_days_to_closing": (
            "Where did closing take how long?",
            "Half closed within",
            "Half closed within",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class _Class:
    """A class of values: in words, up to and with which value, and in which colour."""

    words: str
    end: float
    colour: str


def area_map(
    scene: Scene, features: Sequence[Mapping[str, Any]], *, measure: str = "raised"
) -> Figure | None:
    """A map of a measure by area.

    Args:
        scene: the numbers.
        features: GeoJSON features in WGS 84 with the property ``area_code``.
        measure: one of those that have words here.

    Raises:
        KeyError: a measure without words.
    """
    title, legend_title, column = _TITLES[measure]
    rows = {r.group_code: r for r in scene.numbers.groups(measure, "area")}
    unplaced = rows.get("unplaced")
    placed = [r for r in rows.values() if r is not unplaced]
    if not features or not any(shown(r) is not None for r in placed):
        return None
    outlines = planar(features)
    classes = _classes(placed)
    drawn = [_feature(scene, outline, rows.get(outline.area_code), classes) for outline in outlines]
    used = {feature["properties"]["class"] for feature in drawn}
    legend = {c.words: c.colour for c in classes} | {w: c for w, c in _NO_CLASS.items() if w in used}
    if measure == "raised":
        sentence = Markup(
            "Each shade stands for a range of numbers. Where much is raised there may be a great need, many people,"
            " or many who report."
        )
        if unplaced is not None and unplaced.value:
            sentence += Markup(" {} could not be put on the map: no place is known.").format(Number(unplaced))
    else:
        sentence = Markup(
            "Each shade stands for a range. How sure the number of an area is stands in the table."
        )

    def draw(width: int) -> dict[str, Any]:
        height = min(height_for(outlines, width), _TALLEST)
        labels = _labels(scene, outlines, width)
        return charts.area_map(drawn, labels, legend, width=width, height=height, title=legend_title)

    names = [(scene.name("area", row.group_code), row) for row in scene.named(list(rows.values()))]
    return make_figure(
        scene,
        id=f"map-{measure.replace('_', '-')}",
        title=title,
        sentence=sentence,
        description=f"A map of the areas in shades: {legend_title.lower()}. The table has the same numbers.",
        draw=draw,
        head="Area",
        columns=(column,),
        lines=[Line(given(name), (full(row),), name) for name, row in names],
    )


def _feature(scene: Scene, outline: Outline, row: Row | None, classes: Sequence[_Class]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": outline.geometry,
        "properties": {
            "name": scene.name("area", outline.area_code),
            "text": in_words(row, "none"),
            "class": _class_of(row, classes),
        },
    }


def _labels(scene: Scene, outlines: Sequence[Outline], width: int) -> list[dict[str, Any]]:
    """Names that fit into their areas; none where there are so many that they would crowd."""
    if len(outlines) > 25:
        return []
    named = [(scene.name("area", o.area_code), o) for o in outlines]
    # About 6 pixels a letter; an outline's plane is 1,000 units wide.
    fitting = [(name, o) for name, o in named if len(name) * 6 < o.width * width / 1000]
    return [{"name": name, "x": o.x, "y": o.y} for name, o in fitting]


def _classes(rows: Sequence[Row]) -> tuple[_Class, ...]:
    """Up to five classes, from few to many."""
    form = form_of(rows[0])
    if form == "rate":
        words = ("up to 20 %", "20 to 40 %", "40 to 60 %", "60 to 80 %", "over 80 %")
        return tuple(map(_Class, words, (0.2, 0.4, 0.6, 0.8, 1.0), AREA_CLASSES))
    if form == "days":
        words = ("up to a day", "up to a week", "up to four weeks", "up to ninety days", "longer")
        return tuple(map(_Class, words, (1.0, 7.0, 28.0, 90.0, float("inf")), AREA_CLASSES))
    if form == "count":
        return _count_classes(sorted(int(r.value) for r in rows if r.value))
    raise ValueError(f"no classes are known for the form {form}")


def _count_classes(known: Sequence[int]) -> tuple[_Class, ...]:
    """Classes with about as many areas each, their ends rounded up to two digits."""
    if not known:
        return ()
    ends = sorted({_rounded_up(known[min(len(known) - 1, len(known) * part // 5)]) for part in range(1, 6)})
    while len(ends) > 1 and ends[-2] >= known[-1]:
        ends.pop()
    starts = [1, *(end + 1 for end in ends[:-1])]
    words = [
        f"{start:,} to {end:,}" if start < end else f"{end:,}"
        for start, end in zip(starts, ends, strict=True)
    ]
    return tuple(map(_Class, words, map(float, ends), AREA_CLASSES[-len(ends) :]))


def _rounded_up(number: int) -> int:
    """The next number with at most two digits that are not zero."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // step) * step


def _class_of(row: Row | None, classes: Sequence[_Class]) -> str:
    if row is None:
        return _NONE
    if row.is_suppressed:
        return _HIDDEN
    if row.is_too_few:
        return _TOO_FEW
    if row.value is None:
        # A quantile that is not reached is longer than any that is.
        return classes[-1].words if row.is_not_reached else _UNKNOWN
    if row.value == 0 and form_of(row) == "count":
        return _NONE
    return next(c.words for c in classes if row.value <= c.end)
