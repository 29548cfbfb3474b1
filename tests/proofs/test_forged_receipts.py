# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Forged receipts, by the known attacks on JWS.

Also those that the store's own key has signed and nobody should: the promise
of one spelling does not rest on who signs.
"""

import hmac
import json
from dataclasses import replace
from typing import Final

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)

from msrv.proofs.encoding import decode, encode, to_json
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import MAX_LINES, MAX_PRICE_MINOR, MAX_TIME, Line
from msrv.proofs.receipts import Receipt, read, sign_jws

RECEIPT: Final = Receipt(
    order_id="AAAABBBBCCCCDDDDEEEEFFFF",
    issued_at=1_799_900_000,
    provider="stripe",
    currency="EUR",
    lines=(Line("night-drive", 700), Line("tape-hiss", 1)),
)
# The order of the group, RFC 8032 section 5.1.
L: Final = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture(scope="session")
def token(keyring: Keyring) -> str:
    return sign_jws(keyring, RECEIPT)


def refuse(keyring: Keyring, token: str) -> None:
    with pytest.raises(Forged):
        read(keyring, token)


def claims(**change: object) -> bytes:
    return to_json(
        {
            "aud": "msrv",
            "cur": "EUR",
            "iat": RECEIPT.issued_at,
            "items": [["night-drive", 700], ["tape-hiss", 1]],
            "iss": "msrv",
            "jti": RECEIPT.order_id,
            "prv": "stripe",
            **change,
        }
    )


def header_of(keyring: Keyring, **change: object) -> dict[str, object]:
    kid = keyring.current.kid
    return {"alg": "EdDSA", "kid": kid, "typ": "receipt+jwt", **change}


def signed(
    keyring: Keyring, header: dict[str, object] | str, payload: bytes
) -> str:
    """Return a token that only the store could sign."""
    head = header if isinstance(header, str) else encode(to_json(header))
    text = f"{head}.{encode(payload)}"
    signature = keyring.current.receipt_key.sign(text.encode())
    return f"{text}.{encode(signature)}"


def test_helpers_sign_exactly_as_the_store(
    keyring: Keyring, token: str
) -> None:
    assert signed(keyring, header_of(keyring), claims()) == token


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_alg_none_is_forged(keyring: Keyring, token: str, alg: str) -> None:
    _, payload, signature = token.split(".")
    for header in (
        header_of(keyring, alg=alg),
        {"alg": alg},
        {"alg": alg, "typ": "JWT"},
    ):
        for end in ("", signature):
            refuse(keyring, f"{encode(to_json(header))}.{payload}.{end}")


@pytest.mark.parametrize("alg", ["HS256", "HS512", "EdDSA"])
def test_hs256_with_the_public_key_is_forged(
    keyring: Keyring, alg: str
) -> None:
    public = keyring.current.receipt_public_key
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    text = f"{encode(to_json(header_of(keyring, alg=alg)))}.{encode(claims())}"
    for secret in (
        public.public_bytes_raw(),
        encode(public.public_bytes_raw()).encode(),
        public.public_bytes(serialization.Encoding.PEM, spki),
        public.public_bytes(serialization.Encoding.DER, spki),
        b"",
    ):
        for digest in ("sha256", "sha512"):
            tag = hmac.digest(secret, text.encode(), digest)
            refuse(keyring, f"{text}.{encode(tag)}")


def test_unknown_header_is_forged(keyring: Keyring, other: Keyring) -> None:
    mine = Ed25519PrivateKey.from_private_bytes(bytes(32))
    x = encode(mine.public_key().public_bytes_raw())
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": x}
    known = to_json(header_of(keyring))
    headers: tuple[dict[str, object] | str, ...] = (
        header_of(keyring, jwk=jwk),
        header_of(keyring, jku="https://x.example/jwks.json"),
        header_of(keyring, x5u="https://x.example/cert"),
        header_of(keyring, crit=["exp"]),
        header_of(keyring, b64=False),
        header_of(keyring, kid=other.current.kid),
        header_of(keyring, kid="../../dev/null"),
        header_of(keyring, kid=""),
        header_of(keyring, alg="Ed25519"),
        header_of(keyring, alg="ES256"),
        header_of(keyring, typ="jwt"),
        {"alg": "EdDSA"},
        encode(known.replace(b",", b", ")),
        encode(known + b" "),
        encode(b'{"alg":"none",' + known[1:]),
        encode(known) + "=",
        "",
        "e30",
    )
    for header in headers:
        refuse(keyring, signed(keyring, header, claims()))
        text = signed(keyring, header, claims()).rpartition(".")[0]
        refuse(keyring, f"{text}.{encode(mine.sign(text.encode()))}")


def test_signature_of_another_key_is_forged(
    keyring: Keyring, other: Keyring, rotated: Keyring, token: str
) -> None:
    theirs = sign_jws(other, RECEIPT)
    header, payload, signature = token.split(".")
    refuse(keyring, theirs)
    refuse(other, token)
    for ring in (keyring, rotated):
        refuse(ring, f"{header}.{payload}.{theirs.split('.')[2]}")
        refuse(ring, f"{theirs.split('.')[0]}.{payload}.{signature}")


def test_signature_of_another_receipt_is_forged(
    keyring: Keyring, token: str
) -> None:
    header, payload, signature = token.split(".")
    dearer = sign_jws(
        keyring, replace(RECEIPT, lines=(Line("box-set", 9900),))
    )
    refuse(keyring, f"{header}.{dearer.split('.')[1]}.{signature}")
    refuse(keyring, f"{header}.{payload}.{dearer.split('.')[2]}")


def test_other_form_of_a_signature_is_forged(
    keyring: Keyring, token: str
) -> None:
    text, _, signature = token.rpartition(".")
    half, s = decode(signature)[:32], decode(signature)[32:]
    for times in range(1, 16):
        larger = int.from_bytes(s, "little") + times * L
        if larger < 2**256:
            other = half + larger.to_bytes(32, "little")
            refuse(keyring, f"{text}.{encode(other)}")
    for value in (bytes(64), b"\1" + bytes(63), half + bytes(32), b""):
        refuse(keyring, f"{text}.{encode(value)}")


@pytest.mark.parametrize(
    "payload",
    [
        # in another spelling
        claims().replace(b",", b", "),
        claims() + b"\n",
        b" " + claims(),
        b"\xef\xbb\xbf" + claims(),
        claims().decode().encode("utf-16"),
        claims().replace(b"night", b"n\\u0069ght"),
        claims().replace(b"700", b"7e2"),
        claims().replace(b"700", b"700.0"),
        claims().replace(b"700", b"0700"),
        claims().replace(b'"prv":"stripe"', b'"prv":"x","prv":"stripe"'),
        claims().replace(b'"cur"', b'"cur":"USD","cur"'),
        json.dumps(
            dict(reversed(json.loads(claims()).items())), separators=(",", ":")
        ).encode(),
        # saying something else than a receipt
        claims(admin=True),
        claims(exp=1),
        claims().replace(b',"prv":"stripe"', b""),
        claims(cur="eur"),
        claims(cur="EURO"),
        claims(cur=None),
        claims(iat=-1),
        claims(iat=True),
        claims(iat=1.5),
        claims(iat="1799900000"),
        claims(iat=MAX_TIME + 1),
        claims(jti="a" * 24),
        claims(jti=7),
        claims(prv=""),
        claims(prv="Demo"),
        claims(prv=["stripe"]),
        claims(items=[]),
        claims(items=None),
        claims(items="ab"),
        claims(items={"ab": 1}),
        claims(items=["a1"]),
        claims(items=[["a"]]),
        claims(items=[["a", 1, 2]]),
        claims(items=[["a", True]]),
        claims(items=[["a", -1]]),
        claims(items=[["a", "1"]]),
        claims(items=[["a", None]]),
        claims(items=[["A", 1]]),
        claims(items=[["", 1]]),
        claims(items=[[1, 1]]),
        claims(items=[[["a"], 1]]),
        claims(items=[["a" * 33, 1]]),
        claims(items=[["a", MAX_PRICE_MINOR + 1]]),
        claims(items=[["a", 1], ["a", 1]]),
        claims(items=[["a", 1], ["b", 1], ["a", 2]]),
        claims(items=[[f"{n}", 1] for n in range(MAX_LINES + 1)]),
        claims().replace(b"700", b"NaN"),
        claims().replace(b"700", b"1" * 5000),
        b"[" * 3000,
        b"[]",
        b"null",
        b"7",
        b'""',
        b"",
        b"\xff",
    ],
)
def test_signed_payload_is_parsed_strictly(
    keyring: Keyring, payload: bytes
) -> None:
    refuse(keyring, signed(keyring, header_of(keyring), payload))
