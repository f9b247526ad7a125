"""What figures are drawn from, and what they have in common: names, months and numbers in words."""

from __future__ import annotations

from calendar import month_name
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from answerable.draw.figure import Figure, Key, Line, Spec
from answerable.draw.numbers import Number, Numbers, Row, form_of
from answerable.draw.theme import NARROW, WIDE

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = [
    "NOT_A_GROUP",
    "Scene",
    "full",
    "given",
    "identifier",
    "in_words",
    "intervals",
    "is_ever_closed",
    "last_complete_month",
    "make_figure",
    "month_in_words",
    "month_words",
    "shown",
]

NOT_A_GROUP = MappingProxyType({"unplaced": "No place known", "unmapped": "Not recognised"})
"""Codes of what could not be put into a group, in words."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What figures are drawn from.

    Attributes:
        numbers: every number of the site.
        names: for each breakdown, the name of each group by its code.
        notes: what is said under every figure: where data is an extract, up to when it reaches.
        complete_until: the last month (YYYY-MM) that is complete; later ones are left out of charts over time.
    """

    numbers: Numbers
    names: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str | Markup, ...] = ()
    complete_until: str | None = None

    @property
    def has_closing(self) -> bool:
        """Whether anything was ever closed: where nothing was, "still open" would be said of everything."""
        return is_ever_closed(self.numbers)

    def name(self, breakdown: str, group: str) -> str:
        """A group's name: its code where it has none of its own."""
        return NOT_A_GROUP.get(group) or self.names.get(breakdown, {}).get(group, group)

    def named(self, rows: Sequence[Row]) -> list[Row]:
        """Rows in the order of their groups' names; what could not be put into a group comes last."""

        def key(row: Row) -> tuple[bool, str]:
            return row.group_code in NOT_A_GROUP, self.name(row.breakdown, row.group_code).casefold()

        return sorted(rows, key=key)


def is_ever_closed(numbers: Numbers, *, breakdown: str = "all", group: str = "all") -> bool:
    """Whether anything of a group was ever closed: not where all that was raised is open (posts, say)."""
    raised = numbers.find("raised", breakdown=breakdown, group=group)
    still = numbers.find("open", breakdown=breakdown, group=group)
    return still is not None and (raised is None or still.value is None or still.value != raised.value)


def last_complete_month(as_of: datetime, zone: ZoneInfo) -> str:
    """The last month (YYYY-MM, in ``zone``) that had ended by ``as_of`` (UTC where it names no zone)."""
    local = (as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)).astimezone(zone)
    following = local + timedelta(seconds=1)  # data up to the month's last second hold all of it
    return f"{following.replace(day=1) - timedelta(days=1):%Y-%m}"


def month_words(month: str) -> str:
    """A month (YYYY-MM) as people write it."""
    year, number = month.split("-")
    return f"{month_name[int(number)]} {year}"


def month_in_words(month: str) -> Markup:
    """The same in a ``<time>``, for people and machines."""
    return Markup('<time datetime="{}">{}</time>').format(month, month_words(month))


def given(name: str) -> str | Markup:
    """A name that the site's team gave; a digit in it is marked as theirs, for it is no measure."""
    has_digit = any(character.isdigit() for character in name)
    return Markup('<span data-id="">{}</span>').format(name) if has_digit else name


def full(row: Row) -> Number:
    """The number of a row as a table shows it: with its interval, where it is an estimate."""
    return Number(row, is_with_interval=form_of(row) != "count")


def in_words(row: Row | None, missing: str = "") -> str:
    """The same in plain text; ``missing`` where there is no row."""
    if row is None:
        return missing
    number = full(row)
    has_interval = number.is_with_interval and row.value is not None and number.interval
    return f"{number.text} ({number.interval})" if has_interval else number.text


def shown(row: Row | None) -> float | None:
    """The value that may be drawn."""
    return None if row is None or row.is_suppressed or row.is_too_few else row.value


def intervals(rows: Sequence[Row | None]) -> pd.DataFrame:
    """The frame of value, low and high of rows, empty where they may not be drawn."""

    def column(name: str) -> pd.Series[float]:
        hidden = [None if r is None or r.is_suppressed or r.is_too_few else getattr(r, name) for r in rows]
        return pd.Series(hidden, dtype="float64")

    return pd.DataFrame({name: column(name) for name in ("value", "low", "high")})


def identifier(stem: str, breakdown: str, group: str) -> str:
    """A figure's id: where it is about one group, the group is part of it."""
    return stem if breakdown == "all" else f"{stem}-{breakdown}-{group}"


def make_figure(
    scene: Scene,
    *,
    id: str,  # noqa: A002  as the figure calls it
    title: str,
    sentence: Markup,
    description: str,
    draw: Callable[[int], Spec],
    head: str,
    columns: tuple[str, ...],
    lines: Sequence[Line],
    keys: tuple[Key, ...] = (),
    notes: tuple[str | Markup, ...] = (),
) -> Figure:
    """A figure in both widths, with the scene's notes. ``draw`` gives the specification at a width."""
    return Figure(
        id=id,
        title=title,
        sentence=sentence,
        description=description,
        wide=draw(WIDE),
        narrow=draw(NARROW),
        head=head,
        columns=columns,
        lines=tuple(lines),
        keys=keys,
        notes=(*notes, *scene.notes),
    )
