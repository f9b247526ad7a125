"""A site's own models, made of its labels and its data: what `answerable train` does.

    train_models(store, settings) -> lines of what was made, and what it reaches

Written are ``data/lookups/{topics,relevance,intent,urgency}.json``, each with its .npz: the next build reads with them
in place of the general ones. Labels that measure (`answerable.understand.labels.held_out`) go into none of them, nor do
copies of what they are about. The same data in any order gives the same files.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np

from answerable.errors import UsageError
from answerable.understand import training
from answerable.understand.adapting import adapt, adapted_chances
from answerable.understand.labels import LABELS_FILE, held_out, label_table, read_labels
from answerable.understand.language import UNDETERMINED, primary
from answerable.understand.linear import load_model, save_model
from answerable.understand.relevance import CONVERSATION_KINDS, SHIPPED_RELEVANCE
from answerable.understand.texts import hashed
from answerable.understand.topic_model import TOPICS_FILE
from answerable.understand.topic_training import TopicExample, group_folds, make_topic_model
from answerable.understand.topics import topic_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.linear import ModelCard
    from answerable.understand.topic_model import TopicCard
    from answerable.understand.topics import TopicRules

__all__ = ["LEAST_LABELS", "train_models"]

LEAST_LABELS = {"relevance": 25, "intent": 15, "urgency": 15}
"""Labels of each class (of at least two) that it takes to correct a shipped model."""

_MADE_BY = "answerable train"
_LEAST_WORDS = 3  # a text of fewer says nothing beyond its service code
_MOST_CODED = 60_000  # texts with a service code that are looked at, drawn by a hash
_MOST_NAMED = 5_000  # texts that are taken because their phrases are clear
_LEAST_OF_LANGUAGE = 30  # labels in a language that the shipped model does not know
_YES_NO = ("no", "yes")


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A text with what a person said of it."""

    text: str
    lang: str
    group: str
    is_conversation: bool
    is_held_out: bool
    said: dict[str, str | None]


def train_models(store: Store, settings: Settings, *, is_from_phrases: bool = False) -> list[str]:
    """Make every model that there are labels or data enough for; a line or more for each, made or not.

    Args:
        store: what was understood.
        settings: the site's.
        is_from_phrases: whether texts of which phrases say the topic clearly are taken into the model of topics.

    Raises:
        SettingsError: the file of labels is wrong.
        UsageError: scikit-learn is not installed, or nothing has been understood yet.
    """
    with training.on_one_thread():
        path = settings.lookup(LABELS_FILE)
        labels = read_labels(path, topics=settings.topic_by_code)
        rows = _labelled(store, label_table(labels))
        newest = max((label.labelled_on.isoformat() for label in labels), default="")
        lines = []
        try:
            card = _train_topics(store, settings, rows, newest, is_from_phrases=is_from_phrases)
            lines += _told_of_topics(card)
        except UsageError as error:
            lines.append(f"topics: not made: {error}")
        for task in LEAST_LABELS:
            lines += _train_task(settings, rows, task, newest)
    return lines


# -- what there is -----------------------------------------------------------------------------------------------------


def _rows(store: Store, wanted: ir.Table) -> Iterator[dict[str, Any]]:
    for batch in store.batches(wanted):
        yield from batch.to_pylist()


def _feedback(store: Store) -> ir.Table:
    """The messages of people, with what holds them together when some are held out."""
    feedback = store.read("feedback")
    told = feedback.filter(~feedback.is_official & (feedback.title.notnull() | feedback.text.notnull()))
    day = told.source_id + " " + told.created_at.strftime("%Y-%m-%d")
    return told.mutate(group=ibis.coalesce(told.author_key, day), is_held=held_out(told))


def _whole(row: dict[str, Any]) -> str:
    return "\n".join(part for part in (row["title"], row["text"]) if part)


