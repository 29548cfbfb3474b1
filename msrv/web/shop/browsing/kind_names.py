# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of kinds and orders of releases, for pages.

Apart, as the catalog's pages and those of releases show them.
"""

from collections.abc import Mapping
from typing import Final

from msrv.catalog.browsing.catalog_index import CatalogOrder
from msrv.catalog.details.release_details import ReleaseKind
from msrv.translations import gettext, gettext_noop

_ONE: Final[Mapping[ReleaseKind, str]] = {
    ReleaseKind.ALBUM: gettext_noop("Album"),
    ReleaseKind.EP: gettext_noop("EP"),
    ReleaseKind.SINGLE: gettext_noop("Single"),
    ReleaseKind.SAMPLE_PACK: gettext_noop("Sample pack"),
    ReleaseKind.BOOK: gettext_noop("Book"),
    ReleaseKind.VIDEO: gettext_noop("Video"),
    ReleaseKind.SOFTWARE: gettext_noop("Software"),
    ReleaseKind.OTHER: gettext_noop("Files"),
}
_SEVERAL: Final[Mapping[ReleaseKind, str]] = {
    ReleaseKind.ALBUM: gettext_noop("Albums"),
    ReleaseKind.EP: gettext_noop("EPs"),
    ReleaseKind.SINGLE: gettext_noop("Singles"),
    ReleaseKind.SAMPLE_PACK: gettext_noop("Sample packs"),
    ReleaseKind.BOOK: gettext_noop("Books"),
    ReleaseKind.VIDEO: gettext_noop("Videos"),
    ReleaseKind.SOFTWARE: gettext_noop("Software"),
    ReleaseKind.OTHER: gettext_noop("Other"),
}
_ORDERS: Final[Mapping[CatalogOrder, str]] = {
    CatalogOrder.NEWEST: gettext_noop("Newest"),
    CatalogOrder.OLDEST: gettext_noop("Oldest"),
    CatalogOrder.TITLE: gettext_noop("Title"),
    CatalogOrder.ARTIST: gettext_noop("Artist"),
    CatalogOrder.PRICE: gettext_noop("Price"),
}


def kind_name(kind: ReleaseKind) -> str:
    """Return the name of a release's kind."""
    return gettext(_ONE[kind])


def kinds_name(kind: ReleaseKind) -> str:
    """Return the name of all releases of a kind."""
    return gettext(_SEVERAL[kind])


def order_name(order: CatalogOrder) -> str:
    """Return the name of an order."""
    return gettext(_ORDERS[order])
