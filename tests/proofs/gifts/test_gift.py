# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Gifts: what they can say, and that only the store can read them."""

import pytest

from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged
from msrv.proofs.gifts.gift import (
    MAX_NOTE_CHARS,
    MAX_NOTE_LINES,
    MAX_SENDER_CHARS,
    Gift,
    decrypt,
    seal,
    unseal,
)
from msrv.proofs.keyring import Keyring

GIFT = Gift("kim@example.org", "Happy birthday,\nKim", "Robin")


def test_sealed_gift_can_be_read_by_the_store_alone(keyring: Keyring) -> None:
    sealed = seal(keyring, GIFT)
    assert unseal(keyring, sealed) == GIFT
    plain = decode(sealed)
    for text in (b"kim", b"example", b"Happy", b"Robin"):
        assert text not in plain
    with pytest.raises(Forged):
        unseal(Keyring.from_nonces("another store's nonce"), sealed)


def test_same_gift_is_sealed_alike(keyring: Keyring) -> None:
    """Else a second click would be another payment."""
    assert seal(keyring, GIFT) == seal(keyring, GIFT)


def test_gift_is_readable_after_a_new_nonce() -> None:
    sealed = seal(Keyring.from_nonces("the old nonce"), GIFT)
    keyring = Keyring.from_nonces("the new nonce", "the old nonce")
    assert unseal(keyring, sealed) == GIFT


def test_changed_gift_is_rejected(keyring: Keyring) -> None:
    data = bytearray(decode(seal(keyring, GIFT)))
    for at in range(len(data)):
        data[at] ^= 1
        with pytest.raises(Forged):
            unseal(keyring, encode(bytes(data)))
        data[at] ^= 1


@pytest.mark.parametrize("text", ["", "A", "AAAA", "é", "A" * 9000, "A" * 40])
def test_text_that_is_no_gift_is_rejected(keyring: Keyring, text: str) -> None:
    with pytest.raises(Forged):
        unseal(keyring, text)


def test_gift_of_one_use_is_not_valid_for_another(keyring: Keyring) -> None:
    with pytest.raises(Forged):
        decrypt(keyring.generations, b"bill", seal(keyring, GIFT))


@pytest.mark.parametrize(
    "stated",
    [
        {"note": "a" * (MAX_NOTE_CHARS + 1)},
        {"note": "\n".join("a" * (MAX_NOTE_LINES + 1))},
        {"note": "a\rb"},
        {"note": "a\x00"},
        {"note": "\u202egnp.exe"},
        {"sender": "a" * (MAX_SENDER_CHARS + 1)},
        {"sender": "Robin\nBcc: all@example.org"},
        {"to": "a b@example.org"},
        {"to": "kim@example.org\r\nBcc: all@example.org"},
    ],
)
def test_gift_has_no_control_characters_and_is_short(
    stated: dict[str, str],
) -> None:
    with pytest.raises(ValueError, match=r"not a|too many"):
        Gift(**stated)
