"""Personal data that has a structure: addresses, accounts, and numbers of telephones, cards, banks, persons and cars.

Every pattern reads each character a bounded number of times: possessive runs begin only where a lookbehind says that a
run begins, and whatever may repeat is bounded or cannot match what follows it.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from datetime import date
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from answerable.settings import load_yaml
from answerable.understand.privacy_countries import (
    CHECKS,
    LETTERS,
    Id,
    countries,
    iban_is_valid,
    luhn_is_valid,
    shape_pattern,
)
from answerable.understand.privacy_lexicon import COMMON, lexicon
from answerable.understand.privacy_words import MARKS, PrivacyContext, any_of, words, words_that_are_no_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from answerable.understand.privacy_countries import Country

__all__ = ["without_ips", "without_plates", "without_structured"]

_ACCOUNTS_FILE = Path(__file__).parent / "rules" / "privacy_accounts.yml"


class _Networks(BaseModel):
    """The file; it says what each list means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str
    reviewed_on: date
    networks: tuple[str, ...]
    networks_that_are_words: tuple[str, ...]
    links: tuple[str, ...]
    links_of_names: tuple[str, ...]
    owners: tuple[str, ...]
    before_networks: tuple[str, ...]
    not_accounts: frozenset[str]
    hosts_of_persons: tuple[str, ...]
    not_persons: frozenset[str]
    pages_of_persons: frozenset[str]
    queries_of_persons: frozenset[str]
    before_phones: tuple[str, ...]
    before_postcodes: tuple[str, ...]
    before_papers: tuple[str, ...]


@cache
def _networks() -> _Networks:
    return load_yaml(_ACCOUNTS_FILE, _Networks)


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
_HYPHEN = (
    r"minus|dash|hyphen|underscore|underline|unterstrich|bindestrich|gui[o\u00f3]n(?:[ ]bajo)?|barra[ ]baja"
    r"|barra[ ]baixa|sublinhado|tiret(?:[ ](?:du[ ])?bas)?|trait[ ]d'union|soulign[e\u00e9]|h[i\u00ed]fen"
    r"|tra[c\u00e7]o|menos|moins"
)
_JOINT = rf"(?:{_DOT}|{_HYPHEN})"
# What joins the end: a word that is as well a country's counts only where "dot" is said.
_SPOKEN = r"(?:dot|punto|ponto|point|punkt)"
_SPACED = rf"(?:(?:[ ]{_DOT}[ ][\w\-]{{1,30}}){{0,2}}[ ](?:{_SPOKEN}[ ]{_TLD}|\.[ ]{_TLD_NO_WORD})\b)?"
# " @ host . tld": a country's end that is a word, too, must end what is said.
_SPACED_HOST = rf"(?:[\w\-]{{1,40}}[ ]?\.[ ]?){{1,3}}(?:{_TLD_NO_WORD}\b|{_TLD}(?=[ ]?(?:[,;.)!?\n]|\Z)))"
# Hosts of mail of which no place bears the name: "jo at gmail.com".
_MAIL_HOSTS = (
    r"(?:gmail|googlemail|hotmail|outlook|yahoo|gmx|web|icloud|me|proton|protonmail|live|msn|aol|posteo|mailbox"
    r"|t-online|freenet|laposte|wanadoo|orange|sapo|uol|bol|terra)(?:\.|[ ](?=com\b))"
    r"(?:com|net|org|de|es|fr|pt|br|co\.uk|com\.br|at|ch|me|it|mx)\b"
)
_EMAIL = (
    rf"{_LOCAL}(?:[ ]?{_OPEN}[ ]?{_DOT}[ ]?{_SHUT}[ ]?[\w.+%'\-]++){{0,3}}(?:"
    # name@host.tld, and name@host where the host has a letter
    r"@++(?=[\w\-.]*[^\W\d_])[\w\-]++(?>(?:\.[\w\-]++)*)"
    # name @ host.tld
    rf"|[ ]?@[ ]?(?>(?:[\w\-]++\.)+){_TLD}\b"
    # name (at) host [dot] tld; "59 dB(A) at night" is none
    rf"|[ ]?{_OPEN}[ ]?{_AT}[ ]?{_SHUT}[ ]?(?<!\([Aa]\))(?<!\([Aa]\)[ ])[\w\-]++{_DOTTED}{_SPACED}"
    rf"|[ ]?\(a\)[ ]?[\w\-]++(?=\.\w|[ ]?{_OPEN}|[ ]{_DOT}[ ]){_DOTTED}{_SPACED}"
    # name @ host . tld
    rf"|[ ]@[ ]{_SPACED_HOST}"
    # name at host dot tld
    rf"|[ ](?:at|arroba|arobase)[ ][\w\-]++(?:[ ](?:dot|{_HYPHEN})[ ][\w\-]++){{0,5}}?[ ]dot[ ]{_TLD}\b{_MORE_DOTS}"
    rf"|[ ](?:at|arroba|arobase|\u00e4t)[ ][\w\-]++(?:[ ]{_JOINT}[ ][\w\-]++){{0,5}}?[ ]{_DOT}[ ]{_TLD_NO_WORD}\b"
    rf"{_MORE_DOTS}"
    # name arroba host.tld; name at gmail.com
    rf"|[ ](?:arroba|arobase|\u00e4t|klammeraffe|(?-i:AT))[ ](?>(?:[\w\-]++\.)+){_TLD}\b"
    rf"|[ ](?:at|arroba|arobase)[ ]{_MAIL_HOSTS})"
    # first . last @ host . tld
    rf"|(?<![\w.])[\w\-]{{1,30}}(?:[ ]\.[ ][\w\-]{{1,30}}){{1,3}}[ ]@[ ]{_SPACED_HOST}"
    # name-at-host-dot-tld; nameAThostDOTtld
    r"|(?<![\w.+\-])[a-z0-9._\-]{1,40}?-(?:at|arroba|arobase|\u00e4t)-[a-z0-9\-]{1,40}?"
    rf"-{_SPOKEN}-[a-z]{{2,12}}(?!\w)"
    r"|(?-i:(?<![\w.+\-])[a-z0-9._\-]{2,40}?AT[a-z0-9\-]{2,40}?DOT[a-z]{2,12}(?!\w))"
    # first dot last at host dot tld
    rf"|(?<![\w.])[\w\-]{{1,30}}(?:[ ]{_JOINT}[ ][\w\-]{{1,30}}){{1,3}}[ ](?:at|arroba|arobase"
    rf"|\u00e4t)[ ][\w\-]{{1,30}}"
    rf"(?:[ ](?:{_HYPHEN})[ ][\w\-]{{1,30}}){{0,3}}(?:[ ]{_DOT}[ ][\w\-]{{1,30}}){{1,3}}"
)
_EMAIL_IN_ADDRESS = re.compile(_EMAIL, re.IGNORECASE)
_COORDINATES_IN_ADDRESS = re.compile(
    # .../52.5234/13.4112, ?q=52.5234,+13.4112, ?mlat=52.5234&mlon=13.4112, !3d52.5234!4d13.4112
    r"(?<![\d.])[-+]?\d{1,3}\.\d{3,}(?:,\+?|%2C(?:%20|\+)?|%20|/|;|\+|~|_|&[a-z_]{1,12}=|!4d)[-+]?\d{1,3}\.\d{3,}",
    re.IGNORECASE,
)
# The server behind an account's name: @user@server, and @user:server on Matrix.
_SERVER = (
    r"(?:@[\w\-]++(?>(?:\.[\w\-]++)*)|:(?=\w)(?:[\w\-]{1,60}\.){1,4}"
    rf"(?i:{_TLD}|social|chat|im|me|dev|app|online|xyz)\b)?"
)
_PLACE_LINK = re.compile(r"/maps/(?:place|dir|search)/.")
_DECIMALS = re.compile(r"\.\d{3}")
_HANDLE = (
    # @user, @user@server; not @7 and not the @ of an e-mail address
    rf"(?<![\w@])@++(?=\w*[^\W\d_])\w++(?>(?:[.\-]\w++)*){_SERVER}"
    # u/user, as on Reddit
    r"|(?<![\w/.])/?u/[A-Za-z0-9_\-]{3,20}(?![\w\-])"
)

