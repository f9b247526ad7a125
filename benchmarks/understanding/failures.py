"""Service failures: what is found of planted ones, and how many false alarms come with it.

    python benchmarks/understanding/failures.py                  the table (a minute)
    python benchmarks/understanding/failures.py --series 20      a quick look

Two years of daily counts are made as in Noufaily and others (2013): negative binomial, with a week's and a year's
rhythm, growth or decline, at five levels from 0.3 to 100 a day; half of the series have an old peak that nobody
labelled. In the last half year a failure is planted: a shock (one to seven days, fading) or a drip (two to five weeks).

Each method gets the threshold at which it raises a false alarm on one in two hundred (and on one in two thousand) days
of series without a failure. Reported are the share found, with Wilson's interval, and after how many days. The last
lines are the program's whole rule over all series together: alarms by Benjamini and Hochberg, first and last day.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from answerable.measure import unusual
from answerable.measure.daily import Daily, Span
from answerable.measure.rises import rises

DAYS = 730
FIRST = 540
LEVELS = (0.3, 1.0, 5.0, 20.0, 100.0)
SEED = 4242
FALSE_ALARMS = (0.005, 0.0005)

Counts = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Method = Callable[[Counts, Places, Places], Counts]


@dataclass(frozen=True)
class World:
    """Counts (a row for each series), and where a failure was planted: first day and length, or none."""

    counts: Counts
    planted: tuple[tuple[int, int], ...] = ()


def usual(rng: np.random.Generator, level: float) -> tuple[npt.NDArray[np.int64], Counts, float]:
    """A series without a failure, its mean on each day and its dispersion."""
    day = np.arange(DAYS)
    week = np.array([1.1, 1.05, 1.0, 1.0, 1.05, 0.9, 0.7])[day % 7]
    year = 1 + 0.3 * np.sin(2 * np.pi * day / 365 + rng.uniform(0, 2 * np.pi))
    mean = level * week * year * (1 + rng.uniform(-0.2, 0.4) * day / DAYS)
    dispersion = float(rng.uniform(1.2, 2.5))
    counts = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion)
    if rng.random() < 0.5:
        start, length = int(rng.integers(0, FIRST - 10)), int(rng.integers(2, 6))
        old = slice(start, start + length)
        counts[old] += rng.poisson(np.maximum(6, 3 * mean[old]))
    return counts, mean, dispersion


def world(seed: int, each: int, kind: str) -> World:
    """``each`` series of every level: ``usual``, or with a ``shock`` or a ``drip`` in each."""
    rng = np.random.default_rng(seed)
    made, planted = [], []
    for level in LEVELS:
        for _ in range(each):
            counts, mean, dispersion = usual(rng, level)
            if kind == "shock":
                start, length = int(rng.integers(FIRST + 20, DAYS - 10)), int(rng.integers(1, 8))
                peak = rng.uniform(3, 10) * max(math.sqrt(dispersion * mean[start]), 1.0)
                counts[start : start + length] += rng.poisson(peak * np.exp(-np.arange(length) / 3))
                planted.append((start, length))
            elif kind == "drip":
                start, length = int(rng.integers(FIRST + 20, DAYS - 40)), int(rng.integers(14, 36))
                times = rng.uniform(0.5, 3) if level >= 5 else rng.uniform(1, 5)
                counts[start : start + length] += rng.poisson(times * level, length)
                planted.append((start, length))
            made.append(counts)
    return World(np.array(made, dtype=np.float64), tuple(planted))


# -- methods ---------------------------------------------------------------------------------------------------------


def ours(counts: Counts, rows: Places, days: Places) -> Counts:
    """The program's score."""
    return unusual.scores(counts, rows, days).score


def by_day(counts: Counts, rows: Places, days: Places) -> Counts:
    """The program's score without the week."""
    expected, dispersion = unusual.expectation(counts, rows, days)
    seen = counts[rows, days]
    score: Counts = 2 * (np.sqrt(seen + 3 / 8) - np.sqrt(expected[:, 0] + 3 / 8)) / np.sqrt(dispersion)
    return score


def ears_c2(counts: Counts, rows: Places, days: Places) -> Counts:
    """EARS C2: seven days that end two days before."""
    before = counts[rows[:, None], days[:, None] + np.arange(-9, -2)]
    score: Counts = (counts[rows, days] - before.mean(axis=1)) / np.maximum(before.std(axis=1, ddof=1), 0.5)
    return score


def ears_c3(counts: Counts, rows: Places, days: Places) -> Counts:
    """EARS C3: what C2 of three days holds above one."""
    score: Counts = np.sum([np.maximum(0, ears_c2(counts, rows, days - k) - 1) for k in range(3)], axis=0)
    return score


