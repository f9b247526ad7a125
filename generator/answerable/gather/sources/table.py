"""Rows of CSV, Parquet and JSON Lines files, their columns mapped as the settings say.

Nothing is looped over in Python: a CSV or JSON Lines file is first kept as it stands, in its order, as Parquet; then
one expression turns texts into values.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from answerable import schema
from answerable.errors import SourceError
from answerable.gather import engine
from answerable.gather.files import (
    InputFile,
    as_utf8,
    line_reader,
    lines_of_rows,
    open_bytes,
    open_text,
)
from answerable.gather.findings import LOCATED_LIMIT, Finding
from answerable.gather.rows import COUNTS, DEGREES, IDS, INSTANTS, TRUTHS, Gathered
from answerable.settings import ColumnMap, PetitionsSource, Settings, TableSource
from answerable.store import Store

__all__ = ["read"]

log = logging.getLogger(__name__)

_Tabular = TableSource | PetitionsSource

_BAD_ENCODING_SHARE = 0.01
"""More rows than this that are not in the encoding: then the settings are wrong, not the rows."""

_KEYS_SAMPLE = 10_000
_CALENDAR = (ibis.timestamp("0001-01-02 00:00:00"), ibis.timestamp("9999-12-31 09:00:00"))
_MAX_LINE = 1 << 24
_MANY = 1e12
_TRUE = ("true", "t", "yes", "y", "1", "1.0")
_FALSE = ("false", "f", "no", "n", "0", "0.0")
_CODES = ("service", "agency")
"""Columns whose unknown value becomes `unmapped` where there is a value map; elsewhere it becomes empty."""


@dataclass(frozen=True, slots=True)
class _Raw:
    """One file as it stands: columns of the source as ``c0``, ``c1`` and so on, and ``row`` from 0."""

    rows: ir.Table
    names: Mapping[str, str]
    findings: tuple[Finding, ...] = ()
    delimiter: str = ","
    rejected: tuple[int, ...] = field(default=())
    row_count: int = 0


def read(
    source: _Tabular,
    files: Sequence[InputFile],
    settings: Settings,
    store: Store,
    folder: Path,
) -> Gathered:
    """The rows of a tabular source.

    Args:
        source: what its settings say.
        files: the files to read.
        settings: all settings, for value maps and the time zone.
        store: for its engine.
        folder: where files may be kept until the source has been gathered.

    Raises:
        SourceError: a file is not of its format or encoding, lacks a column, or has no usable row.
    """
    needed = list(dict.fromkeys(c for m in source.columns.values() for c in m.columns))
    raws: list[_Raw] = []
    bad: tuple[str, ...] = ()
    parts: list[Path] = []
    formats = [_format(source, file) for file in files]
    for number, (file, kind) in enumerate(zip(files, formats, strict=True)):
        raw = _READERS[kind](source, file, needed, store=store, target=folder / f"raw-{number:05d}.parquet")
        rows, bad = _mapped(raw, source, settings)
        part = folder / f"rows-{number:05d}.parquet"
        columns = rows.mutate(file_index=ibis.literal(number, "int64"))
        store.con.to_parquet(columns, part)
        kept = store.con.read_parquet(part)
        usable, count = (
            store.con.to_pyarrow(
                kept.aggregate(
                    n=(kept.record_id.notnull() & kept.created_at.notnull()).sum(), all=kept.count()
                )
            )
            .to_pylist()[0]
            .values()
        )
        if not usable:
            raise _unusable(source, file, raw, kept=kept, count=count, store=store)
        log.info("read %s: %d rows", file.name, count)
        raws.append(raw)
        parts.append(part)

    def locate(index: int, rows: Sequence[int]) -> Mapping[int, int]:
        if formats[index] == "parquet":
            return {}
        if formats[index] == "jsonl":
            return {row: row + 1 for row in rows}
        raw = raws[index]
        return lines_of_rows(
            files[index].path,
            source.encoding,
            raw.delimiter,
            rows,
            row_count=raw.row_count,
            rejected=raw.rejected,
        )

    return Gathered(
        rows=store.con.read_parquet([str(p) for p in parts]),
        files=tuple(files),
        mapped=tuple(source.columns),
        bad=bad,
        findings=tuple(f for raw in raws for f in raw.findings),
        locate=locate,
    )


def _format(source: _Tabular, file: InputFile) -> str:
    if source.format is not None and source.format != "json":
        return source.format
    suffixes = [s for s in file.path.suffixes if s not in (".gz", ".zst")]
    suffix = suffixes[-1].lower() if suffixes else ""
    found = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}.get(suffix)
    found = found or {".jsonl": "jsonl", ".ndjson": "jsonl"}.get(suffix)
    if found is None:
        raise SourceError(
            "its name does not say what it is",
            file=file.path,
            remedy=f"set format: csv, parquet or jsonl for {source.id} in data/sources.yml",
        )
    return found


def _unusable(
    source: _Tabular,
    file: InputFile,
    raw: _Raw,
    *,
    kept: ir.Table,
    count: int,
    store: Store,
) -> SourceError:
    """Why a file has not one usable row."""
    if not count:
        bad = len(raw.rejected)
        return SourceError(
            "has no rows" if not bad else f"has no usable row: {bad} could not be read",
            file=file.path,
            line=raw.rejected[0] if bad else None,
            remedy="fetch the file again, or check its delimiter and format",
        )
    name = "created_at" if store.con.execute(kept.record_id.notnull().any()) else "record_id"
    column = ", ".join(source.columns[name].columns) or "the constant"
    shown = ""
    if name == "created_at":
        values = store.con.to_pyarrow(
            kept.filter(kept.bad_created_at.notnull()).bad_created_at.as_table().limit(1)
        )
        shown = f", such as {values['bad_created_at'][0].as_py()!r}" if values.num_rows else ""
    return SourceError(
        f"has no usable row: {column} holds nothing that can be read as {name}{shown}",
        file=file.path,
        line=raw.rejected[0] if raw.rejected else 2,
        remedy=f"check columns.{name}"
        + (" and its format" if name == "created_at" else "")
        + " in data/sources.yml",
    )


# -- files as they stand -----------------------------------------------------------------------------------------------


@contextmanager
def _reading(file: InputFile, kind: str, remedy: str) -> Iterator[None]:
    """Says of the file what the engine says of it that cannot read it."""
    try:
        yield
    except duckdb.Error as error:
        raise SourceError(
            f"is not {kind}: {str(error).splitlines()[0]}", file=file.path, remedy=remedy
        ) from error


def _kept(query: str, target: Path, store: Store) -> ir.Table:
    """The rows of a query on a file, kept in the order of its lines: ``row`` is from 0."""
    con = store.con
    con.raw_sql("set preserve_insertion_order = true")
    try:
        con.raw_sql(f"copy ({query}) to {_quoted(target)} (format parquet)")
    finally:
        con.raw_sql("set preserve_insertion_order = false")
    return con.read_parquet(target, file_row_number=True).rename(row="file_row_number")


def _other_encoding(source: _Tabular, file: InputFile, what: str, line: int) -> SourceError:
    return SourceError(
        f"is not {source.encoding}: {what}",
        file=file.path,
        line=line,
        remedy="name the file's encoding in data/sources.yml, such as encoding: cp1252",
    )


def _csv(source: _Tabular, file: InputFile, needed: Sequence[str], *, store: Store, target: Path) -> _Raw:
    header, delimiter = _header(source, file)
    names = _aliases(header, needed, file, source, line=1)
    path = as_utf8(file.path, source.encoding, target.parent)
    columns = ", ".join(f"'h{i}': 'VARCHAR'" for i in range(len(header)))
    wanted = ", ".join(f"h{header.index(name)} as {alias}" for name, alias in names.items()) or "1 as c0"
    con = store.con

    def copy(*, is_strict: bool) -> ir.Table:
        con.raw_sql("drop table if exists rejects")
        con.raw_sql("drop table if exists reject_scan")
        query = (
            f"select {wanted} from read_csv({_quoted(path)}, auto_detect = false, header = true, "  # noqa: S608
            f"delim = {_quoted(delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}}, "
            f"max_line_size = {_MAX_LINE}, strict_mode = {is_strict}, "
            "store_rejects = true, rejects_table = 'rejects', rejects_scan = 'reject_scan')"
        )
        return _kept(query, target, store)

    with _reading(file, "a CSV that can be read", "check its delimiter and encoding in data/sources.yml"):
        try:
            rows = copy(is_strict=True)
        except duckdb.Error as error:
            if "state machine" not in str(error):
                raise
            # Line ends of two kinds in one file: the strict parser gives up on the whole of it.
            rows = copy(is_strict=False)
        rejects: list[tuple[int, str]] = con.raw_sql(
            "select line_byte_position, string_agg(error_type, ' ') from rejects group by all order by all"
        ).fetchall()
    count = int(con.execute(rows.count()))
    lines = _lines_at(path, [int(position) for position, _ in rejects])
    misread = [line for line, (_, errors) in zip(lines, rejects, strict=True) if "ENCODING" in str(errors)]
    read_count = count + len(rejects)
    if len(misread) > _BAD_ENCODING_SHARE * read_count:
        what = f"{len(misread)} rows of {read_count} cannot be decoded"
        raise _other_encoding(source, file, what, misread[0])
    return _Raw(rows, names, _unreadable(file, lines), delimiter, tuple(lines), count)


def _unreadable(file: InputFile, lines: Sequence[int]) -> tuple[Finding, ...]:
    findings = [Finding("row_unreadable", file_name=file.name, line=line) for line in lines[:LOCATED_LIMIT]]
    if len(lines) > LOCATED_LIMIT:
        findings.append(Finding("row_unreadable", file_name=file.name, row_count=len(lines) - LOCATED_LIMIT))
    return tuple(findings)


def _lines_at(path: Path, positions: Sequence[int]) -> list[int]:
    """The lines on which byte positions (ascending) of a file stand."""
    if not positions:
        return []
    lines: list[int] = []
    line, at = 1, 0
    with open_bytes(path) as file:
        for position in positions:
            while at < position:
                chunk = file.read(min(position - at, _MAX_LINE))
                if not chunk:
                    break
                at += len(chunk)
                line += chunk.count(b"\n")
            lines.append(line)
    return lines


def _header(source: _Tabular, file: InputFile) -> tuple[list[str], str]:
    """The names in the first line, each once, and the delimiter."""
    with open_text(file.path, source.encoding, errors="surrogateescape") as text:
        first = text.readline(_MAX_LINE)
    wrong = next((c for c in first if "\udc80" <= c <= "\udcff"), "")
    if wrong:
        what = f"its first line holds the byte 0x{ord(wrong) - 0xDC00:02x}"
        raise _other_encoding(source, file, what, line=1)
    if not first.strip():
        raise SourceError("is empty", file=file.path, remedy="fetch the file again")
    if "\0" in first or first.startswith(("PK\x03", "PAR1", "%PDF", "\x1f\x8b")):
        raise SourceError(
            "is not a CSV: it holds binary data",
            file=file.path,
            line=1,
            remedy="check the file's format and encoding",
        )
    delimiter = source.delimiter or max(",;\t|", key=first.count)
    _, names = next(iter(line_reader(file.path, source.encoding, delimiter)))
    unique: list[str] = []
    for name in (n.strip() for n in names):
        # A name that stands twice is told apart by its number.
        times = 2
        candidate = name
        while candidate in unique:
            candidate = f"{name}_{times}"
            times += 1
        unique.append(candidate)
    return unique, delimiter


def _aliases(
    known: Sequence[str],
    needed: Sequence[str],
    file: InputFile,
    source: _Tabular,
    *,
    line: int | None = None,
) -> dict[str, str]:
    """A plain name for each needed column."""
    for name in needed:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.6)
            ours = next(n for n, m in source.columns.items() if name in m.columns)
            raise SourceError(
                f"there is no column {name} (for {ours})" + (f"; did you mean {near[0]}?" if near else ""),
                file=file.path,
                line=line,
                remedy=f"correct columns.{ours} in data/sources.yml; the file has: {', '.join(known[:60])}",
            )
    return {name: f"c{i}" for i, name in enumerate(needed)}


def _json_lines(
    source: _Tabular, file: InputFile, needed: Sequence[str], *, store: Store, target: Path
) -> _Raw:
    paths = _json_paths(source, file, needed)
    path = as_utf8(file.path, source.encoding, target.parent)
    con = store.con
    query = (
        f"select line from read_csv({_quoted(path)}, auto_detect = false, header = false, "  # noqa: S608
        f"delim = '\x01', quote = '', escape = '', columns = {{'line': 'VARCHAR'}}, max_line_size = {_MAX_LINE})"
    )
    with _reading(file, "JSON Lines that can be read", "check its encoding in data/sources.yml"):
        lines = _kept(query, target, store)
    is_blank = lines.line.isnull() | (lines.line.strip() == "")
    is_object = engine.json_valid(lines.line) & lines.line.strip().startswith("{")
    broken = con.to_pyarrow(lines.filter(~is_blank & ~is_object).select("row").order_by("row"))[
        "row"
    ].to_pylist()
    good = lines.filter(~is_blank & is_object)
    names = {name: f"c{i}" for i, name in enumerate(needed)}
    rows = good.select("row", **{names[n]: engine.json_text(good.line, path) for n, path in paths.items()})
    count = int(con.execute(good.count()))
    at = tuple(row + 1 for row in broken)
    return _Raw(rows, names, _unreadable(file, at), rejected=at, row_count=count)


def _json_paths(source: _Tabular, file: InputFile, needed: Sequence[str]) -> dict[str, str]:
    """The JSON path of each needed column: a key as it stands, else the keys between its dots.

    Keys may be left out of single lines; a column that is in none of the first lines is looked for in all.
    """
    missing = set(needed)
    paths: dict[str, str] = {}
    seen: dict[str, None] = {}
    with open_text(file.path, source.encoding, errors="replace") as text:
        for number, line in enumerate(text):
            if not missing:
                break
            value = _object(line)
            if number < _KEYS_SAMPLE:
                seen.update(dict.fromkeys(value))
            for name in sorted(missing):
                found = _json_path(value, name)
                if found is not None:
                    paths[name] = found
                    missing.discard(name)
    if not seen and needed:
        raise SourceError(
            "has no line with a JSON object",
            file=file.path,
            line=1,
            remedy="check the file's format in data/sources.yml",
        )
    _aliases([*seen, *paths], needed, file, source)
    return paths


def _object(line: str) -> dict[str, Any]:
    """The JSON object of a line; an empty one where the line is none."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _json_path(value: Mapping[str, Any], name: str) -> str | None:
    if name in value:
        return f"$.{json.dumps(name, ensure_ascii=False)}"
    inner: Any = value
    for part in name.split("."):
        if not isinstance(inner, dict) or part not in inner:
            return None
        inner = inner[part]
    return "$." + ".".join(json.dumps(part, ensure_ascii=False) for part in name.split("."))


