"""From a connector's rows to the tables ``feedback``, ``feedback_update`` and ``finding``: the one place for that.

A connector gives a table with columns of ``settings.COLUMNS`` (`canonical_types`); everything here is an Ibis
expression over it, whatever its size.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable import schema
from answerable.errors import SourceError
from answerable.gather import engine
from answerable.gather.files import InputFile
from answerable.gather.findings import LOCATED_LIMIT, Finding
from answerable.gather.places import Area, area_by_name, area_expr
from answerable.settings import (
    COLUMNS,
    PetitionsSource,
    RowsSource,
    Settings,
    SnscrapeArchiveSource,
    TableSource,
    fold,
)
from answerable.store import Store

__all__ = ["FeedbackSource", "Gathered", "Taken", "as_table", "canonical_types", "in_months", "take"]

log = logging.getLogger(__name__)

FeedbackSource = TableSource | PetitionsSource | SnscrapeArchiveSource | RowsSource
"""The sources that give feedback (a register gives entries instead)."""

INSTANTS = (
    "created_at",
    "updated_at",
    "acknowledged_at",
    "closed_at",
    "reopened_at",
    "confirmed_at",
    "threshold_reached_at",
    "note_at",
)
DEGREES = ("latitude", "longitude")
COUNTS = ("support_count", "threshold_count")
TRUTHS = ("is_official", "is_repost")
IDS = ("record_id", "reply_to_id", "conversation_id", "answer_id")

_LATER = ("updated_at", "acknowledged_at", "closed_at", "reopened_at", "confirmed_at", "note_at")
_CLOCKS = ("created_at", "acknowledged_at", "closed_at", "note_at", "reopened_at", "confirmed_at")
_FIRST_YEAR = datetime(1990, 1, 1)  # noqa: DTZ001 (instants are UTC without a zone in every table)
_MANY_GROUPS = 8
_DAMAGED = r"^-?\d+(\.\d+)?[eE]\+?\d+$"
_MENTION = r"(?:^|[^\p{L}\p{N}_@.])@([\p{L}\p{N}_]+(?:@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)?)"
_HASHTAG = r"(?:^|[^&\p{L}\p{N}_#])#([\p{L}\p{N}_]*[\p{L}][\p{L}\p{N}_]*)"


def _type_of(name: str) -> str:
    if name in INSTANTS:
        return "timestamp"
    if name in DEGREES:
        return "float64"
    if name in COUNTS:
        return "int64"
    return "boolean" if name in TRUTHS else "string"


canonical_types: dict[str, str] = {name: _type_of(name) for name in COLUMNS}
"""The Ibis type of each column that a connector gives; instants are UTC."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a connector read.

    Attributes:
        rows: ``file_index`` and ``row`` (both from 0, the place of a row), the columns of ``canonical_types``
            that are in ``mapped``, and for each column in ``bad`` a text ``bad_<column>``: a value that could
            not be read or is unknown.
        files: the files read, in the order of ``file_index``.
        mapped: the columns of ours that the source has.
        bad: the columns with a ``bad_`` column.
        findings: what the connector itself found, such as unreadable rows.
        locate: the line of rows of a file: from a file_index and rows to lines.
        as_of_at: T, where the connector knows it.
        history: what earlier versions of the records told, as rows of `HISTORY`; None where there is nothing.
    """

    rows: ir.Table
    files: tuple[InputFile, ...]
    mapped: tuple[str, ...]
    bad: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    locate: Callable[[int, Sequence[int]], Mapping[int, int]] = lambda _index, _rows: {}
    as_of_at: datetime | None = None
    history: pa.Table | None = None


HISTORY = pa.schema(
    [
        ("history_record", pa.string()),
        ("kind", pa.string()),
        ("at", pa.timestamp("us")),
        ("status", pa.string()),
        ("text", pa.string()),
        ("is_agency", pa.bool_()),
    ]
)
"""What an earlier version of a record told: an edit, a status, a note that was replaced since."""

REDUCED_AUTHOR = "key:"
"""An author of whom only the keyed hash was kept."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a connector's rows: expressions for the tables, and what was found on the way.

    ``feedback`` has every column of the table, for posts before their conversations are known. ``updates`` likewise.
    """

    feedback: ir.Table
    updates: ir.Table
    findings: tuple[Finding, ...]
    as_of_at: datetime
    time_precision: str


def take(
    gathered: Gathered,
    source: FeedbackSource,
    settings: Settings,
    store: Store,
    *,
    areas: Sequence[Area],
    folder: Path,
) -> Taken:
    """The rows of a source as rows of our tables.

    Args:
        gathered: what the connector read.
        source: the source's settings.
        settings: all settings.
        store: for its engine and its secret.
        areas: the site's areas.
        folder: where files may be kept until the source has been gathered.

    Raises:
        SourceError: not one row has an identifier and a time at which it was raised.
    """
    zone = settings.source_zone(source)
    rows = _complete(gathered)
    as_of_at = _as_of(gathered, rows, source, zone, store)
    precision, dated = _precision(gathered, rows, zone, store)
    if precision == "day":
        rows = rows.mutate(
            **{
                n: engine.at_zone(engine.in_zone(rows[n], zone).truncate("D"), zone)
                for n in _CLOCKS
                if n in gathered.mapped
            }
        )
    rows = _with_closing(rows, source)
    rows = _with_note(rows, source, as_of_at)
    rows = _with_agency(rows, source, settings, store)
    rows = _with_area(rows, gathered, areas, store)
    rows = rows.mutate(month=engine.in_zone(rows.created_at, settings.site.timezone).strftime("%Y-%m"))
    # Computed once: what follows asks many times.
    kept = folder / "taken.parquet"
    store.con.to_parquet(rows, kept)
    rows = in_months(store, kept)
    rows, id_findings = _with_ids(rows, gathered, store, as_of_at)
    rows = _without_forgotten(rows, source.id, store)
    findings = [
        *gathered.findings,
        *id_findings,
        *_located(_conditions(rows, gathered, as_of_at), gathered, store),
        *_by_value(rows, gathered, source, store),
        *(Finding("dates_only", column_name=name) for name in dated),
    ]
    usable = rows.filter(rows.is_usable)
    if not store.con.execute(usable.count()):
        raise SourceError(
            "not one row with an identifier and a time at which it was raised",
            file=gathered.files[0].path if gathered.files else None,
            remedy="check columns.record_id and columns.created_at (and its format) in data/sources.yml",
        )
    seen = areas if "latitude" in gathered.mapped else ()
    feedback = _feedback(usable, gathered, source, store, precision=precision, areas=seen)
    updates = _updates(usable, gathered, source)
    return Taken(feedback, updates, tuple(findings), as_of_at, precision)


def in_months(store: Store, path: Path) -> ir.Table:
    """The rows of a file that has a column ``month``, in the order of months wherever they are far from it.

    Large tables are written some months at a time: where the rows of a month lie scattered over the whole
    file, each time would read all of it.
    """
    quoted = str(path).replace("'", "''")
    groups = store.con.raw_sql(
        f"select stats_min_value, stats_max_value from parquet_metadata('{quoted}') "  # noqa: S608
        "where path_in_schema = 'month' and stats_max_value is not null"
    ).fetchall()
    months = {month for group in groups for month in group}
    spread = sum(sum(low <= month <= high for month in months) for low, high in groups)
    rows = store.con.read_parquet(path)
    if len(groups) < _MANY_GROUPS or spread <= 3 * (len(groups) + len(months)):
        return rows
    log.info("sorting by month")
    target = path.with_suffix(".sorted.parquet")
    store.con.raw_sql("set preserve_insertion_order = true")
    try:
        store.con.to_parquet(rows.order_by("month"), target)
    finally:
        store.con.raw_sql("set preserve_insertion_order = false")
    path.unlink()
    return store.con.read_parquet(target)


def _complete(gathered: Gathered) -> ir.Table:
    """All columns, those that the source has not as NULL."""
    rows = gathered.rows
    return rows.select(
        "file_index",
        "row",
        **{
            name: rows[name] if name in gathered.mapped else ibis.null(kind)
            for name, kind in canonical_types.items()
        },
        **{f"bad_{name}": rows[f"bad_{name}"] for name in gathered.bad},
    )


# -- when --------------------------------------------------------------------------------------------------------------


def _as_of(gathered: Gathered, rows: ir.Table, source: FeedbackSource, zone: str, store: Store) -> datetime:
    """T of the source: what its settings say, else its newest instant that is not later than its file."""
    if source.as_of is not None:
        given = source.as_of
        local = given if given.tzinfo is not None else given.replace(tzinfo=ZoneInfo(zone))
        return local.astimezone(UTC).replace(tzinfo=None)
    if gathered.as_of_at is not None:
        return gathered.as_of_at
    names = [n for n in ("created_at", *_LATER) if n in gathered.mapped]
    changed = ibis.memtable(
        pa.table(
            {
                "number": pa.array(range(len(gathered.files)), pa.int64()),
                "changed_at": pa.array(
                    [f.modified_at.replace(tzinfo=None) for f in gathered.files], pa.timestamp("us")
                ),
            }
        )
    )
    dated = rows.join(changed, rows.file_index == changed.number)
    newest = dated.aggregate(
        **{n: dated[n].max(where=dated[n] <= dated.changed_at) for n in names},
        fallback=dated.created_at.max(),
    )
    found = store.con.to_pyarrow(newest).to_pylist()[0]
    known: list[datetime] = [found[n] for n in names if found[n] is not None]
    if known:
        return max(known)
    fallback: datetime | None = found["fallback"]
    return fallback or datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def _precision(gathered: Gathered, rows: ir.Table, zone: str, store: Store) -> tuple[str, tuple[str, ...]]:
    """How exact the source's times are, and the columns that hold dates only."""
    names = [n for n in _CLOCKS if n in gathered.mapped]
    # Every offset in use is a multiple of a quarter of an hour: only where all times are, the zone has to be asked.
    quick = store.con.to_pyarrow(
        rows.aggregate(
            **{f"{n}_any": rows[n].notnull().any() for n in names},
            **{f"{n}_quarters": (rows[n].epoch_seconds() % 900 == 0).all() for n in names},
            whole_minutes=(rows.created_at.epoch_seconds() % 60 == 0).all(),
        )
    ).to_pylist()[0]
    asked = [n for n in names if quick[f"{n}_any"] and quick[f"{n}_quarters"]]
    dated: tuple[str, ...] = ()
    if asked:
        local = {n: engine.in_zone(rows[n], zone) for n in asked}
        midnight = store.con.to_pyarrow(
            rows.aggregate(**{n: (local[n] == local[n].truncate("D")).all() for n in asked})
        ).to_pylist()[0]
        dated = tuple(n for n in asked if midnight[n])
    if dated:
        return "day", dated
    return ("minute" if quick["whole_minutes"] else "second"), ()


