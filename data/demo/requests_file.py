"""requests.csv: the city's service request portal, three years of it."""

from __future__ import annotations

import csv
import itertools
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from city import (
    City,
    Hand,
    Message,
    People,
    days_between,
    days_later,
    fill,
    instant,
    load_fragments,
    load_messages,
    lognormal,
    pick,
    request_id,
    to_local,
    to_utc,
)
from waiting import WAITING_NOTES, median_days

COLUMNS = [
    "request_id",
    "opened",
    "acknowledged",
    "updated",
    "closed",
    "status",
    "category",
    "queue",
    "description",
    "note",
    "neighbourhood",
    "latitude",
    "longitude",
    "channel",
    "account",
]
CHANNELS = {"app": 46, "web": 27, "phone": 19, "email": 5, "counter": 3}
HOURS = (1, 1, 1, 1, 1, 2, 6, 12, 17, 17, 15, 13, 13, 12, 11, 11, 12, 12, 11, 9, 7, 5, 4, 2)
SPELLINGS = {"St Anselm's": "St. Anselms", "Tanner's Row": "Tanners Row", "Gantry Town": "GANTRY TOWN"}
RESPONSES = ("substance", "work_done")


@dataclass(frozen=True)
class Request:
    """One service request, with what is true of it beside what the portal shows."""

    opened_at: datetime
    category: str
    queue: str
    area: str
    place: str  # "point", "name", "zero" (0,0), "none"
    longitude: float
    latitude: float
    description: str
    channel: str
    account: str  # the portal's pseudonym of the person: private
    acknowledged_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None
    status: str = "Open"
    note: str = ""
    note_class: str = ""
    is_failure: bool = False
    copy_of: int | None = None
    marks: tuple[str, ...] = field(default=())


