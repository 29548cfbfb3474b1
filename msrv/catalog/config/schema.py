"""Reading `store.toml` and `release.toml`: strictly, with file and line.

A key that is misspelt is an error, not a default: a seller who wrote `pirce`
must not sell at another price.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from msrv import money
from msrv.catalog.config.discount_codes import read_discounts
from msrv.catalog.config.prices import read_price
from msrv.catalog.model import Shop
from msrv.display_text import MAX_CHARS, clean_line
from msrv.money import Money, NotMoney, UnfitAmount
from msrv.proofs.orders import is_item_id
from msrv.toml_file import KeyPath, TomlDocument

_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_MAX_SHOWN: Final = 40
_MAX_LONG_TEXT: Final = 20_000
"""Characters of a description."""

_STORE_KEYS: Final = (
    "name",
    "tagline",
    "contact",
    "currency",
    "accent",
    "tax_included",
    "prices",
    "discounts",
)
_PRICES_KEYS: Final = ("item", "release")
_RELEASE_KEYS: Final = (
    "id",
    "title",
    "artist",
    "date",
    "description",
    "currency",
    "price",
    "minimum",
    "suggested",
    "item_price",
    "item_minimum",
    "item_suggested",
    "hidden",
    "items",
)
_ITEM_KEYS: Final = (
    "id",
    "title",
    "artist",
    "number",
    "price",
    "minimum",
    "suggested",
    "hidden",
)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """What `store.toml` says; prices in the shop's currency, or None.

    `is_known` is False where it is there and has never been understood: then
    nothing may be sold that depends on it.
    """

    shop: Shop = field(default_factory=Shop)
    item_price: Money | None = None
    release_price: Money | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class ItemConfig:
    """What `[items."FILE"]` says; None where it says nothing.

    Where it says a `minimum`, `price` is what it suggests.
    """

    item_id: str | None = None
    title: str | None = None
    artist: str | None = None
    number: int | None = None
    price: Money | None = None
    minimum: Money | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """What `release.toml` says; None where it says nothing.

    `line_of` finds the line of a key, which takes its time.
    """

    release_id: str | None = None
    title: str | None = None
    artist: str | None = None
    date: str | None = None
    description: str = ""
    currency: str | None = None
    price: Money | None = None
    minimum: Money | None = None
    item_price: Money | None = None
    item_minimum: Money | None = None
    hidden: bool = False
    items: Mapping[str, ItemConfig] = field(default_factory=dict)
    line_of: Callable[[KeyPath], int] = lambda _: 1


def read_store(where: str, text: str) -> StoreConfig:
    """Read `store.toml`. Raises InvalidConfig."""
    file = TomlDocument(where, text)
    usual = Shop()
    top = file.table((), _STORE_KEYS)
    currency = top.take("currency", _currency) or usual.currency
    prices = file.table(("prices",), _PRICES_KEYS)
    as_money = _money_in(currency)
    config = StoreConfig(
        Shop(
            name=top.take("name", _line) or usual.name,
            tagline=top.take("tagline", _line) or "",
            contact=top.take("contact", _line) or "",
            currency=currency,
            accent=top.take("accent", _colour) or usual.accent,
            tax_included=top.take("tax_included", _flag) or False,
            discounts=read_discounts(file, as_money),
        ),
        item_price=prices.take("item", as_money),
        release_price=prices.take("release", as_money),
    )
    file.finish()
    return config


def read_release(where: str, text: str, shop: Shop) -> ReleaseConfig:
    """Read `release.toml`. Raises InvalidConfig."""
    file = TomlDocument(where, text)
    top = file.table((), _RELEASE_KEYS)
    currency = top.take("currency", _currency)
    as_money = _money_in(currency or shop.currency)
    items = {}
    for name in file.names("items"):
        table = file.table(("items", name), _ITEM_KEYS)
        price, minimum = read_price(table, as_money)
        items[name] = ItemConfig(
            item_id=table.take("id", _id),
            title=table.take("title", _line),
            artist=table.take("artist", _line),
            number=table.take("number", _number),
            price=price,
            minimum=minimum,
            hidden=table.take("hidden", _flag) or False,
        )
    price, minimum = read_price(top, as_money)
    item_price, item_minimum = read_price(top, as_money, "item_")
    config = ReleaseConfig(
        release_id=top.take("id", _id),
        title=top.take("title", _line),
        artist=top.take("artist", _line),
        date=top.take("date", _date),
        description=top.take("description", _text) or "",
        currency=currency,
        price=price,
        minimum=minimum,
        item_price=item_price,
        item_minimum=item_minimum,
        hidden=top.take("hidden", _flag) or False,
        items=items,
        line_of=file.line_of,
    )
    file.finish()
    return config


def is_date(text: str) -> bool:
    """Whether this is an ISO 8601 year, month or day that there is."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + "-01-01"[len(text) - len("2026") :])
    except ValueError:
        return False
    return True


def _line(value: Any) -> str:  # noqa: ANN401 - TOML comes in here
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes")
    if len(value) > MAX_CHARS:
        raise ValueError(f"must have up to {MAX_CHARS} characters")
    return clean_line(value)


def _text(value: Any) -> str:  # noqa: ANN401 - as above
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes")
    if len(value) > _MAX_LONG_TEXT:
        raise ValueError(f"must have up to {_MAX_LONG_TEXT:,} characters")
    lines = (clean_line(line, _MAX_LONG_TEXT) for line in value.split("\n"))
    return "\n".join(lines).strip()


def _flag(value: Any) -> bool:  # noqa: ANN401 - as above
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(value: Any) -> int:  # noqa: ANN401 - as above
    if type(value) is not int or not 0 < value < 10_000:
        raise ValueError("must be a number from 1 to 9999")
    return value


def _id(value: Any) -> str:  # noqa: ANN401 - as above
    if not isinstance(value, str) or not is_item_id(value):
        raise ValueError(
            "must be up to 32 of a-z, 0-9 and -, like 'night-bus'"
        )
    return value


def _currency(value: Any) -> str:  # noqa: ANN401 - as above
    if not isinstance(value, str):
        raise ValueError("must be a currency's code like 'EUR'")
    try:
        money.exponent_of(value)
    except NotMoney:
        raise ValueError(
            f"must be a currency's code like 'EUR', not {value!r}"
        ) from None
    return value


def _colour(value: Any) -> str:  # noqa: ANN401 - as above
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise ValueError("must be a colour like '#ff3b30'")
    return value.lower()


def _date(value: Any) -> str:  # noqa: ANN401 - as above
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int) and is_date(str(value)):
        return str(value)
    raise ValueError("must be a year, a month or a day, like '2026-03-06'")


def _money_in(currency: str) -> Callable[[Any], Money]:
    def read(value: Any) -> Money:  # noqa: ANN401 - as above
        try:
            return money.parse(value, currency)
        except UnfitAmount as error:
            raise ValueError(
                f"must be a price like '7.00', and {error}"
            ) from error
        except NotMoney as error:
            shown = repr(value)[:_MAX_SHOWN]
            raise ValueError(
                f"must be a price like '7.00', not {shown}"
            ) from error

    return read
