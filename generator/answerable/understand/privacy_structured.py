"""Personal data that has a structure: addresses, accounts, and numbers of telephones, cards, banks, persons and cars.

Every pattern reads each character a bounded number of times: possessive runs begin only where a lookbehind says that a
run begins, and whatever may repeat is bounded or cannot match what follows it.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from answerable.understand.privacy_countries import (
    CHECKS,
    Id,
    countries,
    iban_is_valid,
    luhn_is_valid,
    shape_pattern,
)
from answerable.understand.privacy_words import MARKS, PrivacyContext, any_of, words, words_that_are_no_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["without_house_numbers", "without_plates", "without_structured"]

_TLD = (
    r"(?:com|org|net|gov|edu|mil|int|info|biz|io|eu|uk|us|ca|au|nz|ie|in|za|de|at|ch|fr|be|nl|es|mx|ar|cl|co|pe|it|pt"
    r"|br|pl|se|no|dk|fi)"
)
_LOCAL = r"(?<![\w.+%'\-])(?=[.+%'\-]*+\w)[\w.+%'\-]++"
_OPEN, _SHUT = r"[\[({<]", r"[\])}>]"
_DOTTED = rf"(?:[ ]?{_OPEN}[ ]?(?:dot|\.)[ ]?{_SHUT}[ ]?[\w\-]++|\.[\w\-]++)*+"
_EMAIL = (
    rf"{_LOCAL}(?:"
    # name@host.tld, and name@host where the host has a letter
    r"@++(?=[\w\-.]*[^\W\d_])[\w\-]++(?:\.[\w\-]++)*+"
    # name @ host.tld
    rf"|[ ]?@[ ]?(?:[\w\-]++\.)++{_TLD}\b"
    # name (at) host [dot] tld
    rf"|[ ]?{_OPEN}[ ]?(?:at|@)[ ]?{_SHUT}[ ]?[\w\-]++{_DOTTED}"
    # name at host dot tld
    rf"|[ ]at[ ][\w\-]++(?:[ ]dot[ ][\w\-]++)*?[ ]dot[ ]{_TLD}\b)"
)
_EMAIL_IN_ADDRESS = re.compile(_EMAIL, re.IGNORECASE)
_HANDLE = (
    # @user, @user@server; not @7 and not the @ of an e-mail address
    r"(?<![\w@])@++(?=\w*[^\W\d_])\w++(?:[.\-]\w++)*+(?:@[\w\-]++(?:\.[\w\-]++)*+)?"
    # u/user, as on Reddit
    r"|(?<![\w/.])/?u/[A-Za-z0-9_\-]{3,20}(?![\w\-])"
)

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DASH = r"\-\u2013\u2014"
_KEEP = (
    # dates
    rf"(?<![\d.\-/])(?:{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|(?:{_DAY}[-/.]{_MONTH}|{_MONTH}[-/.]{_DAY})[-/.](?:{_YEAR}|\d\d))"
    r"(?![\-./]?\d)"
    # times of day
    r"|(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?![\d:])"
    # years from and to
    rf"|(?<![\d\-.]){_YEAR} ?[{_DASH}/] ?(?:19|20)?\d\d(?![\d\-.])"
    # sums of money
    r"|[$€£¥₹] ?\d{1,5}(?:,\d{3})*(?:\.\d{1,2})?(?![\d.\-])"
)
_JOIN = r"[ .\-\u2010-\u2015\u2212_~*()|\u00b7\u2022]"
# A digit, or a letter that is written for one between digits: 4I5-555-O123.
_FIGURE = r"(?:\d|(?<=\d)[oil](?=\d)|(?<=\d[\-. ])[oil](?=\d\d))"
_DIGITS = (
    # six digits or more, joined by nothing or by up to three of the signs that people put into telephone numbers
    rf"(?<!\d)\+?\(?\d(?:{_JOIN}{{0,3}}{_FIGURE}){{5,}}(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{{1,6}})?"
    # an extension alone
    r"|(?<![\w.])(?:x|ext\.?[ ]?)\d{3,6}(?!\w)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_IP = (
    rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)"
    # version 6; `_is_ip` tells it from times of day
    r"|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])"
)
_IP_GROUPS = 3  # "12::30" is no address
_DIGIT = re.compile(r"\d")
_LONG_NUMBER = re.compile(r"\d{6,}")
# What any piece that `_structured` finds must hold.
_HINT = re.compile(r"[\d@/:\[({<]|www\.|\bdot\b", re.IGNORECASE)
_CARD_DIGITS = range(13, 20)
_AFTER_ADDRESS = ".,;:!?)]}'\""


@cache
def _structured() -> re.Pattern[str]:
    prefix = r"(?:(?:www|m|mobile|web|old)\.)?"
    site = rf"(?<![\w.@\-]){prefix}(?:{any_of(words().profile_hosts)})/[^\s<>\"]+"
    return re.compile(
        rf"(?P<url>(?<!\w)(?:https?://|www\.)[^\s<>\"]+|{site})"
        rf"|(?P<email>{_EMAIL})|(?P<handle>{_HANDLE})|(?P<iban>{_ibans()})|(?P<id>{_lettered_ids()})|(?P<ip>{_IP})"
        rf"|(?P<keep>{_KEEP})|(?P<digits>{_DIGITS})",
        re.IGNORECASE,
    )


def _ibans() -> str:
    """Every country's IBANs: two letters, two digits, and as many characters as the country has, blanks anywhere."""
    by_length: dict[int, list[str]] = {}
    for code, country in countries().items():
        if country.iban is not None:
            by_length.setdefault(country.iban, []).append(code)
    forms = (
        rf"(?:{any_of(codes)})\d\d(?:[ \-]?[a-z0-9]){{{length}}}"
        for length, codes in sorted(by_length.items())
    )
    # Six digits in a row soon after the bank's letters: a sentence is no account.
    return rf"(?<!\w)(?=[a-z]{{2}}\d\d(?:[ \-]?[a-z0-9]){{0,6}}?(?:[ \-]?\d){{6}})(?:{'|'.join(forms)})(?!\w)"


