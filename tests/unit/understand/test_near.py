"""Nearly the same message: what is merged, what is not, and that nothing depends on the order of rows or of builds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from answerable.understand import near, near_runs, near_sketch
from answerable.understand.near import RULE_NEAR, find_copies
from answerable.understand.near_runs import ALIKE, Entries, join_runs
from answerable.understand.near_sketch import BANDS, bands
from answerable.understand.near_words import NearRules, Words, are_one_message, near_rules, words_of
from answerable.understand.relevance import FLOOD_PEOPLE, conversation_parts, copies
from answerable.understand.texts import scratch

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

FERRY = "The ferry has not come since Monday and the whole island is waiting"
KNOWN = ("maple", "marple", "lane", "road", "street", "water", "mill", "hill")
RULES = near_rules(KNOWN)
Copies = Callable[["Town"], dict[str, dict[str, Any]]]


def found(town: Town, *, known: Iterable[str] = KNOWN) -> dict[str, dict[str, Any]]:
    """The copies in what a town gathered, by feedback_id."""
    town.gather()
    feedback = town.store.read("feedback")
    with scratch(town.store) as folder:
        parts = conversation_parts(feedback)
        rows = find_copies(town.store, parts, known=known, accounts=("townworks", "townwater"), folder=folder)
        held = town.store.con.to_pyarrow(copies(feedback, rows)).to_pylist()
    assert len({row["feedback_id"] for row in held}) == len(held)
    return {row["feedback_id"]: row for row in held}


def post(town: Town, name: str, day: str, text: str, **values: Any) -> str:
    return town.add(
        name, day, source_id="posts", text=text, author_key=values.pop("author_key", name), **values
    )


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("huge pothole on maple lane please fix it", "huge pothole on maple lane fix it now please"),
        ("no water on maple lane since monday", "no watter on maple lane since monday"),
        ("the street lamp is broken again", "the street lamp is broken aga"),
        ("swing gone at the playground since may 3", "swing gone at the playgound since may 3"),
        ("der aufzug am hauptbahnhof ist kaputt", "der aufzug am hauptbanhof ist schon wieder kaputt"),
        ("no water on maple lane", "no wateron maple lane"),
    ],
)
def test_what_is_mistyped_or_leaves_a_word_out_is_the_same_message(text: str, other: str) -> None:
    assert are_one_message(words_of(text, RULES), words_of(other, RULES), RULES)
    assert are_one_message(words_of(other, RULES), words_of(text, RULES), RULES)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("huge pothole on maple lane please fix it", "huge pothole on cedar lane please fix it"),
        ("huge pothole on maple lane please fix it", "huge pothole on marple lane please fix it"),
        ("no water at mill school", "no water at hill school"),
        ("pothole at 12 maple lane", "pothole at 14 maple lane"),
        ("bus 14 did not come", "bus 41 did not come"),
        ("pothole on oak lane near elm road", "pothole on elm road near oak lane"),
        ("the lamp on maple lane is working", "the lamp on maple lane is not working"),
        ("no water on tuesday in our street", "no water on thursday in our street"),
        ("der aufzug geht", "der aufzug geht nicht"),
        ("bin not collected on elm road", "bin not collected on elk road"),
        ("bin not collected on parker road", "bin not collected on porter road"),
    ],
)
def test_a_word_or_number_in_the_place_of_another_makes_another_message(text: str, other: str) -> None:
    assert not are_one_message(words_of(text, RULES), words_of(other, RULES), RULES)
    assert not are_one_message(words_of(other, RULES), words_of(text, RULES), RULES)


words = st.lists(
    st.sampled_from(["bus", "late", "oak", "road", "14", "15", "not", "the", "again", "braken"]), min_size=1
)


@given(words, words)
def test_a_comparison_has_no_direction(one: list[str], other: list[str]) -> None:
    a, b = (words_of(" ".join(text), RULES) for text in (one, other))
    assert are_one_message(a, b, RULES) == are_one_message(b, a, RULES)
    assert are_one_message(a, a, RULES)


# -- sketches ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=8), st.randoms())
def test_a_sketch_depends_on_the_text_alone(texts: list[str], chance: random.Random) -> None:
    alone = {text: bands([text])[0].tolist() for text in texts}
    chance.shuffle(texts)
    assert [row.tolist() for row in bands(texts * 200)] == [alone[text] for text in texts * 200]


def test_sketches_are_the_same_for_ever() -> None:
    assert bands([FERRY.lower()])[0].tolist() == GOLDEN
    assert bands([]).shape == (0, BANDS)


GOLDEN = [
    1652944833,
    1151088845,
    795677797,
    3083303921,
    2218872028,
    2543138804,
    2995535626,
    2278685202,
    1701045804,
    1683146429,
    3590202910,
    3269298867,
]


def test_sketches_find_what_is_alike() -> None:
    chance = random.Random(5)
    vocabulary = [
        "".join(chance.choices("abcdefghijklmnoprstuvw", k=chance.randint(3, 9))) for _ in range(500)
    ]
    texts = [" ".join(chance.choices(vocabulary, k=14)) for _ in range(1000)]
    without = [" ".join(text.split()[:5] + text.split()[6:]) for text in texts]
    is_found = (bands(texts) == bands(without)).any(axis=1)
    assert is_found.mean() > 0.95
    assert not (bands(texts[:-1]) == bands(texts[1:])).any()
    assert not (bands([t + " 14" for t in texts]) == bands([t + " 15" for t in texts])).any()


# -- runs --------------------------------------------------------------------------------------------------------------


def joined(texts: list[str], days: list[int]) -> dict[int, int]:
    order = np.arange(len(texts))
    entries = Entries(order, np.array(days) * 86_400, bands(texts), np.ones(len(texts), dtype=bool))
    done = join_runs(
        entries,
        order.copy(),
        lambda runs: {run: texts[run] for run in runs},
        RULES,
        reach_seconds=30 * 86_400,
    )
    for one in done:
        assert one.similarity == pytest.approx(fuzz.ratio(texts[one.run], texts[one.first]) / 100, abs=0.001)
        assert one.similarity * 100 >= ALIKE - 0.1
    return {one.run: one.first for one in done}


def test_a_chain_of_small_changes_does_not_drift() -> None:
    said = FERRY.lower().split()
    chain = [" ".join(said[i:] + [f"{word}x" for word in said[:i]]) for i in range(len(said))]
    first_of = joined(chain, [0] * len(chain))
    assert first_of
    # Whatever is joined is joined to a first one, and is alike to it.
    assert not set(first_of) & set(first_of.values())


def test_a_group_is_renewed_when_its_first_words_were_not_said_for_thirty_days() -> None:
    texts = [f"{FERRY.lower()} {'please ' * number}".strip() for number in range(4)]
    assert joined(texts, [0, 20, 30, 31]) == {1: 0, 2: 0}
    assert joined(texts, [0, 31, 50, 61]) == {2: 1, 3: 1}


def test_one_form_filled_in_a_thousand_times_costs_a_bounded_number_of_comparisons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(3)
    names = [
        "".join(chance.choices("bcdfghklmnprst", k=3) + chance.choices("aeiou", k=3)) for _ in range(3000)
    ]
    names = list(dict.fromkeys(names))
    texts = [f"the street lamp on {name} lane has been broken for two weeks" for name in names]
    texts += [f"please {texts[7]}", texts[11].replace("broken", "brokn")]
    compared = 0

    def counting(one: Words, other: Words, rules: NearRules) -> bool:
        nonlocal compared
        compared += 1
        return are_one_message(one, other, rules)

    monkeypatch.setattr(near_runs, "are_one_message", counting)
    first_of = joined(texts, [0] * len(texts))
    assert compared <= near_runs.TRIES * len(texts)
    assert set(first_of.items()) <= {(len(names), 7), (len(names) + 1, 11)}


# -- through the store -------------------------------------------------------------------------------------------------


def test_near_copies_collapse_to_the_earliest_with_their_likeness(town: Town) -> None:
    first = post(town, "1", "2024-01-20", FERRY)
    second = post(town, "2", "2024-01-25", f"{FERRY}, please!! @friend https://a.example/x")
    third = post(town, "3", "2024-02-10", f"{FERRY} please")
    other = post(town, "4", "2024-02-10", FERRY.replace("Monday", "Friday"))
    alone = post(town, "5", "2024-03-20", f"{FERRY} pls")
    rows = found(town)
    assert {name: (row["duplicate_of"], row["duplicate_rule"]) for name, row in rows.items()} == {
        second: (first, RULE_NEAR),
        third: (first, RULE_NEAR),
    }
    assert 0.8 <= rows[second]["duplicate_similarity"] < 1
    assert not {other, alone} & set(rows)


def test_an_exact_copy_of_a_near_copy_is_a_copy_of_the_earliest(town: Town) -> None:
    first = post(town, "1", "2024-01-20", FERRY)
    same = post(town, "2", "2024-01-21", FERRY.upper())
    nearly = post(town, "3", "2024-01-25", f"{FERRY} please")
    again = post(town, "4", "2024-02-20", f"{FERRY} please")
    rows = found(town)
    assert {name: row["duplicate_of"] for name, row in rows.items()} == dict.fromkeys(
        (same, nearly, again), first
    )
    assert (rows[same]["duplicate_rule"], rows[same]["duplicate_similarity"]) == ("same-words", 1)
    assert rows[again]["duplicate_rule"] == RULE_NEAR


def test_whom_a_complaint_goes_to_is_part_of_what_it_says(town: Town) -> None:
    post(town, "1", "2024-01-20", f"@TownWater {FERRY}")
    post(town, "2", "2024-01-20", f"@TownWorks {FERRY}", author_key="1")
    to_friends = post(town, "3", "2024-01-21", f"@ann @bob {FERRY}")
    assert list(found(town)) == [to_friends]


def test_service_requests_and_conversations_have_no_near_copies(town: Town) -> None:
    town.add("1", "2024-01-20", text=FERRY)
    town.add("2", "2024-01-21", text=f"{FERRY} please")
    post(town, "3", "2024-01-21", "Ferries?", conversation_id="3")
    post(town, "4", "2024-01-22", FERRY, conversation_id="3")
    own = post(town, "5", "2024-01-23", f"{FERRY} please")
    assert own not in found(town)


def fill(town: Town, count: int, chance: random.Random) -> None:
    """Posts of four months: many texts, most of them said in several ways."""
    said = [
        "{} on {} has been broken for {} weeks and nobody comes".format(*words)
        for words in zip(
            ("The lift", "The lamp", "The swing", "The pump"),
            ("Maple Lane", "Cedar Road", "Mill Street", "Elm Square"),
            ("two", "nine", "six", "four"),
            strict=True,
        )
    ]
    begin = datetime(2024, 1, 1)  # noqa: DTZ001
    for number in range(count):
        text = chance.choice(said)
        for _ in range(chance.randint(0, 3)):
            words = text.split()
            place = chance.randrange(len(words))
            words[place : place + 1] = chance.choice(
                ([], [words[place], "please"], [words[place] + "x"], ["RT", words[place]])
            )
            text = " ".join(words)
        at = begin + timedelta(hours=chance.randrange(120 * 24))
        post(town, f"{number}", at.isoformat(), text, author_key=f"{number % 40}")


def decided(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(row[c] for c in sorted(row)) for name, row in rows.items()}


@pytest.mark.parametrize("seed", range(3))
def test_later_messages_change_nothing_and_the_order_of_builds_neither(
    town: Town, town_type: type[Town], tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    from answerable.store import Store

    chance = random.Random(seed)
    fill(town, 250, chance)
    whole = sorted(town.feedback, key=lambda row: row["created_at"])
    chance.shuffle(town.feedback)
    at_once = decided(found(town))
    assert len(at_once) > 60
    folder = tmp_path_factory.mktemp("piecemeal")
    with Store.open(folder / "store") as store:
        other = town_type(folder, store)
        # In the order of time: what is decided stays.
        for count in (90, 91, 170, 250):
            other.feedback = whole[:count]
            so_far = decided(found(other))
            assert {k: v[1] for k, v in so_far.items()} == {
                k: v[1] for k, v in at_once.items() if k in {r["feedback_id"] for r in whole[:count]}
            }
        assert decided(found(other)) == at_once
        # What is taken away, and comes again.
        other.feedback = whole[40:]
        found(other)
        other.feedback = whole
        assert decided(found(other)) == at_once


def test_only_new_texts_are_sketched_and_only_months_in_reach_compared(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(town, 120, random.Random(9))
    found(town)
    sketched: list[str] = []
    compared: list[tuple[str, str]] = []
    real_bands, real_near = near_sketch.bands, near._near_copies

    def bands_of(texts: list[str]) -> Any:
        sketched.extend(texts)
        return real_bands(texts)

    def near_of(*values: Any, **named: Any) -> Any:
        compared.append((named["month"], named["since"]))
        return real_near(*values, **named)

    monkeypatch.setattr(near, "bands", bands_of)
    monkeypatch.setattr(near, "_near_copies", near_of)
    found(town)
    assert (sketched, compared) == ([], [])
    post(town, "new", "2024-04-20", "Something that nobody has said before in this town")
    found(town)
    assert sketched == ["something that nobody has said before in this town"]
    assert compared == [("2024-04", "2024-04-20")]
    compared.clear()
    sketched.clear()
    post(town, "late", "2024-01-02", "Something else that nobody has said before in this town")
    found(town)
    assert sketched == ["something else that nobody has said before in this town"]
    assert compared == [(f"2024-{month}", "2024-01-02") for month in ("01", "02", "03")]


def test_what_is_gone_leaves_no_sketch(town: Town) -> None:
    fill(town, 30, random.Random(2))
    town.add("short", "2024-05-01", source_id="posts", text="Help", author_key="1")
    found(town)
    assert town.rows("sketch")
    town.feedback = []
    assert found(town) == {}
    assert (town.rows("sketch"), town.rows("near_copy")) == ([], [])


# -- kinds of copies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_near", [False, True])
def test_floods_of_accounts_that_were_never_seen_before_are_told_apart(town: Town, *, is_near: bool) -> None:
    words = ("", " please", " now", " please now", " now please", " today", " really")
    for number in range(FLOOD_PEOPLE):
        post(town, f"known{number}", "2024-01-02", f"Hello from number {number}", author_key=f"old{number}")
    first = post(town, "first", "2024-03-01", FERRY, author_key="old0")
    other = FERRY.replace("island", "village").replace("ferry", "coach")
    post(town, "second", "2024-03-10", other, author_key="old1")
    floods = {
        "old": [
            post(town, f"a{n}", "2024-03-05", FERRY + (words[n % 7] if is_near else ""), author_key=f"old{n}")
            for n in range(FLOOD_PEOPLE)
        ],
        "fresh": [
            post(town, f"b{n}", "2024-03-12", other + (words[n % 7] if is_near else ""), author_key=f"new{n}")
            for n in range(FLOOD_PEOPLE)
        ],
    }
    passed_on = post(town, "c", "2024-03-12", f"RT @someone: {other}", author_key="new1")
    rows = found(town)
    ends = {name: {rows[i]["duplicate_rule"].partition(":")[2] for i in ids} for name, ids in floods.items()}
    assert ends == {"old": {"flood"}, "fresh": {"brigade"}}
    starts = {rows[i]["duplicate_rule"].partition(":")[0] for ids in floods.values() for i in ids}
    assert starts == ({"same-words", "near-words"} if is_near else {"same-words"})
    assert rows[passed_on]["duplicate_rule"].endswith(":repost")
    assert first not in rows


def test_in_a_source_that_has_just_begun_nobody_can_be_called_new(town: Town) -> None:
    post(town, "first", "2024-03-01", FERRY, author_key="0")
    flood = [post(town, f"b{n}", "2024-03-05", FERRY, author_key=f"new{n}") for n in range(FLOOD_PEOPLE)]
    rows = found(town)
    assert {rows[i]["duplicate_rule"] for i in flood} == {"same-words:flood"}
