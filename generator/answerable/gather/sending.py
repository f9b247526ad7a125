"""Sends one request and takes in one answer, within limits.

httpx makes the request; httpcore, which httpx stands on, sends it. ``httpx.Client`` itself is left out: it logs whole
addresses with their queries, keeps cookies, and unpacks an answer before anybody can measure it.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import httpcore
import httpx

from answerable.gather.addresses import CheckedBackend
from answerable.gather.answers import Answer, BrokenBody, TooLarge, unpacked
from answerable.gather.budget import Limits

__all__ = ["FAILURES", "NO_REQUEST", "REDIRECTS", "Question", "Sender"]

FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.RemoteProtocolError, BrokenBody)
"""What goes wrong on the way."""

NO_REQUEST = (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol, UnicodeEncodeError)
"""A request that cannot be written down."""

REDIRECTS = (301, 302, 303, 307, 308)
# At DEBUG it writes down all headers of answers, and a server may repeat in them what it was sent: a secret.
logging.getLogger("httpcore").setLevel(logging.INFO)

_NO_CONTENT = (204, 205, 304)
_ERROR_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Question:
    """One request; its repr shows neither headers nor query."""

    method: str
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    content: bytes | None = field(repr=False, default=None)
    allow: frozenset[int] = frozenset()
    max_bytes: int = 0

    def wants(self, status: int) -> bool:
        """Whether an answer with that status is one that was asked for."""
        return status // 100 == 2 or status in self.allow


class Sender:
    """The connections of one client.

    Args:
        backend: connects, and keeps the time.
        limits: how long each step may take.
        agent: the User-Agent.
        verify: whom to trust; else the authorities that certifi lists.
        mask: takes secrets out of texts.
    """

    def __init__(
        self,
        backend: CheckedBackend,
        limits: Limits,
        agent: str,
        verify: ssl.SSLContext | None,
        mask: Callable[[str], str],
    ) -> None:
        self._backend = backend
        self._agent = agent
        self._verify = verify
        self._mask = mask
        self._timeouts = {
            "connect": limits.connect_seconds,
            "read": limits.read_seconds,
            "write": limits.read_seconds,
            "pool": limits.connect_seconds,
        }

    def close(self) -> None:
        """Closes the connections."""
        if "_pool" in self.__dict__:
            self._pool.close()
            del self.__dict__["_pool"]

    @cached_property
    def _pool(self) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._verify or httpx.create_ssl_context(trust_env=False),
            max_connections=2,
            keepalive_expiry=15,
            network_backend=self._backend,
        )

    def send(self, question: Question, conditions: Mapping[str, str], until: float) -> Answer:
        """The answer, whatever its status.

        Args:
            question: what to send.
            conditions: further headers, for what has not changed.
            until: the instant of the backend's clock at which it has to be complete.

        Raises:
            SourceError: the host is not one that may be spoken to.
            TooLarge: the answer is larger than the question allows.
            Exception: one of ``FAILURES`` or ``NO_REQUEST``.
        """
        headers = {"User-Agent": self._agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        given = httpx.Headers(headers)
        given.update({**conditions, **question.headers})
        request = httpx.Request(question.method, question.url, headers=given, content=question.content)
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        self._backend.until = until
        with self._pool.stream(
            request.method,
            url,
            headers=request.headers.raw,
            content=question.content,
            extensions={"timeout": self._timeouts},
        ) as response:
            found = httpx.Headers(response.headers)
            content = _content(question, response, found.get("content-encoding", ""))
            return Answer(str(question.url), response.status, found, content, self._mask)


def _content(question: Question, response: httpcore.Response, encoding: str) -> bytes:
    if response.status in _NO_CONTENT:
        return b""
    if question.wants(response.status):
        return unpacked(response.iter_stream(), encoding, question.max_bytes)
    if response.status in REDIRECTS:
        return b""
    try:
        return unpacked(response.iter_stream(), encoding, _ERROR_BYTES)
    except (TooLarge, *FAILURES):
        # The status says enough.
        return b""
