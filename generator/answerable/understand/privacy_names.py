"""Names of persons, by guesswork: words with a capital that are no common ones, where something shows a person.

What shows one: a word before it ("spoke with", "Mr."), a given name, a surname behind one or an initial, a verb of
speaking after it, a telephone number behind it, the place of a signature. Where places stand ("on Gough", "Rua
Antonov", "Cole Street") nothing is a person. Where the site's texts show how they write their words, a word with a
capital that they write otherwise never is enough.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final

from answerable.understand.privacy_lexicon import (
    ALSO,
    CALLS,
    CAPITAL,
    CAPITALS,
    COMMON,
    GIVEN,
    INITIAL,
    MAYBE,
    NEVER,
    ODD,
    PARTICLE,
    PUBLIC,
    STREET,
    SURNAME,
    Lexicon,
    lexicon,
)
from answerable.understand.privacy_words import MARKS, OPENS_SENTENCE, PrivacyContext, any_of, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["without_names"]

_TOKENS = 5  # the longest name, in words
_BEFORE = 48  # characters before a name that are read for what announces it
_PHRASE = 5  # the longest announcement, in words

# A word: letters, with apostrophes and hyphens inside; or an initial with its full stop.
_WORD = re.compile(
    r"(?<![\w@#/&=?])(?<!\w['\u2019\-])(?:(?<!\.)|(?<=[A-Z]\.)(?<![A-Za-z\d][A-Z]\.))"
    r"[^\W\d_](?:\.(?=[ ]?[^\W\d_]|\Z)|[^\W\d_]*+(?>(?:['\u2019\-][^\W\d_]++)*)(?![\w@]))"
)
_ANY_WORD = re.compile(r"[^\W\d_][^\W\d_'\u2019\-]*+(?>(?:['\u2019\-][^\W\d_]++)*)")
_LETTERS = re.compile(r"[^\W\d_]")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S++", re.IGNORECASE)
_AND = re.compile(
    r"[ \t]?[/&,][ \t]?(?:(?:and|y|et|und|e|or)[ \t])?|[ \t](?:and|y|e|et|und|or|o|ou|oder)[ \t]"
)
_LINE_END = re.compile(
    r"[ \t]*+[.!,)\]\"]{0,2}+(?>[ ]?(?:x{1,5}(?!\w)|<3|[:;]-?[)D])"
    r"|[ ]?[\u2600-\u27bf\U0001f300-\U0001faff\ufe0f]{1,4})?"
    r"[ \t]*+(?:\n|\Z)"
)
_AFTER_DASH = re.compile(r"(?:\A|\s|[.!?])[\-\u2013\u2014~*]{1,2}[ ]?\Z")
_SEPARATORS = ' \t\n:,/?"\u201c\u201e(.!;-\u2013\u2014'
_AFTER_ANNOUNCED = re.compile(r"[:,/?]?[ \t]{1,2}[\"\u201c\u201e(]?|[:,/?(][\"\u201c(]?")
_AFTER_TITLE = re.compile(r"\.?[ \t]{0,2}")
_AFTER_CLOSING = re.compile(
    r"[ \t]{0,2}(?:[,.!;:\-\u2013\u2014]{1,3}[ \t\n>]{0,6}|\n[ \t\n>]{0,5}|(?<=[ \t]))"
)
_CARET_INITIALS = re.compile(r"(?<!\S)\^[ ]?[A-Za-z]{1,3}(?!\w)")
_DASH_INITIALS = re.compile(r"(?<=\s)[\-\u2013\u2014~*/][ ]?(?P<initials>[A-Z]{2})[ \t]*+\Z")
_LAST_INITIALS = re.compile(r"(?:(?<=[.!?])[ ]{1,2}|(?<=/\d\d)[ ])(?P<initials>[A-Za-z]{2,3})\.?[ \t\n]*+\Z")
_IS_LIKE_A_PERSON = re.compile(r"[ ](?:is|was)[ ](?:from|very|so|always|my|our|a|an|not)\b|[ ]had[ ]")
_NOUN = re.compile(
    r"(?:ung|heit|keit|schaft|ion|t\u00e4t|amt|haus|platz|verein|werke?|bahn|park|schule|bad|tor|hof"
    r"|markt|viertel|stadt|dorf|heim"
    r"|hausen|burg|berg|tal|feld|wald|see|bach|au|ingen|kirchen|steig|weg|ring|stra\u00dfe|strasse|gasse"
    r"|bau|rat|meister|erin|innen)s?\Z"
)
_AND_NAME = re.compile(r"[ ](?:and|&|y|et|und|e)[ ]\[name\]")
_NAME_AND = re.compile(r"\[name\][ ](?:and|&|y|et|und|e)[ ]\Z")
_SPOKEN_TO = re.compile(
    r",[ ](?:can|could|would|will|please|thank|thanks|you|why|your|we|bitte|danke|por favor|gracias|merci"
    r"|wir|hemos|nous|su)\b"
)
_BEFORE_MARK = re.compile(
    r",?[ ]?(?:at |@ ?|[\-\u2013:(]{1,2} ?|(?:on|at|unter|tel\.?:?|al|au) )?\[(?:phone|email|handle)\]"
)
_SURNAME_BEFORE = re.compile(r"(?<![\w@.'\u2019\-])(?P<surname>[^\W\d_][\w'\u2019\-]{1,30}),[ ]?\Z")
_JOINS_PLACES = re.compile(r"[ \t]*(?:[/&,@x+\-\u2013]|and|y|et|und|e|i|or|to)?[ \t]*")
_ENDS_TEXT = re.compile(r"[\s.!)\]\"]*\Z")
_ARTICLE = re.compile(r"\A[ld]['\u2019]")
_AFTER_MENTION = re.compile(r"(?:\[handle\]|(?<!\w)@[\w.]{1,30})[:,]?[ ]\Z")  # "@CityWater Even the dog ..."
_SCORE = re.compile(r"\d[-\u2013:]\d[ ]\Z")  # "Rovers 3-0 Saltcastle"
_PLACE_ARTICLES = frozenset({"El", "La", "Los", "Las", "Le", "Les"})
_GREETED = re.compile(r"[ ]?(?:[,!.?;:)\u2026\n]|\Z|[^\w\s\[\-'\u2019/&@#])|[ ]x{1,5}(?!\w)")
# Behind "Hi Jun" or "ask for Can": the name ends there; "advised Jan. 5" is a date.
_NAMED_ENDS = re.compile(
    r"[ ]?(?:[,!?)]|\.?\s*\Z|\.?\n|\.[ ](?=[^\W\da-z_\u00df-\u00ff]))|[ ](?:from|du|\u00e0|au|vom|aus|who"
    r"|del|da|do)[ ]"
)
_FROM_HOME = re.compile(r"[ ](?:from|of|du|de la|de l'|vom|aus der|aus dem|del|de|da|do)[ ]?\[address\]")
_THANKED = re.compile(
    r"(?<!\w)(?:thanks?|thank you|thx|cheers|sorry|gracias|merci|danke|obrigad[oa]"
    r"|grazie)(?!\w)[^.!?\n]{0,50}+(?<=,[ ])\Z",
    re.IGNORECASE,
)
# So an office thanks: "thanks for flagging", "gracias por escribirnos"; "thanks for nothing, ..." is to anybody.
_THANKED_FOR = re.compile(
    r"(?:for (?:[a-z]+ing|your|the|this)|por (?:[a-z\u00e0-\u00ff]+r(?:nos)?|su|tu|el|la)|pour (?:votre"
    r"|ton|le|la|nous|avoir)"
    r"|f\u00fcr (?:die|den|deine|deinen|ihre|ihren)|pel[oa]|por ter)(?!\w)",
    re.IGNORECASE,
)
_AGED = re.compile(
    r",?[ ]\(?(?:de[ ])?(?:\d{1,3}|[a-z\u00e0-\u00ff]{3,12})[ ](?:ans|a\u00f1os|anos|jahren?|years? old"
    r"|yrs? old|yo)(?!\w)"
    r"|[ ](?:a|tiene|tem|hat|is|ist|turns|turned|fez|faz|wird)[ ]\d{1,3}(?!\d"
    r"|[ ]?[%\u20ac$:.]\d?)(?:[ ](?:ans|a\u00f1os|anos|jahre|years|yrs)|[.,])"
    r"|,[ ]\d{2},|[ ]\(\d{2}\)",
    re.IGNORECASE,
)
_HERE = re.compile(
    r"[ ](?:here|hier|aqu[\u00edi]|ici)(?:[ ]?[,.!:;]|[ ][\-\u2013\u2014]|[ ](?:from|vom|von|aus|du|de"
    r"|del|da|do|at)(?!\w))",
    re.IGNORECASE,
)
# What stands behind a surname alone that begins a sentence: "Ortiz, el del bar, ..."
_TOLD_APART = re.compile(r",[ ](?:who|el|la|del|de la|o|a|do|da|du|qui|que|der|die|aus|vom|from|le|al)[ ]")
_BETWEEN_COMMAS = re.compile(r",[ ](?:who|was|is|has|had|said|says|told|which)(?!\w)")
_FIRM = re.compile(
    r"[ ]?&[ ]?(?:[Ss]ons?|[Bb]ros|[Dd]aughters?|[Ff]il(?:s|les)|[Ff]ilhos?|[Hh]ijos?|[Ii]rm\u00e3os?"
    r"|[Hh]ermanos?|S\u00f6hne|Sohn|T\u00f6chter"
    r"|[Pp]artners?|[Cc]ie|[Cc]o|[Cc]ia|[Aa]ssoci\u00e9s|[Ff]r\u00e8res)(?!\w)"
    r"|[ ](?:and (?:Sons?|Bros|Co|Daughters?|Partners)|et (?:[Ff]ils|[Ff]illes|[Ff]r\u00e8res|[Cc]ie)"
    r"|e (?:[Ff]ilhos|Irm\u00e3os?)|y (?:[Hh]ijos|Hermanos?|C\u00eda)"
    r"|und (?:S\u00f6hne|Sohn|Partner))(?!\w)"
)
_OF_SHOP = re.compile(r"[ ](?:&|and)[ ][^\W\d_]{2,20}['\u2019]s(?!\w)")  # "the Ben & Jerry's"
_DIGIT_BEFORE = re.compile(r"\d[ ]\Z")
_BEFORE_LAST = re.compile(r"[,.!?;\n\-\u2013\u2014:]\s*\Z")

_SURE, _KNOWN, _TITLE, _CLOSING, _OWN, _KIN, _INTRODUCED, _FAREWELL = 1, 2, 4, 8, 16, 32, 64, 128
# Closings that are as well said to anybody, in the middle of a message: no farewell.
_NO_FAREWELL = re.compile(
    r"thank|thx|tks|merci|dank|obrigad|gracias|grazie|grat[oa]|please|favor|porfa|appreciat|submitted"
    r"|hope|nice|great day|good day|\A.{1,4}\Z"
    r"|peace|signed|dein|euer|eure|ihre|valeu|hugs|courage|remerci|recev|agr\u00e9er|journ\u00e9e"
    r"|soir\u00e9e|continuation|warmly|herzlich\Z"
)
_TITLED: Final = 0.6  # of a text's words with a capital: more, and a capital says nothing
_SHOUTED: Final = 0.7  # of a text's letters
_SHORT: Final = 3  # letters: "Le", "Sun"
_LONG_VERB = 5  # letters; the short verbs would make names of headings: "Field Work is ..."


_SPOKEN_BY_OFFICE: Final = frozenset({", your", ", we", ", wir", ", hemos", ", nous", ", su"})
_ELIDED = re.compile(r"[dD]['\u2019][^\W\da-z_]\w{2}")
_ALL_MARKS: Final = tuple(MARKS.values())
_JOINTS: Final = frozenset({"and", "y", "et", "und", "e"})
_JOINS_NAMES = re.compile(r",[ ](?:(?:and|y|et|und|e)[ ])?|[ ](?:and|y|et|und|e|&)[ ]")
_ROW: Final = 3  # given names in a row that show one another to be names
_ENDS_INVERTED = re.compile(r"[ ]?(?:[,;|(\u2014\u2013\n]|\Z|- |\.(?:[ \n]|\Z))")
_BEFORE_PLATE = re.compile(r"[ ]?[:.#]?[ ]?\[plate\]")
_ENDS_MESSAGE = re.compile(r"[\s.!)x<3\u2600-\u27bf\U0001f300-\U0001faff\ufe0f]*+\Z")
_ELIDED_SMALL = re.compile(r"d['\u2019][^\W\d_]{3}")
_ENDS_SMALL_NAME = re.compile(
    r"[ ]?(?:,[ ](?:\[(?:address|phone|email)\]|lives|who|from|aus|de|flat|apt))|[ ]*\Z"
)


@cache
def _phrases() -> dict[str, int]:
    """What each announcement announces."""
    lists = words()
    found: dict[str, int] = {}
    for phrases, kind in (
        (lists.before_names, _SURE),
        (lists.before_known_names, _KNOWN),
        (lists.titles, _TITLE),
        (lists.before_signatures, _CLOSING),
        (lists.before_own_name, _OWN),
        (lists.before_kin, _KIN),
        (lists.before_introductions, _INTRODUCED),
    ):
        for phrase in phrases:
            plain = " ".join(part.rstrip(".") for part in phrase.split())
            found[plain] = found.get(plain, 0) | kind
            if kind == _CLOSING and not _NO_FAREWELL.search(plain):
                found[plain] |= _FAREWELL
    return found


@cache
def _last_words() -> frozenset[str]:
    return frozenset(phrase.rpartition(" ")[2] for phrase in _phrases())


@cache
def _spoke() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Verbs after a person's name: all and the longer ones, which are sure; then those behind small letters."""
    small = words().after_names
    verbs = small | words().after_names_with_capitals
    sure = {verb for verb in verbs if len(verb) >= _LONG_VERB}

    def pattern(phrases: Iterable[str]) -> re.Pattern[str]:
        return re.compile(rf"[ \t]{{1,2}}(?:{any_of(phrases)})(?!\w)", re.IGNORECASE)

    return pattern(verbs), pattern(sure), pattern(small), pattern(sure & small)


