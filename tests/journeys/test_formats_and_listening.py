# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A visitor who listens, browses on, buys, and plays what was bought."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    ViewportSize,
    expect,
)

from tests.catalog.encodings.masters import EncodedLibrary, write_store
from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess, launch_store
from tests.wav_files import write_wav

pytestmark = pytest.mark.browser

_PHONE: Final = ViewportSize(width=320, height=640)
_TRACKS: Final = {"Short": 2, "Long": 120, "Last": 2}
"""Titles, and lengths in seconds."""
_HALFWAY: Final = re.compile("^1:[0-4]")
"""The position of half the long track, or a little later."""
_FILE: Final = re.compile("/download/[^/]+/[^/]+/[^/]+$")
"""Requests for what is played, and not for its waveform or lyrics."""
_COUNTED_PLAYS: Final = """
window.plays = 0;
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.plays += 1;
  return play.call(this);
};
"""


@pytest.fixture(scope="module")
def listening_store(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreProcess]:
    """Store with a free release that can be heard as a whole."""
    folder = tmp_path_factory.mktemp("listening")
    root = folder / "library"
    write_store(root, "mp3-v0")
    release = root / "Drizzle"
    release.mkdir()
    for number, (title, seconds) in enumerate(_TRACKS.items(), 1):
        write_wav(release / f"{number:02d} {title}.wav", seconds=seconds)
    (release / "release.toml").write_text('listen = "full"\nprice = "0"\n')
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


