# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Models of `release.toml`."""

from pydantic import Field, PrivateAttr

from msrv.catalog.config.detail_fields import (
    Isbn,
    Kind,
    LanguageTag,
    Names,
    PageCount,
    TempoRange,
)
from msrv.catalog.config.fields import (
    Currency,
    ItemId,
    Line,
    LongText,
    Note,
    Price,
    ReleaseDate,
    TrackNumber,
    currency_of,
)
from msrv.catalog.config.format_fields import Formats
from msrv.catalog.config.listening_fields import ClipRange, Listen
from msrv.catalog.config.toml_table import Table
from msrv.catalog.model import Listening, ListeningMode, Shop
from msrv.money import Money
from msrv.toml_file import KeyPath, TomlDocument


class ItemConfig(Table):
    """Configuration of a file, `[items."FILE"]`; None where it isn't stated.

    A price is either fixed, or the buyer's from `minimum` on, with an amount
    that the seller may suggest.
    """

    item_id: ItemId | None = Field(default=None, alias="id")
    title: Line | None = None
    artist: Line | None = None
    number: TrackNumber | None = None
    listen: Listen | None = None
    clip: ClipRange | None = None
    minimum: Price | None = None
    fixed_price: Price | None = Field(default=None, alias="price")
    suggested: Price | None = None
    hidden: bool = False

    @property
    def price(self) -> Money | None:
        """The price to display: fixed, suggested, or the minimum."""
        return self.fixed_price or self.suggested or self.minimum


class ReleaseConfig(Table):
    """Configuration of a folder, `release.toml`; None where it isn't stated.

    Prices are as an item's; those of `item_…` are for its items that state
    none.
    """

    release_id: ItemId | None = Field(default=None, alias="id")
    title: Line | None = None
    artist: Line | None = None
    date: ReleaseDate | None = None
    description: LongText = ""
    credits: LongText = ""
    cover_alt: Line = ""
    thanks: Note = ""
    currency: Currency | None = None
    minimum: Price | None = None
    fixed_price: Price | None = Field(default=None, alias="price")
    suggested: Price | None = None
    item_minimum: Price | None = None
    fixed_item_price: Price | None = Field(default=None, alias="item_price")
    item_suggested: Price | None = None
    hidden: bool = False
    formats: Formats | None = None
    listen: Listen | None = None
    clip: ClipRange | None = None
    kind: Kind | None = None
    genres: Names | None = None
    tags: Names = ()
    label: Line = ""
    catalog_number: Line = ""
    isbn: Isbn = ""
    language: LanguageTag = ""
    licence: Line = ""
    version: Line = ""
    platforms: Names = ()
    key: Line = ""
    tempo: TempoRange | None = None
    pages: PageCount | None = None
    items: dict[str, ItemConfig] = Field(default_factory=dict)
    _document: TomlDocument | None = PrivateAttr(default=None)

    @property
    def price(self) -> Money | None:
        """The price of the whole release to display, as an item's."""
        return self.fixed_price or self.suggested or self.minimum

    @property
    def item_price(self) -> Money | None:
        """The price to display of an item that states none."""
        return (
            self.fixed_item_price or self.item_suggested or self.item_minimum
        )

    def listening(self, usual: ListeningMode, own: ItemConfig) -> Listening:
        """Return what can be listened to of a track.

        `own` is the track's configuration, `usual` the store's mode.
        """
        return Listening(
            own.listen or self.listen or usual, own.clip or self.clip
        )

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key, counted from 1; searches the text."""
        return self._document.line_of(path) if self._document else 1


def parse_release(where: str, text: str, shop: Shop) -> ReleaseConfig:
    """Parse `release.toml`. Raises InvalidConfig.

    Prices are in its own currency, or else in the shop's.
    """
    document = TomlDocument(where, text)
    currency = currency_of(document.values.get("currency"), shop.currency)
    found = document.validate(ReleaseConfig, currency)
    found._document = document  # noqa: SLF001 - of a model of this module
    return found
