"""Telegram channels through snscrape, which is a program on disk here: a real process that says what a test wants."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.apis.serving import serving

from answerable.errors import SourceError
from answerable.gather.http import BudgetSpent
from answerable.gather.live import Batch, Held, Item
from answerable.gather.sources.snscrape import connector
from answerable.gather.sources.snscrape_archive import post_columns
from answerable.live_settings import SnscrapeSource

NOW = datetime.fromisoformat("2026-03-01T12:00")
SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "snscrape_jsonl"
REAL = os.environ.get("ANSWERABLE_TEST_SNSCRAPE_PYTHON", "")
"""An interpreter with snscrape, to try the real program against a page on loopback."""

SETTINGS: dict[str, Any] = {
    "id": "channel",
    "name": "Channel",
    "connector": "snscrape",
    "licence": {"name": "CC0"},
    "publish_rows": True,
    "names": ["citychannel"],
}

FAKE = """#!{python}
import json, os, subprocess, sys, time
from datetime import datetime, timezone

program, *words = sys.argv[2:]
assert sys.argv[1] == "-c" and "snscrape._cli" in program
name = words[-1]
given = dict(zip(words[1:-2:2], words[2:-2:2]))
with open({log!r}, "a") as log:
    log.write(json.dumps({{"words": words, "environment": sorted(os.environ), "pid": os.getpid()}}) + "\\n")
count = int(given["--max-results"])
since = given.get("--since")
{body}
"""

PRINT = """
posts = json.load(open({posts!r})).get(name, [])
for post in posts[:count]:
    if since and post["date"] < since.replace(" ", "T"):
        break
    print(json.dumps(post), flush=True)
"""


class Client:
    """As much of a client as the connector uses."""

    now = NOW

    def __init__(self, budget: int = 100) -> None:
        self.budget = budget
        self.spent: list[str] = []

    def spend(self, address: str) -> None:
        if len(self.spent) == self.budget:
            raise BudgetSpent("used up")
        self.spent.append(address)


def post(
    number: int, *, channel: str = "CityChannel", text: str | None = None, day: int = 1
) -> dict[str, Any]:
    return {
        "_type": "snscrape.modules.telegram.TelegramPost",
        "url": f"https://t.me/s/{channel}/{number}",
        "date": f"2026-02-{day:02}T08:00:00+00:00",
        "content": text if text is not None else f"Post {number} #works",
        "outlinks": [],
        "linkPreview": None,
        "_snscrape": "0.7.0.20230622",
    }


class World:
    """A fake program, what it prints, and what is held."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "python3.9"
        self.log = folder / "log"
        self.items: dict[str, Item] = {}
        self.cursor: dict[str, str] = {}
        self.client = Client()
        self.source = SnscrapeSource.model_validate({**SETTINGS, "interpreter": str(self.program)})
        self.does(PRINT)
        self.shows()

    def does(self, body: str) -> None:
        text = FAKE.format(
            python=os.path.realpath("/proc/self/exe"),
            log=str(self.log),
            body=body.replace("{posts!r}", repr(str(self.folder / "posts.json"))),
        )
        self.program.write_text(text)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def shows(self, *posts: dict[str, Any], **others: Iterable[dict[str, Any]]) -> None:
        """What the channel holds now, the newest first."""
        (self.folder / "posts.json").write_text(json.dumps({"citychannel": posts, **others}))

    def set(self, **values: Any) -> None:
        self.source = SnscrapeSource.model_validate(self.source.model_dump() | values)

    def run(self, name: str = "discover", now: datetime = NOW, **held: Any) -> list[Batch]:
        what = Held(now, cursor=dict(self.cursor), ids=frozenset(self.items), **held)
        batches: list[Batch] = []
        passes: dict[str, Callable[..., Iterable[Batch]]] = {
            "discover": connector.discover,
            "refresh": connector.refresh,
            "sweep": connector.sweep,
        }
        for batch in passes[name](self.client, self.source, None, what):
            batches.append(batch)
            self.items |= {i.record_id: i for i in batch.items}
            for gone in batch.gone:
                del self.items[gone]
            self.cursor |= batch.cursor
        return batches

    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_posts_become_rows(world: World) -> None:
    world.shows(post(12), post(11, text="Lamp out &amp; dark\nsince Monday", day=2))
    (batch,) = world.run()
    assert [i.record_id for i in batch.items] == ["CityChannel/12", "CityChannel/11"]
    (row,) = connector.rows(batch.items[1], world.source)
    assert row.record_id == "CityChannel/11"
    assert row.columns["text"] == "Lamp out & dark\nsince Monday"
    assert row.columns["created_at"] == datetime.fromisoformat("2026-02-02T08:00")
    assert row.columns["author"] == "CityChannel"
    assert row.columns["url"] == "https://t.me/CityChannel/11"
    assert set(row.columns) <= set(connector.mapped)
    (first,) = connector.rows(batch.items[0], world.source)
    assert "hashtags" not in first.columns


