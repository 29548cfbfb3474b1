# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of the web layer, and the page that explains one to a visitor.

`table` maps every error, of this layer and of the services below, to such a
page. The texts are in `access` (addresses, links, requests), `shopping`
(orders, discounts, mail), `redemption`, `payments`, `studio` and `passkeys`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from msrv.translations import gettext, gettext_noop


class NotFound(Exception):
    """No page, release or item exists at the address."""


class UnsupportedForm(Exception):
    """The body's headers don't state a form in the one accepted format."""


class FormTooLarge(Exception):
    """The form exceeds the limit on bytes or fields."""


class InvalidField(Exception):
    """A field of a form or a query is invalid.

    `requirement` completes a sentence, in the visitor's language: "must be a
    number, 1 or higher". `name` is the field as people know it, `field` as
    the form has it.
    """

    def __init__(
        self, name: str, requirement: str, *, field: str = ""
    ) -> None:
        super().__init__(name)
        self.name = name
        self.requirement = requirement
        self.field = field or name


class NoPaymentProvider(Exception):
    """No configured payment provider accepts this order."""


class PaymentRefused(Exception):
    """The payment was not made; the buyer wasn't charged."""


class PaymentUnconfirmed(Exception):
    """The provider can't currently tell whether a payment was made."""


class InvoiceUnavailable(Exception):
    """The ledger can't be read, or hasn't got the order yet."""


class SignedOut(Exception):
    """The address needs a sign-in to the studio, and the request has none."""


class RecentSignInRequired(Exception):
    """The action needs a sign-in from the last hour."""


class NotAllowed(Exception):
    """The operator's role doesn't permit this."""

    def __init__(self, *, needs_owner: bool) -> None:
        super().__init__(needs_owner)
        self.needs_owner = needs_owner


class InvalidToken(Exception):
    """A program's token is unknown, expired or revoked."""


class ScopeMissing(Exception):
    """A program's token isn't for this; `scope` is None where none is."""

    def __init__(self, scope: str | None) -> None:
        super().__init__(scope)
        self.scope = scope


class OperatorUnavailable(Exception):
    """The operator of a sign-in link can't be looked up now."""


class PasskeysUnavailable(Exception):
    """Passkeys can't be used at this address, or their package is missing."""


class PasskeysOffline(Exception):
    """Passkeys can't be looked up while the database is unavailable."""


class NotAcceptable(Exception):
    """The page is available in no format that the visitor accepts."""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An error for a visitor: a page, and the members of a JSON response.

    `message` says what happened, whether money moved, and what to do next.
    `link` is an address and its label; an empty address reloads the page.
    The label is in English, marked for translation; so are title and message
    in a table, until `translated`; `values` are those in its message.
    """

    status: int
    code: str
    title: str
    message: str
    link: tuple[str, str] = (
        "/catalog",
        gettext_noop("Go to the catalog"),
    )
    data: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    retry_after_seconds: int | None = None

    def translated(self) -> Self:
        """Return the page of a table in the visitor's language."""
        return replace(
            self,
            title=gettext(self.title),
            message=gettext(self.message, **self.values),
        )

    @property
    def response_headers(self) -> dict[str, str]:
        """The response's headers, `Retry-After` among them."""
        if self.retry_after_seconds is None:
            return self.headers
        return {**self.headers, "Retry-After": str(self.retry_after_seconds)}


Table = Mapping[type[Exception], ErrorPage | Callable[[Any], ErrorPage]]
"""The page of each type of error, or a function that returns it."""

CART: Final = ("/cart", gettext_noop("Go to your cart"))
FRONT: Final = ("/", gettext_noop("Go to the front page"))
_SHOWN_CHARS: Final = 64


def shortened(item_id: str) -> str:
    """Return text from a request, cut to a length that a page can show."""
    if len(item_id) <= _SHOWN_CHARS:
        return item_id
    return item_id[:_SHOWN_CHARS] + "…"
