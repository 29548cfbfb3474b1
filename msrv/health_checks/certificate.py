# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the certificate that visitors see: names, chain, dates and key."""

import asyncio
import ssl
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msrv.acme.manager import CertificateManager
from msrv.acme.rules import CertificateRules
from msrv.acme.state import StateFolder
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    failed,
    in_thread,
    passed,
    warned,
)
from msrv.health_checks.network import PublicHost
from msrv.settings import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

WARNING_DAYS: Final = 14
_DAY_SECONDS: Final = 86_400
_SECONDS: Final = 6.0
_REQUEST: Final = (
    "see docs/https.md; `python -m msrv certificate --renew` tries again"
)
_RENEW: Final = "renew it, and check what should have renewed it"


async def check_certificate(context: CheckContext) -> Sequence[Finding]:
    """Check the certificate of this process, or of the proxy in front."""
    settings = context.settings
    public = settings.public_url and PublicHost.of(settings.public_url)
    if settings.tls_cert is not None and settings.tls_key is not None:
        return await in_thread(
            lambda: list(
                _files(
                    settings.tls_cert or Path(),
                    settings.tls_key or Path(),
                    public.host if public else None,
                    context.clock(),
                )
            )
        )
    if settings.domain:
        return [await in_thread(lambda: _renewed(settings, context.clock()))]
    if settings.terminates_tls:
        return [
            warned(
                "the development certificate: browsers warn of it",
                "before you sell, set MSRV_DOMAIN, or MSRV_TLS_CERT and "
                "MSRV_TLS_KEY",
            )
        ]
    if not public or public.is_of_this_machine:
        return [passed("TLS is off, and is left to a proxy in front")]
    if not public.secure:
        return [
            warned(
                "MSRV_PUBLIC_URL begins with http://: nothing is encrypted",
                "serve HTTPS, and set MSRV_PUBLIC_URL to https://…",
            )
        ]
    return [await _served(public, context.clock())]


def _renewed(settings: Settings, now: float) -> Finding:
    """Return the finding for the certificate that the store renews itself."""
    moment = datetime.fromtimestamp(now, UTC)
    status = CertificateManager(
        CertificateRules.from_settings(settings),
        StateFolder(settings.data),
        lambda: moment,
    ).status()
    if status.expires_at is None or not status.is_valid(moment):
        why = status.problem or "none was requested yet"
        return failed(f"{status.summary(moment)}: {why}", _REQUEST)
    if status.problem is not None:
        return warned(
            f"{status.summary(moment)}, and isn't renewed: {status.problem}",
            _REQUEST,
        )
    return _by_days(status.expires_at.timestamp(), now, settings.domain[0])


async def _served(public: PublicHost, now: float) -> Finding:
    """Return the finding for the certificate that a proxy serves."""
    try:
        async with asyncio.timeout(_SECONDS):
            context = await in_thread(ssl.create_default_context)
            _, writer = await asyncio.open_connection(
                public.host, public.port, ssl=context
            )
            certificate = writer.get_extra_info("peercert")
            writer.transport.abort()
    except ssl.SSLCertVerificationError as error:
        return failed(
            f"the proxy's certificate is not trusted: {error.verify_message}",
            "renew it, and configure the proxy with its whole chain",
        )
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or "no answer"
        return warned(
            f"the proxy's certificate can't be seen from here: {why}",
            "see address",
        )
    return _by_days(
        ssl.cert_time_to_seconds(certificate["notAfter"]), now, "the proxy's"
    )


def _files(
    cert: Path, key: Path, host: str | None, now: float
) -> Iterator[Finding]:
    # Imported here: slow, and needed only with built-in TLS.
    from cryptography import x509  # noqa: PLC0415

    try:
        chain = x509.load_pem_x509_certificates(cert.read_bytes())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a certificate in PEM"
        yield failed(
            f"{cert} can't be read: {why}",
            "set MSRV_TLS_CERT to a PEM file that the store's user can read",
        )
        return
    leaf = chain[0]
    if leaf.not_valid_before_utc.timestamp() > now:
        yield failed(
            f"{cert} is not valid before {_day(leaf.not_valid_before_utc)}",
            "check the clock; or use a certificate that is valid now",
        )
    if host is not None and not _is_for(leaf, host):
        yield failed(
            f"{cert} is not for {host}",
            f"request a certificate for {host}",
        )
    if len(chain) == 1 and leaf.issuer != leaf.subject:
        yield warned(
            f"{cert} has no intermediate certificate: some devices reject it",
            "use the file with the whole chain, often fullchain.pem",
        )
    if leaf.issuer == leaf.subject:
        yield warned(
            f"{cert} is signed by itself: browsers warn of it",
            "use a certificate of an authority that browsers know",
        )
    yield from _key(key, leaf)
    yield _by_days(leaf.not_valid_after_utc.timestamp(), now, str(cert))


def _key(path: Path, leaf: "Certificate") -> Iterator[Finding]:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        text = path.read_bytes()
        mode = path.stat().st_mode
        public_key = load_pem_private_key(text, None).public_key()
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", None) or (
            "it has a password"
            if isinstance(error, TypeError)
            else "not a key in PEM"
        )
        yield failed(
            f"{path} can't be read: {why}",
            "set MSRV_TLS_KEY to a PEM file without a password that the "
            "store's user can read",
        )
        return
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if public_key.public_bytes(*form) != leaf.public_key().public_bytes(*form):
        yield failed(
            f"{path} is not the key of the certificate",
            "set MSRV_TLS_CERT and MSRV_TLS_KEY to files of one pair",
        )
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warned(
            f"other users can read {path}",
            f"chmod o-rwx {path}",
        )


def _is_for(leaf: "Certificate", host: str) -> bool:
    """Return whether a certificate names a host, by a wildcard too."""
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        names = leaf.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return False
    hosts = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    addresses = names.get_values_for_type(x509.IPAddress)
    _, dot, parent = host.partition(".")
    return (
        host in hosts
        or f"*{dot}{parent}" in hosts
        or host.strip("[]") in map(str, addresses)
    )


def _by_days(expires_at: float, now: float, name: str) -> Finding:
    ends = datetime.fromtimestamp(expires_at, UTC)
    days = int((expires_at - now) // _DAY_SECONDS)
    if expires_at <= now:
        return failed(f"{name} expired on {_day(ends)}", _RENEW)
    text = f"{name} is valid until {_day(ends)}, for {days} days"
    return warned(text, _RENEW) if days < WARNING_DAYS else passed(text)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
