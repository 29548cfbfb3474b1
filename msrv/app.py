# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Composition root: builds the store's parts and the aiohttp application."""

import asyncio
import contextlib
import functools
import secrets
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from msrv.acme.worker import CertificateWorker
from msrv.catalog.encodings.progress import EncodingMetrics
from msrv.catalog.ffmpeg import find_ffmpeg
from msrv.catalog.parsing.parser import Parser, running
from msrv.catalog.published.library_parts import LibraryParts
from msrv.downloads.concurrency_limit import ConcurrencyLimit, MinimumSpeed
from msrv.downloads.sender import DirectSender
from msrv.health_checks.findings import CheckContext
from msrv.health_checks.table import LatestResults
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.health import LedgerCollector
from msrv.ledger.ledger import Ledger
from msrv.ledger.sign_ins import SignInStore
from msrv.mail.delivery.mail_metrics import MailMetrics
from msrv.mail.mail_settings import mail_worker
from msrv.newsletter.subscriptions import NewsletterSubscriptions
from msrv.notifications.feed_upkeep import ledger_upkeep
from msrv.notifications.notifier import SellerNotifier
from msrv.orders.checkout import Checkout
from msrv.orders.corrections.worker import CorrectionMailer
from msrv.orders.discounts import Discounts
from msrv.orders.download_links import DownloadLinks
from msrv.orders.free_orders import FreeOrders
from msrv.orders.fulfilment import Fulfilment
from msrv.orders.invoices.service import Invoices
from msrv.orders.legal.withdrawals import Withdrawals
from msrv.orders.lost_purchases.address_index import AddressIndex
from msrv.orders.lost_purchases.worker import LostPurchases
from msrv.orders.rate_limits import ShopLimits
from msrv.orders.receipt_mails import ReceiptMails
from msrv.orders.redemption import CodeIndex, CodeRedemption
from msrv.orders.refunds.recording import RefundRecorder
from msrv.orders.refunds.service import Refunds
from msrv.orders.webhooks import WebhookMetrics, WebhookWorker
from msrv.outgoing_webhooks.worker import WebhookSender
from msrv.payments.registry import Providers
from msrv.payments.return_addresses import UntaggedReturns
from msrv.payments.settlement import Settlement
from msrv.payments.webhook_inbox import WebhookInbox
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.storage.data_folder import shared_lock
from msrv.storage.local import LocalStorage
from msrv.web import middleware, rendering, security_headers
from msrv.web.caches import (
    CatalogCache,
    DocumentCache,
    RepresentationCache,
)
from msrv.web.metrics import LimitMetrics, RequestMetrics
from msrv.web.origin import OriginRules
from msrv.web.public_pages import validation
from msrv.web.public_pages.page_cache import PageCache
from msrv.web.routes import ROUTES, Router
from msrv.web.shop import redirects
from msrv.web.shop.json_views import shared_cover_path
from msrv.web.shop.qr_codes import QRCodes
from msrv.web.static_files import Assets
from msrv.web.store import STORE, Clock, Random, Store
from msrv.web.studio.routes import STUDIO

MAX_BODY_BYTES = 512 * 1024
"""Bound of a payment provider's webhook; forms have a lower one."""


def create_app(
    settings: Settings,
    keyring: Keyring,
    *,
    clock: Clock = lambda: int(time.time()),
    random: Random = secrets.token_bytes,
    ledger: Ledger | None = None,
    ffmpeg: Callable[[], str | None] | None = None,
    reload: bool = False,
) -> web.Application:
    """Return the application that the settings describe, not yet started.

    `ledger` replaces the one in the data folder, and `ffmpeg` find_ffmpeg().
    With `reload`, changed templates and stylesheets are picked up at once.
    """
    app = web.Application(
        middlewares=[
            middleware.record_metrics,
            middleware.compress,
            middleware.handle_errors,
            validation.validate,
            middleware.resolve_origin,
            redirects.redirect,
            validation.reuse_page,
        ],
        client_max_size=MAX_BODY_BYTES,
    )
    # Application's own parameter for this is deprecated without a replacement.
    app._router = Router()  # noqa: SLF001
    parser = Parser(settings.data)
    rules = OriginRules.from_settings(settings)
    library = LibraryParts.of(
        settings,
        keyring,
        parser,
        (ffmpeg or find_ffmpeg)(),
        lambda request: rules.trusts_peer(request.remote),
    )
    store = app[STORE] = _build_store(
        settings,
        keyring,
        library,
        rules,
        clock=clock,
        random=random,
        ledger=ledger,
        reload=reload,
    )
    store.metrics.register(LimitMetrics(store.limits))
    store.metrics.register(WebhookMetrics(store.webhooks))
    store.metrics.register(LedgerCollector(store.ledger.status))
    store.metrics.register(store.invoices.failures)
    store.metrics.register(EncodingMetrics(store.encodings.progress))
    for each in library.metrics:
        store.metrics.register(each)
    if store.mail is not None:
        store.metrics.register(MailMetrics(store.mail))
    rendering.set_up_templates(app, fresh=reload)
    app.add_routes(ROUTES)
    app.add_routes(STUDIO)
    app.on_response_prepare.append(security_headers.on_response_prepare)
    app.on_response_prepare.append(validation.store_page)
    app.cleanup_ctx.append(functools.partial(_run, library.folder, parser))
    return app


