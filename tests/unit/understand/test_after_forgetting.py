"""What is forgotten leaves nothing in what was understood: all is as if it had never been gathered."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from answerable import schema
from answerable.gather.takedowns import find, forget
from answerable.store import Store
from answerable.understand.stage import understand

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

RULES = """\
reviewed_by: A. Reviewer
reviewed_on: 2026-01-01
rules:
  - {id: town-mended, update_class: work_done, phrases: ["zzz was mended"]}
"""
PLACE = {"service_code": "POTHOLE", "area_code": "old-harbour", "agency_code": "works"}
HOLE = "The deep pothole beside the old fountain swallows the wheels of bicycles"


def fill(town: Town, *, is_all: bool) -> tuple[str, ...]:
    """Messages that lean on one another; the names of those that are there only if ``is_all``."""
    (town.folder / "data" / "lookups" / "update_classes.yml").write_text(RULES, "utf-8")
    for n in range(1, 5):
        town.add(f"12345{n}", f"2024-01-0{n}", text=f"{HOLE} number {'abcde'[n]}", **PLACE)
    official: dict[str, Any] = {"source_id": "posts", "is_official": True, "agency_code": "works"}
    if is_all:
        # The first of an issue that outlives it, what another repeats, what was answered, and an answer.
        first = town.add("123450", "2024-01-01", text=HOLE, **PLACE)
        town.say(first, "2024-01-03", "zzz was mended")
        root = town.add("10", "2024-01-01", source_id="posts", text=HOLE + " at night", author_key="ann")
        town.say(root, "2024-01-03", "zzz was mended")
        text = "Ticket #123451 and #123450: zzz was mended"
        town.add("p1", "2024-01-06", text=text, conversation_id="p1", **official)
    town.add("11", "2024-01-02", source_id="posts", text=HOLE + " at night", author_key="bob")
    text = "Ticket #123452: zzz was mended"
    town.add("p2", "2024-02-06", text=text, conversation_id="p2", **official)
    return ("portal:123450", "posts:10", "posts:p1")


def test_forgetting_alone_makes_anew_all_that_leant_on_it(
    town: Town, town_type: type[Town], tmp_path: Path
) -> None:
    names = fill(town, is_all=True)
    town.understand()
    assert len(town.rows("update_elsewhere")) == 3
    assert len(town.rows("response_feedback")) == 5

    targets = [target for name in names for target in find(town.store, town.settings, name)]
    assert {f"{t.source_id}:{t.record_id}" for t in targets} == set(names)
    forget(town.store, targets, reason="asked_by_author", removed_on=date(2024, 3, 1))
    understand(town.store, town.settings)

    with Store.open(tmp_path / "other" / "build" / "store") as store:
        other = town_type(tmp_path / "other", store)
        fill(other, is_all=False)
        other.understand()
        for table in (t.name for t in schema.TABLES.values() if t.stage == "understand"):
            assert contents(town, table) == contents(other, table), table


def contents(town: Town, table: str) -> list[str]:
    """The rows, whatever the order. The address of the issue that outlives its first message is a promise: it stays."""
    (issue_id,) = {row["issue_id"] for row in town.rows("issue_feedback")} & {
        row["issue_id"] for row in town.rows("issue_address")
    }
    return sorted(str(row).replace(issue_id, "ISSUE") for row in town.rows(table))
