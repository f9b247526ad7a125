"""What a visit to the home page downloads: everything that a browser asks for, each answer packed with gzip.

    python benchmarks/home_weight.py                  the demonstration site, build/site
    python benchmarks/home_weight.py --site FOLDER

Without a site in build/site, a made one is built. Chromium (ANSWERABLE_CHROMIUM, else the one on the path) opens the
page with an empty cache, waits until it asks for nothing more, and goes down to its end. Requests to any other host are
counted and refused.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from made_city import make_project
from playwright.sync_api import Route, sync_playwright

LIMIT = 150_000
"""Bytes: 150 kB."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As in the browser tests: no sandbox where they run as root, and no traffic of the browser's own.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        pass


def requests_of(site: Path) -> tuple[set[str], set[str]]:
    """The addresses that the home page asks for: paths of its own host, and whole addresses of others.

    Raises:
        SystemExit: there is no Chromium.
    """
    chromium = os.environ.get("ANSWERABLE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        raise SystemExit("no Chromium was found: set ANSWERABLE_CHROMIUM")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    own = f"http://127.0.0.1:{server.server_port}/"
    paths: set[str] = set()
    others: set[str] = set()

    def look(route: Route) -> None:
        url = route.request.url
        if url.startswith(own):
            paths.add(unquote(urlsplit(url).path))
            route.continue_()
        elif url.startswith(("data:", "blob:")):
            route.continue_()
        else:
            others.add(url)
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.route("**/*", look)
        page = context.new_page()
        page.goto(own, wait_until="networkidle")
        page.keyboard.press("End")
        page.wait_for_timeout(1000)
        page.wait_for_load_state("networkidle")
        browser.close()
    server.shutdown()
    server.server_close()
    return paths, others


def main() -> int:
    """Weigh the home page; return 1 where it is too heavy or asks another host."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--site", type=Path, default=Path("build/site"))
    site = parser.parse_args().site
    made = None
    if not (site / "index.html").exists():
        made = make_project(Path("build/bench/home"), rows=20_000, file_format="csv")
        subprocess.run(
            [Path(sys.executable).parent / "answerable", "build", made], check=True, capture_output=True
        )
        site = made / "build" / "site"
    paths, others = requests_of(site)
    total = 0
    for path in sorted(paths):
        file = site / path.lstrip("/")
        file = file / "index.html" if file.is_dir() else file
        if not file.is_file():
            print(f"{'missing':>9}  {path}")
            continue
        size = len(gzip.compress(file.read_bytes(), 9, mtime=0))
        total += size
        print(f"{size:9,}  {path}")
    print(
        f"{total:9,}  bytes in {len(paths)} requests (limit {LIMIT:,}); {len(others)} requests to other hosts"
    )
    for url in sorted(others):
        print(f"           {url}")
    if made is not None:
        shutil.rmtree(made)
    return int(total > LIMIT or bool(others))


if __name__ == "__main__":
    sys.exit(main())