def _build_store(
    settings: Settings,
    keyring: Keyring,
    library: LibraryParts,
    rules: OriginRules,
    *,
    clock: Clock,
    random: Random,
    ledger: Ledger | None,
    reload: bool,
) -> Store:
    """Return the parts of the store, connected and not yet started."""
    cache = settings.data / "cache"
    providers = Providers.from_settings(settings)
    settlement = Settlement(keyring)
    ledger = ledger or Ledger(
        settings.data,
        settings.database_url,
        clock,
        ConnectionRules.of(settings),
    )
    catalog, encodings = library.catalog, library.encodings
    limits = ShopLimits()
    discounts = Discounts(catalog, ledger, limits, clock)
    mail = mail_worker(settings, keyring, clock)
    checks = LatestResults(
        CheckContext(settings=settings, keyring=keyring, serving=True)
    )
    receipt_mails = ReceiptMails(
        mail, providers, catalog, limits, settings.public_url or "", clock
    )
    fulfilment = Fulfilment(
        ledger,
        catalog,
        keyring,
        discounts,
        FreeOrders(providers, discounts, limits, clock),
        receipt_mails,
        AddressIndex.from_settings(settings, ledger),
    )
    webhooks = WebhookWorker(
        WebhookInbox(settings.data / "messages"),
        providers=providers,
        settlement=settlement,
        ledger=ledger,
        fulfilment=fulfilment,
        refunds=RefundRecorder(
            providers, settlement, ledger, receipt_mails, clock
        ),
        clock=clock,
    )
    return Store(
        settings=settings,
        keyring=keyring,
        clock=clock,
        random=random,
        catalog=catalog,
        covers=library.covers,
        previews=library.previews,
        encodings=encodings,
        formats=encodings.formats,
        sender=library.sender,
        preview_sender=DirectSender(
            LocalStorage(cache / "previews"), settings.stall_seconds
        ),
        download_limit=ConcurrencyLimit(
            settings.max_downloads,
            settings.max_downloads_per_client,
            MinimumSpeed(
                settings.slow_bytes_per_second, settings.slow_seconds
            ),
        ),
        representations=RepresentationCache(),
        ledger=ledger,
        sign_ins=SignInStore(settings.data, ledger),
        providers=providers,
        settlement=settlement,
        return_addresses=UntaggedReturns(settings.data),
        webhooks=webhooks,
        refunds=Refunds(providers, settlement, ledger, webhooks, clock),
        mail=mail,
        discounts=discounts,
        checkout=Checkout(
            catalog,
            keyring,
            providers,
            settlement,
            discounts,
            limits,
            clock,
            random,
            settings.public_url or "",
            shared_cover_path,
        ),
        fulfilment=fulfilment,
        redemption=CodeRedemption(
            ledger,
            catalog,
            keyring,
            CodeIndex(settings.ended_campaigns),
            limits,
            fulfilment,
            clock,
        ),
        receipt_mails=receipt_mails,
        withdrawals=Withdrawals.of(receipt_mails, ledger, settings.notify),
        invoices=Invoices.of(ledger, catalog, clock),
        lost_purchases=LostPurchases.of(fulfilment, settlement),
        corrections=CorrectionMailer.of(receipt_mails, ledger, settlement),
        download_links=DownloadLinks(
            keyring, catalog, ledger, settings.link_hours * 3600, clock
        ),
        limits=limits,
        origin_rules=rules,
        metrics=RequestMetrics(),
        assets=Assets(fresh=reload),
        catalog_cache=CatalogCache(library.texts, cache_pages=not reload),
        documents=DocumentCache(),
        public_pages=PageCache(catalog, encodings.store, is_on=not reload),
        qr_codes=QRCodes(),
        health_checks=checks,
        newsletter=NewsletterSubscriptions.of(
            settings, clock=clock, random=random
        ),
        outgoing_webhooks=WebhookSender.of(
            settings, ledger=ledger, catalog=catalog, clock=clock
        ),
        notifier=SellerNotifier.of(
            settings,
            ledger=ledger,
            catalog=catalog,
            mail=mail,
            checks=checks,
            clock=clock,
        ),
        certificate=CertificateWorker.of(settings),
    )


async def _run(
    folder: LocalStorage, parser: Parser, app: web.Application
) -> AsyncIterator[None]:
    """Start what the store runs in the background, and stop it in reverse.

    Raises LibraryUnreadable where there is no library, DataFolderLocked
    during a restore, and DataFolderTemporary for a folder that won't last.
    """
    store = app[STORE]
    async with contextlib.AsyncExitStack() as stack:
        lock = shared_lock(store.settings.data)
        await asyncio.to_thread(stack.enter_context, lock)
        # Stops files from being hashed again.
        stack.push_async_callback(folder.aclose)
        # Before anything writes its files to a new data folder.
        await asyncio.to_thread(store.return_addresses.start, store.clock())
        await stack.enter_async_context(store.catalog)
        stack.push_async_callback(store.previews.aclose)
        stack.push_async_callback(store.covers.aclose)
        stack.callback(store.qr_codes.close)
        await stack.enter_async_context(running(parser))
        await stack.enter_async_context(store.encodings)
        await stack.enter_async_context(store.ledger)
        await stack.enter_async_context(ledger_upkeep(store.invoices))
        if store.mail is not None:
            await stack.enter_async_context(store.mail)
        await stack.enter_async_context(store.outgoing_webhooks)
        if store.newsletter is not None:
            await stack.enter_async_context(store.newsletter)
        if store.notifier is not None:
            await stack.enter_async_context(store.notifier)
        stack.push_async_callback(store.providers.aclose)
        await stack.enter_async_context(store.webhooks)
        await stack.enter_async_context(store.lost_purchases)
        await stack.enter_async_context(store.corrections)
        yield
