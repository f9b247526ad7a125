from __future__ import annotations

import logging
import socket
import ssl
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.misbehaving import FAULTS, Handler, Misbehaving, Reply, Request

from answerable import __version__
from answerable.errors import SourceError
from answerable.gather.http import BudgetSpent, Client, DryClient, Limits, Planned
from answerable.live_settings import BlueskySource, FeedSource, LiveSource, MastodonSource, XSource
from answerable.settings import Site

NOW = datetime.fromisoformat("2026-11-22T13:05")
SITE = Site(
    name="Test",
    description="A test",
    url="https://feedback.example",
    publisher="Nobody",
    contact="nobody@feedback.example",
)
LIMITS = Limits(max_bytes=1_000_000)
SLOW = ("slow_drip", "slow_headers", "never_answers")
HASTY = Limits(read_seconds=0.5, answer_seconds=1, attempts=3)
"""For servers that are slow: the tests wait for nothing else."""

COMMON: dict[str, Any] = {"id": "social", "name": "Social", "licence": {"name": "CC0"}, "publish_rows": True}
TRUST = ssl.create_default_context()
ITEMS = [
    {"id": str(10**17 + n), "content": f"text {n}", "created_at": f"2026-11-0{n}T10:00:00Z"}
    for n in (1, 2, 3)
]


class Clock:
    """Time that passes at once when somebody sleeps; otherwise only where the test is about slow servers."""

    def __init__(self, *, is_real: bool = False) -> None:
        self.slept: list[float] = []
        self.is_real = is_real

    def __call__(self) -> float:
        return (time.monotonic() if self.is_real else 0) + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def source(server: str, **settings: Any) -> MastodonSource:
    named = {"allow_private_addresses": True, **settings}
    return MastodonSource(connector="mastodon", server=server, **COMMON, **named)


def client(asked: LiveSource | str, *, clock: Clock | None = None, **options: Any) -> Client:
    clock = clock or Clock()
    return Client(
        source(asked) if isinstance(asked, str) else asked,
        SITE,
        **{
            "limits": LIMITS,
            "now": NOW,
            "environment": {},
            "verify": TRUST,
            "sleep": clock.sleep,
            "clock": clock,
            **options,
        },
    )


def healthy(request: Request) -> Reply:
    return Reply.json(ITEMS)


@contextmanager
def asking(
    fault: str | None, handler: Handler = healthy, *, settings: Mapping[str, Any] | None = None, **server: Any
) -> Iterator[tuple[Client, Misbehaving, Clock]]:
    """A client for a server, and the time that it slept."""
    clock = Clock(is_real=fault in SLOW)
    with Misbehaving(handler, fault, **server) as running:
        asked = source(running.url, **(settings or {}))
        trust = running.trust if running.is_tls else TRUST
        limits = HASTY if fault in SLOW else LIMITS
        with client(asked, clock=clock, verify=trust, limits=limits) as asker:
            yield asker, running, clock


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_a_question_says_who_asks() -> None:
    with asking(None) as (asker, server, _):
        answer = asker.get("/api/v1/list", {"limit": 40, "none": None, "flag": True, "tag": ["a b", "ü"]})
        assert answer.json() == ITEMS
        assert answer.status == 200
    (request,) = server.requests
    assert request.target == "/api/v1/list?limit=40&flag=true&tag=a+b&tag=%C3%BC"
    assert request.headers["user-agent"] == (
        f"answerable/{__version__} (+https://feedback.example; nobody@feedback.example)"
    )
    assert request.headers["accept-encoding"] == "gzip, deflate"


def test_a_contact_cannot_write_headers() -> None:
    site = SITE.model_copy(update={"contact": "a\r\nX-Evil: 1 ü"})
    with Misbehaving(healthy) as server, Client(source(server.url), site, now=NOW) as asker:
        asker.get("/")
    assert server.requests[0].headers["user-agent"].endswith("; a X-Evil: 1 ?)")
    assert "x-evil" not in server.requests[0].headers


def test_paths_are_below_the_server_and_parameters_are_added() -> None:
    with Misbehaving(healthy) as server, client(server.url + "/base/") as asker:
        asker.get("list?page=2", [("limit", 1)])
        asker.get("//elsewhere.example/list")
        asker.get(f"{server.url}/base/list?max_id=%23x#part")
    assert [r.target for r in server.requests] == [
        "/base/list?page=2&limit=1",
        "/base/elsewhere.example/list",
        "/base/list?max_id=%23x",
    ]


def test_post_sends_json_forms_and_logins() -> None:
    with asking(None) as (asker, server, _):
        asker.post("/query", json={"a": [1]}, headers={"X-App-Token": "token-12345"})
        asker.post("/login", data={"grant_type": "client credentials"}, auth=("me", "secret"))
    first, second = server.requests
    assert first.json() == {"a": [1]}
    assert (first.method, first.headers["content-type"]) == ("POST", "application/json")
    assert first.headers["x-app-token"] == "token-12345"
    assert second.body == b"grant_type=client+credentials"
    assert second.headers["authorization"] == "Basic bWU6c2VjcmV0"


