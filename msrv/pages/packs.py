"""What can be sent of a catalog, as HTTP and the sender see it.

Releases are ZIPs, laid out once and kept while the catalog is the same.
"""

from collections import OrderedDict
from typing import Final

from msrv.catalog.model import Catalog, Item, Release
from msrv.catalog.packing import pack, pack_name
from msrv.downloads.archive import MEDIA_TYPE
from msrv.downloads.body import Body
from msrv.downloads.representation import Representation

_KEPT: Final = 64
_KEPT_FILES: Final = 4096


class Packs:
    """The layouts of the releases that were asked for last."""

    def __init__(self) -> None:
        self._known: OrderedDict[
            tuple[str, str], tuple[Representation, Body]
        ] = OrderedDict()
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
        key = (catalog.version, release.release_id)
        known = self._known.get(key)
        if known is None:
            archive = pack(release, catalog.shop)
            known = (
                Representation(
                    size_bytes=archive.body.size_bytes,
                    etag=archive.etag,
                    last_modified=_last_modified(release),
                    media_type=MEDIA_TYPE,
                    file_name=pack_name(release),
                ),
                archive.body,
            )
            self._known[key] = known
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known


def _last_modified(release: Release) -> int:
    """Give the time of its newest file, in Unix seconds."""
    times = [
        item.content.mtime_ns for item in (*release.items, *release.extras)
    ]
    if release.artwork is not None:
        times.append(release.artwork.content.mtime_ns)
    return max(times) // 1_000_000_000
