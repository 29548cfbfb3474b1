# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio, in a browser."""

import csv
import io
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.journeys.page_checks import check_page
from tests.journeys.studio_windows import TRACK, sign_in, sign_in_link, visit
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser
RELEASE = "items-may-have-shifted"
PAGES = [
    "/studio",
    "/studio/sales?span=year",
    "/studio/sales",
    "/studio/sellers",
    "/studio/releases",
    "/studio/releases/items-may-have-shifted",
    "/studio/give?item=items-may-have-shifted",
    "/studio/codes?item=items-may-have-shifted",
    "/studio/downloads/list",
    "/studio/orders",
    "/studio/orders?q=nothing+like+it",
    "/studio/downloads",
    "/studio/refunds",
    "/studio/oss",
    "/studio/health",
    "/studio/activity",
    "/studio/operators",
    "/studio/tokens",
    "{order}",
    "{order}/revoke",
    "{order}/revoke?undo=1",
    "{order}/refund",
    "{order}/refund?part=rest",
    "{order}/evidence",
]


@pytest_asyncio.fixture(loop_scope="module")
async def sold(browser: Browser, demo_store: StoreProcess) -> Any:  # noqa: ANN401 - JSON
    """Order that is in the ledger, with a completed download."""
    items = demo_store.request_json("/catalog/items-may-have-shifted")["items"]
    ids = {each["title"]: each["item_id"] for each in items}
    bought = demo_store.request_json(
        "/purchases",
        [("item", ids[TRACK]), ("item", "minutes-of-the-last-meeting")],
    )
    bought["link"] = bought["downloads"][ids[TRACK]]
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.request.get(bought["link"])
    await sign_in(page, demo_store)
    address = f"{demo_store.url}/studio/orders/{bought['order_id']}"
    for _ in range(200):
        response = await page.request.get(address)
        if response.ok and "complete, " in await response.text():
            break
        await page.wait_for_timeout(50)
    await context.close()
    return bought


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "no-js"])
async def test_sale_is_shown_refunded_and_restored(
    browser: Browser,
    demo_store: StoreProcess,
    sold: Any,  # noqa: ANN401 - JSON
    *,
    scripts: bool,
) -> None:
    context, page = await visit(
        browser, demo_store, java_script_enabled=scripts
    )
    await expect(page.locator("svg.bars").first).to_be_visible()
    await page.get_by_role("link", name="Orders", exact=True).click()
    await page.get_by_label("Order number, receipt or payment reference").fill(
        sold["order_id"][:8].lower()
    )
    await page.get_by_role("button", name="Find").click()
    await page.locator(".ledger a").click()
    await expect(page.locator(".order")).to_contain_text(TRACK)
    await expect(page.locator(".order")).to_contain_text("complete, ")
    receipt = await page.get_by_label("Address of the receipt").input_value()
    assert receipt == sold["receipt"]

    buyer = await browser.new_context(ignore_https_errors=True)
    assert (await buyer.request.get(sold["link"])).status == 200
    await page.get_by_role("link", name=f"End downloads {TRACK}").click()
    await expect(page.locator("main")).to_contain_text("You can undo this")
    await page.get_by_role("button", name="End downloads").click()
    await expect(page.locator(".order")).to_contain_text("Downloads ended")
    assert (await buyer.request.get(sold["link"])).status == 410
    await page.get_by_role("link", name=f"Restore downloads {TRACK}").click()
    await page.get_by_role("button", name="Restore downloads").click()
    await expect(page.locator(".order")).to_contain_text("Downloads restored")
    assert (await buyer.request.get(sold["link"])).status == 200
    await page.get_by_role("link", name="Refund…").click()
    await page.get_by_label("An amount").check()
    await page.get_by_label("Amount in EUR").fill("0,10")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("main")).to_contain_text("no money moves")
    await page.get_by_role("button", name="Refund €0.10").click()
    await expect(page.locator(".order")).to_contain_text("Refund of €0.10")
    assert (await buyer.request.get(sold["link"])).status == 200
    await page.get_by_role("link", name="Refund…").click()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name="Refund €").click()
    await expect(page.locator(".order")).to_contain_text("has been refunded")
    assert (await buyer.request.get(sold["link"])).status == 410
    await buyer.close()

    await page.get_by_role("link", name="Orders", exact=True).click()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Download CSV").click()
    download = await waiting.value
    assert download.suggested_filename == "orders.csv"
    with open(await download.path(), encoding="utf-8", newline="") as file:  # noqa: ASYNC230, PTH123
        rows = list(csv.DictReader(io.StringIO(file.read(), newline="")))
    (row,) = (each for each in rows if each["order"] == sold["order_id"])
    assert TRACK in row["titles"]

    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Signed out")
    response = await page.goto(f"{demo_store.url}/studio")
    assert response
    assert response.status == 401
    await context.close()


