"""What is understood of feedback and updates, through the stage's own door."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from answerable import schema
from answerable.errors import SettingsError
from answerable.store import Store
from answerable.understand import texts as texts_module
from answerable.understand import workers
from answerable.understand.privacy import PrivacyContext, Redacted, redact
from answerable.understand.words import TEXTS, UPDATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import ProcessPoolExecutor
    from pathlib import Path

    from tests.unit.understand.conftest import Town

CLASS_RULES = """\
reviewed_by: A. Reviewer
reviewed_on: 2026-01-01
rules:
  - {id: town-mended, update_class: work_done, phrases: ["zzz was mended"]}
  - {id: town-withdrawn, update_class: administrative, closing_reason: cancelled, phrases: ["zzz was withdrawn"]}
"""


def class_rules(town: Town, text: str = CLASS_RULES) -> None:
    (town.folder / "data" / "lookups" / "update_classes.yml").write_text(text, "utf-8")


# -- topic and agency --------------------------------------------------------------------------------------------------


def test_the_topic_comes_from_the_code_then_from_the_words(town: Town) -> None:
    words = {"text": "A leak! There is no water."}
    coded = town.add("1", "2024-01-01", service_code="POTHOLE", **words)
    folded = town.add("2", "2024-01-01", service_code="road  DAMAGE", **words)
    told = town.add("3", "2024-01-01", service_code="Something else", **words)
    silent = town.add("4", "2024-01-01", service_code="Something else")
    town.understand()
    found = {i: (r["topic_code"], r["topic_rule"]) for i, r in town.by_id("reading").items()}
    assert found == {
        coded: ("potholes", "code:potholes"),
        folded: ("potholes", "code:potholes"),
        told: ("leaks", "phrase:leaks:leak"),
        silent: ("unmapped", "none"),
    }


def test_without_the_phrase_that_a_topic_names_it_is_another(town: Town) -> None:
    post = town.add("1", "2024-01-01", source_id="posts", text="The playground is locked")
    town.understand()
    row = town.reading(post)
    assert (row["topic_code"], row["topic_rule"]) == ("parks", "phrase:parks:playground")
    topics = (town.folder / "data" / "topics.yml").read_text("utf-8")
    town.settings_file("topics.yml", topics.replace("    phrases: [playground]\n", ""))
    town.understand()
    row = town.reading(post)
    assert (row["topic_code"], row["topic_rule"]) == ("unmapped", "none")


def test_the_agency_is_who_the_source_says_then_who_is_addressed_then_whose_topic_it_is(town: Town) -> None:
    leak = {"source_id": "posts", "text": "A leak"}
    given = town.add("1", "2024-01-01", agency_code="council", mentions="townworks", **leak)
    unmapped = town.add("2", "2024-01-01", agency_code="unmapped", mentions="ann townworks townwater", **leak)
    nobody = town.add("3", "2024-01-01", mentions="ann bob", **leak)
    lost = town.add("4", "2024-01-01", source_id="posts", text="Hello")
    no_agency = town.add("5", "2024-01-01", source_id="posts", text="The playground")
    town.understand()
    found = {i: (r["agency_code"], r["agency_rule"]) for i, r in town.by_id("reading").items()}
    assert found == {
        given: ("council", "source"),
        unmapped: ("works", "mention:townworks"),
        nobody: ("water", "topic:leaks"),
        lost: ("unmapped", "none"),
        no_agency: ("unmapped", "none"),
    }


# -- public texts ------------------------------------------------------------------------------------------------------


def test_what_says_nothing_of_its_topic_takes_that_of_the_agency_asked_or_answering(town: Town) -> None:
    agencies = (town.folder / "data" / "agencies.yml").read_text("utf-8")
    town.settings_file("agencies.yml", agencies.replace('["@TownWater"]', '["@TownWater"], topic: leaks'))
    asked = town.add("1", "2024-01-01", source_id="posts", text="Why is nobody there?", mentions="townwater")
    answered = town.add("2", "2024-01-02", source_id="posts", text="And on Sundays?")
    town.say(answered, "2024-01-03", "We are closed on Sundays.", agency_code="water")
    elsewhere = town.add("3", "2024-01-04", source_id="posts", text="Hello?", mentions="townworks")
    town.understand()
    found = {
        name: tuple(town.reading(i)[c] for c in ("topic_code", "topic_rule", "agency_code", "agency_rule"))
        for name, i in (("asked", asked), ("answered", answered), ("elsewhere", elsewhere))
    }
    assert found == {
        "asked": ("leaks", "agency:water", "water", "mention:townwater"),
        "answered": ("leaks", "agency:water", "water", "reply"),
        "elsewhere": ("unmapped", "none", "works", "mention:townworks"),
    }


def test_personal_data_is_taken_out_and_official_accounts_stay(town: Town) -> None:
    post = town.add(
        "1",
        "2024-01-01",
        source_id="posts",
        text="@TownWorks @ann_private call me on 020 7946 0958 or ann@mail.example",
    )
    petition = town.add(
        "2", "2024-01-01", source_id="petitions", title="Write to bob@mail.example", text="Please do."
    )
    note = town.say(petition, "2024-01-02", "Ring 020 7946 0958.")
    comment = town.say(petition, "2024-01-03", "I am at cy@mail.example", is_official=False)
    town.understand()
    read = town.reading(post)
    assert read["public_text"] == "@TownWorks [handle] call me on [phone] or [email]"
    assert read["public_title"] is None
    assert read["redaction_count"] == 3
    assert town.reading(petition)["public_title"] == "Write to [email]"
    assert town.reading(petition)["redaction_count"] == 1
    updates = town.by_id("update_reading")
    assert updates[note]["public_text"] == "Ring [phone]."
    assert updates[comment]["public_text"] == "I am at [email]"
    assert [updates[i]["redaction_count"] for i in (note, comment)] == [1, 1]


def test_a_request_without_a_title_is_called_by_what_and_where(town: Town) -> None:
    placed = town.add("1", "2024-01-01", service_code="POTHOLE", area_code="old-harbour")
    unplaced = town.add("2", "2024-01-01", service_code="POTHOLE")
    unmapped = town.add("3", "2024-01-01", service_code="Odd thing", area_code="mill-hill")
    titled = town.add("4", "2024-01-01", service_code="POTHOLE", area_code="old-harbour", title="My street")
    petition = town.add("5", "2024-01-01", source_id="petitions", text="No title")
    town.understand()
    found = {i: r["public_title"] for i, r in town.by_id("reading").items()}
    assert found == {
        placed: "Potholes in Old Harbour",
        unplaced: "Potholes",
        unmapped: "Odd thing in Mill Hill",
        titled: "My street",
        petition: None,
    }


# -- classes and closing -----------------------------------------------------------------------------------------------


def test_only_what_an_agency_says_has_a_class(town: Town) -> None:
    class_rules(town)
    request = town.add("1", "2024-01-01", service_code="PARK")
    mended = town.say(request, "2024-01-02", "The ZZZ was mended today.")
    person = town.say(request, "2024-01-03", "The ZZZ was mended today.", is_official=False)
    silent = town.say(request, "2024-01-04", None, kind="closed")
    strange = town.say(request, "2024-01-05", "Qwertyuiop")
    blank = town.say(request, "2024-01-06", " - ")
    town.understand()
    found = {i: (r["update_class"], r["class_rule"]) for i, r in town.by_id("update_reading").items()}
    assert found == {
        mended: ("work_done", "town-mended"),
        person: (None, None),
        silent: (None, None),
        strange: ("unclassified", "none"),
        blank: (None, None),
    }


def test_without_the_rule_that_a_class_names_the_class_is_another(town: Town) -> None:
    class_rules(town)
    request = town.add("1", "2024-01-01", service_code="PARK", closed_at=None)
    note = town.say(request, "2024-01-02", "Zzz was mended")
    town.understand()
    assert town.by_id("update_reading")[note]["class_rule"] == "town-mended"
    assert len(town.rows("response")) == 1
    class_rules(town, re.sub(r".*town-mended.*\n", "", CLASS_RULES))
    town.understand()
    assert town.by_id("update_reading")[note]["update_class"] == "unclassified"
    assert town.rows("response") == []


def test_an_answer_to_a_petition_is_of_substance_and_says_nothing_of_its_closing(town: Town) -> None:
    class_rules(town)
    petition = town.add("1", "2024-01-01", source_id="petitions", closed_at=None, title="More buses")
    closed = town.add("2", "2024-01-01", source_id="petitions", title="More trams")
    town.feedback[-1]["closed_at"] = town.feedback[-1]["created_at"]
    answer = town.say(petition, "2024-02-01", "Zzz was withdrawn")
    other = town.say(petition, "2024-02-02", "Zzz was withdrawn", kind="status_changed")
    town.say(closed, "2024-02-01", "Zzz was withdrawn")
    wordless = town.say(petition, "2024-02-03", None)
    person = town.say(petition, "2024-02-04", "Zzz was withdrawn", is_official=False)
    town.understand()
    updates = town.by_id("update_reading")
    assert updates[wordless]["update_class"] == "substance"
    assert updates[person]["update_class"] is None
    assert (updates[answer]["update_class"], updates[answer]["class_rule"]) == (
        "substance",
        "petition-answer",
    )
    assert updates[other]["update_class"] == "administrative"
    assert town.reading(closed)["closing_reason"] == "unknown"


def test_the_reason_of_closing_is_the_sources_or_that_of_the_note_nearest_to_it(town: Town) -> None:
    class_rules(town)

    def closed(name: str, *notes: tuple[str, str], **values: Any) -> str:
        request = town.add(name, "2024-01-01", service_code="PARK", **values)
        town.feedback[-1]["closed_at"] = town.feedback[-1]["created_at"].replace(day=20)
        for when, text in notes:
            town.say(request, when, text)
        return request

    mended, withdrawn = "Zzz was mended", "Zzz was withdrawn"
    given = closed("1", ("2024-01-20", mended), closing_reason="duplicate")
    near = closed("2", ("2024-01-10", withdrawn), ("2024-01-21", mended))
    other = closed("3", ("2024-01-19", withdrawn), ("2024-01-02", mended))
    # Equally near: what was said later.
    tie = closed("4", ("2024-01-19", mended), ("2024-01-21", withdrawn))
    strange = closed("5", ("2024-01-20", "Qwertyuiop"))
    silent = closed("6")
    still_open = town.add("7", "2024-01-01", service_code="PARK")
    town.say(still_open, "2024-01-02", mended)
    town.understand()
    found = {i: (r["closing_reason"], r["closing_rule"]) for i, r in town.by_id("reading").items()}
    assert found == {
        given: ("duplicate", "source"),
        near: ("work_done", "note:town-mended"),
        other: ("cancelled", "note:town-withdrawn"),
        tie: ("cancelled", "note:town-withdrawn"),
        strange: ("unknown", "note:none"),
        silent: ("unknown", "none"),
        still_open: (None, None),
    }


def test_a_wrong_rule_file_is_named(town: Town) -> None:
    class_rules(town, CLASS_RULES.replace("work_done", "done"))
    town.add("1", "2024-01-01")
    with pytest.raises(SettingsError, match=r"update_classes\.yml"):
        town.understand()


# -- runs --------------------------------------------------------------------------------------------------------------


def fill(town: Town) -> None:
    """Some of everything, over six months."""
    draw = random.Random(3)
    for number in range(60):
        month = 1 + number % 6
        request = town.add(
            f"r{number}",
            f"2024-{month:02d}-{1 + number % 28:02d}",
            service_code=draw.choice(["POTHOLE", "LEAK", "PARK", "??"]),
            area_code=draw.choice(["old-harbour", "mill-hill", None]),
            agency_code=draw.choice(["works", "water", None]),
            author_key=draw.choice(["ann", "bob"]),
            text=draw.choice(["A leak", "The hole in the road", None]),
        )
        town.say(request, "2024-07-01", draw.choice(["Work was completed.", "Thank you.", "Zzz"]))
    for number in range(30):
        root = draw.choice([number, number - number % 3])
        town.add(
            f"p{number}",
            f"2024-{1 + number % 6:02d}-{1 + number % 28:02d}",
            source_id="posts",
            text=draw.choice(["No water again", "The playground", "Hello"]),
            conversation_id=f"p{root}",
        )
    for number in range(5):
        petition = town.add(f"q{number}", f"2024-0{1 + number}-03", source_id="petitions", title="More buses")
        town.say(petition, f"2024-07-0{1 + number}", "We will.", answer_id="one")


def files(town: Town) -> dict[tuple[str, str, str], str]:
    names = [t.name for t in schema.TABLES.values() if t.stage == "understand"]
    return {p.key: p.path for name in names for p in town.store.partitions(name)}


_EMPTY_HERE = {"issue_change", "near_copy", "outcome", "override", "spelling_word", "update_elsewhere"}


def test_the_order_of_rows_decides_nothing(town: Town) -> None:
    fill(town)
    town.understand()
    before, counts = town.digests(), {name: len(town.rows(name)) for name in town.digests()}
    assert {name for name in counts if not counts[name]} == _EMPTY_HERE
    random.Random(1).shuffle(town.feedback)
    random.Random(2).shuffle(town.updates)
    # Other settings and back again, so that everything is decided anew.
    site = (town.folder / "data" / "site.yml").read_text("utf-8")
    town.settings_file("site.yml", site.replace("name: Town", "name: Village"))
    town.understand()
    town.settings_file("site.yml", site)
    town.understand()
    assert town.digests() == before


def test_a_second_run_writes_nothing(town: Town) -> None:
    fill(town)
    town.understand()
    before = files(town)
    generation = town.store.generation
    town.understand()
    assert files(town) == before
    assert town.store.generation == generation + 1  # the gather's own transaction


def test_a_change_in_one_month_reads_that_month_alone(town: Town) -> None:
    fill(town)
    town.understand()
    before = files(town)
    town.add("new", "2024-03-31", service_code="PARK")
    town.understand()
    after = files(town)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {key for key in changed if key[0] == "reading"} == {("reading", "portal", "2024-03")}
    assert len(town.rows("reading")) == len(town.feedback)


def test_a_change_in_another_month_is_seen_where_it_matters(town: Town) -> None:
    later = town.add("2", "2024-02-05", source_id="posts", text="No water in Mill Hill")
    town.understand()
    assert town.reading(later)["is_counted"]
    first = town.add("1", "2024-01-31", source_id="posts", text="No water in Mill Hill")
    town.understand()
    assert town.reading(later)["duplicate_of"] == first
    del town.feedback[-1]
    town.understand()
    assert town.reading(later)["is_counted"]
    assert set(town.by_id("reading")) == {later}


def test_what_is_gone_leaves_nothing(town: Town) -> None:
    fill(town)
    town.understand()
    town.feedback.clear()
    town.updates.clear()
    town.understand()
    left = {name: town.rows(name) for name in town.digests()}
    # An address that was published stays known, should its issue come back; it says nothing of anybody's words.
    assert all(row["worded_by_id"] is None for row in left.pop("issue_address"))
    assert left == {name: [] for name in left}


def test_nothing_gathered_gives_empty_tables(town: Town) -> None:
    town.understand()
    assert all(town.rows(name) == [] for name in town.digests())


def test_files_have_the_types_of_the_schema(town: Town) -> None:
    fill(town)
    town.enter("e1", "answer", "2024-08-01", feedback_ids=town.feedback[0]["feedback_id"])
    town.enter("e2", "outcome", "2024-08-01")
    town.understand()
    kinds = {
        "string": "string",
        "int64": "int64",
        "float64": "double",
        "boolean": "bool",
        "date": "date32[day]",
        "timestamp": "timestamp[us]",
    }
    for (name, _, _), path in files(town).items():
        stored = pq.read_schema(town.store.folder / path)
        expected = {c.name: kinds[c.type] for c in schema.table(name).columns}
        assert {f.name: str(f.type) for f in stored} == expected, name


# -- kept decisions, and several processes -----------------------------------------------------------------------------


@pytest.fixture
def read_words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that have been through Python."""
    seen: list[str] = []

    def counted(text: str, context: PrivacyContext) -> Redacted:
        seen.append(text)
        return redact(text, context)

    monkeypatch.setattr("answerable.understand.words.redact", counted)
    return seen


