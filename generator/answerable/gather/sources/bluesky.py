"""Posts of Bluesky: searches (with a login), and official accounts with what they replied to and their threads.

Reading needs no login but for the search, which is asked where the login is; its tokens stay in memory. Who asked not
to be shown to people who are not logged in is not taken. There are no edits; a post that was left out of an answer is
gone when its thread says so.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from answerable.errors import SourceError
from answerable.gather import plain as parts
from answerable.gather.live import Batch, Connector, Held, Item, Page, Row, newest_first
from answerable.gather.records import as_instant
from answerable.live_settings import BlueskySource

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_MAPPED = (
    "record_id",
    "created_at",
    "lang",
    "url",
    "text",
    "author",
    "mentions",
    "hashtags",
    "reply_to_id",
    "conversation_id",
)
_HANDLE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_HIDDEN = frozenset({"!hide", "!takedown", "!no-unauthenticated"})
"""Labels of what is not shown, or not to people who are not logged in."""

_PAGE = 100
_AT_ONCE = 25
_LEVELS = 30
"""Answers are asked for so deep at once: deeper ones would be taken for an attack."""

_SKEW = timedelta(days=1)
"""How much later than the network saw it a post may say that it was written."""

_NO_HANDLE = "handle.invalid"
_STALE = ("ExpiredToken", "InvalidToken")
_REFUSED = (400, 401)

_Post = Mapping[str, Any]
_Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Visit:
    """One pass: who is asked, what is known, and what was received on the way."""

    client: Client
    source: BlueskySource
    officials: frozenset[str]
    held: Held
    seen: set[str] = field(default_factory=set)

    def ask(self, method: str, params: _Params, allow: Sequence[int] = ()) -> Answer:
        """Ask a method that needs no login."""
        return self.client.get(f"/xrpc/{method}", list(params), allow=allow)

    def is_known(self, uri: str) -> bool:
        """Whether a post is held, or was received in this pass."""
        return uri in self.held.ids or uri in self.seen


def _begin(client: Client, source: BlueskySource, settings: Settings, held: Held) -> _Visit:
    officials = frozenset(settings.agency_by_account) | frozenset(_accounts(source, settings))
    return _Visit(client, source, officials, held)


# -- new posts ---------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: BlueskySource, settings: Settings, held: Held) -> Iterator[Batch]:
    accounts = _accounts(source, settings)
    if not (accounts or source.queries):
        raise SourceError(
            "there is nothing to read: no queries, and no official account looks like a handle of Bluesky",
            remedy="give queries or accounts in data/sources.yml, or accounts in data/agencies.yml",
        )
    visit = _begin(client, source, settings, held)
    missing: list[str] = []
    streams = [_feed(visit, account, missing) for account in accounts]
    if source.queries:
        session = _Session(visit)
        streams += [_search(visit, query, session) for query in source.queries]
    yield from _in_turn(streams)
    if missing and not source.queries and len(missing) == len(accounts):
        raise SourceError(
            f"{source.server} does not know {', '.join(missing)}",
            remedy="check the accounts in data/agencies.yml, or in data/sources.yml",
        )
    if missing:
        # One account that is gone is no reason to leave everything else unread.
        yield Batch(warnings=(f"the server does not know {', '.join(missing)}",))


def _in_turn(streams: Iterable[Iterator[Batch]]) -> Iterator[Batch]:
    """One batch of each in turn: a long list does not use up what the others need."""
    waiting = deque(streams)
    while waiting:
        stream = waiting.popleft()
        batch = next(stream, None)
        if batch is not None:
            yield batch
            waiting.append(stream)


def _accounts(source: BlueskySource, settings: Settings) -> tuple[str, ...]:
    """The handles to follow."""
    if source.accounts is not None:
        return source.accounts
    every = dict.fromkeys(account for agency in settings.agencies for account in agency.accounts)
    return tuple(account for account in every if _HANDLE.fullmatch(account))


def _feed(visit: _Visit, account: str, missing: list[str]) -> Iterator[Batch]:
    """What an official account wrote, with what it replied to."""
    method = "app.bsky.feed.getAuthorFeed"
    params = [("actor", account), ("filter", "posts_with_replies"), ("limit", _limit(visit))]

    def ask(token: str | None) -> Page | None:
        answer = visit.ask(method, [*params, ("cursor", token)] if token else params, allow=(400,))
        if answer.status == 400:
            _refusal(answer)
            if token is not None:
                return None
            missing.append(account)
            return Page(Batch(), None, None)
        value = _object(answer)
        entries = _listed(answer, value, "feed")
        own = [e for e in entries if not _is_repost(e)]
        posts = [parts.field(e, "post") for e in own]
        beside = [parts.field(e, "reply", part) for e in own for part in ("root", "parent")]
        batch = _batch(visit, posts, beside)
        # What it only passed on is not taken, and shows how far the feed was read all the same.
        marks = {f"{_is_repost(e)} {parts.field(e, 'post', 'uri')}": _line_at(e) for e in entries}
        return _page(visit, batch, marks, parts.string(value.get("cursor")), seen)

    seen: set[str] = set()
    yield from newest_first(_stream(visit, f"feed/{account}"), visit.held, _overlap(visit), ask)


def _search(visit: _Visit, query: str, session: _Session) -> Iterator[Batch]:
    """What a search finds. Where the server knows a place no longer, it is looked for by its time."""
    params = [("q", query), ("sort", "latest"), ("limit", _limit(visit))]
    seen: set[str] = set()

    def ask(token: str | None) -> Page | None:
        until, _, cursor = (token or "").partition(" ")
        place_params = [("cursor", cursor)] if cursor else [("until", until)] if until else []
        answer = _searched(session, [*params, *place_params], (400,) if cursor else ())
        if answer.status == 400:
            _refusal(answer)
            answer, cursor = _searched(session, [*params, ("until", until)], ()), ""
        value = _object(answer)
        posts = _listed(answer, value, "posts")
        following = parts.string(value.get("cursor"))
        marks = {uri: _sorted_at(p) for p in posts if (uri := _uri(p)) is not None}
        oldest = min((at for at in marks.values() if at is not None), default=None)
        place = None
        if following and oldest:
            # A place belongs to its question: who once asked by time goes on by time.
            kept = "" if until and not cursor else following
            place = f"{(oldest + timedelta(milliseconds=1)).isoformat()}Z {kept}"
        return _page(visit, _batch(visit, posts), marks, place, seen)

    yield from newest_first(_stream(visit, f"search/{query}"), visit.held, _overlap(visit), ask)


def _batch(visit: _Visit, posts: Sequence[object], beside: Sequence[object] = ()) -> Batch:
    """Posts of a page, further posts that came with them, and what official accounts replied to."""
    floor = visit.held.floor if visit.held.since is None else None
    found = [p for p in posts if _uri(p) is not None]
    ours = [p for p in found if floor is None or (_sorted_at(p) or floor) >= floor]
    items = _items([*ours, *(b for b in beside if not visit.is_known(_uri(b) or ""))])
    items += _items(_parents(visit, items))
    visit.seen.update(i.record_id for i in items)
    return Batch(_each_once(items), unreadable=len(posts) - len(found))


def _page(
    visit: _Visit, batch: Batch, marks: Mapping[str, datetime | None], token: str | None, seen: set[str]
) -> Page:
    """A page with its place in the list; ``seen`` is what earlier pages brought: one that adds nothing is the last."""
    is_new = not marks.keys() <= seen
    seen.update(marks)
    # The newest of the page: a single old date does not end the walk.
    newest = max((at for at in marks.values() if at is not None), default=visit.held.now)
    return Page(batch, newest if marks else None, token if is_new else None)


def _parents(visit: _Visit, items: Sequence[Item]) -> list[_Post]:
    """What official accounts replied to and is not held: the post above, and where the conversation began."""
    here = {i.record_id for i in items}
    wanted = [
        uri
        for i in items
        if not visit.is_known(i.record_id) and _author(i.payload) in visit.officials
        for uri in _above(i.payload)
        if uri is not None and uri not in here and not visit.is_known(uri)
    ]
    return list(_several(visit, list(dict.fromkeys(wanted))).values())


def _stream(visit: _Visit, name: str) -> str:
    # What --since asks for changes nothing about what has been read without a gap.
    return name if visit.held.since is None else f"{name}.since"


def _overlap(visit: _Visit) -> timedelta:
    return timedelta(hours=visit.source.overlap_hours)


def _limit(visit: _Visit) -> str:
    return str(min(visit.source.page_size or _PAGE, _PAGE))


# -- the login ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Session:
    """A login, whose tokens are known once it was needed."""

    visit: _Visit
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def address(self, method: str) -> str:
        """Where to ask what needs the login."""
        return f"{self.visit.source.login_server}/xrpc/{method}"

    def bearer(self, name: str) -> dict[str, str]:
        """The header with one of the tokens."""
        return {"Authorization": f"Bearer {self.tokens.get(name, '')}"}


def _log_in(session: _Session) -> None:
    visit = session.visit
    handle, password = visit.client.secret("handle_env"), visit.client.secret("password_env")
    sent = {"identifier": handle, "password": password}
    login = session.address("com.atproto.server.createSession")
    if not (handle and password) or not _kept(session, visit.client.post(login, json=sent, allow=_REFUSED)):
        raise SourceError(
            f"{visit.source.login_server} refused the login",
            remedy=f"set {visit.source.handle_env} and {visit.source.password_env} "
            "to a handle and an app password of that account",
        )


def _renew(session: _Session) -> None:
    address = session.address("com.atproto.server.refreshSession")
    headers = session.bearer("refreshJwt")
    if not _kept(session, session.visit.client.post(address, headers=headers, allow=_REFUSED)):
        _log_in(session)


def _kept(session: _Session, answer: Answer) -> bool:
    """Keeps the tokens of an answer; says whether there are any."""
    if answer.status in _REFUSED:
        return False
    value = _object(answer)
    found = {name: parts.string(value.get(name)) for name in ("accessJwt", "refreshJwt")}
    session.tokens.update({name: token for name, token in found.items() if token})
    return found["accessJwt"] is not None


def _searched(session: _Session, params: _Params, allow: Sequence[int]) -> Answer:
    """The answer to a search; a token that is too old is renewed once."""
    address = session.address("app.bsky.feed.searchPosts")

    def ask() -> Answer:
        headers = session.bearer("accessJwt")
        return session.visit.client.get(address, list(params), headers=headers, allow=_REFUSED)

    if not session.tokens:
        _log_in(session)
    answer = ask()
    if answer.status in _REFUSED and _refusal(answer) in _STALE:
        _renew(session)
        answer = ask()
    if answer.status in _REFUSED and (answer.status not in allow or _refusal(answer) in _STALE):
        raise SourceError(
            f"{answer.address} refused the search: {_refusal(answer)}",
            remedy="check the queries in data/sources.yml, and the account that is logged in",
        )
    return answer


# -- what is held ------------------------------------------------------------------------------------------------------


def _refresh(client: Client, source: BlueskySource, settings: Settings, held: Held) -> Iterator[Batch]:
    visit = _begin(client, source, settings, held)
    for start in range(0, len(held.due), _AT_ONCE):
        some = held.due[start : start + _AT_ONCE]
        found = _several(visit, some)
        quiet = [p for p in found.values() if p.get("replyCount") == 0]
        hidden = [uri for uri, p in found.items() if not _is_shown(p)]
        yield Batch(_items(quiet), gone=hidden)
        for uri in some:
            if uri not in found or (uri not in hidden and found[uri].get("replyCount") != 0):
                # Together, so that it counts as looked at only when its answers have been.
                yield _conversation(visit, uri)


def _sweep(client: Client, source: BlueskySource, settings: Settings, held: Held) -> Iterator[Batch]:
    visit = _begin(client, source, settings, held)
    for start in range(0, len(held.unswept), _AT_ONCE):
        some = held.unswept[start : start + _AT_ONCE]
        found = _several(visit, some)
        yield Batch(_items(found.values()), gone=[uri for uri, p in found.items() if not _is_shown(p)])
        # That an answer leaves one out is no proof: each is asked for by itself.
        for uri in some:
            if uri not in found:
                yield _conversation(visit, uri)


def _several(visit: _Visit, uris: Sequence[str]) -> dict[str, _Post]:
    """Posts by their address, as many at once as the server allows; what it does not have is missing."""
    found: dict[str, _Post] = {}
    for start in range(0, len(uris), _AT_ONCE):
        some = uris[start : start + _AT_ONCE]
        answer = visit.ask("app.bsky.feed.getPosts", [("uris", uri) for uri in some], allow=(400,))
        if answer.status == 400:
            # One address that the server cannot read spoils the question for all: each is asked for by its thread.
            _refusal(answer)
            continue
        for post in _listed(answer, _object(answer), "posts"):
            uri = _uri(post)
            if uri is not None and uri in some and isinstance(post, dict):
                found[uri] = post
    return found


def _conversation(visit: _Visit, uri: str) -> Batch:
    """All that belongs to a conversation, asking again where the server had cut it short."""
    found: dict[str, _Post] = {}
    gone: dict[str, None] = {}
    asked: set[str] = set()
    waiting = [uri]
    while waiting:
        asked.add(waiting[-1])
        posts, lost, deeper = _thread(visit, waiting.pop())
        found |= posts
        gone.update(dict.fromkeys(lost))
        waiting += [u for u in deeper if u not in asked and u not in waiting]
    hidden = [u for u, p in found.items() if not _is_shown(p)]
    ends = [u for u in (*gone, *hidden) if u in visit.held.ids or u == uri]
    # One whose author and reader have blocked each other is there, though not for us.
    checked = () if uri in found or uri in ends else (uri,)
    return Batch(_items(found.values()), gone=ends, checked=checked)


def _thread(visit: _Visit, uri: str) -> tuple[dict[str, _Post], list[str], list[str]]:
    """The posts of a thread, those that it says are gone, and those whose replies were left out."""
    params = [("uri", uri), ("depth", str(_LEVELS)), ("parentHeight", str(_LEVELS))]
    answer = visit.ask("app.bsky.feed.getPostThread", params, allow=(400,))
    if answer.status == 400:
        return {}, [uri] if _refusal(answer) == "NotFound" else [], []
    found: dict[str, _Post] = {}
    lost: list[str] = []
    deeper: list[str] = []
    top = _object(answer).get("thread")
    if not isinstance(top, dict):
        raise _unexpected(answer, "a thread")
    waiting: list[tuple[object, bool]] = [(top.get("parent"), True), (top, False)]
    while waiting:
        node, is_above = waiting.pop()
        address = parts.string(parts.field(node, "uri"))
        if address and parts.field(node, "notFound") is True:
            lost.append(address)
        post = parts.field(node, "post")
        here = _uri(post)
        if here is None or here in found or not isinstance(post, dict):
            continue
        found[here] = post
        replies = parts.field(node, "replies")
        if is_above:
            waiting.append((parts.field(node, "parent"), True))
        elif isinstance(replies, list):
            waiting += [(reply, False) for reply in replies]
        elif (parts.number(post.get("replyCount")) or 0) > 0:
            deeper.append(here)
    return found, lost, deeper


# -- shapes ------------------------------------------------------------------------------------------------------------


def _object(answer: Answer) -> dict[str, Any]:
    value = answer.json()
    if not isinstance(value, dict):
        raise _unexpected(answer, "an object")
    return value


def _listed(answer: Answer, value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    if not isinstance(found, list):
        raise _unexpected(answer, f"an object with a list `{name}`")
    return found


def _refusal(answer: Answer) -> str:
    """The name of the error that the API gives; a page of another kind says nothing about a post."""
    name = parts.string(_object(answer).get("error"))
    if name is None:
        raise _unexpected(answer, "an error with its name")
    return name


def _unexpected(answer: Answer, expected: str) -> SourceError:
    return SourceError(
        f"{answer.address} answered with something else than {expected}",
        remedy="check `server` and `login_server` in data/sources.yml",
    )


def _uri(post: object) -> str | None:
    uri = parts.string(parts.field(post, "uri"))
    is_post = isinstance(parts.field(post, "record"), dict) and isinstance(parts.field(post, "author"), dict)
    return uri if uri and uri.startswith("at://") and is_post else None


def _above(post: _Post) -> tuple[str | None, str | None]:
    """The addresses of what it replies to, and of where the conversation began."""
    reply = parts.field(post, "record", "reply")
    return parts.string(parts.field(reply, "parent", "uri")), parts.string(parts.field(reply, "root", "uri"))


def _is_repost(entry: object) -> bool:
    """Whether a line of a feed is there because the account passed it on (another reason: it is pinned)."""
    return "reasonRepost" in str(parts.field(entry, "reason", "$type") or "")


def _line_at(entry: object) -> datetime | None:
    """The instant by which a line of a feed is sorted."""
    is_repost = _is_repost(entry)
    return (
        as_instant(parts.field(entry, "reason", "indexedAt"))
        if is_repost
        else _sorted_at(parts.field(entry, "post"))
    )


def _is_shown(post: _Post) -> bool:
    """Whether everybody may see it."""
    labels = [
        *parts.listed(post.get("labels")),
        *parts.listed(parts.field(post, "author", "labels")),
        *parts.listed(parts.field(post, "record", "labels", "values")),
    ]
    is_hidden = any(
        parts.field(label, "val") in _HIDDEN and parts.field(label, "neg") is not True for label in labels
    )
    viewer = parts.field(post, "author", "viewer")
    return not is_hidden and not parts.field(viewer, "blockedBy") and not parts.field(viewer, "blocking")


def _items(posts: Iterable[Any]) -> list[Item]:
    return [Item(uri, post) for post in posts if (uri := _uri(post)) is not None and _is_shown(post)]


def _each_once(items: Iterable[Item]) -> list[Item]:
    return list({item.record_id: item for item in items}.values())


def _sorted_at(post: object) -> datetime | None:
    """The instant by which the network sorts posts: the earlier of when it was written and when it was seen."""
    both = (as_instant(parts.field(post, "record", "createdAt")), as_instant(parts.field(post, "indexedAt")))
    return min((at for at in both if at is not None), default=None)


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: BlueskySource) -> Iterator[Row]:
    del source
    post = item.payload
    if not _is_shown(post):
        return
    record = parts.field(post, "record")
    author = _author(post)
    above, top = _above(post)
    text, mentions, tags = _read(record)
    tags += [parts.string(t) for t in parts.listed(parts.field(record, "tags"))]
    langs = parts.listed(parts.field(record, "langs"))
    columns: dict[str, Any] = {
        "record_id": item.record_id,
        "lang": parts.string(langs[0]) if langs else None,
        "url": author and f"https://bsky.app/profile/{author}/post/{item.record_id.rpartition('/')[2]}",
        "text": text,
        "author": author,
        "mentions": parts.joined(mentions),
        "hashtags": parts.joined(t.lstrip("#") for t in tags if t),
        "reply_to_id": above,
        "conversation_id": top,
    }
    said, seen = parts.field(record, "createdAt"), parts.field(post, "indexedAt")
    written, indexed = as_instant(said), as_instant(seen)
    if written is None or (indexed is not None and written - indexed > _SKEW):
        written = indexed
    bad = {} if written is not None or said is None else {"created_at": str(said)}
    yield Row(item.record_id, columns if written is None else columns | {"created_at": written}, bad)


def _author(post: _Post) -> str | None:
    """The handle; the account's lasting identifier while the handle does not prove to be its own."""
    handle = (parts.string(parts.field(post, "author", "handle")) or _NO_HANDLE).lower()
    return parts.string(parts.field(post, "author", "did")) if handle == _NO_HANDLE else handle


