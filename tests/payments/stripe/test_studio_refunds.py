# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds in the studio: the money moves at most once, whatever happens."""

import asyncio
import re
import secrets
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from yarl import URL

from msrv.ledger.db import schema
from msrv.ledger.download_tracker import content_version
from msrv.ledger.events import Delivered
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from msrv.money import Money
from msrv.orders.refunds.recording import UNCONFIRMED_SECONDS, follow_up
from msrv.payments.refunds import RefundOrder
from msrv.payments.webhook_inbox import WebhookInbox
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    receipt_at,
    rows,
    tell,
)
from tests.payments.stripe.stripe_objects import Json
from tests.store_parts import mail_of
from tests.store_process import free_port
from tests.web.studio.conftest import JSON, Studio

TO = "buyer@example.net"


class Sold:
    """An order of two songs, two euros, and the studio that refunds it."""

    def __init__(
        self, studio: Studio, bank: FakeStripe, session: Json, receipt: str
    ) -> None:
        self.studio, self.bank, self.session = studio, bank, session
        self.receipt = receipt
        self.order_id = ""

    @property
    def path(self) -> str:
        """Path of the order's page."""
        return f"/studio/orders/{self.order_id}"

    async def links(self) -> set[str]:
        """Which items the receipt still gives links to."""
        answer = await self.studio.store.get(self.receipt, headers=JSON)
        return set((await answer.json())["downloads"])

    async def confirm(self, **query: str) -> dict[str, Any]:
        """Return what is asked to be confirmed."""
        url = URL(f"{self.path}/refund").with_query(query)
        found: dict[str, Any] = await self.studio.data(str(url))
        return found

    async def press(self, number: str, **form: str) -> tuple[int, Any]:
        """Press the button of a confirmation page."""
        answer = await self.studio.post(
            f"{self.path}/refund", JSON, number=number, **form
        )
        return answer.status, await answer.json()

    async def story(self) -> str:
        """Return the text of the order's page."""
        page = await self.studio.text(self.path)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    def letters(self) -> list[ReceiptMail]:
        """Return the refund mails in the outbox."""
        outbox = mail_of(self.studio.store)._outbox
        found = [outbox.read(each) for each in outbox.pending()]
        return [
            each
            for each in found
            if isinstance(each, ReceiptMail) and each.kind is MailKind.REFUND
        ]


@pytest.fixture
def currency() -> str:
    """Currency of the store."""
    return "EUR"


@pytest.fixture
async def sold(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    currency: str,
    bank: FakeStripe,
    keyring: Keyring,
    clock: Clock,
) -> Sold:
    """An order that was paid by a German buyer with an address."""
    store_file = library / "store.toml"
    text = store_file.read_text("utf-8")
    store_file.write_text(text.replace("EUR", currency), "utf-8")
    store: Client = await start_store(
        settings.model_copy(
            update={
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
                "mail_from": "shop@example.org",
                "public_url": "https://shop.example",
            }
        )
    )
    cookie = sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, clock.now, secrets.token_bytes
    )
    studio = Studio(store, cookie)
    session = bank.pay(
        await order(
            store,
            bank,
            "departure",
            "wrong-stop",
            accept_language="de",
            mail=TO,
        )
    )
    _, where = await come_back(store, session)
    made = Sold(studio, bank, session, where)
    made.order_id = receipt_at(where, keyring).order_id
    await studio.wait_until_synced()
    clock.now += 60
    return made


