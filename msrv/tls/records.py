"""Encrypting what is sent, into memory that all connections share.

A buffer is encrypted in slices that stay in the processor's cache. pyOpenSSL
hands records out in two copies, into memory that is new each time; here they
are copied once, next to each other, and leave in one call to the kernel. (So
two names are used that pyOpenSSL keeps to itself.)
"""

from typing import Final

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

MOST_BYTES: Final = 256 * 1024
"""The most that is encrypted at once."""
_SLICE_BYTES: Final = 64 * 1024
_LITTLE_BYTES: Final = 8 * 1024
"""How much OpenSSL is given at a time, if there is more or less than the first
of the two. It keeps a buffer of this size for each connection that was ever
written so much to: not for who is sent little at a time."""
_OVERHEAD_BYTES: Final = 4096
"""Room for what a slice grows by: 22 bytes a record, and what OpenSSL has to
say by itself."""

_SLICES: Final = max(MOST_BYTES // _SLICE_BYTES, _SLICE_BYTES // _LITTLE_BYTES)
_MEMORY: Final = bytearray(MOST_BYTES + _SLICES * _OVERHEAD_BYTES)
_ADDRESS: Final = ffi.from_buffer(_MEMORY)


def encrypt(tls: SSL.Connection, data: memoryview) -> memoryview:
    """Encrypt up to MOST_BYTES; give the records, until the next call.

    Raises SSL.Error.
    """
    step = _SLICE_BYTES if len(data) > _SLICE_BYTES else _LITTLE_BYTES
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
