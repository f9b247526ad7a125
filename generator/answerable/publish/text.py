"""The only ways in which a text that the site's team did not write enters a page.

``plain`` is for a place inside other text (a title, a link, a cell): it writes every character that is neither a letter
nor a digit as a numeric entity, so that neither HTML nor Markdown nor a template finds anything in it to act on.
``quote`` is a block of its own: a quotation element whose lines went through the same door.

Neither changes what a person reads, with three exceptions that ``visible`` makes: characters that turn the direction of
the text around them, control characters, and piles of more than three combining marks are taken out. A quote also
leaves out the masked accounts with which a reply begins.
"""

from __future__ import annotations

import re
import unicodedata

from markupsafe import Markup

from answerable.understand.privacy import MARKS

__all__ = ["given", "plain", "quotable", "quote", "visible"]

# Bidirectional formatting characters (Unicode's Bidi_Control), which can make a text read as what it does not say, and
# other invisible ones with which words are hidden. The joiners that scripts and emoji need (200C, 200D) stay.
_INVISIBLE = re.compile(
    "[\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# With them, code points that are no characters: HTML has no entity for these.
_NO_CHARACTERS = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_CONTROL = re.compile(f"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NO_CHARACTERS}]")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4,}")
_NAME = MARKS["name"]
_ADDRESSED = re.compile(rf"\A(?:\.?{re.escape(MARKS['handle'])}[\s,:]*)+(?=\S)")
_LETTERS = re.compile(r"[A-Za-z0-9]+")


def visible(text: str) -> str:
    """A text without what no reader sees and a page could be misled by; lines stay, other white space is one space."""
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub(" ", text)
    text = _MARKS.sub(lambda match: match[0][:3], text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _entity(character: str) -> str:
    # Marks (Indic vowel signs, accents of decomposed text) belong to the letter before them: an entity would do no
    # harm, but they are no punctuation either.
    is_letter = character.isalnum() or unicodedata.category(character).startswith("M")
    return character if is_letter else f"&#{ord(character)};"


class _Entities(dict[int, str]):
    """For ``str.translate``: what stands for a character on a page, worked out once for each."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _entity(chr(code))
        return found


_ENTITIES = _Entities()


def plain(text: str | None) -> Markup:
    """A text for a place inside other text, on one line."""
    if not text:
        return Markup()
    line = visible(text).replace("\n", " ")
    if _LETTERS.fullmatch(line):
        return Markup(line)  # noqa: S704  letters and digits only
    return Markup(line.translate(_ENTITIES))  # noqa: S704  every other character is an entity


def quotable(text: str | None) -> str | None:
    """A public text that may be quoted on a page; None for an empty one, and for one from which a name was taken out.

    Names are found by guesswork, and not all of them: where one was found, another may have been missed.
    """
    return text if text and _NAME not in text else None


def quote(text: str | None, *, lang: str | None = None, by: str = "") -> Markup:
    """A public text as a block: escaped, its line breaks kept.

    Args:
        text: the text with personal data taken out already (a ``public_text``).
        lang: its language (BCP 47) where the source says so; anything that is not such a code is left out.
        by: who says it, shown below: a text of ours, escaped.
    """
    if not text:
        return Markup()
    # To whom a reply is addressed was masked, and tells nothing any more.
    said = _ADDRESSED.sub("", visible(text))
    lines = Markup("<br>").join(plain(line) for line in said.split("\n"))
    language = Markup(' lang="{}"').format(lang) if lang and _LANGUAGE.fullmatch(lang) else Markup()
    source = Markup('<footer class="quote-by">{}</footer>').format(by) if by else Markup()
    return Markup('<blockquote class="quote" dir="auto"{}><p>{}</p>{}</blockquote>').format(
        language, lines, source
    )


_LANGUAGE = re.compile(r"(?!und$)[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_DIGIT = re.compile(r"\d")


def given(text: object) -> Markup:
    """A text that the site's team wrote (a name, a note): escaped, and marked as theirs where it holds a digit.

    The mark lets the check of the finished pages tell such a digit from a number that has to be a row of the measures.
    """
    if isinstance(text, Markup):
        return text
    words = Markup(_entities(str(text)))  # noqa: S704  what Markdown or HTML could act on is an entity
    return Markup('<span data-id="">{}</span>').format(words) if _DIGIT.search(str(text)) else words


# In a name, spaces and full stops may stay as they are; what Markdown acts on may not.
_ACTIVE = re.compile(r"""[&<>"'`*_{}\[\]()#+!|~^=:@\\/$%-]|(?<=\d)\.""")


def _entities(text: str) -> str:
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", " ".join(text.split()))
