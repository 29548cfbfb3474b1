# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Replica that tells the seller only when a test says so, and sales."""

from pathlib import Path

from msrv.health_checks.findings import (
    Check,
    CheckContext,
)
from msrv.health_checks.table import LatestResults
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Event, Sale, SoldLine
from msrv.mail.outbox import Outbox
from msrv.mail.seller_mail import SellerMail
from msrv.mail.worker import MailWorker
from msrv.notifications.notifier import SellerNotifier
from msrv.notifications.notifier_settings import NotificationSettings
from msrv.proofs.keyring import Keyring
from msrv.settings import NotifyTopic, Settings
from msrv.web.store import STORE, Store
from tests.conftest import Client, StartStore
from tests.ledger.sample_events import order_id
from tests.mail.fake_server import FakeServer
from tests.mail.sample_mails import renderer
from tests.store_parts import wait_for_database

TO = "seller@example.org"


DAY = 86_400


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
