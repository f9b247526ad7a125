"""Which texts say the same: vectors of words and runs of letters, a graph of the nearest, communities in it.

    read = Reading.of(texts)                    words and letters of each text, hashed
    vectors = weigh(read, background)           rare ones weigh more; each text has length one
    groups(vectors)                             for each text the number of its group

The graph has an edge between two texts whose cosine is at least `ALIKE`, to the twenty nearest of each; its communities
are found by Louvain's method (Blondel, Guillaume, Lambiotte, Lefebvre 2008). Texts come in an order of their own (their
identifiers'), nothing is drawn by chance, so the same texts always make the same groups. A text that is too little like
the others of its group, all together, is let go again (`CLOSE`).
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from answerable.understand.features import LONGEST, grams
from answerable.understand.privacy import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = [
    "ALIKE",
    "CLOSE",
    "LONGEST",
    "SAME",
    "Background",
    "Reading",
    "centroids",
    "function_words",
    "groups",
    "linked",
    "packed",
    "unpacked",
    "weigh",
]

ALIKE = 0.2
"""Cosine from which two texts are neighbours."""

CLOSE = 0.35
"""What a text's cosines with the others of its group make together at least, times the root of how many they are.

Two texts have to be very much alike; of many, each may be less like the rest, which bear each other out.
"""

SAME = 0.5
"""Cosine of the middles of two groups, one month after the other, from which they are the same issue."""

_BITS = 20
_LETTERS = 4  # in a run: runs of five beside them say hardly more and cost half as much again
_AT_ONCE = 5_000  # texts that are read in one array
_NEIGHBOURS = 20
_MOST_THREADS = 4
_RESOLUTION = 3
_LEAST_WEIGHT = 14_000  # the sum of all cosines in the graph of some 2,500 short texts
# A feature of more texts than these tells little apart, and comparing all that have it costs the square of them.
_COMMON_TEXTS, _COMMON_SHARE = 500, 0.02
_CENTROID = 48  # features kept of the middle of a group, the heaviest


@cache
def function_words() -> frozenset[str]:
    """Words that say nothing of what a text is about, in some languages (rules/function_words.txt)."""
    lines = (Path(__file__).parent / "rules" / "function_words.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@cache
def _function_places() -> Ints:
    """Their places, and those of the marks of redactions and of what stands for links, accounts and numbers."""
    marks = " ".join(mark.strip("[]") for mark in MARKS.values())
    signs = "https://x.example @somebody 12 a@b.example"
    found = grams([" ".join(sorted(function_words())), marks, signs], bits=_BITS)
    return np.unique(found.word_places[found.word_places >= 0])


@dataclass(frozen=True, slots=True)
class Reading:
    """How often each text has each word and each run of letters: two sparse matrices, texts x places."""

    words: Any
    letters: Any

    @classmethod
    def of(cls, texts: Sequence[str]) -> Reading:
        """Read some texts, so many at a time that memory does not grow with their number."""
        from scipy import sparse

        parts = [_read(texts[at : at + _AT_ONCE]) for at in range(0, max(len(texts), 1), _AT_ONCE)]
        words, letters = (sparse.vstack(blocks, format="csr") for blocks in zip(*parts, strict=True))
        return cls(words, letters)

    def __len__(self) -> int:
        return int(self.words.shape[0])

    def some(self, rows: Ints) -> Reading:
        """The same of some of the texts, in that order."""
        return Reading(self.words[rows], self.letters[rows])


def _read(texts: Sequence[str]) -> tuple[Any, Any]:
    """The words and the letters of a few thousand texts."""
    from scipy import sparse

    read = grams(texts, bits=_BITS)
    text = read.words_of_texts()
    is_word = (read.word_places >= 0) & ~np.isin(read.word_places, _function_places())
    # A run of letters belongs to the word that it begins in.
    lengths = np.diff(np.append(read.letter_starts, len(read.letter_places[0])))
    is_inside = np.repeat(is_word, lengths)
    of_position = np.repeat(text, lengths)
    at = read.letter_places[_LETTERS - 2]
    is_run = (at >= 0) & is_inside

    def counted(row: Ints, place: Ints) -> Any:
        matrix = sparse.csr_array(
            (np.ones(len(row), np.float32), (row, place)), shape=(len(texts), 1 << _BITS)
        )
        matrix.sum_duplicates()
        return matrix

    return counted(text[is_word], read.word_places[is_word]), counted(of_position[is_run], at[is_run])


@dataclass(frozen=True, slots=True)
class Background:
    """In how many of so many texts each feature occurs: two pairs of places and numbers, words and letters."""

    count: int
    words: tuple[Ints, Ints]
    letters: tuple[Ints, Ints]

    @classmethod
    def of(cls, read: Reading) -> Background:
        """How common everything is in some texts."""
        words, letters = (
            np.unique(matrix.indices.astype(np.int64), return_counts=True)
            for matrix in (read.words, read.letters)
        )
        return cls(len(read), words, letters)

    @classmethod
    def sum(cls, parts: Iterable[Background]) -> tuple[int, Ints, Ints]:
        """How many texts there are together, and in how many each word and each run of letters occurs."""
        count = 0
        words = np.zeros(1 << _BITS, np.int64)
        letters = np.zeros(1 << _BITS, np.int64)
        for part in parts:
            count += part.count
            words[part.words[0]] += part.words[1]
            letters[part.letters[0]] += part.letters[1]
        return count, words, letters


def weigh(read: Reading, background: tuple[int, Ints, Ints]) -> Any:
    """The vectors of texts (a sparse matrix with rows of length one): TF-IDF of words beside that of letters.

    Args:
        read: the texts.
        background: how common everything is in texts like them, these included (`Background.sum`).
    """
    from scipy import sparse

    count, words, letters = background
    blocks = [_block(read.words, count, words), _block(read.letters, count, letters)]
    return _unit(sparse.hstack(blocks, format="csr"))


def _block(matrix: Any, count: int, texts: Ints) -> Any:
    here = np.bincount(matrix.indices, minlength=matrix.shape[1])
    # Asked of what occurs here, not of every place of the table.
    at = matrix.indices
    rarity = np.log((1 + count) / (1 + np.maximum(texts[at], here[at]))) + 1
    rarity[here[at] > max(_COMMON_TEXTS, _COMMON_SHARE * matrix.shape[0])] = 0
    matrix = matrix.copy()
    matrix.data = ((1 + np.log(matrix.data)) * rarity).astype(np.float32)
    matrix.eliminate_zeros()
    return _unit(matrix)


def _unit(matrix: Any) -> Any:
    """Each row divided by its length; a row of noughts stays one."""
    lengths = np.sqrt(np.bincount(_rows(matrix), matrix.data.astype(np.float64) ** 2, matrix.shape[0]))
    lengths[lengths == 0] = 1
    matrix = matrix.copy()
    matrix.data = (matrix.data / lengths[_rows(matrix)]).astype(np.float32)
    return matrix


def _rows(matrix: Any) -> Ints:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def groups(vectors: Any) -> tuple[Ints, Floats]:
    """For each text the number of its group (counted from the first text on), and how near it is to its middle.

    A text that is like no other has a group of its own.
    """
    from sparse_dot_topn import sp_matmul_topn

    size = vectors.shape[0]
    alone = np.arange(size, dtype=np.int64)
    if size < 2:
        return alone, np.ones(size)
    vectors = _narrow(vectors)
    # Each row is a sum of its own: the same with any number of threads.
    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    nearest = sp_matmul_topn(
        vectors, vectors.T.tocsr(), top_n=_NEIGHBOURS + 1, threshold=ALIKE, sort=True, n_threads=threads
    ).tocsr()
    nearest.setdiag(0)
    nearest.eliminate_zeros()
    if not nearest.nnz:
        return alone, np.ones(size)
    found = _communities(nearest.maximum(nearest.T).tocsr())
    # Numbers of their own, beyond those of the groups, for what does not belong.
    found = np.where(_belongs(vectors, found), found, found.max() + 1 + alone)
    _, first, found = np.unique(found, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    labels = order[found].astype(np.int64)
    return labels, _nearness(vectors, labels)


def _communities(graph: Any) -> Ints:
    from scipy import sparse
    from sknetwork.clustering import Louvain

    size = graph.shape[0]
    # Modularity compares with all edges there are: in a graph of ten texts it would part what belongs together.
    # Two more nodes, tied to nothing but each other, make every graph as heavy as one of some thousand texts.
    missing = (_LEAST_WEIGHT - float(graph.sum())) / 2
    if missing > 0:
        pair = sparse.csr_matrix(np.array([[0, missing], [missing, 0]], dtype=graph.dtype))
        graph = sparse.block_diag([graph, pair], format="csr")
    # Not Leiden's: what it refines it draws by the C library's rand(), which no seed given to it governs.
    found = Louvain(resolution=_RESOLUTION).fit_predict(graph)
    return np.asarray(found, dtype=np.int64)[:size]


def _belongs(vectors: Any, labels: Ints) -> NDArray[np.bool_]:
    """Whether each text is like enough the others of its group, all together."""
    others = np.bincount(labels)[labels] - 1
    sums = _member(labels) @ vectors
    lengths = np.sqrt(np.bincount(_rows(sums), sums.data.astype(np.float64) ** 2, sums.shape[0]))
    likeness = _nearness(vectors, labels) * lengths[labels] - 1
    return np.asarray(likeness >= CLOSE * np.sqrt(others) - 1e-6)


def _narrow(matrix: Any) -> Any:
    """The same matrix without the columns that are empty: the places of a hash are many more than those in use."""
    from scipy import sparse

    used, columns = np.unique(matrix.indices, return_inverse=True)
    return sparse.csr_matrix(
        (matrix.data, columns.astype(np.int32), matrix.indptr.astype(np.int32)),
        shape=(matrix.shape[0], len(used)),
    )


def _member(labels: Ints) -> Any:
    from scipy import sparse

    size = len(labels)
    return sparse.csr_array(
        (np.ones(size, np.float32), (labels, np.arange(size))), shape=(int(labels.max()) + 1, size)
    )


def centroids(vectors: Any, labels: Ints) -> Any:
    """The middle of each group: the sum of its texts' vectors, of length one."""
    return _unit((_member(labels) @ vectors).tocsr())


