"""What a pass may use, and what is left of it: requests, time, the server's own limit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from answerable.gather.hosts import Origin
from answerable.gather.rate_limits import ServerLimit

__all__ = ["Budget", "BudgetSpent", "Limits", "Progress"]

log = logging.getLogger(__name__)

_DATED = 43_200
"""From so many seconds on, an instant is told with its day."""


class BudgetSpent(Exception):  # noqa: N818 (no mistake: a pass has used what it was given)
    """A pass has used up its requests, its time or the server's rate limit: the next gather goes on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may use; sizes are of one answer, in bytes."""

    max_bytes: int = 32 * 1024 * 1024
    max_redirects: int = 3
    connect_seconds: float = 10
    read_seconds: float = 20
    answer_seconds: float = 90
    attempts: int = 4
    patience_seconds: float = 90


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a client has come.

    Attributes:
        pass_name: the pass that runs.
        request_count: requests made in all passes, repeated ones too.
        left_count: requests that the pass may still make; None without a budget.
        server_remaining: what the server itself still allows, where it says so.
        server_until: until when (UTC without a zone); None where it does not say.
        byte_count: bytes received.
    """

    pass_name: str
    request_count: int
    left_count: int | None
    server_remaining: int | None
    server_until: datetime | None
    byte_count: int

    @property
    def sentence(self) -> str:
        """The same for people."""
        said = f"{self.request_count} requests"
        if self.left_count is not None:
            said += f", {self.left_count} left of the pass"
        if self.server_remaining is not None:
            said += f"; the server allows {self.server_remaining} more"
            if self.server_until is not None:
                said += f" until {self.server_until:%H:%M} UTC"
        return said


@dataclass(slots=True)
class _Host:
    """What is remembered of a host: instants are those of the clock."""

    limit: ServerLimit = field(default_factory=ServerLimit)
    resets_at: float | None = None
    blocked_until: float | None = None
    asked_at: float | None = None
    crawl_delay: float = 0


class Budget:
    """Counts requests, and waits where waiting helps.

    Args:
        source_id: for the log.
        limits: how patient it is.
        now: the instant of this gather, UTC without a zone.
        sleep, clock: how to wait and to measure time, in seconds.
    """

    def __init__(
        self,
        source_id: str,
        limits: Limits,
        now: datetime,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self.now = now
        self.deadline = float("inf")
        self._source_id = source_id
        self._patience = limits.patience_seconds
        self._sleep = sleep
        self._clock = clock
        self._began = clock()
        self._hosts: dict[Origin, _Host] = {}
        self._last = _Host()
        self._pass_name = ""
        self._given: int | None = None
        self._left: int | None = None
        self._count = 0

    def begin(self, pass_name: str, request_count: int | None, deadline: float) -> None:
        """Begins a pass; without a number of requests it may make as many as it likes."""
        self._pass_name = pass_name
        self._given = self._left = request_count
        self.deadline = deadline

    def check_time(self) -> None:
        """Raises ``BudgetSpent`` when the time of the pass is over."""
        if self._clock() >= self.deadline:
            raise BudgetSpent("the time of this pass is used up")

    def can_repeat(self, seconds: float) -> bool:
        """Whether there is a request left, and the time for it after so many seconds."""
        return self._left != 0 and self._clock() + seconds < self.deadline

    def spend(self, where: Origin) -> None:
        """Takes one request, and waits until the host may be asked.

        Raises:
            BudgetSpent: there is none left, or the wait is too long.
        """
        if self._left is not None and self._left <= 0:
            raise BudgetSpent(f"the {self._given} requests of this pass are used up")
        self.check_time()
        host = self._last = self._host(where)
        if host.blocked_until is not None:
            self.wait(host.blocked_until - self._clock(), "the server's limit is used up")
            host.blocked_until = None
        if host.crawl_delay and host.asked_at is not None:
            pause = host.asked_at + host.crawl_delay - self._clock()
            self.wait(pause, "the server asks for a pause between requests")
        host.asked_at = self._clock()
        self._count += 1
        if self._left is not None:
            self._left -= 1

    def note(self, where: Origin, limit: ServerLimit, wait_seconds: float) -> None:
        """Remembers what a server said of its limit; with a wait, it is not asked before that is over."""
        host = self._host(where)
        host.limit = limit
        host.resets_at = None if limit.reset_seconds is None else self._clock() + limit.reset_seconds
        if wait_seconds > 0:
            host.blocked_until = self._clock() + wait_seconds

    def slow_down(self, where: Origin, seconds: float) -> None:
        """Leaves so much time between two requests to a host, as far as patience goes."""
        self._host(where).crawl_delay = min(seconds, self._patience)

    def wait(self, seconds: float, why: str) -> None:
        """Waits; ``BudgetSpent`` where that would take longer than patience or the pass."""
        if seconds <= 0:
            return
        ends_at = self._clock() + seconds
        pattern = "%Y-%m-%d %H:%M" if seconds > _DATED else "%H:%M"
        until = f"{self.instant(ends_at):{pattern}} UTC"
        if seconds > self._patience or ends_at >= self.deadline:
            raise BudgetSpent(f"{why} until {until}")
        log.info("%s: waiting %.0f s: %s until %s", self._source_id, seconds, why, until)
        self._sleep(seconds)

    def instant(self, at: float | None = None) -> datetime:
        """The UTC instant at which the clock shows that; without it, that of this moment."""
        return self.now + timedelta(seconds=(self._clock() if at is None else at) - self._began)

    def progress(self, byte_count: int) -> Progress:
        """How far it has come."""
        host = self._last
        remaining = host.limit.remaining
        until = self.instant(host.resets_at) if remaining is not None and host.resets_at is not None else None
        return Progress(self._pass_name, self._count, self._left, remaining, until, byte_count)

    def _host(self, where: Origin) -> _Host:
        return self._hosts.setdefault(where, _Host())
