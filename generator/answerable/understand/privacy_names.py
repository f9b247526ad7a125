"""Names of persons, by guesswork: a capitalised word that no list holds, where something announces a person.

What announces one: a word before it ("spoke with", "Mr."), a well-known first name, a verb of speaking after it, an
initial, a telephone number behind it, the place of a signature. Where the site's texts show how they write their words,
nothing need announce it: a capital where they write none is enough, unless it stands where places stand ("on Gough").
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from answerable.understand.privacy_words import (
    MARKS,
    OPENS_SENTENCE,
    PrivacyContext,
    Spelling,
    any_of,
    words,
    words_that_are_no_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["without_names"]

_TOKENS = 5  # the longest name, in words
_NO_WORD_BEFORE = r"(?<![\w@.'\u2019\-])"

# A word of a name: letters, with apostrophes and hyphens inside; or an initial with its full stop.
_TOKEN = re.compile(r"[^\W\d_](?:\.(?=[ ]?[^\W\d_])|[^\W\d_'\u2019\-]*+(?:['\u2019\-][^\W\d_]++)*+)")
_NEXT = re.compile(r"[ \t]{1,2}")
_AND = re.compile(r"[ \t]?[/&][ \t]?|[ \t](?:and|y|et|und|e)[ \t]")
_LINE_END = re.compile(r"[ \t]*+[.!,)\]\"]{0,2}+[ \t]*+(?:\n|\Z)")
_CAPITAL_WORD = re.compile(rf"{_NO_WORD_BEFORE}[^\W\d_]\w*+")
_DASHES = r"\-\u2013\u2014~*"
_CARET_INITIALS = re.compile(r"(?<!\S)\^[ ]?[A-Za-z]{1,3}(?!\w)")
_DASH_NAME = re.compile(rf"(?:(?<=\s)|(?<=[.!?]))[{_DASHES}]{{1,2}}[ ]?(?=[^\W\d_])")
_DASH_INITIALS = re.compile(rf"(?<=\s)[{_DASHES}/][ ]?(?P<initials>[A-Z]{{2}})[ \t]*+\Z")
_LAST_INITIALS = re.compile(r"(?:(?<=[.!?])[ ]{1,2}|(?<=/\d\d)[ ])(?P<initials>[A-Za-z]{2,3})\.?[ \t\n]*+\Z")
# Not N, S, E and W: "N. Point", "E. Main" are streets.
_INITIAL_SURNAME = re.compile(
    r"(?<![\w.@'\u2019&/\-])[A-DF-MO-RT-VX-Z]\.[ ]?(?P<surname>[^\W\d_][\w'\u2019\-]{2,30})"
)
_PAIR = rf"{_NO_WORD_BEFORE}(?P<first>[^\W\d_]\w{{1,20}})[ ](?P<last>[^\W\d_][\w'\u2019\-]{{1,30}})"
_PAIR_BEFORE_MARK = re.compile(rf"{_PAIR},?[ ]?(?:at |@ ?|[\-\u2013:(]{{1,2}} ?)?(?=\[(?:phone|email)\])")
_SURNAME_BEFORE = re.compile(rf"{_NO_WORD_BEFORE}(?P<surname>[^\W\d_][\w'\u2019\-]{{1,30}}),[ ]?\Z")
_WORD_BEFORE = re.compile(r"(\w{1,20})\.?[ ]\Z")
_JOINTS = re.compile(r"['\u2019\-]")
_LETTERS = re.compile(r"[^\W\d_]")
_ANY_WORD = re.compile(r"[^\W\d_][\w'\u2019\-]*+")
_WORDS = re.compile(
    r"(?<![\w@#./=&?'\u2019\-])[^\W\d_][^\W\d_'\u2019\-]*+(?:['\u2019\-][^\W\d_]++)*+(?![\w@])"
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S++", re.IGNORECASE)
_JOINS_PLACES = re.compile(r"[ \t]*(?:[/&,@x+\-\u2013]|and|y|et|und|e|i|or|to)?[ \t]*")
_BEFORE = re.compile(r"(?:(\w{1,20})[ \t]{1,2})?(\w{1,20})['\u2019]?[ \t]{0,2}[\"\u201c(]?\Z")
_CONTRACTION = re.compile(r"\w+['\u2019](?:m|ve|ll|d|t|re|l|n)")
_ENDINGS = ("s", "es", "ed", "d", "ing")
_TITLED = 0.6  # of a text's words with a capital: more, and a capital says nothing
_LONGEST_SMALL_NAME = 3  # words
_PREFIX = re.compile(r"\A(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz)(?=[^\W\d_a-z])")


@dataclass(frozen=True, slots=True)
class _Patterns:
    announced: re.Pattern[str]
    titles: re.Pattern[str]
    signatures: re.Pattern[str]
    spoke: re.Pattern[str]
    spoke_surely: re.Pattern[str]
    pair_that_speaks: re.Pattern[str]
    own_name: re.Pattern[str]
    sure_before: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    lists = words()
    lead = r"(?<![\w'\u2019\-])"
    announced = any_of(lists.before_names | lists.before_known_names)
    # The short verbs would make names of headings: "Field Work is ...".
    long_verbs = any_of(word for word in lists.after_names if len(word) > 4)
    return _Patterns(
        announced=re.compile(
            rf"{lead}(?P<said>{announced})(?:[:,/?][ \t]{{0,2}}|[ \t]{{1,2}})[\"\u201c(]?(?=[^\W\d_])",
            re.IGNORECASE,
        ),
        titles=re.compile(
            rf"{lead}(?:{any_of(lists.titles)})(?:\.[ \t]{{0,2}}|[ \t]{{1,2}})(?=[^\W\d_])", re.IGNORECASE
        ),
        signatures=re.compile(
            rf"{lead}(?:{any_of(lists.before_signatures)})[ \t]{{0,2}}"
            r"(?:[,.!;:\-\u2013\u2014]{1,3}[ \t\n]{0,4}|\n[ \t\n]{0,3})(?=[^\W\d_])",
            re.IGNORECASE,
        ),
        spoke=re.compile(rf"[ \t]{{1,2}}(?:{any_of(lists.after_names)})(?!\w)", re.IGNORECASE),
        spoke_surely=re.compile(rf"[ \t]{{1,2}}(?:{long_verbs})(?!\w)", re.IGNORECASE),
        own_name=re.compile(
            rf"{lead}(?:{any_of(lists.before_own_name)})[.:?]?[ \t]{{1,2}}(?=[^\W\d_])", re.IGNORECASE
        ),
        # Before the place where a name in small letters begins; of what is before it no more is read than that.
        sure_before=re.compile(rf"{lead}(?:{any_of(lists.before_names)})[:,]?[ \t]{{1,2}}\Z", re.IGNORECASE),
        pair_that_speaks=re.compile(rf"{_PAIR}(?:[ ]?[\"\u201c]|[ ](?i:{long_verbs})(?!\w))"),
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A text and what its capitals mean."""

    text: str
    ordinary: frozenset[str]
    is_shouted: bool  # nearly all in capitals: a capital says nothing
    spelling: Spelling | None


