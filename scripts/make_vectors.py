# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generate tests/vectors/*.json: test vectors of the proofs' formats.

    python -m scripts.make_vectors          write the files
    python -m scripts.make_vectors --check  fail if the files are out of date

They only change with a format, which invalidates all links and receipts that
were issued: a new version of the derivation, never an edit.

One module of more than 350 lines: mostly tables of cases.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from msrv.proofs import codes, quotes, receipts
from msrv.proofs.consents import Consent, wording_sha256
from msrv.proofs.encoding import decode, encode, to_json
from msrv.proofs.keyring import (
    Keyring,
    Purpose,
    RetiredKey,
    derive,
    stretch,
)
from msrv.proofs.links import Link, make_link
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote
from msrv.proofs.receipts import Receipt, jwk
from msrv.retired_keys.key_list import confirm

FOLDER: Final = Path(__file__).parents[1] / "tests" / "vectors"

NONCES: Final = {
    "current": "kq0hTqZC2MV6uGv1n3Yx5bRzWc8sLdPjEoAiXfUgB4I",
    "previous": "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich",
}
FORMER: Final = "ZdC2uJ8yqkq1vN0w7hXo3pL5sTgRbEaMfUiYcGtVxK4"
"""NONCE before the previous one, of which only the public key is left."""
BOTH: Final = ["current", "previous"]
ORDER: Final = "MSRV2222AAAABBBBCCCCDDDD"
OTHER_ORDER: Final = "MSRV2222AAAABBBBCCCCDDDE"
EXPIRES_AT: Final = 1_800_000_000
ISSUED_AT: Final = 1_799_900_000

Vectors = dict[str, Any]
Rings = dict[str, Keyring]
FORGED: Final = {"outcome": "forged"}


