"""The connector to Mastodon: on a server in memory, on recorded answers, and beside another reader of the same API."""

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
from tests.apis.mastodon import MastodonServer
from tests.apis.serving import Shelf, serving

from answerable.errors import SourceError
from answerable.gather.live import Item
from answerable.gather.plain import plain
from answerable.gather.sources.mastodon import connector
from answerable.live_settings import MastodonSource
from answerable.settings import Agency, Service, Settings, Site, Topic

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mastodon

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "mastodon"
TOKEN = {"A_TOKEN": "a-token"}


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


def source_of(server: str, **said: Any) -> MastodonSource:
    base: dict[str, Any] = {
        "id": "toots",
        "name": "Toots",
        "licence": {"name": "CC0"},
        "publish_rows": True,
        "connector": "mastodon",
        "server": server,
        "domain": "city.example",
        "hashtags": ["CityFeedback"],
        "allow_private_addresses": True,
    }
    return MastodonSource(**base | said)


@pytest.fixture
def api() -> MastodonServer:
    return MastodonServer()


@pytest.fixture
def address(api: MastodonServer) -> Iterator[str]:
    with serving(api.handle) as found:
        yield found


def shelf_of(address: str, *accounts: str, **said: Any) -> Shelf:
    return Shelf(connector, source_of(address, **said), settings_of(*accounts), TOKEN)


def fill(api: MastodonServer, count: int, *, minutes: float = 20) -> list[str]:
    numbers = []
    for i in range(count):
        numbers.append(api.post(f"person{i % 7}", f"Pothole {i} #CityFeedback"))
        api.pass_time(minutes=minutes)
    return numbers


# -- new posts ---------------------------------------------------------------------------------------------------------


def test_the_first_gather_reads_everything_and_the_next_only_what_is_new(
    api: MastodonServer, address: str
) -> None:
    fill(api, 300)
    shelf = shelf_of(address)
    assert shelf.run("discover", api.now)
    assert shelf.texts() == api.public()
    api.asked.clear()
    fill(api, 3)
    assert shelf.run("discover", api.now)
    assert shelf.texts() == api.public()
    # Two days of three posts an hour are read again, not the hundred hours before.
    assert 4 <= len(api.asked) <= 6
    assert all("min_id" in params for _, params in api.asked)
    for _ in range(3):
        fill(api, 100)
        shelf.run("discover", api.now)
    api.asked.clear()
    shelf.run("discover", api.now)
    assert shelf.texts() == api.public()
    assert 4 <= len(api.asked) <= 6


