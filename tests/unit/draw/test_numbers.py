import re
from collections.abc import Callable
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from answerable.draw.numbers import (
    BRIEF,
    FORMS,
    Form,
    Number,
    Numbers,
    Row,
    UnknownNumberError,
    format_number,
)
from answerable.measure.measures import MEASURES

MakeRow = Callable[..., Row]
SPAN = re.compile(
    r'<span class="number[^"]*" data-measure="(.*?)" data-breakdown="(.*?)" data-group="(.*?)" data-interval="(.*?)"'
    r' data-field="(.*?)" data-form="(.*?)">(.*?)</span>'
)

UNITS = {"minute": 1 / 1440, "minutes": 1 / 1440, "hour": 1 / 24, "hours": 1 / 24, "day": 1.0, "days": 1.0}


def read(text: str) -> float:
    """The number that a person reads in a text of ours."""
    if text.startswith("under a\N{NO-BREAK SPACE}minute"):
        return 0.5 / 1440
    number = float(re.sub(r"[^\d.]", "", text))
    if text.startswith("under"):
        number /= 2
    if text.startswith("over"):
        number += 0.5
    return number * UNITS.get(text.rpartition("\N{NO-BREAK SPACE}")[2], 1)


def test_counts(make_row: MakeRow) -> None:
    assert format_number(make_row(value=1234567.0)) == "1,234,567"
    assert format_number(make_row(numerator=1234), "numerator") == "1,234"
    assert format_number(make_row(unit="share", value=0.5, denominator=10), "denominator", "rate") == "10"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 %"),
        (0.0004, "under 0.1 %"),
        (0.0959, "9.6 %"),
        (0.0996, "10 %"),
        (0.634, "63 %"),
        (0.994, "99 %"),
        (0.9999, "over 99 %"),
        (1.0, "100 %"),
    ],
)
def test_rates(value: float, text: str, make_row: MakeRow) -> None:
    assert format_number(make_row("response_rate", value, unit="share")) == text.replace(
        " %", "\N{NO-BREAK SPACE}%"
    )


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0.0, "0 days"),
        (0.0001, "under a minute"),
        (1 / 1440, "1 minute"),
        (35.4 / 1440, "35 minutes"),
        (59.7 / 1440, "1 hour"),
        (5.2 / 24, "5 hours"),
        (23.9 / 24, "1 day"),
        (6.13, "6.1 days"),
        (7.0, "7 days"),
        (99.96, "100 days"),
        (557.9, "558 days"),
        (1200.0, "1,200 days"),
    ],
)
def test_days(days: float, text: str, make_row: MakeRow) -> None:
    written = format_number(make_row("median_days_to_closing", days, unit="days"))
    assert written.replace("\N{NO-BREAK SPACE}", " ") == text


@given(unit=st.sampled_from(["share", "days"]), data=st.data())
def test_rounding_never_turns_an_order_round(unit: str, data: st.DataObject, make_row: MakeRow) -> None:
    top = 1.0 if unit == "share" else 4000.0
    low, high = sorted(data.draw(st.tuples(st.floats(0, top), st.floats(0, top))))
    texts = [format_number(make_row("response_rate", value, unit=unit)) for value in (low, high)]
    assert read(texts[0]) <= read(texts[1])


@given(share=st.floats(0, 1))
def test_all_and_none_are_said_only_of_all_and_none(share: float, make_row: MakeRow) -> None:
    text = format_number(make_row("response_rate", share, unit="share")).replace("\N{NO-BREAK SPACE}", " ")
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)


def test_intervals(make_row: MakeRow) -> None:
    def interval(low: float | None, high: float | None, unit: str) -> str:
        row = make_row("response_rate", 0.5, low=low, high=high, unit=unit)
        return format_number(row, "interval").replace("\N{NO-BREAK SPACE}", " ")

    assert interval(0.61, 0.65, "share") == "61 to 65 %"
    assert interval(0.0001, 0.65, "share") == "under 0.1 % to 65 %"
    assert interval(0.98, 0.999, "share") == "98 to over 99 %"
    assert interval(5.9, 6.5, "days") == "5.9 to 6.5 days"
    assert interval(0.5, 6.5, "days") == "12 hours to 6.5 days"
    assert interval(1.0, 6.5, "days") == "1 to 6.5 days"
    assert interval(5.9, None, "days") == "5.9 days or more"
    assert interval(None, 5.9, "days") == "5.9 days or less"
    assert interval(5.91, 5.92, "days") == "5.9 days"
    assert not interval(None, None, "days")


def test_what_cannot_be_said_is_said_in_words(make_row: MakeRow) -> None:
    def text(measure: str, **more: object) -> str:
        return format_number(make_row(measure, None, unit="days", **more))

    assert (
        text("median_days_to_closing", is_not_reached=True)
        == "not reached yet: more than half are still waiting"
    )
    assert (
        text("p90_days_to_closing", is_not_reached=True)
        == "not reached yet: more than one in ten are still waiting"
    )
    assert text("median_days_to_closing", is_too_few=True) == "too few to say"
    assert text("median_days_to_closing", is_suppressed=True) == "hidden to protect people"
    assert text("median_days_to_closing") == "not known"


