"""The charts: each a function from a small frame to a Vega-Lite specification, at a width in pixels.

Altair builds and checks each kind of chart once (that costs up to a tenth of a second); a chart that is drawn again has
only its rows swapped. Frames hold one row per mark. Wherever a mark may be pointed at, ``text`` is what it then says.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import altair as alt

from answerable.draw.theme import COLOURS, configured

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "area_map",
    "bars",
    "days_by_month",
    "is_long_range",
    "people_by_day",
    "raised_and_open",
    "range_of_days",
    "rate_by_month",
    "times",
    "values_with_intervals",
]

_PHONE = 500
"""Below this width the names of rows stand above their marks, not beside them."""

_DAY_TICKS = (1 / 1440, 1 / 24, 1, 7, 30, 365, 3650)
_DAY_WORDS = ("1 minute", "1 hour", "1 day", "1 week", "1 month", "1 year", "10 years")
_LEAST_DAYS = 1 / 1440  # a logarithmic scale has no zero: what took no time is drawn at one minute
_LONG_RANGE = (
    40  # where the longest is so many times the shortest, a straight scale would hide the short ones
)
# What stands in a template where each chart has something of its own.
_ORDER = ["the order of the frame"]
_LIMITS = [0.125, 99.875]
_TICKS = [0.375, 9.625]

_LINE_HEIGHT = 15
_EMPTY = "\N{ZERO WIDTH SPACE}"  # an empty line above a label, which Vega would drop
_PER_CENT = "format(datum.value * 100, ',.0f') + '\\u00a0%'"


def _filled(template: str, rows: pd.DataFrame, limits: tuple[float, float] | None = None) -> dict[str, Any]:
    """The template with a frame's rows, their order where they have names, and the ends of its axis."""
    if "name" in rows:
        # Said outright: the order of the data is lost in a layer that has no value for the first row.
        template = template.replace(json.dumps(_ORDER), json.dumps(list(rows["name"])))
    if limits is not None:
        ticks = [tick for tick in _DAY_TICKS if limits[0] <= tick <= limits[1] * 1.001]
        template = template.replace(json.dumps(_LIMITS), json.dumps(list(limits)))
        template = template.replace(json.dumps(_TICKS), json.dumps(ticks))
    spec: dict[str, Any] = json.loads(template)
    if isinstance(spec["height"], dict):
        spec["height"] = spec["height"]["step"] * len(rows)
    spec["datasets"] = {"rows": json.loads(rows.to_json(orient="records", double_precision=12))}
    return spec


def _template(chart: alt.LayerChart | alt.FacetChart) -> str:
    # As text, because each chart gets a copy of its own.
    return json.dumps(configured(chart))


def _rows() -> alt.Chart:
    return alt.Chart(alt.NamedData(name="rows"))


# The title of an axis stands level above it: nobody has to turn the head.
_ABOVE: Mapping[str, Any] = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -8}


# ---- over time ------------------------------------------------------------------------------------------------------


def _month_axis(count: int, width: int) -> alt.X:
    """The axis of ``count`` months: years where there are many, else months with the year below January."""
    is_phone = width < _PHONE
    if count > 48:
        years = math.ceil(count / 12 / (6 if is_phone else 14))
        ticks: dict[str, Any] = {"interval": "year", "step": years}
        label = "utcFormat(datum.value, '%Y')"
    else:
        room = 6 if is_phone else 12
        step = next(s for s in (1, 2, 3, 6, 12) if count / s <= room or s == 12)
        ticks = {"interval": "month", "step": step}
        year = "utcFormat(datum.value, '%m') == '01' ? utcFormat(datum.value, '%Y') : ''"
        label = f"[utcFormat(datum.value, '%b'), {year}]"
    return alt.X(
        "month:T",
        timeUnit="utcyearmonth",
        axis=alt.Axis(
            title=None, grid=False, tickCount=ticks, labelExpr=label, labelFlush=True, labelOverlap=True
        ),
    )


def raised_and_open(rows: pd.DataFrame, *, width: int) -> dict[str, Any]:
    """Bars of what was raised in each month, and a line of what was open at its end.

    ``rows``: month (a date), raised, open, text.
    """
    return _filled(_raised_and_open(_bucket(len(rows)), width), rows)


