"""Posts of a Mastodon server, or of another that speaks its API: hashtags, official accounts, mentions, threads.

A timeline is read backward once (``max_id``) and forward from then on (``min_id``). Forward reading begins at an
anchor: the newest post that is older than the overlap, for posts of other servers arrive late and with an old
identifier. Identifiers are compared by length, then by text. Only what everybody may see is taken.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from answerable.errors import SourceError
from answerable.gather import plain as parts
from answerable.gather.live import Batch, Connector, Held, Item, Page, Row, newest_first
from answerable.gather.records import as_instant, noted
from answerable.live_settings import MastodonSource

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
    "mentions",
    "hashtags",
    "reply_to_id",
)
_OPEN = ("public", "unlisted")
"""What may be taken: everything else was written for some people only."""

_NO_LANGUAGE = ("und", "zxx", "mul", "mis")
_PAGE = 40
_AT_ONCE = 20
_CUT = {False: (60, 20), True: (4096, 4096)}
"""How many descendants a server tells, and how deep, without a token and with one."""

_ROUNDS = 20
_LOST = (404, 410)
_NO_BATCHES = (400, 403, 404, 405, 422)
"""What servers older than Mastodon 4.3, and others, say to a question for several statuses at once."""

_Status = Mapping[str, Any]


@dataclass(slots=True)
class _Visit:
    """One pass: who is asked, what is known, and what was learnt on the way."""

    client: Client
    source: MastodonSource
    officials: frozenset[str]
    held: Held
    seen: set[str] = field(default_factory=set)
    has_batches: bool = True

    def ask(
        self, path: str, params: Sequence[tuple[str, str]] = (), *, allow: Sequence[int] = _LOST
    ) -> Answer:
        """Ask the server, in the name of the token's account where there is a token."""
        token = self.client.secret("token_env")
        headers = {"Authorization": f"Bearer {token}"} if token else None
        return self.client.get(path, list(params), headers=headers, allow=allow)

    def is_known(self, number: str) -> bool:
        """Whether a status is held, or was received in this pass."""
        return number in self.held.ids or number in self.seen

    def is_official(self, status: _Status) -> bool:
        """Whether an official account wrote it."""
        return _author(status.get("account"), self.source) in self.officials


def _begin(client: Client, source: MastodonSource, settings: Settings, held: Held) -> _Visit:
    officials = frozenset(settings.agency_by_account) | frozenset(_accounts(source, settings))
    return _Visit(client, source, officials, held)


# -- new posts ---------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: MastodonSource, settings: Settings, held: Held) -> Iterator[Batch]:
    accounts = _accounts(source, settings)
    if not (accounts or source.hashtags or source.mentions):
        raise SourceError(
            f"there is nothing to read: no hashtags, and no official account ends in @{source.home}",
            remedy="give hashtags or accounts in data/sources.yml, or accounts in data/agencies.yml",
        )
    visit = _begin(client, source, settings, held)
    missing: list[str] = []
    streams = [_account(visit, account, missing) for account in accounts]
    if source.mentions:
        streams.append(_timeline(visit, "mentions", "/api/v1/notifications", [("types[]", "mention")]))
    streams += [
        _timeline(visit, f"tag/{tag.lower()}", f"/api/v1/timelines/tag/{quote(tag, safe='')}", ())
        for tag in source.hashtags
    ]
    yield from _in_turn(streams)
    if missing and not source.hashtags and not source.mentions and len(missing) == len(accounts):
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


def _accounts(source: MastodonSource, settings: Settings) -> tuple[str, ...]:
    """The accounts to follow, as ``user@host``."""
    if source.accounts is None:
        every = dict.fromkeys(account for agency in settings.agencies for account in agency.accounts)
        return tuple(account for account in every if account.endswith(f"@{source.home}"))
    return tuple(a if "@" in a else f"{a}@{source.home}" for a in source.accounts)


def _account(visit: _Visit, account: str, missing: list[str]) -> Iterator[Batch]:
    name = f"account/{account}"
    number = visit.held.cursor.get(f"{name}.id", "")
    if not number:
        answer = visit.ask("/api/v1/accounts/lookup", [("acct", account)])
        if answer.status in _LOST:
            _checked_loss(answer)
            missing.append(account)
            return
        number = parts.identifier(_object(answer).get("id")) or ""
        if not number:
            raise _unexpected(answer, "an account with an id")
        yield Batch(cursor={f"{name}.id": number})
    path = f"/api/v1/accounts/{quote(number, safe='')}/statuses"
    yield from _timeline(visit, name, path, [("exclude_reblogs", "true")])


