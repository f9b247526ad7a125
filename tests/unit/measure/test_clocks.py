from __future__ import annotations

from typing import Any

import pytest


def test_the_first_and_the_last_of_what_happened(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    world.feedback(
        "x",
        "2024-01-01T10:00:30",
        updates=(
            ("acknowledged", "2024-01-01T10:05"),
            ("closed", "2024-01-02T10:00"),
            ("reopened", "2024-01-03T10:00"),
            ("closed", "2024-01-04T10:00:29"),
            ("confirmed", "2024-01-05T10:00"),
        ),
        responses=("2024-01-02T09:00", "2024-01-03T09:00"),
        closed_at="2024-01-04T10:00:29",
        reading={"closing_reason": "work_done"},
    )
    clock = world.clocks()["x"]
    assert str(clock["acknowledged_at"]) == "2024-01-01 10:05:00"
    assert str(clock["responded_at"]) == "2024-01-02 09:00:00"
    assert str(clock["closed_at"]) == "2024-01-04 10:00:29"
    assert str(clock["confirmed_at"]) == "2024-01-05 10:00:00"
    # One second short of three days; thirty short of 22 h 59 min 30 s: whole minutes, rounded down.
    assert clock["closing_minutes"] == 3 * 1440 - 1
    assert clock["response_minutes"] == 22 * 60 + 59
    assert clock["closing_reason"] == "work_done"
    assert clock["is_time_possible"]


def test_what_was_opened_again_is_not_closed(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    world.feedback(
        "x",
        "2024-01-01T00:00",
        updates=(("closed", "2024-01-02T00:00"), ("reopened", "2024-01-03T00:00")),
        closed_at="2024-01-02T00:00",
        reading={"closing_reason": "work_done"},
    )
    clock = world.clocks()["x"]
    assert clock["closed_at"] is None
    assert clock["closing_reason"] is None
    assert clock["closing_minutes"] == 60 * 1440


def test_opened_again_at_the_same_instant_is_open(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    world.feedback(
        "x", "2024-01-01T00:00", updates=(("reopened", "2024-01-02T00:00"), ("closed", "2024-01-02T00:00"))
    )
    assert world.clocks()["x"]["closed_at"] is None


@pytest.mark.parametrize(("at", "happened"), [("2024-03-01T00:00:00", True), ("2024-03-01T00:00:01", False)])
def test_an_event_at_t_counts_and_a_later_one_does_not_exist(world: Any, at: str, happened: bool) -> None:
    world.source("city", "2024-03-01T00:00")
    world.feedback("x", "2024-02-29T00:00", updates=(("closed", at),), responses=(at,), closed_at=at)
    clock = world.clocks()["x"]
    assert (clock["responded_at"] is not None) is happened
    assert (clock["closed_at"] is not None) is happened
    assert (clock["acknowledged_at"] is not None) is happened
    assert clock["closing_minutes"] == 1440


def test_impossible_times(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    world.feedback("before", "2024-01-02T00:00", closed_at="2024-01-01T23:59:59")
    world.feedback("ancient", "2024-01-02T00:00", closed_at="1900-01-01T00:00")
    world.feedback("future", "2024-01-02T00:00", closed_at="2150-01-01T00:00")
    world.feedback("this-year", "2024-01-02T00:00", closed_at="2024-12-31T00:00")
    world.feedback("same", "2024-01-02T00:00", closed_at="2024-01-02T00:00")
    world.feedback("note", "2024-01-02T00:00", updates=(("replied", "2024-01-01T00:00"),))
    found = world.measured()
    clocks = world.clocks()
    assert {k for k, c in clocks.items() if c["is_time_possible"]} == {"this-year", "same"}
    # The closing clock minds closings only.
    assert {k for k, c in clocks.items() if c["closing_minutes"] is not None} == {"this-year", "same", "note"}
    assert found["raised", "all", "all", "all"]["value"] == 6
    assert found["acknowledged_rate", "all", "all", "all"]["denominator"] == 2
    assert found["median_days_to_closing", "all", "all", "all"]["denominator"] == 3
    assert found["open", "all", "all", "all"]["value"] == 3


def test_dates_are_measured_in_days_of_the_source(world: Any) -> None:
    """London's clocks change on 31 March: that day has 23 hours, and is a day all the same."""
    world.source("city", "2024-04-10T12:00")
    world.feedback(
        "x",
        "2024-03-30T00:00",
        time_precision="day",
        responses=("2024-04-01T23:00",),
        closed_at="2024-03-31T23:00",
    )
    clock = world.clocks()["x"]
    assert clock["closing_minutes"] == 2 * 1440
    assert clock["response_minutes"] == 3 * 1440
    assert clock["known_minutes"] == 11 * 1440


def test_petitions_wait_from_their_threshold(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    petition = {"kind": "petition", "threshold_count": 100}
    world.feedback("below", "2024-01-01T00:00", support_count=99, **petition)
    world.feedback(
        "answered-below", "2024-01-01T00:00", support_count=99, responses=("2024-01-05T00:00",), **petition
    )
    world.feedback("unknown-day", "2024-01-01T00:00", support_count=100, **petition)
    world.feedback(
        "due",
        "2024-01-01T00:00",
        support_count=200,
        threshold_reached_at="2024-01-10T00:00",
        responses=("2024-01-12T00:00",),
        **petition,
    )
    world.feedback(
        "early",
        "2024-01-01T00:00",
        support_count=200,
        threshold_reached_at="2024-01-10T00:00",
        responses=("2024-01-09T00:00",),
        **petition,
    )
    found = world.measured()
    clocks = world.clocks()
    assert {k for k, c in clocks.items() if c["is_response_expected"]} == {
        "answered-below",
        "unknown-day",
        "due",
        "early",
    }
    assert {k: c["response_minutes"] for k, c in clocks.items() if c["response_minutes"] is not None} == {
        "due": 2 * 1440
    }
    rate = found["response_rate", "all", "all", "all"]
    assert (rate["numerator"], rate["denominator"]) == (2, 3)
    assert found["median_days_to_first_response", "all", "all", "all"]["denominator"] == 1
    assert found["acknowledged_rate", "all", "all", "all"]["denominator"] == 4


def test_petitions_without_a_known_threshold_have_no_rate(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    for number in range(12):
        answers = ("2024-01-05T00:00",) if number < 10 else ()
        world.feedback(f"p{number}", "2024-01-01T00:00", kind="petition", support_count=5, responses=answers)
    rate = world.measured()["response_rate", "all", "all", "all"]
    assert (rate["denominator"], rate["is_too_few"], rate["value"]) == (0, True, None)


@pytest.mark.parametrize(("days", "name"), [(7, "7d"), (28, "28d"), (90, "90d")])
def test_within_n_days_includes_the_day_itself(world: Any, days: int, name: str) -> None:
    """Raised exactly N days before T, and answered exactly N days after: both count. A minute more: neither."""
    world.source("city", "2024-06-01T12:00")
    created = {7: "2024-05-25", 28: "2024-05-04", 90: "2024-03-03"}[days]
    world.feedback("in", f"{created}T12:00", responses=("2024-06-01T12:00",))
    world.feedback("slow", f"{created}T11:59", responses=("2024-06-01T12:00",))
    world.feedback("young", f"{created}T12:01", responses=("2024-06-01T12:00",))
    row = world.measured()[f"response_rate_{name}", "all", "all", "all"]
    assert (row["numerator"], row["denominator"]) == (1, 2)


def test_what_is_not_counted_has_no_clock(world: Any) -> None:
    world.source("city", "2024-03-01T00:00")
    world.feedback("x", "2024-01-01T00:00")
    world.feedback("y", "2024-01-01T00:00", reading={"is_counted": False, "exclusion": "duplicate"})
    assert set(world.clocks()) == {"x"}
