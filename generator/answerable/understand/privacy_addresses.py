"""Where somebody lives: a house number with its street, and the unit, the postcode and the town that stand with them.

A street without a number stays: a pothole on Elm Street is what the text is about. With a number, all of it goes, from
the number to the town. Each pattern finds the number with its street; what follows is added piece by piece.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from answerable.understand.privacy_countries import countries
from answerable.understand.privacy_lexicon import CAPITALS, COMMON, GIVEN, Lexicon, lexicon
from answerable.understand.privacy_words import MARKS, PrivacyContext, any_of, words, words_that_are_no_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["without_addresses"]

_DIGIT = re.compile(r"\d")
_DASH = r"\-\u2013\u2014"
_SIGN = r"(?:(?:no?\.?|n\.?[\u00b0o\u00ba]\.?|nr\.?|num\.?|n\u00famero|numero|number|house)[ ]?|#)"
_LETTER = r"(?:[ ]?(?:bis|ter|quater)\b|(?!h\b)[A-Za-z](?![A-Za-z]))?"
_NUMBER = rf"#?\d{{1,5}}{_LETTER}(?:[ ]?(?:[{_DASH}]|/|,|&|and|to|or)[ ]?#?\d{{1,5}}{_LETTER}){{0,4}}"
_LEAD = rf"(?<![\w.$\u20ac\u00a3#\-/:])(?:{_SIGN})?(?P<number>{_NUMBER})"
_GAP = r"[ \t,]{1,2}"
_IN_WORD = r"[\w.'\u2019\-]"
_CAPITALISED = rf"(?=[^\W\da-z\u00df-\u00f6\u00f8-\u00ff_]){_IN_WORD}++"
_SMALL = (
    r"(?:(?:de|del|la|las|los|el|da|do|dos|das|di|della|dei|du|des|e|y|en|le|les|der|den|dem|von|zum|zur"
    r"|al|aux?)[ ]"
    r"|(?:de )?[dl]['\u2019])"
)
_AFTER = r"(?!\w|[.:,]\d|[ ]?(?:%|\u20ac|\$|\u00a3|km\b|m\b|uhr\b|h\b|hs\b|min\b|am\b|pm\b))"
_BEHIND = (
    rf"(?:,?[ ]|[ ]?,[ ]?)(?:{_SIGN})?(?P<number>\d{{1,5}}(?:[ ]?(?!h\b)[a-z](?![a-z]))?(?:[ "
    rf"]?[{_DASH}/][ ]?\d{{1,4}}[a-z]?){{0,3}}){_AFTER}"
)


# A number that stands alone: not one of an account's name, an address on the web, a time, a sum.
_LONE_NUMBER = re.compile(r"(?<![\w@/.:$\u20ac\u00a3])\d{1,5}(?:[A-Za-z]|[ ]?(?:bis|ter))?(?!\w|[@%]|:\d)")
_WORD = re.compile(r"[^\W\d_]+|c/")


@dataclass(frozen=True, slots=True)
class _Addresses:
    always: tuple[tuple[frozenset[str], re.Pattern[str]], ...]  # each with the words one of which it needs
    after_word: re.Pattern[str]  # "at 400 Stockton": unless the next word is an ordinary one
    before_known: re.Pattern[str]  # "2323 Laguna": where the site lists its streets
    more: re.Pattern[str]  # what may follow


_JOINED: frozenset[str] = frozenset()  # needs a word that ends as streets do
_LEADS = frozenset(
    [
        "am",
        "an",
        "auf",
        "im",
        "in",
        "zum",
        "zur",
        "beim",
        "unter",
        "unteren",
        "untere",
        "hinter",
        "vor",
        "obere",
        "oberen",
        "oberer",
        "unterer",
        "alte",
        "alter",
        "alten",
        "neue",
        "neuer",
        "neuen",
        "große",
        "großer",
        "großen",
        "kleine",
        "kleiner",
        "kleinen",
    ]
)
_UNITS = frozenset(
    [
        "house",
        "plot",
        "door",
        "shop",
        "h",
        "apt",
        "apartment",
        "unit",
        "suite",
        "ste",
        "flat",
        "wohnung",
        "piso",
        "appt",
        "apto",
    ]
)


def _first_words(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(found[0] for phrase in phrases if (found := _WORD.findall(phrase.casefold())))


@cache
def _street_endings() -> tuple[str, ...]:
    after = {word for country in countries().values() for word in country.streets.after}
    return tuple(sorted({*words().streets.joined_suffixes, *after}))


def _joined(words_of_street: str) -> str:
    """A German street's name: one word with the ending, or words before it."""
    return rf"(?:[^\W\d_][\w\-]*?(?:{words_of_street})\.?|[^\W\d_][\w\-]*+[ ](?:{words_of_street})\.?)"


