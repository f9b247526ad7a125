"""Service failures, from feedback in the store to the tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from answerable.measure.clocks import clocks
from answerable.measure.daily import Span
from answerable.measure.failures import failure_rows, find_failures
from answerable.measure.rises import Segment, segments

ZONE = "Europe/London"
FIRST = datetime(2024, 1, 1, 12)  # noqa: DTZ001
DAYS = 120
BURST = 100
END = FIRST + timedelta(days=DAYS)
WORDS = "The bin of our street was not emptied again"


def day(number: int) -> date:
    return (FIRST + timedelta(days=number)).date()


class Town:
    """A world with a few messages a day, to which a test adds what it is about."""

    def __init__(self, world: Any, *, days: int = DAYS) -> None:
        self.world = world
        self.count = 0
        for number in range(days):
            for _ in range((2, 3, 2, 1, 3, 2, 1)[number % 7]):
                self.say(number, source="city")

    def say(self, number: int, **more: Any) -> None:
        self.count += 1
        at = FIRST + timedelta(days=number, minutes=self.count % 600)
        self.world.feedback(f"f{self.count:05d}", f"{at:%Y-%m-%dT%H:%M:%S}", **more)

    def burst(self, count: int, number: int = BURST, **more: Any) -> None:
        for _ in range(count):
            self.say(number, **more)

    def look(self) -> None:
        """Write what was added with its clocks, and look for failures."""
        store, settings = self.world.store, self.world.settings
        self.world.write()
        names = ("feedback", "feedback_update", "reading", "response_feedback")
        with store.transaction():
            rows = clocks(
                *(store.read(name) for name in names),
                sources=store.read("source"),
                zones={"city": ZONE, "hall": ZONE},
            )
            store.write("clock", rows)
        found = find_failures(store, settings.site.timezone, lambda: [store.months("clock")])
        self.rows = sorted(found.rows.to_pylist(), key=lambda r: r["started_on"])
        self.numbers = {
            (r["measure"], r["group_code"], r["interval"]): r["value"]
            for r in failure_rows(found).to_dict("records")
        }

    def failures(self, **source: Any) -> list[dict[str, Any]]:
        """The rows of ``failure``, with a source that is complete to the town's last day."""
        self.world.source("city", f"{END:%Y-%m-%d}T00:00:00", **source)
        self.look()
        return self.rows

    def number(self, measure: str, group: str = "all", interval: str = "all") -> Any:
        return self.numbers[measure, group, interval]

    @property
    def described(self) -> set[str]:
        """The failures that have numbers."""
        return {group for _, group, _ in self.numbers} - {"all"}


@pytest.fixture
def town(world: Any) -> Town:
    return Town(world)


def test_a_day_on_which_many_wrote_is_a_failure(town: Town) -> None:
    town.burst(25, reading={"topic_code": "t", "agency_code": "b"}, responses=("2024-04-15T12:00:00",))
    (failure,) = town.failures()
    assert (failure["topic_code"], failure["area_code"], failure["agency_code"]) == ("t", None, "b")
    assert (failure["started_on"], failure["ended_on"]) == (day(BURST), day(BURST))
    assert failure["noticed_on"] == day(BURST)
    assert failure["people_count"] == failure["feedback_count"] == 27
    assert 1 < failure["expected_count"] < 4
    assert failure["z"] > 4
    assert (failure["answered_count"], failure["is_answered"]) == (25, True)
    assert failure["answered_on"] == date(2024, 4, 15)
    assert failure["is_copied_text"] is False
    assert town.number("failures") == 1
    assert town.number("failure_people", failure["failure_id"]) == 27
    assert town.number("failure_people", failure["failure_id"], day(BURST).isoformat()) == 27
    assert town.number("failure_people", failure["failure_id"], day(BURST - 2).isoformat()) < 4
    assert town.number("failure_answered", failure["failure_id"]) == 25


def test_quiet_days_are_looked_at_and_nothing_is_found(town: Town) -> None:
    assert town.failures() == []
    assert town.number("failures") == 0
    assert town.number("watched_days") == DAYS - 65
    assert town.number("watched_series") == 2


def test_eight_weeks_are_too_few_to_say_anything(world: Any) -> None:
    town = Town(world, days=60)
    town.burst(30, 58)
    world.source("city", f"{FIRST + timedelta(days=60):%Y-%m-%d}T00:00:00")
    town.look()
    assert town.number("watched_days") == town.number("failures") == 0


def test_one_area_that_explains_it_is_where_it_was(town: Town) -> None:
    town.burst(25, area_code="north")
    (failure,) = town.failures()
    assert (failure["area_code"], failure["area_codes"]) == ("north", "north")
    assert failure["people_count"] == 25


def test_one_person_is_no_failure_however_much_they_write(town: Town) -> None:
    for number in range(40):
        town.burst(1, author_key="x", text=f"Again, and for the {'x' * number} time in words of my own")
    assert town.failures() == []
    assert town.number("failures_of_one_text") == 0


