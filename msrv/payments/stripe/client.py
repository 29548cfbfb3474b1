"""Asking Stripe, by its own SDK, and taking no for an answer in time.

Every call has a time-out, a bound on retries, and one of the errors of
`msrv.payments.errors`. Nothing of the process's environment is followed or
told: no proxy, no log switch, no name of who runs this.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

import stripe
from aiohttp import ClientError, ClientTimeout

from msrv.payments.errors import NoSuchPayment, ProviderAway, ProviderBusy
from msrv.rate_limit import RecentKeys

log = logging.getLogger(__name__)

NAME: Final = "stripe"
Json = Mapping[str, Any]
_Answer = TypeVar("_Answer")

_TRY_SECONDS: Final = 8.0
_ALL_SECONDS: Final = 20.0
"""For all tries together: a buyer is waiting, and can try again."""
_RETRIES: Final = 2
_MISSING_SECONDS: Final = 60
_MAX_MISSING: Final = 1000
_MISSING: Final = "resource_missing"
_AMOUNTS: Final = frozenset(
    {
        "amount_too_small",
        "amount_too_large",
        "invalid_charge_amount",
        "invalid_charge_amount_no_decimal_compatible",
    }
)


class Queue(Enum):
    """Purpose of a call to Stripe; each has a queue of its own.

    The value is how many are asked at once, and how many may wait. Stripe's
    own limit is 100 a second. Buyers who are about to pay wait for nobody
    else; strangers can make the store look payments up, so few of those
    wait; what webhooks told of is followed in any case, one by one.
    """

    CHECKOUT = (12, 48)
    LOOK_UP = (8, 16)
    FOLLOW_UP = (4, 1000)


class _Line:
    """A bounded line of those who ask."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._room = at_once + waiting

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it. Raises ProviderBusy when full."""
        if not self._room:
            raise ProviderBusy(NAME, "too many wait for it")
        self._room -= 1
        try:
            async with self._places:
                yield
        finally:
            self._room += 1


class AmountRefused(Exception):
    """Stripe takes no such amount."""


class _Http(stripe.AIOHTTPClient):
    """The SDK's client, which keeps to itself on whose machine it runs."""

    async def request_stream_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,  # noqa: ANN401 - the SDK's
    ) -> Any:  # noqa: ANN401 - the SDK's
        """Send a request with the headers that say what is asked, alone."""
        # It looks into the environment for the program that started it.
        kept = {
            name: value
            for name, value in headers.items()
            if not name.lower().startswith("x-stripe-client-")
        }
        kept["User-Agent"] = "MSRV"
        return await super().request_stream_async(
            method, url, kept, post_data=post_data
        )


class Api:
    """Stripe, as far as a store asks it. `base` is its address in tests.

    `ticks` is a clock in seconds that is never set.
    """

    def __init__(
        self,
        key: str,
        base: str | None = None,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        # The SDK logs addresses, which hold ids, and writes to a file of its
        # own in the home folder where telemetry is on: its switches for that
        # are global.
        logging.getLogger("stripe").setLevel(logging.ERROR)
        stripe.enable_telemetry = False
        self._http = _Http(timeout=ClientTimeout(total=_TRY_SECONDS))
        self._used = False
        self._lines = {queue: _Line(*queue.value) for queue in Queue}
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

    async def create_session(
        self, params: Json, idempotency_key: str
    ) -> tuple[Json, bool]:
        """Create a checkout; it, and whether it had been created before.

        Raises ProviderAway and AmountRefused.
        """
        created = await self._ask(
            lambda: self._sessions.create_async(
                params=params,  # type: ignore[arg-type] # made in sessions.py
                options={"idempotency_key": idempotency_key},
            ),
            Queue.CHECKOUT,
        )
        answer = created.last_response
        again = answer is not None and (
            answer.headers.get("Idempotent-Replayed") == "true"
        )
        return created.to_dict(), again

    async def session(
        self, session_id: str, queue: Queue = Queue.FOLLOW_UP
    ) -> Json:
        """Fetch a checkout with its payment. Raises NoSuchPayment."""
        found = await self._ask(
            lambda: self._sessions.retrieve_async(
                session_id, params={"expand": ["payment_intent"]}
            ),
            queue,
        )
        return found.to_dict()

    async def look_up(self, session_id: str) -> Json:
        """Fetch a checkout for somebody who says that it is theirs.

        What Stripe doesn't know is not asked for again within a minute.
        Raises NoSuchPayment, and ProviderBusy at once when many are looked
        up.
        """
        if self._missing.has(session_id, self._ticks()):
            raise NoSuchPayment
        try:
            return await self.session(session_id, Queue.LOOK_UP)
        except NoSuchPayment:
            self._missing.add(session_id, self._ticks())
            raise

    async def session_of(self, payment_intent: str) -> Json | None:
        """Find the checkout that a payment was made by, if it was by one."""
        found = await self._ask(
            lambda: self._sessions.list_async(
                params={"payment_intent": payment_intent, "limit": 1}
            )
        )
        return found.data[0].to_dict() if found.data else None

    async def payment(self, payment_intent: str) -> Json:
        """Fetch a payment. Raises NoSuchPayment."""
        found = await self._ask(
            lambda: self._intents.retrieve_async(payment_intent)
        )
        return found.to_dict()

    async def refunds(self, payment_intent: str) -> list[Json]:
        """Give the refunds of a payment, failed ones as well."""
        found = await self._ask(
            lambda: self._refunds.list_async(
                params={"payment_intent": payment_intent, "limit": 100}
            )
        )
        return [each.to_dict() for each in found.data]

    async def disputes(self, payment_intent: str) -> list[Json]:
        """Give the disputes of a payment, closed ones as well."""
        found = await self._ask(
            lambda: self._disputes.list_async(
                params={"payment_intent": payment_intent, "limit": 100}
            )
        )
        return [each.to_dict() for each in found.data]

    async def aclose(self) -> None:
        """Close the connections."""
        if self._used:  # the SDK would open a session to close it
            await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _ask(
        self,
        call: Callable[[], Awaitable[_Answer]],
        queue: Queue = Queue.FOLLOW_UP,
    ) -> _Answer:
        """Return the result of a call, made when it is its turn.

        Raises ProviderAway, NoSuchPayment, AmountRefused.
        """
        self._used = True
        try:
            async with (
                asyncio.timeout(_ALL_SECONDS),
                self._lines[queue].place(),
            ):
                return await call()
        except stripe.InvalidRequestError as error:
            if error.code == _MISSING or error.http_status == 404:
                raise NoSuchPayment from error
            if error.code in _AMOUNTS:
                raise AmountRefused from error
            raise _away(error) from error
        except stripe.StripeError as error:
            raise _away(error) from error
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            why = f"it can't be reached ({type(error).__name__})"
            raise ProviderAway(NAME, why) from error


def _away(error: stripe.StripeError) -> ProviderAway:
    """Say what an operator can do about it, without what Stripe repeats."""
    kind = type(error).__name__
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        why = f"MSRV_STRIPE_KEY was refused ({kind})"
    else:
        why = f"{kind}, status {error.http_status}, code {error.code}"
    log.error("stripe: %s; request %s", why, error.request_id)
    return ProviderAway(NAME, why)
