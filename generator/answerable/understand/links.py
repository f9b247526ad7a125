"""Answers given elsewhere: what an official post says, tied to the feedback that it names.

What counts is an identifier, never likeness of text. A post of an official account belongs to a feedback when it holds

* the address of that feedback at its source, or of its issue's page on this site;
* the number of a service request, a petition or a request for information, written so that it can be nothing else:
  of at least five characters, four of them digits, behind ``#`` or a word such as "ticket", "Vorgang" or "expediente";
  or, without such a word, letters and digits of at least eight characters, five of them digits (``SR-2024-00123``).

So "2024", "12" or a telephone number never link, and a number that means two feedback means none (unless one of them
alone is put to the agency that speaks). What was said before the feedback was raised belongs to nobody's.

Posts that name nothing, but are alike in agency, topic, place, time and words, are proposals: stored, listed for
review (`answerable triage`), counted nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable.schema import ELSEWHERE_METHODS, MISSING_CODE, RESPONSE_CLASSES
from answerable.understand.classes import classify
from answerable.understand.relevance import CONVERSATION_KINDS
from answerable.understand.texts import KEY, decide, hashed, keep, with_key
from answerable.understand.topics import NO_RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.classes import Classifier
    from answerable.understand.overrides import Applied

__all__ = [
    "LIKENESS_DAYS",
    "Named",
    "Posts",
    "linked",
    "named_in",
    "official_posts",
    "proposals",
    "rejections",
]

LIKENESS_DAYS = 14
"""So many days after a feedback was raised, what is like it may be proposed as its answer."""

_CONFIDENCE = MappingProxyType(
    {"reviewed": 1.0, "link-to-feedback": 1.0, "ticket-number": 0.8, "link-to-issue": 0.8}
)
"""Grades, not measured shares: the address of one message, a number, the address of all that belongs together."""

_CONFIDENCE_OF_OWN_NUMBER = 0.95  # the number of a feedback that is put to the agency that speaks
_TICKET_KINDS = ("service_request", "petition", "information_request")
_ID_LENGTH = 16
_REMEMBERED_TEXTS = 50_000
_PROPOSALS = 3  # of one post, at most
_SHARED_WORDS = 3
_LEAST_LIKENESS = 0.3
_MOST_LIKENESS = 0.9
_SHORTEST_AREA = 4
_SHORTEST_WORD = 4


# -- what a text names -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names: numbers and addresses in every way in which a source may write them, and issues' ids."""

    numbers: tuple[str, ...]
    addresses: tuple[str, ...]
    issue_ids: tuple[str, ...]


_MARKERS = (
    # en
    "ticket", "case", "request", "report", "reference", "ref", "sr", "petition", "tracking", "complaint",
    # de
    "vorgang", "meldung", "vorgangsnummer", "ticketnummer", "aktenzeichen", "az", "anliegen", "anfrage",
    # es, pt
    "expediente", "solicitud", "petición", "peticion", "folio", "reporte", "solicitação", "solicitacao", "pedido",
    "protocolo", "petição", "peticao", "chamado", "processo",
    # fr
    "demande", "dossier", "signalement", "pétition", "référence", "reference", "réf",
)  # fmt: skip
_NUMBER_WORDS = r"(?:(?:no|nr|num|number|nummer|id|número|numero|numéro|code)\b|n?[º°])"
_MARKED = re.compile(
    rf"(?:\b(?:{'|'.join(_MARKERS)})s?\b[\s.:]*(?:{_NUMBER_WORDS}[\s.:º°]*)?|#\s?|№\s?)$", re.IGNORECASE
)
# A number stands alone: not inside an address, an account, a decimal fraction or another word.
_TOKEN = re.compile(r"(?<![\w@/+-])(?<!\d[.,:])([A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*)(?![\w@])")
_ADDRESS = re.compile(r"https?://[^\s<>\"'\])}]+", re.IGNORECASE)
_ACCOUNT = re.compile(r"[\w.+-]*@[\w.@-]+")
_AFTER_ADDRESS = ".,;:!?…"
_MARK_REACH = 40