def test_connections_are_used_again() -> None:
    ports = set()

    def handler(request: Request) -> Reply:
        return Reply.json(ITEMS)

    with asking(None, handler) as (asker, server, _):
        original = socket.create_connection

        def counted(*args: Any, **named: Any) -> socket.socket:
            made = original(*args, **named)
            ports.add(made.getsockname())
            return made

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "create_connection", counted)
            for _ in range(5):
                asker.get("/")
    assert len(server.requests) == 5
    assert len(ports) == 1


def test_links_are_whole_addresses() -> None:
    def handler(request: Request) -> Reply:
        links = '</api?max_id=5>; rel="next", <https://other.example/a,b>; rel="prev first", <http://[bad>; rel="last"'
        return Reply.json([], Link=links)

    with asking(None, handler) as (asker, server, _):
        links = asker.get("/api/v1").links
    assert links == {
        "next": f"{server.url}/api?max_id=5",
        "prev": "https://other.example/a,b",
        "first": "https://other.example/a,b",
    }


# -- budgets -----------------------------------------------------------------------------------------------------------


def test_a_pass_makes_no_more_requests_than_it_was_given() -> None:
    with asking(None) as (asker, server, clock):
        asker.begin("discover", 2, clock() + 100)
        asker.get("/")
        asker.get("/")
        with pytest.raises(BudgetSpent, match="the 2 requests of this pass are used up"):
            asker.get("/")
        asker.begin("refresh", 1, clock() + 100)
        asker.get("/")
        progress = asker.progress
    assert len(server.requests) == 3
    assert (progress.pass_name, progress.request_count, progress.left_count) == ("refresh", 3, 0)
    assert progress.byte_count > 3 * len(str(ITEMS)) / 2
    assert progress.sentence == "3 requests, 0 left of the pass"


def test_every_attempt_counts() -> None:
    with asking("server_error") as (asker, server, clock):
        asker.begin("discover", 3, clock() + 1000)
        # A server that is down is not taken for a pass that has used what it was given.
        with pytest.raises(SourceError, match="500"):
            asker.get("/")
        assert asker.progress.left_count == 0
    assert len(server.requests) == 3


def test_a_server_that_is_down_when_time_runs_out_is_down() -> None:
    with asking("server_error") as (asker, server, clock):
        asker.begin("discover", 30, clock() + 0.5)
        with pytest.raises(SourceError, match="500"):
            asker.get("/")
    assert len(server.requests) == 1


def test_a_limit_is_a_limit_also_with_the_last_request() -> None:
    with asking("too_many_retry_after", wait_seconds=5) as (asker, _, clock):
        asker.begin("discover", 1, clock() + 1000)
        with pytest.raises(BudgetSpent):
            asker.get("/")


def test_a_pass_ends_with_its_time() -> None:
    with asking(None) as (asker, server, clock):
        asker.begin("discover", 5, clock() + 100)
        asker.get("/")
        clock.sleep(101)
        with pytest.raises(BudgetSpent, match="the time of this pass is used up"):
            asker.get("/")
    assert len(server.requests) == 1


def test_the_end_of_a_pass_ends_an_answer_that_is_slow() -> None:
    with asking("slow_drip") as (asker, _, clock):
        asker.begin("discover", 5, clock() + 0.2)
        with pytest.raises(BudgetSpent, match="the time of this pass"):
            asker.get("/")


def test_no_wait_outlasts_the_pass() -> None:
    with asking("too_many_retry_after", wait_seconds=60) as (asker, _, clock):
        asker.begin("discover", 5, clock() + 30)
        with pytest.raises(BudgetSpent, match="the server's limit is used up until"):
            asker.get("/")
        assert sum(clock.slept) == 0


# -- the server's limits -----------------------------------------------------------------------------------------------

STORMS = [fault for fault in FAULTS if fault.startswith("too_many_")]


def test_every_dialect_has_its_storm() -> None:
    assert len(STORMS) == 6


@pytest.mark.parametrize("fault", STORMS)
def test_a_short_wait_is_waited(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "answerable")
    with asking(fault, times=1, wait_seconds=30) as (asker, server, clock):
        assert asker.get("/").json() == ITEMS
    assert len(server.requests) == 2
    assert 29 <= sum(clock.slept) <= 33
    assert "the server's limit is used up until 13:05 UTC" in caplog.text


@pytest.mark.parametrize("fault", STORMS)
def test_a_long_wait_ends_the_pass(fault: str) -> None:
    with asking(fault, wait_seconds=3600) as (asker, server, clock):
        with pytest.raises(BudgetSpent, match=r"^the server's limit is used up until 14:0[456] UTC$"):
            asker.get("/")
        # The next pass does not ask either.
        asker.begin("refresh", 5, clock() + 10_000)
        with pytest.raises(BudgetSpent):
            asker.get("/")
    assert len(server.requests) == 1
    assert sum(clock.slept) == 0


