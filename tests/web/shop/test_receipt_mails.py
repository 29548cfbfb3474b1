# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts by mail, from the checkout to the outbox."""

import asyncio
import re
from email.headerregistry import Address
from ipaddress import ip_network

import pytest
from pydantic import SecretStr

from msrv.app import create_app
from msrv.mail.receipt_mail import ReceiptMail, ReceiptRenderer
from msrv.mail.smtp import TlsMode
from msrv.orders import rate_limits
from msrv.proofs import codes, receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings, WrongSetting
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.polling import wait_until
from tests.store_parts import mail_of, wait_for_database, with_mail

JSON = {"Accept": "application/json"}
TO = "buyer@example.net"


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


def queued_mails(store: Client) -> list[ReceiptMail]:
    """Return the mails in the outbox."""
    outbox = mail_of(store)._outbox
    found = [outbox.read(each) for each in outbox.pending()]
    return [each for each in found if isinstance(each, ReceiptMail)]


async def pay(store: Client, mail: str, item: str = "night-bus") -> str:
    """Buy as a browser does, and return the path of the receipt."""
    answer = await store.post(
        "/purchases", data={"item": item, "mail": mail}, allow_redirects=False
    )
    assert answer.status == 303, await answer.text()
    path = answer.headers["Location"]
    if path.startswith("/payments/"):
        form = {"answer": "pay"}
        answer = await store.post(path, data=form, allow_redirects=False)
        path = answer.headers["Location"]
    return path


async def test_mail_is_queued_before_the_receipt_is_shown(
    shop: Client, keyring: Keyring
) -> None:
    page = await (await shop.get("/checkout")).text()
    assert 'name="mail"' not in page  # an empty cart asks for nothing
    await shop.post("/cart", data={"add": "night-bus"})
    page = await (await shop.get("/checkout")).text()
    assert 'name="mail"' in page
    path, _, query = (await pay(shop, f" {TO} ")).partition("?")
    assert query == "mailed=b%E2%80%A6@example.net"
    (found,) = queued_mails(shop)
    assert found.to == TO
    assert found.receipt == receipts.read(keyring, path.rpartition("/")[2])
    assert found.titles == ("Night Bus",)
    # Not what was asked for by: a stranger can ask under any address.
    assert found.base_url == "https://shop.example"


async def test_order_has_one_mail_however_often_it_is_settled(
    shop: Client,
) -> None:
    """The webhook, the return and a double click queue the same mail."""
    answer = await shop.post(
        "/purchases",
        data={"item": "night-bus", "mail": TO},
        allow_redirects=False,
    )
    path = answer.headers["Location"]
    await asyncio.gather(
        *(shop.post(path, data={"answer": "pay"}) for _ in range(10))
    )
    assert len(queued_mails(shop)) == 1


async def test_store_without_mail_has_no_address_field(
    store: Client, settings: Settings
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    assert 'name="mail"' not in await (await store.get("/checkout")).text()
    assert 'name="mail"' not in await (await store.get("/redeem")).text()
    path = await pay(store, TO)
    page = await (await store.get(path)).text()
    assert "Keep this address" in page
    assert 'name="mail"' not in page
    answer = await store.post(f"{path}/mail", data={"mail": TO})
    assert answer.status == 404
    assert not (settings.data / "outbox").exists()


@pytest.mark.parametrize(
    "typed", ["you", "a@b.de, c@d.de", "a@b.de\r\nBcc: c@d.de"]
)
async def test_invalid_address_is_refused_before_the_payment(
    shop: Client, typed: str
) -> None:
    answer = await shop.post(
        "/purchases", data={"item": "night-bus", "mail": typed}, headers=JSON
    )
    assert (answer.status, (await answer.json())["field"]) == (400, "mail")
    assert queued_mails(shop) == []


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ("shop@exa_mple.org", "MSRV_MAIL_FROM: the domain contains '_'"),
        ("shop@localhost", "MSRV_MAIL_FROM: the domain must be like"),
        (
            "Wet Coats <jörg@example.org>",
            "MSRV_MAIL_FROM: contains non-ASCII characters",
        ),
    ],
)
def test_invalid_sender_is_refused_at_the_start(
    settings: Settings, keyring: Keyring, stated: str, why: str
) -> None:
    wrong = settings.model_copy(update={"mail_from": stated})
    with pytest.raises(WrongSetting, match=why):
        create_app(wrong, keyring)


async def test_domains_are_encoded_by_idna_2008(shop: Client) -> None:
    """`straße.de` is not `strasse.de`."""
    await pay(shop, "info@straße.de")
    await pay(shop, "jörg@example.org", "zine")
    assert {each.to for each in queued_mails(shop)} == {
        "info@xn--strae-oqa.de",
        "jörg@example.org",
    }


async def test_address_that_the_relay_does_not_support_is_refused(
    shop: Client,
) -> None:
    mail_of(shop)._no_smtputf8_at = shop.app[STORE].clock()
    form = {"item": "zine", "mail": "jörg@example.org"}
    answer = await shop.post("/purchases", data=form, headers=JSON)
    assert answer.status == 400
    assert "outside ASCII before the @" in (await answer.json())["message"]


