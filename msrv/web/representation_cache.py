"""What can be sent of a catalog, as HTTP and the sender see it.

Releases are ZIPs, laid out once and kept while the release is the same.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from msrv.catalog.model import Catalog, Item, Release, Shop
from msrv.catalog.release_zip import plan_zip, zip_name
from msrv.downloads.body import Body
from msrv.downloads.representation import Representation
from msrv.downloads.zip import MEDIA_TYPE

_KEPT: Final = 64
_KEPT_FILES: Final = 4096


class _Pack(NamedTuple):
    """A layout, and what it was made from."""

    release: Release
    shop: Shop
    representation: Representation
    body: Body


class Packs:
    """The layouts of the releases that were asked for last.

    Each is kept with what it was made from, and made anew for anything else:
    two catalogs of one version can hold the same bytes in files with other
    dates, and a layout holds the files.
    """

    def __init__(self) -> None:
        self._packs: OrderedDict[str, _Pack] = OrderedDict()
        self._files: dict[str, tuple[Item, Representation, Body]] = {}

    def file(self, item: Item) -> tuple[Representation, Body]:
        """Give an item as the one file that it is."""
        known = self._files.get(item.item_id)
        if known is None or known[0] is not item:
            known = (
                item,
                Representation.of_file(item.content, item.file_name),
                Body.of_file(item.content),
            )
            if len(self._files) >= _KEPT_FILES:
                self._files.clear()
            self._files[item.item_id] = known
        return known[1:]

    def pack(
        self, catalog: Catalog, release: Release
    ) -> tuple[Representation, Body]:
        """Give a release as one ZIP."""
        known = self._packs.get(release.release_id)
        if (
            known is None
            or known.release is not release
            or known.shop != catalog.shop
        ):
            archive = plan_zip(release, catalog.shop)
            known = _Pack(
                release,
                catalog.shop,
                Representation(
                    size_bytes=archive.body.size_bytes,
                    etag=archive.etag,
                    last_modified=_last_modified(release),
                    media_type=MEDIA_TYPE,
                    file_name=zip_name(release),
                ),
                archive.body,
            )
            self._packs[release.release_id] = known
            if len(self._packs) > _KEPT:
                self._packs.popitem(last=False)
        self._packs.move_to_end(release.release_id)
        return known.representation, known.body


def _last_modified(release: Release) -> int:
    """Give the time of its newest file, in Unix seconds."""
    times = [
        item.content.mtime_ns for item in (*release.items, *release.extras)
    ]
    if release.artwork is not None:
        times.append(release.artwork.content.mtime_ns)
    return max(times) // 1_000_000_000
