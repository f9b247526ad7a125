"""What a gather makes of servers that misbehave, each in one named way.

For each way: what the person reads, that nothing is lost and nothing twice once it is over, and that another source,
asked side by side, does not feel it.
"""

from __future__ import annotations

import copy
import functools
import logging
import re
import shutil
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.apis.mastodon import MastodonServer
from tests.apis.open311 import City
from tests.apis.serving import serving
from tests.gathering import Project
from tests.misbehaving import FAULTS, TLS_FAULTS, Misbehaving, Reply, Request
from tests.traces import traces

from answerable.gather.http import Client, Limits
from answerable.gather.sync import Receipt

NOW = datetime(2026, 3, 1, 12)  # noqa: DTZ001 (instants are UTC without a zone)
HOUR = timedelta(hours=1)
KEY, TOKEN = "k-3f9a77c1-a-key", "t-8841d0aa-a-token"
LIMITS = Limits(connect_seconds=2, read_seconds=0.3, answer_seconds=0.6, attempts=3, max_bytes=1_000_000)


def no_time(seconds: float) -> None:
    """Waits are told, and cost no time here."""


class Api(Protocol):
    now: datetime

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]: ...


@dataclass(frozen=True)
class Fault:
    """What comes of a fault.

    Attributes:
        result: the receipt's result. ``changed``: all that is new has arrived all the same.
        says: what the receipt says, as a pattern; {host} is the server's. Empty: nothing.
        remedy: what the log says is to be done about it.
        new: how many of the new items have arrived.
        findings: how many rows could not be read, at least.
        times: how many answers are spoiled; None: all of them.
        is_believed: whether what the server said stands in the history, as a change that was taken back.
    """

    api: str = "open311"
    result: str = "failed"
    says: str = ""
    remedy: str = ""
    new: int = 0
    findings: int = 0
    times: int | None = None
    after: int = 0
    wait_seconds: float = 3600
    is_believed: bool = False


LATER = "asked again at the next gather"
SMALLER = "set `page_size`"
SERVER = "check the setting `server`"
BROKEN = r"{host}/requests\.json sent a broken or incomplete answer$"
CUT_OFF = r"^discover was cut off \(the server's limit is used up until 14:0\d UTC\): the next gather goes on"
NEW = {"open311": 3, "mastodon": 4}
HELD = ("feedback", "feedback_update", "finding")


def harmless(api: str = "open311", **said: Any) -> Fault:
    return Fault(api, "changed", new=NEW[api], **said)


def failed(says: str, remedy: str, api: str = "open311", **said: Any) -> Fault:
    return Fault(api, "failed", says, remedy, **said)


CASES = {
    # An answer that does not come, or not whole.
    "slow_drip": failed(r"{host}/requests\.json was not complete within 0\.6 seconds$", SMALLER),
    "never_answers": failed(r"{host}/requests\.json does not answer in time$", LATER),
    "half_an_answer": failed(BROKEN, LATER),
    "connection_reset": failed(r"the connection to {host} broke off$", LATER),
    "reset_midway": harmless("mastodon", times=2),
    "length_too_long": failed(BROKEN, LATER),
    "gzip_bomb": failed(r"{host}/requests\.json sends more than 1,000,000 bytes, or packs them so$", SMALLER),
    # A server that does not prove who it is.
    "certificate_of_another": failed(r"{host} does not prove who it is: .*not valid for", SERVER),
    # An answer that is none.
    "html_login": failed(r"{host}/\S+ answered a web page where JSON was expected", ""),
    "deep_json": failed(r"{host}/\S+ answered .* nested more than 100 levels deep", ""),
    "error_with_200": failed(r"{host}/\S+ answered with something else than", SERVER[:5], "mastodon"),
    # Refusals.
    "forbidden": failed(r"{host}/\S+ answered 403 Forbidden: “This API needs", "A_TOKEN", "mastodon"),
    "server_error": harmless(times=2),
    "too_many_iso_time": Fault("mastodon", "unchanged", CUT_OFF),
    "too_many": failed(r"{host}/\S+ answered 429 Too Many Requests", "set lower numbers in `requests`"),
    "redirect_loop": failed(r"{host}/\S+ sends us on and on, or in a circle$", SERVER),
    "redirect_elsewhere": failed(r"leads to elsewhere\.invalid, .* it is not asked$", "hosts", "mastodon"),
    # Pages that go astray.
    "repeated_page": harmless(),
    "endless_paging": harmless("mastodon"),
    "cursor_goes_back": harmless("mastodon"),
    # Items that are not what they were.
    "empty_list": Fault(result="unchanged"),
    "duplicate_ids": harmless("mastodon"),
    "ids_as_floats": failed(r"{host} sent \d+ items, of which not one could be read$", "newer version"),
    "changed_schema": failed(
        r"{host} sent \d+ items, of which not one could be read$", "newer version", "mastodon"
    ),
    "missing_id": Fault(result="changed", says=r"^\d+ items could not be read$", new=2, findings=3),
    "null_values": failed("not one row with an identifier and a time", "", is_believed=True),
    "odd_time_zones": harmless("mastodon"),
    "clock_skew": harmless("mastodon"),
    "not_utf8": harmless(is_believed=True),
    "nul_bytes": harmless("mastodon"),
    "gone_item": harmless("mastodon"),
}


