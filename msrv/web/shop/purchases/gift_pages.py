# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of gifts: the payer's bill, the card to pass on, and mails again.

The bill has no links to downloads. Where the receipt isn't mailed to the
recipient, or the mail fails, the payer passes it on: with the card's page.
"""

from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

from msrv.catalog.model import Release
from msrv.mail.addresses import masked
from msrv.mail.receipt_mail import MailKind
from msrv.money import Money
from msrv.orders.receipt_mails import MailContent
from msrv.orders.refunds.ended_lines import end_reasons
from msrv.proofs import receipts
from msrv.proofs.gifts import bills
from msrv.proofs.gifts.bills import Bill
from msrv.web.errors import NotFound
from msrv.web.rendering import PRIVATE, respond_in_slices, wants_json
from msrv.web.shop.receipt_mails import send_again
from msrv.web.shop.receipts import (
    GIFT_QUERY,
    gift_path,
    paid_note,
    read_mail_wait,
    receipt_path,
    releases_of,
)
from msrv.web.store import ORIGIN, STORE

_SENT: Final = "sent"


@dataclass(frozen=True, slots=True)
class _Gift:
    """The bill in a request's path, and the address that is passed on.

    `is_mailed` is true where the store mails the receipt.
    """

    token: str
    bill: Bill
    address: str
    is_mailed: bool

    @classmethod
    def of(cls, request: web.Request) -> Self:
        """Return the gift of a request's path. Raises Forged."""
        store = request.app[STORE]
        token = request.match_info["bill"]
        bill = bills.read(store.keyring, token)
        path = receipt_path(receipts.sign(store.keyring, bill.receipt))
        return cls(
            token,
            bill,
            f"{request[ORIGIN].base_url}{path}?{GIFT_QUERY}",
            bool(bill.gift.to) and store.receipt_mails.is_on,
        )

    @property
    def sent_to(self) -> str:
        """The recipient's address, masked; empty if nothing is mailed."""
        return masked(self.bill.gift.to) if self.is_mailed else ""


async def show(request: web.Request) -> web.Response:
    """Return the bill of a gift. Raises Forged."""
    return await _bill_page(request, mail_wait=read_mail_wait(request))


async def card(request: web.Request) -> web.Response:
    """Return the card of a gift, to be printed or sent. Raises Forged."""
    store, gift = request.app[STORE], _Gift.of(request)
    items = await store.download_links.items(
        gift.bill.receipt, store.download_links.expires_at()
    )
    by_item = releases_of(request, items)
    releases: list[Release] = []
    for each in by_item.values():
        if each not in releases:
            releases.append(each)
    return await respond_in_slices(
        request,
        "gift_card.html",
        {"receipt": gift.address, "note": gift.bill.gift.note},
        cache_control=PRIVATE,
        gift=gift.bill.gift,
        address=gift.address,
        back=gift_path(gift.token),
        code=None
        if wants_json(request)
        else await store.qr_codes.of(gift.address),
        cover=next((each for each in releases if each.cover), None),
        items=items,
        artists=[
            (each.title, by_item[each.item_id].artist)
            if each.item_id in by_item
            else (each.title, "")
            for each in items
        ],
    )


async def resend(request: web.Request) -> web.StreamResponse:
    """Mail the receipt to a gift's recipient once more.

    Where too many mails were requested it is a 429 with `Retry-After`. Raises
    Forged, TooManyMails, and NotFound for a gift that isn't mailed.
    """
    gift = _Gift.of(request)
    if not gift.is_mailed:
        raise NotFound
    content = MailContent(
        gift.bill.receipt, gift.bill.gift.to, MailKind.GIFT, gift.bill.gift
    )
    return await send_again(
        request,
        content,
        path=f"{gift_path(gift.token)}?{_SENT}=1",
        refuse=lambda wait: _bill_page(request, status=429, mail_wait=wait),
    )


async def _bill_page(
    request: web.Request, *, status: int = 200, mail_wait: int = 0
) -> web.Response:
    store, gift = request.app[STORE], _Gift.of(request)
    receipt = gift.bill.receipt
    items = await store.download_links.items(
        receipt, store.download_links.expires_at()
    )
    failed = store.receipt_mails.has_failed(receipt.order_id, MailKind.GIFT)
    path = gift_path(gift.token)
    return await respond_in_slices(
        request,
        "gift.html",
        {
            "bill": request[ORIGIN].base_url + path,
            "order_id": receipt.order_id,
            "issued_at": receipt.issued_at,
            "total_minor": receipt.total_minor,
            "currency": receipt.currency,
            "sent_to": gift.sent_to or None,
            "receipt": gift.address,
        },
        status=status,
        cache_control=PRIVATE,
        receipt=receipt,
        total=Money(receipt.total_minor, receipt.currency),
        adds_tax=store.receipt_mails.adds_tax(receipt),
        items=items,
        ended=await end_reasons(store.ledger, receipt, items),
        releases=releases_of(request, items),
        paid_note=paid_note(request, receipt),
        sent_to=gift.sent_to,
        sent_again=_SENT in request.query,
        mail_wait=mail_wait,
        is_undelivered=gift.is_mailed and (bool(mail_wait) or failed),
        mail_path=f"{path}/mail",
        card_path=f"{path}/card",
        address=gift.address,
        has_invoice=store.invoices.has_invoice(receipt),
        invoice_path=f"{path}/invoice",
    )
