# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Buying in Arabic on a phone, and choosing a language, in a browser."""

import re

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

SMALL_PHONE = ViewportSize(width=360, height=640)
RELEASE = "/catalog/items-may-have-shifted"
OPEN_GRAPH = re.compile('<meta property="og:([a-z]+)" content="([^"]*)">')
LATIN = re.compile("[A-Za-z]{3}")


async def visit(
    browser: Browser, language: str, *, scripts: bool = True
) -> tuple[BrowserContext, Page]:
    """Open a phone's window."""
    context = await browser.new_context(
        viewport=SMALL_PHONE,
        locale=language,
        java_script_enabled=scripts,
        ignore_https_errors=True,
        accept_downloads=True,
        has_touch=True,
    )
    page = await context.new_page()
    return context, page


async def left_of(place: Locator) -> float:
    """Return the horizontal place of an element."""
    box = await place.bounding_box()
    assert box is not None
    return box["x"]


async def expect_mirrored(page: Page) -> None:
    """Check that the page is Arabic, starts on the right, and fits."""
    html = page.locator("html")
    await expect(html).to_have_attribute("lang", "ar")
    await expect(html).to_have_attribute("dir", "rtl")
    menu = page.locator(".masthead nav a")
    name = page.locator(".masthead .wordmark")
    assert await left_of(name) > await left_of(menu.first)
    assert await left_of(menu.first) > await left_of(menu.last)
    # A page in this direction grows to the left.
    edges = await page.evaluate(
        "[...document.querySelectorAll('body :not(.skip)')].map("
        "each => each.getBoundingClientRect())"
        ".filter(box => box.width > 1 && box.height > 1)"
        ".map(box => [box.left, box.right])"
    )
    assert min(left for left, _ in edges) >= -1
    assert max(right for _, right in edges) <= SMALL_PHONE["width"] + 1


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_release_from_a_chat_is_bought_in_arabic_in_three_taps(
    browser: Browser, demo_store: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, "ar-EG", scripts=scripts)
    # The chat requests the page for its card, and the buyer taps the card.
    answer = await page.request.get(
        demo_store.url + RELEASE, headers={"Accept-Language": ""}
    )
    card = dict(OPEN_GRAPH.findall(await answer.text()))
    assert {"title", "description", "image", "url"} <= card.keys()
    assert card["url"] == demo_store.url + RELEASE
    await page.goto(card["url"])
    await expect_mirrored(page)
    track = page.locator(".track").nth(1)
    assert await left_of(track.locator(".track-title")) > await left_of(
        track.locator("form")
    )
    # A title in another direction is on the page's side, and its own.
    title = page.locator("h1")
    assert await title.evaluate(
        "each => getComputedStyle(each).direction"
    ) == ("ltr")
    assert await title.evaluate(
        "each => getComputedStyle(each).textAlign"
    ) in {
        "right",
        "end",
    }
    buy = page.locator(".buy button.big").first
    await expect(buy).to_be_in_viewport(ratio=1)
    assert not LATIN.search(await buy.inner_text())

    await buy.tap()
    await expect_mirrored(page)
    await page.locator("button[value=pay]").tap()
    await expect(page.locator(".receipt")).to_be_visible()
    await expect_mirrored(page)
    assert not LATIN.search(await page.locator("h1").inner_text())
    async with page.expect_download() as waiting:
        await page.locator(".receipt a[download]").first.tap()
    download = await waiting.value
    assert download.suggested_filename.endswith(".zip")
    await context.close()


async def test_buttons_speak_arabic_after_a_script_changed_them(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context, page = await visit(browser, "ar")
    await page.goto(demo_store.url + RELEASE)
    row = page.locator(".track").nth(1)
    button = row.locator("form.add button")
    await button.tap()
    await expect(button).to_have_class(re.compile("done"))
    label = await button.get_attribute("aria-label")
    assert label is not None
    title = await row.locator("form").get_attribute("data-title")
    assert title is not None
    assert title in label
    assert not LATIN.search(label.replace(title, ""))
    assert not LATIN.search(await button.inner_text())
    bar = page.locator("[data-cart-bar]")
    await expect(bar).to_be_visible()
    assert not LATIN.search(await bar.inner_text())
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_language_is_chosen_below_a_page(
    browser: Browser, demo_store: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, "en", scripts=scripts)
    await page.goto(demo_store.url + RELEASE)
    assert await context.cookies() == []
    await page.locator("#language").select_option("ar")
    await page.locator(".languages button").tap()
    await expect_mirrored(page)
    assert page.url == demo_store.url + RELEASE
    (cookie,) = await context.cookies()
    assert cookie["name"] == "__Host-language"
    await page.goto(f"{demo_store.url}/cart")
    await expect_mirrored(page)
    await context.close()
