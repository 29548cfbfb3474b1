# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures for journeys: Chromium, a running store, and a fake Stripe.

The journeys of a module share a browser; each has profiles of its own in it.
"""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    WebError,
    async_playwright,
    expect,
)

from tests.chromium import launch
from tests.ledger.mariadb_server import MariaDBServer
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.store_process import StoreProcess, launch_store

FOLDER = Path(__file__).parent

# A busy machine takes longer than the five seconds that Playwright waits for
# what a page will show.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def demo_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreProcess]:
    """Bundled demo over HTTPS, as `make run` serves it."""
    store = launch_store(tmp_path_factory.mktemp("demo"))
    yield store
    assert store.stop() == 0


@pytest.fixture(scope="module")
def mariadb(
    mariadbd: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MariaDBServer]:
    """MariaDB server in the browser's network.

    The one of the whole run would be out of reach for all other tests.
    """
    server = MariaDBServer(mariadbd, tmp_path_factory.mktemp("mariadb"))
    server.install()
    yield server
    server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def bank() -> AsyncIterator[FakeStripe]:
    """Stripe at this machine's time, with its payment page."""
    async with FakeStripe.running(lambda: int(time.time())) as found:
        yield found


@pytest.fixture
def page_errors() -> list[str]:
    """Errors of scripts, and what the Content-Security-Policy refused."""
    return []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the journeys of a module in one event loop, that of its browser.

    Their asynchronous fixtures say `loop_scope="module"`.
    """
    for item in items:
        if item.path.parent == FOLDER and pytest_asyncio.is_async_test(item):
            item.add_marker(
                pytest.mark.asyncio(loop_scope="module"), append=False
            )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_browser(chromium: str) -> AsyncIterator[Browser]:
    """Headless Chromium of a module: a start takes as long as a journey."""
    async with async_playwright() as playwright:
        found = await launch(playwright, chromium)
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="module")
async def browser(
    module_browser: Browser,
    page_errors: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Browser]:
    """Headless Chromium without a context, each of which is a new profile.

    An error on any of its pages fails the test at its end: an exception in a
    listener of Playwright would only end the connection, without a reason.
    """
    new_context = module_browser.new_context

    async def watched_context(**options: Any) -> BrowserContext:  # noqa: ANN401
        context = await new_context(**options)
        context.on("weberror", lambda each: note_error(each, page_errors))
        context.on("console", lambda each: note_refusal(each, page_errors))
        return context

    monkeypatch.setattr(module_browser, "new_context", watched_context)
    yield module_browser
    for context in module_browser.contexts:
        await context.close()
    assert not page_errors


def note_error(found: WebError, errors: list[str]) -> None:
    """Add an exception that a script did not catch."""
    page = found.page.url if found.page else "?"
    errors.append(f"{page}: {found.error.stack or found.error}")


def note_refusal(message: ConsoleMessage, errors: list[str]) -> None:
    """Add what the Content-Security-Policy of a page refused."""
    if "Content Security Policy" in message.text:
        errors.append(message.text)
