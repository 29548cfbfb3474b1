"""One TLS connection as an asyncio transport.

asyncio's own TLS sends little at a time and looks at each piece many times.
Here a whole buffer is encrypted at once, and leaves in one call to the kernel:
a call, a packet and a wake-up for each record, as when OpenSSL writes to the
socket itself, costs more than the copy between. What the socket doesn't take
yet waits encrypted, so that the buffer is free at once.

States: a handshake; open; closing (what is left is sent, with a close_notify);
leaving (the application has been told that it's over, the peer's own goodbye
is awaited for a moment, so that no reset overtakes the last bytes); gone.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Final

from OpenSSL import SSL

from msrv.connections.admission import Slot
from msrv.tls.protocol import (
    CLOSE_NOTIFY_SECONDS,
    HANDSHAKE_SECONDS,
    ProtocolFactory,
)
from msrv.tls.records import MOST_BYTES, encrypt

FLUSH_SECONDS: Final = 60
"""How long a peer may take nothing of what is left at the end."""

_READ_BYTES: Final = 16 * 1024
_SAID_BYTES: Final = 4096
"""How much of what OpenSSL says by itself is taken at a time."""
_PIECES: Final = 64
"""How many pieces one call to the kernel takes; it allows 1,024."""
_HIGH_BYTES: Final = 64 * 1024
_UNTAKEN_BYTES: Final = 1024 * 1024
"""A peer that asks for answers of TLS's own and takes none is shown out."""

Data = bytes | bytearray | memoryview


