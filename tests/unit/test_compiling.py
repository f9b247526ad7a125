"""SQL that tests keep is what compiling anew would give."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pytest
from tests.compiling import MADE_UP, compiled, shape, sql_of


def table(*columns: str) -> ir.Table:
    return ibis.memtable({name: [1, 2] for name in columns})


def asked(t: ir.Table, u: ir.Table) -> ir.Table:
    again = t.view()
    joined = t.left_join(u, "a").inner_join(again, "a").select("a", "b", c=again.b + 1)
    few = joined.filter(ibis._.c.isin([1, 2, 3])).group_by("a").agg(n=ibis._.count(), most=ibis._.c.max())
    return few.anti_join(t, few.n == t.b).order_by(ibis.desc("n"), "a").limit(3)


def test_expressions_that_differ_by_made_up_names_share_their_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    con = ibis.duckdb.connect()
    compiled = []
    for _ in range(2):
        expr = asked(table("a", "b"), table("a", "d"))
        compiled.append(sql_of(con, expr))
        assert len(set(MADE_UP.findall(compiled[-1]))) == 2
        monkeypatch.setenv("ANSWERABLE_TEST_COMPILE", "compare")
        assert sql_of(con, expr) == compiled[-1]
        assert con.to_pyarrow(expr).num_rows == 0
    assert compiled[0] != compiled[1]
    assert MADE_UP.sub("name", compiled[0]) == MADE_UP.sub("name", compiled[1])
    con.disconnect()


def test_expressions_that_differ_by_instants_share_their_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    con = ibis.duckdb.connect()
    monkeypatch.setenv("ANSWERABLE_TEST_COMPILE", "compare")
    begin = datetime(2026, 3, 2)  # noqa: DTZ001 (instants are UTC without a zone)
    shapes = set()
    t = table("a").mutate(at=ibis.timestamp("2026-01-01 00:00:00"))
    for much in (timedelta(0), timedelta(hours=5), timedelta(microseconds=1), timedelta(seconds=7.25)):
        until = ibis.literal(begin + much)
        expr = t.filter((t.at < until) & (t.at >= begin - much)).aggregate(
            n=ibis._.count(), last=ibis._.at.max()
        )
        shapes.add(shape(expr.op())[0])
        assert sql_of(con, expr) == compiled(con, expr)
        assert con.to_pyarrow(expr).num_rows == 1
        assert sql_of(con, t.count()) == compiled(con, t.count())
    # Where both ends are the same instant it is another expression.
    assert len(shapes) == 2
    con.disconnect()


def test_the_two_tables_of_a_join_are_not_confused() -> None:
    t, u = table("a", "b"), table("a", "b")
    one, other = t.semi_join(u, "a"), t.semi_join(t.view(), "a")
    assert shape(one.op())[0] != shape(other.op())[0]
    assert shape(one.op())[0] == shape(u.semi_join(t, "a").op())[0]
    assert shape(one.op())[1] == tuple(reversed(shape(u.semi_join(t, "a").op())[1]))


@pytest.mark.parametrize(
    "make",
    [
        lambda t: [
            t.mutate(c=1),
            t.mutate(c=True),
            t.mutate(c=1.0),
            t.mutate(c=ibis.literal("1")),
            t.mutate(c=2),
        ],
        lambda t: [t.mutate(c=0.0), t.mutate(c=-0.0)],
        lambda t: [t.select("a", "b"), t.select("b", "a"), t.select(b="a", a="b")],
        lambda t: [t.order_by("a"), t.order_by(ibis.desc("a")), t.order_by("a", "b"), t.order_by("b", "a")],
        lambda t: [t.filter(t.a < t.b), t.filter(t.b < t.a), t.filter(t.a <= t.b)],
        lambda t: [t.limit(1), t.limit(2), t.limit(1, offset=1), t.head(3)],
        lambda t: [t.distinct(), t.distinct(on="a"), t.distinct(on="b")],
        lambda t: [t.a.cast("int32"), t.a.cast("int16"), t.a.cast("string")],
        lambda t: [t, table("b", "a"), table("a", "b", "c"), t.view()],
        lambda t: [t.a.isin([1, 2]), t.a.isin([1, 3]), t.a.isin([1, 2, 3])],
    ],
)
def test_whatever_becomes_other_sql_has_another_shape(make: object) -> None:
    assert callable(make)
    con = ibis.duckdb.connect()
    t = table("a", "b")
    several = make(t)
    shapes = [shape(expr.op())[0] for expr in several]
    assert len(set(shapes)) == len(several)
    for expr in (*several, *several):
        assert sql_of(con, expr) == compiled(con, expr)
    con.disconnect()