def named_in(text: str, site_address: str) -> Named:
    """What a text names.

    Args:
        text: as received.
        site_address: of this site, where issues have their pages.
    """
    addresses = tuple(dict.fromkeys(a.rstrip(_AFTER_ADDRESS) for a in _ADDRESS.findall(text)))
    bare = _ACCOUNT.sub(" ", _ADDRESS.sub(" ", text))
    numbers: dict[str, None] = {}
    for match in _TOKEN.finditer(bare):
        token = match[1]
        before = bare[max(0, match.start() - _MARK_REACH) : match.start()]
        if _is_specific(token, is_marked=bool(_MARKED.search(before))):
            numbers.update(dict.fromkeys((token, token.upper(), token.lower())))
    variants = tuple(dict.fromkeys(v for a in addresses for v in _variants(a)))
    return Named(tuple(numbers), variants, _issue_ids(text, site_address))


def _is_specific(token: str, *, is_marked: bool) -> bool:
    """Whether a number can mean nothing but a record."""
    digits = sum(c.isdigit() for c in token)
    if is_marked:
        return len(token) >= 5 and digits >= 4
    return len(token) >= 8 and digits >= 5 and any(c.isalpha() for c in token)


def _variants(address: str) -> list[str]:
    """The ways in which a source may write an address; none of one that leads to a host and to nothing there."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/")
    if not path and not parts.query:
        return []
    host = parts.netloc.lower().removeprefix("www.")
    queries = dict.fromkeys((parts.query, "")) if parts.query.startswith("utm_") else (parts.query,)
    return [
        f"{scheme}://{www}{host}{path}{slash}{'?' if query else ''}{query}"
        for query in queries
        for scheme in ("https", "http")
        for www in ("", "www.")
        for slash in ("", "/")
        if path or slash or query
    ]


def _issue_ids(text: str, site_address: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match.lower() for match in _issue_pattern(site_address).findall(text)))


@lru_cache(maxsize=8)
def _issue_pattern(site_address: str) -> re.Pattern[str]:
    """The address of an issue's page: it ends in the issue's id, whatever its title was when somebody copied it."""
    parts = urlsplit(site_address)
    place = re.escape(parts.netloc.removeprefix("www.") + parts.path.rstrip("/"))
    return re.compile(
        rf"(?<![\w./@-])(?:https?://)?(?:www\.)?{place}/(?:[a-z]{{2,3}}/)?issues/(?:[\w%-]*-)?([0-9a-f]{{16}})(?![\w-])",
        re.IGNORECASE,
    )


# -- official posts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posts:
    """What official accounts posted, read: a table with a row for each post (see `official_posts`)."""

    rows: ir.Table
    count: int


def official_posts(
    store: Store,
    settings: Settings,
    folder: Path,
    *,
    classes: Classifier,
    redact: Callable[[str], str],
    applied: Applied,
) -> Posts | None:
    """Every post of an official account, with what it says and names; None where there is none.

    Columns: post_id, post_source_id, post_name, at, agency_code, topic_code, url, lang, root_id (the feedback that it
    replies to), response_id, is_reply (whether it is an update of that feedback), update_class, class_rule,
    public_text, numbers, addresses, issue_ids, area_code (its own, or the one that it names), words.
    """
    feedback = store.read("feedback")
    official = feedback.filter(feedback.is_official & feedback.kind.isin(CONVERSATION_KINDS))
    plain = keep(
        store,
        official.select(
            "source_id",
            "conversation_id",
            "agency_code",
            "url",
            "lang",
            "area_code",
            post_id="feedback_id",
            post_name=official.source_id + ":" + official.record_id,
            at=official.created_at,
            text=ibis.coalesce(official.text, official.title),
            own_record_id="record_id",
        ),
        folder / "official.parquet",
    )
    count = int(store.con.to_pyarrow(plain.count()).as_py())
    if not count:
        return None
    rows = _with_updates(store, plain)
    topics = store.read("reading").select(read_id="feedback_id", topic_code="topic_code")
    rows = with_key(rows.left_join(topics, rows.post_id == topics.read_id), ("text",))
    areas = _area_names(store)
    address = settings.site.url

    @lru_cache(maxsize=_REMEMBERED_TEXTS)
    def read(text: str) -> tuple[str | list[str] | None, ...]:
        said = classify(text, classes)
        named = named_in(text, address)
        rule = None if said.update_class is None else (said.rule_id or NO_RULE)
        return (
            said.update_class,
            rule,
            redact(text),
            list(named.numbers),
            list(named.addresses),
            list(named.issue_ids),
            _named_area(text, areas),
            sorted(_content_words(text)),
        )

    texts = pa.list_(pa.string())
    decided = decide(
        store,
        rows.filter(rows.text.notnull()),
        ("text",),
        read,
        result={
            "rule_class": pa.string(),
            "rule_id": pa.string(),
            "public_text": pa.string(),
            "numbers": texts,
            "addresses": texts,
            "issue_ids": texts,
            "named_area": pa.string(),
            "words": texts,
        },
        path=folder / "official-texts.parquet",
    )
    rows = rows.left_join(decided, KEY)
    said = rows.mutate(
        post_source_id=rows.source_id,
        response_id=hashed(rows.source_id, ibis.coalesce(rows.update_id, rows.post_id), length=_ID_LENGTH),
        is_reply=rows.update_id.notnull(),
        area_code=ibis.coalesce(rows.area_code, rows.named_area),
        # A reply has one class, here and in its own conversation.
        update_class=rows.update_id.notnull().ifelse(rows.reply_class, rows.rule_class),
        class_rule=rows.update_id.notnull().ifelse(rows.reply_rule, rows.rule_id),
    )
    if applied.updates.num_rows:
        few = ibis.memtable(applied.updates.select(["set_id", "set_class", "set_rule"]))
        said = said.left_join(few, said.post_id == few.set_id)
        said = said.mutate(
            update_class=ibis.coalesce(said.set_class, said.update_class),
            class_rule=ibis.coalesce(said.set_rule, said.class_rule),
        )
    columns = (
        "post_id",
        "post_source_id",
        "post_name",
        "at",
        "agency_code",
        "topic_code",
        "url",
        "lang",
        "root_id",
        "response_id",
        "is_reply",
        "update_class",
        "class_rule",
        "public_text",
        "numbers",
        "addresses",
        "issue_ids",
        "area_code",
        "words",
    )
    return Posts(keep(store, said.select(*columns), folder / "posts.parquet"), count)


def _with_updates(store: Store, posts: ir.Table) -> ir.Table:
    """The posts with the feedback that each replies to, and the update of it that it is (with its class)."""
    feedback = store.read("feedback")
    roots = feedback.filter(~feedback.is_official).select(
        root_source="source_id", root_record="record_id", root_id="feedback_id"
    )
    rows = posts.left_join(
        roots,
        [
            posts.source_id == roots.root_source,
            posts.conversation_id == roots.root_record,
            posts.conversation_id != posts.own_record_id,
        ],
    ).drop("root_source", "root_record")
    updates = store.read("feedback_update")
    said = updates.filter(updates.is_official & (updates.kind == "replied")).select(
        "update_id", said_to="feedback_id", said_at="at", said_url="url"
    )
    said = said.semi_join(rows, said.said_to == rows.root_id)
    read = store.read("update_reading").select(
        read_update="update_id", reply_class="update_class", reply_rule="class_rule"
    )
    said = said.left_join(read, said.update_id == read.read_update)
    both = rows.select("post_id", "root_id", "at", "url").inner_join(
        said,
        [
            rows.root_id == said.said_to,
            rows["at"] == said.said_at,
            rows.url.identical_to(said.said_url),
        ],
    )
    first = both.group_by(updated_post="post_id").agg(
        update_id=both.update_id.min(),
        reply_class=both.reply_class.argmin(both.update_id),
        reply_rule=both.reply_rule.argmin(both.update_id),
    )
    return rows.left_join(first, rows.post_id == first.updated_post)


def _area_names(store: Store) -> Mapping[str, str]:
    """The code of each area by its name, folded; short names are words of other things."""
    areas = store.con.to_pyarrow(store.read("area").select("area_code", "name")).to_pylist()
    return {r["name"].casefold(): r["area_code"] for r in areas if len(r["name"]) >= _SHORTEST_AREA}


def _named_area(text: str, areas: Mapping[str, str]) -> str | None:
    """The one area that a text names; none where it names several."""
    folded = text.casefold()
    found = {code for name, code in areas.items() if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", folded)}
    return found.pop() if len(found) == 1 else None


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


def _content_words(text: str) -> set[str]:
    bare = _ACCOUNT.sub(" ", _ADDRESS.sub(" ", text)).casefold()
    return {w for w in _WORD.findall(bare) if len(w) >= _SHORTEST_WORD and w not in _COMMON}


# -- links -------------------------------------------------------------------------------------------------------------


def rejections(applied: Applied, posts: Posts | None) -> ir.Table | None:
    """The pairs that a person rejected: rejected_response, rejected_feedback; None where there are none."""
    if not applied.rejected.num_rows:
        return None
    given = ibis.memtable(applied.rejected)
    pairs = given.select(rejected_response="answer_id", rejected_feedback="feedback_id")
    if posts is None:
        return pairs
    by_post = given.inner_join(
        posts.rows.select("post_id", "response_id"), given.answer_id == posts.rows.post_id
    )
    named = by_post.select(rejected_response="response_id", rejected_feedback="feedback_id")
    return pairs.union(named, distinct=True)


def linked(store: Store, folder: Path, posts: Posts, applied: Applied) -> ir.Table:
    """The rows of ``update_elsewhere`` that count: official posts, and the feedback that each names."""
    found = _by_number(store, posts.rows).union(
        _by_address(store, posts.rows), _by_issue(store, posts.rows), distinct=False
    )
    if applied.accepted.num_rows:
        accepted = ibis.memtable(applied.accepted).mutate(
            method=ibis.literal("reviewed"), confidence=_grade(_CONFIDENCE["reviewed"])
        )
        found = found.union(accepted.select(*found.columns), distinct=False)
    # Of several ways in which a post names a feedback, the surest.
    rank = found.method.cases(*((name, place) for place, name in enumerate(ELSEWHERE_METHODS)), else_=99)
    ranked = found.mutate(rank=rank)
    best = ranked.group_by("post_id", "feedback_id").agg(
        method=ranked.method.argmin(ranked.rank), confidence=ranked.confidence.max()
    )
    best = keep(store, best, folder / "named.parquet")
    rows = _rows(store, posts.rows, best)
    rejected = rejections(applied, posts)
    if rejected is not None:
        rows = rows.anti_join(
            rejected,
            [rows.response_id == rejected.rejected_response, rows.feedback_id == rejected.rejected_feedback],
        )
    rows = rows.mutate(is_reviewed=rows.method == "reviewed", is_counted=ibis.literal(True))
    return keep(store, rows, folder / "linked.parquet")


def _grade(value: float) -> ir.FloatingValue:
    # A fraction written as such is a decimal number to DuckDB.
    return ibis.literal(round(100 * value)).cast("float64") / 100


def _by_number(store: Store, posts: ir.Table) -> ir.Table:
    """Feedback whose own number a post names."""
    named = posts.select("post_id", "agency_code", number=posts.numbers.unnest())
    feedback = store.read("feedback")
    numbered = feedback.filter(feedback.kind.isin(_TICKET_KINDS) & ~feedback.is_official).select(
        "feedback_id", number="record_id"
    )
    reading = store.read("reading").select("feedback_id", responsible_code="agency_code")
    found = named.inner_join(numbered, "number").inner_join(reading, "feedback_id")
    found = found.mutate(
        key=found.number.lower(), is_own=(found.agency_code == found.responsible_code).fill_null(False)
    )
    counts = found.group_by("post_id", "key").agg(
        meant=found.feedback_id.nunique(), meant_own=found.feedback_id.nunique(where=found.is_own)
    )
    both = found.inner_join(counts, ["post_id", "key"])
    both = both.filter((both.meant == 1) | (both.is_own & (both.meant_own == 1)))
    return both.select(
        "post_id",
        "feedback_id",
        method=ibis.literal("ticket-number"),
        confidence=both.is_own.ifelse(
            _grade(_CONFIDENCE_OF_OWN_NUMBER), _grade(_CONFIDENCE["ticket-number"])
        ),
    ).distinct()


def _by_address(store: Store, posts: ir.Table) -> ir.Table:
    """Feedback whose own address a post holds; of a later message of a conversation, the one that it began with."""
    named = posts.select("post_id", url=posts.addresses.unnest())
    feedback = store.read("feedback")
    addressed = feedback.filter(feedback.url.notnull()).select(
        "feedback_id", "source_id", "record_id", "conversation_id", "kind", "is_official", "url"
    )
    found = named.inner_join(addressed, "url")
    counts = found.group_by("post_id", "url").agg(meant=found.feedback_id.nunique())
    found = found.inner_join(counts, ["post_id", "url"]).filter(lambda t: (t.meant == 1) & ~t.is_official)
    roots = feedback.filter(~feedback.is_official).select(
        root_source="source_id", root_record="record_id", root_id="feedback_id"
    )
    both = found.left_join(
        roots,
        [
            found.source_id == roots.root_source,
            found.conversation_id == roots.root_record,
            found.kind.isin(CONVERSATION_KINDS),
        ],
    )
    return both.select(
        "post_id",
        feedback_id=ibis.coalesce(both.root_id, both.feedback_id),
        method=ibis.literal("link-to-feedback"),
        confidence=_grade(_CONFIDENCE["link-to-feedback"]),
    ).distinct()


def _by_issue(store: Store, posts: ir.Table) -> ir.Table:
    """All feedback of the issues whose pages a post points to."""
    given = posts.select("post_id", issue_id=posts.issue_ids.unnest())
    # An address that was published once leads to the issue that answers there now.
    moved = store.read("issue_address").select("first_issue_id", now_id="issue_id")
    moved = given.inner_join(moved, given.issue_id == moved.first_issue_id)
    named = given.union(moved.select("post_id", issue_id="now_id"), distinct=True)
    members = store.read("issue_feedback").select("issue_id", "feedback_id")
    return (
        named.inner_join(members, "issue_id")
        .select(
            "post_id",
            "feedback_id",
            method=ibis.literal("link-to-issue"),
            confidence=_grade(_CONFIDENCE["link-to-issue"]),
        )
        .distinct()
    )


def _rows(store: Store, posts: ir.Table, pairs: ir.Table) -> ir.Table:
    """The columns of ``update_elsewhere`` for pairs of a post and a feedback that it can belong to."""
    feedback = store.read("feedback")
    asked = feedback.filter(~feedback.is_official).select(
        "feedback_id",
        "source_id",
        "month",
        # Before a petition has enough signatures, nothing is due; what came then was no answer to it.
        due_at=ibis.greatest(
            feedback.created_at, feedback.threshold_reached_at.fill_null(feedback.created_at)
        ),
    )
    rows = pairs.inner_join(asked, "feedback_id").inner_join(posts, "post_id")
    rows = rows.filter(
        (rows["at"] >= rows.due_at)
        # Where it was said as a reply, it is an update there already.
        & ~(rows.root_id == rows.feedback_id).fill_null(False)
    )
    return rows.select(
        "feedback_id",
        "source_id",
        "month",
        "post_id",
        "post_source_id",
        "post_name",
        "at",
        "agency_code",
        "update_class",
        "class_rule",
        "method",
        "confidence",
        "is_reply",
        "response_id",
        "public_text",
        "lang",
        "url",
        elsewhere_id=hashed(rows.post_id, rows.feedback_id, length=_ID_LENGTH),
    )


# -- proposals ---------------------------------------------------------------------------------------------------------


def proposals(store: Store, folder: Path, posts: Posts, sure: ir.Table, applied: Applied) -> ir.Table:
    """The rows of ``update_elsewhere`` that wait for review: posts that are like an unanswered feedback.

    Args:
        store: with response_feedback as it now is.
        folder: for scratch files.
        posts: `official_posts`.
        sure: what `linked` found; such a post has said whom it answers.
        applied: what people rejected is not proposed again.
    """
    rows = posts.rows
    rows = rows.filter(
        rows.update_class.isin(RESPONSE_CLASSES)
        & rows.root_id.isnull()
        & rows.agency_code.notnull()
        & rows.area_code.notnull()
        & rows.topic_code.notnull()
        & (rows.topic_code != MISSING_CODE)
    )
    area = store.read("area").select("area_code", area_name="name")
    rows = rows.anti_join(sure, "post_id").left_join(area, "area_code").drop("area_code_right")
    rows = keep(
        store,
        rows.select("post_id", "at", "agency_code", "topic_code", "area_code", "area_name", "words"),
        folder / "proposing.parquet",
    )
    pairs = _alike(store, rows)
    best = ibis.row_number().over(
        ibis.window(group_by="post_id", order_by=[ibis.desc("confidence"), ibis.asc("feedback_id")])
    )
    ranked = pairs.mutate(place=best)
    few = ranked.filter(ranked.place < _PROPOSALS).drop("place").mutate(method=ibis.literal("likeness"))
    found = _rows(store, posts.rows, keep(store, few, folder / "alike.parquet"))
    rejected = rejections(applied, posts)
    if rejected is not None:
        found = found.anti_join(
            rejected,
            [
                found.response_id == rejected.rejected_response,
                found.feedback_id == rejected.rejected_feedback,
            ],
        )
    return found.mutate(is_reviewed=ibis.literal(False), is_counted=ibis.literal(False))


def _alike(store: Store, posts: ir.Table) -> ir.Table:
    """Pairs of a post and an unanswered feedback before it: post_id, feedback_id, confidence."""
    feedback = store.read("feedback").select("feedback_id", "created_at", asked_area="area_code")
    reading = store.read("reading")
    reading = reading.filter(reading.is_counted & reading.public_text.notnull()).select(
        "feedback_id", "agency_code", "topic_code", "public_text"
    )
    near = posts.inner_join(reading, ["agency_code", "topic_code"]).inner_join(feedback, "feedback_id")
    near = near.filter(
        (near.created_at <= near["at"])
        & (near.created_at >= near["at"] - ibis.interval(days=LIKENESS_DAYS))
        & (
            (near.asked_area == near.area_code)
            | (near.asked_area.isnull() & near.public_text.lower().contains(near.area_name.lower()))
        ).fill_null(False)
    )
    near = near.anti_join(store.read("response_feedback").select("feedback_id"), "feedback_id")
    asked = near.public_text.lower().re_split(r"[^\p{L}]+").unique()
    asked = asked.filter(lambda word: word.length() >= _SHORTEST_WORD)
    shared = near.words.intersect(asked).length()
    scored = near.mutate(shared=shared, of=ibis.least(near.words.length(), asked.length()))
    scored = scored.filter((scored.shared >= _SHARED_WORDS) & (scored.of > 0))
    scored = scored.mutate(likeness=scored.shared / scored.of)
    kept = scored.filter(scored.likeness >= _LEAST_LIKENESS)
    return kept.select(
        "post_id",
        "feedback_id",
        confidence=ibis.least(kept.likeness.round(2).cast("float64"), _grade(_MOST_LIKENESS)),
    )
