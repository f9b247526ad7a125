"""From distinct texts to decisions: the one way by which a row of a table passes through Python.

Millions of rows hold far fewer texts, and most rows hold none. So the distinct texts alone are taken out, in Arrow
batches; a Python function decides on each; the decisions go to a Parquet file in a scratch folder and are joined back
to the rows by a key. Memory is bounded by one Arrow batch, whatever the size of the table.

What takes long to decide is kept from build to build (`decide_kept`), in a private table of the store by month: a month
in which something has changed is read again, but of its words only those that are new to it, or that other rules read.

    with scratch(store) as folder:
        keyed = with_key(rows, ("title", "text"))
        result = {"topic_code": pa.string()}
        decisions = decide(
            store, keyed, ("title", "text"), function, result=result, path=folder / "topics.parquet"
        )
        keyed.left_join(decisions, KEY)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from answerable.hashes import text_hash
from answerable.store import ROW_GROUP
from answerable.understand.workers import BATCH_TEXTS, FEW_TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from answerable.store import Store
    from answerable.understand.words import Question
    from answerable.understand.workers import Decider

__all__ = [
    "KEY",
    "TEXT_KEY",
    "decide",
    "decide_batches",
    "decide_kept",
    "hashed",
    "keep",
    "rules_key",
    "scratch",
    "texts_ahead",
    "with_key",
    "with_text_key",
]

KEY = "text_key"
"""The column by which decisions are joined back: a hash of the texts, good within one run only."""

TEXT_KEY = "decided_key"
"""The column by which kept decisions are joined: 128 bits of the words and of the digest of the rules."""

_BATCH_ROWS = 10_000
_KEY_DIGITS = 32
_WORDED = ("title", "text")
# What separates the parts of a key, and what stands for a part that is missing (which is not an empty one).
_BETWEEN = "\x1f"
_MISSING = "\x1e"


@contextlib.contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """A folder for files that live as long as a step; what a killed run leaves of it, the store sweeps away."""
    spill = store.folder / f"spill-{os.getpid()}"
    spill.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="understand-", dir=spill))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(store: Store, expr: ir.Table, path: Path) -> ir.Table:
    """Compute an expression once, into a scratch file; the table returned reads that file."""
    store.con.to_parquet(expr, path, compression="lz4", row_group_size=ROW_GROUP)
    return store.con.read_parquet(path, hive_partitioning=False)


def with_key(rows: ir.Table, columns: Sequence[str], *, name: str = KEY) -> ir.Table:
    """The rows with one more column: a hash over the given ones (`answerable.hashes`)."""
    return rows.mutate(**{name: text_hash(_joined(rows, columns))})


def with_text_key(rows: ir.Table, columns: Sequence[str], *, rules: str) -> ir.Table:
    """The rows with `TEXT_KEY` over the given columns and the digest of what decides on them.

    Part of a SHA-256: of 64 bits two in a hundred million texts would be the same, and two that are can be written for
    MD5. Empty where there is neither title nor text.
    """
    has_words = ibis.or_(*(rows[column].notnull() for column in columns if column in _WORDED))
    key = has_words.ifelse(rules_key(rows, columns, rules=rules), ibis.null("string"))
    return rows.mutate(**{TEXT_KEY: key})


def rules_key(rows: ir.Table, columns: Sequence[str], *, rules: str) -> ir.StringValue:
    """Of each row 128 bits of some columns and of the digest of what decides on them."""
    key = (ibis.literal(f"{rules}{_BETWEEN}") + _joined(rows, columns)).hexdigest("sha256")
    return cast("ir.StringValue", key.substr(0, _KEY_DIGITS))


def _joined(rows: ir.Table, columns: Sequence[str]) -> ir.StringValue:
    """The columns as one text; with their lengths, or a text could feign where the next one begins."""
    joined: Any = None
    for column in columns:
        text = rows[column].cast("string")
        part = text.length().cast("string").fill_null(_MISSING) + _BETWEEN + text.fill_null("")
        joined = part if joined is None else joined + part
    return cast("ir.StringValue", joined)


def decide(
    store: Store,
    keyed: ir.Table,
    columns: Sequence[str],
    function: Callable[..., tuple[Any, ...]],
    *,
    result: Mapping[str, pa.DataType],
    path: Path,
) -> ir.Table:
    """Decide once on each distinct combination of some columns.

    Args:
        store: whose connection computes ``keyed``.
        keyed: rows with ``KEY`` over the same columns (`with_key`); filtered to those that need a decision.
        columns: what the function gets, by position; None where a value is missing.
        function: from those values to one value for each column of ``result``.
        result: the columns of the decision, with their Arrow types.
        path: the scratch file to write.

    Returns:
        A table of ``KEY`` and the columns of ``result``, one row for each distinct combination.
    """
    return decide_batches(
        store, keyed, columns, lambda rows: [function(*row) for row in rows], result=result, path=path
    )


def decide_batches(
    store: Store,
    keyed: ir.Table,
    columns: Sequence[str],
    function: Callable[[Sequence[tuple[Any, ...]]], Sequence[tuple[Any, ...]]],
    *,
    result: Mapping[str, pa.DataType],
    path: Path,
) -> ir.Table:
    """The same for a function that decides on many at once: from rows of values to as many rows of decisions.

    What it says of a row may depend on nothing but that row: batches are cut anywhere.
    """
    schema = pa.schema([(KEY, pa.int64()), *result.items()])
    distinct = keyed.select(KEY, *columns).distinct()
    with pq.ParquetWriter(path, schema) as writer:
        for batch in store.batches(distinct, size=_BATCH_ROWS):
            decided = function(list(zip(*(batch.column(name).to_pylist() for name in columns), strict=True)))
            arrays = [
                pa.array([row[place] for row in decided], type=kind)
                for place, kind in enumerate(result.values())
            ]
            writer.write_batch(pa.record_batch([batch.column(KEY).cast(pa.int64()), *arrays], schema=schema))
    return store.con.read_parquet(path, hive_partitioning=False)


def decide_kept(
    store: Store,
    keyed: ir.Table,
    question: Question,
    function: Callable[[str, Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]],
    *,
    table: str,
    months: Sequence[str],
    folder: Path,
    ahead: ir.Table | None = None,
) -> ir.Table:
    """Decide on the words of some months, as far as that is not done already; keep what these months use.

    Args:
        store: in a transaction.
        keyed: rows of those months with source_id, month, `TEXT_KEY` (`with_text_key`) and the question's columns.
        question: what is asked.
        function: from the question's name and batches of `TEXT_KEY` and its columns to batches of decisions.
        table: the private table that keeps the decisions.
        months: the months.
        folder: for scratch files.
        ahead: decisions that were made before (`texts_ahead`).

    Returns:
        A table of `TEXT_KEY` and the columns of the question's result, one row for each distinct key.
    """
    decisions = (TEXT_KEY, *question.result)
    worded = keyed.filter(keyed[TEXT_KEY].notnull())
    used = worded.select("source_id", "month", TEXT_KEY).distinct()
    used = keep(store, used, folder / f"{question.name}-used.parquet")
    held = store.read(table, months=months).select(*decisions)
    if ahead is not None:
        held = held.union(ahead.select(*decisions), distinct=False)
    held = held.distinct(on=[TEXT_KEY], keep="first")
    held = keep(store, held.semi_join(used, TEXT_KEY), folder / f"{question.name}-held.parquet")
    new = worded.select(TEXT_KEY, *question.columns).anti_join(held, TEXT_KEY)
    new = new.distinct(on=[TEXT_KEY], keep="first")
    path = folder / f"{question.name}-new.parquet"
    with pq.ParquetWriter(path, question.schema, compression="lz4") as writer:
        for batch in function(question.name, store.batches(new, size=BATCH_TEXTS)):
            writer.write_batch(batch)
    decided = held.union(store.con.read_parquet(path, hive_partitioning=False).select(*decisions))
    store.write(table, used.inner_join(decided, TEXT_KEY), months=months)
    return decided


def texts_ahead(
    store: Store,
    keyed: ir.Table,
    question: Question,
    decider: Decider,
    *,
    table: str,
    months: Sequence[str],
    folder: Path,
) -> Callable[[], ir.Table] | None:
    """Begin to decide on what is new in some months; what it returns gives the decisions, for `decide_kept`.

    None where there is so little, or so much, that it does not pay.

    Args:
        store: whose connection computes ``keyed``.
        keyed: as for `decide_kept`.
        question: what is asked.
        decider: who decides.
        table: the private table that keeps decisions.
        months: the months.
        folder: for a scratch file.
    """
    held = store.read(table, months=months).select(TEXT_KEY)
    new = (
        keyed.filter(keyed[TEXT_KEY].notnull()).select(TEXT_KEY, *question.columns).anti_join(held, TEXT_KEY)
    )
    new = new.distinct(on=[TEXT_KEY], keep="first").limit(FEW_TEXTS)
    begun = decider.ahead(question.name, list(store.batches(new, size=BATCH_TEXTS)))
    if begun is None:
        return None

    def decided() -> ir.Table:
        path = folder / f"{question.name}-ahead.parquet"
        with pq.ParquetWriter(path, question.schema, compression="lz4") as writer:
            for batch in begun():
                writer.write_batch(batch)
        return store.con.read_parquet(path, hive_partitioning=False)

    return decided


def hashed(*parts: ir.StringValue | str, length: int) -> ir.StringValue:
    """The first hexadecimal digits of the MD5 of some parts: an identifier that any program can compute again."""
    joined: Any = ibis.literal(parts[0]) if isinstance(parts[0], str) else parts[0]
    for part in parts[1:]:
        joined = joined + _BETWEEN + part
    return joined.hexdigest("md5").substr(0, length)