@dataclass(frozen=True, slots=True)
class _Name:
    start: int
    end: int
    tokens: tuple[str, ...]


def _plain(token: str) -> str:
    return token.removesuffix("'s").removesuffix("\u2019s").casefold()


def _is_initial(token: str) -> bool:
    letter = token.removesuffix(".")
    return len(letter) == 1 and letter.isupper()


def _is_name_case(token: str) -> bool:
    """Capital first and small after; also McCoy, O'Neill and Smith-Jones; not SFPark or DataSF."""
    parts = (_PREFIX.sub("", part) for part in _JOINTS.split(token))
    return all(sum(char.isupper() for char in part) <= 1 for part in parts)


def _is_name_word(token: str, of: _Text, *, after: tuple[str, ...] = ()) -> bool:
    """Whether a word may belong to a person's name, given the words of the name before it."""
    if not token[0].isupper():
        return False
    plain = _plain(token)
    if plain in words().first_names:
        return True
    if (
        len(after) == 1
        and _plain(after[0]) in words().first_names
        and not of.is_shouted
        and token[1:].islower()
    ):
        # "Tom Folks": after a first name even an ordinary word is a surname.
        return len(token) > 2 and plain not in words().street_suffixes
    if plain in of.ordinary or ("-" in plain and any(part in of.ordinary for part in plain.split("-"))):
        return False
    if len(token) > 1 and token.isupper():
        # An acronym, unless the text shouts or a name in capitals stands before it.
        return of.is_shouted or bool(after)
    return _is_name_case(token)