@pytest.mark.parametrize("fault", ["too_many", "too_many_retry_after"])
def test_a_storm_that_does_not_end(fault: str) -> None:
    with asking(fault, wait_seconds=1) as (asker, server, clock), pytest.raises(SourceError) as error:
        asker.get("/api", {"q": "private"})
    assert len(server.requests) == LIMITS.attempts
    assert sum(clock.slept) >= 3
    assert str(error.value) == (
        f"{server.url.removeprefix('http://')}/api answered 429 Too Many Requests: “Too many requests”"
        "\n  what to do: set lower numbers in `requests` of the source, or gather less often"
    )


def test_a_limit_that_is_used_up_is_not_tried() -> None:
    def handler(request: Request) -> Reply:
        return Reply.json([], ratelimit_remaining="0", ratelimit_reset="3600")

    with asking(None, handler) as (asker, server, _):
        asker.get("/")
        assert asker.progress.sentence == "1 requests; the server allows 0 more until 14:05 UTC"
        with pytest.raises(BudgetSpent, match="until 14:05 UTC"):
            asker.get("/")
    assert len(server.requests) == 1


def test_a_server_whose_clock_is_years_ahead_is_waited_for_a_second() -> None:
    with asking("clock_skew", times=1) as (asker, server, clock):
        asker.get("/")
        asker.get("/")
    assert len(server.requests) == 2
    assert 0 < sum(clock.slept) <= 4


def test_a_server_that_is_down_for_a_while() -> None:
    with asking("unavailable", times=2, wait_seconds=20) as (asker, server, clock):
        assert asker.post("/", json={}).json() == ITEMS
    assert len(server.requests) == 3
    assert clock.slept == [20, 20]


# -- retries -----------------------------------------------------------------------------------------------------------

PASSING = [
    "connection_reset",
    "reset_midway",
    "hangs_up",
    "half_an_answer",
    "half_a_chunk",
    "length_too_long",
    "truncated_gzip",
    "gzip_that_is_none",
    "never_answers",
    "not_http",
    "server_error",
]


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again(fault: str) -> None:
    with asking(fault, times=2) as (asker, server, clock):
        assert asker.get("/").json() == ITEMS
    assert len(server.requests) == 3
    assert len(clock.slept) == 2
    assert 1 <= clock.slept[0] <= 2 <= clock.slept[1] <= 3


@pytest.mark.parametrize("fault", ["server_error", "half_an_answer", "hangs_up", "never_answers"])
def test_what_was_sent_is_not_sent_twice(fault: str) -> None:
    with asking(fault, times=1) as (asker, server, _), pytest.raises(SourceError):
        asker.post("/query", json={})
    assert len(server.requests) == 1


def test_what_was_not_sent_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with asking(None) as (asker, _, clock):
        original = socket.create_connection
        calls = iter([ConnectionRefusedError(111, "refused"), None])

        def once_refused(*args: Any, **named: Any) -> socket.socket:
            error = next(calls)
            if error:
                raise error
            return original(*args, **named)

        monkeypatch.setattr(socket, "create_connection", once_refused)
        assert asker.post("/query", json={}).json() == ITEMS
    assert len(clock.slept) == 1


# -- what goes wrong, in words -----------------------------------------------------------------------------------------

SAID = {
    "slow_drip": "HOST/list was not complete within 1 seconds",
    "slow_headers": "HOST/list was not complete within 1 seconds",
    "never_answers": "HOST/list does not answer in time",
    "hangs_up": "HOST/list sent a broken or incomplete answer",
    "half_an_answer": "HOST/list sent a broken or incomplete answer",
    "half_a_chunk": "HOST/list sent a broken or incomplete answer",
    "connection_reset": "the connection to HOST broke off",
    "reset_midway": "the connection to HOST broke off",
    "length_too_long": "HOST/list sent a broken or incomplete answer",
    "length_is_no_number": "HOST/list sent a broken or incomplete answer",
    "length_too_short": "HOST/list answered something that is not JSON, or only a part of it",
    "gzip_bomb": "HOST/list sends more than 1,000,000 bytes, or packs them so",
    "truncated_gzip": "HOST/list sent an answer that cannot be unpacked: it is cut off",
    "gzip_that_is_none": "HOST/list sent an answer that cannot be unpacked: it is not packed as its header says",
    "odd_packing": "HOST/list sent an answer that cannot be unpacked: it is packed in a way that was not asked for",
    "endless_answer": "HOST/list sends more than 1,000,000 bytes, or packs them so",
    "huge_headers": "",
    "not_http": "HOST/list sent a broken or incomplete answer",
    "certificate_of_another": "HOST does not prove who it is: IP address mismatch",
    "expired_certificate": "HOST does not prove who it is: certificate has expired",
    "unknown_authority": "HOST does not prove who it is: unable to get local issuer certificate",
    "html_login": "HOST/list answered a web page where JSON was expected (perhaps a login page or a notice)",
    "empty_body": "HOST/list answered nothing at all where JSON was expected",
    "half_json": "HOST/list answered something that is not JSON, or only a part of it",
    "deep_json": "it is nested more than 100 levels deep",
    "not_found": "HOST/list answered 404 Not Found",
    "forbidden": "HOST/list answered 403 Forbidden: “This API needs an authenticated user, not”",
    "server_error": "HOST/list answered 500 Internal Server Error",
    "redirect_loop": "HOST/list sends us on and on, or in a circle",
    "redirect_for_ever": "sends us on and on, or in a circle",
    "redirect_elsewhere": "the source leads to elsewhere.invalid, which its settings do not name",
    "redirect_to_metadata": "the source leads to 169.254.169.254, which its settings do not name",
}