_WORD_AFTER = re.compile(r"[ \t]{1,2}([^\W\d_](?:[\w'\u2019]*\w)?)")


@cache
def _first_verbs() -> frozenset[str]:
    lists = words()
    return frozenset(verb.split()[0] for verb in lists.after_names | lists.after_names_with_capitals)


_ALL, _SURELY, _SMALL_ALL, _SMALL_SURELY = range(4)


def _speaks(text: str, end: int, which: int) -> bool:
    """Whether one of some of the verbs of `_spoke` follows."""
    match = _WORD_AFTER.match(text, end)
    return (
        match is not None
        and match[1].casefold() in _first_verbs()
        and _spoke()[which].match(text, end) is not None
    )


@dataclass(slots=True)
class _Token:
    start: int
    end: int
    word: str
    bits: int


@dataclass
class _Text:
    """A text, its words, and what its capitals mean."""

    text: str
    tokens: list[_Token]
    lexicon: Lexicon
    has_spelling: bool
    spans: list[tuple[int, int]] = field(default_factory=list)

    @cached_property
    def is_shouted(self) -> bool:
        """Nearly all in capitals: a capital says nothing."""
        if self.text.islower():
            return False
        letters = _LETTERS.findall(self.text)
        return len(letters) > 12 and sum(map(str.isupper, letters)) > _SHOUTED * len(letters)

    @cached_property
    def is_titled(self) -> bool:
        """Most words have a capital, as in a heading."""
        long = [token for token in self.tokens if len(token.word) > 3]
        capitals = sum(bool(token.bits & CAPITAL) for token in long if token.bits & (COMMON | PUBLIC))
        common = sum(bool(token.bits & (COMMON | PUBLIC)) for token in long)
        return common >= 3 and capitals > _TITLED * common

    @cached_property
    def has_nouns_with_capitals(self) -> bool:
        """The text is of a language that writes all nouns with one."""
        nouns = words().nouns_with_capitals
        return sum(token.word.casefold() in nouns for token in self.tokens) > 1

    @cached_property
    def has_unknown_words(self) -> bool:
        """A word in small letters that no list holds: slang, or a language that is not known here."""
        known = CAPITAL | COMMON | PUBLIC | GIVEN | SURNAME | PARTICLE | INITIAL
        return sum(not token.bits & known and len(token.word) > 2 for token in self.tokens) > 0

    @cached_property
    def addresses(self) -> list[tuple[int, int]]:
        return (
            [match.span() for match in _ADDRESS.finditer(self.text)]
            if "://" in self.text or "www." in self.text
            else []
        )

    def is_in_address(self, at: int) -> bool:
        """Whether a place is inside an address on the web."""
        place = bisect_right(self.addresses, (at, len(self.text))) - 1
        return place >= 0 and at < self.addresses[place][1]

    def opens_sentence(self, at: int) -> bool:
        return (
            OPENS_SENTENCE.search(self.text, max(0, at - 4), at) is not None
            or _AFTER_MENTION.search(self.text, max(0, at - 32), at) is not None
        )

    def gap(self, index: int) -> str:
        """What stands between a word and the next."""
        return (
            self.text[self.tokens[index].end : self.tokens[index + 1].start]
            if index + 1 < len(self.tokens)
            else "\n"
        )


