"""The language of a text, where its source does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerable.understand.language import LANGUAGES, UNDETERMINED, language_of, lexical_form, primary


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "The bus has not come for three weeks and nobody answers the phone"),
        ("de", "Seit drei Wochen kommt der Bus nicht und niemand geht ans Telefon"),
        ("es", "Desde hace tres semanas el autobús no pasa y nadie contesta al teléfono"),
        ("fr", "Depuis trois semaines le bus ne passe plus et personne ne répond"),
        ("pt", "Há três semanas que o autocarro não passa e ninguém atende o telefone"),
        ("pl", "Od trzech tygodni autobus nie przyjeżdża i nikt nie odbiera telefonu"),
        ("ja", "三週間前からバスが来ません"),
        ("ar", "الحافلة لم تأت منذ ثلاثة أسابيع ولا أحد يرد على الهاتف"),
    ],
)
def test_a_sentence_has_its_language(lang: str, text: str) -> None:
    assert language_of(text).lang == lang
    # Capitals, addresses, accounts and hashtags change nothing.
    assert (
        language_of(f"@TheCityCouncil {text.upper()} https://the.example/an/english/page #TheBus").lang
        == lang
    )


def test_too_few_letters_have_none() -> None:
    for text in (
        "",
        "ok",
        "😀😀😀",
        "@council https://a.example/very/long/address",
        "#NoWater #Dunlow",
        "12345 67890",
    ):
        found = language_of(text)
        assert (found.lang, found.rule) == (UNDETERMINED, "too-short")


@given(st.text(max_size=300))
def test_whatever_is_written_has_a_known_language(text: str) -> None:
    assert language_of(text).lang in {*LANGUAGES, UNDETERMINED}
    assert lexical_form(lexical_form(text)) == lexical_form(text)


def test_the_primary_language_of_a_code() -> None:
    assert [primary(code) for code in ("pt-BR", "zh_Hant", "EN", None, "")] == ["pt", "zh", "en", "", ""]
