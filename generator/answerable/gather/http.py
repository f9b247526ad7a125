"""One client for every API: polite, patient and hard to fool.

    with Client(source, site, now=now) as client:
        client.begin("discover", 120, deadline)
        answer = client.get("/api/v1/timelines/tag/roads", {"limit": 40})

Nothing of the environment is used, no proxy and no certificates that it names: only the secrets that the settings name.
"""

from __future__ import annotations

import base64
import os
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx
import tenacity

from answerable import __version__
from answerable.errors import SourceError
from answerable.gather.addresses import CheckedBackend, TookTooLong
from answerable.gather.answers import Answer, TooLarge, place
from answerable.gather.budget import Budget, BudgetSpent, Limits, Progress
from answerable.gather.hosts import HostRule, origin, readable_url
from answerable.gather.masks import MASK, Mask
from answerable.gather.rate_limits import server_limit
from answerable.gather.refusals import failure, is_final, refusal
from answerable.gather.robots import ROBOTS_BYTES, Robots
from answerable.gather.sending import FAILURES, NO_REQUEST, REDIRECTS, Question, Sender
from answerable.live_settings import LiveSource
from answerable.settings import Site

__all__ = ["Answer", "BudgetSpent", "Client", "DryClient", "Limits", "Planned", "Progress"]

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]

_LIMITS = Limits()
_AGENT = "answerable"
_LATER = (500, 502, 503, 504)
_MISSING = frozenset(range(400, 500)) - {429}
_HARMLESS = ("accept", "accept-language", "content-type")
"""Headers that another host may see."""

_LONGEST_BACKOFF = 30
_VALIDATORS_KEPT = 500
_SECRET_LENGTH = 8


class Planned(Exception):  # noqa: N818 (no mistake: a dry run has come to what it wanted to know)
    """What would have been asked; secrets are masked.

    Attributes:
        method, address: the request.
        missing: variables that the settings name and the environment does not have.
    """

    def __init__(self, method: str, address: str, missing: Collection[str] = ()) -> None:
        super().__init__(method, address, missing)
        self.method = method
        self.address = address
        self.missing = tuple(missing)

    def __str__(self) -> str:
        lacking = f" (not set in the environment: {', '.join(self.missing)})" if self.missing else ""
        return f"{self.method} {self.address}{lacking}"


class _Again(Exception):  # noqa: N818 (read: ask again)
    """An attempt failed in a way that may pass; ``error`` is what to say when it does not."""

    def __init__(self, error: SourceError, *, is_scheduled: bool = False) -> None:
        super().__init__(error.what)
        self.error = error
        self.is_scheduled = is_scheduled


