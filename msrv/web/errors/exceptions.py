"""What can be wrong with what a visitor asks for, beyond the other rooms' own.

`notices` says what a visitor is told of each.
"""


class NothingHere(Exception):
    """The address leads to no page, release or item."""


class UnsupportedForm(Exception):
    """The body's headers don't state a form as it is read here."""


class FormTooLarge(Exception):
    """The form has more bytes or fields than are read."""


class BadField(Exception):
    """A field of a form or a query can't be read.

    `wanted` completes a sentence: "must be a number from 1".
    """

    def __init__(self, name: str, wanted: str) -> None:
        super().__init__(name)
        self.name = name
        self.wanted = wanted


class CannotBePaid(Exception):
    """No payment provider of this store takes this order."""


class PaymentRefused(Exception):
    """The payment was not made; nothing was taken."""


class CannotCheck(Exception):
    """Whether a payment was made can't be found out right now."""


class Refunded(Exception):
    """What the link led to was taken back; the link has ended."""


class SignInAgain(Exception):
    """The operator's request needs a sign-in of the last hour."""


class NoSuchShape(Exception):
    """The page has no form that the visitor accepts."""
