# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to the seller: each event once, whichever replica tells it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from msrv.health_checks.findings import (
    Check,
    CheckContext,
    Finding,
    failed,
    passed,
    warned,
)
from msrv.health_checks.table import LatestResults
from msrv.ledger.db.feed import consumers
from msrv.ledger.db.projection import apply_events
from msrv.ledger.errors import LedgerError
from msrv.ledger.events import Event, PaymentEvent, Revoked, Sale, SoldLine
from msrv.ledger.reversals.event import Reversal
from msrv.mail.outbox import Outbox
from msrv.mail.rendering import Mail, MailRenderer
from msrv.mail.seller_mail import Row, Section, SellerMail, mail_id_of
from msrv.mail.smtp import TlsMode
from msrv.mail.worker import MailWorker
from msrv.notifications import statements
from msrv.notifications.notifier import MailNotStored, SellerNotifier
from msrv.notifications.notifier_settings import NotificationSettings
from msrv.notifications.problems import (
    AGAIN_SECONDS,
    FILE_NAME,
    LEDGER_SECONDS,
)
from msrv.proofs.keyring import Keyring
from msrv.settings import NotifyTopic, Settings
from msrv.web.store import STORE, Store
from tests.conftest import Client, Clock, StartStore
from tests.ledger.sample_events import order_id
from tests.mail.fake_server import FakeServer
from tests.mail.sample_mails import renderer
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.polling import wait_until
from tests.store_parts import wait_for_database
from tests.store_process import free_port

TO = "seller@example.org"
DAY = 86_400
StartReplica = Callable[..., Awaitable[tuple[SellerNotifier, Outbox]]]


@pytest.fixture
def notifying_settings(settings: Settings) -> Settings:
    """Return settings with a seller, and an unreachable mail server."""
    return settings.model_copy(
        update={
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
            "mail_from": "shop@example.org",
            "public_url": "https://shop.example",
            "notify": (TO,),
        }
    )


@pytest.fixture
async def shop(start_store: StartStore, notifying_settings: Settings) -> Store:
    """Return a store that tells nothing by itself, with its ledger ready."""
    quiet = notifying_settings.model_copy(update={"notify": ()})
    return await started(start_store, quiet)


async def started(start_store: StartStore, settings: Settings) -> Store:
    client: Client = await start_store(settings)
    await wait_for_database(client)
    assert client.app is not None
    return client.app[STORE]