@cache
def _ids() -> tuple[tuple[Id, re.Pattern[str]], ...]:
    """The countries' numbers of persons: first those that a checksum tells from other numbers of their shape."""
    found = [one for country in countries().values() for one in country.ids]
    ordered = sorted(found, key=lambda one: (one.check is None, one.shape, one.name))
    return tuple((one, re.compile(shape_pattern(one.shape), re.ASCII)) for one in ordered)


def _lettered_ids() -> str:
    """Those with a letter in them; the others are runs of digits, which `_digits_kind` tells apart."""
    shapes = {shape_pattern(one.shape) for one, _ in _ids() if any(char.isalpha() for char in one.shape)}
    return rf"(?<![\w\-])(?:{'|'.join(sorted(shapes))})(?![\w\-])"


def _is_id(found: str) -> bool:
    letters = "".join(char for char in found if char.isalnum())
    return any(
        pattern.fullmatch(found) is not None and (one.check is None or CHECKS[one.check](letters))
        for one, pattern in _ids()
    )


def _is_ip(found: str) -> bool:
    if "." in found:
        return True
    try:
        ipaddress.IPv6Address(found)
    except ValueError:
        return False
    return sum(bool(group) for group in found.split(":")) >= _IP_GROUPS


@cache
def _short_phones() -> re.Pattern[str]:
    shapes = {shape for country in countries().values() for shape in country.phones}
    return re.compile("|".join(sorted(map(shape_pattern, shapes))))


