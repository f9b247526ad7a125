"""Which hosts a source's settings allow to ask, and over what."""

from __future__ import annotations

import httpx

from answerable.errors import SourceError
from answerable.live_settings import LiveSource, host_of

__all__ = ["HostRule", "origin", "readable_url"]

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}


def origin(url: httpx.URL) -> Origin:
    """Scheme, host and port of an address."""
    return url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme, 0)


def readable_url(text: str) -> httpx.URL | None:
    """An address over HTTP, without a user's name, a password or a fragment; None where it is none."""
    try:
        url = httpx.URL(text)
        url = url.copy_with(userinfo=b"", fragment=None)
    except (httpx.InvalidURL, ValueError, TypeError):
        return None
    return url if url.scheme in _PORTS and url.raw_host else None


class HostRule:
    """The origins that may be asked.

    Without encryption, only those whose address in the settings begins with http://; the hosts in ``hosts`` have no
    scheme there and follow ``server``.
    """

    def __init__(self, source: LiveSource) -> None:
        addresses = source.servers
        is_plain = {host_of(a): a.startswith("http://") for a in addresses}
        self._allowed: set[Origin] = set()
        for host in source.asked_hosts:
            url = readable_url(f"https://{host}")
            if url is not None:
                self._allowed.add(origin(url))
            plain = readable_url(f"http://{host}")
            if plain is not None and is_plain.get(host, source.server.startswith("http://")):
                self._allowed.add(origin(plain))

    def check(self, url: httpx.URL) -> None:
        """Raises ``SourceError`` where the settings do not name the address's host."""
        scheme, host, port = origin(url)
        if (scheme, host, port) in self._allowed:
            return
        name = url.netloc.decode("ascii")
        if scheme == "http" and ("https", host, url.port or _PORTS["https"]) in self._allowed:
            raise SourceError(
                f"{name} would be asked without encryption (http://), which the settings do not say",
                remedy="if it has no https://, write its address with http:// in the setting `server`",
            )
        raise SourceError(
            f"the source leads to {name}, which its settings do not name: it is not asked",
            remedy=f"if that is right, add {name} to the setting `hosts` of the source",
        )
