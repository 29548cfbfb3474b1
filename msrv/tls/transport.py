# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS connection as an asyncio transport.

asyncio's own TLS writes small pieces and copies each several times. Here a
whole buffer is encrypted at once and sent in one system call: a call, a packet
and a wake-up for each record, as when OpenSSL writes to the socket itself,
cost more than the copy in between. Bytes that the socket doesn't accept yet
wait encrypted, so that the caller's buffer is free at once.

States: handshake; open; closing (unsent bytes are sent, then close_notify);
awaiting close_notify (the application has been notified of the end; the peer's
close_notify is awaited for a moment, so that no reset overtakes the last
bytes); closed.
"""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from OpenSSL import SSL

from msrv.connections.admission import ConnectionSlot
from msrv.connections.send_buffer import HoldingTransport
from msrv.tls.protocol import (
    CLOSE_NOTIFY_SECONDS,
    HANDSHAKE_SECONDS,
    ProtocolFactory,
)
from msrv.tls.records import (
    MAX_BYTES,
    SendQueue,
    encrypt,
    has_input,
    own_messages,
    release_memory,
)

FLUSH_SECONDS: Final = 60
"""Time without progress in sending the last bytes before an abort."""

_READ_BYTES: Final = 16 * 1024
_HIGH_WATER_BYTES: Final = 64 * 1024
_MAX_UNREAD_BYTES: Final = 1024 * 1024
"""Limit of responses of TLS itself (key updates, for example) to a peer that
doesn't read them; beyond it the connection is aborted."""

Buffer = bytes | bytearray | memoryview


