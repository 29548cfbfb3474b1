# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tokens in pasted text: found there, and never mistaken for others."""

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msrv.proofs import codes, receipts
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import make_link
from msrv.proofs.orders import Line
from msrv.proofs.pasted_proofs import find, search_codes
from msrv.proofs.pasted_text import MAX_CHARS, variants
from msrv.proofs.receipts import Receipt
from tests.proofs.wrapped_texts import (
    BASE,
    SAFELINK,
    WRAPPINGS,
    broken,
    printable,
    urldefense_v2,
)

NOW: Final = 1_800_000_000
ORDER: Final = "AAAABBBBCCCCDDDDEEEEFFFF"
Sign = Callable[[Keyring, Receipt], str]
FORMS: Final = {"short": receipts.sign, "JWS": receipts.sign_jws}


def receipt_path(
    keyring: Keyring, lines: int = 1, *, sign: Sign = receipts.sign
) -> str:
    sold = tuple(Line(f"night-drive-{n}", 700) for n in range(lines))
    return "/purchases/" + sign(
        keyring, Receipt(ORDER, 1, "free", "EUR", sold)
    )


def link_path(keyring: Keyring, item_id: str = "night-drive") -> str:
    return make_link(keyring, ORDER, item_id, NOW + 60).path


def codes_in(text: str) -> list[str]:
    return list(filter(None, search_codes(text)))


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize(
    "kind", ["receipt", "long receipt", "JWS", "long JWS", "link"]
)
def test_token_is_found_in_pasted_text(
    keyring: Keyring, kind: str, wrap: Callable[[str], str]
) -> None:
    path = {
        "receipt": lambda: receipt_path(keyring),
        "long receipt": lambda: receipt_path(keyring, 40),
        "JWS": lambda: receipt_path(keyring, sign=receipts.sign_jws),
        "long JWS": lambda: receipt_path(keyring, 40, sign=receipts.sign_jws),
        "link": lambda: link_path(keyring),
    }[kind]()
    text = wrap(BASE + path)
    if len(text) > MAX_CHARS:
        pytest.skip("longer than is read")
    found = find(keyring, text, NOW)
    assert found is not None
    assert found.path == path


def test_receipt_is_found_in_the_paths_below_it(keyring: Keyring) -> None:
    path = receipt_path(keyring)
    for behind in ("/mail", "/mail/", "?mailed=1", "#qr"):
        found = find(keyring, BASE + path + behind, NOW)
        assert found is not None
        assert found.path == path


@pytest.mark.parametrize("item_id", ["a", "x-1-", "n" * 32, "0"])
def test_link_ends_with_its_item_id(keyring: Keyring, item_id: str) -> None:
    path = link_path(keyring, item_id)
    for behind in ("", "\nand more", "\nmore", ".", "_", "/", " x", "--", "Ü"):
        found = find(keyring, f"{BASE}{path}{behind}", NOW)
        assert found is not None
        assert found.path == path


@pytest.mark.parametrize("sign", FORMS.values(), ids=FORMS)
def test_altered_and_foreign_receipts_are_not_found(
    keyring: Keyring, other: Keyring, sign: Sign
) -> None:
    receipt = receipt_path(keyring, sign=sign)
    start = len("/purchases/")
    for text in (
        receipt + "A",
        receipt[:-1],
        receipt[: start + 2] + "K" + receipt[start + 3 :],
        receipt[:40] + receipt[41:],
        receipt_path(other, sign=sign),
    ):
        assert find(keyring, BASE + text, NOW) is None, text


def test_altered_and_foreign_links_are_not_found(
    keyring: Keyring, other: Keyring
) -> None:
    link = link_path(keyring)
    for text in (
        link + "x",
        link + "/more",
        link[:-1],
        link.replace("/download/", "/upload/"),
        link.lower(),
        link_path(other),
    ):
        assert find(keyring, BASE + text, NOW) is None, text


JUNK: Final = st.text(
    st.sampled_from(" \r\n\t>|=%<&;#/.,_-~*()[]{}'\"\\?:+@!")
    | st.characters(),
    max_size=60,
)
BREAKS: Final = st.sampled_from(
    ["\n", "\r\n", "=\r\n", "\n> ", " ", "\u200b", "\u00ad", "\xa0", "\r\n\t"]
)


@example("", "0", "\n", 5, "italic")
@given(
    JUNK, JUNK, BREAKS, st.integers(5, 80), st.sampled_from(sorted(WRAPPINGS))
)
def test_token_is_found_in_any_surroundings(
    keyring: Keyring,
    before: str,
    behind: str,
    end: str,
    width: int,
    wrapping: str,
) -> None:
    path = receipt_path(keyring)
    text = WRAPPINGS[wrapping](f"{BASE}{path}")
    if wrapping in {"an address", "a sentence", "brackets", "SafeLinks"}:
        text = broken(text, end, width)
    found = find(keyring, f"{before}\n{text}\n{behind}", NOW)
    assert found is not None
    assert found.path == path


