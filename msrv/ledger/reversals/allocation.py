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
    """Money that is gone, with any tax in it, for `items`.

    Without `items`, it is for all lines.
    """

    amount_minor: int
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineRefund:
    """Refund of a line: `amount_minor` of the `paid_minor` paid for it.

    Both have any tax in them: what went back is what counts, and amounts
    without the tax follow from it.
    """

    amount_minor: int
    paid_minor: int

    @property
    def left_minor(self) -> int:
        """Amount that wasn't refunded."""
        return self.paid_minor - self.amount_minor

    def part_of(self, minor: int) -> int:
        """Return the refunded part of an amount, rounded half up."""
        whole = self.paid_minor
        if not whole:
            return 0
        return (2 * minor * self.amount_minor + whole) // (2 * whole)

    def part_of_price(self, price_minor: int) -> int:
        """Return the refunded part of a price without a tax added to it.

        It and the refunded tax add up to the amount.
        """
        return self.amount_minor - self.part_of(self.paid_minor - price_minor)


def allocate_refunds(
    prices: Mapping[str, int],
    paid_minor: int,
    amounts: Iterable[ReversedAmount],
) -> dict[str, LineRefund]:
    """Return what was refunded of each line, in minor units.

    `paid_minor` is the whole payment, which lines share by their prices; a tax
    may have been added to these. An amount is subtracted from the lines that
    it is for, and what exceeds them from all. No line is refunded by more than
    was paid for it.
    """
    shares = split(paid_minor, list(prices.values()))
    paid = dict(zip(prices, shares, strict=True))
    left = dict(paid)
    for each in amounts:
        named = [item for item in each.items if item in left] or list(left)
        minor = min(each.amount_minor, sum(left.values()))
        of_named = min(minor, sum(left[item] for item in named))
        _subtract(left, named, of_named)
        _subtract(left, list(left), minor - of_named)
    return {
        item: LineRefund(minor - left[item], minor)
        for item, minor in paid.items()
    }


def _subtract(left: dict[str, int], items: list[str], minor: int) -> None:
    """Subtract an amount from the rest of some lines, in proportion."""
    shares = split(minor, [left[item] for item in items])
    for item, share in zip(items, shares, strict=True):
        left[item] -= share
