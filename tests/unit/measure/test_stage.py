from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from answerable import schema
from answerable.errors import SettingsError
from answerable.measure.measures import MEASURES
from answerable.measure.stage import measure

ALL = ("all", "all", "all")


def value(row: dict[str, Any]) -> float:
    assert row["value"] is not None
    return float(row["value"])


def test_open_is_there_for_every_month_up_to_t(world: Any) -> None:
    """The month is London's: 31 January 23:30 UTC is January there, and 30 June 23:30 UTC is July."""
    world.source("city", "2024-07-10T00:00")
    world.feedback("a", "2024-01-31T23:30", closed_at="2024-06-30T23:30", area_code="north")
    world.feedback("b", "2024-03-05T00:00", closed_at="2024-03-06T00:00")
    found = world.measured()
    months = [f"2024-0{m}" for m in range(1, 8)]
    assert [found["open", m, "all", "all"]["value"] for m in months] == [1, 1, 1, 1, 1, 1, 0]
    assert [found["raised", m, "all", "all"]["value"] for m in months] == [1, 0, 1, 0, 0, 0, 0]
    assert found["open", *ALL]["value"] == 0
    assert found["raised", "all", "area", "unplaced"]["value"] == 1
    assert found["open", "2024-02", "area", "unplaced"]["value"] == 0
    assert ("response_rate", "2024-02", "all", "all") not in found


