"""Figures over days: a service failure beside the days around it."""

from __future__ import annotations

from calendar import month_name
from datetime import date

import pandas as pd
from markupsafe import Markup

from answerable.draw import charts
from answerable.draw.figure import Figure, Key, Line
from answerable.draw.numbers import Number
from answerable.draw.scene import Scene, full, make_figure, shown

__all__ = ["day_in_words", "failure_by_day"]


def day_words(day: str) -> str:
    """A day (YYYY-MM-DD) as people write it."""
    year, month, number = day.split("-")
    return f"{int(number)} {month_name[int(month)]} {year}"


def day_in_words(day: str) -> Markup:
    """The same in a ``<time>``, for people and machines."""
    return Markup('<time datetime="{}">{}</time>').format(day, day_words(day))


def failure_by_day(scene: Scene, failure_id: str, *, first: date, last: date) -> Figure | None:
    """How many people there were on each day of a failure and around it, and how many are usual.

    Args:
        scene: with the numbers of the breakdown ``failure``.
        failure_id: which failure.
        first: its first day.
        last: its last day.
    """
    where = {"breakdown": "failure", "group": failure_id}
    people = {r.interval: r for r in scene.numbers.months("failure_people", **where)}
    expected = {r.interval: r for r in scene.numbers.months("failure_expected", **where)}
    days = sorted(people)
    inside = [day for day in days if first.isoformat() <= day <= last.isoformat()]
    if not inside or set(days) != set(expected):
        return None
    is_inside = [day in set(inside) for day in days]
    counts = [shown(people[day]) for day in days]
    frame = pd.DataFrame(
        {
            "day": days,
            "usual": [None if own else n for n, own in zip(counts, is_inside, strict=True)],
            "unusual": [n if own else None for n, own in zip(counts, is_inside, strict=True)],
            "low": [expected[day].low for day in days],
            "high": [expected[day].high for day in days],
            "text": [
                f"{day_words(day)}: {Number(people[day]).text}, usually {Number(expected[day]).text}"
                for day in days
            ],
        }
    )
    most = max(inside, key=lambda day: (people[day].value or 0, day))
    sentence = Markup("On the day with most, {}, it was {} people; about {} were to be expected.").format(
        day_in_words(most), Number(people[most]), Number(expected[most])
    )
    return make_figure(
        scene,
        id=f"failure-{failure_id}",
        title="How many people were there on each day?",
        sentence=sentence,
        description=(
            f"Bars: people on each day from {day_words(days[0])} to {day_words(days[-1])}; those from "
            f"{day_words(inside[0])} to {day_words(inside[-1])} stand out. Behind them: how many are usual."
        ),
        draw=lambda width: charts.people_by_day(frame, width=width),
        head="Day",
        columns=("People", "To be expected (usual range)"),
        lines=[Line(day_in_words(day), (Number(people[day]), full(expected[day])), day) for day in days],
        keys=(
            Key("orange", "days of the rise", "bar"),
            Key("blue", "other days", "bar"),
            Key("empty", "where most usual days lie", "band"),
        ),
    )
