from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.gather.rate_limits import ServerLimit, server_limit

NOW = datetime.fromisoformat("2026-11-22T13:05")
EPOCH = int(NOW.replace(tzinfo=UTC).timestamp())
DATE = {"date": format_datetime(NOW.replace(tzinfo=UTC), usegmt=True)}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-11-22T13:10:00.000000Z"},
            ServerLimit(0, 300.0, None),
        ),
        ({"x-ratelimit-reset": "2026-11-22T14:10:00+01:00"}, ServerLimit(None, 300.0, None)),
        ({"x-ratelimit-reset": "2026-11-22T13:10:00"}, ServerLimit(None, 300.0, None)),
        ({"x-rate-limit-remaining": "7", "x-rate-limit-reset": str(EPOCH + 60)}, ServerLimit(7, 60.0, None)),
        ({"ratelimit-remaining": "2998", "ratelimit-reset": str(EPOCH + 60)}, ServerLimit(2998, 60.0, None)),
        ({"x-ratelimit-reset": str((EPOCH + 60) * 1000)}, ServerLimit(None, 60.0, None)),
        ({"x-ratelimit-remaining": "99.6", "x-ratelimit-reset": "417"}, ServerLimit(99, 417.0, None)),
        ({"x-ratelimit-remaining": "0.4"}, ServerLimit(0, None, None)),
        ({"retry-after": "12"}, ServerLimit(None, None, 12.0)),
        ({"retry-after": "Sun, 22 Nov 2026 13:06:00 GMT"}, ServerLimit(None, None, 60.0)),
        ({"retry-after": "Sunday, 22-Nov-26 13:06:00 GMT"}, ServerLimit(None, None, 60.0)),
        ({"retry-after": "Sun, 22 Nov 2020 13:06:00 GMT"}, ServerLimit(None, None, 0.0)),
        ({"x-ratelimit-remaining": "10, 10", "x-ratelimit-reset": "5, 5"}, ServerLimit(10, 5.0, None)),
        ({"x-ratelimit-remaining": "-3", "x-ratelimit-reset": "-3"}, ServerLimit(0, 0.0, None)),
        ({"retry-after": "soon", "x-ratelimit-remaining": "many", "x-ratelimit-reset": "nan"}, ServerLimit()),
        ({}, ServerLimit()),
    ],
)
def test_dialects(headers: dict[str, str], expected: ServerLimit) -> None:
    assert server_limit(headers, NOW) == expected
    assert server_limit({**headers, **DATE}, NOW - timedelta(days=2000)) == expected


@settings(deadline=None)
@given(st.timedeltas(timedelta(days=-3000), timedelta(days=3000)), st.integers(0, 10**6))
def test_a_clock_that_is_wrong_does_not_matter(skew: timedelta, seconds: int) -> None:
    theirs = (NOW + skew).replace(tzinfo=UTC, microsecond=0)
    date = {"date": format_datetime(theirs, usegmt=True)}
    later = theirs + timedelta(seconds=seconds)
    for reset in (later.isoformat(), str(int(later.timestamp())), str(seconds)):
        assert server_limit({**date, "x-ratelimit-reset": reset}, NOW).reset_seconds == seconds
    for wait in (format_datetime(later, usegmt=True), str(seconds)):
        assert server_limit({**date, "retry-after": wait}, NOW).retry_seconds == seconds


ODD = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[-+]?\d{1,400}(\.\d+)?(e\d{1,3})?", fullmatch=True),
    st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)?", fullmatch=True),
    st.from_regex(
        r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d( [+-]\d{4}| GMT)?", fullmatch=True
    ),
)
NAMES = (
    "date",
    "retry-after",
    "x-ratelimit-reset",
    "x-ratelimit-remaining",
    "ratelimit-reset",
    "x-rate-limit-reset",
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ODD))
def test_whatever_a_server_says_gives_a_limit(headers: dict[str, str]) -> None:
    limit = server_limit(headers, NOW)
    assert limit.remaining is None or limit.remaining >= 0
    for seconds in (limit.reset_seconds, limit.retry_seconds):
        assert seconds is None or 0 <= seconds <= 366 * 86_400
        assert (NOW + timedelta(seconds=seconds or 0)).year < 2030
