# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices of orders, by the catalog alone.

A browser can't set a price: it names items, and may send the total that it
was shown, so that a change since then is noticed. Only where the seller lets
buyers set a price is theirs used, within the seller's bounds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from msrv.catalog.model import Catalog, Discount, Item, Release
from msrv.ledger.events import clean_title
from msrv.money import Money, payable_step
from msrv.orders.errors import (
    DiscountNotApplicable,
    DuplicateItem,
    EmptyOrder,
    MixedCurrencies,
    NotForSale,
    PriceNotPayable,
    PriceOutOfBounds,
    TooManyItems,
    TotalChanged,
)
from msrv.proofs.orders import MAX_LINES, Line

MAX_ITEMS: Final = MAX_LINES
"""Limited by an order's receipt, which is part of an address."""
MAX_CHOSEN_MINOR: Final = 99_999_999
"""Highest price that a buyer can set, against mistyped digits."""

_ROUND_TENTHS: Final = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)
"""Leading digits of round amounts, in tenths: 1, 1.2, 1.5, and so on."""


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """The lines of an order and their sum, the discount subtracted."""

    lines: tuple[Line, ...]
    total: Money
    discount: Discount | None = None


def find_offered(catalog: Catalog, item_id: str) -> Item | Release | None:
    """Return what the store sells under an id, None if it sells nothing.

    What was sold under a former id has another one now; see `id_of`.
    """
    found = catalog.by_id.get(catalog.moved.get(item_id, item_id))
    if found is None or found.hidden:
        return None
    if isinstance(found, Release):
        return found if found.sold_whole else None
    release = catalog.by_id.get(found.release_id)
    if isinstance(release, Release) and release.hidden:
        return None
    return found


def id_of(entry: Item | Release) -> str:
    """Return the id under which an item or a whole release is bought."""
    return entry.release_id if isinstance(entry, Release) else entry.item_id


def title_of(catalog: Catalog, item_id: str) -> str:
    """Return an item's current title, or its last, as the ledger has it."""
    return clean_title(catalog.title_of(item_id))


