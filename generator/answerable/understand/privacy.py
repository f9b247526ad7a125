"""Personal data taken out of texts before they are published.

What is recognised: e-mail addresses, telephone numbers, private persons' accounts and addresses of their profiles, runs of
six digits or more (case and account numbers), house numbers, and names of persons after words such as "spoke with",
beside a well-known first name, at signatures. Each piece is replaced by a mark that says its kind: ``[email]``,
``[phone]``, ``[handle]``, ``[number]``, ``[address]``, ``[name]``.

Words and lists are in ``rules/privacy.yml``. What is structured is found nearly always; names are found by guesswork (a
capitalised word that no list of ordinary words holds), so a name in small letters, in a script without capitals or where
nothing announces it is missed. Texts are first brought to the form that a reader sees, so that full-width digits,
zero-width characters and mis-decoded text hide nothing. Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import ftfy
from pydantic import BaseModel, ConfigDict

from answerable.settings import load_yaml
from answerable.understand.phrases import visible_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["KINDS", "PrivacyContext", "Redacted", "clean", "detected", "ordinary_words", "redact"]

KINDS: Final = ("email", "phone", "handle", "number", "address", "name")
"""What can be taken out, in the order in which it is looked for."""

_MARK = {kind: f"[{kind}]" for kind in KINDS}
_WORDS_FILE = Path(__file__).parent / "rules" / "privacy.yml"


@dataclass(frozen=True, slots=True)
class PrivacyContext:
    """What the site knows that its texts' privacy depends on.

    Attributes:
        official_handles: accounts of agencies, without the @; they stay (``user`` or ``user@server``).
        ordinary_words: words that are no names on this site: its agencies, areas and topics, and what `ordinary_words`
            learned from its texts. Any case.
        street_names: names of streets without their "Street", so that "2323 Laguna" is seen to be an address. Any case.
        has_staff_initials: whether the texts are notes of an agency, whose staff sign with initials ("... paid. kb").
    """

    official_handles: frozenset[str] = frozenset()
    ordinary_words: frozenset[str] = frozenset()
    street_names: frozenset[str] = frozenset()
    has_staff_initials: bool = False


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text fit for publishing, as far as rules can tell.

    Attributes:
        text: the text with marks in place of personal data.
        kinds: how many pieces of each kind were taken out; kinds without any are absent.
    """

    text: str
    kinds: tuple[tuple[str, int], ...]

    @property
    def count(self) -> int:
        """Pieces of personal data taken out."""
        return sum(number for _, number in self.kinds)


# --- words ------------------------------------------------------------------------------------------------------------