@cache
def _addresses() -> _Addresses:
    streets = words().streets
    word = rf"(?!(?:{any_of(streets.not_names)})\b){_IN_WORD}++"
    before_of = {word for country in countries().values() for word in country.streets.before}
    after_of = {word for country in countries().values() for word in country.streets.after}
    suffixes, weak = any_of(streets.suffixes), any_of(streets.weak_suffixes)
    before, then = any_of(streets.before_name), any_of({*streets.name_then_number, *before_of})
    joined = any_of({*streets.joined_suffixes, *after_of})
    return _Addresses(
        always=(
            # 123 Main St, no. 36 Evergreen Avenue, 25 de Mayo is no such
            (
                _first_words(streets.suffixes),
                re.compile(
                    rf"{_LEAD}{_GAP}(?P<name>(?:{word}[ \t]{{1,2}}){{1,4}}?)(?P<suffix>{suffixes})\b\.?",
                    re.IGNORECASE,
                ),
            ),
            # 615 ashgrove terrace: in small letters where no word of it is a common one
            (
                _first_words(streets.weak_suffixes),
                re.compile(
                    rf"{_LEAD}[ ](?P<rare>(?:[^\W\d_][\w'\u2019\-]*+[ ]){{1,2}}?)"
                    rf"(?P<type>{weak})(?=[ ]?(?:[,.;:!?)\n]|\Z))",
                    re.IGNORECASE,
                ),
            ),
            # 12 Orchard Close, 108 fox hollow drive: in small letters after a word such as "at"
            (
                _first_words(streets.weak_suffixes),
                re.compile(
                    rf"{_LEAD}{_GAP}(?:{_CAPITALISED}[ \t]{{1,2}}){{1,3}}?(?:{weak})\b(?:[ ](?:{weak})\b)?"
                ),
            ),
            (
                _first_words(streets.weak_suffixes),
                re.compile(
                    rf"(?<!\w)(?:{any_of(streets.words_before_number)})[ ](?P<number>#?\d{{1,5}}[a-z]?)[ ]"
                    rf"(?:{word}[ ]){{1,3}}?(?:{weak})\b",
                    re.IGNORECASE,
                ),
            ),
            # 12 bis, rue de la Paix: up to four words, small ones between
            (
                _first_words(streets.before_name),
                re.compile(
                    rf"{_LEAD},?[ ](?:{before})\.?[ ](?:{_SMALL}{{0,3}}{_CAPITALISED}(?:[ "
                    rf"](?={_SMALL}{{0,2}}[A-Z\u00c0-\u00de]))?){{1,5}}"
                ),
            ),
            (
                _first_words(streets.before_name),
                re.compile(
                    rf"{_LEAD},?[ ](?:{before})\.?[ ](?P<loose>{_SMALL}{{0,2}}(?:\d{{1,"
                    rf"2}}[ ])?)[^\W\d_][\w'\u2019\-]*+",
                    re.IGNORECASE,
                ),
            ),
            # Calle Mayor 5, Rua das Flores, n.o 12, Via Roma n. 10; Calle 26 # 25-49
            (
                _first_words({*streets.name_then_number, *before_of, "c/"}),
                re.compile(
                    rf"(?<!\w)(?i:{then})\.?[ ]\d{{1,3}}[ ]?[A-Za-z]?[ ]?(?:#|[Nn]o\.?"
                    rf"|[Nn]\.?[\u00b0o])[ ]?(?P<number>\d{{1,3}}[A-Za-z]?[ ]?-[ ]?\d{{1,3}})(?!\d)"
                ),
            ),
            (
                _first_words({*streets.name_then_number, *before_of, "c/"}),
                re.compile(
                    rf"(?<!\w)(?i:c/[ ]?|(?:{then})\.?[ ])(?:{_SMALL}{{0,3}}(?:{_CAPITALISED}"
                    rf"|\d{{1,2}}(?=[ ]de[ ]))[ ]?(?=[ ,]|[^\W\d_])){{1,5}}?{_BEHIND}"
                ),
            ),
            (
                _first_words({*streets.name_then_number, *before_of, "c/"}),
                re.compile(
                    rf"(?<!\w)(?:c/[ ]?"
                    rf"|(?:{then})\.?[ ])(?:\d{{1,2}}[ ]de[ ])?(?:(?!(?:{any_of(streets.not_names)})"
                    rf"\b)[^\W\d_][\w'\u2019\-]*+[ ]?){{1,4}}?{_BEHIND}",
                    re.IGNORECASE,
                ),
            ),
            # Rue de la Loi 16, as in Belgium and Switzerland: where nothing but a sign follows
            (
                _first_words(streets.before_name),
                re.compile(
                    rf"(?<!\w)(?i:{before})\.?[ ](?:{_SMALL}{{0,3}}{_CAPITALISED}[ ]?){{1,4}}?{_BEHIND}"
                    r"(?=[ ]?(?:[,;.!?)\n]|\Z))"
                ),
            ),
            # Hauptstrasse 12a, Alter Weg 3, Untere Muehle Nr. 33, Strasse des Friedens 95
            (
                _JOINED,
                re.compile(rf"(?<![\w\-])(?P<joined>{_joined(joined)}){_BEHIND}", re.IGNORECASE),
            ),
            (
                _JOINED,
                re.compile(
                    rf"(?<![\w\-])(?:Stra\u00dfe|Strasse|Platz|Allee|Weg)[ ](?:de[rs]|am|an der|zum"
                    rf"|zur)[ ][^\W\d_][\w\-]*+{_BEHIND}",
                    re.IGNORECASE,
                ),
            ),
            # Am Muehlbach 66, Zur Alten Schmiede 107: no ending shows these, a preposition with a capital does
            (
                _LEADS,
                re.compile(
                    rf"(?<![\w\-])(?:Am|An der|Auf der|Auf dem|Im|In der|In den|Zum|Zur|Beim|Unter den"
                    rf"|Hinter der"
                    rf"|Hinter dem|Vor dem|Obere[rn]?|Untere[rn]?|Alte[rn]?|Neue[rn]?|Gro\u00dfe[rn]?"
                    rf"|Kleine[rn]?)"
                    rf"(?:[ ]{_CAPITALISED}){{1,2}}{_BEHIND}(?![ ]*(?:\.|\d))"
                ),
            ),
            (
                _LEADS,
                re.compile(
                    rf"(?<!\w)(?:aus|in|zu|bei|gegen\u00fcber|hinter|wohne|wohnt|wohnen|adresse:?"
                    rf"|anschrift:?)[ ](?P<all>(?:an der|auf der|auf dem"
                    rf"|am|im|in der|zum|zur)"
                    rf"(?:[ ][^\W\d_][\w\-]*+){{1,2}}){_BEHIND}",
                    re.IGNORECASE,
                ),
            ),
            # P.O. Box 12, Postfach 12
            (
                _first_words({*streets.boxes, "p", "po", "box"}),
                re.compile(
                    rf"(?<!\w)(?:p\.? ?o\.? box"
                    rf"|{any_of(streets.boxes)})[ ]{{1,2}}(?P<number>\d{{1,6}})(?!\w)",
                    re.IGNORECASE,
                ),
            ),
            # Apt 4B, unit #12
            (
                _UNITS,
                re.compile(
                    r"(?<!\w)(?:(?:house|plot|door|shop|h)\.?[ ]?(?:no\.?|number|#)"
                    r"|apt|apartment|unit|suite|ste|flat(?:[ ]no\.?)?|wohnung|piso|appt|apto)\.?[ ]?"
                    r"(?P<number>#?(?=[A-Za-z]?\d)[A-Za-z]?\d{1,5}[A-Za-z]?)(?!\w)",
                    re.IGNORECASE,
                ),
            ),
        ),
        after_word=re.compile(
            rf"(?<!\w)(?i:{any_of(streets.words_before_number)})[ ](?P<number>#?\d{{2,5}})[ ]"
            r"(?P<street>[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+)(?!\w)"
        ),
        before_known=re.compile(
            rf"{_LEAD}[ ](?P<street>[^\W\d_][\w'\u2019\-]*+)(?=(?:[ ](?P<second>[^\W\d_][\w'\u2019\-]*+))?)"
        ),
        more=_what_follows(),
    )