def check_bounds(offered: Item | Release, own: Money) -> None:
    """Check a buyer's own price of an entry that has a minimum.

    The bounds are inclusive. Raises PriceOutOfBounds, PriceNotPayable.
    """
    least = offered.minimum or offered.price
    step = payable_step(least.currency)
    most = Money(
        max(MAX_CHOSEN_MINOR // step * step, least.minor), least.currency
    )
    if own.currency != least.currency or not (
        least.minor <= own.minor <= most.minor
    ):
        raise PriceOutOfBounds(id_of(offered), least, most)
    if own.minor % step:
        smallest = Money(step, least.currency)
        raise PriceNotPayable(id_of(offered), least, most, smallest)


def suggested_prices(entry: Item | Release) -> tuple[Money, ...]:
    """Return up to three prices to choose from, in ascending order.

    They are the minimum, the seller's suggestion, and round amounts near
    those. Empty for a price that the seller sets, and for one without a
    minimum or a suggestion to start from.
    """
    least, suggested = entry.minimum, entry.price
    if least is None or suggested.minor == 0:
        return ()
    step = payable_step(suggested.currency)
    if suggested.minor == least.minor:
        found = (
            least.minor,
            _round_amount(least.minor * 3 // 2, step),
            _round_amount(least.minor * 2, step),
        )
    else:
        found = (
            least.minor or _round_amount(suggested.minor // 2, step),
            suggested.minor,
            _round_amount(suggested.minor * 3 // 2, step),
        )
    most = max(MAX_CHOSEN_MINOR, least.minor)
    return tuple(
        Money(minor, suggested.currency)
        for minor in sorted(set(found))
        if max(least.minor, 1) <= minor <= most and minor % step == 0
    )


def _round_amount(minor: int, step: int) -> int:
    """Return the round amount of steps that is nearest, the higher of two."""
    steps = minor // step
    power = int(10 ** (len(str(steps)) - 1))
    amounts = [
        power * tenths // 10
        for tenths in _ROUND_TENTHS
        if power * tenths % 10 == 0
    ]
    return step * max(amounts, key=lambda each: (-abs(each - steps), each))


def price(
    catalog: Catalog,
    item_ids: Sequence[str],
    *,
    shown_minor: int | None = None,
    chosen: Mapping[str, Money] | None = None,
    discount: Discount | None = None,
) -> PricedOrder:
    """Return the priced order of these items.

    `chosen` has the buyer's own prices by item id; they apply only where the
    seller lets the buyer set the price, within the bounds. `shown_minor` is
    the total that the visitor was shown, in minor units, of the lines without
    such a price. `discount` reduces only items whose price is the seller's.
    Raises OrderError, DiscountNotApplicable.
    """
    _check_count(item_ids)
    seen: set[str] = set()
    lines: list[Line] = []
    own_ids: set[str] = set()
    fixed_ids: set[str] = set()
    currencies: dict[str, None] = {}
    for stated_id in item_ids:
        offered = find_offered(catalog, stated_id)
        item_id = stated_id if offered is None else id_of(offered)
        if item_id in seen:
            raise DuplicateItem(item_id)
        seen.add(item_id)
        if offered is None:
            raise NotForSale(item_id)
        own = (chosen or {}).get(item_id)
        if own is not None and offered.minimum is not None:
            check_bounds(offered, own)
            lines.append(Line(item_id, own.minor))
            own_ids.add(item_id)
        else:
            lines.append(Line(item_id, offered.price.minor))
        if offered.minimum is None:
            fixed_ids.add(item_id)
        currencies[offered.price.currency] = None
    if len(currencies) > 1:
        raise MixedCurrencies(list(currencies))
    if discount is not None:
        (currency,) = currencies
        lines = _discount_fixed(lines, fixed_ids, currency, discount)
    total = Money(sum(line.price_minor for line in lines), *currencies)
    if shown_minor not in {None, _sum_without(lines, own_ids)}:
        raise TotalChanged(total)
    return PricedOrder(tuple(lines), total, discount)


def _check_count(item_ids: Sequence[str]) -> None:
    if not item_ids:
        raise EmptyOrder
    if len(item_ids) > MAX_ITEMS:
        raise TooManyItems(len(item_ids))


def _discount_fixed(
    lines: Sequence[Line],
    fixed_ids: Collection[str],
    currency: str,
    discount: Discount,
) -> list[Line]:
    """Return the lines, those with a price of the seller's discounted."""
    fixed = [line for line in lines if line.item_id in fixed_ids]
    reduced = {
        line.item_id: line
        for line in apply_discount(fixed, currency, discount)
    }
    return [reduced.get(line.item_id, line) for line in lines]


def _sum_without(lines: Sequence[Line], item_ids: Collection[str]) -> int:
    return sum(
        line.price_minor for line in lines if line.item_id not in item_ids
    )


def apply_discount(
    lines: Sequence[Line], currency: str, discount: Discount
) -> tuple[Line, ...]:
    """Return the lines with a discount subtracted, none of them below zero.

    A percentage is subtracted from each line, rounded down. An amount is
    spread over the lines in proportion to their prices, up to their sum. What
    is left to pay of a line is a multiple of the currency's `payable_step`.
    Raises DiscountNotApplicable.
    """
    reducible = [
        line
        for line in lines
        if not discount.item_ids or line.item_id in discount.item_ids
    ]
    step = payable_step(currency)
    if discount.percent is not None:
        left = {
            line.item_id: _left(line.price_minor, discount.percent, 100, step)
            for line in reducible
        }
    else:
        amount_minor = _amount_minor(discount, currency)
        left = _left_by_line(reducible, amount_minor, step)
    reduced = tuple(
        replace(line, price_minor=min(line.price_minor, left[line.item_id]))
        if line.item_id in left
        else line
        for line in lines
    )
    if reduced == tuple(lines):
        raise DiscountNotApplicable(discount.name)
    return reduced


def _amount_minor(discount: Discount, currency: str) -> int:
    amount = discount.amount or Money(0, currency)
    return amount.minor if amount.currency == currency else 0


def _left(minor: int, off: int, total: int, step: int) -> int:
    """Return a price less `off` parts of `total`, rounded up to a step."""
    return -(-minor * (total - off) // (total * step)) * step


def _left_by_line(
    lines: Sequence[Line], amount_minor: int, step: int
) -> dict[str, int]:
    """Return what an amount leaves of each line; the parts add up exactly."""
    total = sum(line.price_minor for line in lines)
    off = min(amount_minor, total)
    left: dict[str, int] = {}
    before = 0
    for line in lines:
        after = before + line.price_minor
        # What is left up to this line, less that up to the line before: each
        # is rounded, but their differences add up to what is left of all.
        left[line.item_id] = (
            _left(after, off, total, step) - _left(before, off, total, step)
            if total
            else 0
        )
        before = after
    return left
