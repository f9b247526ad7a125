"""Makes the sentences with marked personal data: develop, gate, final, unseen and forms (.jsonl).

    python benchmarks/understanding/sentences/make.py            all five, checked, and a table of counts
    python benchmarks/understanding/sentences/make.py develop    one only

Templates are in the .txt of the same name, what fills them is in fillers.txt (develop and gate share it out),
fillers_final.txt, fillers_unseen.txt and fillers_forms.txt; README.md tells how they are written. The same files always
give the same sentences. The run stops when a mark, a checksum, a count or the division of the five is wrong.
"""

from __future__ import annotations

import json
import random
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, TypeVar

HERE = Path(__file__).parent
Entry = TypeVar("Entry")
HALVES = ("develop", "gate")
FINAL = "final"
UNSEEN = "unseen"
OWN = (
    FINAL,
    UNSEEN,
)  # sets with fillers of their own, of which the earlier sets have not even a part of a name
FORMS = "forms"  # structured kinds only: no names, no addresses
SETS = (*HALVES, *OWN, FORMS)
KINDS = (
    "email", "phone", "handle", "profile_url", "address", "name", "card", "iban", "id_number", "plate", "ip",
    "coordinates",
)  # fmt: skip
UNSTRUCTURED = ("address", "name")
FILLERS = ("given", "sur", "street", "place", "town", "domain", "nick")
LANGUAGES = ("en", "de", "es", "fr", "pt")
PER_TEMPLATE = 5
OFFICIAL = ("@CityOfMerrow", "@MerrowClean", "@RideMerrow")
# Of a half and of the later sets: spans of every other kind, names, addresses, sentences, templates.
LEAST = {
    **{half: {"": 60, "name": 300, "address": 300, "sentences": 1100, "templates": 225} for half in HALVES},
    FINAL: {"": 75, "name": 600, "address": 300, "sentences": 1300, "templates": 300},
    UNSEEN: {"": 90, "plate": 120, "name": 900, "address": 350, "sentences": 2100, "templates": 420},
    FORMS: {"": 110, "plate": 220, "name": 0, "address": 0, "sentences": 1250, "templates": 250},
}

# Whose names are met in which language: the language's own every second time (in the unseen set three times in four),
# then the world's.
WORLD = ("in", "ng", "ar", "zh", "vi", "ko", "tr", "pl", "it", "so", "ru")
WORLD_OF = {**dict.fromkeys(HALVES, WORLD), FINAL: (*WORLD, "ph", "ca"), UNSEEN: (*WORLD, "ph", "eu")}
ABROAD_OF = {**dict.fromkeys(SETS, 2), UNSEEN: 4}
AT_HOME = {
    "en": ("en", "en", "es", "en", "de", "fr", "pt"),
    "de": ("de", "tr", "de", "de"),
    "es": ("es", "es", "pt", "es"),
    "fr": ("fr", "ar", "fr", "fr"),
    "pt": ("pt", "pt", "es", "pt"),
}


class Span(TypedDict, total=False):
    """One marked piece: offsets in code points, its kind, and whether masking it is right either way."""

    start: int
    end: int
    kind: str
    either: bool


class Sentence(TypedDict, total=False):
    """One line of a half."""

    text: str
    lang: str
    group: str
    spans: list[Span]
    note: str


@dataclass(frozen=True)
class Template:
    """One hand-written template; `note` says why a sentence without personal data is hard."""

    group: str
    lang: str
    text: str
    note: str


def require(holds: object, message: str) -> None:
    """Raise ValueError with the message unless the condition holds."""
    if not holds:
        raise ValueError(message)


def plain(text: str) -> str:
    """The text in lower case and without accents."""
    decomposed = unicodedata.normalize("NFD", text)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
    return (
        bare.replace("ß", "ss").replace("\u0131", "i").replace("ø", "o").replace("ł", "l").replace("đ", "d")
    )


# --- checksums -------------------------------------------------------------------------------------------------


def luhn(digits: str) -> bool:
    """Whether the digits of a payment card pass the check of ISO/IEC 7812-1, annex B."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(d), 10)) for d in even)) % 10 == 0


def iban_holds(iban: str) -> bool:
    """Whether an IBAN without spaces passes the check of ISO 13616 (mod 97 is 1)."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def steuer_id_digit(ten: str) -> str:
    """The eleventh digit of a German tax number (ISO 7064, mod 11,10)."""
    product = 10
    for digit in ten:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def dni_letter(number: int) -> str:
    """The letter of a Spanish DNI or NIE."""
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]


def nif_digit(eight: str) -> str:
    """The ninth digit of a Portuguese NIF."""
    rest = 11 - sum(int(d) * w for d, w in zip(eight, range(9, 1, -1), strict=True)) % 11
    return str(0 if rest >= 10 else rest)


def cpf_digits(nine: str) -> str:
    """The last two digits of a Brazilian CPF."""
    done = nine
    for _ in range(2):
        total = sum(int(d) * w for d, w in zip(done, range(len(done) + 1, 1, -1), strict=True))
        done += str(total * 10 % 11 % 10)
    return done[-2:]


def _dihedral(a: int, b: int) -> int:
    """The product in the dihedral group of the pentagon: 0-4 turn, 5-9 mirror."""
    x, y = a % 5, b % 5
    if a < 5:
        return (x + y) % 5 + (5 if b >= 5 else 0)
    return (x - y) % 5 + (0 if b >= 5 else 5)


def verhoeff(digits: str) -> bool:
    """Whether an Aadhaar number passes Verhoeff's check (1969)."""
    permutation, step = list(range(10)), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for digit in reversed(digits):
        check = _dihedral(check, permutation[int(digit)])
        permutation = [permutation[step[place]] for place in range(10)]
    return check == 0


# --- fillers ---------------------------------------------------------------------------------------------------


def read_fillers(file: str = "fillers.txt") -> dict[str, list[str]]:
    """The lists of a file of fillers by their heading ("street de")."""
    lists: dict[str, list[str]] = {}
    heading = ""
    for line in (HERE / file).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            heading = line.strip("[]")
            lists[heading] = []
            continue
        kind, _, language = heading.partition(" ")
        head, colon, rest = line.partition(": ") if kind == "street" else ("", "", line)
        entries = [entry.strip() for entry in rest.split(",") if entry.strip()]
        lists[heading] += [_street(language, head, entry) if colon else entry for entry in entries]
    return lists


def _street(language: str, head: str, entry: str) -> str:
    if head == "=":
        return entry
    if head.startswith("+"):
        return entry + head[1:]
    return f"{entry} {head}" if language == "en" else f"{head} {entry}"


