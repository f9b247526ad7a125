"""petitions/*.json: petitions to the city, one file each, in the shape of the UK Parliament's petitions API."""

from __future__ import annotations

import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from city import HERE, City, People, days_later, lognormal

THRESHOLD = 1000
HOST = "https://petitions.merrowport.example"
OPEN_DAYS = 182
REJECTIONS = {
    "duplicate": "There is already a petition about this. More signatures on one petition do more than a few on each.",
    "no-action": "It is not clear what you ask the city to do. You can start a new petition that says so.",
    "irrelevant": "This is about something that the city is not responsible for.",
    "privacy": "It is about particular people. We cannot publish that.",
    "fake-name": "It was not started under a real name.",
    "already-happening": "The city does this already: the budgets are in the reading room of its website.",
}


def write_petitions(
    out: Path, city: City, seed: int, people: People, planted: tuple[list[dict[str, Any]], People]
) -> dict[str, Any]:
    """Write one file for each petition and return what was planted in them.

    `planted` are drafts that come on top (plants.py), with the people who start them; their numbers follow on.
    """
    rng = random.Random(f"{seed}: petitions")
    folder = out / "petitions"
    folder.mkdir()
    answers = _answers()
    drafts = [_draft(number, line, city, rng) for number, line in enumerate(_lines(), start=1)]
    for key in answers:
        reached = [d["reached"] or d["opened"] for d in drafts if d["answer"] == key]
        if not reached:
            raise ValueError(f"petition_answers.txt: no petition has the answer {key!r}")
        median = 60.0 if answers[key]["agency"] in ("parks", "housing") else 32.0
        at = days_later(max(reached), lognormal(rng, median, 0.35))
        at = min(at, city.as_of - timedelta(days=rng.randint(2, 9)))
        for draft in drafts:
            if draft["answer"] == key:
                draft["answered"] = at
    order = sorted(drafts, key=lambda d: (d["created"], d["number"]))
    extra, starters = planted
    extra.sort(key=lambda d: (d["created"], d["action"]))
    truth: dict[str, Any] = {
        "threshold": THRESHOLD,
        "eligible_ids": [],
        "answered": {},
        "waiting_ids": [],
        "rejected": {},
        "answers_shared": {},
        "states": {},
        "of_plant": {},
    }
    numbered = [*enumerate(order, start=300101), *enumerate(extra, start=300301)]
    for number, draft in numbered:
        creator = (starters if "plant" in draft else people).name()
        people.planted.append(
            {
                "source_id": "petitions",
                "record_id": str(number),
                "field": "creator_name",
                "kind": "name",
                "text": creator,
            }
        )
        record = _record(number, draft, creator, answers, city)
        text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
        (folder / f"{number}.json").write_text(text, encoding="utf-8", newline="\n")
        _note(truth, str(number), draft, record)
    return truth


def _lines() -> list[tuple[str, str]]:
    """(agency, line) of every petition."""
    lines, agency = [], ""
    for raw in (HERE / "messages" / "petitions.txt").read_text(encoding="utf-8").splitlines():
        if raw.startswith("["):
            agency = raw.strip("[] ")
        elif raw.strip() and not raw.startswith("# "):
            lines.append((agency, raw.strip()))
    return lines


def _answers() -> dict[str, dict[str, str]]:
    answers: dict[str, dict[str, str]] = {}
    key = ""
    for raw in (HERE / "messages" / "petition_answers.txt").read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\[([\w-]+)\] ([\w-]+)", raw):
            key = found[1]
            answers[key] = {"agency": found[2], "summary": "", "details": ""}
        elif raw.strip() and not raw.startswith("# "):
            answers[key]["details" if answers[key]["summary"] else "summary"] = raw.strip()
    return answers


def _draft(number: int, line: tuple[str, str], city: City, rng: random.Random) -> dict[str, Any]:
    """What becomes of one petition: its dates, its signatures, its end."""
    agency, text = line
    mark, value = "", ""
    if found := re.match(r"{(\w)(?::([\w-]+))?} ", text):
        mark, value, text = found[1], found[2] or "", text[found.end() :]
    action, background = (part.strip() for part in text.split(" | "))
    span = (city.as_of - timedelta(days=14)) - datetime.fromisoformat("2023-07-03T12:00:00+00:00")
    start = city.as_of - timedelta(days=14) - span
    created = start + timedelta(seconds=int(rng.random() * span.total_seconds()))
    if value == "bins-failure":  # the weeks of the failure
        created = datetime.fromisoformat("2025-09-22T17:40:00+00:00") + timedelta(hours=rng.randint(1, 90))
    elif mark in {"A", "B"}:
        created = start + timedelta(seconds=int(rng.random() * 0.86 * span.total_seconds()))
    elif mark == "W":  # at the threshold, and not answered yet: some for long
        created = city.as_of - timedelta(
            days=rng.choice((70, 95, 120, 160, 260)) + rng.randint(0, 9), minutes=rng.randint(1, 700)
        )
    if value == "evening-buses":  # one proposal, six petitions
        created = datetime.fromisoformat("2025-02-03T09:00:00+00:00") + timedelta(
            hours=rng.randint(1, 24 * 40)
        )
    opened = days_later(created, rng.uniform(1.5, 9))
    reached = None
    signatures = int(lognormal(rng, 90, 1.0)) % 960 + 8
    if mark in ("A", "W"):
        reached = days_later(opened, min(lognormal(rng, 14, 0.7), 45))
        signatures = THRESHOLD + int(lognormal(rng, 900, 0.9))
    elif mark == "B":
        signatures = rng.randint(430, 930)
    elif mark in ("R", "S"):
        signatures = rng.randint(5, 21)
    return {
        "number": number, "agency": agency, "action": action, "background": background, "mark": mark,
        "answer": value if mark in ("A", "B") else "", "rejection": value if mark == "R" else "", "created": created,
        "opened": opened, "reached": reached, "signatures": signatures, "answered": None,
    }  # fmt: skip