@pytest.mark.parametrize("fault", SAID)
def test_what_a_person_reads(fault: str) -> None:
    with asking(fault) as (asker, server, _), pytest.raises(SourceError) as error:
        asker.get("/list", {"q": "somebody"}).json()
    said = str(error.value)
    host = server.url.rpartition("/")[2]
    assert SAID[fault].replace("HOST", host) in said
    assert error.value.remedy
    assert "somebody" not in said
    assert "<" not in said
    if fault.startswith("slow"):
        # What was slow for the whole time is not asked for again at once.
        assert len(server.requests) == 1


HARMLESS = [
    "byte_order_mark",
    "utf16",
    "gzipped",
    "wrong_content_type",
    "nul_bytes",
]


@pytest.mark.parametrize("fault", HARMLESS)
def test_what_is_read_all_the_same(fault: str) -> None:
    with asking(fault) as (asker, _, _):
        assert asker.get("/").json() == ITEMS


def test_bytes_that_are_no_text_are_replaced() -> None:
    with asking("not_utf8") as (asker, _, _):
        assert asker.get("/").json()[0] == {**ITEMS[0], "content": "\ufffd\ufffdtext 1"}


@pytest.mark.parametrize(("fault", "value"), [("no_content", None), ("empty_list", [])])
def test_nothing_is_no_error(fault: str, value: object) -> None:
    with asking(fault) as (asker, _, _):
        assert asker.get("/").json() == value


def test_a_status_that_is_allowed_is_given() -> None:
    with asking("not_found") as (asker, _, _):
        answer = asker.get("/x", allow=(404, 410))
    assert answer.status == 404
    assert repr(answer) == "Answer(status=404)"


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with client(f"http://127.0.0.1:{port}") as asker, pytest.raises(SourceError) as error:
            asker.get("/")
    assert str(error.value).startswith(
        f"127.0.0.1:{port} refuses the connection\n  what to do: check the setting `se"
    )


def test_there_is_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = Clock()
    with client(source("https://nowhere.example"), clock=clock) as asker, pytest.raises(SourceError) as error:
        asker.get("/")
    assert error.value.what == "there is no host nowhere.example, or no name server answers"
    assert clock.slept == []


def test_a_page_too_large() -> None:
    with (
        asking(None, lambda _: Reply(200, b" " * 2_000_000)) as (asker, server, _),
        pytest.raises(SourceError) as e,
    ):
        asker.get("/")
    assert len(server.requests) == 1
    assert "page_size" in e.value.remedy


def test_huge_numbers_of_small_headers_end() -> None:
    with asking("huge_headers", times=1) as (asker, _, _):
        assert asker.get("/").json() == ITEMS


# -- TLS ---------------------------------------------------------------------------------------------------------------


def test_https_works() -> None:
    with asking(None, tls=True) as (asker, server, _):
        assert asker.get("/").json() == ITEMS
    assert server.url.startswith("https://")


def test_a_server_that_does_not_prove_who_it_is_gets_no_request() -> None:
    with (
        asking("certificate_of_another") as (asker, server, clock),
        pytest.raises(SourceError, match="prove"),
    ):
        asker.get("/", headers={"Authorization": "Bearer secret-token"})
    assert server.requests == []
    assert clock.slept == []


# -- where we go -------------------------------------------------------------------------------------------------------


def test_redirects_are_followed() -> None:
    def handler(request: Request) -> Reply:
        return healthy(request) if request.path == "/new" else Reply(301, b"", {"Location": "/new"})

    with asking(None, handler) as (asker, server, _):
        answer = asker.get("/old", headers={"Authorization": "Bearer secret-token"})
    assert answer.json() == ITEMS
    assert answer.url == f"{server.url}/new"
    assert server.requests[1].headers["authorization"] == "Bearer secret-token"


