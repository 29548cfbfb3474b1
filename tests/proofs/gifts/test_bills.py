# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bills of gifts: encrypted, and bound to the store's NONCE."""

from dataclasses import replace

import pytest

from msrv.proofs import quotes
from msrv.proofs.consents import Consent
from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged
from msrv.proofs.gifts import bills
from msrv.proofs.gifts.bills import Bill
from msrv.proofs.gifts.gift import MAX_NOTE_CHARS, Gift, seal
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import MAX_LINES, Line
from msrv.proofs.quotes import Quote, QuoteTooLong
from msrv.proofs.receipts import Receipt

GIFT = Gift("kim@example.org", "For the train", "Robin")
RECEIPT = Receipt(
    order_id="AAAABBBBCCCCDDDDEEEEFFFF",
    issued_at=1_800_000_000,
    provider="stripe",
    currency="EUR",
    lines=(Line("night-bus", 700),),
    consent=Consent("f" * 64, "en", 1_800_000_000),
)
BILL = Bill(RECEIPT, GIFT)


def test_bill_is_read_as_it_was_issued(keyring: Keyring) -> None:
    token = bills.issue(keyring, BILL)
    assert token == bills.issue(keyring, BILL)
    assert bills.read(keyring, token) == BILL
    assert b"kim" not in decode(token)


def test_changed_bill_is_rejected(keyring: Keyring) -> None:
    data = bytearray(decode(bills.issue(keyring, BILL)))
    data[-1] ^= 1
    with pytest.raises(Forged):
        bills.read(keyring, encode(bytes(data)))
    with pytest.raises(Forged):
        bills.read(Keyring.from_nonces("another nonce"), encode(bytes(data)))
    with pytest.raises(Forged):
        bills.read(keyring, seal(keyring, GIFT))


def test_bill_of_a_simulated_payment_is_rejected_for_real_money() -> None:
    receipt = replace(RECEIPT, provider="demo")
    demo = Keyring.from_nonces("one nonce", accepts_simulated=True)
    token = bills.issue(demo, Bill(receipt, GIFT))
    assert bills.read(demo, token).receipt == receipt
    with pytest.raises(Forged):
        bills.read(Keyring.from_nonces("one nonce"), token)


def test_longest_quote_of_a_gift_leads_to_a_bill_that_fits(
    keyring: Keyring,
) -> None:
    """Whatever can be paid for has a bill: the quote is the longer one."""
    gift = Gift("k" * 200 + "@example.org", "🎁" * MAX_NOTE_CHARS, "Robin")
    for count in range(1, MAX_LINES + 1):
        lines = tuple(
            Line(f"item-{at:03}-{'a' * 20}", 999) for at in range(count)
        )
        quote = Quote(
            order_id=RECEIPT.order_id,
            currency="EUR",
            lines=lines,
            catalog_version="a" * 43,
            issued_at=1_800_000_000,
            expires_at=1_800_003_600,
            gift=seal(keyring, gift),
            consent=RECEIPT.consent,
        )
        try:
            quotes.sign(keyring, quote)
        except QuoteTooLong:
            break
        token = bills.issue(keyring, Bill(replace(RECEIPT, lines=lines), gift))
        assert len(token) < 7900
    else:
        pytest.fail("no quote is too long")
    assert count > 20
