"""What waits for an answer: in which order, in which words, and into which files it may go."""

from __future__ import annotations

import csv
import dataclasses
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.unit.publish.conftest import Opened, opened
from tests.world import AS_OF, World, small_world
from typer.testing import CliRunner

from answerable.cli import app
from answerable.errors import UsageError
from answerable.triage import COLUMNS, Waiting, private_path, triage, write_csv, write_html

ATTACKS = [
    line.encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for line in (Path(__file__).parents[1] / "attacks.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# One attack")
]

Open = Callable[[World], AbstractContextManager[Opened]]


@pytest.fixture(name="open_world")
def _open_world(tmp_path: Path) -> Open:
    return partial(opened, tmp_path, is_measured_anew=True)


def days_ago(days: int) -> datetime:
    return AS_OF - timedelta(days=days)


def world_of(*rows: dict[str, Any]) -> World:
    """The small world's sources with feedback of a test's own."""
    world = small_world()
    for name in ("feedback", "reading", "feedback_update", "update_reading", "response", "response_feedback"):
        world.rows[name] = []
    world.rows["issue"], world.rows["issue_feedback"] = [], []
    for number, given in enumerate(rows):
        values = dict(given)
        names = ("intent", "urgency", "urgency_rule")
        told: dict[str, Any] = {name: values.pop(name) for name in names if name in values}
        own = {name: values.pop(name) for name in ("author_key", "support_count") if name in values}
        feedback_id = world.add_feedback(number, created=values.pop("created", days_ago(10)), **values)
        next(r for r in world.rows["reading"] if r["feedback_id"] == feedback_id).update(told)
        next(r for r in world.rows["feedback"] if r["feedback_id"] == feedback_id).update(
            {"author_key": f"person-{number}"} | own
        )
    return world


def line(**values: Any) -> Waiting:
    given: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    given |= {
        "place": 1,
        "people": 1,
        "supporters": 0,
        "unanswered": 1,
        "waiting_days": 1,
        "raised_on": date(2025, 1, 1),
    }
    given |= {"kind": "feedback", "id": "f", "title": "A title", "urgency": "normal"}
    return Waiting(**(given | values))


def test_urgency_comes_before_people_and_people_before_age(open_world: Open) -> None:
    world = world_of(
        {"urgency": "normal", "urgency_rule": "gone-on", "created": days_ago(30)},
        {"urgency": "normal", "created": days_ago(3), "support_count": 8},
        {"urgency": "high", "urgency_rule": "danger", "created": days_ago(1)},
        {"created": days_ago(300)},
        {"urgency": "normal", "created": days_ago(60)},
        {"urgency": "low", "created": days_ago(200)},
    )
    with open_world(world) as (store, settings):
        lines = triage(store, settings)
    assert [w.id for w in lines] == [f"f{n:06d}" for n in (2, 1, 4, 0, 5, 3)]
    assert [w.place for w in lines] == [1, 2, 3, 4, 5, 6]
    first, second = lines[:2]
    assert first.reason == (
        "Urgent: danger now, or a person who cannot do without (a reviewed rule, \u201cdanger\u201d); 1 person wrote; "
        "the oldest has waited for 1 day"
    )
    assert second.reason.endswith("1 person wrote, with 8 supporters; the oldest has waited for 3 days")
    assert (second.people, second.supporters) == (1, 8)
    assert (second.waiting_days, second.raised_on) == (3, date(2025, 6, 28))
    assert (first.agency, first.topic, first.area) == ("Highways & Lighting", "Potholes", "Old Harbour")
    assert lines[-1].urgency == "unknown"


def test_what_is_answered_closed_or_praise_waits_for_nothing(open_world: Open) -> None:
    world = world_of(
        {"replied": days_ago(2), "reply": "Done."},
        {"closed": days_ago(2)},
        {"intent": "praise"},
        {"exclusion": "duplicate"},
        {"intent": "complaint"},
    )
    with open_world(world) as (store, settings):
        assert [w.id for w in triage(store, settings)] == ["f000004"]


