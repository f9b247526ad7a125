"""Cues: what in a text speaks for one reading of it or another, as evidence for a model.

Two kinds: reviewed phrases by language (``rules/cues.yml``), and marks of form (a question mark, a link, the mark of a
repost). None of them decides; a model gives each a weight.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from answerable.settings import load_yaml
from answerable.understand.phrases import compile_rules, phrase_error

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from answerable.understand.features import Grams
    from answerable.understand.phrases import Matcher

__all__ = ["MARKS", "SHIPPED_CUES", "Cues", "cues"]

SHIPPED_CUES = Path(__file__).parent / "rules" / "cues.yml"

MARKS: Mapping[str, str] = {
    "question-mark": "a question mark",
    "exclamation-mark": "an exclamation mark",
    "link": "a link",
    "link-last": "a link at its end",
    "account-first": "begins with an account",
    "office": "names an account like an office's",
    "firm": "names an account like a company's",
    "account": "names an account",
    "accounts": "names several accounts",
    "hashtag": "a hashtag",
    "hashtags": "three hashtags or more",
    "number": "a number",
    "repost": "the mark of a repost",
    "quoted": "a quotation from its start",
    "capitals": "mostly capitals",
    "short": "under six words",
    "long": "over thirty words",
    "wordless": "no word",
}
"""The marks of form, with the words by which they are shown."""

_LINK, _ACCOUNT, _NUMBER, _MAIL = "\ue000", "\ue001", "\ue002", "\ue003"
_SIGNS = re.compile(f"[{_LINK}{_ACCOUNT}{_NUMBER}{_MAIL}]")
_REPOST = re.compile(rf"^ (?:rt|mt)\b *:? *{_ACCOUNT}|\b(?:rt|via|cc) *:? *{_ACCOUNT} *$")
_NAMES = re.compile(r"[@\uff20]([\w.\-]+)")
# Inside the names of accounts words stand without a space between them: parts of words, in five languages.
_OFFICE = re.compile(
    "council|city|town|county|borough|gov|mayor|nhs|hospital|police|fire|bus|rail|tram|metro|transit|transport|water|waste"
    "|roads|highway|school|library|parks|stadt|gemeinde|kreis|rathaus|amt|polizei|feuerwehr|verkehr|bahn|werke|ville|mairie"
    "|agglo|metropole|prefect|departement|region|pompiers|train|ayto|ayunt|alcald|muni|policia|bomberos|agua|salud|camara"
    "|prefeitura|junta|autarq|comboio|trem|onibus|saude|aguas|sns|seguranca",
    re.IGNORECASE,
)
_FIRM = re.compile(
    "air|fly|flug|aero|bank|banco|banque|tele|fono|phone|mobil|fibra|fibre|parcel|paket|paquet|express|colis|shop|store|hotel"
    "|kundenservice|support|care|help|energy|energia|energie|insur|segur|versicher|gym|pizza|burger|taxi|app$",
    re.IGNORECASE,
)
_QUOTED = "\"'\u201c\u201e\u00ab\u2018>"
_ACCENTS = re.compile("[\u0300-\u036f]+")


class _Cue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    says: str = Field(min_length=1)
    phrases: dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], tuple[str, ...]]

    @model_validator(mode="after")
    def _phrases_can_be_used(self) -> _Cue:
        errors = [phrase_error(phrase) for phrases in self.phrases.values() for phrase in phrases]
        message = "; ".join(filter(None, errors))
        if message:
            raise ValueError(message)
        if self.id in MARKS:
            message = f"{self.id} is the name of a mark of form"
            raise ValueError(message)
        return self


class _CueFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewed_by: str = Field(min_length=1)
    reviewed_on: date
    cues: tuple[_Cue, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Cues:
    """Cues, ready to be looked for. Made by `cues`.

    Attributes:
        names: the name of each column of `found`: the cues of the file, then `MARKS`.
        says: for each of them, in words.
    """

    names: tuple[str, ...]
    says: tuple[str, ...]
    matcher: Matcher

    def found(
        self, batch: Grams, texts: Sequence[str], accounts: Collection[str] = frozenset()
    ) -> NDArray[np.int8]:
        """For each text of a batch which cues are in it: ``texts x names``, 1 or 0.

        Args:
            batch: the texts as `answerable.understand.features.grams` read them.
            texts: the same as they came, for capital letters and the names of accounts.
            accounts: the official accounts that the site knows, in small letters.
        """
        columns = {name: place for place, name in enumerate(self.names)}
        found = np.zeros((len(texts), len(columns)), dtype=np.int8)
        lines = batch.lines.split("\n")
        worded = _SIGNS.sub(" ", batch.lines).split("\n")
        word_counts = np.diff(batch.text_words)
        for number, (line, text) in enumerate(zip(lines, texts, strict=False)):
            row = found[number]
            for match in self.matcher.every(worded[number]):
                row[columns[match.rule_id]] = 1
            for name in _marks(line, text, int(word_counts[number]), accounts):
                row[columns[name]] = 1
        return found


def _marks(line: str, text: str, words: int, known: Collection[str]) -> list[str]:
    """The marks of form in one text; ``line`` is the text as `features` reads it."""
    bare = line.strip()
    links, accounts, tags = line.count(_LINK), line.count(_ACCOUNT), line.count("#")
    capitals = sum(map(str.isupper, text))
    names = [name.rstrip(".-").casefold() for name in _NAMES.findall(text)] if accounts else []
    marks = {
        "question-mark": "?" in line,
        "exclamation-mark": "!" in line,
        "link": links > 0,
        "link-last": bare.endswith(_LINK),
        "account-first": bare.startswith((_ACCOUNT, "." + _ACCOUNT, ". " + _ACCOUNT)),
        "office": any(name in known or _OFFICE.search(name) for name in names),
        "firm": any(name not in known and _FIRM.search(name) for name in names),
        "account": accounts > 0,
        "accounts": accounts > 1,
        "hashtag": tags > 0,
        "hashtags": tags > 2,
        "number": _NUMBER in line,
        "repost": _REPOST.search(line) is not None,
        "quoted": bare[:1] in _QUOTED and bool(bare),
        "capitals": capitals > 12 and 2 * capitals > len(text) - text.count(" "),
        "short": words < 6,
        "long": words > 30,
        "wordless": not any(map(str.isalnum, bare)),
    }
    return [name for name, is_there in marks.items() if is_there]


def _unaccented(phrase: str) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", phrase.casefold()))


@cache
def cues(path: Path = SHIPPED_CUES) -> Cues:
    """The cues of a file.

    Raises:
        SettingsError: the file cannot be read, or a cue is wrong.
    """
    found = load_yaml(path, _CueFile).cues
    rules = [
        _Rule(cue.id, tuple(sorted({_unaccented(p) for phrases in cue.phrases.values() for p in phrases})))
        for cue in found
    ]
    return Cues(
        names=(*(cue.id for cue in found), *MARKS),
        says=(*(cue.says for cue in found), *MARKS.values()),
        matcher=compile_rules(rules),
    )
