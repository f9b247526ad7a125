"""Submissions and comments of subreddits, through Reddit's OAuth API.

Off unless the settings say that Reddit has approved the use. Records have Reddit's full names (``t3_`` a submission,
``t1_`` a comment). The author is ``u/name``: an official account is listed so in data/agencies.yml, since anybody may
take on Reddit the name that an agency has elsewhere. What was deleted or removed keeps its place on Reddit with
``[deleted]`` or ``[removed]`` as its text: here it is gone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from answerable.errors import SourceError
from answerable.gather import plain
from answerable.gather.live import Batch, Connector, Held, Item, Page, Row, newest_first
from answerable.live_settings import RedditSource

if TYPE_CHECKING:
    from answerable.gather.http import Answer, Client
    from answerable.settings import Settings

__all__ = ["connector"]

_MAPPED = (
    "record_id",
    "created_at",
    "updated_at",
    "url",
    "title",
    "text",
    "author",
    "is_repost",
    "reply_to_id",
    "conversation_id",
)

_AT_ONCE = 100
_NAME = re.compile(r"t[13]_[0-9a-z]{1,13}")
_TAKEN_OUT = ("[deleted]", "[removed]", "[ removed by reddit ]", "[ removed by moderator ]")
_NOBODY = ("[deleted]", "[removed]")
_RAW = {"raw_json": "1"}
"""Without it Reddit writes ``&amp;`` where somebody wrote ``&``."""


class _Reddit:
    """Asks with a token that is kept in memory only, and renewed when it has run out."""

    def __init__(self, client: Client, source: RedditSource) -> None:
        self._client = client
        self._source = source
        self._token = ""

    def get(self, path: str, params: Mapping[str, str], *, allow: Collection[int] = ()) -> Answer:
        """An answer; a token that is refused is renewed once."""
        self._token = self._token or self._log_in()
        answer = self._ask(path, params, (*allow, 401))
        if answer.status == 401:
            self._token = self._log_in()
            answer = self._ask(path, params, allow)
        return answer

    def _ask(self, path: str, params: Mapping[str, str], allow: Collection[int]) -> Answer:
        headers = {"Authorization": f"bearer {self._token}"}
        return self._client.get(path, {**params, **_RAW}, headers=headers, allow=allow)

    def _log_in(self) -> str:
        login = self._client.secret("client_id_env"), self._client.secret("client_secret_env")
        answer = self._client.post(
            f"{self._source.login_server}/api/v1/access_token",
            data={"grant_type": "client_credentials"},
            auth=(login[0] or "", login[1] or ""),
        )
        token = plain.string(plain.field(answer.json(), "access_token"))
        if token is None:
            raise SourceError(
                f"{answer.address} gave no token",
                remedy="check the client's identifier and secret, and that Reddit has approved it",
            )
        return token


# -- the passes --------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: RedditSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    reddit = _Reddit(client, source)
    for name in source.subreddits:
        subreddit = name.removeprefix("/").removeprefix("r/").strip("/")
        if not source.queries:
            yield from _listed(reddit, source, held, f"/r/{subreddit}/new", {})
        for query in source.queries:
            params = {"q": query, "restrict_sr": "1", "sort": "new", "t": "all", "type": "link"}
            yield from _listed(reddit, source, held, f"/r/{subreddit}/search", params)


def _listed(
    reddit: _Reddit, source: RedditSource, held: Held, path: str, params: Mapping[str, str]
) -> Iterator[Batch]:
    """Submissions of one listing, back to what was read before; Reddit's listings end after about a thousand."""
    stream = f"{path} {params.get('q', '')}".strip()
    resumed = held.cursor.get(f"{stream}.token")
    size = {"limit": str(min(source.page_size or _AT_ONCE, _AT_ONCE))}

    def ask(token: str | None) -> Page | None:
        answer = reddit.get(path, {**params, **size, **({"after": token} if token else {})})
        data = _listing(answer.json(), answer)
        things = [_thing(child) for child in plain.listed(data.get("children"))]
        if not things and token is not None and token == resumed:
            # The submission that the last gather stopped at may be gone, and the place in the list with it.
            return None
        times = [at for _, thing in things if (at := _instant(thing.get("created_utc"))) is not None]
        # The last one, not the oldest: a pinned submission stands before newer ones.
        return Page(_batch(things, held), times[-1] if times else None, plain.string(data.get("after")))

    yield from newest_first(stream, held, timedelta(hours=source.overlap_hours), ask)