def test_an_issue_is_one_line_with_what_waits_of_it(open_world: Open) -> None:
    world = world_of(
        {"issue_id": "i1", "urgency": "normal", "created": days_ago(40), "author_key": "ann"},
        {
            "issue_id": "i1",
            "urgency": "high",
            "urgency_rule": "danger",
            "created": days_ago(20),
            "author_key": "ann",
            "text": "The hole has swallowed a wheel",
            "agency": "parks",
            "topic": "trees",
        },
        {
            "issue_id": "i1",
            "urgency": "normal",
            "created": days_ago(19),
            "author_key": "bob",
            "support_count": 3,
        },
        {"issue_id": "i1", "created": days_ago(50), "replied": days_ago(2), "reply": "Done."},
    )
    world.add_issue(
        "i1", "Potholes in Old Harbour", "potholes-i1", topic="potholes", agency="highways", area=None
    )
    with open_world(world) as (store, settings):
        ((one),) = triage(store, settings)
    assert (one.kind, one.id, one.unanswered) == ("issue", "i1", 3)
    assert (one.people, one.supporters, one.behind) == (2, 3, "2 people wrote, with 3 supporters")
    # The line is the issue's; the message is its most urgent one.
    assert (one.agency, one.topic) == ("Highways & Lighting", "Potholes")
    assert one.message == "The hole has swallowed a wheel"
    assert (one.message_name, one.message_url) == ("portal:1", "https://portal.example/r/1")
    assert one.reason.endswith("; some of it is for Parks Office")
    assert (one.urgency, one.urgency_rule, one.waiting_days) == ("high", "danger", 40)
    assert one.url == "https://brookhaven.example/answers/issues/potholes-i1/"
    assert one.title == "Potholes in Old Harbour"


def test_people_are_counted_apart_from_messages_and_supporters(open_world: Open) -> None:
    world = world_of(
        {"author_key": None, "urgency": "high"},
        {"author_key": None, "issue_id": "i1"},
        {"author_key": None, "issue_id": "i1"},
        {"author_key": "ann", "issue_id": "i1"},
        {"author_key": "ann", "issue_id": "i1", "support_count": 4},
    )
    world.add_issue("i1", "Holes", "holes-i1", topic="potholes", agency="highways", area=None)
    # A conversation counts its voices, whoever began it among them.
    next(r for r in world.rows["feedback"] if r["feedback_id"] == "f000004")["kind"] = "post"
    with open_world(world) as (store, settings):
        alone, issue = triage(store, settings)
    assert alone.behind == "1 message"
    assert (issue.people, issue.supporters) == (3, 3)
    assert issue.behind == "4 messages, some by the same person, with 3 supporters"


def failure(world: World, failure_id: str, started: int, ended: int | None, **values: Any) -> None:
    given = {
        "topic_code": "trees", "area_codes": "ward-3", "agency_code": "parks", "people_count": 9, "feedback_count": 9,
        "expected_count": 1.0, "z": 9.0, "evidence": "test", "answered_count": 0,
    }  # fmt: skip
    world.add(
        "failure",
        failure_id=failure_id,
        started_on=days_ago(started).date(),
        noticed_on=days_ago(started).date(),
        last_on=days_ago(ended or 0).date(),
        ended_on=None if ended is None else days_ago(ended).date(),
        **(given | values),
    )


