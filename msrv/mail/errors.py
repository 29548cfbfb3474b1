"""The ways a mail fails. None of them holds a buyer's address.

- `MailError`
    - `BadAddress`: this is no address that mail can be sent to
    - `Away`: the relay can't be used now, whichever letter it is
    - `Later`: the relay doesn't take this letter now
    - `Never`: the relay doesn't take this letter, and waiting won't help
        - `NoSmtpUtf8`: since it takes no addresses outside ASCII
"""


class MailError(Exception):
    """A mail was not sent; its text is one line for an operator."""


class BadAddress(MailError):
    """This is no address that mail can be sent to."""


class Away(MailError):
    """The relay is away, refuses us, hangs, or is not who it should be."""


class Later(MailError):
    """The relay asks to come back with this letter (4xx)."""


class Never(MailError):
    """The relay will not take this letter (5xx)."""


class NoSmtpUtf8(Never):
    """The relay doesn't offer SMTPUTF8, which this address needs."""