def test_every_row_is_of_a_defined_measure_and_of_its_breakdowns(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.feedback("a", "2024-01-31T23:30", closed_at="2024-06-30T23:00", support_count=3)
    for (name, interval, breakdown, _), row in world.measured().items():
        definition = MEASURES[name]
        assert breakdown in definition.breakdowns
        assert row["unit"] == definition.unit
        assert interval == "all" or definition.is_monthly


def test_definitions_know_only_breakdowns_of_the_schema() -> None:
    for definition in MEASURES.values():
        assert set(definition.breakdowns) <= set(schema.BREAKDOWNS)
        assert definition.form == "count" or definition.denominator


def test_a_selection_gives_times_of_its_own_and_no_rates(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.source("hall", "2024-07-10T00:00", rates=False)
    for number in range(12):
        world.feedback(f"c{number}", "2024-01-01T00:00", responses=("2024-01-03T00:00",))
        world.feedback(f"h{number}", "2024-01-01T00:00", source="hall", responses=("2024-01-02T00:00",))
    found = world.measured()
    assert value(found["raised", *ALL]) == 24
    assert found["response_rate", *ALL]["denominator"] == 12
    assert ("response_rate", "all", "source", "hall") not in found
    assert value(found["median_days_to_first_response", *ALL]) == 2
    assert value(found["median_days_to_first_response", "all", "source", "hall"]) == 1


def test_where_all_is_a_selection_its_times_are_shown_by_agency(world: Any) -> None:
    world.source("hall", "2024-07-10T00:00", rates=False)
    for number in range(12):
        world.feedback(f"h{number}", "2024-01-01T00:00", source="hall", responses=("2024-01-02T00:00",))
    found = world.measured()
    assert value(found["median_days_to_first_response", "all", "agency", "a"]) == 1
    assert not any(m.endswith("_rate") for m, _, _, _ in found)


def test_lists(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.feedback(
        "a", "2024-01-01T00:00", closed_at="2024-01-02T00:00", reading={"closing_reason": "cancelled"}
    )
    world.feedback("b", "2024-01-01T00:00", closed_at="2024-01-02T00:00")
    world.feedback("c", "2024-01-01T00:00", reading={"is_counted": False, "exclusion": "duplicate"})
    key = {"feedback_id": "a", "source_id": "city", "month": "2024-01", "redaction_count": 0}
    world.add("update_reading", update_id="1", update_class="referral", **key)
    world.add("update_reading", update_id="2", update_class="work_done", **key)
    world.add("update_reading", update_id="3", update_class=None, **key)
    response = {"source_id": "city", "responded_at": "2024-01-02T00:00", "feedback_count": 1}
    world.add("response", response_id="1", update_class="work_done", agency_code="a", **response)
    world.add("response", response_id="2", update_class="substance", agency_code=None, **response)
    world.add("finding", finding_id="1", source_id="city", finding_code="place_missing", row_count=3)
    world.add("finding", finding_id="2", source_id="city", finding_code="place_missing", row_count=4)
    found = world.measured()
    assert value(found["held", "all", "source", "city"]) == 3
    assert value(found["held", *ALL]) == 3
    assert value(found["excluded", "all", "exclusion", "duplicate"]) == 1
    assert found["updates", "all", "update_class", "referral"]["numerator"] == 1
    assert found["updates", "all", "update_class", "referral"]["denominator"] == 2
    assert value(found["closings", "all", "closing_reason", "cancelled"]) == 1
    assert value(found["closings", "all", "closing_reason", "unknown"]) == 1
    assert value(found["responses", "all", "agency", schema.MISSING_CODE]) == 1
    assert value(found["responses", *ALL]) == 2
    assert value(found["findings", "all", "finding", "city/place_missing"]) == 7


def issue(world: Any, issue_id: str, members: list[tuple[str, str]], *, has_page: bool = True) -> None:
    world.add(
        "issue",
        issue_id=issue_id,
        slug=issue_id,
        kind="place",
        public_title="x",
        topic_code="t",
        agency_code="a",
        first_at="2024-01-01T00:00",
        last_at="2024-01-01T00:00",
        feedback_count=len(members),
        has_page=has_page,
    )
    for feedback_id, source_id in members:
        world.add(
            "issue_feedback",
            feedback_id=feedback_id,
            source_id=source_id,
            month="2024-01",
            issue_id=issue_id,
            method="place",
        )


def test_issues_with_a_page_have_their_numbers(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.feedback("a", "2024-01-01T00:00", closed_at="2024-01-02T00:00", support_count=7)
    world.feedback("b", "2024-01-01T00:00")
    world.feedback("c", "2024-01-01T00:00")
    issue(world, "i", [("a", "city"), ("b", "city")])
    issue(world, "without", [("c", "city")], has_page=False)
    found = world.measured()
    assert value(found["raised", "all", "issue", "i"]) == 2
    assert value(found["open", "all", "issue", "i"]) == 1
    assert value(found["supporters", "all", "issue", "i"]) == 7
    assert ("raised", "all", "issue", "without") not in found


def private_world(world: Any, agencies: dict[str, int]) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    world.source("city", "2024-07-10T00:00")
    world.source("hall", "2024-07-10T00:00", rows=False)
    world.feedback("c", "2024-01-01T00:00")
    for agency, count in agencies.items():
        for number in range(count):
            world.feedback(
                f"{agency}{number}", "2024-01-01T00:00", source="hall", reading={"agency_code": agency}
            )
    found: dict[tuple[str, str, str, str], dict[str, Any]] = world.measured()
    return found


def test_small_private_numbers_are_hidden_and_never_zero(world: Any) -> None:
    found = private_world(world, {"a": 4, "b": 20, "d": 30})
    for agency in ("a", "b"):
        row = found["raised", "all", "agency", agency]
        assert row["is_suppressed"]
        assert all(row[c] is None for c in ("value", "low", "high", "numerator", "denominator"))
    assert value(found["raised", "all", "agency", "d"]) == 30
    assert value(found["raised", *ALL]) == 55
    assert found["raised", "2024-02", "agency", "a"]["is_suppressed"]
    assert value(found["raised", "2024-02", "agency", "d"]) == 0


def test_five_private_ones_are_shown(world: Any) -> None:
    found = private_world(world, {"a": 5, "b": 6})
    assert not any(r["is_suppressed"] for r in found.values())
    assert value(found["raised", "all", "agency", "a"]) == 6


def test_a_small_private_number_of_a_list_does_not_follow_from_its_sum(world: Any) -> None:
    world.source("hall", "2024-07-10T00:00", rows=False)
    for number in range(20):
        reading = {"is_counted": number > 3, "exclusion": None if number > 3 else "irrelevant"}
        world.feedback(f"h{number}", "2024-01-01T00:00", source="hall", reading=reading)
    world.add("finding", finding_id="1", source_id="hall", finding_code="place_missing", row_count=4)
    world.add("finding", finding_id="2", source_id="hall", finding_code="place_outside", row_count=5)
    found = world.measured()
    assert found["excluded", "all", "exclusion", "irrelevant"]["is_suppressed"]
    assert found["excluded", *ALL]["is_suppressed"]
    # 20 held and 16 raised would tell.
    assert value(found["raised", *ALL]) == 16
    assert found["held", *ALL]["is_suppressed"]
    assert found["findings", "all", "finding", "hall/place_missing"]["is_suppressed"]
    assert value(found["findings", "all", "finding", "hall/place_outside"]) == 5


def test_one_more_of_a_list_is_hidden_with_a_small_one(world: Any) -> None:
    world.source("hall", "2024-07-10T00:00", rows=False)
    reasons = {"duplicate": 2, "irrelevant": 7, "official": 9}
    for reason, count in reasons.items():
        for number in range(count):
            world.feedback(
                f"{reason}{number}",
                "2024-01-01T00:00",
                source="hall",
                reading={"is_counted": False, "exclusion": reason},
            )
    found = world.measured()
    hidden = {g for (m, _, _, g), r in found.items() if m == "excluded" and r["is_suppressed"]}
    assert hidden == {"duplicate", "irrelevant"}
    assert value(found["held", *ALL]) == 18


def test_private_issues_are_hidden_where_one_is_small(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.source("hall", "2024-07-10T00:00", rows=False)
    for number in range(10):
        world.feedback(f"h{number}", "2024-01-01T00:00", source="hall")
    world.feedback("c", "2024-01-01T00:00")
    issue(world, "large", [(f"h{n}", "hall") for n in range(7)])
    issue(world, "small", [(f"h{n}", "hall") for n in range(7, 10)])
    issue(world, "public", [("c", "city")])
    found = world.measured()
    assert found["raised", "all", "issue", "small"]["is_suppressed"]
    assert found["raised", "all", "issue", "large"]["is_suppressed"]
    assert found["open", "all", "issue", "large"]["is_suppressed"]
    assert value(found["raised", "all", "issue", "public"]) == 1


def labels(world: Any, text: str) -> Path:
    path: Path = world.settings.lookup("update_labels.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_labels_are_compared_with_the_rules(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    classes = ["work_done"] * 6 + ["referral"] * 6
    for number, update_class in enumerate(classes):
        world.feedback(f"f{number}", "2024-01-01T00:00", updates=(("replied", "2024-01-02T00:00"),))
        world.add(
            "update_reading",
            update_id=f"f{number}-0",
            feedback_id=f"f{number}",
            source_id="city",
            month="2024-01",
            update_class=update_class,
            redaction_count=0,
        )
    people = ["substance"] * 5 + ["internal"] + ["referral"] * 4 + ["work_done", "unclear"]
    labels(world, "record_id,update_class\n" + "".join(f"f{n},{c}\n" for n, c in enumerate(people)))
    found = world.measured()
    precision, recall = found["label_precision", *ALL], found["label_recall", *ALL]
    assert (precision["numerator"], precision["denominator"]) == (5, 6)
    assert (recall["numerator"], recall["denominator"]) == (5, 6)
    assert precision["is_too_few"]
    assert value(found["labelled", *ALL]) == 12
    assert value(found["labelled", "all", "label", "substance/work_done"]) == 5
    assert value(found["labelled", "all", "label", "unclear/referral"]) == 1


def test_a_label_that_is_no_class_is_named_with_its_line(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.feedback("a", "2024-01-01T00:00")
    path = labels(world, "record_id,update_class\na,substance\nb,answer\n")
    with pytest.raises(SettingsError, match="answer is not a class") as caught:
        world.measured()
    assert (caught.value.file, caught.value.line) == (path, 3)


def test_measuring_again_does_nothing_and_a_change_is_seen(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.feedback("a", "2024-01-01T00:00")
    world.feedback("b", "2024-03-01T00:00")
    world.measured()
    before = world.store.generation
    measure(world.store, world.settings)
    assert world.store.generation == before
    january = world.store.partitions("clock")[0]
    world.feedback("c", "2024-03-02T00:00", closed_at="2024-03-03T00:00")
    found = world.measured()
    assert value(found["raised", *ALL]) == 3
    assert world.store.partitions("clock")[0] == january


def test_feedback_that_is_gone_leaves_the_numbers(world: Any) -> None:
    world.source("city", "2024-07-10T00:00")
    world.feedback("a", "2024-01-01T00:00")
    world.feedback("b", "2024-03-01T00:00")
    world.measured()
    for name in ("feedback", "reading"):
        world.rows[name] = world.rows[name][1:]
    found = world.measured()
    assert value(found["raised", *ALL]) == 1
    assert ("raised", "2024-01", "all", "all") not in found
    assert world.store.months("clock") == ("2024-03",)
    for name in ("feedback", "reading"):
        world.rows[name] = []
    assert not any(m == "raised" for m, _, _, _ in world.measured())
