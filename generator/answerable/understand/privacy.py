"""Personal data taken out of texts before they are published.

What is recognised: e-mail addresses, telephone numbers, private persons' accounts and addresses of their profiles,
payment cards, bank accounts, numbers of persons and machines' addresses, other runs of six digits or more (case
numbers), number plates, coordinates, house numbers with their streets, and names of persons. Each piece is replaced by
a mark that says its kind, such as ``[email]`` or ``[name]`` (`MARKS`).

What is structured is found nearly always. Names are found by guesswork: after words such as "spoke with", beside a
listed given name, at signatures, and, where the site's own texts show how they write words (`Spelling`), wherever a
word has a capital that they seldom or never write. So only ``[name]`` is a guess: publish/ quotes no text with one.
A name in a script without capitals, and most in small letters that nothing announces, are missed.

Texts are first brought to the form that a reader sees, so that full-width digits, zero-width characters, entities,
mis-decoded text, letters of another alphabet that look alike, and marks set upon characters hide nothing. The time is
linear in the length.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import ftfy

from answerable.understand.phrases import visible_form
from answerable.understand.privacy_addresses import without_addresses
from answerable.understand.privacy_names import without_names
from answerable.understand.privacy_structured import without_ips, without_plates, without_structured
from answerable.understand.privacy_words import (
    KINDS,
    MARKS,
    PrivacyContext,
    Spelling,
    ordinary_words,
    spelling_of,
)

__all__ = [
    "KINDS",
    "MARKS",
    "PrivacyContext",
    "Redacted",
    "Spelling",
    "clean",
    "detected",
    "ordinary_words",
    "redact",
    "spelling_of",
]

_PASSES = 20  # two are the rule; a text that never comes to rest is withheld
_REPAIR = ftfy.TextFixerConfig(unescape_html=True, uncurl_quotes=False, normalization="NFKC")
# In a text of nothing but ASCII, Devanagari, signs of typography and emoji, and without "&", the repair changes
# nothing: what text that was decoded wrongly consists of is not there.
_MAY_BE_BROKEN = re.compile(
    "[^\\t\\n -%'-~\u0900-\u097f\u200d\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2600-\u27bf\ufe0f"
    "\U0001f300-\U0001faff]"
)
_NOTHING_KNOWN = PrivacyContext()

# Cyrillic and Greek letters that a reader takes for Latin ones (after Unicode Technical Standard 39).
_LATIN_FOR = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d\u0410\u0412\u0415\u041a\u041c\u041d"
    "\u041e\u0420\u0421\u0422\u0425\u0423\u0406\u0408\u0405\u03bf\u03b1\u03bd\u03c1\u03b9\u03ba\u0391\u0392\u0395\u0396\u0397"
    "\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "aeopcyxijsdhqwABEKMHOPCTXYIJSoavpikABEZHIKMNOPTYX",
)
_LOOKS_LATIN = re.compile("[" + "".join(map(chr, _LATIN_FOR)) + "]")
# A run in which alphabets are mixed: there the look-alikes are Latin.
_RUN = re.compile(r"\S+")
_LATIN = re.compile(r"[A-Za-z]")
_OF_ADDRESS = re.compile(r"@|://|www\.", re.IGNORECASE)
# Marks that strike out, underline or enclose; on digits and in addresses no writing system needs them.
_MARK = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARKS = re.compile(f"{_MARK}+")
_MARKS_ON_SIGNS = re.compile(f"(?<=[\\d@.+\\-()/:_\\s]){_MARK}+|[\u0334-\u0338\u20d0-\u20ff]")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text fit for publishing, as far as rules can tell.

    Attributes:
        text: the text with marks in place of personal data.
        kinds: how many pieces of each of `KINDS` were taken out; kinds without any are absent.
    """

    text: str
    kinds: tuple[tuple[str, int], ...]

    @property
    def count(self) -> int:
        """Pieces of personal data taken out."""
        return sum(number for _, number in self.kinds)


def clean(text: str) -> str:
    """A text as a reader sees it: repaired where it was mis-decoded, entities resolved, NFKC, nothing invisible."""
    if ("&" in text or "\x1b" in text) if text.isascii() else _MAY_BE_BROKEN.search(text):
        text = _repaired(text)
    seen = visible_form(text)
    if seen != text and not seen.isascii() and _MAY_BE_BROKEN.search(seen):
        # Without what nobody sees it may look decoded wrongly again.
        seen = visible_form(_repaired(seen))
    text = seen
    return text if text.isascii() else visible_form(_without_disguise(text))


def _repaired(text: str) -> str:
    """A text decoded as it should have been; again, as long as what came out looks decoded wrongly, too."""
    for _ in range(_PASSES):
        before, text = text, ftfy.fix_text(text, _REPAIR)
        if text == before:
            break
    return text


def _without_disguise(text: str) -> str:
    """Look-alike letters and marks set upon characters gone where they can only disguise."""
    if _LOOKS_LATIN.search(text):
        text = _RUN.sub(_latin_alone, text)
    if _MARKS.search(text):
        text = _MARKS_ON_SIGNS.sub("", text)
        text = _RUN.sub(lambda run: _MARKS.sub("", run[0]) if _OF_ADDRESS.search(run[0]) else run[0], text)
    return text


def _latin_alone(run: re.Match[str]) -> str:
    """A run of characters with the look-alikes as Latin letters, where it has Latin ones too."""
    found = run[0]
    if found.isascii() or not _LATIN.search(found):
        return found
    turned = found.translate(_LATIN_FOR)
    # "Кирова-street" is no disguise: a letter that is left shows that the other alphabet is meant.
    letters = (char for char in turned if char.isalpha() and not char.isascii())
    return turned if all(unicodedata.name(char, "").startswith("LATIN") for char in letters) else found


_STEPS = (without_plates, without_ips, without_addresses, without_structured, without_names)
# Addresses before numbers: a postcode alone would be taken for one of them. Machines' addresses before those of homes.


def redact(text: str, context: PrivacyContext = _NOTHING_KNOWN) -> Redacted:
    """A text without the personal data that rules can find.

    Goes on until every step has found nothing (a mark can bring two pieces together), so the result holds nothing
    that `detected` would find, and redacting it again changes nothing. A text for which that never happens (none is
    known) is withheld: its result is empty.

    Args:
        text: as the source gave it.
        context: what the site knows: official accounts, ordinary words, streets.
    """
    counts: Counter[str] = Counter()
    current = clean(text)
    quiet = 0  # steps that have found nothing since the text last changed
    for number in range(_PASSES * len(_STEPS)):
        following = _STEPS[number % len(_STEPS)](current, context, counts)
        if following != current:
            current, quiet = clean(following), 0
        else:
            quiet += 1
        if quiet == len(_STEPS):
            break
    else:
        current = ""
    return Redacted(current, tuple((kind, counts[kind]) for kind in KINDS if counts[kind]))


def detected(text: str, context: PrivacyContext = _NOTHING_KNOWN) -> tuple[tuple[str, int], ...]:
    """What the detectors find in a text: kinds and counts; empty for every text that `redact` returned."""
    counts: Counter[str] = Counter()
    current = clean(text)
    for step in _STEPS:
        step(current, context, counts)
    return tuple((kind, counts[kind]) for kind in KINDS if counts[kind])
