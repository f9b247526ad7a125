"""The published files: every table a reader may have, as CSV and as Parquet, with what each column means.

Only public columns of ``schema.py`` are named here, and a source that does not publish its rows has none in any
file: it is there in measures, sources and counts of findings. Rows stand in a fixed order (month, source,
identifier), so that equal data give equal files. Large tables are written run by run of months: memory does not grow
with them.

In a CSV, instants are ISO 8601 in UTC with a Z, and a text that a spreadsheet would take for a formula (it begins with
``=``, ``+``, ``-``, ``@``, a tab or a carriage return) begins with an apostrophe. Parquet has the texts as they are.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from answerable import schema
from answerable.measure.stage import OVERRIDES
from answerable.publish.decisions import public_overrides
from answerable.publish.months import month_runs
from answerable.publish.swap import link_or_copy

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["EXPORTS", "DataFile", "Export", "write_open_data"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Export:
    """One published table: its name, the tables it is made of, its columns and how its rows are asked for.

    ``rows(store, months)`` gives the rows of a run of months (all, for None); ``by`` is the table whose months cut the
    work, empty for a small one; ``order`` makes the rows' order the same in every build. A list of the site that is
    empty is not published (``is_always_there``).
    """

    name: str
    description: str
    columns: tuple[schema.Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    inputs: tuple[str, ...]
    rows: Callable[[Store, Sequence[str] | None], ir.Table]
    by: str = ""
    references: tuple[tuple[str, str], ...] = ()
    is_always_there: bool = True


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file as it lies in the site: for the page about the data and for the package."""

    export: Export
    row_count: int
    csv_bytes: int
    parquet_bytes: int


def _public(*parts: tuple[str, Sequence[str]], without: Sequence[str] = ()) -> tuple[schema.Column, ...]:
    """Public columns of tables, each name once. Raises ``KeyError`` for a private one: it cannot be published."""
    columns: dict[str, schema.Column] = {}
    for name, names in parts:
        spec = schema.table(name)
        for column_name in names or spec.public_names:
            column = spec.column(column_name)
            if not column.is_public:
                raise KeyError(f"{name}.{column_name} is private")
            if column_name not in without:
                columns.setdefault(column_name, column)
    return tuple(columns.values())


# The feedback's own agency, reason of closing and language are what the source says; the reading's are what was made of
# them, and say so in agency_rule, closing_rule and lang_rule.
_READ_ANEW = frozenset({"agency_code", "closing_reason", "lang"})
_FEEDBACK = _public(
    (
        "feedback",
        [n for n in schema.table("feedback").public_names if n not in _READ_ANEW],
    ),
    ("reading", ()),
    ("issue_feedback", ("issue_id",)),
)
_UPDATES = _public(
    ("feedback_update", ()),
    ("update_reading", ("update_class", "class_rule", "public_text", "redaction_count")),
)
_RESPONSES = _public(("response", ()))
_ISSUES = _public(("issue", ()))
_OVERRIDES = _public(("override", ()))


def _open_rows(store: Store, rows: ir.Table) -> ir.Table:
    """Only rows of sources that publish their rows."""
    shown = store.read("source").filter(ibis._.is_published_by_row).select("source_id")
    return rows.semi_join(shown, "source_id")


_NAMED = ("record_id", "reply_to_id", "conversation_id")
_DID = r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+"
"""What some networks call a person by, for ever: in the addresses of posts, and so in their identifiers."""


def _without_people(rows: ir.Table) -> ir.Table:
    """The rows with no person's permanent identifier inside a record's."""
    return rows.mutate(
        **{name: rows[name].re_replace(_DID, "did") for name in _NAMED if name in rows.columns}
    )


