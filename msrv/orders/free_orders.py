# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Limit on how many free orders the ledger records.

Anyone can place free orders, as many as they like, and each would stay on the
disk forever. A buyer loses nothing where one isn't recorded: the receipt and
its links are verified by NONCE alone. The seller loses the count of that one,
so the log and the metrics have their number.
"""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from msrv.orders.discounts import Discounts
from msrv.orders.rate_limits import ShopLimits
from msrv.payments.registry import Providers
from msrv.payments.settlement import PaidOrder
from msrv.rate_limit import RateLimited

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FreeOrders:
    """Decides which free orders the ledger records.

    `clock` returns Unix seconds.
    """

    providers: Providers
    discounts: Discounts
    limits: ShopLimits
    clock: Callable[[], int]

    def is_recorded(self, order: PaidOrder, network: Hashable) -> bool:
        """Return whether the ledger records an order; count it if free.

        All orders that cost something are recorded, and all that have used
        one of a discount's limited uses. `network` is the client's.
        """
        receipt = order.receipt
        if not self.providers.is_free(receipt):
            return True
        if self.discounts.has_limited_uses(order.discount):
            return True
        limits, now = self.limits, self.clock()
        # A second click is the same order, and takes no more space.
        if limits.recorded_free_orders.has(receipt.order_id, now):
            return True
        try:
            limits.free_order_lines.acquire(
                network, now=now, cost=len(receipt.lines)
            )
        except RateLimited:
            self._log_once_a_minute(now)
            return False
        limits.recorded_free_orders.add(receipt.order_id, now)
        return True

    def _log_once_a_minute(self, now: int) -> None:
        """Log a warning, not more often than strangers should cause one."""
        limits = self.limits
        if not limits.logged.has("free_orders", now):
            limits.logged.add("free_orders", now)
            log.warning(
                "ledger: too many free orders; buyers got their receipts, but "
                "%d orders since the start were not recorded",
                limits.free_order_lines.refused,
            )
