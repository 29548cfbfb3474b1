"""Nothing to pay: an order whose total is zero is paid as it is made."""

from msrv.money import Money
from msrv.payments.errors import NoSuchPayment
from msrv.payments.provider import Answer, Bill, Paid, Settled
from msrv.proofs.quotes import Quote


class Free:
    """Takes what costs nothing. Satisfies Provider."""

    name = "free"
    label = "Get it"
    page = None
    origins = ()
    ear = None

    def takes(self, quote: Quote) -> bool:
        """Take quotes of zero, and no other."""
        return quote.total_minor == 0

    async def begin(self, bill: Bill) -> Paid:
        """Be paid at once."""
        # Zero, whatever the quote says: the till compares the two.
        quote = bill.quote
        return Paid(Money(0, quote.currency), quote.order_id)

    async def settle(
        self,
        answer: Answer,  # noqa: ARG002 - the protocol's
    ) -> Settled:
        """Be asked in vain: there is nothing to come back from."""
        raise NoSuchPayment

    async def aclose(self) -> None:
        """Hold nothing."""
