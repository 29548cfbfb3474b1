# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Allocation of refunded amounts to lines: exact, in any currency.

Apart from the database: this is pure, and tested by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msrv.money import split


@dataclass(frozen=True, slots=True)
class ReversedAmount:
    """Money that is gone: `amount_minor` of `paid_minor`, for `items`.

    Both amounts have any tax in them. Without `items`, it is for all lines.
    """

    amount_minor: int
    paid_minor: int
    items: tuple[str, ...] = ()


def allocate_refunds(
    prices: Mapping[str, int], amounts: Iterable[ReversedAmount]
) -> dict[str, int]:
    """Return how much of each line's price was refunded, in minor units.

    Prices are without a tax that was added to them. A tax is refunded in
    proportion, so that a refund of all that was paid is one of all prices,
    and no line is refunded by more than its price.
    """
    total = sum(prices.values())
    left = dict(prices)
    gone = counted = 0
    for each in amounts:
        gone += each.amount_minor
        paid = each.paid_minor or total
        net = total if gone >= paid else total * gone // paid
        part, counted = max(0, net - counted), max(net, counted)
        named = [item for item in each.items if item in left] or list(left)
        _subtract_shares(
            left, named, min(part, sum(left[item] for item in named))
        )
        _subtract_shares(
            left, list(left), counted - total + sum(left.values())
        )
    return {item: prices[item] - left[item] for item in prices}


def _subtract_shares(
    left: dict[str, int], items: list[str], minor: int
) -> None:
    """Subtract an amount from the rest of some lines, in proportion."""
    shares = split(minor, [left[item] for item in items])
    for item, share in zip(items, shares, strict=True):
        left[item] -= share
