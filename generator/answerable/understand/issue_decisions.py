"""What officials decided about issues: ``data/lookups/issues.yml``.

    decisions:
      - decision: merge             # the issues named become part of the one it is about
        about: 5d41402abc4b2a76
        issues: [7d793037a0760186]
        reason: Both are about the closed bridge.
        reviewer: A. Reviewer
        reviewed_on: 2026-03-02
        expires_on: 2027-03-02      # optional: from that day on it no longer holds
      - decision: split             # the feedback named leaves the issue and makes one of its own
        about: 5d41402abc4b2a76
        feedback: [9a0364b9e99bb480, "square:1234"]
      - decision: rename
        about: 5d41402abc4b2a76
        title: No water in Mill Hill
      - decision: pin               # shown before the others in lists
        about: 5d41402abc4b2a76

(each with ``reason``, ``reviewer`` and ``reviewed_on``.) An issue is named by its id, or by the last part of its page's
address, which ends in the id. A decision that matches nothing (any more), or that has expired, is a finding.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from answerable.errors import SettingsError
from answerable.setting_types import Model
from answerable.settings import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "ISSUES_FILE",
    "IssueDecision",
    "MergeIssues",
    "PinIssue",
    "RenameIssue",
    "SplitIssue",
    "read_issue_decisions",
]

ISSUES_FILE = "issues.yml"
"""Its name under data/lookups/."""

_LONGEST_TITLE = 120


def _quoted(value: object) -> object:
    """YAML reads an id of sixteen decimal digits as a number, and loses a nought before it."""
    if isinstance(value, int):
        raise ValueError("write this id in quotes")  # noqa: TRY004  (pydantic makes a message of it)
    return value


def _issue(value: str) -> str:
    """The id of an issue, from itself or from its page's address."""
    found = re.search(r"(?:^|[-/])([0-9a-f]{16})/?$", value)
    if found is None:
        raise ValueError(
            "an issue is named by its id, 16 digits from 0 to f, or by its page's address, which ends in it"
        )
    return found[1]


def _feedback(value: str) -> str:
    if not (re.fullmatch(r"[0-9a-f]{16}", value) or all(value.partition(":"))):
        raise ValueError(
            "feedback is named by its id, 16 digits from 0 to f, or as SOURCE:RECORD, such as square:1234"
        )
    return value


_Issue = Annotated[str, BeforeValidator(_quoted), AfterValidator(_issue)]
_Feedback = Annotated[str, BeforeValidator(_quoted), AfterValidator(_feedback)]


class IssueDecision(Model):
    """What every decision says.

    Attributes:
        decision: what was decided (a literal of each kind).
        about: the issue's id.
        reason: why, in a sentence for the public.
        reviewer: who stands for it.
        reviewed_on: since when.
        expires_on: the first day on which it no longer holds; None where it holds until it is taken back.
    """

    decision: str
    about: _Issue
    reason: str = Field(min_length=1)
    reviewer: str = Field(min_length=1)
    reviewed_on: date
    expires_on: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.expires_on is not None and self.expires_on <= self.reviewed_on:
            raise ValueError("expires_on has to be later than reviewed_on")
        return self

    def is_expired(self, on: date) -> bool:
        """Whether it no longer holds on that day."""
        return self.expires_on is not None and on >= self.expires_on


class MergeIssues(IssueDecision):
    """Other issues are part of this one: their addresses lead to it."""

    decision: Literal["merge"]
    issues: tuple[_Issue, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _others(self) -> Self:
        if self.about in self.issues:
            raise ValueError("an issue cannot become part of itself: take it out of issues")
        return self


class SplitIssue(IssueDecision):
    """Some feedback of this issue is about something else: together it makes an issue of its own."""

    decision: Literal["split"]
    feedback: tuple[_Feedback, ...] = Field(min_length=1)


class RenameIssue(IssueDecision):
    """This issue has another title; its address stays what it was."""

    decision: Literal["rename"]
    title: str = Field(min_length=1, max_length=_LONGEST_TITLE)


class PinIssue(IssueDecision):
    """This issue is shown before the others."""

    decision: Literal["pin"]


class _File(Model):
    decisions: tuple[
        Annotated[MergeIssues | SplitIssue | RenameIssue | PinIssue, Field(discriminator="decision")], ...
    ]


def read_issue_decisions(path: Path) -> tuple[IssueDecision, ...]:
    """The decisions of a file, in its order; none where there is no file.

    Raises:
        SettingsError: the file is wrong, or two of its decisions contradict each other.
    """
    if not path.exists():
        return ()
    decisions = load_yaml(path, _File).decisions
    _check_once(path, ((d.decision, d.about) for d in decisions if isinstance(d, RenameIssue | PinIssue)))
    _check_once(path, (("merge", i) for d in decisions if isinstance(d, MergeIssues) for i in d.issues))
    _check_once(path, (("split", f) for d in decisions if isinstance(d, SplitIssue) for f in d.feedback))
    _check_circles(path, [d for d in decisions if isinstance(d, MergeIssues)])
    return decisions


def _check_once(path: Path, named: Iterable[tuple[str, str]]) -> None:
    seen: set[tuple[str, str]] = set()
    for decision, about in named:
        if (decision, about) in seen:
            raise SettingsError(
                f"{about} stands twice under {decision}",
                file=path,
                line=_last_line(path, about),
                remedy="keep one of the two",
            )
        seen.add((decision, about))


def _check_circles(path: Path, merges: Sequence[MergeIssues]) -> None:
    into = {issue: merge.about for merge in merges for issue in merge.issues}
    for start in into:
        seen = {start}
        at = start
        while at in into:
            at = into[at]
            if at in seen:
                raise SettingsError(
                    f"merging {start} leads back to {at}",
                    file=path,
                    line=_last_line(path, start),
                    remedy="decide which of them remains",
                )
            seen.add(at)


def _last_line(path: Path, word: str) -> int | None:
    lines = path.read_text("utf-8").splitlines()
    return max((n for n, line in enumerate(lines, 1) if word in line), default=None)
