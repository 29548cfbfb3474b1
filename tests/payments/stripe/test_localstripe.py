# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Payments, refunds and signed webhooks of localstripe.

It was made by other people, from Stripe's documents, so it doesn't share our
mistakes. It knows no Checkout: that is the fake's part.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stripe
from aiohttp import ClientConnectionError, ClientSession, web
from aiohttp.test_utils import TestServer

from msrv.payments.provider import WHOLE, BadWebhookSignature
from msrv.payments.refunds import RevocationChange
from msrv.payments.stripe.client import StripeApi
from msrv.payments.stripe.refunds import revocation_changes
from msrv.payments.stripe.webhooks import StripeWebhooks
from tests.payments.stripe.fake_stripe import SECRET

# Its own entry point listens on every address of the machine.
PROGRAM = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
Store.dump_to_disk = lambda store: None  # it would be in /tmp
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
KEY = "sk_test_12345"
SECONDS = 20


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[str]:
    """The address of localstripe, on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-c",
        PROGRAM,
        str(port),
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(SECONDS), ClientSession() as client:
        while True:
            try:
                async with client.get(f"{url}/v1/balance"):
                    break
            except ClientConnectionError:
                await asyncio.sleep(0.05)
    yield url
    process.terminate()
    await process.wait()


async def paid(
    base: str,
) -> tuple[stripe.StripeClient, stripe.AIOHTTPClient, str]:
    """Pay 7 euros by card, as a shop with another program would."""
    http = stripe.AIOHTTPClient()
    client = stripe.StripeClient(
        KEY, http_client=http, base_addresses={"api": base}
    )
    card = await client.v1.payment_methods.create_async(
        {
            "type": "card",
            "card": {
                "number": "4242424242424242",
                "exp_month": 12,
                "exp_year": 2035,
                "cvc": "123",
            },
        }
    )
    made = await client.v1.payment_intents.create_async(
        {
            "amount": 700,
            "currency": "eur",
            "payment_method": card.id,
            "confirm": True,
        }
    )
    return client, http, made.id


async def test_payments_and_refunds_of_localstripe_are_understood(
    there: str,
) -> None:
    client, http, payment_id = await paid(there)
    api = StripeApi(KEY, there)
    try:
        payment = await api.payment(payment_id)
        assert payment["status"] == "succeeded"
        assert await api.refunds(payment_id) == []
        part = await client.v1.refunds.create_async(
            {
                "payment_intent": payment_id,
                "amount": 300,
                "metadata": {"items": "departure"},
            }
        )
        assert await taken(api, payment_id) == (
            RevocationChange(
                *("token", "cs_test", "departure"),
                revoked=True,
                at=part.created,
            ),
        )
        rest = await client.v1.refunds.create_async(
            {"payment_intent": payment_id, "amount": 400}
        )
        assert RevocationChange(
            *("token", "cs_test", WHOLE), revoked=True, at=rest.created
        ) in (await taken(api, payment_id))
    finally:
        await api.aclose()
        await http.close_async()  # type: ignore[no-untyped-call]


async def taken(
    api: StripeApi, payment_id: str
) -> tuple[RevocationChange, ...]:
    """Return the changes by the refunds of a payment of 7 euros."""
    refunds = await api.refunds(payment_id)
    return revocation_changes("token", "cs_test", 700, refunds, [])


async def test_signature_of_localstripe_is_accepted(there: str) -> None:
    heard: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def hear(request: web.Request) -> web.Response:
        heard.put_nowait((await request.read(), dict(request.headers)))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    api = StripeApi(KEY, there)
    async with TestServer(app) as server, ClientSession() as client:
        async with client.post(
            f"{there}/_config/webhooks/store",
            json={"url": str(server.make_url("/")), "secret": SECRET},
        ) as answer:
            assert answer.status == 200
        _, http, _ = await paid(there)
        async with asyncio.timeout(SECONDS):
            body, headers = await heard.get()
        await http.close_async()  # type: ignore[no-untyped-call]
    # Of a kind that concerns no store, and well signed.
    assert StripeWebhooks(api, SECRET, live=False).read(body, headers) is None
    for wrong in (body + b" ", body.replace(b"evt", b"evT", 1)):
        with pytest.raises(BadWebhookSignature):
            StripeWebhooks(api, SECRET, live=False).read(wrong, headers)
    with pytest.raises(BadWebhookSignature):
        StripeWebhooks(api, "whsec_other", live=False).read(body, headers)
