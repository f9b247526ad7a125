"""A Socrata portal in memory: one dataset whose rows are added, changed, deleted and loaded anew over a simulated time.

It understands the part of SoQL that a polite reader needs: columns, comparisons joined by ``and``, order and limit. Its
row identifiers are not in the order of their letters, and it leaves empty fields out, as the real one does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

__all__ = ["SocrataPortal"]

Reply = tuple[int, dict[str, str], bytes]

_SYNTHETIC = (":id", ":version", ":created_at", ":updated_at")
_COMPARISON = re.compile(r"^(:?\w+)\s*(>=|<=|>|<|=)\s*'((?:[^']|'')*)'$")


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class SocrataPortal:
    """``token`` is asked for by version 3 always, and by version 2.1 where the dataset is private."""

    columns: tuple[str, ...]
    dataset: str = "abcd-1234"
    token: str = "an-app-token"
    is_private: bool = False
    now: datetime = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
    most: int = 50_000
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    count: int = 0

    # -- what happens ----------------------------------------------------------------------------------------------

    def pass_time(self, **step: float) -> None:
        self.now += timedelta(**step)

    def add(self, **values: Any) -> None:
        self.count += 1
        # As with the real ones, "row-9" comes before "row-10": letters say nothing about the order.
        at = self._at()
        synthetic = {
            ":id": f"row-{self.count}.abcd",
            ":version": "rv-1",
            ":created_at": at,
            ":updated_at": at,
        }
        self.rows.append({**synthetic, **values, "#": self.count})

    def change(self, where: Mapping[str, Any], **values: Any) -> None:
        for row in self._found(where):
            row.update(values, **{":updated_at": self._at(), ":version": "rv-2"})

    def delete(self, **where: Any) -> None:
        for row in self._found(where):
            self.rows.remove(row)

    def load_anew(self) -> None:
        """A nightly export: the same rows, all with new identifiers and times."""
        before, self.rows = self.rows, []
        for row in before:
            self.add(**{n: v for n, v in row.items() if n not in (*_SYNTHETIC, "#")})

    def _found(self, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [r for r in self.rows if all(r.get(n) == v for n, v in where.items())]

    def _at(self) -> str:
        return self.now.isoformat(timespec="milliseconds") + "Z"

    # -- what is asked ---------------------------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Reply:
        token = {n.lower(): v for n, v in headers.items()}.get("x-app-token")
        try:
            status, found = 200, self._found_for(method, path, query, token, body)
        except _Refused as refused:
            said = {"code": refused.code, "error": True, "message": refused.message}
            return refused.status, {"Content-Type": "application/json"}, json.dumps(said).encode()
        return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(found).encode()

    def _found_for(
        self, method: str, path: str, query: str, token: str | None, body: bytes
    ) -> list[dict[str, Any]]:
        if method == "POST" and path == f"/api/v3/views/{self.dataset}/query.json":
            return self._version_3(json.loads(body), token, path)
        if method != "GET" or path != f"/resource/{self.dataset}.json":
            raise _Refused(404, "dataset.missing", f"Cannot find view with id {path}")
        asked = {n: v[-1] for n, v in parse_qs(query).items()}
        self.asked.append((path, asked))
        if self.is_private and token != self.token:
            raise _Refused(403, "permission_denied", "You must be logged in to access this resource")
        limit = int(asked.get("$limit", 1000))
        return self._select(asked.get("$select", "*"), asked.get("$where", ""), asked.get("$order"), limit)

    def _version_3(self, asked: dict[str, Any], token: str | None, path: str) -> list[dict[str, Any]]:
        self.asked.append((path, asked))
        if token != self.token:
            raise _Refused(403, "permission_denied", "A user or an app token is needed")
        match = re.fullmatch(r"SELECT (.+?)(?: WHERE (.+?))?(?: ORDER BY (.+?))?", asked["query"])
        if match is None:
            raise _Refused(400, "query.soql.invalid", "Could not parse SoQL query")
        select = match[1].replace("*", ":*, *") if asked.get("includeSynthetic") else match[1]
        page = asked["page"]
        found = self._select(select, match[2] or "", match[3], 10**9)
        begin = (page["pageNumber"] - 1) * page["pageSize"]
        return found[begin : begin + page["pageSize"]]

    def _select(self, select: str, where: str, order: str | None, limit: int) -> list[dict[str, Any]]:
        names: list[str] = []
        for name in (n.strip() for n in select.split(",")):
            names += {"*": self.columns, ":*": _SYNTHETIC}.get(name, (name,))
        for name in names:
            self._check(name)
        rows = [r for r in self.rows if all(self._holds(r, c) for c in _conditions(where))]
        if order is not None:
            rows.sort(key=lambda r: [_place(r, n.strip()) for n in order.split(",")])
        return [{n: r[n] for n in names if r.get(n) is not None} for r in rows[: min(limit, self.most)]]

    def _check(self, name: str) -> None:
        if name not in (*self.columns, *_SYNTHETIC):
            raise _Refused(
                400, "query.soql.no-such-column", f"Query coordinator error: No such column: {name}"
            )

    def _holds(self, row: Mapping[str, Any], condition: str) -> bool:
        match = _COMPARISON.match(condition)
        if match is None:
            raise _Refused(400, "query.soql.invalid", f"Could not parse {condition}")
        name, sign, text = match[1], match[2], match[3].replace("''", "'")
        self._check(name)
        here, there = _place(row, name), _place({name: text}, name)
        signs = {">=": here >= there, "<=": here <= there, ">": here > there, "<": here < there}
        return bool(signs.get(sign, here == there))


def _conditions(where: str) -> list[str]:
    """Conditions joined by ``and``, without the brackets around each."""
    parts = re.split(r"\s+and\s+", where.strip(), flags=re.IGNORECASE) if where.strip() else []
    return [p.strip().removeprefix("(").removesuffix(")") for p in parts]


def _place(row: Mapping[str, Any], name: str) -> Any:
    """What a column is compared by; identifiers of rows by their number."""
    value = row.get(name)
    if name == ":id":
        return int(re.sub(r"\D", "", str(value)))
    return "" if value is None else str(value)
