# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The store that an application serves, and the facts a request carries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from msrv.acme.worker import CertificateWorker
from msrv.catalog.covers import Covers
from msrv.catalog.encodings.item_formats import ItemFormats
from msrv.catalog.encodings.worker import EncodingWorker
from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.previews import Previews
from msrv.downloads.concurrency_limit import ConcurrencyLimit
from msrv.downloads.sender import Sender
from msrv.health_checks.table import LatestResults
from msrv.ledger.ledger import Ledger
from msrv.ledger.operators.model import Operator
from msrv.ledger.sign_ins import SignInStore
from msrv.mail.worker import MailWorker
from msrv.newsletter.subscriptions import NewsletterSubscriptions
from msrv.notifications.notifier import SellerNotifier
from msrv.orders.cart import Cart
from msrv.orders.checkout import Checkout
from msrv.orders.corrections.worker import CorrectionMailer
from msrv.orders.discounts import Discounts
from msrv.orders.download_links import DownloadLinks
from msrv.orders.fulfilment import Fulfilment
from msrv.orders.invoices.service import Invoices
from msrv.orders.legal.withdrawals import Withdrawals
from msrv.orders.lost_purchases.worker import LostPurchases
from msrv.orders.rate_limits import ShopLimits
from msrv.orders.receipt_mails import ReceiptMails
from msrv.orders.redemption import CodeRedemption
from msrv.orders.refunds.service import Refunds
from msrv.orders.webhooks import WebhookWorker
from msrv.outgoing_webhooks.worker import WebhookSender
from msrv.payments.registry import Providers
from msrv.payments.return_addresses import UntaggedReturns
from msrv.payments.settlement import Settlement
from msrv.proofs.keyring import Keyring
from msrv.proofs.sign_in import Ticket
from msrv.settings import Settings
from msrv.web.caches import (
    CatalogCache,
    DocumentCache,
    RepresentationCache,
)
from msrv.web.metrics import RequestMetrics
from msrv.web.origin import Origin, OriginRules
from msrv.web.public_pages.page_cache import PageCache
from msrv.web.public_pages.page_slots import PageSlots, PageTemplate
from msrv.web.shop.qr_codes import QRCodes
from msrv.web.static_files import Assets

Clock = Callable[[], int]
"""Returns the time in whole Unix seconds."""
Random = Callable[[int], bytes]
"""Returns as many random bytes as it is called with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The parts of a store, built once by `create_app`.

    Each is started and stopped with the application. `sender` sends files
    for sale, and `preview_sender` previews out of their cache; `mail` is None
    where the store sends none, `notifier` without MSRV_NOTIFY, `newsletter`
    without MSRV_NEWSLETTER, `certificate` without MSRV_DOMAIN; the server
    starts that one, once its sockets are open.
    """

    settings: Settings
    keyring: Keyring
    clock: Clock
    random: Random

    catalog: LiveCatalog
    covers: Covers
    previews: Previews
    encodings: EncodingWorker
    formats: ItemFormats

    sender: Sender
    preview_sender: Sender
    download_limit: ConcurrencyLimit
    representations: RepresentationCache

    ledger: Ledger
    sign_ins: SignInStore

    providers: Providers
    settlement: Settlement
    return_addresses: UntaggedReturns
    webhooks: WebhookWorker
    refunds: Refunds
    mail: MailWorker | None

    discounts: Discounts
    checkout: Checkout
    fulfilment: Fulfilment
    redemption: CodeRedemption
    receipt_mails: ReceiptMails
    withdrawals: Withdrawals
    invoices: Invoices
    lost_purchases: LostPurchases
    corrections: CorrectionMailer
    download_links: DownloadLinks

    limits: ShopLimits
    origin_rules: OriginRules
    metrics: RequestMetrics
    assets: Assets
    catalog_cache: CatalogCache
    documents: DocumentCache
    public_pages: PageCache
    qr_codes: QRCodes
    health_checks: LatestResults
    certificate: CertificateWorker | None
    notifier: SellerNotifier | None
    outgoing_webhooks: WebhookSender
    newsletter: NewsletterSubscriptions | None


STORE: Final = web.AppKey("STORE", Store)

SESSION: Final = web.RequestKey("SESSION", Ticket)
"""The sign-in of a request to the studio; set once it is checked."""
OPERATOR: Final = web.RequestKey("OPERATOR", Operator)
"""The operator of a request to the studio; set once the session is."""
AS_JSON: Final = web.RequestKey("AS_JSON", bool)
"""Set for a program with a token: it gets JSON, whatever it accepts."""
ORIGIN: Final = web.RequestKey("ORIGIN", Origin)
"""The client and the store's base URL; set for every request."""
ROUTE: Final = web.RequestKey("ROUTE", str)
"""The name of the matched route; set for every request."""
ATTEMPT: Final = web.RequestKey("ATTEMPT", str)
"""The random id of the next order, in the forms of a page."""
BACK: Final = web.RequestKey("BACK", str)
"""The path that shows a page again, where its own can't be opened."""
CHANGED_CART: Final = web.RequestKey("CHANGED_CART", Cart)
"""The visitor's cart where the request has changed that of the cookie."""
INCOMPLETE: Final = web.RequestKey("INCOMPLETE", bool)
"""Set where a response lacks what can't be read now: it isn't cached."""
SLOTS: Final = web.RequestKey("SLOTS", PageSlots)
"""The slots of the page that is rendered for a request."""
TEMPLATE: Final = web.RequestKey("TEMPLATE", PageTemplate)
"""The page that was rendered for a request, with its slots."""
