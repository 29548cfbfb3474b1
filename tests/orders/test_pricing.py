"""What an order costs: by the catalog alone, to the cent."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.loader import load_library
from msrv.catalog.model import Catalog, Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.orders import pricing
from msrv.proofs.receipts import Line
from msrv.storage.model import Content, FileIdentity


@pytest.fixture
def catalog(library: Path, tmp_path: Path) -> Catalog:
    """The small library's catalog."""
    with FileIndex.open(tmp_path / "data") as index:
        return load_library(library, index).catalog


def test_lines_and_their_sum(catalog: Catalog) -> None:
    """A buyer pays another sum than that of the prices shown."""
    lines, total = pricing.price(catalog, ["umbrella", "night-bus", "zine"])
    assert lines == (
        Line("umbrella", 150),
        Line("night-bus", 700),
        Line("zine", 0),
    )
    assert total == Money(850, "EUR")


@pytest.mark.parametrize(
    ("item_ids", "error"),
    [
        ([], pricing.EmptyOrder),
        (["nothing"], pricing.NotForSale),
        (["umbrella-single"], pricing.NotForSale),
        (["zine", "zine"], pricing.ItemTwice),
        (["zine"] * 101, pricing.TooManyItems),
    ],
    ids=lambda value: str(value)[:24],
)
def test_orders_that_cannot_be_made(
    catalog: Catalog, item_ids: list[str], error: type[pricing.OrderError]
) -> None:
    """Someone pays for what they can't get, or for the same thing twice."""
    with pytest.raises(error):
        pricing.price(catalog, item_ids)


@given(shown=st.integers(0, 10_000))
def test_only_the_total_of_now_is_taken(shown: int) -> None:
    """A buyer pays a price that they were not shown."""
    catalog = _one_item(price_minor=700)
    if shown == 700:
        _, total = pricing.price(catalog, ["item"], shown_minor=shown)
        assert total.minor == 700
        return
    with pytest.raises(pricing.TotalChanged) as caught:
        pricing.price(catalog, ["item"], shown_minor=shown)
    assert caught.value.total == Money(700, "EUR")


def test_what_is_withdrawn_is_not_for_sale(catalog: Catalog) -> None:
    """A song that its seller took back can still be bought."""
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
