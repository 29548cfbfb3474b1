# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Paying through Stripe, in a browser and against a fake."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from msrv.money import NotMoney, parse_typed
from tests.journeys.page_checks import check_page
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.store_process import StoreProcess, launch_store
from tests.wav_files import write_wav

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="module")
async def shop(
    library: Path, tmp_path: Path, bank: FakeStripe
) -> AsyncIterator[StoreProcess]:
    """Store process that takes payments through it.

    It has two releases more: one whose price may be nothing, and a free one
    that plays for a minute.
    """
    write_wav(library / "Open Mic" / "01 Hello.wav")
    (library / "Open Mic" / "release.toml").write_text(
        'id = "open-mic"\nminimum = "0"\n', encoding="utf-8"
    )
    write_wav(library / "Rain" / "01 Drizzle.wav", seconds=60)
    (library / "Rain" / "release.toml").write_text(
        'id = "rain"\n[items."01 Drizzle.wav"]\nid = "drizzle"\nprice = "0"\n',
        encoding="utf-8",
    )
    toml = library / "Night Bus" / "release.toml"
    toml.write_text(
        toml.read_text("utf-8").replace(
            'price = "7.00"\n', 'minimum = "5.00"\nsuggested = "8.00"\n', 1
        ),
        encoding="utf-8",
    )
    store = await asyncio.to_thread(
        launch_store,
        tmp_path,
        MSRV_LIBRARY=str(library),
        MSRV_TLS="off",
        MSRV_STRIPE_KEY=KEY,
        MSRV_STRIPE_WEBHOOK_SECRET=SECRET,
        MSRV_STRIPE_API=bank.url,
    )
    yield store
    assert await asyncio.to_thread(store.stop) == 0


TYPED = (
    *("9,5", "9.5", ".50", ",5", "0", "007", " €7,5 ", "7 €", "EUR 7", "7EUR"),
    *("1 0", "\u0667\u066b\u0665", "\uff17", "\U0001d7e9", "\u0967\u0966"),
    *("", ".", "-5", "+5", "7.", "9,555", "1.000,00", "1e3", "$7", "x7", "7x"),
    *("USD 7", "€€7", "7/2", "\u00bd"),
)
"""Prices as people type them, and what isn't one."""


async def visit(
    browser: Browser, *, scripts: bool
) -> tuple[BrowserContext, Page]:
    """Open a window of a phone."""
    context = await browser.new_context(
        viewport={"width": 360, "height": 740},
        java_script_enabled=scripts,
        # Prices as in German, and no texts in it.
        locale="fi-FI",
    )
    page = await context.new_page()
    return context, page


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_purchase_with_stripe(
    browser: Browser, shop: StoreProcess, bank: FakeStripe, *, scripts: bool
) -> None:
    context, page = await visit(browser, scripts=scripts)
    await page.goto(f"{shop.url}/catalog/umbrella-single")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await page.get_by_role("link", name="Cart").click()
    await expect(page.locator(".total")).to_contain_text("1,50\u00a0€")
    await page.get_by_role("button", name="Pay (test mode)").click()

    # Turning back keeps the cart.
    await expect(page.get_by_role("heading")).to_have_text("Pay 150 eur")
    await page.get_by_role("link", name="Back").click()
    await expect(page.locator(".lines")).to_contain_text("Umbrella")
    await page.get_by_role("button", name="Pay (test mode)").click()
    await page.get_by_role("button", name="Pay", exact=True).click()

    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    await expect(page.locator(".receipt")).to_contain_text("Umbrella")
    await expect(page.locator("[data-cart-count]").first).to_have_text("0")
    receipt = page.url
    event = bank.event("checkout.session.completed", bank.last)
    webhook = f"{shop.url}/payments/stripe/webhook"
    assert await bank.tell(webhook, event) == 200

    # Going back and paying again ends at the same receipt.
    await page.goto(bank.way_back(bank.last))
    assert page.url == receipt
    await context.close()