def _read(record: object) -> tuple[str | None, list[str | None], list[str | None]]:
    """The text with its links whole, who is mentioned, and the hashtags; facets count in bytes of UTF-8."""
    text = parts.string(parts.field(record, "text"))
    whole = parts.field(record, "text")
    if text is None or not isinstance(whole, str):
        return None, [], []
    raw = whole.encode("utf-8", "replace")
    mentions: list[str | None] = []
    tags: list[str | None] = []
    links: list[tuple[int, int, bytes]] = []
    for facet in parts.listed(parts.field(record, "facets")):
        start, end = (parts.field(facet, "index", n) for n in ("byteStart", "byteEnd"))
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(raw)):
            continue
        shown = raw[start:end].decode("utf-8", "ignore").strip()
        for feature in parts.listed(parts.field(facet, "features")):
            kind = str(parts.field(feature, "$type")).partition("#")[2]
            if kind == "mention":
                named = shown[1:] if shown.startswith("@") else None
                mentions.append(named or parts.string(parts.field(feature, "did")))
            elif kind == "tag":
                tags.append(parts.string(parts.field(feature, "tag")))
            elif kind == "link":
                address = parts.string(parts.field(feature, "uri"))
                if address and _is_cut(shown, address):
                    links.append((start, end, address.encode("utf-8", "replace")))
    for start, end, address_bytes in _apart(links):
        raw = raw[:start] + address_bytes + raw[end:]
    return parts.string(raw.decode("utf-8", "replace")), mentions, tags


def _is_cut(shown: str, address: str) -> bool:
    """Whether an address is shown without its scheme or its end (another text over a link stays as it is)."""
    begin = shown.removesuffix("…").removesuffix("...")
    rest = address.partition("://")[2].removeprefix("www.")
    return shown != address and len(begin) > 3 and rest.startswith(begin.partition("://")[2] or begin)


def _apart(links: Iterable[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Those that do not lie over each other, from the last to the first."""
    found: list[tuple[int, int, bytes]] = []
    for link in sorted(links, reverse=True):
        if not found or link[1] <= found[-1][0]:
            found.append(link)
    return found


connector = Connector(_MAPPED, _discover, _refresh, _sweep, _rows)
