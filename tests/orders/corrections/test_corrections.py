# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Corrections: from a changed folder to one mail for each buyer who asked."""

import asyncio
import re
from pathlib import Path

import pytest

from msrv.ledger.buyer_data.order_rows import erase_rows, read_rows
from msrv.ledger.corrections import requests as request_rows
from msrv.ledger.db import schema
from msrv.ledger.errors import DatabaseUnavailable
from msrv.ledger.events import WHOLE_ORDER, Revoked
from msrv.mail.corrections.correction_mail import CorrectionMail
from msrv.mail.rendering import parse_mail
from msrv.orders.corrections import worker
from msrv.orders.corrections.worker import CorrectionMailer
from msrv.proofs import receipts
from msrv.web.store import STORE
from tests.conftest import Client, Clock
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import come_back, order
from tests.polling import wait_until
from tests.store_parts import ledger_of, mail_of, rows
from tests.wav_files import write_wav

JSON = {"Accept": "application/json"}
TO = "ada@example.net"
HOUR = worker.SETTLED_SECONDS


async def instantly(seconds: float) -> None:
    """Do not wait."""
    await asyncio.sleep(0 * seconds)


def mailer_of(store: Client) -> CorrectionMailer:
    """Return a replica's worker that doesn't run by itself."""
    return CorrectionMailer(store.app[STORE].corrections.requests, instantly)


async def buy(
    store: Client, bank: FakeStripe, *items: str, email: str = TO
) -> str:
    """Buy at Stripe, with an address; return the receipt's path."""
    session = bank.pay(
        await order(store, bank, *items, accept_language="de"),
        customer_details={"email": email},
    )
    status, where = await come_back(store, session)
    assert status == 303
    store.session.cookie_jar.clear()
    return where


async def ask(store: Client, path: str, language: str = "de") -> None:
    """Press the button of a receipt."""
    answer = await store.post(
        f"{path}/corrections",
        headers={"Accept-Language": language},
        allow_redirects=False,
    )
    assert answer.status == 303, await answer.text()
    assert answer.headers["Location"] == f"{path}/corrections"


def mails_of(store: Client) -> list[CorrectionMail]:
    """Return the mails about corrections in the outbox."""
    outbox = mail_of(store)._outbox
    found = [outbox.read(each) for each in outbox.pending()]
    return [each for each in found if isinstance(each, CorrectionMail)]


async def reread(store: Client) -> None:
    """Wait until the library was read after a change."""
    catalog = store.app[STORE].catalog
    before = catalog.current.version
    await wait_until(lambda: catalog.current.version != before)


async def settle(mailer: CorrectionMailer, clock: Clock) -> None:
    """Let an hour pass without a change."""
    await mailer.watch()
    clock.now += HOUR
    await mailer.watch()


async def test_changes_that_settled_are_mailed_once_with_a_way_to_stop(
    shop: Client, bank: FakeStripe, clock: Clock, library: Path
) -> None:
    path = await buy(shop, bank, "night-bus")
    page = await (await shop.get(path)).text()
    assert f'action="{path}/corrections"' in page
    await ask(shop, path)
    receipt = receipts.read(shop.app[STORE].keyring, path.rpartition("/")[2])
    (held,) = await rows(shop, schema.correction_requests)
    assert (held["order_id"], held["language"]) == (receipt.order_id, "de")
    mailer = mailer_of(shop)
    album = library / "Night Bus"
    write_wav(album / "03 Terminus.wav", pitch=550)
    await reread(shop)
    await mailer.watch()
    clock.now += HOUR - 1
    # Not quiet for an hour yet: the upload goes on.
    write_wav(album / "02 Wrong Stop.wav", pitch=331)
    await reread(shop)
    await mailer.watch()
    clock.now += HOUR - 1
    await mailer.watch()
    await mailer.mail_due()
    assert mails_of(shop) == []
    clock.now += 1
    await mailer.watch()
    # Two replicas, one mail.
    other = mailer_of(shop)
    await asyncio.gather(mailer.mail_due(), other.mail_due())
    (mail,) = mails_of(shop)
    assert parse_mail(mail.to_json()) == mail
    assert (mail.to, mail.language) == (TO, "de")
    (release,) = mail.releases
    assert release.title == "Night Bus"
    assert release.added == ("Terminus",)
    assert release.changed == ("Wrong Stop",)
    # What changes on the same day waits for the next, and is one mail.
    for number in range(2):
        write_wav(album / f"0{4 + number} Encore.wav", pitch=600 + number)
        await reread(shop)
        await settle(mailer, clock)
        await mailer.mail_due()
    assert len(mails_of(shop)) == 1
    clock.now += worker.DAY_SECONDS
    await mailer.mail_due()
    first, second = sorted(mails_of(shop), key=lambda each: each.written_at)
    assert first == mail
    assert len(second.releases[0].added) == 2
    assert second.releases[0].changed == ()


