# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The mail worker where files of the outbox can't be used."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from msrv.mail.outbox import Outbox
from msrv.mail.rendering import Mail
from msrv.mail.smtp import (
    PermanentFailure,
    SmtpError,
)
from msrv.mail.worker import MailWorker
from tests.conftest import Clock
from tests.ledger.sample_events import order_id
from tests.mail.conftest import pass_time
from tests.mail.fake_server import FakeServer
from tests.mail.sample_mails import TO, sample_mail


async def test_unreadable_mail_does_not_stop_others(
    worker: MailWorker, server: FakeServer, outbox: Outbox
) -> None:
    for number in (1, 2):
        await worker.enqueue(sample_mail(number))
    path = outbox.folder / f"{order_id(1)}.json"
    path.write_bytes(path.read_bytes()[:-40])
    await worker.send_due()
    assert server.ids == [order_id(2)]
    assert path.with_suffix(".damaged").exists()


async def test_full_disk_is_logged_and_raises_nothing(
    worker: MailWorker,
    outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outbox, "add", fail)
    await worker.enqueue(sample_mail())
    assert "No space left" in caplog.text
    assert TO not in caplog.text


@pytest.mark.parametrize("failures", [1, 10_000])
@pytest.mark.parametrize("error", [None, PermanentFailure("550 unknown")])
async def test_mail_that_cannot_be_marked_is_not_sent_again(
    failures: int,
    error: SmtpError | None,
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = outbox._mark
    failed: list[str] = []

    def mark(mail_id: str) -> None:
        if len(failed) < failures:
            failed.append(mail_id)
            raise OSError(30, "Read-only file system", "outbox/done")
        real(mail_id)

    monkeypatch.setattr(outbox, "_mark", mark)
    if error is not None:
        server.answers[f"<{order_id(1)}@example.org>"] = error
    for number in (1, 2):
        await worker.enqueue(sample_mail(number, at=clock.now))
    await worker.send_due()
    assert worker.problem == "outbox/done: Read-only file system"
    await pass_time(worker, clock, 2 * 3600)
    assert failed[0] == order_id(1)
    assert server.asked.count(order_id(1)) == 1
    if failures == 1:
        # The others were only delayed.
        assert server.asked == [order_id(1), order_id(2)]
        assert list(outbox.folder.glob("*.json")) == []
        assert worker.problem == ""
    else:
        # It was not tried all the time, either.
        assert len(failed) < 20
        assert server.asked == [order_id(1)]
    assert worker.sent + worker.failed == len(server.asked)


async def test_file_that_cannot_be_deleted_does_not_stop_others(
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, path = Path.unlink, outbox.folder / f"{order_id(1)}.json"

    def unlink(self: Path, *, missing_ok: bool = False) -> None:
        if self == path:
            raise PermissionError(1, os.strerror(1), str(path))
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    for number in (1, 2):
        await worker.enqueue(sample_mail(number, at=clock.now))
    await pass_time(worker, clock, 600)
    assert server.asked == [order_id(1), order_id(2)]
    assert outbox.pending() == [order_id(1)]
    assert worker.disk_problem == f"{path}: Operation not permitted"


def remove_done(outbox: Outbox) -> None:
    (outbox.folder / "done").rmdir()


def replace_done(outbox: Outbox) -> None:
    remove_done(outbox)
    (outbox.folder / "done").touch()


@pytest.mark.parametrize(
    ("breaks", "sent"), [(remove_done, 1), (replace_done, 0)]
)
async def test_nothing_is_sent_while_no_mail_can_be_marked(
    breaks: Callable[[Outbox], None],
    sent: int,
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await worker.enqueue(sample_mail(at=clock.now))
    breaks(outbox)
    await pass_time(worker, clock, 60)
    assert len(server.asked) == sent
    if not sent:
        assert f"{outbox.folder / 'done'}" in worker.disk_problem
        assert worker.server_problem == ""
        assert "SMTP server" not in caplog.text
        (outbox.folder / "done").unlink()
        await pass_time(worker, clock, 60)
        assert server.asked == [order_id(1)]
    assert worker.problem == ""


async def test_file_that_cannot_be_read_does_not_stop_others(
    worker: MailWorker,
    server: FakeServer,
    outbox: Outbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in (1, 2):
        await worker.enqueue(sample_mail(number, at=clock.now))
    path = outbox.folder / f"{order_id(1)}.json"
    real = outbox.read

    def read(mail_id: str) -> Mail | None:
        if mail_id == order_id(1):
            raise PermissionError(13, os.strerror(13), str(path))
        return real(mail_id)

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "read", read)
        await pass_time(worker, clock, 600)
        assert server.ids == [order_id(2)]
        assert caplog.text.count(str(path)) == 1
        assert "SMTP server" not in caplog.text
        assert worker.disk_problem == f"{path}: Permission denied"
    # Its owner was corrected.
    await pass_time(worker, clock, 900)
    assert server.ids == [order_id(2), order_id(1)]
    assert worker.problem == ""
