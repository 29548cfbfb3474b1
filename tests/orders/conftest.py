# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stores for tests of the shop's services."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.orders.discount_orders import DISCOUNTS
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.store_parts import wait_for_database, with_mail


@pytest.fixture
async def ready_store(store: Client) -> Client:
    """Return a store that has reached its database."""
    await wait_for_database(store)
    return store


@pytest.fixture
async def discount_store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Return a store with three discounts that has reached its database."""
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(DISCOUNTS)
    store = await start_store(settings)
    await wait_for_database(store)
    return store


@pytest.fixture
def selling(settings: Settings, bank: FakeStripe) -> Settings:
    """Settings with that Stripe and an unreachable mail server."""
    return with_mail(
        settings,
        stripe_key=SecretStr(KEY),
        stripe_webhook_secret=SecretStr(SECRET),
        stripe_api=bank.url,
        demo_payments=False,
    )


@pytest.fixture
async def shop(start_store: StartStore, selling: Settings) -> Client:
    """That store, with its database."""
    store = await start_store(selling)
    await wait_for_database(store)
    return store
