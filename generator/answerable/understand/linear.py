"""A linear model over hashed words and letters, cues and pairs of cues: kept as JSON and npz with a checksum.

    model = load_model(path)            path is the .json; the .npz lies beside it
    read = model.read(texts)            margins, chances, and what each word and cue brings
    read.reasons(number, "yes")         the words that weighed most

The JSON says of the model all that a reader may ask: the classes, what it was made of and how, its thresholds and what
it reached, and the weight of each cue. The npz holds the weights of hashed features and of pairs of cues: whole
numbers, so that their sums are exact and equal on every machine.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from answerable.errors import SettingsError
from answerable.understand.cues import cues
from answerable.understand.features import grams
from answerable.understand.language import UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from answerable.understand.cues import Cues
    from answerable.understand.features import Grams

    Floats = NDArray[np.float64]

__all__ = [
    "LinearModel",
    "ModelCard",
    "Reading",
    "Reason",
    "about_model",
    "chances_of",
    "load_model",
    "read_arrays",
    "save_model",
    "whole_numbers",
]

_GREATEST = 32_000  # of a weight as a whole number of 16 bits


class ModelCard(BaseModel):
    """What the JSON of a model says. Classes have one margin each; a model of two classes has only the second's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: tuple[str, ...] = Field(min_length=2)
    made_of: str
    made_on: str
    made_by: str
    training_sha256: str
    languages: tuple[str, ...] = ()
    text_count: int
    label_count: int = 0  # of a site's own model: the labels that moved the shipped one
    threshold: float | None = None
    threshold_why: str = ""
    reached: dict[str, float] = {}
    bits: int = Field(ge=8, le=24)
    unit: float
    pair_unit: float
    intercepts: tuple[float, ...]
    cues: dict[str, tuple[float, ...]]
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A word or a cue, and what it brought to a margin (in log odds)."""

    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model says of a batch of texts.

    Attributes:
        margins: ``texts x margins``, log odds: of the second class of two, else of each class (before normalising).
        chances: ``texts x classes``, adding up to one.
    """

    model: LinearModel
    batch: Grams
    margins: Floats
    chances: Floats
    word_margins: Floats
    found: NDArray[np.int8]
    cue_margins: Floats

    def reasons(self, number: int, *, column: int = 0) -> tuple[Reason, ...]:
        """What brought the margin of a text, each word once, the strongest first (for and against together).

        Args:
            number: of the text in the batch.
            column: of the margins.
        """
        brought: dict[str, float] = {}
        for place in range(int(self.batch.text_words[number]), int(self.batch.text_words[number + 1])):
            word = self.batch.word(place)
            if not word:
                continue
            brought[word] = brought.get(word, 0.0) + float(self.word_margins[place, column])
        for place in np.flatnonzero(self.cue_margins[number, :, column]).tolist():
            brought[f"[{self.model.cues.says[place]}]"] = float(self.cue_margins[number, place, column])
        order = sorted(brought.items(), key=lambda item: (-abs(round(item[1], 6)), item[0]))
        return tuple(Reason(words, weight) for words, weight in order)


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A model, ready to read texts. Made by `load_model`."""

    card: ModelCard
    weights: NDArray[np.int16]
    pair_weights: NDArray[np.int32]
    cue_weights: Floats
    cues: Cues

    def read(self, texts: Sequence[str], *, accounts: Collection[str] = frozenset()) -> Reading:
        """What the model says of some texts; the same of each, whatever stands beside it.

        Args:
            texts: as they came.
            accounts: the official accounts that the site knows, in small letters.
        """
        batch = grams(texts, bits=self.card.bits)
        return self.read_grams(batch, self.cues.found(batch, texts, accounts))

    def knows(self, lang: str) -> bool:
        """Whether it was made of texts in that language, or nobody can tell the language."""
        return lang == UNDETERMINED or lang in self.card.languages

    def read_grams(self, batch: Grams, found: NDArray[np.int8]) -> Reading:
        """The same of texts whose features and cues are known already (several models read the same texts).

        Raises:
            ValueError: the features were made for a smaller table than the model's.
        """
        batch = batch.narrowed(self.card.bits)
        of_texts, of_words = batch.sums(self.weights)
        margins = of_texts * self.card.unit + np.array(self.card.intercepts)
        of_cues = self.cue_margins(found)
        # One cue after another: a sum over an axis may add in any order.
        for place in range(of_cues.shape[1]):
            margins = margins + of_cues[:, place]
        return Reading(self, batch, margins, chances_of(margins), of_words * self.card.unit, found, of_cues)

    def cue_margins(self, found: NDArray[np.int8]) -> Floats:
        """What each cue of each text brings, with half of what its pairs bring: ``texts x cues x margins``."""
        # Whole numbers: exact in any order, and no threads are woken for so small a product.
        there = found.astype(np.int32)
        pairs = np.stack([there @ table for table in self.pair_weights], axis=2) * (self.card.pair_unit / 2)
        result: Floats = there[:, :, None] * (self.cue_weights[None] + pairs)
        return result


def chances_of(margins: Floats) -> Floats:
    """The chances of the classes, adding up to one, from margins as `Reading` has them."""
    if margins.shape[1] == 1:
        yes = 1 / (1 + np.exp(-np.clip(margins[:, 0], -30, 30)))
        return np.column_stack((1 - yes, yes))
    shifted = np.exp(margins - margins.max(axis=1, keepdims=True, initial=-30))
    result: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def about_model(path: Path) -> ModelCard:
    """What a model's JSON says.

    Raises:
        SettingsError: it cannot be read, or says something else than it should.
    """
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError(f"is no model: {error}", file=path, remedy="make it anew") from error


def load_model(path: Path) -> LinearModel:
    """A model from its JSON and the npz beside it.

    Raises:
        SettingsError: a file cannot be read, its checksum is wrong, or it was made with other cues than there are.
    """
    card = about_model(path)
    arrays = read_arrays(path, card.weights_sha256)
    weights, pair_weights = arrays["weights"], arrays["pair_weights"]
    known = cues()
    margins = 1 if len(card.classes) == 2 else len(card.classes)
    shapes = (2**card.bits, margins), (margins, len(known.names), len(known.names))
    if tuple(card.cues) != known.names or (weights.shape, pair_weights.shape) != shapes:
        raise SettingsError("was made with other cues than the program has", file=path, remedy="make it anew")
    return LinearModel(
        card=card,
        # One row more: what has no place (-1) brings nothing.
        weights=np.concatenate((weights, np.zeros((1, margins), np.int16))),
        # Between two cues, whichever is asked for the other.
        pair_weights=(pair_weights + pair_weights.transpose(0, 2, 1)).astype(np.int32),
        cue_weights=np.array([card.cues[name] for name in known.names]),
        cues=known,
    )


def read_arrays(path: Path, sha256: str) -> dict[str, NDArray[np.int16]]:
    """The arrays of the npz beside a model's JSON.

    Args:
        path: of the JSON.
        sha256: what the JSON says of the file.

    Raises:
        SettingsError: the file cannot be read, or is another one than the JSON says.
    """
    beside = path.with_suffix(".npz")
    try:
        raw = beside.read_bytes()
    except OSError as error:
        raise SettingsError("cannot be read", file=beside, remedy="put it beside its .json") from error
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise SettingsError(
            f"is not the file that {path.name} was written with", file=beside, remedy="make both anew"
        )
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def save_model(
    path: Path,
    *,
    weights: Floats,
    intercepts: Floats,
    cue_weights: Floats,
    pair_weights: Floats,
    about: Mapping[str, Any],
) -> None:
    """Write a model: the same numbers give the same files.

    Args:
        path: of the JSON.
        weights: ``2 ** bits x margins``; rounded to 16 bits each.
        intercepts: one for each margin.
        cue_weights: ``cues x margins``, in the order of `answerable.understand.cues.Cues.names`.
        pair_weights: ``margins x cues x cues``, nought but above the diagonal; rounded as well.
        about: the other fields of `ModelCard`.
    """
    unit, whole = whole_numbers(weights)
    pair_unit, whole_pairs = whole_numbers(pair_weights)
    held = io.BytesIO()
    np.savez_compressed(held, weights=whole, pair_weights=whole_pairs)
    raw = held.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    card = ModelCard(
        **about,
        bits=int(np.log2(len(weights))),
        unit=unit,
        pair_unit=pair_unit,
        intercepts=tuple(round(float(value), 6) for value in intercepts),
        cues={
            name: tuple(round(float(value), 4) for value in row)
            for name, row in zip(cues().names, cue_weights, strict=True)
        },
        weights_sha256=hashlib.sha256(raw).hexdigest(),
    )
    path.with_suffix(".npz").write_bytes(raw)
    path.write_text(json.dumps(card.model_dump(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def whole_numbers(values: Floats) -> tuple[float, NDArray[np.int16]]:
    """Numbers as whole ones of 16 bits, and the unit that they are in."""
    unit = float(np.abs(values).max() / _GREATEST) or 1.0
    return unit, np.rint(values / unit).astype(np.int16)