class Replica:
    """A notifier that tells only when a test says so, and its outbox."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        keyring: Keyring,
        checks: dict[str, Check] | None = None,
        *,
        topics: frozenset[NotifyTopic] | None = None,
        data: Path | None = None,
    ) -> None:
        wanted = NotificationSettings.of(
            store.settings.model_copy(update={"notify": (TO,)})
        )
        assert wanted is not None
        folder.mkdir()
        self.outbox = Outbox(folder / "outbox")
        self.mail = MailWorker(
            self.outbox, FakeServer(), renderer(keyring), store.clock
        )
        self.notifier = SellerNotifier(
            NotificationSettings(
                wanted.to,
                wanted.topics if topics is None else topics,
                wanted.pause_seconds,
                wanted.base_url,
                folder if data is None else data,
            ),
            ledger=store.ledger,
            catalog=store.catalog,
            mail=self.mail,
            checks=LatestResults(
                CheckContext(settings=store.settings, keyring=keyring),
                checks or {},
                ticks=store.clock,
            ),
            clock=store.clock,
        )

    @property
    def mails(self) -> list[SellerMail]:
        """The mails in the outbox."""
        found = [self.outbox.read(each) for each in self.outbox.pending()]
        return [each for each in found if isinstance(each, SellerMail)]


def sold(number: int, at: int, *prices: int) -> Sale:
    return Sale(
        order_id(number),
        at,
        "stripe",
        "EUR",
        tuple(
            SoldLine(item_id, price, item_id.title())
            for item_id, price in zip(
                ["night-bus", "zine", "song"], prices, strict=False
            )
        ),
    )


async def record(store: Store, *events: Event) -> None:
    async with store.ledger.write_transaction() as connection:
        await apply_events(connection, events)


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


async def test_statements_are_sent_once_for_each_week_and_month(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    monday = int(datetime(2027, 3, 1, 6, tzinfo=UTC).timestamp())
    midnight = monday - statements.SETTLED_SECONDS
    clock.now = midnight + 3600
    one = Replica(shop, tmp_path / "one", keyring)
    two = Replica(shop, tmp_path / "two", keyring)
    await one.notifier.tell_statements()
    clock.now = monday
    await one.notifier.tell_statements()
    assert one.mails == []
    await record(
        shop,
        sold(1, monday, 700, 300),
        Reversal(
            provider="stripe",
            reversal_id="re_1",
            order_id=order_id(1),
            kind="refund",
            status="succeeded",
            amount_minor=400,
            paid_minor=1000,
            created_at=monday + DAY,
            seen_at=monday + DAY,
            by="stripe",
        ),
        sold(3, monday + 7 * DAY, 900),
    )
    clock.now = monday + 7 * DAY - 1
    await one.notifier.tell_statements()
    assert one.mails == []
    # Late, but not too late.
    await record(
        shop,
        sold(2, midnight + 7 * DAY - 1, 700),
        Revoked(order_id(2), "", (midnight + 7 * DAY - 1) * 1000, "stripe"),
    )
    clock.now = monday + 7 * DAY
    for each in (two, one, two):
        await each.notifier.tell_statements()
    (mail,) = two.mails
    assert one.mails == []
    assert mail.subject.endswith("week from Mar 1, 2027 to Mar 7, 2027")
    found = {
        section.heading: {row.text: row.figure for row in section.rows}
        for section in mail.sections
    }
    assert found["EUR"] == {
        "Sold, 2 orders": "€17.00",
        "Refunded": "€11.00",
        "Kept": "€6.00",
    }
    by_artist = found["By artist, less refunds"]
    assert sum(float(each.strip("€")) for each in by_artist.values()) == 6
    assert found["Best sellers"]["Night-Bus, 2 sold"] == "€14.00"
    clock.now = monday + 14 * DAY
    await one.notifier.tell_statements()
    (empty_but_one,) = one.mails
    assert "Mar 8, 2027" in empty_but_one.subject
    clock.now = monday + 31 * DAY
    await two.notifier.tell_statements()
    assert [each.subject.partition(": ")[2] for each in two.mails[1:]] == [
        "week from Mar 22, 2027 to Mar 28, 2027",
        "statement of March 2027",
    ]


async def test_problem_is_told_once_and_again_when_it_returns(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    findings: dict[str, list[Finding]] = {
        "disk": [passed("room")],
        "clock": [warned("off by 3 s", "set it")],
        "database": [failed("away", "start it")],
    }

    def check(name: str) -> Check:
        async def found(_: CheckContext) -> list[Finding]:
            return findings[name]

        return found

    checks = {name: check(name) for name in findings}
    one = Replica(shop, tmp_path / "one", keyring, checks)
    await one.notifier.tell_problems()
    assert one.mails == []
    findings["disk"] = [warned("1 of 100 GiB free", "free some space")]
    shop.ledger._health.report("database", "it can't be reached")
    clock.now += 900
    await one.notifier.tell_problems()
    (mail,) = one.mails
    ((text, fix),) = [each.rows for each in mail.sections]
    assert text.text == "disk: 1 of 100 GiB free"
    assert fix.text == "free some space"
    # Not again, nor after a restart; but the ledger has been away for long.
    clock.now += LEDGER_SECONDS
    await one.notifier.tell_problems()
    assert len(one.mails) == 2
    assert one.mails[1].sections[0].rows[0].text == (
        "The database is unavailable: it can't be reached"
    )
    shop.ledger._health.clear("database")
    one.notifier._reported = {}  # as after a restart
    await one.notifier.tell_problems()
    findings["disk"] = [passed("room")]
    for _ in range(30):
        clock.now += 900
        await one.notifier.tell_problems()
    assert len(one.mails) == 2
    findings["disk"] = [failed("0 of 100 GiB free", "checkout stops")]
    one.mail.dropped = 3
    clock.now += 900
    await one.notifier.tell_problems()
    assert len(one.mails) == 3
    assert len(one.mails[2].sections[0].rows) == 3


async def test_problem_is_told_once_by_processes_that_share_a_folder(
    shop: Store, tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    findings = [passed("room")]

    async def disk(_: CheckContext) -> list[Finding]:
        return findings

    data = tmp_path / "shared"
    data.mkdir()
    replicas = [
        Replica(shop, tmp_path / name, keyring, {"disk": disk}, data=data)
        for name in ("one", "two")
    ]
    for each in replicas:
        await each.notifier.tell_problems()
    findings[:] = [failed("0 of 100 GiB free", "checkout stops")]
    for _ in range(2):
        clock.now += 900
        for each in replicas:
            await each.notifier.tell_problems()
    assert [len(each.mails) for each in replicas] == [1, 0]
    # Nor is it told again where the file can't be written.
    clock.now += AGAIN_SECONDS
    path = data / FILE_NAME
    path.unlink()
    path.mkdir()
    for _ in range(3):
        with pytest.raises(OSError, match=FILE_NAME):
            await replicas[0].notifier.tell_problems()
        clock.now += 900
    assert len(replicas[0].mails) == 2
    path.rmdir()
    await replicas[0].notifier.tell_problems()
    await replicas[1].notifier.tell_problems()
    assert [len(each.mails) for each in replicas] == [2, 0]


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


def test_stored_mail_is_the_same_when_it_is_read(
    tmp_path: Path, keyring: Keyring
) -> None:
    mail = SellerMail(
        mail_id_of("a"),
        TO,
        "Store",
        "Sübject\r\nBcc: x@example.org",
        (Section("Sales", (Row("<b>", "€1.00", "https://a/"), Row("x"))),),
        1_800_000_000,
        "de",
    )
    outbox = Outbox(tmp_path / "outbox")
    assert outbox.add(mail, is_bulk=True)
    assert not outbox.add(mail, is_bulk=True)
    assert outbox.read(mail.mail_id) == mail
    message = renderer(keyring).render(mail)
    assert isinstance(renderer(keyring), MailRenderer)
    assert message["Bcc"] is None
    assert bytes(message) == bytes(renderer(keyring).render(mail))
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;" in html.get_content()
    for text in (b"[]", b'{"kind": "seller"}', b"{}"):
        (outbox.folder / f"{mail.mail_id}.json").write_bytes(text)
        assert outbox.read(mail.mail_id) is None
