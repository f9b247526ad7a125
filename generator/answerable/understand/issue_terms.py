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

_SAMPLE = 300  # messages of an issue that are read, of those of some years: more say nothing else
_PLACE_SAMPLE = 10_000  # messages that show which words mostly tell a place, of those of some years
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
    shown = [s.id for s in settings.sources if s.publish_rows]
    about = issues.filter(issues.has_page & (issues.feedback_count >= LEAST_PEOPLE))
    about = keep(store, about.select("issue_id", "topic_code"), folder / "term-issues.parquet")
    parts, places = [], []
    for number, months in enumerate(batches):
        reading = store.read("reading", months=months)
        reading = reading.filter(
            reading.is_counted & reading.public_text.notnull() & reading.source_id.isin(shown)
        )
        member = store.read("issue_feedback", months=months).select("feedback_id", "issue_id")
        worded = member.semi_join(about, "issue_id").semi_join(reading, "feedback_id")
        # Identifiers are hashes: the first by their order are a sample.
        some = worded.mutate(place=ibis.row_number().over(group_by="issue_id", order_by="feedback_id"))
        some = keep(
            store, some.filter(some.place < _SAMPLE).drop("place"), folder / f"sample-{number}.parquet"
        )
        author = store.read("feedback", months=months).select("feedback_id", "author_key")
        rows = reading.select("feedback_id", "lang", "public_text").inner_join(some, "feedback_id")
        rows = rows.inner_join(about, "issue_id").inner_join(author, "feedback_id")
        rows = keep(store, rows, folder / f"worded-{number}.parquet")
        parts.append(keep(store, _words(rows), folder / f"words-{number}.parquet"))
        some = rows.order_by("feedback_id").limit(_PLACE_SAMPLE)
        places.append(keep(store, _place_words(some), folder / f"places-{number}.parquet"))
    said = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    telling_where = ibis.union(*places, distinct=False) if len(places) > 1 else places[0]
    names = _names(store, settings, telling_where)
    said = keep(store, said.anti_join(names, "stem"), folder / "terms-said.parquet")
    topics = topic_list(settings)
    of_topics = topics.select("topic_code", stem=_stems(topics.topic_name)).distinct()
    said = said.anti_join(of_topics, ["topic_code", "stem"])
    used = keep(store, _counted(said), folder / "word-counts.parquet")
    return keep(store, _telling(used), folder / "terms.parquet")


def _words(rows: ir.Table) -> ir.Table:
    """Each word of each message once, with its stem."""
    found: Any = _all_words(_plain(rows).lower(), _WORD)
    each = rows.select(
        "issue_id",
        "topic_code",
        "feedback_id",
        person=rows.author_key.fill_null(rows.feedback_id),
        word=found.unique().unnest(),
    )
    said_often = sorted(function_words() | _filler_words())
    stopped = ibis.memtable(pa.table({"word": pa.array(said_often, pa.string())}))
    return each.mutate(stem=_stem(each.word)).anti_join(stopped.select(stem=_stem(stopped.word)), "stem")


def _place_words(rows: ir.Table) -> ir.Table:
    """The stem of each word of each message, and whether it only tells a place there, or is part of a name."""
    plain = _plain(rows)

    def words_of(pattern: str) -> Any:
        matches: Any = _all_words(plain, pattern)
        return _all_words(matches.join(" ").lower(), _WORD)

    found: Any = _all_words(plain.lower(), _WORD)
    has_names = ~rows.lang.fill_null("und").isin(_WITHOUT_NAMES)
    each = rows.select(
        places=words_of(_WHERE).concat(has_names.ifelse(words_of(_NAME), [])), word=found.unique().unnest()
    )
    is_place = each.places.contains(each.word) | each.word.re_search(_STREET)
    return each.select(stem=_stem(each.word), is_place=is_place)


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
    by_stem = said.group_by("stem").agg(messages=said.count(), places=said.is_place.sum())
    places = by_stem.filter(by_stem.places >= _PLACE_SHARE * by_stem.messages)
    return listed.select(stem=_stems(listed.name)).union(places.select("stem"), distinct=True)


def _counted(said: ir.Table) -> ir.Table:
    """Each word of each issue: in how many messages it stands, out of how many; here, in the topic, and on the site."""
    sizes = said.group_by("issue_id", of_topic="topic_code").agg(messages=said.feedback_id.nunique())
    sizes = sizes.mutate(
        topic_messages=sizes.messages.sum().over(group_by="of_topic"),
        site_messages=sizes.messages.sum().over(),
    )
    counts = said.group_by("issue_id", "topic_code", "stem").agg(
        # Of two forms the first by the alphabet is mostly the singular.
        word=said.word.min(),
        times=said.feedback_id.nunique(),
        people=said.person.nunique(),
    )
    counts = counts.mutate(
        topic_times=counts.times.sum().over(group_by=["topic_code", "stem"]),
        site_times=counts.times.sum().over(group_by="stem"),
    )
    rows = counts.filter(counts.people >= LEAST_PEOPLE).inner_join(sizes.drop("of_topic"), "issue_id")
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
