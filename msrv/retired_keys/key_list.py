# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Retired keys in a list that a file holds, each confirmed by a MAC.

A change of NONCE leaves the public receipt key of the former one, so that its
receipts stay valid without its secret. The list is a JWK Set (RFC 7517) with
two members more in each key:

- `retired_at`: Unix seconds
- `confirmed`: MACs of key and time, by the `kid` of the keys that made them
- `pretend`: true for the key of orders paid by simulated or test payments,
  which only the store's keys for such orders confirm

Whoever can write the file but has no NONCE can add no key: one that no NONCE
of this store has confirmed doesn't count.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from msrv.proofs.encoding import decode, encode, is_same, mac
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import (
    Generation,
    Keyring,
    Purpose,
    RetiredKey,
    thumbprint,
)
from msrv.proofs.orders import check_number
from msrv.proofs.receipts import jwk

_TIME_BYTES: Final = 6
_MAX_TIME: Final = 253_402_300_799
"""End of the year 9999, the last that is shown."""
_MAX_OTHERS: Final = 4
_PRIVATE: Final = "d"
"""Member of a JWK that is the private key (RFC 8037 section 2)."""


class InvalidKeyList(Exception):
    """A text is not a list of keys; the error's text says why."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    """Key in a list, and the MACs that confirm it.

    `retired_at` is None where the list names no time: the key of a NONCE in
    use, or one from another program.
    """

    public_key: Ed25519PublicKey
    retired_at: int | None = None
    simulated: bool = False
    confirmed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a member of the list. Raises InvalidKeyList."""
        if not isinstance(value, dict):
            raise InvalidKeyList("a key is not an object")
        if _PRIVATE in value:
            raise InvalidKeyList("it contains a private key")
        if (value.get("kty"), value.get("crv")) != ("OKP", "Ed25519"):
            raise InvalidKeyList("a key is not an Ed25519 key")
        try:
            public_key = Ed25519PublicKey.from_public_bytes(decode(value["x"]))
        except (Forged, KeyError, TypeError, ValueError):
            raise InvalidKeyList("a key's x is not a public key") from None
        kid, retired_at = thumbprint(public_key), value.get("retired_at")
        if value.get("kid", kid) != kid:
            raise InvalidKeyList(f"the kid of {kid} is another one")
        try:
            check_number(0 if retired_at is None else retired_at, _MAX_TIME)
        except ValueError:
            raise InvalidKeyList(
                f"the retired_at of {kid} is not a time"
            ) from None
        macs = value.get("confirmed")
        return cls(
            public_key,
            retired_at,
            value.get("pretend") is True,
            {
                kid: tag
                for kid, tag in (
                    macs if isinstance(macs, dict) else {}
                ).items()
                if isinstance(tag, str)
            },
        )

    @property
    def kid(self) -> str:
        """Thumbprint of the key, as in receipts."""
        return thumbprint(self.public_key)

    def key(self, now: int) -> RetiredKey:
        """Return the key, confirmed or not; without a time, as of `now`."""
        at = now if self.retired_at is None else self.retired_at
        return RetiredKey(self.public_key, at, self.simulated)

    def confirmed_key(
        self, generations: Iterable[Generation]
    ) -> RetiredKey | None:
        """Return the key if one of these confirmed it, None otherwise."""
        if self.retired_at is None:
            return None
        key = self.key(self.retired_at)
        expected = _confirmations(key, generations)
        found = [
            is_same(tag, self.confirmed.get(kid, ""))
            for kid, tag in expected.items()
        ]
        return key if any(found) else None


def parse_list(text: bytes) -> list[Any]:
    """Return the keys of a JWK Set, unchecked. Raises InvalidKeyList."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidKeyList("it is not JSON") from None
    keys: object = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        raise InvalidKeyList('it has no list "keys"')
    return keys


def format_list(keys: Iterable[Mapping[str, Any]]) -> bytes:
    """Return keys as a JWK Set, to be read by people too."""
    text = json.dumps({"keys": list(keys)}, indent=2)
    return f"{text}\n".encode("ascii")


def confirm(
    key: RetiredKey, generations: Iterable[Generation]
) -> dict[str, Any]:
    """Return a key as a member of the list, confirmed by each of these."""
    return {
        **jwk(key.public_key),
        "retired_at": key.retired_at,
        **({"pretend": True} if key.simulated else {}),
        "confirmed": _confirmations(key, generations),
    }


def reconfirmed(
    value: object, generations: Sequence[Generation]
) -> dict[str, Any] | None:
    """Return a member of the list, confirmed by all of these.

    None for one that none of them has confirmed. A few MACs of other NONCEs
    are kept: a replica that still has the former one reads the same list.
    """
    try:
        listed = ListedKey.parse(value)
    except InvalidKeyList:
        return None
    key = listed.confirmed_key(generations)
    if key is None:
        return None
    again = confirm(key, generations)
    own: dict[str, str] = again["confirmed"]
    others = [each for each in listed.confirmed.items() if each[0] not in own]
    again["confirmed"] = own | dict(others[:_MAX_OTHERS])
    return again


def confirmed_keys(
    keyring: Keyring, listed: Iterable[object]
) -> tuple[tuple[RetiredKey, ...], int]:
    """Return the keys that this keyring's NONCEs confirmed.

    The number is that of the others: unreadable, or confirmed by none.
    """
    keys, others = {}, 0
    for value in listed:
        try:
            key = ListedKey.parse(value).confirmed_key(keyring.generations)
        except InvalidKeyList:
            key = None
        if key is None:
            others += 1
        else:
            keys[key.kid] = key
    return tuple(keys.values()), others


def _confirmations(
    key: RetiredKey, generations: Iterable[Generation]
) -> dict[str, str]:
    """Return the MACs of a key by the `kid` of the keys that make them."""
    confirming = [
        each.simulated if key.simulated else each for each in generations
    ]
    fields = (
        key.public_key.public_bytes_raw(),
        key.retired_at.to_bytes(_TIME_BYTES, "big"),
    )
    return {
        each.kid: encode(mac(each.key(Purpose.RETIRED), *fields))
        for each in confirming
        if each is not None
    }
