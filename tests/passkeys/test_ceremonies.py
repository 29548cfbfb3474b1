# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Responses of authenticators: genuine ones are accepted, no others."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.passkeys import ResponseInvalid, challenges
from msrv.passkeys.ceremonies import (
    Authentication,
    Credential,
    Registration,
    RelyingParty,
    is_regress,
    registration_options,
    sign_in_options,
    verify_registration,
    verify_sign_in,
)
from msrv.passkeys.challenges import Challenge, ChallengeKind
from msrv.proofs.encoding import encode
from msrv.proofs.keyring import Keyring
from tests.passkeys.authenticator import PRESENT, VERIFIED, Authenticator

NOON = 1_800_000_000
OPERATOR = "0123456789ab"
PARTY = RelyingParty("shop.example", "https://shop.example", "Lost Property")


@pytest.fixture
def challenge(keyring: Keyring) -> Challenge:
    """A challenge."""
    return challenges.issue(
        keyring, ChallengeKind.ADD, NOON, secrets.token_bytes
    )


@dataclass(frozen=True, slots=True)
class Added:
    """An authenticator with a passkey of the store."""

    device: Authenticator
    credential: Credential
    challenge: Challenge

    def respond(self, **options: str) -> Authentication:
        """Return the response to a sign-in."""
        fields = self.device.get(
            sign_in_options(PARTY, self.challenge), **options
        )
        fields["credential_id"] = fields.pop("id")
        return Authentication(**fields)

    def verify(
        self, response: Authentication, operator_id: str = OPERATOR
    ) -> int:
        """Verify a response; return its sign count."""
        return verify_sign_in(
            PARTY,
            self.challenge,
            response,
            self.credential.public_key,
            operator_id,
        )


def register(
    challenge: Challenge,
    device: Authenticator,
    **options: Any,  # noqa: ANN401 - of the authenticator
) -> Credential:
    fields = device.create(
        registration_options(PARTY, challenge, OPERATOR, "jo", []), **options
    )
    return verify_registration(
        PARTY,
        challenge,
        Registration(
            fields["id"],
            fields["client_data"],
            fields["attestation"],
            fields["transports"],
        ),
    )


@pytest.fixture
def added(challenge: Challenge) -> Added:
    """A passkey."""
    device = Authenticator()
    return Added(device, register(challenge, device), challenge)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://shop.example", "shop.example"),
        ("https://localhost:8443", "localhost"),
        ("https://xn--bcher-kva.example:444", "xn--bcher-kva.example"),
        ("http://shop.example", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]:8443", None),
        ("https://", None),
    ],
)
def test_passkeys_belong_to_a_name_over_https(
    address: str, host: str | None
) -> None:
    party = RelyingParty.of(address, "")
    assert (party and party.host) == host
    assert party is None or (party.origin, party.name) == (address, host)


def test_options_require_a_verified_user_and_a_discoverable_passkey(
    challenge: Challenge,
) -> None:
    found = registration_options(PARTY, challenge, OPERATOR, "jo", [b"held"])
    assert found["rp"] == {"id": "shop.example", "name": "Lost Property"}
    assert found["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert found["attestation"] == "none"
    assert found["excludeCredentials"] == [
        {"id": encode(b"held"), "type": "public-key"}
    ]
    assert OPERATOR not in str(found)
    asked = sign_in_options(PARTY, challenge)
    assert asked["allowCredentials"] == []
    assert asked["userVerification"] == "required"
    assert asked["rpId"] == "shop.example"


def test_account_is_the_same_for_an_operator_everywhere() -> None:
    handle = PARTY.user_handle(OPERATOR)
    assert len(handle) == 32
    assert replace(PARTY, name="Renamed").user_handle(OPERATOR) == handle
    assert PARTY.user_handle("") != handle
    assert replace(PARTY, host="b.example").user_handle(OPERATOR) != handle


def test_genuine_passkey_is_added_and_signs_in(added: Added) -> None:
    assert added.credential.credential_id == b"credential-0001!"
    assert added.credential.transports == ("hybrid", "internal")
    assert added.verify(added.respond()) == 1
    assert added.verify(added.respond()) == 2


@pytest.mark.parametrize(
    "device",
    [
        Authenticator(origin="https://shop.example.evil.example"),
        Authenticator(origin="http://shop.example"),
        Authenticator(origin="https://shop.example:444"),
        Authenticator(host="evil.example"),
        Authenticator(flags=PRESENT),
        Authenticator(flags=VERIFIED),
        Authenticator(credential_id=b""),
        Authenticator(credential_id=b"i" * 1024),
    ],
    ids=[
        "foreign origin",
        "plain HTTP",
        "another port",
        "another store",
        "user not verified",
        "user not present",
        "no id",
        "long id",
    ],
)
def test_other_registration_is_refused(
    challenge: Challenge, device: Authenticator
) -> None:
    with pytest.raises(ResponseInvalid):
        register(challenge, device)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "webauthn.get"},
        {"fmt": "fido-u2f", "statement": {"sig": b"", "x5c": [b"no"]}},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"no"}},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"", "x5c": [b""]}},
        {"fmt": "tpm", "statement": {"ver": "2.0", "x5c": [b"no"]}},
        {"fmt": "none", "statement": {"sig": b"no"}},
        {"fmt": "unheard-of"},
    ],
    ids=str,
)
def test_other_attestation_is_refused(
    challenge: Challenge, options: dict[str, Any]
) -> None:
    with pytest.raises(ResponseInvalid):
        register(challenge, Authenticator(), **options)


