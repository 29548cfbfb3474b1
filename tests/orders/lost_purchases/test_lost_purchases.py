# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lost purchases: from an address to one mail with all receipts."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from msrv.ledger.db import old_free_orders, schema
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from msrv.orders.lost_purchases import worker
from msrv.orders.reissues.reissued_orders import Disposition, Reissue
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.rate_limit import Limit
from msrv.settings import Settings
from msrv.tasks import Backoff
from msrv.web.store import STORE
from tests.conftest import NONCE, Client, Clock, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import come_back, order, rows
from tests.polling import wait_until
from tests.store_parts import mail_of, wait_for_database

JSON = {"Accept": "application/json"}
TO = "ada@example.net"
KEY = "a key for the index of the tests, of 40 or so"


def lists(store: Client) -> list[ReceiptMail]:
    """Return the mails in the outbox that list purchases."""
    outbox = mail_of(store)._outbox
    found = [outbox.read(each) for each in outbox.pending()]
    return [
        each
        for each in found
        if isinstance(each, ReceiptMail) and each.kind is MailKind.FOUND
    ]


async def ask(store: Client, address: str) -> ReceiptMail | None:
    """Ask for the purchases of an address; return the new mail, if any."""
    lost = store.app[STORE].lost_purchases
    clock = store.app[STORE].clock
    assert isinstance(clock, Clock)
    clock.now += 1  # of two in one second, one is mailed
    before, known = lost.answered, {each.mail_id for each in lists(store)}
    store.app[STORE].limits.lost_purchases._available_at.clear()
    answer = await store.post(
        "/lost", data={"mail": address}, allow_redirects=False
    )
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/lost?asked=1",
    )
    await wait_until(lambda: lost.answered > before)
    new = [each for each in lists(store) if each.mail_id not in known]
    assert len(new) <= 1
    return new[0] if new else None


async def buy(
    store: Client, bank: FakeStripe, *items: str, email: str = TO
) -> str:
    """Buy at Stripe, with an address; return the receipt's path."""
    session = bank.pay(
        await order(store, bank, *items), customer_details={"email": email}
    )
    status, where = await come_back(store, session)
    assert status == 303
    store.session.cookie_jar.clear()
    return where


def addresses_in(store: Client, mail: ReceiptMail) -> list[str]:
    """Return the paths in a mail's text."""
    message = mail_of(store)._renderer.render(mail)
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert message["To"] == mail.to
    html = message.get_body(("html",))
    assert html is not None
    found = re.findall(r"https://shop\.example(/[\w/.-]+)", text)
    assert all(each in html.get_content() for each in found)
    return found


async def test_all_receipts_come_in_one_mail_as_they_were(
    shop: Client, bank: FakeStripe, clock: Clock
) -> None:
    first = await buy(shop, bank, "departure")
    clock.now += 4000
    second = await buy(shop, bank, "wrong-stop", "umbrella")
    clock.now += 4000
    await buy(shop, bank, "departure", email="else@example.net")
    unpaid = await order(shop, bank)
    unpaid["customer_details"] = {"email": TO}
    mail = await ask(shop, TO)
    assert mail is not None
    assert mail.to == TO
    # Byte for byte, the newest first.
    assert addresses_in(shop, mail) == [second, first]
    assert ReceiptMail.from_json(mail.to_json()) == mail


