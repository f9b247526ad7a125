"""What people said of single messages: ``data/lookups/labels.jsonl``, written by `answerable label`, one label a line.

A label overrules rules and models for the message that it is about. Labels of messages that were drawn by chance also
measure how often the program is right; those that were drawn because the model doubts, or because somebody looked for
them, do not. Where a site has models of its own (`answerable train`), they are made without a part of the labels, drawn
by author (`held_out`), and only that part measures.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import ibis
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from answerable.errors import SettingsError
from answerable.schema import INTENTS, MISSING_CODE, URGENCIES
from answerable.setting_types import did_you_mean
from answerable.understand.classes import known
from answerable.understand.relevance import CONVERSATION_KINDS
from answerable.understand.texts import hashed

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = [
    "LABELS_FILE",
    "Label",
    "ToLabel",
    "append_label",
    "held_out",
    "label_table",
    "read_labels",
    "to_label",
]

LABELS_FILE = "labels.jsonl"
"""Its name under data/lookups/."""


class Label(BaseModel):
    """What a person said of one message.

    Attributes:
        source_id, record_id: which message.
        is_relevant: whether it is feedback about a public service; None for "nobody can tell".
        intent, urgency: what it wants and how soon somebody should read it, where it is feedback.
        topic: the code of what it is about, where it is feedback.
        drawn: how the message came before the person: by chance, because the model doubts, or by search.
        labelled_by, labelled_on: who, when.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: str = Field(min_length=1)
    record_id: str = Field(min_length=1)
    is_relevant: bool | None
    intent: str | None = None
    urgency: str | None = None
    topic: str | None = None
    drawn: Literal["chance", "doubt", "search"]
    labelled_by: str = Field(min_length=1)
    labelled_on: date

    @field_validator("intent")
    @classmethod
    def _intent_is_known(cls, value: str | None) -> str | None:
        return None if value is None else known(value, INTENTS, "intent")

    @field_validator("urgency")
    @classmethod
    def _urgency_is_known(cls, value: str | None) -> str | None:
        return None if value is None else known(value, URGENCIES, "urgency")

    @model_validator(mode="after")
    def _only_feedback_wants_something(self) -> Label:
        if not self.is_relevant and (self.intent or self.urgency or self.topic):
            message = "what is no feedback has neither an intent nor an urgency nor a topic"
            raise ValueError(message)
        return self


def read_labels(path: Path, *, topics: Collection[str] | None = None) -> list[Label]:
    """The labels of a file; none where there is no file.

    Args:
        path: the file.
        topics: the codes of the site's topics; None where topics are not looked at.

    Raises:
        SettingsError: a line is no label or names a topic that the site has not, or a message is labelled twice.
    """
    if not path.exists():
        return []
    labels: list[Label] = []
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            label = Label.model_validate_json(line)
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"]))
            raise SettingsError(f"{where}: {wrong['msg']}", file=path, line=number) from error
        if topics is not None and label.topic is not None and label.topic not in topics:
            raise SettingsError(
                f"{label.topic} is not in topics.yml{did_you_mean(label.topic, topics)}",
                file=path,
                line=number,
                remedy="name a topic that is there",
            )
        name = label.source_id, label.record_id
        if name in seen:
            raise SettingsError(
                f"{label.source_id}:{label.record_id} is labelled twice",
                file=path,
                line=number,
                remedy="keep the later one",
            )
        seen.add(name)
        labels.append(label)
    return labels


def append_label(path: Path, label: Label) -> None:
    """Add one label: the file is whole at every instant, with it or without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.read_bytes() if path.exists() else b""
    if held and not held.endswith(b"\n"):
        held += b"\n"
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(held + label.model_dump_json(exclude_none=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def label_table(labels: Iterable[Label]) -> ir.Table:
    """The labels as a table: source and record, and what the person said; without those who could not tell."""
    told = [label for label in labels if label.is_relevant is not None]
    columns = {
        "label_source_id": pa.array([label.source_id for label in told], pa.string()),
        "label_record_id": pa.array([label.record_id for label in told], pa.string()),
        "is_labelled_relevant": pa.array([label.is_relevant for label in told], pa.bool_()),
        "is_labelled_by_chance": pa.array([label.drawn == "chance" for label in told], pa.bool_()),
        "labelled_intent": pa.array([label.intent for label in told], pa.string()),
        "labelled_urgency": pa.array([label.urgency for label in told], pa.string()),
        "labelled_topic": pa.array([label.topic for label in told], pa.string()),
    }
    return ibis.memtable(pa.table(columns))


def held_out(feedback: ir.Table) -> ir.BooleanValue:
    """Whether a label of that feedback is kept out of the site's models, to measure them: five in sixteen authors'.

    Args:
        feedback: with feedback_id and author_key.
    """
    author = ibis.coalesce(feedback.author_key, feedback.feedback_id)
    return hashed("held out", author, length=1) < "5"


class ToLabel(BaseModel):
    """A message to be labelled, and what a person may see of it: its public title and text."""

    model_config = ConfigDict(frozen=True)

    source_id: str
    record_id: str
    public_title: str
    public_text: str
    relevance_score: float | None
    drawn: Literal["chance", "doubt"]


def to_label(
    store: Store,
    labels: Sequence[Label],
    *,
    count: int,
    is_by_chance: bool,
    is_about_topics: bool = False,
) -> list[ToLabel]:
    """Messages that nobody has labelled yet, in the order in which they should be.

    Args:
        store: what was understood.
        labels: those that are there.
        count: at most so many.
        is_by_chance: whether they are drawn by chance (by a hash of their identifiers: the same in every run), or
            those of which the model is least sure come first.
        is_about_topics: whether, of the doubtful, those come first of which the topic is least sure.
    """
    feedback = store.read("feedback")
    told = feedback.filter(feedback.kind.isin(CONVERSATION_KINDS)).select("feedback_id", "record_id")
    reading = store.read("reading")
    asked = reading.filter(reading.exclusion.isnull() | (reading.exclusion == "irrelevant"))
    asked = asked.filter(asked.public_title.notnull() | asked.public_text.notnull())
    rows = asked.inner_join(told, "feedback_id")
    known_labels = ibis.memtable(
        pa.table(
            {
                "source_id": pa.array([label.source_id for label in labels], pa.string()),
                "record_id": pa.array([label.record_id for label in labels], pa.string()),
            }
        )
    )
    rows = rows.anti_join(known_labels, ["source_id", "record_id"])
    rows = rows.mutate(chance=hashed("label", rows.feedback_id, length=16))
    if not is_by_chance and is_about_topics:
        # A model's chance where it was asked; else rules alone either knew a topic or none.
        is_known = (rows.topic_code != MISSING_CODE).cast("float64")
        rows = rows.filter(rows.is_counted)
        rows = rows.mutate(doubt=ibis.coalesce(rows.topic_score, is_known).round(2))
    elif not is_by_chance:
        rows = rows.filter(rows.relevance_score.notnull())
        rows = rows.mutate(doubt=(rows.relevance_score - 0.5).abs().round(2))
    order = ["chance"] if is_by_chance else ["doubt", "chance"]
    wanted = rows.order_by(order).limit(count)
    return [
        ToLabel(
            source_id=row["source_id"],
            record_id=row["record_id"],
            public_title=row["public_title"] or "",
            public_text=row["public_text"] or "",
            relevance_score=row["relevance_score"],
            drawn="chance" if is_by_chance else "doubt",
        )
        for batch in store.batches(
            wanted.select("source_id", "record_id", "public_title", "public_text", "relevance_score", *order)
        )
        for row in batch.to_pylist()
    ]
