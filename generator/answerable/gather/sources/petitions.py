"""Petitions: JSON as the UK Parliament's site gives it (one a file, a page of a list, JSON Lines), or a table.

An answer is told apart by its text: the same text under several petitions is one answer that serves them all.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis

from answerable.errors import SourceError
from answerable.gather import engine
from answerable.gather.files import InputFile, open_text
from answerable.gather.findings import LOCATED_LIMIT, Finding
from answerable.gather.plain import identifier
from answerable.gather.records import Record, as_date, as_instant, keep_records, noted
from answerable.gather.rows import Gathered
from answerable.gather.sources import table
from answerable.settings import PetitionsSource, Settings
from answerable.store import Store

__all__ = ["MAPPED", "petition_columns", "petition_id", "read"]

log = logging.getLogger(__name__)

MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "closed_at",
    "status",
    "closing_reason",
    "url",
    "title",
    "text",
    "support_count",
    "threshold_reached_at",
    "note",
    "note_at",
    "note_url",
    "answer_id",
    "agency",
)
_MAX_COUNT = 2**63 - 1
_FOREIGN = "duplicate"
"""The code of a rejection because there is such a petition already."""


def read(
    source: PetitionsSource, files: Sequence[InputFile], settings: Settings, store: Store, folder: Path
) -> Gathered:
    """The petitions of a source.

    Raises:
        SourceError: a file is not of its format, or holds no petition.
    """
    zone = settings.source_zone(source)
    if source.format != "json":
        return _with_thresholds(table.read(source, files, settings, store, folder), source, zone)
    broken: list[Finding] = []
    # The body that answers is the government's, whichever department wrote: only a site that names none is told.
    mapped = tuple(n for n in MAPPED if n != "agency" or source.agency is None)
    rows, bad = keep_records(
        _records(files, ZoneInfo(zone), broken, mapped),
        source.id,
        store,
        folder,
        mapped,
        is_full=source.extract == "full",
    )
    gathered = Gathered(
        rows,
        tuple(files),
        mapped,
        bad,
        tuple(broken),
        lambda _index, places: {place: place + 1 for place in places},
    )
    return _with_thresholds(gathered, source, zone)


def _with_thresholds(gathered: Gathered, source: PetitionsSource, zone: str) -> Gathered:
    """The threshold in force when a petition was created, where it does not carry its own."""
    if not source.thresholds:
        return gathered
    rows = gathered.rows
    day = engine.in_zone(rows.created_at, zone).date()
    newest_first = sorted(source.thresholds, key=lambda t: t.since, reverse=True)
    in_force = ibis.cases(
        *((day >= ibis.literal(t.since), ibis.literal(t.signatures, "int64")) for t in newest_first),
        else_=ibis.null("int64"),
    )
    own = rows.threshold_count if "threshold_count" in gathered.mapped else ibis.null("int64")
    mapped = dict.fromkeys((*gathered.mapped, "threshold_count"))
    return replace(
        gathered, rows=rows.mutate(threshold_count=ibis.coalesce(own, in_force)), mapped=tuple(mapped)
    )


def _records(
    files: Sequence[InputFile], zone: ZoneInfo, broken: list[Finding], mapped: Sequence[str]
) -> Iterator[Record]:
    for number, file in enumerate(files):
        count = 0
        for row, petition in _petitions(file, broken):
            count += 1
            record = _record(number, row, petition, zone)
            yield replace(record, columns={k: v for k, v in record.columns.items() if k in mapped})
        if not count:
            raise SourceError(
                'holds no petition ({"data": {"id": ..., "attributes": {...}}})',
                file=file.path,
                remedy="check the path in data/sources.yml, or fetch the file again",
            )
        log.info("read %s: %d petitions", file.name, count)


def _petitions(file: InputFile, broken: list[Finding]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The petitions of a file, each with its line (from 0; in a file that is one JSON text, the first)."""
    try:
        with open_text(file.path) as text:
            first = text.readline()
            try:
                value = json.loads(first)
                is_lines = True
            except ValueError:
                value, is_lines = None, False
            if is_lines:
                yield from ((0, p) for p in _inside(value))
                yield from _lines(text, file, broken)
                return
            try:
                value = json.loads(first + text.read())
            except ValueError as error:
                raise SourceError(
                    f"is not JSON: {error}", file=file.path, line=1, remedy="fetch the file again"
                ) from error
            yield from ((0, p) for p in _inside(value))
    except UnicodeError as error:
        raise SourceError(
            f"is not UTF-8: {error}", file=file.path, remedy="save the file as UTF-8"
        ) from error


