# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Certificate of this process: which one is served, and when it is replaced.

With MSRV_DOMAIN it is the authority's, or a placeholder until there is one;
with MSRV_TLS_CERT the operator's; else one for development.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from msrv.acme.state import StateFolder, load_certificate
from msrv.display_text import reason_of
from msrv.files import write_file
from msrv.settings import Settings
from msrv.tasks import TaskSupervisor
from msrv.tls import certificate_files, development_certificate
from msrv.tls.certificate_files import CertificateError, CertificateFiles
from msrv.tls.challenges import TLSChallenges
from msrv.tls.protocol import TLSServer

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 60
"""Interval of the check for a renewed certificate."""
DOMAIN_POLL_SECONDS: Final = 1
"""The same with MSRV_DOMAIN, and for challenges: an authority that connects
to this replica has been called by another one a moment ago."""

_Version = tuple[tuple[int, int, int], ...]


def find(settings: Settings) -> CertificateFiles | None:
    """Return the certificate of the settings, None without TLS.

    Raises CertificateError.
    """
    if not settings.terminates_tls:
        return None
    if settings.domain:
        return _find_issued(settings)
    if settings.tls_cert is not None and settings.tls_key is not None:
        ends = certificate_files.expires_at(settings.tls_cert)
        if ends <= datetime.now(UTC):
            log.warning("%s expired on %s", settings.tls_cert, ends.date())
        return CertificateFiles(settings.tls_cert, settings.tls_key, None)
    return development_certificate.load_or_create(
        settings.certs, datetime.now(UTC)
    )


class CertificateReload:
    """Loads a renewed certificate, and an authority's challenges."""

    def __init__(
        self, settings: Settings, certificate: CertificateFiles
    ) -> None:
        self.challenges = TLSChallenges()
        self._folder = (
            StateFolder(settings.data).challenges.certificates
            if settings.domain
            else None
        )
        self._files = certificate
        self._domain = settings.domain
        if settings.domain:
            issued = StateFolder(settings.data).certificate
            self._files = CertificateFiles(issued, issued, None)
        # Before the certificate is loaded for the first time: one that is
        # replaced in between is loaded again.
        is_served = self._files.cert == certificate.cert
        self._known = _version(self._files) if is_served else None
        self._failed: _Version | None = None

    @contextlib.asynccontextmanager
    async def running(self, tls_server: TLSServer) -> AsyncIterator[None]:
        """Watch the files, for new connections of this server."""
        tasks = TaskSupervisor("certificate reload")
        tasks.start(self._watch(tls_server))
        try:
            yield
        finally:
            await tasks.stop()

    async def _watch(self, tls_server: TLSServer) -> None:
        while True:
            await asyncio.sleep(
                POLL_SECONDS if self._folder is None else DOMAIN_POLL_SECONDS
            )
            await asyncio.to_thread(self._update, tls_server)

    def _update(self, tls_server: TLSServer) -> None:
        if self._folder is not None:
            self.challenges.load(self._folder)
        found = _version(self._files)
        if found == self._known or found is None:
            return
        try:
            is_loaded = self._is_for_the_domain()
            if is_loaded:
                tls_server.load_certificate(self._files)
        except (CertificateError, OSError) as error:
            # Tried again: rights, for example, are changed without the files.
            if found != self._failed:
                self._failed = found
                log.error(  # noqa: TRY400 - the text says it
                    "can't load the renewed certificate, using the old one: "
                    "%s",
                    error,
                )
        else:
            self._known = found
            if is_loaded:
                log.info("loaded the renewed certificate %s", self._files.cert)

    def _is_for_the_domain(self) -> bool:
        """Return whether the certificate may replace the one that is served.

        After a change of MSRV_DOMAIN the one on disk is that of the names
        before, or of a replica with other settings. Raises CertificateError.
        """
        if not self._domain:
            return True
        issued = load_certificate(self._files.cert)
        return issued is not None and issued.is_for_any_of(self._domain)


def _find_issued(settings: Settings) -> CertificateFiles:
    """Return the authority's certificate, or a placeholder.

    An expired one is still served, and one for only some of the names: either
    is better than none. Raises CertificateError.
    """
    state = StateFolder(settings.data)
    try:
        found = load_certificate(state.certificate)
    except CertificateError as error:
        log.error("%s; another one is requested", error)  # noqa: TRY400 - the text says it
        found = None
    if found is not None and found.is_for_any_of(settings.domain):
        if found.not_after <= datetime.now(UTC):
            log.error(
                "%s expired on %s", state.certificate, found.not_after.date()
            )
        return CertificateFiles(state.certificate, state.certificate, None)
    log.warning(
        "waiting for a certificate for %s: until then, browsers warn",
        ", ".join(settings.domain),
    )
    _create_placeholder(state, settings.domain)
    return CertificateFiles(state.placeholder, state.placeholder, None)


def _create_placeholder(state: StateFolder, names: tuple[str, ...]) -> None:
    """Create the placeholder, unless there is one that another replica uses.

    Raises CertificateError.
    """
    from msrv.acme.pem import create_placeholder  # noqa: PLC0415 - slow to import

    now = datetime.now(UTC)
    try:
        state.create()
        try:
            known = load_certificate(state.placeholder)
        except CertificateError:
            known = None
        if known is None or (
            known.names != set(names) or known.not_after <= now
        ):
            write_file(state.placeholder, create_placeholder(names, now))
    except OSError as error:
        raise CertificateError(
            f"can't create a certificate in {state.path}: {reason_of(error)}"
        ) from error


def _version(files: CertificateFiles) -> _Version | None:
    """Return what changes with the files, None where one is missing."""
    try:
        found = [path.stat() for path in (files.cert, files.key)]
    except OSError:
        return None
    return tuple(
        (each.st_mtime_ns, each.st_ino, each.st_size) for each in found
    )
