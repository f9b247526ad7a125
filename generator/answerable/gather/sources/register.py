"""What officials put on the record: Markdown files with front matter under ``data/responses/``.

---
id: lights-harbour
kind: answer                # or outcome
agency: lighting
responded_on: 2026-03-02    # or responded_at, with a time
title: Lamps on Quay Street
feedback: ["portal:4711"]   # source_id:record_id of what is answered
---
All lamps were replaced on Monday.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from answerable.errors import SettingsError, SourceError
from answerable.gather import engine
from answerable.gather.files import InputFile, open_text
from answerable.gather.findings import Finding
from answerable.gather.places import load_areas
from answerable.settings import Code, RegisterSource, Settings, Url, parse_yaml
from answerable.store import Store

__all__ = ["Entry", "read"]

log = logging.getLogger(__name__)

_FENCE = "---"


class Entry(BaseModel):
    """The front matter of one entry."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    id: Code
    kind: Literal["answer", "outcome"]
    agency: Code
    responded_on: date | None = None
    responded_at: datetime | None = None
    title: str
    url: Url = ""
    topics: tuple[Code, ...] = ()
    areas: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()

    @field_validator("feedback")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            source_id, _, record_id = name.partition(":")
            if not source_id or not record_id:
                raise ValueError(f"{name} is not source_id:record_id, such as portal:4711")
        return value

    @field_validator("title")
    @classmethod
    def _titled(cls, value: str) -> str:
        if not value:
            raise ValueError("a title is not empty")
        return value

    @model_validator(mode="after")
    def _dated(self) -> Entry:
        if (self.responded_on is None) == (self.responded_at is None):
            raise ValueError("give either responded_on (a date) or responded_at (a date with a time)")
        return self


def read(
    source: RegisterSource, files: Sequence[InputFile], settings: Settings, store: Store
) -> tuple[pa.Table, tuple[Finding, ...]]:
    """The entries of a register as rows of ``register_entry``, and what they name that no source holds.

    Raises:
        SourceError: an entry is wrong; the error names the file and line of each mistake.
    """
    areas = {a.code for a in load_areas(settings)}
    entries: list[tuple[InputFile, Entry, str]] = []
    mistakes: list[SettingsError] = []
    for file in files:
        try:
            entry, text = _entry(file, settings, areas)
        except SettingsError as mistake:
            mistakes.append(mistake)
            continue
        twin = next((f for f, e, _ in entries if e.id == entry.id), None)
        if twin is not None:
            mistakes.append(_mistake(file, "id", entry.id, f"the id {entry.id} is that of {twin.name} too"))
        entries.append((file, entry, text))
    if mistakes:
        first, *others = mistakes
        more = "".join(f"; {m.where}: {m.what}" for m in others)
        raise SourceError(f"{first.what}{more}", file=first.file, line=first.line, remedy=first.remedy)
    findings = _unknown(entries, store)
    log.info("read %d entries of the register", len(entries))
    zone = settings.site.zone
    columns: dict[str, list[object]] = {
        "entry_id": [e.id for _, e, _ in entries],
        "source_id": [source.id] * len(entries),
        "kind": [e.kind for _, e, _ in entries],
        "agency_code": [e.agency for _, e, _ in entries],
        "responded_at": [_instant(e, zone) for _, e, _ in entries],
        "title": [e.title for _, e, _ in entries],
        "text": [text for _, _, text in entries],
        "url": [e.url or None for _, e, _ in entries],
        "topic_codes": [" ".join(e.topics) or None for _, e, _ in entries],
        "area_codes": [" ".join(e.areas) or None for _, e, _ in entries],
        "feedback_ids": [" ".join(_ids(e)) or None for _, e, _ in entries],
    }
    types = {"responded_at": pa.timestamp("us")}
    rows = pa.table({n: pa.array(values, types.get(n, pa.string())) for n, values in columns.items()})
    return rows, findings


