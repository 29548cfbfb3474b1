"""What an order holds and what it costs, by the catalog alone.

Nothing a browser sends can set a price: it names items, and may say which
total it was shown, so that a change since then is noticed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msrv.catalog.model import Catalog, Discount, Item, Release
from msrv.money import Money
from msrv.orders import discount_arithmetic
from msrv.proofs.receipts import MAX_LINES, Line

MAX_ITEMS: Final = MAX_LINES
"""An order's receipt is an address, and an address has a limit."""
MAX_CHOSEN_MINOR: Final = 99_999_999
"""What a buyer can set a price to, at most: one digit less than a typo."""


class OrderError(Exception):
    """An order that can't be made.

    - `EmptyOrder`: it holds nothing
    - `TooManyItems`: more than a receipt can hold
    - `ItemTwice`: one item more than once
    - `NotForSale`: an item that the store doesn't offer
    - `MixedCurrencies`: items that can't be paid in one sum
    - `TotalChanged`: not the total that the visitor was shown
    - `OutOfBounds`: a price of the buyer's that the seller doesn't take
    """


class EmptyOrder(OrderError):
    """The order holds nothing."""


class TooManyItems(OrderError):
    """The order holds more items than a receipt can."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class ItemTwice(OrderError):
    """The order names one item more than once."""

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self.item_id = item_id


class NotForSale(OrderError):
    """The order names an item that the store doesn't offer."""

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self.item_id = item_id


class MixedCurrencies(OrderError):
    """The order's items are priced in several currencies."""

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(currencies)
        self.currencies = tuple(currencies)


class TotalChanged(OrderError):
    """The order costs something else than the visitor was shown."""

    def __init__(self, total: Money) -> None:
        super().__init__(total)
        self.total = total


class OutOfBounds(OrderError):
    """The buyer set a price outside the seller's bounds, both inclusive."""

    def __init__(self, item_id: str, least: Money, most: Money) -> None:
        super().__init__(item_id)
        self.item_id = item_id
        self.least = least
        self.most = most


def find_offered(catalog: Catalog, item_id: str) -> Item | Release | None:
    """Find what the store offers under an id; None for what it does not."""
    found = catalog.by_id.get(item_id)
    if found is None or found.hidden:
        return None
    if isinstance(found, Release):
        return found if found.sold_whole else None
    release = catalog.by_id.get(found.release_id)
    if isinstance(release, Release) and release.hidden:
        return None
    return found


def price(
    catalog: Catalog,
    item_ids: Sequence[str],
    *,
    shown_minor: int | None = None,
    chosen: Mapping[str, Money] | None = None,
    discount: Discount | None = None,
) -> tuple[tuple[Line, ...], Money]:
    """Price an order: its lines and their sum.

    `chosen` are the buyer's own prices by item id; they count only where the
    seller lets the buyer set the price, and only within the bounds.
    `shown_minor` is the total that the visitor was shown, in minor units, of
    the lines that they have not chosen a price for. `discount` is taken off
    what has a price of the seller's, and off nothing that the buyer may set
    a price for. Raises OrderError, NotForThis.
    """
    _check_count(item_ids)
    seen: set[str] = set()
    lines: list[Line] = []
    own_ids: set[str] = set()
    fixed_ids: set[str] = set()
    currencies: dict[str, None] = {}
    for item_id in item_ids:
        if item_id in seen:
            raise ItemTwice(item_id)
        seen.add(item_id)
        offered = find_offered(catalog, item_id)
        if offered is None:
            raise NotForSale(item_id)
        own = (chosen or {}).get(item_id)
        if own is not None and offered.minimum is not None:
            lines.append(Line(item_id, within_bounds(offered, own).minor))
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
        lines = _take_off(lines, fixed_ids, currency, discount)
    total = Money(sum(line.price_minor for line in lines), *currencies)
    if shown_minor not in {None, _sum_without(lines, own_ids)}:
        raise TotalChanged(total)
    return tuple(lines), total


def _check_count(item_ids: Sequence[str]) -> None:
    """See that an order has as many lines as it can. Raises OrderError."""
    if not item_ids:
        raise EmptyOrder
    if len(item_ids) > MAX_ITEMS:
        raise TooManyItems(len(item_ids))


def _take_off(
    lines: Sequence[Line],
    fixed_ids: Collection[str],
    currency: str,
    discount: Discount,
) -> list[Line]:
    """Take a discount off the lines whose price is the seller's."""
    fixed = [line for line in lines if line.item_id in fixed_ids]
    reduced = {
        line.item_id: line
        for line in discount_arithmetic.take_off(fixed, currency, discount)
    }
    return [reduced.get(line.item_id, line) for line in lines]


def _sum_without(lines: Sequence[Line], item_ids: Collection[str]) -> int:
    return sum(
        line.price_minor for line in lines if line.item_id not in item_ids
    )


def within_bounds(offered: Item | Release, own: Money) -> Money:
    """Take a buyer's own price of what has a minimum. Raises OutOfBounds."""
    least = offered.minimum or offered.price
    most = Money(max(MAX_CHOSEN_MINOR, least.minor), least.currency)
    if own.currency != least.currency or not (
        least.minor <= own.minor <= most.minor
    ):
        item_id = (
            offered.release_id
            if isinstance(offered, Release)
            else offered.item_id
        )
        raise OutOfBounds(item_id, least, most)
    return own
