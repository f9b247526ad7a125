"""From one file of service requests to a published site, understanding included.

Prints CPU and wall seconds and the peak memory of the process tree, and misses its limit over 2 GiB.

    python benchmarks/build_requests.py --rows 10000000 --format csv
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from made_city import make_project
from tree import measure

LIMIT = 2 * 2**30


def main() -> int:
    """Measure one build; return 1 where it took too much memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--keep", action="store_true", help="keep the project under build/bench")
    given = parser.parse_args()
    folder = Path("build/bench") / f"requests-{given.format}"
    shutil.rmtree(folder, ignore_errors=True)
    make_project(folder, rows=given.rows, file_format=given.format)
    size = (folder / f"requests.{given.format}").stat().st_size
    print(f"{given.rows:,} rows, {size / 1e6:,.0f} MB of {given.format}", flush=True)
    command = [str(Path(sys.executable).parent / "answerable"), "build", str(folder)]
    cost = measure(command, log=folder / "build.log")
    print(f"build   {cost}   (limit {LIMIT / 2**20:.0f} MiB)")
    again = measure(command, log=folder / "again.log")
    print(f"again   {again}   ({again.cpu / cost.cpu:.3f} of the first)")
    if not given.keep:
        shutil.rmtree(folder)
    return int(cost.memory > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
