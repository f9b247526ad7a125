"""An expression of a shape that was compiled before, in the same process, is not compiled again: for tests alone.

Reading a town of ten messages compiles some ninety expressions into SQL, which takes longer than running them, and the
tests read hundreds of such towns. Between two towns those expressions differ only by the names that Ibis makes up for
what was read from a file or from memory, and by instants: what time it is. So the SQL is kept by the shape of the
expression: all its operations in their order with all their arguments, where a made-up name and an instant are
numbers. Two expressions of one shape get the SQL that compiling each of them would give: it differs by the names and
the instants, which are put in.

    ANSWERABLE_TEST_COMPILE=always   compiles each expression, as the program does
    ANSWERABLE_TEST_COMPILE=compare  compiles each, and fails where the kept SQL is another
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend
from ibis.backends.sql.datatypes import DuckDBType
from ibis.common.graph import Graph, Node
from ibis.expr import operations as ops

__all__ = ["compiled", "shape", "sql_of", "use_kept_sql"]

MADE_UP = re.compile(r"\bibis_\w+?_[a-z2-7]{26}\b")
"""The names that `ibis.util.gen_name` gives."""
INSTANT = re.compile(r"\bMAKE_TIMESTAMP\([\d., e+-]*\)")
"""An instant in DuckDB's SQL."""

Shape = tuple[Any, ...]

_kept: dict[Shape, tuple[str, tuple[str, ...]]] = {}
compiled: Callable[..., str] = Backend.compile
"""What the program uses."""


def use_kept_sql() -> None:
    """From here on this process compiles each shape once, and reads the name of each type of a column once."""
    if os.environ.get("ANSWERABLE_TEST_COMPILE") != "always":
        Backend.compile = sql_of
        DuckDBType.from_string = functools.cache(DuckDBType.from_string)


def sql_of(
    self: Backend, expr: ir.Expr, /, *, limit: Any = None, params: Any = None, pretty: bool = False
) -> str:
    """What `Backend.compile` gives."""
    if params:
        return compiled(self, expr, limit=limit, params=params, pretty=pretty)
    parts, names = shape(expr.op())
    key = (limit, pretty, *parts)
    found = _kept.get(key)
    if found is None:
        sql = compiled(self, expr, limit=limit, pretty=pretty)
        # An instant that is written in a way unknown here would stay as it is.
        assert set(INSTANT.findall(sql)) <= set(names), sql
        _kept[key] = (sql, names)
        return sql
    kept, kept_names = found
    renamed = dict(zip(kept_names, names, strict=True))
    sql = INSTANT.sub(lambda at: renamed[at[0]], MADE_UP.sub(lambda name: renamed[name[0]], kept))
    if os.environ.get("ANSWERABLE_TEST_COMPILE") == "compare":
        assert sql == compiled(self, expr, limit=limit, pretty=pretty)
    return sql


def shape(root: Node) -> tuple[Shape, tuple[str, ...]]:
    """Everything that decides what SQL an expression becomes, and the names and instants that are numbers in it."""
    number: dict[Node, int] = {}
    names: dict[str, int] = {}
    selves: dict[Any, int] = {}
    parts: list[Shape] = []

    def numbered(name: str) -> str:
        return f"\0{names.setdefault(name, len(names))}"

    def part(value: Any) -> Any:
        if isinstance(value, str):
            return MADE_UP.sub(lambda name: numbered(name[0]), value) if "ibis_" in value else value
        if isinstance(value, Node):
            return (Node, number[value])
        if isinstance(value, tuple | list):
            return tuple(part(one) for one in value)
        if isinstance(value, Mapping):
            return tuple((part(key), part(one)) for key, one in value.items())
        # 1 is True and 0.0 is -0.0 for a dictionary.
        return (type(value), repr(value)) if isinstance(value, int | float) else value

    for node in Graph.from_bfs(root).toposort()[0]:
        number[node] = len(number)
        if isinstance(node, ops.DatabaseTable | ops.InMemoryTable):
            namespace = getattr(node, "namespace", None)
            parts.append((type(node), part(node.name), part(node.schema), namespace))
        elif isinstance(node, ops.Literal) and isinstance(node.value, datetime) and not node.value.tzinfo:
            parts.append((type(node), numbered(instant(node.value)), node.dtype))
        elif isinstance(node, ops.SelfReference):
            identifier = selves.setdefault(node.identifier, len(selves))
            parts.append((type(node), part(node.parent), identifier))
        else:
            parts.append((type(node), *(part(value) for value in node.__args__)))
    return tuple(parts), tuple(names)


def instant(at: datetime) -> str:
    """An instant as Ibis writes it."""
    seconds = at.second + at.microsecond / 1e6
    return f"MAKE_TIMESTAMP({at.year}, {at.month}, {at.day}, {at.hour}, {at.minute}, {seconds})"
