# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keys, and their derivation from NONCE."""

import dataclasses
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from msrv.proofs.encoding import decode
from msrv.proofs.keyring import (
    Generation,
    Keyring,
    Purpose,
    derive,
    stretch,
    thumbprint,
)


def test_same_nonce_derives_the_same_keys(
    keyring: Keyring,
) -> None:
    again = Generation.from_nonce("the store's own")
    assert again.kid == keyring.current.kid
    for purpose in Purpose:
        assert again.key(purpose) == keyring.current.key(purpose)


def test_keys_are_derived_by_scrypt_and_hkdf(keyring: Keyring) -> None:
    secret = hashlib.scrypt(
        b"the store's own",
        salt=b"msrv/v1",
        n=32768,
        r=8,
        p=1,
        maxmem=2**26,
        dklen=32,
    )
    extracted = hmac.digest(bytes(32), secret, "sha256")
    for purpose in Purpose:
        info = b"msrv/v1/" + purpose.value.encode()
        expected = hmac.digest(extracted, info + b"\1", "sha256")
        assert keyring.current.key(purpose) == expected


def test_each_purpose_has_its_own_key(
    keyring: Keyring, other: Keyring
) -> None:
    keys = {
        each.current.key(purpose)
        for each in (keyring, other)
        for purpose in Purpose
    }
    assert len(keys) == 2 * len(Purpose)
    assert all(len(key) == 32 for key in keys)
    assert keys.isdisjoint({stretch("the store's own")})


def test_receipt_key_is_derived_from_the_receipt_seed(
    keyring: Keyring,
) -> None:
    private = keyring.current.receipt_key.private_bytes_raw()
    assert private == derive(stretch("the store's own"), Purpose.RECEIPT)


def test_kid_is_thethumbprint_of_rfc_8037() -> None:
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = Ed25519PublicKey.from_public_bytes(decode(x))
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "nonce", ["x", "ü", "日本", " ", "a\0b", "a" * 10_000]
)
def test_any_nonempty_text_is_a_nonce(nonce: str) -> None:
    assert Keyring.from_nonces(nonce).current.kid


def test_empty_nonce_is_rejected() -> None:
    with pytest.raises(ValueError, match="empty"):
        Keyring.from_nonces("")
    with pytest.raises(ValueError, match="empty"):
        Keyring.from_nonces("x", "")


def test_similar_nonces_derive_unrelated_keys() -> None:
    kids = {
        Generation.from_nonce(each).kid for each in ("n", "n ", "N", "n" * 65)
    }
    assert len(kids) == 4


def test_current_nonce_signs_and_duplicates_count_once() -> None:
    ring = Keyring.from_nonces("new", "old", "new")
    assert [each.kid for each in ring.generations] == [
        Generation.from_nonce("new").kid,
        Generation.from_nonce("old").kid,
    ]
    assert ring.current is ring.generations[0]


def test_repr_reveals_no_keys(keyring: Keyring) -> None:
    for text in (repr(keyring), str(keyring), f"{keyring.current!r}"):
        assert "the store's own" not in text
        for purpose in Purpose:
            key = keyring.current.key(purpose)
            assert key.hex() not in text
            assert repr(key)[2:-1] not in text


def test_keyring_is_immutable(keyring: Keyring) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        keyring.generations = ()  # type: ignore[misc]  # the point