def weekday_residual(counts: Counts, rows: Places, days: Places) -> Counts:
    """A seasonal and trend decomposition done simply: weekday medians and the median level, scaled by the MAD."""
    back = np.arange(-112, 0)
    root = np.sqrt(counts[rows[:, None], days[:, None] + back] + 3 / 8)
    level = np.median(root[:, -28:], axis=1)
    rest = root - np.median(root, axis=1, keepdims=True)
    for weekday in range(7):
        same = back % 7 == weekday
        rest[:, same] -= np.median(rest[:, same], axis=1, keepdims=True)
    of_weekday = np.median(root[:, back % 7 == 0], axis=1) - np.median(root, axis=1)
    spread = np.maximum(1.4826 * np.median(np.abs(rest), axis=1), 0.2)
    score: Counts = (np.sqrt(counts[rows, days] + 3 / 8) - level - of_weekday) / spread
    return score


METHODS: dict[str, Method] = {
    "EARS C2": ears_c2,
    "EARS C3": ears_c3,
    "weekday residual / MAD": weekday_residual,
    "day alone (8 weeks)": by_day,
    "day and week: the program's": ours,
}


def looked(method: Method, counts: Counts) -> Counts:
    """The score of every series on every day of the last half year."""
    days = np.arange(FIRST, DAYS)
    rows = np.repeat(np.arange(len(counts)), len(days))
    return method(counts, rows, np.tile(days, len(counts))).reshape(len(counts), -1)


def found(score: Counts, planted: tuple[tuple[int, int], ...], threshold: float) -> tuple[int, float]:
    """How many planted failures had an alarm (up to a day after their end), and after how many days on average."""
    delays = []
    for own, (start, length) in zip(score, planted, strict=True):
        hits = np.flatnonzero(own[start - FIRST : start - FIRST + length + 1] > threshold)
        if len(hits):
            delays.append(int(hits[0]))
    return len(delays), float(np.mean(delays)) if delays else math.nan


def interval(count: int, total: int) -> str:
    """Wilson's 95 % interval."""
    z2 = 1.96**2
    share = count / total
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = 1.96 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return f"{share:.3f} ({middle - half:.3f} to {middle + half:.3f})"


# -- the whole rule --------------------------------------------------------------------------------------------------


def whole_rule(made: World) -> tuple[int, int, list[int], list[int]]:
    """The rises that the program names: planted ones found, others; how far off the first and the last day are."""
    series, day = np.nonzero(made.counts)
    daily = Daily.of(
        tuple((f"s{n:05d}",) for n in range(len(made.counts))),
        ("source",),
        [series, np.zeros(len(series)), day, made.counts[series, day]],
    )
    hits: dict[int, tuple[int, int]] = {}
    others = 0
    for rise in rises({"topic": daily}, {"source": Span(0, DAYS - 1)}).rises:
        number = int(rise.series[0][1:])
        if rise.alarms[0].day < FIRST:
            continue  # the old peaks, which nobody labelled, are there
        start, length = made.planted[number] if made.planted else (DAYS * 2, 0)
        if rise.first <= start + length and rise.last >= start:
            hits.setdefault(number, (rise.first - start, rise.last - (start + length - 1)))
        else:
            others += 1
    return len(hits), others, [a for a, _ in hits.values()], [b for _, b in hits.values()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=100, help="series of each of the five levels")
    each = parser.parse_args().series
    quiet, shock, drip = (world(SEED + n, each, kind) for n, kind in enumerate(("usual", "shock", "drip")))
    for share in FALSE_ALARMS:
        print(
            f"\nfalse alarms on {share:.2%} of days: threshold; found of shocks, delay; found of drips, delay"
        )
        for name, method in METHODS.items():
            threshold = float(np.quantile(looked(method, quiet.counts), 1 - share))
            columns = [f"{name:30s} {threshold:6.2f}"]
            for made in (shock, drip):
                count, delay = found(looked(method, made.counts), made.planted, threshold)
                columns.append(f"{interval(count, len(made.planted))} {delay:5.2f} d")
            print("   ".join(columns))
    print("\nthe score on days without a failure, and the normal distribution that it is taken for")
    score = looked(ours, quiet.counts)
    for limit in (2.326, 3.09, 3.719):
        print(f"above {limit:5.2f}: {(score > limit).mean():.5f}, {unusual.tail(np.array([limit]))[0]:.5f}")
    print(f"\nthe whole rule over {5 * each} series of a day (Benjamini and Hochberg)")
    for name, made in (("no failure", quiet), ("shocks", shock), ("drips", drip)):
        count, others, first, last = whole_rule(made)
        total = len(made.planted)
        line = f"{name:12s} false: {others} rises in {5 * each} series x {DAYS - FIRST} days"
        if total:
            near = [np.mean(np.abs(off) <= 2) for off in (first, last)]
            line += (
                f"; found {interval(count, total)}; first day within two {near[0]:.2f}, last {near[1]:.2f}"
            )
        print(line)


if __name__ == "__main__":
    main()