def _timeline(visit: _Visit, name: str, path: str, params: Sequence[tuple[str, str]]) -> Iterator[Batch]:
    cursor = visit.held.cursor
    is_read = bool(cursor.get(f"{name}.complete")) and not cursor.get(f"{name}.token")
    if visit.held.since is None and is_read and cursor.get(f"{name}.anchor"):
        yield from _forward(visit, name, path, params)
    else:
        yield from _backward(visit, name, path, params)


def _forward(visit: _Visit, name: str, path: str, params: Sequence[tuple[str, str]]) -> Iterator[Batch]:
    """The posts after the anchor, or after the place where the walk before this one was cut off."""
    anchor = visit.held.cursor[f"{name}.anchor"]
    place = visit.held.cursor.get(f"{name}.place") or anchor
    while True:
        page = _page(visit, path, [*params, ("min_id", place)])
        if page is None:
            yield _forgotten(name)
            return
        if any(_order(e.number) <= _order(place) for e in page.entries):
            # The server does not know min_id, and gave the newest.
            yield from _backward(visit, name, path, params)
            return
        if not page.entries:
            yield Batch(unreadable=page.unreadable, cursor={f"{name}.place": ""})
            return
        place = max((e.number for e in page.entries), key=_order)
        anchor = max(anchor, _anchor(visit, page) or anchor, key=_order)
        yield _taken(visit, page, {f"{name}.anchor": anchor, f"{name}.place": place})


