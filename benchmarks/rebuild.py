"""A build, the same again with nothing changed, and again by force with the charts still there.

    python benchmarks/rebuild.py --rows 20000

The second may take a fifth of the first in CPU seconds. The forced one goes through every stage; it shows what charts
kept by their content save, and that files which have not changed are not written again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from made_city import make_project
from tree import measure

LIMIT = 0.2


def _files(site: Path) -> dict[str, tuple[int, int]]:
    """Every file of a site, with its inode and the time of its last change."""
    return {
        str(path.relative_to(site)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in site.rglob("*")
        if path.is_file()
    }


def main() -> int:
    """Measure three builds; return 1 where the second took too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--keep", action="store_true", help="keep the project under build/bench")
    given = parser.parse_args()
    folder = Path("build/bench/rebuild")
    shutil.rmtree(folder, ignore_errors=True)
    make_project(folder, rows=given.rows, file_format="csv")
    command = [str(Path(sys.executable).parent / "answerable"), "build", str(folder)]
    site = folder / "build" / "site"

    first = measure(command, log=folder / "first.log")
    written = _files(site)
    print(f"first    {first}   ({len(written):,} files)", flush=True)
    again = measure(command, log=folder / "again.log")
    ratio = again.cpu / first.cpu
    print(f"again    {again}   ratio {ratio:.3f} (limit {LIMIT})", flush=True)
    forced = measure([*command, "--force"], log=folder / "forced.log")
    kept = sum(_files(site).get(name) == held for name, held in written.items())
    print(f"--force  {forced}   ratio {forced.cpu / first.cpu:.3f}")
    print(f"         {kept:,} of {len(written):,} files were not written again")
    if not given.keep:
        shutil.rmtree(folder)
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
