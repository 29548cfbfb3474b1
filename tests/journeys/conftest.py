"""A real browser before a real store."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.running import RunningStore, start


@pytest.fixture(scope="session")
def demo_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningStore]:
    """The bundled demo over HTTPS, as `make run` serves it."""
    store = start(tmp_path_factory.mktemp("demo"))
    yield store
    assert store.end() == 0


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A headless Chromium with a new, empty profile."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        yield found
        await found.close()