class Client:
    """Asks one source's hosts, from one thread.

    Args:
        source: the source's settings: hosts, secrets.
        site: named in the User-Agent, with its contact.
        limits: what one answer may cost.
        now: the instant of this gather, UTC without a zone.
        environment: where secrets are.
        validators: what ``validators`` gave after an earlier gather.
        obey_robots: whether to ask a host's robots.txt first: for pages that were made for people.
        verify: whom to trust; else the authorities that certifi lists.
        sleep, clock: how to wait and to measure time, in seconds.
    """

    def __init__(
        self,
        source: LiveSource,
        site: Site,
        *,
        limits: Limits = _LIMITS,
        now: datetime,
        environment: Mapping[str, str] = os.environ,
        validators: Mapping[str, str] | None = None,
        obey_robots: bool = False,
        verify: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._limits = limits
        self._environment = environment
        self._clock = clock
        self._validators = dict(validators or {})
        self._mask = Mask(environment.get(v, "").strip() for v in source.secret_variables.values())
        self._rule = HostRule(source)
        self._budget = Budget(source.id, limits, now, sleep, clock)
        self._backend = CheckedBackend(allow_private=source.allow_private_addresses, clock=clock)
        agent = _header_safe(f"{_AGENT}/{__version__} (+{site.url}; {site.contact})")
        self._sender = Sender(self._backend, limits, agent, verify, self._mask)
        self._robots = Robots(_AGENT, self._robots_file, self._budget.slow_down) if obey_robots else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._source.id})"

    def close(self) -> None:
        """Closes the connections."""
        self._sender.close()

    def begin(self, pass_name: str, request_count: int | None, deadline: float) -> None:
        """Begins a pass.

        Args:
            pass_name: its name.
            request_count: how many requests it may make; None: as many as it likes.
            deadline: the instant of the client's clock at which it has to end.
        """
        self._budget.begin(pass_name, request_count, deadline)

    # -- what connectors call ------------------------------------------------------------------------------------------

    def get(
        self,
        address: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        allow: Collection[int] = (),
    ) -> Answer:
        """Ask for an address (a path is below the source's server).

        ``params`` are added to the address's own; those that are None are left out. ``headers`` go to no other host
        than that of the address. With 304 in ``allow``, an answer that has not changed since it was kept has that
        status and no content.

        Raises:
            BudgetSpent: the pass may ask no more.
            SourceError: it cannot be read, or its status is neither a success nor in ``allow``.
        """
        return self._ask(self._question("GET", address, params, headers, allow))

    def post(
        self,
        address: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        allow: Collection[int] = (),
    ) -> Answer:
        """Send something, for APIs that take questions or logins that way.

        It is sent again only when the server said that it did nothing, or was not reached.

        Raises:
            BudgetSpent: the pass may ask no more.
            SourceError: it cannot be read, or its status is neither a success nor in ``allow``.
        """
        given = dict(headers or {})
        if auth is not None:
            pair = base64.b64encode(":".join(auth).encode()).decode()
            given["Authorization"] = f"Basic {pair}"
        question = self._question("POST", address, None, given, allow)
        body = httpx.Request("POST", question.url, json=json, data=data)
        kind = body.headers.get("content-type")
        typed = {"Content-Type": kind, **given} if kind else given
        return self._ask(replace(question, headers=typed, content=body.read()))

    def spend(self, address: str) -> None:
        """Take one request from the pass's budget, for a connector whose own program asks for the address.

        Raises:
            BudgetSpent: there is none left, or no time.
        """
        self._budget.spend(origin(self._question("GET", address, None, None, ()).url))

    def secret(self, setting: str) -> str | None:
        """The secret that a setting such as ``token_env`` names; None where the setting is empty.

        Raises:
            SourceError: the setting names an environment variable that is not set.
        """
        if setting not in self._source.variables:
            raise ValueError(f"{setting} is no setting for a secret of {type(self._source).__name__}")
        variable = self._source.secret_variables.get(setting)
        if variable is None:
            return None
        # A line's end behind a secret comes with many ways to set one, and would end a header.
        return self._environment.get(variable, "").strip() or self._without(variable)

    def mask(self, text: str) -> str:
        """A text without the source's secrets."""
        return self._mask(text)

    @property
    def now(self) -> datetime:
        """The instant of this gather."""
        return self._budget.now

    @property
    def progress(self) -> Progress:
        """How far it has come, for the display."""
        return self._budget.progress(self._backend.byte_count)

    @property
    def validators(self) -> Mapping[str, str]:
        """What to keep for the next gather: by address, the marks (ETag, Last-Modified) of what was received.

        They say that all that was received so far need not be sent again: keep them together with the batches that
        hold it.
        """
        return dict(list(self._validators.items())[-_VALIDATORS_KEPT:])

    # -- questions -----------------------------------------------------------------------------------------------------

    def _without(self, variable: str) -> str:
        raise SourceError(
            f"the environment variable {variable} is not set, which the source's settings name",
            remedy=f"set it, as in {variable}=... answerable gather; or take its name out of the source",
        )

    def _question(
        self,
        method: str,
        address: str,
        params: Params | None,
        headers: Mapping[str, str] | None,
        allow: Collection[int],
    ) -> Question:
        is_whole = address.lower().startswith(("http://", "https://"))
        whole = address if is_whole else f"{self._source.server}/{address.lstrip('/')}"
        url = _with_params(readable_url(whole), params)
        if url is None:
            raise SourceError(
                f"“{self.mask(place(whole))[:200]}” is no address that can be asked",
                remedy="check the setting `server`, which begins with https://",
            )
        self._rule.check(url)
        for name, value in (headers or {}).items():
            if name.lower() not in _HARMLESS:
                # Also what a server gave for a password is a secret.
                for word in value.split():
                    if len(word) >= _SECRET_LENGTH:
                        self._mask.add(word)
        return Question(method, url, dict(headers or {}), None, frozenset(allow), self._limits.max_bytes)

    def _ask(self, question: Question) -> Answer:
        return self._followed(question, self._heed_robots)

    def _heed_robots(self, url: httpx.URL) -> None:
        if self._robots is not None and not self._robots.allows(url):
            raise SourceError(
                f"{self._place(url)} may not be read by programs: the server's robots.txt says so",
                remedy="ask those who run the server, or take the source out",
            )

    def _followed(self, question: Question, heed: Callable[[httpx.URL], None]) -> Answer:
        """The answer to a question, wherever it leads; ``heed`` raises where it must not lead."""
        seen: set[str] = set()
        while True:
            heed(question.url)
            seen.add(str(question.url))
            answer = self._patiently(question)
            location = answer.headers.get("location")
            if question.wants(answer.status):
                return answer
            if answer.status not in REDIRECTS or not location:
                raise refusal(answer, self._source)
            question = self._redirected(question, location)
            if len(seen) > self._limits.max_redirects or str(question.url) in seen:
                raise SourceError(
                    f"{answer.address} sends us on and on, or in a circle",
                    remedy="open the address in a browser; check the setting `server`",
                )

    def _redirected(self, question: Question, location: str) -> Question:
        here = self._place(question.url)
        try:
            url = readable_url(str(question.url.join(location)))
        except (httpx.InvalidURL, ValueError):
            url = None
        if url is None:
            raise SourceError(
                f"{here} sends us to something that is no address", remedy="check the setting `server`"
            )
        if question.method != "GET":
            # What was sent may hold a password.
            raise SourceError(
                f"{here} has moved to {self._place(url)}, and what was to be sent is not sent there",
                remedy="set the address that it has moved to in the settings of the source",
            )
        if question.url.scheme == "https" and url.scheme == "http":
            raise SourceError(
                f"{here} sends us from https:// to http://, where anybody could read along",
                remedy="check the setting `server`",
            )
        self._rule.check(url)
        headers = question.headers
        if origin(url) != origin(question.url):
            headers = {n: v for n, v in headers.items() if n.lower() in _HARMLESS}
        return replace(question, url=url, headers=headers)

    def _robots_file(self, address: httpx.URL) -> Answer:
        question = Question("GET", address, allow=_MISSING, max_bytes=ROBOTS_BYTES)
        return self._followed(question, lambda _: None)

    def _place(self, url: httpx.URL) -> str:
        return self.mask(place(str(url)))

    # -- attempts ------------------------------------------------------------------------------------------------------

    def _patiently(self, question: Question) -> Answer:
        retrying = tenacity.Retrying(
            stop=self._is_last,
            retry=tenacity.retry_if_exception_type(_Again),
            wait=_backoff,
            sleep=lambda seconds: self._budget.wait(seconds, "the server cannot answer now"),
            reraise=True,
        )
        try:
            return retrying(self._attempt, question)
        except _Again as last:
            raise last.error from last.__cause__

    def _is_last(self, state: tenacity.RetryCallState) -> bool:
        """Whether a failure has to be told now: a server that is down is not to be taken for a pass that is used up."""
        if state.attempt_number >= self._limits.attempts:
            return True
        error = state.outcome.exception() if state.outcome else None
        is_scheduled = isinstance(error, _Again) and error.is_scheduled
        return not is_scheduled and not self._budget.can_repeat(state.upcoming_sleep)

    def _attempt(self, question: Question) -> Answer:
        self._budget.spend(origin(question.url))
        key = self.mask(str(question.url))
        conditions = _conditions(self._validators.get(key, "")) if 304 in question.allow else {}
        until = min(self._clock() + self._limits.answer_seconds, self._budget.deadline)
        try:
            answer = self._sender.send(question, conditions, until)
        except TooLarge:
            raise SourceError(
                f"{self._place(question.url)} sends more than {question.max_bytes:,} bytes, or packs them so",
                remedy="set `page_size` of the source to a smaller number",
            ) from None
        except NO_REQUEST:
            # The original shows the header that cannot be sent.
            variables = ", ".join(self._source.secret_variables.values()) or "the settings of the source"
            raise SourceError(
                f"{self._place(question.url)} cannot be asked: a header has characters that none may have",
                remedy=f"check {variables}",
            ) from None
        except FAILURES as error:
            if isinstance(error, TookTooLong):
                self._budget.check_time()
            told = failure(error, self._place(question.url), self._limits.answer_seconds)
            was_sent = not isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout)
            if is_final(error) or (question.method != "GET" and was_sent):
                raise told from error
            raise _Again(told) from error
        if answer.status == 200 and 304 in question.allow:
            self._validate(key, answer.headers)
        return self._judged(question, answer)

    def _judged(self, question: Question, answer: Answer) -> Answer:
        """The answer, unless it asks us to come again."""
        limit = server_limit(answer.headers, self._budget.instant())
        is_spent = limit.remaining == 0 and limit.reset_seconds is not None
        # Some say 403 when their limit is used up.
        is_limited = answer.status == 429 or (
            answer.status == 403 and (is_spent or limit.retry_seconds is not None)
        )
        wait = 0.0
        if is_limited or answer.status == 503:
            wait = limit.retry_seconds or 0.0
        if not wait and limit.reset_seconds and (is_spent or (is_limited and limit.remaining is None)):
            # Both clocks may have been cut to whole seconds.
            wait = limit.reset_seconds + 1
        self._budget.note(origin(question.url), limit, wait)
        if question.wants(answer.status):
            return answer
        is_untouched = is_limited or answer.status == 503
        if is_untouched or (answer.status in _LATER and question.method == "GET"):
            raise _Again(refusal(answer, self._source), is_scheduled=wait > 0)
        return answer

    def _validate(self, key: str, headers: Mapping[str, str]) -> None:
        marks = (headers.get("etag", ""), headers.get("last-modified", ""))
        self._validators.pop(key, None)
        if any(marks) and all(m.isascii() and (m + "x").isprintable() and len(m) < 500 for m in marks):
            self._validators[key] = "\n".join(marks)


