"""A pretend payment, for looking around: plainly labelled, no money moves.

The registry offers it only where the operator asked for it or where the
library is the bundled one.
"""

from collections.abc import Mapping

from msrv.payments.model import Paid, PayAt, Refused
from msrv.proofs.quotes import Quote


class Demo:
    """Takes any quote and no money. Satisfies Provider."""

    name = "demo"
    label = "Pretend to pay"

    def takes(self, quote: Quote) -> bool:
        """Take what costs something; what costs nothing needs no pretence."""
        return quote.total_minor > 0

    async def begin(
        self,
        quote: Quote,  # noqa: ARG002 - the protocol's
        token: str,
        *,
        at_a_page: bool,
    ) -> Paid | PayAt:
        """Send a person to the pretend page; a program has paid already."""
        return PayAt(f"/payments/demo/{token}") if at_a_page else Paid()

    async def settle(
        self,
        quote: Quote,  # noqa: ARG002 - the protocol's
        form: Mapping[str, str],
    ) -> Paid | Refused:
        """Do as the pressed button says."""
        return Paid() if form.get("answer") == "pay" else Refused()
