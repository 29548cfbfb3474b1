"""What a text that somebody pasted is."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access, make_link
from msrv.proofs.orders import Line
from msrv.proofs.pasted import Explanation, ProofKind, explain
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
def test_a_link_is_found_however_it_is_pasted(
    keyring: Keyring, path: str, form: str
) -> None:
    """Else a buyer with a good link would be told that it is none."""
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
def test_a_receipt_is_found_however_it_is_pasted(
    keyring: Keyring, token: str, form: str
) -> None:
    """Else a buyer with a good receipt would be told that it is none."""
    found = explain(keyring, form.format(token=token), NOW)
    assert found == Explanation(ProofKind.RECEIPT, receipt=RECEIPT)
    assert found.kind == "receipt"


def test_a_line_broken_by_a_mail_program_is_mended(
    keyring: Keyring, path: str, token: str
) -> None:
    """Else a long address from a mail would not work, and no one say why."""
    for text, kind in ((path, ProofKind.LINK), (token, ProofKind.RECEIPT)):
        for at in (20, 60):
            broken = f"{text[:at]}\r\n  {text[at:]}"
            assert explain(keyring, broken, NOW).kind is kind


def test_an_expired_link_is_called_so(keyring: Keyring, path: str) -> None:
    """Else a buyer would not learn that a fresh link is all they need."""
    assert not explain(keyring, path, EXPIRES_AT - 1).expired
    found = explain(keyring, path, EXPIRES_AT)
    assert found == Explanation(ProofKind.LINK, access=ACCESS, expired=True)


def test_what_is_not_ours_is_nothing(
    keyring: Keyring, other: Keyring, path: str, token: str
) -> None:
    """Else a forged link would be called good by the store itself."""
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


def test_a_whole_book_is_nothing(keyring: Keyring, path: str) -> None:
    """Else a paste of megabytes could keep the store at work for long."""
    assert explain(keyring, " " * 16_000 + path, NOW).access == ACCESS
    assert explain(keyring, " " * 17_000 + path, NOW) == NOTHING


@given(st.text(max_size=300))
def test_it_never_fails(keyring: Keyring, text: str) -> None:
    """Else a strange paste would end in an error of the server's own."""
    assert explain(keyring, text, NOW) == NOTHING


@given(st.lists(st.sampled_from("/.:?#&=<>\"'() \n%"), max_size=40))
def test_no_punctuation_makes_it_fail(
    keyring: Keyring, marks: list[str]
) -> None:
    """Else a strange paste would end in an error of the server's own."""
    assert explain(keyring, "download".join(marks), NOW) == NOTHING


def test_it_works_after_a_rotation(
    rotated: Keyring, path: str, token: str
) -> None:
    """Else older buyers would be told that they never bought anything."""
    assert explain(rotated, path, NOW).access == ACCESS
    assert explain(rotated, token, NOW).receipt == RECEIPT
