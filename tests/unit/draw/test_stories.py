from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from answerable.draw import stories
from answerable.draw.numbers import Numbers, Row

MakeRow = Callable[..., Row]
NAMES = {"agency": {"z": "Allotments", "a": "Zoo", "m": "museums", "n": "District 5"}}


def scene(*rows: Row, complete_until: str | None = None) -> stories.Scene:
    return stories.Scene(Numbers.from_frame(pd.DataFrame(rows)), NAMES, (), complete_until)


@pytest.mark.parametrize(
    ("as_of", "month"),
    [
        (datetime(2024, 3, 12, tzinfo=UTC), "2024-02"),
        (datetime(2024, 3, 1, tzinfo=UTC), "2024-01"),  # still February in New York
        (datetime(2024, 3, 1, 5, tzinfo=UTC), "2024-02"),
        (datetime(2024, 3, 1, 4, 59, 59, tzinfo=UTC), "2024-02"),
        (datetime(2024, 1, 31, 12), "2023-12"),  # noqa: DTZ001  as the store gives it
    ],
)
def test_the_last_complete_month(as_of: datetime, month: str) -> None:
    assert stories.last_complete_month(as_of, ZoneInfo("America/New_York")) == month


def raised(make_row: MakeRow, *counts: float | None) -> list[Row]:
    months = [str(p) for p in pd.period_range("2024-01", periods=len(counts), freq="M")]
    rows = [
        make_row(value=c, interval=m, is_suppressed=c is None) for c, m in zip(counts, months, strict=True)
    ]
    return [make_row(value=float(sum(c or 0 for c in counts))), *rows]


def test_an_incomplete_month_is_left_out_and_said_to_be(make_row: MakeRow) -> None:
    rows = raised(make_row, 5, 9, 7, 2)
    figure = stories.raised_by_month(scene(*rows, complete_until="2024-03"))
    assert figure is not None
    assert [line.name for line in figure.lines] == ["2024-01", "2024-02", "2024-03"]
    assert "not complete" in str(figure.notes[0])
    assert "February 2024, with 9" in figure.sentence.striptags()
    whole = stories.raised_by_month(scene(*rows, complete_until="2024-04"))
    assert whole is not None
    assert len(whole.lines) == 4
    assert not whole.notes


def test_a_hidden_month_is_hidden_in_the_drawing_too(make_row: MakeRow) -> None:
    figure = stories.raised_by_month(scene(*raised(make_row, 5, None, 7, 8)))
    assert figure is not None
    drawn = figure.wide["datasets"]["rows"]
    assert [row["raised"] for row in drawn] == [5, None, 7, 8]
    assert "hidden to protect people" in drawn[1]["text"]


def test_too_little_makes_no_figure(make_row: MakeRow) -> None:
    empty = scene(make_row("held", 3.0, breakdown="source", group_code="s"))
    for story in (
        stories.raised_by_month,
        stories.answered_by_month,
        stories.answered_within,
        stories.waiting_times,
        stories.response_time_by_month,
        stories.closing_time_by_month,
        stories.rate_by_group,
        stories.days_by_group,
        stories.volumes,
        stories.closing_reasons,
        stories.update_classes,
    ):
        assert story(empty) is None, story
    assert stories.area_map(empty, []) is None
    assert stories.raised_by_month(scene(*raised(make_row, 5, 9))) is None


def test_only_months_that_are_old_enough_as_a_whole(make_row: MakeRow) -> None:
    def month(name: str, old: int) -> list[Row]:
        rate = make_row("response_rate", 0.5, low=0.4, high=0.6, unit="share", interval=name, denominator=40)
        return [rate, rate._replace(measure="response_rate_28d", denominator=old)]

    rows = [
        row
        for name, old in (("2024-01", 40), ("2024-02", 40), ("2024-03", 40), ("2024-04", 31))
        for row in month(name, old)
    ]
    figure = stories.answered_by_month(scene(*rows))
    assert figure is not None
    assert [line.name for line in figure.lines] == ["2024-01", "2024-02", "2024-03"]
    assert "left out" in str(figure.notes[0])


def test_groups_stand_in_the_order_of_their_names(make_row: MakeRow) -> None:
    rows = [
        make_row(
            "response_rate",
            value,
            low=value - 0.1,
            high=value + 0.1,
            unit="share",
            breakdown="agency",
            group_code=code,
        )
        for code, value in (("a", 0.9), ("m", 0.5), ("unmapped", 0.7), ("z", 0.2))
    ]
    figure = stories.rate_by_group(scene(*rows))
    assert figure is not None
    names = ["Allotments", "museums", "Zoo", "Not recognised"]
    assert [line.name for line in figure.lines] == names
    for spec in (figure.wide, figure.narrow):
        assert [row["name"] for row in spec["datasets"]["rows"]] == names
        sorts = [layer["encoding"]["y"]["sort"] for layer in spec["layer"]]
        assert all(sort == names for sort in sorts)