class TLSTransport(HoldingTransport):
    """Owns an accepted socket and its slot until it is closed."""

    def __init__(
        self,
        accepted: socket.socket,
        context: SSL.Context,
        protocol_factory: ProtocolFactory,
        slot: ConnectionSlot,
    ) -> None:
        self._socket = accepted
        self._slot = slot
        super().__init__(
            {
                "socket": accepted,
                "sslcontext": context,
                "peername": accepted.getpeername(),
                "sockname": accepted.getsockname(),
                # Released here, not by the protocol.
                "slot": slot,
            }
        )
        self._loop = asyncio.get_running_loop()
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._factory = protocol_factory
        self._protocol: asyncio.Protocol | None = None
        self._unsent = SendQueue(accepted)
        self._high_bytes, self._low_bytes = (
            _HIGH_WATER_BYTES,
            _HIGH_WATER_BYTES // 4,
        )
        self._writing_paused = False
        self._reading_paused = False
        self._is_writer_added = False
        self._closing = False
        self._awaits_close_notify = False
        self._closed = False
        self._deadline = self._loop.call_later(HANDSHAKE_SECONDS, self.abort)
        self._loop.add_reader(accepted, self._on_readable)
        slot.set_abort(self.abort)

    # --- for the protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None  # noqa: S101 - for the type checker
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 - as above
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return not (self._closing or self._reading_paused)

    def pause_reading(self) -> None:
        if self.is_reading():
            self._reading_paused = True
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        if self._reading_paused and not self._closing:
            self._reading_paused = False
            self._loop.add_reader(self._socket, self._on_readable)
            # OpenSSL may hold more data, for which there is no socket event.
            self._loop.call_soon(self._read)

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        self._high_bytes = _HIGH_WATER_BYTES if high is None else high
        self._low_bytes = self._high_bytes // 4 if low is None else low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low_bytes, self._high_bytes

    def get_write_buffer_size(self) -> int:
        return self._unsent.size_bytes

    def write(self, data: Buffer) -> None:
        if self._closing or not data:
            return
        view = memoryview(data)
        for at in range(0, len(view), MAX_BYTES):
            try:
                records = encrypt(self._tls, view[at : at + MAX_BYTES])
            except SSL.Error as error:
                self._abort(error)
                return
            self._send(records)
            if self._closed:
                return
        self._after_write()
        if self._unsent.size_bytes > self._high_bytes:
            self._pause_writing()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        for data in list_of_data:
            self.write(data)

    def pause_until_writable(self) -> None:
        if not self._closing:
            release_memory(self._tls)
            self._add_writer()
            self._pause_writing()

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._deadline.cancel()
        if self._protocol is None:
            self._abort(None)
            return
        with suppress(SSL.Error):
            self._tls.shutdown()
        self._drain_bio()
        self._deadline = self._loop.call_later(FLUSH_SECONDS, self.abort)
        self._flush()

    def abort(self) -> None:
        self._abort(None)

    # --- socket events

    def _on_readable(self) -> None:
        if self._closed:
            return
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._abort(None)
            return
        if not data:
            self._abort(None)
            return
        self._tls.bio_write(data)
        self._read()

    def _read(self) -> None:
        """Process the bytes received: the handshake, then application data."""
        if self._closed:
            return
        try:
            if self._protocol is None:
                self._handshake()
            self._receive()
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._on_close_notify()
        except SSL.Error as error:
            self._drain_bio()
            self._flush()  # the alert with the reason
            self._abort(error)
        if self._drain_bio():
            self._flush()
            if self._unsent.size_bytes > _MAX_UNREAD_BYTES:
                self._abort(None)

    def _receive(self) -> None:
        """Pass on what was received. Raises SSL.Error."""
        while not self._reading_paused and not self._closed:
            data = self._tls.recv(_READ_BYTES)
            if self._protocol is not None and not self._closing:
                self._protocol.data_received(data)
            if not has_input(self._tls):
                break

    def _on_close_notify(self) -> None:
        """Handle the peer's close_notify."""
        if self._awaits_close_notify:
            self._abort(None)
        elif not self._closing:
            # A half-closed connection is closed, as everywhere in asyncio;
            # written bytes are still sent.
            if self._protocol is not None:
                self._protocol.eof_received()
            self.close()

    def _handshake(self) -> None:
        self._tls.do_handshake()
        self._deadline.cancel()
        protocol = self._factory(self._slot)
        self.set_protocol(protocol)
        protocol.connection_made(self)

    def _drain_bio(self) -> bool:
        """Queue OpenSSL's own messages; return whether there were any."""
        messages = b"" if self._closed else own_messages(self._tls)
        if messages:
            self._unsent.append(messages)
        return bool(messages)

    def _send(self, records: memoryview) -> None:
        """Send records after the unsent ones."""
        try:
            self._unsent.send(records)
        except OSError as error:
            self._abort(error)

    def _flush(self) -> None:
        """Send unsent bytes, as many as the socket accepts."""
        self._send_unsent()
        self._after_write()

    def _after_write(self) -> None:
        """Watch the socket if bytes are unsent; else finish if closing."""
        if self._closed:
            return
        if self._unsent.size_bytes:
            self._add_writer()
        elif self._closing:
            self._shut_down()

    def _add_writer(self) -> None:
        if not self._is_writer_added:
            self._is_writer_added = True
            self._loop.add_writer(self._socket, self._on_writable)

    def _remove_writer(self) -> None:
        if self._is_writer_added:
            self._is_writer_added = False
            self._loop.remove_writer(self._socket)

    def _pause_writing(self) -> None:
        if not self._writing_paused:
            self._writing_paused = True
            self.get_protocol().pause_writing()

    def _on_writable(self) -> None:
        left_bytes = self._unsent.size_bytes
        self._send_unsent()
        if self._closed:
            return
        if self._closing and self._unsent.size_bytes < left_bytes:
            self._deadline.cancel()
            self._deadline = self._loop.call_later(FLUSH_SECONDS, self.abort)
        if not self._unsent.size_bytes:
            self._remove_writer()
        if self._writing_paused and self._unsent.size_bytes <= self._low_bytes:
            self._writing_paused = False
            self.get_protocol().resume_writing()
        if self._closing and not self._unsent.size_bytes:
            self._shut_down()

    def _send_unsent(self) -> None:
        try:
            self._unsent.flush()
        except OSError as error:
            self._abort(error)

    # --- closing

    def _shut_down(self) -> None:
        """Shut down the sending side, after the last byte was sent."""
        if self._awaits_close_notify or self._closed:
            return
        self._awaits_close_notify = True
        self._remove_writer()
        self._deadline.cancel()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._notify_lost(None)
        self._slot.mark_closing()
        if self._reading_paused:
            self._reading_paused = False
            self._loop.add_reader(self._socket, self._on_readable)
        self._deadline = self._loop.call_later(
            CLOSE_NOTIFY_SECONDS, self.abort
        )

    def _abort(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._closed = self._closing = True
        self._deadline.cancel()
        self._unsent.clear()
        self._loop.remove_reader(self._socket)
        self._remove_writer()
        if not self._awaits_close_notify:
            self._notify_lost(error)
        self._loop.call_soon(self._close_socket)

    def _close_socket(self) -> None:
        self._socket.close()
        self._slot.release()

    def _notify_lost(self, error: Exception | None) -> None:
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error)
