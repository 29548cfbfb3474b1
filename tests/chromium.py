"""The browser of this machine, with nothing of its own to do."""

import shutil
from typing import Final

from playwright.async_api import Browser, Playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Find a Chromium, or Chrome; None without one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


async def launch(playwright: Playwright, path: str) -> Browser:
    """Start it without a window, with a new, empty profile."""
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
