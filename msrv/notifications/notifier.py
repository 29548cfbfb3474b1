# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""SellerNotifier: mails the seller what happens in the store.

It reads the ledger's feed, and stores mails in the outbox, so that a sale
never waits for it. The place in the feed is advanced in the transaction in
which the mail is stored: of several replicas one tells, and while the ledger
is unavailable, everything is told later. Only a process that is killed between
the two, or loses the database there, leaves a mail whose events are told
again: with the same Message-ID, unless there are more of them by then.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.health_checks.findings import CheckResult
from msrv.health_checks.table import LatestResults
from msrv.ledger.errors import DatabaseUnavailable, LedgerError
from msrv.ledger.health import Status
from msrv.ledger.ledger import Ledger
from msrv.mail.seller_mail import Row, Section, SellerMail
from msrv.mail.worker import MailWorker
from msrv.notifications import problems, statements
from msrv.notifications.notifier_settings import NotificationSettings
from msrv.notifications.problems import Reported
from msrv.notifications.statements import StatementInterval
from msrv.settings import NotifyTopic, Settings
from msrv.tasks import TaskSupervisor, finish
from msrv.translations import Language, gettext, language_set_to
from msrv.translations.negotiation import parse_language

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 10.0
CHECK_SECONDS: Final = 15 * 60.0
"""Pause between two checks for problems, which connect to other servers."""
_FIRST_CHECK_SECONDS: Final = 60.0


class MailNotStored(Exception):
    """The outbox can't be written; the notification is retried."""


