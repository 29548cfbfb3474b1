# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redeem codes, discounts and receipt mails, in a browser."""

import asyncio
import contextlib
import csv
import io
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from msrv.mail.smtp import TlsMode
from msrv.settings import DEMO_LIBRARY
from tests.journeys.page_checks import check_page
from tests.journeys.test_buying import DESKTOP, PHONE, visit
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.polling import wait_until
from tests.store_process import StoreProcess, free_port, launch_store

TO = "buyer@example.net"
RELEASE = "items-may-have-shifted"
DISCOUNT = "\n[discounts.SPRING]\npercent = 25\nuses = 100\n"


@contextlib.asynccontextmanager
async def store_with_mail(
    folder: Path, smtp_port: int
) -> AsyncIterator[StoreProcess]:
    """Run the demo with a discount, and mail through a relay on that port."""
    library = folder / "library"
    if not library.exists():
        shutil.copytree(DEMO_LIBRARY, library)
        with (library / "store.toml").open("a", encoding="utf-8") as file:
            file.write(DISCOUNT)
    port = free_port()
    store = await asyncio.to_thread(
        launch_store,
        folder,
        f"--port={port}",
        MSRV_LIBRARY=str(library),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_PUBLIC_URL=f"https://localhost:{port}",
        MSRV_SMTP_URL=f"smtp://127.0.0.1:{smtp_port}",
        MSRV_MAIL_FROM="till@example.org",
    )
    try:
        yield store
    finally:
        await asyncio.to_thread(store.stop)


def receipt_link(handler: Handler) -> str:
    """Return the receipt's address in the last mail."""
    body = handler.mails[-1].get_body(("html",))
    assert body is not None
    found = re.search(r'href="([^"]+)"', body.get_content())
    assert found
    return found[1]


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_redeem_code_discount_and_receipt_mail(
    browser: Browser, tmp_path: Path, size: ViewportSize, *, scripts: bool
) -> None:
    handler = Handler()
    async with (
        relay(handler, TlsMode.NONE, Authority.make()) as found,
        store_with_mail(tmp_path, found._settings.port) as store,
    ):
        await redeem(browser, store, handler, size, scripts=scripts)
        await buy(browser, store, handler, size, scripts=scripts)


async def redeem(
    browser: Browser,
    store: StoreProcess,
    handler: Handler,
    size: ViewportSize,
    *,
    scripts: bool,
) -> None:
    """Redeem a code, up to the mail."""
    context, page = await visit(browser, size, scripts=scripts)
    table = await asyncio.to_thread(
        store.run,
        *("codes", "mint", "--count=2", "--campaign=vinyl-2026"),
        f"--item={RELEASE}",
    )
    row, other = csv.DictReader(io.StringIO(table))

    # The printed QR code opens the page; a typing error is reported.
    await page.goto(row["url"])
    field = page.get_by_label("Your code")
    await expect(field).to_have_value(row["code"])
    await field.fill(row["code"][:-1] + "?")
    await page.get_by_role("button", name="Redeem").click()
    await expect(page.get_by_role("alert")).to_contain_text(
        "can't be part of a code"
    )
    await check_page(page, scripts=scripts)
    await field.fill(row["code"].lower().replace("-", " "))
    await page.get_by_label("Email (optional)").fill(TO)
    await page.get_by_role("button", name="Redeem").click()
    await expect(page.locator(".receipt")).to_contain_text(
        "with a redeem code"
    )
    await check_page(page, scripts=scripts)
    receipt = page.url.partition("?")[0]
    await wait_until(lambda: len(handler.mails) == 1)
    assert receipt_link(handler) == receipt

    # The same browser gets the receipt again; another one doesn't.
    await page.goto(row["url"])
    await page.get_by_role("button", name="Redeem").click()
    await expect(page.locator(".receipt")).to_be_visible()
    assert page.url.partition("?")[0] == receipt
    stranger, there = await visit(browser, size, scripts=scripts)
    await there.goto(row["url"])
    await there.get_by_role("button", name="Redeem").click()
    await expect(there.get_by_role("alert")).to_contain_text(
        "This code has already been used"
    )
    await there.get_by_label("Your code").fill(other["code"])
    await there.get_by_role("button", name="Redeem").click()
    await expect(there.locator(".receipt")).to_be_visible()
    await stranger.close()
    await context.close()


