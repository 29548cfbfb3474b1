"""Mail addresses: what people have, and what would be something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.mail import addresses
from msrv.mail.errors import BadAddress


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("you@example.org", "you@example.org"),
        ("  you@example.org\n", "you@example.org"),
        ("You.Too+shop@Sub.Example.org", "You.Too+shop@Sub.Example.org"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
        ("me@müller.example", "me@xn--mller-kva.example"),
        ("x@xn--mller-kva.xn--p1ai", "x@xn--mller-kva.xn--p1ai"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_addresses(typed: str, wanted: str) -> None:
    """Somebody with an unusual address can't have a receipt."""
    assert addresses.read(typed) == wanted


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "you",
        "@example.org",
        "you@",
        "you@localhost",
        "you@example",
        "you@127.0.0.1",
        "you@[127.0.0.1]",
        "you @example.org",
        "you@exam ple.org",
        "you@example.org, me@example.org",
        "you@example.org\r\nBcc: all@example.org",
        "you@example.org\nRCPT TO:<all@example.org>",
        "you\x00@example.org",
        "<you@example.org>",
        "You <you@example.org>",
        '"a b"@example.org',
        "a..b@example.org",
        ".a@example.org",
        "a@-b.example",
        "a@b..example",
        "a" * 65 + "@example.org",
        "a@" + "b." * 130 + "org",
        "jörg@example.org",
        "a@" + "ü" * 300 + ".org",
    ],
)
def test_what_is_none(typed: str) -> None:
    """One mail goes to two people, or a header holds another header."""
    with pytest.raises(BadAddress):
        addresses.read(typed)


@given(st.text(max_size=300))
def test_whatever_is_typed(text: str) -> None:
    """What somebody types is more than an address."""
    try:
        found = addresses.read(text)
    except BadAddress:
        return
    assert found.isascii()
    assert found.isprintable()
    assert not set(found) & set(' <>,;:"()[]\\')
    assert addresses.read(found) == found


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("shop@example.org", ("", "shop@example.org")),
        ("Wet Coats <shop@example.org>", ("Wet Coats", "shop@example.org")),
        ('"Coats, Wet" <a@example.org>', ("Coats, Wet", "a@example.org")),
    ],
)
def test_senders(stated: str, wanted: tuple[str, str]) -> None:
    """Mail is from another than the operator said."""
    found = addresses.sender(stated)
    assert (found.display_name, found.addr_spec) == wanted


@pytest.mark.parametrize(
    "stated", ["", "shop", "Shop <a@example.org", "Shop\n <a@example.org>x"]
)
def test_senders_that_are_none(stated: str) -> None:
    """A sender that nobody can be is found out by the first buyer."""
    with pytest.raises(BadAddress):
        addresses.sender(stated)
