"""How much personal data redaction finds, what it takes out for nothing, and what it costs.

    python benchmarks/understanding/privacy.py [--set develop ...] [--show 20]

Three kinds of texts:

- **Sentences written for this project** (`sentences/README.md`): five languages, twelve kinds, and as many that only
  look as if. The rules were developed on `develop` and, after each had judged them twice, on `gate` and `final`;
  `unseen` judges names, addresses and precision, and `forms` structured kinds. No two share a template, part of a
  name, street or place. They are read as a new site's texts are: nothing is learned from them. Intervals are drawn
  over templates (2,000 bootstrap draws with a fixed seed), since the sentences of one template stand or fall together.
- **Synthetic sentences of others** (presidio-research, 1,500 from 209 templates), in two halves of templates. One half
  judged earlier rules; both are used up by now, and neither is held out.
- **Texts of cities**, where nearly every word is ordinary: what is masked there, and CPU seconds of one core.

A set that is not on this machine is skipped, and the table says so. Failures are counted by what they have in common;
`--show` prints some. Whoever has seen those of a set that judges cannot be judged by it any more.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerable.understand.privacy import KINDS, MARKS, PrivacyContext, clean, redact, spelling_of

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
LABELLED = SHARED / "labelled" / "pii" / "synth_dataset_v2.json"
NOTES = SHARED / "sf311-2008-2018" / "311_service_requests.csv"
MUMBAI = SHARED / "mumbai-civic-tweets-2019"
MESSAGES = ROOT / "data" / "demo" / "messages"
SEED = 20

GROUPS = {
    "email": ("EMAIL_ADDRESS",),
    "phone": ("PHONE_NUMBER",),
    "card": ("CREDIT_CARD",),
    "iban": ("IBAN_CODE",),
    "ip": ("IP_ADDRESS",),
    "ssn": ("US_SSN",),
    "name": ("PERSON",),
    "address": ("STREET_ADDRESS",),
}
_PERSONAL = {
    "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "US_SSN", "PERSON", "STREET_ADDRESS",
    "US_DRIVER_LICENSE", "ZIP_CODE", "DOMAIN_NAME",
}  # fmt: skip
SENTENCES = Path(__file__).parent / "sentences"
SETS = {
    "develop": "developed on",
    "gate": "developed on, after it had judged twice",
    "final": "developed on, after it had judged twice",
    "unseen": "judges names, addresses and precision; for structured kinds developed on after it had judged",
    "forms": "structured kinds, developed on after it had judged once",
}
JUDGES = {"unseen": ("recall of name", "recall of address", "precision"), "forms": ("recall", "precision")}
"""The sets whose figures gate, and how these begin. `forms` has been read since it judged: it keeps what is reached."""
# Of kinds that have a form, of those that only context shows, and of all that is masked.
STRUCTURED = (
    "card", "coordinates", "email", "handle", "iban", "id_number", "ip", "phone", "plate", "profile_url",
)  # fmt: skip
LEAST_STRUCTURED, LEAST_IN_CONTEXT, LEAST_PRECISION = 0.99, 0.9, 0.95
OFFICIAL = frozenset({"CityOfMerrow", "MerrowClean", "RideMerrow"})  # as sentences/README.md says
_DRAWS = 2000
_MARK = re.compile("|".join(re.escape(mark) for mark in MARKS.values()))


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval (Wilson 1927, without continuity correction)."""

    hits: int
    of: int

    def __str__(self) -> str:
        if not self.of:
            return "none"
        z, n, p = 1.96, self.of, self.hits / self.of
        centre, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        low, high = ((centre + sign * half) / (1 + z * z / n) for sign in (-1, 1))
        return f"{p:.3f} [{low:.3f}, {high:.3f}] ({self.hits}/{self.of})"


