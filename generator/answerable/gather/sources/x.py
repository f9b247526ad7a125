"""Posts of X through its API v2: recent search, conversations, and whether what is held still exists.

An edit makes a new post with a new identifier. All versions are held under the identifier of the first, so that an
edit is a revision and no second post; a reply to any version is a reply to that one.

X's terms ask whoever stores posts to follow deletions: posts that were deleted, and those of accounts that became
protected or were suspended, are taken out by the sweep. It has to run at least as often as ``sweep_days`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from answerable.errors import SourceError
from answerable.gather import plain
from answerable.gather.live import Batch, Connector, Held, Item, Page, Row, newest_first
from answerable.gather.records import as_instant, noted
from answerable.live_settings import XSource

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "lang",
    "url",
    "text",
    "author",
    "is_repost",
    "mentions",
    "hashtags",
    "reply_to_id",
    "conversation_id",
)

_FIELDS = {
    "tweet.fields": "author_id,conversation_id,created_at,edit_history_tweet_ids,entities,in_reply_to_user_id,lang,"
    "note_tweet,possibly_sensitive,public_metrics,referenced_tweets",
    "user.fields": "username",
    "expansions": "author_id,edit_history_tweet_ids,in_reply_to_user_id,referenced_tweets.id,"
    "referenced_tweets.id.author_id",
}
_SEARCHED = timedelta(days=7)
_MARGIN = timedelta(minutes=2)
"""Recent search knows seven days, and refuses an instant that is a moment older."""

_QUERY = 512
_ASKED_AT_ONCE = 100
_GONE_TITLES = ("Not Found Error", "Authorization Error")
_GONE_TYPES = ("/resource-not-found", "/not-authorized-for-resource")
_NO_LANGUAGE = ("und", "zxx", "art", "qam", "qct", "qht", "qme", "qst")
_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class _Found:
    """What one answer holds.

    Attributes:
        items: posts and the posts that they reply to, each in its newest version.
        ids: identifiers of the posts that were asked for, as they came.
        versions: the identifiers of all versions of each item, by its record_id.
        newer: identifiers of newer versions than the answer holds.
        roots: identifiers of posts that began a conversation and are not in the answer.
        gone: identifiers that were asked for and exist no more, or not for the public.
        unreadable: posts without an identifier, and errors about single posts that are not known.
        oldest_at: when the oldest post that was asked for was written.
        next_token: the next page.
    """

    items: tuple[Item, ...] = ()
    ids: tuple[str, ...] = ()
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    newer: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unreadable: int = 0
    oldest_at: datetime | None = None
    next_token: str | None = None


# -- the passes --------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: XSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    known = set(held.ids)
    for query in (*source.queries, *_account_queries(source.accounts or ())):
        yield from _searched(client, source, held, query, known)


def _searched(client: Client, source: XSource, held: Held, query: str, known: set[str]) -> Iterator[Batch]:
    """One search, back to what was read before; what began the conversations found is fetched too."""
    stream = f"search {query}"
    overlap = timedelta(hours=source.overlap_hours)
    start = held.now - _SEARCHED + _MARGIN
    complete = as_instant(held.cursor.get(f"{stream}.complete"))
    lower = held.since or (complete - overlap if complete else held.floor)
    if complete is not None and complete < start:
        lost = f"what was posted from {complete:%Y-%m-%d %H:%M} to {start:%Y-%m-%d %H:%M} UTC can no longer be searched"
        yield Batch(warnings=(lost,))
    params = {
        "query": query,
        "max_results": str(min(max(source.page_size or 100, 10), 100)),
        "start_time": f"{max(start, lower or start).isoformat(timespec='seconds')}Z",
        **_FIELDS,
    }
    wanted: list[str] = []

    def ask(token: str | None) -> Page | None:
        answer = _get(
            client, "search/recent", params | ({"next_token": token} if token else {}), has_token=bool(token)
        )
        if answer.status == 400:
            return None
        found = _read(answer)
        passed = {token}
        # A page may be empty although others follow.
        while not found.ids and found.next_token and found.next_token not in passed:
            passed.add(found.next_token)
            found = _read(_get(client, "search/recent", params | {"next_token": found.next_token}))
        wanted.extend((*found.newer, *found.roots))
        return Page(Batch(found.items, unreadable=found.unreadable), found.oldest_at, found.next_token)

    for batch in newest_first(stream, held, overlap, ask):
        yield batch
        known.update(item.record_id for item in batch.items)
        missing = [i for i in dict.fromkeys(wanted) if i not in known]
        wanted.clear()
        # Asked for once in a pass, whatever became of it.
        known.update(missing)
        for part in _parts(missing, _ASKED_AT_ONCE):
            more = _looked_up(client, part)
            yield Batch(more.items, unreadable=more.unreadable)


def _account_queries(accounts: Iterable[str]) -> Iterator[str]:
    """Searches for what official accounts write and what is written to them, as many accounts as fit into each."""
    words = [(a, (f"from:{a}", f"to:{a}", f"@{a}")) for a in accounts]
    end = " -is:retweet"
    for query, _ in _packed(words, _QUERY - len(end) - 2):
        yield f"({query}){end}"


def _refresh(client: Client, source: XSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    for part in _parts(held.due, _ASKED_AT_ONCE):
        found = _looked_up(client, part)
        roots = {item.record_id: item for item in found.items}
        words = [
            (i, tuple(f"conversation_id:{v}" for v in found.versions.get(i, (i,))))
            for i in part
            if i in roots or i in found.ids
        ]
        yield Batch(gone=found.gone, unreadable=found.unreadable)
        for query, ids in _packed(words, _QUERY):
            params = {"query": query, "max_results": "100", **_FIELDS}
            # A root counts as looked at when its conversation was: with the first page, so that a conversation
            # which is larger than the budget does not hold up all others for ever.
            waiting = [roots[i] for i in ids if i in roots]
            checked = [i for i in ids if i not in roots]
            for page in _pages(client, params):
                others = (item for item in page.items if item.record_id not in ids)
                yield Batch((*waiting, *others), checked=checked, unreadable=page.unreadable)
                waiting, checked = [], []


def _pages(client: Client, params: dict[str, str]) -> Iterator[_Found]:
    seen: set[str] = set()
    passed: set[str] = set()
    token: str | None = None
    while True:
        found = _read(_get(client, "search/recent", params | ({"next_token": token} if token else {})))
        yield found
        token = found.next_token
        if token is None or token in passed or (found.ids and seen.issuperset(found.ids)):
            return
        passed.add(token)
        seen.update(found.ids)


def _sweep(client: Client, source: XSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del source, settings
    for part in _parts(held.unswept, _ASKED_AT_ONCE):
        found = _looked_up(client, part)
        brought = {item.record_id for item in found.items}
        # The first version came and the newest did not: the post is there, and what is held of it stays.
        checked = [i for i in found.ids if i in part and i not in brought]
        yield Batch(found.items, gone=found.gone, checked=checked, unreadable=found.unreadable)


def _parts(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    # One identifier that is none would spoil the whole request.
    usable = [i for i in ids if _NUMBER.fullmatch(i)]
    for first in range(0, len(usable), size):
        yield usable[first : first + size]


def _packed(words: Iterable[tuple[str, Sequence[str]]], limit: int) -> Iterator[tuple[str, list[str]]]:
    """Words of several things, joined by OR, as many as fit; each with the things whose words they are."""
    query = ""
    names: list[str] = []
    for name, own in words:
        more = " OR ".join(own)
        if query and len(query) + len(" OR ") + len(more) > limit:
            yield query, names
            query, names = "", []
        query = f"{query} OR {more}" if query else more
        names.append(name)
    if query:
        yield query, names


# -- asking ------------------------------------------------------------------------------------------------------------


def _get(client: Client, path: str, params: Mapping[str, str], *, has_token: bool = False) -> Answer:
    """An answer; with status 400 only where the token of the page is no longer known."""
    headers = {"Authorization": f"Bearer {client.secret('token_env')}"}
    answer = client.get(
        f"/2/tweets/{path}".rstrip("/"), params, headers=headers, allow=(400,) if has_token else ()
    )
    if answer.status == 400:
        body = answer.json()
        named = [plain.field(e, "parameters") for e in plain.listed(plain.field(body, "errors"))]
        if not any(isinstance(n, dict) and "next_token" in n for n in named):
            raise _refused(answer, body)
    return answer


def _looked_up(client: Client, ids: Sequence[str]) -> _Found:
    """Posts by the identifier of any version, each in its newest version."""
    found = _read(_get(client, "", {"ids": ",".join(ids), **_FIELDS}), ids)
    if not found.newer:
        return found
    newest = _read(_get(client, "", {"ids": ",".join(found.newer[:_ASKED_AT_ONCE]), **_FIELDS}), found.newer)
    return _Found(
        (*found.items, *newest.items),
        found.ids,
        {**found.versions, **newest.versions},
        gone=found.gone,
        unreadable=found.unreadable + newest.unreadable,
    )


def _read(answer: Answer, asked: Sequence[str] = ()) -> _Found:
    """What an answer holds.

    A status of 200 is no promise: an answer may hold errors and no posts. Only errors that name a post which was
    asked for are about that post; others, such as for the author of a post that was replied to, are no news.

    Raises:
        SourceError: it is no answer as documented, or says that nothing can be found out.
    """
    body = answer.json()
    if not isinstance(body, dict):
        raise _refused(answer, body)
    data = body.get("data")
    gone: list[str] = []
    unknown = 0
    for error in plain.listed(body.get("errors")):
        name = plain.identifier(plain.field(error, "resource_id")) or plain.identifier(
            plain.field(error, "value")
        )
        if name in asked and name is not None and plain.field(error, "parameter") in (None, "ids"):
            kind = plain.string(plain.field(error, "type")) or ""
            if plain.field(error, "title") in _GONE_TITLES or kind.endswith(_GONE_TYPES):
                gone.append(name)
            else:
                unknown += 1
    is_nothing_found = data is None and isinstance(plain.field(body, "meta", "result_count"), int)
    if not isinstance(data, list) and not is_nothing_found and not (data is None and (gone or unknown)):
        raise _refused(answer, body)
    users = _by_id(plain.listed(plain.field(body, "includes", "users")))
    names = {i: plain.string(user.get("username")) for i, user in users.items()}
    own = _by_id(plain.listed(data))
    pool = _by_id(plain.listed(plain.field(body, "includes", "tweets"))) | own
    parents = [
        i for tweet in own.values() if (i := _reference(tweet, "replied_to")) in pool and i is not None
    ]
    items: dict[str, Item] = {}
    versions: dict[str, tuple[str, ...]] = {}
    newer: list[str] = []
    for tweet_id in (*own, *parents):
        history = _versions(pool[tweet_id])
        if history[-1] in pool:
            versions[history[0]] = history
            items[history[0]] = Item(history[0], _payload(pool[history[-1]], pool, names))
        else:
            newer.append(history[-1])
    begun = (plain.identifier(tweet.get("conversation_id")) for tweet in own.values())
    times = [at for tweet in own.values() if (at := as_instant(tweet.get("created_at"))) is not None]
    return _Found(
        tuple(items.values()),
        tuple(own),
        versions,
        tuple(dict.fromkeys(newer)),
        tuple(dict.fromkeys(i for i in begun if i is not None and i not in pool)),
        tuple(gone),
        len(plain.listed(data)) - len(own) + unknown,
        min(times, default=None),
        plain.string(plain.field(body, "meta", "next_token")),
    )


def _refused(answer: Answer, body: object) -> SourceError:
    errors = plain.listed(plain.field(body, "errors"))
    said = [
        text
        for thing in (body, *errors[:3])
        for name in ("title", "detail", "message")
        if (text := plain.string(plain.field(thing, name)))
    ]
    why = answer.mask("; ".join(dict.fromkeys(said)))[:300]
    return SourceError(
        f"{answer.address} gave no posts" + (f": {why}" if why else ", and nothing that its API documents"),
        remedy="check the queries, and in X's developer portal that the token may search; then gather again",
    )


def _by_id(things: Iterable[object]) -> dict[str, dict[str, Any]]:
    """Objects by their identifier; those without one are left out."""
    found: dict[str, dict[str, Any]] = {}
    for thing in things:
        name = plain.identifier(plain.field(thing, "id"))
        if isinstance(thing, dict) and name is not None and _NUMBER.fullmatch(name):
            found[name] = thing
    return found


def _versions(tweet: Mapping[str, Any]) -> tuple[str, ...]:
    """The identifiers of all versions of a post, the first one first."""
    own = plain.identifier(tweet.get("id")) or ""
    told = [plain.identifier(v) for v in plain.listed(tweet.get("edit_history_tweet_ids"))]
    history = tuple(v for v in told if v is not None and _NUMBER.fullmatch(v))
    return history if own in history else (own,)


def _reference(tweet: Mapping[str, Any], kind: str) -> str | None:
    for reference in plain.listed(tweet.get("referenced_tweets")):
        if plain.field(reference, "type") == kind:
            return plain.identifier(plain.field(reference, "id"))
    return None


def _payload(
    tweet: dict[str, Any], pool: Mapping[str, Mapping[str, Any]], names: Mapping[str, str | None]
) -> dict[str, Any]:
    """A post as it was received, with what other parts of the answer say of it."""
    history = _versions(tweet)
    named = [_reference(tweet, "replied_to"), plain.identifier(tweet.get("conversation_id"))]
    firsts = {i: _versions(pool[i])[0] for i in named if i in pool and i is not None}
    first = pool.get(history[0], tweet)
    found = {
        "tweet": tweet,
        "username": names.get(plain.identifier(tweet.get("author_id")) or ""),
        "reply_to_username": names.get(plain.identifier(tweet.get("in_reply_to_user_id")) or ""),
        "first_created_at": first.get("created_at"),
        "first_versions": {i: v for i, v in firsts.items() if i != v},
    }
    return {name: value for name, value in found.items() if value}


# -- reading -----------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: XSource) -> Iterator[Row]:
    del source
    tweet, firsts = item.payload.get("tweet"), item.payload.get("first_versions")
    if not isinstance(tweet, dict):
        return
    bad: dict[str, str] = {}
    # Posts that are longer than 280 characters have their whole text, and what stands in it, in the note.
    note = tweet.get("note_tweet")
    entities = (
        plain.field(note, "entities") if plain.string(plain.field(note, "text")) else tweet.get("entities")
    )
    text = plain.string(plain.field(note, "text")) or plain.string(tweet.get("text"))
    lang = plain.string(tweet.get("lang"))
    people = [_word(m, "username") for m in plain.listed(plain.field(entities, "mentions"))]
    history = _versions(tweet)
    columns: dict[str, Any] = {
        "lang": None if lang in _NO_LANGUAGE else lang,
        # This form of the address does not name who wrote it.
        "url": f"https://x.com/i/web/status/{history[-1]}",
        "text": plain.plain(text) if text else None,
        "author": plain.string(item.payload.get("username")),
        "is_repost": _reference(tweet, "retweeted") is not None,
        "mentions": plain.joined([*people, plain.string(item.payload.get("reply_to_username"))]),
        "hashtags": plain.joined(_word(h, "tag") for h in plain.listed(plain.field(entities, "hashtags"))),
        "reply_to_id": _first(_reference(tweet, "replied_to"), firsts),
        "conversation_id": _first(plain.identifier(tweet.get("conversation_id")), firsts),
    }
    noted("created_at", item.payload.get("first_created_at") or tweet.get("created_at"), columns, bad)
    if len(history) > 1:
        noted("updated_at", tweet.get("created_at"), columns, bad)
    yield Row(item.record_id, columns, bad)


def _word(thing: object, name: str) -> str | None:
    return plain.string(plain.field(thing, name))


def _first(tweet_id: str | None, firsts: object) -> str | None:
    return plain.identifier(plain.field(firsts, tweet_id)) or tweet_id if tweet_id else None


connector = Connector(mapped=_MAPPED, discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows)
