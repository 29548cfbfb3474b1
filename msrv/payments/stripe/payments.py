# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Payments that were made with Stripe: their state, and refunds of them."""

import asyncio
import re
from typing import Final

from msrv.payments.provider import NoSuchPayment, ProviderUnavailable
from msrv.payments.refunds import (
    PaymentReversal,
    RefundedPayment,
    RefundOrder,
    RefundOutdated,
    RefundRefused,
    RefundUnconfirmed,
)
from msrv.payments.stripe import refunds, sessions
from msrv.payments.stripe.amounts import from_stripe, to_stripe
from msrv.payments.stripe.client import (
    NAME,
    Json,
    StripeApi,
)
from msrv.payments.stripe.errors import (
    AmountRefused,
    IdempotencyConflict,
    KeyRefused,
    RequestRefused,
)

INVALID_AMOUNT: Final = "invalid_amount"
"""Code for an amount that Stripe can't refund in the currency."""
KEY_REFUSED: Final = "key_refused"
"""Code for a key that may not create refunds."""
_PAYMENT_ID: Final = re.compile("(?:pi|py)_[A-Za-z0-9]{1,100}")


class StripeRefunds:
    """Refunds of the payments of one Stripe account."""

    keeps_record = True

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def look_up(self, payment: str) -> RefundedPayment:
        """Return a payment with its refunds and disputes.

        Raises NoSuchPayment, also for one of another application, and
        ProviderUnavailable.
        """
        if not _PAYMENT_ID.fullmatch(payment):
            raise NoSuchPayment
        listed, made, disputes = await asyncio.gather(
            self._api.session_of(payment),
            self._api.refunds(payment),
            self._api.disputes(payment),
        )
        if listed is None:
            raise NoSuchPayment
        # With its charge, which a list has not.
        session = await self._api.session(listed["id"])
        return refunded_payment(session, payment, made, disputes)

    def check(self, order: RefundOrder) -> None:
        """Raise RefundRefused for an amount that Stripe has no units for."""
        _units(order)

    async def refund(
        self,
        order: RefundOrder,
        now: int,  # noqa: ARG002 - the protocol's
    ) -> PaymentReversal:
        """Refund a payment, once for each key.

        Raises RefundRefused, RefundOutdated, RefundUnconfirmed.
        """
        params = refunds.refund_params(order, _units(order))
        try:
            made = await self._api.create_refund(params, order.key)
        except IdempotencyConflict as error:
            raise RefundOutdated from error
        except RequestRefused as error:
            raise RefundRefused(error.code) from error
        except KeyRefused as error:
            raise RefundRefused(KEY_REFUSED) from error
        except (AmountRefused, NoSuchPayment) as error:
            raise RefundRefused(INVALID_AMOUNT) from error
        except ProviderUnavailable as error:
            raise RefundUnconfirmed(error.why) from error
        found = refunds.reversals(order.paid, [made], [])
        if not found:
            raise RefundUnconfirmed("the refund is in another currency")
        return found[0]


def _units(order: RefundOrder) -> int:
    """Return a refund's amount in Stripe's units. Raises RefundRefused."""
    units = to_stripe(order.amount)
    if not units:
        raise RefundRefused(INVALID_AMOUNT)
    return units


def refunded_payment(
    session: Json, payment: str, made: list[Json], disputes: list[Json]
) -> RefundedPayment:
    """Return a payment from its session, its refunds and its disputes.

    Raises NoSuchPayment for a session that isn't of this store, and
    ProviderUnavailable for one with an amount that can't be read.
    """
    token = sessions.unpack(session.get("metadata"))
    if token is None:
        raise NoSuchPayment
    units = int(session.get("amount_total") or 0)
    try:
        paid = from_stripe(units, str(session.get("currency")))
    except ValueError as error:
        raise ProviderUnavailable(NAME, f"odd amount: {error}") from error
    details = session.get("customer_details") or {}
    return RefundedPayment(
        paid=paid,
        reversals=refunds.reversals(paid, made, disputes),
        changes=refunds.revocation_changes(
            token, session["id"], units, made, disputes, payment=payment
        ),
        token=token,
        reference=session["id"],
        mail=str(details.get("email") or ""),
        paid_at=sessions.paid_at(session),
        is_test=session.get("livemode") is not True,
    )
