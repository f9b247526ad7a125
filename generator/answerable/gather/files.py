"""The files that sources name: finding them, their digests, and reading them as text.

A file is read as a stream, whatever its size, encoding or compression.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import zstandard

from answerable.errors import SourceError

__all__ = [
    "InputFile",
    "as_utf8",
    "find_files",
    "line_reader",
    "lines_of_rows",
    "matching_paths",
    "open_bytes",
    "open_text",
]

_CHUNK = 1 << 20
_FIELD_LIMIT = 1 << 27
_LONE_RETURN = re.compile(r"(?<=\r)(?!\n|$)")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a source, with the digest of its content and the instant (UTC) at which it was last changed."""

    path: Path
    digest: str
    modified_at: datetime

    @property
    def name(self) -> str:
        """Its name without the folder."""
        return self.path.name


def find_files(project: Path, patterns: Sequence[str]) -> tuple[InputFile, ...]:
    """The files that names and patterns (with ``*``) stand for, from the project's folder, sorted by name.

    Raises:
        SourceError: a name or a pattern for which there is no file.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = sorted(p for p in matching_paths(project, pattern) if p.is_file())
        if not matches:
            raise SourceError(
                "no such file" if "*" not in pattern else "no file has such a name",
                file=project / pattern,
                remedy="correct `path` in data/sources.yml, or put the file there",
            )
        found.update(dict.fromkeys(matches))
    return tuple(_described(path) for path in found)


def matching_paths(project: Path, pattern: str) -> Iterator[Path]:
    """What a name or a pattern stands for, from the project's folder; a name need not exist."""
    if "*" not in pattern and "?" not in pattern:
        yield project / pattern
        return
    path = Path(pattern)
    if path.is_absolute():
        yield from Path(path.anchor).glob(str(path.relative_to(path.anchor)))
    else:
        yield from project.glob(pattern)


def _described(path: Path) -> InputFile:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        modified = path.stat().st_mtime
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", file=path, remedy="check who may read the file"
        ) from error
    return InputFile(path, digest, datetime.fromtimestamp(modified, UTC))


@contextlib.contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The content of a file, taken out of .gz or .zst.

    Raises:
        SourceError: the file cannot be read, or is not what its name says.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw) as file:
                    yield cast(BinaryIO, file)
            elif path.suffix == ".zst":
                with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as file:
                    yield cast(BinaryIO, file)
            else:
                yield raw
    except (gzip.BadGzipFile, zstandard.ZstdError, EOFError) as error:
        raise SourceError(
            f"is not a whole {path.suffix} file: {error}", file=path, remedy="fetch the file again"
        ) from error
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", file=path, remedy="check the file"
        ) from error


@contextlib.contextmanager
def open_text(
    path: Path, encoding: str = "utf-8", *, errors: str = "strict", newline: str = ""
) -> Iterator[TextIO]:
    """A file as text with its line ends as they are (``newline`` as ``open`` has it); a byte order mark is taken off.

    Raises:
        SourceError: it cannot be read, or Python knows no such encoding.
    """
    name = _codec(path, encoding)
    with open_bytes(path) as file:
        buffered = io.BufferedReader(cast(io.RawIOBase, file), _CHUNK)
        text = io.TextIOWrapper(
            buffered, encoding="utf-8-sig" if name == "utf-8" else name, errors=errors, newline=newline
        )
        try:
            yield text
        finally:
            with contextlib.suppress(ValueError):
                text.detach()


def _codec(path: Path, encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise SourceError(
            f"there is no encoding {encoding}",
            file=path,
            remedy="give one that Python knows, such as utf-8, cp1252 or utf-16",
        ) from error


def as_utf8(path: Path, encoding: str, folder: Path) -> Path:
    """The file itself where it is UTF-8, else a copy of it in UTF-8 in ``folder``.

    Raises:
        SourceError: the file is not in that encoding; the error names the line.
    """
    if _codec(path, encoding) == "utf-8":
        return path
    target = folder / f"{hashlib.md5(str(path).encode(), usedforsecurity=False).hexdigest()}.utf8"
    line = 1
    with open_text(path, encoding) as text, target.open("w", encoding="utf-8", newline="") as out:
        try:
            while chunk := text.read(_CHUNK):
                out.write(chunk)
                line += chunk.count("\n")
        except UnicodeError as error:
            raise SourceError(
                f"is not {encoding}: {error}",
                file=path,
                line=line,
                remedy="name the file's encoding in data/sources.yml, such as encoding: cp1252",
            ) from error
    return target


def line_reader(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file, each with the line it begins on; what cannot be decoded is replaced."""
    csv.field_size_limit(_FIELD_LIMIT)
    pulled: list[int] = []

    def pieces(text: TextIO) -> Iterator[str]:
        # A line ends at its line feed. A carriage return alone ends a record too, but people's editors do not count it.
        for number, line in enumerate(text, 1):
            for piece in _LONE_RETURN.split(line.replace("\0", " ")):
                pulled.append(number)
                yield piece

    with open_text(path, encoding, errors="replace", newline="\n") as text:
        for record in csv.reader(pieces(text), delimiter=delimiter):
            yield pulled[0], record
            pulled.clear()


def lines_of_rows(
    path: Path, encoding: str, delimiter: str, rows: Sequence[int], *, row_count: int, rejected: Sequence[int]
) -> dict[int, int]:
    """The line on which each of some rows of a CSV file begins.

    Args:
        path: the file.
        encoding: its encoding.
        delimiter: its delimiter.
        rows: the rows asked for, counted from 0 without the header and without rejected rows.
        row_count: how many rows the file has, counted so.
        rejected: lines on which rejected rows begin.
    """
    wanted = set(rows)
    if not wanted:
        return {}
    if not rejected and _is_one_line_each(path, row_count):
        return {row: row + 2 for row in wanted}
    skipped = set(rejected)
    found: dict[int, int] = {}
    row = -1
    for begins, record in line_reader(path, encoding, delimiter):
        if not record or begins in skipped:
            continue
        # The header is row -1.
        if row in wanted:
            found[row] = begins
            if len(found) == len(wanted):
                break
        row += 1
    return found


def _is_one_line_each(path: Path, row_count: int) -> bool:
    """Whether every row, and the header, is one line: then no record has to be read to know its line."""
    lines, last = 0, b"\n"
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n") == row_count + 1
