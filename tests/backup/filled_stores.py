# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Data folders of stores: filled, backed up, restored, and compared."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text

from msrv.backup.manifest import Manifest
from msrv.backup.reader import BackupFile
from msrv.backup.restoration import RestoreTarget, restore
from msrv.backup.restore_draft import RestoreResult
from msrv.backup.writer import BackupSource, new_file, write_backup
from msrv.ledger.connection_rules import DEFAULT_RULES
from msrv.ledger.db import schema, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.feed import consumers
from msrv.ledger.db.feed.consumers import Consumer
from msrv.ledger.db.feed.outgoing_events import publish_releases
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Delivered, Event, Redeemed
from msrv.ledger.segments import HEADER, encode_record
from msrv.payments.provider import WebhookEvent
from msrv.payments.webhook_inbox import WebhookInbox
from msrv.taxes.sale_tax import SaleTax
from tests.ledger.sample_events import NOON, TAX, order_id, revoked, sale

BACKUP = "b.tar.gz"

Rows = dict[str, list[dict[str, Any]]]

EVENTS: tuple[Event, ...] = (
    sale(1, tax=SaleTax("FR")),
    sale(2, ("song", 100), ("album", 900), tax=TAX),
    sale(3, currency="JPY", reference="pi_3AbC"),
    revoked(2, "song"),
    Redeemed("vinyl-2026.1", order_id(3), NOON),
    Delivered(order_id(1), "song", "0123456789abcdef", 100, ((0, 100),), NOON),
)
WAITING: tuple[Event, ...] = (sale(3, currency="JPY"), sale(4))
"""Events in the spool: the first is in the database, too."""
TITLES = ("A 𝄞 clef", "naïve “quotes” \\ back", "tab\tnul\x00end", "日本語")


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(each.name for each in folder.iterdir())


@dataclass(frozen=True)
class StoreFolder:
    """Data folder of a store, and its database."""

    data: Path
    url: str | None = None

    def database(self) -> Database:
        return Database.open(self.url, self.data, DEFAULT_RULES)

    def create_tables(self, revision: str = schema_upgrade.HEAD) -> None:
        async def create() -> None:
            database = self.database()
            await schema_upgrade.upgrade_schema(database, revision)
            await database.close()

        self.data.mkdir(parents=True, exist_ok=True)
        asyncio.run(create())

    def record(self, *events: Event) -> None:
        """Write events to the database."""

        async def write() -> None:
            database = self.database()
            async with database.write_transaction() as connection:
                await apply_events(connection, events)
            await database.close()

        asyncio.run(write())

    def start_once(self) -> None:
        """Write what a store writes that has been started and sold nothing."""

        async def write() -> None:
            database = self.database()
            for now, releases in enumerate((["album"], ["album", "new"])):
                async with database.write_transaction() as connection:
                    await publish_releases(connection, releases, now)
                    await consumers.save(connection, Consumer("mail", now))
            await database.close()

        asyncio.run(write())

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        async def write() -> None:
            database = self.database()
            async with database.write_transaction() as connection:
                await connection.execute(
                    insert(schema.metadata.tables[table]), list(rows)
                )
            await database.close()

        asyncio.run(write())

    def insert_old_sale(self) -> None:
        """Write an order with a refunded line, as revision 0001 has them."""
        order = order_id(1)
        self.insert(
            "orders",
            [
                {
                    "order_id": order,
                    "sold_at": NOON,
                    "provider": "demo",
                    "reference": "",
                    "currency": "EUR",
                    "total_minor": 800,
                    "refunded_minor": 700,
                }
            ],
        )
        self.insert(
            "order_items",
            [
                {
                    "order_id": order,
                    "item_id": item,
                    "position": position,
                    "title": item,
                    "price_minor": price,
                    "refunded": position == 1,
                }
                for position, (item, price) in enumerate(
                    {"song": 100, "album": 700}.items()
                )
            ],
        )

    def run_sql(self, statement: str) -> None:
        async def run() -> None:
            database = self.database()
            async with database.write_transaction() as connection:
                await connection.execute(text(statement))
            await database.close()

        asyncio.run(run())

    def spool(self, *events: Event, name: str = "0001-ab") -> Path:
        """Write events to the spool of a process that died."""
        folder = self.data / "spool" / name
        folder.mkdir(parents=True)
        path = folder / "00000001.log"
        records = b"".join(encode_record(each) for each in events)
        # The space that is allocated, and a record that was torn.
        path.write_bytes(HEADER + records + b"0123 {torn" + bytes(9000))
        return path

    def fill(self) -> None:
        """Write something of everything that a backup has."""
        self.create_tables()
        self.record(*EVENTS)
        self.insert(
            "titles",
            [
                {"item_id": f"item-{number}", "title": title}
                for number, title in enumerate(TITLES)
            ],
        )
        self.insert("marks", [{"name": "everyone", "value": 2**62}])
        self.spool(*WAITING)
        (self.data / "spool" / "set-aside.log").write_bytes(b"aside\n")
        inbox = WebhookInbox(self.data / "messages")
        inbox.add("demo", WebhookEvent("evt_1", "paid", NOON))
        for name, content in {
            "outbox/AAAA.json": "{}",
            "outbox/BBBB.damaged": "{",
            "studio/closed": "1800000000\n",
            "configuration.json": '{"version": 1, "texts": {}}',
            "return-addresses": "0\n",
            "revocations": "msrv-revocations 1",
        }.items():
            path = self.data / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
            os.utime(path, (NOON, NOON))
        for name in ("outbox/done/CCCC", "studio/used/ab12", "studio/ended/7"):
            path = self.data / name
            path.parent.mkdir(exist_ok=True)
            path.touch()
            os.utime(path, (NOON + 5, NOON + 5))

    def rows(self) -> Rows:
        """Return all rows, by table."""

        async def read() -> Rows:
            database = self.database()
            found = {}
            async with database.read_transaction() as connection:
                for name, table in schema.metadata.tables.items():
                    rows = await connection.execute(
                        select(table).order_by(*table.primary_key.columns)
                    )
                    found[name] = [dict(row) for row in rows.mappings()]
            await database.close()
            return found

        return asyncio.run(read())

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Return contents and time of each file, without the databases."""
        return {
            path.relative_to(self.data).as_posix(): (
                path.read_bytes(),
                int(path.stat().st_mtime),
            )
            for path in self.data.rglob("*")
            if path.is_file()
            and path.name != "lock"
            and not path.name.startswith("ledger.sqlite3")
        }

    def back_up(
        self,
        path: Path,
        *,
        secrets: Mapping[str, str] | None = None,
        recipients: Sequence[Any] = (),
    ) -> Manifest:
        source = BackupSource(
            self.data,
            self.url,
            DEFAULT_RULES,
            "MSRV_LINK_HOURS=48\n",
            [],
            secrets or {},
        )
        with new_file(path) as file:
            return write_backup(file, source, recipients)

    def back_up_secrets(self, path: Path, **secrets: str) -> Any:  # noqa: ANN401 - an extra's
        """Make an encrypted backup; return the identity that reads it."""
        from pyrage import x25519  # noqa: PLC0415 - an extra

        identity = x25519.Identity.generate()
        self.back_up(path, secrets=secrets, recipients=[identity.to_public()])
        return identity

    def restore(
        self, path: Path, *, identities: Sequence[Any] = (), mail: bool = True
    ) -> RestoreResult:
        target = RestoreTarget(self.data, self.url, with_mail=mail)
        _, done = restore(BackupFile(path, identities), target)
        return done
