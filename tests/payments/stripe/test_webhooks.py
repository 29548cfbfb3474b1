"""The webhook: whom it believes, and what it keeps before it says thanks."""

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
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    rows,
    tell,
)
from tests.payments.stripe.stripe_objects import Json

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
    [None, "", "t=1", "v1=00", "t=now,v1=00", "t=1,v0=00", ",,,", "t=,v1=,"],
)
async def test_unsigned_webhook(
    store: Client, paid: Json, signature: str | None
) -> None:
    """Anyone who knows the address can make an order paid."""
    status, _ = await post(store, json.dumps(paid).encode(), signature)
    assert status == 400
    assert await rows(store, schema.orders) == []


async def test_a_thin_event_is_acknowledged_and_ignored(
    store: Client, bank: FakeStripe, caplog: pytest.LogCaptureFixture
) -> None:
    """Stripe repeats it for days, and ends the endpoint after that."""
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
async def test_what_is_signed_and_no_event_is_refused(
    store: Client, bank: FakeStripe, kind: object
) -> None:
    body = json.dumps({"object": kind, "livemode": False, "type": DONE})
    assert (await post(store, body.encode(), bank.sign(body)))[0] == 400


async def test_body_altered_by_one_byte(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    """A message can be changed on its way."""
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
async def test_old_timestamp(
    store: Client, bank: FakeStripe, paid: Json, age: int, status: int
) -> None:
    """Who has once read a message can send it again for ever."""
    text = json.dumps(paid)
    signature = bank.sign(text, at=int(time.time()) - age)
    assert (await post(store, text.encode(), signature))[0] == status


async def test_another_secret(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    """The endpoint of another shop speaks for this one."""
    text = json.dumps(paid)
    for secret in ("whsec_another", SECRET + " "):
        signature = bank.sign(text, secret)
        assert (await post(store, text.encode(), signature))[0] == 400


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_empty_secret_stops_the_start(value: str) -> None:
    """A secret that was lost on the way lets everyone sign."""
    with pytest.raises(WrongSetting, match="MSRV_STRIPE_WEBHOOK_SECRET is em"):
        settings_room.load(
            {"MSRV_STRIPE_KEY": KEY, "MSRV_STRIPE_WEBHOOK_SECRET": value}
        )


async def test_empty_secret_has_no_endpoint(
    start_store: StartStore, settings: Settings, bank: FakeStripe
) -> None:
    """A store without a secret takes messages that anyone has signed."""
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


async def test_2_mb_body(store: Client, bank: FakeStripe) -> None:
    """One message fills the memory."""
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
async def test_signed_nonsense(
    store: Client, bank: FakeStripe, text: str
) -> None:
    """What a later version of Stripe sends is an incident here."""
    assert (await post(store, text.encode(), bank.sign(text)))[0] == 400


async def test_a_live_event_is_not_taken_in_test_mode(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    """Live and test money meet in one ledger."""
    text = json.dumps({**paid, "livemode": True})
    assert (await post(store, text.encode(), bank.sign(text)))[0] == 400


async def test_what_does_not_concern_it_is_thanked_for(
    store: Client, bank: FakeStripe
) -> None:
    """Stripe ends an endpoint that refuses what it had not asked for."""
    event = bank.event("customer.created", {"id": "cus_1"})
    assert await tell(store, bank, event) == 200
    await followed(store)
    assert await rows(store, schema.payment_events) == []


async def test_it_is_on_the_disk_before_it_is_thanked_for(
    store: Client,
    bank: FakeStripe,
    paid: Json,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A power cut after the thanks, and the sale is forgotten."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        mode = os.fstat(descriptor).st_mode
        synced.append("folder" if stat.S_ISDIR(mode) else "file")

    monkeypatch.setattr(os, "fsync", fsync)
    bank.faults = [500] * 9  # it can't be followed up yet
    assert await tell(store, bank, paid) == 200
    assert synced[-2:] == ["file", "folder"]
    (kept,) = WebhookInbox(settings.data / "messages").events()
    assert kept.event.event_id == paid["id"]
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    # It says which session, and nothing of who has paid.
    assert set(kept.event.facts) == {"session"}


async def test_a_full_disk_is_not_thanked_from(
    store: Client, paid: Json, bank: FakeStripe, settings: Settings
) -> None:
    """What could not be written down is never told again."""
    settings.data.mkdir(exist_ok=True)
    (settings.data / "messages").write_text("in the way", encoding="ascii")
    assert await tell(store, bank, paid) == 503
    (settings.data / "messages").unlink()
    assert await tell(store, bank, paid) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_stripe_being_away_delays_and_loses_nothing(
    store: Client, bank: FakeStripe, paid: Json
) -> None:
    """A message that comes while Stripe's API is down is lost."""
    bank.faults = [503] * 4
    assert await tell(store, bank, paid) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_an_unknown_order_is_kept_and_tried_again(
    store: Client, bank: FakeStripe, paid: Json, settings: Settings
) -> None:
    """A message that is faster than Stripe's own books is dropped."""
    session_id = paid["data"]["object"]["id"]
    hidden = bank.sessions.pop(session_id)
    assert await tell(store, bank, paid) == 200
    inbox = WebhookInbox(settings.data / "messages")
    assert len(inbox.events()) == 1
    assert await rows(store, schema.payment_events) == []
    bank.sessions[session_id] = hidden
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_what_was_kept_is_followed_after_a_restart(
    start_store: StartStore, bank: FakeStripe, settings: Settings
) -> None:
    """A store that ends between the thanks and the books forgets a sale."""
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


def test_strange_files_in_the_inbox_do_no_harm(tmp_path: Path) -> None:
    """A file that someone has put there stops every message."""
    for name in ("x.json", ".y.json", "z.txt"):
        (tmp_path / name).write_text("{", encoding="ascii")
    assert WebhookInbox(tmp_path).events() == []
