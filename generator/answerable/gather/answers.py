"""Answers of servers, and what may be wrong with them: too large, cut off, not JSON, nested without end."""

from __future__ import annotations

import itertools
import json
import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from answerable.errors import SourceError

__all__ = [
    "DEPTH_LIMIT",
    "Answer",
    "BrokenBody",
    "TooLarge",
    "depth_exceeds",
    "parse_json",
    "place",
    "unpacked",
]

DEPTH_LIMIT = 100
"""How deep arrays and objects may stand in each other."""

_DIGITS_LIMIT = 1000
_LONG_NUMBER = re.compile(rb"(?:^|[\[,:\s])(?:\d{20}|-\d{19})")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")

_TEXT_ENCODING = re.compile(
    r"utf-?(?:8|16|32)(?:-?[lb]e)?|(?:us-)?ascii|iso-?8859-?\d+|latin-?\d+|(?:windows-?|cp)\d+|koi8-[ru]"
    r"|gbk?|gb2312|gb18030|big5|shift[-_]jis|euc-(?:jp|kr)",
    re.IGNORECASE,
)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_OUTSIDE = bytes(sorted(set(range(256)) - set(b'"[]{}')))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_STEPS = bytes.maketrans(b"[]", b"\x02\x00")


class TooLarge(Exception):  # noqa: N818 (read: the answer is too large)
    """An answer is larger than the limit, as it is sent or when it is unpacked."""


class BrokenBody(Exception):  # noqa: N818 (read: the body is broken)
    """An answer cannot be unpacked: cut off, or not packed as its header says."""


def place(address: str) -> str:
    """The host and path of an address: its query may hold secrets or people's words."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that is none"
    return parts.netloc.rpartition("@")[2] + parts.path


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status that was asked for. ``headers`` takes names in any case."""

    url: str = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    mask: Callable[[str], str] = field(default=str, repr=False, compare=False)

    @property
    def address(self) -> str:
        """The host and path that gave it, for messages: without the query, and without secrets."""
        return self.mask(place(self.url))

    def json(self) -> Any:
        """The JSON value; None where the status says that there is no content.

        Raises:
            SourceError: it is none (a login page, half an answer, nothing at all), or nested too deeply.
        """
        if self.status in (204, 304):
            return None
        try:
            return parse_json(self.content, self._encoding)
        except ValueError as error:
            raise SourceError(
                f"{self.address} answered {self._instead(error)}",
                remedy="look at the address in a browser; check the setting `server`",
            ) from None

    @property
    def text(self) -> str:
        """The answer as text."""
        return _decoded(self.content, self._encoding).replace("\0", "")

    @property
    def links(self) -> Mapping[str, str]:
        """The addresses in the ``Link`` header by their relation."""
        found: dict[str, str] = {}
        for link in httpx.Response(200, headers={"link": self.headers.get("link", "")}).links.values():
            for relation in link.get("rel", "").split():
                try:
                    found.setdefault(relation.lower(), urljoin(self.url, link.get("url", "")))
                except ValueError:
                    continue
        return found

    @property
    def _encoding(self) -> str | None:
        match = re.search(
            r"charset\s*=\s*[\"']?([\w.:-]+)", self.headers.get("content-type", ""), re.IGNORECASE
        )
        return match[1] if match and _TEXT_ENCODING.fullmatch(match[1]) else None

    def _instead(self, error: ValueError) -> str:
        """What it is where it should be JSON."""
        start = self.content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n\0")
        if not start:
            return "nothing at all where JSON was expected"
        if start.startswith(b"<?xml"):
            return "XML where JSON was expected"
        if start.startswith(b"<") or "html" in self.headers.get("content-type", ""):
            return "a web page where JSON was expected (perhaps a login page or a notice)"
        return f"something that is not JSON, or only a part of it ({error})"


# -- unpacking ---------------------------------------------------------------------------------------------------------