def _digits_kind(found: str) -> str | None:
    """What digits and the signs between them are: which number to hide, or nothing to hide."""
    figures = "".join(char for char in found if char.isalnum())
    count = len(figures)
    joins = {char for char in found if not char.isalnum()} - {"+"}
    if found.startswith("+") or found[0] in "xXeE":
        return "phone"
    if count in _CARD_DIGITS and figures.isdecimal() and luhn_is_valid(figures):
        return "card"
    if _is_id(found):
        return "id"
    if not joins:
        return "phone" if count in (10, 11) else "number"
    if joins == {" "}:
        # Spaces may also stand between two numbers. A telephone number has eight digits, a leading 0, or is 701 4688.
        is_phone = (
            count >= 8 or bool(_short_phones().fullmatch(found)) or (count >= 7 and found.startswith("0"))
        )
    else:
        is_phone = count >= 7
    if is_phone:
        return "phone"
    return "number" if _LONG_NUMBER.search(found) else None


def _is_official(name: str, context: PrivacyContext, *, server: str = "") -> bool:
    plain = name.lstrip("@").casefold()
    known = {handle.lstrip("@").casefold() for handle in context.official_handles}
    return plain in known or (server != "" and f"{plain}@{server}" in known)


def _is_private_profile(url: str, context: PrivacyContext) -> bool:
    """Whether an address is that of a private person's account."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").lower()
    except ValueError:  # an address that no browser could follow either
        return False
    for prefix in ("www.", "m.", "mobile.", "web.", "old."):
        host = host.removeprefix(prefix)
    steps = [step for step in parts.path.split("/") if step]
    if not steps:
        return False
    name = steps[0]
    if not name.startswith("@"):
        if host not in words().profile_hosts:
            return False
        if len(steps) > 1 and name.lower() in words().profile_steps:
            name = steps[1]
    return name.lower() not in words().not_profiles and not _is_official(name, context, server=host)


def _handle_kind(found: str, context: PrivacyContext) -> str | None:
    name = found.removeprefix("/").removeprefix("u/")
    return None if _is_official(name, context) else "handle"


def _iban_kind(found: str, context: PrivacyContext) -> str:  # noqa: ARG001
    letters = "".join(char for char in found if char.isalnum())
    # A checksum that is wrong makes it a mistyped number, but no other one.
    return "iban" if letters.isascii() and iban_is_valid(letters) else "number"


_KIND_OF: Final[Mapping[str, Callable[[str, PrivacyContext], str | None]]] = {
    "email": lambda _found, _context: "email",
    "handle": _handle_kind,
    "iban": _iban_kind,
    "id": lambda found, _context: "id" if _is_id(found) else "number",
    "ip": lambda found, _context: "ip" if _is_ip(found) else None,
    "keep": lambda _found, _context: None,
    "digits": lambda found, _context: _digits_kind(found),
}
"""For each group of `_structured` but addresses: what a piece that it found is; None where it stays."""


def without_structured(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for e-mail, telephone, accounts and long numbers; ``counts`` is added to."""

    def mark(kind: str) -> str:
        counts[kind] += 1
        return MARKS[kind]

    def address(found: str) -> str:
        body = found.rstrip(_AFTER_ADDRESS)
        rest = found[len(body) :]
        if _is_private_profile(body, context):
            return mark("handle") + rest
        body = _EMAIL_IN_ADDRESS.sub(lambda _: mark("email"), body)
        return _LONG_NUMBER.sub(lambda _: mark("number"), body) + rest

    def replaced(match: re.Match[str]) -> str:
        found, group = match.group(), match.lastgroup
        if group == "url":
            return address(found)
        kind = _KIND_OF[str(group)](found, context)
        return found if kind is None else mark(kind)

    return _structured().sub(replaced, text) if _HINT.search(text) else text


# --- number plates ---------------------------------------------------------------------------------------------

_PLATE = r"(?:[a-z]{1,4}[ \-]?\d{2,5}(?:[ \-]?[a-z]{1,3})?|\d{1,4}[ \-]?[a-z]{1,4}(?:[ \-]?\d{1,4})?)"


