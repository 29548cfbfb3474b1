# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of passkeys: one use of a challenge, whatever replicas do."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from msrv.ledger.db.database import Database
from msrv.ledger.passkeys import rows
from msrv.ledger.passkeys.model import Passkey
from msrv.passkeys import (
    ChallengeUsed,
    PasskeyCopied,
    PasskeyExists,
    PasskeyUnknown,
    challenges,
)
from msrv.passkeys.ceremonies import Credential
from msrv.passkeys.challenges import Challenge, ChallengeKind
from msrv.proofs.keyring import Keyring

NOON = 1_800_000_000
CREDENTIAL = Credential(b"c" * 1023, b"key", 3, ("internal", "usb"))


def passkey_of(keyring: Keyring, credential: Credential) -> Passkey:
    return Passkey.of(
        keyring,
        credential,
        passkey_id=secrets.token_hex(6),
        operator_id="0123456789ab",
        name="Téléphone 📱",
        now=NOON,
    )


def new_challenge(keyring: Keyring) -> Challenge:
    return challenges.issue(
        keyring, ChallengeKind.SIGN_IN, NOON, secrets.token_bytes
    )


async def use(
    database: Database, passkey: Passkey, count: int, challenge: Challenge
) -> str:
    """Use a passkey; return the name of the error, or an empty text."""
    try:
        async with database.write_transaction() as connection:
            await rows.use_passkey(
                connection, passkey, count, challenge, NOON + 86_400
            )
    except (ChallengeUsed, PasskeyCopied, PasskeyUnknown) as error:
        return type(error).__name__
    return ""


async def test_passkey_is_stored_used_once_a_challenge_and_ended(
    database: Database, url: str, keyring: Keyring
) -> None:
    passkey = passkey_of(keyring, CREDENTIAL)
    other = Database(url)
    async with database.write_transaction() as connection:
        await rows.add_passkey(
            connection, passkey, new_challenge(keyring), NOON
        )
    async with other.read_transaction() as connection:
        found = await rows.find_passkey(connection, CREDENTIAL.credential_id)
        assert found == passkey
        with pytest.raises(PasskeyUnknown):
            await rows.find_passkey(connection, b"c" * 1022)

    # Of two replicas, one accepts a response.
    challenge = new_challenge(keyring)
    used = await asyncio.gather(
        *(
            use(each, passkey, count, challenge)
            for count, each in enumerate((database, other) * 2, 4)
        )
    )
    assert sorted(used) == ["", *["ChallengeUsed"] * 3]
    async with other.read_transaction() as connection:
        (found,) = await rows.list_passkeys(connection)
    assert found.last_used_day == NOON // 86_400 + 1
    assert found.sign_count == 4 + used.index("")

    # And none misses a count that the other has seen.
    count = found.sign_count
    for stated in (count, count - 1, 0):
        assert (
            await use(other, passkey, stated, new_challenge(keyring))
            == "PasskeyCopied"
        )
    again = new_challenge(keyring)
    assert await use(other, passkey, count, again) == "PasskeyCopied"
    assert await use(other, passkey, count + 1, again) == ""

    async with other.write_transaction() as connection:
        with pytest.raises(PasskeyUnknown):
            await rows.end_passkey(
                connection, passkey.passkey_id, NOON, operator_id=""
            )
        await rows.end_passkey(connection, passkey.passkey_id, NOON)
    assert (
        await use(database, passkey, count + 2, new_challenge(keyring))
        == "PasskeyUnknown"
    )
    # A credential that was removed stays so.
    with pytest.raises(PasskeyExists):
        async with database.write_transaction() as connection:
            await rows.add_passkey(
                connection,
                passkey_of(keyring, CREDENTIAL),
                new_challenge(keyring),
                NOON,
            )
    await other.close()


def test_passkey_is_genuine_as_it_was_added_under_this_nonce(
    keyring: Keyring,
) -> None:
    passkey = passkey_of(keyring, CREDENTIAL)
    assert passkey.is_genuine(keyring)
    assert replace(passkey, name="Renamed", sign_count=9).is_genuine(keyring)
    for forged in (
        replace(passkey, operator_id=""),
        replace(passkey, credential_id=b"c" * 1022),
        replace(passkey, public_key=b"another"),
        replace(passkey, tag=""),
    ):
        assert not forged.is_genuine(keyring)
    later = Keyring.from_nonces("another nonce: 3fQ8-zzL1-Pq09-mmTw-kkE2")
    both = replace(keyring, generations=(later.current, keyring.current))
    assert not passkey.is_genuine(later)
    assert not passkey.is_genuine(both)


def test_secrets_of_a_passkey_are_not_in_its_representation(
    keyring: Keyring,
) -> None:
    text = repr(passkey_of(keyring, CREDENTIAL))
    assert "key=b" not in text
    assert "cccc" not in text
