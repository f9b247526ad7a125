"""A small, consistent world: a project on disk and a store filled through its own door, for tests of what is published.

    settings = make_project(folder)
    with Store.open(folder / "build" / "store") as store:
        fill(store, settings)

What gather and understand would have written is written here by hand, so that a test knows every row; the measures
are the real ones. Messages are numbered; every word of theirs is invented.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from answerable import schema
from answerable.measure.stage import measure
from answerable.settings import Settings, load_settings
from answerable.store import Store

__all__ = ["AS_OF", "World", "fill", "make_project", "write_tables"]

AS_OF = datetime(2025, 7, 1)  # noqa: DTZ001  the store's instants are UTC without a zone
START = datetime(2024, 1, 3, 9, 30)  # noqa: DTZ001

SITE = """\
site:
  name: Brookhaven answers
  description: What people of an invented town raised, and what was answered.
  url: https://brookhaven.example/answers/
  publisher: The Brookhaven Observatory
  contact: hello@brookhaven.example
  timezone: Europe/London
  notice: Brookhaven is an invented town. Nobody here is real.
  calendar: {country: GB, subdivision: ENG}
  areas:
    file: data/areas.geojson
    attribution: Drawn for a test
"""
AGENCIES = """\
agencies:
  - {code: highways, name: "Highways & Lighting", url: "https://highways.example/", accounts: [highways],
     response_target_days: 10, response_target_calendar: working}
  - {code: parks, name: Parks Office}
  - {code: archives, name: Archives Board}
"""
TOPICS = """\
services:
  - {code: streets, name: Streets, agency: highways}
  - {code: green, name: Green places, agency: parks}
topics:
  - {code: potholes, name: Potholes, service: streets, description: Holes in roads and pavements., codes: {any: [POT]}}
  - {code: lights, name: Street lights, service: streets, codes: {any: [LIGHT]}}
  - {code: trees, name: "Trees & hedges", service: green, codes: {any: [TREE]}}
"""
SOURCES = """\
sources:
  - id: portal
    connector: table
    name: Brookhaven portal
    description: Requests made on the town's site.
    url: https://portal.example/data
    licence: {name: CC BY 4.0, url: "https://creativecommons.org/licenses/by/4.0/"}
    attribution: Town of Brookhaven
    publish_rows: true
    extract_note: An extract of 2024 and 2025 for tests.
    kind: service_request
    path: data/none.csv
    columns: {record_id: id, created_at: opened}
  - id: inbox
    connector: table
    name: Private inbox
    licence: {name: None}
    publish_rows: false
    kind: comment
    path: data/none.csv
    columns: {record_id: id, created_at: opened}
"""
AREAS = ("Old Harbour", "Mill Fields", "Ward 3")


def make_project(folder: Path) -> Settings:
    """A project's settings on disk, loaded."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for name, text in (("site", SITE), ("agencies", AGENCIES), ("topics", TOPICS), ("sources", SOURCES)):
        (data / f"{name}.yml").write_text(text, "utf-8")
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[i, 50], [i + 1, 50], [i + 1, 51], [i, 51], [i, 50]]],
            },
        }
        for i, name in enumerate(AREAS)
    ]
    (data / "areas.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), "utf-8"
    )
    return load_settings(folder)