def _with_closing(rows: ir.Table, source: FeedbackSource) -> ir.Table:
    """Adds said_closed_at (as the source has it), closed_at (unless reopened since) and what is odd about them."""
    closed = [s.casefold() for s in getattr(source, "closed_statuses", ())]
    opened = [s.casefold() for s in getattr(source, "open_statuses", ())]
    status = rows.status.lower()
    says_closed = status.isin(closed).fill_null(False) if closed else ibis.literal(False)
    says_open = status.isin(opened).fill_null(False) if opened else ibis.literal(False)
    is_known = says_closed | says_open if closed and opened else ibis.literal(True)
    rows = rows.mutate(
        is_contradiction=says_open & rows.closed_at.notnull(),
        is_closed_without_time=says_closed & rows.closed_at.isnull(),
        is_status_unknown=~is_known & rows.status.notnull(),
        said_closed_at=ibis.ifelse(says_open, ibis.null("timestamp"), rows.closed_at),
    )
    is_reopened = (rows.reopened_at >= rows.said_closed_at).fill_null(False)
    return rows.mutate(closed_at=ibis.ifelse(is_reopened, ibis.null("timestamp"), rows.said_closed_at))


def _with_note(rows: ir.Table, source: FeedbackSource, as_of_at: datetime) -> ir.Table:
    """Adds answered_at, when the note was given, and whether that is only the latest that it can have been.

    Some sources name an answer (its identifier or its address) and do not give its text.
    """
    known = ibis.coalesce(rows.note_at, rows.updated_at, rows.said_closed_at)
    is_answered = rows.note.notnull() | rows.answer_id.notnull() | rows.note_url.notnull()
    return rows.mutate(
        answered_at=ibis.ifelse(
            is_answered,
            ibis.coalesce(known, ibis.literal(as_of_at).cast("timestamp")),
            ibis.null("timestamp"),
        ),
        is_at_latest=(source.update_history == "latest_only") | known.isnull(),
    )


