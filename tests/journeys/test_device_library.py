# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases of a device: lost and found, in a browser."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.journeys.growing_store import (
    buy,
    growing_store,
    open_page,
    stored,
)
from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess

__all__ = ["growing_store"]

pytestmark = pytest.mark.browser


async def test_closed_tab_is_found_again_and_carried_to_another_device(
    browser: Browser, growing_store: StoreProcess, tmp_path: Path
) -> None:
    page = await open_page(browser)
    await page.goto(growing_store.url + "/library")
    await expect(
        page.get_by_text("No receipt has been opened")
    ).to_be_visible()
    await page.goto(growing_store.url + buy(growing_store))
    await expect(page.get_by_text("also in your purchases")).to_be_visible()
    # The tab is closed, and another one is opened in the same browser.
    again = await page.context.new_page()
    await page.close()
    await again.goto(growing_store.url)
    await again.get_by_role("link", name="Your purchases").click()
    row = again.locator(".bought")
    await expect(
        row.get_by_role("link", name="Field Recordings", exact=True)
    ).to_be_visible()
    await check_page(again)
    async with again.expect_download() as download:
        await row.get_by_role(
            "link", name="Download: Field Recordings"
        ).click()
    assert (await download.value).suggested_filename.endswith(".zip")
    await row.get_by_text("Individual files").click()
    await row.get_by_role("button", name="Play: Hand Luggage").click()
    await expect(again.get_by_label("Player")).to_be_visible()
    async with again.expect_download() as download:
        await again.get_by_role("button", name="Export as a file").click()
    exported = tmp_path / "purchases.json"
    await (await download.value).save_as(exported)
    await again.context.close()

    other = await open_page(browser)
    await other.goto(growing_store.url + "/library")
    await other.get_by_label("Import a file").set_input_files(exported)
    await expect(other.get_by_text("Receipts imported: 1.")).to_be_visible()
    await expect(other.locator(".bought")).to_have_count(1)
    await expect(
        other.get_by_role("link", name="Download: Field Recordings")
    ).to_be_visible()
    await other.get_by_role("button", name="Forget: Field").click()
    await expect(other.locator(".bought")).to_have_count(0)
    await other.reload()
    await expect(
        other.get_by_text("No receipt has been opened")
    ).to_be_visible()
    await other.context.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "another"}',
        '{"format": "msrv-purchases"}',
        '{"format": "msrv-purchases", "purchases": 1}',
    ],
)
async def test_file_that_is_not_an_export_is_refused(
    browser: Browser, growing_store: StoreProcess, tmp_path: Path, text: str
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text)
    page = await open_page(browser)
    await page.goto(growing_store.url + "/library")
    await page.get_by_label("Import a file").set_input_files(wrong)
    await expect(page.get_by_text("couldn't be imported")).to_be_visible()
    await page.context.close()


async def test_export_is_not_called_unreadable_without_storage(
    browser: Browser, growing_store: StoreProcess, tmp_path: Path
) -> None:
    page = await open_page(browser)
    await page.goto(growing_store.url + buy(growing_store))
    entry = await stored(page)
    exported = tmp_path / "purchases.json"
    exported.write_text(
        json.dumps({"format": "msrv-purchases", "purchases": entry})
    )
    await page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException() }"
    )
    await page.goto(growing_store.url + "/library")
    await page.get_by_label("Import a file").set_input_files(exported)
    await expect(page.get_by_text("doesn't let the store")).to_be_visible()
    await page.context.close()


async def test_entries_that_lead_elsewhere_are_left_out(
    browser: Browser, growing_store: StoreProcess, tmp_path: Path
) -> None:
    """A file from a stranger can't show a script, nor call other pages."""
    entry = {"order": "A", "issued_at": 1, "titles": ["<b>x"], "files": {}}
    forged = "/purchases/" + "A" * 60
    wrong = tmp_path / "purchases.json"
    wrong.write_text(
        json.dumps(
            {
                "format": "msrv-purchases",
                "purchases": [
                    entry | {"receipt": "https://elsewhere.example/"},
                    entry | {"receipt": "javascript:alert(1)"},
                    entry | {"receipt": "/purchases/../studio" + "A" * 60},
                    entry | {"receipt": forged, "order": "B"},
                    None,
                    7,
                ],
            }
        )
    )
    page = await open_page(browser)
    await page.goto(growing_store.url + "/library")
    await page.get_by_label("Import a file").set_input_files(wrong)
    await expect(page.locator(".bought")).to_have_count(1)
    link = page.get_by_role("link", name="<b>x")
    assert await link.get_attribute("href") == forged
    await expect(page.get_by_text("isn't valid in this store")).to_be_visible()
    await page.context.close()


