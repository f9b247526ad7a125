"""Takes secrets out of what is said: errors, log lines, plans."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

__all__ = ["MASK", "Mask"]

MASK = "***"
_SHORT = 5


class Mask:
    """Replaces every secret that it knows, also as it stands in an address or in JSON."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return f"Mask({len(self._secrets)} secrets)"

    def add(self, secret: str) -> None:
        """Learns a secret, such as one that a server gave out for a password."""
        if not secret.strip() or secret in self._secrets:
            return
        self._secrets.add(secret)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_pattern, longest_first)), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _pattern(secret: str) -> str:
    """A pattern for a secret, however much of it is escaped.

    A short secret is masked where it is a word, or nothing could be read any more.
    """
    found = "".join(map(_character, secret))
    return found if len(secret) >= _SHORT else rf"(?<!\w){found}(?!\w)"


def _character(character: str) -> str:
    """One character as it is, as addresses have it, or as JSON does."""
    escaped = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "replace"))
    ways = {character, escaped, json.dumps(character)[1:-1], f"\\u{ord(character):04x}"}
    if character == " ":
        ways.add("+")
    return f"(?:{'|'.join(map(re.escape, sorted(ways, key=len, reverse=True)))})"
