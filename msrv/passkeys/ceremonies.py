# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Registration and authentication ceremonies of WebAuthn.

https://www.w3.org/TR/webauthn-3/, sections 7.1 and 7.2. The user has to be
verified, by a fingerprint or a PIN, and the credential is discoverable, so
that signing in needs no name. Attestation isn't requested: any authenticator
will do, and no certificate of one is parsed.

`webauthn` takes a fifth of a second to import, and is an extra. It is imported
by the first call: call `load` in a thread before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Self
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from msrv.hostnames import address_of
from msrv.passkeys import ResponseInvalid
from msrv.passkeys.challenges import SECONDS, Challenge
from msrv.proofs.encoding import decode
from msrv.proofs.errors import Forged

MAX_CREDENTIAL_BYTES: Final = 1023
"""Longest id of a credential (section 4)."""
_TRANSPORTS: Final = frozenset(
    {"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}
)
_FORMATS: Final = frozenset({"none", "packed"})
"""Formats of attestation by the authenticator itself, or by nobody."""
_MALFORMED: Final = (
    ArithmeticError,
    AttributeError,
    InvalidSignature,
    LookupError,
    RecursionError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
)
"""Exceptions of a response's parsers, besides the library's own."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The store, as browsers know it.

    A passkey belongs to `host`, and is used at `origin`, such as
    `https://shop.example`, only. `name` is shown beside it.
    """

    host: str
    origin: str
    name: str

    @classmethod
    def of(cls, base_url: str, name: str) -> Self | None:
        """Return the store at an address, None where there are no passkeys.

        Browsers have them over HTTPS, at a name rather than an IP address.
        """
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        if parts.scheme != "https" or not host or address_of(host):
            return None
        return cls(host, base_url, name or host)

    def user_handle(self, operator_id: str) -> bytes:
        """Return the id of an operator's account, 32 bytes.

        The same on every replica and under every NONCE. An authenticator
        reveals it only to this store, and only after verifying its user.
        """
        text = f"msrv passkey\0{self.host}\0{operator_id}"
        return sha256(text.encode("utf-8")).digest()


@dataclass(frozen=True, slots=True)
class Registration:
    """A browser's response to the options of a new passkey, in base64url."""

    credential_id: str
    client_data: str
    attestation: str
    transports: str = ""
    """Separated by spaces; unknown ones are left out."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """A browser's response to the options of a sign-in, in base64url."""

    credential_id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str


@dataclass(frozen=True, slots=True)
class Credential:
    """A new credential: what is stored of a passkey.

    `public_key` is a COSE key (RFC 9052). `sign_count` is 0 in authenticators
    that don't count.
    """

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]


def load() -> None:
    """Import the library. Blocks, the first time."""
    import webauthn  # noqa: F401, PLC0415 - slow to import, and an extra


def registration_options(
    party: RelyingParty,
    challenge: Challenge,
    operator_id: str,
    user_name: str,
    existing: Iterable[bytes],
) -> dict[str, Any]:
    """Return the options of a new passkey, as JSON.

    `existing` are the ids of the operator's credentials: an authenticator
    that has one of them makes no second one.
    """
    from webauthn import generate_registration_options  # noqa: PLC0415 - extra
    from webauthn.helpers.options_to_json_dict import (  # noqa: PLC0415 - extra
        options_to_json_dict,
    )
    from webauthn.helpers.structs import (  # noqa: PLC0415 - extra
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    return options_to_json_dict(
        generate_registration_options(
            rp_id=party.host,
            rp_name=party.name,
            user_name=user_name,
            user_id=party.user_handle(operator_id),
            challenge=challenge.value,
            timeout=SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(each) for each in existing
            ],
        )
    )


