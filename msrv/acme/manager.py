# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Manager of the certificate: decides when to ask, asks, and keeps the result.

Of several replicas that share a data folder, the one that holds the folder's
lock asks; the others read its result. Whatever fails leaves the certificate
before in place, and the failure on disk with the time of the next attempt.
"""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from msrv.acme import renewal
from msrv.acme.certificate import IssuedCertificate
from msrv.acme.errors import (
    AuthorityUnavailable,
    IssuanceError,
    IssuanceStopped,
)
from msrv.acme.rules import CertificateRules
from msrv.acme.state import Progress, StateFolder, load_certificate
from msrv.acme.status import CertificateStatus
from msrv.display_text import reason_of
from msrv.files import lock_folder
from msrv.tls.certificate_files import CertificateError

log = logging.getLogger(__name__)

_REPEAT: Final = timedelta(hours=6)
"""Interval in which an expired certificate is logged again."""


class CertificateManager:
    """Requests and renews the certificate. All methods block.

    `clock` returns the time, aware. Once `stopped` is set, requests end.
    `challenges` may be changed to those of the rules that can succeed here:
    the rules stay, since the state on disk is found by them.
    """

    def __init__(
        self,
        rules: CertificateRules,
        state: StateFolder,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopped: threading.Event | None = None,
    ) -> None:
        self.rules = rules
        self.challenges = rules.challenges
        self._state = state
        self._clock = clock
        self._stopped = stopped or threading.Event()
        self._logged: dict[str, datetime] = {}

    def status(self) -> CertificateStatus:
        """Return the status, without requests."""
        return self._status(self._clock(), self._load())

    def update(self, *, force: bool = False) -> CertificateStatus:
        """Request or renew the certificate if it is due; return the status.

        With `force`, an attempt is made whether or not it is due. Raises
        OSError where the folder can't be used, and IssuanceStopped.
        """
        self._state.create()
        descriptor = lock_folder(self._state.path)
        if descriptor is None:
            return self.status()
        try:
            return self._update(force=force)
        finally:
            os.close(descriptor)

    def _update(self, *, force: bool) -> CertificateStatus:
        now, current = self._clock(), self._load()
        if not renewal.is_plausible(now):
            self._log_again(
                "clock",
                now,
                "this machine's clock says %s: no certificate is requested "
                "until it is right",
                f"{now:%Y-%m-%d}",
            )
            return self._status(now, current)
        progress = self._progress(now, current)
        progress = self._with_window(progress, current, now)
        due_at = self._due_at(progress, current, now)
        if force or due_at <= now:
            why = self._reason(current, now) or (
                "is renewed on request" if force else "is due for renewal"
            )
            self._attempt(progress, current, now, why)
            now, current = self._clock(), self._load()
        elif current is not None and current.not_after <= now:
            self._log_again(
                "expired",
                now,
                "the certificate expired on %s and can't be renewed: %s",
                f"{current.not_after:%Y-%m-%d}",
                progress.attempts.problem,
            )
        return self._status(now, current)

    def _attempt(
        self,
        progress: Progress,
        current: IssuedCertificate | None,
        now: datetime,
        why: str,
    ) -> None:
        """Request a certificate, and record the result.

        The attempt counts as failed until it has succeeded: one that ends
        with its process isn't repeated at once, and one that couldn't be
        recorded isn't made.
        """
        names = ", ".join(self.rules.names)
        log.info(
            "requesting a certificate for %s from %s: it %s",
            names,
            self.rules.directory,
            why,
        )
        started = AuthorityUnavailable(
            f"the attempt of {now:%Y-%m-%d %H:%M} UTC hasn't finished"
        )
        self._state.save_progress(
            replace(progress, attempts=progress.attempts.after(started, now))
        )
        try:
            from msrv.acme import authority  # noqa: PLC0415 - slow to import

            content = authority.issue(
                replace(self.rules, challenges=self.challenges),
                self._state,
                current,
                now,
                self._stopped,
            )
            self._state.save_certificate(content)
        except IssuanceStopped:
            self._state.save_progress(progress)
            raise
        except (IssuanceError, OSError) as error:
            self._record_failure(progress, current, error)
            return
        self._state.remove_order()
        self._state.save_progress(
            Progress(self.rules.request_id, issued_at=self._clock())
        )
        issued = self._load()
        log.info(
            "the certificate for %s is issued, and valid until %s",
            names,
            f"{issued.not_after:%Y-%m-%d}" if issued else "an unknown date",
        )

    def _record_failure(
        self,
        progress: Progress,
        current: IssuedCertificate | None,
        error: IssuanceError | OSError,
    ) -> None:
        now = self._clock()
        failure = (
            error
            if isinstance(error, IssuanceError)
            else IssuanceError(
                f"can't write {error.filename or self._state.path}: "
                f"{reason_of(error)}"
            )
        )
        attempts = progress.attempts.after(failure, now)
        assert attempts.next_at is not None  # noqa: S101 - set by `after`
        log.error(
            "%s: %s; the next attempt is at %s",
            "no certificate was issued"
            if current is None
            else "certificate renewal failed; keeping the current one",
            failure,
            f"{attempts.next_at:%Y-%m-%d %H:%M} UTC",
        )
        self._state.save_progress(replace(progress, attempts=attempts))

    def _load(self) -> IssuedCertificate | None:
        try:
            return load_certificate(self._state.certificate)
        except CertificateError as error:
            self._log_again("damaged", self._clock(), "%s", error)
            return None

    def _progress(
        self, now: datetime, current: IssuedCertificate | None
    ) -> Progress:
        """Return the progress for this request and this certificate."""
        progress = self._state.load_progress(self.rules.request_id)
        attempts = progress.attempts.corrected(now)
        if attempts is not progress.attempts:
            progress = replace(progress, attempts=attempts)
            self._state.save_progress(progress)
        if current is None or progress.serial != current.serial:
            return replace(
                progress, serial=None, window=None, next_info_at=None
            )
        return progress

    def _with_window(
        self,
        progress: Progress,
        current: IssuedCertificate | None,
        now: datetime,
    ) -> Progress:
        """Return the progress with renewal information, if it is due."""
        if (
            current is None
            or current.renewal_id is None
            or self._reason(current, now) is not None
        ):
            return progress
        _, longest = renewal.INFO_INTERVALS
        at = progress.next_info_at
        if at is not None and now < at <= now + longest:
            return progress
        window, interval = progress.window, renewal.INFO_INTERVAL
        try:
            from msrv.acme import authority  # noqa: PLC0415 - slow to import

            window, interval = authority.renewal_information(
                self.rules, current, self._stopped
            )
        except IssuanceStopped:
            raise
        except (IssuanceError, ValueError) as error:
            log.info("no renewal information: %s", error)
        progress = replace(
            progress,
            serial=current.serial,
            window=window,
            next_info_at=now + interval,
        )
        self._state.save_progress(progress)
        return progress

    def _reason(
        self, current: IssuedCertificate | None, now: datetime
    ) -> str | None:
        return renewal.reason_to_replace(
            current, self.rules.names, self.rules.directory, now
        )

    def _due_at(
        self,
        progress: Progress,
        current: IssuedCertificate | None,
        now: datetime,
    ) -> datetime:
        allowed = progress.attempts.allowed_at(now)
        if current is None:
            return allowed
        issued_at = progress.issued_at
        if issued_at is not None and issued_at <= now:
            # Replicas whose settings differ, during an update for example,
            # replace each other's certificates: not at every look.
            allowed = max(allowed, issued_at + renewal.MIN_INTERVAL)
        if self._reason(current, now) is not None:
            return allowed
        return max(allowed, renewal.renewal_time(current, progress.window))

    def _status(
        self, now: datetime, current: IssuedCertificate | None
    ) -> CertificateStatus:
        progress = self._state.load_progress(self.rules.request_id)
        if current is None or progress.serial != current.serial:
            progress = replace(progress, window=None)
        names = self.rules.names
        is_served = current is not None and current.is_for_any_of(names)
        return CertificateStatus(
            names,
            self.rules.directory,
            current.not_after if current and is_served else None,
            self._due_at(progress, current, now),
            progress.attempts.failures,
            progress.attempts.problem,
            current.missing_of(names) if current else (),
        )

    def _log_again(
        self, key: str, now: datetime, line: str, *arguments: object
    ) -> None:
        """Log an error, at most once in _REPEAT."""
        last = self._logged.get(key)
        if last is None or abs(now - last) >= _REPEAT:
            self._logged[key] = now
            log.error(line, *arguments)