def write_requests(
    out: Path, city: City, seed: int, rows: int, people: People, *, planted: list[Request]
) -> dict[str, Any]:
    """Write requests.csv and return what was planted in it.

    `planted` comes on top of everyday life (plants.py) and changes nothing of it, its identifiers included.
    """
    rng = random.Random(f"{seed}: requests")
    requests = sorted(_opened(city, rng, rows), key=lambda r: (r.opened_at, r.category, r.area))
    notes = {group: Hand(messages, rng) for group, messages in load_messages("notes.txt").items()}
    requests = [_handled(request, city, rng, notes) for request in requests]
    requests = _with_impossible(requests, rng)
    ids = _ids(requests)
    requests = _with_personal(requests, ids, city, rng, people)
    requests = _with_copies_said(requests, ids)
    cells = _cells(list(zip(ids, requests, strict=True)))
    planted = _handled_apart(planted, city, seed)
    ids = _ids([*requests, *planted])
    planted = _closed_in_line(planted, ids[len(requests) :], city)
    pairs = sorted(
        zip([*requests, *planted], ids, strict=True), key=lambda pair: (pair[0].opened_at, pair[1])
    )
    requests, ids = [request for request, _ in pairs], [number for _, number in pairs]
    with (out / "requests.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for number, request in zip(ids, requests, strict=True):
            table.writerow(_row(number, request, city))
    truth = _truth(requests, ids, city, _baseline(city, rows))
    truth["by_category_and_area"] = cells
    truth["rows"] = list(zip(ids, requests, strict=True))
    return truth


def _handled_apart(planted: list[Request], city: City, seed: int) -> list[Request]:
    """What the agencies did with planted requests, drawn apart from everything else."""
    rng = random.Random(f"{seed}: planted requests")
    notes = {group: Hand(messages, rng) for group, messages in load_messages("notes.txt").items()}
    return [
        request if request.status == "Closed" else _handled(request, city, rng, notes)
        for request in sorted(planted, key=lambda r: (r.opened_at, r.description))
    ]


def _closed_in_line(planted: list[Request], ids: list[str], city: City) -> list[Request]:
    """The requests of problems with closing notes that fit what was raised, and each other.

    As long as a problem lasts, a note says what will be done, and afterwards that it was.
    """
    words = load_messages("problems.txt")
    first: dict[str, str] = {}
    found = []
    for number, request in zip(ids, planted, strict=True):
        kind, _, name = request.marks[0].partition(" ")
        if kind == "problem" and request.closed_at and request.note:
            problem = city.facts["problem"][name]
            closed_on = to_local(request.closed_at).date().isoformat()
            label = "work_done" if closed_on > problem.get("mended", problem["to"]) else "substance"
            found.append(_closed_with(request, label, words[f"{name}/notes"], first.get(name)))
        else:
            found.append(request)
        if kind == "problem":
            first.setdefault(name, number)
    return found


def _closed_with(request: Request, label: str, notes: list[Message], first: str | None) -> Request:
    """The request with the note that answers its words, or else one of a class.

    A closing that answers nothing refers to the first request of the problem, which has none to refer to.
    """
    own = [m for m in notes if m.words and m.fits(m.about[0], request.description)]
    if not own and first is not None and request.note_class not in RESPONSES:
        note = f"Closed as a duplicate of {first}."
        return replace(request, note=note, note_class="administrative")
    said = (own or [m for m in notes if not m.words and m.fits(label, "")])[0]
    return replace(request, note=said.text, note_class=said.about[0])


def _day_weights(city: City, category: str) -> list[float]:
    """How likely each day is for a category: growth, season, weekday."""
    facts = city.facts["category"][category]
    months = facts.get("months", [1] * 12)
    weights = []
    for offset in range(city.day_count):
        day = city.first_day + timedelta(offset)
        weekend = facts["weekend"] if day.weekday() >= 5 else 1.15 if day.weekday() == 0 else 1.0
        weights.append(city.facts["growth_per_year"] ** (offset / 365) * months[day.month - 1] * weekend)
    return weights


def _area_weights(city: City, category: str) -> dict[str, float]:
    where = city.facts["category"][category].get("where", list(city.facts["area"]))
    return {code: float(city.facts["area"][code]["weight"]) for code in where}


def _baseline(city: City, rows: int) -> float:
    """How many requests of the failing service the areas would have had in those weeks without the failure."""
    failure = city.facts["failure"]
    category = failure["category"]
    weights = _day_weights(city, category)
    days = days_between(failure["from"], failure["to"])
    share = sum(weights[(day - city.first_day).days] for day in days) / sum(weights)
    areas = _area_weights(city, category)
    share *= sum(areas[area] for area in failure["areas"]) / sum(areas.values())
    categories = city.facts["category"]
    total = sum(c["weight"] for c in categories.values())
    return float(rows * categories[category]["weight"] / total * share)


def _opened(city: City, rng: random.Random, rows: int) -> list[Request]:
    """The requests as they came in: everyday life, the failure, the bursts and the copies."""
    failure = city.facts["failure"]
    scale = rows / 15000
    extra = round(_baseline(city, rows) * (failure["factor"] - 1))
    bursts = {name: round(burst["requests"] * scale) for name, burst in city.facts["burst"].items()}
    copies = round(130 * scale)
    plain = rows - extra - copies - sum(bursts.values())
    fragments = load_fragments("descriptions.txt")
    weights = {code: c["weight"] for code, c in city.facts["category"].items()}
    cumulative = {code: list(itertools.accumulate(_day_weights(city, code))) for code in weights}
    made = []
    for category in rng.choices(list(weights), list(weights.values()), k=plain):
        offset = rng.choices(range(city.day_count), cum_weights=cumulative[category])[0]
        area = pick(rng, _area_weights(city, category))
        made.append(_one(city, rng, fragments, (category, area), city.first_day + timedelta(offset)))
    days = days_between(failure["from"], failure["to"])
    for _ in range(extra):
        day, area = rng.choice(days), rng.choice(failure["areas"])
        request = _one(city, rng, fragments, (failure["category"], area), day)
        made.append(replace(request, marks=("failure",)))
    for name, count in bursts.items():
        burst = city.facts["burst"][name]
        days = days_between(burst["from"], burst["to"])
        for _ in range(count):
            day = rng.choices(days, [2.0**-i for i in range(len(days))])[0]
            request = _one(city, rng, fragments, (burst["category"], rng.choice(burst["areas"])), day)
            made.append(replace(request, marks=(f"burst {name}",)))
    for copy, first in enumerate(rng.sample(range(plain), copies)):
        if not made[first].description:  # only a text says that two requests are one
            text = _description(
                city, rng, fragments, (made[first].category, made[first].area), made[first].opened_at
            )
            made[first] = replace(made[first], description=text)
        later = days_later(made[first].opened_at, rng.uniform(60, 1500) / 86400)
        made[first] = replace(made[first], marks=(f"copied {copy}",))
        made.append(
            replace(
                made[first], opened_at=min(later, city.as_of - timedelta(minutes=5)), copy_of=copy, marks=()
            )
        )
    return [
        replace(request, is_failure=_in_failure(request, city))
        if request.category == failure["category"]
        else request
        for request in made
    ]


def _in_failure(request: Request, city: City) -> bool:
    failure = city.facts["failure"]
    day = to_local(request.opened_at).date().isoformat()
    return request.area in failure["areas"] and failure["from"] <= day <= failure["to"]


def _one(
    city: City, rng: random.Random, fragments: dict[str, list[str]], what: tuple[str, str], day: date
) -> Request:
    """A request of a (category, area) that came in on a day."""
    category, area = what
    hour = rng.choices(range(24), HOURS)[0]
    if category == "NOIS-01" and rng.random() < 0.5:
        hour = rng.choice((21, 22, 23, 0))
    opened = to_utc(datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60))))
    street = rng.choice(city.streets[area])
    longitude, latitude = city.point_on(street, rng)
    place = rng.choices(("point", "name", "zero", "none"), (0.885, 0.045, 0.02, 0.05))[0]
    text = ""
    if rng.random() < 0.4:
        text = _description(city, rng, fragments, what, opened)
    queue = city.facts["category"][category]["queue"]
    channel, account = pick(rng, CHANNELS), f"acct-{rng.randrange(10**4, 10**5)}"
    return Request(opened, category, queue, area, place, longitude, latitude, text, channel, account)


