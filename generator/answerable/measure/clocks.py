"""The clocks: one row for each counted feedback, with the instants between which its durations run.

    clocks(feedback, updates, readings, links, sources, zones) -> table "clock"

Nothing later than T, the instant up to which the feedback's source is complete, exists here; an event
exactly at T does. Durations are whole minutes, rounded down; where a source gives dates only, whole days (as
multiples of 1,440 minutes), counted between dates of the source's own time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["EARLIEST_YEAR", "MINUTES_A_DAY", "clocks", "epoch_us", "local_time"]

EARLIEST_YEAR = 1990
"""A closing before this year is impossible, and so is one more than a year after T."""

MINUTES_A_DAY = 1440

_MINUTE_US = 60_000_000
_LATEST = ibis.interval(days=366)


@ibis.udf.scalar.builtin(name="epoch_us", signature=(("timestamp",), "int64"))  # type: ignore[untyped-decorator]
def epoch_us(at: ir.TimestampValue) -> ir.IntegerValue:
    """Microseconds of an instant since 1970 (DuckDB's own)."""


@ibis.udf.scalar.builtin(  # type: ignore[untyped-decorator]
    name="timezone", signature=(("string", "timestamp"), "timestamp('UTC')")
)
def _with_zone(zone: ir.StringValue, at: ir.TimestampValue) -> ir.TimestampValue:
    """DuckDB's ``timezone`` of a time that carries no zone: the instant."""


@ibis.udf.scalar.builtin(  # type: ignore[untyped-decorator]
    name="timezone", signature=(("string", "timestamp('UTC')"), "timestamp")
)
def _without_zone(zone: ir.StringValue, at: ir.TimestampValue) -> ir.TimestampValue:
    """DuckDB's ``timezone`` of an instant: the time on the wall there."""


def local_time(at: ir.TimestampValue, zone: ir.StringValue | str) -> ir.TimestampValue:
    """The time on the wall in a time zone at an instant (UTC without a zone, as everywhere in the store)."""
    return _without_zone(zone, _with_zone("UTC", at))


def clocks(
    feedback: ir.Table,
    updates: ir.Table,
    readings: ir.Table,
    links: ir.Table,
    *,
    sources: ir.Table,
    zones: Mapping[str, str],
) -> ir.Table:
    """The table ``clock`` for the given feedback.

    Args:
        feedback: rows of ``feedback``.
        updates: rows of ``feedback_update`` about that feedback (others do no harm).
        readings: rows of ``reading``; only feedback that is counted gets a clock.
        links: rows of ``response_feedback``.
        sources: the table ``source``.
        zones: the time zone of each source, by its id: where its days begin.
    """
    counted = readings.filter(readings.is_counted).select(
        "feedback_id", "agency_code", "topic_code", "closing_reason"
    )
    known = sources.select("source_id", "as_of_at", "is_rate_published")
    rows = (
        feedback.drop("agency_code", "closing_reason")
        .join(counted, "feedback_id")
        .join(known, "source_id")
        .select(
            "feedback_id",
            "source_id",
            "month",
            "kind",
            "agency_code",
            "topic_code",
            "area_code",
            "created_at",
            "closed_at",
            "time_precision",
            "support_count",
            "threshold_count",
            "threshold_reached_at",
            "closing_reason",
            "as_of_at",
            "is_rate_published",
        )
        .rename(reported_closed_at="closed_at", reported_reason="closing_reason")
    )
    rows = _with_events(rows, updates, links)
    return _with_durations(_with_states(rows), zones)


def _with_events(rows: ir.Table, updates: ir.Table, links: ir.Table) -> ir.Table:
    """The first and last instants of what happened, up to T."""
    until = rows.select("feedback_id", "as_of_at")
    said = updates.select("feedback_id", "at", "kind", "is_official").join(until, "feedback_id")
    said = said.filter(said["at"] <= said.as_of_at)
    happened = said.group_by("feedback_id").aggregate(
        official_at=said["at"].min(where=said.is_official),
        last_closed_at=said["at"].max(where=said.kind == "closed"),
        last_reopened_at=said["at"].max(where=said.kind == "reopened"),
        confirmed_at=said["at"].min(where=said.kind == "confirmed"),
    )
    answers = links.select("feedback_id", "responded_at").join(until, "feedback_id")
    answers = answers.filter(answers.responded_at <= answers.as_of_at)
    answered = answers.group_by("feedback_id").aggregate(responded_at=answers.responded_at.min())
    return (
        rows.left_join(happened, "feedback_id")
        .drop("feedback_id_right")
        .left_join(answered, "feedback_id")
        .drop("feedback_id_right")
    )


def _with_states(rows: ir.Table) -> ir.Table:
    """Closed, acknowledged, expected to be answered; and whether the times can be right."""
    reported = rows.reported_closed_at
    # One far in the future is not only unknown yet: it says that the source's closing times are wrong for this row.
    is_year_possible = reported.isnull() | (
        (reported.year() >= EARLIEST_YEAR) & (reported <= rows.as_of_at + _LATEST)
    )
    closing = ibis.greatest(
        rows.last_closed_at, (reported <= rows.as_of_at).ifelse(reported, ibis.null("timestamp"))
    )
    # At the same instant, too: gathering reads it so, and both have to agree.
    is_reopened = (rows.last_reopened_at >= closing).fill_null(False)
    rows = rows.mutate(
        is_year_possible=is_year_possible,
        closed_at=is_reopened.ifelse(ibis.null("timestamp"), closing),
    )
    # Closing and answering are reactions too, whether or not the source writes an update for them.
    rows = rows.mutate(acknowledged_at=ibis.least(rows.official_at, rows.closed_at, rows.responded_at))
    is_petition = rows.kind == "petition"
    reached_at = (rows.threshold_reached_at <= rows.as_of_at).ifelse(
        rows.threshold_reached_at, ibis.null("timestamp")
    )
    is_due = (rows.support_count >= rows.threshold_count).fill_null(False)
    # Where no threshold is known, nobody can say what was due: counting the answered alone would make all answered.
    is_answered_below = rows.threshold_count.notnull() & rows.responded_at.notnull()
    start = is_petition.ifelse(reached_at, rows.created_at)
    is_closing_possible = (
        rows.is_year_possible
        & (rows.closed_at.isnull() | (rows.closed_at >= rows.created_at))
        & (rows.as_of_at >= rows.created_at)
    )
    is_time_possible = (
        is_closing_possible
        & (rows.acknowledged_at.isnull() | (rows.acknowledged_at >= rows.created_at))
        & (rows.responded_at.isnull() | start.isnull() | (rows.responded_at >= start))
    )
    return rows.mutate(
        is_closing_possible=is_closing_possible,
        is_time_possible=is_time_possible,
        is_response_expected=~is_petition | is_due | reached_at.notnull() | is_answered_below,
        response_start_at=start,
    )


def _with_durations(rows: ir.Table, zones: Mapping[str, str]) -> ir.Table:
    """The durations in minutes, and the table's columns."""
    zone = _zone_of(rows.source_id, zones)

    def minutes(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.IntegerValue:
        days = local_time(end, zone).date().delta(local_time(start, zone).date(), unit="day")
        return (rows.time_precision == "day").ifelse(
            days * MINUTES_A_DAY, (epoch_us(end) - epoch_us(start)) // _MINUTE_US
        )

    is_on_clock = rows.is_time_possible & rows.is_response_expected & rows.response_start_at.notnull()
    unknown = ibis.null("int64")
    response_end = ibis.coalesce(rows.responded_at, rows.as_of_at)
    closing_end = ibis.coalesce(rows.closed_at, rows.as_of_at)
    return rows.select(
        "feedback_id",
        "source_id",
        "month",
        "agency_code",
        "topic_code",
        "area_code",
        "created_at",
        "as_of_at",
        "support_count",
        "acknowledged_at",
        "responded_at",
        "closed_at",
        "confirmed_at",
        "is_time_possible",
        "is_response_expected",
        "is_rate_published",
        "response_start_at",
        response_minutes=is_on_clock.ifelse(minutes(rows.response_start_at, response_end), unknown),
        known_minutes=is_on_clock.ifelse(minutes(rows.response_start_at, rows.as_of_at), unknown),
        closing_minutes=rows.is_closing_possible.ifelse(minutes(rows.created_at, closing_end), unknown),
        closing_reason=rows.closed_at.notnull().ifelse(
            ibis.coalesce(rows.reported_reason, "unknown"), ibis.null("string")
        ),
    )


def _zone_of(source_id: ir.StringValue, zones: Mapping[str, str]) -> ir.StringValue:
    """The zone of a row's source; one that is not configured any more is measured in UTC."""
    names = sorted(set(zones.values()))
    if len(names) == 1:
        return ibis.literal(names[0])
    return reduce(
        lambda rest, item: (source_id == item[0]).ifelse(item[1], rest),
        sorted(zones.items()),
        ibis.literal("UTC"),
    )
