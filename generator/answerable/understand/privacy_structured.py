"""Personal data that has a structure: addresses, accounts, and numbers of telephones, cards, banks, persons and cars.

Every pattern reads each character a bounded number of times: possessive runs begin only where a lookbehind says that a
run begins, and whatever may repeat is bounded or cannot match what follows it.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from answerable.understand.privacy_countries import (
    CHECKS,
    LETTERS,
    Id,
    countries,
    iban_is_valid,
    luhn_is_valid,
    shape_pattern,
)
from answerable.understand.privacy_words import MARKS, PrivacyContext, any_of, words, words_that_are_no_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from answerable.understand.privacy_countries import Country

__all__ = ["without_ips", "without_plates", "without_structured"]

_TLD = (
    r"(?:com|org|net|gov|edu|mil|int|info|biz|io|eu|uk|us|ca|au|nz|ie|in|za|de|at|ch|fr|be|nl|es|mx|ar|cl"
    r"|co|pe|it|pt"
    r"|br|pl|se|no|dk|fi|example)"
)
# Endings that are words as well: "at some point in" is no address.
_TLD_NO_WORD = r"(?:com|org|net|gov|edu|info|eu|uk|ca|au|nz|ie|za|ch|fr|nl|mx|ar|cl|pt|br|pl|dk|fi|example)"
_AT = r"(?:at|a|@|arroba|arobase|\u00e4t|klammeraffe)"
_DOT = r"(?:dot|punto|ponto|point|punkt|\.)"
_LOCAL = r"(?<![\w.+%'\-])(?=[.+%'\-]*+\w)[\w.+%'\-]++"
_OPEN, _SHUT = r"[\[({<]", r"[\])}>]"
# Atomic groups: until Python 3.11.5 a possessive group took what stands where its repetition fails, too.
_DOTTED = rf"(?>(?:[ ]?{_OPEN}[ ]?{_DOT}[ ]?{_SHUT}[ ]?[\w\-]++|\.[\w\-]++)*)"
# A domain may go on behind what ends another: "at post dot example dot net".
_MORE_DOTS = rf"(?>(?:[ ](?:dot|punto|ponto|point|punkt)[ ](?:[\w\-]{{1,30}}[ ]{_DOT}[ ])?{_TLD_NO_WORD}\b)*)"
_JOINT = (
    rf"(?:{_DOT}|minus|dash|hyphen|underscore|unterstrich|bindestrich|gui\u00f3n|tiret|h\u00edfen|tra\u00e7o"
    r"|underline)"
)
_EMAIL = (
    rf"{_LOCAL}(?:[ ]?{_OPEN}[ ]?{_DOT}[ ]?{_SHUT}[ ]?[\w.+%'\-]++){{0,3}}(?:"
    # name@host.tld, and name@host where the host has a letter
    r"@++(?=[\w\-.]*[^\W\d_])[\w\-]++(?>(?:\.[\w\-]++)*)"
    # name @ host.tld
    rf"|[ ]?@[ ]?(?>(?:[\w\-]++\.)+){_TLD}\b"
    # name (at) host [dot] tld
    rf"|[ ]?{_OPEN}[ ]?{_AT}[ ]?{_SHUT}[ ]?[\w\-]++{_DOTTED}"
    # name at host dot tld
    rf"|[ ](?:at|arroba|arobase)[ ][\w\-]++(?:[ ]dot[ ][\w\-]++)*?[ ]dot[ ]{_TLD}\b{_MORE_DOTS}"
    rf"|[ ](?:at|arroba|arobase|\u00e4t)[ ][\w\-]++(?:[ ]{_DOT}[ ][\w\-]++)*?[ ]{_DOT}[ ]{_TLD_NO_WORD}\b"
    rf"{_MORE_DOTS})"
    # first dot last at host dot tld
    rf"|(?<![\w.])[\w\-]{{1,30}}(?:[ ]{_JOINT}[ ][\w\-]{{1,30}}){{1,3}}[ ](?:at|arroba|arobase"
    rf"|\u00e4t)[ ][\w\-]{{1,30}}"
    rf"(?:[ ]{_DOT}[ ][\w\-]{{1,30}}){{1,3}}"
)
_EMAIL_IN_ADDRESS = re.compile(_EMAIL, re.IGNORECASE)
_COORDINATES_IN_ADDRESS = re.compile(r"[-+]?\d{1,3}\.\d{3,}(?:,|%2C|/)[-+]?\d{1,3}\.\d{3,}")
_HANDLE = (
    # @user, @user@server; not @7 and not the @ of an e-mail address
    r"(?<![\w@])@++(?=\w*[^\W\d_])\w++(?>(?:[.\-]\w++)*)(?:@[\w\-]++(?>(?:\.[\w\-]++)*))?"
    # u/user, as on Reddit
    r"|(?<![\w/.])/?u/[A-Za-z0-9_\-]{3,20}(?![\w\-])"
)

_ACCOUNT_OR_URL = re.compile(
    r"(?<!\w)(?:https?://|www\.)[^\s<>\"]+|(?<![\w@.+%'\-])@(?=\w*[^\W\d_])\w++(?![.\-@])", re.IGNORECASE
)

# The first of `_HANDLE` alone, with the sign first: it is then searched for many times as fast.
_AT_ALONE = re.compile(
    r"(?P<handle>@(?<![\w@]@)@*+(?=\w*[^\W\d_])\w++(?>(?:[.\-]\w++)*)(?:@[\w\-]++(?>(?:\.[\w\-]++)*))?)"
)

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DASH = r"\-\u2013\u2014"
_KEEP = (
    # dates
    rf"(?<![\d.\-/])(?:{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|(?:{_DAY}[-/.]{_MONTH}"
    rf"|{_MONTH}[-/.]{_DAY})[-/.](?:{_YEAR}|\d\d))"
    r"(?![\-./]?\d)"
    # times of day
    r"|(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?![\d:])"
    # hours from and to, with points
    r"|(?<![\d.])(?:[01]?\d|2[0-4])\.[0-5]\d ?[\-\u2013\u2014] ?(?:[01]?\d|2[0-4])\.[0-5]\d(?![\d.]\d)"
    # years from and to
    rf"|(?<![\d\-.]){_YEAR} ?[{_DASH}/] ?(?:19|20)?\d\d(?![\d\-.])"
    # sums of money
    r"|[$€£¥₹] ?\d{1,5}(?:[,.]\d{3})*(?:[.,]\d{1,2})?(?![\d.\-]\d)(?![\d\-])"
    # hours from and to, as 2200-0600
    r"|(?<![\d\-+(.])(?:[01]\d|2[0-3])(?:00|15|30|45) ?[\-\u2013] ?(?:[01]\d|2[0-4])(?:00|15|30|45)(?![\d\-])"
)
_JOIN = r"[ .\-\u2010-\u2015\u2212_~*()|\u00b7\u2022]"
# A digit, or a letter that is written for one between digits: 4I5-555-O123.
_FIGURE = r"(?:\d|(?<=\d)[oil](?=\d)|(?<=\d[\-. ])[oil](?=\d\d))"
_DIGITS_WITH_SLASH = (
    # a country's or an area's code, a slash, a number: +49 (0) 201 / 55 43 21; a company's in Brazil
    r"(?<![\d/])(?:\(?0\d{2,4}\)?|\+\d{1,3}[ ]?(?:\(0\)[ ]?)?\d{2,4})[ ]?/[ ]?\d(?:[ \-]?\d){4,9}(?![\d/]|[ \-]\d)"
    r"|(?<!\d)\d\d\.\d{3}\.\d{3}/\d{4}-\d\d(?!\d)|"
)
_DIGITS = (
    # six digits or more, joined by nothing or by up to three of the signs that people put into telephone numbers
    rf"(?<!\d)\+?\(?\d(?:{_JOIN}{{0,3}}{_FIGURE}){{5,}}(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{{1,6}})?"
    # an area code, a slash, a number
    r"|(?<![\d/])0\d{2,4}/\d{4,8}(?![\d/])"
    # an extension alone
    r"|(?<![\w.])(?:x|ext\.?[ ]?)\d{3,6}(?!\w)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_IP = (
    rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)"
    # version 6; `_is_ip` tells it from times of day
    r"|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])"
)
# Before anything else is looked for, with the port, the length of the network's prefix or its name; in an address on
# the web it is a server's.
_IP_ALONE = re.compile(
    rf"(?<![\w.:/@\-])(?P<ip>(?:::ffff:)?(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)(?::\d{{2,5}}|/\d\d?)?(?!\w)"
    r"|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])(?:/\d{1,3}(?!\w)|%\w{1,15})?)",
    re.IGNORECASE,
)
# Each begins with a sign, for which a text is searched fast.
_FOUR_NUMBERS = re.compile(r"\.\d{1,3}\.\d")
_COLONS = re.compile(r":[0-9a-fA-F]{0,4}:")
_IP_GROUPS = 3  # "12::30" is no address
_DIGIT = re.compile(r"\d")
_LONG_NUMBER = re.compile(r"\d{6,}")
_DEGREES = r"[-+\u2212]?\d{1,3}\.\d{3,}"
_MINUTES = (
    r"\d{1,3}[ ]?[\u00b0o][ ]?\d{1,2}(?:[.,]\d{1,6})?[ ]?['\u2032\u2019](?:[ "
    r"]?\d{1,2}(?:[.,]\d+)?[ ]?(?:\"|\u2033|\u201d|''|\u2032\u2032))?"
)
_WIND = r"(?:[ ]?[\u00b0o])?(?:[ ]?[NSEWO]\b)?"
_LAT = r"(?:lat(?:itude?)?|breite|n\u00f6rdl\.? breite|[NS])"
_LON = r"(?:lon(?:gitude?)?|lng|long|l\u00e4nge|[EWO])"
_COORDINATES = (
    # 42.5, -17.25 with three decimals or more; 42.5\u00b0N 17.25\u00b0W; lat 42.5 lon 17.25
    rf"(?<![\w.])(?:{_LAT}[ ]?[:=]?[ ]?)?{_DEGREES}(?!\d){_WIND}(?:[ ]?[,;/|&][ ]?|[ ](?:(?:and|y|e|et"
    rf"|und)[ ])?)"
    rf"(?:{_LON}[ ]?[:=]?[ ]?)?{_DEGREES}(?!\d){_WIND}"
    # with a comma for the point, where both are written so
    rf"|(?<![\w.,])(?:{_LAT}[ ]?[:=]?[ ]?)?[-+]?\d{{1,3}},\d{{4,}}{_WIND}[ ]?[;/"
    rf"|\s][ ]?(?:{_LON}[ ]?[:=]?[ ]?)?"
    rf"[-+]?\d{{1,3}},\d{{4,}}(?!\d){_WIND}"
    rf"|(?<!\d){_MINUTES}[ ]?[NSEWO](?:[ ]?[,;/][ ]?|[ ])?{_MINUTES}[ ]?[NSEWO]\b"
)
_COORDINATES_WIND_FIRST = rf"|(?<!\w)[NS][ ]?{_MINUTES}(?:[ ]?[,;/][ ]?|[ ])?[EWO][ ]?{_MINUTES}"
# What shows that a text may hold a piece: everything else is done only where one of these is.
_AT_WORD = re.compile(
    rf"{_OPEN}[ ]?{_AT}[ ]?{_SHUT}|[ ](?:at|arroba|arobase|\u00e4t)[ ].{{1,60}}?[ ]{_DOT}[ ]", re.IGNORECASE
)
_WWW = re.compile(r"[wW]{3}\.")
_OPENS = re.compile(r"[\[({<]")
_DOT_WORD = re.compile(r"[ ](?:dot|punto|ponto|point|punkt)[ ]", re.IGNORECASE)
_AT_IN_WORD = re.compile(r"[\w.+%'\-]@|@[ @]")
_SLASH = re.compile(r"[a-z]/", re.IGNORECASE)
_REDDIT = re.compile(r"(?<![\w/.])/?u/", re.IGNORECASE)
# Before a site's name: for small screens, or a country's.
_BEFORE_SITE = r"(?:www|m|mobile|mbasic|touch|web|old|new|[a-z]{2}(?:-[a-z]{2})?)\."
_OF_SITE = re.compile(rf"\A{_BEFORE_SITE}")
_CARD_DIGITS = range(13, 20)
_STARS = ("**", "xxxx", "XXXX", "\u2022\u2022")
# A card of whose digits some are starred: "4111 11** **** 1111", "**** 1111".
_CARD = (
    r"(?<![\w*])(?=(?:[ \-]?\d){0,8}[ \-]?[*x\u2022]{2})"
    r"(?:[\d*x\u2022]{4}[ \-]?){2,3}(?:[*x\u2022]{4}[ \-]?)?\d{4}(?!\w)"
)
_AFTER_ADDRESS = ".,;:!?)]}'\""


@cache
def _structured(
    *, url: bool, site: bool, email: bool, handle: bool, digits: bool, stars: bool, slash: bool, degrees: bool
) -> re.Pattern[str]:
    """One pattern of the pieces that a text may hold, the first of which counts."""
    prefix = rf"(?:{_BEFORE_SITE})?"
    sites = rf"(?<![\w.@\-]){prefix}(?:{any_of(words().profile_hosts)})/[^\s<>\"]+"
    groups = [
        rf"(?P<url>(?<!\w)(?:https?://|www\.)[^\s<>\"]+{f'|{sites}' if site else ''})" if url or site else "",
        rf"(?P<email>{_EMAIL})" if email else "",
        rf"(?P<handle>{_HANDLE})" if handle else "",
        *(
            (
                rf"(?P<iban>{_ibans()})",
                rf"(?P<id>{_lettered_ids()})",
                rf"(?P<ip>{_IP})",
                rf"(?P<coordinates>{_COORDINATES}{_COORDINATES_WIND_FIRST if degrees else ''})",
                rf"(?P<keep>{_KEEP})",
                rf"(?P<card>{_CARD})" if stars else "",
                rf"(?P<digits>{_DIGITS_WITH_SLASH if slash else ''}{_DIGITS})",
            )
            if digits
            else ()
        ),
    ]
    return re.compile("|".join(group for group in groups if group), re.IGNORECASE)


@cache
def _hosts() -> tuple[str, ...]:
    return tuple(words().profile_hosts)


def _pattern_for(text: str) -> re.Pattern[str] | None:
    """The pattern of what a text may hold; None where it can hold nothing."""
    has_at = "@" in text
    url = "://" in text or _WWW.search(text) is not None
    has_slash = "/" in text
    site = has_slash and any(
        text[max(0, match.start() - 24) : match.start() + 1].casefold().endswith(_hosts())
        for match in _SLASH.finditer(text)
    )
    email = (has_at and _AT_IN_WORD.search(text) is not None) or (
        (_OPENS.search(text) is not None or _DOT_WORD.search(text) is not None)
        and _AT_WORD.search(text) is not None
    )
    handle = has_at or (has_slash and _REDDIT.search(text) is not None)
    # What stands in an account's name or in an address on the web is found with it, whole.
    bare = _ACCOUNT_OR_URL.sub(" ", text) if has_at or url else text
    digits = _DIGIT.search(bare) is not None or bare.count(":") > 1
    if not (url or site or email or handle or digits):
        return None
    if has_at and not (url or site or email or digits or _REDDIT.search(text)):
        return _AT_ALONE
    stars = digits and any(signs in bare for signs in _STARS)
    degrees = digits and "\u00b0" in bare
    slash = digits and "/" in bare
    return _structured(
        url=url,
        site=site,
        email=email,
        handle=handle,
        digits=digits,
        stars=stars,
        slash=slash,
        degrees=degrees,
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
    found, slash, _ = found.partition("/")
    try:
        ipaddress.IPv6Address(found)
    except ValueError:
        return False
    groups = found.split(":")
    # "2001:db8::1" and any with a prefix's length; no hours: "12::30"
    return bool(slash) or sum(map(bool, groups)) >= _IP_GROUPS or (len(groups[0]) > _SHORT and "::" in found)


@cache
def _short_phones() -> re.Pattern[str]:
    shapes = {shape for country in countries().values() for shape in country.phones}
    return re.compile("|".join(sorted(map(shape_pattern, shapes))))


def _digits_kind(found: str) -> str | None:
    """What digits and the signs between them are: which number to hide, or nothing to hide."""
    figures = "".join(char for char in found if char.isalnum())
    count = len(figures)
    joins = {char for char in found if not char.isalnum()} - {"+"}
    if found.startswith("+") or found[0] in "xXeE" or "/" in found:
        return "id" if _is_id(found) else "phone"
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


@lru_cache(maxsize=16)
def _official(handles: frozenset[str]) -> frozenset[str]:
    return frozenset(handle.lstrip("@").casefold() for handle in handles)


def _is_official(name: str, context: PrivacyContext, *, server: str = "") -> bool:
    plain = name.lstrip("@").casefold()
    known = _official(context.official_handles)
    return plain in known or (server != "" and f"{plain}@{server}" in known)


def _is_private_profile(url: str, context: PrivacyContext) -> bool:
    """Whether an address is that of a private person's account."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").lower()
    except ValueError:  # an address that no browser could follow either
        return False
    if host not in words().profile_hosts:
        host = _OF_SITE.sub("", host, count=1)
    steps = [step for step in parts.path.split("/") if step]
    if not steps:
        return False
    name = steps[0]
    if name == "profile.php":
        return bool(parts.query)
    if not any(step.startswith("@") for step in steps):
        if host not in words().profile_hosts:
            # On any other host, what stands behind a word that says so: /users/jo, /profile/jo
            return any(step.lower() in words().profile_steps_anywhere for step in steps[:-1])
        if len(steps) > 1 and name.lower() in words().profile_steps:
            name = steps[1]
    name = next((step for step in steps if step.startswith("@")), name)
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
    "id": lambda found, _context: "id" if _is_id(found) else "number" if _LONG_NUMBER.search(found) else None,
    "ip": lambda found, _context: "ip" if _is_ip(found) else None,
    "coordinates": lambda _found, _context: "coordinates",
    "card": lambda _found, _context: "card",
    "keep": lambda _found, _context: None,
    "digits": lambda found, _context: _digits_kind(found),
}
"""For each group of `_structured` but addresses: what a piece that it found is; None where it stays."""