def test_it_gets_nothing_of_our_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASTODON_TOKEN", "HTTPS_PROXY", "PYTHONPATH", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "a-secret")
    world.shows(post(1))
    world.run()
    (run,) = world.runs()
    assert set(run["environment"]) <= {
        "HOME", "LANG", "LC_CTYPE", "PATH", "PYTHONIOENCODING", "TMPDIR",
    }  # fmt: skip
    assert run["words"] == ["--jsonl", "--max-results", "2000", "telegram-channel", "citychannel"]


def test_a_later_reading_goes_back_as_far_as_the_overlap(world: World) -> None:
    world.shows(post(1))
    world.run()
    world.shows(post(3, day=28), post(2, day=27), post(1))
    world.run(now=NOW + timedelta(hours=1))
    words = world.runs()[-1]["words"]
    assert words[words.index("--since") + 1] == "2026-02-27 12:00:00"
    world.run(since=datetime.fromisoformat("2025-01-02T03:04"))
    words = world.runs()[-1]["words"]
    assert words[words.index("--since") + 1] == "2025-01-02 03:04:00"


def test_the_first_day_and_the_greatest_number(world: World) -> None:
    world.set(max_items=2)
    world.shows(*(post(n, day=n) for n in range(9, 0, -1)))
    world.run(floor=datetime.fromisoformat("2026-02-05T00:00"))
    words = world.runs()[-1]["words"]
    assert words[words.index("--since") + 1] == "2026-02-05 00:00:00"
    assert sorted(world.items) == ["CityChannel/8", "CityChannel/9"]


def test_a_post_that_is_missing_between_others_is_gone(world: World) -> None:
    world.shows(*(post(n) for n in range(9, 0, -1)))
    world.run()
    world.shows(*(post(n) for n in (9, 8, 6, 5)))
    later = NOW + timedelta(days=8)
    (batch,) = world.run("sweep", now=later, unswept=sorted(world.items))
    # Those older than the oldest that was read may be there or not.
    assert batch.gone == ["CityChannel/7"]
    # What could not be reached stays unswept, and is not asked for at every gather.
    assert world.run("sweep", now=later, unswept=sorted(world.items)) == []
    assert world.run("sweep", now=later + timedelta(days=8), unswept=sorted(world.items))


def test_other_channels_and_passes_are_left_alone(world: World) -> None:
    world.items["Another/5"] = Item("Another/5", {})
    world.shows(*(post(n) for n in (9, 2)))
    assert world.run()[0].gone == []
    assert world.run("sweep", unswept=["Another/5"]) == []
    assert world.run("refresh") == []


