"""How topics, intents and urgencies were found, and how often that is right.

Labels say so, and what the site's models reached on what they were made without.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from answerable.measure.cells import CELL, Sources
from answerable.measure.disclosure import TOTAL, is_small
from answerable.measure.measures import INTERVAL_ALL
from answerable.measure.results import count_rows, share_rows, with_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from answerable.store import Store

__all__ = ["LEAST_LABELS", "count_understood", "model_of_topics", "trained_labels", "understood_rows"]

LEAST_LABELS = 100
"""Out of fewer labels no share is said: even of a hundred, the true one may lie ten points off."""


def count_understood(store: Store) -> pd.DataFrame:
    """How topics were found, and what people said of them, by source, for `understood_rows`."""
    reading = store.read("reading")
    is_measured = reading.is_label_held_out.fill_null(False)
    judged = (
        ("topic", reading.judged_topic_code, reading.topic_code),
        ("intent", reading.judged_intent, reading.intent),
        ("urgency", reading.judged_urgency, reading.urgency),
    )
    asked = {name: is_measured & before.notnull() & after.notnull() for name, before, after in judged}
    return store.frame(
        reading.group_by("source_id").aggregate(
            modelled=reading.count(where=reading.is_counted & (reading.topic_rule == "model")),
            unsure=reading.count(where=reading.is_counted & (reading.topic_rule == "not-sure")),
            **{f"{name}_labelled": reading.count(where=asked[name]) for name in asked},
            **{
                f"{name}_right": reading.count(where=asked[name] & (before == after))
                for name, before, after in judged
            },
        )
    )


def model_of_topics(store: Store) -> dict[str, float] | None:
    """What the site's model of topics says of itself, as understanding left it; None where there is none."""
    said = store.mark("topic_model")
    return dict(json.loads(said)) if said else None


def trained_labels(store: Store) -> int:
    """The labels that moved the site's own model of relevance, as understanding left it."""
    return int(store.mark("relevance_trained") or 0)


def understood_rows(
    counts: pd.DataFrame, sources: Sources, model: Mapping[str, float] | None, trained: int
) -> pd.DataFrame:
    """Rows of how topics, intents and urgencies were found, and of how often that is right.

    Args:
        counts: by ``source_id``: ``modelled`` and ``unsure`` (feedback whose topic the site's model said, and of which
            it is not sure), and for each of topic, intent and urgency ``*_labelled`` and ``*_right``.
        sources: what may be done with each source; where a private number is small, nothing of private ones is shown.
        model: what the site's model of topics says of itself (``made_of``, and ``texts``, ``said`` and ``right`` of
            what it was made without); None where there is none.
        trained: the labels that moved the site's own model of relevance.
    """
    columns = [name for name in counts.columns if name != "source_id"]
    private = counts[counts["source_id"].isin(sources.private)]
    if any(is_small(int(n)) for n in private[columns].sum()):
        counts = counts[~counts["source_id"].isin(sources.private)]
    total = counts[columns].sum().astype(int)
    top = pd.MultiIndex.from_tuples([(TOTAL, TOTAL, INTERVAL_ALL)], names=CELL)
    shown = pd.Series([False], index=top)

    def one(value: float) -> pd.Series:
        return pd.Series([int(value)], index=top)

    frames = [
        share_rows(
            f"{name}_label_right",
            one(total[f"{name}_right"]),
            one(total[f"{name}_labelled"]),
            shown,
            least=LEAST_LABELS,
        )
        for name in ("topic", "intent", "urgency")
        if total[f"{name}_labelled"]
    ]
    if trained:
        frames.append(count_rows("relevance_trained", one(trained), shown))
    if model is not None:
        frames += [
            count_rows("topic_model_texts", one(model["made_of"]), shown),
            count_rows("topic_modelled", one(total["modelled"]), shown),
            count_rows("topic_unsure", one(total["unsure"]), shown),
            share_rows("topic_said", one(model["said"]), one(model["texts"]), shown),
            share_rows("topic_right", one(model["right"]), one(model["said"]), shown),
        ]
    return with_columns(frames)
