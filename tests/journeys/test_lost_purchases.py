# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A purchase that was lost, and found by the address that paid for it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from msrv.mail.smtp import TlsMode
from tests.journeys.page_checks import check_page
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.polling import wait_until
from tests.store_process import StoreProcess, free_port, launch_store

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=740)
TO = "ada@example.net"


@pytest_asyncio.fixture(loop_scope="module")
async def mails() -> AsyncIterator[tuple[Handler, int]]:
    """Mails that arrived, and the port of their server."""
    handler = Handler()
    async with relay(handler, TlsMode.NONE, Authority.make()) as found:
        yield handler, found._settings.port


@pytest_asyncio.fixture(loop_scope="module")
async def shop(
    library: Path,
    tmp_path: Path,
    bank: FakeStripe,
    mails: tuple[Handler, int],
) -> AsyncIterator[StoreProcess]:
    """Store process that takes payments there, and sends mail."""
    port = free_port()
    store = await asyncio.to_thread(
        launch_store,
        tmp_path,
        f"--port={port}",
        MSRV_LIBRARY=str(library),
        MSRV_TLS="off",
        MSRV_PUBLIC_URL=f"http://localhost:{port}",
        MSRV_STRIPE_KEY=KEY,
        MSRV_STRIPE_WEBHOOK_SECRET=SECRET,
        MSRV_STRIPE_API=bank.url,
        MSRV_SMTP_URL=f"smtp://127.0.0.1:{mails[1]}",
        MSRV_MAIL_FROM="till@example.org",
    )
    yield store
    assert await asyncio.to_thread(store.stop) == 0


async def visit(browser: Browser, *, scripts: bool) -> Page:
    """Open a window of a new visitor."""
    context = await browser.new_context(
        viewport=PHONE, java_script_enabled=scripts
    )
    return await context.new_page()


async def test_lost_purchase_is_found_on_another_device(
    browser: Browser,
    shop: StoreProcess,
    bank: FakeStripe,
    mails: tuple[Handler, int],
) -> None:
    handler, _ = mails
    page = await visit(browser, scripts=False)
    await page.goto(f"{shop.url}/catalog/umbrella-single")
    await page.get_by_role("button", name="Add to cart").click()
    await page.get_by_role("link", name="Cart").click()
    await page.get_by_role("button", name="Pay (test mode)").click()
    # At Stripe the buyer types an address, pays, and never comes back there.
    bank.last["customer_details"] = {"email": TO}
    await page.get_by_role("button", name="Pay", exact=True).click()
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    receipt = page.url
    await page.context.close()

    page = await visit(browser, scripts=True)
    await page.goto(shop.url)
    await page.get_by_role("link", name="Find a purchase").click()
    await check_page(page)
    await page.get_by_label("Your email address").fill(TO)
    await page.get_by_role("button", name="Send my receipts").click()
    answer = page.get_by_role("status")
    await expect(answer).to_contain_text("Your request was received")
    await wait_until(lambda: len(handler.mails) == 1)
    (mail,) = handler.mails
    assert mail["To"] == TO
    body = mail.get_body(("html",))
    assert body is not None
    (link,) = re.findall('href="([^"]+)"', body.get_content())
    assert (
        link.partition("/purchases/")[2]
        == (receipt.partition("?")[0].partition("/purchases/")[2])
    )
    await page.goto(link)
    await expect(page.locator(".receipt")).to_contain_text("Umbrella")
    await page.context.close()
