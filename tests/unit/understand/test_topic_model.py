"""The site's model of topics: made of its own data, asked where codes and phrases do not decide, sometimes not sure."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from answerable.errors import SettingsError, UsageError
from answerable.explain import explain
from answerable.labelling import evaluation
from answerable.measure.stage import measure
from answerable.settings import Topic, load_settings
from answerable.site_models import train_models
from answerable.understand import topic_training
from answerable.understand.topic_model import NOT_SURE, load_topic_model, topics_of
from answerable.understand.topic_training import TopicExample, chosen, group_folds, make_topic_model
from answerable.understand.topics import TopicRules, subject_phrases, topic_rules

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

THINGS = {
    "potholes": ("a crater", "a deep dip", "broken tarmac", "a sunken patch", "loose gravel"),
    "leaks": ("a wet cellar", "a dripping main", "brown liquid", "a burst valve", "low flow"),
    "parks": ("a rusty swing", "a broken slide", "dry grass", "a fallen branch", "an old bench"),
}
CODES = {"potholes": "POTHOLE", "leaks": "LEAK", "parks": "PARK"}
PLACES = (
    "by the mill",
    "near the quay",
    "at the corner",
    "outside number nine",
    "behind the school",
    "on the hill",
)
NAMES = {"potholes": "Potholes", "leaks": "Water leaks", "parks": "Parks"}


def word(number: int) -> str:
    """A word of its own for each number: numbers alone do not make two texts different."""
    return "".join("abcdefghij"[int(digit)] for digit in f"{number + 100}")


def messages(seed: int = 1, count: int = 40) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    return [
        (f"there is {rng.choice(things)} {rng.choice(PLACES)} and {rng.choice(things)} too, {word(n)}", topic)
        for topic, things in THINGS.items()
        for n in range(count)
    ]


def examples() -> list[TopicExample]:
    return [TopicExample(text, topic, f"day {n % 9}", "code") for n, (text, topic) in enumerate(messages())]


def rules() -> TopicRules:
    return topic_rules(
        Topic(code=code, name=name, service="s", agency=None, description="", codes={}, phrases=(), like=None)
        for code, name in NAMES.items()
    )


def make(path: Path, wanted: list[TopicExample]) -> Any:
    return make_topic_model(wanted, rules(), path, made_by="a test", newest_on="2026-01-01")


def fill(town: Town) -> None:
    for number, (text, topic) in enumerate(messages()):
        day = f"2024-03-{1 + number % 20:02d}"
        town.add(f"c{number}", day, service_code=CODES[topic], text=text, author_key=f"k{number % 30}")
    town.add(
        "crater",
        "2024-04-01",
        source_id="posts",
        text="What a deep dip, loose gravel everywhere",
        conversation_id="1",
    )
    town.add("zebra", "2024-04-02", source_id="posts", text="xylophone quartz jumping", conversation_id="2")
    town.add(
        "leak", "2024-04-03", source_id="posts", text="A leak and no water: a deep dip", conversation_id="3"
    )
    town.understand()


def of(town: Town, record_id: str) -> dict[str, Any]:
    return town.reading(next(row["feedback_id"] for row in town.feedback if row["record_id"] == record_id))


def test_the_model_is_asked_where_neither_code_nor_clear_phrases_decide(town: Town) -> None:
    fill(town)
    assert [of(town, name)["topic_rule"] for name in ("crater", "zebra", "leak")] == [
        "none",
        "none",
        "phrase:leaks:leak",
    ]
    said = train_models(town.store, town.settings)
    assert said[0].startswith("topics: made of ")
    assert "120 codes" in said[0]
    town.understand()
    crater, zebra, leak = (of(town, name) for name in ("crater", "zebra", "leak"))
    assert (crater["topic_code"], crater["topic_rule"]) == ("potholes", "model")
    assert crater["topic_score"] > 0.5
    assert {"gravel", "deep"} & set(crater["topic_reason"].removeprefix("for: ").split(", "))
    assert (zebra["topic_code"], zebra["topic_rule"]) == ("unmapped", NOT_SURE)
    assert zebra["topic_reason"].startswith("likeliest: ")
    # Two phrases of one topic and none of another are clear; the model is not asked.
    assert (leak["topic_code"], leak["topic_rule"], leak["topic_score"]) == (
        "leaks",
        "phrase:leaks:leak",
        None,
    )
    assert of(town, "c0")["topic_rule"] == "code:potholes"
    assert of(town, "c0")["topic_reason"] is None
    told = str(explain(town.store, "posts:zebra"))
    assert "not recognised: the model is not sure  [rule: not-sure]" in told
    assert "0." in told.partition("topic model")[2]
    assert "likeliest" in told


def test_a_label_overrules_and_teaches_but_not_where_it_measures(town: Town) -> None:
    fill(town)
    line = (
        '{"source_id":"posts","record_id":"%s","is_relevant":true,"topic":"%s","drawn":"%s",'
        '"labelled_by":"A","labelled_on":"2026-01-02"}\n'
    )
    path = town.folder / "data" / "lookups" / "labels.jsonl"
    path.write_text(line % ("crater", "parks", "search") + line % ("zebra", "leaks", "chance"), "utf-8")
    town.understand()
    crater, zebra = of(town, "crater"), of(town, "zebra")
    assert (crater["topic_code"], crater["topic_rule"], crater["judged_topic_code"]) == (
        "parks",
        "label",
        "unmapped",
    )
    assert (crater["is_label_held_out"], zebra["is_label_held_out"]) == (False, True)
    train_models(town.store, town.settings)
    card = json.loads((town.folder / "data" / "lookups" / "topics.json").read_text("utf-8"))
    held = [row for row in town.rows("reading") if row["is_label_held_out"]]
    assert card["made_of"]["label"] == 1 + (1 - len(held_after(town)))
    assert len(held) == 1
    path.write_text(line % ("crater", "swings", "search"), "utf-8")
    with pytest.raises(SettingsError, match=r"swings is not in topics\.yml"):
        town.understand()


def held_after(town: Town) -> list[dict[str, Any]]:
    town.understand()
    return [row for row in town.rows("reading") if row["is_label_held_out"]]


def test_the_same_texts_in_any_order_make_the_same_files(tmp_path: Path) -> None:
    wanted = examples()
    make(tmp_path / "one.json", wanted)
    mixed = wanted + wanted[:7]
    random.Random(4).shuffle(mixed)
    card = make(tmp_path / "two.json", mixed)
    for suffix in (".json", ".npz"):
        one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert card.held_out["texts"] == card.text_count == len({e.text for e in wanted})
    assert card.held_out["right"] / card.held_out["said"] > 0.9
    assert card.per_topic.keys() == set(NAMES)


@given(
    st.lists(st.sampled_from([text for text, _ in messages(2, 4)] + ["", "?", "no such words"]), max_size=5)
)
def test_what_is_said_of_a_text_does_not_depend_on_its_batch(model: Any, texts: list[str]) -> None:
    by = rules()
    rows = [(None, text, None, text) for text in texts]
    named = [by.named(text) for text in texts]
    together = topics_of(rows, named, model)
    assert together == [topics_of([row], [n], model)[0] for row, n in zip(rows, named, strict=True)]
    assert all((topic is None) == (rule in {NOT_SURE, None}) for topic, rule, _, _ in together)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("model") / "topics.json"
    make(path, examples())
    return load_topic_model(path, NAMES)


def test_reasons_name_words_of_the_public_text_alone(model: Any) -> None:
    text = "a deep dip and loose gravel"
    (said,) = topics_of([(None, text, None, "a dip and [name]")], [rules().named(text)], model)
    assert said[0] == "potholes"
    assert "gravel" not in str(said[3])


def test_phrases_in_another_language_are_evidence_for_the_model(tmp_path: Path) -> None:
    topics = [
        Topic(
            code=code,
            name=name,
            service="s",
            agency=None,
            description="",
            codes={},
            phrases=(words,),
            like=None,
        )
        for (code, name), words in zip(NAMES.items(), ("crater", "cellar", "swing"), strict=True)
    ]
    path = tmp_path / "topics.json"
    make_topic_model(examples(), topic_rules(topics), path, made_by="a test", newest_on="")
    with_german = [topic.model_copy(update={"phrases": (*topic.phrases, "schaukel")}) for topic in topics[2:]]
    by = topic_rules([*topics[:2], *with_german])
    loaded = load_topic_model(path, NAMES)
    without, given_phrase = (
        loaded.chances(["die schaukel"], [r.named("die schaukel")])[0, 2] for r in (rules(), by)
    )
    assert given_phrase > without + 0.2


def test_copies_count_once_and_those_that_disagree_not_at_all() -> None:
    def one(topic: str, origin: Any = "code") -> TopicExample:
        return TopicExample("The SAME words!", topic, "g", origin)

    more = examples()
    base = len(chosen(more)[0])
    assert len(chosen([*more, one("leaks"), one("leaks")])[0]) == base + 1
    assert len(chosen([*more, one("leaks"), one("parks")])[0]) == base
    kept, few = chosen([*more, one("leaks"), one("parks", "label")])
    assert [e.topic for e in kept if e.text == one("parks").text] == ["parks"]
    assert few == {}
    assert chosen([*more, one("lamps")])[1] == {"lamps": 1}


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=40))
def test_a_group_is_held_out_whole(groups: list[str]) -> None:
    if len(set(groups)) < 2:
        with pytest.raises(UsageError, match="one author or one day"):
            group_folds(groups)
        return
    folds = group_folds(groups)
    assert all(
        len({fold for g, fold in zip(groups, folds.tolist(), strict=True) if g == group}) == 1
        for group in groups
    )
    assert len(set(folds.tolist())) == min(5, len(set(groups)))


def test_with_too_little_it_says_what_is_missing(town: Town) -> None:
    town.add("c", "2024-03-01", service_code="LEAK", text="brown liquid from the tap")
    town.understand()
    said = train_models(town.store, town.settings)
    assert "topics: not made: too few texts" in said[0]
    assert "leaks 1" in said[0]
    assert [line.partition(":")[0] for line in said] == ["topics", "relevance", "intent", "urgency"]
    assert all("not made" in line for line in said)
    assert not list((town.folder / "data" / "lookups").glob("*.json"))


def test_without_the_extra_it_says_how_to_install_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "threadpoolctl", None)
    with pytest.raises(UsageError, match=r"answerable\[train\]"):
        train_models(town.store, town.settings)


def test_a_model_that_is_not_what_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "topics.json"
    make(path, examples())
    with pytest.raises(SettingsError, match=r"not in topics\.yml: parks"):
        load_topic_model(path, {code: name for code, name in NAMES.items() if code != "parks"})
    weights = bytearray(path.with_suffix(".npz").read_bytes())
    weights[len(weights) // 2] ^= 1
    path.with_suffix(".npz").write_bytes(weights)
    with pytest.raises(SettingsError, match="not the file"):
        load_topic_model(path, NAMES)
    path.write_text("{}", "utf-8")
    with pytest.raises(SettingsError, match="no model of topics"):
        load_topic_model(path, NAMES)


def test_clear_phrases_can_be_learned_from(town: Town) -> None:
    fill(town)
    for number in range(12):
        text = f"A leak, no water, humming turbine {word(number)} {PLACES[number % 6]}"
        town.add(
            f"p{number}",
            f"2024-05-{number + 1:02d}",
            source_id="posts",
            text=text,
            conversation_id=f"p{number}",
        )
    town.understand()
    train_models(town.store, town.settings, is_from_phrases=True)
    card = json.loads((town.folder / "data" / "lookups" / "topics.json").read_text("utf-8"))
    assert card["made_of"]["phrase"] >= 12
    # What phrases decide measures nothing.
    assert card["held_out"]["texts"] == card["text_count"] - card["made_of"]["phrase"]


# -- through the public door, with the messages of the demonstration city ----------------------------------------------

ROOT = Path(__file__).parents[3]


def demo_posts(name: str) -> list[tuple[str, str]]:
    """The posts that the project wrote for its city, each with the topic under which its author put it."""
    found = []
    topic = ""
    for line in (ROOT / "data" / "demo" / "messages" / name).read_text("utf-8").splitlines():
        if line.startswith("["):
            topic = line.strip("[]")
        elif line and not line.startswith("#"):
            found.append((line, topic))
    return found


def demo_topics() -> tuple[str, set[str]]:
    """The city's topics.yml for a town without its sources and agencies, and the codes of the topics."""
    held = yaml.safe_load((ROOT / "data" / "topics.yml").read_text("utf-8"))
    for part in (*held["services"], *held["topics"]):
        part.pop("agency", None)
        part.pop("codes", None)
    return yaml.safe_dump(held, allow_unicode=True), {topic["code"] for topic in held["topics"]}


