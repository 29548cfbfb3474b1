# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The test vectors for other implementations, run against this one.

What they say is also checked here with the standard library alone, so that
they are not just whatever this code does.
"""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from msrv.proofs import codes, quotes, receipts
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring
from msrv.proofs.links import Access, LinkExpired, verify_link
from msrv.proofs.quotes import Quote, QuoteExpired
from msrv.proofs.receipts import Receipt
from msrv.retired_keys.key_list import confirmed_keys

Vectors = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]


def load(name: str) -> Vectors:
    path = ROOT / "tests" / "vectors" / f"{name}.json"
    vectors: Vectors = json.loads(path.read_text(encoding="utf-8"))
    return vectors


LINKS: Final = load("links")
RECEIPTS: Final = load("receipts")
SHORT_RECEIPTS: Final = load("short_receipts")
QUOTES: Final = load("quotes")
CONSENTS: Final = load("consents")
CODES: Final = load("codes")
RETIRED_KEYS: Final = load("retired_keys")


@pytest.fixture(scope="module")
def rings() -> dict[str, Keyring]:
    nonces = {name: k["nonce"] for name, k in LINKS["keys"].items()}
    both = Keyring.from_nonces(*nonces.values())
    return dict(zip(nonces, map(one, both.generations), strict=True))


def one(generation: Generation) -> Keyring:
    return Keyring((generation,))


def ring_of(case: Vectors, rings: dict[str, Keyring]) -> Keyring:
    return Keyring(tuple(rings[name].current for name in case["keyring"]))


def cases(vectors: Vectors) -> list[Any]:
    return [
        pytest.param(case, id=case["name"].replace(" ", "_"))
        for case in vectors["cases"]
    ]


def outcome(call: Callable[[], Access | Receipt | Quote]) -> Vectors:
    """Return the result of a case, as in the vectors."""
    name = "good"
    found: Access | Receipt | Quote
    try:
        found = call()
    except Forged:
        return {"outcome": "forged"}
    except LinkExpired as error:
        name, found = "expired", error.access
    except QuoteExpired as error:
        name, found = "expired", error.quote
    said: Vectors = {"outcome": name, "order_id": found.order_id}
    if not isinstance(found, Receipt):
        said["expires_at"] = found.expires_at
    return said


def expected(case: Vectors) -> dict[str, Any]:
    names = ("outcome", "order_id", "expires_at")
    return {name: case[name] for name in names if name in case}


@pytest.mark.parametrize("case", cases(LINKS))
def test_links_match_the_vectors(
    case: Vectors, rings: dict[str, Keyring]
) -> None:
    parts = (case["pop"], case["poe"], case["item_id"], case["now"])
    ring = ring_of(case, rings)
    assert outcome(lambda: verify_link(ring, *parts)) == expected(case)


@pytest.mark.parametrize(
    "case", cases(RECEIPTS) + cases(SHORT_RECEIPTS) + cases(CONSENTS)
)
def test_receipts_match_the_vectors(
    case: Vectors, rings: dict[str, Keyring]
) -> None:
    ring = ring_of(case, rings)
    found = outcome(lambda: receipts.read(ring, case["token"]))
    assert found == expected(case)


@pytest.mark.parametrize("case", cases(RETIRED_KEYS))
def test_retired_keys_match_the_vectors(
    case: Vectors, rings: dict[str, Keyring]
) -> None:
    ring = ring_of(case, rings)
    keys, others = confirmed_keys(ring, [case["entry"]])
    assert len(keys) + others == 1
    ring = replace(ring, retired=keys)
    found = outcome(lambda: receipts.read(ring, case["token"]))
    assert found == expected(case)


@pytest.mark.parametrize("case", cases(QUOTES))
def test_quotes_match_the_vectors(
    case: Vectors, rings: dict[str, Keyring]
) -> None:
    ring = ring_of(case, rings)
    found = outcome(lambda: quotes.read(ring, case["token"], case["now"]))
    assert found == expected(case)


@pytest.mark.parametrize("case", cases(CODES))
def test_codes_match_the_vectors(
    case: Vectors, rings: dict[str, Keyring]
) -> None:
    found: Vectors
    try:
        code = codes.verify(
            ring_of(case, rings),
            codes.normalize(case["code"]),
            case["item_ids"],
        )
    except codes.Mistyped:
        found = {"outcome": "mistyped"}
    except Forged:
        found = {"outcome": "forged"}
    else:
        found = {"outcome": "good", "code_id": code.code_id}
    names = ("outcome", "code_id")
    assert found == {name: case[name] for name in names if name in case}


@pytest.mark.slow
def test_vectors_match_the_script() -> None:
    subprocess.run(
        [sys.executable, "-m", "scripts.make_vectors", "--check"],
        cwd=ROOT,
        check=True,
        timeout=60,
    )


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def framed_mac(key: str, *fields: bytes) -> bytes:
    message = b""
    for field in fields:
        message += len(field).to_bytes(4, "big") + field
    return hmac.new(bytes.fromhex(key), message, hashlib.sha256).digest()


@pytest.mark.parametrize(
    "vectors", [LINKS, RECEIPTS, QUOTES, CODES, RETIRED_KEYS]
)
def test_keys_are_reproducible_with_the_standard_library(
    vectors: Vectors,
) -> None:
    for keys in vectors["keys"].values():
        stretched = hashlib.scrypt(
            keys["nonce"].encode(),
            salt=b"msrv/v1",
            n=2**15,
            r=8,
            p=1,
            maxmem=2**26,
            dklen=32,
        )
        assert stretched.hex() == keys["stretched"]
        extracted = hmac.digest(bytes(32), stretched, "sha256")
        purposes = set(keys) - {"nonce", "stretched"}
        assert purposes
        for purpose in purposes:
            info = f"msrv/v1/{purpose}".encode() + b"\1"
            assert (
                hmac.digest(extracted, info, "sha256").hex() == keys[purpose]
            )


def test_links_are_reproducible_with_the_standard_library() -> None:
    for made in LINKS["made"]:
        keys = LINKS["keys"][made["key"]]
        order_id, item_id = made["order_id"], made["item_id"]
        tag = framed_mac(keys["pop"], order_id.encode(), item_id.encode())
        pop = order_id + b64(tag[:18])
        expiry = made["expires_at"].to_bytes(6, "big")
        tag = framed_mac(keys["poe"], pop.encode(), expiry)
        poe = b64(expiry + tag[:18])
        assert (made["pop"], made["poe"]) == (pop, poe)
        assert made["path"] == f"/download/{pop}/{poe}/{item_id}"


def test_quotes_are_reproducible_with_the_standard_library() -> None:
    for made in QUOTES["made"]:
        payload = b64(canonical(made["payload"]))
        tag = framed_mac(
            QUOTES["keys"][made["key"]]["quote"], payload.encode()
        )
        assert made["token"] == f"{payload}.{b64(tag)}"


def test_confirmations_are_reproducible_with_the_standard_library() -> None:
    (listed,) = RETIRED_KEYS["list"]["keys"]
    for made in RETIRED_KEYS["made"]:
        public_key = base64.urlsafe_b64decode(made["x"] + "=")
        tag = framed_mac(
            RETIRED_KEYS["keys"][made["key"]]["retired"],
            public_key,
            made["retired_at"].to_bytes(6, "big"),
        )
        assert made["mac"] == b64(tag) == listed["confirmed"][made["kid"]]


def test_codes_are_reproducible_with_the_standard_library() -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

    def signs(digest: bytes, count: int) -> str:
        bits = f"{int.from_bytes(digest, 'big'):0256b}"
        return "".join(
            alphabet[int(bits[at : at + 5], 2)]
            for at in range(0, 5 * count, 5)
        )

    for made in CODES["made"]:
        keys = CODES["keys"][made["key"]]
        names = (("item", made["item_id"]), ("campaign", made["campaign"]))
        item, campaign = (
            hashlib.sha256(f"msrv/v1/code/{what}/{name}".encode()).digest()
            for what, name in names
        )
        serial = f"{made['serial']:020b}"
        facts = signs(item, 3) + signs(campaign, 3)
        facts += "".join(
            alphabet[int(serial[at : at + 5], 2)] for at in range(0, 20, 5)
        )
        stated = (facts.encode(), made["item_id"].encode())
        body = facts + signs(framed_mac(keys["code"], *stated), 9)
        code = made["code"].replace("-", "")
        assert code[:-1] == body
        key = keys["redemption"]
        tag = framed_mac(key, b"id", *stated)
        assert made["code_id"] == f"{facts.lower()}.{tag[:4].hex()}"
        claim = bytes.fromhex(made["claim"])
        order = framed_mac(key, b"order", *stated, claim)[:15]
        assert made["order_id"] == base64.b32encode(order).decode()


def test_receipts_are_reproducible_with_the_standard_library(
    rings: dict[str, Keyring],
) -> None:
    for made in RECEIPTS["made"]:
        text = f"{b64(canonical(made['header']))}."
        text += b64(canonical(made["payload"]))
        assert made["token"].rpartition(".")[0] == text
    published = RECEIPTS["jwks"]["keys"]
    for ring, key in zip(rings.values(), published, strict=True):
        assert receipts.jwks(ring)["keys"] == [key]


def test_short_receipts_are_reproducible_with_the_standard_library() -> None:
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-"

    def line(item_id: str, price: int) -> bytes:
        number = 0
        for letter in item_id:
            number = 37 * number + alphabet.index(letter)
        size = ((37 ** len(item_id) - 1).bit_length() + 7) // 8
        groups = [price >> shift & 0x7F for shift in range(0, 42, 7)]
        while len(groups) > 1 and groups[-1] == 0:
            groups.pop()
        leb128 = bytes(each | 0x80 for each in groups[:-1]) + bytes(
            groups[-1:]
        )
        return bytes([len(item_id)]) + number.to_bytes(size, "big") + leb128

    for made in SHORT_RECEIPTS["made"]:
        stated = made["receipt"]
        keys = SHORT_RECEIPTS["jwks"]["keys"]
        kid = keys[["current", "previous"].index(made["key"])]["kid"]
        body = b"\x01" + base64.urlsafe_b64decode(kid + "=")[:5]
        body += base64.b32decode(stated["jti"])
        body += stated["iat"].to_bytes(6, "big") + stated["cur"].encode()
        body += bytes([len(stated["prv"])]) + stated["prv"].encode()
        body += bytes([len(stated["items"])])
        body += b"".join(line(*each) for each in stated["items"])
        assert body.hex() == made["body"]
        assert b64(body + b"\0" * 64)[:8] == made["token"][:8]
        signed = base64.urlsafe_b64decode(made["token"] + "===")
        assert signed[:-64] == body


def test_consents_are_reproducible_with_the_standard_library(
    rings: dict[str, Keyring],
) -> None:
    digest = hashlib.sha256(CONSENTS["wording"].encode())
    (made,) = CONSENTS["made"]
    at = 1_799_900_000
    stated = {"at": at, "lang": "en", "sha256": digest.hexdigest()}
    assert made["payload"]["consent"] == made["quote"]["consent"] == stated
    plain = SHORT_RECEIPTS["made"][0]["body"]
    body = b"\x02" + bytes.fromhex(plain)[1:]
    body += b"\x01" + digest.digest() + at.to_bytes(6, "big")
    body += b"\x02en"
    assert body.hex() == made["body"]
    assert base64.urlsafe_b64decode(made["token"] + "===")[:-64] == body
    assert made["jws"].split(".")[1] == b64(canonical(made["payload"]))
    payload = b64(canonical(made["quote"]))
    assert made["quote_token"].partition(".")[0] == payload
    quote = quotes.read(rings["current"], made["quote_token"], at)
    assert quote.consent is not None
    assert quote.consent.to_json() == stated


def canonical(value: Vectors) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
