"""Putting the store together: the only place that knows every room."""

import asyncio
import functools
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from email.headerregistry import Address

from aiohttp import web

from msrv.catalog.covers import Covers
from msrv.catalog.live import LiveCatalog
from msrv.catalog.parsing.errors import ParserClosed, ParsingError
from msrv.catalog.parsing.marks import FOLDER_NAME as MARKS
from msrv.catalog.parsing.marks import Marks
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.previews import Previews, find_ffmpeg
from msrv.downloads.concurrency_limit import Places, Slow
from msrv.downloads.direct_sender import Direct
from msrv.downloads.sender import Sender
from msrv.downloads.x_accel import Accel
from msrv.ledger.db.connection_rules import ConnectionRules
from msrv.ledger.db.content_sync import ContentSync
from msrv.ledger.ledger import Ledger
from msrv.ledger.metrics import LedgerFigures
from msrv.ledger.sign_ins import Door
from msrv.mail import addresses
from msrv.mail.errors import BadAddress
from msrv.mail.metrics import MailFigures
from msrv.mail.outbox import FOLDER_NAME, Outbox
from msrv.mail.rendering import Writer
from msrv.mail.smtp import Account, Relay
from msrv.mail.worker import Postman
from msrv.orders.code_index import CodeBook
from msrv.payments.registry import Providers
from msrv.payments.return_addresses import Untagged
from msrv.payments.settlement import Till
from msrv.payments.webhook_inbox import Inbox
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings, WrongSetting
from msrv.storage.local import Folder
from msrv.tasks import TaskSupervisor
from msrv.web import (
    middleware,
    receipt_mails,
    redirects,
    rendering,
    security_headers,
    store,
)
from msrv.web.catalog_cache import Shelf
from msrv.web.connection_metrics import LimitMetrics
from msrv.web.metrics import Traffic
from msrv.web.origin import OriginRules
from msrv.web.rate_limits import Limits
from msrv.web.representation_cache import Packs
from msrv.web.router import Router
from msrv.web.routes import ROUTES
from msrv.web.shop.qr_codes import QRCodes
from msrv.web.shop.static_files import Assets
from msrv.web.studio.routes import STUDIO
from msrv.web.webhook_worker import Listener

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 512 * 1024
"""Of a payment provider's message; forms have a limit of their own."""


def create_app(
    settings: Settings,
    keyring: Keyring,
    *,
    clock: store.Clock = lambda: int(time.time()),
    random: store.Random = secrets.token_bytes,
    reload: bool = False,
) -> web.Application:
    """Build the store that the settings describe; it starts when it is run.

    With `reload`, changed templates and stylesheets show at once.
    """
    app = web.Application(
        middlewares=[
            middleware.count,
            middleware.explain,
            middleware.place,
            redirects.lead,
        ],
        client_max_size=MAX_BODY_BYTES,
    )
    # Its own parameter for this is deprecated, without another way.
    app._router = Router()  # noqa: SLF001
    folder = Folder(settings.library_folder)
    cache = settings.data / "cache"
    app[store.SETTINGS] = settings
    app[store.KEYRING] = keyring
    app[store.CLOCK] = clock
    app[store.RANDOM] = random
    app[store.TRAFFIC] = Traffic()
    app[store.ORIGIN_RULES] = OriginRules.of(settings)
    app[store.PROVIDERS] = Providers.of(settings)
    app[store.ASSETS] = Assets(fresh=reload)
    app[store.CODE_BOOK] = CodeBook(settings.ended_campaigns)
    app[store.LIMITS] = limits = Limits()
    app[store.TRAFFIC].show(LimitMetrics(limits))
    app[store.SHELF] = Shelf(keep_pages=not reload)
    app[store.PACKS] = Packs()
    app[store.QR_CODES] = QRCodes()
    app[store.SENDER] = _sender(settings, folder, app[store.ORIGIN_RULES])
    app[store.CLIP_SENDER] = Direct(
        Folder(cache / "previews"), settings.stall_seconds
    )
    app[store.PLACES] = Places(
        settings.max_downloads,
        settings.max_downloads_per_client,
        Slow(settings.slow_bytes_per_second, settings.slow_seconds),
    )
    parser = Parser(settings.data)
    app[store.COVERS] = Covers(folder, cache / "covers", parser)
    app[store.PREVIEWS] = Previews(
        find_ffmpeg(),
        folder.root,
        cache / "previews",
        marks=Marks(settings.data / MARKS / "previews", versions=str),
    )
    app[store.CATALOG] = LiveCatalog(
        folder.root,
        settings.data,
        parser=parser,
        settle_seconds=settings.settle_seconds,
    )
    ledger = Ledger(
        settings.data,
        settings.database_url,
        clock,
        ConnectionRules.of(settings),
    )
    app[store.LEDGER] = ledger
    app[store.DOOR] = Door(settings.data, ledger)
    app[store.TRAFFIC].show(LedgerFigures(ledger.status))
    till = Till(keyring)
    app[store.TILL] = till
    app[store.LISTENER] = listener = Listener(
        Inbox(settings.data / "messages"),
        providers=app[store.PROVIDERS],
        till=till,
        ledger=ledger,
        catalog=app[store.CATALOG],
        clock=clock,
        send_mail=functools.partial(receipt_mails.send, app),
    )
    app[store.UNTAGGED_RETURNS] = Untagged(settings.data)
    rendering.set_up(app, fresh=reload)
    app.add_routes(ROUTES)
    app.add_routes(STUDIO)
    app.on_response_prepare.append(security_headers.secure)
    app.cleanup_ctx.append(_verifying(folder))
    # Before anything leaves its files in a new data folder.
    app.cleanup_ctx.append(_return_addresses)
    app.cleanup_ctx.append(_catalog)
    app.cleanup_ctx.append(_makers)
    app.cleanup_ctx.append(_parser(parser))
    app.cleanup_ctx.append(_ledger(ledger))
    sender = _mail_sender(settings)
    if settings.smtp_url is not None and sender is not None:
        _send_mail(app, settings.smtp_url.get_secret_value(), sender)
    app.cleanup_ctx.append(_payments(listener))
    return app


