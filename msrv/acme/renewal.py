# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Renewal times and pauses between attempts: pure, with the time as parameter.

A certificate is renewed when the authority says so (RFC 9773), or without its
advice once two thirds of its life are over. An attempt that fails is repeated
after a pause that doubles, or after the authority's own `Retry-After`. Pauses
are kept on disk, so that a store that restarts in a loop asks no more often
than one that runs.

The clock may be wrong, or jump. All times are compared again every minute, no
pause lasts longer than it was when it began, and a clock that is earlier than
this program makes no requests.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from msrv.acme.certificate import IssuedCertificate
from msrv.acme.errors import AuthorityUnavailable, IssuanceError
from msrv.tasks import Backoff

EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock before this date is wrong: this program is newer."""
REFUSED: Final = Backoff(10 * 60, 6 * 3600)
"""Let's Encrypt allows five failed validations an hour, and one more every
twelve minutes: https://letsencrypt.org/docs/rate-limits/"""
UNAVAILABLE: Final = Backoff(60, 3600)
"""An authority that is away counts nothing."""
MAX_PAUSE: Final = timedelta(days=7)
"""Limit of `Retry-After`: the longest of Let's Encrypt's own limits."""
MIN_INTERVAL: Final = timedelta(hours=1)
"""Least time from a success to the next attempt for the same names at the same
authority, unless its certificate is lost."""
INFO_INTERVALS: Final = timedelta(minutes=1), timedelta(days=1)
"""Bounds of the interval in which renewal information is requested."""
INFO_INTERVAL: Final = timedelta(hours=6)
"""The same, without the authority's wish (RFC 9773, section 4.3.3)."""


@dataclass(frozen=True, slots=True)
class RenewalWindow:
    """Period in which an authority suggests to renew a certificate."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed attempts in a row, and when the next one is allowed."""

    failures: int = 0
    failed_at: datetime | None = None
    next_at: datetime | None = None
    problem: str | None = None

    def after(self, error: IssuanceError, now: datetime) -> "Attempts":
        """Return the attempts after one more failure."""
        failures = self.failures + 1
        backoff = (
            UNAVAILABLE if isinstance(error, AuthorityUnavailable) else REFUSED
        )
        pause = timedelta(seconds=backoff.seconds(failures))
        wish = timedelta(seconds=min(error.retry_after_seconds or 0, 10**7))
        pause = max(pause, min(wish, MAX_PAUSE))
        return Attempts(failures, now, now + pause, str(error))

    def corrected(self, now: datetime) -> "Attempts":
        """Return the attempts for a clock that may have been set back.

        A failure in the future becomes one of this moment, so that its pause
        has an end.
        """
        if self.failed_at is None or self.next_at is None:
            return self
        if self.failed_at <= now:
            return self
        pause = min(self.next_at - self.failed_at, MAX_PAUSE)
        return replace(self, failed_at=now, next_at=now + pause)

    def allowed_at(self, now: datetime) -> datetime:
        """Return when the next attempt is allowed; `now` or later."""
        return now if self.next_at is None else max(now, self.next_at)


def is_plausible(now: datetime) -> bool:
    """Return whether a clock can be right."""
    return now >= EARLIEST


def reason_to_replace(
    certificate: IssuedCertificate | None,
    names: tuple[str, ...],
    directory: str,
    now: datetime,
) -> str | None:
    """Return why a certificate has to be replaced at once, None if it hasn't.

    The reason continues a sentence whose subject is the certificate.
    """
    if certificate is None:
        return "is the first"
    missing = certificate.missing_of(names)
    if missing:
        return f"doesn't name {', '.join(missing)} yet"
    if certificate.directory != directory:
        return (
            f"is from another authority, {certificate.directory or 'unknown'}"
        )
    if certificate.not_after <= now:
        return f"expired on {certificate.not_after:%Y-%m-%d}"
    return None


def renewal_time(
    certificate: IssuedCertificate, window: RenewalWindow | None
) -> datetime:
    """Return when a certificate is to be renewed.

    A moment in the authority's window, or two thirds of the certificate's
    life. The moment is the same for each replica and after each restart:
    chosen anew at each look, it would move towards the window's start.
    """
    lifetime = certificate.not_after - certificate.not_before
    if (
        window is None
        or not window.start < window.end <= certificate.not_after
    ):
        return certificate.not_before + lifetime * 2 / 3
    digest = hashlib.sha256(str(certificate.serial).encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return window.start + (window.end - window.start) * share


def info_interval(wish_seconds: float | None) -> timedelta:
    """Return the interval until renewal information is requested again."""
    if wish_seconds is None:
        return INFO_INTERVAL
    shortest, longest = INFO_INTERVALS
    wish = timedelta(seconds=min(wish_seconds, longest.total_seconds()))
    return max(shortest, wish)


def parse_window(members: Mapping[str, object]) -> RenewalWindow:
    """Return the window of renewal information. Raises ValueError."""
    window = members.get("suggestedWindow")
    if not isinstance(window, dict):
        raise ValueError("the authority's renewal information has no window")
    try:
        start, end = (
            datetime.fromisoformat(str(window[name]))
            for name in ("start", "end")
        )
    except (KeyError, ValueError) as error:
        raise ValueError(
            "the authority's renewal information has no valid times"
        ) from error
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("the authority's renewal information has no zone")
    return RenewalWindow(start, end)