def _description(
    city: City, rng: random.Random, fragments: dict[str, list[str]], what: tuple[str, str], when: datetime
) -> str:
    """A few words such as people type into a form: what, and perhaps where, since when, and a remark."""
    category, area = what
    parts = [rng.choice(fragments[category])]
    if rng.random() < 0.75:
        parts.append(rng.choice(fragments["where"]))
    if rng.random() < 0.4:
        parts.append(rng.choice(fragments["since"]))
    glue = rng.choice((", ", " ", " - ", ", "))
    text = glue.join(parts)
    if rng.random() < 0.3:
        text += rng.choice((". ", ", ", "\n", ". ")) + rng.choice(fragments["remark"])
    if rng.random() < 0.12:
        text = f"{rng.choice(fragments['opening'])} {text}"
    text = fill(text, city, rng.choice(city.streets[area]), when, rng)
    if rng.random() < 0.6:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.02:
        text = text.upper()
    if any(ord(c) > 127 for c in text) and rng.random() < 0.2:  # read with the wrong encoding somewhere
        text = text.encode("utf-8").decode("latin-1")
    return text


def _handled(request: Request, city: City, rng: random.Random, notes: dict[str, Hand]) -> Request:
    """What the agency did: acknowledged, closed with a note or without one, or nothing yet."""
    agency = city.agency_of(request.category)
    facts = city.facts["agency"][agency]
    years = (to_local(request.opened_at).date() - city.first_day).days / 365
    median, sigma = facts["median_days"] * facts["trend"] ** years, facts["sigma"]
    classes = dict(facts["notes"])
    if request.is_failure:
        median, sigma = 15.0, 0.5
        classes = {"work_done": 50, "substance": 12, "administrative": 18, "none": 20}
    if request.copy_of is not None:
        median, classes = 1.5, {"administrative": 1}
    closed = days_later(request.opened_at, lognormal(rng, median, sigma))
    closes = rng.random() < facts["p_close"] or request.copy_of is not None
    acknowledged = days_later(request.opened_at, lognormal(rng, facts["ack_hours"], 0.8) / 24)
    is_acknowledged = rng.random() < facts["p_ack"]
    note_class = pick(rng, classes)
    limit = min(closed, city.as_of) if closes else city.as_of
    if is_acknowledged and acknowledged < limit:
        request = replace(request, acknowledged_at=acknowledged, updated_at=acknowledged)
    if not closes or closed >= city.as_of:
        if rng.random() < 0.4:
            seen = request.acknowledged_at or days_later(request.opened_at, lognormal(rng, 4, 0.8))
            if seen < city.as_of:
                note = _note(request, city, rng, notes, ("acknowledgement", seen))
                return replace(
                    request, status="In progress", note=note, note_class="acknowledgement", updated_at=seen
                )
        return request
    note = "" if note_class == "none" else _note(request, city, rng, notes, (note_class, closed))
    label = "" if note_class == "none" else note_class
    return replace(request, status="Closed", closed_at=closed, updated_at=closed, note=note, note_class=label)


def _note(
    request: Request,
    city: City,
    rng: random.Random,
    notes: dict[str, Hand],
    what: tuple[str, datetime],
) -> str:
    """A note of a class at an instant that fits the request's category."""
    agency, (note_class, when) = city.agency_of(request.category), what
    for group in (agency, "any") if rng.random() < 0.88 else ("any", agency):
        hand = notes.get(f"{group}/{note_class}")
        message = hand.deal(request.category) if hand else None
        if message:
            break
    else:
        raise KeyError(f"notes.txt has no text for {agency}/{note_class} that fits {request.category}")
    street = rng.choice(city.streets[request.area])
    return fill(message.text, city, street, when, rng, ahead="yes")


