# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sample receipt mails."""

from email.headerregistry import Address

from msrv.mail.receipt_mail import ReceiptMail
from msrv.mail.rendering import MailRenderer
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt
from tests.ledger.sample_events import NOON, order_id

TO = "buyer@example.net"


def sample_mail(
    number: int = 1,
    to: str = TO,
    *,
    at: int = NOON,
    store: str = "Wet Coats",
    titles: tuple[str, ...] = ("Night Bus", "Zine"),
) -> ReceiptMail:
    """Return the receipt mail of the order with a number."""
    lines = tuple(
        Line(f"item-{at}", price)
        for at, price in zip(range(len(titles)), [700, 0] * 50, strict=False)
    )
    return ReceiptMail(
        mail_id=order_id(number),
        to=to,
        receipt=Receipt(order_id(number), at, "demo", "EUR", lines),
        titles=titles,
        base_url="https://shop.example",
        store=store,
        contact="hello@example.org",
        written_at=at,
    )


def renderer(keyring: Keyring) -> MailRenderer:
    """Return a renderer for mails from the shop."""
    return MailRenderer(keyring, Address("", addr_spec="shop@example.org"))
