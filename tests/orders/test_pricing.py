# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices of orders, by the catalog alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.model import Catalog, Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.orders import errors, pricing
from msrv.proofs.orders import Line
from msrv.storage.model import Content, FileIdentity
from tests.catalog.shared_parser import load_library


@pytest.fixture
def catalog(library: Path, tmp_path: Path) -> Catalog:
    """Return the catalog of the small library."""
    with FileIndex.open(tmp_path / "data") as index:
        return load_library(library, index).catalog


def test_order_has_the_catalogs_prices_and_their_sum(catalog: Catalog) -> None:
    order = pricing.price(catalog, ["umbrella", "night-bus", "zine"])
    assert order.lines == (
        Line("umbrella", 150),
        Line("night-bus", 700),
        Line("zine", 0),
    )
    assert order.total == Money(850, "EUR")


@pytest.mark.parametrize(
    ("item_ids", "error"),
    [
        ([], errors.EmptyOrder),
        (["nothing"], errors.NotForSale),
        (["umbrella-single"], errors.NotForSale),
        (["zine", "zine"], errors.DuplicateItem),
        (["zine"] * 101, errors.TooManyItems),
    ],
    ids=lambda value: str(value)[:24],
)
def test_invalid_orders_are_refused(
    catalog: Catalog, item_ids: list[str], error: type[errors.OrderError]
) -> None:
    with pytest.raises(error):
        pricing.price(catalog, item_ids)


@given(shown=st.integers(0, 10_000))
def test_only_the_current_total_is_accepted(shown: int) -> None:
    """A total that the buyer was shown before a change is refused."""
    catalog = _one_item(price_minor=700)
    if shown == 700:
        order = pricing.price(catalog, ["item"], shown_minor=shown)
        assert order.total.minor == 700
        return
    with pytest.raises(errors.TotalChanged) as caught:
        pricing.price(catalog, ["item"], shown_minor=shown)
    assert caught.value.total == Money(700, "EUR")


def test_hidden_items_are_not_for_sale(catalog: Catalog) -> None:
    """Nor are the items of a hidden release."""
    hidden = _one_item(price_minor=1, hidden=True)
    assert pricing.find_offered(hidden, "item") is None
    gone = _one_item(price_minor=1, release_hidden=True)
    assert pricing.find_offered(gone, "item") is None
    assert pricing.find_offered(catalog, "zine") is not None


def _one_item(
    *, price_minor: int, hidden: bool = False, release_hidden: bool = False
) -> Catalog:
    price = Money(price_minor, "EUR")
    item = Item(
        item_id="item",
        release_id="release",
        kind=ItemKind.FILE,
        title="Item",
        artist="",
        price=price,
        content=Content(
            "r/item", FileIdentity(1, 1, 1, 1), b"\0" * 32, 0, "text/plain"
        ),
        hidden=hidden,
    )
    release = Release(
        release_id="release",
        folder="r",
        title="Release",
        artist="",
        date="",
        description="",
        price=price,
        items=(item,),
        hidden=release_hidden,
    )
    return assemble_catalog(Shop(), [release])