def test_lines_that_are_no_posts_are_counted(world: World) -> None:
    world.does("""
print("not json")
print(json.dumps({"_type": "snscrape.modules.telegram.Channel", "username": "citychannel"}))
print(json.dumps({"_type": "snscrape.modules.telegram.TelegramPost", "url": "https://t.me/s/citychannel"}))
print("[" * 100000)
print(json.dumps([1]))
print(json.dumps({"_type": "snscrape.modules.telegram.TelegramPost", "url": "https://t.me/s/a/1", "date": 3}))
print("")
""")
    (batch,) = world.run()
    assert ([i.record_id for i in batch.items], batch.unreadable) == (["a/1"], 5)
    (row,) = connector.rows(batch.items[0], world.source)
    assert row.bad == {"created_at": "3"}


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def mistake(world: World) -> str:
    with pytest.raises(SourceError) as raised:
        world.run()
    return str(raised.value)


def test_a_channel_that_does_not_exist(world: World) -> None:
    world.does("print('2026-03-01 WARNING No public post list for this user', file=sys.stderr)")
    assert "no such channel citychannel" in mistake(world)
    world.does("sys.exit('snscrape.base.ScraperException: Got status code 404')")
    assert "no such channel citychannel" in mistake(world)


def test_no_post_at_all_is_a_mistake_and_nothing_newer_is_none(world: World) -> None:
    assert "found no post in the channel citychannel" in mistake(world)
    world.shows(post(1))
    world.run()
    (batch,) = world.run(now=NOW + timedelta(days=30))
    assert (batch.items, batch.gone) == ((), [])
    world.shows()
    assert "found no post" in mistake(world)


def test_one_that_fails_holds_up_no_other(world: World) -> None:
    world.set(names=["gone", "citychannel"])
    world.shows(post(1))
    assert "the channel gone" in mistake(world)
    assert list(world.items) == ["CityChannel/1"]
    assert list(world.cursor) == ["read.citychannel"]


def test_one_that_breaks_off_keeps_what_it_printed_and_takes_nothing_away(world: World) -> None:
    world.shows(*(post(n) for n in range(5, 0, -1)))
    world.run()
    world.cursor.clear()
    world.shows(post(5, text="Edited"), post(2))
    world.does(PRINT + "\nsys.exit('snscrape.base.ScraperException: 4 requests failed, giving up.')")
    assert "4 requests failed" in mistake(world)
    assert len(world.items) == 5
    assert world.items["CityChannel/5"].payload["content"] == "Edited"
    assert world.cursor == {}


def test_one_that_hangs_is_ended_with_all_that_it_started(world: World) -> None:
    world.shows(post(1))
    world.set(time_limit_minutes=1.5 / 60)
    child = world.folder / "child"
    world.does(
        PRINT
        + f"""
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(child)!r}, "w").write(str(child.pid))
time.sleep(600)
"""
    )
    text = mistake(world)
    assert "took too long" in text
    assert "time_limit_minutes" in text
    assert list(world.items) == ["CityChannel/1"]
    for pid in (world.runs()[0]["pid"], int(child.read_text())):
        assert is_ended(pid)


def is_ended(pid: int) -> bool:
    """Whether a process is gone, or waits only to be counted by its parent."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


def test_one_that_prints_too_much_is_ended(world: World) -> None:
    world.set(max_megabytes=0.1)
    world.does("""
number = 0
while True:
    number += 1
    url = "https://t.me/s/citychannel/%d" % number
    print(json.dumps({"_type": "snscrape.modules.telegram.TelegramPost", "url": url, "content": "x" * 500}))
