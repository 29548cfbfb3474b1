# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The client of Stripe's API: time limits, and what it reveals."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import pytest
from yarl import URL

from msrv.payments.provider import (
    NoSuchPayment,
    ProviderBusy,
    ProviderUnavailable,
)
from msrv.payments.stripe import client
from msrv.payments.stripe.client import CallQueue, StripeApi
from msrv.settings import Settings
from msrv.telemetry import spans
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import KEY, FakeStripe
from tests.payments.stripe.purchases import JSON, come_back, order, way_back
from tests.polling import wait_until

CREATE = "POST /v1/checkout/sessions"


async def test_stripe_outage_at_checkout_shows_a_page_and_keeps_the_cart(
    store: Client, bank: FakeStripe
) -> None:
    await store.post("/cart", data={"add": "departure"})
    bank.faults = [500, 503, 500]
    answer = await store.post("/purchases", data={"item": "departure"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "120")
    page = await answer.text()
    assert (
        "You haven&#39;t been charged and your cart is saved"
        in page.replace("\n", " ")
    )
    # As often as it is worth it, and no more.
    assert bank.asked == [CREATE] * 3
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [each["item_id"] for each in cart["items"]] == ["departure"]
    answer = await store.post(
        "/purchases", data={"item": "departure"}, headers=JSON
    )
    assert answer.status == 202
    assert (await answer.json())["pay_at"] == bank.last["url"]


async def test_single_failure_is_retried_without_a_second_session(
    store: Client, bank: FakeStripe
) -> None:
    bank.faults = [500]
    await order(store, bank)
    keys = {each["Idempotency-Key"] for each in bank.headers}
    assert len(bank.headers) == 2
    assert len(keys) == 1


async def test_calls_are_spans_within_their_request(
    store: Client, bank: FakeStripe
) -> None:
    """Of what kind they are, and nothing of the payment."""
    found: list[tuple[str, str, dict[str, str | int]]] = []

    @contextlib.contextmanager
    def record(
        name: str, kind: str, attributes: dict[str, str | int]
    ) -> Iterator[None]:
        try:
            yield
        finally:
            found.append((name, kind, dict(attributes)))

    with spans.recording(record):
        await order(store, bank)
    # In the order in which they ended.
    assert [each[:2] for each in found] == [
        ("stripe checkout", "client"),
        ("POST buy", "server"),
    ]
    assert found[0][2] == {}
    assert found[1][2]["http.response.status_code"] == 303


async def test_stripe_outage_on_return_asks_not_to_pay_again(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(store, bank))
    bank.faults = [500] * 3
    answer = await store.get(str(way_back(session)))
    assert answer.status == 503
    page = await answer.text()
    assert "You haven&#39;t been charged" not in page
    assert "Please don&#39;t pay again" in page
    assert (await come_back(store, session))[0] == 303


async def test_stripe_time_out_is_reported(
    store: Client, bank: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_TOTAL_SECONDS", 0.3)
    bank.stalls = True
    async with asyncio.timeout(30):
        answer = await store.post("/purchases", data={"item": "departure"})
    assert answer.status == 503


async def test_refused_connection_is_provider_unavailable(
    start_store: StartStore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_RETRIES", 0)
    store = await start_store(
        settings.model_copy(update={"stripe_api": "http://127.0.0.1:9"})
    )
    answer = await store.post("/purchases", data={"item": "departure"})
    assert answer.status == 503


async def test_rejected_key_is_logged_with_the_setting(
    bank: FakeStripe, caplog: pytest.LogCaptureFixture
) -> None:
    api = StripeApi("sk_test_wrong0123456789", bank.url)
    with pytest.raises(
        ProviderUnavailable, match="MSRV_STRIPE_KEY was refused"
    ):
        await api.session("cs_test_x")
    await api.aclose()
    assert "MSRV_STRIPE_KEY was refused" in caplog.text
    assert "wrong0123456789" not in caplog.text


async def test_missing_payment_is_no_such_payment(bank: FakeStripe) -> None:
    api = StripeApi(KEY, bank.url)
    with pytest.raises(NoSuchPayment):
        await api.session("cs_test_x")
    with pytest.raises(NoSuchPayment):
        await api.payment("pi_x")
    assert await api.session_of("pi_x") is None
    assert await api.refunds("pi_x") == await api.disputes("pi_x") == []
    assert len(bank.asked) == 5
    await api.aclose()


async def test_look_ups_do_not_delay_checkouts(
    bank: FakeStripe,
) -> None:
    api = StripeApi(KEY, bank.url)
    bank.stalls = True
    at_once, waiting = CallQueue.LOOK_UP.value
    held = [
        asyncio.create_task(api.look_up(f"cs_test_{number}"))
        for number in range(at_once + waiting)
    ]
    await wait_until(lambda: len(bank.asked) == at_once)
    # One more is told so, before anything else happens.
    with pytest.raises(ProviderBusy):
        await api.look_up("cs_test_x")
    bank.stalls = False
    with pytest.raises(NoSuchPayment):
        await api.session("cs_test_x", CallQueue.CHECKOUT)
    with pytest.raises(NoSuchPayment):
        await api.session("cs_test_x")
    for each in held:
        each.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    # And what was cancelled has left its place.
    with pytest.raises(NoSuchPayment):
        await api.look_up("cs_test_y")
    await api.aclose()


async def test_missing_session_is_not_requested_again_within_a_minute(
    bank: FakeStripe,
) -> None:
    now = 0.0
    api = StripeApi(KEY, bank.url, ticks=lambda: now)
    for _ in range(5):
        with pytest.raises(NoSuchPayment):
            await api.look_up("cs_test_x")
    assert len(bank.asked) == 1
    # A webhook's message is followed all the same.
    with pytest.raises(NoSuchPayment):
        await api.session("cs_test_x")
    assert len(bank.asked) == 2
    now = 61
    with pytest.raises(NoSuchPayment):
        await api.look_up("cs_test_x")
    assert len(bank.asked) == 3
    await api.aclose()


async def test_requests_and_logs_reveal_nothing_about_the_machine(
    bank: FakeStripe,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("CURSOR_AGENT", "GEMINI_CLI", "OPENCODE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    caplog.set_level(logging.DEBUG)
    api = StripeApi(KEY, bank.url)
    assert await api.session_of("pi_secret") is None
    await api.aclose()
    (headers,) = bank.headers
    assert headers["User-Agent"] == "MSRV"
    assert not any("Client-User-Agent" in name for name in headers)
    # The fake's own access log aside.
    logged = [r.getMessage() for r in caplog.records if "access" not in r.name]
    assert "pi_secret" not in str(logged)
    assert KEY not in str(logged)
    assert capfd.readouterr() == ("", "")


async def test_amount_below_stripes_minimum_is_reported(
    store: Client, bank: FakeStripe, library: object
) -> None:
    bank.live = False
    session = await order(store, bank, "departure")
    assert session["amount_total"] == 100
    bank.minimum = 200
    answer = await store.post(
        "/purchases", data={"item": "departure"}, headers=JSON
    )
    assert answer.status == 422
    assert (await answer.json())["error"] == "amount_not_taken"
    assert library


async def test_policy_allows_forms_to_stripe_where_one_is_paid_or_plays(
    store: Client, bank: FakeStripe
) -> None:
    """Whatever the total is: it changes, or the page is swapped for another.

    A page comes from the cache the second time.
    """
    bought = await store.post(
        "/purchases", data={"item": "lyrics"}, headers=JSON
    )
    receipt = URL((await bought.json())["receipt"]).path
    for path in (
        *("/cart", "/checkout", "/library", receipt),
        *("/catalog/night-bus", "/catalog/night-bus"),
        "/catalog/zine-issue",  # free
    ):
        answer = await store.get(path)
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert f"form-action 'self' {bank.url};" in policy
        assert "default-src 'none'" in policy
    for path in ("/", "/catalog", "/redeem", "/embed/night-bus"):
        answer = await store.get(path)
        assert answer.status == 200
        assert bank.url not in answer.headers["Content-Security-Policy"]


async def test_custom_stripe_domain_is_linked_to(
    store: Client, bank: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from msrv.payments.stripe.provider import StripeProvider  # noqa: PLC0415

    real = StripeProvider.start

    async def start(self: StripeProvider, bill: object) -> object:
        made = await real(self, bill)  # type: ignore[arg-type]
        return type(made)(made.url.replace(bank.url, "https://pay.example"))

    monkeypatch.setattr(StripeProvider, "start", start)
    answer = await store.post("/purchases", data={"item": "departure"})
    assert answer.status == 200
    assert 'href="https://pay.example/pay/cs_test_' in await answer.text()
