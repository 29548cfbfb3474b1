"""What an order costs: by the catalog alone, to the cent."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.assembly import assemble
from msrv.catalog.index import Index
from msrv.catalog.model import Catalog, Item, Kind, Release, Shop
from msrv.catalog.reading import read_library
from msrv.money import Money
from msrv.payments import ordering
from msrv.proofs.receipts import Line
from msrv.storage.model import Content, FileIdentity


@pytest.fixture
def catalog(library: Path, tmp_path: Path) -> Catalog:
    """The small library's catalog."""
    with Index.open(tmp_path / "data") as index:
        return read_library(library, index).catalog


def test_lines_and_their_sum(catalog: Catalog) -> None:
    """A buyer pays another sum than that of the prices shown."""
    lines, total = ordering.price(catalog, ["umbrella", "night-bus", "zine"])
    assert lines == (
        Line("umbrella", 150),
        Line("night-bus", 700),
        Line("zine", 0),
    )
    assert total == Money(850, "EUR")


@pytest.mark.parametrize(
    ("item_ids", "error"),
    [
        ([], ordering.EmptyOrder),
        (["nothing"], ordering.NotForSale),
        (["umbrella-single"], ordering.NotForSale),
        (["zine", "zine"], ordering.ItemTwice),
        (["zine"] * 101, ordering.TooManyItems),
    ],
    ids=lambda value: str(value)[:24],
)
def test_orders_that_cannot_be_made(
    catalog: Catalog, item_ids: list[str], error: type[ordering.OrderError]
) -> None:
    """Someone pays for what they can't get, or for the same thing twice."""
    with pytest.raises(error):
        ordering.price(catalog, item_ids)


@given(shown=st.integers(0, 10_000))
def test_only_the_total_of_now_is_taken(shown: int) -> None:
    """A buyer pays a price that they were not shown."""
    catalog = _one_item(price_minor=700)
    if shown == 700:
        _, total = ordering.price(catalog, ["item"], shown_minor=shown)
        assert total.minor == 700
        return
    with pytest.raises(ordering.TotalChanged) as caught:
        ordering.price(catalog, ["item"], shown_minor=shown)
    assert caught.value.total == Money(700, "EUR")


def test_what_is_withdrawn_is_not_for_sale(catalog: Catalog) -> None:
    """A song that its seller took back can still be bought."""
    hidden = _one_item(price_minor=1, hidden=True)
    assert ordering.find_offered(hidden, "item") is None
    gone = _one_item(price_minor=1, release_hidden=True)
    assert ordering.find_offered(gone, "item") is None
    assert ordering.find_offered(catalog, "zine") is not None


def _one_item(
    *, price_minor: int, hidden: bool = False, release_hidden: bool = False
) -> Catalog:
    price = Money(price_minor, "EUR")
    item = Item(
        item_id="item",
        release_id="release",
        kind=Kind.FILE,
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
    return assemble(Shop(), [release])