def _without_hidden_copies(store: Store, reading: ir.Table) -> ir.Table:
    """The rows without what they repeat, where that is of a source that hides its rows: it would tell its words."""
    shown = store.read("source").filter(ibis._.is_published_by_row).select("source_id")
    hidden = store.read("feedback").anti_join(shown, "source_id").select(hidden_id="feedback_id")
    copied = reading.filter(reading.duplicate_of.notnull()).select(
        copy_id="feedback_id", of_id="duplicate_of"
    )
    if "automatic" in reading.columns:
        # Where a person said that it is none, what the program had said stands beside it.
        told = reading.filter(reading.automatic.notnull())
        was = told.automatic.re_extract(r"duplicate_of: (\S+)", 1)
        copied = copied.union(told.select(copy_id="feedback_id", of_id=was), distinct=True)
    secret = copied.semi_join(hidden, copied.of_id == hidden.hidden_id).select("copy_id").distinct()
    rows = reading.left_join(secret, reading.feedback_id == secret.copy_id)
    columns = [c for c in ("duplicate_of", "duplicate_similarity", "automatic") if c in reading.columns]
    return rows.mutate(
        **{c: rows.copy_id.isnull().ifelse(rows[c], ibis.null(rows[c].type())) for c in columns}
    ).drop("copy_id")


def _feedback(store: Store, months: Sequence[str] | None) -> ir.Table:
    own = [c.name for c in _FEEDBACK if c.name in schema.table("feedback").names and c.name not in _READ_ANEW]
    read = ["feedback_id", *(c.name for c in _FEEDBACK if c.name not in own and c.name != "issue_id")]
    feedback = _open_rows(store, store.read("feedback", months=months)).select(*own)
    reading = _without_hidden_copies(store, store.read("reading", months=months).select(*read))
    member = store.read("issue_feedback", months=months).select("feedback_id", "issue_id")
    joined = feedback.left_join(reading, "feedback_id").drop("feedback_id_right")
    return _without_people(joined.left_join(member, "feedback_id").drop("feedback_id_right"))


def _updates(store: Store, months: Sequence[str] | None) -> ir.Table:
    own = [c.name for c in _UPDATES if c.name in schema.table("feedback_update").names]
    read = ["update_id", *(c.name for c in _UPDATES if c.name not in own)]
    update = _open_rows(store, store.read("feedback_update", months=months)).select(*own)
    reading = store.read("update_reading", months=months).select(*read)
    return update.left_join(reading, "update_id").drop("update_id_right")


