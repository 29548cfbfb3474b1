# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The purchases of a device: receipts that were opened in a browser.

The browser keeps the list, and no request tells the store what is in it.
Apart from the receipts' routes, which the page doesn't use.
"""

import json
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from msrv.catalog.model import Item
from msrv.orders.download_links import ReceiptItem
from msrv.proofs.receipts import Receipt
from msrv.web import security_headers
from msrv.web.rendering import page_response
from msrv.web.store import STORE

UNKEPT_QUERY: Final = "keep=0"
"""Query of a receipt that isn't the visitor's own: opened in the studio."""
_DIGEST_CHARS = 16


async def show(request: web.Request) -> web.Response:
    """Return the page on which the browser lists its purchases."""
    response = page_response(request, "library.html")
    security_headers.allow_payment(response, request.app[STORE].providers)
    return response


def is_kept(request: web.Request) -> bool:
    """Return whether the visitor's browser is to remember a receipt."""
    return request.query.get("keep") != "0"


def device_entry(
    receipt: Receipt, path: str, items: Sequence[ReceiptItem]
) -> str:
    """Return what a browser remembers of a receipt, as JSON.

    `files` has the start of each file's SHA-256 by its item, by which the
    browser finds what is new since.
    """
    files = {
        each.item_id: each.entry
        for each in items
        if isinstance(each.entry, Item)
    }
    for each in items:
        files |= {part.item_id: part for part, _ in each.parts}
    return json.dumps(
        {
            "receipt": path,
            "order": receipt.order_id,
            "issued_at": receipt.issued_at,
            "titles": [each.title for each in items],
            "files": {
                item_id: file.content.sha256.hex()[:_DIGEST_CHARS]
                for item_id, file in files.items()
            },
        },
        ensure_ascii=False,
    )