async def test_refunded_line_ends_its_links_and_the_rest_follows(
    sold: Sold,
) -> None:
    page = await sold.studio.text(f"{sold.path}/refund")
    assert "€2.00 of €2.00 is left" in page
    url = f"{sold.path}/refund?part=lines&item=departure"
    page = await sold.studio.text(url)
    assert "Refund €1.00?" in page
    assert "The buyer is told by email." in page
    assert sold.bank.refunds == []  # asking moves nothing
    asked = await sold.confirm(part="lines", item="departure")
    assert (asked["amount_minor"], asked["ended"]) == (100, ["departure"])
    form = {"part": "lines", "item": "departure"}
    status, told = await sold.press(asked["number"], **form)
    assert (status, told["refunded_minor"]) == (200, 100)
    # A double click, and another tab that was opened before.
    status, told = await sold.press(asked["number"], **form)
    assert (status, told["repeated"]) == (200, True)
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["repeated"]) == (200, True)
    (made,) = sold.bank.refunds
    assert (made["amount"], made["metadata"]["items"]) == (100, "departure")
    assert await sold.links() == {"wrong-stop"}
    (letter,) = sold.letters()
    assert (letter.to, letter.language) == (TO, "de")
    assert letter.refunded.minor == 100
    assert letter.refunded_titles == ["Departure"]
    assert letter.receipt.order_id == sold.order_id
    story = await sold.story()
    assert "Refund of €1.00" in story
    assert "Downloads ended: Departure" in story
    # What was made in the studio comes as a webhook too: nothing is new.
    event = sold.bank.event("refund.created", made)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    (row,) = await rows(sold.studio.store, schema.reversals)
    assert row["changed_by"].startswith("studio-")
    (sale,) = await rows(sold.studio.store, schema.orders)
    assert sale["refunded_minor"] == 100
    # The rest, and then nothing is left.
    asked = await sold.confirm(part="rest")
    assert asked["amount_minor"] == 100
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 200
    assert await sold.links() == set()
    assert len(sold.letters()) == 2
    answer = await sold.studio.get(f"{sold.path}/refund", **JSON)
    assert (await answer.json())["error"] == "nothing_left"
    assert "Everything that was paid has been refunded" in await sold.story()
    days = await rows(sold.studio.store, schema.days)
    assert sum(each["refunded_minor"] for each in days) == 200
    assert sum(each["refunds"] for each in days) == 2


async def test_amount_leaves_the_links_unless_it_ends_them(
    sold: Sold,
) -> None:
    answer = await sold.studio.get(
        f"{sold.path}/refund?part=amount&amount=2,01", **JSON
    )
    assert answer.status == 400
    assert (await answer.json())["field"] == "amount"
    asked = await sold.confirm(part="amount", amount="0,30")
    assert (asked["amount_minor"], asked["ended"]) == (30, [])
    form = {"part": "amount", "amount": "0.30"}
    # Four clicks at once, and two that want something else.
    results = await asyncio.gather(
        *(sold.press(asked["number"], **form) for _ in range(4)),
        *(sold.press(asked["number"], part="rest") for _ in range(2)),
    )
    (made,) = sold.bank.refunds
    assert sum(status == 200 for status, _ in results) >= 1
    assert {status for status, _ in results} <= {200, 409}
    assert len(set(sold.bank.refunding.keys)) == 1
    if made["amount"] == 30:
        assert await sold.links() == {"departure", "wrong-stop"}
        asked = await sold.confirm(part="amount", amount="0.70", end="1")
        assert len(asked["ended"]) == 2
        status, _ = await sold.press(
            asked["number"], part="amount", amount="0.70", end="1"
        )
        assert status == 200
        assert await sold.links() == set()
        lines = await rows(sold.studio.store, schema.order_items)
        assert [each["refunded_minor"] for each in lines] == [50, 50]


async def test_lost_answer_is_never_a_second_refund(sold: Sold) -> None:
    sold.bank.refunding.breaks_off = 3  # the SDK tries three times
    asked = await sold.confirm(part="lines", item="departure")
    status, _ = await sold.press(
        asked["number"], part="lines", item="departure"
    )
    assert status == 200
    assert len(sold.bank.refunds) == 1
    assert await sold.links() == {"wrong-stop"}
    # And again, and Stripe can't even be asked what became of it.
    sold.bank.refunding.breaks_off, sold.bank.refunding.then_faults = 3, 9
    asked = await sold.confirm(part="rest")
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (502, "refund_unconfirmed")
    # The store finds it by itself, without a webhook.
    await followed(sold.studio.store)
    await sold.studio.ledger.sync_now()
    assert len(sold.bank.refunds) == 2
    assert await sold.links() == set()
    assert len(sold.letters()) == 2
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["repeated"]) == (200, True)
    assert len(sold.bank.refunds) == 2


