"""The invented city: its lists (city.toml), its people's words (messages/), its clock and its places.

Only the standard library is used, and every choice comes from a `random.Random` that is seeded by name, so that
the same seed writes the same bytes anywhere.
"""

from __future__ import annotations

import copy
import functools
import math
import operator
import random
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapes

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WINTER, SUMMER = (12, 1, 2), (6, 7, 8)
DAYS = {
    "days": [
        "nine days",
        "two weeks",
        "12 days",
        "three weeks",
        "over a month",
        "8 days",
        "ten days",
        "a fortnight",
        "five weeks",
        "six days",
    ],
    "days_es": [
        "nueve días",
        "dos semanas",
        "12 días",
        "tres semanas",
        "más de un mes",
        "ocho días",
        "diez días",
    ],
    "days_pl": ["dziewięciu dni", "dwóch tygodni", "12 dni", "trzech tygodni", "ponad miesiąca", "ośmiu dni"],
}
TIMES = [
    "6.40am",
    "half seven",
    "7am",
    "quarter past six",
    "5.15",
    "8.20am",
    "ten to nine",
    "4 o'clock",
    "half past three",
    "7.50",
]
ORDINALS = ["second", "third", "fourth", "fifth", "sixth"]
ROUTES = ["number 2", "number 4", "number 7", "11", "number 12", "14", "19", "22", "N3", "X5"]
LANGUAGES = ("es", "pl", "de", "fr", "pt")
MARKS = (*LANGUAGES, "winter", "summer")


