# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Accessibility of every page in every state, at 320 px."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.journeys.page_checks import RULES
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

RELEASE = "/catalog/items-may-have-shifted"


@pytest.fixture(scope="session")
def order(demo_store: StoreProcess) -> Any:  # noqa: ANN401 - JSON
    """Paid order of a whole release and one track."""
    first = demo_store.request_json(RELEASE)["items"][0]["item_id"]
    form = [("item", "minutes-of-the-last-meeting"), ("item", first)]
    return demo_store.request_json("/purchases", form)


@pytest.fixture(scope="session")
def expired_link(demo_store: StoreProcess) -> str:
    """Expired link of this store."""
    return demo_store.run(
        "link",
        "items-may-have-shifted",
        "--until=2020-01-01T00:00Z",
        f"--base-url={demo_store.url}",
    ).strip()


async def fill_cart(page: Page, url: str) -> None:
    """Add a release to the cart."""
    await page.goto(url + RELEASE)
    await page.locator(".buy + .add button").click()
    await page.locator(".buy + .add button.done").wait_for()


PAGES = [
    "/",
    "/catalog",
    "/catalog?q=minutes",
    "/catalog?q=nothing+is+called+this",
    "/catalog?kind=book",
    "/tags",
    "/tags/instrumental",
    RELEASE,
    "/artists",
    "/artists/the-working-group",
    "/pages/about",
    "/cart",
    "/cart#filled",
    "/checkout",
    "/checkout#filled",
    "/checkout#pay",
    "/checkout#refused",
    "{receipt}",
    "/redeem",
    "/redeem?code=EZDR-T900-01EV-FJYD-DE2Z",
    "/library",
    "/lost",
    "/embed/items-may-have-shifted",
    "/embed/items-may-have-shifted?size=large",
    "/studio",
    "/verify",
    "/verify?q={receipt}",
    "/verify?q=nonsense",
    "/nowhere",
    "/download/a/b/c",
    "{expired}",
]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("path", PAGES)
async def test_page_has_no_accessibility_violation(
    browser: Browser,
    demo_store: StoreProcess,
    order: Any,  # noqa: ANN401 - JSON
    expired_link: str,
    path: str,
    scheme: Any,  # noqa: ANN401 - one of playwright's literals
) -> None:
    context = await browser.new_context(
        viewport={"width": 320, "height": 640},
        ignore_https_errors=True,
        color_scheme=scheme,
    )
    page = await context.new_page()
    if "#" in path:
        await fill_cart(page, demo_store.url)
    path = path.format(receipt=order["receipt"], expired=expired_link)
    address, _, state = path.partition("#")
    if address.startswith("/"):
        address = demo_store.url + address
    await page.goto(address)
    if state in {"pay", "refused"}:
        await page.get_by_role("button", name="Simulate payment").click()
        await page.get_by_role("heading", name="Simulated payment").wait_for()
    if state == "refused":
        await page.get_by_role("button", name="refused").click()
        await page.get_by_role(
            "heading", name="Payment not completed"
        ).wait_for()
    for details in await page.locator("summary").all():
        await details.click()
    results = await Axe().run(page, options=RULES)
    assert results.violations_count == 0, results.generate_report()
    assert len(results.response["passes"]) > 5
    # WCAG 1.4.10: nothing to scroll sideways at 320 px.
    assert await page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth"
    )
    await context.close()
