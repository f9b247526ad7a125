"""The connector of Discourse, against its API on loopback and recorded answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.apis.discourse import DiscourseApi
from tests.apis.serving import Shelf, serving
from tests.gathering import Project

from answerable.errors import SourceError
from answerable.gather.sources.discourse import connector
from answerable.settings import load_settings

NOW = datetime(2026, 3, 10, 12, 0)  # noqa: DTZ001 (instants are UTC without a zone)
SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "discourse"


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


@pytest.fixture(params=["newer", "older"])
def api(request: pytest.FixtureRequest) -> DiscourseApi:
    return DiscourseApi(NOW, has_windows=request.param == "older")


@pytest.fixture
def server(api: DiscourseApi) -> Iterator[str]:
    with serving(api.handle) as address:
        yield address


def shelf(project: Project, server: str, environment: dict[str, str] | None = None, **source: Any) -> Shelf:
    project.add("discourse", server=server, allow_private_addresses=True, **source)
    with project.store():
        loaded = load_settings(project.folder)
    return Shelf(connector, loaded.sources[0], loaded, environment or {})


@pytest.fixture
def shelved(project: Project, server: str) -> Shelf:
    return shelf(project, server)


def test_posts_are_read_with_what_they_reply_to(api: DiscourseApi, shelved: Shelf, server: str) -> None:
    topic = api.open("ann", "The bin is full", "<p>R&amp;D street,<br>again</p>", ago(hours=4))
    api.post("bob", topic, "<p>Same</p><p>here</p>", ago(hours=3))
    api.post("city", topic, "<p>On our way</p>", ago(hours=2), reply_to=2)
    api.post("system", topic, "<p>closed</p>", ago(hours=1), post_type=3)
    assert shelved.run("discover", NOW)
    rows = shelved.rows()
    assert set(rows) == {f"{topic}/{n}" for n in (1, 2, 3)}
    assert rows[f"{topic}/1"] == {
        "created_at": ago(hours=4),
        "url": f"{server}/t/the-bin-is-full/{topic}/1",
        "title": "The bin is full",
        "text": "R&D street,\nagain",
        "author": f"ann@{server.removeprefix('http://')}",
        "reply_to_id": None,
        "conversation_id": f"{topic}/1",
    }
    assert [rows[f"{topic}/{n}"]["reply_to_id"] for n in (2, 3)] == [f"{topic}/1", f"{topic}/2"]
    assert (rows[f"{topic}/2"]["title"], rows[f"{topic}/2"]["text"]) == (None, "Same\nhere")


def test_the_words_of_others_are_left_out() -> None:
    from answerable.gather.live import Item

    cooked = (
        '<aside class="quote" data-post="1"><div class="title">ann:</div><blockquote><p>my secret</p></blockquote>'
        '</aside><p>I agree, <a class="mention" href="/u/city">@city</a></p><script>alert(1)</script>'
    )
    source: Any = type("Source", (), {"server": "https://forum.example"})
    (row,) = connector.rows(Item("7/2", {"cooked": cooked}), source)
    assert row.columns["text"] == "I agree, @city"


def test_all_pages_are_read_and_a_walk_that_was_cut_off_is_taken_up(
    api: DiscourseApi, shelved: Shelf
) -> None:
    topics = [api.open("ann", f"Topic {i}", "<p>text</p>", ago(minutes=500 - i)) for i in range(180)]
    assert not shelved.run("discover", NOW, budget=2)
    assert 90 <= len(shelved.items) <= 100
    topics.append(api.open("ann", "While nobody looked", "<p>text</p>"))
    assert shelved.run("discover", NOW + timedelta(hours=1))
    assert set(shelved.items) == {f"{t}/1" for t in topics}
    assert not [path for path, _ in api.requests if path.startswith("/t/")]


def test_identifiers_that_are_not_public_do_not_end_the_walk(api: DiscourseApi, shelved: Shelf) -> None:
    old = api.open("ann", "Old", "<p>text</p>", ago(days=9))
    api.skip(400)
    new = api.open("ann", "New", "<p>text</p>", ago(days=1))
    assert shelved.run("discover", NOW)
    assert set(shelved.items) == {f"{old}/1", f"{new}/1"}


def test_the_next_gather_goes_back_to_the_overlap_only(api: DiscourseApi, shelved: Shelf) -> None:
    for i in range(300):
        api.open("ann", f"Topic {i}", "<p>text</p>", ago(days=300 - i))
    assert shelved.run("discover", NOW)
    api.requests.clear()
    assert shelved.run("discover", NOW + timedelta(hours=1))
    assert len(api.requests) == 1


def test_a_reply_to_an_old_topic_brings_the_whole_conversation(api: DiscourseApi, shelved: Shelf) -> None:
    topic = api.open("ann", "Old topic", "<p>where?</p>", ago(days=400))
    for i in range(60):
        api.post("bob", topic, f"<p>{i}</p>", ago(days=300))
    api.skip(70)
    api.post("cat", topic, "<p>late</p>", ago(hours=1))
    assert shelved.run("discover", NOW, since=ago(days=2))
    assert set(shelved.items) == {f"{topic}/{n}" for n in range(1, 63)}
    assert "topics" not in shelved.cursor


def test_topics_that_are_still_to_be_read_are_remembered(api: DiscourseApi, shelved: Shelf) -> None:
    topics = [api.open("ann", f"Topic {i}", "<p>old</p>", ago(days=400)) for i in range(5)]
    fillers = [api.open("bob", f"Filler {i}", "<p>text</p>", ago(days=3)) for i in range(60)]
    for topic in topics:
        api.post("cat", topic, "<p>late</p>", ago(hours=1))
    assert not shelved.run("discover", NOW, since=ago(days=2), budget=4)
    assert shelved.cursor["topics"]
    assert shelved.run("discover", NOW)
    assert set(shelved.items) >= {f"{t}/{n}" for t in topics for n in (1, 2)}
    assert len(set(shelved.items) & {f"{t}/1" for t in fillers}) < 60
    assert "topics" not in shelved.cursor


def test_only_the_wanted_categories_and_those_below_them(
    api: DiscourseApi, project: Project, server: str
) -> None:
    found = shelf(project, server, categories=["roads"])
    api.open("ann", "General", "<p>text</p>", ago(hours=3), category=1)
    wanted = [api.open("ann", "Wanted", "<p>text</p>", ago(hours=2), category=c) for c in (2, 3)]
    assert found.run("discover", NOW)
    assert set(found.items) == {f"{t}/1" for t in wanted}


def test_a_category_that_is_not_there_is_an_error_that_names_the_others(
    api: DiscourseApi, project: Project, server: str
) -> None:
    api.open("ann", "General", "<p>text</p>")
    with pytest.raises(SourceError, match="names no category raods") as caught:
        shelf(project, server, categories=["raods"]).run("discover", NOW)
    assert "general, potholes, roads" in caught.value.remedy


def test_refresh_sees_edits_and_deletions_in_a_long_topic(api: DiscourseApi, shelved: Shelf) -> None:
    topic = api.open("ann", "Long topic", "<p>0</p>", ago(days=3))
    for i in range(2, 76):
        api.post("bob", topic, f"<p>{i}</p>", ago(days=2))
    assert shelved.run("discover", NOW)
    api.edit(topic, 50, "<p>fifty</p>", ago(hours=1))
    api.rebake(topic, 51)
    for number in (2, 40, 41, 75):
        api.delete(topic, number)
    api.hide(topic, 60)
    assert shelved.run("refresh", NOW, due=[f"{topic}/1", f"{topic}/9"])
    rows = shelved.rows()
    assert set(rows) == {f"{topic}/{n}" for n in range(1, 76) if n not in (2, 40, 41, 60, 75)}
    assert (rows[f"{topic}/50"]["text"], rows[f"{topic}/50"]["updated_at"]) == ("fifty", ago(hours=1))
    assert "updated_at" not in rows[f"{topic}/51"]
    # A topic is read once, however many of its posts are due.
    assert [path for path, _ in api.requests].count(f"/t/{topic}.json") == 1


def test_both_ways_to_read_a_post_say_the_same(api: DiscourseApi, shelved: Shelf) -> None:
    topic = api.open("ann", "A topic", "<p>text</p>", ago(days=1))
    api.post("bob", topic, "<p>reply</p>", ago(hours=1), reply_to=1)
    assert shelved.run("discover", NOW)
    before = shelved.rows()
    assert shelved.run("refresh", NOW, due=[f"{topic}/1"])
    assert shelved.rows() == before


@pytest.mark.parametrize("end", ["delete_topic", "close_topic"])
def test_a_topic_that_is_no_longer_for_everybody_is_gone(api: DiscourseApi, shelved: Shelf, end: str) -> None:
    topics = [api.open("ann", f"Topic {i}", "<p>text</p>", ago(days=1)) for i in range(2)]
    api.post("bob", topics[0], "<p>reply</p>", ago(hours=1))
    assert shelved.run("discover", NOW)
    getattr(api, end)(topics[0])
    assert shelved.run("sweep", NOW, unswept=list(shelved.items))
    assert set(shelved.items) == {f"{topics[1]}/1"}


def test_sweep_goes_on_in_a_topic_that_is_larger_than_the_budget(api: DiscourseApi, shelved: Shelf) -> None:
    topic = api.open("ann", "Long topic", "<p>0</p>", ago(days=3))
    for i in range(2, 120):
        api.post("bob", topic, f"<p>{i}</p>", ago(days=2))
    assert shelved.run("discover", NOW)
    api.delete(topic, 3)
    api.delete(topic, 90)
    api.delete(topic, 119)
    assert not shelved.run("sweep", NOW, unswept=[f"{topic}/{n}" for n in range(1, 120)], budget=3)
    assert f"{topic}/3" not in shelved.items
    assert f"{topic}/90" in shelved.items
    assert shelved.run("sweep", NOW, unswept=[f"{topic}/{n}" for n in range(62, 120)], budget=4)
    assert set(shelved.items) == {f"{topic}/{n}" for n in range(1, 119) if n not in (3, 90)}


def test_a_forum_that_wants_a_login_takes_nothing_out(project: Project) -> None:
    api = DiscourseApi(NOW, key="the-api-key-of-the-city")
    topic = api.open("ann", "A topic", "<p>text</p>", ago(days=1))
    with serving(api.handle) as address:
        closed = shelf(project, address)
        closed.items = {f"{topic}/1": {}}
        with pytest.raises(SourceError):
            closed.run("sweep", NOW, unswept=[f"{topic}/1"])
        assert set(closed.items) == {f"{topic}/1"}
        project.sources.clear()
        secrets = {"FORUM_KEY": "the-api-key-of-the-city", "FORUM_USER": "system"}
        opened = shelf(project, address, secrets, key_env="FORUM_KEY", user_env="FORUM_USER")
        assert opened.run("discover", NOW)
        assert set(opened.items) == {f"{topic}/1"}


@pytest.mark.parametrize("kept", [0, 1])
def test_an_answer_without_all_that_was_asked_for_takes_nothing_out(
    api: DiscourseApi, project: Project, kept: int
) -> None:
    topic = api.open("ann", "Long topic", "<p>0</p>", ago(days=3))
    for i in range(2, 50):
        api.post("bob", topic, f"<p>{i}</p>", ago(days=2))

    def handle(method: str, path: str, *rest: Any) -> tuple[int, dict[str, str], bytes]:
        if path.endswith("/posts.json") and path != "/posts.json":
            status, headers, content = api.handle(method, path, *rest)
            part = json.loads(content)
            part["post_stream"]["posts"] = part["post_stream"]["posts"][-kept:] if kept else []
            return status, headers, json.dumps(part).encode()
        return api.handle(method, path, *rest)

    with serving(handle) as address:
        found = shelf(project, address)
        assert found.run("discover", NOW)
        assert found.run("refresh", NOW, due=[f"{topic}/1"])
    assert len(found.items) == 49


@pytest.mark.parametrize(
    "body", [[], {"errors": ["no"]}, {"latest_posts": None}, {"post_stream": {"posts": {}}}]
)
@pytest.mark.parametrize("name", ["discover", "refresh", "sweep"])
def test_an_answer_that_is_none_takes_nothing_out(project: Project, body: object, name: str) -> None:
    answer = 200, {"content-type": "application/json"}, json.dumps(body).encode()
    with serving(lambda *_: answer) as address:
        found = shelf(project, address)
        found.items = {"7/1": {}}
        with pytest.raises(SourceError, match="as Discourse does"):
            found.run(name, NOW, due=["7/1"], unswept=["7/1"])
    assert set(found.items) == {"7/1"}


def test_broken_posts_are_counted_and_the_others_are_read(project: Project) -> None:
    posts = [
        {"id": 5, "topic_id": 7, "post_number": 1, "created_at": "never", "cooked": 5, "username": ["x"]},
        {"id": 4.0, "topic_id": 7.0, "post_number": 2},
        {"id": 3, "topic_id": 7},
        "no object",
    ]
    answer = 200, {"content-type": "application/json"}, json.dumps({"latest_posts": posts}).encode()
    with serving(lambda *_: answer) as address:
        found = shelf(project, address)
        assert found.run("discover", NOW)
    assert found.texts() == {"7/1": None}
    assert found.unreadable == 3


# -- recorded answers --------------------------------------------------------------------------------------------------


def recorded(name: str) -> Any:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("recorded answers of Discourse are not beside this checkout")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["posts_latest.json", "posts_before.json"])
def test_recorded_latest_posts_are_read(project: Project, name: str) -> None:
    body = recorded(name)

    def handle(_: str, path: str, query: str, *__: Any) -> tuple[int, dict[str, str], bytes]:
        value = body if not query else {"latest_posts": []}
        status = 404 if path.startswith("/t/") else 200
        return status, {"content-type": "application/json"}, json.dumps(value).encode()

    with serving(handle) as address:
        found = shelf(project, address)
        assert found.run("discover", NOW)
    _compare(found, body["latest_posts"])


def test_a_recorded_topic_is_read(project: Project) -> None:
    body = recorded("topic.json")
    answer = 200, {"content-type": "application/json"}, json.dumps(body).encode()
    with serving(lambda *_: answer) as address:
        found = shelf(project, address)
        assert found.run("refresh", NOW, due=["57/1"])
    posts = [p for p in body["post_stream"]["posts"] if p["post_type"] == 1]
    assert len(posts) == 3
    _compare(found, posts)
    assert found.rows()["57/1"]["title"] == body["title"]


def test_recorded_parts_and_categories_are_read(project: Project) -> None:
    part, categories = recorded("topic_posts.json"), recorded("categories.json")
    (post,) = part["post_stream"]["posts"]
    topic = {"id": 57, "title": "A", "slug": "some-topic-slug", "category_id": 2}
    first = {
        "id": 1,
        "topic_id": 57,
        "post_number": 1,
        "created_at": "2020-01-01T00:00:00.000Z",
        "cooked": "A",
    }
    topic |= {"post_stream": {"posts": [first], "stream": [1, post["id"]]}}
    latest = {"latest_posts": [first | {"category_id": 2}]}
    bodies = {
        "/t/57.json": topic,
        "/t/57/posts.json": part,
        "/categories.json": categories,
        "/posts.json": latest,
    }

    def handle(_: str, path: str, query: str, *__: Any) -> tuple[int, dict[str, str], bytes]:
        value = {"latest_posts": []} if query.startswith("before") else bodies[path]
        return 200, {"content-type": "application/json"}, json.dumps(value).encode()

    with serving(handle) as address:
        found = shelf(project, address, categories=["test2"])
        assert found.run("discover", NOW)
        assert found.run("refresh", NOW, due=["57/1"])
    assert set(found.items) == {"57/1", "57/2"}
    assert found.texts()["57/2"] == "Some text."


def _compare(found: Shelf, posts: list[dict[str, Any]]) -> None:
    rows = found.rows()
    assert set(rows) == {f"{p['topic_id']}/{p['post_number']}" for p in posts}
    for post in posts:
        row = rows[f"{post['topic_id']}/{post['post_number']}"]
        at = datetime.fromisoformat(post["created_at"]).astimezone(UTC).replace(tzinfo=None)
        assert row["created_at"] == at
        assert row["author"].startswith(f"{post['username']}@127.0.0.1:")
        assert ("updated_at" in row) == (post["version"] > 1)
        assert row["url"].endswith(f"/t/{post['topic_slug']}/{post['topic_id']}/{post['post_number']}")
        above = post["reply_to_post_number"] or 1
        assert row["reply_to_id"] == (f"{post['topic_id']}/{above}" if post["post_number"] > 1 else None)
        words = re.findall(r"[A-Za-z]{4,}", re.sub(r"<[^>]+>|&\w+;", " ", post["cooked"]))
        assert re.findall(r"[A-Za-z]{4,}", row["text"] or "") == words