async def test_page_closed_at_each_step_leads_back_to_the_receipt(
    browser: Browser, shop: StoreProcess, bank: FakeStripe
) -> None:
    """Closed before paying, after it, and with the receipt open."""
    context, page = await visit(browser, scripts=True)
    await page.goto(f"{shop.url}/catalog/umbrella-single")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await page.close()

    page = await context.new_page()
    await page.goto(f"{shop.url}/cart")
    await page.get_by_role("button", name="Pay (test mode)").click()
    await expect(page.get_by_role("heading")).to_have_text("Pay 150 eur")
    await page.close()

    page = await context.new_page()
    await page.goto(shop.url)
    started = page.get_by_role("link", name="See whether it was completed")
    await expect(started).to_be_visible()
    # Paid in another window, whose way back was never taken.
    bank.pay(bank.last)
    await page.goto(f"{shop.url}/catalog")
    await started.click()
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    await expect(page.get_by_text("also in your purchases")).to_be_visible()
    receipt = page.url
    await page.close()

    page = await context.new_page()
    await page.goto(shop.url)
    await expect(
        page.get_by_role("link", name="See whether it was completed")
    ).to_have_count(0)
    await page.get_by_role("link", name="Your purchases").click()
    await (
        page.locator(".bought")
        .get_by_role("link", name="Umbrella")
        .first.click()
    )
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    assert page.url == receipt
    assert len(bank.sessions) == 1
    await context.close()


async def test_delayed_payment_is_pending_until_confirmed(
    browser: Browser, shop: StoreProcess, bank: FakeStripe
) -> None:
    context, page = await visit(browser, scripts=False)
    await page.goto(f"{shop.url}/catalog/umbrella-single")
    await page.get_by_role("button", name="Add to cart").click()
    await page.goto(f"{shop.url}/checkout")
    await page.get_by_role("button", name="Pay (test mode)").click()
    await page.get_by_role("button", name="Pay by bank debit").click()
    await expect(page.get_by_role("heading")).to_have_text(
        "Your payment is processing"
    )
    await expect(page.locator("[data-cart-count]").first).to_have_text("0")
    await page.get_by_role("link", name="Check again").click()
    await expect(page.get_by_role("heading")).to_have_text(
        "Your payment is processing"
    )
    bank.arrive(bank.last)
    await page.get_by_role("link", name="Check again").click()
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    await context.close()


