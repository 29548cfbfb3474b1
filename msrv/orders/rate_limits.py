# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rate limits of the shop: what each of them counts, and allows.

An attacker with many addresses can use up a limit for all clients together,
and so lock everyone out. So there is one only where it protects something
worth more, and it is far above the use by genuine visitors.
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
LOST_PURCHASES: Final = Limit(burst=5, interval_ms=600_000)
LOST_MAILBOXES: Final = Limit(burst=3, interval_ms=6 * 3_600_000)
"""Of the mails that list purchases: nobody's mailbox is filled by others."""
LOOK_UPS: Final = Limit(burst=30, interval_ms=2_000)
UNTAGGED_LOOK_UPS: Final = Limit(burst=5, interval_ms=60_000)
ALL_UNTAGGED_LOOK_UPS: Final = Limit(burst=300, interval_ms=200)
PAYMENTS: Final = Limit(burst=60, interval_ms=2_000)
FREE_ORDER_LINES: Final = Limit(burst=300, interval_ms=10_000)
ALL_FREE_ORDER_LINES: Final = Limit(burst=20_000, interval_ms=1_000)
"""A line takes some 200 bytes of the ledger: 17 MB a day at most."""
INVOICES: Final = Limit(burst=30, interval_ms=2_000)
"""A PDF takes some 0.2 s of one core."""
GIFTS: Final = Limit(burst=5_000, interval_ms=1_000)
"""Free copies and codes made in the studio, all sign-ins together: what
somebody with a stolen sign-in can give away before it is noticed."""

SIGN_INS: Final = Limit(burst=20, interval_ms=3_000)
"""Responses of passkeys. None can be guessed; each costs a query."""


class TooManyGuesses(RateLimited):
    """Too many wrong codes were entered."""


class TooManyMails(RateLimited):
    """Too many mails were requested."""


class TooManyPayments(RateLimited):
    """Too many payments were started."""


class TooManyLookUps(RateLimited):
    """Too many payments were looked up."""


class TooManyTokens(RateLimited):
    """Too many wrong tokens of programs were sent."""


class TooManyGifts(RateLimited):
    """Too many free copies and codes were made in the studio."""


class TooManyInvoices(RateLimited):
    """Too many invoices were requested."""


class TooManySignIns(RateLimited):
    """Too many responses of passkeys were sent."""


class GuessLimits:
    """Limits on wrong codes: by the client's network, and in total by group.

    Each group has a total of its own, so that clients in one can't use up the
    guesses of another.
    """

    def __init__(self) -> None:
        self.networks = RateLimiter(GUESSES, error=TooManyGuesses)
        self.totals = RateLimiter(ALL_GUESSES, error=TooManyGuesses)

    def check(self, *keys: Hashable, group: str, now: float) -> None:
        """Check that one more guess is allowed, before the code is looked up.

        A guess beyond the limit gets no answer, right or wrong. Raises
        TooManyGuesses.
        """
        self.networks.check(*keys, now=now)
        self.totals.check(group, now=now)

    def spend(self, *keys: Hashable, group: str, now: float) -> None:
        """Count one wrong code."""
        self.networks.spend(*keys, now=now)
        self.totals.spend(group, now=now)

    @property
    def refused(self) -> int:
        """Number of times that TooManyGuesses was raised."""
        return self.networks.refused + self.totals.refused


@dataclass(frozen=True, slots=True)
class ShopLimits:
    """The limiters of the shop.

    `codes` and `discounts` count wrong codes only; `wrong_discounts` has those
    of the last minute, by client. `mails` counts mails of free orders, and
    `paid_mails` repeated mails of other orders, by network and by mailbox;
    `recent_mails` has the orders, with the address, whose first mail was
    queued within the last hour. `free_order_lines` counts the lines of free
    orders by network, and `recorded_free_orders` has those of the last hour;
    `logged` has the warnings of the last minute. `payments` counts payments
    started at a provider, by network; `look_ups` those looked up there, by
    network and quote, and `untagged_look_ups` those by return addresses from
    before the update to tags. `lost_purchases` counts requests for lost
    purchases by network, and `lost_mailboxes` by mailbox; `withdrawals` counts
    statements of withdrawal without a paid receipt, by both. `gifts` counts
    free copies and codes, `sign_ins` sign-ins by passkey by network, `tokens`
    wrong tokens of programs and `invoices` PDFs, both by network.
    """

    codes: GuessLimits = field(default_factory=GuessLimits)
    discounts: GuessLimits = field(default_factory=GuessLimits)
    wrong_discounts: RecentKeys = field(
        default_factory=lambda: RecentKeys(seconds=60)
    )
    recent_mails: RecentKeys = field(default_factory=lambda: RecentKeys(3600))
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
    recorded_free_orders: RecentKeys = field(
        default_factory=lambda: RecentKeys(3600)
    )
    logged: RecentKeys = field(default_factory=lambda: RecentKeys(60))
    payments: RateLimiter = field(
        default_factory=lambda: RateLimiter(PAYMENTS, error=TooManyPayments)
    )
    lost_purchases: RateLimiter = field(
        default_factory=lambda: RateLimiter(LOST_PURCHASES, error=TooManyMails)
    )
    lost_mailboxes: RateLimiter = field(
        default_factory=lambda: RateLimiter(LOST_MAILBOXES, error=TooManyMails)
    )
    withdrawals: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            MAILS, ALL_MAILS, error=TooManyMails
        )
    )
    look_ups: RateLimiter = field(
        default_factory=lambda: RateLimiter(LOOK_UPS, error=TooManyLookUps)
    )
    untagged_look_ups: RateLimiter = field(
        default_factory=lambda: RateLimiter(
            UNTAGGED_LOOK_UPS, ALL_UNTAGGED_LOOK_UPS, error=TooManyLookUps
        )
    )
    tokens: RateLimiter = field(
        default_factory=lambda: RateLimiter(GUESSES, error=TooManyTokens)
    )
    invoices: RateLimiter = field(
        default_factory=lambda: RateLimiter(INVOICES, error=TooManyInvoices)
    )
    gifts: RateLimiter = field(
        default_factory=lambda: RateLimiter(GIFTS, error=TooManyGifts)
    )
    sign_ins: RateLimiter = field(
        default_factory=lambda: RateLimiter(SIGN_INS, error=TooManySignIns)
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
            "lost_purchases": self.lost_purchases.refused,
            "lost_mailboxes": self.lost_mailboxes.refused,
            "withdrawals": self.withdrawals.refused,
            "look_ups": self.look_ups.refused,
            "untagged_look_ups": self.untagged_look_ups.refused,
            "invoices": self.invoices.refused,
            "gifts": self.gifts.refused,
            "sign_ins": self.sign_ins.refused,
            "tokens": self.tokens.refused,
        }