def divide(lists: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """Every filler in one half only; a name that is met in two lists stays in the half of the first."""
    halves: dict[str, dict[str, list[str]]] = {half: {} for half in HALVES}
    seen: dict[tuple[str, str], int] = {}
    for heading, entries in lists.items():
        space = "name" if heading.split()[0] in {"given", "sur"} else heading.split()[0]
        for index, entry in enumerate(dict.fromkeys(entries)):
            half = seen.setdefault((space, plain(entry)), index % 2)
            halves[HALVES[half]].setdefault(heading, []).append(entry)
    return halves


US_AREAS = [
    "201",
    "205",
    "212",
    "216",
    "303",
    "312",
    "404",
    "415",
    "503",
    "512",
    "602",
    "614",
    "617",
    "702",
    "713",
    "801",
    "816",
    "907",
    "919",
    "971",
]
# X is any digit, A a United States area code; ranges kept for fiction where the country has them.
PHONES: dict[str, tuple[str, ...]] = {
    "us": ("(A) 555-01XX", "A-555-01XX", "A.555.01XX", "+1 A 555 01XX", "A55501XX", "1-A-555-01XX", "(A)555-01XX",
           "+1-A-555-01XX", "A 555 01XX"),
    "uk": ("020 7946 0XXX", "07700 900XXX", "0113 496 0XXX", "+44 7700 900XXX", "+44 (0)20 7946 0XXX",
           "(0161) 496 0XXX", "07700900XXX", "0044 7700 900XXX"),
    "de": ("030 23125 XXX", "(0)69 90009 XXX", "+49 30 23125 XXX", "0176 04069 0XX", "0171/39200XX", "0221-4710XXX",
           "+49 (0)89 99998 XXX", "040 66969 XXX", "01763920 0XX", "0049 40 66969XXX", "(030) 23125-XXX"),
    "at": ("+43 664 555 0XXX", "01 555 0XXX"),
    "ch": ("+41 79 555 0X XX", "079 555 0X XX"),
    "fr": ("01 99 00 XX XX", "02 61 91 XX XX", "03.53.01.XX.XX", "04-65-71-XX-XX", "06 39 98 XX XX", "063998XXXX",
           "+33 6 39 98 XX XX", "+33 (0)1 99 00 XX XX", "05 36 49 XX XX"),
    "be": ("+32 455 00 XX XX", "0455 00 XX XX"),
    "es": ("699 99X XXX", "69 999 XX XX", "+34 699 99X XXX", "910 00X XXX", "0034 699 99 XX XX", "69999XXXX",
           "91 000 XX XX"),
    "mx": ("+52 55 5555 XXXX", "55 5555 XXXX", "(55) 5555-XXXX"),
    "ar": ("+54 9 11 5555-XXXX", "11 5555-XXXX"),
    "co": ("+57 300 555 XXXX", "300 555 XXXX"),
    "pt": ("919 99X XXX", "+351 919 99X XXX", "210 00X XXX", "91 999 XX XX", "00351 919 99X XXX", "91999XXXX"),
    "br": ("(11) 99999-XXXX", "+55 21 99999-XXXX", "(31) 3555-XXXX", "11 99999 XXXX", "+55 (85) 99999-XXXX",
           "2199999XXXX"),
    "au": ("0491 570 XXX", "(02) 5550 XXXX", "+61 491 570 XXX"),
    "in": ("+91 98999 XXXXX", "098999 XXXXX"),
    "ie": ("+353 20 91X XXXX", "020 91X XXXX"),
    "it": ("+39 333 555 XXXX", "333 555 XXXX"),
    "pl": ("+48 555 0XX XXX", "555 0XX XXX"),
    "tr": ("+90 555 000 XX XX", "0555 000 XX XX"),
    "ng": ("+234 803 555 XXXX", "0803 555 XXXX"),
}  # fmt: skip
PHONES_OF = {
    "en": ("us", "us", "uk", "us", "au", "uk", "in", "us", "ie", "ng"),
    "de": ("de", "de", "at", "de", "ch", "de", "tr", "de", "pl"),
    "es": ("es", "es", "mx", "es", "ar", "co", "us"),
    "fr": ("fr", "fr", "fr", "be", "fr", "ch", "it"),
    "pt": ("pt", "br", "pt", "br", "br", "pt"),
}
# L is any letter but vowels, Q one that the country allows more widely.
PLATES: dict[str, tuple[str, ...]] = {
    "us": ("7LLLXXX", "LLL-XXXX", "LLL XXXX", "LXX-LLL"),
    "uk": ("LLX1 LLL", "LL6X LLL", "LLX5LLL"),
    "de": ("M-LL 3XX1", "HH-LL 1XX", "K LL 2XX", "DD-L 4XXX", "B-LL-7XX", "OSLL5X1", "WOB-LL 9X"),
    "at": ("W-3XXXXL", "GU-XX2LL"),
    "ch": ("ZH 41XXXX", "BE-2XX XXX"),
    "es": ("4XXX LLL", "1XXX-LLL", "7XXXLLL"),
    "mx": ("LLL-XX-XX", "LLL-XXX-L"),
    "ar": ("LL XXX LL", "LLXXXLL"),
    "fr": ("LL-XXX-LL", "LL XXX LL", "LLXXXLL"),
    "be": ("1-LLL-XXX", "2-LLL-XXX"),
    "pt": ("LL-XX-LL", "XX-LL-XX", "LL XX LL"),
    "br": ("LLLXLXX", "LLL-XXXX", "LLLXXXX"),
    "in": ("MH 12 LL XXXX", "KA-05-LL-XXXX"),
    "nl": ("XX-LLL-X", "L-XXX-LL"),
    "it": ("LL XXX LL",),
    "pl": ("WL XXXXL", "KR 5XXLL"),
}
PLATES_OF = {
    "en": ("us", "uk", "us", "uk", "in", "us", "uk", "nl"),
    "de": ("de", "de", "at", "de", "ch", "de", "pl", "de"),
    "es": ("es", "es", "mx", "es", "ar"),
    "fr": ("fr", "fr", "be", "fr", "fr", "it"),
    "pt": ("pt", "br", "pt", "br"),
}
# The unseen set's own forms; of a country that is missing here the forms above.
PLATES_UNSEEN: dict[str, tuple[str, ...]] = {
    "us": ("LLL XXXX", "8LLLXXX", "LLL-XXX", "LXX LLL", "LLL XXX", "XLL LXX", "LL XXXXX", "LLL-XXXX"),
    "uk": ("LL2X LLL", "LL7X LLL", "LLX3LLL", "L4XX LLL", "LL1XLLL"),
    "de": ("KA-LL 3XX", "GÖ L 7XX", "S-LL 4XX6", "F LL 9XX", "HSK-LL 2X", "BB-LL-5XX", "N-L 6XXX", "FÜ-LL 8X",
           "WES LL 1XX", "EE-LL 4XE", "H-LL 2XXH", "OHVLL77X"),
    "es": ("2XXX LLL", "5XXX-LLL", "9XXXLLL", "3XXX LLL"),
    "fr": ("LL-XXX-LL", "LL XXX LL", "LLXXXLL", "LL-XXX-LL"),
    "pt": ("LL-XX-LL", "XX-LL-XX", "XX-XX-LL", "LL XX LL"),
    "br": ("LLLXLXX", "LLL-XXXX", "LLLXLXX", "LLL XLXX"),
}  # fmt: skip
# The set of forms: # is a digit but zero; what does not follow the language stands under a key of its own.
PLATES_FORMS: dict[str, tuple[str, ...]] = {
    "us": ("LLL #XXX", "LLL XXL", "XLLLXX", "LLL-#XX", "LXX LLL", "LL XXXXX", "XXX LLL", "LLL#XXX",
           "XLLXXXX", "LL-#XXXX", "LLLLXX", "LLL-LXX", "#LXXXXX"),
    "usca": ("#LLLXXX", "#LLL XXX"),
    "usny": ("LLL-#XXX", "LLL #XXX", "LLL#XXX"),
    "uk": ("LL1X LLL", "LL6XLLL", "LL7X LLL", "LL2X LLL", "LL5XLLL", "LL0# LLL", "LL17-LLL"),
    "ukold": ("L#XX LLL", "LLL #XXL", "L#X LLL", "L#XXLLL", "LLL #XL"),
    "ni": ("LLZ #XXX", "LLZ#XXX", "LJZ #XXX"),
    "ie": ("12-D-#XXXX", "06 D #XXX", "191-KE-#XXX", "232 C #XXX", "08-KK-#XXX"),
    "de": ("B-LL #XXX", "HH LL #XX", "K-L #XXX", "M-LL-#XXX", "DO LL #X", "S-L-#XXX", "NEA-LL #X",
           "F LL-#XX", "BAR-L #XX"),
    "deu": ("ÜB-LL #XX", "TÜ L #XXX", "MÜ-LL #X", "SÜW-LL #XX", "WÜ LL-#XXX", "GÜ-LL-#XX", "KÖT L #X",
           "NÖ-LL #XXX"),
    "dee": ("B-LL #XXE", "HB LL #XE", "FR-L #XXXE", "KALL#XE", "OS-LL #XX E"),
    "deh": ("KA-L #XXH", "M LL #XH", "EM-LL #XH", "WI-L #XX H", "UNLL#XH"),
    "deg": ("BLL#XXX", "HHLL#XX", "KLL#XXX", "MSLL#XX", "DDL#XXX"),
    "devk": ("#XX LLL", "#XXLLL"),
    "at": ("W-#XXXXL", "GU #XXLL", "S-#XXLL", "SB-#XXLL", "W #XXXXL"),
    "ch": ("ZH #XX XXX", "BE-#XXXXX", "AG #XXXXX", "TG#XXXXX", "SG-#XX XXX"),
    "es": ("#XXX LLL", "#XXX-LLL", "#XXXLLL", "#XXX LLL"),
    "esc": ("C-#XXX-LLL", "C#XXXLLL", "C #XXX LLL"),
    "esold": ("M-#XXX-LL", "B #XXX LL", "SE-#XXX-LL", "GC-#XXX-LL", "V #XXX LL"),
    "mx": ("LLL-XX-XX", "LLL-XXX-L", "LLL XX XX", "L-XX-LLL", "LLLXXXL"),
    "ar": ("LL XXX LL", "LLL XXX", "LLXXXLL", "LLL-XXX", "LL-XXX-LL"),
    "co": ("LLL-XXX", "LLL XXX", "LLLXXX", "LLL·XXX", "LLL XXX"),
    "fr": ("LL-XXX-LL", "LLXXXLL", "LL XXX LL", "LL-XXX LL", "LL-XXX-LL"),
    "frold": ("#XXX LL 69", "#XX LLL 75", "#XXLLL33", "#XXX-LL-13", "#XXX LL 2A"),
    "frcy": ("LL-XXX-L", "LLXXXL", "LL XXX L"),
    "be": ("1-LLL-XXX", "2LLLXXX", "1 LLL XXX"),
    "qc": ("LXX LLL", "LXX-LLL", "#XX LLL"),
    "pt": ("LL-XX-LL", "XX-LL-XX", "LL XX LL", "XX-XX-LL", "LLXXLL", "LL-XX-XX", "XXLLXX"),
    "br": ("LLL-#XXX", "LLLXLXX", "LLL#XXX", "LLL XLXX", "LLL-XLXX", "LLL #XXX"),
}  # fmt: skip
PLATES_IN = {UNSEEN: {**PLATES, **PLATES_UNSEEN}, FORMS: PLATES_FORMS}
PHONES_FORMS: dict[str, tuple[str, ...]] = {
    "us": ("(A) 555-01XX", "A.555.01XX", "A-555-01XX", "1 (A) 555-01XX", "+1A55501XX", "A 555-01XX",
           "A/555-01XX", "(A)55501XX", "1.A.555.01XX", "+1 (A) 555-01XX", "A - 555 - 01XX", "001 A 555 01XX"),
    "uslocal": ("555-01XX", "555 01XX", "555.01XX"),
    "usplus": ("+1-A-555-01XX", "+1A55501XX", "+1.A.555.01XX"),
    "uk": ("07700 900 XXX", "020 7946 0XXX", "07700-900-XXX", "(01632) 960XXX", "+447700900XXX",
           "0121 496 0XXX", "+44 (0)7700 900XXX", "01314960XXX", "(+44) 7700 900XXX", "0044 20 7946 0XXX",
           "0116-496-0XXX"),
    "au": ("0491-570-XXX", "+61 (0)491 570 XXX", "0491570XXX", "(03) 5550 XXXX", "+61-491-570-XXX"),
    "ie": ("+353 (0)20 91X XXXX", "020 91X XXXX", "00353 20 91XXXXX", "(020) 91 XXXXX", "020-91XXXXX"),
    "de": ("030/23125-XXX", "0171 - 392 00 XX", "+493023125XXX", "(069) 90009-XXX", "0176-04069 0XX",
           "0049 (0)40 66969-XXX", "089 / 99 99 8X XX", "0221/4710-XXX", "017604069 0XX", "+49 171 39200XX",
           "030.23125.XXX", "+49 (0) 30 23 12 5X XX"),
    "at": ("0664/555 0X XX", "+43 (0)664 5550XXX", "0664 5550XXX", "0043 664 555 0XXX", "+43-664-5550XXX"),
    "ch": ("079/555 0X XX", "+41 (0)79 555 0X XX", "0795550XXX", "0041 79 555 0X XX", "079.555.0X.XX"),
    "fr": ("06.39.98.XX.XX", "0199 00 XX XX", "+3363998XXXX", "04/65/71/XX/XX", "06-39-98-XX-XX",
           "(+33) 6 39 98 XX XX", "0033 2 61 91 XX XX", "05.36.49.XX.XX", "+33.6.39.98.XX.XX", "035301XXXX",
           "+33(0)6 39 98 XX XX"),
    "be": ("0455/00.XX.XX", "+32 (0)455 00 XX XX", "0455 00XXXX", "0455-00-XX-XX", "0032 455 00 XX XX"),
    "qc": ("514 555-01XX", "(418) 555-01XX", "1 819 555-01XX", "450-555-01XX", "+1 514 555-01XX"),
    "es": ("699-99X-XXX", "(+34) 699 99X XXX", "69 999 XXXX", "910.00X.XXX", "+3469999XXXX", "699.99X.XXX",
           "0034 69999XXXX", "699 99 XX XX", "91-000-XX-XX"),
    "mx": ("(55) 5555 XXXX", "5555-55-XX-XX", "+52 1 55 5555 XXXX", "555555XXXX", "044 55 5555 XXXX"),
    "ar": ("11-5555-XXXX", "(011) 5555-XXXX", "+54911 5555 XXXX", "15-5555-XXXX", "011 15 5555 XXXX"),
    "co": ("300-555-XXXX", "+57 (300) 555 XXXX", "300555XXXX", "(300) 555-XX-XX", "300 555 XX XX"),
    "pt": ("919-99X-XXX", "(+351) 919 99X XXX", "919.99X.XXX", "+35191999XXXX", "21 000 XX XX",
           "00 351 91 999 XX XX", "21000XXXX"),
    "br": ("(11) 9 9999-XXXX", "11 9.9999-XXXX", "+55(21)99999-XXXX", "(031) 3555-XXXX", "55 85 99999 XXXX",
           "1199999-XXXX", "0 21 3555 XXXX", "(47)99999XXXX"),
}  # fmt: skip
PHONES_IN = {FORMS: PHONES_FORMS}
IDS_OF = {"en": ("us", "uk", "in"), "de": ("de",), "es": ("dni", "nie"), "fr": ("fr",), "pt": ("pt", "br")}
IBANS_OF = {
    "en": ("GB", "NL", "IE"), "de": ("DE", "AT", "CH", "DE"), "es": ("ES",), "fr": ("FR", "BE", "FR"), "pt": ("PT",),
}  # fmt: skip
# Invented banks: 99.. and MERR belong to nobody.
IBAN_BODIES = {
    "GB": "MERR99XXXXXXXXXXXX", "IE": "MERR99XXXXXXXXXXXX", "NL": "MERRXXXXXXXXXX", "DE": "99999XXXXXXXXXXXXX",
    "AT": "99999XXXXXXXXXXX", "CH": "99999XXXXXXXXXXXX", "ES": "9999XXXXXXXXXXXXXXXX",
    "FR": "99999XXXXXXXXXXXXXXXXXX", "BE": "999XXXXXXXXX", "PT": "9999XXXXXXXXXXXXXXXXX",
}  # fmt: skip
CARDS = (
    "400000XXXXXXXXX",
    "424242XXXXXXXXX",
    "510510XXXXXXXXX",
    "555555XXXXXXXXX",
    "378282XXXXXXXX",
    "601111XXXXXXXXX",
)
AT_SIGNS = {
    "en": ((" at ", " dot "), ("(at)", "(dot)"), (" [at] ", " [dot] "), ("[at]", "."), (" AT ", " DOT ")),
    "de": (("(at)", "."), (" at ", " punkt "), ("[ät]", "."), (" (at) ", " (punkt) ")),
    "es": ((" arroba ", " punto "), ("(arroba)", "."), (" at ", " punto "), ("[arroba]", "[punto]")),
    "fr": ((" arobase ", " point "), ("(arobase)", "."), ("[at]", "[point]"), (" at ", " point ")),
    "pt": ((" arroba ", " ponto "), ("(arroba)", "."), ("[at]", "[ponto]"), (" at ", " ponto ")),
}
HOSTS = (
    "https://www.facebook.com/{n}.example", "instagram.com/{u}_example", "https://social.example/@{u}",
    "https://x.com/{u}_example", "https://www.linkedin.com/in/{d}-example", "https://forum.example/users/{u}",
    "https://twitter.com/{u}_example", "https://people.example/profile/{n}", "tiktok.com/@{n}.example",
    "facebook.com/profile.php?id=1000000000{x}", "https://www.strava.com/athletes/000000{x}",
    "https://neighbours.example/u/{u}", "https://t.me/{u}_example", "www.instagram.com/{n}.example/",
)  # fmt: skip
HOSTS_FORMS = (
    "https://bsky.app/profile/{u}.example", "m.facebook.com/{u}.example",
    "https://www.reddit.com/user/{u}_example/", "youtube.com/@{u}-example", "https://troet.example/@{u}",
    "https://www.threads.net/@{u}.example", "www.linkedin.com/in/{u}-example-0000{y}",
    "http://vk.com/{u}_example", "pinterest.com/{u}example/", "https://people.example/~{u}",
    "fb.com/{u}.example", "https://www.komoot.com/user/000000{x}", "x.com/{u}_example",
    "https://www.instagram.com/{u}_example?igsh=0000", "https://nextdoor.com/profile/000000{x}/",
    "snapchat.com/add/{u}_example", "https://www.facebook.com/people/{u}-example/1000000000{x}/",
    "t.me/{u}_example", "https://forum.example/member.php?u=000{x}", "xing.com/profile/{u}_example",
    "https://github.com/{u}-example",
)  # fmt: skip
# Spelled out: at, dot, underscore and hyphen.
SPOKEN = {
    "en": (
        (" at ", " dot ", " underscore ", " dash "),
        ("(at)", "(dot)", "_", "-"),
        (" (at) ", " . ", "_", "-"),
        (" @ ", " . ", "_", "-"),
        ("[at]", "[dot]", "_", "-"),
        (" AT ", " DOT ", " UNDERSCORE ", " HYPHEN "),
        ("-at-", "-dot-", "_", "-"),
    ),
    "de": (
        (" ät ", " punkt ", " unterstrich ", " minus "),
        ("(ät)", "(punkt)", "_", "-"),
        ("[at]", "[punkt]", "_", "-"),
        (" at ", " Punkt ", " Unterstrich ", " Bindestrich "),
        (" @ ", " . ", "_", "-"),
        (" (at) ", ".", "_", "-"),
    ),
    "es": (
        (" arroba ", " punto ", " guion bajo ", " guion "),
        ("[arroba]", ".", "_", "-"),
        ("(arroba)", "(punto)", "_", "-"),
        (" ARROBA ", " PUNTO ", " GUION BAJO ", " GUION "),
        (" @ ", " . ", "_", "-"),
        ("(at)", ".", "_", "-"),
    ),
    "fr": (
        (" arobase ", " point ", " tiret bas ", " tiret "),
        ("(arobase)", "(point)", "_", "-"),
        ("[arobase]", ".", "_", "-"),
        (" @ ", " . ", "_", "-"),
        ("(at)", "(point)", "_", "-"),
        (" AT ", " POINT ", "_", "-"),
    ),
    "pt": (
        (" arroba ", " ponto ", " underline ", " hífen "),
        ("[arroba]", "[ponto]", "_", "-"),
        ("(arroba)", ".", "_", "-"),
        (" @ ", " . ", "_", "-"),
        ("(at)", "(ponto)", "_", "-"),
        (" ARROBA ", " PONTO ", "_", "-"),
    ),
}
IBAN_BODIES_FORMS = {**IBAN_BODIES, "LU": "999XXXXXXXXXXXXX"}
CARDS_FORMS = (*CARDS, "222300XXXXXXXXX", "353011XXXXXXXXX", "305693XXXXXXX", "411111XXXXXXXXX")
SSN_BARE = re.compile(r"(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}")


@dataclass
class Fillers:
    """What one half fills its templates with: every list is used in turn, every number is made once."""

    half: str
    lists: dict[str, list[str]]
    used: set[str]
    turn: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"sentences of {self.half}")

    def next(self, key: str, entries: Sequence[Entry]) -> Entry:
        """The next entry of a list, round and round."""
        self.turn[key] += 1
        return entries[(self.turn[key] - 1) % len(entries)]

    def from_list(self, heading: str) -> str:
        """The next filler of a list of fillers.txt; each round has its own order, so that names pair anew."""
        entries = self.lists[heading]
        if self.turn[heading] % len(entries) == 0:
            self.dice.shuffle(entries)
        return self.next(heading, entries)

    def digits(self, pattern: str) -> str:
        """The pattern with digits for X and letters for L."""
        letters = "BCDFGHJKLMNPRSTVWXYZ"
        made = {"X": lambda: str(self.dice.randrange(10)), "L": lambda: letters[self.dice.randrange(20)]}
        return "".join(made[c]() if c in made else c for c in pattern)

    def fresh(self, make: Callable[[], str]) -> str:
        """A value that neither half has had."""
        for _ in range(1000):
            value = make()
            key = re.sub(r"\W", "", plain(value))
            if key not in self.used:
                self.used.add(key)
                return value
        raise ValueError("no fresh value left")


