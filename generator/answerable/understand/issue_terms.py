"""The words that tell an issue from the others: how much more often its people use them than people elsewhere do.

A word of an issue weighs how many of its messages have it, times the logarithm of how many times more often it stands
there than in other issues: those of all topics, and those of its own (class-based TF-IDF, Grootendorst 2022, against
two backgrounds). Only words of public texts count that at least three people used. Names of streets, areas, agencies
and accounts are no words in this sense: they tell where it is, or who is asked.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.hashes import text_hash
from answerable.understand.meaning import function_words
from answerable.understand.texts import keep
from answerable.understand.topics import topic_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["LEAST_PEOPLE", "LEAST_TERMS", "MOST_TERMS", "key_terms"]

LEAST_PEOPLE = 3
"""So many people at least used a word that is shown; where nobody knows who wrote, so many messages."""

LEAST_TERMS = 3
"""Fewer words than these say nothing: then none is shown."""

MOST_TERMS = 8
"""Words shown of an issue at most."""

_SAMPLE = 100  # messages of an issue that are read: more say nothing else
_PLACE_SAMPLE = 5_000  # messages that show which words mostly tell a place
_LEAST_SHARE = 0.04  # of an issue's messages have a word that tells what they are about
_LEAST_ON_SITE = 3  # times as often as in other issues of the site a word stands in the issue
_LEAST_IN_TOPIC = 1.5  # and as in other issues of its topic, or it says the topic once more
_HALF = 0.5  # added to each count: a word that stands nowhere else is not infinitely telling
_PLACE_SHARE = 0.4  # of the messages that have a word: in so many it is a name, or tells where
# Redaction marks, addresses, hashtags and accounts are no words of people's.
_NO_WORDS = r"\[[a-z ]+\]|https?://\S+|www\.\S+|\S*@\S+|#[\pL\pM\pN_]+"
_WORD = r"[\pL\pM]{3,}"
# Behind a small letter, so that no sentence begins here; in German any noun has a capital.
_NAME = r"[\p{Ll}\p{M}],?(?: \p{Lu}[\p{L}\p{M}'\x{2019}]+)+"
_WITHOUT_NAMES = ("de", "und")
# "near the school", and a word more.
_WHERE = (
    r"\b(?i:(?:near|opposite|outside|behind|beside|by|past|at|towards|from|in front of|next to|between|corner of)"
    r" (?:the|our|a|my)|(?:junto|frente|cerca|delante|detrás) (?:al|a la|a los|del|de la|de los)"
    r"|(?:devant|derrière|près) (?:la|les|le|du|de la)|(?:vor|hinter|neben|gegenüber) (?:der|dem|den)"
    r"|(?:perto|em frente|ao lado) d[ao]s?|(?:przy|koło|obok|przed|za)) +[\pL\pM]+(?: +[\pL\pM]+)?"
)
_STREET = r"(?:stra(?:ß|ss)e|gasse|allee)$"


@ibis.udf.scalar.builtin(  # type: ignore[untyped-decorator]
    name="regexp_extract_all", signature=(("string", "string"), "array<string>")
)
def _all_words(text: str, pattern: str) -> list[str]:
    """DuckDB's, and Spark's: every match."""
    raise NotImplementedError  # the engine computes it


@ibis.udf.scalar.builtin(name="strip_accents", signature=(("string",), "string"))  # type: ignore[untyped-decorator]
def _without_accents(text: str) -> str:
    """DuckDB's: letters without their accents."""
    raise NotImplementedError  # the engine computes it


