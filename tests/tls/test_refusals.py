# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refusals of both TLS servers: names, protocols and sessions."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from msrv.tls import certificate_files
from msrv.tls.certificate_files import CertificateError, CertificateFiles
from msrv.tls.openssl import OpenSSLServer
from msrv.tls.stdlib import StdlibServer
from tests.tls.listeners import HELLO, certificate_for, listening

OPENSSL = shutil.which("openssl")
NAMES = ("shop.example", "localhost")


@pytest.fixture(params=[OpenSSLServer, StdlibServer])
async def served(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """Return a listener's port, for NAMES and public.example, and its CA."""
    pair, trust = certificate_for(tmp_path, *NAMES)
    with listening(request.param(pair, ["public.example"])) as port:
        yield port, trust


NO_FILE = "No such file or directory"
NO_CERTIFICATE = "it has no certificate in PEM"
NO_KEY = "it has no private key in PEM"


@pytest.fixture
def spoiled(tmp_path: Path) -> CertificateFiles:
    """A pair of files, to be spoiled."""
    return certificate_for(tmp_path, "localhost")[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, NO_FILE),
        ("", NO_CERTIFICATE),
        ("words", NO_CERTIFICATE),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            NO_CERTIFICATE,
        ),
    ],
)
@pytest.mark.parametrize(
    "load",
    [
        lambda pair: certificate_files.expires_at(pair.cert),
        OpenSSLServer,
        StdlibServer,
    ],
)
def test_certificate_that_cannot_be_read_is_named_once(
    spoiled: CertificateFiles,
    content: str | None,
    reason: str,
    load: Callable[[CertificateFiles], object],
) -> None:
    write(spoiled.cert, content)
    with pytest.raises(CertificateError) as caught:
        load(spoiled)
    assert str(caught.value) == f"can't read {spoiled.cert}: {reason}"


@pytest.mark.parametrize("server", [OpenSSLServer, StdlibServer])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, NO_FILE),
        ("words", NO_KEY),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            NO_KEY,
        ),
    ],
)
def test_key_that_cannot_be_read_is_named_once(
    spoiled: CertificateFiles,
    content: str | None,
    reason: str,
    server: Callable[[CertificateFiles], object],
) -> None:
    write(spoiled.key, content)
    with pytest.raises(CertificateError) as caught:
        server(spoiled)
    assert str(caught.value) == f"can't read {spoiled.key}: {reason}"


@pytest.mark.parametrize("server", [OpenSSLServer, StdlibServer])
def test_key_that_cannot_be_used_is_named_with_the_reason(
    spoiled: CertificateFiles, server: Callable[[CertificateFiles], object]
) -> None:
    key = load_pem_private_key(spoiled.key.read_bytes(), None)
    spoiled.key.write_bytes(
        key.private_bytes(
            Encoding.PEM,
            PrivateFormat.PKCS8,
            BestAvailableEncryption(b"password"),
        )
    )
    with pytest.raises(CertificateError) as caught:
        server(spoiled)
    assert str(caught.value) == (
        f"can't read {spoiled.key}: the key is encrypted; use one without a "
        "password"
    )
    other = trustme.CA().issue_cert("localhost").private_key_pem
    other.write_to_path(spoiled.key)
    with pytest.raises(CertificateError) as caught:
        server(spoiled)
    assert str(caught.value) == (
        f"can't use {spoiled.cert} with {spoiled.key}: the key is that of "
        "another certificate"
    )


def write(path: Path, content: str | None) -> None:
    """Replace a file, or remove it."""
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="ascii")


async def greet(
    port: int, trust: ssl.SSLContext, name: str | None
) -> tuple[bytes, ssl.SSLObject]:
    """Connect with a name in SNI, or without; return the greeting."""
    trust.check_hostname = False
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trust, server_hostname=name or ""
    )
    try:
        said = await asyncio.wait_for(reader.read(), 20)
        return said, writer.get_extra_info("ssl_object")
    finally:
        writer.transport.abort()


def text_of(error: BaseException) -> str:
    """Return OpenSSL's name of an error, the same for every version."""
    return str(error).lower().replace("_", " ")


@pytest.mark.parametrize(
    "name", [*NAMES, "SHOP.example", "public.example", "127.0.0.1", None]
)
async def test_known_name_or_none_is_served(
    served: tuple[int, ssl.SSLContext], name: str | None
) -> None:
    said, _ = await greet(*served, name)
    assert said == HELLO


@pytest.mark.parametrize("name", ["other.example", "example", "a.localhost"])
async def test_unknown_name_is_refused(
    served: tuple[int, ssl.SSLContext], name: str
) -> None:
    # asyncio's own TLS closes before its alert has left.
    with pytest.raises((ssl.SSLError, ConnectionError)) as caught:
        await greet(*served, name)
    if isinstance(caught.value, ssl.SSLError):
        assert "unrecognized name" in text_of(caught.value)


async def test_unknown_name_gets_an_unrecognized_name_alert(
    tmp_path: Path,
) -> None:
    pair, trust = certificate_for(tmp_path, *NAMES)
    with listening(OpenSSLServer(pair)) as port:
        for _ in range(3):
            with pytest.raises(ssl.SSLError) as caught:
                await greet(port, trust, "other.example")
            assert "unrecognized name" in text_of(caught.value)
        said, _ = await greet(port, trust, "localhost")
        assert said == HELLO


async def test_unknown_protocol_gets_a_no_application_protocol_alert(
    tmp_path: Path,
) -> None:
    pair, trust = certificate_for(tmp_path, "localhost")
    with listening(OpenSSLServer(pair)) as port:
        for offered in (["h2"], ["smtp", "imap"]):
            trust.set_alpn_protocols(offered)
            with pytest.raises(ssl.SSLError) as caught:
                await greet(port, trust, "localhost")
            assert "no application protocol" in text_of(caught.value)
            trust.set_alpn_protocols([*offered, "http/1.1"])
            said, tls = await greet(port, trust, "localhost")
            assert said == HELLO
            assert tls.selected_alpn_protocol() == "http/1.1"


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
async def test_no_session_tickets_in_tls_1_2(
    served: tuple[int, ssl.SSLContext],
) -> None:
    """A ticket's key could decrypt all that was ever sent under TLS 1.2."""
    said = await s_client(served[0], "-tls1_2")
    assert b"BEGIN CERTIFICATE" in said
    assert b"TLS session ticket" not in said


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_no_session_is_resumed(tmp_path: Path, version: str) -> None:
    pair, _ = certificate_for(tmp_path, "localhost")
    with listening(OpenSSLServer(pair)) as port:
        kept = tmp_path / "session"
        first = await s_client(port, version, "-sess_out", str(kept))
        assert b"New, TLS" in first
        if await asyncio.to_thread(kept.exists):
            second = await s_client(port, version, "-sess_in", str(kept))
            assert b"New, TLS" in second
            assert b"Reused" not in second


async def s_client(port: int, *options: str) -> bytes:
    """Connect with OpenSSL's own client; return its output."""
    asked = await asyncio.create_subprocess_exec(
        str(OPENSSL),
        "s_client",
        *options,
        "-connect",
        f"127.0.0.1:{port}",
        "-servername",
        "localhost",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await asyncio.wait_for(asked.communicate(), 30)
    return said
