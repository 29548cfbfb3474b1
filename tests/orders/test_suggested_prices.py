# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Round prices to choose from, where the buyer sets the price."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.model import Release
from msrv.money import Money
from msrv.orders import pricing
from tests.catalog.shared_parser import load_library


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Return a release, for its price to be replaced."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "Zine").mkdir()
    (folder / "Zine" / "zine.txt").write_text("words", encoding="utf-8")
    with FileIndex.open(tmp_path_factory.mktemp("data")) as index:
        return load_library(Path(folder), index).catalog.releases[0]


def prices(
    release: Release, currency: str, minimum: int | None, suggested: int
) -> list[int]:
    """Return the suggested prices in minor units."""
    least = None if minimum is None else Money(minimum, currency)
    entry = replace(release, minimum=least, price=Money(suggested, currency))
    found = pricing.suggested_prices(entry)
    assert all(each.currency == currency for each in found)
    return [each.minor for each in found]


@pytest.mark.parametrize(
    ("currency", "minimum", "suggested", "wanted"),
    [
        ("EUR", None, 700, []),
        ("EUR", 0, 0, []),
        ("EUR", 500, 500, [500, 800, 1000]),
        ("EUR", 500, 800, [500, 800, 1200]),
        ("EUR", 499, 499, [499, 800, 1000]),
        ("EUR", 0, 200, [100, 200, 300]),
        ("EUR", 0, 1, [1]),
        ("JPY", 500, 1000, [500, 1000, 1500]),
        ("JPY", 7, 7, [7, 10, 15]),
        ("KWD", 1500, 2250, [1500, 2250, 3000]),
        ("KWD", 0, 30, [10, 30, 40]),
        ("KWD", 1505, 1505, [2500, 3000]),
        ("MGA", 500, 500, [500, 800, 1000]),
    ],
)
def test_suggested_prices_are_round(
    release: Release,
    currency: str,
    minimum: int | None,
    suggested: int,
    wanted: list[int],
) -> None:
    assert prices(release, currency, minimum, suggested) == wanted


@given(
    currency=st.sampled_from(["EUR", "JPY", "KWD", "MGA"]),
    minimum=st.integers(0, 10**11),
    more=st.integers(0, 10**9),
)
def test_suggested_prices_can_all_be_paid(
    release: Release, currency: str, minimum: int, more: int
) -> None:
    found = prices(release, currency, minimum, minimum + more)
    assert found == sorted(set(found))
    assert len(found) <= 3
    entry = replace(
        release,
        minimum=Money(minimum, currency),
        price=Money(minimum + more, currency),
    )
    for minor in found:
        pricing.check_bounds(entry, Money(minor, currency))
