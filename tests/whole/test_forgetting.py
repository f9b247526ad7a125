"""What somebody wants to have removed: gone from the store and the site, for good, and counted in public."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from tests.apis.open311 import City
from tests.apis.serving import serving
from tests.built import Built
from tests.small_project import write_project
from tests.traces import traces

from answerable.build import build
from answerable.store import Store

ANSWERABLE = Path(sys.executable).parent / "answerable"
WORDS = "Quillfeather lantern swings above the bakery"
EARLIER = "Quillfeather lamp is broken"
ANSWER = "We met the Quillfeather household"


def call(*words: str | Path) -> str:
    done = subprocess.run(
        [ANSWERABLE, *words], check=False, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Town:
    """A built site, and the live source that it reads."""

    folder: Path
    city: City
    number: str

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        return self.city.handle(method, path, query, headers, body)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A built site with a file and a live source, in which one person wrote, edited, and was answered."""
    folder = write_project(tmp_path_factory.mktemp("forgetting") / "town", rows=30)
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    city = City(now=now - timedelta(days=3))
    found = Town(folder, city, "")
    with serving(found.handle) as address:
        sources = yaml.safe_load((folder / "data" / "sources.yml").read_text())
        sources["sources"].append(
            {
                "id": "live",
                "connector": "open311",
                "name": "The live portal",
                "licence": {"name": "CC0"},
                "publish_rows": True,
                "server": address,
                "allow_private_addresses": True,
                "agency": "works",
            }
        )
        (folder / "data" / "sources.yml").write_text(yaml.safe_dump(sources))
        topics = (folder / "data" / "topics.yml").read_text()
        (folder / "data" / "topics.yml").write_text(topics.replace("[POT]", '[POT], live: ["171"]'))
        for n in range(4):
            city.add(f"The road has hole {n}")
        found.number = city.add(EARLIER)
        call("gather", folder)
        city.edit(found.number, WORDS)
        city.close(found.number, ANSWER)
        build(folder)
        yield found


@pytest.fixture
def project(town: Town, tmp_path: Path) -> Iterator[tuple[Path, City, str]]:
    """A copy of it, for one test, with the live source as it was."""
    folder = tmp_path / "town"
    shutil.copytree(town.folder, folder)
    before = town.city
    town.city = copy.deepcopy(before)
    yield folder, town.city, town.number
    town.city = before


@pytest.mark.slow
def test_no_byte_is_left_and_it_never_comes_back(project: tuple[Path, City, str]) -> None:
    folder, city, number = project
    private = (WORDS, EARLIER, ANSWER, "Quillfeather", "bakeryfolk")
    assert traces(folder / "build" / "store", WORDS)
    assert traces(folder / "build" / "site", "Quillfeather")
    # What people decided about it names it, too.
    lookups = folder / "data" / "lookups"
    lookups.mkdir(exist_ok=True)
    who = "urgency: low, reviewer: A. Reviewer, reviewed_on: 2020-01-01"
    (lookups / "overrides.yml").write_text(
        f'feedback:\n  - {{about: "portal:R7", reason: It can wait., {who}}}\n'
        f'  - {{about: "live:{number}", reason: It can wait for the bakeryfolk., {who}}}\n'
    )
    labels = [
        {"source_id": "live", "record_id": f"{name}", "is_relevant": True} for name in (f"{number}0", number)
    ]
    (lookups / "noted.jsonl").write_text("".join(f"{json.dumps(label)}\n" for label in labels))
    build(folder)
    assert traces(folder / "build" / "site" / "decisions", "bakeryfolk")

    said = call("forget", f"live:{number}", "--project", folder, "--reason", "asked_by_author")

    assert traces(folder / "build", *private) == []
    assert "removed from live" in said
    assert "takedowns.yml" in said
    listed = [line.strip() for line in said.splitlines() if line.startswith("  - data/")]
    assert listed == ["- data/lookups/noted.jsonl, line 2", "- data/lookups/overrides.yml, line 3"]
    told = {row["about_name"]: row for row in Built(folder).published("overrides")}
    assert told.keys() == {"portal:R7", ""}
    assert told[""]["reason"] == ""
    log = Built(folder).published("takedowns")
    assert [(row["source_id"], row["reason"]) for row in log] == [("live", "asked_by_author")]
    page = (folder / "build" / "site" / "sources" / "index.html").read_text("utf-8")
    assert "The person who wrote it asked for it" in page

    # The source still has it: it is asked for again, and not taken.
    city.edit(number, f"{WORDS} still")
    build(folder, is_forced=True)
    assert traces(folder / "build", *private) == []
    assert number not in {row["record_id"] for row in Built(folder).held("feedback")}