@pytest_asyncio.fixture(loop_scope="module")
async def phone(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A phone."""
    context = await browser.new_context(
        viewport=_PHONE, ignore_https_errors=True, accept_downloads=True
    )
    await context.add_init_script(_COUNTED_PLAYS)
    yield context
    await context.close()


async def plays(page: Page, text: str) -> None:
    """Wait until a track of this title plays."""
    await expect(page.locator("[data-player-title]")).to_have_text(text)
    await expect(page.locator("[data-player-toggle]")).to_have_text("Pause")


async def seek(page: Page, thousandths: int) -> None:
    """Move the position of the track."""
    await page.get_by_label("Position").fill(str(thousandths))


async def download(page: Page, name: str, folder: Path) -> bytes:
    """Press a link with this name, and return the file."""
    async with page.expect_download() as started:
        await page.get_by_role("link", name=name, exact=True).click()
    found = await started.value
    path = folder / found.suggested_filename
    await found.save_as(path)
    return path.read_bytes()


async def test_release_is_heard_bought_and_played(
    phone: BrowserContext, listening_store: StoreProcess, tmp_path: Path
) -> None:
    page = await phone.new_page()
    await page.goto(f"{listening_store.url}/catalog")
    await page.get_by_role("link", name="Drizzle").click()

    # Nothing plays by itself; what was started goes on to the next track.
    await expect(page.locator("[data-player]")).to_be_hidden()
    assert await page.evaluate("window.plays") == 0
    await page.get_by_role("button", name="Play", exact=True).click()
    await plays(page, "Short")
    await plays(page, "Long")
    await seek(page, 500)
    await expect(page.locator("[data-player-time]")).to_have_text(_HALFWAY)
    await page.get_by_role("button", name="Next track").click()
    await plays(page, "Last")
    await page.get_by_role("button", name="Previous track").click()
    await plays(page, "Long")
    await check_page(page, has_player=True)

    # The keyboard leaves the player at both ends, and Escape closes it.
    for key, first in (("Tab", "Stop"), ("Shift+Tab", "Previous")):
        await page.get_by_role("button", name=first).focus()
        await page.keyboard.press(key)
        assert await page.evaluate(
            "!document.activeElement.closest('.player')"
        )

    # It plays on while the visitor browses.
    await page.evaluate("window.isTheSame = true")
    await page.get_by_role("link", name="Catalog").click()
    await expect(page).to_have_title("Catalog · Rain")
    await plays(page, "Long")
    await page.locator("[data-player-title]").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Drizzle")
    assert await page.evaluate("window.isTheSame")
    await plays(page, "Long")
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-player]")).to_be_hidden()

    # What is bought is downloaded at once, and in a chosen format.
    async with page.expect_download():
        await page.get_by_role("button", name="Download free").click()
    await page.get_by_label("Format").select_option("MP3 V0")
    await page.get_by_role("button", name="Use this format").click()
    await page.get_by_text("Individual files").click()
    data = await download(page, "Download Long", tmp_path)
    await page.get_by_text("Checksums").click()
    stated = page.locator(".checksum").filter(has_text="Long").locator("code")
    await expect(stated).to_have_text(hashlib.sha256(data).hexdigest())
    await check_page(page, has_player=True)


async def test_receipt_plays_what_was_bought(
    phone: BrowserContext, listening_store: StoreProcess
) -> None:
    sent: list[Request] = []
    # Playwright accepts no method of a built-in type.
    phone.on("request", lambda each: sent.append(each))  # noqa: PLW0108
    page = await phone.new_page()
    await page.goto(buy(listening_store) + "?as=mp3-v0")
    await expect(page.locator("[data-player]")).to_be_hidden()
    assert await page.evaluate("window.plays") == 0
    await page.get_by_role("button", name="Play all").click()
    await plays(page, "Short")
    await plays(page, "Long")
    await page.get_by_role("button", name="Next track").click()
    await plays(page, "Last")
    await page.get_by_text("Individual files").click()
    await page.get_by_role("button", name="Play: Long").click()
    await plays(page, "Long")
    # Each position is another request: none of them exceeds a limit.
    for number in range(40):
        await seek(page, 20 * number)
    await seek(page, 500)
    await expect(page.locator("[data-player-time]")).to_have_text(_HALFWAY)
    await plays(page, "Long")
    await check_page(page, has_player=True)
    played = [each for each in sent if _FILE.search(each.url)]
    assert played
    assert {each.url.partition("?")[2] for each in played} == {"as=mp3-v0"}
    assert not any(each.headers.get("referer") for each in sent)

    # Its title leads nowhere here, and back to the receipt from elsewhere.
    title = page.locator("[data-player-title]")
    assert await title.get_attribute("href") is None
    await page.get_by_role("link", name="Catalog").click()
    await expect(page).to_have_title("Catalog · Rain")
    await plays(page, "Long")
    assert "/purchases/" in (await title.get_attribute("href") or "")
    await page.go_back()
    await expect(page.get_by_text("Keep this address")).to_be_visible()
    await expect(page.locator("[data-player]")).to_be_hidden()

    # The device remembers where it was, and no secret by that.
    await page.goto(buy(listening_store))
    kept = await page.evaluate("localStorage.getItem('listening')")
    assert "download" not in kept
    await page.get_by_role("button", name="Play all").click()
    await plays(page, "Long")
    # This one has the original, which is played as it is.
    last = [each.url for each in sent if _FILE.search(each.url)][-1]
    assert "?" not in last


async def test_release_that_was_played_through_starts_again(
    phone: BrowserContext, listening_store: StoreProcess
) -> None:
    page = await phone.new_page()
    await page.goto(buy(listening_store))
    toggle = page.locator("[data-player-toggle]")
    await page.get_by_role("button", name="Play all").click()
    for start_again in (toggle.click, page.reload):
        # After the first, which ends by itself.
        await plays(page, "Long")
        await page.get_by_role("button", name="Next track").click()
        await expect(page.locator("[data-player-title]")).to_have_text("Last")
        await expect(toggle).to_have_text("Play")
        await start_again()
    await page.get_by_role("button", name="Play all").click()
    await plays(page, "Long")


async def test_device_plays_another_format_than_the_original(
    phone: BrowserContext, listening_store: StoreProcess
) -> None:
    await phone.add_init_script(
        "HTMLMediaElement.prototype.canPlayType ="
        " (type) => (type.includes('mpeg') ? 'probably' : '')"
    )
    page = await phone.new_page()
    await page.goto(buy(listening_store))
    async with page.expect_request(_FILE) as played:
        await page.get_by_role("button", name="Play all").click()
    assert (await played.value).url.endswith("?as=mp3-v0")
    await plays(page, "Short")
    # The list of the device's purchases does the same.
    await page.goto(f"{listening_store.url}/library")
    await page.get_by_text("Individual files").click()
    async with page.expect_request(_FILE) as played:
        await page.get_by_role("button", name="Play: Last").click()
    assert (await played.value).url.endswith("?as=mp3-v0")
    await plays(page, "Last")
    kept = await page.evaluate("localStorage.getItem('listening')")
    assert "download" not in kept


async def test_track_that_was_bought_twice_is_played_from_either_purchase(
    phone: BrowserContext, listening_store: StoreProcess
) -> None:
    page = await phone.new_page()
    for _ in range(2):
        await page.goto(buy(listening_store))
    await page.goto(f"{listening_store.url}/library")
    rows = page.locator(".bought")
    await expect(rows).to_have_count(2)
    lists = rows.get_by_text("Individual files")
    links = page.get_by_role("button", name="Play: Long")
    await expect(lists).to_have_count(2)
    for each in await lists.all():
        await each.click()
    await expect(links).to_have_count(2)
    pressed = page.locator("[data-preview][aria-pressed=true]")
    for link in await links.all():
        href = await link.get_attribute("href") or ""
        async with page.expect_request(_FILE) as played:
            await link.click()
        assert urlsplit((await played.value).url).path == href
        await plays(page, "Long")
        await expect(pressed).to_have_count(1)
        await expect(pressed).to_have_attribute("href", href)


async def test_without_scripts_the_browser_plays_and_downloads(
    browser: Browser, listening_store: StoreProcess, tmp_path: Path
) -> None:
    context = await browser.new_context(
        viewport=_PHONE,
        ignore_https_errors=True,
        accept_downloads=True,
        java_script_enabled=False,
    )
    page = await context.new_page()
    await page.goto(f"{listening_store.url}/catalog")
    await page.get_by_role("link", name="Drizzle").click()
    # Each track is a link to what can be heard.
    link = page.get_by_role("link", name="Play Long")
    heard = await context.request.get(
        listening_store.url + (await link.get_attribute("href") or "")
    )
    assert heard.headers["content-type"] == "audio/mp4"
    async with page.expect_download():
        await page.get_by_role("button", name="Download free").click()
    await page.get_by_label("Format").select_option("MP3 V0")
    await page.get_by_role("button", name="Use this format").click()
    await page.get_by_text("Individual files").click()
    for each in await page.get_by_text("Play", exact=True).all():
        await expect(each).to_be_hidden()
    audio = page.locator("audio[aria-label='Play Long']")
    await audio.focus()
    async with page.expect_response(_FILE) as played:
        await page.keyboard.press("Space")
    assert (await played.value).status == 206
    assert (await played.value).url.endswith("?as=mp3-v0")
    data = await download(page, "Download Long", tmp_path)
    await page.get_by_text("Checksums").click()
    stated = page.locator(".checksum").filter(has_text="Long").locator("code")
    await expect(stated).to_have_text(hashlib.sha256(data).hexdigest())
    await context.close()


def buy(store: StoreProcess) -> str:
    """Buy the release, and return the address of the receipt."""
    release = store.request_json("/catalog")["releases"][0]
    form = [("item", release["item_id"])]
    receipt: str = store.request_json("/purchases", form)["receipt"]
    return receipt
