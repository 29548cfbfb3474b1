# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ClientHello of TLS (RFC 8446, section 4.1.2), read before the handshake.

Only what decides between a visitor and an authority's challenge is parsed:
the requested name (RFC 6066) and the offered protocols (RFC 7301). The bytes
are a stranger's; none is looked up outside of its own length.
"""

from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 16 * 1024
"""Longest ClientHello that is parsed; browsers send up to two kilobytes."""
MAX_RECORDS: Final = 16
"""Most records of a ClientHello; browsers and authorities send one."""

_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_SERVER_NAME: Final = 0
_HOST_NAME: Final = 0
_ALPN: Final = 16
_RECORD_HEADER_BYTES: Final = 5
_VERSION_AND_RANDOM_BYTES: Final = 34


class IncompleteHello(ValueError):
    """The bytes so far are the beginning of a ClientHello."""


class NotAHello(ValueError):
    """The bytes aren't a ClientHello."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """Requested name in lower case, empty without one; offered protocols."""

    server_name: str = ""
    protocols: tuple[bytes, ...] = ()


class _Reader:
    """Bytes that are read from the front. Raises NotAHello at their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def read(self, count: int) -> bytes:
        """Return the next bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise NotAHello("a length is too long")
        self._at += count
        return found

    def number(self, size_bytes: int) -> int:
        """Return an unsigned number."""
        return int.from_bytes(self.read(size_bytes), "big")

    def vector(self, size_bytes: int) -> bytes:
        """Return bytes that follow their own length."""
        return self.read(self.number(size_bytes))


def parse(data: bytes) -> ClientHello:
    """Parse the first bytes of a connection.

    Raises IncompleteHello where more have to follow, NotAHello otherwise.
    """
    hello = _Reader(_message(data))
    hello.read(_VERSION_AND_RANDOM_BYTES)
    for size_bytes in (1, 2, 1):  # session id, cipher suites, compression
        hello.vector(size_bytes)
    name, protocols = "", tuple[bytes, ...]()
    extensions = _Reader(hello.vector(2) if hello else b"")
    while extensions:
        kind, content = extensions.number(2), _Reader(extensions.vector(2))
        if kind == _SERVER_NAME:
            name = _host_name(_Reader(content.vector(2)))
        elif kind == _ALPN:
            protocols = _protocols(_Reader(content.vector(2)))
    return ClientHello(name, protocols)


def _message(data: bytes) -> bytes:
    """Return the handshake message in one or more records."""
    message, at, records = b"", 0, 0
    while True:
        header = data[at : at + _RECORD_HEADER_BYTES]
        if header and header[0] != _HANDSHAKE:
            raise NotAHello("not a handshake")
        if len(header) < _RECORD_HEADER_BYTES:
            raise IncompleteHello
        records += 1
        if records > MAX_RECORDS:
            raise NotAHello("too many records")
        at += _RECORD_HEADER_BYTES
        size_bytes = int.from_bytes(header[3:], "big")
        if not size_bytes:
            raise NotAHello("an empty record")
        message += data[at : at + size_bytes]
        at += size_bytes
        if message and message[0] != _CLIENT_HELLO:
            raise NotAHello("another message")
        if len(message) >= 4:
            end = 4 + int.from_bytes(message[1:4], "big")
            if end > MAX_BYTES:
                raise NotAHello("too long")
            if len(message) >= end:
                return message[4:end]


def _host_name(names: _Reader) -> str:
    while names:
        kind, name = names.number(1), names.vector(2)
        if kind == _HOST_NAME:
            return name.decode("latin-1").lower()
    return ""


def _protocols(names: _Reader) -> tuple[bytes, ...]:
    found = []
    while names:
        found.append(names.vector(1))
    return tuple(found)