def test_with_labels_of_its_people_a_city_gets_more_topics_right(town: Town) -> None:
    text, codes = demo_topics()
    town.settings_file("topics.yml", text)
    posts = [(line, topic) for line, topic in demo_posts("posts.en.txt") if topic in codes]
    lines = []
    for number, (line, topic) in enumerate(posts):
        town.add(
            f"{number}",
            f"2024-03-{1 + number % 28:02d}",
            source_id="posts",
            text=line,
            author_key=f"k{number % 70}",
            conversation_id=f"{number}",
            lang="en",
        )
        label = {
            "source_id": "posts",
            "record_id": f"{number}",
            "is_relevant": True,
            "topic": topic,
            "drawn": "chance",
            "labelled_by": "A",
            "labelled_on": "2026-01-02",
        }
        lines.append(json.dumps(label) + "\n")
    (town.folder / "data" / "lookups" / "labels.jsonl").write_text("".join(lines), "utf-8")
    town.understand()
    before = {row["feedback_id"]: row for row in town.rows("reading")}
    assert train_models(town.store, town.settings)[0].startswith("topics: made of ")
    town.understand()
    held = [row for row in town.rows("reading") if row["is_label_held_out"]]
    assert len(held) > 30
    said = [row for row in held if row["judged_topic_code"] != "unmapped"]
    right = sum(row["judged_topic_code"] == row["topic_code"] for row in said)
    former = [before[row["feedback_id"]] for row in said]
    right_before = sum(row["judged_topic_code"] == row["topic_code"] for row in former)
    assert len(said) > 0.6 * len(held)
    assert right / len(said) > 0.75
    assert right > right_before
    measure(town.store, town.settings)
    shown = "\n".join(evaluation(town.store))
    # Of so few labels no share is said.
    right_after = sum(r["judged_topic_code"] == r["topic_code"] for r in held)
    assert f"; {right_after} of {len(held)})" not in shown
    assert "texts that the site's model of topics was made of" in shown
    assert "of those topics, right" in shown


