"""What a word, looked at alone, says of being a person's name: bits that are worked out once for each distinct word."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from answerable.understand.privacy_words import (
    PrivacyContext,
    Spelling,
    folded,
    words,
    words_that_are_no_names,
)

__all__ = [
    "ALSO",
    "CALLS",
    "CAPITAL",
    "CAPITALS",
    "COMMON",
    "GIVEN",
    "INITIAL",
    "MAYBE",
    "NEVER",
    "ODD",
    "PARTICLE",
    "PUBLIC",
    "STREET",
    "SURNAME",
    "Lexicon",
    "lexicon",
]

CAPITAL: Final = 1  # begins with one
CAPITALS: Final = 2  # has nothing else, and more than one letter
ODD: Final = 4  # capitals in the middle, as no name has them: SFPark
INITIAL: Final = 8
GIVEN: Final = 16  # in the list of given names
SURNAME: Final = 32  # in the list of surnames
ALSO: Final = 64  # a name that is as well a word, a place, a brand
COMMON: Final = 128  # a common word, or a form of one
NEVER: Final = 256  # a word that is no part of a name whatever stands before it
PUBLIC: Final = 512  # a place or a brand, or what the site often writes with a capital
STREET: Final = 1024  # ends a street's name
PARTICLE: Final = 2048  # may stand within a name
MAYBE: Final = 4096  # a text without any such word, or of the next kind, holds no name
CALLS: Final = (
    8192  # part of "my name is", "mrs", "regards": behind it even unlisted words in small letters are names
)

_DOUBLE = re.compile(r"[A-Z][a-z]{1,4}-[A-Z][a-z]{1,4}")  # "Ka-Ho": that "ho" is a word says nothing
_LONGEST_UNKNOWN = 12  # letters of the unlisted half of a double name
_MOST = 100_000  # distinct words that are kept
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "n", "en", "e")
_JOINTS = re.compile(r"['\u2019\-]")
_PREFIX = re.compile(r"\A(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz|Al|El|O|D)(?=[^\W\d_a-z])")
_CONTRACTION = re.compile(r"\w+['\u2019](?:m|ve|ll|d|t|re|l|n)")
_ARTICLE = re.compile(r"\A(?:[dljmnstc]|qu)['\u2019](?=\w{2})")
_STREET_ENDS = (
    "straße",
    "strasse",
    "stra\u00dfen",
    "platz",
    "gasse",
    "allee",
    "weg",
    "ufer",
    "damm",
    "bruecke",
    "brücke",
)


@cache
def _calling() -> frozenset[str]:
    """The longest word of each phrase that tells a name even in small letters."""
    lists = words()
    return frozenset(
        max(phrase.split(), key=len) for phrase in lists.before_own_name | lists.before_signatures
    )


class Lexicon(dict[str, int]):
    """From a word as it is written to its bits."""

    def __init__(self, ordinary: frozenset[str], spelling: Spelling | None) -> None:
        """For a site's own words that are no names, and how its texts write theirs."""
        super().__init__()
        lists = words()
        small = spelling.small if spelling is not None else frozenset()
        self._never = ordinary
        announcing = {
            phrase
            for phrases in (lists.before_kin, lists.before_names, lists.before_signatures, lists.titles)
            for phrase in phrases
            if " " not in phrase and phrase not in lists.given_names  # "priya" is "dear", and a name
        }
        known = lists.given_names | lists.surnames
        vehicles = {word for word in lists.vehicles if " " not in word and folded(word) not in known}
        self._common = ordinary | lists.common | small | lists.nouns_with_capitals | announcing | vehicles
        often = spelling.often if spelling is not None else frozenset()
        self._public = often | lists.places | lists.public_things
        self._also_here = spelling.also_words if spelling is not None else frozenset()

    def __missing__(self, word: str) -> int:
        if len(self) > _MOST:
            self.clear()
        self[word] = found = self._bits(word)
        return found

    def _bits(self, word: str) -> int:  # noqa: C901, PLR0912 - one bit after another
        lists = words()
        bare = word[:-2] if word.endswith(("'s", "\u2019s")) else word
        if len(bare.removesuffix(".")) == 1:
            return CAPITAL | INITIAL if bare[0].isupper() else (PARTICLE if bare == "y" else 0)
        small = bare.casefold()
        bits = 0
        if bare[0].isupper():
            bits |= CAPITAL
            if bare.isupper():
                bits |= CAPITALS
            elif not _is_name_case(bare):
                bits |= ODD
        name = folded(bare)
        bits |= self._names(name, small)
        if small in self._never:
            bits |= NEVER
        # A form of a common word is one, unless a list of names holds it: "jane" is not "jan" with an ending.
        if small in _calling():
            bits |= CALLS
        if (
            bits & NEVER
            or small in self._common
            or (
                not bits & (GIVEN | SURNAME)
                and self._is_form(small, is_double=_DOUBLE.fullmatch(bare) is not None)
            )
        ):
            bits |= COMMON
        if small in self._public or name in self._public or ("-" in bare and _is_place(name.split("-"))):
            bits |= PUBLIC
        if small in lists.street_suffixes or small.endswith(_STREET_ENDS):
            bits |= STREET
        if bare in lists.name_particles:
            bits |= PARTICLE
        is_listed = bits & (GIVEN | SURNAME)
        if bits & CAPITAL:
            if is_listed or not bits & (COMMON | ODD | PUBLIC):
                bits |= MAYBE
        elif is_listed and not bits & COMMON:
            bits |= MAYBE
        return bits

    def _names(self, name: str, small: str) -> int:
        """Which lists of names a word is in; of "Smith-Jones" any part, of "Jean-Luc" the first."""
        lists = words()
        parts = [part for part in _JOINTS.split(name) if part]
        whole = "".join(parts)
        bits = 0
        if name in lists.given_names:
            bits |= GIVEN
        if name in lists.surnames or whole in lists.surnames:
            bits |= SURNAME
        if len(parts) > 1 and _is_place(parts):
            return 0
        if len(parts) > 1 and not any(
            p in lists.before_streets
            or p in lists.streets.suffixes
            or (len(p) > _LONGEST_UNKNOWN and p not in lists.surnames)  # "Steuer-Identifikationsnummer"
            for p in parts
        ):
            known = [p in lists.given_names or p in lists.surnames for p in parts]
            if parts[0] in lists.given_names and len(parts[0]) > 1 and all(known):
                bits |= GIVEN
            if any(there for there, p in zip(known, parts, strict=True) if len(p) > 3) or (
                len(parts[0]) == 1 and parts[-1] in lists.surnames
            ):
                bits |= SURNAME
        if name in lists.names_that_are_words or small in self._also_here:
            bits |= ALSO if bits & (GIVEN | SURNAME) else ALSO | GIVEN
        return bits

    def _is_form(self, small: str, *, is_double: bool) -> bool:
        common = self._common
        if _CONTRACTION.fullmatch(small):
            return True
        small = _ARTICLE.sub("", small)
        if any(
            small.endswith(end) and len(small) - len(end) > 2 and small[: -len(end)] in common
            for end in _ENDINGS
        ):
            return True
        if small.endswith("ies") and f"{small[:-3]}y" in common:
            return True
        if small.endswith(("ing", "ed")) and f"{small.removesuffix('ing').removesuffix('d')}e" in common:
            return True
        return small in common or (
            "-" in small
            and any(part in common for part in small.split("-") if len(part) > 2 or not is_double)
        )


