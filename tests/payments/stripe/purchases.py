# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases at a store with a fake Stripe, step by step."""

import re
from typing import Any

from sqlalchemy import Table, select
from yarl import URL

from msrv.ledger.ledger import Ledger
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts import Receipt
from msrv.web.store import STORE
from tests.conftest import Client
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.stripe_objects import Json
from tests.polling import wait_until

JSON = {"Accept": "application/json"}


async def order(
    store: Client,
    bank: FakeStripe,
    *items: str,
    accept_language: str = "",
    **fields: str,
) -> Json:
    """Order as a browser does; the session that it is sent to."""
    form = [("item", item) for item in items or ("departure",)]
    answer = await store.post(
        "/purchases",
        data=form + list(fields.items()),
        headers={"Accept-Language": accept_language},
        allow_redirects=False,
    )
    assert answer.status == 303, await answer.text()
    session_id = answer.headers["Location"].rpartition("/")[2]
    return bank.sessions[session_id]


def way_back(session: Json) -> URL:
    """Where Stripe sends who has paid: the path at the store, and the query.

    As the store's own address, which may not be the one it is reached by.
    """
    url = URL(FakeStripe.way_back(session))
    return URL.build(path=url.path, query=url.query)


async def come_back(store: Client, session: Json) -> tuple[int, str]:
    """Come back from paying: the status, and where it leads."""
    answer = await store.get(str(way_back(session)), allow_redirects=False)
    await answer.read()
    return answer.status, answer.headers.get("Location", "")


async def tell(store: Client, bank: FakeStripe, event: Json) -> int:
    """Send a webhook to the store; return the status."""
    url = str(store.make_url("/payments/stripe/webhook"))
    return await bank.tell(url, event)


async def followed(store: Client) -> None:
    """Wait until every message that was kept has been followed."""
    folder = _ledger(store).revocations._path.parent / "messages"
    await wait_until(lambda: not folder.exists() or not any(folder.iterdir()))
    await _ledger(store).wait_until_synced()


async def rows(store: Client, table: Table) -> list[dict[str, Any]]:
    """The rows of a table, once all that happened is in it."""
    ledger = _ledger(store)
    await ledger.wait_until_synced()
    await wait_until(lambda: ledger.is_database_ready)
    async with ledger.read_transaction() as connection:
        found = await connection.execute(select(table))
        return [dict(row) for row in found.mappings()]


def receipt_at(location: str, keyring: Keyring) -> Receipt:
    """The receipt that an address leads to."""
    path = URL(location).raw_path
    assert re.match(r"/purchases/[\w.-]+$", path), location
    return receipts.read(keyring, path.rpartition("/")[2])


def _ledger(store: Client) -> Ledger:
    found = store.app[STORE].ledger
    assert isinstance(found, Ledger)
    return found
