"""From counts to the rows of ``measure_result``: rates and their intervals, stocks, durations, and what is hidden.

Everything here works on small tables: a row for each source, group and month at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from answerable.measure.disclosure import (
    MINIMUM_DENOMINATOR,
    TOTAL,
    Hidden,
    hide,
    is_small,
)
from answerable.measure.labels import UNCLEAR, is_response
from answerable.measure.measures import (
    INTERVAL_ALL,
    MEASURES,
    METHOD_VERSION,
    QUANTILES,
    measure_named,
)

__all__ = [
    "CELL",
    "CLOCKS",
    "RATES",
    "Cells",
    "Sources",
    "cells_of",
    "count_rows",
    "duration_rows",
    "findings_rows",
    "issue_rows",
    "label_rows",
    "list_rows",
    "main_rows",
    "no_rows",
    "share_rows",
    "wilson",
]

CELL = ["breakdown", "group_code", "interval"]
"""What names a cell."""

RATES = tuple(m.name for m in MEASURES.values() if m.form == "rate" and m.is_monthly)
"""The rates that are computed for every month."""

CLOCKS = ("first_response", "closing")
"""The clocks, by the last part of the names of their measures."""

_WILSON_Z = 1.96
_MINUTES_A_DAY = 1440
_COLUMNS = [
    "measure",
    "interval",
    "breakdown",
    "group_code",
    "value",
    "low",
    "high",
    "numerator",
    "denominator",
    "is_not_reached",
    "is_too_few",
    "is_suppressed",
]


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
        hidden_outcomes: hidden cells of everything that came of it.
    """

    months: tuple[str, ...]
    total: pd.DataFrame
    stock: pd.Series
    rated: pd.DataFrame
    timed: pd.DataFrame
    hidden_raised: Hidden
    hidden_supporters: Hidden
    hidden_outcomes: Hidden


