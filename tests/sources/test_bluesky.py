"""The connector to Bluesky: on a network in memory, on recorded answers, and beside another reader of the same API."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apis.bluesky import BlueskyNetwork
from tests.apis.serving import Shelf, serving

from answerable.errors import SourceError
from answerable.gather.live import Item
from answerable.gather.sources.bluesky import connector
from answerable.live_settings import BlueskySource
from answerable.settings import Agency, Service, Settings, Site, Topic

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import atproto  # type: ignore[import-untyped]
    from atproto import models

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "bluesky"
LOGIN = {"A_HANDLE": "reader.example", "A_PASSWORD": "an-app-password"}
HALL = "cityhall.example"


def settings_of(*accounts: str) -> Settings:
    site = Site(
        name="Test",
        description="A test",
        url="https://feedback.example",
        publisher="Nobody",
        contact="a@b.example",
    )
    return Settings(
        project=Path(),
        site=site,
        agencies=(Agency(code="hall", name="City Hall", accounts=accounts),),
        services=(Service(code="roads", name="Roads"),),
        topics=(Topic(code="potholes", name="Potholes", service="roads"),),
        sources=(),
    )


def source_of(server: str, **said: Any) -> BlueskySource:
    base: dict[str, Any] = {
        "id": "skies",
        "name": "Skies",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "connector": "bluesky",
        "server": server,
        "login_server": server,
        "handle_env": "A_HANDLE",
        "password_env": "A_PASSWORD",
        "queries": ["#CityFeedback"],
        "allow_private_addresses": True,
    }
    return BlueskySource(**base | said)


@pytest.fixture
def api() -> BlueskyNetwork:
    return BlueskyNetwork()


@pytest.fixture
def address(api: BlueskyNetwork) -> Iterator[str]:
    with serving(api.handle) as found:
        yield found


def shelf_of(address: str, *accounts: str, **said: Any) -> Shelf:
    return Shelf(connector, source_of(address, **said), settings_of(*accounts), LOGIN)


def fill(api: BlueskyNetwork, count: int, *, minutes: float = 20, who: str = "person") -> list[str]:
    uris = []
    for i in range(count):
        uris.append(api.post(f"{who}{i % 7}.example", f"Pothole {i} #CityFeedback"))
        api.pass_time(minutes=minutes)
    return uris


def public(api: BlueskyNetwork) -> dict[str, str]:
    return {uri: post.text for uri, post in api.posts.items()}


def asked(api: BlueskyNetwork, method: str) -> int:
    return sum(name == method for name, _ in api.asked)


# -- new posts ---------------------------------------------------------------------------------------------------------


def test_a_search_reads_everything_once_and_then_what_is_new(api: BlueskyNetwork, address: str) -> None:
    fill(api, 350)
    api.post("eve.example", "About something else")
    shelf = shelf_of(address)
    assert shelf.run("discover", api.now)
    assert len(shelf.items) == 350
    api.asked.clear()
    fill(api, 3)
    assert shelf.run("discover", api.now)
    assert len(shelf.items) == 353
    # Two days of three posts an hour fill two pages; a third shows that there is nothing but old ones.
    assert asked(api, "app.bsky.feed.searchPosts") == 3


@pytest.mark.parametrize("budget", [3, 4, 6])
def test_a_gather_that_is_cut_off_goes_on_where_it_was(
    api: BlueskyNetwork, address: str, budget: int
) -> None:
    fill(api, 350)
    for i in range(150):
        api.post(HALL, f"News {i}")
        api.pass_time(minutes=10)
    shelf = shelf_of(address, HALL, page_size=30)
    for _ in range(60 // budget):
        api.pass_time(minutes=30)
        api.post("bob.example", f"At {api.now} #CityFeedback")
        shelf.run("discover", api.now, budget=budget)
    shelf.run("discover", api.now)
    assert shelf.texts() == public(api)


def test_a_search_that_takes_no_deeper_place_goes_on_by_time(api: BlueskyNetwork, address: str) -> None:
    api.search_cap = 200
    fill(api, 650)
    shelf = shelf_of(address)
    assert shelf.run("discover", api.now, budget=20)
    assert shelf.texts() == public(api)


def test_the_login_is_kept_in_memory_and_renewed(api: BlueskyNetwork, address: str) -> None:
    fill(api, 150)
    shelf = shelf_of(address)
    # Every token is too old as soon as it is used; a new one is asked for once for each search.
    api.token_minutes = 0
    with pytest.raises(SourceError, match="refused the search: ExpiredToken"):
        shelf.run("discover", api.now)
    assert asked(api, "com.atproto.server.createSession") == 1
    assert asked(api, "com.atproto.server.refreshSession") == 1

    def renewing(method: str, path: str, query: str, headers: Any, body: bytes) -> Any:
        answer = api.handle(method, path, query, headers, body)
        if path.endswith("searchPosts"):
            api.pass_time(hours=3)
        return answer

    api.token_minutes = 60
    for api.can_refresh in (True, False):
        api.asked.clear()
        with serving(renewing) as other:
            again = shelf_of(other, page_size=60)
            assert again.run("discover", api.now)
        assert again.texts() == public(api)
        assert asked(api, "com.atproto.server.refreshSession") == 2
        assert asked(api, "com.atproto.server.createSession") == (1 if api.can_refresh else 3)
        assert "eyJ" not in json.dumps([again.cursor, again.items])


def test_a_refused_login_names_the_variables_and_no_secret(api: BlueskyNetwork, address: str) -> None:
    api.password = "another"
    with pytest.raises(SourceError, match="refused the login") as caught:
        shelf_of(address).run("discover", api.now)
    assert "A_PASSWORD" in str(caught.value)
    assert "an-app-password" not in str(caught.value)


def test_official_accounts_are_read_without_a_login(api: BlueskyNetwork, address: str) -> None:
    root = api.post("ann.example", "The lamp is out")
    middle = api.post("bob.example", "Here too", reply_to=root)
    deep = api.post("eve.example", "And here", reply_to=middle)
    official = api.post(HALL, "On our way", reply_to=deep)
    alone = api.post(HALL, "Sorry", reply_to="at://did:plc:gone/app.bsky.feed.post/1")
    for i in range(210):
        api.pass_time(minutes=1)
        api.repost(HALL, api.post("far.example", f"Not about us {i}"))
    newest = api.post(HALL, "Newest")
    shelf = shelf_of(address, HALL, queries=[], handle_env=None, password_env=None)
    shelf.run("discover", api.now)
    assert set(shelf.items) == {root, deep, official, alone, newest}
    row = shelf.rows()[official]
    assert (row["reply_to_id"], row["conversation_id"], row["author"]) == (deep, root, HALL)
    assert not any("session" in name.lower() for name, _ in api.asked)
    shelf.run("refresh", api.now, due=[root])
    assert middle in shelf.items


def test_what_an_official_post_in_a_search_replied_to_is_held(api: BlueskyNetwork, address: str) -> None:
    roots = [api.post("ann.example", f"The lamp is out {i}") for i in range(30)]
    replies = [api.post(HALL, "Done #CityFeedback", reply_to=root) for root in roots]
    shelf = shelf_of(address, HALL, accounts=[])
    shelf.run("discover", api.now)
    assert set(shelf.items) == {*roots, *replies}
    assert asked(api, "app.bsky.feed.getPosts") == 2


def test_who_asked_not_to_be_shown_is_not_taken(api: BlueskyNetwork, address: str) -> None:
    shown = fill(api, 2)
    api.post("ann.example", "#CityFeedback quietly")
    api.label("ann.example", "!no-unauthenticated")
    api.post("bob.example", "#CityFeedback taken down", labels=("!takedown",))
    api.post("eve.example", "#CityFeedback hidden", labels=("!hide", "spam"))
    shown.append(api.post("joe.example", "#CityFeedback rude", labels=("rude",)))
    api.post("far.example", "#CityFeedback blocked")
    api.block("far.example", LOGIN["A_HANDLE"])
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    assert set(shelf.items) == set(shown)
    api.label("joe.example", "!no-unauthenticated")
    shelf.run("sweep", api.now, unswept=list(shelf.items))
    assert set(shelf.items) == set(shown[:2])
    hidden = api._view(next(p for p in api.posts.values() if "hidden" in p.text))
    assert not list(connector.rows(Item(hidden["uri"], hidden), shelf.source))


def test_accounts_that_look_like_handles_are_followed(api: BlueskyNetwork, address: str) -> None:
    own = api.post(HALL, "Here")
    shelf = shelf_of(address, HALL, "hall@social.example", "CityHall", queries=[])
    shelf.run("discover", api.now)
    assert set(shelf.items) == {own}
    with pytest.raises(SourceError, match="nothing to read"):
        shelf_of(address, "hall@social.example", queries=[]).run("discover", api.now)


def test_an_account_that_is_gone_is_told_and_the_rest_is_read(api: BlueskyNetwork, address: str) -> None:
    fill(api, 3)
    shelf = shelf_of(address, "nobody.example")
    shelf.run("discover", api.now)
    assert len(shelf.items) == 3
    assert any("nobody.example" in warning for warning in shelf.warnings)
    with pytest.raises(SourceError, match=r"does not know nobody\.example"):
        shelf_of(address, "nobody.example", queries=[]).run("discover", api.now)


def test_since_and_floor_say_how_far_back(api: BlueskyNetwork, address: str) -> None:
    fill(api, 300, minutes=60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now, since=api.now - timedelta(hours=90))
    assert len(shelf.items) == 200
    shelf.run("discover", api.now)
    assert shelf.texts() == public(api)
    short = shelf_of(address)
    short.run("discover", api.now, floor=api.now - timedelta(hours=30))
    assert len(short.items) == 30


# -- what is held ------------------------------------------------------------------------------------------------------


def test_late_replies_edits_and_deletions_are_seen(api: BlueskyNetwork, address: str) -> None:
    roots = fill(api, 40)
    shelf = shelf_of(address, HALL)
    shelf.run("discover", api.now)
    api.pass_time(days=20)
    reply = api.post(HALL, "Done", reply_to=roots[3])
    api.post("ann.example", "Thank you", reply_to=reply)
    lost = api.post("bob.example", "Wrong", reply_to=roots[4])
    api.post("eve.example", "Why?", reply_to=lost)
    shelf.run("refresh", api.now, due=roots)
    assert shelf.texts() == public(api)
    api.posts[roots[5]].text = "Changed #CityFeedback"
    api.delete(roots[7])
    api.delete(lost)
    api.post("joe.example", "Yes", reply_to=roots[4])
    api.asked.clear()
    assert shelf.run("refresh", api.now, due=roots)
    assert shelf.texts() == public(api)
    # Two for all forty, one for the one that is missing, two for the conversations.
    assert len(api.asked) == 5


def test_a_conversation_that_was_cut_short_is_asked_for_again(api: BlueskyNetwork, address: str) -> None:
    root = parent = api.post("ann.example", "Root #CityFeedback")
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    for i in range(45):
        parent = api.post("bob.example", f"Deeper {i}", reply_to=parent)
        api.post("eve.example", f"Beside {i}", reply_to=parent)
    shelf.run("refresh", api.now, due=[root])
    assert shelf.texts() == public(api)


def test_the_sweep_finds_what_was_deleted_and_believes_no_single_silence(
    api: BlueskyNetwork, address: str
) -> None:
    uris = fill(api, 60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    api.delete(uris[2])
    api.hidden = {uris[3]}
    shelf.run("sweep", api.now, unswept=uris)
    assert set(uris) - set(shelf.items) == {uris[2]}


def test_what_two_people_hide_from_each_other_stays(api: BlueskyNetwork, address: str) -> None:
    root = api.post("ann.example", "Root #CityFeedback")
    reply = api.post("bob.example", "Reply #CityFeedback", reply_to=root)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    api.block("ann.example", "bob.example")
    shelf.run("refresh", api.now, due=[root])
    assert set(shelf.items) == {root, reply}


def test_a_page_of_another_kind_deletes_nothing() -> None:
    for status, body in ((400, b"<html>no</html>"), (400, b'{"message": "?"}'), (200, b'{"posts": {}}')):

        def strange(*_: Any, status: int = status, body: bytes = body) -> tuple[int, dict[str, str], bytes]:
            return status, {"Content-Type": "application/json"}, body

        with serving(strange) as address:
            shelf = shelf_of(address)
            shelf.items = {"at://did:plc:a/app.bsky.feed.post/1": {}}
            for name in ("refresh", "sweep"):
                with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
                    shelf.run(name, datetime(2026, 3, 1), due=list(shelf.items), unswept=list(shelf.items))  # noqa: DTZ001
            assert shelf.items


def test_an_address_that_the_server_cannot_read_holds_nobody_up(api: BlueskyNetwork) -> None:
    good = api.post("ann.example", "Root #CityFeedback")
    reply = api.post("bob.example", "Reply", reply_to=good)

    def strict(method: str, path: str, query: str, headers: Any, body: bytes) -> Any:
        if "broken" in query:
            error = {"error": "InvalidRequest", "message": "uri must be a valid at-uri"}
            return 400, {"Content-Type": "application/json"}, json.dumps(error).encode()
        return api.handle(method, path, query, headers, body)

    with serving(strict) as address:
        shelf = shelf_of(address)
        shelf.items = {"at://broken": {}, good: {}}
        shelf.run("refresh", api.now, due=["at://broken", good])
    assert set(shelf.items) == {"at://broken", good, reply}
    assert shelf.checked == ["at://broken"]


def test_a_day_in_the_life_ends_as_a_full_gather(api: BlueskyNetwork, address: str) -> None:
    chance = random.Random(12)
    fill(api, 60, minutes=90)
    api.account(HALL)
    shelf = shelf_of(address, HALL)
    for _ in range(24):
        shelf.run("discover", api.now, budget=8)
        due = [uri for uri, row in shelf.rows().items() if row["reply_to_id"] is None]
        chance.shuffle(due)
        shelf.run("refresh", api.now, due=due, budget=9)
        for _ in range(6):
            api.pass_time(minutes=10)
            what = chance.random()
            there = list(api.posts)
            if what < 0.5:
                api.post(f"p{chance.randrange(9)}.example", f"New at {api.now} #CityFeedback")
            elif what < 0.85:
                who = chance.choice([HALL, "ann.example", "bob.example"])
                api.post(who, f"Reply at {api.now}", reply_to=chance.choice(there))
            else:
                api.delete(chance.choice(there))
    for _ in range(2):
        shelf.run("discover", api.now)
        shelf.run("refresh", api.now, due=list(shelf.items))
        shelf.run("sweep", api.now, unswept=list(shelf.items))
    full = shelf_of(address, HALL)
    full.run("discover", api.now)
    for _ in range(3):
        full.run("refresh", api.now, due=list(full.items))
    assert set(full.items) <= set(shelf.items) <= set(api.posts)


# -- rows --------------------------------------------------------------------------------------------------------------


def row_of(api: BlueskyNetwork, uri: str) -> Any:
    (row,) = connector.rows(Item(uri, api._view(api.posts[uri])), source_of("https://x.example"))
    return row


def test_a_row_says_what_the_post_said(api: BlueskyNetwork) -> None:
    root = api.post("Ann.example", "Root")
    uri = api.post(
        "Bob.Example",
        "Löcher 🕳 @CityHall.example site.example/lo… and here #Lamps",
        reply_to=root,
        langs=("de", "en"),
        links={"site.example/lo…": "https://www.site.example/long/way", "here": "https://other.example/"},
        extra={"tags": ["Roads", "#lamps"]},
    )
    row = row_of(api, uri)
    assert row.columns == {
        "record_id": uri,
        "created_at": api.now,
        "lang": "de",
        "url": f"https://bsky.app/profile/bob.example/post/{uri.rpartition('/')[2]}",
        "text": "Löcher 🕳 @CityHall.example https://www.site.example/long/way and here #Lamps",
        "author": "bob.example",
        "mentions": "cityhall.example",
        "hashtags": "lamps roads",
        "reply_to_id": root,
        "conversation_id": root,
    }
    assert set(row.columns) == set(connector.mapped)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-03-01T09:30:00.000Z", "2026-03-01T09:30:00"),
        ("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00"),
        ("2026-03-02T11:00:00Z", "2026-03-02T11:00:00"),
        ("2026-03-02T13:00:00Z", "2026-03-01T12:00:00"),
        ("2099-01-01T00:00:00Z", "2026-03-01T12:00:00"),
        ("yesterday", "2026-03-01T12:00:00"),
        ("", "2026-03-01T12:00:00"),
    ],
)
def test_a_clock_that_is_wrong_is_not_believed(api: BlueskyNetwork, said: str, expected: str) -> None:
    uri = api.post("ann.example", "Root")
    api.posts[uri].created_at = said
    assert row_of(api, uri).columns["created_at"] == datetime.fromisoformat(expected)


def test_a_handle_that_does_not_prove_to_be_its_own_is_not_taken_for_a_name(api: BlueskyNetwork) -> None:
    uri = api.post("handle.invalid", "Root")
    row = row_of(api, uri)
    assert row.columns["author"] == api.account("handle.invalid")


def test_a_time_that_nobody_can_read_is_told() -> None:
    post = {"author": {"did": "did:plc:a"}, "record": {"createdAt": "soon"}, "indexedAt": 5}
    (row,) = connector.rows(Item("at://did:plc:a/app.bsky.feed.post/1", post), source_of("https://x.example"))
    assert "created_at" not in row.columns
    assert row.bad == {"created_at": "soon"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
spans = st.fixed_dictionaries(
    {"byteStart": st.integers(-2, 30) | json_values, "byteEnd": st.integers(-2, 30)}
)
features = st.sampled_from(["link", "tag", "mention"]).flatmap(
    lambda kind: st.fixed_dictionaries(
        {
            "$type": st.just(f"app.bsky.richtext.facet#{kind}"),
            "uri": st.text(),
            "tag": json_values,
            "did": json_values,
        }
    )
)
records = st.fixed_dictionaries(
    {"text": st.text() | json_values},
    optional={
        "facets": st.lists(
            st.fixed_dictionaries({"index": spans, "features": st.lists(features, max_size=2)})
        ),
        "langs": json_values,
        "tags": json_values,
        "reply": json_values,
        "createdAt": json_values,
        "labels": json_values,
    },
)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"record": records | json_values},
        optional={"author": json_values, "indexedAt": json_values, "labels": json_values},
    )
)
def test_rows_take_whatever_comes(payload: dict[str, Any]) -> None:
    for row in connector.rows(Item("at://did:plc:a/x/1", payload), source_of("https://x.example")):
        assert set(row.columns) <= set(connector.mapped)
        assert all(v is None or isinstance(v, str | datetime) for v in row.columns.values())


def test_broken_items_are_counted_and_the_others_read(api: BlueskyNetwork) -> None:
    good = api._view(api.posts[api.post("ann.example", "Root #CityFeedback")])
    items = [
        good,
        7,
        {**good, "uri": 1.5e18},
        {**good, "record": None},
        {**good, "uri": "https://x.example/"},
    ]

    def page(method: str, path: str, *rest: Any) -> Any:
        if path.endswith("searchPosts"):
            # The same page and another place for ever.
            page.count += 1  # type: ignore[attr-defined]
            found = json.dumps({"posts": items, "cursor": str(page.count)})  # type: ignore[attr-defined]
            return 200, {}, found.encode()
        return api.handle(method, path, *rest)

    page.count = 0  # type: ignore[attr-defined]
    with serving(page) as address:
        shelf = shelf_of(address)
        assert shelf.run("discover", api.now, budget=50)
    assert set(shelf.items) == {good["uri"]}
    assert shelf.unreadable == 8


# -- beside another reader ---------------------------------------------------------------------------------------------


def agree(theirs: Any, ours: dict[str, Any]) -> None:
    record = theirs.record
    assert ours["record_id"] == theirs.uri
    assert ours["author"] == theirs.author.handle.lower()
    assert ours["text"] == (record.text.strip() or None)
    assert ours["created_at"] == datetime.fromisoformat(record.created_at).replace(tzinfo=None)
    assert ours["lang"] == (record.langs[0] if record.langs else None)
    assert ours["reply_to_id"] == (record.reply.parent.uri if record.reply else None)
    assert ours["conversation_id"] == (record.reply.root.uri if record.reply else None)
    found = [feature for facet in record.facets or () for feature in facet.features]
    tags = [f.tag.lower() for f in found if isinstance(f, models.AppBskyRichtextFacet.Tag)]
    assert (ours["hashtags"] or "").split() == list(dict.fromkeys(tags))
    mentions = [f for f in found if isinstance(f, models.AppBskyRichtextFacet.Mention)]
    assert len((ours["mentions"] or "").split()) == len(mentions)


def posts_in(node: Any) -> list[Any]:
    """The posts of a thread as the other reader gives it."""
    if not isinstance(node, models.AppBskyFeedDefs.ThreadViewPost):
        return []
    return [node.post, *(p for reply in node.replies or () for p in posts_in(reply))]


def test_the_usual_library_reads_the_same(api: BlueskyNetwork, address: str) -> None:
    roots = fill(api, 20)
    reply = api.post(HALL, "@person0.example on our way #Lamps", reply_to=roots[0])
    api.post("ann.example", "Danke", reply_to=reply, langs=("de",))
    api.repost(HALL, roots[5])
    shelf = shelf_of(address, HALL)
    shelf.run("discover", api.now)
    shelf.run("refresh", api.now, due=roots)
    client = atproto.Client(f"{address}/xrpc")
    try:
        login = models.ComAtprotoServerCreateSession.Data(identifier="reader.example", password=api.password)
        assert client.com.atproto.server.create_session(login).handle == "reader.example"
        assert client.resolve_handle(HALL).did == api.account(HALL)
        theirs = [p for root in roots for p in posts_in(client.get_post_thread(root).thread)]
        lines = client.get_author_feed(HALL, filter="posts_with_replies").feed
        theirs += [line.post for line in lines if line.reason is None]
        theirs += client.get_posts(roots).posts
    finally:
        client.request.close()
    rows = shelf.rows()
    assert {post.uri for post in theirs} == set(rows)
    for post in theirs:
        agree(post, rows[post.uri])


@pytest.mark.parametrize(
    "name",
    [
        "devnet_searchPosts.json",
        "devnet_getAuthorFeed.json",
        "devnet_getPostThread.json",
        "bsky_devnet_postview.json",
        "thread_view_post_with_embed_media.json",
    ],
)
def test_recorded_answers_are_read_as_the_usual_library_reads_them(name: str) -> None:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the recorded answers are not beside the project")
    value = json.loads(path.read_text("utf-8"))

    def flat(node: Any) -> list[Any]:
        if "posts" in value:
            return list(value["posts"])
        if "feed" in value:
            return [line["post"] for line in value["feed"]]
        if "thread" in node:
            return flat(node["thread"])
        below = [p for reply in node.get("replies", ()) for p in flat(reply)]
        return [node["post"], *below] if "post" in node else [node]

    found = flat(value)
    assert found
    for payload in found:
        theirs = models.get_or_create(payload, models.AppBskyFeedDefs.PostView)
        (row,) = connector.rows(Item(payload["uri"], payload), source_of("https://x.example"))
        agree(theirs, dict(row.columns))


def test_a_recorded_thread_is_held_whole() -> None:
    path = SAMPLES / "devnet_getPostThread.json"
    if not path.exists():
        pytest.skip("the recorded answers are not beside the project")
    body = path.read_bytes()
    root = json.loads(body)["thread"]["post"]["uri"]

    def recorded(method: str, address: str, *rest: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, body if "Thread" in address else b'{"posts": []}'

    with serving(recorded) as address:
        shelf = shelf_of(address)
        shelf.run("refresh", datetime(2026, 11, 22), due=[root])  # noqa: DTZ001
    rows = shelf.rows()
    assert len(rows) == 4
    assert {row["conversation_id"] for row in rows.values()} == {None, root}


# -- the whole way -----------------------------------------------------------------------------------------------------


def test_an_official_reply_becomes_an_update_of_what_a_person_raised(
    api: BlueskyNetwork, address: str, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    root = api.post("ann.example", "The lamp on Elm Street is out #CityFeedback")
    api.pass_time(hours=1)
    official = api.post(HALL, "On our way", reply_to=root)
    gone = api.post("bob.example", "Never mind #CityFeedback")
    project.agencies.append({"code": "hall", "name": "City Hall", "accounts": [HALL]})
    source = source_of(address).model_dump(mode="json", exclude_defaults=True)
    project.sources.append(source | {"connector": "bluesky"})
    (receipt,) = project.gather(now=api.now)
    assert (receipt.result, receipt.message) == ("changed", None)
    rows = {row["record_id"]: row for row in project.rows("feedback")}
    assert set(rows) == {root, official, gone}
    replied = project.rows("feedback_update", kind="replied")
    assert [(u["feedback_id"], u["at"]) for u in replied] == [(rows[root]["feedback_id"], api.now)]
    api.delete(gone)
    api.pass_time(days=8)
    project.gather(now=api.now)
    assert {row["record_id"] for row in project.rows("feedback")} == {root, official}