def origin(fill: Fillers, lang: str) -> str:
    """Where the next person's name comes from."""
    home = fill.next(f"home {lang}", AT_HOME[lang])
    return home if fill.dice.randrange(ABROAD_OF[fill.half]) else fill.next("world", WORLD_OF[fill.half])


def user(fill: Fillers, lang: str) -> dict[str, str]:
    """The name of an account, with underscores, dots or hyphens."""
    place = origin(fill, lang)
    given = re.sub(r"\W", "", plain(fill.from_list(f"given {place}")))
    family = re.sub(r"\W", "", plain(fill.from_list(f"sur {place}")))
    number = str(fill.dice.randrange(50, 100))
    return {
        "u": fill.next("user", (f"{given}_{family}", given + number, family + given[0], given + family[:4])),
        "n": f"{given}.{family}", "d": f"{given}-{family}", "x": str(fill.dice.randrange(10000, 99999)),
        "g": given, "s": family, "y": number,
    }  # fmt: skip


def make_name(fill: Fillers, lang: str, form: str) -> str:
    """A person's name.

    Form: given, sur, full, full2 (two surnames), init (A. Okafor), dinit (A. B. Okafor), suri (Ada O.), back or middle.
    """
    place = origin(fill, lang)
    if form == "full2":
        place = lang if lang in {"es", "pt"} else place
    given, family = fill.from_list(f"given {place}"), fill.from_list(f"sur {place}")
    if form == "full2":
        return f"{given} {family} {fill.from_list(f'sur {place}')}"
    if form == "dinit":
        return f"{given[0]}. {fill.from_list(f'given {place}')[0]}. {family}"
    return {
        "given": given,
        "sur": family,
        "full": f"{given} {family}",
        "init": f"{given[0]}. {family}",
        "suri": f"{given} {family[0]}.",
        "back": f"{family}, {given}",
        "middle": f"{given} {'ABCDEGHJKLMRT'[fill.dice.randrange(13)]}. {family}",
    }[form]


