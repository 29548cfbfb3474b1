# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generate the pictures of docs/themes.md: the demo store in each theme.

Run `python -m scripts.make_theme_images`. Needs Chromium (Debian: chromium).
"""

import asyncio
import io
import secrets
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from msrv import settings as settings_room
from msrv.app import create_app
from msrv.proofs.keyring import Keyring
from msrv.settings import DEMO_LIBRARY
from msrv.web.appearance.themes import THEMES
from msrv.web.store import STORE
from tests import chromium

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
SCHEMES: Final[dict[str, Any]] = {
    "loud": "dark",
    "quiet": "light",
    "paper": "light",
}
SIZES: Final = {"phone": (360, 740, 2), "desktop": (1280, 860, 1)}
PAGES: Final = {
    "front": "/",
    "release": "/catalog/night-bus",
    "artist": "/artists/lost-property",
    "cart": "/cart",
    "checkout": "/checkout",
    "receipt": "",
}
"""Pages with their addresses, in the order of a purchase; a receipt's is new
each time."""
IN_CART: Final = ("items-may-have-shifted", "minutes-of-the-last-meeting")
DRAWN_MS: Final = 1000
"""Longer than it takes to decode the covers."""
QUALITY: Final = 75


async def main() -> None:
    """Take the screenshots of all themes."""
    path = chromium.find()
    if path is None:
        raise SystemExit("no Chromium is installed")
    async with async_playwright() as playwright:
        browser = await chromium.launch(playwright, path)
        for theme in THEMES:
            with TemporaryDirectory() as folder:
                await _photograph(browser, theme, Path(folder))
        await browser.close()


async def _photograph(browser: Browser, theme: str, folder: Path) -> None:
    library = _make_library(folder, theme)
    found = settings_room.load(
        {
            "MSRV_DATA": str(folder / "data"),
            "MSRV_LIBRARY": str(library),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_TLS": "off",
        }
    )
    keyring = Keyring.from_nonces(
        secrets.token_urlsafe(32), accepts_simulated=True
    )
    app = create_app(found, keyring)
    async with TestServer(app, host="localhost") as server:
        url = str(server.make_url("")).rstrip("/")
        await app[STORE].catalog.ready()
        for size, (width, height, scale) in SIZES.items():
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme=SCHEMES[theme],
            )
            page = await context.new_page()
            for name, path in PAGES.items():
                if name == "cart":
                    for item in IN_CART:
                        await page.request.post(
                            f"{url}/cart", form={"add": item}
                        )
                if name == "receipt":
                    await _buy(page, url)
                else:
                    await page.goto(url + path)
                await page.wait_for_load_state("networkidle")
                await page.wait_for_timeout(DRAWN_MS)
                _save(
                    await page.screenshot(),
                    IMAGES / f"theme-{theme}-{name}-{size}.webp",
                )
            await context.close()


async def _buy(page: Page, url: str) -> None:
    """Buy a release, which leads to its receipt."""
    await page.goto(f"{url}/catalog/{IN_CART[0]}")
    await page.get_by_role("button", name="Buy").click()
    await page.get_by_role("button", name="successful").click()
    await page.get_by_role("heading", name="Receipt").wait_for()


def _make_library(folder: Path, theme: str) -> Path:
    """Return a copy of the demo library, with a release without a picture."""
    library = folder / "library"
    shutil.copytree(DEMO_LIBRARY, library)
    album = library / "Night Bus"
    album.mkdir()
    for track in list(library.glob("*/0[126]*.mp3")):
        shutil.copy(track, album)
    (album / "release.toml").write_text(
        'id = "night-bus"\ntitle = "Night Bus"\nartist = "The Wet Coats"\n'
        'description = "Songs about getting home."\nprice = "4.00"\n'
    )
    store = library / "store.toml"
    text = store.read_text("utf-8")
    store.write_text(f'theme = "{theme}"\n{text}', "utf-8")
    return library


def _save(data: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)
    print(f"  {path}")


if __name__ == "__main__":
    asyncio.run(main())