# -- who and where -----------------------------------------------------------------------------------------------------


def _looked_up(
    rows: ir.Table, column: str, target: str, find: Callable[[str], str | None], store: Store
) -> ir.Table:
    """Adds ``target``: what each distinct value of a column stands for; NULL where nothing."""
    values = [
        v for v in store.con.to_pyarrow(rows.select(column).distinct())[column].to_pylist() if v is not None
    ]
    found = {value: find(value) for value in sorted(values)}
    lookup = ibis.memtable(
        pa.table(
            {
                "looked_up": pa.array(list(found), pa.string()),
                target: pa.array(list(found.values()), pa.string()),
            }
        )
    )
    return rows.left_join(lookup, rows[column] == lookup.looked_up).drop("looked_up")


def _with_agency(rows: ir.Table, source: FeedbackSource, settings: Settings, store: Store) -> ir.Table:
    """Adds agency_code, account (as accounts are compared) and is_official."""
    by_name = settings.agency_by_name
    rows = _looked_up(rows, "agency", "named_agency", lambda name: by_name.get(fold(name)), store)
    rows = rows.mutate(account=rows.author.strip().re_replace(r"^@+", "").lower())
    accounts = ibis.memtable(
        pa.table(
            {
                "official_account": pa.array(list(settings.agency_by_account), pa.string()),
                "account_agency": pa.array(list(settings.agency_by_account.values()), pa.string()),
            }
        )
    )
    rows = rows.left_join(accounts, rows.account == accounts.official_account).drop("official_account")
    is_social = source.kind in ("post", "comment")
    speaks = rows.account_agency.notnull() if is_social else ibis.literal(False)
    is_official = rows.is_official.fill_null(False) | speaks
    named = ibis.ifelse(rows.agency.isnull(), source.agency, rows.named_agency.fill_null(schema.MISSING_CODE))
    own = rows.account_agency.fill_null(named.fill_null(schema.MISSING_CODE))
    return rows.mutate(
        is_official=is_official, agency_code=ibis.ifelse(is_official, own, named).cast("string")
    )


