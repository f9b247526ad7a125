"""Public text on a page: what a person reads is what was written, and nothing of it acts."""

import re
import unicodedata
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import markdown  # type: ignore[import-untyped]
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from jinja2 import Environment

from answerable.publish.text import given, plain, quotable, quote, visible

ATTACKS = [
    line.encode("ascii").decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
    for line in Path(__file__).parents[2].joinpath("attacks.txt").read_text("ascii").splitlines()
    if line and not line.startswith("# One attack")
]
MKDOCS_EXTENSIONS = [
    "attr_list",
    "tables",
    "toc",
    "footnotes",
    "admonition",
    "abbr",
    "def_list",
    "md_in_html",
    "smarty",
]


class Seen(HTMLParser):
    """What a browser would make of a piece of HTML: its elements, and the text that is shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "br":
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(html: str) -> Seen:
    reader = Seen()
    reader.feed(html)
    reader.close()
    return reader


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_read_as_it_stands(attack: str) -> None:
    inside = seen(plain(attack))
    assert inside.tags == []
    assert inside.text == visible(attack).replace("\n", " ")
    block = seen(quote(attack))
    assert {tag for tag, _ in block.tags} <= {"blockquote", "p", "br"}
    assert block.text == visible(attack)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_does_nothing_in_markdown(attack: str) -> None:
    page = f"# {plain(attack)}\n\nBefore {plain(attack)} after.\n\n{quote(attack)}\n\n- {plain(attack)}\n\nEnd.\n"
    html = markdown.markdown(page, extensions=MKDOCS_EXTENSIONS)
    found = seen(html)
    assert {tag for tag, _ in found.tags} <= {"h1", "p", "blockquote", "br", "ul", "li"}
    allowed = {"id", "class", "dir", "lang"}
    assert all(name in allowed for _, values in found.tags for name in values)
    shown = visible(attack).replace("\n", " ")
    assert f"Before {shown} after." in found.text
    assert found.text.count(shown) >= 2


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_stays_inside_an_attribute_and_a_template(attack: str) -> None:
    ((_, values),) = seen(f'<meta content="{plain(attack)}">').tags
    assert values == {"content": visible(attack).replace("\n", " ")}
    rendered = Environment(autoescape=True).from_string(str(plain(attack))).render()
    assert rendered == str(plain(attack))


@for_all(st.text())
def test_plain_holds_letters_digits_and_entities_only(text: str) -> None:
    written = str(plain(text))
    for part in re.split(r"&#\d+;", written):
        assert all(c.isalnum() or unicodedata.category(c).startswith("M") for c in part)
    assert unescape(written) == visible(text).replace("\n", " ")


@for_all(st.text())
def test_what_is_visible_stays_so(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in once.replace("\n", ""))


@for_all(st.text())
def test_quotes_hold_no_element_of_the_text(text: str) -> None:
    assert {tag for tag, _ in seen(quote(text)).tags} <= {"blockquote", "p", "br"}


def test_directions_cannot_be_turned_and_joiners_stay() -> None:
    assert visible("a\u202eb\u2066c\u200bd") == "abcd"
    cyclist = "\U0001f6b4\u200d\u2640"
    assert visible(cyclist) == cyclist
    assert visible("e" + "\u0301" * 9) == "e" + "\u0301" * 3


@pytest.mark.parametrize(
    ("lang", "is_kept"), [("pl", True), ("pt-BR", True), ("und", False), ('x" onload="', False)]
)
def test_the_language_of_a_quote(lang: str, is_kept: bool) -> None:
    ((_, values), *_) = seen(quote("tekst", lang=lang)).tags
    assert values.get("lang") == (lang if is_kept else None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[handle] [handle], the lamp is lit", "the lamp is lit"),
        (".[handle] The lamp is lit", "The lamp is lit"),
        ("Ask [handle] about it", "Ask [handle] about it"),
        ("[handle]", "[handle]"),
        ("[email] wrote", "[email] wrote"),
    ],
)
def test_a_quote_begins_with_what_is_said_not_with_masked_accounts(text: str, shown: str) -> None:
    assert seen(quote(text)).text == shown


def test_names_are_marked_where_they_hold_digits() -> None:
    assert given("Parks & *greens*") == "Parks &#38; &#42;greens&#42;"
    assert given("Ward 3") == '<span data-id="">Ward 3</span>'


def test_a_text_from_which_a_name_was_taken_is_not_quoted() -> None:
    assert quotable("Spoke with [name] about it") is None
    assert quotable("Wrote to [email]") == "Wrote to [email]"
    assert quotable("") is None
