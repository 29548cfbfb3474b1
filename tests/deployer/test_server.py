# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Server of the deployer: what ends it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from aiohttp import web

from msrv import settings
from msrv.deployer import server
from msrv.deployer.errors import WorkerStopped


async def serve(tmp_path: Path, work: server.Work | None) -> list[str]:
    """Serve until the end; the URLs that were served."""
    found = settings.load({"MSRV_DATA": str(tmp_path), "MSRV_PORT": "0"})
    started: list[str] = []
    async with asyncio.timeout(60):
        await server.serve(web.Application(), found, started.append, work)
    return started


async def test_failed_worker_ends_the_server(tmp_path: Path) -> None:
    """So the container restarts; a hook would be accepted for nothing."""

    async def fail() -> None:
        raise WorkerStopped("it has stopped")

    with pytest.raises(WorkerStopped):
        await serve(tmp_path, fail)


@pytest.mark.parametrize("with_work", [False, True])
async def test_signal_ends_the_server(
    tmp_path: Path, *, with_work: bool
) -> None:
    was_cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    loop = asyncio.get_running_loop()
    loop.call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    assert await serve(tmp_path, work if with_work else None)
    assert was_cancelled.is_set() == with_work
