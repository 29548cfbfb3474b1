# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of the shop's services.

- `OrderError`: an order that can't be placed
    - `EmptyOrder`: it has no items
    - `TooManyItems`: it has more items than a receipt can hold
    - `DuplicateItem`: it has an item more than once
    - `NotForSale`: it has an item that the store doesn't sell
    - `MixedCurrencies`: its items are priced in several currencies
    - `TotalChanged`: its total is not the one that the visitor was shown
    - `PriceOutOfBounds`: a buyer's own price is outside the seller's bounds
        - `PriceNotPayable`: it is no multiple of what can be paid
    - `FreeGift`: a gift that costs nothing
- `DiscountError`: a discount code that can't be applied
    - `NoSuchDiscount`: the store has no such code
    - `DiscountNotStarted`: it is valid from `starts_at` on
    - `DiscountEnded`: it is not valid any more
    - `DiscountUsedUp`: its uses are all taken
    - `DiscountUsesUnknown`: the number of its uses can't be read now
    - `DiscountNotApplicable`: it reduces no item of the order
    - `TooManyDiscountsTried`: too many unknown codes were tried
- `DownloadsEnded`: a download link of what was refunded or withdrawn
- `CampaignEnded`: a genuine redeem code whose campaign was ended
- `UnicodeAddress`: a mail address that the mail server doesn't support
"""

from collections.abc import Sequence

from msrv.money import Money


class OrderError(Exception):
    """An order that can't be placed."""


class EmptyOrder(OrderError):
    """The order has no items."""


class TooManyItems(OrderError):
    """The order has more items than a receipt can hold."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class DuplicateItem(OrderError):
    """The order has an item more than once."""

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self.item_id = item_id


class NotForSale(OrderError):
    """The order has an item that the store doesn't sell."""

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self.item_id = item_id


class MixedCurrencies(OrderError):
    """The order's items are priced in several currencies."""

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(currencies)
        self.currencies = tuple(currencies)


class TotalChanged(OrderError):
    """The order's total is not the one that the visitor was shown."""

    def __init__(self, total: Money) -> None:
        super().__init__(total)
        self.total = total


class PriceOutOfBounds(OrderError):
    """A buyer's own price is outside the bounds, which are inclusive."""

    def __init__(self, item_id: str, least: Money, most: Money) -> None:
        super().__init__(item_id)
        self.item_id = item_id
        self.least = least
        self.most = most


class PriceNotPayable(PriceOutOfBounds):
    """A buyer's own price is no multiple of `step`, the smallest payable."""

    def __init__(
        self, item_id: str, least: Money, most: Money, step: Money
    ) -> None:
        super().__init__(item_id, least, most)
        self.step = step


class FreeGift(OrderError):
    """A gift that costs nothing.

    Notes to any address, without a payment, would be a way to send spam.
    """


class DiscountError(Exception):
    """A discount code that can't be applied; `name` is the code."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class NoSuchDiscount(DiscountError):
    """The store has no such code."""


class DiscountNotStarted(DiscountError):
    """The code is valid from `starts_at` on, in Unix seconds."""

    def __init__(self, name: str, starts_at: int) -> None:
        super().__init__(name)
        self.starts_at = starts_at


class DiscountEnded(DiscountError):
    """The code is not valid any more."""


class DiscountUsedUp(DiscountError):
    """The code's uses are all taken."""


class DiscountUsesUnknown(DiscountError):
    """The number of the code's uses can't be read now."""


class DiscountNotApplicable(DiscountError):
    """The code reduces no item of the order."""


class TooManyDiscountsTried(DiscountError):
    """Too many unknown codes were tried, so this one isn't looked up."""


class DownloadsEnded(Exception):
    """The download link is genuine, and its purchase was revoked."""


class CampaignEnded(Exception):
    """The redeem code is genuine, and the store has ended its campaign."""


class UnicodeAddress(Exception):
    """The mail server supports no non-ASCII characters before the @."""
