# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe Checkout as a payment provider."""

import logging
import re
from typing import Any, Final, Self

from msrv.money import Money
from msrv.payments.provider import (
    AmountNotSupported,
    NoSuchPayment,
    PayAt,
    PaymentArchive,
    PaymentRequest,
    PaymentReturn,
    PaymentStatus,
    WebhookHandler,
)
from msrv.payments.refunds import RefundHandler
from msrv.payments.stripe import sessions
from msrv.payments.stripe.amounts import to_stripe
from msrv.payments.stripe.archive import StripeArchive
from msrv.payments.stripe.client import (
    NAME,
    CallQueue,
    Json,
    StripeApi,
)
from msrv.payments.stripe.errors import (
    AmountRefused,
    EmailRefused,
)
from msrv.payments.stripe.payments import StripeRefunds
from msrv.payments.stripe.webhooks import StripeWebhooks
from msrv.proofs.quotes import Quote
from msrv.settings import Settings
from msrv.translations import gettext_noop

log = logging.getLogger(__name__)

_NO_WEBHOOKS: Final = (
    "(without MSRV_STRIPE_WEBHOOK_SECRET, the store won't learn of refunds, "
    "or of payments whose buyers don't return)"
)
_CHECKOUT: Final = "https://checkout.stripe.com"
_DASHBOARD: Final = "https://dashboard.stripe.com"
_PAYMENT_ID: Final = re.compile("(?:pi|py|ch)_[A-Za-z0-9]{1,100}")


class StripeProvider:
    """Provider that sends the buyer to Stripe's hosted payment page."""

    name = NAME
    page = None
    moves_money = True
    paid_note = ""

    def __init__(
        self,
        api: StripeApi,
        *,
        live: bool,
        tax: bool,
        origins: tuple[str, ...],
    ) -> None:
        self._api = api
        self._live = live
        self.archive: PaymentArchive | None = StripeArchive(api)
        self.adds_tax = tax
        self.origins = origins
        self.label = (
            gettext_noop("Pay") if live else gettext_noop("Pay (test mode)")
        )
        self.webhooks: WebhookHandler | None = None
        self.refunds: RefundHandler | None = StripeRefunds(api)
        mode = "live" if live else "test mode: no money moves"
        self.status: tuple[str, ...] = (f"Stripe, {mode}",)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the provider for the settings, which must have a key."""
        assert settings.stripe_key is not None  # noqa: S101 - checked by the registry
        key, base = settings.stripe_key.get_secret_value(), settings.stripe_api
        api = StripeApi(key, base)
        live = settings.stripe_is_live
        made = cls(
            api,
            live=live,
            tax=settings.stripe_tax,
            origins=(base or _CHECKOUT,),
        )
        if settings.stripe_webhook_secret is not None:
            secret = settings.stripe_webhook_secret.get_secret_value()
            made.webhooks = StripeWebhooks(api, secret, live=live)
        else:
            made.status = (*made.status, _NO_WEBHOOKS)
            log.warning(
                "MSRV_STRIPE_WEBHOOK_SECRET is not set: the store won't learn "
                "of refunds, or of payments that complete days later"
            )
        return made

    def payment_url(self, reference: str, *, is_test: bool) -> str:
        """Return the payment's page in Stripe's dashboard."""
        if not _PAYMENT_ID.fullmatch(reference):
            return ""
        mode = "test/" if is_test else ""
        return f"{_DASHBOARD}/{mode}payments/{reference}"

    def accepts(self, quote: Quote) -> bool:
        """Return whether the total is above zero and Stripe can charge it."""
        amounts = [Money(quote.total_minor, quote.currency)]
        amounts += [
            Money(line.price_minor, quote.currency) for line in quote.lines
        ]
        return quote.total_minor > 0 and all(
            to_stripe(each) is not None for each in amounts
        )

    async def start(self, payment: PaymentRequest) -> PayAt:
        """Create a session for a payment, or return the existing one.

        Raises ProviderUnavailable and AmountNotSupported.
        """
        params = sessions.session_params(payment, tax=self.adds_tax)
        try:
            session, replayed = await self._create(params)
        except AmountRefused as error:
            quote = payment.quote
            total = Money(quote.total_minor, quote.currency)
            raise AmountNotSupported(total) from error
        if replayed:
            # Stripe replays the answer as it was when the session was new.
            session = await self._api.session(
                session["id"], CallQueue.CHECKOUT
            )
        return_path = sessions.return_path(session["id"], payment)
        return PayAt(session.get("url") or return_path, return_path)

    async def _create(self, params: dict[str, Any]) -> tuple[Json, bool]:
        """Create a session, without an address that Stripe rejects."""
        try:
            return await self._api.create_session(
                params, sessions.idempotency_key(params)
            )
        except EmailRefused:
            del params[sessions.EMAIL]
        return await self._api.create_session(
            params, sessions.idempotency_key(params)
        )

    async def settle(self, answer: PaymentReturn) -> PaymentStatus:
        """Return the status of the session that a buyer returns from.

        Raises ProviderUnavailable (ProviderBusy without waiting, when many
        are being looked up), and NoSuchPayment for a session not of ours.
        """
        session_id = answer.fields.get("session_id", "")
        if not sessions.is_session_id(session_id, live=self._live):
            raise NoSuchPayment
        return sessions.parse_session(await self._api.look_up(session_id))

    async def aclose(self) -> None:
        """Close the connections to Stripe."""
        await self._api.aclose()
