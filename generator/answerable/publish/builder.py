"""From ``build/docs`` to HTML: the mkdocs.yml of a build, and the run of the program that reads it.

The file inherits the project's own mkdocs.yml where it has one, else the shipped one. MkDocs runs in this process;
any other builder that reads the file (``docs/decisions/`` says which) makes the same pages.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from answerable.errors import PublishError
from answerable.publish.templates import shipped_templates, template_folders

if TYPE_CHECKING:
    from answerable.settings import Settings

__all__ = ["merge_theme", "run_mkdocs", "write_config"]

Nav = Sequence[Mapping[str, Any] | str]


def merge_theme(settings: Settings, target: Path) -> None:
    """Lay the theme's overrides together: the shipped ones, and over them the project's own."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for folder in reversed(template_folders(settings)):
        if (folder / "theme").is_dir():
            shutil.copytree(folder / "theme", target, dirs_exist_ok=True)


def write_config(
    settings: Settings,
    build: Path,
    *,
    nav: Nav,
    extra: Mapping[str, Any],
    shells: Sequence[str],
    site_dir: Path,
) -> Path:
    """Write ``build/mkdocs.yml`` and give its path.

    Args:
        settings: the site's.
        build: the project's ``build`` folder; pages are in its ``docs``, the theme's overrides in its ``theme``.
        nav: the pages that exist.
        extra: what the theme's overrides may say (``extra.answerable``).
        shells: pages that are no pages of the site but its records' frame.
        site_dir: where the HTML goes.
    """
    own = settings.project / "mkdocs.yml"
    parent = own if own.exists() else shipped_templates() / "mkdocs.yml"
    config: dict[str, Any] = {
        "INHERIT": os.path.relpath(parent, build),
        "site_name": settings.site.name,
        "site_url": settings.site.url.rstrip("/") + "/",
        "site_description": settings.site.description,
        "site_author": settings.site.publisher,
        "docs_dir": "docs",
        "site_dir": os.path.relpath(site_dir, build),
        "theme": {"custom_dir": "theme", "language": settings.site.language.partition("-")[0]},
        "extra": {"answerable": dict(extra)},
        "not_in_nav": "".join(f"/{shell}\n" for shell in shells),
        "nav": list(nav),
    }
    path = build / "mkdocs.yml"
    head = "# Made by a build: change the project's mkdocs.yml instead.\n"
    path.write_text(head + yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf-8")
    return path


class _Warnings(logging.Handler):
    """Keeps what the builder warned of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def run_mkdocs(config_file: Path, *, strict: bool = True) -> None:
    """Build the pages with MkDocs, in this process.

    Raises:
        PublishError: MkDocs failed or, with ``strict``, warned of anything.
    """
    # The theme's banner about MkDocs' own next version is not about this site.
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    warnings = _Warnings()
    logger = logging.getLogger("mkdocs")
    was_propagating = logger.propagate
    logger.addHandler(warnings)
    logger.propagate = False
    try:
        config = load_config(os.fspath(config_file))
        config.plugins.on_startup(command="build", dirty=False)
        try:
            build(config)
        finally:
            config.plugins.on_shutdown()
    except (MkDocsException, yaml.YAMLError, SystemExit) as error:
        raise PublishError(f"MkDocs: {error}", file=config_file) from error
    finally:
        logger.removeHandler(warnings)
        logger.propagate = was_propagating
    if strict and warnings.messages:
        raise PublishError(
            f"MkDocs warns: {'; '.join(warnings.messages)}",
            file=config_file,
            remedy="correct the pages or the project's mkdocs.yml",
        )
