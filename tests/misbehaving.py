"""A real HTTP server on this machine that answers as it is told, and misbehaves in one named way.

    with Misbehaving(handler, fault="half_an_answer") as server:
        ... server.url, server.requests ...

``handler`` is a healthy API: a function from a ``Request`` to a ``Reply``. A fault of the transport strikes whatever
the handler gives; a fault of the API changes the JSON that it gives, whose items are the objects in its outermost
lists. Which requests are struck is told by ``after`` (so many are spared first), ``times`` (so many are struck) and
``only``.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json as json_library
import re
import socket
import ssl
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import trustme

__all__ = [
    "API_FAULTS",
    "FAULTS",
    "TLS_FAULTS",
    "TRANSPORT_FAULTS",
    "Handler",
    "Misbehaving",
    "Reply",
    "Request",
]


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> Any:
        return json_library.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What a handler answers. Of ``json`` the body is made; a list or object that is changed later is a new one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def json(value: Any, status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        body = json_library.dumps(value).encode()
        return Reply(status, body, {"Content-Type": "application/json; charset=utf-8", **named})

    @staticmethod
    def text(text: str, kind: str = "text/plain; charset=utf-8", status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status, text.encode(), {"Content-Type": kind, **named})

    @property
    def value(self) -> Any:
        """The JSON value of the body; None where it is none."""
        try:
            return json_library.loads(self.body)
        except ValueError:
            return None

    def saying(self, value: Any) -> Reply:
        """The same answer with another JSON value."""
        return replace(self, body=json_library.dumps(value).encode())


Handler = Callable[[Request], Reply]


def _always(_: Request) -> bool:
    return True


class Misbehaving:
    """A server in threads of its own; a context manager.

    Args:
        handler: the healthy API.
        fault: one of ``FAULTS``; None for a healthy server.
        after, times, only: which requests are struck: those that ``only`` takes, without the first ``after`` of them,
            and no more than ``times``.
        id_keys: the names under which items carry their identifiers.
        tls: whether it speaks https; faults of TLS do.
        wait_seconds: how long it tells others to wait, where a fault does.
        elsewhere: where it leads to, where a fault leads to another host.

    Attributes:
        url: where it is.
        requests: what it was asked, in order.
        struck: how many answers were spoiled.
        trust: a context for clients that trust its certificate's maker (not its name).
    """

    def __init__(
        self,
        handler: Handler,
        fault: str | None = None,
        *,
        after: int = 0,
        times: int | None = None,
        only: Callable[[Request], bool] = _always,
        id_keys: frozenset[str] | None = None,
        tls: bool = False,
        wait_seconds: float = 3600,
        drip_seconds: float = 0.05,
        elsewhere: str = "http://elsewhere.invalid/",
    ) -> None:
        if fault is not None and fault not in FAULTS:
            raise ValueError(f"no fault {fault}: {', '.join(FAULTS)}")
        self.handler = handler
        self.fault = fault
        self.after, self.times, self.only = after, times, only
        self.id_keys = id_keys or ID_KEYS
        self.wait_seconds = wait_seconds
        self.drip_seconds = drip_seconds
        self.elsewhere = elsewhere
        self.requests: list[Request] = []
        self.struck = 0
        self.closing = threading.Event()
        self.memory: dict[str, Any] = {}
        self._matching = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.is_tls = tls or fault in TLS_FAULTS
        self.authority = trustme.CA() if self.is_tls else None

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        if self.authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._certificate(self.authority).configure_cert(context)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def _certificate(self, authority: trustme.CA) -> trustme.LeafCert:
        if self.fault == "certificate_of_another":
            return authority.issue_cert("another.example")
        if self.fault == "expired_certificate":
            return authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
        return authority.issue_cert("127.0.0.1", "localhost")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()
        if kind is None and self._server.errors:
            raise self._server.errors[0]

    @property
    def url(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.authority is not None and self.fault != "unknown_authority":
            self.authority.configure_trust(context)
        return context

    def paths(self) -> list[str]:
        """The paths that were asked, in order."""
        return [request.path for request in self.requests]

    # -- what happens to one request -----------------------------------------------------------------------------------

    def takes(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def drops(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def fault_for(self, request: Request) -> str | None:
        """The fault that strikes this request, if any; counts it."""
        with self._lock:
            self.requests.append(request)
            if self.fault is None or self.fault in TLS_FAULTS or not self.only(request):
                return None
            self._matching += 1
            if self._matching <= self.after or (self.times is not None and self.struck >= self.times):
                return None
            self.struck += 1
            return self.fault

    def reply(self, request: Request, fault: str | None) -> Reply:
        """The handler's answer, changed where the fault is one of the API."""
        reply = self.handler(request)
        if fault in API_FAULTS:
            with self._lock:
                return API_FAULTS[fault](self, request, reply)
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self.errors: list[BaseException] = []
        super().__init__(*args)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what this is for; anything else is a mistake of a test."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError) and error is not None:
            self.errors.append(error)


