"""In which area a street lies, learned from what people placed: so it is seen where a text is that only names it.

A portal's requests say an area and often name a street ("lamp out at the bend on Weir View"). Where at least `LEAST`
public messages that their source placed name a street, and at least `SHARE` of them lie in one area, a message without
a place that names this street, and no other of another area, is about that area. Streets that run through several areas
say nothing.

A street is known by its last word of a name and its word for a street, in small letters: "weir view", "rua flores".
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from answerable.understand.named_areas import all_matches
from answerable.understand.privacy_words import words
from answerable.understand.texts import keep

if TYPE_CHECKING:
    from pathlib import Path

    import ibis.expr.types as ir

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["LEAST", "SHARE", "street_areas", "streets_named", "with_street_area"]

LEAST = 3
"""How many placed messages have to name a street."""

SHARE = 0.9
"""How much of them has to lie in one area."""

_SAMPLE = 100_000  # messages that are read: a city has some thousand streets
_SHORTEST = 3  # letters of a word for a street: "r" and "ch" are found everywhere
_CAPITAL = "\\p{Lu}[\\p{L}\\p{M}'\u2019]+"
_PARTICLES = "de|da|do|das|dos|del|di|du|des|la|las|los|el|l[ae]s"


@cache
def _pattern() -> str:
    streets = words().streets

    def any_of(*lists: tuple[str, ...]) -> str:
        found = {word for part in lists for word in part if len(word) >= _SHORTEST}
        return "|".join(map(re.escape, sorted(found, key=lambda word: (-len(word), word))))

    after = any_of(streets.suffixes, streets.weak_suffixes)
    before = any_of(streets.before_name, streets.name_then_number)
    return (
        rf"[^\p{{L}}\p{{M}}]("
        rf"{_CAPITAL} +(?i:{after})"
        rf"|(?i:{before}) +(?:(?i:{_PARTICLES}) +){{0,2}}{_CAPITAL}"
        rf"|\p{{Lu}}[\p{{L}}\p{{M}}]+(?i:{any_of(streets.joined_suffixes)})"
        r")(?:[^\p{L}\p{M}]|$)"
    )


def streets_named(said: ir.StringValue) -> ir.StringValue:
    """The streets that a text names, as it writes them, a line each; NULL where it names none."""
    found: Any = all_matches(" " + said, _pattern(), 1)
    return cast("ir.StringValue", found.join("\n").nullif(""))


def _streets(rows: ir.Table) -> ir.Table:
    """``feedback_id`` and ``street``: each of the ``streets`` of each row, as a street is known."""
    rows = rows.filter(rows.streets.notnull())
    named = rows.select("feedback_id", street=rows.streets.split("\n").unnest())
    return named.mutate(street=named.street.lower().re_replace(r"\s+", " ")).distinct()


def street_areas(store: Store, settings: Settings, path: Path) -> ir.Table:
    """``street`` and ``street_area``: the one area in which a street lies.

    Args:
        store: with feedback and reading.
        settings: for the sources whose rows may be published; no other teaches anything.
        path: the scratch file to write.
    """
    public = [source.id for source in settings.sources if source.publish_rows]
    feedback = store.read("feedback")
    placed = feedback.filter(feedback.area_code.notnull() & feedback.source_id.isin(public))
    reading = store.read("reading")
    reading = reading.filter(reading.is_counted & reading.public_text.notnull())
    # Identifiers are hashes: the first by their order are a sample.
    some = placed.semi_join(reading, "feedback_id").select("feedback_id", "area_code")
    some = some.order_by("feedback_id").limit(_SAMPLE)
    rows = some.inner_join(reading.select("feedback_id", "public_text"), "feedback_id")
    named = _streets(rows.mutate(streets=streets_named(rows.public_text)))
    named = named.inner_join(rows.select("feedback_id", "area_code"), "feedback_id")
    by_area = named.group_by("street", "area_code").agg(messages=named.count())
    streets = by_area.group_by("street").agg(
        street_area=by_area.area_code.argmax(by_area.messages),
        most=by_area.messages.max(),
        messages=by_area.messages.sum(),
    )
    sure = streets.filter((streets.messages >= LEAST) & (streets.most >= SHARE * streets.messages))
    return keep(store, sure.select("street", "street_area"), path)


def with_street_area(rows: ir.Table, known: ir.Table) -> ir.Table:
    """The rows with ``street_area``: the area of the streets that a text names, if it is one; else nothing.

    Args:
        rows: with ``feedback_id`` and ``streets`` (`streets_named`).
        known: what `street_areas` found.
    """
    named = _streets(rows).inner_join(known, "street")
    areas = named.group_by(of_feedback="feedback_id").agg(
        street_area=named.street_area.min(), others=named.street_area.nunique()
    )
    sure = areas.filter(areas.others == 1).drop("others")
    return rows.left_join(sure, rows.feedback_id == sure.of_feedback).drop("of_feedback")
