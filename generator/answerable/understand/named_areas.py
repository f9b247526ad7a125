"""Which area a text names: the whole name of exactly one of the site's areas, written as a name.

A name counts where it stands as words of its own, in the capitals that the site's list gives it, and does not go on:
"Northgate Street" is not Northgate. A name of one word that the site's texts also write small, as a word of the
language, is never taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection

    from answerable.store import Store

__all__ = ["all_matches", "with_named_area"]

_SHORTEST = 4  # letters of a name: "Ost" and "Zoo" are found everywhere
# In DuckDB's regular expressions: what a word is made of, and what stands between words.
_WORD, _BETWEEN = r"\pL\pN\pM", r"[^\pL\pN\pM]"


@ibis.udf.scalar.builtin(  # type: ignore[untyped-decorator]
    name="regexp_extract_all", signature=(("string", "string", "int32"), "array<string>")
)
def all_matches(text: str, pattern: str, group: int) -> list[str]:
    """DuckDB's, and Spark's: every match of a group."""
    raise NotImplementedError  # the engine computes it


def with_named_area(store: Store, rows: ir.Table, said: ir.StringValue, small: Collection[str]) -> ir.Table:
    """The rows with ``named_area``: the code of the one area that a text names, else nothing.

    Args:
        store: for the areas.
        rows: any rows.
        said: of each row the text to read, with personal data taken out.
        small: words that the site's texts write small.
    """
    areas = [row for batch in store.batches(store.read("area")) for row in batch.to_pylist()]
    codes: dict[str, set[str]] = {}
    for area in areas:
        name = _plain(area["name"])
        if _is_name(name, small):
            codes.setdefault(name, set()).add(area["area_code"])
    known = {name: next(iter(found)) for name, found in sorted(codes.items()) if len(found) == 1}
    if not known:
        return rows.mutate(named_area=ibis.null("string"))
    # Longer names first: the first that fits is taken.
    names = "|".join(map(re.escape, sorted(known, key=lambda name: (-len(name), name))))
    # Whatever stands between words stands there twice, so that each name has its own; it may not go on in capitals.
    pattern = rf"{_BETWEEN}({names})(?:[^{_WORD} ]|  [^\p{{Lu}}])"
    spread = (" " + said + " .").re_replace("['\u2019]", "").re_replace(rf"({_BETWEEN})", r"\1\1")
    found: Any = all_matches(spread, pattern, 1).unique()
    rows = rows.mutate(found_name=ibis.ifelse(found.length() == 1, found[0], ibis.null("string")))
    table = ibis.memtable(
        pa.table(
            {
                "known_name": pa.array(list(known), pa.string()),
                "named_area": pa.array(list(known.values()), pa.string()),
            }
        )
    )
    return rows.left_join(table, rows.found_name == table.known_name).drop("found_name", "known_name")


def _plain(name: str) -> str:
    """A name as it is looked for: without apostrophes, two of each sign that stands between words."""
    return re.sub(r"([^\w])", r"\1\1", re.sub("['\u2019]", "", name.strip()))


def _is_name(name: str, small: Collection[str]) -> bool:
    letters = [c for c in name if c.isalpha()]
    if len(letters) < _SHORTEST or name[:1].islower():
        return False
    return len(name.split()) > 1 or name.casefold() not in small
