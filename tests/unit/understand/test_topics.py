"""Topics: what the source says first, then what the words say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from answerable.settings import Topic
from answerable.understand.topics import TopicRules, topic_rules


def rules(
    phrases: Mapping[str, Sequence[str]], codes: Mapping[str, dict[str, tuple[str, ...]]] | None = None
) -> TopicRules:
    return topic_rules(
        Topic(
            code=code,
            name=code.title(),
            service="s",
            phrases=tuple(found),
            codes=(codes or {}).get(code, {}),
            agency=None,
            description="",
        )
        for code, found in phrases.items()
    )


def test_a_code_of_the_source_comes_before_one_of_any_source_and_exact_before_folded() -> None:
    by = rules(
        {"roads": (), "light": (), "trees": ()},
        {
            "roads": {"portal": ("A1",)},
            "light": {"any": ("A1", "B 2")},
            "trees": {"portal": ("a1",)},
        },
    )
    assert by.of_code("portal", "A1") == ("roads", "code:roads")
    assert by.of_code("portal", "a1") == ("trees", "code:trees")
    assert by.of_code("elsewhere", "a1") == ("light", "code:light")
    assert by.of_code("elsewhere", " b  2 ") == ("light", "code:light")
    assert by.of_code("portal", "C3") == (None, None)
    assert by.of_code("portal", None) == (None, None)


def test_a_code_stands_for_finer_ones_and_the_finest_decides() -> None:
    by = rules(
        {"odors": (), "sewers": (), "noise": ()},
        {
            "odors": {"any": ("Sewer: Odor",)},
            "sewers": {"portal": ("Sewer",)},
            "noise": {"portal": ("Sew", "Odor")},
        },
    )
    assert by.of_code("portal", "Sewer: Odor: strong") == ("odors", "code:odors")
    assert by.of_code("portal", "SEWER: flooding") == ("sewers", "code:sewers")
    assert by.of_code("portal", "Sewers") == (None, None)
    assert by.of_code("portal", "Lamp: Odor") == (None, None)


def test_most_distinct_phrases_win_however_often_one_is_said() -> None:
    by = rules({"roads": ("pothole*", "hole in the road"), "leaks": ("leak", "no water")})
    assert by.of_text("leak leak leak: no water because of a pothole") == ("leaks", "phrase:leaks:leak")
    assert by.of_text("Potholes! A hole in the road, and a leak.") == ("roads", "phrase:roads:pothole*")


def test_ties_go_to_the_topic_that_stands_first() -> None:
    first = rules({"roads": ("pothole",), "leaks": ("leak",)})
    other = rules({"leaks": ("leak",), "roads": ("pothole",)})
    assert first.of_text("a leak in a pothole") == ("roads", "phrase:roads:pothole")
    assert other.of_text("a leak in a pothole") == ("leaks", "phrase:leaks:leak")


def test_a_text_that_no_phrase_knows_has_no_topic() -> None:
    assert rules({"roads": ("pothole",)}).of_text("Thank you all") == (None, None)


WORDS = ("ant", "bee", "cow", "dog", "eel", "fox")


@given(
    st.dictionaries(st.sampled_from(["one", "two", "three"]), st.lists(st.sampled_from(WORDS)), min_size=1),
    st.lists(st.sampled_from(WORDS)),
)
def test_topics_of_texts_against_counting_by_hand(phrases: dict[str, list[str]], said: list[str]) -> None:
    hits = {code: len(set(words) & set(said)) for code, words in phrases.items()}
    best = max(hits.values())
    expected = next(code for code, count in hits.items() if count == best) if best else None
    topic, rule = rules(phrases).of_text(" ".join(said))
    assert topic == expected
    if topic is None:
        assert rule is None
    else:
        _, named, phrase = str(rule).split(":")
        assert named == topic
        assert phrase == next(p for p in phrases[topic] if p in said)