@dataclass(frozen=True)
class Message:
    """One hand-written text: its slots are still open."""

    text: str
    lang: str = "en"
    season: str = ""
    about: tuple[str, ...] = ()  # the groups or categories that it fits; none: all
    words: tuple[str, ...] = ()  # it fits only what holds one of these

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots, in order."""
        return tuple(re.findall(r"{(\w+)}", self.text))

    def fits(self, about: str, text: str) -> bool:
        """Whether this can be said of a group or category, in answer to a text."""
        return (not self.about or about in self.about) and (
            not self.words or any(w in text for w in self.words)
        )

    def months(self) -> tuple[int, ...]:
        """The months of the year in which somebody would write this."""
        return {"winter": WINTER, "summer": SUMMER, "": tuple(range(1, 13))}[self.season]


@dataclass(frozen=True)
class Street:
    """A street: a name and the line that it runs along (two ends, degrees)."""

    name: str
    area: str
    start: shapes.Point
    end: shapes.Point


@dataclass(frozen=True)
class City:
    """Everything that is fixed about the city, whatever the seed."""

    facts: dict[str, Any]
    polygons: dict[str, list[shapes.Point]]
    streets: dict[str, tuple[Street, ...]]

    @property
    def first_day(self) -> date:
        """The first local day of the files."""
        return date.fromisoformat(self.facts["first_day"])

    @property
    def as_of(self) -> datetime:
        """T: nothing in the files is later."""
        return datetime.fromisoformat(self.facts["as_of"])

    @property
    def day_count(self) -> int:
        """How many local days the files cover."""
        return (to_local(self.as_of).date() - self.first_day).days

    def agency_of(self, category: str) -> str:
        """The agency that a category of the portal belongs to."""
        return str(self.facts["category"][category]["agency"])

    def point_on(self, street: Street, rng: random.Random) -> shapes.Point:
        """A point (longitude, latitude) near a street and inside its area."""
        for _ in range(20):
            share = rng.random()
            lon = street.start[0] + share * (street.end[0] - street.start[0]) + rng.gauss(0, 1.6e-4)
            lat = street.start[1] + share * (street.end[1] - street.start[1]) + rng.gauss(0, 1.2e-4)
            if shapes.contains(self.polygons[street.area], (lon, lat)):
                return round(lon, 6), round(lat, 6)
        return round(street.start[0], 6), round(street.start[1], 6)


def load_city() -> City:
    """Read city.toml and lay out areas and streets (the same for every seed)."""
    facts = tomllib.loads((HERE / "city.toml").read_text(encoding="utf-8"))
    outline = [(float(x), float(y)) for x, y in facts["land"]["outline"]]
    seeds = {code: (float(a["at"][0]), float(a["at"][1])) for code, a in facts["area"].items()}
    polygons = shapes.tile(outline, seeds, (facts["center"][0], facts["center"][1]))
    streets = {}
    for code, area in facts["area"].items():
        rng = random.Random(f"streets of {code}")
        streets[code] = tuple(
            Street(name, code, *shapes.line_inside(polygons[code], rng)) for name in area["streets"]
        )
    return City(facts, polygons, streets)


def load_messages(name: str, lang: str = "en") -> dict[str, list[Message]]:
    """Read one file of messages: {group: messages}.

    Comments start with `# `, a group with `[name]`; `<roads lights =dark>` before a text says what it fits: these
    groups, and of them what holds the word.
    """
    groups: dict[str, list[Message]] = {}
    group = ""
    for raw in (HERE / "messages" / name).read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("# "):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
            groups.setdefault(group, [])
            continue
        of, season = lang, ""
        while (found := re.match(r"{(\w+)} ", line)) and found[1] in MARKS:
            of, season = (found[1], season) if found[1] in LANGUAGES else (of, found[1])
            line = line[found.end() :]
        about: list[str] = []
        if found := re.match("<([^>]+)> ", line):  # words may hold a space: each begins with =
            about, line = re.findall(r"=[^=<>]+|[\w-]+", found[1]), line[found.end() :]
        groups[group].append(
            Message(
                line,
                of,
                season,
                tuple(mark for mark in about if not mark.startswith("=")),
                tuple(mark[1:].strip() for mark in about if mark.startswith("=")),
            )
        )
    return groups


def load_fragments(name: str) -> dict[str, list[str]]:
    """Read a file whose lines are fragments parted by ` | `: {group: fragments}."""
    return {
        group: [part.strip() for message in messages for part in message.text.split("|")]
        for group, messages in load_messages(name).items()
    }


def skeleton(text: str, city: City) -> str:
    """A text with names of places, numbers and the like blanked: what is left is its form."""
    names = [s.name for group in city.streets.values() for s in group]
    for area in city.facts["area"].values():
        names += [area["name"], *area["places"]]
    words = sorted(
        {
            *names,
            *ROUTES,
            *TIMES,
            *ORDINALS,
            *MONTHS,
            *WEEKDAYS,
            *functools.reduce(operator.iadd, DAYS.values(), []),
        },
        key=len,
    )
    pattern = "|".join(re.escape(word) for word in reversed(words))
    blanked = re.sub(rf"(?<!\w)({pattern})(?!\w)", "_", re.sub(r"[@#]\w+", "_", text), flags=re.IGNORECASE)
    return re.sub(r"[\W_\d]+", " ", blanked).strip().casefold()


def fill(
    message: str,
    city: City,
    street: Street,
    when: datetime,
    rng: random.Random,
    *,
    lang: str = "en",
    **more: str,
) -> str:
    """Fill the slots of a text. Months lie before `when`, save in an agency's promise (`ahead="yes"`).

    Other languages treat the names of places as names: "Clock Tower", not "the clock tower".
    """
    area, streets = street.area, city.streets[street.area]
    other = streets[(streets.index(street) + 1 + rng.randrange(len(streets) - 1)) % len(streets)]
    months = rng.randint(1, 4) if more.get("ahead") else -rng.randint(2, 6)
    place = str(rng.choice(city.facts["area"][area]["places"]))
    values = {
        "street": street.name,
        "street2": other.name,
        "area": city.facts["area"][area]["name"],
        "place": place if lang == "en" else place.removeprefix("the ").title(),
        "n": str(rng.randint(2, 9)),
        "weekday": rng.choice(WEEKDAYS),
        "month": MONTHS[(to_local(when).month - 1 + months) % 12],
        "time": rng.choice(TIMES),
        "ordinal": rng.choice(ORDINALS),
        "route": rng.choice(ROUTES),
        # Numbers that no request has: only what is planted (plants_posts.py) names a request that is there.
        "ticket": request_id(to_local(when), 5000 + rng.randint(1, 380)),
        "wo": str(rng.randint(300000, 399999)),
        **{name: rng.choice(options) for name, options in DAYS.items()},
        **more,
    }
    return re.sub(r"{(\w+)}", lambda slot: values[slot[1]], message)


def _sunday(year: int, month: int, earliest: int, hour: int) -> datetime:
    """The first Sunday on or after a day of a month, at an hour in UTC."""
    day = datetime(year, month, earliest, hour, tzinfo=UTC)
    return day + timedelta((6 - day.weekday()) % 7)


def to_local(at: datetime) -> datetime:
    """UTC to the city's wall clock, without an offset: UTC-3 from March's second Sunday to November's first."""
    summer = _sunday(at.year, 3, 8, 6) <= at.astimezone(UTC) < _sunday(at.year, 11, 1, 5)
    return at.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=3 if summer else 4)