def _with_impossible(requests: list[Request], rng: random.Random) -> list[Request]:
    """A few closings that cannot be: before the opening, in 1900; and a few codes that no list knows."""
    able = [i for i, r in enumerate(requests) if r.closed_at and not r.marks and r.copy_of is None]
    drawn = rng.sample(able, 60)
    for i in drawn[:28]:
        closed = requests[i].opened_at - timedelta(days=rng.randint(1, 40), minutes=rng.randint(1, 900))
        closed = max(closed, datetime(2023, 1, 2, tzinfo=UTC))
        requests[i] = replace(
            requests[i], closed_at=closed, updated_at=closed, marks=("closed before opened",)
        )
    for i in drawn[28:36]:
        closed = datetime(1900, 1, 1, 4, 0, tzinfo=UTC)
        requests[i] = replace(requests[i], closed_at=closed, updated_at=closed, marks=("closed in 1900",))
    for i in drawn[36:46]:
        requests[i] = replace(requests[i], status="Open", marks=("open with a closing date",))
    for i in drawn[46:60]:
        requests[i] = replace(requests[i], category="ZZ-99", marks=("unknown category",))
    return requests


def _ids(requests: list[Request]) -> list[str]:
    counts: dict[tuple[int, int], int] = {}
    ids = []
    for request in requests:
        day = to_local(request.opened_at)
        counts[day.year, day.month] = counts.get((day.year, day.month), 0) + 1
        ids.append(request_id(day, counts[day.year, day.month]))
    return ids


def _with_personal(
    requests: list[Request], ids: list[str], city: City, rng: random.Random, people: People
) -> list[Request]:
    """Personal data in some descriptions and notes."""
    groups = load_messages("personal.txt")
    described = [i for i, r in enumerate(requests) if r.description and not r.marks and r.copy_of is None]
    hand = Hand(groups["descriptions"], rng)
    for i in rng.sample(described, min(90, len(described))):
        request = requests[i]
        message = hand.deal(request.category) or hand.next()
        street = rng.choice(city.streets[request.area])
        private = people.values(message, street, "requests", ids[i], "description")
        text = fill(message.text, city, street, request.opened_at, rng, **private)
        requests[i] = replace(request, description=f"{request.description.rstrip('.')}. {text}")
    closed = [
        i for i, r in enumerate(requests) if r.note_class == "work_done" and not r.marks and r.copy_of is None
    ]
    of_class = {
        m: name.removeprefix("notes/") for name in groups if name.startswith("notes/") for m in groups[name]
    }
    hand = Hand(list(of_class), rng)
    for i in rng.sample(closed, min(64, len(closed))):
        request = requests[i]
        message = hand.deal(request.category) or hand.next()
        street = rng.choice(city.streets[request.area])
        private = people.values(message, street, "requests", ids[i], "note")
        text = fill(message.text, city, street, request.opened_at, rng, **private)
        requests[i] = replace(request, note=text, note_class=of_class[message])
    return requests


def _with_copies_said(requests: list[Request], ids: list[str]) -> list[Request]:
    """The note of a copy names the request that it repeats."""
    first = {mark: ids[i] for i, r in enumerate(requests) for mark in r.marks if mark.startswith("copied ")}
    return [
        replace(request, note=f"Closed as a duplicate of {first[f'copied {request.copy_of}']}.")
        if request.copy_of is not None and request.closed_at
        else request
        for request in requests
    ]


def _row(number: str, request: Request, city: City) -> list[str]:
    def clock(at: datetime | None) -> str:
        if at is None:
            return ""
        return "1900-01-01 00:00:00" if at.year == 1900 else to_local(at).strftime("%Y-%m-%d %H:%M:%S")

    name = city.facts["area"][request.area]["name"]
    person = int(request.account.removeprefix("acct-"))
    if person % 9 == 0:
        name = SPELLINGS.get(name, name)
    where = {
        "point": (name, f"{request.latitude:.6f}", f"{request.longitude:.6f}"),
        "name": (name, "", ""),
        "zero": (name, "0.0", "0.0"),
        "none": ("", "0.0", "0.0") if person % 2 else ("", "", ""),
    }[request.place]
    times = [clock(request.opened_at), clock(request.acknowledged_at), clock(request.updated_at)]
    return [
        number,
        *times,
        clock(request.closed_at),
        request.status,
        request.category,
        request.queue,
        request.description,
        request.note,
        *where,
        request.channel,
        request.account,
    ]