def _entry(file: InputFile, settings: Settings, areas: Iterable[str]) -> tuple[Entry, str]:
    try:
        with open_text(file.path) as stream:
            lines = stream.read().splitlines()
    except UnicodeError as error:
        raise SettingsError(
            f"is not UTF-8: {error}", file=file.path, remedy="save the file as UTF-8"
        ) from error
    if not lines or lines[0].strip() != _FENCE:
        raise SettingsError(
            "does not begin with ---", file=file.path, line=1, remedy="begin with front matter"
        )
    ends = [number for number, line in enumerate(lines[1:], 1) if line.strip() == _FENCE]
    if not ends:
        raise SettingsError(
            "the front matter has no end", file=file.path, line=len(lines), remedy="add a line ---"
        )
    # The fence stays as an empty line, so that mistakes are reported on their own line of the file.
    entry = parse_yaml("\n".join(["", *lines[1 : ends[0]]]), file.path, Entry)
    text = "\n".join(lines[ends[0] + 1 :]).strip()
    if not text:
        raise SettingsError("there is no text below the front matter", file=file.path, line=ends[0] + 1)
    for key, codes, known, where in (
        ("agency", (entry.agency,), settings.agency_by_code, "data/agencies.yml"),
        ("topics", entry.topics, settings.topic_by_code, "data/topics.yml"),
        ("areas", entry.areas, set(areas), "the site's boundaries"),
    ):
        for code in codes:
            if code not in known:
                near = difflib.get_close_matches(code, list(known), 1, 0.6)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise _mistake(file, key, code, f"{key}: {code} is not in {where}{hint}")
    for name in entry.feedback:
        source_id = name.partition(":")[0]
        if source_id not in settings.source_by_id:
            raise _mistake(file, "feedback", name, f"feedback: there is no source {source_id} ({name})")
    return entry, text


def _mistake(file: InputFile, key: str, value: str, what: str) -> SettingsError:
    return SettingsError(what, file=file.path, line=_line_of(file, key, value))


def _line_of(file: InputFile, key: str, value: str) -> int | None:
    """The line of a value, at or below the line of its key."""
    with open_text(file.path) as stream:
        lines = stream.read().splitlines()
    begins = next((n for n, line in enumerate(lines) if re.match(rf"\s*{re.escape(key)}\s*:", line)), 0)
    return next((n + 1 for n, line in enumerate(lines) if n >= begins and value in line), begins + 1)


def _instant(entry: Entry, zone: ZoneInfo) -> datetime:
    """When an entry was put on the record; of a date, the end of the day: no answer is older than what it answers."""
    if entry.responded_at is not None:
        given = entry.responded_at
        local = given if given.tzinfo is not None else given.replace(tzinfo=zone)
    else:
        assert entry.responded_on is not None  # noqa: S101 (one of the two is given: the model says so)
        local = datetime.combine(entry.responded_on, time(23, 59), tzinfo=zone)
    return local.astimezone(UTC).replace(tzinfo=None)


def _ids(entry: Entry) -> list[str]:
    return [engine.feedback_id(*name.split(":", 1)) for name in dict.fromkeys(entry.feedback)]


def _unknown(entries: Sequence[tuple[InputFile, Entry, str]], store: Store) -> tuple[Finding, ...]:
    """References to feedback that no source holds."""
    wanted = {
        engine.feedback_id(*name.split(":", 1)): (file, name) for file, e, _ in entries for name in e.feedback
    }
    if not wanted:
        return ()
    asked = ibis.memtable(pa.table({"feedback_id": pa.array(wanted, pa.string())}))
    missing = store.con.to_pyarrow(
        asked.anti_join(store.read("feedback"), "feedback_id").order_by("feedback_id")
    )
    return tuple(
        Finding(
            "register_reference_unknown",
            record_id=wanted[key][1],
            file_name=wanted[key][0].name,
            line=_line_of(wanted[key][0], "feedback", wanted[key][1]),
            column_name="feedback",
        )
        for key in missing["feedback_id"].to_pylist()
    )