""")
    text = mistake(world)
    assert "printed too much" in text
    assert "max_megabytes" in text
    assert 100 < len(world.items) < 200
    assert is_ended(world.runs()[0]["pid"])


def test_one_that_talks_without_end_does_not_block(world: World) -> None:
    world.shows(post(1))
    world.does("sys.stderr.write('warning ' * 200000)\n" + PRINT)
    assert len(world.run()[0].items) == 1


def test_an_interpreter_that_is_not_there(world: World) -> None:
    world.set(interpreter=str(world.folder / "nothing"))
    text = mistake(world)
    assert "cannot be started" in text
    assert "Python 3.8 to 3.11" in text
    assert "snscrape_archive" in text


def test_an_interpreter_that_cannot_import_it(world: World) -> None:
    world.does("exec(program)")
    text = mistake(world)
    assert "does not run under" in text
    assert "snscrape_archive" in text


def test_this_python_cannot_import_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.does("exec(program)")
    monkeypatch.setattr("sys.executable", str(world.program))
    world.set(interpreter=None)
    assert "does not run under this Python (3." in mistake(world)


@pytest.mark.parametrize("name", ["../x", "a b", "--progress", ""])
def test_a_name_that_is_none_is_not_passed_on(world: World, name: str) -> None:
    world.set(names=[name])
    assert "no channel's name" in mistake(world)
    assert not world.log.exists()


def test_each_process_counts_as_a_request(world: World) -> None:
    world.set(names=["citychannel", "other"])
    world.shows(post(1), other=[post(1, channel="other")])
    world.client = Client(budget=1)
    with pytest.raises(BudgetSpent):
        world.run()
    assert world.client.spent == ["https://t.me/s/citychannel"]
    assert list(world.items) == ["CityChannel/1"]


# -- the real program --------------------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><html><body><main class="tgme_main">
<div class="tgme_widget_message" data-post="CityChannel/{n}">
 <div class="tgme_widget_message_user"><a href="https://t.me/CityChannel"><i></i></a></div>
 <div class="tgme_widget_message_text">Lamp {n} out &amp; dark <a href="https://city.example/">more</a></div>
 <div class="tgme_widget_message_footer"><a class="tgme_widget_message_date" href="https://t.me/CityChannel/{n}">
  <time datetime="2026-02-0{n}T08:00:00+00:00">8:00</time></a></div></div>
{more}</main></body></html>"""

REROUTED = """#!{python}
import sys
program, *words = sys.argv[2:]
sys.argv = ["snscrape", *words]
import requests
send = requests.Session.send
def rerouted(self, request, **options):
    asked = request.url
    request.url = asked.replace("https://t.me", {address!r})
    answer = send(self, request, **options)
    answer.url = answer.url.replace({address!r}, "https://t.me")
    return answer
requests.Session.send = rerouted
exec(program)
"""


@pytest.mark.skipif(not REAL, reason="ANSWERABLE_TEST_SNSCRAPE_PYTHON names no Python with snscrape")
def test_the_real_program(world: World) -> None:
    def handle(method: str, path: str, query: str, *_: Any) -> tuple[int, dict[str, str], bytes]:
        if path == "/s/missing":
            return 302, {"Location": "/missing"}, b""
        if path == "/missing":
            return 200, {"Content-Type": "text/html"}, b"<html></html>"
        if path != "/s/citychannel":
            return 404, {}, b"nothing"
        more = '<a class="tme_messages_more" data-before="2" href="/s/citychannel?before=2"></a>'
        n, link = ("1", "") if query else ("2", more)
        return 200, {"Content-Type": "text/html"}, PAGE.format(n=n, more=link).encode()

    with serving(handle) as address:
        world.program.write_text(REROUTED.format(python=REAL, address=address))
        world.run()
        assert sorted(world.items) == ["CityChannel/1", "CityChannel/2"]
        (row,) = connector.rows(world.items["CityChannel/2"], world.source)
        assert row.columns["text"] == "Lamp 2 out & dark more"
        assert row.columns["created_at"] == datetime.fromisoformat("2026-02-02T08:00")
        for name in ("missing", "nothing"):
            world.set(names=[name])
            assert f"no such channel {name}" in mistake(world)


# -- twscrape's dialect, in archives -----------------------------------------------------------------------------------