_NUMBERS = frozenset({"phone", "number", "ip"})
_LOOK_BACK, _LOOK_AHEAD = 40, 16  # characters of what stands beside a number
_TELEPHONE = re.compile(r"\(.*|(?:1[ .\-]?)?\d{3}[.\-]\d{3}[.\-]\d{4}|\d{3}[.\-]\d{4}")
_THOUSANDS = re.compile(r"\d{1,3}(?:(?: \d{3}){1,3}|(?:\.\d{3}){1,3}|(?:'\d{3}){1,3})")


@cache
def _before_number() -> re.Pattern[str]:
    number = r"[ ](?:no|nr|number|num|id|code|n\.?[o\u00ba\u00b0]|numer|n\u00famero|num\u00e9ro)(?!\w)"
    ending = r"(?:[ ](?:is|was|shows|reads|ist|lautet|zeigt|es|marca|est|affiche|indique|\u00e9|era))?"
    return re.compile(
        rf"(?<!\w)(?:(?:{any_of(words().before_numbers)})(?:{number})?"
        rf"|(?:{any_of(words().before_numbers_marked)})(?:{number}|(?=\.?{ending}[ ]?[:#])))"
        # a year or a prefix that stands with it: "2023/004182", "SN-48213907"
        rf"\.?{ending}[ ]?[:#]?[ ]?(?:(?:19|20)\d\d/|[a-z]{{1,4}}-)?\Z",
        re.IGNORECASE,
    )