async def buy(
    browser: Browser,
    store: StoreProcess,
    handler: Handler,
    size: ViewportSize,
    *,
    scripts: bool,
) -> None:
    """Buy with a discount, up to the mail; then request a second mail."""
    context, page = await visit(browser, size, scripts=scripts)
    await page.goto(f"{store.url}/catalog/{RELEASE}")
    await page.locator(".buy + .add button").click()
    await page.locator(".buy + .add button.done").wait_for()
    await page.goto(f"{store.url}/cart")
    await page.get_by_label("Discount code").fill("winter")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("status")).to_contain_text(
        "isn't a valid discount code"
    )
    await page.get_by_label("Discount code").fill("spring")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator(".off")).to_contain_text("25% off")
    total = await page.locator(".total .price").inner_text()
    await page.get_by_label("Email (optional)").fill(TO)
    await check_page(page, scripts=scripts)
    await page.get_by_role("button", name="Simulate payment").click()
    await expect(page.locator(".total .price")).to_have_text(total)
    await page.get_by_role(
        "button", name="Simulate a successful payment"
    ).click()
    await expect(page.locator(".receipt .total")).to_contain_text(total)
    await wait_until(lambda: len(handler.mails) == 2)
    assert receipt_link(handler) == page.url.partition("?")[0]

    # A second mail can be requested.
    await page.get_by_label("Email this receipt").fill(TO)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".mailed")).to_contain_text("on its way")
    await wait_until(lambda: len(handler.mails) == 3)
    await context.close()


async def test_mail_is_sent_once_after_a_kill_following_the_sale(
    tmp_path: Path,
) -> None:
    port, handler = free_port(), Handler()
    form = [("item", RELEASE), ("mail", TO)]
    async with store_with_mail(tmp_path, port) as store:
        for _ in range(5):
            await asyncio.to_thread(store.request_json, "/purchases", form)
        store.process.kill()
    authority = Authority.make()
    async with relay(handler, TlsMode.NONE, authority, port=port):
        async with store_with_mail(tmp_path, port):
            await wait_until(lambda: len(handler.mails) == 5)
        ids = {each["Message-ID"] for each in handler.mails}
        assert len(ids) == 5
        # And not again at the next start.
        async with store_with_mail(tmp_path, port) as store:
            await asyncio.to_thread(store.request_json, "/purchases", form)
            await wait_until(lambda: len(handler.mails) == 6)
        assert len({each["Message-ID"] for each in handler.mails}) == 6


async def test_mail_is_sent_once_after_a_kill_during_delivery(
    tmp_path: Path,
) -> None:
    handler = Handler()
    async with relay(handler, TlsMode.NONE, Authority.make()) as found:
        port = found._settings.port
        async with store_with_mail(tmp_path, port) as store:
            handler.kills = store.process.kill
            for number in range(3):
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(
                        store.request_json,
                        "/purchases",
                        [("item", RELEASE), ("mail", f"{number}@example.net")],
                    )
            await wait_until(lambda: store.process.poll() is not None)
        taken = len(handler.mails)
        handler.kills = None
        waiting = len(list((tmp_path / "data" / "outbox").glob("*.json")))
        async with store_with_mail(tmp_path, port):
            await wait_until(lambda: len(handler.mails) == taken + waiting)
        # At most one duplicate: the mail that was accepted unnoticed.
        ids = [each["Message-ID"] for each in handler.mails]
        assert len(ids) - len(set(ids)) <= 1