def test_a_table_says_it_in_few_words_that_are_explained(make_row: MakeRow) -> None:
    def text(measure: str, **more: object) -> str:
        return format_number(make_row(measure, None, unit="days", **more), form="brief")

    said = [
        text("median_days_to_closing", is_not_reached=True),
        text("p90_days_to_closing", is_not_reached=True),
        text("median_days_to_closing", is_too_few=True),
        text("median_days_to_closing", is_suppressed=True),
        text("median_days_to_closing"),
    ]
    assert said == ["not yet half", "not yet nine in ten", "too few", "hidden", "not known"]
    assert set(said) == set(BRIEF)
    known = make_row("response_rate", 0.5, low=0.4, high=0.6, unit="share")
    assert format_number(known, form="brief") == format_number(known)
    open_ended = make_row("median_days_to_closing", None, low=2.0, unit="days", is_not_reached=True)
    assert Number(open_ended, form="brief", is_with_interval=True).interval == ""


def test_a_suppressed_row_gives_nothing_away(make_row: MakeRow) -> None:
    # Should a number be left in such a row by mistake, no door of ours may show it.
    row = make_row("raised", 3.0, low=2.0, high=4.0, numerator=3, denominator=3, is_suppressed=True)
    number = Number(row, is_with_interval=True)
    assert number.raw is None
    for field in ("value", "low", "high", "interval", "numerator", "denominator"):
        assert not re.search(r"\d", format_number(row, field))
    assert not re.search(r"\d", Markup(number.html).striptags())


def test_a_number_of_too_few_has_no_interval(make_row: MakeRow) -> None:
    row = make_row("response_rate", 0.5, low=0.2, high=0.8, unit="share", is_too_few=True)
    assert Markup(Number(row, is_with_interval=True).html).striptags() == "too few to say"


def test_unknown_names_are_errors(make_row: MakeRow) -> None:
    with pytest.raises(ValueError, match="unit 'furlongs'"):
        format_number(make_row(unit="furlongs"))
    with pytest.raises(ValueError, match="form 'roman'"):
        format_number(make_row(), "value", "roman")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="field 'middle'"):
        format_number(make_row(), "middle")  # type: ignore[arg-type]


def test_every_measure_has_a_unit_that_can_be_written() -> None:
    assert {measure.unit for measure in MEASURES.values()} <= set(FORMS)
    assert set(FORMS.values()) | {"brief"} == set(get_args(Form))


def test_from_a_frame_with_all_kinds_of_nothing(make_row: MakeRow) -> None:
    rows = [
        make_row("raised", 12.0, numerator=12),
        make_row("raised", None, interval="2024-02", low=float("nan"), is_suppressed=True),
    ]
    frame = pd.DataFrame(rows).astype({"numerator": "Int64", "denominator": "float64"})
    numbers = Numbers.from_frame(frame)
    assert numbers.get("raised") == rows[0]
    hidden = numbers.get("raised", interval="2024-02")
    assert (hidden.value, hidden.low, hidden.numerator, hidden.is_suppressed) == (None, None, None, True)
    assert [row.interval for row in numbers.months("raised")] == ["2024-02"]
    assert numbers.find("raised", breakdown="agency", group="roads") is None
    with pytest.raises(
        UnknownNumberError, match="no number raised for breakdown agency, group roads, interval all"
    ):
        numbers.html("raised", breakdown="agency", group="roads")


def test_groups_come_in_the_order_of_their_codes(make_row: MakeRow) -> None:
    rows = [make_row(breakdown="agency", group_code=code) for code in ("b", "a", "c")]
    numbers = Numbers.from_frame(pd.DataFrame(rows))
    assert [row.group_code for row in numbers.groups("raised", "agency")] == ["a", "b", "c"]


def test_each_span_can_be_made_again_from_its_row(make_row: MakeRow) -> None:
    rows = [
        make_row(
            "response_rate", 0.634, low=0.61, high=0.65, unit="share", breakdown="agency", group_code="a<b"
        ),
        make_row("median_days_to_closing", 6.13, low=5.9, high=None, unit="days", interval="2024-05"),
        make_row("raised", 1234.0),
    ]
    numbers = Numbers.from_frame(pd.DataFrame(rows))
    for row in rows:
        html = numbers.html(
            row.measure,
            breakdown=row.breakdown,
            group=row.group_code,
            interval=row.interval,
            with_interval=True,
        )
        spans = SPAN.findall(html)
        assert len(spans) == (1 if row.low is None else 2)
        for measure, breakdown, group, interval, field, form, text in spans:
            code = Markup(group).unescape()
            found = numbers.get(measure, breakdown=breakdown, group=code, interval=interval)
            assert found == row
            assert format_number(found, field, form) == Markup(text).unescape()


def test_a_number_is_markup_wherever_it_is_put(make_row: MakeRow) -> None:
    number = Number(make_row(value=12.0))
    assert "&lt;" not in Markup("There were {}.").format(number)
    assert "&lt;" not in Markup("{}").format(number.html)


def test_nouns_agree(make_row: MakeRow) -> None:
    numbers = Numbers.from_frame(pd.DataFrame([make_row(value=1.0), make_row("open", 0.0)]))
    assert numbers.counted("raised", "request", "requests").striptags() == "1 request"
    assert numbers.counted("open", "request", "requests").striptags() == "0 requests"


def test_plain_text_for_labels(make_row: MakeRow) -> None:
    row = make_row("response_rate", 0.63, low=0.61, high=0.65, unit="share")
    numbers = Numbers.from_frame(pd.DataFrame([row]))
    assert (
        numbers.text("response_rate", with_interval=True).replace("\N{NO-BREAK SPACE}", " ")
        == "63 % (61 to 65 %)"
    )
