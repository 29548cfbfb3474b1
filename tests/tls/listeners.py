# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate for tests, and a listener that sends a greeting."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from msrv.connections.admission import (
    Admission,
    ConnectionLimits,
    ConnectionSlot,
)
from msrv.tls.certificate_files import CertificateFiles
from msrv.tls.protocol import TLSServer

HELLO = b"hello"
ROOM = ConnectionLimits(total=1000, per_network=1000)


def certificate_for(
    folder: Path, *names: str
) -> tuple[CertificateFiles, ssl.SSLContext]:
    """Issue a certificate; return it and a context that trusts it alone."""
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    pair = CertificateFiles(folder / "crt", folder / "key", None)
    issued.cert_chain_pems[0].write_to_path(pair.cert)
    issued.private_key_pem.write_to_path(pair.key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return pair, trust


class Greeter(asyncio.Protocol):
    """Sends a greeting and closes."""

    def __init__(self, slot: ConnectionSlot) -> None:
        self._slot = slot
        self._own = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._own = transport.get_extra_info("slot") is None
        transport.write(HELLO)
        transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if self._own:
            self._slot.release()


@contextmanager
def listening(
    engine: TLSServer, admission: Admission | None = None
) -> Iterator[int]:
    """Listen on a free port of loopback."""
    bound = socket.create_server(("127.0.0.1", 0))
    port: int = bound.getsockname()[1]
    # An empty admission is false.
    used = Admission(ROOM) if admission is None else admission
    listener = engine.listen(bound, Greeter, used)
    try:
        yield port
    finally:
        listener.close()
