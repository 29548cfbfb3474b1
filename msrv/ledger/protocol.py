"""What the rest of the store asks of a ledger, whichever way it keeps it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from msrv.ledger.events import WHOLE, Event, Redeemed, Sale
from msrv.ledger.health import Status
from msrv.ledger.revocations import Revocations
from msrv.ledger.uses import Redemption

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from msrv.ledger.db.revoke import TakenLine


class Memory(Protocol):
    """What the pages ask of a ledger, while its block lasts."""

    async def __aenter__(self) -> Self:
        """Begin."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        ...

    @property
    def revocations(self) -> Revocations:
        """What may no longer be downloaded."""
        ...

    async def ready_to_sell(self) -> None:
        """See that a sale can be written down. Raises SpoolFailed."""
        ...

    async def sold(self, sale: Sale) -> None:
        """Write a sale down before its receipt is shown. Never raises."""
        ...

    async def record(self, event: Event) -> None:
        """Write an event down. Raises SpoolFailed."""
        ...

    async def used(self, redeemed: Redeemed) -> None:
        """Write a use down that nobody has to wait for. Never raises."""
        ...

    async def redeem(self, redeemed: Redeemed, sale: Sale) -> Redemption:
        """Turn a code into an order. Raises AlreadyRedeemed, DatabaseError."""
        ...

    async def use(self, redeemed: Redeemed, start: str, most: int) -> None:
        """Take one of so many uses. Raises UsedUp, DatabaseError."""
        ...

    async def uses(self, start: str) -> int:
        """Count the uses whose names begin so. Raises DatabaseError."""
        ...

    def on_sent(
        self, order_id: str, item_id: str, etag: str, size_bytes: int
    ) -> Callable[[tuple[int, int]], None]:
        """Give what to tell of each range of a download that has left."""
        ...

    def status(self) -> Status:
        """Say how the ledger fares."""
        ...

    def reading(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Read from the database. Raises DatabaseError while it rests."""
        ...

    async def revoke(
        self,
        order_id: str,
        item_id: str = WHOLE,
        *,
        by: str,
        undo: bool = False,
    ) -> "tuple[TakenLine, ...]":
        """Take an order back, or one line of it, or undo that."""
        ...
