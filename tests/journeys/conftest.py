# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures for journeys: Chromium and a running store."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    WebError,
    async_playwright,
    expect,
)

from tests.chromium import launch
from tests.store_process import StoreProcess, launch_store

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


@pytest.fixture
def page_errors() -> list[str]:
    """Errors of scripts, and what the Content-Security-Policy refused."""
    return []


@pytest.fixture
async def browser(
    chromium: str, page_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Browser]:
    """Headless Chromium with a new, empty profile.

    An error on any of its pages fails the test at its end: an exception in a
    listener of Playwright would only end the connection, without a reason.
    """
    async with async_playwright() as playwright:
        found = await launch(playwright, chromium)
        new_context = found.new_context

        async def watched_context(**options: Any) -> BrowserContext:  # noqa: ANN401
            context = await new_context(**options)
            context.on("weberror", lambda each: note_error(each, page_errors))
            context.on("console", lambda each: note_refusal(each, page_errors))
            return context

        monkeypatch.setattr(found, "new_context", watched_context)
        yield found
        await found.close()
    assert not page_errors


def note_error(found: WebError, errors: list[str]) -> None:
    """Add an exception that a script did not catch."""
    page = found.page.url if found.page else "?"
    errors.append(f"{page}: {found.error.stack or found.error}")


def note_refusal(message: ConsoleMessage, errors: list[str]) -> None:
    """Add what the Content-Security-Policy of a page refused."""
    if "Content Security Policy" in message.text:
        errors.append(message.text)
