# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Models of `store.toml` and `release.toml`."""

from dataclasses import dataclass, field
from typing import Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from msrv.catalog.config.fields import (
    Colour,
    Currency,
    DiscountName,
    EndOfDay,
    ItemId,
    ItemIds,
    Line,
    LongText,
    Percent,
    Price,
    ReleaseDate,
    StartOfDay,
    TrackNumber,
    Uses,
    currency_of,
)
from msrv.catalog.model import Discount, Shop
from msrv.money import Money
from msrv.toml_file import KeyPath, TomlDocument

_SHOP = Shop()


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Configuration of the store; prices in the shop's currency, or None.

    `is_known` is False where there is a `store.toml` that has never been
    valid: then nothing may be sold that depends on it.
    """

    shop: Shop = field(default_factory=Shop)
    item_price: Money | None = None
    release_price: Money | None = None
    is_known: bool = True


class _Table(BaseModel):
    """A table of a file. Strict: `hidden = "yes"` is not true."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("fixed_price", "fixed_item_price", check_fields=False)
    @classmethod
    def _price_or_minimum(cls, price: Money, info: ValidationInfo) -> Money:
        """Refuse a contradiction: a seller has to mean one of the two."""
        minimum = _minimum_of(info)
        if info.data.get(minimum) is not None:
            raise ValueError(
                f"is fixed, but {minimum!r} lets the buyer set it: keep one "
                "of them"
            )
        return price

    @field_validator("suggested", "item_suggested", check_fields=False)
    @classmethod
    def _at_least_minimum(cls, price: Money, info: ValidationInfo) -> Money:
        name = _minimum_of(info)
        if name not in info.data:
            return price  # the minimum has a problem of its own
        minimum = info.data[name]
        if minimum is None:
            raise ValueError(f"needs {name!r} as well")
        if price.minor < minimum.minor:
            raise ValueError(f"must be at least {name!r}")
        return price


def _minimum_of(info: ValidationInfo) -> str:
    """Return the name of the minimum that goes with a price's field."""
    return "item_minimum" if "item" in str(info.field_name) else "minimum"


class ItemConfig(_Table):
    """Configuration of a file, `[items."FILE"]`; None where it isn't stated.

    A price is either fixed, or the buyer's from `minimum` on, with an amount
    that the seller may suggest.
    """

    item_id: ItemId | None = Field(default=None, alias="id")
    title: Line | None = None
    artist: Line | None = None
    number: TrackNumber | None = None
    minimum: Price | None = None
    fixed_price: Price | None = Field(default=None, alias="price")
    suggested: Price | None = None
    hidden: bool = False

    @property
    def price(self) -> Money | None:
        """The price to display: fixed, suggested, or the minimum."""
        return self.fixed_price or self.suggested or self.minimum


class ReleaseConfig(_Table):
    """Configuration of a folder, `release.toml`; None where it isn't stated.

    Prices are as an item's; those of `item_…` are for its items that state
    none.
    """

    release_id: ItemId | None = Field(default=None, alias="id")
    title: Line | None = None
    artist: Line | None = None
    date: ReleaseDate | None = None
    description: LongText = ""
    currency: Currency | None = None
    minimum: Price | None = None
    fixed_price: Price | None = Field(default=None, alias="price")
    suggested: Price | None = None
    item_minimum: Price | None = None
    fixed_item_price: Price | None = Field(default=None, alias="item_price")
    item_suggested: Price | None = None
    hidden: bool = False
    items: dict[str, ItemConfig] = {}
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

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key, counted from 1; searches the text."""
        return self._document.line_of(path) if self._document else 1


class _DiscountTable(_Table):
    percent: Percent | None = None
    amount: Price | None = None
    first_day: StartOfDay | None = None
    last_day: EndOfDay | None = None
    uses: Uses | None = None
    items: ItemIds = ()

    @model_validator(mode="after")
    def _percent_or_amount(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("must have either a percent or an amount")
        return self


class _UsualPrices(_Table):
    item: Price | None = None
    release: Price | None = None


class _StoreTable(_Table):
    name: Line = ""
    tagline: Line = ""
    contact: Line = ""
    currency: Currency = _SHOP.currency
    accent: Colour = _SHOP.accent
    tax_included: bool = False
    prices: _UsualPrices = _UsualPrices()
    discounts: dict[DiscountName, _DiscountTable] = {}


def parse_store(where: str, text: str) -> StoreConfig:
    """Parse `store.toml`. Raises InvalidConfig."""
    document = TomlDocument(where, text)
    currency = currency_of(document.values.get("currency"), _SHOP.currency)
    found = document.validate(_StoreTable, currency)
    shop = Shop(
        name=found.name or _SHOP.name,
        tagline=found.tagline,
        contact=found.contact,
        currency=found.currency,
        accent=found.accent,
        tax_included=found.tax_included,
        discounts=tuple(
            Discount(
                name=name,
                percent=table.percent,
                amount=table.amount,
                begins_at=table.first_day,
                ends_at=table.last_day,
                uses=table.uses,
                item_ids=table.items,
            )
            for name, table in found.discounts.items()
        ),
    )
    return StoreConfig(
        shop, item_price=found.prices.item, release_price=found.prices.release
    )


def parse_release(where: str, text: str, shop: Shop) -> ReleaseConfig:
    """Parse `release.toml`. Raises InvalidConfig.

    Prices are in its own currency, or else in the shop's.
    """
    document = TomlDocument(where, text)
    currency = currency_of(document.values.get("currency"), shop.currency)
    found = document.validate(ReleaseConfig, currency)
    found._document = document  # noqa: SLF001 - of a model of this module
    return found
