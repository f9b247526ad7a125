"""Sketches of texts, by which those that are nearly alike are found among a million without comparing all pairs.

Each text is a set of runs of `RUN` letters. Of `HASHES` orders of all possible runs, a sketch keeps which run of the
text comes first in each (MinHash): two texts have the same first run in one order with the probability of their
likeness (Jaccard). The orders lie in `BANDS` bands; texts that agree in all orders of one band are compared: of two
texts with likeness s, ``1 - (1 - s^4)^12`` of the pairs (A. Broder, 1997; A. Rajaraman and J. Ullman, "Mining of
Massive Datasets", chapter 3). Texts with different numbers are told apart at once: a band counts the numbers too.

Everything is arithmetic on whole arrays: a text costs some microseconds, and the same on every machine.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.uint32]

__all__ = ["BANDS", "HASHES", "RUN", "bands"]

HASHES = 48
BANDS = 12
RUN = 4
"""Letters in a run, the spaces between words among them."""

_PORTION = 512  # texts at once: their arrays stay in the processor's cache
_PRIME = np.uint32(0x01000193)  # the prime of FNV-1a
_MIX = np.uint32(0x9E3779B1)  # 2 ** 32 / golden ratio, odd
_NUMBER = re.compile(r"\S*\d\S*")


def bands(texts: Sequence[str]) -> Numbers:
    """The sketch of each text: ``texts x BANDS``; equal numbers in one column make two texts worth comparing.

    Args:
        texts: in lower case, words separated by single spaces.
    """
    parts = [_bands(texts[at : at + _PORTION]) for at in range(0, len(texts), _PORTION)]
    return np.concatenate(parts) if parts else np.zeros((0, BANDS), np.uint32)


@cache
def _orders() -> tuple[Numbers, Numbers]:
    """What each order multiplies and adds: from a digest, so that they are the same for ever."""
    stream = b"".join(
        hashlib.blake2b(f"answerable near-duplicates {part}".encode()).digest() for part in range(HASHES // 8)
    )
    numbers = np.frombuffer(stream, dtype="<u4").astype(np.uint32)
    return numbers[:HASHES] | np.uint32(1), numbers[HASHES : 2 * HASHES]


def _bands(texts: Sequence[str]) -> Numbers:
    runs, starts = _runs(texts)
    times, plus = _orders()
    firsts = np.empty((HASHES, len(texts)), np.uint32)
    for number in range(HASHES):
        firsts[number] = np.minimum.reduceat((runs ^ plus[number]) * times[number], starts)
    width = HASHES // BANDS
    found = np.repeat(_numbers(texts)[None, :], BANDS, axis=0)
    for place in range(width):
        found = _mixed((found ^ firsts[place::width]) * _PRIME)
    return np.ascontiguousarray(found.T)


def _runs(texts: Sequence[str]) -> tuple[Numbers, NDArray[np.intp]]:
    """A hash of each run of letters of some texts, one text after the other, and where each text begins."""
    padded = [text if len(text) >= RUN else text.ljust(RUN) for text in texts]
    lengths = np.fromiter(map(len, padded), np.intp, len(padded))
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(
        np.uint32
    )
    count = len(points) - RUN + 1
    hashes = np.zeros(count, np.uint32)
    for place in range(RUN):
        hashes = hashes * _PRIME + points[place : place + count]
    # A run that goes over the end of its text is none.
    is_inside = np.ones(len(points), dtype=bool)
    ends = np.cumsum(lengths)
    for back in range(1, RUN):
        is_inside[ends - back] = False
    kept = lengths - RUN + 1
    return _mixed(_mixed(hashes[is_inside[:count]])), np.concatenate(([0], np.cumsum(kept)[:-1]))


def _numbers(texts: Sequence[str]) -> Numbers:
    """A hash of the numbers of each text, whatever their order."""
    found = (" ".join(sorted(_NUMBER.findall(text))) for text in texts)
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=4).digest() for text in found)
    return np.frombuffer(digests, dtype="<u4").astype(np.uint32)


def _mixed(values: Numbers) -> Numbers:
    values = (values ^ (values >> np.uint32(16))) * _MIX
    return values ^ (values >> np.uint32(13))
