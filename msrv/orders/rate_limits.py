"""The store's rate limits: what each of them counts, and how much it allows.

A limit for all clients together can be used up by strangers to lock everyone
out. So there is one only where what it protects is worth that, and it is far
above what the networks of honest visitors reach.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from msrv.rate_limit import Limit, RateLimited, RateLimiter, RecentKeys

GUESSES: Final = Limit(burst=10, interval_ms=60_000)
ALL_GUESSES: Final = Limit(burst=100_000, interval_ms=2)
"""At five hundred a second for a year, one code of 45 bits is found with a
chance of 1 in 2,200."""
MAILS: Final = Limit(burst=5, interval_ms=600_000)
ALL_MAILS: Final = Limit(burst=200, interval_ms=5_000)
LOOK_UPS: Final = Limit(burst=30, interval_ms=2_000)
UNTAGGED_LOOK_UPS: Final = Limit(burst=5, interval_ms=60_000)
ALL_UNTAGGED_LOOK_UPS: Final = Limit(burst=300, interval_ms=200)
PAYMENTS: Final = Limit(burst=60, interval_ms=2_000)
FREE_ORDER_LINES: Final = Limit(burst=300, interval_ms=10_000)
ALL_FREE_ORDER_LINES: Final = Limit(burst=20_000, interval_ms=1_000)
"""A line takes some 200 octets of the ledger: 17 MB a day at most."""


class TooManyGuesses(RateLimited):
    """Too many codes were wrong."""


class TooManyMails(RateLimited):
    """Too many mails were asked for."""


class TooManyPayments(RateLimited):
    """Too many payments were begun."""


class TooManyLookUps(RateLimited):
    """Too many payments were looked up."""


class GuessLimits:
    """Counts wrong codes: by the client's network, and by group in all.

    A group has a total of its own, so that those in one can't use up what
    the others have left.
    """

    def __init__(self) -> None:
        self.networks = RateLimiter(GUESSES, error=TooManyGuesses)
        self.totals = RateLimiter(ALL_GUESSES, error=TooManyGuesses)

    def check(self, *keys: Hashable, group: str, now: float) -> None:
        """See that one more may be wrong, before anything is looked up.

        A guess that is not allowed is not answered, right or wrong. Raises
        TooManyGuesses.
        """
        self.networks.check(*keys, now=now)
        self.totals.check(group, now=now)

    def spend(self, *keys: Hashable, group: str, now: float) -> None:
        """Count one that was wrong."""
        self.networks.spend(*keys, now=now)
        self.totals.spend(group, now=now)

    @property
    def refused(self) -> int:
        """Number of times that it has raised TooManyGuesses."""
        return self.networks.refused + self.totals.refused


@dataclass(frozen=True, slots=True)
class Limits:
    """A limiter for each thing that is limited.

    `codes` and `discounts` count only what was wrong. `wrong_discounts` are
    those that a client was told of within the last minute. `mails` counts
    those that cost nothing, and `paid_mails` a receipt that was paid for and
    is asked for again: by who asks, and by the mailbox. `mailed` are orders
    whose first mail was taken within the last hour, with its address.
    `free_order_lines` counts the lines of orders that cost nothing, by
    network; `said` is what the log was told of within the last minute.
    `payments` counts those that are begun at a provider, by network;
    `look_ups` those that are looked up there, by network and quote, and
    `untagged_look_ups` those by addresses of before the update to tags.
    """

    codes: GuessLimits = field(default_factory=GuessLimits)
    discounts: GuessLimits = field(default_factory=GuessLimits)
    wrong_discounts: RecentKeys = field(
        default_factory=lambda: RecentKeys(seconds=60)
    )
    mailed: RecentKeys = field(default_factory=lambda: RecentKeys(3600))
    mails: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            MAILS, ALL_MAILS, error=TooManyMails
        )
    )
    paid_mails: RateLimiter = field(
        default_factory=lambda: RateLimiter(MAILS, error=TooManyMails)
    )
    free_order_lines: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            FREE_ORDER_LINES, ALL_FREE_ORDER_LINES
        )
    )
    free_orders_written: RecentKeys = field(
        default_factory=lambda: RecentKeys(3600)
    )
    said: RecentKeys = field(default_factory=lambda: RecentKeys(60))
    payments: RateLimiter = field(
        default_factory=lambda: RateLimiter(PAYMENTS, error=TooManyPayments)
    )
    look_ups: RateLimiter = field(
        default_factory=lambda: RateLimiter(LOOK_UPS, error=TooManyLookUps)
    )
    untagged_look_ups: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            UNTAGGED_LOOK_UPS, ALL_UNTAGGED_LOOK_UPS, error=TooManyLookUps
        )
    )

    def refused(self) -> dict[str, int]:
        """Return how often each limit was reached, by its name."""
        return {
            "codes": self.codes.refused,
            "discounts": self.discounts.refused,
            "mails": self.mails.refused,
            "paid_mails": self.paid_mails.refused,
            "free_orders": self.free_order_lines.refused,
            "payments": self.payments.refused,
            "look_ups": self.look_ups.refused,
            "untagged_look_ups": self.untagged_look_ups.refused,
        }
