# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases of a device: lost and found, in a browser."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from msrv.settings import DEMO_LIBRARY
from tests.journeys.page_checks import check_page
from tests.journeys.time_limits import FIRST_IS_SHORT
from tests.store_process import StoreProcess, launch_store

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=740)


@pytest.fixture(scope="module")
def growing_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StoreProcess]:
    """Store with one free release, to which files can be added."""
    folder = tmp_path_factory.mktemp("growing")
    release = folder / "library" / "Field Recordings"
    release.mkdir(parents=True)
    (release / "release.toml").write_text(
        'title = "Field Recordings"\nprice = "0"\nitem_price = "0"\n'
    )
    audio = next(DEMO_LIBRARY.glob("*/02 Hand Luggage.m4a"))
    shutil.copy(audio, release / "01 Platform.m4a")
    (release / "Notes.txt").write_text("A windy day.\n")
    store = launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_SETTLE_SECONDS="0",
        MSRV_DEMO_PAYMENTS="1",
    )
    yield store
    assert store.stop() == 0


async def open_page(browser: Browser) -> Page:
    """Open a window of a new visitor."""
    context = await browser.new_context(
        viewport=PHONE, ignore_https_errors=True, accept_downloads=True
    )
    return await context.new_page()


def release_id(store: StoreProcess) -> str:
    found: str = store.request_json("/catalog")["releases"][0]["item_id"]
    return found


def buy(store: StoreProcess) -> str:
    """Buy the whole release, and return the path of the receipt."""
    form = [("item", release_id(store))]
    receipt: str = store.request_json("/purchases", form)["receipt"]
    return receipt.removeprefix(store.url)


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


async def stored(page: Page) -> list[dict[str, Any]]:
    """Return the purchases that the browser keeps."""
    found: list[dict[str, Any]] = json.loads(
        await page.evaluate("localStorage.purchases")
    )
    return found


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
