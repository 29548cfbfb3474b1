# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures for journeys: Chromium and a running store."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.chromium import launch
from tests.store_process import StoreProcess, launch_store


@pytest.fixture(scope="session")
def demo_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreProcess]:
    """Bundled demo over HTTPS, as `make run` serves it."""
    store = launch_store(tmp_path_factory.mktemp("demo"))
    yield store
    assert store.stop() == 0


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Headless Chromium with a new, empty profile."""
    async with async_playwright() as playwright:
        found = await launch(playwright, chromium)
        yield found
        await found.close()