def _starts_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip("> \t*-")


def _said_before(of: _Text, at: int) -> tuple[int, str]:
    """What the words before a place announce (bits of `_SURE` and the others), and the last of them."""
    before = of.text[max(0, at - _BEFORE) : at]
    core = before.rstrip(_SEPARATORS)
    separator = before[len(core) :]
    if core.endswith("]") and core.endswith(
        _ALL_MARKS
    ):  # "[name], Saltcastle": the mark's word announces nothing
        # "[name] Corso" goes on, "[name], Saltcastle" does not.
        return _KIN if separator == " " and core.endswith(MARKS["name"]) else 0, _bare(
            core[core.rfind("[") :]
        )
    parts = core.rpartition("\n")[2].casefold().split(" ")
    last = _bare(parts[-1])
    if last not in _last_words():
        return 0, last
    found = 0
    phrases = _phrases()
    phrase = ""
    for count in range(1, _PHRASE + 1):
        if count > len(parts):
            break
        part = parts[-count]
        if count > 1 and part.endswith((",", ";", "!", "?", ")")):
            break
        phrase = f"{_bare(part)} {phrase}".rstrip()
        kinds = phrases.get(phrase, 0)
        if kinds & _OWN and separator in {". ", "."}:
            found |= _OWN
        if kinds & (_SURE | _KNOWN | _OWN | _KIN | _INTRODUCED) and _AFTER_ANNOUNCED.fullmatch(separator):
            found |= kinds & (_SURE | _KNOWN | _OWN | _KIN | _INTRODUCED)
        if kinds & _TITLE and _AFTER_TITLE.fullmatch(separator):
            found |= _TITLE
        if kinds & _CLOSING and (_AFTER_CLOSING.fullmatch(separator) or separator in {" ", "  "}):
            found |= kinds & (_CLOSING | _FAREWELL)
    return found, last


def _bare(word: str) -> str:
    return word.strip(".,:;!?\"'\u201c\u201e()[]>*-\u2013\u2014\n\t")


def _is_place_before(of: _Text, index: int) -> bool:
    """Whether a street, a school or the like is named here: "rue Okonkwo", "Plaza de José Martí", "escola Antonov"."""
    lists = words()
    for back in range(1, 5):
        if index - back < 0 or "\n" in of.gap(index - back) or of.gap(index - back).strip(" .'\u2019"):
            return False
        token = of.tokens[index - back]
        word = _ARTICLE.sub("", token.word.casefold()).removesuffix(".")
        if back == 1 and token.word in _PLACE_ARTICLES and not of.opens_sentence(token.start):
            return True  # "in Los Olivares"
        if token.bits & CAPITAL and word in lists.place_heads and not token.bits & GIVEN:
            return True
        if word in lists.before_streets:
            # "c" and "r" are short for a street only right before its name.
            return back == 1 or len(word) > 1 or bool(token.bits & CAPITAL)
        if not (
            word in lists.name_particles
            or word in lists.titles
            or word in lists.titles_of_streets
            or token.bits & CAPITAL
        ):
            return False
    return False


def _is_place_word_before(last: str, of: _Text, at: int) -> bool:
    return _is_said(last, of, at, words().before_public_things)


def _is_said(last: str, of: _Text, at: int, phrases: frozenset[str]) -> bool:
    """Whether the word before a place of a text, or the two before it, are one of some phrases."""
    return last in phrases or " ".join(of.text[max(0, at - 30) : at].casefold().split()[-2:]) in phrases


def _name_from(of: _Text, index: int, *, is_announced: bool) -> list[_Token]:
    """The words of a name that begins with a word of a text; empty where none does."""
    run: list[_Token] = []
    position = index
    while position < len(of.tokens) and len(run) < _TOKENS:
        token = of.tokens[position]
        if not _belongs(of, position, run, is_announced=is_announced):
            break
        run.append(token)
        gap = of.gap(position)
        if token.word.endswith(("'s", "\u2019s")) or not (
            gap in {" ", "  ", "\t"} or (gap == "" and token.word.endswith("."))
        ):
            break
        position += 1
    while run and (run[-1].bits & PARTICLE and not run[-1].bits & CAPITAL):
        run.pop()
    if all(token.bits & INITIAL for token in run):
        return []
    return run


