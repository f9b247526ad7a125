"""The counts of every cell of the measures (a breakdown, a group, an interval), and which of them are hidden.

Everything here works on small tables: a row for each source, group and month at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from answerable.measure.disclosure import TOTAL, Hidden, hide
from answerable.measure.measures import INTERVAL_ALL, MEASURES

__all__ = ["CELL", "CLOCKS", "RATES", "Cells", "Sources", "cells_of"]

CELL = ["breakdown", "group_code", "interval"]
"""What names a cell."""

RATES = tuple(m.name for m in MEASURES.values() if m.form == "rate" and m.is_monthly)
"""The rates that are computed for every month."""

CLOCKS = ("first_response", "closing")
"""The clocks, by the last part of the names of their measures."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the settings say of the sources, by their ids."""

    private: frozenset[str]
    """Sources whose rows may not be published."""

    rated: frozenset[str]
    """Sources from which rates may be computed."""

    pooled: frozenset[str]
    """Sources whose durations are mixed with others': those with rates, or all where none has any."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The counts of every cell (index: breakdown, group_code, interval), and which cells are hidden.

    Attributes:
        months: every month from the first to the last.
        total: counts of all sources, for the cells in which something was raised.
        stock: what is open, for every group and every month.
        rated: counts of the sources with rates.
        timed: counts of the sources whose durations are in the cell.
        hidden_raised: hidden cells of ``raised``.
        hidden_supporters: hidden cells of ``supporters``.
        hidden_open: hidden cells of ``open``.
        hidden_outcomes: hidden cells of everything that came of it.
    """

    months: tuple[str, ...]
    total: pd.DataFrame
    stock: pd.Series
    rated: pd.DataFrame
    timed: pd.DataFrame
    hidden_raised: Hidden
    hidden_supporters: Hidden
    hidden_open: Hidden
    hidden_outcomes: Hidden


def cells_of(raised: pd.DataFrame, ended: pd.DataFrame, sources: Sources, months: Sequence[str]) -> Cells:
    """Sum the counts of the sources into cells, and decide which are hidden.

    Args:
        raised: ``breakdown``, ``group_code``, ``source_id``, ``month`` and the counts of `counts.raised_by_month`.
        ended: the same with ``ended`` of `narrow.ended_by_month`.
        sources: what may be done with each source.
        months: every month from the first to the last.
    """
    raised = _with_all(_without_ignorant(raised))
    ended = _with_all(ended)
    is_timed = (raised["breakdown"] == "source") | raised["source_id"].isin(sources.pooled)
    of_private = raised["source_id"].isin(sources.private)
    if of_private.any():
        hidden = _hidden(raised[of_private], ended[ended["source_id"].isin(sources.private)], sources, months)
    else:
        hidden = (Hidden(), Hidden(), Hidden(), Hidden())
    return Cells(
        tuple(months),
        _cells(raised),
        _stock(raised, ended, months),
        _cells(raised[raised["source_id"].isin(sources.rated)]),
        _cells(raised[is_timed]),
        *hidden,
    )


def _without_ignorant(raised: pd.DataFrame) -> pd.DataFrame:
    """Only a source in which somebody ever confirmed something counts for ``confirmed_rate``."""
    of_source = raised[raised["breakdown"] == "source"].groupby("source_id")["confirmed_rate_numerator"].sum()
    asks = raised["source_id"].isin(of_source[of_source > 0].index)
    return raised.assign(
        confirmed_rate_denominator=raised["confirmed_rate_denominator"].where(asks, 0),
    )


def _with_all(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts with the breakdown ``all``: the sum over the sources."""
    whole = counts[counts["breakdown"] == "source"].assign(breakdown=TOTAL, group_code=TOTAL)
    return pd.concat([whole, counts], ignore_index=True)


def _cells(counts: pd.DataFrame) -> pd.DataFrame:
    """Sums over sources, for every month and for all months together."""
    monthly = counts.drop(columns="source_id").groupby(["breakdown", "group_code", "month"]).sum()
    monthly.index = monthly.index.set_names(CELL)
    whole = monthly.groupby(level=["breakdown", "group_code"]).sum()
    whole = whole.assign(interval=INTERVAL_ALL).set_index("interval", append=True)
    return pd.concat([whole, monthly]).astype("int64").sort_index()


def _stock(raised: pd.DataFrame, ended: pd.DataFrame, months: Sequence[str]) -> pd.Series:
    """What was open, for every group and every month, and at T as the interval ``all``."""

    def by_month(counts: pd.DataFrame, column: str) -> pd.DataFrame:
        table = counts.pivot_table(
            index=["breakdown", "group_code"], columns="month", values=column, aggfunc="sum", fill_value=0
        )
        return table.reindex(columns=list(months), fill_value=0)

    came = by_month(raised, "raised")
    left = by_month(ended, "ended").reindex(came.index, fill_value=0) if len(ended) else came * 0
    stock = (came - left).cumsum(axis=1)
    stock[INTERVAL_ALL] = stock[months[-1]]
    series = pd.Series(stock.stack(), dtype="int64")
    series.index = series.index.set_names(CELL)
    return series


def _hidden(
    raised: pd.DataFrame, ended: pd.DataFrame, sources: Sources, months: Sequence[str]
) -> tuple[Hidden, Hidden, Hidden, Hidden]:
    """What is hidden of raised, supporters, open and outcomes; all arguments hold private sources only."""
    total = _cells(raised)
    rated = _cells(raised[raised["source_id"].isin(sources.rated)]).reindex(total.index, fill_value=0)
    first = hide(_quantities(total[["raised"]]), months)
    people = hide(_quantities(total[["raised", "supporters"]]), months, beside=first)
    # What is left of the raised without the closed is what is open at T.
    numbers = total[["raised", "closed"]].assign(not_closed=total["raised"] - total["closed"])
    for rate in RATES:
        out_of, those = rated[f"{rate}_denominator"], rated[f"{rate}_numerator"]
        numbers = numbers.assign(**{f"{rate}_all": out_of, rate: those, f"{rate}_rest": out_of - those})
    for clock in CLOCKS:
        # Of every source, although some are left out of some cells: what is hidden is then the same everywhere.
        out_of, those = total[f"{clock}_cases"], total[f"{clock}_events"]
        numbers = numbers.assign(**{f"{clock}_all": out_of, clock: those, f"{clock}_rest": out_of - those})
    outcomes = hide(_quantities(numbers), months, beside=first)
    # A month's stock does not follow from what was raised in that month; the one at T does, with what was closed.
    at_t = Hidden(outcomes.rows & {TOTAL}, outcomes.totals, outcomes.totals, outcomes.private)
    stock = _stock(raised, ended, months)
    still_open = hide(_quantities(stock.to_frame()), months, beside=at_t)
    return first, people, still_open, outcomes


def _quantities(counts: pd.DataFrame) -> dict[tuple[str, str, str], tuple[int, ...]]:
    return dict(zip(counts.index, counts.itertuples(index=False, name=None), strict=True))
