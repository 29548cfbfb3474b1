"""Who is believed to ask, and under which address: the spoofing table."""

from ipaddress import ip_address

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from msrv import settings
from msrv.pages.origin import OriginRules

RULES = OriginRules.of(
    settings.load(
        {
            "MSRV_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
            "MSRV_PUBLIC_URL": "https://shop.example",
        }
    )
)
PLAIN = OriginRules.of(settings.load({}))


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


XFF = "X-Forwarded-For"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Nobody in between.
        ("203.0.113.9", [], "203.0.113.9"),
        # A stranger says it is someone else.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
        # The edge says who it was.
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::2", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        # The visitor wrote entries of their own, further left.
        ("10.0.0.2", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["10.0.0.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        # Two proxies of ours, one after the other.
        ("10.0.0.2", ["198.51.100.1, 10.0.0.3"], "198.51.100.1"),
        # Only ours: the outermost of them.
        ("10.0.0.2", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        # What can't be read stops the walk.
        ("10.0.0.2", ["198.51.100.1, unknown"], "10.0.0.2"),
        ("10.0.0.2", ["unknown, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.2", [""], "10.0.0.2"),
        ("10.0.0.2", [", ,"], "10.0.0.2"),
        ("10.0.0.2", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.2", ["198.51.100.1:443"], "10.0.0.2"),
        # Ten thousand entries are not walked.
        ("10.0.0.2", [", ".join(["10.0.0.3"] * 10_000)], "10.0.0.3"),
        # A Unix socket has no address.
        (None, ["198.51.100.1"], None),
    ],
)
def test_the_client_is_found_from_the_right(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    """Anyone can be anyone, and read the metrics or dodge a limit."""
    origin = RULES.read(
        peer,
        secure=False,
        headers=headers(*((XFF, value) for value in forwarded)),
    )
    assert origin.client == (ip_address(client) if client else None)


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("10.0.0.2", ["https"], "https"),
        ("10.0.0.2", ["http"], "http"),
        ("10.0.0.2", ["https, http"], "http"),
        ("10.0.0.2", ["https", "http"], "http"),
        ("10.0.0.2", ["gopher"], "http"),
        ("203.0.113.9", ["https"], "http"),
    ],
)
def test_the_scheme_is_the_trusted_proxys_to_say(
    peer: str, proto: list[str], scheme: str
) -> None:
    """A stranger has cookies sent, or links made, for another scheme."""
    pairs = [("X-Forwarded-Proto", value) for value in proto]
    origin = RULES.read(peer, secure=False, headers=headers(*pairs))
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
        ("shop.example:port", False),
        ("[::1", False),
        ("", False),
        ("localhost, evil.example", False),
    ],
)
def test_which_hosts_are_ours(host: str, *, ours: bool) -> None:
    """Receipts are handed out that lead to somebody else's site."""
    assert RULES.knows(host) is ours


def test_addresses_begin_with_the_public_url() -> None:
    """A receipt begins with whatever a visitor put into Host."""
    origin = RULES.read(
        "203.0.113.9", secure=False, headers=headers(("Host", "127.0.0.1"))
    )
    assert origin.base_url == "https://shop.example"
    origin = PLAIN.read(
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
def test_which_posts_are_from_our_own_pages(
    sent: list[tuple[str, str]], *, same: bool
) -> None:
    """Another site's page fills a visitor's cart, or orders for them."""
    found = headers(("Host", "localhost:1"), *sent)
    origin = PLAIN.read("127.0.0.1", secure=True, headers=found)
    assert PLAIN.same_site(origin, found, knows_visitor=False) is same


def test_an_old_browser_is_known_by_its_cookie() -> None:
    """Who has an old phone can fill a cart and not pay for it."""
    found = headers(("Host", "localhost:1"), ("Origin", "null"))
    origin = PLAIN.read("127.0.0.1", secure=True, headers=found)
    assert PLAIN.same_site(origin, found, knows_visitor=True)
    foreign = headers(("Host", "localhost:1"), ("Origin", "https://a.example"))
    assert not PLAIN.same_site(origin, foreign, knows_visitor=True)
