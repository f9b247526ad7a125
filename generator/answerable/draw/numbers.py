"""The one way a number reaches a page: a row of ``measure_result``, written so that it can be looked up again.

``format_number`` is the rule, and the only one: the text of each span on the site can be made again from its row of
``measures.csv``. Rounding never turns an order round (a larger value is never written as a smaller one), never writes
"100 %" for what is not all, and never "0 %" for what is not none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from markupsafe import Markup, escape

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BRIEF",
    "FIELDS",
    "FORMS",
    "Field",
    "Form",
    "Number",
    "Numbers",
    "Row",
    "UnknownNumberError",
    "form_of",
    "format_number",
]

Field = Literal["value", "low", "high", "interval", "numerator", "denominator"]
Form = Literal["count", "rate", "days", "average", "brief"]
"""How a number is written; ``brief`` is its unit's own form, with few words where there is no number (for tables)."""

FIELDS: tuple[str, ...] = get_args(Field)
BRIEF: Mapping[str, str] = MappingProxyType(
    {
        "hidden": "so small that it might point to somebody, or hidden so that nobody can work such a number out",
        "too few": "a share or a middle of so few would say more than the data bear",
        "not yet half": "more than half had no answer, or were not closed, where the data end",
        "not yet nine in ten": "more than one in ten had no answer, or were not closed, where the data end",
        "not known": "the data do not say",
    }
)
"""What stands in a table in the place of a number that there is not, and what it means."""

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "feedback": "count",
        "people": "count",
        "responses": "count",
        "rows": "count",
        "updates": "count",
        "decisions": "count",
        "share": "rate",
        "days": "days",
        "failures": "count",
        "series": "count",
        "whole days": "count",
        "people on average": "average",
        "swings": "average",
    }
)
"""The form in which a unit of ``measure_result`` is written."""

_SPACE = "\N{NO-BREAK SPACE}"
_NOT_KNOWN = "not known"


class UnknownNumberError(KeyError):
    """A page asks for a number that ``measure_result`` does not hold."""

    def __str__(self) -> str:
        return str(self.args[0])


class Row(NamedTuple):
    """One row of ``measure_result`` (the column names are the schema's)."""

    measure: str
    method_version: str
    interval: str
    breakdown: str
    group_code: str
    value: float | None
    low: float | None
    high: float | None
    numerator: int | None
    denominator: int | None
    unit: str
    is_not_reached: bool
    is_too_few: bool
    is_suppressed: bool


def form_of(row: Row) -> Form:
    """The form that a row's unit asks for; raises ``ValueError`` for a unit that has none."""
    try:
        return FORMS[row.unit]
    except KeyError:
        raise ValueError(f"{row.measure}: no way is known to write the unit {row.unit!r}") from None


def format_number(row: Row, field: Field = "value", form: Form | None = None) -> str:
    """The text of a number.

    Args:
        row: where it comes from.
        field: which of the row's numbers; ``interval`` is low and high together ("61 to 65 %"), or empty.
        form: how it is written; where missing, as the row's unit asks for. A numerator or denominator is a count.

    Raises:
        ValueError: an unknown field, form or unit.
    """
    if field not in FIELDS:
        raise ValueError(f"unknown field {field!r} of a number")
    is_brief = form == "brief"
    if row.is_suppressed:
        return "hidden" if is_brief else "hidden to protect people"
    if field in {"numerator", "denominator"}:
        count = row.numerator if field == "numerator" else row.denominator
        return _NOT_KNOWN if count is None else _count(count)
    if row.is_too_few:
        return "too few" if is_brief else "too few to say"
    write = _writer(form_of(row) if form is None or is_brief else form)
    if field == "interval":
        return _interval(row.low, row.high, write)
    number: float | None = getattr(row, field)
    return _absent(row, field, is_brief=is_brief) if number is None else write(number)


def _absent(row: Row, field: Field, *, is_brief: bool) -> str:
    """What stands in the place of a number that there is not."""
    if not row.is_not_reached:
        return _NOT_KNOWN
    if field != "value":
        return "not reached yet"
    is_most = row.measure.startswith("p90_")
    if is_brief:
        return "not yet nine in ten" if is_most else "not yet half"
    waiting = "one in ten" if is_most else "half"
    return f"not reached yet: more than {waiting} are still waiting"


