"""The words by which personal data is recognised, compiled once, and what a site adds to them.

The lists are in ``rules/privacy.yml``; what is done with them in `answerable.understand.privacy_structured` and
`answerable.understand.privacy_names`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from answerable.settings import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "KINDS",
    "MARKS",
    "OPENS_SENTENCE",
    "PrivacyContext",
    "Spelling",
    "Words",
    "any_of",
    "folded",
    "ordinary_words",
    "spelling_of",
    "words",
    "words_that_are_no_names",
]

KINDS: Final = (
    "email",
    "phone",
    "handle",
    "card",
    "iban",
    "ip",
    "id",
    "number",
    "plate",
    "coordinates",
    "address",
    "name",
)
"""What can be taken out, in the order in which counts are given."""

MARKS: Final = {kind: f"[{kind}]" for kind in KINDS}
"""What stands in a text in place of each."""

_RULES = Path(__file__).parent / "rules"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a body of texts writes its words, from which it is seen that a word is a name.

    Attributes:
        small: words that it writes small, and that are therefore no names: "sewer", "appraiser".
        often: words that it writes with a capital in so many texts that they are public: places, brands, politicians.
        also_words: well-known first names that it writes small as well: "mark", "bill".
    """

    small: frozenset[str]
    often: frozenset[str]
    also_words: frozenset[str]

    def digest(self) -> str:
        """The same for the same words, whatever their order."""
        parts = (" ".join(sorted(words)) for words in (self.small, self.often, self.also_words))
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class PrivacyContext:
    """What the site knows that its texts' privacy depends on.

    Attributes:
        official_handles: accounts of agencies, without the @; they stay (``user`` or ``user@server``). Any case.
        ordinary_words: words that are no names on this site: of its agencies, areas and topics, and what
            `ordinary_words` learned from its texts. Any case.
        street_names: names of streets without their "Street": "2323 Laguna" is then seen to be an address. Any case.
        spelling: how the site's texts write words, where there are enough of them: then a word with a capital that
            they neither write small nor often is taken for a name, and names in small letters are looked for.
        has_staff_initials: whether the texts are notes of an agency, whose staff sign with initials ("... paid. kb").
    """

    official_handles: frozenset[str] = frozenset()
    ordinary_words: frozenset[str] = frozenset()
    street_names: frozenset[str] = frozenset()
    spelling: Spelling | None = None
    has_staff_initials: bool = False


