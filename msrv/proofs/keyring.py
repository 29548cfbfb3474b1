# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""NONCE, and all keys of the store, which are derived from it.

Each purpose has a key of its own. Nothing secret is stored: a replica, or the
same store after a total loss, derives the same keys from the same NONCE. Of a
former NONCE only the public key is kept, by `msrv.retired_keys`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from msrv.proofs.encoding import encode, to_json

KEY_BYTES: Final = 32

# RFC 7914. 32 MiB and about a tenth of a second, once at start: enough to make
# a dictionary attack on a NONCE that a person chose expensive.
_SCRYPT_N: Final = 2**15
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
_SCRYPT_MAX_BYTES: Final = 64 * 2**20

# A salt keeps one search from breaking many secrets at once. A random one
# would have to be stored, and could be lost, beside NONCE: state, on the path
# from payment to bytes, which has none. With a fixed one, a table of weak
# NONCEs works against every store; but no table holds a NONCE of 128 random
# bits, which is what the store generates and `nonce_strength` requires.
_SALT: Final = b"msrv/v1"
_SIMULATED: Final = b"msrv/v1-pretend"
"""Label from which the keys of simulated payments are derived."""

DEFAULT_ISSUER: Final = "msrv"
"""Issuer of receipts where the store has no public address."""


class Purpose(Enum):
    """Purpose of a key. The value is part of its derivation: it is fixed."""

    POP = "pop"
    POE = "poe"
    RECEIPT = "receipt"
    QUOTE = "quote"
    STUDIO = "studio"
    ORDER = "order"
    CODE = "code"
    REDEMPTION = "redemption"
    CLAIM = "claim"
    DISCOUNT = "discount"
    RETURN = "return"
    RETIRED = "retired"
    GRANT = "grant"
    GIFT = "gift"
    STOP = "stop"
    PASSKEY = "passkey"
    CATALOG = "catalog"
    TEMPLATE = "template"
    CDN = "cdn"


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """The keys of one NONCE. `kid` identifies its receipt key (RFC 7638).

    `simulated` are the keys for orders paid by simulated or test payments,
    None in those keys themselves.
    """

    kid: str
    receipt_key: Ed25519PrivateKey = field(repr=False)
    receipt_public_key: Ed25519PublicKey = field(repr=False)
    _keys: Mapping[Purpose, bytes] = field(repr=False)
    simulated: "Generation | None" = None

    @classmethod
    def from_nonce(cls, nonce: str) -> Self:
        """Return the keys of a NONCE. Takes a tenth of a second."""
        secret = stretch(nonce)
        return cls._from_secret(
            secret, _SALT, cls._from_secret(secret, _SIMULATED, None)
        )

    @classmethod
    def _from_secret(
        cls, secret: bytes, label: bytes, simulated: "Generation | None"
    ) -> Self:
        keys = {purpose: derive(secret, purpose, label) for purpose in Purpose}
        receipt_key = Ed25519PrivateKey.from_private_bytes(
            keys[Purpose.RECEIPT]
        )
        public_key = receipt_key.public_key()
        kid = thumbprint(public_key)
        return cls(kid, receipt_key, public_key, keys, simulated)

    def key(self, purpose: Purpose) -> bytes:
        """Return the key for a purpose, KEY_BYTES long."""
        return self._keys[purpose]


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """Public receipt key of a former NONCE, whose secret isn't needed.

    It verifies receipts, and signs nothing. `retired_at` is when its NONCE
    was seen as a former one, in Unix seconds; `simulated` is for the key of
    orders paid by simulated or test payments.
    """

    public_key: Ed25519PublicKey
    retired_at: int
    simulated: bool = False

    @property
    def kid(self) -> str:
        """Thumbprint of the key (RFC 7638), as in receipts."""
        return thumbprint(self.public_key)


