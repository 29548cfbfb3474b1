"""The cart: a cookie of item ids, and nothing on the server.

After an id may stand the price that the buyer set, where the seller lets them.

What a cookie says is read against the catalog each time: ids that mean
nothing are left out, and a track whose whole release is in the cart is not
bought a second time.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from msrv.catalog.model import Catalog, Item, Release
from msrv.money import Money
from msrv.orders.pricing import (
    MAX_ITEMS,
    NotForSale,
    OutOfBounds,
    TooManyItems,
    find_offered,
    within_bounds,
)
from msrv.proofs.links import ITEM_ID
from msrv.web import cookies

COOKIE: Final = "cart"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600
_SEPARATOR: Final = "."
_PRICE: Final = "~"
_ENTRY: Final = re.compile(rf"({ITEM_ID})(?:~([0-9]{{1,9}}))?")
_MAX_CHARS: Final = 3800
"""Browsers keep cookies up to 4096 bytes, name and all, and drop others."""


@dataclass(frozen=True, slots=True)
class Cart:
    """What is in the cart, in the order it was put there.

    `chosen` are prices that the buyer set, by item id, within the bounds.
    """

    entries: tuple[Item | Release, ...]
    chosen: Mapping[str, Money] = field(default_factory=dict)

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of its entries."""
        return tuple(id_of(entry) for entry in self.entries)

    def price_of(self, entry: Item | Release) -> Money:
        """What an entry costs: as the buyer says, or as the seller does."""
        return self.chosen.get(id_of(entry), entry.price)

    def by_currency(self) -> list[tuple[Money, tuple[Item | Release, ...]]]:
        """Give what is paid in one sum, and the sum; usually there is one."""
        groups: dict[str, list[Item | Release]] = {}
        for entry in self.entries:
            groups.setdefault(entry.price.currency, []).append(entry)
        return [
            (
                Money(
                    sum(self.price_of(each).minor for each in group), currency
                ),
                tuple(group),
            )
            for currency, group in groups.items()
        ]


def id_of(entry: Item | Release) -> str:
    """Give the id under which an item or a whole release is bought."""
    return entry.release_id if isinstance(entry, Release) else entry.item_id


def read(cookies: Mapping[str, str], catalog: Catalog) -> Cart:
    """Read the cart that came with a request, whatever it says."""
    return _of(cookies.get(COOKIE, "")[:8192].split(_SEPARATOR), catalog)


def add(cart: Cart, item_ids: Iterable[str], catalog: Catalog) -> Cart:
    """Return the cart with items added, all in one pass.

    Raises NotForSale for what the store doesn't offer, and TooManyItems
    where an order couldn't hold them.
    """
    wanted = dict.fromkeys(item_ids)
    for item_id in wanted:
        if find_offered(catalog, item_id) is None:
            raise NotForSale(item_id)
    entries = _without_parts(
        {
            item_id: entry
            for item_id in (*cart.item_ids, *wanted)
            if (entry := find_offered(catalog, item_id)) is not None
        }
    )
    if len(entries) > MAX_ITEMS:
        raise TooManyItems(len(entries))
    return Cart(entries, cart.chosen)


def remove(cart: Cart, item_ids: Iterable[str]) -> Cart:
    """Take items out."""
    gone = set(item_ids)
    return Cart(
        tuple(each for each in cart.entries if id_of(each) not in gone),
        {key: own for key, own in cart.chosen.items() if key not in gone},
    )


def choose(cart: Cart, prices: Mapping[str, Money]) -> Cart:
    """Keep prices that the buyer set; they have been checked."""
    held = set(cart.item_ids)
    chosen = {key: own for key, own in prices.items() if key in held}
    return Cart(cart.entries, {**cart.chosen, **chosen})


def write(response: web.StreamResponse, cart: Cart, *, secure: bool) -> None:
    """Send the cart back with an answer."""
    cookies.write(
        response,
        COOKIE,
        _text(cart),
        max_age_seconds=MAX_AGE_SECONDS,
        secure=secure,
    )


def _text(cart: Cart) -> str:
    """Write the cookie; without the prices where they would make it burst."""
    parts = []
    for item_id in cart.item_ids:
        own = cart.chosen.get(item_id)
        parts.append(f"{item_id}{_PRICE}{own.minor}" if own else item_id)
    text = _SEPARATOR.join(parts)
    return text if len(text) <= _MAX_CHARS else _SEPARATOR.join(cart.item_ids)


def _of(parts: Iterable[str], catalog: Catalog) -> Cart:
    found: dict[str, Item | Release] = {}
    chosen: dict[str, Money] = {}
    for part in parts:
        stated = _ENTRY.fullmatch(part)
        if stated is None or len(found) >= MAX_ITEMS:
            continue
        entry = find_offered(catalog, stated[1])
        if entry is None:
            continue
        found[stated[1]] = entry
        if stated[2] is not None and entry.minimum is not None:
            own = Money(int(stated[2]), entry.price.currency)
            # Bounds that have changed since leave the suggestion.
            with contextlib.suppress(OutOfBounds):
                chosen[stated[1]] = within_bounds(entry, own)
    return Cart(_without_parts(found), chosen)


def _without_parts(
    found: Mapping[str, Item | Release],
) -> tuple[Item | Release, ...]:
    """Leave out what comes with a whole release that is there too."""
    return tuple(
        entry
        for entry in found.values()
        if isinstance(entry, Release) or entry.release_id not in found
    )