async def test_a_mail_has_a_link_that_stops_the_next_ones(
    shop: Client, bank: FakeStripe, clock: Clock, library: Path
) -> None:
    path = await buy(shop, bank, "night-bus")
    await ask(shop, path)
    mailer = mailer_of(shop)
    write_wav(library / "Night Bus" / "03 Terminus.wav", pitch=550)
    await reread(shop)
    await settle(mailer, clock)
    await mailer.mail_due()
    (mail,) = mails_of(shop)
    message = mail_of(shop)._renderer.render(mail)
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert f"https://shop.example{path}" in text
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stop = re.fullmatch(
        r"<https://shop\.example(/corrections/[A-Z2-7]{24}\.[\w-]{24})>",
        message["List-Unsubscribe"],
    )
    assert stop is not None
    assert stop[1] in text
    # Opened, it asks first; a program that looks at links stops nothing.
    assert (
        '<form class="stack" method="post">'
        in await (await shop.get(stop[1])).text()
    )
    assert len(await rows(shop, schema.correction_requests)) == 1
    one_click = await shop.post(
        stop[1], data={"List-Unsubscribe": "One-Click"}, headers=JSON
    )
    assert await one_click.json() == {
        "order_id": mail.receipt.order_id,
        "asked": False,
    }
    assert await rows(shop, schema.correction_requests) == []
    forged = await shop.post(f"{stop[1][:-1]}{'AB'[stop[1][-1] == 'A']}")
    assert forged.status == 404
    write_wav(library / "Night Bus" / "09 Late.wav", pitch=700)
    await reread(shop)
    await settle(mailer, clock)
    clock.now += worker.DAY_SECONDS
    await mailer.mail_due()
    assert mails_of(shop) == [mail]


async def test_each_order_hears_of_what_it_has_and_none_that_was_refunded(
    shop: Client, bank: FakeStripe, clock: Clock, library: Path
) -> None:
    track = await buy(shop, bank, "departure", email="track@example.net")
    whole = await buy(shop, bank, "night-bus", email="whole@example.net")
    other = await buy(shop, bank, "umbrella", email="other@example.net")
    gone = await buy(shop, bank, "night-bus", email="gone@example.net")
    for each in (track, whole, other, gone):
        await ask(shop, each)
    keyring = shop.app[STORE].keyring
    refunded = receipts.read(keyring, gone.rpartition("/")[2]).order_id
    await ledger_of(shop).record(
        Revoked(refunded, WHOLE_ORDER, clock.now * 1000, "cli")
    )
    await rows(shop, schema.orders)
    mailer = mailer_of(shop)
    album = library / "Night Bus"
    # Renamed, and put back: neither is news.
    (album / "Lyrics.pdf").rename(album / "Words.pdf")
    write_wav(album / "02 Wrong Stop.wav", pitch=333)
    await reread(shop)
    await settle(mailer, clock)
    await mailer.mail_due()
    (mail,) = mails_of(shop)
    assert mail.to == "whole@example.net"
    assert mail.releases[0].added == ()
    assert mail.releases[0].changed == ("Wrong Stop",)
    asked = await rows(shop, schema.correction_requests)
    assert refunded not in {each["order_id"] for each in asked}
    assert len(asked) == 3


async def test_an_outage_or_a_kill_delays_mails_and_doubles_none(
    shop: Client,
    bank: FakeStripe,
    clock: Clock,
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        path = await buy(
            shop, bank, "night-bus", email=f"buyer{number}@example.net"
        )
        await ask(shop, path)
    mailer = mailer_of(shop)
    write_wav(library / "Night Bus" / "03 Terminus.wav", pitch=550)
    await reread(shop)
    await settle(mailer, clock)
    # Stripe fails for the first buyer, whom the others don't wait for.
    bank.faults = [500] * 3
    await mailer.mail_due()
    assert len(mails_of(shop)) == 2
    # Killed between storing the mail and recording that.
    mark_told = request_rows.mark_told
    monkeypatch.setattr(request_rows, "mark_told", _killed)
    clock.now += worker.RETRY_SECONDS
    with pytest.raises(DatabaseUnavailable):
        await mailer.mail_due()
    stored = mails_of(shop)
    assert len(stored) == 3
    monkeypatch.setattr(request_rows, "mark_told", mark_told)
    clock.now += worker.CLAIM_SECONDS
    await mailer.mail_due()
    assert mails_of(shop) == stored
    told = await rows(shop, schema.correction_requests)
    assert {each["told_number"] for each in told} == {1}


async def _killed(*_: object) -> None:
    raise DatabaseUnavailable("gone")


async def test_an_order_without_an_address_is_told_so_and_not_stored(
    shop: Client, bank: FakeStripe
) -> None:
    path = await buy(shop, bank, "night-bus", email="")
    answer = await shop.post(f"{path}/corrections", headers=JSON)
    assert answer.status == 409
    assert (await answer.json())["error"] == "no_address"
    assert await rows(shop, schema.correction_requests) == []
    free = await shop.post("/purchases", data={"item": "zine"}, headers=JSON)
    receipt = (await free.json())["receipt"].rpartition("/purchases/")[2]
    page = await shop.get(f"/purchases/{receipt}")
    shown = await page.text()
    assert "/corrections" not in shown
    # A buyer who could ask elsewhere is told why not here.
    assert "it keeps no address of free downloads" in shown
    assert "it keeps no address" not in await (await shop.get(path)).text()
    gift = await (await shop.get(f"{path}?gift=1")).text()
    assert "it keeps no address of free downloads" in gift
    refused = await shop.post(f"/purchases/{receipt}/corrections")
    assert refused.status == 404


async def test_an_erased_order_is_forgotten_and_an_export_names_it(
    shop: Client, bank: FakeStripe
) -> None:
    path = await buy(shop, bank, "night-bus")
    await ask(shop, path, "fr")
    ledger = ledger_of(shop)
    (held,) = await rows(shop, schema.correction_requests)
    async with ledger.write_transaction() as connection:
        found = await read_rows(connection, held["order_id"])
        assert found.erasable["correction_requests"] == [held]
        await erase_rows(connection, held["order_id"])
    assert await rows(shop, schema.correction_requests) == []
