"""Prices that buyers set: reading what they typed.

Which items have one, and within which bounds, the catalog alone says.
"""

from typing import Final

from multidict import MultiDict

from msrv.catalog.model import Catalog
from msrv.money import Money, NotMoney, parse_typed
from msrv.orders.pricing import find_offered, within_bounds
from msrv.web.errors import InvalidField

PREFIX: Final = "price."
"""Before an item's id, in the name of the field."""


def read_prices(form: MultiDict[str], catalog: Catalog) -> dict[str, Money]:
    """Read `price.ITEM` fields: the buyer's prices, by item id.

    Of an item whose price is the seller's, the field says nothing. Raises
    InvalidField for what is no amount, OutOfBounds for one that is not taken.
    """
    prices: dict[str, Money] = {}
    for name, text in form.items():
        if not name.startswith(PREFIX):
            continue
        item_id = name.removeprefix(PREFIX)
        offered = find_offered(catalog, item_id)
        if offered is None or offered.minimum is None:
            continue
        currency = offered.price.currency
        try:
            own = parse_typed(text, currency)
        except NotMoney:
            example = offered.price.decimal
            raise InvalidField(
                offered.title,
                f"must be an amount of {currency}, like {example}",
            ) from None
        prices[item_id] = within_bounds(offered, own)
    return prices