def _with_area(rows: ir.Table, gathered: Gathered, areas: Sequence[Area], store: Store) -> ir.Table:
    """Adds named_area, and leaves coordinates only where they can be right."""
    by_name = area_by_name(areas)
    if "area" in gathered.mapped:
        rows = _looked_up(rows, "area", "named_area", lambda name: by_name.get(fold(name)), store)
    else:
        rows = rows.mutate(named_area=ibis.null("string"))
    is_nowhere = (rows.latitude.round(3) == 0) & (rows.longitude.round(3) == 0)
    is_place = rows.latitude.between(-90, 90) & rows.longitude.between(-180, 180) & ~is_nowhere
    return rows.mutate(**{name: ibis.ifelse(is_place, rows[name], ibis.null("float64")) for name in DEGREES})


def _with_ids(
    rows: ir.Table, gathered: Gathered, store: Store, as_of_at: datetime
) -> tuple[ir.Table, list[Finding]]:
    """Adds is_usable, and makes identifiers unique: the last row of an identifier is kept."""
    last = ibis.literal(as_of_at + timedelta(days=1)).cast("timestamp")
    rows = rows.mutate(
        is_damaged=rows.record_id.re_search(_DAMAGED).fill_null(False),
        is_in_time=rows.created_at.between(ibis.literal(_FIRST_YEAR).cast("timestamp"), last).fill_null(
            False
        ),
    )
    findings: list[Finding] = []
    if store.con.execute(rows.is_damaged.any().fill_null(False)):
        # Rows that share a destroyed identifier are not the same record: each gets one of its own.
        findings += _located(
            [_Condition("identifier_damaged", "record_id", rows.record_id, rows.is_damaged, rows)],
            gathered,
            store,
        )
        number = ibis.row_number().over(group_by=rows.record_id, order_by=[rows.file_index, rows.row]) + 1
        rows = rows.mutate(
            record_id=ibis.ifelse(
                rows.is_damaged, rows.record_id + "#" + number.cast("string"), rows.record_id
            )
        )
    for name in ("reply_to_id", "conversation_id"):
        if name in gathered.mapped:
            rows = rows.mutate(
                **{name: ibis.ifelse(rows[name].re_search(_DAMAGED), ibis.null("string"), rows[name])}
            )
    rows = rows.mutate(is_usable=rows.record_id.notnull() & rows.is_in_time)
    losers = _losers(rows, store)
    if losers is not None:
        repeated = rows.semi_join(losers, ["file_index", "row"])
        findings += _located(
            [
                _Condition(
                    "duplicate_record_id",
                    "record_id",
                    repeated.record_id,
                    repeated.record_id.notnull(),
                    repeated,
                )
            ],
            gathered,
            store,
        )
        rows = rows.anti_join(losers, ["file_index", "row"])
    return rows, findings