def _sender(settings: Settings, folder: Folder, rules: OriginRules) -> Sender:
    direct = Direct(folder, settings.stall_seconds)
    if settings.delivery == "direct":
        return direct
    return Accel(
        folder, direct, lambda request: rules.trusts_peer(request.remote)
    )


def _mail_sender(settings: Settings) -> Address | None:
    """Read who mail is from. Raises WrongSetting for what can't be."""
    if settings.mail_from is None:
        return None
    try:
        return addresses.sender(settings.mail_from)
    except BadAddress as error:
        raise WrongSetting(f"MSRV_MAIL_FROM: {error}") from error


def _send_mail(app: web.Application, url: str, sender: Address) -> None:
    """Set up the sending of receipts, by a relay."""
    settings = app[store.SETTINGS]
    app[store.MAIL] = Postman(
        Outbox(settings.data / FOLDER_NAME),
        Relay(Account.of(url)),
        Writer(app[store.KEYRING], sender),
        app[store.CLOCK],
    )
    app[store.TRAFFIC].show(MailFigures(app[store.MAIL]))
    app.cleanup_ctx.append(_mail)


async def _return_addresses(app: web.Application) -> AsyncIterator[None]:
    """Load the time until which addresses without a tag are accepted."""
    untagged, now = app[store.UNTAGGED_RETURNS], app[store.CLOCK]()
    await asyncio.to_thread(untagged.start, now)
    yield


async def _catalog(app: web.Application) -> AsyncIterator[None]:
    """Keep the catalog true to its folder while the store runs.

    Raises LibraryUnreadable where there is no library.
    """
    async with app[store.CATALOG]:
        yield


def _verifying(
    folder: Folder,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Stop, at the end, what is still being hashed again."""

    async def run(_app: web.Application) -> AsyncIterator[None]:
        yield
        await folder.aclose()

    return run


async def _makers(app: web.Application) -> AsyncIterator[None]:
    """Stop, at the end, the making of covers, previews and QR codes."""
    yield
    app[store.QR_CODES].close()
    await app[store.COVERS].aclose()
    await app[store.PREVIEWS].aclose()


def _parser(
    parser: Parser,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Start what parses files, and end it before those who ask it."""

    async def run(_app: web.Application) -> AsyncIterator[None]:
        starting = asyncio.create_task(asyncio.to_thread(_start, parser))
        yield
        await asyncio.to_thread(parser.close)
        await starting

    return run


def _start(parser: Parser) -> None:
    """Start it, so that the log says at once what it lacks."""
    try:
        parser.start()
    except ParserClosed:
        pass
    except ParsingError as error:
        log.error("covers and tracks can't be parsed: %s", error)  # noqa: TRY400 - the text says it


def _payments(
    listener: Listener,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Follow what payment providers tell, and let go of them at the end."""

    async def run(app: web.Application) -> AsyncIterator[None]:
        try:
            async with listener:
                yield
        finally:
            await app[store.PROVIDERS].aclose()

    return run


def _ledger(
    ledger: Ledger,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Remember what happens, from the first request to after the last."""

    async def run(app: web.Application) -> AsyncIterator[None]:
        async with ledger:
            work = TaskSupervisor("sold items")
            work.start(ContentSync(ledger, app[store.CATALOG].history).run())
            try:
                yield
            finally:
                await work.stop()

    return run


async def _mail(app: web.Application) -> AsyncIterator[None]:
    """Send what lies in the outbox, for as long as the store runs."""
    async with app[store.MAIL]:
        yield