def _responses(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    return _open_rows(store, store.read("response"))


def _issues(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    """An issue with feedback of a source that hides its rows is there only where it may have a page.

    Its size and its instants are not told: they would be those of single rows, or tell them by subtraction.
    """
    issue = store.read("issue")
    hidden = store.read("source").filter(~ibis._.is_published_by_row).select("source_id")
    touched = store.read("issue_feedback").semi_join(hidden, "source_id").select("issue_id").distinct()
    whole = issue.anti_join(touched, "issue_id")
    private = issue.filter(issue.has_page).semi_join(touched, "issue_id")
    private = private.mutate(
        feedback_count=ibis.null("int64"),
        first_at=private.first_at.truncate("M"),
        last_at=private.last_at.truncate("M"),
    )
    return whole.union(private.select(*whole.columns).cast(whole.schema()))


def _findings(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    """Findings of a source that hides its rows are one row for each code, without identifier or place."""
    finding = _without_people(store.read("finding").select(*schema.table("finding").public_names))
    # What is wrong with a person's decision is no source's: it is told where the decision is.
    override = store.read("override")
    stale = override.filter(override.is_expired | ~override.is_matched)
    nothing = ibis.null("string")
    decisions = stale.select(
        finding_id="override_id",
        source_id=ibis.literal(OVERRIDES),
        finding_code=stale.is_expired.ifelse("override_expired", "override_unmatched"),
        record_id=nothing,
        file_name=ibis.literal("overrides.csv"),
        line=ibis.null("int64"),
        column_name=stale.decision,
        row_count=ibis.literal(1).cast("int64"),
    )
    shown = _open_rows(store, finding)
    hidden = finding.anti_join(
        store.read("source").filter(ibis._.is_published_by_row).select("source_id"), "source_id"
    )
    summed = hidden.group_by("source_id", "finding_code").aggregate(row_count=hidden.row_count.sum())
    # Fewer than five rows could be told apart.
    enough = summed.filter(summed.row_count >= 5).mutate(
        finding_id=(summed.source_id + "/" + summed.finding_code),
        record_id=ibis.null("string"),
        file_name=ibis.null("string"),
        line=ibis.null("int64"),
        column_name=ibis.null("string"),
    )
    return shown.union(enough.select(*shown.columns), decisions.select(*shown.columns))


def _overrides(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    return public_overrides(store)


def _answers_elsewhere(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    """What counts; and only where the feedback and what was said are of sources that publish their rows."""
    rows = store.read("update_elsewhere").filter(ibis._.is_counted)
    said = store.read("source").filter(ibis._.is_published_by_row).select(post_source_id="source_id")
    rows = _open_rows(store, rows).semi_join(said, "post_source_id")
    return rows.mutate(post_name=rows.post_name.re_replace(_DID, "did"))


def _takedowns(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    return _open_rows(store, store.read("takedown"))


def _sources(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
    """Of a source that hides its rows, how many there are is told where `held` tells it, and no failure's details."""
    source = store.read("source")
    result = store.read("measure_result")
    held = result.filter((result.measure == "held") & (result.breakdown == "source") & result.is_suppressed)
    is_hidden = source.source_id.isin(held.group_code)
    is_open = source.is_published_by_row
    return source.mutate(
        feedback_count=ibis.ifelse(is_hidden, ibis.null("int64"), source.feedback_count),
        stale_reason=ibis.ifelse(is_open, source.stale_reason, ibis.null("string")),
    )


def _whole(name: str) -> Callable[[Store, Sequence[str] | None], ir.Table]:
    def rows(store: Store, months: Sequence[str] | None) -> ir.Table:  # noqa: ARG001
        return store.read(name)

    return rows


def _list(table: str, file: str, *references: tuple[str, str]) -> Export:
    spec = schema.table(table)
    columns = _public((table, ()))
    return Export(
        file,
        spec.description,
        columns,
        spec.key,
        spec.key,
        (table,),
        _whole(table),
        references=references,
        is_always_there=False,
    )


EXPORTS: tuple[Export, ...] = (
    Export(
        "feedback",
        "One public message each, with what was understood of it",
        _FEEDBACK,
        ("feedback_id",),
        ("month", "source_id", "feedback_id"),
        ("feedback", "reading", "issue_feedback", "source"),
        _feedback,
        by="feedback",
        references=(("source_id", "sources"),),
    ),
    Export(
        "updates",
        "What happened to each feedback, with what was understood of it",
        _UPDATES,
        ("update_id",),
        ("month", "source_id", "feedback_id", "at", "update_id"),
        ("feedback_update", "update_reading", "source"),
        _updates,
        by="feedback_update",
        references=(("feedback_id", "feedback"),),
    ),
    Export(
        "issues",
        "Feedback about the same underlying problem, grouped",
        _ISSUES,
        ("issue_id",),
        ("first_at", "issue_id"),
        ("issue", "issue_feedback", "source"),
        _issues,
    ),
    Export(
        "responses",
        "Answers of substance by agencies, and how many messages each of them answers",
        _RESPONSES,
        ("response_id",),
        ("responded_at", "response_id"),
        ("response", "source"),
        _responses,
        references=(("source_id", "sources"),),
    ),
    Export(
        "failures",
        schema.table("failure").description,
        _public(("failure", ())),
        ("failure_id",),
        ("started_on", "failure_id"),
        ("failure",),
        _whole("failure"),
    ),
    Export(
        "measures",
        "Every number that the site shows",
        _public(("measure_result", ())),
        schema.table("measure_result").key,
        ("measure", "breakdown", "group_code", "interval"),
        ("measure_result",),
        _whole("measure_result"),
    ),
    Export(
        "sources",
        schema.table("source").description,
        _public(("source", ())),
        ("source_id",),
        ("source_id",),
        ("source", "measure_result"),
        _sources,
    ),
    Export(
        "findings",
        "What is wrong or odd in the data",
        _public(("finding", ())),
        ("finding_id",),
        ("source_id", "finding_code", "finding_id"),
        ("finding", "override", "source"),
        _findings,
    ),
    Export(
        "answers_elsewhere",
        "What agencies said elsewhere of feedback that they name",
        _public(("update_elsewhere", ()), without=("is_counted",)),
        ("elsewhere_id",),
        ("month", "source_id", "feedback_id", "at", "elsewhere_id"),
        ("update_elsewhere", "source"),
        _answers_elsewhere,
        references=(("feedback_id", "feedback"),),
        is_always_there=False,
    ),
    Export(
        "overrides",
        schema.table("override").description,
        _OVERRIDES,
        ("override_id",),
        ("reviewed_on", "override_id"),
        ("override", "source"),
        _overrides,
        is_always_there=False,
    ),
    Export(
        "takedowns",
        schema.table("takedown").description,
        _public(("takedown", ())),
        ("takedown_id",),
        ("removed_on", "takedown_id"),
        ("takedown", "source"),
        _takedowns,
        references=(("source_id", "sources"),),
        is_always_there=False,
    ),
    _list("agency", "agencies"),
    _list("service", "services"),
    _list("topic", "topics", ("service_code", "services")),
    _list("area", "areas"),
    _list("outcome", "outcomes", ("agency_code", "agencies")),
)
"""Every published table."""

_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


# -- writing ---------------------------------------------------------------------------------------------------------


def write_open_data(
    store: Store, settings: Settings, target: Path, *, old: Path | None = None
) -> tuple[DataFile, ...]:
    """Write every table and what describes them into ``target`` (the site's ``data/``).

    A table whose rows are those of the last build is that build's file again (``old`` is its ``data/``).
    """
    target.mkdir(parents=True, exist_ok=True)
    known = _known_digests(old)
    digests: dict[str, str] = {}
    files = []
    for export in EXPORTS:
        if not export.is_always_there and not store.con.to_pyarrow(export.rows(store, None).count()).as_py():
            continue
        digest = f"{_shape(export)}-{store.digest(*export.inputs)}"
        digests[export.name] = digest
        names = (f"{export.name}.csv", f"{export.name}.parquet")
        if old is not None and known.get(export.name) == digest and all((old / n).exists() for n in names):
            for name in names:
                link_or_copy(old / name, target / name)
        else:
            _write(store, export, target)
        files.append(
            DataFile(
                export,
                pq.read_metadata(target / names[1]).num_rows,  # type: ignore[no-untyped-call, unused-ignore]
                (target / names[0]).stat().st_size,
                (target / names[1]).stat().st_size,
            )
        )
    (target / "dictionary.csv").write_text(_dictionary(files), "utf-8", newline="")
    package = _package(store, settings, files)
    (target / "datapackage.json").write_text(_json(package), "utf-8")
    (target / "csv-metadata.json").write_text(_json(_csvw(settings, files)), "utf-8")
    (target / "version.json").write_text(
        _json(
            {
                "as_of": package.get("version", ""),
                "method_version": package["method_version"],
                "tables": digests,
            }
        ),
        "utf-8",
    )
    return tuple(files)


_WRITER = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=8).hexdigest()


def _shape(export: Export) -> str:
    """A digest of how a file is written and of its columns: with others no old file is taken for it."""
    columns = "\x1f".join(f"{c.name}:{c.type}" for c in export.columns)
    return hashlib.blake2b(f"{_WRITER}\x1e{columns}".encode(), digest_size=8).hexdigest()


def _known_digests(old: Path | None) -> Mapping[str, str]:
    if old is None:
        return {}
    try:
        found = json.loads((old / "version.json").read_text("utf-8"))["tables"]
    except (OSError, ValueError, KeyError):
        return {}
    return found if isinstance(found, dict) else {}


_RUN_ROWS = 200_000
_BATCH_ROWS = 100_000  # what is in Python's memory at a time; a row may be a kilobyte wide


def _write(store: Store, export: Export, target: Path) -> None:
    """One table as CSV and Parquet, run by run of months, batch by batch."""
    runs: Iterator[tuple[str, ...] | None] = (
        month_runs(store, export.by, rows=_RUN_ROWS) if export.by else iter((None,))
    )
    names = [c.name for c in export.columns]
    part = target / f".{export.name}.part"
    arrow = pa.schema([pa.field(c.name, _ARROW[c.type]) for c in export.columns])
    total = 0
    # DuckDB's own connections: a COPY is no expression, and a second one, for the first is being read from meanwhile.
    copier = store.con.con.cursor()
    try:
        copier.execute("set preserve_insertion_order = true")
        with (
            (target / f"{export.name}.csv").open("wb") as text,
            pq.ParquetWriter(target / f"{export.name}.parquet", arrow, compression="zstd") as parquet,
        ):
            text.write((",".join(names) + "\n").encode())
            for months in runs:
                ordered = export.rows(store, months).select(*names).order_by(list(export.order))
                for batch in store.batches(ordered, size=_BATCH_ROWS):
                    rows = pa.Table.from_batches([batch])
                    parquet.write_table(_with_utc(rows, arrow))
                    _append_csv(copier, rows, export, part, text)
                    total += rows.num_rows
        log.info("data: %s, %d rows", export.name, total)
    finally:
        copier.execute("set preserve_insertion_order = false")
        copier.close()


def _with_utc(rows: pa.Table, arrow: pa.Schema) -> pa.Table:
    columns = []
    for field in arrow:
        column = rows[field.name]
        if pa.types.is_timestamp(field.type):
            column = column.cast(pa.timestamp("us"))
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=arrow)


def _append_csv(
    copier: duckdb.DuckDBPyConnection, rows: pa.Table, export: Export, part: Path, text: io.BufferedWriter
) -> None:
    """Add rows to a CSV: DuckDB writes them (quoting, escaping), and its bytes are appended."""
    copier.register("csv_rows", rows)
    columns = ", ".join(_csv_column(c) for c in export.columns)
    quoted = str(part).replace("'", "''")
    # Our own column names and path: nothing that a source wrote is in this statement.
    copier.execute(f"copy (select {columns} from csv_rows) to '{quoted}' (format csv, header false)")  # noqa: S608
    copier.unregister("csv_rows")
    with part.open("rb") as file:
        shutil.copyfileobj(file, text, 1 << 20)
    part.unlink()


def _csv_column(column: schema.Column) -> str:
    name = f'"{column.name}"'
    if column.type == "timestamp":
        whole, part = "'%Y-%m-%dT%H:%M:%SZ'", "'%Y-%m-%dT%H:%M:%S.%fZ'"
        return (
            f"case when epoch_us({name}) % 1000000 = 0 then strftime({name}, {whole}) "
            f"else strftime({name}, {part}) end as {name}"
        )
    if column.type == "string" and not column.values:
        active = "'=', '+', '-', '@', chr(9), chr(13)"
        return f"case when {name}[1] in ({active}) then chr(39) || {name} else {name} end as {name}"
    return name


# -- describing ------------------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _dictionary(files: Sequence[DataFile]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "column", "type", "unit", "description", "values"))
    for export in (file.export for file in files):
        for column in export.columns:
            writer.writerow(
                (
                    f"{export.name}.csv",
                    column.name,
                    column.type,
                    column.unit,
                    column.description,
                    " ".join(column.values),
                )
            )
    return text.getvalue()


_FRICTIONLESS = {
    "string": "string",
    "int64": "integer",
    "float64": "number",
    "boolean": "boolean",
    "timestamp": "datetime",
    "date": "date",
}
_XSD = {
    "string": "string",
    "int64": "integer",
    "float64": "number",
    "boolean": "boolean",
    "timestamp": "dateTimeStamp",
    "date": "date",
}


def _package(store: Store, settings: Settings, files: Sequence[DataFile]) -> dict[str, Any]:
    """Frictionless' data package."""
    site = settings.site
    source = store.read("source")
    newest = store.con.to_pyarrow(
        source.filter(source.connector.notin(["register", "github_issues"])).as_of_at.max()
    ).as_py()
    sources = store.con.to_pyarrow(source.order_by("source_id")).to_pylist()
    result = store.read("measure_result")
    version = store.con.to_pyarrow(result.method_version.max()).as_py() or ""
    package: dict[str, Any] = {
        "name": _package_name(site.name),
        "title": site.name,
        "description": site.description,
        "homepage": site.url,
        "profile": "data-package",
        "method_version": version,
        "licenses": [_licence(site.licence.name, site.licence.url)],
        "contributors": [{"title": site.publisher, "role": "publisher"}],
        "sources": [
            {
                key: value
                for key, value in (
                    ("title", s["name"]),
                    ("path", s["url"]),
                    ("attribution", s["attribution"]),
                    ("licence", s["licence"]),
                    ("licence_path", s["licence_url"]),
                    ("extract_note", s["extract_note"]),
                    ("as_of", None if s["as_of_at"] is None else f"{s['as_of_at']:%Y-%m-%dT%H:%M:%SZ}"),
                )
                if value
            }
            for s in sources
        ],
        "resources": [_resource(file, {f.export.name for f in files}) for file in files],
    }
    if newest is not None:
        package["version"] = f"{newest:%Y-%m-%dT%H:%M:%SZ}"
    return package


def _package_name(name: str) -> str:
    from answerable.slugs import slugify

    return slugify(name)


def _licence(name: str, url: str) -> dict[str, str]:
    licence = {"name": "-".join(name.split()), "title": name}
    return {**licence, "path": url} if url else licence


def _resource(file: DataFile, names: Collection[str]) -> dict[str, Any]:
    export = file.export
    fields = []
    for column in export.columns:
        described: dict[str, Any] = {
            "name": column.name,
            "type": _FRICTIONLESS[column.type],
            "description": column.description,
        }
        constraints: dict[str, Any] = {}
        # In a join, a column that one table requires may be empty where the other table has no row.
        if column.name in export.key:
            constraints["required"] = True
        if column.values:
            constraints["enum"] = list(column.values)
        if constraints:
            described["constraints"] = constraints
        if column.unit:
            described["unit"] = column.unit
        if column.type == "timestamp":
            described["format"] = "any"
        fields.append(described)
    table_schema: dict[str, Any] = {"fields": fields, "primaryKey": list(export.key), "missingValues": [""]}
    keys = [
        {"fields": [column], "reference": {"resource": other, "fields": [column]}}
        for column, other in export.references
        if other in names
    ]
    if keys:
        table_schema["foreignKeys"] = keys
    return {
        "name": export.name,
        "description": export.description,
        "path": f"{export.name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.csv_bytes,
        "rows": file.row_count,
        "schema": table_schema,
    }


def _csvw(settings: Settings, files: Sequence[DataFile]) -> dict[str, Any]:
    """The same for those who read CSV on the Web."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": settings.site.language}],
        "dc:title": settings.site.name,
        "dc:license": settings.site.licence.url or settings.site.licence.name,
        "tables": [
            {
                "url": f"{file.export.name}.csv",
                "dc:description": file.export.description,
                "tableSchema": {
                    "columns": [
                        {
                            "name": column.name,
                            "titles": column.name,
                            "datatype": _XSD[column.type],
                            "dc:description": column.description,
                        }
                        for column in file.export.columns
                    ],
                    "primaryKey": list(file.export.key),
                },
            }
            for file in files
        ],
    }


def size_words(count: int) -> str:
    """A file's size as people write it."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
