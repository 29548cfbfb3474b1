# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Appearance of a page: its theme, stylesheets and icons.

Apart from `themes` and `icons`, which it brings together for templates.
"""

from dataclasses import dataclass
from typing import Self

from msrv.catalog.model import Shop
from msrv.web.appearance.icons import Icons
from msrv.web.appearance.themes import Theme, theme_of, theme_url
from msrv.web.static_files import Assets


@dataclass(frozen=True, slots=True)
class PageAppearance:
    """Appearance of a page.

    `stylesheets` are the addresses of those that follow the page's own, in
    order.
    """

    theme: Theme
    stylesheets: tuple[str, ...]
    icons: Icons

    @classmethod
    def of(cls, shop: Shop, assets: Assets) -> Self:
        """Return the appearance of a store's pages."""
        theme = theme_of(shop)
        sheets = [theme_url(shop)]
        if theme.stylesheet is not None:
            sheets.insert(0, assets.url(theme.stylesheet))
        return cls(theme, tuple(sheets), Icons.of(shop))
