# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Buying from the demo store, in a browser."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
)

from msrv.settings import DEMO_LIBRARY
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=740)
DESKTOP = ViewportSize(width=1280, height=900)
TRACK = "Hand Luggage"
SHA256 = hashlib.sha256(
    next(DEMO_LIBRARY.glob("*/02 Hand Luggage.m4a")).read_bytes()
).hexdigest()


async def visit(
    browser: Browser, size: ViewportSize, *, scripts: bool
) -> tuple[BrowserContext, Page]:
    """Open a window of a new visitor; a script error in it fails the test."""
    context = await browser.new_context(
        viewport=size,
        java_script_enabled=scripts,
        ignore_https_errors=True,
        accept_downloads=True,
    )
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
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
    await play_preview(page, row.get_by_text("listen"), scripts=scripts)

    await row.get_by_role("button", name=f"Add {TRACK} to the cart").click()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await page.get_by_role("link", name="Cart").click()
    await expect(page.locator(".lines")).to_contain_text(TRACK)
    await page.get_by_role("link", name="Checkout").click()
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
    await page.keyboard.press("Tab")
    await expect(
        page.get_by_role("button", name=re.compile("^Add complete release"))
    ).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
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
