"""Encryption of TLS records into one buffer that all connections share.

Apart from the transport since it uses two private names of pyOpenSSL, and has
no state but that buffer. Data is encrypted in slices that stay in the
processor's cache. pyOpenSSL copies records twice, into new memory each time;
here they are copied once, one after another, and leave in one system call.
"""

from typing import Final

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

MAX_BYTES: Final = 256 * 1024
"""Limit of one call."""
_SLICE_BYTES: Final = 64 * 1024
_SMALL_SLICE_BYTES: Final = 8 * 1024
"""Bytes passed to OpenSSL at a time: the first size where there are more than
that, else the second. OpenSSL keeps a buffer of the largest write for each
connection, so clients that are sent little have a small one."""
_OVERHEAD_BYTES: Final = 4096
"""Space for the growth of a slice: 22 bytes a record, and OpenSSL's own
messages."""

_SLICES: Final = max(
    MAX_BYTES // _SLICE_BYTES, _SLICE_BYTES // _SMALL_SLICE_BYTES
)
_MEMORY: Final = bytearray(MAX_BYTES + _SLICES * _OVERHEAD_BYTES)
_ADDRESS: Final = ffi.from_buffer(_MEMORY)


def encrypt(tls: SSL.Connection, data: memoryview) -> memoryview:
    """Encrypt up to MAX_BYTES; return the records, valid until the next call.

    Raises SSL.Error.
    """
    step = _SLICE_BYTES if len(data) > _SLICE_BYTES else _SMALL_SLICE_BYTES
    size = 0
    for at in range(0, len(data), step):
        part = data[at : at + step]
        tls.send(part)
        size += lib.BIO_read(
            tls._from_ssl,  # noqa: SLF001 - see above
            _ADDRESS + size,
            len(part) + _OVERHEAD_BYTES,
        )
    return memoryview(_MEMORY)[:size]