class DryClient(Client):
    """Sends nothing: what a pass would ask first is raised as ``Planned``."""

    _missing: tuple[str, ...] = ()

    def _ask(self, question: Question) -> Answer:
        raise Planned(question.method, self.mask(str(question.url)), self._missing)

    def spend(self, address: str) -> None:
        """What a program of the connector's own would ask for."""
        raise Planned("GET", self.mask(address))

    def _without(self, variable: str) -> str:
        """A plan can be made without the secret."""
        self._missing = tuple(dict.fromkeys((*self._missing, variable)))
        return MASK


def _with_params(url: httpx.URL | None, params: Params | None) -> httpx.URL | None:
    """The address with parameters added; a parameter with several values stands several times."""
    if url is None or not params:
        return url
    pairs: Iterable[tuple[str, Any]] = params.items() if isinstance(params, Mapping) else params
    flat = [
        (name, one)
        for name, value in pairs
        for one in (value if isinstance(value, list | tuple) else [value])
        if one is not None
    ]
    try:
        return url.copy_merge_params(httpx.QueryParams(flat))
    except (httpx.InvalidURL, ValueError):
        return None


def _backoff(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _Again) and error.is_scheduled:
        return 0.0
    return tenacity.wait_exponential_jitter(initial=1, max=_LONGEST_BACKOFF, jitter=1)(state)


def _conditions(marks: str) -> dict[str, str]:
    tag, _, modified = marks.partition("\n")
    found = {"If-None-Match": tag, "If-Modified-Since": modified}
    return {name: value for name, value in found.items() if value}


def _header_safe(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in " ".join(text.split()))
