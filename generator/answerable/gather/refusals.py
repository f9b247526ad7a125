"""Why a server could not be read, in words for the person who can put it right."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpcore

from answerable.errors import SourceError
from answerable.gather.addresses import TookTooLong
from answerable.gather.answers import Answer, BrokenBody, parse_json
from answerable.live_settings import LiveSource

__all__ = ["failure", "is_final", "refusal"]

_MESSAGE_LENGTH = 200
_MESSAGE_KEYS = (
    "message",
    "error_description",
    "error_summary",
    "detail",
    "error",
    "title",
    "reason",
    "description",
)
_LATER = "nothing: it is asked again at the next gather; should it stay so, ask those who run the server"
_SERVER = "check the setting `server`"


def refusal(answer: Answer, source: LiveSource) -> SourceError:
    """The error for a status that was not asked for."""
    try:
        words = f" {HTTPStatus(answer.status).phrase}"
    except ValueError:
        words = ""
    said = _message(answer)
    what = f"{answer.address} answered {answer.status}{words}" + (f": “{said}”" if said else "")
    return SourceError(what, remedy=_remedy(answer.status, source))


def failure(error: Exception, address: str, seconds: float) -> SourceError:
    """The error for a connection or an answer that failed; ``seconds`` is the limit for a whole answer."""
    host = address.partition("/")[0]
    for cause in _causes(error):
        found = _connection_failure(cause, host)
        if found is not None:
            return found
    if isinstance(error, TookTooLong):
        return SourceError(
            f"{address} was not complete within {seconds:g} seconds",
            remedy="set `page_size` of the source to a smaller number",
        )
    if isinstance(error, httpcore.TimeoutException):
        return SourceError(f"{address} does not answer in time", remedy=_LATER)
    if isinstance(error, BrokenBody):
        return SourceError(f"{address} sent an answer that cannot be unpacked: {error}", remedy=_LATER)
    if isinstance(error, httpcore.ProtocolError):
        return SourceError(f"{address} sent a broken or incomplete answer", remedy=_LATER)
    return SourceError(f"the connection to {host} broke off", remedy=_LATER)


def _connection_failure(cause: BaseException, host: str) -> SourceError | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SourceError(
            f"{host} does not prove who it is: {cause.verify_message.rstrip('.')}",
            remedy=f"{_SERVER}: the name has to be the one that the certificate is for; or ask those who run it",
        )
    if isinstance(cause, ssl.SSLError):
        return SourceError(
            f"{host} does not speak TLS as it should ({cause.reason or 'no reason given'})",
            remedy=f"{_SERVER}: https:// is for servers that speak it",
        )
    if isinstance(cause, socket.gaierror | UnicodeError):
        return SourceError(f"there is no host {host}, or no name server answers", remedy=_SERVER)
    if isinstance(cause, ConnectionRefusedError):
        return SourceError(
            f"{host} refuses the connection", remedy=f"{_SERVER} and its port; or try again later"
        )
    return None


def is_final(error: Exception) -> bool:
    """Whether asking again within the minute cannot help."""
    return isinstance(error, TookTooLong) or any(
        isinstance(cause, ssl.SSLCertVerificationError | UnicodeError)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _remedy(status: int, source: LiveSource) -> str:
    if status in (401, 403):
        held = source.secret_variables
        if held:
            names = " and ".join(f"{variable} (`{name}`)" for name, variable in held.items())
            return (
                f"check the environment variable {names}: it may be wrong, expired or not allowed to do this"
            )
        known = [name for name in source.variables if name in type(source).model_fields]
        if known:
            return f"the server may want to know who asks: set {' and '.join(f'`{n}`' for n in known)} of the source"
        return "ask those who run the server whether it may be read"
    if status == 429:
        return "set lower numbers in `requests` of the source, or gather less often"
    if status in (404, 410) or 300 <= status < 400:
        return _SERVER
    return _LATER if status >= 500 else "check the settings of the source against the server's documentation"


def _message(answer: Answer) -> str:
    """What the server itself says, short and without markup."""
    content = answer.content[:65_536]
    kind = answer.headers.get("content-type", "")
    text = ""
    if content.lstrip()[:1] in (b"{", b"["):
        try:
            text = _named(parse_json(content))
        except ValueError:
            text = ""
    elif "text/plain" in kind:
        text = answer.text
    if "<" in text:
        return ""
    # Masked before it is cut: half of a secret would not be recognised.
    text = answer.mask(text)[: 4 * _MESSAGE_LENGTH]
    text = " ".join(re.sub(r"[^\w\s!-~]", " ", text).split())
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 1] + "…"


def _named(value: Any) -> str:
    """The first message in an error object, whichever of its usual names it bears."""
    if isinstance(value, list):
        return _named(value[0]) if value else ""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    for key in (*_MESSAGE_KEYS, "errors"):
        found = _named(value.get(key))
        if found:
            return found
    return ""
