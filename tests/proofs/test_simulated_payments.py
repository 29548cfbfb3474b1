# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders paid by simulated or test payments, and their separate keys."""

from dataclasses import replace
from typing import Final

import pytest

from msrv.proofs import receipts
from msrv.proofs.encoding import encode, to_json
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.links import make_link, verify_link, verify_path
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt, is_simulated, issuer_of

NOW: Final = 1_800_000_000
REAL: Final = Receipt(
    "AAAABBBBCCCCDDDDEEEEFFFF", NOW, "stripe", "EUR", (Line("zine", 700),)
)
SIMULATED: Final = [replace(REAL, provider=p) for p in ("demo", "stripe-test")]


@pytest.fixture(scope="session")
def live(keyring: Keyring) -> Keyring:
    """The same NONCE in a store that takes real money alone."""
    return Keyring(keyring.generations, accepts_simulated=False)


@pytest.mark.parametrize("receipt", SIMULATED, ids=lambda each: each.provider)
def test_simulated_receipt_opens_only_a_store_that_accepts_it(
    receipt: Receipt, keyring: Keyring, live: Keyring
) -> None:
    token = receipts.sign(keyring, receipt)
    assert receipts.read(keyring, token) == receipt
    with pytest.raises(Forged):
        receipts.read(live, token)


def test_simulated_receipt_signed_by_the_real_key_is_refused_by_a_live_store(
    keyring: Keyring, live: Keyring
) -> None:
    """Receipts of the demo were signed by the real key before version 1.0."""
    signer = live.current
    header = {"alg": "EdDSA", "kid": signer.kid, "typ": "JWT"}
    payload = {
        "cur": "EUR",
        "iat": NOW,
        "items": [["zine", 700]],
        "jti": REAL.order_id,
        "prv": "demo",
    }
    text = f"{encode(to_json(header))}.{encode(to_json(payload))}"
    signature = encode(signer.receipt_key.sign(text.encode()))
    token = f"{text}.{signature}"
    assert receipts.read(keyring, token).provider == "demo"
    with pytest.raises(Forged):
        receipts.read(live, token)


def test_real_receipt_opens_both_kinds_of_store(
    keyring: Keyring, live: Keyring
) -> None:
    token = receipts.sign(live, REAL)
    assert receipts.read(live, token) == REAL
    assert receipts.read(keyring, token) == REAL


def test_link_of_a_simulated_order_opens_only_a_store_that_accepts_it(
    keyring: Keyring, live: Keyring
) -> None:
    link = make_link(keyring, REAL.order_id, "zine", NOW + 1, simulated=True)
    parts = (link.pop, link.poe, link.item_id, NOW)
    assert verify_link(keyring, *parts).item_id == "zine"
    with pytest.raises(Forged):
        verify_link(live, *parts)
    with pytest.raises(Forged):
        verify_path(live, link.path, NOW)


def test_simulated_keys_are_of_no_other_use(keyring: Keyring) -> None:
    """No key of the two sets is the same, whatever its purpose."""
    real = keyring.current
    simulated = keyring.signer(simulated=True)
    keys = {each.key(p) for each in (real, simulated) for p in Purpose}
    assert len(keys) == 2 * len(Purpose)
    assert real.kid != simulated.kid


def test_live_store_publishes_no_key_of_simulated_payments(
    keyring: Keyring, live: Keyring
) -> None:
    assert [k["kid"] for k in receipts.jwks(live)["keys"]] == [
        live.current.kid
    ]
    assert len(receipts.jwks(keyring)["keys"]) == 2


@pytest.mark.parametrize(
    ("provider", "simulated"),
    [
        ("demo", True),
        ("stripe-test", True),
        ("stripe", False),
        ("free", False),
        ("code", False),
        ("test", False),
    ],
)
def test_provider_name_says_whether_money_moved(
    provider: str, *, simulated: bool
) -> None:
    assert is_simulated(provider) is simulated


def test_receipt_names_its_store(live: Keyring) -> None:
    """`iss` and `aud`; a receipt of another address stays valid."""
    address = "https://shop.example"
    named = Keyring(live.generations, issuer=issuer_of(address))
    token = receipts.sign_jws(named, REAL)
    assert token != receipts.sign_jws(live, REAL)
    assert receipts.read(live, token) == REAL


@pytest.mark.parametrize("url", [None, "https://" + "x" * 200])
def test_issuer_without_a_short_address_is_a_constant(url: str | None) -> None:
    assert issuer_of(url) == "msrv"
