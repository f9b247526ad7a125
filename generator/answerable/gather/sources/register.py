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

Entries may come in another way too, as fields with the same names (the connector ``github_issues``). A mistake in a
file stops the register, since whoever keeps the files can correct it; a mistake in such fields is a finding.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from answerable.errors import SettingsError, SourceError
from answerable.gather import engine
from answerable.gather.files import InputFile, open_text
from answerable.gather.findings import Finding
from answerable.gather.places import load_areas
from answerable.settings import Code, RegisterSource, Settings, Url, parse_yaml
from answerable.store import Store

__all__ = ["Entry", "Filed", "entry_table", "from_fields", "read"]

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


@dataclass(frozen=True, slots=True)
class Filed:
    """An entry with its text, and the file that it stands in, if any."""

    entry: Entry
    text: str
    file: InputFile | None = None


def read(
    source: RegisterSource, files: Sequence[InputFile], settings: Settings, store: Store
) -> tuple[pa.Table, tuple[Finding, ...]]:
    """The entries of a register as rows of ``register_entry``, and what they name that no source holds.

    Raises:
        SourceError: an entry is wrong; the error names the file and line of each mistake.
    """
    areas = {a.code for a in load_areas(settings)}
    filed: list[Filed] = []
    mistakes: list[SettingsError] = []
    for file in files:
        try:
            entry, text = _entry(file, settings, areas)
        except SettingsError as mistake:
            mistakes.append(mistake)
            continue
        twin = next((f.file for f in filed if f.entry.id == entry.id), None)
        if twin is not None:
            mistakes.append(_mistake(file, "id", entry.id, f"the id {entry.id} is that of {twin.name} too"))
        filed.append(Filed(entry, text, file))
    if mistakes:
        first, *others = mistakes
        more = "".join(f"; {m.where}: {m.what}" for m in others)
        raise SourceError(f"{first.what}{more}", file=first.file, line=first.line, remedy=first.remedy)
    return entry_table(filed, source.id, settings, store)


def from_fields(
    given: Iterable[tuple[str, Mapping[str, Any]]], settings: Settings
) -> tuple[tuple[Filed, ...], tuple[Finding, ...]]:
    """Entries from fields named as those of ``Entry``, with their ``text``.

    Args:
        given: the identifier of the record that an entry stands in, and its fields.
        settings: the lists that entries name codes of.

    Returns:
        The entries without a mistake, and a finding for each of the others.
    """
    areas = {a.code for a in load_areas(settings)}
    filed: dict[str, Filed] = {}
    findings: list[Finding] = []
    for record_id, fields in given:
        found = _filed(fields, settings, areas)
        if isinstance(found, Filed) and found.entry.id in filed:
            found = ("id", found.entry.id)
        if isinstance(found, Filed):
            filed[found.entry.id] = found
            continue
        column, value = found
        findings.append(Finding("row_unreadable", record_id=record_id, column_name=column, value=value))
    return tuple(filed.values()), tuple(findings)


def _filed(
    fields: Mapping[str, Any], settings: Settings, areas: Iterable[str]
) -> Filed | tuple[str, str | None]:
    """An entry from its fields, or the field that is wrong with what stands there."""
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        return ("text", None)
    try:
        entry = Entry.model_validate({name: value for name, value in fields.items() if name != "text"})
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        value = mistake["input"]
        # Without a place, it is the model's own rule on dates that was broken.
        column = str(mistake["loc"][0]) if mistake["loc"] else "responded_at"
        return (column, value if isinstance(value, str) and value else None)
    problem = next(_problems(entry, settings, areas), None)
    return Filed(entry, text.strip()) if problem is None else problem[:2]


def entry_table(
    filed: Sequence[Filed], source_id: str, settings: Settings, store: Store
) -> tuple[pa.Table, tuple[Finding, ...]]:
    """Entries as rows of ``register_entry``, and what they name that no source holds."""
    findings = _unknown(filed, store)
    log.info("read %d entries of the register", len(filed))
    zone = settings.site.zone
    entries = [f.entry for f in filed]
    columns: dict[str, list[object]] = {
        "entry_id": [e.id for e in entries],
        "source_id": [source_id] * len(entries),
        "kind": [e.kind for e in entries],
        "agency_code": [e.agency for e in entries],
        "responded_at": [_instant(e, zone) for e in entries],
        "title": [e.title for e in entries],
        "text": [f.text for f in filed],
        "url": [e.url or None for e in entries],
        "topic_codes": [" ".join(e.topics) or None for e in entries],
        "area_codes": [" ".join(e.areas) or None for e in entries],
        "feedback_ids": [" ".join(_ids(e)) or None for e in entries],
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
    for key, value, what in _problems(entry, settings, areas):
        raise _mistake(file, key, value, what)
    return entry, text


def _problems(entry: Entry, settings: Settings, areas: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """What an entry names that is in no list: the field, the value, and the mistake in words."""
    for key, codes, known, where in (
        ("agency", (entry.agency,), settings.agency_by_code, "data/agencies.yml"),
        ("topics", entry.topics, settings.topic_by_code, "data/topics.yml"),
        ("areas", entry.areas, set(areas), "the site's boundaries"),
    ):
        for code in codes:
            if code not in known:
                near = difflib.get_close_matches(code, list(known), 1, 0.6)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield key, code, f"{key}: {code} is not in {where}{hint}"
    for name in entry.feedback:
        source_id = name.partition(":")[0]
        if source_id not in settings.source_by_id:
            yield "feedback", name, f"feedback: there is no source {source_id} ({name})"


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


def _unknown(filed: Sequence[Filed], store: Store) -> tuple[Finding, ...]:
    """References to feedback that no source holds."""
    wanted = {
        engine.feedback_id(*name.split(":", 1)): (f.file, name) for f in filed for name in f.entry.feedback
    }
    if not wanted:
        return ()
    asked = ibis.memtable(pa.table({"feedback_id": pa.array(wanted, pa.string())}))
    missing = store.con.to_pyarrow(
        asked.anti_join(store.read("feedback"), "feedback_id").order_by("feedback_id")
    )
    found: list[Finding] = []
    for key in missing["feedback_id"].to_pylist():
        file, name = wanted[key]
        found.append(
            Finding(
                "register_reference_unknown",
                record_id=name,
                file_name=None if file is None else file.name,
                line=None if file is None else _line_of(file, "feedback", name),
                column_name="feedback",
            )
        )
    return tuple(found)
