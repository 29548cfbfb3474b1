# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to the seller: each event once, whichever replica tells it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from msrv.ledger.db.feed import consumers
from msrv.ledger.errors import LedgerError
from msrv.ledger.events import PaymentEvent, Revoked
from msrv.mail.outbox import Outbox
from msrv.mail.rendering import Mail
from msrv.mail.smtp import TlsMode
from msrv.notifications.notifier import MailNotStored, SellerNotifier
from msrv.proofs.keyring import Keyring
from msrv.settings import NotifyTopic, Settings
from msrv.web.store import STORE, Store
from tests.conftest import Client, Clock, StartStore
from tests.ledger.sample_events import order_id
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.notifications.replicas import (
    TO,
    Replica,
    record,
    sold,
    started,
)
from tests.polling import wait_until

StartReplica = Callable[..., Awaitable[tuple[SellerNotifier, Outbox]]]


async def test_each_event_is_told_once_by_one_of_two_replicas(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    one = Replica(shop, tmp_path / "one", keyring)
    two = Replica(shop, tmp_path / "two", keyring)
    await record(shop, sold(1, clock.now, 900))  # before there was a seller
    await one.notifier.tell_events()
    await two.notifier.tell_events()
    assert one.mails == two.mails == []
    await record(shop, sold(2, clock.now, 700, 300))
    await two.notifier.tell_events()
    await one.notifier.tell_events()
    (mail,) = two.mails
    assert one.mails == []
    assert mail.to == TO
    assert mail.subject == "Sold: Night-Bus and 1 more, €10.00"
    ((row,),) = [each.rows for each in mail.sections]
    assert row.figure == "€10.00"
    assert row.url == f"https://shop.example/studio/orders/{order_id(2)}"
    # Within the pause, everything is gathered into one mail.
    await record(shop, sold(3, clock.now, 100))
    await record(
        shop,
        Revoked(order_id(2), "zine", clock.now * 1000, "stripe"),
        PaymentEvent(
            "stripe",
            "evt_1",
            "charge.dispute.created",
            order_id(3),
            clock.now,
        ),
        sold(4, clock.now, 0),  # free
    )
    clock.now += 299
    await one.notifier.tell_events()
    assert one.mails == []
    clock.now += 1
    for each in (one, two, one):
        await each.notifier.tell_events()
    assert len(two.mails) == 1
    (mail,) = one.mails
    assert mail.subject == "3 events in your store"
    assert [
        (section.heading, [(row.text, row.figure) for row in section.rows])
        for section in mail.sections
    ] == [
        ("Sales", [("Night-Bus", "€1.00")]),
        ("Refunds", [("Zine", "€3.00")]),
        ("Disputes", [("Night-Bus", "")]),
    ]


async def test_topic_that_is_added_later_tells_nothing_from_before(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    none = Replica(
        shop,
        tmp_path / "none",
        keyring,
        topics=frozenset({NotifyTopic.WEEKLY}),
    )
    sales = Replica(shop, tmp_path / "sales", keyring)
    await none.notifier.tell_events()
    await record(shop, sold(1, clock.now, 700))
    await none.notifier.tell_events()
    await sales.notifier.tell_events()
    assert none.mails == sales.mails == []
    await record(shop, sold(2, clock.now, 300))
    await sales.notifier.tell_events()
    assert [each.subject for each in sales.mails] == ["Sold: Night-Bus, €3.00"]


async def test_notifications_that_were_off_tell_the_last_day_alone(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    before = Replica(shop, tmp_path / "before", keyring)
    await before.notifier.tell_events()
    # On, and nothing happens for a week: the mark stays new.
    for _ in range(7 * 24):
        clock.now += 3600
        await before.notifier.tell_events()
    await record(shop, sold(1, clock.now - 2 * 86_400, 100))
    again = Replica(shop, tmp_path / "again", keyring)
    await again.notifier.tell_events()
    # It was reported late.
    assert [each.subject for each in again.mails] == ["Sold: Night-Bus, €1.00"]
    # Off for three days.
    for number in range(2, 5):
        await record(shop, sold(number, clock.now, number * 100))
        clock.now += 86_400
    await record(shop, sold(5, clock.now - 600, 500))
    after = Replica(shop, tmp_path / "after", keyring)
    for _ in range(3):
        await after.notifier.tell_events()
    assert [each.subject for each in after.mails] == ["Sold: Night-Bus, €5.00"]
    # On again, everything is told, whenever it happened.
    clock.now += 300
    await record(shop, sold(6, clock.now - 5 * 86_400, 600))
    await after.notifier.tell_events()
    assert len(after.mails) == 2


async def test_clock_that_was_ahead_delays_no_mail(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    one = Replica(shop, tmp_path / "one", keyring)
    await one.notifier.tell_events()
    now = clock.now
    clock.now += 400 * 86_400
    await record(shop, sold(1, clock.now, 100))
    await one.notifier.tell_events()
    assert len(one.mails) == 1
    clock.now = now
    for number in (2, 3):
        await record(shop, sold(number, clock.now, 100))
        await one.notifier.tell_events()
        assert len(one.mails) == number
        await one.notifier.tell_events()
        clock.now += 3600
    assert len(one.mails) == 3


async def test_mail_that_is_stored_while_the_store_stops_is_told(
    shop: Store,
    tmp_path: Path,
    keyring: Keyring,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("msrv.tasks.CANCEL_AGAIN_SECONDS", 60.0)
    one = Replica(shop, tmp_path / "one", keyring)
    two = Replica(shop, tmp_path / "two", keyring)
    await one.notifier.tell_events()
    await record(shop, sold(1, clock.now, 700))
    stored, goes_on = asyncio.Event(), asyncio.Event()
    enqueue = one.mail.enqueue

    async def enqueue_slowly(mail: Mail) -> bool:
        is_stored = await enqueue(mail)
        stored.set()
        await goes_on.wait()
        return is_stored

    monkeypatch.setattr(one.mail, "enqueue", enqueue_slowly)
    await one.notifier.__aenter__()
    await stored.wait()
    stop = asyncio.create_task(one.notifier.__aexit__(None, None, None))
    await asyncio.sleep(0)  # it has been cancelled
    goes_on.set()
    await stop
    clock.now += 3600
    await two.notifier.tell_events()
    assert (len(one.mails), len(two.mails)) == (1, 0)


async def test_event_waits_while_the_outbox_or_the_ledger_is_away(
    shop: Store,
    tmp_path: Path,
    keyring: Keyring,
    clock: Clock,
    start_store: StartStore,
    notifying_settings: Settings,
) -> None:
    full = Replica(shop, tmp_path / "full", keyring)
    other = Replica(shop, tmp_path / "other", keyring)
    await full.notifier.tell_events()
    await record(shop, sold(1, clock.now, 700))
    full.outbox.folder.write_text("in the way of the folder")
    with pytest.raises(MailNotStored):
        await full.notifier.tell_events()
    await other.notifier.tell_events()
    assert [each.subject for each in other.mails] == ["Sold: Night-Bus, €7.00"]
    away = notifying_settings.model_copy(
        update={
            "database": SecretStr("mysql://a:b@127.0.0.1:1/x"),
            "data": tmp_path / "away",
            "notify": (),
        }
    )
    client: Client = await start_store(away)
    assert client.app is not None
    offline = client.app[STORE]
    await offline.ledger.record_sale(sold(2, clock.now, 100))
    late = Replica(offline, tmp_path / "late", keyring)
    with pytest.raises(LedgerError):
        await late.notifier.tell_events()
    assert late.mails == []


async def test_running_store_mails_a_sale_in_its_own_language(
    start_store: StartStore,
    notifying_settings: Settings,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("msrv.notifications.notifier.POLL_SECONDS", 0.05)
    toml = notifying_settings.library_folder / "store.toml"
    toml.write_text('name = "Nasse Jacken"\nlanguage = "de"\n')
    handler = Handler()
    async with relay(handler, TlsMode.NONE, Authority.make()) as found:
        port = found._settings.port
        url = SecretStr(f"smtp://127.0.0.1:{port}")
        shop = await started(
            start_store,
            notifying_settings.model_copy(
                update={
                    "smtp_url": url,
                    "notify": (TO, "other@example.org"),
                    "notify_about": (NotifyTopic.SALES,),
                }
            ),
        )
        known = None
        while known is None:
            async with shop.ledger.read_transaction() as connection:
                known = await consumers.load(connection, "mail")
        await shop.ledger.record_sale(sold(1, clock.now, 700))
        await wait_until(lambda: len(handler.mails) == 2)
    assert {each["To"] for each in handler.mails} == {
        TO,
        "other@example.org",
    }
    for form in ("plain", "html"):
        part = handler.mails[0].get_body((form,))
        assert part is not None
        body = part.get_content()
        assert "Night-Bus" in body
        assert "7,00\N{NO-BREAK SPACE}€" in body
        assert "/purchases/" not in body
    assert handler.mails[0]["Auto-Submitted"] == "auto-generated"
