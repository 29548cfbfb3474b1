# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client of Stripe's API, on top of Stripe's own SDK.

Every call has a time-out, a bounded number of retries, and raises only the
errors of `msrv.payments.provider`. The process's environment is neither read
nor reported: no proxy, no log switch, no name of the parent program.
"""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

import stripe
from aiohttp import ClientError, ClientTimeout

from msrv.payments.provider import (
    NoSuchPayment,
    ProviderBusy,
    ProviderUnavailable,
)
from msrv.payments.stripe.errors import (
    AmountRefused,
    EmailRefused,
    IdempotencyConflict,
    KeyRefused,
    RequestRefused,
)
from msrv.rate_limit import RecentKeys
from msrv.telemetry.spans import span

log = logging.getLogger(__name__)

NAME: Final = "stripe"
Json = Mapping[str, Any]
_Result = TypeVar("_Result")

_ATTEMPT_SECONDS: Final = 8.0
_TOTAL_SECONDS: Final = 20.0
"""For all attempts together: a buyer is waiting, and can try again."""
_RETRIES: Final = 2
_MISSING_SECONDS: Final = 60
_MAX_MISSING: Final = 1000
_MISSING: Final = "resource_missing"
_BAD_EMAIL: Final = "email_invalid"
_EMAIL_PARAM: Final = re.compile("customer_(?:details|email)")
_PAGE: Final = 100
_EXPANDED: Final = ("payment_intent.latest_charge", "total_details.breakdown")
"""Members of a session that are left out unless a request names them."""
_AMOUNT_CODES: Final = frozenset(
    {
        "amount_too_small",
        "amount_too_large",
        "invalid_charge_amount",
        "invalid_charge_amount_no_decimal_compatible",
    }
)


class CallQueue(Enum):
    """Purpose of a call to Stripe; each purpose has a queue of its own.

    The value is the number of concurrent calls and of waiting ones. Stripe's
    own limit is 100 a second. Buyers who are about to pay don't wait behind
    other calls. Anyone can make the store look up a payment, so few of those
    may wait; the events of webhooks are resolved one after the other anyway.
    """

    CHECKOUT = (12, 48)
    LOOK_UP = (8, 16)
    SEARCH = (2, 8)
    FOLLOW_UP = (4, 1000)


class _BoundedQueue:
    """Concurrency limit with a bounded number of waiting calls."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._free = at_once + waiting

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises ProviderBusy when full."""
        if not self._free:
            raise ProviderBusy(NAME, "too many calls are waiting")
        self._free -= 1
        try:
            async with self._slots:
                yield
        finally:
            self._free += 1


class _HttpClient(stripe.AIOHTTPClient):
    """The SDK's HTTP client, without its headers about this machine."""

    async def request_stream_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,  # noqa: ANN401 - the SDK's
    ) -> Any:  # noqa: ANN401 - the SDK's
        """Send a request without the `X-Stripe-Client-` headers."""
        # The SDK reports the program that started it, from the environment.
        kept = {
            name: value
            for name, value in headers.items()
            if not name.lower().startswith("x-stripe-client-")
        }
        kept["User-Agent"] = "MSRV"
        return await super().request_stream_async(
            method, url, kept, post_data=post_data
        )


