"""The policy that keeps a page from asking anything of another host, or running a script that is not the theme's own.

It stands in each page as a meta tag, so that it holds wherever the site is hosted. Inline scripts are allowed by the
hash of what they are, computed from the finished page.
"""

from __future__ import annotations

import base64
import hashlib
import re

__all__ = ["policy", "with_policy"]

# Scripts that are data (type="application/json") are never run and need no hash.
_SCRIPT = re.compile(r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.DOTALL)
_CHARSET = re.compile(r"<meta charset=[^>]*>")


def policy(html: str) -> str:
    """The policy of a page: its own host only, and its inline scripts by their hashes."""
    hashes = sorted(
        {
            "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
            for script in _SCRIPT.findall(html)
        }
    )
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def with_policy(html: str) -> str:
    """The page with its policy, as early in its head as it can stand."""
    if 'http-equiv="Content-Security-Policy"' in html:
        return html
    meta = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy(html)}">'
        '<meta name="referrer" content="no-referrer">'
    )
    return _CHARSET.sub(lambda match: match[0] + meta, html, count=1)
