# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""X-Forwarded-For and X-Forwarded-Proto, spoofed ones included."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.forwarded_headers import client_of, parse_entry, scheme_of

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # No proxy in between.
        ("203.0.113.9", [], "203.0.113.9"),
        # A stranger claims to be another client.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
        # The edge forwards the client's address.
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::2", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        # The client sent entries of its own, further left.
        ("10.0.0.2", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["10.0.0.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        # Two trusted proxies in sequence.
        ("10.0.0.2", ["198.51.100.1, 10.0.0.3"], "198.51.100.1"),
        # Only trusted proxies: the outermost of them.
        ("10.0.0.2", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        # An unreadable entry is no client, and never the proxy.
        ("10.0.0.2", ["198.51.100.1, unknown"], None),
        ("10.0.0.2", ["unknown, 10.0.0.3"], None),
        ("10.0.0.2", ["_hidden"], None),
        ("10.0.0.2", ["203.0.113.5:"], None),
        ("10.0.0.2", ["203.0.113.5:123456"], None),
        ("10.0.0.2", ["127.0.0.1", "unix:"], None),
        ("10.0.0.2", ["1" * 5000], None),
        ("10.0.0.2", [""], "10.0.0.2"),
        ("10.0.0.2", [", ,"], "10.0.0.2"),
        ("10.0.0.2", ["[2001:db8::1]"], "2001:db8::1"),
        # Azure and IIS write ports, others brackets and quotes.
        ("10.0.0.2", ["198.51.100.1:443"], "198.51.100.1"),
        ("10.0.0.2", ["[2001:db8::1]:50123"], "2001:db8::1"),
        ("10.0.0.2", ['"[2001:db8::1]:50123"'], "2001:db8::1"),
        ("10.0.0.2", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["198.51.100.1:9, 10.0.0.3:8"], "198.51.100.1"),
        ("10.0.0.2", ["127.0.0.1:1, 198.51.100.1:2"], "198.51.100.1"),
        # Empty entries are none (RFC 9110, section 5.6.1).
        ("10.0.0.2", ["198.51.100.1,, 10.0.0.3", ""], "198.51.100.1"),
        # The number of parsed entries is limited.
        ("10.0.0.2", [", ".join(["10.0.0.3"] * 10_000)], "10.0.0.3"),
        # A Unix socket has no address.
        (None, ["198.51.100.1"], None),
    ],
)
def test_client_is_the_rightmost_untrusted_entry(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    found = client_of(peer, forwarded, TRUSTED)
    assert found == (ip_address(client) if client else None)


@given(st.lists(st.text('0123456789abcdef.:[]," unkow_%', max_size=40)))
def test_client_is_never_the_proxy(values: list[str]) -> None:
    found = client_of("10.0.0.2", [*values, "x"], TRUSTED)
    assert found is None


@given(st.ip_addresses(), st.integers(0, 65535))
def test_address_is_parsed_in_every_spelling(
    address: IPv4Address | IPv6Address, port: int
) -> None:
    plain = parse_entry(str(address))
    bracketed = f"[{address}]" if address.version == 6 else f"{address}"
    for text in (bracketed, f"{bracketed}:{port}", f'"{bracketed}:{port}"'):
        assert parse_entry(text) == plain is not None


@pytest.mark.parametrize(
    ("values", "scheme"),
    [
        (["https"], "https"),
        (["http"], "http"),
        (["HTTPS"], "https"),
        (["https, http"], "https"),
        (["https,http"], "https"),
        (["https", "http"], "https"),
        ([" , Https"], "https"),
        (["http, https"], "http"),
        (["gopher"], None),
        (["httpsx"], None),
        ([""], None),
        ([], None),
    ],
)
def test_scheme_is_that_of_the_first_proxy(
    values: list[str], scheme: str | None
) -> None:
    assert scheme_of(values) == scheme
