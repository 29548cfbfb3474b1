# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts: signed by the store, in a single spelling."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any, Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs import receipts
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import MAX_LINES, MAX_PRICE_MINOR, MAX_TIME, Line
from msrv.proofs.receipts import Receipt, jwks, read, sign_jws

RECEIPT: Final = Receipt(
    order_id="AAAABBBBCCCCDDDDEEEEFFFF",
    issued_at=1_799_900_000,
    provider="stripe",
    currency="EUR",
    lines=(Line("night-drive", 700), Line("tape-hiss", 1)),
)


@pytest.fixture(scope="session")
def token(keyring: Keyring) -> str:
    return sign_jws(keyring, RECEIPT)


def refuse(keyring: Keyring, token: str) -> None:
    with pytest.raises(Forged):
        read(keyring, token)


def test_receipt_survives_signing_and_reading(
    keyring: Keyring, token: str
) -> None:
    assert read(keyring, token) == RECEIPT
    assert RECEIPT.total_minor == 701


def test_receipt_has_one_text(keyring: Keyring, token: str) -> None:
    assert sign_jws(keyring, RECEIPT) == token


def test_receipt_verifies_with_the_published_key(
    keyring: Keyring, token: str
) -> None:
    def decoded(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    header, payload, signature = token.split(".")
    claimed = json.loads(decoded(header))
    published = json.loads(json.dumps(jwks(keyring)))
    (key,) = [k for k in published["keys"] if k["kid"] == claimed["kid"]]
    assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
    assert key["alg"] == claimed["alg"] == "EdDSA"
    thumb = json.dumps(
        {name: key[name] for name in ("crv", "kty", "x")},
        separators=(",", ":"),
    )
    digest = hashlib.sha256(thumb.encode()).digest()
    assert decoded(key["kid"]) == digest
    public = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public.verify(decoded(signature), f"{header}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        public.verify(decoded(signature), f"{header}.{payload}A".encode())
    assert json.loads(decoded(payload)) == {
        "aud": "msrv",
        "cur": "EUR",
        "iat": 1_799_900_000,
        "items": [["night-drive", 700], ["tape-hiss", 1]],
        "iss": "msrv",
        "jti": "AAAABBBBCCCCDDDDEEEEFFFF",
        "prv": "stripe",
    }


def test_jwks_contains_only_public_keys(rotated: Keyring) -> None:
    keys = jwks(rotated)["keys"]
    assert [key["kid"] for key in keys] == [
        each.kid for each in rotated.verifiers
    ]
    for key in keys:
        assert set(key) == {"alg", "crv", "kid", "kty", "use", "x"}


def test_any_changed_bit_is_forged(keyring: Keyring, token: str) -> None:
    alphabet = (
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )
    for at, character in enumerate(token):
        if character == ".":
            continue
        for bit in range(6):
            other = alphabet[alphabet.index(character) ^ 1 << bit]
            refuse(keyring, token[:at] + other + token[at + 1 :])


def test_any_truncation_or_extension_is_forged(
    keyring: Keyring, token: str
) -> None:
    for size in range(len(token)):
        refuse(keyring, token[:size])
        refuse(keyring, token[size + 1 :])
    for tail in ("=", "==", ".", "A", "AAAA", "\n", " ", "%00", "é", "\ud800"):
        refuse(keyring, token + tail)
        refuse(keyring, tail + token)
        refuse(keyring, token.replace(".", tail + "."))
        refuse(keyring, token.replace(".", "." + tail))


@given(st.text(max_size=400))
def test_arbitrary_input_is_forged(keyring: Keyring, text: str) -> None:
    refuse(keyring, text)


@given(st.data())
def test_any_edit_is_forged(
    keyring: Keyring, token: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(token)))
    stop = data.draw(st.integers(start, len(token)))
    edited = token[:start] + data.draw(st.text(max_size=8)) + token[stop:]
    if edited != token:
        refuse(keyring, edited)


def test_largest_receipt_fits_a_request_line(keyring: Keyring) -> None:
    lines = tuple(
        Line(f"{number:032}", MAX_PRICE_MINOR) for number in range(MAX_LINES)
    )
    largest = Receipt("A" * 24, MAX_TIME, "a" * 16, "EUR", lines)
    token = sign_jws(keyring, largest)
    assert len(token) <= 7500
    assert read(keyring, token) == largest


def test_oversized_text_is_forged_without_work(
    keyring: Keyring, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(keyring, token + "A" * 10**6)
    monkeypatch.setattr(receipts, "MAX_TOKEN_CHARS", len(token))
    assert read(keyring, token) == RECEIPT
    monkeypatch.setattr(receipts, "MAX_TOKEN_CHARS", len(token) - 1)
    refuse(keyring, token)


def test_receipt_stays_valid_after_a_nonce_rotation(
    keyring: Keyring, other: Keyring, rotated: Keyring, token: str
) -> None:
    assert read(rotated, token) == RECEIPT
    fresh = sign_jws(rotated, RECEIPT)
    assert fresh == sign_jws(other, RECEIPT)
    assert read(rotated, fresh) == RECEIPT
    refuse(keyring, fresh)


@pytest.mark.parametrize(
    "change",
    [
        {"lines": ()},
        {"lines": (Line("a", 1), Line("a", 2))},
        {"lines": tuple(Line(f"{n}", 1) for n in range(MAX_LINES + 1))},
        {"order_id": "x"},
        {"currency": "Euro"},
        {"provider": "A Bank"},
        {"provider": ""},
        {"issued_at": -1},
        {"issued_at": MAX_TIME + 1},
        {"issued_at": 1.0},
    ],
)
def test_invalid_values_make_no_receipt(
    change: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=r"not|no |twice"):
        replace(RECEIPT, **change)
