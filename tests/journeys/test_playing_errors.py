# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors in the middle of a track, and how playing goes on after them."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests import firefox
from tests.optional_programs import require
from tests.store_process import StoreProcess, launch_store
from tests.wav_files import write_wav

pytestmark = pytest.mark.browser

_SECONDS: Final = 2400
"""Length of the track: more than a browser loads ahead."""
_HALFWAY: Final = re.compile("^20:[0-4]")
"""The position of half the track, or a little later."""
_LINK: Final = "document.querySelector('[data-preview]')"
_TOGGLE: Final = "document.querySelector('[data-player-toggle]')"
_TITLE: Final = "document.querySelector('[data-player-title]').textContent"
_TIME: Final = "document.querySelector('[data-player-time]').textContent"
_POSITION: Final = "document.querySelector('[data-player-progress]')"
_SEEK: Final = (
    f"({_POSITION}.value = 500, {_POSITION}.dispatchEvent(new Event('input')))"
)
_PLAYS: Final = f"{_TOGGLE}.textContent === 'Pause' && {_TITLE} === 'Long'"
_FAILS: Final = (
    f"{_TOGGLE}.textContent === 'Play' && {_TITLE}.includes('be played')"
)


@pytest.fixture(scope="module")
def long_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreProcess]:
    """Store with one free track, a long one."""
    folder = tmp_path_factory.mktemp("long")
    root = folder / "library"
    write_wav(root / "Rain" / "01 Long.wav", seconds=_SECONDS)
    (root / "store.toml").write_text('[prices]\nitem = "0"\n', "utf-8")
    with launch_store(
        folder, MSRV_LIBRARY=str(root), MSRV_DEMO_PAYMENTS="1"
    ) as store:
        yield store


@pytest.fixture
def receipt(long_store: StoreProcess) -> str:
    """Address of the receipt of a purchase."""
    release = long_store.request_json("/catalog")["releases"][0]
    form = [("item", release["items"][0]["item_id"])]
    found: str = long_store.request_json("/purchases", form)["receipt"]
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, receipt: str) -> AsyncIterator[Page]:
    """Return the page of a receipt whose track plays."""
    context = await browser.new_context(ignore_https_errors=True)
    found = await context.new_page()
    await found.goto(receipt)
    await found.locator("[data-preview]").click()
    await shows(found, "Long", "Pause")
    await expect(found.locator("[data-player-time]")).not_to_have_text("0:00")
    yield found
    await context.close()


async def shows(page: Page, title: str, button: str) -> None:
    """Wait until the player shows this in its title and on its button."""
    await expect(page.locator("[data-player-title]")).to_contain_text(title)
    await expect(page.locator("[data-player-toggle]")).to_have_text(button)


async def test_error_of_a_later_range_is_shown(page: Page) -> None:
    time = page.locator("[data-player-time]")
    failing = asyncio.Event()
    failing.set()

    async def respond(route: Route) -> None:
        if failing.is_set():
            await route.fulfill(status=503)
        else:
            await route.continue_()

    await page.route("**/download/**", respond)
    await page.get_by_label("Position").fill("500")
    await shows(page, "can't be played right now", "Play")
    await expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    # All of it can be read on a phone, too.
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.locator("[data-player-title]").evaluate(
        "e => e.parentNode.scrollWidth <= e.parentNode.clientWidth"
    )
    # Not yet.
    await page.get_by_role("button", name="Play", exact=True).last.click()
    await shows(page, "can't be played right now", "Play")
    failing.clear()
    await page.get_by_role("button", name="Play", exact=True).last.click()
    await shows(page, "Long", "Pause")
    await expect(time).to_have_text(_HALFWAY)
    # It has its title again, also if it was paused before it played.
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("[data-player-title]")).to_have_text("Long")


async def test_connection_that_comes_back_plays_on(
    page: Page, long_store: StoreProcess
) -> None:
    long_store.process.send_signal(signal.SIGSTOP)
    try:
        await page.get_by_label("Position").fill("500")
        await shows(page, "can't be played right now", "Play")
    finally:
        long_store.process.send_signal(signal.SIGCONT)
    await shows(page, "Long", "Pause")
    await expect(page.locator("[data-player-time]")).to_have_text(_HALFWAY)


async def test_firefox_goes_on_where_the_connection_was_lost(
    long_store: StoreProcess, receipt: str, tmp_path: Path
) -> None:
    program = firefox.find()
    require(
        "firefox", available=bool(program), reason="Firefox is not installed"
    )
    assert program
    async with firefox.open_window(
        program, tmp_path / "profile", 768, 1024
    ) as window:
        await window.goto(receipt)
        await window.click(_LINK)
        # Without a sound card, an error that changes nothing.
        await window.wait_for(f"{_PLAYS} && {_TIME} !== '0:00'")
        long_store.process.send_signal(signal.SIGSTOP)
        try:
            await window.evaluate(_SEEK)
            await window.wait_for(_FAILS)
            await window.click(_TOGGLE)
            await window.wait_for(f"{_TITLE} === 'Loading Long'")
        finally:
            long_store.process.send_signal(signal.SIGCONT)
        await window.wait_for(f"{_PLAYS} && /^20:[0-4]/.test({_TIME})")
        assert window.errors == []
