# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS-ALPN-01: an authority's challenge on the port of the store (RFC 8737).

While a challenge is running, the first bytes of each connection are looked at
before its handshake: one that offers `acme-tls/1` alone gets the certificate
for the challenge, and is closed after the handshake. All others are handed to
the TLS server, which reads the same bytes; without a challenge, at once.

The same for both TLS servers: OpenSSL's callbacks in Python can't choose a
certificate by the offered protocols.
"""

import asyncio
import logging
import socket
import ssl
from pathlib import Path
from typing import Final

from msrv.connections.acceptor import Connector
from msrv.connections.admission import ConnectionSlot
from msrv.tls.client_hello import (
    MAX_BYTES,
    ClientHello,
    IncompleteHello,
    NotAHello,
    parse,
)

log = logging.getLogger(__name__)

PROTOCOL: Final = "acme-tls/1"
HELLO_SECONDS: Final = 15
"""Time limit for the first bytes, and for a challenge's handshake."""
_PAUSE_SECONDS: Final = 0.05
"""Pause before the rest of a ClientHello is looked for: the bytes that are
there make the socket readable all the time."""

_Stamp = tuple[tuple[str, int, int], ...]


class TLSChallenges:
    """Certificates that answer the challenges of this moment."""

    def __init__(self) -> None:
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._stamp: _Stamp = ()
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, folder: Path) -> None:
        """Load the folder's files: `NAME.pem`, a key and a certificate.

        Blocks. A folder that is missing or can't be read answers nothing.
        """
        stamp = _stamp(folder)
        if stamp == self._stamp:
            return
        contexts = {}
        for name, *_ in stamp:
            try:
                contexts[name.removesuffix(".pem")] = _context(folder / name)
            except OSError as error:  # and ssl.SSLError; or it is gone again
                log.warning("can't answer with %s: %s", name, error)
        self._contexts, self._stamp = contexts, stamp

    def connector(self, connect: Connector) -> Connector:
        """Return a connector that answers challenges before `connect`."""

        def inspect(accepted: socket.socket, slot: ConnectionSlot) -> None:
            if not self._contexts:
                connect(accepted, slot)
                return
            task = asyncio.get_running_loop().create_task(
                self._inspect(accepted, slot, connect)
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            slot.set_abort(lambda: _cancel(task))

        return inspect

    async def _inspect(
        self, accepted: socket.socket, slot: ConnectionSlot, connect: Connector
    ) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                context = self._context_for(await _peek(accepted))
                if context is not None:
                    await _answer(accepted, slot, context)
                    return
            connect(accepted, slot)
        except OSError:
            # Disconnected, or late: TimeoutError and ssl's are OSErrors.
            _close(accepted, slot)
        except BaseException:
            _close(accepted, slot)
            raise

    def _context_for(self, hello: ClientHello) -> ssl.SSLContext | None:
        if hello.protocols != (PROTOCOL.encode(),):
            return None
        return self._contexts.get(hello.server_name)


class _Closing(asyncio.Protocol):
    """Protocol that closes a connection as soon as its handshake is done."""

    def __init__(self, slot: ConnectionSlot) -> None:
        self._slot = slot

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close the connection."""
        self._slot.set_abort(transport.close)
        transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """Release the slot."""
        self._slot.release()


async def _answer(
    accepted: socket.socket, slot: ConnectionSlot, context: ssl.SSLContext
) -> None:
    """Do the handshake of a challenge, and close the connection."""
    await asyncio.get_running_loop().connect_accepted_socket(
        lambda: _Closing(slot),
        accepted,
        ssl=context,
        ssl_handshake_timeout=HELLO_SECONDS,
        ssl_shutdown_timeout=HELLO_SECONDS,
    )


async def _peek(accepted: socket.socket) -> ClientHello:
    """Return the ClientHello, left in the socket; an empty one for others.

    Raises OSError.
    """
    await _wait_until_readable(accepted)
    parsed_bytes = 0
    while True:
        try:
            data = accepted.recv(MAX_BYTES, socket.MSG_PEEK)
            if not data:
                return ClientHello()
            if len(data) > parsed_bytes:
                parsed_bytes = len(data)
                return parse(data)
        except NotAHello:
            return ClientHello()
        except IncompleteHello:
            if parsed_bytes >= MAX_BYTES:
                return ClientHello()
        except (BlockingIOError, InterruptedError):
            pass
        # The end of the stream isn't seen behind the bytes: a time limit is.
        await asyncio.sleep(_PAUSE_SECONDS)


async def _wait_until_readable(accepted: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def notify() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(accepted, notify)
    try:
        await readable
    finally:
        loop.remove_reader(accepted)


def _context(path: Path) -> ssl.SSLContext:
    """Return the context of a challenge's certificate. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path)
    context.set_alpn_protocols([PROTOCOL])
    return context


def _stamp(folder: Path) -> _Stamp:
    """Return the names, times and inodes of the files of a folder."""
    found = []
    try:
        for path in sorted(folder.glob("[!.]*.pem")):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_ino))
    except OSError:
        return ()
    return tuple(found)


def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()


def _close(accepted: socket.socket, slot: ConnectionSlot) -> None:
    slot.release()
    accepted.close()
