# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Icons of a store: the first letter of its name, in its accent.

The icon of a page is an SVG; that of a phone's home screen has to be a PNG,
and is the store's logo, where that is a picture and about square.
"""

import hashlib
import html
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from msrv.catalog.model import Shop
from msrv.catalog.theme.theme_files import ICON_SIDE
from msrv.web.appearance.colours import text_colour_on
from msrv.web.appearance.graphemes import graphemes
from msrv.web.static_files import Asset, prepare

_VERSION: Final = "1"
_FONTS: Final = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"


@dataclass(frozen=True, slots=True)
class Icons:
    """Addresses of a store's icons, which change with them."""

    page_url: str
    touch_url: str

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, shop: Shop) -> Self:
        """Return the addresses of a store's icons."""
        version = icon_version(shop)
        return cls(f"/icon.svg?v={version}", f"/icon.png?v={version}")


def icon_version(shop: Shop) -> str:
    """Return the digest of all that the icons of a store depend on."""
    logo = shop.theme_file("logo")
    drawn = logo.version if logo is not None and logo.icon else ""
    source = f"{_VERSION}\0{_initial(shop)}\0{shop.accent}\0{drawn}"
    return hashlib.sha256(source.encode()).hexdigest()[:16]


@lru_cache(maxsize=4)
def page_icon(shop: Shop) -> Asset:
    """Return the icon of a store's pages, an SVG."""
    colour = text_colour_on(shop.accent)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="3" fill="{shop.accent}"/>'
        f'<text x="16" y="24.5" text-anchor="middle" font-size="24" '
        f'font-weight="800" font-family="{_FONTS}" fill="{colour}">'
        f"{html.escape(_initial(shop))}</text></svg>"
    )
    return prepare("image/svg+xml", svg.encode())


@lru_cache(maxsize=4)
def touch_icon(shop: Shop) -> Asset:
    """Return the icon for home screens, a PNG. Blocks for a moment.

    Pillow's own font has Latin letters; for any other, the icon is the arrow
    of the store's pages.
    """
    logo = shop.theme_file("logo")
    if logo is not None and logo.icon is not None:
        return prepare("image/png", logo.icon)
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - slow

    colour = text_colour_on(shop.accent)
    image = Image.new("RGB", (ICON_SIDE, ICON_SIDE), shop.accent)
    draw = ImageDraw.Draw(image)
    initial = _initial(shop)
    if "0" <= initial <= "z" and len(initial) == 1:
        draw.text(
            (ICON_SIDE / 2, ICON_SIDE / 2),
            initial,
            fill=colour,
            font=ImageFont.load_default(ICON_SIDE * 0.7),
            anchor="mm",
            stroke_width=4,
            stroke_fill=colour,
        )
    else:
        draw.line([(40, 78), (110, 78)], colour, 12)
        draw.line([(40, 102), (110, 102)], colour, 12)
        draw.line([(96, 56), (138, 90), (96, 124)], colour, 14, joint="curve")
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return prepare("image/png", data.getvalue())


def _initial(shop: Shop) -> str:
    """Return the first letter of a store's name, in upper case."""
    first = next(graphemes(shop.name), "M")
    upper = first.upper()
    return upper if len(upper) == len(first) else first
