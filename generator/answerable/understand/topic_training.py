"""How a site's model of its topics is made.

One margin for each topic (a linear support vector machine, one against the rest) over what
`answerable.understand.topic_model` reads; one factor that makes the margins comparable; a threshold for "not sure".

    card = make_topic_model(examples, rules, path)

Examples are held out by groups (an author, or a source's day), never message by message: what one person writes again
would sit on both sides. From what was held out come the factor, the threshold and the figures.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from answerable.errors import UsageError
from answerable.understand.linear import chances_of
from answerable.understand.topic_model import hit_features, save_topic_model
from answerable.understand.training import not_installed, on_one_thread, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from answerable.understand.topic_model import TopicCard
    from answerable.understand.topics import Named, TopicRules

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = [
    "COST_OF_WRONG",
    "LEAST_PER_TOPIC",
    "Origin",
    "TopicExample",
    "chosen",
    "fitted_margins",
    "group_folds",
    "make_topic_model",
    "out_of_group",
    "topic_matrix",
]

COST_OF_WRONG = 2.0
"""A text under a wrong topic costs as much as so many texts of which the model is not sure."""

LEAST_PER_TOPIC = 10
"""Texts that it takes to learn a topic."""

Origin = Literal["label", "code", "phrase"]
_ORIGINS: tuple[Origin, ...] = ("label", "code", "phrase")  # the first is believed where two disagree
_BITS = 16
# Chosen on complaints of Bengaluru (benchmarks/understanding/topics.py): how freely the machine follows the examples
# (its C), how far a rare topic's examples count more (the power of how much rarer it is: nought for not at all, one for
# as much as all others together), and what a phrase counts beside a block of words.
_FREEDOM = 0.3
_EVENNESS = 0.5
_HIT_SCALE = 2.0
_FOLDS = 5
_MOST_TEXTS = 12_000  # more make it slower and hardly better
_FACTORS = np.geomspace(0.5, 12, 40)


@dataclass(frozen=True, slots=True)
class TopicExample:
    """A text of which the topic is known.

    Attributes:
        text: title and text as received.
        topic: its code.
        group: what is held out together: an author, or a source's day.
        origin: where the topic is known from.
    """

    text: str
    topic: str
    group: str
    origin: Origin


def chosen(examples: Iterable[TopicExample]) -> tuple[list[TopicExample], dict[str, int]]:
    """The examples that a model is made of, in an order of their own, and the topics that have too few of them.

    Of copies one is taken: a label before a service code before a phrase. Copies that disagree are left out.
    """
    by_words: dict[str, list[TopicExample]] = {}
    for example in examples:
        by_words.setdefault(words_of(example.text), []).append(example)
    found: dict[str, TopicExample] = {}
    for words, copies in by_words.items():
        origin = min((copy.origin for copy in copies), key=_ORIGINS.index)
        best = [copy for copy in copies if copy.origin == origin]
        if len({copy.topic for copy in best}) == 1:
            found[words] = min(best, key=lambda copy: (copy.group, copy.text))
    order = sorted(found, key=lambda words: (found[words].origin != "label", _digest(words)))[:_MOST_TEXTS]
    count = Counter(found[words].topic for words in order)
    few = {topic: number for topic, number in sorted(count.items()) if number < LEAST_PER_TOPIC}
    return [found[words] for words in sorted(order) if found[words].topic not in few], few


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def group_folds(groups: Sequence[str], count: int = _FOLDS) -> Ints:
    """A fold for each text: its group's. Large groups are dealt first, each to the smallest fold.

    Raises:
        UsageError: there is one group only.
    """
    sizes = Counter(groups)
    if len(sizes) < 2:
        raise UsageError(
            "all texts are of one author or one day, so nothing can be held out",
            remedy="gather more, or label messages of several days",
        )
    held = [0] * min(count, len(sizes))
    fold_of: dict[str, int] = {}
    for group in sorted(sizes, key=lambda name: (-sizes[name], _digest(name))):
        fold_of[group] = held.index(min(held))
        held[fold_of[group]] += sizes[group]
    return np.array([fold_of[group] for group in groups])


def topic_matrix(
    texts: Sequence[str], named: Sequence[Named], topics: Sequence[str], *, bits: int = _BITS
) -> Any:
    """The features of texts: a table of ``2 ** bits`` words and letters, then scaled `topic_model.hit_features`."""
    from answerable.understand.features import grams

    try:
        from scipy import sparse
    except ImportError as error:
        raise not_installed() from error
    rows, places, values = grams(texts, bits=bits).entries()
    words = sparse.coo_matrix((values, (rows, places)), shape=(len(texts), 2**bits)).tocsr()
    return sparse.hstack([words, sparse.csr_matrix(hit_features(named, topics) * _HIT_SCALE)]).tocsr()


def fitted_margins(matrix: Any, labels: Ints, classes: int) -> tuple[Floats, Floats]:
    """What a machine learned: ``features x classes``, and the intercepts. A class without a text is never likeliest.

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise not_installed() from error
    present, counts = np.unique(labels, return_counts=True)
    evened = (len(labels) / len(present) / counts) ** _EVENNESS
    weights = np.zeros((matrix.shape[1], classes))
    intercepts = np.full(classes, -20.0)
    # Its descent draws by chance: from one seed, over texts in one order, it is the same every time.
    machine = LinearSVC(
        C=_FREEDOM,
        class_weight=dict(zip(present.tolist(), evened.tolist(), strict=True)),
        random_state=0,
        dual=True,
        max_iter=5000,
        tol=1e-2,
    )
    with on_one_thread():
        machine.fit(matrix, labels)
    if len(present) == 2:
        weights[:, present[1]], intercepts[present[1]] = machine.coef_[0], machine.intercept_[0]
        weights[:, present[0]], intercepts[present[0]] = -machine.coef_[0], -machine.intercept_[0]
    else:
        weights[:, present], intercepts[present] = machine.coef_.T, machine.intercept_
    return weights, intercepts


