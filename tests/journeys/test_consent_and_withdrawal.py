# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Consent to immediate delivery, withdrawals and invoices, in a browser."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from msrv.settings.model import DEMO_LIBRARY
from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess, launch_store
from tests.web.invoices.test_invoice_pages import INVOICES, text_of

pytestmark = pytest.mark.browser

RELEASE = "/catalog/items-may-have-shifted"


@pytest.fixture(scope="module")
def asking_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreProcess]:
    """Demo that asks for consent, and makes invoices."""
    folder = tmp_path_factory.mktemp("law")
    library = Path(shutil.copytree(DEMO_LIBRARY, folder / "library"))
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write('consent = "required"\n' + INVOICES)
    store = launch_store(
        tmp_path_factory.mktemp("law-store"),
        MSRV_LIBRARY=str(library),
        MSRV_DEMO_PAYMENTS="1",
    )
    yield store
    assert store.stop() == 0


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_buyer_agrees_and_then_withdraws(
    browser: Browser, asking_store: StoreProcess, *, scripts: bool
) -> None:
    context = await browser.new_context(
        viewport={"width": 360, "height": 740},
        java_script_enabled=scripts,
        ignore_https_errors=True,
    )
    page = await context.new_page()
    await page.goto(asking_store.url + RELEASE)
    box = page.get_by_role("checkbox", name="I expressly agree")
    await expect(box).not_to_be_checked()
    await check_page(page, scripts=scripts)
    buy = page.get_by_role("button", name="Buy")
    await buy.click()
    await expect(page.get_by_role("alert")).to_contain_text("Must be ticked")
    await expect(box).not_to_be_checked()
    await check_page(page, scripts=scripts)
    await box.check()
    await buy.click()
    await page.get_by_role(
        "button", name="Simulate a successful payment"
    ).click()
    await expect(page.locator(".consent-given")).to_contain_text(
        "I expressly agree"
    )
    await check_page(page, scripts=scripts)
    receipt = page.url
    await page.get_by_role("link", name="Invoice (PDF)").click()
    await check_page(page, scripts=scripts)
    await page.get_by_label("VAT number").fill("?")
    made = page.get_by_role("button", name="Invoice TEST-")
    await made.click()
    await expect(page.locator("main")).to_contain_text("Must be a VAT number")
    await check_page(page, scripts=scripts)
    await page.get_by_label("VAT number").fill("FR123")
    await page.get_by_label("Name or company").fill("Kim O'Hara")
    async with page.expect_download() as waiting:
        await made.click()
    download = await waiting.value
    assert re.fullmatch(r"TEST-\d{4}-\d{5}\.pdf", download.suggested_filename)
    path = await download.path()
    content = await asyncio.to_thread(path.read_bytes)
    assert "Kim O'Hara" in text_of(content)
    await page.get_by_role("link", name="Back to the receipt").click()
    assert page.url == receipt

    link = page.locator(".receipt").get_by_role(
        "link", name="Withdraw from contract here"
    )
    await link.click()
    await check_page(page, scripts=scripts)
    await expect(page.locator("main")).to_contain_text("the seller decides")
    await page.get_by_label("Your name").fill("Kim O'Hara")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("main")).to_contain_text("Kim O'Hara")
    await check_page(page, scripts=scripts)
    await page.get_by_role("button", name="Confirm withdrawal").click()
    await expect(page.get_by_role("status")).to_contain_text(
        "Your withdrawal was received"
    )
    await check_page(page, scripts=scripts)
    # The right had ended with the consent: the downloads go on.
    await page.goto(receipt)
    await expect(
        page.get_by_role("link", name=re.compile("^Download")).first
    ).to_be_visible()
    await context.close()


async def test_withdrawal_without_consent_ends_the_downloads(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.goto(demo_store.url + RELEASE)
    await page.get_by_role("button", name="Buy").click()
    await page.get_by_role(
        "button", name="Simulate a successful payment"
    ).click()
    receipt = page.url
    await page.goto(f"{receipt.partition('?')[0]}/withdraw")
    await expect(page.locator("main")).to_contain_text("end with your")
    await page.get_by_label("Your name").fill("Kim")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name="Confirm withdrawal").click()
    await expect(page.get_by_role("status")).to_contain_text("have ended")

    async def is_refunded() -> None:
        await page.goto(receipt)
        await expect(page.locator(".receipt")).to_contain_text(
            "Withdrawn: its download links no longer work.", timeout=500
        )

    for _ in range(60):  # the ledger syncs every second
        try:
            await is_refunded()
            break
        except AssertionError:
            continue
    else:
        await is_refunded()
    await context.close()