def wilson(numerator: pd.Series, denominator: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The 95 % interval of shares (Wilson 1927, z = 1.96); NaN where the denominator is 0."""
    n = denominator.astype("float64").where(denominator > 0)
    share = numerator / n
    z2 = _WILSON_Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _WILSON_Z / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # Rounding must not push a bound over the edge or past the share itself: at 0 and at 1 they are the same number.
    low = np.minimum((middle - half).clip(lower=0.0), share).where(numerator > 0, 0.0).where(n.notna())
    high = (
        np.maximum((middle + half).clip(upper=1.0), share)
        .where(numerator < denominator, 1.0)
        .where(n.notna())
    )
    return low, high


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
        hidden = (Hidden(), Hidden(), Hidden())
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
) -> tuple[Hidden, Hidden, Hidden]:
    """What is hidden of raised, supporters and outcomes; all arguments hold private sources only."""
    total = _cells(raised)
    stock = _stock(raised, ended, months)
    rated = _cells(raised[raised["source_id"].isin(sources.rated)])
    first = hide(_quantities(total[["raised"]]), months)
    people = hide(_quantities(total[["raised", "supporters"]]), months, beside=first)
    came_of_it = total[["raised", "closed"]].reindex(stock.index, fill_value=0).assign(open=stock)
    for rate in RATES:
        out_of = rated[f"{rate}_denominator"].reindex(stock.index, fill_value=0)
        those = rated[f"{rate}_numerator"].reindex(stock.index, fill_value=0)
        came_of_it = came_of_it.assign(**{f"{rate}_all": out_of, rate: those, f"{rate}_rest": out_of - those})
    for clock in CLOCKS:
        # With every source, although some are left out of some cells: what is hidden is then the same everywhere.
        out_of = total[f"{clock}_cases"].reindex(stock.index, fill_value=0)
        those = total[f"{clock}_events"].reindex(stock.index, fill_value=0)
        came_of_it = came_of_it.assign(
            **{f"{clock}_all": out_of, clock: those, f"{clock}_rest": out_of - those}
        )
    outcomes = hide(_quantities(came_of_it), months, beside=first, has_stock=True)
    return first, people, outcomes


def _quantities(counts: pd.DataFrame) -> dict[tuple[str, str, str], tuple[int, ...]]:
    return dict(zip(counts.index, counts.itertuples(index=False, name=None), strict=True))


def main_rows(cells: Cells, points: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of every measure that is computed for every month.

    Args:
        cells: the counts.
        points: for each of `CLOCKS` the quantiles in minutes (index: breakdown, group_code, interval; columns as
            `survival.quantiles` names them).
    """
    dense = _dense(cells)
    total = cells.total.reindex(dense, fill_value=0)
    frames = [
        count_rows("raised", total["raised"], _mask(dense, cells.hidden_raised)),
        count_rows(
            "open",
            cells.stock.reindex(dense),
            _mask(dense, cells.hidden_outcomes) | _mask_stock(dense, cells),
        ),
    ]
    known = total["supporters_known"].groupby(level=["breakdown", "group_code"]).transform("sum") > 0
    frames.append(
        count_rows(
            "supporters", total["supporters"][known], _mask(dense[known.to_numpy()], cells.hidden_supporters)
        )
    )
    frames += [_rate_rows(rate, cells, dense) for rate in RATES]
    frames += [_clock_rows(clock, cells, dense, points[clock]) for clock in CLOCKS]
    return _result(frames)


def _dense(cells: Cells) -> pd.MultiIndex:
    """Every group in every month, and in the interval ``all``."""
    groups = sorted({(b, g) for b, g, _ in cells.total.index})
    return pd.MultiIndex.from_tuples(
        [(b, g, i) for b, g in groups for i in (INTERVAL_ALL, *cells.months)], names=CELL
    )


def _mask(index: pd.Index, hidden: Hidden) -> pd.Series:
    return pd.Series([cell in hidden for cell in index], index=index, dtype=bool)


def _mask_stock(index: pd.MultiIndex, cells: Cells) -> pd.Series:
    """What is open at T is what is open in the last month: hidden there, it is hidden here."""
    last = cells.months[-1]
    return pd.Series(
        [i == INTERVAL_ALL and (b, g, last) in cells.hidden_outcomes for b, g, i in index],
        index=index,
        dtype=bool,
    )


def count_rows(
    measure: str, counts: pd.Series, is_hidden: pd.Series, out_of: pd.Series | None = None
) -> pd.DataFrame:
    """Rows of a count (index: breakdown, group_code, interval); hidden ones carry no number."""
    frame = pd.DataFrame(
        {
            "value": counts.astype("float64"),
            "numerator": counts.astype("Int64"),
            "denominator": pd.array([pd.NA] * len(counts), dtype="Int64")
            if out_of is None
            else out_of.astype("Int64"),
        },
        index=counts.index,
    )
    frame = frame.assign(
        measure=measure,
        low=np.nan,
        high=np.nan,
        is_not_reached=False,
        is_too_few=False,
        is_suppressed=is_hidden,
    )
    return _without_hidden(frame)


def share_rows(
    measure: str, numerator: pd.Series, denominator: pd.Series, is_hidden: pd.Series
) -> pd.DataFrame:
    """Rows of a rate with Wilson's interval (index: breakdown, group_code, interval)."""
    is_too_few = (denominator < MINIMUM_DENOMINATOR) & ~is_hidden
    is_shown = ~is_too_few & ~is_hidden
    low, high = wilson(numerator, denominator)
    frame = pd.DataFrame(
        {
            "value": (numerator / denominator.where(denominator > 0)).where(is_shown),
            "low": low.where(is_shown),
            "high": high.where(is_shown),
            "numerator": numerator.astype("Int64"),
            "denominator": denominator.astype("Int64"),
        }
    )
    frame = frame.assign(
        measure=measure, is_not_reached=False, is_too_few=is_too_few, is_suppressed=is_hidden
    )
    return _without_hidden(frame)


def _rate_rows(rate: str, cells: Cells, dense: pd.MultiIndex) -> pd.DataFrame:
    counts = cells.rated.reindex(dense, fill_value=0)
    column = "raised"
    if rate == "confirmed_rate":
        column = "confirmed_rate_denominator"
    index, is_hidden = _present(counts[column], cells)
    counts = counts.loc[index]
    return share_rows(rate, counts[f"{rate}_numerator"], counts[f"{rate}_denominator"], is_hidden)


def _present(counts: pd.Series, cells: Cells) -> tuple[pd.Index, pd.Series]:
    """The cells that get a row (something was raised there, or hidden is whether it was), and which are hidden."""
    is_used = counts.groupby(level=["breakdown", "group_code"]).transform("sum") > 0
    is_hidden = _mask(counts.index, cells.hidden_outcomes) & is_used
    is_present = (counts > 0) | is_hidden
    return counts.index[is_present.to_numpy()], is_hidden[is_present]


def _clock_rows(clock: str, cells: Cells, dense: pd.MultiIndex, points: pd.DataFrame) -> pd.DataFrame:
    counts = cells.timed.reindex(dense, fill_value=0)
    index, is_hidden = _present(counts["raised"], cells)
    counts = counts.loc[index]
    rows = [
        duration_rows(
            f"{name}_days_to_{clock}",
            name,
            events=counts[f"{clock}_events"],
            cases=counts[f"{clock}_cases"],
            points=points.reindex(index),
            is_hidden=is_hidden,
        )
        for name in QUANTILES
    ]
    return pd.concat(rows, ignore_index=True)


def duration_rows(
    measure: str,
    quantile: str,
    *,
    events: pd.Series,
    cases: pd.Series,
    points: pd.DataFrame,
    is_hidden: pd.Series,
) -> pd.DataFrame:
    """Rows of a quantile of a duration, in days (index: breakdown, group_code, interval).

    Args:
        measure: its name.
        quantile: its name in ``points``.
        events: how many waits have ended.
        cases: how many are on the clock.
        points: the quantile and its bounds in minutes; NaN where they are not reached.
        is_hidden: which rows carry no number.
    """
    is_too_few = (cases < MINIMUM_DENOMINATOR) & ~is_hidden
    is_shown = ~is_too_few & ~is_hidden
    days = points[[quantile, f"{quantile}_low", f"{quantile}_high"]].astype("float64") / _MINUTES_A_DAY
    days = days.where(is_shown, axis=0)
    frame = pd.DataFrame(
        {
            "value": days[quantile],
            "low": days[f"{quantile}_low"],
            "high": days[f"{quantile}_high"],
            "numerator": events.astype("Int64"),
            "denominator": cases.astype("Int64"),
        }
    )
    frame = frame.assign(
        measure=measure,
        is_not_reached=is_shown & days[quantile].isna(),
        is_too_few=is_too_few,
        is_suppressed=is_hidden,
    )
    return _without_hidden(frame)


def list_rows(counts: pd.DataFrame, sources: Sources, cells: Cells | None) -> pd.DataFrame:
    """Rows of the lists that are computed for everything together (held, excluded, updates, closings, responses).

    Their sums are tied to each other and to what is raised, open and answered in many ways, so the private
    parts of all of them are shown, or, where one of them is small or the site's sum of raised or of the
    outcomes is hidden, none.

    Args:
        counts: ``measure``, ``breakdown``, ``group_code``, ``source_id`` and ``count``; without the rows of
            the breakdown ``all``.
        sources: what may be done with each source.
        cells: what is hidden elsewhere; None where nothing is counted at all.
    """
    whole = counts.assign(breakdown=TOTAL, group_code=TOTAL)
    # A list that is given by source only has its sum as well; one without rows has none.
    keys = ["measure", "breakdown", "group_code"]
    both = pd.concat([whole, counts], ignore_index=True)
    total = both.groupby(keys)["count"].sum()
    private = (
        both[both["source_id"].isin(sources.private)]
        .groupby(keys)["count"]
        .sum()
        .reindex(total.index, fill_value=0)
    )
    is_any_hidden = any(is_small(n) for n in private) or (
        cells is not None and TOTAL in cells.hidden_raised.rows | cells.hidden_outcomes.rows
    )
    is_hidden = (private > 0) & is_any_hidden
    frames = []
    for name in total.index.unique("measure"):
        of_list = total.xs(name, level="measure")
        hidden = is_hidden.xs(name, level="measure")
        index = pd.MultiIndex.from_tuples([(b, g, INTERVAL_ALL) for b, g in of_list.index], names=CELL)
        out_of = None
        if measure_named(name).denominator:
            sum_of_all = pd.NA if hidden[(TOTAL, TOTAL)] else of_list[(TOTAL, TOTAL)]
            out_of = pd.Series([sum_of_all] * len(index), index=index, dtype="Int64")
        frames.append(
            count_rows(
                name,
                pd.Series(of_list.to_numpy(), index=index),
                pd.Series(hidden.to_numpy(), index=index),
                out_of,
            )
        )
    return _result(frames)


def issue_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Rows of raised, supporters and open for each issue.

    A private number is shown only where no private number of that measure is small: issues add up to topics,
    agencies, areas and months in too many ways to hide a few of them.

    Args:
        counts: ``issue_id``, ``is_private`` (of the rows' source), ``raised``, ``supporters``,
            ``supporters_known``, ``open``.
    """
    if not len(counts):
        return no_rows()
    columns = ["raised", "supporters", "supporters_known", "open"]
    total = counts.groupby("issue_id")[columns].sum()
    private = (
        counts[counts["is_private"]].groupby("issue_id")[columns].sum().reindex(total.index, fill_value=0)
    )
    total.index = private.index = pd.MultiIndex.from_tuples(
        [("issue", i, INTERVAL_ALL) for i in total.index], names=CELL
    )
    frames = []
    for name in ("raised", "supporters", "open"):
        is_known = total["supporters_known"] > 0 if name == "supporters" else total["raised"] >= 0
        values, part = total.loc[is_known, name], private.loc[is_known, name]
        # What is open among so few tells as much as the few.
        numbers = [*part, *private["raised"]] if name == "open" else list(part)
        # A zero beside hidden numbers is hidden too: which issues hold something private is told by `raised`.
        of_private = private.loc[is_known, "raised"] > 0
        is_any_small = any(is_small(n) for n in numbers)
        frames.append(count_rows(name, values, of_private & is_any_small))
    return _result(frames)


def findings_rows(counts: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Rows of findings.

    Args:
        counts: ``source_id``, ``finding_code`` and ``count``.
        sources: what may be done with each source; no sum of findings is published, so a small one is hidden alone.
    """
    if not len(counts):
        return no_rows()
    codes = counts["source_id"] + "/" + counts["finding_code"]
    index = pd.MultiIndex.from_tuples([("finding", c, INTERVAL_ALL) for c in codes], names=CELL)
    is_hidden = counts["source_id"].isin(sources.private) & counts["count"].map(is_small)
    numbers = pd.Series(counts["count"].to_numpy(), index=index)
    return _result([count_rows("findings", numbers, pd.Series(is_hidden.to_numpy(), index=index))])


def label_rows(labels: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Rows of the comparison of labels with rules: the confusion table, precision and recall of "is a response".

    Args:
        labels: ``source_id``, ``person_class`` and ``rules_class``, a row for each labelled note.
        sources: what may be done with each source; where a private number is small, nothing of private notes is shown.
    """
    if not len(labels):
        return no_rows()
    pairs = labels["person_class"] + "/" + labels["rules_class"]
    is_private = labels["source_id"].isin(sources.private)
    private = pairs[is_private].value_counts()
    if any(is_small(n) for n in private):
        labels, pairs = labels[~is_private], pairs[~is_private]
        if not len(labels):
            return no_rows()
    table = pairs.value_counts().sort_index()
    cells = [(TOTAL, TOTAL, INTERVAL_ALL), *(("label", pair, INTERVAL_ALL) for pair in table.index)]
    index = pd.MultiIndex.from_tuples(cells, names=CELL)
    none_hidden = pd.Series([False] * len(index), index=index)
    frames = [count_rows("labelled", pd.Series([len(labels), *table], index=index), none_hidden)]
    clear = labels[labels["person_class"] != UNCLEAR]
    by_person, by_rules = clear["person_class"].map(is_response), clear["rules_class"].map(is_response)
    both = int((by_person & by_rules).sum())
    top = index[:1]
    for name, out_of in (("label_precision", by_rules), ("label_recall", by_person)):
        frames.append(
            share_rows(
                name, pd.Series([both], index=top), pd.Series([int(out_of.sum())], index=top), none_hidden[:1]
            )
        )
    return _result(frames)


def no_rows() -> pd.DataFrame:
    """No rows, with the columns of ``measure_result``."""
    return pd.DataFrame(columns=[*_COLUMNS, "method_version", "unit"])


def _without_hidden(frame: pd.DataFrame) -> pd.DataFrame:
    """A hidden row carries no number at all."""
    is_hidden = frame["is_suppressed"]
    frame.loc[is_hidden, ["value", "low", "high"]] = np.nan
    frame.loc[is_hidden, ["numerator", "denominator"]] = pd.NA
    return frame.reset_index()


def _result(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows with the columns of ``measure_result``; a measure that is not defined raises ``KeyError``."""
    given = [f for f in frames if len(f)]
    if not given:
        return no_rows()
    rows = pd.concat(given, ignore_index=True)[_COLUMNS]
    units = {name: measure_named(name).unit for name in rows["measure"].unique()}
    return rows.assign(method_version=METHOD_VERSION, unit=rows["measure"].map(units))
