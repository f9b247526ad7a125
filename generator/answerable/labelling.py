"""Labels of messages, from people: the loop that asks, and what the labels say of the program.

label_messages(store, path, by="A. Reader", ...)     asks message by message; each answer is kept at once
evaluation(store)                                    how often rules and model are right, as the site shows it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

from answerable.errors import UsageError
from answerable.schema import INTENTS, URGENCIES
from answerable.store import Store
from answerable.understand.labels import Label, append_label, read_labels, to_label

__all__ = ["Ask", "evaluation", "label_messages"]

Ask = Callable[[str, Mapping[str, str]], str]
"""Asks a question, with letters and what they stand for; gives back a letter."""

_RELEVANT = {"y": "yes", "n": "no", "c": "cannot tell", "s": "skip", "q": "quit"}
_INTENTS = {"h": "safety", "a": "question", "g": "suggestion", "p": "praise", "c": "complaint", "r": "report"}
_URGENCIES = {"h": "high", "n": "normal", "l": "low"}
_SHOWN = (
    ("relevance_labelled", "labelled messages, drawn by chance"),
    ("relevance_precision", "precision: of what rules and model count, is feedback"),
    ("relevance_recall", "recall: of the feedback, rules and model count"),
    ("relevance_threshold", "threshold: the chance from which on a message counts"),
    ("relevance_read", "messages that the model read"),
    ("relevance_doubted", "of them counted though the model doubts"),
    ("relevance_trained", "labels that moved the site's own model of relevance"),
    ("topic_label_right", "topic: right, of the labelled messages"),
    ("intent_label_right", "intent: right, of the labelled messages"),
    ("urgency_label_right", "urgency: right, of the labelled messages"),
    ("topic_model_texts", "texts that the site's model of topics was made of"),
    ("topic_said", "of texts it was made without, phrases and model say a topic for"),
    ("topic_right", "of those topics, right"),
)


_NO_TOPICS: Mapping[str, str] = MappingProxyType({})


def label_messages(
    store: Store,
    path: Path,
    *,
    by: str,
    today: date,
    count: int,
    is_by_chance: bool,
    ask: Ask,
    say: Callable[[str], object],
    topics: Mapping[str, str] = _NO_TOPICS,
) -> int:
    """Ask a person about messages that nobody has labelled, and keep each answer as it comes.

    Args:
        store: what was understood.
        path: the file of labels.
        by: who answers.
        today: when.
        count: at most so many messages.
        is_by_chance: whether chance draws them, or those come first of which the model is least sure.
        ask: asks one question.
        say: shows a line; of a message only its public title and text are shown.
        topics: the site's topics, code and name, where it is also asked what a message is about.

    Returns:
        How many labels were kept.

    Raises:
        SettingsError: the file of labels is wrong.
        UsageError: there is nothing to label.
    """
    waiting = to_label(
        store, read_labels(path), count=count, is_by_chance=is_by_chance, is_about_topics=bool(topics)
    )
    numbered = {str(number): code for number, code in enumerate(topics, 1)}
    asked_topics = {number: topics[code] for number, code in numbered.items()} | {"0": "none of these"}
    if not waiting:
        raise UsageError(
            "there is nothing to label", remedy="run answerable build first; only posts are labelled"
        )
    kept = 0
    for number, message in enumerate(waiting, 1):
        say("")
        say(f"{number} of {len(waiting)}")
        for part in (message.public_title, message.public_text):
            if part:
                say(f"  {part}")
        answer = ask("Is it feedback about a public service?", _RELEVANT)
        if answer == "q":
            break
        if answer == "s":
            continue
        intent = urgency = topic = None
        if answer == "y":
            intent = _INTENTS[
                ask("What does it want?", {k: f"{v}: {INTENTS[v]}" for k, v in _INTENTS.items()})
            ]
            urgency = _URGENCIES[ask("How soon?", {k: f"{v}: {URGENCIES[v]}" for k, v in _URGENCIES.items()})]
            topic = numbered.get(ask("What is it about?", asked_topics)) if topics else None
        append_label(
            path,
            Label(
                source_id=message.source_id,
                record_id=message.record_id,
                is_relevant={"y": True, "n": False, "c": None}[answer],
                intent=intent,
                urgency=urgency,
                topic=topic,
                drawn=message.drawn,
                labelled_by=by,
                labelled_on=today,
            ),
        )
        kept += 1
    return kept


def evaluation(store: Store) -> list[str]:
    """What the labels say of rules and model, a line for each number that the method page shows.

    Raises:
        UsageError: nothing says how often the program is right: nobody has labelled messages that chance drew, and the
            site has no model of topics.
    """
    result = store.read("measure_result")
    wanted = result.filter(result.measure.isin([name for name, _ in _SHOWN]))
    rows = {row["measure"]: row for batch in store.batches(wanted) for row in batch.to_pylist()}
    if not rows.keys() & {"relevance_labelled", "topic_right"}:
        raise UsageError(
            "no label says how often the program is right",
            remedy="label messages drawn by chance (answerable label --by NAME), then run answerable build",
        )
    lines = []
    for name, words in _SHOWN:
        row = rows.get(name)
        if row is None or row["is_suppressed"]:
            continue
        if row["is_too_few"]:
            value = f"too few to say ({row['numerator']} of {row['denominator']})"
        elif row["unit"] == "share":
            value = f"{row['value']:.2f}"
            if row["low"] is not None:
                value += (
                    f" ({row['low']:.2f} to {row['high']:.2f}; {row['numerator']} of {row['denominator']})"
                )
        else:
            value = f"{row['value']:.0f}"
        lines.append(f"{words}: {value}")
    return lines
