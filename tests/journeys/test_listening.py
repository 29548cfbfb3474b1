# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Listening in the store: the player, and going on while it plays."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

_COUNTED_PAGES: Final = """
const parse = DOMParser.prototype.parseFromString;
DOMParser.prototype.parseFromString = function (...given) {
  window.pages += 1;
  if (window.pages === 2) secondPage.resolve();
  return parse.apply(this, given);
};
window.pages = 0;
window.secondPage = Promise.withResolvers();
"""


@pytest_asyncio.fixture(loop_scope="module")
async def page(
    browser: Browser, demo_store: StoreProcess, ffmpeg: str
) -> AsyncIterator[Page]:
    """Return the page of a release, on a small phone."""
    assert ffmpeg
    context = await browser.new_context(
        viewport={"width": 320, "height": 640}, ignore_https_errors=True
    )
    found = await context.new_page()
    await found.goto(f"{demo_store.url}/catalog")
    await found.get_by_role("link", name="Items May Have Shifted").click()
    yield found
    await context.close()


async def title(page: Page, text: str) -> None:
    """Wait until a track of this title plays."""
    await expect(page.locator("[data-player-title]")).to_have_text(text)
    await expect(page.locator("[data-player-toggle]")).to_have_text("Pause")


async def seconds(page: Page) -> int:
    """Return how far the track has been played."""
    text = await page.locator("[data-player-time]").text_content()
    minutes, _, rest = (text or "0:0").partition(":")
    return 60 * int(minutes) + int(rest)


async def seek(page: Page, thousandths: int) -> None:
    """Move the position of the track."""
    await page.get_by_label("Position").fill(str(thousandths))


async def test_release_is_played_through(page: Page) -> None:
    await expect(page.locator("[data-player]")).to_be_hidden()
    await page.get_by_role("button", name="Play", exact=True).click()
    await title(page, "Departure")
    previous = page.get_by_role("button", name="Previous track")
    await expect(previous).to_be_disabled()
    await page.get_by_role("button", name="Next track").click()
    await title(page, "Hand Luggage")
    await previous.click()
    await title(page, "Departure")
    # The end of a track leads to the next.
    await expect(page.locator("[data-player-time]")).not_to_have_text("0:00")
    await seek(page, 990)
    await title(page, "Hand Luggage")
    pressed = page.locator("[data-preview][aria-pressed=true]")
    await expect(pressed).to_have_count(1)
    await check_page(page, has_player=True)


async def test_music_goes_on_while_the_visitor_browses(page: Page) -> None:
    await page.get_by_role("button", name="Play", exact=True).click()
    await title(page, "Departure")
    first = page.url
    await page.evaluate("window.isTheSame = true")
    await page.get_by_role("link", name="Catalog").click()
    await expect(page).to_have_title("Catalog · MSRV")
    assert page.url.endswith("/catalog")
    await expect(page.locator("main")).to_be_focused()
    await title(page, "Departure")
    await page.get_by_role("link", name="Minutes of the Last").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Minutes"
    )
    address = await page.locator("link[rel=canonical]").get_attribute("href")
    assert address == page.url
    await title(page, "Departure")
    # Its tracks are played from its page; what plays leads to its own.
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-cart-count]")).to_have_text("1")
    await page.locator("[data-player-title]").click()
    await expect(page).to_have_url(first)
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Minutes"
    )
    await page.locator("[data-preview]").first.click()
    await expect(page.locator("[data-player-title]")).not_to_have_text(
        "Departure"
    )
    assert await page.evaluate("window.isTheSame")
    # Pages of a purchase are loaded as usual, and nothing plays there.
    await page.get_by_role("link", name="Cart").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Cart")
    assert await page.evaluate("window.isTheSame") is None


async def test_playing_goes_on_where_it_was_left(page: Page) -> None:
    await page.get_by_role("button", name="Play", exact=True).click()
    await page.get_by_role("button", name="Next track").click()
    await title(page, "Hand Luggage")
    await expect(page.locator("[data-player-time]")).not_to_have_text("0:00")
    await seek(page, 500)
    await expect(page.locator("[data-player-time]")).to_have_text(
        re.compile("0:(0[4-9]|1)")
    )
    left_at = await seconds(page)
    await page.get_by_role("button", name="Pause").click()
    await page.reload()
    # Nothing plays by itself.
    await expect(page.locator("[data-player]")).to_be_hidden()
    await page.get_by_role("button", name="Play", exact=True).click()
    await title(page, "Hand Luggage")
    assert left_at <= await seconds(page) <= left_at + 5


async def test_page_that_fails_while_music_plays_is_shown(
    page: Page, demo_store: StoreProcess
) -> None:
    await page.get_by_role("button", name="Play", exact=True).click()
    await title(page, "Departure")
    await page.evaluate(
        "document.querySelector('.colophon a').href = '/catalog/nothing'"
    )
    await page.locator(".colophon a").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Page not found"
    )
    assert page.url == f"{demo_store.url}/catalog/nothing"


async def test_page_of_an_updated_store_is_loaded_as_a_whole(
    page: Page,
) -> None:
    await page.get_by_role("button", name="Play", exact=True).click()
    await title(page, "Departure")
    await page.evaluate("window.isTheSame = true")

    async def update(route: Route) -> None:
        response = await route.fetch()
        text = await response.text()
        # Its script can't run beside the one of this page.
        updated = text.replace("store.js?v=", "store.js?v=0")
        assert updated != text
        await route.fulfill(response=response, body=updated)

    await page.route("**/catalog", update)
    await page.get_by_role("link", name="Catalog").click()
    await expect(page).to_have_title("Catalog · MSRV")
    await expect(page.locator("[data-player]")).to_be_hidden()
    assert await page.evaluate("window.isTheSame") is None


async def test_page_that_was_asked_for_last_is_shown(page: Page) -> None:
    await page.get_by_role("button", name="Play", exact=True).click()
    await title(page, "Departure")
    heading = page.get_by_role("heading", level=1)
    # With its styles loaded, a page is shown as soon as it is read.
    await page.get_by_role("link", name="Catalog").click()
    await expect(heading).to_have_text("Catalog")
    await page.locator("[data-player-title]").click()
    await expect(heading).to_contain_text("Items May Have Shifted")
    held: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/catalog", held.put)
    await page.evaluate(_COUNTED_PAGES)
    await page.get_by_role("link", name="Catalog").click()
    first = await asyncio.wait_for(held.get(), 30)
    await page.locator(".wordmark").click()
    await expect(page.locator("h1.giant")).to_be_visible()
    await first.continue_()
    # Not by wait_for_function: a page with a Content-Security-Policy refuses
    # what that evaluates again and again.
    async with asyncio.timeout(30):
        await page.evaluate("secondPage.promise")
    await expect(page.locator("h1.giant")).to_be_visible()
    assert urlsplit(page.url).path == "/"
    await expect(page.locator("[data-player]")).to_be_visible()