@lru_cache
def _raised_and_open(count: int, width: int) -> str:
    x = _month_axis(count, width)
    axis = alt.Axis(title="Feedback", format=",d", tickCount=5, tickMinStep=1, **_ABOVE)
    base = _rows().encode(x=x, tooltip=alt.Tooltip("text:N", title="Value"))
    bars = base.mark_bar(color=COLOURS["blue-soft"], binSpacing=1).encode(y=alt.Y("raised:Q", axis=axis))
    line = base.mark_line(color=COLOURS["orange"], strokeWidth=2.5).encode(
        # The middle of the month's bar, not its beginning.
        x=alt.X("month:T", timeUnit="utcyearmonth", bandPosition=0.5),
        y="open:Q",
    )
    return _template((bars + line).properties(width=width, height=_height(width)))


def rate_by_month(rows: pd.DataFrame, *, width: int) -> dict[str, Any]:
    """A share by month with its interval as a band.

    ``rows``: month (a date), value, low, high (0 to 1, empty where unknown), text.
    """
    return _filled(_line_and_band("rate", _bucket(len(rows)), width), rows)


def days_by_month(rows: pd.DataFrame, *, width: int) -> dict[str, Any]:
    """A duration by month with its interval as a band; a long range gets a scale with steps in words.

    ``rows``: month (a date), value, low, high (days, empty where unknown), text.
    """
    if not is_long_range(rows["value"].dropna()):
        return _filled(_line_and_band("days", _bucket(len(rows)), width), rows)
    limits = range_of_days([*rows["value"], *rows["low"], *rows["high"]], is_long=True)
    return _filled(_line_and_band("long days", _bucket(len(rows)), width), _at_least_a_minute(rows), limits)


@lru_cache
def _line_and_band(kind: Literal["rate", "days", "long days"], count: int, width: int) -> str:
    if kind == "rate":
        y = alt.Y(
            "value:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(title=None, labelExpr=_PER_CENT, tickCount=5),
        )
    elif kind == "days":
        y = alt.Y("value:Q", scale=alt.Scale(zero=True), axis=alt.Axis(title="Days", tickCount=5, **_ABOVE))
    else:
        y = alt.Y(
            "value:Q", scale=alt.Scale(type="log", domain=_LIMITS, nice=False), axis=_axis_in_words(**_ABOVE)
        )
    base = _rows().encode(x=_month_axis(count, width))
    band = base.mark_area(color=COLOURS["blue-soft"]).encode(y=_lower(y), y2="high:Q")
    line = base.mark_line(
        color=COLOURS["blue"], strokeWidth=2.5, point=alt.OverlayMarkDef(color=COLOURS["blue"], size=18)
    ).encode(y=y, tooltip=alt.Tooltip("text:N", title="Value"))
    return _template((band + line).properties(width=width, height=_height(width)))


def _lower(y: alt.Y) -> alt.Y:
    low = y.copy()
    low.shorthand = "low:Q"
    return low


def _bucket(count: int) -> int:
    """A length that stands for all that get the same axis, so that they share a template."""
    return count if count <= 48 else 12 * math.ceil(count / 12)


def _height(width: int) -> int:
    return 220 if width < _PHONE else 260


def people_by_day(rows: pd.DataFrame, *, width: int) -> dict[str, Any]:
    """People on each day as bars, those of a failure in the second colour, with the range of usual days behind them.

    ``rows``: day (a date), usual and unusual (people; one of them is empty), low and high (of usual days), text.
    """
    return _filled(_people_by_day(_bucket(len(rows)), width), rows)


@lru_cache
def _people_by_day(count: int, width: int) -> str:
    step = math.ceil(count / 7 / (4 if width < _PHONE else 8))
    axis = alt.Axis(
        title=None,
        grid=False,
        tickCount={"interval": "week", "step": step},
        labelExpr="utcFormat(datum.value, '%-d %b')",
        labelFlush=True,
        labelOverlap=True,
    )
    y = alt.Axis(title="People", format=",d", tickCount=5, tickMinStep=1, **_ABOVE)
    x = alt.X("day:T", timeUnit="utcyearmonthdate", axis=axis)
    middle = alt.X("day:T", timeUnit="utcyearmonthdate", bandPosition=0.5)
    base = _rows().encode(x=x, tooltip=alt.Tooltip("text:N", title="Value"))
    band = (
        _rows()
        .mark_area(color=COLOURS["empty"], interpolate="step")
        .encode(x=middle, y=alt.Y("low:Q", axis=y), y2="high:Q")
    )
    usual = base.mark_bar(color=COLOURS["blue"], binSpacing=1).encode(y=alt.Y("usual:Q", axis=y))
    unusual = base.mark_bar(color=COLOURS["orange"], binSpacing=1).encode(y="unusual:Q")
    return _template((band + usual + unusual).properties(width=width, height=_height(width)))


