# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Messages between the store and the parser process, over a socket.

A message is two lengths (4 bytes each, big-endian), a JSON object, and bytes;
with the first byte may come an open file (SCM_RIGHTS). Lengths are bounded
before anything is read, and only JSON is decoded: the other side may have
been taken over by a malicious file.
"""

import json
import os
import socket
import struct
import time
from typing import Any, Final, NamedTuple

_LENGTHS: Final = struct.Struct(">II")
MAX_JSON_BYTES: Final = 256 << 10
MAX_BODY_BYTES: Final = 8 << 20
_READ_BYTES: Final = 64 << 10


class BadMessage(Exception):
    """The received data isn't a message, or exceeds the limits."""


class Message(NamedTuple):
    """One message. The receiver has to close `descriptor`."""

    fields: dict[str, Any]
    body: bytes = b""
    descriptor: int | None = None


def send_message(connection: socket.socket, message: Message) -> None:
    """Send a message. Raises OSError."""
    fields_json = json.dumps(message.fields).encode("ascii")
    data = (
        _LENGTHS.pack(len(fields_json), len(message.body))
        + fields_json
        + message.body
    )
    if message.descriptor is None:
        connection.sendall(data)
        return
    sent = socket.send_fds(connection, [data], [message.descriptor])
    if sent < len(data):
        connection.sendall(data[sent:])


def receive_message(
    connection: socket.socket,
    timeout_seconds: float | None = None,
    *,
    may_carry_file: bool = False,
) -> Message | None:
    """Return the next message, or None if the other side has closed.

    The other side sends at most one before it gets a reply. The time-out is
    for the whole message. A file that comes with it is closed by the kernel
    unless `may_carry_file`. Raises BadMessage, TimeoutError and OSError.
    """
    until = (
        None if timeout_seconds is None else time.monotonic() + timeout_seconds
    )
    connection.settimeout(timeout_seconds)
    descriptors: list[int] = []
    if may_carry_file:
        data, descriptors, _, _ = socket.recv_fds(connection, _READ_BYTES, 1)
    else:
        data = connection.recv(_READ_BYTES)
    descriptor = descriptors[0] if descriptors else None
    try:
        for surplus in descriptors[1:]:
            os.close(surplus)
        if not data and descriptor is None:
            return None
        data = _receive_at_least(connection, data, _LENGTHS.size, until)
        json_bytes, body_bytes = _LENGTHS.unpack_from(data)
        if json_bytes > MAX_JSON_BYTES or body_bytes > MAX_BODY_BYTES:
            raise BadMessage("it is too large")
        size = _LENGTHS.size + json_bytes + body_bytes
        data = _receive_at_least(connection, data, size, until)
        if len(data) > size:
            raise BadMessage("more follows it")
        body_at = _LENGTHS.size + json_bytes
        fields = _parse_object(data[_LENGTHS.size : body_at])
    except BaseException:
        if descriptor is not None:
            os.close(descriptor)
        raise
    return Message(fields, data[body_at:], descriptor)


def _parse_object(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    # RecursionError: for deeply nested brackets.
    except (ValueError, RecursionError) as error:
        raise BadMessage("it is not JSON") from error
    if not isinstance(fields, dict):
        raise BadMessage("it is not a JSON object")
    return fields


def _receive_at_least(
    connection: socket.socket, data: bytes, size: int, until: float | None
) -> bytes:
    """Return `data` and what follows, at least `size` bytes."""
    parts, have = [data], len(data)
    while have < size:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
        part = connection.recv(min(size - have, _READ_BYTES))
        if not part:
            raise BadMessage("it ends early")
        parts.append(part)
        have += len(part)
    return b"".join(parts) if len(parts) > 1 else data
