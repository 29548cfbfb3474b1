# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""An order to refund in the studio."""

import secrets
from pathlib import Path

import pytest

from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    order,
    receipt_at,
)
from tests.payments.stripe.refunds.sold_order import TO, Sold
from tests.store_parts import with_mail
from tests.web.studio.conftest import Studio


@pytest.fixture
def currency() -> str:
    """Currency of the store."""
    return "EUR"


@pytest.fixture
async def sold(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    currency: str,
    bank: FakeStripe,
    keyring: Keyring,
    clock: Clock,
) -> Sold:
    """An order that was paid by a German buyer with an address."""
    store_file = library / "store.toml"
    text = store_file.read_text("utf-8")
    store_file.write_text(text.replace("EUR", currency), "utf-8")
    store: Client = await start_store(with_mail(settings))
    cookie = sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, clock.now, secrets.token_bytes
    )
    studio = Studio(store, cookie)
    session = bank.pay(
        await order(
            store,
            bank,
            "departure",
            "wrong-stop",
            accept_language="de",
            mail=TO,
        )
    )
    _, where = await come_back(store, session)
    made = Sold(studio, bank, session, where)
    made.order_id = receipt_at(where, keyring).order_id
    await studio.wait_until_synced()
    clock.now += 60
    return made
