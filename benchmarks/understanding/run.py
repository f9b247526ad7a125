"""How well the program understands, step by step, on every set that is at hand: one command for all of it.

    python benchmarks/understanding/run.py                 some minutes
    python benchmarks/understanding/run.py --million       also a million posts (needs two quiet cores)

Each step prints its figures with intervals, and "gate ...: reached" or "gate ...: missed" for each figure that it is
held to. At the end stand the gates together, and what was skipped because its set is not on this machine. The exit
code is 1 where a gate was missed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STEPS = {
    "language": ("language.py",),
    "relevance, intent and urgency": ("relevance.py", "--method"),
    "personal data": ("privacy.py",),
    "near-duplicates": ("duplicates.py",),
    "topics": ("topics.py",),
    "issues": ("issues.py",),
    "answers given elsewhere": ("links.py",),
    "service failures": ("failures.py",),
}
GATE = re.compile(r"\bgate\b.*\b(reached|missed)\b", re.IGNORECASE)
SKIPPED = re.compile(r"\bskipped\b", re.IGNORECASE)


def main() -> int:
    """Run all steps; 1 where a gate was missed or a step failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--million", action="store_true", help="also a million posts")
    steps = dict(STEPS)
    if parser.parse_args().million:
        steps["a million posts"] = ("million.py", "--shuffle")
    summary: list[str] = []
    is_missed = False
    for step, (name, *arguments) in steps.items():
        print(f"\n== {step}: {name} {' '.join(arguments)}", flush=True)
        with subprocess.Popen(
            [sys.executable, str(HERE / name), *arguments], stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                gate = GATE.search(line)
                if gate or SKIPPED.search(line):
                    summary.append(f"{step}: {line.strip()}")
                is_missed |= gate is not None and gate[1].casefold() == "missed"
        if process.returncode:
            summary.append(f"{step}: ended with {process.returncode}")
            is_missed = True
    print("\n== gates, and what was skipped")
    print("\n".join(summary))
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
