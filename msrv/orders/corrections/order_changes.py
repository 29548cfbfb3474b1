# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Changes of the releases of an order, from the catalog: pure.

The ledger has a release and its files under the ids at the time that the
first buyer asked; the catalog knows what these are called now.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrv.catalog.model import Catalog, Item, Release
from msrv.mail.corrections.correction_mail import CorrectedRelease

if TYPE_CHECKING:
    from msrv.ledger.corrections.watched_files import FileChange


@dataclass(frozen=True, slots=True)
class BoughtParts:
    """Parts of a release that an order has: all of it, or some items."""

    release: Release
    whole: bool = False
    items: frozenset[str] = frozenset()


def files_of(release: Release) -> dict[str, str]:
    """Return the SHA-256 of each file that a release comes with, by item."""
    return {
        each.item_id: each.content.sha256.hex()
        for each in (*release.items, *release.extras)
    }


def present_id(catalog: Catalog, item_id: str) -> str:
    """Return the present id of an item or a release."""
    return catalog.moved.get(item_id, item_id)


def bought_parts(
    catalog: Catalog, item_ids: Iterable[str]
) -> dict[str, BoughtParts]:
    """Return what the lines of an order have, by the release's present id.

    Lines that the library doesn't have any more are left out.
    """
    found: dict[str, BoughtParts] = {}
    for item_id in item_ids:
        entry = catalog.by_id.get(item_id)
        release = None if entry is None else catalog.release_of(entry)
        if release is None:
            continue
        before = found.get(release.release_id, BoughtParts(release))
        is_whole = before.whole or isinstance(entry, Release)
        items = before.items | {present_id(catalog, item_id)}
        found[release.release_id] = BoughtParts(release, is_whole, items)
    return found


def corrected_releases(
    catalog: Catalog,
    bought: Mapping[str, BoughtParts],
    changes: "Iterable[FileChange]",
) -> tuple[CorrectedRelease, ...]:
    """Return which of the changes concern an order, in its order."""
    found: dict[str, dict[str, bool]] = {}  # whether each item is new
    for each in changes:
        release_id = present_id(catalog, each.release_id)
        parts = bought.get(release_id)
        item_id = present_id(catalog, each.item_id)
        if parts is None or not isinstance(catalog.by_id.get(item_id), Item):
            continue  # of another release, or removed since
        if parts.whole or item_id in parts.items:
            # A release may be watched under a former id as well.
            items = found.setdefault(release_id, {})
            items[item_id] = items.get(item_id, False) or each.is_new
    return tuple(
        CorrectedRelease(
            parts.release.title,
            tuple(_titles(catalog, items, are_new=True)),
            tuple(_titles(catalog, items, are_new=False)),
        )
        for release_id, parts in bought.items()
        if (items := found.get(release_id, {}))
    )


def _titles(
    catalog: Catalog, items: Mapping[str, bool], *, are_new: bool
) -> Iterator[str]:
    """Yield the titles of items that are new, or of those that aren't."""
    for item_id, is_new in items.items():
        if is_new is are_new:
            yield catalog.by_id[item_id].title
