"""Pages of two APIs in their documented shape, made up, and a server of them without a network.

Statuses of Mastodon come 40 at a time with all that its API tells of each (some 2.5 kB: the account, tags, mentions);
service requests of Open311 come 1,000 at a time (some 0.7 kB each). The client, its budget and its checks of answers
are the real ones: only the socket is missing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import httpx
import orjson

from answerable.gather import http
from answerable.gather.answers import Answer
from answerable.gather.sending import Question

__all__ = ["APIS", "START", "MastodonPages", "Open311Pages", "answered_by", "source_of"]

START = datetime(2025, 1, 1)  # noqa: DTZ001 (instants are UTC without a zone)
_APART = timedelta(minutes=5)
_WORDS = (  # noqa: SIM905 (readable as a sentence)
    "the road lamp at our corner has been dark since Monday and nobody came to look while buses stop in the middle "
    "of a crossing that floods whenever it rains please tell us when somebody will repair this pothole near school"
).split()
_TAGS = ("CityFeedback", "potholes", "transit", "water", "parks")
_CATEGORIES = ("Pothole", "Street light", "Graffiti", "Missed bin", "Blocked drain")


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


# -- Mastodon ----------------------------------------------------------------------------------------------------------


def _account(number: int, name: str) -> dict[str, Any]:
    return {
        "id": str(109_000_000_000_000_000 + number),
        "username": name,
        "acct": name,
        "display_name": f"{name.title()} :verified:",
        "locked": False,
        "bot": False,
        "discoverable": True,
        "indexable": True,
        "group": False,
        "created_at": "2022-11-06T00:00:00.000Z",
        "note": f"<p>I live here and write about it. {name} is the name, he or she</p>",
        "url": f"https://social.example/@{name}",
        "uri": f"https://social.example/users/{name}",
        "avatar": f"https://files.social.example/accounts/avatars/{number:09d}/original/picture.png",
        "avatar_static": f"https://files.social.example/accounts/avatars/{number:09d}/original/picture.png",
        "header": f"https://files.social.example/accounts/headers/{number:09d}/original/header.png",
        "header_static": f"https://files.social.example/accounts/headers/{number:09d}/original/header.png",
        "followers_count": number * 7 % 911,
        "following_count": number * 3 % 411,
        "statuses_count": number * 13 % 9_001,
        "last_status_at": "2026-01-31",
        "hide_collections": None,
        "noindex": False,
        "emojis": [
            {
                "shortcode": "verified",
                "url": "https://files.social.example/custom_emojis/images/1/original/verified.png",
                "static_url": "https://files.social.example/custom_emojis/images/1/static/verified.png",
                "visible_in_picker": True,
            }
        ],
        "roles": [],
        "fields": [
            {"name": "Web", "value": f"https://{name}.example", "verified_at": None},
            {"name": "Pronouns", "value": "they/them", "verified_at": None},
        ],
    }


def _status(number: int, at: datetime, dice: random.Random) -> dict[str, Any]:
    identifier = str(114_000_000_000_000_000 + number * 65_536)
    writer = dice.randrange(4_000)
    name = "cityhall" if dice.random() < 0.02 else f"person{writer}"
    tags = ["CityFeedback", *dice.sample(_TAGS[1:], dice.randrange(3))]
    text = " ".join(dice.choices(_WORDS, k=dice.randrange(12, 45)))
    linked = " ".join(
        f'<a href="https://social.example/tags/{t}" class="mention hashtag" rel="tag">#<span>{t}</span></a>'
        for t in tags
    )
    is_reply = number > 100 and dice.random() < 0.3
    parent = str(114_000_000_000_000_000 + (number - dice.randrange(1, 100)) * 65_536) if is_reply else None
    mentioned = (
        '<span class="h-card"><a href="https://social.example/@cityhall">@<span>cityhall</span></a></span>'
    )
    return {
        "id": identifier,
        "created_at": _iso(at),
        "in_reply_to_id": parent,
        "in_reply_to_account_id": str(109_000_000_000_000_001) if parent else None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "uri": f"https://social.example/users/{name}/statuses/{identifier}",
        "url": f"https://social.example/@{name}/{identifier}",
        "replies_count": dice.randrange(3),
        "reblogs_count": dice.randrange(9),
        "favourites_count": dice.randrange(30),
        "quotes_count": 0,
        "edited_at": None,
        "content": f"<p>{mentioned} {text} &amp; thanks</p><p>{linked}</p>",
        "reblog": None,
        "application": {"name": "Web", "website": None},
        "account": _account(writer, name),
        "media_attachments": [],
        "mentions": [
            {
                "id": "109000000000000001",
                "username": "cityhall",
                "url": "https://social.example/@cityhall",
                "acct": "cityhall",
            }
        ],
        "tags": [{"name": t.lower(), "url": f"https://social.example/tags/{t}"} for t in tags],
        "emojis": [],
        "card": None,
        "poll": None,
        "quote_approval": {"automatic": ["public"], "manual": [], "current_user": "automatic"},
    }


@dataclass
class MastodonPages:
    """A hashtag's timeline, oldest first; a page is cut out of it when it is asked for."""

    numbers: list[int] = field(default_factory=list)
    statuses: list[bytes] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(4))

    connector = "mastodon"
    page_size = 40
    settings: Mapping[str, Any] = field(
        default_factory=lambda: {"hashtags": ["CityFeedback"], "accounts": [], "page_size": 40}
    )

    def add(self, count: int) -> None:
        """So many more posts, one every five minutes."""
        for number in range(len(self.numbers) + 1, len(self.numbers) + count + 1):
            status = _status(number, START + _APART * number, self.dice)
            self.numbers.append(int(status["id"]))
            self.statuses.append(orjson.dumps(status))

    @property
    def now(self) -> datetime:
        """A minute after the newest."""
        return START + _APART * len(self.numbers) + timedelta(minutes=1)

    def pages(self) -> Iterator[bytes]:
        """All of it as it is given when it is read from the newest on."""
        for end in range(len(self.statuses), 0, -self.page_size):
            yield _joined(self.statuses[max(0, end - self.page_size) : end][::-1])

    def answer(self, path: str, params: httpx.QueryParams) -> bytes:
        """What the server says."""
        if path.endswith("/context"):
            return b'{"ancestors": [], "descendants": []}'
        if path == "/api/v1/statuses":
            return _joined([self.statuses[_after(self.numbers, int(n) - 1)] for n in params.get_list("id[]")])
        place = {"max_id": 0, "min_id": 0} | {n: int(params[n]) for n in ("max_id", "min_id") if n in params}
        if "min_id" in params:
            start = _after(self.numbers, place["min_id"])
            return _joined(self.statuses[start : start + self.page_size][::-1])
        end = _after(self.numbers, place["max_id"] - 1) if "max_id" in params else len(self.numbers)
        return _joined(self.statuses[max(0, end - self.page_size) : end][::-1])


