"""What servers say of their limits, in their four dialects.

    an ISO time         Mastodon        X-RateLimit-Reset: 2026-11-22T14:05:00.000000Z
    epoch seconds       X               x-rate-limit-reset: 1795356300
                        GitHub          x-ratelimit-reset: 1795356300
                        Bluesky         ratelimit-reset: 1795356300
    seconds left        Reddit          x-ratelimit-reset: 417 (and x-ratelimit-remaining: 99.0)
    Retry-After         everybody       seconds or an HTTP date

A clock that is wrong is the server's as often as ours: an instant is compared with the server's own ``Date``.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["ServerLimit", "server_limit"]

_PREFIXES = ("x-ratelimit", "x-rate-limit", "ratelimit")
_EPOCH = 10**8
"""No server lets us wait for three years: a greater number is an instant."""

_MILLISECONDS = 10**11
_LONGEST = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class ServerLimit:
    """What an answer says of the server's limit.

    Attributes:
        remaining: how many requests are still allowed; None where it does not say.
        reset_seconds: how long until all are allowed again; None where it does not say.
        retry_seconds: how long it asks us to wait; None where it does not.
    """

    remaining: int | None = None
    reset_seconds: float | None = None
    retry_seconds: float | None = None


def server_limit(headers: Mapping[str, str], now: datetime) -> ServerLimit:
    """The server's limit from the headers of an answer (names in lower case); ``now`` is UTC without a zone."""
    server_now = _http_date(headers.get("date", "")) or now
    remaining = reset = None
    for prefix in _PREFIXES:
        if remaining is None:
            remaining = _whole(headers.get(f"{prefix}-remaining", ""))
        if reset is None:
            reset = _wait(headers.get(f"{prefix}-reset", ""), server_now)
    return ServerLimit(remaining, reset, _wait(headers.get("retry-after", ""), server_now))


def _number(text: str) -> float | None:
    # A proxy may have joined the same header with another one.
    try:
        found = float(text.partition(",")[0])
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _whole(text: str) -> int | None:
    number = _number(text)
    return None if number is None else max(0, math.floor(number))


def _wait(text: str, now: datetime) -> float | None:
    """Seconds to wait, from seconds, an instant in seconds or milliseconds, an ISO time or an HTTP date."""
    if not text:
        return None
    number = _number(text)
    if number is None:
        instant = _iso(text) or _http_date(text)
        seconds = None if instant is None else (instant - now).total_seconds()
    elif number < _EPOCH:
        seconds = number
    else:
        epoch = number / 1000 if number >= _MILLISECONDS else number
        seconds = epoch - now.replace(tzinfo=UTC).timestamp()
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST)


def _iso(text: str) -> datetime | None:
    try:
        return _plain_utc(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _http_date(text: str) -> datetime | None:
    try:
        return _plain_utc(email.utils.parsedate_to_datetime(text))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _plain_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
