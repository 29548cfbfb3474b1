# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhooks: verification, storage before acknowledgement, retries."""

import io
import json
import os
import stat
import time
from pathlib import Path

import pytest

from msrv import settings as settings_room
from msrv.ledger.db import schema
from msrv.payments.webhook_inbox import WebhookInbox
from msrv.settings import Settings, WrongSetting
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    rows,
    tell,
)
from tests.payments.stripe.stripe_objects import Json
from tests.polling import wait_until

WEBHOOK = "/payments/stripe/webhook"
DONE = "checkout.session.completed"


async def post(
    store: Client, body: bytes, signature: str | None
) -> tuple[int, str]:
    """Send a message; the status and the code of what is wrong."""
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["Stripe-Signature"] = signature
    answer = await store.post(WEBHOOK, data=body, headers=headers)
    text = await answer.text()
    if answer.content_type != "application/json":
        return answer.status, text
    return answer.status, str(json.loads(text).get("error", ""))


@pytest.fixture
async def paid(store: Client, bank: FakeStripe) -> Json:
    """An event that says that a session was paid."""
    return bank.event(DONE, bank.pay(await order(store, bank)))


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "t=1",
        "v1=00",
        "t=now,v1=00",
        "t=1,v0=00",
        ",,,",
        "t=,v1=,",
        "t=1,v1=é",
    ],
)
async def test_unsigned_webhook_is_rejected(
    store: Client, paid: Json, signature: str | None
) -> None:
    status, _ = await post(store, json.dumps(paid).encode(), signature)
    assert status == 400
    assert await rows(store, schema.orders) == []


async def test_thin_event_is_acknowledged_and_ignored(
    store: Client, bank: FakeStripe, caplog: pytest.LogCaptureFixture
) -> None:
    thin = {
        "id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "livemode": False,
        "created": "2024-09-17T06:20:52.246Z",
        "related_object": {"id": "mtr_1", "type": "billing.meter"},
    }
    body = json.dumps(thin)
    for _ in range(3):
        assert await post(store, body.encode(), bank.sign(body)) == (200, "")
    assert (await post(store, body.encode(), "t=1,v1=00"))[0] == 400
    assert caplog.text.count("thin events (v2.core.event)") == 1
    assert await rows(store, schema.orders) == []


@pytest.mark.parametrize("kind", ["charge", "v1.event", "V2", "v2 x", 2, None])
async def test_signed_body_that_is_no_event_is_rejected(
    store: Client, bank: FakeStripe, kind: object
) -> None:
    body = json.dumps({"object": kind, "livemode": False, "type": DONE})
    assert (await post(store, body.encode(), bank.sign(body)))[0] == 400


