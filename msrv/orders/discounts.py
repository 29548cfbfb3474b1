# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Discount codes: looked up, applied to a cart, and counted.

A code's value is the seller's: a browser names a code, and `store.toml` says
what it is worth. The ledger counts its uses. Wrong codes are guesses, which
are limited by client; a code that the store has verified before is looked up
without limit, however many strangers guess.
"""

import hashlib
import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Catalog, Discount, Shop
from msrv.ledger.errors import DatabaseError, LimitReached
from msrv.ledger.events import discount_use, discount_use_prefix
from msrv.ledger.ledger import Ledger
from msrv.money import Money
from msrv.orders import pricing
from msrv.orders.cart import Cart
from msrv.orders.errors import (
    DiscountEnded,
    DiscountError,
    DiscountNotApplicable,
    DiscountNotStarted,
    DiscountUsedUp,
    DiscountUsesUnknown,
    NoSuchDiscount,
    TooManyDiscountsTried,
)
from msrv.orders.pricing import PricedOrder, id_of
from msrv.orders.rate_limits import ShopLimits, TooManyGuesses
from msrv.payments.settlement import PaidOrder
from msrv.proofs.pasted_text import variants, visible

MAX_CHARS: Final = 24
CODE: Final = re.compile(r"[A-Z0-9-]{1,24}")
"""A code as `normalize` returns it."""
_MAX_TEXT: Final = 1000
_MAX_READINGS: Final = 3
_MAX_WORDS: Final = 12
"""Bounds on what is looked up for one guess."""
_WORD: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,23}")
_NOT_IN_CODE: Final = re.compile(r"[^A-Z0-9-]")


@dataclass(frozen=True, slots=True)
class DiscountedTotal:
    """One total of a cart with a discount: the reduction and the new total.

    `reduced_lines` is how many of the order's lines it reduces.
    """

    discount: Discount
    off: Money
    order: PricedOrder
    reduced_lines: int

    @property
    def total(self) -> Money:
        """The total with the discount subtracted."""
        return self.order.total

    @property
    def name(self) -> str:
        """The code."""
        return self.discount.name


@dataclass(frozen=True, slots=True)
class CartDiscount:
    """The discount of a cart: its effect by currency, or its error."""

    name: str = ""
    by_currency: dict[str, DiscountedTotal] = field(default_factory=dict)
    error: DiscountError | None = None

    @property
    def is_unknown(self) -> bool:
        """True where the store has no such code."""
        return isinstance(self.error, NoSuchDiscount)

    def total(self, total: Money) -> Money:
        """Return a total of the cart with the discount subtracted."""
        found = self.by_currency.get(total.currency)
        return found.total if found else total


@dataclass(frozen=True, slots=True)
class DiscountVisitor:
    """The client that sends a code, and the code that it sent before.

    `network` is the client's. `code` is empty, or a code that the store has
    verified for this visitor.
    """

    network: Hashable
    code: str = ""


class Discounts:
    """The discount codes of a store. `clock` returns Unix seconds."""

    def __init__(
        self,
        catalog: LiveCatalog,
        ledger: Ledger,
        limits: ShopLimits,
        clock: Callable[[], int],
    ) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._limits = limits
        self._clock = clock

    def find(
        self, text: str, visitor: DiscountVisitor, *, group: str = "typed"
    ) -> Discount:
        """Return the discount of a typed or pasted code, if valid now.

        Its uses aren't checked. `group` is the kind of source, each with a
        total of wrong codes of its own. Raises DiscountError, and
        TooManyGuesses once the client has sent too many wrong codes.
        """
        shop, limits = self._catalog.current.shop, self._limits
        name, now = match_code(shop, text), self._clock()
        client = visitor.network
        # The hash of the whole text: a longer one is more than one guess.
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        is_verified = bool(visitor.code) and visitor.code == text
        if is_verified or limits.wrong_discounts.has((client, digest), now):
            return find_valid(shop, name, now)
        limits.discounts.check(client, group=group, now=now)
        try:
            return find_valid(shop, name, now)
        except NoSuchDiscount:
            limits.discounts.spend(client, group=group, now=now)
            # A page that is reloaded, or a form that is sent twice, is not
            # another guess.
            for each in (digest, hashlib.sha256(name.encode()).digest()):
                limits.wrong_discounts.add((client, each), now)
            raise

    def resolve(self, text: str, visitor: DiscountVisitor) -> str:
        """Return the code that was typed or pasted, valid or not.

        An unknown code is counted as a guess and returned as typed; so is any
        code once too many were wrong.
        """
        if not text.strip():
            return ""
        try:
            return self.find(text, visitor).name
        except (NoSuchDiscount, TooManyGuesses):
            return normalize(text)
        except DiscountError as error:
            return error.name

    def is_known(self, code: str, visitor: DiscountVisitor) -> bool:
        """Return whether the store has a code, valid now or not."""
        try:
            self.find(code, visitor)
        except (NoSuchDiscount, TooManyGuesses):
            return False
        except DiscountError:
            return True
        return True

    async def check_uses(self, discount: Discount) -> None:
        """Check that a use is left, before anything is paid.

        Raises DiscountUsedUp, DiscountUsesUnknown.
        """
        if discount.uses is None:
            return
        try:
            used = await self._ledger.count_uses(
                discount_use_prefix(discount.name)
            )
        except DatabaseError as error:
            raise DiscountUsesUnknown(discount.name) from error
        if used >= discount.uses:
            raise DiscountUsedUp(discount.name)

    async def apply(
        self,
        cart: Cart,
        code: str,
        visitor: DiscountVisitor,
        *,
        group: str = "typed",
    ) -> CartDiscount:
        """Return a code's effect on a cart; errors are part of it."""
        if not CODE.fullmatch(code) or not cart.entries:
            return CartDiscount()
        try:
            found = self.find(code, visitor, group=group)
            await self.check_uses(found)
            by_currency = _apply(self._catalog.current, cart, found)
        except DiscountError as error:
            return CartDiscount(code, error=error)
        except TooManyGuesses:
            return CartDiscount(code, error=TooManyDiscountsTried(code))
        return CartDiscount(code, by_currency)

    async def reserve_use(self, order: PaidOrder) -> None:
        """Reserve a use of a limited discount for a free order.

        Nothing was paid, so that the order can still be refused: at once, and
        on all replicas. An order that has a use already keeps it, so that a
        second click leads to the same receipt. Raises DiscountUsedUp,
        DiscountUsesUnknown.
        """
        name, receipt = order.discount, order.receipt
        found = self._find_by_name(name)
        if found is None or found.uses is None or receipt.total_minor:
            return
        try:
            await self._ledger.claim_use(
                discount_use(name, receipt.order_id, receipt.issued_at),
                discount_use_prefix(name),
                found.uses,
            )
        except LimitReached as error:
            raise DiscountUsedUp(name) from error
        except DatabaseError as error:
            raise DiscountUsesUnknown(name) from error

    async def count_use(self, order: PaidOrder) -> None:
        """Record a discount's use with its sale, once an order.

        Never raises.
        """
        if order.discount:
            receipt = order.receipt
            await self._ledger.record_use(
                discount_use(
                    order.discount, receipt.order_id, receipt.issued_at
                )
            )

    def has_limited_uses(self, name: str) -> bool:
        """Return whether a code can be used a limited number of times."""
        found = self._find_by_name(name)
        return found is not None and found.uses is not None

    def _find_by_name(self, name: str) -> Discount | None:
        shop = self._catalog.current.shop
        return next(
            (each for each in shop.discounts if each.name == name), None
        )


