"""A pretend payment, for looking around: plainly labelled, no money moves.

The registry offers it only where the operator asked for it or where the
library is the bundled one.
"""

from msrv.money import Money
from msrv.payments.errors import NoSuchPayment
from msrv.payments.provider import Answer, Bill, Paid, PayAt, Refused, Settled
from msrv.proofs.quotes import Quote


class Demo:
    """Takes any quote and no money. Satisfies Provider."""

    name = "demo"
    label = "Pretend to pay"
    page = "pay_demo.html"
    origins = ()
    ear = None

    def takes(self, quote: Quote) -> bool:
        """Take what costs something; what costs nothing needs no pretence."""
        return quote.total_minor > 0

    async def begin(self, bill: Bill) -> Paid | PayAt:
        """Send a person to the pretend page; a program has paid already."""
        if bill.at_a_page:
            return PayAt(f"/payments/demo/{bill.token}")
        return _paid(bill.quote)

    async def settle(self, answer: Answer) -> Settled:
        """Do as the pressed button says."""
        if answer.quote is None:
            raise NoSuchPayment
        pays = answer.fields.get("answer") == "pay"
        return Settled(
            answer.token, _paid(answer.quote) if pays else Refused()
        )

    async def aclose(self) -> None:
        """Hold nothing."""


def _paid(quote: Quote) -> Paid:
    return Paid(Money(quote.total_minor, quote.currency), quote.order_id)