def _belongs(of: _Text, position: int, run: list[_Token], *, is_announced: bool) -> bool:  # noqa: C901, PLR0911, PLR0912 - one rule after another
    token = of.tokens[position]
    bits = token.bits
    is_particle = token.word.casefold() in words().name_particles and (bool(run) or is_announced)
    if token.word == "y" and run and _given_alone_follows(of, position):
        return False  # "Ana Ruiz y Andrea Cruz" are two
    if is_particle and bits & CAPITAL and _capital_follows(of, position):  # "Fatima El Amrani"
        return True
    if not bits & CAPITAL:
        if run and run[0].bits & GIVEN and _ELIDED.match(token.word):  # "Annie d'Hauteville"
            return True
        return bool(run) and bool(bits & PARTICLE) and _capital_follows(of, position)
    if bits & INITIAL:
        if run:
            if token.word in {"I", "A", "O", "E", "Y"}:
                return token.word != "I" and _capital_follows(of, position)
            return not (run[-1].bits & COMMON and not run[-1].bits & (GIVEN | SURNAME))
        return (token.word.endswith(".") or token.word not in "AIOEY") and _capital_follows(of, position)
    if bits & ODD:
        return False
    if (
        bits & CAPITALS
        and not of.is_shouted
        and not (run and run[0].bits & (GIVEN | SURNAME) and not run[-1].bits & (INITIAL | CAPITALS))
    ):
        # An acronym, unless a name stands before it: "Sonya YI"; "Category DRN" is none.
        if run or len(token.word) < 4 or bits & (ALSO | COMMON):
            return False
        return bool(bits & GIVEN) or (bool(bits & SURNAME) and _given_follows(of, position))  # "DUPONT Marie"
    if bits & STREET:
        return (
            bool(run)
            and bool(bits & SURNAME)
            and run[0].bits & (GIVEN | ALSO) == GIVEN
            and (is_announced or "-" in run[0].word)
        )
    is_listed = bool(bits & (GIVEN | SURNAME))
    if run:
        if (
            len(run) == 1
            and bits & SURNAME
            and bits & (NEVER | PUBLIC)
            and run[0].bits & GIVEN
            and _is_surname_though_a_word(of, position, run[0], is_announced=is_announced)
        ):
            return True
        if len(run) == 1 and run[0].bits & (COMMON | NEVER) and bits & SURNAME and _is_surname_only(token):
            return True  # "Autumn Cox"
        if len(run) == 1 and run[0].bits & GIVEN and not run[0].bits & COMMON and not bits & NEVER:
            if bits & PUBLIC and (
                run[0].bits & (ALSO | PUBLIC) or token.word.casefold() in words().public_things
            ):
                return False
            # "Tom Folks": after a given name even a common word is a surname.
            if not bits & COMMON:
                return True
            return len(token.word) > 2 and not of.is_shouted
        if (
            run[-1].bits & INITIAL
            and (not bits & NEVER or (bits & SURNAME and not bits & STREET and run[0].word.endswith(".")))
            and run[0].word != "U."
        ):
            return True
        if is_listed:
            return not bits & NEVER or not bits & COMMON or bool(bits & GIVEN and not bits & ALSO)
        return not bits & (COMMON | PUBLIC)
    if is_listed:
        if bits & GIVEN and not (bits & NEVER and bits & ALSO):
            return True
        if bits & COMMON and _surname_follows(of, position):
            return True
        if bits & NEVER:  # "Regards, Will Kettering"; "Hi Jun, ..."
            return is_announced and (
                _unknown_follows(of, position)
                or (
                    (bool(bits & GIVEN) or len(token.word) <= _SHORT)
                    and bool(_said_before(of, token.start)[0] & (_SURE | _TITLE | _CLOSING | _OWN))
                    and _NAMED_ENDS.match(of.text, token.end) is not None
                )
            )
        return is_announced or not bits & COMMON
    return not bits & (COMMON | PUBLIC)


def _unknown_follows(of: _Text, position: int) -> bool:
    if of.gap(position) != " ":
        return False
    bits = of.tokens[position + 1].bits
    return bool(bits & CAPITAL) and not bits & (COMMON | PUBLIC | STREET | INITIAL | CAPITALS)


_AFTER_VERB: Final = frozenset(
    [
        "i",
        "you",
        "we",
        "it",
        "they",
        "he",
        "she",
        "the",
        "my",
        "your",
        "this",
        "that",
        "someone",
        "anyone",
        "there",
        "not",
        "be",
        "have",
        "get",
        "go",
        "me",
        "us",
        "them",
        "him",
        "her",
        "please",
    ]
)


_NO_SURNAMES: Final = frozenset(
    [
        "park",
        "parks",
        "hill",
        "lake",
        "church",
        "house",
        "hall",
        "bridge",
        "west",
        "south",
        "north",
        "east",
        "plaza",
        "mission",
        "union",
        "day",
        "power",
        "state",
        "college",
        "beach",
    ]
)


def _is_surname_though_a_word(of: _Text, position: int, given: _Token, *, is_announced: bool) -> bool:
    """Whether a word that is mostly none is a surname behind a first name: "Quang Do", "Dear James West"."""
    if not is_announced and given.bits & (COMMON | NEVER | PUBLIC | ALSO):
        return False
    token = of.tokens[position]
    if token.bits & STREET:
        return False
    if (
        token.bits & PUBLIC
        and not is_announced
        and (given.bits & SURNAME or token.word.casefold() in _NO_SURNAMES)
    ):
        return False  # "Joshua Woods" is a person, "Victoria Park" a place
    if of.gap(position) != " ":
        return True
    return of.tokens[position + 1].word.casefold() not in _AFTER_VERB


def _surname_follows(of: _Text, position: int) -> bool:
    """Whether behind a listed name that is a word, too, a surname follows that is none: "Can Kara", "Wing Lau"."""
    token = of.tokens[position]
    if of.gap(position) != " " or position + 1 >= len(of.tokens):
        return False
    following = of.tokens[position + 1]
    if (
        not following.bits & CAPITAL
        or following.bits & (CAPITALS | STREET)
        or not _is_surname_only(following)
    ):
        return False
    if not token.bits & NEVER:
        return not of.has_nouns_with_capitals or bool(token.bits & GIVEN)
    if not token.bits & GIVEN:
        return False
    # "Can Nguyen call me" asks, "Can Nguyen, Oldgate" signs.
    return not of.opens_sentence(token.start) or _NAMED_ENDS.match(of.text, following.end) is not None


def _given_alone_follows(of: _Text, position: int) -> bool:
    if position + 1 >= len(of.tokens):
        return False
    bits = of.tokens[position + 1].bits
    return bool(bits & INITIAL) or (bool(bits & GIVEN) and not bits & SURNAME)


def _given_follows(of: _Text, position: int) -> bool:
    if of.gap(position) not in {" ", ", "}:
        return False
    bits = of.tokens[position + 1].bits if position + 1 < len(of.tokens) else 0
    return bool(bits & GIVEN and bits & CAPITAL) and not bits & (ALSO | COMMON | CAPITALS)


def _capital_follows(of: _Text, position: int) -> bool:
    """Whether, after small words that names have inside, a word with a capital follows that may be a name."""
    for ahead in range(1, 4):
        gap = of.gap(position + ahead - 1)
        if gap not in {" ", "  ", ""}:
            return False
        token = of.tokens[position + ahead]
        if token.word.casefold() in words().name_particles:
            continue
        if token.bits & CAPITAL:
            return (
                bool(token.bits & INITIAL)
                or not token.bits & (NEVER | STREET | ODD)
                or bool(token.bits & (GIVEN | SURNAME))
            )
        return False
    return False


def _names(of: _Text) -> Iterator[tuple[int, int]]:  # noqa: C901, PLR0912 - one rule after another
    """Names written with capitals, from left to right."""
    index = 0
    previous = public_end = -1  # where the last name, and the last place, ended
    while index < len(of.tokens):
        token = of.tokens[index]
        bits = token.bits
        if not bits & (CAPITAL | PARTICLE):
            index += 1
            continue
        if bits & PARTICLE and not bits & CAPITAL and index and _calls_person(of, index - 1):
            begun = _behind_particles(of, index)
            if begun:  # "Mr. del Rio", "Familie zu Rhein"
                yield token.start, _without_possessive(begun[-1])
                previous = begun[-1].end
                index = of.tokens.index(begun[-1], index) + 1
                continue
        is_start = bits & CAPITAL and (
            bits & (MAYBE | INITIAL)
            or token.word.casefold() in words().name_particles
            or (
                bits & COMMON and not bits & NEVER and of.text[max(0, token.start - 12) : token.start].strip()
            )
        )
        if not is_start:
            index += 1
            continue
        if of.is_in_address(token.start):
            index += 1
            continue
        said, last = _said_before(of, token.start)
        run = _name_from(of, index, is_announced=bool(said & (_SURE | _TITLE | _KIN | _CLOSING | _OWN)))
        if (
            not run
            and not bits & (INITIAL | ODD | CAPITALS)
            and (
                not bits & NEVER
                or (
                    bits & SURNAME and token.word.casefold() not in words().titles and not _goes_on(of, index)
                )
            )
            and (
                (said & _TITLE and said & _OWN) or (bits & SURNAME and index and _calls_person(of, index - 1))
            )
        ):
            run = [token]  # "Mrs Rivers", "Herr Freitag": behind these even a common word is a name
        if not run:
            index += 1
            continue
        start, end = run[0].start, run[-1].end
        if previous >= 0 and _AND.fullmatch(of.text, previous, start):
            said |= _KNOWN
        joined = public_end >= 0 and _JOINS_PLACES.fullmatch(of.text, public_end, start) is not None
        verdict = _is_person(of, index, run, said, last, is_joined_to_place=joined)
        if verdict is None:
            public_end = end
        elif verdict:
            inverted = _SURNAME_BEFORE.search(of.text, max(0, start - 40), start)
            if inverted and run[0].bits & GIVEN and not of.is_shouted:
                surname = of.lexicon[inverted["surname"]]
                if (
                    surname & CAPITAL
                    and not surname & (COMMON | PUBLIC | ODD | CAPITALS | STREET)
                    and not (surname & GIVEN and not surname & SURNAME)
                ):
                    start = inverted.start("surname")
            yield start, _without_possessive(run[-1])
            previous = end
        index += len(run)


