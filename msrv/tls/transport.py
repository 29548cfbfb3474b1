"""One TLS connection as an asyncio transport, on a real socket.

asyncio's own TLS passes every byte through two buffers in memory before the
socket sees it. Here OpenSSL reads from what it is given and writes to the
socket, and what the socket doesn't take yet stays where it is: nothing is
copied but by encryption.

States: a handshake; open; closing (what is left is sent, then a close_notify);
leaving (the application has been told that it's over, the peer's own goodbye
is awaited for a moment, so that no reset overtakes the last bytes); gone.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from OpenSSL import SSL

from msrv.tls.engine import GOODBYE_SECONDS, HANDSHAKE_SECONDS, ProtocolFactory

FLUSH_SECONDS: Final = 60
"""How long a peer may take nothing of what is left at the end."""

_RECORD_BYTES: Final = 16 * 1024
_READS: Final = 8
"""How many records are read before others have their turn."""
_HIGH_BYTES: Final = 64 * 1024
_CORK: Final[int | None] = getattr(socket, "TCP_CORK", None)

Data = bytes | bytearray | memoryview


class TLSTransport(asyncio.Transport):
    """Owns an accepted socket until it is closed."""

    def __init__(
        self,
        accepted: socket.socket,
        context: SSL.Context,
        protocol_factory: ProtocolFactory,
    ) -> None:
        self._socket = accepted
        super().__init__(
            {
                "socket": accepted,
                "sslcontext": context,
                "peername": accepted.getpeername(),
                "sockname": accepted.getsockname(),
            }
        )
        self._loop = asyncio.get_running_loop()
        self._tls = SSL.Connection(context, accepted)
        self._tls.set_accept_state()
        self._factory = protocol_factory
        self._protocol: asyncio.Protocol | None = None
        self._left: deque[Data] = deque()
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
            self._loop.call_soon(self._readable)

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
        if not self._left and self._sent(data):
            return
        self._left.append(data)
        self._left_bytes += len(data)
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
        if self._left:
            self._deadline = self._loop.call_later(FLUSH_SECONDS, self.abort)
        else:
            self._say_goodbye()

    def abort(self) -> None:
        self._end(None)

    # --- the socket's side

    def _readable(self) -> None:
        if self._gone:
            return
        try:
            if self._protocol is None:
                self._shake_hands()
            for _ in range(_READS):
                if self._reading_paused or self._gone:
                    return
                data = self._tls.recv(_RECORD_BYTES)
                if self._protocol is not None and not self._closing:
                    self._protocol.data_received(data)
            self._loop.call_soon(self._readable)
        except SSL.WantReadError:
            pass
        except SSL.WantWriteError:
            self._wait_to_write()
        except (SSL.ZeroReturnError, SSL.SysCallError) as error:
            self._ended(error)
        except SSL.Error as error:
            self._end(error)

    def _ended(self, error: SSL.Error) -> None:
        """Take the peer's goodbye, or its going without one."""
        if self._leaving or isinstance(error, SSL.SysCallError):
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
        protocol = self._factory()
        self.set_protocol(protocol)
        protocol.connection_made(self)

    def _writable(self) -> None:
        while self._left:
            if not self._sent(self._left[0]):
                return
            if self._gone:
                return
            self._left_bytes -= len(self._left.popleft())
            if self._closing:
                self._deadline.cancel()
                self._deadline = self._loop.call_later(
                    FLUSH_SECONDS, self.abort
                )
        self._waits_to_write = False
        self._loop.remove_writer(self._socket)
        if self._writing_paused and self._left_bytes <= self._low_bytes:
            self._writing_paused = False
            self.get_protocol().resume_writing()
        if self._closing:
            self._say_goodbye()
        else:
            # Reading may have waited for the socket, too.
            self._readable()

    def _sent(self, data: Data) -> bool:
        """Whether data needs to be kept no longer."""
        try:
            if len(data) <= _RECORD_BYTES or _CORK is None:
                self._tls.send(data)
            else:
                # OpenSSL writes each record by itself: without a cork, each
                # is a packet and wakes the receiver.
                self._socket.setsockopt(socket.IPPROTO_TCP, _CORK, 1)
                self._tls.send(data)
                self._socket.setsockopt(socket.IPPROTO_TCP, _CORK, 0)
        except SSL.WantWriteError:
            self._wait_to_write()
            return False
        except (SSL.Error, OSError) as error:
            self._end(error)
        return True

    def _wait_to_write(self) -> None:
        if not self._waits_to_write:
            self._waits_to_write = True
            self._loop.add_writer(self._socket, self._writable)

    # --- the end

    def _say_goodbye(self) -> None:
        if self._leaving or self._gone:
            return
        self._leaving = True
        self._deadline.cancel()
        if self._protocol is None:
            self._end(None)
            return
        with suppress(SSL.Error, OSError):
            self._tls.shutdown()
            self._socket.shutdown(socket.SHUT_WR)
        self._tell(None)
        if self._reading_paused:
            self._reading_paused = False
            self._loop.add_reader(self._socket, self._readable)
        self._deadline = self._loop.call_later(GOODBYE_SECONDS, self.abort)

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
        self._loop.call_soon(self._socket.close)

    def _tell(self, error: Exception | None) -> None:
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error)
