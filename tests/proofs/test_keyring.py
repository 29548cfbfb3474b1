"""NONCE, and the keys derived from it."""

import dataclasses
import hashlib
import hmac
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from msrv.proofs.encoding import decode
from msrv.proofs.keyring import (
    Generation,
    Keyring,
    Purpose,
    _thumbprint,
    derive,
    new_nonce,
    stretch,
)


def test_a_nonce_gives_the_same_keys_on_every_replica(
    keyring: Keyring,
) -> None:
    """Else a link would work on the machine that made it, and no other."""
    again = Generation.from_nonce("the store's own")
    assert again.kid == keyring.current.kid
    for purpose in Purpose:
        assert again.key(purpose) == keyring.current.key(purpose)


def test_keys_are_scrypt_then_hkdf(keyring: Keyring) -> None:
    """Else the documented derivation would be of other keys than these.

    HKDF is written out here, from RFC 5869, with HMAC alone.
    """
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


def test_no_key_serves_two_purposes(keyring: Keyring, other: Keyring) -> None:
    """Else a proof of one thing could be passed off as one of another."""
    keys = {
        each.current.key(purpose)
        for each in (keyring, other)
        for purpose in Purpose
    }
    assert len(keys) == 2 * len(Purpose)
    assert all(len(key) == 32 for key in keys)
    assert keys.isdisjoint({stretch("the store's own")})


def test_the_receipt_key_is_of_the_receipt_seed(keyring: Keyring) -> None:
    """Else the key would have to be kept somewhere, and could be lost."""
    private = keyring.current.receipt_key.private_bytes_raw()
    assert private == derive(stretch("the store's own"), Purpose.RECEIPT)


def test_a_kid_is_the_thumbprint_of_rfc_8037() -> None:
    """Else nobody who computes it would find the key (appendix A.3)."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    key = Ed25519PublicKey.from_public_bytes(decode(x))
    assert _thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "nonce", ["x", "ü", "日本", " ", "a\0b", "a" * 10_000]
)
def test_any_text_is_a_nonce(nonce: str) -> None:
    """Else a store would not start for what an operator thought of."""
    assert Keyring.from_nonces(nonce).current.kid


def test_an_empty_nonce_is_refused() -> None:
    """Else a variable left empty would open the store to anybody."""
    with pytest.raises(ValueError, match="empty"):
        Keyring.from_nonces("")
    with pytest.raises(ValueError, match="empty"):
        Keyring.from_nonces("x", "")


def test_similar_nonces_share_nothing() -> None:
    """Else a NONCE with a space at its end would open the one without."""
    kids = {
        Generation.from_nonce(each).kid for each in ("n", "n ", "N", "n" * 65)
    }
    assert len(kids) == 4


def test_the_current_nonce_signs_and_one_given_twice_counts_once() -> None:
    """Else a rotation that was not finished would publish one key twice."""
    ring = Keyring.from_nonces("new", "old", "new")
    assert [each.kid for each in ring.generations] == [
        Generation.from_nonce("new").kid,
        Generation.from_nonce("old").kid,
    ]
    assert ring.current is ring.generations[0]


def test_a_keyring_says_nothing_of_its_keys(keyring: Keyring) -> None:
    """Else a key would stand in a log, by way of a traceback."""
    for text in (repr(keyring), str(keyring), f"{keyring.current!r}"):
        assert "the store's own" not in text
        for purpose in Purpose:
            key = keyring.current.key(purpose)
            assert key.hex() not in text
            assert repr(key)[2:-1] not in text


def test_a_keyring_stays_as_it_is(keyring: Keyring) -> None:
    """Else a part of the store could change what another part accepts."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        keyring.generations = ()  # type: ignore[misc]  # the point


def test_a_new_nonce_is_32_bytes_in_43_characters() -> None:
    """Else the NONCE that the store makes could be searched for."""
    nonce = new_nonce(secrets.token_bytes)
    assert len(nonce) == 43
    assert len(decode(nonce)) == 32
    assert new_nonce(secrets.token_bytes) != nonce
