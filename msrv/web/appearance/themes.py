# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Themes, and the stylesheet that depends on `store.toml`.

A theme is the stylesheet `static/theme-NAME.css`, after `store.css`; `loud`
is `store.css` alone. `/theme.css` has the colours that follow from the accent,
adjusted to be readable on the theme's backgrounds.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from msrv.catalog.model import Shop
from msrv.web.appearance.colours import mix, readable, text_colour_on

RECEIPT: Final = "#fffdf8"
"""Background of receipts, in every theme."""
_GREY: Final = "#8a8078"
_GREY_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Scheme:
    """Backgrounds of pages and of panels, as in a theme's stylesheet."""

    ground: str
    panel: str

    def accent(self, colour: str) -> str:
        """Return the accent, readable on both."""
        return readable(colour, self.ground, self.panel)

    def done(self, colour: str) -> str:
        """Return the colour of what has been done: a greyer accent."""
        greyer = mix(colour, _GREY, _GREY_SHARE)
        return readable(greyer, self.ground, self.panel)


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme: its name, its dark and its light scheme."""

    name: str
    dark: Scheme
    light: Scheme
    letter_width: float = 0.61
    """Width of a letter of the store's name, in em."""

    @property
    def stylesheet(self) -> str | None:
        """Name of its stylesheet, None if it has none of its own."""
        return None if self is LOUD else f"theme-{self.name}.css"


LOUD: Final = Theme(
    "loud", Scheme("#0c0a09", "#161210"), Scheme("#f7f2e9", "#efe7d9")
)
THEMES: Final = {
    theme.name: theme
    for theme in (
        LOUD,
        Theme(
            "quiet",
            Scheme("#111315", "#1a1d20"),
            Scheme("#ffffff", "#f3f4f5"),
            letter_width=0.6,
        ),
        Theme(
            "paper",
            Scheme("#1c1814", "#26211b"),
            Scheme("#faf5ea", "#f1e9d8"),
            letter_width=0.6,
        ),
    )
}


def theme_of(shop: Shop) -> Theme:
    """Return the theme of a store."""
    return THEMES[shop.theme]


@lru_cache(maxsize=8)
def theme_stylesheet(shop: Shop) -> str:
    """Return the custom properties that depend on `store.toml`."""
    theme = theme_of(shop)
    width = max(len(shop.name), 4) * theme.letter_width
    on_receipt = readable(shop.accent, RECEIPT)
    return (
        f":root{{--name-width:{width:.2f};--receipt-accent:{on_receipt};"
        f"{_colours(theme.dark, shop.accent)}}}"
        "@media (prefers-color-scheme:light){"
        f":root{{{_colours(theme.light, shop.accent)}}}}}\n"
    )


@lru_cache(maxsize=8)
def theme_url(shop: Shop) -> str:
    """Return the address of `/theme.css`, which changes with its content."""
    digest = hashlib.sha256(theme_stylesheet(shop).encode()).hexdigest()[:16]
    return f"/theme.css?v={digest}"


def _colours(scheme: Scheme, colour: str) -> str:
    accent = scheme.accent(colour)
    return (
        f"--accent:{accent};--on-accent:{text_colour_on(accent)};"
        f"--done:{scheme.done(colour)}"
    )
