"""The connector of X, against its API on loopback, tweepy's reading of the same answers, and recorded answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import tweepy  # type: ignore[import-untyped]
from tests.apis.serving import Shelf, serving
from tests.apis.x import XApi
from tests.gathering import Project

from answerable.errors import SourceError
from answerable.gather.sources.x import connector
from answerable.settings import load_settings

NOW = datetime(2026, 3, 10, 12, 0)  # noqa: DTZ001 (instants are UTC without a zone)
SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "x_api_v2"


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


@pytest.fixture
def api() -> XApi:
    return XApi(NOW)


@pytest.fixture
def server(api: XApi) -> Iterator[str]:
    with serving(api.handle) as address:
        yield address


def shelf(project: Project, server: str, **source: Any) -> Shelf:
    settings = source or {"queries": ["#OurCity -is:retweet"]}
    project.add("x", server=server, allow_private_addresses=True, **settings)
    with project.store():
        loaded = load_settings(project.folder)
    return Shelf(connector, loaded.sources[0], loaded, {"X_BEARER_TOKEN": "the-bearer-token"})


@pytest.fixture
def shelved(project: Project, server: str) -> Shelf:
    return shelf(project, server)


def test_a_search_brings_posts_with_what_they_reply_to_and_what_began_the_conversation(
    api: XApi, shelved: Shelf
) -> None:
    root = api.add("ann", "the bin is full again", ago(days=20))
    middle = api.add("bob", "same here", ago(days=19), reply_to=root)
    reply = api.add("cat", "@bob here too #OurCity", ago(days=1), reply_to=middle)
    assert shelved.run("discover", NOW)
    rows = shelved.rows()
    assert set(rows) == {root, middle, reply}
    assert rows[reply] == {
        "created_at": ago(days=1),
        "lang": "en",
        "url": f"https://x.com/i/web/status/{reply}",
        "text": "@bob here too #OurCity",
        "author": "cat",
        "is_repost": False,
        "mentions": "bob",
        "hashtags": "ourcity",
        "reply_to_id": middle,
        "conversation_id": root,
    }
    assert (rows[middle]["reply_to_id"], rows[root]["reply_to_id"], rows[root]["author"]) == (
        root,
        None,
        "ann",
    )


def test_long_posts_are_whole_and_entities_are_characters(api: XApi, shelved: Shelf) -> None:
    cut = api.add(
        "ann", "short &amp; #OurCity", note="much longer &lt;b&gt; &amp; more #OurCity #Trees @cityworks"
    )
    assert shelved.run("discover", NOW)
    row = shelved.rows()[cut]
    assert row["text"] == "much longer <b> & more #OurCity #Trees @cityworks"
    assert (row["hashtags"], row["mentions"]) == ("ourcity trees", "cityworks")


def test_all_pages_are_read_and_a_walk_that_was_cut_off_is_taken_up(api: XApi, shelved: Shelf) -> None:
    ids = {api.add("ann", f"#OurCity number {i}", ago(minutes=i)) for i in range(250)}
    assert not shelved.run("discover", NOW, budget=2)
    assert len(shelved.items) == 200
    new = api.add("ann", "#OurCity while nobody looked", NOW)
    assert shelved.run("discover", NOW + timedelta(hours=1))
    assert set(shelved.items) == ids | {new}
    starts = {asked["start_time"] for _, asked in api.requests}
    assert min(starts) >= (ago(days=7)).isoformat()


def test_a_page_token_that_is_no_longer_known_loses_nothing(api: XApi, shelved: Shelf) -> None:
    ids = {api.add("ann", f"#OurCity number {i}", ago(minutes=i)) for i in range(150)}
    assert not shelved.run("discover", NOW, budget=1)
    api.refused_tokens = {token for name, token in shelved.cursor.items() if name.endswith(".token")}
    # The token is refused once, as one that has expired; the same place may be given again later.
    assert len(api.refused_tokens) == 1
    old = next(iter(api.refused_tokens))
    shelved.cursor = {n: "b26v89c-expired" if v == old else v for n, v in shelved.cursor.items()}
    api.refused_tokens = {"b26v89c-expired"}
    assert shelved.run("discover", NOW)
    assert set(shelved.items) == ids


def test_the_next_gather_asks_only_for_what_is_newer_with_an_overlap(api: XApi, shelved: Shelf) -> None:
    api.add("ann", "#OurCity old", ago(days=5))
    assert shelved.run("discover", NOW)
    api.now = NOW + timedelta(hours=1)
    assert shelved.run("discover", api.now)
    assert api.requests[-1][1]["start_time"] == f"{ago(hours=48).isoformat()}Z"


def test_an_edit_is_a_revision_under_the_first_identifier(api: XApi, shelved: Shelf) -> None:
    first = api.add("ann", "a hoel #OurCity", ago(hours=3))
    assert shelved.run("discover", NOW)
    assert shelved.texts() == {first: "a hoel #OurCity"}
    second = api.edit(first, "a hole #OurCity", ago(hours=2))
    reply = api.add("bob", "which street? #OurCity", ago(hours=1), reply_to=second)
    assert shelved.run("discover", NOW)
    rows = shelved.rows()
    assert set(rows) == {first, reply}
    assert rows[first]["text"] == "a hole #OurCity"
    assert (rows[first]["created_at"], rows[first]["updated_at"]) == (ago(hours=3), ago(hours=2))
    assert rows[first]["conversation_id"] == first
    assert (rows[reply]["reply_to_id"], rows[reply]["conversation_id"]) == (first, first)


def test_a_reply_to_an_old_version_does_not_bring_the_old_text_back(api: XApi, shelved: Shelf) -> None:
    first = api.add("ann", "a hoel", ago(hours=3))
    api.add("bob", "which street? #OurCity", ago(hours=2), reply_to=first)
    api.edit(first, "a hole", ago(hours=1))
    assert shelved.run("discover", NOW)
    assert shelved.texts()[first] == "a hole"


def test_reposts_are_flagged_and_quotes_are_no_replies(api: XApi, project: Project, server: str) -> None:
    found = shelf(project, server, queries=["#OurCity"])
    own = api.add("ann", "look #OurCity")
    repost = api.add("bob", "RT @ann: look #OurCity", retweet_of=own)
    quote = api.add("cat", "this #OurCity", quote_of=own)
    assert found.run("discover", NOW)
    rows = found.rows()
    assert {i: row["is_repost"] for i, row in rows.items()} == {own: False, repost: True, quote: False}
    assert rows[quote]["reply_to_id"] is None


def test_official_accounts_are_searched_as_many_at_once_as_fit(
    api: XApi, project: Project, server: str
) -> None:
    accounts = [f"office_{i:02d}" for i in range(30)]
    found = shelf(project, server, accounts=accounts)
    ask = api.add("ann", "@office_17 where is it?", ago(hours=2))
    answer = api.add("office_17", "on its way", ago(hours=1), reply_to=ask)
    api.add("bob", "nothing to do with it")
    api.add("bob", "RT @office_03: a repost", retweet_of=answer)
    assert found.run("discover", NOW)
    assert set(found.items) == {ask, answer}
    queries = [asked["query"] for path, asked in api.requests if path.endswith("recent")]
    assert 1 < len(queries) < 10
    assert max(map(len, queries)) <= 512
    assert all(any(f"from:{a} OR to:{a} OR @{a}" in q for q in queries) for a in accounts)


def test_refresh_finds_late_replies_edits_and_deletions(api: XApi, shelved: Shelf) -> None:
    roots = [api.add("ann", f"#OurCity {i}", ago(days=2, minutes=i)) for i in range(40)]
    assert shelved.run("discover", NOW)
    answer = api.add("cityworks", "we are on it", ago(hours=1), reply_to=roots[7])
    second = api.edit(roots[9], "#OurCity and more", ago(hours=1))
    late = api.add("cityworks", "thank you", ago(minutes=5), reply_to=second)
    api.delete(roots[3])
    api.requests.clear()
    assert shelved.run("refresh", NOW, due=roots)
    rows = shelved.rows()
    assert set(rows) == {*roots, answer, late} - {roots[3]}
    assert rows[roots[9]]["text"] == "#OurCity and more"
    assert (rows[answer]["reply_to_id"], rows[late]["reply_to_id"]) == (roots[7], roots[9])
    assert (rows[answer]["conversation_id"], rows[late]["conversation_id"]) == (roots[7], roots[9])
    # One request for the posts, one for the newest version, and conversations many at once.
    assert len(api.requests) <= 7
    assert all(len(asked.get("query", "")) <= 512 for _, asked in api.requests)


def test_sweep_takes_out_what_was_deleted_protected_or_never_there(api: XApi, shelved: Shelf) -> None:
    ids = [api.add(("ann", "bob")[i % 2], f"#OurCity {i}", ago(minutes=i)) for i in range(120)]
    assert shelved.run("discover", NOW)
    api.delete(ids[0])
    api.protect("bob")
    api.edit(ids[2], "#OurCity changed")
    api.requests.clear()
    assert shelved.run("sweep", NOW, unswept=[*ids, "no number"])
    assert set(shelved.items) == set(ids[2::2])
    assert shelved.texts()[ids[2]] == "#OurCity changed"
    assert [path for path, _ in api.requests].count("/2/tweets") == 2


def answering(body: object) -> Any:
    def handle(*_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"content-type": "application/json"}, json.dumps(body).encode()

    return handle


PROBLEM = "https://api.twitter.com/2/problems/"


@pytest.mark.parametrize(
    "body",
    [
        {
            "errors": [
                {"title": "Operational disconnect", "detail": "Try later", "type": f"{PROBLEM}operational"}
            ]
        },
        {"errors": [{"title": "Not Found Error", "value": "5", "type": f"{PROBLEM}resource-not-found"}]},
        {},
        {"data": {"id": "1", "text": "one"}},
        [],
    ],
)
def test_a_search_that_gives_errors_and_no_posts_is_no_empty_search(project: Project, body: object) -> None:
    with (
        serving(answering(body)) as address,
        pytest.raises(SourceError, match="/2/tweets/search/recent gave no posts"),
    ):
        shelf(project, address).run("discover", NOW)


def test_only_errors_that_say_so_take_a_post_out(project: Project) -> None:
    errors = [
        {"value": "11", "parameter": "ids", "title": "Strange", "type": f"{PROBLEM}strange"},
        {"value": "12", "parameter": "referenced_tweets.id", "title": "Not Found Error"},
        {"value": "13", "parameter": "ids", "title": "Not Found Error"},
        {"value": "14", "parameter": "ids", "title": "Authorization Error"},
        {"value": "15", "parameter": "ids", "title": "Forbidden", "type": f"{PROBLEM}resource-not-found"},
        {
            "value": "16",
            "parameter": "ids",
            "title": "Forbidden",
            "type": f"{PROBLEM}not-authorized-for-resource",
        },
    ]
    data = [{"id": "12", "text": "still there", "created_at": "2026-03-01T00:00:00.000Z"}]
    with serving(answering({"data": data, "errors": errors})) as address:
        found = shelf(project, address)
        found.items = {i: {"tweet": {"id": i}} for i in map(str, range(11, 17))}
        assert found.run("sweep", NOW, unswept=list(found.items))
    assert set(found.items) == {"11", "12"}
    assert found.unreadable == 1


def test_posts_that_are_none_are_counted_and_the_others_are_read(project: Project) -> None:
    data = [
        {"id": 1578516295611748353.0, "text": "an identifier that has lost digits"},
        {
            "id": 1578516295611748353,
            "text": "one as a number",
            "created_at": "2026-03-10T00:00:00.000Z",
            "lang": "und",
        },
        {"text": "none"},
        "no object",
        {
            "id": "1578516295611748999",
            "text": ["a list"],
            "created_at": "yesterday",
            "referenced_tweets": "none",
        },
    ]
    with serving(answering({"data": data, "meta": {"result_count": 5}})) as address:
        found = shelf(project, address)
        assert found.run("discover", NOW)
    assert found.texts() == {"1578516295611748353": "one as a number", "1578516295611748999": None}
    assert found.unreadable == 3


def test_settings_want_something_to_look_for(project: Project) -> None:
    with pytest.raises(Exception, match="give queries or accounts"):
        shelf(project, "http://127.0.0.1:1", accounts=[])


# -- tweepy reads the same answers -------------------------------------------------------------------------------------


class _Nearby(requests.Session):
    """Sends tweepy's requests to the server on loopback."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.trust_env = False

    def request(self, method: str, url: str, *args: Any, **more: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, url.replace("https://api.twitter.com", self.address), *args, **more)


