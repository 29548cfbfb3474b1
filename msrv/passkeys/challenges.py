# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Challenges of passkeys, which the store signs instead of storing them.

A challenge states when it was issued, and has a random number. Its tag binds
it to what it is for, and to the sign-in that adds a passkey. It verifies by
NONCE alone, never by NONCE_PREVIOUS, on every replica. That one is used only
once has to be recorded: `msrv.ledger.passkeys` does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from msrv.passkeys import ChallengeExpired, ChallengeInvalid
from msrv.proofs.encoding import decode, encode, is_same
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import TAG_BYTES, tag
from msrv.proofs.orders import MAX_TIME, check_number

SECONDS: Final = 300
"""Validity of a challenge, and the time in which a browser waits for it."""
_TIME_BYTES: Final = 6
_NUMBER_BYTES: Final = 12
_BYTES: Final = _TIME_BYTES + _NUMBER_BYTES + TAG_BYTES
_CHARS: Final = _BYTES * 4 // 3


class ChallengeKind(Enum):
    """Purpose of a challenge. The value is part of its tag."""

    ADD = "add"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge, as an authenticator signs it.

    `number` is hexadecimal; it is valid while now < `expires_at`, in Unix
    seconds.
    """

    value: bytes
    number: str
    expires_at: int

    @property
    def text(self) -> str:
        """The challenge in base64url, as a cookie has it."""
        return encode(self.value)


def issue(
    keyring: Keyring,
    kind: ChallengeKind,
    now: int,
    random: Callable[[int], bytes],
    *bound_to: str,
) -> Challenge:
    """Return a new challenge, which is valid for these texts only.

    `random(n)` returns n unpredictable bytes. Raises ValueError for a time
    that six bytes can't hold.
    """
    check_number(now, MAX_TIME)
    stated = now.to_bytes(_TIME_BYTES, "big") + random(_NUMBER_BYTES)
    tagged = decode(_tag(keyring, kind, stated, bound_to))
    return _challenge(stated + tagged)


def read(
    keyring: Keyring,
    kind: ChallengeKind,
    now: int,
    text: str,
    *bound_to: str,
) -> Challenge:
    """Verify a challenge at `now`, in Unix seconds, and return it.

    Raises ChallengeInvalid, and ChallengeExpired from `expires_at` on.
    """
    if len(text) != _CHARS:
        raise ChallengeInvalid("not a challenge of this store")
    try:
        value = decode(text)
    except Forged:
        raise ChallengeInvalid("not a challenge of this store") from None
    stated, tagged = value[:-TAG_BYTES], value[-TAG_BYTES:]
    if not is_same(_tag(keyring, kind, stated, bound_to), encode(tagged)):
        raise ChallengeInvalid("not a challenge of this store")
    found = _challenge(value)
    if now >= found.expires_at:
        raise ChallengeExpired("the challenge has expired")
    return found


def _challenge(value: bytes) -> Challenge:
    made_at = int.from_bytes(value[:_TIME_BYTES], "big")
    number = value[_TIME_BYTES : _TIME_BYTES + _NUMBER_BYTES].hex()
    return Challenge(value, number, made_at + SECONDS)


def _tag(
    keyring: Keyring,
    kind: ChallengeKind,
    stated: bytes,
    bound_to: tuple[str, ...],
) -> str:
    return tag(
        keyring,
        Purpose.PASSKEY,
        b"challenge",
        kind.value.encode("ascii"),
        stated,
        *(each.encode("utf-8") for each in bound_to),
    )