async def test_opened_receipt_is_not_in_the_operator_s_purchases(
    browser: Browser,
    demo_store: StoreProcess,
    sold: Any,  # noqa: ANN401 - JSON
) -> None:
    context, page = await visit(browser, demo_store)
    await page.goto(f"{demo_store.url}/studio/orders/{sold['order_id']}")
    await page.get_by_role("link", name="Open", exact=True).click()
    await expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    await page.goto(f"{demo_store.url}/library")
    await expect(
        page.get_by_text("No receipt has been opened")
    ).to_be_visible()
    await expect(page.locator(".bought")).to_have_count(0)
    await context.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_studio_page_has_no_accessibility_violation(
    browser: Browser,
    demo_store: StoreProcess,
    sold: Any,  # noqa: ANN401 - JSON
    scheme: Any,  # noqa: ANN401 - one of playwright's literals
) -> None:
    context = await browser.new_context(
        viewport={"width": 320, "height": 640},
        ignore_https_errors=True,
        color_scheme=scheme,
    )
    page = await context.new_page()
    await page.goto(sign_in_link(demo_store))
    await check_page(page)
    await page.get_by_role("button", name="Sign in").click()
    for path in PAGES:
        path_of = path.format(order=f"/studio/orders/{sold['order_id']}")
        response = await page.goto(demo_store.url + path_of)
        assert response
        assert response.ok, path
        for details in await page.locator("summary").all():
            await details.click()
        await check_page(page)
    await page.goto(f"{demo_store.url}/studio/give?item={RELEASE}")
    await page.get_by_role("button", name="Give it").click()
    await check_page(page)
    await page.goto(f"{demo_store.url}/studio/codes?item={RELEASE}")
    for campaign in ("Not a name", "vinyl-2027"):
        await page.get_by_label("Campaign").fill(campaign)
        await page.get_by_label("Number of codes").fill("4")
        await page.get_by_role("button", name="Make codes").click()
        await check_page(page)
    await expect(page.get_by_role("heading")).to_have_text("4 codes")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await check_page(page)
    await page.goto(f"{demo_store.url}/studio")
    await check_page(page)
    await context.close()


async def test_order_number_is_on_one_line_of_a_wide_screen(
    browser: Browser,
    demo_store: StoreProcess,
    sold: Any,  # noqa: ANN401 - JSON
) -> None:
    context, page = await visit(
        browser, demo_store, viewport={"width": 1280, "height": 860}
    )
    await page.goto(f"{demo_store.url}/studio/orders")
    number = page.locator(f'a[href="/studio/orders/{sold["order_id"]}"]')
    tops = await number.locator(".group").evaluate_all(
        "groups => groups.map(group => group.getBoundingClientRect().top)"
    )
    assert len(tops) == 6
    assert len(set(tops)) == 1
    await context.close()


async def test_copy_and_codes_are_given_on_a_phone(
    browser: Browser, demo_store: StoreProcess
) -> None:
    """Without scripts, from the list of releases on."""
    context, page = await visit(
        browser,
        demo_store,
        viewport={"width": 360, "height": 740},
        java_script_enabled=False,
    )
    await page.get_by_role("link", name="Releases", exact=True).click()
    await page.get_by_role("link", name="Items May Have Shifted").click()
    await page.get_by_role("link", name="Give a free copy").click()
    await page.get_by_label("What").select_option(label=TRACK)
    await page.get_by_role("button", name="Give it").click()
    await expect(page.get_by_role("heading")).to_have_text("Free copy given")
    receipt = await page.locator("textarea").input_value()
    buyer = await browser.new_context(ignore_https_errors=True)
    shown = await buyer.new_page()
    await shown.goto(receipt)
    await expect(shown.locator("main")).to_contain_text(TRACK)
    await page.get_by_role("link", name="Order").last.click()
    await expect(page.locator("main")).to_contain_text("given by the seller")

    await page.goto(
        f"{demo_store.url}/studio/codes?item=items-may-have-shifted"
    )
    await page.get_by_label("Campaign").fill("Vinyl 2027")
    await page.get_by_label("Number of codes").fill("4")
    await page.get_by_role("button", name="Make codes").click()
    await expect(page.locator("#campaign-error")).to_be_visible()
    await page.get_by_label("Campaign").fill("vinyl-2027")
    await page.get_by_role("button", name="Make codes").click()
    await expect(page.get_by_role("heading")).to_have_text("4 codes")
    code, *_ = (await page.locator("textarea").input_value()).split()
    await page.get_by_role("button", name="Open the sheet").click()
    await expect(page.locator(".card svg")).to_have_count(4)
    # The sheet's style is in a file, which the policy allows.
    await expect(page.locator(".card").first).to_have_css("display", "grid")
    await shown.goto(f"{demo_store.url}/redeem?code={code}")
    await shown.get_by_role("button", name="Redeem").click()
    await expect(shown.locator("main")).to_contain_text(TRACK)
    await buyer.close()
    await context.close()