@dataclass
class World:
    """The rows of every table that gather and understand write; a test may add to them before they are written."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, name: str, /, **values: Any) -> None:
        """A row; columns that are not named are empty, or false."""
        spec = schema.table(name)
        unknown = values.keys() - set(spec.names)
        if unknown:
            raise KeyError(f"{name} has no {unknown}")
        row = {c.name: values.get(c.name, False if c.type == "boolean" else None) for c in spec.columns}
        self.rows.setdefault(name, []).append(row)

    def add_feedback(
        self,
        number: int,
        *,
        created: datetime,
        topic: str = "potholes",
        area: str | None = "old-harbour",
        agency: str = "highways",
        source: str = "portal",
        text: str | None = None,
        replied: datetime | None = None,
        reply: str = "",
        reply_class: str = "work_done",
        closed: datetime | None = None,
        issue_id: str | None = None,
        exclusion: str | None = None,
        url: str | None = None,
        lang: str | None = "en",
    ) -> str:
        """One feedback with what happened to it, as gather and understand leave it; its feedback_id."""
        feedback_id, month = f"f{number:06d}", f"{created:%Y-%m}"
        place = {"feedback_id": feedback_id, "source_id": source, "month": month}
        self.add(
            "feedback", **place, record_id=str(number), kind="service_request", channel="web", agency_code=agency,
            service_code=topic, area_code=area, created_at=created, closed_at=closed, time_precision="second",
            status="Closed" if closed else "Open", url=url or f"https://portal.example/r/{number}", lang=lang,
            text="private original", author_key="key",
        )  # fmt: skip
        self.add(
            "reading", **place, is_counted=exclusion is None, exclusion=exclusion,
            exclusion_rule=exclusion and "test", topic_code=topic, topic_rule="code", agency_code=agency,
            agency_rule="source", closing_reason="work_done" if closed else None,
            closing_rule="class" if closed else None, public_title=f"{topic} {area}", public_text=text,
            redaction_count=0,
        )  # fmt: skip
        self._update(place, "opened", created)
        if replied is not None:
            update_id = self._update(
                place, "replied", replied, agency=agency, text=reply, update_class=reply_class
            )
            if reply_class in schema.RESPONSE_CLASSES and exclusion is None:
                self.add(
                    "response", response_id=f"r{update_id}", source_id=source, agency_code=agency, responded_at=replied,
                    update_class=reply_class, public_text=reply, feedback_count=1,
                )  # fmt: skip
                self.add(
                    "response_feedback", response_id=f"r{update_id}", **place, responded_at=replied, method="note",
                    confidence=1.0, is_reviewed=False,
                )  # fmt: skip
        if closed is not None:
            self._update(place, "closed", closed, agency=agency)
        if issue_id is not None and exclusion is None:
            self.add("issue_feedback", **place, issue_id=issue_id, method="place")
        return feedback_id

    def _update(
        self,
        place: dict[str, str],
        kind: str,
        at: datetime,
        *,
        agency: str | None = None,
        text: str | None = None,
        update_class: str | None = None,
    ) -> str:
        update_id = f"{place['feedback_id']}-{kind}"
        self.add(
            "feedback_update", update_id=update_id, **place, at=at, kind=kind, agency_code=agency,
            is_official=agency is not None, text=text,
        )  # fmt: skip
        self.add(
            "update_reading", update_id=update_id, **place, update_class=update_class,
            class_rule=update_class and "test",
            public_text=text, redaction_count=0,
        )  # fmt: skip
        return update_id

    def add_issue(
        self, issue_id: str, title: str, slug: str, *, topic: str, agency: str, area: str | None
    ) -> None:
        """An issue of the feedback that were added with its id."""
        members = {r["feedback_id"] for r in self.rows["issue_feedback"] if r["issue_id"] == issue_id}
        times = [r["created_at"] for r in self.rows["feedback"] if r["feedback_id"] in members]
        self.add(
            "issue", issue_id=issue_id, slug=slug, kind="place", public_title=title, topic_code=topic,
            agency_code=agency,
            area_code=area, first_at=min(times), last_at=max(times), feedback_count=len(times), has_page=len(times) > 1,
        )  # fmt: skip


def small_world(*, texts: Sequence[str] = (), replies: Sequence[str] = ()) -> World:
    """Ninety requests in three places over eighteen months, some answered, some closed, and ten private messages.

    ``texts`` and ``replies`` are said in turn by people and by agencies; where empty, ordinary sentences are.
    """
    texts = texts or (
        "There is a hole in the road.",
        "The light has been out for a week.",
        "A branch hangs over the path.",
    )
    replies = replies or (
        "The hole was filled this morning.",
        "We replaced the lamp and checked the whole street.",
    )
    world = World()
    topics = (("potholes", "highways"), ("lights", "highways"), ("trees", "parks"))
    for number in range(90):
        topic, agency = topics[number % 3]
        area = (*("old-harbour", "mill-fields", "ward-3"), None)[number % 4]
        created = START + timedelta(days=6 * number, minutes=7 * number)
        answered = number % 5 in (0, 1, 2)
        world.add_feedback(
            number,
            created=created,
            topic=topic,
            area=area,
            agency=agency,
            text=texts[number % len(texts)],
            replied=_before_end(created + timedelta(days=1 + number % 9, hours=3)) if answered else None,
            reply=replies[number % len(replies)],
            reply_class=("substance", "work_done", "acknowledgement")[number % 3 if number % 5 else 0],
            closed=_before_end(created + timedelta(days=12)) if number % 5 in (0, 3) else None,
            issue_id=None if area is None else f"i-{topic}-{area}",
            exclusion="duplicate" if number == 50 else None,
        )
    for number in range(90, 100):
        world.add_feedback(
            number,
            created=START + timedelta(days=9 * (number - 90)),
            source="inbox",
            text="private words",
            issue_id=None,
        )
    names = {"old-harbour": "Old Harbour", "mill-fields": "Mill Fields", "ward-3": "Ward 3"}
    titles = {"potholes": "Potholes", "lights": "Street lights", "trees": "Trees & hedges"}
    for issue_id in sorted({r["issue_id"] for r in world.rows["issue_feedback"]}):
        topic, _, area = issue_id.removeprefix("i-").partition("-")
        agency = dict(topics)[topic]
        slug = f"{topic}-{area}-0123456789"
        world.add_issue(
            issue_id, f"{titles[topic]} in {names[area]}", slug, topic=topic, agency=agency, area=area
        )
    world.add(
        "outcome", outcome_id="o1", agency_code="parks", happened_at=START + timedelta(days=200),
        public_title="A hedge was moved", public_text="You said the hedge hid the crossing. We moved it.",
        url="https://parks.example/hedge", topic_codes="trees", area_codes="old-harbour",
    )  # fmt: skip
    world.add(
        "takedown", takedown_id="k1", source_id="portal", removed_on=date(2025, 1, 2), reason="mistake",
    )  # fmt: skip
    world.add(
        "finding", finding_id="x1", source_id="portal", finding_code="place_missing", record_id="3",
        file_name="none.csv", line=4, column_name="lat", row_count=1,
    )  # fmt: skip
    for source_id, name, is_open in (
        ("portal", "Brookhaven portal", True),
        ("inbox", "Private inbox", False),
    ):
        held = sum(r["source_id"] == source_id for r in world.rows["feedback"])
        world.add(
            "source", source_id=source_id, name=name, connector="table", licence="CC BY 4.0",
            licence_url="https://creativecommons.org/licenses/by/4.0/", attribution="Town of Brookhaven",
            extract_note="An extract of 2024 and 2025 for tests." if is_open else None, update_history="full",
            is_published_by_row=is_open, is_rate_published=True, time_precision="second", as_of_at=AS_OF,
            last_success_at=AS_OF, is_stale=False, is_complete=True, feedback_count=held,
        )  # fmt: skip
        world.add(
            "source_run", run_id="run", source_id=source_id, started_at=AS_OF, finished_at=AS_OF, result="changed",
            as_of_at=AS_OF, new_count=held, changed_count=0, gone_count=0, feedback_count=held, finding_count=0,
        )  # fmt: skip
    return world


def _before_end(at: datetime) -> datetime | None:
    return at if at < AS_OF else None


def write_tables(store: Store, settings: Settings, world: World) -> None:
    """Write the world's rows and the site's lists, each table whole."""
    lists = World()
    for agency in settings.agencies:
        lists.add(
            "agency", agency_code=agency.code, name=agency.name, slug=agency.code, url=agency.url or None,
            response_target_days=agency.response_target_days, response_target_calendar=agency.response_target_calendar,
        )  # fmt: skip
    for service in settings.services:
        lists.add("service", service_code=service.code, name=service.name, agency_code=service.agency)
    for topic in settings.topics:
        lists.add(
            "topic", topic_code=topic.code, name=topic.name, slug=topic.code, description=topic.description or None,
            service_code=topic.service,
        )  # fmt: skip
    for code, name in (("old-harbour", "Old Harbour"), ("mill-fields", "Mill Fields"), ("ward-3", "Ward 3")):
        lists.add("area", area_code=code, name=name, slug=code)
    with store.transaction():
        for name, rows in {**lists.rows, **world.rows}.items():
            spec = schema.table(name)
            store.write(
                name,
                pa.table({c.name: pa.array([r[c.name] for r in rows], _ARROW[c.type]) for c in spec.columns}),
            )


_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


def fill(store: Store, settings: Settings, world: World | None = None) -> None:
    """Write a world (the small one, where none is given) and measure it."""
    write_tables(store, settings, world or small_world())
    measure(store, settings)


def now() -> datetime:
    """An instant shortly after the world's data end."""
    return AS_OF.replace(tzinfo=UTC) + timedelta(days=1)
