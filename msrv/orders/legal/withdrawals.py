# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Withdrawals from contracts, by article 11a of Directive 2011/83/EU.

A statement is always accepted, recorded and confirmed; whether it is justified
is for the seller to judge. Downloads end at once only where nothing is left to
judge: the buyer has shown the receipt, agreed to no immediate delivery, and is
in time. Nobody can end another person's downloads by an order number.
"""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Self

from msrv.catalog.live_catalog import LiveCatalog
from msrv.ledger.errors import DatabaseError
from msrv.ledger.events import WHOLE_ORDER, Revoked
from msrv.ledger.ledger import Ledger
from msrv.ledger.timeouts import CHECKOUT_SECONDS
from msrv.ledger.withdrawals.events import (
    BY_WITHDRAWAL,
    WithdrawalOutcome,
    WithdrawalStated,
)
from msrv.mail import addresses
from msrv.mail.addresses import BadAddress
from msrv.mail.withdrawal_mail import WithdrawalMail
from msrv.mail.worker import MailWorker
from msrv.orders.rate_limits import ShopLimits, TooManyMails
from msrv.orders.receipt_mails import DISK_SECONDS, ReceiptMails
from msrv.proofs.receipts import Receipt
from msrv.translations import current_language

_PERIOD_SECONDS: Final = 15 * 86_400
"""Fourteen days after that of the contract, whatever the time zone."""
_ID_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class WithdrawalStatement:
    """Withdrawal that a buyer states, who has shown the `receipt` or not.

    `to` is the address for the confirmation, or empty.
    """

    order_id: str
    name: str
    to: str
    receipt: Receipt | None = None

    @property
    def withdrawal_id(self) -> str:
        """Id of the statement; the same one again is the same withdrawal."""
        if self.receipt is not None:
            return f"receipt-{self.order_id.lower()}"
        content = f"{self.order_id}\0{self.name}\0{self.to}"
        digest = hashlib.sha256(content.encode("utf-8")).hexdigest()
        return f"number-{digest[:_ID_CHARS]}"


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """Accepts statements of withdrawal.

    `mail` is None where the store sends none; `seller` are the addresses that
    are told. `clock` returns Unix seconds.
    """

    ledger: Ledger
    catalog: LiveCatalog
    mail: MailWorker | None
    limits: ShopLimits
    base_url: str
    seller: tuple[str, ...]
    clock: Callable[[], int]

    @classmethod
    def of(
        cls, mails: ReceiptMails, ledger: Ledger, seller: tuple[str, ...]
    ) -> Self:
        """Return the service of a store that sends these mails."""
        return cls(
            ledger,
            mails.catalog,
            mails.worker,
            mails.limits,
            mails.base_url,
            seller,
            mails.clock,
        )

    @property
    def reaches_seller(self) -> bool:
        """True where the seller gets each statement by mail.

        A statement by order number is of use nowhere else: only the mail has
        its name and address.
        """
        contact = self.catalog.current.shop.contact
        return self.mail is not None and bool(self._sellers(contact))

    def outcome(self, receipt: Receipt | None) -> WithdrawalOutcome:
        """Return what a statement leads to."""
        if receipt is None:
            return WithdrawalOutcome.UNPROVED
        if not receipt.total_minor:
            return WithdrawalOutcome.NOTHING_PAID
        if receipt.consent is not None:
            return WithdrawalOutcome.CONSENTED
        if self.clock() >= receipt.issued_at + _PERIOD_SECONDS:
            return WithdrawalOutcome.LATE
        return WithdrawalOutcome.ENDED

    async def submit(
        self, statement: WithdrawalStatement, network: Hashable
    ) -> tuple[WithdrawalOutcome, int]:
        """Confirm and record a statement; return what follows, and its time.

        Sent again, it is the same statement, with its first time and outcome.
        It is on the disk on return, and so are its mails. Raises SpoolFailed,
        and TooManyMails, also for a mail that the disk refuses.
        """
        now = self.clock()
        keys: list[Hashable] = [("network", network)]
        if statement.to:
            keys.append(("mailbox", addresses.mailbox_key(statement.to)))
        # With a paid receipt, without a total: however many statements
        # strangers send otherwise, those of buyers arrive. A free receipt
        # costs nothing, and would mail any number of strangers.
        limits, receipt = self.limits, statement.receipt
        is_paid = receipt is not None and receipt.total_minor > 0
        limiter = limits.paid_mails if is_paid else limits.withdrawals
        limiter.acquire(*keys, now=now)
        outcome, at = await self._first(statement.withdrawal_id) or (
            self.outcome(receipt),
            now,
        )
        # The mails first, as only they have the statement itself; and none of
        # them where the disk has no space for the rest.
        await self.ledger.reserve_space()
        await self._confirm(statement, outcome, at)
        await self.ledger.record(
            WithdrawalStated(
                statement.withdrawal_id,
                statement.order_id,
                at * 1000,
                outcome,
            )
        )
        if outcome is WithdrawalOutcome.ENDED:
            await self.ledger.record(
                Revoked(
                    statement.order_id, WHOLE_ORDER, now * 1000, BY_WITHDRAWAL
                )
            )
        return outcome, at

    async def _first(
        self, withdrawal_id: str
    ) -> tuple[WithdrawalOutcome, int] | None:
        """Return the outcome and time of a statement that was sent before.

        None for a new one, and while the database is unavailable.
        """
        if not self.ledger.is_database_ready:
            return None
        await self.ledger.sync_now()  # a second click
        try:
            async with self.ledger.read_transaction(
                CHECKOUT_SECONDS
            ) as connection:
                from msrv.ledger.withdrawals import rows  # noqa: PLC0415 - slow to import

                found = await rows.find_statement(connection, withdrawal_id)
        except DatabaseError:
            return None
        if found is None:
            return None
        stated_at_ms, outcome = found
        return WithdrawalOutcome(outcome), stated_at_ms // 1000

    async def _confirm(
        self,
        statement: WithdrawalStatement,
        outcome: WithdrawalOutcome,
        at: int,
    ) -> None:
        """Queue the confirmations, the buyer's last. Raises TooManyMails.

        So nobody has a confirmation of what the seller doesn't know.
        """
        if self.mail is None:
            return
        shop = self.catalog.current.shop
        for to in dict.fromkeys((*self._sellers(shop.contact), statement.to)):
            if to:
                is_buyer = to == statement.to
                is_stored = await self.mail.enqueue(
                    WithdrawalMail.of(
                        statement.withdrawal_id,
                        to=to,
                        order_id=statement.order_id,
                        buyer_name=statement.name,
                        buyer=statement.to,
                        outcome=outcome,
                        is_buyer=is_buyer,
                        store=shop.name,
                        contact=shop.contact,
                        base_url=self.base_url,
                        written_at=self.clock(),
                        received_at=at,
                        language=current_language().code
                        if is_buyer
                        else shop.language,
                    )
                )
                if not is_stored:
                    self.mail.count_dropped()
                    raise TooManyMails(DISK_SECONDS)

    def _sellers(self, contact: str) -> tuple[str, ...]:
        """Return the seller's addresses: those of settings, or the contact."""
        if self.seller:
            return self.seller
        try:
            return (addresses.parse(contact.removeprefix("mailto:")),)
        except BadAddress:
            return ()
