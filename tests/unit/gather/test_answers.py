from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.errors import SourceError
from answerable.gather.answers import Answer, BrokenBody, TooLarge, depth_exceeds, parse_json, unpacked

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=8) | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def answer(content: bytes, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("https://api.example/list?q=secret", status, named, content)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


# -- JSON --------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_json_is_read_as_it_was_written(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse_json(text.encode()) == json.loads(text.replace("\\u0000", ""))


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_the_depth_is_that_of_the_value(value: Any, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert not depth_exceeds(data, depth(value))
    assert depth(value) == 0 or depth_exceeds(data, depth(value) - 1)


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 100))
def test_nothing_that_is_sent_does_harm(data: bytes, levels: int) -> None:
    for content in (data, b"[" * levels + data, b'{"a":"' + data + b'"}'):
        try:
            value = parse_json(content)
        except ValueError:
            continue
        assert b"\0" not in json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":[', b'["]]]]",'])
def test_deep_json_is_refused_before_it_is_parsed(opening: bytes) -> None:
    with pytest.raises(ValueError, match="nested more than 100 levels"):
        parse_json(opening * 100_000)


def test_a_hundred_levels_are_allowed() -> None:
    assert depth(parse_json(b"[" * 100 + b"]" * 100)) == 100
    assert parse_json(b'["' + b"[" * 500 + b'\\"[["]') == ["[" * 500 + '"[[']


@pytest.mark.parametrize(
    "number", [2**53 + 1, 2**63, 2**64 - 1, 2**64, 10**40, -(2**63), -(2**63) - 1, 123456789012345678901]
)
@pytest.mark.parametrize("text", ['{{"id": {}}}', '{{"id":{}}}', '[{{"x":1,"id":\n{}}}]'])
def test_whole_numbers_keep_every_digit(number: int, text: str) -> None:
    value = parse_json(text.format(number).encode())
    found = value["id"] if isinstance(value, dict) else value[0]["id"]
    assert found == number
    assert isinstance(found, int)


def test_a_bare_number_too() -> None:
    assert parse_json(str(2**64).encode()) == 2**64
    assert parse_json(f"[{2**64},{2**65}]".encode()) == [2**64, 2**65]


def test_numbers_that_are_none() -> None:
    assert parse_json(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1.5}') == {
        "a": None,
        "b": None,
        "c": None,
        "d": 1.5,
    }
    assert parse_json(b'{"id": ' + b"9" * 20_000 + b"}") == {"id": None}


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a\\u0000b": "x\\u0000y"}', {"ab": "xy"}),
        (b'["\\\\u0000"]', ["\\u0000"]),
        (b'["a\0b"]', ["ab"]),
        (b'["\xff\xe9"]', ["\ufffd\ufffd"]),
        (b'["\\ud83d"]', ["?"]),
        (b'["\\ud83d\\ude00", "\\ude00x"]', ["\U0001f600", "?x"]),
        (b'["two\nlines\ttabbed"]', ["two\nlines\ttabbed"]),
        (b"\xef\xbb\xbf[1]", [1]),
        ('["ü"]'.encode("utf-16"), ["ü"]),
        (b'\xfe\xff\x00[\x00"\xd8\x3d\x00"\x00]', ["\ufffd"]),
        (b"  [] ", []),
        (b"null", None),
    ],
)
def test_odd_texts(content: bytes, value: Any) -> None:
    assert parse_json(content) == value


def test_the_encoding_that_is_named_is_used_where_it_is_not_utf8() -> None:
    assert answer('["é"]'.encode("latin-1"), content_type="application/json; charset=ISO-8859-1").json() == [
        "é"
    ]
    assert answer('["é"]'.encode(), content_type="application/json; charset=ISO-8859-1").json() == ["é"]
    assert answer("é\0".encode("cp1252"), content_type='text/xml; charset="windows-1252"').text == "é"
    assert answer(b"+AGE-", content_type="text/plain; charset=utf-7").text == "+AGE-"
    assert answer(b"abc", content_type="text/plain; charset=cp99999").text == "abc"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "nothing at all"),
        (b" \r\n", "nothing at all"),
        (b"<!DOCTYPE html><title>Log in</title>", "a web page"),
        (b'<?xml version="1.0"?><requests/>', "XML"),
        (b'{"a": [1, 2', "not JSON, or only a part of it"),
        (b"Access denied", "not JSON"),
    ],
)
def test_what_is_no_json_says_what_it_is(content: bytes, said: str) -> None:
    with pytest.raises(SourceError) as error:
        answer(content).json()
    assert error.value.what.startswith("api.example/list answered ")
    assert said in error.value.what
    assert "secret" not in str(error.value)
    assert error.value.remedy


# -- unpacking ---------------------------------------------------------------------------------------------------------


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@settings(deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 50))
def test_packed_answers(data: bytes, size: int) -> None:
    forms = {
        "gzip": gzip.compress(data),
        "x-gzip": gzip.compress(data[:10]) + gzip.compress(data[10:]),
        "GZIP, identity": gzip.compress(data) + b"\0\0\0",
        "deflate": zlib.compress(data),
        "": data,
    }
    for encoding, packed in forms.items():
        parts = [packed[i : i + size] for i in range(0, len(packed), size)]
        assert unpacked(parts, encoding, 3100) == data
        if len(packed) > 20 and encoding in ("gzip", "deflate"):
            with pytest.raises(BrokenBody, match="cut off"):
                unpacked([packed[:-5]], encoding, 3100)


def test_deflate_without_its_header() -> None:
    assert unpacked([raw_deflate(b"some text" * 100)], "deflate", 10_000) == b"some text" * 100


def test_an_empty_answer_is_not_cut_off() -> None:
    assert unpacked([], "gzip", 10) == b""


def test_a_bomb_is_stopped_while_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpacked([bomb], "gzip", 2 * len(bomb))
        with pytest.raises(TooLarge):
            unpacked((b"x" * 600 for _ in range(10**9)), "", 1000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, br"])
def test_other_packings_are_refused(encoding: str) -> None:
    with pytest.raises(BrokenBody, match="not asked for"):
        unpacked([b"x"], encoding, 1000)