@cache
def _before_version() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(words().before_versions)})\.?[ ]?\Z", re.IGNORECASE)


_FILE_NUMBER = re.compile(r"(?:19|20)\d\d-\d{3,6}")


@cache
def _before_file() -> re.Pattern[str]:
    """Before a year and a number, which only a file has, no "number" need stand."""
    return re.compile(rf"(?<!\w)(?:{any_of(words().before_numbers_marked)})\.?[ ]?\Z", re.IGNORECASE)


@cache
def _after_amount() -> re.Pattern[str]:
    return re.compile(rf"[ ]?(?:(?:{any_of(words().after_amounts)})(?!\w)|[€$£%])", re.IGNORECASE)


def _is_no_persons(match: re.Match[str]) -> bool:
    """Whether the words beside a number show that it is an order's, a version's or an amount, and no person's."""
    text, found = match.string, match.group()
    begin = max(0, match.start() - _LOOK_BACK)
    if match.lastgroup == "ip":
        return bool(_before_version().search(text, begin, match.start()))
    # So nobody writes but the number of a telephone.
    if match.lastgroup != "digits" or found.startswith("+") or _TELEPHONE.fullmatch(found):
        return False
    if _before_number().search(text, begin, match.start()):
        return True
    if found.count(".") > 1 and _before_version().search(text, begin, match.start()):
        return True
    if _FILE_NUMBER.fullmatch(found) and _before_file().search(text, begin, match.start()):
        return True
    return bool(
        _THOUSANDS.fullmatch(found) and _after_amount().match(text, match.end(), match.end() + _LOOK_AHEAD)
    )


