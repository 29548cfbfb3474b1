# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Blind index of the addresses that receipts were mailed to.

It is kept only where the operator asked for it, of orders that no payment
provider remembers: free ones, redeemed codes, and the recipients of gifts. The
ledger has an HMAC of an address, never the address. Its key is a setting of
its own, which is neither in the ledger nor derived from NONCE: without that
key nobody can find out whether an address is in the index.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from msrv.ledger.events import BUYER_MARK, Redeemed
from msrv.ledger.ledger import Ledger
from msrv.mail import addresses
from msrv.settings import Settings

if TYPE_CHECKING:
    from msrv.ledger.db.order_queries import Order

_PEPPER: Final = b"msrv address index 1"
_TAG_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class AddressIndex:
    """Index from the mailbox of an address to orders, in the ledger.

    `pepper` is a key of 32 bytes.
    """

    ledger: Ledger
    pepper: bytes

    @classmethod
    def from_settings(cls, settings: Settings, ledger: Ledger) -> Self | None:
        """Return the index, None where it is off."""
        if settings.address_index_key is None:
            return None
        key = settings.address_index_key.get_secret_value().encode("utf-8")
        pepper = hmac.digest(key, _PEPPER, hashlib.sha256)
        return cls(ledger, pepper)

    async def add(self, address: str, order_id: str, at: int) -> None:
        """Record that the receipt of an order was for an address.

        `at` is in Unix seconds. Never raises; retried where the disk refuses.
        """
        code_id = f"{self._prefix(address)}{order_id.lower()}"
        await self.ledger.record_use(Redeemed(code_id, order_id, at))

    async def orders_of(self, address: str) -> "tuple[Order, ...]":
        """Return the orders of an address. Raises DatabaseError."""
        self.ledger.database()  # has imported SQLAlchemy
        from msrv.ledger.db.reports import marked_orders  # noqa: PLC0415 - slow to import

        async with self.ledger.read_transaction() as connection:
            return await marked_orders.marked_orders(
                connection, self._prefix(address)
            )

    def _prefix(self, address: str) -> str:
        """Return the start of the `code_id` of an address's orders."""
        mailbox = addresses.mailbox_key(address).encode("utf-8", "replace")
        digest = hmac.digest(self.pepper, mailbox, hashlib.sha256)
        tag = base64.b32encode(digest[:_TAG_BYTES]).decode("ascii").lower()
        return f"{BUYER_MARK}{tag}."