def test_credentials_do_not_follow_to_another_host() -> None:
    with (
        Misbehaving(healthy) as other,
        asking(
            "redirect_elsewhere",
            elsewhere=f"{other.url}/list",
            settings={"hosts": [other.url.removeprefix("http://")]},
        ) as (asker, _, _),
    ):
        headers = {"Authorization": "Bearer secret-token", "X-Api-Key": "secret-key", "Accept": "text/csv"}
        assert asker.get("/", headers=headers).json() == ITEMS
    (request,) = other.requests
    assert request.headers["accept"] == "text/csv"
    assert "authorization" not in request.headers
    assert "x-api-key" not in request.headers


def test_what_is_sent_does_not_follow_at_all() -> None:
    with asking("redirect_for_ever") as (asker, server, _), pytest.raises(SourceError, match="has moved to"):
        asker.post("/login", json={"password": "secret"})
    assert len(server.requests) == 1


def test_paging_links_to_other_hosts_are_refused() -> None:
    with asking("paging_elsewhere") as (asker, _, _):
        link = asker.get("/").links["next"]
        with pytest.raises(SourceError) as error:
            asker.get(link)
    assert (
        error.value.what
        == "the source leads to elsewhere.invalid, which its settings do not name: it is not asked"
    )
    assert error.value.remedy == (
        "if that is right, add elsewhere.invalid to the setting `hosts` of the source"
    )


def test_another_port_is_another_host() -> None:
    with asking(None) as (asker, server, _), Misbehaving(healthy) as other:
        with pytest.raises(SourceError, match="its settings do not name"):
            asker.get(other.url)
        assert server.requests == other.requests == []


