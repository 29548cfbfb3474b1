# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of passkeys: which there are, and when each was last used.

The functions that write need one `Database.write_transaction`: there is no
other writer meanwhile, so that of two replicas one uses a challenge, and none
misses that a sign count went back.
"""

from hashlib import sha256
from typing import Final

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import passkeys
from msrv.ledger.db.sign_in_rows import SignInRows
from msrv.ledger.passkeys.model import Passkey
from msrv.passkeys import (
    ChallengeUsed,
    PasskeyCopied,
    PasskeyExists,
    PasskeyUnknown,
    TooManyPasskeys,
)
from msrv.passkeys.ceremonies import is_regress
from msrv.passkeys.challenges import Challenge
from msrv.proofs.encoding import decode, encode

MAX_PASSKEYS: Final = 20
"""Passkeys of one operator."""
_DAY_SECONDS: Final = 86_400


async def list_passkeys(connection: AsyncConnection) -> list[Passkey]:
    """Return the passkeys of all operators, the newest first."""
    rows = await connection.execute(
        select(passkeys)
        .where(passkeys.c.ended_at.is_(None))
        .order_by(passkeys.c.created_at.desc(), passkeys.c.passkey_id)
    )
    return [_passkey(row) for row in rows]


async def find_passkey(
    connection: AsyncConnection, credential_id: bytes
) -> Passkey:
    """Return the passkey with a credential. Raises PasskeyUnknown."""
    row = (
        await connection.execute(
            select(passkeys).where(
                passkeys.c.credential_sha256 == _digest(credential_id),
                passkeys.c.ended_at.is_(None),
            )
        )
    ).first()
    if row is None:
        raise PasskeyUnknown("no such passkey")
    return _passkey(row)


async def add_passkey(
    connection: AsyncConnection,
    passkey: Passkey,
    challenge: Challenge,
    now: int,
) -> None:
    """Add a passkey, and use up the challenge of its registration.

    Raises ChallengeUsed, PasskeyExists, TooManyPasskeys.
    """
    await _use_challenge(connection, challenge, now)
    digest = _digest(passkey.credential_id)
    if await connection.scalar(
        select(passkeys.c.passkey_id).where(
            passkeys.c.credential_sha256 == digest
        )
    ):
        raise PasskeyExists("the passkey was added before")
    held = await connection.scalar(
        select(func.count())
        .select_from(passkeys)
        .where(
            passkeys.c.operator_id == passkey.operator_id,
            passkeys.c.ended_at.is_(None),
        )
    )
    if (held or 0) >= MAX_PASSKEYS:
        raise TooManyPasskeys(f"{held} passkeys")
    await connection.execute(
        insert(passkeys),
        {
            "passkey_id": passkey.passkey_id,
            "operator_id": passkey.operator_id,
            "name": passkey.name,
            "credential_sha256": digest,
            "credential_id": encode(passkey.credential_id),
            "public_key": encode(passkey.public_key),
            "sign_count": passkey.sign_count,
            "transports": " ".join(passkey.transports),
            "tag": passkey.tag,
            "created_at": passkey.created_at,
            "last_used_day": None,
            "ended_at": None,
        },
    )


async def use_passkey(
    connection: AsyncConnection,
    passkey: Passkey,
    sign_count: int,
    challenge: Challenge,
    now: int,
) -> None:
    """Record a sign-in by a passkey, and use up its challenge.

    `sign_count` is that of the response. Raises ChallengeUsed,
    PasskeyUnknown where it was removed meanwhile, PasskeyCopied.
    """
    await _use_challenge(connection, challenge, now)
    known = await find_passkey(connection, passkey.credential_id)
    if is_regress(known.sign_count, sign_count):
        raise PasskeyCopied(f"passkey {known.passkey_id}")
    await connection.execute(
        update(passkeys)
        .where(passkeys.c.passkey_id == known.passkey_id)
        .values(sign_count=sign_count, last_used_day=now // _DAY_SECONDS)
    )


async def end_passkey(
    connection: AsyncConnection,
    passkey_id: str,
    now: int,
    *,
    operator_id: str | None = None,
) -> None:
    """End a passkey for good; one of this operator, unless it is None.

    Raises PasskeyUnknown.
    """
    chosen = [
        passkeys.c.passkey_id == passkey_id,
        passkeys.c.ended_at.is_(None),
    ]
    if operator_id is not None:
        chosen.append(passkeys.c.operator_id == operator_id)
    ended = await connection.execute(
        update(passkeys).where(*chosen).values(ended_at=now)
    )
    if not ended.rowcount:
        raise PasskeyUnknown(f"no passkey {passkey_id}")


async def _use_challenge(
    connection: AsyncConnection, challenge: Challenge, now: int
) -> None:
    if not await SignInRows(connection).use_link(
        challenge.number, challenge.expires_at, now
    ):
        raise ChallengeUsed("the challenge was used before")


def _digest(credential_id: bytes) -> str:
    """Return what finds a credential: ids are too long for an index."""
    return sha256(credential_id).hexdigest()


def _passkey(row: "Row[tuple[object, ...]]") -> Passkey:
    return Passkey(
        passkey_id=row.passkey_id,
        operator_id=row.operator_id,
        name=row.name,
        credential_id=decode(row.credential_id),
        public_key=decode(row.public_key),
        sign_count=row.sign_count,
        transports=tuple(row.transports.split()),
        tag=row.tag,
        created_at=row.created_at,
        last_used_day=row.last_used_day,
    )
