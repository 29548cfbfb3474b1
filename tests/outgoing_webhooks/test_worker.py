# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhooks to a receiver that is well, away, slow, wrong and hostile."""

import socket
import time
from collections.abc import Sequence

import pytest
from standardwebhooks import Webhook

from msrv.ledger.db.feed import deliveries, outgoing_events
from msrv.ledger.events import Delivered, PaymentEvent
from msrv.ledger.ledger import Ledger
from msrv.outgoing_webhooks import schedule
from tests.conftest import Clock
from tests.ledger.sample_events import NOON, order_id, revoked, sale
from tests.outgoing_webhooks.conftest import NewSender, deliver, record, rows
from tests.outgoing_webhooks.receiver import (
    OTHER,
    SECRET,
    Answer,
    WebhookServer,
    close_early,
    hang,
    new_receiver,
    redirect_to,
    serve,
    stream_forever,
)


async def test_events_are_signed_and_hold_what_the_docs_say(
    ledger: Ledger, server: WebhookServer, new_sender: NewSender
) -> None:
    sender = new_sender(f"{server.url} {SECRET},{OTHER}")
    await record(ledger, sale(1, ("song", 100)))  # before the endpoint
    assert await deliver(sender) == 0
    await record(
        ledger,
        sale(2, ("song", 100), ("album", 1200), reference="pi_secret"),
        Delivered(order_id(2), "song", "0" * 16, 10, ((0, 10),), NOON),
        revoked(2, "song"),
        PaymentEvent(
            "stripe", "evt_1", "charge.dispute.created", order_id(2), NOON
        ),
    )
    async with ledger.write_transaction() as connection:
        for found in ([], ["night-bus"]):
            await outgoing_events.publish_releases(connection, found, NOON)
    assert await deliver(sender) == 5
    assert await deliver(sender) == 0
    by_type = {each.data["type"]: each for each in server.received}
    for each in server.received:
        data = Webhook(SECRET).verify(each.body, each.headers)
        assert data == Webhook(OTHER).verify(each.body, each.headers)
        assert b"pi_secret" not in each.body
        assert b"/purchases/" not in each.body
    paid = by_type["order.paid"].data
    assert paid == {
        "type": "order.paid",
        "timestamp": "2027-01-15T08:00:00+00:00",
        "data": {
            "order_id": order_id(2),
            "total_minor": 1300,
            "total": "13.00",
            "currency": "EUR",
            "provider": "demo",
            "items": [
                {"item_id": "song", "title": "Song", "price_minor": 100},
                {"item_id": "album", "title": "Album", "price_minor": 1200},
            ],
        },
    }
    refunded = by_type["order.refunded"].data["data"]
    assert (refunded["refunded"], len(refunded["items"])) == ("1.00", 1)
    assert by_type["download.completed"].data["data"]["item_id"] == "song"
    assert by_type["order.disputed"].data["data"]["total_minor"] == 1300
    published = by_type["release.published"].data["data"]
    assert published["url"] == "https://shop.example/catalog/night-bus"
    assert [each[0] for each in await rows(ledger)] == ["delivered"] * 5


async def test_endpoint_gets_only_the_events_that_it_names(
    ledger: Ledger, server: WebhookServer, new_sender: NewSender
) -> None:
    sender = new_sender(f"{server.url} {SECRET} order.refunded")
    await deliver(sender)
    await record(ledger, sale(1), revoked(1), sale(2))
    await deliver(sender)
    assert [each.data["type"] for each in server.received] == [
        "order.refunded"
    ]


async def test_receiver_that_is_away_for_a_day_gets_everything_once(
    ledger: Ledger, clock: Clock, new_sender: NewSender
) -> None:
    server = new_receiver()
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1), sale(2))
    began = clock.now
    assert await deliver(sender) == 2
    for pause in schedule.RETRY_SECONDS[:6]:
        clock.now += pause - 1
        assert await deliver(sender) == 0
        clock.now += 1
        assert await deliver(sender) == 2
    clock.now = began + 86_400
    assert await deliver(sender) == 0
    async with serve(server):
        await record(ledger, sale(3))
        assert await deliver(sender) == 1
        clock.now += 15 * 3600
        assert await deliver(sender) == 2
        clock.now += 30 * 86_400
        assert await deliver(sender) == 0
    assert len(server.effects) == len(server.received) == 3
    assert all(each.is_signed_by(SECRET) for each in server.received)
    assert {each[0] for each in await rows(ledger)} == {"delivered"}