def draft_of(agency: str, text: str, created: datetime, rng: random.Random) -> dict[str, Any]:
    """A petition that is below the threshold: `action | background`."""
    action, background = (part.strip() for part in text.split(" | "))
    return {
        "number": 0, "agency": agency, "action": action, "background": background, "mark": "", "answer": "",
        "rejection": "", "created": created, "opened": days_later(created, rng.uniform(0.6, 2.0)), "reached": None,
        "signatures": rng.randint(140, 890), "answered": None,
    }  # fmt: skip


def _state(draft: dict[str, Any], city: City) -> str:
    if draft["mark"] == "R":
        return "rejected"
    if draft["mark"] == "S":
        return "stopped"
    if draft["opened"] >= city.as_of:
        return "pending"
    return "closed" if draft["opened"] + timedelta(days=OPEN_DAYS) < city.as_of else "open"


def _record(
    number: int, draft: dict[str, Any], creator: str, answers: dict[str, Any], city: City
) -> dict[str, Any]:
    def iso(at: datetime | None) -> str | None:
        return at.strftime("%Y-%m-%dT%H:%M:%S.000Z") if at else None

    state = _state(draft, city)
    is_up = state in ("open", "closed")
    closed = draft["opened"] + timedelta(days=OPEN_DAYS) if state == "closed" else None
    rejected = days_later(draft["created"], 1.2) if state == "rejected" else None
    answer = answers[draft["answer"]] if draft["answered"] else None
    agency = city.facts["agency"][draft["agency"]]
    last = max(
        at
        for at in (draft["created"], draft["opened"] if is_up else None, closed, rejected, draft["answered"])
        if at
    )
    return {
        "links": {"self": f"{HOST}/petitions/{number}.json"},
        "data": {
            "type": "petition",
            "id": number,
            "attributes": {
                "action": draft["action"],
                "background": draft["background"],
                "additional_details": "",
                "committee_note": None,
                "state": state,
                "signature_count": draft["signatures"],
                "created_at": iso(draft["created"]),
                "updated_at": iso(last),
                "rejected_at": iso(rejected),
                "opened_at": iso(draft["opened"]) if is_up else None,
                "closed_at": iso(closed),
                "moderation_threshold_reached_at": iso(days_later(draft["created"], 0.4)),
                "response_threshold_reached_at": iso(draft["reached"]),
                "government_response_at": iso(draft["answered"]),
                "debate_threshold_reached_at": None,
                "scheduled_debate_date": None,
                "debate_outcome_at": None,
                "creator_name": creator,
                "rejection": {"code": draft["rejection"], "details": REJECTIONS[draft["rejection"]]}
                if draft["rejection"]
                else None,
                "government_response": {
                    "responded_on": draft["answered"].date().isoformat(),
                    "summary": answer["summary"],
                    "details": answer["details"],
                    "created_at": iso(draft["answered"]),
                    "updated_at": iso(draft["answered"]),
                }
                if answer
                else None,
                "debate": None,
                "departments": [
                    {"acronym": draft["agency"], "name": agency["name"], "url": f"{HOST}/departments"}
                ],
                "topics": [],
            },
        },
    }


def _note(truth: dict[str, Any], number: str, draft: dict[str, Any], record: dict[str, Any]) -> None:
    if "plant" in draft:
        truth["of_plant"][draft["plant"]] = number
    truth["states"][number] = record["data"]["attributes"]["state"]
    if draft["reached"] or draft["answered"]:
        truth["eligible_ids"].append(number)
    if draft["answered"]:
        truth["answered"][number] = {
            "answer": draft["answer"],
            "is_below_threshold": draft["reached"] is None,
            "agency": draft["agency"],
            "threshold_reached_at": draft["reached"] and draft["reached"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "answered_at": draft["answered"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        truth["answers_shared"].setdefault(draft["answer"], []).append(number)
    elif draft["reached"]:
        truth["waiting_ids"].append(number)
    if draft["rejection"]:
        truth["rejected"][number] = draft["rejection"]