def main() -> None:
    """Write the vectors, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    rings = {name: Keyring.from_nonces(text) for name, text in NONCES.items()}
    stale = []
    for name, vectors in {
        "links": links_vectors(rings),
        "receipts": receipts_vectors(rings),
        "short_receipts": short_receipts_vectors(rings),
        "quotes": quotes_vectors(rings),
        "consents": consents_vectors(rings),
        "codes": codes_vectors(rings),
        "retired_keys": retired_keys_vectors(rings),
    }.items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(vectors, ensure_ascii=False, indent=2) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        sys.exit(f"not as written by this script: {', '.join(stale)}")


def keys(*purposes: Purpose) -> Vectors:
    """Return the keys of each NONCE, in hexadecimal."""
    found = {}
    for name, nonce in NONCES.items():
        secret = stretch(nonce)
        found[name] = {"nonce": nonce, "stretched": secret.hex()} | {
            purpose.value: derive(secret, purpose).hex()
            for purpose in purposes
        }
    return found


def case(
    name: str,
    outcome: Vectors,
    keyring: list[str] | None = None,
    **parts: object,
) -> Vectors:
    """Return the expected result for the parts of a token."""
    return {"name": name, "keyring": keyring or BOTH, **parts, **outcome}


def links_vectors(rings: Rings) -> Vectors:
    """Return valid and invalid links."""

    def make(
        item_id: str = "night-drive",
        order_id: str = ORDER,
        expires_at: int = EXPIRES_AT,
        key: str = "current",
    ) -> tuple[Link, Vectors]:
        link = make_link(rings[key], order_id, item_id, expires_at)
        return link, {
            "key": key,
            "order_id": order_id,
            "item_id": item_id,
            "expires_at": expires_at,
            "pop": link.pop,
            "poe": link.poe,
            "path": link.path,
        }

    link, said = make()
    older, older_said = make(key="previous")
    item, item_said = make(item_id="0")
    order, order_said = make(order_id=OTHER_ORDER, expires_at=0)
    later, later_said = make(item_id="z" * 32, expires_at=2**48 - 1)
    parts: Vectors = {
        "pop": link.pop,
        "poe": link.poe,
        "item_id": link.item_id,
        "now": EXPIRES_AT - 1,
    }
    after = parts | {"now": EXPIRES_AT}
    of_older = parts | {"pop": older.pop, "poe": older.poe}
    good = {"outcome": "good", "order_id": ORDER, "expires_at": EXPIRES_AT}
    expired = good | {"outcome": "expired"}
    forged: dict[str, Vectors] = {
        "another item": {"item_id": "0"},
        "another order": {"pop": order.pop},
        "the expiry of another item": {"poe": item.poe},
        "a later expiry, no tag": {"poe": later.poe[:8] + "A" * 24},
        "a later expiry, its own tag": {"poe": later.poe[:8] + link.poe[8:]},
        "a larger hexadecimal number": {"poe": "f" * 32},
        "a pop of one NONCE, a poe of another": {"poe": older.poe},
        "the order in lower case": {"pop": ORDER.lower() + link.pop[24:]},
        "padding": {"poe": link.poe + "="},
        "a newline after": {"poe": link.poe + "\n"},
        "a space before": {"pop": " " + link.pop},
        "percent-encoded": {"pop": "%4D" + link.pop[1:]},
        "one character short": {"poe": link.poe[:-1]},
        "one character long": {"pop": link.pop + "A"},
        "the item in upper case": {"item_id": "Night-drive"},
        "a slash after the item": {"item_id": "night-drive/"},
        "no item": {"item_id": ""},
        "no proof of purchase": {"pop": ""},
        "no proof of expiration": {"poe": ""},
        "outside ASCII": {"pop": "\uff2d" + link.pop[1:]},
    }
    return {
        "keys": keys(Purpose.POP, Purpose.POE),
        "made": [said, older_said, item_said, order_said, later_said],
        "cases": [
            case("the last good second", good, **parts),
            case("the first bad second", expired, **after),
            case("long after", expired, **parts | {"now": 2**62}),
            case("an older NONCE verifies", good, **of_older),
            case("its NONCE is gone", FORGED, ["current"], **of_older),
            case("forged and expired", FORGED, ["previous"], **after),
            *(
                case(name, FORGED, **parts | change)
                for name, change in forged.items()
            ),
        ],
    }


def receipts_vectors(rings: Rings) -> Vectors:
    """Return valid and invalid receipts."""
    lines = (Line("night-drive", 700), Line("tape-hiss-vol-2", 0))
    receipt = Receipt(ORDER, ISSUED_AT, "stripe", "EUR", lines)
    token = receipts.sign_jws(rings["current"], receipt)
    older = receipts.sign_jws(rings["previous"], receipt)
    header, payload, signature = token.split(".")
    older_header, _, older_signature = older.split(".")
    key, kid = rings["current"].current.receipt_key, json_of(header)["kid"]
    plain = json_of(payload)
    compact = to_json(plain)

    def signed(body: bytes, head: Vectors | None = None) -> str:
        text = f"{encode(to_json(head)) if head else header}.{encode(body)}"
        return f"{text}.{encode(key.sign(text.encode('ascii')))}"

    def unsigned(**head: str) -> str:
        return f"{encode(to_json(head))}.{payload}."

    eddsa = {"alg": "EdDSA", "kid": kid, "typ": "receipt+jwt"}
    earlier = {n: plain[n] for n in plain if n not in {"aud", "iss"}}
    simulated = replace(receipt, provider="stripe-test")
    backwards = dict(sorted(plain.items(), reverse=True))
    less = {name: plain[name] for name in plain if name != "prv"}
    forged = {
        "alg none": unsigned(alg="none", typ="JWT"),
        "alg none, its kid": unsigned(alg="none", kid=kid),
        "alg HS256": unsigned(**eddsa | {"alg": "HS256"}) + signature,
        "the header without typ": signed(
            compact, {"alg": "EdDSA", "kid": kid}
        ),
        "another typ": signed(compact, eddsa | {"typ": "at+jwt"}),
        "test money": receipts.sign_jws(rings["current"], simulated),
        "test money, the key of real money": signed(
            to_json(plain | {"prv": "stripe-test"})
        ),
        "signed: an issuer, no audience": signed(
            to_json({n: plain[n] for n in plain if n != "aud"})
        ),
        "signed: another audience": signed(
            to_json(plain | {"aud": "https://shop.example"})
        ),
        "signed: an issuer that is no text": signed(
            to_json(plain | {"aud": 1, "iss": 1})
        ),
        "an unknown kid": signed(compact, eddsa | {"kid": "A" * 43}),
        "a key of the sender's choice": signed(
            compact, eddsa | {"jku": "https://shop.example/keys"}
        ),
        "another signature": f"{header}.{payload}.{older_signature}",
        "another header": f"{older_header}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "four parts": f"{token}.",
        "padding": f"{token}==",
        "a newline after": f"{token}\n",
        "a spare bit of the signature": next_spelling(token),
        "signed: spaces": signed(json.dumps(plain).encode("ascii")),
        "signed: keys not sorted": signed(
            json.dumps(backwards, separators=(",", ":")).encode("ascii")
        ),
        "signed: a key twice": signed(compact[:-1] + b',"prv":"stripe"}'),
        "signed: a key more": signed(to_json(plain | {"admin": True})),
        "signed: a key less": signed(to_json(less)),
        "signed: an escape": signed(compact.replace(b"night", b"n\\u0069ght")),
        "signed: a price of 7e2": signed(compact.replace(b"700", b"7e2")),
        "signed: a price of true": signed(compact.replace(b"700", b"true")),
        "signed: a price below zero": signed(compact.replace(b"700", b"-700")),
        "signed: an item twice": signed(
            to_json(plain | {"items": [["a", 1], ["a", 1]]})
        ),
        "signed: no items": signed(to_json(plain | {"items": []})),
        "signed: no object": signed(b"[]"),
        "signed: no JSON": signed(b"{"),
        "empty": "",
    }
    good = {"outcome": "good", "order_id": ORDER}
    return {
        "keys": keys(Purpose.RECEIPT),
        "jwks": receipts.jwks(Keyring.from_nonces(*NONCES.values())),
        "made": [
            {
                "key": name,
                "header": json_of(text.split(".")[0]),
                "payload": plain,
                "token": text,
            }
            for name, text in (("current", token), ("previous", older))
        ],
        "cases": [
            case("good", good, token=token),
            case(
                "as receipts were written before 1.0",
                good,
                token=signed(to_json(earlier), eddsa | {"typ": "JWT"}),
            ),
            case("an older NONCE verifies", good, token=older),
            case("its NONCE is gone", FORGED, ["current"], token=older),
            *(case(name, FORGED, token=forged[name]) for name in forged),
        ],
    }


def short_receipts_vectors(rings: Rings) -> Vectors:
    """Return valid and invalid receipts in their short form."""
    lines = (Line("night-drive", 700), Line("tape-hiss-vol-2", 0))
    receipt = Receipt(ORDER, ISSUED_AT, "stripe", "EUR", lines)
    token = receipts.sign(rings["current"], receipt)
    older = receipts.sign(rings["previous"], receipt)
    signed = decode(token)
    body, signature = signed[:-64], signed[-64:]
    key = rings["current"].current.receipt_key

    def signs(wrong: bytes) -> str:
        return encode(wrong + key.sign(wrong))

    forged = {
        "another signature": encode(body + decode(older)[-64:]),
        "a JWS's signature": encode(
            body
            + decode(
                receipts.sign_jws(rings["current"], receipt).split(".")[2]
            )
        ),
        "an unknown key": encode(body[:1] + b"AAAAA" + body[6:] + signature),
        "a later version": signs(b"\x02" + body[1:]),
        "test money": receipts.sign(
            rings["current"], replace(receipt, provider="stripe-test")
        ),
        "padding": f"{token}=",
        "a newline after": f"{token}\n",
        "a spare bit": next_spelling(token),
        "no signature": encode(body),
        "signed: a byte more": signs(body + b"\x00"),
        "signed: a byte less": signs(body[:-1]),
        "signed: a price in more bytes than it needs": signs(
            body[:-1] + b"\x80\x00"
        ),
        "signed: a currency in lower case": signs(
            body.replace(b"EUR", b"eur")
        ),
        "signed: no lines": signs(body[: body.index(b"stripe") + 6] + b"\x00"),
        "signed: an id that is too large a number": signs(
            body[:-11] + b"\xff" * 10 + body[-1:]
        ),
        "empty": "",
    }
    good = {"outcome": "good", "order_id": ORDER}
    return {
        "keys": keys(Purpose.RECEIPT),
        "jwks": receipts.jwks(Keyring.from_nonces(*NONCES.values())),
        "made": [
            {
                "key": name,
                "receipt": json_of(
                    receipts.sign_jws(rings[name], receipt).split(".")[1]
                ),
                "body": decode(text)[:-64].hex(),
                "token": text,
            }
            for name, text in (("current", token), ("previous", older))
        ],
        "cases": [
            case("good", good, token=token),
            case("an older NONCE verifies", good, token=older),
            case("its NONCE is gone", FORGED, ["current"], token=older),
            *(case(name, FORGED, token=forged[name]) for name in forged),
        ],
    }


def quotes_vectors(rings: Rings) -> Vectors:
    """Return valid and invalid quotes."""
    lines = (Line("night-drive", 1200),)
    quote = Quote(ORDER, "JPY", lines, "3f1c9a2be0d4", ISSUED_AT, EXPIRES_AT)
    token = quotes.sign(rings["current"], quote)
    older = quotes.sign(rings["previous"], quote)
    mailed = replace(quote, discount="SPRING", mail="you@example.org")
    mailed_token = quotes.sign(rings["current"], mailed)
    payload, tag = token.split(".")
    cheap = encode(decode(payload).replace(b"1200", b"1"))
    dear = replace(quote, lines=(Line("night-drive", 1201),))
    dear_tag = quotes.sign(rings["current"], dear).partition(".")[2]
    good = {"outcome": "good", "order_id": ORDER, "expires_at": EXPIRES_AT}
    expired = good | {"outcome": "expired"}
    now = EXPIRES_AT - 1
    forged = {
        "a lower price": f"{cheap}.{tag}",
        "without its discount": f"{payload}.{mailed_token.split('.')[1]}",
        "another quote's tag": f"{payload}.{dear_tag}",
        "no tag": f"{payload}.",
        "no dot": payload + tag,
        "two dots": f"{payload}..{tag}",
        "padding": f"{token}=",
        "a spare bit of the tag": next_spelling(token),
        "empty": "",
    }
    return {
        "keys": keys(Purpose.QUOTE),
        "made": [
            {
                "key": name,
                "payload": json_of(text.partition(".")[0]),
                "token": text,
            }
            for name, text in (
                ("current", token),
                ("previous", older),
                ("current", mailed_token),
            )
        ],
        "cases": [
            case("a discount, an address", good, token=mailed_token, now=now),
            case("the last good second", good, token=token, now=now),
            case("the first bad second", expired, token=token, now=now + 1),
            case("an older NONCE verifies", good, token=older, now=now),
            case(
                "its NONCE is gone", FORGED, ["current"], token=older, now=now
            ),
            *(
                case(name, FORGED, token=forged[name], now=now)
                for name in forged
            ),
        ],
    }


def consents_vectors(rings: Rings) -> Vectors:
    """Return receipts and a quote that state a consent, and invalid ones."""
    wording = "I agree to get the files now, and lose my right to withdraw. ✓"
    consent = Consent(wording_sha256(wording), "en", ISSUED_AT)
    lines = (Line("night-drive", 700), Line("tape-hiss-vol-2", 0))
    receipt = Receipt(ORDER, ISSUED_AT, "stripe", "EUR", lines, consent)
    token = receipts.sign(rings["current"], receipt)
    jws = receipts.sign_jws(rings["current"], receipt)
    quote = Quote(
        ORDER,
        "EUR",
        lines,
        "3f1c9a2be0d4",
        ISSUED_AT,
        EXPIRES_AT,
        consent=consent,
    )
    quote_token = quotes.sign(rings["current"], quote)
    body = decode(token)[:-64]
    header, payload, _ = jws.split(".")
    plain = json_of(payload)
    key = rings["current"].current.receipt_key

    def signs(wrong: bytes) -> str:
        return encode(wrong + key.sign(wrong))

    def signs_jws(stated: object) -> str:
        text = f"{header}.{encode(to_json(plain | {'consent': stated}))}"
        return f"{text}.{encode(key.sign(text.encode('ascii')))}"

    stated = plain["consent"]
    forged = {
        "another wording": encode(
            body.replace(bytes.fromhex(consent.sha256), b"x" * 32)
            + decode(token)[-64:]
        ),
        "without its consent": signs(body[: -(1 + 32 + 6 + 1 + 2)]),
        "signed: version 1": signs(b"\x01" + body[1:]),
        "signed: it states nothing": signs(
            body[: -(1 + 32 + 6 + 1 + 2)] + b"\x00"
        ),
        "signed: it states what is unknown": signs(
            body[: -(1 + 32 + 6 + 1 + 2)] + b"\x80" + body[-41:]
        ),
        "signed: a byte more": signs(body + b"\x00"),
        "signed: a byte less": signs(body[:-1]),
        "signed: a language that is none": signs(body[:-2] + b"e1"),
        "signed JWS: no object": signs_jws([consent.sha256, "en", ISSUED_AT]),
        "signed JWS: null": signs_jws(None),
        "signed JWS: a member more": signs_jws(stated | {"by": "you"}),
        "signed JWS: a digest in upper case": signs_jws(
            stated | {"sha256": consent.sha256.upper()}
        ),
        "signed JWS: a time of true": signs_jws(stated | {"at": True}),
    }
    good = {"outcome": "good", "order_id": ORDER}
    return {
        "wording": wording,
        "jwks": receipts.jwks(Keyring.from_nonces(*NONCES.values())),
        "made": [
            {
                "key": "current",
                "body": body.hex(),
                "token": token,
                "payload": plain,
                "jws": jws,
                "quote": json_of(quote_token.partition(".")[0]),
                "quote_token": quote_token,
            }
        ],
        "cases": [
            case("good", good, token=token),
            case("good as a JWS", good, token=jws),
            *(case(name, FORGED, token=forged[name]) for name in forged),
        ],
    }


def codes_vectors(rings: Rings) -> Vectors:
    """Return valid, forged and mistyped codes."""
    item_id, campaign, claim = "night-drive", "vinyl-2026", bytes(range(16))
    made: list[Vectors] = []
    for key in NONCES:
        for serial in (1, codes.MAX_SERIAL):
            (code,) = codes.mint(rings[key], item_id, campaign, [serial])
            found = codes.verify(rings[key], codes.normalize(code), [item_id])
            made.append(
                {
                    "key": key,
                    "item_id": item_id,
                    "campaign": campaign,
                    "serial": serial,
                    "code": code,
                    "code_id": found.code_id,
                    "claim": claim.hex(),
                    "order_id": found.order_id(claim),
                }
            )
    code, older = made[0]["code"], made[2]["code"]
    other = codes.normalize(
        next(codes.mint(rings["current"], "0", campaign, [1]))
    )
    signs = codes.normalize(code)
    parts: Vectors = {"code": code, "item_ids": ["tape-hiss", item_id]}
    good = {"outcome": "good", "code_id": made[0]["code_id"]}
    mistyped = {
        "a sign is another": "2" + signs[1:],
        "two have changed places": signs[0] + signs[2] + signs[1] + signs[3:],
        "the first and the last have changed places": (
            signs[-1] + signs[1:-1] + signs[0]
        ),
        "a sign is missing": signs[1:],
        "a sign too many": signs + "0",
        "a sign that is in no code": "!" + signs[1:],
        "empty": "",
    }
    forged = {
        "another serial": _with_check(signs[:6] + "0002" + signs[10:-1]),
        "another campaign": _with_check(signs[:3] + "000" + signs[6:-1]),
        "another MAC": _with_check(signs[:10] + "0" * 9),
        "the MAC of another item": _with_check(signs[:10] + other[10:-1]),
    }
    return {
        "keys": keys(Purpose.CODE, Purpose.REDEMPTION),
        "made": made,
        "cases": [
            case("as printed", good, **parts),
            case("in lower case", good, **parts | {"code": code.lower()}),
            case("without dashes", good, **parts | {"code": signs}),
            case(
                "with O for 0 and I for 1",
                good,
                **parts | {"code": code.replace("0", "O").replace("1", "I")},
            ),
            case("spaces around", good, **parts | {"code": f" {code}\n"}),
            case(
                "an older NONCE verifies",
                {"outcome": "good", "code_id": made[2]["code_id"]},
                **parts | {"code": older},
            ),
            case("its NONCE is gone", FORGED, ["previous"], **parts),
            case("the item is gone", FORGED, **parts | {"item_ids": ["0"]}),
            case("no item", FORGED, **parts | {"item_ids": []}),
            *(
                case(name, FORGED, **parts | {"code": text})
                for name, text in forged.items()
            ),
            *(
                case(
                    name,
                    {"outcome": "mistyped"},
                    **parts | {"code": text},
                )
                for name, text in mistyped.items()
            ),
        ],
    }


def retired_keys_vectors(rings: Rings) -> Vectors:
    """Return valid and invalid keys of a list, and a receipt of one."""
    former = Keyring.from_nonces(FORMER)
    lines = (Line("night-drive", 700), Line("tape-hiss-vol-2", 0))
    receipt = Receipt(ORDER, ISSUED_AT, "stripe", "EUR", lines)
    token = receipts.sign_jws(former, receipt)
    key = RetiredKey(former.current.receipt_public_key, EXPIRES_AT)
    by = {name: ring.current for name, ring in rings.items()}
    entry = confirm(key, by.values())
    by_older = confirm(key, [by["previous"]])
    by_itself = confirm(key, [former.current])
    simulated = confirm(replace(key, simulated=True), by.values())
    other = jwk(rings["previous"].current.receipt_public_key)
    good = {"outcome": "good", "order_id": ORDER}
    forged = {
        "not confirmed": {n: entry[n] for n in entry if n != "confirmed"},
        "confirmed by itself": by_itself,
        "confirmed as a key for test money": simulated,
        "a key for test money, confirmed as another": entry
        | {"pretend": True},
        "the MACs of another key": other
        | {n: entry[n] for n in ("retired_at", "confirmed")},
        "another kid": entry | {"kid": other["kid"]},
        "another time": entry | {"retired_at": EXPIRES_AT + 1},
        "no time": {n: entry[n] for n in entry if n != "retired_at"},
        "a time that is no number": entry | {"retired_at": True},
        "another curve": entry | {"crv": "X25519"},
        "with a private key": entry | {"d": entry["x"]},
        "a spare bit of the key": entry | {"x": next_spelling(entry["x"])},
        "a short key": entry | {"x": entry["x"][:-2]},
        "the MAC under another kid": entry
        | {"confirmed": {other["kid"]: entry["confirmed"][by["current"].kid]}},
        "padding": entry
        | {
            "confirmed": {
                kid: f"{mac}=" for kid, mac in entry["confirmed"].items()
            }
        },
        "no object": [],
    }
    return {
        "keys": keys(Purpose.RETIRED),
        "made": [
            {
                "key": name,
                "x": entry["x"],
                "retired_at": EXPIRES_AT,
                "kid": generation.kid,
                "mac": entry["confirmed"][generation.kid],
            }
            for name, generation in by.items()
        ],
        "list": {"keys": [entry]},
        "cases": [
            case("good", good, entry=entry, token=token),
            case("one is enough", good, ["current"], entry=entry, token=token),
            case("an older NONCE confirms", good, entry=by_older, token=token),
            case(
                "its NONCE is gone",
                FORGED,
                ["current"],
                entry=by_older,
                token=token,
            ),
            *(
                case(name, FORGED, entry=wrong, token=token)
                for name, wrong in forged.items()
            ),
        ],
    }


def _with_check(body: str) -> str:
    return body + codes.check_character(body)


def json_of(part: str) -> Vectors:
    """Return a part of a valid token, parsed."""
    value: Vectors = json.loads(decode(part))
    return value


def next_spelling(token: str) -> str:
    """Return a token with a spare bit set in its last character."""
    return token[:-1] + chr(ord(token[-1]) + 1)


if __name__ == "__main__":
    main()
