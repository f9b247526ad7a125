"""The rows of how topics were found and of how often that is right."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from answerable.measure.cells import Sources
from answerable.measure.understood import understood_rows

PUBLIC = Sources(private=frozenset(), rated=frozenset(), pooled=frozenset({"a", "b"}))
MODEL = {"made_of": 400.0, "texts": 300.0, "said": 200.0, "right": 180.0, "macro_f1": 0.8}


def counts(**more: dict[str, int]) -> pd.DataFrame:
    names = (
        "modelled",
        "unsure",
        *(f"{n}_{w}" for n in ("topic", "intent", "urgency") for w in ("labelled", "right")),
    )
    return pd.DataFrame(
        [{"source_id": source, **dict.fromkeys(names, 0), **given} for source, given in more.items()]
    )


def by_measure(rows: pd.DataFrame) -> dict[str, Any]:
    return {str(row.measure): row for row in rows.itertuples(index=False)}


def test_shares_come_with_what_they_are_of() -> None:
    given = counts(
        a={"modelled": 30, "unsure": 7, "topic_labelled": 40, "topic_right": 30},
        b={"topic_labelled": 60, "topic_right": 50, "intent_labelled": 99, "intent_right": 50},
    )
    rows = by_measure(understood_rows(given, PUBLIC, MODEL, 55))
    assert rows["topic_label_right"].value == 0.8
    assert (rows["topic_label_right"].numerator, rows["topic_label_right"].denominator) == (80, 100)
    assert 0.7 < rows["topic_label_right"].low < 0.8 < rows["topic_label_right"].high < 0.9
    assert rows["intent_label_right"].is_too_few
    assert "urgency_label_right" not in rows
    assert [rows[name].value for name in ("topic_model_texts", "topic_modelled", "topic_unsure")] == [
        400,
        30,
        7,
    ]
    assert rows["topic_said"].value == pytest.approx(200 / 300)
    assert rows["topic_right"].value == 0.9
    assert rows["relevance_trained"].value == 55


def test_without_a_model_of_its_own_a_site_has_labels_alone() -> None:
    rows = by_measure(understood_rows(counts(a={"topic_labelled": 20, "topic_right": 20}), PUBLIC, None, 0))
    assert rows.keys() == {"topic_label_right"}
    assert not len(understood_rows(counts(a={}), PUBLIC, None, 0))


def test_a_small_number_of_private_messages_is_in_no_sum() -> None:
    given = counts(a={"topic_labelled": 20, "topic_right": 15}, b={"topic_labelled": 3, "topic_right": 3})
    private = Sources(private=frozenset({"b"}), rated=frozenset(), pooled=frozenset({"a", "b"}))
    assert by_measure(understood_rows(given, private, None, 0))["topic_label_right"].denominator == 20
    assert by_measure(understood_rows(given, PUBLIC, None, 0))["topic_label_right"].denominator == 23
