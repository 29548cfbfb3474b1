"""Releases that a folder's subfolders were, before they became one release.

Apart from `build`, since nothing here is for sale.

Each disc and each folder of scans was once a release, with ids of its own.
Those ids still lead a buyer to the files that were bought.
"""

from collections.abc import Iterable
from dataclasses import replace

from msrv.catalog.model import Item, Release
from msrv.catalog.names import ids
from msrv.catalog.names.text import clean
from msrv.money import Money


def former_releases(
    release: Release, items: Iterable[Item]
) -> tuple[Release, ...]:
    """Return a hidden release for each subfolder that holds items.

    `items` are all of the release's, also those not for sale any more.
    """
    parts: dict[str, list[Item]] = {}
    for item in items:
        folder = item.content.path.rpartition("/")[0]
        if folder == release.folder:
            continue
        old_id = ids.release_id(folder)
        parts.setdefault(folder, []).append(
            replace(
                item,
                item_id=ids.item_id(old_id, item.file_name),
                release_id=old_id,
                hidden=True,
            )
        )
    return tuple(
        _former(release, folder, of_folder)
        for folder, of_folder in parts.items()
    )


def _former(release: Release, folder: str, items: list[Item]) -> Release:
    name = folder.rpartition("/")[2]
    total_minor = sum(item.price.minor for item in items)
    return Release(
        release_id=ids.release_id(folder),
        folder=folder,
        title=f"{release.title} ({clean(name)})",
        artist=release.artist,
        date=release.date,
        description="",
        price=Money(total_minor, release.price.currency),
        items=tuple(items),
        hidden=True,
    )