def out_of_group(matrix: Any, labels: Ints, classes: int, folds: Ints) -> Floats:
    """The margins of each text by a machine that was made without its fold."""
    margins = np.zeros((len(labels), classes))
    for fold in np.unique(folds):
        held = folds == fold
        if len(np.unique(labels[~held])) < 2:
            raise UsageError(
                "nearly all texts of a topic are of one author or one day, so nothing can be held out",
                remedy="gather more, or label messages of several days",
            )
        weights, intercepts = fitted_margins(matrix[~held], labels[~held], classes)
        margins[held] = matrix[held] @ weights + intercepts
    return margins


def best_factor(margins: Floats, labels: Ints) -> float:
    """The factor by which margins become log odds that are likeliest, on texts that were held out."""
    rows = np.arange(len(labels))
    losses = [-np.log(np.maximum(chances_of(margins * f)[rows, labels], 1e-12)).mean() for f in _FACTORS]
    return float(_FACTORS[int(np.argmin(losses))])


def best_threshold(chances: Floats, labels: Ints) -> float:
    """The chance from which on saying the likeliest topic costs least; rounded to two decimals.

    "Not sure" costs one, a wrong topic `COST_OF_WRONG`. Of thresholds that cost the same it is the highest: texts come
    that are about something else than those that were learned from.
    """
    # Rounded as the model rounds what it publishes and decides by.
    highest, is_right = chances.round(3).max(axis=1), chances.argmax(axis=1) == labels
    steps = np.arange(0.2, 0.96, 0.01).round(2)
    costs = [COST_OF_WRONG * np.sum(~is_right & (highest >= step)) + np.sum(highest < step) for step in steps]
    least = np.flatnonzero(costs == np.min(costs))
    return float(steps[least[-1]])


