"""The one door to the data.

Tables are Parquet files, partitioned by source and by month of being raised; what says which files are the present
state is a manifest in one small DuckDB file. New files are written beside the old ones, and one transaction in the
DuckDB file makes them the present state: a process killed at any instant leaves either the old state or the new one.

A DuckDB file has one writer and, while it is held, no readers. So every commit also leaves ``snapshot.json``, which a
reader (``Store.open(..., is_writer=False)``) uses instead: it never waits for a writer.

    with Store.open(folder) as store:
        with store.transaction():
            store.write("feedback", expression, source_id="portal")
        store.read("feedback").count().execute()
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend

from answerable import record_table, schema
from answerable.errors import StoreBusyError, StoreError
from answerable.record_table import RecordTable

__all__ = ["ROW_GROUP", "Partition", "Store", "Written"]

ROW_GROUP = 20_480
"""Rows that are written, and read, together: several processors share a month only where it has several groups."""

_ORPHAN_SECONDS = 3600
"""Files of an older state are kept this long for readers that hold its snapshot."""

_STATE_DDL = """
create table if not exists generation (
    generation bigint primary key, committed_at timestamp not null
);
create table if not exists partition (
    table_name varchar not null, source_id varchar not null, month varchar not null,
    path varchar not null, row_count bigint not null check (row_count >= 0),
    digest varchar not null, shape varchar not null, generation bigint not null,
    primary key (table_name, source_id, month)
);
create table if not exists mark (name varchar primary key, digest varchar not null);
"""
_STATE_DDL += record_table.DDL
_STATE_TABLES = ("generation", "partition", "mark", "record", "forgotten")


@dataclass(frozen=True, slots=True)
class Partition:
    """One file of a table; ``source_id`` and ``month`` are empty where the table has no such column."""

    table: str
    source_id: str
    month: str
    path: str
    row_count: int
    digest: str
    shape: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the partition is known by."""
        return (self.table, self.source_id, self.month)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: rows now in its scope, and the months whose rows differ from before."""

    row_count: int
    changed_months: tuple[str, ...]


class Store:
    """The data of one project, in one folder; use ``Store.open`` as a context manager."""

    def __init__(self, folder: Path, con: Backend, state: duckdb.DuckDBPyConnection | None) -> None:
        self.folder = folder
        self.con = con
        self._state = state
        self._partitions: dict[tuple[str, str, str], Partition] = {}
        self._marks: dict[str, str] = {}
        self._generation = 0
        self._staged = False
        self._count = 0
        self._views: dict[tuple[str, tuple[str, ...]], ir.Table] = {}

    # -- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path, *, is_writer: bool = True, memory_limit: str = "1000MB") -> Iterator[Store]:
        """Open the store in ``folder``; made where it is missing.

        Args:
            folder: the project's ``build/store``.
            is_writer: whether to write; a reader sees the last committed state and waits for nobody.
            memory_limit: what DuckDB may use before it spills to disk.

        Raises:
            StoreBusyError: another process is writing.
            StoreError: the file is not a store.
        """
        if not is_writer and not (folder / "snapshot.json").exists():
            raise StoreError(
                "nothing has been gathered yet",
                file=folder,
                remedy="run `answerable build` or `answerable gather` first",
            )
        folder.mkdir(parents=True, exist_ok=True)
        spill = folder / f"spill-{os.getpid()}"
        con = ibis.duckdb.connect(
            threads=min(os.cpu_count() or 1, 8), memory_limit=memory_limit, temp_directory=os.fspath(spill)
        )
        con.raw_sql("set timezone = 'UTC'")
        con.raw_sql("set preserve_insertion_order = false")
        store = cls(folder, con, None)
        try:
            if is_writer:
                store._state = _open_state(folder / "answerable.duckdb")
                store._load_state()
                store._sweep()
            else:
                store._load_snapshot()
            yield store
        finally:
            if store._state is not None:
                store._state.close()
            con.disconnect()
            shutil.rmtree(spill, ignore_errors=True)

    def _load_state(self) -> None:
        state = self._writer()
        rows = state.execute(
            "select table_name, source_id, month, path, row_count, digest, shape from partition"
        ).fetchall()
        self._take(Partition(*row) for row in rows)
        self._marks = dict(state.execute("select name, digest from mark").fetchall())
        found = state.execute("select coalesce(max(generation), 0) from generation").fetchone()
        self._generation = int(found[0]) if found else 0
        self._write_snapshot()

    def _load_snapshot(self) -> None:
        snapshot = json.loads((self.folder / "snapshot.json").read_text("utf-8"))
        self._take(Partition(**row) for row in snapshot["partitions"])
        self._marks = snapshot["marks"]
        self._generation = snapshot["generation"]

    def _take(self, partitions: Iterable[Partition]) -> None:
        # A file written under an older schema is as good as missing: the stage that owns it writes it anew.
        self._partitions = {
            p.key: p
            for p in partitions
            if p.table in schema.TABLES and p.shape == _shape(schema.table(p.table))
        }

    def _writer(self) -> duckdb.DuckDBPyConnection:
        if self._state is None:
            raise StoreError("the store was opened for reading")
        return self._state

    def _sweep(self, grace_seconds: float = _ORPHAN_SECONDS) -> None:
        """Remove what a killed run left, and files that no reader can still hold."""
        held = {p.path for p in self._partitions.values()}
        root = self.folder / "tables"
        now = time.time()
        for path in sorted(root.glob("**/*.parquet")):
            name = os.fspath(path.relative_to(self.folder))
            if name in held:
                continue
            number = re.match(r"tables/[^/]+/g(\d+)-", name)
            is_unborn = number is not None and int(number[1]) > self._generation
            if is_unborn or now - path.stat().st_mtime >= grace_seconds:
                path.unlink()
        for folder in sorted((p for p in root.glob("**/*") if p.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        for spill in self.folder.glob("spill-*"):
            if not _is_alive(int(spill.name.removeprefix("spill-"))):
                shutil.rmtree(spill, ignore_errors=True)

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(
        self, name: str, *, source_id: str | None = None, months: Sequence[str] | None = None
    ) -> ir.Table:
        """A table as an Ibis expression; with ``source_id`` or ``months``, only those partitions."""
        spec = schema.table(name)
        wanted = None if months is None else set(months)
        paths = tuple(
            sorted(
                p.path
                for p in self._partitions.values()
                if p.table == name
                and p.row_count
                and (source_id is None or p.source_id == source_id)
                and (wanted is None or p.month in wanted)
            )
        )
        cached = self._views.get((name, paths))
        if cached is None:
            cached = self._view(spec, paths)
            self._views[(name, paths)] = cached
        return cached

    def _view(self, spec: schema.Table, paths: Sequence[str]) -> ir.Table:
        if not paths:
            empty = pa.schema([(c.name, _ARROW[c.type]) for c in spec.columns]).empty_table()
            return ibis.memtable(empty, schema=ibis.schema({c.name: c.type for c in spec.columns}))
        files = [os.fspath(self.folder / p) for p in paths]
        return self.con.read_parquet(files, hive_partitioning=False).select(*spec.names)

    def frame(self, expr: ir.Table) -> pd.DataFrame:
        """Compute an expression into a pandas frame: for aggregates and pages, never for raw rows."""
        return cast(pd.DataFrame, self.con.to_pandas(expr))

    def batches(self, expr: ir.Table, *, size: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Compute an expression into Arrow batches of at most ``size`` rows."""
        yield from self.con.to_pyarrow_batches(expr, chunk_size=size)

    def partitions(self, name: str) -> tuple[Partition, ...]:
        """The partitions of a table in their order."""
        return tuple(sorted((p for p in self._partitions.values() if p.table == name), key=lambda p: p.key))

    def months(self, name: str) -> tuple[str, ...]:
        """The months for which a table has rows."""
        return tuple(sorted({p.month for p in self.partitions(name) if p.row_count}))

    def month_counts(self, name: str) -> dict[str, int]:
        """Rows of a table by month."""
        counts: dict[str, int] = {}
        for p in self.partitions(name):
            counts[p.month] = counts.get(p.month, 0) + p.row_count
        return dict(sorted(counts.items()))

    def digest(self, *names: str, month: str | None = None) -> str:
        """A digest of what tables hold (of one month, where given): equal content gives an equal digest."""
        digest = hashlib.blake2b(digest_size=16)
        for name in names:
            for p in self.partitions(name):
                if p.row_count and (month is None or p.month == month):
                    digest.update("\x1f".join((*p.key, str(p.row_count), p.digest)).encode())
        return digest.hexdigest()

    @property
    def generation(self) -> int:
        """The number of the committed state; it grows by one with each commit."""
        return self._generation

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A new folder for the files of one step: gone after it or, after a kill, at the next opening."""
        self._count += 1
        folder = self.folder / f"spill-{os.getpid()}" / f"scratch-{self._count:04d}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # -- writing ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside one step: at the end all of them are the present state, or, on an error, none."""
        state = self._writer()
        if self._staged:
            raise StoreError("a transaction is already open")
        before = (dict(self._partitions), dict(self._marks))
        self._staged = True
        state.begin()
        try:
            yield
            self._commit(before[0], before[1])
        except BaseException:
            self._partitions, self._marks = before
            with contextlib.suppress(duckdb.Error):
                state.rollback()
            raise
        finally:
            self._staged = False

    def _commit(self, partitions: dict[tuple[str, str, str], Partition], marks: dict[str, str]) -> None:
        state = self._writer()
        generation = self._generation + 1
        gone = [key for key in partitions if key not in self._partitions]
        new = [p for key, p in self._partitions.items() if partitions.get(key) != p]
        if gone:
            state.executemany(
                "delete from partition where table_name = ? and source_id = ? and month = ?", gone
            )
        if new:
            rows = pa.table(
                {
                    "table_name": [p.table for p in new],
                    "source_id": [p.source_id for p in new],
                    "month": [p.month for p in new],
                    "path": [p.path for p in new],
                    "row_count": [p.row_count for p in new],
                    "digest": [p.digest for p in new],
                    "shape": [p.shape for p in new],
                    "generation": [generation] * len(new),
                }
            )
            state.register("new_partition", rows)
            state.execute("insert or replace into partition select * from new_partition")
            state.unregister("new_partition")
        for name in marks.keys() - self._marks.keys():
            state.execute("delete from mark where name = ?", [name])
        for name, digest in self._marks.items():
            if marks.get(name) != digest:
                state.execute("insert or replace into mark values (?, ?)", [name, digest])
        state.execute("insert into generation values (?, current_localtimestamp())", [generation])
        state.commit()
        self._generation = generation
        self._write_snapshot()

    def _write_snapshot(self) -> None:
        snapshot = {
            "generation": self._generation,
            "marks": self._marks,
            "partitions": [
                {name: getattr(p, name) for name in Partition.__slots__} for p in self._partitions.values()
            ],
        }
        path = self.folder / "snapshot.json"
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(snapshot), "utf-8")
        draft.replace(path)

    def write(
        self,
        name: str,
        expr: ir.Table | pd.DataFrame | pa.Table,
        *,
        source_id: str | None = None,
        months: Sequence[str] | None = None,
    ) -> Written:
        """Replace a table, or the part of it that ``source_id`` and ``months`` name, by the rows of ``expr``.

        A partition in that scope for which ``expr`` has no row is gone afterwards; one whose rows are the same keeps
        its file.

        Raises:
            StoreError: outside a transaction, or where a row breaks the schema (a required column empty, a value
                outside its closed list, a key twice); the message names the column.
        """
        if not self._staged:
            raise StoreError(f"a write to {name} outside a transaction")
        spec = schema.table(name)
        rows = _as_table(expr, spec)
        self._count += 1
        relative = Path("tables") / name / f"g{self._generation + 1:06d}-{self._count:04d}"
        target = self.folder / relative
        target.mkdir(parents=True)
        by = spec.partition_by
        if by:
            self.con.to_parquet(
                rows,
                target / "rows",
                partition_by=by if len(by) > 1 else by[0],
                write_partition_columns=True,
                compression="zstd",
                row_group_size=ROW_GROUP,
            )
        else:
            self.con.to_parquet(rows, target / "rows.parquet", compression="zstd", row_group_size=ROW_GROUP)
        written = self._inspect(spec, relative)
        for partition in written:
            if (source_id is not None and partition.source_id != source_id) or (
                months is not None and partition.month not in months
            ):
                raise StoreError(
                    f"{name}: a row of {partition.source_id} {partition.month} outside the scope of the write"
                )
        return self._replace(name, written, source_id, months)

    def _replace(
        self, name: str, written: Sequence[Partition], source_id: str | None, months: Sequence[str] | None
    ) -> Written:
        scope = None if months is None else set(months)
        old = {
            p.key: p
            for p in self.partitions(name)
            if (source_id is None or p.source_id == source_id) and (scope is None or p.month in scope)
        }
        changed: set[str] = set()
        fresh: dict[tuple[str, str, str], Partition] = {}
        for partition in written:
            was = old.get(partition.key)
            if was is not None and (was.row_count, was.digest) == (partition.row_count, partition.digest):
                (self.folder / partition.path).unlink()
                fresh[partition.key] = was
            else:
                fresh[partition.key] = partition
                changed.add(partition.month)
        for key in old:
            if key not in fresh:
                changed.add(key[2])
                del self._partitions[key]
        self._partitions.update(fresh)
        return Written(sum(p.row_count for p in written), tuple(sorted(changed)))

    def _inspect(self, spec: schema.Table, relative: Path) -> list[Partition]:
        """Check the files just written against the schema, and describe them."""
        files = sorted((self.folder / relative).glob("**/*.parquet"))
        if not files:
            return []
        listed = ", ".join(_quoted(os.fspath(f)) for f in files)
        checks = [
            (c.name, f"count(*) filter ({_name(c.name)} is null)", "is empty")
            for c in spec.columns
            if c.is_required
        ]
        checks += [
            (
                c.name,
                f"count(*) filter ({_name(c.name)} not in ({', '.join(_quoted(v) for v in c.values)}))",
                "holds a value outside its closed list",
            )
            for c in spec.columns
            if c.values
        ]
        keys = ", ".join(_name(k) for k in spec.key)
        columns = ", ".join(_name(n) for n in spec.names)
        sql = (
            f"select filename, count(*), cast(bit_xor(hash({columns})) as varchar), "
            f"count(*) - count(distinct hash({keys})), "
            + "".join(f"{test}, " for _, test, _ in checks)
            + f"from read_parquet([{listed}], filename = true, hive_partitioning = false) group by filename"
        )
        found: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
        for filename, count, digest, repeated, *broken in self.con.raw_sql(sql).fetchall():
            if repeated:
                raise StoreError(f"{spec.name}: {repeated} rows repeat the key ({', '.join(spec.key)})")
            for (column, _, what), number in zip(checks, broken, strict=True):
                if number:
                    raise StoreError(f"{spec.name}: {column} {what} in {number} rows")
            path = Path(filename)
            values = dict(
                part.split("=", 1) for part in path.relative_to(self.folder / relative).parts if "=" in part
            )
            place = (unquote(values.get("source_id", "")), unquote(values.get("month", "")))
            found.setdefault(place, []).append((os.fspath(path.relative_to(self.folder)), count, digest))
        shape = _shape(spec)
        partitions = []
        for (source_id, month), parts in sorted(found.items()):
            path_name, count, digest = parts[0] if len(parts) == 1 else self._merge(parts)
            partitions.append(Partition(spec.name, source_id, month, path_name, count, digest, shape))
        return partitions

    def _merge(self, parts: Sequence[tuple[str, int, str]]) -> tuple[str, int, str]:
        """Join the files that DuckDB split one partition into."""
        files = [self.folder / path for path, _, _ in parts]
        merged = files[0].with_name("merged.parquet")
        listed = ", ".join(_quoted(os.fspath(f)) for f in files)
        self.con.raw_sql(
            f"copy (from read_parquet([{listed}], hive_partitioning = false)) "
            f"to {_quoted(os.fspath(merged))} (format parquet, compression zstd, row_group_size {ROW_GROUP})"
        )
        for file in files:
            file.unlink()
        digest = 0
        for _, _, part in parts:
            digest ^= int(part)
        return os.fspath(merged.relative_to(self.folder)), sum(count for _, count, _ in parts), str(digest)

    # -- marks and records -----------------------------------------------------------------------------------------

    def mark(self, name: str) -> str:
        """What a finished step left under that name; empty where it never finished."""
        return self._marks.get(name, "")

    def set_mark(self, name: str, digest: str) -> None:
        """Leave a mark, in the open transaction, that a step is done for the inputs with that digest."""
        if not self._staged:
            raise StoreError(f"a mark {name} outside a transaction")
        self._marks[name] = digest

    @property
    def records(self) -> RecordTable:
        """What connectors received, verbatim."""
        return RecordTable(self._writer, self._in_transaction)

    def _in_transaction(self) -> None:
        if not self._staged:
            raise StoreError("records outside a transaction")

    def erase(self) -> None:
        """Leave no trace on disk of what was removed: old files go, and the DuckDB file is written anew.

        A removed row stays in free pages of a DuckDB file until they are used again; a copy has none of them.

        Raises:
            StoreError: in a transaction.
        """
        if self._staged:
            raise StoreError("the store cannot be written anew in a transaction")
        self._sweep(0)
        state = self._writer()
        path = self.folder / "answerable.duckdb"
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        state.execute(f"attach {_quoted(os.fspath(draft))} as draft")
        # Not `copy from database`: keys and checks come from our own statements, as in a new store.
        state.execute("use draft")
        state.execute(_STATE_DDL)
        for name in _STATE_TABLES:
            state.execute(f"insert into draft.{name} select * from answerable.{name}")  # noqa: S608
        state.execute("use answerable")
        state.execute("detach draft")
        state.close()
        draft.replace(path)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        self._state = _open_state(path)

    def secret(self) -> bytes:
        """The key for hashes of people: from the environment (ANSWERABLE_SECRET), else made once and kept here."""
        given = os.environ.get("ANSWERABLE_SECRET")
        if given:
            return given.encode()
        path = self.folder / "secret"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secrets.token_hex(32))
        return path.read_bytes()