def make_email(fill: Fillers, lang: str, form: str) -> str:
    """An address of reserved domains; `obf` is written so that robots miss it."""
    who, domain = user(fill, lang), fill.from_list("domain")
    shapes = ("{g}.{s}", "{g}{y}", "{s}_{g}", "{g}-{s}", "{g}.{s}{y}", "{s}")
    if form != "obf":
        return f"{fill.next('email', shapes).format(**who)}@{domain}"
    at, dot = AT_SIGNS[lang][fill.dice.randrange(len(AT_SIGNS[lang]))]
    return f"{fill.next('email', shapes).format(**who).replace('.', dot)}{at}{domain.replace('.', dot)}"


def make_handle(fill: Fillers, lang: str, _form: str) -> str:
    """A private person's account."""
    who = user(fill, lang)
    if fill.dice.randrange(3) == 0:
        return f"@{fill.from_list('nick')}{fill.dice.choice(('', '_', who['y'], '7'))}"
    return "@" + fill.next(
        "handle", ("{u}", "{s}_{g}", "{g}{y}", "{u}", "{n}@social.example", "{g}_{y}")
    ).format(**who)


def make_profile(fill: Fillers, lang: str, _form: str) -> str:
    """A link to a person's page: invented accounts, the word example in them or in the host."""
    return fill.next("profile", HOSTS).format(**user(fill, lang))


def make_phone(fill: Fillers, lang: str, form: str) -> str:
    """A telephone number of the language's countries, or of the country given."""
    country = form or fill.next(f"phone {lang}", PHONES_OF[lang])
    area = US_AREAS[fill.dice.randrange(len(US_AREAS))]
    forms = PHONES_IN.get(fill.half, PHONES)
    return fill.digits(fill.next(f"phone of {country}", forms[country]).replace("A", area))


def make_card(fill: Fillers, _lang: str, form: str) -> str:
    """A payment card's number on the issuers' test prefixes."""
    body = fill.digits(fill.next("card", CARDS))
    number = next(body + str(d) for d in range(10) if luhn(body + str(d)))
    if form == "bare":
        return number
    groups = (4, 6, 5) if number[0] == "3" else (4, 4, 4, 4)
    ends = [sum(groups[: i + 1]) for i in range(len(groups))]
    parts = [number[end - size : end] for size, end in zip(groups, ends, strict=True)]
    return fill.next("card join", (" ", "-", " ", "")).join(parts)


def make_iban(fill: Fillers, lang: str, form: str) -> str:
    """An account of an invented bank."""
    country = form or fill.next(f"iban {lang}", IBANS_OF[lang])
    body = fill.digits(IBAN_BODIES[country])
    whole = next(iban for n in range(2, 99) if iban_holds(iban := f"{country}{n:02}{body}"))
    if fill.dice.randrange(4) == 0:
        return whole
    return " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))


def make_id(fill: Fillers, lang: str, form: str) -> str:  # noqa: PLR0911 - one return for each country
    """A national number with a valid check where the country has one."""
    country = form or fill.next(f"id {lang}", IDS_OF[lang])
    dice = fill.dice
    if country == "us":
        join = fill.next("ssn", ("-", " ", "-"))
        return join.join(
            (f"{dice.randrange(101, 665)}", f"{dice.randrange(10, 99)}", f"{dice.randrange(1000, 9999)}")
        )
    if country == "uk":
        pair = dice.choice(("AB", "CE", "HK", "JL", "PR", "SX", "YZ", "WM"))
        digits, last = fill.digits("XXXXXX"), "ABCD"[dice.randrange(4)]
        spaced = f"{pair} {digits[:2]} {digits[2:4]} {digits[4:]} {last}"
        return fill.next("nino", (spaced, f"{pair}{digits}{last}"))
    if country == "in":
        body = str(dice.randrange(2, 10)) + fill.digits("XXXXXXXXXX")
        number = next(body + str(d) for d in range(10) if verhoeff(body + str(d)))
        return f"{number[:4]} {number[4:8]} {number[8:]}"
    if country == "de":
        body = _steuer_body(dice)
        number = body + steuer_id_digit(body)
        return fill.next("steuer", (f"{number[:2]} {number[2:5]} {number[5:8]} {number[8:]}", number))
    if country == "dni":
        value = dice.randrange(10_000_000, 99_999_999)
        return fill.next("dni", (f"{value}{dni_letter(value)}", f"{value}-{dni_letter(value)}"))
    if country == "nie":
        first, rest = dice.randrange(3), fill.digits("XXXXXXX")
        return f"{'XYZ'[first]}{'-' * dice.randrange(2)}{rest}{dni_letter(int(f'{first}{rest}'))}"
    if country == "fr":
        body = (
            f"{dice.choice('12')}{dice.randrange(40, 99)}{dice.randrange(1, 13):02}{dice.randrange(10, 95)}"
        )
        body += fill.digits("XXX") + f"{dice.randrange(1, 999):03}"
        key = 97 - int(body) % 97
        spaced = f"{body[0]} {body[1:3]} {body[3:5]} {body[5:7]} {body[7:10]} {body[10:]} {key:02}"
        return fill.next("nir", (spaced, f"{body}{key:02}"))
    if country == "pt":
        body = f"2{fill.digits('XXXXXXX')}"
        number = body + nif_digit(body)
        return fill.next("nif", (f"{number[:3]} {number[3:6]} {number[6:]}", number))
    body = fill.digits("XXXXXXXXX")
    last = cpf_digits(body)
    return fill.next("cpf", (f"{body[:3]}.{body[3:6]}.{body[6:]}-{last}", f"{body}{last}"))