# ---- by group -------------------------------------------------------------------------------------------------------


def values_with_intervals(rows: pd.DataFrame, *, width: int, kind: Literal["rate", "days"]) -> dict[str, Any]:
    """A dot with its interval for each row, in the order given; a row without a value says why.

    ``rows``: name, value, low, high (empty where unknown), text. Where only ``high`` is, it is drawn to the edge.
    """
    is_long = kind == "days" and is_long_range(rows["value"].dropna())
    drawn = rows.assign(note=rows["text"].where(rows["value"].isna(), ""))
    if is_long:
        drawn = _at_least_a_minute(drawn)
    limits = (
        (0.0, 1.0)
        if kind == "rate"
        else range_of_days([*rows["value"], *rows["high"], *rows["low"]], is_long=is_long)
    )
    is_open = drawn["value"].notna() & drawn["high"].isna() & drawn["low"].notna()
    drawn["high"] = drawn["high"].where(~is_open, limits[1])
    shape: Literal["rate", "days", "long days"] = (
        "rate" if kind == "rate" else ("long days" if is_long else "days")
    )
    drawn, lines = _labelled(drawn, width)
    return _filled(_dots(shape, width, lines), drawn, limits)


@lru_cache
def _dots(kind: Literal["rate", "days", "long days"], width: int, lines: int) -> str:
    step = 34
    x = _value_axis(kind)
    base = _rows().encode(y=_row_axis(lines, step))
    rule = base.mark_rule(color=COLOURS["blue-soft"], strokeWidth=7, clip=True).encode(
        x=_as(x, "low:Q"), x2="high:Q"
    )
    dot = base.mark_point(filled=True, size=80, opacity=1, color=COLOURS["blue"]).encode(
        x=x, tooltip=[alt.Tooltip("name:N", title="Name"), alt.Tooltip("text:N", title="Value")]
    )
    note = base.mark_text(align="left", color=COLOURS["muted"], fontStyle="italic").encode(
        x=alt.value(4), text="note:N"
    )
    return _template(_stacked([rule, dot, note], width, lines, step))


def times(rows: pd.DataFrame, *, width: int) -> dict[str, Any]:
    """How long half of them took, and nine in ten: two dots on a line for each row, in the order given.

    ``rows``: name, half, most (days, empty where not reached), half_text, most_text; what to say where the first dot is
    missing (note) and where only the second is (more).
    """
    known = [*rows["half"].dropna(), *rows["most"].dropna()]
    is_long = is_long_range(known)
    drawn = rows.copy()
    if is_long:
        for name in ("half", "most"):
            drawn[name] = drawn[name].clip(lower=_LEAST_DAYS)
    limits = range_of_days(known, is_long=is_long)
    drawn["end"] = drawn["most"].where(drawn["most"].notna() | drawn["half"].isna(), limits[1])
    drawn, lines = _labelled(drawn, width)
    return _filled(_two_dots("long days" if is_long else "days", width, lines), drawn, limits)


@lru_cache
def _two_dots(kind: Literal["days", "long days"], width: int, lines: int) -> str:
    step = 54
    base = _rows().encode(y=_row_axis(lines, step))
    x = _value_axis(kind)
    line = base.mark_rule(color=COLOURS["blue-soft"], strokeWidth=5, clip=True).encode(
        x=_as(x, "half:Q"), x2="end:Q"
    )
    half = base.mark_point(filled=True, size=110, opacity=1, color=COLOURS["blue"]).encode(
        x=_as(x, "half:Q"),
        tooltip=[alt.Tooltip("name:N", title="Name"), alt.Tooltip("half_text:N", title="Value")],
    )
    most = base.mark_point(filled=False, size=90, opacity=1, strokeWidth=2.5, color=COLOURS["blue"]).encode(
        x=_as(x, "most:Q"),
        tooltip=[alt.Tooltip("name:N", title="Name"), alt.Tooltip("most_text:N", title="Value")],
    )
    words: dict[str, Any] = {"align": "left", "color": COLOURS["muted"], "fontStyle": "italic"}
    note = base.mark_text(**words).encode(x=alt.value(4), text="note:N")
    more = base.mark_text(dy=18, **words).encode(x=alt.value(4), text="more:N")
    return _template(_stacked([line, half, most, note, more], width, lines, step))