@given(
    JUNK,
    st.sampled_from(sorted(WRAPPINGS)),
    st.integers(0, 10_000),
    st.sampled_from(sorted(FORMS)),
)
def test_token_with_a_changed_character_is_not_found(
    keyring: Keyring, before: str, wrapping: str, at: int, form: str
) -> None:
    path = receipt_path(keyring, sign=FORMS[form])
    at = 11 + at % (len(path) - 11)
    wrong = "B" if path[at] != "B" else "C"
    text = f"{BASE}{path[:at]}{wrong}{path[at + 1 :]}"
    assert find(keyring, before + WRAPPINGS[wrapping](text), NOW) is None


@given(st.text(max_size=300))
def test_text_without_a_token_has_none(keyring: Keyring, text: str) -> None:
    assert find(keyring, text, NOW) is None
    assert find(keyring, f"{BASE}/download/{text}", NOW) is None


def test_expired_link_is_found_as_expired(keyring: Keyring) -> None:
    found = find(keyring, f"<{link_path(keyring)}>.", NOW + 60)
    assert found is not None
    assert found.expired


def worst(keyring: Keyring, size: int) -> dict[str, str]:
    jws = receipt_path(keyring, sign=receipts.sign_jws)
    receipt, link = receipt_path(keyring), link_path(keyring)
    pieces = {
        "letters": "a",
        "percent": "%",
        "percent signs": "%25",
        "escapes": "%41a",
        "entities": "&#x41;",
        "open entities": "&#",
        "equals": "=41",
        "tags": "<a ",
        "spaces": " ",
        "spaces and ends": "   \n",
        "quotes": "> ",
        "zero-width": "\u200b",
        "long letters": "\ufdfa",
        "headers": jws.split("/")[2].split(".")[0] + ".",
        "JWS": jws[:-3] + "AAA ",
        "starts of receipts": receipt.split("/")[2][:8],
        "receipts": receipt[:-3] + "AAA ",
        "longest receipts": receipt_path(keyring, 100)[:-3] + "AAA ",
        "links": link[:-3] + " ",
        "downloads": "download/",
        "base64": "aHR0c",
        "urldefense": "urldefense.com/v2/url?u=",
        "urldefense's parts": "urldefense.com/v2/url?" + "a=&" * 20,
        "urldefense without ends": "urldefense",
        "urldefense's open parts": "urldefense/v2/url?a=",
        "code": "ABCD-",
        "letters of codes": "ABCD EFGH ",
    }
    return {
        name: (piece * (size // len(piece) + 1))[:size]
        for name, piece in pieces.items()
    }


def test_time_is_proportional_to_the_text(keyring: Keyring) -> None:
    """Eight times the text takes eight times as long, whatever is in it."""
    small, large = worst(keyring, 2000), worst(keyring, MAX_CHARS)

    def seconds(text: str) -> float:
        best = 1e9
        for _ in range(3):
            began = time.thread_time()
            find(keyring, text, NOW)
            codes_in(text)
            best = min(best, time.thread_time() - began)
        return best

    for name, text in large.items():
        # A quadratic step would make it 64 times; a check of a signature or
        # of a code is as long in a short text.
        assert seconds(text) < 30 * max(seconds(small[name]), 5e-4), name


def test_number_of_variants_is_bounded(keyring: Keyring) -> None:
    for name, text in worst(keyring, MAX_CHARS).items():
        found = list(variants(text * 2))
        assert len(found) <= 40, name
        assert all(len(each) <= MAX_CHARS for each in found), name


def test_code_is_found_in_pasted_text(keyring: Keyring) -> None:
    (code,) = codes.mint(keyring, "night-drive", "vinyl-2026", [7])
    signs = code.replace("-", "")
    for text in (
        code,
        code.lower(),
        signs,
        f"My code is {code}, thank you.",
        f"{BASE}/redeem?code={code}",
        f"<{BASE}/redeem?code={code}&utm_source=x>",
        SAFELINK.format(quote(f"{BASE}/redeem?code={code}", "")),
        urldefense_v2(f"{BASE}/redeem?code={code}"),
        code.replace("-", "\u2011"),
        code.replace("-", " \u2013 "),
        "\u201c" + code + "\u201d",
        "\u200b".join(code),
        f"> {code[:12]}\n> {code[12:]}",
        f"this code from your last disc: {code.replace('-', ' ')}",
        printable(f"{BASE}/redeem?code={code}"),
    ):
        assert signs in codes_in(text), text
    for text in ("", "a" * 20_000, code[:-1], code + "X", "1234 " * 100):
        assert signs not in codes_in(text)
        assert len(codes_in(text)) <= 4
