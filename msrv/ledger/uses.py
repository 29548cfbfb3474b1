"""What can be used a limited number of times: codes, and discounts.

Each use is a row of `redemptions`, under a name that says of what.
"""

from dataclasses import dataclass
from typing import Final

from msrv.ledger.events import Redeemed

_DISCOUNT: Final = "discount"


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code's order as the ledger has it: when, and in which currency."""

    redeemed_at: int
    currency: str


def discount_use(name: str, order_id: str, at: int) -> Redeemed:
    """Say that an order was paid with a discount; once for each order."""
    return Redeemed(f"{discount_uses(name)}{order_id.lower()}", order_id, at)


def discount_uses(name: str) -> str:
    """Give what the names of all uses of a discount begin with."""
    return f"{_DISCOUNT}.{name.lower()}."
