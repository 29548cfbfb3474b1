# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts of refunded lines, as the totals and the reports have them.

A version from before revision 0007 that still runs after an upgrade adds the
price of a line that it refunds to the order's total and to the reports, and
doesn't know the line's own amount. What it has counted must not be counted
again. Apart from `changes`: this is pure.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row


def counted_amounts(
    order: Row[Any], lines: Sequence[Row[Any]]
) -> dict[str, int]:
    """Return how much of each line's price is counted as refunded.

    In minor units, by item. It is the line's own amount, unless the order's
    total says that an older version has refunded the line, or undone that.
    """
    missing = order.refunded_minor - sum(each.refunded_minor for each in lines)
    counted = {}
    for line in lines:
        amount, price = line.refunded_minor, line.price_minor
        if line.refunded and not amount and 0 < price <= missing:
            amount, missing = price, missing - price
        elif not line.refunded and 0 < amount <= -missing:
            amount, missing = 0, missing + amount
        counted[line.item_id] = amount
    return counted
