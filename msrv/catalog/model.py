# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Catalog model: releases, their items and the shop, as values.

Everything here is frozen. A change to the library is a new Catalog, so that a
request sees one catalog from beginning to end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from msrv.catalog.details.release_details import ReleaseDetails
from msrv.catalog.texts.legal_texts import Legal
from msrv.catalog.theme.theme_files import ThemeFile
from msrv.money import Money
from msrv.storage.model import Content
from msrv.taxes.rates import TaxRules

_DIGITS: Final = re.compile(r"([0-9]+)")


class ItemKind(StrEnum):
    """Kind of what is sold: a track, another file, or a whole release."""

    TRACK = "track"
    FILE = "file"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound of a track: its codec, and its samples where they are known.

    `bit_depth` is in bits per sample, and known of lossless codecs alone. The
    gains are those of ReplayGain in the tags, in dB.
    """

    codec: str
    sample_rate_hz: int | None = None
    bit_depth: int | None = None
    channels: int | None = None
    track_gain_db: float | None = None
    album_gain_db: float | None = None

    @property
    def is_lossless(self) -> bool:
        """True if other formats can be encoded from it without extra loss."""
        return self.bit_depth is not None


class ListeningMode(StrEnum):
    """Amount of a track that can be listened to before it is bought."""

    CLIP = "clip"
    FULL = "full"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Listening:
    """Part of a track that can be listened to before it is bought.

    `clip` is the first and the last second of the part that the seller chose,
    None for the usual one.
    """

    mode: ListeningMode = ListeningMode.CLIP
    clip: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One file that can be bought.

    `number` and `disc` are its place in the release by its tags, or else by
    its name; None where neither has one. A `hidden` item is withdrawn: not
    offered, but still delivered to its buyers; every item of a hidden release
    is. Where there is a `minimum`, the buyer sets the price, and `price` is
    the seller's suggestion. `alternatives` are the same track in other
    formats, as the seller put them into the folder. `formats` are the names
    of those to encode it in (`encodings.recipes`). `sound` is None for a file
    that isn't a track, or whose sound is unknown.
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
    formats: tuple[str, ...] = ()
    sound: Sound | None = None
    listening: Listening = Listening()

    @property
    def file_name(self) -> str:
        """The last part of the path, which is the name on download."""
        return self.content.path.rpartition("/")[2]

    @property
    def place(self) -> tuple[object, ...]:
        """Sort key by disc, number, then name, with "2" before "10"."""
        natural = [
            (0, int(part), "") if number % 2 else (1, 0, part.casefold())
            for number, part in enumerate(_DIGITS.split(self.file_name))
        ]
        is_file = self.kind is ItemKind.FILE
        return (is_file, self.disc or 1, self.number or 10_000, natural)


@dataclass(frozen=True, slots=True)
class Cover:
    """A release's cover: its file, its size in pixels, its main colour.

    `colour` is `#rrggbb`, displayed until the picture has loaded. Where the
    cover `is_embedded`, its file is the track that contains it.
    """

    content: Content
    width: int
    height: int
    colour: str
    is_embedded: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """A folder of the library: an album, a book, a sample pack.

    `items` are all its files for sale in order, hidden ones included. A
    release of more than one can be bought as a whole, as `release_id`.
    `extras` come with the whole and are not for sale: each is a hidden item,
    so that buyers from a time when it was for sale still get it. `former` are
    what its files were sold as before, hidden too: a folder of scans or a
    disc that was a release of its own, a format that was an item. `date` is
    an ISO 8601 year, month or day, or empty. `minimum` is that of the whole.
    `details` are its kind and what else describes it. `thanks` is for its
    buyers alone. `cover_alt` describes the cover in words.
    """

    release_id: str
    folder: str
    title: str
    artist: str
    date: str
    description: str
    price: Money
    items: tuple[Item, ...]
    cover: Cover | None = None
    hidden: bool = False
    minimum: Money | None = None
    extras: tuple[Item, ...] = ()
    former: tuple["Item | Release", ...] = ()
    details: ReleaseDetails = field(default_factory=ReleaseDetails)
    credits: str = ""
    thanks: str = ""
    cover_alt: str = ""

    def with_items(self, items: tuple[Item, ...]) -> Self:
        """Return the release with these items."""
        return self if items == self.items else replace(self, items=items)

    @property
    def offered(self) -> tuple[Item, ...]:
        """The items that are not hidden."""
        return tuple(item for item in self.items if not item.hidden)

    @property
    def sold_whole(self) -> bool:
        """True if the whole release is offered as an item."""
        offered = len(self.offered)
        return offered > 1 or bool(offered and self.extras)

    @property
    def has_discs(self) -> bool:
        """True if its tracks are on more than one disc."""
        return len({item.disc or 1 for item in self.items}) > 1

    @property
    def last_modified(self) -> int:
        """Time of its newest file in Unix seconds; 0 without a file."""
        contents = [each.content for each in (*self.items, *self.extras)]
        if self.cover is not None:
            contents.append(self.cover.content)
        newest = max((each.mtime_ns for each in contents), default=0)
        return newest // 1_000_000_000

    @property
    def first_modified(self) -> int:
        """Time of its oldest item in Unix seconds; 0 without an item.

        A changed file or a new one leaves it as it is.
        """
        times = (each.content.mtime_ns for each in self.items)
        return min(times, default=0) // 1_000_000_000

    @property
    def size_bytes(self) -> int:
        """Size of its items and extras together."""
        return sum(
            item.content.size_bytes for item in (*self.items, *self.extras)
        )


@dataclass(frozen=True, slots=True)
class Discount:
    """Discount of a discount code: a percentage, or an amount.

    Valid while `begins_at` <= now < `ends_at`, in Unix seconds, where they are
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
class ShopLink:
    """Link to a page elsewhere that is the store's own, too."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Shop:
    """Presentation and currency of the store, by `store.toml`.

    `accent` is `#rrggbb`, `theme` the name of a theme. With `tax_included`,
    prices include the tax. `order` is that of the releases: `newest`,
    `title`, `artist`, or ids of those that come first, before the newest.
    `featured` are ids of the releases that come first on the front page.
    `thanks` is for buyers alone. `language` is the store's own, by its name
    in CLDR. `legal` are the legal texts, `tax` the seller's country and rates.
    """

    name: str = "MSRV"
    tagline: str = ""
    contact: str = ""
    thanks: str = ""
    currency: str = "EUR"
    accent: str = "#ff3b30"
    tax_included: bool = False
    language: str = "en"
    discounts: tuple[Discount, ...] = ()
    theme: str = "loud"
    links: tuple[ShopLink, ...] = ()
    order: str | tuple[str, ...] = "newest"
    featured: tuple[str, ...] = ()
    theme_files: tuple[ThemeFile, ...] = ()
    legal: Legal = field(default_factory=Legal)
    tax: TaxRules = field(default_factory=TaxRules)

    def theme_file(self, key: str) -> ThemeFile | None:
        """Return the file of a key of `store.toml`, None without one."""
        return next((f for f in self.theme_files if f.key == key), None)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that the seller wrote: a title, and Markdown below it.

    `slug` is its place in addresses. `changed_at` is in Unix seconds.
    """

    slug: str
    title: str
    text: str
    changed_at: int
    picture: Cover | None = None