def unpacked(parts: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """The content of an answer from the parts that arrive.

    Raises:
        TooLarge: it is larger than the limit, packed or unpacked; found out before it takes up memory.
        BrokenBody: it is cut off, or not packed as its header says.
    """
    names = [n for n in (name.strip().lower() for name in encoding.split(",")) if n and n != "identity"]
    if len(names) > 1 or (names and names[0] not in ("gzip", "x-gzip", "deflate")):
        raise BrokenBody("it is packed in a way that was not asked for")
    counted = _within(parts, limit)
    return b"".join(_within(_inflated(counted, names[0], limit), limit) if names else counted)


def _within(parts: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise TooLarge
        yield part


def _inflated(parts: Iterable[bytes], name: str, limit: int) -> Iterator[bytes]:
    packed: Any = None
    for part in parts:
        data = part
        while data:
            if packed is None:
                packed = zlib.decompressobj(_window(name, data))
            elif packed.eof:
                # A second member follows; anything else behind the end is filling.
                if name == "deflate" or not data.startswith(b"\x1f"):
                    break
                packed = zlib.decompressobj(31)
            try:
                yield packed.decompress(data, limit + 1)
            except zlib.error as error:
                raise BrokenBody("it is not packed as its header says") from error
            data = packed.unconsumed_tail or packed.unused_data
    if packed is not None and not packed.eof:
        raise BrokenBody("it is cut off")


def _window(name: str, data: bytes) -> int:
    """Zlib's name for the format: some servers send deflate without its header."""
    if name != "deflate":
        return 31
    return 15 if data[0] & 0x0F == 8 and data[0] >> 4 <= 7 else -15


# -- JSON --------------------------------------------------------------------------------------------------------------


def parse_json(content: bytes, encoding: str | None = None) -> Any:
    """The JSON value in what a server sent.

    Bytes that are no text are replaced, NUL characters and halves of surrogate pairs taken out; whole numbers keep all
    of their digits; numbers that are none (NaN) become None.

    Raises:
        ValueError: it is no JSON, or nested too deeply; the message says where.
    """
    data = _as_utf8(content, encoding)
    if depth_exceeds(data, DEPTH_LIMIT):
        raise ValueError(f"it is nested more than {DEPTH_LIMIT} levels deep")
    if not _has_long_number(data):
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        else:
            return _cleaned(value) if b"\\u0000" in data else value
    return _cleaned(
        json.loads(data, strict=False, parse_int=_whole, parse_float=_fraction, parse_constant=lambda _: None)
    )


def _has_long_number(data: bytes) -> bool:
    """Whether there is a whole number that orjson may take for a float: it has 64 bits."""
    digits = data.translate(_DIGITS)
    # Most answers have no such row of digits anywhere, and that is found out ten times as fast.
    return (b"0" * 20 in digits or b"-" + b"0" * 19 in digits) and _LONG_NUMBER.search(data) is not None


def depth_exceeds(data: bytes, limit: int) -> bool:
    """Whether arrays and objects of a JSON text stand in each other more deeply than that; reads no values."""
    if b"\\" in data:
        if b"\\\\" in data:
            data = data.replace(b"\\\\", b"")
        data = data.replace(b'\\"', b"")
    # Only brackets and the ends of texts are left; most texts hold none, and are gone with their ends.
    brackets = data.translate(None, _OUTSIDE).replace(b'""', b"")
    if b'"' in brackets:
        # Every second part stands outside of texts.
        brackets = b"".join(brackets.split(b'"')[::2])
    brackets = brackets.translate(_ALIKE)
    for _ in range(limit):
        # Each time the innermost ones go.
        inner, brackets = brackets, brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
    else:
        return bool(brackets)
    # Those without a counterpart: what is cut off is no JSON.
    return any(
        depth > limit for depth in itertools.accumulate(step - 1 for step in brackets.translate(_STEPS))
    )


def _as_utf8(content: bytes, encoding: str | None) -> bytes:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = _decoded(content, encoding).encode()
    else:
        data = content.removeprefix(b"\xef\xbb\xbf")
        try:
            # Nothing is kept of it: JSON is read from bytes, and most of it is right.
            data.decode()
        except UnicodeDecodeError:
            data = _decoded(content, encoding).encode()
    return data.replace(b"\0", b"") if b"\0" in data else data


def _decoded(content: bytes, encoding: str | None) -> str:
    for bom, name in _BOMS:
        if content.startswith(bom):
            return content.removeprefix(bom).decode(name, "replace").encode("utf-8", "replace").decode()
    try:
        text = content.decode(encoding or "utf-8", "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode()


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS_LIMIT else None


def _fraction(digits: str) -> float | None:
    found = float(digits)
    return found if math.isfinite(found) else None


def _cleaned(value: Any) -> Any:
    """The value without NUL characters and halves of surrogate pairs; its depth has been checked."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "")
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return value
