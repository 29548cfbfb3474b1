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
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from msrv.mail import addresses
from msrv.mail.corrections.correction_mail import CorrectionMail
from msrv.mail.delivery.problems import (
    LoggedProblem,
    Rejections,
    file_problem,
)
from msrv.mail.delivery.retries import SERVER_BACKOFF, DeferredMails, Retry
from msrv.mail.failed_mails import FailedMail, forget_replaced
from msrv.mail.outbox import Outbox
from msrv.mail.rendering import Mail, MailRenderer
from msrv.mail.seller_mail import SellerMail
from msrv.mail.smtp import (
    MailRejected,
    PermanentFailure,
    SmtpClient,
    SmtpSession,
    SmtpUnavailable,
    SmtpUtf8Unsupported,
    TemporaryFailure,
)
from msrv.tasks import SerialExecutor, TaskSupervisor

log = logging.getLogger(__name__)

GIVE_UP_SECONDS: Final = 4 * 24 * 3600
"""RFC 5321 section 4.5.4.1: four to five days."""
POLL_SECONDS: Final = 5.0
FINISH_SECONDS: Final = 2.0
"""Time that a mail being sent gets to finish as the store stops."""
_CLEANUP_SECONDS: Final = 3600.0
_BATCH_SIZE: Final = 100
_MAX_RECENT_FAILURES: Final = 20
_DROPPED_LOG_SECONDS: Final = 60
_NO_SMTPUTF8_SECONDS: Final = 24 * 3600
"""Time for which a server without SMTPUTF8 is assumed to stay without."""


class MailWorker:
    """Sends mails while its block lasts. `clock` returns Unix seconds."""

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
        self._server = Retry()
        self._disk = Retry()
        self._deferred = DeferredMails()
        self._unreadable: dict[str, str] = {}
        self._rejections = Rejections()
        self._server_problem = LoggedProblem(
            "SMTP server unavailable", "SMTP server available again"
        )
        self._outbox_problem = LoggedProblem(
            "the outbox can't be used", "the outbox can be used again"
        )
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
    def problem(self) -> str:
        """Why mails, or one of them, can't be sent; empty where all can."""
        return self.disk_problem or self.server_problem

    @property
    def server_problem(self) -> str:
        """Why the SMTP server can't be used, empty where it can."""
        return self._server_problem.text

    @property
    def disk_problem(self) -> str:
        """Why the outbox, or a file in it, can't be used, and which."""
        return self._outbox_problem.text or next(
            iter(self._unreadable.values()), ""
        )

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
            is_new = await self._thread.call(add, mail)
        except OSError as error:
            # The buyer gets the receipt, and can request the mail there.
            log.error(  # noqa: TRY400 - the message says it all
                "mail: can't store the %s: %s",
                mail.name,
                file_problem(error),
            )
            return False
        if is_new:
            forget_replaced(self.recent_failures, mail)
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
        """Try to send every mail that is due.

        Returns earlier if one was added meanwhile, which is then sent first.
        While mails can't be marked as done, none is sent: it would be sent
        again and again.
        """
        now = self._clock()
        if now < self._disk.due_at:
            return
        try:
            await self._send_due(now)
        except OSError as error:
            self._disk = self._disk.after_failure(SERVER_BACKOFF, now)
            self._outbox_problem.update(file_problem(error))
        else:
            self._disk = Retry()
            self._outbox_problem.update("")

    async def _send_due(self, now: int) -> None:
        """Try to send every mail that is due. Raises OSError."""
        # First: of these, none is pending any more.
        await self._thread.call(self._outbox.mark_rest)
        found = await self._thread.call(self._outbox.pending)
        self.pending = len(found)
        self._deferred.keep_only(found)
        for each in self._unreadable.keys() - set(found):
            del self._unreadable[each]
        if now < self._server.due_at:
            return
        due = [each for each in found if self._deferred.is_due(each, now)]
        for at in range(0, len(due), _BATCH_SIZE):
            await self._send_batch(due[at : at + _BATCH_SIZE], now)
            if self._wake.is_set():
                return  # a buyer's mail is new, and goes before the others

    async def _read(self, mail_id: str, now: int) -> Mail | None:
        """Return a mail, None if it is gone or can't be read."""
        try:
            mail = await self._thread.call(self._outbox.read, mail_id)
        except OSError as error:
            # Another user's file, perhaps: the other mails must not wait.
            problem = file_problem(error)
            if mail_id not in self._unreadable:
                log.error("mail: can't read %s; trying again", problem)  # noqa: TRY400 - the message says it all
            self._unreadable[mail_id] = problem
            self._deferred.defer(mail_id, now, SERVER_BACKOFF)
            return None
        self._unreadable.pop(mail_id, None)
        return mail

    async def _send_batch(self, mail_ids: list[str], now: int) -> None:
        """Try to send some mails over one connection. Raises OSError."""
        mails = [
            mail for each in mail_ids if (mail := await self._read(each, now))
        ]
        if not mails or now < self._server.due_at:
            return
        await self._thread.call(self._outbox.require_marks)
        unsent, is_connected = list(mails), False
        try:
            async with self._client.session() as session:
                is_connected = True
                while unsent:
                    async with self._sending:
                        await self._send(session, unsent[0], now)
                    self._server = Retry()
                    unsent.pop(0)
        except SmtpUnavailable as error:
            self._server = self._server.after_failure(SERVER_BACKOFF, now)
            self._server_problem.update(str(error))
            if is_connected and unsent:
                # Should this mail be what breaks connections, send others
                # first.
                self._deferred.defer(unsent[0].mail_id, now)
            for each in unsent:
                await self._fail_if_too_old(each, now, str(error))
        else:
            self._server_problem.update(self._rejections.problem)

    async def _send(self, session: SmtpSession, mail: Mail, now: int) -> None:
        """Try to send one mail. Raises SmtpUnavailable and OSError."""
        try:
            message = await self._thread.call(self._renderer.render, mail)
        except Exception as error:
            # A bug, or of another version: the other mails must not wait.
            log.exception("mail: the %s can't be written", mail.name)
            self._deferred.defer(mail.mail_id, now)
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
            if isinstance(error, MailRejected):
                self._rejections.add(mail.to, str(error))
            log.warning(
                "mail: the server doesn't accept the %s now: %s",
                mail.name,
                error,
            )
            self._deferred.defer(mail.mail_id, now)
            await self._fail_if_too_old(mail, now, str(error))
        else:
            if addresses.needs_smtputf8(mail.to):
                self._no_smtputf8_at = None
            self._rejections.clear()
            # Of another process, perhaps.
            forget_replaced(self.recent_failures, mail)
            self.sent += 1
            await self._mark_done(mail)

    async def _fail_if_too_old(self, mail: Mail, now: int, why: str) -> None:
        if now - mail.written_at > GIVE_UP_SECONDS:
            await self._fail(mail, why)

    async def _fail(self, mail: Mail, why: str) -> None:
        log.error("mail: gave up on the %s: %s", mail.name, why)
        self.failed += 1
        self.recent_failures.append(FailedMail.of(mail, why, self._clock()))
        await self._mark_done(mail)

    async def _mark_done(self, mail: Mail) -> None:
        self.pending = max(self.pending - 1, 0)
        await self._thread.call(self._outbox.mark_done, mail.mail_id)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._run_once()
            except OSError as error:
                self._outbox_problem.update(file_problem(error))
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