def _name_at(of: _Text, at: int) -> _Name | None:
    """The name that begins at a place of a text, if one does."""
    tokens: list[str] = []
    ends: list[int] = []
    position = at
    while len(tokens) < _TOKENS and (match := _TOKEN.match(of.text, position)):
        token = match.group()
        is_particle = bool(tokens) and token in words().name_particles
        if not (is_particle or _is_initial(token) or _is_name_word(token, of, after=tuple(tokens))):
            break
        tokens.append(token)
        ends.append(match.end())
        gap = _NEXT.match(of.text, match.end())
        position = gap.end() if gap else match.end()
        if gap is None and not token.endswith("."):
            break
    while tokens and tokens[-1] in words().name_particles:
        tokens.pop()
        ends.pop()
    # Initials alone are no name: "A", "I", "B C".
    if all(_is_initial(token) for token in tokens):
        return None
    follower = _TOKEN.match(of.text, position)
    suffixes = words().street_suffixes
    if any(_plain(token) in suffixes for token in tokens) or (
        follower and follower.group().casefold() in suffixes
    ):
        return None  # a street: "Cole Street", "Mission St"
    return _Name(at, ends[-1], tuple(tokens))


def _is_known(name: _Name, of: _Text) -> bool:
    """Whether more than a capital says that this is a person: a first name, or an initial with a surname."""
    if any(_plain(token) in words().first_names for token in name.tokens):
        return True
    head, *rest = name.tokens
    return _is_initial(head) and bool(rest) and (head.endswith(".") or head not in "AI") and not of.is_shouted


def _announced(of: _Text) -> Iterator[tuple[int, int]]:
    """Names after the words that announce them, and those joined to them by "and"."""
    patterns = _patterns()
    for match in patterns.announced.finditer(of.text):
        said = " ".join(match["said"].casefold().split())
        title = patterns.titles.match(of.text, match.end())
        name = _name_at(of, title.end() if title else match.end())
        is_sure = (said in words().before_names or title is not None) and not of.is_shouted
        for _ in range(_TOKENS):
            if name is None or not (is_sure or _is_known(name, of)):
                break
            yield (name.start, name.end)
            join = _AND.match(of.text, name.end)
            name = _name_at(of, join.end()) if join else None
    for title in patterns.titles.finditer(of.text):
        name = _name_at(of, title.end())
        if name is not None and (not of.is_shouted or _is_known(name, of)):
            yield (name.start, name.end)


def _signed(of: _Text) -> Iterator[tuple[int, int]]:
    """Names at the end of a text or line, after a closing word or a dash."""
    for pattern in (_patterns().signatures, _DASH_NAME):
        for match in pattern.finditer(of.text):
            name = _name_at(of, match.end())
            if name is not None and _LINE_END.match(of.text, name.end) and not of.is_shouted:
                yield (name.start, name.end)


def _by_first_name(of: _Text) -> Iterator[tuple[int, int]]:
    """Well-known first names with a surname behind or before them, or a verb of speaking after them."""
    for match in _CAPITAL_WORD.finditer(of.text):
        word, at = match.group(), match.start()
        if not word[0].isupper() or word.casefold() not in words().first_names:
            continue
        before = _WORD_BEFORE.search(of.text, max(0, at - 24), at)
        if before and before[1].casefold() in words().before_places:
            continue
        name = _name_at(of, at)
        if name is None or _plain(name.tokens[0]) != word.casefold():
            continue
        surname = _SURNAME_BEFORE.search(of.text, max(0, at - 40), at)
        if surname and _is_name_word(surname["surname"], of) and not of.is_shouted:
            yield (surname.start("surname"), name.end)
        elif len(name.tokens) > 1 or _patterns().spoke.match(of.text, name.end):
            yield (name.start, name.end)