@dataclass(frozen=True, slots=True, eq=False)
class Keyring:
    """The generations of the store's keys, the current one first.

    The current one signs. All of them verify, so that what was signed under
    NONCE_PREVIOUS stays valid until the operator removes it. `retired` are
    keys of earlier ones: they verify receipts, and nothing else.

    Orders paid by simulated or test payments have keys of their own, which
    verify only where `accepts_simulated` is set: in a store that accepts such
    money. `issuer` is the issuer of receipts (RFC 7519, `iss`).
    """

    generations: tuple[Generation, ...]
    accepts_simulated: bool = False
    issuer: str = DEFAULT_ISSUER
    retired: tuple[RetiredKey, ...] = ()
    verifiers: tuple[Generation, ...] = field(init=False)
    receipt_keys: Mapping[str, Ed25519PublicKey] = field(init=False)
    """Public keys that verify receipts, by `kid`; the current one first."""

    def __post_init__(self) -> None:
        """Set what verifies receipts and links."""
        simulated = (
            [each.simulated for each in self.generations if each.simulated]
            if self.accepts_simulated
            else []
        )
        object.__setattr__(self, "verifiers", (*self.generations, *simulated))
        keys = {each.kid: each.receipt_public_key for each in self.verifiers}
        for each in self.retired:
            if self.accepts_simulated or not each.simulated:
                keys.setdefault(each.kid, each.public_key)
        object.__setattr__(self, "receipt_keys", MappingProxyType(keys))

    @classmethod
    def from_nonces(
        cls,
        current: str,
        *previous: str,
        accepts_simulated: bool = False,
        issuer: str = DEFAULT_ISSUER,
    ) -> Self:
        """Return the keys of NONCE and of the previous ones, newest first.

        A NONCE is any text that is not empty; duplicates count once. Raises
        ValueError. Takes a tenth of a second for each.
        """
        nonces = dict.fromkeys((current, *previous))
        return cls(
            tuple(Generation.from_nonce(nonce) for nonce in nonces),
            accepts_simulated,
            issuer,
        )

    @property
    def current(self) -> Generation:
        """The generation that signs."""
        return self.generations[0]

    @property
    def kids_in_use(self) -> frozenset[str]:
        """The `kid` of the current key, and of that for simulated payments."""
        simulated = self.current.simulated
        return frozenset(
            {self.current.kid} | ({simulated.kid} if simulated else set())
        )

    def signer(self, *, simulated: bool) -> Generation:
        """Return the keys that sign for real or for simulated payments."""
        if not simulated:
            return self.current
        keys = self.current.simulated
        if keys is None:
            raise ValueError("these keys are for real money only")
        return keys


def stretch(nonce: str) -> bytes:
    """Return KEY_BYTES bytes derived from a NONCE by scrypt.

    It makes guessing costly. NUL characters at the end of a NONCE make no
    difference (to HMAC, inside scrypt). Raises ValueError for an empty text,
    or one that UTF-8 can't encode.
    """
    if not nonce:
        raise ValueError("NONCE is empty")
    return hashlib.scrypt(
        nonce.encode("utf-8"),
        salt=_SALT,
        n=_SCRYPT_N,
        r=_SCRYPT_R,
        p=_SCRYPT_P,
        maxmem=_SCRYPT_MAX_BYTES,
        dklen=KEY_BYTES,
    )


def derive(secret: bytes, purpose: Purpose, label: bytes = _SALT) -> bytes:
    """Return the key for a purpose, from a stretched NONCE.

    `label` separates the keys of simulated payments from those of real money.
    """
    return expand(secret, label + b"/" + purpose.value.encode("ascii"))


def expand(secret: bytes, info: bytes) -> bytes:
    """Return a key from a uniform secret, KEY_BYTES long.

    HKDF-SHA256 (RFC 5869) without a salt, as the secret is uniform already.
    Keys with a different `info` reveal nothing about one another.
    """
    return HKDF(
        algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info
    ).derive(secret)


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return the members of an Ed25519 key's JWK (RFC 8037 section 2)."""
    return {
        "crv": "Ed25519",
        "kty": "OKP",
        "x": encode(key.public_bytes_raw()),
    }


def thumbprint(key: Ed25519PublicKey) -> str:
    """Return a key's thumbprint (RFC 7638; RFC 8037 appendix A.3)."""
    return encode(hashlib.sha256(to_json(public_jwk(key))).digest())
