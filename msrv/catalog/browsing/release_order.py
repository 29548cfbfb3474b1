# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Order of the releases on a store's pages.

Apart from `catalog_index`, whose orders are visitors' choices: a catalog is
assembled in this order.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from msrv.catalog.model import Release

_LAST_SECOND: Final = 253_402_300_799
"""End of the year 9999, the last that a date can state."""


def sort_releases(
    order: str | tuple[str, ...], releases: Iterable[Release]
) -> list[Release]:
    """Return the releases in the order of `Shop.order`."""
    found = sorted(releases, key=_by_artist)
    if order == "artist":
        return found
    if order == "title":
        return sorted(found, key=lambda each: each.title.casefold())
    found.sort(key=place_in_time, reverse=True)
    if isinstance(order, tuple):
        places = {release_id: n for n, release_id in enumerate(order)}
        found.sort(key=lambda each: places.get(each.release_id, len(places)))
    return found


def place_in_time(release: Release) -> str:
    """Return a sort key from the oldest to the newest, in ISO 8601.

    It is the release's date, or else the time of its oldest item: copies of a
    library have the same times, if these are copied as well.
    """
    if release.date:
        return release.date
    seconds = min(max(release.first_modified, 0), _LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _by_artist(release: Release) -> tuple[str, str, str]:
    return (
        release.artist.casefold(),
        release.title.casefold(),
        release.folder,
    )
