"""The examples on their real data: each built once, as anyone builds it, and compared with the raw file.

    PETITIONS_CSV=.../petitions.csv TWCS_CSV=.../twcs.csv pytest tests/whole/test_examples.py

The raw files are read with the standard library alone. No text of theirs is repeated here.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.built import Built

from answerable.draw.figure import vega_bundle
from answerable.publish.finished import dead_links, unexplained_numbers

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
ANSWERABLE = Path(sys.executable).parent / "answerable"

Row = dict[str, str]
MISSING = "missing"
"""In a column that a row of the file does not reach."""


@dataclass(frozen=True, eq=False)
class Example(Built):
    """An example that has been built, and the rows of the file that it was built from."""

    raw: tuple[Row, ...]


def example(folder: Path, name: str, variable: str, default: str, **changes: str) -> Example:
    """Builds an example in a folder of its own; ``changes`` are made in its sources.yml."""
    path = Path(os.environ.get(variable, SHARED / default)).resolve()
    if not path.exists():
        pytest.skip(f"{default} is not at hand: {variable} may name it")
    project = folder / name
    shutil.copytree(ROOT / "examples" / name / "data", project / "data")
    sources = project / "data" / "sources.yml"
    text = sources.read_text("utf-8")
    for before, after in changes.items():
        assert text.count(f"{before}:") == 1
        text = re.sub(rf"{before}: .*", f"{before}: {after}", text)
    sources.write_text(text, "utf-8")
    # The drawing library's code for browsers takes seconds to make, and is the same for each.
    vega_bundle(project / "build" / "cache")
    built = subprocess.run(
        [ANSWERABLE, "build", project],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {variable: str(path)},
    )
    assert built.returncode == 0, built.stderr
    with path.open(encoding="utf-8", newline="") as file:
        return Example(project, tuple(csv.DictReader(file, restval=MISSING)))


def instant(epoch: str) -> datetime:
    return datetime.fromtimestamp(float(epoch), UTC).replace(microsecond=0)


# -- petitions ---------------------------------------------------------------------------------------------------------

TOO_EARLY = "50d47d37b15a7af10b000009"
"""The petition that shares an answer with 32 others and was begun a day after it."""
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def petitions(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return example(
        tmp_path_factory.mktemp("examples"),
        "petitions",
        "PETITIONS_CSV",
        "wethepeople-2011-2013/petitions.csv",
    )


def threshold_in_force(row: Row) -> int:
    """The signatures that a petition needed for an answer, by the day on which it was begun."""
    begun = instant(row["created"])
    if begun < datetime(2011, 10, 3, 19, tzinfo=UTC):
        return 5_000
    return 25_000 if begun < datetime(2013, 1, 15, 21, tzinfo=UTC) else 100_000


def test_petitions_and_their_answers(petitions: Example) -> None:
    raw = {row["id"]: row for row in petitions.raw}
    answered = {n: row for n, row in raw.items() if row["response.id"]}
    assert (len(raw), len(answered)) == (1_940, 186)
    assert len({row["response.id"] for row in answered.values()}) == 121

    feedback = {row["feedback_id"]: row for row in petitions.published("feedback")}
    assert {row["record_id"] for row in feedback.values()} == raw.keys()
    for row in feedback.values():
        given = raw[row["record_id"]]
        assert datetime.fromisoformat(row["created_at"]) == instant(given["created"])
        assert int(row["support_count"]) == float(given["signatureCount"])
    replies = [row for row in petitions.published("updates") if row["kind"] == "replied"]
    assert len(replies) == len(answered)
    assert {
        (feedback[row["feedback_id"]]["record_id"], row["url"], datetime.fromisoformat(row["at"]))
        for row in replies
    } == {(n, row["response.url"], instant(row["response.associationTime"])) for n, row in answered.items()}

    responses = petitions.published("responses")
    assert len(responses) == 121
    assert {row["url"]: int(row["feedback_count"]) for row in responses} == Counter(
        row["response.url"] for row in answered.values()
    )
    assert {(row["url"], datetime.fromisoformat(row["responded_at"])) for row in responses} == {
        (row["response.url"], instant(row["response.associationTime"])) for row in answered.values()
    }
    assert petitions.measured("held").value == petitions.measured("raised").value == 1_940
    assert petitions.measured("responses").value == 121
    assert petitions.measured("supporters").value == sum(float(row["signatureCount"]) for row in raw.values())


def test_the_answer_that_is_older_than_its_petition_is_a_finding(petitions: Example) -> None:
    early = [
        row["id"]
        for row in petitions.raw
        if row["response.id"] and instant(row["response.associationTime"]) < instant(row["created"])
    ]
    assert early == [TOO_EARLY]
    found = [row for row in petitions.published("findings") if row["finding_code"] != "closed_without_time"]
    assert [(row["record_id"], row["finding_code"], row["column_name"]) for row in found] == [
        (TOO_EARLY, "updated_before_created", "note_at")
    ]


def test_the_threshold_in_force_says_who_is_still_waiting(petitions: Example) -> None:
    due = {r["id"] for r in petitions.raw if float(r["signatureCount"]) >= threshold_in_force(r)}
    answered = {row["id"] for row in petitions.raw if row["response.id"]}
    pending = due - answered
    assert (len(pending), len(answered - due)) == (43, 36)
    assert pending == {row["id"] for row in petitions.raw if row["status"] == "pending response"}

    # With one threshold for all of them it would be other petitions.
    for threshold in (5_000, 25_000, 100_000):
        flat = {row["id"] for row in petitions.raw if float(row["signatureCount"]) >= threshold} - answered
        assert flat != pending

    feedback = petitions.published("feedback")
    replied = {row["feedback_id"] for row in petitions.published("updates") if row["kind"] == "replied"}
    assert pending == {
        row["record_id"]
        for row in feedback
        if int(row["support_count"]) >= int(row["threshold_count"]) and row["feedback_id"] not in replied
    }
    # Two petitions were begun, and published some days later under the next threshold.
    thresholds = {row["id"]: threshold_in_force(row) for row in petitions.raw}
    assert sum(int(row["threshold_count"]) != thresholds[row["record_id"]] for row in feedback) == 2


def test_the_share_that_was_answered(petitions: Example) -> None:
    """An answer counts where it was due or given; what cannot be true is in no share."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in petitions.raw:
        month = instant(row["created"]).astimezone(NEW_YORK).strftime("%Y-%m")
        is_answered = bool(row["response.id"])
        is_due = is_answered or float(row["signatureCount"]) >= threshold_in_force(row)
        for interval in ("all", month):
            counts[interval]["raised"] += 1
            if row["id"] != TOO_EARLY:
                counts[interval]["answered"] += is_answered
                counts[interval]["due"] += is_due
    assert len(counts) == 23
    for interval, count in counts.items():
        rate = petitions.measured("response_rate", interval=interval)
        assert (rate.numerator, rate.denominator) == (count["answered"], count["due"]), interval
        assert petitions.measured("raised", interval=interval).value == count["raised"]
    assert counts["all"]["due"] - counts["all"]["answered"] == 43
    # Nobody knows since when an answer was due: no time to it is published.
    times = [r for r in petitions.published("measures") if "_to_first_response" in r["measure"]]
    assert times
    assert {row["value"] for row in times} == {""}


