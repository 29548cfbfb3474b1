# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Whole tracks to listen to before buying, where the seller allows it.

Apart from `item_formats`, which has what can be downloaded.
"""

from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.item_formats import ItemFormat
from msrv.catalog.encodings.recipes import STREAMS, stream_recipes
from msrv.catalog.model import Item

USUAL: str = next(iter(STREAMS))
"""Name of the stream that every browser plays."""


def find_stream(
    store: EncodingStore, item: Item, name: str = USUAL
) -> ItemFormat | None:
    """Return the stream of a track, None while there is none.

    `name` is that of a recipe in STREAMS; the usual one replaces another that
    doesn't exist. It is the one that is planned, or while that isn't ready
    one of the same master with another gain.
    """
    if not stream_recipes(item):
        return None
    master = item.content.sha256.hex()
    for each in (name, USUAL):
        source = store.streams.get((item.content.path, each), "")
        found = store.find(source, master, each)
        if found is not None and each in STREAMS:
            recipe = STREAMS[each]
            stem = item.file_name.rpartition(".")[0]
            return ItemFormat(
                each, recipe.label, found.content, stem + recipe.suffix
            )
    return None
