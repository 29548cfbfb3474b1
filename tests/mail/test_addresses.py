# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mail addresses: valid ones, and text that would be something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.mail import addresses
from msrv.mail.addresses import BadAddress


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
        # Not strasse.de, volos.com and nameai.com: other people's domains.
        ("info@straße.de", "info@xn--strae-oqa.de"),
        ("info@STRASSE.de", "info@STRASSE.de"),
        ("info@βόλος.com", "info@xn--nxasmm1c.com"),
        ("info@faß.example", "info@xn--fa-hia.example"),
        (
            "info@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com",
            "info@xn--mgba3gch31f060k.com",
        ),
        ("me@Bücher.example", "me@xn--bcher-kva.example"),
        ("jörg@example.org", "jörg@example.org"),
        ("jo\u0308rg@example.org", "jörg@example.org"),
        ("用户@例子.中国", "用户@xn--fsqu00a.xn--fiqs8s"),
        ("ü" * 32 + "@example.org", "ü" * 32 + "@example.org"),
    ],
)
def test_valid_addresses_are_parsed(typed: str, wanted: str) -> None:
    assert addresses.parse(typed) == wanted


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
        "ü" * 33 + "@example.org",
        "a@" + "ü" * 300 + ".org",
        "a@ex☃\u2028ample.org",
        "a@\u0300example.org",
        "a@xn--zzzzzz\u00fc.org",
        "jö rg@example.org",
        "jö\u200brg@example.org",
        "jö\u202erg@example.org",
        "jö\x85rg@example.org",
        "jö\ud800rg@example.org",
        "“jörg”@example.org",
        "jörg\uff1cx\uff1e@example.org",
    ],
)
def test_invalid_addresses_are_rejected(typed: str) -> None:
    with pytest.raises(BadAddress):
        addresses.parse(typed)


@given(st.text(max_size=300))
def test_any_text_is_one_address_or_rejected(text: str) -> None:
    try:
        found = addresses.parse(text)
    except BadAddress:
        return
    assert found.rpartition("@")[2].isascii()
    assert found.isprintable()
    assert len(found.encode()) <= addresses.MAX_CHARS
    assert not set(found) & set(' <>,;:"()[]\\')
    assert addresses.parse(found) == found


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("shop@example.org", ("", "shop@example.org")),
        ("Wet Coats <shop@example.org>", ("Wet Coats", "shop@example.org")),
        ('"Coats, Wet" <a@example.org>', ("Coats, Wet", "a@example.org")),
        ('"The \\"Wet\\" Coats" <a@b.de>', ('The "Wet" Coats', "a@b.de")),
        ("Shop <info@straße.de>", ("Shop", "info@xn--strae-oqa.de")),
    ],
)
def test_valid_senders_are_parsed(
    stated: str, wanted: tuple[str, str]
) -> None:
    found = addresses.parse_sender(stated)
    assert (found.display_name, found.addr_spec) == wanted


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ("", "must be an address"),
        ("shop", "must be an address"),
        ("Shop <a@example.org", "must be an address"),
        ("Shop\n <a@example.org>x", "must be an address"),
        ("Sh\x07op <a@example.org>", "control character"),
        (
            "Shop <jörg@example.org>",
            "contains non-ASCII characters before the @",
        ),
        ("shop@exa_mple.org", "the domain contains '_'"),
        ("shop@ex☃\u2028ample.org", "the domain isn't valid in IDNA 2008"),
        ("shop@localhost", "the domain must be like"),
        ("a@example.org, b@example.org", "must be an address"),
    ],
)
def test_invalid_senders_are_rejected_with_the_reason(
    stated: str, why: str
) -> None:
    with pytest.raises(BadAddress, match=why):
        addresses.parse_sender(stated)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("victim@example.org", "Victim@Example.ORG", True),
        ("victim@example.org", "victim+17@example.org", True),
        ("victim@gmail.com", "v.i.ctim+x@googlemail.com", True),
        ("v.ictim@example.org", "victim@example.org", False),
        ("+a@example.org", "+b@example.org", False),
        ("victim@example.org", "victim@example.net", False),
        ("jörg@example.org", "JÖRG@example.org", True),
    ],
)
def test_spellings_of_one_mailbox_have_the_same_key(
    one: str, other: str, *, same: bool
) -> None:
    keys = [addresses.mailbox_key(each) for each in (one, other)]
    assert (keys[0] == keys[1]) is same


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("kim@example.org", "k…@example.org"),
        ("k@example.org", "k…@example.org"),
        ("ö.x@example.org", "ö…@example.org"),
        ('"a@b"@example.org', '"…@example.org'),
    ],
)
def test_masked_address_has_one_letter_and_the_domain(
    address: str, masked: str
) -> None:
    assert addresses.masked(address) == masked
