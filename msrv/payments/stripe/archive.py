# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe's record of completed payments: by buyer, and the buyer of one.

Each session holds its signed quote, from which the same receipt is made again.
"""

import re
from typing import Final

from msrv.payments.provider import (
    ArchivedPayment,
    NoSuchPayment,
    Paid,
)
from msrv.payments.stripe import sessions
from msrv.payments.stripe.client import CallQueue, Json, StripeApi
from msrv.payments.stripe.errors import EmailRefused

MAX_PAGES: Final = 10
"""A thousand sessions, of which a buyer has a few: an address with more of
them is none of a buyer."""
_INTENT: Final = re.compile(r"pi_[A-Za-z0-9]{1,100}")


class StripeArchive:
    """Record of the payments of a Stripe account."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def payments_of(self, address: str) -> tuple[ArchivedPayment, ...]:
        """Return the payments of the buyer with a mail address.

        Stripe keeps an address as it was typed: both that spelling and the
        one in lower case are looked up. Raises ProviderUnavailable.
        """
        found: dict[str, ArchivedPayment] = {}
        for email in dict.fromkeys((address, address.lower())):
            after = None
            for _ in range(MAX_PAGES):
                try:
                    page, is_last = await self._api.sessions_of_buyer(
                        email, after
                    )
                except EmailRefused:
                    break  # nobody can have paid with it
                for session in page:
                    payment = _archived(session, email)
                    if payment is not None:
                        found[session["id"]] = payment
                if is_last:
                    break
                after = page[-1]["id"]
        return tuple(found.values())

    async def buyer_of(self, payment: str) -> tuple[str, str]:
        """Return the mail address and the signed quote of a payment.

        Each is empty where Stripe doesn't have it. Raises ProviderUnavailable.
        """
        if not _INTENT.fullmatch(payment):
            return "", ""
        session = await self._api.session_of(payment, CallQueue.SEARCH)
        if session is None:
            return "", ""
        quote = sessions.unpack(session.get("metadata")) or ""
        return _email(session), quote


def _archived(session: Json, email: str) -> ArchivedPayment | None:
    """Return a session's payment, None if it is not this buyer's at us."""
    if _email(session).casefold() != email.casefold():
        return None  # its mail would go to somebody else
    try:
        status = sessions.parse_session(session)
    except NoSuchPayment:
        return None  # another application of this Stripe account
    if not isinstance(status.outcome, Paid):
        return None
    intent = session.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    return ArchivedPayment(
        status,
        sessions.payment_of(session),
        is_refunded=isinstance(charge, dict)
        and charge.get("refunded") is True,
    )


def _email(session: Json) -> str:
    """Return the address that the buyer paid with, empty if there is none."""
    return str((session.get("customer_details") or {}).get("email") or "")
