# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Signing in to the studio and out of it, in a browser."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.journeys.page_checks import check_page
from tests.journeys.studio_windows import sign_in, sign_in_link, visit
from tests.store_process import StoreProcess, launch_store

pytestmark = pytest.mark.browser


async def test_used_sign_in_link_explains_itself(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    address = sign_in_link(demo_store)
    await page.goto(address)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()
    await context.close()
    other = await browser.new_context(ignore_https_errors=True)
    page = await other.new_page()
    await page.goto(address)
    await expect(page.get_by_role("heading")).to_have_text(
        re.compile("already been used")
    )
    await other.close()


async def test_sign_out_command_reaches_a_running_store(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context, page = await visit(browser, demo_store)
    assert (await page.request.get(f"{demo_store.url}/studio")).ok
    demo_store.run("studio", "--sign-out")
    async with asyncio.timeout(60):
        while (await page.request.get(f"{demo_store.url}/studio")).ok:
            await page.wait_for_timeout(100)
    # A new link works.
    await sign_in(page, demo_store)
    await context.close()


async def test_studio_while_the_database_is_unavailable(
    browser: Browser, tmp_path: Path
) -> None:
    store = launch_store(tmp_path, MSRV_DATABASE="mysql://a:b@127.0.0.1:1/x")
    try:
        context = await browser.new_context(
            viewport={"width": 320, "height": 640}, ignore_https_errors=True
        )
        page = await context.new_page()
        address = sign_in_link(store)
        await page.goto(address)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading")).to_have_text(
            "The database is unavailable"
        )
        await check_page(page)
        await page.get_by_role("link", name="Health").click()
        await expect(page.locator("main")).to_contain_text("Unavailable")
        await check_page(page)
        await page.goto(address)
        await expect(page.get_by_role("heading")).to_have_text(
            "This sign-in link has already been used"
        )
        await check_page(page)
        await context.close()
    finally:
        assert store.stop() == 0


async def test_link_from_another_site_opens_for_who_is_signed_in(
    browser: Browser, demo_store: StoreProcess
) -> None:
    """The cookie is `SameSite=Strict`: the first request is without it."""
    context, page = await visit(browser, demo_store, java_script_enabled=False)
    statuses: list[int] = []
    page.on(
        "response",
        lambda response: (
            statuses.append(response.status)
            if response.url.endswith("/studio/orders")
            else None
        ),
    )
    for _ in range(2):
        await page.goto(
            f"data:text/html,<a href='{demo_store.url}/studio/orders'>x</a>"
        )
        await page.get_by_role("link").click()
        await expect(
            page.get_by_role("heading", name="Orders", exact=True)
        ).to_be_visible()
    assert statuses == [401, 200, 401, 200]
    await context.clear_cookies()
    await page.goto(
        f"data:text/html,<a href='{demo_store.url}/studio/orders'>x</a>"
    )
    await page.get_by_role("link").click()
    heading = page.get_by_role("heading", name="Sign in to the studio")
    await expect(heading).to_be_visible()
    # It opens itself again once, and then stays.
    await expect(page.locator('meta[http-equiv="refresh"]')).to_have_count(0)
    assert statuses[4:] == [401, 401]
    await context.close()
