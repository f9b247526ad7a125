"""The last part of a page's address, made from a name."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["slugify"]


def slugify(text: str, *, length: int = 60) -> str:
    """Lower case ASCII letters and digits with single hyphens, at most ``length`` characters, cut at a word.

    A text without any such character gives ``x``, so that an address is never empty.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", "")))
    if len(slug) > length:
        slug = slug[: length + 1].rpartition("-")[0] or slug[:length]
    return slug or "x"
