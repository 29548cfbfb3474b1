# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What is drawn while a track plays: its waveform, and its lyrics in time."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.catalog.encodings.masters import EncodedLibrary
from tests.journeys.page_checks import check_page
from tests.store_process import StoreProcess, launch_store

pytestmark = pytest.mark.browser

SECONDS = 40


def write_library(ffmpeg: str, root: Path) -> None:
    """Write a release of three tracks: whole, whole, and a clip."""
    folder = root / "Night Bus"
    folder.mkdir(parents=True)
    (root / "store.toml").write_text(
        'name = "Rain"\nlisten = "full"\n[prices]\nitem = "1.00"\n'
    )
    (folder / "release.toml").write_text(
        'id = "night-bus"\n[items."03 Part.flac"]\nlisten = "clip"\n'
    )
    (folder / "01 Departure.lrc").write_text(
        "[00:00.00]All aboard\n[00:05.00]the night bus\n[00:15.00]\n"
        "[00:20.00]Get off\n[00:25.00]and <i>walk</i>\n[0:99]home\n"
    )
    (folder / "03 Part.lrc").write_text("[00:05]before\n[00:10]within\n")
    # It grows louder, so that its waveform has a shape.
    tone = f"aevalsrc='0.5*t/{SECONDS}*sin(2*PI*330*t)':d={SECONDS}"
    for name in ("01 Departure", "02 Terminus", "03 Part"):
        subprocess.run(
            (
                *(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi"),
                *("-i", tone, "-metadata", f"title={name[3:]}"),
                *(
                    "-c:a",
                    "flac",
                    "-ar",
                    "22050",
                    str(folder / f"{name}.flac"),
                ),
            ),
            check=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def playing_store(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreProcess]:
    """Store of that library, which is encoded."""
    folder = tmp_path_factory.mktemp("playing")
    write_library(ffmpeg, folder / "library")
    # Not by the store, whose encoder waits for whatever else a machine does.
    library = EncodedLibrary(
        ffmpeg, folder / "library", folder / "other", folder / "encodings"
    )
    asyncio.run(library.encode_all())
    with launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_ENCODINGS=str(folder / "encodings"),
        MSRV_ENCODE_JOBS="0",
        MSRV_DEMO_PAYMENTS="1",
    ) as store:
        yield store


@pytest_asyncio.fixture(loop_scope="module")
async def page(
    browser: Browser, playing_store: StoreProcess
) -> AsyncIterator[Page]:
    """Return the page of the release on a small phone."""
    context = await browser.new_context(
        viewport={"width": 320, "height": 640}, ignore_https_errors=True
    )
    found = await context.new_page()
    await found.goto(f"{playing_store.url}/catalog/night-bus")
    yield found
    await context.close()


async def shape_of(waveform: Locator) -> str:
    """Return the shape to which a waveform is clipped."""
    found: str = await waveform.evaluate("e => getComputedStyle(e).clipPath")
    return found


async def test_waveform_is_drawn_in_the_bar_that_seeks(page: Page) -> None:
    waveform = page.locator("[data-player-waveform]")
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(page.locator("[data-player-title]")).to_have_text("Departure")
    await expect(waveform).to_be_visible()
    shape = await shape_of(waveform)
    # Silent at first, and loudest at the end.
    assert shape.startswith("polygon(0% 49%, ")
    assert "100% 0%, 100% 100%" in shape
    bar = page.get_by_label("Position")
    box = await bar.bounding_box()
    assert box is not None
    assert box["height"] >= 24
    assert await waveform.bounding_box() == box
    # By a click, and by keys: five seconds, half a minute, both ends.
    await bar.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    await expect(page.locator("[data-player-time]")).to_have_text(
        re.compile("0:(19|2)")
    )
    await page.get_by_role("button", name="Pause").click()
    time = page.locator("[data-player-time]")
    await bar.fill("500")
    for key, shown in (
        ("ArrowRight", "0:25"),
        ("ArrowUp", "0:30"),
        ("ArrowDown", "0:25"),
        ("ArrowLeft", "0:20"),
        ("PageDown", "0:00"),
        ("PageUp", "0:30"),
    ):
        await bar.press(key)
        await expect(time).to_have_text(shown)
    await bar.press("Home")
    await expect(page.locator("[data-player-time]")).to_have_text("0:00")
    await expect(bar).to_have_attribute("aria-valuetext", "0:00 of 0:40")
    await page.evaluate("document.documentElement.dir = 'rtl'")
    await bar.press("ArrowLeft")
    await expect(page.locator("[data-player-time]")).to_have_text("0:05")
    await page.evaluate("document.documentElement.dir = 'ltr'")
    played = await waveform.evaluate(
        "e => e.style.getPropertyValue('--played')"
    )
    assert float(played.rstrip("%")) == pytest.approx(12.5, abs=1)
    await check_page(page, has_player=True)
    # Another track has its own, and a clip that of the clip.
    await page.get_by_role("button", name="Next track").click()
    await page.get_by_role("button", name="Next track").click()
    await expect(page.locator("[data-player-title]")).to_have_text("Part")
    await expect(waveform).not_to_have_css("clip-path", shape)
    await expect(waveform).to_be_visible()


async def seek(page: Page, seconds: float) -> None:
    """Move the position of a track of that length."""
    value = round(seconds / SECONDS * 1000)
    await page.get_by_label("Position").fill(str(value))


async def test_line_that_is_sung_is_marked(page: Page) -> None:
    await page.locator(".texts summary").first.click()
    lyrics = page.locator(".lyrics").first
    current = lyrics.locator("[aria-current]")
    shown = page.locator("[data-player-lyrics]")
    await expect(lyrics).to_contain_text("[0:99]home")
    await expect(current).to_have_count(0)
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(current).to_have_text("All aboard")
    await expect(shown).to_have_text("All aboard")
    await page.get_by_role("button", name="Pause").click()
    for seconds, line in ((6, "the night bus"), (26, "and <i>walk</i>")):
        await seek(page, seconds)
        await expect(current).to_have_text(line)
        await expect(shown).to_have_text(line)
    # Nothing is sung between the stanzas.
    await seek(page, 17)
    await expect(current).to_have_count(0)
    await expect(shown).to_be_empty()
    await expect(shown).to_have_attribute("aria-live", "off")
    await check_page(page, has_player=True)
    # It goes on while the visitor browses, and is found again.
    await seek(page, 21)
    await page.get_by_role("button", name="Play").last.click()
    await page.get_by_role("link", name="Catalog").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
    await expect(shown).to_have_text("Get off")
    await page.go_back()
    await page.locator(".texts summary").first.click()
    await expect(current).to_have_text(re.compile("Get off|and <i>walk"))
    # A track without lyrics has none; a clip starts within its track.
    await page.get_by_role("button", name="Next track").click()
    await expect(page.locator("[data-player-title]")).to_have_text("Terminus")
    await expect(shown).to_be_hidden()
    await expect(current).to_have_count(0)
    await page.get_by_role("button", name="Next track").click()
    await expect(shown).to_have_text("within")


async def test_purchase_is_played_with_its_waveform_and_lyrics(
    page: Page, playing_store: StoreProcess
) -> None:
    release = playing_store.request_json("/catalog/night-bus")
    form = [("item", release["item_id"]), ("provider", "demo")]
    receipt = playing_store.request_json("/purchases", form)["receipt"]
    waveform = page.locator("[data-player-waveform]")
    shown = page.locator("[data-player-lyrics]")
    for address in (receipt, f"{playing_store.url}/library"):
        await page.goto(address)
        await page.get_by_text("Individual files").click()
        button = page.get_by_role("button", name="Play: Departure")
        await button.click()
        await expect(waveform).to_be_visible()
        assert (await shape_of(waveform)).startswith("polygon(0% 49%, ")
        await expect(shown).to_have_text("All aboard")
        await button.click()
        for seconds, line in ((6, "the night bus"), (17, ""), (21, "Get off")):
            await seek(page, seconds)
            await expect(shown).to_have_text(line)
        # All of a track of which others hear a clip, which wasn't encoded.
        await page.get_by_role("button", name="Play: Part").click()
        await expect(shown).to_be_visible()
        await expect(waveform).to_be_hidden()
        await seek(page, 11)
        await expect(shown).to_have_text("within")
        await page.get_by_role("button", name="Play: Terminus").click()
        await expect(waveform).to_be_visible()
        await expect(shown).to_be_hidden()
        await check_page(page, has_player=True)


async def test_lyrics_without_scripts_are_text(
    browser: Browser, playing_store: StoreProcess
) -> None:
    context = await browser.new_context(
        ignore_https_errors=True, java_script_enabled=False
    )
    found = await context.new_page()
    await found.goto(f"{playing_store.url}/catalog/night-bus")
    await found.locator(".texts summary").first.click()
    await expect(found.locator(".lyrics").first).to_contain_text(
        "and <i>walk</i>"
    )
    await expect(found.locator("[data-player]")).to_be_hidden()
    await context.close()


async def test_bar_without_a_waveform_is_the_browsers_own(
    page: Page,
) -> None:
    await page.route("**/waveforms/**", lambda route: route.abort())
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(page.locator("[data-player-title]")).to_have_text("Departure")
    await expect(page.locator("[data-player-waveform]")).to_be_hidden()
    bar = page.get_by_label("Position")
    await bar.press("ArrowRight")
    await expect(page.locator("[data-player-time]")).to_have_text(
        re.compile("0:0[5-9]")
    )


async def test_track_that_fails_is_tried_again(page: Page) -> None:
    toggle = page.locator("[data-player-toggle]")
    shown = page.locator("[data-player-title]")
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(shown).to_have_text("Departure")
    await seek(page, 20)
    await toggle.click()
    await expect(toggle).to_have_text("Play")
    await page.reload()
    await page.route("**/previews/**", lambda route: route.abort())
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(shown).to_have_text(re.compile("can't be played"))
    await expect(toggle).to_have_text("Play")
    await toggle.click()
    await expect(shown).to_have_text(re.compile("can't be played"))
    await expect(toggle).to_have_text("Play")
    await expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    await page.unroute_all()
    await toggle.click()
    await expect(shown).to_have_text("Departure")
    await expect(toggle).to_have_text("Pause")
    await expect(page.locator("[data-player-time]")).to_have_text(
        re.compile("0:2")
    )