def without_ips(text: str, context: PrivacyContext, counts: Counter[str]) -> str:  # noqa: ARG001
    """The text with marks for machines' addresses, which else hold what looks like house numbers."""
    if _FOUR_NUMBERS.search(text) is None and _COLONS.search(text) is None:
        return text

    def replaced(match: re.Match[str]) -> str:
        if not _is_ip(match["ip"]) or _is_no_persons(match):
            return match.group()
        counts["ip"] += 1
        return MARKS["ip"]

    return _IP_ALONE.sub(replaced, text)


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
        body = _EMAIL_IN_ADDRESS.sub(lambda _: mark("email"), body) if "@" in body or "(" in body else body
        body = _COORDINATES_IN_ADDRESS.sub(lambda _: mark("coordinates"), body)
        return _LONG_NUMBER.sub(lambda _: mark("number"), body) + rest

    def replaced(match: re.Match[str]) -> str:
        found, group = match.group(), match.lastgroup
        if group == "url":
            return address(found)
        kind = _KIND_OF[str(group)](found, context)
        return found if kind is None or (kind in _NUMBERS and _is_no_persons(match)) else mark(kind)

    pattern = _pattern_for(text)
    return text if pattern is None else pattern.sub(replaced, text)


# --- number plates ---------------------------------------------------------------------------------------------

