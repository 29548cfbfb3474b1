# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generate the pictures of docs/images: `python -m scripts.make_images`.

Of the store as it is now: the bundled demo sells for a year in a few seconds,
by a clock of its own, through the same forms as for any buyer. Needs Chromium
(Debian: chromium).
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright

from msrv import settings as settings_room
from msrv.app import create_app
from msrv.ledger.ledger import Ledger
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from tests import chromium

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
DAY_SECONDS: Final = 86_400
DAYS: Final = 365
DRAWN_MS: Final = 1000
"""Longer than it takes to decode the covers."""
RELEASE: Final = "items-may-have-shifted"


@dataclass(slots=True)
class Store:
    """The demo store, and its clock."""

    url: str
    keyring: Keyring
    ledger: Ledger
    at: int
    chance: random.Random = field(
        default_factory=lambda: random.Random(7)  # noqa: S311 - the same each time
    )


async def main() -> None:
    """Make sales, then take the screenshots."""
    keyring = Keyring.from_nonces(
        secrets.token_urlsafe(32), accepts_simulated=True
    )
    with TemporaryDirectory() as folder:
        found = settings_room.load(
            {
                "MSRV_DATA": folder,
                "MSRV_DEMO_PAYMENTS": "1",
                "MSRV_TLS": "off",
            }
        )
        app = create_app(found, keyring, clock=lambda: store.at)
        ledger = app[STORE].ledger
        assert isinstance(ledger, Ledger)  # noqa: S101 - it was just made
        store = Store("", keyring, ledger, int(time.time()))
        async with TestServer(app, host="localhost") as server:
            store.url = str(server.make_url("")).rstrip("/")
            await app[STORE].catalog.ready()
            order_id = await sell(store)
            await photograph(store, order_id)


async def sell(store: Store) -> str:
    """Make growing monthly sales; return the id of one order."""
    now, refunds = store.at, []
    async with ClientSession(headers={"Accept": "application/json"}) as web:
        async with web.get(f"{store.url}/catalog") as answer:
            releases = (await answer.json())["releases"]
        items = [each["item_id"] for each in releases]
        items += [each["item_id"] for one in releases for each in one["items"]]
        for day in range(DAYS):
            busy = 0.8 + (day / DAYS) ** 3 * 2
            for _ in range(int(store.chance.expovariate(1 / busy))):
                ago = (DAYS - day) * DAY_SECONDS
                store.at = now - ago + store.chance.randrange(DAY_SECONDS)
                bought = await buy(web, store, store.chance.choice(items))
                if store.chance.random() < 0.03:
                    refunds.append((store.at + DAY_SECONDS, bought))
        store.at = now - DAY_SECONDS
        last = await buy(web, store, items[1], items[3], items[4])
        refunds.append((now - 3600, last))
        for link in list(last["downloads"].values())[1:]:
            async with web.get(link) as answer:
                await answer.read()
    await store.ledger.wait_until_synced()
    for at, bought in refunds:
        store.at = at
        await store.ledger.revoke(
            bought["order_id"], next(iter(bought["downloads"])), by="studio"
        )
    store.at = now
    return str(last["order_id"])


async def buy(web: ClientSession, store: Store, *items: str) -> Any:  # noqa: ANN401 - JSON
    """Buy through the JSON interface."""
    form = [("item", each) for each in items]
    async with web.post(f"{store.url}/purchases", data=form) as answer:
        answer.raise_for_status()
        return await answer.json()


async def photograph(store: Store, order_id: str) -> None:
    """Take the screenshots in Chromium."""
    path = chromium.find()
    if path is None:
        raise SystemExit("no Chromium is installed")
    async with async_playwright() as playwright:
        browser = await chromium.launch(playwright, path)

        async def shoot(
            name: str,
            size: tuple[int, int],
            pose: Callable[[Page, Store], Coroutine[Any, Any, None]],
            scale: int = 1,
        ) -> None:
            page = await _window(browser, size, scale)
            await pose(page, store)
            await page.wait_for_load_state("networkidle")
            await page.wait_for_timeout(DRAWN_MS)
            await page.screenshot(path=IMAGES / f"{name}.png")
            print(f"  {IMAGES / name}.png")

        await shoot("front", (1280, 1090), _front)
        await shoot("release", (360, 740), _release, 2)
        for name, pose in {
            "front": _front,
            "release": _page(f"/catalog/{RELEASE}"),
            "artist": _page("/artists/lost-property"),
            "page": _page("/pages/about"),
            "cart": _page("/cart", RELEASE),
            "checkout": _page("/checkout", RELEASE),
            "receipt": _receipt,
        }.items():
            if name != "release":
                await shoot(f"{name}-phone", (360, 740), pose, 2)
            if name != "front":
                await shoot(f"{name}-desktop", (1280, 860), pose)
        await shoot("studio-today", (1180, 800), _today)
        await shoot("studio", (1180, 760), _sales)
        await shoot("studio-order", (1180, 900), _order(order_id))
        await browser.close()


async def _window(browser: Browser, size: tuple[int, int], scale: int) -> Page:
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme="dark",
    )
    return await context.new_page()


async def _front(page: Page, store: Store) -> None:
    await page.goto(store.url)


async def _release(page: Page, store: Store) -> None:
    """Put an item in the cart, and play a preview."""
    await page.goto(f"{store.url}/catalog/{RELEASE}")
    await page.locator("[data-preview]").nth(1).click()
    await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_timeout(6000)


def _page(
    path: str, *in_cart: str
) -> Callable[[Page, Store], Coroutine[Any, Any, None]]:
    async def pose(page: Page, store: Store) -> None:
        for item_id in in_cart:
            await page.request.post(f"{store.url}/cart", form={"add": item_id})
        await page.goto(store.url + path)

    return pose


async def _receipt(page: Page, store: Store) -> None:
    await page.goto(f"{store.url}/catalog/{RELEASE}")
    await page.get_by_role("button", name="Buy").click()
    await page.get_by_role("button", name="successful").click()
    await page.get_by_role("heading", name="Receipt").wait_for()


async def _enter(page: Page, store: Store) -> None:
    ticket = sign_in.issue(
        store.keyring, sign_in.TicketKind.LINK, store.at, secrets.token_bytes
    )
    await page.goto(f"{store.url}/studio/enter/{ticket}")
    await page.get_by_role("button", name="Sign in to the studio").click()
    await page.get_by_role("heading", name="Sales").wait_for()


async def _today(page: Page, store: Store) -> None:
    await _enter(page, store)
    await page.goto(f"{store.url}/studio")


async def _sales(page: Page, store: Store) -> None:
    await _enter(page, store)
    await page.goto(f"{store.url}/studio/sales?span=year")


def _order(
    order_id: str,
) -> Callable[[Page, Store], Coroutine[Any, Any, None]]:
    async def pose(page: Page, store: Store) -> None:
        await _enter(page, store)
        await page.goto(f"{store.url}/studio/orders/{order_id}")

    return pose


if __name__ == "__main__":
    asyncio.run(main())
