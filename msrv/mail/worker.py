"""The postman: takes what lies in the outbox to the relay, again and again.

One process of those that share an outbox is it at a time. A relay that is
away is asked less and less often, and so is each letter that it puts off;
after four days of that a letter is given up, and the log says so.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from msrv.mail import addresses
from msrv.mail.errors import Away, Later, Never, NoSmtpUtf8
from msrv.mail.outbox import Outbox
from msrv.mail.receipt_mail import Letter
from msrv.mail.rendering import Writer
from msrv.mail.smtp import Relay, Session
from msrv.tasks import SerialExecutor, TaskSupervisor

log = logging.getLogger(__name__)

GIVE_UP_SECONDS: Final = 4 * 24 * 3600
"""RFC 5321 section 4.5.4.1: four to five days."""
LOOK_SECONDS: Final = 5.0
FINISH_SECONDS: Final = 2.0
"""How long a letter on its way is waited for as the store ends."""
_TIDY_SECONDS: Final = 3600.0
_AT_ONCE: Final = 100
_MAX_GIVEN_UP: Final = 20
_DROPPED_SAID_SECONDS: Final = 60
_UNICODE_REFUSED_SECONDS: Final = 24 * 3600
"""For how long a relay without SMTPUTF8 is believed to have none."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A receipt that won't be sent: of which order, why, and since when."""

    order_id: str
    why: str
    at: int


def relay_wait_seconds(tries: int) -> int:
    """Say how long to leave a relay alone that was away `tries` times."""
    return int(min(15 * 2 ** min(tries - 1, 10), 15 * 60))


def letter_wait_seconds(tries: int) -> int:
    """Say how long to keep a letter that was put off `tries` times."""
    return int(min(60 * 2 ** min(tries - 1, 10), 4 * 3600))