def _writer(form: Form) -> partial[str]:
    if form == "count":
        return partial(_count)
    if form == "rate":
        return partial(_rate)
    if form == "days":
        return partial(_days)
    if form == "average":
        return partial(_average)
    raise ValueError(f"unknown form {form!r} of a number")


def _count(number: float) -> str:
    return f"{round(number):,}"


def _average(number: float) -> str:
    # A tenth matters below ten; above, it claims more than the data bear.
    return f"{number:.1f}".removesuffix(".0") if round(number, 1) < 10 else f"{number:,.0f}"


def _rate(share: float) -> str:
    percent = share * 100
    if percent > 0 and round(percent, 1) == 0:
        return f"under 0.1{_SPACE}%"
    if percent < 100 and round(percent) == 100:
        return f"over 99{_SPACE}%"
    # A tenth matters below ten per cent; above, it claims more than the data bear.
    is_small = percent != 0 and round(percent, 1) < 10
    return f"{percent:.1f}{_SPACE}%" if is_small else f"{percent:.0f}{_SPACE}%"


def _days(days: float) -> str:
    minutes = round(days * 1440)
    if days == 0 or minutes == 0:
        return f"0{_SPACE}days" if days == 0 else f"under a{_SPACE}minute"
    if minutes < 60:
        return _with_unit(str(minutes), "minute")
    hours = round(minutes / 60)
    if hours < 24:
        return _with_unit(str(hours), "hour")
    if round(days, 1) < 100:
        return _with_unit(f"{days:.1f}".removesuffix(".0"), "day")
    return _with_unit(f"{days:,.0f}", "day")


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{_SPACE}{unit}" if text == "1" else f"{text}{_SPACE}{unit}s"


def _interval(low: float | None, high: float | None, write: partial[str]) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"{write(low)} or more"
    if low is None:
        return f"{write(high)} or less"
    first, last = write(low), write(high)
    if first == last:
        return first
    # The unit is said once: "61 to 65 %", "1 to 4 days".
    number, _, unit = first.rpartition(_SPACE)
    is_same_unit = unit.removesuffix("s") == last.rpartition(_SPACE)[2].removesuffix("s")
    is_plain = bool(number) and not first.startswith(("under", "over"))
    return f"{number if is_same_unit and is_plain else first} to {last}"


@dataclass(frozen=True, slots=True)
class Number:
    """A number as a page shows it: a row, which of its fields, and how it is written. Jinja prints it as HTML."""

    row: Row
    field: Field = "value"
    form: Form | None = None
    is_with_interval: bool = False

    @property
    def raw(self) -> float | int | None:
        """The number itself, in the row's unit; ``None`` where it cannot or may not be given."""
        if self.field == "interval" or self.row.is_suppressed:
            return None
        found: float | int | None = getattr(self.row, self.field)
        return found

    @property
    def text(self) -> str:
        """The number in words, without the interval."""
        return format_number(self.row, self.field, self.form)

    @property
    def interval(self) -> str:
        """The interval in words; empty where there is none or the number itself is not shown."""
        is_hidden = self.row.is_suppressed or self.row.is_too_few
        if self.form == "brief" and self.row.value is None:
            is_hidden = True  # "not yet half (2 minutes or more)" is no longer brief
        return "" if is_hidden else format_number(self.row, "interval", self.form)

    @property
    def html(self) -> Markup:
        """The span (or, with its interval, the two spans) that a page shows."""
        shown = _span(self.row, self.field, self.form, self.text)
        if not self.is_with_interval or not self.interval:
            return shown
        interval = _span(self.row, "interval", self.form, self.interval)
        return Markup("{} ({})").format(shown, interval)

    def __html__(self) -> Markup:
        return self.html

    def __str__(self) -> str:
        return self.text


