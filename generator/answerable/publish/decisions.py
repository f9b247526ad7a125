"""What people decided in place of the program, as everybody may see it."""

from __future__ import annotations

from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import ibis
import pyarrow as pa

from answerable import schema

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = ["NEWEST", "Decision", "newest_decisions", "public_overrides"]

NEWEST = 200
"""How many decisions the page shows; the data have all."""

_DID = r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+"


class Decision(NamedTuple):
    """One decision of a person. What it is about is empty where that is a message of a source that hides its rows."""

    about: str
    about_name: str | None
    decision: str
    from_value: str | None
    to_value: str | None
    reason: str
    reviewer: str
    reviewed_on: date
    expires_on: date | None
    is_matched: bool
    is_expired: bool


def public_overrides(store: Store) -> ir.Table:
    """The table ``override`` with nothing in it that names a row of a source that hides its rows.

    That something was decided, by whom and why, is told of those too.
    """
    override = store.read("override")
    sources = store.con.to_pyarrow(store.read("source").select("source_id", "is_published_by_row"))
    hidden = [
        source
        for source, is_open in zip(*(sources[n].to_pylist() for n in sources.column_names), strict=True)
        if not is_open
    ]
    texts = ("about_name", "from_value", "to_value")
    names_hidden = reduce(
        lambda found, part: found | part,
        (
            override[name].contains(f"{source}:").fill_null(False)
            for name in texts
            for source in sorted(hidden)
        ),
        override.about_source_id.isin(hidden).fill_null(False) if hidden else ibis.literal(False),
    )
    nothing = ibis.null("string")
    told = override.mutate(
        **{name: names_hidden.ifelse(nothing, override[name].re_replace(_DID, "did")) for name in texts}
    )
    return told.select(*schema.table("override").public_names)


def newest_decisions(store: Store) -> tuple[Decision, ...]:
    """The newest decisions, as the page shows them."""
    rows = public_overrides(store)
    order = [ibis.desc("reviewed_on"), "override_id"]
    table: pa.Table = store.con.to_pyarrow(rows.order_by(order).limit(NEWEST).select(*Decision._fields))
    columns = [table[name].to_pylist() for name in Decision._fields]
    return tuple(map(Decision._make, zip(*columns, strict=True)))