class Postman:
    """Sends letters while its block lasts. `clock` gives Unix seconds.

    `trouble` says why the relay can't be used; empty where it can.
    """

    def __init__(
        self,
        outbox: Outbox,
        relay: Relay,
        writer: Writer,
        clock: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._outbox = outbox
        self._relay = relay
        self._writer = writer
        self._clock = clock
        self._thread = SerialExecutor("mail")
        self._more = asyncio.Event()
        self._work = TaskSupervisor("mail")
        self._on_its_way = asyncio.Lock()
        self._held: int | None = None
        self._away = (0, 0)  # how often, until when
        self._put_off: dict[str, tuple[int, int]] = {}
        self.trouble = ""
        self._tidied = -_TIDY_SECONDS
        self.waiting = 0
        self.sent = 0
        self.given_up = 0
        self.dropped = 0
        self._dropped_said_at = -_DROPPED_SAID_SECONDS
        self.last_given_up: deque[GivenUp] = deque(maxlen=_MAX_GIVEN_UP)
        self._unicode_refused_at: int | None = None

    @property
    def refuses_unicode(self) -> bool:
        """Whether the relay has said lately that it has no SMTPUTF8."""
        at = self._unicode_refused_at
        return at is not None and self._clock() - at < _UNICODE_REFUSED_SECONDS

    async def __aenter__(self) -> Self:
        """Begin."""
        self._work.start(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; what wasn't sent lies in the outbox."""
        # Cut off between the relay's yes and its mark, it would go twice.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await self._on_its_way.acquire()
        await self._work.stop()
        if self._held is not None:
            os.close(self._held)
            self._held = None
        self._thread.close()

    async def post(self, letter: Letter) -> bool:
        """Write a letter down, to be sent soon. Never raises.

        Whether it is on the disk. One whose id was there before is the same
        letter, and not sent twice.
        """
        try:
            await self._thread.call(self._outbox.put, letter)
        except OSError as error:
            # Who has paid gets the receipt, and can ask for the mail there.
            log.error(  # noqa: TRY400 - says it all
                "mail: the receipt of order %s can't be written down: %s",
                letter.receipt.order_id,
                error.strerror,
            )
            return False
        self._more.set()
        return True

    def drop(self) -> None:
        """Count a mail that was asked for and won't be sent.

        The log says so once a minute: strangers can make it happen often.
        """
        self.dropped += 1
        now = self._clock()
        if not 0 <= now - self._dropped_said_at < _DROPPED_SAID_SECONDS:
            self._dropped_said_at = now
            log.warning(
                "mail: %d receipts not sent since the start: too many were "
                "asked for, or the disk refused; the buyers were told",
                self.dropped,
            )

    async def round(self) -> None:
        """Try every letter that is due now. Raises OSError."""
        now = self._clock()
        found = await self._thread.call(self._outbox.waiting)
        self.waiting = len(found)
        known = self._put_off
        self._put_off = {each: known[each] for each in found if each in known}
        if now < self._away[1]:
            return
        due = [
            each for each in found if self._put_off.get(each, (0, 0))[1] <= now
        ]
        for at in range(0, len(due), _AT_ONCE):
            await self._deliver(due[at : at + _AT_ONCE], now)

    async def _deliver(self, letter_ids: list[str], now: int) -> None:
        """Try some letters over one connection."""
        letters = [
            letter
            for each in letter_ids
            if (letter := await self._thread.call(self._outbox.read, each))
        ]
        if not letters or now < self._away[1]:
            return
        left, is_connected = list(letters), False
        try:
            async with self._relay.session() as session:
                is_connected = True
                while left:
                    async with self._on_its_way:
                        await self._send(session, left[0], now)
                    self._away = (0, 0)
                    left.pop(0)
        except Away as error:
            tries = self._away[0] + 1
            self._away = (tries, now + relay_wait_seconds(tries))
            self._say(str(error))
            if is_connected and left:
                # Should it be this one that ends connections, let others by.
                self._put_letter_off(left[0].letter_id, now)
            for each in left:
                await self._perhaps_give_up(each, now, str(error))
        else:
            self._say("")

    async def _send(self, session: Session, letter: Letter, now: int) -> None:
        """Try one letter. Raises Away."""
        mail = await self._thread.call(self._writer.write, letter)
        try:
            await session.send(mail, self._writer.sender, letter.to)
        except Never as error:
            if isinstance(error, NoSmtpUtf8):
                self._unicode_refused_at = now
            await self._give_up(letter, str(error))
        except Later as error:
            log.warning(
                "mail: the relay puts off the receipt of order %s: %s",
                letter.receipt.order_id,
                error,
            )
            self._put_letter_off(letter.letter_id, now)
            await self._perhaps_give_up(letter, now, str(error))
        else:
            if addresses.needs_smtputf8(letter.to):
                self._unicode_refused_at = None
            await self._thread.call(self._outbox.done, letter.letter_id)
            self.sent += 1
            self.waiting = max(self.waiting - 1, 0)

    def _put_letter_off(self, letter_id: str, now: int) -> None:
        tries = self._put_off.get(letter_id, (0, 0))[0] + 1
        self._put_off[letter_id] = (tries, now + letter_wait_seconds(tries))

    async def _perhaps_give_up(
        self, letter: Letter, now: int, why: str
    ) -> None:
        if now - letter.written_at > GIVE_UP_SECONDS:
            await self._give_up(letter, why)

    async def _give_up(self, letter: Letter, why: str) -> None:
        log.error(
            "mail: gave up the receipt of order %s: %s",
            letter.receipt.order_id,
            why,
        )
        await self._thread.call(self._outbox.done, letter.letter_id)
        self.given_up += 1
        self.last_given_up.append(
            GivenUp(letter.receipt.order_id, why, self._clock())
        )
        self.waiting = max(self.waiting - 1, 0)

    def _say(self, trouble: str) -> None:
        """Say what is wrong with the relay as it changes, not each time."""
        if trouble and trouble != self.trouble:
            log.error("mail: the relay can't be used: %s", trouble)
        elif self.trouble and not trouble:
            log.info("mail: the relay is well again")
        self.trouble = trouble

    async def _run(self) -> None:
        while True:
            self._more.clear()
            try:
                await self._turn()
            except OSError as error:
                self._say(f"MSRV_DATA: {error.strerror}")
            except Exception:
                # A mistake of ours must not end what sends the mail.
                log.exception("mail could not be sent; trying again")
                await asyncio.sleep(LOOK_SECONDS)
            # Other processes put letters there too, and waits come to an end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._more.wait()

    async def _turn(self) -> None:
        if self._held is None:
            self._held = await self._thread.call(self._outbox.lock)
        if self._held is None:
            return
        await self.round()
        if time.monotonic() - self._tidied > _TIDY_SECONDS:
            self._tidied = time.monotonic()
            await self._thread.call(self._outbox.tidy, time.time())