def request_id(day: date, number: int) -> str:
    """The portal's id of the n-th request of a month: MP, year, a letter for the month, number (MP25I-0042)."""
    return f"MP{day.year % 100}{chr(ord('A') + day.month - 1)}-{number:04d}"


def days_between(first: str, last: str) -> list[date]:
    """All days from one to another, both included (ISO dates)."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(i) for i in range((end - start).days + 1)]


def to_utc(local: datetime) -> datetime:
    """The city's wall clock to UTC; an hour that the clock skips or repeats is moved out of the way."""
    for hours in (3, 4):
        at = (local + timedelta(hours=hours)).replace(tzinfo=UTC)
        if to_local(at) == local:
            return plain_hour(at)
    return to_utc(local + timedelta(hours=1))


def plain_hour(at: datetime) -> datetime:
    """The same instant, moved two hours on when its wall clock hour occurs twice (one night in November)."""
    end = _sunday(at.year, 11, 1, 5)
    twice = end - timedelta(hours=1) <= at < end + timedelta(hours=1)
    return at + timedelta(hours=2) if twice else at


def days_later(at: datetime, days: float) -> datetime:
    """An instant some days later, in whole seconds."""
    return plain_hour(at + timedelta(seconds=round(days * 86400)))


def lognormal(rng: random.Random, median: float, sigma: float) -> float:
    """A waiting time: half lie below the median, a few are very long."""
    return median * math.exp(rng.gauss(0, sigma))


def pick(rng: random.Random, weights: dict[str, Any]) -> str:
    """One key, by weight."""
    return rng.choices(list(weights), [float(w) for w in weights.values()])[0]


class Hand:
    """Deals hand-written texts evenly: the least used of those that fit, in an order drawn by the seed."""

    def __init__(self, messages: list[Message], rng: random.Random) -> None:
        self.rng = rng
        self.messages = list(messages)
        rng.shuffle(self.messages)
        self.used = dict.fromkeys(self.messages, 0)

    def deal(self, about: str = "", text: str = "") -> Message | None:
        """The next text for a group or category that answers a text; None where nothing fits."""
        fitting = [m for m in self.messages if m.fits(about, text)]
        if not fitting:
            return None
        close = [m for m in fitting if m.words]
        if close and self.rng.random() < 0.85:
            fitting = close
        least = min(self.used[m] for m in fitting)
        message = self.rng.choice([m for m in fitting if self.used[m] == least])
        self.used[message] += 1
        return message

    def next(self) -> Message:
        """The next text, whatever it is about."""
        least = min(self.used.values())
        message = self.rng.choice([m for m in self.messages if self.used[m] == least])
        self.used[message] += 1
        return message