def test_of_a_changed_month_only_new_words_are_read(town: Town, read_words: list[str]) -> None:
    request = town.add("1", "2024-01-05", text="A leak in the lane")
    town.say(request, "2024-01-06", "Zzz was mended")
    town.add("2", "2024-02-05", text="The playground")
    town.understand()
    assert sorted(read_words) == ["A leak in the lane", "The playground", "Zzz was mended"]
    read_words.clear()
    town.add("3", "2024-01-07", text="A hole in the road")
    town.add("4", "2024-01-08", text="A leak in the lane")
    town.say(request, "2024-01-09", "Zzz was withdrawn")
    town.understand()
    assert sorted(read_words) == ["A hole in the road", "Zzz was withdrawn"]


def test_the_same_words_of_another_kind_or_language_are_other_words(
    town: Town, read_words: list[str]
) -> None:
    words = {"text": "Everything is broken in here"}
    town.add("1", "2024-01-05", **words)
    town.add("2", "2024-01-05", source_id="posts", **words)
    german = town.add("3", "2024-01-05", source_id="posts", lang="de", **words)
    town.add("4", "2024-01-05", source_id="posts", title="Everything is broken", text="in here")
    town.add("5", "2024-01-05", source_id="posts", text="Everything is broken\x1fin here")
    town.understand()
    assert len(read_words) == 6
    assert town.reading(german)["lang"] == "de"


