"""The words shown of an issue: what people raised, not where it is, nor who is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.understand.conftest import Town

from answerable.store import Store
from answerable.understand.issue_terms import LEAST_TERMS, MOST_TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

HARBOUR = (
    "The berries on the path of Potter Street, and foxes tear the black bags near the school",
    "Foxes again, hello! Black bags torn on Potter Street, berries everywhere. Leaks too #OldHarbour",
    "Please help: a fox and a torn black bag behind the school on Potter Street @TownWorks",
    "Terrible, black bags, foxes and one berry near the school on Potter Street",
)
HILL = (
    "A wasp nest on Fuller Road, the lids are cracked",
    "Cracked lid and wasps on Fuller Road",
    "wasps, cracked lids, since Monday, on Fuller Road",
)
PARK = ("The swing is broken", "Swing broken again", "A broken swing, still")
FILLING = ("It smells of gas", "A tree fell down", "The bench was painted", "Nobody cut the grass")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str | None]]:
    """The words of each issue, by its title, of one small town."""
    folder = tmp_path_factory.mktemp("town")
    with Store.open(folder / "store") as store:
        town = Town(folder, store)
        issues = {
            ("POTHOLE", "old-harbour"): HARBOUR,
            ("POTHOLE", "mill-hill"): HILL,
            ("PARK", "old-harbour"): PARK,
            ("PARK", "mill-hill"): FILLING,
            # The same words by the same person: nobody else has them.
            ("LEAK", "mill-hill"): ("Gurgling, hissing, dripping",) * 3,
        }
        for (code, area), texts in issues.items():
            for number, text in enumerate(texts):
                town.add(
                    f"{code}-{area}-{number}",
                    f"2024-01-{number + 2:02d}",
                    service_code=code,
                    area_code=area,
                    text=f"{text} ({number})" if code == "LEAK" else text,
                    author_key="one" if code == "LEAK" else f"{code}-{area}-{number}",
                )
        town.understand()
        yield {row["public_title"]: row["key_terms"] for row in town.rows("issue") if row["has_page"]}


def test_the_words_are_what_people_raised(said: dict[str, str | None]) -> None:
    words = (said["Potholes in Old Harbour"] or "").split()
    assert LEAST_TERMS <= len(words) <= MOST_TERMS
    # "Torn" stands in two messages only, "leaks" in one; of the forms of a word one is shown.
    assert words == ["bag", "black", "fox", "berries"]


def test_streets_areas_accounts_hashtags_and_fillers_are_no_words(said: dict[str, str | None]) -> None:
    everything = " ".join(words or "" for words in said.values()).split()
    assert not {"potter", "fuller", "street", "road", "school", "harbour", "oldharbour"} & set(everything)
    assert not {"townworks", "hello", "please", "monday", "everywhere"} & set(everything)


def test_singular_and_plural_count_as_one(said: dict[str, str | None]) -> None:
    assert set((said["Potholes in Mill Hill"] or "").split()) == {"cracked", "lid", "wasp"}


def test_fewer_than_three_words_are_not_shown(said: dict[str, str | None]) -> None:
    assert said["Parks in Old Harbour"] is None
    assert said["Parks in Mill Hill"] is None


def test_what_only_one_person_wrote_is_not_shown(said: dict[str, str | None]) -> None:
    assert said["Water leaks in Mill Hill"] is None
