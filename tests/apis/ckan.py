"""A CKAN data store in memory: one table whose rows are added, changed, deleted and loaded anew.

``version`` (2, 12) pages by ``_id``; an older one pages by offset and refuses parameters that it does not know, as the
real one does. ``rows_max`` is the most that one answer holds, whatever is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

__all__ = ["CkanPortal"]

Reply = tuple[int, dict[str, str], bytes]

_KNOWN = ("resource_id", "limit", "offset", "sort", "filters", "fields", "include_total")


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.status, self.error = status, error


@dataclass
class CkanPortal:
    """One table."""

    columns: tuple[str, ...]
    resource: str = "d2c73cdf-0000-4b48-9d10-fd99f472c3f1"
    version: tuple[int, int] = (2, 12)
    token: str | None = None
    rows_max: int = 32_000
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    count: int = 0

    # -- what happens ----------------------------------------------------------------------------------------------

    def add(self, **values: Any) -> None:
        self.count += 1
        self.rows.append({"_id": self.count, **dict.fromkeys(self.columns), **values})

    def change(self, where: Mapping[str, Any], **values: Any) -> None:
        for row in self._found(where):
            row.update(values)

    def delete(self, **where: Any) -> None:
        for row in self._found(where):
            self.rows.remove(row)

    def load_anew(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """A new file was pushed: the table is made again, its numbers begin at 1."""
        self.rows, self.count = [], 0
        for row in rows:
            self.add(**{n: v for n, v in row.items() if n != "_id"})

    def _found(self, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [r for r in self.rows if all(r.get(n) == v for n, v in where.items())]

    # -- what is asked ---------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        asked = {n: v[-1] for n, v in parse_qs(query).items()}
        self.asked.append(asked)
        value: dict[str, Any] = {"help": "http://portal.example/api/3/action/help_show?name=datastore_search"}
        status = 200
        try:
            self._check(f"{method} {path}", asked, {n.lower(): v for n, v in headers.items()})
            value |= {"success": True, "result": self._search(asked)}
        except _Refused as refused:
            status = refused.status
            value |= {"success": False, "error": refused.error}
        return status, {"Content-Type": "application/json;charset=utf-8"}, json.dumps(value).encode()

    def _check(self, request: str, asked: Mapping[str, str], told: Mapping[str, str]) -> None:
        if request != "GET /api/3/action/datastore_search":
            raise _Refused(400, {"__type": "Bad request", "message": "Action name not known"})
        if self.token is not None and told.get("authorization") != self.token:
            raise _Refused(403, {"__type": "Authorization Error", "message": "Access denied"})
        if asked.get("resource_id") != self.resource:
            missing = f'Not found: Resource "{asked.get("resource_id")}" was not found.'
            raise _Refused(404, {"__type": "Not Found Error", "message": missing})

    def _search(self, asked: Mapping[str, str]) -> dict[str, Any]:
        is_new = self.version >= (2, 12)
        for name, text in asked.items():
            if name not in _KNOWN and not (is_new and name == "include_next_page"):
                raise _Refused(409, {"__type": "Validation Error", name: [f'invalid value "{text}"']})
        limit = min(int(asked.get("limit", 100)), self.rows_max)
        filters = json.loads(asked.get("filters", "{}"))
        rows = [r for r in self.rows if all(self._fits(r, n, v) for n, v in filters.items())]
        if asked.get("sort") == "_id":
            rows.sort(key=lambda r: r["_id"])
        offset = int(asked.get("offset", 0))
        page = rows[offset : offset + limit]
        names = asked["fields"].split(",") if "fields" in asked else ["_id", *self.columns]
        result: dict[str, Any] = {
            "resource_id": self.resource,
            "limit": limit,
            "records_format": "objects",
            "records": [{n: r[n] for n in names} for r in page],
            "fields": [{"id": n, "type": "int" if n == "_id" else "text"} for n in names],
            "total": len(rows),
        }
        if is_new:
            wants = asked.get("include_next_page") == "true"
            result["include_next_page"] = wants
            if wants and asked.get("sort") == "_id" and page and len(page) < len(rows) - offset:
                result["next_page"] = {"_id": {"gt": page[-1]["_id"]}}
        else:
            start = "/api/3/action/datastore_search"
            result["_links"] = {"start": start, "next": f"{start}?offset={offset + limit}"}
        return result

    def _fits(self, row: Mapping[str, Any], name: str, wanted: Any) -> bool:
        if isinstance(wanted, dict):
            if self.version < (2, 12):
                raise _Refused(409, {"__type": "Validation Error", "filters": ["invalid value"]})
            return all(row[name] > v for sign, v in wanted.items() if sign == "gt")
        options = wanted if isinstance(wanted, list) else [wanted]
        return str(row[name]) in {str(o) for o in options}