def _lines(
    text: Iterator[str], file: InputFile, broken: list[Finding]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    count = 0
    for row, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            count += 1
            if count <= LOCATED_LIMIT:
                broken.append(Finding("row_unreadable", file_name=file.name, line=row + 1))
            continue
        yield from ((row, p) for p in _inside(value))
    if count > LOCATED_LIMIT:
        broken.append(Finding("row_unreadable", file_name=file.name, row_count=count - LOCATED_LIMIT))


def _inside(value: Any) -> Iterator[Mapping[str, Any]]:
    """The petitions in a JSON value: one, a list, or either under ``data``."""
    if isinstance(value, dict) and "data" in value:
        value = value["data"]
    for item in value if isinstance(value, list) else [value]:
        inner = item.get("data", item) if isinstance(item, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("attributes"), dict):
            yield inner


def _record(number: int, row: int, petition: Mapping[str, Any], zone: ZoneInfo) -> Record:
    columns, bad = petition_columns(petition, zone)
    payload = json.dumps(petition, ensure_ascii=False, sort_keys=True)
    return Record(number, row, petition_id(petition), payload, columns, bad)


def petition_id(petition: Mapping[str, Any]) -> str | None:
    """The identifier of a petition; None where it has none that can be used."""
    return identifier(petition.get("id"))


def petition_columns(petition: Mapping[str, Any], zone: ZoneInfo) -> tuple[dict[str, Any], dict[str, str]]:
    """Our columns of one petition, and what stood in those that could not be read.

    Args:
        petition: ``{"id": ..., "attributes": {...}, "links": {...}}``, whatever it really holds.
        zone: in which the day counts on which an answer was given.
    """
    found = petition.get("attributes")
    data: Mapping[str, Any] = found if isinstance(found, dict) else {}
    bad: dict[str, str] = {}
    count = data.get("signature_count")
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MAX_COUNT
    columns: dict[str, Any] = {
        "status": _text(data.get("state")),
        "url": _address(petition),
        "title": _text(data.get("action")),
        "text": "\n\n".join(t for n in ("background", "additional_details") if (t := _text(data.get(n))))
        or None,
        "support_count": count if is_count else None,
    }
    noted("created_at", data.get("created_at"), columns, bad)
    noted("updated_at", data.get("updated_at"), columns, bad)
    ends = (data.get(n) for n in ("closed_at", "rejected_at", "stopped_at"))
    noted("closed_at", next((e for e in ends if e), None), columns, bad)
    noted("threshold_reached_at", data.get("response_threshold_reached_at"), columns, bad)
    rejection = data.get("rejection")
    if isinstance(rejection, dict):
        columns["closing_reason"] = "duplicate" if rejection.get("code") == _FOREIGN else "administrative"
    departments = data.get("departments")
    if isinstance(departments, list) and departments and isinstance(departments[0], dict):
        columns["agency"] = _text(departments[0].get("name"))
    answer = data.get("government_response")
    if isinstance(answer, dict):
        _answer(answer, data, zone, columns, bad)
    return columns, bad


def _answer(
    answer: Mapping[str, Any],
    data: Mapping[str, Any],
    zone: ZoneInfo,
    columns: dict[str, Any],
    bad: dict[str, str],
) -> None:
    """The government's response: its text, its identifier and when it was given."""
    text = "\n\n".join(t for n in ("summary", "details") if (t := _text(answer.get(n))))
    if not text:
        return
    columns["note"] = text
    plain = " ".join(text.split()).casefold()
    columns["answer_id"] = hashlib.md5(plain.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[
        :16
    ]
    noted("note_at", answer.get("created_at") or data.get("government_response_at"), columns, bad)
    day = as_date(answer.get("responded_on"))
    if day is None:
        return
    # A response that was revised is created anew: then only the day on which it was given is the first one's.
    given = as_instant(answer.get("created_at"))
    try:
        if given is None or given.replace(tzinfo=UTC).astimezone(zone).date() != day:
            local = datetime.combine(day, time(), tzinfo=zone)
            columns["note_at"] = local.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # the first or the last day that there is
        bad["note_at"] = day.isoformat()


def _address(petition: Mapping[str, Any]) -> str | None:
    links = petition.get("links")
    address = links.get("self") if isinstance(links, dict) else None
    return address.removesuffix(".json") if isinstance(address, str) else None


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
