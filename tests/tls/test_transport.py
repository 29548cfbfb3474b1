"""TLS on the socket behaves as asyncio's own would, whatever a peer does."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from msrv.connections.admission import Admission, ConnectionLimits, Slot
from msrv.tls import transport as transport_room
from msrv.tls.certificates import CertificateError, CertificateFiles
from msrv.tls.openssl import OpenSSLServer
from msrv.tls.protocol import create_tls_server
from msrv.tls.records import MAX_BYTES
from msrv.tls.transport import TLSTransport

LARGE = bytes(range(256)) * 100_000


class Recorder(asyncio.Protocol):
    """Remembers what happened to one connection."""

    def __init__(self) -> None:
        self.transport: TLSTransport | None = None
        self.got = b""
        self.paused = 0
        self.lost: asyncio.Future[Exception | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.heard = asyncio.Event()
        self.ready = asyncio.Event()
        self.resumed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, TLSTransport)
        self.transport = transport
        self.ready.set()

    def data_received(self, data: bytes) -> None:
        self.got += data
        self.heard.set()

    def pause_writing(self) -> None:
        self.paused += 1

    def resume_writing(self) -> None:
        self.paused -= 1
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Door:
    """A listener, and who came in."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost")
        self.pair = CertificateFiles(folder / "crt", folder / "key", None)
        issued.cert_chain_pems[0].write_to_path(self.pair.cert)
        issued.private_key_pem.write_to_path(self.pair.key)
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        self.engine = OpenSSLServer(self.pair)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.guests: asyncio.Queue[Recorder] = asyncio.Queue()

    def made(self, slot: Slot) -> Recorder:  # noqa: ARG002
        recorder = Recorder()
        self.guests.put_nowait(recorder)
        return recorder

    async def visit(
        self,
    ) -> tuple[Recorder, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trust, server_hostname="localhost"
        )
        recorder = await self.guests.get()
        await recorder.ready.wait()
        return recorder, reader, writer

    async def in_thread(
        self, visit: Callable[[ssl.SSLSocket], object]
    ) -> object:
        """Visit with a blocking socket, which can do what asyncio's can't."""

        def call() -> object:
            plain = socket.create_connection(("127.0.0.1", self.port), 10)
            with self.trust.wrap_socket(
                plain, server_hostname="localhost"
            ) as secure:
                return visit(secure)

        return await asyncio.wait_for(asyncio.to_thread(call), 20)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A listener on loopback."""
    door = Door(tmp_path)
    admission = Admission(ConnectionLimits(total=100, per_network=100))
    listener = door.engine.listen(door.listening, door.made, admission)
    yield door
    listener.close()


async def test_bytes_go_both_ways(door: Door) -> None:
    """Nothing works."""
    recorder, reader, writer = await door.visit()
    assert recorder.transport
    assert recorder.transport.get_extra_info("peername")[0] == "127.0.0.1"
    writer.write(LARGE)
    recorder.transport.write(LARGE)
    assert await reader.readexactly(len(LARGE)) == LARGE
    while len(recorder.got) < len(LARGE):
        recorder.heard.clear()
        await recorder.heard.wait()
    assert recorder.got == LARGE
    recorder.transport.close()
    assert await reader.read() == b""
    assert await recorder.lost is None
    writer.close()


async def test_what_the_socket_does_not_take_waits_in_order(
    door: Door,
) -> None:
    """A slow buyer's file has holes, or its end is lost at the close."""
    recorder, reader, writer = await door.visit()
    assert recorder.transport
    for at in range(0, len(LARGE), 1_000_000):
        recorder.transport.write(memoryview(LARGE)[at : at + 1_000_000])
    assert recorder.paused == 1
    assert recorder.transport.get_write_buffer_size() > 0
    recorder.transport.write(b"the end")
    recorder.transport.close()
    recorder.transport.write(b"too late")
    assert recorder.transport.is_closing()
    assert not recorder.lost.done()
    assert await reader.read() == LARGE + b"the end"
    assert await recorder.lost is None
    writer.close()


async def test_two_who_are_slow_get_each_their_own(door: Door) -> None:
    """One buyer's bytes end up with another: they share memory to encrypt."""
    sizes = [
        size + more
        for size in (1, 8 << 10, 16 << 10, 64 << 10, MAX_BYTES, 1 << 20)
        for more in (0, 1)
    ]
    visits = [await door.visit() for _ in range(2)]
    for size in sizes:
        for mark, (recorder, _, _) in zip(b"ab", visits, strict=True):
            assert recorder.transport
            recorder.transport.write(bytes([mark]) * size)
    for mark, (_, reader, writer) in zip(b"ab", visits, strict=True):
        got = await reader.readexactly(sum(sizes))
        assert got.count(mark) == len(got)
        writer.close()