def test_what_fails_now_and_what_people_pinned_come_first_and_say_so(open_world: Open) -> None:
    world = world_of(
        {"urgency": "high", "urgency_rule": "danger"},
        {"urgency": "low", "topic": "trees", "agency": "parks", "area": "ward-3", "created": days_ago(3)},
        {"urgency": "low", "topic": "trees", "agency": "parks", "area": "ward-3", "created": days_ago(20)},
        {"urgency": "low", "issue_id": "i1", "created": days_ago(40)},
        {"urgency": "normal", "topic": "trees", "agency": "parks", "area": "ward-3", "created": days_ago(5)},
    )
    world.add_issue("i1", "Holes", "holes-i1", topic="potholes", agency="highways", area=None)
    world.rows["issue"][0]["is_pinned"] = True
    world.add(
        "override", override_id="d1", about="issue", about_name="i1", about_id="i1", decision="pin",
        reason="The ambulance takes this road.", reviewer="Road Office", reviewed_on=date(2025, 6, 2), is_matched=True,
    )  # fmt: skip
    failure(world, "now", 6, None)
    failure(world, "over", 25, 15)
    # Failures are found by the measures; these are given.
    rows = world.rows.pop("failure")
    with open_world(world) as (store, settings):
        table = store.con.to_pyarrow(store.read("failure")).schema
        with store.transaction():
            store.write("failure", pa.Table.from_pylist(rows, schema=table))
        lines = triage(store, settings)
    assert [w.id for w in lines] == ["f000004", "i1", "f000001", "f000000", "f000002"]
    assert lines[0].reason.startswith(
        "Its service is failing now (failure now, since 2025-06-25); not urgent, but"
    )
    assert lines[1].reason.startswith(
        "Put first by Road Office on 2025-06-02 (The ambulance takes this road.); nothing in it presses"
    )
    assert lines[3].reason.startswith("Urgent: ")
    assert "; part of a service failure (over, from 2025-06-06 to 2025-06-16)" in lines[4].reason


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("acknowledgement", "acknowledged, no answer"),
        ("deflection", "asked to write elsewhere, no answer in public"),
        ("referral", "passed on, no answer"),
        ("answered_privately", "answered in private, nothing in public"),
    ],
)
def test_what_is_no_answer_is_shown_as_what_it_is(open_world: Open, said: str, words: str) -> None:
    world = world_of({"replied": days_ago(2), "reply": "Thank you.", "reply_class": said})
    with open_world(world) as (store, settings):
        ((one),) = triage(store, settings)
    assert one.standing == words
    assert words in one.reason


def elsewhere(world: World, *, is_counted: bool, said: str = "substance") -> None:
    place = {"feedback_id": "f000000", "source_id": "portal", "month": f"{days_ago(10):%Y-%m}"}
    world.add(
        "update_elsewhere", elsewhere_id="e1", **place, post_id="p1", post_source_id="portal", post_name="portal:p1",
        at=days_ago(3), agency_code="highways", update_class=said, class_rule="test", is_counted=is_counted,
        method="ticket-number" if is_counted else "likeness", confidence=0.8 if is_counted else 0.61,
        is_reviewed=False, is_reply=False, response_id="r1", public_text="It is planned.",
    )  # fmt: skip


def test_what_may_be_an_answer_is_listed_for_review(open_world: Open) -> None:
    world = world_of({})
    elsewhere(world, is_counted=False)
    with open_world(world) as (store, settings):
        ((one),) = triage(store, settings)
    assert one.links_to_review == "portal:p1 answers portal:0? (0.61)"
    assert one.standing == ""


def test_what_was_said_elsewhere_is_what_was_said(open_world: Open) -> None:
    world = world_of({})
    elsewhere(world, is_counted=True, said="deflection")
    with open_world(world) as (store, settings):
        ((one),) = triage(store, settings)
        clock = store.con.to_pyarrow(store.read("clock")).to_pylist()[0]
    assert one.standing == "asked to write elsewhere, no answer in public"
    assert clock["acknowledged_at"] == days_ago(3)
    assert clock["responded_at"] is None


def test_one_agency_alone_and_none_that_nobody_knows(open_world: Open) -> None:
    world = world_of({"agency": "parks", "topic": "trees"}, {})
    with open_world(world) as (store, settings):
        assert [w.agency for w in triage(store, settings, agency="parks")] == ["Parks Office"]
        assert len(triage(store, settings, limit=1)) == 1
        assert triage(store, settings, agency="archives") == []
        with pytest.raises(UsageError, match="there is no agency park; did you mean parks"):
            triage(store, settings, agency="park")


