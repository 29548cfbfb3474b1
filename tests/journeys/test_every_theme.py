# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Each theme on a phone: mirrored in Arabic, and with the price in sight."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page

from tests.journeys import page_checks
from tests.journeys.test_accessibility_settings import (
    RELEASE,
    served,
    styles,
    window,
)
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

HEIGHT: Final = 640
RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
}
THEMES: Final = ["loud", "quiet", "paper"]


@pytest_asyncio.fixture(params=THEMES, loop_scope="module")
async def phone(
    request: pytest.FixtureRequest, browser: Browser, demo_store: StoreProcess
) -> AsyncIterator[Page]:
    """Window of a small phone, in a theme, with a track in the cart."""
    scheme = "light" if request.param == "paper" else "dark"
    async for page in window(
        browser, demo_store, width=360, height=HEIGHT, color_scheme=scheme
    ):
        sheet = styles(request.param, "#ff4a3f")
        await page.route("**/theme.css*", served(sheet))
        yield page


@pytest.fixture(scope="module")
def receipt(demo_store: StoreProcess) -> str:
    """Address of a receipt for a release and a track."""
    items = demo_store.request_json(RELEASE)["items"]
    form = [("item", "minutes-of-the-last-meeting")]
    form.append(("item", items[0]["item_id"]))
    bought: dict[str, Any] = demo_store.request_json("/purchases", form)
    return str(bought["receipt"])


async def test_arabic_pages_are_mirrored_and_have_no_violation(
    phone: Page, demo_store: StoreProcess, receipt: str
) -> None:
    addresses = [demo_store.url + path for path in ("/", RELEASE, "/checkout")]
    for address in (*addresses, receipt):
        await phone.goto(f"{address}?lang=ar")
        assert await phone.locator("html").get_attribute("dir") == "rtl"
        found = await Axe().run(phone, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        assert len(found.response["passes"]) > 5
        assert (address, await page_checks.overflow(phone)) == (address, [])


async def test_price_is_on_the_first_screen(
    phone: Page, demo_store: StoreProcess
) -> None:
    for language in ("en", "de", "ar"):
        await phone.goto(f"{demo_store.url}/?lang={language}")
        assert await bottom_of(phone.locator(".hero")) <= 0.4 * HEIGHT
        first = phone.locator(".grid .price").first
        assert await bottom_of(first) <= HEIGHT
        await phone.goto(f"{demo_store.url}{RELEASE}?lang={language}")
        buy = phone.locator(".buy .button").first
        assert "6" in await buy.inner_text()
        assert await bottom_of(buy) <= HEIGHT


async def test_buttons_of_tracks_and_files_are_in_line(phone: Page) -> None:
    """A file has no length, so that its row has fewer columns."""
    ends = """each => each.map(
        (one) => Math.round(one.getBoundingClientRect().right))"""
    await phone.reload()
    buttons = phone.locator(".track .button")
    for width in (360, 768, 1280):
        await phone.set_viewport_size({"width": width, "height": HEIGHT})
        found = await buttons.evaluate_all(ends)
        assert len(found) > 5
        assert len(set(found)) == 1, (width, found)


async def bottom_of(element: Locator) -> float:
    """Return the lower edge of an element, in pixels of the window."""
    box = await element.bounding_box()
    assert box
    return box["y"] + box["height"]
