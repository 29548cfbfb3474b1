"""The store's rate limits: what each of them counts, and how much it allows.

A limit for all clients together can be used up by strangers to lock everyone
out. So there is one only where what it protects is worth that, and it is far
above what the networks of honest visitors reach.
"""

from dataclasses import dataclass, field
from typing import Final

from msrv.rate_limit import Limit, RateLimited, RateLimiter

GUESSES: Final = Limit(burst=10, interval_ms=60_000)
ALL_GUESSES: Final = Limit(burst=100_000, interval_ms=2)
"""At five hundred a second for a year, one code of 45 bits is found with a
chance of 1 in 2,200."""
MAILS: Final = Limit(burst=5, interval_ms=600_000)
ALL_MAILS: Final = Limit(burst=200, interval_ms=5_000)


class TooManyGuesses(RateLimited):
    """Too many codes were wrong."""


class TooManyMails(RateLimited):
    """Too many mails were asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A limiter for each thing that is limited.

    `codes` and `discounts` count only what was wrong: by the network of the
    client. `mails` counts those that cost nothing: by who asks, and by the
    mailbox.
    """

    codes: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            GUESSES, ALL_GUESSES, error=TooManyGuesses
        )
    )
    discounts: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            GUESSES, ALL_GUESSES, error=TooManyGuesses
        )
    )
    mails: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            MAILS, ALL_MAILS, error=TooManyMails
        )
    )
