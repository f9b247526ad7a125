"""Where words have left a trace in a folder: in names, bytes, compressed files, Parquet and DuckDB files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

__all__ = ["traces"]


def traces(folder: Path, *words: str) -> list[str]:
    """Each file that holds one of the words (or bears it in its name), with the word."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = os.fspath(path.relative_to(folder))
        held = b"\n".join((name.encode(), *_contents(path)))
        found += [f"{name}: {word}" for word in words if word.encode() in held]
    return found


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    elif path.suffix == ".parquet":
        yield str(pq.read_table(path).to_pylist()).encode()  # type: ignore[no-untyped-call, unused-ignore]
    elif path.suffix == ".duckdb":
        with duckdb.connect(os.fspath(path), read_only=True) as con:
            names = con.execute("select table_name from information_schema.tables").fetchall()
            for (table,) in names:
                yield str(con.execute(f'select * from "{table}"').fetchall()).encode()
