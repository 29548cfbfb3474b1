# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Hints on a receipt for phones and for browsers inside apps."""

import pytest

from tests.conftest import Client
from tests.web.purchases import buy, path_of

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) {} Mobile/15E148"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9{}) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36 {}"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"


async def receipt_page(store: Client, item: str, user_agent: str) -> str:
    """Return the receipt of an item, as this browser is shown it."""
    path = path_of((await buy(store, item))["receipt"])
    page = await store.get(path, headers={"User-Agent": user_agent})
    assert page.headers["Cache-Control"] == "private, no-store"
    return await page.text()


@pytest.mark.parametrize(
    ("user_agent", "app"),
    [
        (IPHONE.format("Instagram 380.0.0.28.85"), "inside Instagram"),
        (IPHONE.format("[FBAN/FBIOS;FBAV/512.0]"), "inside Facebook"),
        (IPHONE.format("musical_ly_40.1.0"), "inside TikTok"),
        (ANDROID.format("; wv", "[FB_IAB/FB4A;FBAV/500]"), "inside Facebook"),
        (ANDROID.format("; wv", "Line/15.1.0/IAB"), "inside LINE"),
        (ANDROID.format("; wv", ""), "inside another app"),
        (ANDROID.format("", ""), None),
        (IPHONE.format("Version/18.5 Safari/604.1"), None),
        (DESKTOP, None),
        (f"{DESKTOP} Instagram", None),
        ("", None),
    ],
)
async def test_browser_inside_an_app_is_told_how_to_leave_it(
    store: Client, user_agent: str, app: str | None
) -> None:
    page = await receipt_page(store, "departure", user_agent)
    assert ("Open in browser" in page) == (app is not None)
    if app is not None:
        assert app in page


@pytest.mark.parametrize(
    ("user_agent", "item", "hint"),
    [
        (IPHONE.format("Version/18.5"), "night-bus", "saved in the Files app"),
        (ANDROID.format("", ""), "night-bus", "On Android, open the ZIP"),
        (DESKTOP, "night-bus", None),
        (IPHONE.format("Version/18.5"), "departure", None),
    ],
)
async def test_phone_is_told_where_a_zip_is(
    store: Client, user_agent: str, item: str, hint: str | None
) -> None:
    page = await receipt_page(store, item, user_agent)
    assert ('class="hints' in page) == (hint is not None)
    if hint is not None:
        assert hint in page


async def test_user_agent_is_not_shown(store: Client) -> None:
    page = await receipt_page(
        store, "departure", IPHONE.format("Instagram <script>alert(1)")
    )
    assert "alert(1)" not in page
