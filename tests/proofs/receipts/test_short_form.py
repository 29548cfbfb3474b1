# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The short form of receipts: a third of the JWS, in a single spelling."""

import base64
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs import receipts
from msrv.proofs.consents import Consent, wording_sha256
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, RetiredKey
from msrv.proofs.orders import MAX_LINES, MAX_PRICE_MINOR, MAX_TIME, Line
from msrv.proofs.receipts import Receipt, length_at, read, sign, sign_jws

RECEIPT: Final = Receipt(
    order_id="AAAABBBBCCCCDDDDEEEEFFFF",
    issued_at=1_799_900_000,
    provider="stripe",
    currency="EUR",
    lines=(Line("night-drive", 700), Line("tape-hiss", 1)),
)
ALPHABET: Final = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)
ITEM_IDS: Final = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
RECEIPTS: Final = st.builds(
    Receipt,
    order_id=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=24).map(
        lambda text: text[:24]
    ),
    issued_at=st.integers(0, MAX_TIME),
    provider=st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "ZZZ"]),
    lines=st.lists(
        st.builds(Line, ITEM_IDS, st.integers(0, MAX_PRICE_MINOR)),
        min_size=1,
        max_size=12,
        unique_by=lambda line: line.item_id,
    ).map(tuple),
    consent=st.none()
    | st.builds(
        Consent,
        sha256=st.text().map(
            lambda text: wording_sha256(text.encode(errors="replace").decode())
        ),
        language=st.from_regex(r"[A-Za-z_]{2,12}", fullmatch=True),
        given_at=st.integers(0, MAX_TIME),
    ),
)


@pytest.fixture(scope="session")
def token(keyring: Keyring) -> str:
    return sign(keyring, RECEIPT)


def refuse(keyring: Keyring, token: str) -> None:
    with pytest.raises(Forged):
        read(keyring, token)


def resigned(keyring: Keyring, body: bytes) -> str:
    """Return a body with a valid signature, which only the store can make."""
    signature = keyring.current.receipt_key.sign(body)
    return base64.urlsafe_b64encode(body + signature).rstrip(b"=").decode()


def body_of(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:-64]


@given(RECEIPTS)
def test_receipt_survives_signing_and_reading(
    keyring: Keyring, receipt: Receipt
) -> None:
    token = sign(keyring, receipt)
    assert read(keyring, token) == receipt
    assert read(keyring, sign_jws(keyring, receipt)) == receipt
    assert length_at(f"x{token}", 1) == len(token)


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("item_id", ["night-bus", "last-stop-remastered"])
def test_receipt_is_at_most_half_as_long_as_its_jws(
    keyring: Keyring, count: int, item_id: str
) -> None:
    lines = tuple(Line(f"{item_id}-{n}", 700) for n in range(count))
    receipt = Receipt("A" * 24, 1_799_900_000, "stripe", "EUR", lines)
    assert len(sign(keyring, receipt)) <= len(sign_jws(keyring, receipt)) / 2


def test_longest_receipt_is_read(keyring: Keyring) -> None:
    lines = tuple(
        Line(f"{number:032}", MAX_PRICE_MINOR) for number in range(MAX_LINES)
    )
    consent = Consent("f" * 64, "a" * 12, MAX_TIME)
    longest = Receipt("7" * 24, MAX_TIME, "a" * 16, "EUR", lines, consent)
    assert read(keyring, sign_jws(keyring, longest)) == longest
    token = sign(keyring, longest)
    assert len(token) <= 4000
    assert read(keyring, token) == longest
    assert length_at(token, 0) == len(token)


def test_any_changed_bit_is_forged(keyring: Keyring, token: str) -> None:
    for at, character in enumerate(token):
        for bit in range(6):
            other = ALPHABET[ALPHABET.index(character) ^ 1 << bit]
            refuse(keyring, token[:at] + other + token[at + 1 :])


def test_any_truncation_or_extension_is_forged(
    keyring: Keyring, token: str
) -> None:
    for size in range(len(token)):
        refuse(keyring, token[:size])
        refuse(keyring, token[size + 1 :])
        assert length_at(token[:size], 0) is None
    for tail in ("=", "==", ".", "A", "AAAA", "\n", " ", "%00", "é", "\ud800"):
        refuse(keyring, token + tail)
        refuse(keyring, tail + token)


def test_receipt_of_another_store_is_forged(
    keyring: Keyring, other: Keyring, rotated: Keyring
) -> None:
    theirs = sign(other, RECEIPT)
    refuse(keyring, theirs)
    assert read(rotated, theirs) == RECEIPT
    # Their signature, under the start of this store's key.
    refuse(keyring, sign(keyring, RECEIPT)[:8] + theirs[8:])


def test_receipt_of_a_retired_key_is_read(
    keyring: Keyring, other: Keyring
) -> None:
    retired = RetiredKey(other.current.receipt_public_key, 1)
    ring = Keyring(keyring.generations, retired=(retired,))
    assert read(ring, sign(other, RECEIPT)) == RECEIPT


def test_signature_of_a_jws_does_not_fit_the_short_form(
    keyring: Keyring, token: str
) -> None:
    signature = sign_jws(keyring, RECEIPT).rpartition(".")[2]
    body = body_of(token)
    borrowed = base64.urlsafe_b64decode(signature + "==")
    refuse(
        keyring,
        base64.urlsafe_b64encode(body + borrowed).rstrip(b"=").decode(),
    )


def test_body_has_one_spelling_even_if_the_store_signed_another(
    keyring: Keyring, token: str
) -> None:
    body = body_of(token)
    assert resigned(keyring, body) == token
    *_, last = body
    assert last == 1  # the price of the last line
    for wrong in (
        body[:-1] + b"\x81\x00",  # the price in two bytes
        body[:-1] + b"\xff" * 9,
        body + b"\x00",
        body[:-1],
        b"\x02" + body[1:],
        body.replace(b"EUR", b"eur"),
        body.replace(b"EUR", b"EU\xff"),
        body.replace(b"\x06stripe", b"\x06Stripe"),
        body[:-10] + b"\xff" * 9 + body[-1:],  # no number of nine letters
        body[:-1] + body[-1:] + body[-12:],
    ):
        refuse(keyring, resigned(keyring, wrong))


@given(st.binary(max_size=300))
def test_signed_rubbish_is_forged(keyring: Keyring, rubbish: bytes) -> None:
    start = body_of(sign(keyring, RECEIPT))[:6]
    refuse(keyring, resigned(keyring, start + rubbish))


@given(st.text(max_size=400))
def test_arbitrary_input_is_forged(keyring: Keyring, text: str) -> None:
    (start, *_) = receipts.known_starts(keyring)
    refuse(keyring, start + text)
    assert length_at(start + text, 0) is None or len(text) > 100


def test_price_that_does_not_end_is_no_receipt(
    keyring: Keyring, token: str
) -> None:
    body = body_of(token)
    assert body.endswith(b"\x01")  # the last line's price
    for price, is_whole in (
        (b"\x81" * 5 + b"\x01", True),
        (b"\x81" * 6, False),
    ):
        found = resigned(keyring, body[:-1] + price)
        expected = len(found) if is_whole else None
        assert length_at(found, 0) == expected
