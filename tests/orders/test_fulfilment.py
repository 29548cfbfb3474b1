# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fulfilment of a paid order whose buyer is gone before it is done."""

import asyncio
from collections.abc import Hashable

import pytest

from msrv.ledger.db import schema
from msrv.mail.receipt_mail import MailKind
from msrv.orders.receipt_mails import MailContent, ReceiptMails
from msrv.payments.settlement import PaidOrder
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt
from tests.conftest import Client
from tests.store_parts import rows, store_of, wait_for_database


async def test_sale_is_recorded_although_the_buyer_has_left(
    ready_store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receipt may be in the mail by then."""
    await wait_for_database(ready_store)
    is_mailing, may_go_on = asyncio.Event(), asyncio.Event()

    async def queue_slowly(
        mails: ReceiptMails, mail: MailContent, network: Hashable | None
    ) -> int:
        del mails, network
        assert mail.kind is MailKind.RECEIPT
        is_mailing.set()
        await may_go_on.wait()
        return 0

    monkeypatch.setattr(ReceiptMails, "queue_for", queue_slowly)
    fulfilment = store_of(ready_store).fulfilment
    receipt = Receipt("A" * 24, 1, "stripe", "EUR", (Line("zine", 700),))
    order = PaidOrder(receipt, "pi_1", mail="buyer@example.org")
    waiting = asyncio.create_task(fulfilment.fulfil(order, "192.0.2.1"))
    await is_mailing.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    sold = await rows(ready_store, schema.orders)
    assert [each["order_id"] for each in sold] == [receipt.order_id]
