"""Putting a finished folder in the place of another at one stroke, and keeping what has not changed.

On Linux the two folders change places in one system call; elsewhere by two renames, between which there is an instant
without a site.
"""

from __future__ import annotations

import ctypes
import errno
import filecmp
import os
import shutil
import sys
from pathlib import Path

from answerable.errors import PublishError

__all__ = ["keep_unchanged", "link_or_copy", "swap_in", "write_file"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}


def swap_in(new: Path, place: Path) -> None:
    """Put the folder ``new`` in ``place``; what stood there is removed afterwards.

    Raises:
        PublishError: the folders cannot be renamed; the old one is where it was.
    """
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            new.rename(place)
        elif _exchange(new, place):
            shutil.rmtree(new, ignore_errors=True)
        else:
            old = place.with_name(f"{place.name}.old-{os.getpid()}")
            place.rename(old)
            try:
                new.rename(place)
            except OSError:
                old.rename(place)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise PublishError(f"the new site could not be put in place: {error.strerror}", file=place) from error


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    result = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if result == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), os.fspath(other))


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write_file(path: str, content: bytes, old: str | None = None) -> None:
    """Write a file whose folder exists; where ``old`` holds the same, it is that file and not a new one.

    Paths are plain text and calls go to the system directly: this runs once for each of tens of thousands of pages.
    """
    if old is not None and _holds(old, content):
        link_or_copy(Path(old), Path(path))
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        _write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _holds(path: str, content: bytes) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        size = len(content)
        return os.fstat(descriptor).st_size == size and os.read(descriptor, size + 1) == content
    finally:
        os.close(descriptor)


def keep_unchanged(new: Path, old: Path) -> tuple[int, int]:
    """Replace each file of ``new`` that ``old`` holds too by a second name of the old file; (kept, changed)."""
    kept = changed = 0
    for path in new.rglob("*"):
        if not path.is_file():
            continue
        was = old / path.relative_to(new)
        if was.is_file() and was.samefile(path):
            kept += 1
        elif was.is_file() and filecmp.cmp(was, path, shallow=False):
            path.unlink()
            link_or_copy(was, path)
            kept += 1
        else:
            changed += 1
    return kept, changed
