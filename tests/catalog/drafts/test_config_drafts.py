# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Drafts of configuration files, read by the store's own parsers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.config.release_config import parse_release
from msrv.catalog.config.store_config import parse_store
from msrv.catalog.drafts.config_drafts import ReleaseDraft, store_toml
from msrv.catalog.model import Shop
from msrv.display_text import clean_line
from msrv.money import Money

CURRENCIES = ["EUR", "JPY", "KWD", "USD"]


def uncommented(text: str) -> str:
    """Return a draft with every commented setting in force.

    A price excludes a minimum, so those are left out.
    """
    lines = [
        re.sub(r"^# (?=[a-z_]+ = |\[items|\"\"\"|As many)", "", line)
        for line in text.split("\n")
    ]
    return "\n".join(
        line for line in lines if not line.startswith(("minimum", "suggested"))
    )


@given(st.text(), st.text())
def test_any_title_and_artist_are_read_back(title: str, artist: str) -> None:
    draft = ReleaseDraft(
        title=title, artist=artist, currency="EUR", release_id="x-abc"
    )
    found = parse_release("release.toml", draft.to_toml(), Shop())
    assert found.title == (clean_line(title) or None)
    assert found.artist == (clean_line(artist) or None)
    assert found.price is None


@given(st.text())
def test_any_store_name_is_read_back(name: str) -> None:
    shop = parse_store("store.toml", store_toml(name, "EUR")).shop
    assert shop.name == (clean_line(name) or Shop().name)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_comments_of_a_release_are_valid_settings(currency: str) -> None:
    """Removing the # of a line is all that a seller has to do."""
    draft = ReleaseDraft(
        title="Night Bus",
        currency=currency,
        release_id="night-bus-abc",
        files=['01 "Quotes".flac', "b.flac", "c.flac", "d.flac"],
    )
    shop = Shop(currency=currency)
    found = parse_release("release.toml", uncommented(draft.to_toml()), shop)
    assert found.release_id == "night-bus-abc"
    assert found.hidden
    assert found.date == "2026-03-06"
    assert found.price is not None
    assert found.price.currency == currency
    assert found.items['01 "Quotes".flac'].price == Money(0, currency)
    assert "d.flac" not in found.items


@pytest.mark.parametrize("currency", CURRENCIES)
def test_comments_of_a_store_are_valid_settings(currency: str) -> None:
    text = store_toml("The Wet Coats", currency)
    store = parse_store("store.toml", text)
    assert store.shop.currency == currency
    assert store.item_price is not None
    store = parse_store("store.toml", uncommented(text))
    assert store.release_price is not None
    assert store.shop.contact == "hello@example.org"


def test_what_is_known_is_set() -> None:
    draft = ReleaseDraft(
        title="Night Bus",
        date="2026-03",
        price=Money(750, "EUR"),
        currency="EUR",
        release_id="x",
    )
    found = parse_release("release.toml", draft.to_toml(), Shop())
    assert found.date == "2026-03"
    assert found.price == Money(750, "EUR")


def test_impossible_date_is_left_to_the_seller() -> None:
    draft = ReleaseDraft(
        title="A", date="2026-02-31", currency="EUR", release_id="x"
    )
    assert "2026-02-31" not in draft.to_toml()