def _steuer_body(dice: random.Random) -> str:
    """Ten digits of which one is there twice, one is missing, and the first is not zero."""
    while True:
        digits = dice.sample("0123456789", 9)
        digits.insert(dice.randrange(10), dice.choice(digits))
        doubled = next(d for d in digits if digits.count(d) > 1)
        if digits[0] != "0" and doubled * 2 not in "".join(digits):
            return "".join(digits)


def make_plate(fill: Fillers, lang: str, form: str) -> str:
    """A vehicle's registration, with and without separators."""
    country = form or fill.next(f"plate {lang}", PLATES_OF[lang])
    pattern = fill.next(f"plate of {country}", PLATES_IN.get(fill.half, PLATES)[country])
    return fill.digits(re.sub("#", lambda _: str(fill.dice.randrange(1, 10)), pattern))


def make_ip(fill: Fillers, _lang: str, form: str) -> str:
    """An address of the blocks kept for documentation (RFC 5737, RFC 3849)."""
    if form == "6":
        groups = ":".join(f"{fill.dice.randrange(1, 65535):x}" for _ in range(3))
        return f"2001:db8:{groups}::{fill.dice.randrange(1, 999):x}"
    return fill.next("ip", ("192.0.2.", "198.51.100.", "203.0.113.")) + str(fill.dice.randrange(1, 255))


def make_coordinates(fill: Fillers, _lang: str, form: str) -> str:
    """A point to some metres."""
    dice = fill.dice
    north, east = dice.uniform(20, 58), dice.uniform(-9, 24)
    minutes = (int(north % 1 * 60), int(abs(east) % 1 * 60))
    seconds = (dice.randrange(600) / 10, dice.randrange(600) / 10)
    side = "E" if east > 0 else "W"
    shapes = {
        "pair": f"{north:.5f}, {east:.5f}",
        "tight": f"{north:.6f},{east:.6f}",
        "letters": f"{north:.5f} N, {abs(east):.5f} {side}",
        "degrees": f"{north:.4f}°N {abs(east):.4f}°{side}",
        "dms": f"{int(north)}°{minutes[0]:02}'{seconds[0]:04.1f}\"N "
        f"{int(abs(east))}°{minutes[1]:02}'{seconds[1]:04.1f}\"{side}",
        "named": f"lat {north:.5f} lon {east:.5f}",
    }
    return shapes[form or fill.next("geo", tuple(shapes))]


def make_address(fill: Fillers, lang: str, form: str) -> str:
    """House number and street as the language writes them.

    Form: short, unit, long (with the town), number ("no. 14 ..."), grid (as in Colombia) or any of the first three.
    """
    street = fill.from_list(f"street {lang}")
    heading = "town" if lang == "en" else f"town {lang}"
    number = str(fill.dice.randrange(2, 190))
    form = form or fill.next(f"address {lang}", ("short", "unit", "short", "long", "short"))
    if form == "number":
        forms: dict[str, tuple[str, str]] = {
            "en": ("no.", "{word} {number} {street}"), "de": ("Nr.", "{street} {word} {number}"),
            "es": ("número", "{street} {word} {number}"), "fr": ("n°", "{word} {number} {street}"),
            "pt": ("número", "{street} {word} {number}"),
        }  # fmt: skip
        word, joined = forms[lang]
        return joined.format(word=word, number=number, street=street)
    if form == "grid":
        way = fill.next("grid", ("Calle", "Carrera", "Cra.", "Transversal"))
        return f"{way} {number} # {fill.dice.randrange(2, 99)}-{fill.dice.randrange(10, 99)}"
    makers = {"en": _english, "de": _german, "es": _spanish, "fr": _french, "pt": _portuguese}
    return makers[lang](fill, street, number, form, fill.from_list(heading))


def _english(fill: Fillers, street: str, number: str, form: str, town: str) -> str:
    short = {
        "Street": "St",
        "Road": "Rd",
        "Avenue": "Ave",
        "Lane": "Ln",
        "Drive": "Dr",
        "Boulevard": "Blvd",
        "Court": "Ct",
    }
    head, _, last = street.rpartition(" ")
    style = fill.next("en style", ("us", "uk", "us", "us short", "us dot", "letter"))
    if style.startswith("us") and fill.dice.randrange(2):
        number = str(fill.dice.randrange(200, 9900))
    if style in {"us short", "us dot"}:
        street = f"{head} {short.get(last, last)}{'.' if style == 'us dot' and last in short else ''}"
    if style == "letter":
        number += fill.dice.choice("abc")
    if form == "short":
        return f"{number} {street}"
    unit = str(fill.dice.randrange(1, 40))
    if style == "uk":
        line = fill.next("uk unit", (f"Flat {unit}, {number} {street}", f"{number} {street}, Flat {unit}"))
        code = fill.digits(f"MR{fill.dice.randrange(1, 20)} XLL")
        return line if form == "unit" else f"{number} {street}, {town} {code}"
    units = (
        f" Apt {unit}",
        f", Apt {unit}B",
        f" #{unit}",
        f", Unit {unit}",
        f" apt. {unit}C",
        f", Suite {unit}0",
    )
    line = f"{number} {street}{fill.next('us unit', units)}"
    if form == "unit":
        return line
    code = fill.digits("XXXXX")
    ends = (
        f", {town}, OH {code}",
        f", {town} {code}",
        f", {town}, CA {code}-{fill.digits('XXXX')}",
        f", {town}",
    )
    return f"{number} {street}{fill.next('us end', ends)}"


def _german(fill: Fillers, street: str, number: str, form: str, town: str) -> str:
    style = fill.next("de style", ("", "short", "", "ss", "letter", ""))
    if style == "short":
        street = re.sub(r"(?<=\w)straße$", "str.", street)
    elif style == "ss":
        street = street.replace("ß", "ss")
    elif style == "letter":
        number += fill.dice.choice(("a", "b", " c", "-" + str(int(number) + 2)))
    if form == "short":
        return f"{street} {number}"
    floor = fill.dice.randrange(1, 6)
    if form == "unit":
        ends = (
            f", {floor}. Stock",
            f", {floor}. OG links",
            f", Wohnung {floor}",
            f", {floor}. Etage",
            "/Hinterhaus",
        )
        return f"{street} {number}{fill.next('de unit', ends)}"
    code = fill.digits("9XXXX")
    return f"{street} {number}, {fill.next('de code', (code + ' ', code + ' ', 'D-' + code + ' '))}{town}"


def _spanish(fill: Fillers, street: str, number: str, form: str, town: str) -> str:
    style = fill.next("es style", ("", ", ", "short", "nº", "", "lower"))
    if style == "short":
        street = re.sub("^Avenida", "Avda.", re.sub(r"^Calle\b", "C/", street))
    if style == "lower":
        street = street[0].lower() + street[1:]
    line = street + {", ": f", {number}", "nº": f" nº {number}"}.get(style, f" {number}")
    if form == "short":
        return line
    floor = fill.dice.randrange(1, 9)
    if form == "unit":
        ends = (
            f", {floor}º B",
            f" piso {floor}",
            f", {floor}º izquierda",
            f", bajo {'ABCD'[floor % 4]}",
            f" {floor}ºA",
        )
        return line + fill.next("es unit", ends)
    return (
        f"{line}, {fill.next('es code', (fill.digits('5XXXX') + ' ', fill.digits('2XXXX') + ' ', ''))}{town}"
    )


def _french(fill: Fillers, street: str, number: str, form: str, town: str) -> str:
    number += fill.next("fr style", ("", "", " bis", ",", "", " ter", ","))
    if fill.dice.randrange(6) == 0:
        street = re.sub("^avenue", "av.", re.sub("^boulevard", "bd", street))
    line = f"{number} {street}"
    if form == "short":
        return line
    unit = fill.dice.randrange(1, 60)
    if form == "unit":
        ends = (
            f", appt {unit}",
            f", bâtiment {'ABCD'[unit % 4]}",
            f", appartement {unit}",
            f", {unit % 8 + 1}e étage",
            f" bât. C apt {unit}",
        )
        return line + fill.next("fr unit", ends)
    return f"{line}, {fill.digits('9XXXX')} {town}"