@dataclass(frozen=True, slots=True)
class ArtistProfile:
    """Text of the seller about an artist, in Markdown, with a picture.

    `links` are the artist's own addresses elsewhere. `changed_at` is in Unix
    seconds.
    """

    name: str
    text: str
    links: tuple[str, ...]
    changed_at: int
    picture: Cover | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything the store offers at one moment.

    `releases` are in the order of the store's pages, by `shop.order`.
    `offered` are those that are not hidden. `by_id` has all items and releases
    that can be or could once be bought, hidden ones included, and releases of
    a single item too, which may have been bought whole when they had more.
    `releases_by_id` has every release. `version` is a short digest of all of
    it.

    Items and releases that were offered under other ids are in `by_id` under
    those too, hidden, for their buyers; `moved` maps such an id to the
    present one. `held_by` maps an item to the releases that contain it
    besides its own, and `gone` the ids that can't be found any more to their
    titles. `pages` are in the order of the menu.
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
    pages: tuple[Page, ...] = ()
    profiles: tuple[ArtistProfile, ...] = ()

    def title_of(self, item_id: str) -> str:
        """Return the title of an id, present or gone; else the id itself."""
        found = self.by_id.get(item_id)
        return found.title if found else self.gone.get(item_id) or item_id

    def release_of(self, entry: Item | Release) -> Release | None:
        """Return the present release of an entry, former ones included."""
        release_id = entry.release_id
        return self.releases_by_id.get(self.moved.get(release_id, release_id))

    def releases_with(self, item_id: str) -> tuple[str, ...]:
        """Return the ids of the releases whose purchase includes an item."""
        found = self.by_id.get(item_id)
        if not isinstance(found, Item):
            return ()
        return (found.release_id, *self.held_by.get(item_id, ()))
