# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bills of gifts: the payer's side of an order that is for another person.

A bill states the order and the gift, and is encrypted: its address stays in
the payer's browser. It isn't a proof of purchase; it leads to the receipt
only on the store's own page.
"""

from dataclasses import dataclass
from typing import Final

from msrv.proofs.consents import Consent
from msrv.proofs.encoding import MAX_TOKEN_CHARS
from msrv.proofs.errors import Forged
from msrv.proofs.gifts.gift import Gift, decrypt, encrypt
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import lines_from_json, lines_to_json
from msrv.proofs.receipts import Receipt

_BILL: Final = b"bill"


@dataclass(frozen=True, slots=True)
class Bill:
    """The order that was paid, and the gift that it is."""

    receipt: Receipt
    gift: Gift


def issue(keyring: Keyring, bill: Bill) -> str:
    """Return a bill, safe in a path. The same one has one text.

    Like its receipt, that of a simulated payment is valid only where such
    payments are.
    """
    receipt = bill.receipt
    consent = receipt.consent
    stated = {} if consent is None else {"consent": consent.to_json()}
    token = encrypt(
        keyring.signer(simulated=receipt.is_simulated),
        _BILL,
        {
            "cur": receipt.currency,
            "gift": bill.gift.to_json(),
            "iat": receipt.issued_at,
            "items": lines_to_json(receipt.lines),
            "jti": receipt.order_id,
            "prv": receipt.provider,
            **stated,
        },
    )
    if len(token) > MAX_TOKEN_CHARS:
        raise ValueError("the bill is too long")
    return token


def read(keyring: Keyring, token: str) -> Bill:
    """Decrypt a bill. Raises Forged.

    It is valid while its NONCE is set, as NONCE or as NONCE_PREVIOUS; the
    receipt is valid for longer.
    """
    claims = decrypt(keyring.verifiers, _BILL, token)
    try:
        receipt = Receipt(
            order_id=claims["jti"],
            issued_at=claims["iat"],
            provider=claims["prv"],
            currency=claims["cur"],
            lines=lines_from_json(claims["items"]),
            consent=Consent.from_json(claims["consent"])
            if "consent" in claims
            else None,
        )
        gift = Gift.from_json(claims["gift"])
    except (KeyError, TypeError, ValueError):
        raise Forged from None
    if receipt.is_simulated and not keyring.accepts_simulated:
        raise Forged  # as for receipts
    return Bill(receipt, gift)