_PLATE = (
    # in capitals, up to four groups of letters or digits; else one or two
    r"(?:(?-i:(?=[A-Z\u00c4\u00d6\u00dc\d \-\u00b7]{0,9}?\d)(?=[\d \-]{0,6}[A-Z\u00c4\u00d6\u00dc])"
    r"[A-Z\u00c4\u00d6\u00dc\d]{1,4}(?:[ \-\u00b7]?[A-Z\d]{1,4}){1,3}(?!\w))"
    r"|[a-z\u00e4\u00f6\u00fc]{1,3}-[a-z]{1,2}[ \-]?\d{1,4}[eh]?"
    r"|[a-z]{1,4}[ \-]?\d{2,5}(?:[ \-]?[a-z]{1,3}(?:-?\d{1,4}|[ ]\d{4})?)?"
    r"|\d{1,4}[ \-]?[a-z]{1,4}(?:[ \-]?\d{1,4})?)"
)


@cache
def _plates() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)(?:{any_of(words().before_plates)})"
        r"(?:[ ]?[:.#=][ ]{0,2}|[ ](?:is|was|no\.?|number|reads|says|ist|war|lautet|nr\.?|es|era|est"
        r"|\u00e9|foi|n[\u00b0\u00ba]|n[\u00fau]mero|num\u00e9ro)[ :]{1,2}|[ ]{1,2})[\"'(\u201c\u201e\u00ab]?"
        rf"(?P<plate>{_PLATE})(?!\w)",
        re.IGNORECASE,
    )


