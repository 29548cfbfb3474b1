# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Gifts: the receipt goes to another person, the bill to the payer."""

import re
from email.message import EmailMessage
from urllib.parse import unquote

import pytest
from multidict import MultiDict
from pydantic import SecretStr

from msrv.mail.failed_mails import FailedMail
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from msrv.mail.smtp import TlsMode
from msrv.orders import rate_limits
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.polling import wait_until
from tests.store_parts import mail_of, wait_for_database, with_mail

JSON = {"Accept": "application/json"}
PAYER = "payer@example.net"
GIFT = {
    "item": "night-bus",
    "gift": "1",
    "gift_to": "kim@example.org",
    "gift_note": "Happy birthday, Kim.\r\nFor the <b>train</b>",
    "gift_from": "Robin",
}


@pytest.fixture
def mailing_settings(settings: Settings) -> Settings:
    """Return settings with an unreachable mail server."""
    return with_mail(settings)


@pytest.fixture
async def shop(start_store: StartStore, mailing_settings: Settings) -> Client:
    """Return a store that queues mail; its server is unreachable."""
    store = await start_store(mailing_settings)
    await wait_for_database(store)
    return store


def queued_mails(store: Client) -> dict[MailKind, ReceiptMail]:
    """Return the mails in the outbox, by kind."""
    outbox = mail_of(store)._outbox
    found = [outbox.read(each) for each in outbox.pending()]
    return {each.kind: each for each in found if isinstance(each, ReceiptMail)}


async def pay(store: Client, **form: str) -> str:
    """Pay as a browser does, and return the address of the page after it."""
    answer = await store.post(
        "/purchases", data=GIFT | form, allow_redirects=False
    )
    assert answer.status == 303, await answer.text()
    path = answer.headers["Location"]
    for text in (GIFT["gift_to"], GIFT["gift_note"], GIFT["gift_from"]):
        assert text not in unquote(path)
    answer = await store.post(
        path, data={"answer": "pay"}, allow_redirects=False
    )
    return answer.headers["Location"]


def receipt_in(page: str, keyring: Keyring) -> receipts.Receipt:
    """Return the receipt that a page leads to."""
    found = re.search(r"/purchases/([\w.-]+)\?gift=1", page)
    assert found is not None
    return receipts.read(keyring, found[1])


