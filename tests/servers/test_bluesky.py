"""The connector to Bluesky on the servers that Bluesky itself runs, beside what its own client library reads there."""

from __future__ import annotations

import warnings
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.gathering import Project
from tests.servers.network import Network

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import atproto  # type: ignore[import-untyped]

pytestmark = pytest.mark.servers

PASSWORD = "only-for-this-test"
TAG = "CityFeedback"


class People:
    """Accounts on the network, each with atproto's own client."""

    def __init__(self, bluesky: Network, *names: str) -> None:
        self.bluesky = bluesky
        self.clients: dict[str, Any] = {}
        for name in names:
            client = atproto.Client(base_url=f"{bluesky.accounts}/xrpc")
            client.com.atproto.server.create_account(
                {"handle": f"{name}-here.test", "email": f"{name}-here@mail.test", "password": PASSWORD}
            )
            self.clients[name] = client
        # Who is new can be looked up only when the news has come through.
        bluesky.settle()
        for name, client in self.clients.items():
            client.login(f"{name}-here.test", PASSWORD)

    def close(self) -> None:
        for client in self.clients.values():
            client.request.close()

    def post(self, name: str, text: str, *, tag: str | None = TAG) -> Any:
        said = atproto.client_utils.TextBuilder().text(text)
        if tag is not None:
            said = said.text(" ").tag(f"#{tag}", tag)
        return self.clients[name].send_post(said)

    def reply(self, name: str, text: str, parent: Any, root: Any) -> Any:
        parts = [atproto.models.create_strong_ref(p) for p in (parent, root)]
        to = atproto.models.AppBskyFeedPost.ReplyRef(parent=parts[0], root=parts[1])
        return self.clients[name].send_post(text, reply_to=to)

    def delete(self, name: str, post: Any) -> None:
        assert self.clients[name].delete_post(post.uri)

    def threads(self, *roots: Any) -> dict[str, dict[str, Any]]:
        """What atproto's client reads of conversations: by address, as our table has it."""
        found: dict[str, dict[str, Any]] = {}
        reader = self.clients["reader"]
        for root in roots:
            waiting = [reader.get_post_thread(root.uri, depth=30).thread]
            while waiting:
                node = waiting.pop()
                above = node.post.record.reply
                found[node.post.uri] = {
                    "text": node.post.record.text,
                    "created_at": _utc(node.post.record.created_at),
                    "reply_to_id": above.parent.uri if above else None,
                    "conversation_id": above.root.uri if above else node.post.uri,
                    "is_official": node.post.author.handle == "cityhall-here.test",
                }
                waiting += node.replies or []
        return found


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def held(project: Project) -> dict[str, dict[str, Any]]:
    names = ("text", "created_at", "reply_to_id", "conversation_id", "is_official")
    return {row["record_id"]: {n: row[n] for n in names} for row in project.rows("feedback")}


def test_two_gathers_hold_what_atproto_reads(
    bluesky: Network, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(People(bluesky, "cityhall", "ann", "bob", "reader")) as people:
        tell(people, bluesky, project, monkeypatch)


def tell(people: People, bluesky: Network, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    hole = people.post("ann", "A hole in the road, as deep as my arm: Köniz, 東京 🕳️")
    lamp = people.post("bob", "The lamp at the corner is dark")
    bin_ = people.post("ann", "Nobody emptied the bin")
    many = [people.post("bob", f"Tree number {i} has lost a branch") for i in range(30)]
    people.post("bob", "What a day", tag=None)
    also = people.reply("bob", "It is still there", hole, hole)
    people.reply("cityhall", "Thank you, somebody will look at it", also, hole)
    unmarked = people.post("ann", "Is the town hall open today?", tag=None)
    people.reply("cityhall", "Yes, until six", unmarked, unmarked)
    bluesky.settle()

    monkeypatch.setenv("READER_HANDLE", "reader-here.test")
    monkeypatch.setenv("READER_PASSWORD", PASSWORD)
    project.agencies = [{"code": "hall", "name": "City Hall", "accounts": ["cityhall-here.test"]}]
    project.add(
        "bluesky",
        id="skies",
        server=bluesky.reading,
        login_server=bluesky.accounts,
        handle_env="READER_HANDLE",
        password_env="READER_PASSWORD",
        queries=[f"#{TAG}"],
        allow_private_addresses=True,
        page_size=10,
        sweep_days=1,
    )
    now = datetime.now(UTC) + timedelta(minutes=1)
    receipts = project.gather(now=now)
    assert [(r.result, r.message) for r in receipts] == [("changed", None)]
    expected = people.threads(hole, lamp, bin_, *many, unmarked)
    assert len(expected) == 37
    assert held(project) == expected

    # Later: an answer, a question, and two posts that their writers thought better of.
    people.reply("cityhall", "The lamp is lit again", lamp, lamp)
    new = people.post("bob", "The swing on the playground is broken")
    people.delete("ann", bin_)
    people.delete("bob", many[4])
    bluesky.settle()
    receipts = project.gather(now=now + timedelta(days=2))
    assert [(r.result, r.message) for r in receipts] == [("changed", None)]
    left = [p for p in many if p is not many[4]]
    expected = people.threads(hole, lamp, *left, unmarked, new)
    assert held(project) == expected
    assert bin_.uri not in expected

    answers = {(r["text"], r["kind"]) for r in project.rows("feedback_update", is_official=True)}
    assert answers == {
        ("Thank you, somebody will look at it", "replied"),
        ("Yes, until six", "replied"),
        ("The lamp is lit again", "replied"),
    }
