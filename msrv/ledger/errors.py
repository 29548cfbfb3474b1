# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of the ledger. No message holds a database's password.

- `LedgerError`
    - `SpoolFailed`: an event can't be written on this machine
        - `SpoolVersionMismatch`: a segment was written by another version
    - `DatabaseError`: the database can't be used now
        - `DatabaseUnavailable`: it is down, refuses, hangs, or is full
            - `TransactionInterrupted`: a transaction may succeed if repeated
        - `EventRejected`: it is available, but does not accept this event
        - `DatabaseUnusable`: it is available, and waiting doesn't help
            - `SchemaTooOld`: it lacks migrations
            - `SchemaTooNew`: it has migrations that this version lacks
    - `LedgerMissing`: the data folder has no ledger
    - `OrderNotFound`: the ledger has no order with this id
        - `LineNotFound`: the order does not contain this item
        - `NothingRevoked`: nothing of the order is left to restore
    - `LinkUsed`: this sign-in link to the studio was used before
    - `LinkNotRecorded`: the use of a sign-in link can't be recorded
    - `AlreadyRedeemed`: a code was redeemed for another order
    - `LimitReached`: a code or discount has no uses left
"""

from pathlib import Path


class LedgerError(Exception):
    """Error of the ledger; its text is one line."""


class SpoolFailed(LedgerError):
    """An event can't be written on this machine."""


class SpoolVersionMismatch(SpoolFailed):
    """A file with the name of a segment is of another version, or is none."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"{path} is not a spool of this version (it starts with "
            f"{found!r}): run the version that wrote it once, to empty it"
        )
        self.path = path


class DatabaseError(LedgerError):
    """The database can't be used now; events stay in the spool."""


class DatabaseUnavailable(DatabaseError):
    """The database is down, refuses, doesn't answer in time, or is full."""


class TransactionInterrupted(DatabaseUnavailable):
    """The transaction was rolled back, or its connection was lost.

    Repeating it may succeed; with a lost connection, it may be committed.
    """


class EventRejected(DatabaseError):
    """The database is available, but does not accept this event."""


class DatabaseUnusable(DatabaseError):
    """The database is available, but can't be used until it is fixed."""


class SchemaTooOld(DatabaseUnusable):
    """The database lacks tables or columns of this version."""

    def __init__(self, found: str | None) -> None:
        super().__init__(
            f"the database's tables are at revision {found}: "
            "run `msrv ledger upgrade`"
            if found
            else "the database has no tables yet: run `msrv ledger upgrade`"
        )
        self.found = found


class SchemaTooNew(DatabaseUnusable):
    """The database was upgraded by a newer version of the store."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"the database's tables are at revision {found}, but this "
            f"version supports them up to {known}: run the newer version"
        )
        self.found = found


class LedgerMissing(LedgerError):
    """The data folder is not that of a store that has run."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"there is no {file}: set MSRV_DATA to the data folder of a store "
            "that has run, or create a ledger with `msrv ledger upgrade`"
        )


class OrderNotFound(LedgerError):
    """The ledger has no order with this id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"the ledger has no order {order_id}")
        self.order_id = order_id


class NotUndecided(LedgerError):
    """The country of an order is proven, and its tax is known."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            f"the country of order {order_id} is not for you to decide: it is "
            "proven"
        )
        self.order_id = order_id


class RateNeeded(LedgerError):
    """A country's rate is needed, and isn't known."""

    def __init__(self, country: str) -> None:
        super().__init__(f"the rate of the tax in {country} is needed")
        self.country = country


class LineNotFound(OrderNotFound):
    """The order exists, but does not contain this item."""

    def __init__(
        self, order_id: str, item_id: str, held: tuple[str, ...]
    ) -> None:
        super().__init__(order_id)
        contents = ", ".join(held)
        self.args = (
            f"order {order_id} does not contain {item_id}, only {contents}",
        )
        self.item_id = item_id


class NothingRevoked(OrderNotFound):
    """Nothing of the order was revoked: there is nothing to restore."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.args = (f"nothing of order {order_id} was revoked",)


class LinkUsed(LedgerError):
    """This sign-in link to the studio was used before."""


class LinkNotRecorded(LedgerError):
    """A link's use can be recorded neither on disk nor in the database."""


class AlreadyRedeemed(LedgerError):
    """The code was redeemed for another order."""

    def __init__(self) -> None:
        super().__init__("the code was used before")


class LimitReached(LedgerError):
    """The code or discount has been used as often as it may be."""

    def __init__(self) -> None:
        super().__init__("it was used as often as it may be")
