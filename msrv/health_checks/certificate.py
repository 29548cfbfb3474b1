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
from urllib.parse import urlsplit

from msrv.acme.manager import CertificateManager
from msrv.acme.rules import CertificateRules
from msrv.acme.state import StateFolder
from msrv.display_text import reason_of
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
from msrv.translations import DeferredText, deferred

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

WARNING_DAYS: Final = 14
_DAY_SECONDS: Final = 86_400
_SECONDS: Final = 6.0
_REQUEST: Final = deferred(
    "see docs/https.md; `python -m msrv certificate --renew` tries again"
)
_RENEW: Final = deferred("renew it, and check what should have renewed it")


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
        return await in_thread(
            lambda: list(_renewed(settings, context.clock()))
        )
    if settings.terminates_tls:
        return [
            warned(
                deferred("the development certificate: browsers warn of it"),
                deferred(
                    "before you sell, set MSRV_DOMAIN, or MSRV_TLS_CERT and "
                    "MSRV_TLS_KEY"
                ),
            )
        ]
    if not public or public.is_of_this_machine:
        return [
            passed(deferred("TLS is off, and is left to a proxy in front"))
        ]
    if not public.secure:
        return [
            warned(
                deferred(
                    "MSRV_PUBLIC_URL begins with http://: nothing is encrypted"
                ),
                deferred("serve HTTPS, and set MSRV_PUBLIC_URL to https://…"),
            )
        ]
    return [await _served(public, context.clock())]


def _renewed(settings: Settings, now: float) -> Iterator[Finding]:
    """Yield the findings for the certificate that the store renews itself."""
    moment = datetime.fromtimestamp(now, UTC)
    state = StateFolder(settings.data)
    status = CertificateManager(
        CertificateRules.from_settings(settings), state, lambda: moment
    ).status()
    if status.missing_names:
        yield failed(
            deferred(
                "%(cert)s is not for %(host)s",
                cert=state.certificate,
                host=", ".join(status.missing_names),
            ),
            _REQUEST,
        )
    why = status.problem or deferred("none was requested yet")
    if status.expires_at is None:
        yield failed(
            deferred(
                "waiting for a certificate from %(authority)s: %(reason)s",
                authority=urlsplit(status.directory).hostname,
                reason=why,
            ),
            _REQUEST,
        )
    elif status.expires_at <= moment:
        yield failed(
            deferred(
                "the certificate expired on %(day)s: %(reason)s",
                day=_day(status.expires_at),
                reason=why,
            ),
            _REQUEST,
        )
    elif status.problem is not None:
        yield warned(
            deferred(
                "the certificate is valid until %(day)s, and isn't renewed: "
                "%(reason)s",
                day=_day(status.expires_at),
                reason=why,
            ),
            _REQUEST,
        )
    else:
        named = next(
            name
            for name in settings.domain
            if name not in status.missing_names
        )
        yield _by_days(status.expires_at.timestamp(), now, named)


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
            deferred(
                "the proxy's certificate is not trusted: %(reason)s",
                reason=error.verify_message,
            ),
            deferred("renew it, and configure the proxy with its whole chain"),
        )
    except (OSError, TimeoutError) as error:
        why = (
            deferred("no answer")
            if isinstance(error, TimeoutError)
            else reason_of(error)
        )
        return warned(
            deferred(
                "the proxy's certificate can't be seen from here: %(why)s",
                why=why,
            ),
            deferred("see address"),
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
        why = (
            reason_of(error)
            if isinstance(error, OSError)
            else deferred("not a certificate in PEM")
        )
        yield failed(
            deferred("%(cert)s can't be read: %(why)s", cert=cert, why=why),
            deferred(
                "set MSRV_TLS_CERT to a PEM file that the store's user can "
                "read"
            ),
        )
        return
    leaf = chain[0]
    if leaf.not_valid_before_utc.timestamp() > now:
        yield failed(
            deferred(
                "%(cert)s is not valid before %(day)s",
                cert=cert,
                day=_day(leaf.not_valid_before_utc),
            ),
            deferred(
                "check the clock; or use a certificate that is valid now"
            ),
        )
    if host is not None and not _is_for(leaf, host):
        yield failed(
            deferred("%(cert)s is not for %(host)s", cert=cert, host=host),
            deferred("request a certificate for %(host)s", host=host),
        )
    if len(chain) == 1 and leaf.issuer != leaf.subject:
        yield warned(
            deferred(
                "%(cert)s has no intermediate certificate: some devices "
                "reject it",
                cert=cert,
            ),
            deferred("use the file with the whole chain, often fullchain.pem"),
        )
    if leaf.issuer == leaf.subject:
        yield warned(
            deferred(
                "%(cert)s is signed by itself: browsers warn of it", cert=cert
            ),
            deferred("use a certificate of an authority that browsers know"),
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
        if isinstance(error, OSError):
            why: str | DeferredText = reason_of(error)
        elif isinstance(error, TypeError):
            why = deferred("it has a password")
        else:
            why = deferred("not a key in PEM")
        yield failed(
            deferred("%(path)s can't be read: %(why)s", path=path, why=why),
            deferred(
                "set MSRV_TLS_KEY to a PEM file without a password that "
                "the store's user can read"
            ),
        )
        return
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if public_key.public_bytes(*form) != leaf.public_key().public_bytes(*form):
        yield failed(
            deferred("%(path)s is not the key of the certificate", path=path),
            deferred(
                "set MSRV_TLS_CERT and MSRV_TLS_KEY to files of one pair"
            ),
        )
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warned(
            deferred("other users can read %(path)s", path=path),
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
        return failed(
            deferred("%(name)s expired on %(day)s", name=name, day=_day(ends)),
            _RENEW,
        )
    text = deferred(
        "%(name)s is valid until %(day)s (days left: %(days)s)",
        name=name,
        day=_day(ends),
        days=days,
    )
    return warned(text, _RENEW) if days < WARNING_DAYS else passed(text)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
