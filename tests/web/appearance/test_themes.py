# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Themes: readable with any accent, in both colour schemes."""

import re
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.model import Shop
from msrv.web.appearance.colours import contrast, text_colour_on
from msrv.web.appearance.themes import (
    LOUD,
    RECEIPT,
    THEMES,
    VEIL,
    Scheme,
    Theme,
    theme_stylesheet,
    theme_url,
)

COLOURS = st.binary(min_size=3, max_size=3).map(lambda raw: "#" + raw.hex())
SCHEMES = [
    pytest.param(theme, name, id=f"{theme.name}-{name}")
    for theme in THEMES.values()
    for name in ("dark", "light")
]
AA = 4.5


def properties(theme: Theme, scheme: str) -> dict[str, str]:
    """Return the colours in a theme's stylesheet, over those of the base."""
    found: dict[str, str] = {}
    for name in ("store.css", theme.stylesheet):
        if name is None:
            continue
        text = files("msrv.web").joinpath("static", name).read_text("utf-8")
        roots = re.findall(r":root \{(.*?)\n *\}", text, re.DOTALL)
        for root in roots[:1] if scheme == "dark" else roots[:2]:
            found |= dict(re.findall(r"--(\w+): (#[0-9a-f]+);", root))
    return found


def scheme_of(theme: Theme, name: str) -> Scheme:
    return theme.dark if name == "dark" else theme.light


@pytest.mark.parametrize(("theme", "name"), SCHEMES)
def test_backgrounds_are_those_of_the_stylesheet(
    theme: Theme, name: str
) -> None:
    found, scheme = properties(theme, name), scheme_of(theme, name)
    assert (found["ground"], found["panel"]) == (scheme.ground, scheme.panel)


@pytest.mark.parametrize(("theme", "name"), SCHEMES)
def test_text_is_readable_on_every_background(theme: Theme, name: str) -> None:
    found, scheme = properties(theme, name), scheme_of(theme, name)
    veiled = replace(scheme, veil=VEIL).veiled
    for ground in (scheme.ground, scheme.panel, veiled):
        assert contrast(found["ink"], ground) >= 7
        assert contrast(found["quiet"], ground) >= AA


@pytest.mark.parametrize(("theme", "name"), SCHEMES)
@given(colour=COLOURS)
def test_any_accent_becomes_readable(
    theme: Theme, name: str, colour: str
) -> None:
    scheme = replace(scheme_of(theme, name), veil=VEIL)
    for text in (scheme.accent(colour), scheme.done(colour)):
        assert contrast(text, scheme.ground) >= AA
        assert contrast(text, scheme.panel) >= AA
        assert contrast(text, scheme.veiled) >= AA
        assert contrast(text_colour_on(text), text) >= AA


@given(colour=COLOURS)
def test_any_accent_is_readable_on_a_receipt(colour: str) -> None:
    sheet = theme_stylesheet(Shop(accent=colour))
    found = re.search(r"--receipt-accent:(#[0-9a-f]{6})", sheet)
    assert found
    assert contrast(found[1], RECEIPT) >= AA


def test_readable_accent_is_unchanged() -> None:
    assert LOUD.dark.accent("#ff4a3f") == "#ff4a3f"


@pytest.mark.parametrize(
    "changed",
    [Shop(accent="#00ff00"), Shop(theme="paper"), Shop(name="The Wet Coats")],
)
def test_address_of_the_theme_changes_with_it(changed: Shop) -> None:
    assert theme_url(changed) != theme_url(Shop())
