"""Channels of Telegram through snscrape, which runs as a program of its own and is never imported.

snscrape 0.7 (GPL-3.0-or-later) is an optional extra, and no longer imports on Python 3.12: ``interpreter`` may name
an older Python that has it. The program gets nothing of our environment but where programs are, and is ended with all
that it started when it takes too long or prints too much. It always begins with a channel's newest posts.

The cursor, for each channel: ``read.NAME``, when its posts were last read; ``swept.NAME``, when all that can be reached
were read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from answerable.errors import SourceError
from answerable.gather.http import Client
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.sources.snscrape_archive import MAPPED, post_columns
from answerable.live_settings import SnscrapeSource
from answerable.settings import Settings

__all__ = ["connector"]

_PROGRAM = """
import sys
try:
    from snscrape._cli import main
except Exception as error:
    print(type(error).__name__ + ": " + str(error), file=sys.stderr)
    sys.exit(86)
sys.exit(main())
"""
"""What the interpreter runs: the program's own entry, after saying in a way of ours that it is not there."""

_NOT_THERE = 86
_ENVIRONMENT = ("PATH", "HOME", "LANG")
_STDERR_KEPT = 8_000
_CHUNK = 1 << 16
_INSTALL = (
    "install the extra under Python 3.8 to 3.11 (pip install snscrape==0.7.0.20230622) and name that Python in "
    "`interpreter`; or use the connector `snscrape_archive` for posts that were scraped elsewhere"
)
_NO_CHANNEL = ("No public post list", "status code 404", ": 404")


# -- passes ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: SnscrapeSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings

    def since(name: str) -> datetime | None:
        if held.since is not None:
            return held.since
        last = held.cursor.get(f"read.{name}", "")
        return datetime.fromisoformat(last) - timedelta(hours=source.overlap_hours) if last else held.floor

    yield from _each(client, source, held, source.names, since, mark="read")


