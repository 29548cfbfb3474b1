# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids that earlier versions gave to what is in a release's folder.

In version 1.0, letters of other scripts than Latin were left out of ids.
Before version 1.0, each disc and each folder of scans was a release of its
own. Those ids stay valid, so that buyers get what they bought. They follow
from names alone, so that all replicas know them, and a store whose data
folder is new.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from msrv.catalog.model import Item, Release
from msrv.catalog.names import ids
from msrv.display_text import clean_line
from msrv.money import Money

_Rule = tuple[Callable[[str], str], Callable[[str, str], str]]
_RULES: Final[tuple[_Rule, ...]] = (
    (ids.release_id, ids.item_id),
    (ids.former_release_id, ids.former_item_id),
)
"""Functions for the ids of releases and items, the present ones first.

Subfolders have ids by the present ones as well, since a disc or a folder of
scans is still a release of its own until the rest of its release is added.
"""


def find_former(
    release: Release, others: Iterable[Item]
) -> tuple[Item | Release, ...]:
    """Return what a release's files were sold as, under ids of then.

    `others` are files of the folder that aren't for sale any more. Everything
    is hidden. A pinned id was the same in every version.
    """
    others = tuple(others)
    return (
        *_by_former_rule(release, others),
        *_subfolders(release, others),
    )


def _by_former_rule(
    release: Release, others: tuple[Item, ...]
) -> Iterator[Item | Release]:
    """Yield a release and its files under the ids of version 1.0."""
    present = release.release_id
    former = present
    if present == ids.release_id(release.folder):
        former = ids.former_release_id(release.folder)

    def renamed(items: Iterable[Item]) -> tuple[Item, ...]:
        found = []
        for item in items:
            item_id = item.item_id
            path = _path_in(release, item)
            if item_id == ids.item_id(present, path):
                item_id = ids.former_item_id(former, path)
            found.append(
                replace(item, item_id=item_id, release_id=former, hidden=True)
            )
        return tuple(found)

    if former != present:
        yield replace(
            release,
            release_id=former,
            items=renamed(release.items),
            extras=renamed(release.extras),
            hidden=True,
        )
        yield from renamed(others)
        return
    everything = (*release.items, *release.extras, *others)
    now = {each.item_id for each in everything}
    # Most names are the same by both rules, which is soon seen.
    for item in renamed(
        each
        for each in everything
        if not ids.is_same_in_version_1_0(_path_in(release, each))
    ):
        if item.item_id not in now:
            yield item


def _path_in(release: Release, item: Item) -> str:
    """Return the path of an item's file in the release's folder."""
    return item.content.path.removeprefix(f"{release.folder}/")


def _subfolders(
    release: Release, others: tuple[Item, ...]
) -> Iterator[Item | Release]:
    """Yield a release for each subfolder with files, by each rule."""
    folders: dict[str, list[Item]] = {}
    for item in (*release.items, *release.extras, *others):
        folder = item.content.path.rpartition("/")[0]
        if folder != release.folder:
            folders.setdefault(folder, []).append(item)
    for folder, of_folder in folders.items():
        seen: set[str] = set()
        for release_id, item_id in _RULES:
            former = release_id(folder)
            items = [
                replace(
                    item,
                    item_id=item_id(former, item.file_name),
                    release_id=former,
                    hidden=True,
                )
                for item in of_folder
            ]
            if former in seen:
                yield from items
                continue
            seen.add(former)
            yield _release_of(release, folder, former, items)


def _release_of(
    release: Release, folder: str, release_id: str, items: list[Item]
) -> Release:
    """Return the release that a subfolder was."""
    name = folder.rpartition("/")[2]
    total_minor = sum(item.price.minor for item in items)
    return Release(
        release_id=release_id,
        folder=folder,
        title=f"{release.title} ({clean_line(name)})",
        artist=release.artist,
        date=release.date,
        description="",
        price=Money(total_minor, release.price.currency),
        items=tuple(items),
        hidden=True,
    )