_ACCOUNT_OR_URL = re.compile(
    r"(?<!\w)(?:https?://|www\.)[^\s<>\"]+|(?<![\w@.+%'\-])@(?=\w*[^\W\d_])\w++(?![.\-@])", re.IGNORECASE
)

# The first of `_HANDLE` alone, with the sign first: it is then searched for many times as fast.
_AT_ALONE = re.compile(rf"(?P<handle>@(?<![\w@]@)@*+(?=\w*[^\W\d_])\w++(?>(?:[.\-]\w++)*){_SERVER})")

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DASH = r"\-\u2013\u2014"
_KEEP = (
    r"(?<![\d.\-/])(?:"
    # days from and to
    rf"{_DAY}\.{_MONTH}\.(?:{_YEAR}|\d\d)?[ ]?[{_DASH}][ ]?{_DAY}\.{_MONTH}(?:\.(?:{_YEAR}|\d\d)?)?(?!\d)"
    # frequencies and measures from and to: 87.6-107.9
    rf"|\d{{2,3}}\.\d[ ]?[{_DASH}][ ]?\d{{2,3}}\.\d(?![\d.\-])"
    # dates
    rf"|(?:{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}|(?:{_DAY}[-/.]{_MONTH}|{_MONTH}[-/.]{_DAY})[-/.](?:{_YEAR}|\d\d))"
    r"(?![\-./]?\d))"
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
    r"(?<![\d/])(?:\(?0\d{2,4}\)?|\+\d{1,3}[ ]?(?:\(0\)[ ]?)?\d{2,4})[ ]?/[ ]?\d(?:[ .\-]?\d){4,9}(?![\d/]|[ \-]\d)"
    # 907/555-0176; 04/65/71/77/04
    r"|(?<![\d/])\d{3}[ ]?/[ ]?\d{3}[ .\-]\d{4}(?![\d/])|(?<![\d/])0\d(?:/\d\d){4}(?![\d/])"
    # numbers of persons and taxes in Germany; a company's in Brazil
    r"|(?<![\d/])\d\d/\d{3}/\d{3}/\d{3}(?![\d/])|(?<![\d/])\d{2,3}/\d{3,4}/(?!(?:19|20)\d\d(?!\d))\d{4,5}(?![\d/])"
    r"|(?<!\d)\d\d\.\d{3}\.\d{3}/\d{4}-\d\d(?!\d)|"
)
_DIGITS = (
    # six digits or more, joined by nothing or by up to three of the signs that people put into telephone numbers
    # ("(52.5234" begins coordinates)
    rf"(?<!\d)(?!\(\d{{1,3}}\.\d{{3,}})\+?\(?\d(?:{_JOIN}{{0,3}}{_FIGURE}){{5,}}"
    r"(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?"
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
_SIGN_OF_MINUTES = r"(?:'|\u2032|\u2019|\u00b4|min\.?)"
_SIGN_OF_SECONDS = r"(?:\"|\u2033|\u201d|''|\u2032\u2032|\u2019\u2019|sec\.?)"
_MINUTES = (
    rf"\d{{1,3}}[ ]?(?:[\u00b0\u00bao]|deg)[ ]?\d{{1,2}}(?:[.,]\d{{1,6}})?[ ]?{_SIGN_OF_MINUTES}"
    rf"(?:[ ]?\d{{1,2}}(?:[.,]\d{{1,6}})?[ ]?{_SIGN_OF_SECONDS})?"
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
    rf"|(?<![\w.,])(?:{_LAT}[ ]?[:=]?[ ]?)?[-+]?\d{{1,3}},\d{{4,}}{_WIND}(?:[ ]?[;/"
    rf"|\s]|,[ ])[ ]?(?:{_LON}[ ]?[:=]?[ ]?)?"
    rf"[-+]?\d{{1,3}},\d{{4,}}(?!\d){_WIND}"
    rf"|(?<!\d){_MINUTES}[ ]?[NSEWO](?:[ ]?[,;/][ ]?|[ ])?{_MINUTES}[ ]?[NSEWO]\b"
)
_COORDINATES_WIND_FIRST = rf"|(?<!\w)[NS][ ]?{_MINUTES}(?:[ ]?[,;/][ ]?|[ ])?[EWO][ ]?{_MINUTES}"
# 52 31 12 N 13 24 36 E
_COORDINATES_OF_BLANKS = (
    r"|(?<![\w.])\d{1,2}[ ]\d{1,2}[ ]\d{1,2}(?:[.,]\d{1,4})?[ ]?[NS](?:[ ]?[,;/][ ]?|[ ])"
    r"\d{1,3}[ ]\d{1,2}[ ]\d{1,2}(?:[.,]\d{1,4})?[ ]?[EWO]\b"
)
# What else says where something is: a code or three words for a square.
_PLACE_CODES = (
    r"|(?<![\w/:.])///[^\W\d_]{2,20}\.[^\W\d_]{2,20}\.[^\W\d_]{2,20}"
    r"|(?-i:(?<![\w+])(?=[A-Z]*\d|\d)[23456789CFGHJMPQRVWX]{4}(?:[23456789CFGHJMPQRVWX]{4})?"
    r"\+[23456789CFGHJMPQRVWX]{2,3}(?![\w+]))"
)
# What may begin one without a sign for degrees.
_OF_PLACE = re.compile(r"[2-9CFGHJMPQRVWX]{4}\+[2-9CFGHJMPQRVWX]{2}|\d deg")
# Before homes are looked for: in "no 41\u00b0 04' N" no house's number stands.
_DEGREES_FIRST = re.compile(
    rf"(?P<coordinates>(?<!\d){_MINUTES}[ ]?[NSEWO](?:[ ]?[,;/][ ]?|[ ])?{_MINUTES}[ ]?[NSEWO]\b"
    rf"{_COORDINATES_WIND_FIRST}{_PLACE_CODES})",
    re.IGNORECASE,
)
# What shows that a text may hold a piece: everything else is done only where one of these is.
_AT_WORD = re.compile(
    rf"{_OPEN}[ ]?{_AT}[ ]?{_SHUT}|[ ](?:at|arroba|arobase|\u00e4t)[ ].{{1,60}}?[ ]{_DOT}[ ]", re.IGNORECASE
)
_SPELLED_AT = re.compile(f" at {_MAIL_HOSTS}")
_BLANKS_AND_WIND = re.compile(r"\d[ ]\d{1,2}[ ]\d{1,2}(?:[.,]\d+)?[ ]?[NSns]\b")
_OPENS = re.compile(r"[\[({<]")
_DOT_WORD = re.compile(r"[ ](?:dot|p(?:unto|onto|oint|unkt))[ ]")
_AT_IN_WORD = re.compile(r"[\w.+%'\-]@|@[ @]")
_SLASH = re.compile(r"[a-z]/", re.IGNORECASE)


@cache
def _page_of_person() -> re.Pattern[str]:
    """A person's page on any site."""
    pages, steps = any_of(_networks().pages_of_persons), any_of(words().profile_steps_anywhere)
    return re.compile(rf"/(?<=\w/)(?:[~@]\w|(?:{steps})/|(?:{pages})\.php)", re.IGNORECASE)


@cache
def _host_of_person() -> re.Pattern[str]:
    """A person's own host."""
    return re.compile(rf"\.(?:{any_of(_networks().hosts_of_persons)})(?!\w)", re.IGNORECASE)


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
    steps = any_of(words().profile_steps_anywhere)
    # Without a scheme: a known site's address, a person's pages on any other, and a person's own host.
    sites = (
        rf"(?<![\w.@\-]){prefix}(?:{any_of(words().profile_hosts)})/[^\s<>\"]+"
        rf"|(?<![\w.@/\-])(?:[\w\-]{{1,40}}\.){{1,4}}[a-z]{{2,12}}/(?:[~@]\w|(?:[\w\-]{{1,30}}/)?(?:{steps})/\w"
        rf"|(?:[\w\-]{{1,30}}/)?(?:{any_of(_networks().pages_of_persons)})\.php\?\w)[^\s<>\"]*"
        rf"|(?<![\w.@\-])[\w\-]{{2,40}}\.(?:{any_of(_networks().hosts_of_persons)})(?![\w\-])(?:/[^\s<>\"]*)?"
    )
    in_degrees = _COORDINATES_WIND_FIRST + _COORDINATES_OF_BLANKS
    groups = [
        rf"(?P<url>(?<!\w)(?:https?://|www\.)[^\s<>\"]+{f'|{sites}' if site else ''})" if url or site else "",
        rf"(?P<email>{_EMAIL})" if email else "",
        rf"(?P<handle>{_HANDLE})" if handle else "",
        *(
            (
                rf"(?P<iban>{_ibans()})",
                rf"(?P<id>{_lettered_ids()})",
                rf"(?P<ip>{_IP})",
                rf"(?P<coordinates>{_COORDINATES}{in_degrees if degrees else ''})",
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


def _pattern_for(text: str, small: str) -> re.Pattern[str] | None:
    """The pattern of what a text may hold, also given in small letters; None where it can hold nothing."""
    has_at = "@" in text
    url = "://" in text or "www." in small
    has_slash = "/" in text
    site = has_slash and any(
        text[max(0, match.start() - 24) : match.start() + 1].casefold().endswith(_hosts())
        for match in _SLASH.finditer(text)
    )
    site = (
        site
        or (has_slash and _page_of_person().search(text) is not None)
        or _host_of_person().search(text) is not None
    )
    email = (has_at and _AT_IN_WORD.search(text) is not None) or (
        (_OPENS.search(text) is not None or _DOT_WORD.search(small) is not None)
        and _AT_WORD.search(text) is not None
    )
    email = (
        email
        or "arroba" in small
        or "arobase" in small
        or "-at-" in small
        or " \u00e4t " in small
        or "klammeraffe" in small
        or ("DOT" in text and "AT" in text)
        or _SPELLED_AT.search(small) is not None
    )
    handle = has_at or (has_slash and "u/" in small and _REDDIT.search(text) is not None)
    # What stands in an account's name or in an address on the web is found with it, whole.
    bare = _ACCOUNT_OR_URL.sub(" ", text) if has_at or url else text
    digits = _DIGIT.search(bare) is not None or bare.count(":") > 1
    if not (url or site or email or handle or digits):
        return None
    if has_at and not (url or site or email or digits or _REDDIT.search(text)):
        return _AT_ALONE
    stars = digits and any(signs in bare for signs in _STARS)
    degrees = digits and ("\u00b0" in bare or _BLANKS_AND_WIND.search(bare) is not None)
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


@lru_cache(maxsize=4096)
def _profile(url: str) -> tuple[str, tuple[str, ...]] | None:
    """The host of an address that is an account's, and what the account may be called there; None for any other."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").lower()
    except ValueError:  # an address that no browser could follow either
        return None
    if host not in words().profile_hosts:
        host = _OF_SITE.sub("", host, count=1)
    name, _, rest = host.partition(".")
    if rest in _networks().hosts_of_persons and name not in _networks().not_persons:
        return rest, (name,)
    # On some sites the path stands behind "#": matrix.to/#/@jo:server.example
    path = parts.path if "@" not in parts.fragment else f"{parts.path}/{parts.fragment}"
    steps = [step for step in path.replace("%40", "@").split("/") if step]
    if not steps:
        return None
    if _asks_for_person(steps[-1], parts.query):
        return host, tuple(_QUERY_VALUE.findall(parts.query))
    names = _names_in_path(host, steps)
    return (host, names) if names else None


def _is_private_profile(url: str, context: PrivacyContext) -> bool:
    """Whether an address is that of a private person's account."""
    found = _profile(url)
    return found is not None and not any(_is_official(name, context, server=found[0]) for name in found[1])


_QUERY_VALUE = re.compile(r"=([^&;]*)")
_QUERY_NAME = re.compile(r"(?:\A|[&;])([a-z_]{1,12})=(?=[^&;])", re.IGNORECASE)
_PAGE = re.compile(r"([a-z]{1,16})\.(?:php|aspx?|html?|jsp)", re.IGNORECASE)


def _asks_for_person(page: str, query: str) -> bool:
    """Whether a page and what is asked of it are a person's: member.php?u=12, forum?username=jo."""
    if not query:
        return False
    named = _PAGE.fullmatch(page)
    return (named is not None and named[1].lower() in _networks().pages_of_persons) or any(
        name.lower() in _networks().queries_of_persons for name in _QUERY_NAME.findall(query)
    )


def _names_in_path(host: str, steps: list[str]) -> tuple[str, ...]:
    """What the steps of an address's path call an account, if they lead to one."""
    name = steps[0]
    marked = next(
        (step for step in steps if step.startswith(("@", "~")) and not _PLACE_STEP.match(step)), None
    )
    if marked is not None:  # /@jo on any site, and /~jo, a person's pages on a server of many
        user, _, server = marked.lstrip("~").partition(":")
        name = f"{user}@{server}" if server else user
    elif host not in words().profile_hosts:
        # On any other host, what stands behind a word that says so: /users/jo, /profile/jo
        return tuple(
            after for step, after in pairwise(steps) if step.lower() in words().profile_steps_anywhere
        )
    elif len(steps) > 1 and name.lower() in words().profile_steps:
        name = steps[1]
    return () if name.lower() in words().not_profiles else (name,)


# A place on a map: /@52.5,13.4,17z
_PLACE_STEP = re.compile(r"@(?:-?\d{1,3}\.\d+,|\[)")


_LONGEST_NO_ACCOUNT = 12  # signs


def _handle_kind(found: str, context: PrivacyContext) -> str | None:
    name = found.removeprefix("/").removeprefix("u/")
    if ":" in name and _is_official(name.replace(":", "@"), context):
        return None
    if len(name) <= _LONGEST_NO_ACCOUNT and name[1:].casefold() in _networks().not_accounts:  # "Meet @noon"
        return None
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
# Alone, and no telephone's: "4000-123", "01310-100"; "90210-4417" only where it is said.
_POSTCODE_ALONE = re.compile(r"[1-9]\d{3}-\d{3}|\d{5}-\d{3}|[0-8]\d{4}-\d{4}")
_POSTCODE_OR_PHONE = re.compile(r"9\d{4}-\d{4}")
# Letters that stand before the digits and belong to them: "K-118-2206".
_PREFIXED = re.compile(r"(?<!\w)[A-Z]{1,4}-?\Z")
_TELEPHONE = re.compile(r"\(.*|(?:1[ .\-]?)?\d{3}[.\-]\d{3}[.\-]\d{4}|\d{3}[.\-]\d{4}")
_THOUSANDS = re.compile(r"\d{1,3}(?:(?: \d{3}){1,3}|(?:\.\d{3}){1,3}|(?:'\d{3}){1,3})")


@cache
def _before_number() -> re.Pattern[str]:
    number = (
        r"[ ](?:(?-i:[A-Z]{1,4})(?=[ ])|no|nr|number|num|id|code"
        r"|n\.?[o\u00ba\u00b0]|numer|n\u00famero|num\u00e9ro)(?!\w)"
    )
    ending = r"(?:[ ](?:is|was|shows|reads|ist|lautet|zeigt|es|marca|est|affiche|indique|\u00e9|era))?"
    return re.compile(
        rf"(?<!\w)(?:(?:{any_of((*words().before_numbers, *_networks().before_papers))})(?:{number})?"
        rf"|(?:{any_of(words().before_numbers_marked)})(?:{number}|(?=\.?{ending}[ ]?[:#])))"
        # a year or a prefix that stands with it: "2023/004182", "SN-48213907"
        rf"\.?{ending}[ ]?[:#]?[ ]?(?:(?:19|20)\d\d/|(?<!\w)[a-z]{{1,4}}-)?\Z",
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


@cache
def _before_phone() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(_networks().before_phones)})\.?[ ]?[:#]?[ ]?\Z", re.IGNORECASE)


@cache
def _before_postcode() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(_networks().before_postcodes)})\.?[ ]?:?[ ]?\Z", re.IGNORECASE)


def _is_postcode(match: re.Match[str], begin: int) -> bool:
    """Whether digits with one hyphen are a postcode alone, which is no person's."""
    text, found = match.string, match.group()
    if _POSTCODE_ALONE.fullmatch(found):
        return _before_phone().search(text, begin, match.start()) is None
    return (
        _POSTCODE_OR_PHONE.fullmatch(found) is not None
        and _before_postcode().search(text, begin, match.start()) is not None
    )


def _is_no_persons(match: re.Match[str]) -> bool:
    """Whether the words beside a number show that it is an order's, a version's or an amount, and no person's."""
    text, found = match.string, match.group()
    begin = max(0, match.start() - _LOOK_BACK)
    if match.lastgroup == "ip":
        return bool(_before_version().search(text, begin, match.start()))
    # So nobody writes but the number of a telephone.
    if match.lastgroup != "digits" or found.startswith("+"):
        return False
    letters = _PREFIXED.search(text, begin, match.start())
    if _TELEPHONE.fullmatch(found) and letters is None:
        return False
    return (
        _is_postcode(match, begin)
        or _before_number().search(text, begin, match.start()) is not None
        or (letters is not None and "-" in found and _is_lettered(match, letters, begin))
        or (found.count(".") > 1 and _before_version().search(text, begin, match.start()) is not None)
        or (
            _FILE_NUMBER.fullmatch(found) is not None
            and _before_file().search(text, begin, match.start()) is not None
        )
        or (
            _THOUSANDS.fullmatch(found) is not None
            and _after_amount().match(text, match.end(), match.end() + _LOOK_AHEAD) is not None
        )
    )


_YEAR_FIRST = re.compile(r"(?:19|20)\d\d-")


def _is_lettered(match: re.Match[str], letters: re.Match[str], begin: int) -> bool:
    """Whether letters before digits make them a file's or an order's: "CE-2023-4410", "factura FV24-00317"."""
    return (
        _YEAR_FIRST.match(match.group()) is not None
        or _before_number().search(match.string, begin, letters.start()) is not None
    )


def without_ips(text: str, context: PrivacyContext, counts: Counter[str]) -> str:  # noqa: ARG001
    """The text with marks for machines' addresses and for degrees, which else hold what looks like house numbers."""

    def replaced(match: re.Match[str]) -> str:
        if not _is_ip(match["ip"]) or _is_no_persons(match):
            return match.group()
        counts["ip"] += 1
        return MARKS["ip"]

    def place(_: re.Match[str]) -> str:
        counts["coordinates"] += 1
        return MARKS["coordinates"]

    has_degrees = not text.isascii() and ("\u00b0" in text or "\u00ba" in text)
    if (
        has_degrees
        or "///" in text
        or (("+" in text or " deg" in text) and _OF_PLACE.search(text) is not None)
    ):
        text = _DEGREES_FIRST.sub(place, text)
    if _FOUR_NUMBERS.search(text) is None and _COLONS.search(text) is None:
        return text
    return _IP_ALONE.sub(replaced, text)


@cache
def _network_words() -> frozenset[str]:
    """The words of the networks' names as they stand between blanks, by which texts that name one are told."""
    names = {name.split()[-1] for name in _networks().networks}
    found = {f"{begin}{name}{end}" for begin in ("", "(", "#") for name in names for end in ("", *":=,.)")}
    # Those that are words have ":" or "=" behind them: "signal: name_x".
    return frozenset(found | {f"{name}{end}" for name in _networks().networks_that_are_words for end in ":="})


@cache
def _accounts() -> re.Pattern[str]:
    lists = _networks()
    networks = f"(?P<network>{any_of(lists.networks)})|{any_of(lists.networks_that_are_words)}"
    links = any_of((*lists.links, *lists.links_of_names))
    return re.compile(
        rf"(?<![\w@/.#\-])(?:(?P<owner>{any_of(lists.owners)})[ ])?(?:{networks})(?![\w/.])"
        rf"(?P<link>(?:[ ](?:{links})(?!\w)){{0,3}}[ ]?(?:[:=]|->|[\-\u2013])?[ ]{{0,2}}(?:@[ ])?[\"'(\u201c\u201e]?)"
        r"(?P<name>[a-z0-9_](?:[\w.\-]{1,31})(?:#\d{4})?)(?![\w@/]|:\w)",
        re.IGNORECASE,
    )


@cache
def _accounts_before() -> re.Pattern[str]:
    """Of an account whose network follows: "name_x on insta"."""
    lists = _networks()
    return re.compile(
        r"(?<![\w.@/#\-])(?P<name>(?=[\w.\-]{0,30}[_\d.])[a-z0-9_][\w.\-]{2,30})[ ]"
        rf"(?=(?:{any_of(lists.before_networks)})[ ](?:(?:{any_of(lists.owners)})[ ])?"
        rf"(?:{any_of(lists.networks)})(?!\w))",
        re.IGNORECASE,
    )


@cache
def _name_links() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{any_of(_networks().links_of_names)})(?!\w)", re.IGNORECASE)


_TAGGED = re.compile(r"(?<![\w.#/@])[\w.]{2,32}#\d{4}(?!\w)")
_SITE = re.compile(rf".*\.{_TLD}", re.IGNORECASE)
_ODD_NAME = re.compile(r"_\w|\w_|[^\W\d_]{2}\d|\d[^\W\d_]{2}")
_PLAIN_NAME = re.compile(r"[a-z]{5,30}")
_LONG_NAME = 8  # letters of a name that nothing but its place shows
_OPENS_CLAUSE = re.compile(r"(?:\A|[.!?;,(\n:|])\s*\Z")


def _is_dotted_name(name: str, context: PrivacyContext) -> bool:
    """Whether letters with a point within are no two sentences: "jo.bloggs", not "account too.Please"."""
    parts = name.split(".")
    return (
        len(parts) > 1
        and name.islower()
        and all(parts)
        and not any(lexicon(context)[part] & COMMON for part in parts if part.isalpha())
    )


def _is_account(match: re.Match[str], context: PrivacyContext) -> bool:
    """Whether what stands behind a network's name is an account's."""
    name, link = match["name"].rstrip(".-"), match["link"]
    if "#" in name:
        return True
    if _SITE.fullmatch(name) or not link:
        return False
    is_marked = _ODD_NAME.search(name) is not None or _is_dotted_name(name, context)
    if match["network"] is None:
        return is_marked and link.strip() != ""
    return is_marked or _is_plain_account(match, context)


def _is_plain_account(match: re.Match[str], context: PrivacyContext) -> bool:
    """Whether a word without any sign is an account's name: an unknown one, and where only a name can stand."""
    name, link = match["name"].rstrip(".-"), match["link"]
    if not _PLAIN_NAME.fullmatch(name) or lexicon(context)[name] & COMMON:
        return False
    if match["owner"] or ":" in link or "=" in link or _name_links().search(link):
        return True
    opens = _OPENS_CLAUSE.search(match.string, max(0, match.start() - 4), match.start())
    return link == " " and len(name) >= _LONG_NAME and opens is not None


def _without_accounts(text: str, small: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for accounts that are named without an @, beside the name of their network."""

    def named(match: re.Match[str]) -> str:
        if not _is_account(match, context) or _is_official(match["name"].rstrip(".-"), context):
            return match.group()
        counts["handle"] += 1
        rest = match["name"][len(match["name"].rstrip(".-")) :]
        return match.group()[: match.start("name") - match.start()] + MARKS["handle"] + rest

    def before(match: re.Match[str]) -> str:
        name = match["name"]
        is_odd = "_" in name or ("." in name and any(map(str.isdigit, name)) and not _SITE.fullmatch(name))
        if not is_odd or not any(map(str.isalpha, name)) or _is_official(name, context):
            return match.group()
        counts["handle"] += 1
        return f"{MARKS['handle']} "

    def tagged(_: re.Match[str]) -> str:
        counts["handle"] += 1
        return MARKS["handle"]

    if "#" in text and ("discord" in small or "battletag" in small):
        text = _TAGGED.sub(tagged, text)
    if "_" in text or "." in text:
        text = _accounts_before().sub(before, text)
    return _accounts().sub(named, text)


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
        if _PLACE_LINK.search(body) is not None:  # it names the place as well
            return mark("coordinates") + rest
        if _DECIMALS.search(body) is not None:
            body = _COORDINATES_IN_ADDRESS.sub(lambda _: mark("coordinates"), body)
        return _LONG_NUMBER.sub(lambda _: mark("number"), body) + rest

    def replaced(match: re.Match[str]) -> str:
        found, group = match.group(), match.lastgroup
        if group == "url":
            return address(found)
        kind = _KIND_OF[str(group)](found, context)
        return found if kind is None or (kind in _NUMBERS and _is_no_persons(match)) else mark(kind)

    small, given = text.casefold(), text
    if not _network_words().isdisjoint(small.split()):
        text = _without_accounts(text, small, context, counts)
    pattern = _pattern_for(text, text.casefold() if text is not given else small)
    return text if pattern is None else pattern.sub(replaced, text)


# --- number plates ---------------------------------------------------------------------------------------------

_PLATE = (
    # in capitals, up to four groups of letters or digits; else one or two
    r"(?:(?-i:(?=[A-Z\u00c4\u00d6\u00dc\d \-\u00b7]{0,9}?\d)(?=[\d \-]{0,6}[A-Z\u00c4\u00d6\u00dc])"
    r"[A-Z\u00c4\u00d6\u00dc\d]{1,4}(?:[ \-\u00b7]?[A-Z\d]{1,4}){1,3}(?!\w))"
    r"|[a-z\u00e4\u00f6\u00fc]{1,3}-[a-z]{1,2}[ \-]?\d{1,4}[eh]?"
    r"|(?P<german>[a-z\u00e4\u00f6\u00fc]{1,3})[ ][a-z]{1,2}[ ]\d{2,4}[eh]?(?!\w)"
    r"|[a-z]{1,4}[ \-]?\d{2,5}(?:[ \-]?[a-z]{1,3}(?:-?\d{1,4}|[ ]\d{4})?)?"
    r"|\d{1,4}[ \-]?[a-z]{1,4}(?:[ \-]?\d{1,4})?)"
)


@cache
def _plates() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)(?:{any_of(words().before_plates)})"
        r"(?:[ ]?[:.#=][ ]{0,2}|[ ](?:is|was|no\.?|number|reads?|says|said|stand|steht|lautete|pone"
        r"|pon[i\u00ed]a|dice|dec[i\u00ed]a|dizia|diz|indiquait|ist|war|lautet|nr\.?|es|era|est"
        r"|\u00e9|foi|n[\u00b0\u00ba]|n[\u00fau]mero|num\u00e9ro)[ :]{1,2}|[ ]{1,2})[\"'(\u201c\u201e\u00ab]?"
        rf"(?P<plate>{_PLATE})(?!\w)",
        re.IGNORECASE,
    )


# One without a digit is seen only where it is said to be a word.
_VANITY = re.compile(
    r"(?<!\w)(?i:(?:vanity|personali[sz]ed|cherished|private|custom|wunsch)[ \-]?(?:number )?(?:plates?|kennzeichen)"
    r"(?: (?:is|was|reads?|says|said|ist|war))?:?) [\"'(\u201c\u201e\u00ab]?(?P<plate>[A-Z][A-Z\d]{2,7})(?!\w)"
)
# A word with a digit that is none of an account's or an address's: every plate has one.
# The digit, for which a text is searched fast, stands first; then what stands before it is looked at.
_NUMBER_WORD = re.compile(
    r"\d(?:"
    + "|".join(rf"(?<=[A-Za-z]{{{letters}}}\d)(?<![\w@/.][A-Za-z]{{{letters}}}\d)" for letters in range(8))
    + ")"
)
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
    # An electric car's letter and an old one's may stand apart: "OS-BB 994 E".
    shapes = shapes.replace("E{0,1}H{0,1}", r"(?:[ ]?[EH](?!\w))?")
    # Fewer than four such signs are no plate: most words end there.
    signs = r"(?=[A-Z\u00c4\u00d6\u00dc\d \-\u00b7]{4})"
    return re.compile(rf"(?<![\w\-/#.@]){signs}(?:{shapes})(?![\w\-/]|:\d)")


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
    return re.compile(rf"(?<![\w\-/#.@])(?:{signs}(?:{small.replace('E{0,1}H{0,1}', '[eh]?')}))(?![\w\-/])")


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
# Those in small letters with one group of letters; three or more are no word's, or hold at most one vowel.
_SMALL_ALONE = re.compile(
    r"\d[a-z]{3}\d{3}|[a-z]{3}-?\d{4}|(?=[a-z]{3} )(?![a-z]*[aeiou])[a-z]{3} (?!(?:19|20)\d\d)\d{4}"
    r"|\d{4}[ \-]?[b-df-hj-np-tv-z]{3}|\d{3}[ \-]?[b-df-hj-np-tv-z]{3}|\d[a-z]\d{5}|\d[a-z]{2}\d{4}"
    r"|[a-z]{2}-\d\d-\d\d|\d\d-[a-z]{2}-\d\d|\d\d-\d\d-[a-z]{2}|\d\d[a-z]{2}\d\d|[a-z]{2}[ \-]\d{5}"
    r"|(?=[^aeiou]*[aeiou]?[^aeiou]*\Z)[a-z\u00e4\u00f6\u00fc]{4,5}\d{3,4}"
)
_HYPHENATED = re.compile(
    r"\d\d-[A-Za-z]{2}-\d\d|[A-Za-z]{2}-\d\d-\d\d|\d\d-\d\d-[A-Za-z]{2}|[A-Z]{1,2}-\d{4}-[A-Z]{1,2}"
)
_REGION_CODE = re.compile(r"[a-z]{2} \d{5}")
_HOUR = re.compile(r"\d{1,2} ?h(?: ?\d\d)?", re.IGNORECASE)
_FRENCH = re.compile(r"[a-z]{2}([ \-])\d{3}[ \-][a-z]{2}")
_SMALL_GERMAN = re.compile(r"([a-z\u00e4\u00f6\u00fc]{1,3})-[a-z]{1,2}[ \-](?!(?:19|20)\d\d)\d{2,4}[eh]?")
_SMALL_LETTERS = re.compile(r"[a-z\u00e4\u00f6\u00fc]+")
# A word of up to five letters before a digit, or one of two or three behind it; the digit first, as above.
_SMALL_CODE = re.compile(
    r"\d(?:(?=[ \-]?[a-z]{2,3}(?![a-z]))|"
    + "|".join(
        rf"(?<=[a-z]{{{letters}}}{joint}\d)(?<!\w[a-z]{{{letters}}}{joint}\d)"
        for letters in range(1, 6)
        for joint in ("", r"[ \-]")
    )
    + ")"
)
# What begins a plate in capitals. Its first sign is searched for fast; what stands before that is looked at then.
_CODE = re.compile(
    r"[A-Z\u00c4\u00d6\u00dc\d](?<![\w\-/#.].)(?:(?<=\d)\d{0,3}(?:[ \-]\d\d)?[ \-\u00b7]?[A-Z]{1,4}(?![a-z])"
    r"|(?<!\d)[A-Z\u00c4\u00d6\u00dc]{0,4}[ \-\u00b7]?(?:[A-Z]{1,2}[ \-\u00b7]?)?\d)"
)


@cache
def _regions() -> dict[str, str]:
    """By the short name of a country's part the digits with which its postcodes begin."""
    return {region: digits for country in countries().values() for region, digits in country.regions.items()}


@cache
def _before_code() -> re.Pattern[str]:
    """Words before a number that show that it is a ticket's, a line's or a form's."""
    return re.compile(
        rf"(?<!\w)(?:{any_of((*words().before_codes, *_networks().before_papers))})"
        r"(?:[ ](?:no|nr|number|num|id|code|is|n\u00ba|n\u00b0))?\.?[ ]?[:#(]?[ ]?\Z",
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
            (letters[0].casefold() in words().codes and _HYPHENATED.fullmatch(found) is None)
            or (_POSTCODE.fullmatch(found) is not None and found[3] in _regions().get(letters[0], ""))
            or _ROMAN.fullmatch(letters[0]) is not None
        )
    before = text[max(0, match.start() - 2) : match.start()]
    # "60 W E 27"; "DIN EN 1176", where two letters may be a district's; "VW ID 3"
    return (
        (found[1] == " " and len(before) > 1 and before[0].isdigit())
        or (len(letters[0]) > _SHORT and letters[0].casefold() in words().codes)
        or (found[-2] == " " and letters[-1].casefold() in words().codes)
        or (
            len(letters[-1]) > 1
            and found[-len(letters[-1]) - 1] == " "
            and _ROMAN.fullmatch(letters[-1]) is not None
        )
        or (_ROMAN.fullmatch(letters[0]) is not None and len(letters[0]) > _SHORT)
    )


def _is_ordinary(found: str, ordinary: frozenset[str]) -> bool:
    """Whether what has a plate's shape is words with a number: "US 101 NB"."""
    if _HYPHENATED.fullmatch(found):  # so nobody writes words
        return False
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
    of_words = [
        group in ordinary or group in words().common for group in _SEPARATE.split(found) if group.isalpha()
    ]
    if _FRENCH.fullmatch(found) is not None and "-" in found:
        return all(of_words)
    if any(of_words) and _HYPHENATED.fullmatch(found) is None:
        return True
    groups = _SMALL_LETTERS.findall(found)
    is_one_group = len(groups) < _GROUPS
    if is_one_group and _REGION_CODE.match(found) and found[:2].upper() in _regions():
        return True  # "ca 94110"
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


_WORD_BEFORE = re.compile(r"([a-z\u00e4\u00f6\u00fc]{1,4}) ")


def _with_plates(
    pattern: re.Pattern[str], text: str, is_plate: Callable[[re.Match[str]], bool], counts: Counter[str]
) -> str:
    """The text with marks for what a pattern finds and is a plate.

    What begins with a word in small letters is looked at again without it: "el 6225-ptf".
    """
    pieces: list[str] = []
    done = at = 0
    while (match := pattern.search(text, at)) is not None:
        if is_plate(match):
            counts["plate"] += 1
            pieces += (text[done : match.start()], MARKS["plate"])
            done = at = match.end()
        else:
            word = _WORD_BEFORE.match(match.group())
            at = match.end() if word is None else match.start() + word.end()
    return "".join((*pieces, text[done:])) if pieces else text


def without_plates(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for number plates; ``counts`` is added to.

    Most plates look like any code of a service or a lamp post: one that no word announces stays, unless it has the
    whole shape of a country's plates and no word in it ("US 101 NB").
    """

    def announced(match: re.Match[str]) -> str:
        if _has_word(match["plate"]) or _HOUR.fullmatch(match["plate"]):
            return match.group()  # "Reg. 18 does not mention"
        german = match["german"]
        if german is not None and (
            german.upper() not in countries()["DE"].plate_prefixes or german in words().common
        ):
            return match.group()  # "the plate is on a 12"
        counts["plate"] += 1
        return match.group()[: match.start("plate") - match.start()] + MARKS["plate"]

    def announced_whole(match: re.Match[str]) -> str:
        counts["plate"] += 1
        return match.group()[: match.start("plate") - match.start()] + MARKS["plate"]

    def is_plate(match: re.Match[str]) -> bool:
        found = match.group()
        is_words = _is_said(found, ordinary) if found.islower() else _is_wordy(match, ordinary)
        return not (is_words or _is_code(match.string, match) or _begins_no_plate(match))

    def beside(match: re.Match[str]) -> str:
        counts["plate"] += 1
        return match["joint"] + MARKS["plate"]

    if "plate" in text or "kennzeichen" in text:
        text = _VANITY.sub(announced_whole, text)
    if _NUMBER_WORD.search(text) is None:
        return text
    there = set(_SMALL_WORD.findall(text.casefold()))
    if there & _plate_words():
        text = _plates().sub(announced, text)
    ordinary = words_that_are_no_names(context.ordinary_words)
    for pattern in _patterns_for(text, there):
        text = _with_plates(pattern, text, is_plate, counts)
    return _NEXT_PLATE.sub(beside, text) if MARKS["plate"] in text else text