async def test_import_leaves_the_receipts_that_are_known(
    browser: Browser, growing_store: StoreProcess, tmp_path: Path
) -> None:
    """An older export can't replace a working receipt with a dead one."""
    page = await open_page(browser)
    await page.goto(growing_store.url + buy(growing_store))
    await page.goto(growing_store.url + "/library")
    (known,) = await stored(page)
    dead = "/purchases/" + "A" * 60
    older = tmp_path / "purchases.json"
    older.write_text(
        json.dumps(
            {
                "format": "msrv-purchases",
                "purchases": [
                    known | {"receipt": dead, "titles": ["Older"]},
                    known | {"receipt": dead, "order": "B"},
                    known | {"receipt": dead, "order": "B"},
                ],
            }
        )
    )
    await page.get_by_label("Import a file").set_input_files(older)
    await expect(page.get_by_text("Receipts imported: 1.")).to_be_visible()
    await expect(page.locator(".bought")).to_have_count(2)
    assert known in await stored(page)
    await page.context.close()


async def test_opened_receipt_replaces_the_one_that_is_known(
    browser: Browser, growing_store: StoreProcess
) -> None:
    page = await open_page(browser)
    receipt = buy(growing_store)
    await page.goto(growing_store.url + receipt)
    (known,) = await stored(page)
    dead = known | {"receipt": "/purchases/" + "A" * 60, "files": {"x": "y"}}
    await page.evaluate(
        "dead => { localStorage.purchases = JSON.stringify([dead]) }", dead
    )
    await page.reload()
    assert await stored(page) == [known | {"files": {"x": "y"}}]
    await page.context.close()


async def test_files_that_were_added_or_changed_are_marked(
    browser: Browser, growing_store: StoreProcess
) -> None:
    page = await open_page(browser)
    receipt = buy(growing_store)
    await page.goto(growing_store.url + receipt)
    folder = Path(growing_store.environ["MSRV_LIBRARY"], "Field Recordings")
    (folder / "Bonus.txt").write_text("Another day.\n")
    (folder / "Notes.txt").write_text("A very windy day.\n")
    await page.goto(growing_store.url + "/library")

    async def is_marked() -> bool:
        await page.reload()
        await expect(page.locator("[data-state]")).to_have_count(0)
        return await page.locator(".mark:visible").count() == 2

    while not await is_marked():
        await page.wait_for_timeout(300)
    files = page.locator(".files .files li")
    await expect(files.filter(has_text="Bonus")).to_contain_text("New since")
    await expect(files.filter(has_text="Notes")).to_contain_text("Changed")
    # So they are on the receipt, in its list of files, which is open then.
    await page.goto(growing_store.url + receipt)
    files = page.locator(".files li")
    await expect(files.filter(has_text="Bonus")).to_contain_text("New since")
    await expect(files.filter(has_text="Notes")).to_contain_text("Changed")
    await expect(page.locator(".mark:visible")).to_have_count(2)
    async with page.expect_download():
        await page.get_by_role("link", name="Download Bonus").click()
    await page.reload()
    await expect(page.locator(".mark:visible")).to_have_count(1)
    await page.goto(growing_store.url + "/library")
    await expect(page.locator("[data-state]")).to_have_count(0)
    await expect(page.locator(".mark:visible")).to_have_count(1)
    await page.context.close()


async def test_without_scripts_the_page_says_what_to_do(
    browser: Browser, growing_store: StoreProcess
) -> None:
    context = await browser.new_context(
        java_script_enabled=False, ignore_https_errors=True
    )
    page = await context.new_page()
    await page.goto(growing_store.url + "/purchases")
    assert page.url.endswith("/library")
    await expect(
        page.get_by_text("This list needs JavaScript")
    ).to_be_visible()
    await context.close()
