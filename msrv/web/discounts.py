"""A discount code in a visitor's hands: typed into the cart, kept, counted.

The cookie holds what was typed. What it is worth is looked up each time. One
that was a discount's carries a tag of the store's: looking it up again is no
guess, and never refused, however many strangers guess.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from msrv.catalog.model import Discount
from msrv.ledger.errors import DatabaseError, UsedUp
from msrv.ledger.ledger import Ledger
from msrv.ledger.uses import discount_use, discount_uses
from msrv.money import Money
from msrv.orders import discount_arithmetic, pricing
from msrv.orders.discount_arithmetic import (
    DiscountError,
    NoSuchDiscount,
    NoUsesLeft,
    TooManyTried,
    UsesUnknown,
)
from msrv.orders.rate_limits import TooManyGuesses
from msrv.payments.settlement import PaidOrder
from msrv.proofs.keyring import Purpose
from msrv.proofs.mac_tags import is_tag, tag
from msrv.rate_limit import client_network
from msrv.web import cookies
from msrv.web.cart import Cart, id_of
from msrv.web.errors.shopping import discount_message
from msrv.web.store import ORIGIN, STORE

COOKIE: Final = "discount"
_MAX_AGE_SECONDS: Final = 30 * 24 * 3600
_COUNT_SECONDS: Final = 2
"""How long a cart may wait for a database that hangs."""
_BEFORE_TAG: Final = "."
_MAX_COOKIE_CHARS: Final = 64
_PLAIN: Final = re.compile(r"[A-Z0-9-]{1,24}")


@dataclass(frozen=True, slots=True)
class Reduced:
    """What a discount takes off one sum of the cart, and what is left."""

    discount: Discount
    off: Money
    total: Money

    @property
    def name(self) -> str:
        """The code."""
        return self.discount.name


@dataclass(frozen=True, slots=True)
class InCart:
    """The discount of a visitor's cart: by currency, or why there is none."""

    name: str = ""
    reduced: dict[str, Reduced] = field(default_factory=dict)
    error: DiscountError | None = None

    @property
    def kept(self) -> str:
        """What the cookie should hold: what nobody knows is forgotten."""
        return "" if isinstance(self.error, NoSuchDiscount) else self.name

    @property
    def sentence(self) -> str:
        """Why there is none, for people; empty where there is."""
        return "" if self.error is None else discount_message(self.error)

    def total(self, total: Money) -> Money:
        """Give what is left of one sum of the cart."""
        found = self.reduced.get(total.currency)
        return found.total if found else total

    def as_data(self) -> dict[str, Any]:
        """Show it to programs."""
        if not self.name:
            return {}
        data: dict[str, Any] = {"code": self.name}
        if self.error is not None:
            data["message"] = self.sentence
        data["totals"] = [
            {
                "off_minor": each.off.minor,
                "total_minor": each.total.minor,
                "currency": each.total.currency,
            }
            for each in self.reduced.values()
        ]
        return {"discount": data}


def find(request: web.Request, text: str, *, group: str = "typed") -> Discount:
    """Find the discount of a code that is given now, used up or not.

    Raises DiscountError; TooManyGuesses for who has guessed too often.
    """
    store = request.app[STORE]
    shop, limits = store.catalog.current.shop, store.limits
    name, now = discount_arithmetic.read(shop, text), store.clock()
    client = client_network(request[ORIGIN].client)
    kept, is_tagged = _kept(request)
    # By all that was said: of a longer text, more than its name is tried.
    said = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    if (is_tagged and kept == text) or limits.wrong_discounts.has(
        (client, said), now
    ):
        return discount_arithmetic.find(shop, name, now)
    limits.discounts.check(client, group=group, now=now)
    try:
        return discount_arithmetic.find(shop, name, now)
    except NoSuchDiscount:
        limits.discounts.spend(client, group=group, now=now)
        # A page that shows it again, or a form that is sent twice, is no
        # other guess.
        for each in (said, hashlib.sha256(name.encode()).digest()):
            limits.wrong_discounts.add((client, each), now)
        raise


def read(request: web.Request, text: str) -> str:
    """Return the name of the discount that was typed or pasted.

    One that isn't found is a guess that is counted, and is returned as it
    was typed; so is any where too many were tried.
    """
    if not text.strip():
        return ""
    try:
        return find(request, text).name
    except (NoSuchDiscount, TooManyGuesses):
        return discount_arithmetic.tidy(text)
    except DiscountError as error:
        return error.name


