# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Windows of an operator who is signed in to the studio."""

from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser
TRACK = "Hand Luggage"


def sign_in_link(store: StoreProcess) -> str:
    """Return a new sign-in link."""
    return store.run("studio", f"--base-url={store.url}").strip()


async def sign_in(page: Page, store: StoreProcess) -> None:
    """Open a sign-in link, and press its button."""
    await page.goto(sign_in_link(store))
    await page.get_by_role("button", name="Sign in to the studio").click()
    await expect(page.get_by_role("heading", name="Today")).to_be_visible()


async def visit(
    browser: Browser,
    store: StoreProcess,
    **options: Any,  # noqa: ANN401
) -> tuple[BrowserContext, Page]:
    """Open a window of a signed-in operator."""
    context = await browser.new_context(
        ignore_https_errors=True, accept_downloads=True, **options
    )
    page = await context.new_page()
    await sign_in(page, store)
    return context, page