def test_the_pages_of_petitions_hold_together(petitions: Example) -> None:
    assert dead_links(petitions.site, base_path="/petitions/") == []
    assert unexplained_numbers(petitions.site) == []


# -- trains ------------------------------------------------------------------------------------------------------------

CUT = "3399"
"""The post that the file cuts in two: a line end stands in its text, without quotes."""
WITHOUT_PARENT = {"1621", "3398", "3745", "5530"}
"""Official replies to posts that the file does not hold, or holds in two pieces."""

# Ten conversations, read one by one in the file and on the pages: four in which a train operator speaks, two that an
# agency's own post begins, four others (random.Random(2017).sample of each kind).
#
#   root post  answers  who       when (UTC)
TEN = """
    1189 1189  -       official  2017-10-31T21:59:22
    1189 1193  1189    official  2017-10-31T22:12:50
    4216 4216  1193    person    2017-10-31T23:06:40
    4216 4215  4216    official  2017-10-31T23:11:25
    2042 2042  -       person    2017-10-31T22:27:14
    2042 2041  2042    official  2017-10-31T22:29:57
    6955 6955  -       person    2017-11-19T17:39:49
    6955 6953  6955    official  2017-11-19T17:49:41
    6955 6954  6953    person    2017-11-19T17:57:03
    3744 3744  3745    person    2017-10-31T22:42:37
    3744 3743  3744    official  2017-10-31T23:01:36
    884  884   886     person    2017-10-30T23:04:31
    884  883   884     official  2017-10-31T08:28:10
    884  881   883     person    2017-10-31T16:45:37
    884  880   881     official  2017-10-31T22:23:30
    866  866   -       person    2017-10-31T22:14:42
    866  865   866     official  2017-10-31T22:17:55
    866  864   865     person    2017-10-31T22:22:05
    866  863   864     official  2017-10-31T22:25:07
    5664 5664  -       person    2017-10-31T19:30:31
    5664 5662  5664    official  2017-10-31T23:00:02
    5664 5663  5662    person    2017-11-01T02:21:59
    5664 5665  5663    official  2017-11-01T14:17:34
    5021 5021  -       person    2017-10-31T23:11:07
    5021 5020  5021    person    2017-10-31T23:17:27
    5021 5019  5020    official  2017-10-31T23:27:42
    5849 5849  -       person    2017-10-31T23:18:58
    5849 5847  5849    official  2017-10-31T23:36:30
    5849 5848  5847    person    2017-11-01T00:00:17
    5849 5850  5848    official  2017-11-01T00:13:49
"""
SPEAKERS = {"1189": "virgin-trains", "4216": "virgin-trains", "2042": "virgin-trains", "6955": "gwr"}
"""Whose official posts they are; in the others, another company's."""


