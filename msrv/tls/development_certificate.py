# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Development certificate: a CA and a leaf for this machine, by trustme.

The CA is kept with its key, so that a renewed leaf needs no new trust. It can
certify this machine's own names only (RFC 5280, section 4.2.1.10), so that a
stolen key can't impersonate any other site. All of it is in one folder that
git ignores; keys have mode 0600.
"""

import socket
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

import idna

from msrv.display_text import reason_of
from msrv.files import write_file
from msrv.tls.certificate_files import CertificateError, CertificateFiles

if TYPE_CHECKING:
    import trustme
    from cryptography import x509

LEAF_LIFETIME: Final = timedelta(days=397)
"""Apple's limit for a certificate that its systems accept is 398 days.

https://support.apple.com/en-us/102028
"""
RENEW_BEFORE: Final = timedelta(days=30)
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")


def load_or_create(folder: Path, now: datetime) -> CertificateFiles:
    """Return the certificate in `folder`, created or renewed if due.

    `now` is aware. Raises CertificateError where the folder can't be used.
    """
    certificate = CertificateFiles(
        folder / "localhost.crt", folder / "localhost.key", folder / "ca.crt"
    )
    try:
        if not _is_valid(certificate, now):
            folder.mkdir(parents=True, exist_ok=True)
            _create(certificate, folder / "ca.key", now)
    except OSError as error:
        raise CertificateError(
            f"can't create a certificate in {folder}: {reason_of(error)}"
        ) from error
    return certificate


def share_with_containers(certificate: CertificateFiles) -> None:
    """Make the key readable in containers.

    A container engine mounts a key with its mode here, and nginx runs as
    another user. In exchange the folder is made private (0700), so that other
    users of this machine can't reach it. Raises CertificateError.
    """
    folder = certificate.key.parent
    try:
        folder.chmod(0o700)
        certificate.key.chmod(0o644)
        certificate.cert.chmod(0o644)
    except OSError as error:
        raise CertificateError(
            f"can't change the permissions in {folder}: {reason_of(error)}"
        ) from error


def local_names() -> list[str]:
    """Return the names and addresses by which browsers here reach it.

    Without a DNS look-up: a resolver that hangs must not delay the start.
    """
    host = socket.gethostname().lower()
    names = list(_LOOPBACK_NAMES)
    if host and host not in names:
        names.append(host)
        if "." not in host:
            names.append(f"{host}.local")
    return names


def _certified_names() -> list[str]:
    """Return the local names that a certificate can state.

    Names of machines may have underscores, for example; those of DNS can't.
    """
    return [
        name
        for name in local_names()
        if name in _LOOPBACK_NAMES or _is_dns_name(name)
    ]


def _is_dns_name(name: str) -> bool:
    try:
        return idna.encode(name) == name.encode()
    except UnicodeError:
        return False


def _is_valid(certificate: CertificateFiles, now: datetime) -> bool:
    """Return whether the certificate exists, is of our CA, and is valid."""
    # Imported here: slow, and needed only with built-in TLS.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    if not (
        certificate.key.exists() and certificate.ca and certificate.ca.exists()
    ):
        return False
    try:
        leaf = x509.load_pem_x509_certificate(certificate.cert.read_bytes())
        ca_pem = certificate.ca.read_bytes()
        ca = x509.load_pem_x509_certificate(ca_pem)
        leaf.verify_directly_issued_by(ca)
        names = leaf.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except (
        OSError,
        ValueError,
        TypeError,
        InvalidSignature,
        x509.ExtensionNotFound,
    ):
        return False
    certified = {
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    }
    return (
        certified.issuperset(_certified_names())
        and _is_constrained(ca_pem)
        and min(leaf.not_valid_after_utc, ca.not_valid_after_utc)
        > now + RENEW_BEFORE
    )


def _create(
    certificate: CertificateFiles, ca_key: Path, now: datetime
) -> None:

    assert certificate.ca is not None  # noqa: S101 - a development certificate has one
    ca = _load_ca(certificate.ca, ca_key, now)
    if ca is None:
        ca = _create_ca()
        write_file(ca_key, ca.private_key_pem.bytes())
        write_file(certificate.ca, ca.cert_pem.bytes(), mode=0o644)
    leaf = ca.issue_cert(*_certified_names(), not_after=now + LEAF_LIFETIME)
    chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
    write_file(certificate.key, leaf.private_key_pem.bytes())
    write_file(certificate.cert, chain, mode=0o644)


def _load_ca(cert: Path, key: Path, now: datetime) -> "trustme.CA | None":
    """Return the CA of an earlier start, if it can still sign a leaf."""
    import trustme  # noqa: PLC0415 - as above
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        cert_pem, key_pem = cert.read_bytes(), key.read_bytes()
        ends = x509.load_pem_x509_certificate(cert_pem).not_valid_after_utc
        if ends < now + LEAF_LIFETIME or not _is_constrained(cert_pem):
            return None
        return trustme.CA.from_pem(cert_pem, key_pem)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _create_ca() -> "trustme.CA":
    """Return a new CA that can certify this machine's names only."""
    import trustme  # noqa: PLC0415 - as above
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        load_pem_private_key,
    )

    # The kernel's bytes may be no text.
    host = socket.gethostname().encode(errors="replace").decode()
    made = trustme.CA(
        organization_name="MSRV development",
        organization_unit_name=f"for {host} only",
    )
    key_pem = made.private_key_pem.bytes()
    key = load_pem_private_key(key_pem, password=None)
    cert = x509.load_pem_x509_certificate(made.cert_pem.bytes())
    builder = x509.CertificateBuilder(
        cert.issuer,
        cert.subject,
        key.public_key(),  # type: ignore[arg-type] # one of a certificate's
        cert.serial_number,
        cert.not_valid_before_utc,
        cert.not_valid_after_utc,
        list(cert.extensions),
    ).add_extension(
        x509.NameConstraints(_general_names(), None), critical=True
    )
    signed = builder.sign(key, SHA256())  # type: ignore[arg-type] # as above
    return trustme.CA.from_pem(signed.public_bytes(Encoding.PEM), key_pem)


def _general_names() -> "list[x509.GeneralName]":
    """Return this machine's names as X.509 general names."""
    from cryptography import x509  # noqa: PLC0415 - as above

    found: list[x509.GeneralName] = []
    for name in _certified_names():
        try:
            found.append(x509.IPAddress(ip_network(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _is_constrained(cert_pem: bytes) -> bool:
    """Return whether a CA's constraints are exactly this machine's names."""
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        constraints = (
            x509.load_pem_x509_certificate(cert_pem)
            .extensions.get_extension_for_class(x509.NameConstraints)
            .value
        )
    except x509.ExtensionNotFound:
        return False
    return set(constraints.permitted_subtrees or ()) == set(_general_names())
