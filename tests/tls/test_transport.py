# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLSTransport: behaves as asyncio's own, whatever a peer does."""

import asyncio
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from msrv.tls import servers
from msrv.tls import transport as tls_transport
from msrv.tls.certificate_files import CertificateError
from msrv.tls.openssl import OpenSSLServer
from msrv.tls.servers import create_tls_server
from msrv.tls.stdlib import StdlibServer
from tests.tls.recorded_connections import LARGE, Listener


@pytest.mark.slow
async def test_bytes_arrive_in_both_directions(listener: Listener) -> None:
    recorder, reader, writer = await listener.visit()
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


@pytest.mark.parametrize("piece_bytes", [1, 37, 1_000, 100_000])
async def test_records_arrive_however_they_are_cut(
    listener: Listener, piece_bytes: int
) -> None:
    """The last piece has the peer's close_notify, besides records."""
    parts = [
        bytes([number % 256]) * number for number in (1, 5, 900, 3, 2_000, 7)
    ]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = listener.trust.wrap_bio(
        incoming, outgoing, server_hostname="localhost"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(65536))
    for part in parts:
        tls.write(part)
    with suppress(ssl.SSLWantReadError):
        tls.unwrap()
    records = outgoing.read()
    for at in range(0, len(records), piece_bytes):
        writer.write(records[at : at + piece_bytes])
        # So that the server reads each piece by itself.
        await asyncio.sleep(0)
    recorder = await listener.guests.get()
    assert await asyncio.wait_for(recorder.lost, 20) is None
    assert recorder.got == b"".join(parts)
    writer.close()


async def test_unsent_bytes_are_sent_in_order_before_the_close(
    listener: Listener,
) -> None:
    recorder, reader, writer = await listener.visit()
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


async def test_peer_that_disconnects_while_written_to(
    listener: Listener,
) -> None:
    recorder, _, writer = await listener.visit()
    assert recorder.transport
    recorder.transport.write(LARGE)
    writer.transport.abort()
    await asyncio.wait_for(recorder.lost, 60)
    assert recorder.transport.get_write_buffer_size() == 0
    recorder.transport.write(b"for nobody")
    recorder.transport.abort()


async def test_half_closed_peer_receives_all_bytes(listener: Listener) -> None:
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
    task = asyncio.ensure_future(listener.in_thread(visit))
    recorder = await listener.guests.get()
    await recorder.heard.wait()
    assert recorder.transport
    recorder.transport.write(LARGE)
    written.set()
    count = await task
    assert isinstance(count, int)
    assert count > len(LARGE)
    assert await recorder.lost is None


async def test_missing_close_notify_times_out(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_transport, "CLOSE_NOTIFY_SECONDS", 0.1)
    recorder, reader, writer = await listener.visit()
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


async def test_handshake_times_out(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_transport, "HANDSHAKE_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()
    assert listener.guests.empty()


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 99]
)
async def test_bytes_that_are_no_tls_close_the_connection(
    listener: Listener, noise: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(noise)
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 60)
    writer.close()
    assert not caplog.records
    _, _, visitor = await listener.visit()
    visitor.close()


@pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
)
async def test_both_versions_select_http_1_1(
    listener: Listener, version: ssl.TLSVersion
) -> None:
    listener.trust.minimum_version = listener.trust.maximum_version = version
    listener.trust.set_alpn_protocols(["h2", "http/1.1"])

    def visit(secure: ssl.SSLSocket) -> tuple[str | None, str | None]:
        return secure.version(), secure.selected_alpn_protocol()

    assert await listener.in_thread(visit) == (
        version.name.replace("v1_", "v1."),
        "http/1.1",
    )
    recorder = await listener.guests.get()
    await recorder.lost


async def test_renewed_certificate_is_used_for_new_connections(
    listener: Listener, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    other = Listener(tmp_path / "new")
    other.listening.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            "127.0.0.1",
            listener.port,
            ssl=other.trust,
            server_hostname="localhost",
        )
    listener.tls_server.load_certificate(other.pair)
    listener.trust = other.trust
    _, _, writer = await listener.visit()
    writer.close()
    other.pair.key.write_text("no key", encoding="utf-8")
    with pytest.raises(CertificateError):
        listener.tls_server.load_certificate(other.pair)
    _, _, writer = await listener.visit()
    writer.close()


async def test_openssl_server_is_chosen_where_available(
    listener: Listener,
) -> None:
    assert isinstance(create_tls_server(listener.pair), OpenSSLServer)


async def test_stdlib_server_is_the_fallback_without_pyopenssl(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "find_spec", lambda _: None)
    assert isinstance(create_tls_server(listener.pair), StdlibServer)