@dataclass(frozen=True, order=True)
class Message:
    """A post of one of the ten conversations."""

    at: datetime
    record_id: str
    answers: str | None
    is_official: bool


def ten_threads() -> dict[str, list[Message]]:
    threads: dict[str, list[Message]] = defaultdict(list)
    for line in TEN.split("\n")[1:-1]:
        root, post, answers, who, at = line.split()
        parent = None if answers == "-" else answers
        threads[root].append(Message(datetime.fromisoformat(at), post, parent, who == "official"))
    return threads


@pytest.fixture(scope="module")
def trains(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return example(tmp_path_factory.mktemp("examples"), "trains", "TWCS_CSV", "twcs-5000/twcs.csv")


@pytest.fixture(scope="module")
def open_trains(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The same with its messages on the pages: the licence of the example's data does not allow it to a site."""
    folder = tmp_path_factory.mktemp("open")
    return example(folder, "trains", "TWCS_CSV", "twcs-5000/twcs.csv", publish_rows="true")


@pytest.fixture(scope="module")
def posts(trains: Example) -> dict[str, Row]:
    """The rows of the file that are whole."""
    return {row["tweet_id"]: row for row in trains.raw if row["in_response_to_tweet_id"] != MISSING}


def parent_of(row: Row) -> str | None:
    return row["in_response_to_tweet_id"].removesuffix(".0") or None


def is_official(row: Row) -> bool:
    return {"False": True, "True": False}[row["inbound"]]


def root_of(post: str, posts: Mapping[str, Row]) -> str:
    """The topmost post of a person on the way up; the topmost post of all where no person has spoken."""
    way = [post]
    while (parent := parent_of(posts[way[-1]])) in posts:
        assert parent is not None
        assert parent not in way
        way.append(parent)
    people = [n for n in way if not is_official(posts[n])]
    return (people or way)[-1]


def test_the_file_is_held_but_for_one_post(trains: Example, posts: dict[str, Row]) -> None:
    ids = Counter(row["tweet_id"] for row in trains.raw)
    assert [n for n, count in ids.items() if count > 1] == ["3398"]  # once as the end of the post that is cut
    assert (len(trains.raw), len(ids), len(posts)) == (5_001, 5_000, 4_999)
    assert ids.keys() - posts.keys() == {CUT}

    held = {row["record_id"]: row for row in trains.held("feedback")}
    assert held.keys() == posts.keys()
    for n, row in held.items():
        assert (row["reply_to_id"], row["is_official"]) == (parent_of(posts[n]), is_official(posts[n])), n
        given = datetime.strptime(posts[n]["created_at"], "%a %b %d %H:%M:%S %z %Y")
        assert row["created_at"].replace(tzinfo=UTC) == given
    official = [row for row in held.values() if row["is_official"]]
    assert len(official) == trains.measured("excluded", "exclusion", "official").value == 2_222
    assert sum(row["reply_to_id"] is None for row in official) == 21

    findings: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in trains.held("finding"):
        findings[row["finding_code"]].append(row)
    assert {row["record_id"] for row in findings.pop("reply_without_parent")} == WITHOUT_PARENT
    assert [(row["line"], row["row_count"]) for row in findings.pop("row_unreadable")] == [(2_589, 2)]
    assert not findings
    missing = {n for n, r in posts.items() if is_official(r) and parent_of(r) and parent_of(r) not in posts}
    assert missing == WITHOUT_PARENT


def test_every_post_goes_back_to_the_same_root(trains: Example, posts: dict[str, Row]) -> None:
    roots = {n: root_of(n, posts) for n in posts}
    held = {row["record_id"]: row for row in trains.held("feedback")}
    assert {n: row["conversation_id"] for n, row in held.items()} == roots

    by_id = {row["feedback_id"]: row["record_id"] for row in held.values()}
    replies = Counter(
        (by_id[u["feedback_id"]], u["at"]) for u in trains.held("feedback_update") if u["kind"] == "replied"
    )
    assert replies == Counter(
        (roots[n], held[n]["created_at"])
        for n, row in posts.items()
        if is_official(row) and not is_official(posts[roots[n]])
    )
    people = {n for n, row in posts.items() if not is_official(row)}
    begun = {n for n in people if roots[n] == n}
    assert trains.measured("excluded", "exclusion", "part_of_conversation").value == len(people - begun)
    noise = [row for row in trains.held("reading") if row["exclusion"] in ("duplicate", "irrelevant")]
    assert trains.measured("raised").value == len(begun) - len(noise)


def test_ten_conversations_are_as_they_were_read(trains: Example) -> None:
    conversations: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in trains.held("feedback"):
        conversations[row["conversation_id"]].append(row)
    reading = {row["feedback_id"]: row for row in trains.held("reading")}
    issues = {row["feedback_id"]: row["issue_id"] for row in trains.held("issue_feedback")}
    updates: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in trains.held("feedback_update"):
        if row["kind"] == "replied":
            updates[row["feedback_id"]].append((row["at"], row["agency_code"]))
    threads = ten_threads()
    assert len(threads) == 10
    for root, messages in threads.items():
        rows = {row["record_id"]: row for row in conversations[root]}
        assert messages == sorted(
            Message(row["created_at"], n, row["reply_to_id"], row["is_official"]) for n, row in rows.items()
        )
        top = rows[root]["feedback_id"]
        speaker = SPEAKERS.get(root, "other-companies")
        replies = [(m.at, speaker) for m in messages if m.is_official]
        # Where nobody but the agency spoke, nothing was raised: there is nothing that it answers.
        is_raised = not rows[root]["is_official"]
        assert sorted(updates[top]) == (replies if is_raised else []), root
        # What is put to a private company may be taken for no public service's; never what is put to a railway.
        left_out = reading[top]["exclusion"] if reading[top]["exclusion_rule"] == "irrelevant:model" else None
        assert left_out is None or speaker == "other-companies", root
        assert (top in issues) == (is_raised and left_out is None)
        for n, row in rows.items():
            exclusion = (
                "official" if row["is_official"] else left_out if n == root else "part_of_conversation"
            )
            assert reading[row["feedback_id"]]["exclusion"] == exclusion, n
            assert reading[row["feedback_id"]]["agency_code"] == speaker, n


def test_nothing_of_a_person_and_no_rate_is_published(trains: Example) -> None:
    for name in ("feedback", "updates", "responses", "findings"):
        assert trains.published(name) == []
    assert not [row for row in trains.published("measures") if "rate" in row["measure"]]
    pages = list(trains.site.rglob("index.html"))
    assert len(pages) > 10
    assert [p for p in pages if "no rate can be computed" not in p.read_text("utf-8")] == []
    assert dead_links(trains.site, base_path="/trains/") == []
    assert unexplained_numbers(trains.site) == []


def test_the_pages_of_the_ten_conversations(open_trains: Example) -> None:
    feedback = {row["record_id"]: row for row in open_trains.published("feedback")}
    issues = {row["issue_id"]: row for row in open_trains.published("issues")}
    item = re.compile(r'<li class="timeline__item timeline__item--(\w+).*?<time datetime="([\d-]+)">')
    shown = 0
    for root, messages in ten_threads().items():
        issue = issues.get(feedback[root]["issue_id"])
        people = [m for m in messages if not m.is_official]
        # One message is no issue of many: it is told on the pages of its topic and its agency.
        if len(people) < 2 or feedback[root]["exclusion_rule"] == "irrelevant:model":
            assert issue is None or issue["has_page"] == "false", root
            continue
        assert issue is not None
        page = (open_trains.site / "issues" / issue["slug"] / "index.html").read_text("utf-8")
        # What a person raised, and all that was answered; London's days were those of UTC then.
        told = [
            ("replied" if m.is_official else "raised", f"{m.at:%Y-%m-%d}")
            for m in messages
            if m.is_official or m is people[0]
        ]
        first, last = (datetime.fromisoformat(issue[c]).replace(tzinfo=None) for c in ("first_at", "last_at"))
        if int(issue["feedback_count"]) == 1:
            assert (first, last) == (people[0].at, people[-1].at)
            assert item.findall(page) == told, root
        else:  # others said the same
            assert first <= people[0].at <= people[-1].at <= last
            assert not Counter(told) - Counter(item.findall(page)), root
        shown += 1
    assert shown == 5  # of the six with two messages of people one was put to an airline
