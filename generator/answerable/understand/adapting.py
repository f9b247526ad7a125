"""A site's own model out of the shipped one and the labels of its people.

A site has hundreds of labels at most, the shipped model thousands of examples that do not travel with the program. So
the shipped model is what is believed before a label is read, and labels move it as far as they bear: what is learned is
a correction of its weights, held small (a Gaussian prior around the shipped weights; Hastie et al., The Elements of
Statistical Learning, 4.4), and one factor that says how far the shipped margins are to be trusted here. Both together
are again one linear model: it is kept and read like the shipped one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from answerable.understand.cues import cues
from answerable.understand.training import Fitted, cue_pairs, matrix_of, on_one_thread, weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from answerable.understand.linear import LinearModel

    Floats = NDArray[np.float64]

__all__ = ["Corrected", "adapt", "adapted_chances", "correct"]

# Chosen by benchmarks/understanding/relevance.py --sites on ACL19 and Mumbai, taken as sites with 100, 300 and 1,000
# labels.
_FREEDOM = 2.0  # variance of a weight's correction
_FREEDOM_OF_LEVEL = 10.0  # of the intercepts': how much feedback there is differs from site to site
_FREEDOM_OF_TRUST = 0.25  # of the factor around one


class Corrected:
    """A correction of a model's margins, as `correct` found it.

    Attributes:
        trust: the factor of the shipped margins.
        weights: ``features x margins``, in the order of `training.matrix_of`'s columns.
        levels: one for each margin.
    """

    __slots__ = ("levels", "trust", "weights")

    def __init__(self, trust: float, weights: Floats, levels: Floats) -> None:
        self.trust = trust
        self.weights = weights
        self.levels = levels

    def chances(self, margins: Floats, matrix: Any) -> Floats:
        """The chances of the classes for texts with these shipped margins and features."""
        return _chances(self.trust * margins + matrix @ self.weights + self.levels)


def correct(
    margins: Floats, matrix: Any, labels: NDArray[np.int64], *, freedom: float = _FREEDOM
) -> Corrected:
    """The correction that labelled texts ask for.

    Args:
        margins: what the shipped model says of them (``texts x margins``).
        matrix: their features.
        labels: the number of the class of each.
        freedom: the variance of a weight's correction.
    """
    from scipy.optimize import minimize

    columns = np.unique(matrix.indices)
    used = matrix[:, columns]
    count, width = margins.shape[1], len(columns)
    truth = np.zeros((len(labels), max(count, 2)))
    truth[np.arange(len(labels)), labels] = 1

    def cost(values: Floats) -> tuple[float, Floats]:
        trust, levels = values[0], values[1 : 1 + count]
        weights = values[1 + count :].reshape(width, count)
        chances = _chances(trust * margins + used @ weights + levels)
        missed = chances - truth
        wrong = missed[:, 1:] if count == 1 else missed
        loss = -np.log(np.maximum((chances * truth).sum(axis=1), 1e-300)).sum()
        loss += (weights**2).sum() / (2 * freedom) + (levels**2).sum() / (2 * _FREEDOM_OF_LEVEL)
        loss += (trust - 1) ** 2 / (2 * _FREEDOM_OF_TRUST)
        slope = np.concatenate(
            (
                [(wrong * margins).sum() + (trust - 1) / _FREEDOM_OF_TRUST],
                wrong.sum(axis=0) + levels / _FREEDOM_OF_LEVEL,
                (used.T @ wrong + weights / freedom).ravel(),
            )
        )
        return float(loss), slope

    start = np.zeros(1 + count + width * count)
    start[0] = 1
    with on_one_thread():
        found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    weights = np.zeros((matrix.shape[1], count))
    weights[columns] = found.x[1 + count :].reshape(width, count)
    return Corrected(float(found.x[0]), weights, found.x[1 : 1 + count])


def adapt(model: LinearModel, texts: Sequence[str], labels: Sequence[str]) -> Fitted:
    """The model that a site's labels make of the shipped one.

    Raises:
        KeyError: a label that is no class of the model.
        UsageError: scikit-learn is not installed.
    """
    card = model.card
    numbers = np.array([card.classes.index(label) for label in labels])
    found = correct(model.read(texts).margins, matrix_of(texts, card.bits), numbers)
    ours = weights_of(found.weights, found.levels, card.bits)
    names = len(cues().names)
    shipped_pairs = np.zeros((len(card.intercepts), names, names))
    first, second = cue_pairs()
    shipped_pairs[:, first, second] = model.pair_weights[:, first, second] * card.pair_unit
    return Fitted(
        weights=found.trust * model.weights[:-1] * card.unit + ours.weights,
        intercepts=found.trust * np.array(card.intercepts) + ours.intercepts,
        cue_weights=found.trust * model.cue_weights + ours.cue_weights,
        pair_weights=found.trust * shipped_pairs + ours.pair_weights,
    )


def adapted_chances(
    model: LinearModel,
    texts: Sequence[str],
    labels: Sequence[str],
    groups: NDArray[np.int64],
    *,
    freedom: float = _FREEDOM,
) -> Floats:
    """For each text the chances of the classes by a model that was adapted without its group."""
    card = model.card
    numbers = np.array([card.classes.index(label) for label in labels])
    margins, matrix = model.read(texts).margins, matrix_of(texts, card.bits)
    chances = np.zeros((len(texts), len(card.classes)))
    for group in np.unique(groups):
        held = groups == group
        found = correct(margins[~held], matrix[~held], numbers[~held], freedom=freedom)
        chances[held] = found.chances(margins[held], matrix[held])
    return chances


def _chances(margins: Floats) -> Floats:
    if margins.shape[1] == 1:
        yes = 1 / (1 + np.exp(-np.clip(margins[:, 0], -30, 30)))
        return np.column_stack((1 - yes, yes))
    shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return result