def _without_forgotten(rows: ir.Table, source_id: str, store: Store) -> ir.Table:
    """The rows without what people had taken down."""
    keys = [f.key for f in store.records.forgotten() if f.source_id in {"", source_id}]
    if not keys:
        return rows
    name = engine.keyed_hash_expr(store.secret(), ibis.literal(f"{source_id}:") + rows.record_id)
    return rows.filter(~name.isin(keys).fill_null(False))


def _losers(rows: ir.Table, store: Store) -> ir.Table | None:
    """The places of rows that a later row with the same identifier replaces; None where there is none.

    Identifiers are compared by hash first: ten million of them would fill the memory.
    """
    usable = rows.filter(rows.is_usable)
    hashed = usable.select(key=engine.row_hash_expr(usable.record_id))
    repeated = hashed.group_by("key").having(hashed.count() > 1).aggregate()
    keys = store.con.to_pyarrow(repeated)
    if not keys.num_rows:
        return None
    suspects = usable.select("record_id", "file_index", "row", key=engine.row_hash_expr(usable.record_id))
    suspects = suspects.semi_join(ibis.memtable(keys), "key")
    later = ibis.row_number().over(
        group_by=suspects.record_id, order_by=[suspects.file_index.desc(), suspects.row.desc()]
    )
    found = store.con.to_pyarrow(
        suspects.mutate(later=later).filter(lambda t: t.later > 0).select("file_index", "row")
    )
    return ibis.memtable(found) if found.num_rows else None


# -- findings ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Condition:
    """Rows with something odd: ``value`` is shown, ``is_so`` says which rows of ``rows``."""

    code: str
    column: str
    value: ir.Value
    is_so: ir.Value
    rows: ir.Table


def _conditions(rows: ir.Table, gathered: Gathered, as_of_at: datetime) -> list[_Condition]:
    """What can be odd about single rows."""
    first = ibis.literal(_FIRST_YEAR).cast("timestamp")
    at = ibis.literal(as_of_at).cast("timestamp")
    last = ibis.literal(as_of_at + timedelta(days=366)).cast("timestamp")
    next_day = ibis.literal(as_of_at + timedelta(days=1)).cast("timestamp")
    created = rows.created_at

    def text(name: str) -> ir.Value:
        return rows[name].cast("string")

    def found(code: str, column: str, value: ir.Value, is_so: ir.Value) -> _Condition:
        return _Condition(code, column, value, is_so.fill_null(False), rows)

    wanted = [found("record_id_missing", "record_id", ibis.null("string"), rows.record_id.isnull())]
    bad_created = rows.bad_created_at if "created_at" in gathered.bad else ibis.null("string")
    wanted.append(found("created_at_missing", "created_at", bad_created, created.isnull()))
    wanted.append(
        found(
            "impossible_year",
            "created_at",
            text("created_at"),
            created.notnull() & ((created < first) | (created > next_day)),
        )
    )
    wanted.append(
        found("in_the_future", "created_at", text("created_at"), (created > at) & (created <= next_day))
    )
    for name in gathered.bad:
        code = _BAD_CODES.get(_type_of(name))
        if code is not None and name != "created_at":
            wanted.append(found(code, name, rows[f"bad_{name}"], rows[f"bad_{name}"].notnull()))
    for name in _LATER:
        if name in gathered.mapped:
            later = rows[name]
            wanted.append(found("impossible_year", name, text(name), (later < first) | (later > last)))
            wanted.append(found("in_the_future", name, text(name), (later > at) & (later <= last)))
    closed = rows.said_closed_at
    wanted.append(
        found(
            "closed_before_created", "closed_at", text("said_closed_at"), rows.is_usable & (closed < created)
        )
    )
    answered = ibis.least(rows.answered_at, rows.acknowledged_at)
    wanted.append(
        found(
            "updated_before_created",
            "note_at",
            answered.cast("string"),
            rows.is_usable & (answered < created),
        )
    )
    wanted.append(found("status_contradicts_closing", "closed_at", rows.status, rows.is_contradiction))
    wanted.append(found("closed_without_time", "closed_at", rows.status, rows.is_closed_without_time))
    return wanted


