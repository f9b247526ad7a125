"""The connector of Reddit, against its API on loopback and recorded answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.apis.reddit import RedditApi
from tests.apis.serving import Shelf, serving
from tests.gathering import Project

from answerable.errors import SettingsError, SourceError
from answerable.gather.sources.reddit import connector
from answerable.settings import load_settings

NOW = datetime(2026, 3, 10, 12, 0)  # noqa: DTZ001 (instants are UTC without a zone)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "reddit"
LOGIN = {"REDDIT_CLIENT_ID": "the-client-id", "REDDIT_CLIENT_SECRET": "the-client-secret"}


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


@pytest.fixture
def api() -> RedditApi:
    return RedditApi(NOW)


@pytest.fixture
def server(api: RedditApi) -> Iterator[str]:
    with serving(api.handle) as address:
        yield address


def shelf(project: Project, server: str, **source: Any) -> Shelf:
    base = {"subreddits": ["r/ourcity"], "is_approved": True, "server": server, "login_server": server}
    project.add("reddit", allow_private_addresses=True, **{**base, **source})
    with project.store():
        loaded = load_settings(project.folder)
    return Shelf(connector, loaded.sources[0], loaded, LOGIN)


@pytest.fixture
def shelved(project: Project, server: str) -> Shelf:
    return shelf(project, server)


def test_it_is_off_unless_reddit_has_approved_it(project: Project) -> None:
    for source in ({}, {"is_approved": False}):
        project.sources.clear()
        project.add("reddit", subreddits=["ourcity"], **source)
        with project.store():
            pass
        with pytest.raises(SettingsError, match="is_approved"):
            load_settings(project.folder)


def test_submissions_become_posts(api: RedditApi, shelved: Shelf) -> None:
    name = api.submit("ann", "The bin is full", "R&D street, <again>", ago(hours=3))
    api.edit(name, "R&D street, <again> and again", ago(hours=1))
    assert shelved.run("discover", NOW)
    assert shelved.rows() == {
        name: {
            "created_at": ago(hours=3),
            "updated_at": ago(hours=1),
            "url": f"https://www.reddit.com/r/ourcity/comments/{name[3:]}/slug/",
            "title": "The bin is full",
            "text": "R&D street, <again> and again",
            "author": "u/ann",
            "is_repost": False,
            "reply_to_id": None,
            "conversation_id": name,
        }
    }
    assert all(asked.get("raw_json") == "1" for path, asked in api.requests if path != "/api/v1/access_token")


def test_all_pages_are_read_and_a_walk_that_was_cut_off_is_taken_up(api: RedditApi, shelved: Shelf) -> None:
    names = {api.submit("ann", f"number {i}", at=ago(minutes=i)) for i in range(250)}
    assert not shelved.run("discover", NOW, budget=3)  # one of them logs in
    assert len(shelved.items) == 200
    new = api.submit("ann", "while nobody looked")
    assert shelved.run("discover", NOW + timedelta(hours=1))
    assert set(shelved.items) == names | {new}


def test_a_place_in_the_list_that_is_gone_loses_nothing(api: RedditApi, shelved: Shelf) -> None:
    names = {api.submit("ann", f"number {i}", at=ago(hours=i)) for i in range(150)}
    assert not shelved.run("discover", NOW, budget=2)
    place = next(value for name, value in shelved.cursor.items() if name.endswith(".token"))
    api.vanish(place)
    assert shelved.run("discover", NOW)
    assert set(shelved.items) == names


def test_only_what_a_search_finds(api: RedditApi, project: Project, server: str) -> None:
    found = shelf(project, server, queries=["bin"])
    name = api.submit("ann", "The bin is full", at=ago(hours=1))
    api.submit("ann", "What a nice day", at=ago(hours=1))
    assert found.run("discover", NOW)
    assert set(found.items) == {name}
    path, asked = api.requests[-1]
    assert path == "/r/ourcity/search"
    assert (asked["restrict_sr"], asked["sort"]) == ("1", "new")


def test_a_token_that_has_run_out_is_renewed(api: RedditApi, shelved: Shelf) -> None:
    api.token_uses = 2
    names = {api.submit("ann", f"number {i}", at=ago(minutes=i)) for i in range(450)}
    assert shelved.run("discover", NOW)
    assert set(shelved.items) == names
    assert api.logins == 3


def test_a_login_that_fails_says_what_to_check(api: RedditApi, shelved: Shelf) -> None:
    api.client = ("another", "client")
    with pytest.raises(SourceError) as caught:
        shelved.run("discover", NOW)
    assert "the-client-secret" not in str(caught.value)


def test_a_login_without_a_token_says_what_to_check(project: Project) -> None:
    body = json.dumps({"error": "unsupported_grant_type"}).encode()
    with serving(lambda *_: (200, {"content-type": "application/json"}, body)) as address:
        found = shelf(project, address)
        with pytest.raises(SourceError, match="/api/v1/access_token gave no token"):
            found.run("discover", NOW)


def test_refresh_reads_the_whole_tree_through_its_stubs(project: Project) -> None:
    api = RedditApi(NOW, shown=10, depth=3)
    root = api.submit("ann", "The bin is full", at=ago(days=2))
    names = {root}
    parents = {}
    deep = root
    for i in range(12):
        parent, deep = deep, api.comment("bob", f"deeper {i}", deep, ago(days=1))
        parents[deep] = parent
    for i in range(230):
        parents[api.comment("cat", f"broad {i}", root, ago(hours=1))] = root
    names |= set(parents)
    with serving(api.handle) as address:
        found = shelf(project, address)
        assert found.run("refresh", NOW, due=[root])
    rows = found.rows()
    assert set(rows) == names
    assert {name: row["reply_to_id"] for name, row in rows.items() if name != root} == parents
    assert {row["conversation_id"] for row in rows.values()} == {root}
    assert {path for path, _ in api.requests} >= {"/api/morechildren"}
    assert not any("replies" in payload["data"] for payload in found.items.values())


def test_a_thread_that_is_larger_than_the_budget_does_not_hold_up_the_others(project: Project) -> None:
    api = RedditApi(NOW, shown=10)
    root = api.submit("ann", "The bin is full", at=ago(days=2))
    for i in range(500):
        api.comment("cat", f"broad {i}", root, ago(hours=1))
    with serving(api.handle) as address:
        found = shelf(project, address)
        assert not found.run("refresh", NOW, due=[root], budget=3)
    # The root was looked at, so that it goes to the end of the line.
    assert root in found.items
    assert len(found.items) == 111


def test_a_conversation_below_an_agencys_own_submission(api: RedditApi, shelved: Shelf) -> None:
    top = api.submit("citystreets", "We repair roads", at=ago(days=2))
    ask = api.comment("ann", "mine too?", top, ago(days=1))
    answer = api.comment("citystreets", "yes", ask, ago(hours=2))
    assert shelved.run("discover", NOW)
    assert shelved.run("refresh", NOW, due=[ask])
    rows = shelved.rows()
    assert set(rows) == {top, ask, answer}
    assert (rows[answer]["author"], rows[answer]["reply_to_id"]) == ("u/citystreets", ask)


def test_what_was_deleted_or_removed_is_gone_and_what_an_account_left_stays(
    api: RedditApi, shelved: Shelf
) -> None:
    root = api.submit("ann", "The bin is full", at=ago(days=2))
    comments = [api.comment(who, f"by {who}", root, ago(days=1)) for who in ("bob", "cat", "dan", "eve")]
    other = api.submit("ann", "Another", at=ago(days=2))
    removed = api.submit("ann", "Spam", at=ago(days=2))
    assert shelved.run("discover", NOW)
    assert shelved.run("refresh", NOW, due=[root, other])
    assert len(shelved.items) == 7
    api.delete(comments[0])
    api.remove(comments[1])
    api.leave("dan")
    api.remove(removed)
    assert shelved.run("refresh", NOW, due=[root])
    api.vanish(comments[3])
    assert shelved.run("sweep", NOW, unswept=[*shelved.items, "strange"])
    rows = shelved.rows()
    assert set(rows) == {root, comments[2], other}
    assert (rows[comments[2]]["author"], rows[comments[2]]["text"]) == (None, "by dan")
    api.vanish(other)
    assert shelved.run("refresh", NOW, due=[other])
    assert other not in shelved.items


def test_what_is_first_seen_removed_is_not_kept(api: RedditApi, shelved: Shelf) -> None:
    root = api.submit("ann", "The bin is full", at=ago(days=2))
    api.remove(api.comment("bob", "spam", root, ago(days=1)))
    assert shelved.run("refresh", NOW, due=[root])
    assert set(shelved.items) == {root}


def test_sweep_asks_for_a_hundred_at_once(api: RedditApi, shelved: Shelf) -> None:
    names = [api.submit("ann", f"number {i}", at=ago(minutes=i)) for i in range(230)]
    assert shelved.run("discover", NOW)
    api.requests.clear()
    assert shelved.run("sweep", NOW, unswept=names)
    assert [path for path, _ in api.requests] == ["/api/v1/access_token", *["/api/info"] * 3]


LISTING = {"kind": "Listing", "data": {"after": None, "children": []}}


@pytest.mark.parametrize(
    "body", [{"error": 403}, [], {"kind": "Listing"}, {"kind": "t3", "data": {"children": []}}]
)
@pytest.mark.parametrize("name", ["discover", "refresh", "sweep"])
def test_an_answer_that_is_none_takes_nothing_out(project: Project, body: object, name: str) -> None:
    def handle(_: str, path: str, *__: object) -> tuple[int, dict[str, str], bytes]:
        value = {"access_token": "a-token-of-theirs"} if path.endswith("access_token") else body
        return 200, {"content-type": "application/json"}, json.dumps(value).encode()

    with serving(handle) as address:
        found = shelf(project, address)
        found.items = {"t3_abc": {}}
        with pytest.raises(SourceError, match="did not answer with"):
            found.run(name, NOW, due=["t3_abc"], unswept=["t3_abc"])
    assert set(found.items) == {"t3_abc"}


def test_broken_things_are_counted_and_the_others_are_read(project: Project) -> None:
    good = {"name": "t3_good", "title": "Good", "created_utc": "yesterday", "edited": True, "selftext": 5}
    huge = {"name": "t3_huge", "title": "Huge", "created_utc": 1e300, "permalink": "javascript:alert(1)"}
    children: list[object] = [
        {"kind": "t3", "data": good},
        {"kind": "t3", "data": huge},
        {"kind": "t3", "data": {"name": 5.5}},
        {"kind": "t3", "data": {"name": "t3_../../x"}},
        {"kind": "t5", "data": {"name": "t5_sub"}},
        "no object",
        None,
    ]

    def handle(_: str, path: str, *__: object) -> tuple[int, dict[str, str], bytes]:
        listing = {"kind": "Listing", "data": {"after": None, "children": children}}
        value = {"access_token": "a-token-of-theirs"} if path.endswith("access_token") else listing
        return 200, {"content-type": "application/json"}, json.dumps(value).encode()

    with serving(handle) as address:
        found = shelf(project, address)
        assert found.run("discover", NOW)
    rows = found.rows()
    assert {name: row["created_at"] for name, row in rows.items()} == {"t3_good": None, "t3_huge": None}
    assert (rows["t3_good"]["updated_at"], rows["t3_good"]["text"], rows["t3_huge"]["url"]) == (
        None,
        None,
        None,
    )
    assert found.unreadable == 5


# -- recorded answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("TestSubredditListings.test_new_1.json", "discover"),
        ("TestSubreddit.test_search_1.json", "discover"),
        ("TestSubmission.test_comments_1.json", "refresh"),
    ],
)
def test_recorded_answers_are_read(project: Project, file: str, name: str) -> None:
    path = SAMPLES / file
    if not path.exists():
        pytest.skip("recorded answers of Reddit are not beside this checkout")
    body = json.loads(path.read_text(encoding="utf-8"))

    def handle(_: str, path: str, query: str, *__: object) -> tuple[int, dict[str, str], bytes]:
        value = {"access_token": "a-token-of-theirs"} if path.endswith("access_token") else body
        value = LISTING if "after=" in query else value
        return 200, {"content-type": "application/json"}, json.dumps(value).encode()

    with serving(handle) as address:
        found = shelf(project, address)
        assert found.run(name, NOW, due=["t3_2gmzqe"])
    rows = found.rows()
    written = _written(body)
    assert set(rows) == set(written)
    for one, data in written.items():
        row = rows[one]
        assert row["created_at"] == EPOCH + timedelta(seconds=data["created_utc"])
        assert row["updated_at"] == (EPOCH + timedelta(seconds=data["edited"]) if data["edited"] else None)
        assert (row["text"] or "") == data.get("body", data.get("selftext")).strip()
        assert row["title"] == data.get("title")
        assert row["author"] == f"u/{data['author']}"
        assert (row["reply_to_id"], row["conversation_id"]) == (
            data.get("parent_id"),
            data.get("link_id", one),
        )
        assert row["url"].startswith("https://www.reddit.com/")


def _written(value: Any) -> dict[str, Any]:
    """All submissions and comments of an answer, wherever they stand."""
    if isinstance(value, list):
        return {k: v for part in value for k, v in _written(part).items()}
    if not isinstance(value, dict):
        return {}
    below = {k: v for part in value.values() for k, v in _written(part).items()}
    return below | ({value["data"]["name"]: value["data"]} if value.get("kind") in ("t1", "t3") else {})
