"""What the program says of some hundred records of the demonstration city, and why, as somebody last found it right.

Easy and hard ones of every kind that the city plants. The piece of the city is gathered and understood as `answerable
build` does it; what is compared is what `answerable explain` tells of. What changes here has changed for readers.
``UPDATE_GOLDEN=1 pytest tests/golden/test_decisions.py`` writes the files anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.golden.city_cut import Cut, Name, cut_city

from answerable.build import gather_project, store_folder
from answerable.settings import load_settings
from answerable.store import Store
from answerable.understand.stage import understand

DECISIONS = Path(__file__).parent / "decisions"
KINDS = (
    "answers", "copies", "floods", "languages", "noise", "personal", "problems", "templates", "wants",
)  # fmt: skip


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    cut = cut_city(tmp_path_factory.mktemp("cut"))
    gather_project(cut.project)
    with Store.open(store_folder(cut.project), is_writer=True) as store:
        understand(store, load_settings(cut.project))
    return cut


READING = (
    "is_counted", "exclusion", "exclusion_rule", "duplicate_of", "duplicate_similarity", "relevance_score",
    "relevance_reason", "lang", "lang_rule", "intent", "intent_rule", "urgency", "urgency_rule", "topic_code",
    "topic_rule", "agency_code", "agency_rule", "closing_reason", "closing_rule", "public_title", "public_text",
    "redaction_count",
)  # fmt: skip
"""What is kept of a reading: what is missing is left out."""


@pytest.fixture(scope="module")
def decided(cut: Cut) -> dict[Name, dict[str, Any]]:
    """Of every record: its reading, what agencies said to it, its issue and its responses."""
    with Store.open(store_folder(cut.project), is_writer=False) as store:

        def rows(table: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = store.con.to_pyarrow(store.read(table)).to_pylist()
            return found

        name_of = {row["feedback_id"]: (row["source_id"], row["record_id"]) for row in rows("feedback")}
        found: dict[Name, dict[str, Any]] = {
            name_of[row["feedback_id"]]: {
                "reading": {name: row[name] for name in READING if row[name] is not None},
                **{kind: [] for kind in ("updates", "elsewhere", "issue", "responses")},
            }
            for row in rows("reading")
        }
        for record in found.values():
            if copied := name_of.get(record["reading"].get("duplicate_of", "")):
                record["reading"]["duplicate_of"] = ":".join(copied)
        titles = {row["issue_id"]: row["public_title"] for row in rows("issue")}
        for kind, table, said in (
            ("updates", "update_reading", ("update_class", "class_rule", "public_text")),
            ("elsewhere", "update_elsewhere", ("post_name", "method", "update_class", "is_counted")),
            ("issue", "issue_feedback", ("issue_id", "method")),
            ("responses", "response_feedback", ("response_id", "method", "confidence")),
        ):
            for row in rows(table):
                words = {name: row[name] for name in said if row[name] is not None}
                if kind == "issue":
                    words["title"] = titles[words.pop("issue_id")]
                if words:
                    found[name_of[row["feedback_id"]]][kind].append(words)
    for record in found.values():
        for kind, said_of in list(record.items()):
            if kind != "reading":
                record[kind] = sorted(said_of, key=lambda words: json.dumps(words, sort_keys=True))
            if not record[kind]:
                del record[kind]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_decisions(
    kind: str, cut: Cut, decided: dict[Name, dict[str, Any]], golden: Callable[[Path, Any], None]
) -> None:
    golden(DECISIONS / f"{kind}.json", {":".join(name): decided[name] for name in cut.chosen[kind]})


def test_they_are_many_and_of_every_kind(cut: Cut) -> None:
    assert set(cut.chosen) == set(KINDS) == {path.stem for path in DECISIONS.glob("*.json")}
    assert 110 <= len({name for names in cut.chosen.values() for name in names}) <= 180