def _goes_on(of: _Text, index: int) -> bool:
    """Whether a word with a capital follows: "Miss North Dakota"."""
    return of.gap(index) == " " and bool(of.tokens[index + 1].bits & CAPITAL)


_GAPS_OF_TITLES: Final = frozenset({" ", ". ", "."})


@cache
def _personal_titles() -> frozenset[str]:
    """Titles that a person's name follows at once, and words for a family."""
    lists = words()
    return (lists.titles & lists.before_own_name) | lists.before_families | _SHORT_TITLES


_SHORT_TITLES: Final = frozenset({"dr", "dra", "prof", "profa", "nurse", "hr", "dn", "d\u00f1a", "sr", "mr"})


def _calls_person(of: _Text, index: int) -> bool:
    """Whether a word is a title behind which nothing but a person's name stands."""
    return (
        of.tokens[index].word.casefold().removesuffix(".") in _personal_titles()
        and of.gap(index) in _GAPS_OF_TITLES
    )


def _behind_particles(of: _Text, index: int) -> list[_Token]:
    """The words of a name that begins with small ones: "de la Torre"; empty where no name follows them."""
    for place in range(index, min(index + 4, len(of.tokens))):
        token = of.tokens[place]
        if not token.bits & CAPITAL:
            if not token.bits & PARTICLE or of.gap(place) != " ":
                return []
            continue
        if token.bits & (NEVER | CAPITALS | ODD) or (
            token.bits & (COMMON | PUBLIC) and not token.bits & SURNAME
        ):
            return []
        return _name_from(of, place, is_announced=True) or [token]
    return []


def _without_possessive(token: _Token) -> int:
    return token.end - 2 if token.word.endswith(("'s", "\u2019s")) else token.end


def _is_person(  # noqa: C901, PLR0911, PLR0912 - one rule after another
    of: _Text, index: int, run: list[_Token], said: int, last: str, *, is_joined_to_place: bool
) -> bool | None:
    """Whether a run of words is a person; None where a place or a body stands."""
    seen = _Seen(of, run)
    if said & _TITLE and (seen.is_listed or not of.is_shouted) and not _is_place_before(of, index):
        return True
    if _is_place_before(of, index) or _is_thing_behind(of, index, run):
        return None
    if said & (_SURE | _OWN):
        return seen.is_listed or not of.is_shouted
    if not of.is_shouted and _is_brand(of, seen, last, is_joined=is_joined_to_place):
        return None
    if _is_of_person(of, run, seen):
        return True
    if of.is_shouted:
        return (len(seen.full) > 1 and bool(seen.given) and bool(seen.strong)) or bool(
            seen.strong and said & (_KNOWN | _KIN)
        )
    if seen.ends_line and (
        said & _CLOSING or _AFTER_DASH.search(of.text, max(0, seen.start - 6), seen.start)
    ):
        return True
    if said & _CLOSING and len(seen.full) > 1 and (seen.given or seen.strong):
        return True
    if said & (_KNOWN | _KIN) and (seen.given or seen.strong or (run[0].bits & INITIAL and len(run) > 1)):
        return True
    if said & _INTRODUCED and (seen.is_listed or of.text[seen.end : seen.end + 1] == ","):
        return True
    if said & _KIN and not run[0].bits & PUBLIC and not of.has_nouns_with_capitals:
        return True
    if _BEFORE_MARK.match(of.text, seen.end) and (len(seen.full) > 1 or seen.strong):
        return True
    if _is_beside_name(of, seen) and not of.is_titled:
        return True
    if seen.is_listed and not _titled_around(of, index, run) and _is_spoken_of(of, seen, last):
        return True
    if any(token.bits & INITIAL for token in run) and seen.full:
        return _is_person_with_initial(of, run, seen)
    found = _are_names(of, seen, last) if len(seen.full) > 1 else _is_one_name(of, index, run, seen, last)
    if found is not None:
        return found
    if is_joined_to_place or _is_place_word_before(last, of, seen.start):
        return None
    if not of.is_titled and not of.has_nouns_with_capitals and _is_thanked(of, seen):
        return True
    return of.has_spelling and _by_spelling(of, index, run)


@cache
def _owned() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What follows a family's name, and what a person has."""
    lists = words()
    return (
        re.compile(rf"[ ](?:{any_of(lists.after_families)})(?!\w)"),
        re.compile(
            r"[ ](?:(?:old|new|own|elderly|little|front|back)[ ])?"
            rf"(?:{any_of(lists.owned_by_persons)})(?!\w|[ ](?:park|wash|lot)(?!\w))"
        ),
    )


def _is_of_person(of: _Text, run: list[_Token], seen: _Seen) -> bool:
    """Whether what follows belongs to persons alone: "the Barker family", "Weijun's porch"."""
    if (len(seen.full) != 1 and not seen.is_listed) or run[-1].bits & (COMMON | PUBLIC) or of.is_titled:
        return False
    if seen.is_possessive:
        return not of.is_shouted and _owned()[1].match(of.text, seen.end) is not None
    return len(seen.full) == 1 and _owned()[0].match(of.text, seen.end) is not None


def _is_brand(of: _Text, seen: _Seen, last: str, *, is_joined: bool) -> bool:
    """Whether a shop is named as a person: "the Wendy's car park", "the Ben & Jerry's", "Visser et fils"."""
    if _FIRM.match(of.text, seen.end):
        return True
    if is_joined and seen.is_possessive and of.text.endswith((" & ", " and "), 0, seen.start):
        return True
    if last != "the":
        return False
    if seen.is_possessive:
        return bool(seen.given) and _owned()[1].match(of.text, seen.end) is None
    return _OF_SHOP.match(of.text, seen.end) is not None


def _is_spoken_of(of: _Text, seen: _Seen, last: str) -> bool:
    """Whether what stands beside a listed name shows a person: an age, thanks, an office's answer."""
    is_plain = last not in words().definite_articles and not any(
        t.bits & (COMMON | PUBLIC) for t in seen.full
    )
    text, start, end = of.text, seen.start, seen.end
    if not is_plain or not seen.full:
        return False
    if _AGED.match(text, end) or _FROM_HOME.match(text, end):
        return True
    if of.opens_sentence(start) and _HERE.match(text, end) and (seen.given or not of.has_nouns_with_capitals):
        return True
    if not text.endswith(", ", 0, start) or len(seen.full) > 2:
        return bool(seen.strong) and of.opens_sentence(start) and _TOLD_APART.match(text, end) is not None
    if seen.given and _BETWEEN_COMMAS.match(text, end):
        return True
    return (
        _NAMED_ENDS.match(text, end) is not None
        and _THANKED.search(text, max(0, start - 80), start) is not None
    )


