# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Models of `store.toml` and `release.toml`."""

import pytest

from msrv.catalog.config.fields import is_date
from msrv.catalog.config.release_config import parse_release
from msrv.catalog.config.store_config import parse_store
from msrv.catalog.model import Shop
from msrv.money import Money
from msrv.toml_file import InvalidConfig


def test_store_toml_is_parsed() -> None:
    store = parse_store(
        "store.toml",
        'name = "Wet  Coats"\ntagline = "Rain"\ncontact = "a@example.org"\n'
        'currency = "USD"\naccent = "#FF3b30"\n'
        '[prices]\nitem = "1.50"\nrelease = 7\n',
    )
    assert store.shop == Shop(
        name="Wet Coats",
        tagline="Rain",
        contact="a@example.org",
        currency="USD",
        accent="#ff3b30",
    )
    assert store.item_price == Money(150, "USD")
    assert store.release_price == Money(700, "USD")


def test_empty_files_have_defaults() -> None:
    assert parse_store("store.toml", "").shop == Shop()
    release = parse_release("release.toml", "", Shop())
    assert release.price is None
    assert not release.hidden


def test_release_toml_is_parsed() -> None:
    release = parse_release(
        "release.toml",
        'id = "night-bus"\ntitle = "Night Bus"\nartist = ""\n'
        'date = 2026-03-06\ndescription = """\n One.\n\n Two. \n"""\n'
        'currency = "JPY"\nprice = 700\nitem_price = "100"\nhidden = true\n'
        '[items."01 A.wav"]\nid = "a"\ntitle = "Ä"\nartist = "B"\n'
        "number = 3\nprice = 0\nhidden = false\n",
        Shop(),
    )
    assert release.release_id == "night-bus"
    assert release.artist == ""
    assert release.date == "2026-03-06"
    assert release.description == "One.\n\nTwo."
    assert release.price == Money(700, "JPY")
    assert release.item_price == Money(100, "JPY")
    assert release.hidden
    item = release.items["01 A.wav"]
    assert (item.item_id, item.title, item.artist) == ("a", "Ä", "B")
    assert (item.number, item.price) == (3, Money(0, "JPY"))
    assert not item.hidden
    assert release.line_of(("items", "01 A.wav")) == 14


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("title = 3", "'title' must be text, in quotes"),
        (f'title = "{"a" * 201}"', "'title' must have up to 200 characters"),
        (f'description = "{"a" * 20_001}"', "'description' must have up to"),
        ('hidden = "yes"', "'hidden' must be true or false"),
        ("hidden = 1", "'hidden' must be true or false"),
        (
            'id = "Night Bus"',
            "'id' must be up to 32 characters of a-z, 0-9 and -",
        ),
        ('id = ""', "'id' must be up to 32"),
        (f'id = "{"a" * 33}"', "'id' must be up to 32"),
        (
            'currency = "eur"',
            "'currency' must be a currency code like 'EUR'",
        ),
        ("currency = 978", "'currency' must be a currency code"),
        ('date = "6.3.2026"', "'date' must be a year, a month or a day"),
        ('date = "2026-02-30"', "'date' must be a year"),
        ("date = 20260306", "'date' must be a year"),
        ("date = true", "'date' must be a year"),
        (
            'price = "7,00"',
            "'price' must be a price like '7.00', not '7,00'",
        ),
        (
            "price = 7.005",
            "'price' must be a price like '7.00', and '7.005' has more",
        ),
        ("price = -1", "'price' must be a price"),
        ("price = nan", "'price' must be a price"),
        ("price = 1e999999999", "'price' must be a price"),
        ('item_price = "free"', "'item_price' must be a price"),
        ('pirce = "7"', "'pirce' is not a known key; did you mean 'price'?"),
        ('items = "all"', "'items' must be a table"),
        ("items.a = 1", "'a' must be a table"),
    ],
)
def test_invalid_value_is_a_problem_with_its_line(
    line: str, what: str
) -> None:
    with pytest.raises(InvalidConfig) as broken:
        parse_release("A/release.toml", f"# one\n\n{line}\n", Shop())
    assert str(broken.value.problems[0]).startswith(
        f"A/release.toml:3: {what}"
    )


def test_all_problems_of_a_file_are_found_at_once() -> None:
    with pytest.raises(InvalidConfig) as broken:
        parse_store(
            "store.toml",
            'accent = "red"\ncurrency = "XX"\n[prices]\nitems = "1"\n',
        )
    assert [each.line for each in broken.value.problems] == [1, 2, 4]


def test_price_with_more_decimals_than_its_currency_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="more decimals than JPY"):
        parse_release(
            "release.toml", 'currency = "JPY"\nprice = "7.00"', Shop()
        )


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("2026", True),
        ("2026-03", True),
        ("2024-02-29", True),
        ("2026-02-29", False),
        ("2026-13", False),
        ("0000", False),
        ("26", False),
        ("2026-3", False),
        ("2026-03-06T00:00", False),
        ("٢٠٢٦", False),
    ],
)
def test_is_date(text: str, there: bool) -> None:  # noqa: FBT001 - one of a table
    assert is_date(text) is there