def bars(rows: pd.DataFrame, *, width: int) -> dict[str, Any]:
    """A bar with its number for each row, in the order given.

    ``rows``: name, value (empty where it is hidden), text (the number as the page writes it).
    """
    top = float(rows["value"].max()) if rows["value"].notna().any() else 1.0
    # The axis is not drawn: each bar says its number. It only has to leave room for the longest of them.
    drawn, lines = _labelled(rows.assign(end=rows["value"].fillna(0)), width)
    return _filled(_bars(width, lines), drawn, (0, _nice(top * (1.25 if width < _PHONE else 1.15))))


@lru_cache
def _bars(width: int, lines: int) -> str:
    step = 28
    base = _rows().encode(y=_row_axis(lines, step))
    x = alt.X("value:Q", scale=alt.Scale(domain=_LIMITS), axis=None)
    bar = base.mark_bar(color=COLOURS["blue"], size=16, yOffset=lines * _LINE_HEIGHT / 2).encode(
        x=x, tooltip=[alt.Tooltip("name:N", title="Name"), alt.Tooltip("text:N", title="Value")]
    )
    # A number that is hidden has no bar; the word that says so stands where the bar would begin.
    number = base.mark_text(align="left", dx=5).encode(x=_as(x, "end:Q"), text="text:N")
    return _template(_stacked([bar, number], width, lines, step))


