"""Rows of a dataset on a Socrata portal, by SODA 2.1 or SODA 3.

Rows are read in the order of ``:id``, each page beginning after the last row of the page before: pages by number are
slow when they lie deep, and shift while rows are added. The first walk reads all rows. Each later one reads those that
were changed since the last began; it is in the order of ``:id`` too, since thousands of rows that were loaded together
share one ``:updated_at``. What a walk has reached is in the cursor:

    walk.id         the last row read
    walk.since      what the walk is limited to (empty: all rows)
    walk.began      when it began
    complete        when the last finished walk began
    columns         the columns that the dataset is known to have
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from answerable.errors import SourceError
from answerable.gather import plain
from answerable.gather.http import Answer, Client
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.tabular import key_columns, needed_columns, record_id
from answerable.live_settings import SocrataSource
from answerable.settings import Settings

__all__ = ["connector"]

_PAGE = 5_000
_LIST_PAGE = 50_000
_REFUSALS = (400, 401, 403, 404)


# -- passes ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: SocrataSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    names = " ".join(sorted({c.split(".")[0] for c in needed_columns(source)}))
    is_same = held.cursor.get("columns") == names
    if not is_same:
        # Makes sure that the columns exist: the portal itself says which one does not.
        _ask(client, source, ", ".join(dict.fromkeys([":id", *names.split()])), [], 1)
        # With other columns all rows are read anew.
        yield Batch(
            cursor={"columns": names, "walk.id": "", "walk.since": "", "walk.began": "", "complete": ""}
        )
    cursor = held.cursor if is_same else {}
    if held.since is not None:
        # A look back that somebody asked for leaves the cursor alone: what lies before it may not have been read.
        for batch, _ in _walk(client, source, held, _soql(held.since), ""):
            yield batch
        return
    complete = cursor.get("complete", "")
    if began := cursor.get("walk.began", ""):
        since, last = cursor.get("walk.since", ""), cursor.get("walk.id", "")
        yield from _noted(client, source, held, since=since, began=began, last=last)
        complete = began
    overlap = timedelta(hours=source.overlap_hours)
    since = _soql(datetime.fromisoformat(complete) - overlap) if complete else ""
    yield from _noted(client, source, held, since=since, began=held.now.isoformat(), last="")


def _noted(
    client: Client, source: SocrataSource, held: Held, *, since: str, began: str, last: str
) -> Iterator[Batch]:
    """A walk whose progress is remembered."""
    for batch, reached in _walk(client, source, held, since, last):
        yield Batch(
            batch.items,
            unreadable=batch.unreadable,
            cursor={"walk.id": reached, "walk.since": since, "walk.began": began},
        )
    yield Batch(cursor={"walk.id": "", "walk.since": "", "walk.began": "", "complete": began})


def _walk(
    client: Client, source: SocrataSource, held: Held, since: str, last: str
) -> Iterator[tuple[Batch, str]]:
    """All rows after one, or those changed since; each page with its last row's ``:id``."""
    conditions = [*_conditions(source, held), *([f":updated_at >= '{since}'"] if since else [])]
    needed = needed_columns(source)
    columns = dict.fromkeys(c for c in needed if "." not in c)
    size = source.page_size or _PAGE
    for rows in _pages(client, source, ":*, *", conditions, last=last, size=size):
        items: list[Item] = []
        unreadable = 0
        for row in rows:
            found = record_id(row, source)
            if found is None:
                unreadable += 1
            else:
                # Empty fields are left out of the answer: a column that no row fills is there all the same. What the
                # portal adds (:id, :version, :updated_at) changes whenever a table is loaded anew: it is no change.
                kept = {n: v for n, v in row.items() if not n.startswith(":") or n in needed}
                items.append(Item(found, columns | kept))
        yield Batch(items, unreadable=unreadable), _row_id(rows, source)


