"""Rows of a table in a CKAN data store (``datastore_search``).

A data store numbers its rows (``_id``) and knows no time of change. So each gather reads the rows that were added,
beginning some before the last one known; asks again for those that are open; and reads the whole table again every
``sweep_days``, or when it has become smaller: what is then missing is gone.

CKAN 2.12 pages by ``_id`` (``next_page`` is a filter). Older servers page by offset, and refuse ``include_next_page``
as a parameter that they do not know. The cursor:

    last_id     the greatest _id read
    last_record the identifier of that row: another one there means that the table was loaded anew
    offset      how many rows lie before it
    is_cut_off  1 while there is more to read
    total       how many rows the table had
    shrunk      1 when it has become smaller since it was last read as a whole
    full_at     when it was last read as a whole
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from answerable.errors import SourceError
from answerable.gather import plain
from answerable.gather.http import Client
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.tabular import key_columns, needed_columns, record_id
from answerable.live_settings import CkanSource
from answerable.settings import Settings

__all__ = ["connector"]

_PAGE = 5_000
_LIST_PAGE = 32_000
_OVERLAP_ROWS = 100
_ASKED_AT_ONCE = 50
_REFUSALS = (400, 401, 403, 404, 409)


@dataclass(frozen=True, slots=True)
class _Part:
    """One answer."""

    rows: Sequence[Mapping[str, Any]]
    total: int | None
    next_page: Mapping[str, Any] | None
    is_keyed: bool
    """Whether the server pages by _id."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: after an ``_id``, or at an offset."""

    after: Mapping[str, Any] | None = None
    offset: int = 0


# -- passes ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: CkanSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    first = _begin(client, source)
    known, last_id = _number(held.cursor, "total"), _number(held.cursor, "last_id")
    has_shrunk = first.total is not None and known is not None and first.total < known
    note = {} if first.total is None else {"total": str(first.total)}
    yield Batch(cursor=note | ({"shrunk": "1"} if has_shrunk else {}))
    is_first = last_id is None or held.since is not None
    place = _Place() if is_first else _near_the_end(held.cursor, first)
    for batch, cursor, ids in _read(client, source, place, is_keyed=first.is_keyed):
        if not is_first and _is_another_table(ids, held.cursor):
            yield Batch(cursor={"shrunk": "1", "last_id": "", "offset": "", "last_record": ""})
            break
        yield Batch(batch.items, unreadable=batch.unreadable, cursor={**cursor, "is_cut_off": "1"})
    else:
        end = {"full_at": held.now.isoformat()} if last_id is None else {}
        yield Batch(cursor={"is_cut_off": "", **end})
        return
    for batch, cursor, _ in _read(client, source, _Place(), is_keyed=first.is_keyed):
        yield Batch(batch.items, unreadable=batch.unreadable, cursor={**cursor, "is_cut_off": "1"})
    yield Batch(cursor={"is_cut_off": ""})


def _near_the_end(cursor: Mapping[str, str], first: _Part) -> _Place:
    """Some rows before the last one known, so that those that were numbered late are not missed."""
    # One that was cut off goes on exactly where it stopped: it might never come further else.
    overlap = 0 if cursor.get("is_cut_off") else _OVERLAP_ROWS
    if first.is_keyed:
        return _Place(after={"_id": {"gt": max(0, (_number(cursor, "last_id") or 0) - overlap)}})
    known = _number(cursor, "offset") or 0
    return _Place(offset=max(0, min(known, first.total or 0) - overlap))


def _is_another_table(ids: Mapping[int, str | None], cursor: Mapping[str, str]) -> bool:
    """Whether the last row known has become another: the table was loaded anew, perhaps in another order."""
    last_id = _number(cursor, "last_id")
    return last_id is not None and last_id in ids and ids[last_id] != cursor.get("last_record")