async def test_refund_is_followed_though_another_request_has_its_key(
    sold: Sold,
) -> None:
    asked = await sold.confirm(part="rest")
    sold.bank.refunding.at_once = 2
    sold.bank.refunding.breaks_off, sold.bank.refunding.then_faults = 1, 99
    results = await asyncio.gather(
        sold.press(asked["number"], part="rest"),
        sold.press(asked["number"], part="amount", amount="0.30"),
    )
    assert sorted((status, told["error"]) for status, told in results) == [
        (409, "refund_outdated"),
        (502, "refund_unconfirmed"),
    ]
    data = sold.studio.store.app[STORE].settings.data
    assert len(WebhookInbox(data / "messages").events()) == 1
    sold.bank.faults.clear()
    await followed(sold.studio.store)
    (made,) = sold.bank.refunds
    (row,) = await rows(sold.studio.store, schema.reversals)
    assert row["reversal_id"] == made["id"]
    assert len(sold.letters()) == 1


@pytest.mark.parametrize("currency", ["KWD"])
async def test_amount_that_stripe_has_no_units_for_ends_no_other_event(
    sold: Sold,
) -> None:
    form = await sold.confirm()
    other = follow_up(
        RefundOrder(
            f"msrv-{sold.order_id}-{form['number']}",
            sold.session["payment_intent"],
            Money(1000, "KWD"),
            Money(2000, "KWD"),
        ),
        sold.bank.clock(),
    )
    await sold.studio.store.app[STORE].webhooks.store("stripe", other)
    status, told = await sold.press(
        form["number"], part="amount", amount="0.015"
    )
    assert (status, told["error"]) == (409, "refund_refused")
    assert sold.bank.refunding.keys == []
    data = sold.studio.store.app[STORE].settings.data
    (kept,) = WebhookInbox(data / "messages").events()
    assert kept.event == other
    assert await rows(sold.studio.store, schema.reversals) == []


async def test_key_that_stripe_failed_with_is_not_the_end_of_refunds(
    sold: Sold, clock: Clock
) -> None:
    """Stripe repeats the answer to a key, an internal error included."""
    asked = await sold.confirm(part="rest")
    sold.bank.refunding.broken = True
    for _ in range(2):
        status, told = await sold.press(asked["number"], part="rest")
        assert (status, told["error"]) == (502, "refund_unconfirmed")
    sold.bank.refunding.broken = False
    # As long as it may still be made, the key stays.
    assert (await sold.confirm(part="rest"))["number"] == asked["number"]
    clock.now += UNCONFIRMED_SECONDS
    worker = sold.studio.store.app[STORE].webhooks
    worker._retries.clear()
    worker._stored.set()
    await followed(sold.studio.store)
    (row,) = await rows(sold.studio.store, schema.reversals)
    assert (row["status"], row["reason"]) == ("refused", "not_made")
    assert (row["amount_minor"], row["is_effective"]) == (200, False)
    assert "made no refund" in await sold.story()
    again = await sold.confirm(part="rest")
    assert again["number"] != asked["number"]
    # The form from before refunds nothing either.
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (409, "refund_outdated")
    status, _ = await sold.press(again["number"], part="rest")
    assert status == 200
    assert len(sold.bank.refunds) == 1
    assert await sold.links() == set()


async def test_refusal_leaves_what_follows_an_earlier_request_of_its_key(
    sold: Sold,
) -> None:
    asked = await sold.confirm(part="rest")
    request = RefundOrder(
        f"msrv-{sold.order_id}-{asked['number']}",
        sold.session["payment_intent"],
        Money(200, "EUR"),
        Money(200, "EUR"),
    )
    webhooks = sold.studio.store.app[STORE].webhooks
    # Its answer was lost, and it may still be made.
    await webhooks.store("stripe", follow_up(request, sold.bank.clock()))
    sold.bank.refunding.refusal = "balance_insufficient"
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 409
    data = sold.studio.store.app[STORE].settings.data
    assert len(WebhookInbox(data / "messages").events()) == 1
    assert "refused by the payment provider" in await sold.story()