# -- the sources -------------------------------------------------------------------------------------------------------


def city_before() -> City:
    api = City(now=NOW, key=KEY)
    for number in range(12):
        api.add(f"A hole, number {number}", at=NOW - timedelta(hours=3 * number + 1))
    return api


def city_after(api: City) -> None:
    api.now += HOUR / 2
    for number in range(3):
        api.add(f"A late hole, number {number}")
    api.close("1003", "It has been filled")
    api.edit("1004", "A hole that has grown")
    api.now += HOUR / 2


def toots_before() -> MastodonServer:
    api = MastodonServer(now=NOW - timedelta(hours=30), token=TOKEN)
    for number in range(12):
        api.post(f"person{number}", f"A hole, number {number} #CityFeedback")
        api.pass_time(hours=2)
    api.post("cityhall", "Good morning")
    api.now = NOW
    return api


def toots_after(api: MastodonServer) -> None:
    api.pass_time(minutes=30)
    numbers = [str(n) for n in api.posts]
    for number in range(3):
        api.post(f"late{number}", f"A late hole, number {number} #CityFeedback")
    api.post("cityhall", "It will be filled", reply_to=numbers[3])
    api.edit(numbers[4], "A hole that has grown #CityFeedback")
    api.pass_time(minutes=30)


SOURCES: dict[str, tuple[Callable[[], Any], Callable[[Any], None], dict[str, Any]]] = {
    "open311": (city_before, city_after, {"key_env": "A_KEY", "start_on": "2026-02-20", "page_size": 5}),
    "mastodon": (
        toots_before,
        toots_after,
        {"token_env": "A_TOKEN", "domain": "city.example", "hashtags": ["CityFeedback"], "page_size": 5},
    ),
}


def handler_of(api: Api) -> Callable[[Request], Reply]:
    def handle(request: Request) -> Reply:
        path, _, query = request.target.partition("?")
        status, headers, body = api.handle(request.method, path, query, request.headers, request.body)
        return Reply(status, body, headers)

    return handle


@dataclass
class Scene:
    """A project that has been gathered once, the servers of its sources, and what it is to end with."""

    folder: Path
    server: Misbehaving
    world: Any
    healthy: City
    described: Project
    begins: dict[str, list[dict[str, Any]]]
    ends: dict[str, list[dict[str, Any]]]


def project_in(folder: Path, described: Project) -> Project:
    found = Project(folder)
    found.agencies, found.sources = described.agencies, described.sources
    return found


def gather(project: Project, server: Misbehaving, hours: int, **said: Any) -> tuple[Receipt, ...]:
    # A server that proves nothing is believed before the fault and after it.
    trust = server.trust if server.fault else blind_trust() if server.is_tls else PLAIN
    client = functools.partial(Client, limits=LIMITS, sleep=no_time, verify=trust)
    return project.gather(now=NOW + hours * HOUR, open_client=client, **said)


PLAIN = ssl.create_default_context()


def blind_trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def tables(project: Project) -> dict[str, list[dict[str, Any]]]:
    """What is held of the source that misbehaves: the tables, and the newest of each record."""
    found: dict[str, list[dict[str, Any]]] = {}
    with project.store() as store:
        for name in ("feedback", "feedback_update", "finding", "source"):
            rows = store.con.to_pyarrow(store.read(name, source_id="odd")).to_pylist()
            found[name] = sorted(rows, key=str)
        found["record"] = [{n: p} for n, p in sorted(store.records.payloads("odd").items())]
    return found


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Scene]]:
    """Makes each kind of scene once; tests work on copies."""
    made: dict[tuple[str, bool], Scene] = {}
    healthy = City(now=NOW)
    healthy.add("A lamp is out", at=NOW - HOUR)
    with pytest.MonkeyPatch.context() as patch, serving(healthy.handle) as address:
        for name, value in (("A_KEY", KEY), ("A_TOKEN", TOKEN), ("ANSWERABLE_SECRET", "the same")):
            patch.setenv(name, value)

        def scene(api: str, fault: str) -> Scene:
            is_tls = fault in TLS_FAULTS
            key = (fault if is_tls else api, is_tls)
            if key not in made:
                made[key] = begin(api, fault if is_tls else None)
            return made[key]

        def begin(api: str, fault: str | None) -> Scene:
            before, after, said = SOURCES[api]
            world = before()
            server = Misbehaving(
                handler_of(world), fault, id_keys=frozenset({"id", "service_request_id"}), drip_seconds=0.02
            )
            server.__enter__()
            server.fault = None
            folder = tmp_path_factory.mktemp(fault or api)
            project = Project(folder / "before")
            project.agencies[1]["accounts"] = ["cityhall@city.example"]
            project.add(api, id="odd", server=server.url, allow_private_addresses=True, **said)
            project.add("open311", id="healthy", server=address, allow_private_addresses=True)
            assert [r.result for r in gather(project, server, 0)] == ["changed", "changed"]
            begins = tables(project)
            after(world)
            shutil.copytree(folder / "before", folder / "undisturbed")
            undisturbed = project_in(folder / "undisturbed", project)
            gather(undisturbed, server, 2, only="odd")
            return Scene(folder, server, world, healthy, project, begins, tables(undisturbed))

        try:
            yield scene
        finally:
            for one in made.values():
                one.server.fault = None
                one.server.__exit__(None, None, None)


