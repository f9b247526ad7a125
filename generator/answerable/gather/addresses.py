"""Which machines may be spoken to: a source cannot send us to this machine or into the network that it stands in.

A host's name is looked up, every address that it has is judged, and the connection goes to an address that was judged:
a name that says one thing first and another thing later gains nothing. TLS still checks the name.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from ssl import SSLContext
from typing import Any

import httpcore

from answerable.errors import SourceError

__all__ = ["CheckedBackend", "TookTooLong", "is_public"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class TookTooLong(httpcore.ReadTimeout):
    """The time for a whole answer is over although the server still says something now and then."""


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet, also where it wraps another one."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
    )


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and keeps the time for a whole answer.

    Attributes:
        until: the instant of ``clock`` at which the answer has to be complete.
        byte_count: what was received over the network, headers too.
    """

    def __init__(self, *, allow_private: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._allow_private = allow_private
        self._clock = clock
        self._inner = httpcore.SyncBackend()
        self.until = float("inf")
        self.byte_count = 0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to one of the host's addresses; ``SourceError`` where one of them is not public."""
        error: Exception = httpcore.ConnectError("the host has no address")
        for address in self._addresses(host, port):
            try:
                stream = self._inner.connect_tcp(
                    address, port, self.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return _Timed(stream, self)
        raise error

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        bad = next((a for a in addresses if not is_public(a)), None)
        if bad is not None and not self._allow_private:
            raise SourceError(
                f"{host} is a machine in a private network or this one ({bad}): it is not asked",
                remedy="correct `server`; where it is meant, set allow_private_addresses: true",
            )
        return addresses

    def left(self, timeout: float | None) -> float:
        """How long the next step may take."""
        left = self.until - self._clock()
        if left <= 0:
            raise TookTooLong("the time for an answer is over")
        return left if timeout is None else min(timeout, left)


class _Timed(httpcore.NetworkStream):
    """A connection whose every step ends when the time for the answer is over."""

    def __init__(self, inner: httpcore.NetworkStream, backend: CheckedBackend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        allowed = self._backend.left(timeout)
        try:
            data = self._inner.read(max_bytes, allowed)
        except httpcore.ReadTimeout:
            self._backend.left(timeout)
            raise
        self._backend.byte_count += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._backend.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._inner.start_tls(ssl_context, server_hostname, self._backend.left(timeout))
        return _Timed(stream, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
