"""From counts to the rows of ``measure_result``: rates and durations with their intervals, and stocks.

Everything here works on small tables: a row for each source, group and month at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from answerable.measure.cells import CELL, CLOCKS, RATES, Cells
from answerable.measure.disclosure import MINIMUM_DENOMINATOR, Hidden
from answerable.measure.measures import INTERVAL_ALL, METHOD_VERSION, QUANTILES, measure_named

__all__ = [
    "count_rows",
    "duration_rows",
    "main_rows",
    "no_rows",
    "share_rows",
    "wilson",
    "with_columns",
]

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
            _mask(dense, cells.hidden_open) | _mask_stock(dense, cells),
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
    return with_columns(frames)


def _dense(cells: Cells) -> pd.MultiIndex:
    """Every group in every month, and in the interval ``all``."""
    groups = sorted({(b, g) for b, g, _ in cells.total.index})
    return pd.MultiIndex.from_tuples(
        [(b, g, i) for b, g in groups for i in (INTERVAL_ALL, *cells.months)], names=CELL
    )


def _mask(index: pd.Index, hidden: Hidden) -> pd.Series:
    return pd.Series([cell in hidden for cell in index], index=index, dtype=bool)


def _mask_stock(index: pd.Index, cells: Cells) -> pd.Series:
    """What is open at T is what is open in the last month: where one of them is hidden, both are."""
    last = cells.months[-1]
    twin = {INTERVAL_ALL: last, last: INTERVAL_ALL}
    return pd.Series(
        [(b, g, twin.get(i, i)) in cells.hidden_open for b, g, i in index], index=index, dtype=bool
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
    measure: str,
    numerator: pd.Series,
    denominator: pd.Series,
    is_hidden: pd.Series,
    *,
    least: int = MINIMUM_DENOMINATOR,
) -> pd.DataFrame:
    """Rows of a rate with Wilson's interval (index: breakdown, group_code, interval).

    Out of fewer than ``least`` no rate is given.
    """
    is_too_few = (denominator < least) & ~is_hidden
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


def no_rows() -> pd.DataFrame:
    """No rows, with the columns of ``measure_result``."""
    return pd.DataFrame(columns=[*_COLUMNS, "method_version", "unit"])


def _without_hidden(frame: pd.DataFrame) -> pd.DataFrame:
    """A hidden row carries no number at all."""
    is_hidden = frame["is_suppressed"]
    frame.loc[is_hidden, ["value", "low", "high"]] = np.nan
    frame.loc[is_hidden, ["numerator", "denominator"]] = pd.NA
    return frame.reset_index()


def with_columns(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows with the columns of ``measure_result``; a measure that is not defined raises ``KeyError``."""
    given = [f for f in frames if len(f)]
    if not given:
        return no_rows()
    rows = pd.concat(given, ignore_index=True)[_COLUMNS]
    units = {name: measure_named(name).unit for name in rows["measure"].unique()}
    return rows.assign(method_version=METHOD_VERSION, unit=rows["measure"].map(units))