async def test_total_follows_the_typed_price(
    browser: Browser, shop: StoreProcess
) -> None:
    context, page = await visit(browser, scripts=True)
    await page.goto(f"{shop.url}/catalog/night-bus")
    await page.get_by_role("button", name="Add to cart").click()
    await page.locator("[data-cart-bar] a").click()
    # The page before has such a field, too.
    await expect(page).to_have_url(f"{shop.url}/checkout")
    field = page.get_by_label("Your price")
    total = page.locator(".total .price")
    await field.fill("20")
    await expect(total).to_have_text(re.compile(r"^20,00.€$"))
    for typed in TYPED:
        # What the store would refuse leaves the last total.
        await field.fill("3")
        await expect(total).to_have_text(re.compile(r"^3,00.€$"))
        await field.fill(typed)
        try:
            amount = parse_typed(typed, "EUR").decimal.replace(".", ",")
        except NotMoney:
            amount = "3,00"
        text = (await total.inner_text()).replace("\u00a0", " ")
        assert text == f"{amount} €", typed
    await page.get_by_role("link", name="Edit cart").click()
    await expect(page).to_have_url(f"{shop.url}/cart")
    await field.fill("11")
    await expect(total).to_have_text(re.compile(r"^11,00.€$"))
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_suggested_price_leads_to_paying_in_one_tap(
    browser: Browser, shop: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, scripts=scripts)
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.goto(f"{shop.url}/catalog/night-bus")
    suggested = page.get_by_role("button", name="12,00")
    await expect(suggested).to_be_in_viewport(ratio=1)
    await page.locator(".track").last.scroll_into_view_if_needed()
    buy = page.get_by_role("button", name="Buy", exact=True)
    await expect(buy).to_be_in_viewport(ratio=1)
    await suggested.click()
    await expect(page.get_by_role("heading")).to_have_text("Pay 1200 eur")
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_buyer_chooses_the_price(
    browser: Browser, shop: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, scripts=scripts)
    await page.goto(f"{shop.url}/catalog/night-bus")
    await expect(page.locator(".own-price")).to_contain_text("At least 5,00")
    field = page.get_by_label("Your price")
    await field.fill("9,50")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await page.get_by_role("link", name="Cart").click()
    # The page before has such a field, too.
    await expect(page).to_have_url(f"{shop.url}/cart")
    await expect(field).to_have_value("9,50")

    # The Enter key keeps the price; it takes nothing out, and pays nothing.
    await field.fill("10,50")
    async with page.expect_event("load"):  # a script changes the total first
        await field.press("Enter")
    await expect(page.locator(".total")).to_contain_text("10,50")
    await field.fill("11")
    await page.get_by_role("button", name="Checkout").click()
    await expect(page).to_have_url(f"{shop.url}/checkout")
    await expect(field).to_have_value("11,00")
    await field.fill("9")
    async with page.expect_event("load"):
        await page.get_by_role("button", name="Update total").last.click()
    await expect(page.locator(".total")).to_contain_text("9,00")

    await field.fill("4")
    await page.get_by_role("button", name="Pay (test mode)").click()
    await expect(page.get_by_role("alert")).to_contain_text("from 5,00")
    await expect(field).to_have_value("4")
    await field.fill("12,34")
    await page.get_by_role("button", name="Pay (test mode)").click()
    await expect(page.get_by_role("heading")).to_have_text("Pay 1234 eur")
    await page.get_by_role("button", name="Pay", exact=True).click()
    await expect(page.locator(".receipt .total")).to_contain_text("12,34")
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_price_that_may_be_nothing_is_paid_once_it_is_typed(
    browser: Browser, shop: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, scripts=scripts)
    await page.goto(f"{shop.url}/catalog/open-mic")
    await page.get_by_label("Your price").fill("5")
    await page.get_by_role("button", name="Buy", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Pay 500 eur")
    await page.goto(f"{shop.url}/catalog/open-mic")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await page.goto(f"{shop.url}/checkout")
    await page.get_by_label("Your price").fill("6")
    await page.get_by_role("button", name="Get it").click()
    await expect(page.get_by_role("heading")).to_have_text("Pay 600 eur")
    await context.close()


@pytest.mark.parametrize("path", ["/catalog/rain", "{receipt}", "/library"])
async def test_release_is_paid_for_while_what_was_free_plays(
    browser: Browser, shop: StoreProcess, ffmpeg: str, path: str
) -> None:
    """The page on which playing was started stays, and so does its policy."""
    assert ffmpeg
    form = [("item", "drizzle")]
    receipt = shop.request_json("/purchases", form)["receipt"]
    context, page = await visit(browser, scripts=True)
    await page.goto(receipt)
    if path != "{receipt}":
        await page.goto(shop.url + path)
    await page.locator("[data-preview]").first.click()
    await expect(page.locator("[data-player-toggle]")).to_have_text("Pause")
    await page.evaluate("window.isTheSame = true")
    await page.get_by_role("link", name="Catalog").click()
    await page.get_by_role("link", name="Umbrella").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Umbrella")
    assert await page.evaluate("window.isTheSame")
    await page.get_by_role("button", name="Buy").click()
    await expect(page.get_by_role("heading")).to_have_text("Pay 150 eur")
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_mistyped_price_of_a_release_is_shown_in_the_cart(
    browser: Browser, shop: StoreProcess, *, scripts: bool
) -> None:
    context, page = await visit(browser, scripts=scripts)
    await page.goto(f"{shop.url}/catalog/night-bus")
    field = page.get_by_label("Your price")
    await field.fill("4")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page).to_have_url(f"{shop.url}/cart")
    await expect(page.get_by_role("alert")).to_contain_text("from 5,00")
    await expect(field).to_have_value("4")
    await expect(page.locator("[data-cart-count]").first).to_have_text("1")
    await check_page(page, scripts=scripts)
    await context.close()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_payment_page_has_no_accessibility_violation(
    browser: Browser,
    shop: StoreProcess,
    bank: FakeStripe,
    width: int,
    scheme: Literal["dark", "light"],
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 740}, color_scheme=scheme
    )
    page = await context.new_page()
    await page.goto(f"{shop.url}/catalog/night-bus")
    await page.get_by_role("button", name="Add to cart").click()
    await page.locator(".add button.done").wait_for()
    await check_page(page)
    for path in ("/cart", "/checkout"):
        await page.goto(shop.url + path)
        await check_page(page)
    bank.faults = [500] * 3
    pay = page.get_by_role("button", name="Pay (test mode)")
    await pay.click()
    await check_page(page)
    await page.goto(f"{shop.url}/checkout")
    await pay.click()
    await page.get_by_role("button", name="Pay by bank debit").click()
    await expect(page.get_by_role("heading")).to_contain_text("is processing")
    await check_page(page)
    await context.close()