# -- the common subjects -----------------------------------------------------------------------------------------------


def test_a_topic_like_a_common_subject_is_known_in_five_languages() -> None:
    by = topic_rules(
        Topic(
            code=code,
            name=code,
            service="s",
            agency=None,
            description="",
            codes={},
            phrases=phrases,
            like=like,
        )
        for code, phrases, like in (
            ("bins", ("caddy",), "waste"),
            ("lamps", (), "lighting"),
            ("fleet", ("lorry",), None),
        )
    )
    texts = (
        "rubbish everywhere",
        "der Müll liegt da",
        "la basura",
        "la poubelle déborde",
        "o lixo está na rua",
    )
    assert {by.of_text(text)[0] for text in texts} == {"bins"}
    assert by.of_text("Straßenlaterne aus") == ("lamps", "like:lamps:straßenlaterne*")
    # A topic's own phrase comes before what another is like.
    assert by.of_text("rubbish on a lorry") == ("fleet", "phrase:fleet:lorry")
    assert not by.named("rubbish and garbage").is_clear


def test_every_subject_has_phrases_that_stand_under_no_other() -> None:
    phrases = subject_phrases()
    first: dict[str, str] = {}
    twice = [
        (phrase, first[phrase], subject)
        for subject, found in phrases.items()
        for phrase in found
        if first.setdefault(phrase, subject) != subject
    ]
    assert twice == []
    assert all(len(found) >= 25 for found in phrases.values())


def test_an_unknown_subject_is_named_with_its_line(town: Town) -> None:
    path = town.folder / "data" / "topics.yml"
    path.write_text(
        path.read_text("utf-8").replace("code: parks\n", "code: parks\n    like: wast\n"), "utf-8"
    )
    with pytest.raises(SettingsError, match="did you mean waste") as caught:
        load_settings(town.folder)
    assert "topics.yml" in str(caught.value)
    line = next(n for n, text in enumerate(path.read_text("utf-8").splitlines(), 1) if "wast" in text)
    assert f"{line}" in str(caught.value)


def test_the_cost_of_a_wrong_topic_sets_when_it_is_not_sure() -> None:
    import numpy as np

    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.52, 0.48]])
    labels = np.array([0, 0, 1, 1])
    assert 0.55 < topic_training.best_threshold(chances, labels) <= 0.8
