"""The ways a payment fails.

- `PaymentError`
    - `ProviderAway`: who takes the money does not answer now
        - `ProviderBusy`: it is asked as much as it may be at once
    - `AmountNotTaken`: who takes the money takes no such amount
    - `NoSuchPayment`: there is none, or it is another store's
    - `PaidOtherwise`: not what was quoted: nothing is granted
    - `NotSigned`: a message that is not the provider's
    - `UnknownYet`: a message about what can't be found, or not yet
    - `InboxFailed`: a message can't be written down on this machine
"""

from msrv.money import Money


class PaymentError(Exception):
    """A payment that can't go on."""


class ProviderAway(PaymentError):
    """Who takes the money does not answer, or not as it should."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(f"{provider}: {why}")
        self.provider = provider
        self.why = why


class ProviderBusy(ProviderAway):
    """As many questions wait for the provider as may; come back later."""


class AmountNotTaken(PaymentError):
    """Who takes the money takes no such amount, or not in this currency."""

    def __init__(self, total: Money) -> None:
        super().__init__(total)
        self.total = total


class NoSuchPayment(PaymentError):
    """The provider knows of no such payment, or it is not this store's."""


class PaidOtherwise(PaymentError):
    """What was paid is not what was quoted; nothing is granted for it."""

    def __init__(self, quoted: Money, paid: Money, reference: str) -> None:
        super().__init__(quoted, paid)
        self.quoted = quoted
        self.paid = paid
        self.reference = reference


class NotSigned(PaymentError):
    """A message that its provider has not signed, or not just now."""


class UnknownYet(PaymentError):
    """What a message is about can't be found, or not yet."""


class InboxFailed(PaymentError):
    """A message can't be written down: the sender has to tell again."""
