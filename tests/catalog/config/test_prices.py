"""Prices that the buyer sets, as a seller says them."""

import pytest

from msrv.catalog.config.toml_models import parse_release, parse_store
from msrv.catalog.model import Item, Release, Shop
from msrv.money import Money
from msrv.toml_file import InvalidConfig
from tests.catalog.temporary_library import Library


def euros(minor: int | None) -> Money | None:
    """An amount, or none."""
    return None if minor is None else Money(minor, "EUR")


@pytest.mark.parametrize(
    ("toml", "price", "minimum"),
    [
        ("", None, None),
        ('price = "7.00"', 700, None),
        ('minimum = "5.00"', 500, 500),
        ('minimum = "5.00"\nsuggested = "8.00"', 800, 500),
        ('minimum = "5.00"\nsuggested = "5.00"', 500, 500),
        ("minimum = 0\nsuggested = 3", 300, 0),
    ],
)
@pytest.mark.parametrize("prefix", ["", "item_"])
def test_what_a_seller_says(
    toml: str, price: int | None, minimum: int | None, prefix: str
) -> None:
    """A minimum is taken for a price, or a suggestion for a minimum."""
    lines = "".join(f"{prefix}{line}\n" for line in toml.splitlines())
    found = parse_release("release.toml", lines, Shop())
    if prefix:
        said = found.item_price, found.item_minimum
    else:
        said = found.price, found.minimum
    assert said == (euros(price), euros(minimum))
    item = parse_release("release.toml", f"[items.a]\n{toml}", Shop())
    assert item.items["a"].price == euros(price)
    assert item.items["a"].minimum == euros(minimum)


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ('suggested = "8.00"', "'suggested' needs 'minimum' as well"),
        (
            'price = "7.00"\nminimum = "5.00"',
            "'price' is fixed, but 'minimum' lets the buyer set it",
        ),
        (
            'minimum = "5.00"\nsuggested = "4.99"',
            "'suggested' must be at least 'minimum'",
        ),
        ('minimum = "-1"', "'minimum' must be a price"),
        (
            'item_suggested = "1"',
            "'item_suggested' needs 'item_minimum' as well",
        ),
    ],
)
def test_contradictions_are_problems(toml: str, what: str) -> None:
    """A seller who meant something else sells for less."""
    with pytest.raises(InvalidConfig) as caught:
        parse_release("release.toml", toml, Shop())
    assert what in str(caught.value.problems)


def test_it_reaches_the_catalog(shelf: Library) -> None:
    """A minimum in a file has no effect in the store."""
    shelf.put("Night Bus/a.pdf")
    shelf.put("Night Bus/b.pdf")
    shelf.put(
        "Night Bus/release.toml",
        'id = "bus"\nminimum = "5"\nitem_minimum = "1"\nitem_suggested = "2"\n'
        '[items."a.pdf"]\nid = "a"\nprice = "3"\n'
        '[items."b.pdf"]\nid = "b"\n',
    )
    before = shelf.read().catalog
    release, fixed, free = (before.by_id[each] for each in ("bus", "a", "b"))
    assert isinstance(release, Release)
    assert isinstance(fixed, Item)
    assert isinstance(free, Item)
    assert (release.price, release.minimum) == (euros(500), euros(500))
    assert (fixed.price, fixed.minimum) == (euros(300), None)
    assert (free.price, free.minimum) == (euros(200), euros(100))
    # Another minimum is another catalog, which pages are kept by.
    text = (shelf.root / "Night Bus/release.toml").read_text("utf-8")
    shelf.put(
        "Night Bus/release.toml",
        text.replace('minimum = "1"', 'minimum = "0"'),
    )
    assert shelf.read().catalog.version != before.version


def test_the_only_file_of_a_release_has_its_minimum(shelf: Library) -> None:
    """A single by itself is sold at a fixed price."""
    shelf.put("Umbrella/a.pdf")
    shelf.put("Umbrella/release.toml", 'minimum = "0"\nsuggested = "2"\n')
    (release,) = shelf.read().catalog.releases
    assert release.items[0].price == euros(200)
    assert release.items[0].minimum == euros(0)


def test_prices_can_be_said_to_include_tax() -> None:
    """A buyer can't tell whether the tax comes on top."""
    assert parse_store("store.toml", "tax_included = true").shop.tax_included
    assert not parse_store("store.toml", "").shop.tax_included
    with pytest.raises(InvalidConfig):
        parse_store("store.toml", 'tax_included = "yes"')
