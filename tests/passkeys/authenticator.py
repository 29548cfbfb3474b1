# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Authenticator in software, with the mistakes that a test chooses."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from msrv.proofs.encoding import decode, encode

PRESENT: Final = 0x01
VERIFIED: Final = 0x04
_ATTESTED: Final = 0x40
_COSE_ES256: Final = -7


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(slots=True)
class Authenticator:
    """One credential, and how it responds."""

    credential_id: bytes = b"credential-0001!"
    origin: str = "https://shop.example"
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    counter: int = 0
    counts: bool = True
    flags: int = PRESENT | VERIFIED
    host: str | None = None
    """The relying party's id that it signs, by default that of the options."""
    user_handle: str = ""

    def create(
        self,
        options: dict[str, Any],
        *,
        fmt: str = "none",
        statement: dict[str, Any] | None = None,
        kind: str = "webauthn.create",
    ) -> dict[str, str]:
        """Return the fields of a registration."""
        self.user_handle = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        public_key = cbor2.dumps(
            {
                1: 2,
                3: _COSE_ES256,
                -1: 1,
                -2: point.x.to_bytes(32, "big"),
                -3: point.y.to_bytes(32, "big"),
            }
        )
        data = (
            self._data(options["rp"]["id"], self.flags | _ATTESTED)
            + bytes(16)
            + len(self.credential_id).to_bytes(2, "big")
            + self.credential_id
            + public_key
        )
        return {
            "id": encode(self.credential_id),
            "client_data": encode(self._client_data(kind, options)),
            "attestation": encode(
                cbor2.dumps(
                    {
                        "fmt": fmt,
                        "attStmt": statement or {},
                        "authData": data,
                    }
                )
            ),
            "transports": "internal hybrid unheard-of",
        }

    def get(
        self, options: dict[str, Any], *, kind: str = "webauthn.get"
    ) -> dict[str, str]:
        """Return the fields of an authentication."""
        if self.counts:
            self.counter += 1
        data = self._data(options["rpId"], self.flags)
        client_data = self._client_data(kind, options)
        signature = self.key.sign(
            data + sha256(client_data).digest(), ec.ECDSA(SHA256())
        )
        return {
            "id": encode(self.credential_id),
            "client_data": encode(client_data),
            "authenticator_data": encode(data),
            "signature": encode(signature),
            "user_handle": self.user_handle,
        }

    def _data(self, host: str, flags: int) -> bytes:
        return (
            sha256((self.host or host).encode()).digest()
            + bytes([flags])
            + self.counter.to_bytes(4, "big")
        )

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        challenge = encode(decode(options["challenge"]))
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin}
        ).encode()
