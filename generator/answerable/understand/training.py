"""How a model of `answerable.understand.linear` is made: logistic regression over the features that it reads.

This is the only part of the program that needs scikit-learn (the extra ``train``): whoever only reads texts with a
model that is there does without.

    examples = read_examples(path)
    fitted = fit(texts, classes_of_texts, classes=("no", "yes"))
    chances = out_of_fold(texts, classes_of_texts, classes=("no", "yes"))
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from answerable.errors import SettingsError, UsageError
from answerable.understand.cues import cues
from answerable.understand.features import grams, plain_form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "BITS",
    "COST_OF_MISSING",
    "Example",
    "Fitted",
    "best_threshold",
    "coefficients",
    "cue_pairs",
    "digest_of",
    "fit",
    "folds",
    "matrix_of",
    "not_installed",
    "on_one_thread",
    "out_of_fold",
    "read_examples",
    "weights_of",
    "without_copies",
    "words_of",
]

BITS = 17
"""The size of the table of features: 2 ** 17 places, so that two words rarely share one."""

COST_OF_MISSING = 2.0
"""A complaint that is thrown away costs as much as so many idle posts that are counted."""

# Chosen out of fold on the training posts: how freely the regression follows the examples (its C), and what a cue and a
# pair of cues count beside a whole block of words.
_FREEDOM = 8.0
_CUE_SCALE = 0.5
_PAIR_SCALE = 0.15
_FOLDS = 5
_WORDS = re.compile(r"[^\W_]+")


class Example(BaseModel):
    """One labelled text: fields of ``benchmarks/understanding/training/relevance.jsonl``; others are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str
    is_relevant: bool
    lang: str = "und"
    kind: str = "none"
    noise: str = "none"
    urgency: str = "low"


def read_examples(path: Path) -> list[Example]:
    """The examples of a file, one JSON object a line.

    Raises:
        SettingsError: the file cannot be read, or a line is no example.
    """
    found = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read: {error}", file=path) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(Example.model_validate_json(line))
            except ValidationError as error:
                raise SettingsError(f"is no example: {error}", file=path, line=number) from error
    return found


def without_copies(examples: Sequence[Example]) -> list[Example]:
    """The examples without those whose words were there before: copies would sit on both sides of a fold."""
    first = {words_of(example.text): example for example in reversed(examples)}
    return [example for example in examples if first[words_of(example.text)] is example]


def words_of(text: str) -> str:
    """The words of a text, by which copies are known."""
    return " ".join(_WORDS.findall(plain_form(text))) or text


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learned: the arguments of `answerable.understand.linear.save_model`."""

    weights: Floats
    intercepts: Floats
    cue_weights: Floats
    pair_weights: Floats

    def arrays(self) -> dict[str, Floats]:
        """The arrays by the names of `save_model`'s arguments."""
        return {
            "weights": self.weights,
            "intercepts": self.intercepts,
            "cue_weights": self.cue_weights,
            "pair_weights": self.pair_weights,
        }


def not_installed() -> UsageError:
    """What is said where what makes models is not there."""
    return UsageError(
        "scikit-learn is not installed, and making a model needs it", remedy='pip install "answerable[train]"'
    )


def _regression() -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise not_installed() from error
    return LogisticRegression(C=_FREEDOM, max_iter=1000, tol=1e-4)


def on_one_thread() -> Any:
    """Within it, sums are made by one thread: the same numbers on every machine with the same libraries.

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise not_installed() from error
    return threadpool_limits(1)


def matrix_of(texts: Sequence[str], bits: int) -> Any:
    """The features of texts as a sparse matrix: a table of ``2 ** bits`` words and letters, cues, pairs of cues.

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from scipy import sparse
    except ImportError as error:
        raise not_installed() from error

    batch = grams(texts, bits=bits)
    rows, places, values = batch.entries()
    words = sparse.coo_matrix((values, (rows, places)), shape=(len(texts), 2**bits)).tocsr()
    found = cues().found(batch, texts)
    first, second = cue_pairs()
    pairs = sparse.csr_matrix(found[:, first] * found[:, second] * _PAIR_SCALE)
    return sparse.hstack([words, sparse.csr_matrix(found * _CUE_SCALE), pairs]).tocsr()


def cue_pairs() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The two cues of each pair, in the order of `matrix_of`'s last columns."""
    return np.triu_indices(len(cues().names), 1)


