# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Quotes: returned unchanged, or rejected."""

import base64
import itertools
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs import quotes
from msrv.proofs.consents import Consent
from msrv.proofs.encoding import decode, encode, mac, to_json
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.orders import (
    MAX_LINES,
    MAX_PRICE_MINOR,
    MAX_TIME,
    Line,
    is_order_id,
)
from msrv.proofs.quotes import (
    Quote,
    QuoteExpired,
    order_id_of,
    read,
    read_ignoring_expiry,
    sign,
)

EXPIRES_AT: Final = 1_800_000_000
NOW: Final = EXPIRES_AT - 1
QUOTE: Final = Quote(
    order_id="AAAABBBBCCCCDDDDEEEEFFFF",
    currency="EUR",
    lines=(Line("night-drive", 700), Line("tape-hiss", 1)),
    catalog_version="3f1c9a2be0d4",
    issued_at=EXPIRES_AT - 3600,
    expires_at=EXPIRES_AT,
)


@pytest.fixture(scope="session")
def token(keyring: Keyring) -> str:
    return sign(keyring, QUOTE)


def sealed(keyring: Keyring, payload: bytes) -> str:
    """Return a token that only the store could sign."""
    text = encode(payload)
    key = keyring.current.key(Purpose.QUOTE)
    return f"{text}.{encode(mac(key, text.encode()))}"


def decode_leniently(token: str) -> bytes:
    return base64.urlsafe_b64decode(token.partition(".")[2] + "=")


def test_quote_survives_signing_and_reading(
    keyring: Keyring, token: str
) -> None:
    assert read(keyring, token, NOW) == QUOTE
    assert QUOTE.total_minor == 701
    assert sign(keyring, QUOTE) == token


@pytest.mark.parametrize("late", [0, 1, 2**62])
def test_expired_quote_raises_quote_expired_with_its_content(
    keyring: Keyring, token: str, late: int
) -> None:
    with pytest.raises(QuoteExpired) as caught:
        read(keyring, token, EXPIRES_AT + late)
    assert caught.value.since == EXPIRES_AT
    assert caught.value.quote == QUOTE


def test_any_changed_character_is_forged(keyring: Keyring, token: str) -> None:
    for at, other in itertools.product(range(len(token)), "ABw_9.= \n"):
        if token[at] != other:
            with pytest.raises(Forged):
                read(keyring, token[:at] + other + token[at + 1 :], NOW)


def test_any_truncation_or_extension_is_forged(
    keyring: Keyring, token: str
) -> None:
    for size in range(len(token)):
        with pytest.raises(Forged):
            read(keyring, token[:size], NOW)
    for tail in ("=", ".", "A", "\n", " ", "%00", "é"):
        for text in (
            token + tail,
            tail + token,
            token.replace(".", tail + "."),
        ):
            with pytest.raises(Forged):
                read(keyring, text, NOW)


def test_spare_bits_of_the_tag_are_forged(
    keyring: Keyring, token: str
) -> None:
    for step in (1, 2, 3):
        spelling = token[:-1] + chr(ord(token[-1]) + step)
        assert len(decode_leniently(spelling)) == 32
        with pytest.raises(Forged):
            read(keyring, spelling, NOW)


@given(st.text(max_size=400))
def test_arbitrary_input_is_forged(keyring: Keyring, text: str) -> None:
    with pytest.raises(Forged):
        read(keyring, text, NOW)


def test_lower_price_is_forged(keyring: Keyring, token: str) -> None:
    payload, _, tag = token.partition(".")
    cheap = encode(decode(payload).replace(b",700]", b",1]"))
    with pytest.raises(Forged):
        read(keyring, f"{cheap}.{tag}", NOW)


def test_mac_of_another_purpose_is_forged(
    keyring: Keyring, token: str
) -> None:
    payload = token.partition(".")[0]
    for purpose in set(Purpose) - {Purpose.QUOTE}:
        tag = mac(keyring.current.key(purpose), payload.encode())
        with pytest.raises(Forged):
            read(keyring, f"{payload}.{encode(tag)}", NOW)


def claims(**change: object) -> bytes:
    return to_json(
        {
            "cat": QUOTE.catalog_version,
            "cur": "EUR",
            "exp": EXPIRES_AT,
            "iat": QUOTE.issued_at,
            "items": [["night-drive", 700], ["tape-hiss", 1]],
            "jti": QUOTE.order_id,
            **change,
        }
    )


