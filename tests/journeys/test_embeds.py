# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Releases in the frames of another site, in a browser."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from tests.polling import wait_until
from tests.store_process import StoreProcess

pytestmark = pytest.mark.browser

RELEASE = "items-may-have-shifted"


@pytest.mark.parametrize("size", ["small", "medium", "large"])
async def test_another_site_frames_a_release_and_no_other_page(
    browser: Browser,
    demo_store: StoreProcess,
    ffmpeg: str,
    page_errors: list[str],
    size: str,
) -> None:
    assert ffmpeg
    store = demo_store.url

    async def page_with_frames(_: web.Request) -> web.Response:
        frames = "".join(
            f'<iframe src="{store}{path}" width="480" height="640"></iframe>'
            for path in (f"/embed/{RELEASE}?size={size}", "/", "/checkout")
        )
        return web.Response(text=frames, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page_with_frames)
    async with TestServer(app) as other_site:
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        await page.goto(str(other_site.make_url("/")))
        embed, *others = (
            page.frame_locator("iframe").nth(index) for index in range(3)
        )
        await expect(
            embed.get_by_role("heading", name="Items May Have Shifted")
        ).to_be_visible()
        link = embed.get_by_role("link", name="€6.00")
        assert await link.get_attribute("target") == "_blank"
        await embed.locator("[data-preview]").first.click()
        await expect(embed.locator("[data-player]")).to_be_visible()
        for other in others:
            await expect(other.locator("main#main")).to_have_count(0)
        await wait_until(lambda: len(page_errors) == len(others))
        assert all("frame-ancestors 'none'" in each for each in page_errors)
        page_errors.clear()
        assert await context.cookies() == []
        await context.close()
