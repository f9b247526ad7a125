"""What a text names: numbers of requests and petitions, addresses of messages, pages of issues on this site.

    named_in("Ticket #123456 is done", "https://town.example/").numbers    -> ("123456",)

A number is read where it can hardly be anything else:

* digits and letters of at least eight characters, five of them digits, wherever they stand (``SR-2024-00123``);
* anything of at least five characters, four of them digits, behind ``#`` or a word such as "ticket", "Vorgang" or
  "expediente", and what goes on from it as a list ("tickets 123456, 123457 and 123458").

A price, a share, a time, a date, a telephone number, what counts something ("cases: 12345 this year") and what numbers
something else ("stop #12345", "bus #38000") is none. Of mere digits this is not enough to tell what they mean: who
links by them (`answerable.understand.links`) asks for more.

Whoever writes a text may write anything: nothing here takes longer than the text is long, and nothing raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Named", "named_in", "without_addresses"]


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names: numbers and addresses in every way in which a source may write them, and issues' ids."""

    numbers: tuple[str, ...]
    addresses: tuple[str, ...]
    issue_ids: tuple[str, ...]


def named_in(text: str, site_address: str) -> Named:
    """What a text names.

    Args:
        text: as received.
        site_address: of this site, where issues have their pages.
    """
    numbers = (
        v for token in _numbers(without_addresses(text)) for v in (token, token.upper(), token.lower())
    )
    return Named(
        tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(_addresses(text))), _issue_ids(text, site_address)
    )


# -- numbers -----------------------------------------------------------------------------------------------------------

_MARKERS = (
    # en
    "ticket", "case", "request", "report", "reference", "ref", "sr", "petition", "tracking", "complaint",
    "srn",
    # de
    "vorgang", "meldung", "aktenzeichen", "az", "anliegen", "anfrage", "beschwerde", "referenz", "fall",
    "vorgangsnummer", "ticketnummer", "meldungsnummer", "fallnummer", "referenznummer",
    # es, pt
    "caso", "expediente", "solicitud", "petición", "peticion", "folio", "reporte", "radicado", "reclamo", "incidencia",
    "solicitação", "solicitacao", "pedido", "protocolo", "petição", "peticao", "chamado", "processo", "ocorrência",
    # fr
    "demande", "requête", "dossier", "signalement", "pétition", "référence", "réf", "réclamation",
)  # fmt: skip
_MANY = (
    "tickets", "cases", "requests", "reports", "petitions", "complaints", "vorgänge", "meldungen", "anliegen",
    "anfragen", "beschwerden", "fälle", "casos", "expedientes", "solicitudes", "peticiones", "folios", "reportes",
    "reclamos", "incidencias", "solicitações", "pedidos", "protocolos", "chamados", "processos", "ocorrências",
    "demandes", "requêtes", "dossiers", "signalements", "pétitions", "réclamations",
)  # fmt: skip
# What is often numbered with "#" and is no request: vehicles, lines, stops, poles, rooms, and telephones.
_OTHER_THINGS = (
    "apartment", "apt", "bridge", "bus", "building", "engine", "flight", "hydrant", "line", "meter", "phone", "plate",
    "pole", "postcode", "room", "route", "signal", "station", "stop", "suite", "tel", "train", "tram", "truck", "unit",
    "vehicle", "zip", "haltestelle", "laterne", "linie", "plz", "wagen", "zug", "zähler", "autobús", "línea", "medidor",
    "parada", "poste", "ruta", "tren", "unidad", "linha", "ônibus", "rota", "trem", "arrêt", "ligne", "rame",
    "véhicule",
)  # fmt: skip
# What stands behind a sum or a count.
_UNITS = (
    "%", "€", "$", "£", "¥", "eur", "usd", "gbp", "chf", "brl", "euros?", "dollars?", "francs?", "franken", "pesos",
    "reais", "people", "persons", "residents", "households", "times", "signatures", "supporters", "votes", "metres",
    "meters", "menschen", "personen", "haushalte", "mal", "stimmen", "unterschriften", "meter", "personas", "veces",
    "firmas", "votos", "hogares", "metros", "pessoas", "vezes", "assinaturas", "personnes", "fois", "foyers", "mètres",
)  # fmt: skip
_NUMBER_WORD = r"(?:no|nr|num|number|nummer|id|número|numero|numéro|code|n?[º°])"


def _one_of(words: tuple[str, ...]) -> str:
    return rf"(?<!\w)(?:{'|'.join(words)})"


