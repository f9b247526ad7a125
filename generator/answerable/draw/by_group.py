"""Figures that set groups, kinds or spans of time side by side. Nothing here ranks how well anybody does."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal

import pandas as pd
from markupsafe import Markup

from answerable.draw import charts
from answerable.draw.figure import Figure, Key, Line
from answerable.draw.numbers import Number, Row
from answerable.draw.scene import (
    NOT_A_GROUP,
    Scene,
    full,
    given,
    identifier,
    in_words,
    intervals,
    make_figure,
    shown,
)

__all__ = [
    "DaysMeasure",
    "RateMeasure",
    "answered_within",
    "closing_reasons",
    "days_by_group",
    "rate_by_group",
    "update_classes",
    "volumes",
    "waiting_times",
]

RateMeasure = Literal["response_rate", "acknowledged_rate", "confirmed_rate"]
DaysMeasure = Literal["median_days_to_first_response", "median_days_to_closing"]

_DOT_KEYS = (Key("blue", "estimate", "dot"), Key("blue-soft", "where the true value likely lies", "band"))

_WITHIN = MappingProxyType(
    {
        "response_rate_7d": "Within a week",
        "response_rate_28d": "Within four weeks",
        "response_rate_90d": "Within ninety days",
        "response_rate": "So far, the newest included",
    }
)


def answered_within(scene: Scene, *, breakdown: str = "all", group: str = "all") -> Figure | None:
    """The share answered within a week, four weeks, ninety days."""
    found = {w: scene.numbers.find(m, breakdown=breakdown, group=group) for m, w in _WITHIN.items()}
    rows = {words: row for words, row in found.items() if row is not None and shown(row) is not None}
    if len(rows) < 2:
        return None
    frame = intervals(list(rows.values())).assign(name=list(rows), text=[in_words(r) for r in rows.values()])
    words = "Within four weeks" if "Within four weeks" in rows else list(rows)[-1]
    return make_figure(
        scene,
        id=identifier("answered-within", breakdown, group),
        title="Did anyone answer, and how soon?",
        sentence=Markup(
            "{}, {} had a public answer of substance. An automatic “we got your report” does not count."
        ).format(words, full(rows[words])),
        description="Dots with intervals: share that was answered, by how long people waited.",
        draw=lambda width: charts.values_with_intervals(frame, width=width, kind="rate"),
        head="Answered",
        columns=("Share",),
        lines=[Line(words, (full(row),), words) for words, row in rows.items()],
        keys=_DOT_KEYS,
    )


_WAITS = (
    ("First answer", "median_days_to_first_response", "p90_days_to_first_response"),
    ("Closing", "median_days_to_closing", "p90_days_to_closing"),
)


def waiting_times(scene: Scene, *, breakdown: str = "all", group: str = "all") -> Figure | None:
    """How long half of it waited, and nine in ten: for an answer and for closing."""
    rows = [
        (name, half, most)
        for name, median, p90 in _WAITS
        if (half := scene.numbers.find(median, breakdown=breakdown, group=group)) is not None
        and (most := scene.numbers.find(p90, breakdown=breakdown, group=group)) is not None
        and not (half.is_too_few or half.is_suppressed)
        and (half.value is not None or half.is_not_reached)
        and half.numerator != 0  # what never happened to any of them has no time to tell
    ]
    if not any(half.value is not None for _, half, _ in rows):
        return None
    frame = pd.DataFrame(
        {
            "name": [name for name, _, _ in rows],
            "half": pd.Series([shown(half) for _, half, _ in rows], dtype="float64"),
            "most": pd.Series([shown(most) for _, _, most in rows], dtype="float64"),
            "half_text": [f"half: {in_words(half)}" for _, half, _ in rows],
            "most_text": [f"nine in ten: {in_words(most)}" for _, _, most in rows],
            "note": [in_words(half) if half.value is None else "" for _, half, _ in rows],
            "more": [
                "nine in ten: not reached yet" if most.value is None and half.value is not None else ""
                for _, half, most in rows
            ],
        }
    )
    parts = [_wait_in_words(name, half, most) for name, half, most in rows]
    return make_figure(
        scene,
        id=identifier("waiting-times", breakdown, group),
        title="How long did people wait?",
        sentence=Markup(" ").join([*parts, "What is still waiting is counted as waiting, not left out."]),
        description="Two dots on a line for each: the time within which half was done, and nine in ten.",
        draw=lambda width: charts.times(frame, width=width),
        head="Until",
        columns=("Half within", "Nine in ten within"),
        lines=[Line(name, (full(half), full(most)), name) for name, half, most in rows],
        keys=(Key("blue", "half of it", "dot"), Key("blue-ring", "nine in ten", "dot")),
        notes=("Closing is not resolving.",) if any(name == "Closing" for name, _, _ in rows) else (),
    )


def _wait_in_words(name: str, half: Row, most: Row) -> Markup:
    if half.value is None:
        return Markup("{}: {}.").format(name, Number(half))
    if most.value is None:
        return Markup("{}: half within {}; nine in ten is {}.").format(name, Number(half), Number(most))
    return Markup("{}: half within {}, nine in ten within {}.").format(name, Number(half), Number(most))


_RATES = MappingProxyType(
    {
        "response_rate": (
            "How much was answered?",
            "Share that had a public answer of substance by the end of the data.",
        ),
        "acknowledged_rate": (
            "How much had any reaction?",
            "Share that had any reaction, closing included, by the end of the data.",
        ),
        "confirmed_rate": (
            "How much did people confirm as fixed?",
            "Share of which the person who raised it said that it is fixed.",
        ),
    }
)

_DAYS = MappingProxyType(
    {
        "median_days_to_first_response": (
            "How long until half was answered?",
            "Time until half had a public answer of substance.",
        ),
        "median_days_to_closing": (
            "How long until half was closed?",
            "Time until half was closed. Closing is not resolving.",
        ),
    }
)


def rate_by_group(
    scene: Scene, *, breakdown: str = "agency", measure: RateMeasure = "response_rate"
) -> Figure | None:
    """A share for each group, with its interval, in the order of their names."""
    title, text = _RATES[measure]
    rows = scene.named([r for r in scene.numbers.groups(measure, breakdown) if not r.is_suppressed])
    return _side_by_side(scene, rows, kind="rate", title=title, text=text, column="Share")


def days_by_group(
    scene: Scene, *, breakdown: str = "agency", measure: DaysMeasure = "median_days_to_first_response"
) -> Figure | None:
    """The time within which half was answered (or closed) for each group, with its interval, by name."""
    title, text = _DAYS[measure]
    rows = scene.named([r for r in scene.numbers.groups(measure, breakdown) if not r.is_suppressed])
    return _side_by_side(scene, rows, kind="days", title=title, text=text, column="Half within")


def _side_by_side(
    scene: Scene, rows: Sequence[Row], *, kind: Literal["rate", "days"], title: str, text: str, column: str
) -> Figure | None:
    if sum(shown(r) is not None for r in rows) < 2:
        return None
    measure, breakdown = rows[0].measure, rows[0].breakdown
    names = _distinct([scene.name(breakdown, r.group_code) for r in rows])
    frame = intervals(rows).assign(name=names, text=[in_words(r) for r in rows])
    return make_figure(
        scene,
        id=f"{measure.replace('_', '-')}-by-{breakdown}",
        title=f"{title} By {breakdown}",
        sentence=Markup(
            "{} The dot is the estimate, the bar where the true value likely lies: where bars overlap,"
            " no difference is shown. What each of them is asked to do differs, so this is not a ranking."
        ).format(text),
        description=f"Dots with intervals, in the order of names. {text}",
        draw=lambda width: charts.values_with_intervals(frame, width=width, kind=kind),
        head=breakdown.capitalize(),
        columns=(column,),
        lines=[Line(given(name), (full(r),), name) for name, r in zip(names, rows, strict=True)],
        keys=_DOT_KEYS,
    )


_VOLUMES = MappingProxyType(
    {
        "topic": ("What was it about?", Markup("Most was about “{}”: {}.")),
        "agency": ("Which agency was responsible?", Markup("Most was a matter for {}: {}.")),
        "area": ("Where was most raised?", Markup("Most was raised in {}: {}.")),
        "source": ("Where does it come from?", Markup("Most comes from {}: {}.")),
    }
)


def volumes(
    scene: Scene, *, breakdown: str = "topic", measure: str = "raised", limit: int | None = None
) -> Figure | None:
    """How much there is of each group, the most first. ``limit`` cuts the chart, never the table.

    Raises:
        KeyError: a breakdown for which no words are known.
    """
    title, sentence = _VOLUMES[breakdown]
    rows = _by_size(scene, breakdown, measure)
    if len(rows) < 2:
        return None
    most = next((r for r in rows if r.group_code not in NOT_A_GROUP), rows[0])
    return _amounts(
        scene,
        rows,
        id=f"{measure.replace('_', '-')}-by-{breakdown}",
        title=title,
        sentence=sentence.format(given(scene.name(breakdown, most.group_code)), Number(most))
        + " Much feedback may mean a great need, or only an easy form.",
        head=breakdown.capitalize(),
        column="Raised",
        limit=limit,
    )


def closing_reasons(scene: Scene) -> Figure | None:
    """Why feedback was closed."""
    rows = _by_size(scene, "closing_reason", "closings")
    if not rows:
        return None
    return _amounts(
        scene,
        rows,
        id="closing-reasons",
        title="Why was it closed?",
        sentence=Markup("Closing is not resolving. The most frequent reason was “{}”: {}.").format(
            scene.name("closing_reason", rows[0].group_code), Number(rows[0])
        ),
        head="Reason",
        column="Closed",
    )


def update_classes(scene: Scene) -> Figure | None:
    """What agencies' updates said."""
    rows = _by_size(scene, "update_class", "updates")
    if not rows:
        return None
    return _amounts(
        scene,
        rows,
        id="update-classes",
        title="What did the notes of agencies say?",
        sentence=Markup(
            "The most frequent kind was “{}”: {}. Only notes of substance, and notes that the work was done,"
            " count as an answer."
        ).format(scene.name("update_class", rows[0].group_code), Number(rows[0])),
        head="What the note says",
        column="Notes",
    )


def _by_size(scene: Scene, breakdown: str, measure: str) -> list[Row]:
    named = scene.named(list(scene.numbers.groups(measure, breakdown)))
    return sorted((r for r in named if r.value or r.is_suppressed), key=lambda r: -(r.value or 0))


def _amounts(
    scene: Scene,
    rows: Sequence[Row],
    *,
    id: str,  # noqa: A002  as the figure calls it
    title: str,
    sentence: Markup,
    head: str,
    column: str,
    limit: int | None = None,
) -> Figure:
    names = _distinct([scene.name(r.breakdown, r.group_code) for r in rows])
    values = pd.Series([shown(r) for r in rows], dtype="float64")
    frame = pd.DataFrame({"name": names, "value": values, "text": [in_words(r) for r in rows]})
    drawn = frame.head(limit) if limit else frame
    return make_figure(
        scene,
        id=id,
        title=title,
        sentence=sentence,
        description=f"Bars, the longest first. {title}",
        draw=lambda width: charts.bars(drawn, width=width),
        head=head,
        columns=(column,),
        lines=[Line(given(name), (Number(r),), name) for name, r in zip(names, rows, strict=True)],
        notes=("The drawing shows the largest; the table has all.",) if len(drawn) < len(frame) else (),
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """Names as they are; one that comes again gets a mark, for a chart has one row for each name."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result
