# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices in release.toml and store.toml."""

import pytest

from msrv.catalog.config.release_config import parse_release
from msrv.catalog.config.store_config import parse_store
from msrv.catalog.model import Item, Release, Shop
from msrv.money import Money
from msrv.toml_file import InvalidConfig
from tests.catalog.temporary_library import Library


def euros(minor: int | None) -> Money | None:
    """Return an amount in euros, or None."""
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
def test_price_minimum_and_suggestion(
    toml: str, price: int | None, minimum: int | None, prefix: str
) -> None:
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
def test_contradicting_prices_are_problems(toml: str, what: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_release("release.toml", toml, Shop())
    assert what in str(caught.value.problems)


def test_minimum_is_in_the_catalog(library: Library) -> None:
    library.put("Night Bus/a.pdf")
    library.put("Night Bus/b.pdf")
    library.put(
        "Night Bus/release.toml",
        'id = "bus"\nminimum = "5"\nitem_minimum = "1"\nitem_suggested = "2"\n'
        '[items."a.pdf"]\nid = "a"\nprice = "3"\n'
        '[items."b.pdf"]\nid = "b"\n',
    )
    before = library.read().catalog
    release, fixed, free = (before.by_id[each] for each in ("bus", "a", "b"))
    assert isinstance(release, Release)
    assert isinstance(fixed, Item)
    assert isinstance(free, Item)
    assert (release.price, release.minimum) == (euros(500), euros(500))
    assert (fixed.price, fixed.minimum) == (euros(300), None)
    assert (free.price, free.minimum) == (euros(200), euros(100))
    # Another minimum is another version of the catalog, for caches.
    text = (library.root / "Night Bus/release.toml").read_text("utf-8")
    library.put(
        "Night Bus/release.toml",
        text.replace('minimum = "1"', 'minimum = "0"'),
    )
    assert library.read().catalog.version != before.version


def test_only_item_of_a_release_has_the_minimum_of_the_release(
    library: Library,
) -> None:
    library.put("Umbrella/a.pdf")
    library.put("Umbrella/release.toml", 'minimum = "0"\nsuggested = "2"\n')
    (release,) = library.read().catalog.releases
    assert release.items[0].price == euros(200)
    assert release.items[0].minimum == euros(0)


def test_tax_included() -> None:
    assert parse_store("store.toml", "tax_included = true").shop.tax_included
    assert not parse_store("store.toml", "").shop.tax_included
    with pytest.raises(InvalidConfig):
        parse_store("store.toml", 'tax_included = "yes"')
