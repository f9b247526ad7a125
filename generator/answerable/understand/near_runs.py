"""Which runs of messages nearly repeat an earlier one: sketches give pairs, letters and words decide on each.

A run is a message and all that repeat its very words. In the order of time each run is put to the group that it is
most alike to; a run that nearly repeats none begins a group of its own. What a run is compared with is the run that
the group began with, so that no chain of small changes leads away from it; and it must come within 30 days of a
message with that first run's own words, so that a group is renewed after that time.

What it costs is bounded by the number of texts, however many of them fit one form: a text is compared with at most
three of each of its bands (the earliest and the two before it) and with the first runs of their groups, and the words
of at most `TRIES` groups are looked at.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from answerable.understand.near_words import NearRules, are_one_message, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["ALIKE", "TRIES", "Entries", "Joined", "join_runs"]

ALIKE = 80.0
"""How much of two texts must be the same, letter by letter, in percent (rapidfuzz.fuzz.ratio: the longest common
subsequence, twice, over the letters of both)."""

TRIES = 12
"""Groups, the most alike first, whose words a run is compared with."""

_PORTION = 50_000  # runs decided at once: their pairs and texts are held in memory
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Entries:
    """Messages of some months, in the order of time and identifier; a run need not be there with all of its messages.

    Attributes:
        run: the run of each message: runs are numbered in the order in which they began.
        at: when, in seconds.
        bands: the sketch of each (``near_sketch.bands``).
        is_new: whether it begins a run that is to be decided.
    """

    run: Ints
    at: Ints
    bands: NDArray[np.uint32]
    is_new: NDArray[np.bool_]


class Joined(NamedTuple):
    """A run that nearly repeats another one, the first of its group, and how alike they are, from 0 to 1."""

    run: int
    first: int
    similarity: float


def join_runs(
    entries: Entries,
    first_of: Ints,
    texts: Callable[[Sequence[int]], Mapping[int, str]],
    rules: NearRules,
    *,
    reach_seconds: int,
) -> list[Joined]:
    """The new runs that nearly repeat an earlier one.

    Args:
        entries: the new runs, and whatever lies so near before them that they may repeat it.
        first_of: of each run that was decided before, the run that its group began with (its own number where it is
            the first itself, -1 where that one is not among the entries). New runs' places are overwritten.
        texts: gives the texts of runs, in lower case and with single spaces.
        rules: what decides whether two texts are one message.
        reach_seconds: how long after a message another one still repeats it.
    """
    if not len(entries.run):
        return []
    said_at = _Times.of(entries, reach_seconds)
    words = lru_cache(maxsize=_REMEMBERED)(lambda text: words_of(text, rules))
    news = np.flatnonzero(entries.is_new)
    first_of[entries.run[news]] = entries.run[news]
    sorted_bands = [_Band.of(entries, column) for column in range(entries.bands.shape[1])]
    joined: list[Joined] = []
    for start in range(0, len(news), _PORTION):
        portion = news[start : start + _PORTION]
        pairs = _pairs(entries, sorted_bands, portion, said_at)
        if not len(pairs):
            continue
        said = texts(sorted({*pairs.ravel().tolist(), *first_of[pairs[:, 1]].tolist()} - {-1}))
        pairs = _alike(pairs, said)
        at = dict(zip(entries.run[portion].tolist(), entries.at[portion].tolist(), strict=True))
        ends = np.append(np.flatnonzero(np.diff(pairs[:, 0])) + 1, len(pairs)) if len(pairs) else ()
        begin = 0
        for end in ends:
            run = int(pairs[begin, 0])
            near = {int(first) for first in first_of[pairs[begin:end, 1]] if first >= 0}
            firsts = [first for first in near if said_at.is_near(first, at[run])]
            begin = int(end)
            for similarity, first in _most_alike(run, firsts, said):
                if are_one_message(words(said[run]), words(said[first]), rules):
                    first_of[run] = first
                    joined.append(Joined(run, first, round(similarity / 100, 3)))
                    break
    return joined


def _most_alike(run: int, firsts: Iterable[int], said: Mapping[int, str]) -> list[tuple[float, int]]:
    """The first runs of groups that a run is alike enough to: the most alike ones, of equals the earliest."""
    scores = [(fuzz.ratio(said[run], said[first], score_cutoff=ALIKE), first) for first in firsts]
    return heapq.nsmallest(TRIES, (s for s in scores if s[0]), key=lambda s: (-s[0], s[1]))


@dataclass(frozen=True, slots=True)
class _Times:
    """When the messages of each run were written."""

    keys: NDArray[np.uint64]
    """The run, and the seconds since the first entry: in that order."""
    begin: int
    reach: int

    @classmethod
    def of(cls, entries: Entries, reach_seconds: int) -> _Times:
        begin = int(entries.at[0])
        since = (entries.at - begin).astype(np.uint64)
        return cls(np.sort((entries.run.astype(np.uint64) << np.uint64(32)) | since), begin, reach_seconds)

    def are_near(self, runs: Ints, at: Ints) -> NDArray[np.bool_]:
        """Whether each run has a message at an instant or so shortly before it that it is still repeated.

        What is written later counts for nothing: so no decision waits for it.
        """
        since = (at - self.begin).astype(np.uint64)
        own = runs.astype(np.uint64) << np.uint64(32)
        place = np.searchsorted(self.keys, own | since, side="right") - 1
        held = self.keys[np.maximum(place, 0)]
        least = own | (since - np.minimum(since, np.uint64(self.reach)))
        return np.asarray((place >= 0) & (held >= least))

    def is_near(self, run: int, at: int) -> bool:
        """The same for one run."""
        since = at - self.begin
        own = run << 32
        place = int(np.searchsorted(self.keys, np.uint64(own | since), side="right")) - 1
        return place >= 0 and int(self.keys[place]) >= own | max(since - self.reach, 0)


@dataclass(frozen=True, slots=True)
class _Band:
    """The entries sorted by what one band says and by time."""

    order: NDArray[np.int32]
    place: NDArray[np.int32]
    """Of each entry, its place in that order."""
    keys: NDArray[np.uint64]
    """What the band says, and the seconds since the first entry: in that order."""

    @classmethod
    def of(cls, entries: Entries, column: int) -> _Band:
        since = (entries.at - entries.at[0]).astype(np.uint64)
        keys = (entries.bands[:, column].astype(np.uint64) << np.uint64(32)) | since
        order = np.argsort(keys, kind="stable").astype(np.int32)
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        return cls(order, place, keys[order])


def _pairs(entries: Entries, sorted_bands: Sequence[_Band], portion: Ints, said_at: _Times) -> Ints:
    """Pairs of a new run and an earlier one that are worth comparing, each once, in order."""
    found = []
    for band in sorted_bands:
        place = band.place[portion]
        own = band.keys[place] >> np.uint64(32)
        since = band.keys[place] & np.uint64(0xFFFFFFFF)
        from_then = since - np.minimum(since, np.uint64(said_at.reach))
        earliest = np.searchsorted(band.keys, (own << np.uint64(32)) | from_then)
        for other in (earliest, place - 1, place - 2):
            is_one = (other >= 0) & (other < place)
            is_one[is_one] = (band.keys[other[is_one]] >> np.uint64(32)) == own[is_one]
            runs = entries.run[band.order[other[is_one]]]
            new = entries.run[portion[is_one]]
            at = entries.at[portion[is_one]]
            is_one = (runs < new) & said_at.are_near(runs, at)
            found.append(np.stack((new[is_one], runs[is_one]), axis=1))
    pairs = np.concatenate(found)
    if not len(pairs):
        return pairs
    width = np.int64(entries.run.max() + 1)
    each = np.unique(pairs[:, 0] * width + pairs[:, 1])
    return np.stack((each // width, each % width), axis=1)


def _alike(pairs: Ints, said: Mapping[int, str]) -> Ints:
    """Of some pairs those whose texts are alike enough, letter by letter."""
    scores = process.cpdist(
        [said[run] for run in pairs[:, 0].tolist()],
        [said[run] for run in pairs[:, 1].tolist()],
        scorer=fuzz.ratio,
        score_cutoff=ALIKE,
        dtype=np.float32,
    )
    return pairs[scores > 0]
