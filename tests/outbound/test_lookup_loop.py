# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The store's event loop while the name servers don't respond."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from msrv.ledger.db.database import Database
from msrv.mail.smtp import SmtpClient, SmtpSettings
from msrv.outbound.addresses import MAX_LOOKUPS
from msrv.outbound.lookup_loop import LookupLoop
from tests.polling import wait_until

MYSQL = "mysql://shop:secret@database.dead/msrv"
SMTP = "smtp://mail.dead:25"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names that were looked up; those that end with `.dead` get no answer."""
    found: list[str] = []
    responds = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, *rest: int) -> list[object]:
        if not host.endswith(".dead"):
            return list(real(host, *rest))
        found.append(host)
        responds.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield found
    responds.set()


async def work_while_names_are_looked_up(asked: list[str]) -> str:
    """Try the database and the mail server, and do what a download does."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    database = Database(MYSQL)
    client = SmtpClient(SmtpSettings.parse(SMTP), ssl.create_default_context())

    async def read() -> None:
        async with database.read_transaction(60):
            pass

    async def mail() -> None:
        async with client.session():
            pass

    tasks = [asyncio.create_task(mail())]
    # More often than there are threads for lookups.
    tasks += [asyncio.create_task(read()) for _ in range(2 * MAX_LOOKUPS)]
    await wait_until(lambda: {"database.dead", "mail.dead"} <= set(asked))
    async with asyncio.timeout(10):
        text = await asyncio.to_thread(lambda: "bytes")
        await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    for each in tasks:
        each.cancel()
    await asyncio.wait(tasks)
    return text


def test_dead_resolver_of_database_and_mail_blocks_no_download(
    asked: list[str],
) -> None:
    with asyncio.Runner(loop_factory=LookupLoop) as runner:
        found = runner.run(work_while_names_are_looked_up(asked))
    assert found == "bytes"
    # One thread for each host, and the rest for others.
    assert sorted(asked) == ["database.dead", "mail.dead"]


def test_lookup_fails_as_it_does_elsewhere() -> None:
    async def look_up() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("no such name", 80)

    with asyncio.Runner(loop_factory=LookupLoop) as runner:
        runner.run(look_up())
