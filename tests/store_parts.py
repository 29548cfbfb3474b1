# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Access to the parts of a store through a test's client."""

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import SecretStr
from sqlalchemy import Table, select

from msrv.ledger.ledger import Ledger
from msrv.mail.worker import MailWorker
from msrv.settings import Settings
from msrv.web.store import STORE, Store
from tests.polling import wait_until
from tests.store_process import free_port


def with_mail(
    settings: Settings,
    **more: Any,  # noqa: ANN401 - of any setting
) -> Settings:
    """Return settings of a store whose mail server is unreachable."""
    mail = {
        "smtp_url": SecretStr(f"smtp://127.0.0.1:{free_port()}"),
        "mail_from": "shop@example.org",
        "public_url": "https://shop.example",
    }
    return settings.model_copy(update={**mail, **more})


def store_of(client: TestClient[web.Request, web.Application]) -> Store:
    """Return the parts of the store that a client talks to."""
    assert client.app is not None
    return client.app[STORE]


def mail_of(client: TestClient[web.Request, web.Application]) -> MailWorker:
    """Return the mail worker of a store that sends mail."""
    mail = store_of(client).mail
    assert mail is not None
    return mail


def ledger_of(client: TestClient[web.Request, web.Application]) -> Ledger:
    """Return the store's ledger."""
    return store_of(client).ledger


async def wait_for_database(
    client: TestClient[web.Request, web.Application],
) -> None:
    """Wait until the store has reached its database."""
    ledger = ledger_of(client)
    await wait_until(lambda: ledger.is_database_ready)


async def rows(
    client: TestClient[web.Request, web.Application], table: Table
) -> list[dict[str, Any]]:
    """Return a table's rows, once all events so far are in it."""
    ledger = ledger_of(client)
    await ledger.wait_until_synced()
    async with ledger.read_transaction() as connection:
        found = await connection.execute(select(table))
        return [dict(row) for row in found.mappings()]