def test_only_public_words_are_in_it(open_world: Open) -> None:
    world = world_of({"text": "The lamp of [name] is out"})
    with open_world(world) as (store, settings):
        ((one),) = triage(store, settings)
    assert "private original" not in repr(dataclasses.asdict(one))
    assert "person-0" not in repr(dataclasses.asdict(one))


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "\uff1d1", '=HYPERLINK("https://a")'],
)
def test_a_spreadsheet_runs_nothing(tmp_path: Path, cell: str) -> None:
    write_csv([line(title=cell, links_to_review=cell)], tmp_path / "list.csv")
    text = (tmp_path / "list.csv").read_text("utf-8")
    ((row),) = csv.DictReader(text.splitlines())
    assert tuple(row) == COLUMNS
    for value in (row["title"], row["links_to_review"]):
        assert value.startswith("'")
        assert "\n" not in value


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    write_csv([line()], tmp_path / "deep" / "list.csv")
    assert stat.S_IMODE((tmp_path / "deep" / "list.csv").stat().st_mode) == 0o600
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["list.csv"]


def test_a_page_runs_nothing_and_asks_for_nothing(tmp_path: Path, open_world: Open) -> None:
    with open_world(world_of({})) as (_, settings):
        write_html(
            [line(), *(line(title=a, links_to_review=a) for a in ATTACKS)], settings, tmp_path / "l.html"
        )
        html = (tmp_path / "l.html").read_text("utf-8")
        write_html([], settings, tmp_path / "empty.html")
    assert "Nothing is waiting for an answer." in (tmp_path / "empty.html").read_text("utf-8")
    assert "default-src 'none'" in html
    assert len(ATTACKS) > 20
    body = html.partition("<body>")[2]
    tags = set(re.findall(r"<(/?[a-z][a-z0-9]*)", body))
    known = {"h1", "h2", "p", "ol", "li", "a", "span", "strong", "code", "body", "html"}
    assert {tag.strip("/") for tag in tags} <= known
    assert not re.findall(r"<[^>]*\son[a-z]+\s*=", body)
    assert not re.findall(r"\b(?:src|srcset|style)=", body)
    assert body.count("<li>") == body.count("</li>") == 1 + len(ATTACKS)


@pytest.mark.parametrize(
    "place", ["build/site/list.csv", "build/site/a/b.csv", "site_templates/assets/x.csv", "link/x"]
)
def test_nothing_of_it_is_published(tmp_path: Path, place: str) -> None:
    (tmp_path / "build" / "site").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "build" / "site")
    with pytest.raises(UsageError, match="would be published"):
        private_path(tmp_path / place, tmp_path)
    assert (
        private_path(tmp_path / "build" / "list.csv", tmp_path) == (tmp_path / "build" / "list.csv").resolve()
    )


def test_the_command_says_what_it_does_and_that_nothing_waits(open_world: Open, tmp_path: Path) -> None:
    run = CliRunner().invoke
    with open_world(world_of({"replied": days_ago(2), "reply": "Done."})):
        pass
    empty = run(app, ["triage", str(tmp_path)])
    assert "Nothing is waiting for an answer." in empty.output
    listed = run(
        app, ["triage", str(tmp_path), "--csv", str(tmp_path / "l.csv"), "--html", str(tmp_path / "l.html")]
    )
    assert "0 lines written" in listed.output
    assert (tmp_path / "l.csv").exists()
    refused = run(app, ["triage", str(tmp_path), "--csv", str(tmp_path / "build" / "site" / "l.csv")])
    assert isinstance(refused.exception, UsageError)
    shown = run(app, ["triage", "--help"], env={"COLUMNS": "200"}).output
    for word in ("--agency", "--csv", "--html", "--limit", "overrides.yml", "private"):
        assert word in shown.lower() or word in shown


def test_the_command_shows_a_table(open_world: Open, tmp_path: Path) -> None:
    with open_world(world_of({"text": "[red]Not ours[/red]", "urgency": "high", "urgency_rule": "danger"})):
        pass
    shown = CliRunner().invoke(app, ["triage", str(tmp_path)])
    header = shown.output.splitlines()[1]
    assert "why here" in header
    # What stands nowhere takes no room.
    assert "supporters" not in header
    assert "to review" not in header
    assert shown.exit_code == 0, shown.output
    assert "high" in shown.output
    assert "f000000" in shown.output
