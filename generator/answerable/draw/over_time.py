"""Figures over months: is it getting better?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
from markupsafe import Markup

from answerable.draw import charts
from answerable.draw.figure import Figure, Key, Line, Spec
from answerable.draw.numbers import Number, Row
from answerable.draw.scene import (
    Scene,
    full,
    identifier,
    in_words,
    intervals,
    make_figure,
    month_in_words,
    month_words,
    shown,
)

__all__ = ["answered_by_month", "closing_time_by_month", "raised_by_month", "response_time_by_month"]

_LEAST_POINTS = 3  # fewer do not make a line


def raised_by_month(scene: Scene, *, breakdown: str = "all", group: str = "all") -> Figure | None:
    """How much was raised in each month, and how much was open at its end."""
    numbers = scene.numbers
    raised = {r.interval: r for r in numbers.months("raised", breakdown=breakdown, group=group)}
    has_closing = scene.has_closing
    opened = {
        r.interval: r
        for r in (numbers.months("open", breakdown=breakdown, group=group) if has_closing else ())
    }
    months = _months(scene, set(raised) | set(opened))
    known = [raised[m] for m in months if shown(raised.get(m)) is not None]
    if len(known) < _LEAST_POINTS:
        return None

    def words(month: str) -> str:
        new = f"{month_words(month)}: {in_words(raised.get(month), 'none')} raised"
        return f"{new}, {in_words(opened.get(month), 'none')} open at its end" if has_closing else new

    frame = pd.DataFrame(
        {
            "month": [f"{m}-01" for m in months],
            "raised": [shown(raised.get(m)) for m in months],
            "open": [shown(opened.get(m)) for m in months],
            "text": [words(m) for m in months],
        }
    )
    most = max(known, key=lambda r: r.value or 0)
    total = numbers.number("raised", breakdown=breakdown, group=group)
    sentence = Markup("{} were raised in all.").format(total)
    still = numbers.find("open", breakdown=breakdown, group=group) if has_closing else None
    if still is not None:
        sentence = Markup("{} were raised in all; {} were still open where the data end.").format(
            total, Number(still)
        )
    sentence += Markup(" The month with most was {}, with {}.").format(
        month_in_words(most.interval), Number(most)
    )
    is_cut = scene.complete_until is not None and any(m > scene.complete_until for m in raised)
    return make_figure(
        scene,
        id=identifier("raised-by-month", breakdown, group),
        title="How much was raised, and how much was still open?" if has_closing else "How much was raised?",
        sentence=sentence,
        description=f"Bars: feedback raised in each month from {month_words(months[0])} to {month_words(months[-1])}."
        + (" Line: how much of it was open at the end of each month." if has_closing else ""),
        draw=lambda width: charts.raised_and_open(frame, width=width),
        head="Month",
        columns=("Raised", "Open at the end of the month") if has_closing else ("Raised",),
        lines=[
            Line(
                month_in_words(m),
                _cells(raised.get(m), opened.get(m)) if has_closing else _cells(raised.get(m)),
                m,
            )
            for m in months
        ],
        keys=(
            Key("blue-soft", "raised in the month", "bar"),
            Key("orange", "open at the end of the month", "line"),
        )
        if has_closing
        else (),
        notes=("The last month is left out: it is not complete.",) if is_cut else (),
    )


def answered_by_month(scene: Scene, *, breakdown: str = "all", group: str = "all") -> Figure | None:
    """The share that was answered within four weeks, by the month in which it was raised; complete months only."""
    where = {"breakdown": breakdown, "group": group}
    everybody = {r.interval: r.denominator for r in scene.numbers.months("response_rate", **where)}
    # A month of which only a part is old enough would show the early part as the whole.
    rows = {
        r.interval: r
        for r in scene.numbers.months("response_rate_28d", **where)
        if r.denominator is not None and everybody.get(r.interval) == r.denominator
    }
    last = max(rows, default="")
    is_cut = any(month > last for month in everybody)
    return _by_month(
        scene,
        rows,
        id=identifier("answered-by-month", breakdown, group),
        title="Was it answered within four weeks?",
        sentence=Markup(
            "Of what was raised in {}, {} had a public answer of substance within four weeks;"
            " of what was raised in {}, {}."
        ),
        description="Line: share of each month's feedback that was answered within four weeks,"
        " with its 95 per cent interval as a band",
        draw=charts.rate_by_month,
        column="Answered within four weeks",
        note="Later months are left out: not all that was raised in them is four weeks old."
        if is_cut
        else "",
    )


def response_time_by_month(scene: Scene, *, breakdown: str = "all", group: str = "all") -> Figure | None:
    """The median time to a first response, by the month in which it was raised."""
    rows = scene.numbers.months("median_days_to_first_response", breakdown=breakdown, group=group)
    return _by_month(
        scene,
        {r.interval: r for r in rows},
        id=identifier("response-time-by-month", breakdown, group),
        title="How long until half of it was answered?",
        sentence=Markup(
            "Of what was raised in {}, half had an answer within {}; of what was raised in {}, within {}."
        ),
        description="Line: days until half of what was raised in each month had an answer,"
        " with the 95 per cent interval as a band",
        draw=charts.days_by_month,
        column="Half answered within",
        note=_GAP,
    )


def closing_time_by_month(scene: Scene, *, breakdown: str = "all", group: str = "all") -> Figure | None:
    """The median time to closing, by the month in which it was raised."""
    rows = scene.numbers.months("median_days_to_closing", breakdown=breakdown, group=group)
    return _by_month(
        scene,
        {r.interval: r for r in rows},
        id=identifier("closing-time-by-month", breakdown, group),
        title="How long until half of it was closed?",
        sentence=Markup(
            "Of what was raised in {}, half was closed within {}; of what was raised in {}, within {}."
            " Closing is not resolving."
        ),
        description="Line: days until half of what was raised in each month was closed,"
        " with the 95 per cent interval as a band",
        draw=charts.days_by_month,
        column="Half closed within",
        note=_GAP,
    )


_GAP = "A gap is a month for which it is not reached, or too few to say."


def _by_month(
    scene: Scene,
    rows: Mapping[str, Row],
    *,
    id: str,  # noqa: A002  as the figure calls it
    title: str,
    sentence: Markup,
    description: str,
    draw: Callable[..., Spec],
    column: str,
    note: str,
) -> Figure | None:
    """``sentence`` has places for the first month, its number, the last month and its number."""
    months = _months(scene, set(rows))
    known = [m for m in months if shown(rows.get(m)) is not None]
    if len(known) < _LEAST_POINTS:
        return None
    first, last = known[0], known[-1]
    months = [m for m in months if first <= m <= last]
    frame = intervals([rows.get(m) for m in months]).assign(
        month=[f"{m}-01" for m in months],
        text=[f"{month_words(m)}: {in_words(rows.get(m), 'nothing raised')}" for m in months],
    )
    is_needed = note and (note != _GAP or len(known) < len(months))
    return make_figure(
        scene,
        id=id,
        title=title,
        sentence=sentence.format(
            month_in_words(first), Number(rows[first]), month_in_words(last), Number(rows[last])
        ),
        description=f"{description}, from {month_words(first)} to {month_words(last)}.",
        draw=lambda width: draw(frame, width=width),
        head="Raised in",
        columns=(column,),
        lines=[Line(month_in_words(m), _cells(rows[m]), m) for m in months if m in rows],
        keys=(
            Key("blue", "estimate", "line"),
            Key("blue-soft", "where the true value likely lies", "band"),
        ),
        notes=(note,) if is_needed else (),
    )


def _months(scene: Scene, found: set[str]) -> list[str]:
    """All months from the first to the last of those found, without those that are not complete."""
    kept = {m for m in found if scene.complete_until is None or m <= scene.complete_until}
    return [str(p) for p in pd.period_range(min(kept), max(kept), freq="M")] if kept else []


def _cells(*rows: Row | None) -> tuple[Number | None, ...]:
    return tuple(None if row is None else full(row) for row in rows)
