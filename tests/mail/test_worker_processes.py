# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mail workers that stop, and that share an outbox."""

import asyncio

import pytest

from msrv.mail import worker as mail_worker
from msrv.mail.outbox import Outbox
from msrv.mail.smtp import (
    TlsMode,
)
from msrv.mail.worker import MailWorker
from msrv.proofs.keyring import Keyring
from tests.conftest import Clock
from tests.ledger.sample_events import order_id
from tests.mail.fake_server import FakeServer
from tests.mail.sample_mails import renderer, sample_mail
from tests.mail.smtp_servers import Authority, Handler, relay
from tests.polling import wait_until


async def test_kill_after_sending_sends_nothing_twice(
    outbox: Outbox, server: FakeServer, keyring: Keyring, clock: Clock
) -> None:
    outbox.add(sample_mail())
    # What `done` had written when it was killed.
    (outbox.folder / "done" / order_id(1)).touch()
    after = MailWorker(outbox, server, renderer(keyring), clock)
    await after.send_due()
    assert server.mails == []
    assert list(outbox.folder.glob("*.json")) == []


@pytest.mark.parametrize("answer_seconds", [0.2, 60])
async def test_shutdown_waits_briefly_for_the_servers_reply(
    answer_seconds: float,
    outbox: Outbox,
    keyring: Keyring,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_worker, "FINISH_SECONDS", 1)
    relay = FakeServer(answer_seconds)
    for number in (1, 2):
        outbox.add(sample_mail(number))
    async with (
        asyncio.timeout(60),
        MailWorker(outbox, relay, renderer(keyring), clock),
    ):
        await wait_until(lambda: relay.mails)
    assert len(relay.mails) == 1
    # One that hangs may have taken it, or not.
    assert len(outbox.pending()) == (1 if answer_seconds < 1 else 2)
    async with MailWorker(outbox, FakeServer(), renderer(keyring), clock):
        await wait_until(lambda: outbox.pending() == [])


async def test_two_processes_send_each_mail_once(
    outbox: Outbox, keyring: Keyring, clock: Clock
) -> None:
    relays = FakeServer(), FakeServer()
    one, other = (
        MailWorker(outbox, each, renderer(keyring), clock) for each in relays
    )
    async with one:
        await wait_until(lambda: one._lock is not None)
        async with other:
            for number in range(10):
                await (one, other)[number % 2].enqueue(sample_mail(number))
            await wait_until(
                lambda: sum(len(each.mails) for each in relays) == 10
            )
            assert relays[1].mails == []
    # The remaining process continues.
    async with MailWorker(
        outbox, relays[1], renderer(keyring), clock
    ) as third:
        await wait_until(lambda: third._lock is not None)
        await third.enqueue(sample_mail(10))
        await wait_until(lambda: relays[1].mails)


async def test_mails_arrive_at_a_real_server_after_an_outage(
    outbox: Outbox, keyring: Keyring, clock: Clock
) -> None:
    authority, handler = Authority.make(), Handler(dies=1)
    async with relay(handler, TlsMode.STARTTLS, authority) as found:
        worker = MailWorker(outbox, found, renderer(keyring), clock)
        await worker.enqueue(sample_mail(1, at=clock.now))
        await worker.send_due()
        assert handler.mails == []
        clock.now += 60
        await worker.send_due()
        assert len(handler.mails) == 1
        # It took the mail, and its yes was lost: SMTP has no way to tell.
        handler.forgets_to_answer = 1
        await worker.enqueue(sample_mail(2, at=clock.now))
        await worker.send_due()
        clock.now += 60
        await worker.send_due()
        twice = [each["Message-ID"] for each in handler.mails[1:]]
        assert twice == [f"<{order_id(2)}@example.org>"] * 2
        assert handler.mails[1].as_bytes() == handler.mails[2].as_bytes()
    assert outbox.pending() == []