def masked_spans(text: str, redacted: str) -> list[tuple[int, int, str]] | None:
    """Where the marks of a redacted text stand in for pieces of the text; None where that cannot be told."""
    kept = _MARK.split(redacted)
    kinds = [mark.strip("[]") for mark in _MARK.findall(redacted)]
    match = re.fullmatch("(.+?)".join(map(re.escape, kept)), text, re.DOTALL)
    if match is None:
        return None
    return [(*match.span(i), kind) for i, kind in enumerate(kinds, 1)]


def labelled(half: str) -> list[dict[str, Any]]:
    """The labelled sentences of a half of the templates: ``develop`` or ``gate``; ``all`` for both."""
    rows: list[dict[str, Any]] = json.loads(LABELLED.read_text("utf-8"))
    templates = sorted({row["template_id"] for row in rows})
    random.Random(SEED).shuffle(templates)
    chosen = set(templates[: len(templates) // 2])
    return [row for row in rows if half == "all" or (row["template_id"] in chosen) == (half == "develop")]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in labelled sentences."""

    recall: dict[str, Share]
    precision: dict[str, Share]
    missed: dict[str, list[tuple[str, str]]]
    false: dict[str, list[tuple[str, str]]]
    false_on: Counter[str]


def find(rows: list[dict[str, Any]], context: PrivacyContext) -> Found:
    """Redact labelled sentences. A span is found where no letter or digit of it is left (of a name: no word of it)."""
    hit: Counter[str] = Counter()
    of: Counter[str] = Counter()
    right: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    false_on: Counter[str] = Counter()
    missed: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
    false: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS}
    for row in rows:
        text = row["full_text"]
        result = redact(text, context).text
        spans = masked_spans(clean(text), result) if len(clean(text)) == len(text) else None
        for span in row["spans"]:
            start, end = span["start_position"], span["end_position"]
            for group, types in GROUPS.items():
                if span["entity_type"] not in types:
                    continue
                of[group] += 1
                words = [m.span() for m in re.finditer(r"\w{2,}", text[start:end])]
                if group == "address":  # what tells one home from another: the number
                    words = [(a, b) for a, b in words if re.search(r"\d", text[start + a : start + b])]
                if spans is None:
                    is_found = text[start:end] not in result
                else:
                    is_found = all(
                        any(s <= start + a and start + b <= e for s, e, _ in spans) for a, b in words
                    )
                hit[group] += is_found
                if not is_found:
                    missed[group].append((text[start:end], result))
        for start, end, kind in spans or ():
            over = {
                s["entity_type"]
                for s in row["spans"]
                if s["start_position"] < end and start < s["end_position"]
            }
            marks[kind] += 1
            right[kind] += bool(over & _PERSONAL)
            if not over & _PERSONAL:
                false_on[f"{kind}: {'/'.join(sorted(over)) or 'ordinary'}"] += 1
                false[kind].append((text[start:end], result))
    return Found(
        {group: Share(hit[group], of[group]) for group in GROUPS},
        {kind: Share(right[kind], marks[kind]) for kind in KINDS if marks[kind]},
        missed,
        false,
        false_on,
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Hits of cases, each with the template that it comes from."""

    cases: tuple[tuple[str, bool], ...]

    @property
    def share(self) -> float:
        """Hits of all."""
        return sum(hit for _, hit in self.cases) / len(self.cases)

    def __str__(self) -> str:
        groups: dict[str, list[bool]] = {}
        for group, hit in self.cases:
            groups.setdefault(group, []).append(hit)
        sums = [(sum(hits), len(hits)) for _, hits in sorted(groups.items())]
        draw = random.Random(SEED)
        shares = sorted(
            sum(hits for hits, _ in drawn) / sum(of for _, of in drawn)
            for drawn in (draw.choices(sums, k=len(sums)) for _ in range(_DRAWS))
        )
        low, high = shares[int(0.025 * _DRAWS)], shares[int(0.975 * _DRAWS) - 1]
        hits = sum(hit for _, hit in self.cases)
        if hits == len(
            self.cases
        ):  # no draw can fail: the bound of Clopper and Pearson (1934) for as many templates
            low = 0.025 ** (1 / len(sums))
        return f"{self.share:.3f} [{low:.3f}, {high:.3f}] ({hits}/{len(self.cases)}, {len(sums)} templates)"


@dataclass(frozen=True, slots=True)
class Failure:
    """A marked piece that was not found, or a mask that is over nothing marked.

    Attributes:
        kind: of the piece, or of the mask.
        lang: of the sentence.
        alike: what it has in common with others: how a name is written, or why a sentence is hard.
        piece: what was left, or masked.
        result: the redacted sentence.
    """

    kind: str
    lang: str
    alike: str
    piece: str
    result: str


@dataclass(frozen=True, slots=True)
class OnSentences:
    """What was found in the project's own sentences.

    Attributes:
        recall: by kind; a piece is found where no letter or digit of it is left (of a name: no word of two letters).
        numbers: of addresses, those of which no digit is left.
        by_language: recall of all kinds together.
        precision: by mark, and of all.
        missed: marked pieces that were not found.
        false: masks over nothing marked.
    """

    recall: dict[str, Counted]
    numbers: Counted
    by_language: dict[str, Counted]
    precision: dict[str, Counted]
    missed: list[Failure]
    false: list[Failure]

    def targets(self) -> dict[str, tuple[Counted, float]]:
        """What was reached and what has to be, by figure."""
        together = tuple(case for kind in STRUCTURED for case in self.recall[kind].cases)
        in_context = [kind for kind in ("name", "address") if kind in self.recall]
        return {
            **{f"recall of {kind}": (self.recall[kind], LEAST_STRUCTURED) for kind in STRUCTURED},
            "recall of structured kinds": (Counted(together), LEAST_STRUCTURED),
            **{f"recall of {kind}": (self.recall[kind], LEAST_IN_CONTEXT) for kind in in_context},
            "precision": (self.precision["all"], LEAST_PRECISION),
        }


def _alike(kind: str, piece: str, *, is_partly: bool) -> str:
    """How a piece that was not found is written."""
    how = "in part" if is_partly else "whole"
    if kind != "name":
        return how
    case = (
        "lower case" if piece == piece.lower() else "upper case" if piece == piece.upper() else "capitalised"
    )
    return f"{how}, {'several words' if len(piece.split()) > 1 else 'one word'}, {case}"


def _on_original(text: str, plain: str, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans of a cleaned text as spans of the text that it was made from."""
    if len(text) == len(plain):
        return spans
    place: list[int] = []  # for each sign of the cleaned text, that of the text
    for at, char in enumerate(text):
        place += [at] * len(clean(char))
    if len(place) != len(plain):
        message = f"{len(place)} signs became {len(plain)}"
        raise ValueError(message)
    return [(place[start], place[end - 1] + 1, kind) for start, end, kind in spans]


def sentences(half: str) -> list[dict[str, Any]]:
    """A set of the project's own sentences: one of SETS."""
    return [json.loads(line) for line in (SENTENCES / f"{half}.jsonl").read_text("utf-8").splitlines()]


def find_in_sentences(rows: list[dict[str, Any]]) -> OnSentences:
    """Redact the project's own sentences as a new site would, which knows its official accounts and nothing else."""
    context = PrivacyContext(official_handles=OFFICIAL)
    recall: dict[str, list[tuple[str, bool]]] = {}
    languages: dict[str, list[tuple[str, bool]]] = {}
    precision: dict[str, list[tuple[str, bool]]] = {}
    numbers: list[tuple[str, bool]] = []
    missed: list[Failure] = []
    false: list[Failure] = []
    for row in rows:
        text, group = row["text"], row["group"]
        result = redact(text, context).text
        plain = clean(text)
        # Where a reader sees another text (an ordinal, an ellipsis), offsets are carried over sign by sign.
        spans = _on_original(text, plain, masked_spans(plain, result) or [])
        judged = [span for span in row["spans"] if not span.get("either")]
        for span in judged:
            start, end, kind = span["start"], span["end"], span["kind"]
            least = 2 if kind == "name" else 1
            pieces = [m.span() for m in re.finditer(rf"\w{{{least},}}", text[start:end])]
            gone = [any(s <= start + a and start + b <= e for s, e, _ in spans) for a, b in pieces]
            case = (group, all(gone))
            recall.setdefault(kind, []).append(case)
            languages.setdefault(row["lang"], []).append(case)
            if kind == "address":
                has_digit = [re.search(r"\d", text[start + a : start + b]) for a, b in pieces]
                numbers.append((group, all(g for g, d in zip(gone, has_digit, strict=True) if d)))
            if not case[1]:
                alike = _alike(kind, text[start:end], is_partly=any(gone))
                missed.append(Failure(kind, row["lang"], alike, text[start:end], result))
        for start, end, kind in spans:
            over = [span for span in row["spans"] if span["start"] < end and start < span["end"]]
            if over and all(span.get("either") for span in over):
                continue
            precision.setdefault(kind, []).append((group, bool(over)))
            precision.setdefault("all", []).append((group, bool(over)))
            if not over:
                alike = row.get("note", "beside personal data")
                false.append(Failure(kind, row["lang"], alike, text[start:end], result))

    def counted(cases: dict[str, list[tuple[str, bool]]]) -> dict[str, Counted]:
        return {what: Counted(tuple(found)) for what, found in sorted(cases.items())}

    return OnSentences(
        counted(recall), Counted(tuple(numbers)), counted(languages), counted(precision), missed, false
    )


def print_sentences(name: str, show: int) -> bool:
    """The figures of one set of the project's own sentences; False where it judges and a target is not reached."""
    rows = sentences(name)
    found = find_in_sentences(rows)
    groups = len({row["group"] for row in rows})
    print(f"own sentences, {name} ({SETS[name]}): {len(rows)} from {groups} templates")
    if found.numbers.cases:
        print(f"  recall     numbers of addresses {found.numbers}")
    for lang, share in found.by_language.items():
        print(f"  recall     {lang:12} {share}")
    for kind, share in found.precision.items():
        if kind != "all":
            print(f"  precision  {kind:12} {share}")
    print_failures("not found", found.missed, show)
    print_failures("masked for nothing", found.false, show)
    return print_targets(name, found)


def print_targets(name: str, found: OnSentences) -> bool:
    """Each figure with its target, as a gate where the set judges; False where such a gate is missed."""
    is_good = True
    for figure, (share, least) in found.targets().items():
        is_reached = share.share >= least
        is_gate = figure.startswith(JUDGES.get(name, ()))
        is_good &= is_reached or not is_gate
        print(
            f"  {'gate' if is_gate else 'target'} {figure} >= {least}: {'reached' if is_reached else 'missed'}  {share}"
        )
    return is_good


def print_failures(title: str, failures: list[Failure], show: int) -> None:
    """Failures counted by kind, by language and by what they have in common, and some of them if asked."""
    print(f"  {title}: {len(failures)}")
    for kind, count in Counter(failure.kind for failure in failures).most_common():
        of_kind = [failure for failure in failures if failure.kind == kind]
        counts = (
            Counter(failure.lang for failure in of_kind).most_common(),
            Counter(failure.alike for failure in of_kind).most_common(12),
        )
        told = ("; ".join(f"{what} {n}" for what, n in each) for each in counts)
        print(f"    {kind:12} {count:4}  {' | '.join(told)}")
    for failure in random.Random(1).sample(failures, min(show, len(failures))):
        print(f"    {title}, {failure.kind}: {failure.piece!r} in {failure.result[:160]!r}")


def san_francisco() -> list[str]:
    """The distinct notes of the shared San Francisco file."""
    with NOTES.open(encoding="utf-8", newline="") as file:
        return sorted({row["status_notes"] for row in csv.DictReader(file) if row["status_notes"]})


def mumbai() -> list[str]:
    """The distinct posts of the shared Mumbai files."""
    texts: set[str] = set()
    csv.field_size_limit(10**8)
    for path in sorted(MUMBAI.rglob("*.csv")):
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            fields = [
                f for f in reader.fieldnames or () if f.casefold() in {"text", "tweet", "full_text", "tweets"}
            ]
            texts |= {row[f] for row in reader for f in fields if row[f]}
    return sorted(texts)


def demonstration() -> list[str]:
    """The templates of the demonstration city's texts, without those into which personal data is planted."""
    return sorted(
        re.sub(r"<[^>]*>|\{\w+\}", "", line).strip()
        for path in sorted(MESSAGES.glob("*.txt"))
        if path.name != "personal.txt"
        for line in path.read_text("utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "["))
    )


def masks(texts: list[str], context: PrivacyContext) -> tuple[int, int, Counter[str], Counter[str]]:
    """The words of texts, how many texts get a ``[name]``, the marks of each kind, and what became ``[name]``."""
    words = guessed = 0
    kinds: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for text in texts:
        plain = clean(text)
        words += len(re.findall(r"\w+", plain))
        result = redact(text, context)
        kinds.update(dict(result.kinds))
        guessed += "name" in dict(result.kinds)
        for start, end, kind in masked_spans(plain, result.text) or ():
            if kind == "name":
                names[plain[start:end]] += 1
    return words, guessed, kinds, names


def print_labelled(half: str, show: int) -> None:
    """The figures of one half of the synthetic sentences of others."""
    rows = labelled(half)
    context = PrivacyContext(spelling=spelling_of(row["full_text"] for row in labelled("all")))
    found = find(rows, context)
    print(f"sentences of others (presidio-research), half {half}, used up, not held out: {len(rows)}")
    for group, share in found.recall.items():
        print(f"  recall     {group:10} {share}")
    for kind, share in found.precision.items():
        print(f"  precision  [{kind}]{'':{12 - len(kind)}} {share}")
    print("  false marks on:", ", ".join(f"{what} {n}" for what, n in found.false_on.most_common(12)))
    for title, lists in (("not found,", found.missed), ("masked for nothing,", found.false)):
        for what, examples in lists.items():
            for value, result in random.Random(1).sample(examples, min(show, len(examples))):
                print(f"    {title} {what}: {value!r} in {result[:160]!r}")


def main() -> int:
    """Print the tables; 1 where the set that judges misses a target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--set", choices=SETS, nargs="+", help="only these of the own sentences, nothing else"
    )
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N failures of each sort")
    asked = parser.parse_args()
    is_good = True
    for name in asked.set or SETS:
        is_good &= print_sentences(name, asked.show)
    if not asked.set:
        print_others(asked.show)
    return 0 if is_good else 1


def print_others(show: int) -> None:
    """The figures of other people's sentences and of cities' texts."""
    if LABELLED.exists():
        for half in ("develop", "gate"):
            print_labelled(half, show)
    else:
        print("labelled sentences of others: skipped, the set is not on this machine")
    for name, texts in (
        ("demonstration city", demonstration()),
        ("San Francisco's notes", san_francisco() if NOTES.exists() else []),
        ("Mumbai's posts", mumbai() if MUMBAI.exists() else []),
    ):
        if not texts:
            print(f"{name}: skipped, the set is not on this machine")
            continue
        started = time.process_time()
        context = PrivacyContext(spelling=spelling_of(texts))
        learned = time.process_time() - started
        for text in texts[:20]:
            redact(text, context)  # lists are read and patterns compiled
        started = time.process_time()
        for text in texts:
            redact(text, context)
        spent = time.process_time() - started
        words, guessed, kinds, names = masks(texts, context)
        print(
            f"{name}: {len(texts)} texts, {words} words; CPU-s for 100,000 texts {spent / len(texts) * 1e5:.1f} "
            f"(and {learned / len(texts) * 1e5:.1f} to learn words)"
        )
        print(
            f"  texts with a guessed mask {Share(guessed, len(texts))}; marks per 1,000 words:",
            ", ".join(f"{k} {1000 * n / words:.2f}" for k, n in kinds.most_common()),
        )
        if show:
            print("  [name]:", names.most_common(show * 3))


if __name__ == "__main__":
    sys.exit(main())
