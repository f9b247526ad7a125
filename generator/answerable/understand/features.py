"""Texts as numbers for a linear model: words, pairs of words and runs of letters, hashed, many texts at a time.

A feature is a place in a table of fixed size (the hashing trick: no list of words is kept, so none is published). All
texts of a batch lie one after another in one array of code points, and every hash is arithmetic on that array, so a
text costs some microseconds. Each block of features (words, letters) of a text has length one: a value is
``1 / sqrt(features in the block)``.

    batch = grams(texts, bits=18)
    batch.sums(weights)         what each word brings, per class
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from answerable.understand.phrases import visible_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = ["LONGEST", "Grams", "grams", "plain_form"]

LONGEST = 1000
"""Characters of a text that are read: a model of short posts has nothing to say of more."""

_ORDERS = (2, 3, 4, 5)  # letters in a run
_LINK, _ACCOUNT, _NUMBER, _MAIL = (
    "\ue000",
    "\ue001",
    "\ue002",
    "\ue003",
)  # private use: no cleaned text has them
_PRIVATE = re.compile("[\ue000-\uf8ff]+")
_LINKS = re.compile(r"(?:https?://|www\.)[^\s]+")
_MAILS = re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+")
_ACCOUNTS = re.compile(r"[@\uff20][\w.\-]+")
_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*")
_AGAIN = re.compile(r"([^\n])\1{2,}")
_MARKS = re.compile("[\u0300-\u036f]+")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")  # all that is no single space
_PRIME = np.uint64(0x100000001B3)  # the prime of FNV-1a: its powers spread code points over 64 bits
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2 ** 64 / golden ratio: multiplicative hashing keeps the upper bits
_SALTS = {order: np.uint64(0x2545F4914F6CDD1D * (2 * order + 1) & (2**64 - 1)) for order in (*_ORDERS, 0, 1)}
_WORD_LETTERS = 64  # a longer "word" is noise and is read to here


def plain_form(text: str) -> str:
    """A text as the model reads it: small letters without accents; a link, an account, a number as one sign each."""
    return _plain(_one_line(text))


def _one_line(text: str) -> str:
    return " ".join(_PRIVATE.sub(" ", visible_form(text[:LONGEST])).split())


def _plain(lines: str) -> str:
    """The same of many texts at once, one a line."""
    lines = _LINKS.sub(f" {_LINK} ", lines)
    lines = _MAILS.sub(f" {_MAIL} ", lines)
    lines = _ACCOUNTS.sub(f" {_ACCOUNT} ", lines)
    lines = _NUMBERS.sub(_NUMBER, lines.casefold())
    lines = _MARKS.sub("", unicodedata.normalize("NFKD", lines))
    return _SPACES.sub(" ", _AGAIN.sub(r"\1\1", lines))


@cache
def _is_word() -> NDArray[np.bool_]:
    """Of each code point of the first plane, whether it belongs into words (signs above it stand alone)."""
    kept = np.zeros(0x10001, dtype=bool)
    for point in range(0x10000):
        kept[point] = unicodedata.category(chr(point))[0] in "LMN"
    kept[[ord(_LINK), ord(_ACCOUNT), ord(_NUMBER), ord(_MAIL)]] = True
    return kept


@dataclass(frozen=True, slots=True)
class Grams:
    """The features of a batch of texts.

    Attributes:
        lines: the texts as read, a line each, in one string.
        bits: the size of the table is ``2 ** bits``.
        text_words: for each text its first word's place in the arrays of words; one more at the end.
        word_starts, word_ends: where each word lies in ``lines``. A text without a word has one of length nought.
        word_places, pair_places: the feature of each word, and of the word with the one before it (-1 for none).
        letter_places: for each order, the feature of each position (-1 where the run would leave the text).
        letter_starts: for each word, the first position that counts with it.
        word_counts, letter_counts: how many features each block of each text has (at least 1).
    """

    lines: str
    bits: int
    text_words: Ints
    word_starts: Ints
    word_ends: Ints
    word_places: Ints
    pair_places: Ints
    letter_places: tuple[Ints, ...]
    letter_starts: Ints
    word_counts: Ints
    letter_counts: Ints

    def __len__(self) -> int:
        return len(self.text_words) - 1

    def word(self, place: int) -> str:
        """A word, as read."""
        return self.lines[int(self.word_starts[place]) : int(self.word_ends[place])]

    def narrowed(self, bits: int) -> Grams:
        """The same in a smaller table. A place is the upper bits of a hash, so no text is read again.

        Raises:
            ValueError: the table is to be larger.
        """
        by = self.bits - bits
        if by < 0:
            message = f"features of {self.bits} bits cannot be read by a table of {bits}"
            raise ValueError(message)
        return replace(
            self,
            bits=bits,
            word_places=self.word_places >> by,
            pair_places=self.pair_places >> by,
            letter_places=tuple(places >> by for places in self.letter_places),
        )

    def words_of_texts(self) -> Ints:
        """For each word the number of its text."""
        return np.repeat(np.arange(len(self)), np.diff(self.text_words))

    def sums(self, weights: NDArray[np.int16]) -> tuple[Floats, Floats]:
        """What each text and each word gets from a table of whole-number weights.

        Whole numbers are added exactly, in any order: the result depends on no thread and no processor.

        Args:
            weights: ``places`` or ``places x classes``; the last row is nought and stands for "no feature".

        Returns:
            ``texts x classes`` and ``words x classes``, in units of the weights.
        """
        table = weights.reshape(len(weights), -1)
        of_words = table[self.word_places].astype(np.int64) + table[self.pair_places]
        letters = table[self.letter_places[0]].astype(np.int64)
        for places in self.letter_places[1:]:
            letters += table[places]
        of_letters = np.add.reduceat(letters, self.letter_starts, axis=0)
        text = self.words_of_texts()
        word_scale = 1 / np.sqrt(self.word_counts)
        letter_scale = 1 / np.sqrt(self.letter_counts)
        starts = self.text_words[:-1]
        texts = (
            np.add.reduceat(of_words, starts, axis=0) * word_scale[:, None]
            + np.add.reduceat(of_letters, starts, axis=0) * letter_scale[:, None]
        )
        words = of_words * word_scale[text][:, None] + of_letters * letter_scale[text][:, None]
        return texts, words

    def entries(self) -> tuple[Ints, Ints, Floats]:
        """The same as a sparse matrix in coordinates, for training: row, place and value of every feature."""
        text = self.words_of_texts()
        of_position = np.repeat(text, np.diff(np.append(self.letter_starts, len(self.letter_places[0]))))
        rows, places, values = [], [], []
        for row, place, counts in (
            (text, self.word_places, self.word_counts),
            (text, self.pair_places, self.word_counts),
            *((of_position, place, self.letter_counts) for place in self.letter_places),
        ):
            is_there = place >= 0
            rows.append(row[is_there])
            places.append(place[is_there])
            values.append(1 / np.sqrt(counts[row[is_there]]))
        return np.concatenate(rows), np.concatenate(places), np.concatenate(values)


def grams(texts: Sequence[str], *, bits: int) -> Grams:
    """The features of some texts, in a table of ``2 ** bits`` places."""
    lines = (
        "".join(f" {line} \n" for line in _plain("\n".join(map(_one_line, texts))).split("\n"))
        if texts
        else ""
    )
    lines = _SPACES.sub(" ", lines)
    points = np.frombuffer(lines.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    is_end = points == ord("\n")
    text_of = np.cumsum(is_end) - is_end
    count = len(texts)
    kinds = _is_word()[np.minimum(points, 0x10000)]
    before = np.concatenate(([False], kinds[:-1]))
    starts = np.flatnonzero(kinds & ~before)
    ends = np.flatnonzero(~kinds & before)
    # Every text has a word, and be it one of no letters at its first position: no segment is ever empty.
    text_starts = np.concatenate(([0], np.flatnonzero(is_end)[:-1] + 1)) if count else np.zeros(0, np.int64)
    has_word = np.zeros(count, dtype=bool)
    has_word[text_of[starts]] = True
    bare = text_starts[~has_word]
    starts, order = _merged(starts, bare)
    ends = np.concatenate((ends, bare))[order]
    text_words = np.searchsorted(starts, np.append(text_starts, len(points)))
    words = _word_hashes(points, starts, ends)
    word_text = text_of[starts] if len(starts) else starts
    is_word = ends > starts
    word_places = np.where(is_word, _placed(words, 0, bits), -1)
    follows = np.concatenate(([False], (word_text[1:] == word_text[:-1]) & is_word[1:] & is_word[:-1]))
    pairs = np.concatenate((words[:1], words[:-1])) * _PRIME * _PRIME + words
    pair_places = np.where(follows, _placed(pairs, 1, bits), -1)
    letter_places, letter_counts = _letters(points, text_of, is_end, count, bits)
    # What stands between two words counts with the first of them; what stands before a text's first word, with that.
    letter_starts = starts.copy()
    if count:
        letter_starts[text_words[:-1]] = text_starts
    word_counts = (
        np.add.reduceat((word_places >= 0).astype(np.int64) + (pair_places >= 0), text_words[:-1])
        if count
        else text_words[:0]
    )
    return Grams(
        lines=lines,
        bits=bits,
        text_words=text_words,
        word_starts=starts,
        word_ends=ends,
        word_places=word_places,
        pair_places=pair_places,
        letter_places=letter_places,
        letter_starts=letter_starts,
        word_counts=np.maximum(word_counts, 1),
        letter_counts=np.maximum(letter_counts, 1),
    )


def _merged(starts: Ints, bare: Ints) -> tuple[Ints, Ints]:
    both = np.concatenate((starts, bare))
    order = np.argsort(both, kind="stable")
    return both[order], order


def _word_hashes(points: Ints, starts: Ints, ends: Ints) -> NDArray[np.uint64]:
    """A hash of each word: a polynomial of its code points."""
    if not len(starts):
        return np.zeros(0, np.uint64)
    lengths = np.minimum(ends - starts, _WORD_LETTERS)
    total = int(lengths.sum())
    first = np.cumsum(lengths) - lengths
    place = np.arange(total) - np.repeat(first, lengths)
    letters = points[np.repeat(starts, lengths) + place].astype(np.uint64)
    powers = np.cumprod(np.full(_WORD_LETTERS, _PRIME, dtype=np.uint64))
    ends_at = np.concatenate(([np.uint64(0)], np.cumsum(letters * powers[place], dtype=np.uint64)))
    return ends_at[first + lengths] - ends_at[first]  # type: ignore[no-any-return, unused-ignore]


def _letters(
    points: Ints, text_of: Ints, is_end: NDArray[np.bool_], count: int, bits: int
) -> tuple[tuple[Ints, ...], Ints]:
    """For each order the place of the run that begins at each position, and how many runs each text has."""
    size = len(points)
    codes = points.astype(np.uint64)
    hashes = codes.copy()
    blocked = is_end.copy()
    counts = np.zeros(count, dtype=np.int64)
    found = []
    for order in range(2, max(_ORDERS) + 1):
        step = order - 1
        inside = max(size - step, 0)
        hashes[:inside] = hashes[:inside] * _PRIME + codes[step:]
        blocked[:inside] |= is_end[step:]
        blocked[inside:] = True
        found.append(np.where(blocked, -1, _placed(hashes, order, bits)))
        counts += np.bincount(text_of[~blocked], minlength=count)[:count]
    return tuple(found), counts


def _placed(hashes: NDArray[np.uint64], salt: int, bits: int) -> Ints:
    mixed = (hashes ^ _SALTS[salt]) * _MIX
    mixed ^= mixed >> np.uint64(29)
    return (mixed * _MIX >> np.uint64(64 - bits)).astype(np.int64)
