# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stores for tests of the shop's services."""

from pathlib import Path

import pytest

from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.orders.discount_orders import DISCOUNTS
from tests.store_parts import wait_for_database


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
