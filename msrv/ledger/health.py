"""How the ledger fares, for operators: said once as it changes, not often."""

import logging
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

DATABASE: Final = "database"
SPOOL: Final = "spool"
DISK: Final = "disk"
REFUNDS: Final = "list of refunds"


@dataclass(frozen=True, slots=True)
class Status:
    """The ledger as it is now.

    `state` is `ok` or `degraded`; `troubles` are sentences for an operator,
    none where it is well. `waiting_events` have happened here and are not in
    the database yet; `waiting_bytes` is their size in the spool. The rest
    are counts since the start.
    """

    state: str
    troubles: tuple[str, ...]
    waiting_events: int
    waiting_bytes: int
    posted_events: int
    set_aside_lines: int
    lost_deliveries: int


class Health:
    """What is wrong, by where; and what was counted."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self.written_events = 0
        self.posted_events = 0
        self.own_posted_events = 0
        self.set_aside_lines = 0
        self.lost_deliveries = 0

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is wrong now, a sentence each."""
        return tuple(self._troubles.values())

    def ill(self, where: str, sentence: str) -> None:
        """Say that something is wrong; the log hears of it once."""
        if self._troubles.get(where) != sentence:
            log.error("ledger resting: %s", sentence)
        self._troubles[where] = sentence

    def well(self, where: str) -> None:
        """Say that it is right, again."""
        if self._troubles.pop(where, None) is not None:
            log.info("ledger: the %s is well again", where)

    def status(self, waiting_bytes: int) -> Status:
        """Say how it is now."""
        return Status(
            state="degraded" if self._troubles else "ok",
            troubles=self.troubles,
            waiting_events=self.written_events - self.own_posted_events,
            waiting_bytes=waiting_bytes,
            posted_events=self.posted_events,
            set_aside_lines=self.set_aside_lines,
            lost_deliveries=self.lost_deliveries,
        )