async def check_uses(request: web.Request, found: Discount) -> None:
    """See that a use is left, before something is paid for it.

    Raises NoUsesLeft, UsesUnknown.
    """
    if found.uses is None:
        return
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            used = await request.app[STORE].ledger.uses(
                discount_uses(found.name)
            )
    except (DatabaseError, TimeoutError) as error:
        raise UsesUnknown(found.name) from error
    if used >= found.uses:
        raise NoUsesLeft(found.name)


async def of_cart(
    request: web.Request, content: Cart, name: str | None = None
) -> InCart:
    """Say what a discount does to a cart: the cookie's, or the one named."""
    group = "typed"
    if name is None:
        # One without a tag is a guess, which any page may bring: strangers
        # who send such don't use up what may be typed.
        name, _ = _kept(request)
        group = "cookie"
    if not _PLAIN.fullmatch(name) or not content.entries:
        return InCart()
    try:
        found = find(request, name, group=group)
        await check_uses(request, found)
        reduced = _reduce(request, content, found)
    except DiscountError as error:
        return InCart(name, error=error)
    except TooManyGuesses:
        return InCart(name, error=TooManyTried(name))
    return InCart(name, reduced)


def write(
    request: web.Request, response: web.StreamResponse, name: str
) -> None:
    """Store a typed code in the cookie, or delete that where it is empty.

    It is looked up: one that is a discount's is kept with a tag.
    """
    text = name
    if _PLAIN.fullmatch(name) and _is_discount(request, name):
        tagged = tag(
            request.app[STORE].keyring, Purpose.DISCOUNT, name.encode()
        )
        text = f"{name}{_BEFORE_TAG}{tagged}"
    cookies.write(
        response,
        COOKIE,
        text,
        max_age_seconds=_MAX_AGE_SECONDS,
        secure=request[ORIGIN].scheme == "https",
    )


def keep(
    request: web.Request, response: web.StreamResponse, found: InCart
) -> None:
    """Forget a cookie's code that nobody knows."""
    if found.name and not found.kept:
        write(request, response, "")


async def take(request: web.Request, bought: PaidOrder) -> None:
    """Take one of a discount's uses before a free order is granted.

    Nothing is paid for it, so that it can still be refused: at once, and on
    all replicas. An order that has its use already keeps it: a second click
    leads to the same receipt. Raises NoUsesLeft, UsesUnknown.
    """
    store = request.app[STORE]
    name, receipt = bought.quote.discount, bought.receipt
    shop = store.catalog.current.shop
    found = next((each for each in shop.discounts if each.name == name), None)
    if found is None or found.uses is None or receipt.total_minor:
        return
    try:
        await store.ledger.use(
            discount_use(name, receipt.order_id, receipt.issued_at),
            discount_uses(name),
            found.uses,
        )
    except UsedUp as error:
        raise NoUsesLeft(name) from error
    except DatabaseError as error:
        raise UsesUnknown(name) from error


async def count(ledger: Ledger, bought: PaidOrder) -> None:
    """Count a discount's use with its sale: once an order. Never raises."""
    name, receipt = bought.quote.discount, bought.receipt
    if name:
        await ledger.used(
            discount_use(name, receipt.order_id, receipt.issued_at)
        )


def _kept(request: web.Request) -> tuple[str, bool]:
    """Return the cookie's code, and whether the store has tagged it."""
    text = cookies.of(request).get(COOKIE, "")[:_MAX_COOKIE_CHARS]
    name, _, tagged = text.partition(_BEFORE_TAG)
    if not tagged or not _PLAIN.fullmatch(name):
        return name, False
    keyring = request.app[STORE].keyring
    return name, is_tag(keyring, Purpose.DISCOUNT, tagged, name.encode())


def _is_discount(request: web.Request, name: str) -> bool:
    """Whether a code is a discount's, one that is over or to come as well."""
    try:
        find(request, name)
    except (NoSuchDiscount, TooManyGuesses):
        return False
    except DiscountError:
        return True
    return True


def _reduce(
    request: web.Request, content: Cart, found: Discount
) -> dict[str, Reduced]:
    """Price each sum of the cart with the discount. Raises NotForThis."""
    catalog = request.app[STORE].catalog.current
    reduced: dict[str, Reduced] = {}
    error: DiscountError | None = None
    for total, entries in content.by_currency():
        ids: Sequence[str] = [id_of(each) for each in entries]
        try:
            _, less = pricing.price(
                catalog, ids, chosen=content.chosen, discount=found
            )
        except discount_arithmetic.NotForThis as wrong:
            error = wrong
            continue
        off = Money(total.minor - less.minor, total.currency)
        reduced[total.currency] = Reduced(found, off, less)
    if error is not None and not reduced:
        raise error
    return reduced