async def test_altered_body_is_rejected(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    text = json.dumps(paid)
    signature = bank.sign(text)
    body = text.encode()
    for at in (0, len(body) // 2, len(body) - 1):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert (await post(store, changed, signature))[0] == 400
    for changed in (body + b"\n", b"\xef\xbb\xbf" + body, b"\xff" + body):
        assert (await post(store, changed, signature))[0] == 400
    assert (await post(store, body, signature))[0] == 200


@pytest.mark.parametrize(
    ("age", "status"),
    [(301, 400), (86400, 400), (290, 200), (-290, 200), (-400, 400)],
)
async def test_replayed_webhook_is_rejected(
    store: Client, bank: FakeStripe, paid: Json, age: int, status: int
) -> None:
    text = json.dumps(paid)
    signature = bank.sign(text, at=int(time.time()) - age)
    assert (await post(store, text.encode(), signature))[0] == status


async def test_webhook_with_another_secret_is_rejected(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    text = json.dumps(paid)
    for secret in ("whsec_another", SECRET + " "):
        signature = bank.sign(text, secret)
        assert (await post(store, text.encode(), signature))[0] == 400


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_empty_secret_prevents_the_start(value: str) -> None:
    with pytest.raises(WrongSetting, match="MSRV_STRIPE_WEBHOOK_SECRET is em"):
        settings_room.load(
            {"MSRV_STRIPE_KEY": KEY, "MSRV_STRIPE_WEBHOOK_SECRET": value}
        )


async def test_store_without_a_secret_has_no_endpoint(
    start_store: StartStore, settings: Settings, bank: FakeStripe
) -> None:
    store = await start_store(
        settings.model_copy(update={"stripe_webhook_secret": None})
    )
    text = "{}"
    for secret in ("", SECRET):
        signature = bank.sign(text, secret)
        assert await post(store, text.encode(), signature) == (
            404,
            (await post(store, b"", None))[1],
        )


async def test_body_of_2_mb_is_rejected(
    store: Client, bank: FakeStripe
) -> None:
    text = json.dumps({"object": "event", "pad": "x" * 2 * 2**20})
    answer = await store.post(
        WEBHOOK,
        data=io.BytesIO(text.encode()),
        headers={"Stripe-Signature": bank.sign(text)},
    )
    assert answer.status == 413


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{}", '{"object":"event"}', '"event"', "null", "[" * 9999],
)
async def test_unknown_signed_content_is_rejected_without_an_incident(
    store: Client, bank: FakeStripe, text: str
) -> None:
    assert (await post(store, text.encode(), bank.sign(text)))[0] == 400


async def test_live_event_is_rejected_in_test_mode(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    text = json.dumps({**paid, "livemode": True})
    assert (await post(store, text.encode(), bank.sign(text)))[0] == 400


async def test_irrelevant_event_is_acknowledged(
    store: Client, bank: FakeStripe
) -> None:
    event = bank.event("customer.created", {"id": "cus_1"})
    assert await tell(store, bank, event) == 200
    await followed(store)
    assert await rows(store, schema.payment_events) == []


async def test_event_is_on_disk_before_it_is_acknowledged(
    store: Client,
    bank: FakeStripe,
    paid: Json,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if "messages" in path.parts:  # the ledger writes meanwhile, too
            synced.append("folder" if path.name == "messages" else "file")

    monkeypatch.setattr(os, "fsync", fsync)
    bank.faults = [500] * 9  # it can't be followed up yet
    assert await tell(store, bank, paid) == 200
    assert synced[-2:] == ["file", "folder"]
    (kept,) = WebhookInbox(settings.data / "messages").events()
    assert kept.event.event_id == paid["id"]
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    # It says which session, and nothing of who has paid.
    assert set(kept.event.facts) == {"session"}


async def test_event_is_not_acknowledged_if_the_disk_is_full(
    store: Client, paid: Json, bank: FakeStripe, settings: Settings
) -> None:
    settings.data.mkdir(exist_ok=True)
    (settings.data / "messages").write_text("in the way", encoding="ascii")
    assert await tell(store, bank, paid) == 503
    (settings.data / "messages").unlink()
    assert await tell(store, bank, paid) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_stripe_outage_delays_events_and_loses_none(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    bank.faults = [503] * 4
    assert await tell(store, bank, paid) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_event_about_an_unknown_order_is_retried(
    store: Client, bank: FakeStripe, paid: Json, settings: Settings
) -> None:
    session_id = paid["data"]["object"]["id"]
    hidden = bank.sessions.pop(session_id)
    assert await tell(store, bank, paid) == 200
    inbox = WebhookInbox(settings.data / "messages")
    assert len(inbox.events()) == 1
    assert await rows(store, schema.payment_events) == []
    bank.sessions[session_id] = hidden
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_event_that_meets_a_bug_holds_up_no_later_one(
    store: Client,
    bank: FakeStripe,
    clock: Clock,
    paid: Json,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock.now += 1
    later = bank.event(DONE, bank.pay(await order(store, bank, "wrong-stop")))
    session = bank.sessions[paid["data"]["object"]["id"]]
    metadata = session["metadata"]
    session["metadata"] = "nothing that Stripe sends"
    assert await tell(store, bank, paid) == 200
    assert await tell(store, bank, later) == 200
    inbox = WebhookInbox(store.app[STORE].settings.data / "messages")
    await wait_until(lambda: len(inbox.events()) == 1)
    assert len(await rows(store, schema.orders)) == 1
    assert f"webhook event {paid['id']} ({DONE})" in caplog.text
    (kept,) = inbox.events()
    webhooks = store.app[STORE].webhooks
    assert not await webhooks.process_now(kept.provider, kept.event)
    session["metadata"] = metadata
    await followed(store)
    assert len(await rows(store, schema.orders)) == 2


async def test_stored_event_is_processed_after_a_restart(
    start_store: StartStore, bank: FakeStripe, settings: Settings
) -> None:
    store = await start_store(settings)
    session = bank.pay(await order(store, bank))
    hidden = bank.sessions.pop(session["id"])
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await store.close()
    assert len(WebhookInbox(settings.data / "messages").events()) == 1
    bank.sessions[session["id"]] = hidden
    store = await start_store(settings)
    await followed(store)
    (sale,) = await rows(store, schema.orders)
    assert sale["reference"] == session["payment_intent"]
    assert (await come_back(store, session))[0] == 303


def test_foreign_files_in_the_inbox_are_ignored(tmp_path: Path) -> None:
    for name in ("x.json", ".y.json", "z.txt"):
        (tmp_path / name).write_text("{", encoding="ascii")
    assert WebhookInbox(tmp_path).events() == []
