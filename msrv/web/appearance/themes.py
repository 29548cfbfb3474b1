# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Themes, and the stylesheet that depends on `store.toml`.

A theme is the stylesheet `static/theme-NAME.css`, after `store.css`; `loud`
is `store.css` alone. `/theme.css` has the colours that follow from the accent,
adjusted to be readable on the theme's backgrounds.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from msrv.catalog.model import Shop
from msrv.catalog.theme.theme_files import ThemeFile
from msrv.web.appearance.colours import mix, readable, text_colour_on

RECEIPT: Final = "#fffdf8"
"""Background of receipts, in every theme."""
VEIL: Final = 0.88
"""Share of a page's colour over the seller's background."""
_GREY: Final = "#8a8078"
_GREY_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Scheme:
    """Backgrounds of pages and of panels, as in a theme's stylesheet."""

    ground: str
    panel: str
    veil: float = 1

    @property
    def veiled(self) -> str:
        """The background where the seller's picture is least favourable.

        The ground's share of it is `veil`; the rest is white in the dark
        scheme, and black in the light one.
        """
        return mix(self.ground, text_colour_on(self.ground), 1 - self.veil)

    def accent(self, colour: str) -> str:
        """Return the accent, readable on all of them."""
        return readable(colour, self.ground, self.panel, self.veiled)

    def done(self, colour: str) -> str:
        """Return the colour of what has been done: a greyer accent."""
        return self.accent(mix(colour, _GREY, _GREY_SHARE))


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
        f"{_fonts(shop)}{_colours(theme.dark, shop)}}}"
        "@media (prefers-color-scheme:light){"
        f":root{{{_colours(theme.light, shop)}}}}}\n{_files(shop)}"
    )


@lru_cache(maxsize=8)
def theme_url(shop: Shop) -> str:
    """Return the address of `/theme.css`, which changes with its content."""
    digest = hashlib.sha256(theme_stylesheet(shop).encode()).hexdigest()[:16]
    return f"/theme.css?v={digest}"


def _files(shop: Shop) -> str:
    """Return the rules for the seller's fonts and background."""
    rules = [
        f'@font-face{{font-family:"Store {name}";font-display:swap;'
        f'src:url("{file.url}") format("woff2")}}\n'
        for name, file in _font_files(shop).items()
    ]
    background = shop.theme_file("background")
    if background is not None:
        veil = f"color-mix(in srgb,var(--ground) {VEIL:.0%},transparent)"
        rules.append(
            f"body{{background:linear-gradient({veil},{veil}),"
            f'url("{background.url}") center/cover fixed var(--ground)}}\n'
            "@media print{body{background:none}}\n"
        )
    return "".join(rules)


def _fonts(shop: Shop) -> str:
    """Return the properties for the seller's fonts."""
    families = {
        "body": '--sans:"Store body",system-ui,sans-serif;--mono:var(--sans);',
        "display": '--display:"Store display",var(--mono);',
    }
    return "".join(families[name] for name in _font_files(shop))


def _font_files(shop: Shop) -> dict[str, ThemeFile]:
    found = {
        name: shop.theme_file(f"fonts.{name}") for name in ("body", "display")
    }
    return {name: file for name, file in found.items() if file is not None}


def _colours(scheme: Scheme, shop: Shop) -> str:
    has_picture = shop.theme_file("background") is not None
    scheme = replace(scheme, veil=VEIL if has_picture else 1)
    accent = scheme.accent(shop.accent)
    return (
        f"--accent:{accent};--on-accent:{text_colour_on(accent)};"
        f"--done:{scheme.done(shop.accent)}"
    )