def _portuguese(fill: Fillers, street: str, number: str, form: str, town: str) -> str:
    style = fill.next("pt style", (", ", " ", ", nº ", ", ", " n.º ", "short"))
    if style == "short":
        street = re.sub("^Avenida", "Av.", re.sub("^Rua", "R.", street))
    line = street + (" " if style == "short" else style) + number
    if form == "short":
        return line
    floor = fill.dice.randrange(1, 9)
    if form == "unit":
        ends = (
            f", apto {floor}02",
            f", {floor}.º Dto",
            f", {floor}º esq.",
            f", bloco {'ABCD'[floor % 4]}",
            f", apt. {floor}1",
            ", casa 2",
        )
        return line + fill.next("pt unit", ends)
    code = fill.next("pt code", ("9XXX-XXX ", "0XXXX-XXX ", "9XXX-XXX ", ""))
    return f"{line}, {fill.digits(code) if code else ''}{town}"


# --- the set of forms: rarer ways of writing the structured kinds ----------------------------------------------


def account(fill: Fillers) -> dict[str, str]:
    """What accounts and mailboxes are made of; nobody's name is marked in this set."""
    given, family = (re.sub(r"\W", "", plain(fill.from_list(heading))) for heading in ("given", "sur"))
    nick, number = fill.from_list("nick"), str(fill.dice.randrange(10, 100))
    users = (nick + number, f"{given}{number}", f"{family}{given[0]}{number}", f"{given}{family[:4]}")
    return {
        "g": given, "s": family, "i": given[0], "k": nick, "y": number, "u": fill.next("user", users),
        "x": str(fill.dice.randrange(10000, 99999)),
    }  # fmt: skip


def form_email(fill: Fillers, lang: str, form: str) -> str:
    """A mailbox: `plus` with a tag, `up` in capitals, `obf` spelled out as the language does."""
    who, domain = account(fill), fill.from_list("domain")
    shapes = ("{g}.{s}", "{k}", "{i}.{s}{y}", "{g}_{s}", "{s}{y}", "{g}-{s}", "{i}{s}", "{y}{g}")
    name = fill.next("email", shapes).format(**who)
    if form == "plus":
        tag = fill.next("tag", ("bins", "rathaus", "mairie", "council24", "stadt", "ville"))
        return f"{name}+{tag}@{domain}"
    if form != "obf":
        return f"{name}@{domain}".upper() if form == "up" else f"{name}@{domain}"
    at, dot, under, dash = fill.next(f"spoken {lang}", SPOKEN[lang])
    spelled = {".": dot, "_": under, "-": dash}
    return "".join(spelled.get(c, c) for c in name) + at + "".join(spelled.get(c, c) for c in domain)


def form_handle(fill: Fillers, _lang: str, form: str) -> str:
    """A private person's account on networks of several kinds."""
    who = account(fill)
    shapes = {
        "": ("@{k}", "@{g}_{y}", "@{s}.{g}", "@{k}_{y}", "@the{g}{y}", "@_{g}{s}_", "@{g}.{s}.{y}"),
        "fedi": (
            "@{u}@troet.example",
            "@{g}@social.example.org",
            "@{k}@piaille.example",
            "@{s}_{i}@fedi.example.net",
        ),
        "bare": ("{k}", "{g}.{s}{y}", "{k}_{y}", "_{g}_{s}", "{g}__{y}"),
        "reddit": ("u/{k}", "u/{g}_{s}{y}", "/u/{k}{y}"),
        "discord": ("{k}#48{y}", "{g}{y}#03{y}", "{s}#71{y}"),
        "matrix": ("@{u}:matrix.example", "@{g}.{s}:chat.example.org"),
    }
    return fill.next(f"handle {form}", shapes[form]).format(**who)


def form_profile(fill: Fillers, _lang: str, _form: str) -> str:
    """A link to a person's page, with and without scheme."""
    return fill.next("profile", HOSTS_FORMS).format(**account(fill))


