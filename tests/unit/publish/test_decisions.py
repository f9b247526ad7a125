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
        "about_id": f"f{number:06d}",
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
    # Of what matches nothing, understanding writes this alone.
    nothing = ("about_name", "about_source_id", "about_id", "from_value", "to_value", "reason")
    found.add("override", **decision(3, is_matched=False, **dict.fromkeys(nothing)))
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
    found.add("override", **decision(7, to_value="lights"))
    found.add(
        "override",
        **decision(
            8, decision="duplicate_of", to_value="none", from_value="f000000 [near-words]", other_id=None
        ),
    )
    of_issue = {
        "about": "issue",
        "about_name": ISSUE,
        "about_id": ISSUE,
        "about_source_id": None,
        "from_value": None,
    }
    for number, (kind, value) in enumerate((("merge", "i-gone"), ("rename", ATTACK), ("pin", None)), 9):
        found.add(
            "override", **decision(number, **of_issue, decision=kind, to_value=value, reviewer="Road Office")
        )
    found.add(
        "issue_change", issue_id=ISSUE, change="merge", other_issue_id="i-gone", changed_on=date(2025, 5, 10),
        is_decided=True,
    )  # fmt: skip
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
    # A label says otherwise than the program, of a message of each source.
    for feedback_id in ("f000001", "f000091"):
        reading = next(r for r in found.rows["reading"] if r["feedback_id"] == feedback_id)
        reading |= {"is_labelled_relevant": False, "is_judged_relevant": True}
    for feedback_id, copied in (("f000002", "f000090"), ("f000003", "f000001")):
        reading = next(r for r in found.rows["reading"] if r["feedback_id"] == feedback_id)
        reading |= {"automatic": f"duplicate_of: {copied} [same-words]"}
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
    assert (
        "A message in Brookhaven portal, at its source ; its issue is Street lights in Mill Fields . The program "
        "had said: Street lights (its source has it under this topic). Decided: Potholes ." in said
    )
    assert (
        "Confirmed: Street lights . The program had said the same (its source has it under this topic)."
        in said
    )
    assert (
        "The program had said: a copy of another message (it has nearly the same words as another message). Decided: "
        "no copy: it counts by itself ." in said
    )
    assert "The issue Potholes in Old Harbour . Decided: it stands before the others ." in said
    assert "Read again by two people, 1." in said
    assert "A. Reviewer" in said
    assert "expired" in said
    assert "It is about what a source holds that does not publish its messages." in said
    page = (decided / "decisions" / "index.html").read_text("utf-8")
    assert 'href="../issues/lights-mill-fields-0123456789/"' in page
    assert 'href="https://portal.example/r/1"' in page
    assert "lights [" not in page


def test_of_what_is_not_held_neither_name_nor_reason_is_told(decided: Path) -> None:
    said = words(decided / "decisions" / "index.html")
    found = re.search(r"4 May 2025 · A\. Reviewer (.*?) 3 May 2025", said)
    assert found is not None, said
    assert "matches nothing (any more)" in found[0]
    assert "What this was about is not held (any more)." in found[0]
    assert "Decided:" not in found[0]
    told = rows(decided / "data" / "overrides.csv")["d3"]
    assert {told[name] for name in ("about_name", "about_source_id", "from_value", "to_value", "reason")} == {
        ""
    }


def test_an_issue_page_tells_what_people_decided_about_it(decided: Path) -> None:
    said = words(decided / "issues" / "potholes-old-harbour-0123456789" / "index.html")
    assert "What did people decide?" in said
    for what, day, number in (
        ("Made one with what was another issue", "10 May 2025", 9),
        ("Given its name", "11 May 2025", 10),
        ("Put first", "12 May 2025", 11),
    ):
        assert f"{what} by Road Office on {day} : Read again by two people, {number}." in said
    # The merge is told once, with its reason.
    assert "became part of this one" not in said
    other = words(decided / "issues" / "lights-mill-fields-0123456789" / "index.html")
    assert "What did people decide?" not in other


def test_no_message_of_a_hidden_source_is_named(decided: Path) -> None:
    told = rows(decided / "data" / "overrides.csv")
    for name in ("d2", "d5", "d6"):
        assert (told[name]["about_name"], told[name]["to_value"], told[name]["from_value"]) == ("", "", "")
        assert "about_id" not in told[name]
        assert told[name]["reason"]
    assert told["d1"]["about_name"] == "portal:1"
    # Nor is it told what the program took for a copy of it.
    feedback = rows(decided / "data" / "feedback.csv")
    assert feedback["f000002"]["automatic"] == ""
    assert feedback["f000003"]["automatic"] == "duplicate_of: f000001 [same-words]"
    assert "inbox:9" not in (decided / "decisions" / "index.html").read_text("utf-8")


def test_decisions_are_counted_and_their_faults_are_findings(decided: Path) -> None:
    measures = read_measures(decided / "data" / "measures.csv")
    assert measures["overrides", "all", "all", "all"].value == 9 + 1
    assert measures["overrides", "override", "topic", "all"].value == 3
    # Labels of a source that hides its rows are no number of anybody's.
    assert measures["overrides", "override", "label", "all"].value == 1
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
