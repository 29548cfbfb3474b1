# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checkout sessions at the fake Stripe: created, found and listed."""

import json
from typing import TYPE_CHECKING

from aiohttp import web

from tests.payments.stripe import stripe_objects
from tests.payments.stripe.checkout_sessions import (
    Refusal,
    check_email,
    check_session,
    expanded,
    page_of,
)
from tests.payments.stripe.form_fields import nested
from tests.payments.stripe.stripe_objects import Json

if TYPE_CHECKING:
    from tests.payments.stripe.fake_stripe import FakeStripe


class FakeSessions:
    """The sessions of a fake account, as its API has them."""

    def __init__(self, bank: "FakeStripe") -> None:
        self._bank = bank
        self._known: dict[str, tuple[Json, Json]] = {}

    async def create(self, request: web.Request) -> web.Response:
        """Create a session, or replay the result of an earlier request."""
        fields = await request.post()
        params = nested((name, str(value)) for name, value in fields.items())
        key = request.headers["Idempotency-Key"]
        if key in self._known:
            before, made = self._known[key]
            if before != params:
                raise Refusal(
                    400,
                    None,
                    "Another request had this key",
                    "idempotency_error",
                )
            return web.json_response(
                made, headers={"Idempotent-Replayed": "true"}
            )
        check_session(params, self._bank.clock())
        self._bank.line_items = params["line_items"]
        made = stripe_objects.session(
            self._bank.next_number(),
            params,
            self._bank.url,
            self._bank.clock(),
            live=self._bank.live,
        )
        if 0 < made["amount_total"] < self._bank.minimum:
            raise Refusal(
                400, "amount_too_small", f"At least {self._bank.minimum}"
            )
        self._bank.sessions[made["id"]] = made
        mark = params.get("payment_intent_data", {}).get("metadata", {})
        self._bank.payment_metadata[made["id"]] = mark
        self._known[key] = (params, json.loads(json.dumps(made)))
        return web.json_response(made)

    async def find(self, request: web.Request) -> web.Response:
        """Answer with the session of an ID."""
        found = self._bank.sessions.get(request.match_info["id"])
        if found is None:
            raise Refusal(404, "resource_missing", "No such session")
        found = dict(found)
        return web.json_response(self._expanded(found, request, ""))

    def _expanded(self, session: Json, request: web.Request, at: str) -> Json:
        return expanded(
            session,
            request.query,
            at,
            intents=self._bank.intents,
            charges=self._bank.charges,
        )

    async def list_(self, request: web.Request) -> web.Response:
        """Answer with the sessions of a payment or of an address."""
        email = request.query.get("customer_details[email]")
        if email is None:
            wanted = request.query["payment_intent"]
            if wanted not in self._bank.intents:
                raise Refusal(404, "resource_missing", "No such payment")
            return self._bank.list_of_payment(
                request, list(self._bank.sessions.values())
            )
        check_email(email)
        found = [
            each
            for each in reversed(self._bank.sessions.values())
            if (each["customer_details"] or {}).get("email") == email
            and each["status"] == request.query["status"]
        ]
        if found:
            await self._bank.may_find.wait()
        found, has_more = page_of(found, request.query)
        page = [self._expanded(each, request, "data.") for each in found]
        return web.json_response(
            stripe_objects.listing(page, request.path) | {"has_more": has_more}
        )