def test_other_rules_read_every_word_again(town: Town, read_words: list[str]) -> None:
    request = town.add("1", "2024-01-05", text="A leak in the lane")
    note = town.say(request, "2024-01-06", "Zzz was mended")
    town.understand()
    read_words.clear()
    class_rules(town)
    town.understand()
    assert town.by_id("update_reading")[note]["class_rule"] == "town-mended"
    assert sorted(read_words) == ["A leak in the lane", "Zzz was mended"]
    read_words.clear()
    town.areas.append(("lane", "The Lane"))
    town.understand()
    assert sorted(read_words) == ["A leak in the lane", "Zzz was mended"]


def test_what_people_say_of_a_message_leaves_words_read(town: Town, read_words: list[str]) -> None:
    post = town.add("1", "2024-01-05", source_id="posts", text="A leak in the lane")
    town.understand()
    read_words.clear()
    label = {
        "source_id": "posts",
        "record_id": "1",
        "is_relevant": False,
        "drawn": "search",
        "labelled_by": "A.",
        "labelled_on": "2026-01-01",
    }
    labels = town.folder / "data" / "lookups" / "labels.jsonl"
    labels.write_text(json.dumps(label) + "\n", "utf-8")
    town.understand()
    assert town.reading(post)["exclusion_rule"] == "irrelevant:label"
    assert read_words == []


