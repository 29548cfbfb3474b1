# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Members of a receipt's JSON for one line, and for each file of a release."""

from typing import Any

from msrv.catalog.model import Item
from msrv.orders.download_links import ReceiptItem
from msrv.time_slices import TimeSlices
from msrv.web.shop.purchases.format_choice import FormatChoice, json_formats


async def line_json(
    line: ReceiptItem, base: str, formats: FormatChoice, slices: TimeSlices
) -> dict[str, Any]:
    """Return the members of a line; `base` is the store's address.

    Other tasks run in between: a release may have thousands of files.
    """
    entry = line.entry
    data: dict[str, Any] = {
        "item_id": line.item_id,
        "title": line.title,
        "price_minor": line.price.minor,
        "available": entry is not None,
        "refunded": line.link is None,
        "download": base + line.link if line.link else None,
    }
    if isinstance(entry, Item):
        data.update(_file_json(entry))
        if line.link is not None:
            data.update(_links_json(entry, line.link, base, formats))
    if line.parts:
        data["parts"] = [
            {
                "item_id": part.item_id,
                "title": part.title,
                "download": base + link,
                **_file_json(part),
                **_links_json(part, link, base, formats),
            }
            async for part, link in slices.iterate(line.parts)
        ]
    await slices.yield_if_due()
    return data


def _file_json(item: Item) -> dict[str, Any]:
    return {
        "size_bytes": item.content.size_bytes,
        "media_type": item.content.media_type,
        "sha256": item.content.sha256.hex(),
    }


def _links_json(
    item: Item, link: str, base: str, formats: FormatChoice
) -> dict[str, Any]:
    waveform = formats.waveform_of(item, link)
    return {
        "formats": json_formats(item, formats.all_of(item), base + link),
        "waveform": base + waveform if waveform else None,
    }
