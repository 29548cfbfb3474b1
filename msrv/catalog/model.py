"""What the library offers, as values: releases, their items, the shop.

Everything here is frozen. A change to the library is a new Catalog, so that a
request sees one catalog from beginning to end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from msrv.money import Money
from msrv.storage.model import Content


class ItemKind(StrEnum):
    """What a buyer gets: a track with a duration, any other file, or all."""

    TRACK = "track"
    FILE = "file"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Item:
    """One file that can be bought.

    `number` and `disc` are its place in the release as its tags say, or else
    its name, None where neither does. `file_name` is what a buyer's computer
    will call it. `hidden` is withdrawn: not offered, still delivered to who
    bought it; every item of a hidden release is. Where there is a `minimum`,
    the buyer sets the price, and `price` is the seller's suggestion.
    `alternatives` are the same track in other formats, which are not sold.
    """

    item_id: str
    release_id: str
    kind: ItemKind
    title: str
    artist: str
    price: Money
    content: Content
    number: int | None = None
    disc: int | None = None
    duration_seconds: float | None = None
    hidden: bool = False
    minimum: Money | None = None
    alternatives: tuple[Content, ...] = ()

    @property
    def file_name(self) -> str:
        """The last part of the path, as in the library."""
        return self.content.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Artwork:
    """A release's cover: its file, its size in pixels, its main colour.

    `colour` is `#rrggbb`, shown behind the picture while it comes. Where the
    cover `is_embedded`, its file is a track that holds it.
    """

    content: Content
    width: int
    height: int
    colour: str
    is_embedded: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """A folder of the library: an album, a book, a sample pack.

    `items` are all its files for sale in order, hidden ones included. The
    whole can be bought, under `release_id`, where it holds more than one.
    `extras` come with the whole and are not for sale: each is a hidden item,
    so that whoever bought one when it was sold still gets it. `former` are
    what its files were sold as before, hidden too: a folder of scans or a
    disc that was a release of its own, a format that was an item. `date` is
    an ISO 8601 year, month or day, or empty. `minimum` is as an item's, for
    the whole.
    """

    release_id: str
    folder: str
    title: str
    artist: str
    date: str
    description: str
    price: Money
    items: tuple[Item, ...]
    artwork: Artwork | None = None
    hidden: bool = False
    minimum: Money | None = None
    extras: tuple[Item, ...] = ()
    former: tuple["Item | Release", ...] = ()

    def with_price(self, price: Money) -> Self:
        """Give the same release at another price for the whole."""
        return replace(self, price=price)

    def with_items(self, items: tuple[Item, ...]) -> Self:
        """Give the same release with these items."""
        return self if items == self.items else replace(self, items=items)

    @property
    def offered(self) -> tuple[Item, ...]:
        """The items that the store shows."""
        return tuple(item for item in self.items if not item.hidden)

    @property
    def sold_whole(self) -> bool:
        """Whether the store offers the release itself as an item."""
        offered = len(self.offered)
        return offered > 1 or bool(offered and self.extras)

    @property
    def has_discs(self) -> bool:
        """Whether its tracks are on more than one disc."""
        return len({item.disc or 1 for item in self.items}) > 1

    @property
    def size_bytes(self) -> int:
        """The bytes of its items and extras together."""
        return sum(
            item.content.size_bytes for item in (*self.items, *self.extras)
        )


@dataclass(frozen=True, slots=True)
class Discount:
    """What a discount code takes off: a percentage, or an amount.

    Good while `begins_at` <= now < `ends_at`, in Unix seconds, where they are
    stated; for `uses` orders, None for any number; for the items of
    `item_ids`, or for all where there are none.
    """

    name: str
    percent: int | None = None
    amount: Money | None = None
    begins_at: int | None = None
    ends_at: int | None = None
    uses: int | None = None
    item_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shop:
    """What `store.toml` says of the store itself. `accent` is `#rrggbb`.

    `tax_included` says that the prices hold the tax already.
    """

    name: str = "MSRV"
    tagline: str = ""
    contact: str = ""
    currency: str = "EUR"
    accent: str = "#ff3b30"
    tax_included: bool = False
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the store offers at one moment.

    `releases` is in the order the store shows them: newest date first, then
    by artist and title. `offered` are those that are shown. `by_id` finds
    what can be bought or was, hidden ones included: items and releases, and
    those of a single item too, as somebody may have bought one whole when it
    held more. `releases_by_id` finds every release. `version` is a short
    digest of all of it.

    What was offered under other ids is in `by_id`, too, hidden, for whoever
    bought it; `moved` gives the id that it is offered under now. `held_by`
    names releases that hold an item besides its own, and `gone` the titles of
    what can't be found any more.
    """

    shop: Shop
    releases: tuple[Release, ...]
    offered: tuple[Release, ...]
    version: str
    by_id: Mapping[str, Item | Release] = field(repr=False)
    releases_by_id: Mapping[str, Release] = field(repr=False)
    moved: Mapping[str, str] = field(default_factory=dict, repr=False)
    held_by: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict, repr=False
    )
    gone: Mapping[str, str] = field(default_factory=dict, repr=False)

    def title_of(self, item_id: str) -> str:
        """Return an id's title, also of what is gone; else the id itself."""
        found = self.by_id.get(item_id)
        return found.title if found else self.gone.get(item_id) or item_id

    def releases_with(self, item_id: str) -> tuple[str, ...]:
        """Name the releases that a purchase of this item can be part of."""
        found = self.by_id.get(item_id)
        if not isinstance(found, Item):
            return ()
        return (found.release_id, *self.held_by.get(item_id, ()))
