# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store that grows, and a new visitor's window, for the list of a device."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from msrv.settings import DEMO_LIBRARY
from tests.store_process import StoreProcess, launch_store

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


async def stored(page: Page) -> list[dict[str, Any]]:
    """Return the purchases that the browser keeps."""
    found: list[dict[str, Any]] = json.loads(
        await page.evaluate("localStorage.purchases")
    )
    return found