_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


def _as_table(expr: ir.Table | pd.DataFrame | pa.Table, spec: schema.Table) -> ir.Table:
    """The rows with the table's columns and types, in its order."""
    names = set(expr.columns if not isinstance(expr, pa.Table) else expr.column_names)
    unknown = names - set(spec.names)
    missing = set(spec.names) - names
    if unknown or missing:
        raise StoreError(
            f"{spec.name}: "
            + "; ".join(
                f"{word} columns {', '.join(sorted(which))}"
                for word, which in (("unknown", unknown), ("missing", missing))
                if which
            )
        )
    wanted = ibis.schema({c.name: c.type for c in spec.columns})
    if isinstance(expr, pd.DataFrame):
        columns = {
            c.name: pa.array(expr[c.name], type=_ARROW[c.type], from_pandas=True) for c in spec.columns
        }
        expr = pa.table(columns)
    if isinstance(expr, pa.Table):
        expr = ibis.memtable(expr.select(list(spec.names)))
    return expr.select(*spec.names).cast(wanted)


def _open_state(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        state = duckdb.connect(os.fspath(path))
        state.execute("set timezone = 'UTC'")
        # A checkpoint writes the newest rows of a table anew, up to 100,000 of them: not after every 16 MB.
        state.execute("set checkpoint_threshold = '128MB'")
        state.execute(_STATE_DDL)
    except duckdb.IOException as error:
        holder = re.search(r"PID (\d+)", str(error))
        if "lock" in str(error):
            who = f" (process {holder[1]})" if holder else ""
            raise StoreBusyError(
                f"another command is writing to this project{who}",
                file=path,
                remedy="wait until it has finished; `answerable status` and `answerable explain` work meanwhile",
            ) from error
        raise StoreError(
            f"not a store: {error}", file=path, remedy="move the file away and gather again"
        ) from error
    except duckdb.Error as error:
        raise StoreError(
            f"not a store: {error}", file=path, remedy="move the file away and gather again"
        ) from error
    return state


def _shape(spec: schema.Table) -> str:
    """A digest of a table's columns and types."""
    text = ",".join(f"{c.name}:{c.type}" for c in spec.columns)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
