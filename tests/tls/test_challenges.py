# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLS-ALPN-01 on the store's own port, while visitors come and go."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from msrv.acme.pem import create_challenge
from msrv.connections.admission import Admission
from msrv.tls import challenges
from msrv.tls.challenges import TLSChallenges
from msrv.tls.client_hello import ClientHello, parse
from msrv.tls.openssl import OpenSSLServer
from msrv.tls.stdlib import StdlibServer
from tests.polling import wait_until
from tests.tls.listeners import HELLO, ROOM, certificate_for, listening
from tests.tls.test_client_hello import hello_of

NAME = "shop.example"
ACME = "acme-tls/1"


class Served:
    """TLS server for NAME, and the folder of its challenges."""

    def __init__(self, folder: Path, port: int, trust: ssl.SSLContext) -> None:
        self.folder = folder
        self.port = port
        self.trust = trust
        self.challenges = TLSChallenges()
        self.admission = Admission(ROOM)

    def add(self, name: str = NAME) -> None:
        """Start a challenge for a name."""
        content = create_challenge(name, "token.print", datetime.now(UTC))
        (self.folder / f"{name}.pem").write_bytes(content)
        self.challenges.load(self.folder)

    async def connect(
        self, *protocols: str, name: str = NAME
    ) -> tuple[x509.Certificate, str | None, bytes]:
        """Connect; return the certificate, the protocol, and what is sent."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(list(protocols))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name
        )
        try:
            tls = writer.get_extra_info("ssl_object")
            sent = await asyncio.wait_for(reader.read(), 60)
            found = x509.load_der_x509_certificate(
                tls.getpeercert(binary_form=True)
            )
            return found, tls.selected_alpn_protocol(), sent
        finally:
            writer.transport.abort()


@pytest.fixture(params=[OpenSSLServer, StdlibServer])
async def served(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Served]:
    pair, trust = certificate_for(tmp_path, NAME)
    folder = tmp_path / "challenges"
    folder.mkdir()
    made = Served(folder, 0, trust)
    server = request.param(pair, (), made.challenges)
    with listening(server, made.admission) as made.port:
        yield made


def is_challenge(found: x509.Certificate) -> bool:
    return "ACME challenge" in found.subject.rfc4514_string()


async def test_challenge_gets_its_certificate_and_is_closed(
    served: Served,
) -> None:
    served.add()
    found, protocol, sent = await served.connect(ACME)
    assert (protocol, sent) == (ACME, b"")
    names = found.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    digest = found.extensions.get_extension_for_oid(
        x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
    )
    assert digest.critical
    assert isinstance(digest.value, x509.UnrecognizedExtension)
    # RFC 8737, section 3: SHA-256 of the key authorization.
    expected = hashlib.sha256(b"token.print").digest()
    assert digest.value.value == b"\x04\x20" + expected
    await wait_until(lambda: len(served.admission) == 0)


async def test_visitors_get_the_store_during_a_challenge(
    served: Served,
) -> None:
    served.add()
    for protocols in (("http/1.1",), ("h2", "http/1.1"), ()):
        found, _, sent = await served.connect(*protocols)
        assert sent == HELLO
        assert not is_challenge(found)


async def test_challenge_of_another_name_is_not_answered(
    served: Served,
) -> None:
    served.add("other.example")
    try:
        found, _, _ = await served.connect(ACME)
    except (ssl.SSLError, ConnectionError):
        return  # OpenSSL's server refuses the protocol
    assert not is_challenge(found)


async def test_challenge_beside_other_protocols_is_not_answered(
    served: Served,
) -> None:
    """RFC 8737, section 3: the client offers acme-tls/1 and nothing else."""
    served.add()
    found, protocol, _ = await served.connect(ACME, "http/1.1")
    assert protocol == "http/1.1"
    assert not is_challenge(found)


async def test_ended_challenge_is_not_answered(served: Served) -> None:
    served.add()
    (served.folder / f"{NAME}.pem").unlink()
    served.challenges.load(served.folder)
    try:
        found, _, _ = await served.connect(ACME)
    except (ssl.SSLError, ConnectionError):
        return
    assert not is_challenge(found)


async def test_hello_in_pieces_is_answered(served: Served) -> None:
    served.add()
    data = hello_of(NAME, ACME)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for at in range(0, len(data), 100):
        writer.write(data[at : at + 100])
        await writer.drain()
        await asyncio.sleep(0.01)
    head = await asyncio.wait_for(reader.readexactly(6), 60)
    assert (head[0], head[5]) == (22, 2)  # a ServerHello
    writer.transport.abort()
    await wait_until(lambda: len(served.admission) == 0)


async def test_bytes_that_stay_the_same_are_parsed_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor who stops within a hello costs nothing while it is awaited."""
    parsed: list[int] = []

    def count(data: bytes) -> ClientHello:
        parsed.append(len(data))
        return parse(data)

    monkeypatch.setattr(challenges, "parse", count)
    monkeypatch.setattr(challenges, "_PAUSE_SECONDS", 0.001)
    served.add()
    data = hello_of(NAME, ACME)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(data[:100])
    await wait_until(lambda: parsed == [100])
    await asyncio.sleep(0.1)
    assert parsed == [100]
    writer.write(data[100:])
    head = await asyncio.wait_for(reader.readexactly(6), 60)
    assert (head[0], head[5]) == (22, 2)  # a ServerHello
    writer.transport.abort()
    await wait_until(lambda: len(served.admission) == 0)


async def test_silent_connection_can_be_evicted_during_a_challenge(
    served: Served,
) -> None:
    served.add()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    await wait_until(lambda: len(served.admission) == 1)
    assert served.admission.shed(1) == 1
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.transport.abort()
    assert len(served.admission) == 0


async def test_plain_http_is_refused_during_a_challenge(
    served: Served,
) -> None:
    served.add()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert HELLO not in await asyncio.wait_for(reader.read(), 60)
    writer.transport.abort()
    await wait_until(lambda: len(served.admission) == 0)


def test_missing_folder_and_damaged_file_answer_nothing(
    tmp_path: Path,
) -> None:
    challenges = TLSChallenges()
    challenges.load(tmp_path / "missing")
    (tmp_path / "shop.example.pem").write_bytes(b"damaged")
    challenges.load(tmp_path)
    assert not challenges._contexts
