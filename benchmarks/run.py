"""Every benchmark, one after the other: `make bench`.

Each prints what it measured and, where there is a limit or a peer, the ratio in the same run; the exit code is 1 where
a limit was missed. `python benchmarks/run.py --quick` takes a hundredth of the rows, to see that everything runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run all benchmarks; return the number that missed their limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the rows")
    quick = parser.parse_args().quick
    rows = "100000" if quick else "10000000"
    pages = "500" if quick else "5000"
    records = "10000" if quick else "100000"
    runs = [
        ["build_requests.py", "--rows", rows, "--format", "csv"],
        ["build_requests.py", "--rows", rows, "--format", "parquet"],
        ["measures/against_sql.py", "--rows", rows],
        ["pages_against_hugo.py", "--pages", pages],
        ["rebuild.py"],
        ["home_weight.py"],
        ["parse_and_store.py", "--records", records],
    ]
    missed = 0
    for name, *arguments in runs:
        print(f"\n== {name} {' '.join(arguments)}", flush=True)
        code = subprocess.run([sys.executable, str(HERE / name), *arguments], check=False).returncode
        missed += code != 0
    print(f"\n{len(runs) - missed} of {len(runs)} benchmarks within their limits")
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
