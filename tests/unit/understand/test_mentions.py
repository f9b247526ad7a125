"""What a text names: the numbers of requests, addresses of messages, pages of issues; and what only looks like them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.understand.likeness import content_words
from answerable.understand.mentions import named_in, without_addresses

SITE = "https://town.example/"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Ticket #123456 is done", "123456"),
        ("ticket no. 123456 is done", "123456"),
        ("Ticket:123456 done", "123456"),
        ("Ticket-Nr.123456 done", "123456"),
        ("your request (123456) is done", "123456"),
        ("Your case number is 123456.", "123456"),
        ("Your first SR is 123456.", "123456"),
        ("tickets #99999, #123456", "123456"),
        ("SR#123456", "123456"),
        ("Done: #24-00123456.", "24-00123456"),
        ("#20240115 is done", "20240115"),
        ("SR-2024-00123 is done", "SR-2024-00123"),
        ("sr-2024-00123 is done", "SR-2024-00123"),
        ("Ihr Vorgang Nr. 123456 ist erledigt", "123456"),
        ("Az. 12345/2024: erledigt", "12345/2024"),
        ("El expediente número 123456 está resuelto", "123456"),
        ("Caso 123456 resuelto", "123456"),
        ("Solicitud 123456 atendida", "123456"),
        ("O protocolo 123456 foi resolvido", "123456"),
        ("Seu pedido nº 123456 foi atendido", "123456"),
        ("Votre dossier n° 123456 est clos", "123456"),
        ("Ref.: 123456", "123456"),
        ("petition 700123 has an answer", "700123"),
    ],
)
def test_a_number_is_read_where_it_can_be_nothing_else(text: str, number: str) -> None:
    assert number in named_in(text, SITE).numbers


@pytest.mark.parametrize(
    "text",
    [
        "Tickets 123456, 123457 and 123458",
        "Die Vorgänge 123456, 123457 und 123458",
        "#123456; 123457 & 123458",
    ],
)
def test_what_goes_on_as_a_list_is_a_list(text: str) -> None:
    assert named_in(text, SITE).numbers == ("123456", "123457", "123458")


@pytest.mark.parametrize(
    "text",
    [
        # too little
        "ticket 12", "ticket #2024", "case 1234", "covid19 and 4x4", "The A1234 is open again",
        # quantities
        "12345678 people live here", "We had requests: 12345 this month", "cases 12345",
        "report: 12345 residents asked", "Petition: 123456 signatures", "Pedido 12345 pessoas", "Vorgang 12345 mal",
        # prices and shares
        "It costs 123456.50 in all", "Pedido 12345,50", "Dossier 12345 €", "case $12345", "Anfrage 12345 EUR",
        "request 12345%",
        # times and dates
        "In 2024 we mended 12 lamps", "between 10:12345 and 11", "case 10:12:30", "report 2024-01-15",
        "Vorgang 15.01.2024", "ref 15/01/2024", "#2024-01-15", "report 20240115", "case 01/2024", "protocolo 2024/01",
        # telephones
        "Call 02079460958 or 555 0199", "tel. 020 7946 0958", "request 555-0199", "ref 212-555-0199", "phone #5550199",
        "see traffic signals # 415-555-0199",
        "+4420794609",
        # what numbers something else
        "Bus #38000 is late", "Stop #12345 is closed", "Linie #10234", "línea #12345", "pole: #12345 is down",
        "bus 12345", "No. 12345",
        # other words
        "look at https://other.example/ticket/123456", "@user123456 thanks", "mail ticket123456@mail.example",
        "the unticket 123456", "ticket " + "1" * 60,
    ],
)  # fmt: skip
def test_what_may_be_anything_is_no_number(text: str) -> None:
    assert named_in(text, SITE).numbers == ()


def test_an_issue_is_named_by_its_page_on_this_site_alone() -> None:
    issue = "0123456789abcdef"
    for text in (
        f"see https://town.example/issues/potholes-{issue}/",
        f"see town.example/issues/potholes-{issue}.",
        f"http://www.town.example/de/issues/x-{issue}/#answer",
        f"https://town.example/issues/{issue}",
    ):
        assert named_in(text, SITE).issue_ids == (issue,), text
    for text in (
        f"https://other.example/town.example/issues/x-{issue}/",
        f"https://mytown.example/issues/x-{issue}/",
        f"https://town.example.evil.example/issues/x-{issue}/",
        f"https://town.example/issues/x-{issue}0/",
        "https://town.example/issues/",
    ):
        assert named_in(text, SITE).issue_ids == (), text


def test_the_address_of_a_whole_host_names_nothing() -> None:
    assert named_in("see https://portal.example/ and https://portal.example", SITE).addresses == ()
    found = named_in("see https://www.portal.example/r/5/.", SITE).addresses
    assert {"https://portal.example/r/5", "http://www.portal.example/r/5/"} <= set(found)


@pytest.mark.parametrize(
    "address",
    [
        "http://[",
        "http://[::1/x",
        "http://a]b",
        "https://\u2100.example/x",
        "http://a:b:c/x",
        "http://",
        "http://[x]/y",
    ],
)
def test_what_only_begins_like_an_address_stops_nothing(address: str) -> None:
    text = f"see {address} and https://portal.example/r/5, ticket #123456"
    found = named_in(text, SITE)
    assert "https://portal.example/r/5" in found.addresses
    assert found.numbers == ("123456",)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("aB1290#@:/[]().,-_%?& \u2100\u0301\x00ö") | st.characters(), max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    for said in (text, f"http://{text}", f"ticket {text}"):
        assert not re.search(r"@[\w.@+-]|https?://[\w@]", without_addresses(said), re.IGNORECASE)
        found = named_in(said, SITE)
        assert all(len(number) >= 5 for number in found.numbers)


HOSTILE = (
    "a", "1", ".", "@", "a@", "a@.", "1-", "a.", "1.", "a_", "#", "#1", "#12345,", "12345 and ", "ticket ", "ticket:",
    "http://", "http://a.", "town.example/issues/", "-0123456789abcdef", "%", "no.", "no.1", "é", "+a", "a1-",
)  # fmt: skip
READ_ALL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from answerable.understand.likeness import content_words
from answerable.understand.mentions import named_in
for part in sys.argv[1:]:
    for end in ("", "\\u00f6"):
        text = part * (100_000 // len(part)) + end
        named_in(text, "https://town.example/")
        named_in("town.example/issues/" + text, "https://town.example/")
        content_words(text)
"""


def test_no_text_of_a_hundred_thousand_characters_takes_long() -> None:
    """A hundred of them within 20 seconds of processor time; what is quadratic takes a minute for one."""
    subprocess.run([sys.executable, "-c", READ_ALL, *HOSTILE], check=True)


def test_addresses_and_accounts_are_no_words() -> None:
    said = "The lamp @TownWorks a.b+c@mail.example https://portal.example/harbour is mended"
    assert content_words(said) == {"lamp", "mended"}
