"""What tests of live connectors share: a simulated API behind a real server on loopback, and a shelf for batches."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from answerable.gather.http import BudgetSpent, Client
from answerable.gather.live import Connector, Held, Item
from answerable.settings import Settings

__all__ = ["Handle", "Shelf", "serving"]

_TRUST = ssl.create_default_context()
"""Made once: reading the authorities takes longer than most tests."""

Handle = Callable[[str, str, str, Mapping[str, str], bytes], tuple[int, dict[str, str], bytes]]


@contextmanager
def serving(handle: Handle) -> Iterator[str]:
    """A server on loopback that answers with what a function says; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # In one piece: a body that is sent after its headers waits for the client's acknowledgement.
        wbufsize = -1

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, body = handle(
                self.command, parts.path, parts.query, dict(self.headers.items()), sent
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _handle  # noqa: N815 (names that the standard library asks for)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that hang up, or are killed, are none of our mistakes."""
            if not isinstance(sys.exc_info()[1], OSError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Shelf:
    """What a store would hold of one source: batches are put on it as the engine commits them."""

    connector: Connector
    source: Any
    settings: Settings
    environment: Mapping[str, str] = field(default_factory=dict)
    items: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    cursor: dict[str, str] = field(default_factory=dict)
    unreadable: int = 0
    checked: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def run(
        self, name: str, now: datetime, *, budget: int = 1000, since: datetime | None = None, **held: Any
    ) -> bool:
        """One pass; says whether it came to its end within its budget of requests."""
        passes = {p: getattr(self.connector, p) for p in ("discover", "refresh", "sweep")}
        before = Held(now, since=since, cursor=dict(self.cursor), ids=frozenset(self.items), **held)
        with Client(
            self.source, self.settings.site, now=now, environment=self.environment, verify=_TRUST
        ) as client:
            client.begin(name, budget, time.monotonic() + 60)
            try:
                for batch in passes[name](client, self.source, self.settings, before):
                    self.items.update({i.record_id: i.payload for i in batch.items})
                    for gone in batch.gone:
                        self.items.pop(gone, None)
                    self.cursor.update(batch.cursor)
                    self.cursor = {k: v for k, v in self.cursor.items() if v}
                    self.unreadable += batch.unreadable
                    self.checked += batch.checked
                    self.warnings += batch.warnings
            except BudgetSpent:
                return False
        return True

    def rows(self) -> dict[str, dict[str, Any]]:
        """The columns of the one row of each item."""
        found = {}
        for number, payload in self.items.items():
            for row in self.connector.rows(Item(number, payload), self.source):
                assert row.record_id == number
                found[number] = dict(row.columns)
        return found

    def texts(self) -> dict[str, Any]:
        return {number: row["text"] for number, row in self.rows().items()}