# They end where the number begins. A word that is followed by "number" names one, whether it means one or many.
_HASH = re.compile(r"[#№]\s?$")
_OTHER_HASH = re.compile(rf"{_one_of(_OTHER_THINGS)}[.:]?\s{{0,2}}[#№]\s?$", re.IGNORECASE)
_IS = r"(?:\s(?:is|ist|es|é|est))?"
_NUMBERED = re.compile(
    rf"{_one_of(_MARKERS + _MANY)}[\s.:-]{{0,3}}{_NUMBER_WORD}{_IS}[\s.:º°]{{0,6}}$", re.IGNORECASE
)
_WORD = re.compile(rf"{_one_of(_MARKERS)}{_IS}[\s.:(\[]{{0,3}}$", re.IGNORECASE)
_WORD_OF_MANY = re.compile(rf"{_one_of(_MANY)}[\s.:(\[]{{0,3}}$", re.IGNORECASE)
_REACH = 48  # characters, longer than any of the above
_SHORTEST, _SHORTEST_ALONE, _LEAST_DIGITS = 5, 8, 4
# A number stands alone: not inside an address, an account, a decimal fraction or another word. What is longer is none.
_TOKEN = re.compile(
    r"(?<![\w@/+-])(?<!\d[.,:])(?<!\w[.])((?>[A-Za-z0-9]{1,40}(?:[-_/.][A-Za-z0-9]{1,40}){0,6}))"
    r"(?![\w@]|[-_/.][A-Za-z0-9]|[,:]\d{1,2}(?!\d))"
)
_BEFORE_NUMBER = re.compile(rf"(?<!\w)({_NUMBER_WORD}|ref|réf|az)\.(?=[0-9])", re.IGNORECASE)
_UNIT = re.compile(
    rf"\s?(?:{'|'.join(map(re.escape, _UNITS[:5]))}|(?:{'|'.join(_UNITS[5:])})(?!\w))", re.IGNORECASE
)
_GOES_ON = re.compile(
    r"\s{0,2}(?:[,;&]|(?:and|or|und|y|e|et)(?!\w))\s{0,2}(?:(?:and|und|y|e|et)\s)?[#№]?", re.IGNORECASE
)
_DATE = re.compile(r"(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d\d)?\d\d")
# Behind "#" these are numbers of records, behind a word they may as well be a date or a telephone number.
_MAYBE_DATE = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|\d{1,2}[-/.](?:19|20)\d\d|(?:19|20)\d\d[-/.]\d{1,2}"
)
_TELEPHONE = re.compile(r"\d{3}[-.]\d{4}")
_LONG_TELEPHONE = re.compile(r"(?:\d{1,2}[-.])?\d{3}[-.]\d{3}[-.]\d{4}")


def _numbers(text: str) -> Iterator[str]:
    """The numbers of a text without addresses."""
    text = _BEFORE_NUMBER.sub(r"\1. ", text)
    for run in _runs(text):
        mark = _mark(text, run[0].start(), is_list=len(run) > 1)
        for match in run:
            if _is_number(match[1], mark) and not _UNIT.match(text, match.end()):
                yield match[1]


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """What may be numbers, in lists: what follows another one of the same length, with a comma or an "and" between."""
    run: list[re.Match[str]] = []
    for match in _TOKEN.finditer(text):
        if len(match[1]) < _SHORTEST or sum(c.isdigit() for c in match[1]) < _LEAST_DIGITS:
            continue
        if (
            run
            and len(match[1]) == len(run[-1][1])
            and _GOES_ON.fullmatch(text, run[-1].end(), match.start())
        ):
            run.append(match)
            continue
        if run:
            yield run
        run = [match]
    if run:
        yield run


def _mark(text: str, start: int, *, is_list: bool) -> str:
    """What tells that a number follows: ``#``, a word, or nothing."""
    reach = (max(0, start - _REACH), start)
    if _HASH.search(text, *reach):
        return "" if _OTHER_HASH.search(text, *reach) else "#"
    if _NUMBERED.search(text, *reach) or _WORD.search(text, *reach):
        return "word"
    return "word" if is_list and _WORD_OF_MANY.search(text, *reach) else ""


def _is_number(token: str, mark: str) -> bool:
    """Whether it can hardly mean anything but a record."""
    if _DATE.fullmatch(token) or _LONG_TELEPHONE.fullmatch(token):
        return False
    if not mark:
        digits = sum(c.isdigit() for c in token)
        return len(token) >= _SHORTEST_ALONE and digits > _LEAST_DIGITS and any(c.isalpha() for c in token)
    return mark == "#" or not (_MAYBE_DATE.fullmatch(token) or _TELEPHONE.fullmatch(token))


# -- addresses ---------------------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"https?://[^\s<>\"'\])}]+", re.IGNORECASE)
# The name stands first in a run of its letters, and all of the run is tried once.
_ACCOUNT = re.compile(r"(?<![\w.+-])[\w.+-]*+@[\w.@+-]++")
_AFTER_ADDRESS = ".,;:!?…"


def without_addresses(text: str) -> str:
    """A text without what only looks like words and numbers: addresses of pages, accounts, e-mail addresses."""
    return _ACCOUNT.sub(" ", _ADDRESS.sub(" ", text))


def _addresses(text: str) -> Iterator[str]:
    for address in dict.fromkeys(_ADDRESS.findall(text)):
        yield from _variants(address.rstrip(_AFTER_ADDRESS))


def _variants(address: str) -> list[str]:
    """The ways in which a source may write an address; none of one that leads to a host and to nothing there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return []  # It only begins like an address.
    path = parts.path.rstrip("/")
    if not path and not parts.query:
        return []
    host = parts.netloc.lower().removeprefix("www.")
    queries = dict.fromkeys((parts.query, "")) if parts.query.startswith("utm_") else (parts.query,)
    return [
        f"{scheme}://{www}{host}{path}{slash}{'?' if query else ''}{query}"
        for query in queries
        for scheme in ("https", "http")
        for www in ("", "www.")
        for slash in ("", "/")
        if path or slash or query
    ]


def _issue_ids(text: str, site_address: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match.lower() for match in _issue_pattern(site_address).findall(text)))


@lru_cache(maxsize=8)
def _issue_pattern(site_address: str) -> re.Pattern[str]:
    """The address of an issue's page: it ends in the issue's id, whatever its title was when somebody copied it."""
    parts = urlsplit(site_address)
    place = re.escape(parts.netloc.removeprefix("www.") + parts.path.rstrip("/"))
    return re.compile(
        rf"(?<![\w./@-])(?:https?://)?(?:www\.)?{place}/(?:[a-z]{{2,3}}/)?issues/(?:[\w%-]*-)?([0-9a-f]{{16}})(?![\w-])",
        re.IGNORECASE,
    )