def make_topic_model(
    examples: Iterable[TopicExample], rules: TopicRules, path: Path, *, made_by: str, newest_on: str
) -> TopicCard:
    """Make a model and write it: the same examples in any order give the same files.

    Args:
        examples: texts with their topics.
        rules: the site's phrases.
        path: of the JSON.
        made_by: what made it.
        newest_on: the day of the newest text or label.

    Raises:
        UsageError: there are too few texts, or scikit-learn is not installed.
    """
    wanted, few = chosen(examples)
    topics = tuple(sorted({example.topic for example in wanted}, key=rules.order.__getitem__))
    measured = np.array([example.origin != "phrase" for example in wanted], dtype=bool)
    if len(topics) < 2 or measured.sum() < 2 * LEAST_PER_TOPIC:
        told = ", ".join(f"{topic} {count}" for topic, count in few.items())
        raise UsageError(
            f"too few texts have a topic that is known: two topics need {LEAST_PER_TOPIC} each"
            + (f" (there are {told})" if told else ""),
            remedy="label some with their topic (answerable label --topic), or map service codes in topics.yml",
        )
    hit_topics = tuple(rules.order)
    texts = [example.text for example in wanted]
    named = [rules.named(text) for text in texts]
    # Of what a phrase decided, the model is to learn the other words: the phrases alone are known already.
    seen = [
        _unnamed(of_text) if example.origin == "phrase" else of_text
        for example, of_text in zip(wanted, named, strict=True)
    ]
    matrix = topic_matrix(texts, seen, hit_topics)
    labels = np.array([topics.index(example.topic) for example in wanted])
    folds = group_folds([example.group for example in wanted])
    margins = out_of_group(matrix, labels, len(topics), folds)
    factor = best_factor(margins[measured], labels[measured])
    chances = chances_of(margins * factor)
    is_clear = np.array([of_text.is_clear for of_text in named], dtype=bool)
    asked = measured & ~is_clear
    threshold = best_threshold(chances[asked], labels[asked]) if asked.any() else 0.5
    weights, intercepts = fitted_margins(matrix, labels, len(topics))
    by_phrase = np.array([topics.index(n.topic) if n.topic in topics else -1 for n in named])
    said = np.where(
        is_clear, by_phrase, np.where(chances.max(axis=1) >= threshold, chances.argmax(axis=1), -1)
    )
    per_topic = Counter(example.topic for example in wanted)
    return save_topic_model(
        path,
        weights=weights[: 2**_BITS] * factor,
        hit_weights=weights[2**_BITS :] * factor * _HIT_SCALE,
        intercepts=intercepts * factor,
        about={
            "topics": topics,
            "hit_topics": hit_topics,
            "made_by": made_by,
            "made_of": {name: sum(e.origin == name for e in wanted) for name in _ORIGINS},
            "newest_on": newest_on,
            "training_sha256": _digest("\n".join(f"{e.topic}\x1f{e.origin}\x1f{e.text}" for e in wanted)),
            "text_count": len(wanted),
            "per_topic": {topic: per_topic[topic] for topic in topics},
            "left_out": few,
            "threshold": threshold,
            "threshold_why": f"least cost, a wrong topic costing {COST_OF_WRONG:g} times one that is not said",
            "held_out": _reached(
                said[measured], labels[measured], is_clear[measured], len(topics), folds[measured]
            ),
        },
    )


def _unnamed(named: Named) -> Named:
    from answerable.understand.topics import Named as Empty

    return Empty(None, None, is_clear=named.is_clear, own={}, alike={})


def _reached(
    said: Ints, labels: Ints, is_clear: NDArray[np.bool_], classes: int, folds: Ints
) -> Mapping[str, float]:
    """Counts and shares on held-out texts, through phrases and model; -1 stands for "not sure"."""
    scores = []
    for place in range(classes):
        both = ((said == place) & (labels == place)).sum()
        scores.append(2 * both / max(1, (said == place).sum() + (labels == place).sum()))
    return {
        "texts": len(said),
        "said": int((said >= 0).sum()),
        "right": int((said == labels).sum()),
        "clear": int(is_clear.sum()),
        "clear_right": int(((said == labels) & is_clear).sum()),
        "macro_f1": round(float(np.mean(scores)), 3),
        "folds": len(np.unique(folds)),
    }