def sign_in_options(
    party: RelyingParty, challenge: Challenge
) -> dict[str, Any]:
    """Return the options of a sign-in by any passkey of the store, as JSON."""
    from webauthn import (  # noqa: PLC0415 - extra
        generate_authentication_options,
    )
    from webauthn.helpers.options_to_json_dict import (  # noqa: PLC0415 - extra
        options_to_json_dict,
    )
    from webauthn.helpers.structs import (  # noqa: PLC0415 - extra
        UserVerificationRequirement,
    )

    return options_to_json_dict(
        generate_authentication_options(
            rp_id=party.host,
            challenge=challenge.value,
            timeout=SECONDS * 1000,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def verify_registration(
    party: RelyingParty, challenge: Challenge, response: Registration
) -> Credential:
    """Return the credential of a response (section 7.1).

    Raises ResponseInvalid.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415 - extra
    from webauthn.helpers import (  # noqa: PLC0415 - extra
        parse_attestation_object,
    )
    from webauthn.helpers.exceptions import (  # noqa: PLC0415 - extra
        WebAuthnException,
    )
    from webauthn.helpers.structs import (  # noqa: PLC0415 - extra
        AuthenticatorAttestationResponse,
        RegistrationCredential,
    )

    raw_id = _bytes(response.credential_id)
    if not 0 < len(raw_id) <= MAX_CREDENTIAL_BYTES:
        raise ResponseInvalid("the id of the credential has a wrong length")
    attestation = _bytes(response.attestation)
    try:
        stated = parse_attestation_object(attestation)
        if stated.fmt not in _FORMATS or stated.att_stmt.x5c:
            raise ResponseInvalid("attestation that was not requested")
        found = verify_registration_response(
            credential=RegistrationCredential(
                id=response.credential_id,
                raw_id=raw_id,
                response=AuthenticatorAttestationResponse(
                    client_data_json=_bytes(response.client_data),
                    attestation_object=attestation,
                ),
            ),
            expected_challenge=challenge.value,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED) as error:
        raise ResponseInvalid(f"{type(error).__name__}") from error
    if found.credential_id != raw_id:
        raise ResponseInvalid("the ids of the credential differ")
    return Credential(
        raw_id,
        found.credential_public_key,
        found.sign_count,
        tuple(sorted(_TRANSPORTS.intersection(response.transports.split()))),
    )


def verify_sign_in(
    party: RelyingParty,
    challenge: Challenge,
    response: Authentication,
    public_key: bytes,
    operator_id: str,
) -> int:
    """Return the sign count of a genuine response (section 7.2).

    Compare the count with the one that is known in the transaction that
    stores it: another replica may be verifying another response. Raises
    ResponseInvalid.
    """
    from webauthn import (  # noqa: PLC0415 - extra
        verify_authentication_response,
    )
    from webauthn.helpers.exceptions import (  # noqa: PLC0415 - extra
        WebAuthnException,
    )
    from webauthn.helpers.structs import (  # noqa: PLC0415 - extra
        AuthenticationCredential,
        AuthenticatorAssertionResponse,
    )

    handle = _bytes(response.user_handle)
    if handle != party.user_handle(operator_id):
        raise ResponseInvalid("the passkey is of another operator")
    try:
        found = verify_authentication_response(
            credential=AuthenticationCredential(
                id=response.credential_id,
                raw_id=_bytes(response.credential_id),
                response=AuthenticatorAssertionResponse(
                    client_data_json=_bytes(response.client_data),
                    authenticator_data=_bytes(response.authenticator_data),
                    signature=_bytes(response.signature),
                    user_handle=handle,
                ),
            ),
            expected_challenge=challenge.value,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, *_MALFORMED) as error:
        raise ResponseInvalid(f"{type(error).__name__}") from error
    return found.new_sign_count


def is_regress(known: int, stated: int) -> bool:
    """Return whether a sign count shows that a passkey was copied.

    It increases with each use, unless both are 0 (section 6.1.1).
    """
    return (known, stated) != (0, 0) and stated <= known


def _bytes(text: str) -> bytes:
    """Return what a text in base64url states. Raises ResponseInvalid."""
    try:
        return decode(text)
    except Forged:
        raise ResponseInvalid("not in base64url") from None
