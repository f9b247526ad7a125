"""The feed of service failures: Atom (RFC 4287), for feed readers and for scripts.

An entry is known by the address of its failure, which is the same from build to build. It is newly updated when its
failure was noticed and when it ended; no clock of the build goes into it, so that equal data give equal feeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from answerable.draw.numbers import Number
from answerable.publish.templates import environment

if TYPE_CHECKING:
    from answerable.publish.view import Failure, View

__all__ = ["FEED", "failures_feed"]

FEED = "failures/feed.xml"
"""Its path in the site."""

_ENTRIES = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    title: str
    published: str
    updated: str
    categories: tuple[str, ...]
    summary: str


def failures_feed(view: View) -> bytes:
    """The feed of the newest failures; without one, a feed without entries."""
    site = view.settings.site
    entries = [_entry(failure, view) for failure in view.failures[:_ENTRIES]]
    as_of = _EPOCH if view.as_of_at is None else view.as_of_at.replace(tzinfo=UTC)
    text = (
        environment(view.settings)
        .get_template("feeds/failures.xml.jinja")
        .render(
            site=site,
            root=site.url.rstrip("/") + "/",
            # The newest change of an entry; a feed that never had one was as it is when the data end.
            updated=max((e.updated for e in entries), default=f"{as_of:%Y-%m-%dT%H:%M:%SZ}"),
            entries=entries,
        )
    )
    return text.encode()


def _entry(failure: Failure, view: View) -> _Entry:
    zone = view.settings.site.zone

    def evening(day: date) -> str:
        # Known when the day is over, where the site is.
        over = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)
        return f"{over.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    changed = max(failure.noticed_on, failure.ended_on or failure.noticed_on)
    return _Entry(
        path=failure.path,
        title=_title(failure, view),
        published=evening(failure.noticed_on),
        updated=evening(changed),
        categories=tuple(code for code in (failure.topic_code, *failure.areas) if code),
        summary=_summary(failure, view),
    )


def _title(failure: Failure, view: View) -> str:
    if failure.topic_code is None:
        return f"{_name(view, 'agency', failure.agency_code)}: several topics"
    areas = [_name(view, "area", code) for code in failure.areas]
    topic = _name(view, "topic", failure.topic_code)
    return f"{topic}: {', '.join(areas)}" if areas else topic


def _name(view: View, breakdown: str, code: str) -> str:
    group = view.group(breakdown, code)
    return code if group is None else group.name


def _summary(failure: Failure, view: View) -> str:
    def text(measure: str, field: str = "value") -> str:
        row = view.numbers.get(measure, breakdown="failure", group=failure.failure_id)
        return Number(row, field).text  # type: ignore[arg-type]

    until = f"until {failure.ended_on}" if failure.ended_on else "and not over where the data end"
    return (
        f"Unusually many since {failure.started_on}, {until}: {text('failure_people')} people, about "
        f"{text('failure_expected')} were to be expected. {text('failure_answered')} of "
        f"{text('failure_answered', 'denominator')} messages have a public answer."
    )
