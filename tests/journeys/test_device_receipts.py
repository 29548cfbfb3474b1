# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts in the list of a device: loading, ended, forgotten, expired."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.journeys.growing_store import (
    buy,
    growing_store,
    open_page,
    stored,
)
from tests.journeys.page_checks import check_page
from tests.journeys.time_limits import FIRST_IS_SHORT
from tests.store_process import StoreProcess

__all__ = ["growing_store"]

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", ["{receipt}", "/library"])
async def test_expired_link_shows_the_page_that_says_so(
    browser: Browser, growing_store: StoreProcess, path: str
) -> None:
    """A browser discards an error that a link with `download` leads to."""
    page = await open_page(browser)
    await page.goto(growing_store.url + buy(growing_store))
    if path != "{receipt}":
        await page.goto(growing_store.url + path)
    link = page.get_by_role("link", name="Download: Field").or_(
        page.get_by_role("link", name="Download Field")
    )
    async with page.expect_download():
        await link.click()
    address = page.url
    await page.route(
        "**/download/**",
        lambda route: route.fulfill(
            status=410,
            content_type="text/html",
            body="<h1>It has expired</h1>",
        ),
    )
    await page.clock.set_system_time(time.time() + 366 * 86_400)
    await link.click()
    await expect(page.get_by_role("heading")).to_have_text("It has expired")
    assert page.url != address
    await page.context.close()


async def test_receipt_without_an_answer_holds_up_no_other(
    browser: Browser, growing_store: StoreProcess
) -> None:
    page = await open_page(browser)
    for _ in range(2):
        await page.goto(growing_store.url + buy(growing_store))
    held: list[Route] = []

    async def hold_the_first(route: Route) -> None:
        if held:
            await route.continue_()
        else:
            held.append(route)

    await page.route("**/purchases/*", hold_the_first)
    await page.add_init_script(FIRST_IS_SHORT)
    await page.goto(growing_store.url + "/library")
    rows = page.locator(".bought")
    await expect(
        rows.last.get_by_role("link", name="Download: Field Recordings")
    ).to_be_visible()
    await expect(rows.first).to_contain_text("couldn't be loaded")
    await page.context.close()


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (404, "isn't valid in this store"),
        (410, "isn't valid in this store"),
        (403, "couldn't be loaded"),
        (429, "couldn't be loaded"),
        (503, "couldn't be loaded"),
    ],
)
async def test_only_a_receipt_that_ended_is_called_invalid(
    browser: Browser, growing_store: StoreProcess, status: int, text: str
) -> None:
    page = await open_page(browser)
    await page.goto(growing_store.url + buy(growing_store))
    await page.route(
        "**/purchases/*", lambda route: route.fulfill(status=status)
    )
    await page.goto(growing_store.url + "/library")
    await expect(page.locator("[data-state]")).to_contain_text(text)
    await page.context.close()


async def test_forgetting_a_purchase_requests_no_other_receipt_again(
    browser: Browser, growing_store: StoreProcess
) -> None:
    page = await open_page(browser)
    for _ in range(3):
        await page.goto(growing_store.url + buy(growing_store))
    await page.goto(growing_store.url + "/library")
    await expect(page.locator("[data-state]")).to_have_count(0)
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    await page.get_by_role("button", name="Forget: Field").first.click()
    await expect(page.locator(".bought")).to_have_count(2)
    await expect(page.get_by_role("button", name="Undo")).to_be_focused()
    assert len(await stored(page)) == 2
    assert not requested
    await page.context.close()


async def test_forgotten_purchase_can_be_brought_back(
    browser: Browser, growing_store: StoreProcess
) -> None:
    page = await open_page(browser)
    for _ in range(2):
        await page.goto(growing_store.url + buy(growing_store))
    await page.goto(growing_store.url + "/library")
    await expect(page.locator("[data-state]")).to_have_count(0)
    before = await stored(page)
    shown = await page.locator("[data-library-list]").inner_html()
    await page.get_by_role("button", name="Forget: Field").first.click()
    status = page.locator("[data-library-status]")
    await expect(status).to_have_text("Forgotten: Field Recordings")
    await check_page(page)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".bought")).to_have_count(2)
    await expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    await expect(status).to_have_text("")
    assert await stored(page) == before
    assert "data-requested" in shown
    assert await page.locator("[data-library-list]").inner_html() == shown
    # The list is empty in between, and isn't afterwards.
    for _ in range(2):
        await page.get_by_role("button", name="Forget: Field").first.click()
    await expect(
        page.get_by_text("No receipt has been opened")
    ).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".bought")).to_have_count(1)
    await expect(page.get_by_text("No receipt has been opened")).to_be_hidden()
    await page.context.close()


async def test_list_that_is_shown_again_requests_each_receipt_once(
    browser: Browser, growing_store: StoreProcess, tmp_path: Path
) -> None:
    """The requests of the older list end."""
    page = await open_page(browser)
    for _ in range(3):
        await page.goto(growing_store.url + buy(growing_store))
    requested: list[str] = []
    held: list[Route] = []

    async def hold_the_first(route: Route) -> None:
        requested.append(route.request.url)
        if len(requested) == 1:
            held.append(route)
        else:
            await route.continue_()

    await page.route("**/purchases/*", hold_the_first)
    await page.goto(growing_store.url + "/library")
    await expect(page.locator(".bought")).to_have_count(3)
    nothing = tmp_path / "purchases.json"
    nothing.write_text('{"format": "msrv-purchases", "purchases": []}')
    await page.get_by_label("Import a file").set_input_files(nothing)
    await expect(page.locator("[data-state]")).to_have_count(0)
    await held[0].continue_()
    await page.wait_for_load_state("networkidle")
    assert len(requested) == 4
    await page.context.close()
