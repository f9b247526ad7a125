"""The demonstration city's generator: what it promises about its files, seen from outside."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from shapely import coverage_is_valid
from shapely.geometry import Point, Polygon, shape
from shapely.ops import unary_union

DEMO = Path(__file__).parents[2] / "data" / "demo"
MODULES = [path.stem for path in DEMO.glob("*.py")]


def make(out: Path, *options: str) -> Path:
    subprocess.run([sys.executable, "-B", str(DEMO / "make.py"), "--out", str(out), *options], check=True)
    return out


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def truth(city: Path) -> dict[str, Any]:
    return dict(json.loads((city / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def requests(city: Path) -> list[dict[str, str]]:
    with (city / "requests.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def posts(city: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for line in (city / "posts.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            post = json.loads(line)
        except json.JSONDecodeError:
            continue
        if post["_type"] == "snscrape.modules.twitter.Tweet":
            found[str(post["id"])] = post
    return found


@pytest.fixture(scope="module")
def petitions(city: Path) -> dict[str, dict[str, Any]]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["data"]["attributes"]
        for path in (city / "petitions").glob("*.json")
    }


def hand_written(*names: str) -> list[str]:
    lines = [
        line
        for name in names
        for path in sorted((DEMO / "messages").glob(name))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("# ") and not re.fullmatch(r"\[[\w/ -]+\]( [\w-]+)?", line)
    ]
    return [
        re.sub(r"^(<[^>]+>|{(?:es|pl|de|fr|pt|winter|summer|[A-Z](?::[\w-]+)?)}) ", "", line)
        for line in lines
    ]


def test_two_runs_write_the_same_bytes_and_another_seed_does_not(city: Path, tmp_path: Path) -> None:
    again = make(tmp_path / "again", "--seed", "7", "--rows", "20000")
    assert digests(again) == digests(city)
    other = digests(make(tmp_path / "other", "--seed", "8"))
    same = {name for name, digest in other.items() if digests(city).get(name) == digest}
    assert not same & {"requests.csv", "posts.jsonl", "inspections.csv", "truth.json"}
    assert "areas.geojson" in same, "the map does not depend on the seed"


def test_the_words_are_many_and_written_by_hand() -> None:
    messages = hand_written(
        "posts.*.txt", "campaigns.txt", "threads.txt", "noise.txt", "wants.txt", "problems.txt"
    )
    petitions = hand_written("petitions.txt")
    replies = hand_written("replies.txt", "notes.txt")
    assert len(set(messages)) >= 900
    assert len(set(petitions)) >= 115
    assert len(set(replies)) >= 300
    forms = Counter(
        re.sub(r"[\W\d_]+", " ", re.sub(r"{\w+}", " ", text)).strip().casefold() for text in messages
    )
    assert len(forms) >= 900, "a slot with another name does not make another message"


def test_no_form_of_sentence_covers_over_one_percent(
    posts: dict[str, dict[str, Any]], requests: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DEMO))
    demo_city = importlib.import_module("city")
    facts = demo_city.load_city()
    said = [post["rawContent"] for post in posts.values()]
    described = [row["description"] for row in requests if row["description"]]
    for texts in (said, described):
        whole = Counter(demo_city.skeleton(text, facts) for text in texts)
        assert max(whole.values()) / len(texts) <= 0.01
    for name in MODULES:
        sys.modules.pop(name, None)


def test_counts_and_sizes(
    city: Path,
    requests: list[dict[str, str]],
    posts: dict[str, dict[str, Any]],
    petitions: dict[str, dict[str, Any]],
    truth: dict[str, Any],
) -> None:
    planted = sum(len(problem["requests"]) for problem in truth["problems"].values())
    assert len(requests) == len({row["request_id"] for row in requests}) == truth["requests"]["row_count"]
    assert len(requests) == 15000 + planted + 12, "and twelve whose notes hold personal data"
    assert 4500 <= len(posts) == truth["posts"]["post_count"] <= 5000
    assert len(petitions) == 129
    assert sum(path.stat().st_size for path in city.rglob("*") if path.is_file()) < 15_000_000
    described = sum(1 for row in requests if row["description"]) / len(requests)
    assert 0.35 < described < 0.45
    assert sum(1 for row in requests if row["note"]) > 8000


def test_every_time_exists_on_the_citys_clock_and_none_is_later_than_as_of(
    requests: list[dict[str, str]], posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    zone, as_of = ZoneInfo(truth["timezone"]), datetime.fromisoformat(truth["as_of"])
    for row in requests:
        for column in ("opened", "acknowledged", "updated", "closed"):
            if row[column] and not row[column].startswith("1900"):
                local = datetime.fromisoformat(row[column]).replace(tzinfo=zone)
                assert local.utcoffset() == local.replace(fold=1).utcoffset(), (
                    "the hour occurs twice or never"
                )
                assert local.astimezone(UTC) <= as_of
    assert max(datetime.fromisoformat(post["date"]) for post in posts.values()) <= as_of
    assert min(int(number) for number in posts) > 2**53


def test_posts_carry_snscrapes_keys_and_threads_hold_together(
    posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    keys = {frozenset(post) for post in posts.values()}
    assert len(keys) == 1
    assert {"rawContent", "content", "conversationId", "inReplyToTweetId", "_snscrape", "username"} <= next(
        iter(keys)
    )
    for post in posts.values():
        parent = post["inReplyToTweetId"]
        assert post["content"] == post["rawContent"]
        if parent is None:
            assert post["conversationId"] == post["id"]
        else:
            above = posts[str(parent)]
            assert post["conversationId"] == above["conversationId"]
            assert post["date"] > above["date"]
    for number, reply in truth["posts"]["official_replies"].items():
        assert str(posts[number]["inReplyToTweetId"]) == reply["answers"]
        assert str(posts[number]["conversationId"]) == reply["conversation"]
    for copy, first in truth["posts"]["duplicates"].items():
        assert posts[first]["rawContent"] in posts[copy]["rawContent"]
        assert posts[first]["date"] < posts[copy]["date"]


def test_requests_sent_twice_say_the_same_at_the_same_place(
    requests: list[dict[str, str]], truth: dict[str, Any]
) -> None:
    rows = {row["request_id"]: row for row in requests}
    assert len(truth["requests"]["duplicates"]) > 100
    for copy, first in truth["requests"]["duplicates"].items():
        assert rows[copy]["description"]
        for column in ("account", "description", "category", "neighbourhood", "latitude", "longitude"):
            assert rows[copy][column] == rows[first][column]
        assert rows[first]["opened"] < rows[copy]["opened"]


def test_people_do_not_repeat_each_other_by_accident(
    posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    originals = set(truth["posts"]["feedback"])
    texts = Counter(posts[number]["rawContent"].casefold() for number in originals)
    assert max(texts.values()) == 1


def test_areas_tile_the_city_and_hold_the_requests(
    city: Path, requests: list[dict[str, str]], truth: dict[str, Any]
) -> None:
    features = json.loads((city / "areas.geojson").read_text(encoding="utf-8"))["features"]
    polygons = {f["properties"]["name"]: shape(f["geometry"]) for f in features}
    assert len(polygons) == 14
    for polygon in polygons.values():
        assert isinstance(polygon, Polygon)
        assert polygon.is_valid
        assert len(polygon.exterior.coords) > 40, "an outline, not a box"
    assert coverage_is_valid(list(polygons.values())), "neighbours share their borders"
    land = unary_union(list(polygons.values()))
    assert isinstance(land, Polygon)
    assert not land.interiors
    spelt = {"St. Anselms": "St Anselm's", "Tanners Row": "Tanner's Row", "GANTRY TOWN": "Gantry Town"}
    placed = [row for row in requests if row["neighbourhood"] and row["latitude"] not in ("", "0.0")]
    for row in placed:
        name = spelt.get(row["neighbourhood"], row["neighbourhood"])
        assert polygons[name].contains(Point(float(row["longitude"]), float(row["latitude"])))
    unplaced = {row["request_id"] for row in requests if not row["neighbourhood"]}
    assert unplaced == set(truth["requests"]["unplaced_ids"])
    assert 0.04 < len(unplaced) / len(requests) < 0.06


def test_impossible_times_are_all_listed(requests: list[dict[str, str]], truth: dict[str, Any]) -> None:
    odd = {
        row["request_id"]
        for row in requests
        if row["closed"] and (row["closed"] < row["opened"] or row["status"] == "Open")
    }
    assert odd == set(truth["requests"]["impossible_times"])
    kinds = Counter(truth["requests"]["impossible_times"].values())
    assert kinds == {"closed before opened": 28, "closed in 1900": 8, "open with a closing date": 10}


def test_the_failure_stands_out_of_the_weeks_around_it(
    requests: list[dict[str, str]], truth: dict[str, Any]
) -> None:
    failure = truth["requests"]["failure"]
    first, last = datetime.fromisoformat(failure["from"]), datetime.fromisoformat(failure["to"])
    names = {"Kilnfields", "Beckside"}
    opened = [
        datetime.fromisoformat(row["opened"])
        for row in requests
        if row["category"] == failure["category"] and row["neighbourhood"] in names
    ]
    inside = sum(1 for at in opened if first <= at < last + timedelta(1))
    assert inside == failure["placed_request_count"]
    before = sum(1 for at in opened if first - timedelta(175) <= at < first) / 5
    assert inside / before > 3
    assert abs(len(failure["request_ids"]) / failure["expected_without_failure"] - 6) < 2


def test_agencies_differ_as_planted(truth: dict[str, Any]) -> None:
    agencies = truth["requests"]["agencies"]
    respond = {code: agency["median_days_to_first_response"] for code, agency in agencies.items()}
    assert respond["water"] < 3
    assert 30 < respond["housing"] < 50
    assert respond["parks"] > 50
    assert respond["parking"] is None, "it closes without an answer, so half are never answered"
    parking = agencies["parking"]["note_class_counts"]
    assert parking["administrative"] / sum(parking.values()) > 0.6


def test_personal_data_is_where_the_truth_says_and_nowhere_else(
    city: Path, requests: list[dict[str, str]], posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    texts = {("requests", r["request_id"]): f"{r['description']}\n{r['note']}" for r in requests}
    texts |= {("posts", number): post["rawContent"] for number, post in posts.items()}
    whole = "\n".join(texts.values())
    kinds = set()
    for planted in truth["personal_data"]:
        kinds.add(planted["kind"])
        if planted["source_id"] in ("petitions", "register"):
            assert planted["kind"] not in ("name", "email") or planted["text"] not in whole
            continue
        assert planted["text"] in texts[planted["source_id"], planted["record_id"]]
        if planted["kind"] not in ("first", "last_name", "last"):
            again = {key for key, text in texts.items() if planted["text"] in text}
            same = {
                (p["source_id"], p["record_id"])
                for p in truth["personal_data"]
                if planted["text"] in p["text"]
            }
            assert again <= same
    assert kinds == {
        *(
            "name",
            "name2",
            "last_name",
            "last",
            "first",
            "email",
            "mail_spelt",
            "phone",
            "phone_words",
            "house",
        ),
        *("plate", "handle", "card", "iban", "ssn", "profile"),
    }
    entries = {path.stem: path.read_text(encoding="utf-8") for path in (city / "register").glob("*.md")}
    wholes = [p for p in truth["personal_data"] if p["kind"] not in ("first", "last_name", "last")]
    for entry, text in entries.items():
        held = {p["text"] for p in wholes if p["text"] in text}
        assert held == {p["text"] for p in wholes if p["record_id"] == entry}
    assert sum(p["source_id"] == "register" for p in truth["personal_data"]) >= 4
    drafts = {
        p["record_id"]
        for p in truth["personal_data"]
        if p["kind"] == "email" and p["source_id"] == "petitions"
    }
    assert drafts


def test_petitions_and_their_answers(petitions: dict[str, dict[str, Any]], truth: dict[str, Any]) -> None:
    planted = truth["petitions"]
    answered = {number for number, one in petitions.items() if one["government_response"]}
    assert answered == set(planted["answered"])
    reached = {number for number, one in petitions.items() if one["response_threshold_reached_at"]}
    assert reached | answered == set(planted["eligible_ids"])
    assert reached - answered == set(planted["waiting_ids"])
    assert all(petitions[number]["signature_count"] >= planted["threshold"] for number in reached)
    assert all(
        one["signature_count"] < planted["threshold"] for n, one in petitions.items() if n not in reached
    )
    for one in petitions.values():
        if one["government_response"] and one["response_threshold_reached_at"]:
            assert one["government_response_at"] > one["response_threshold_reached_at"] > one["opened_at"]
    shared = planted["answers_shared"]["evening-buses"]
    assert len(shared) == 6
    assert len({petitions[number]["government_response"]["details"] for number in shared}) == 1
    assert {one["state"] for one in petitions.values()} == {"open", "closed", "rejected", "stopped"}


def test_the_broken_export_is_broken_and_the_one_before_is_not(city: Path, truth: dict[str, Any]) -> None:
    with (city / truth["broken_source"]["last_sound_file"]).open(encoding="utf-8", newline="") as file:
        sound = list(csv.DictReader(file))
    assert len(sound) == truth["broken_source"]["last_sound_rows"]
    header = (city / "permits_export.csv").read_text(encoding="utf-8").split("\n", 1)[0].split(",")
    assert not set(truth["broken_source"]["missing_columns"]) & set(header)
    assert set(truth["broken_source"]["missing_columns"]) <= set(sound[0])


def test_the_register_names_records_that_exist(
    city: Path,
    requests: list[dict[str, str]],
    posts: dict[str, dict[str, Any]],
    petitions: dict[str, dict[str, Any]],
) -> None:
    known = {f"requests:{row['request_id']}" for row in requests}
    known |= {f"posts:{number}" for number in posts} | {f"petitions:{number}" for number in petitions}
    entries = sorted((city / "register").glob("*.md"))
    assert 12 <= len(entries) <= 20
    for path in entries:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"^  - ((?:requests|posts|petitions):\S+)$", text, re.MULTILINE)
        assert named, path.name
        assert set(named) <= known
        assert "select:" not in text


def test_a_problem_is_raised_in_several_ways_and_its_members_are_named(
    requests: list[dict[str, str]],
    posts: dict[str, dict[str, Any]],
    petitions: dict[str, dict[str, Any]],
    truth: dict[str, Any],
) -> None:
    rows = {row["request_id"]: row for row in requests}
    problems = truth["problems"]
    assert sum(bool(p["posts"] and p["requests"] and p["petitions"]) for p in problems.values()) >= 6
    for name, problem in problems.items():
        first, last = datetime.fromisoformat(problem["from"]), datetime.fromisoformat(problem["to"])
        assert timedelta(7) < last - first < timedelta(40), name
        assert {posts[number]["lang"] for number in problem["posts"]} - {"en"}, f"{name}: two languages"
        texts = [posts[number]["rawContent"] for number in problem["posts"]]
        assert len(set(texts)) == len(texts) >= 7
        assert {posts[number]["conversationId"] for number in problem["posts"]} == set(
            map(int, problem["posts"])
        )
        ways = {(p["names_place"], p["has_point"]) for p in problem["posts"].values()}
        assert (False, False) in ways, f"{name}: some posts have no place at all"
        assert (True, False) in ways, f"{name}: some have it in words alone"
        for number, on in problem["requests"].items():
            assert rows[number]["category"] == problem["category"]
            assert problem["from"] <= on <= problem["to"]
        assert all(petitions[number]["state"] in ("open", "closed") for number in problem["petitions"])
        beside = problem["beside"] and problems[problem["beside"]]
        if beside:
            assert beside["topic"] == problem["topic"]
            assert beside["areas"] != problem["areas"]
            assert problem["from"] <= beside["to"]
            assert beside["from"] <= problem["to"]
    assert sum(bool(problem["beside"]) for problem in problems.values()) >= 6


def test_closings_of_a_problem_fit_it_and_each_other(
    requests: list[dict[str, str]], truth: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DEMO))
    words = importlib.import_module("city").load_messages("problems.txt")
    classes = truth["requests"]["update_classes"]
    rows = {row["request_id"]: row for row in requests}
    for name, problem in truth["problems"].items():
        own = {note.text: note.about[0] for note in words[f"{name}/notes"]}
        closed = [n for n in problem["requests"] if rows[n]["status"] == "Closed" and rows[n]["note"]]
        assert closed, name
        for number in closed:
            note = rows[number]["note"]
            if note in own:
                assert classes[number] == own[note]
                # Nothing is mended while people still raise it.
                assert own[note] != "work_done" or rows[number]["closed"][:10] > problem["to"]
            else:
                first = min(problem["requests"], key=lambda other: rows[other]["opened"])
                assert (note, classes[number]) == (f"Closed as a duplicate of {first}.", "administrative")


def test_one_problem_lasts_into_the_last_days(
    truth: dict[str, Any], posts: dict[str, dict[str, Any]]
) -> None:
    ferry = truth["problems"]["ferry-ramp"]
    last = datetime.fromisoformat(truth["as_of"]) - timedelta(hours=8)
    assert ferry["to"] == last.date().isoformat()
    assert len({posts[number]["username"] for number in ferry["posts"]}) >= 30, "many people, not many posts"
    answered = {reply["answers"] for reply in truth["posts"]["official_replies"].values()} & set(
        ferry["posts"]
    )
    assert 0 < len(answered) < len(ferry["posts"]) / 2


def test_copies_are_alike_and_reports_by_one_form_are_about_different_places(
    posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    planted = truth["planted"]

    def words(number: str) -> set[str]:
        return set(re.findall(r"\w+", posts[number]["rawContent"].casefold()))

    for copy, first in planted["near_duplicates"].items():
        assert posts[copy]["rawContent"] != posts[first]["rawContent"]
        assert len(words(copy) & words(first)) / len(words(copy) | words(first)) > 0.7
        assert posts[first]["date"] < posts[copy]["date"]
        assert first in truth["posts"]["feedback"]
        assert copy not in truth["posts"]["feedback"]
    for ids in planted["templates"].values():
        assert set(ids) <= set(truth["posts"]["feedback"])
        assert len({posts[number]["rawContent"] for number in ids}) == len(ids) == 12
    lamps = [posts[number]["rawContent"] for number in planted["templates"]["lights"]]
    assert Counter(re.search(r"out on ([^,]+)", text)[1] for text in lamps).most_common(1)[0][1] == 7  # type: ignore[index]


def test_a_brigade_is_forty_new_accounts_in_two_hours(
    posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    brigade = [posts[number] for number in truth["planted"]["brigade"]]
    times = [datetime.fromisoformat(post["date"]) for post in brigade]
    assert max(times) - min(times) <= timedelta(hours=2)
    written = Counter(post["username"] for post in posts.values())
    assert len(brigade) == 40
    assert all(written[post["username"]] == 1 for post in brigade), "nobody saw them before or after"
    for number, first in truth["planted"]["wave"].items():
        assert posts[number]["rawContent"].startswith(f"RT @{posts[first]['username']}: ")
    assert not {*truth["planted"]["brigade"], *truth["planted"]["wave"]} & set(truth["posts"]["feedback"])


def test_other_languages_intents_and_urgencies_are_planted(
    posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    langs = truth["planted"]["languages"]
    counts = Counter(facts["lang"] for facts in langs.values())
    assert all(counts[lang] >= 20 for lang in ("de", "fr", "pt", "es", "pl"))
    for number, facts in langs.items():
        assert posts[number]["lang"] == (facts["lang"] if facts["is_said"] else "und")
    assert 20 < sum(not facts["is_said"] for facts in langs.values()) < 100
    wants = truth["planted"]["wants"].values()
    intents = Counter(facts["intent"] for facts in wants)
    assert set(intents) == {"safety", "question", "suggestion", "praise", "complaint", "report"}
    assert min(intents.values()) >= 5
    assert {facts["urgency"] for facts in wants} == {"high", "normal", "low"}


def test_answers_elsewhere_name_the_ticket_and_likenesses_name_none(
    requests: list[dict[str, str]], posts: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    rows = {row["request_id"]: row for row in requests}
    for kind, names in (("answers_elsewhere", True), ("likeness_elsewhere", False)):
        for number, facts in truth["planted"][kind].items():
            post = posts[number]
            assert post["inReplyToTweetId"] is None
            assert number in truth["posts"]["official_ids"]
            for request in facts["requests"]:
                assert (request in post["rawContent"]) is names
                assert rows[request]["opened"] < post["date"]
                assert request in truth["requests"]["unanswered_ids"]


def test_what_is_planted_changes_nothing_of_everyday_life(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: list[dict[str, str]]
) -> None:
    monkeypatch.syspath_prepend(str(DEMO))
    plants = importlib.import_module("plants")
    planted_posts = importlib.import_module("plants_posts")
    maker = importlib.import_module("make")
    monkeypatch.setattr(plants.Plants, "requests", lambda _: [])
    monkeypatch.setattr(plants.Plants, "petitions", lambda _: [])
    monkeypatch.setattr(planted_posts.PlantedPosts, "plant", lambda *_: None)
    monkeypatch.setattr(maker, "write_register", lambda *_: {})
    maker.make(tmp_path, 7, 20000)
    alone = set((tmp_path / "requests.csv").read_text("utf-8").splitlines())
    assert alone < set((city / "requests.csv").read_text("utf-8").splitlines())
    lines = set((tmp_path / "posts.jsonl").read_text("utf-8").splitlines())
    whole = {line for line in lines if line.endswith("}") and ".Tombstone" not in line[:50]}
    assert whole < set((city / "posts.jsonl").read_text("utf-8").splitlines())
    for path in (tmp_path / "petitions").glob("*.json"):
        assert path.read_bytes() == (city / "petitions" / path.name).read_bytes()
    for name in MODULES:
        sys.modules.pop(name, None)