def test_tweepy_reads_the_same(api: XApi, shelved: Shelf, server: str) -> None:
    root = api.add("ann", "&lt;hello&gt; #OurCity", ago(days=3))
    api.add("cityworks", "@ann thank you #OurCity", ago(days=2), reply_to=root)
    api.edit(api.add("bob", "edited #OurCity", ago(days=1)), "edited twice #OurCity", ago(hours=20))
    assert shelved.run("discover", NOW)
    client = tweepy.Client("the-bearer-token")
    client.session.close()
    client.session = _Nearby(server)
    fields = ["author_id", "conversation_id", "created_at", "referenced_tweets"]
    response = client.search_recent_tweets(
        "#OurCity", max_results=100, tweet_fields=fields, expansions=["author_id"], user_fields=["username"]
    )
    client.session.close()
    names = {user.id: user.username for user in response.includes["users"]}
    rows = shelved.rows()
    assert len(response.data) == len(rows) == 3
    for tweet in response.data:
        row = rows[str(tweet.edit_history_tweet_ids[0])]
        parents = [str(r.id) for r in tweet.referenced_tweets or [] if r.type == "replied_to"]
        versions = {str(i) for i in tweet.edit_history_tweet_ids}
        assert row["text"].replace("<", "&lt;").replace(">", "&gt;") == tweet.text
        assert row["author"] == names[tweet.author_id]
        assert row.get("updated_at", row["created_at"]) == tweet.created_at.replace(tzinfo=None)
        assert row["reply_to_id"] == (parents[0] if parents else None)
        assert row["conversation_id"] == str(tweet.conversation_id) or str(tweet.conversation_id) in versions


