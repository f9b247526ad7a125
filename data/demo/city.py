"""The invented city: its lists (city.toml), its people's words (messages/), its clock and its places.

Only the standard library is used, and every choice comes from a `random.Random` that is seeded by name, so that
the same seed writes the same bytes anywhere.
"""

from __future__ import annotations

import math
import random
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import shapes

HERE = Path(__file__).parent
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
WINTER, SUMMER = (12, 1, 2), (6, 7, 8)
DAYS = {
    "days": "nine days,two weeks,12 days,three weeks,over a month,8 days,ten days,a fortnight,five weeks,six days".split(","),
    "days_es": "nueve días,dos semanas,12 días,tres semanas,más de un mes,ocho días,diez días".split(","),
    "days_pl": "dziewięciu dni,dwóch tygodni,12 dni,trzech tygodni,ponad miesiąca,ośmiu dni".split(","),
}
TIMES = "6.40am,half seven,7am,quarter past six,5.15,8.20am,ten to nine,4 o'clock,half past three,7.50".split(",")
ORDINALS = "second,third,fourth,fifth,sixth".split(",")
ROUTES = "number 2,number 4,number 7,11,number 12,14,19,22,N3,X5".split(",")
MARKS = ("es", "pl", "winter", "summer")


@dataclass(frozen=True)
class Message:
    """One hand-written text: its slots are still open."""

    text: str
    lang: str = "en"
    season: str = ""

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots, in order."""
        return tuple(re.findall(r"{(\w+)}", self.text))

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
    """Read one file of messages: {group: messages}. Comments start with `# `, a group with `[name]`."""
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
            of, season = (found[1], season) if found[1] in ("es", "pl") else (of, found[1])
            line = line[found.end() :]
        groups[group].append(Message(line, of, season))
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
    words = sorted({*names, *ROUTES, *TIMES, *ORDINALS, *MONTHS, *WEEKDAYS, *sum(DAYS.values(), [])}, key=len)
    pattern = "|".join(re.escape(word) for word in reversed(words))
    blanked = re.sub(rf"(?<!\w)({pattern})(?!\w)", "_", re.sub(r"[@#]\w+", "_", text))
    return re.sub(r"[\W_\d]+", " ", blanked).strip().casefold()


def fill(message: str, city: City, area: str, street: Street, when: datetime, rng: random.Random, **more: str) -> str:
    """Fill the slots of a text. Months lie before `when`, save in an agency's promise (`ahead="yes"`)."""
    streets = city.streets[area]
    other = streets[(streets.index(street) + 1 + rng.randrange(len(streets) - 1)) % len(streets)]
    months = rng.randint(1, 4) if more.get("ahead") else -rng.randint(2, 6)
    values = {
        "street": street.name,
        "street2": other.name,
        "area": city.facts["area"][area]["name"],
        "place": rng.choice(city.facts["area"][area]["places"]),
        "n": str(rng.randint(2, 9)),
        "weekday": rng.choice(WEEKDAYS),
        "month": MONTHS[(to_local(when).month - 1 + months) % 12],
        "time": rng.choice(TIMES),
        "ordinal": rng.choice(ORDINALS),
        "route": rng.choice(ROUTES),
        "ticket": f"MP{to_local(when).year % 100}-{rng.randint(1, 4999):05d}",
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
    """UTC to the city's wall clock, without an offset: UTC-3 from the second Sunday of March to the first of November."""
    summer = _sunday(at.year, 3, 8, 6) <= at.astimezone(UTC) < _sunday(at.year, 11, 1, 5)
    return at.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=3 if summer else 4)


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
    """Deals hand-written texts evenly: the least used first, in an order drawn by the seed."""

    def __init__(self, messages: list[Message], rng: random.Random) -> None:
        self.rng = rng
        self.messages = list(messages)
        rng.shuffle(self.messages)
        self.at = 0

    def deal(self) -> Message:
        """The next text; the pack is shuffled again when it is through."""
        if self.at == len(self.messages):
            self.rng.shuffle(self.messages)
            self.at = 0
        self.at += 1
        return self.messages[self.at - 1]


class People:
    """Invented people and their data. Everything handed out is kept in `planted`, to be looked for on the site."""

    def __init__(self, city: City, seed: int) -> None:
        self.rng = random.Random(f"{seed}: people")
        people = city.facts["people"]
        self.names = [f"{first} {last}" for first in people["first"] for last in people["last"]]
        self.rng.shuffle(self.names)
        self.handles = [
            f"{a}_{b}{number}" for a in people["handle_a"] for b in people["handle_b"] for number in (7, 23, 61, 88)
        ]
        self.rng.shuffle(self.handles)
        self.first = list(people["first"])
        self.numbers = list(range(100, 200))
        self.rng.shuffle(self.numbers)
        self.planted: list[dict[str, str]] = []

    def handle(self) -> str:
        """An account name that nobody else has."""
        return self.handles.pop()

    def name(self) -> str:
        """A full name that nobody else has."""
        return self.names.pop()

    def values(self, message: Message, street: Street, source: str, record: str, field: str) -> dict[str, str]:
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
        make = {
            "phone": lambda: rng.choice(phones),
            "email": lambda: f"{mail}@{rng.choice(('post.example', 'mail.example.org', 'example.com'))}",
            "house": lambda: f"{rng.randint(11, 189)} {street.name}",
            "plate": lambda: f"{''.join(rng.choice('BCDFGHJKLMNPRSTVWXZ') for _ in range(3))} {rng.randint(1000, 9999)}",
            "name": lambda: name,
            "first": lambda: rng.choice(self.first),
            "handle": self.handle,
        }
        values = {slot: make[slot]() for slot in message.slots if slot in make}
        for kind, value in values.items():
            self.planted.append(
                {"source_id": source, "record_id": record, "field": field, "kind": kind, "text": value}
            )
            if kind == "name":  # the family names occur nowhere else, so that half a name is a leak too
                self.planted.append({**self.planted[-1], "kind": "last_name", "text": value.split(" ", 1)[1]})
        return values


def instant(at: datetime) -> str:
    """An instant as ISO 8601 in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
