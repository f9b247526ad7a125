"""Where templates are found, and the environment in which they run.

A project's own ``site_templates/`` comes before the shipped one, file by file. Everything that a template prints is
escaped
(``autoescape``) unless it says that it is markup; the words ``quote`` and ``plain`` are the only ones for public text,
``given`` is the one for names and notes of the site's team.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from answerable.errors import PublishError
from answerable.publish.text import given, plain, quote

if TYPE_CHECKING:
    from answerable.settings import Settings

__all__ = ["day", "environment", "shipped_templates", "template_folders", "when"]

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def shipped_templates() -> Path:
    """The folder of the templates that come with the program: inside the package, or beside it in a checkout.

    Raises:
        PublishError: the program was installed without them.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "site_templates", package.parent.parent / "site_templates"):
        if (folder / "pages").is_dir():
            return folder
    raise PublishError("the templates are missing", file=package, remedy="install answerable again")


def template_folders(settings: Settings) -> tuple[Path, ...]:
    """The folders in which templates, theme and assets are looked for, the project's own first."""
    own, shipped = settings.project / "site_templates", shipped_templates()
    is_own = own.is_dir() and own.resolve() != shipped
    return (own, shipped) if is_own else (shipped,)


def day(value: date | datetime, zone: ZoneInfo) -> Markup:
    """A day as people write it, for machines too; an instant (UTC) is shown as the day it was in ``zone``."""
    local = _local(value, zone) if isinstance(value, datetime) else value
    iso = f"{local.year:04}-{local.month:02}-{local.day:02}"
    return Markup(f'<time datetime="{iso}">{_day_words(local)}</time>')  # noqa: S704  digits and names of months


def when(value: datetime, zone: ZoneInfo) -> Markup:
    """An instant (UTC) to the minute, as it was in ``zone``."""
    local = _local(value, zone)
    words = f"{_day_words(local)}, {local:%H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="minutes"), words)


def _local(value: datetime, zone: ZoneInfo) -> datetime:
    return value.replace(tzinfo=UTC).astimezone(zone)


def _day_words(value: date) -> str:
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def environment(settings: Settings) -> Environment:
    """The environment of all templates; an unknown name in a template is an error, not an empty place."""
    env = Environment(
        loader=FileSystemLoader(template_folders(settings)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    zone = settings.site.zone
    filters: dict[str, Any] = {
        "plain": plain,
        "given": given,
        "day": partial(day, zone=zone),
        "when": partial(when, zone=zone),
    }
    env.filters.update(filters)
    env.globals["quote"] = quote
    return env