def _is_place(parts: list[str]) -> bool:
    """Whether a double name is a place's: "Croix-Blanche"; not "Jean-Blanche"."""
    lists = words()
    of_places = lists.parts_of_places
    return any(part in of_places for part in parts) and (
        parts[0] in of_places or parts[0] not in lists.given_names
    )


def _is_name_case(token: str) -> bool:
    """Capital first and small after; also McCoy, O'Neill and Smith-Jones; not SFPark or DataSF."""
    parts = (_PREFIX.sub("", part) for part in _JOINTS.split(token))
    return all(sum(char.isupper() for char in part) <= 1 for part in parts)


@lru_cache(maxsize=8)
def _of(ordinary: frozenset[str], spelling: Spelling | None) -> Lexicon:
    return Lexicon(ordinary, spelling)


_PART_OF_ACCOUNT = re.compile(r"[A-Z][a-z]{3,}")


@lru_cache(maxsize=16)
def _no_names(ordinary: frozenset[str], handles: frozenset[str]) -> frozenset[str]:
    """Words that are no names, with those that official accounts are called by: the "Merrow" of @CityOfMerrow."""
    known = words().given_names | words().surnames
    parts = {part.casefold() for handle in handles for part in _PART_OF_ACCOUNT.findall(handle)}
    return words_that_are_no_names(ordinary) | {part for part in parts if part not in known}


def lexicon(context: PrivacyContext) -> Lexicon:
    """The words as a site's context shows them; the same one for the same context."""
    return _of(_no_names(context.ordinary_words, context.official_handles), context.spelling)
