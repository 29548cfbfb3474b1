"""Letters, made up for tests."""

from email.headerregistry import Address

from msrv.mail.receipt_mail import Letter
from msrv.mail.rendering import Writer
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import Line, Receipt
from tests.ledger.sample_events import NOON, order_id

TO = "buyer@example.net"


def letter(
    number: int = 1,
    to: str = TO,
    *,
    at: int = NOON,
    store: str = "Wet Coats",
    titles: tuple[str, ...] = ("Night Bus", "Zine"),
) -> Letter:
    """A letter about the order with a number."""
    lines = tuple(
        Line(f"item-{at}", price)
        for at, price in zip(range(len(titles)), [700, 0] * 50, strict=False)
    )
    return Letter(
        letter_id=order_id(number),
        to=to,
        receipt=Receipt(order_id(number), at, "demo", "EUR", lines),
        titles=titles,
        base_url="https://shop.example",
        store=store,
        contact="hello@example.org",
        written_at=at,
    )


def writer(keyring: Keyring) -> Writer:
    """Writes from the shop."""
    return Writer(keyring, Address("", addr_spec="shop@example.org"))