# -- recorded answers --------------------------------------------------------------------------------------------------


def recorded() -> list[Path]:
    return sorted([*SAMPLES.glob("*.jsonl"), *SAMPLES.glob("*search*.json")])


def test_recorded_answers_are_read(project: Project) -> None:
    if not recorded():
        pytest.skip("recorded answers of X are not beside this checkout")
    total = 0
    for path in recorded():
        text = path.read_text(encoding="utf-8")
        for body in [json.loads(text)] if path.suffix == ".json" else map(json.loads, text.splitlines()):
            total += _compare(project, body)
    assert total > 200


def _compare(project: Project, body: Mapping[str, Any]) -> int:
    """What the connector makes of one answer, beside tweepy's and the answer's own values."""
    once = {**body, "meta": {"result_count": len(body["data"])}}
    project.sources.clear()
    with serving(answering(once)) as address:
        found = shelf(project, address)
        assert found.run("discover", NOW)
    rows = found.rows()
    names = {user["id"]: user["username"] for user in body.get("includes", {}).get("users", [])}
    newest = {t["edit_history_tweet_ids"][-1] for t in body["data"] if "edit_history_tweet_ids" in t}
    for data in body["data"]:
        # Answers from before posts could be edited lack what tweepy expects of every post.
        tweet = tweepy.Tweet({"edit_history_tweet_ids": [data["id"]], **data})
        history = [str(i) for i in tweet.edit_history_tweet_ids] or [data["id"]]
        if newest and data["id"] != history[-1]:
            continue
        row = rows[history[0]]
        assert row["url"].endswith(f"/{tweet.id}")
        assert row["author"] == names.get(data.get("author_id"))
        if tweet.created_at:
            written = tweet.created_at.astimezone(UTC).replace(tzinfo=None)
            assert row.get("updated_at", row["created_at"]) == written
        kinds = {r.type: str(r.id) for r in tweet.referenced_tweets or []}
        assert row["is_repost"] == ("retweeted" in kinds)
        parent = kinds.get("replied_to")
        versions = {
            t["id"]: t.get("edit_history_tweet_ids", [t["id"]])
            for t in body.get("includes", {}).get("tweets", [])
        }
        assert row["reply_to_id"] == (versions.get(parent, [parent])[0] if parent else None)
        plain = data["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
        assert row["text"] == plain
        tags = [h["tag"].lower() for h in data.get("entities", {}).get("hashtags", [])]
        assert (row["hashtags"] or "").split() == list(dict.fromkeys(tags))
    return len(body["data"])
