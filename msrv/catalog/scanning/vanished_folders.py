# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Releases of folders that no longer exist, while their files are elsewhere.

A folder that is renamed, or becomes a disc of another release, may have to
wait there for an upload. Until its files are read in their new place, its old
release stays, hidden, so that its buyers can download what they bought.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from msrv.catalog.library.found_files import FoundFolder, content_files
from msrv.catalog.model import Item, Release
from msrv.storage.model import Content, FileIdentity

_Places = Mapping[FileIdentity, str]


def find_vanished(
    before: Iterable[Release],
    folders: Iterable[FoundFolder],
    waiting: Collection[str],
    present: Iterable[Release],
) -> Iterator[Release]:
    """Yield releases of before whose files are in a folder that waits now.

    `folders` are those of the library, of which `waiting` have no release
    that is up to date; `present` are all other releases. An id that one of
    those has is left to it.
    """
    paths = {folder.path for folder in folders}
    vanished = [each for each in before if each.folder not in paths]
    if not vanished or not waiting:
        return
    # A folder that is renamed leaves the status of its files as it was.
    places = {
        file.identity: file.path
        for folder in folders
        if folder.path in waiting
        for file in content_files(folder)
    }
    known = set(places.values())
    taken = {item_id for each in present for item_id in _ids(each)}
    for release in vanished:
        if release.release_id in taken:
            continue
        items = tuple(
            _moved_item(item, places)
            for item in release.items
            if item.item_id not in taken
            and (item.content.identity in places or item.content.path in known)
        )
        if items:
            yield _moved_release(release, items, places)


def _ids(release: Release) -> Iterator[str]:
    yield release.release_id
    for item in (*release.items, *release.extras):
        yield item.item_id


def _moved_release(
    release: Release, items: tuple[Item, ...], places: _Places
) -> Release:
    """Return a release whose files are in their new places, hidden."""
    cover = release.cover
    return replace(
        release,
        items=items,
        extras=tuple(_moved_item(item, places) for item in release.extras),
        former=tuple(
            _moved_item(each, places)
            if isinstance(each, Item)
            else _moved_release(
                each,
                tuple(_moved_item(item, places) for item in each.items),
                places,
            )
            for each in release.former
        ),
        cover=cover
        and replace(cover, content=_moved_content(cover.content, places)),
        hidden=True,
    )


def _moved_item(item: Item, places: _Places) -> Item:
    return replace(
        item,
        content=_moved_content(item.content, places),
        alternatives=tuple(
            _moved_content(each, places) for each in item.alternatives
        ),
        hidden=True,
    )


def _moved_content(content: Content, places: _Places) -> Content:
    path = places.get(content.identity, content.path)
    return content if path == content.path else replace(content, path=path)
