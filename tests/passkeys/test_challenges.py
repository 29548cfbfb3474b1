# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Challenges are the store's own, for one use by one sign-in."""

import secrets
from dataclasses import replace

import pytest

from msrv.passkeys import ChallengeExpired, ChallengeInvalid, challenges
from msrv.passkeys.challenges import ChallengeKind
from msrv.proofs.keyring import Keyring

NOON = 1_800_000_000
BOUND = ("0123456789ab", "fedcba987654")


def made(keyring: Keyring) -> challenges.Challenge:
    return challenges.issue(
        keyring, ChallengeKind.ADD, NOON, secrets.token_bytes, *BOUND
    )


def test_challenge_is_read_until_five_minutes_later(keyring: Keyring) -> None:
    issued = made(keyring)
    assert len(issued.text) == 48
    for now in (NOON, NOON + 299):
        assert (
            challenges.read(
                keyring, ChallengeKind.ADD, now, issued.text, *BOUND
            )
            == issued
        )
    with pytest.raises(ChallengeExpired):
        challenges.read(
            keyring, ChallengeKind.ADD, NOON + 300, issued.text, *BOUND
        )


def test_two_challenges_differ(keyring: Keyring) -> None:
    assert made(keyring).number != made(keyring).number


@pytest.mark.parametrize(
    "bound", [(), BOUND[:1], BOUND[::-1], ("".join(BOUND), ""), (*BOUND, "")]
)
def test_challenge_is_bound_to_its_sign_in(
    keyring: Keyring, bound: tuple[str, ...]
) -> None:
    with pytest.raises(ChallengeInvalid):
        challenges.read(
            keyring, ChallengeKind.ADD, NOON, made(keyring).text, *bound
        )


def test_challenge_is_bound_to_its_purpose(keyring: Keyring) -> None:
    with pytest.raises(ChallengeInvalid):
        challenges.read(
            keyring, ChallengeKind.SIGN_IN, NOON, made(keyring).text, *BOUND
        )


def test_no_other_text_is_a_challenge(keyring: Keyring) -> None:
    text = made(keyring).text
    forged = [text[:at] + "~" + text[at + 1 :] for at in (0, 20, 47)]
    forged += [
        text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        for at in range(48)
    ]
    for each in (*forged, "", text[:-1], text + "A", "A" * 48):
        with pytest.raises(ChallengeInvalid):
            challenges.read(keyring, ChallengeKind.ADD, NOON, each, *BOUND)


def test_only_the_present_nonce_makes_challenges(keyring: Keyring) -> None:
    """A former NONCE gives no access, as with sign-in links."""
    former = Keyring.from_nonces("another nonce: 3fQ8-zzL1-Pq09-mmTw-kkE2")
    with_former = replace(
        keyring, generations=(*keyring.generations, former.current)
    )
    with pytest.raises(ChallengeInvalid):
        challenges.read(
            with_former, ChallengeKind.ADD, NOON, made(former).text, *BOUND
        )
