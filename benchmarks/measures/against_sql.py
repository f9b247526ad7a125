"""The measures alone: the program's table expressions beside hand-written DuckDB SQL for the same numbers.

    python benchmarks/measures/against_sql.py                 1,000,000 feedback, to try it
    python benchmarks/measures/against_sql.py --rows 10000000

Both start from the same Parquet of clocks, in a process of their own with the same memory and threads, one after the
other in one run; what is compared is CPU seconds (user and system, all threads), without imports. The numbers of both
are compared row by row: a benchmark of different numbers would say nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

SQL = Path(__file__).with_name("measures.sql")
GENERATE = Path(__file__).with_name("clocks.sql")
MEMORY = "1000MB"
SEED = 311
TARGET = 1.3
JUDGED_ROWS = 5_000_000
"""With fewer, most of the program's time goes into making its queries, whatever the number of rows."""


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB as the store opens it."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute("set preserve_insertion_order = false")
    con.execute(f"set threads = {min(os.cpu_count() or 1, 8)}")
    con.execute(f"set memory_limit = '{MEMORY}'")
    con.execute(f"set temp_directory = '{folder / 'spill'}'")
    return con


def generate(folder: Path, rows: int) -> None:
    """Make the clocks: the same for the same number of rows."""
    con = connect(folder)
    sql = GENERATE.read_text("utf-8").replace("$rows", str(rows)).replace("$seed", str(SEED))
    con.execute(f"copy ({sql}) to '{folder / 'clock.parquet'}' (format parquet, compression zstd)")
    con.close()


def by_sql(folder: Path) -> None:
    """The hand-written SQL; leaves sql.parquet."""
    con = connect(folder)
    sql = SQL.read_text("utf-8").replace("$clock", f"read_parquet('{folder / 'clock.parquet'}')")
    for statement in sql.split(";"):
        if statement.strip():
            con.execute(statement)
    con.execute(f"copy result to '{folder / 'sql.parquet'}' (format parquet)")
    con.close()


def by_program(folder: Path) -> None:
    """The program; leaves program.parquet."""
    from answerable.measure.cells import Sources
    from answerable.measure.stage import main_measures
    from answerable.settings import Agency, Licence, Service, Settings, Site, TableSource, Topic
    from answerable.store import Store

    source = TableSource(
        connector="table",
        id="city",
        name="City",
        licence=Licence(name="CC0"),
        publish_rows=True,
        kind="service_request",
        path="none.csv",
        columns={"record_id": "id", "created_at": "at"},  # type: ignore[dict-item]
    )
    settings = Settings(
        project=folder,
        site=Site(
            name="City",
            description="Made up",
            url="https://example.org",
            publisher="x",
            contact="x@example.org",
            timezone="America/Los_Angeles",
        ),
        agencies=(Agency(code="a0", name="A"),),
        services=(Service(code="s", name="S"),),
        topics=(Topic(code="t0", name="T", service="s"),),
        sources=(source,),
    )
    both = frozenset({"city", "hall"})
    with Store.open(folder / "store", memory_limit=MEMORY) as store:
        started = time.process_time()
        clock = store.con.read_parquet(folder / "clock.parquet")
        _, rows = main_measures(store, clock, Sources(frozenset(), both, both), settings)
        rows.to_parquet(folder / "program.parquet")
        report(started)


def report(started: float) -> None:
    """One line for the parent: CPU seconds and the largest resident memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": time.process_time() - started, "peak_mib": peak}))


def child(what: str, folder: Path, rows: int) -> dict[str, float]:
    """Run one side in its own process."""
    log_file = folder / f"{what}.log"
    started = time.monotonic()
    with log_file.open("w") as errors:
        done = subprocess.run(
            [sys.executable, __file__, "--side", what, "--folder", folder, "--rows", str(rows)],
            check=False,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    if done.returncode:
        sys.exit(f"{what} failed:\n{log_file.read_text()}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "wall": time.monotonic() - started}


def differences(folder: Path) -> tuple[int, int]:
    """How many numbers were compared, and how many differ."""
    con = connect(folder)
    con.execute(f"create view p as select * from read_parquet('{folder / 'program.parquet'}')")  # noqa: S608 (our own path)
    con.execute(f"create view s as select * from read_parquet('{folder / 'sql.parquet'}')")  # noqa: S608 (our own path)
    # The program also gives a row for every month in which a group raised nothing.
    rows = con.execute(
        "select p.value, s.value, p.low, s.low, p.high, s.high, p.numerator, s.numerator, p.denominator, s.denominator "
        "from s full join (select * from p where not (measure = 'raised' and value = 0)) p "
        "using (measure, interval, breakdown, group_code)"
    ).fetchall()
    con.close()
    wrong = sum(not all(is_same(row[i], row[i + 1]) for i in range(0, len(row), 2)) for row in rows)
    return len(rows), wrong


def is_same(left: Any, right: Any) -> bool:
    """Equal numbers, but for the last digits; both may be missing."""
    if left is None or right is None:
        return left is right
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)


def main() -> None:
    """Make the data, run both sides, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000, help="feedback to make up")
    parser.add_argument("--side", choices=("data", "sql", "program"))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.side == "data":
        started = time.process_time()
        generate(given.folder, given.rows)
        report(started)
        return
    if given.side == "sql":
        started = time.process_time()
        by_sql(given.folder)
        report(started)
        return
    if given.side == "program":
        logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")
        by_program(given.folder)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        # In a process of its own as well: its memory would count as that of its children.
        child("data", folder, given.rows)
        found = {side: child(side, folder, given.rows) for side in ("sql", "program")}
        compared, wrong = differences(folder)
    print(f"{given.rows:,} feedback, {compared:,} numbers compared, {wrong} differ")
    for side, cost in found.items():
        print(f"{side:8} {cost['cpu']:8.1f} CPU s {cost['wall']:8.1f} s wall {cost['peak_mib']:8.0f} MiB")
    ratio = found["program"]["cpu"] / found["sql"]["cpu"]
    is_judged = given.rows >= JUDGED_ROWS
    note = f"at most {TARGET}" if is_judged else f"judged from {JUDGED_ROWS:,} feedback on"
    print(f"ratio of CPU seconds {ratio:.2f} ({note})")
    if wrong or (is_judged and ratio > TARGET):
        sys.exit(1)


if __name__ == "__main__":
    main()
