# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Worker that keeps the certificate current while the store runs.

Requests block for up to minutes, in a thread that the process doesn't wait
for at its end: whatever it was doing is continued at the next start.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Final, Self

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.acme.errors import IssuanceStopped
from msrv.acme.manager import CertificateManager
from msrv.acme.rules import CertificateRules
from msrv.acme.state import StateFolder
from msrv.acme.status import CertificateStatus
from msrv.display_text import reason_of
from msrv.settings import Settings
from msrv.settings.optional_packages import require_packages
from msrv.tasks import TaskSupervisor

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 60.0
"""Interval in which all times are compared with the clock."""
_STOP_SECONDS: Final = 2.0
"""Time that a running request has to end when the store stops."""


class CertificateWorker:
    """Requests and renews the certificate between `start` and `stop`."""

    def __init__(self, rules: CertificateRules, state: StateFolder) -> None:
        self._stopped = threading.Event()
        self._manager = CertificateManager(rules, state, stopped=self._stopped)
        self._tasks = TaskSupervisor("certificate renewal")
        self.status = self._manager.status()

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the worker for MSRV_DOMAIN, None without a domain.

        Raises PackageMissing.
        """
        if not settings.domain:
            return None
        require_packages("acme", "MSRV_DOMAIN")
        return cls(
            CertificateRules.from_settings(settings),
            StateFolder(settings.data),
        )

    def use_tls_only(self) -> None:
        """Prove the names by TLS-ALPN-01 alone: plain HTTP isn't served."""
        self._manager.challenges = ("tls-alpn-01",)

    async def __aenter__(self) -> Self:
        """Start asking; the listening sockets have to be open."""
        self._tasks.start(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            await self._update()
            await asyncio.sleep(CHECK_SECONDS)

    async def _update(self) -> None:
        try:
            self.status = await self._in_thread()
        except IssuanceStopped:
            pass
        except OSError as error:
            log.error(  # noqa: TRY400 - the text says it
                "the certificate can't be renewed: %s: %s",
                error.filename,
                reason_of(error),
            )
        except Exception:
            # Whatever an authority sends: the next update may succeed, and
            # without one the certificate would expire.
            log.exception("the certificate can't be renewed")

    async def _in_thread(self) -> CertificateStatus:
        """Run an update in a daemon thread, and return the status."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[CertificateStatus] = loop.create_future()

        def finish(
            status: CertificateStatus | None, error: BaseException | None
        ) -> None:
            if done.done():
                return
            if status is None:
                done.set_exception(error or RuntimeError("no status"))
            else:
                done.set_result(status)

        def work() -> None:
            status, failure = None, None
            try:
                status = self._manager.update()
            except BaseException as error:  # noqa: BLE001 - raised in the loop
                failure = error
            # Where the store has stopped, nobody waits for the result.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(finish, status, failure)

        threading.Thread(
            target=work, name="certificate renewal", daemon=True
        ).start()
        return await done


class CertificateMetrics(Collector):
    """Expiry of the certificate, and failed attempts to renew it."""

    def __init__(self, worker: CertificateWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Return the state at this moment."""
        status = self._worker.status
        if status.expires_at is not None:
            yield GaugeMetricFamily(
                "msrv_certificate_expiry_seconds",
                "Unix time at which the certificate expires.",
                status.expires_at.timestamp(),
            )
        yield GaugeMetricFamily(
            "msrv_certificate_failures",
            "Failed attempts in a row to renew the certificate.",
            status.failures,
        )