def _what_follows() -> re.Pattern[str]:
    """A unit, a postcode with its town, a town with its postcode."""
    units = f"(?i:{any_of(words().units)})"
    capital = r"[A-Z\u00c0-\u00de][\w'\u2019\-]++"
    town = rf"{capital}(?:[ ](?:{_SMALL}{{1,2}})?{capital}){{0,3}}"
    line = rf"(?:[ ]?,[ ]?\n?|[ ]{{1,2}}|[ ]?\n[ >]{{0,2}}|[ ][{_DASH}][ ])"
    label = (
        r"(?:(?:CEP|C\.?P\.?|PLZ|ZIP|(?i:eircode|postcode|zip code|c\u00f3digo postal|code postal))[:.]?[ ])?"
    )
    postcode = (
        r"(?:[A-Z]{1,2}-?[ ]?)?\d{5}(?:-\d{3,4})?(?![ \-]?\d)|\d{4}[ ]?-[ ]?\d{3}(?![ \-]?\d)"
        r"|(?:[A-Z]{1,2}-)?\d{4}(?=[ ][A-Z\u00c0-\u00de])(?!\d)"
        r"|[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}\b|[A-Z]\d[\dW][ ]?[A-Z\d]{4}\b|[A-Z]\d[A-Z][ ]?\d[A-Z]\d\b"
        r"|-?[ ]?\d{3}[ ]?\d{3}(?![ \-]?\d)"
    )
    return re.compile(
        # an ordinal with its floor, or a unit with what names it
        rf"{line}(?:\d{{1,2}}[.\u00b0\u00baoa]{{0,3}}[ ]?(?:(?:{units})\b\.?|[A-Z]\b)(?:[ ](?i:links"
        rf"|rechts|mitte|[a-z]\b|izq\w*|der\w*|esq\w*|dto)\.?)?"
        rf"|\d{{1,2}}(?:e|er|eme|\u00e8me|th|st|nd|rd)[ ](?:{units})\b"
        rf"|(?:{units})\.?[ ]?(?:#?[A-Za-z]?\d{{1,5}}[A-Za-z]?|[A-Z])\b(?:[ ]?[\u00b0\u00bao]\b)?"
        rf"|(?i:bajo|\u00e1tico|rdc|eg|dg)(?:[ ][A-Z]\b)?|\d{{1,2}}[\u00b0\u00baoa][A-Z]\b"
        rf"|#[ ]?[A-Za-z]?\d{{1,5}}[A-Za-z]?\b)"
        # "24/Hinterhaus"; the year of "rue du 8 Mai 1945"
        rf"|[ ]?/[ ]?(?:{units})\b|(?<=[A-Za-z])[ ](?:1918|1944|1945|1962)(?![\d:])"
        # a postcode, with the town behind it
        rf"|{line}{label}(?:{postcode})(?:[ ]{town})?"
        # a town (and a state) with a postcode; a town alone only behind a comma
        rf"|{line}{town}(?:,?[ ][A-Z]{{2}}\b)?,?[ ](?:{postcode})"
        rf"|,[ ]{town}(?:,[ ][A-Z]{{2}}\b)?(?=[ ]?(?:[.!?;:\n|)\u2014\u2013]|\Z|,|[ ][\u2014\u2013\-|][ ]))"
        rf"|(?:,[ ]?[A-Z]{{2}}\b)(?:[ ](?:{postcode}))?"
        # in small letters only with a state and a number: ", kestleton, oh 35511"
        rf"|,[ ][a-z]{{3,20}}(?:[ ][a-z]{{3,20}})?,[ ][a-z]{{2}}[ ]\d{{5}}(?:-\d{{4}})?\b",
    )


