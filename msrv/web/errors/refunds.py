# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for refunds in the studio: each says whether money moved."""

from dataclasses import replace
from typing import Final

from msrv.ledger.errors import SpoolFailed
from msrv.orders.refunds.errors import (
    NothingChosen,
    NothingPaid,
    ProviderNotSetUp,
    RefundTooHigh,
)
from msrv.orders.refunds.recording import NOT_MADE
from msrv.payments.provider import (
    InboxUnavailable,
    NoSuchPayment,
    PaymentError,
)
from msrv.payments.refunds import (
    RefundOutdated,
    RefundRefused,
    RefundUnconfirmed,
)
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import ErrorPage, Table

_BACK: Final = gettext_noop("Back to the order")
_NOT_REFUNDED: Final = gettext_noop("Nothing was refunded")


class RefundFailed(Exception):
    """A refund of an order failed; `why` is the service's own error."""

    def __init__(self, order_id: str, why: Exception) -> None:
        super().__init__(order_id)
        self.order_id = order_id
        self.why = why


# https://docs.stripe.com/error-codes
_REFUSALS: Final = {
    "charge_already_refunded": gettext_noop(
        "The payment provider says that the payment was refunded already."
    ),
    "charge_disputed": gettext_noop(
        "The buyer's bank has disputed the payment. While a dispute is open, "
        "or after it was lost, a payment can't be refunded: the bank decides "
        "where the money goes."
    ),
    "balance_insufficient": gettext_noop(
        "Your balance at the payment provider is too low for this refund. Add "
        "to it there, or wait for more sales, and try again."
    ),
    "charge_not_refundable": gettext_noop(
        "The payment provider can't refund this kind of payment."
    ),
    "key_refused": gettext_noop(
        "The store's API key isn't allowed to make refunds. In Stripe, give "
        "it write access to Charges and Refunds, and try again."
    ),
    "invalid_amount": gettext_noop(
        "The payment provider can't refund this amount in this currency."
    ),
    NOT_MADE: gettext_noop(
        "The payment provider answered with an error, and made no refund. You "
        "can refund this again."
    ),
}
_SAME_REFUSAL: Final = {
    "refund_disputed_payment": "charge_disputed",
    "insufficient_funds": "balance_insufficient",
}


def refusal_text(code: str) -> str:
    """Return why a provider refused a refund, in the current language."""
    text = _REFUSALS.get(_SAME_REFUSAL.get(code, code))
    if text is not None:
        return gettext(text)
    return gettext(
        "The payment provider refused this refund. Its page of the payment "
        "says more; its reason code is: %(code)s",
        code=code or "?",
    )


_PAGES: Final[dict[type[Exception], ErrorPage]] = {
    NothingPaid: ErrorPage(
        409,
        "nothing_paid",
        _NOT_REFUNDED,
        gettext_noop(
            "Nothing was paid for this order, so there is nothing to refund. "
            "Its downloads can be ended on its page."
        ),
    ),
    ProviderNotSetUp: ErrorPage(
        409,
        "provider_not_set_up",
        _NOT_REFUNDED,
        gettext_noop(
            "This store has no access to the payment: its provider isn't set "
            "up here, or is set up in another mode. Refund it at the "
            "provider, and end the downloads on the order's page."
        ),
    ),
    NothingChosen: ErrorPage(
        409,
        "nothing_left",
        _NOT_REFUNDED,
        gettext_noop("There is nothing left to refund."),
    ),
    RefundTooHigh: ErrorPage(
        409,
        "refund_too_high",
        _NOT_REFUNDED,
        gettext_noop("This is more than what is left of the payment."),
    ),
    RefundOutdated: ErrorPage(
        409,
        "refund_outdated",
        _NOT_REFUNDED,
        gettext_noop(
            "Another refund of this order was made or tried since the page "
            "was opened. Please look at the order, and start again if this "
            "one is still due."
        ),
    ),
    NoSuchPayment: ErrorPage(
        409,
        "no_such_payment",
        _NOT_REFUNDED,
        gettext_noop(
            "The payment provider doesn't know this payment, or it belongs "
            "to another account."
        ),
    ),
    SpoolFailed: ErrorPage(
        503,
        "refund_not_recorded",
        _NOT_REFUNDED,
        gettext_noop(
            "The store couldn't write to its disk, so it didn't ask for the "
            "refund. Free some space and try again."
        ),
        retry_after_seconds=60,
    ),
    InboxUnavailable: ErrorPage(
        503,
        "refund_not_recorded",
        _NOT_REFUNDED,
        gettext_noop(
            "The store couldn't write to its disk, so it didn't ask for the "
            "refund. Free some space and try again."
        ),
        retry_after_seconds=60,
    ),
    PaymentError: ErrorPage(
        503,
        "provider_unavailable",
        _NOT_REFUNDED,
        gettext_noop(
            "The payment provider didn't answer, so the refund wasn't "
            "requested. Please try again in a moment."
        ),
        retry_after_seconds=60,
    ),
}


def _refund_failed(error: RefundFailed) -> ErrorPage:
    link = (f"/studio/orders/{error.order_id}", _BACK)
    data = {"order_id": error.order_id}
    why = error.why
    if isinstance(why, RefundUnconfirmed):
        return ErrorPage(
            502,
            "refund_unconfirmed",
            gettext("The refund isn't confirmed yet"),
            gettext(
                "The payment provider was asked and didn't say whether it "
                "made the refund. The store keeps asking, and shows it on the "
                "order's page once it is known. Trying again is safe: it is "
                "never made twice."
            ),
            link,
            data=data,
        )
    if isinstance(why, RefundRefused):
        return ErrorPage(
            409,
            "refund_refused",
            gettext(_NOT_REFUNDED),
            refusal_text(why.code),
            link,
            data={**data, "reason": why.code},
        )
    for kind, page in _PAGES.items():
        if isinstance(why, kind):
            return replace(page.translated(), link=link, data=data)
    raise why


TABLE: Final[Table] = {RefundFailed: _refund_failed}
