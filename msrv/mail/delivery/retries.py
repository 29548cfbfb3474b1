# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pauses of the mail worker, and the mails that wait for another attempt.

Apart from `worker`: it knows neither the outbox nor SMTP.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from msrv.tasks import Backoff

# Without jitter: only one process at a time sends.
SERVER_BACKOFF: Final = Backoff(15, 15 * 60, jitter=0)
"""Pauses for what has to be repaired: the SMTP server, or the disk."""
MAIL_BACKOFF: Final = Backoff(60, 4 * 3600, jitter=0)
"""Pauses for a mail that the SMTP server defers."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Number of failures so far, and the Unix second of the next attempt."""

    failures: int = 0
    due_at: int = 0

    def after_failure(self, backoff: Backoff, now: int) -> "Retry":
        """Return the state after one more failure."""
        failures = self.failures + 1
        return Retry(failures, now + int(backoff.seconds(failures)))


class DeferredMails:
    """Mails that failed, by their ids, with the time of the next attempt."""

    def __init__(self) -> None:
        self._retries: dict[str, Retry] = {}

    def keep_only(self, mail_ids: Collection[str]) -> None:
        """Forget all mails but these."""
        known = self._retries
        self._retries = {at: known[at] for at in mail_ids if at in known}

    def is_due(self, mail_id: str, now: int) -> bool:
        """Return whether a mail can be tried now, as one that never failed."""
        return self._retries.get(mail_id, Retry()).due_at <= now

    def defer(
        self, mail_id: str, now: int, backoff: Backoff = MAIL_BACKOFF
    ) -> None:
        """Add a pause for a mail, longer after each failure."""
        retry = self._retries.get(mail_id, Retry())
        self._retries[mail_id] = retry.after_failure(backoff, now)