def _labelled(store: Store, labels: ir.Table) -> list[_Labelled]:
    """The labelled messages, each group of copies once, in an order of their own."""
    feedback = _feedback(store)
    rows = feedback.inner_join(
        labels,
        [
            feedback.source_id == labels.label_source_id,
            feedback.record_id == labels.label_record_id,
        ],
    )
    reading = store.read("reading").select("feedback_id", read_lang="lang")
    rows = rows.left_join(reading, "feedback_id").select(
        "title", "text", "kind", "group", "is_held", "read_lang", *labels.columns
    )
    found = [
        _Labelled(
            text=_whole(row),
            lang=primary(row["read_lang"] or UNDETERMINED),
            group=row["group"],
            is_conversation=row["kind"] in CONVERSATION_KINDS,
            is_held_out=bool(row["is_labelled_by_chance"] and row["is_held"]),
            said={
                "relevance": _YES_NO[row["is_labelled_relevant"]],
                "intent": row["labelled_intent"],
                "urgency": row["labelled_urgency"],
                "topic": row["labelled_topic"],
            },
        )
        for row in _rows(store, rows)
    ]
    held = {training.words_of(row.text) for row in found if row.is_held_out}
    kept = [row for row in found if row.is_held_out or training.words_of(row.text) not in held]
    return sorted(kept, key=lambda row: (training.words_of(row.text), row.text, repr(row.said), row.group))


# -- topics ------------------------------------------------------------------------------------------------------------


def _train_topics(
    store: Store, settings: Settings, rows: Sequence[_Labelled], newest: str, *, is_from_phrases: bool
) -> TopicCard:
    rules = topic_rules(settings.topics)
    held = {training.words_of(row.text) for row in rows if row.is_held_out}
    examples = [
        TopicExample(row.text, topic, row.group, "label")
        for row in rows
        if not row.is_held_out and (topic := row.said["topic"]) is not None
    ]
    examples += [example for example in _coded(store, rules) if training.words_of(example.text) not in held]
    if is_from_phrases:
        examples += [
            example for example in _named(store, rules) if training.words_of(example.text) not in held
        ]
    return make_topic_model(
        examples,
        rules,
        settings.lookup(TOPICS_FILE),
        made_by=_MADE_BY,
        newest_on=max(newest, _newest_day(store)),
    )


def _newest_day(store: Store) -> str:
    feedback = store.read("feedback")
    newest = store.frame(feedback.aggregate(newest=feedback.created_at.max().strftime("%Y-%m-%d"))).iloc[0, 0]
    return newest if isinstance(newest, str) else ""


def _drawn(store: Store, rows: ir.Table, count: int) -> Iterator[dict[str, Any]]:
    """So many of the rows, by a hash of what they are: the same in every run."""
    rows = rows.mutate(chance=hashed("train", rows.feedback_id, length=16))
    yield from _rows(store, rows.order_by("chance").limit(count))


def _has_words(text: str) -> bool:
    return len(training.words_of(text).split()) >= _LEAST_WORDS


def _coded(store: Store, rules: TopicRules) -> Iterator[TopicExample]:
    """Messages with words of their own whose source says by its service code what they are about."""
    feedback = _feedback(store)
    coded = feedback.filter(feedback.service_code.notnull() & feedback.text.notnull()).select(
        "feedback_id", "source_id", "service_code", "title", "text", "group"
    )
    for row in _drawn(store, coded, _MOST_CODED):
        topic, _ = rules.of_code(row["source_id"], row["service_code"])
        if topic is not None and _has_words(row["text"]):
            yield TopicExample(_whole(row), topic, row["group"], "code")


def _named(store: Store, rules: TopicRules) -> Iterator[TopicExample]:
    """Counted messages without a service code whose phrases are clear."""
    feedback = _feedback(store)
    counted = store.read("reading").filter(ibis._.is_counted).select("feedback_id")
    bare = feedback.filter(feedback.service_code.isnull()).semi_join(counted, "feedback_id")
    bare = bare.select("feedback_id", "title", "text", "group")
    for row in _drawn(store, bare, _MOST_NAMED):
        text = _whole(row)
        named = rules.named(text)
        if named.topic is not None and named.is_clear and _has_words(text):
            yield TopicExample(text, named.topic, row["group"], "phrase")


def _told_of_topics(card: TopicCard) -> list[str]:
    reached = card.held_out
    said, texts = int(reached["said"]), int(reached["texts"])
    made_of = ", ".join(f"{count} {name}s" for name, count in card.made_of.items() if count)
    lines = [
        (
            f"topics: made of {card.text_count} texts ({made_of}) about {len(card.topics)} topics; "
            f"it says a topic from a chance of {card.threshold:g} on"
        ),
        (
            f"topics: of {texts} held-out texts phrases and model say a topic for {said}, "
            f"and {int(reached['right'])} of those are right"
        ),
    ]
    if card.left_out:
        few = ", ".join(f"{topic} ({count})" for topic, count in card.left_out.items())
        lines.append(f"topics: too few texts to learn {few}")
    return lines


