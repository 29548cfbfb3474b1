"""The process: a socket, and an end when it is told to.

Plain HTTP, to nginx in front and to the machine itself. There is no access
log: a hook's address holds a secret, and hooks log themselves.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Final

from aiohttp import web

from msrv.settings import Settings, WrongSetting

log = logging.getLogger(__name__)

PORT: Final = 8010
_LINGER_SECONDS: Final = 2
"""How long what was refused unread may go on arriving, so that the refusal
is read; it is thrown away as it comes."""
_MAX_HEADER_BYTES: Final = 8190


def address(settings: Settings) -> tuple[str, int]:
    """Say where it listens: this machine alone, unless it is told."""
    port = PORT if settings.port is None else settings.port
    return settings.host or "127.0.0.1", port


async def serve(
    app: web.Application,
    settings: Settings,
    started: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises WrongSetting."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, stop.set)
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
        host, port = address(settings)
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise WrongSetting(
                f"MSRV_PORT: can't listen on {host} port {port}: "
                f"{error.strerror}"
            ) from None
        started(f"http://{host}:{runner.addresses[0][1]}")
        await stop.wait()
        log.info("ending; what is under way goes on at the next start")
    finally:
        await runner.cleanup()
