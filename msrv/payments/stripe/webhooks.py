"""The webhook's messages: is it Stripe's, is it ours, what does it mean.

Of a message is kept which session or payment it is about, and nothing of who
paid. What it means is asked of Stripe, so that it doesn't matter in which
order messages come, or how old one has grown.
"""

import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import stripe

from msrv.payments.errors import NoSuchPayment, NotSigned, UnknownYet
from msrv.payments.provider import News, Note
from msrv.payments.stripe import refunds, sessions
from msrv.payments.stripe.client import Api, Json

log = logging.getLogger(__name__)

TOLERANCE_SECONDS: Final = 300
_HEADER: Final = "Stripe-Signature"
_SESSIONS: Final = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
    }
)
_RETURNS: Final = frozenset(
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
KINDS: Final = _SESSIONS | _RETURNS
"""What the endpoint is to be told of; docs/payments.md lists them."""
# https://docs.stripe.com/event-destinations#thin-events: such as
# "v2.core.event", without the data of a snapshot event.
_THIN: Final = re.compile(r"v[2-9][a-z0-9_.]{0,60}")


class Messages:
    """Hears Stripe. Satisfies Ear."""

    def __init__(self, api: Api, secret: str, *, live: bool) -> None:
        self._api = api
        self._secret = secret
        self._live = live
        self._has_told_of_thin = False

    def read(self, body: bytes, headers: Mapping[str, str]) -> Note | None:
        """Check a message's signature and age, and keep what it is about.

        Raises NotSigned.
        """
        try:
            stripe.WebhookSignature.verify_header(
                body, headers.get(_HEADER), self._secret, TOLERANCE_SECONDS
            )
            _check_not_ahead(headers[_HEADER])
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise NotSigned from error
        try:
            event = json.loads(body)
            if self._is_thin(event):
                return None
            return self._note(event)
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            RecursionError,
        ) as error:
            # Signed, and no event: of a kind that this version can't know.
            raise NotSigned from error

    def _is_thin(self, event: Any) -> bool:  # noqa: ANN401 - JSON
        """Whether an event is of Stripe's second kind, which says nothing.

        It is acknowledged, or Stripe would send it for days; the log is told
        of the first.
        """
        kind = event["object"]
        if not isinstance(kind, str) or not _THIN.fullmatch(kind):
            return False
        if not self._has_told_of_thin:
            self._has_told_of_thin = True
            log.warning(
                "Stripe sends thin events (%s), which are ignored: have the "
                "endpoint send snapshot events of API version 1 alone",
                kind,
            )
        return True

    async def follow(self, note: Note) -> tuple[News, ...]:
        """Ask Stripe how things stand.

        Raises ProviderAway, and UnknownYet for what Stripe can't find.
        """
        if "session" in note.facts:
            return await self._follow_session(note.facts["session"])
        return await self._follow_payment(note.facts["payment"])

    def _note(self, event: Any) -> Note | None:  # noqa: ANN401 - JSON
        if event["object"] != "event" or event["livemode"] is not self._live:
            raise ValueError("not an event of this mode")
        kind, about = event["type"], event["data"]["object"]
        facts: dict[str, str] = {}
        if kind in _SESSIONS:
            facts["session"] = about["id"]
        elif kind in _RETURNS and about.get("payment_intent"):
            facts["payment"] = about["payment_intent"]
        else:
            return None
        return Note(event["id"], kind, int(event["created"]), facts)

    async def _follow_session(self, session_id: str) -> tuple[News, ...]:
        try:
            session = await self._api.session(session_id)
        except NoSuchPayment as error:
            raise UnknownYet("no such session") from error
        try:
            return (sessions.read(session),)
        except NoSuchPayment:
            return ()  # of another program with this account

    async def _follow_payment(self, payment_id: str) -> tuple[News, ...]:
        session = await self._api.session_of(payment_id)
        if session is None:
            return await self._without_session(payment_id)
        token = sessions.unpack(session.get("metadata"))
        if token is None:
            return ()
        return refunds.changes(
            token,
            session["id"],
            int(session.get("amount_total") or 0),
            await self._api.refunds(payment_id),
            await self._api.disputes(payment_id),
        )

    async def _without_session(self, payment_id: str) -> tuple[News, ...]:
        """Tell a payment of another program from one that will be found."""
        try:
            payment: Json = await self._api.payment(payment_id)
        except NoSuchPayment as error:
            raise UnknownYet("no such payment") from error
        if sessions.MARK in (payment.get("metadata") or {}):
            raise UnknownYet("a payment of ours without its session")
        return ()


def _check_not_ahead(header: str) -> None:
    """Raise ValueError for a message from the future.

    The SDK looks at the past alone; who can't sign can't send one, but a
    clock that is wrong should be noticed.
    """
    stated = dict(part.split("=", 1) for part in header.split(",") if part)
    if int(stated["t"]) > time.time() + TOLERANCE_SECONDS:
        raise ValueError("signed in the future")
