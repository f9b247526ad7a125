"""Redaction, whatever the text: nothing is left that the detectors find, and a second time changes nothing."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.understand.privacy import PrivacyContext, Spelling, clean, detected, redact

CONTEXT = PrivacyContext(
    official_handles=frozenset({"cityhall"}),
    street_names=frozenset({"laguna"}),
    has_staff_initials=True,
    spelling=Spelling(frozenset({"the", "lamp", "crew"}), frozenset({"stockton"}), frozenset({"mark"})),
)
INVISIBLE = [
    "\u200b",
    "\u200d",
    "\u2060",
    "\u00ad",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\u180e",
    "\ufe0f",
    "\U000e0061",
]

pieces = st.sampled_from(
    [
        "jo@example.org",
        "@jo",
        "@@jo",
        "@cityhall",
        ".@jo",
        "jo (at) example dot com",
        "https://x.com/jo",
        "www.x.com/jo)",
        "415-555-0123",
        "+44 20 7946 0958",
        "12:30",
        "3/22/12",
        "2014-2015",
        "$12.50",
        "1234567",
        "HQ12345678",
        "123 Main St",
        "Hauptstraße 12",
        "12 rue de",
        "Calle Mayor 5",
        "2323 Laguna",
        "Apt 4B",
        "spoke with",
        "Spoke with",
        "per",
        "Dear",
        "Mr.",
        "cc:",
        "Thanks,",
        "Regards,\n",
        "and",
        "&",
        "/",
        "Ann",
        "Jessie Flores",
        "O'Neill",
        "M.",
        "JOHN",
        "van",
        "Jo",
        "McCoy",
        "Street",
        "St",
        "called",
        "the crew",
        "[name]",
        "[phone]",
        "[",
        "]",
        "(",
        ")",
        "-",
        "^",
        ",",
        ".",
        "\n",
        "\u200b",
        "kb",
        "DC",
        "&amp;",
        "&#64;",
        "Ã©",
        "é",
        "x12",
        "ext. 5",
        "GB82 WEST 1234 5698 7654 32",
        "4111 1111 1111 1111",
        "192.168.100.12",
        "fe80::1ff:fe23:4567:890a",
        "ABCDE1234F",
        "AB12 CDE",
        "ul. Długa 7",
        "P.O. Box 12",
        "my name is",
        "jane",
        "Gough",
        "on",
        "Stockton",
        "4I5-555-O123",
        "\u0336",
        "4\u20e3",
        "jo\u043a@\u0435xample.org",
    ]
)
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(pieces, st.text(max_size=4)), max_size=14).map(" ".join),
    st.lists(pieces, max_size=12).map("".join),
)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_nothing_is_left_and_nothing_changes_again(text: str) -> None:
    for context in (PrivacyContext(), CONTEXT):
        once = redact(text, context)
        assert detected(once.text, context) == ()
        again = redact(once.text, context)
        assert again.text == once.text
        assert again.kinds == ()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_clean_text_is_its_own(text: str) -> None:
    visible = clean(text)
    assert not any(mark in visible for mark in INVISIBLE)


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@st.composite
def disguises(draw: st.DrawFn, plain: str) -> str:
    """The text with invisible characters between its letters, or in full width."""
    if draw(st.booleans()):
        plain = full_width(plain)
    return "".join(char + draw(st.sampled_from(["", "", *INVISIBLE])) for char in plain)


MAIL = st.from_regex(r"[a-z][a-z0-9._-]{0,8}[a-z0-9]@[a-z][a-z0-9-]{0,8}\.(org|com|gov|de)", fullmatch=True)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_disguised_addresses_and_numbers_go(data: st.DataObject) -> None:
    mail = data.draw(MAIL)
    number = data.draw(st.from_regex(r"[2-9][0-9]{2}[ .-][2-9][0-9]{2}[.-][0-9]{4}", fullmatch=True))
    account = data.draw(st.from_regex(r"[0-9]{6,12}", fullmatch=True))
    hidden = [data.draw(disguises(plain)) for plain in (mail, number, account)]
    text = "write {} or call {} about {} now".format(*hidden)
    found = redact(text).text
    assert re.fullmatch(r"write \[email\] or call \[phone\] about \[(?:number|phone|id)\] now", found), found


# Cyrillic and Greek letters that look Latin, in the name and in the host.
LOOKALIKE = str.maketrans(
    {"a": "\u0430", "e": "\u0435", "o": "\u03bf", "p": "\u0440", "c": "\u0441", "x": "\u0445"}
)


@settings(deadline=None)
@given(MAIL, st.from_regex(r"[a-z_]{3,12}", fullmatch=True))
def test_look_alike_letters_hide_nothing(mail: str, handle: str) -> None:
    assert redact(f"write {mail.translate(LOOKALIKE)} now").text == "write [email] now"
    if handle.strip("_"):
        assert redact(f"ask @{handle.translate(LOOKALIKE)} now").text == "ask [handle] now"


NAMES = st.from_regex(r"[A-Z][bdfgkz][aeiou][lmnr][aeiou]{2}x", fullmatch=True)


@settings(deadline=None)
@given(
    st.sampled_from(
        [
            "Spoke with",
            "contacted",
            "per",
            "Dear",
            "left a message for",
            "Sehr geehrter Herr",
            "Parlé avec",
            "Hablé con",
        ]
    ),
    NAMES,
    NAMES,
)
def test_a_name_after_its_announcement_goes(before: str, first: str, last: str) -> None:
    found = redact(f"{before} {first} {last} about the lamp").text
    assert found == f"{before} [name] about the lamp"
