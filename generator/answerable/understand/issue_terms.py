"""The words that tell an issue from the others of its topic: class-based TF-IDF (Grootendorst 2022), in SQL.

A word of an issue weighs how often it stands there, times ``log(1 + A / f)``: ``A`` is how many words an issue of the
topic has on average, ``f`` how often the word stands in all of them. Only words of public texts count, and only those
that at least three people used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.understand.meaning import function_words
from answerable.understand.texts import keep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["LEAST_PEOPLE", "MOST_TERMS", "key_terms"]

LEAST_PEOPLE = 3
"""So many people at least used a word that is shown; where nobody knows who wrote, so many messages."""

MOST_TERMS = 8
"""Words shown of an issue at most."""

_LEAST_TERMS = 3
# Redaction marks, addresses and accounts are no words of people's.
_NO_WORDS = r"\[[a-z ]+\]|https?://\S+|www\.\S+|\S*@\S+"
_WORD = r"[\pL\pM]{3,}"


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


def key_terms(
    store: Store, settings: Settings, folder: Path, issues: ir.Table, batches: Sequence[Sequence[str]]
) -> ir.Table:
    """``issue_id`` and ``key_terms`` of the issues with a page in which people wrote.

    Args:
        store: with ``issue_feedback`` as it now is.
        settings: for the sources whose rows are published.
        folder: for scratch files.
        issues: with ``issue_id``, ``topic_code``, ``area_code``, ``feedback_count`` and ``has_page``.
        batches: all months, in the portions in which rows are read.
    """
    shown = [s.id for s in settings.sources if s.publish_rows]
    chosen = issues.filter(issues.has_page & (issues.feedback_count >= LEAST_PEOPLE))
    parts = []
    for number, months in enumerate(batches):
        reading = store.read("reading", months=months)
        texts = reading.filter(
            reading.is_counted & reading.public_text.notnull() & reading.source_id.isin(shown)
        ).select("feedback_id", "public_text")
        texts = keep(store, texts, folder / f"said-{number}.parquet")
        if not store.con.to_pyarrow(texts.count()).as_py():
            continue
        member = store.read("issue_feedback", months=months).select("feedback_id", "issue_id")
        author = store.read("feedback", months=months).select("feedback_id", "author_key")
        rows = texts.inner_join(member, "feedback_id").semi_join(chosen, "issue_id")
        rows = rows.inner_join(author, "feedback_id")
        parts.append(keep(store, _words(rows), folder / f"words-{number}.parquet"))
    if not parts:
        nothing = pa.array([], pa.string())
        return ibis.memtable(pa.table({"issue_id": nothing, "key_terms": nothing}))
    words = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    counts = words.group_by("issue_id", "word").agg(times=words.count(), people=words.person.nunique())
    about = chosen.select("issue_id", "topic_code", "area_code")
    counts = keep(store, counts.inner_join(about, "issue_id"), folder / "word-counts.parquet")
    topics = counts.group_by("topic_code").agg(words=counts.times.sum(), issues=counts.issue_id.nunique())
    everywhere = counts.group_by("topic_code", "word").agg(everywhere=counts.times.sum())
    areas = store.read("area").select("area_code", area_name="name")
    rows = (
        counts.filter(counts.people >= LEAST_PEOPLE)
        .inner_join(topics, "topic_code")
        .inner_join(everywhere, ["topic_code", "word"])
        .left_join(areas, "area_code")
    )
    # Where it is, its title says already.
    rows = rows.filter(~rows.area_name.fill_null("").lower().contains(rows.word))
    mean = rows.words.cast("float64") / rows.issues
    # Rounded: what is equal has to stay so in whatever order it was added up.
    rows = rows.mutate(weight=(rows.times * (1 + mean / rows.everywhere).log()).round(6))
    place = ibis.row_number().over(
        ibis.window(group_by="issue_id", order_by=[ibis.desc("weight"), ibis.asc("word")])
    )
    best = rows.mutate(place=place)
    best = best.filter(best.place < MOST_TERMS)
    said: Any = best.word.group_concat(" ", order_by=best.place)
    found = best.group_by("issue_id").agg(key_terms=said, terms=best.count())
    return keep(store, found.filter(found.terms >= _LEAST_TERMS).drop("terms"), folder / "terms.parquet")


def _words(rows: ir.Table) -> ir.Table:
    """Each word of each message once: ``issue_id``, ``person`` and ``word``."""
    plain = rows.public_text.re_replace(_NO_WORDS, " ").lower()
    found: Any = _all_words(plain, _WORD)
    words = rows.select(
        "issue_id", person=rows.author_key.fill_null(rows.feedback_id), word=found.unique().unnest()
    )
    stopped = ibis.memtable(pa.table({"stopped": pa.array(sorted(function_words()), pa.string())}))
    words = words.mutate(bare=_without_accents(words.word))
    return words.anti_join(stopped, [("bare", "stopped")]).drop("bare")
