"""The development certificate: a CA and a leaf for this machine, by trustme.

The CA is kept, with its key, so that a renewed leaf needs no new trust. It
can certify nothing but this machine's own names (RFC 5280, section 4.2.1.10),
so that whoever steals its key can't pass for any other site. All of it stays
in one folder that git ignores; keys have mode 0600.
"""

import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msrv.files import write_file

if TYPE_CHECKING:
    import trustme
    from cryptography import x509

LEAF_LIFETIME: Final = timedelta(days=397)
"""Apple's limit for a certificate that its systems accept is 398 days.

https://support.apple.com/en-us/102028
"""
RENEW_BEFORE: Final = timedelta(days=30)


class CertificateError(Exception):
    """A pair can't be made or read; its text is one line."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key. `ca` is None for an operator's own pair."""

    cert: Path
    key: Path
    ca: Path | None


def development_pair(folder: Path, now: datetime) -> Pair:
    """Give the pair in `folder`, made or renewed if that is due.

    `now` is aware. Raises CertificateError where the folder can't be used.
    """
    pair = Pair(
        folder / "localhost.crt", folder / "localhost.key", folder / "ca.crt"
    )
    try:
        if not _is_good(pair, now):
            folder.mkdir(parents=True, exist_ok=True)
            _make(pair, folder / "ca.key", now)
    except OSError as error:
        raise CertificateError(
            f"can't make a certificate in {folder}: {error.strerror}"
        ) from error
    return pair


def share_with_containers(pair: Pair) -> None:
    """Let any user of a container that is given the key read it.

    An engine mounts a key with the mode that it has here, and the edge runs
    as somebody else. The folder is closed in exchange, so that nobody else on
    this machine can reach it. Raises CertificateError.
    """
    folder = pair.key.parent
    try:
        folder.chmod(0o700)
        pair.key.chmod(0o644)
        pair.cert.chmod(0o644)
    except OSError as error:
        raise CertificateError(
            f"can't set who may read {folder}: {error.strerror}"
        ) from error


def names_of_this_machine() -> list[str]:
    """Name what a browser on this machine may call it.

    No look-up: a resolver that hangs must not hang the start.
    """
    host = socket.gethostname().lower()
    names = ["localhost", "127.0.0.1", "::1"]
    if host and host not in names:
        names.append(host)
        if "." not in host:
            names.append(f"{host}.local")
    return names


def _is_good(pair: Pair, now: datetime) -> bool:
    """Whether the pair is there, ours, for these names, and not ending."""
    # Imported here: only where TLS is ours.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    if not (pair.key.exists() and pair.ca and pair.ca.exists()):
        return False
    try:
        leaf = x509.load_pem_x509_certificate(pair.cert.read_bytes())
        ca_pem = pair.ca.read_bytes()
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
        certified.issuperset(names_of_this_machine())
        and _is_constrained(ca_pem)
        and min(leaf.not_valid_after_utc, ca.not_valid_after_utc)
        > now + RENEW_BEFORE
    )


def _make(pair: Pair, ca_key: Path, now: datetime) -> None:

    assert pair.ca is not None  # noqa: S101 - ours always has one
    ca = _known_ca(pair.ca, ca_key, now)
    if ca is None:
        ca = _new_ca()
        write_file(ca_key, ca.private_key_pem.bytes())
        write_file(pair.ca, ca.cert_pem.bytes(), mode=0o644)
    leaf = ca.issue_cert(
        *names_of_this_machine(), not_after=now + LEAF_LIFETIME
    )
    chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
    write_file(pair.key, leaf.private_key_pem.bytes())
    write_file(pair.cert, chain, mode=0o644)


def _known_ca(cert: Path, key: Path, now: datetime) -> "trustme.CA | None":
    """Load the CA of an earlier start, if it can still sign a leaf."""
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


def _new_ca() -> "trustme.CA":
    """Create a CA that can certify this machine's names alone."""
    import trustme  # noqa: PLC0415 - as above
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        load_pem_private_key,
    )

    made = trustme.CA(
        organization_name="MSRV development",
        organization_unit_name=f"for {socket.gethostname()} only",
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
    ).add_extension(x509.NameConstraints(_names(), None), critical=True)
    signed = builder.sign(key, SHA256())  # type: ignore[arg-type] # as above
    return trustme.CA.from_pem(signed.public_bytes(Encoding.PEM), key_pem)


def _names() -> "list[x509.GeneralName]":
    """Return this machine's names, as a CA's constraints have them."""
    from cryptography import x509  # noqa: PLC0415 - as above

    found: list[x509.GeneralName] = []
    for name in names_of_this_machine():
        try:
            found.append(x509.IPAddress(ip_network(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _is_constrained(cert_pem: bytes) -> bool:
    """Whether a CA is for this machine's names, all of them, and no other."""
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        constraints = (
            x509.load_pem_x509_certificate(cert_pem)
            .extensions.get_extension_for_class(x509.NameConstraints)
            .value
        )
    except x509.ExtensionNotFound:
        return False
    return set(constraints.permitted_subtrees or ()) == set(_names())


def expiry(cert: Path) -> datetime:
    """Say when a certificate ends. Raises CertificateError."""
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        loaded = x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"can't read {cert}: {error}") from error
    return loaded.not_valid_after_utc.astimezone(UTC)