def _parquet(source: _Tabular, file: InputFile, needed: Sequence[str], *, store: Store, target: Path) -> _Raw:
    del target
    with _reading(file, "Parquet", "fetch the file again"):
        table = store.con.read_parquet(file.path, file_row_number=True)
    known = [c for c in table.columns if c != "file_row_number"]
    names = _aliases(known, needed, file, source)
    rows = table.select(row="file_row_number", **{alias: table[name] for name, alias in names.items()})
    return _Raw(rows, names, row_count=int(store.con.execute(table.count())))


_READERS = {"csv": _csv, "jsonl": _json_lines, "parquet": _parquet}


def _quoted(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


# -- from texts to values ----------------------------------------------------------------------------------------------


def _mapped(raw: _Raw, source: _Tabular, settings: Settings) -> tuple[ir.Table, tuple[str, ...]]:
    """A file's rows with our columns, and for each column that can fail the text that did."""
    zone = settings.source_zone(source)
    given = {name: _given(raw, mapping, name) for name, mapping in source.columns.items()}
    rows = raw.rows.select("row", **given)
    unknown: dict[str, str] = {}
    for name, mapping in source.columns.items():
        values = settings.values(mapping)
        if values is not None:
            rows = _with_values(rows, name, values)
            unknown[name] = f"unknown_{name}"
    columns: dict[str, Any] = {}
    bad: dict[str, ir.Value] = {}
    for name, mapping in source.columns.items():
        text = rows[name]
        if name in INSTANTS:
            value = _instant(text, mapping, zone, ignore_offset=source.ignore_offset)
        elif name in DEGREES or name in COUNTS:
            value = _number(text, is_whole=name in COUNTS)
        elif name in TRUTHS:
            folded = text.cast("string").lower()
            value = ibis.cases((folded.isin(_TRUE), True), (folded.isin(_FALSE), False))
        else:
            value = _plain_id(text) if name in IDS else text
        columns[name] = value
        if name in unknown:
            bad[name] = rows[unknown[name]]
            if name in _CODES:
                columns[name] = ibis.ifelse(rows[unknown[name]].notnull(), schema.MISSING_CODE, value)
        elif name in INSTANTS or name in DEGREES or name in COUNTS or name in TRUTHS:
            bad[name] = ibis.ifelse(value.isnull() & text.notnull(), text.cast("string"), ibis.null("string"))
    return rows.select("row", **columns, **{f"bad_{name}": value for name, value in bad.items()}), tuple(bad)


def _given(raw: _Raw, mapping: ColumnMap, name: str) -> ir.Value:
    """What stands in the file: a text without outer white space, or a typed value; NULL where the settings say so."""
    if mapping.constant is not None:
        return ibis.literal(mapping.constant, "string")
    columns = [raw.rows[raw.names[c]] for c in mapping.columns]
    typed = columns[0]
    if len(columns) == 1 and name in INSTANTS and (typed.type().is_timestamp() or typed.type().is_date()):
        return typed
    texts = [_absent(c.cast("string").strip(), mapping.missing) for c in columns]
    if len(texts) == 1:
        return texts[0]
    return ibis.array(texts).filter(lambda part: part.notnull()).join(mapping.separator).nullif("")


def _absent(text: ir.Value, missing: Sequence[str]) -> ir.Value:
    absent = sorted({"", *missing})
    return ibis.ifelse(text.isin(absent), ibis.null("string"), text)


def _with_values(rows: ir.Table, name: str, values: Mapping[str, str]) -> ir.Table:
    """A column by its value map; a value that the map does not know stands in ``unknown_<name>``."""
    # Values that differ by outer white space only are one: a row must not be joined twice.
    meant = {value.strip(): code for value, code in values.items()}
    lookup = ibis.memtable(
        pa.table(
            {
                "value_given": pa.array(list(meant), pa.string()),
                "value_meant": pa.array(list(meant.values()), pa.string()),
            }
        )
    )
    joined = rows.left_join(lookup, rows[name].cast("string") == lookup.value_given)
    is_unknown = joined[name].notnull() & joined.value_given.isnull()
    return joined.mutate(
        **{
            f"unknown_{name}": ibis.ifelse(is_unknown, joined[name].cast("string"), ibis.null("string")),
            name: joined.value_meant.nullif(""),
        }
    ).drop("value_given", "value_meant")


def _plain_id(text: ir.Value) -> ir.Value:
    """An identifier as text: a spreadsheet's 4711.0 is 4711."""
    return ibis.ifelse(text.endswith(".0"), text.re_replace(r"^(\d+)\.0$", r"\1"), text)


def _number(text: ir.Value, *, is_whole: bool) -> ir.Value:
    number = text.cast("string").try_cast("float64")
    number = ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number)
    if not is_whole:
        return number
    # Beyond it no count is one, and sums of many would not fit any more.
    return ibis.ifelse(number.abs() < _MANY, number, ibis.null("float64")).round().cast("int64")