def _apply(
    catalog: Catalog, cart: Cart, discount: Discount
) -> dict[str, DiscountedTotal]:
    """Return the totals of a cart that a discount reduces.

    Raises DiscountNotApplicable where it reduces none of them.
    """
    discounted: dict[str, DiscountedTotal] = {}
    error: DiscountNotApplicable | None = None
    for total, entries in cart.by_currency():
        item_ids = [id_of(each) for each in entries]
        try:
            order = pricing.price(
                catalog, item_ids, chosen=cart.chosen, discount=discount
            )
        except DiscountNotApplicable as not_applicable:
            error = not_applicable
            continue
        off = Money(total.minor - order.total.minor, total.currency)
        full = pricing.price(catalog, item_ids, chosen=cart.chosen)
        reduced_lines = sum(
            line != reduced
            for line, reduced in zip(full.lines, order.lines, strict=True)
        )
        discounted[total.currency] = DiscountedTotal(
            discount, off, order, reduced_lines
        )
    if error is not None and not discounted:
        raise error
    return discounted


def normalize(text: str) -> str:
    """Return a typed code in its form: up to 24 of A-Z, 0-9 and `-`.

    Spaces, quotes and invisible characters are left out; any dash is `-`.
    """
    plain = visible(text[:_MAX_TEXT]).replace("\u2014", "-").upper()
    return _NOT_IN_CODE.sub("", plain)[:MAX_CHARS].strip("-")


def match_code(shop: Shop, text: str) -> str:
    """Return the name of the discount that was typed or pasted.

    Dashes and case don't count, and other words may be around it. Where the
    store has no such code, it is what `normalize` returns.
    """
    known = {_without_dashes(each.name): each.name for each in shop.discounts}
    known |= {each.name: each.name for each in shop.discounts}
    for name in _candidates(text):
        found = known.get(name) or known.get(_without_dashes(name))
        if found is not None:
            return found
    return normalize(text)


def _candidates(text: str) -> Iterator[str]:
    """Yield the possible codes in a text: all of it, then its words."""
    yield normalize(text)
    for reading in islice(variants(text[:_MAX_TEXT]), _MAX_READINGS):
        yield from _WORD.findall(reading.upper())[:_MAX_WORDS]


def _without_dashes(name: str) -> str:
    return name.replace("-", "")


def find_valid(shop: Shop, name: str, now: int) -> Discount:
    """Return the discount of a code that is valid now, in Unix seconds.

    `begins_at` is inclusive, `ends_at` exclusive. Raises NoSuchDiscount,
    DiscountNotStarted, DiscountEnded.
    """
    for each in shop.discounts:
        if each.name == name:
            if each.begins_at is not None and now < each.begins_at:
                raise DiscountNotStarted(name, each.begins_at)
            if each.ends_at is not None and now >= each.ends_at:
                raise DiscountEnded(name)
            return each
    raise NoSuchDiscount(name)
