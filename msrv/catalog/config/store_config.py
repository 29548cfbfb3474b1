# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Models of `store.toml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Self

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from msrv.catalog.config.appearance_fields import (
    Links,
    Order,
    ReleaseIds,
    ThemeName,
    ThemePath,
)
from msrv.catalog.config.fields import (
    Colour,
    Currency,
    DiscountName,
    EndOfDay,
    ItemIds,
    Line,
    Note,
    Percent,
    Price,
    StartOfDay,
    TextLanguage,
    Uses,
    currency_of,
)
from msrv.catalog.config.format_fields import Formats
from msrv.catalog.config.invoice_fields import InvoicesTable
from msrv.catalog.config.legal_fields import Consent, LegalFile, Wordings
from msrv.catalog.config.listening_fields import Listen
from msrv.catalog.config.tax_fields import Country, Rates
from msrv.catalog.config.toml_table import Table
from msrv.catalog.model import Discount, ListeningMode, Shop
from msrv.catalog.texts.legal_texts import ConsentMode, Legal, LegalKind
from msrv.catalog.theme.theme_files import NAMES
from msrv.money import Money
from msrv.taxes.rates import TaxRules
from msrv.toml_file import TomlDocument

_SHOP = Shop()
_CHECKED_LATER: Final = ("order", "featured")
_LEGAL: Final = tuple(f"legal.{kind}" for kind in LegalKind)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Configuration of the store; prices in the shop's currency, or None.

    `is_known` is False where there is a `store.toml` that has never been
    valid: then nothing may be sold that depends on it. `lines` are the lines
    of the keys whose values are checked later, counted from 1; `theme_paths`
    are the keys and paths of files of the store's look, `legal_files` the
    kinds and names of the legal texts.
    """

    shop: Shop = field(default_factory=Shop)
    item_price: Money | None = None
    release_price: Money | None = None
    formats: tuple[str, ...] = ()
    listen: ListeningMode = ListeningMode.CLIP
    is_known: bool = True
    theme_paths: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    legal_files: tuple[tuple[LegalKind, str], ...] = field(
        default=(), compare=False
    )
    lines: Mapping[str, int] = field(
        default_factory=dict, compare=False, repr=False
    )

    def is_identical(self, other: "StoreConfig") -> bool:
        """Return whether another has the same values, the lines included."""
        return all(
            getattr(self, each.name) == getattr(other, each.name)
            for each in fields(self)
        )


class _DiscountTable(Table):
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


class _UsualPrices(Table):
    item: Price | None = None
    release: Price | None = None


class _FontsTable(Table):
    body: ThemePath | None = None
    display: ThemePath | None = None


class _LegalTable(Table):
    imprint: LegalFile | None = None
    terms: LegalFile | None = None
    privacy: LegalFile | None = None
    withdrawal: LegalFile | None = None
    consent: Consent = ConsentMode.OFF
    consent_text: Wordings = ()


class _TaxTable(Table):
    country: Country = ""
    rates: Rates = ()
    require_address: bool = False


class _StoreTable(Table):
    name: Line = ""
    tagline: Line = ""
    contact: Line = ""
    thanks: Note = ""
    currency: Currency = _SHOP.currency
    accent: Colour = _SHOP.accent
    tax_included: bool = False
    language: TextLanguage = _SHOP.language
    formats: Formats = ()
    listen: Listen = ListeningMode.CLIP
    theme: ThemeName = _SHOP.theme
    logo: ThemePath | None = None
    banner: ThemePath | None = None
    background: ThemePath | None = None
    fonts: _FontsTable = _FontsTable()
    extra_css: ThemePath | None = None
    links: Links = ()
    order: Order = _SHOP.order
    featured: ReleaseIds = ()
    prices: _UsualPrices = _UsualPrices()
    discounts: dict[DiscountName, _DiscountTable] = Field(default_factory=dict)
    legal: _LegalTable = _LegalTable()
    invoices: InvoicesTable | None = None
    tax: _TaxTable = _TaxTable()

    @field_validator("tax")
    @classmethod
    def _of_prices_with_tax(
        cls, tax: _TaxTable, info: ValidationInfo
    ) -> _TaxTable:
        if tax.rates and not info.data.get("tax_included", True):
            raise ValueError(
                "has rates, which are of prices that include the tax: set "
                "'tax_included = true' as well"
            )
        return tax


def _theme_paths(found: _StoreTable) -> Iterator[tuple[str, str | None]]:
    """Yield the keys of files of the store's look, with their paths."""
    yield "logo", found.logo
    yield "banner", found.banner
    yield "background", found.background
    yield "fonts.body", found.fonts.body
    yield "fonts.display", found.fonts.display
    yield "extra_css", found.extra_css


def parse_store(where: str, text: str) -> StoreConfig:
    """Parse `store.toml`. Raises InvalidConfig."""
    document = TomlDocument(where, text)
    currency = currency_of(document.values.get("currency"), _SHOP.currency)
    found = document.validate(_StoreTable, currency)
    shop = Shop(
        name=found.name or _SHOP.name,
        tagline=found.tagline,
        contact=found.contact,
        thanks=found.thanks,
        currency=found.currency,
        accent=found.accent,
        tax_included=found.tax_included,
        language=found.language,
        theme=found.theme,
        links=found.links,
        order=found.order,
        featured=found.featured,
        legal=Legal(
            found.legal.consent,
            found.legal.consent_text,
            invoices=found.invoices.rules if found.invoices else None,
        ),
        tax=TaxRules(
            found.tax.country, found.tax.rates, found.tax.require_address
        ),
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
        shop,
        item_price=found.prices.item,
        release_price=found.prices.release,
        formats=found.formats,
        listen=found.listen,
        theme_paths=tuple(
            (key, path) for key, path in _theme_paths(found) if path
        ),
        legal_files=tuple(
            (kind, name)
            for kind in LegalKind
            if (name := getattr(found.legal, kind)) is not None
        ),
        lines={
            key: document.line_of(tuple(key.split(".")))
            for key in (
                *(*_CHECKED_LATER, *NAMES, *_LEGAL),
                *(f"discounts.{name}.items" for name in found.discounts),
            )
            if key.partition(".")[0] in document.values
        },
    )
