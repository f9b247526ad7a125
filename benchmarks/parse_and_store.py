"""Pages of an API into the store, and into the tables, beside dlt on the same pages.

    python benchmarks/parse_and_store.py --records 100000

Everything of a gather is there but the network: the pages' bytes lie in memory. One process with one core for each
tool and API; what counts is its CPU seconds, all its threads included, the store's closing too. Parsing and storing
may take no longer than a second for 20,000 service requests; statuses of Mastodon are over four times as large, and
their text is HTML: they are measured, and not judged. Then one gather an hour later, when 50 are new, and what is open
is asked for again.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from api_pages import APIS, answered_by, source_of

LIMITS = {"open311": 20_000}
"""Records in a CPU second, at least."""

FOLDER = Path("build/bench/parse-and-store")
NEW = 50
_SITE = {
    "name": "Made city",
    "description": "For measuring.",
    "url": "https://made.example/",
    "publisher": "Nobody",
    "contact": "nobody@made.example",
}


def _timed(what: Callable[[], object]) -> float:
    """CPU seconds of this process, all threads."""
    gc.collect()
    before = time.process_time()
    what()
    return time.process_time() - before


def _project(folder: Path, source: dict[str, Any]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    files = {
        "site": {"site": _SITE},
        "agencies": {
            "agencies": [{"code": "hall", "name": "City hall", "accounts": ["cityhall@social.example"]}]
        },
        "topics": {
            "services": [{"code": "all", "name": "All"}],
            "topics": [{"code": "roads", "name": "Roads", "service": "all"}],
        },
        "sources": {"sources": [source]},
    }
    for name, value in files.items():
        # JSON is YAML too.
        (folder / "data" / f"{name}.yml").write_text(json.dumps(value))


def _ours(api: str, records: int, folder: Path) -> dict[str, float]:
    """The program: parse and store, then the tables; an hour later the same with a few new ones."""
    from answerable.gather import passes
    from answerable.gather.sync import Receipt, gather
    from answerable.settings import load_settings
    from answerable.store import Store

    pages = APIS[api]()
    pages.add(records)
    _project(folder, source_of(pages, discover=records, refresh=0, sweep=0))
    settings = load_settings(folder)
    found: dict[str, float] = {}
    now = pages.now.replace(tzinfo=UTC)
    store_folder = folder / "build" / "store"

    def ask() -> None:
        with Store.open(store_folder) as store:
            asked = passes.ask(settings.sources, store, settings, now=pages.now)["city"]  # type: ignore[arg-type]
        if asked.error or asked.spent or asked.item_count < records:
            raise RuntimeError(f"not everything was read: {asked}")

    def fill() -> None:
        with Store.open(store_folder) as store:
            gather(store, settings, now=now, is_asking=False)

    with answered_by(pages):
        found["store"], found["tables"] = _timed(ask), _timed(fill)
    pages.add(NEW)
    _project_again(folder, source_of(pages, discover=120, refresh=60, sweep=30))
    settings = load_settings(folder)
    with answered_by(pages), Store.open(store_folder) as store:
        later = (pages.now + timedelta(hours=1)).replace(tzinfo=UTC)
        # Once with other settings: they are not what an hour costs.
        gather(store, settings, now=now, is_asking=False)
        receipts: list[Receipt] = []
        found["hour"] = _timed(lambda: receipts.extend(gather(store, settings, now=later)))
        if receipts[0].new_count != NEW:
            raise RuntimeError(f"not what is new: {receipts}")
        found["quiet"] = _timed(lambda: gather(store, settings, now=later + timedelta(hours=1)))
    return found


def _project_again(folder: Path, source: dict[str, Any]) -> None:
    (folder / "data" / "sources.yml").write_text(json.dumps({"sources": [source]}))


def _dlt(api: str, records: int, folder: Path) -> dict[str, float]:
    """dlt: the same pages into DuckDB, appended; nested lists as JSON, which is the least work for it."""
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "NORMALIZE__WORKERS": "1",
        "LOAD__WORKERS": "1",
    }
    import duckdb
    import orjson

    # Only installed for benchmarks.
    dlt: Any = importlib.import_module("dlt")

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages = APIS[api]()
    pages.add(records)
    ready = list(pages.pages())

    def read() -> Iterator[Any]:
        for page in ready:
            yield orjson.loads(page)

    record = dlt.resource(read, name="record", max_table_nesting=0, write_disposition="append")
    file = folder / "dlt.duckdb"
    pipeline = dlt.pipeline(
        "records",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="api",
    )
    found = {"tables": _timed(lambda: pipeline.run(record))}
    with duckdb.connect(str(file)) as held:
        count = held.sql("select count(*) from api.record").fetchone()
    if count != (records,):
        raise RuntimeError(f"not everything was read: {count}")
    return found


def _measure(tool: str, api: str, records: int) -> dict[str, float]:
    """One tool on one API, in a process of its own that has one core."""
    command = [sys.executable, __file__, "--tool", tool, "--api", api, "--records", str(records)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure; return 1 where parsing and storing took too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--tool", choices=("ours", "dlt"), help=argparse.SUPPRESS)
    parser.add_argument("--api", choices=tuple(APIS), help="only this one")
    given = parser.parse_args()
    if given.tool:
        with suppress(AttributeError):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        run = {"ours": _ours, "dlt": _dlt}[given.tool]
        print(json.dumps(run(given.api, given.records, FOLDER / f"{given.tool}-{given.api}")))
        return 0
    slow = 0
    for api in (given.api,) if given.api else APIS:
        ours, peer = _measure("ours", api, given.records), _measure("dlt", api, given.records)
        rates = [
            given.records / seconds
            for seconds in (ours["store"], ours["store"] + ours["tables"], peer["tables"])
        ]
        limit = f"(limit {LIMITS[api]:,})" if api in LIMITS else ""
        print(f"{api}, {given.records:,} records: in a CPU second")
        print(f"  parsed and stored      {rates[0]:9,.0f}   {limit}")
        print(f"  and in the tables      {rates[1]:9,.0f}")
        print(f"  dlt, in DuckDB         {rates[2]:9,.0f}   ratio of CPU {rates[2] / rates[1]:.2f}")
        print(
            f"  an hour later, {NEW} new: {ours['hour']:.1f} s CPU; nothing new: {ours['quiet']:.1f} s",
            flush=True,
        )
        slow += rates[0] < LIMITS.get(api, 0)
    shutil.rmtree(FOLDER, ignore_errors=True)
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
