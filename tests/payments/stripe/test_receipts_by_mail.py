# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipt mails of orders that were paid at Stripe."""

import errno
import os

import pytest
from pydantic import SecretStr

from msrv.ledger.db import schema
from msrv.mail.receipt_mail import ReceiptMail
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    receipt_at,
    rows,
    tell,
)
from tests.polling import wait_until
from tests.store_parts import mail_of
from tests.store_process import free_port

DONE = "checkout.session.completed"
TO = "buyer@example.net"


@pytest.fixture
async def shop(start_store: StartStore, settings: Settings) -> Client:
    """A store that sends mail, while its SMTP server is down."""
    return await start_store(
        settings.model_copy(
            update={
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
                "mail_from": "shop@example.org",
                "public_url": "https://shop.example",
            }
        )
    )


def letters(store: Client) -> list[ReceiptMail]:
    """Return the mails in the outbox."""
    outbox = mail_of(store)._outbox
    found = [outbox.read(each) for each in outbox.pending()]
    return [each for each in found if isinstance(each, ReceiptMail)]


async def test_webhook_before_the_return_sends_one_mail(
    shop: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    session = bank.pay(await order(shop, bank, mail=TO))
    assert await tell(shop, bank, bank.event(DONE, session)) == 200
    await followed(shop)
    (letter,) = letters(shop)
    assert letter.to == TO
    assert letter.base_url == "https://shop.example"
    # Stripe tells twice, and then the buyer comes back, twice.
    assert await tell(shop, bank, bank.event(DONE, session)) == 200
    await followed(shop)
    for _ in range(2):
        status, location = await come_back(shop, session)
        assert status == 303
    assert letters(shop) == [letter]
    assert letter.receipt == receipt_at(location, keyring)
    # It is in the outbox and nowhere else.
    (sold,) = await rows(shop, schema.orders)
    assert sold["order_id"] == letter.receipt.order_id
    assert TO not in str(sold)


async def test_webhook_waits_until_its_mail_can_be_stored(
    shop: Client, bank: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buyer who never comes back has no other way to the receipt."""
    session = bank.pay(await order(shop, bank, mail=TO))

    def add(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(mail_of(shop)._outbox, "add", add)
        assert await tell(shop, bank, bank.event(DONE, session)) == 200
        worker = shop.app[STORE].webhooks
        await wait_until(lambda: bool(worker._retries))
    assert letters(shop) == []
    await followed(shop)
    assert len(letters(shop)) == len(await rows(shop, schema.orders)) == 1


async def test_return_before_the_webhook_sends_one_mail(
    shop: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(shop, bank, mail=TO))
    assert (await come_back(shop, session))[0] == 303
    (letter,) = letters(shop)
    assert await tell(shop, bank, bank.event(DONE, session)) == 200
    await followed(shop)
    assert letters(shop) == [letter]


async def test_order_without_an_address_sends_no_mail(
    shop: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(shop, bank))
    assert await tell(shop, bank, bank.event(DONE, session)) == 200
    await followed(shop)
    assert letters(shop) == []


@pytest.mark.parametrize("first", ["webhook", "return"])
async def test_mail_is_in_the_language_of_the_checkout(
    shop: Client, bank: FakeStripe, first: str
) -> None:
    """The webhook has no visitor, and another browser may come back."""
    session = bank.pay(
        await order(shop, bank, mail=TO, accept_language="de-AT,de;q=0.9")
    )
    if first == "webhook":
        assert await tell(shop, bank, bank.event(DONE, session)) == 200
        await followed(shop)
    else:
        assert (await come_back(shop, session))[0] == 303
    (letter,) = letters(shop)
    # Prices are written as in Austria, whichever languages have texts.
    assert letter.language.endswith("de_AT")


GIFT = {"gift": "1", "gift_to": "kim@example.org", "gift_note": "Hello"}


async def test_gift_of_what_was_bought_before_is_placed(
    shop: Client, bank: FakeStripe
) -> None:
    """Also by a buyer who paid, and never came back to the store."""
    bank.pay(await order(shop, bank, mail=TO))
    await order(shop, bank, mail=TO, **GIFT)
    assert len(bank.sessions) == 2


async def test_what_was_given_before_is_sold_to_the_payer(
    shop: Client, bank: FakeStripe
) -> None:
    bank.pay_later(await order(shop, bank, mail=TO, **GIFT))
    await order(shop, bank, mail=TO)
    assert len(bank.sessions) == 2
