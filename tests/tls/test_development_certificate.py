# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Development certificate: created once, renewed in time, private."""

import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from msrv.tls.certificate_files import CertificateError, expires_at
from msrv.tls.development_certificate import load_or_create, local_names

NOW = datetime.now(UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certs"


def test_keys_are_readable_only_by_their_owner(folder: Path) -> None:
    load_or_create(folder, NOW)
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()
    }
    assert modes == {
        "ca.crt": 0o644,
        "ca.key": 0o600,
        "localhost.crt": 0o644,
        "localhost.key": 0o600,
    }


def test_valid_certificate_is_reused(folder: Path) -> None:
    pair = load_or_create(folder, NOW)
    before = pair.cert.read_bytes()
    assert load_or_create(folder, NOW).cert.read_bytes() == before


def test_renewal_keeps_the_ca(folder: Path) -> None:
    pair = load_or_create(folder, NOW)
    assert pair.ca
    leaf, ca = pair.cert.read_bytes(), pair.ca.read_bytes()
    almost = expires_at(pair.cert) - timedelta(days=29)
    load_or_create(folder, almost)
    assert pair.cert.read_bytes() != leaf
    assert pair.ca.read_bytes() == ca
    assert expires_at(pair.cert) > almost + timedelta(days=300)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "localhost.crt").write_text("nonsense"),
        lambda folder: (folder / "localhost.key").unlink(),
        lambda folder: (folder / "ca.crt").unlink(),
        lambda folder: (folder / "ca.key").write_text("nonsense"),
    ],
)
def test_corrupt_file_is_replaced(folder: Path, spoil: object) -> None:
    pair = load_or_create(folder, NOW)
    assert callable(spoil)
    spoil(folder)
    pair = load_or_create(folder, NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    assert pair.ca
    x509.load_pem_x509_certificate(
        pair.cert.read_bytes()
    ).verify_directly_issued_by(
        x509.load_pem_x509_certificate(pair.ca.read_bytes())
    )


def test_certificate_has_the_local_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    pair = load_or_create(folder, NOW)
    leaf = x509.load_pem_x509_certificate(pair.cert.read_bytes())
    names = leaf.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value
    assert names.get_values_for_type(x509.DNSName) == [
        "localhost",
        "laptop",
        "laptop.local",
    ]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == [
        "127.0.0.1",
        "::1",
    ]


@pytest.mark.parametrize(
    "host",
    [
        "my_host",
        "ab--cd",
        "x-",
        "-x",
        "a b",
        "a@b",
        "*.example",
        "a..b",
        "laptop.",
        "a" * 63,
        "a" * 64,
        "büro",
        "xn--zzzzzzz",
        "a\udcff",
        "203.0.113.5",
        "fe80::1",
        "fe80::1%eth0",
        "10.0.0.0/8",
        "999.1",
    ],
)
def test_machine_with_any_name_has_a_certificate_that_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """The kernel allows names that no certificate can state."""
    monkeypatch.setattr("socket.gethostname", lambda: host)
    pair = load_or_create(folder, NOW)
    assert pair.ca
    for name in ("localhost", "127.0.0.1", "::1"):
        handshake(pair.cert, pair.key, pair.ca, name)
    before = pair.cert.read_bytes()
    assert load_or_create(folder, NOW).cert.read_bytes() == before


def test_renamed_machine_gets_a_new_leaf(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_or_create(folder, NOW).cert.read_bytes()
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    assert load_or_create(folder, NOW).cert.read_bytes() != first


def test_unusable_folder_raises_certificate_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(
        CertificateError, match="can't create a certificate in"
    ):
        load_or_create(file / "certs", NOW)


def chain_for(name: str, folder: Path) -> tuple[Path, Path, Path]:
    """Return a certificate for a name by the stored CA, its key, the CA."""
    ca = trustme.CA.from_pem(
        (folder / "ca.crt").read_bytes(), (folder / "ca.key").read_bytes()
    )
    leaf = ca.issue_cert(name)
    cert, key = folder / "other.crt", folder / "other.key"
    leaf.cert_chain_pems[0].write_to_path(cert)
    leaf.private_key_pem.write_to_path(key)
    return cert, key, folder / "ca.crt"


def handshake(cert: Path, key: Path, ca: Path, name: str) -> None:
    """Handshake in memory as a client that trusts the CA. Raises SSLError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    client = ssl.create_default_context(cafile=ca)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert one.version()


def test_ca_cannot_certify_another_site(folder: Path) -> None:
    """Users are asked to trust the CA: its names are constrained."""
    pair = load_or_create(folder, NOW)
    assert pair.ca
    for name in ("localhost", "127.0.0.1"):
        handshake(pair.cert, pair.key, pair.ca, name)
    for name in ("bank.example", "203.0.113.5"):
        with pytest.raises(ssl.SSLCertVerificationError, match="subtree"):
            handshake(*chain_for(name, folder), name)


def test_ca_without_constraints_is_replaced(folder: Path) -> None:
    folder.mkdir()
    ca = trustme.CA()
    (folder / "ca.crt").write_bytes(ca.cert_pem.bytes())
    (folder / "ca.key").write_bytes(ca.private_key_pem.bytes())
    leaf = ca.issue_cert(*local_names())
    leaf.cert_chain_pems[0].write_to_path(folder / "localhost.crt")
    leaf.private_key_pem.write_to_path(folder / "localhost.key")
    load_or_create(folder, NOW)
    assert (folder / "ca.crt").read_bytes() != ca.cert_pem.bytes()