async def test_refused_refund_says_why_and_can_be_repeated(
    sold: Sold,
) -> None:
    sold.bank.refunding.refusal = "balance_insufficient"
    asked = await sold.confirm(part="rest")
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (409, "refund_refused")
    assert "balance at the payment provider is too low" in told["message"]
    assert "refused by the payment provider" in await sold.story()
    assert await sold.links() == {"departure", "wrong-stop"}
    (sale,) = await rows(sold.studio.store, schema.orders)
    assert sale["refunded_minor"] == 0
    # The same page again gets the same answer; a new one a new attempt.
    sold.bank.refunding.refusal = ""
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 409
    again = await sold.confirm(part="rest")
    assert again["number"] != asked["number"]
    status, _ = await sold.press(again["number"], part="rest")
    assert status == 200
    assert len(sold.bank.refunds) == 1
    assert await sold.links() == set()


async def test_refund_in_the_dashboard_is_shown_alike(sold: Sold) -> None:
    asked = await sold.confirm(part="rest")
    made = sold.bank.refund(sold.session, 50)
    # Nobody told the store yet, and the operator presses the button.
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (409, "refund_outdated")
    event = sold.bank.event("refund.created", made)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    assert "Refund of €0.50" in await sold.story()
    page = await sold.studio.text(f"{sold.path}/refund")
    assert "€1.50 of €2.00 is left" in page
    assert sold.letters() == []  # the dashboard mails by itself
    dispute = sold.bank.dispute(sold.session, 200)
    event = sold.bank.event("charge.dispute.created", dispute)
    assert await tell(sold.studio.store, sold.bank, event) == 200
    await followed(sold.studio.store)
    assert "Dispute over €2.00: send the evidence" in await sold.story()
    answer = await sold.studio.get(f"{sold.path}/refund", **JSON)
    assert (await answer.json())["error"] == "nothing_left"


async def test_line_is_refunded_once_though_the_ledger_lags_behind(
    sold: Sold,
) -> None:
    sold.bank.refund(sold.session, 100, "departure")
    # Nobody told the store: what is left is Stripe's, as the state is.
    form = await sold.confirm()
    assert form["lines"] == {"departure": 0, "wrong-stop": 100}
    assert form["number"] == "1.0"
    status, told = await sold.press(
        form["number"], part="lines", item="departure"
    )
    assert (status, told["error"]) == (409, "nothing_left")
    assert len(sold.bank.refunds) == 1


async def test_line_whose_links_were_ended_by_hand_can_be_refunded(
    sold: Sold,
) -> None:
    answer = await sold.studio.post(f"{sold.path}/revoke", item="departure")
    assert answer.status == 303
    await sold.studio.wait_until_synced()
    asked = await sold.confirm(part="lines", item="departure")
    assert (asked["amount_minor"], asked["ended"]) == (100, [])
    status, _ = await sold.press(
        asked["number"], part="lines", item="departure"
    )
    assert status == 200
    assert await sold.links() == {"wrong-stop"}


async def test_provider_that_is_away_refunds_nothing(sold: Sold) -> None:
    asked = await sold.confirm(part="rest")
    sold.bank.faults += [500] * 12
    status, told = await sold.press(asked["number"], part="rest")
    assert (status, told["error"]) == (503, "provider_unavailable")
    sold.bank.faults.clear()
    assert sold.bank.refunds == []
    status, _ = await sold.press(asked["number"], part="rest")
    assert status == 200


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


async def test_form_is_checked(sold: Sold) -> None:
    status, told = await sold.press("0", part="rest")
    assert (status, told["error"]) == (400, "bad_field")
    for form in (
        {"part": "all"},
        {"part": "lines", "item": "zine"},
        {"part": "amount", "amount": "-1"},
    ):
        status, told = await sold.press("0.0", **form)
        assert (status, told["error"]) == (400, "bad_field")
    status, told = await sold.press("0.0", part="lines")
    assert (status, told["error"]) == (409, "nothing_left")
    assert sold.bank.refunds == []
