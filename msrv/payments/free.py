"""Nothing to pay: an order whose total is zero is paid as it is made."""

from collections.abc import Mapping

from msrv.payments.model import Paid, Refused
from msrv.proofs.quotes import Quote


class Free:
    """Takes what costs nothing. Satisfies Provider."""

    name = "free"
    label = "Get it"

    def takes(self, quote: Quote) -> bool:
        """Take quotes of zero, and no other."""
        return quote.total_minor == 0

    async def begin(
        self,
        quote: Quote,
        token: str,  # noqa: ARG002 - the protocol's
        *,
        at_a_page: bool,  # noqa: ARG002 - the protocol's
    ) -> Paid:
        """Be paid at once."""
        return self._paid(quote)

    async def settle(
        self,
        quote: Quote,
        form: Mapping[str, str],  # noqa: ARG002 - the protocol's
    ) -> Paid | Refused:
        """Be paid still."""
        return self._paid(quote)

    def _paid(self, quote: Quote) -> Paid:
        if not self.takes(quote):
            raise ValueError("this quote is not free")
        return Paid()