def _refresh(client: Client, source: SnscrapeSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Nothing: what discover overlaps shows late edits, and the sweep shows the others."""
    del client, source, settings, held
    return iter(())


def _sweep(client: Client, source: SnscrapeSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Reads again all posts that can be reached: one that should be among them and is not is gone."""
    del settings
    channels = {_channel(i) for i in held.unswept}
    oldest = held.now - timedelta(days=source.sweep_days)
    due = [
        name
        for name in source.names
        if name.casefold() in channels and held.cursor.get(f"swept.{name}", "") <= oldest.isoformat()
    ]
    yield from _each(client, source, held, due, lambda _: held.floor, mark="swept")


def _each(
    client: Client,
    source: SnscrapeSource,
    held: Held,
    names: Sequence[str],
    since: Callable[[str], datetime | None],
    *,
    mark: str,
) -> Iterator[Batch]:
    """Reads channels one by one. One that fails holds up none of the others, and is told at the end."""
    ends = time.monotonic() + 60 * source.time_limit_minutes
    failed: list[SourceError] = []
    for name in names:
        client.spend(f"{source.server}/s/{name}")
        began = since(name)
        run = _run(source, name, began, source.max_items, ends)
        batch = _batch(run, held, name)
        error = _mistake(run, source, name)
        if error is None and not run.lines:
            # Nothing newer is nothing wrong, as long as the channel has posts at all.
            client.spend(f"{source.server}/s/{name}")
            alive = _run(source, name, None, 1, ends)
            error = _mistake(alive, source, name)
            if error is None and not alive.lines:
                error = SourceError(
                    f"snscrape found no post in the channel {name}",
                    remedy="look at its public page: it may have none, or Telegram has changed the page",
                )
        if error is not None:
            failed.append(error)
            if batch.items:
                yield Batch(batch.items, unreadable=batch.unreadable)
            continue
        cursor = {f"{mark}.{name}": held.now.isoformat()}
        yield Batch(batch.items, batch.gone, unreadable=batch.unreadable, cursor=cursor)
    if failed:
        first, *others = failed
        more = "".join(f"; {error.what}" for error in others)
        raise SourceError(f"{first.what}{more}", remedy=first.remedy)


def _batch(run: _Run, held: Held, name: str) -> Batch:
    """What a run printed; what is held from between the oldest and the newest post and was not printed is gone."""
    items: dict[str, Item] = {}
    unreadable = 0
    for line in run.lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        found = post_columns(value) if isinstance(value, dict) else None
        record_id = found[0].get("record_id") if found else None
        if isinstance(value, dict) and isinstance(record_id, str) and _number(record_id) is not None:
            items[record_id] = Item(record_id, value)
        else:
            unreadable += 1
    numbers = [n for n in map(_number, items) if n is not None]
    known = {i.casefold() for i in items}
    gone = [
        i
        for i in sorted(held.ids)
        if numbers
        and _channel(i) == name.casefold()
        and i.casefold() not in known
        and min(numbers) < (_number(i) or 0) < max(numbers)
    ]
    return Batch(tuple(items.values()), gone, unreadable=unreadable)


def _channel(record_id: str) -> str:
    return record_id.partition("/")[0].casefold()


def _number(record_id: str) -> int | None:
    text = record_id.rpartition("/")[2]
    return int(text) if text.isascii() and text.isdecimal() else None


# -- the program -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Run:
    """What a program printed and how it ended; ``stopped`` says why it was ended by us, if it was."""

    lines: Sequence[str]
    said: str
    status: int
    stopped: str = ""


def _run(source: SnscrapeSource, name: str, since: datetime | None, count: int, ends: float) -> _Run:
    """Runs snscrape on one channel, within the limits of time and size."""
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise SourceError(
            f"{name} is no channel's name",
            remedy=f"correct `names` of {source.id}: such as cityhall, without @",
        )
    options = ["--jsonl", "--max-results", str(count)]
    if since is not None:
        options += ["--since", f"{since:%Y-%m-%d %H:%M:%S}"]
    python = source.interpreter or sys.executable
    with tempfile.TemporaryDirectory(prefix="answerable-snscrape-") as folder:
        # On an error it writes what it knows into the folder for temporary files: into one that goes away.
        environment = {n: os.environ[n] for n in _ENVIRONMENT if n in os.environ} | {
            "TMPDIR": folder,
            "PYTHONIOENCODING": "utf-8",
        }
        try:
            program = subprocess.Popen(
                [python, "-c", _PROGRAM, *options, source.scraper, name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(
                f"the interpreter {python} cannot be started: {error.strerror}", remedy=_INSTALL
            ) from error
        try:
            out, said, stopped = _output(program, int(source.max_megabytes * 1_000_000), ends)
        finally:
            _end(program)
    text = out.decode("utf-8", "replace")
    lines = text.split("\n")
    if stopped:
        # The last line may be half a line.
        lines.pop()
    return _Run(
        [li for li in lines if li.strip()], said.decode("utf-8", "replace"), program.returncode, stopped
    )


def _output(program: subprocess.Popen[bytes], limit: int, ends: float) -> tuple[bytes, bytes, str]:
    """What a program prints, the end of what it says on the other stream, and why it has to be ended."""
    out, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as streams:
        for stream in (program.stdout, program.stderr):
            if stream is not None:
                streams.register(stream, selectors.EVENT_READ)
        while streams.get_map():
            left = ends - time.monotonic()
            if left <= 0:
                return bytes(out), bytes(said), "took too long"
            for key, _ in streams.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    streams.unregister(key.fileobj)
                elif key.fileobj is program.stdout:
                    out += chunk
                else:
                    said = (said + chunk)[-_STDERR_KEPT:]
            if len(out) > limit:
                return bytes(out[:limit]), bytes(said), "printed too much"
    try:
        program.wait(max(0.0, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        return bytes(out), bytes(said), "took too long"
    return bytes(out), bytes(said), ""


def _end(program: subprocess.Popen[bytes]) -> None:
    """Ends a program with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    for stream in (program.stdout, program.stderr):
        if stream is not None:
            stream.close()


def _mistake(run: _Run, source: SnscrapeSource, name: str) -> SourceError | None:
    """What went wrong, if anything did: snscrape ends well when there is no such channel, with a warning only."""
    last = next((line.strip() for line in reversed(run.said.splitlines()) if line.strip()), "")[-300:]
    if run.stopped:
        setting = "time_limit_minutes" if run.stopped == "took too long" else "max_megabytes"
        return SourceError(
            f"snscrape {run.stopped} on the channel {name} and was ended",
            remedy=f"lower max_items of {source.id}, or raise {setting}",
        )
    if run.status == _NOT_THERE or "No module named" in last:
        python = source.interpreter or f"this Python ({sys.version_info.major}.{sys.version_info.minor})"
        return SourceError(f"snscrape does not run under {python}: {last}", remedy=_INSTALL)
    if not run.lines and any(sign in run.said for sign in _NO_CHANNEL):
        return SourceError(
            f"no such channel {name}: Telegram shows no public posts of it",
            remedy=f"correct `names` of {source.id}; groups and private channels cannot be read",
        )
    if run.status != 0:
        return SourceError(
            f"snscrape failed on the channel {name} (status {run.status}): {last or 'it said nothing'}",
            remedy="try again later; what is held is kept",
        )
    return None


def _rows(item: Item, source: SnscrapeSource) -> Iterable[Row]:
    del source
    found = post_columns(item.payload)
    if found is None:
        return ()
    columns, bad = found
    columns = {name: value for name, value in columns.items() if name != "record_id"}
    return (Row(item.record_id, columns, bad),)


connector = Connector(mapped=MAPPED, discover=_discover, refresh=_refresh, sweep=_sweep, rows=_rows)
