# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A mail worker that sends when a test says so."""

from pathlib import Path

import pytest

from msrv.mail.outbox import Outbox
from msrv.mail.worker import MailWorker
from msrv.proofs.keyring import Keyring
from tests.conftest import Clock
from tests.mail.fake_server import FakeServer
from tests.mail.sample_mails import renderer


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def worker(
    outbox: Outbox, server: FakeServer, keyring: Keyring, clock: Clock
) -> MailWorker:
    """Mail worker that only sends when a test calls `send_due`."""
    return MailWorker(outbox, server, renderer(keyring), clock)


async def pass_time(worker: MailWorker, clock: Clock, seconds: int) -> None:
    """Advance the clock, and send what is due every five seconds."""
    for _ in range(seconds // 5):
        clock.now += 5
        await worker.send_due()
