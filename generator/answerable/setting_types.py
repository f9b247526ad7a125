"""What settings are made of: the strict model, codes, addresses, accounts, zones and licences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict

__all__ = ["SUBJECTS", "Account", "Code", "Licence", "Model", "Subject", "Url", "Zone", "did_you_mean"]

SUBJECTS = (
    "waste",
    "roads",
    "lighting",
    "water",
    "parks",
    "public-transport",
    "parking",
    "noise",
    "housing",
    "permits",
    "safety",
    "health",
    "schools",
    "digital-services",
)
"""What a topic can be like: the subjects of which phrases in several languages are shipped."""


class Model(BaseModel):
    """A strict, frozen part of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", value):
        raise ValueError(
            "a code is lower case letters and digits, with single hyphens between, such as street-lights"
        )
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), 1)
        raise ValueError(
            "not a time zone" + (f"; did you mean {near[0]}?" if near else ", such as Europe/London")
        )
    return value


def _http(value: str) -> str:
    if value and not re.match(r"https?://[^\s/]+", value):
        raise ValueError("an address begins with https:// or http://")
    return value


def _account(value: str) -> str:
    return value.lstrip("@").casefold()


def _subject(value: str) -> str:
    if value not in SUBJECTS:
        raise ValueError(
            f"{value} is no subject that is shipped: one of {', '.join(SUBJECTS)}{did_you_mean(value, SUBJECTS)}"
        )
    return value


Code = Annotated[str, AfterValidator(_slug)]
Subject = Annotated[str, AfterValidator(_subject)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_http)]
Account = Annotated[str, AfterValidator(_account)]


class Licence(Model):
    """The terms of a source or of the site's own data."""

    name: str
    url: Url = ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message that names the nearest known name; empty where none is near."""
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""