# -- the faults --------------------------------------------------------------------------------------------------------


def test_there_are_enough_faults_and_all_have_a_name() -> None:
    assert set(CASES) <= set(FAULTS)
    assert len(CASES) >= 25


@pytest.mark.parametrize("name", CASES)
def test_a_gather_survives(
    name: str,
    scenes: Callable[[str, str], Scene],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = CASES[name]
    scene = scenes(fault.api, name)
    server = scene.server
    project = project_in(tmp_path / "project", scene.described)
    shutil.copytree(scene.folder / "before", project.folder)
    server.handler = handler_of(copy.deepcopy(scene.world))
    server.requests.clear()
    server.memory.clear()
    server.struck = server._matching = 0
    server.times, server.after, server.wait_seconds = fault.times, fault.after, fault.wait_seconds
    scene.healthy.requests = {1000: scene.healthy.requests[1000]}
    scene.healthy.add("Another lamp is out", at=NOW + HOUR / 2)
    scene.healthy.now = NOW + HOUR

    server.fault = name
    with caplog.at_level(logging.DEBUG, "answerable"):
        odd, healthy = gather(project, server, 1)
    assert server.struck or name in TLS_FAULTS

    # What the person reads.
    pattern = fault.says.replace("{host}", re.escape(server.url.partition("://")[2]))
    assert (odd.result, odd.new_count) == (fault.result, fault.new), odd.message
    if fault.says:
        assert odd.message is not None
        assert re.search(pattern, odd.message), odd.message
        assert "\n" not in odd.message
        assert "?" not in odd.message
        assert not re.search("Traceback|Error\\(|Exception|httpcore|answerable", odd.message)
    else:
        assert odd.message is None
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    if fault.result == "failed":
        (told,) = [line for line in lines if line.startswith("failed odd: ")]
        assert str(odd.message) in told
        assert "what to do: " in told
        assert fault.remedy in told.partition("what to do: ")[2], told
    assert "Traceback" not in caplog.text
    for secret in (KEY, TOKEN):
        assert secret not in caplog.text
        assert secret not in str(odd)
    assert traces(project.folder, KEY, TOKEN) == []
    held = tables(project)
    found = {row["finding_code"]: row["row_count"] for row in held["finding"]}
    assert ("source_failed" in found) == (fault.result == "failed")
    assert found.get("row_unreadable", 0) >= fault.findings
    assert held["source"][0]["is_stale"] == (fault.result == "failed")
    assert held["source"][0]["stale_reason"] == (odd.message if fault.result == "failed" else None)

    # The other source does not feel it.
    assert (healthy.result, healthy.new_count, healthy.feedback_count) == ("changed", 1, 2)

    # What was known stays; once it is over, everything is there, and once.
    if fault.result != "changed":
        assert held["feedback"] == scene.begins["feedback"]
        assert held["feedback_update"] == scene.begins["feedback_update"]
    server.fault = None
    (odd,) = gather(project, server, 2, only="odd")
    assert odd.result == "changed" or not (fault.new < NEW[fault.api] or fault.findings)
    assert odd.message is None
    ends = tables(project)
    if fault.is_believed:
        # What the server said and took back again is history.
        extra = [row for row in ends["feedback_update"] if row not in scene.ends["feedback_update"]]
        assert {row["kind"] for row in extra} <= {"edited", "status_changed"}
        assert extra
        ends["feedback_update"] = [row for row in ends["feedback_update"] if row not in extra]
    assert ends == scene.ends
    if fault.result == "changed" and not (fault.findings or fault.is_believed):
        assert [held[name] for name in HELD] == [ends[name] for name in HELD]


def test_what_nobody_could_read_for_days_is_asked_for_again(
    scenes: Callable[[str, str], Scene], tmp_path: Path
) -> None:
    scene = scenes("open311", "changed_schema")
    server = scene.server
    project = project_in(tmp_path / "project", scene.described)
    shutil.copytree(scene.folder / "before", project.folder)
    world = copy.deepcopy(scene.world)
    server.handler = handler_of(world)
    server.times, server.after = None, 0
    server.fault = "changed_schema"
    for hours in (1, 60, 120):
        world.now = NOW + hours * HOUR
        (receipt,) = gather(project, server, hours, only="odd")
        assert receipt.result == "failed"
        assert receipt.as_of_at == NOW
        world.add(f"Raised after {hours} hours")
    server.fault = None
    world.now += HOUR
    (receipt,) = gather(project, server, 121, only="odd")
    # Three of the second hour, which is longer ago than the overlap, and three since.
    assert (receipt.result, receipt.new_count) == ("changed", 6)
