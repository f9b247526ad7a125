"""How often the language of a short public text is found, and what that costs.

    python benchmarks/understanding/language.py

On the test part of XLM-T's sentiment sets (Arabic, English, French, German, Italian, Portuguese, Spanish; its Hindi is
written in Latin letters, which none of the candidates is made for) and on the German, English and Spanish tweets that
lie beside it; a set that is not on this machine is skipped. Texts are de-duplicated. Gated is the macro-F1 over the
texts that get a language; those of too few letters are told apart, with what a guess would have reached on them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from answerable.understand import language
from answerable.understand.language import UNDETERMINED, language_of, lexical_form

ROOT = Path(__file__).parents[2]
SETS = ROOT.parent / "shared" / "data" / "labelled" / "langid"
GOLD = ROOT / "benchmarks" / "understanding" / "gold" / "posts.jsonl"
GATE = 0.98
NAMES = {
    "arabic": "ar",
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "portuguese": "pt",
    "spanish": "es",
}


def xlmt() -> Iterator[tuple[str, str]]:
    """Texts of XLM-T with their language."""
    for name, code in NAMES.items():
        for line in (SETS / f"{name}.test_text.txt").read_text("utf-8").splitlines():
            yield line.strip(), code


def tweets() -> Iterator[tuple[str, str]]:
    """The other tweets with their language; lines that a line break in a tweet has torn are left out."""
    for line in (SETS / "nn_de_en_es.csv").read_text("utf-8-sig").splitlines():
        parts = line.split(";")
        if len(parts) >= 3 and parts[-1] in {"de", "en", "es"}:
            yield ";".join(parts[1:-1]), parts[-1]


def gold() -> Iterator[tuple[str, str]]:
    """The project's own gold posts."""
    import json

    for line in GOLD.read_text("utf-8").splitlines():
        post = json.loads(line)
        yield post["text"], post["lang"]


def distinct(pairs: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each text once, and only those with a word in them."""
    found: dict[str, tuple[str, str]] = {}
    for text, lang in pairs:
        words = lexical_form(text)
        if re.search(r"[^\W\d_]{2}", words):
            found.setdefault(words, (text, lang))
    return list(found.values())


def macro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    """The mean of the F1 of the languages in ``truth``."""
    scores = []
    for lang in sorted(set(truth)):
        both = sum(t == s == lang for t, s in zip(truth, said, strict=True))
        scores.append(2 * both / (truth.count(lang) + list(said).count(lang)))
    return sum(scores) / len(scores)


def main() -> None:
    """Print the table."""
    print("set              texts  decided  macro-F1  macro-F1 if all were guessed  CPU-s per 100,000")
    shortest = language.SHORTEST
    for name, pairs, path in (("XLM-T", xlmt, SETS), ("tweets de en es", tweets, SETS), ("gold", gold, GOLD)):
        if not path.exists():
            print(f"{name:16} skipped: the set is not on this machine")
            continue
        rows = distinct(pairs())
        language_of("the first call loads the model")
        started = time.process_time()
        said = [language_of(text).lang for text, _ in rows]
        seconds = (time.process_time() - started) / len(rows) * 100_000
        truth = [lang for _, lang in rows]
        decided = [place for place, lang in enumerate(said) if lang != UNDETERMINED]
        score = macro_f1([truth[p] for p in decided], [said[p] for p in decided])
        language.SHORTEST = 1
        guessed = macro_f1(truth, [language_of(text).lang for text, _ in rows])
        language.SHORTEST = shortest
        gate = "" if name != "XLM-T" else f"  gate {GATE}: {'reached' if score >= GATE else 'missed'}"
        share = len(decided) / len(rows)
        print(f"{name:16} {len(rows):5}  {share:7.3f}  {score:8.4f}  {guessed:28.4f}  {seconds:17.1f}{gate}")


if __name__ == "__main__":
    main()
