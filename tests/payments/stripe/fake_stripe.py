# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fake of the part of Stripe that a store uses, on loopback.

It keeps to what Stripe publishes: objects, limits of metadata and of times,
idempotency keys, error codes, and signatures that Stripe's own SDK makes and
judges. A test plays the buyer, the buyer's bank and the seller's dashboard.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import stripe
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.payments.stripe import stripe_objects
from tests.payments.stripe.checkout_sessions import Refusal, payment_page
from tests.payments.stripe.fake_refunds import FakeRefunds
from tests.payments.stripe.fake_sessions import FakeSessions
from tests.payments.stripe.stripe_objects import Json

KEY = "sk_test_0123456789abcdef"
SECRET = "whsec_0123456789abcdef"


class FakeStripe:
    """A Stripe account in test mode, and its API server."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.live = False
        self.minimum = 50
        """Cents that a payment has to have at least."""
        self.sessions: dict[str, Json] = {}
        self.intents: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.line_items: list[Json] = []
        """Of the session that was requested last."""
        self.refunds: list[Json] = []
        self.disputes: list[Json] = []
        self.events: list[Json] = []
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[int] = []
        """Statuses that the next requests are answered with."""
        self.countries: tuple[str, str] | None = None
        """Of the buyer's address and of their card, which Stripe then has."""
        self.tax_percent: float | None = None
        """Stripe Tax's rate, where a session leaves the tax to it."""
        self.stalls = False
        self.may_find = asyncio.Event()
        """A search that finds anything waits for it."""
        self.may_find.set()
        self.endpoints: list[Json] = []
        self.restricted = False
        """Whether the key may do no more than payments need."""
        self.payment_metadata: dict[str, Json] = {}
        """Of the payment of each session, by the session's ID."""
        self._number = 0
        self.refunding = FakeRefunds(self)
        sessions = FakeSessions(self)
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/v1/checkout/sessions", sessions.create),
                web.get("/v1/checkout/sessions", sessions.list_),
                web.get("/v1/checkout/sessions/{id}", sessions.find),
                web.get("/v1/payment_intents/{id}", self._intent),
                web.get("/v1/refunds", self._list_refunds),
                web.post("/v1/refunds", self._create_refund),
                web.get("/v1/disputes", self._list_disputes),
                web.get("/v1/balance", self._balance),
                web.get("/v1/webhook_endpoints", self._list_endpoints),
                web.get("/pay/{id}", self._page),
                web.post("/pay/{id}", self._press),
            ]
        )
        self.server = TestServer(app)

    @classmethod
    @asynccontextmanager
    async def running(cls, clock: Callable[[], int]) -> AsyncIterator[Self]:
        """Run an account's server until the context ends."""
        made = cls(clock)
        await made.server.start_server()
        try:
            yield made
        finally:
            await made.server.close()

    @property
    def url(self) -> str:
        """Its address."""
        return str(self.server.make_url("")).rstrip("/")

    @property
    def last(self) -> Json:
        """The session that was made last."""
        return list(self.sessions.values())[-1]

    # What the buyer does -------------------------------------------------

    def pay(self, session: Json, **changed: Any) -> Json:  # noqa: ANN401
        """Pay at the page; `changed` is what comes out otherwise."""
        session.update(status="complete", payment_status="paid", url=None)
        self._collect(session)
        session.update(changed)
        self._begin(session, "succeeded")
        return session

    def _collect(self, session: Json) -> None:
        """Ask for the country, and calculate the tax if that is wanted."""
        if self.countries is None:
            return
        country = self.countries[0]
        session["customer_details"] = stripe_objects.customer(session, country)
        if (
            session["automatic_tax"]["enabled"]
            and self.tax_percent is not None
        ):
            stripe_objects.add_tax(session, self.tax_percent, country)

    def pay_later(self, session: Json) -> Json:
        """Pay by what takes days: a bank debit, a voucher."""
        session.update(status="complete", payment_status="unpaid", url=None)
        self._begin(session, "processing")
        return session

    def arrive(self, session: Json) -> Json:
        """Complete a payment that took days."""
        session["payment_status"] = "paid"
        self.intents[session["payment_intent"]]["status"] = "succeeded"
        return session

    def bounce(self, session: Json) -> Json:
        """Fail a payment that took days."""
        intent = self.intents[session["payment_intent"]]
        intent["status"] = "requires_payment_method"
        return session

    def expire(self, session: Json) -> Json:
        """Expire a session."""
        session.update(status="expired", url=None)
        return session

    # What the seller and the buyer's bank do ------------------------------

    def refund(self, session: Json, amount: int, items: str = "") -> Json:
        """Refund money; `items` is the refund's metadata."""
        made = stripe_objects.refund(
            self.next_number(),
            self.intents[session["payment_intent"]],
            amount,
            {"items": items} if items else {},
            self.clock(),
        )
        self.refunds.append(made)
        charge = self.charges[made["charge"]]
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
        return made

    def dispute(self, session: Json, amount: int, items: str = "") -> Json:
        """Open a dispute by the buyer's bank."""
        made = stripe_objects.dispute(
            self.next_number(),
            self.intents[session["payment_intent"]],
            amount,
            {"items": items} if items else {},
            self.clock(),
        )
        self.disputes.append(made)
        return made

    # What Stripe tells ----------------------------------------------------

    def event(self, kind: str, about: Json) -> Json:
        """An event, as it is at this moment."""
        now = json.loads(json.dumps(about))
        made = stripe_objects.event(
            self.next_number(), kind, now, self.clock(), live=self.live
        )
        self.events.append(made)
        return made

    @staticmethod
    def sign(body: str, secret: str = SECRET, at: int | None = None) -> str:
        """The `Stripe-Signature` header, by Stripe's own SDK."""
        made = stripe.WebhookSignature.generate_signature_header(
            body, secret, at or int(time.time())
        )
        assert isinstance(made, str)
        return made

    @classmethod
    async def tell(cls, url: str, event: Json) -> int:
        """Send an event to a webhook; the status it is answered with."""
        body = json.dumps(event)
        async with (
            ClientSession() as client,
            client.post(
                url,
                data=body.encode(),
                headers={
                    "Stripe-Signature": cls.sign(body),
                    "Content-Type": "application/json; charset=utf-8",
                },
            ) as answer,
        ):
            return answer.status

    # The server -----------------------------------------------------------

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Any,  # noqa: ANN401
    ) -> web.StreamResponse:
        if request.path.startswith("/pay/"):
            found: web.StreamResponse = await handler(request)
            return found
        self.asked.append(f"{request.method} {request.path}")
        self.headers.append(dict(request.headers))
        if self.stalls:
            await asyncio.Event().wait()  # until whoever asked has gone
        if self.faults:
            status = self.faults.pop(0)
            body = stripe_objects.error("api_error", None, "Try again")
            return web.json_response(body, status=status)
        try:
            if request.headers.get("Authorization") != f"Bearer {KEY}":
                raise Refusal(401, None, "Invalid API Key")
            answer: web.StreamResponse = await handler(request)
        except Refusal as error:
            return web.json_response(error.body, status=error.status)
        return answer

    async def _balance(self, request: web.Request) -> web.Response:  # noqa: ARG002
        self._check_rights()
        return web.json_response(stripe_objects.balance(live=self.live))

    async def _list_endpoints(self, request: web.Request) -> web.Response:
        self._check_rights()
        return web.json_response(
            stripe_objects.listing(self.endpoints, request.path)
        )

    async def _create_refund(self, request: web.Request) -> web.StreamResponse:
        self._check_rights()
        return await self.refunding.create(request)

    def _check_rights(self) -> None:
        """Refuse what a restricted key may not read."""
        if self.restricted:
            raise Refusal(403, None, "The provided key lacks a permission.")

    async def _intent(self, request: web.Request) -> web.Response:
        found = self.intents.get(request.match_info["id"])
        if found is None:
            raise Refusal(404, "resource_missing", "No such payment_intent")
        return web.json_response(found)

    async def _list_refunds(self, request: web.Request) -> web.Response:
        return self.list_of_payment(request, self.refunds)

    async def _list_disputes(self, request: web.Request) -> web.Response:
        return self.list_of_payment(request, self.disputes)

    @staticmethod
    def list_of_payment(
        request: web.Request, all_: list[Json]
    ) -> web.Response:
        """Answer with those of them that are of the payment asked for."""
        wanted = request.query["payment_intent"]
        data = [each for each in all_ if each["payment_intent"] == wanted]
        data = data[: int(request.query["limit"])]
        return web.json_response(stripe_objects.listing(data, request.path))

    async def _page(self, request: web.Request) -> web.Response:
        """The page that a buyer pays at."""
        session = self.sessions[request.match_info["id"]]
        return web.Response(
            content_type="text/html", text=payment_page(session)
        )

    async def _press(self, request: web.Request) -> web.Response:
        session = self.sessions[request.match_info["id"]]
        form = await request.post()
        (self.pay if form["how"] == "pay" else self.pay_later)(session)
        raise web.HTTPSeeOther(self.way_back(session))

    @staticmethod
    def way_back(session: Json) -> str:
        """Where Stripe sends a buyer who has paid."""
        url: str = session["success_url"]
        return url.replace("{CHECKOUT_SESSION_ID}", session["id"])

    def _begin(self, session: Json, status: str) -> None:
        if session["payment_intent"] is None and session["amount_total"]:
            made = stripe_objects.intent(
                self.next_number(),
                session,
                self.payment_metadata[session["id"]],
                status,
            )
            self.intents[made["id"]] = made
            charge = stripe_objects.charge(
                made,
                self.clock(),
                self.countries[1] if self.countries else None,
            )
            self.charges[charge["id"]] = charge
            session["payment_intent"] = made["id"]

    def next_number(self) -> int:
        """A number that no object has yet."""
        self._number += 1
        return self._number