def _refresh(client: Client, source: CkanSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Asks again for open rows, where one column identifies them."""
    del settings
    names = key_columns(source)
    if len(names) != 1 or "." in names[0] or not held.due:
        return
    is_keyed = _begin(client, source).is_keyed
    for at in range(0, len(held.due), _ASKED_AT_ONCE):
        ids: list[str | int] = list(held.due[at : at + _ASKED_AT_ONCE])
        if names[0] == "_id":
            ids = [int(i) for i in ids if isinstance(i, str) and i.isdecimal()]
        part = _ask(client, source, {names[0]: ids}, _Place(), is_keyed=is_keyed, size=2 * _ASKED_AT_ONCE)
        # One that is missing may be written with spaces, or be gone: the next full reading tells.
        yield _batch(part.rows, source)


def _sweep(client: Client, source: CkanSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Reads the whole table, where it is time to; of one that is too large for that, only the identifiers."""
    del settings
    full_at = held.cursor.get("full_at", "")
    is_due = not full_at or datetime.fromisoformat(full_at) <= held.now - timedelta(days=source.sweep_days)
    if not (held.ids and (held.unswept or is_due or held.cursor.get("shrunk"))):
        return
    first = _begin(client, source)
    fits = (first.total or 0) <= source.requests.sweep // 2 * (source.page_size or _PAGE)
    fields = () if fits else tuple(dict.fromkeys(("_id", *(c.split(".")[0] for c in key_columns(source)))))
    count = 0
    for batch, _, _ in _read(client, source, _Place(), is_keyed=first.is_keyed, fields=fields):
        count += len(batch.items)
        listed = [item.record_id for item in batch.items]
        yield Batch(batch.items if fits else (), listed=listed, unreadable=batch.unreadable)
    if not count:
        # A table that is being loaded anew is empty for a while. Nobody deletes all rows one by one.
        raise SourceError(
            f"the table {source.resource_id} has no rows now, although {len(held.ids)} are held",
            remedy="look at the table on the portal; what is held is kept until it has rows again",
        )
    yield Batch(cursor={"shrunk": "", "full_at": held.now.isoformat()})


# -- questions ---------------------------------------------------------------------------------------------------------


def _read(
    client: Client, source: CkanSource, place: _Place, *, is_keyed: bool, fields: Sequence[str] = ()
) -> Iterator[tuple[Batch, Mapping[str, str], Mapping[int, str | None]]]:
    """Pages from a place to the end, each with the place that it reaches, and identifiers by ``_id``."""
    seen: set[int] = set()
    offset = place.offset
    size = _LIST_PAGE if fields else source.page_size or _PAGE
    while True:
        part = _ask(client, source, {}, place, is_keyed=is_keyed, size=size, fields=fields)
        if not part.rows:
            return
        ids = {row["_id"]: record_id(row, source) for row in part.rows if isinstance(row.get("_id"), int)}
        if not ids.keys() - seen:
            what = "gave the same page again" if ids else "gives rows without _id"
            raise SourceError(
                f"the table {source.resource_id} {what}: it cannot be read to its end",
                remedy="try again later; tell the portal if it stays so",
            )
        seen |= ids.keys()
        offset += len(part.rows)
        last = max(ids)
        reached = {"last_id": str(last), "last_record": ids[last] or ""}
        if not is_keyed:
            reached["offset"] = str(offset)
        yield _batch(part.rows, source), reached, ids
        if is_keyed and part.next_page is None:
            return
        place = _Place(after=part.next_page) if is_keyed else _Place(offset=offset)


def _begin(client: Client, source: CkanSource) -> _Part:
    """How many rows there are, whether the columns exist, and whether the server pages by ``_id``."""
    try:
        part = _ask(client, source, {}, _Place(), is_keyed=True, size=0)
    except _UnknownParameter:
        part = _ask(client, source, {}, _Place(), is_keyed=False, size=0)
    return part


class _UnknownParameter(Exception):  # noqa: N818 (no mistake: an older server)
    """The server does not know ``include_next_page``."""


def _ask(
    client: Client,
    source: CkanSource,
    filters: Mapping[str, Any],
    place: _Place,
    *,
    is_keyed: bool,
    size: int,
    fields: Sequence[str] = (),
) -> _Part:
    address = f"{source.server}/api/3/action/datastore_search"
    chosen = {**source.filters, **filters, **(place.after or {})}
    params: dict[str, str | int] = {"resource_id": source.resource_id, "limit": size, "sort": "_id"}
    if chosen:
        params["filters"] = json.dumps(chosen, ensure_ascii=False)
    if fields:
        params["fields"] = ",".join(fields)
    if is_keyed:
        params["include_next_page"] = "true"
    if place.offset:
        params["offset"] = place.offset
    token = client.secret("token_env")
    answer = client.get(address, params, headers={"Authorization": token} if token else {}, allow=_REFUSALS)
    value = answer.json()
    result = plain.field(value, "result")
    if plain.field(value, "success") is not True or not isinstance(result, dict):
        error = plain.field(value, "error")
        if is_keyed and plain.field(error, "include_next_page") is not None:
            raise _UnknownParameter
        raise SourceError(
            f"{answer.address} answered {answer.status}: {answer.mask(_message(error))}",
            remedy="check token_env"
            if answer.status in (401, 403)
            else f"check resource_id and filters of {source.id} in data/sources.yml",
        )
    records = result.get("records")
    if not isinstance(records, list):
        raise SourceError(
            f"{answer.address} gave no list of records",
            remedy="the portal's API has changed: tell this program's maintainers",
        )
    if not fields:
        _check_columns(result, source)
    total = result.get("total")
    following = result.get("next_page")
    return _Part(
        [row for row in records if isinstance(row, dict)],
        total if isinstance(total, int) else None,
        following if isinstance(following, dict) and following else None,
        is_keyed and result.get("include_next_page") is True,
    )


def _message(error: object) -> str:
    """What the server says: a sentence, or for each parameter what is wrong with it."""
    if not isinstance(error, dict):
        return (plain.string(error) or "no result")[:300]
    said = plain.string(error.get("message"))
    if said is None:
        said = "; ".join(
            f"{name}: {', '.join(map(str, plain.listed(texts)))}"
            for name, texts in error.items()
            if name != "__type"
        )
    return (said or plain.string(error.get("__type")) or "no result")[:300]


def _check_columns(result: Mapping[str, Any], source: CkanSource) -> None:
    fields = plain.listed(result.get("fields"))
    known = [n for n in (plain.string(plain.field(f, "id")) for f in fields) if n]
    for name in needed_columns(source):
        if known and name not in known and name.split(".")[0] not in known:
            raise SourceError(
                f"the table {source.resource_id} has no column {name}",
                remedy=f"correct `columns` of {source.id}; the table has: {', '.join(known[:60])}",
            )


def _batch(rows: Sequence[Mapping[str, Any]], source: CkanSource) -> Batch:
    found = [(record_id(row, source), row) for row in rows]
    # _id changes whenever a table is loaded anew: it is no change of the row.
    is_kept = "_id" in needed_columns(source)
    items = [
        Item(i, row if is_kept else {n: v for n, v in row.items() if n != "_id"})
        for i, row in found
        if i is not None
    ]
    return Batch(items, unreadable=len(found) - len(items))


def _number(cursor: Mapping[str, str], name: str) -> int | None:
    text = cursor.get(name, "")
    return int(text) if text.isdecimal() else None


def _no_rows(item: Item, source: CkanSource) -> Sequence[Row]:
    """None: the connector `table` reads the items."""
    del item, source
    return ()


connector = Connector(
    mapped=(), discover=_discover, refresh=_refresh, sweep=_sweep, rows=_no_rows, form="table"
)
