"""The language of a text, where its source does not say it: py3langid, asked for thirty languages.

Addresses, accounts, hashtags and numbers say nothing of a language and are taken out first. What is left of fewer than
`SHORTEST` letters is ``und`` (BCP 47: undetermined), for a guess would be little better than chance; so is a text in a
script that none of the thirty is written in.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from answerable.understand.phrases import visible_form

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = [
    "LANGUAGES",
    "RULE_GUESSED",
    "RULE_SHORT",
    "RULE_SOURCE",
    "SHORTEST",
    "UNDETERMINED",
    "Language",
    "language_of",
    "lexical_form",
    "primary",
]

LANGUAGES = (
    *("ar", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "hi", "hu", "id", "it"),
    *("ja", "ko", "nl", "pl", "pt", "ro", "ru", "sv", "sw", "tl", "tr", "uk", "ur", "vi", "zh"),
)
"""The languages that are told apart: fewer candidates make fewer mistakes on short texts."""

SHORTEST = 20
"""Letters that a text needs."""

_SHORTEST_DENSE = 6  # a sign of Chinese, Japanese or Korean says as much as some letters

UNDETERMINED = "und"

RULE_SOURCE = "source"
RULE_GUESSED = "words"
RULE_SHORT = "too-short"

_LONGEST = 200  # characters that are looked at: more say the same
_NOT_LANGUAGE = re.compile(
    r"https?://\S+|www\.\S+|\S+@\S+\.\S+|[@#\uff20\uff03][\w.\-]+|\b(?:RT|via|cc)\b|[\d_]+"
)
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Language:
    """A language (BCP 47, or `UNDETERMINED`) and the rule that says so."""

    lang: str
    rule: str


@cache
def _identifier() -> LanguageIdentifier:
    # Here, because it costs a quarter of a second to load and many a build has nothing to ask it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    return identifier


def lexical_form(text: str) -> str:
    """What of a text tells its language: words without addresses, accounts, hashtags and numbers."""
    return " ".join(_NOT_LANGUAGE.sub(" ", visible_form(text[: 2 * _LONGEST])).split())[:_LONGEST]


def language_of(text: str) -> Language:
    """The language that a text is most likely written in."""
    words = lexical_form(text)
    letters = sum(char.isalpha() for char in words)
    if letters < SHORTEST and len(_DENSE.findall(words)) < _SHORTEST_DENSE:
        return Language(UNDETERMINED, RULE_SHORT)
    found: str = _identifier().classify(unicodedata.normalize("NFC", words))[0]
    return Language(found, RULE_GUESSED)


def primary(lang: str | None) -> str:
    """The language of a BCP 47 code without its script and region: ``pt`` of ``pt-BR``; empty where there is none."""
    return (lang or "").replace("_", "-").partition("-")[0].casefold()