def _nearness(vectors: Any, labels: Ints) -> Floats:
    """The cosine of each text with the middle of its group."""
    middles = centroids(vectors, labels)
    middles.sort_indices()
    width = middles.shape[1]
    # A text's features are among those of its middle: each is looked up, not multiplied with all of them.
    known = _rows(middles) * width + middles.indices
    asked = np.repeat(labels, np.diff(vectors.indptr)) * width + vectors.indices
    products = middles.data[np.searchsorted(known, asked)].astype(np.float64) * vectors.data
    return np.bincount(_rows(vectors), products, vectors.shape[0]).astype(np.float64)


# -- from month to month -----------------------------------------------------------------------------------------------


def packed(middles: Any) -> list[str]:
    """The heaviest features of each middle as a short text, to be kept."""
    found = []
    middles = middles.tocsr()
    for row in range(middles.shape[0]):
        part = slice(middles.indptr[row], middles.indptr[row + 1])
        places, weights = middles.indices[part], middles.data[part]
        # Equal weights in the order of their places: the same whatever order they came in.
        best = np.lexsort((places, -np.round(weights, 5)))[:_CENTROID]
        kept = np.sort(best)
        head = places[kept].astype("<u4").tobytes()
        found.append(base64.b64encode(head + weights[kept].astype("<f2").tobytes()).decode())
    return found