async def test_who_keeps_up_is_written_to_again(door: Door) -> None:
    """A download stops for ever after its first pause."""
    recorder, reader, writer = await door.visit()
    assert recorder.transport
    recorder.transport.write(LARGE)
    assert recorder.paused == 1
    await reader.readexactly(len(LARGE))
    await recorder.resumed.wait()
    assert recorder.paused == 0
    assert recorder.transport.get_write_buffer_size() == 0
    writer.close()


async def test_a_peer_that_vanishes_while_it_is_written_to(
    door: Door,
) -> None:
    """A buyer who closes the lid keeps a transfer and its file open."""
    recorder, _, writer = await door.visit()
    assert recorder.transport
    recorder.transport.write(LARGE)
    writer.transport.abort()
    await asyncio.wait_for(recorder.lost, 60)
    assert recorder.transport.get_write_buffer_size() == 0
    recorder.transport.write(b"for nobody")
    recorder.transport.abort()


async def test_a_half_closed_peer_gets_what_was_written(door: Door) -> None:
    """Who says goodbye early loses the end of the answer."""

    def visit(secure: ssl.SSLSocket) -> int:
        secure.sendall(b"GET")
        written.wait(10)
        # close_notify now; what comes after it is still read.
        secure.settimeout(0)
        with suppress(ssl.SSLError):
            secure.unwrap()
        count = 0
        with socket.socket(fileno=secure.detach()) as plain:
            plain.settimeout(10)
            while chunk := plain.recv(1 << 16):
                count += len(chunk)
        return count

    written = threading.Event()
    task = asyncio.ensure_future(door.in_thread(visit))
    recorder = await door.guests.get()
    await recorder.heard.wait()
    assert recorder.transport
    recorder.transport.write(LARGE)
    written.set()
    count = await task
    assert isinstance(count, int)
    assert count > len(LARGE)
    assert await recorder.lost is None


async def test_a_peer_without_goodbye_is_not_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each visitor's connection stays open for a while for nothing."""
    monkeypatch.setattr(transport_room, "CLOSE_NOTIFY_SECONDS", 0.1)
    recorder, reader, writer = await door.visit()
    assert recorder.transport
    accepted = recorder.transport.get_extra_info("socket")
    # asyncio answers a close_notify, so it must not see one.
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    recorder.transport.close()
    await recorder.lost
    async with asyncio.timeout(60):
        while accepted.fileno() >= 0:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    writer.transport.abort()
    del reader


async def test_who_does_not_shake_hands_is_shown_out(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent strangers take up the connections."""
    monkeypatch.setattr(transport_room, "HANDSHAKE_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    assert door.guests.empty()


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 99]
)
async def test_noise_ends_the_connection_in_peace(
    door: Door, noise: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A scanner fills the log, or stops the listener."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(noise)
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 60)
    writer.close()
    assert not caplog.records
    _, _, visitor = await door.visit()
    visitor.close()


async def test_reading_can_rest(door: Door) -> None:
    """Who sends faster than is read fills the memory."""
    recorder, _, writer = await door.visit()
    assert recorder.transport
    recorder.transport.pause_reading()
    assert not recorder.transport.is_reading()
    writer.write(b"x" * 40_000)
    await asyncio.sleep(0.05)
    assert recorder.got == b""
    recorder.transport.resume_reading()
    while len(recorder.got) < 40_000:
        recorder.heard.clear()
        await recorder.heard.wait()
    writer.close()
    await recorder.lost


@pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
)
async def test_both_versions_choose_http(
    door: Door, version: ssl.TLSVersion
) -> None:
    """A browser that offers HTTP/2 gets no answer that it can read."""
    door.trust.minimum_version = door.trust.maximum_version = version
    door.trust.set_alpn_protocols(["h2", "http/1.1"])

    def visit(secure: ssl.SSLSocket) -> tuple[str | None, str | None]:
        return secure.version(), secure.selected_alpn_protocol()

    assert await door.in_thread(visit) == (
        version.name.replace("v1_", "v1."),
        "http/1.1",
    )
    recorder = await door.guests.get()
    await recorder.lost


async def test_a_renewed_certificate_is_for_who_comes_next(
    door: Door, tmp_path: Path
) -> None:
    """A store has to be restarted for each certificate."""
    (tmp_path / "new").mkdir()
    other = Door(tmp_path / "new")
    other.listening.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            "127.0.0.1",
            door.port,
            ssl=other.trust,
            server_hostname="localhost",
        )
    door.engine.load_certificate(other.pair)
    door.trust = other.trust
    _, _, writer = await door.visit()
    writer.close()
    other.pair.key.write_text("no key", encoding="utf-8")
    with pytest.raises(CertificateError):
        door.engine.load_certificate(other.pair)
    _, _, writer = await door.visit()
    writer.close()


async def test_it_is_chosen_where_it_can_be_had(door: Door) -> None:
    """The faster one is there, and nobody uses it."""
    assert isinstance(create_tls_server(door.pair), OpenSSLServer)
