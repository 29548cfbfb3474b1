# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Thank-you notes of the seller, for those who bought.

Apart from the pages' texts: a note is on receipts and in their mails alone.
"""

from collections.abc import Iterable
from typing import Final

from msrv.catalog.model import Catalog

MAX_NOTES: Final = 10
"""Notes on one receipt, which may have a hundred releases."""


def thanks_for(catalog: Catalog, item_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the notes for what was bought, in Markdown.

    First those of the releases, each once, then that of the store. Nothing
    for nothing: the buyer of a refunded order gets no thanks.
    """
    notes: dict[str, None] = {}
    has_items = False
    for item_id in item_ids:
        has_items = True
        entry = catalog.by_id.get(catalog.moved.get(item_id, item_id))
        release = catalog.release_of(entry) if entry is not None else None
        if release is not None and release.thanks:
            notes[release.thanks] = None
    if has_items and catalog.shop.thanks:
        notes[catalog.shop.thanks] = None
    return tuple(notes)[-MAX_NOTES:]
