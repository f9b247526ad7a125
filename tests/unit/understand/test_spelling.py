"""How a site writes its words: learned from its oldest texts, one of each author a month."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from answerable import schema
from answerable.store import Store
from answerable.understand import spelling as spelling_module
from answerable.understand.privacy import PrivacyContext, Spelling, redact, spelling_of
from answerable.understand.spelling import keep_spelling, site_spelling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BEGIN = datetime(2024, 1, 1)  # noqa: DTZ001 (instants are UTC without a zone)
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


def message(number: int, text: str, *, author: str | None = None) -> dict[str, Any]:
    at = BEGIN + timedelta(minutes=7 * number)
    known = {
        "feedback_id": f"f{number}",
        "source_id": "s",
        "record_id": str(number),
        "month": f"{at:%Y-%m}",
        "kind": "post",
        "channel": "social",
        "created_at": at,
        "time_precision": "second",
        "is_official": False,
        "is_repost": False,
        "author_key": author or f"a{number}",
        "text": text,
    }
    return {c.name: known.get(c.name) for c in schema.table("feedback").columns}


def put(store: Store, rows: list[dict[str, Any]]) -> None:
    columns = schema.table("feedback").columns
    table = pa.table({c.name: pa.array([r[c.name] for r in rows], _TYPES[c.type]) for c in columns})
    with store.transaction():
        store.write("feedback", table, source_id="s")


def learned(folder: Path, rows: list[dict[str, Any]], seed: int = 0) -> Any:
    random.Random(seed).shuffle(rows)
    with Store.open(folder / str(seed) / str(len(rows))) as store:
        put(store, rows)
        return site_spelling(store).spelling


def ordinary(count: int) -> list[dict[str, Any]]:
    words = ("the lamp is out", "a bin was missed", "no bus came", "the path is muddy")
    return [message(n, f"In road {n} {words[n % 4]} since monday, please look at it.") for n in range(count)]


def test_a_site_with_few_texts_has_none(tmp_path: Path) -> None:
    assert learned(tmp_path, ordinary(900)) is None


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    one, two = (learned(tmp_path, ordinary(1200), seed) for seed in (1, 2))
    assert one is not None
    assert one.digest() == two.digest()


def test_what_the_site_writes_small_is_a_word_and_what_it_never_wrote_may_be_a_name(tmp_path: Path) -> None:
    spelling = learned(tmp_path, ordinary(1200))
    known = PrivacyContext(official_handles=frozenset(), ordinary_words=frozenset(), spelling=spelling)
    text = "Yesterday the Lamp was out and then Quillfeather came by to look."
    said = redact(text, known).text
    assert "Lamp" in said
    assert "Quillfeather" not in said


def test_one_author_who_repeats_a_name_makes_it_no_word(tmp_path: Path) -> None:
    flood = [message(1200 + n, f"that quillfeather again, number {n}", author="one") for n in range(400)]
    with_flood = learned(tmp_path, ordinary(1200) + flood)
    known = PrivacyContext(official_handles=frozenset(), ordinary_words=frozenset(), spelling=with_flood)
    said = redact("Yesterday the lamp was out and then Quillfeather came by to look.", known).text
    assert "Quillfeather" not in said


def test_what_was_learned_is_kept_until_the_texts_change_that_it_was_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    of = spelling_of

    def counted(texts: Iterable[str]) -> Spelling:
        listed = list(texts)
        asked.append(len(listed))
        return of(listed)

    monkeypatch.setattr(spelling_module, "spelling_of", counted)
    monkeypatch.setattr(spelling_module, "_TEXTS", 1100)
    rows = ordinary(1200)
    in_february = message(7000, "The Quillfeather again.")
    assert (rows[-1]["month"], in_february["month"]) == ("2024-01", "2024-02")
    with Store.open(tmp_path / "store") as store:
        put(store, rows)
        first = site_spelling(store)
        keep_spelling(store, first)
        assert site_spelling(store) == first
        put(store, [*rows, in_february])
        assert site_spelling(store) == first
        assert asked == [1100]
        # Taken down, or changed: it is learned anew.
        put(store, [*rows[1:], in_february])
        second = site_spelling(store)
        assert len(asked) == 2
        keep_spelling(store, second)
        with store.transaction():
            store.write("spelling_word", store.read("spelling_word").limit(0))
        assert site_spelling(store).spelling == second.spelling
        assert len(asked) == 3