# -- relevance, intent, urgency ----------------------------------------------------------------------------------------


def _train_task(settings: Settings, rows: Sequence[_Labelled], task: str, newest: str) -> list[str]:
    """Correct the shipped model of a task by labels; says what was made, or why nothing was."""
    told = [row for row in rows if row.is_conversation and row.said[task] is not None]
    used, kept_out = [row for row in told if not row.is_held_out], [row for row in told if row.is_held_out]
    shipped = load_model(SHIPPED_RELEVANCE.with_name(f"{task}.json"))
    labels = [str(row.said[task]) for row in used]
    counts = Counter(labels)
    least = LEAST_LABELS[task]
    enough = [name for name, count in counts.items() if count >= least]
    if len(enough) < 2:
        there = ", ".join(f"{name} {counts[name]}" for name in shipped.card.classes)
        return [
            (
                f"{task}: not made: at least two answers need {least} labels each (there are: {there}; "
                f"{len(kept_out)} more are kept out to measure): answerable label --by NAME"
            )
        ]
    texts = [row.text for row in used]
    folds = group_folds([row.group for row in used])
    chances = adapted_chances(shipped, texts, labels, folds)
    truth = np.array([shipped.card.classes.index(label) for label in labels])
    before = shipped.read(texts).chances
    about: dict[str, Any] = {}
    if task == "relevance":
        about, line, is_better = _relevance(shipped.card, chances[:, 1], before[:, 1], truth == 1)
    else:
        right, right_before = (int((c.argmax(axis=1) == truth).sum()) for c in (chances, before))
        line = f"{task}: {right} of {len(truth)} right on labels it was made without, the general model {right_before}"
        about["reached"] = {"right": right / len(truth)}
        is_better = right > right_before
    if not is_better:
        return [line, f"{task}: not written: the general model is no worse here"]
    fitted = adapt(shipped, texts, labels)
    known = Counter(row.lang for row in used if row.lang != UNDETERMINED)
    more = {lang for lang, count in known.items() if count >= _LEAST_OF_LANGUAGE}
    save_model(
        settings.lookup(f"{task}.json"),
        **fitted.arrays(),
        about={
            "name": task,
            "classes": shipped.card.classes,
            "made_of": f"{len(used)} labels of this site, on top of {shipped.card.made_of}",
            "made_on": newest,
            "made_by": _MADE_BY,
            "training_sha256": _digest(used, task),
            "languages": tuple(sorted({*shipped.card.languages, *more})),
            "text_count": shipped.card.text_count,
            "label_count": len(used),
            **about,
        },
    )
    return [line]


def _relevance(
    card: ModelCard, chance: NDArray[np.float64], before: NDArray[np.float64], is_yes: NDArray[np.bool_]
) -> tuple[dict[str, Any], str, bool]:
    """The threshold that costs least on held-out labels, and what it reaches there; against the general model."""
    threshold = training.best_threshold(chance, is_yes)
    said = chance >= threshold
    reached = {
        "precision": round(float((said & is_yes).sum() / max(1, said.sum())), 3),
        "recall": round(float((said & is_yes).sum() / is_yes.sum()), 3),
    }
    cost, cost_before = _cost(said, is_yes), _cost(before >= (card.threshold or 0.5), is_yes)
    about = {
        "threshold": threshold,
        "threshold_why": (
            f"least cost on held-out labels, a missed message costing {training.COST_OF_MISSING:g} times one "
            "wrongly counted"
        ),
        "reached": reached,
    }
    line = (
        f"relevance: counts from a chance of {threshold:g} on; on labels it was made without precision "
        f"{reached['precision']:.2f} at recall {reached['recall']:.2f}, cost {cost:g} against {cost_before:g} of the "
        "general model"
    )
    return about, line, cost < cost_before


def _cost(said: NDArray[np.bool_], is_yes: NDArray[np.bool_]) -> float:
    return float(training.COST_OF_MISSING * (is_yes & ~said).sum() + (~is_yes & said).sum())


def _digest(rows: Sequence[_Labelled], task: str) -> str:
    said = "\n".join(f"{row.said[task]}\x1f{row.text}" for row in rows)
    return hashlib.sha256(said.encode()).hexdigest()
