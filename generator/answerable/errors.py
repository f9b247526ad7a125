"""The errors that a person can meet, and the exit code of each.

Every error says what is wrong, where, and what to do; the command line prints it without a traceback. Anything else
that is raised is a defect of the program and keeps its traceback.

    AnswerableError             1   base: never raised itself
    ├── UsageError              2   the command was called in a way that cannot work
    ├── SettingsError           3   a file under data/ is wrong (names the file, line, value and remedy)
    ├── SourceError             4   a source could not be read
    │   └── StaleSourceError    5   a source has been failing for longer than its max_age_days
    ├── StoreError              6   the store cannot be opened, or what it holds breaks the schema
    │   └── StoreBusyError      7   another process is writing to the store
    ├── CheckError              8   a check before publishing failed: nothing was published
    └── PublishError            9   the site could not be written
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "AnswerableError",
    "CheckError",
    "PublishError",
    "SettingsError",
    "SourceError",
    "StaleSourceError",
    "StoreBusyError",
    "StoreError",
    "UsageError",
]


class AnswerableError(Exception):
    """Something that a person can put right.

    Args:
        what: what is wrong, in one sentence.
        file: the file it was found in, if any.
        line: the line in that file, counted from 1.
        remedy: what to do about it.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, file: Path | str | None = None, line: int | None = None, remedy: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.file = None if file is None else Path(file)
        self.line = line
        self.remedy = remedy

    @property
    def where(self) -> str:
        """The place as ``file:line``, ``file`` or an empty string."""
        if self.file is None:
            return ""
        return f"{self.file}:{self.line}" if self.line is not None else str(self.file)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  what to do: {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{remedy}"


class UsageError(AnswerableError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class SettingsError(AnswerableError):
    """A settings file is wrong."""

    exit_code = 3


class SourceError(AnswerableError):
    """A source could not be read at all (a bad row is a finding, not an error)."""

    exit_code = 4


class StaleSourceError(SourceError):
    """A source's last good data are older than its ``max_age_days``."""

    exit_code = 5


class StoreError(AnswerableError):
    """The store cannot be opened, or a table breaks its schema."""

    exit_code = 6


class StoreBusyError(StoreError):
    """Another process is writing to the store."""

    exit_code = 7


class CheckError(AnswerableError):
    """A check before publishing failed."""

    exit_code = 8


class PublishError(AnswerableError):
    """The site could not be written."""

    exit_code = 9
