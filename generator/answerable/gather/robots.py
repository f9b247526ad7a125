"""What a host's robots.txt allows programs to read."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from protego import Protego

from answerable.errors import SourceError
from answerable.gather.answers import Answer
from answerable.gather.hosts import Origin, origin

__all__ = ["ROBOTS_BYTES", "Robots"]

ROBOTS_BYTES = 512_000
_LENGTHIEST = 2_000
"""Longer lines are no rules of anybody."""


class Robots:
    """The rules of each host, fetched once.

    Args:
        agent: our name in the rules.
        fetch: the answer at an address, also where it says that there is nothing there.
        slow_down: is told how many seconds a host wants between two requests.
    """

    def __init__(
        self, agent: str, fetch: Callable[[httpx.URL], Answer], slow_down: Callable[[Origin, float], None]
    ) -> None:
        self._agent = agent
        self._fetch = fetch
        self._slow_down = slow_down
        self._rules: dict[Origin, Protego] = {}

    def allows(self, url: httpx.URL) -> bool:
        """Whether the address may be read.

        Raises:
            SourceError: the rules cannot be read, although there may be some.
        """
        where = origin(url)
        if where not in self._rules:
            try:
                answer = self._fetch(url.copy_with(raw_path=b"/robots.txt"))
            except SourceError as error:
                raise SourceError(
                    f"whether programs may read {where[1]} cannot be found out: {error.what}",
                    remedy=error.remedy,
                ) from error
            # Where there is no such file, all is allowed.
            text = answer.text if answer.status // 100 == 2 else ""
            lines = (line for line in text.splitlines() if len(line) < _LENGTHIEST)
            rules = self._rules[where] = Protego.parse("\n".join(lines))
            self._slow_down(where, float(rules.crawl_delay(self._agent) or 0))
        return bool(self._rules[where].can_fetch(str(url), self._agent))
