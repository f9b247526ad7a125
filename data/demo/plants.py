"""What is planted on top of the city's everyday life, so that tests can hold the site against it.

Problems that posts, requests and petitions raise together (messages/problems.txt, city.toml), and personal data in more
forms (messages/personal_more.txt). Posts that are planted by themselves are in plants_posts.py. Everything here draws
from generators of its own: nothing that was there before changes, its identifiers included.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from city import (
    City,
    Message,
    People,
    Street,
    days_between,
    days_later,
    fill,
    load_messages,
    pick,
    to_local,
    to_utc,
)
from petitions_files import draft_of
from requests_file import CHANNELS, HOURS, Request

MORE = "personal_more.txt"
# The categories of the notes with personal data, in the file's order.
NOTES = ("ROAD-01", "LIGHT-01", "SEWR-01")


@dataclass(frozen=True)
class Problem:
    """One problem: its facts (city.toml) and its words."""

    name: str
    facts: dict[str, Any]
    posts: list[Message]
    requests: list[Message]
    petition: list[Message]
    replies: list[Message]

    @property
    def days(self) -> list[date]:
        """The local days on which it was raised."""
        return days_between(self.facts["from"], self.facts["to"])


@dataclass(frozen=True)
class Plants:
    """What is planted, and what it is drawn from."""

    city: City
    seed: int
    people: People

    def rng(self, name: str) -> random.Random:
        """A generator of its own for each thing that is planted."""
        return random.Random(f"{self.seed}: plant {name}")

    @cached_property
    def problems(self) -> list[Problem]:
        """The problems, in the order of city.toml."""
        words = load_messages("problems.txt")
        unknown = {group.split("/")[0] for group in words} - set(self.city.facts["problem"])
        if unknown:
            raise ValueError(f"problems.txt: not in city.toml: {sorted(unknown)}")
        kinds = ("posts", "requests", "petition", "replies")
        return [
            Problem(name, facts, *(words.get(f"{name}/{kind}", []) for kind in kinds))
            for name, facts in self.city.facts["problem"].items()
        ]

    def instants(
        self, problem: Problem, count: int, rng: random.Random, hours: tuple[int, ...]
    ) -> list[datetime]:
        """As many instants, in order, spread over a problem's days."""
        days = problem.days
        found = []
        for at in range(count):
            day = days[int((at + rng.random()) / count * len(days))]
            hour = rng.choices(range(24), hours)[0]
            found.append(to_utc(datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)))))
        last = self.city.as_of - timedelta(minutes=20)
        return sorted(min(at, last - timedelta(seconds=rng.randrange(7200))) for at in found)

    def street(self, name: str) -> Street:
        """The street of that name."""
        return next(s for streets in self.city.streets.values() for s in streets if s.name == name)

    def place_in(self, text: str) -> str:
        """The area that a text names, by its own name or by one of its streets or places; "" where it names none."""
        for code, area in self.city.facts["area"].items():
            for name in (area["name"], *area["streets"], *area["places"]):
                if name.lower() in text.lower():
                    return str(code)
        return ""

    # -- requests ----------------------------------------------------------------------------------------------

    def requests(self) -> list[Request]:
        """The requests of all problems, and some whose notes hold personal data."""
        return [r for problem in self.problems for r in self._requests_of(problem)] + self._noted()

    def _requests_of(self, problem: Problem) -> list[Request]:
        rng = self.rng(f"{problem.name} requests")
        instants = self.instants(problem, len(problem.requests), rng, HOURS)
        return [
            self._request(
                rng,
                self.street(rng.choice(problem.facts["streets"])),
                problem.facts["category"],
                (message, at),
                f"problem {problem.name}",
            )
            for message, at in zip(problem.requests, instants, strict=True)
        ]

    def _request(
        self, rng: random.Random, street: Street, category: str, said: tuple[Message, datetime], mark: str
    ) -> Request:
        message, at = said
        longitude, latitude = self.city.point_on(street, rng)
        return Request(
            at,
            category,
            self.city.facts["category"][category]["queue"],
            street.area,
            "none" if "none" in message.about else rng.choices(("point", "name"), (0.85, 0.15))[0],
            longitude,
            latitude,
            message.text,
            pick(rng, CHANNELS),
            f"acct-{rng.randrange(10**5, 10**6)}",
            marks=(mark,),
        )

    def _noted(self) -> list[Request]:
        """Closed requests whose note holds personal data; the record is named once the request has its number."""
        rng = self.rng("notes")
        made: list[Request] = []
        for message, category in zip(load_messages(MORE)["notes"], NOTES, strict=True):
            for _ in range(4):
                area = pick(rng, {code: area["weight"] for code, area in self.city.facts["area"].items()})
                street = rng.choice(self.city.streets[area])
                opened = days_later(self.city.as_of, -rng.uniform(40, 700))
                closed = days_later(opened, rng.uniform(1, 9))
                mark = f"noted {len(made)}"
                private = self.people.values(message, street, "requests", mark, "note")
                made.append(
                    Request(
                        opened,
                        category,
                        self.city.facts["category"][category]["queue"],
                        area,
                        "point",
                        *self.city.point_on(street, rng),
                        "",
                        "phone",
                        f"acct-{rng.randrange(10**5, 10**6)}",
                        updated_at=closed,
                        closed_at=closed,
                        status="Closed",
                        note=fill(message.text, self.city, street, closed, rng, **private),
                        note_class="work_done",
                        marks=(mark,),
                    )
                )
        return made

    def name_records(self, rows: list[tuple[str, Request]]) -> None:
        """Give what was planted in requests the identifiers of the requests."""
        of_mark = {request.marks[0]: number for number, request in rows if request.marks}
        for planted in self.people.planted:
            if planted["source_id"] == "requests":
                planted["record_id"] = of_mark.get(planted["record_id"], planted["record_id"])

    # -- petitions ---------------------------------------------------------------------------------------------

    def petitions(self) -> list[dict[str, Any]]:
        """Drafts of the problems' petitions, and of some that hold personal data."""
        drafts = []
        for problem in self.problems:
            for message in problem.petition:
                rng = self.rng(f"{problem.name} petition")
                first = datetime.combine(problem.days[len(problem.days) // 3], time(19, 5), tzinfo=UTC)
                agency = self.city.agency_of(problem.facts["category"])
                drafts.append({**draft_of(agency, message.text, first, rng), "plant": problem.name})
        for number, message in enumerate(load_messages(MORE)["petitions"]):
            rng = self.rng(f"petition {number}")
            street = rng.choice(self.city.streets["kilnfields"])
            private = self.people.values(message, street, "petitions", f"draft {number}", "text")
            text = fill(message.text, self.city, street, self.city.as_of, rng, **private)
            at = days_later(self.city.as_of, -rng.uniform(60, 300))
            drafts.append({**draft_of("streets", text, at, rng), "plant": f"draft {number}"})
        return drafts

    def name_petitions(self, of_plant: dict[str, str]) -> None:
        """Give what was planted in petitions their numbers."""
        for planted in self.people.planted:
            if planted["source_id"] == "petitions":
                planted["record_id"] = of_plant.get(planted["record_id"], planted["record_id"])

    # -- the register ------------------------------------------------------------------------------------------

    def private_words(self, text: str, entry: str) -> str:
        """A register's draft with its private slots filled: somebody wrote down more than they should have."""
        message = Message(text)
        street = self.city.streets["northgate"][0]
        private = self.people.values(message, street, "register", entry, "text")
        return re.sub(r"{(\w+)}", lambda slot: private[slot[1]], text)

    # -- truth -------------------------------------------------------------------------------------------------

    def truth(
        self, rows: list[tuple[str, Request]], posts: dict[str, dict[str, Any]], of_plant: dict[str, str]
    ) -> dict[str, Any]:
        """Each problem with its members: {name: facts, posts, requests, petitions}."""
        return {
            problem.name: {
                "topic": problem.facts.get(
                    "topic", self.city.facts["category"][problem.facts["category"]]["topic"]
                ),
                "agency": self.city.agency_of(problem.facts["category"]),
                **{key: problem.facts[key] for key in ("category", "areas", "from", "to")},
                "beside": problem.facts.get("beside", ""),
                "posts": posts[problem.name],
                "requests": {
                    number: to_local(request.opened_at).date().isoformat()
                    for number, request in rows
                    if request.marks[:1] == (f"problem {problem.name}",)
                },
                "petitions": [of_plant[problem.name]] if problem.name in of_plant else [],
            }
            for problem in self.problems
        }


def local_instant(text: str) -> datetime:
    """The instant of a local time as city.toml writes it."""
    return to_utc(datetime.fromisoformat(text))
