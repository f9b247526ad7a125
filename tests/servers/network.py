"""Real servers for tests: PostgreSQL and Redis of this machine, and a network of Bluesky on top of them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["Network", "network"]

PREPARED = Path(__file__).parents[2] / "build" / "servers"
_PATIENCE = 120


@dataclass(frozen=True)
class Network:
    """``accounts`` is where people write, ``reading`` where everybody reads."""

    accounts: str
    reading: str
    process: subprocess.Popen[str]

    def settle(self) -> None:
        """Waits until all that was written can be read."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "settled\n"


@contextmanager
def network(node: str) -> Iterator[Network]:
    """A network that is new and empty, and gone afterwards."""
    with TemporaryDirectory(prefix="answerable-servers-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = stack.enter_context(_postgres(folder))
        redis = stack.enter_context(_redis(folder))
        environment = os.environ | {
            "DB_POSTGRES_URL": postgres,
            "REDIS_HOST": redis,
            "LOG_ENABLED": "false",
            "TMPDIR": str(folder),
        }
        log = stack.enter_context((folder / "node.log").open("wb"))
        process = subprocess.Popen(
            [node, str(PREPARED / "bluesky.mjs")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        # Closes its pipes too.
        stack.enter_context(process)
        stack.callback(_end, process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said, (folder / "node.log").read_text()
        addresses = json.loads(said)
        yield Network(addresses["accounts"], addresses["reading"], process)
        assert process.stdin is not None
        process.stdin.close()


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """The address of a database."""
    programs = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    programs += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    # It refuses to run as root.
    user = "postgres" if os.getuid() == 0 else None
    data = folder / "postgres"
    data.mkdir()
    if user:
        shutil.chown(data, user)
    make = [
        str(programs[0] / "initdb"),
        "-D",
        str(data),
        "-U",
        "answerable",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(make, check=True, capture_output=True, user=user, cwd=data)
    port = _free_port()
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            [programs[0] / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"],
            user=user,
            cwd=data,
            stdout=log,
            stderr=log,
        )
        try:
            _reachable(port, process, folder / "postgres.log")
            address = f"postgresql://answerable@127.0.0.1:{port}/postgres"
            _once_ready([str(programs[0] / "psql"), address, "-c", "create database network"])
            yield address.removesuffix("postgres") + "network"
        finally:
            _end(process)


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    port = _free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen([*command, "--dir", str(folder)], stdout=log, stderr=log)
        try:
            _reachable(port, process, folder / "redis.log")
            yield f"127.0.0.1:{port}"
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _reachable(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _once_ready(command: Sequence[str]) -> None:
    """PostgreSQL takes connections before it answers them."""
    until = time.monotonic() + _PATIENCE
    while (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        assert time.monotonic() < until, done.stderr
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