def _span(row: Row, field: Field, form: Form | None, text: str) -> Markup:
    kind = "number" if text[:1].isdigit() else "number number--words"
    how = "count" if field in {"numerator", "denominator"} else (form or form_of(row))
    # Escaped part by part rather than by Markup.format, which is slow, and a table has thousands of these.
    return Markup(  # noqa: S704
        f'<span class="{kind}" data-measure="{escape(row.measure)}" data-breakdown="{escape(row.breakdown)}"'
        f' data-group="{escape(row.group_code)}" data-interval="{escape(row.interval)}" data-field="{field}"'
        f' data-form="{how}">{escape(text)}</span>'
    )


@dataclass(frozen=True, slots=True)
class Numbers:
    """Every number of the site, by (measure, breakdown, group) and then by interval."""

    series: Mapping[tuple[str, str, str], Mapping[str, Row]]

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Numbers:
        """From a frame with the columns of ``measure_result``."""
        columns = [_plain(frame[name].tolist(), name) for name in Row._fields]
        series: dict[tuple[str, str, str], dict[str, Row]] = {}
        for row in map(Row._make, zip(*columns, strict=True)):
            series.setdefault((row.measure, row.breakdown, row.group_code), {})[row.interval] = row
        return cls(MappingProxyType(series))

    def find(
        self, measure: str, *, breakdown: str = "all", group: str = "all", interval: str = "all"
    ) -> Row | None:
        """The row, or ``None`` where there is none."""
        return self.series.get((measure, breakdown, group), {}).get(interval)

    def get(self, measure: str, *, breakdown: str = "all", group: str = "all", interval: str = "all") -> Row:
        """The row.

        Raises:
            UnknownNumberError: there is none.
        """
        row = self.find(measure, breakdown=breakdown, group=group, interval=interval)
        if row is None:
            raise UnknownNumberError(
                f"no number {measure} for breakdown {breakdown}, group {group}, interval {interval}"
            )
        return row

    def months(self, measure: str, *, breakdown: str = "all", group: str = "all") -> tuple[Row, ...]:
        """The rows of single months, in their order; empty where there are none."""
        found = self.series.get((measure, breakdown, group), {})
        return tuple(found[interval] for interval in sorted(found) if interval != "all")

    def groups(self, measure: str, breakdown: str, *, interval: str = "all") -> Iterator[Row]:
        """The rows of all groups of a breakdown, in the order of their codes."""
        keys = sorted(key for key in self.series if key[0] == measure and key[1] == breakdown)
        for key in keys:
            row = self.series[key].get(interval)
            if row is not None:
                yield row

    def number(
        self,
        measure: str,
        *,
        breakdown: str = "all",
        group: str = "all",
        interval: str = "all",
        field: Field = "value",
        form: Form | None = None,
        with_interval: bool = False,
    ) -> Number:
        """The number as a value that knows its text, its HTML and its raw form (raises as ``get``)."""
        row = self.get(measure, breakdown=breakdown, group=group, interval=interval)
        return Number(row, field, form, with_interval)

    def html(self, measure: str, **how: Any) -> Markup:
        """The number as HTML (arguments as ``number``): what ``partials/number.html.jinja`` prints."""
        return self.number(measure, **how).html

    def text(self, measure: str, **how: Any) -> str:
        """The number as plain text (arguments as ``number``), for a description or a screen reader's label."""
        number = self.number(measure, **how)
        return (
            f"{number.text} ({number.interval})"
            if number.is_with_interval and number.interval
            else number.text
        )

    def counted(self, measure: str, one: str, many: str, **how: Any) -> Markup:
        """A count and its noun, in the right number: "1 response", "12 responses"."""
        number = self.number(measure, **how)
        return Markup("{} {}").format(number.html, one if number.raw == 1 else many)


def _plain(values: list[Any], name: str) -> list[Any]:
    """Python's own values: ``None`` for what is missing in any of the ways that pandas has."""
    if name.startswith("is_"):
        return [bool(v) for v in values]
    is_whole = name in {"numerator", "denominator"}
    plain = [None if v is None or v != v else v for v in (_known(v) for v in values)]  # noqa: PLR0124  NaN differs from itself
    return [None if v is None else int(v) for v in plain] if is_whole else plain


def _known(value: Any) -> Any:
    # pandas.NA refuses to be compared; it alone among the missing values names its own type so.
    return None if type(value).__name__ == "NAType" else value