def test_words_that_are_gone_are_kept_no_longer(town: Town) -> None:
    request = town.add("1", "2024-01-05", text="Quillfeather and the lamp")
    town.say(request, "2024-01-06", "Quillfeather was told")
    town.add("2", "2024-01-05", text="A leak")
    town.understand()
    kept = [*town.rows("kept_reading"), *town.rows("kept_update_reading")]
    assert sum("Quillfeather" in row["own_text"] for row in kept) == 2
    town.feedback[0]["text"] = "The lamp"
    town.updates.clear()
    town.understand()
    assert {row["own_text"] for row in town.rows("kept_reading")} == {"The lamp", "A leak"}
    assert town.rows("kept_update_reading") == []


def test_kept_tables_hold_what_is_decided() -> None:
    for table, question in (("kept_reading", TEXTS), ("kept_update_reading", UPDATES)):
        spec = schema.table(table)
        assert set(spec.names) == {"source_id", "month", texts_module.TEXT_KEY, *question.result}
        assert spec.public_names == ("source_id", "month")


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "edit", "remove", "say"]),
        st.integers(0, 5),
        st.sampled_from(["A leak", "No water in the lane", "Ring me on 020 7946 0958", "The playground"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@settings(
    max_examples=1,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds
)
@given(rounds=st.lists(CHANGES, min_size=1, max_size=1), draw=st.randoms(use_true_random=False))
def test_kept_decisions_are_those_of_a_fresh_run(
    rounds: list[list[tuple[str, int, str]]],
    draw: random.Random,
    tmp_path_factory: pytest.TempPathFactory,
    town_type: type[Town],
) -> None:
    folder = tmp_path_factory.mktemp("towns")
    with Store.open(folder / "grown" / "store") as store, Store.open(folder / "fresh" / "store") as other:
        grown = town_type(folder / "grown", store)
        fill(grown)
        grown.understand()
        for changes in rounds:
            change(grown, changes)
            grown.understand()
        fresh = town_type(folder / "fresh", other)
        fresh.feedback, fresh.updates = list(grown.feedback), list(grown.updates)
        draw.shuffle(fresh.feedback)
        draw.shuffle(fresh.updates)
        fresh.understand()
        # An issue keeps the id under which it was first published; what is in it is the same.
        named = {"issue", "issue_address", "issue_change", "issue_feedback"}
        held, made = grown.digests(), fresh.digests()
        assert {t: d for t, d in made.items() if t not in named} == {
            t: d for t, d in held.items() if t not in named
        }
        assert grouped(fresh) == grouped(grown)


def grouped(town: Town) -> set[frozenset[str]]:
    """The feedback of each issue."""
    found: dict[str, set[str]] = {}
    for row in town.rows("issue_feedback"):
        found.setdefault(row["issue_id"], set()).add(row["feedback_id"])
    return {frozenset(members) for members in found.values()}


def change(town: Town, changes: list[tuple[str, int, str]]) -> None:
    """Some of what can happen between two gathers."""
    for place, (what, number, text) in enumerate(changes):
        row = town.feedback[number * 7 % len(town.feedback)]
        if what == "add":
            name = f"n{place}"
            town.add(name, f"2024-0{1 + number}-11", source_id="posts", text=text, author_key=name)
        elif what == "edit":
            row["text"] = text
        elif what == "say":
            town.say(row["feedback_id"], f"2024-0{1 + number}-21", text)
        else:
            town.feedback.remove(row)
            town.updates[:] = [u for u in town.updates if u["feedback_id"] != row["feedback_id"]]


def test_what_is_decided_ahead_is_what_would_be_decided_later(
    town: Town, tmp_path: Path, town_type: type[Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(town)
    monkeypatch.setenv(workers.VARIABLE, "1")
    town.understand()
    monkeypatch.setattr(workers, "AHEAD_TEXTS", 1)
    monkeypatch.setenv(workers.VARIABLE, "2")
    counts: list[int] = []
    ahead = workers._Deciders.ahead

    def noted(
        self: Any, question: str, batches: Sequence[pa.RecordBatch]
    ) -> Callable[[], Iterator[pa.RecordBatch]] | None:
        counts.append(sum(batch.num_rows for batch in batches))
        return ahead(self, question, batches)

    monkeypatch.setattr(workers._Deciders, "ahead", noted)
    with Store.open(tmp_path / "two" / "store") as store:
        two = town_type(tmp_path / "two", store)
        two.feedback, two.updates = list(town.feedback)[:-3], list(town.updates)
        two.understand()
        two.feedback = list(town.feedback)
        two.understand()
        assert two.digests() == town.digests()
    # The second time only what is new is asked of it.
    assert len(counts) == 2
    assert counts[0] > counts[1] > 0


def test_two_processes_say_what_one_does(
    town: Town, tmp_path: Path, town_type: type[Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(town)
    monkeypatch.setenv(workers.VARIABLE, "1")
    town.understand()
    monkeypatch.setattr(workers, "FEW_TEXTS", 1)
    monkeypatch.setattr(texts_module, "BATCH_TEXTS", 2)
    monkeypatch.setenv(workers.VARIABLE, "2")
    asked: list[str] = []
    by = workers._by

    def noted(
        pool: ProcessPoolExecutor, count: int, question: str, batches: Iterable[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        asked.append(question)
        return by(pool, count, question, batches)

    monkeypatch.setattr(workers, "_by", noted)
    with Store.open(tmp_path / "two" / "store") as store:
        two = town_type(tmp_path / "two", store)
        two.feedback, two.updates = list(town.feedback), list(town.updates)
        two.understand()
        assert two.digests() == town.digests()
    assert set(asked) == {"texts", "updates"}
