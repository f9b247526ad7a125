"""Official posts that name nothing, but are like a feedback that nobody answered: proposals for people to decide on.

What is alike in agency, topic, place, time and words is stored with how like it is, listed for review
(`answerable triage`) and counted nowhere: likeness of texts is no evidence that one answers the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from answerable.schema import MISSING_CODE, RESPONSE_CLASSES
from answerable.understand.mentions import without_addresses

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["LIKENESS_DAYS", "alike", "content_words"]

LIKENESS_DAYS = 14
"""So many days after a feedback was raised, what is like it may be proposed as its answer."""

_PROPOSALS = 3  # of one post, at most
_SHARED_WORDS = 3
_LEAST_LIKENESS = 0.3
_MOST_LIKENESS = 0.9
_SHORTEST_WORD = 4

_COMMON = frozenset(
    """
    about after again also been before being both could does done down from have here into just more most much need
    only other over please said same should since some soon such than thank thanks that their them then there these
    they this those today tomorrow until very were what when where which while will with work working would your
    aber alle auch auf bitte dass dem den der diese dieser durch eine einem einen einer haben hier ihre nach nicht noch
    oder schon sehr sich sind wird wurde wurden werden
    como cuando desde donde esta está estas este esto gracias hasta hemos muchas para pero porque puede sido sobre
    também também ainda essa esse isso mais nossa nosso obrigado pela pelo quando será
    avec cette dans depuis elle êtes leur merci mais même nous notre pour sans sera sont très votre vous
    """.split()  # noqa: SIM905  words, as one reads them
)
_WORD = re.compile(r"[^\W\d_]+")


def content_words(text: str) -> set[str]:
    """The words of a text that say what it is about, folded."""
    return {
        w
        for w in _WORD.findall(without_addresses(text).casefold())
        if len(w) >= _SHORTEST_WORD and w not in _COMMON
    }


def alike(store: Store, posts: ir.Table) -> ir.Table:
    """Pairs of a post and an unanswered feedback that was raised before it: post_id, feedback_id, confidence.

    Args:
        store: with response_feedback as it now is.
        posts: of `answerable.understand.official_posts`, those that say nothing of whom they answer.
    """
    rows = posts.filter(
        posts.update_class.isin(RESPONSE_CLASSES)
        & posts.root_id.isnull()
        & posts.agency_code.notnull()
        & posts.area_code.notnull()
        & posts.topic_code.notnull()
        & (posts.topic_code != MISSING_CODE)
    )
    area = store.read("area").select("area_code", area_name="name")
    rows = rows.left_join(area, "area_code").select(
        "post_id", "at", "agency_code", "topic_code", "area_code", "area_name", "words"
    )
    pairs = _scored(store, rows)
    place = ibis.row_number().over(
        ibis.window(group_by="post_id", order_by=[ibis.desc("confidence"), ibis.asc("feedback_id")])
    )
    ranked = pairs.mutate(place=place)
    return ranked.filter(ranked.place < _PROPOSALS).drop("place")


def _scored(store: Store, posts: ir.Table) -> ir.Table:
    feedback = store.read("feedback").select("feedback_id", "created_at", asked_area="area_code")
    reading = store.read("reading")
    reading = reading.filter(reading.is_counted & reading.public_text.notnull()).select(
        "feedback_id", "agency_code", "topic_code", "public_text"
    )
    # A span of so many days reaches into two portions of that length: nothing else of all the years is compared.
    portion = posts["at"].epoch_seconds() // (LIKENESS_DAYS * 86_400)
    posts = posts.mutate(portion=ibis.array([portion, portion - 1]).unnest())
    asked = reading.inner_join(feedback, "feedback_id")
    asked = asked.mutate(portion=asked.created_at.epoch_seconds() // (LIKENESS_DAYS * 86_400))
    near = posts.inner_join(asked, ["agency_code", "topic_code", "portion"])
    near = near.filter(
        (near.created_at <= near["at"])
        & (near.created_at >= near["at"] - ibis.interval(days=LIKENESS_DAYS))
        & (
            (near.asked_area == near.area_code)
            | (near.asked_area.isnull() & near.public_text.lower().contains(near.area_name.lower()))
        ).fill_null(False)
    )
    near = near.anti_join(store.read("response_feedback").select("feedback_id"), "feedback_id")
    theirs = near.public_text.lower().re_split(r"[^\p{L}]+").unique()
    theirs = theirs.filter(lambda word: word.length() >= _SHORTEST_WORD)
    shared = near.words.intersect(theirs).length()
    scored = near.mutate(shared=shared, of=ibis.least(near.words.length(), theirs.length()))
    scored = scored.filter((scored.shared >= _SHARED_WORDS) & (scored.of > 0))
    scored = scored.mutate(likeness=scored.shared / scored.of)
    kept = scored.filter(scored.likeness >= _LEAST_LIKENESS)
    return kept.select(
        "post_id",
        "feedback_id",
        confidence=ibis.least(kept.likeness.round(2).cast("float64"), ibis.literal(_MOST_LIKENESS)),
    )
