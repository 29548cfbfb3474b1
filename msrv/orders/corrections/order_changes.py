# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Changes of the releases of an order, from the catalog: pure.

The ledger has a release and its files under the ids at the time that the
first buyer asked; the catalog knows what these are called now.
"""

from collections.abc import Iterable, Mapping
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
    added: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    for each in changes:
        release_id = present_id(catalog, each.release_id)
        parts = bought.get(release_id)
        item_id = present_id(catalog, each.item_id)
        entry = catalog.by_id.get(item_id)
        if parts is None or not isinstance(entry, Item):
            continue  # of another release, or removed since
        if parts.whole or item_id in parts.items:
            titles = added if each.is_new else changed
            titles.setdefault(release_id, []).append(entry.title)
    return tuple(
        CorrectedRelease(
            parts.release.title,
            tuple(added.get(release_id, ())),
            tuple(changed.get(release_id, ())),
        )
        for release_id, parts in bought.items()
        if release_id in added or release_id in changed
    )