# A word with a digit that is none of an account's or an address's: every plate has one.
_NUMBER_WORD = re.compile(r"(?<![\w@/.])[A-Za-z]{0,7}\d")
_SMALL_WORD = re.compile(r"[^\W\d_]+")


def _rarest(phrase: str) -> str:
    """The word of a phrase by which texts that may hold it are told from others."""
    found: list[str] = _SMALL_WORD.findall(phrase)
    return max(found, key=lambda word: (len(word) > _SHORT, word not in words().common, len(word)))


@cache
def _plate_words() -> frozenset[str]:
    return frozenset(_rarest(phrase) for phrase in words().before_plates)


@cache
def _vehicle_words() -> frozenset[str]:
    """Single words that speak of a vehicle."""
    return frozenset(phrase for phrase in words().vehicles if _SMALL_WORD.fullmatch(phrase))


@cache
def _words_of_vehicle_phrases() -> frozenset[str]:
    phrases = words().vehicles - _vehicle_words()
    return frozenset(_rarest(phrase) for phrase in phrases)


def _speaks_of_vehicle(text: str, there: set[str]) -> bool:
    """Whether a text speaks of a vehicle; ``there`` are its words in small letters."""
    if there & _vehicle_words():
        return True
    return bool(there & _words_of_vehicle_phrases()) and _vehicle_phrases().search(text) is not None


def _shapes(of: Callable[[Country], tuple[str, ...]]) -> str:
    """An alternation of shapes of all countries; one that begins with a country's letters is a group with its code."""
    plain: set[str] = set()
    known: list[str] = []
    for code, country in sorted(countries().items()):
        for shape in of(country):
            if shape.startswith("P"):
                known.append(f"(?P<{code}{len(known)}>{shape_pattern('P')}){shape_pattern(shape[1:])}")
            else:
                plain.add(shape_pattern(shape))
    return "|".join([*sorted(plain), *known])


def _in_capitals(shapes: str) -> re.Pattern[str]:
    shapes = shapes.replace(f"[{LETTERS}]", "[A-Z\u00c4\u00d6\u00dc]").replace("[A-Za-z]", "[A-Z]")
    # Fewer than four such signs are no plate: most words end there.
    signs = r"(?=[A-Z\u00c4\u00d6\u00dc\d \-\u00b7]{4})"
    return re.compile(rf"(?<![\w\-/#.]){signs}(?:{shapes})(?![\w\-/])")


@cache
def _shaped_plates() -> re.Pattern[str]:
    """The plates that look like nothing else, in capitals; the last are that only where they hold no word."""
    alone = _shapes(lambda country: country.plates)
    wordless = _shapes(lambda country: country.plates_without_words)
    return _in_capitals(f"{alone}|(?P<wordless>(?:{wordless}))")


@cache
def _plates_of_vehicles() -> re.Pattern[str]:
    """Those that look like other codes, for texts that speak of a vehicle."""
    shapes = _shapes(lambda country: (*country.plates_of_vehicles, *country.plates_in_capitals))
    return _in_capitals(shapes)


@cache
def _small_plates() -> re.Pattern[str]:
    """The same in small letters, of six letters and digits or more, for texts that speak of a vehicle."""
    shapes = _shapes(lambda country: (*country.plates, *country.plates_of_vehicles))
    small = shapes.replace(f"[{LETTERS}]", "[a-z\u00e4\u00f6\u00fc]").replace("[A-Za-z]", "[a-z]")
    signs = r"(?=(?:[ \-]?[a-z\u00e4\u00f6\u00fc\d]){6})"
    return re.compile(rf"(?<![\w\-/#.])(?:{signs}(?:{small.replace('E{0,1}H{0,1}', '[eh]?')}))(?![\w\-/])")


def _begins_no_plate(match: re.Match[str]) -> bool:
    """Whether what stands first is not what a plate of the country begins with: "DIN EN 1176"."""
    return any(
        begin is not None and begin.upper() not in countries()[group[:2]].plate_prefixes
        for group, begin in match.groupdict().items()
        if group[2:].isdigit()
    )


