# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS records: encryption into a shared buffer, and a queue of unsent ones.

Data is encrypted in slices that stay in the processor's cache. pyOpenSSL
copies records twice, into new memory each time; here they are copied once, one
after another, and leave in one system call. (So private names of pyOpenSSL are
used.)
"""

import socket
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Final

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

MAX_BYTES: Final = 256 * 1024
"""Limit of one call."""
_SLICES_BYTES: Final = (
    (128 * 1024, 64 * 1024),
    (64 * 1024, 32 * 1024),
    (0, 8 * 1024),
)
"""Bytes passed to OpenSSL at a time, by the size that they are more than.
OpenSSL keeps a buffer of the largest write for each connection, so clients
that are sent little have a small one."""
_OVERHEAD_BYTES: Final = 4096
"""Space for the growth of a slice: 22 bytes a record, and OpenSSL's own
messages."""

_MAX_BUFFERS: Final = 64
"""Buffers passed to one `sendmsg`; the kernel allows 1,024."""

_MAX_SLICES: Final = 8
"""Most slices of one call, of any size."""
_DATA: Final = ffi.new("char **")
_MEMORY: Final = bytearray(MAX_BYTES + _MAX_SLICES * _OVERHEAD_BYTES)
_ADDRESS: Final = ffi.from_buffer(_MEMORY)


def encrypt(tls: SSL.Connection, data: memoryview) -> memoryview:
    """Encrypt up to MAX_BYTES; return the records, valid until the next call.

    Raises SSL.Error.
    """
    step = next(step for size, step in _SLICES_BYTES if len(data) > size)
    source, count, size = ffi.from_buffer(data), len(data), 0
    # What Connection.send() does, without a view of each slice.
    ssl, outgoing = tls._ssl, tls._from_ssl  # noqa: SLF001 - see above
    for at in range(0, count, step):
        part = min(step, count - at)
        result = lib.SSL_write(ssl, source + at, part)
        if result != part:
            tls._raise_ssl_error(ssl, result)  # noqa: SLF001
        size += lib.BIO_read(outgoing, _ADDRESS + size, part + _OVERHEAD_BYTES)
    return memoryview(_MEMORY)[:size]


def has_input(tls: SSL.Connection) -> bool:
    """Return whether there are received bytes that OpenSSL hasn't returned.

    Asking it for more raises an exception, which costs ten times as much.
    """
    return bool(
        lib.SSL_pending(tls._ssl)  # noqa: SLF001 - see above
        or lib.BIO_get_mem_data(tls._into_ssl, _DATA)  # noqa: SLF001
    )


def own_messages(tls: SSL.Connection) -> bytes:
    """Return the messages of OpenSSL itself that are to be sent, if any."""
    count = lib.BIO_get_mem_data(tls._from_ssl, _DATA)  # noqa: SLF001
    return tls.bio_read(count) if count else b""


def release_memory(tls: SSL.Connection) -> None:
    """Release OpenSSL's buffer of outgoing records, which is empty.

    The next write allocates another. Replaces the BIO, since nothing else
    makes it smaller; the old one is freed with its memory.
    """
    outgoing = lib.BIO_new(lib.BIO_s_mem())
    if outgoing != ffi.NULL:
        lib.SSL_set_bio(tls._ssl, tls._into_ssl, outgoing)  # noqa: SLF001
        tls._from_ssl = outgoing  # noqa: SLF001


class SendQueue:
    """Queue of records that a socket has not accepted yet."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._records: deque[bytes | memoryview] = deque()
        self.size_bytes = 0

    def append(self, records: bytes) -> None:
        """Append records, to be sent by `flush`."""
        self._records.append(records)
        self.size_bytes += len(records)

    def clear(self) -> None:
        """Discard all records."""
        self._records.clear()
        self.size_bytes = 0

    def send(self, records: memoryview) -> None:
        """Send records after those in the queue; queue the rest.

        Copies what it queues. Raises OSError.
        """
        sent = 0
        if not self._records:
            with suppress(BlockingIOError, InterruptedError):
                sent = self._socket.send(records)
        if sent < len(records):
            self.append(bytes(records[sent:]))

    def flush(self) -> None:
        """Send as many bytes as the socket accepts. Raises OSError."""
        with suppress(BlockingIOError, InterruptedError):
            while self._records:
                self._discard(
                    self._socket.sendmsg(islice(self._records, _MAX_BUFFERS))
                )

    def _discard(self, count: int) -> None:
        """Discard bytes that the socket has accepted."""
        self.size_bytes -= count
        while count:
            first = self._records.popleft()
            if count < len(first):
                self._records.appendleft(memoryview(first)[count:])
                return
            count -= len(first)
