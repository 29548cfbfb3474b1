# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A buyer who chooses a format on a receipt, with and without scripts."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.catalog.encodings.masters import EncodedLibrary, write_single
from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess, launch_store

pytestmark = pytest.mark.browser

_ONLY_MP3 = (
    "HTMLMediaElement.prototype.canPlayType ="
    " (type) => (type.includes('mpeg') ? 'probably' : '')"
)
"""A device that plays MP3 and nothing else."""


@pytest.fixture(scope="module")
def encoded_store(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreProcess]:
    """Store with one free track in FLAC, MP3 and Opus."""
    folder = tmp_path_factory.mktemp("encoded")
    root = folder / "library"
    write_single(ffmpeg, root, "mp3-v0", "opus-128")
    library = EncodedLibrary(
        ffmpeg, root, folder / "other", folder / "encodings"
    )
    asyncio.run(library.encode_all())
    store = launch_store(
        folder,
        MSRV_LIBRARY=str(root),
        MSRV_ENCODINGS=str(folder / "encodings"),
        MSRV_ENCODE_JOBS="0",
        MSRV_DEMO_PAYMENTS="1",
    )
    yield store
    assert store.stop() == 0


def buy(store: StoreProcess) -> str:
    """Buy the track, and return the address of the receipt."""
    release = store.request_json("/catalog")["releases"][0]
    form = [("item", release["items"][0]["item_id"])]
    receipt: str = store.request_json("/purchases", form)["receipt"]
    return receipt


async def open_page(browser: Browser, *, scripts: bool = True) -> Page:
    """Open a window of a new visitor."""
    context = await browser.new_context(
        ignore_https_errors=True,
        accept_downloads=True,
        java_script_enabled=scripts,
    )
    return await context.new_page()


async def download(page: Page, folder: Path) -> Path:
    """Press Download; return the file, under its suggested name."""
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download", exact=False).click()
    found = await started.value
    path = folder / found.suggested_filename
    await found.save_as(path)
    return path


@pytest.mark.parametrize("scripts", [True, False])
async def test_chosen_format_is_downloaded_with_its_checksum(
    browser: Browser,
    encoded_store: StoreProcess,
    tmp_path: Path,
    *,
    scripts: bool,
) -> None:
    page = await open_page(browser, scripts=scripts)
    await page.goto(buy(encoded_store))
    await page.get_by_label("Format").select_option("MP3 V0")
    await page.get_by_role("button", name="Use this format").click()
    path = await download(page, tmp_path)
    assert path.suffix == ".mp3"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    await page.get_by_text("Checksum").click()
    await expect(page.locator(".checksum code")).to_have_text(digest)


async def test_device_remembers_the_format(
    browser: Browser, encoded_store: StoreProcess, tmp_path: Path
) -> None:
    page = await open_page(browser)
    await page.goto(buy(encoded_store))
    await check_page(page)
    await page.get_by_label("Format").select_option("Opus 128")
    await page.get_by_role("button", name="Use this format").click()
    await expect(page.get_by_label("Format")).to_have_value("opus-128")
    # Another purchase, weeks later.
    await page.goto(buy(encoded_store))
    await page.wait_for_url("**?as=opus-128")
    assert (await download(page, tmp_path)).suffix == ".opus"


async def test_device_that_cannot_play_the_original_is_offered_another(
    browser: Browser, encoded_store: StoreProcess
) -> None:
    page = await open_page(browser)
    await page.add_init_script(_ONLY_MP3)
    await page.goto(buy(encoded_store))
    await expect(page.get_by_label("Format")).to_have_value("mp3-v0")
    await expect(page.get_by_text("may not play the original")).to_be_visible()
    await check_page(page)
