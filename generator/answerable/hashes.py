"""A number that stands for a text, computed by the engine.

DuckDB's own ``hash()`` is made for joins, which compare the texts as well. Alone it is too weak: two texts that differ
in the same way in two places (a capital, and 48 letters on another) may well have the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["text_hash"]


@ibis.udf.scalar.builtin(name="md5_number_lower", signature=(("string",), "uint64"))  # type: ignore[untyped-decorator]
def _md5_number(text: str) -> int:
    """DuckDB's: the lower 64 bits of the MD5."""
    raise NotImplementedError  # the engine computes it


def text_hash(text: ir.StringValue) -> ir.IntegerValue:
    """63 bits of the MD5 of a text (not negative, so that it fits an int64); null for null.

    Among ten million texts two are the same with a probability of less than one in a hundred thousand. Who wants to can
    write two texts that are: nothing but what that person wrote may depend on it.
    """
    number: Any = _md5_number(text)
    # Ibis takes what is shifted for an int64 already, and would leave out the only cast that matters.
    return cast("ir.IntegerValue", (number >> 1).cast("uint64").cast("int64"))