def _instant(text: ir.Value, mapping: ColumnMap, zone: str, *, ignore_offset: bool) -> ir.Value:
    """A UTC instant from a text, by the first format that fits."""
    if not text.type().is_string():
        return _on_calendar(_typed_instant(text, zone, ignore_offset=ignore_offset))
    formats = (mapping.format,) if isinstance(mapping.format, str) else mapping.format or ("iso",)
    tries = [_by_format(text, pattern, zone, ignore_offset=ignore_offset) for pattern in formats]
    return _on_calendar(ibis.coalesce(*tries).cast("timestamp"))


def _on_calendar(instant: ir.Value) -> ir.Value:
    """An instant that Python's calendar holds in every zone; NULL for others (the engine knows infinity, too)."""
    return ibis.ifelse(instant.between(*_CALENDAR), instant, ibis.null("timestamp"))


def _typed_instant(value: ir.Value, zone: str, *, ignore_offset: bool) -> ir.Value:
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        instant = value.cast(dt.Timestamp(timezone="UTC")).cast("timestamp")
        return engine.at_zone(instant, zone) if ignore_offset else instant
    return engine.at_zone(value.cast("timestamp"), zone)


def _by_format(text: ir.Value, pattern: str, zone: str, *, ignore_offset: bool) -> ir.Value:
    if pattern in ("epoch_seconds", "epoch_milliseconds"):
        number = text.try_cast("float64")
        micros = number * (1_000_000 if pattern == "epoch_seconds" else 1_000)
        # Beyond these there is no year that a calendar knows; the engine would raise.
        is_sound = micros.abs() < 2.5e17
        return engine.instant_of_micros(
            ibis.ifelse(is_sound, micros, ibis.null("float64")).round().cast("int64")
        )
    if pattern == "iso":
        return _iso(text, zone, ignore_offset=ignore_offset)
    if "%z" in pattern and not ignore_offset:
        return engine.try_strptime_with_offset(text, pattern).cast("timestamp")
    if "%z" in pattern:
        plain = text.re_replace(r"(\d\d(?:\.\d+)?)(\s*)[+-]\d\d:?\d\d\b", r"\1\2+0000").re_replace(
            r"Z\b", "+0000"
        )
        return engine.at_zone(engine.try_strptime_with_offset(plain, pattern).cast("timestamp"), zone)
    return engine.at_zone(engine.try_strptime(text, pattern), zone)


def _iso(text: ir.Value, zone: str, *, ignore_offset: bool) -> ir.Value:
    """ISO 8601, with or without an offset, with T or a space."""
    length = text.length()
    ends = [text.substr(length - n, 1) for n in (6, 5, 3)]
    has_offset = (length >= 16) & (
        text.endswith("Z")
        | text.endswith("z")
        | text.endswith("UTC")
        | text.endswith("GMT")
        | ibis.or_(*(end.isin(["+", "-"]) for end in ends))
    )
    plain = text.re_replace(r"\s*(?:UTC|GMT|[Zz]|[+-]\d\d(?::?\d\d)?)$", "")
    if ignore_offset:
        aware = engine.at_zone(plain.try_cast("timestamp"), zone)
    else:
        tidy = text.re_replace(r"\s*(?:UTC|GMT|[Zz])$", "+00").re_replace(r"\s+([+-]\d\d(?::?\d\d)?)$", r"\1")
        aware = tidy.try_cast(dt.Timestamp(timezone="UTC")).cast("timestamp")
    return ibis.ifelse(has_offset, aware, engine.at_zone(text.try_cast("timestamp"), zone))