async def test_delivery_fails_after_three_days_and_can_be_sent_again(
    ledger: Ledger,
    clock: Clock,
    server: WebhookServer,
    new_sender: NewSender,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1))
    server.answers = [500] * schedule.MAX_ATTEMPTS
    began = clock.now
    for pause in (0, *schedule.RETRY_SECONDS):
        clock.now += pause
        assert await deliver(sender) == 1
    assert 3 * 86_400 < clock.now - began < 4 * 86_400
    assert await rows(ledger) == [("failed", 10, "500")]
    # The path may be a secret.
    origin = f"http://127.0.0.1:{server.port}"
    endpoint = sender.receivers[0].endpoint_id
    assert f"by {origin} ({endpoint[:6]}): 500" in caplog.text
    assert "/hook" not in caplog.text
    clock.now += 7 * 86_400
    assert await deliver(sender) == 0
    async with ledger.write_transaction() as connection:
        event = await deliveries.send_again(connection, endpoint, 1, clock.now)
        assert event is not None
        for wrong in ((endpoint, 2), ("other", 1)):
            assert (
                await deliveries.send_again(connection, *wrong, clock.now)
                is None
            )
    assert await deliver(sender) == 1
    assert len(server.effects) == 1
    assert await rows(ledger) == [("delivered", 1, "204")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (500, "500"),
        (301, "301"),
        (hang, "it did not respond within 0.3 s"),
        (close_early, "it can't be reached: ServerDisconnectedError"),
        (stream_forever, "200"),
    ],
)
async def test_wrong_answer_is_seen_for_what_it_is(
    ledger: Ledger,
    clock: Clock,
    server: WebhookServer,
    new_sender: NewSender,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer | int,
    reason: str,
) -> None:
    monkeypatch.setattr(
        "msrv.outbound.requests.post.__kwdefaults__",
        {"allow_private": False, "timeout_seconds": 0.3},
    )
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1))
    server.answers = [answer]
    began = time.monotonic()
    await deliver(sender)
    assert time.monotonic() - began < 5
    status = "delivered" if reason == "200" else "waiting"
    assert await rows(ledger) == [(status, 1, reason)]
    clock.now += 5
    await deliver(sender)
    assert len(server.effects) == 1
    assert (await rows(ledger))[0][0] == "delivered"


async def test_redirect_is_not_followed(
    ledger: Ledger, server: WebhookServer, new_sender: NewSender
) -> None:
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1))
    server.answers = [redirect_to(f"http://127.0.0.1:{server.port}/inside")]
    await deliver(sender)
    assert server.paths == ["/hook"]
    assert await rows(ledger) == [("waiting", 1, "302")]


async def test_private_address_gets_nothing_however_the_name_resolves(
    ledger: Ledger,
    clock: Clock,
    server: WebhookServer,
    new_sender: NewSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hostile = f"https://hook.example:{server.port}/hook"
    sender = new_sender(hostile, hosts=())
    await deliver(sender)
    await record(ledger, sale(1))
    asked: list[Sequence[str]] = []

    def resolve_to(*addresses: str) -> None:
        def getaddrinfo(*_: object, **__: object) -> list[object]:
            asked.append(addresses)
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443))
                for each in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    for addresses in (
        ("127.0.0.1",),
        ("8.8.8.8", "10.0.0.1"),
        ("169.254.169.254",),
        ("168.63.129.16",),
        ("100.100.100.200",),
    ):
        resolve_to(*addresses)
        clock.now += 86_400
        await deliver(sender)
        assert (await rows(ledger))[0][2] == (
            "its host name has an address that is not public"
        )
    # The second lookup of a name that rebinds never happens.
    connected: list[object] = []

    async def connect(*_: object, **options: object) -> None:
        connected.append(options)
        raise OSError

    monkeypatch.setattr("aiohappyeyeballs.start_connection", connect)
    resolve_to("8.8.8.8")
    count = len(asked)
    clock.now += 86_400
    await deliver(sender)
    assert len(asked) == count + 1
    assert server.received == []
