"""What moved: addresses of issues that lead on to another, and what pages say of issues that were merged or divided.

An address once published goes on answering: with a page, or with one line and a link to where the issue is now. Such a
page is plain HTML: the browser goes on by itself, and a person without it reads the link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from answerable.publish.policy import with_policy
from answerable.publish.swap import write_file

if TYPE_CHECKING:
    from answerable.store import Store

__all__ = ["Change", "changes", "redirects", "write_redirects"]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an issue: ``merge`` (another became part of it), ``split_from`` or ``split_off``.

    ``other_id`` is the other issue; ``is_decided`` says that people decided it.
    """

    what: str
    other_id: str
    changed_on: date
    is_decided: bool


def redirects(store: Store) -> dict[str, str]:
    """Old addresses of issues, each with the present one of the issue that answers there (last parts)."""
    address = store.read("issue_address")
    issue = store.read("issue").filter(lambda t: t.has_page).select("issue_id", present="slug")
    old = address.inner_join(issue, "issue_id").filter(lambda t: t.slug != t.present)
    rows = store.con.to_pyarrow(old.select("slug", "present").order_by("slug")).to_pylist()
    # What is a page of its own is no redirect.
    pages = set(store.con.to_pyarrow(issue.select("present"))["present"].to_pylist())
    return {row["slug"]: row["present"] for row in rows if row["slug"] not in pages}


def changes(store: Store) -> dict[str, tuple[Change, ...]]:
    """For each issue what became part of it and what it was divided from or into, the oldest first."""
    found: dict[str, list[Change]] = {}
    rows = store.con.to_pyarrow(
        store.read("issue_change").order_by(["changed_on", "change", "issue_id", "other_issue_id"])
    )
    for row in rows.to_pylist():
        one, other, on, who = row["issue_id"], row["other_issue_id"], row["changed_on"], row["is_decided"]
        if row["change"] == "merge":
            found.setdefault(one, []).append(Change("merge", other, on, who))
        elif row["change"] == "split":
            found.setdefault(one, []).append(Change("split_from", other, on, who))
            found.setdefault(other, []).append(Change("split_off", one, on, who))
        else:
            raise KeyError(row["change"])
    return {issue_id: tuple(told) for issue_id, told in found.items()}


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>This page has moved</title>
<link rel="canonical" href="{url}">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="0; url=../{slug}/">
</head>
<body>
<main>
<h1>This page has moved</h1>
<p>What was told here is now part of <a href="../{slug}/">another page</a>.</p>
</main>
</body>
</html>
"""


def write_redirects(site: Path, moved: Mapping[str, str], url: str) -> None:
    """Write a page for each old address under ``issues/``.

    Args:
        site: the folder of the site.
        moved: the last part of each old address, and of the present one.
        url: the site's address, with a closing slash.
    """
    for old, new in moved.items():
        folder = site / "issues" / old
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        page = with_policy(_PAGE.format(url=f"{url.rstrip('/')}/issues/{new}/", slug=new))
        write_file(str(folder / "index.html"), page.encode())