class People:
    """Invented people and their data. Everything handed out is kept in `planted`, to be looked for on the site."""

    def __init__(self, city: City, seed: int) -> None:
        self.rng = random.Random(f"{seed}: people")
        people = city.facts["people"]
        self.names = [f"{first} {last}" for first in people["first"] for last in people["last"]]
        self.rng.shuffle(self.names)
        self.handles = [
            f"{a}_{b}{number}"
            for a in people["handle_a"]
            for b in people["handle_b"]
            for number in (7, 23, 61, 88)
        ]
        self.rng.shuffle(self.handles)
        self.first = list(people["first"])
        self.numbers = list(range(100, 200))
        self.rng.shuffle(self.numbers)
        # no number that an account's name ends in: "@gull_fan23 Hemp Street is mended" is no address
        self.doors = [number for number in range(11, 190) if number not in (23, 61, 88)]
        self.planted: list[dict[str, str]] = []
        self.seed = seed

    def others(self) -> People:
        """People whom nobody has drawn yet, from the other end of the lists: drawing them changes nobody else."""
        others = copy.copy(self)
        others.rng = random.Random(f"{self.seed}: other people")
        others.names, others.handles = self.names[:200], self.handles[:600]
        return others

    def handle(self) -> str:
        """An account name that nobody else has."""
        return self.handles.pop()

    def name(self) -> str:
        """A full name that nobody else has."""
        return self.names.pop()

    def values(
        self, message: Message, street: Street, source: str, record: str, field: str
    ) -> dict[str, str]:
        """Values for the private slots of a text; each is planted, with the record and field that holds it."""
        rng = self.rng
        number = self.numbers[rng.randrange(len(self.numbers))]
        area_code = rng.choice((902, 782))
        phones = (
            f"{area_code}-555-0{number}",
            f"({area_code}) 555 0{number}",
            f"+1 {area_code} 555 0{number}",
            f"{area_code}5550{number}",
            f"07700 900{number}",
            f"+44 7700 900 {number}",
        )
        name = self.name() if "name" in message.slots else ""
        mail = f"{rng.choice(self.first).lower()}.{rng.choice(('tide', 'oak', 'beam'))}{rng.randint(10, 99)}"
        make: dict[str, Callable[[], str]] = {
            "phone": lambda: rng.choice(phones),
            "email": lambda: f"{mail}@{rng.choice(('post.example', 'mail.example.org', 'example.com'))}",
            "house": lambda: f"{rng.choice(self.doors)} {street.name}",
            "plate": lambda: (
                f"{''.join(rng.choice('BCDFGHJKLMNPRSTVWXZ') for _ in range(3))} {rng.randint(1000, 9999)}"
            ),
            "name": lambda: name,
            "first": lambda: rng.choice(self.first),
            "handle": self.handle,
            "name2": self.name,
            "last": lambda: self.name().split(" ", 1)[1],
            "mail_spelt": lambda: mail.replace(".", " dot ") + " at post dot example",
            "phone_words": lambda: f"{area_code} 555 0{number // 100}-{number % 100:02d}",
            "card": lambda: _card(rng),
            "iban": lambda: _iban(rng),
            "ssn": lambda: f"{rng.randint(900, 999)}-{rng.randint(10, 69)}-{rng.randint(1000, 9999)}",
            "profile": lambda: f"https://www.facebook.com/{mail}",
        }
        values = {slot: make[slot]() for slot in message.slots if slot in make}
        for kind, value in values.items():
            self.planted.append(
                {"source_id": source, "record_id": record, "field": field, "kind": kind, "text": value}
            )
            # The family names occur nowhere else, so that half a name is a leak too.
            if kind in ("name", "name2"):
                self.planted.append({**self.planted[-1], "kind": "last_name", "text": value.split(" ", 1)[1]})
        return values


def instant(at: datetime) -> str:
    """An instant as ISO 8601 in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _card(rng: random.Random) -> str:
    """Sixteen digits of no bank, with the check digit that a card's number ends in (ISO/IEC 7812, Luhn)."""
    digits = [4, 0, 0, 0, 0, 0, *(rng.randrange(10) for _ in range(9))]
    total = sum(sum(divmod(2 * d, 10)) if at % 2 == 0 else d for at, d in enumerate(digits))
    number = "".join(map(str, [*digits, -total % 10]))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def _iban(rng: random.Random) -> str:
    """An account of no bank, with the check digits of ISO 13616 (modulo 97)."""
    account = "".join(str(rng.randrange(10)) for _ in range(16))
    check = 98 - int(f"00{account}131400") % 97  # D is 13, E is 14
    whole = f"DE{check:02d}00{account}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
