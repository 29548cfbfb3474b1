# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client address, scheme, host and origin, with spoofed headers."""

from ipaddress import ip_address

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from msrv import settings
from msrv.web.origin import OriginRules

RULES = OriginRules.from_settings(
    settings.load(
        {
            "MSRV_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
            "MSRV_PUBLIC_URL": "https://shop.example",
        }
    )
)
PLAIN = OriginRules.from_settings(settings.load({}))


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.2", ["https"], "https"),
        ("10.0.0.2", ["http"], "http"),
        ("10.0.0.2", ["https, http"], "https"),
        ("10.0.0.2", ["HTTPS"], "https"),
        ("10.0.0.2", ["gopher"], "http"),
        ("203.0.113.9", ["https"], "http"),
    ],
)
def test_only_a_trusted_proxy_sets_the_scheme(
    peer: str, proto: list[str], scheme: str
) -> None:
    pairs = [("X-Forwarded-Proto", value) for value in proto]
    origin = RULES.resolve(peer, secure=False, headers=headers(*pairs))
    assert origin.scheme == scheme


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("localhost:8443", True),
        ("LOCALHOST", True),
        ("127.0.0.1:8443", True),
        ("[::1]:8443", True),
        ("192.168.1.5:8000", True),
        ("shop.example", True),
        ("shop.example.", True),
        ("shop.example:444", True),
        ("evil.example", False),
        ("shop.example.evil.example", False),
        ("evil@shop.example", False),
        ("shop.example/evil", False),
        ("shop.example?x", False),
        ("shop.example..", False),
        ("shop.example:port", False),
        ("localhost\\.evil.example", False),
        ("[::1", False),
        ("", False),
        ("localhost, evil.example", False),
    ],
)
def test_own_hosts(host: str, *, ours: bool) -> None:
    assert RULES.is_own_host(host) is ours


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8443", True),
        ("[::1]:8443", True),
        ("127.1.2.3", True),
        ("192.0.2.7:8000", True),
        ("203.0.113.5", False),
        ("[2001:db8::1]", False),
    ],
)
def test_without_public_url_only_the_connections_address_is_own(
    host: str, *, ours: bool
) -> None:
    own = ip_address("192.0.2.7")
    assert PLAIN.is_own_host(host, own) is ours
    # Where it is set, receipts begin with it.
    assert RULES.is_own_host(host, own)


def test_international_host_matches_its_punycode() -> None:
    rules = OriginRules.from_settings(
        settings.load({"MSRV_PUBLIC_URL": "https://bücher.example"})
    )
    assert rules.is_own_host("xn--bcher-kva.example")
    assert rules.is_own_host("bücher.example:443")
    assert not rules.is_own_host("bucher.example")


@pytest.mark.parametrize(
    ("peer", "sent", "local"),
    [
        ("127.0.0.1", [("Host", "localhost:8000")], True),
        ("::1", [("Host", "[::1]:8000")], True),
        ("127.0.0.1", [], True),
        ("127.0.0.1", [("Host", "app:8000")], True),
        ("127.0.0.1", [("Host", "shop.example")], False),
        ("192.0.2.1", [("Host", "localhost")], False),
        (None, [("Host", "localhost")], False),
        *(
            ("127.0.0.1", [("Host", "localhost"), (name, "x")], False)
            for name in (
                "X-Forwarded-For",
                "X-Forwarded-Proto",
                "X-Forwarded-Host",
                "X-FORWARDED-SERVER",
                "X-Real-IP",
                "Forwarded",
                "Via",
                "CF-Connecting-IP",
            )
        ),
    ],
)
def test_request_through_a_local_proxy_is_not_local(
    peer: str | None, sent: list[tuple[str, str]], *, local: bool
) -> None:
    assert RULES.is_own_network(peer, headers(*sent)) is local


def test_base_url_is_the_public_url() -> None:
    origin = RULES.resolve(
        "203.0.113.9", secure=False, headers=headers(("Host", "127.0.0.1"))
    )
    assert origin.base_url == "https://shop.example"
    origin = PLAIN.resolve(
        "203.0.113.9", secure=True, headers=headers(("Host", "LocalHost:1"))
    )
    assert origin.base_url == "https://localhost:1"


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        ([], True),
        ([("Origin", "https://localhost:1")], True),
        ([("Origin", "http://localhost:1")], False),
        ([("Origin", "https://localhost:2")], False),
        ([("Origin", "https://evil.example")], False),
        ([("Origin", "null")], False),
        ([("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], True),
        ([("Origin", "null"), ("Sec-Fetch-Site", "cross-site")], False),
        ([("Sec-Fetch-Site", "same-origin")], True),
        ([("Sec-Fetch-Site", "none")], True),
        ([("Sec-Fetch-Site", "same-site")], False),
        ([("Sec-Fetch-Site", "cross-site")], False),
    ],
)
def test_same_site_posts(sent: list[tuple[str, str]], *, same: bool) -> None:
    found = headers(("Host", "localhost:1"), *sent)
    origin = PLAIN.resolve("127.0.0.1", secure=True, headers=found)
    assert PLAIN.is_same_site(origin, found, has_own_cookie=False) is same


def test_cookie_proves_same_site_without_fetch_metadata() -> None:
    found = headers(("Host", "localhost:1"), ("Origin", "null"))
    origin = PLAIN.resolve("127.0.0.1", secure=True, headers=found)
    assert PLAIN.is_same_site(origin, found, has_own_cookie=True)
    foreign = headers(("Host", "localhost:1"), ("Origin", "https://a.example"))
    assert not PLAIN.is_same_site(origin, foreign, has_own_cookie=True)
