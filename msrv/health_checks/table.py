# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""All health checks by name, and their latest results for the studio.

Apart from `findings`: the checks import that.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from msrv.health_checks.bucket import check_bucket
from msrv.health_checks.certificate import check_certificate
from msrv.health_checks.findings import (
    Check,
    CheckContext,
    CheckResult,
    run_checks,
)
from msrv.health_checks.machine import (
    check_clock,
    check_disk,
    check_ffmpeg,
    check_rights,
)
from msrv.health_checks.network import check_address, check_dns
from msrv.health_checks.ports import check_ports
from msrv.health_checks.services import (
    check_database,
    check_keys,
    check_relay,
    check_stripe,
)
from msrv.translations import gettext_noop

CHECKS: Final[Mapping[str, Check]] = {
    "DNS": check_dns,
    gettext_noop("address"): check_address,
    gettext_noop("certificate"): check_certificate,
    gettext_noop("ports"): check_ports,
    gettext_noop("clock"): check_clock,
    gettext_noop("disk"): check_disk,
    "rights": check_rights,
    gettext_noop("keys"): check_keys,
    gettext_noop("relay"): check_relay,
    "Stripe": check_stripe,
    "ffmpeg": check_ffmpeg,
    gettext_noop("database"): check_database,
    gettext_noop("bucket"): check_bucket,
}
FRESH_SECONDS: Final = 60.0
"""Age up to which results are shown again: a page that is reloaded must not
connect to others each time."""


class LatestResults:
    """Results of the checks in a running store, at most a minute old.

    `ticks` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        context: CheckContext,
        checks: Mapping[str, Check] = CHECKS,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._checks = checks
        self._ticks = ticks
        self._results: list[CheckResult] = []
        self._due_at: float | None = None
        self._running = asyncio.Lock()

    @property
    def known(self) -> list[CheckResult]:
        """Results of the last run, however old; none before the first."""
        return self._results

    async def get(self) -> list[CheckResult]:
        """Return the results; those who ask at once wait for one run."""
        async with self._running:
            if self._due_at is None or self._ticks() >= self._due_at:
                self._results = await run_checks(self._checks, self._context)
                self._due_at = self._ticks() + FRESH_SECONDS
            return self._results
