# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The theme: any accent colour is readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.model import Shop
from msrv.web import static_files as theme

COLOURS = st.binary(min_size=3, max_size=3).map(lambda raw: "#" + raw.hex())


@given(COLOURS, st.sampled_from([theme.DARK_GROUND, theme.LIGHT_GROUND]))
def test_any_accent_becomes_readable(colour: str, ground: str) -> None:
    assert theme.contrast(theme.readable(colour, ground), ground) >= 4.5


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21),
        ("#777777", "#ffffff", 4.48),
        ("#ffffff", "#ffffff", 1),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert theme.contrast(one, other) == pytest.approx(ratio, abs=0.01)


def test_readable_accent_is_unchanged() -> None:
    assert theme.readable("#ff4a3f", theme.DARK_GROUND) == "#ff4a3f"


def test_address_of_the_theme_changes_with_the_accent() -> None:
    assert theme.theme_url(Shop()) != theme.theme_url(Shop(accent="#00ff00"))