_BAD_CODES = {"timestamp": "time_unreadable", "float64": "number_unreadable", "int64": "number_unreadable"}
"""What an unreadable value of a type is called; an unknown value of any other type is counted by value."""


def _located(conditions: Sequence[_Condition], gathered: Gathered, store: Store) -> list[Finding]:
    """Findings with their lines: so many of each code and file, the others counted."""
    if not conditions:
        return []
    rows = conditions[0].rows
    counts = store.con.to_pyarrow(
        rows.aggregate(**{f"c{i}": c.is_so.sum() for i, c in enumerate(conditions)})
    ).to_pylist()[0]
    places: list[tuple[_Condition, dict[str, Any]]] = []
    findings: list[Finding] = []
    for i, condition in enumerate(conditions):
        if not counts[f"c{i}"]:
            continue
        odd = rows.filter(condition.is_so).select("file_index", "row", "record_id", odd_value=condition.value)
        number = ibis.row_number().over(group_by="file_index", order_by="row")
        shown = odd.mutate(number=number).filter(lambda t: t.number < LOCATED_LIMIT)
        found = store.con.to_pyarrow(shown.order_by("file_index", "row")).to_pylist()
        places += [(condition, place) for place in found]
        if len(found) < counts[f"c{i}"]:
            per_file = odd.group_by("file_index").aggregate(n=odd.count())
            findings += [
                Finding(
                    condition.code,
                    file_name=gathered.files[file["file_index"]].name or None,
                    column_name=condition.column,
                    row_count=file["n"] - LOCATED_LIMIT,
                )
                for file in store.con.to_pyarrow(per_file.order_by("file_index")).to_pylist()
                if file["n"] > LOCATED_LIMIT
            ]
    lines: dict[tuple[int, int], int] = {}
    for index in sorted({place["file_index"] for _, place in places}):
        wanted = sorted({place["row"] for _, place in places if place["file_index"] == index})
        lines.update({(index, row): line for row, line in gathered.locate(index, wanted).items()})
    for condition, place in places:
        findings.append(
            Finding(
                condition.code,
                record_id=place["record_id"],
                file_name=gathered.files[place["file_index"]].name or None,
                line=lines.get((place["file_index"], place["row"])),
                column_name=condition.column,
                value=place["odd_value"],
            )
        )
    return findings


