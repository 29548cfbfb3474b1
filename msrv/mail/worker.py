# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mail worker: sends the mails of the outbox, and retries with backoff.

One process of those that share an outbox sends at a time. Both an unavailable
SMTP server and a mail that it defers are retried with growing pauses; after
four days a mail is given up, and that is logged.
"""

import asyncio
import contextlib
import functools
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from msrv.mail import addresses
from msrv.mail.corrections.correction_mail import CorrectionMail
from msrv.mail.failed_mails import FailedMail
from msrv.mail.outbox import Outbox
from msrv.mail.rendering import Mail, MailRenderer
from msrv.mail.seller_mail import SellerMail
from msrv.mail.smtp import (
    PermanentFailure,
    SmtpClient,
    SmtpSession,
    SmtpUnavailable,
    SmtpUtf8Unsupported,
    TemporaryFailure,
)
from msrv.tasks import Backoff, SerialExecutor, TaskSupervisor

log = logging.getLogger(__name__)

GIVE_UP_SECONDS: Final = 4 * 24 * 3600
"""RFC 5321 section 4.5.4.1: four to five days."""
POLL_SECONDS: Final = 5.0
FINISH_SECONDS: Final = 2.0
"""Time that a mail being sent gets to finish as the store stops."""
# Without jitter: only one process at a time sends.
SERVER_BACKOFF: Final = Backoff(15, 15 * 60, jitter=0)
"""Pauses for an SMTP server that is unavailable."""
MAIL_BACKOFF: Final = Backoff(60, 4 * 3600, jitter=0)
"""Pauses for a mail that the SMTP server defers."""
_CLEANUP_SECONDS: Final = 3600.0
_BATCH_SIZE: Final = 100
_MAX_RECENT_FAILURES: Final = 20
_DROPPED_LOG_SECONDS: Final = 60
_NO_SMTPUTF8_SECONDS: Final = 24 * 3600
"""Time for which a server without SMTPUTF8 is assumed to stay without."""


@dataclass(frozen=True, slots=True)
class _Retry:
    """Number of failures so far, and the Unix second of the next attempt."""

    failures: int = 0
    due_at: int = 0

    def after_failure(self, backoff: Backoff, now: int) -> "_Retry":
        """Return the state after one more failure."""
        failures = self.failures + 1
        return _Retry(failures, now + int(backoff.seconds(failures)))


class MailWorker:
    """Sends mails while its block lasts. `clock` returns Unix seconds.

    `problem` is why the SMTP server can't be used, empty where it can.
    """

    def __init__(
        self,
        outbox: Outbox,
        client: SmtpClient,
        renderer: MailRenderer,
        clock: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._renderer = renderer
        self._clock = clock
        self._thread = SerialExecutor("mail")
        self._wake = asyncio.Event()
        self._tasks = TaskSupervisor("mail")
        self._sending = asyncio.Lock()
        self._lock: int | None = None
        self._server = _Retry()
        self._deferred: dict[str, _Retry] = {}
        self.problem = ""
        self._cleaned_at = -_CLEANUP_SECONDS
        self.pending = 0
        self.sent = 0
        self.failed = 0
        self.dropped = 0
        self._dropped_logged_at = -_DROPPED_LOG_SECONDS
        self.recent_failures: deque[FailedMail] = deque(
            maxlen=_MAX_RECENT_FAILURES
        )
        self._no_smtputf8_at: int | None = None

    @property
    def lacks_smtputf8(self) -> bool:
        """True if the server has recently reported that it lacks SMTPUTF8."""
        at = self._no_smtputf8_at
        return at is not None and self._clock() - at < _NO_SMTPUTF8_SECONDS

    async def __aenter__(self) -> Self:
        """Start sending."""
        self._tasks.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the worker; unsent mails stay in the outbox."""
        # Cancelled between the server's acceptance and `mark_done`, a mail
        # would be sent twice.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await self._sending.acquire()
        await self._tasks.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._thread.close()

    async def enqueue(self, mail: Mail) -> bool:
        """Store a mail to be sent soon; return whether it is on the disk.

        Never raises. A mail whose id is known already is the same mail, and
        is not sent twice. Those that no buyer waits for are sent last.
        """
        add = self._outbox.add
        if isinstance(mail, (SellerMail, CorrectionMail)):
            add = functools.partial(add, is_bulk=True)
        try:
            await self._thread.call(add, mail)
        except OSError as error:
            # The buyer gets the receipt, and can request the mail there.
            log.error(  # noqa: TRY400 - the message says it all
                "mail: can't store the %s: %s",
                mail.name,
                error.strerror,
            )
            return False
        self._wake.set()
        return True

    def count_dropped(self) -> None:
        """Count a mail that was requested and won't be sent.

        Logged once a minute at most: anyone can make it happen often.
        """
        self.dropped += 1
        now = self._clock()
        if not 0 <= now - self._dropped_logged_at < _DROPPED_LOG_SECONDS:
            self._dropped_logged_at = now
            log.warning(
                "mail: %d receipt mails dropped since the start: too many "
                "requests, or they couldn't be stored; buyers were informed",
                self.dropped,
            )

    async def send_due(self) -> None:
        """Try to send every mail that is due. Raises OSError.

        Returns earlier if one was added meanwhile, which is then sent first.
        """
        now = self._clock()
        found = await self._thread.call(self._outbox.pending)
        self.pending = len(found)
        known = self._deferred
        self._deferred = {each: known[each] for each in found if each in known}
        if now < self._server.due_at:
            return
        due = [
            each
            for each in found
            if self._deferred.get(each, _Retry()).due_at <= now
        ]
        for at in range(0, len(due), _BATCH_SIZE):
            await self._send_batch(due[at : at + _BATCH_SIZE], now)
            if self._wake.is_set():
                return  # a buyer's mail is new, and goes before the others

    async def _send_batch(self, mail_ids: list[str], now: int) -> None:
        """Try to send some mails over one connection."""
        mails = [
            mail
            for each in mail_ids
            if (mail := await self._thread.call(self._outbox.read, each))
        ]
        if not mails or now < self._server.due_at:
            return
        unsent, is_connected = list(mails), False
        try:
            async with self._client.session() as session:
                is_connected = True
                while unsent:
                    async with self._sending:
                        await self._send(session, unsent[0], now)
                    self._server = _Retry()
                    unsent.pop(0)
        except SmtpUnavailable as error:
            self._server = self._server.after_failure(SERVER_BACKOFF, now)
            self._set_problem(str(error))
            if is_connected and unsent:
                # Should this mail be what breaks connections, send others
                # first.
                self._defer(unsent[0].mail_id, now)
            for each in unsent:
                await self._fail_if_too_old(each, now, str(error))
        else:
            self._set_problem("")

    async def _send(self, session: SmtpSession, mail: Mail, now: int) -> None:
        """Try to send one mail. Raises SmtpUnavailable."""
        try:
            message = await self._thread.call(self._renderer.render, mail)
        except Exception as error:
            # A bug, or of another version: the other mails must not wait.
            log.exception("mail: the %s can't be written", mail.name)
            self._defer(mail.mail_id, now)
            await self._fail_if_too_old(
                mail, now, f"it can't be written: {error!r}"
            )
            return
        try:
            await session.send(message, self._renderer.sender, mail.to)
        except PermanentFailure as error:
            if isinstance(error, SmtpUtf8Unsupported):
                self._no_smtputf8_at = now
            await self._fail(mail, str(error))
        except TemporaryFailure as error:
            log.warning(
                "mail: the server defers the %s: %s",
                mail.name,
                error,
            )
            self._defer(mail.mail_id, now)
            await self._fail_if_too_old(mail, now, str(error))
        else:
            if addresses.needs_smtputf8(mail.to):
                self._no_smtputf8_at = None
            await self._thread.call(self._outbox.mark_done, mail.mail_id)
            self.sent += 1
            self.pending = max(self.pending - 1, 0)

    def _defer(self, mail_id: str, now: int) -> None:
        retry = self._deferred.get(mail_id, _Retry())
        self._deferred[mail_id] = retry.after_failure(MAIL_BACKOFF, now)

    async def _fail_if_too_old(self, mail: Mail, now: int, why: str) -> None:
        if now - mail.written_at > GIVE_UP_SECONDS:
            await self._fail(mail, why)

    async def _fail(self, mail: Mail, why: str) -> None:
        log.error("mail: gave up on the %s: %s", mail.name, why)
        await self._thread.call(self._outbox.mark_done, mail.mail_id)
        self.failed += 1
        self.recent_failures.append(FailedMail.of(mail, why, self._clock()))
        self.pending = max(self.pending - 1, 0)

    def _set_problem(self, problem: str) -> None:
        """Set the problem with the server, and log it if it changed."""
        if problem and problem != self.problem:
            log.error("mail: SMTP server unavailable: %s", problem)
        elif self.problem and not problem:
            log.info("mail: SMTP server available again")
        self.problem = problem

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._run_once()
            except OSError as error:
                self._set_problem(f"MSRV_DATA: {error.strerror}")
            except Exception:
                # A bug must not stop the worker.
                log.exception("mail could not be sent; trying again")
                await asyncio.sleep(POLL_SECONDS)
            # Other processes add mails too, and retries become due.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()

    async def _run_once(self) -> None:
        if self._lock is None:
            self._lock = await self._thread.call(self._outbox.lock)
        if self._lock is None:
            return
        await self.send_due()
        if time.monotonic() - self._cleaned_at > _CLEANUP_SECONDS:
            self._cleaned_at = time.monotonic()
            await self._thread.call(self._outbox.remove_old, time.time())


class MailMetrics(Collector):
    """Prometheus metrics of a mail worker, read at each scrape."""

    def __init__(self, worker: MailWorker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        yield GaugeMetricFamily(
            "msrv_mail_waiting",
            "Mails that have not been sent yet.",
            self._worker.pending,
        )
        yield CounterMetricFamily(
            "msrv_mail_sent",
            "Mails that the SMTP server accepted.",
            self._worker.sent,
        )
        yield CounterMetricFamily(
            "msrv_mail_given_up",
            "Mails that could not be delivered to the SMTP server.",
            self._worker.failed,
        )
        yield CounterMetricFamily(
            "msrv_mail_dropped",
            "Receipts not queued: too many requests, or a full disk.",
            self._worker.dropped,
        )