def _is_thanked(of: _Text, seen: _Seen) -> bool:
    """Whether an office thanks somebody whose name no list holds: "Thanks for flagging, Nasrin!"."""
    text, start = of.text, seen.start
    if not text.endswith(", ", 0, start) or len(seen.full) > 2 or _NAMED_ENDS.match(text, seen.end) is None:
        return False
    thanked = _THANKED.search(text, max(0, start - 80), start)
    return thanked is not None and _THANKED_FOR.search(text, thanked.start(), start) is not None


def _is_beside_name(of: _Text, seen: _Seen) -> bool:
    """Whether "and" joins the run to a name that was found, or it is spoken to, or speaks in a dialogue."""
    if _AND_NAME.match(of.text, seen.end) or _NAME_AND.search(of.text, max(0, seen.start - 14), seen.start):
        return True
    if not of.opens_sentence(seen.start) or len(seen.full) > 1:
        return False
    if (spoken := _SPOKEN_TO.match(of.text, seen.end)) is not None and (
        seen.is_listed or spoken[0] not in _SPOKEN_BY_OFFICE
    ):
        return True
    is_speaker = of.text[seen.end : seen.end + 1] == ":" and _starts_line(of.text, seen.start)
    return is_speaker and (bool(seen.given) or (of.has_spelling and "\n" in of.text))


class _Seen:
    """What the words of a run show, each looked at alone."""

    def __init__(self, of: _Text, run: list[_Token]) -> None:
        self.full = [t for t in run if not t.bits & (INITIAL | PARTICLE) or t.bits & (GIVEN | SURNAME)]
        self.given = [t for t in run if t.bits & GIVEN]
        self.strong = [t for t in run if t.bits & (GIVEN | SURNAME) and not t.bits & (ALSO | COMMON | PUBLIC)]
        self.strong_given = [t for t in self.strong if t.bits & GIVEN]
        self.is_listed = any(t.bits & (GIVEN | SURNAME) for t in run)
        self.start, self.end = run[0].start, run[-1].end
        self.is_possessive = run[-1].word.endswith(("'s", "\u2019s"))
        self.ends_line = _LINE_END.match(of.text, self.end) is not None


def _is_person_with_initial(of: _Text, run: list[_Token], seen: _Seen) -> bool:
    """J. Bloggs, Will L. Ashworth; "S. Main" is a street's."""
    if run[0].word in {"N.", "S.", "E.", "W."} and not seen.strong and not seen.ends_line:
        return False
    if run[0].bits & INITIAL and not run[0].word.endswith(".") and not seen.is_listed:
        return False
    return not of.is_titled or bool(seen.given)


def _are_names(of: _Text, seen: _Seen, last: str) -> bool | None:  # noqa: PLR0911 - one rule after another
    """Whether two words or more are a person's; None where nothing shows it."""
    is_at_place = _is_place_word_before(last, of, seen.start)
    if seen.strong_given and not (of.has_nouns_with_capitals and not seen.full[0].bits & GIVEN):
        return True
    if (seen.given and seen.strong) or len(seen.strong) > 1:
        return not is_at_place or None
    if seen.given and seen.ends_line and _starts_line(of.text, seen.start):
        return True
    if seen.ends_line and _is_block(of, seen) and _starts_line(of.text, seen.start):
        return True
    if not of.is_titled:
        if (seen.given or seen.strong) and not is_at_place and not of.has_nouns_with_capitals:
            return True
        if (
            seen.ends_line
            and not of.has_nouns_with_capitals
            and _starts_line(of.text, seen.start)
            and "\n" in of.text
        ):
            return True
        if _speaks(of.text, seen.end, _SURELY):
            return True
        is_known = (
            last in words().articles
            or _DIGIT_BEFORE.search(of.text, max(0, seen.start - 3), seen.start) is not None
            or is_at_place
            or any(t.bits & (COMMON | PUBLIC) for t in seen.full)
        )
        is_noun = of.has_nouns_with_capitals and any(_NOUN.search(token.word) for token in seen.full)
        if not is_known and not is_noun and len(seen.full) < 4:
            return True
    return None


def _is_block(of: _Text, seen: _Seen) -> bool:
    """Whether unknown words stand alone on a line of a text of several, as in a letter's head."""
    known = COMMON | PUBLIC | INITIAL
    return (
        of.text.count("\n") > 1 and len(seen.full) < 4 and not any(token.bits & known for token in seen.full)
    )


def _is_one_name(  # noqa: C901, PLR0911 - one rule after another
    of: _Text, index: int, run: list[_Token], seen: _Seen, last: str
) -> bool | None:
    """Whether one word is a person's; None where nothing shows it."""
    lists = words()
    is_given = bool(seen.given) and not run[0].bits & (COMMON | PUBLIC)
    speaks = _speaks(of.text, seen.end, _ALL)
    surely = speaks and _speaks(of.text, seen.end, _SURELY)
    if seen.strong_given:
        if last in lists.articles:
            return None
        if _is_said(last, of, seen.start, lists.before_places_only) and (
            last != "at"
            or (run[0].bits & SURNAME and of.text[seen.end : seen.end + 1] not in {":", "!", "?"})
        ):
            return None
        if not of.opens_sentence(seen.start):
            return not of.is_titled and not _titled_around(of, index, run)
        if (
            speaks
            or seen.is_possessive
            or of.text[seen.end : seen.end + 1] == ","
            or _another_follows(of, index, run)
        ):
            return True
        if _stands_before_small(of, index, run, seen):
            return True
        return (seen.ends_line and not of.is_titled and len(of.tokens) > 1) or None
    if is_given and seen.is_possessive and last not in lists.before_public_things:
        return True
    if is_given and _another_follows(of, index, run):
        return True
    if (
        seen.ends_line
        and _starts_line(of.text, seen.start)
        and "\n" in of.text
        and _ENDS_TEXT.match(of.text, seen.end)
    ):
        return True  # a last line of its own
    if (
        surely
        and seen.is_listed
        and not run[0].bits & (COMMON | PUBLIC)
        and last not in lists.definite_articles
        and last not in lists.articles
        and last not in _JOINTS
        and not of.opens_sentence(seen.start)
        and not _is_place_word_before(last, of, seen.start)
    ):
        return True  # "As Mason pointed out"
    if (is_given or seen.strong) and surely and not _is_place_word_before(last, of, seen.start):
        return True
    after = index + len(run)
    if (
        not of.is_titled
        and not of.has_nouns_with_capitals
        and after < len(of.tokens)
        and of.tokens[after].word in lists.verbs_of_persons
        and of.gap(after - 1) == " "
        and last not in lists.articles
    ):
        return True
    return None


def _stands_before_small(of: _Text, index: int, run: list[_Token], seen: _Seen) -> bool:
    """Whether a first name that is nothing else begins a sentence that goes on small: "Abdirahman waited 3 hours"."""
    after = index + len(run)
    return (
        not of.is_titled
        and not run[0].bits & SURNAME
        and after < len(of.tokens)
        and of.gap(after - 1) == " "
        and bool(of.tokens[after].bits & COMMON)
        and not of.tokens[after].bits & (CAPITAL | STREET)
        and of.tokens[after].word not in words().public_things
        and len(seen.full) == 1
    )


def _another_follows(of: _Text, index: int, run: list[_Token]) -> bool:
    """Whether a given name is joined to the run by "and": "Boris and Kavita"."""
    after = index + len(run)
    if after + 1 >= len(of.tokens):
        return False
    joint, other = of.tokens[after], of.tokens[after + 1]
    return (
        joint.word in {"and", "y", "et", "und", "e", "or", "o", "ou", "oder"}
        and of.gap(after - 1) == " "
        and bool(other.bits & CAPITAL and other.bits & GIVEN)
        and not (other.bits & ALSO and run[0].bits & ALSO)
    )


