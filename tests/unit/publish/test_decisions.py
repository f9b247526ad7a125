"""What people decided, what was said elsewhere, and what is said without being an answer: as everybody sees it."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.unit.publish.conftest import opened
from tests.world import AS_OF, World, now, small_world

from answerable.publish.finished import dead_links, read_measures, unexplained_numbers
from answerable.publish.open_data import write_open_data
from answerable.publish.site import publish

ISSUE = "i-potholes-old-harbour"
ATTACK = "<script>document.title='owned'</script> **bold** {{ 7*7 }}"


def decision(number: int, **values: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "override_id": f"d{number}",
        "about": "feedback",
        "about_name": f"portal:{number}",
        "about_source_id": "portal",
        "decision": "topic",
        "from_value": "lights [code:lights]",
        "to_value": "potholes",
        "reason": f"Read again by two people, {number}.",
        "reviewer": "A. Reviewer",
        "reviewed_on": date(2025, 5, number + 1),
        "is_matched": True,
        "is_expired": False,
    }
    return given | values


def world() -> World:
    found = small_world()
    found.add("override", **decision(1))
    found.add("override", **decision(2, about_name="inbox:91", about_source_id="inbox", reason=ATTACK))
    found.add("override", **decision(3, about_name=ATTACK, is_matched=False, about_source_id=None))
    found.add("override", **decision(4, is_expired=True, expires_on=date(2025, 6, 1)))
    found.add(
        "override",
        **decision(
            5,
            about="link",
            decision="link",
            about_name="inbox:92 \u2192 portal:3",
            to_value="answers it",
            from_value=None,
        ),
    )
    found.add(
        "override",
        **decision(6, decision="duplicate_of", to_value="inbox:93", from_value="none []"),
    )
    member = next(r for r in found.rows["issue_feedback"] if r["issue_id"] == ISSUE)
    place = {name: member[name] for name in ("feedback_id", "source_id", "month")}
    for number, (said, text, is_counted, source) in enumerate(
        (
            ("deflection", "Please send us a direct message about the hole.", True, "portal"),
            ("substance", "A mere likeness of the hole.", False, "portal"),
            ("substance", "Words of a hidden source.", True, "inbox"),
        )
    ):
        found.add(
            "update_elsewhere", elsewhere_id=f"e{number}", **place, post_id=f"p{number}", post_source_id=source,
            post_name=f"{source}:p{number}", at=AS_OF - timedelta(days=3), agency_code="highways", update_class=said,
            class_rule="test", method="ticket-number" if is_counted else "likeness", confidence=0.8,
            is_reviewed=False, is_counted=is_counted, is_reply=False, response_id=f"r{number}", public_text=text,
            url="https://posts.example/1",
        )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with opened(tmp_path_factory.mktemp("decided"), world(), is_measured_anew=True) as (store, settings):
        return publish(store, settings, now=now())


def words(path: Path) -> str:
    found = re.search(r"<article.*?</article>", path.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row[next(iter(row))]: row for row in csv.DictReader(file)}


def test_every_decision_stands_on_a_page_with_its_reason_and_a_name(decided: Path) -> None:
    said = words(decided / "decisions" / "index.html")
    assert "portal:1 . The program had said: lights [code:lights] . Decided: potholes" in said
    assert "Read again by two people, 1." in said
    assert "A. Reviewer" in said
    assert "matches nothing (any more)" in said
    assert "expired" in said
    assert "A message of a source that does not publish its messages" in said


def test_no_message_of_a_hidden_source_is_named(decided: Path) -> None:
    told = rows(decided / "data" / "overrides.csv")
    for name in ("d2", "d5", "d6"):
        assert (told[name]["about_name"], told[name]["to_value"], told[name]["from_value"]) == ("", "", "")
        assert told[name]["reason"]
    assert told["d1"]["about_name"] == "portal:1"
    assert "inbox:9" not in (decided / "decisions" / "index.html").read_text("utf-8")


def test_decisions_are_counted_and_their_faults_are_findings(decided: Path) -> None:
    measures = read_measures(decided / "data" / "measures.csv")
    assert measures["overrides", "all", "all", "all"].value == 4
    assert measures["overrides", "override", "topic", "all"].value == 2
    for code in ("override_unmatched", "override_expired"):
        assert measures["findings", "finding", f"overrides/{code}", "all"].value == 1
    findings = rows(decided / "data" / "findings.csv")
    assert findings["d3"]["finding_code"] == "override_unmatched"
    assert findings["d4"]["finding_code"] == "override_expired"


def test_what_was_said_elsewhere_stands_in_the_timeline_as_what_it_is(decided: Path) -> None:
    said = words(decided / "issues" / "potholes-old-harbour-0123456789" / "index.html")
    event = re.search(r"Said elsewhere · official, Highways & Lighting · ([a-z ]+?) · at its source", said)
    assert event is not None, said
    assert event[1] == "asks to write elsewhere"
    assert "Please send us a direct message about the hole." in said
    assert "mere likeness" not in said
    assert "hidden source" not in said


def test_an_agency_page_tells_answers_from_the_rest(decided: Path) -> None:
    said = words(decided / "agencies" / "highways" / "index.html")
    assert "What was said?" in said
    assert re.search(r"Asks the person to write elsewhere 1\b", said)
    assert "Says that the work was done" in said
    measures = read_measures(decided / "data" / "measures.csv")
    assert measures["said", "agency_class", "highways/deflection", "all"].value == 1
    assert measures["updates", "update_class", "deflection", "all"].value == 1


def test_what_was_said_elsewhere_is_open_data_and_proposals_are_not(decided: Path) -> None:
    told = rows(decided / "data" / "answers_elsewhere.csv")
    assert set(told) == {"e0"}
    assert "mere likeness" not in "".join(p.read_text("utf-8") for p in (decided / "data").glob("*.csv"))


def test_a_page_of_decisions_has_no_dead_link_and_no_number_of_its_own(decided: Path) -> None:
    assert dead_links(decided, base_path="/answers/") == []
    assert unexplained_numbers(decided) == []
    assert "<script>document" not in (decided / "decisions" / "index.html").read_text("utf-8")


def test_where_nobody_decided_anything_there_is_no_page(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, settings):
        files = {f.export.name for f in write_open_data(store, settings, tmp_path / "data")}
        site = publish(store, settings, now=now())
    assert not {"overrides", "answers_elsewhere"} & files
    assert not (site / "decisions").exists()
