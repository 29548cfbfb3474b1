# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Finding and launching the Chromium that is installed here."""

import shutil
from typing import Final

from playwright.async_api import Browser, Playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Return the path of Chromium or Chrome, None if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


async def launch(playwright: Playwright, path: str) -> Browser:
    """Start a headless browser with a new, empty profile."""
    return await playwright.chromium.launch(
        executable_path=path,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--autoplay-policy=no-user-gesture-required",
        ],
    )
