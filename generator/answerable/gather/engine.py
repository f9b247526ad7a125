"""The functions of the engine that Ibis has no name for, declared once, and the expressions built from them.

Every hash that names a row is made here, so that the same record has the same identifier everywhere.
"""

from __future__ import annotations

import hashlib

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

__all__ = [
    "all_matches",
    "at_zone",
    "feedback_id",
    "feedback_id_expr",
    "hash_expr",
    "in_zone",
    "instant_of_micros",
    "json_text",
    "json_valid",
    "keyed_hash",
    "keyed_hash_expr",
    "row_hash_expr",
    "try_strptime",
    "try_strptime_with_offset",
]

_SEPARATOR = chr(31)
_ID_DIGITS = 16


@ibis.udf.scalar.builtin(name="md5", signature=(("string",), "string"))  # type: ignore[untyped-decorator]
def _md5(text: ir.Value) -> ir.Value:
    """Hexadecimal MD5: a name for a row, not a protection."""


@ibis.udf.scalar.builtin(name="sha256", signature=(("string",), "string"))  # type: ignore[untyped-decorator]
def _sha256(text: ir.Value) -> ir.Value:
    """Hexadecimal SHA-256."""


@ibis.udf.scalar.builtin(name="hash", signature=(("string",), "uint64"))  # type: ignore[untyped-decorator]
def _hash(text: ir.Value) -> ir.Value:
    """The engine's own 64-bit hash: within one process only."""


@ibis.udf.scalar.builtin(name="timezone", signature=(("string", "timestamp"), "timestamp('UTC')"))  # type: ignore[untyped-decorator]
def _zone_to_utc(zone: ir.Value, local: ir.Value) -> ir.Value:
    """The instant at which clocks in a zone show a local time (the later one where they show it twice)."""


@ibis.udf.scalar.builtin(name="timezone", signature=(("string", "timestamp('UTC')"), "timestamp"))  # type: ignore[untyped-decorator]
def _utc_to_zone(zone: ir.Value, instant: ir.Value) -> ir.Value:
    """What clocks in a zone show at an instant."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "string"), "timestamp"))  # type: ignore[untyped-decorator]
def try_strptime(text: ir.Value, pattern: ir.Value) -> ir.Value:
    """A local time from a text; NULL where the text does not fit the pattern."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "string"), "timestamp('UTC')"))  # type: ignore[untyped-decorator]
def try_strptime_with_offset(text: ir.Value, pattern: ir.Value) -> ir.Value:
    """An instant from a text that carries its offset; NULL where the text does not fit the pattern."""


@ibis.udf.scalar.builtin(name="make_timestamp", signature=(("int64",), "timestamp"))  # type: ignore[untyped-decorator]
def instant_of_micros(micros: ir.Value) -> ir.Value:
    """The instant so many microseconds after 1970 began."""


@ibis.udf.scalar.builtin(name="json_valid", signature=(("string",), "boolean"))  # type: ignore[untyped-decorator]
def json_valid(text: ir.Value) -> ir.Value:
    """Whether a text is JSON."""


@ibis.udf.scalar.builtin(name="json_extract_string", signature=(("string", "string"), "string"))  # type: ignore[untyped-decorator]
def json_text(text: ir.Value, path: ir.Value) -> ir.Value:
    """What stands at a path of a JSON text, as text; numbers keep every digit."""


@ibis.udf.scalar.builtin(
    name="regexp_extract_all", signature=(("string", "string", "int64"), "array<string>")
)  # type: ignore[untyped-decorator]
def all_matches(text: ir.Value, pattern: ir.Value, group: ir.Value) -> ir.Value:
    """What a group of a pattern matches, each time."""


def at_zone(local: ir.Value, zone: str) -> ir.Value:
    """The UTC instant of a local time.

    A time that a zone's clocks show twice is the earlier of the two, as Python's ``zoneinfo`` has it.
    """
    if zone == "UTC":
        return local
    instant = _zone_to_utc(zone, local)
    earlier = instant - ibis.interval(hours=1)
    # Clocks go back at night: other hours are spared the second look.
    is_twice = (local.hour() < 4) & (_utc_to_zone(zone, earlier) == local)
    return ibis.ifelse(is_twice, earlier, instant).cast("timestamp")


def in_zone(instant: ir.Value, zone: str) -> ir.Value:
    """What clocks in a zone show at a UTC instant."""
    if zone == "UTC":
        return instant
    return _utc_to_zone(zone, instant.cast(dt.Timestamp(timezone="UTC")))


def hash_expr(*parts: ir.Value | str) -> ir.Value:
    """The identifier made of texts: the first 16 hexadecimal digits of the MD5 of the texts, joined by U+001F."""
    joined: ir.Value = ibis.literal("")
    for number, part in enumerate(parts):
        text = ibis.literal(part) if isinstance(part, str) else part
        joined = text if number == 0 else joined + _SEPARATOR + text
    return _md5(joined).substr(0, _ID_DIGITS)


def feedback_id_expr(source_id: ir.Value | str, record_id: ir.Value) -> ir.Value:
    """The identifier of a feedback: of where it comes from, never of what it says."""
    return hash_expr(source_id, record_id)


def feedback_id(source_id: str, record_id: str) -> str:
    """The same as ``feedback_id_expr``, for one record."""
    text = f"{source_id}{_SEPARATOR}{record_id}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()[:_ID_DIGITS]


def keyed_hash_expr(secret: bytes, text: ir.Value) -> ir.Value:
    """A hash of a person's name that nobody can make again without the secret."""
    return _sha256(ibis.literal(secret.hex() + _SEPARATOR) + text).substr(0, _ID_DIGITS)


def keyed_hash(secret: bytes, text: str) -> str:
    """The same as ``keyed_hash_expr``, for one text."""
    return hashlib.sha256(f"{secret.hex()}{_SEPARATOR}{text}".encode()).hexdigest()[:_ID_DIGITS]


def row_hash_expr(text: ir.Value) -> ir.Value:
    """A 64-bit hash for comparisons within one query."""
    return _hash(text)
