# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Buying from the demo store, in a browser."""

import asyncio
import hashlib
import re
from pathlib import Path

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Route,
    ViewportSize,
    expect,
)

from msrv.settings import DEMO_LIBRARY
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=740)
SMALL_PHONE = ViewportSize(width=360, height=640)
DESKTOP = ViewportSize(width=1280, height=900)
TRACK = "Hand Luggage"
SHA256 = hashlib.sha256(
    next(DEMO_LIBRARY.glob("*/02 Hand Luggage.m4a")).read_bytes()
).hexdigest()


async def visit(
    browser: Browser, size: ViewportSize, *, scripts: bool
) -> tuple[BrowserContext, Page]:
    """Open a window of a new visitor."""
    context = await browser.new_context(
        viewport=size,
        java_script_enabled=scripts,
        ignore_https_errors=True,
        accept_downloads=True,
        has_touch=size["width"] < 500,
    )
    page = await context.new_page()
    return context, page


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_purchase_from_catalog_to_download(
    browser: Browser,
    demo_store: StoreProcess,
    ffmpeg: str,
    size: ViewportSize,
    tmp_path: Path,
    *,
    scripts: bool,
) -> None:
    assert ffmpeg
    context, page = await visit(browser, size, scripts=scripts)
    foreign: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((demo_store.url, "data:"))
            else foreign.append(request.url)
        ),
    )
    await page.goto(f"{demo_store.url}/catalog")
    await page.get_by_label("Search the catalog").fill("hand luggage")
    await page.get_by_role("button", name="Find").click()
    await page.get_by_role("link", name="Items May Have Shifted").click()
    await expect(
        page.get_by_role("heading", name="Items May Have Shifted")
    ).to_be_visible()

    row = page.locator(".track", has_text=TRACK)
    await play_preview(page, row.locator("[data-preview]"), scripts=scripts)

    await row.get_by_role("button", name=f"€1.20: {TRACK}").click()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await page.get_by_role("link", name="Cart").click()
    await expect(page.locator(".lines")).to_contain_text(TRACK)
    await page.get_by_role("button", name="Simulate payment").click()
    await expect(page.get_by_role("heading")).to_have_text("Simulated payment")
    await page.get_by_role(
        "button", name="Simulate a successful payment"
    ).click()

    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    address = await page.get_by_label("Address of this receipt").input_value()
    assert address == page.url
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Download").click()
    download = await waiting.value
    assert download.suggested_filename == "02 Hand Luggage.m4a"
    saved = tmp_path / "saved"
    await download.save_as(saved)
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == SHA256
    assert foreign == []

    # The cart is empty again, and the address works in another browser.
    await expect(page.locator("[data-cart-count]").first).to_have_text("0")
    later, page = await visit(browser, size, scripts=scripts)
    await page.goto(address)
    await expect(page.locator(".receipt")).to_contain_text(TRACK)
    await later.close()
    await context.close()


async def play_preview(page: Page, link: object, *, scripts: bool) -> None:
    """Play a preview: in the player, or without scripts as a file."""
    from playwright.async_api import Locator  # noqa: PLC0415

    assert isinstance(link, Locator)
    if scripts:
        await link.click()
        await expect(page.locator("[data-player]")).to_be_visible()
        await expect(page.locator("[data-player-time]")).to_have_text(
            re.compile(r"0:0[1-9]"), timeout=10_000
        )
        await page.keyboard.press("Escape")
        await expect(page.locator("[data-player]")).to_be_hidden()
        return
    href = await link.get_attribute("href")
    assert href
    base = page.url.partition("/catalog")[0]
    response = await page.request.get(base + href)
    assert response.headers["content-type"] == "audio/mpeg"
    assert len(await response.body()) > 20_000


async def test_purchase_with_the_keyboard_only(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context, page = await visit(browser, DESKTOP, scripts=True)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await press_tab_until(page, "Buy €6.00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading")).to_have_text("Simulated payment")
    await press_tab_until(page, "Simulate a successful payment")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    await press_tab_until(page, "Download")
    async with page.expect_download():
        await page.keyboard.press("Enter")
    await context.close()


async def press_tab_until(page: Page, text: str) -> None:
    """Press Tab until an element with this text has the focus."""
    for _ in range(20):
        await page.keyboard.press("Tab")
        focused = await page.evaluate("document.activeElement.textContent")
        if focused.strip() == text:
            return
    pytest.fail(f"no Tab leads to {text}")


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_release_is_bought_and_downloaded_in_three_taps(
    browser: Browser, demo_store: StoreProcess, *, scripts: bool
) -> None:
    """From the card in a chat: buy, pay on the provider's page, download."""
    context, page = await visit(browser, SMALL_PHONE, scripts=scripts)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    card = {
        name: await page.locator(
            f'meta[property="{name}"], meta[name="{name}"]'
        ).first.get_attribute("content")
        for name in ("og:title", "og:url", "og:image", "twitter:card")
    }
    assert (card["og:title"] or "").startswith("Items May Have Shifted")
    assert all(card.values())
    await page.goto(card["og:url"] or "")
    buy = page.get_by_role("button", name="Buy €6.00")
    await expect(buy).to_be_in_viewport(ratio=1)
    await buy.tap()
    await page.get_by_role(
        "button", name="Simulate a successful payment"
    ).tap()
    first = page.get_by_role("link", name="Download").first
    await expect(first).to_be_in_viewport(ratio=1)
    async with page.expect_download() as waiting:
        await first.tap()
    download = await waiting.value
    assert download.suggested_filename.endswith(".zip")
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_free_track_is_downloaded_in_one_tap(
    browser: Browser, demo_store: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, SMALL_PHONE, scripts=scripts)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Free: download").tap()
    download = await waiting.value
    assert download.suggested_filename.startswith("01 Departure")
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    address = await page.get_by_label("Address of this receipt").input_value()
    assert page.url.partition("?")[0] == address
    await context.close()