async def test_receipt_of_a_redeemed_code_is_mailed_once(
    shop: Client, keyring: Keyring
) -> None:
    (code,) = codes.mint(keyring, "night-bus", "vinyl", [1])
    for number in range(3):
        shop.session.cookie_jar.clear()
        await shop.post(
            "/redeem", data={"code": code, "mail": f"{number}@example.net"}
        )
    assert [each.to for each in queued_mails(shop)] == ["0@example.net"]


@pytest.mark.parametrize(
    ("code", "mail"), [("ABCD", TO), ("", TO), (None, "kim@")]
)
async def test_form_of_a_code_keeps_what_was_typed(
    shop: Client, keyring: Keyring, code: str | None, mail: str
) -> None:
    (valid,) = codes.mint(keyring, "night-bus", "vinyl", [1])
    typed = valid if code is None else code
    answer = await shop.post("/redeem", data={"code": typed, "mail": mail})
    page = await answer.text()
    assert answer.status == 422
    assert f'name="code" value="{typed}"' in page
    (field,) = re.findall(r'<input[^>]*name="mail"[^>]*>', page)
    assert f'value="{mail}"' in field
    is_mistyped = code is None
    assert ('aria-describedby="mail-wrong"' in field) == is_mistyped
    assert ("Must be an email address" in page) == is_mistyped
    assert queued_mails(shop) == []
    # Nor was the code used up.
    answer = await shop.post("/redeem", data={"code": valid}, headers=JSON)
    assert answer.status == 201


async def test_receipt_can_be_mailed_again(shop: Client, clock: Clock) -> None:
    path = await pay(shop, "")
    assert queued_mails(shop) == []
    page = await (await shop.get(path)).text()
    assert f'action="{path}/mail"' in page
    answer = await shop.post(f"{path}/mail", data={"mail": TO})
    assert answer.status == 200
    assert "on its way to <bdi>b…@example.net</bdi>" in await answer.text()
    (found,) = queued_mails(shop)
    assert re.fullmatch(rf"[A-Z2-7]{{24}}-{clock.now}", found.mail_id)
    # The same in the same second is a double click.
    await shop.post(f"{path}/mail", data={"mail": TO})
    assert len(queued_mails(shop)) == 1
    clock.now += 1
    await shop.post(f"{path}/mail", data={"mail": TO})
    assert len(queued_mails(shop)) == 2
    answer = await shop.post(f"{path[:-1]}/mail", data={"mail": TO})
    assert answer.status == 404


@pytest.mark.parametrize("typed", ["kim@", ""])
async def test_text_that_is_no_address_is_shown_beside_its_field(
    shop: Client, typed: str
) -> None:
    path = await pay(shop, "")
    answer = await shop.post(f"{path}/mail", data={"mail": typed})
    page = await answer.text()
    assert answer.status == 422
    (field,) = re.findall(r'<input[^>]*name="mail"[^>]*>', page)
    assert f'value="{typed}"' in field
    assert 'aria-describedby="mail-wrong"' in field
    assert "Must be an email address like you@example.org." in page
    # Its links are those of the receipt.
    assert f'href="{path}.m3u8"' in page
    answer = await shop.post(
        f"{path}/mail", data={"mail": typed}, headers=JSON
    )
    assert (answer.status, (await answer.json())["field"]) == (400, "mail")
    assert queued_mails(shop) == []


async def test_mail_from_a_gifts_receipt_has_no_prices(
    shop: Client, keyring: Keyring
) -> None:
    path = await pay(shop, "")
    page = await (await shop.get(f"{path}?gift=1")).text()
    assert f'action="{path}/mail?gift=1"' in page
    form = {"mail": TO}
    answer = await shop.post(
        f"{path}/mail?gift=1", data=form, allow_redirects=False
    )
    back = answer.headers["Location"]
    assert back == f"{path}?gift=1&mailed=b%E2%80%A6@example.net"
    page = await (await shop.get(back)).text()
    assert "on its way" in page
    assert "€7.00" not in page
    (mail,) = queued_mails(shop)
    message = ReceiptRenderer(keyring, Address(addr_spec=TO)).render(mail)
    for part in message.walk():
        if not part.is_multipart():
            text = str(part.get_content())
            assert f"{path}?gift=1" in text
            assert "7.00" not in text
    for _ in range(rate_limits.MAILS.burst):
        answer = await shop.post(f"{path}/mail?gift=1", data=form)
    page = await answer.text()
    assert answer.status == 429
    assert f'action="{path}/mail?gift=1"' in page
    assert "€7.00" not in page


