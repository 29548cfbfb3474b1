"""Orders that cost nothing: how many of them the ledger writes down.

Anyone can make such orders, as many as they like, and each would stay on the
disk for ever. A buyer loses nothing where one isn't written down: the receipt
is proved by NONCE, and so are its links. What is lost is the seller's count,
so the log and the figures say how many there were.
"""

import logging
from typing import Final

from aiohttp import web

from msrv.payments.settlement import PaidOrder
from msrv.rate_limit import RateLimited, client_network
from msrv.web.store import ORIGIN, STORE

log = logging.getLogger(__name__)

PROVIDER: Final = "free"


def is_written_down(request: web.Request, bought: PaidOrder) -> bool:
    """Whether an order goes into the ledger; counts it if it costs nothing.

    One that has used one of a discount's limited uses always does.
    """
    receipt = bought.receipt
    if receipt.provider != PROVIDER or receipt.total_minor:
        return True
    if _has_limited_uses(request, bought.quote.discount):
        return True
    store = request.app[STORE]
    limits, now = store.limits, store.clock()
    # A second click is the same order, and costs nothing more.
    if limits.free_orders_written.has(receipt.order_id, now):
        return True
    try:
        limits.free_order_lines.take(
            client_network(request[ORIGIN].client),
            now=now,
            cost=len(receipt.lines),
        )
    except RateLimited:
        _say(request, now)
        return False
    limits.free_orders_written.add(receipt.order_id, now)
    return True


def _has_limited_uses(request: web.Request, discount: str) -> bool:
    shop = request.app[STORE].catalog.current.shop
    return any(
        each.name == discount and each.uses is not None
        for each in shop.discounts
    )


def _say(request: web.Request, now: int) -> None:
    """Log it once a minute: strangers can make it happen often."""
    limits = request.app[STORE].limits
    if not limits.said.has("free_orders", now):
        limits.said.add("free_orders", now)
        log.warning(
            "ledger: too many free orders at once; their receipts were given, "
            "and %d since the start not written down one by one",
            limits.free_order_lines.refused,
        )
