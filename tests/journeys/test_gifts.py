# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Giving a release to another person, in a browser."""

import zipfile

import pytest
from playwright.async_api import Browser, expect

from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

RELEASE = "Items May Have Shifted"
NOTE = "Happy birthday, Kim.\nFor the long train rides."


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_gift_is_passed_on_with_a_card(
    browser: Browser, demo_store: StoreProcess, *, scripts: bool
) -> None:
    context = await browser.new_context(
        viewport={"width": 360, "height": 740},
        java_script_enabled=scripts,
        ignore_https_errors=True,
    )
    page = await context.new_page()
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    await page.get_by_role("button", name="Give as a gift").click()
    await expect(page.get_by_label("This is a gift")).to_be_checked()
    note = page.get_by_label("Note (optional)")

    await note.fill("see https://example.org")
    await page.get_by_role("button", name="Simulate payment").click()
    await expect(page.get_by_role("alert")).to_contain_text("web or email")
    await expect(note).to_have_value("see https://example.org")
    await check_page(page, scripts=scripts)

    await note.fill(NOTE)
    await page.get_by_label("Your name (optional)").fill("Robin")
    await page.get_by_role("button", name="Simulate payment").click()
    await page.get_by_role(
        "button", name="Simulate a successful payment"
    ).click()
    await expect(page.get_by_role("heading", name="Bill")).to_be_visible()
    await expect(page.locator(".total")).to_contain_text("€6.00")
    await expect(page.get_by_role("link", name="Download")).to_have_count(0)
    link = await page.get_by_label("Link to the gift").input_value()
    await check_page(page, scripts=scripts)

    await page.get_by_role("link", name="Open the card").click()
    await expect(page.locator(".gift-note")).to_have_text(NOTE)
    await check_page(page, scripts=scripts)
    await page.emulate_media(media="print")
    await expect(page.locator(".gift-card .code svg")).to_be_visible()
    await expect(page.get_by_text(link).last).to_be_visible()
    await expect(page.get_by_role("link")).to_have_count(0)
    await context.close()

    # The recipient, who has only the link.
    context = await browser.new_context(
        java_script_enabled=scripts, ignore_https_errors=True
    )
    page = await context.new_page()
    await page.goto(link)
    await expect(page.locator(".receipt")).to_contain_text(RELEASE)
    await expect(page.locator(".receipt")).not_to_contain_text("€")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name=f"Download {RELEASE}").click()
    # Chromium names it before or after the response: its content counts.
    assert zipfile.is_zipfile(await (await waiting.value).path())
    if scripts:
        # Neither a bookmark nor the device's list leads to the prices.
        await page.goto(f"{link}&mailed=k%E2%80%A6@example.org")
        await expect(page.locator(".mailed")).to_be_visible()
        await expect(page).to_have_url(link)
        await page.get_by_role("link", name="Your purchases").last.click()
        bought = page.get_by_role("link", name=RELEASE, exact=True)
        await bought.first.click()
        await expect(page).to_have_url(link)
        await expect(page.locator(".receipt")).not_to_contain_text("€")
    await context.close()


async def test_gift_fields_are_hidden_until_the_box_is_ticked(
    browser: Browser, demo_store: StoreProcess
) -> None:
    context = await browser.new_context(
        java_script_enabled=False, ignore_https_errors=True
    )
    page = await context.new_page()
    await page.goto(f"{demo_store.url}/catalog/items-may-have-shifted")
    await page.get_by_role("button", name="Add to cart").click()
    await page.goto(f"{demo_store.url}/checkout")
    note = page.get_by_label("Note (optional)")
    await expect(note).to_be_hidden()
    await page.get_by_label("This is a gift").check()
    await expect(note).to_be_visible()
    await context.close()
