# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pages for readers who zoom, use a keyboard, or set their own colours.

What axe can't test: WCAG 2.2, by the success criteria named below.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from msrv.catalog.model import Shop
from msrv.web.appearance.themes import theme_of, theme_stylesheet
from tests.journeys import page_checks
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

RELEASE = "/catalog/items-may-have-shifted"
PATHS = ["/", "/catalog", RELEASE, "/cart", "/checkout", "{receipt}"]
THEMES = [
    ("loud", "#ff4a3f"),
    ("loud", "#2f6fde"),
    ("quiet", "#f5f5f5"),
    ("quiet", "#ffd400"),
    ("paper", "#101010"),
    ("paper", "#22aa66"),
]
"""Themes, and accents that are hard to read on one of their backgrounds."""


@pytest.fixture(scope="module")
def paths(demo_store: StoreProcess) -> list[str]:
    """Addresses of the pages of a purchase."""
    items = demo_store.request_json(RELEASE)["items"]
    bought = demo_store.request_json(
        "/purchases",
        [
            ("item", "minutes-of-the-last-meeting"),
            ("item", items[0]["item_id"]),
        ],
    )
    return [
        path.format(receipt=bought["receipt"])
        if path.startswith("{")
        else demo_store.url + path
        for path in PATHS
    ]


@pytest_asyncio.fixture(loop_scope="module")
async def phone(
    browser: Browser, demo_store: StoreProcess
) -> AsyncIterator[Page]:
    """Window of a phone, with a track in the cart."""
    async for page in window(browser, demo_store, width=360, height=740):
        yield page


def styles(theme: str, accent: str) -> str:
    """Return the styles of a theme with an accent."""
    shop = Shop(theme=theme, accent=accent)
    own = theme_of(shop).stylesheet
    folder = files("msrv.web").joinpath("static")
    text = folder.joinpath(own).read_text("utf-8") if own else ""
    return text + theme_stylesheet(shop)


