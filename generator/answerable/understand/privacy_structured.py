"""Personal data that has a structure: addresses for mail, telephone numbers, accounts, long numbers, house numbers.

Every pattern reads each character a bounded number of times: possessive runs begin only where a lookbehind says that a
run begins, and whatever may repeat is bounded or cannot match what follows it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from answerable.understand.privacy_words import MARKS, PrivacyContext, any_of, words, words_that_are_no_names

__all__ = ["without_house_numbers", "without_plates", "without_structured"]

_TLD = (
    r"(?:com|org|net|gov|edu|mil|int|info|biz|io|eu|uk|us|ca|au|nz|ie|in|za|de|at|ch|fr|be|nl|es|mx|ar|cl|co|pe|it|pt"
    r"|br|pl|se|no|dk|fi)"
)
_LOCAL = r"(?<![\w.+%'\-])(?=[.+%'\-]*+\w)[\w.+%'\-]++"
_OPEN, _SHUT = r"[\[({<]", r"[\])}>]"
_DOTTED = rf"(?:[ ]?{_OPEN}[ ]?(?:dot|\.)[ ]?{_SHUT}[ ]?[\w\-]++|\.[\w\-]++)*+"
_EMAIL = (
    # name@host.tld, and name@host where the host has a letter
    rf"{_LOCAL}@++(?=[\w\-.]*[^\W\d_])[\w\-]++(?:\.[\w\-]++)*+"
    # name @ host.tld
    rf"|{_LOCAL}[ ]?@[ ]?(?:[\w\-]++\.)++{_TLD}\b"
    # name (at) host [dot] tld
    rf"|{_LOCAL}[ ]?{_OPEN}[ ]?(?:at|@)[ ]?{_SHUT}[ ]?[\w\-]++{_DOTTED}"
    # name at host dot tld
    rf"|{_LOCAL}[ ]at[ ][\w\-]++(?:[ ]dot[ ][\w\-]++)*?[ ]dot[ ]{_TLD}\b"
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
_DIGITS = (
    # six digits or more, joined by nothing or by up to three of the signs that people put into telephone numbers
    rf"(?<!\d)\+?\(?\d(?:{_JOIN}{{0,3}}\d){{5,}}(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{{1,6}})?"
    # an extension alone
    r"|(?<![\w.])(?:x|ext\.?[ ]?)\d{3,6}(?!\w)"
)
_IPV6 = r"(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4}){1,4}(?![\w:])"
_SPACED_PHONE = re.compile(r"\d{3} \d{4}(?!\d)")
_DIGIT = re.compile(r"\d")
_LONG_NUMBER = re.compile(r"\d{6,}")
_AFTER_ADDRESS = ".,;:!?)]}'\""


@cache
def _structured() -> re.Pattern[str]:
    prefix = r"(?:(?:www|m|mobile|web|old)\.)?"
    site = rf"(?<![\w.@\-]){prefix}(?:{any_of(words().profile_hosts)})/[^\s<>\"]+"
    return re.compile(
        rf"(?P<url>(?<!\w)(?:https?://|www\.)[^\s<>\"]+|{site})"
        rf"|(?P<email>{_EMAIL})|(?P<handle>{_HANDLE})|(?P<number>{_IPV6})|(?P<keep>{_KEEP})|(?P<digits>{_DIGITS})",
        re.IGNORECASE,
    )


def _digits_kind(found: str) -> str | None:
    """What digits and the signs between them are: a telephone number, another number to hide, or nothing to hide."""
    count = sum(char.isdigit() for char in found)
    joins = {char for char in found if not char.isalnum()} - {"+"}
    if found.startswith("+") or found[0] in "xXeE":
        return "phone"
    if not joins:
        return "phone" if count in (10, 11) else "number"
    if joins == {" "}:
        # Spaces may also stand between two numbers. A telephone number has eight digits, a leading 0, or is 701 4688.
        is_phone = (
            count >= 8 or bool(_SPACED_PHONE.fullmatch(found)) or (count >= 7 and found.startswith("0"))
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
        found = match.group()
        match match.lastgroup:
            case "url":
                return address(found)
            case "email":
                return mark("email")
            case "handle":
                name = found.removeprefix("/").removeprefix("u/")
                return found if _is_official(name, context) else mark("handle")
            case "number":
                return mark("number")
            case "keep":
                return found
            case "digits":
                kind = _digits_kind(found)
                return found if kind is None else mark(kind)
            case group:
                raise AssertionError(group)

    return _structured().sub(replaced, text)


# --- number plates ---------------------------------------------------------------------------------------------

_PLATE = r"(?:[a-z]{1,4}[ \-]?\d{2,5}(?:[ \-]?[a-z]{1,3})?|\d{1,4}[ \-]?[a-z]{1,4}(?:[ \-]?\d{1,4})?)"


@cache
def _plates() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)(?:{any_of(words().before_plates)})(?:[ ]?[:.#]|[ ](?:is|was|no|number))?[ ]{{0,2}}"
        rf"(?P<plate>{_PLATE})(?!\w)",
        re.IGNORECASE,
    )


def without_plates(text: str, counts: Counter[str]) -> str:
    """The text with marks for number plates that a word announces; ``counts`` is added to.

    A plate alone looks like any code of a service or a lamp post, so one that nothing announces stays.
    """

    def replaced(match: re.Match[str]) -> str:
        counts["plate"] += 1
        return match.group()[: match.start("plate") - match.start()] + MARKS["plate"]

    return _plates().sub(replaced, text)


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