def _by_value(rows: ir.Table, gathered: Gathered, source: FeedbackSource, store: Store) -> list[Finding]:
    """Unknown values, counted by value."""
    wanted: list[tuple[str, str, ir.Value, ir.Value]] = []
    if "agency" in gathered.mapped:
        wanted.append(
            ("agency_unmapped", "agency", rows.agency, rows.agency.notnull() & rows.named_agency.isnull())
        )
    if source.kind in ("post", "comment"):
        is_stranger = rows.is_official & rows.account_agency.isnull() & rows.agency.isnull()
        wanted.append(("agency_unmapped", "author", rows.account, is_stranger & rows.account.notnull()))
    wanted.append(("status_unmapped", "status", rows.status, rows.is_status_unknown))
    wanted += [
        ("value_unmapped", name, rows[name], rows[name].notnull() & _listed(rows, name).isnull())
        for name in _LISTS
        if name in gathered.mapped
    ]
    for name in gathered.bad:
        if _type_of(name) not in _BAD_CODES:
            code = "agency_unmapped" if name == "agency" else "value_unmapped"
            wanted.append((code, name, rows[f"bad_{name}"], rows[f"bad_{name}"].notnull()))
    findings: list[Finding] = []
    for code, column, value, is_so in wanted:
        odd = rows.filter(is_so).select(odd_value=value)
        counted = odd.group_by("odd_value").aggregate(n=odd.count()).order_by(ibis.desc("n"), "odd_value")
        found = store.con.to_pyarrow(counted).to_pylist()
        findings += [
            Finding(code, column_name=column, row_count=f["n"], value=f["odd_value"])
            for f in found[:LOCATED_LIMIT]
        ]
        rest = sum(f["n"] for f in found[LOCATED_LIMIT:])
        if rest:
            findings.append(Finding(code, column_name=column, row_count=rest))
    return findings


_LISTS = {"channel": schema.CHANNELS, "closing_reason": tuple(schema.CLOSING_REASONS)}


def _listed(rows: ir.Table, name: str) -> ir.Value:
    """A value of one of our closed lists, however it is written; NULL where it is in none."""
    folded = rows[name].strip().lower().re_replace(r"[ -]+", "_")
    return ibis.ifelse(folded.isin(_LISTS[name]), folded, ibis.null("string"))


# -- the tables --------------------------------------------------------------------------------------------------------


def _feedback(
    rows: ir.Table,
    gathered: Gathered,
    source: FeedbackSource,
    store: Store,
    *,
    precision: str,
    areas: Sequence[Area],
) -> ir.Table:
    is_social = source.kind in ("post", "comment")
    hashtags = _words(rows, "hashtags", gathered, _HASHTAG, is_social=is_social)
    mentions = _words(rows, "mentions", gathered, _MENTION, is_social=is_social)
    channel = (
        _listed(rows, "channel").fill_null("unknown") if "channel" in gathered.mapped else source.channel
    )
    author_key = ibis.cases(
        (rows.account.startswith(REDUCED_AUTHOR), rows.account.substr(len(REDUCED_AUTHOR))),
        (rows.account.notnull(), engine.keyed_hash_expr(store.secret(), rows.account)),
        else_=ibis.null("string"),
    )
    columns: dict[str, Any] = {
        "feedback_id": engine.feedback_id_expr(source.id, rows.record_id),
        "source_id": source.id,
        "kind": source.kind,
        "channel": channel,
        "service_code": rows.service,
        "area_code": ibis.coalesce(area_expr(areas, rows.latitude, rows.longitude), rows.named_area),
        "latitude": rows.latitude.round(3),
        "longitude": rows.longitude.round(3),
        "lang": rows.lang.fill_null(source.language) if source.language else rows.lang,
        "url": _public_address(rows, is_social=is_social),
        "time_precision": precision,
        "closing_reason": _listed(rows, "closing_reason"),
        "conversation_id": rows.conversation_id,
        "hashtags": hashtags,
        "is_repost": rows.is_repost.fill_null(False),
        "author_key": author_key,
        "mentions": mentions,
    }
    same = (
        "record_id month agency_code created_at updated_at closed_at status support_count threshold_count "
        "threshold_reached_at reply_to_id is_official title text"
    )
    columns |= {name: rows[name] for name in same.split()}
    return as_table(rows.mutate(**{name: _value(value) for name, value in columns.items()}), "feedback")


def _public_address(rows: ir.Table, *, is_social: bool) -> ir.Value:
    """The address at the source, where it is one; not that of a post which names the private person who wrote it."""
    is_address = rows.url.re_search(r"^https?://[^\s/]")
    if is_social:
        account = rows.account.re_extract(r"^[^@]+", 0)
        # A channel of Telegram is a publication, whoever writes it.
        is_person = ~rows.is_official.fill_null(False) & ~rows.url.startswith("https://t.me/")
        names = rows.url.lower().contains(account) & is_person
        is_address = is_address & ~names.fill_null(False)
    return ibis.ifelse(is_address, rows.url, ibis.null("string"))