def _after(numbers: Sequence[int], place: int) -> int:
    """The index of the first that is greater: they are even."""
    return max(0, min(len(numbers), (place - 114_000_000_000_000_000) // 65_536))


# -- Open311 -----------------------------------------------------------------------------------------------------------


def _request(number: int, at: datetime, dice: random.Random) -> dict[str, Any]:
    kind = dice.randrange(len(_CATEGORIES))
    is_closed = dice.random() < 0.7
    text = " ".join(dice.choices(_WORDS, k=dice.randrange(8, 40)))
    return {
        "service_request_id": f"{number:08d}",
        "status": "closed" if is_closed else "open",
        "status_notes": f"Case resolved: {_CATEGORIES[kind].lower()} {number % 40} dealt with."
        if is_closed
        else None,
        "service_name": _CATEGORIES[kind],
        "service_code": f"CAT{kind}",
        "description": text,
        "agency_responsible": f"Department {kind}",
        "service_notice": None,
        "requested_datetime": f"{at:%Y-%m-%dT%H:%M:%S}-05:00",
        "updated_datetime": f"{at + timedelta(hours=dice.randrange(1, 400)):%Y-%m-%dT%H:%M:%S}-05:00",
        "expected_datetime": f"{at + timedelta(days=10):%Y-%m-%dT%H:%M:%S}-05:00",
        "address": f"{dice.randrange(1, 900)} Main Street",
        "address_id": None,
        "zipcode": f"{10_000 + dice.randrange(90)}",
        "lat": round(42.3 + dice.random() / 10, 7),
        "long": round(-71.1 + dice.random() / 10, 7),
        "media_url": f"https://311.example/media/{number}.jpg" if dice.random() < 0.3 else None,
    }


@dataclass
class Open311Pages:
    """A city's requests, oldest first."""

    at: list[datetime] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(4))

    connector = "open311"
    page_size = 1_000
    settings: Mapping[str, Any] = field(
        default_factory=lambda: {"page_size": 1_000, "window_days": 90, "timezone": "UTC"}
    )

    def add(self, count: int) -> None:
        """So many more requests, one every five minutes."""
        for number in range(len(self.at) + 1, len(self.at) + count + 1):
            at = START + _APART * number
            # What the server says is local: five hours behind.
            request = _request(number, at - timedelta(hours=5), self.dice)
            self.at.append(at)
            self.requests.append(orjson.dumps(request))

    @property
    def now(self) -> datetime:
        """A minute after the newest."""
        return START + _APART * len(self.at) + timedelta(minutes=1)

    def pages(self) -> Iterator[bytes]:
        """All of it, page by page."""
        for start in range(0, len(self.requests), self.page_size):
            yield _joined(self.requests[start : start + self.page_size])

    def answer(self, path: str, params: httpx.QueryParams) -> bytes:
        """What the server says."""
        del path
        if "service_request_id" in params:
            return _joined([self.requests[int(n) - 1] for n in params["service_request_id"].split(",")])
        first, last = (
            datetime.fromisoformat(params[n]).replace(tzinfo=None) for n in ("start_date", "end_date")
        )
        begin = max(0, -((START - first) // _APART) - 1)
        end = max(0, min(len(self.at), (last - START) // _APART))
        start = begin + (int(params["page"]) - 1) * self.page_size
        return _joined(self.requests[start : min(end, start + self.page_size)])


APIS = {"mastodon": MastodonPages, "open311": Open311Pages}


def _joined(rows: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


# -- the way there -----------------------------------------------------------------------------------------------------


def source_of(pages: MastodonPages | Open311Pages, **requests: int) -> dict[str, Any]:
    """The source in data/sources.yml that reads them."""
    return {
        "id": "city",
        "connector": pages.connector,
        "name": "City",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "server": "https://social.example",
        "start_on": f"{START:%Y-%m-%d}",
        "requests": requests,
        **pages.settings,
    }


@contextmanager
def answered_by(pages: MastodonPages | Open311Pages) -> Iterator[None]:
    """Every client asks these pages; the bytes are there before it asks."""
    headers = httpx.Headers({"content-type": "application/json; charset=utf-8"})

    class InMemory:
        def __init__(self, *_: object) -> None:
            pass

        def close(self) -> None:
            pass

        def send(self, question: Question, conditions: Mapping[str, str], until: float) -> Answer:
            del conditions, until
            content = pages.answer(question.url.path, question.url.params)
            return Answer(str(question.url), 200, headers, content)

    with mock.patch.object(http, "Sender", InMemory):
        yield
