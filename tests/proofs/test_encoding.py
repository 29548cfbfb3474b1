# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Base64url, JSON and MACs, with one spelling for each value."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.encoding import decode, encode, from_json, is_same, mac
from msrv.proofs.errors import Forged


@given(st.binary(max_size=80))
def test_decode_reverses_encode(value: bytes) -> None:
    assert decode(encode(value)) == value


@given(st.text(max_size=80))
def test_each_value_has_one_encoding(text: str) -> None:
    try:
        value = decode(text)
    except Forged:
        return
    assert encode(value) == text


@pytest.mark.parametrize(
    "text",
    [
        "AA==",  # padding
        "AA=",
        "AB",  # a spare bit
        "AAB",
        "A",  # six bits are no byte
        "-_+/",  # the other alphabet
        "+/+/",
        "AA AA",
        "AAAA\n",
        "\tAAAA",
        "AA%41A",
        "AAAÄ",
        "ＡAAA",  # noqa: RUF001 - an A that is none
        "\ud800AAA",
        "AA\x00AA",
        "=",
        ".",
    ],
)
def test_other_spellings_are_forged(text: str) -> None:
    with pytest.raises(Forged):
        decode(text)


@given(
    st.lists(st.binary(max_size=6), max_size=4),
    st.lists(st.binary(max_size=6), max_size=4),
)
def test_different_fields_have_different_macs(
    one: list[bytes], two: list[bytes]
) -> None:
    is_same = mac(b"k" * 32, *one) == mac(b"k" * 32, *two)
    assert is_same == (one == two)


def test_mac_depends_on_field_boundaries() -> None:
    assert mac(b"k", b"ab", b"c") != mac(b"k", b"a", b"bc")
    assert mac(b"k", b"abc") != mac(b"k", b"abc", b"")


@pytest.mark.parametrize("given_text", ["", "ab", "abcd", "abC", "ab\u0441"])
def test_is_same_is_true_only_for_the_same_ascii_text(given_text: str) -> None:
    assert is_same("abc", "abc")
    assert not is_same("abc", given_text)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[" * 8000, b"1" * 8000, b"{]"],
)
def test_invalid_json_is_forged(text: bytes) -> None:
    with pytest.raises(Forged):
        from_json(text)


@given(key=st.binary(max_size=200), fields=st.lists(st.binary(), max_size=4))
def test_mac_is_hmac_sha256_over_length_prefixed_fields(
    key: bytes, fields: list[bytes]
) -> None:
    message = b"".join(
        len(field).to_bytes(4, "big") + field for field in fields
    )
    assert mac(key, *fields) == hmac.digest(key, message, "sha256")