def unpacked(texts: Sequence[str]) -> Any:
    """What `packed` made, as a sparse matrix with rows of length one; its columns are the features that occur in it."""
    from scipy import sparse

    rows, places, weights = [], [], []
    for row, text in enumerate(texts):
        raw = base64.b64decode(text)
        size = len(raw) // 6
        places.append(np.frombuffer(raw[: 4 * size], "<u4").astype(np.int64))
        weights.append(np.frombuffer(raw[4 * size :], "<f2").astype(np.float32))
        rows.append(np.full(size, row))
    shape = (len(texts), 2 << _BITS)
    if not rows:
        return sparse.csr_array(shape, dtype=np.float32)
    where = (np.concatenate(rows), np.concatenate(places))
    return _narrow(_unit(sparse.csr_array((np.concatenate(weights), where), shape=shape)))


def linked(before: Any, after: Any, *, same: float = SAME) -> list[tuple[int, int]]:
    """Which group of a month goes on as which group of the next: each the other's nearest, and near enough.

    Args:
        before: the middles of a month's groups, in an order of their own: rows of what `unpacked` gave.
        after: those of the next month, rows of the same.
        same: the least cosine.
    """
    likeness = (before @ after.T).tocoo()
    near = likeness.data >= same
    best: list[tuple[float, int, int]] = sorted(
        (-round(value, 5), row, column)
        for row, column, value in zip(
            likeness.row[near].tolist(),
            likeness.col[near].tolist(),
            likeness.data[near].tolist(),
            strict=True,
        )
    )
    goes: dict[int, int] = {}
    comes: dict[int, int] = {}
    for _, row, column in best:
        goes.setdefault(row, column)
        comes.setdefault(column, row)
    return sorted((row, column) for row, column in goes.items() if comes[column] == row)
