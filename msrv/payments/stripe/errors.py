# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of Stripe's API that its callers tell apart.

Apart from `client`, which is long.
"""

from msrv.payments.provider import ProviderUnavailable


class AmountRefused(Exception):
    """Stripe rejected the amount."""


class EmailRefused(Exception):
    """Stripe rejected the buyer's address."""


class RequestRefused(ProviderUnavailable):
    """Stripe rejected a valid request; `code` is Stripe's, or empty.

    The same idempotency key is rejected again.
    """

    def __init__(self, provider: str, why: str, code: str) -> None:
        super().__init__(provider, why)
        self.code = code


class KeyRefused(ProviderUnavailable):
    """The API key is invalid, or lacks a permission."""


class IdempotencyConflict(ProviderUnavailable):
    """The idempotency key was used for another request."""
