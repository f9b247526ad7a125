"""A site's own model of its topics: what a text is about, where service codes and clear phrases do not say.

    model = load_topic_model(path, topics)      path is the .json; the .npz lies beside it
    topics_of(rows, named, model)               what phrases and model say: a topic, or "not sure", and why

A linear model over words and runs of letters, and over what the phrases of `answerable.understand.topics` find: how
many of each topic, in whatever language they are. It is made by `answerable train` from the site's own data and kept as
JSON and npz with a checksum, like the models of `answerable.understand.linear`. Where no topic is likely enough it says
so.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from answerable.errors import SettingsError
from answerable.understand.features import grams, plain_form
from answerable.understand.linear import chances_of, read_arrays, whole_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from answerable.understand.features import Grams
    from answerable.understand.topics import Named

    Floats = NDArray[np.float64]

__all__ = [
    "MODEL_RULE",
    "NOT_SURE",
    "RESULT",
    "TOPICS_FILE",
    "TopicCard",
    "TopicModel",
    "hit_features",
    "hit_names",
    "load_topic_model",
    "save_topic_model",
    "topics_of",
]

TOPICS_FILE = "topics.json"
"""The name of the site's model under data/lookups/."""

MODEL_RULE = "model"
NOT_SURE = "not-sure"
"""The rule where no topic is likely enough: it is an answer."""

RESULT: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "text_topic": pa.string(),
        "text_rule": pa.string(),
        "topic_score": pa.float64(),
        "topic_reason": pa.string(),
    }
)
"""What the words say: the topic, the rule (`NOT_SURE` without a topic), the model's chance for the likeliest topic, and
what weighed most with it (both NULL where it was not asked)."""

_SHOWN = 3  # words that weighed most
_LETTERS = 4  # of a word that is named
_MOST_HITS = 3  # more phrases of a topic say no more
_WORDS = re.compile(r"[^\W_]+")


class TopicCard(BaseModel):
    """What the JSON of a model says.

    Attributes:
        topics: the topics that it can say.
        hit_topics: the topics whose phrases it weighs.
        made_of: texts by where their topic is known from (labels, codes, phrases).
        newest_on: the day of the newest text or label that it was made of.
        per_topic: texts of each topic.
        left_out: topics with too few texts to be learned, and how many each had.
        threshold: the chance from which on a topic is said.
        held_out: what it reached on texts that it was made without, as counts and shares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "topics"
    topics: tuple[str, ...] = Field(min_length=2)
    hit_topics: tuple[str, ...]
    made_by: str
    made_of: dict[str, int]
    newest_on: str
    training_sha256: str
    text_count: int
    per_topic: dict[str, int]
    left_out: dict[str, int]
    threshold: float = Field(ge=0, le=1)
    threshold_why: str
    held_out: dict[str, float]
    bits: int = Field(ge=8, le=24)
    unit: float
    intercepts: tuple[float, ...]
    hits: dict[str, tuple[float, ...]]
    weights_sha256: str

    def summary(self) -> str:
        """What the measures tell of it, as JSON: how many texts it was made of, and what it reached."""
        return json.dumps({"made_of": self.text_count, **self.held_out}, sort_keys=True)


def hit_names(topics: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of `hit_features`."""
    return tuple(f"{what}:{topic}" for what in ("phrases", "like", "most") for topic in topics)


def hit_features(named: Sequence[Named], topics: Sequence[str]) -> Floats:
    """What the phrases found, as features: ``texts x hit_names``, each from 0 to 1.

    For each topic how many of its own phrases are in the text, how many of the subject that it is like, and whether
    phrases alone would say it.
    """
    place = {topic: number for number, topic in enumerate(topics)}
    width = len(topics)
    found = np.zeros((len(named), 3 * width))
    for row, of_text in enumerate(named):
        for start, hits in ((0, of_text.own), (width, of_text.alike)):
            for topic, count in hits.items():
                if topic in place:
                    found[row, start + place[topic]] = min(count, _MOST_HITS) / _MOST_HITS
        if of_text.topic in place:
            found[row, 2 * width + place[of_text.topic]] = 1
    return found


