"""Bytes to text and back, with one spelling for each value."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.encoding import decode, encode, from_json, is_same, mac
from msrv.proofs.errors import Forged


@given(st.binary(max_size=80))
def test_what_is_written_is_read(value: bytes) -> None:
    """Else a token would come back as another than was given out."""
    assert decode(encode(value)) == value


@given(st.text(max_size=80))
def test_nothing_has_a_second_spelling(text: str) -> None:
    """Else one token, respelt, would count as two."""
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
def test_other_spellings_are_refused(text: str) -> None:
    """Else one token, respelt, would get past what remembers the first."""
    with pytest.raises(Forged):
        decode(text)


@given(
    st.lists(st.binary(max_size=6), max_size=4),
    st.lists(st.binary(max_size=6), max_size=4),
)
def test_no_two_inputs_share_a_mac(one: list[bytes], two: list[bytes]) -> None:
    """Else a link to an item could pass as a link to another."""
    is_same = mac(b"k" * 32, *one) == mac(b"k" * 32, *two)
    assert is_same == (one == two)


def test_a_boundary_between_fields_counts() -> None:
    """Else order "ab" of item "c" would prove order "a" of item "bc"."""
    assert mac(b"k", b"ab", b"c") != mac(b"k", b"a", b"bc")
    assert mac(b"k", b"abc") != mac(b"k", b"abc", b"")


@pytest.mark.parametrize("given_text", ["", "ab", "abcd", "abC", "ab\u0441"])
def test_only_the_same_is_the_same(given_text: str) -> None:
    """Else a wrong tag would pass, or one outside ASCII end in a crash."""
    assert is_same("abc", "abc")
    assert not is_same("abc", given_text)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[" * 8000, b"1" * 8000, b"{]"],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """Else a broken token would end in an error page of the server's own."""
    with pytest.raises(Forged):
        from_json(text)


@given(key=st.binary(max_size=200), fields=st.lists(st.binary(), max_size=4))
def test_a_mac_is_the_standard_s(key: bytes, fields: list[bytes]) -> None:
    """A proof that only this program can check, or one that is weaker."""
    message = b"".join(
        len(field).to_bytes(4, "big") + field for field in fields
    )
    assert mac(key, *fields) == hmac.digest(key, message, "sha256")