@pytest.mark.parametrize(
    "payload",
    [
        claims(more=1),
        claims(exp=True),
        claims(exp=float(EXPIRES_AT)),
        claims(exp=MAX_TIME + 1),
        claims(exp=str(EXPIRES_AT)),
        claims(iat=EXPIRES_AT + 1),
        claims(cat=""),
        claims(cat=7),
        claims(cat="a" * 65),
        claims(cur="eur"),
        claims(items=[]),
        claims(items={"night-drive": 700}),
        claims(jti=None),
        claims().replace(b",", b", ", 1),
        claims() + b" ",
        claims().replace(b'"exp"', b'"exp":1,"exp"'),
        b"null",
        b"[]",
        b"\xff",
    ],
)
def test_signed_payload_is_parsed_strictly(
    keyring: Keyring, payload: bytes
) -> None:
    assert read(keyring, sealed(keyring, claims()), NOW) == QUOTE
    with pytest.raises(Forged):
        read(keyring, sealed(keyring, payload), NOW)


def test_quote_stays_valid_after_a_nonce_rotation(
    keyring: Keyring, other: Keyring, rotated: Keyring, token: str
) -> None:
    assert read(rotated, token, NOW) == QUOTE
    assert sign(rotated, QUOTE) == sign(other, QUOTE)
    with pytest.raises(Forged):
        read(keyring, sign(rotated, QUOTE), NOW)


def test_largest_quote_fits_a_request_line(keyring: Keyring) -> None:
    lines = tuple(
        Line(f"{number:032}", MAX_PRICE_MINOR) for number in range(MAX_LINES)
    )
    largest = replace(
        QUOTE,
        lines=lines,
        catalog_version="a" * 64,
        issued_at=MAX_TIME,
        expires_at=MAX_TIME,
        discount="A" * 24,
        # In the local part, as many octets as there may be.
        mail="ü" * 32 + "@" + "a" * 177 + ".example.org",
        consent=Consent("f" * 64, "a" * 12, MAX_TIME),
    )
    token = sign(keyring, largest)
    assert len(token) <= 7900
    assert read(keyring, token, NOW) == largest


def test_oversized_text_is_forged_without_work(
    keyring: Keyring, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "MAX_TOKEN_CHARS", len(token))
    assert read(keyring, token, NOW) == QUOTE
    monkeypatch.setattr(quotes, "MAX_TOKEN_CHARS", len(token) - 1)
    with pytest.raises(Forged):
        read(keyring, token, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"lines": ()},
        {"lines": (Line("a", 1), Line("a", 1))},
        {"order_id": "x"},
        {"currency": "Euro"},
        {"catalog_version": "a b"},
        {"issued_at": EXPIRES_AT + 1},
        {"expires_at": MAX_TIME + 1},
        {"discount": "spring"},
        {"discount": "A" * 25},
        {"mail": "a@b.de\r\nBcc: c@d.de"},
        {"mail": "a" * 255},
        {"mail": "ü\u202e@b.de"},
        {"mail": "ü\u00a0@b.de"},
    ],
)
def test_invalid_values_make_no_quote(
    change: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=r"not|no |twice"):
        replace(QUOTE, **change)


def test_payment_has_one_order_id_even_after_a_rotation(
    keyring: Keyring, rotated: Keyring, token: str
) -> None:
    order_id = order_id_of(keyring, token, "stripe", "cs_test_1")
    assert is_order_id(order_id)
    assert order_id == order_id_of(rotated, token, "stripe", "cs_test_1")
    others = {
        order_id_of(keyring, token, "stripe", "cs_test_2"),
        order_id_of(keyring, token, "stripec", "s_test_1"),
        order_id_of(keyring, token, "demo", "cs_test_1"),
    }
    assert len(others | {order_id, QUOTE.order_id}) == 5


def test_quote_of_another_store_has_no_order_id(
    keyring: Keyring, other: Keyring, token: str
) -> None:
    with pytest.raises(Forged):
        order_id_of(other, token, "stripe", "cs_test_1")
    with pytest.raises(Forged):
        read_ignoring_expiry(other, token)
    assert read_ignoring_expiry(keyring, token) == QUOTE