def form_card(fill: Fillers, _lang: str, form: str) -> str:
    """A payment card's number on test prefixes: 14 to 16 digits, `bare` without separators, `amex` of 15."""
    body = fill.digits("378282XXXXXXXX" if form == "amex" else fill.next("card", CARDS_FORMS))
    number = next(body + str(d) for d in range(10) if luhn(body + str(d)))
    if form == "bare":
        return number
    sizes = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4)}[len(number)]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    parts = [number[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    return fill.next("card join", (" ", "", "-", " ", ".", "-")).join(parts)


def form_iban(fill: Fillers, lang: str, form: str) -> str:
    """An account of an invented bank: in fours, in one, with hyphens."""
    country = form or fill.next(f"iban {lang}", IBANS_OF[lang])
    body = fill.digits(IBAN_BODIES_FORMS[country])
    whole = next(iban for n in range(2, 99) if iban_holds(iban := f"{country}{n:02}{body}"))
    join = fill.next("iban join", (" ", "", " ", "-", ""))
    return join.join(whole[i : i + 4] for i in range(0, len(whole), 4))


def form_id(fill: Fillers, lang: str, form: str) -> str:
    """A national number with the separators that people put or leave out."""
    country = form or fill.next(f"id {lang}", IDS_OF[lang])
    bare = re.sub(r"\W", "", make_id(fill, lang, "us" if country == "usbare" else country))
    sizes: dict[str, tuple[int, ...]] = {
        "us": (3, 2, 4), "uk": (2, 2, 2, 2, 1), "in": (4, 4, 4), "de": (2, 3, 3, 3), "dni": (2, 3, 3, 1),
        "nie": (1, 7, 1), "fr": (1, 2, 2, 2, 3, 3, 2), "pt": (3, 3, 3), "br": (3, 3, 3, 2),
    }  # fmt: skip
    # What stands between the parts, and before the last one: 123.456.789-09, 12.345.678-Z.
    joins: dict[str, tuple[tuple[str, str], ...]] = {
        "us": (("-", "-"), (" ", " ")), "uk": ((" ", " "), ("", ""), ("-", "-")),
        "de": ((" ", " "), ("", ""), ("/", "/")), "in": (("-", "-"), ("", ""), (" ", " ")),
        "dni": ((".", "-"), ("", ""), (" ", "-"), ("", " ")),
        "nie": (("-", "-"), ("", ""), (" ", " ")), "fr": ((" ", " "), ("", ""), (".", "."), ("", " ")),
        "pt": ((".", "."), ("", ""), (" ", " ")), "br": ((".", "-"), ("", ""), (" ", " "), ("", "-")),
    }  # fmt: skip
    if country not in sizes:
        return bare
    inner, last = fill.next(f"join {country}", joins[country])
    ends = [sum(sizes[country][: i + 1]) for i in range(len(sizes[country]))]
    parts = [bare[end - size : end] for size, end in zip(sizes[country], ends, strict=True)]
    return inner.join(parts[:-1]) + last + parts[-1]


def form_ip(fill: Fillers, _lang: str, form: str) -> str:
    """An address of the blocks for documentation: `6full` with all zeros, `6short`, `6map` as servers log IPv4."""
    dice = fill.dice
    if form == "6full":
        return "2001:0db8:" + ":".join(f"{dice.randrange(65536):04x}" for _ in range(6))
    if form == "6short":
        return f"2001:db8::{dice.randrange(16, 65536):x}"
    if form == "6map":
        return "::ffff:" + make_ip(fill, "", "")
    return make_ip(fill, "", form)


def form_coordinates(fill: Fillers, lang: str, form: str) -> str:
    """A point as people copy it from maps and devices; East and West in the language's letters."""
    dice = fill.dice
    if form in {"pair", "tight", "dms", "degrees"} and lang == "en":
        return make_coordinates(fill, lang, form)
    north, east = dice.uniform(36, 58), dice.uniform(-9, 24)
    side = {"de": "OW", "es": "EO", "fr": "EO", "pt": "EO"}.get(lang, "EW")[east < 0]
    away = abs(east)
    (n, nm), (e, em) = ((int(x), x % 1 * 60) for x in (north, away))
    ns, es = int(nm % 1 * 60), int(em % 1 * 60)
    shapes = {
        "pair": f"{north:.6f}, {east:.6f}",
        "tight": f"{north:.7f},{east:.7f}",
        "dms": f"{n}° {int(nm):02}' {ns:02}\" N, {e}° {int(em):02}' {es:02}\" {side}",
        "nsew": f"N {north:.5f} {side} {away:.5f}",
        "ddm": f"N {n}° {nm:06.3f}' {side} {e:03}° {em:06.3f}'",
        "prime": f"{n}°{int(nm):02}\u2032{ns:02}\u2033N {e}°{int(em):02}\u2032{es:02}\u2033{side}",
        "comma": f"{north:.5f}; {east:.5f}".replace(".", ","),
        "slash": f"{north:.5f}/{east:.5f}",
        "neg": f"-{dice.uniform(3, 33):.6f}, -{dice.uniform(35, 60):.6f}",
        "mlat": f"{north:.5f}&mlon={east:.5f}",
    }
    return shapes[form]


# --- templates -------------------------------------------------------------------------------------------------

NAME_FORMS = ("given", "sur", "full", "full2", "init", "dinit", "suri", "back", "middle")
Maker = Callable[[Fillers, str, str], str]
MAKERS: dict[str, tuple[str, Maker]] = {
    **dict.fromkeys(NAME_FORMS, ("name", make_name)),
    "addr": ("address", make_address),
    "email": ("email", make_email),
    "phone": ("phone", make_phone),
    "handle": ("handle", make_handle),
    "profile": ("profile_url", make_profile),
    "card": ("card", make_card),
    "iban": ("iban", make_iban),
    "id": ("id_number", make_id),
    "plate": ("plate", make_plate),
    "ip": ("ip", make_ip),
    "geo": ("coordinates", make_coordinates),
}
MAKERS_IN: dict[str, dict[str, tuple[str, Maker]]] = {
    FORMS: {
        "email": ("email", form_email),
        "phone": ("phone", make_phone),
        "handle": ("handle", form_handle),
        "profile": ("profile_url", form_profile),
        "card": ("card", form_card),
        "iban": ("iban", form_iban),
        "id": ("id_number", form_id),
        "plate": ("plate", make_plate),
        "ip": ("ip", form_ip),
        "geo": ("coordinates", form_coordinates),
    }
}
TIMES = {
    "en": ("7:45am", "10 pm", "06:30", "half past nine", "5:15 PM", "18:05"),
    "de": ("7:45 Uhr", "22 Uhr", "06.30 Uhr", "halb neun", "18:05"),
    "es": ("las 7:45", "las 22 h", "las 6.30", "las nueve y media", "las 18:05"),
    "fr": ("7h45", "22 h", "6 h 30", "neuf heures et demie", "18h05"),
    "pt": ("7h45", "22h", "6:30", "nove e meia", "18h05"),
}
DATES = {
    "en": ("12 March", "03/14/2024", "2024-05-02", "May 9th", "21.6.2023", "Oct 30"),
    "de": ("12. März", "14.03.2024", "02.05.24", "9. Mai 2023", "30.10."),
    "es": ("12 de marzo", "14/03/2024", "02-05-24", "9 de mayo de 2023", "30/10"),
    "fr": ("12 mars", "14/03/2024", "02.05.24", "9 mai 2023", "30/10"),
    "pt": ("12 de março", "14/03/2024", "02-05-24", "9 de maio de 2023", "30/10"),
}
PRICES = {
    "en": ("$2.75", "£14.50", "$1,200", "4 dollars"), "de": ("3,20 €", "49 Euro", "1.250 €"),
    "es": ("1,50 €", "$ 35.000", "20 euros"),
    "fr": ("1,90 €", "75 euros", "2 400 €"), "pt": ("R$ 4,40", "2,10 €", "R$ 1.300,00"),
}  # fmt: skip
WEEKDAYS = {
    "en": ("Monday", "tuesday", "Wed", "Thursday", "friday", "Saturday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "donnerstag", "Freitag", "Samstag"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "domingo"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"),
    "pt": ("segunda-feira", "terça", "quarta-feira", "quinta", "sexta", "sábado"),
}
TICKETS = ("#SR-20394", "SR-7712", "#48213", "CASE-5510", "T-90817", "#3021", "REQ-66120", "WO-1187")
LINES = ("12", "M4", "47A", "N3", "218", "X9", "S6")


def unmarked(fill: Fillers, lang: str, slot: str) -> str:
    """What fills a slot that is not personal: place, street without a number, time, ..."""
    tables: dict[str, Mapping[str, Sequence[str]]] = {
        "time": TIMES,
        "date": DATES,
        "price": PRICES,
        "wd": WEEKDAYS,
    }
    if slot in tables:
        return fill.next(f"{slot} {lang}", tables[slot][lang])
    if slot in {"street", "place"}:
        return fill.from_list(f"{slot} {lang}")
    if slot == "town":
        return fill.from_list("town" if lang == "en" else f"town {lang}")
    if slot == "xsur":
        return fill.from_list(f"sur {fill.next('xsur', (lang, *WORLD_OF[fill.half]))}")
    if slot == "num":
        return str(fill.dice.randrange(2, 99))
    return fill.next(slot, {"tick": TICKETS, "line": LINES, "off": OFFICIAL}[slot])


def read_templates(half: str) -> list[Template]:
    """The templates of a half: `lang | text`, or `lang ! why it is hard | text` where nothing is personal."""
    templates: list[Template] = []
    number: Counter[str] = Counter()
    for line in (HERE / f"{half}.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, bar, text = line.partition(" | ")
        lang, _, why = head.partition(" ! ")
        require(bar and lang in LANGUAGES, f"not a template: {line}")
        number[lang] += 1
        templates.append(Template(f"{half}-{lang}-{number[lang]:03}", lang, text.replace("\\n", "\n"), why))
    return templates


SLOT = re.compile(r"\{(?P<either>\??)(?P<what>=?[a-z_]+2?)(?::(?P<form>[^{}~]*))?(?:~(?P<case>[lus]))?\}")


GERMAN_FEMININE = re.compile(r"straße|strasse|str\.|gasse|allee|chaussee|reihe|eiche")
GERMAN_WITHOUT = re.compile(r"(am|an|auf|beim|hinter|im|in|unter|zum|zur) ")
PORTUGUESE_MASCULINE = re.compile(r"largo|beco|caminho")


def article(text: str, street: str, lang: str) -> str:
    """The text before a street, its feminine article put right or left out ("ich wohne Am Wehr 7")."""
    low = street.lower()
    changes: dict[str, str] = {}
    if lang == "de" and GERMAN_WITHOUT.match(low):
        changes = {"in der": "", "aus der": "aus ", "zur": "nach "}
    elif lang == "de" and low.endswith("platz"):
        changes = {"in der": "am ", "aus der": "vom ", "zur": "zum "}
    elif lang == "de" and not GERMAN_FEMININE.search(low):
        changes = {"in der": "im ", "aus der": "aus dem ", "zur": "zum "}
    elif lang == "pt" and PORTUGUESE_MASCULINE.match(low):
        changes = {"na": "no ", "da": "do "}
    for feminine, right in changes.items():
        text = re.sub(rf"\b{feminine} $", right, text)
    return text


def render(template: Template, turn: int, fill: Fillers) -> Sentence:
    """One sentence of a template: the alternatives of this turn, then the slots from left to right."""
    position = -1

    def alternative(match: re.Match[str]) -> str:
        nonlocal position
        position += 1
        options = match.group(1).split("|")
        return (
            options[(turn + position * (turn + 1)) % len(options)]
            if position
            else options[turn % len(options)]
        )

    source = re.sub(r"<([^<>]*\|[^<>]*)>", alternative, template.text)
    text, done = "", 0
    spans: list[Span] = []
    for match in SLOT.finditer(source):
        text += source[done : match.start()]
        done = match.end()
        value, kind = _value(match, template.lang, fill)
        if kind == "address" or match["what"] == "street":
            text = article(text, value, template.lang)
        if kind:
            span: Span = {"start": len(text), "end": len(text) + len(value), "kind": kind}
            if match["either"]:
                span["either"] = True
            if spans and kind == "name" == spans[-1]["kind"] and text[spans[-1]["end"] :] == " ":
                span["start"] = spans.pop()["start"]  # given name and surname from two slots are one name
            spans.append(span)
        text += value
    text += source[done:]
    require(not re.search(r"[{}]", text), f"a slot is left in {template.group}: {text}")
    sentence: Sentence = {"text": text, "lang": template.lang, "group": template.group, "spans": spans}
    if template.note:
        sentence["note"] = f"hard negative: {template.note}"
    return sentence


def _value(match: re.Match[str], lang: str, fill: Fillers) -> tuple[str, str]:
    """What stands in a slot, and its kind ("" where it is not marked)."""
    what, form = match["what"], match["form"] or ""
    if what.startswith("="):
        return form, what[1:]
    makers = MAKERS_IN.get(fill.half, MAKERS)
    if what not in makers:
        value, kind = unmarked(fill, lang, what), ""
    else:
        kind, maker = makers[what]
        form = what if kind == "name" else form
        value = (
            fill.fresh(lambda: maker(fill, lang, form))
            if kind not in {"name", "address"}
            else maker(fill, lang, form)
        )
    cases: dict[str, Callable[[str], str]] = {"l": str.lower, "u": str.upper, "s": plain}
    return (cases[match["case"]](value) if match["case"] else value), kind


def make_half(half: str, lists: dict[str, list[str]], used: set[str]) -> list[Sentence]:
    """The sentences of a half, without repetitions."""
    fill = Fillers(half, lists, used)
    sentences = [
        render(template, turn, fill) for template in read_templates(half) for turn in range(PER_TEMPLATE)
    ]
    return list({sentence["text"]: sentence for sentence in sentences}.values())


# --- checks ----------------------------------------------------------------------------------------------------


def certain(sentence: Sentence) -> list[Span]:
    """The spans that have to be found."""
    return [span for span in sentence["spans"] if not span.get("either")]


def pieces(sentences: Iterable[Sentence]) -> Iterable[tuple[str, str]]:
    """Kind and text of every certain span."""
    for sentence in sentences:
        for span in certain(sentence):
            yield span["kind"], sentence["text"][span["start"] : span["end"]]


def check_id(value: str) -> bool:
    """Whether a national number passes the check of a country whose form it has."""
    bare = re.sub(r"[\s./-]", "", value).upper()
    if re.fullmatch(r"[A-Z]{2}\d{6}[A-D]", bare) or re.fullmatch(r"\d{3}[- ]\d{2}[- ]\d{4}", value):
        return True
    if re.fullmatch(r"[XYZ\d]\d{7}[A-Z]", bare):
        return dni_letter(int(bare[:-1].translate(str.maketrans("XYZ", "012")))) == bare[-1]
    checks: dict[int, Callable[[str], bool]] = {
        9: lambda n: nif_digit(n[:8]) == n[8],
        11: lambda n: steuer_id_digit(n[:10]) == n[10] or cpf_digits(n[:9]) == n[9:],
        12: verhoeff,
        15: lambda n: (int(n[:13]) + int(n[13:])) % 97 == 0,
    }
    return bare.isdigit() and checks[len(bare)](bare)


def check_half(half: str, sentences: list[Sentence]) -> None:
    """Raise ValueError where a half is not what README.md says of it."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        end = 0
        for span in sentence["spans"]:
            value = sentence["text"][span["start"] : span["end"]]
            require(span["kind"] in KINDS and span["start"] >= end, f"spans of {sentence}")
            require(value and value == value.strip(), f"a span begins or ends with a space: {sentence}")
            end = span["end"]
        require(("note" not in sentence) or not certain(sentence), f"a negative with a span: {sentence}")
        require("note" in sentence or certain(sentence), f"no span: {sentence}")
    for kind, value in pieces(sentences):
        counts[kind] += 1
        bare = re.sub(r"[\s.-]", "", value)
        require(kind != "card" or luhn(bare), f"card {value}")
        require(kind != "iban" or iban_holds(bare), f"IBAN {value}")
        without = half == FORMS and SSN_BARE.fullmatch(value)
        require(kind != "id_number" or without or check_id(value), f"number {value}")
        require(kind != "address" or any(c.isdigit() for c in value), f"address {value}")
    unstructured = {span["kind"] for sentence in sentences for span in sentence["spans"]} & set(UNSTRUCTURED)
    require(half != FORMS or not unstructured, f"{half} has {unstructured}")
    for kind in KINDS:
        least = LEAST[half].get(kind, LEAST[half][""])
        require(counts[kind] >= least, f"{half}: only {counts[kind]} of {kind}")
    negatives = sum(not certain(sentence) for sentence in sentences)
    require(
        3 * negatives >= len(sentences), f"{half}: only {negatives} of {len(sentences)} without personal data"
    )
    require(len(sentences) >= LEAST[half]["sentences"], f"{half}: only {len(sentences)} sentences")
    require(
        len({sentence["group"] for sentence in sentences}) >= LEAST[half]["templates"],
        f"{half}: too few templates",
    )


def check_fillers(lists: dict[str, list[str]], divided: dict[str, dict[str, list[str]]]) -> None:
    """Raise ValueError where there are too few fillers or both halves have one."""
    for kind in ("given", "sur"):
        require(len({e for h, es in lists.items() if h.split()[0] == kind for e in es}) >= 300, kind)
    for lang in LANGUAGES:
        require(len(set(lists[f"street {lang}"])) >= 150, f"{len(set(lists[f'street {lang}']))} {lang}")
    for kinds in ({"given", "sur"}, {"street"}, {"place"}, {"town"}, {"domain"}, {"nick"}):
        one, other = (
            {plain(e) for h, es in divided[half].items() if h.split()[0] in kinds for e in es}
            for half in HALVES
        )
        require(one and other and not one & other, f"in both halves: {kinds} {one & other}")


def check_own_fillers(name: str, own: dict[str, list[str]], before: list[dict[str, list[str]]]) -> None:
    """Raise ValueError where a set has too few fillers or one of an earlier set's: the words of names count too."""
    file = f"fillers_{name}.txt"
    shapes = {
        kind: {plain(e) for h, es in own.items() if h.split()[0] == kind for e in es} for kind in FILLERS
    }
    if name == FORMS:
        require(not shapes["street"] | shapes["place"] | shapes["town"], f"streets or places in {file}")
    else:
        require(all(len(shapes[kind]) >= 300 for kind in ("given", "sur")), f"too few names in {file}")
        for lang in LANGUAGES:
            require(len(set(own[f"street {lang}"])) >= 45, f"too few streets in {file}: {lang}")
    earlier = [(h, e) for lists in before for h, es in lists.items() for e in es]
    for kind in FILLERS:
        alike = {"given", "sur"} if kind in {"given", "sur"} else {kind}
        old = {plain(e) for h, e in earlier if h.split()[0] in alike}
        require(not shapes[kind] & old, f"{file} has of an earlier set: {shapes[kind] & old}")
    words = [
        {w for h, e in each if h.split()[0] in {"given", "sur"} for w in name_words(e)}
        for each in ([(h, e) for h, es in own.items() for e in es], earlier)
    ]
    require(not words[0] & words[1], f"{file} has parts of names of an earlier set: {words[0] & words[1]}")


def name_words(name: str) -> list[str]:
    """The parts of a name that tell who it is, without initials and particles ("de", "van der", "zu")."""
    return [
        w
        for w in re.findall(r"\w+", plain(name))
        if len(w) > 2 and w not in {"von", "van", "der", "del", "dos"}
    ]


def check_division(names: tuple[str, str], one: list[Sentence], other: list[Sentence]) -> None:
    """Raise ValueError where a template, a sentence, a marked piece or a part of a name is in both sets."""
    templates = [{template.text for template in read_templates(half)} for half in names]
    require(not templates[0] & templates[1], f"templates in both: {templates[0] & templates[1]}")
    if set(OWN) & set(names):
        words = [
            {w for kind, value in pieces(sentences) if kind == "name" for w in name_words(value)}
            for sentences in (one, other)
        ]
        require(not words[0] & words[1], f"parts of names in {names}: {words[0] & words[1]}")
    texts = [{sentence["text"] for sentence in sentences} for sentences in (one, other)]
    require(not texts[0] & texts[1], "a sentence in both halves")
    marked = [{plain(value) for _, value in pieces(sentences)} for sentences in (one, other)]
    require(not marked[0] & marked[1], f"marked in both: {marked[0] & marked[1]}")


def table(made: dict[str, list[Sentence]]) -> str:
    """Counts by half, language and kind."""
    lines = []
    for half, sentences in made.items():
        groups = len({sentence["group"] for sentence in sentences})
        negatives = sum(not certain(sentence) for sentence in sentences)
        either = sum(bool(span.get("either")) for sentence in sentences for span in sentence["spans"])
        lines.append(
            f"{half}: {len(sentences)} sentences, {groups} templates, "
            f"{negatives} without personal data, {either} either way"
        )
        languages = Counter(sentence["lang"] for sentence in sentences)
        kinds = Counter(kind for kind, _ in pieces(sentences))
        lines.append("  " + ", ".join(f"{lang} {languages[lang]}" for lang in LANGUAGES))
        lines.append("  " + ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS))
    return "\n".join(lines)


def make(last: str = FORMS) -> dict[str, list[Sentence]]:
    """The checked sentences of every set up to the last: a later one's numbers differ from the earlier ones'."""
    lists = read_fillers()
    divided = divide(lists)
    check_fillers(lists, divided)
    before = [lists]
    for own in (*OWN, FORMS):
        divided[own] = read_fillers(f"fillers_{own}.txt")
        check_own_fillers(own, divided[own], before)
        before.append(divided[own])
    used: set[str] = set()
    made: dict[str, list[Sentence]] = {}
    for half in SETS[: 1 + SETS.index(last)]:
        made[half] = make_half(half, divided[half], used)
        check_half(half, made[half])
        for earlier in SETS[: SETS.index(half)]:
            check_division((earlier, half), made[earlier], made[half])
    return made


def written(sentences: list[Sentence]) -> str:
    """The sentences as they stand in a file."""
    return "".join(json.dumps(sentence, ensure_ascii=False) + "\n" for sentence in sentences)


def main() -> None:
    """Make, check and write the sets."""
    wanted = sys.argv[1:] or list(SETS)
    require(set(wanted) <= set(SETS), f"sets are {SETS}")
    made = make(max(wanted, key=SETS.index))
    for name in wanted:
        (HERE / f"{name}.jsonl").write_text(written(made[name]), encoding="utf-8")
    print(table(made))


if __name__ == "__main__":
    main()
