# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate of MSRV_DOMAIN at the start: issued, or a placeholder."""

import asyncio
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from msrv import settings as all_settings
from msrv.acme.pem import create_placeholder
from msrv.acme.state import StateFolder, load_certificate
from msrv.server import certificates
from msrv.server.certificates import CertificateReload
from msrv.settings import Settings
from msrv.tls import development_certificate
from msrv.tls.certificate_files import CertificateError, CertificateFiles
from msrv.tls.protocol import TLSServer

NAME = "shop.example"


@pytest.fixture
def domain(tmp_path: Path) -> Settings:
    """Settings with a domain, and an empty data folder."""
    return all_settings.load(
        {"MSRV_DOMAIN": NAME, "MSRV_DATA": str(tmp_path / "data")}
    )


def issue(settings: Settings, name: str, days: int) -> StateFolder:
    """Write a certificate that expires in some days."""
    state = StateFolder(settings.data)
    state.create()
    at = datetime.now(UTC) + timedelta(days=days - 365)
    state.save_certificate(create_placeholder((name,), at))
    return state


def test_placeholder_is_created_once(domain: Settings) -> None:
    """Replicas that start together share it."""
    found = certificates.find(domain)
    assert found is not None
    assert found.cert == found.key == StateFolder(domain.data).placeholder
    before = found.cert.read_bytes()
    assert certificates.find(domain) == found
    assert found.cert.read_bytes() == before
    assert found.cert.stat().st_mode & 0o777 == 0o600


def test_placeholder_of_other_names_is_replaced(domain: Settings) -> None:
    certificates.find(domain)
    other = domain.model_copy(update={"domain": ("new.example",)})
    found = certificates.find(other)
    assert found is not None
    loaded = load_certificate(found.cert)
    assert loaded is not None
    assert loaded.names == {"new.example"}


@pytest.mark.parametrize("days", [60, -1])
def test_issued_certificate_is_served_even_expired(
    domain: Settings, days: int, caplog: pytest.LogCaptureFixture
) -> None:
    state = issue(domain, NAME, days)
    found = certificates.find(domain)
    assert found is not None
    assert found.cert == state.certificate
    errors = [e for e in caplog.records if e.levelno >= logging.ERROR]
    assert bool(errors) == (days < 0)


def test_certificate_of_other_names_is_not_served(domain: Settings) -> None:
    state = issue(domain, "old.example", 60)
    found = certificates.find(domain)
    assert found is not None
    assert found.cert == state.placeholder


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_damaged_certificate_is_named_and_not_served(
    domain: Settings, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    state = StateFolder(domain.data)
    state.create()
    state.certificate.write_bytes(content)
    found = certificates.find(domain)
    assert found is not None
    assert found.cert == state.placeholder
    assert str(state.certificate) in caplog.text


def test_damaged_placeholder_is_replaced(domain: Settings) -> None:
    state = StateFolder(domain.data)
    state.create()
    state.placeholder.write_bytes(b"damaged")
    certificates.find(domain)
    assert load_certificate(state.placeholder) is not None


def test_folder_that_cannot_be_used_is_one_line(domain: Settings) -> None:
    domain.data.mkdir()
    (domain.data / "acme").write_bytes(b"a file")
    with pytest.raises(CertificateError, match="can't create a certificate"):
        certificates.find(domain)


class RecordingServer:
    """Server that keeps which certificates it loads."""

    def __init__(self) -> None:
        self.loaded: list[CertificateFiles] = []

    def load_certificate(self, certificate: CertificateFiles) -> None:
        self.loaded.append(certificate)


def test_certificate_of_other_names_replaces_none(
    domain: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """After a change of MSRV_DOMAIN, the placeholder stays for the moment.

    The same holds for a certificate that a replica with other settings gets.
    """
    caplog.set_level(logging.INFO)
    issue(domain, "old.example", 60)
    found = certificates.find(domain)
    assert found is not None
    server, reload = RecordingServer(), CertificateReload(domain, found)
    for name, loaded in [
        ("old.example", 0),
        (NAME, 1),
        ("other.example", 1),
        (NAME, 2),
    ]:
        issue(domain, name, 60)
        for _ in range(2):
            reload._update(cast("TLSServer", server))
        assert len(server.loaded) == loaded
        assert caplog.text.count("loaded the renewed") == loaded


class StubServer:
    """Server that fails to load a certificate a few times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.loop = asyncio.get_running_loop()
        self.loaded = asyncio.Event()

    def load_certificate(self, certificate: CertificateFiles) -> None:
        if self.failures:
            self.failures -= 1
            raise PermissionError(13, "Permission denied", certificate.key)
        self.loop.call_soon_threadsafe(self.loaded.set)


async def test_renewed_certificate_that_cannot_be_read_is_tried_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Changed rights, for example, leave the times of the files as they are.

    That it can't be loaded is logged once.
    """
    monkeypatch.setattr(certificates, "POLL_SECONDS", 0.01)
    pair = development_certificate.load_or_create(tmp_path, datetime.now(UTC))
    settings = all_settings.load(
        {"MSRV_TLS_CERT": str(pair.cert), "MSRV_TLS_KEY": str(pair.key)}
    )
    found = certificates.find(settings)
    assert found is not None
    server, reload = StubServer(failures=3), CertificateReload(settings, found)
    async with reload.running(cast("TLSServer", server)):
        os.utime(pair.cert, (0, 0))
        async with asyncio.timeout(10):
            await server.loaded.wait()
    assert caplog.text.count("can't load the renewed certificate") == 1
