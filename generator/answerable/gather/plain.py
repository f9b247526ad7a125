"""What arrives as a JSON value, as the plain text that our columns hold: never an error, None where it is empty."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

import nh3

__all__ = ["field", "identifier", "joined", "listed", "number", "plain", "string"]

_TAG = re.compile(r"<(?:p|br|a|span|div|li|ul|ol|h[1-6]|blockquote|strong|em|b|i|img)\b[^>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6]|blockquote)>\s*(?=<)", re.IGNORECASE)

_CLEANER = nh3.Cleaner(tags=set())


def plain(text: str) -> str | None:
    """A text without markup: line breaks stay, entities become what they stand for."""
    if _TAG.search(text):
        text = _CLEANER.clean(_BREAK.sub("\n", text))
    return html.unescape(text).strip() or None


def string(value: object) -> str | None:
    """A text that says something; None for anything else."""
    return value.strip() or None if isinstance(value, str) else None


def identifier(value: object) -> str | None:
    """An identifier as text: whole numbers keep every digit; a float has lost some and is none."""
    if isinstance(value, bool):
        return None
    return str(value) if isinstance(value, int) else string(value)


def number(value: object) -> float | None:
    """A number, also one that is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def field(item: object, *names: str) -> object:
    """What stands at a path of an object; None where the path ends before."""
    for name in names:
        if not isinstance(item, dict):
            return None
        item = item.get(name)
    return item


def listed(value: object) -> list[object]:
    """A list as it is; anything else is an empty one."""
    return value if isinstance(value, list) else []


def joined(words: Iterable[str | None]) -> str | None:
    """Accounts or hashtags as our columns hold them: lower case, each once, separated by spaces."""
    found = dict.fromkeys(w.lstrip("@").lower() for w in words if w)
    return " ".join(found) or None
