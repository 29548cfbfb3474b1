# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Signed addresses of CDNs, verified as their documentation says."""

from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from msrv.downloads.objects.cdn_addresses import Sign, signer
from msrv.downloads.objects.cdn_keys import month_key
from msrv.proofs.keyring import Keyring
from msrv.settings.cdn_types import Cdn, CdnKind
from tests.downloads.objects import cdn_verifiers
from tests.downloads.objects.cdn_verifiers import Verify

ORIGIN = "https://cdn.example"
URL = f"{ORIGIN}/store/blobs/ab/cdef?pop=A-_b&poe=AAB&item=zine&as=flac"
KEY = "229248f0-f007-4bf9-ba1f-bbf1b4ad9d40"
DECEMBER = 1_796_083_200
"""2026-12-01 00:00 UTC."""


def cdn_of(kind: str) -> Cdn:
    return Cdn(CdnKind(kind), ORIGIN, "K2JCJMDEHXQW5F")


@pytest.fixture(params=["rsa", "ec", "fastly", "bunny", "cloudflare", "own"])
def pair(
    request: pytest.FixtureRequest, keyring: Keyring
) -> tuple[Sign, Verify]:
    """What signs addresses, and what verifies them."""

    def key_of(kind: str) -> cdn_verifiers.Keys:
        return lambda month: month_key(keyring.current, kind, month)

    match request.param:
        case "rsa" | "ec":
            key = (
                rsa.generate_private_key(65537, 2048)
                if request.param == "rsa"
                else ec.generate_private_key(ec.SECP256R1())
            )
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
            cdn = cdn_of("cloudfront")
            return signer(cdn, pem, keyring), cdn_verifiers.cloudfront(
                ORIGIN, key.public_key(), cdn.key_id
            )
        case "fastly":
            verify = cdn_verifiers.fastly(key_of("fastly"))
            return signer(cdn_of("fastly"), None, keyring), verify
        case "bunny":
            return signer(cdn_of("bunny"), KEY, keyring), (
                cdn_verifiers.bunny(KEY)
            )
        case "cloudflare":
            verify = cdn_verifiers.cloudflare(key_of("cloudflare"))
            return signer(cdn_of("cloudflare"), None, keyring), verify
    return signer(cdn_of("cloudflare"), KEY, keyring), (
        cdn_verifiers.cloudflare(lambda _month: KEY)
    )


def target_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("ends", [DECEMBER - 1, DECEMBER, DECEMBER + 1])
def test_addresses_are_valid_until_their_end(
    pair: tuple[Sign, Verify], ends: int
) -> None:
    sign, verify = pair
    address = sign(URL, ends)
    assert address.startswith(f"{URL}&")
    assert verify(target_of(address)) == ends


def test_addresses_cannot_be_changed(pair: tuple[Sign, Verify]) -> None:
    sign, verify = pair
    target = target_of(sign(URL, DECEMBER))
    changes = [
        target.replace("/ab/", "/ac/"),
        target.replace("item=zine", "item=other"),
        target.replace("as=flac&", "as=mp3&"),
        target.replace(f"{DECEMBER}", f"{DECEMBER + 1}").replace(
            f"{DECEMBER - 86_400}", f"{DECEMBER - 86_399}"
        ),
    ]
    assert target not in changes
    assert [verify(each) for each in changes] == [None] * len(changes)
    assert verify(target) == DECEMBER


def test_another_store_signs_otherwise(keyring: Keyring) -> None:
    other = Keyring.from_nonces("another store's")
    verify = cdn_verifiers.fastly(
        lambda month: month_key(keyring.current, "fastly", month)
    )
    address = signer(cdn_of("fastly"), None, other)(URL, DECEMBER)
    assert verify(target_of(address)) is None


def test_key_of_another_kind_is_an_error(keyring: Keyring) -> None:
    with pytest.raises(ValueError, match="PEM"):
        signer(cdn_of("cloudfront"), None, keyring)
    with pytest.raises(ValueError, match="own"):
        signer(cdn_of("bunny"), None, keyring)