def _is_thing_behind(of: _Text, index: int, run: list[_Token]) -> bool:  # noqa: PLR0911 - one rule after another
    """Whether a street or a body is named: "Cole Street", "Khandallah Station", "Acme Ltd"."""
    if run[-1].bits & STREET and not (len(run) > 1 and run[-1].bits & SURNAME):
        return True
    if run[0].word.casefold() in words().before_streets:
        return True
    if (
        len(run) == 2
        and run[1].bits & PUBLIC
        and not run[0].bits & (GIVEN | INITIAL)
        and run[1].word.casefold() in words().public_things
    ):
        return True  # "Foxborough Heath"
    if len(run) > 1 and run[0].word.casefold() in words().place_heads and not run[0].bits & GIVEN:
        return True
    if len(run) == 2 and run[1].word.casefold() in words().place_tails and not run[1].bits & SURNAME:
        return True
    after = index + len(run)
    if after >= len(of.tokens) or of.gap(after - 1).strip(" '\u2019-"):
        return False
    if run[-1].word.endswith(("'s", "\u2019s")):  # "Bishop's Green"
        return bool(of.tokens[after].bits & CAPITAL) and not of.tokens[after].bits & CAPITALS
    behind = of.tokens[after]
    if behind.bits & STREET:
        return True
    if (
        len(run) > 1
        and behind.word in words().named_after
        and index
        and of.tokens[index - 1].word.casefold() in words().definite_articles
    ):
        return True  # "the Martin Luther King mural"
    return bool(behind.bits & CAPITAL) and behind.word.casefold() in words().public_things


def _titled_around(of: _Text, index: int, run: list[_Token]) -> bool:
    """Whether common words beside a name have capitals too: a heading, where a capital shows nothing."""
    for place in (index - 1, index + len(run)):
        if 0 <= place < len(of.tokens):
            token = of.tokens[place]
            is_beside = not of.gap(min(place, index + len(run) - 1)).strip(" ")
            is_first = of.opens_sentence(token.start)
            if (
                is_beside
                and not is_first
                and token.bits & CAPITAL
                and token.bits & COMMON
                and len(token.word) > 3
            ):
                return not token.bits & NEVER or token.word.casefold() not in words().titles
    return False


def _by_spelling(of: _Text, index: int, run: list[_Token]) -> bool:  # noqa: PLR0911 - one rule after another
    """Whether the site's spelling shows a person: words with a capital that it writes neither small nor often."""
    if of.has_nouns_with_capitals or of.is_titled or _titled_around(of, index, run):
        return False
    unknown = [token for token in run if not token.bits & (COMMON | PUBLIC | INITIAL) and len(token.word) > 1]
    if not unknown or (run[0].bits & CAPITALS):
        return False
    if len(unknown) > 1:
        return True
    if of.has_unknown_words:
        return False
    start, end = run[0].start, run[-1].end
    if _SCORE.search(of.text, max(0, start - 6), start):
        return False
    if not of.opens_sentence(start):
        return True
    if _IS_LIKE_A_PERSON.match(of.text, end):
        return True
    after = index + len(run)
    return (
        after < len(of.tokens)
        and of.tokens[after].start == end + 1
        and of.tokens[after].word in words().verbs_of_persons
    )


def _inverted(of: _Text) -> Iterator[tuple[int, int]]:
    """Names as lists have them, at a line's beginning or behind a colon: "Jiang, Hui, 12 Elm Street"."""
    for index in range(len(of.tokens) - 1):
        first, second = of.tokens[index], of.tokens[index + 1]
        if (
            of.gap(index) == ", "
            and first.bits & CAPITAL
            and second.bits & CAPITAL
            and second.bits & GIVEN
            and not (first.bits | second.bits) & (ODD | INITIAL | STREET)
            and not second.bits & (COMMON | NEVER)
            and _ENDS_INVERTED.match(of.text, second.end)
        ):
            start = _begin_of_surname(of, index)
            is_behind_colon = of.text.endswith((": ", "; "), 0, start)
            if (
                first.bits & SURNAME
                and not first.bits & (COMMON | PUBLIC | NEVER)
                and not (second.bits & PUBLIC and first.bits & ALSO)
                and (_starts_line(of.text, start) or is_behind_colon)
            ) or (
                # "Complainant: Wood, Cathy;": behind a label, before a name that is nothing else
                is_behind_colon
                and not second.bits & (ALSO | PUBLIC)
                and (first.bits & SURNAME or not first.bits & (COMMON | PUBLIC | NEVER))
            ):
                yield start, second.end


def _begin_of_surname(of: _Text, index: int) -> int:
    """Where a surname begins whose last word is given: "da Mata"."""
    while index and of.gap(index - 1) == " " and of.tokens[index - 1].word in words().name_particles:
        index -= 1
    return of.tokens[index].start


def _genitives(of: _Text) -> Iterator[tuple[int, int]]:
    """First names with a German genitive: "Silkes Fahrrad"."""
    owned = words().owned_in_german
    for index in [place for place, token in enumerate(of.tokens) if place and token.word in owned]:
        if of.gap(index - 1) != " ":
            continue
        token = of.tokens[index - 1]
        if not token.bits & CAPITAL or not token.word.endswith("s") or token.bits & NEVER:
            continue
        stem = of.lexicon[token.word.rstrip("'\u2019")[:-1]]
        if stem & GIVEN and not stem & (COMMON | ALSO | PUBLIC):
            yield token.start, token.end


def _together(of: _Text) -> Iterator[tuple[int, int]]:
    """Three given names in a row or more, whatever else each may mean: "Dalia, Yan and Duc"."""
    joined: list[_Token] = []
    for token in of.tokens:
        is_name = (
            bool(token.bits & CAPITAL)
            and bool(token.bits & GIVEN)
            and not token.bits & (COMMON | PUBLIC | NEVER | CAPITALS | INITIAL)
        )
        if is_name and (not joined or _JOINS_NAMES.fullmatch(of.text, joined[-1].end, token.start)):
            joined.append(token)
            continue
        if token.word in _JOINTS and joined:
            continue
        yield from _row(joined)
        joined = [token] if is_name else []
    yield from _row(joined)


def _row(joined: list[_Token]) -> Iterator[tuple[int, int]]:
    if len(joined) >= _ROW:
        yield from ((one.start, one.end) for one in joined)


def _in_small_letters(of: _Text) -> Iterator[tuple[int, int]]:
    """Names in small letters: after "my name is" and "mrs", at a text's end, and where more confirms a given name."""
    done = -1
    for index, token in enumerate(of.tokens):
        bits = token.bits
        if bits & CAPITAL or token.start < done or bits & INITIAL:
            continue
        if not bits & (MAYBE | GIVEN) and bits & COMMON and not bits & PARTICLE:
            continue
        is_strong = bool(bits & GIVEN) and (
            not bits & (COMMON | ALSO)
            or (token.word.endswith(("'s", "\u2019s")) and _owned()[1].match(of.text, token.end) is not None)
        )
        said, _ = _said_before(of, token.start)
        is_announced = said & (_CLOSING | _INTRODUCED | _KIN) or (said & _SURE and bits & GIVEN)
        is_signed = bool(said & _CLOSING) and (
            bool(said & _FAREWELL) or of.text.endswith("\n", 0, token.start)
        )
        is_before_surname = (
            bool(said & (_SURE | _KIN | _INTRODUCED | _CLOSING))
            and not bits & (COMMON | PUBLIC | PARTICLE)
            and of.gap(index) == " "
            and _is_surname_only(of.tokens[index + 1])
        )  # "i am jagdeep singh"
        if not (
            is_strong or said & _OWN or (is_announced and bits & MAYBE) or is_before_surname or is_signed
        ):
            continue
        run = _small_run(of, index, said)
        if not run or of.is_in_address(token.start):
            continue
        if _BEFORE_PLATE.match(of.text, run[-1].end):
            continue  # "reg [plate]"
        if is_signed and _is_alone_at_end(of, run):
            yield token.start, run[-1].end
            done = run[-1].end
            continue
        if not said & _INTRODUCED and (_is_place_before(of, index) or _is_place(of, index + len(run))):
            continue
        if _shows_small_name(of, run, said, is_strong=is_strong):
            yield token.start, _without_possessive(run[-1])
            done = run[-1].end