def served(theme: str) -> Callable[[Route], Awaitable[None]]:
    """Return a handler that answers requests with a stylesheet."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=theme, content_type="text/css")

    return answer


async def window(
    browser: Browser,
    store: StoreProcess,
    *,
    width: int,
    height: int,
    **settings: Any,  # noqa: ANN401 - playwright's
) -> AsyncIterator[Page]:
    """Open a window with a track in the cart."""
    context = await browser.new_context(
        viewport=ViewportSize(width=width, height=height),
        ignore_https_errors=True,
        **settings,
    )
    page = await context.new_page()
    await page.goto(store.url + RELEASE)
    await page.locator(".track .add button").last.click()
    await page.locator(".track .add button.done").wait_for()
    yield page
    await context.close()


@pytest.mark.parametrize("width", [320, 240, 180])
async def test_pages_reflow_at_every_zoom(
    browser: Browser, demo_store: StoreProcess, paths: list[str], width: int
) -> None:
    """1.4.10 and 1.4.4: 400 % of 1280 pixels; 150 and 200 % of a phone."""
    async for page in window(browser, demo_store, width=width, height=480):
        for path in paths:
            await page.goto(path)
            assert (path, await page_checks.overflow(page)) == (path, [])
            narrow = await page_checks.narrow_titles(page, 5)
            assert (path, narrow) == (path, [])


async def test_no_text_is_lost_with_wide_spacing(
    browser: Browser, demo_store: StoreProcess, paths: list[str]
) -> None:
    """1.4.12."""
    async for page in window(
        browser, demo_store, width=320, height=640, bypass_csp=True
    ):
        for path in paths:
            await page.goto(path)
            await page.add_style_tag(content=page_checks.TEXT_SPACING)
            assert (path, await page_checks.overflow(page)) == (path, [])


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_contrast_of_every_text_for_every_accent(
    browser: Browser,
    demo_store: StoreProcess,
    paths: list[str],
    scheme: str,
) -> None:
    """1.4.3, with the stylesheet that the store makes of an accent."""
    async for page in window(
        browser, demo_store, width=360, height=740, color_scheme=scheme
    ):
        for name, accent in THEMES:
            await page.route("**/theme.css*", served(styles(name, accent)))
            for path in paths:
                await page.goto(path)
                if path.endswith(RELEASE):
                    await page.locator("[data-preview]").first.click()
                    await page.locator("[data-player]").wait_for()
                low = await page_checks.low_contrast(page)
                assert (name, accent, path, low) == (name, accent, path, [])
            await page.unroute("**/theme.css*")


async def test_focus_is_never_behind_a_bar(phone: Page) -> None:
    """2.4.11: neither the bar of the cart nor the player covers it."""
    assert await page_checks.hidden_focus(phone, 40) == []
    await phone.locator("[data-preview]").first.click()
    await expect(phone.locator("[data-player]")).to_be_visible()
    assert await page_checks.hidden_focus(phone, 40) == []


async def test_names_of_controls(phone: Page, paths: list[str]) -> None:
    """2.5.3 and 2.4.4, as the buttons are and after they were pressed."""
    assert await page_checks.misnamed(phone) == []
    for path in paths:
        await phone.goto(path)
        for details in await phone.locator("summary").all():
            await details.click()
        assert (path, await page_checks.misnamed(phone)) == (path, [])


async def test_arrows_at_the_cart_blink_briefly_and_not_for_an_empty_cart(
    browser: Browser, demo_store: StoreProcess
) -> None:
    """2.2.2: less than five seconds."""
    running = """document.getAnimations({subtree: true})
        .map((each) => each.effect.getComputedTiming().endTime)"""
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.goto(demo_store.url + RELEASE)
    assert await page.evaluate(running) == []
    await page.locator(".track .add button").last.click()
    await page.locator(".track .add button.done").wait_for()
    ends = await page.evaluate(running)
    assert len(ends) == 2
    assert all(end <= 5000 for end in ends)
    await context.close()


async def test_states_are_distinct_in_forced_colours(
    browser: Browser, demo_store: StoreProcess
) -> None:
    """1.4.1: what a colour alone said has a border of another style."""
    async for page in window(
        browser, demo_store, width=360, height=740, forced_colors="active"
    ):
        style = "each => getComputedStyle(each).borderTopStyle"
        done = page.locator(".track .add button.done")
        other = page.locator(".track .add button:not(.done)").first
        assert await done.evaluate(style) == "dashed"
        assert await other.evaluate(style) == "solid"
        cover = page.locator(".release-cover .cover")
        assert await cover.evaluate(style) == "solid"
        await page.locator("[data-preview]").first.click()
        position = page.get_by_role("slider", name="Position")
        await expect(position).to_be_visible()
        box = await position.bounding_box()
        assert box
        assert box["height"] >= 24


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_shifts_while_a_page_loads(
    browser: Browser, demo_store: StoreProcess, paths: list[str], width: int
) -> None:
    """Cumulative layout shift is 0, also where covers come late."""
    async for page in window(browser, demo_store, width=width, height=740):
        await page.add_init_script(
            """window.shifts = [];
            new PerformanceObserver((list) => window.shifts.push(
              ...list.getEntries().map((each) => each.value)))
              .observe({type: "layout-shift", buffered: true});"""
        )
        for path in paths:
            await page.goto(path, wait_until="load")
            assert (path, await page.evaluate("shifts")) == (path, [])


async def test_what_was_added_and_copied_is_announced(
    phone: Page, paths: list[str]
) -> None:
    """4.1.3: by a status that was there before, and is empty until then."""
    await phone.context.grant_permissions(["clipboard-write"])
    status = phone.locator("[data-cart-status]")
    await phone.reload()
    await expect(status).to_have_text("")
    assert await status.get_attribute("role") == "status"
    await phone.locator(".track .add button:not(.done)").first.click()
    await expect(status).to_contain_text("2 items, €")
    await phone.goto(paths[-1])
    said = phone.locator("[data-copied]")
    await expect(said).to_have_text("")
    assert await said.get_attribute("role") == "status"
    await phone.get_by_role("button", name="Copy address").click()
    await expect(said).to_have_text("Copied")