def _refresh(client: Client, source: SocrataSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Nothing: what has changed is what the next walk reads."""
    del client, source, settings, held
    return iter(())


def _sweep(client: Client, source: SocrataSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Lists the identifiers of all rows."""
    del settings
    if not held.unswept:
        return
    names = [n for n in dict.fromkeys(c.split(".")[0] for c in key_columns(source)) if n != ":id"]
    count = 0
    size = max(source.page_size or 0, _LIST_PAGE)
    select = ", ".join([":id", *names])
    for rows in _pages(client, source, select, _conditions(source, held), last="", size=size):
        found = [record_id(row, source) for row in rows]
        listed = [one for one in found if one is not None]
        count += len(listed)
        yield Batch(listed=listed, unreadable=len(found) - len(listed))
    if not count:
        # A table that is being loaded anew is empty for a while. Nobody deletes all rows one by one.
        raise SourceError(
            f"the dataset {source.dataset} has no rows now, although {len(held.ids)} are held",
            remedy="look at the dataset on the portal; what is held is kept until it has rows again",
        )


# -- questions ---------------------------------------------------------------------------------------------------------


def _pages(
    client: Client, source: SocrataSource, select: str, conditions: Sequence[str], *, last: str, size: int
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Pages in the order of ``:id``, until one is empty: a server may give fewer rows than it was asked for."""
    seen: set[str] = set()
    while True:
        after = [f":id > {_quoted(last)}"] if last else []
        rows = _ask(client, source, select, [*conditions, *after], size)
        if not rows:
            return
        last = _row_id(rows, source)
        if last in seen:
            raise SourceError(
                f"the dataset {source.dataset} gave the same page again: it cannot be read to its end",
                remedy="try again later; tell the portal if it stays so",
            )
        seen.add(last)
        yield rows


def _ask(
    client: Client, source: SocrataSource, select: str, conditions: Sequence[str], size: int
) -> Sequence[Mapping[str, Any]]:
    where = " and ".join(f"({c})" for c in conditions)
    token = client.secret("token_env")
    headers = {"X-App-Token": token} if token else {}
    if source.version == "3":
        if not token:
            raise SourceError(
                "version 3 of the portal's API needs an app token",
                remedy="name the variable that holds it in token_env, or use version: '2.1'",
            )
        # Synthetic columns are those that begin with a colon.
        columns = select.removeprefix(":*, ")
        query = f"SELECT {columns}{f' WHERE {where}' if where else ''} ORDER BY :id"
        body = {"query": query, "page": {"pageNumber": 1, "pageSize": size}, "includeSynthetic": True}
        address = f"{source.server}/api/v3/views/{source.dataset}/query.json"
        answer = client.post(address, json=body, headers=headers, allow=_REFUSALS)
    else:
        params: dict[str, str | int] = {"$select": select, "$order": ":id", "$limit": size}
        if where:
            params["$where"] = where
        address = f"{source.server}/resource/{source.dataset}.json"
        answer = client.get(address, params, headers=headers, allow=_REFUSALS)
    return _rows(answer, source)


def _rows(answer: Answer, source: SocrataSource) -> Sequence[Mapping[str, Any]]:
    value = answer.json()
    if answer.status in _REFUSALS or not isinstance(value, list):
        said = plain.string(plain.field(value, "message")) or "no list of rows"
        remedy = f"check the dataset, `where` and `columns` of {source.id} in data/sources.yml"
        if answer.status in (401, 403):
            remedy = "check token_env: the dataset may not be public, or the token may have ended"
        raise SourceError(
            f"{answer.address} answered {answer.status}: {answer.mask(said[:300])}", remedy=remedy
        )
    return [row for row in value if isinstance(row, dict)]


def _conditions(source: SocrataSource, held: Held) -> list[str]:
    found = [source.where] if source.where else []
    if held.floor is not None:
        # The settings make sure that it is one column.
        (name,) = source.columns["created_at"].columns
        found.append(f"{name} >= '{held.floor.replace(tzinfo=None).isoformat(timespec='seconds')}'")
    return found


def _row_id(rows: Sequence[Mapping[str, Any]], source: SocrataSource) -> str:
    """The ``:id`` of the last row that has one."""
    found = next((i for i in (plain.identifier(row.get(":id")) for row in reversed(rows)) if i), None)
    if found is None:
        raise SourceError(
            f"the dataset {source.dataset} gives rows without :id",
            remedy="the portal's API has changed: try the other `version`, and tell this program's maintainers",
        )
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _soql(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _no_rows(item: Item, source: SocrataSource) -> Sequence[Row]:
    """None: the connector `table` reads the items."""
    del item, source
    return ()


connector = Connector(
    mapped=(), discover=_discover, refresh=_refresh, sweep=_sweep, rows=_no_rows, form="table"
)