def _backward(visit: _Visit, name: str, path: str, params: Sequence[tuple[str, str]]) -> Iterator[Batch]:
    """The posts from the newest back to what was read before."""
    anchor = visit.held.cursor.get(f"{name}.anchor", "")

    def ask(token: str | None) -> Page:
        nonlocal anchor
        page = _page(visit, path, [*params, ("max_id", token)] if token else params)
        if page is None:
            return Page(_forgotten(name), None, None)
        if not page.entries:
            return Page(Batch(unreadable=page.unreadable), None, None)
        lowest = min((e.number for e in page.entries), key=_order)
        is_lower = token is None or _order(lowest) < _order(token)
        # The newest of the page: a single old date does not end the walk.
        newest = max((e.at for e in page.entries if e.at is not None), default=visit.held.now)
        found = _anchor(visit, page)
        cursor = {}
        if found and not anchor and visit.held.since is None:
            anchor = found
            cursor = {f"{name}.anchor": found}
        return Page(_taken(visit, page, cursor), newest, lowest if is_lower else None)

    # What --since asks for changes nothing about what has been read without a gap.
    stream = name if visit.held.since is None else f"{name}.since"
    yield from newest_first(stream, visit.held, timedelta(hours=visit.source.overlap_hours), ask)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of a timeline: a status, or a notification of one."""

    number: str
    at: datetime | None
    status: _Status


@dataclass(frozen=True, slots=True)
class _Entries:
    entries: tuple[_Entry, ...]
    unreadable: int


def _page(visit: _Visit, path: str, params: Sequence[tuple[str, str]]) -> _Entries | None:
    """One page of a timeline; None where the server no longer has what it belongs to."""
    limit = str(min(visit.source.page_size or _PAGE, _PAGE))
    is_account = path.startswith("/api/v1/accounts/")
    answer = visit.ask(path, [*params, ("limit", limit)], allow=_LOST if is_account else ())
    if answer.status in _LOST:
        _checked_loss(answer)
        return None
    found: list[_Entry] = []
    values = _list(answer)
    for value in values:
        number = parts.identifier(parts.field(value, "id"))
        if number is not None:
            is_notice = "status" in value and "type" in value
            status = value.get("status") if is_notice else value
            if is_notice and value.get("type") != "mention":
                status = {}
            found.append(
                _Entry(
                    number,
                    as_instant(value.get("created_at")),
                    status if isinstance(status, dict) else {},
                )
            )
    return _Entries(tuple(found), len(values) - len(found))


def _anchor(visit: _Visit, page: _Entries) -> str | None:
    """The newest entry that is older than the overlap."""
    limit = visit.held.now - timedelta(hours=visit.source.overlap_hours)
    return max((e.number for e in page.entries if e.at and e.at <= limit), key=_order, default=None)


def _taken(visit: _Visit, page: _Entries, cursor: Mapping[str, str]) -> Batch:
    """The posts of a page, with what official accounts replied to."""
    floor = visit.held.floor if visit.held.since is None else None
    statuses = [e.status for e in page.entries if floor is None or e.at is None or e.at >= floor]
    items = _items(statuses)
    items += _items(_parents(visit, [i.payload for i in items]))
    visit.seen.update(i.record_id for i in items)
    strange = sum(bool(s) and not isinstance(s.get("visibility"), str) for s in statuses)
    return Batch(_each_once(items), unreadable=page.unreadable + strange, cursor=cursor)


def _forgotten(name: str) -> Batch:
    """The server numbers its accounts anew, or this one is gone: the next gather looks it up again."""
    names = ("id", "anchor", "place", "token", "began", "complete")
    return Batch(cursor={f"{name}.{part}": "" for part in names})


def _parents(visit: _Visit, statuses: Sequence[_Status]) -> list[_Status]:
    """What official accounts replied to and is not held, up to where the conversation began."""
    here = {number: s for s in statuses if (number := parts.identifier(s.get("id")))}
    replies = [
        s
        for number, s in here.items()
        if not visit.is_known(number) and visit.is_official(s) and _is_unknown(visit, _parent(s), here)
    ]
    found: dict[str, _Status] = {}
    tried: set[str] = set()
    wanted = _distinct(_parent(s) for s in replies)
    for _ in range(_ROUNDS):
        if not wanted or not visit.has_batches:
            break
        tried.update(wanted)
        found |= _several(visit, wanted)
        above = _distinct(_parent(found[n]) for n in wanted if n in found)
        wanted = [n for n in above if n not in tried and _is_unknown(visit, n, here)]
    if not visit.has_batches:
        for status in replies:
            found |= {str(s["id"]): s for s in _context(visit, str(status["id"]))}
    return list(found.values())


def _is_unknown(visit: _Visit, number: str | None, here: Mapping[str, _Status]) -> bool:
    return number is not None and number not in here and not visit.is_known(number)


# -- what is held ------------------------------------------------------------------------------------------------------


def _refresh(client: Client, source: MastodonSource, settings: Settings, held: Held) -> Iterator[Batch]:
    visit = _begin(client, source, settings, held)
    for start in range(0, len(held.due), _AT_ONCE):
        found, gone = _asked(visit, held.due[start : start + _AT_ONCE])
        quiet = [s for s in found.values() if s.get("replies_count") == 0]
        yield Batch(_items(quiet), gone=gone)
        for number, status in found.items():
            if status.get("replies_count") != 0:
                # Together, so that it counts as looked at only when its answers have been.
                yield Batch(_each_once(_items([status, *_conversation(visit, number)])))


def _sweep(client: Client, source: MastodonSource, settings: Settings, held: Held) -> Iterator[Batch]:
    visit = _begin(client, source, settings, held)
    for start in range(0, len(held.unswept), _AT_ONCE):
        found, gone = _asked(visit, held.unswept[start : start + _AT_ONCE])
        yield Batch(_items(found.values()), gone=gone)


def _asked(visit: _Visit, numbers: Sequence[str]) -> tuple[dict[str, _Status], list[str]]:
    """The statuses that are still there and public, and those that are not."""
    found = _several(visit, numbers)
    # That an answer leaves one out is no proof: each is asked for by itself.
    for number in numbers:
        if number not in found:
            answer = visit.ask(f"/api/v1/statuses/{quote(number, safe='')}")
            if answer.status in _LOST:
                _checked_loss(answer)
            else:
                found[number] = _object(answer)
    public = {n: s for n, s in found.items() if _is_public(s)}
    return public, [n for n in numbers if n not in public]


def _several(visit: _Visit, numbers: Sequence[str]) -> dict[str, _Status]:
    """Statuses by their identifier, as many at once as a server allows; none where it cannot do that."""
    found: dict[str, _Status] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        if not visit.has_batches:
            break
        some = numbers[start : start + _AT_ONCE]
        answer = visit.ask("/api/v1/statuses", [("id[]", n) for n in some], allow=_NO_BATCHES)
        if answer.status in _NO_BATCHES:
            visit.has_batches = False
            break
        for value in _list(answer):
            number = parts.identifier(parts.field(value, "id"))
            if number is not None and number in some:
                found[number] = value
    return found


def _conversation(visit: _Visit, number: str) -> list[_Status]:
    """All that belongs to a conversation, asking again where the server had cut it short."""
    found: dict[str, _Status] = {}
    asked: set[str] = set()
    waiting = [number]
    many, deep = _CUT[visit.client.secret("token_env") is not None]
    while waiting:
        asked.add(waiting[-1])
        listed = _context(visit, waiting.pop())
        found |= {str(s["id"]): s for s in listed}
        if len(listed) >= many or _depth(listed) >= deep:
            children = Counter(_parent(s) for s in found.values())
            waiting += [
                n
                for s in listed
                if (n := str(s["id"])) not in asked
                and n not in waiting
                and (parts.number(s.get("replies_count")) or 0) > children[n]
            ]
    return list(found.values())


def _depth(listed: Sequence[_Status]) -> int:
    """How many replies stand below each other at most (a server lists a reply after what it replies to)."""
    depth: dict[str, int] = {}
    for status in listed:
        depth[str(status["id"])] = depth.get(_parent(status) or "", 0) + 1
    return max(depth.values(), default=0)


def _context(visit: _Visit, number: str) -> list[_Status]:
    """What stands above and below a status, as far as it has an identifier."""
    answer = visit.ask(f"/api/v1/statuses/{quote(number, safe='')}/context")
    if answer.status in _LOST:
        _checked_loss(answer)
        return []
    value = _object(answer)
    if not isinstance(value.get("descendants"), list):
        raise _unexpected(answer, "the ancestors and descendants of a status")
    every = [*parts.listed(value.get("ancestors")), *value["descendants"]]
    return [s for s in every if isinstance(s, dict) and parts.identifier(s.get("id")) is not None]


# -- shapes ------------------------------------------------------------------------------------------------------------


def _list(answer: Answer) -> list[Any]:
    value = answer.json()
    if not isinstance(value, list):
        raise _unexpected(answer, "a list")
    return value


def _object(answer: Answer) -> dict[str, Any]:
    value = answer.json()
    if not isinstance(value, dict):
        raise _unexpected(answer, "an object")
    return value


def _checked_loss(answer: Answer) -> None:
    """That something is gone is believed when the API says so, not when a page of another kind stands there."""
    _object(answer)


def _unexpected(answer: Answer, expected: str) -> SourceError:
    return SourceError(
        f"{answer.address} answered with something else than {expected}",
        remedy="check that `server` in data/sources.yml is the address of a Mastodon server",
    )


def _order(number: str) -> tuple[int, str]:
    return len(number), number


def _distinct(numbers: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(n for n in numbers if n is not None))


def _parent(status: _Status) -> str | None:
    return parts.identifier(status.get("in_reply_to_id"))


def _is_public(status: _Status) -> bool:
    return status.get("visibility") in _OPEN and not isinstance(status.get("reblog"), dict)


def _items(statuses: Iterable[_Status]) -> list[Item]:
    """Those that everybody may see, and that nobody only passed on."""
    return [
        Item(number, status)
        for status in statuses
        if (number := parts.identifier(status.get("id"))) is not None and _is_public(status)
    ]


def _each_once(items: Iterable[Item]) -> list[Item]:
    return list({item.record_id: item for item in items}.values())


# -- rows --------------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: MastodonSource) -> Iterator[Row]:
    status = item.payload
    if not _is_public(status):
        return
    bad: dict[str, str] = {}
    lang = parts.string(status.get("language"))
    columns: dict[str, Any] = {
        "lang": None if lang in _NO_LANGUAGE else lang,
        "url": parts.string(status.get("url")) or parts.string(status.get("uri")),
        "text": _text(status),
        "author": _author(status.get("account"), source),
        "mentions": parts.joined(_author(p, source) for p in parts.listed(status.get("mentions"))),
        "hashtags": parts.joined(
            parts.string(parts.field(t, "name")) for t in parts.listed(status.get("tags"))
        ),
        "reply_to_id": _parent(status),
    }
    noted("created_at", status.get("created_at"), columns, bad)
    noted("updated_at", status.get("edited_at"), columns, bad)
    yield Row(item.record_id, {"record_id": item.record_id, **columns}, bad)


def _text(status: _Status) -> str | None:
    """The warning that stands before a text, and the text, without markup."""
    both = (parts.string(status.get("spoiler_text")), parts.string(status.get("content")))
    return "\n".join(t for part in both if part and (t := parts.plain(part))) or None


def _author(account: object, source: MastodonSource) -> str | None:
    """An account as ``user@host``: on its own server the API leaves the host out."""
    name = parts.string(parts.field(account, "acct")) or parts.string(parts.field(account, "username"))
    if name is None:
        return None
    name = name.lstrip("@").lower()
    return name if "@" in name else f"{name}@{source.home}"


connector = Connector(_MAPPED, _discover, _refresh, _sweep, _rows)