def test_a_flood_of_copies_is_no_failure_but_is_told(town: Town) -> None:
    for number in range(500):
        town.burst(1, author_key=f"young-{number}", text=f"{WORDS}! #{number}")
    (flood,) = town.failures()
    assert flood["is_copied_text"] is True
    assert town.number("failures") == 0
    assert town.number("failures_of_one_text") == 1
    assert not town.described


def test_a_flood_does_not_hide_the_people_beside_it(town: Town) -> None:
    for number in range(200):
        town.burst(1, author_key=f"young-{number}", text=WORDS)
    for number in range(25):
        town.burst(
            1,
            author_key=f"p{number}",
            text=f"Nobody came to street {'abcdefghijklmnopqrstuvwxyz'[number]} at all",
        )
    (failure,) = town.failures()
    assert failure["is_copied_text"] is False


def test_words_that_a_form_puts_in_are_no_copies(world: Any) -> None:
    town = Town(world, days=0)
    for number in range(DAYS):
        town.burst(2, number, text=WORDS)
    town.burst(30, text=WORDS)
    (failure,) = town.failures()
    assert failure["is_copied_text"] is False


def test_two_people_are_no_failure_where_nobody_ever_writes(world: Any) -> None:
    town = Town(world, days=0)
    town.say(0)
    town.burst(2)
    town.say(DAYS - 1)
    assert town.failures() == []


def test_duplicates_are_not_people(town: Town) -> None:
    town.burst(
        40, reading={"is_counted": False, "exclusion": "duplicate", "topic_code": "t", "agency_code": "a"}
    )
    assert town.failures() == []


@pytest.mark.parametrize("source", [{"rows": False}, {"rates": False}, {"is_complete": False}])
def test_a_source_that_hides_selects_or_is_not_read_to_its_end_takes_no_part(
    town: Town, source: dict[str, bool]
) -> None:
    town.burst(40)
    known = {name: value for name, value in source.items() if name != "is_complete"}
    town.world.source("city", f"{END:%Y-%m-%d}T00:00:00", **known)
    if not source.get("is_complete", True):
        town.world.rows["source"][0]["is_complete"] = False
    town.look()
    assert town.number("failures") == town.number("watched_days") == 0
    assert not town.described


def test_the_day_of_t_and_later_days_are_not_looked_at(town: Town) -> None:
    town.burst(40, DAYS - 1)
    town.world.source("city", f"{day(DAYS - 1)}T22:30:00")  # half an hour before the day ends in London
    town.look()
    assert town.number("failures") == 0


def test_a_failure_that_lasts_where_the_data_end_has_no_end(town: Town) -> None:
    for number in range(DAYS - 3, DAYS):
        town.burst(25, number)
    (failure,) = town.failures()
    assert (failure["started_on"], failure["ended_on"]) == (day(DAYS - 3), None)
    assert failure["last_on"] == day(DAYS - 1)


def test_a_new_source_is_no_failure(town: Town) -> None:
    town.world.source("hall", f"{END:%Y-%m-%d}T00:00:00")
    for number in range(20, DAYS):
        town.burst(30, number, source="hall")
    assert town.failures() == []


def test_what_several_topics_of_an_agency_share_is_the_agencys(world: Any) -> None:
    # No topic of the burst is one that the site knows.
    town = Town(world)
    town.burst(25, reading={"topic_code": "unmapped", "agency_code": "a"})
    (failure,) = town.failures()
    assert (failure["topic_code"], failure["agency_code"]) == (None, "a")


def test_an_issue_with_a_page_is_linked(town: Town) -> None:
    town.burst(25)
    row = {"slug": "s", "kind": "place", "public_title": "x", "topic_code": "t", "agency_code": "a",
           "first_at": "2024-04-01T00:00:00", "last_at": "2024-04-02T00:00:00", "feedback_count": 25}  # fmt: skip
    town.world.add("issue", issue_id="i1", has_page=True, **row)
    town.world.add("issue", issue_id="i2", has_page=False, **row)
    for number, own in enumerate(town.world.rows["feedback"][-25:]):
        town.world.add(
            "issue_feedback", feedback_id=own["feedback_id"], source_id="city", month=own["month"],
            issue_id="i1" if number < 5 else "i2", method="place",
        )  # fmt: skip
    (failure,) = town.failures()
    assert failure["issue_id"] == "i1"


def test_days_are_cut_where_a_source_joins_or_leaves() -> None:
    spans = {"a": Span(0, 399), "b": Span(200, 299)}
    assert list(segments(spans)) == [
        Segment(65, 264, 0, 399, ("a",)),
        Segment(265, 299, 200, 299, ("a", "b")),
        Segment(300, 399, 0, 399, ("a",)),
    ]


def test_the_stage_writes_failures_with_the_numbers(town: Town) -> None:
    town.burst(25)
    town.world.source("city", f"{END:%Y-%m-%d}T00:00:00")
    numbers = town.world.measured()
    (failure,) = town.world.store.con.to_pyarrow(town.world.store.read("failure")).to_pylist()
    assert (
        numbers["failure_people", "all", "failure", failure["failure_id"]]["value"] == failure["people_count"]
    )
    assert numbers["failures", "all", "all", "all"]["value"] == 1
