# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sample events."""

import base64
from collections.abc import Sequence

from msrv.ledger.events import Restored, Revoked, Sale, SoldLine
from msrv.ledger.reversals.event import Reversal
from msrv.proofs.consents import Consent
from msrv.taxes.sale_tax import CountryEvidence, SaleTax

NOON = 1_800_000_000
CONSENT = Consent("0d" * 32, "pt", NOON)
TAX = SaleTax(
    "PT",
    (CountryEvidence("billing-address", "PT"), CountryEvidence("card", "ES")),
    tax_minor=19,
    is_included=False,
    rate_bp=2300,
    jurisdiction="Portugal",
    is_business=True,
)


def order_id(number: int) -> str:
    """Return the id of the order with a number."""
    return base64.b32encode(number.to_bytes(15, "big")).decode("ascii")


def sale(
    number: int = 1,
    *items: tuple[str, int],
    at: int = NOON,
    currency: str = "EUR",
    reference: str = "",
    consent: Consent | None = None,
    tax: SaleTax | None = None,
) -> Sale:
    """Return a sale of some items: by default, of a song for 100."""
    return Sale(
        order_id(number),
        at,
        "demo",
        currency,
        tuple(
            SoldLine(item_id, price, item_id.title())
            for item_id, price in items or (("song", 100),)
        ),
        reference,
        consent,
        tax,
    )


def reversal(
    number: int = 1,
    minor: int = 100,
    status: str = "succeeded",
    *items: str,
    is_effective: bool = True,
) -> Reversal:
    """Return a refund of an order for which 200 were paid."""
    return Reversal(
        provider="stripe",
        reversal_id=f"re_{number}",
        order_id=order_id(number),
        kind="refund",
        status=status,
        amount_minor=minor,
        paid_minor=200,
        created_at=NOON + 60,
        seen_at=NOON + 60,
        by="studio-0",
        items=items,
        is_effective=is_effective,
    )


def revoked(number: int = 1, item: str = "", at: int = 0) -> Revoked:
    """Return a refund, `at` milliseconds after noon."""
    return Revoked(order_id(number), item, NOON * 1000 + at, "cli")


def restored(number: int = 1, item: str = "", at: int = 0) -> Restored:
    """Return the end of a refund, `at` milliseconds after noon."""
    return Restored(order_id(number), item, NOON * 1000 + at, "cli")


def order_ids(sales: Sequence[Sale]) -> set[str]:
    """Return the order ids of sales."""
    return {each.order_id for each in sales}
