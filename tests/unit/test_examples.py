"""The example projects: valid settings, and a dry run of the live ones that says whom it would ask and asks nobody."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from answerable.build import plan_gather
from answerable.live_settings import LiveSource
from answerable.settings import load_settings

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir())
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
VALUES = {
    "MASTODON_SERVER": "https://social.example",
    "MASTODON_ACCOUNT": "muni@social.example",
    "BLUESKY_ACCOUNT": "muni.example",
    "TELEGRAM_CHANNEL": "reports",
}
ASKED = {
    "hashtag": {
        "mastodon": "GET https://social.example/api/v1/accounts/lookup?acct=muni%40social.example",
        "bluesky": "GET https://public.api.bsky.app/xrpc/app.bsky.feed.getAuthorFeed?actor=muni.example",
    },
    "open311-city": {"koeln311": "GET https://sags-uns.stadt-koeln.de/georeport/v2/requests.json?"},
    "telegram": {"channel": "GET https://t.me/s/reports"},
    "uk-petitions": {"petitions": "GET https://petition.parliament.uk/petitions.json?state=recent"},
}
"""How the first request of each live source begins."""


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of an example (a plan opens a store), with something in every variable that it needs."""
    name: str = request.param
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name / "data", folder / "data")
    for path in folder.rglob("*.yml"):
        for variable in VARIABLE.findall(path.read_text(encoding="utf-8")):
            monkeypatch.setenv(variable, VALUES.get(variable, "requests.csv"))
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was to be asked of the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("example", FOLDERS, indirect=True)
def test_the_settings_are_valid_and_say_on_what_terms(example: Path) -> None:
    settings = load_settings(example)
    assert [s.id for s in settings.sources if not (s.licence.name and s.attribution)] == []


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("example", sorted(ASKED), indirect=True)
def test_a_dry_run_says_whom_it_would_ask(example: Path) -> None:
    steps = list(plan_gather(example))
    first = {source_id: what for source_id, name, what in steps if name == "discover"}
    expected = ASKED[example.name]
    assert first.keys() == expected.keys()
    for source_id, what in first.items():
        assert what.startswith(expected[source_id]), what
    # Nothing is held yet: there is nothing to look at again.
    assert {what for _, name, what in steps if name != "discover"} == {"nothing"}


@pytest.mark.parametrize("example", FOLDERS, indirect=True)
def test_every_live_example_has_a_plan_above(example: Path) -> None:
    is_live = any(isinstance(s, LiveSource) for s in load_settings(example).sources)
    assert is_live == (example.name in ASKED)