class StripeApi:
    """Client of the part of Stripe's API that a store needs.

    `base` is the address of a fake in tests. `ticks` is a monotonic clock in
    seconds.
    """

    def __init__(
        self,
        key: str,
        base: str | None = None,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        # The SDK logs URLs, which contain ids, and with telemetry on it writes
        # a file in the home folder. Its switches for both are global.
        logging.getLogger("stripe").setLevel(logging.ERROR)
        stripe.enable_telemetry = False
        self._http = _HttpClient(timeout=ClientTimeout(total=_ATTEMPT_SECONDS))
        self._used = False
        self._queues = {
            queue: _BoundedQueue(*queue.value) for queue in CallQueue
        }
        self._ticks = ticks
        self._missing = RecentKeys(_MISSING_SECONDS, max_keys=_MAX_MISSING)
        client = stripe.StripeClient(
            key,
            http_client=self._http,
            max_network_retries=_RETRIES,
            base_addresses={"api": base} if base else {},
        )
        self._sessions = client.v1.checkout.sessions
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._disputes = client.v1.disputes
        self._balance = client.v1.balance
        self._endpoints = client.v1.webhook_endpoints

    async def create_session(
        self, params: Json, idempotency_key: str
    ) -> tuple[Json, bool]:
        """Create a session; return it, and whether it existed before.

        Raises ProviderUnavailable, AmountRefused and EmailRefused.
        """
        created = await self._call(
            lambda: self._sessions.create_async(
                params=params,  # type: ignore[arg-type] # made in sessions.py
                options={"idempotency_key": idempotency_key},
            ),
            CallQueue.CHECKOUT,
        )
        answer = created.last_response
        replayed = answer is not None and (
            answer.headers.get("Idempotent-Replayed") == "true"
        )
        return created.to_dict(), replayed

    async def session(
        self, session_id: str, queue: CallQueue = CallQueue.FOLLOW_UP
    ) -> Json:
        """Return a session with all of _EXPANDED. Raises NoSuchPayment."""
        found = await self._call(
            lambda: self._sessions.retrieve_async(
                session_id, params={"expand": list(_EXPANDED)}
            ),
            queue,
        )
        return found.to_dict()

    async def look_up(self, session_id: str) -> Json:
        """Return the session that a request names as its own.

        A session that Stripe doesn't know is not asked for again within a
        minute. Raises NoSuchPayment, and ProviderBusy without waiting when
        many are being looked up.
        """
        if self._missing.has(session_id, self._ticks()):
            raise NoSuchPayment
        try:
            return await self.session(session_id, CallQueue.LOOK_UP)
        except NoSuchPayment:
            self._missing.add(session_id, self._ticks())
            raise

    async def session_of(
        self, payment_intent: str, queue: CallQueue = CallQueue.FOLLOW_UP
    ) -> Json | None:
        """Return the session of a payment, None if it had no session."""
        try:
            found = await self._call(
                lambda: self._sessions.list_async(
                    params={"payment_intent": payment_intent, "limit": 1}
                ),
                queue,
            )
        except NoSuchPayment:
            return None  # another account's
        return found.data[0].to_dict() if found.data else None

    async def sessions_of_buyer(
        self, email: str, after: str | None = None
    ) -> tuple[list[Json], bool]:
        """Return a page of a buyer's completed sessions; True if the last.

        With all of _EXPANDED; `after` is the last session's id of
        the page before. Raises ProviderUnavailable and EmailRefused.
        """
        found = await self._call(
            lambda: self._sessions.list_async(
                params={
                    "customer_details": {"email": email},
                    "status": "complete",
                    "limit": _PAGE,
                    "expand": [f"data.{each}" for each in _EXPANDED],
                    **({"starting_after": after} if after else {}),
                }
            ),
            CallQueue.SEARCH,
        )
        page: list[Json] = [each.to_dict() for each in found.data]
        return page, not (found.has_more and page)

    async def payment(self, payment_intent: str) -> Json:
        """Return a payment. Raises NoSuchPayment."""
        found = await self._call(
            lambda: self._intents.retrieve_async(payment_intent)
        )
        return found.to_dict()

    async def refunds(self, payment_intent: str) -> list[Json]:
        """Return the refunds of a payment, including failed ones."""
        found = await self._call(
            lambda: self._refunds.list_async(
                params={"payment_intent": payment_intent, "limit": 100}
            )
        )
        return [each.to_dict() for each in found.data]

    async def disputes(self, payment_intent: str) -> list[Json]:
        """Return the disputes of a payment, including closed ones."""
        found = await self._call(
            lambda: self._disputes.list_async(
                params={"payment_intent": payment_intent, "limit": 100}
            )
        )
        return [each.to_dict() for each in found.data]

    async def create_refund(self, params: Json, idempotency_key: str) -> Json:
        """Create a refund, or return the one that this key has created.

        Raises ProviderUnavailable, of which RequestRefused and
        IdempotencyConflict say that there is no refund; NoSuchPayment.
        """
        made = await self._call(
            lambda: self._refunds.create_async(
                params=params,  # type: ignore[arg-type] # made in refunds.py
                options={"idempotency_key": idempotency_key},
            )
        )
        return made.to_dict()

    async def balance(self) -> tuple[Json, str]:
        """Return the account's balance, and the time at Stripe (RFC 9110)."""
        found = await self._call(self._balance.retrieve_async)
        answer = found.last_response
        return found.to_dict(), answer.headers["Date"] if answer else ""

    async def endpoints(self) -> list[Json]:
        """Return the account's webhook endpoints."""
        found = await self._call(
            lambda: self._endpoints.list_async(params={"limit": 100})
        )
        return [each.to_dict() for each in found.data]

    async def aclose(self) -> None:
        """Close the connections."""
        if self._used:  # the SDK would open a session to close it
            await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _call(
        self,
        call: Callable[[], Awaitable[_Result]],
        queue: CallQueue = CallQueue.FOLLOW_UP,
    ) -> _Result:
        """Return the result of a call, made when its queue has a slot.

        Raises ProviderUnavailable, NoSuchPayment, AmountRefused, and
        EmailRefused.
        """
        self._used = True
        try:
            async with (
                asyncio.timeout(_TOTAL_SECONDS),
                self._queues[queue].slot(),
            ):
                with span(f"{NAME} {queue.name.lower()}", "client", {}):
                    return await call()
        except stripe.InvalidRequestError as error:
            if error.code == _MISSING or error.http_status == 404:
                raise NoSuchPayment from error
            if error.code in _AMOUNT_CODES:
                raise AmountRefused from error
            if error.code == _BAD_EMAIL or _EMAIL_PARAM.match(
                error.param or ""
            ):
                raise EmailRefused from error
            why = _unavailable(error).why
            raise RequestRefused(NAME, why, error.code or "") from error
        except stripe.IdempotencyError as error:
            raise IdempotencyConflict(NAME, _unavailable(error).why) from error
        except stripe.StripeError as error:
            raise _unavailable(error) from error
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            why = f"can't connect ({type(error).__name__})"
            raise ProviderUnavailable(NAME, why) from error


def _unavailable(error: stripe.StripeError) -> ProviderUnavailable:
    """Log an error, and return it with what an operator needs.

    Stripe's own message is left out: it repeats parts of the request.
    """
    kind, raised = type(error).__name__, ProviderUnavailable
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        why, raised = f"MSRV_STRIPE_KEY was refused ({kind})", KeyRefused
    else:
        why = f"{kind}, status {error.http_status}, code {error.code}"
    log.error("stripe: %s; request %s", why, error.request_id)
    return raised(NAME, why)