@dataclass(frozen=True, slots=True)
class TopicModel:
    """A model, ready to judge. Made by `load_topic_model`.

    Attributes:
        weights: of hashed features, whole numbers; the last row is nought.
        hit_weights: of what phrases find, ``hit_names x topics``.
        names: the names of the site's topics by their code, for reasons.
    """

    card: TopicCard
    weights: NDArray[np.int16]
    hit_weights: Floats
    names: Mapping[str, str]

    def chances(self, texts: Sequence[str], named: Sequence[Named]) -> Floats:
        """The chances of the topics: ``texts x topics``."""
        return chances_of(self._margins(grams(texts, bits=self.card.bits), named)[0])

    def _margins(self, batch: Grams, named: Sequence[Named]) -> tuple[Floats, Floats]:
        """The margins of texts, and what each word brings to them."""
        of_texts, of_words = batch.sums(self.weights)
        margins = of_texts * self.card.unit + np.array(self.card.intercepts)
        hits = hit_features(named, self.card.hit_topics)
        # One after another: a product of matrices may add in any order.
        for place in np.flatnonzero(hits.any(axis=0)).tolist():
            margins = margins + hits[:, place, None] * self.hit_weights[place]
        return margins, of_words * self.card.unit

    def judge(
        self, rows: Sequence[tuple[str | None, ...]], named: Sequence[Named]
    ) -> list[tuple[str | float | None, ...]]:
        """What the model says of messages, row by row as `RESULT` names it; the same of each, whatever stands beside.

        Args:
            rows: title and text as received, and the public title and text, of which reasons are made.
            named: what the phrases say of each.
        """
        texts = ["\n".join(part for part in row[:2] if part) for row in rows]
        batch = grams(texts, bits=self.card.bits)
        margins, of_words = self._margins(batch, named)
        chances = chances_of(margins).round(3)
        order = np.argsort(-chances, axis=1, kind="stable")[:, :2]
        result: list[tuple[str | float | None, ...]] = []
        for number, (first, second) in enumerate(order.tolist()):
            chance = float(chances[number, first])
            public = "\n".join(part for part in rows[number][2:4] if part)
            words = self._words(batch, of_words, number, first, second, public=public)
            phrases = named[number].rule
            said = [f"for: {', '.join(words)}"] if words else []
            if phrases is not None:
                said.append(f"phrases: {self._name(phrases.split(':', 2)[1])}")
            if chance >= self.card.threshold and plain_form(texts[number]).strip():
                topic = self.card.topics[first]
                result.append((topic, MODEL_RULE, chance, "; ".join(said) or None))
            else:
                likeliest = " or ".join(self._name(self.card.topics[place]) for place in (first, second))
                result.append((None, NOT_SURE, chance, "; ".join((f"likeliest: {likeliest}", *said))))
        return result

    def _name(self, topic: str) -> str:
        return self.names[topic]

    def _words(
        self, batch: Grams, of_words: Floats, number: int, first: int, second: int, *, public: str
    ) -> list[str]:
        """The words of the public text that spoke most for the likeliest topic and against the next."""
        shown = {
            word.casefold() if word.isascii() else plain_form(word).strip(): word.casefold()
            for word in _WORDS.findall(public)
            if len(word) >= _LETTERS
        }
        brought: dict[str, float] = {}
        for place in range(int(batch.text_words[number]), int(batch.text_words[number + 1])):
            word = shown.get(batch.word(place))
            if word is not None:
                weight = float(of_words[place, first] - of_words[place, second])
                brought[word] = brought.get(word, 0.0) + weight
        order = sorted(brought.items(), key=lambda item: (-round(item[1], 6), item[0]))
        return [word for word, weight in order if weight > 0][:_SHOWN]


def topics_of(
    rows: Sequence[tuple[str | None, ...]], named: Sequence[Named], model: TopicModel | None
) -> list[tuple[str | float | None, ...]]:
    """What the words of messages say of their topic, row by row as `RESULT` names it.

    Where a site has a model, phrases decide alone only where they are clear.

    Args:
        rows: title and text as received, and the public title and text.
        named: what the phrases say of each.
        model: the site's, where it has one.
    """
    found: list[tuple[str | float | None, ...]] = [(n.topic, n.rule, None, None) for n in named]
    if model is not None:
        asked = [place for place, n in enumerate(named) if not n.is_clear and any(rows[place][:2])]
        said = model.judge([rows[place] for place in asked], [named[place] for place in asked])
        for place, answer in zip(asked, said, strict=True):
            found[place] = answer
    return found


def load_topic_model(path: Path, names: Mapping[str, str]) -> TopicModel:
    """A site's model from its JSON and the npz beside it.

    Args:
        path: of the JSON.
        names: the names of the site's topics by their code.

    Raises:
        SettingsError: a file cannot be read, its checksum is wrong, or it knows topics that the site has not.
    """
    try:
        card = TopicCard.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError(
            f"is no model of topics: {error}", file=path, remedy="run answerable train"
        ) from error
    unknown = sorted({*card.topics, *card.hit_topics} - names.keys())
    if unknown:
        raise SettingsError(
            f"knows topics that are not in topics.yml: {', '.join(unknown)}",
            file=path,
            remedy="run answerable train, which makes it of the topics that there are",
        )
    weights = read_arrays(path, card.weights_sha256)["weights"]
    columns = hit_names(card.hit_topics)
    if weights.shape != (2**card.bits, len(card.topics)) or tuple(card.hits) != columns:
        raise SettingsError("is no model of topics", file=path, remedy="run answerable train")
    return TopicModel(
        card=card,
        weights=np.concatenate((weights, np.zeros((1, len(card.topics)), np.int16))),
        hit_weights=np.array([card.hits[name] for name in columns]),
        names=names,
    )


def save_topic_model(
    path: Path, *, weights: Floats, hit_weights: Floats, intercepts: Floats, about: Mapping[str, Any]
) -> TopicCard:
    """Write a model: the same numbers give the same files.

    Args:
        path: of the JSON.
        weights: ``2 ** bits x topics``; rounded to 16 bits each.
        hit_weights: ``hit_names x topics``.
        intercepts: one for each topic.
        about: the other fields of `TopicCard`.
    """
    unit, whole = whole_numbers(weights)
    held = io.BytesIO()
    np.savez_compressed(held, weights=whole)
    raw = held.getvalue()
    card = TopicCard(
        **about,
        bits=int(np.log2(len(weights))),
        unit=unit,
        intercepts=tuple(round(float(value), 6) for value in intercepts),
        hits={
            name: tuple(round(float(value), 4) for value in row)
            for name, row in zip(hit_names(about["hit_topics"]), hit_weights, strict=True)
        },
        weights_sha256=hashlib.sha256(raw).hexdigest(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".npz").write_bytes(raw)
    path.write_text(json.dumps(card.model_dump(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return card