def _by_shape(of: _Text) -> Iterator[tuple[int, int]]:
    """An initial with a surname; two capitalised words before a telephone number, a quotation or a verb of speaking."""
    if of.is_shouted:
        return
    for match in _INITIAL_SURNAME.finditer(of.text):
        name = _name_at(of, match.start())
        if name is not None and _is_name_word(match["surname"], of):
            yield (name.start, name.end)
    for pattern in (_PAIR_BEFORE_MARK, _patterns().pair_that_speaks):
        for match in pattern.finditer(of.text):
            if all(len(match[part]) > 2 and _is_name_word(match[part], of) for part in ("first", "last")):
                yield (match.start("first"), match.end("last"))


def _is_ordinary(word: str, of: _Text) -> bool:
    """Whether a word, or one that it is a form of, is known to be no name, by the lists or the site's spelling.

    Where something announces a name only the lists count: people who write no capitals write names small.
    """
    plain = _plain(word)
    forms = [plain, *(plain.removesuffix(end) for end in _ENDINGS if plain.endswith(end))]
    if "-" in plain:
        forms += plain.split("-")
    small = of.spelling.small if of.spelling is not None else frozenset()
    return bool(_CONTRACTION.fullmatch(plain)) or any(form in of.ordinary or form in small for form in forms)


def _by_spelling(of: _Text, spelling: Spelling) -> Iterator[tuple[int, int]]:
    """Words with a capital that the site's texts write neither small nor often, but for where places stand."""
    found = list(_WORDS.finditer(of.text))
    capitals = sum(match.group()[0].isupper() for match in found)
    nouns = words().nouns_with_capitals
    if of.is_shouted:
        return
    least = 1 if len(found) <= _TOKENS or capitals <= _TITLED * len(found) else 2
    if sum(match.group().casefold() in nouns for match in found) > 1:
        return
    addresses = [match.span() for match in _ADDRESS.finditer(of.text)]
    done = public_end = 0  # where the last name, and the last thing that is public, ended
    for match in found:
        word, at = match.group(), match.start()
        if at < done or not word[0].isupper() or not _is_unknown(word, of, spelling):
            continue
        if any(start <= at < end for start, end in addresses):
            continue
        name = _name_at(of, at)
        if name is None or not _is_unknown(name.tokens[0], of, spelling):
            continue
        done = name.end
        joins = public_end and _JOINS_PLACES.fullmatch(of.text, public_end, at)
        if joins or _is_public(of, name):
            public_end = name.end
            continue
        if _is_person(of, name, spelling, least=least):
            yield (name.start, name.end)


def _is_unknown(word: str, of: _Text, spelling: Spelling) -> bool:
    if len(word) < 2 or word.isupper() or not _is_name_case(word):
        return False
    plain = _plain(word)
    return plain in words().first_names or not (plain in spelling.often or _is_ordinary(word, of))


def _is_public(of: _Text, name: _Name) -> bool:
    """Whether a place or a body stands here: by the word before it, or the one behind it."""
    lists = words()
    before = _BEFORE.search(of.text, max(0, name.start - 45), name.start)
    if before:
        last = before[2].casefold()
        pair = f"{(before[1] or '').casefold()} {last}"
        if last in lists.before_public_things or pair in lists.before_public_things:
            return not any(_plain(token) in lists.first_names for token in name.tokens)
    behind = _TOKEN.match(of.text, name.end + 1)
    return behind is not None and _plain(behind.group()) in lists.public_things


