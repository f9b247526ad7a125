"""What personal data looks like in each country: the table ``rules/privacy_countries.yml`` and its checksums."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from answerable.settings import load_yaml

__all__ = [
    "CHECKS",
    "LETTERS",
    "Country",
    "Id",
    "countries",
    "iban_is_valid",
    "luhn_is_valid",
    "shape_pattern",
]

_FILE = Path(__file__).parent / "rules" / "privacy_countries.yml"


def luhn_is_valid(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B): payment cards."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def iban_is_valid(found: str) -> bool:
    """Whether an IBAN's check digits are right (ISO 13616; ISO/IEC 7064, MOD 97-10). No blanks; any case."""
    turned = found[4:] + found[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def _verhoeff_is_valid(digits: str) -> bool:
    """Verhoeff's check digit over the dihedral group of order 10 (J. Verhoeff, 1969): Aadhaar."""
    order = 5

    def times(a: int, b: int) -> int:
        turned = a - b if a >= order else a + b
        is_reflected = (a >= order) != (b >= order)
        return turned % order + order * is_reflected

    permutation = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        moved = digit
        for _ in range(place % 8):
            moved = permutation[moved]
        check = times(check, moved)
    return check == 0


def _dni_is_valid(found: str) -> bool:
    """Whether a Spanish identity number's letter is that of its remainder by 23 (Real Decreto 1553/2005)."""
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(found[:-1]) % 23] == found[-1].upper()


def _nino_is_valid(found: str) -> bool:
    """Whether a National Insurance number has letters that are given out (HM Revenue & Customs, NIM39110).

    QQ begins the one that forms give as an example.
    """
    if not (found.isupper() or found.islower()):
        return False
    found = found.upper()
    return ((found[0] not in "DFIQUV" and found[1] not in "DFIOQUV") or found.startswith("QQ")) and found[
        -1
    ] in "ABCD"


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "luhn": luhn_is_valid,
    "verhoeff": _verhoeff_is_valid,
    "dni": _dni_is_valid,
    "nino": _nino_is_valid,
}
"""Checksums by the name that the table uses; each takes the letters and ASCII digits alone."""


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Id(_Read):
    """A number of persons: what it is called, its shape, and the checksum that tells it from others."""

    name: str
    shape: str
    check: Literal["luhn", "verhoeff", "dni", "nino"] | None = None

    @field_validator("shape")
    @classmethod
    def _has_digits(cls, shape: str) -> str:
        if shape.count("9") < 4:  # less would be found in ordinary words
            msg = f"the shape {shape!r} has fewer than four digits"
            raise ValueError(msg)
        return shape


class _Streets(_Read):
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


class Country(_Read):
    """What personal data looks like in a country; the file says what each means."""

    phones: tuple[str, ...] = ()
    iban: int | None = Field(None, ge=11, le=30)
    ids: tuple[Id, ...] = ()
    plates: tuple[str, ...] = ()
    plates_without_words: tuple[str, ...] = ()
    plates_of_vehicles: tuple[str, ...] = ()
    plates_in_capitals: tuple[str, ...] = ()
    plate_prefixes: frozenset[str] = frozenset()
    regions: Mapping[str, str] = {}
    streets: _Streets = _Streets()


class _Table(_Read):
    reviewed_by: str
    reviewed_on: date
    countries: dict[str, Country]


@cache
def countries() -> dict[str, Country]:
    """The table, by the country's code (ISO 3166-1, two letters)."""
    return load_yaml(_FILE, _Table).countries


LETTERS: Final = "A-Za-z\u00c4\u00d6\u00dc\u00e4\u00f6\u00fc"
"""The letters of plates, as within a character class."""

_SHAPE_PART = re.compile(r"(.)(\{\d(?:,\d)?\})?")


def shape_pattern(shape: str) -> str:
    """A shape of the table as a regular expression; of a bounded length."""
    stands_for = {
        "9": r"\d",
        "A": "[A-Za-z]",
        "C": "(?![AEIOUaeiou])[A-Za-z]",
        "U": f"[{LETTERS}]",
        "P": f"[{LETTERS}]{{1,3}}",
        " ": r"[ \-\u00b7]?",
        "_": r"[ \-\u00b7]",
    }
    return "".join(
        (stands_for.get(part[1]) or re.escape(part[1])) + (part[2] or "")
        for part in _SHAPE_PART.finditer(shape)
    )