class _Streets(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    not_names: tuple[str, ...]
    suffixes: tuple[str, ...]
    weak_suffixes: tuple[str, ...]
    before_name: tuple[str, ...]
    name_then_number: tuple[str, ...]
    joined_suffixes: tuple[str, ...]
    words_before_number: tuple[str, ...]
    boxes: tuple[str, ...]


class _WordsFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str
    reviewed_on: date
    before_names: dict[str, tuple[str, ...]]
    before_known_names: dict[str, tuple[str, ...]]
    titles: dict[str, tuple[str, ...]]
    before_signatures: dict[str, tuple[str, ...]]
    before_own_name: dict[str, tuple[str, ...]]
    before_introductions: dict[str, tuple[str, ...]]
    before_kin: dict[str, tuple[str, ...]]
    before_families: tuple[str, ...]
    place_heads: dict[str, tuple[str, ...]]
    place_tails: tuple[str, ...]
    parts_of_places: tuple[str, ...]
    named_after: tuple[str, ...]
    definite_articles: tuple[str, ...]
    articles: tuple[str, ...]
    before_places_only: dict[str, tuple[str, ...]]
    before_streets: dict[str, tuple[str, ...]]
    titles_of_streets: dict[str, tuple[str, ...]]
    before_public_things: dict[str, tuple[str, ...]]
    public_things: dict[str, tuple[str, ...]]
    nouns_with_capitals: dict[str, tuple[str, ...]]
    verbs_of_persons: dict[str, tuple[str, ...]]
    after_names: dict[str, tuple[str, ...]]
    after_names_with_capitals: dict[str, tuple[str, ...]]
    name_particles: tuple[str, ...]
    ordinary_words: dict[str, tuple[str, ...]]
    before_places: tuple[str, ...]
    before_plates: tuple[str, ...]
    before_codes: tuple[str, ...]
    before_numbers: tuple[str, ...]
    before_numbers_marked: tuple[str, ...]
    before_versions: tuple[str, ...]
    after_amounts: tuple[str, ...]
    codes: tuple[str, ...]
    after_families: tuple[str, ...]
    owned_by_persons: tuple[str, ...]
    owned_in_german: tuple[str, ...]
    profile_hosts: tuple[str, ...]
    profile_steps: tuple[str, ...]
    profile_steps_anywhere: tuple[str, ...]
    vehicles: tuple[str, ...]
    after_addresses: dict[str, tuple[str, ...]]
    not_profiles: tuple[str, ...]
    streets: _Streets


class _NamesFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str
    reviewed_on: date
    given: dict[str, str]
    surnames: dict[str, str]
    also: str


class _CommonFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str
    reviewed_on: date
    words: dict[str, str]
    places: str


@dataclass(frozen=True, slots=True)
class Words:
    """The lists as they are used: one list for all languages, sets in small letters; of names without accents too."""

    before_names: frozenset[str]
    before_known_names: frozenset[str]
    titles: frozenset[str]
    before_signatures: frozenset[str]
    before_own_name: frozenset[str]
    before_introductions: frozenset[str]
    before_kin: frozenset[str]
    before_families: frozenset[str]
    place_heads: frozenset[str]
    place_tails: frozenset[str]
    parts_of_places: frozenset[str]
    named_after: frozenset[str]
    definite_articles: frozenset[str]
    articles: frozenset[str]
    before_places_only: frozenset[str]
    before_streets: frozenset[str]
    titles_of_streets: frozenset[str]
    before_public_things: frozenset[str]
    public_things: frozenset[str]
    nouns_with_capitals: frozenset[str]
    verbs_of_persons: frozenset[str]
    after_names: frozenset[str]
    after_names_with_capitals: frozenset[str]
    name_particles: frozenset[str]
    ordinary: frozenset[str]
    given_names: frozenset[str]
    surnames: frozenset[str]
    names_that_are_words: frozenset[str]
    common: frozenset[str]
    places: frozenset[str]
    before_places: frozenset[str]
    before_plates: frozenset[str]
    before_codes: frozenset[str]
    before_numbers: frozenset[str]
    before_numbers_marked: frozenset[str]
    before_versions: frozenset[str]
    after_amounts: frozenset[str]
    codes: frozenset[str]
    after_families: frozenset[str]
    owned_by_persons: frozenset[str]
    owned_in_german: frozenset[str]
    profile_hosts: frozenset[str]
    profile_steps: frozenset[str]
    profile_steps_anywhere: frozenset[str]
    vehicles: frozenset[str]
    units: frozenset[str]
    not_profiles: frozenset[str]
    streets: _Streets
    street_suffixes: frozenset[str]


def _small(values: Iterable[str]) -> frozenset[str]:
    return frozenset(value.casefold() for value in values)


def _flat(lists: Mapping[str, Iterable[str]]) -> frozenset[str]:
    return _small(word for values in lists.values() for word in values)


def _words_of(lists: Mapping[str, str]) -> frozenset[str]:
    return frozenset(word for text in lists.values() for word in text.split())


_NO_ACCENT = str.maketrans("\u00f8\u0142\u0111\u0131", "oldi")


def folded(word: str) -> str:
    """A word in small letters and without accents, as the lists of names have it."""
    small = word.casefold()
    if small.isascii():
        return small
    parts = unicodedata.normalize(
        "NFKD", small.translate(_NO_ACCENT).replace("\u00e6", "ae").replace("\u0153", "oe")
    )
    return "".join(char for char in parts if not unicodedata.combining(char))


@cache
def words() -> Words:
    """The shipped lists."""
    read = load_yaml(_RULES / "privacy.yml", _WordsFile)
    names = load_yaml(_RULES / "privacy_names.yml", _NamesFile)
    shared = load_yaml(_RULES / "privacy_common.yml", _CommonFile)
    titles = _flat(read.titles)
    return Words(
        before_names=_flat(read.before_names),
        before_known_names=_flat(read.before_known_names),
        titles=titles,
        before_signatures=_flat(read.before_signatures),
        before_own_name=_flat(read.before_own_name),
        before_introductions=_flat(read.before_introductions),
        before_kin=_flat(read.before_kin),
        before_families=_small(read.before_families),
        place_heads=_flat(read.place_heads),
        place_tails=_small(read.place_tails),
        parts_of_places=frozenset(map(folded, read.parts_of_places)),
        named_after=_small(read.named_after),
        definite_articles=_small(read.definite_articles),
        articles=_small(read.articles),
        before_places_only=_flat(read.before_places_only),
        before_streets=_flat(read.before_streets) | _small(read.before_places),
        titles_of_streets=_flat(read.titles_of_streets),
        before_public_things=_flat(read.before_public_things),
        public_things=_flat(read.public_things),
        nouns_with_capitals=_flat(read.nouns_with_capitals),
        verbs_of_persons=_flat(read.verbs_of_persons),
        after_names=_flat(read.after_names),
        after_names_with_capitals=_flat(read.after_names_with_capitals),
        name_particles=_small(read.name_particles),
        # A title is no name: in "for Mr. [name]" nothing is left to mask.
        ordinary=_flat(read.ordinary_words) | titles,
        given_names=_words_of(names.given),
        surnames=_words_of(names.surnames),
        names_that_are_words=frozenset(names.also.split()),
        common=_words_of(shared.words),
        places=frozenset(shared.places.split()),
        before_places=_small(read.before_places),
        before_plates=_small(read.before_plates),
        before_codes=_small(read.before_codes),
        before_numbers=_small(read.before_numbers),
        before_numbers_marked=_small(read.before_numbers_marked),
        before_versions=_small(read.before_versions),
        after_amounts=_small(read.after_amounts),
        codes=_small(read.codes),
        after_families=_small(read.after_families),
        owned_by_persons=_small(read.owned_by_persons),
        owned_in_german=frozenset(read.owned_in_german),  # as they are written
        profile_hosts=_small(read.profile_hosts),
        profile_steps=_small(read.profile_steps),
        profile_steps_anywhere=_small(read.profile_steps_anywhere),
        vehicles=_small(read.vehicles),
        units=_flat(read.after_addresses),
        not_profiles=_small(read.not_profiles),
        streets=read.streets,
        street_suffixes=_small((*read.streets.suffixes, *read.streets.weak_suffixes)),
    )


@lru_cache(maxsize=16)
def words_that_are_no_names(of_the_site: frozenset[str]) -> frozenset[str]:
    """The shipped ordinary words and a site's own."""
    return words().ordinary | _small(of_the_site)


def any_of(phrases: Iterable[str]) -> str:
    """A pattern's alternation of phrases: the longest first, the white space in them loose."""
    ordered = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    return "|".join(r"[ \t]{1,2}".join(map(re.escape, phrase.split())) for phrase in ordered)


# Not a part of an account, of an address on the web or of one for mail.
_WORD = re.compile(r"(?<![\w@#./'\u2019\-])[^\W\d_]\w*+(?!@|\.\w|[\-+][\w.]*+@)")
_AFTER_MENTION = re.compile(r"(?<!\w)@[\w.]{1,30}[:,]?[ ]\Z")
OPENS_SENTENCE = re.compile(r"(?:\A|[.!?\n\"\u201c(|>\u2022*\-])\s*\Z")
_LEAST_SMALL = 3  # times that a word must be seen small
_LEAST_OFTEN = 12  # texts in which a word must have a capital to be public, or one text in `_ONE_IN`
_ONE_IN = 1500


@cache
def _announcing() -> dict[str, tuple[str, ...]]:
    """Phrases behind which names stand, by their last words."""
    lists = words()
    phrases = lists.before_kin | lists.before_names | lists.before_own_name | lists.titles
    found: dict[str, list[str]] = {}
    for phrase in sorted(phrases):
        found.setdefault(phrase.split()[-1].rstrip("."), []).append(f" {phrase.rstrip('.')}")
    return {last: tuple(ends) for last, ends in found.items()}


_LAST_SAID = re.compile(r"([^\W\d_][\w'\u2019\-]{0,30})\.?[ ]\Z")


def _is_announced(text: str, start: int) -> bool:
    """Whether what begins there is announced as a name: however often it stands there, it is no word of the site's."""
    last = _LAST_SAID.search(text, max(0, start - 34), start)
    if last is None:
        return False
    ends = _announcing().get(last[1].casefold())
    return ends is not None and f" {text[max(0, start - 48) : last.end(1)].casefold()}".endswith(ends)


def spelling_of(texts: Iterable[str]) -> Spelling:
    """How a body of texts writes its words.

    A word is small where it stands in small letters at least three times and at least a third as often as with a
    capital inside a sentence. The first word of a sentence says nothing, nor does a text without a capital, nor a
    word all in capitals, nor one that is announced as a name ("spoke with ...", "Mrs ...").

    Args:
        texts: distinct texts of one site, in any order.
    """
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    count = 0
    for text in texts:
        count += 1
        if text.islower():  # who writes no capitals writes names small too
            continue
        capitals: set[str] = set()
        for match in _WORD.finditer(text):
            word = match.group()
            if word.islower():
                small[word] += 1
            elif (
                word[0].isupper()
                and not word.isupper()
                and not OPENS_SENTENCE.search(text, max(0, match.start() - 4), match.start())
                and not (
                    "@" in text and _AFTER_MENTION.search(text, max(0, match.start() - 34), match.start())
                )
                and not _is_announced(text, match.start())
            ):
                capitals.add(word.casefold())
        capital.update(capitals)
    known = words().given_names
    written = {word for word, seen in small.items() if seen >= _LEAST_SMALL and 3 * seen >= capital[word]}
    least = max(_LEAST_OFTEN, count // _ONE_IN)
    often = {word for word, seen in capital.items() if seen >= least}
    names = {word for word in written | often if folded(word) in known}
    also = {word for word in written if folded(word) in words().names_that_are_words}
    return Spelling(
        frozenset(written - names - also), frozenset(often - names), frozenset(written & names | also)
    )


def ordinary_words(texts: Iterable[str]) -> frozenset[str]:
    """Words that a body of texts writes small: `Spelling.small` alone."""
    return spelling_of(texts).small