@pytest.mark.slow
def test_the_file_of_a_project_takes_down_what_files_and_live_sources_hold(
    project: tuple[Path, City, str],
) -> None:
    folder, _, number = project
    lookups = folder / "data" / "lookups"
    lookups.mkdir(exist_ok=True)
    entries = [
        {"id": "portal:R7", "reason": "personal_data", "removed_on": "2026-03-02"},
        {"id": f"live:{number}", "reason": "mistake", "removed_on": "2026-03-03"},
        {"url": "https://nobody.example/1", "reason": "mistake", "removed_on": "2026-03-03"},
    ]
    (lookups / "takedowns.yml").write_text(json.dumps({"takedowns": entries}))
    build(folder)
    assert traces(folder / "build", "Quillfeather") == []
    held = {(row["source_id"], row["record_id"]) for row in Built(folder).held("feedback")}
    assert ("portal", "R7") not in held
    assert ("portal", "R8") in held
    log = {
        (row["source_id"], row["removed_on"], row["reason"]) for row in Built(folder).published("takedowns")
    }
    assert log == {("portal", "2026-03-02", "personal_data"), ("live", "2026-03-03", "mistake")}
    numbers = {
        row["group_code"]: row["value"]
        for row in Built(folder).published("measures")
        if row["measure"] == "takedowns"
    }
    assert {name: float(value) for name, value in numbers.items()} == {
        "all": 2,
        "personal_data": 1,
        "mistake": 1,
    }


@pytest.mark.slow
def test_people_s_words_are_kept_for_so_long_and_the_site_stays_as_it_was(
    project: tuple[Path, City, str],
) -> None:
    folder, _, number = project
    text = (folder / "data" / "sources.yml").read_text()
    before = Built(folder)
    readings = {row["feedback_id"]: row for row in before.held("reading")}
    feedback = {row["record_id"]: row for row in before.held("feedback") if row["source_id"] == "live"}
    updates = sorted(str(row) for row in before.held("feedback_update") if row["source_id"] == "live")
    published = before.published("measures")
    assert number in feedback

    (folder / "data" / "sources.yml").write_text(text.replace("id: live", "id: live\n  retention_days: 1"))
    build(folder, is_asking=False)

    with Store.open(folder / "build" / "store") as store:
        assert all(r.is_reduced for r in store.records.latest("live"))
        kept = {r.record_id: r.payload for r in store.records.latest("live")}
    assert not any("service_request_id" in payload for payload in kept.values())
    after = Built(folder)
    now = {row["record_id"]: row for row in after.held("feedback") if row["source_id"] == "live"}
    assert now.keys() == feedback.keys()
    for record_id, row in now.items():
        public = readings[row["feedback_id"]]
        assert (row["title"], row["text"]) == (public["public_title"], public["public_text"])
        for name in ("created_at", "closed_at", "agency_code", "service_code", "author_key", "status"):
            assert row[name] == feedback[record_id][name], name
    # What happened to it is still known, what the agency said too.
    assert sorted(str(row) for row in after.held("feedback_update") if row["source_id"] == "live") == updates
    assert after.published("measures") == published