def _truth(requests: list[Request], ids: list[str], city: City, baseline: float) -> dict[str, Any]:
    pairs = list(zip(ids, requests, strict=True))
    first = {mark: i for i, r in pairs for mark in r.marks if mark.startswith("copied ")}
    impossible = {
        i: r.marks[0] for i, r in pairs if r.marks and r.marks[0].startswith(("closed ", "open with"))
    }
    failure = city.facts["failure"]
    agency_of_queue = {c["queue"]: c["agency"] for c in city.facts["category"].values()}
    counted = [
        (number, r)
        for number, r in pairs
        if r.copy_of is None and not impossible.get(number, "").startswith("closed ")
    ]
    agencies = {}
    for agency, facts in city.facts["agency"].items():
        own = [r for _, r in counted if agency_of_queue[r.queue] == agency]
        agencies[agency] = {
            "planted": {
                "median_days_of_those_that_close": facts["median_days"],
                "trend_per_year": facts["trend"],
                "share_that_closes": facts["p_close"],
                "note_classes": facts["notes"],
            },
            **_measured(own, city.as_of),
        }
    mojibake = [i for i, r in pairs if any(0x80 <= ord(c) <= 0x9F for c in r.description)]
    return {
        "row_count": len(pairs),
        "status_counts": {
            s: sum(1 for r in requests if r.status == s) for s in ("Open", "In progress", "Closed")
        },
        "all": _measured([r for _, r in counted], city.as_of),
        "agencies": agencies,
        "update_classes": {i: r.note_class for i, r in pairs if r.note},
        "duplicates": {i: first[f"copied {r.copy_of}"] for i, r in pairs if r.copy_of is not None},
        "impossible_times": dict(sorted(impossible.items())),
        "unknown_category_ids": [i for i, r in pairs if "unknown category" in r.marks],
        "unplaced_ids": [i for i, r in pairs if r.place == "none"],
        "without_coordinates_ids": [i for i, r in pairs if r.place in ("name", "zero")],
        "area_counts": {
            code: sum(1 for r in requests if r.area == code and r.place != "none")
            for code in city.facts["area"]
        },
        "unanswered_ids": [i for i, r in pairs if r.note_class not in RESPONSES and r.copy_of is None],
        "mojibake_ids": mojibake,
        "described_count": sum(1 for r in requests if r.description),
        "failure": {
            "topic": city.facts["category"][failure["category"]]["topic"],
            "category": failure["category"],
            "areas": failure["areas"],
            "from": failure["from"],
            "to": failure["to"],
            "request_ids": [i for i, r in pairs if r.is_failure],
            "placed_request_count": sum(1 for _, r in pairs if r.is_failure and r.place != "none"),
            "expected_without_failure": round(baseline, 1),
        },
        "bursts": {
            name: {**burst, "request_ids": [i for i, r in pairs if f"burst {name}" in r.marks]}
            for name, burst in city.facts["burst"].items()
        },
        "waiting_notes": WAITING_NOTES,
        "first_opened_at": instant(requests[0].opened_at),
        "last_opened_at": instant(requests[-1].opened_at),
    }


def _measured(own: list[Request], as_of: datetime) -> dict[str, Any]:
    """What a program should find for these requests, whose clocks can all be trusted."""
    ended = [r.closed_at if r.status == "Closed" else None for r in own]
    answered = [r.updated_at if r.note_class in RESPONSES and r.status == "Closed" else None for r in own]
    classes = [r.note_class or "none" for r in own]
    opened = [r.opened_at for r in own]
    return {
        "counted": len(own),
        "closed_count": sum(at is not None for at in ended),
        "responded_count": sum(at is not None for at in answered),
        "note_class_counts": {name: classes.count(name) for name in sorted(set(classes))},
        "median_days_to_closing": median_days(list(zip(opened, ended, strict=True)), as_of),
        "median_days_to_first_response": median_days(list(zip(opened, answered, strict=True)), as_of),
    }


def _cells(pairs: list[tuple[str, Request]]) -> dict[str, dict[str, list[str]]]:
    """{category: {area: ids}} of the placed requests, for the register to choose from; not written out."""
    cells: dict[str, dict[str, list[str]]] = {}
    for number, request in pairs:
        if request.place != "none" and request.copy_of is None and request.marks[:1] != ("unknown category",):
            key = f"{to_local(request.opened_at).date().isoformat()} {number}"
            cells.setdefault(request.category, {}).setdefault(request.area, []).append(key)
    return cells