def coefficients(matrix: Any, labels: NDArray[np.int64], classes: int) -> tuple[Floats, Floats]:
    """What a regression learned: ``features x margins``, and the intercepts."""
    model = _regression()
    # A class may be missing in a small file of labels: its margin stays far below the others'.
    present = np.unique(labels)
    if len(present) < 2:
        raise UsageError("all examples are of one class", remedy="label some of the others too")
    model.fit(matrix, labels)
    if classes == 2:
        weights, intercepts = model.coef_.T, model.intercept_
    else:
        weights = np.zeros((matrix.shape[1], classes))
        intercepts = np.full(classes, -20.0)
        if len(present) == 2:
            weights[:, present[1]], intercepts[present] = model.coef_[0], (0.0, model.intercept_[0])
        else:
            weights[:, present], intercepts[present] = model.coef_.T, model.intercept_
    return weights, intercepts


def _fitted(matrix: Any, labels: NDArray[np.int64], classes: int, bits: int) -> Fitted:
    return weights_of(*coefficients(matrix, labels, classes), bits)


def weights_of(weights: Floats, intercepts: Floats, bits: int) -> Fitted:
    """What was learned over the columns of `matrix_of`, apart by what the columns stand for."""
    size, count = 2**bits, len(cues().names)
    pairs = np.zeros((weights.shape[1], count, count))
    first, second = cue_pairs()
    pairs[:, first, second] = weights[size + count :].T * _PAIR_SCALE
    return Fitted(weights[:size], intercepts, weights[size : size + count] * _CUE_SCALE, pairs)


def fit(texts: Sequence[str], labels: Sequence[str], *, classes: Sequence[str], bits: int = BITS) -> Fitted:
    """A model of the classes, from labelled texts.

    Raises:
        KeyError: a label that is no class.
        UsageError: scikit-learn is not installed, or all labels are the same.
    """
    places = {name: place for place, name in enumerate(classes)}
    numbers = np.array([places[label] for label in labels])
    return _fitted(matrix_of(texts, bits), numbers, len(classes), bits)


def folds(texts: Sequence[str], count: int = _FOLDS) -> NDArray[np.int64]:
    """A fold for each text: by a hash of its words, so that no order decides and copies stay together."""
    digests = (hashlib.sha256(words_of(text).encode()).digest() for text in texts)
    return np.array([int.from_bytes(digest[:8], "big") % count for digest in digests])


def out_of_fold(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    classes: Sequence[str],
    groups: Sequence[int] | NDArray[np.int64] | None = None,
    bits: int = BITS,
) -> Floats:
    """For each text the chances of the classes by a model that was made without its group.

    Args:
        texts: what is read.
        labels: the class of each.
        classes: the names of the classes; the columns of the result.
        groups: what is held out together; `folds` where it is not given.
        bits: the size of the table of features.
    """
    places = {name: place for place, name in enumerate(classes)}
    numbers = np.array([places[label] for label in labels])
    held = np.asarray(folds(texts) if groups is None else groups)
    matrix = matrix_of(texts, bits)
    chances = np.zeros((len(texts), len(classes)))
    for group in np.unique(held):
        outside = held != group
        weights, intercepts = coefficients(matrix[outside], numbers[outside], len(classes))
        margins = matrix[~outside] @ weights + intercepts
        if len(classes) == 2:
            yes = 1 / (1 + np.exp(-margins[:, 0]))
            chances[~outside] = np.column_stack((1 - yes, yes))
        else:
            shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
            chances[~outside] = shifted / shifted.sum(axis=1, keepdims=True)
    return chances


def best_threshold(
    chances: Floats, is_yes: NDArray[np.bool_], *, cost_of_missing: float = COST_OF_MISSING
) -> float:
    """The chance from which on "yes" costs least: a missed one costs ``cost_of_missing``, a wrong one costs one.

    Args:
        chances: of "yes", for texts that the model was not made with.
        is_yes: what they are.
        cost_of_missing: how many wrong ones a missed one is worth.

    Returns:
        Rounded to two decimals; where several cost the same, their middle one.
    """
    steps = np.arange(0.05, 0.96, 0.01)
    costs = [
        cost_of_missing * np.sum(is_yes & (chances < step)) + np.sum(~is_yes & (chances >= step))
        for step in steps
    ]
    least = np.flatnonzero(costs == np.min(costs))
    return round(float(steps[least[len(least) // 2]]), 2)


def digest_of(examples: Sequence[Example]) -> str:
    """A digest of what a model was made of."""
    said = "\n".join(
        json.dumps(example.model_dump(), ensure_ascii=False, sort_keys=True) for example in examples
    )
    return hashlib.sha256(said.encode()).hexdigest()
