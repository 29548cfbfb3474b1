# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Explanations of pasted text."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access, make_link
from msrv.proofs.orders import Line
from msrv.proofs.pasted_proofs import Explanation, ProofKind, explain
from msrv.proofs.receipts import Receipt, sign

EXPIRES_AT: Final = 1_800_000_000
NOW: Final = EXPIRES_AT - 1
ACCESS: Final = Access("AAAABBBBCCCCDDDDEEEEFFFF", "night-drive", EXPIRES_AT)
RECEIPT: Final = Receipt(
    ACCESS.order_id, 1, "demo", "EUR", (Line("night-drive", 700),)
)
NOTHING: Final = Explanation(ProofKind.NOTHING)


@pytest.fixture(scope="session")
def path(keyring: Keyring) -> str:
    return make_link(keyring, ACCESS.order_id, ACCESS.item_id, EXPIRES_AT).path


@pytest.fixture(scope="session")
def token(keyring: Keyring) -> str:
    return sign(keyring, RECEIPT)


@pytest.mark.parametrize(
    "form",
    [
        "{path}",
        "  {path}\n",
        "https://shop.example{path}",
        "http://[::1]:8000{path}",
        "https://shop.example/under/a/path{path}",
        "https://shop.example{path}?utm_source=mail",
        "https://shop.example{path}#top",
        "<https://shop.example{path}>",
        '"{path}"',
        "shop.example{path}",
    ],
)
def test_link_is_found_however_it_is_pasted(
    keyring: Keyring, path: str, form: str
) -> None:
    found = explain(keyring, form.format(path=path), NOW)
    assert found == Explanation(ProofKind.LINK, access=ACCESS)
    assert found.kind == "link"


@pytest.mark.parametrize(
    "form",
    [
        "{token}",
        "\t{token} \r\n",
        "https://shop.example/purchases/{token}",
        "https://www.shop.example/purchases/{token}?a=b.c.d#e",
        "/purchases/{token}",
        "/purchases/{token}/",
        "/verify?q={token}&lang=de",
        "<https://shop.example/purchases/{token}>",
    ],
)
def test_receipt_is_found_however_it_is_pasted(
    keyring: Keyring, token: str, form: str
) -> None:
    found = explain(keyring, form.format(token=token), NOW)
    assert found == Explanation(ProofKind.RECEIPT, receipt=RECEIPT)
    assert found.kind == "receipt"


def test_link_broken_over_lines_is_joined(
    keyring: Keyring, path: str, token: str
) -> None:
    for text, kind in ((path, ProofKind.LINK), (token, ProofKind.RECEIPT)):
        for at in (20, 60):
            broken = f"{text[:at]}\r\n  {text[at:]}"
            assert explain(keyring, broken, NOW).kind is kind


def test_expired_link_is_reported_as_expired(
    keyring: Keyring, path: str
) -> None:
    assert not explain(keyring, path, EXPIRES_AT - 1).expired
    found = explain(keyring, path, EXPIRES_AT)
    assert found == Explanation(ProofKind.LINK, access=ACCESS, expired=True)


def test_foreign_and_forged_text_is_nothing(
    keyring: Keyring, other: Keyring, path: str, token: str
) -> None:
    pop, poe, item_id = path.split("/")[2:]
    for text in (
        "",
        "   ",
        "/",
        "https://shop.example/",
        "/download/",
        f"/download/{pop}/{poe}",
        f"/download/{poe}/{pop}/{item_id}",
        f"/download/{pop}/{'f' * 32}/{item_id}",
        f"/download/{pop}/{poe}/another",
        f"{path}/more",
        f"{path}x",
        f"/upload/{pop}/{poe}/{item_id}",
        token[:-1],
        token + "A",
        "a.b.c",
        "\ud800.\udfff.\0",
        "a.b.c/" * 5000,
        "download/" * 1500,
        "%" * 100,
    ):
        assert explain(keyring, text, NOW) == NOTHING, text[:80]
    assert explain(other, path, NOW) == NOTHING
    assert explain(other, token, NOW) == NOTHING


def test_oversized_text_is_nothing(keyring: Keyring, path: str) -> None:
    assert explain(keyring, " " * 16_000 + path, NOW).access == ACCESS
    assert explain(keyring, " " * 17_000 + path, NOW) == NOTHING


@given(st.text(max_size=300))
def test_arbitrary_text_raises_nothing(keyring: Keyring, text: str) -> None:
    assert explain(keyring, text, NOW) == NOTHING


@given(st.lists(st.sampled_from("/.:?#&=<>\"'() \n%"), max_size=40))
def test_punctuation_raises_nothing(
    keyring: Keyring, marks: list[str]
) -> None:
    assert explain(keyring, "download".join(marks), NOW) == NOTHING


def test_tokens_of_a_previous_nonce_are_explained(
    rotated: Keyring, path: str, token: str
) -> None:
    assert explain(rotated, path, NOW).access == ACCESS
    assert explain(rotated, token, NOW).receipt == RECEIPT