def _handler_of(server: Misbehaving) -> type[BaseHTTPRequestHandler]:
    class Conversation(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server.takes(self.connection)

        def finish(self) -> None:
            with contextlib.suppress(OSError):
                super().finish()
            server.drops(self.connection)

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
            """Says nothing."""

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            fault = server.fault_for(request)
            reply = server.reply(request, fault)
            if fault in TRANSPORT_FAULTS:
                self.close_connection = True
                TRANSPORT_FAULTS[fault](server, Wire(self, request), reply)
            else:
                Wire(self, request).send(reply)

        do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = answer  # noqa: N815 (the library's names)

    return Conversation


class Wire:
    """The server's end of a connection, for answers that are well-formed and those that are not."""

    def __init__(self, conversation: BaseHTTPRequestHandler, request: Request) -> None:
        self.conversation = conversation
        self.request = request

    def send(self, reply: Reply, *, length: int | None = None, body: bytes | None = None) -> None:
        """An answer; ``length`` is what it claims to be long, ``body`` what is sent of it."""
        self.raw(self.head(reply, length) + (reply.body if body is None else body))

    def head(self, reply: Reply, length: int | None = None) -> bytes:
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Odd"
        headers = {"Date": format_datetime(datetime.now(UTC), usegmt=True), **reply.headers}
        if reply.status not in (204, 304) and "Transfer-Encoding" not in headers:
            headers["Content-Length"] = str(len(reply.body) if length is None else length)
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{n}: {v}" for n, v in headers.items())]
        if self.conversation.close_connection:
            lines.append("Connection: close")
        return "\r\n".join((*lines, "", "")).encode("latin-1")

    def raw(self, data: bytes) -> None:
        self.conversation.wfile.write(data)
        self.conversation.wfile.flush()

    def reset(self) -> None:
        """Ends the connection with a reset."""
        linger = struct.pack("ii", 1, 0)
        self.conversation.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # The descriptor is closed below all layers: nothing else is sent.
        socket.socket(fileno=self.conversation.connection.detach()).close()


# -- faults of the transport -------------------------------------------------------------------------------------------

Transport = Callable[[Misbehaving, Wire, Reply], None]


def _drip(server: Misbehaving, wire: Wire, data: bytes) -> None:
    for place in range(len(data)):
        wire.raw(data[place : place + 1])
        if server.closing.wait(server.drip_seconds):
            return


def slow_drip(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The body comes byte by byte."""
    wire.raw(wire.head(reply))
    _drip(server, wire, reply.body)


def slow_headers(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The headers come byte by byte."""
    _drip(server, wire, wire.head(reply) + reply.body)


def never_answers(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The connection stays open and nothing comes."""
    server.closing.wait(60)


def hangs_up(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The connection is closed without an answer."""


def half_an_answer(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """Half of the body, then the end."""
    wire.send(reply, body=reply.body[: len(reply.body) // 2])


def half_a_chunk(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """A chunked body that ends within a chunk."""
    head = wire.head(replace(reply, headers={**reply.headers, "Transfer-Encoding": "chunked"}))
    wire.raw(head + f"{len(reply.body):x}\r\n".encode() + reply.body[: len(reply.body) // 2])


def connection_reset(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """A reset instead of an answer."""
    wire.reset()


def reset_midway(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """A reset within the body."""
    wire.send(reply, body=reply.body[: len(reply.body) // 2])
    wire.reset()


def length_too_long(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The header promises more than there is."""
    wire.send(reply, length=len(reply.body) + 10)


def length_too_short(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The header promises less than there is."""
    wire.send(reply, length=max(len(reply.body) - 10, 1))


def length_is_no_number(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The header's length is a word."""
    wire.raw(re.sub(rb"Content-Length: \d+", b"Content-Length: many", wire.head(reply)) + reply.body)


def gzip_bomb(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """Some kilobytes that become very many."""
    wire.send(Reply(200, _bomb(), {**reply.headers, "Content-Encoding": "gzip"}))


@functools.cache
def _bomb(megabytes: int = 200) -> bytes:
    """One gzip stream: a packed megabyte stands in it again and again, for it takes seconds to pack so much."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + block * megabytes


def truncated_gzip(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """gzip without its end, of the length that the header says."""
    body = gzip.compress(reply.body)
    wire.send(Reply(200, body[: len(body) - 12], {**reply.headers, "Content-Encoding": "gzip"}))


def gzip_that_is_none(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """The header says gzip, the body is plain."""
    wire.send(replace(reply, headers={**reply.headers, "Content-Encoding": "gzip"}))


def odd_packing(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """Packed in a way that nobody asked for."""
    wire.send(replace(reply, headers={**reply.headers, "Content-Encoding": "br"}))


def endless_answer(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """A body that does not end."""
    wire.raw(wire.head(replace(reply, headers={**reply.headers, "Transfer-Encoding": "chunked"})))
    while not server.closing.is_set():
        wire.raw(b"10000\r\n" + b" " * 65536 + b"\r\n")


def huge_headers(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """Headers without end."""
    wire.raw(wire.head(reply)[:-2])
    for number in range(200_000):
        wire.raw(f"X-Filling-{number}: {'x' * 1000}\r\n".encode())


def not_http(server: Misbehaving, wire: Wire, reply: Reply) -> None:
    """Bytes that are no HTTP."""
    wire.raw(b"\x00\x01\x02SSH-2.0-OpenSSH_9.6\r\n\r\n")


TRANSPORT_FAULTS: dict[str, Transport] = {
    fault.__name__: fault
    for fault in (
        slow_drip,
        slow_headers,
        never_answers,
        hangs_up,
        half_an_answer,
        half_a_chunk,
        connection_reset,
        reset_midway,
        length_too_long,
        length_too_short,
        length_is_no_number,
        gzip_bomb,
        truncated_gzip,
        gzip_that_is_none,
        odd_packing,
        endless_answer,
        huge_headers,
        not_http,
    )
}

TLS_FAULTS = ("certificate_of_another", "expired_certificate", "unknown_authority")
"""A server that does not prove who it is."""


# -- faults of the API -------------------------------------------------------------------------------------------------

Api = Callable[[Misbehaving, Request, Reply], Reply]
Item = dict[str, Any]

ID_KEYS = frozenset(
    {
        *("id", "id_str", "_id", ":id", "uri", "cid", "number", "service_request_id", "token", "guid"),
        *("unique_key", "url_title", "name", "display_id"),
    }
)
_CURSORS = ("next", "next_token", "next_page", "after", "cursor", "next_cursor")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")


def _lists(value: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """The value with its outermost lists of objects changed."""
    if isinstance(value, list):
        return change(value) if any(isinstance(item, dict) for item in value) else value
    if isinstance(value, dict):
        return {key: _lists(item, change) for key, item in value.items()}
    return value


def _has_list(value: Any) -> bool:
    found = False

    def see(items: list[Any]) -> list[Any]:
        nonlocal found
        found = True
        return items

    _lists(value, see)
    return found


def _items(value: Any, change: Callable[[Item], Any]) -> Any:
    return _lists(value, lambda items: [change(item) if isinstance(item, dict) else item for item in items])


def _ids(server: Misbehaving, item: Item, change: Callable[[Any], Any], depth: int = 2) -> Item:
    """The item with its identifiers changed, its own and those of the objects that it wraps; ``_DROP`` removes."""
    changed: Item = {}
    for key, value in item.items():
        if key in server.id_keys and isinstance(value, str | int) and not isinstance(value, bool):
            new = change(value)
            if new is not _DROP:
                changed[key] = new
        elif isinstance(value, dict) and depth > 1:
            changed[key] = _ids(server, value, change, depth - 1)
        else:
            changed[key] = value
    return changed


_DROP = object()


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    """The value with its texts changed, not its names."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _walk(item, change) for key, item in value.items()}
    return value


def _on_json(change: Callable[[Misbehaving, Any], Any]) -> Api:
    """A fault that only changes the JSON of good answers."""

    def strike(server: Misbehaving, request: Request, reply: Reply) -> Reply:
        value = reply.value
        return reply if value is None or reply.status >= 400 else reply.saying(change(server, value))

    return strike


def html_login(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """A login page with status 200."""
    page = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Password</form></body></html>"
    return Reply.text(page, "text/html; charset=utf-8")


def empty_body(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """Status 200 and nothing."""
    return replace(reply, status=200, body=b"")


def no_content(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """Status 204."""
    return Reply(204)


def wrong_content_type(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """The right content under a wrong name."""
    return replace(reply, headers={**reply.headers, "Content-Type": "text/html; charset=iso-8859-1"})


def half_json(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """A whole answer with half of the JSON."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def deep_json(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """Arrays within arrays within arrays."""
    return replace(reply, body=b"[" * 200_000 + b"]" * 200_000)


def not_utf8(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """Bytes that are no UTF-8 at the beginning of every text in the items."""
    return replace(
        reply, body=re.sub(rb'("(?:content|text|title|description|body)": ")', b"\\1\xff\xe9", reply.body)
    )


def nul_bytes(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """NUL characters, raw and written as an escape."""
    pattern = rb'("(?:content|text|title|description|body)": ")'
    return replace(reply, body=re.sub(pattern, b"\\1\x00\\\\u0000", reply.body))


def byte_order_mark(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """A mark before the JSON."""
    return replace(reply, body=b"\xef\xbb\xbf" + reply.body)


def utf16(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """UTF-16 with its mark."""
    return replace(reply, body=reply.body.decode().encode("utf-16"))


def gzipped(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """No fault at all: a packed answer."""
    return replace(
        reply, body=gzip.compress(reply.body), headers={**reply.headers, "Content-Encoding": "gzip"}
    )


def error_with_200(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """An error object with status 200."""
    return Reply.json({"error": {"message": "Something went wrong"}, "success": False})


def changed_schema(server: Misbehaving, value: Any) -> Any:
    """All names in items are other names."""
    return _items(value, lambda item: {f"{key}_v2": part for key, part in item.items()})


def other_container(server: Misbehaving, value: Any) -> Any:
    """A list where an object was, an object where a list was."""
    return {"items": value} if isinstance(value, list) else [value]


def null_values(server: Misbehaving, value: Any) -> Any:
    """Everything in items but their identifiers is null."""
    return _items(value, lambda item: {k: v if k in server.id_keys else None for k, v in item.items()})


def other_types(server: Misbehaving, value: Any) -> Any:
    """Texts in items become lists, numbers become objects; identifiers stay."""

    def changed(item: Item) -> Item:
        return {
            k: v
            if k in server.id_keys
            else [v]
            if isinstance(v, str)
            else {"value": v}
            if isinstance(v, int)
            else v
            for k, v in item.items()
        }

    return _items(value, changed)


def odd_items(server: Misbehaving, value: Any) -> Any:
    """Things among the items that are none."""
    return _lists(value, lambda items: [None, "text", 7, [], {}, *items, True])


def empty_list(server: Misbehaving, value: Any) -> Any:
    """Lists without items."""
    return _lists(value, lambda _: [])


def duplicate_ids(server: Misbehaving, value: Any) -> Any:
    """Each item twice."""
    return _lists(value, lambda items: [item for item in items for _ in range(2)])


def shuffled(server: Misbehaving, value: Any) -> Any:
    """Items in the other order."""
    return _lists(value, lambda items: items[::-1])


def _as_float(value: Any) -> Any:
    return float(value) if str(value).isdigit() else value


def ids_as_floats(server: Misbehaving, value: Any) -> Any:
    """Identifiers that are whole numbers become floats, and lose digits."""
    return _items(value, lambda item: _ids(server, item, _as_float))


def ids_as_numbers(server: Misbehaving, value: Any) -> Any:
    """Identifiers that are digits become numbers."""
    return _items(value, lambda item: _ids(server, item, lambda v: int(v) if str(v).isdigit() else v))


def missing_id(server: Misbehaving, value: Any) -> Any:
    """The first item of each list has no identifier."""

    def changed(items: list[Any]) -> list[Any]:
        first = items[0]
        return [_ids(server, first, lambda _: _DROP) if isinstance(first, dict) else first, *items[1:]]

    return _lists(value, changed)


def null_id(server: Misbehaving, value: Any) -> Any:
    """The identifier of the first item of each list is null."""

    def changed(items: list[Any]) -> list[Any]:
        first = items[0]
        return [_ids(server, first, lambda _: None) if isinstance(first, dict) else first, *items[1:]]

    return _lists(value, changed)


def odd_time_zones(server: Misbehaving, value: Any) -> Any:
    """The same instants, written in odd time zones."""
    zones = [timedelta(hours=14), timedelta(hours=-11, minutes=-30), timedelta(hours=5, minutes=45)]
    count = 0

    def changed(text: str) -> str:
        nonlocal count
        if not _TIME.fullmatch(text):
            return text
        count += 1
        return datetime.fromisoformat(text).astimezone(timezone(zones[count % len(zones)])).isoformat()

    return _walk(value, changed)


def impossible_times(server: Misbehaving, value: Any) -> Any:
    """Times that are none, or that are out of range."""
    times = ["0000-00-00T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-02-30T10:00:00Z", "yesterday", ""]
    count = 0

    def changed(text: str) -> str:
        nonlocal count
        count += 1
        return times[count % len(times)] if _TIME.fullmatch(text) else text

    return _walk(value, changed)


def repeated_page(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """The first page of a path again, whatever page is asked for."""
    if not _has_list(reply.value) or reply.status >= 400:
        return reply
    first: Reply = server.memory.setdefault(request.path, reply)
    return first


def _with_next(request: Request, reply: Reply, token: str) -> Reply:
    """The answer with a next page, in all the ways that APIs say so."""

    def changed(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            key: (token if not _is_address(part) else f"{part}&again={token}")
            if key in _CURSORS and (part is None or isinstance(part, str | int))
            else changed(part)
            for key, part in value.items()
        }

    query = urlencode({**request.query, "page": token, "max_id": token})
    address = f"http://{request.headers.get('host', '')}{request.path}?{query}"
    return replace(
        reply.saying(changed(reply.value)), headers={**reply.headers, "Link": f'<{address}>; rel="next"'}
    )


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "/"))


def endless_paging(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """The same page for ever, each time with another next one."""
    first = repeated_page(server, request, reply)
    if not _has_list(first.value) or first.status >= 400:
        return reply
    server.memory["count"] = server.memory.get("count", 1) + 1
    return _with_next(request, first, str(server.memory["count"]))


def cursor_goes_back(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """The next page is always that of the beginning."""
    if not _has_list(reply.value) or reply.status >= 400:
        return reply
    return _with_next(request, reply, "1")


def deleted_item(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """What is asked for by its identifier is not there (404); lists are."""
    return reply if _is_list_answer(reply) else Reply.json({"error": "Record not found"}, 404)


def gone_item(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """What is asked for by its identifier is gone (410); lists are there."""
    return reply if _is_list_answer(reply) else Reply.json({"error": "Gone"}, 410)


def _is_list_answer(reply: Reply) -> bool:
    value = reply.value
    if isinstance(value, list):
        return True
    return isinstance(value, dict) and any(
        isinstance(part, list) and (not part or isinstance(part[0], dict)) for part in value.values()
    )


def not_found(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """Everything is a 404, as a page."""
    return Reply.text("<html><body>Not found</body></html>", "text/html", 404)


def forbidden(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """A 403 that repeats what the client sent: its token too."""
    told = request.headers.get("authorization", "")
    return Reply.json({"error": f"This API needs an authenticated user, not {told}"}, 403)


def server_error(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """A 500, as a page. With ``times`` it is one that passes."""
    return Reply.text("<h1>Internal Server Error</h1>", "text/html", 500)


def unavailable(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """A 503 that says when to come again."""
    return Reply.text("Down for maintenance", status=503, Retry_After=f"{server.wait_seconds:.0f}")


def _too_many(**headers: str) -> Reply:
    return Reply.json({"error": "Too many requests"}, 429, **headers)


def _later(server: Misbehaving) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=server.wait_seconds)


def too_many_iso_time(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """429 in Mastodon's dialect."""
    reset = _later(server).isoformat().replace("+00:00", "Z")
    return _too_many(X_RateLimit_Limit="300", X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)


def too_many_epoch(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """429 in X's dialect."""
    reset = f"{_later(server).timestamp():.0f}"
    return _too_many(x_rate_limit_limit="450", x_rate_limit_remaining="0", x_rate_limit_reset=reset)


def too_many_seconds_left(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """429 in Reddit's dialect."""
    return _too_many(x_ratelimit_remaining="0.0", x_ratelimit_reset=f"{server.wait_seconds:.0f}")


def too_many_forbidden(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """403 where others say 429: GitHub's dialect."""
    reset = f"{_later(server).timestamp():.0f}"
    limits = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    return replace(Reply.json({"message": "API rate limit exceeded"}, 403), headers=limits)


def too_many_retry_after(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """429 with seconds to wait."""
    return _too_many(Retry_After=f"{server.wait_seconds:.0f}")


def too_many_retry_date(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """429 with an HTTP date to wait for."""
    return _too_many(Retry_After=format_datetime(_later(server), usegmt=True))


def too_many(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """429 without a word of when."""
    return _too_many()


def clock_skew(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """The server's clock is two years ahead; its limit is used up for a second."""
    now = datetime.now(UTC) + timedelta(days=730)
    skewed = {
        "Date": format_datetime(now, usegmt=True),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{now.timestamp() + 1:.0f}",
    }
    return replace(reply, headers={**reply.headers, **skewed})


def redirect_loop(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """There and back again."""
    mark = "&" if "?" in request.target else "?"
    back = request.target.replace("&loop=1", "").replace("?loop=1", "")
    return Reply(
        302, b"", {"Location": back if "loop=1" in request.target else f"{request.target}{mark}loop=1"}
    )


def redirect_for_ever(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """Always one address further."""
    server.memory["count"] = server.memory.get("count", 0) + 1
    return Reply(301, b"", {"Location": f"/further/{server.memory['count']}"})


def redirect_elsewhere(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """To another host."""
    return Reply(302, b"", {"Location": server.elsewhere})


def redirect_to_metadata(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """To the service that hands out the credentials of cloud machines."""
    return Reply(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})


def paging_elsewhere(server: Misbehaving, request: Request, reply: Reply) -> Reply:
    """The next page is on another host."""
    return replace(reply, headers={**reply.headers, "Link": f'<{server.elsewhere}>; rel="next"'})


API_FAULTS: dict[str, Api] = {
    fault.__name__: fault
    for fault in (
        html_login,
        empty_body,
        no_content,
        wrong_content_type,
        half_json,
        deep_json,
        not_utf8,
        nul_bytes,
        byte_order_mark,
        utf16,
        gzipped,
        error_with_200,
        repeated_page,
        endless_paging,
        cursor_goes_back,
        deleted_item,
        gone_item,
        not_found,
        forbidden,
        server_error,
        unavailable,
        too_many_iso_time,
        too_many_epoch,
        too_many_seconds_left,
        too_many_forbidden,
        too_many_retry_after,
        too_many_retry_date,
        too_many,
        clock_skew,
        redirect_loop,
        redirect_for_ever,
        redirect_elsewhere,
        redirect_to_metadata,
        paging_elsewhere,
    )
} | {
    change.__name__: _on_json(change)
    for change in (
        changed_schema,
        other_container,
        null_values,
        other_types,
        odd_items,
        empty_list,
        duplicate_ids,
        shuffled,
        ids_as_floats,
        ids_as_numbers,
        missing_id,
        null_id,
        odd_time_zones,
        impossible_times,
    )
}

FAULTS: tuple[str, ...] = (*TRANSPORT_FAULTS, *TLS_FAULTS, *API_FAULTS)
"""Every fault by its name."""
