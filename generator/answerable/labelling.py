"""Labels of messages, from people: the loop that asks, and what the labels say of the program.

label_messages(store, path, by="A. Reader", ...)     asks message by message; each answer is kept at once
evaluation(store)                                    how often rules and model are right, as the site shows it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

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
)


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

    Returns:
        How many labels were kept.

    Raises:
        SettingsError: the file of labels is wrong.
        UsageError: there is nothing to label.
    """
    waiting = to_label(store, read_labels(path), count=count, is_by_chance=is_by_chance)
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
        intent = urgency = None
        if answer == "y":
            intent = _INTENTS[
                ask("What does it want?", {k: f"{v}: {INTENTS[v]}" for k, v in _INTENTS.items()})
            ]
            urgency = _URGENCIES[ask("How soon?", {k: f"{v}: {URGENCIES[v]}" for k, v in _URGENCIES.items()})]
        append_label(
            path,
            Label(
                source_id=message.source_id,
                record_id=message.record_id,
                is_relevant={"y": True, "n": False, "c": None}[answer],
                intent=intent,
                urgency=urgency,
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
        UsageError: nobody has labelled messages that were drawn by chance.
    """
    result = store.read("measure_result")
    wanted = result.filter(result.measure.isin([name for name, _ in _SHOWN]))
    rows = {row["measure"]: row for batch in store.batches(wanted) for row in batch.to_pylist()}
    if "relevance_labelled" not in rows:
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
