"""A day in the life: a gather every hour, while people write, change their minds, and are answered, on four sites.

One site allows few requests, one is down for a while, one has had enough. A day later the store is that of a single
gather of everything, but for what only those can know who were there: how it came about.
"""

from __future__ import annotations

import functools
import json
import random
import re
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.apis.bluesky import BlueskyNetwork
from tests.apis.mastodon import MastodonServer
from tests.apis.open311 import City
from tests.apis.serving import Handle, serving
from tests.apis.uk_petitions import PetitionSite
from tests.gathering import Project
from tests.traces import traces

from answerable.build import build
from answerable.gather.http import Client, Limits
from answerable.gather.sync import Receipt, gather
from answerable.store import Store

BEGIN = datetime(2026, 3, 2)  # noqa: DTZ001 (instants are UTC without a zone)
HOUR = timedelta(hours=1)
SEED = 311
PASSWORD, TOKEN = "an-app-password", "a-token"
PATIENT = Limits(attempts=2, patience_seconds=60)
HISTORY = {"edited", "status_changed", "closed", "reopened", "replied"}
"""What a full gather cannot know: what something was before."""


class Day:
    """The sites, and what happens on them. A text that will be deleted has a word that stands nowhere else."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)
        start = BEGIN - 30 * HOUR
        self.toots = MastodonServer(now=start, token=TOKEN)
        self.skies = BlueskyNetwork(now=start, password=PASSWORD)
        self.city = City(now=start)
        self.petitions = PetitionSite(now=start, page_size=10)
        self.apis = (self.toots, self.skies, self.city, self.petitions)
        self.moods: dict[str, str] = {}
        self.did: Counter[str] = Counter()
        self.deleted: list[str] = []
        self.count = 0
        self.open: dict[str, list[str]] = {name: [] for name in ("toots", "skies", "city", "petitions")}
        self.closed: list[str] = []
        self.answered: dict[str, list[str]] = {"toots": [], "skies": []}
        self.replies: dict[str, list[str]] = {"toots": [], "skies": []}
        self.words: dict[str, str] = {}
        self.toots.account("cityhall")
        self.skies.account("cityhall.example")
        for _ in range(10):
            self.pass_time(3 * HOUR)
            for name in self.open:
                self.write(name)

    def pass_time(self, much: timedelta) -> None:
        for api in self.apis:
            api.now += much

    def word(self) -> str:
        self.count += 1
        digits = "".join("abcdefghij"[int(d)] for d in f"{self.count:04d}")
        return f"Zwx{digits}qz"

    def one_of(self, numbers: list[str]) -> str:
        return numbers.pop(self.random.randrange(len(numbers)))

    # -- what people do ------------------------------------------------------------------------------------------------

    def write(self, name: str) -> None:
        word = self.word()
        text = f"The road has a hole as deep as {word}"
        who = f"person{self.count % 9}"
        match name:
            case "toots":
                number = self.toots.post(who, f"{text} #CityFeedback")
            case "skies":
                number = self.skies.post(f"{who}.example", f"{text} #CityFeedback")
            case "city":
                number = self.city.add(text)
            case _:
                number = self.petitions.add(text, signatures=self.count)
        self.words[number] = word
        self.open[name].append(number)
        self.did[f"{name}: written"] += 1

    def reply(self, name: str) -> None:
        """Somebody replies to what is not answered yet, or was answered: often hours later."""
        root = self.random.choice(self.open[name] + self.answered[name])
        word = self.word()
        text = f"I have seen it too, near {word}"
        # Where replies hang, the root stays: else nobody who comes later finds them.
        if name == "toots":
            number = self.toots.post(f"person{self.count % 9}", text, reply_to=root)
        else:
            number = self.skies.post(f"person{self.count % 9}.example", text, reply_to=root)
        self.words[number] = word
        self.replies[name].append(number)
        for numbers in (self.open[name], self.answered[name]):
            if root in numbers:
                numbers.remove(root)
        self.did[f"{name}: replied"] += 1

    def answer(self, name: str) -> None:
        match name:
            case "toots" | "skies":
                root = self.one_of(self.open[name])
                if name == "toots":
                    self.toots.post("cityhall", "We will fill it", reply_to=root)
                else:
                    self.skies.post("cityhall.example", "We will fill it", reply_to=root)
                self.answered[name].append(root)
            case "city":
                # The same one more than once: what was said first is history.
                self.city.answer(self.open["city"][0], f"Planned, step {self.count}")
            case _:
                number = self.open["petitions"][0]
                self.petitions.sign(number, 10_000 + self.count)
                self.petitions.answer(number, f"The Council agrees, step {self.count}")
        self.did[f"{name}: answered"] += 1

    def edit(self, name: str) -> None:
        number = self.random.choice(self.open[name])
        text = f"The road has a hole as deep as {self.words[number]}, and it grows"
        match name:
            case "toots":
                self.toots.edit(number, f"{text} #CityFeedback")
            case "city":
                self.city.edit(number, text)
            case "petitions":
                self.petitions.edit(number, text)
            case _:
                return
        self.did[f"{name}: edited"] += 1

    def end(self, name: str) -> None:
        if name == "city":
            number = self.one_of(self.open["city"])
            self.city.close(number, f"Filled, step {self.count}")
            self.closed.append(number)
        elif name == "petitions":
            number = self.one_of(self.open["petitions"])
            self.random.choice((self.petitions.close, self.petitions.reject))(number)
        self.did[f"{name}: ended"] += name in ("city", "petitions")

    def reopen(self, name: str) -> None:
        if name == "city" and self.closed:
            number = self.one_of(self.closed)
            self.city.reopen(number)
            self.open["city"].append(number)
            self.did["city: reopened"] += 1

    def delete(self, name: str) -> None:
        numbers = self.open[name]
        if name in self.replies and self.replies[name] and self.random.random() < 0.5:
            numbers = self.replies[name]
        number = self.one_of(numbers)
        {"toots": self.toots, "skies": self.skies, "city": self.city, "petitions": self.petitions}[
            name
        ].delete(number)  # type: ignore[attr-defined]
        self.deleted.append(self.words[number])
        self.did[f"{name}: deleted"] += 1

    def hour(self, number: int) -> None:
        """What happens within an hour: on two of the sites, the others are quiet."""
        names = list(self.open)
        steps: list[Callable[[str], None]] = [self.write, self.answer, self.edit, self.end, self.reopen]
        for part, name in enumerate((names[number % 4], names[(number + 1) % 4])):
            self.pass_time(HOUR / 4)
            self.write(name)
            if name in self.replies and number % 3:
                self.reply(name)
            steps[(number // 2 + part) % len(steps)](name)
            if number % 5 in (1, 2) and number > 2:
                self.delete(name)
        self.pass_time(HOUR / 2)

    # -- how the sites are ---------------------------------------------------------------------------------------------

    def handler(self, name: str) -> Handle:
        api: Any = {"toots": self.toots, "skies": self.skies, "city": self.city, "petitions": self.petitions}[
            name
        ]

        def handle(
            method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
        ) -> tuple[int, dict[str, str], bytes]:
            mood = self.moods.get(name, "")
            if mood == "down":
                return 500, {"Content-Type": "text/html"}, b"<h1>Internal Server Error</h1>"
            if mood == "enough":
                return 429, {"Retry-After": "1800", "Content-Type": "application/json"}, b"{}"
            found: tuple[int, dict[str, str], bytes] = api.handle(method, path, query, headers, body)
            return found

        return handle


@dataclass
class Scene:
    day: Day
    project: Project
    receipts: list[dict[str, Receipt]] = field(default_factory=list)

    def gather(self, now: datetime, **said: Any) -> dict[str, Receipt]:
        client = functools.partial(Client, limits=PATIENT, sleep=lambda _: None, verify=TRUST)
        found = {r.source_id: r for r in self.project.gather(now=now, open_client=client, **said)}
        self.receipts.append(found)
        return found


TRUST = ssl.create_default_context()


def describe(project: Project, addresses: Mapping[str, str]) -> None:
    live: dict[str, Any] = {"allow_private_addresses": True, "start_on": "2026-02-20", "sweep_days": 1}
    project.agencies[0]["accounts"] = ["cityhall@city.example", "cityhall.example"]
    project.add(
        "mastodon",
        id="toots",
        server=addresses["toots"],
        domain="city.example",
        hashtags=["CityFeedback"],
        token_env="A_TOKEN",
        page_size=10,
        requests={"discover": 3, "refresh": 3, "sweep": 3},
        **live,
    )
    project.add(
        "bluesky",
        id="skies",
        server=addresses["skies"],
        login_server=addresses["skies"],
        queries=["#CityFeedback"],
        accounts=["cityhall.example"],
        handle_env="A_HANDLE",
        password_env="A_PASSWORD",
        **live,
    )
    project.add("open311", id="city", server=addresses["city"], page_size=10, **live)
    project.add(
        "uk_petitions",
        id="petitions",
        server=addresses["petitions"],
        answering_agency="streets",
        **live,
    )


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    for name, value in (
        ("A_TOKEN", TOKEN),
        ("A_HANDLE", "reader.example"),
        ("A_PASSWORD", PASSWORD),
        ("ANSWERABLE_SECRET", "the same for both"),
    ):
        monkeypatch.setenv(name, value)
    day = Day()
    project = Project(tmp_path / "hourly")
    with ExitStack() as stack:
        describe(project, {name: stack.enter_context(serving(day.handler(name))) for name in day.open})
        yield Scene(day, project)


def held(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with Store.open(folder / "build" / "store") as store:
        for name in ("feedback", "feedback_update"):
            rows = store.con.to_pyarrow(store.read(name)).to_pylist()
            found[name] = {
                row["feedback_id"] if name == "feedback" else row["update_id"]: row for row in rows
            }
        for source in ("toots", "skies", "city", "petitions"):
            found[source] = store.records.payloads(source)
    return found


def build_at(folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    topics = folder / "data" / "topics.yml"
    described = json.loads(topics.read_text())
    described["topics"][0]["phrases"] = ["hole*"]
    topics.write_text(json.dumps(described))
    with monkeypatch.context() as patch:
        patch.setattr("answerable.build.gather", functools.partial(gather, now=now))
        build(folder, is_asking=False)


@pytest.mark.slow
def test_a_day_of_gathers_ends_as_one_gather_of_everything(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, project = scene.day, scene.project
    now = BEGIN
    for hour in range(24):
        day.moods = {"skies": "enough"} if hour in (5, 6) else {"city": "down"} if hour in (9, 10) else {}
        scene.gather(now, **({"since": now - timedelta(days=2)} if hour == 12 else {}))
        day.hour(hour)
        now += HOUR
        assert {api.now for api in day.apis} == {now}
    assert {f"{n}: {what}" for n in day.open for what in ("written", "answered", "deleted")} <= set(day.did)
    assert {"toots: edited", "city: edited", "petitions: edited", "city: reopened"} <= set(day.did)
    assert {"toots: replied", "skies: replied", "city: ended", "petitions: ended"} <= set(day.did)
    assert len(day.deleted) >= 12

    # What the person saw in these hours.
    first, enough, down = scene.receipts[0], scene.receipts[5], scene.receipts[9]
    assert "discover was cut off (the 3 requests of this pass are used up)" in str(first["toots"].message)
    assert not first["toots"].is_complete
    assert re.search(
        r"cut off \(the server's limit is used up until 05:\d\d UTC\)", str(enough["skies"].message)
    )
    assert down["city"].result == "failed"
    assert "answered 500 Internal Server Error" in str(down["city"].message)
    for number, receipts in enumerate(scene.receipts):
        results = {name for name, r in receipts.items() if r.result == "failed"}
        assert results == ({"city"} if number in (9, 10) else set()), number

    # A day later, when what was deleted has been looked for, and those with few requests have had their turns.
    for _ in range(25):
        day.pass_time(HOUR)
        now += HOUR
    build_at(project.folder, now, monkeypatch)
    assert any(traces(project.folder / "build" / "site", *day.deleted))
    for _ in range(5):
        scene.gather(now)
        day.pass_time(HOUR)
        now += HOUR
    incremental = held(project.folder)

    fresh = Project(tmp_path / "fresh")
    fresh.agencies, fresh.sources = project.agencies, project.sources
    del fresh.sources[0]["requests"]
    whole = Scene(day, fresh)
    # The second finds the threads of what the first has found.
    for _ in range(2):
        whole.gather(now)
    full = held(fresh.folder)

    assert set(day.toots.public()) == set(full["toots"]) == set(incremental["toots"])
    assert set(day.skies.posts) == set(full["skies"]) == set(incremental["skies"])
    assert {str(n) for n in day.city.requests} == set(full["city"]) == set(incremental["city"])
    assert {str(n) for n in day.petitions.petitions} == set(full["petitions"])
    assert incremental["feedback"] == full["feedback"]
    for source in day.open:
        assert incremental[source] == full[source]
    assert full["feedback_update"].items() <= incremental["feedback_update"].items()
    more = [row for n, row in incremental["feedback_update"].items() if n not in full["feedback_update"]]
    assert {row["kind"] for row in more} <= HISTORY
    assert {"edited", "closed", "reopened", "replied"} <= {row["kind"] for row in more}

    # What people deleted is nowhere.
    build_at(project.folder, now, monkeypatch)
    assert traces(project.folder / "build", *day.deleted) == []
