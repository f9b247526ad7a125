"""A gather that is killed at any moment: the next one ends with the store of an undisturbed one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from answerable import schema
from answerable.store import Store

ROWS = 3_000
MOMENTS = 10
PROGRAM = """
import logging, sys
from pathlib import Path
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
from answerable.gather.sync import gather
from answerable.settings import load_settings
from answerable.store import Store
project = Path(sys.argv[1])
with Store.open(project / "build" / "store") as store:
    gather(store, load_settings(project))
"""
UNSTABLE = {"source": ("last_success_at",), "source_run": ("run_id", "started_at", "finished_at")}
"""When it was gathered may differ."""


def make_project(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    site = {
        "name": "x",
        "description": "x",
        "url": "https://x.example",
        "publisher": "x",
        "contact": "a@x.example",
    }
    source = {"licence": {"name": "CC0"}, "publish_rows": True, "name": "x"}
    columns = {"record_id": "id", "created_at": "at"}
    sources = [
        source
        | {"id": "requests", "connector": "table", "kind": "service_request", "path": "requests.csv"}
        | {"columns": columns | {"closed_at": "closed", "note": "note"}},
        source | {"id": "posts", "connector": "snscrape_archive", "path": "posts.jsonl"},
        source
        | {"id": "replies", "connector": "table", "kind": "post", "path": "replies.csv"}
        | {"columns": columns | {"reply_to_id": "to", "author": "who", "text": "text"}},
    ]
    agency = {"code": "a", "name": "A", "accounts": ["office"]}
    topics = {
        "services": [{"code": "s", "name": "S"}],
        "topics": [{"code": "t", "name": "T", "service": "s"}],
    }
    for name, value in (
        ("site", {"site": site}),
        ("agencies", {"agencies": [agency]}),
        ("topics", topics),
        ("sources", {"sources": sources}),
    ):
        (data / f"{name}.yml").write_text(json.dumps(value))
    days = [f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(ROWS)]
    (folder / "requests.csv").write_text(
        "id,at,closed,note\n"
        + "".join(f"{n},{d} 08:00:01,{d} 1{n % 9}:00:02,Note {n}\n" for n, d in enumerate(days))
    )
    (folder / "replies.csv").write_text(
        "id,at,to,who,text\n"
        + "".join(
            f"{n},{d} 08:00:01,{n - 1 if n % 3 else ''},{'office' if n % 3 == 1 else n},x\n"
            for n, d in enumerate(days)
        )
    )
    with (folder / "posts.jsonl").open("w") as file:
        for n, day in enumerate(days):
            post: dict[str, Any] = {
                "_type": "snscrape.modules.twitter.Tweet",
                "id": 2**60 + n,
                "conversationId": 2**60 + n,
            }
            file.write(json.dumps(post | {"date": f"{day}T08:00:01+00:00", "rawContent": f"Post {n}"}) + "\n")


def start(folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"ANSWERABLE_SECRET": "the same for every run"}
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def contents(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with Store.open(folder / "build" / "store") as store:
        for name in schema.TABLES:
            dropped = UNSTABLE.get(name, ())
            rows = store.con.to_pyarrow(store.read(name)).drop_columns(list(dropped)).to_pylist()
            found[name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
        for source_id in ("posts",):
            found[f"record {source_id}"] = [f"{k} {v}" for k, v in store.records(source_id).items()]
    return found


@pytest.mark.slow
def test_a_killed_gather_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    make_project(whole)
    begun = time.monotonic()
    with start(whole) as undisturbed:
        assert undisturbed.stdout is not None
        stages = [(time.monotonic() - begun, line.strip()) for line in undisturbed.stdout]
    assert undisturbed.returncode == 0, stages
    expected = contents(whole)
    assert [len(expected[n]) for n in ("source", "source_run")] == [3, 3]
    assert len(expected["feedback"]) == 3 * ROWS
    first, last = stages[0][0], stages[-1][0]

    hits: list[str] = []
    for number in range(MOMENTS):
        folder = tmp_path / f"killed-{number}"
        moment = first + (last - first) * number / MOMENTS
        after = [at for at, _ in stages if at <= moment]
        hits.append(kill(folder, len(after), moment - after[-1]))
        with start(folder) as again:
            log = again.communicate()[0]
        assert again.returncode == 0, log
        assert contents(folder) == expected, hits[-1]
        assert not list((folder / "build" / "store").glob("spill-*"))
    print("\n".join(hits))  # noqa: T201 (pytest -rP shows which stage each kill hit)
    for stage in ("reading", "read ", "writing"):
        assert any(hit.startswith(stage) for hit in hits), hits


def kill(folder: Path, line_count: int, delay: float) -> str:
    """Kills a gather so long after a line of its log, and gives that line.

    Where the machine was slower when the delay was measured, and the gather has ended by itself, a new one is
    killed sooner.
    """
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        make_project(folder)
        with start(folder) as process:
            assert process.stdout is not None
            line = [next(process.stdout) for _ in range(line_count)][-1]
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.stdout.read()
        if process.returncode == -signal.SIGKILL:
            return line.strip()
        assert process.returncode == 0, line
        delay /= 2
