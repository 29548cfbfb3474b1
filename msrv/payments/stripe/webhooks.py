# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe's webhooks: verification, and from an event to its meaning.

Of an event, only the id of its session or payment is kept, and no personal
data. Its meaning is the current state at Stripe, so that neither the order in
which events arrive nor their age matters.
"""

import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import stripe

from msrv.payments.provider import (
    BadWebhookSignature,
    NoSuchPayment,
    PaymentNotFoundYet,
    WebhookEvent,
    WebhookOutcome,
)
from msrv.payments.refunds import PaymentReversals
from msrv.payments.stripe import sessions
from msrv.payments.stripe.client import Json, StripeApi
from msrv.payments.stripe.payments import refunded_payment

log = logging.getLogger(__name__)

TOLERANCE_SECONDS: Final = 300
_HEADER: Final = "Stripe-Signature"
_SESSION_EVENTS: Final = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
_REFUND_EVENTS: Final = frozenset(
    {
        "charge.refunded",
        "charge.refund.updated",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    }
)
EVENT_TYPES: Final = _SESSION_EVENTS | _REFUND_EVENTS
"""Event types that the endpoint subscribes to; docs/payments.md lists them."""
# https://docs.stripe.com/event-destinations#thin-events: like
# "v2.core.event", without the data of a snapshot event.
_THIN: Final = re.compile(r"v[2-9][a-z0-9_.]{0,60}")


class StripeWebhooks:
    """Handler of Stripe's webhooks."""

    def __init__(self, api: StripeApi, secret: str, *, live: bool) -> None:
        self._api = api
        self._secret = secret
        self._live = live
        self._has_warned_of_thin = False

    def read(
        self, body: bytes, headers: Mapping[str, str]
    ) -> WebhookEvent | None:
        """Verify the signature and age of a webhook, and return its event.

        Raises BadWebhookSignature.
        """
        stated = headers.get(_HEADER, "")
        if not stated.isascii():  # Stripe's library can't compare it
            raise BadWebhookSignature
        try:
            stripe.WebhookSignature.verify_header(
                body, stated, self._secret, TOLERANCE_SECONDS
            )
            _check_not_ahead(stated)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise BadWebhookSignature from error
        try:
            event = json.loads(body)
            if self._is_thin(event):
                return None
            return self._event(event)
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            # Signed, but not an event that this version can parse.
            raise BadWebhookSignature from error

    def _is_thin(self, event: Any) -> bool:  # noqa: ANN401 - JSON
        """Return whether an event is a thin one, which has no data.

        It is acknowledged, or Stripe would retry it for days; the first one
        is logged.
        """
        kind = event["object"]
        if not isinstance(kind, str) or not _THIN.fullmatch(kind):
            return False
        if not self._has_warned_of_thin:
            self._has_warned_of_thin = True
            log.warning(
                "Stripe sends thin events (%s), which are ignored: configure "
                "the endpoint to send only snapshot events of API version 1",
                kind,
            )
        return True

    async def resolve(self, event: WebhookEvent) -> tuple[WebhookOutcome, ...]:
        """Return the current state of the session or payment of an event.

        Raises ProviderUnavailable, and PaymentNotFoundYet where Stripe can't
        find it.
        """
        if "session" in event.facts:
            return await self._resolve_session(event.facts["session"])
        return await self._resolve_payment(event.facts["payment"])

    def _event(self, event: Any) -> WebhookEvent | None:  # noqa: ANN401 - JSON
        if event["object"] != "event" or event["livemode"] is not self._live:
            raise ValueError("not an event of this mode")
        kind, subject = event["type"], event["data"]["object"]
        facts: dict[str, str] = {}
        if kind in _SESSION_EVENTS:
            facts["session"] = subject["id"]
        elif kind in _REFUND_EVENTS and subject.get("payment_intent"):
            facts["payment"] = subject["payment_intent"]
        else:
            return None
        return WebhookEvent(event["id"], kind, int(event["created"]), facts)

    async def _resolve_session(
        self, session_id: str
    ) -> tuple[WebhookOutcome, ...]:
        try:
            session = await self._api.session(session_id)
        except NoSuchPayment as error:
            raise PaymentNotFoundYet("no such session") from error
        try:
            return (sessions.parse_session(session),)
        except NoSuchPayment:
            return ()  # another application of this Stripe account

    async def _resolve_payment(
        self, payment_id: str
    ) -> tuple[WebhookOutcome, ...]:
        session = await self._api.session_of(payment_id)
        if session is None:
            return await self._resolve_without_session(payment_id)
        if sessions.unpack(session.get("metadata")) is None:
            return ()
        made = await self._api.refunds(payment_id)
        disputes = await self._api.disputes(payment_id)
        found = refunded_payment(session, payment_id, made, disputes)
        return (
            *found.changes,
            PaymentReversals(
                found.token, found.reference, payment_id, found.reversals
            ),
        )

    async def _resolve_without_session(
        self, payment_id: str
    ) -> tuple[WebhookOutcome, ...]:
        """Return nothing for a payment of another application.

        Raises PaymentNotFoundYet for one of this store.
        """
        try:
            payment: Json = await self._api.payment(payment_id)
        except NoSuchPayment as error:
            raise PaymentNotFoundYet("no such payment") from error
        if sessions.MARK in (payment.get("metadata") or {}):
            raise PaymentNotFoundYet(
                "this store's payment, without its session"
            )
        return ()


def _check_not_ahead(header: str) -> None:
    """Raise ValueError for a webhook signed in the future.

    The SDK only rejects old ones. It can't be an attack, as it is signed, but
    a wrong clock should be noticed.
    """
    stated = dict(part.split("=", 1) for part in header.split(",") if part)
    if int(stated["t"]) > time.time() + TOLERANCE_SECONDS:
        raise ValueError("signed in the future")