def _labelled(rows: pd.DataFrame, width: int) -> tuple[pd.DataFrame, int]:
    """The rows with ``label``, and how many lines it takes above the marks: none where names fit beside them."""
    names = list(rows["name"])
    if width >= _PHONE and max(map(len, names), default=0) <= 36:
        return rows.assign(label=""), 0
    wrapped = [textwrap.wrap(name, max(20, (width - 16) // 7)) or [""] for name in names]
    lines = max(map(len, wrapped))
    # Each label has the same number of lines, empty ones first, so that the last stands just above its mark.
    return rows.assign(label=["\n".join([_EMPTY] * (lines - len(w)) + w) for w in wrapped]), lines


def _row_axis(lines: int, step: int) -> alt.Y:
    """Rows in the order of the frame: alphabetical is the caller's choice, and a ranking would be, too."""
    axis = alt.Axis(title=None, domain=False, ticks=False, labelLimit=260, labelPadding=8, grid=False)
    above = lines * _LINE_HEIGHT
    return alt.Y(
        "name:N",
        sort=_ORDER,
        scale=alt.Scale(type="band", padding=0),
        bandPosition=(above + step / 2) / (above + step),
        axis=None if lines else axis,
    )


def _stacked(
    layers: Sequence[alt.Chart], width: int, lines: int, step: int
) -> alt.LayerChart | alt.FacetChart:
    """Layers over rows; ``lines`` of text stand above each mark, where its name does not stand beside it."""
    above = lines * _LINE_HEIGHT
    if lines:
        name = _rows().mark_text(
            align="left", baseline="top", dy=-9 - above, lineBreak="\n", lineHeight=_LINE_HEIGHT, limit=width
        )
        layers = [name.encode(x=alt.value(0), y=_row_axis(lines, step), text="label:N"), *layers]
    return alt.layer(*layers).properties(width=width, height=alt.Step(step + above))


def _value_axis(kind: Literal["rate", "days", "long days"]) -> alt.X:
    scale = alt.Scale(domain=_LIMITS, nice=False)
    if kind == "rate":
        axis = alt.Axis(
            title=None, orient="top", domain=False, labelExpr=_PER_CENT, values=[0, 0.25, 0.5, 0.75, 1]
        )
    elif kind == "days":
        axis = alt.Axis(title="Days", orient="top", domain=False, tickCount=5, titleAnchor="start")
    else:
        scale = alt.Scale(domain=_LIMITS, nice=False, type="log")
        axis = _axis_in_words(orient="top", domain=False, titleAnchor="start")
    return alt.X("value:Q", scale=scale, axis=axis)


def _as(x: alt.X, shorthand: str) -> alt.X:
    other = x.copy()
    other.shorthand = shorthand
    return other


def _axis_in_words(**more: Any) -> alt.Axis:
    steps = zip(_DAY_TICKS, _DAY_WORDS, strict=True)
    words = " : ".join(f"abs(datum.value - {tick!r}) < 1e-6 ? '{word}'" for tick, word in steps)
    return alt.Axis(
        title="Long times are drawn closer together",
        values=_TICKS,
        labelExpr=f"{words} : ''",
        labelOverlap="greedy",
        **more,
    )


def is_long_range(days: Sequence[float] | pd.Series[float]) -> bool:
    """Whether durations differ so much that a straight scale would show the short ones as nothing."""
    known = [max(d, _LEAST_DAYS) for d in days]
    return bool(known) and max(known) / min(known) > _LONG_RANGE


def range_of_days(days: Sequence[float], *, is_long: bool) -> tuple[float, float]:
    """The ends of an axis that holds these durations, rounded so that similar charts share a template."""
    known = [d for d in days if d == d and d is not None]  # noqa: PLR0124  NaN differs from itself
    if not known:
        return (0.0, 1.0)
    if not is_long:
        return (0.0, _nice(max(known)))
    low = max((t for t in _DAY_TICKS if t <= max(min(known), _LEAST_DAYS)), default=_LEAST_DAYS)
    high = min((t for t in _DAY_TICKS if t >= max(known) and t > low), default=_nice(max(known)))
    return (low, high)


def _nice(number: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    if number < 1e-9:  # nothing, or so little that its power of ten would be lost
        return 1.0
    power = 10.0 ** math.floor(math.log10(number))
    return next(
        step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= number * (1 - 1e-9)
    )


def _at_least_a_minute(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].clip(lower=_LEAST_DAYS) for name in ("value", "low", "high")})


# ---- on the map -----------------------------------------------------------------------------------------------------


def area_map(
    features: Sequence[Mapping[str, Any]],
    labels: Sequence[Mapping[str, Any]],
    classes: Mapping[str, str],
    *,
    width: int,
    height: int,
    title: str,
) -> dict[str, Any]:
    """A map of areas in classes.

    Args:
        features: GeoJSON features in the drawing's own plane (``geo.planar``) with the properties name, text and class.
        labels: name, x and y of names to be written on the map; empty where there is no room.
        classes: each class in words, and the name of its colour, in the order of the legend.
        width: of the drawing, in pixels.
        height: of the map in it, in pixels.
        title: of the legend: what the colours count.
    """
    scale = alt.Scale(domain=list(classes), range=[COLOURS[colour] for colour in classes.values()])
    legend = alt.Legend(
        title=title,
        orient="bottom",
        direction="horizontal",
        columns=2 if width < _PHONE else len(classes),
        symbolType="square",
        symbolSize=180,
        columnPadding=18,
        titleLimit=width,
        labelLimit=width // 2 - 10,
    )
    areas = (
        alt.Chart(alt.NamedData(name="areas"))
        .mark_geoshape(stroke=COLOURS["paper"], strokeWidth=1)
        .encode(
            color=alt.Color("properties.class:N", scale=scale, legend=legend),
            tooltip=[
                alt.Tooltip("properties.name:N", title="Name"),
                alt.Tooltip("properties.text:N", title="Value"),
            ],
        )
    )
    layers = [areas]
    if labels:
        names = alt.Chart(alt.NamedData(name="labels")).encode(longitude="x:Q", latitude="y:Q", text="name:N")
        # Twice: a rim in the page's colour keeps the name readable on every class.
        layers.append(
            names.mark_text(fontSize=11, stroke=COLOURS["paper"], strokeWidth=3.5, strokeJoin="round")
        )
        layers.append(names.mark_text(fontSize=11, color=COLOURS["ink"]))
    chart = alt.layer(*layers).project(type="identity", reflectY=False).properties(width=width, height=height)
    spec = configured(chart)
    spec["datasets"] = {"areas": list(features), "labels": list(labels)}
    return spec