async def test_repeated_mails_are_limited(shop: Client, clock: Clock) -> None:
    """The response says when another mail can be requested."""
    path = await pay(shop, "")
    answers = []
    for _ in range(50):
        clock.now += 1
        answer = await shop.post(
            f"{path}/mail", data={"mail": TO}, headers=JSON
        )
        answers.append(answer.status)
    burst = rate_limits.MAILS.burst
    assert answers == [202] * burst + [429] * (50 - burst)
    assert (await answer.json())["error"] == "too_many_mails"
    assert len(queued_mails(shop)) == burst
    assert mail_of(shop).dropped == 50 - burst
    clock.now += int(answer.headers["Retry-After"])
    await shop.post(f"{path}/mail", data={"mail": TO})
    assert len(queued_mails(shop)) == burst + 1


async def test_receipt_page_says_that_it_was_not_mailed(
    shop: Client,
) -> None:
    path = await pay(shop, "")
    for _ in range(rate_limits.MAILS.burst):
        await shop.post(f"{path}/mail", data={"mail": TO})
    answer = await shop.post(f"{path}/mail", data={"mail": TO})
    page = await answer.text()
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "couldn't be emailed" in page
    assert "10 minutes" in page
    assert "Keep this address" in page
    assert "on its way" not in page
    assert f'action="{path}/mail"' in page


async def test_mails_of_free_orders_are_limited(
    shop: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        path = await pay(shop, TO, "zine")
        assert path.startswith("/purchases/")
    assert "couldn't be emailed" in await (await shop.get(path)).text()
    form = {"item": "zine", "mail": TO}
    answer = await shop.post("/purchases", data=form, headers=JSON)
    said = await answer.json()
    assert (answer.status, said["mail"]) == (201, "not sent")
    assert said["mail_retry_after"] > 0
    assert len(queued_mails(shop)) == rate_limits.MAILS.burst
    # What was paid for is not counted with it.
    assert "mail_wait" not in await pay(shop, TO)
    assert len(queued_mails(shop)) == rate_limits.MAILS.burst + 1
    # It is counted, and said once, without the address.
    figures = await (await shop.get("/-/metrics")).text()
    assert "msrv_mail_dropped_total 16.0" in figures
    assert 'msrv_limited_total{limit="mails"} 16.0' in figures
    said_lines = [
        each.getMessage()
        for each in caplog.records
        if "receipt mails dropped" in each.getMessage()
    ]
    assert len(said_lines) == 1
    assert TO not in caplog.text


async def test_spellings_of_one_mailbox_share_its_limit(
    start_store: StartStore, mailing_settings: Settings
) -> None:
    store = await start_store(
        mailing_settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    for number in range(60):
        spelling = ("victim+{}@Example.NET", "VICTIM@example.net")[number % 2]
        await store.post(
            "/purchases",
            data={"item": "zine", "mail": spelling.format(number)},
            headers=JSON | {"X-Forwarded-For": f"198.51.100.{number}"},
        )
    assert len(queued_mails(store)) == rate_limits.MAILS.burst


async def test_mails_of_free_orders_do_not_use_up_those_of_paid_ones(
    shop: Client, clock: Clock
) -> None:
    free = shop.app[STORE].limits.mails
    for number in range(rate_limits.ALL_MAILS.burst):
        free.spend(("network", number), now=clock.now)
    assert "mail_wait" in await pay(shop, "else@example.net", "zine")
    path, _, query = (await pay(shop, TO)).partition("?")
    assert "mail_wait" not in query
    answer = await shop.post(f"{path}/mail", data={"mail": TO}, headers=JSON)
    assert answer.status == 202
    assert [each.to for each in queued_mails(shop)].count(TO) == 2


async def test_mail_counts_once_in_the_total(
    shop: Client, clock: Clock
) -> None:
    await pay(shop, TO, "zine")
    rest = rate_limits.ALL_MAILS.burst - 1
    shop.app[STORE].limits.mails.check(now=clock.now, cost=rest)
    with pytest.raises(rate_limits.TooManyMails):
        shop.app[STORE].limits.mails.check(now=clock.now, cost=rest + 1)


async def test_second_click_is_not_another_mail(shop: Client) -> None:
    await shop.post("/cart", data={"add": "zine"})
    page = await (await shop.get("/checkout")).text()
    form = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="(.+?)"', page)
    )
    paths = set()
    for _ in range(2 * rate_limits.MAILS.burst):
        answer = await shop.post(
            "/purchases", data=form | {"mail": TO}, allow_redirects=False
        )
        paths.add(answer.headers["Location"])
    assert len(paths) == 1
    assert "mail_wait" not in paths.pop()


async def test_relay_accepts_the_mail(
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
        path = await pay(store, TO)
        await wait_until(lambda: handler.mails)
        await wait_until(lambda: mail_of(store).sent)
        await wait_until(lambda: queued_mails(store) == [])
        body = handler.mails[0].get_body(("plain",))
        assert body is not None
        receipt = path.partition("?")[0]
        assert f"https://shop.example{receipt}" in body.get_content()
        figures = await (await store.get("/-/metrics")).text()
        assert "msrv_mail_sent_total 1.0" in figures
        assert "msrv_mail_waiting 0.0" in figures
