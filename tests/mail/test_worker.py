# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The mail worker: each mail is sent once, retried, or given up and logged."""

import asyncio
import dataclasses
import logging
from email.message import EmailMessage
from types import SimpleNamespace

import pytest

from msrv.ledger.withdrawals.events import WithdrawalOutcome
from msrv.mail import worker as mail_worker
from msrv.mail.delivery import retries
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import MailKind
from msrv.mail.rendering import Mail
from msrv.mail.seller_mail import SellerMail
from msrv.mail.smtp import (
    MailRejected,
    PermanentFailure,
    SmtpError,
    SmtpUnavailable,
    SmtpUtf8Unsupported,
    TemporaryFailure,
)
from msrv.mail.withdrawal_mail import WithdrawalMail
from msrv.mail.worker import GIVE_UP_SECONDS, MailWorker
from msrv.money import NotMoney
from tests.conftest import Clock
from tests.ledger.sample_events import order_id
from tests.mail.conftest import pass_time
from tests.mail.fake_server import FakeServer
from tests.mail.sample_mails import TO, sample_mail
from tests.polling import wait_until


async def test_order_is_mailed_once(
    worker: MailWorker, server: FakeServer, outbox: Outbox
) -> None:
    await asyncio.gather(*(worker.enqueue(sample_mail()) for _ in range(20)))
    await worker.send_due()
    await worker.enqueue(sample_mail())
    await worker.send_due()
    assert server.ids == [order_id(1)]
    assert outbox.pending() == []
    # No address is left.
    for path in outbox.folder.rglob("*"):
        assert path.is_dir() or TO.encode() not in path.read_bytes()


@pytest.mark.slow
async def test_outage_of_an_hour_delays_mails_and_loses_none(
    worker: MailWorker, server: FakeServer, clock: Clock
) -> None:
    server.away = SmtpUnavailable("connection refused")
    for number in range(100):
        await worker.enqueue(sample_mail(number, at=clock.now))
        await pass_time(worker, clock, 36 - 36 % 5)
    assert server.mails == []
    # It was not tried all the time, either.
    assert server.connections < 20
    server.away = None
    await pass_time(worker, clock, 1800)
    assert sorted(server.ids) == sorted(map(order_id, range(100)))
    assert (worker.sent, worker.pending, worker.failed) == (100, 0, 0)


async def test_deferred_mail_is_retried_without_delaying_others(
    worker: MailWorker, server: FakeServer, clock: Clock
) -> None:
    first = f"<{order_id(1)}@example.org>"
    server.answers[first] = TemporaryFailure("450 greylisted")
    for number in (1, 2, 3):
        await worker.enqueue(sample_mail(number, at=clock.now))
    await worker.send_due()
    assert sorted(server.ids) == [order_id(2), order_id(3)]
    await pass_time(worker, clock, 3600)
    del server.answers[first]
    await pass_time(worker, clock, 4 * 3600)
    assert sorted(server.ids) == [order_id(1), order_id(2), order_id(3)]


async def test_buyers_mail_is_sent_before_the_rest_of_a_bulk(
    worker: MailWorker, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_worker, "_BATCH_SIZE", 2)
    outbox = worker._outbox
    for number in range(1, 6):
        outbox.add(sample_mail(number), is_bulk=True)
    server.answer_seconds = 0.05
    sending = asyncio.create_task(worker.send_due())
    await wait_until(lambda: bool(server.mails))
    await worker.enqueue(sample_mail(9))
    await sending
    assert len(server.ids) == 2
    worker._wake.clear()
    await worker.send_due()
    assert server.ids[2] == order_id(9)
    assert len(server.ids) == 6


async def test_mail_that_breaks_connections_does_not_delay_others(
    worker: MailWorker, server: FakeServer, clock: Clock
) -> None:
    server.answers[f"<{order_id(1)}@example.org>"] = SmtpUnavailable(
        "disconnected"
    )
    for number in (1, 2, 3):
        await worker.enqueue(sample_mail(number, at=clock.now))
    await worker.send_due()
    await pass_time(worker, clock, 60)
    assert sorted(server.ids) == [order_id(2), order_id(3)]