async def test_payer_without_mail_passes_on_a_link(
    store: Client, keyring: Keyring
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    page = await (await store.get("/checkout")).text()
    assert 'name="gift"' in page
    assert 'name="gift_note"' in page
    assert 'name="gift_to"' not in page
    path = await pay(store)
    assert path.startswith("/gifts/")
    answer = await store.get(path)
    assert answer.headers["Cache-Control"] == "private, no-store"
    page = await answer.text()
    assert "Bill" in page
    assert "€7.00" in page
    assert "/download/" not in page
    receipt = receipt_in(page, keyring)
    shown = await (await store.get(path, headers=JSON)).json()
    assert shown["order_id"] == receipt.order_id
    assert shown["sent_to"] is None

    card = await (await store.get(f"{path}/card")).text()
    assert receipt_in(card, keyring) == receipt
    assert "Happy birthday, Kim.\nFor the &lt;b&gt;train" in card
    assert "Robin" in card
    assert "The Wet Coats" in card
    assert "€7.00" not in card
    answer = await store.post(f"{path}/mail")
    assert answer.status == 404


async def test_recipient_gets_the_receipt_and_the_payer_a_bill(
    shop: Client, keyring: Keyring
) -> None:
    path = await pay(shop, mail=PAYER)
    mails = queued_mails(shop)
    assert set(mails) == {MailKind.GIFT, MailKind.BILL}
    gift, bill = mails[MailKind.GIFT], mails[MailKind.BILL]
    assert (gift.to, bill.to) == ("kim@example.org", PAYER)
    assert gift.receipt == bill.receipt
    assert gift.gift.sender == "Robin"
    assert gift.gift.note == "Happy birthday, Kim.\nFor the <b>train</b>"
    page = await (await shop.get(path)).text()
    assert "k…@example.org" in page
    assert "kim@example.org" not in page
    assert "/purchases/" not in page.partition("<main")[2]
    # The way out, should the mail not arrive.
    card = await (await shop.get(f"{path}/card")).text()
    assert receipt_in(card, keyring) == gift.receipt


async def test_gift_has_each_mail_once_however_often_it_is_settled(
    shop: Client,
) -> None:
    form = GIFT | {"mail": PAYER}
    answer = await shop.post("/purchases", data=form, allow_redirects=False)
    path = answer.headers["Location"]
    for _ in range(3):
        await shop.post(path, data={"answer": "pay"})
    assert len(mail_of(shop)._outbox.pending()) == 2


def body_of(mail: EmailMessage, part: str) -> str:
    """Return a mail's text, or its HTML."""
    found = mail.get_body((part,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


async def test_gift_is_mailed_by_the_relay(
    start_store: StartStore, mailing_settings: Settings
) -> None:
    handler = Handler()
    async with relay(handler, TlsMode.NONE, Authority.make()) as found:
        port = found._settings.port
        store = await start_store(
            mailing_settings.model_copy(
                update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")}
            )
        )
        await pay(store, mail=PAYER)
        await wait_until(lambda: len(handler.mails) == 2)
        by_address = {mail["To"]: mail for mail in handler.mails}
        gift, bill = by_address["kim@example.org"], by_address[PAYER]
        assert gift["Subject"] == "A gift for you from Wet Coats"
        assert bill["Subject"] == "Your bill from Wet Coats"
        for part in ("plain", "html"):
            text = body_of(gift, part)
            assert "Happy birthday, Kim." in text
            assert "Robin" in text
            assert "?gift=1" in text
            assert "€7.00" not in text
            assert "<b>train" not in text or part == "plain"
            text = body_of(bill, part)
            assert "k…@example.org" in text
            assert "€7.00" in text
            assert "/purchases/" not in text
            assert "Robin" not in text


async def test_payer_is_told_when_the_mail_failed(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    path = await pay(shop)
    order_id = queued_mails(shop)[MailKind.GIFT].receipt.order_id
    failures = mail_of(shop).recent_failures
    told = "couldn't be delivered to <bdi>k…@example.org"
    # The receipt was sent.
    for kind in ("withdrawal", "bill", "found", "refund", "receipt"):
        failures.append(FailedMail(kind, order_id, "", "no", clock.now))
    page = await (await shop.get(path)).text()
    assert told not in page
    failures.append(
        FailedMail("gift", order_id, "", "no such mailbox", clock.now)
    )
    page = await (await shop.get(path)).text()
    assert told in page
    assert receipt_in(page, keyring).order_id == order_id
    # It is on its way again.
    page = await (await shop.post(f"{path}/mail")).text()
    assert told not in page
    assert "on its way to <bdi>k…@example.org" in page
    assert "gift" not in {each.kind for each in failures}
    failures.append(FailedMail("gift", order_id, "", "again", clock.now))
    assert told in await (await shop.get(f"{path}?sent=1")).text()


async def test_gift_can_be_mailed_again_within_limits(
    shop: Client, keyring: Keyring, clock: Clock
) -> None:
    path = await pay(shop)
    answer = await shop.post(f"{path}/mail")
    assert answer.status == 200
    assert "on its way to <bdi>k…@example.org" in await answer.text()
    ids = mail_of(shop)._outbox.pending()
    assert any(each.endswith(f"-gift-{clock.now}") for each in ids)
    for _ in range(rate_limits.MAILS.burst):
        clock.now += 1
        answer = await shop.post(f"{path}/mail")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    page = await answer.text()
    assert "couldn't be emailed" in page
    receipt_in(page, keyring)
    answer = await shop.post(f"{path}/mail", headers=JSON)
    assert answer.status == 429
    answer = await shop.post(f"{path[:-1]}/mail")
    assert answer.status == 404


async def test_simulated_gifts_do_not_send_mail_without_a_limit(
    shop: Client, keyring: Keyring
) -> None:
    paths = [
        await pay(shop, gift_note=f"note {at}")
        for at in range(rate_limits.MAILS.burst + 1)
    ]
    pending = mail_of(shop)._outbox.pending()
    assert len(pending) == rate_limits.MAILS.burst
    assert "mail_wait=" in paths[-1]
    page = await (await shop.get(paths[-1])).text()
    assert "couldn't be emailed" in page
    receipt_in(page, keyring)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gift_to": "kim@nowhere"}, "Must be an email address"),
        ({"gift_note": "a" * 301}, "Can have up to 300 characters; it has"),
        ({"gift_note": "a\n" * 9 + "a"}, "Can have up to 8 lines"),
        ({"gift_from": "a" * 61}, "Can have up to 60 characters"),
        ({"gift_note": "see https://evil.example"}, "contain web or email"),
        ({"gift_note": "see www.evil"}, "contain web or email"),
        ({"gift_note": "see evil.example/now"}, "contain web or email"),
        ({"gift_note": "ask me@there"}, "contain web or email"),
        ({"gift_from": "evil.example"}, "contain web or email"),
    ],
)
async def test_wrong_fields_are_named_and_what_was_typed_is_kept(
    shop: Client, changed: dict[str, str], message: str
) -> None:
    await shop.post("/cart", data={"add": "night-bus"})
    form = GIFT | {"mail": PAYER} | changed
    answer = await shop.post("/purchases", data=form)
    assert answer.status == 422
    page = await answer.text()
    assert message in page
    assert 'value="1" checked' in page
    (field, typed) = next(iter(changed.items()))
    assert re.search(rf'name="{field}"[^>]* aria-invalid="true"', page)
    assert typed in page
    assert PAYER in page
    answer = await shop.post("/purchases", data=form, headers=JSON)
    assert (await answer.json())["error"] == "bad_field"


@pytest.mark.parametrize("note", ["3.50 z.B. heute", "So. And so on.", "a:b"])
async def test_usual_punctuation_is_no_address(
    shop: Client, note: str
) -> None:
    await pay(shop, gift_note=note)
    assert queued_mails(shop)[MailKind.GIFT].gift.note == note


async def test_header_cannot_be_injected(shop: Client) -> None:
    answer = await shop.post(
        "/purchases",
        data=GIFT | {"gift_to": "kim@example.org\r\nBcc: all@example.net"},
    )
    assert answer.status in {400, 422}
    await pay(shop, gift_from="Robin\r\nBcc: someone")
    mail = queued_mails(shop)[MailKind.GIFT]
    assert mail.gift.sender == "Robin Bcc: someone"


async def test_fields_of_an_unticked_gift_do_not_count(store: Client) -> None:
    answer = await store.post(
        "/purchases", data=GIFT | {"gift": ""}, allow_redirects=False
    )
    answer = await store.post(
        answer.headers["Location"],
        data={"answer": "pay"},
        allow_redirects=False,
    )
    assert answer.headers["Location"].startswith("/purchases/")


async def test_free_order_cannot_send_a_note_to_anyone(shop: Client) -> None:
    await shop.post("/cart", data={"add": "zine"})
    page = await (await shop.get("/checkout")).text()
    assert 'name="gift"' not in page
    answer = await shop.post("/purchases", data=GIFT | {"item": "zine"})
    assert answer.status == 422
    assert "possible for a free order" in await answer.text()
    assert mail_of(shop)._outbox.pending() == []


async def test_program_gets_the_bill_of_a_gift(
    shop: Client, keyring: Keyring
) -> None:
    form = MultiDict(GIFT)
    answer = await shop.post("/purchases", data=form, headers=JSON)
    assert answer.status == 201
    bought = await answer.json()
    assert set(bought) == {"bill", "order_id", "mail"}
    path = "/" + bought["bill"].split("/", 3)[3]
    shown = await (await shop.get(path, headers=JSON)).json()
    assert shown["sent_to"] == "k…@example.org"
    assert receipt_in(shown["receipt"], keyring).order_id == shown["order_id"]


async def test_release_page_leads_to_the_checkout_of_a_gift(
    store: Client,
) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    assert 'name="give" value="night-bus"' in page
    answer = await store.post("/cart", data={"give": "night-bus"})
    assert answer.url.path_qs == "/checkout?gift=EUR"
    assert 'value="1" checked' in await answer.text()
    page = await (await store.get("/checkout?gift=JPY")).text()
    assert 'value="1" checked' not in page