def as_table(rows: ir.Table, name: str) -> ir.Table:
    """The columns of one of our tables, in its order and of its types."""
    return rows.select(**{c.name: rows[c.name].cast(c.type) for c in schema.table(name).columns})


def _value(value: Any) -> ir.Value:
    """A column, or the same value for every row (a bare text would be taken for the name of a column)."""
    return ibis.literal(value) if isinstance(value, str | bool) else value


def _words(rows: ir.Table, name: str, gathered: Gathered, pattern: str, *, is_social: bool) -> ir.Value:
    """Hashtags or accounts, lower case, separated by spaces: as the source has them, else as the text has them."""
    found = engine.all_matches(rows.text.fill_null("").lower(), pattern, 1)
    told = found.unique().sort().join(" ").nullif("") if is_social else ibis.null("string")
    if name not in gathered.mapped:
        return told
    plain = rows[name].lower().re_replace(r"[\s,;#\[\]\"']+", " ").re_replace(r"(^|\s)@", r"\1").strip()
    return plain.nullif("").fill_null(told)


def _updates(rows: ir.Table, gathered: Gathered, source: FeedbackSource) -> ir.Table:
    """The dated things that a row tells of; replies in conversations are added where conversations are known."""
    none = ibis.null("string")
    rows = rows.mutate(
        feedback_id=engine.feedback_id_expr(source.id, rows.record_id),
    )
    speaker = rows.agency_code
    answering = getattr(source, "answering_agency", None)
    answerer = ibis.literal(answering, "string") if answering else speaker

    def update(kind: str, at: ir.Value, **columns: Any) -> ir.Table:
        part = rows.filter(at.notnull())
        values: dict[str, Any] = {
            "update_id": engine.hash_expr(rows.feedback_id, kind, at.epoch_seconds().cast("string"), ""),
            "feedback_id": rows.feedback_id,
            "source_id": source.id,
            "month": rows.month,
            "at": at,
            "kind": kind,
            "status": none,
            "agency_code": none,
            "answer_id": none,
            "url": none,
            "is_official": False,
            "is_at_latest": False,
            "text": none,
        } | columns
        return as_table(part.mutate(**{name: _value(v) for name, v in values.items()}), "feedback_update")

    parts = [update("opened", ibis.ifelse(rows.is_official, ibis.null("timestamp"), rows.created_at))]
    if "acknowledged_at" in gathered.mapped:
        parts.append(update("acknowledged", rows.acknowledged_at, agency_code=speaker, is_official=True))
    if {"note", "answer_id", "note_url"} & set(gathered.mapped):
        parts.append(
            update(
                "replied",
                rows.answered_at,
                status=rows.status,
                agency_code=answerer,
                answer_id=rows.answer_id,
                url=rows.note_url,
                is_official=True,
                is_at_latest=rows.is_at_latest,
                text=rows.note,
            )
        )
    if "closed_at" in gathered.mapped:
        closed = rows.said_closed_at
        parts.append(update("closed", closed, status=rows.status, agency_code=speaker, is_official=True))
    parts += [
        update(kind, rows[name])
        for kind, name in (("reopened", "reopened_at"), ("confirmed", "confirmed_at"))
        if name in gathered.mapped
    ]
    if gathered.history is not None:
        told = ibis.memtable(gathered.history)
        speaks = told.is_agency
        joined = rows.filter(~rows.is_official).join(told, rows.record_id == told.history_record)
        values = {
            "update_id": engine.hash_expr(
                joined.feedback_id,
                told.kind,
                told["at"].epoch_seconds().cast("string"),
                told.text.fill_null(""),
            ),
            "source_id": ibis.literal(source.id),
            "at": told["at"],
            "kind": told.kind,
            "status": told.status,
            "agency_code": ibis.ifelse(speaks, answerer, none),
            "answer_id": none,
            "url": none,
            "is_official": speaks,
            "is_at_latest": ibis.literal(False),
            "text": told.text,
        }
        history = as_table(joined.mutate(**values), "feedback_update")
        parts.append(history.distinct(on="update_id", keep="first"))
    return parts[0] if len(parts) == 1 else ibis.union(parts[0], *parts[1:], distinct=False)
