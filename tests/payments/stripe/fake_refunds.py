# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds at the fake Stripe: `POST /v1/refunds`, as Stripe documents it.

https://docs.stripe.com/api/idempotent_requests: the first result of a key is
kept, also an error, and the key must not be used for another request.
"""

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

from tests.payments.stripe import stripe_objects
from tests.payments.stripe.form_fields import nested
from tests.payments.stripe.stripe_objects import Json

if TYPE_CHECKING:
    from tests.payments.stripe.fake_stripe import FakeStripe

_GONE = {"failed", "canceled"}


class FakeRefunds:
    """The refunds of a fake account that are made by its API."""

    def __init__(self, bank: "FakeStripe") -> None:
        self._bank = bank
        self._known: dict[str, tuple[Json, int, Json]] = {}
        self.refusal = ""
        """Code of the error with which refunds are refused."""
        self.broken = False
        """True while refunds fail with an internal error of Stripe's."""
        self.breaks_off = 0
        """How many answers are lost after the refund was made."""
        self.then_faults = 0
        """How many requests fail after the last lost answer."""
        self.at_once = 0
        """How many requests have to be there before any is answered."""
        self._all_there = asyncio.Event()
        self.keys: list[str] = []

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Create a refund, or replay the result of an earlier request."""
        fields = await request.post()
        params = nested((name, str(value)) for name, value in fields.items())
        key = request.headers["Idempotency-Key"]
        self.keys.append(key)
        if len(self.keys) >= self.at_once:
            self._all_there.set()
        await self._all_there.wait()
        if key in self._known:
            before, status, body = self._known[key]
            if before != params:
                status, body = (
                    400,
                    stripe_objects.error(
                        "idempotency_error",
                        None,
                        "Another request had this key",
                    ),
                )
        else:
            status, body = self._make(params)
            self._known[key] = (params, status, body)
        if self.breaks_off and status == 200:
            self.breaks_off -= 1
            if not self.breaks_off:
                self._bank.faults += [500] * self.then_faults
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(body, status=status)

    def _make(self, params: Json) -> tuple[int, Json]:
        bank = self._bank
        code = self.refusal
        if self.broken:
            return 500, stripe_objects.error("api_error", None, "Sorry")
        intent = bank.intents.get(params["payment_intent"])
        if intent is None:
            return 404, _error("resource_missing")
        refunded = sum(
            each["amount"]
            for each in bank.refunds
            if each["payment_intent"] == intent["id"]
            and each["status"] not in _GONE
        )
        if refunded >= intent["amount_received"]:
            code = code or "charge_already_refunded"
        elif refunded + params["amount"] > intent["amount_received"]:
            code = code or "amount_too_large"
        if code:
            return 400, _error(code)
        metadata = {
            name: str(value)
            for name, value in params.get("metadata", {}).items()
        }
        assert all(
            len(name) <= 40 and len(value) <= 500
            for name, value in metadata.items()
        )
        made = stripe_objects.refund(
            bank.next_number(),
            intent,
            params["amount"],
            metadata,
            bank.clock(),
        )
        bank.refunds.append(made)
        return 200, json.loads(json.dumps(made))


def _error(code: str) -> Json:
    return stripe_objects.error("invalid_request_error", code, "Refused")