@cache
def _filler_words() -> frozenset[str]:
    """Greetings, numbers, days, verbs of saying and the like (rules/filler_words.txt), without accents."""
    lines = (Path(__file__).parent / "rules" / "filler_words.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def key_terms(
    store: Store, settings: Settings, folder: Path, issues: ir.Table, batches: Sequence[Sequence[str]]
) -> ir.Table:
    """``issue_id`` and ``key_terms`` of the issues with a page in which people wrote.

    Args:
        store: with ``issue_feedback`` as it now is.
        settings: for the sources whose rows are published, and for the names of agencies.
        folder: for scratch files.
        issues: with ``issue_id``, ``topic_code``, ``feedback_count`` and ``has_page``.
        batches: all months, in the portions in which rows are read.
    """
    about = issues.filter(issues.has_page & (issues.feedback_count >= LEAST_PEOPLE))
    about = about.select("issue_id", "topic_code", issue=ibis.row_number())
    about = keep(store, about, folder / "term-issues.parquet")
    sample = keep(store, _sample(store, settings, about), folder / "term-sample.parquet")
    parts, places = [], []
    for number, months in enumerate(batches):
        reading = store.read("reading", months=months).select("feedback_id", "lang", "public_text")
        author = store.read("feedback", months=months).select("feedback_id", "author_key")
        rows = sample.filter(sample.month.isin(months)).inner_join(reading, "feedback_id")
        rows = rows.inner_join(author, "feedback_id")
        # Hashed here: behind words that are spread over rows it would be hashed once for each.
        rows = rows.mutate(person=text_hash(rows.author_key.fill_null(rows.feedback_id)))
        rows = keep(store, rows, folder / f"worded-{number}.parquet")
        parts.append(keep(store, _words(rows), folder / f"words-{number}.parquet"))
        some = rows.filter(rows.message < _PLACE_SAMPLE)
        places.append(_place_words(store, some, folder / f"places-{number}.parquet"))
    said = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    telling_where = ibis.union(*places, distinct=False) if len(places) > 1 else places[0]
    names = _names(store, settings, telling_where)
    words = keep(store, _vocabulary(said, names), folder / "term-words.parquet")
    used = keep(store, _used(said, words), folder / "term-uses.parquet")
    topics = topic_list(settings)
    of_topics = topics.select("topic_code", stem=_stems(topics.topic_name)).distinct()
    used = used.inner_join(about.select("issue", "issue_id", "topic_code"), "issue")
    used = used.inner_join(words.select("stem_number", "stem").distinct(), "stem_number")
    used = used.anti_join(of_topics, ["topic_code", "stem"])
    sizes = sample.group_by(of_issue="issue").agg(messages=sample.count())
    counted = _counted(used, sizes).inner_join(words.select("word", "word_number"), "word_number")
    return keep(
        store, _telling(keep(store, counted, folder / "word-counts.parquet")), folder / "terms.parquet"
    )


def _sample(store: Store, settings: Settings, about: ir.Table) -> ir.Table:
    """Some messages of each issue, with their place among all of them: identifiers are hashes, in order of nothing."""
    shown = [s.id for s in settings.sources if s.publish_rows]
    reading = store.read("reading")
    reading = reading.filter(
        reading.is_counted & reading.public_text.notnull() & reading.source_id.isin(shown)
    )
    member = store.read("issue_feedback").select("feedback_id", "issue_id", "month")
    worded = member.inner_join(about, "issue_id").semi_join(reading, "feedback_id")
    some = worded.mutate(place=ibis.row_number().over(group_by="issue", order_by="feedback_id"))
    some = some.filter(some.place < _SAMPLE).select("feedback_id", "month", "issue")
    return some.mutate(message=ibis.row_number().over(order_by="feedback_id"))


def _words(rows: ir.Table) -> ir.Table:
    """Each word of each message, as often as it stands there."""
    found: Any = _all_words(_plain(rows).lower(), _WORD)
    return rows.select("issue", "message", "person", word=found.unnest())


def _vocabulary(said: ir.Table, names: ir.Table) -> ir.Table:
    """The words that may tell something: numbered in the order of the alphabet, with their stems.

    (Millions of words are some ten thousand different ones: what is asked of each is asked once.)
    """
    said_often = sorted(function_words() | _filler_words())
    stopped = ibis.memtable(pa.table({"word": pa.array(said_often, pa.string())}))
    words = said.select("word").distinct()
    words = words.mutate(stem=_stem(words.word), word_number=ibis.row_number().over(order_by="word"))
    words = words.anti_join(stopped.select(stem=_stem(stopped.word)), "stem").anti_join(names, "stem")
    return words.mutate(stem_number=ibis.dense_rank().over(order_by="stem"))


def _used(said: ir.Table, words: ir.Table) -> ir.Table:
    """In how many messages of each issue each stem stands, and how many people wrote it."""
    said = said.inner_join(words.select("word", "word_number", "stem_number"), "word")
    once = said.group_by("issue", "message", "person", "stem_number").agg(word_number=said.word_number.min())
    return once.group_by("issue", "stem_number").agg(
        # Of two forms the first by the alphabet is mostly the singular.
        word_number=once.word_number.min(),
        times=once.count(),
        people=once.person.nunique(),
    )


def _place_words(store: Store, rows: ir.Table, path: Path) -> ir.Table:
    """Each word of some messages: in how many it stands, and in how many only tells a place, or is part of a name."""
    plain = _plain(rows)

    def words_of(pattern: str) -> Any:
        matches: Any = _all_words(plain, pattern)
        return _all_words(matches.join(" ").lower(), _WORD)

    found: Any = _all_words(plain.lower(), _WORD)
    has_names = ~rows.lang.fill_null("und").isin(_WITHOUT_NAMES)
    lists = rows.select(
        places=words_of(_WHERE).concat(has_names.ifelse(words_of(_NAME), [])), words=found.unique()
    )
    # Kept first: behind words that are spread over rows the places would be looked for once for each.
    lists = keep(store, lists, path)
    each = lists.select("places", word=lists.words.unnest())
    is_place = each.places.contains(each.word) | each.word.re_search(_STREET)
    each = each.select("word", is_place=is_place)
    return each.group_by("word").agg(messages=each.count(), places=each.is_place.sum())


