# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Releases that may have changed while a store was down.

A pure part of the stored library, apart from its file.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from msrv.catalog.library.catalog_assembly import offered_releases
from msrv.catalog.model import Catalog, Release


class ChangedFolders:
    """Folders of a library that have changed, and the releases they affect.

    A folder may affect the releases above it, whose disc it may be, and those
    below it, which may be its discs now. The library itself affects none.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self._above = frozenset(
            above for path in self._paths for above in _with_parents(path)
        )

    def affect(self, folder: str) -> bool:
        """Return whether the release of a folder may have changed."""
        return folder in self._above or not self._paths.isdisjoint(
            _with_parents(folder)
        )


def with_hidden(catalog: Catalog, release_ids: Iterable[str]) -> Catalog:
    """Return a catalog in which some releases aren't offered.

    Their buyers can download them.
    """
    hidden = {
        release_id: _hide(catalog.releases_by_id[release_id])
        for release_id in sorted(release_ids)
        if release_id in catalog.releases_by_id
    }
    if not hidden:
        return catalog
    entries = {
        item.item_id: item
        for release in hidden.values()
        for item in release.items
    }
    text = repr((catalog.version, sorted(hidden))).encode()
    digest = hashlib.sha256(text).hexdigest()
    releases = tuple(
        hidden.get(each.release_id, each) for each in catalog.releases
    )
    return replace(
        catalog,
        version=digest[: len(catalog.version)],
        releases=releases,
        offered=offered_releases(releases),
        by_id={**catalog.by_id, **entries, **hidden},
        releases_by_id={**catalog.releases_by_id, **hidden},
    )


def _hide(release: Release) -> Release:
    return replace(
        release,
        hidden=True,
        items=tuple(replace(each, hidden=True) for each in release.items),
    )


def _with_parents(path: str) -> Iterator[str]:
    """Yield a folder and those that it is in, without the library."""
    while path:
        yield path
        path = path.rpartition("/")[0]