async def test_more_purchases_than_a_page_of_stripes_are_found(
    shop: Client, bank: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_BACKOFF", Backoff(0.01, 0.01))
    await buy(shop, bank, "departure")
    (first,) = bank.sessions.values()
    # After an outage, too.
    bank.faults = [500] * 3
    for number in range(230):
        other = first | {"id": f"cs_test_{number:060d}"}
        bank.sessions[other["id"]] = other
    mail = await ask(shop, TO)
    assert mail is not None
    assert len(mail.purchases) == 231
    assert bank.asked.count("GET /v1/checkout/sessions") == 3 + 3


async def test_refunded_purchase_is_said_to_be_refunded(
    shop: Client, bank: FakeStripe, keyring: Keyring, clock: Clock
) -> None:
    """At Stripe, before the store hears of it, and in the store."""
    kept = await buy(shop, bank, "departure")
    clock.now += 10
    at_stripe = await buy(shop, bank, "umbrella")
    bank.refund(bank.last, bank.last["amount_total"])
    clock.now += 10
    in_store = await buy(shop, bank, "wrong-stop")
    receipt = receipts.read(keyring, in_store.rpartition("/")[2])
    ledger = shop.app[STORE].ledger
    await ledger.wait_until_synced()
    await ledger.revoke(receipt.order_id, by="cli")
    mail = await ask(shop, TO)
    assert mail is not None
    assert addresses_in(shop, mail) == [in_store, at_stripe, kept]
    assert [each.is_refunded for each in mail.purchases] == [True, True, False]
    message = mail_of(shop)._renderer.render(mail)
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        ended = "The downloads of this order have ended."
        assert body.get_content().count(ended) == 2


async def test_answer_is_the_same_for_every_address(
    shop: Client, bank: FakeStripe
) -> None:
    """In its bytes, and while a search that finds anything still runs."""
    await buy(shop, bank, "departure")
    limits = shop.app[STORE].limits
    many = Limit(10_000, 1)
    limits.lost_purchases.limit = many
    limits.lost_mailboxes.limit = many
    lost = shop.app[STORE].lost_purchases
    bank.may_find.clear()
    answers = set()
    # An answer that waited for the search would never come.
    async with asyncio.timeout(60):
        for address in (TO, "bob@example.net") * 12:
            answer = await shop.post(
                "/lost",
                data={"mail": address},
                headers=JSON,
                allow_redirects=False,
            )
            body = await answer.read()
            kept = tuple(
                (name, value)
                for name, value in answer.headers.items()
                if name != "Date"
            )
            answers.add((answer.status, kept, body))
    assert len(answers) == 1
    assert lists(shop) == []
    before = lost.answered
    bank.may_find.set()
    await wait_until(lambda: lost.answered > before)


async def test_nobodys_mailbox_is_filled(
    shop: Client, bank: FakeStripe, clock: Clock
) -> None:
    await buy(shop, bank, "departure")
    assert await ask(shop, "bob@example.net") is None
    # One that Stripe refuses holds up nobody.
    assert await ask(shop, "ädä@example.net") is None
    for _ in range(3):
        assert await ask(shop, TO) is not None
    for spelling in (TO, "ADA@example.net", "ada+1@example.net"):
        assert await ask(shop, spelling) is None
    clock.now += 6 * 3600
    assert await ask(shop, TO) is not None


async def test_one_client_is_limited_whichever_the_addresses(
    shop: Client,
) -> None:
    for text in ("", "ada", "ada@example.net, bob@example.net"):
        answer = await shop.post("/lost", data={"mail": text})
        assert answer.status == 422
        assert "Must be an email address" in await answer.text()
    for number in range(5):
        answer = await shop.post(
            "/lost", data={"mail": f"a{number}@b.example"}
        )
        assert "Your request was received" in await answer.text()
    answer = await shop.post("/lost", data={"mail": TO})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Please try again in" in await answer.text()
    answer = await shop.post("/lost", data={"mail": TO}, headers=JSON)
    assert answer.status == 429


async def test_full_queue_is_refused(
    shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_QUEUED", 0)
    answer = await shop.post("/lost", data={"mail": TO})
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "60"


async def test_free_order_and_gift_are_found_by_the_index_alone(
    start_store: StartStore,
    selling: Settings,
    bank: FakeStripe,
    tmp_path: Path,
) -> None:
    plain = await start_store(
        selling.model_copy(update={"data": tmp_path / "plain"})
    )
    indexed = await start_store(
        selling.model_copy(update={"address_index_key": SecretStr(KEY)})
    )
    for store in (plain, indexed):
        await wait_for_database(store)
        answer = await store.post(
            "/purchases",
            data={"item": "zine", "mail": "Ada+free@example.net"},
            allow_redirects=False,
        )
        path = answer.headers["Location"].partition("?")[0]
        session = bank.pay(
            await order(
                store,
                bank,
                "departure",
                mail=TO,
                gift="1",
                gift_to="bob@example.net",
            )
        )
        await come_back(store, session)
        await store.app[STORE].ledger.wait_until_synced()
    # The payer finds the bill of the gift, in either store.
    bill = await ask(plain, TO)
    assert bill is not None
    for purchase in bill.purchases:
        assert purchase.is_gift
        assert purchase.masked_recipient == "b…@example.net"
    assert all(
        each.startswith("/gifts/") for each in addresses_in(plain, bill)
    )
    assert await ask(plain, "bob@example.net") is None
    # The index knows the free order's address, and the gift's recipient.
    mail = await ask(indexed, "ada@EXAMPLE.net")
    assert mail is not None
    assert path in addresses_in(indexed, mail)
    mail = await ask(indexed, "bob@example.net")
    assert mail is not None
    (purchase,) = mail.purchases
    assert not purchase.is_gift
    assert purchase.receipt.lines[0].item_id == "departure"
    # The ledger has no address, and nothing that NONCE could find one by.
    for row in await rows(indexed, schema.redemptions):
        assert row["code_id"].startswith("buyer.")
        assert "ada" not in row["code_id"].split(".")[1][:3]
    assert await rows(plain, schema.redemptions) == []
    # The index of a free order is deleted with it.
    database = indexed.app[STORE].ledger.database()
    await old_free_orders.delete_free_orders(database, 2**40)
    (row,) = await rows(indexed, schema.redemptions)
    assert row["order_id"] == purchase.receipt.order_id


async def test_payment_of_a_retired_nonce_is_found_in_the_ledger(
    shop: Client, bank: FakeStripe, keyring: Keyring, tmp_path: Path
) -> None:
    path = await buy(shop, bank, "departure")
    old = receipts.read(keyring, path.rpartition("/")[2])
    store = shop.app[STORE]
    await store.ledger.wait_until_synced()
    search = store.lost_purchases.search
    new_keys = Keyring.from_nonces(f"{NONCE} new", accepts_simulated=True)
    new = replace(
        search,
        keyring=new_keys,
        settlement=type(search.settlement)(new_keys),
    )
    (found,) = await new.find(TO)
    assert found.receipt == old
    archive = store.providers.get("stripe").archive  # type: ignore[union-attr]
    assert archive is not None
    assert await archive.buyer_of("pi_another") == ("", "")
    # And its buyer is mailed when all orders are reissued.
    work = Reissue(
        database=store.ledger.database(),
        keyring=new_keys,
        providers=store.providers,
        shop=store.catalog.current.shop,
        base_url="https://shop.example",
        clock=store.clock,
    )
    outbox = Outbox(tmp_path / "outbox")
    (batch,) = [each async for each in work.send(outbox)]
    assert [each.outcome for each in batch] == [Disposition.MAILED]
    mail = outbox.read(outbox.pending()[0])
    assert isinstance(mail, ReceiptMail)
    assert (mail.to, mail.receipt) == (TO, old)
    body = mail_of(shop)._renderer.render(mail).as_string()
    assert "replace the key" in body


async def test_page_without_mail_says_what_else_to_do(store: Client) -> None:
    answer = await store.get("/lost")
    page = await answer.text()
    assert answer.status == 200
    assert "can't look up purchases" in page
    assert '<input id="mail"' not in page
    answer = await store.post("/lost", data={"mail": TO})
    assert answer.status == 404
    answer = await store.get("/lost", headers=JSON)
    assert (await answer.json())["available"] is False