class _Streets(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    suffixes: tuple[str, ...]
    weak_suffixes: tuple[str, ...]
    before_name: tuple[str, ...]
    name_then_number: tuple[str, ...]
    joined_suffixes: tuple[str, ...]
    words_before_number: tuple[str, ...]


class _WordsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str
    reviewed_on: date
    before_names: dict[str, tuple[str, ...]]
    before_known_names: dict[str, tuple[str, ...]]
    titles: dict[str, tuple[str, ...]]
    before_signatures: dict[str, tuple[str, ...]]
    after_names: dict[str, tuple[str, ...]]
    name_particles: tuple[str, ...]
    ordinary_words: dict[str, tuple[str, ...]]
    first_names: tuple[str, ...]
    profile_hosts: tuple[str, ...]
    streets: _Streets


def _flat(lists: Mapping[str, Iterable[str]]) -> list[str]:
    return [word for words in lists.values() for word in words]


def _any_of(words: Iterable[str]) -> str:
    """An alternation of phrases, the longest first, white space in them loose."""
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    return "|".join(r"[ \t]{1,2}".join(map(re.escape, word.split())) for word in ordered)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The word lists, compiled once."""

    structured: re.Pattern[str]
    house_numbers: tuple[re.Pattern[str], ...]
    number_after_word: re.Pattern[str]
    bare_house_number: re.Pattern[str]
    triggers: re.Pattern[str]
    strong: frozenset[str]
    signatures: re.Pattern[str]
    after_names: re.Pattern[str]
    titles: re.Pattern[str]
    particles: frozenset[str]
    ordinary: frozenset[str]
    first_names: frozenset[str]
    suffixes: frozenset[str]
    profile_hosts: frozenset[str]


# --- what has a structure ---------------------------------------------------------------------------------------------

_TLD = r"(?:com|org|net|gov|edu|mil|int|info|biz|io|eu|uk|us|ca|au|nz|ie|in|za|de|at|ch|fr|be|nl|es|mx|ar|cl|co|pe|it|pt|br|pl|se|no|dk|fi)"
# Possessive runs that a lookbehind lets begin only where a run begins: each character is read a bounded number of times.
_LOCAL = r"(?<![\w.+%'\-])[\w.+%'\-]++"
_OPEN, _SHUT = r"[\[({<]", r"[\])}>]"
_EMAIL = (
    rf"{_LOCAL}@(?=[\w\-.]*[^\W\d_])[\w\-]++(?:\.[\w\-]++)*+"
    rf"|{_LOCAL}[ ]?@[ ]?(?:[\w\-]++\.)++(?<=\.){_TLD}\b"
    rf"|{_LOCAL}[ ]?@[ ]?[\w\-]++\.{_TLD}\b"
    rf"|{_LOCAL}[ ]?{_OPEN}[ ]?(?:at|@)[ ]?{_SHUT}[ ]?[\w\-]++(?:[ ]?{_OPEN}[ ]?(?:dot|\.)[ ]?{_SHUT}[ ]?[\w\-]++|\.[\w\-]++)*+"
    rf"|{_LOCAL}[ ]at[ ][\w\-]++(?:[ ]dot[ ][\w\-]++)*?[ ]dot[ ]{_TLD}\b"
)
_HANDLE = (
    r"(?<!\w)@++(?=\w*[^\W\d_])\w++(?:[.\-]\w++)*+(?:@[\w\-]++(?:\.[\w\-]++)*+)?"
    r"|(?<![\w/.])/?u/[A-Za-z0-9_\-]{3,20}(?![\w\-])"
)
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_KEEP = (
    rf"(?<![\d.\-/])(?:(?:19|20)\d\d[-/.]{_MONTH}[-/.]{_DAY}|(?:{_DAY}[-/.]{_MONTH}|{_MONTH}[-/.]{_DAY})[-/.](?:(?:19|20)\d\d|\d\d))"
    r"(?![\-./]?\d)"
    r"|(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?![\d:])"
    r"|(?<![\d\-.])(?:19|20)\d\d ?[-–/] ?(?:19|20)?\d\d(?![\d\-.])"
    r"|[$€£¥₹] ?\d{1,5}(?:,\d{3})*(?:\.\d{1,2})?(?![\d.\-])"
)
_JOIN = r"[ .\-\u2010-\u2015\u2212_~*()|·•]"
_DIGITS = (
    rf"(?<!\d)\+?\(?\d(?:{_JOIN}{{0,3}}\d){{5,}}(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{{1,6}})?"
    r"|(?<![\w.])(?:x|ext\.?[ ]?)\d{3,6}(?!\w)"
)
_SPACED_PHONE = re.compile(r"\d{3} \d{4}(?!\d)")
_RUN = re.compile(r"\d{6,}")
_URL_TAIL = re.compile(r"[.,;:!?)\]}'\"]+\Z")


def _structured(hosts: Iterable[str]) -> re.Pattern[str]:
    site = rf"(?<![\w.@\-])(?:(?:www|m|mobile|web|old)\.)?(?:{_any_of(hosts)})/[^\s<>\"]+"
    return re.compile(
        rf"(?P<url>(?<!\w)(?:https?://|www\.)[^\s<>\"]+|{site})"
        rf"|(?P<email>{_EMAIL})|(?P<handle>{_HANDLE})|(?P<keep>{_KEEP})|(?P<digits>{_DIGITS})",
        re.IGNORECASE,
    )


def _digits_kind(found: str) -> str | None:
    """What a run of digits and separators is: a telephone number, another number to hide, or nothing to hide."""
    count = sum(char.isdigit() for char in found)
    joins = {char for char in found if not char.isalnum()} - {"+"}
    if found.startswith("+") or found[0] in "xXeE":
        return "phone"
    if not joins:
        return "phone" if count in (10, 11) else "number"
    if joins - {" "}:
        # Something other than spaces holds it together: 701-4688, (415) 701 4688, 01.23.45.67.89.
        return "phone" if count >= 7 else ("number" if _RUN.search(found) else None)
    if count >= 9 or _SPACED_PHONE.fullmatch(found) or (count >= 7 and found.startswith("0")):
        return "phone"
    return "number" if _RUN.search(found) else None


def _is_profile(url: str, hosts: frozenset[str], context: PrivacyContext) -> bool:
    """Whether an address names a private person's account."""
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
    if steps[0].startswith("@"):
        name = steps[0]
    elif host in hosts:
        name = steps[1] if len(steps) > 1 and steps[0].lower() in _PROFILE_STEPS else steps[0]
    else:
        return False
    if name.lower() in _NO_PROFILE:
        return False
    return not _is_official(name, context, server=host)


_PROFILE_STEPS = frozenset({"in", "profile", "user", "u", "c", "channel", "people", "add", "users"})
_NO_PROFILE = frozenset({"hashtag", "search", "share", "sharer", "watch", "intent", "explore", "groups", "events", "r", "home", "i"})


def _is_official(name: str, context: PrivacyContext, *, server: str = "") -> bool:
    plain = name.lstrip("@").casefold()
    known = {handle.lstrip("@").casefold() for handle in context.official_handles} if context.official_handles else set()
    return plain in known or (server != "" and f"{plain}@{server}" in known)


def _without_structured(text: str, context: PrivacyContext, words: _Vocabulary, counts: Counter[str]) -> str:
    def mark(kind: str) -> str:
        counts[kind] += 1
        return _MARK[kind]

    def digits(found: str) -> str:
        kind = _digits_kind(found)
        return found if kind is None else mark(kind)

    def replaced(match: re.Match[str]) -> str:
        found = match.group()
        group = match.lastgroup
        if group == "email":
            return mark("email")
        if group == "handle":
            name = found.removeprefix("/").removeprefix("u/")
            return found if _is_official(name, context) else mark("handle")
        if group == "keep":
            return found
        if group == "digits":
            return digits(found)
        if group == "url":
            return address(found)
        raise AssertionError(group)

    def address(found: str) -> str:
        tail = _URL_TAIL.search(found)
        end = tail.start() if tail else len(found)
        body, rest = found[:end], found[end:]
        if _is_profile(body, words.profile_hosts, context):
            return mark("handle") + rest
        body = re.sub(_EMAIL, lambda _: mark("email"), body, flags=re.IGNORECASE)
        return _RUN.sub(lambda _: mark("number"), body) + rest

    return words.structured.sub(replaced, text)


# --- house numbers ----------------------------------------------------------------------------------------------------

_NUMBER = r"#?\d{1,5}[A-Za-z]?(?:[ ]?(?:-|–|/|,|&|and|to|or)[ ]?#?\d{1,5}[A-Za-z]?){0,4}"
_GAP = r"[ \t,]{1,2}"
# A word of a street's name: not one of those that show that the number counts something.
_NO_STREET = r"(?!(?:block|blk|blocks|cars?|of|on|at|in|the|and|or|to|from|for|by|with|is|are|was|near|days?|hours?|hrs|hr|minutes?|mins?|times?|years?|weeks?|months?|am|pm|x)\b)"
_STREET_WORD = rf"{_NO_STREET}[\w.'’\-]++"


def _house_numbers(streets: _Streets) -> tuple[re.Pattern[str], ...]:
    # The group "number" is what is masked; the street's name stays.
    lead = rf"(?<![\w.$€£#\-/:])(?P<number>{_NUMBER})"
    strong, weak = _any_of(streets.suffixes), _any_of(streets.weak_suffixes)
    named = rf"{_GAP}(?:{_STREET_WORD}[ \t]{{1,2}}){{1,3}}?"
    capitals = rf"{_GAP}(?:(?=[^\W\d_a-z])[\w.'’\-]++[ \t]{{1,2}}){{1,3}}?"
    return (
        re.compile(rf"{lead}{named}(?:{strong})\b", re.IGNORECASE),
        re.compile(rf"{lead}{capitals}(?:{weak})\b"),
        re.compile(rf"{lead}(?:[ ]?(?:bis|ter|quater))?,?[ ](?:{_any_of(streets.before_name)})\.?[ ](?=[\w'’])", re.IGNORECASE),
        re.compile(
            rf"(?<!\w)(?:{_any_of(streets.name_then_number)})\.?[ ](?:{_STREET_WORD}[ ,]{{1,2}}){{1,4}}?(?:no?\.?[ ]?|num\.?[ ]?|#)?"
            rf"(?P<number>\d{{1,5}}[a-z]?)(?!\w|[.,]\d)",
            re.IGNORECASE,
        ),
        re.compile(
            rf"(?<![\w\-])(?:[^\W\d_][\w\-]*?(?:{_any_of(streets.joined_suffixes)})\.?|[^\W\d_][\w\-]*[ ](?:Straße|Strasse|Str\.?|Weg|Platz|Allee))"
            rf"[ ](?:nr\.?[ ]?)?(?P<number>\d{{1,4}}(?:[ ]?[a-z])?(?:[ ]?[-–/][ ]?\d{{1,4}}[a-z]?)?)(?!\w|[.:]\d)",
            re.IGNORECASE,
        ),
        re.compile(r"(?<!\w)(?:apt|apartment|unit|suite|ste|flat|wohnung|piso|appt)\.?[ ]?(?P<number>#?(?=[A-Za-z]?\d)[A-Za-z]?\d{1,5}[A-Za-z]?)(?!\w)", re.IGNORECASE),
    )


def _without_house_numbers(text: str, context: PrivacyContext, words: _Vocabulary, counts: Counter[str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        counts["address"] += 1
        start, end = match.start("number") - match.start(), match.end("number") - match.start()
        return match.group()[:start] + _MARK["address"] + match.group()[end:]

    def if_known(match: re.Match[str]) -> str:
        first, second = match["street"].casefold(), match["second"].casefold()
        return replaced(match) if first in known or f"{first} {second}" in known else match.group()

    def if_a_name(match: re.Match[str]) -> str:
        return match.group() if match["street"].casefold() in ordinary else replaced(match)

    for pattern in words.house_numbers:
        text = pattern.sub(replaced, text)
    ordinary = words.ordinary | context.ordinary_words if context.ordinary_words else words.ordinary
    text = words.number_after_word.sub(if_a_name, text)
    if context.street_names:
        known = {name.casefold() for name in context.street_names}
        text = words.bare_house_number.sub(if_known, text)
    return text


# --- names ------------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[^\W\d_](?:\.(?=[ ]?[^\W\d_])|[^\W\d_'’\-]*+(?:['’\-][^\W\d_]++)*+)")
_NEXT = re.compile(r"[ \t]{1,2}")
_AND = re.compile(r"[ \t]?[/&][ \t]?|[ \t](?:and|y|et|und|e)[ \t]")
_LINE_END = re.compile(r"[ \t]*(?:[.!,)\]\"]{0,2}[ \t]*)(?:\n|\Z)")
_CAPITAL_WORD = re.compile(r"(?<![\w@.'’\-])[^\W\d_]\w*+")
_CARET = re.compile(r"(?<!\S)\^[ ]?[A-Za-z]{1,3}(?!\w)")
_DASH_INITIALS = re.compile(r"(?<=\s)(?P<lead>[-–—~/*][ ]?)(?P<initials>[A-Z]{2})[ \t]*\Z")
_DASH_NAME = re.compile(r"(?:(?<=\s)|(?<=[.!?]))[-–—~*]{1,2}[ ]?(?=[^\W\d_])")
_LAST_INITIALS = re.compile(r"(?:(?<=[.!?])[ ]{1,2}|(?<=/\d\d)[ ])(?P<initials>[A-Za-z]{2,3})\.?[ \t\n]*\Z")
_NAME_TOKENS = 5


@dataclass(frozen=True, slots=True)
class _Name:
    start: int
    end: int
    tokens: tuple[str, ...]


class _Names:
    """The names in one text. (A class only because five of its functions share the same four values.)"""

    def __init__(self, text: str, context: PrivacyContext, words: _Vocabulary, ordinary: frozenset[str]) -> None:
        self.text = text
        self.words = words
        self.ordinary = ordinary
        self.context = context
        letters = [char for char in text if char.isalpha()]
        # In a text all in capitals a capital says nothing.
        self.is_shouted = len(letters) > 12 and sum(char.isupper() for char in letters) > 0.7 * len(letters)

    def is_name_word(self, token: str, *, after_a_name: bool) -> bool:
        """Whether a word could be part of a person's name."""
        if not token[0].isupper():
            return False
        plain = token.removesuffix("'s").removesuffix("’s").casefold()
        if plain in self.words.first_names:
            return True
        if plain in self.ordinary or any(part in self.ordinary for part in plain.split("-") if "-" in plain):
            return False
        if len(token) > 1 and token.isupper():
            # An acronym, unless the text shouts or a name in capitals stands before it.
            return self.is_shouted or after_a_name
        return _is_name_case(token)

    def parse(self, at: int) -> _Name | None:
        """The name that begins at a place, if one does."""
        tokens: list[str] = []
        spans: list[tuple[int, int]] = []
        position = at
        while len(tokens) < _NAME_TOKENS:
            match = _TOKEN.match(self.text, position)
            if match is None:
                break
            token = match.group()
            if not (self._is_initial(token) or self._is_particle(token, bool(tokens)) or self.is_name_word(token, after_a_name=bool(tokens))):
                break
            tokens.append(token)
            spans.append(match.span())
            position = match.end()
            if not token.endswith("."):
                gap = _NEXT.match(self.text, position)
                if gap is None:
                    break
                position = gap.end()
            else:
                position = match.end() + (self.text[match.end() : match.end() + 1] == " ")
        while tokens and (self._is_particle(tokens[-1], tokens[-1].islower()) or (self._is_initial(tokens[-1]) and len(tokens) < 2)):
            tokens.pop()
            spans.pop()
        # Initials alone are no name: "A", "I", "B/C".
        if not tokens or all(self._is_initial(token) for token in tokens):
            return None
        following = _TOKEN.match(self.text, position)
        near = {token.casefold() for token in tokens} | ({following.group().casefold()} if following else set())
        if near & self.words.suffixes and not near & self.words.first_names:
            return None  # a street: "Cole Street", "Mission St"
        if following and following.group().casefold() in self.words.suffixes:
            return None
        return _Name(spans[0][0], spans[-1][1], tuple(tokens))

    def is_known(self, name: _Name) -> bool:
        """Whether something besides capitals says that this is a person: a first name, or an initial with a surname."""
        plain = [token.removesuffix("'s").removesuffix("’s").casefold() for token in name.tokens]
        if any(token in self.words.first_names for token in plain):
            return True
        head, *rest = name.tokens
        return self._is_initial(head) and bool(rest) and (head.endswith(".") or head not in "AI") and not self.is_shouted

    @staticmethod
    def _is_initial(token: str) -> bool:
        return token.rstrip(".").isupper() and len(token.rstrip(".")) == 1

    def _is_particle(self, token: str, is_inside: bool) -> bool:
        return is_inside and token.islower() and token in self.words.particles

    def find(self) -> Iterator[tuple[int, int]]:
        """The places of names, in any order; they may overlap."""
        yield from self._after_words()
        yield from self._at_signatures()
        yield from self._by_first_name()
        if self.context.has_staff_initials:
            yield from self._initials()

    def _after_words(self) -> Iterator[tuple[int, int]]:
        for trigger in self.words.triggers.finditer(self.text):
            said = " ".join(trigger["said"].casefold().split())
            start = trigger.end()
            title = self.words.titles.match(self.text, start)
            name = self.parse(title.end() if title else start)
            if name is None:
                continue
            is_sure = (said in self.words.strong or title is not None) and not self.is_shouted
            if is_sure or self.is_known(name):
                yield (name.start, name.end)
                yield from self._and_more(name.end)
        for title in self.words.titles.finditer(self.text):
            name = self.parse(title.end())
            if name is not None and (not self.is_shouted or self.is_known(name)):
                yield (name.start, name.end)

    def _and_more(self, end: int) -> Iterator[tuple[int, int]]:
        for _ in range(4):
            join = _AND.match(self.text, end)
            name = self.parse(join.end()) if join else None
            if name is None:
                return
            yield (name.start, name.end)
            end = name.end

    def _at_signatures(self) -> Iterator[tuple[int, int]]:
        places = [match.end() for match in self.words.signatures.finditer(self.text)]
        places += [match.end() for match in _DASH_NAME.finditer(self.text)]
        for place in places:
            name = self.parse(place)
            if name is not None and _LINE_END.match(self.text, name.end) and not self.is_shouted:
                yield (name.start, name.end)
        for match in _CARET.finditer(self.text):
            yield match.span()

    def _by_first_name(self) -> Iterator[tuple[int, int]]:
        for match in _CAPITAL_WORD.finditer(self.text):
            word = match.group()
            if not word[0].isupper() or word.casefold() not in self.words.first_names:
                continue
            before = _last_word(self.text, match.start())
            if before.casefold() in _PLACES:
                continue
            name = self.parse(match.start())
            if name is None:
                continue
            surname = _SURNAME_BEFORE.search(self.text, max(0, match.start() - 40), match.start())
            if surname and self.is_name_word(surname["surname"], after_a_name=False):
                yield (surname.start("surname"), name.end)
            elif len(name.tokens) > 1 or self.words.after_names.match(self.text, name.end):
                yield (name.start, name.end)

    def _initials(self) -> Iterator[tuple[int, int]]:
        for pattern in (_DASH_INITIALS, _LAST_INITIALS):
            match = pattern.search(self.text)
            if match and match["initials"].casefold() not in self.ordinary and not self.is_shouted:
                yield match.span("initials")


_PLACES = frozenset({"san", "santa", "saint", "st", "ste", "são", "sankt"})
_SURNAME_BEFORE = re.compile(r"(?<![\w@.'’\-])(?P<surname>[^\W\d_][\w'’\-]{1,30}),[ ]?\Z")
_WORD_BEFORE = re.compile(r"(\w{1,20})\.?[ ]\Z")


def _last_word(text: str, before: int) -> str:
    match = _WORD_BEFORE.search(text, max(0, before - 24), before)
    return match[1] if match else ""


def _is_name_case(token: str) -> bool:
    """Capital first and small after, also McCoy and O'Neill and Smith-Jones; not SFPark or DataSF."""
    for part in re.split(r"['’\-]", token):
        rest = re.sub(r"\A(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz)(?=[^\W\d_a-z])", "", part)
        if sum(char.isupper() for char in rest) > 1:
            return False
    return True


def _without_names(text: str, context: PrivacyContext, words: _Vocabulary, counts: Counter[str]) -> str:
    ordinary = words.ordinary | context.ordinary_words if context.ordinary_words else words.ordinary
    spans = sorted(set(_Names(text, context, words, ordinary).find()))
    out: list[str] = []
    done = 0
    for start, end in spans:
        if end <= done:
            continue
        out += [text[done : max(start, done)], _MARK["name"]] if start >= done else []
        counts["name"] += start >= done
        done = end
    return "".join(out) + text[done:]


# --- the doors --------------------------------------------------------------------------------------------------------

_LEAD = r"(?<![\w'’\-])"
_MAY_HOLD = re.compile(r"[^\W_]")


@cache
def _vocabulary() -> _Vocabulary:
    words = load_yaml(_WORDS_FILE, _WordsFile)
    strong, weak = _flat(words.before_names), _flat(words.before_known_names)
    number = rf"(?<![\w.$€£#\-/:])(?P<number>{_NUMBER})"
    return _Vocabulary(
        structured=_structured(words.profile_hosts),
        house_numbers=_house_numbers(words.streets),
        number_after_word=re.compile(
            rf"(?<!\w)(?i:{_any_of(words.streets.words_before_number)})[ ](?P<number>#?\d{{2,5}})[ ](?P<street>[A-ZÀ-Þ][a-zß-ÿ]+)(?!\w)"
        ),
        bare_house_number=re.compile(
            rf"{number}[ ](?P<street>[^\W\d_][\w'’\-]*)(?=(?:[ ](?P<second>[^\W\d_][\w'’\-]*))?)"
        ),
        triggers=re.compile(
            rf"{_LEAD}(?P<said>{_any_of([*strong, *weak])})(?:[:,/][ \t]{{0,2}}|[ \t]{{1,2}})[\"“(]?(?=[^\W\d_])", re.IGNORECASE
        ),
        strong=frozenset(word.casefold() for word in strong),
        signatures=re.compile(
            rf"{_LEAD}(?:{_any_of(_flat(words.before_signatures))})[ \t]{{0,2}}(?:[,.!;:\-–—]{{1,3}}[ \t\n]{{0,4}}|\n[ \t\n]{{0,3}})(?=[^\W\d_])",
            re.IGNORECASE,
        ),
        after_names=re.compile(rf"[ \t]{{1,2}}(?:{_any_of(_flat(words.after_names))})(?!\w)", re.IGNORECASE),
        titles=re.compile(rf"{_LEAD}(?:{_any_of(_flat(words.titles))})(?:\.[ \t]{{0,2}}|[ \t]{{1,2}})(?=[^\W\d_])", re.IGNORECASE),
        particles=frozenset(words.name_particles),
        ordinary=frozenset(word.casefold() for word in _flat(words.ordinary_words)),
        first_names=frozenset(words.first_names),
        suffixes=frozenset(word.casefold() for word in (*words.streets.suffixes, *words.streets.weak_suffixes)),
        profile_hosts=frozenset(words.profile_hosts),
    )


_REPAIR = ftfy.TextFixerConfig(unescape_html=True, uncurl_quotes=False, normalization="NFKC", max_decode_length=1_000_000)


def clean(text: str) -> str:
    """A text in the form that a reader sees: repaired where it was mis-decoded, entities resolved, NFKC, nothing invisible."""
    if not text.isascii() or "&" in text or "\x1b" in text:
        text = ftfy.fix_text(text, _REPAIR)
    return visible_form(text)


def _pass(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    words = _vocabulary()
    text = _without_structured(text, context, words, counts)
    if any(char.isdigit() for char in text):
        text = _without_house_numbers(text, context, words, counts)
    return _without_names(text, context, words, counts)


def redact(text: str, context: PrivacyContext = PrivacyContext()) -> Redacted:  # noqa: B008  (a frozen value)
    """A text without the personal data that rules can find.

    Passes over the text until one finds nothing (a mark can bring two pieces together), so the result holds nothing that
    `detected` would find, and redacting it again changes nothing.

    Args:
        text: as the source gave it.
        context: what the site knows: official accounts, ordinary words, streets.
    """
    counts: Counter[str] = Counter()
    current = clean(text)
    if not _MAY_HOLD.search(current):
        return Redacted(current, ())
    while True:
        before = counts.total()
        following = clean(_pass(current, context, counts))
        if counts.total() == before and following == current:
            break
        current = following
    return Redacted(current, tuple((kind, counts[kind]) for kind in KINDS if counts[kind]))


def detected(text: str, context: PrivacyContext = PrivacyContext()) -> tuple[tuple[str, int], ...]:  # noqa: B008
    """What one pass of the detectors finds in a text: kinds and counts; empty for every text that `redact` returned."""
    counts: Counter[str] = Counter()
    _pass(clean(text), context, counts)
    return tuple((kind, counts[kind]) for kind in KINDS if counts[kind])


def ordinary_words(texts: Iterable[str], *, least: int = 3) -> frozenset[str]:
    """Words that a body of texts writes small, and that are therefore no names: "sewer", "appraiser".

    A word is ordinary where it stands in small letters at least ``least`` times and at least a third as often as with a
    capital. Well-known first names never become ordinary.

    Args:
        texts: distinct texts of one site.
        least: how often a word must be seen small.
    """
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in texts:
        for word in _CAPITAL_WORD.findall(text):
            if word.islower():
                small[word] += 1
            elif word[0].isupper() and not word.isupper():
                capital[word.casefold()] += 1
    known = _vocabulary().first_names
    return frozenset(word for word, seen in small.items() if seen >= least and 3 * seen >= capital[word] and word not in known)
