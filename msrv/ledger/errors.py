"""The ways the ledger fails. None of them holds an address of a database.

- `LedgerError`
    - `SpoolFailed`: what happened can't be written down on this machine
        - `OtherSpool`: it was written by another version
    - `DatabaseError`: the database can't be used now
        - `Unreachable`: it is away, refuses, hangs, or is full
        - `Rejected`: it takes others, and not this event
        - `Unsuitable`: it is there, and waiting does not help
            - `Behind`: it lacks migrations
            - `Ahead`: it has migrations that this version does not know
    - `NoSuchOrder`: the ledger knows of no order by this id
        - `NoSuchLine`: the order is known and does not hold this item
        - `NothingRevoked`: there is nothing of it to give back
    - `LinkUsed`: this sign-in link to the studio was used before
    - `CannotRemember`: nothing can be written, so no sign-in link is taken
    - `AlreadyRedeemed`: a code has become another order
    - `UsedUp`: what can be used so often has been
"""

from pathlib import Path


class LedgerError(Exception):
    """Something about the ledger went wrong; its text is one line."""


class SpoolFailed(LedgerError):
    """What happened can't be written down on this machine."""


class OtherSpool(SpoolFailed):
    """A spool of another version, or none at all, under a spool's name."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"{path} is not a spool of this version (it begins {found!r}): "
            "start the version that wrote it once, so that it empties it"
        )
        self.path = path


class DatabaseError(LedgerError):
    """The database can't be used now; what happens stays in the spool."""


class Unreachable(DatabaseError):
    """The database is away, refuses, does not answer in time, or is full."""


class Rejected(DatabaseError):
    """The database takes other things, and not this one."""


class Unsuitable(DatabaseError):
    """The database is there, and can't be used until someone mends it."""


class Behind(Unsuitable):
    """The database lacks tables or columns of this version."""

    def __init__(self, found: str | None) -> None:
        super().__init__(
            f"the database's tables are at revision {found}: "
            "run `python -m msrv ledger upgrade`"
            if found
            else "the database has no tables yet: "
            "run `python -m msrv ledger upgrade`"
        )
        self.found = found


class Ahead(Unsuitable):
    """The database was upgraded by a newer version of the store."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"the database's tables are at revision {found}, and this "
            f"version knows them up to {known}: run the newer version"
        )
        self.found = found


class NoSuchOrder(LedgerError):
    """The ledger knows of no order by this id."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"the ledger knows of no order {order_id}")
        self.order_id = order_id


class NoSuchLine(NoSuchOrder):
    """The order is known, and does not hold this item."""

    def __init__(
        self, order_id: str, item_id: str, held: tuple[str, ...]
    ) -> None:
        super().__init__(order_id)
        self.args = (
            f"order {order_id} holds no {item_id}, but {', '.join(held)}",
        )
        self.item_id = item_id


class NothingRevoked(NoSuchOrder):
    """Nothing of the order was revoked: there is nothing to give back."""

    def __init__(self, order_id: str) -> None:
        super().__init__(order_id)
        self.args = (f"nothing of order {order_id} was revoked",)


class LinkUsed(LedgerError):
    """This sign-in link to the studio was used before."""


class CannotRemember(LedgerError):
    """That a link is used can't be written down: not here, not there."""


class AlreadyRedeemed(LedgerError):
    """The code has become another order before."""

    def __init__(self) -> None:
        super().__init__("the code was used before")


class UsedUp(LedgerError):
    """It has been used as often as it can be."""

    def __init__(self) -> None:
        super().__init__("it was used as often as it can be")