@cache
def _vehicle_phrases() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(words().vehicles - _vehicle_words())})(?!\w)", re.IGNORECASE)


# A plate named beside another: "[plate] und wob-ml 99".
_NEXT_PLATE = re.compile(
    r"(?<=\[plate\])(?P<joint>[ ]?[,/&+]?[ ]?(?:and|or|und|oder|y|o|et|ou|e)[ ]|[ ]?[/&+][ ]?)"
    r"(?P<plate>[a-z\u00e4\u00f6\u00fc]{1,3}[ \-][a-z]{1,2}[ \-]?\d{1,4}"
    r"|[a-z]{2,4}[ \-]?\d{2,4}(?:[ \-]?[a-z]{1,3})?"
    r"|\d{1,4}[ \-]?[a-z]{2,3}(?:[ \-]?\d{1,4})?)(?![\w\-])",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[A-Z\u00c4\u00d6\u00dc]+")
# Letters, a year, a month's letter and a number: no country writes its plates with one hyphen there.
_TICKET = re.compile(r"[A-Z]{2}\d\d[A-Z]-\d{4}")
_POSTCODE = re.compile(r"[A-Z]{2}[ \-]\d{5}")
# A year of a model or a law: "GTI 2000", "CR-V 2019".
_MODEL = re.compile(r"(?:[A-Z]{2,4}|[BCHWZ]R-V|C-HR) (?:199|20[0-3])\d")
_UNIT = re.compile(r"\d (?:KM|KW|KWH|UHR|EUR|MPH|NB|SB|EB|WB)\Z")
_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{1,3})")
_JOINED_NUMBER = re.compile(r"[A-Z]{2}(?:-\d(?:[ ]?\d){4}|[ ]\d{2,3}[ ]\d{3}|[ ]\d{6})")
_BOTH_SIDES = re.compile(r"[A-Z]{2}[ \-]?\d{3}[ \-]?[A-Z]{2}")
_DIGITS_OF_PLATE = 4
_SEPARATE = re.compile(r"[ \-]")
_SHORT = 2  # letters: "ab" is a German word, and in "ab12 cde" none
_GROUPS = 2  # of letters in a plate in small letters
_SMALL_ALONE = re.compile(r"\d[a-z]{3}\d{3}|[a-z]{3}-?\d{4}|\d{4}-?[b-df-hj-np-tv-z]{3}")  # with one group
_SMALL_GERMAN = re.compile(r"([a-z\u00e4\u00f6\u00fc]{1,3})-[a-z]{1,2}[ \-](?!(?:19|20)\d\d)\d{2,4}[eh]?")
_SMALL_LETTERS = re.compile(r"[a-z\u00e4\u00f6\u00fc]+")
_SMALL_CODE = re.compile(r"(?<!\w)[a-z]{1,3}[ \-]?\d|\d[ \-]?[a-z]{2,3}(?![a-z])")
# What begins a plate in capitals. Its first sign is searched for fast; what stands before that is looked at then.
_CODE = re.compile(
    r"[A-Z\u00c4\u00d6\u00dc\d](?<![\w\-/#.].)(?:(?<=\d)\d{0,3}(?:[ \-]\d\d)?[ \-\u00b7]?[A-Z]{1,4}(?![a-z])"
    r"|(?<!\d)[A-Z\u00c4\u00d6\u00dc]{0,4}[ \-\u00b7]?(?:[A-Z]{1,2}[ \-\u00b7]?)?\d)"
)


@cache
def _regions() -> frozenset[str]:
    return frozenset(region for country in countries().values() for region in country.regions)


@cache
def _before_code() -> re.Pattern[str]:
    """Words before a number that show that it is a ticket's, a line's or a form's."""
    return re.compile(
        rf"(?<!\w)(?:{any_of(words().before_codes)})"
        r"(?:[ ](?:no|nr|number|num|id|code|is|n\u00ba|n\u00b0))?\.?[ ]?[:#]?[ ]?\Z",
        re.IGNORECASE,
    )