def _is_person(of: _Text, name: _Name, spelling: Spelling, *, least: int) -> bool:
    """Whether capitals show enough: at the beginning of a sentence, and in headings, every word has one."""
    unknown = sum(_is_unknown(token, of, spelling) for token in name.tokens)
    if unknown > 1 or name.tokens[0].casefold() in words().first_names:
        return True
    if unknown < least:
        return False
    if not OPENS_SENTENCE.search(of.text, max(0, name.start - 4), name.start):
        return True
    behind = _TOKEN.match(of.text, name.end + 1)
    if behind is None:
        return False
    return behind.group() in words().verbs_of_persons


def _in_small_letters(of: _Text) -> Iterator[tuple[int, int]]:
    """Names in small letters: after "my name is" and "mrs"; well-known first names that something else confirms."""
    for match in _patterns().own_name.finditer(of.text):
        span = _small_name(of, match.end())
        if span:
            yield span
    if of.spelling is None:
        return
    for match in _WORDS.finditer(of.text):
        word = match.group()
        if word not in words().first_names or word in of.spelling.also_words or word in of.ordinary:
            continue
        start, end = _small_name(of, match.start()) or match.span()
        if (
            end > match.end()
            or _patterns().spoke_surely.match(of.text, end)
            or _patterns().sure_before.search(of.text, max(0, match.start() - 40), match.start())
        ):
            yield (start, end)


def _small_name(of: _Text, at: int) -> tuple[int, int] | None:
    """The words from a place on that may be a name though they are small: those that are no ordinary ones."""
    end = at
    for _ in range(_LONGEST_SMALL_NAME):
        match = _WORDS.match(of.text, end if end == at else end + 1)
        if match is None or len(match.group()) < 2:
            break
        word = match.group()
        is_first_name = _plain(word) in words().first_names
        if not is_first_name and (_is_ordinary(word, of) or word.endswith(("ed", "ing"))):
            break
        end = match.end()
        if of.text[end : end + 1] != " ":
            break
    return (at, end) if end > at else None


def _staff_initials(of: _Text) -> Iterator[tuple[int, int]]:
    for pattern in (_DASH_INITIALS, _LAST_INITIALS):
        match = pattern.search(of.text)
        if match and match["initials"].casefold() not in of.ordinary and not of.is_shouted:
            yield match.span("initials")


def _again(of: _Text, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The other places of a text where a part of a name that was found stands alone: "... Ann Lee; then Lee said"."""
    if not spans or of.is_shouted:
        return []
    parts = {token for start, end in spans for token in _CAPITAL_WORD.findall(of.text[start:end])}
    known = {
        part for part in parts if len(part) > 2 and part[0].isupper() and _plain(part) not in of.ordinary
    }
    return (
        [match.span() for match in _CAPITAL_WORD.finditer(of.text) if match.group() in known] if known else []
    )


def _may_hold_name(text: str, ordinary: frozenset[str]) -> bool:
    """Whether any word with a capital is not ordinary: no name of `_name_at` is without one."""
    first_names = words().first_names
    return any(
        word[0].isupper() and ((plain := _plain(word)) not in ordinary or plain in first_names)
        for word in _ANY_WORD.findall(text)
    )


def without_names(text: str, context: PrivacyContext, counts: Counter[str]) -> str:
    """The text with marks for names of persons; ``counts`` is added to."""
    ordinary = words_that_are_no_names(context.ordinary_words)
    letters = _LETTERS.findall(text)
    of = _Text(
        text,
        ordinary=ordinary,
        is_shouted=len(letters) > 12 and sum(map(str.isupper, letters)) > 0.7 * len(letters),
        spelling=context.spelling,
    )
    spans: list[tuple[int, int]] = [match.span() for match in _CARET_INITIALS.finditer(text)]
    if _may_hold_name(text, ordinary):
        spans += [*_announced(of), *_signed(of), *_by_first_name(of), *_by_shape(of)]
        if context.spelling is not None:
            spans += _by_spelling(of, context.spelling)
    spans += _in_small_letters(of)
    if context.has_staff_initials:
        spans += _staff_initials(of)
    spans += _again(of, spans)
    out: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            out += (text[done:start], MARKS["name"])
            counts["name"] += 1
        done = max(done, end)
    return "".join(out) + text[done:]