def tweet(**values: Any) -> dict[str, Any]:
    """A tweet as twscrape writes it."""
    user = {
        "id": 7,
        "id_str": "7",
        "username": "ana",
        "displayname": "Ana",
        "_type": "snscrape.modules.twitter.User",
    }
    return {
        "id": 1768953236864545029,
        "id_str": "1768953236864545029",
        "url": "https://x.example/ana/status/1768953236864545029",
        "date": "2026-03-16 10:51:31+00:00",
        "user": user,
        "lang": "es",
        "rawContent": "Farola rota &amp; oscuro @CityStreets #Luz",
        "conversationId": 1768953236864545000,
        "conversationIdStr": "1768953236864545000",
        "hashtags": ["Luz"],
        "mentionedUsers": [{"id": 9, "username": "CityStreets", "_type": "snscrape.modules.twitter.UserRef"}],
        "retweetedTweet": None,
        "inReplyToTweetId": 1768953236864545001,
        "inReplyToTweetIdStr": "1768953236864545001",
        "inReplyToUser": {"id": 8, "username": "Bo", "_type": "snscrape.modules.twitter.UserRef"},
        "media": {"photos": [{"url": "https://x.example/a.jpg"}], "videos": [], "animated": []},
        "_type": "snscrape.modules.twitter.Tweet",
    } | values


EXPECTED = {
    "record_id": "1768953236864545029",
    "url": "https://x.example/ana/status/1768953236864545029",
    "text": "Farola rota & oscuro @CityStreets #Luz",
    "created_at": datetime.fromisoformat("2026-03-16T10:51:31"),
    "hashtags": "luz",
    "author": "ana",
    "lang": "es",
    "is_repost": False,
    "mentions": "citystreets bo",
    "reply_to_id": "1768953236864545001",
    "conversation_id": "1768953236864545000",
}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {}),
        # Its numbers went through a table of floats; the texts beside them did not.
        ({"id": 1.768953236864545e18, "conversationId": 1.768953236864545e18}, {}),
        ({"inReplyToTweetIdStr": None, "inReplyToTweetId": float("nan")}, {"reply_to_id": None}),
        ({"conversationIdStr": None, "conversationId": 1.7e18}, {"conversation_id": None}),
        ({"date": "2026-03-16 11:51:31+01:00"}, {}),
        ({"_type": None}, {}),
        ({"retweetedTweet": {"id": 1, "_type": "snscrape.modules.twitter.Tweet"}}, {"is_repost": True}),
        ({"hashtags": [{"text": "Luz", "indices": [1, 4]}]}, {}),
        ({"lang": "qme"}, {"lang": None}),
        ({"mentionedUsers": {}, "inReplyToUser": []}, {"mentions": None}),
    ],
)
def test_twscrape(values: dict[str, Any], expected: dict[str, Any]) -> None:
    found = post_columns(tweet(**values))
    assert found == (EXPECTED | expected, {})


@pytest.mark.parametrize("kind", ["User", "UserRef", "Trend", "Tombstone"])
def test_what_twscrape_writes_beside_tweets_is_no_post(kind: str) -> None:
    assert post_columns({"_type": f"snscrape.modules.twitter.{kind}", "id": 7}) is None


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded lines are not beside the project")
def test_recorded_lines() -> None:
    found: dict[str, Any] = {}
    for name in ("real_archive_lines.jsonl", "generated_by_snscrape_0.7.0.jsonl"):
        for line in (SAMPLES / name).read_text("utf-8").splitlines():
            read = post_columns(json.loads(line))
            if read is not None:
                assert read[1] == {}
                found[read[0]["record_id"]] = read[0]
    assert {"kvartiri_tbilisi2023/86190", "1768953236864545029", "1", "2", "city/1"} <= found.keys()
    assert found["1768953236864545029"]["created_at"] == datetime.fromisoformat("2024-03-16T10:51:31")
    assert found["1768953236864545029"]["conversation_id"] == "1768953236864545029"
    assert found["2"]["reply_to_id"] == "1"
