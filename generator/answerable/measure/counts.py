"""What is counted of the clocks: small tables by month, source and group, each from one pass over ``clock``.

Whatever depends on a source (whether its rows are published, whether it may be used for rates) is decided
afterwards, on these small tables: they keep the source of every count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from answerable.measure.clocks import MINUTES_A_DAY
from answerable.measure.measures import RESPONSE_WITHIN_DAYS, UNPLACED

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["GROUP_COLUMNS", "group_of", "raised_by_month"]

GROUP_COLUMNS = {"agency": "agency_code", "topic": "topic_code", "area": "area_code", "source": "source_id"}
"""The column of ``clock`` behind each breakdown."""


def group_of(clock: ir.Table, breakdown: str) -> ir.StringValue:
    """The group of each row in a breakdown; raises ``KeyError`` for an unknown one."""
    column = clock[GROUP_COLUMNS[breakdown]]
    return ibis.coalesce(column, UNPLACED) if breakdown == "area" else column


def raised_by_month(clock: ir.Table, breakdown: str) -> ir.Table:
    """Counts of what was raised in each month, by source and group.

    Returns:
        ``group_code``, ``source_id``, ``month`` and the counts: of a rate ``*_denominator`` and
        ``*_numerator``, of a clock (``first_response``, ``closing``) ``*_cases`` and ``*_events``.
    """
    clock = clock.mutate(group_code=group_of(clock, breakdown))
    responded = clock.responded_at.notnull()
    closed = clock.closed_at.notnull()
    confirmed = clock.confirmed_at.notnull()
    possible = clock.is_time_possible
    expected = possible & clock.is_response_expected

    def count(where: Any) -> Any:
        return clock.count(where=where)

    counts = {
        "raised": clock.count(),
        "supporters": ibis.coalesce(clock.support_count.sum(), 0),
        "supporters_known": clock.support_count.count(),
        "closed": count(closed),
        "acknowledged_rate_denominator": count(possible),
        "acknowledged_rate_numerator": count(possible & clock.acknowledged_at.notnull()),
        "response_rate_denominator": count(expected),
        "response_rate_numerator": count(expected & responded),
        "confirmed_rate_denominator": count(possible & (closed | confirmed)),
        "confirmed_rate_numerator": count(possible & confirmed),
        "first_response_cases": clock.response_minutes.count(),
        "first_response_events": clock.response_minutes.count(where=responded),
        "closing_cases": clock.closing_minutes.count(),
        "closing_events": clock.closing_minutes.count(where=closed),
    }
    for days in RESPONSE_WITHIN_DAYS:
        limit = days * MINUTES_A_DAY
        is_old_enough = clock.known_minutes >= limit
        counts[f"response_rate_{days}d_denominator"] = count(is_old_enough)
        counts[f"response_rate_{days}d_numerator"] = count(
            is_old_enough & responded & (clock.response_minutes <= limit)
        )
    return clock.group_by("group_code", "source_id", "month").aggregate(**counts)
