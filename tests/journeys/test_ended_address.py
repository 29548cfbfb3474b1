# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The page at CloudFront that leads from an ended address to its link."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parents[2] / "deploy" / "cdn" / "cloudfront-ended.html"
ADDRESS = "https://cdn.example/blobs/ab/cd?pop=A-_b&poe=C&item=zine"


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("&Expires=1700000000&Signature=x", "/download/A-_b/C/zine"),
        (
            "&as=mp3-v0&Expires=1700000000&Signature=x",
            "/download/A-_b/C/zine?as=mp3-v0",
        ),
        # Not ended: the signature is wrong, and a new one would be, too.
        ("&Expires=9900000000&Signature=x", None),
        ("", None),
    ],
)
async def test_page_leads_back_to_the_link(
    browser: Browser, query: str, link: str | None
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(
            status=403, content_type="text/html", body=PAGE.read_text("utf-8")
        )

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="text/html", body="<p>The store")

    assert time.time() < 9_900_000_000
    context = await browser.new_context()
    page = await context.new_page()
    await page.route("https://cdn.example/**", refuse)
    await page.route("https://shop.example/**", answer)
    await page.goto(ADDRESS + query)
    if link is None:
        await expect(page.get_by_text("Open your receipt")).to_be_visible()
        assert page.url == ADDRESS + query
    else:
        await expect(page.get_by_text("The store")).to_be_visible()
        assert page.url == f"https://shop.example{link}"
    await context.close()
