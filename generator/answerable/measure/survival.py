"""How long people wait, the unanswered counted: quantiles of Kaplan and Meier's curve, as table expressions.

With d events among the n still waiting at each time, S(t) is the product of (1 - d/n) over the times up to t
(Kaplan and Meier 1958). A quantile is the least t with S(t) <= p. Its interval (Brookmeyer and Crowley 1982)
is read off the curve's log-log bands: S to the power of exp(+-z sqrt(V) / ln S), V the sum of d / (n (n -
d)) (Greenwood 1926): from the least t at which the lower band is at most p to the least t at which the upper band is.

    quantiles(rows, ("group_code",)) -> one row for each group
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import ibis

from answerable.measure.measures import QUANTILES

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["BAND_Z", "GRACE", "quantiles", "times"]

GRACE = 1e-12
"""S is a product of floating-point numbers: so much above p still counts as p."""

BAND_Z = NormalDist().inv_cdf(0.975)
"""The bands are drawn at 95 %: 2.5 % beyond each side."""


def times(
    rows: ir.Table, keys: Sequence[str], *, minutes: ir.IntegerValue, is_event: ir.BooleanValue
) -> ir.Table:
    """Rows counted by group and time: the form in which `quantiles` takes them.

    Args:
        rows: one row for each case.
        keys: the columns that name a group.
        minutes: how long each case waited; a case without a time is left out.
        is_event: whether the wait ended then (else it was still waiting when the data end).

    Returns:
        The keys, ``minutes``, ``case_count`` and ``event_count``.
    """
    cases = rows.select(*keys, minutes=minutes, is_event=is_event)
    return (
        cases.filter(cases.minutes.notnull())
        .group_by(*keys, "minutes")
        .aggregate(case_count=ibis._.count(), event_count=ibis._.count(where=ibis._.is_event))
    )


def quantiles(counted: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The quantiles of each group's curve, in minutes, with their intervals.

    Args:
        counted: what `times` returns, or sums of it.
        keys: the columns that name a group.

    Returns:
        The keys, and for each quantile of `measures.QUANTILES` (``median``, ``p90``) its value and bounds (``median``,
        ``median_low``, ``median_high``): NULL where the curve or its band does not get down there. A group
        without an event has no row.
    """
    by = list(keys)
    from_here = ibis.window(group_by=by, order_by="minutes", preceding=0, following=None)
    so_far = ibis.window(group_by=by, order_by="minutes", preceding=None, following=0)
    # Floating-point sums of counts are exact (below 2^53), and a product of two of them cannot overflow.
    at_risk = counted.select(
        *by,
        "minutes",
        events=counted.event_count.cast("float64"),
        waiting=counted.case_count.cast("float64").sum().over(from_here),
    )
    # The curve only moves where something happened.
    moves = at_risk.filter(at_risk.events > 0).mutate(left=ibis._.waiting - ibis._.events)
    is_end = moves.left == 0
    # At the end nobody is left: S is 0 there, and so are both bands; its logarithm is not taken.
    curve = moves.select(
        *by,
        "minutes",
        is_end=is_end,
        log_survival=is_end.ifelse(0.0, (moves.left.nullif(0.0) / moves.waiting).ln()).sum().over(so_far),
        variance=is_end.ifelse(0.0, moves.events / (moves.waiting * moves.left).nullif(0.0))
        .sum()
        .over(so_far),
    )
    # ln(-ln S) falls as S grows, so "band <= p" is ">= ln(-ln p)". There S < 1: at least one event has happened.
    depth = (-curve.log_survival).nullif(0.0)
    hazard = depth.ln()
    spread = BAND_Z * curve.variance.sqrt() / depth
    points = {}
    for name, share in QUANTILES.items():
        log_share = math.log(share + GRACE)
        level = math.log(-log_share)
        reached = {
            name: curve.log_survival <= log_share,
            f"{name}_low": hazard + spread >= level,
            f"{name}_high": hazard - spread >= level,
        }
        for column, is_reached in reached.items():
            points[column] = curve.minutes.min(where=curve.is_end | is_reached)
    return curve.group_by(by).aggregate(**points)
