# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Route table of the store's public pages, and the router.

Logs and metrics show a route's name and never the path: a path may hold a
token.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web, web_urldispatcher

from msrv.web.appearance import handlers as appearance
from msrv.web.discovery import embeds
from msrv.web.discovery import handlers as discovery
from msrv.web.invoices import pages as invoices
from msrv.web.languages import switch
from msrv.web.legal import legal_pages, withdrawals
from msrv.web.shop import (
    cart,
    checkout,
    downloads,
    media,
    operations,
    payments,
    receipt_mails,
    receipts,
    redeem,
    storefront,
    verify,
)
from msrv.web.shop.browsing import catalog, waveforms
from msrv.web.shop.purchases import (
    bought_tracks,
    corrections,
    device_library,
    gift_pages,
    lost_purchases,
    playlists,
)
from msrv.web.texts import artist_pages, seller_pages


async def _openapi(request: web.Request) -> web.Response:
    from msrv.web.openapi import document  # noqa: PLC0415 - slow to import, and few ask for it

    return await document.show(request)


ROUTES: list[web.RouteDef] = [
    web.get("/", storefront.front, name="front"),
    web.get("/catalog", catalog.catalog_page, name="catalog"),
    web.get("/catalog/{release}", storefront.release_page, name="release"),
    web.get("/artists", artist_pages.show_all, name="artists"),
    web.get("/tags", catalog.tags_page, name="tags"),
    web.get("/tags/{tag}", catalog.tag_page, name="tag"),
    web.get("/artists/{artist}", artist_pages.show, name="artist"),
    web.get(
        r"/artists/{artist}/picture/{width:\d{1,4}}",
        artist_pages.picture,
        name="artist-picture",
    ),
    web.get(
        r"/artists/{artist}/picture/{width:\d{1,4}}.avif",
        artist_pages.picture,
        name="artist-picture-avif",
    ),
    web.get("/pages/{page}", seller_pages.show, name="page"),
    web.get(
        r"/pages/{page}/picture/{width:\d{1,4}}",
        seller_pages.picture,
        name="page-picture",
    ),
    web.get(
        r"/pages/{page}/picture/{width:\d{1,4}}.avif",
        seller_pages.picture,
        name="page-picture-avif",
    ),
    web.get("/legal/{text}", legal_pages.show, name="legal"),
    web.get("/withdraw", withdrawals.show, name="withdraw"),
    web.post("/withdraw", withdrawals.submit, name="withdraw-send"),
    web.get(
        "/purchases/{receipt}/withdraw",
        withdrawals.show,
        name="withdraw-receipt",
    ),
    web.post(
        "/purchases/{receipt}/withdraw",
        withdrawals.submit,
        name="withdraw-receipt-send",
    ),
    *(
        route
        for place, name in (
            ("/purchases/{receipt}", "invoice"),
            ("/gifts/{bill}", "gift-invoice"),
        )
        for route in (
            web.get(f"{place}/invoice", invoices.show, name=name),
            web.post(
                f"{place}/invoice", invoices.submit, name=f"{name}-print"
            ),
            web.get(
                place + r"/invoices/{position:\d{1,4}}",
                invoices.download,
                name=f"{name}-pdf",
            ),
        )
    ),
    web.get("/cart", cart.show, name="cart"),
    web.post("/cart", cart.change, name="cart-change"),
    web.post("/language", switch.choose, name="language"),
    web.get("/checkout", checkout.show, name="checkout"),
    web.post("/checkout", checkout.update, name="checkout-change"),
    web.post("/purchases", checkout.buy, name="buy"),
    web.get("/purchases", receipts.find, name="find-purchase"),
    web.get(
        r"/purchases/{receipt:[\w.-]+}.m3u8",
        playlists.playlist,
        name="playlist",
    ),
    web.get(
        r"/purchases/{receipt:[\w.-]+}.rss", playlists.podcast, name="podcast"
    ),
    web.get("/purchases/{receipt}", receipts.show, name="purchase"),
    web.get(
        "/purchases/{receipt}/corrections",
        corrections.show,
        name="corrections",
    ),
    web.post(
        "/purchases/{receipt}/corrections",
        corrections.change,
        name="corrections-change",
    ),
    web.get(
        "/corrections/{token}", corrections.confirm, name="corrections-stop"
    ),
    web.post(
        "/corrections/{token}", corrections.stop, name="corrections-stop-send"
    ),
    web.get("/library", device_library.show, name="library"),
    web.get("/lost", lost_purchases.show, name="lost"),
    web.post("/lost", lost_purchases.submit, name="lost-request"),
    web.get(
        "/payments/{provider}/return",
        payments.return_from_provider,
        name="come-back",
    ),
    web.post(
        "/purchases/{receipt}/mail", receipt_mails.resend, name="mail-again"
    ),
    web.get("/gifts/{bill}", gift_pages.show, name="gift"),
    web.get("/gifts/{bill}/card", gift_pages.card, name="gift-card"),
    web.post("/gifts/{bill}/mail", gift_pages.resend, name="gift-mail"),
    web.post(
        "/payments/{provider}/webhook",
        payments.receive_webhook,
        name="payment-message",
    ),
    web.get("/payments/{provider}/{quote}", payments.show, name="payment"),
    web.post(
        "/payments/{provider}/{quote}", payments.submit, name="payment-answer"
    ),
    web.get(
        "/download/{pop}/{poe}/{item}", downloads.download, name="download"
    ),
    web.get(
        "/download/{pop}/{poe}/{item}/waveform",
        bought_tracks.waveform,
        name="bought-waveform",
    ),
    web.get(
        "/download/{pop}/{poe}/{item}/lyrics",
        bought_tracks.lyrics,
        name="bought-lyrics",
    ),
    web.get("/redeem", redeem.show, name="redeem"),
    web.post("/redeem", redeem.redeem, name="redeem-code"),
    web.get("/verify", verify.show, name="verify"),
    web.get("/previews/{item}", downloads.preview, name="preview"),
    web.get("/waveforms/{item}", waveforms.waveform, name="waveform"),
    web.get(r"/covers/{release}/{width:\d{1,4}}", media.cover, name="cover"),
    web.get(
        "/covers/{release}/drawn.svg",
        appearance.drawn_cover,
        name="drawn-cover",
    ),
    web.get(
        r"/covers/{release}/{width:\d{1,4}}.avif",
        media.cover,
        name="cover-avif",
    ),
    web.get("/static/{name}", media.static, name="static"),
    web.get("/theme.css", appearance.theme_css, name="theme"),
    web.get("/theme/{name}", appearance.theme_file, name="theme-file"),
    web.get("/icon.svg", appearance.page_icon, name="icon"),
    web.get("/icon.png", appearance.touch_icon, name="touch-icon"),
    web.get("/favicon.ico", appearance.touch_icon, name="favicon"),
    web.get("/robots.txt", media.robots, name="robots"),
    web.get("/sitemap.xml", discovery.sitemap, name="sitemap"),
    web.get("/embed/{release}", embeds.show, name="embed"),
    web.get("/oembed", embeds.oembed, name="oembed"),
    web.get("/feed.atom", discovery.atom, name="atom"),
    web.get("/feed.rss", discovery.rss, name="rss"),
    web.get("/canimus.json", discovery.canimus_collection, name="canimus"),
    web.get("/openapi.json", _openapi, name="openapi"),
    web.get("/.well-known/jwks.json", media.keys, name="jwks"),
    web.get("/.well-known/security.txt", media.security_txt, name="security"),
    web.get("/-/health", operations.health, name="health"),
    web.get("/-/ready", operations.ready, name="ready"),
    web.get("/-/metrics", operations.metrics, name="metrics"),
    web.get("/-/edge", operations.edge, name="edge"),
]

MAX_SEGMENTS: Final = 32
"""The longest address has five; pasted text may append a few."""


class Router(web.UrlDispatcher):
    """aiohttp's router, with a limit on a path's segments.

    aiohttp looks up a path, then the path without its last segment, and so
    on: with four thousand segments, that blocks the loop for too long.
    """

    async def resolve(self, request: web.Request) -> web.UrlMappingMatchInfo:
        """Return the route of a request, or one that answers 404 or 417."""
        if request.rel_url.raw_path.count("/") > MAX_SEGMENTS:
            return web_urldispatcher.MatchInfoError(web.HTTPNotFound())
        expected = request.headers.get("Expect", "")
        if expected and expected.lower() != "100-continue":
            return _ExpectationFailed(web.HTTPExpectationFailed())
        return await super().resolve(request)


class _ExpectationFailed(web_urldispatcher.MatchInfoError):
    """Answers 417, as the middlewares answer any other error."""

    @property
    def expect_handler(
        self,
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
        """Do nothing: aiohttp's would answer before the middlewares."""
        return _expect_nothing


async def _expect_nothing(_: web.BaseRequest) -> None:
    """Send nothing before the answer."""