class TLSTransport(asyncio.Transport):
    """Owns an accepted socket, and its slot, until it is closed."""

    def __init__(
        self,
        accepted: socket.socket,
        context: SSL.Context,
        protocol_factory: ProtocolFactory,
        slot: Slot,
    ) -> None:
        self._socket = accepted
        self._slot = slot
        super().__init__(
            {
                "socket": accepted,
                "sslcontext": context,
                # What is written is encrypted at once, and kept so.
                "copies": True,
                "peername": accepted.getpeername(),
                "sockname": accepted.getsockname(),
                # It is released here, and not where the application is told.
                "slot": slot,
            }
        )
        self._loop = asyncio.get_running_loop()
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._factory = protocol_factory
        self._protocol: asyncio.Protocol | None = None
        self._left: deque[bytes | memoryview] = deque()
        self._left_bytes = 0
        self._high_bytes, self._low_bytes = _HIGH_BYTES, _HIGH_BYTES // 4
        self._writing_paused = False
        self._reading_paused = False
        self._waits_to_write = False
        self._closing = False
        self._leaving = False
        self._gone = False
        self._deadline = self._loop.call_later(HANDSHAKE_SECONDS, self.abort)
        self._loop.add_reader(accepted, self._readable)
        slot.set_abort(self.abort)

    # --- the application's side

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
            self._loop.add_reader(self._socket, self._readable)
            # OpenSSL may hold more, of which no socket will tell.
            self._loop.call_soon(self._advance)

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        self._high_bytes = _HIGH_BYTES if high is None else high
        self._low_bytes = self._high_bytes // 4 if low is None else low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low_bytes, self._high_bytes

    def get_write_buffer_size(self) -> int:
        return self._left_bytes

    def write(self, data: Data) -> None:
        if self._closing or not data:
            return
        view = memoryview(data)
        for at in range(0, len(view), MOST_BYTES):
            try:
                records = encrypt(self._tls, view[at : at + MOST_BYTES])
            except SSL.Error as error:
                self._end(error)
                return
            self._send(records)
            if self._gone:
                return
        self._go_on()
        if self._left_bytes > self._high_bytes and not self._writing_paused:
            self._writing_paused = True
            self.get_protocol().pause_writing()

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        for data in list_of_data:
            self.write(data)

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._deadline.cancel()
        if self._protocol is None:
            self._end(None)
            return
        with suppress(SSL.Error):
            self._tls.shutdown()
        self._collect()
        self._deadline = self._loop.call_later(FLUSH_SECONDS, self.abort)
        self._push()

    def abort(self) -> None:
        self._end(None)

    # --- the socket's side

    def _readable(self) -> None:
        if self._gone:
            return
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end(None)
            return
        if not data:
            self._end(None)
            return
        self._tls.bio_write(data)
        self._advance()

    def _advance(self) -> None:
        """Let OpenSSL go on with what has come in."""
        if self._gone:
            return
        try:
            if self._protocol is None:
                self._shake_hands()
            while not self._reading_paused and not self._gone:
                data = self._tls.recv(_READ_BYTES)
                if self._protocol is not None and not self._closing:
                    self._protocol.data_received(data)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._taken_leave_of()
        except SSL.Error as error:
            self._collect()
            self._push()  # the alert that says why
            self._end(error)
        if self._collect():
            self._push()
            if self._left_bytes > _UNTAKEN_BYTES:
                self._end(None)

    def _taken_leave_of(self) -> None:
        """Take the peer's goodbye."""
        if self._leaving:
            self._end(None)
        elif not self._closing:
            # A half-closed connection is one that is over, as everywhere in
            # asyncio; what was written still goes out.
            if self._protocol is not None:
                self._protocol.eof_received()
            self.close()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._deadline.cancel()
        protocol = self._factory(self._slot)
        self.set_protocol(protocol)
        protocol.connection_made(self)

    def _collect(self) -> bool:
        """Take what OpenSSL says by itself; whether that was anything."""
        if self._gone:
            return False
        collected = False
        with suppress(SSL.WantReadError):
            while True:
                self._keep(self._tls.bio_read(_SAID_BYTES))
                collected = True
        return collected

    def _keep(self, records: bytes) -> None:
        self._left.append(records)
        self._left_bytes += len(records)

    def _send(self, records: memoryview) -> None:
        """Send records, after what is left; keep what the socket leaves."""
        sent = 0
        if not self._left:
            try:
                sent = self._socket.send(records)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._end(error)
        if sent < len(records) and not self._gone:
            self._keep(bytes(records[sent:]))

    def _push(self) -> None:
        """Send what is left, as far as the socket takes it."""
        if not self._waits_to_write:
            self._send_all()
            self._go_on()

    def _go_on(self) -> None:
        """Wait for the socket where something is left; or it may be over."""
        if self._waits_to_write:
            return
        if self._left and not self._gone:
            self._waits_to_write = True
            self._loop.add_writer(self._socket, self._writable)
        elif self._closing:
            self._say_goodbye()

    def _writable(self) -> None:
        left_bytes = self._left_bytes
        self._send_all()
        if self._gone:
            return
        if self._closing and self._left_bytes < left_bytes:
            self._deadline.cancel()
            self._deadline = self._loop.call_later(FLUSH_SECONDS, self.abort)
        if not self._left:
            self._waits_to_write = False
            self._loop.remove_writer(self._socket)
        if self._writing_paused and self._left_bytes <= self._low_bytes:
            self._writing_paused = False
            self.get_protocol().resume_writing()
        if self._closing and not self._left:
            self._say_goodbye()

    def _send_all(self) -> None:
        try:
            while self._left:
                self._drop(self._socket.sendmsg(islice(self._left, _PIECES)))
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._end(error)

    def _drop(self, count: int) -> None:
        """Forget bytes that the socket has taken."""
        self._left_bytes -= count
        while count:
            first = self._left.popleft()
            if count < len(first):
                self._left.appendleft(memoryview(first)[count:])
                return
            count -= len(first)

    # --- the end

    def _say_goodbye(self) -> None:
        """End the sending side; all that was to be said has left."""
        if self._leaving or self._gone:
            return
        self._leaving = True
        self._deadline.cancel()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._tell(None)
        self._slot.mark_closing()
        if self._reading_paused:
            self._reading_paused = False
            self._loop.add_reader(self._socket, self._readable)
        self._deadline = self._loop.call_later(
            CLOSE_NOTIFY_SECONDS, self.abort
        )

    def _end(self, error: Exception | None) -> None:
        if self._gone:
            return
        self._gone = self._closing = True
        self._deadline.cancel()
        self._left.clear()
        self._left_bytes = 0
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if not self._leaving:
            self._tell(error)
        self._loop.call_soon(self._close)

    def _close(self) -> None:
        self._socket.close()
        self._slot.release()

    def _tell(self, error: Exception | None) -> None:
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error)