@cache
def _plates() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)(?:{any_of(words().before_plates)})(?:[ ]?[:.#]|[ ](?:is|was|no|number))?[ ]{{0,2}}"
        rf"(?P<plate>{_PLATE})(?!\w)",
        re.IGNORECASE,
    )


@cache
def _shaped_plates() -> re.Pattern[str]:
    """The plates that look like nothing else, in capitals."""
    shapes = {shape_pattern(shape) for country in countries().values() for shape in country.plates}
    capitals = (shape.replace("[A-Za-z]", "[A-Z]") for shape in sorted(shapes))
    return re.compile(rf"(?<![\w\-/#.])(?:{'|'.join(capitals)})(?![\w\-/])")


_LETTERS = re.compile(r"[A-Z]+")


def without_plates(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for number plates; ``counts`` is added to.

    Most plates look like any code of a service or a lamp post: one that no word announces stays, unless it has the
    whole shape of a country's plates and no word in it ("US 101 NB").
    """

    def announced(match: re.Match[str]) -> str:
        counts["plate"] += 1
        return match.group()[: match.start("plate") - match.start()] + MARKS["plate"]

    def shaped(match: re.Match[str]) -> str:
        if any(letters.casefold() in ordinary for letters in _LETTERS.findall(match.group())):
            return match.group()
        counts["plate"] += 1
        return MARKS["plate"]

    if _DIGIT.search(text) is None:
        return text
    ordinary = words_that_are_no_names(context.ordinary_words)
    return _shaped_plates().sub(shaped, _plates().sub(announced, text))


# --- house numbers ------------------------------------------------------------------------------------------------

_NUMBER = rf"#?\d{{1,5}}[A-Za-z]?(?:[ ]?(?:[{_DASH}]|/|,|&|and|to|or)[ ]?#?\d{{1,5}}[A-Za-z]?){{0,4}}"
_LEAD = rf"(?<![\w.$€£#\-/:])(?P<number>{_NUMBER})"
_GAP = r"[ \t,]{1,2}"
_IN_WORD = r"[\w.'\u2019\-]"
_CAPITALISED = rf"(?=[^\W\da-zß-öø-ÿ_]){_IN_WORD}++"
_SMALL = r"(?:(?:de|del|la|las|los|el|da|do|dos|das|di|della|dei|e|y)[ ]){0,2}"


@dataclass(frozen=True, slots=True)
class _HouseNumbers:
    always: tuple[re.Pattern[str], ...]  # the group "number" is masked, the street's name stays
    after_word: re.Pattern[str]  # "at 400 Stockton": unless the next word is an ordinary one
    before_known: re.Pattern[str]  # "2323 Laguna": where the site lists its streets


@cache
def _house_numbers() -> _HouseNumbers:
    streets = words().streets
    word = rf"(?!(?:{any_of(streets.not_names)})\b){_IN_WORD}++"
    joined, before = any_of(streets.joined_suffixes), any_of(streets.before_name)
    before_of = {word for country in countries().values() for word in country.streets.before}
    after_of = {word for country in countries().values() for word in country.streets.after}
    return _HouseNumbers(
        always=(
            # 123 Main St
            re.compile(
                rf"{_LEAD}{_GAP}(?:{word}[ \t]{{1,2}}){{1,3}}?(?:{any_of(streets.suffixes)})\b", re.IGNORECASE
            ),
            # 12 Orchard Close
            re.compile(
                rf"{_LEAD}{_GAP}(?:{_CAPITALISED}[ \t]{{1,2}}){{1,3}}?(?:{any_of(streets.weak_suffixes)})\b"
            ),
            # 12 bis, rue de la Paix
            re.compile(
                rf"{_LEAD}(?:[ ]?(?:bis|ter|quater))?,?[ ](?:{before})\.?[ ](?=[\w'\u2019])", re.IGNORECASE
            ),
            # Calle Mayor 5, Via Roma n. 10
            re.compile(
                rf"(?<!\w)(?i:{any_of(streets.name_then_number)})\.?[ ]{_SMALL}"
                rf"(?:{_CAPITALISED}[ ,]{{1,2}}{_SMALL}){{1,4}}?"
                r"(?:[Nn]o?\.?[ ]?|#)?(?P<number>\d{1,5}[a-z]?)(?!\w|[.,/\-]\d)"
            ),
            # Hauptstraße 12a, Alter Weg 3
            re.compile(
                rf"(?<![\w\-])(?:[^\W\d_][\w\-]*?(?:{joined})\.?|[^\W\d_][\w\-]*+[ ](?:{joined})\.?)[ ](?:nr\.?[ ]?)?"
                rf"(?P<number>\d{{1,4}}(?:[ ]?[a-z])?(?:[ ]?[{_DASH}/][ ]?\d{{1,4}}[a-z]?)?)(?!\w|[.:]\d)",
                re.IGNORECASE,
            ),
            # ul. Długa 7, Plac Wolności 7; Skolegade 7, Sveavägen 7: the words of the countries' table
            re.compile(
                rf"(?<!\w)(?i:{any_of(before_of)})(?:[ ]{_CAPITALISED}){{1,3}}?[ ]"
                r"(?P<number>\d{1,4}[A-Za-z]?(?:/\d{1,4})?)(?!\w|[.:]\d)"
            ),
            re.compile(
                rf"(?<![\w\-])(?:[^\W\d_][\w\-]*?(?:{any_of(after_of)})|[^\W\d_][\w\-]*+[ ](?:{any_of(after_of)}))[ ]"
                r"(?P<number>\d{1,4}(?:[ ]?[a-z](?![a-z]))?)(?!\w|[.:]\d)",
                re.IGNORECASE,
            ),
            # P.O. Box 12, Postfach 12
            re.compile(
                rf"(?<!\w)(?:p\.? ?o\.? box|{any_of(streets.boxes)})[ ]{{1,2}}(?P<number>\d{{1,6}})(?!\w)",
                re.IGNORECASE,
            ),
            # Apt 4B, unit #12
            re.compile(
                r"(?<!\w)(?:apt|apartment|unit|suite|ste|flat|wohnung|piso|appt)\.?[ ]?"
                r"(?P<number>#?(?=[A-Za-z]?\d)[A-Za-z]?\d{1,5}[A-Za-z]?)(?!\w)",
                re.IGNORECASE,
            ),
        ),
        after_word=re.compile(
            rf"(?<!\w)(?i:{any_of(streets.words_before_number)})[ ](?P<number>#?\d{{2,5}})[ ]"
            r"(?P<street>[A-ZÀ-Þ][a-zß-ÿ]+)(?!\w)"
        ),
        before_known=re.compile(
            rf"{_LEAD}[ ](?P<street>[^\W\d_][\w'\u2019\-]*+)(?=(?:[ ](?P<second>[^\W\d_][\w'\u2019\-]*+))?)"
        ),
    )


def without_house_numbers(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for house numbers (the street's name stays); ``counts`` is added to."""

    def replaced(match: re.Match[str]) -> str:
        counts["address"] += 1
        found = match.group()
        start, end = match.start("number") - match.start(), match.end("number") - match.start()
        return found[:start] + MARKS["address"] + found[end:]

    def unless_ordinary(match: re.Match[str]) -> str:
        return match.group() if match["street"].casefold() in ordinary else replaced(match)

    def if_known(match: re.Match[str]) -> str:
        first, second = match["street"].casefold(), (match["second"] or "").casefold()
        return replaced(match) if {first, f"{first} {second}"} & streets else match.group()

    if _DIGIT.search(text) is None:
        return text
    patterns = _house_numbers()
    for pattern in patterns.always:
        text = pattern.sub(replaced, text)
    ordinary = words_that_are_no_names(context.ordinary_words)
    text = patterns.after_word.sub(unless_ordinary, text)
    if context.street_names:
        streets = {name.casefold() for name in context.street_names}
        text = patterns.before_known.sub(if_known, text)
    return text
