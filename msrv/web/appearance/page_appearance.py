# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Appearance of a page: its theme, stylesheets and icons.

Apart from `themes` and `icons`, which it brings together for templates.
"""

from dataclasses import dataclass, replace
from typing import Self

from msrv.catalog.model import Shop
from msrv.catalog.theme.theme_files import ThemeFile
from msrv.web.appearance.icons import Icons
from msrv.web.appearance.themes import Theme, theme_of, theme_url
from msrv.web.static_files import Assets


@dataclass(frozen=True, slots=True)
class PageAppearance:
    """Appearance of a page.

    `stylesheets` are the addresses of those that follow the page's own, in
    order. `extra_url` is that of the seller's own, for all pages but the
    studio's.
    """

    theme: Theme
    stylesheets: tuple[str, ...]
    icons: Icons
    logo: ThemeFile | None = None
    banner: ThemeFile | None = None
    extra_url: str | None = None

    @classmethod
    def of(cls, shop: Shop, assets: Assets) -> Self:
        """Return the appearance of a store's pages."""
        theme = theme_of(shop)
        sheets = [theme_url(shop)]
        if theme.stylesheet is not None:
            sheets.insert(0, assets.url(theme.stylesheet))
        extra = shop.theme_file("extra_css")
        logo, icons = shop.theme_file("logo"), Icons.of(shop)
        if logo is not None and logo.is_nearly_square:
            icons = replace(icons, page_url=logo.url)
        return cls(
            theme,
            tuple(sheets),
            icons,
            logo=logo,
            banner=shop.theme_file("banner"),
            extra_url=extra.url if extra else None,
        )
