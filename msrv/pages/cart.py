"""The cart: a cookie of item ids, and nothing on the server.

What a cookie says is read against the catalog each time: ids that mean
nothing are left out, and a track whose whole release is in the cart is not
bought a second time.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from msrv.catalog.model import Catalog, Item, Release
from msrv.money import Money
from msrv.payments.ordering import MAX_ITEMS, find_offered
from msrv.proofs.links import ITEM_ID

COOKIE: Final = "cart"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600
_SEPARATOR: Final = "."


@dataclass(frozen=True, slots=True)
class Cart:
    """What is in the cart, in the order it was put there."""

    entries: tuple[Item | Release, ...]

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of its entries."""
        return tuple(id_of(entry) for entry in self.entries)

    def by_currency(self) -> list[tuple[Money, tuple[Item | Release, ...]]]:
        """Give what is paid in one sum, and the sum; usually there is one."""
        groups: dict[str, list[Item | Release]] = {}
        for entry in self.entries:
            groups.setdefault(entry.price.currency, []).append(entry)
        return [
            (
                Money(sum(each.price.minor for each in group), currency),
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


def add(cart: Cart, item_id: str, catalog: Catalog) -> Cart:
    """Put one item in; a cart that is full stays as it is."""
    return _of((*cart.item_ids, item_id), catalog)


def remove(cart: Cart, item_ids: Iterable[str]) -> Cart:
    """Take items out."""
    gone = set(item_ids)
    return Cart(
        tuple(each for each in cart.entries if id_of(each) not in gone)
    )


def write(response: web.StreamResponse, cart: Cart, *, secure: bool) -> None:
    """Send the cart back with an answer."""
    if not cart.entries:
        response.del_cookie(COOKIE, path="/", secure=secure, httponly=True)
        return
    response.set_cookie(
        COOKIE,
        _SEPARATOR.join(cart.item_ids),
        max_age=MAX_AGE_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def _of(item_ids: Iterable[str], catalog: Catalog) -> Cart:
    found: dict[str, Item | Release] = {}
    for item_id in item_ids:
        if re.fullmatch(ITEM_ID, item_id) and len(found) < MAX_ITEMS:
            entry = find_offered(catalog, item_id)
            if entry is not None:
                found[item_id] = entry
    return Cart(
        tuple(
            entry
            for entry in found.values()
            if isinstance(entry, Release) or entry.release_id not in found
        )
    )
