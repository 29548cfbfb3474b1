# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Subscriptions to the seller's newsletter, by a tick at the checkout.

The address goes to listmonk or to a webhook, which has to ask its owner for a
confirmation (double opt-in), or is sealed for the seller. Until then it is in
memory alone: it is in no log, no file and no database of the store. What can't
be delivered is tried again for a day, and is lost with the process.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from msrv.display_text import reason_of
from msrv.mail import addresses
from msrv.newsletter.sealed_file import SealedAddresses
from msrv.outbound import requests
from msrv.outbound.addresses import HostResolver, OutboundError
from msrv.outgoing_webhooks import messages
from msrv.rate_limit import Limit, RateLimited, RateLimiter, RecentKeys
from msrv.settings import Settings
from msrv.settings.delivery_types import OutgoingEndpoint
from msrv.settings.newsletter_types import (
    ListmonkLists,
    NewsletterTarget,
    SealedFile,
)
from msrv.tasks import Backoff, TaskSupervisor

log = logging.getLogger(__name__)

MAX_WAITING: Final = 1000
GIVE_UP_SECONDS: Final = 86_400
PER_NETWORK: Final = Limit(burst=5, interval_ms=600_000)
"""A stranger who ticks the box for others makes few mails to confirm."""
RECENT_SECONDS: Final = 86_400
"""A mailbox is passed on once in this time."""
_BACKOFF: Final = Backoff(first_seconds=5, max_seconds=3600)
_EVENT_BYTES: Final = 16
_ABOUT_THE_ADDRESS: Final = frozenset({400, 409, 422})
"""Answers of a receiver that refuses an address; others are its own state."""
_JSON: Final = {"Content-Type": "application/json"}


class NotPassedOn(Exception):
    """The address can't be passed on now; the text is the reason."""


class NeverAccepted(Exception):
    """The receiver refuses this address; the text is its answer."""


@dataclass(slots=True)
class _Waiting:
    """An address that waits, since when, and the failures so far."""

    address: str
    mailbox: str
    language: str
    event_id: str
    asked_at: int
    failures: int = 0
    due_at: int = 0


class NewsletterSubscriptions:
    """Passes addresses on while its block lasts.

    `clock` returns Unix seconds, `random` random bytes.
    """

    def __init__(
        self,
        target: NewsletterTarget,
        *,
        data: Path,
        private_hosts: tuple[str, ...],
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self._target = target
        self._private_hosts = private_hosts
        self._clock = clock
        self._random = random
        self._sealed = (
            SealedAddresses(data, target.recipient)
            if isinstance(target, SealedFile)
            else None
        )
        self._waiting: deque[_Waiting] = deque()
        self._limiter = RateLimiter(PER_NETWORK)
        self._recent = RecentKeys(RECENT_SECONDS)
        self._resolver = HostResolver()
        self._wake = asyncio.Event()
        self._tasks = TaskSupervisor("newsletter")

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> Self | None:
        """Return those of the settings, None without MSRV_NEWSLETTER.

        Raises PackageMissing where a key of age can't be used.
        """
        target = settings.newsletter_target
        if target is None:
            return None
        return cls(
            target,
            data=settings.data,
            private_hosts=settings.private_hosts,
            clock=clock,
            random=random,
        )

    async def __aenter__(self) -> Self:
        """Start."""
        self._tasks.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; addresses that wait are lost, and counted in the log."""
        await self._tasks.stop()
        self._resolver.close()
        if self._waiting:
            log.warning(
                "newsletter: %d subscriptions were not passed on",
                len(self._waiting),
            )

    def request(self, address: str, language: str, network: Hashable) -> bool:
        """Pass an address on soon; return whether that was accepted.

        Not accepted is more than a few from one network, and more than can
        wait. A mailbox that waits, or was passed on within a day, is
        accepted, and nothing happens.
        """
        now, mailbox = self._clock(), addresses.mailbox_key(address)
        if self._recent.has(mailbox, now) or any(
            each.mailbox == mailbox for each in self._waiting
        ):
            return True
        if len(self._waiting) >= MAX_WAITING:
            return False
        try:
            self._limiter.acquire(network, now=now)
        except RateLimited:
            return False
        event_id = f"evt_{self._random(_EVENT_BYTES).hex()}"
        self._waiting.append(
            _Waiting(address, mailbox, language, event_id, now)
        )
        self._wake.set()
        return True

    @property
    def waiting(self) -> int:
        """Number of addresses that wait."""
        return len(self._waiting)

    async def pass_on_due(self) -> None:
        """Try to pass on each address that is due."""
        for _ in range(len(self._waiting)):
            now, each = self._clock(), self._waiting[0]
            if each.due_at > now:
                self._waiting.rotate(-1)
                continue
            try:
                await self._pass_on(each)
                self._recent.add(each.mailbox, now)
            except NotPassedOn as error:
                each.failures += 1
                each.due_at = now + int(_BACKOFF.seconds(each.failures))
                if now - each.asked_at < GIVE_UP_SECONDS:
                    self._waiting.rotate(-1)
                    # The receiver may be set up wrongly: once is enough.
                    level = (
                        logging.WARNING
                        if each.failures == 1
                        else logging.DEBUG
                    )
                    log.log(level, "newsletter: trying again: %s", error)
                    continue
                log.error("newsletter: gave up on a subscription: %s", error)  # noqa: TRY400 - says it all
            except NeverAccepted as error:
                log.error("newsletter: a subscription was refused: %s", error)  # noqa: TRY400 - as above
            self._waiting.popleft()

    async def _pass_on(self, each: _Waiting) -> None:
        """Pass an address on. Raises NotPassedOn, NeverAccepted."""
        if self._sealed is not None:
            try:
                await asyncio.to_thread(
                    self._sealed.append,
                    each.address,
                    each.language,
                    each.asked_at,
                )
            except OSError as error:
                raise NotPassedOn(f"MSRV_DATA: {reason_of(error)}") from error
            return
        url, body, headers = self._request_of(each)
        host = urlsplit(url).hostname
        try:
            response = await requests.post(
                url,
                body,
                headers,
                resolver=self._resolver,
                allow_private=host in self._private_hosts,
            )
        except OutboundError as error:
            raise NotPassedOn(str(error)) from None
        status = response.status
        if 200 <= status < 300:
            return
        if status in _ABOUT_THE_ADDRESS:
            raise NeverAccepted(f"status {status}")
        if 300 <= status < 400:
            raise NotPassedOn(
                f"the receiver answered with a redirect, status {status}"
            )
        raise NotPassedOn(f"status {status}")

    def _request_of(self, each: _Waiting) -> tuple[str, bytes, dict[str, str]]:
        """Return the URL, the body and the headers of a request."""
        target = self._target
        if isinstance(target, ListmonkLists):
            fields = {
                "email": each.address,
                "name": "",
                "list_uuids": target.list_uuids,
            }
            url = f"{target.url}/api/public/subscription"
            return url, json.dumps(fields).encode(), dict(_JSON)
        assert isinstance(target, OutgoingEndpoint)  # noqa: S101 - the rest
        body = messages.newsletter_payload(
            each.address, each.language, each.asked_at
        )
        headers = messages.headers(
            target.secrets, each.event_id, body, self._clock()
        )
        return target.url, body, headers

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.pass_on_due()
            except Exception:
                log.exception("newsletter: failed; trying again")
            pause = _BACKOFF.first_seconds if self._waiting else None
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass
