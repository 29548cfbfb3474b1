"""Messages between the store and what parses for it, over a socket.

A frame is two lengths (4 bytes each, big-endian), a JSON object, and bytes;
the first byte may carry an open file (SCM_RIGHTS). Lengths are bounded before
anything is read, and nothing but JSON is decoded: the other side may have
been taken over by a file.
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
    """The data received is no frame, or is larger than the limit."""


class Message(NamedTuple):
    """One message. Who receives `descriptor` closes it."""

    fields: dict[str, Any]
    body: bytes = b""
    descriptor: int | None = None


def send_message(connection: socket.socket, frame: Message) -> None:
    """Send a frame. Raises OSError."""
    said = json.dumps(frame.fields).encode("ascii")
    data = _LENGTHS.pack(len(said), len(frame.body)) + said + frame.body
    if frame.descriptor is None:
        connection.sendall(data)
        return
    sent = socket.send_fds(connection, [data], [frame.descriptor])
    if sent < len(data):
        connection.sendall(data[sent:])


def receive_message(
    connection: socket.socket,
    timeout_seconds: float | None = None,
    *,
    may_carry_file: bool = False,
) -> Message | None:
    """Receive a frame; None where the other side has closed before one.

    The other side sends no more than one before it is answered. The time-out
    is for the whole frame. A file that comes with it is closed by the kernel
    unless `may_carry_file`. Raises BadFrame, TimeoutError, and OSError.
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
        said_bytes, body_bytes = _LENGTHS.unpack_from(data)
        if said_bytes > MAX_JSON_BYTES or body_bytes > MAX_BODY_BYTES:
            raise BadMessage("it is too large")
        size = _LENGTHS.size + said_bytes + body_bytes
        data = _receive_at_least(connection, data, size, until)
        if len(data) > size:
            raise BadMessage("more follows it")
        body_at = _LENGTHS.size + said_bytes
        fields = _parse_object(data[_LENGTHS.size : body_at])
    except BaseException:
        if descriptor is not None:
            os.close(descriptor)
        raise
    return Message(fields, data[body_at:], descriptor)


def _parse_object(said: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(said)
    # RecursionError: of brackets alone.
    except (ValueError, RecursionError) as error:
        raise BadMessage("it is no JSON") from error
    if not isinstance(fields, dict):
        raise BadMessage("it is no JSON object")
    return fields


def _receive_at_least(
    connection: socket.socket, data: bytes, size: int, until: float | None
) -> bytes:
    """Receive until there are `size` bytes at least."""
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
