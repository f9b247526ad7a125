"""A secret comes from the environment and goes nowhere but to its server: no log, no error, no store, no site."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.gathering import Project
from tests.live import Query, served
from tests.traces import traces

SECRET = "s3cret-0f-the-city-hall"
DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUS = {
    "id": "101",
    "created_at": "2026-03-01T08:00:00.000Z",
    "visibility": "public",
    "uri": "https://social.example/users/ann/statuses/101",
    "url": "https://social.example/@ann/101",
    "content": "<p>The lamp is out</p>",
    "account": {"id": "7", "acct": "ann", "username": "ann"},
    "tags": [{"name": "lamps"}],
    "mentions": [],
}


@pytest.mark.parametrize("is_hostile", [False, True])
def test_no_secret_is_left_anywhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_hostile: bool
) -> None:
    monkeypatch.setenv("SQUARE_TOKEN", SECRET)
    given: list[str] = []

    def server(
        method: str, path: str, query: Query, headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        given.append(headers.get("Authorization", ""))
        if is_hostile:
            # A server that repeats what it was given, in the hope that it is printed.
            return 401, {"Content-Type": "application/json"}, json.dumps({"error": given[-1]}).encode()
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps([STATUS] if "timelines" in path else []).encode(),
        )

    with served(server) as address, caplog.at_level(logging.DEBUG):
        project.add(
            "mastodon",
            id="square",
            server=address,
            allow_private_addresses=True,
            hashtags=["lamps"],
            accounts=[],
            token_env="SQUARE_TOKEN",
        )
        (receipt,) = project.gather(now=DAY)
    assert f"Bearer {SECRET}" in given
    assert receipt.result == ("failed" if is_hostile else "changed")
    if is_hostile:
        assert receipt.message is not None
        assert "SQUARE_TOKEN" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in str(receipt)
    assert traces(project.folder, SECRET) == []


def test_a_secret_that_is_not_set_is_named_and_a_plan_works_without_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from answerable.build import plan_gather

    monkeypatch.delenv("SQUARE_TOKEN", raising=False)
    project.add(
        "mastodon",
        id="square",
        server="https://social.example",
        hashtags=["lamps"],
        accounts=[],
        token_env="SQUARE_TOKEN",
    )
    (receipt,) = project.gather(now=DAY)
    assert receipt.result == "failed"
    assert receipt.message is not None
    assert "SQUARE_TOKEN is not set" in receipt.message
    steps = [what for _, _, what in plan_gather(project.folder)]
    assert "SQUARE_TOKEN" in steps[0]
