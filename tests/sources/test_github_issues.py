"""Official responses and requests to take down that arrive as issues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.apis.github import GithubRepository, form
from tests.apis.serving import serving

from answerable.gather.engine import feedback_id
from answerable.gather.live import Item
from answerable.gather.sources.github_issues import (
    RESPONSE_FIELDS,
    TAKEDOWN_FIELD,
    connector,
    entry_fields,
    is_stranger,
    takedowns,
)
from answerable.live_settings import GithubIssuesSource

FORMS = Path(__file__).parents[2] / ".github" / "ISSUE_TEMPLATE"
SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "github"
SETTINGS: dict[str, Any] = {
    "id": "desk",
    "name": "Desk",
    "connector": "github_issues",
    "licence": {"name": "CC0"},
    "publish_rows": True,
    "repository": "city/feedback",
    "authors": {"Lights-Officer": "streets"},
    "takedown_reviewers": ["Reviewer"],
}
SOURCE = GithubIssuesSource.model_validate(SETTINGS)


def response(**given: str) -> str:
    """The text of an official response; those of its fields that are given."""
    fields = {
        "kind": "Answer",
        "title": "Lamps on Quay Street",
        "feedback": "portal:1",
        "text": "All lamps were replaced.",
    } | given
    return form(**{label: fields.get(name, "") for name, label in RESPONSE_FIELDS.items()})


@pytest.fixture
def repository() -> GithubRepository:
    return GithubRepository()


@pytest.fixture
def desk(repository: GithubRepository, project: Any) -> Iterator[Any]:
    """The project with a source that asks the repository, and a table of two requests."""
    project.write("in/a.csv", "id,opened,told\n1,2026-02-01 10:00:01,Lamp out\n2,2026-02-02 10:00:01,Name\n")
    project.add(
        path="in/a.csv",
        columns={"record_id": "id", "created_at": "opened", "text": "told"},
        as_of="2026-04-01T00:00:00Z",
    )
    with serving(repository.handle) as address:
        project.add(**SETTINGS | {"server": address, "allow_private_addresses": True})
        yield project


def entries(project: Any) -> dict[str, dict[str, Any]]:
    return {row["entry_id"]: row for row in project.rows("register_entry")}


def test_a_response_of_an_official_is_an_entry(desk: Any, repository: GithubRepository) -> None:
    text = "We said:\n\n### Text\n\nit is done."
    repository.open(
        "lights-officer",
        "[response]",
        response(text=text, topics="potholes", feedback="- portal:1\n- portal:2"),
        "official-response",
    )
    _, receipt = desk.gather(now=repository.now)
    assert (receipt.result, receipt.message) == ("changed", None)
    assert entries(desk) == {
        "desk-1": {
            "entry_id": "desk-1",
            "source_id": "desk",
            "kind": "answer",
            "agency_code": "streets",
            "responded_at": repository.now,
            "title": "Lamps on Quay Street",
            "text": text,
            "url": "https://github.example/city/feedback/issues/1",
            "topic_codes": "potholes",
            "area_codes": None,
            "feedback_ids": " ".join(feedback_id("portal", n) for n in "12"),
        }
    }


def test_nobody_else_speaks_for_an_agency(desk: Any, repository: GithubRepository) -> None:
    # Whatever GitHub says of the author's association.
    number = repository.open("stranger", "A", response(), "official-response")
    desk.gather(now=repository.now)
    assert entries(desk) == {}
    item = Item(str(number), repository.issues[number])
    assert (entry_fields(item, SOURCE), is_stranger(item, SOURCE)) == (None, True)
    # Once the settings know the login, nothing has to be asked again.
    desk.sources[1]["authors"] = {"STRANGER": "water"}
    desk.gather(now=repository.now)
    assert entries(desk)["desk-1"]["agency_code"] == "water"


def test_edits_count_and_closing_or_unlabelling_withdraws(desk: Any, repository: GithubRepository) -> None:
    numbers = [repository.open("Lights-Officer", "A", response(), "official-response") for _ in range(4)]
    repository.close(numbers[3], "completed")
    desk.gather(now=repository.now)
    assert len(entries(desk)) == 4
    repository.pass_time(days=1)
    # The web's editor writes other line ends.
    repository.edit(numbers[0], body=response(text="Replaced on Monday.").replace("\n", "\r\n"))
    repository.close(numbers[1], "not_planned")
    repository.unlabel(numbers[2], "official-response", "Lights-Officer")
    desk.gather(now=repository.now)
    assert {i: e["text"] for i, e in entries(desk).items()} == {
        "desk-1": "Replaced on Monday.",
        "desk-4": "All lamps were replaced.",
    }


@pytest.mark.parametrize(
    ("given", "column"),
    [
        ({"kind": "Promise"}, "kind"),
        ({"text": ""}, "text"),
        ({"topics": "potholes, pothole"}, "topics"),
        ({"areas": "nowhere"}, "areas"),
        ({"feedback": "4711"}, "feedback"),
        ({"feedback": "portl:4711"}, "feedback"),
        ({"url": "javascript:alert(1)"}, "url"),
    ],
)
def test_a_mistake_is_a_finding_and_stops_no_other(
    desk: Any, repository: GithubRepository, given: dict[str, str], column: str
) -> None:
    repository.open("lights-officer", "A", response(**given), "official-response")
    repository.open("lights-officer", "B", response(), "official-response")
    desk.gather(now=repository.now)
    assert list(entries(desk)) == ["desk-2"]
    (finding,) = desk.rows("finding", source_id="desk")
    assert (finding["finding_code"], finding["record_id"], finding["column_name"]) == (
        "row_unreadable",
        "1",
        column,
    )


def test_a_body_without_the_form_is_a_finding(desk: Any, repository: GithubRepository) -> None:
    repository.open("lights-officer", "A", None, "official-response")
    repository.open("lights-officer", "A", "Just words", "official-response")
    desk.gather(now=repository.now)
    assert entries(desk) == {}
    assert len(desk.rows("finding", source_id="desk")) == 2


def test_feedback_that_no_source_holds_is_a_finding(desk: Any, repository: GithubRepository) -> None:
    repository.open("lights-officer", "A", response(feedback="portal:99"), "official-response")
    desk.gather(now=repository.now)
    assert list(entries(desk)) == ["desk-1"]
    (finding,) = desk.rows("finding", source_id="desk")
    assert (finding["finding_code"], finding["record_id"]) == ("register_reference_unknown", "portal:99")


def test_pull_requests_and_other_issues_are_not_held(desk: Any, repository: GithubRepository) -> None:
    repository.open("lights-officer", "A", response(), "official-response", is_pull=True)
    repository.open("lights-officer", "B", response())
    repository.open("lights-officer", "C", response(), "official-response")
    desk.gather(now=repository.now)
    with desk.store() as store:
        assert list(store.records.times("desk")["record_id"].to_pylist()) == ["3"]


@pytest.mark.parametrize("is_at_once", [False, True])
def test_many_pages(desk: Any, repository: GithubRepository, is_at_once: bool) -> None:
    repository.most = 7
    for _ in range(23):
        repository.open("lights-officer", "A", response(), "official-response")
        if not is_at_once:
            repository.pass_time(minutes=1)
    desk.gather(now=repository.now)
    assert len(entries(desk)) == 23


def test_what_changes_while_pages_are_read_pushes_nothing_out(
    desk: Any, repository: GithubRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.most = 5
    for _ in range(20):
        repository.open("lights-officer", "A", response(), "official-response")
        repository.pass_time(minutes=1)
    answer = repository._answer

    def changing(*asked: Any) -> Any:
        reply = answer(*asked)
        # The first issue goes to the end of the list, and all others come one place nearer.
        if len(repository.asked) == 1:
            repository.edit(1, title="Changed")
        return reply

    monkeypatch.setattr(repository, "_answer", changing)
    desk.gather(now=repository.now)
    assert len(entries(desk)) == 20


def test_a_list_that_has_not_changed_is_not_sent_again(desk: Any, repository: GithubRepository) -> None:
    repository.open("lights-officer", "A", response(), "official-response")
    for _ in range(3):
        desk.gather(now=repository.now)
        repository.pass_time(hours=1)
    assert repository.statuses[-1] == 304
    repository.edit(1, body=response(text="Changed."))
    desk.gather(now=repository.now)
    assert entries(desk)["desk-1"]["text"] == "Changed."


def test_deleted_and_moved_issues_are_gone(desk: Any, repository: GithubRepository) -> None:
    for _ in range(3):
        repository.open("lights-officer", "A", response(), "official-response")
    desk.gather(now=repository.now)
    repository.delete(1)
    repository.moved[2] = "other/place"
    repository.pass_time(days=8)
    answer = repository._answer
    elsewhere = {**repository.issues[2], "number": 1, "repository_url": "https://a.example/repos/other/place"}
    body = json.dumps(elsewhere).encode()
    repository._answer = lambda path, *more: (  # type: ignore[method-assign]
        (200, {"Content-Type": "application/json"}, body) if "other" in path else answer(path, *more)
    )
    del repository.issues[2]
    desk.gather(now=repository.now)
    assert list(entries(desk)) == ["desk-3"]


# -- taking down -------------------------------------------------------------------------------------------------------


def request(what: str = "portal:2") -> str:
    return form(**{TAKEDOWN_FIELD: what, "Why": "It shows personal data"})


def held(project: Any) -> list[str]:
    return [row["record_id"] for row in project.rows("feedback")]


def test_a_request_that_a_reviewer_approved_takes_down(desk: Any, repository: GithubRepository) -> None:
    repository.open("anybody", "Please", request(), "takedown-request")
    desk.gather(now=repository.now)
    assert held(desk) == ["1", "2"]
    repository.pass_time(hours=1)
    # Anybody may be the author, and other people may label.
    repository.label(1, "takedown", "colleague")
    desk.gather(now=repository.now)
    assert held(desk) == ["1", "2"]
    repository.pass_time(hours=1)
    repository.unlabel(1, "takedown", "reviewer")
    repository.label(1, "takedown", "reviewer")
    desk.gather(now=repository.now)
    desk.gather(now=repository.now)
    assert held(desk) == ["1"]
    assert len(desk.rows("takedown")) == 1


def test_what_is_written_after_the_approval_takes_nothing_down(
    desk: Any, repository: GithubRepository
) -> None:
    repository.open("anybody", "Please", request("portal:99"), "takedown-request")
    repository.label(1, "takedown", "Reviewer")
    desk.gather(now=repository.now)
    repository.pass_time(hours=1)
    repository.edit(1, body=request("portal:1\nportal:2"))
    desk.gather(now=repository.now)
    desk.gather(now=repository.now)
    assert held(desk) == ["1", "2"]
    repository.pass_time(hours=1)
    repository.unlabel(1, "takedown", "Reviewer")
    repository.label(1, "takedown", "Reviewer")
    desk.gather(now=repository.now)
    desk.gather(now=repository.now)
    assert held(desk) == []


def approved(what: str, **values: Any) -> Item:
    issue = {
        "number": 1,
        "body": request(what),
        "labels": [{"name": "takedown"}],
        "state": "open",
        "answerable_review": {"actor": "reviewer", "is_same_text": True},
    }
    return Item("1", issue | values)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("portal:2", ["portal:2"]),
        ("- portal:2\n- portal:2,\n- `posts:1768953236864545029`", ["portal:2", "posts:1768953236864545029"]),
        ("See <https://social.example/@ana/1>.", ["https://social.example/@ana/1"]),
        ("[this](https://social.example/@ana/1?x=2#y)", ["https://social.example/@ana/1?x=2#y"]),
        ("0f3a5b6c7d8e9f00", ["0f3a5b6c7d8e9f00"]),
        ("Please remove my post", []),
        ("_No response_", []),
    ],
)
def test_what_a_request_names(what: str, expected: list[str]) -> None:
    assert list(takedowns(approved(what), SOURCE)) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"labels": []},
        {"answerable_review": {"actor": "anybody", "is_same_text": True}},
        {"answerable_review": {"actor": "reviewer", "is_same_text": False}},
        {"answerable_review": "reviewer"},
        {"state": "closed", "state_reason": "not_planned"},
        {"body": "portal:2"},
        {"body": None},
    ],
)
def test_what_no_request_is(values: dict[str, Any]) -> None:
    assert list(takedowns(approved("portal:2", **values), SOURCE)) == []


def test_a_payload_cannot_bring_its_own_approval(desk: Any, repository: GithubRepository) -> None:
    repository.open("anybody", "Please", request(), "takedown-request")
    forged = {"actor": "reviewer", "is_same_text": True}
    repository.edit(1, answerable_review=forged, labels=[{"name": "takedown"}])
    desk.gather(now=repository.now)
    desk.gather(now=repository.now)
    assert held(desk) == ["1", "2"]


# -- forms and odd answers ---------------------------------------------------------------------------------------------


def labels_of(name: str) -> list[str]:
    read = yaml.safe_load((FORMS / name).read_text("utf-8"))
    return [part["attributes"]["label"] for part in read["body"] if part["type"] != "markdown"]


def test_the_forms_ask_for_what_is_read() -> None:
    assert labels_of("official_response.yml") == list(RESPONSE_FIELDS.values())
    assert TAKEDOWN_FIELD in labels_of("takedown.yml")
    defaults = GithubIssuesSource.model_fields
    official = yaml.safe_load((FORMS / "official_response.yml").read_text("utf-8"))
    takedown = yaml.safe_load((FORMS / "takedown.yml").read_text("utf-8"))
    assert official["labels"] == [defaults["response_label"].default]
    # A form's labels are given by whoever writes the issue: this one has to come from a reviewer.
    label = defaults["takedown_label"].default
    assert label not in takedown["labels"]
    assert f"`{label}`" in takedown["body"][0]["attributes"]["value"]
    kinds = next(part for part in official["body"] if part.get("id") == "kind")
    assert [k.casefold() for k in kinds["attributes"]["options"]] == ["answer", "outcome"]
    assert yaml.safe_load((FORMS / "config.yml").read_text("utf-8")) == {"blank_issues_enabled": False}


def test_the_forms_are_such_as_github_takes() -> None:
    for path in FORMS.glob("*.yml"):
        read = yaml.safe_load(path.read_text("utf-8"))
        if path.name == "config.yml":
            continue
        assert {"name", "description", "body"} <= read.keys()
        ids = [part["id"] for part in read["body"] if "id" in part]
        assert len(ids) == len(set(ids))
        for part in read["body"]:
            assert part["type"] in ("markdown", "input", "textarea", "dropdown", "checkboxes")
            assert part["type"] == "markdown" or re.fullmatch(r"[A-Za-z0-9_-]+", part["id"])


@pytest.mark.parametrize("value", [{"message": "Moved"}, "text", 7], ids=["object", "text", "number"])
def test_an_answer_that_is_no_list_fails_the_source(project: Any, value: Any) -> None:
    body = json.dumps(value).encode()
    with serving(lambda *_: (200, {"Content-Type": "application/json"}, body)) as address:
        project.add(**SETTINGS | {"server": address, "allow_private_addresses": True})
        assert project.gather()[0].result == "failed"


@pytest.mark.parametrize(
    "issue",
    [
        {},
        {"number": "7"},
        {"number": 7, "labels": None, "body": 3, "user": None, "state": []},
        {"number": 7, "labels": ["official-response", 3, {"name": None}], "user": {"login": 7}},
    ],
)
def test_a_hostile_issue_raises_nothing(issue: dict[str, Any]) -> None:
    item = Item("7", issue)
    assert (entry_fields(item, SOURCE), list(takedowns(item, SOURCE))) == (None, [])
    assert list(connector.rows(item, SOURCE)) == []


def test_the_token_is_sent(desk: Any, repository: GithubRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.token = "a-long-github-token"
    repository.open("lights-officer", "A", response(), "official-response")
    assert desk.gather(now=repository.now)[1].result == "failed"
    monkeypatch.setenv("GITHUB_TOKEN", repository.token)
    desk.sources[1]["token_env"] = "GITHUB_TOKEN"
    desk.gather(now=repository.now)
    assert list(entries(desk)) == ["desk-1"]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded answers are not beside the project")
def test_recorded_pages(project: Any) -> None:
    """Pages as GitHub gave them, with labels and bodies put in: the recorded ones have none."""
    exchanges = json.loads((SAMPLES / "paginate-issues.json").read_text("utf-8"))
    issues = {i["number"]: i for e in exchanges for i in e["response"]}
    repository = GithubRepository(name="octokit-fixture-org/paginate-issues", most=3)
    repository.issues = {
        n: i | {"labels": [{"name": "official-response"}], "body": response()} for n, i in issues.items()
    }
    login = next(iter(issues.values()))["user"]["login"]
    with serving(repository.handle) as address:
        given = {"server": address, "repository": repository.name, "authors": {login.upper(): "water"}}
        project.add(**SETTINGS | given | {"allow_private_addresses": True})
        project.gather()
    found = project.rows("register_entry")
    assert {e["entry_id"] for e in found} <= {f"desk-{n}" for n in issues}
    findings = project.rows("finding", source_id="desk")
    assert {f["record_id"] for f in findings} == {str(n) for n in issues}
