# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe account of a store, as a health check sees it.

Changes nothing. A restricted key may lack the right to read one part or
another, which a payment doesn't need. Whether it may make refunds is found out
by a request that can't make one, since its payment doesn't exist: Stripe
checks the key's rights first.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import stripe

from msrv.payments.provider import NoSuchPayment, ProviderUnavailable
from msrv.payments.stripe.client import NAME, Json, StripeApi
from msrv.payments.stripe.webhooks import EVENT_TYPES
from msrv.settings import Settings

WEBHOOK_PATH: Final = f"/payments/{NAME}/webhook"
_ALL_EVENTS: Final = "*"
_NO_PAYMENT: Final = "pi_msrv_doctor_no_such_payment"
"""No id of Stripe's has more than one underscore."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Endpoint at Stripe for a store's address, or the lack of one.

    `missing` are event types that the store needs and doesn't receive.
    """

    exists: bool
    enabled: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """State of the account, as far as the key may read it.

    `accepted` is whether Stripe accepts the key; `endpoint` is None if the
    key can't read endpoints, or the store has no address. `answered_at` is
    Stripe's time in Unix seconds, None if it sent none. `may_refund` is
    whether the key may make refunds, None if that wasn't found out.
    """

    accepted: bool
    answered_at: float | None = None
    endpoint: WebhookEndpoint | None = None
    may_refund: bool | None = None


async def read_account(
    settings: Settings, *, tries_refund: bool = False
) -> Account:
    """Return the state of the account of a key, which must be set.

    With `tries_refund`, a refund of a payment that doesn't exist is tried,
    which Stripe's log shows. Raises ProviderUnavailable.
    """
    assert settings.stripe_key is not None  # noqa: S101 - checked by the caller
    key = settings.stripe_key.get_secret_value()
    api = StripeApi(key, settings.stripe_api)
    try:
        balance, endpoint = await asyncio.gather(
            _read_balance(api), _read_endpoint(api, settings.public_url)
        )
        may_refund = await _may_refund(api) if tries_refund else None
    finally:
        await api.aclose()
    accepted, answered_at = balance
    return Account(accepted, answered_at, endpoint, may_refund)


async def _may_refund(api: StripeApi) -> bool | None:
    """Return whether the key may make refunds, None if that isn't clear."""
    params = {"payment_intent": _NO_PAYMENT, "amount": 1}
    try:
        await api.create_refund(params, f"msrv-doctor-{secrets.token_hex(8)}")
    except NoSuchPayment:
        return True
    except ProviderUnavailable as error:
        if isinstance(error.__cause__, stripe.PermissionError):
            return False
    return None


async def _read_balance(api: StripeApi) -> tuple[bool, float | None]:
    """Return whether the key is accepted, and Stripe's time."""
    try:
        _, date = await api.balance()
    except ProviderUnavailable as error:
        if isinstance(error.__cause__, stripe.PermissionError):
            return True, None  # a restricted key, which Stripe knows
        if isinstance(error.__cause__, stripe.AuthenticationError):
            return False, None
        raise
    with contextlib.suppress(ValueError):
        return True, parsedate_to_datetime(date).timestamp()
    return True, None


async def _read_endpoint(
    api: StripeApi, public_url: str | None
) -> WebhookEndpoint | None:
    """Return the endpoint of a store's address."""
    if public_url is None:
        return None
    try:
        endpoints = await api.endpoints()
    except ProviderUnavailable as error:
        if isinstance(
            error.__cause__,
            (stripe.PermissionError, stripe.AuthenticationError),
        ):
            return None
        raise
    return find_endpoint(endpoints, public_url + WEBHOOK_PATH)


def find_endpoint(endpoints: Iterable[Json], url: str) -> WebhookEndpoint:
    """Return the endpoint with a URL; of several, the best one."""
    found = [
        WebhookEndpoint(
            exists=True,
            enabled=each.get("status") == "enabled",
            missing=_missing(each.get("enabled_events") or ()),
        )
        for each in endpoints
        if str(each.get("url", "")).rstrip("/") == url
    ]
    return min(
        found,
        key=lambda each: (not each.enabled, len(each.missing)),
        default=WebhookEndpoint(exists=False),
    )


def _missing(events: Iterable[str]) -> tuple[str, ...]:
    received = set(events)
    if _ALL_EVENTS in received:
        return ()
    return tuple(sorted(EVENT_TYPES - received))
