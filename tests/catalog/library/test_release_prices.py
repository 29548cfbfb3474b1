# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices of a release and its items."""

import pytest

from msrv.catalog.library.release_prices import default_price
from msrv.money import Money
from tests.catalog.temporary_library import (
    Library,
)

STORE = '[prices]\nitem = "2.00"\nrelease = "3.50"\n'


@pytest.mark.parametrize(
    ("store", "toml", "items", "whole"),
    [
        ("", "", [100, 100], 200),
        (STORE, "", [200, 200], 350),
        (STORE, 'item_price = "1.00"', [100, 100], 200),
        (STORE, 'price = "9.00"', [200, 200], 900),
        (STORE, 'price = "0"', [200, 200], 0),
        ("", '[items."01 A.wav"]\nprice = "0"', [0, 100], 100),
        (STORE, '[items."01 A.wav"]\nprice = "0.50"', [50, 200], 250),
        ("", '[items."01 A.wav"]\nhidden = true', [100, 100], 100),
        ("", "hidden = true", [100, 100], 200),
    ],
)
def test_most_specific_price_applies(
    library: Library, store: str, toml: str, items: list[int], whole: int
) -> None:
    library.put("store.toml", store)
    library.release("R", toml=toml)
    release = library.only()
    assert [item.price.minor for item in release.items] == items
    assert release.price == Money(whole, "EUR")


def test_single_file_has_the_price_of_its_release(
    library: Library,
) -> None:
    library.put("store.toml", STORE)
    library.put("Book/book.pdf")
    library.put("Book/release.toml", 'price = "10.00"')
    release = library.only()
    assert release.items[0].price == Money(1000, "EUR")
    assert release.price == Money(1000, "EUR")
    library.put("Book/release.toml", 'price = "10"\nitem_price = "1"')
    assert library.only().items[0].price == Money(1000, "EUR")
    library.put("store.toml", '[prices]\nitem = "9.00"\nrelease = "3.50"\n')
    library.put("Book/release.toml", "")
    assert library.only().price == Money(900, "EUR")


def test_store_prices_do_not_apply_in_another_currency(
    library: Library,
) -> None:
    library.put("store.toml", STORE)
    library.release("R", toml='currency = "JPY"')
    release = library.only()
    assert [str(item.price) for item in release.items] == ["¥100", "¥100"]
    assert str(release.price) == "¥200"


@pytest.mark.parametrize(
    ("currency", "price"), [("EUR", 100), ("JPY", 100), ("KWD", 1000)]
)
def test_unset_price_is_never_zero(currency: str, price: int) -> None:
    assert default_price(currency) == Money(price, currency)


def test_built_in_prices_are_noted(library: Library) -> None:
    library.release("R")
    assert library.read().notes == (
        "2 of the items have no price set, and cost €1.00 each",
    )
