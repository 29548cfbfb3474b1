# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What is drawn while a track plays: its waveform, and its lyrics in time."""

import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.polling import wait_until
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
    """Store of that library."""
    folder = tmp_path_factory.mktemp("playing")
    write_library(ffmpeg, folder / "library")
    with launch_store(folder, MSRV_LIBRARY=str(folder / "library")) as store:
        yield store


@pytest.fixture
async def page(
    browser: Browser, playing_store: StoreProcess
) -> AsyncIterator[Page]:
    """Return the page of the release on a small phone, once it is encoded."""

    def tracks() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = playing_store.request_json(
            "/catalog/night-bus"
        )["items"]
        return found

    await wait_until(
        lambda: (
            [each["preview_is_whole"] for each in tracks()]
            == [True, True, False]
        )
    )
    context = await browser.new_context(
        viewport={"width": 320, "height": 640}, ignore_https_errors=True
    )
    found = await context.new_page()
    found.on("pageerror", lambda error: pytest.fail(str(error)))
    await found.goto(f"{playing_store.url}/catalog/night-bus")
    yield found
    await context.close()


async def position(page: Page) -> float:
    """Return how much of the track has been played, in thousandths."""
    return float(await page.get_by_label("Position").input_value())


async def test_waveform_is_drawn_in_the_bar_that_seeks(page: Page) -> None:
    waveform = page.locator("[data-player-waveform]")
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(page.locator("[data-player-title]")).to_have_text("Departure")
    await expect(waveform).to_be_visible()
    mask = await waveform.evaluate("e => getComputedStyle(e).maskImage")
    assert re.search(r"/waveforms/[\w-]+\?v=[0-9a-f]{16}", mask)
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
    await page.evaluate("document.documentElement.dir = 'ltr'")
    before = await position(page)
    for key, seconds in (
        ("ArrowRight", 5),
        ("ArrowUp", 5),
        ("ArrowDown", -5),
        ("ArrowLeft", -5),
        ("PageDown", -30),
        ("PageUp", 30),
    ):
        await bar.press(key)
        expected = max(0, before + seconds / SECONDS * 1000)
        await expect(bar).not_to_have_value(str(before))
        found = await position(page)
        assert found == pytest.approx(expected, abs=5), key
        before = found
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
    checked = await Axe().run(page)
    assert checked.violations_count == 0, checked.generate_report()
    assert await page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth"
    )
    # Another track has its own, and a clip that of the clip.
    first = mask
    await page.get_by_role("button", name="Next track").click()
    await page.get_by_role("button", name="Next track").click()
    await expect(page.locator("[data-player-title]")).to_have_text("Part")
    await expect(waveform).not_to_have_css("mask-image", first)
    await expect(waveform).to_be_visible()


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
