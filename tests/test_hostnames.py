# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Host names: conversion to ASCII, as browsers convert them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.hostnames import BadHostname, address_of, host_to_ascii, to_ascii

# From UTS 46's conformance file and what registries take since 2010.
NAMES = {
    "shop.example": "shop.example",
    "SHOP.Example.": "shop.example",
    "bücher.example": "xn--bcher-kva.example",
    "Bücher.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "straße.de": "xn--strae-oqa.de",
    "βόλος.com": "xn--nxasmm1c.com",
    "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.ir": "xn--mgba3gch31f060k.ir",
    "日本語。jp": "xn--wgv71a119e.jp",
    "\uff53\uff48\uff4f\uff50\uff0eexample": "shop.example",
    "xn--strae-oqa.de": "xn--strae-oqa.de",
    "r3---sn.example": "r3---sn.example",
    "localhost": "localhost",
}

INVALID_NAMES = {
    "": "an empty part between",
    ".": "an empty part between",
    "a..b": "an empty part between",
    ".a": "an empty part between",
    "a b.example": "' '",
    "a_b.example": "'_'",
    "a/b": "'/'",
    "a:80": "':'",
    "ü b.example": "U+0020",
    "-a.example": "hyphen",
    "a-.example": "hyphen",
    "a\u200db.example": "U+200D",
    "i❤.example": "U+2764",
    "a" * 64 + ".example": "63",
    "ü" * 60 + ".example": "too long",
    "a." * 130: "253",
    "a" * 100_000: "253",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_name_is_converted_as_in_browsers(name: str, expected: str) -> None:
    assert to_ascii(name) == expected


@pytest.mark.parametrize(("name", "reason"), INVALID_NAMES.items())
def test_invalid_name_is_rejected_with_the_reason(
    name: str, reason: str
) -> None:
    with pytest.raises(BadHostname, match=reason.replace("+", r"\+")):
        to_ascii(name)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ("\uff11\uff19\uff12.0.2.1", "192.0.2.1"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_host_has_one_spelling(host: str, expected: str) -> None:
    assert host_to_ascii(host) == expected


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1",
        "1.2.3.256",
        "::1",
        "[::1",
        "[1.2.3.4]",
        "[fe80::1%1]",
    ],
)
def test_host_in_digits_must_be_an_ipv4_address(host: str) -> None:
    with pytest.raises(BadHostname):
        host_to_ascii(host)


@given(st.text(max_size=80))
def test_ascii_form_is_converted_to_itself(text: str) -> None:
    try:
        name = host_to_ascii(text)
    except BadHostname:
        return
    assert name.isascii()
    assert host_to_ascii(name) == name
    if name.startswith("["):
        assert address_of(name) is not None