async def test_permanent_failure_is_logged_without_the_address(
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.answers[f"<{order_id(1)}@example.org>"] = PermanentFailure(
        "550 unknown"
    )
    await worker.enqueue(sample_mail())
    await worker.send_due()
    assert outbox.pending() == []
    (said,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert order_id(1) in said.getMessage()
    assert "550 unknown" in said.getMessage()
    assert "example.net" not in caplog.text
    assert worker.failed == 1
    (given_up,) = worker.recent_failures
    assert (given_up.order_id, given_up.why) == (order_id(1), "550 unknown")


async def test_failed_mail_of_each_kind_is_remembered_with_its_reason(
    worker: MailWorker, server: FakeServer, clock: Clock
) -> None:
    confirmation = WithdrawalMail.of(
        "w1",
        to=TO,
        order_id=order_id(2),
        buyer_name="Ada",
        buyer=TO,
        outcome=WithdrawalOutcome.ENDED,
        is_buyer=True,
        store="Wet Coats",
        contact="hello@example.org",
        base_url="https://shop.example",
        written_at=clock.now,
        received_at=clock.now,
    )
    statement = SellerMail(
        SellerMail.id_of("s1"), TO, "Wet Coats", clock.now, "3 sales", ()
    )
    mails: list[Mail] = [
        sample_mail(at=clock.now),
        dataclasses.replace(
            sample_mail(3, at=clock.now), kind=MailKind.REFUND
        ),
        confirmation,
        statement,
    ]
    for each in mails:
        refused = f"<{each.mail_id}@example.org>"
        server.answers[refused] = PermanentFailure("550 unknown")
        assert await worker.enqueue(each)
    await worker.send_due()
    assert worker.failed == len(worker.recent_failures) == 4
    assert {
        (each.kind, each.order_id, each.subject, each.why)
        for each in worker.recent_failures
    } == {
        ("receipt", order_id(1), "", "550 unknown"),
        ("refund", order_id(3), "", "550 unknown"),
        ("withdrawal", order_id(2), "", "550 unknown"),
        ("seller", "", "3 sales", "550 unknown"),
    }


async def test_failure_is_forgotten_once_the_mail_was_sent_again(
    worker: MailWorker, server: FakeServer, outbox: Outbox, clock: Clock
) -> None:
    first = sample_mail(at=clock.now)
    for kind in (MailKind.RECEIPT, MailKind.BILL, MailKind.REFUND):
        suffix = "" if kind is MailKind.RECEIPT else f"-{kind.value}"
        mail_id = first.mail_id + suffix
        server.answers[f"<{mail_id}@example.org>"] = PermanentFailure("550")
        mail = dataclasses.replace(first, mail_id=mail_id, kind=kind)
        await worker.enqueue(mail)
    await worker.send_due()

    def kinds() -> set[str]:
        return {each.kind for each in worker.recent_failures}

    # Reported once more, which queues nothing.
    await worker.enqueue(first)
    assert kinds() == {"receipt", "bill", "refund"}
    again = dataclasses.replace(first, mail_id=f"{first.mail_id}-1")
    await worker.enqueue(again)
    assert kinds() == {"bill", "refund"}
    # By another process.
    for kind in (MailKind.BILL, MailKind.REFUND):
        outbox.add(
            dataclasses.replace(
                first, mail_id=f"{first.mail_id}-{kind.value}-1", kind=kind
            )
        )
    await worker.send_due()
    assert worker.sent == 3
    # Another refund is another mail.
    assert kinds() == {"refund"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MailKind.RECEIPT, "receipt of order"),
        (MailKind.GIFT, "gift of order"),
        (MailKind.BILL, "bill of order"),
        (MailKind.FOUND, "list of purchases with order"),
        (MailKind.REISSUED, "new receipt of order"),
        (MailKind.REFUND, "refund of order"),
    ],
)
async def test_log_names_the_kind_of_a_mail(
    kind: MailKind,
    name: str,
    worker: MailWorker,
    server: FakeServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.answers[f"<{order_id(1)}@example.org>"] = PermanentFailure("550")
    await worker.enqueue(dataclasses.replace(sample_mail(), kind=kind))
    await worker.send_due()
    assert f"mail: gave up on the {name} {order_id(1)}: 550" in caplog.text


async def test_missing_smtputf8_is_remembered_for_a_day(
    worker: MailWorker, server: FakeServer, clock: Clock
) -> None:
    refused = [worker.lacks_smtputf8]
    server.answers[f"<{order_id(1)}@example.org>"] = SmtpUtf8Unsupported(
        "no SMTPUTF8"
    )
    await worker.enqueue(sample_mail())
    await worker.send_due()
    refused.append(worker.lacks_smtputf8)
    assert worker.recent_failures[0].why == "no SMTPUTF8"
    clock.now += 24 * 3600
    refused.append(worker.lacks_smtputf8)
    assert refused == [False, True, False]


@pytest.mark.parametrize(
    "error",
    [
        SmtpUnavailable("gone"),
        TemporaryFailure("450 not now"),
        MailRejected("554 5.7.1 relay access denied"),
    ],
)
async def test_mail_is_given_up_after_four_days(
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    clock: Clock,
    error: SmtpError,
) -> None:
    if isinstance(error, SmtpUnavailable):
        server.away = error
    else:
        server.answers[f"<{order_id(1)}@example.org>"] = error
    await worker.enqueue(sample_mail(at=clock.now))
    clock.now += GIVE_UP_SECONDS
    await worker.send_due()
    assert outbox.pending()
    clock.now += 4 * 3600 + 1
    await worker.send_due()
    assert not outbox.pending()
    assert worker.failed == 1


async def test_old_mail_is_tried_once_after_a_long_shutdown(
    worker: MailWorker, server: FakeServer, clock: Clock
) -> None:
    await worker.enqueue(sample_mail(at=clock.now - 2 * GIVE_UP_SECONDS))
    await worker.send_due()
    assert server.ids == [order_id(1)]


async def test_mail_that_cannot_be_written_does_not_stop_others(
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = worker._renderer.render

    def render(mail: Mail) -> EmailMessage:
        if mail.mail_id == order_id(1):
            raise NotMoney("a currency of another version")
        return real(mail)

    failing = SimpleNamespace(render=render, sender=worker._renderer.sender)
    monkeypatch.setattr(worker, "_renderer", failing)
    for number in (1, 2):
        await worker.enqueue(sample_mail(number, at=clock.now))
    await worker.send_due()
    assert server.ids == [order_id(2)]
    assert outbox.pending() == [order_id(1)]
    clock.now += GIVE_UP_SECONDS + 1
    await worker.send_due()
    assert outbox.pending() == []
    (failed,) = worker.recent_failures
    assert "a currency of another version" in failed.why


async def test_rejected_sender_loses_no_mail_and_is_a_problem(
    worker: MailWorker, server: FakeServer, outbox: Outbox, clock: Clock
) -> None:
    reason = "553 5.7.1 Sender address rejected"
    for number in (1, 2, 3):
        server.answers[f"<{order_id(number)}@example.org>"] = MailRejected(
            reason
        )
        to = f"{number}.{TO}"
        await worker.enqueue(sample_mail(number, to, at=clock.now))
        # However often: a single recipient may be the reason.
        await pass_time(worker, clock, 3600)
        assert worker.server_problem == (reason if number == 3 else "")
    assert len(outbox.pending()) == 3
    assert worker.failed == 0
    # Corrected by the operator.
    server.answers.clear()
    await pass_time(worker, clock, 4 * 3600)
    assert sorted(server.ids) == [order_id(1), order_id(2), order_id(3)]
    assert worker.problem == ""


def test_backoff_grows_up_to_its_cap() -> None:
    waits = [retries.SERVER_BACKOFF.seconds(each) for each in range(1, 100)]
    assert waits[:3] == [15, 30, 60]
    assert waits[-1] == 900
    waits = [retries.MAIL_BACKOFF.seconds(each) for each in range(1, 100)]
    assert waits[:3] == [60, 120, 240]
    assert waits[-1] == 4 * 3600