def _is_code(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like a plate is a ticket's number, a road's or a line's."""
    found = match.group()
    if (
        _before_code().search(text, max(0, match.start() - 24), match.start())
        or _TICKET.fullmatch(found)
        or _MODEL.fullmatch(found)
        or _UNIT.search(found)  # "BR 101 KM"
    ):
        return True
    letters = _LETTERS.findall(found)
    if not letters:
        return False
    if len(letters) == 1:
        return (
            letters[0].casefold() in words().codes
            or (_POSTCODE.fullmatch(found) is not None and letters[0] in _regions())
            or _ROMAN.fullmatch(letters[0]) is not None
        )
    before = text[max(0, match.start() - 2) : match.start()]
    # "60 W E 27"; "DIN EN 1176", where two letters may be a district's; "VW ID 3"
    return (
        (found[1] == " " and len(before) > 1 and before[0].isdigit())
        or (len(letters[0]) > _SHORT and letters[0].casefold() in words().codes)
        or (found[-2] == " " and letters[-1].casefold() in words().codes)
    )


def _is_ordinary(found: str, ordinary: frozenset[str]) -> bool:
    """Whether what has a plate's shape is words with a number: "US 101 NB"."""
    # A letter alone is a word only beside few figures.
    is_long = sum(map(str.isdigit, found)) >= _DIGITS_OF_PLATE
    known = [
        (len(group), group.casefold() in ordinary and not (is_long and len(group) == 1))
        for group in _LETTERS.findall(found)
    ]
    if _BOTH_SIDES.fullmatch(found):  # "US 101 NB", "AT 500 OK"; not "FT 482 PL"
        first, last = (group.casefold() for group in _LETTERS.findall(found))
        lists = words()
        return (first in lists.common or first in lists.codes or last in lists.codes) and all(
            is_known for _, is_known in known
        )
    if _JOINED_NUMBER.match(found):  # "BE-281 245": nobody writes a word so
        return any(is_known for size, is_known in known if size > _SHORT)
    return all(is_known for _, is_known in known) or any(
        is_known for size, is_known in known if size > _SHORT
    )


def _holds_word(found: str, ordinary: frozenset[str]) -> bool:
    """Whether any letters of a plate's shape are a word, or a code's: "RES OF 570"."""
    groups = [group.casefold() for group in _LETTERS.findall(found) if len(group) > 1]
    lists = words()
    return any(
        group in ordinary or group in lists.common or group in lists.codes for group in groups[1:]
    ) or any(len(group) > _SHORT and group in lists.common for group in groups[:1])


def _has_word(found: str) -> bool:
    return any(len(group) > _SHORT and group in words().common for group in _SMALL_LETTERS.findall(found))


def _is_said(found: str, ordinary: frozenset[str]) -> bool:
    """Whether what has a plate's shape in small letters is words with a number: "on 16th", "as 100s"."""
    german = _SMALL_GERMAN.fullmatch(found)
    if german is not None and german[1].upper() in countries()["DE"].plate_prefixes:
        return False
    if any(group in ordinary or group in words().common for group in _SEPARATE.split(found)):
        return True
    groups = _SMALL_LETTERS.findall(found)
    is_one_group = len(groups) < _GROUPS
    if is_one_group and groups[0] in words().codes:
        return True  # "2000rpm"
    return _has_word(found) or (is_one_group and not _SMALL_ALONE.fullmatch(found))


def _is_wordy(match: re.Match[str], ordinary: frozenset[str]) -> bool:
    """Whether what has a plate's shape in capitals is words with a number, or, for some shapes, only holds one."""
    found = match.group()
    return _is_ordinary(found, ordinary) or (
        match.groupdict().get("wordless") is not None and _holds_word(found, ordinary)
    )


def _patterns_for(text: str, there: set[str]) -> Iterator[re.Pattern[str]]:
    """The patterns of those plates that a text may hold."""
    has_code = _CODE.search(text) is not None
    has_small = _SMALL_CODE.search(text) is not None
    if has_code:
        yield _shaped_plates()
    if (has_code or has_small) and _speaks_of_vehicle(text, there):
        if has_code:
            yield _plates_of_vehicles()
        if has_small:
            yield _small_plates()


def without_plates(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for number plates; ``counts`` is added to.

    Most plates look like any code of a service or a lamp post: one that no word announces stays, unless it has the
    whole shape of a country's plates and no word in it ("US 101 NB").
    """

    def announced(match: re.Match[str]) -> str:
        if _has_word(match["plate"]):
            return match.group()  # "Reg. 18 does not mention"
        counts["plate"] += 1
        return match.group()[: match.start("plate") - match.start()] + MARKS["plate"]

    def shaped(match: re.Match[str]) -> str:
        found = match.group()
        is_words = _is_said(found, ordinary) if found.islower() else _is_wordy(match, ordinary)
        if is_words or _is_code(text, match) or _begins_no_plate(match):
            return found
        counts["plate"] += 1
        return MARKS["plate"]

    def beside(match: re.Match[str]) -> str:
        counts["plate"] += 1
        return match["joint"] + MARKS["plate"]

    if _NUMBER_WORD.search(text) is None:
        return text
    there = set(_SMALL_WORD.findall(text.casefold()))
    if there & _plate_words():
        text = _plates().sub(announced, text)
    ordinary = words_that_are_no_names(context.ordinary_words)
    for pattern in _patterns_for(text, there):
        text = pattern.sub(shaped, text)
    return _NEXT_PLATE.sub(beside, text) if MARKS["plate"] in text else text
