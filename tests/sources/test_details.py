"""What the connectors make of single records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from answerable.gather.engine import feedback_id

HERE = Path(__file__).parent


def gathered(project: Any, name: str) -> dict[str, dict[str, Any]]:
    for page in (HERE / name).iterdir():
        project.write(f"in/{page.name}", page.read_bytes())
    project.add(**yaml.safe_load((HERE / name / "source.yml").read_text("utf-8")))
    project.gather()
    return {r["record_id"]: r for r in project.rows("feedback")}


def test_petitions(project: Any, at: Any) -> None:
    rows = gathered(project, "petitions")
    first = rows["11"]
    assert first["title"] == "Keep the ferry running in winter"
    assert first["text"] == "It is the only way across.\n\nWe counted 400 people a day."
    assert (first["support_count"], first["threshold_count"]) == (1450, 1000)
    assert first["threshold_reached_at"] == at("2023-10-28T19:57:41.837")
    assert first["url"] == "https://petitions.example/petitions/11"
    assert (first["agency_code"], first["status"]) == ("water", "closed")
    assert rows["14"]["threshold_count"] == 5000
    assert (rows["13"]["closing_reason"], rows["13"]["closed_at"]) == (
        "duplicate",
        at("2024-02-04T10:15:33.548"),
    )
    answers = {u["feedback_id"]: u for u in project.rows("feedback_update", kind="replied")}
    one, two = (answers[feedback_id("portal", n)] for n in ("11", "12"))
    assert one["answer_id"] == two["answer_id"]
    assert one["agency_code"] == "streets"
    assert one["at"] == at("2023-11-28T10:08:36.932")
    # Revised later: what counts is the day on which it was given.
    assert two["at"] == at("2024-03-01T00:00")


def test_posts(project: Any, at: Any) -> None:
    rows = gathered(project, "snscrape_archive")
    first, reply, repost, thanks = (rows[f"17689532368645450{n}"] for n in (29, 30, 31, 32))
    assert first["text"] == "Lamp out on Quay St & Mill Rd @CityStreets #DarkStreets"
    assert (first["mentions"], first["hashtags"], first["lang"]) == ("citystreets", "darkstreets", "en")
    assert (first["is_official"], reply["is_official"]) == (False, True)
    assert reply["lang"] is None
    assert reply["agency_code"] == "streets"
    assert repost["is_repost"]
    assert {r["conversation_id"] for r in (first, reply, thanks)} == {first["record_id"]}
    assert first["support_count"] == 2
    assert thanks["created_at"] == at("2024-03-20T10:51:31")
    toot, boost = rows["1"], rows["boost/131dfd7e0f27/1"]
    assert toot["text"] == "Water\xa0leak\nsince Monday <3\nHelp #Leak"
    assert toot["mentions"] == "waterboard@social.example"
    assert (boost["is_repost"], toot["is_repost"]) == (True, False)
    assert rows["citychannel/86190"]["url"] == "https://t.me/citychannel/86190"
    assert rows["citychannel/86190"]["hashtags"] == "works"
    assert len({r["author_key"] for r in (first, reply, repost, thanks, toot, boost)}) == 6
    assert "ana" not in json.dumps([r["author_key"] for r in rows.values()])
    (update,) = project.rows("feedback_update", kind="replied")
    assert update["feedback_id"] == first["feedback_id"]
    assert (update["text"], update["is_official"]) == ("Repaired this morning.", True)


def test_records_are_kept_verbatim_with_their_revisions(project: Any) -> None:
    gathered(project, "snscrape_archive")
    path = project.folder / "in/posts.jsonl"
    lines = path.read_text("utf-8").splitlines()
    with project.store() as store:
        assert store.records.payloads("portal")["1768953236864545029"] == lines[0]
        assert len(store.records.payloads("portal")) == 7
    changed = lines[1].replace("this morning", "this afternoon")
    path.write_text("\n".join([lines[0], changed]), "utf-8")
    receipt = project.gather()[0]
    assert (receipt.changed_count, receipt.gone_count) == (2, 5)
    with project.store() as store:
        assert store.records.payloads("portal") == {
            "1768953236864545029": lines[0],
            "1768953236864545030": changed,
        }


def test_an_archive_may_grow_by_files(project: Any) -> None:
    lines = (HERE / "snscrape_archive/posts.jsonl").read_text("utf-8").splitlines()
    project.write("in/1.jsonl", lines[0] + "\n")
    project.add("snscrape_archive", path="in/*.jsonl", extract="increment")
    project.gather()
    (project.folder / "in/1.jsonl").unlink()
    project.write("in/2.jsonl", lines[1] + "\n")
    (receipt,) = project.gather()
    assert (receipt.new_count, receipt.feedback_count) == (1, 2)
    (update,) = project.rows("feedback_update", kind="replied")
    assert update["feedback_id"] == feedback_id("portal", "1768953236864545029")
    with project.store() as store:
        assert len(store.records.payloads("portal")) == 2


ENTRY = """---
id: lamps
kind: answer
agency: streets
responded_on: 2024-03-30
title: Lamps
feedback: ["portal:1"]
---
All lamps were replaced.
"""


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("---\nid", "id", 1, "does not begin with ---"),
        ("kind: answer", "kind: reply", 3, "kind"),
        ("agency: streets", "agency: street", 4, "did you mean streets?"),
        ("title: Lamps", "titel: Lamps", 6, "titel"),
        ("responded_on: 2024-03-30", "responded_on: soon", 5, "responded_on"),
        ("responded_on: 2024-03-30\n", "", 2, "responded_on"),
        ('["portal:1"]', '["portal 1"]', 7, "portal:4711"),
        ('["portal:1"]', '["portl:1"]', 7, "no source portl"),
        ("All lamps were replaced.\n", "", 8, "no text"),
        ("title: Lamps", "title: Lamps\ntopics: [pothole]", 7, "did you mean potholes?"),
    ],
)
def test_a_mistake_in_the_register_is_named_with_its_line(
    project: Any, before: str, after: str, line: int, words: str
) -> None:
    project.write("data/responses/lamps.md", ENTRY.replace(before, after))
    project.write("in/a.csv", "id,opened\n1,2024-01-01 10:00:01\n")
    project.add(path="in/a.csv", columns={"record_id": "id", "created_at": "opened"})
    project.add("register", id="register")
    _, failed = project.gather()
    assert failed.result == "failed"
    assert words in failed.message
    assert f"lamps.md, line {line}:" in failed.message


def test_a_register_entry(project: Any, at: Any) -> None:
    project.site["timezone"] = "Europe/Lisbon"
    project.write("data/responses/lamps.md", ENTRY)
    project.write(
        "data/responses/twin.md",
        ENTRY.replace("id: lamps", "id: outcome").replace("kind: answer", "kind: outcome"),
    )
    project.write("in/a.csv", "id,opened\n1,2024-01-01 10:00:01\n")
    project.add("register", id="register")
    project.add(path="in/a.csv", columns={"record_id": "id", "created_at": "opened"})
    project.gather()
    answer, outcome = sorted(project.rows("register_entry"), key=lambda r: r["kind"])
    assert answer["responded_at"] == at("2024-03-30T23:59")
    assert answer["feedback_ids"] == feedback_id("portal", "1")
    assert (answer["text"], outcome["kind"]) == ("All lamps were replaced.", "outcome")
    project.write("data/responses/twin.md", ENTRY)
    assert "twin.md" in project.gather()[0].message


def test_half_a_surrogate_pair_stops_nothing(project: Any) -> None:
    post = {
        "_type": "snscrape.modules.twitter.Tweet",
        "id": 1,
        "date": "2024-01-02T08:00:00+00:00",
        "rawContent": "cut \ud83d off",
        "user": {"username": "ann"},
    }
    project.write("in/a.jsonl", json.dumps(post) + "\n")
    project.add("snscrape_archive", path="in/*")
    project.gather()
    assert [r["text"] for r in project.rows("feedback")] == ["cut ? off"]