def _plain(rows: ir.Table) -> Any:
    return rows.public_text.re_replace(_NO_WORDS, " . ")


def _stem(word: Any) -> Any:
    """A word without accents and what makes it a plural, so that both count as one: bins, boxes, berries."""
    bare = _without_accents(word)
    return ibis.cases(
        (bare.re_search("^.{1,3}$"), bare),  # "bus", "gas"
        (bare.re_search("[^ae]ies$"), bare.re_replace("ies$", "y")),
        (bare.re_search("(?:s|x|z|ch|sh)es$"), bare.re_replace("es$", "")),
        (bare.re_search("[^s]s$"), bare.re_replace("s$", "")),
        else_=bare,
    )


def _stems(name: Any) -> Any:
    """The stem of each word of a name, a row each."""
    found: Any = _all_words(name.lower(), _WORD)
    return _stem(found.unnest())


def _names(store: Store, settings: Settings, said: ir.Table) -> ir.Table:
    """``stem``: of what names an area or somebody who is asked; and of what mostly tells a place."""
    agencies = [name for a in settings.agencies for name in (a.name, *a.names, *a.accounts)]
    listed = ibis.memtable(pa.table({"name": pa.array(agencies, pa.string())}))
    listed = listed.union(store.read("area").select("name"))
    said = said.mutate(stem=_stem(said.word))
    by_stem = said.group_by("stem").agg(messages=said.messages.sum(), places=said.places.sum())
    places = by_stem.filter(by_stem.places >= _PLACE_SHARE * by_stem.messages)
    return listed.select(stem=_stems(listed.name)).union(places.select("stem"), distinct=True)


def _counted(used: ir.Table, sizes: ir.Table) -> ir.Table:
    """Each word of each issue: in how many messages it stands, out of how many; here, in the topic, and on the site.

    Args:
        used: how often each word stands in each issue (`_used`), with ``issue_id``, ``topic_code`` and ``stem``.
        sizes: how many messages of each issue were read.
    """
    counts = used.mutate(
        topic_times=used.times.sum().over(group_by=["topic_code", "stem_number"]),
        site_times=used.times.sum().over(group_by="stem_number"),
    )
    topic = used.select(of_issue="issue", of_topic="topic_code").distinct()
    sizes = sizes.inner_join(topic, "of_issue")
    sizes = sizes.mutate(
        topic_messages=sizes.messages.sum().over(group_by="of_topic"),
        site_messages=sizes.messages.sum().over(),
    ).drop("of_topic")
    rows = counts.filter(counts.people >= LEAST_PEOPLE).inner_join(sizes, counts.issue == sizes.of_issue)
    return rows.filter(rows.times >= _LEAST_SHARE * rows.messages)


def _telling(used: ir.Table) -> ir.Table:
    """The words that tell each issue from the others, the most telling first; none where there are too few."""

    def times_as_often(all_times: Any, all_messages: Any) -> Any:
        here = (used.times + _HALF) / (used.messages + _HALF)
        elsewhere = (all_times - used.times + _HALF) / (all_messages - used.messages + _HALF)
        # Where there is nothing else, nothing can be compared.
        return (all_messages > used.messages).ifelse(here / elsewhere, _LEAST_ON_SITE)

    rows = used.mutate(
        on_site=times_as_often(used.site_times, used.site_messages),
        in_topic=times_as_often(used.topic_times, used.topic_messages),
    )
    rows = rows.filter((rows.on_site >= _LEAST_ON_SITE) & (rows.in_topic >= _LEAST_IN_TOPIC))
    # Rounded: what is equal has to stay so in whatever order it was added up.
    rows = rows.mutate(weight=(rows.times * (rows.on_site.log() + rows.in_topic.log())).round(6))
    order = [ibis.desc("weight"), ibis.asc("word")]
    best = rows.mutate(place=ibis.row_number().over(group_by="issue_id", order_by=order))
    best = best.filter(best.place < MOST_TERMS)
    said: Any = best.word.group_concat(" ", order_by=best.place)
    found = best.group_by("issue_id").agg(key_terms=said, terms=best.count())
    return found.filter(found.terms >= LEAST_TERMS).drop("terms")