def test_registration_for_another_challenge_is_refused(
    challenge: Challenge, keyring: Keyring
) -> None:
    device = Authenticator()
    other = challenges.issue(
        keyring, ChallengeKind.ADD, NOON, secrets.token_bytes
    )
    fields = device.create(
        registration_options(PARTY, other, OPERATOR, "jo", [])
    )
    with pytest.raises(ResponseInvalid):
        verify_registration(
            PARTY,
            challenge,
            Registration(
                fields["id"], fields["client_data"], fields["attestation"]
            ),
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda each: replace(each, origin="https://evil.example"),
        lambda each: replace(each, origin="https://shop.example:444"),
        lambda each: replace(each, host="evil.example"),
        lambda each: replace(each, flags=PRESENT),
        lambda each: replace(each, flags=VERIFIED),
        lambda each: replace(each, key=Authenticator().key),
        lambda each: replace(each, user_handle=""),
        lambda each: replace(each, user_handle=encode(b"u" * 32)),
    ],
    ids=[
        "foreign origin",
        "another port",
        "another store",
        "user not verified",
        "user not present",
        "another key",
        "no account",
        "another account",
    ],
)
def test_other_sign_in_is_refused(
    added: Added, change: Callable[[Authenticator], Authenticator]
) -> None:
    forged = replace(added, device=change(added.device))
    with pytest.raises(ResponseInvalid):
        added.verify(forged.respond())
    assert added.verify(added.respond()) == 1


def test_registration_is_no_sign_in(added: Added) -> None:
    with pytest.raises(ResponseInvalid):
        added.verify(added.respond(kind="webauthn.create"))


def test_passkey_of_another_operator_is_refused(added: Added) -> None:
    with pytest.raises(ResponseInvalid):
        added.verify(added.respond(), "fedcba987654")


def test_sign_in_for_another_challenge_is_refused(
    added: Added, keyring: Keyring
) -> None:
    other = challenges.issue(
        keyring, ChallengeKind.SIGN_IN, NOON, secrets.token_bytes
    )
    with pytest.raises(ResponseInvalid):
        replace(added, challenge=other).verify(added.respond())


FIELDS = ("client_data", "authenticator_data", "signature")
_DEVICE = Authenticator()
_CHALLENGE = Challenge(b"c" * 36, "00", NOON)
_CREATED = _DEVICE.create(
    registration_options(PARTY, _CHALLENGE, OPERATOR, "jo", [])
)
_KNOWN = Added(_DEVICE, register(_CHALLENGE, _DEVICE), _CHALLENGE)
_GENUINE = _KNOWN.respond()


@settings(max_examples=40)
@given(st.sampled_from(FIELDS), st.text(max_size=60) | st.binary(max_size=60))
def test_no_field_of_a_sign_in_breaks_it(
    name: str, value: str | bytes
) -> None:
    text = encode(value) if isinstance(value, bytes) else value
    with pytest.raises(ResponseInvalid):
        _KNOWN.verify(replace(_GENUINE, **{name: text}))


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_no_attestation_breaks_a_registration(value: bytes) -> None:
    with pytest.raises(ResponseInvalid):
        verify_registration(
            PARTY,
            _CHALLENGE,
            Registration(
                _CREATED["id"], _CREATED["client_data"], encode(value)
            ),
        )


@pytest.mark.parametrize(
    ("known", "stated", "regress"),
    [(0, 0, False), (0, 1, False), (4, 5, False), (4, 4, True), (4, 0, True)],
)
def test_sign_count_increases_unless_it_is_not_kept(
    known: int,
    stated: int,
    regress: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert is_regress(known, stated) is regress
