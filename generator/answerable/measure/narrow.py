"""The clocks as small numbers: a narrow row each, from which everything is counted that goes through all of them often.

Grouping and sorting texts would be most of the work of all measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import pandas as pd
import pyarrow as pa

from answerable.measure.clocks import local_time
from answerable.measure.counts import group_of
from answerable.measure.measures import INTERVAL_ALL, MAIN_BREAKDOWNS, QUANTILES
from answerable.measure.survival import quantiles, times

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = ["Narrow", "ended_by_month", "narrowed", "points_by_clock"]

_CELL = ["breakdown", "group_code", "interval"]
_WAITS = {"first_response": ("response_minutes", "is_answered"), "closing": ("closing_minutes", "is_closed")}
"""The minutes of each clock, and whether they ended."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """The clocks with a number in the place of each code, its place in a list.

    Attributes:
        rows: ``month_number``, ``ended_number`` (the month in which it stopped being open; NULL while open),
            ``<breakdown>_number``, and for each clock its minutes and whether they ended.
        months: every month, in order.
        codes: the groups of each breakdown.
    """

    rows: ir.Table
    months: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]


@contextmanager
def _kept(store: Store, name: str, expr: ir.Table) -> Iterator[ir.Table]:
    """An expression computed once, for as long as the context lasts."""
    try:
        yield store.con.create_table(name, expr, temp=True, overwrite=True)
    finally:
        store.con.drop_table(name, force=True)


@contextmanager
def narrowed(
    store: Store, clock: ir.Table, zone: str, months: Sequence[str], codes: Mapping[str, Sequence[str]]
) -> Iterator[Narrow]:
    """The clocks as small numbers, for as long as the context lasts.

    Args:
        store: where they are kept meanwhile.
        clock: rows with the columns of ``clock``.
        zone: the site's time zone, in which months end.
        months: every month from the first to the last.
        codes: every group of each breakdown but ``all``.
    """
    first = int(months[0][:4]) * 12 + int(months[0][5:]) - 1
    closed_on = local_time(clock.closed_at, zone)
    rows = clock.mutate(
        closed_number=closed_on.year() * 12 + closed_on.month() - 1 - first,
        is_answered=clock.responded_at.notnull(),
        is_closed=clock.closed_at.notnull(),
        response_minutes=clock.response_minutes.cast("int32"),
        closing_minutes=clock.closing_minutes.cast("int32"),
    )
    rows = _numbered(rows, "month", rows.month, months)
    for breakdown, known in codes.items():
        rows = _numbered(rows, breakdown, group_of(rows, breakdown), known)
    # What was closed before it was raised never was open: it ends in the month in which it was raised.
    ended = rows.is_closed.ifelse(ibis.greatest(rows.month_number, rows.closed_number), ibis.null("int32"))
    numbers = [f"{name}_number" for name in ("month", *codes)]
    waits = [column for pair in _WAITS.values() for column in pair]
    narrow = rows.select(*numbers, *waits, ended_number=ended.cast("int32"))
    with _kept(store, "measure_narrow", narrow) as kept:
        yield Narrow(kept, tuple(months), {name: tuple(known) for name, known in codes.items()})


def _numbered(table: ir.Table, name: str, codes_of: ir.StringValue, codes: Sequence[str]) -> ir.Table:
    """The table with the place of a code in a list, as ``<name>_number``."""
    listed = pa.table(
        {
            f"{name}_listed": pa.array(codes, pa.string()),
            f"{name}_number": pa.array(range(len(codes)), pa.int32()),
        }
    )
    numbers = ibis.memtable(listed)
    joined = table.mutate(code=codes_of).join(numbers, ibis._["code"] == numbers[f"{name}_listed"])
    return joined.drop("code", f"{name}_listed")


def ended_by_month(store: Store, narrow: Narrow, breakdown: str) -> pd.DataFrame:
    """How much stopped being open in each month: ``group_code``, ``source_id``, ``month`` and ``ended``."""
    rows = narrow.rows
    keys = dict.fromkeys([f"{breakdown}_number", "source_number", "ended_number"])
    counted = store.frame(
        rows.filter(rows.ended_number.notnull()).group_by(*keys).aggregate(ended=ibis._.count())
    )
    return pd.DataFrame(
        {
            "group_code": [narrow.codes[breakdown][i] for i in counted[f"{breakdown}_number"]],
            "source_id": [narrow.codes["source"][i] for i in counted["source_number"]],
            "month": [narrow.months[i] for i in counted["ended_number"]],
            "ended": counted["ended"],
        }
    )


def points_by_clock(store: Store, narrow: Narrow, pooled: frozenset[str]) -> dict[str, pd.DataFrame]:
    """The quantiles of both clocks for every cell, in minutes.

    Args:
        store: where they are computed.
        narrow: the clocks.
        pooled: the sources whose durations are mixed with others'; the breakdown ``source`` shows all of them.

    Returns:
        For each clock a frame (index: breakdown, group_code, interval) with the columns of `survival.quantiles`.
    """
    sources = narrow.codes["source"]
    mixed = [i for i, source in enumerate(sources) if source in pooled]
    found: dict[str, list[pd.DataFrame]] = {clock: [] for clock in _WAITS}
    for breakdown in MAIN_BREAKDOWNS:
        rows = narrow.rows
        if breakdown != "source" and len(mixed) < len(sources):
            rows = rows.filter(rows.source_number.isin(mixed)) if mixed else rows.limit(0)
        for clock, parts in found.items():
            parts.append(_points(store, rows, narrow, clock, breakdown))
    return {clock: pd.concat(parts).set_index(_CELL) for clock, parts in found.items()}


def _points(store: Store, rows: ir.Table, narrow: Narrow, clock: str, breakdown: str) -> pd.DataFrame:
    """The quantiles of one clock in one breakdown, for every month and for all together."""
    minutes, is_event = _WAITS[clock]
    # The site as a whole is a group like any other.
    key = f"{breakdown}_number"
    codes = narrow.codes.get(breakdown, (INTERVAL_ALL,))
    keyed = rows if breakdown in narrow.codes else rows.mutate(all_number=ibis.literal(0, "int8"))
    counted = times(keyed, [key, "month_number"], minutes=keyed[minutes], is_event=keyed[is_event])
    with _kept(store, "measure_times", counted) as monthly:
        by_month = store.frame(quantiles(monthly, [key, "month_number"]))
        whole = monthly.group_by(key, "minutes").aggregate(
            case_count=monthly.case_count.sum(), event_count=monthly.event_count.sum()
        )
        overall = store.frame(quantiles(whole, [key]))
    by_month["interval"] = [narrow.months[i] for i in by_month["month_number"]]
    overall["interval"] = INTERVAL_ALL
    both = pd.concat([by_month, overall], ignore_index=True)
    both["breakdown"] = breakdown
    both["group_code"] = [codes[i] for i in both[key]]
    return both[[*_CELL, *(f"{q}{suffix}" for q in QUANTILES for suffix in ("", "_low", "_high"))]]
