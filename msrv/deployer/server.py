# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""HTTP server of the deployer, and of the gate, until a signal.

Plain HTTP, for nginx in front and for the machine itself. There is no access
log: a hook's address contains a secret, and the handlers log hooks.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from msrv.display_text import reason_of
from msrv.settings import Settings, WrongSetting

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

PORT: Final = 8010
_LINGER_SECONDS: Final = 2
"""Time for which the body of a refused request is read and discarded, so that
the client reads the response."""
_MAX_HEADER_BYTES: Final = 8190


def listen_address(settings: Settings) -> tuple[str, int]:
    """Return host and port; the default host is this machine alone."""
    port = PORT if settings.port is None else settings.port
    return settings.host or "127.0.0.1", port


async def serve(
    app: web.Application,
    settings: Settings,
    started: Callable[[str], None],
    work: Work | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises WrongSetting.

    `started` is called with the URL. `work` is awaited once the application
    has started; its error ends the server, and is raised.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        handler_cancellation=True,
        keepalive_timeout=30,
        lingering_time=_LINGER_SECONDS,
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
        shutdown_timeout=2,
    )
    await runner.setup()
    try:
        host, port = listen_address(settings)
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise WrongSetting(
                f"MSRV_PORT: can't listen on {host} port {port}: "
                f"{reason_of(error)}"
            ) from None
        started(f"http://{host}:{runner.addresses[0][1]}")
        await _wait(stop, work)
        log.info("stopping; a running deployment resumes at the next start")
    finally:
        await runner.cleanup()


async def _wait(stop: asyncio.Event, work: Work | None) -> None:
    """Wait until `stop` is set. Raises the error of `work` before that."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(stop.wait())]
    if work is not None:
        tasks.append(asyncio.ensure_future(work()))
    try:
        done, _ = await asyncio.wait(
            tasks, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