def test_encryption_is_not_given_up() -> None:
    def handler(request: Request) -> Reply:
        return Reply(302, b"", {"Location": f"http://{request.headers['host']}/"})

    with asking(None, handler, tls=True) as (asker, server, _):
        with pytest.raises(SourceError, match="from https:// to http://"):
            asker.get("/")
        with pytest.raises(SourceError, match="without encryption"):
            asker.get(server.url.replace("https://", "http://"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "address", ["https://exa mple", "https://", "https://[::1", "http://xn--/", "https://a.example:99999/"]
)
def test_what_is_no_address(address: str) -> None:
    with client(source("https://api.example")) as asker, pytest.raises(SourceError):
        asker.get(address)


def test_feeds_on_several_hosts() -> None:
    feeds = FeedSource(
        connector="feed", feeds=("http://a.example/rss", "https://b.example/rss"), **COMMON, server=""
    )
    dry = DryClient(feeds, SITE, now=NOW, environment={})
    for address in ("http://a.example/rss", "https://a.example/x", "https://b.example/y"):
        with pytest.raises(Planned):
            dry.get(address)
    for address in ("http://b.example/rss", "https://c.example/rss", "/rss"):
        with pytest.raises(SourceError):
            dry.get(address)


# -- private addresses -------------------------------------------------------------------------------------------------


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Lets every name have these addresses; gives the list of the names that are asked for."""
    asked = []
    original = socket.getaddrinfo

    def found(host: Any, port: Any, *args: Any, **named: Any) -> Any:
        asked.append(host)
        return [entry for a in addresses for entry in original(a, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1", "0.0.0.0"]
)
def test_names_of_private_machines_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving(monkeypatch, address)
    monkeypatch.setattr(socket, "create_connection", lambda *a, **n: pytest.fail("it connects"))
    asked = source("https://innocent.example", allow_private_addresses=False)
    with client(asked) as asker, pytest.raises(SourceError) as error:
        asker.get("/")
    assert error.value.what.startswith("innocent.example is a machine in a private network or this one (")
    assert "allow_private_addresses: true" in error.value.remedy


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "93.184.215.14", "127.0.0.1")
    monkeypatch.setattr(socket, "create_connection", lambda *a, **n: pytest.fail("it connects"))
    asked = source("https://innocent.example", allow_private_addresses=False)
    with client(asked) as asker, pytest.raises(SourceError, match="private network"):
        asker.get("/")


@pytest.mark.parametrize(
    "server", ["http://127.0.0.1:9", "http://2130706433:9", "http://[::1]:9", "http://0x7f.1:9"]
)
def test_private_addresses_in_the_settings_are_refused(server: str) -> None:
    with client(source(server, allow_private_addresses=False)) as asker, pytest.raises(SourceError):
        asker.get("/")


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    tried = []

    def connect(address: tuple[str, int], *args: Any, **named: Any) -> socket.socket:
        tried.append(address)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    asked = source("https://innocent.example", allow_private_addresses=False)
    with client(asked, limits=Limits(attempts=1)) as asker, pytest.raises(SourceError, match="in time"):
        asker.get("/")
    assert tried == [("93.184.215.14", 443), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", 443)]


# -- what has not changed ----------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_not_sent_again() -> None:
    def handler(request: Request) -> Reply:
        if request.headers.get("if-none-match") == '"v1"':
            return Reply(304)
        return Reply.json(ITEMS, ETag='"v1"', Last_Modified="Sun, 22 Nov 2026 10:00:00 GMT")

    with Misbehaving(handler) as server:
        with client(server.url) as asker:
            asker.get("/feed", {"q": "x"}, allow=(304,))
            asker.get("/other")
            kept = asker.validators
        assert kept == {f"{server.url}/feed?q=x": '"v1"\nSun, 22 Nov 2026 10:00:00 GMT'}
        with client(server.url, validators=kept) as asker:
            answer = asker.get("/feed", {"q": "x"}, allow=(304,))
            assert (answer.status, answer.json(), answer.content) == (304, None, b"")
            assert asker.get("/feed", {"q": "x"}).status == 200
            assert asker.validators == kept
    assert server.requests[2].headers["if-modified-since"] == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert "if-none-match" not in server.requests[3].headers


# -- secrets -----------------------------------------------------------------------------------------------------------

SECRET = "s3cr3t/token+with=signs"


def bluesky(server: str, **settings: Any) -> BlueskySource:
    return BlueskySource(
        connector="bluesky",
        server=server,
        login_server=server,
        handle_env="OUR_HANDLE",
        password_env="OUR_PASSWORD",
        allow_private_addresses=True,
        **COMMON,
        **settings,
    )


def test_secrets_come_from_the_environment() -> None:
    asked = bluesky("https://api.example")
    with client(asked, environment={"OUR_HANDLE": "city.example", "OUR_PASSWORD": SECRET + "\n"}) as asker:
        assert asker.secret("handle_env") == "city.example"
        assert asker.secret("password_env") == SECRET
    with client("https://api.example") as asker:
        assert asker.secret("token_env") is None
    with client("https://api.example") as asker, pytest.raises(ValueError, match="password_env"):
        asker.secret("password_env")


@pytest.mark.parametrize("environment", [{}, {"OUR_PASSWORD": " "}])
def test_a_secret_that_is_not_set(environment: dict[str, str]) -> None:
    asker = client(bluesky("https://api.example"), environment=environment)
    with pytest.raises(SourceError, match="the environment variable OUR_PASSWORD is not set"):
        asker.secret("password_env")


@pytest.mark.parametrize(
    "echo",
    [
        lambda r: Reply.json({"error": {"message": f"wrong token {r.query['key']}"}}, 401),
        lambda r: Reply.json({"message": f"bad header {r.headers['authorization']}"}, 403),
        lambda r: Reply.text(f"you sent {r.target} and {'x' * 150}{r.query['key']}", status=400),
        lambda r: Reply(302, b"", {"Location": f"https://other.example/{r.target}"}),
        lambda r: (
            Reply(302, b"", {"Location": f"/{SECRET.replace('/', '%2F')}/again"}) if r.query else Reply(404)
        ),
        lambda r: Reply.text(f"<html>{r.target}", "text/html"),
        lambda r: Reply.text(f"{r.query['key']} is no JSON"),
    ],
)
def test_no_secret_is_ever_told(echo: Handler, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    environment = {"OUR_HANDLE": "city", "OUR_PASSWORD": SECRET}
    with Misbehaving(echo) as server, client(bluesky(server.url), environment=environment) as asker:
        token = "given-out-by-the-server"
        with pytest.raises(SourceError) as error:
            asker.get(
                "/a", {"key": SECRET}, headers={"Authorization": f"Bearer {token}"}, allow=(304,)
            ).json()
        told = [str(error.value), repr(error.value), repr(asker), str(asker.progress), str(asker.validators)]
        told += [caplog.text, repr(error.value.__cause__), asker.mask(f"Basic {SECRET} and {token}")]
        told.append("".join(traceback.format_exception(error.value)))
    for text in told:
        for secret in (SECRET, SECRET.replace("/", "%2F"), "with%3Dsigns", "s3cr3t", token):
            assert secret not in text


def test_a_login_is_told_by_nobody() -> None:
    def echo(request: Request) -> Reply:
        return Reply.json({"error": f"{request.headers['authorization']} {request.body.decode()}"}, 401)

    environment = {"OUR_HANDLE": "city.example", "OUR_PASSWORD": 'quoted"secret'}
    with Misbehaving(echo) as server, client(bluesky(server.url), environment=environment) as asker:
        password = str(asker.secret("password_env"))
        with pytest.raises(SourceError) as error:
            asker.post("/login", json={"password": password}, auth=("city.example", password))
    assert "“Basic *** {" in error.value.what
    assert "secret" not in error.value.what
    assert error.value.remedy.startswith(
        "check the environment variable OUR_HANDLE (`handle_env`) and OUR_PASSWORD (`password_env`)"
    )


@pytest.mark.parametrize("value", ["two\nlines", "ünïcode", "nul\0byte"])
def test_a_secret_that_no_header_can_hold(value: str) -> None:
    asked = XSource(connector="x", token_env="OUR_TOKEN", queries=("#roads",), **COMMON)
    with Misbehaving(healthy) as server:
        asked = asked.model_copy(update={"server": server.url, "allow_private_addresses": True})
        with client(asked, environment={"OUR_TOKEN": value}) as asker, pytest.raises(SourceError) as error:
            asker.get("/", headers={"Authorization": f"Bearer {asker.secret('token_env')}"})
    assert error.value.remedy == "check OUR_TOKEN"
    assert value not in "".join(traceback.format_exception(error.value))
    assert repr(value)[1:-1] not in "".join(traceback.format_exception(error.value))


def test_a_forbidden_door_names_the_setting() -> None:
    with asking("forbidden") as (asker, _, _), pytest.raises(SourceError) as error:
        asker.get("/")
    assert error.value.remedy == "the server may want to know who asks: set `token_env` of the source"


# -- a dry run ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **n: pytest.fail("it asks"))
    asked = bluesky("https://api.example")
    dry = DryClient(asked, SITE, now=NOW, environment={"OUR_HANDLE": "me.example", "OUR_PASSWORD": SECRET})
    dry.begin("discover", 3, time.monotonic() + 60)
    with pytest.raises(Planned) as planned:
        dry.get("/list", {"q": "#roads", "key": dry.secret("password_env")})
    assert str(planned.value) == "GET https://api.example/list?q=%23roads&key=***"
    with pytest.raises(Planned) as planned:
        dry.post("/login", json={"password": dry.secret("password_env")})
    assert str(planned.value) == "POST https://api.example/login"
    assert dry.progress.request_count == 0


def test_a_dry_run_tells_what_is_missing() -> None:
    dry = DryClient(bluesky("https://api.example"), SITE, now=NOW, environment={})
    with pytest.raises(Planned) as planned:
        dry.get("/list", headers={"Authorization": f"Bearer {dry.secret('password_env')}"})
    assert str(planned.value) == "GET https://api.example/list (not set in the environment: OUR_PASSWORD)"


# -- robots.txt --------------------------------------------------------------------------------------------------------


def robots(rules: Reply) -> Handler:
    return lambda request: rules if request.path == "/robots.txt" else healthy(request)


def test_robots_txt_is_asked_once_and_obeyed() -> None:
    rules = Reply.text("User-agent: answerable\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n")
    with Misbehaving(robots(rules)) as server, client(server.url, obey_robots=True) as asker:
        asker.get("/list")
        asker.get("/list")
        with pytest.raises(SourceError, match="may not be read by programs"):
            asker.get("/private/list", {"q": "somebody"})
        assert asker.progress.request_count == 3
    assert server.paths() == ["/robots.txt", "/list", "/list"]


def test_a_redirect_does_not_lead_around_robots_txt() -> None:
    def handler(request: Request) -> Reply:
        if request.path == "/robots.txt":
            return Reply.text("User-agent: *\nDisallow: /private\n")
        return Reply(302, b"", {"Location": "/private"})

    with Misbehaving(handler) as server:
        asker = client(server.url, obey_robots=True)
        with asker, pytest.raises(SourceError, match="may not be read by programs"):
            asker.get("/list")
    assert server.paths() == ["/robots.txt", "/list"]


def test_without_robots_txt_all_is_allowed() -> None:
    missing = Reply.text("User-agent: *\nDisallow: /", status=404)
    with Misbehaving(robots(missing)) as server, client(server.url, obey_robots=True) as asker:
        assert asker.get("/list").json() == ITEMS


def test_rules_that_cannot_be_read_may_forbid() -> None:
    with Misbehaving(robots(Reply(500))) as server:
        asker = client(server.url, obey_robots=True)
        with asker, pytest.raises(SourceError, match=r"cannot be found out: .*/robots\.txt answered 500"):
            asker.get("/list")
    assert "/list" not in server.paths()


def test_a_pause_between_requests_is_kept_as_far_as_patience_goes() -> None:
    clock = Clock()
    rules = Reply.text("User-agent: *\nCrawl-delay: 7\n")
    with Misbehaving(robots(rules)) as server, client(server.url, clock=clock, obey_robots=True) as asker:
        asker.get("/list")
        asker.get("/list")
    assert clock.slept == [7, 7]
    clock = Clock()
    rules = Reply.text("User-agent: *\nCrawl-delay: 86400\n")
    with Misbehaving(robots(rules)) as server, client(server.url, clock=clock, obey_robots=True) as asker:
        asker.get("/list")
    assert clock.slept == [90]


@pytest.mark.parametrize(
    "text",
    [
        "\0\xff" * 100,
        "Disallow: /x\nCrawl-delay: nan",
        "User-agent: *\nCrawl-delay: -5\nDisallow: " + "*" * 5000,
    ],
)
def test_odd_rules_do_no_harm(text: str) -> None:
    with Misbehaving(robots(Reply.text(text))) as server, client(server.url, obey_robots=True) as asker:
        assert asker.get("/list").json() == ITEMS


# -- the misbehaving server itself -------------------------------------------------------------------------------------


def test_it_misbehaves_in_many_ways() -> None:
    assert len(FAULTS) >= 60
    with pytest.raises(ValueError, match="no fault"):
        Misbehaving(healthy, "good_manners")


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_does_anything_but_what_is_foreseen(fault: str) -> None:
    quick = Limits(max_bytes=100_000, attempts=2, read_seconds=0.5, answer_seconds=1)
    with Misbehaving(healthy, fault, drip_seconds=0.02) as server:
        trust = server.trust if server.is_tls else TRUST
        with client(server.url, limits=quick, verify=trust, clock=Clock(is_real=True)) as asker:
            try:
                asker.get("/list").json()
            except (SourceError, BudgetSpent) as error:
                assert str(error)  # noqa: PT017 (either is right)
    if fault not in ("certificate_of_another", "expired_certificate", "unknown_authority"):
        assert server.struck


def test_faults_strike_those_requests_that_they_are_told_to() -> None:
    def is_page(request: Request) -> bool:
        return request.path == "/page"

    with (
        Misbehaving(healthy, "not_found", after=1, times=1, only=is_page) as server,
        client(server.url) as asker,
    ):
        statuses = [asker.get(p, allow=(404,)).status for p in ("/page", "/", "/page", "/page")]
    assert statuses == [200, 200, 404, 200]


def changed(fault: str, value: Any, target: str = "/list") -> Any:
    with Misbehaving(lambda _: Reply.json(value), fault) as server, client(server.url) as asker:
        return asker.get(target).json()


def test_faults_of_the_api_change_items() -> None:
    wrapped = {
        "feed": [{"post": {"uri": "at://1", "n": 1}}, {"post": {"uri": "at://2", "n": 2}}],
        "cursor": "x",
    }
    assert changed("duplicate_ids", [{"id": 1}, {"id": 2}]) == [{"id": 1}, {"id": 1}, {"id": 2}, {"id": 2}]
    assert changed("missing_id", wrapped)["feed"] == [{"post": {"n": 1}}, wrapped["feed"][1]]
    assert changed("null_id", [{"id": "a", "tags": [{"id": 1}]}]) == [{"id": None, "tags": [{"id": 1}]}]
    assert changed("ids_as_floats", [{"id": "109252111498807691"}]) == [{"id": 1.0925211149880770e17}]
    assert changed("empty_list", wrapped) == {"feed": [], "cursor": "x"}
    assert changed("changed_schema", [{"id": 1}]) == [{"id_v2": 1}]
    assert changed("other_container", [{"id": 1}]) == {"items": [{"id": 1}]}
    assert changed("shuffled", [{"id": 1}, {"id": 2}]) == [{"id": 2}, {"id": 1}]
    assert changed("null_values", [{"id": 1, "text": "x"}]) == [{"id": 1, "text": None}]
    times = changed("odd_time_zones", [{"at": "2026-11-01T10:00:00Z"}])[0]["at"]
    assert times == "2026-10-31T22:30:00-11:30"
    assert datetime.fromisoformat(times) == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert changed("impossible_times", [{"at": "2026-11-01T10:00:00Z"}]) != [{"at": "2026-11-01T10:00:00Z"}]


def test_single_items_are_gone_and_lists_are_not() -> None:
    def handler(request: Request) -> Reply:
        return (
            Reply.json({"id": "1", "text": "x"}) if request.path == "/item/1" else Reply.json([{"id": "1"}])
        )

    with Misbehaving(handler, "gone_item") as server, client(server.url) as asker:
        assert asker.get("/item/1", allow=(410,)).status == 410
        assert asker.get("/list").json() == [{"id": "1"}]


def pages(request: Request) -> Reply:
    number = int(request.query.get("page", "1"))
    reply = Reply.json({"items": [{"id": str(number)}], "next_token": str(number + 1)})
    return Reply(200, reply.body, {**reply.headers, "Link": f'</list?page={number + 1}>; rel="next"'})


def test_pages_that_repeat_and_do_not_end() -> None:
    with Misbehaving(pages, "endless_paging") as server, client(server.url) as asker:
        address, seen = "/list", []
        for _ in range(4):
            answer = asker.get(address)
            seen.append(answer.json())
            address = answer.links["next"]
    assert [page["items"] for page in seen] == [[{"id": "1"}]] * 4
    assert len({page["next_token"] for page in seen}) == 4
    assert len({request.target for request in server.requests}) == 4
    with Misbehaving(pages, "cursor_goes_back") as server, client(server.url) as asker:
        assert asker.get("/list?page=3").json()["next_token"] == "1"
        assert asker.get("/list?page=3").links["next"].endswith("page=1&max_id=1")
    with Misbehaving(pages, "repeated_page") as server, client(server.url) as asker:
        assert asker.get("/list").json() == asker.get("/list?page=9").json()