def test_what_cannot_be_said_is_written_where_its_mark_would_be(make_row: MakeRow) -> None:
    few = make_row(
        "response_rate",
        0.5,
        low=0.1,
        high=0.9,
        unit="share",
        breakdown="agency",
        group_code="a",
        is_too_few=True,
    )
    rows = [few, *(few._replace(group_code=code, is_too_few=False) for code in "mz")]
    figure = stories.rate_by_group(scene(*rows))
    assert figure is not None
    drawn = {row["name"]: row for row in figure.wide["datasets"]["rows"]}
    assert (drawn["Zoo"]["value"], drawn["Zoo"]["low"], drawn["Zoo"]["note"]) == (
        None,
        None,
        "too few to say",
    )
    assert drawn["museums"]["note"] == ""


def test_a_digit_in_a_name_is_marked_as_a_name(make_row: MakeRow) -> None:
    rows = [make_row(value=float(v), breakdown="agency", group_code=code) for code, v in (("n", 9), ("z", 3))]
    figure = stories.volumes(scene(*rows), breakdown="agency")
    assert figure is not None
    assert '<span data-id="">District 5</span>' in figure.sentence
    assert figure.lines[0].name == "District 5"


def test_a_quantile_that_is_not_reached_is_said_in_words(make_row: MakeRow) -> None:
    waiting = make_row("median_days_to_first_response", None, unit="days", is_not_reached=True)
    closing = make_row("median_days_to_closing", 6.13, low=5.9, high=6.5, unit="days")
    rows = [
        waiting,
        waiting._replace(measure="p90_days_to_first_response"),
        closing,
        closing._replace(measure="p90_days_to_closing", value=None, high=None, is_not_reached=True),
    ]
    figure = stories.waiting_times(scene(*rows))
    assert figure is not None
    assert "First answer: not reached yet: more than half are still waiting." in figure.sentence.striptags()
    first, second = figure.wide["datasets"]["rows"]
    assert first["note"].startswith("not reached yet")
    assert (second["note"], second["more"]) == ("", "nine in ten: not reached yet")


def test_an_unknown_breakdown_has_no_words(make_row: MakeRow) -> None:
    with pytest.raises(KeyError):
        stories.volumes(scene(make_row()), breakdown="weather")


def square(code: str, x: float) -> dict[str, object]:
    corners = [[x, 0.0], [x + 1, 0.0], [x + 1, 1.0], [x, 1.0], [x, 0.0]]
    return {
        "type": "Feature",
        "properties": {"area_code": code},
        "geometry": {"type": "Polygon", "coordinates": [corners]},
    }


def test_a_map_has_every_area_once_and_says_what_has_no_place(make_row: MakeRow) -> None:
    values = {"a": 10.0, "b": 250.0, "c": None, "unplaced": 77.0}
    rows = [
        make_row(value=v, breakdown="area", group_code=c, is_suppressed=v is None) for c, v in values.items()
    ]
    figure = stories.area_map(scene(*rows), [square(c, x) for x, c in enumerate("abcd")])
    assert figure is not None
    assert "77 could not be put on the map" in figure.sentence.striptags()
    drawn = {f["properties"]["name"]: f["properties"] for f in figure.wide["datasets"]["areas"]}
    assert set(drawn) == {"a", "b", "c", "d"}
    assert drawn["c"]["class"] == "Hidden to protect people"
    assert drawn["d"]["class"] == "None"
    assert drawn["a"]["class"] != drawn["b"]["class"]
    domain = figure.wide["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert {p["class"] for p in drawn.values()} <= set(domain)
    assert [line.name for line in figure.lines][-1] == "No place known"


def test_classes_of_a_map_hold_every_value(make_row: MakeRow) -> None:
    for values in (
        [1.0],
        [3.0] * 9,
        [float(v) for v in range(1, 200)],
        [1.0, 10_000.0],
        [999.0, 1000.0, 1001.0],
    ):
        codes = [f"a{i}" for i in range(len(values))]
        rows = [make_row(value=v, breakdown="area", group_code=c) for c, v in zip(codes, values, strict=True)]
        figure = stories.area_map(scene(*rows), [square(c, i) for i, c in enumerate(codes)])
        assert figure is not None
        for feature in figure.wide["datasets"]["areas"]:
            words, text = feature["properties"]["class"], feature["properties"]["text"]
            low, _, high = words.replace(",", "").partition(" to ")
            assert int(low) <= int(text.replace(",", "")) <= int(high or low)
