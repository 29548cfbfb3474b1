# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Changes of the cart on slow connections, and pages shown again."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.journeys.time_limits import FIRST_IS_SHORT
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

RELEASE = "/catalog/items-may-have-shifted"
SHOWN_AGAIN = (
    "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
)


class HeldChanges:
    """Changes of the cart that a page sent, which wait for the test."""

    def __init__(self) -> None:
        self.routes: asyncio.Queue[Route] = asyncio.Queue()

    async def hold(self, route: Route) -> None:
        """Keep a change without an answer; anything else passes."""
        if route.request.resource_type == "fetch":
            self.routes.put_nowait(route)
        else:
            await route.continue_()

    async def next(self) -> Route:
        """Wait for the next of them."""
        return await asyncio.wait_for(self.routes.get(), 60)


@pytest_asyncio.fixture(loop_scope="module")
async def page(
    browser: Browser, demo_store: StoreProcess, ffmpeg: str
) -> AsyncIterator[Page]:
    """Window of a new visitor, on the page of a release."""
    assert ffmpeg
    context = await browser.new_context(ignore_https_errors=True)
    found = await context.new_page()
    await found.goto(demo_store.url + RELEASE)
    yield found
    await context.close()


async def change_elsewhere(page: Page) -> None:
    """Add the release to the cart in another tab."""
    other = await page.context.new_page()
    await other.goto(page.url)
    await other.get_by_role("button", name="Add to cart").click()
    await expect(other.locator("[data-cart-count]")).to_have_text("1")
    await other.close()


async def test_page_that_is_shown_again_has_the_cart_of_now(
    page: Page,
) -> None:
    add = page.get_by_role("button", name="Add to cart")
    await expect(add).to_be_visible()
    await change_elsewhere(page)
    await page.evaluate(SHOWN_AGAIN)
    await expect(page.locator("[data-cart-count]")).to_have_text("1")
    await expect(add).to_be_hidden()


@pytest.mark.parametrize("path", ["/cart", "/checkout"])
async def test_cart_that_is_shown_again_is_loaded_again(
    page: Page, demo_store: StoreProcess, path: str
) -> None:
    await page.goto(demo_store.url + path)
    await expect(page.get_by_text("Your cart is empty")).to_be_visible()
    await page.evaluate("window.isTheSame = true")
    other = await page.context.new_page()
    await other.goto(demo_store.url + RELEASE)
    await change_elsewhere(other)
    await page.evaluate(SHOWN_AGAIN)
    await expect(page.locator("main")).to_contain_text("Items May Have")
    assert await page.evaluate("window.isTheSame") is None


async def test_links_that_stay_on_the_page_do_not_wait_for_a_change(
    page: Page,
) -> None:
    changes = HeldChanges()
    await page.route("**/cart", changes.hold)
    await page.get_by_role("button", name="Add to cart").click()
    change = await changes.next()
    await page.locator("[data-preview]").first.click()
    await expect(page.locator("[data-player-toggle]")).to_have_text("Pause")
    await page.locator(".skip").press("Enter")
    await expect(page).to_have_url(re.compile("#main$"))
    await change.continue_()
    await expect(page.locator("[data-cart-count]")).to_have_text("1")


async def test_change_without_an_answer_is_submitted_as_a_form(
    page: Page,
) -> None:
    await page.add_init_script(FIRST_IS_SHORT)
    await page.reload()
    await page.evaluate("window.isTheSame = true")
    changes = HeldChanges()
    await page.route("**/cart", changes.hold)
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-cart-count]")).to_have_text("1")
    assert changes.routes.qsize() == 1
    assert await page.evaluate("window.isTheSame") is None


@pytest.mark.parametrize("answers", [True, False])
async def test_change_leaves_the_focus_where_it_was_moved_to(
    page: Page, *, answers: bool
) -> None:
    changes = HeldChanges()
    await page.route("**/cart", changes.hold)
    button = page.locator("[data-text='Add to cart'] button")
    for moves in (False, True):
        await button.click()
        change = await changes.next()
        summary = page.locator(".share summary")
        if moves:
            await summary.focus()
        if answers:
            await change.continue_()
        else:
            await change.abort()
        await expect(button).to_be_enabled()
        await expect(summary if moves else button).to_be_focused()


async def test_failed_change_on_a_page_that_was_left_blocks_no_other(
    page: Page,
) -> None:
    """While music plays, another page is shown in the same document."""
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(page.locator("[data-player-toggle]")).to_have_text("Pause")
    heading = page.get_by_role("heading", level=1)
    await page.get_by_role("link", name="Catalog").click()
    await expect(heading).to_have_text("Catalog")
    await page.get_by_role("link", name="Minutes of the Last").click()
    await expect(heading).to_contain_text("Minutes")
    changes = HeldChanges()
    await page.route("**/cart", changes.hold)
    await page.get_by_role("button", name="Add to cart").click()
    change = await changes.next()
    await page.go_back()
    await expect(heading).to_have_text("Catalog")
    await change.abort()
    await page.go_forward()
    await expect(heading).to_contain_text("Minutes")
    await page.get_by_role("button", name="Add to cart").click()
    await (await changes.next()).continue_()
    await expect(page.locator("[data-cart-count]")).to_have_text("1")