async def test_buy_stays_in_reach_beside_the_player(
    browser: Browser, demo_store: StoreProcess, ffmpeg: str
) -> None:
    assert ffmpeg
    context, page = await visit(browser, SMALL_PHONE, scripts=True)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    await page.get_by_role("button", name="Add to cart").tap()
    bar = page.get_by_role("complementary", name="Cart")
    await expect(bar).to_be_visible()
    await page.locator("[data-preview]").first.tap()
    await expect(page.locator("[data-player]")).to_be_visible()
    await expect(bar).to_be_hidden()  # it gives way
    await page.locator(".track").last.scroll_into_view_if_needed()
    buy = page.get_by_role("button", name="Buy €6.00")
    await expect(buy).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Escape")
    await expect(bar).to_be_in_viewport()
    await context.close()


async def test_buttons_stay_in_reach_while_scrolling(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context, page = await visit(browser, SMALL_PHONE, scripts=True)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    row = page.locator(".track", has_text=TRACK)
    await row.scroll_into_view_if_needed()
    await row.get_by_role("button", name=f"€1.20: {TRACK}").tap()
    bar = page.get_by_role("complementary", name="Cart")
    await expect(bar).to_contain_text("1 item, €1.20")
    await expect(bar.get_by_role("link", name="Checkout")).to_be_in_viewport()
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(bar).to_be_in_viewport()
    await page.locator(".track").last.scroll_into_view_if_needed()
    await expect(bar).to_be_in_viewport()
    await page.get_by_role("button", name=f"In cart: remove {TRACK}").tap()
    await expect(bar).to_be_hidden()
    await context.close()


async def test_button_can_be_pressed_again_without_a_connection(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context, page = await visit(browser, SMALL_PHONE, scripts=True)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    address = page.url
    await context.set_offline(offline=True)
    await page.get_by_role("button", name="Add to cart").tap()
    name = "Try again: Items May Have Shifted"
    again = page.get_by_role("button", name=name, exact=True)
    await expect(again).to_be_visible()
    await expect(page.locator("[data-cart-status]")).to_have_text(name)
    assert page.url == address
    await context.set_offline(offline=False)
    await again.tap()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await context.close()


async def test_cart_opened_before_the_answer_has_the_item(
    browser: Browser, demo_store: StoreProcess
) -> None:
    """With a slow connection, and buttons tapped one after another."""
    context, page = await visit(browser, SMALL_PHONE, scripts=True)
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    asked, may_pass = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "POST":
            asked.set()
            await may_pass.wait()
        await route.continue_()

    await page.route("**/cart", hold)
    await page.get_by_role("button", name="Add to cart").tap()
    await asyncio.wait_for(asked.wait(), 60)
    await page.get_by_role("link", name="Cart (0)").tap()
    may_pass.set()
    await page.wait_for_url("**/cart")
    await expect(page.locator("main")).to_contain_text(
        "Items May Have Shifted"
    )
    await context.close()


async def test_tracks_that_are_added_quickly_are_all_in_the_cart(
    browser: Browser, demo_store: StoreProcess
) -> None:
    """The store reads and sets one cookie: each change needs the last one."""
    context, page = await visit(browser, DESKTOP, scripts=True)
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.route("**/cart", hold)
    await page.goto(demo_store.url + "/catalog/items-may-have-shifted")
    buttons = page.locator("li .add button")
    for index in range(3):
        await buttons.nth(index).click()
        await expect(buttons.nth(index)).to_be_disabled()
    answered.set()
    await expect(page.locator("[data-cart-count]").first).to_have_text("3")
    await page.goto(demo_store.url + "/cart")
    await expect(page.locator("[data-cart-count]").first).to_have_text("3")
    await context.close()


async def test_refused_change_is_shown_after_the_others(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context, page = await visit(browser, DESKTOP, scripts=True)
    sent_as: list[str] = []

    async def refuse_the_first(route: Route) -> None:
        sent_as.append(route.request.resource_type)
        if len(sent_as) == 1:
            await route.fulfill(status=503)
        else:
            await route.continue_()

    await page.route("**/cart", refuse_the_first)
    await page.goto(demo_store.url + "/catalog/items-may-have-shifted")
    await page.evaluate(
        "document.querySelectorAll('li .add button').forEach((button, index)"
        " => { if (index < 2) button.click() })"
    )
    await expect(page.locator("[data-cart-count]").first).to_have_text("2")
    assert sent_as == ["fetch", "fetch", "document"]
    await context.close()


async def test_no_animation_with_reduced_motion(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context = await browser.new_context(
        ignore_https_errors=True, reduced_motion="reduce"
    )
    page = await context.new_page()
    await page.goto(demo_store.url)
    assert (
        await page.evaluate(
            "document.getAnimations({subtree: true})"
            ".filter(each => each.playState === 'running').length"
        )
        == 0
    )
    await context.close()


async def test_printed_receipt_has_its_complete_address(
    browser: Browser, demo_store: StoreProcess
) -> None:
    items = demo_store.request_json("/catalog/items-may-have-shifted")["items"]
    bought = demo_store.request_json(
        "/purchases", [("item", each["item_id"]) for each in items]
    )
    context, page = await visit(browser, DESKTOP, scripts=True)
    await page.goto(bought["receipt"])
    await page.emulate_media(media="print")
    await expect(page.get_by_text(page.url).last).to_be_visible()
    await expect(page.get_by_label("Address of this receipt")).to_be_hidden()
    await expect(page.get_by_role("button")).to_have_count(0)
    await context.close()
