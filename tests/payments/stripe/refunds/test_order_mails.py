# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts that the studio sends again, and the evidence for a dispute."""

from yarl import URL

from msrv.ledger.db import schema
from msrv.ledger.download_tracker import content_version
from msrv.ledger.events import Delivered
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    rows,
    tell,
)
from tests.payments.stripe.refunds.sold_order import TO, Sold
from tests.store_parts import mail_of
from tests.web.studio.conftest import JSON


async def test_receipt_is_sent_again_to_the_buyer(sold: Sold) -> None:
    answer = await sold.studio.post(f"{sold.path}/mail")
    assert answer.status == 303
    assert "on its way" in await sold.studio.text(answer.headers["Location"])
    outbox = mail_of(sold.studio.store)._outbox
    letters = [outbox.read(each) for each in outbox.pending()]
    again = [
        each
        for each in letters
        if isinstance(each, ReceiptMail) and each.kind is MailKind.RECEIPT
    ]
    assert [each.to for each in again] == [TO, TO]
    assert "sent a receipt again" in await sold.story()
    answer = await sold.studio.post(
        f"{sold.path}/mail", JSON, mail="other@example.net"
    )
    assert answer.status == 202
    answer = await sold.studio.post(f"{sold.path}/mail", mail="nobody")
    assert answer.status == 400
    # A mailbox gets no more than the limit, from whoever.
    statuses = [
        (await sold.studio.post(f"{sold.path}/mail", JSON)).status
        for _ in range(30)
    ]
    assert statuses[-1] == 429


async def test_receipt_is_sent_again_in_the_language_of_the_order(
    sold: Sold, clock: Clock
) -> None:
    """Not in the operator's; in the store's where that is unknown."""
    await sold.studio.store_events(sale(1, ("song", 100)))
    headers = JSON | {"Accept-Language": "fr"}
    for number, form in [
        (sold.order_id, {}),
        (sold.order_id, {"mail": "other@example.net"}),
        (order_id(1), {"mail": "third@example.net"}),
    ]:
        clock.now += 1
        answer = await sold.studio.post(
            f"/studio/orders/{number}/mail", headers, **form
        )
        assert answer.status == 202
    outbox = mail_of(sold.studio.store)._outbox
    letters = [outbox.read(each) for each in outbox.pending()]
    assert {
        (each.to, each.language)
        for each in letters
        if isinstance(each, ReceiptMail)
    } == {(TO, "de"), ("other@example.net", "de"), ("third@example.net", "")}


async def test_receipt_of_a_gift_is_never_sent_to_its_payer(
    sold: Sold,
) -> None:
    store, bank = sold.studio.store, sold.bank
    gift = {"gift": "1", "gift_to": "kim@example.org", "gift_note": "Hello"}
    session = bank.pay(await order(store, bank, "umbrella", mail=TO, **gift))
    await come_back(store, session)
    (gift_id,) = {
        each["order_id"] for each in await rows(store, schema.orders)
    } - {sold.order_id}
    path = f"/studio/orders/{gift_id}/mail"
    answer = await sold.studio.post(path, JSON)
    assert answer.status == 400
    told = await answer.json()
    assert told["field"] == "mail"
    assert "this order is a gift" in told["message"]
    answer = await sold.studio.post(path, JSON, mail="kim@example.org")
    assert answer.status == 202
    outbox = mail_of(store)._outbox
    letters = [outbox.read(each) for each in outbox.pending()]
    assert [
        each.to
        for each in letters
        if isinstance(each, ReceiptMail)
        and each.kind is MailKind.RECEIPT
        and each.receipt.order_id == gift_id
    ] == ["kim@example.org"]


async def test_evidence_has_the_deliveries_and_no_link(sold: Sold) -> None:
    version = content_version('"etag"')
    for ranges in (((0, 600),), ((600, 1000),)):
        await sold.studio.ledger.record(
            Delivered(
                sold.order_id,
                "departure",
                version,
                1000,
                ranges,
                sold.bank.clock(),
            )
        )
    await sold.studio.ledger.record(
        Delivered(
            sold.order_id,
            "wrong-stop",
            version,
            2000,
            ((0, 10), (90, 100)),
            sold.bank.clock(),
        )
    )
    dispute = sold.bank.dispute(sold.session, 200)
    event = sold.bank.event("charge.dispute.created", dispute)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    await sold.studio.wait_until_synced()
    page = await sold.studio.text(f"{sold.path}/evidence")
    assert "complete: all 1000 bytes" in page
    assert "Bytes: 0\N{EN DASH}999." in page
    assert "in part: 20 of 2000 bytes" in page
    assert "Bytes: 0\N{EN DASH}9, 90\N{EN DASH}99." in page
    assert sold.session["payment_intent"] in page
    assert "Dispute over €2.00" in page
    assert URL(sold.receipt).raw_path not in page
    assert "/download/" not in page
    bodies = set()
    for _ in range(2):
        answer = await sold.studio.get(f"{sold.path}/evidence.pdf")
        assert answer.status == 200
        assert answer.content_type == "application/pdf"
        bodies.add(await answer.read())
    (body,) = bodies  # the same facts are the same bytes
    assert body.startswith(b"%PDF-")
