"""Personal data taken out of texts before they are published.

What is recognised: e-mail addresses, telephone numbers, private persons' accounts and addresses of their profiles,
runs of six digits or more (case and account numbers), number plates that a word announces, house numbers, and names of
persons after words such as "spoke with", beside a well-known first name, at signatures. Each piece is replaced by a
mark that says its kind: ``[email]``, ``[phone]``, ``[handle]``, ``[number]``, ``[plate]``, ``[address]``, ``[name]``.

What is structured is found nearly always. Names are found by guesswork: a name in small letters, in a script without
capitals, or one that nothing announces is missed. Texts are first brought to the form that a reader sees, so that
full-width digits, zero-width characters, entities and mis-decoded text hide nothing. The time is linear in the length.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import ftfy

from answerable.understand.phrases import visible_form
from answerable.understand.privacy_names import without_names
from answerable.understand.privacy_structured import without_house_numbers, without_plates, without_structured
from answerable.understand.privacy_words import KINDS, MARKS, PrivacyContext, ordinary_words

__all__ = ["KINDS", "MARKS", "PrivacyContext", "Redacted", "clean", "detected", "ordinary_words", "redact"]

_PASSES = 20  # two are the rule; a text that never comes to rest is withheld
_REPAIR = ftfy.TextFixerConfig(unescape_html=True, uncurl_quotes=False, normalization="NFKC")
_NOTHING_KNOWN = PrivacyContext()


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
    if not text.isascii() or "&" in text or "\x1b" in text:
        text = ftfy.fix_text(text, _REPAIR)
    return visible_form(text)


def _pass(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    text = without_plates(text, counts)
    text = without_structured(text, context, counts)
    text = without_house_numbers(text, context, counts)
    return without_names(text, context, counts)


def redact(text: str, context: PrivacyContext = _NOTHING_KNOWN) -> Redacted:
    """A text without the personal data that rules can find.

    Passes over the text until one finds nothing (a mark can bring two pieces together), so the result holds nothing
    that `detected` would find, and redacting it again changes nothing. A text for which that never happens (none is
    known) is withheld: its result is empty.

    Args:
        text: as the source gave it.
        context: what the site knows: official accounts, ordinary words, streets.
    """
    counts: Counter[str] = Counter()
    current = clean(text)
    for _ in range(_PASSES):
        following = clean(_pass(current, context, counts))
        if following == current:
            break
        current = following
    else:
        current = ""
    return Redacted(current, tuple((kind, counts[kind]) for kind in KINDS if counts[kind]))


def detected(text: str, context: PrivacyContext = _NOTHING_KNOWN) -> tuple[tuple[str, int], ...]:
    """What the detectors find in a text: kinds and counts; empty for every text that `redact` returned."""
    counts: Counter[str] = Counter()
    _pass(clean(text), context, counts)
    return tuple((kind, counts[kind]) for kind in KINDS if counts[kind])