@pytest.mark.parametrize("budget", [1, 2, 3, 5])
def test_a_gather_that_is_cut_off_goes_on_where_it_was(
    api: MastodonServer, address: str, budget: int
) -> None:
    fill(api, 130)
    official = api.post("cityhall", "We look into it", reply_to=api.post("ann", "A lamp is out"))
    shelf = shelf_of(address, "cityhall@city.example")
    for _ in range(60 // budget):
        api.pass_time(minutes=30)
        api.post("bob", f"At {api.now} #CityFeedback")
        shelf.run("discover", api.now, budget=budget)
    api.pass_time(minutes=30)
    for _ in range(5):
        shelf.run("discover", api.now, budget=30)
    assert shelf.texts() == api.public()
    assert official in shelf.items


def test_a_post_of_another_server_that_arrives_late_is_found(api: MastodonServer, address: str) -> None:
    fill(api, 120, minutes=60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    fill(api, 1)
    shelf.run("discover", api.now)
    late = api.post("eve@far.example", "Late #CityFeedback", at=api.now - timedelta(hours=40))
    api.pass_time(hours=1)
    fill(api, 2)
    shelf.run("discover", api.now)
    assert shelf.rows()[late]["author"] == "eve@far.example"


def test_a_budget_smaller_than_the_overlap_comes_to_the_newest_all_the_same(
    api: MastodonServer, address: str
) -> None:
    fill(api, 50, minutes=60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    fill(api, 400, minutes=2)
    for _ in range(6):
        shelf.run("discover", api.now, budget=2)
    assert shelf.texts() == api.public()


def test_identifiers_of_another_length_are_not_compared_as_texts(api: MastodonServer, address: str) -> None:
    # They get a digit more on the fourth day.
    api.now = datetime(2018, 5, 6, 12)  # noqa: DTZ001
    fill(api, 60, minutes=60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    for _ in range(4):
        fill(api, 45, minutes=30)
        api.asked.clear()
        shelf.run("discover", api.now)
        assert shelf.texts() == api.public()
        assert all("min_id" in params for _, params in api.asked)
    assert {len(number) for number in shelf.items} == {17, 18}


def test_a_server_that_does_not_page_forward_is_read_backward(api: MastodonServer, address: str) -> None:
    api.knows_min_id = False
    fill(api, 150)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    fill(api, 90)
    shelf.run("discover", api.now)
    assert shelf.texts() == api.public()


def test_since_reads_back_so_far_and_changes_nothing_else(api: MastodonServer, address: str) -> None:
    fill(api, 200, minutes=60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now, since=api.now - timedelta(hours=30))
    assert len(shelf.items) == 80
    shelf.run("discover", api.now)
    assert shelf.texts() == api.public()


def test_nothing_older_than_the_floor_is_taken(api: MastodonServer, address: str) -> None:
    fill(api, 100, minutes=60)
    shelf = shelf_of(address)
    shelf.run("discover", api.now, floor=api.now - timedelta(hours=10))
    assert len(shelf.items) == 10


def test_boosts_and_what_only_some_may_see_is_never_taken(api: MastodonServer, address: str) -> None:
    api.post("ann", "@cityhall a secret #CityFeedback", visibility="private")
    api.post("ann", "@cityhall another", visibility="direct")
    said = api.post("ann", "@cityhall quietly", visibility="unlisted")
    own = api.post("cityhall", "Our own")
    api.boost("cityhall", own)
    shelf = shelf_of(address, "cityhall@city.example", mentions=True, token_env="A_TOKEN")
    shelf.run("discover", api.now)
    assert set(shelf.items) == {said, own}
    assert not list(connector.rows(Item("1", {"id": "1", "visibility": "private"}), shelf.source))


@pytest.mark.parametrize("has_batches", [True, False])
def test_what_an_official_account_replied_to_is_held_up_to_its_beginning(
    api: MastodonServer, address: str, has_batches: bool
) -> None:
    api.has_batches = has_batches
    root = api.post("ann", "The lamp is out")
    middle = api.post("bob", "Here too", reply_to=root)
    official = api.post("cityhall", "On our way", reply_to=middle)
    lone = api.post("cityhall", "Sorry", reply_to="123")
    shelf = shelf_of(address, "cityhall@city.example", hashtags=[])
    shelf.run("discover", api.now)
    assert {root, middle, official, lone} == set(shelf.items)
    assert shelf.rows()[official]["reply_to_id"] == middle
    api.asked.clear()
    shelf.run("discover", api.now)
    # The account is not looked up again, and what was not there is not asked for again.
    assert {path for path, _ in api.asked} == {f"/api/v1/accounts/{api.account('cityhall')}/statuses"}


def test_the_accounts_of_this_server_are_followed_where_none_are_named(
    api: MastodonServer, address: str
) -> None:
    own = api.post("cityhall", "Here")
    api.post("cityhall@far.example", "There")
    accounts = ("cityhall@city.example", "cityhall@far.example", "cityhall", "hall.example")
    shelf = shelf_of(address, *accounts, hashtags=[])
    shelf.run("discover", api.now)
    assert set(shelf.items) == {own}


def test_an_account_that_is_gone_is_told_and_the_rest_is_read(api: MastodonServer, address: str) -> None:
    fill(api, 3)
    shelf = shelf_of(address, accounts=["nobody@city.example"])
    shelf.run("discover", api.now)
    assert len(shelf.items) == 3
    assert any("nobody@city.example" in warning for warning in shelf.warnings)
    with pytest.raises(SourceError, match=r"does not know nobody@city\.example"):
        shelf_of(address, accounts=["nobody"], hashtags=[]).run("discover", api.now)


def test_an_account_with_a_new_identifier_is_looked_up_again(api: MastodonServer, address: str) -> None:
    api.post("cityhall", "One")
    shelf = shelf_of(address, "cityhall@city.example", hashtags=[])
    shelf.run("discover", api.now)
    api.accounts["cityhall"] += 1000
    two = api.post("cityhall", "Two")
    shelf.run("discover", api.now)
    shelf.run("discover", api.now)
    assert two in shelf.items


def test_a_long_list_does_not_use_up_the_budget_of_the_others(api: MastodonServer, address: str) -> None:
    fill(api, 400)
    other = api.post("ann", "A lamp #CityLamps")
    shelf = shelf_of(address, hashtags=["CityFeedback", "CityLamps"])
    assert not shelf.run("discover", api.now, budget=4)
    assert other in shelf.items


def test_nothing_to_read_is_told(address: str, api: MastodonServer) -> None:
    with pytest.raises(SourceError, match="nothing to read"):
        shelf_of(address, "someone@far.example", hashtags=[]).run("discover", api.now)
    with pytest.raises(ValueError, match="token_env"):
        source_of(address, mentions=True)


# -- what is held ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_batches", [True, False])
def test_late_replies_edits_and_deletions_are_seen(
    api: MastodonServer, address: str, has_batches: bool
) -> None:
    api.has_batches = has_batches
    roots = fill(api, 30)
    shelf = shelf_of(address, "cityhall@city.example")
    shelf.run("discover", api.now)
    api.pass_time(days=20)
    reply = api.post("cityhall", "Done", reply_to=roots[3])
    deeper = api.post("ann@far.example", "Thank you", reply_to=reply)
    api.edit(roots[5], "Pothole 5, two of them #CityFeedback")
    api.delete(roots[7])
    assert shelf.run("refresh", api.now, due=roots)
    rows = shelf.rows()
    assert shelf.texts() == api.public()
    assert rows[roots[5]]["updated_at"] == api.now
    assert rows[deeper]["reply_to_id"] == reply
    if has_batches:
        # Two for all thirty, one for the lost one, one for the only conversation.
        assert sum("statuses" in path for path, params in api.asked if "limit" not in params) == 4


def test_a_conversation_that_was_cut_short_is_asked_for_again(api: MastodonServer, address: str) -> None:
    root = api.post("ann", "Root #CityFeedback")
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    parent = root
    for i in range(45):
        parent = api.post("bob", f"Deeper {i}", reply_to=parent)
        for k in range(2):
            api.post("eve", f"Beside {i}.{k}", reply_to=parent)
    shelf.run("refresh", api.now, due=[root])
    assert shelf.texts() == api.public()


def test_the_sweep_finds_what_was_deleted_or_hidden(api: MastodonServer, address: str) -> None:
    numbers = fill(api, 45)
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    api.delete(numbers[2])
    api.posts[int(numbers[4])].visibility = "private"
    # That an answer for several leaves one out is no proof.
    api.hidden = {int(numbers[6])}
    assert shelf.run("sweep", api.now, unswept=numbers)
    assert set(numbers) - set(shelf.items) == {numbers[2], numbers[4]}


def test_a_page_of_another_kind_with_404_deletes_nothing(api: MastodonServer) -> None:
    numbers = fill(api, 3)

    def parked(*asked: Any) -> tuple[int, dict[str, str], bytes]:
        return 404, {"Content-Type": "text/html"}, b"<html>This domain is for sale</html>"

    with serving(parked) as address:
        shelf = shelf_of(address)
        shelf.items = {n: {} for n in numbers}
        with pytest.raises(SourceError, match="web page"):
            shelf.run("sweep", api.now, unswept=numbers)
        assert len(shelf.items) == 3


def test_a_day_in_the_life_ends_as_a_full_gather(api: MastodonServer, address: str) -> None:
    chance = random.Random(11)
    fill(api, 60, minutes=90)
    shelf = shelf_of(address, "cityhall@city.example")
    for _ in range(24):
        shelf.run("discover", api.now, budget=12)
        rows = shelf.rows()
        due = [n for n, row in rows.items() if row["reply_to_id"] is None]
        chance.shuffle(due)
        shelf.run("refresh", api.now, due=due, budget=9)
        for _ in range(6):
            api.pass_time(minutes=10)
            there = list(api.public())
            what = chance.random()
            if what < 0.5:
                api.post(f"p{chance.randrange(9)}", f"New at {api.now} #CityFeedback")
            elif what < 0.8:
                who = chance.choice(["cityhall", "ann", "bob@far.example"])
                api.post(who, f"Reply at {api.now}", reply_to=chance.choice(there))
            elif what < 0.9:
                edited = chance.choice(there)
                api.edit(edited, f"{api.public()[edited]} (edited)")
            else:
                api.delete(chance.choice(there))
    for _ in range(3):
        shelf.run("discover", api.now)
        shelf.run("refresh", api.now, due=list(shelf.items))
        shelf.run("sweep", api.now, unswept=list(shelf.items))
    full = shelf_of(address, "cityhall@city.example")
    full.run("discover", api.now)
    for _ in range(3):
        full.run("refresh", api.now, due=list(full.items))
    assert set(full.items) <= set(shelf.items) <= set(api.public())
    assert all(api.public()[n] == text for n, text in shelf.texts().items())


# -- what servers may say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b'{"error": "no"}', b"[[[", b"<html>Log in</html>", b'"text"', b""])
def test_another_answer_than_a_list_is_told(body: bytes, api: MastodonServer) -> None:
    def strange(*asked: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, body

    with serving(strange) as address:
        for name in ("discover", "refresh", "sweep"):
            with pytest.raises(SourceError, match=r"127\.0\.0\.1:\d+/api/v1/") as caught:
                shelf_of(address).run(name, api.now, due=["1"], unswept=["1"])
            assert "?" not in caught.value.what.split(" answered")[0]


def test_broken_items_are_counted_and_the_others_read(api: MastodonServer) -> None:
    good = api._status(api.posts[int(fill(api, 1)[0])])
    items = [
        good,
        7,
        {"id": 1.5e18},
        {**good, "id": None},
        {**good, "id": "9", "visibility": None},
        {**good, "id": 12},
    ]

    def page(method: str, path: str, query: str, *rest: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps([] if "max_id" in query else items).encode()

    with serving(page) as address:
        shelf = shelf_of(address)
        shelf.run("discover", api.now)
    assert set(shelf.items) == {str(good["id"]), "12"}
    assert shelf.unreadable == 4


@pytest.mark.parametrize("path", ["same", "new"])
def test_endless_pages_come_to_an_end(api: MastodonServer, path: str) -> None:
    page = [api._status(api.posts[int(n)]) for n in reversed(fill(api, 40))]
    count = 0

    def endless(*asked: Any) -> tuple[int, dict[str, str], bytes]:
        nonlocal count
        count += 1
        return 200, {}, json.dumps(page).encode()

    with serving(endless) as address:
        shelf = shelf_of(address)
        for _ in range(2):
            assert shelf.run("discover", api.now, budget=50)
    assert len(shelf.items) == 40
    assert count < 10


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


NAMES = (
    *("id", "created_at", "edited_at", "account", "content", "spoiler_text", "language", "url", "uri"),
    *("mentions", "tags", "in_reply_to_id", "reblog"),
)


@settings(deadline=None)
@given(
    st.fixed_dictionaries({"visibility": st.just("public")}, optional=dict.fromkeys(NAMES, json_values)),
)
def test_rows_take_whatever_comes(payload: dict[str, Any]) -> None:
    for row in connector.rows(Item("1", payload), source_of("https://city.example")):
        assert set(row.columns) <= set(connector.mapped)
        assert all(v is None or isinstance(v, str | datetime) for v in row.columns.values())


def test_a_row_says_what_the_post_said(api: MastodonServer) -> None:
    number = api.post(
        "Ann@Far.example",
        "Two <lamps> & a\nhole :sad:\n\nThere @cityhall @bob@near.example #Lamps #lamps",
        warning="Dark",
        lang="de",
    )
    (row,) = connector.rows(Item(number, api._status(api.posts[int(number)])), source_of("https://x.example"))
    assert row.columns == {
        "record_id": number,
        "created_at": api.now,
        "lang": "de",
        "url": f"https://far.example/@ann/{number}",
        "text": "Dark\nTwo <lamps> & a\nhole :sad:\nThere @cityhall @bob@near.example #Lamps #lamps",
        "author": "ann@far.example",
        "mentions": "cityhall@city.example bob@near.example",
        "hashtags": "lamps",
        "reply_to_id": None,
    }


def test_a_server_without_a_domain_of_its_own_has_that_of_its_address() -> None:
    source = source_of("https://Social.Example:8443", domain=None)
    payload = {"visibility": "public", "created_at": "nonsense", "account": {"acct": "Ann"}}
    (row,) = connector.rows(Item("1", payload), source)
    assert row.columns["author"] == "ann@social.example:8443"
    assert row.bad == {"created_at": "nonsense"}


# -- beside another reader ---------------------------------------------------------------------------------------------


def agree(theirs: Any, ours: dict[str, Any], domain: str) -> None:
    acct = theirs.account.acct.lower()
    assert ours["record_id"] == str(theirs.id)
    assert ours["created_at"] == theirs.created_at.replace(tzinfo=None)
    assert ours["author"] == (acct if "@" in acct else f"{acct}@{domain}")
    assert ours["reply_to_id"] == (None if theirs.in_reply_to_id is None else str(theirs.in_reply_to_id))
    assert ours["lang"] == theirs.language
    assert ours["url"] == theirs.url
    assert (ours["hashtags"] or "").split() == list(dict.fromkeys(t.name.lower() for t in theirs.tags))
    assert len((ours["mentions"] or "").split()) == len(theirs.mentions)
    assert ours.get("updated_at") == (theirs.edited_at.replace(tzinfo=None) if theirs.edited_at else None)
    text = plain(theirs.content)
    assert ours["text"] == ("\n".join(t for t in (theirs.spoiler_text, text) if t) or None)


def test_the_usual_library_reads_the_same(api: MastodonServer, address: str) -> None:
    roots = fill(api, 90)
    edited = api.post("ann", "Was #CityFeedback", warning="Careful")
    api.edit(edited, "Is #CityFeedback")
    api.post("bob@far.example", "@ann yes", reply_to=api.post("cityhall", "Thanks", reply_to=roots[0]))
    shelf = shelf_of(address)
    shelf.run("discover", api.now)
    shelf.run("refresh", api.now, due=list(shelf.items))
    rows = shelf.rows()
    library = mastodon.Mastodon(api_base_url=address, version_check_mode="none", ratelimit_method="throw")
    library.session.trust_env = False
    try:
        page = library.timeline_hashtag("CityFeedback", limit=40)
        theirs = {str(s.id): s for s in library.fetch_remaining(page)}
        context = library.status_context(roots[0])
        theirs |= {str(s.id): s for s in [*context.ancestors, *context.descendants]}
    finally:
        library.session.close()
    assert set(theirs) == set(rows)
    for number, status in theirs.items():
        agree(status, rows[number], "city.example")


RECORDED = (
    "hashtag_tl_2.json",
    "entity_context_0.json",
    "takahe_tag_timeline.json",
    "takahe_account_statuses.json",
    "takahe_context.json",
    "mastodon_takahe_status.json",
)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_are_read_as_the_usual_library_reads_them(name: str) -> None:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the recorded answers are not beside the project")
    value = json.loads(path.read_text("utf-8"))
    listed = (
        value
        if isinstance(value, list)
        else [value]
        if "id" in value
        else [*value["ancestors"], *value["descendants"]]
    )
    assert listed
    source = source_of("http://localhost:3000", domain=None)
    read: Any = vars(mastodon.return_types)["try_cast_recurse"]
    for payload in listed:
        rows = list(connector.rows(Item(payload["id"], payload), source))
        if payload["visibility"] == "private":
            assert not rows
            continue
        theirs = read(mastodon.return_types.Status, payload)
        agree(theirs, {"updated_at": None, **rows[0].columns}, "localhost:3000")


# -- the whole way -----------------------------------------------------------------------------------------------------


def test_an_official_reply_becomes_an_update_of_what_a_person_raised(
    api: MastodonServer, address: str, project: Any
) -> None:
    root = api.post("ann", "The lamp on Elm Street is out #CityFeedback")
    api.pass_time(hours=1)
    official = api.post("cityhall", "@ann on our way", reply_to=root)
    gone = api.post("bob", "Never mind #CityFeedback")
    project.agencies.append({"code": "hall", "name": "City Hall", "accounts": ["cityhall@city.example"]})
    source = source_of(address).model_dump(mode="json", exclude_defaults=True)
    project.sources.append(source | {"connector": "mastodon"})
    (receipt,) = project.gather(now=api.now)
    assert (receipt.result, receipt.message) == ("changed", None)
    rows = {row["record_id"]: row for row in project.rows("feedback")}
    assert set(rows) == {root, official, gone}
    assert rows[official]["is_official"]
    replied = project.rows("feedback_update", kind="replied")
    assert [(u["feedback_id"], u["at"]) for u in replied] == [(rows[root]["feedback_id"], api.now)]
    api.delete(gone)
    api.pass_time(days=8)
    project.gather(now=api.now)
    assert {row["record_id"] for row in project.rows("feedback")} == {root, official}