_NEXT_WORD = re.compile(r"[ ]([^\W\d_][\w'\u2019\-]+)")
_TOWN = re.compile(
    r",[ ]([A-Z\u00c0-\u00de][^\W\d_]{3,})"
    r"((?:[ ](?:(?:de|do|da|dos|das|del|des|du|sur|la|le|el|los|las|am|an der|ob der|upon|under|by"
    r"|the)[ ]){0,2}[A-Z\u00c0-\u00de][^\W\d_]{2,}){0,3})"
    r"(?=[ ][a-z\u00df-\u00ff])"
)
_MOST_PIECES = 4
_LAST_WORD = re.compile(r"[ ]([^\W\d_]+(?:'[^\W\d_]+)?)[ ,]{1,2}\Z")
# Before a number these show that it counts or calls something, and does not stand in a street.
_NO_STREETS_END = frozenset(
    [
        "las",
        "los",
        "cada",
        "jusqu'au",
        "jusqu'à",
        "dès",
        "depuis",
        "toutes",
        "todas",
        "todos",
        "el",
        "al",
        "é",
        "es",
        "son",
        "hay",
        "a",
        "ao",
        "o",
        "ou",
        "y",
        "e",
        "até",
        "desde",
        "hasta",
        "às",
        "às",
        "use",
        "usen",
        "usar",
        "desde",
        "bus",
        "línea",
        "linha",
        "ligne",
        "linie",
    ]
)
_MONTHS = (
    "january february march april may june july august september october november december januar februar"
    " m\u00e4rz mai juni juli oktober dezember enero febrero marzo abril mayo junio julio agosto septiembre"
    " octubre noviembre diciembre janvier f\u00e9vrier mars avril juin juillet ao\u00fbt septembre octobre"
    " novembre d\u00e9cembre janeiro fevereiro mar\u00e7o maio junho julho setembro outubro novembro dezembro"
)
_DAY = re.compile(
    rf"\d{{1,2}}[ ](?:de[ ])?(?:{'|'.join(_MONTHS.split())})\b|\d{{1,2}}[./-]\d{{1,2}}[./-](?:19"
    rf"|20)?\d\d(?!\d)",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[^\W\d_]{5,}[.!?\u2026]|\.\.|[!?]")
_SENTENCE_ENDS_WITHIN = re.compile(
    r"[a-z\u00df-\u00ff]{5}[.!?][ ](?=[^\W\d_])"
)  # "the number 4 route. Nobody"
_COUNTS_NOTHING = 100
# A road with its number: "Estrada EN 125".
_ROAD = re.compile(
    r"(?:estrada|rodovia|carretera|ctra|autopista|autov\u00eda|autoroute|route|rte)\.?[ ][A-Z]{1,3}[ \-]?\d",
    re.IGNORECASE,
)
_CAPITALISED_WORD = re.compile(r"[A-Z\u00c0-\u00de][^\W\d_]+")
# Words in small letters before "close" or "avenue" that no street's name has: "#3021 est close".
_VERBS = frozenset(
    [
        "is",
        "est",
        "was",
        "are",
        "were",
        "be",
        "so",
        "very",
        "too",
        "not",
        "more",
        "got",
        "getting",
        "to",
        "a",
        "an",
        "of",
        "from",
        "with",
        "at",
        "by",
        "está",
        "ist",
        "war",
        "e",
        "é",
        "são",
    ]
)
# Behind a street's type these show French: "22 lampadaires \u00e9teints boulevard Pasteur".
_NAME_FOLLOWS = re.compile(r"[ ](?:(?:de|du|des|de la|de l'|d')[ ]?)?[A-Z\u00c0-\u00de][^\W\d_]+")
_BEFORE_NAMES = frozenset({"avenue", "boulevard", "square", "court", "place"})
# Squares that many towns have: with a number they are an address, though they are words.
_SQUARES = frozenset(
    [
        "marktplatz",
        "kirchplatz",
        "dorfplatz",
        "rathausplatz",
        "schlossplatz",
        "bahnhofplatz",
        "bahnhofsplatz",
        "schulplatz",
        "bahnhofstraße",
        "hauptstraße",
        "schulstraße",
        "dorfstraße",
        "kirchstraße",
        "bahnhofstrasse",
        "hauptstrasse",
        "schulstrasse",
        "dorfstrasse",
        "kirchweg",
        "schulweg",
        "mühlweg",
    ]
)
_NO_VERBS = frozenset({"close", "lane", "court", "terrace", "grove", "mews", "gardens", "avenue"})
_MOVED = re.compile(r"[^\W\d_]{3,}(?:ed|ing)\Z")  # "11 diverted round Ford Road"


def _with_more(text: str, end: int, more: re.Pattern[str]) -> int:
    for _ in range(_MOST_PIECES):
        match = more.match(text, end)
        if match is None:
            break
        end = match.end()
    return end


def _with_town(text: str, end: int, known: Lexicon) -> int:
    """Where an address ends whose town a sentence goes on behind: "5368 Saddler Street, Brightwater passed"."""
    match = _TOWN.match(text, end)
    if match is None or known[match[1]] & (GIVEN | CAPITALS):
        return end
    # "Campo Novo do Rio" is a town, "Nobody" is none, and behind a town "Ann Lee" is a person.
    more = _CAPITALISED_WORD.findall(match[2])
    if not more:
        return end if known[match[1]] & COMMON else match.end()
    if match[1].casefold() in words().place_heads:
        return match.end()
    if any(known[word] & GIVEN for word in more):
        return end
    return end if known[match[1]] & COMMON and all(known[word] & COMMON for word in more) else match.end()


def _with_word(text: str, end: int) -> int:
    """Where a street's name in small letters ends: one word more belongs to it, if it is no common one."""
    match = _NEXT_WORD.match(text, end)
    if match is None:
        return end
    small = match[1].casefold()
    return end if small in words().common or small in words().ordinary else match.end()


def _is_rare(match: re.Match[str], known: Lexicon) -> bool:
    """Whether words in small letters are a street's name: no common ones, or behind a number that counts no things."""
    if any(word.casefold() in _VERBS for word in match["rare"].split()):
        return False
    if not any(known[word] & COMMON for word in match["rare"].split()):
        return True
    number = int("".join(filter(str.isdecimal, match["number"]))[:6])
    return (
        number >= _COUNTS_NOTHING and match["rare"].count(" ") == 1 and match["type"].casefold() in _NO_VERBS
    )


def _is_no_name(name: str, suffix: str) -> bool:
    """Whether the words between a number and a street's type are no street's name."""
    if _SENTENCE_ENDS.search(name):
        return True
    small = [word for word in name.split() if word[:1].islower()]
    if any(_MOVED.search(word) for word in small):
        return True
    return (
        suffix[:1].isupper()
        and not suffix.isupper()
        and any(word not in words().name_particles for word in small)
    )


def _is_common_word(street: str, known: Lexicon) -> bool:
    """Whether what ends as streets do is a common word or a form of one: "during 2017", "Spielplatz 3", "Hiring 4"."""
    small = street.casefold()
    if small in words().streets.joined_suffixes or small in _SQUARES:
        return False
    if small in words().common or small in words().ordinary:
        return True
    return small.endswith("ring") and bool(known[street] & COMMON)


def _is_no_address(match: re.Match[str], known: Lexicon) -> bool:  # noqa: PLR0911 - one rule after another
    """Whether something shows that what looks like an address is none."""
    there = match.groupdict()
    before = _LAST_WORD.search(match.string, match.start(), match.start("number"))
    if before and before[1].casefold() in _NO_STREETS_END:
        return True
    if match.start("number") > match.start() and _DAY.match(match.string, match.start("number")):
        return True
    if _ROAD.match(match.group()):
        return True
    if "joined" in there and _is_common_word(match["joined"], known):
        return True
    if "suffix" in there:
        if _is_no_name(match["name"], match["suffix"]):
            return True
        if (
            match["suffix"] in _BEFORE_NAMES
            and match["name"].islower()
            and _NAME_FOLLOWS.match(match.string, match.end())
        ):
            return True
    if "rare" in there and not _is_rare(match, known):
        return True
    return _SENTENCE_ENDS_WITHIN.search(match.group()) is not None


def _found(text: str, context: PrivacyContext, patterns: _Addresses) -> Iterator[tuple[int, int]]:
    there = set(_WORD.findall(text.casefold()))
    known = lexicon(context)
    is_joined = any(word.endswith(_street_endings()) for word in there)
    for needs, pattern in patterns.always:
        if not (needs & there if needs else is_joined):
            continue
        for match in pattern.finditer(text):
            if _is_no_address(match, known):
                continue
            start = match.start("all") if "all" in pattern.groupindex else match.start()
            end = match.end()
            if "loose" in pattern.groupindex:
                end = _with_word(text, end)
            yield start, _with_town(text, _with_more(text, end, patterns.more), known)
    ordinary = words_that_are_no_names(context.ordinary_words)
    for match in patterns.after_word.finditer(text):
        small = match["street"].casefold()
        if small not in ordinary and small not in words().common:
            yield match.start("number"), match.end()
    if context.street_names:
        streets = {name.casefold() for name in context.street_names}
        for match in patterns.before_known.finditer(text):
            first, second = match["street"].casefold(), (match["second"] or "").casefold()
            if f"{first} {second}" in streets:
                yield match.start(), match.end("second")
            elif first in streets:
                yield match.start(), match.end()


def without_addresses(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for addresses with a house number (a street alone stays); ``counts`` is added to."""
    if _DIGIT.search(text) is None or _LONE_NUMBER.search(text) is None:
        return text
    out: list[str] = []
    done = 0
    spans = sorted(_found(text, context, _addresses()))
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    for start, end in joined:
        out += (text[done:start], MARKS["address"])
        counts["address"] += 1
        done = end
    return "".join(out) + text[done:] if out else text