class SellerNotifier:
    """Mails the seller while its block lasts. `clock` returns Unix seconds."""

    def __init__(
        self,
        settings: NotificationSettings,
        *,
        ledger: Ledger,
        catalog: LiveCatalog,
        mail: MailWorker,
        checks: LatestResults,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._catalog = catalog
        self._mail = mail
        self._checks = checks
        self._clock = clock
        self._tasks = TaskSupervisor("notifications")
        self._has_told = False
        self._troubled_at: int | None = None
        self._reported: dict[str, Reported] = {}
        self._dropped = 0
        self._failed = 0

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        ledger: Ledger,
        catalog: LiveCatalog,
        mail: MailWorker | None,
        checks: LatestResults,
        clock: Callable[[], int],
    ) -> "SellerNotifier | None":
        """Return the notifier of the settings, None without MSRV_NOTIFY.

        Raises WrongSetting for an invalid address.
        """
        wanted = NotificationSettings.of(settings)
        if wanted is None or mail is None:
            return None
        return cls(
            wanted,
            ledger=ledger,
            catalog=catalog,
            mail=mail,
            checks=checks,
            clock=clock,
        )

    async def __aenter__(self) -> Self:
        """Start."""
        self._tasks.start(self._run_events(), self._run_problems())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; what wasn't told is told after the next start."""
        await self._tasks.stop()

    async def tell_events(self) -> None:
        """Mail the sales, refunds and disputes since the last mail.

        Raises LedgerError, NotReady, MailNotStored.
        """
        from msrv.ledger.db.feed import event_orders  # noqa: PLC0415 - slow
        from msrv.notifications import (  # noqa: PLC0415 - slow to import
            event_mails,
            unread_events,
        )

        kinds = event_mails.kinds_of(self._settings.topics)
        now = self._clock()
        async with self._ledger.read_transaction() as connection:
            if not await unread_events.has_work(connection, now):
                self._has_told = True
                return
        async with self._ledger.write_transaction() as connection:
            events = await unread_events.read_unread(
                connection, kinds, now, may_have_been_off=not self._has_told
            )
            if not events:
                self._has_told = events is None
                return
            orders = await event_orders.load_orders(
                connection, [each.order_id for each in events]
            )
            with language_set_to(self._language):
                subject = event_mails.subject(events, orders)
                content = event_mails.sections(
                    events, orders, self._settings.base_url
                )
            key = [each.event_id for each in events]
            await self._store(subject, content, key)
            pause = now + self._settings.pause_seconds
            await unread_events.mark_told(connection, events[-1], pause)
            self._has_told = True

    async def tell_statements(self) -> None:
        """Mail the statements that are due.

        Raises LedgerError, NotReady, MailNotStored.
        """
        for topic, name, last in (
            (NotifyTopic.WEEKLY, "weekly", statements.last_week),
            (NotifyTopic.MONTHLY, "monthly", statements.last_month),
        ):
            if topic in self._settings.topics:
                await self._tell_statement(name, last)

    async def tell_problems(self) -> None:
        """Mail the problems that are new. Raises OSError, MailNotStored."""
        if NotifyTopic.PROBLEMS not in self._settings.topics:
            return
        now = self._clock()
        status = self._ledger.status()
        if not status.troubles:
            self._troubled_at = None
        elif self._troubled_at is None:
            self._troubled_at = now
        checks = await self._checks.get()
        await finish(self._tell_found(checks, status, now))

    async def _tell_found(
        self, checks: Sequence[CheckResult], status: Status, now: int
    ) -> None:
        """Mail the current problems that weren't reported yet."""
        data = self._settings.data
        stored = await asyncio.to_thread(problems.read_reported, data)
        # In memory is what couldn't be written, in the file what another
        # process has reported.
        reported = problems.merged(stored, self._reported)
        with language_set_to(self._language):
            current = problems.find_problems(
                checks,
                status,
                0 if self._troubled_at is None else now - self._troubled_at,
                dropped=self._mail.dropped - self._dropped,
                failed=self._mail.failed - self._failed,
            )
            new = problems.new_problems(current, reported, now)
            if new:
                rows = [
                    Row(line)
                    for each in new
                    for line in (each.text, each.fix)
                    if line
                ]
                heading = gettext("Needs attention")
                await self._store(
                    gettext(
                        "%(store)s needs attention",
                        store=self._catalog.current.shop.name,
                    ),
                    (Section(heading, tuple(rows)),),
                    [*sorted(each.key for each in new), str(now)],
                )
        self._dropped, self._failed = self._mail.dropped, self._mail.failed
        self._reported = problems.updated(reported, current, new, now)
        if self._reported != stored:
            await asyncio.to_thread(
                problems.write_reported, data, self._reported
            )

    @property
    def _language(self) -> Language:
        """The store's own language. Raises NotReady."""
        return parse_language(self._catalog.current.shop.language)

    async def _tell_statement(
        self, name: str, last: Callable[[int], StatementInterval]
    ) -> None:
        from msrv.ledger.db.feed import consumers  # noqa: PLC0415 - slow

        now = self._clock()
        interval = last(now - statements.SETTLED_SECONDS)
        newest = last(now).number
        async with self._ledger.read_transaction() as connection:
            known = await consumers.load(connection, name)
            if known and interval.number <= known.number <= newest:
                return
        async with self._ledger.write_transaction() as connection:
            known = await consumers.load(connection, name)
            if known and interval.number <= known.number <= newest:
                return  # another replica has sent it
            number = interval.number
            if known and known.number < number:
                await self._store_statement(connection, name, interval)
            else:
                # None of what had ended before there were notifications, or
                # before the clock was set back.
                number = newest
            await consumers.save(connection, consumers.Consumer(name, number))

    async def _store_statement(
        self,
        connection: "AsyncConnection",
        name: str,
        interval: StatementInterval,
    ) -> None:
        from msrv.ledger.db.aggregates import DAY_SECONDS  # noqa: PLC0415 - slow
        from msrv.ledger.db.reports import (  # noqa: PLC0415 - slow
            statement_queries,
        )

        sums = await statement_queries.sums_by_currency(
            connection, interval.first_day, interval.last_day
        )
        since = interval.first_day * DAY_SECONDS
        before = (interval.last_day + 1) * DAY_SECONDS
        items = await statement_queries.sums_by_item(
            connection, since, before, statements.MAX_ITEMS
        )
        countries = await statement_queries.sums_by_country(
            connection, since, before
        )
        catalog = self._catalog.current
        subject_of = (
            statements.week_subject
            if name == "weekly"
            else statements.month_subject
        )
        with language_set_to(self._language):
            await self._store(
                subject_of(interval, catalog.shop.name),
                statements.sections(sums, items, countries, catalog),
                [name, str(interval.number)],
            )

    async def _store(
        self,
        subject: str,
        content: Sequence[Section],
        key: Iterable[str],
    ) -> None:
        """Store a mail to each address. Raises MailNotStored, NotReady."""
        parts = tuple(key)
        for to in self._settings.to:
            mail = SellerMail(
                SellerMail.id_of(to, *parts),
                to,
                self._catalog.current.shop.name,
                self._clock(),
                subject,
                tuple(content),
                self._language.code,
            )
            if not await self._mail.enqueue(mail):
                raise MailNotStored

    async def _run_events(self) -> None:
        await self._catalog.ready()
        while True:
            try:
                # Not before SQLAlchemy has been imported by the ledger.
                self._ledger.database()
                # A mail that is stored is then recorded as told.
                await finish(self.tell_events())
                await finish(self.tell_statements())
            except (LedgerError, NotReady, MailNotStored) as error:
                if not isinstance(error, DatabaseUnavailable):
                    log.debug("notifications are delayed: %r", error)
            except Exception:
                log.exception("notifications failed; trying again")
            await asyncio.sleep(POLL_SECONDS)

    async def _run_problems(self) -> None:
        await self._catalog.ready()
        await asyncio.sleep(_FIRST_CHECK_SECONDS)
        while True:
            try:
                await self.tell_problems()
            except (OSError, NotReady, MailNotStored) as error:
                log.debug("problems are reported later: %r", error)
            except Exception:
                log.exception("problems could not be reported; trying again")
            await asyncio.sleep(CHECK_SECONDS)
