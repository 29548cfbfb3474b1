# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Passkeys (WebAuthn Level 3): challenges, and the responses to them.

Nothing here needs a session, a database or a request. Which passkeys there
are is in `msrv.ledger.passkeys`.

- `PasskeyError`
    - `ChallengeExpired`: the challenge is older than five minutes
    - `ChallengeInvalid`: it is missing, or wasn't issued for this
        - `ChallengeUsed`: it was used before
    - `ResponseInvalid`: the browser's response doesn't verify
    - `PasskeyUnknown`: the store has no such passkey, or no longer
    - `PasskeyCopied`: the passkey's sign count went back
    - `PasskeyExists`: the passkey was added before
    - `TooManyPasskeys`: the operator has as many as allowed
"""


class PasskeyError(Exception):
    """A passkey can't be added or used; its text is one line."""


class ChallengeExpired(PasskeyError):
    """The challenge was issued more than five minutes ago."""


class ChallengeInvalid(PasskeyError):
    """The challenge is missing, or wasn't issued for this."""


class ChallengeUsed(ChallengeInvalid):
    """The challenge was used before, here or on another replica."""


class ResponseInvalid(PasskeyError):
    """The browser's response doesn't verify; the text says why."""


class PasskeyUnknown(PasskeyError):
    """The store has no such passkey, or it was removed."""


class PasskeyCopied(PasskeyError):
    """The sign count of a passkey is not higher than at its last use."""


class PasskeyExists(PasskeyError):
    """The passkey was added before."""


class TooManyPasskeys(PasskeyError):
    """The operator has as many passkeys as allowed."""
