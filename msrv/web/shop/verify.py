# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Route that verifies a link or a receipt without using it."""

from typing import Any

from aiohttp import web

from msrv import time_slices
from msrv.catalog.model import Catalog
from msrv.ledger.revocations import Revocations
from msrv.proofs import pasted_proofs, receipts
from msrv.proofs.keyring import Keyring
from msrv.proofs.pasted_proofs import Explanation, explanation_of
from msrv.web.legal.consent_field import given_json
from msrv.web.rendering import PRIVATE, respond_in_slices
from msrv.web.shop.receipts import pasted_query, receipt_path
from msrv.web.store import STORE


async def show(request: web.Request) -> web.Response:
    """Return what the link or receipt in `q` grants, and until when."""
    store = request.app[STORE]
    pasted = request.query.get("q", "")
    explanation = None
    data: dict[str, Any] = {"valid": None}
    catalog = store.catalog.current
    if pasted.strip():
        search = pasted_proofs.search(store.keyring, pasted, store.clock())
        explanation = explanation_of(await time_slices.first(search))
        data = explanation_json(explanation, catalog)
        mark_refunds(data, catalog, store.ledger.revocations)
    return await respond_in_slices(
        request,
        "verify.html",
        data,
        cache_control=PRIVATE,
        explanation=explanation,
        facts=data,
        open_at=_receipt_path(store.keyring, explanation, pasted),
    )


def _receipt_path(
    keyring: Keyring, found: Explanation | None, pasted: str
) -> str:
    """Return the path of a receipt that was pasted, empty for none."""
    if found is None or found.receipt is None:
        return ""
    path = receipt_path(receipts.sign(keyring, found.receipt))
    return path + pasted_query(pasted)


def explanation_json(
    explanation: Explanation, catalog: Catalog
) -> dict[str, Any]:
    """Return an explanation as JSON, with titles from the catalog."""
    data: dict[str, Any] = {
        "kind": explanation.kind,
        "valid": explanation.kind != "nothing" and not explanation.expired,
    }
    if explanation.access is not None:
        access = explanation.access
        data |= {
            "order_id": access.order_id,
            "items": [_item(access.item_id, catalog)],
            "expires_at": access.expires_at,
            "expired": explanation.expired,
        }
    if explanation.receipt is not None:
        receipt = explanation.receipt
        data |= {
            "order_id": receipt.order_id,
            "items": [_item(each.item_id, catalog) for each in receipt.lines],
            "issued_at": receipt.issued_at,
            "expires_at": None,
            "expired": False,
            "total_minor": receipt.total_minor,
            "currency": receipt.currency,
            "consent": given_json(receipt.consent, catalog.shop),
        }
    return data


def mark_refunds(
    data: dict[str, Any], catalog: Catalog, revocations: Revocations
) -> None:
    """Mark refunded items; a receipt with no other items isn't valid."""
    items = data.get("items", ())
    for item in items:
        item_id = item["item_id"]
        item["refunded"] = revocations.is_revoked(
            data["order_id"], item_id, *catalog.releases_with(item_id)
        )
    if items and all(item["refunded"] for item in items):
        data["valid"] = False


def _item(item_id: str, catalog: Catalog) -> dict[str, Any]:
    found = catalog.by_id.get(item_id)
    return {
        "item_id": item_id,
        "title": found.title if found else catalog.gone.get(item_id),
        "available": found is not None,
    }