def _refresh(client: Client, source: RedditSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    reddit = _Reddit(client, source)
    links = {name: None for name in held.due if name.startswith("t3_")}
    # A comment may begin a conversation too: below an agency's own submission. Only its submission has the thread.
    for things, batch in _told(reddit, [name for name in held.due if name.startswith("t1_")], held):
        yield batch
        links |= {name: None for _, thing in things if (name := plain.string(thing.get("link_id")))}
    for link in links:
        if _NAME.fullmatch(link):
            yield from _thread(reddit, link, held)


def _thread(reddit: _Reddit, link: str, held: Held) -> Iterator[Batch]:
    """A submission with all of its comments: what a page leaves out is named in stubs, which are asked for."""
    path = f"/comments/{link.removeprefix('t3_')}"
    answer = reddit.get(path, {"limit": "500", "depth": "10"}, allow=(404,))
    if answer.status == 404:
        yield Batch(gone=[link])
        return
    things, stubs = _tree(answer)
    yield _batch(things, held)
    asked: set[str] = set()
    while stubs:
        stub = stubs.pop()
        names = [i for i in map(plain.identifier, plain.listed(stub.get("children"))) if i and i not in asked]
        parent = plain.string(stub.get("parent_id")) or ""
        if names:
            part, rest = names[:_AT_ONCE], names[_AT_ONCE:]
            asked.update(part)
            params = {
                "api_type": "json",
                "link_id": link,
                "children": ",".join(part),
                "limit_children": "false",
            }
            answer = reddit.get("/api/morechildren", params)
            found = plain.field(answer.json(), "json", "data", "things")
            if not isinstance(found, list):
                raise _odd(answer, "comments")
            things, more = _walked(found)
            stubs += [*more, {**stub, "children": rest}] if rest else more
        elif not plain.listed(stub.get("children")) and parent.startswith("t1_") and parent not in asked:
            # "Continue this thread": a branch too deep to be shown.
            asked.add(parent)
            things, more = _tree(
                reddit.get(path, {"comment": parent.removeprefix("t1_"), "limit": "500", "depth": "10"})
            )
            stubs += more
        else:
            continue
        yield _batch(things, held)


def _sweep(client: Client, source: RedditSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    for _, batch in _told(_Reddit(client, source), held.unswept, held):
        yield batch


def _told(
    reddit: _Reddit, names: Iterable[str], held: Held
) -> Iterator[tuple[list[tuple[str, dict[str, Any]]], Batch]]:
    """Things by their names, a hundred at once; those that Reddit does not give back are gone."""
    usable = [name for name in names if _NAME.fullmatch(name)]
    for first in range(0, len(usable), _AT_ONCE):
        part = usable[first : first + _AT_ONCE]
        answer = reddit.get("/api/info", {"id": ",".join(part)})
        things = [_thing(child) for child in plain.listed(_listing(answer.json(), answer).get("children"))]
        batch = _batch(things, held)
        given = {thing.get("name") for _, thing in things}
        missing = [name for name in part if name not in given]
        yield things, Batch(batch.items, gone=[*batch.gone, *missing], unreadable=batch.unreadable)


# -- what answers are made of ------------------------------------------------------------------------------------------


def _odd(answer: Answer, expected: str) -> SourceError:
    return SourceError(
        f"{answer.address} did not answer with {expected} as Reddit documents them",
        remedy="look whether the subreddit is public, and gather again",
    )


def _listing(value: object, answer: Answer) -> dict[str, Any]:
    data = plain.field(value, "data")
    if plain.field(value, "kind") != "Listing" or not isinstance(data, dict):
        raise _odd(answer, "a listing")
    if not isinstance(data.get("children"), list):
        raise _odd(answer, "a listing")
    return data


def _thing(child: object) -> tuple[str, dict[str, Any]]:
    """The kind and the data of a thing; both empty where it is none."""
    kind, data = plain.string(plain.field(child, "kind")), plain.field(child, "data")
    return (kind, data) if kind is not None and isinstance(data, dict) else ("", {})


def _tree(answer: Answer) -> tuple[list[tuple[str, dict[str, Any]]], list[dict[str, Any]]]:
    """All things of a page of comments, and the stubs that stand for the others."""
    body = answer.json()
    if not isinstance(body, list) or len(body) != 2:
        raise _odd(answer, "a submission and its comments")
    return _walked([child for part in body for child in plain.listed(_listing(part, answer).get("children"))])


def _walked(children: Iterable[object]) -> tuple[list[tuple[str, dict[str, Any]]], list[dict[str, Any]]]:
    """Comments with those below them, and stubs; without recursion, since a thread may be deeper than our stack."""
    things: list[tuple[str, dict[str, Any]]] = []
    stubs: list[dict[str, Any]] = []
    waiting = list(children)[::-1]
    while waiting:
        kind, data = _thing(waiting.pop())
        if kind == "more":
            stubs.append(data)
            continue
        things.append((kind, data))
        waiting.extend(plain.listed(plain.field(data.get("replies"), "data", "children"))[::-1])
    return things, stubs


def _batch(things: Iterable[tuple[str, dict[str, Any]]], held: Held) -> Batch:
    items: list[Item] = []
    gone: list[str] = []
    unreadable = 0
    for kind, data in things:
        name = plain.string(data.get("name"))
        if name is None or not _NAME.fullmatch(name) or kind not in ("t1", "t3"):
            unreadable += 1
        elif _is_gone(kind, data):
            gone.append(name)
        else:
            # The comments below it are items of their own.
            kept = {key: value for key, value in data.items() if key != "replies"}
            items.append(Item(name, {"kind": kind, "data": kept}))
    return Batch(items, gone=[name for name in gone if name in held.ids], unreadable=unreadable)


def _is_gone(kind: str, data: Mapping[str, Any]) -> bool:
    text = plain.string(data.get("selftext" if kind == "t3" else "body")) or ""
    return text.casefold() in _TAKEN_OUT or plain.string(data.get("removed_by_category")) is not None


def _instant(value: object) -> datetime | None:
    """An instant from seconds since 1970, which Reddit writes as floats."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


# -- reading -----------------------------------------------------------------------------------------------------------


def _rows(item: Item, source: RedditSource) -> Iterator[Row]:
    del source
    kind, data = _thing(item.payload)
    if not kind:
        return
    is_comment = kind == "t1"
    link = plain.string(data.get("link_id")) if is_comment else item.record_id
    author = plain.string(data.get("author"))
    path = plain.string(data.get("permalink"))
    if path is None and link is not None:
        path = f"/comments/{link[3:]}/" + (f"_/{item.record_id[3:]}/" if is_comment else "")
    columns: dict[str, Any] = {
        "updated_at": _instant(data.get("edited")),
        "url": f"https://www.reddit.com{path}" if path and path.startswith("/") else None,
        "title": None if is_comment else plain.string(data.get("title")),
        "text": plain.string(data.get("body" if is_comment else "selftext")),
        "author": None if author is None or author in _NOBODY else f"u/{author}",
        "is_repost": plain.string(data.get("crosspost_parent")) is not None,
        "reply_to_id": plain.string(data.get("parent_id")) if is_comment else None,
        "conversation_id": link,
    }
    bad: dict[str, str] = {}
    created = data.get("created_utc")
    columns["created_at"] = _instant(created)
    if columns["created_at"] is None and created is not None:
        bad["created_at"] = str(created)
    yield Row(item.record_id, columns, bad)


connector = Connector(mapped=_MAPPED, discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows)