def _is_alone_at_end(of: _Text, run: list[_Token]) -> bool:
    """Whether at most two words, none of them a known one, end a text: "un saludo, besnik"."""
    known = COMMON | PUBLIC | NEVER
    return (
        len(run) < 3
        and len(run[0].word) > 2
        and not any(token.bits & known and not token.bits & (GIVEN | SURNAME) for token in run)
        and not all(token.bits & known for token in run)
        and _LINE_END.match(of.text, run[-1].end) is not None
        and _ENDS_MESSAGE.match(of.text, run[-1].end) is not None
    )


def _is_surname_only(token: _Token) -> bool:
    return bool(token.bits & SURNAME) and not token.bits & (COMMON | ALSO | PUBLIC)


def _is_place(of: _Text, index: int) -> bool:
    """Whether a word shows that what stands before it is a street's or a building's name."""
    if index >= len(of.tokens) or of.gap(index - 1) != " ":
        return False
    token = of.tokens[index]
    return bool(token.bits & STREET) or token.word in words().public_things


def _shows_small_name(of: _Text, run: list[_Token], said: int, *, is_strong: bool) -> bool:  # noqa: C901, PLR0911 - one rule after another
    start, end = run[0].start, run[-1].end
    if said & _OWN or (is_strong and said & (_SURE | _KIN | _KNOWN | _INTRODUCED)):
        return True
    if len(run) > 1 and _is_surname_only(run[-1]) and said & (_SURE | _KIN | _INTRODUCED | _CLOSING):
        return True
    is_given = bool(run[0].bits & GIVEN)
    if said & _INTRODUCED and is_given:
        return True
    if said & (_CLOSING | _SURE) and is_given and not run[0].bits & PUBLIC and _GREETED.match(of.text, end):
        return True  # "hey jack, ...", "gracias catarina, ..."
    if said & _CLOSING and is_given and _LINE_END.match(of.text, end):
        return True
    if said & _CLOSING and any(token.bits & (GIVEN | SURNAME) for token in run) and len(run) > 1:
        return _LINE_END.match(of.text, end) is not None or (
            is_given and _GREETED.match(of.text, end) is not None
        )
    if not is_strong:
        return False
    if len(run) > 1:
        return True
    if _speaks(of.text, end, _SMALL_SURELY) or _BEFORE_MARK.match(of.text, end):
        return True
    if of.opens_sentence(start) and _HERE.match(of.text, end):
        return True  # "leonie hier, bei uns ..."
    if run[0].word.endswith(("'s", "\u2019s")) and _owned()[1].match(of.text, end):
        return True  # "deshawn's trailer"
    if of.text[max(0, start - 6) : start].endswith((", not ", ", ")) and (
        of.text[end : end + 2] in {", ", ""} or _speaks(of.text, end, _SMALL_ALL)
    ):
        return True
    return _ENDS_TEXT.match(of.text, end) is not None and (
        bool(said & _CLOSING) or _BEFORE_LAST.search(of.text, max(0, start - 4), start) is not None
    )


def _small_run(of: _Text, index: int, said: int) -> list[_Token]:
    """The words from one on that may be a name though they are small: those that are no common ones."""
    run: list[_Token] = []
    for place in range(index, min(index + 4, len(of.tokens))):
        token = of.tokens[place]
        bits = token.bits
        if bits & CAPITAL and not run:
            break
        is_particle = bool(bits & PARTICLE) and (bool(run) or bool(said & _OWN))
        follows = place + 1 < len(of.tokens) and of.tokens[place + 1].bits & MAYBE and of.gap(place) == " "
        if is_particle or (len(token.word) < 2 and run):
            if not follows:
                break
        elif (
            len(token.word) < 2
            or (
                bits & (COMMON | PUBLIC | STREET)
                and not (bits & GIVEN and not bits & COMMON)
                and not (bits & GIVEN and said & (_OWN | _CLOSING) and not bits & NEVER)
            )
            or (
                run
                and not bits & (GIVEN | SURNAME)
                and not (_ELIDED_SMALL.match(token.word) or _ends_small_name(of, run, token))
                and (token.word.endswith(("ed", "ing")) or not (said & (_OWN | _CLOSING) or of.has_spelling))
            )
        ):
            break
        run.append(token)
        if of.gap(place) not in {" ", ". "} or token.word.endswith(("'s", "\u2019s")):
            break
    while run and (
        len(run[-1].word) < 2 or (run[-1].bits & PARTICLE and not run[-1].bits & (GIVEN | SURNAME))
    ):
        run.pop()
    return run


def _ends_small_name(of: _Text, run: list[_Token], token: _Token) -> bool:
    """Whether an unlisted word is the surname that ends a name: "ask rodel suharto, lives ..."."""
    return (
        len(run) == 1
        and bool(run[0].bits & GIVEN)
        and not run[0].bits & (COMMON | ALSO | PUBLIC)
        and len(token.word) > 3
        and not token.bits & CAPITAL
        and _ENDS_SMALL_NAME.match(of.text, token.end) is not None
    )


def _staff_initials(of: _Text) -> Iterator[tuple[int, int]]:
    for pattern in (_DASH_INITIALS, _LAST_INITIALS):
        match = pattern.search(of.text)
        if match and not of.lexicon[match["initials"].casefold()] & NEVER and not of.is_shouted:
            yield match.span("initials")


def _again(of: _Text, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The other places of a text where a part of a name that was found stands alone: "... Ann Lee; then Lee said"."""
    if not spans or of.is_shouted:
        return
    starts = [token.start for token in of.tokens]
    known = {
        token.word
        for start, end in spans
        for token in of.tokens[bisect_left(starts, start) : bisect_left(starts, end)]
        if len(token.word) > 2 and token.bits & CAPITAL and not token.bits & COMMON
    }
    if not known:
        return
    for index, token in enumerate(of.tokens):
        is_it = token.word in known or (
            token.bits & CAPITAL and token.word.endswith(("'s", "\u2019s")) and token.word[:-2] in known
        )
        if is_it and not _is_place_before(of, index) and not _is_thing_behind(of, index, [token]):
            yield token.start, _without_possessive(token)


def without_names(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for names of persons; ``counts`` is added to."""
    known = lexicon(context)
    spans: list[tuple[int, int]] = []
    if "^" in text:
        spans += [match.span() for match in _CARET_INITIALS.finditer(text)]
    has_names = any([known[word] & (MAYBE | CALLS) for word in _ANY_WORD.findall(text)])  # noqa: C419 - a list is faster
    if has_names or context.has_staff_initials:
        tokens = [
            _Token(match.start(), match.end(), word, known[word])
            for match in _WORD.finditer(text)
            if (word := match.group())
        ]
        of = _Text(text, tokens, known, has_spelling=context.spelling is not None)
        if has_names:
            spans += [*_names(of), *_in_small_letters(of)]
            if ", " in text:
                spans += [*_inverted(of), *_together(of)]
            if "s " in text:
                spans += _genitives(of)
        if context.has_staff_initials:
            spans += _staff_initials(of)
        spans += _again(of, spans)
    if not spans:
        return text
    out: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            out += (text[done:start], MARKS["name"])
            counts["name"] += 1
        done = max(done, end)
    return "".join(out) + text[done:]
